//! Directories of the service. Root makes them where others may write, so no symbolic link below
//! the place of their kind is followed.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, openat, readlinkat};
use nix::sys::stat::{Mode, fchmod, fstat, mkdirat};
use nix::unistd::{Gid, Uid, fchown, symlinkat};

use crate::draft::attributes::DirectoryKind;
use crate::fault::Fault;
use crate::plan::op::MakeDirectory;

use super::c_string;

/// A directory with all it takes to make it.
pub(super) struct Act {
    /// The place of its kind, and the directories that it is in, should they have to be made.
    base: Vec<CString>,
    /// The names from there on; the last is the directory's own.
    parts: Vec<CString>,
    /// Names of the link from the same place on, and what it says.
    link: Option<(Vec<CString>, CString)>,
    mode: Mode,
    owner: Option<(Uid, Gid)>,
    /// Whether one that is there already keeps its owner and mode.
    keep: bool,
}

const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC);

impl Act {
    /// Makes it ready.
    ///
    /// # Errors
    /// Names with a NUL byte.
    pub(super) fn ready(make: &MakeDirectory) -> Result<Self, Fault> {
        let parts = |path: &str| path.split('/').map(|part| c_string(part.as_bytes())).collect::<Result<Vec<_>, _>>();
        let mut base =
            make.base.ancestors().map(|path| c_string(path.as_os_str().as_bytes())).collect::<Result<Vec<_>, _>>()?;
        base.reverse();
        let link = match &make.link {
            None => None,
            Some(link) => {
                let up = "../".repeat(link.matches('/').count());
                Some((parts(link)?, c_string(format!("{up}{}", make.name).as_bytes())?))
            }
        };
        let owner = make.owner.map(|(uid, gid)| (Uid::from_raw(uid), Gid::from_raw(gid)));
        // An administrator's configuration is not a service's to change (setup_exec_directory() of systemd's).
        let keep = make.kind == DirectoryKind::Configuration;
        Ok(Self { base, parts: parts(&make.name)?, link, mode: Mode::from_bits_truncate(make.mode), owner, keep })
    }

    /// Makes it, and gives it its owner and mode also where it was there, unless those are to stay.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        let Some((last, above)) = self.parts.split_last() else { return Err(Errno::EINVAL) };
        let parent = self.inside(above)?;
        let made = make(parent.as_fd(), last, self.mode)?;
        let directory =
            openat(&parent, last.as_c_str(), OFlag::O_RDONLY | OFlag::O_NOFOLLOW | DIRECTORY, Mode::empty())?;
        let facts = fstat(&directory)?;
        if self.keep && !made {
            return self.linked();
        }
        if let Some((uid, gid)) =
            self.owner.filter(|(uid, gid)| facts.st_uid != uid.as_raw() || facts.st_gid != gid.as_raw())
        {
            fchown(&directory, Some(uid), Some(gid))?;
        }
        if facts.st_mode & 0o7777 != self.mode.bits() {
            fchmod(&directory, self.mode)?;
        }
        self.linked()
    }

    fn linked(&self) -> Result<(), Errno> {
        self.link.as_ref().map_or(Ok(()), |(parts, target)| self.link(parts, target))
    }

    /// The directory of these names below the place; those that are missing are made.
    fn inside(&self, names: &[CString]) -> Result<OwnedFd, Errno> {
        let Some(place) = self.base.last() else { return Err(Errno::EINVAL) };
        let opened = open(place.as_c_str(), OFlag::O_PATH | DIRECTORY, Mode::empty());
        let mut directory = match opened {
            Err(Errno::ENOENT) => {
                for path in &self.base {
                    // The XDG base directories are nobody else's business.
                    make(AT_FDCWD, path, Mode::S_IRWXU)?;
                }
                open(place.as_c_str(), OFlag::O_PATH | DIRECTORY, Mode::empty())?
            }
            other => other?,
        };
        for name in names {
            make(directory.as_fd(), name, Mode::from_bits_truncate(0o755))?;
            directory =
                openat(&directory, name.as_c_str(), OFlag::O_PATH | OFlag::O_NOFOLLOW | DIRECTORY, Mode::empty())?;
        }
        Ok(directory)
    }

    fn link(&self, parts: &[CString], target: &CStr) -> Result<(), Errno> {
        let Some((last, above)) = parts.split_last() else { return Err(Errno::EINVAL) };
        let parent = self.inside(above)?;
        match symlinkat(target, &parent, last.as_c_str()) {
            Err(Errno::EEXIST) if readlinkat(&parent, last.as_c_str())?.as_bytes() == target.to_bytes() => Ok(()),
            other => other,
        }
    }
}

/// mkdirat(2), whatever the umask; one that is there is fine, and then the answer is no.
fn make(parent: std::os::fd::BorrowedFd<'_>, name: &CStr, mode: Mode) -> Result<bool, Errno> {
    match mkdirat(parent, name, mode) {
        Err(Errno::EEXIST) => Ok(false),
        other => other.map(|()| true),
    }
}
