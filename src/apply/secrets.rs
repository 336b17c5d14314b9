//! Secrets of the target, written to a file system in memory.

use std::ffi::CString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid, fchown, write};

use crate::draft::attributes::Secret;
use crate::fault::{Exit, Fault};
use crate::plan::mounts::SecretFile;

use super::c_string;

/// As much as systemd takes.
const MOST: u64 = 1 << 20;

/// The secrets, read.
pub(super) struct Secrets {
    path: CString,
    files: Vec<(CString, Vec<u8>)>,
    owner: Option<(Uid, Gid)>,
}

/// Without what is in them.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("path", &self.path).field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl Secrets {
    /// Reads them, by the caller's rights and the host's paths.
    ///
    /// # Errors
    /// One that must be there and cannot be read.
    pub(super) fn ready(path: &Path, files: &[SecretFile], owner: Option<(u32, u32)>) -> Result<Self, Fault> {
        let mut all = Vec::with_capacity(files.len());
        for file in files {
            if let Some(text) = read(file)? {
                all.push((c_string(file.name.as_bytes())?, text));
            }
        }
        let owner = owner.map(|(uid, gid)| (Uid::from_raw(uid), Gid::from_raw(gid)));
        Ok(Self { path: c_string(path.as_os_str().as_bytes())?, files: all, owner })
    }

    /// Writes them.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let directory = open(self.path.as_c_str(), flags, Mode::empty())?;
        for (name, text) in &self.files {
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let file = openat(&directory, name.as_c_str(), flags, Mode::S_IRUSR)?;
            let mut rest = &text[..];
            while !rest.is_empty() {
                match write(&file, rest) {
                    Ok(0) => return Err(Errno::EIO),
                    Ok(count) => rest = &rest[count..],
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
            self.own(&file)?;
        }
        fchmod(&directory, Mode::S_IRUSR | Mode::S_IXUSR)?;
        self.own(&directory)
    }

    fn own(&self, file: &std::os::fd::OwnedFd) -> Result<(), Errno> {
        self.owner.map_or(Ok(()), |(uid, gid)| fchown(file, Some(uid), Some(gid)))
    }
}

/// The first source that is there.
fn read(file: &SecretFile) -> Result<Option<Vec<u8>>, Fault> {
    let mut missing = None;
    for source in &file.sources {
        let path = match source {
            Secret::Text(text) => return Ok(Some(text.clone())),
            Secret::Stored(_) => continue,
            Secret::File(path) => path,
        };
        let opened = std::fs::File::open(path).and_then(|file| {
            let mut text = Vec::new();
            file.take(MOST + 1).read_to_end(&mut text).map(|_| text)
        });
        match opened {
            Ok(text) if text.len() as u64 > MOST => {
                return Err(Fault::new(format!("the credential {} has more than a mebibyte", path.display()))
                    .exit(Exit::Credentials));
            }
            Ok(text) => return Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => missing = missing.or(Some(path)),
            Err(error) => {
                let why = crate::fault::reason(&error);
                return Err(
                    Fault::new(format!("cannot read the credential {}: {why}", path.display())).exit(Exit::Credentials)
                );
            }
        }
    }
    match missing.filter(|_| file.required) {
        None => Ok(None),
        Some(path) => Err(Fault::new(format!("there is no credential {}", path.display()))
            .help(format!("make it, or give another by SetCredential = [\"{}:TEXT\"]", file.name))
            .exit(Exit::Credentials)),
    }
}
