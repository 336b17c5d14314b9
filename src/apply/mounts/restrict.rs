//! Restrictions of mount trees, by the newest call that the kernel has: copies that are restricted
//! from the start (Linux 6.15), recursive changes (5.12), or one remount for each mount (5.8).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, openat};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use nix::unistd::read;

use crate::sys::mount::{self as sys, Attributes, Depth};

use crate::apply::mounts::{Tree, again};

/// Room for the mount table, taken where it is read: on old kernels only.
const TABLE: usize = 512 * 1024;

/// Knows which calls this kernel has.
pub(super) struct Restrictor {
    /// open_tree_attr.
    combined: bool,
    /// mount_setattr.
    recursive: bool,
    /// /proc/thread-self, opened before a new root hides it.
    process: Option<OwnedFd>,
    table: Vec<u8>,
}

impl Restrictor {
    pub(super) fn new() -> Self {
        Self { combined: true, recursive: true, process: None, table: Vec::new() }
    }

    #[cfg(test)]
    pub(super) fn forget_new_calls(&mut self) {
        (self.combined, self.recursive) = (false, false);
    }

    /// A detached copy with restrictions; what an old kernel cannot set yet stays pending.
    pub(super) fn copy(
        &mut self,
        dir: BorrowedFd<'_>,
        path: &CStr,
        depth: Depth,
        set: Attributes,
    ) -> Result<Tree, Errno> {
        if set == Attributes::default() {
            return Ok(Tree { fd: sys::open_tree(dir, path, depth)?, pending: set });
        }
        if self.combined {
            match sys::open_tree_attr(dir, path, depth, set) {
                Err(Errno::ENOSYS | Errno::EPERM) => self.combined = false,
                other => return Ok(Tree { fd: other?, pending: Attributes::default() }),
            }
        }
        let fd = sys::open_tree(dir, path, depth)?;
        let set_now = self.recursive && self.change(fd.as_fd(), c"", depth, set)?;
        Ok(Tree { fd, pending: if set_now { Attributes::default() } else { set } })
    }

    /// Restricts what is at a path: in place if it is a mount point, else by a copy on top of it.
    pub(super) fn restrict(&mut self, path: &CStr, depth: Depth, set: Attributes, mounted: bool) -> Result<(), Errno> {
        if mounted && self.recursive {
            match self.change(AT_FDCWD, path, depth, set) {
                Ok(true) => return Ok(()),
                Ok(false) | Err(Errno::EINVAL) => {}
                Err(other) => return Err(other),
            }
        }
        if mounted && !self.recursive && is_mount_point(path)? {
            return self.remount(path, depth, set);
        }
        let tree = self.copy(AT_FDCWD, path, depth, set)?;
        sys::move_mount(tree.fd.as_fd(), AT_FDCWD, path)?;
        self.finish(&tree, path)
    }

    /// Sets what was pending on a tree that is attached now.
    pub(super) fn finish(&mut self, tree: &Tree, path: &CStr) -> Result<(), Errno> {
        if tree.pending == Attributes::default() { Ok(()) } else { self.remount(path, Depth::Recursive, tree.pending) }
    }

    /// Keeps the mount table in reach where it will be needed. Called before the root changes.
    pub(super) fn prepare_for_new_root(&mut self) -> Result<(), Errno> {
        if self.recursive {
            // Changes nothing; only tells whether there is such a call.
            self.change(AT_FDCWD, c"/", Depth::One, Attributes::default())?;
        }
        if !self.recursive && self.process.is_none() {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            self.process = Some(again(|| open(c"/proc/thread-self", flags, Mode::empty()))?);
        }
        Ok(())
    }

    /// mount_setattr, or `false` on a kernel without it.
    fn change(&mut self, dir: BorrowedFd<'_>, path: &CStr, depth: Depth, set: Attributes) -> Result<bool, Errno> {
        match sys::mount_setattr(dir, path, depth, set) {
            Err(Errno::ENOSYS) => {
                self.recursive = false;
                Ok(false)
            }
            other => other.map(|()| true),
        }
    }

    /// The old way: one remount for each mount at and below the path, each keeping its own flags, as
    /// those are locked in a user namespace and must not be lifted elsewhere.
    fn remount(&mut self, path: &CStr, depth: Depth, set: Attributes) -> Result<(), Errno> {
        let top = sys::mount_id(path)?;
        self.read_table()?;
        let table = self.table.as_slice();
        let mut buffer = [0; 4097];
        for line in lines(table) {
            let inside = line.id == top || (depth == Depth::Recursive && below(table, line, top));
            if !inside {
                continue;
            }
            let point = if line.id == top { path } else { unescape(line.point, &mut buffer)? };
            match sys::mount_id(point) {
                Ok(id) if id == line.id => {}
                // Something else covers it, or it lies in a directory of somebody else's: it cannot be reached. The target
                // is the same user, or one that has less.
                Ok(_) | Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => continue,
                Err(other) => return Err(other),
            }
            let flags = flags(line.options, set) | MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
            again(|| mount(None::<&CStr>, point, None::<&CStr>, flags, None::<&CStr>))?;
        }
        Ok(())
    }

    /// Reads the mount table as it is now into the room taken before.
    fn read_table(&mut self) -> Result<(), Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let file = match &self.process {
            Some(process) => again(|| openat(process, c"mountinfo", flags, Mode::empty()))?,
            None => again(|| open(c"/proc/thread-self/mountinfo", flags, Mode::empty()))?,
        };
        self.table.resize(TABLE, 0);
        let mut filled = 0;
        loop {
            let rest = self.table.get_mut(filled..).unwrap_or_default();
            if rest.is_empty() {
                // Better none than half a table.
                return Err(Errno::E2BIG);
            }
            match again(|| read(&file, rest))? {
                0 => break,
                more => filled += more,
            }
        }
        self.table.truncate(filled);
        Ok(())
    }
}

fn is_mount_point(path: &CStr) -> Result<bool, Errno> {
    sys::is_mount_root(path)
}

/// What is needed of a line of mountinfo (proc(5)).
#[derive(Clone, Copy)]
struct Line<'a> {
    id: u64,
    parent: u64,
    point: &'a [u8],
    options: &'a [u8],
}

fn lines(table: &[u8]) -> impl Iterator<Item = Line<'_>> {
    table.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        let number = |field: Option<&[u8]>| std::str::from_utf8(field?).ok()?.parse().ok();
        let (id, parent) = (number(fields.next())?, number(fields.next())?);
        let (_device, _root) = (fields.next()?, fields.next()?);
        Some(Line { id, parent, point: fields.next()?, options: fields.next()? })
    })
}

/// Whether a mount is on another, or on one that is on it, and so on.
fn below(table: &[u8], line: Line<'_>, top: u64) -> bool {
    let mut parent = line.parent;
    // No tree is deeper; a table that goes round in circles ends too.
    for _ in 0..1024 {
        if parent == top {
            return true;
        }
        match lines(table).find(|line| line.id == parent) {
            Some(line) if line.parent != parent => parent = line.parent,
            _ => return false,
        }
    }
    false
}

/// A mount point without its `\040`s, as a C string.
fn unescape<'a>(point: &[u8], buffer: &'a mut [u8; 4097]) -> Result<&'a CStr, Errno> {
    let mut filled = 0;
    let mut rest = point;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                ((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'), after)
            }
            _ => (*first, after),
        };
        if filled == buffer.len() - 1 {
            return Err(Errno::ENAMETOOLONG);
        }
        buffer[filled] = byte;
        filled += 1;
        rest = after;
    }
    buffer[filled] = 0;
    CStr::from_bytes_with_nul(&buffer[..=filled]).map_err(|_| Errno::EINVAL)
}

/// The flags that a mount has, and further ones. Those about access times the kernel keeps when none is given.
fn flags(options: &[u8], set: Attributes) -> MsFlags {
    let mut flags = MsFlags::empty();
    for option in options.split(|byte| *byte == b',') {
        flags |= match option {
            b"ro" => MsFlags::MS_RDONLY,
            b"nosuid" => MsFlags::MS_NOSUID,
            b"nodev" => MsFlags::MS_NODEV,
            b"noexec" => MsFlags::MS_NOEXEC,
            _ => MsFlags::empty(),
        };
    }
    let new = [(Attributes::READ_ONLY, MsFlags::MS_RDONLY), (Attributes::NO_EXEC, MsFlags::MS_NOEXEC)];
    for (attribute, flag) in new {
        flags.set(flag, flags.contains(flag) || set.0 & attribute.0 != 0);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_what_is_below() {
        let table =
            b"1 0 8:1 / / rw - ext4 a rw\n3 2 8:1 / /a/b\\040c ro,nosuid - tmpfs b rw\n2 1 8:1 / /a rw - tmpfs c rw\n";
        let all: Vec<u64> = lines(table).map(|line| line.id).collect();
        assert_eq!(all, [1, 3, 2]);
        let line = |id| lines(table).find(|line| line.id == id).expect("there");
        assert!(below(table, line(3), 1) && below(table, line(3), 2) && !below(table, line(2), 3));
        let mut buffer = [0; 4097];
        assert_eq!(unescape(line(3).point, &mut buffer), Ok(c"/a/b c"));
    }

    #[test]
    fn remounting_keeps_the_flags_that_were_there() {
        let kept = flags(b"rw,nosuid,nodev,relatime", Attributes::READ_ONLY);
        assert_eq!(kept, MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY);
        assert!(flags(b"ro,noexec", Attributes::default()).contains(MsFlags::MS_RDONLY | MsFlags::MS_NOEXEC));
    }
}
