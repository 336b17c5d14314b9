//! Attributes of the own process that nix has no calls for, and marks of files.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

/// Policy and priority of the calling thread (sched_setscheduler(2)).
///
/// # Errors
/// Those of the call: EPERM without CAP_SYS_NICE or a limit that allows it.
pub fn set_scheduler(policy: i32, priority: i32) -> Result<(), Errno> {
    // SAFETY: plain data, for which zeros are valid.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = priority;
    // SAFETY: the structure outlives the call, which only reads it. glibc's own wrapper would do too; musl's refuses.
    let result = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const parameters) };
    Errno::result(result).map(drop)
}

/// The nice level of this process (setpriority(2)).
///
/// # Errors
/// EACCES without the right to lower it.
pub fn set_nice(level: i32) -> Result<(), Errno> {
    // SAFETY: no pointers.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, level) };
    Errno::result(result).map(drop)
}

/// The processors to run on, as bits (sched_setaffinity(2)).
///
/// # Errors
/// EINVAL where none of them can be used.
pub fn set_affinity(words: &[u64]) -> Result<(), Errno> {
    // SAFETY: the length is that of the slice, in bytes; the kernel only reads it.
    let result = unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(words), words.as_ptr()) };
    Errno::result(result).map(drop)
}

/// Where memory is taken from, by bits of nodes (set_mempolicy(2)).
///
/// # Errors
/// Those of the call: EINVAL for nodes that the machine does not have.
pub fn set_memory_policy(mode: i32, nodes: &[u64]) -> Result<(), Errno> {
    // One more than there are bits: the kernel takes one off (a bug that became the interface).
    let bits = if nodes.is_empty() { 0 } else { nodes.len() * 64 + 1 };
    let mask = if nodes.is_empty() { std::ptr::null() } else { nodes.as_ptr() };
    // SAFETY: null, or a slice of at least as many bits as the kernel reads.
    let result = unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, mask, bits) };
    Errno::result(result).map(drop)
}

/// Class and level of input and output (ioprio_set(2)).
///
/// # Errors
/// EPERM for the realtime class without the right.
pub fn set_io_priority(bits: i32) -> Result<(), Errno> {
    const PROCESS: i32 = 1;
    // SAFETY: no pointers.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, PROCESS, 0, bits) };
    Errno::result(result).map(drop)
}

/// The personality (personality(2)).
///
/// # Errors
/// EPERM where it is locked.
pub fn set_personality(personality: u32) -> Result<(), Errno> {
    // SAFETY: no pointers.
    let result = unsafe { libc::personality(personality.into()) };
    Errno::result(result).map(drop)
}

/// PR_THP_DISABLE_EXCEPT_ADVISED (linux/prctl.h, Linux 6.18).
pub const EXCEPT_ADVISED: u64 = 2;

/// Whether this process goes without transparent huge pages, under flags of the kernel's (PR_SET_THP_DISABLE(2const)).
///
/// # Errors
/// EINVAL for flags that the kernel does not have.
pub fn disable_huge_pages(disable: bool, flags: u64) -> Result<(), Errno> {
    // SAFETY: no pointers.
    let result = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, u64::from(disable), flags, 0_u64, 0_u64) };
    Errno::result(result).map(drop)
}

/// Joins a new session keyring, and links the user's to it where it is shared (keyctl(2)).
///
/// # Errors
/// ENOSYS where the kernel has no keys, EDQUOT where the user has too many.
pub fn new_keyring(shared: bool) -> Result<(), Errno> {
    // SAFETY: a null name makes a keyring without one.
    let joined = unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) };
    Errno::result(joined)?;
    if !shared {
        return Ok(());
    }
    let (user, session) = (libc::KEY_SPEC_USER_KEYRING, libc::KEY_SPEC_SESSION_KEYRING);
    // SAFETY: no pointers; both are special numbers of keyrings.
    let linked = unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_LINK, user, session, 0, 0) };
    Errno::result(linked).map(drop)
}

/// Whether a file carries this extended attribute with the value `1` (getxattr(2)).
pub fn marked(path: &Path, name: &CStr) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    let mut value = [0_u8; 4];
    // SAFETY: the buffer is as long as is said, and both strings end in NUL.
    let length = unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    length == 1 && value[0] == b'1'
}

/// The value of an extended attribute (lgetxattr(2)); nothing where there is none, or it is longer than a page.
pub fn value(path: &Path, name: &CStr) -> Option<Vec<u8>> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut value = vec![0_u8; 4096];
    // SAFETY: the buffer is as long as is said, and both strings end in NUL.
    let length = unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(length).ok()?);
    Some(value)
}

/// Connects a stream socket to a path, for whoever hands sockets over like files.
///
/// # Errors
/// Those of socket(2) and connect(2).
pub fn connect(path: &Path) -> Result<std::os::fd::OwnedFd, Errno> {
    let stream = std::os::unix::net::UnixStream::connect(path);
    stream.map(Into::into).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}

/// Leaves a descriptor open at this number, over execve(2) too.
///
/// # Errors
/// Those of dup2(2) and fcntl(2).
pub fn place(descriptor: std::os::fd::OwnedFd, number: i32) -> Result<(), Errno> {
    use std::os::fd::{AsRawFd, IntoRawFd};
    if descriptor.as_raw_fd() == number {
        let raw = descriptor.into_raw_fd();
        // SAFETY: the descriptor is ours, and stays open on purpose.
        let result = unsafe { libc::fcntl(raw, libc::F_SETFD, 0) };
        return Errno::result(result).map(drop);
    }
    // SAFETY: whatever was at that number is the target's, which this is put before.
    let result = unsafe { libc::dup2(descriptor.as_raw_fd(), number) };
    Errno::result(result).map(drop)
}
