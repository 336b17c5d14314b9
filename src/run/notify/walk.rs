//! Following a path as a thread of the target would, one name at a time.
//!
//! openat2(2) does it in one call, but for two things: `/proc/self` would be the supervisor, and the links of /proc that
//! lead to what a process has open are followed by none of its modes. Both are decided here.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use super::caller::Caller;

/// Links that a path may lead over, as for the kernel (path_resolution(7)).
const LINKS: usize = 40;

/// The inode of procfs's root (`PROC_ROOT_INO`).
const PROC_ROOT: u64 = 1;

/// What a path leads to.
pub(super) enum Found {
    /// Something, opened with O_PATH.
    Object(OwnedFd),
    /// Nothing yet: a name in a directory.
    Missing(OwnedFd, CString),
}

const PATH: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);
const STEP: OFlag = PATH.union(OFlag::O_NOFOLLOW);

/// Whether this is on procfs.
pub(super) fn on_procfs(fd: BorrowedFd<'_>) -> bool {
    fstatfs(fd).is_ok_and(|fs| fs.filesystem_type() == PROC_SUPER_MAGIC)
}

/// Where something is, in the supervisor's own view.
///
/// # Errors
/// EPERM without /proc.
pub(super) fn place(caller: &Caller<'_>, fd: BorrowedFd<'_>) -> Result<CString, Errno> {
    let name = CString::new(format!("self/fd/{}", fd.as_raw_fd())).map_err(|_| Errno::EINVAL)?;
    let path = readlinkat(caller.view.process()?, name.as_c_str())?;
    CString::new(path.into_encoded_bytes()).map_err(|_| Errno::EINVAL)
}

/// Follows a path from `start`, which is the caller's root for an absolute one. `follow` says whether a link at its
/// end is followed.
///
/// # Errors
/// Those of path_resolution(7); EACCES: a link of /proc to what another process has open.
pub(super) fn walk(caller: &Caller<'_>, start: OwnedFd, path: &CStr, follow: bool) -> Result<Found, Errno> {
    let mut walk = Walk { caller, root: None, at: start, links: 0 };
    let mut rest: VecDeque<Vec<u8>> = VecDeque::new();
    push(&mut rest, path.to_bytes());
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    while let Some(name) = rest.pop_front() {
        let last = rest.is_empty();
        match name.as_slice() {
            b"" | b"." => {
                if !is(&fstat(&walk.at)?, SFlag::S_IFDIR) {
                    return Err(Errno::ENOTDIR);
                }
            }
            b".." => walk.up()?,
            _ => {
                let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
                let next = match openat(&walk.at, name.as_c_str(), STEP, Mode::empty()) {
                    Err(Errno::ENOENT) if last => return Ok(Found::Missing(walk.at, name)),
                    other => other?,
                };
                // A directory's mark behind the name follows too: `link/`.
                let kind = fstat(&next)?;
                if is(&kind, SFlag::S_IFLNK) && (follow || !last) {
                    walk.follow(&next, &name, &mut rest)?;
                } else {
                    if last && !is(&kind, SFlag::S_IFDIR) && on_procfs(next.as_fd()) {
                        walk.guard(&walk.at)?;
                    }
                    walk.at = next;
                }
            }
        }
    }
    if is(&fstat(&walk.at)?, SFlag::S_IFDIR) && on_procfs(walk.at.as_fd()) {
        walk.guard(&walk.at)?;
    }
    Ok(Found::Object(walk.at))
}

/// Puts a path's names in front of those that are left. A mark at its end stays as an empty name.
fn push(rest: &mut VecDeque<Vec<u8>>, path: &[u8]) {
    let trimmed = path.iter().position(|byte| *byte != b'/').map_or(&[][..], |at| &path[at..]);
    let names: Vec<&[u8]> = trimmed.split(|byte| *byte == b'/').collect();
    for (at, name) in names.iter().enumerate().rev() {
        if !name.is_empty() || (at + 1 == names.len() && names.len() > 1 && rest.is_empty()) {
            rest.push_front(name.to_vec());
        }
    }
}

fn is(stat: &FileStat, kind: SFlag) -> bool {
    stat.st_mode & SFlag::S_IFMT.bits() == kind.bits()
}

struct Walk<'a, 'b> {
    caller: &'a Caller<'b>,
    /// The caller's root, once it is needed.
    root: Option<OwnedFd>,
    at: OwnedFd,
    links: usize,
}

impl Walk<'_, '_> {
    fn root(&mut self) -> Result<OwnedFd, Errno> {
        if let Some(root) = &self.root {
            return root.try_clone().map_err(|_| Errno::EMFILE);
        }
        let root = self.caller.root()?;
        self.caller.check()?;
        self.root = Some(root.try_clone().map_err(|_| Errno::EMFILE)?);
        Ok(root)
    }

    /// `..`, which does not lead out of the caller's root.
    fn up(&mut self) -> Result<(), Errno> {
        let root = fstat(self.root()?)?;
        let here = fstat(&self.at)?;
        if (root.st_dev, root.st_ino) != (here.st_dev, here.st_ino) {
            self.at = openat(&self.at, c"..", PATH | OFlag::O_DIRECTORY, Mode::empty())?;
        }
        Ok(())
    }

    fn follow(&mut self, link: &OwnedFd, name: &CStr, rest: &mut VecDeque<Vec<u8>>) -> Result<(), Errno> {
        self.links += 1;
        if self.links > LINKS {
            return Err(Errno::ELOOP);
        }
        if on_procfs(self.at.as_fd()) {
            let stat = fstat(&self.at)?;
            let own = |name: &str| self.caller.file(name, PATH | OFlag::O_DIRECTORY);
            match (stat.st_ino, name.to_bytes()) {
                (PROC_ROOT, b"self") => {
                    // A thread's directory differs from its process's in `task` alone, which this one has too.
                    let process = self.caller.ids()?.process;
                    self.caller.check()?;
                    let path = CString::new(process.to_string()).map_err(|_| Errno::EINVAL)?;
                    self.at = openat(self.caller.view.process()?, path.as_c_str(), PATH, Mode::empty())?;
                    return self.caller.check();
                }
                (PROC_ROOT, b"thread-self") => {
                    self.at = own(".")?;
                    return self.caller.check();
                }
                (PROC_ROOT, _) => {}
                _ if self.is_own_table(&stat)? => {
                    // The supervisor may look at the caller's descriptors; at whose else, the caller must ask the kernel.
                    let open = openat(&self.at, name, PATH, Mode::empty())?;
                    if on_procfs(open.as_fd()) {
                        // Whose it is cannot be told any more; see `guard`.
                        return Err(Errno::EACCES);
                    }
                    self.at = open;
                    return self.caller.check();
                }
                _ => return Err(Errno::EACCES),
            }
        }
        let target = readlinkat(link, c"")?.into_encoded_bytes();
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.starts_with(b"/") {
            self.at = self.root()?;
        }
        push(rest, &target);
        Ok(())
    }

    /// Refuses what lies below a directory of /proc that is the supervisor's own, or that cannot be told from it: the
    /// kernel lets a process do everything with itself, so opening it on behalf of another would give its memory away.
    fn guard(&self, directory: &OwnedFd) -> Result<(), Errno> {
        let own = openat(self.caller.view.process()?, c"self", PATH | OFlag::O_DIRECTORY, Mode::empty())?;
        let own = fstat(&own)?;
        let mut at = directory.try_clone().map_err(|_| Errno::EMFILE)?;
        // No directory of procfs is deeper.
        for _ in 0..64 {
            let here = fstat(&at)?;
            if here.st_dev != self.caller.view.device || here.st_ino == own.st_ino {
                return Err(Errno::EACCES);
            }
            if here.st_ino == PROC_ROOT {
                return Ok(());
            }
            at = openat(&at, c"..", PATH | OFlag::O_DIRECTORY, Mode::empty())?;
        }
        Err(Errno::EACCES)
    }

    /// Whether this directory of /proc is the caller's own table of descriptors.
    fn is_own_table(&self, here: &FileStat) -> Result<bool, Errno> {
        if here.st_dev != self.caller.view.device {
            return Ok(false);
        }
        for table in [format!("{}/fd", self.caller.ids()?.process), format!("{}/fd", self.caller.thread())] {
            let path = CString::new(table).map_err(|_| Errno::EINVAL)?;
            let table = openat(self.caller.view.process()?, path.as_c_str(), PATH, Mode::empty())?;
            if fstat(&table)?.st_ino == here.st_ino {
                self.caller.check()?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Follows a path from the supervisor's root that must hold no link at all.
pub(super) fn plain(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    let mut at = openat(root, c".", PATH | OFlag::O_DIRECTORY, Mode::empty())?;
    for name in path.to_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        if is(&fstat(&at)?, SFlag::S_IFLNK) || name == b".." {
            return Err(Errno::EACCES);
        }
        let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
        at = openat(&at, name.as_c_str(), STEP, Mode::empty())?;
    }
    Ok(at)
}
