//! A control group of the target's own (cgroups(7), version 2).

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat, write};

use crate::fault::Fault;
use crate::plan::op::GroupOp;

use super::c_string;

/// What the groups that stockade makes are called, with a process id behind it.
const PREFIX: &[u8] = b"stockade-";

/// The group with all texts for the kernel.
pub(super) struct Act {
    delegated: CString,
    name: CString,
    enable: Vec<u8>,
    limits: Vec<(CString, Vec<u8>)>,
}

impl Act {
    /// Makes it ready.
    ///
    /// # Errors
    /// A path with a NUL byte.
    pub(super) fn ready(group: &GroupOp) -> Result<Self, Fault> {
        let limits =
            group.limits.iter().map(|(file, text)| Ok((c_string(file.as_bytes())?, text.clone().into_bytes())));
        Ok(Self {
            delegated: c_string(group.delegated.as_os_str().as_bytes())?,
            name: c_string(group.name.as_bytes())?,
            enable: group.enable.clone().into_bytes(),
            limits: limits.collect::<Result<_, Fault>>()?,
        })
    }

    /// Makes the group, moves in, and sets the limits. The move comes first: controllers can be given
    /// to groups only below one without processes.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let delegated = open(self.delegated.as_c_str(), flags, Mode::empty())?;
        sweep(&delegated)?;
        match mkdirat(&delegated, self.name.as_c_str(), Mode::from_bits_truncate(0o755)) {
            // Of a process that had our number: empty, or else moving in would be wrong.
            Err(Errno::EEXIST) => return Err(Errno::EEXIST),
            other => other?,
        }
        let group = openat(&delegated, self.name.as_c_str(), flags, Mode::empty())?;
        put(&group, c"cgroup.procs", b"0")?;
        if !self.enable.is_empty() {
            put(&delegated, c"cgroup.subtree_control", &self.enable)?;
        }
        self.limits.iter().try_for_each(|(file, text)| put(&group, file, text))
    }
}

/// Removes the groups of stockades that are over. One that is not empty cannot be removed.
fn sweep(delegated: &OwnedFd) -> Result<(), Errno> {
    let mut entries = Dir::from_fd(delegated.try_clone().map_err(|_| Errno::EMFILE)?)?;
    for entry in entries.iter() {
        let entry = entry?;
        if entry.file_name().to_bytes().starts_with(PREFIX) {
            match unlinkat(delegated, entry.file_name(), UnlinkatFlags::RemoveDir) {
                // It is in use, somebody else was quicker, or it is somebody else's.
                Ok(()) | Err(Errno::EBUSY | Errno::ENOENT | Errno::EACCES | Errno::EPERM | Errno::ENOTDIR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

fn put(directory: &OwnedFd, file: &std::ffi::CStr, text: &[u8]) -> Result<(), Errno> {
    let file = openat(directory.as_fd(), file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    if write(&file, text)? == text.len() { Ok(()) } else { Err(Errno::EIO) }
}
