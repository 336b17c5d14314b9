//! ptrace(2) for what nix leaves out: stops by their raw signal (nix knows no realtime signals), PTRACE_LISTEN,
//! signal masks, and a deadline.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::unistd::Pid;

/// What a tracee did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is about to be given this signal, or has hit a trap (SIGTRAP).
    Signal(i32),
    /// It was stopped as a job by this signal.
    Group(i32),
    /// It stopped for an event, PTRACE_EVENT_*.
    Event(i32),
    /// It exited with this status.
    Exited(i32),
    /// It died by this signal.
    Killed(i32),
}

/// The event of a tracee that stops without being asked for a signal: new ones, and jobs (linux/ptrace.h).
pub const EVENT_STOP: i32 = 128;

/// Starts tracing a process, which goes on running (PTRACE_SEIZE, Linux 3.4).
///
/// # Errors
/// EPERM: the caller has not the right, or the process has a tracer.
pub fn seize(pid: Pid, options: Options) -> Result<(), Errno> {
    ptrace::seize(pid, options)
}

/// Waits until a tracee does something: this one, or any.
///
/// # Errors
/// ECHILD: there is none left.
pub fn wait(who: Option<Pid>) -> Result<(Pid, Stop), Errno> {
    loop {
        match waited(who, libc::__WALL) {
            Ok(Some(report)) => return Ok(report),
            Ok(None) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// As [`wait`] for one tracee, but no longer than until `end`. SIGCHLD must be blocked.
///
/// # Errors
/// ETIMEDOUT: nothing happened in time.
pub fn wait_until(who: Pid, end: Instant) -> Result<Stop, Errno> {
    loop {
        match waited(Some(who), libc::__WALL | libc::WNOHANG) {
            Ok(Some((_, stop))) => return Ok(stop),
            Ok(None) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let rest = end.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Err(Errno::ETIMEDOUT);
        }
        child_signal(rest);
    }
}

/// Waits for SIGCHLD, which stays blocked, for a while; nothing is lost by waking early.
fn child_signal(patience: Duration) {
    let mut set = nix::sys::signal::SigSet::empty();
    set.add(nix::sys::signal::Signal::SIGCHLD);
    let seconds = libc::time_t::try_from(patience.as_secs()).unwrap_or(libc::time_t::MAX);
    let timeout = libc::timespec { tv_sec: seconds, tv_nsec: patience.subsec_nanos().into() };
    // SAFETY: the set and the time outlive the call, and nothing is written to the null pointer.
    unsafe { libc::sigtimedwait(set.as_ref(), std::ptr::null_mut(), &raw const timeout) };
}

fn waited(who: Option<Pid>, options: i32) -> Result<Option<(Pid, Stop)>, Errno> {
    let mut status = 0;
    // SAFETY: the status is a live number.
    let pid = unsafe { libc::waitpid(who.map_or(-1, Pid::as_raw), &raw mut status, options) };
    Ok(match Errno::result(pid)? {
        0 => None,
        pid => stop(status).map(|stop| (Pid::from_raw(pid), stop)),
    })
}

/// The meaning of a status of wait(2).
fn stop(status: i32) -> Option<Stop> {
    const JOB: [i32; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    if libc::WIFEXITED(status) {
        return Some(Stop::Exited(libc::WEXITSTATUS(status)));
    }
    if libc::WIFSIGNALED(status) {
        return Some(Stop::Killed(libc::WTERMSIG(status)));
    }
    let signal = libc::WSTOPSIG(status);
    libc::WIFSTOPPED(status).then_some(match status >> 16 {
        0 => Stop::Signal(signal),
        EVENT_STOP if JOB.contains(&signal) => Stop::Group(signal),
        event => Stop::Event(event),
    })
}

/// Lets a stopped tracee run on, with a signal or 0 (PTRACE_CONT).
pub fn resume(pid: Pid, signal: i32) -> Result<(), Errno> {
    request(libc::PTRACE_CONT, pid, number(signal))
}

/// Lets it run one instruction (PTRACE_SINGLESTEP).
pub fn step(pid: Pid) -> Result<(), Errno> {
    request(libc::PTRACE_SINGLESTEP, pid, 0)
}

/// Leaves a job stopped, but hears of what ends that (PTRACE_LISTEN).
pub fn listen(pid: Pid) -> Result<(), Errno> {
    request(libc::PTRACE_LISTEN, pid, 0)
}

/// Stops a running tracee (PTRACE_INTERRUPT).
pub fn interrupt(pid: Pid) -> Result<(), Errno> {
    request(libc::PTRACE_INTERRUPT, pid, 0)
}

/// Lets go of a stopped tracee, with a signal or 0.
pub fn detach(pid: Pid, signal: i32) -> Result<(), Errno> {
    request(libc::PTRACE_DETACH, pid, number(signal))
}

fn number(signal: i32) -> usize {
    usize::try_from(signal).unwrap_or(0)
}

fn request(request: libc::c_uint, pid: Pid, data: usize) -> Result<(), Errno> {
    // SAFETY: the requests above take a number as their data and touch no memory of ours.
    let result = unsafe { libc::ptrace(request, pid.as_raw(), 0_usize, data) };
    Errno::result(result).map(drop)
}

/// Options of a tracee (PTRACE_SETOPTIONS).
pub fn options(pid: Pid, options: Options) -> Result<(), Errno> {
    ptrace::setoptions(pid, options)
}

/// What belongs to the event: a new process's id, a filter's number (PTRACE_GETEVENTMSG).
pub fn message(pid: Pid) -> Result<i64, Errno> {
    ptrace::getevent(pid)
}

/// A call that a filter has handed to the tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// AUDIT_ARCH_*.
    pub arch: u32,
    /// Where it was made.
    pub ip: u64,
    /// Its number.
    pub number: u32,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// The call at which a tracee has stopped for PTRACE_EVENT_SECCOMP (PTRACE_GET_SYSCALL_INFO, Linux 5.3).
pub fn pending(pid: Pid) -> Result<Pending, Errno> {
    // SAFETY: the structure is plain data, for which zeros are valid.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::ptrace_syscall_info>();
    // SAFETY: the kernel writes as many bytes as are given, at most.
    let got = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, pid.as_raw(), size, &raw mut info) };
    Errno::result(got)?;
    if info.op != libc::PTRACE_SYSCALL_INFO_SECCOMP {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the kernel says that this is the member which it has filled in.
    let call = unsafe { info.u.seccomp };
    let number = u32::try_from(call.nr & 0xffff_ffff).unwrap_or(u32::MAX);
    Ok(Pending { arch: info.arch, ip: info.instruction_pointer, number, arguments: call.args })
}

/// Blocks these signals, one bit each from 1 on; says which were (PTRACE_GETSIGMASK, Linux 3.11).
pub fn swap_mask(pid: Pid, mask: u64) -> Result<u64, Errno> {
    let mut old = 0_u64;
    // SAFETY: the kernel writes a set of the size that is given.
    let got = unsafe { libc::ptrace(libc::PTRACE_GETSIGMASK, pid.as_raw(), size_of::<u64>(), &raw mut old) };
    Errno::result(got)?;
    // SAFETY: the kernel reads a set of the size that is given.
    let set = unsafe { libc::ptrace(libc::PTRACE_SETSIGMASK, pid.as_raw(), size_of::<u64>(), &raw const mask) };
    Errno::result(set).map(|_| old)
}

/// A word of a stopped tracee's memory, which must not be the last of its mapping.
pub fn peek(pid: Pid, address: u64) -> Result<u64, Errno> {
    ptrace::read(pid, pointer(address)?).map(i64::cast_unsigned)
}

/// Writes one, even where the tracee could not itself.
pub fn poke(pid: Pid, address: u64, word: u64) -> Result<(), Errno> {
    ptrace::write(pid, pointer(address)?, word.cast_signed())
}

/// A place in another process: nothing of ours.
fn pointer(address: u64) -> Result<*mut libc::c_void, Errno> {
    usize::try_from(address).map(std::ptr::without_provenance_mut).map_err(|_| Errno::EFAULT)
}

/// Where in the vDSO there is a `syscall` instruction. Every process of a kernel has the same vDSO, so our own is read.
pub fn vdso_call(code: [u8; 2]) -> Option<u64> {
    // Two pages at most of it are looked at; it never was shorter since it has code for time.
    const HEADER: usize = 64;
    // SAFETY: getauxval reads what the kernel gave us.
    let base = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
    if base == 0 {
        return None;
    }
    let start = std::ptr::with_exposed_provenance::<u8>(usize::try_from(base).ok()?);
    // SAFETY: the vDSO begins with one page at least, which is mapped readable for as long as we live.
    let page = unsafe { std::slice::from_raw_parts(start, 4096) };
    let at = page.windows(2).skip(HEADER).position(|two| two == code)?;
    u64::try_from(at + HEADER).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_told_apart() {
        assert_eq!(stop(0x0300), Some(Stop::Exited(3)));
        assert_eq!(stop(9), Some(Stop::Killed(9)));
        // The first realtime signal, which is no signal for nix.
        assert_eq!(stop(0x227f), Some(Stop::Signal(34)));
        assert_eq!(stop(EVENT_STOP << 16 | 0x147f), Some(Stop::Group(libc::SIGTSTP)));
        assert_eq!(stop(EVENT_STOP << 16 | 0x057f), Some(Stop::Event(EVENT_STOP)));
        assert_eq!(stop(libc::PTRACE_EVENT_SECCOMP << 16 | 0x057f), Some(Stop::Event(libc::PTRACE_EVENT_SECCOMP)));
        assert_eq!(stop(0xffff), None);
    }
}
