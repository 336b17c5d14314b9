//! Seccomp notifications (seccomp_unotify(2), `linux/seccomp.h`): the descriptor that loading a filter returns.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

/// SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: the target is woken on the supervisor's own CPU (Linux 6.6).
const SYNC_WAKE_UP: u64 = 1;

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification {
    /// What the answer is addressed to; the kernel never gives a number again.
    pub id: u64,
    /// The thread, in our PID namespace; 0 where it has no number there.
    pub thread: u32,
    /// The call's number.
    pub number: u32,
    /// The architecture's AUDIT_ARCH_*.
    pub arch: u32,
    /// Where it was made.
    pub ip: u64,
    /// The six argument registers.
    pub args: [u64; 6],
}

/// An argument of the C type int: the kernel looks at the low half of the register alone.
pub fn int(argument: u64) -> i32 {
    #[allow(clippy::cast_possible_truncation)]
    let low = argument as u32;
    low.cast_signed()
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The call runs.
    Continue,
    /// The call fails with this.
    Error(Errno),
    /// The call returns this.
    Value(i64),
}

/// The notifications of one filter.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl From<OwnedFd> for Listener {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Listener {
    /// Takes the next notification, waiting for one.
    ///
    /// # Errors
    /// ENOENT: the target died meanwhile, or (since Linux 6.11) all targets are gone. EINTR: a signal.
    pub fn receive(&self) -> Result<Notification, Errno> {
        // The kernel refuses a buffer that is not all zeros, padding included.
        let mut room = MaybeUninit::<libc::seccomp_notif>::zeroed();
        // SAFETY: RECV writes one seccomp_notif, whose size is part of its number, to a live buffer of that size.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, room.as_mut_ptr()) };
        Errno::result(result)?;
        // SAFETY: every field is a number, for which zeros are valid and whatever the kernel writes is too.
        let notif = unsafe { room.assume_init() };
        Ok(Notification {
            id: notif.id,
            thread: notif.pid,
            number: notif.data.nr.cast_unsigned(),
            arch: notif.data.arch,
            ip: notif.data.instruction_pointer,
            args: notif.data.args,
        })
    }

    /// Answers a notification.
    ///
    /// # Errors
    /// ENOENT: the target died, or a signal interrupted its call.
    pub fn send(&self, id: u64, answer: Answer) -> Result<(), Errno> {
        let (val, error, flags) = match answer {
            // libc has the flag as a wider number; it is 1.
            Answer::Continue => (0, 0, 1),
            Answer::Error(errno) => (0, -(errno as i32), 0),
            Answer::Value(val) => (val, 0, 0),
        };
        let response = libc::seccomp_notif_resp { id, val, error, flags };
        // SAFETY: SEND reads one seccomp_notif_resp, which outlives the call.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const response) };
        Errno::result(result).map(drop)
    }

    /// Puts a copy of a descriptor into the target and answers its call with the number, at once (Linux 5.14).
    ///
    /// # Errors
    /// ENOENT: the target died. EMFILE: it has no room. EINVAL before Linux 5.14.
    pub fn give(&self, id: u64, fd: BorrowedFd<'_>, close_on_exec: bool) -> Result<(), Errno> {
        self.add(id, fd, close_on_exec, SEND).map(drop)
    }

    /// Puts a copy of a descriptor into the target and says its number there (Linux 5.9).
    ///
    /// # Errors
    /// As [`Listener::give`].
    pub fn place(&self, id: u64, fd: BorrowedFd<'_>, close_on_exec: bool) -> Result<i32, Errno> {
        self.add(id, fd, close_on_exec, 0)
    }

    fn add(&self, id: u64, fd: BorrowedFd<'_>, close_on_exec: bool, flags: u32) -> Result<i32, Errno> {
        let newfd_flags = if close_on_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 };
        let srcfd = fd.as_raw_fd().cast_unsigned();
        let request = libc::seccomp_notif_addfd { id, flags, srcfd, newfd: 0, newfd_flags };
        // SAFETY: ADDFD reads one seccomp_notif_addfd, which outlives the call.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const request) };
        Errno::result(result)
    }

    /// Whether the call still waits. Whatever was learnt of the target before a `true` was the caller's.
    pub fn waits(&self, id: u64) -> bool {
        // SAFETY: ID_VALID reads one u64, which outlives the call.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) };
        result == 0
    }

    /// Has targets woken on the supervisor's CPU; does nothing before Linux 6.6.
    pub fn wake_in_place(&self) {
        // SAFETY: SET_FLAGS takes its flags as the argument itself, although its number says a pointer.
        unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
    }
}

/// SECCOMP_ADDFD_FLAG_SEND.
const SEND: u32 = 2;

/// Whether this kernel's structures are the ones that we know (SECCOMP_GET_NOTIF_SIZES).
///
/// # Errors
/// EPROTO: they have grown. Those of seccomp(2): there are no notifications.
pub fn sizes() -> Result<(), Errno> {
    let mut sizes = libc::seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
    let operation = libc::SECCOMP_GET_NOTIF_SIZES;
    // SAFETY: the kernel writes three u16s to a live structure of that layout.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, operation, 0, &raw mut sizes) };
    Errno::result(result)?;
    let fits = usize::from(sizes.seccomp_notif) <= size_of::<libc::seccomp_notif>()
        && usize::from(sizes.seccomp_notif_resp) <= size_of::<libc::seccomp_notif_resp>();
    if fits { Ok(()) } else { Err(Errno::EPROTO) }
}
