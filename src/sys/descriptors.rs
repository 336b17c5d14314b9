//! Descriptors by number, whoever opened them.

use nix::errno::Errno;

/// Closes all descriptors from `first` to `last`, both included (close_range(2), Linux 5.9).
pub fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: closing descriptors breaks no memory; callers own none of those in the range.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    Errno::result(result).map(drop)
}

/// Closes one descriptor.
pub fn close(number: i32) -> Result<(), Errno> {
    // SAFETY: closing a descriptor breaks no memory; callers own none of that number.
    let result = unsafe { libc::close(number) };
    Errno::result(result).map(drop)
}

/// Whether a descriptor is open (EBADF where it is not).
pub fn check(number: i32) -> Result<(), Errno> {
    // SAFETY: F_GETFD reads and writes no memory.
    let result = unsafe { libc::fcntl(number, libc::F_GETFD) };
    Errno::result(result).map(drop)
}
