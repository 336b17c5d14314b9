//! seccomp(2): loading a filter.

use libc::sock_filter;
use nix::errno::Errno;

/// Loads a filter for the calling thread (SECCOMP_SET_MODE_FILTER, Linux 3.17). It cannot be taken off again.
///
/// `flags` are SECCOMP_FILTER_FLAG_*, without those that make the call return something (NEW_LISTENER, TSYNC).
///
/// # Errors
/// EACCES without no_new_privs and CAP_SYS_ADMIN in the own user namespace, EINVAL for a program or flags that the
/// kernel does not take, ENOMEM for too many instructions in all filters of the thread.
pub fn load(flags: u32, program: &[sock_filter]) -> Result<(), Errno> {
    match set(flags, program)? {
        0 => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// Loads a filter with SECCOMP_FILTER_FLAG_NEW_LISTENER and says the number of the listener's descriptor.
///
/// # Errors
/// As [`load`]; EBUSY: another filter of this process has a listener.
pub fn listen(flags: u32, program: &[sock_filter]) -> Result<i32, Errno> {
    /// SECCOMP_FILTER_FLAG_NEW_LISTENER (Linux 5.0).
    const NEW_LISTENER: u32 = 1 << 3;
    set(flags | NEW_LISTENER, program)
}

fn set(flags: u32, program: &[sock_filter]) -> Result<i32, Errno> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel copies `len` instructions from the slice before the call returns, and writes to none.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    i32::try_from(Errno::result(result)?).map_err(|_| Errno::EBADF)
}
