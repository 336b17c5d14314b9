//! What is at a path: as lstat(2) tells it, and nothing of it is opened.

use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags, readlinkat};
use nix::sys::stat::{SFlag, fstatat};

/// What something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is nothing, or nobody may see whether there is.
    Missing,
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link to this.
    Link(PathBuf),
    /// A socket.
    Socket,
    /// A device or pipe.
    Other,
}

/// Something and its permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// What it is.
    pub kind: Kind,
    /// Its permission bits, as in chmod(2).
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl Thing {
    /// Nothing.
    pub const MISSING: Self = Self { kind: Kind::Missing, mode: 0, uid: 0, gid: 0 };

    /// A directory of root's.
    pub fn directory(mode: u32) -> Self {
        Self { kind: Kind::Directory, mode, uid: 0, gid: 0 }
    }

    /// Looks at what is at a path of this machine. Only calls that a supervisor may make are made.
    pub fn at(path: &Path) -> Self {
        let Ok(stat) = fstatat(AT_FDCWD, path, AtFlags::AT_SYMLINK_NOFOLLOW) else {
            return Self::MISSING;
        };
        let kind = match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFDIR => Kind::Directory,
            SFlag::S_IFREG => Kind::File,
            SFlag::S_IFSOCK => Kind::Socket,
            SFlag::S_IFLNK => match readlinkat(AT_FDCWD, path) {
                Ok(target) => Kind::Link(target.into()),
                Err(_) => Kind::Missing,
            },
            _ => Kind::Other,
        };
        Self { kind, mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid }
    }
}
