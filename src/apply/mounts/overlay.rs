//! File systems in layers (overlayfs).

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, fstat, mkdirat, stat};
use nix::unistd::{Gid, Uid, chdir, fchdir, fchownat};

use crate::fault::{Exit, Fault};
use crate::sys::mount::{self as sys, Attributes, Depth};

use super::restrict::Restrictor;
use crate::apply::c_string;
use crate::apply::mounts::{Tree, again};

/// Directories laid over one; the options name it, too.
#[derive(Debug)]
pub(in crate::apply) struct Layers {
    path: CString,
    /// Nothing where no layer has anything for this path.
    options: Option<CString>,
}

impl Layers {
    /// Looks which of the layers have something for this path, while the host's paths can be seen.
    ///
    /// # Errors
    /// A layer that is not there and has to be.
    pub(super) fn ready(layers: &[(PathBuf, bool)], path: &Path) -> Result<Self, Fault> {
        let inside = path.strip_prefix("/").unwrap_or(path);
        let mut lower: Vec<String> = Vec::new();
        for (layer, optional) in layers {
            match std::fs::metadata(layer) {
                Ok(facts) if facts.is_dir() => {}
                Err(_) if *optional => continue,
                _ => {
                    let fault = Fault::new(format!("there is no directory {} to lay over the host's", layer.display()));
                    return Err(fault.help("put `-` in front of it if it may be missing").exit(Exit::Namespace));
                }
            }
            let own = layer.join(inside);
            if own.is_dir() {
                lower.push(own.to_string_lossy().into_owned());
            }
        }
        // The kernel wants the top first.
        lower.reverse();
        let target = c_string(path.as_os_str().as_bytes())?;
        if lower.is_empty() {
            return Ok(Self { path: target, options: None });
        }
        lower.push(path.to_string_lossy().into_owned());
        let options = c_string(format!("lowerdir={}", lower.join(":")).as_bytes())?;
        Ok(Self { path: target, options: Some(options) })
    }

    /// Mounts them. A host without the directory has nothing to lay them over.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        let Some(options) = &self.options else { return Ok(()) };
        match stat(self.path.as_c_str()) {
            Err(Errno::ENOENT) => return Ok(()),
            other => other?,
        };
        overlay(&self.path, options, MsFlags::MS_RDONLY)
    }
}

/// A directory whose changes go to memory.
#[derive(Debug)]
pub(in crate::apply) struct Ephemeral {
    source: CString,
}

/// What the memory has in it: the directory, what is changed, what the kernel needs beside, and what comes out.
const PARTS: [&CStr; 4] = [c"lower", c"upper", c"work", c"root"];

impl Ephemeral {
    /// Makes it ready.
    ///
    /// # Errors
    /// A path with a NUL byte.
    pub(super) fn ready(source: &Path) -> Result<Self, Fault> {
        Ok(Self { source: c_string(source.as_os_str().as_bytes())? })
    }

    /// Copies the directory under a layer in memory, detached.
    ///
    /// The directory is looked up once: who owns one above it may put another in its place meanwhile. The memory is over
    /// the root for a moment, where nobody who has one sees it, and where its parts have names for the overlay.
    pub(super) fn perform(&self, restrictor: &mut Restrictor) -> Result<Tree, Errno> {
        let lower = sys::open_tree(AT_FDCWD, &self.source, Depth::Recursive)?;
        let facts = fstat(&lower)?;
        let context = sys::fsopen(c"tmpfs")?;
        sys::fsconfig_string(context.as_fd(), c"mode", c"0700")?;
        let memory = sys::fsmount(context.as_fd(), Attributes::NO_DEV)?;
        for name in PARTS {
            mkdirat(&memory, name, Mode::S_IRWXU)?;
        }
        let [below, upper, _, root] = PARTS;
        // The root of the view has the owner and mode of the upper layer.
        let (uid, gid) = (Uid::from_raw(facts.st_uid), Gid::from_raw(facts.st_gid));
        match fchownat(&memory, upper, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW) {
            // An owner that this user namespace does not have cannot be given.
            Ok(()) | Err(Errno::EINVAL | Errno::EPERM) => {}
            Err(errno) => return Err(errno),
        }
        let mode = Mode::from_bits_truncate(facts.st_mode & 0o7777);
        fchmodat(&memory, upper, mode, FchmodatFlags::FollowSymlink)?;
        sys::move_mount(memory.as_fd(), AT_FDCWD, c"/")?;
        sys::move_mount(lower.as_fd(), memory.as_fd(), below)?;
        fchdir(&memory)?;
        overlay(root, c"lowerdir=lower,upperdir=upper,workdir=work", MsFlags::empty())?;
        let tree = restrictor.copy(memory.as_fd(), root, Depth::One, Attributes::default())?;
        again(|| umount2(c".", MntFlags::MNT_DETACH))?;
        chdir(c"/")?;
        Ok(tree)
    }
}

/// In a user namespace extended attributes of the upper layer have to be the user's.
fn overlay(path: &CStr, options: &CStr, flags: MsFlags) -> Result<(), Errno> {
    again(|| mount(Some(c"overlay"), path, Some(c"overlay"), flags, Some(options)))
}
