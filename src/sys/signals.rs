//! Signals by number, all 64 of them: the C library keeps two from its own sets, and whoever stands in for another
//! process must pass on what it knows nothing of.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// The highest signal of Linux.
pub const LAST: i32 = 64;

/// A set of signals: bit N - 1 stands for signal N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(pub u64);

impl Set {
    /// Every signal; SIGKILL and SIGSTOP are in it and are never blocked.
    pub const ALL: Self = Self(u64::MAX);

    /// One signal.
    pub const fn one(number: i32) -> Self {
        if number < 1 || number > LAST { Self(0) } else { Self(1 << (number - 1)) }
    }

    /// Whether any of these is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set without another.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// The size that the kernel wants to hear with a set.
const SIZE: usize = size_of::<u64>();

/// Blocks exactly these signals; says which were blocked before (rt_sigprocmask(2)).
///
/// # Errors
/// None that are known.
pub fn block(set: Set) -> Result<Set, Errno> {
    let mut before = 0_u64;
    let (new, old) = (&raw const set.0, &raw mut before);
    // SAFETY: both point to eight bytes, which is the size said, and live over the call.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, new, old, SIZE) };
    Errno::result(result).map(|_| Set(before))
}

/// The signals that have arrived and are blocked (rt_sigpending(2)).
///
/// # Errors
/// None that are known.
pub fn pending() -> Result<Set, Errno> {
    let mut set = 0_u64;
    // SAFETY: the kernel writes the eight bytes that are said to a live variable.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set, SIZE) };
    Errno::result(result).map(|_| Set(set))
}

/// A descriptor from which these signals can be read while they are blocked (signalfd(2)); never waits.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM.
pub fn descriptor(set: Set) -> Result<OwnedFd, Errno> {
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the set is of the size said and lives over the call.
    let fd = unsafe { libc::syscall(libc::SYS_signalfd4, -1, &raw const set.0, SIZE, flags) };
    let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made it for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A signal that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its number.
    pub number: i32,
    /// How it was sent: SI_USER, SI_QUEUE, SI_KERNEL, CLD_EXITED...
    pub code: i32,
    /// Who sent it; 0 for the kernel, and for who is not in this PID namespace.
    pub sender: u32,
    /// The sender's user.
    pub user: u32,
    /// What came with it (sigqueue(3)).
    pub value: u64,
}

/// Takes the next signal that has arrived; nothing where there is none.
///
/// # Errors
/// Those of read(2), but EAGAIN and EINTR.
pub fn read(from: BorrowedFd<'_>) -> Result<Option<Arrival>, Errno> {
    const LENGTH: usize = size_of::<libc::signalfd_siginfo>();
    let mut bytes = [0_u8; LENGTH];
    let number = |at: usize, bytes: &[u8; LENGTH]| -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        u32::from_ne_bytes(word)
    };
    match nix::unistd::read(from, &mut bytes) {
        // signalfd_siginfo: signo, errno, code, pid, uid; the pointer that came with it is at 48.
        Ok(LENGTH) => Ok(Some(Arrival {
            number: number(0, &bytes).cast_signed(),
            code: number(8, &bytes).cast_signed(),
            sender: number(12, &bytes),
            user: number(16, &bytes),
            value: u64::from(number(48, &bytes)) | u64::from(number(52, &bytes)) << 32,
        })),
        Ok(_) => Err(Errno::EIO),
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// `siginfo_t` as the kernel lays it out for a signal that was queued: 128 bytes.
#[repr(C, align(8))]
struct Info {
    number: i32,
    errno: i32,
    code: i32,
    gap: i32,
    sender: i32,
    user: u32,
    value: u64,
    rest: [u64; 12],
}

/// Sends a signal to a process; with its value, where it was queued with one (pidfd_send_signal(2), Linux 5.1).
///
/// # Errors
/// ESRCH: it is gone. EPERM: it has become somebody else. EAGAIN: too many are queued.
pub fn send(to: BorrowedFd<'_>, arrival: &Arrival) -> Result<(), Errno> {
    let (fd, number) = (to.as_raw_fd(), arrival.number);
    if arrival.code == libc::SI_QUEUE {
        let info = Info {
            number,
            errno: 0,
            code: libc::SI_QUEUE,
            gap: 0,
            sender: arrival.sender.cast_signed(),
            user: arrival.user,
            value: arrival.value,
            rest: [0; 12],
        };
        // SAFETY: the structure is as long as the kernel's and lives over the call.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, number, &raw const info, 0) };
        return Errno::result(result).map(drop);
    }
    signal(to, number)
}

/// Sends a signal to a process.
///
/// # Errors
/// As [`send`].
pub fn signal(to: BorrowedFd<'_>, number: i32) -> Result<(), Errno> {
    let null = std::ptr::null::<Info>();
    // SAFETY: without a structure the call takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, to.as_raw_fd(), number, null, 0) };
    Errno::result(result).map(drop)
}

/// What a process does about one signal, to be put back.
pub struct Disposition(i32, libc::sigaction);

extern "C" fn nothing(_: c_int) {}

/// Catches a signal without doing anything about it: so /proc shows it as caught.
///
/// # Errors
/// EINVAL: it cannot be caught, or is the C library's own.
pub fn catch(number: i32) -> Result<Disposition, Errno> {
    set(number, nothing as extern "C" fn(c_int) as usize)
}

/// Gives a signal its default action.
///
/// # Errors
/// As [`catch`].
pub fn default(number: i32) -> Result<Disposition, Errno> {
    set(number, libc::SIG_DFL)
}

/// Ignores a signal.
///
/// # Errors
/// As [`catch`].
pub fn ignore(number: i32) -> Result<Disposition, Errno> {
    set(number, libc::SIG_IGN)
}

fn set(number: i32, handler: usize) -> Result<Disposition, Errno> {
    // SAFETY: sigaction is plain data, for which zeros are valid.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_RESTART;
    put(number, &action)
}

fn put(number: i32, action: &libc::sigaction) -> Result<Disposition, Errno> {
    // SAFETY: sigaction is plain data, for which zeros are valid.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both structures live over the call; a handler, where there is one, does nothing.
    let result = unsafe { libc::sigaction(number, std::ptr::from_ref(action), &raw mut before) };
    Errno::result(result).map(|_| Disposition(number, before))
}

impl Disposition {
    /// Puts it back.
    ///
    /// # Errors
    /// None that are known.
    pub fn restore(&self) -> Result<(), Errno> {
        put(self.0, &self.1).map(drop)
    }
}

/// Does to this process what the signal does by default: ends it, or stops it until it is continued. Comes back where
/// the signal does neither.
///
/// # Errors
/// Those of the calls.
pub fn suffer(number: i32) -> Result<(), Errno> {
    // SIGKILL and SIGSTOP have no other action, and say so.
    let before = default(number).ok();
    let own = std::process::id().cast_signed();
    // SAFETY: a signal to this very process; its default action runs no code of ours.
    Errno::result(unsafe { libc::kill(own, number) })?;
    let blocked = block(Set::ALL.without(Set::one(number)))?;
    block(blocked)?;
    before.map_or(Ok(()), |before| before.restore())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_count_from_one() {
        assert_eq!((Set::one(1).0, Set::one(64).0), (1, 1 << 63));
        assert_eq!((Set::one(0).0, Set::one(65).0), (0, 0));
        assert_eq!(Set::ALL.without(Set::one(2)).0 & 2, 0);
    }

    #[test]
    fn the_structure_is_the_kernels() {
        assert_eq!(size_of::<Info>(), 128);
    }
}
