//! Paths as they are written become paths of this host: specifiers, and `.` alone.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::draft::By;
use crate::fault::Fault;
use crate::host::Host;

use super::{specifier, target};

/// The directory that stockade was started in, for `.` alone; nothing where naming it would open
/// far more than one project: `/`, /home, /root, and the caller's home or anything above it.
pub fn here(host: &Host) -> Option<&Path> {
    let directory = host.directory.as_path();
    let broad = ["/", "/home", "/root"].iter().any(|path| directory == Path::new(path));
    let home = !host.home.as_os_str().is_empty() && host.home.starts_with(directory);
    (directory.is_absolute() && !broad && !home).then_some(directory)
}

/// Whether there is nothing to do about a path: absolute, without specifiers, and for certain without `.`, `..` and
/// needless separators.
fn plain(path: &[u8]) -> bool {
    let harmless = |pair: &[u8]| !matches!(pair, [b'/', b'/' | b'.']) && pair[1] != b'%';
    path.first() == Some(&b'/') && path.windows(2).all(harmless) && (path.len() == 1 || path.last() != Some(&b'/'))
}

/// The path with its specifiers expanded and needless separators removed. Nothing for a `.` that
/// is left out (see [`here`]).
pub fn expand(host: &Host, path: &Path, by: &By) -> Result<Option<PathBuf>, Fault> {
    if path.as_os_str() == "." {
        return Ok(here(host).map(Path::to_path_buf));
    }
    if plain(path.as_os_str().as_bytes()) {
        return Ok(Some(path.to_path_buf()));
    }
    let expanded = match path.to_str().filter(|text| text.contains('%')) {
        Some(text) => PathBuf::from(specifier::expand(text, host).map_err(|message| target::at(by, message))?),
        None => path.to_path_buf(),
    };
    let refuse = |why: &str| {
        let mut fault = Fault::new(format!("`{}` {why}", expanded.display())).label(format!("in {}", by.directive));
        fault.origin.clone_from(&by.origin);
        Err(fault)
    };
    if !expanded.is_absolute() {
        return refuse("is not an absolute path");
    }
    if expanded.components().any(|part| part == Component::ParentDir) {
        return refuse("goes up by `..`, which a policy cannot");
    }
    Ok(Some(expanded.components().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            uid: 1000,
            home: "/home/u".into(),
            directory: "/home/u/work".into(),
            environment: vec![("USER".into(), "u".into()), ("XDG_RUNTIME_DIR".into(), "/run/user/1000".into())],
            ..Host::default()
        }
    }

    fn one(text: &str) -> Result<Option<PathBuf>, Fault> {
        expand(&host(), Path::new(text), &By { directive: "ReadWritePaths", origin: None })
    }

    #[test]
    fn specifiers_stand_for_the_callers_places() {
        assert_eq!(one("%h/.cache//x/"), Ok(Some("/home/u/.cache/x".into())));
        assert_eq!(one("%t/bus"), Ok(Some("/run/user/1000/bus".into())));
        assert_eq!(one("/%u-%U%%"), Ok(Some("/u-1000%".into())));
        assert_eq!(one("%T/a"), Ok(Some("/tmp/a".into())));
        assert!(one("%n").is_err());
        assert!(one("/a%").is_err());
        assert!(one("%u/x").is_err(), "not absolute");
    }

    #[test]
    fn needless_separators_and_dots_go_away() {
        let roundabout =
            [("/", "/"), ("//", "/"), ("/a/", "/a"), ("/a//b", "/a/b"), ("/a/./b", "/a/b"), ("/.a/b.", "/.a/b.")];
        for (text, expected) in roundabout {
            assert_eq!(one(text), Ok(Some(expected.into())), "{text}");
            assert_eq!(one(text).map(|path| path.map(PathBuf::into_os_string)), Ok(Some(expected.into())), "{text}");
        }
        for up in ["/..", "/a/../b", "/a/.."] {
            assert!(one(up).is_err(), "{up}");
        }
    }

    #[test]
    fn the_directory_of_the_start_is_left_out_where_it_is_broad() {
        assert_eq!(one("."), Ok(Some("/home/u/work".into())));
        for broad in ["/", "/home", "/root", "/home/u"] {
            assert_eq!(here(&Host { directory: broad.into(), ..host() }), None, "{broad}");
        }
    }
}
