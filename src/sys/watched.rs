//! A child that is watched from its first instruction, by a filter whose listener is this process's.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::sock_filter;
use nix::errno::Errno;
use nix::unistd::Pid;

use super::beside::Board;
use super::execve::{self, Vector};
use super::notify::Listener;
use super::{process, seccomp, signals, target};

/// Nanoseconds between two looks at the board.
const NAP: i64 = 50_000;

/// What to execute, and how.
pub struct Start<'a> {
    /// The file.
    pub path: &'a CStr,
    /// Its arguments.
    pub argv: &'a Vector,
    /// Its environment.
    pub envp: &'a Vector,
    /// The signals that it starts with blocked.
    pub mask: signals::Set,
    /// A filter that notifies of calls.
    pub filter: &'a [sock_filter],
    /// Whether it can get privileges by execve(2). With a filter that takes CAP_SYS_ADMIN.
    pub privileges: bool,
}

/// The child.
pub struct Child {
    /// Its number.
    pub pid: Pid,
    /// Itself, readable when it has ended.
    pub process: OwnedFd,
    board: Board,
}

impl Child {
    /// Why the child could not become its program; nothing while it is not known to have failed.
    pub fn failure(&self) -> Option<Errno> {
        self.board.said()
    }
}

/// Starts the child; the second is what tells of its calls. This process must have one thread only; it gets an own table of descriptors.
///
/// # Errors
/// EAGAIN, ENOMEM: no process more. Those of loading a filter; ECHILD: the child ended before it could load it.
pub fn start(start: &Start<'_>) -> Result<(Child, Listener), Errno> {
    let board = Board::new()?;
    let flags = libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: a plain fork but for the table of descriptors: no memory is shared and no stack is given.
    let number = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    let number = i32::try_from(Errno::result(number)?).map_err(|_| Errno::ESRCH)?;
    if number == 0 {
        let errno = become_program(start, &board);
        board.report(Err(errno));
        // SAFETY: ends this copy of the process without running anything of the original's.
        unsafe { libc::_exit(127) }
    }
    let process = target::process(number)?;
    let pid = Pid::from_raw(number);
    let listener = loop {
        if let Some(told) = board.told() {
            break told.ok_or(Errno::ECHILD)?;
        }
        match target::wait([process.as_fd()], Some(NAP)) {
            Ok([found]) if found.input => return Err(board.said().unwrap_or(Errno::ECHILD)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    };
    // The child has its own from its execve on, which is the first call that waits for an answer.
    target::own_descriptors()?;
    let listener = Listener::from(target::take(listener)?);
    Ok((Child { pid, process, board }, listener))
}

/// A child that waits before its execve until it is let go; without that it ends with this process.
pub struct Held(OwnedFd);

impl Held {
    /// Lets it become its program.
    ///
    /// # Errors
    /// EPIPE: it has ended.
    pub fn go(self) -> Result<(), Errno> {
        nix::unistd::write(&self.0, &[1]).map(drop)
    }
}

/// Starts a child that nothing is done to: the filter is not loaded, and privileges are left to it. This process must have
/// one thread only.
///
/// # Errors
/// EAGAIN, ENOMEM, EMFILE.
pub fn held(start: &Start<'_>) -> Result<(Child, Held), Errno> {
    let board = Board::new()?;
    let (wait, go) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    // SAFETY: the child allocates nothing, takes no lock and ends by execve or _exit.
    let pid = match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => child,
        nix::unistd::ForkResult::Child => {
            drop(go);
            let mut word = [0];
            let told = nix::unistd::read(&wait, &mut word);
            let errno = match told.and_then(|_| signals::block(start.mask)) {
                Ok(_) if word == [1] => execve::execve(start.path, start.argv, start.envp, [0; 3]),
                Ok(_) => Errno::ECANCELED,
                Err(errno) => errno,
            };
            board.report(Err(errno));
            // SAFETY: ends this copy of the process without running anything of the original's.
            unsafe { libc::_exit(127) }
        }
    };
    Ok((Child { pid, process: target::process(pid.as_raw())?, board }, Held(go)))
}

/// The child's side; says why it failed.
fn become_program(start: &Start<'_>, board: &Board) -> Errno {
    match prepare(start, board) {
        Ok(()) => execve::execve(start.path, start.argv, start.envp, [0; 3]),
        Err(errno) => errno,
    }
}

fn prepare(start: &Start<'_>, board: &Board) -> Result<(), Errno> {
    /// SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (Linux 5.19): a call that was taken is not interrupted by signals.
    const WAIT_KILLABLE: u32 = 1 << 5;
    let kill = libc::SIGKILL.unsigned_abs().into();
    // Without the watching process every call would fail: nothing good comes of going on.
    process::prctl(libc::PR_SET_PDEATHSIG, kill)?;
    signals::block(start.mask)?;
    if !start.privileges {
        process::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    }
    let listener = match seccomp::listen(WAIT_KILLABLE, start.filter) {
        Err(Errno::EINVAL) => seccomp::listen(0, start.filter)?,
        other => other?,
    };
    board.tell(Some(listener));
    Ok(())
}

/// A copy of another process's descriptor (pidfd_getfd(2), Linux 5.6).
///
/// # Errors
/// EPERM: it is not ours to debug. EBADF: it has none of that number. ESRCH.
pub fn descriptor(process: BorrowedFd<'_>, number: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) };
    let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made it for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A socket's type: SOCK_STREAM, SOCK_DGRAM and so on (SO_TYPE of socket(7)).
///
/// # Errors
/// ENOTSOCK.
pub fn socket_type(socket: BorrowedFd<'_>) -> Result<i32, Errno> {
    let mut kind = 0_i32;
    let mut length: libc::socklen_t = 4;
    let (into, size) = ((&raw mut kind).cast(), &raw mut length);
    // SAFETY: the kernel writes at most the four bytes that are said to a live variable.
    let result = unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TYPE, into, size) };
    Errno::result(result).map(|_| kind)
}
