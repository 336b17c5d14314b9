//! Mount points: where something is mounted, and how what is missing is made.
//!
//! Root may be asked to make one in a directory of somebody else's, who can put a symlink in the way of it at any
//! moment. Nothing is made behind a symlink of anybody but the caller and the owner of `/`; that holds for the links
//! that a link leads through, too.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat, mknodat, stat, umask};
use nix::unistd::{dup, geteuid};

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
        let mut way = Way { owner: stat(c"/")?.st_uid, caller: geteuid().as_raw(), links: MOST_LINKS };
        let mut directory = root()?;
        for parent in &self.parents {
            directory = way.enter(directory.as_fd(), name(parent)?, Missing::Make)?;
        }
        let name = name(&self.path)?;
        if like.is_none_or(is_directory) {
            present(mkdirat(&directory, name, Mode::from_bits_truncate(0o755)))
        } else {
            present(mknodat(&directory, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o444), 0))
        }
    }

    /// Whether a symlink is here or on the way here.
    ///
    /// # Errors
    /// Something on the way cannot be looked at, so nobody knows. What is missing is no link.
    pub(super) fn has_link(&self) -> Result<bool, Errno> {
        for path in self.parents.iter().chain([&self.path]) {
            match again(|| fstatat(AT_FDCWD, path.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)) {
                Ok(at) if is_link(&at) => return Ok(true),
                Ok(_) => {}
                Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(false),
                Err(other) => return Err(other),
            }
        }
        Ok(false)
    }
}

/// A descriptor that only names something.
const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// So many links may be on a way, as for the kernel (MAXSYMLINKS).
const MOST_LINKS: u32 = 40;

/// A way through directories, and whose links it may take.
struct Way {
    /// Of `/`.
    owner: u32,
    caller: u32,
    /// How many links it may still take.
    links: u32,
}

impl Way {
    /// The directory of a name.
    fn enter(&mut self, at: BorrowedFd<'_>, name: &CStr, missing: Missing) -> Result<OwnedFd, Errno> {
        let look = || again(|| openat(at, name, PLACE | OFlag::O_NOFOLLOW, Mode::empty()));
        let found = match look() {
            Err(Errno::ENOENT) if missing == Missing::Make => {
                present(mkdirat(at, name, Mode::from_bits_truncate(0o755)))?;
                look()?
            }
            other => other?,
        };
        let facts = fstat(&found)?;
        if !is_link(&facts) {
            return Ok(found);
        }
        if !self.trusts(&facts, &fstat(at)?) {
            return Err(Errno::ELOOP);
        }
        self.follow(at, found.as_fd())
    }

    /// Where this very link leads, whatever has its name by now; the links on that way are judged like it.
    fn follow(&mut self, at: BorrowedFd<'_>, link: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
        self.links = self.links.checked_sub(1).ok_or(Errno::ELOOP)?;
        let mut text = [0; 4096];
        let says = sys::read_link(link, &mut text)?;
        let mut directory = if says.first() == Some(&b'/') { root()? } else { again(|| dup(at))? };
        for name in says.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let mut room = [0; NAME_MAX + 1];
            room.get_mut(..name.len())
                .filter(|_| name.len() <= NAME_MAX)
                .ok_or(Errno::ENAMETOOLONG)?
                .copy_from_slice(name);
            let name = CStr::from_bytes_until_nul(&room).map_err(|_| Errno::EINVAL)?;
            directory = self.enter(directory.as_fd(), name, Missing::Fail)?;
        }
        Ok(directory)
    }

    /// Whether a link may be followed. In a user namespace everybody else looks like the owner of `/`, so there the
    /// directory decides: nobody else can put a link into one of his.
    fn trusts(&self, link: &FileStat, directory: &FileStat) -> bool {
        let everybodys = directory.st_mode & 0o002 != 0;
        link.st_uid == self.caller || (link.st_uid == self.owner && (self.owner == 0 || !everybodys))
    }
}

/// The longest name in a directory (limits.h).
const NAME_MAX: usize = 255;

fn root() -> Result<OwnedFd, Errno> {
    again(|| open(c"/", PLACE | OFlag::O_DIRECTORY, Mode::empty()))
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
