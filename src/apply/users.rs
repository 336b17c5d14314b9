//! Id maps of user namespaces.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, fstatvfs};

use crate::plan::op::Maps;
use crate::sys::mount::{self as sys, Attributes};
use crate::sys::writer;

/// What to write to the files of this process in /proc, ready to be written.
pub(super) struct Files {
    uids: Vec<u8>,
    gids: Vec<u8>,
    deny_setgroups: bool,
}

impl Files {
    /// Takes the maps over.
    pub(super) fn ready(maps: &Maps) -> Self {
        let Maps { uids, gids, deny_setgroups } = maps;
        Self { uids: uids.clone().into_bytes(), gids: gids.clone().into_bytes(), deny_setgroups: *deny_setgroups }
    }

    /// Writes the maps of the user namespace that this process has just made.
    pub(super) fn write(&self) -> Result<(), Errno> {
        let process = writer::own_directory()?;
        writer::write_all(process.as_fd(), &self.order())
    }

    /// Makes a user namespace and has its maps written from outside.
    pub(super) fn enter(&self) -> Result<(), Errno> {
        let process = writable(writer::own_directory()?)?;
        writer::enter(process.as_fd(), &self.order())
    }

    /// setgroups first: the kernel takes a gid map from a caller without CAP_SETGID only then.
    fn order(&self) -> [(&CStr, &[u8]); 3] {
        let setgroups: &[u8] = if self.deny_setgroups { b"deny" } else { b"allow" };
        [(c"setgroups", setgroups), (c"uid_map", &self.uids), (c"gid_map", &self.gids)]
    }
}

/// The same directory in a /proc of our own, attached nowhere, where that of the view is read-only by now.
fn writable(process: OwnedFd) -> Result<OwnedFd, Errno> {
    if !fstatvfs(&process)?.flags().contains(FsFlags::ST_RDONLY) {
        return Ok(process);
    }
    let context = sys::fsopen(c"proc")?;
    let own = sys::fsmount(context.as_fd(), Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC))?;
    openat(&own, c"self", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}
