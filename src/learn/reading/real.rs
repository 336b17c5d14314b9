//! Where paths really lead.

use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// Where paths really lead, remembered.
#[derive(Default)]
pub(in crate::learn) struct Real {
    /// What every path is below, for whoever looks from here; nothing where it is the same for both.
    root: Option<PathBuf>,
    known: HashMap<PathBuf, PathBuf>,
    /// How often a path could not be followed for want of permission: it is called by its own name then.
    refused: u64,
}

/// How many are remembered.
const REMEMBERED: usize = 65536;

impl Real {
    /// Of somebody whose root directory is found here.
    pub(in crate::learn) fn below(root: PathBuf) -> Self {
        Self { root: Some(root), ..Self::default() }
    }

    /// Whether there is something at the path, which it is called by there. What cannot be looked at may be there.
    pub(in crate::learn) fn exists(&self, path: &Path) -> bool {
        let found = fs::symlink_metadata(self.there(path));
        !found.is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
    }

    /// The path as it is called here.
    fn there(&self, path: &Path) -> PathBuf {
        let below = |root: &PathBuf| root.join(path.strip_prefix("/").unwrap_or(path));
        self.root.as_ref().map_or_else(|| path.to_owned(), below)
    }

    /// Where it leads. Links of another root are followed here, and what leads out of it is nowhere.
    fn canonical(&mut self, path: &Path) -> Option<PathBuf> {
        let found = match &self.root {
            None => fs::canonicalize(path).map(Some),
            Some(root) => in_root(root, path),
        };
        self.refused += u64::from(found.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied));
        found.ok().flatten()
    }

    /// How often a path could not be followed, though whoever named it may have been able to.
    pub(in crate::learn) fn refused(&self) -> u64 {
        self.refused
    }

    /// The path without links, as far as it exists; a link at its end is followed only if asked for.
    pub(in crate::learn) fn path(&mut self, path: &Path, follow: bool) -> PathBuf {
        let path = lexical(path);
        if path.starts_with("/proc") {
            return path;
        }
        if follow && fs::symlink_metadata(self.there(&path)).is_ok_and(|found| found.is_symlink()) {
            return self.canonical(&path).unwrap_or(path);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return path };
        if let Some(real) = self.known.get(parent) {
            return real.join(name);
        }
        let Some(real) = self.canonical(parent) else { return path };
        if self.known.len() < REMEMBERED {
            self.known.insert(parent.to_owned(), real.clone());
        }
        real.join(name)
    }
}

/// How many links are followed (MAXSYMLINKS).
const LINKS: usize = 40;

/// Follows the links of a path below a root that is not ours, as far as it exists.
fn in_root(root: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let mut rest: Vec<_> = path.components().rev().map(|part| part.as_os_str().to_owned()).collect();
    let (mut out, mut links) = (PathBuf::from("/"), 0);
    while let Some(part) = rest.pop() {
        let Some(component) = Path::new(&part).components().next() else { return Ok(None) };
        match component {
            Component::RootDir => out = PathBuf::from("/"),
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(name) => {
                let next = out.join(name);
                let here = root.join(next.strip_prefix("/").unwrap_or(&next));
                if fs::symlink_metadata(&here)?.is_symlink() {
                    links += 1;
                    if links > LINKS {
                        return Ok(None);
                    }
                    let to = fs::read_link(&here)?;
                    rest.extend(to.components().rev().map(|part| part.as_os_str().to_owned()));
                } else {
                    out = next;
                }
            }
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(Some(out))
}

/// The path without `.` and `..`.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_dots() {
        assert_eq!(lexical(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(lexical(Path::new("/../..")), Path::new("/"));
    }

    #[test]
    fn links_are_followed_as_far_as_there_are_any() {
        let mut real = Real::default();
        assert_eq!(real.path(Path::new("/proc/self/exe"), true), Path::new("/proc/self/exe"));
        assert_eq!(real.path(Path::new("/nowhere/at/all"), true), Path::new("/nowhere/at/all"));
    }
}
