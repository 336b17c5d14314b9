//! Every kernel operation that stockade can ever perform, as data.

use std::fmt;

use crate::draft::By;
use crate::draft::capabilities::CapSet;
use crate::draft::limits::Limit;
use crate::draft::namespaces::Namespace;
use crate::fault::Exit;

use super::access::AccessOp;
use super::mounts::MountOp;
use super::order::Phase;
use super::tree::Program;

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
    /// PR_SET_DUMPABLE 0: from here on the process may hold more rights than whoever could attach to it.
    Undumpable,
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
    /// Looks for the target's file and checks that it can be executed.
    Find,
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
#[derive(Clone, PartialEq)]
pub struct FilterOp {
    /// What the kernel is given.
    pub program: Program,
    /// Whether execve is refused but to the launcher itself, which the program knows by [`super::Plan::cookie`].
    pub marked: bool,
}

/// Without the instructions: the cookie is among them.
impl fmt::Debug for FilterOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.program.code.len();
        f.debug_struct("FilterOp").field("length", &length).field("marked", &self.marked).finish_non_exhaustive()
    }
}

impl Op {
    /// The status to end with when it fails: systemd's, so that `systemctl status` names it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Descriptors { .. } => Exit::Fds,
            Self::Unshare(_) | Self::MapIds(_) | Self::Mount(_) | Self::Access(_) | Self::Undumpable => Exit::Namespace,
            Self::Loopback => Exit::Network,
            Self::Limit(_) => Exit::Limits,
            Self::Groups { .. } => Exit::Group,
            Self::User(_) | Self::Users(_) => Exit::User,
            Self::Bounding(_) | Self::KeepCapabilities | Self::Capabilities { .. } | Self::Ambient(_) => {
                Exit::Capabilities
            }
            Self::Directory { .. } => Exit::Chdir,
            Self::SecureBits(_) => Exit::SecureBits,
            Self::Umask(_) | Self::DenyWriteExecute => Exit::Memory,
            Self::NoNewPrivileges => Exit::NoNewPrivileges,
            Self::Filter(_) => Exit::Seccomp,
            Self::Find | Self::Exec => Exit::Exec,
        }
    }
}

/// One line, as `explain` prints it and as failures name it: "cannot ‹line›: permission denied".
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors { keep } if keep.is_empty() => f.write_str("close every descriptor above 2"),
            Self::Descriptors { keep } => write!(f, "close every descriptor above 2 but {}", list(keep)),
            Self::Unshare(flags) => write!(f, "make namespaces: {}", namespaces(*flags)),
            Self::MapIds(maps) => write!(f, "map ids in the own user namespace: {maps}"),
            Self::Undumpable => f.write_str("forbid attaching to the launcher"),
            Self::Mount(op) => op.fmt(f),
            Self::Loopback => f.write_str("bring the loopback device up"),
            Self::Limit(limit) => limit.fmt(f),
            Self::Groups { gid, groups } => {
                f.write_str("become")?;
                if let Some(gid) = gid {
                    write!(f, " group {gid}")?;
                }
                match groups {
                    Some(groups) if groups.is_empty() => f.write_str(" with no further groups"),
                    Some(groups) => write!(f, " with groups {}", list(groups)),
                    None => Ok(()),
                }
            }
            Self::Users(maps) => write!(f, "enter a user namespace: {maps}"),
            Self::Bounding(set) => write!(f, "drop from the bounding set: {}", capabilities(*set)),
            Self::KeepCapabilities => f.write_str("keep capabilities over the change of user"),
            Self::User(uid) => write!(f, "become user {uid}"),
            Self::Capabilities { permitted, inheritable } => {
                write!(f, "hold {} until exec, inheritable {}", capabilities(*permitted), capabilities(*inheritable))
            }
            Self::Ambient(set) => write!(f, "raise ambient capabilities: {}", capabilities(*set)),
            Self::Directory { path, .. } => write!(f, "change the working directory to {}", path.display()),
            Self::Find => f.write_str("find the target"),
            Self::SecureBits(bits) => write!(f, "set securebits {bits:#x}"),
            Self::Umask(mask) => write!(f, "set the umask to {mask:04o}"),
            Self::DenyWriteExecute => f.write_str("refuse memory that is writable and executable"),
            Self::NoNewPrivileges => f.write_str("set no_new_privs"),
            Self::Access(op) => op.fmt(f),
            Self::Filter(op) => op.fmt(f),
            Self::Exec => f.write_str("execute the target"),
        }
    }
}

impl fmt::Display for Maps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uids {}, gids {}", self.uids.trim().replace('\n', "; "), self.gids.trim().replace('\n', "; "))
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn capabilities(set: CapSet) -> String {
    if set.is_empty() {
        return "none".into();
    }
    if set == CapSet::all() {
        return "all".into();
    }
    set.names().join(", ")
}

fn namespaces(flags: u32) -> String {
    let words =
        Namespace::ALL.iter().filter(|namespace| flags & namespace.flag() != 0).map(|namespace| namespace.word());
    words.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for FilterOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = &self.program;
        let architectures = program.sections.iter().map(|(_, arch)| arch.word()).collect::<Vec<_>>().join(" and ");
        write!(f, "install the system call filter ({} instructions for {architectures}", program.code.len())?;
        if program.flags.log {
            f.write_str(", logged")?;
        }
        if program.flags.spec_allow {
            f.write_str(", speculation allowed")?;
        }
        if self.marked {
            f.write_str(", execve for stockade only")?;
        }
        f.write_str(")")
    }
}
