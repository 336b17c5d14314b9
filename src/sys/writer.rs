//! A user namespace whose maps are written from outside it.
//!
//! To map more than its own ids a process needs CAP_SETUID over the namespace that it leaves, and
//! has lost that as soon as it has left. So a child stays behind, writes, and is gone before the
//! target runs. It allocates nothing and has no exit signal: whatever the caller did to SIGCHLD,
//! it is reaped here and the target never hears of it.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{Pid, pipe2, read, write};

use super::detached::{leave, reap};

/// Files below /proc/PID and what to write to them, in order.
pub type Writes<'a> = &'a [(&'a CStr, &'a [u8])];

/// Enters a new user namespace whose maps a child writes from the old one. `process` is this
/// process's directory in /proc, opened before.
///
/// # Errors
/// What failed first, in the child too. The process may be in the new namespace then, without
/// maps: nothing can be executed in it that was meant to have them.
pub fn enter(process: BorrowedFd<'_>, writes: Writes<'_>) -> Result<(), Errno> {
    let (wait, go) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: this is a fork: no memory is shared, no stack is given. The child below calls nothing
    // that takes a lock or allocates.
    let child = Errno::result(unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) })?;
    if child == 0 {
        drop(go);
        leave(stay(wait.as_fd(), process, writes).err().map_or(0, |errno| errno as i32));
    }
    drop(wait);
    let entered = unshare(CloneFlags::CLONE_NEWUSER);
    // Where this was refused the pipe closes without a byte, and the child writes nothing.
    let told = entered.and_then(|()| write(&go, b"!").map(drop));
    drop(go);
    // Process ids fit: PID_MAX_LIMIT is 2^22.
    let written = reap(Pid::from_raw(i32::try_from(child).map_err(|_| Errno::ERANGE)?));
    told.and(written)
}

fn stay(wait: BorrowedFd<'_>, process: BorrowedFd<'_>, writes: Writes<'_>) -> Result<(), Errno> {
    let mut byte = [0];
    loop {
        match read(wait, &mut byte) {
            Ok(1) => return write_all(process, writes),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Writes files of a process's directory in /proc, each by one write(2), as id maps demand.
///
/// # Errors
/// ENOTSUP: a file is none of procfs's, so something else was put in its place.
pub fn write_all(process: BorrowedFd<'_>, writes: Writes<'_>) -> Result<(), Errno> {
    for (name, text) in writes {
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let file = openat(process, *name, flags, Mode::empty())?;
        if fstatfs(&file)?.filesystem_type() != PROC_SUPER_MAGIC {
            return Err(Errno::ENOTSUP);
        }
        if write(&file, text)? != text.len() {
            return Err(Errno::EIO);
        }
    }
    Ok(())
}

/// This process's own directory in /proc, whichever pid namespace that is of.
///
/// # Errors
/// ENOTSUP: what is mounted there is not procfs.
pub fn own_directory() -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = nix::fcntl::open(c"/proc/self", flags, Mode::empty())?;
    if fstatfs(&directory)?.filesystem_type() == PROC_SUPER_MAGIC { Ok(directory) } else { Err(Errno::ENOTSUP) }
}
