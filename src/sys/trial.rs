//! The smallest use of each primitive, for children that only find out whether it works.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// Takes a descriptor that a system call just returned.
fn owned(answer: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = Errno::result(answer)?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made it for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A detached mount of a file system by the new mount API (fsopen(2), Linux 5.2).
///
/// # Errors
/// ENOSYS on older kernels, EPERM without the right to mount or where the kernel finds the mount
/// "too revealing".
pub fn detached(fstype: &CStr) -> Result<OwnedFd, Errno> {
    /// FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC.
    const CLOEXEC: u32 = 1;
    /// FSCONFIG_CMD_CREATE.
    const CREATE: u32 = 6;
    // SAFETY: the string ends with a nul and outlives the call.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, fstype.as_ptr(), CLOEXEC) })?;
    let null = std::ptr::null::<u8>();
    // SAFETY: this command takes neither key nor value.
    let answer = unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), CREATE, null, null, 0) };
    Errno::result(answer)?;
    // SAFETY: takes numbers only.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), CLOEXEC, 0) })
}

/// open_tree(2) with OPEN_TREE_CLONE and AT_RECURSIVE of `/` (Linux 5.2).
///
/// # Errors
/// ENOSYS on older kernels, EPERM without the right to mount.
pub fn clone_root() -> Result<OwnedFd, Errno> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | AT_RECURSIVE;
    // SAFETY: the path ends with a nul and outlives the call.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, c"/".as_ptr(), flags) })
}

/// AT_RECURSIVE of linux/fcntl.h.
const AT_RECURSIVE: u32 = 0x8000;

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

/// MOUNT_ATTR_RDONLY.
static READ_ONLY: MountAttr = MountAttr { set: 1, clear: 0, propagation: 0, userns: 0 };

/// Makes a detached tree read-only, recursively (mount_setattr(2), Linux 5.12).
///
/// # Errors
/// ENOSYS on older kernels.
pub fn read_only(tree: &OwnedFd) -> Result<(), Errno> {
    let flags = libc::AT_EMPTY_PATH.cast_unsigned() | AT_RECURSIVE;
    let attr = &raw const READ_ONLY;
    // SAFETY: the path ends with a nul, the structure is as long as we say, both outlive the call.
    let answer = unsafe {
        libc::syscall(libc::SYS_mount_setattr, tree.as_raw_fd(), c"".as_ptr(), flags, attr, size_of::<MountAttr>())
    };
    Errno::result(answer).map(drop)
}

/// A read-only clone of `/` by one call (open_tree_attr(2), Linux 6.15).
///
/// # Errors
/// ENOSYS on older kernels.
pub fn clone_root_read_only() -> Result<OwnedFd, Errno> {
    /// One number on every architecture.
    const SYS_OPEN_TREE_ATTR: libc::c_long = 467;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | AT_RECURSIVE;
    let (path, attr) = (c"/".as_ptr(), &raw const READ_ONLY);
    // SAFETY: the path ends with a nul, the structure is as long as we say, both outlive the call.
    owned(unsafe { libc::syscall(SYS_OPEN_TREE_ATTR, libc::AT_FDCWD, path, flags, attr, size_of::<MountAttr>()) })
}

/// Installs a seccomp filter that allows everything; with SECCOMP_FILTER_FLAG_NEW_LISTENER the
/// answer is a descriptor.
///
/// # Errors
/// EINVAL for an unknown flag, EACCES without no_new_privs and CAP_SYS_ADMIN.
pub fn filter(flags: u64) -> Result<i32, Errno> {
    // 6 is BPF_RET | BPF_K.
    let mut program = [libc::sock_filter { code: 6, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW }];
    let program = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the program is as long as it says and outlives the call; the kernel copies it.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    Errno::result(answer).map(|fd| i32::try_from(fd).unwrap_or(-1))
}

/// Enters a Landlock domain that handles one right (landlock_restrict_self(2)).
///
/// # Errors
/// ENOSYS, EOPNOTSUPP where Landlock is missing or off, EPERM without no_new_privs, E2BIG in the 17th layer.
pub fn landlock() -> Result<(), Errno> {
    // LANDLOCK_ACCESS_FS_MAKE_BLOCK: a right that the child does not need.
    let handled = 1_u64 << 11;
    let (attr, size) = (&raw const handled, size_of::<u64>());
    // SAFETY: ABI 1's structure is this one u64, and the size says so.
    let ruleset = owned(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, attr, size, 0) })?;
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) }).map(drop)
}

/// PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN (Linux 6.3).
///
/// # Errors
/// EINVAL on older kernels.
pub fn deny_write_execute() -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_MDWE, 1_u64, 0_u64, 0_u64, 0_u64) }).map(drop)
}

/// Drops one capability from the bounding set (PR_CAPBSET_DROP).
///
/// # Errors
/// EPERM without CAP_SETPCAP.
pub fn drop_bounding(cap: u8) -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, u64::from(cap), 0_u64, 0_u64, 0_u64) }).map(drop)
}

/// Brings `lo` up (netdevice(7)).
///
/// # Errors
/// EPERM without CAP_NET_ADMIN in the network namespace; EAFNOSUPPORT where a filter forbids AF_INET.
pub fn loopback() -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    let socket = owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) }.into())?;
    let mut name = [0; libc::IFNAMSIZ];
    name[0] = b'l'.cast_signed();
    name[1] = b'o'.cast_signed();
    let flags = libc::__c_anonymous_ifr_ifru { ifru_flags: libc::c_short::try_from(libc::IFF_UP).unwrap_or(1) };
    let request = libc::ifreq { ifr_name: name, ifr_ifru: flags };
    // SAFETY: the kernel reads one ifreq, which outlives the call.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) }).map(drop)
}

/// getpid by the i386 entry (`int 0x80`); kills the caller with SIGSEGV where the kernel has none.
///
/// # Errors
/// The kernel's, or ENOSYS on other machines than x86-64.
#[cfg(target_arch = "x86_64")]
pub fn getpid_i386() -> Result<u64, Errno> {
    let mut answer: u64 = 20;
    // SAFETY: the call takes no argument; the registers that the entry clears are named.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("rax") answer, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    // The answer is 32 bits wide.
    #[allow(clippy::cast_possible_truncation)]
    let signed = (answer as u32).cast_signed();
    if signed < 0 { Err(Errno::from_raw(-signed)) } else { Ok(answer) }
}

/// getpid by the i386 entry, which only x86-64 has.
///
/// # Errors
/// ENOSYS, always.
#[cfg(not(target_arch = "x86_64"))]
pub fn getpid_i386() -> Result<u64, Errno> {
    Err(Errno::ENOSYS)
}
