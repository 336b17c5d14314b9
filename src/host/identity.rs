//! Who the caller is, and what it brought along.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::unistd::{getgid, getuid};

use crate::draft::capabilities::CapSet;
use crate::fault::{Exit, Fault};
use crate::sys::facts;

use super::{Host, accounts};

/// Ids, groups and capabilities.
pub(super) fn credentials(host: &mut Host) -> Result<(), Fault> {
    host.uid = getuid().as_raw();
    host.gid = getgid().as_raw();
    host.groups = facts::groups().map_err(|errno| {
        Fault::new(format!("cannot read the caller's groups: {}", errno.desc().to_lowercase())).exit(Exit::Group)
    })?;
    let effective = facts::effective().map_err(|errno| {
        Fault::new(format!("cannot read the caller's capabilities: {}", errno.desc().to_lowercase()))
            .help("a seccomp filter that was here before stockade forbids capget(2): allow it there")
            .exit(Exit::Capabilities)
    })?;
    host.effective = CapSet(effective);
    Ok(())
}

/// The environment, the working directory and the home.
pub(super) fn surroundings(host: &mut Host) -> Result<(), Fault> {
    host.environment = std::env::vars_os().collect();
    host.directory = match std::env::current_dir() {
        // Nothing where it was removed or lies outside the root: it has no name then.
        Ok(path) => Some(path).filter(|path| path.is_absolute()).unwrap_or_default(),
        Err(error) if error.kind() == ErrorKind::NotFound => PathBuf::new(),
        Err(error) => {
            return Err(Fault::new(format!("cannot read the working directory: {}", error.to_string().to_lowercase()))
                .exit(Exit::Chdir));
        }
    };
    host.home = home(host);
    Ok(())
}

/// $HOME when it is an absolute path, else as passwd(5) says (systemd's get_home_dir).
fn home(host: &Host) -> PathBuf {
    let set = host.variable("HOME").filter(|path| path.as_bytes().starts_with(b"/"));
    match set {
        Some(path) => PathBuf::from(path),
        None if host.uid == 0 => PathBuf::from("/root"),
        None => accounts::home(host.uid).unwrap_or_default(),
    }
}

impl Host {
    /// The value of a variable of the caller's environment.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.iter().find(|(key, _)| key == name).map(|(_, value)| OsString::as_os_str(value))
    }

    /// Whether the caller may make namespaces and mounts without a user namespace.
    pub fn privileged(&self) -> bool {
        self.effective.has(caps::Capability::CAP_SYS_ADMIN)
    }
}
