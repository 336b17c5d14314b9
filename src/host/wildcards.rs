//! The files that a path with wildcards stands for (glob(7)), as glob(3) finds them without flags.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::sys::facts;

/// More than anybody means.
const MOST: usize = 4096;

/// The files that there are, in the order of their names; where nothing matches it is as if a file were missing. What cannot
/// be looked into has nothing in it.
///
/// # Errors
/// Nothing matches, or far too much.
pub(super) fn files(pattern: &str) -> io::Result<Vec<PathBuf>> {
    if !pattern.contains(['*', '?', '[', '\\']) {
        return Ok(vec![pattern.into()]);
    }
    let mut found = vec![PathBuf::from("/")];
    for component in Path::new(pattern).components() {
        let part = match component {
            Component::Normal(part) => part,
            Component::ParentDir => OsStr::new(".."),
            _ => continue,
        };
        found = found.iter().flat_map(|directory| within(directory, part)).take(MOST + 1).collect();
        if found.len() > MOST {
            return Err(io::Error::other(format!("`{pattern}` stands for more than {MOST} files")));
        }
    }
    found.retain(|path| fs::symlink_metadata(path).is_ok());
    found.sort();
    if found.is_empty() { Err(io::Error::new(io::ErrorKind::NotFound, "no file matches")) } else { Ok(found) }
}

/// The paths below a directory that one part of a pattern stands for.
fn within(directory: &Path, part: &OsStr) -> Vec<PathBuf> {
    let bytes = part.as_bytes();
    if !bytes.iter().any(|byte| b"*?[".contains(byte)) {
        return vec![directory.join(OsStr::from_bytes(&plain(bytes)))];
    }
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .filter(|name| facts::matches(part, name))
        .map(|name| directory.join(name))
        .collect()
}

/// A part without its backslashes, each of which takes the meaning from what follows.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        let next = if *byte == b'\\' { rest.next() } else { None };
        out.push(*next.unwrap_or(byte));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_is_there_in_order() {
        let place = std::env::temp_dir().join(format!("stockade-wildcards-{}", std::process::id()));
        for name in ["a/2.env", "a/1.env", "a/.hidden.env", "b/3.env", "a/x[1]"] {
            let path = place.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, "").expect("a file");
        }
        let found = |pattern: &str| -> Vec<String> {
            let all = files(&format!("{}/{pattern}", place.display())).unwrap_or_default();
            all.iter().map(|path| path.strip_prefix(&place).expect("below").display().to_string()).collect()
        };
        assert_eq!(found("*/*.env"), ["a/1.env", "a/2.env", "b/3.env"]);
        assert_eq!(found("a/[!1].env"), ["a/2.env"]);
        assert_eq!(found("a/?.env"), ["a/1.env", "a/2.env"]);
        assert_eq!(found("a/x\\[1]"), ["a/x[1]"]);
        assert_eq!(found("a/*.conf"), [""; 0]);
        assert_eq!(found("a/none"), ["a/none"], "what has no wildcards is looked for by who reads it");
        fs::remove_dir_all(&place).expect("removed");
    }
}
