//! File systems in layers (overlayfs).

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, stat};
use nix::unistd::{Gid, Uid, chdir, chown, mkdir};

use crate::fault::{Exit, Fault};
use crate::sys::mount::{Attributes, Depth};

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
    upper: CString,
    work: CString,
    options: CString,
}

impl Ephemeral {
    /// Makes the texts.
    ///
    /// # Errors
    /// A path with a NUL byte, or one that overlayfs cannot name.
    pub(super) fn ready(source: &Path) -> Result<Self, Fault> {
        let (upper, work) = (source.join("upper"), source.join("work"));
        let text = |path: &Path| c_string(path.as_os_str().as_bytes());
        if source.as_os_str().as_bytes().iter().any(|byte| b",:\\\"".contains(byte)) {
            let fault =
                Fault::new(format!("{} cannot be the lower layer: its path has a separator in it", source.display()));
            return Err(fault.help("rename it").exit(Exit::Namespace));
        }
        // The directory itself is covered by the memory then, and reached as the working directory.
        let options = format!("lowerdir=.,upperdir={},workdir={}", upper.display(), work.display());
        Ok(Self {
            source: text(source)?,
            upper: text(&upper)?,
            work: text(&work)?,
            options: c_string(options.as_bytes())?,
        })
    }

    /// Covers the directory in this namespace and copies the result, detached.
    pub(super) fn perform(&self, restrictor: &mut Restrictor) -> Result<Tree, Errno> {
        chdir(self.source.as_c_str())?;
        let facts = stat(c".")?;
        let flags = MsFlags::MS_NODEV;
        again(|| mount(Some(c"tmpfs"), self.source.as_c_str(), Some(c"tmpfs"), flags, Some(c"mode=0700")))?;
        // The root of the view has the owner and mode of the upper layer.
        let mode = Mode::from_bits_truncate(facts.st_mode & 0o7777);
        mkdir(self.upper.as_c_str(), Mode::S_IRWXU)?;
        mkdir(self.work.as_c_str(), Mode::S_IRWXU)?;
        match chown(self.upper.as_c_str(), Some(Uid::from_raw(facts.st_uid)), Some(Gid::from_raw(facts.st_gid))) {
            // An owner that this user namespace does not have cannot be given.
            Ok(()) | Err(Errno::EINVAL | Errno::EPERM) => {}
            Err(errno) => return Err(errno),
        }
        fchmodat(AT_FDCWD, self.upper.as_c_str(), mode, FchmodatFlags::FollowSymlink)?;
        overlay(&self.source, &self.options, MsFlags::empty())?;
        restrictor.copy(AT_FDCWD, &self.source, Depth::One, Attributes::default())
    }
}

/// In a user namespace extended attributes of the upper layer have to be the user's.
fn overlay(path: &CStr, options: &CStr, flags: MsFlags) -> Result<(), Errno> {
    again(|| mount(Some(c"overlay"), path, Some(c"overlay"), flags, Some(options)))
}
