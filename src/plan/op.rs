//! Every kernel operation that stockade can ever perform, as data.

use std::fmt;

use crate::draft::By;
use crate::draft::attributes::{Attribute, DirectoryKind, Label, Module, OpenMode};
use crate::draft::capabilities::CapSet;
use crate::draft::decision::Decision;
use crate::draft::limits::Limit;
use crate::draft::namespaces::Namespace;
use crate::fault::Exit;

use super::access::AccessOp;
use super::companion::CompanionOp;
use super::filter::machine::Instruction;
use super::filter::tree::Program;
use super::mounts::{MountOp, New};
use super::order::Phase;
use super::strict::StrictOp;
use super::supervise::SuperviseOp;

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
    /// Makes a PID namespace and the target's process in it; the launcher stays behind.
    Companion(CompanionOp),
    /// Something about the file system.
    Mount(MountOp),
    /// Opens a file at a descriptor's number, which the target inherits.
    OpenFile {
        /// The caller's path.
        path: std::path::PathBuf,
        /// How.
        mode: OpenMode,
        /// The number.
        number: i32,
    },
    /// Moves into a control group of its own, with limits.
    Group(GroupOp),
    /// Sets an attribute of the process.
    Attribute(Attribute),
    /// Makes a directory of the service on the host.
    MakeDirectory(MakeDirectory),
    /// setns(2).
    Join {
        /// Which kind.
        kind: Namespace,
        /// Its file.
        path: std::path::PathBuf,
    },
    /// sethostname(2).
    HostName(String),
    /// Asks a security module for a label at the next execve(2).
    Label(Label),
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
    /// Something about who answers the filter's notifications.
    Supervise(SuperviseOp),
    /// Installs the seccomp filter.
    Filter(FilterOp),
    /// execve(2) of the target.
    Exec,
    /// A helper process attaches to the launcher (ptrace(2)), before anything else is done.
    Attach(Tracer),
    /// Checks that the target's file can be run to a point and put into strict mode (or, else, given a filter) there.
    Inspect {
        /// The mode itself, beside which there can be no filter.
        strict: bool,
    },
    /// The helper enters strict mode on the target's behalf, and lets go of it.
    Strict(StrictOp),
}

/// What a tracer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracer {
    /// Strict mode: it is gone as soon as the mode is entered.
    Strict,
    /// Answers to the calls that a filter hands to it, as long as the target lives.
    Answers(TraceOp),
}

/// What the tracer answers.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceOp {
    /// The filter's numbers and the answers to them, ascending. Other numbers are answered ENOSYS.
    pub decisions: Vec<(u16, Decision)>,
    /// The filter, which tells the number for each call: the one that the kernel tells can be another filter's, loaded by
    /// the target itself.
    pub code: Vec<Instruction>,
}

/// Without the instructions: the cookie is among them.
impl fmt::Debug for TraceOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceOp").field("decisions", &self.decisions).finish_non_exhaustive()
    }
}

/// A control group to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOp {
    /// The delegated group's directory.
    pub delegated: std::path::PathBuf,
    /// The name of the new group in it.
    pub name: String,
    /// What is written to the delegated group's cgroup.subtree_control: `+memory +pids`; empty where nothing is missing.
    pub enable: String,
    /// Files of the new group and what is written to them.
    pub limits: Vec<(&'static str, String)>,
}

/// A directory to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MakeDirectory {
    /// Which kind; says what failed.
    pub kind: DirectoryKind,
    /// Where directories of its kind are.
    pub base: std::path::PathBuf,
    /// Its path below that.
    pub name: String,
    /// A symbolic link to it, below the same.
    pub link: Option<String>,
    /// Its mode.
    pub mode: u32,
    /// Its user and group; nothing leaves them.
    pub owner: Option<(u32, u32)>,
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
    /// Whether it notifies somebody, who needs the descriptor that loading it returns.
    pub listens: bool,
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
            Self::Descriptors { .. } | Self::OpenFile { .. } => Exit::Fds,
            Self::Group(_) => Exit::Cgroup,
            Self::Attribute(attribute) => attribute_exit(attribute),
            Self::MakeDirectory(make) => match make.kind {
                DirectoryKind::Runtime => Exit::RuntimeDirectory,
                DirectoryKind::State => Exit::StateDirectory,
                DirectoryKind::Cache => Exit::CacheDirectory,
                DirectoryKind::Logs => Exit::LogsDirectory,
                DirectoryKind::Configuration => Exit::ConfigurationDirectory,
            },
            Self::Label(label) => match label.module {
                Module::AppArmor => Exit::AppArmor,
                Module::SeLinux => Exit::SelinuxContext,
            },
            Self::Mount(MountOp::Secrets { .. }) => Exit::Credentials,
            Self::Mount(MountOp::New { what: New::Bpf, .. }) => Exit::Bpf,
            Self::Loopback | Self::Join { kind: Namespace::Net, .. } => Exit::Network,
            Self::Unshare(_)
            | Self::MapIds(_)
            | Self::Companion(_)
            | Self::Mount(_)
            | Self::Access(_)
            | Self::Undumpable
            | Self::Join { .. }
            | Self::HostName(_) => Exit::Namespace,
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
            Self::Supervise(_) | Self::Filter(_) | Self::Attach(_) | Self::Inspect { .. } | Self::Strict(_) => {
                Exit::Seccomp
            }
            Self::Find | Self::Exec => Exit::Exec,
        }
    }
}

fn attribute_exit(attribute: &Attribute) -> Exit {
    match attribute {
        Attribute::OomScore(_) => Exit::OomAdjust,
        Attribute::CoredumpFilter(_) => Exit::Limits,
        Attribute::Scheduling { .. } => Exit::SetScheduler,
        Attribute::Nice(_) => Exit::Nice,
        Attribute::Affinity(_) => Exit::CpuAffinity,
        Attribute::Memory { .. } => Exit::NumaPolicy,
        Attribute::Io(_) => Exit::IoPrio,
        Attribute::TimerSlack(_) => Exit::TimerSlack,
        Attribute::Personality(_) => Exit::Personality,
        Attribute::MergeMemory(_) => Exit::Ksm,
        Attribute::HugePages(_) => Exit::MemoryThp,
        Attribute::IgnorePipe(_) => Exit::SignalMask,
        Attribute::Keyring { .. } => Exit::Keyring,
    }
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
        if self.listens {
            f.write_str(", answered by a supervisor")?;
        }
        if self.marked {
            f.write_str(", execve for stockade only")?;
        }
        f.write_str(")")
    }
}
