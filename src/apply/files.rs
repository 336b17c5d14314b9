//! Files that the target finds open.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, stat};

use crate::draft::attributes::OpenMode;
use crate::sys::attributes as sys;

/// A file to open and the descriptor's number.
pub(super) struct Act {
    path: PathBuf,
    mode: OpenMode,
    number: i32,
}

impl Act {
    /// Takes them over.
    pub(super) fn ready(path: &Path, mode: OpenMode, number: i32) -> Self {
        Self { path: path.to_path_buf(), mode, number }
    }

    /// Opens it.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        sys::place(self.open()?, self.number)
    }

    fn open(&self) -> Result<OwnedFd, Errno> {
        let is_socket = SFlag::from_bits_truncate(stat(&self.path)?.st_mode) & SFlag::S_IFMT == SFlag::S_IFSOCK;
        if is_socket {
            return sys::connect(&self.path);
        }
        let attempt = |flags: OFlag| {
            open(
                OsStr::from_bytes(self.path.as_os_str().as_bytes()),
                flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY,
                Mode::empty(),
            )
        };
        match self.mode {
            OpenMode::ReadOnly => attempt(OFlag::O_RDONLY),
            OpenMode::Append => attempt(OFlag::O_RDWR | OFlag::O_APPEND),
            OpenMode::Truncate => attempt(OFlag::O_RDWR | OFlag::O_TRUNC),
            // As systemd has it: what cannot be written is read.
            OpenMode::Both => match attempt(OFlag::O_RDWR) {
                Err(Errno::EACCES | Errno::EPERM | Errno::EROFS | Errno::EISDIR) => attempt(OFlag::O_RDONLY),
                other => other,
            },
        }
    }
}
