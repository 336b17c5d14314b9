//! Id maps of user namespaces.

use std::ffi::CStr;
use std::os::fd::AsFd;

use nix::errno::Errno;

use crate::plan::op::Maps;
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
        let process = writer::own_directory()?;
        writer::enter(process.as_fd(), &self.order())
    }

    /// setgroups first: the kernel takes a gid map from a caller without CAP_SETGID only then.
    fn order(&self) -> [(&CStr, &[u8]); 3] {
        let setgroups: &[u8] = if self.deny_setgroups { b"deny" } else { b"allow" };
        [(c"setgroups", setgroups), (c"uid_map", &self.uids), (c"gid_map", &self.gids)]
    }
}
