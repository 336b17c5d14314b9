//! Opening a file on behalf of a thread, as that thread would.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, openat};
use nix::sys::stat::{Mode, SFlag, fstat};

use crate::draft::decision::Opening;
use crate::sys::notify::{Answer, Listener, Notification, int};
use crate::sys::target;

use super::call;
use super::caller::Caller;
use super::ids;
use super::walk::{Found, on_procfs, place, plain, walk};

/// A descriptor for the target.
pub(super) struct Opened {
    fd: OwnedFd,
    close_on_exec: bool,
}

/// What a call asks for.
pub(super) struct Wish {
    /// Where a relative path starts.
    directory: i32,
    /// The path.
    pub(super) path: CString,
    flags: OFlag,
    mode: u32,
    resolve: u64,
}

/// The flags that open(2) leaves alone where openat2(2) refuses unknown ones: all that it knows.
const KNOWN: i32 = libc::O_ACCMODE
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_NOCTTY
    | libc::O_TRUNC
    | libc::O_APPEND
    | libc::O_NONBLOCK
    | libc::O_SYNC
    | libc::O_ASYNC
    | libc::O_DIRECT
    | libc::O_DIRECTORY
    | libc::O_NOFOLLOW
    | libc::O_NOATIME
    | libc::O_CLOEXEC
    | libc::O_PATH
    | libc::O_TMPFILE;

impl Wish {
    /// Reads a call's arguments, memory included, unchecked.
    ///
    /// # Errors
    /// Those of the call for wrong arguments; EPERM: it is not a call that opens a file, or its memory cannot be read.
    pub(super) fn read(caller: &Caller<'_>, notification: &Notification) -> Result<Self, Errno> {
        let args = &notification.args;
        let (directory, address, how) = match call::name(notification).as_deref() {
            Some("open") => (libc::AT_FDCWD, args[0], (args[1], args[2], 0)),
            Some("creat") => {
                let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
                (libc::AT_FDCWD, args[0], (u64::from(flags.cast_unsigned()), args[1], 0))
            }
            Some("openat") => (int(args[0]), args[1], (args[2], args[3], 0)),
            Some("openat2") => (int(args[0]), args[1], how(caller, args[2], args[3])?),
            _ => return Err(Errno::EPERM),
        };
        let path = caller.path(address)?;
        let flags = OFlag::from_bits_retain(int(how.0) & KNOWN);
        if flags.contains(OFlag::O_PATH) {
            // The kernel lets no descriptor of this kind be put into another process.
            return Err(Errno::EOPNOTSUPP);
        }
        let mode = u32::try_from(how.1 & 0o7777).unwrap_or(0);
        Ok(Self { directory, path, flags, mode, resolve: how.2 })
    }

    /// Whether it makes or changes a file.
    pub(super) fn writes(&self) -> bool {
        let access = self.flags & OFlag::O_ACCMODE;
        let makes = OFlag::O_CREAT | OFlag::O_TRUNC;
        access != OFlag::O_RDONLY || self.flags.intersects(makes)
    }

    fn creates(&self) -> bool {
        self.flags.contains(OFlag::O_CREAT) || self.flags.contains(OFlag::O_TMPFILE)
    }

    fn follows(&self) -> bool {
        let stops = self.flags.contains(OFlag::O_NOFOLLOW) || self.flags.contains(OFlag::O_CREAT | OFlag::O_EXCL);
        !stops
    }

    /// What it is opened with: nothing may wait for the other end of a pipe, or become anybody's terminal.
    fn careful(&self) -> OFlag {
        self.flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK
    }
}

/// `struct open_how` in the caller's memory: flags, mode and resolve.
fn how(caller: &Caller<'_>, address: u64, size: u64) -> Result<(u64, u64, u64), Errno> {
    const SIZE: usize = 24;
    if size < SIZE as u64 {
        return Err(Errno::EINVAL);
    }
    if size > SIZE as u64 {
        return Err(Errno::E2BIG);
    }
    let mut bytes = [0; SIZE];
    if caller.memory(address, &mut bytes)? != SIZE {
        return Err(Errno::EFAULT);
    }
    let [flags, mode, resolve] =
        [0, 8, 16].map(|at| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap_or_default()));
    Ok((flags, mode, resolve))
}

/// Opens what a call asks for, if it may be.
///
/// # Errors
/// What the call itself would fail with; EACCES: it is not in the lists; EPERM: the caller cannot be looked at.
pub(super) fn open(caller: &Caller<'_>, wish: &Wish, opening: &Opening) -> Result<Opened, Errno> {
    let unlisted = opening.read.is_empty() && opening.write.is_empty();
    if let Some(root) = short(caller, wish)
        && (unlisted || listed(&wish.path, wish.writes(), opening))
    {
        let links = if unlisted { 0 } else { libc::RESOLVE_NO_SYMLINKS };
        let resolve = links | libc::RESOLVE_NO_MAGICLINKS | libc::RESOLVE_IN_ROOT;
        let opened =
            ids::as_caller(caller, false, |_| target::open_at(root, &wish.path, wish.careful().bits(), 0, resolve));
        match opened {
            Ok(fd) if !on_procfs(fd.as_fd()) => return settle(fd, wish),
            Err(errno) if !slower(errno) => return Err(errno),
            _ => {}
        }
    }
    let start = start(caller, wish)?;
    if unlisted {
        return ids::as_caller(caller, wish.creates(), |umask| {
            match direct(&start, wish, wish.careful(), wish.mode & !umask) {
                Ok(fd) if !on_procfs(fd.as_fd()) => settle(fd, wish),
                Ok(_) if wish.resolve != 0 => Err(Errno::EACCES),
                Err(errno) if wish.resolve != 0 || !slower(errno) => Err(errno),
                _ => finish(caller, find(caller, start, wish)?, wish, umask),
            }
        });
    }
    ids::as_caller(caller, wish.creates(), |umask| {
        let found = look(caller, start, wish)?;
        let found = match found {
            Found::Object(fd) => Found::Object(judge(caller, &fd, wish, opening)?),
            Found::Missing(fd, name) => Found::Missing(judge(caller, &fd, wish, opening)?, name),
        };
        finish(caller, found, wish, umask)
    })
}

/// The root, where the path as it is written can be opened from it: it is the caller's own for good, and the path has
/// nothing in it that is not a name. Without links such a path is the place of what it leads to.
fn short<'a>(caller: &'a Caller<'_>, wish: &Wish) -> Option<BorrowedFd<'a>> {
    let bytes = wish.path.to_bytes();
    let names = || bytes.split(|byte| *byte == b'/').skip(1);
    let plain = bytes.starts_with(b"/") && names().all(|name| !matches!(name, b"" | b"." | b".."));
    let settled = caller.view.settled && wish.resolve == 0 && !wish.creates();
    caller.view.root.as_ref().filter(|_| settled && plain).map(AsFd::as_fd)
}

/// What a call leads to, for somebody who decides later, and a name for it.
pub(super) fn inspect(caller: &Caller<'_>, wish: &Wish) -> Result<(Found, CString), Errno> {
    let start = start(caller, wish)?;
    ids::as_caller(caller, false, |_| {
        let found = look(caller, start, wish)?;
        let path = match &found {
            Found::Object(fd) => place(caller, fd.as_fd())?,
            Found::Missing(..) if !wish.creates() => return Err(Errno::ENOENT),
            Found::Missing(fd, name) => {
                let mut path = place(caller, fd.as_fd())?.into_bytes();
                path.push(b'/');
                path.extend_from_slice(name.to_bytes());
                CString::new(path).map_err(|_| Errno::EINVAL)?
            }
        };
        Ok((found, path))
    })
}

/// Opens what was found before.
pub(super) fn complete(caller: &Caller<'_>, found: Found, wish: &Wish) -> Result<Opened, Errno> {
    ids::as_caller(caller, wish.creates(), |umask| finish(caller, found, wish, umask))
}

/// Puts a descriptor into the target.
pub(super) fn give(listener: &Listener, id: u64, opened: &Opened) {
    let fd = opened.fd.as_fd();
    let given = match listener.give(id, fd, opened.close_on_exec) {
        Err(Errno::EINVAL) => listener
            .place(id, fd, opened.close_on_exec)
            .and_then(|number| listener.send(id, Answer::Value(number.into()))),
        other => other,
    };
    if let Err(errno) = given {
        // It may have no room for the descriptor; if it is gone nobody hears this.
        super::send(listener, id, Answer::Error(errno));
    }
}

/// The directory that the path starts from, unchecked.
fn start(caller: &Caller<'_>, wish: &Wish) -> Result<OwnedFd, Errno> {
    let beneath = wish.resolve & (libc::RESOLVE_BENEATH | libc::RESOLVE_IN_ROOT) != 0;
    let absolute = wish.path.to_bytes().starts_with(b"/") && !beneath;
    let start = if absolute { caller.root() } else { caller.directory(wish.directory) }?;
    if wish.path.is_empty() { Err(Errno::ENOENT) } else { Ok(start) }
}

/// By one call, as far as that follows the path as the caller would.
fn direct(start: &OwnedFd, wish: &Wish, flags: OFlag, mode: u32) -> Result<OwnedFd, Errno> {
    let beneath = wish.resolve & (libc::RESOLVE_BENEATH | libc::RESOLVE_IN_ROOT) != 0;
    let keep = match wish.path.to_bytes() {
        _ if beneath => 0,
        [b'/', ..] => libc::RESOLVE_IN_ROOT,
        _ => libc::RESOLVE_BENEATH,
    };
    let mode = if wish.creates() { mode } else { 0 };
    target::open_at(start.as_fd(), &wish.path, flags.bits(), mode, wish.resolve | keep | libc::RESOLVE_NO_MAGICLINKS)
}

/// Whether the slower way may find what the fast one did not.
fn slower(errno: Errno) -> bool {
    matches!(errno, Errno::EXDEV | Errno::ELOOP | Errno::ENOENT | Errno::ENOSYS | Errno::EAGAIN | Errno::EPERM)
}

/// What the path leads to, without opening it.
fn look(caller: &Caller<'_>, start: OwnedFd, wish: &Wish) -> Result<Found, Errno> {
    let mut flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    if !wish.follows() {
        flags |= OFlag::O_NOFOLLOW;
    }
    match direct(&start, wish, flags, 0) {
        Ok(fd) if !on_procfs(fd.as_fd()) => Ok(Found::Object(fd)),
        // The supervisor's own `self`, perhaps, and the slower way does not keep to the caller's terms.
        Ok(_) if wish.resolve != 0 => Err(Errno::EACCES),
        Err(errno) if wish.resolve != 0 || !slower(errno) => Err(errno),
        _ => find(caller, start, wish),
    }
}

fn find(caller: &Caller<'_>, start: OwnedFd, wish: &Wish) -> Result<Found, Errno> {
    walk(caller, start, &wish.path, wish.follows())
}

/// Opens what was found with the caller's flags.
fn finish(caller: &Caller<'_>, found: Found, wish: &Wish, umask: u32) -> Result<Opened, Errno> {
    let mut flags = wish.careful();
    let mode = Mode::from_bits_truncate(wish.mode & !umask);
    match found {
        Found::Missing(..) if !flags.contains(OFlag::O_CREAT) => Err(Errno::ENOENT),
        Found::Missing(fd, name) => settle(openat(&fd, name.as_c_str(), flags | OFlag::O_NOFOLLOW, mode)?, wish),
        Found::Object(fd) => {
            let kind = fstat(&fd)?.st_mode & SFlag::S_IFMT.bits();
            if flags.contains(OFlag::O_CREAT | OFlag::O_EXCL) {
                return Err(Errno::EEXIST);
            }
            if flags.contains(OFlag::O_CREAT) && kind == SFlag::S_IFDIR.bits() {
                return Err(Errno::EISDIR);
            }
            if flags.contains(OFlag::O_DIRECTORY) && kind != SFlag::S_IFDIR.bits() {
                return Err(Errno::ENOTDIR);
            }
            if kind == SFlag::S_IFLNK.bits() {
                return Err(Errno::ELOOP);
            }
            flags &= !(OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW);
            let name = CString::new(format!("self/fd/{}", fd.as_raw_fd())).map_err(|_| Errno::EINVAL)?;
            settle(openat(caller.view.process()?, name.as_c_str(), flags, mode)?, wish)
        }
    }
}

/// Takes off what was only the supervisor's care.
fn settle(fd: OwnedFd, wish: &Wish) -> Result<Opened, Errno> {
    if !wish.flags.contains(OFlag::O_NONBLOCK) {
        // Only the flags that F_SETFL can change are looked at.
        fcntl(&fd, FcntlArg::F_SETFL(wish.flags))?;
    }
    Ok(Opened { fd, close_on_exec: wish.flags.contains(OFlag::O_CLOEXEC) })
}

/// Finds the object once more by the place that it has in the supervisor's own view, if that is in the lists: there is
/// no other way to know that it is the same place and not one of that name in another mount namespace.
fn judge(caller: &Caller<'_>, fd: &OwnedFd, wish: &Wish, opening: &Opening) -> Result<OwnedFd, Errno> {
    let place = place(caller, fd.as_fd())?;
    if !listed(&place, wish.writes(), opening) {
        return Err(Errno::EACCES);
    }
    let root = caller.view.root.as_ref().ok_or(Errno::EPERM)?.as_fd();
    let again = again(root, &place).map_err(|_| Errno::EACCES)?;
    let (one, other) = (fstat(fd)?, fstat(&again)?);
    if (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino) { Ok(again) } else { Err(Errno::EACCES) }
}

fn again(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = libc::O_PATH | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    let resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
    match target::open_at(root, path, flags, 0, resolve) {
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN) => plain(root, path),
        other => other,
    }
}

/// Whether a place is one of those listed, or below one.
fn listed(place: &CStr, writes: bool, opening: &Opening) -> bool {
    let place = Path::new(OsStr::from_bytes(place.to_bytes()));
    let within = |list: &[std::path::PathBuf]| list.iter().any(|path| place.starts_with(path));
    place.is_absolute() && (within(&opening.write) || (!writes && within(&opening.read)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_whole_names() {
        let opening = Opening { read: vec!["/etc/ssl".into()], write: vec!["/srv/data".into()] };
        for (place, writes, expected) in [
            (c"/etc/ssl", false, true),
            (c"/etc/ssl/certs/a.pem", false, true),
            (c"/etc/ssl/certs/a.pem", true, false),
            (c"/etc/ssl2", false, false),
            (c"/srv/data/x", true, true),
            (c"/srv/data/x", false, true),
            (c"pipe:[7]", false, false),
            (c"/", false, false),
        ] {
            assert_eq!(listed(place, writes, &opening), expected, "{place:?} {writes}");
        }
    }
}
