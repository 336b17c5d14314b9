//! Every kernel operation that stockade can ever perform, as data.

use crate::draft::By;
use crate::draft::capabilities::CapSet;
use crate::draft::limits::Limit;

use super::access::AccessOp;
use super::mounts::MountOp;
use super::order::Phase;

/// One operation with its place and those who asked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its place.
    pub phase: Phase,
    /// What to do.
    pub op: Op,
    /// Who asked; never empty.
    pub by: Vec<By>,
}

/// What can be done to the kernel. `apply` has one short function for each.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Closes every descriptor above 2 but these; opens /dev/null where 0 to 2 are missing.
    Descriptors {
        /// Descriptors that stay, ascending.
        keep: Vec<i32>,
    },
    /// unshare(2) with these CLONE_NEW* flags.
    Unshare(u32),
    /// Writes the id maps of the user namespace just made (user_namespaces(7)).
    MapIds(Maps),
    /// Something about the file system.
    Mount(MountOp),
    /// Brings the loopback device up.
    Loopback,
    /// setrlimit(2).
    Limit(Limit),
    /// setresgid(2) and setgroups(2).
    Groups {
        /// The group; nothing leaves it.
        gid: Option<u32>,
        /// Supplementary groups, the whole list; nothing leaves them (setgroups is denied in an own user namespace).
        groups: Option<Vec<u32>>,
    },
    /// A user namespace inside the finished sandbox, with maps written from outside it.
    Users(Maps),
    /// Drops from the bounding set.
    Bounding(CapSet),
    /// PR_SET_KEEPCAPS.
    KeepCapabilities,
    /// setresuid(2).
    User(u32),
    /// capset(2): the sets until exec.
    Capabilities {
        /// Permitted and effective.
        permitted: CapSet,
        /// Inheritable.
        inheritable: CapSet,
    },
    /// Clears the ambient set and raises these.
    Ambient(CapSet),
    /// chdir(2).
    Directory {
        /// In the target's world.
        path: std::path::PathBuf,
        /// Whether a missing one leaves the target in `/`.
        optional: bool,
    },
    /// PR_SET_SECUREBITS.
    SecureBits(u32),
    /// umask(2).
    Umask(u32),
    /// PR_SET_MDWE (Linux 6.3).
    DenyWriteExecute,
    /// PR_SET_NO_NEW_PRIVS.
    NoNewPrivileges,
    /// Something about Landlock.
    Access(AccessOp),
    /// Restores the caller's signal mask and dispositions.
    Signals,
    /// Installs the seccomp filter.
    Filter(FilterOp),
    /// execve(2) of the target.
    Exec,
}

/// Id maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maps {
    /// Lines for uid_map.
    pub uids: String,
    /// Lines for gid_map.
    pub gids: String,
    /// Whether setgroups is denied first (it must be where the caller has no CAP_SETGID).
    pub deny_setgroups: bool,
}

/// The filter to install.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterOp {
    /// SECCOMP_FILTER_FLAG_*.
    pub flags: u32,
}
