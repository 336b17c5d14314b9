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

/// File system rights: the kernel's name, its bit (linux/landlock.h) and the ABI that brought it.
pub const RIGHTS: [(&str, u64, u32); 17] = [
    ("execute", 1, 1),
    ("write-file", 1 << 1, 1),
    ("read-file", 1 << 2, 1),
    ("read-dir", 1 << 3, 1),
    ("remove-dir", 1 << 4, 1),
    ("remove-file", 1 << 5, 1),
    ("make-char", 1 << 6, 1),
    ("make-dir", 1 << 7, 1),
    ("make-reg", 1 << 8, 1),
    ("make-sock", 1 << 9, 1),
    ("make-fifo", 1 << 10, 1),
    ("make-block", 1 << 11, 1),
    ("make-sym", 1 << 12, 1),
    ("refer", REFER, 2),
    ("truncate", 1 << 14, 3),
    ("ioctl-dev", 1 << 15, 5),
    ("resolve-unix", 1 << 16, 9),
];

/// Renaming and linking between directories; a ruleset that does not handle it refuses it.
pub const REFER: u64 = 1 << 13;

/// The rights that mean something for what is not a directory.
pub const FILE_RIGHTS: u64 = 0b111 | 1 << 14 | 1 << 15 | 1 << 16;

/// LANDLOCK_ACCESS_NET_BIND_TCP.
pub const BIND_TCP: u64 = 1;

/// LANDLOCK_ACCESS_NET_CONNECT_TCP.
pub const CONNECT_TCP: u64 = 1 << 1;

/// The first ABI with TCP rules.
pub const TCP_ABI: u32 = 4;

/// Scopes: our word, its bit (linux/landlock.h) and the ABI that brought it.
pub const SCOPES: [(&str, u64, u32); 2] = [("abstract-unix-socket", 1, 6), ("signal", 1 << 1, 6)];

/// The kernels that brought the ABIs from 1 on.
pub const KERNELS: [(u32, u32); 10] =
    [(5, 13), (5, 19), (6, 2), (6, 7), (6, 10), (6, 12), (6, 15), (7, 0), (7, 1), (7, 2)];

/// The newest ABI that this build knows.
pub const NEWEST_ABI: u32 = 10;

/// All file system rights of an ABI.
pub fn rights_of(abi: u32) -> u64 {
    RIGHTS.iter().filter(|(.., since)| *since <= abi).fold(0, |set, (_, bit, _)| set | bit)
}

/// The names of the bits that are set.
pub fn names(table: &[(&'static str, u64, u32)], bits: u64) -> Vec<&'static str> {
    table.iter().filter(|(_, bit, _)| bits & bit != 0).map(|(name, ..)| *name).collect()
}
