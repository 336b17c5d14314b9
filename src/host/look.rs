//! What is at a path: as lstat(2) tells it, and nothing of it is opened.

use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags, readlinkat};
use nix::sys::stat::{SFlag, fstatat};

use crate::sys::attributes;

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
    /// Its access control list (acl(5)), where that was looked at and there is one.
    pub acl: Vec<Grant>,
}

/// One entry of an access control list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose.
    pub whom: Whom,
    /// Permission bits: 4 read, 2 write, 1 execute or search.
    pub bits: u32,
}

/// Whom an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The owner.
    Owner,
    /// This user.
    User(u32),
    /// The file's group.
    OwnGroup,
    /// This group.
    Group(u32),
    /// The most that all but the owner and the rest get.
    Mask,
    /// The rest.
    Other,
}

impl Thing {
    /// Nothing.
    pub const MISSING: Self = Self { kind: Kind::Missing, mode: 0, uid: 0, gid: 0, acl: Vec::new() };

    /// A directory of root's.
    pub fn directory(mode: u32) -> Self {
        Self { kind: Kind::Directory, mode, ..Self::MISSING }
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
        Self { kind, mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid, acl: Vec::new() }
    }

    /// What a policy's path shows of the host, with its access control list: nothing where it shows nothing.
    pub fn behind(_: &Path, host: Option<&Path>) -> Self {
        host.map_or(Self::MISSING, Self::whole)
    }

    /// The same with its access control list.
    pub fn whole(path: &Path) -> Self {
        let mut thing = Self::at(path);
        if !matches!(thing.kind, Kind::Missing | Kind::Link(_)) {
            let value = attributes::value(path, c"system.posix_acl_access");
            thing.acl = value.and_then(|value| grants(&value)).unwrap_or_default();
        }
        thing
    }
}

/// Reads the attribute (linux/posix_acl_xattr.h): the version, 2, and entries of a tag, bits and an id.
fn grants(value: &[u8]) -> Option<Vec<Grant>> {
    let (version, rest) = value.split_at_checked(4)?;
    if version != 2_u32.to_le_bytes() {
        return None;
    }
    let entry = |entry: &[u8]| {
        let half = |at: usize| Some(u16::from_le_bytes(entry.get(at..at + 2)?.try_into().ok()?));
        let id = u32::from_le_bytes(entry.get(4..8)?.try_into().ok()?);
        let whom = match half(0)? {
            0x01 => Whom::Owner,
            0x02 => Whom::User(id),
            0x04 => Whom::OwnGroup,
            0x08 => Whom::Group(id),
            0x10 => Whom::Mask,
            0x20 => Whom::Other,
            _ => return None,
        };
        Some(Grant { whom, bits: u32::from(half(2)?) & 7 })
    };
    rest.chunks(8).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_kernel_writes_them() {
        let entry =
            |tag: u16, bits: u16, id: u32| [&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat();
        let none = u32::MAX;
        let entries = [(1, 6, none), (2, 4, 1001), (4, 4, none), (8, 6, 50), (16, 4, none), (32, 0, none)];
        let mut value = 2_u32.to_le_bytes().to_vec();
        value.extend(entries.iter().flat_map(|(tag, bits, id)| entry(*tag, *bits, *id)));
        let read = grants(&value).expect("a list");
        assert_eq!(read.len(), 6);
        assert_eq!(read[1], Grant { whom: Whom::User(1001), bits: 4 });
        assert_eq!(read[3], Grant { whom: Whom::Group(50), bits: 6 });
        assert_eq!(grants(&value[..value.len() - 1]), None);
        assert_eq!(grants(&[1, 0, 0, 0]), None);
        assert_eq!(grants(&[]), None);
    }
}
