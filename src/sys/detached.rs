//! A process beside the launcher that is no child of the target.

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, chdir, fork, getpid, setsid};

use super::descriptors::close_range;

/// Which of the two a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The launcher.
    Launcher,
    /// The new process, and who the launcher is.
    Beside(Pid),
}

/// Makes a process whose parent is gone: whoever adopts orphans reaps it, and the target never hears of it. The
/// launcher must have one thread.
///
/// # Errors
/// Those of fork(2), in either of the two forks.
pub fn beside() -> Result<Side, Errno> {
    let launcher = getpid();
    // SAFETY: this is a fork without an exit signal: no memory is shared, no stack is given, and there is one thread.
    let between = Errno::result(unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) })?;
    if between == 0 {
        // SAFETY: still one thread, and nothing is locked.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => return Ok(Side::Beside(launcher)),
            Ok(ForkResult::Parent { .. }) => leave(0),
            Err(errno) => leave(errno as i32),
        }
    }
    let between = Pid::from_raw(i32::try_from(between).map_err(|_| Errno::ERANGE)?);
    reap(between).map(|()| Side::Launcher)
}

/// Waits for a child without an exit signal, whose status is 0 or the error that it met.
pub(super) fn reap(child: Pid) -> Result<(), Errno> {
    loop {
        match waitpid(child, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Exited(_, 0)) => return Ok(()),
            Ok(WaitStatus::Exited(_, status)) => return Err(Errno::from_raw(status)),
            Ok(WaitStatus::Signaled(..)) => return Err(Errno::ECHILD),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Takes from the process beside what could reach it or what it could reach: it has a session of its own, hears no
/// signal but SIGKILL, cannot be attached to, stands in `/`, and keeps no descriptor but `keep` and standard error.
///
/// # Errors
/// Those of the calls.
pub fn settle(keep: &[i32]) -> Result<(), Errno> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)?;
    // An ignored SIGCHLD would not be queued.
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action runs no code of ours.
    unsafe { sigaction(Signal::SIGCHLD, &default) }?;
    setsid()?;
    undumpable()?;
    chdir("/")?;
    close_all_but(keep)
}

/// Not dumpable: /proc and ptrace(2) are closed to others (PR_SET_DUMPABLE).
fn undumpable() -> Result<(), Errno> {
    super::process::prctl(libc::PR_SET_DUMPABLE, 0).map(drop)
}

/// Closes all descriptors but standard error and these.
fn close_all_but(keep: &[i32]) -> Result<(), Errno> {
    let mut keep: Vec<u32> = keep.iter().filter_map(|number| u32::try_from(*number).ok()).chain([2]).collect();
    keep.sort_unstable();
    let mut next = 0;
    for number in keep {
        if number > next {
            close_range(next, number - 1)?;
        }
        next = number + 1;
    }
    close_range(next, u32::MAX)
}

/// Ends this process at once, without running anything that belongs to the launcher.
pub fn leave(status: i32) -> ! {
    // SAFETY: nothing of this process is left to be cleaned up.
    unsafe { libc::_exit(status) }
}
