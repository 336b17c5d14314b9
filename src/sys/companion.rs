//! What the processes beside a target in a PID namespace need of the kernel.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::{ForkResult, Pid, fork};

/// Makes a child. This process must have one thread.
///
/// # Errors
/// EAGAIN, ENOMEM; ENOSPC: more PID namespaces than user.max_pid_namespaces.
pub fn split() -> Result<Option<Pid>, Errno> {
    // SAFETY: there is one thread, so nothing that the child needs is locked by another.
    match unsafe { fork() }? {
        ForkResult::Child => Ok(None),
        ForkResult::Parent { child } => Ok(Some(child)),
    }
}

/// What has become of a child, as wait(2) has it; nothing where nothing has.
///
/// # Errors
/// ECHILD, EINTR.
pub fn status(child: Pid, flags: WaitPidFlag) -> Result<Option<i32>, Errno> {
    let mut status = 0;
    // SAFETY: the kernel writes one number to a live variable.
    let found = unsafe { libc::waitpid(child.as_raw(), &raw mut status, flags.bits()) };
    Ok((Errno::result(found)? != 0).then_some(status))
}

/// The next child of which something is new, and what has become of it, as wait(2) has it; nothing where nothing is.
///
/// # Errors
/// None that are known.
pub fn any_status() -> Result<Option<(Pid, i32)>, Errno> {
    let mut status = 0;
    let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
    // SAFETY: the kernel writes one number to a live variable.
    match Errno::result(unsafe { libc::waitpid(-1, &raw mut status, flags) }) {
        Ok(0) | Err(Errno::ECHILD) => Ok(None),
        Ok(child) => Ok(Some((Pid::from_raw(child), status))),
        Err(errno) => Err(errno),
    }
}

/// Dies by SIGKILL as soon as the parent does (PR_SET_PDEATHSIG). The parent may be dead already.
///
/// # Errors
/// None that are known.
pub fn die_with_parent() -> Result<(), Errno> {
    super::process::prctl(libc::PR_SET_PDEATHSIG, 9).map(drop)
}

/// Names this process in /proc (PR_SET_NAME), in 15 bytes.
pub fn rename(name: &CStr) {
    // SAFETY: the kernel reads a C string, which lives over the call. It cannot fail.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Copies a descriptor; the copy is closed by execution.
///
/// # Errors
/// EBADF, EMFILE.
pub fn copy(fd: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: takes numbers only.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    let copy = Errno::result(copy)?;
    // SAFETY: the kernel has just made it for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Has a descriptor closed by execution (FD_CLOEXEC).
///
/// # Errors
/// EBADF.
pub fn close_by_execution(fd: i32) -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// Closes every descriptor but these; one by one before Linux 5.9.
///
/// # Errors
/// Those of close_range(2).
pub fn close_all_but(keep: &mut [i32]) -> Result<(), Errno> {
    keep.sort_unstable();
    let mut next = 0;
    for number in keep.iter().filter_map(|number| u32::try_from(*number).ok()) {
        if number > next {
            close_range(next, number - 1)?;
        }
        next = number.saturating_add(1).max(next);
    }
    close_range(next, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    /// More than this no process of ours has opened.
    const MOST: u32 = 1024;
    match super::descriptors::close_range(first, last) {
        Err(Errno::ENOSYS | Errno::EPERM) => {
            for number in first..=last.min(MOST) {
                // Most are not open.
                super::descriptors::close(number.cast_signed()).ok();
            }
            Ok(())
        }
        other => other,
    }
}

/// Waits until something can be read (or, where `write` says so, written), at most so many milliseconds; says of which
/// that holds. A descriptor of -1 is left out.
///
/// # Errors
/// EINTR; those of poll(2).
pub fn wait<const N: usize>(fds: [i32; N], write: [bool; N], milliseconds: i32) -> Result<[bool; N], Errno> {
    let mut polled = [libc::pollfd { fd: -1, events: 0, revents: 0 }; N];
    for ((slot, fd), write) in polled.iter_mut().zip(fds).zip(write) {
        slot.fd = fd;
        slot.events = if write { libc::POLLOUT } else { libc::POLLIN };
    }
    let count = libc::nfds_t::try_from(N).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the array is as long as we say and lives over the call.
    Errno::result(unsafe { libc::poll(polled.as_mut_ptr(), count, milliseconds) })?;
    Ok(polled.map(|one| one.revents != 0))
}

/// The foreground process group of a terminal (tcgetpgrp(3)).
///
/// # Errors
/// ENOTTY: it is no terminal, or not the one that controls this session.
pub fn foreground(terminal: BorrowedFd<'_>) -> Result<Pid, Errno> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) }).map(Pid::from_raw)
}

/// Puts a process group into the foreground (tcsetpgrp(3)); SIGTTOU must be blocked.
///
/// # Errors
/// ENOTTY, EPERM.
pub fn set_foreground(terminal: BorrowedFd<'_>, group: Pid) -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::tcsetpgrp(terminal.as_raw_fd(), group.as_raw()) }).map(drop)
}

/// Makes a PID namespace for children; this process stays where it is (unshare(2)).
///
/// # Errors
/// EPERM, ENOSPC.
pub fn namespace() -> Result<(), Errno> {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWPID)
}

/// The inode number of a file in a directory, links followed: what names a namespace.
///
/// # Errors
/// Those of fstatat(2).
pub fn inode(directory: BorrowedFd<'_>, name: &CStr) -> Result<u64, Errno> {
    use nix::fcntl::AtFlags;
    nix::sys::stat::fstatat(directory, name, AtFlags::empty()).map(|found| found.st_ino)
}
