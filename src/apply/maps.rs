//! Writes id maps (user_namespaces(7)).

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::write;

use crate::plan::op::Maps;

/// The own maps, written from inside the new namespace: the one line that anybody may write.
pub(super) struct Act {
    uids: String,
    gids: String,
    deny_setgroups: bool,
}

impl Act {
    pub(super) fn new(maps: &Maps) -> Self {
        Self { uids: maps.uids.clone(), gids: maps.gids.clone(), deny_setgroups: maps.deny_setgroups }
    }

    pub(super) fn perform(&self) -> Result<(), Errno> {
        if self.deny_setgroups {
            put(c"/proc/self/setgroups", b"deny")?;
        }
        put(c"/proc/self/uid_map", self.uids.as_bytes())?;
        put(c"/proc/self/gid_map", self.gids.as_bytes())
    }
}

/// One write into one file of procfs, and of procfs only: whoever mounted something else on /proc would
/// otherwise receive the write (CVE-2025-52881).
pub(super) fn put(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file: OwnedFd = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW, Mode::empty())?;
    if fstatfs(&file)?.filesystem_type() != PROC_SUPER_MAGIC {
        return Err(Errno::ENOTSUP);
    }
    let written = write(&file, text)?;
    if written == text.len() { Ok(()) } else { Err(Errno::EIO) }
}
