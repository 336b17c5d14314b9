//! Which files may say what a sandbox is: those that nobody but root and the caller can change.
//!
//! A file is changed by writing it, by putting another one in its place, or by turning a symbolic
//! link elsewhere. So every component of the way to it counts: it must belong to root or to the
//! caller, and nobody else may write it. A sticky directory such as /tmp may be written by all,
//! because what is in it belongs to its owner (inode(7), S_ISVTX), and that owner is checked next.
//! Access control lists need no look of their own: whom they let write shows in the group's bits
//! (acl(5), "correspondence between ACL entries and file permission bits").
//!
//! The way is walked from `/`, one lstat(2) a component. Each check rests on the ones before it:
//! nobody else can turn a component that has been checked into something else afterwards.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use crate::fault::Fault;

/// How long a policy can be: 1 MiB.
pub const LIMIT: u64 = 1 << 20;

/// As many symbolic links as the kernel follows (path_resolution(7)).
const LINKS: u32 = 40;

/// The id that a user namespace shows for those it has no name for (user_namespaces(7)).
const OVERFLOW: u32 = 65534;

/// A policy file that can be trusted.
#[derive(Debug)]
pub struct Trusted {
    /// Device and inode, the same for all names of the file.
    pub identity: (u64, u64),
    /// What is in it.
    pub text: String,
}

/// Reads a policy on behalf of `uid`.
///
/// # Errors
/// The file, or a component of the way to it, could have been changed by somebody other than root
/// and `uid`; it is not a regular file; it is longer than [`LIMIT`] or not UTF-8; or it cannot be
/// read. The fault has no origin: who asked for the file knows it.
pub fn read(path: &Path, uid: u32) -> Result<Trusted, Fault> {
    open(&Way { asked: path, uid: Some(uid) })
}

/// Reads what is only looked at: by whomever it was written, nothing will be done that it says.
///
/// # Errors
/// Those of [`read`], but for the first.
pub fn look(path: &Path) -> Result<Trusted, Fault> {
    open(&Way { asked: path, uid: None })
}

/// Whether a file that was not asked for by name, and says what a policy becomes, can be trusted like a policy.
///
/// # Errors
/// Those of [`read`], but for its length and what is in it.
pub fn vouch(path: &Path, uid: u32) -> Result<(), Fault> {
    let way = Way { asked: path, uid: Some(uid) };
    let real = way.walk()?;
    way.check(&real, &way.look(&real)?)
}

fn open(way: &Way<'_>) -> Result<Trusted, Fault> {
    let real = way.walk()?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(&real)
        .map_err(|error| way.unreadable(&error))?;
    // From here on the descriptor alone tells what is read.
    let meta = file.metadata().map_err(|error| way.unreadable(&error))?;
    way.regular(&meta)?;
    way.check(&real, &meta)?;
    let text = way.text(file, &meta)?;
    Ok(Trusted { identity: (meta.dev(), meta.ino()), text })
}

/// The way to a policy.
struct Way<'a> {
    /// The policy as it was asked for.
    asked: &'a Path,
    /// Who asks; nobody where it is only looked at.
    uid: Option<u32>,
}

impl Way<'_> {
    /// Walks to the policy and checks every component but the last one's mode, which is checked
    /// when it is open. What is returned has no symbolic link in it.
    fn walk(&self) -> Result<PathBuf, Fault> {
        let mut left = Vec::new();
        push(&mut left, self.asked);
        if !self.asked.is_absolute() {
            let start = std::env::current_dir().map_err(|error| self.unreadable(&error))?;
            push(&mut left, &start);
        }
        let mut here = PathBuf::from("/");
        let mut meta = self.look(&here)?;
        self.check(&here, &meta)?;
        let mut links = 0;
        while let Some(part) = left.pop() {
            if !meta.is_dir() {
                return Err(self.unreadable(&io::Error::from_raw_os_error(libc::ENOTDIR)));
            }
            if part == ".." {
                here.pop();
                meta = self.look(&here)?;
                continue;
            }
            here.push(&part);
            meta = self.look(&here)?;
            if meta.is_symlink() {
                self.owner(&here, &meta)?;
                links += 1;
                if links > LINKS {
                    return Err(self.unreadable(&io::Error::from_raw_os_error(libc::ELOOP)));
                }
                let target = fs::read_link(&here).map_err(|error| self.unreadable(&error))?;
                if target.to_str().is_some_and(|name| name.contains(":[")) && here.starts_with("/proc") {
                    return Err(self.irregular("a descriptor without a file"));
                }
                if target.is_absolute() {
                    here = PathBuf::from("/");
                } else {
                    here.pop();
                }
                push(&mut left, &target);
                meta = self.look(&here)?;
            } else if meta.is_dir() {
                self.check(&here, &meta)?;
            }
        }
        // Devices and pipes are not opened at all: that alone can have an effect.
        self.regular(&meta)?;
        Ok(here)
    }

    fn look(&self, path: &Path) -> Result<Metadata, Fault> {
        fs::symlink_metadata(path).map_err(|error| self.unreadable(&error))
    }

    /// Refuses what somebody else owns or can write.
    fn check(&self, path: &Path, meta: &Metadata) -> Result<(), Fault> {
        self.owner(path, meta)?;
        if self.uid.is_none() {
            return Ok(());
        }
        let mode = meta.mode();
        let sticky = meta.is_dir() && mode & libc::S_ISVTX != 0;
        if sticky || mode & (libc::S_IWGRP | libc::S_IWOTH) == 0 {
            return Ok(());
        }
        let who = if mode & libc::S_IWOTH != 0 { "everybody".into() } else { format!("group {}", meta.gid()) };
        let mut fault = self.untrusted(path, meta, &format!("{who} can write {}", self.place(path)));
        if mode & libc::S_IWOTH == 0 {
            fault = fault.help("a group is not trusted, not even one that has no other members today");
        }
        Err(fault.help(format!("make it yours alone to write: chmod go-w {}", quoted(path))))
    }

    /// Refuses what somebody else owns.
    fn owner(&self, path: &Path, meta: &Metadata) -> Result<(), Fault> {
        let owner = meta.uid();
        let Some(uid) = self.uid.filter(|uid| owner != 0 && owner != *uid) else { return Ok(()) };
        let mut fault = self.untrusted(path, meta, &format!("uid {owner} owns {}", self.place(path)));
        if owner == OVERFLOW {
            fault = fault.help("in a user namespace this stands for every owner outside of it");
        }
        let link = if meta.is_symlink() { "-h " } else { "" };
        if meta.is_dir() {
            // To give a home away is no remedy.
            let place = if uid == 0 { "/etc/stockade" } else { "~/.config/stockade" };
            return Err(fault.help(format!("review it, then copy it to where nobody else can write: {place}")));
        }
        Err(fault.help(format!("review it, then: chown {link}{uid} {}", quoted(path))))
    }

    fn untrusted(&self, path: &Path, meta: &Metadata, why: &str) -> Fault {
        let mode = meta.mode() & 0o7777;
        let (owner, uid) = (meta.uid(), self.uid.unwrap_or_default());
        let trusted = if uid == 0 { "root".into() } else { format!("root and uid {uid}") };
        Fault::new(format!("the policy `{}` is not trusted: {why}", self.asked.display()))
            .help(format!("`{}` has owner {owner} and mode {mode:04o}", path.display()))
            .help(format!("only {trusted} may be able to change a policy, or a directory on the way to it"))
    }

    /// The component, or `it` when it is what was asked for.
    fn place(&self, path: &Path) -> String {
        if path == self.asked { "it".into() } else { format!("`{}`", path.display()) }
    }

    fn regular(&self, meta: &Metadata) -> Result<(), Fault> {
        let kind = meta.file_type();
        let what = match () {
            () if kind.is_file() => return Ok(()),
            () if kind.is_dir() => "a directory",
            () if kind.is_fifo() => "a pipe",
            () if kind.is_socket() => "a socket",
            () if kind.is_char_device() || kind.is_block_device() => "a device",
            () => "something else",
        };
        Err(self.irregular(what))
    }

    fn irregular(&self, what: &str) -> Fault {
        Fault::new(format!("a policy must be a regular file, and `{}` is {what}", self.asked.display()))
            .help("write it to a file, or give single directives: -p DIRECTIVE=VALUE")
    }

    fn text(&self, file: File, meta: &Metadata) -> Result<String, Fault> {
        let long = || {
            Err(Fault::new(format!("the policy `{}` is longer than 1 MiB", self.asked.display()))
                .help("a policy can be 1048576 bytes long at most"))
        };
        if meta.len() > LIMIT {
            return long();
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default() + 1);
        file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| self.unreadable(&error))?;
        if bytes.len() as u64 > LIMIT {
            return long();
        }
        String::from_utf8(bytes).map_err(|error| {
            if let Some(fault) = super::guess::binary(error.as_bytes(), &self.asked.display().to_string()) {
                return fault;
            }
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
            Fault::new(format!("the policy `{}` is not UTF-8 text, from line {line} on", self.asked.display()))
                .help(format!("the first wrong byte is number {at}, counted from 0"))
        })
    }

    fn unreadable(&self, error: &io::Error) -> Fault {
        Fault::new(format!("cannot read the policy `{}`: {}", self.asked.display(), crate::fault::reason(error)))
    }
}

/// Puts the components of a path on the stack, first one on top. `/` and `.` go nowhere.
fn push(left: &mut Vec<OsString>, path: &Path) {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    left.extend(path.components().rev().filter_map(part));
}

/// A path as it can be pasted into a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_remedy_can_be_pasted() {
        assert_eq!(quoted(Path::new("/etc/stockade/web.toml")), "/etc/stockade/web.toml");
        assert_eq!(quoted(Path::new("/tmp/a b;'x'")), r"'/tmp/a b;'\''x'\'''");
    }

    #[test]
    fn the_way_of_a_path_starts_on_top() {
        let mut left = Vec::new();
        push(&mut left, Path::new("/a/./b/../c"));
        assert_eq!(left, ["c", "..", "b", "a"]);
    }

    #[test]
    fn devices_pipes_and_directories_are_not_policies() {
        for (path, what) in [("/dev/zero", "a device"), ("/dev", "a directory"), ("/", "a directory")] {
            let fault = read(Path::new(path), 0).expect_err(path);
            assert!(fault.message.ends_with(what), "{}", fault.message);
        }
    }
}
