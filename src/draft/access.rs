//! What Landlock shall allow (landlock(7)).

use std::path::PathBuf;

use super::Asked;

/// Everything a policy asks of Landlock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// File system rights that are refused everywhere but below the paths that `paths` names.
    pub handled: Option<Asked<u64>>,
    /// Paths and the rights below them. Specifiers and `.` as in [`super::mounts::MountAsk::path`].
    pub paths: Vec<Asked<PathRule>>,
    /// Ports that may be connected to; `Some` refuses all others (TCP, ABI 4).
    pub connect_tcp: Option<Asked<Vec<u16>>>,
    /// Ports that may be bound; `Some` refuses all others (TCP, ABI 4).
    pub bind_tcp: Option<Asked<Vec<u16>>>,
    /// LANDLOCK_SCOPE_* bits (ABI 6).
    pub scopes: Option<Asked<u64>>,
    /// Whether the kernel records what is refused (ABI 7).
    pub log: bool,
}

/// Rights below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// Where.
    pub path: PathBuf,
    /// LANDLOCK_ACCESS_FS_* bits.
    pub rights: u64,
    /// `-` prefix: no fault when the path does not exist.
    pub optional: bool,
}

/// A right or a scope of Landlock's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bit {
    /// Our word for it, after the kernel's name.
    pub word: &'static str,
    /// The kernel's number (linux/landlock.h).
    pub bit: u64,
    /// The ABI that brought it.
    pub abi: u32,
}

const fn bit(word: &'static str, bit: u64, abi: u32) -> Bit {
    Bit { word, bit, abi }
}

/// File system rights, in the kernel's order.
pub const RIGHTS: [Bit; 17] = [
    bit("execute", EXECUTE, 1),
    bit("write-file", WRITE_FILE, 1),
    bit("read-file", READ_FILE, 1),
    bit("read-dir", READ_DIR, 1),
    bit("remove-dir", REMOVE_DIR, 1),
    bit("remove-file", REMOVE_FILE, 1),
    bit("make-char", MAKE_CHAR, 1),
    bit("make-dir", MAKE_DIR, 1),
    bit("make-reg", MAKE_REG, 1),
    bit("make-sock", MAKE_SOCK, 1),
    bit("make-fifo", MAKE_FIFO, 1),
    bit("make-block", MAKE_BLOCK, 1),
    bit("make-sym", MAKE_SYM, 1),
    bit("refer", REFER, 2),
    bit("truncate", TRUNCATE, 3),
    bit("ioctl-dev", IOCTL_DEV, 5),
    bit("resolve-unix", RESOLVE_UNIX, 9),
];

/// Executing a file.
pub const EXECUTE: u64 = 1;
/// Opening a file for writing.
pub const WRITE_FILE: u64 = 1 << 1;
/// Opening a file for reading.
pub const READ_FILE: u64 = 1 << 2;
/// Listing a directory.
pub const READ_DIR: u64 = 1 << 3;
/// Removing or renaming a directory.
pub const REMOVE_DIR: u64 = 1 << 4;
/// Removing or renaming what is no directory.
pub const REMOVE_FILE: u64 = 1 << 5;
/// Making a character device.
pub const MAKE_CHAR: u64 = 1 << 6;
/// Making a directory.
pub const MAKE_DIR: u64 = 1 << 7;
/// Making a file.
pub const MAKE_REG: u64 = 1 << 8;
/// Making a unix socket.
pub const MAKE_SOCK: u64 = 1 << 9;
/// Making a named pipe.
pub const MAKE_FIFO: u64 = 1 << 10;
/// Making a block device.
pub const MAKE_BLOCK: u64 = 1 << 11;
/// Making a symbolic link.
pub const MAKE_SYM: u64 = 1 << 12;
/// Renaming and linking between directories; a ruleset that does not handle it refuses it.
pub const REFER: u64 = 1 << 13;
/// Truncating a file.
pub const TRUNCATE: u64 = 1 << 14;
/// Controlling a device by ioctl(2).
pub const IOCTL_DEV: u64 = 1 << 15;
/// Connecting to a unix socket by its path.
pub const RESOLVE_UNIX: u64 = 1 << 16;

/// What changes which entries a directory has.
pub const ENTRIES: u64 =
    REMOVE_DIR | REMOVE_FILE | MAKE_CHAR | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM;

/// The rights that mean something for what is not a directory.
pub const FILE_RIGHTS: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV | RESOLVE_UNIX;

/// LANDLOCK_ACCESS_NET_BIND_TCP.
pub const BIND_TCP: u64 = 1;

/// LANDLOCK_ACCESS_NET_CONNECT_TCP.
pub const CONNECT_TCP: u64 = 1 << 1;

/// The first ABI with TCP rules.
pub const TCP_ABI: u32 = 4;

/// Connecting to abstract unix sockets that were made outside.
pub const ABSTRACT_UNIX_SOCKET: u64 = 1;

/// Signals to processes outside.
pub const SIGNAL: u64 = 1 << 1;

/// What is kept inside.
pub const SCOPES: [Bit; 2] = [bit("abstract-unix-socket", ABSTRACT_UNIX_SOCKET, 6), bit("signal", SIGNAL, 6)];

/// The newest ABI that this build knows.
pub const NEWEST_ABI: u32 = 10;

/// The kernels that brought the ABIs from 1 on.
pub const KERNELS: [(u32, u32); NEWEST_ABI as usize] =
    [(5, 13), (5, 19), (6, 2), (6, 7), (6, 10), (6, 12), (6, 15), (7, 0), (7, 1), (7, 2)];

/// All file system rights of an ABI.
pub fn rights_of(abi: u32) -> u64 {
    RIGHTS.iter().filter(|right| right.abi <= abi).fold(0, |set, right| set | right.bit)
}

/// The words for the bits that are set.
pub fn names(table: &[Bit], bits: u64) -> Vec<&'static str> {
    table.iter().filter(|known| bits & known.bit != 0).map(|known| known.word).collect()
}
