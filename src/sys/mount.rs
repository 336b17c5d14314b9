//! The mount interface of Linux 5.2 and later (open_tree(2), move_mount(2), fsopen(2),
//! mount_setattr(2)). Every call is repeated when a signal interrupts it.

use std::ffi::{CStr, c_int, c_long, c_uint};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

/// Attributes of a mount, MOUNT_ATTR_* of mount_setattr(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub u64);

impl Attributes {
    /// Nothing can be written.
    pub const READ_ONLY: Self = Self(0x1);
    /// Set-user-id bits and file capabilities have no effect.
    pub const NO_SUID: Self = Self(0x2);
    /// Device nodes cannot be opened.
    pub const NO_DEV: Self = Self(0x4);
    /// Nothing can be executed.
    pub const NO_EXEC: Self = Self(0x8);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const OPEN_TREE_CLONE: c_uint = 1;
const OPEN_TREE_CLOEXEC: c_uint = 0o2_000_000;
const AT_RECURSIVE: c_uint = 0x8000;
const AT_EMPTY_PATH: c_uint = 0x1000;
const AT_NO_AUTOMOUNT: c_uint = 0x800;
const MOVE_MOUNT_F_EMPTY_PATH: c_uint = 0x4;
const MOVE_MOUNT_T_SYMLINKS: c_uint = 0x10;
const MOVE_MOUNT_BENEATH: c_uint = 0x200;
const FSOPEN_CLOEXEC: c_uint = 1;
const FSMOUNT_CLOEXEC: c_uint = 1;
const FSCONFIG_SET_STRING: c_uint = 1;
const FSCONFIG_CMD_CREATE: c_uint = 6;
/// The same on every architecture, as all numbers since 403 are (Linux 6.15).
const SYS_OPEN_TREE_ATTR: c_long = 467;

/// How a tree is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The one mount only.
    One,
    /// With everything that is mounted below it.
    Recursive,
}

impl Depth {
    const fn flag(self) -> c_uint {
        match self {
            Self::One => 0,
            Self::Recursive => AT_RECURSIVE,
        }
    }
}

/// Repeats a call that a signal interrupted.
fn repeat(mut call: impl FnMut() -> c_long) -> Result<c_long, Errno> {
    loop {
        match Errno::result(call()) {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// A descriptor that a system call has just returned.
fn own(fd: c_long) -> Result<OwnedFd, Errno> {
    let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A detached copy of the mount tree at `path` (open_tree(2), Linux 5.2). Symlinks are followed,
/// automounts are not set off. An empty path means `dir` itself.
pub fn open_tree(dir: BorrowedFd<'_>, path: &CStr, depth: Depth) -> Result<OwnedFd, Errno> {
    let flags = clone_flags(path, depth);
    // SAFETY: the path is a C string that outlives the call; the rest are numbers.
    own(repeat(|| unsafe { libc::syscall(libc::SYS_open_tree, dir.as_raw_fd(), path.as_ptr(), flags) })?)
}

/// As [`open_tree`], the copy having further attributes from the start (open_tree_attr, Linux 6.15).
pub fn open_tree_attr(dir: BorrowedFd<'_>, path: &CStr, depth: Depth, set: Attributes) -> Result<OwnedFd, Errno> {
    let flags = clone_flags(path, depth);
    let attr = MountAttr { set: set.0, clear: 0, propagation: 0, user_namespace: 0 };
    let size = size_of::<MountAttr>();
    let attr = &raw const attr;
    // SAFETY: path and structure outlive the call, and the size is the structure's.
    own(repeat(|| unsafe { libc::syscall(SYS_OPEN_TREE_ATTR, dir.as_raw_fd(), path.as_ptr(), flags, attr, size) })?)
}

fn clone_flags(path: &CStr, depth: Depth) -> c_uint {
    let empty = if path.is_empty() { AT_EMPTY_PATH } else { 0 };
    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT | depth.flag() | empty
}

/// Puts a detached tree on a path; symlinks in it are followed (move_mount(2), Linux 5.2).
pub fn move_mount(tree: BorrowedFd<'_>, dir: BorrowedFd<'_>, path: &CStr) -> Result<(), Errno> {
    attach(tree, dir, path, 0)
}

/// Puts a detached tree beneath the mount that is at a path (Linux 6.5).
pub fn move_mount_beneath(tree: BorrowedFd<'_>, dir: BorrowedFd<'_>, path: &CStr) -> Result<(), Errno> {
    attach(tree, dir, path, MOVE_MOUNT_BENEATH)
}

fn attach(tree: BorrowedFd<'_>, dir: BorrowedFd<'_>, path: &CStr, how: c_uint) -> Result<(), Errno> {
    let flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS | how;
    let (from, to) = (tree.as_raw_fd(), dir.as_raw_fd());
    // SAFETY: both paths are C strings that outlive the call; the rest are numbers.
    repeat(|| unsafe { libc::syscall(libc::SYS_move_mount, from, c"".as_ptr(), to, path.as_ptr(), flags) }).map(drop)
}

/// Sets attributes of the mount at `path` (mount_setattr(2), Linux 5.12). `EINVAL` when the path
/// is not the root of a mount. An empty path means `dir` itself.
pub fn mount_setattr(dir: BorrowedFd<'_>, path: &CStr, depth: Depth, set: Attributes) -> Result<(), Errno> {
    let empty = if path.is_empty() { AT_EMPTY_PATH } else { 0 };
    let flags = depth.flag() | empty | AT_NO_AUTOMOUNT;
    let attr = MountAttr { set: set.0, clear: 0, propagation: 0, user_namespace: 0 };
    let size = size_of::<MountAttr>();
    let (dir, attr) = (dir.as_raw_fd(), &raw const attr);
    // SAFETY: path and structure outlive the call, and the size is the structure's.
    repeat(|| unsafe { libc::syscall(libc::SYS_mount_setattr, dir, path.as_ptr(), flags, attr, size) }).map(drop)
}

/// Opens a context for a new file system (fsopen(2), Linux 5.2).
pub fn fsopen(name: &CStr) -> Result<OwnedFd, Errno> {
    // SAFETY: the name is a C string that outlives the call.
    own(repeat(|| unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), FSOPEN_CLOEXEC) })?)
}

/// Sets an option of the file system to come (fsconfig(2)).
pub fn fsconfig_string(context: BorrowedFd<'_>, key: &CStr, value: &CStr) -> Result<(), Errno> {
    fsconfig(context, FSCONFIG_SET_STRING, Some(key), Some(value))
}

fn fsconfig(context: BorrowedFd<'_>, command: c_uint, key: Option<&CStr>, value: Option<&CStr>) -> Result<(), Errno> {
    let key = key.map_or(std::ptr::null(), CStr::as_ptr);
    let value = value.map_or(std::ptr::null(), CStr::as_ptr);
    let aux: c_int = 0;
    let context = context.as_raw_fd();
    // SAFETY: key and value are null or C strings that outlive the call.
    repeat(|| unsafe { libc::syscall(libc::SYS_fsconfig, context, command, key, value, aux) }).map(drop)
}

/// Makes the file system and a detached mount of it (fsmount(2)).
pub fn fsmount(context: BorrowedFd<'_>, attributes: Attributes) -> Result<OwnedFd, Errno> {
    fsconfig(context, FSCONFIG_CMD_CREATE, None, None)?;
    let context = context.as_raw_fd();
    // SAFETY: only numbers are passed.
    own(repeat(|| unsafe { libc::syscall(libc::SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes.0) })?)
}

/// The number of the mount that a path is on, as in /proc/self/mountinfo (statx(2), STATX_MNT_ID, Linux 5.8).
/// Symlinks are followed.
pub fn mount_id(path: &CStr) -> Result<u64, Errno> {
    let found = statx(path, libc::STATX_MNT_ID)?;
    if found.stx_mask & libc::STATX_MNT_ID == 0 { Err(Errno::ENOSYS) } else { Ok(found.stx_mnt_id) }
}

/// Whether a path is the root of a mount (STATX_ATTR_MOUNT_ROOT, Linux 5.8).
pub fn is_mount_root(path: &CStr) -> Result<bool, Errno> {
    const MOUNT_ROOT: u64 = 0x2000;
    Ok(statx(path, 0)?.stx_attributes & MOUNT_ROOT != 0)
}

fn statx(path: &CStr, mask: c_uint) -> Result<libc::statx, Errno> {
    let mut found = std::mem::MaybeUninit::<libc::statx>::zeroed();
    let flags = libc::AT_NO_AUTOMOUNT | libc::AT_STATX_DONT_SYNC;
    // Not by the C library's name for it: the standard library refers to that weakly, which after optimisation of the
    // whole program makes this call one to address 0 in a static binary.
    // SAFETY: the path outlives the call, and the kernel writes one `struct statx`.
    let done =
        unsafe { libc::syscall(libc::SYS_statx, libc::AT_FDCWD, path.as_ptr(), flags, mask, found.as_mut_ptr()) };
    Errno::result(done)?;
    // SAFETY: it was zeroed, which is a valid value of a structure of numbers.
    Ok(unsafe { found.assume_init() })
}

/// What an opened symlink says (readlinkat(2), O_PATH and O_NOFOLLOW), without allocating.
///
/// # Errors
/// ENAMETOOLONG: it does not fit; EINVAL, ENOENT: it is no symlink.
pub fn read_link<'a>(link: BorrowedFd<'_>, text: &'a mut [u8]) -> Result<&'a [u8], Errno> {
    // SAFETY: the path is a C string, and the kernel writes at most as many bytes as the buffer has.
    let length = unsafe { libc::readlinkat(link.as_raw_fd(), c"".as_ptr(), text.as_mut_ptr().cast(), text.len()) };
    let length = usize::try_from(Errno::result(length)?).map_err(|_| Errno::EINVAL)?;
    text.get(..length).filter(|_| length < text.len()).ok_or(Errno::ENAMETOOLONG)
}
