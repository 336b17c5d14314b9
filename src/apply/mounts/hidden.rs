//! Covers for what must not be opened: a directory and a file of mode 000, both of one small file
//! system of our own. Nothing of the host's is used for it, so nobody else can touch a cover.
//!
//! The file system itself covers the first directory, and copies of it the rest: giving up a mount
//! that is attached nowhere costs more than all covers together (the kernel waits for its readers).

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, fstat, mknodat, stat};
use nix::unistd::{UnlinkatFlags, chdir, fchdir, unlinkat};

use crate::sys::mount::{self as sys, Attributes, Depth};

use super::again;
use super::point::is_directory;
use super::restrict::Restrictor;

/// The file system that covers come from.
#[derive(Default)]
pub(in crate::apply) struct Covers {
    mask: Option<Mask>,
}

struct Mask {
    tmpfs: OwnedFd,
    /// Its device number, to know a cover again.
    device: u64,
    place: Place,
    /// Whether the file has been made.
    file: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Attached nowhere.
    Nowhere,
    /// It covers a directory.
    Cover,
    /// Over `/` for a while, where nobody who has a root sees it.
    Root,
}

impl Covers {
    /// Covers what is at a path, following symlinks. `attach` on kernels that copy only attached mounts.
    pub(super) fn cover(&mut self, path: &CStr, attach: bool, restrictor: &mut Restrictor) -> Result<(), Errno> {
        let found = stat(path)?;
        let directory = is_directory(&found);
        let mask = match &mut self.mask {
            Some(mask) => mask,
            none if directory => {
                *none = Some(Mask::covering(path)?);
                return Ok(());
            }
            none => none.insert(Mask::nowhere()?),
        };
        if found.st_dev == mask.device {
            // By another name.
            return Ok(());
        }
        if directory && mask.place == Place::Nowhere {
            mask.place = Place::Cover;
            return over(path, || sys::move_mount(mask.tmpfs.as_fd(), AT_FDCWD, path));
        }
        if attach && mask.place == Place::Nowhere {
            mask.place = Place::Root;
            sys::move_mount(mask.tmpfs.as_fd(), AT_FDCWD, c"/")?;
        }
        let name = if directory { c"" } else { mask.file()? };
        let cover = restrictor.copy(mask.tmpfs.as_fd(), name, Depth::One, Attributes::READ_ONLY)?;
        over(path, || sys::move_mount(cover.fd.as_fd(), AT_FDCWD, path))?;
        restrictor.finish(&cover, path)
    }

    /// Leaves nothing but the covers. What is attached nowhere yet goes beneath the mount at `under`,
    /// out of sight, where this kernel can do so (Linux 6.5); else it is given up.
    pub(super) fn finish(&mut self, under: Option<&CStr>) -> Result<(), Errno> {
        let Some(mask) = self.mask.take() else { return Ok(()) };
        if mask.file {
            // The copies stay. A covered directory shall be empty also for who may override modes.
            unlinkat(&mask.tmpfs, c"f", UnlinkatFlags::NoRemoveDir)?;
        }
        match sys::mount_setattr(mask.tmpfs.as_fd(), c"", Depth::One, Attributes::READ_ONLY) {
            // Before Linux 5.12.
            Err(Errno::ENOSYS) if mask.place == Place::Cover => read_only_here(&mask.tmpfs)?,
            // The copies have it already, and the rest goes away.
            Err(Errno::ENOSYS) => {}
            other => other?,
        }
        match (mask.place, under) {
            (Place::Nowhere, Some(under)) => match sys::move_mount_beneath(mask.tmpfs.as_fd(), AT_FDCWD, under) {
                // It is only the quicker way to be rid of it.
                Ok(()) | Err(_) => Ok(()),
            },
            (Place::Root, _) => {
                fchdir(&mask.tmpfs)?;
                again(|| umount2(c".", MntFlags::MNT_DETACH))?;
                chdir(c"/")
            }
            _ => Ok(()),
        }
    }
}

/// Mounts something over a path. Of a mount whose file was removed since, as containers have them over /proc/kmsg, the
/// kernel says ENOENT, as if nothing were there: such a mount goes first. In a user namespace it cannot go (EINVAL), and
/// may stay where it is a cover itself.
fn over(path: &CStr, act: impl Fn() -> Result<(), Errno>) -> Result<(), Errno> {
    loop {
        match act() {
            Err(Errno::ENOENT) if stat(path).is_ok() => match again(|| umount2(path, MntFlags::MNT_DETACH)) {
                Err(Errno::EINVAL) if closed(path) => return Ok(()),
                other => other?,
            },
            other => return other,
        }
    }
}

/// Whether what is at a path, no directory, can be opened neither for reading nor for writing: now, with more
/// capabilities than the target will have.
fn closed(path: &CStr) -> bool {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let refused = |how| again(|| open(path, how | flags, Mode::empty())).is_err_and(|errno| errno == Errno::EACCES);
    stat(path).is_ok_and(|found| !is_directory(&found)) && refused(OFlag::O_RDONLY) && refused(OFlag::O_WRONLY)
}

/// Makes a mount read-only by the old call, which takes a path: the working directory, for a moment.
fn read_only_here(tmpfs: &OwnedFd) -> Result<(), Errno> {
    let kept = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | kept;
    fchdir(tmpfs)?;
    again(|| mount(None::<&CStr>, c".", None::<&CStr>, flags, None::<&CStr>))?;
    chdir(c"/")
}

impl Mask {
    /// Covers a directory with a new one, by the one call that does it all.
    fn covering(path: &CStr) -> Result<Self, Errno> {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let data = Some(c"mode=000,size=4k,nr_inodes=4");
        over(path, || again(|| mount(Some(c"tmpfs"), path, Some(c"tmpfs"), flags, data)))?;
        let tmpfs = again(|| open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()))?;
        let device = fstat(&tmpfs)?.st_dev;
        Ok(Self { tmpfs, device, place: Place::Cover, file: false })
    }

    /// Makes a new one that is attached nowhere.
    fn nowhere() -> Result<Self, Errno> {
        let context = sys::fsopen(c"tmpfs")?;
        for (key, value) in [(c"mode", c"000"), (c"size", c"4k"), (c"nr_inodes", c"4")] {
            sys::fsconfig_string(context.as_fd(), key, value)?;
        }
        let quiet = Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC);
        let tmpfs = sys::fsmount(context.as_fd(), quiet)?;
        let device = fstat(&tmpfs)?.st_dev;
        Ok(Self { tmpfs, device, place: Place::Nowhere, file: false })
    }

    /// The name of the file without permissions.
    fn file(&mut self) -> Result<&'static CStr, Errno> {
        if !self.file {
            // Mode 000 is the same under any umask.
            mknodat(&self.tmpfs, c"f", SFlag::S_IFREG, Mode::empty(), 0)?;
            self.file = true;
        }
        Ok(c"f")
    }
}
