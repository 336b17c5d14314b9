//! ptrace(2) on a thread that runs, for as long as it takes to read its filters.

use std::time::{Duration, Instant};

use libc::sock_filter;
use nix::errno::Errno;

/// PTRACE_SECCOMP_GET_FILTER (Linux 4.4) and PTRACE_SECCOMP_GET_METADATA (Linux 4.16) of linux/ptrace.h.
const GET_FILTER: libc::c_uint = 0x420c;
const GET_METADATA: libc::c_uint = 0x420d;

/// A thread that stands still. It goes on when this is dropped.
pub struct Attached {
    tid: i32,
    /// A signal that it was about to get.
    signal: i32,
}

/// `struct seccomp_metadata` of linux/ptrace.h.
#[repr(C)]
struct Metadata {
    offset: u64,
    flags: u64,
}

impl Attached {
    /// Stops a thread without a signal of ours (PTRACE_SEIZE, PTRACE_INTERRUPT).
    ///
    /// # Errors
    /// EPERM without the right to trace it or where it is traced already, ESRCH when it is gone, ETIMEDOUT when it does
    /// not stop in time (it is in an uninterruptible sleep, and will not notice that it was asked).
    pub fn to(tid: i32, patience: Duration) -> Result<Self, Errno> {
        // SAFETY: takes numbers only; no options.
        Errno::result(unsafe { libc::ptrace(libc::PTRACE_SEIZE, tid, 0_usize, 0_usize) })?;
        // SAFETY: takes numbers only.
        Errno::result(unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, tid, 0_usize, 0_usize) })?;
        let end = Instant::now() + patience;
        loop {
            let mut status = 0;
            // SAFETY: the status is a local number.
            let waited = unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL | libc::WNOHANG) };
            match Errno::result(waited) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
                Ok(0) if Instant::now() > end => return Err(Errno::ETIMEDOUT),
                Ok(0) => std::thread::sleep(Duration::from_millis(1)),
                Ok(_) if libc::WIFSTOPPED(status) => {
                    // A stop for an event has its number above the signal's, and delivers nothing.
                    let signal = if status >> 16 == 0 { libc::WSTOPSIG(status) } else { 0 };
                    return Ok(Self { tid, signal });
                }
                Ok(_) => return Err(Errno::ESRCH),
            }
        }
    }

    /// One of its filters, the oldest being 0; nothing past the newest.
    ///
    /// # Errors
    /// EACCES without CAP_SYS_ADMIN in the first user namespace or under a filter of the own, EINVAL in a kernel without
    /// CONFIG_CHECKPOINT_RESTORE.
    pub fn filter(&self, index: usize) -> Result<Option<Vec<sock_filter>>, Errno> {
        let null = std::ptr::null_mut::<sock_filter>();
        // SAFETY: without a buffer the kernel only counts.
        let length = unsafe { libc::ptrace(GET_FILTER, self.tid, index, null) };
        let length = match Errno::result(length) {
            Err(Errno::ENOENT) => return Ok(None),
            other => usize::try_from(other?).map_err(|_| Errno::EINVAL)?,
        };
        let mut program = vec![sock_filter { code: 0, jt: 0, jf: 0, k: 0 }; length];
        // SAFETY: the buffer has room for as many instructions as the kernel has just counted, and a filter never changes.
        Errno::result(unsafe { libc::ptrace(GET_FILTER, self.tid, index, program.as_mut_ptr()) })?;
        Ok(Some(program))
    }

    /// The SECCOMP_FILTER_FLAG_* that one of its filters was loaded with: only LOG is kept by the kernel.
    ///
    /// # Errors
    /// As for [`Attached::filter`], and ENOENT past the newest.
    pub fn flags(&self, index: usize) -> Result<u64, Errno> {
        let mut data = Metadata { offset: index as u64, flags: 0 };
        // SAFETY: the structure is as long as we say and outlives the call.
        let answer = unsafe { libc::ptrace(GET_METADATA, self.tid, size_of::<Metadata>(), &raw mut data) };
        Errno::result(answer).map(|_| data.flags)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // A thread that was killed meanwhile cannot be detached from, and need not be.
        // SAFETY: takes numbers only.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, self.tid, 0_usize, libc::c_long::from(self.signal)) };
    }
}
