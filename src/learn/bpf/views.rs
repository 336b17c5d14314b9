//! Where paths lead for those who are watched, who may have another root directory or other mounts than this process.

use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::learn::reading::Real;
use crate::learn::used::is_gone;

/// The roots of those who are watched.
#[derive(Default)]
pub(super) struct Views {
    own: Real,
    /// By the kernel's name of the root: nothing where it is this process's own.
    known: HashMap<(u64, u64), Option<(Real, File)>>,
    /// Those of whom nobody could be looked at.
    closed: HashSet<(u64, u64)>,
}

impl Views {
    /// Where the paths of a thread with this root lead. Of one that has ended, or that may not be looked at, nothing
    /// better is known than that they lead where ours do.
    pub(super) fn of(&mut self, root: (u64, u64), thread: u32, unread: &Cell<u64>) -> &mut Real {
        if let Entry::Vacant(place) = self.known.entry(root) {
            match open(thread) {
                Ok(view) => {
                    place.insert(view);
                }
                Err(error) if is_gone(&error) => {}
                // Once for each root: the next one with it may be looked at.
                Err(_) => unread.set(unread.get() + u64::from(self.closed.insert(root))),
            }
        }
        match self.known.get_mut(&root) {
            Some(Some((real, _))) => real,
            _ => &mut self.own,
        }
    }

    /// Whether there is something with this path for any of them.
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.own.exists(path) || self.known.values().flatten().any(|(real, _)| real.exists(path))
    }
}

/// A thread's root, which stays when the thread ends; nothing where it is the same as ours.
fn open(thread: u32) -> io::Result<Option<(Real, File)>> {
    let (root, namespace) = (format!("/proc/{thread}/root"), format!("/proc/{thread}/ns/mnt"));
    let theirs = (fs::metadata(&root)?, fs::read_link(namespace)?);
    let ours = (fs::metadata("/")?, fs::read_link("/proc/self/ns/mnt")?);
    if (theirs.0.dev(), theirs.0.ino(), theirs.1) == (ours.0.dev(), ours.0.ino(), ours.1) {
        return Ok(None);
    }
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(root)?;
    let real = Real::below(PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())));
    Ok(Some((real, file)))
}
