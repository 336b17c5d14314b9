//! Covers for what must not be opened: a directory and a file of mode 000, copied from one small
//! file system of our own. Nothing of the host's is used for it, so nobody else can touch a cover.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::mount::{MntFlags, umount2};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat, mknodat, stat};
use nix::unistd::{chdir, fchdir};

use crate::sys::mount::{self as sys, Attributes, Depth};

use super::mounts::{again, is_directory};

/// The file system that covers are copied from.
pub(super) struct Mask {
    tmpfs: OwnedFd,
    /// Its device number, to know a cover again.
    device: u64,
    /// Whether it is attached over `/`, since this kernel copies only attached mounts.
    attached: bool,
}

impl Mask {
    /// Makes it. With `attach` it is mounted over `/` (where nobody who has a root sees it) until [`Mask::detach`].
    pub(super) fn new(attach: bool) -> Result<Self, Errno> {
        let context = sys::fsopen(c"tmpfs")?;
        for (key, value) in [(c"mode", c"000"), (c"size", c"4k"), (c"nr_inodes", c"8")] {
            sys::fsconfig_string(context.as_fd(), key, value)?;
        }
        let quiet = Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC);
        let tmpfs = sys::fsmount(context.as_fd(), quiet)?;
        // Mode 000 is the same under any umask.
        mkdirat(&tmpfs, c"d", Mode::empty())?;
        mknodat(&tmpfs, c"f", SFlag::S_IFREG, Mode::empty(), 0)?;
        let device = fstat(&tmpfs)?.st_dev;
        if attach {
            sys::move_mount(tmpfs.as_fd(), AT_FDCWD, c"/")?;
        }
        Ok(Self { tmpfs, device, attached: attach })
    }

    /// Covers what is at a path, following symlinks.
    pub(super) fn cover(&self, path: &CStr) -> Result<(), Errno> {
        let found = stat(path)?;
        if found.st_dev == self.device {
            // By another name.
            return Ok(());
        }
        let name = if is_directory(&found) { c"d" } else { c"f" };
        let cover = sys::open_tree(self.tmpfs.as_fd(), name, Depth::One)?;
        match sys::mount_setattr(cover.as_fd(), c"", Depth::One, Attributes::READ_ONLY) {
            // Before Linux 5.12. A directory of mode 000 can be written only by who may override modes.
            Err(Errno::ENOSYS) => {}
            other => other?,
        }
        sys::move_mount(cover.as_fd(), AT_FDCWD, path)
    }

    /// Takes it away from `/` again.
    pub(super) fn detach(self) -> Result<(), Errno> {
        if !self.attached {
            return Ok(());
        }
        fchdir(&self.tmpfs)?;
        again(|| umount2(c".", MntFlags::MNT_DETACH))?;
        chdir(c"/")
    }
}
