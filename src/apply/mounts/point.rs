//! Mount points: where something is mounted, and how what is missing is made.
//!
//! Root may be asked to make one in a directory of somebody else's, who can put a symlink in the way of it at any
//! moment. Nothing is made behind a symlink of anybody but the caller and the owner of `/`.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat, mknodat, stat, umask};
use nix::unistd::geteuid;

use crate::plan::mounts::Missing;
use crate::sys::mount as sys;

use super::again;

/// A path, and all the directories that it is in, should they have to be made.
#[derive(Debug)]
pub(in crate::apply) struct Target {
    pub(super) path: CString,
    pub(super) parents: Box<[CString]>,
}

impl Target {
    /// Mounts a detached tree here.
    pub(super) fn attach(&self, tree: &OwnedFd, missing: Missing) -> Result<(), Errno> {
        match sys::move_mount(tree.as_fd(), AT_FDCWD, &self.path) {
            Err(Errno::ENOENT) if missing == Missing::Make => {
                self.make(Some(&fstat(tree)?))?;
                sys::move_mount(tree.as_fd(), AT_FDCWD, &self.path)
            }
            other => other,
        }
    }

    /// Makes the mount point: a directory, or an empty file for what is no directory.
    pub(super) fn make(&self, like: Option<&FileStat>) -> Result<(), Errno> {
        let _mask = exact_modes();
        let (owner, caller) = (stat(c"/")?.st_uid, geteuid().as_raw());
        let trusted = |found: &FileStat| found.st_uid == owner || found.st_uid == caller;
        let mut directory = again(|| open(c"/", PLACE | OFlag::O_DIRECTORY, Mode::empty()))?;
        for parent in &self.parents {
            directory = enter(directory.as_fd(), name(parent)?, trusted)?;
        }
        let name = name(&self.path)?;
        if like.is_none_or(is_directory) {
            present(mkdirat(&directory, name, Mode::from_bits_truncate(0o755)))
        } else {
            present(mknodat(&directory, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o444), 0))
        }
    }

    /// Whether a symlink is here or on the way here.
    pub(super) fn has_link(&self) -> bool {
        let all = self.parents.iter().chain([&self.path]);
        all.map_while(|path| fstatat(AT_FDCWD, path.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW).ok())
            .any(|at| is_link(&at))
    }
}

/// A descriptor that only names something.
const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// The directory of a name, made if it is missing.
fn enter(at: BorrowedFd<'_>, name: &CStr, trusted: impl Fn(&FileStat) -> bool) -> Result<OwnedFd, Errno> {
    let look = || again(|| openat(at, name, PLACE | OFlag::O_NOFOLLOW, Mode::empty()));
    let found = match look() {
        Err(Errno::ENOENT) => {
            present(mkdirat(at, name, Mode::from_bits_truncate(0o755)))?;
            look()?
        }
        other => other?,
    };
    let facts = fstat(&found)?;
    if !is_link(&facts) {
        return Ok(found);
    }
    if !trusted(&facts) {
        return Err(Errno::ELOOP);
    }
    // What this very link says, whatever has its name by now.
    let says = readlinkat(&found, c"")?;
    again(|| openat(at, says.as_os_str().as_bytes(), PLACE | OFlag::O_DIRECTORY, Mode::empty()))
}

/// The last name of a path.
fn name(path: &CStr) -> Result<&CStr, Errno> {
    let bytes = path.to_bytes_with_nul();
    let start = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    CStr::from_bytes_with_nul(&bytes[start..]).map_err(|_| Errno::EINVAL)
}

/// It is fine if it is there already.
pub(super) fn present(made: Result<(), Errno>) -> Result<(), Errno> {
    match made {
        Err(Errno::EEXIST) => Ok(()),
        other => other,
    }
}

pub(super) fn is_directory(found: &FileStat) -> bool {
    kind(found) == SFlag::S_IFDIR
}

fn is_link(found: &FileStat) -> bool {
    kind(found) == SFlag::S_IFLNK
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

/// Until it is dropped, what is made has exactly the mode that it is made with.
pub(super) fn exact_modes() -> impl Drop {
    struct Restore(Mode);
    impl Drop for Restore {
        fn drop(&mut self) {
            umask(self.0);
        }
    }
    Restore(umask(Mode::empty()))
}
