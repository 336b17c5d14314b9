//! NOUNS: the vocabulary of requests that directives make. Plain data, without order and without
//! knowledge of the machine; `plan` merges and orders it.
//!
//! In: what the rows of `policy` demand. Out: a [`Draft`], whose every request knows who asked.
//!
//! - the file system: `mounts`; Landlock: `access`
//! - the process: `process`, `identity`, `capabilities`, `attributes`, `limits`, `namespaces`
//! - the filter: `syscalls` (layers of rules) of `calls` (by name and number, from `table`), `groups`
//!   (`@system-service`), `compare` (arguments) with `constants`, and `action`; `decision` (a supervisor's), `strict`,
//!   `profile` (container engines'), `arch`
//! - names of errors: `errno`
//!
//! A new kind of request is a type here and a field of [`Draft`]; `plan` has to do something with it.

#![forbid(unsafe_code)]

pub mod access;
pub mod action;
pub mod arch;
pub mod attributes;
pub mod calls;
pub mod capabilities;
pub mod compare;
mod constants;
pub mod decision;
pub mod errno;
pub mod groups;
pub mod identity;
pub mod limits;
pub mod mounts;
pub mod namespaces;
pub mod process;
pub mod profile;
pub mod strict;
pub mod syscalls;
mod table;

use std::sync::Arc;

use crate::fault::Origin;

use access::Access;
use arch::Arch;
use attributes::{Attribute, Credential, Directory, GroupLimit, Label, OpenFile};
use capabilities::CapSet;
use decision::Decision;
use identity::{Name, UserNamespace};
use limits::Limit;
use mounts::{MountAsk, Propagation, View};
use namespaces::Namespace;
use process::{Variable, WorkingDirectory};
use profile::Profile;
use strict::Strict;
use syscalls::{Flags, Layer};

/// Who asked: a directive and the words that said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The directive's name, as systemd spells it.
    pub directive: &'static str,
    /// Where it was written; nothing for what stockade does on its own.
    pub origin: Option<Origin>,
}

/// A request together with who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<T> {
    /// The request.
    pub what: T,
    /// Who made it.
    pub by: By,
}

/// `ProtectHome at web.toml:12`.
impl std::fmt::Display for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} at {origin}", self.directive),
            None => f.write_str(self.directive),
        }
    }
}

/// Everything a policy asks for, unordered.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Argv prefix of the target (`Exec`).
    pub exec: Option<Asked<Vec<String>>>,
    /// Whether specifiers are replaced in it (`ExecSpecifiers`); nothing where something else is executed.
    pub exec_specifiers: Option<Asked<()>>,
    /// Whether variables are (`ExecVariables`).
    pub exec_variables: Option<Asked<()>>,
    /// Directives that may be weaker than asked for where the host cannot do better (`Prefer`).
    pub prefer: Vec<Asked<String>>,
    /// Wishes about paths.
    pub mounts: Vec<Asked<MountAsk>>,
    /// A directory that becomes the root.
    pub root: Option<Asked<std::path::PathBuf>>,
    /// Namespaces to make. Mount wishes imply the mount namespace on their own.
    pub namespaces: Vec<Asked<Namespace>>,
    /// Microseconds after which the target is ended (RuntimeMaxSec=).
    pub runtime: Option<Asked<u64>>,
    /// Microseconds that it may take to end then (TimeoutStopSec=).
    pub grace: Option<Asked<u64>>,
    /// Whether it gets a terminal of its own (`Pty`).
    pub pty: Option<Asked<()>>,
    /// Whether it is process 1 of its PID namespace (`Init.AsPid1`).
    pub as_pid1: Option<Asked<()>>,
    /// Whether a user namespace was asked for, and with which map.
    pub users: Option<Asked<UserNamespace>>,
    /// The target's user, group and further groups.
    pub user: Option<Asked<Name>>,
    /// The target's group.
    pub group: Option<Asked<Name>>,
    /// Groups besides.
    pub groups: Vec<Asked<Name>>,
    /// What CapabilityBoundingSet= leaves.
    pub bounding: Option<Asked<CapSet>>,
    /// Capabilities that other directives take away.
    pub dropped: Vec<Asked<CapSet>>,
    /// AmbientCapabilities=.
    pub ambient: Option<Asked<CapSet>>,
    /// SecureBits=.
    pub securebits: Option<Asked<u32>>,
    /// NoNewPrivileges=yes.
    pub no_new_privileges: Option<Asked<()>>,
    /// Layers of the seccomp filter; stacked, the strictest action wins.
    pub layers: Vec<Arc<Layer>>,
    /// A container engine's profile (SeccompProfile=), one more layer.
    pub profile: Option<Asked<Arc<Profile>>>,
    /// Architectures besides the native one (SystemCallArchitectures=).
    pub architectures: Option<Asked<Vec<Arch>>>,
    /// How the filter is loaded (Seccomp.Flags).
    pub filter_flags: Option<Asked<Flags>>,
    /// Who answers the calls that the filter notifies of.
    pub supervision: Supervision,
    /// The kernel's strict mode, or a filter like it (Seccomp.Mode).
    pub strict: Option<Asked<Strict>>,
    /// What a tracer answers to the numbers of [`action::Action::Trace`]; without any there is no tracer.
    pub tracing: Vec<Asked<(u16, Decision)>>,
    /// MemoryDenyWriteExecute=: PR_SET_MDWE where the kernel has it, a filter otherwise.
    pub deny_write_execute: Option<Asked<()>>,
    /// LockPersonality=: the filter compares with the personality that the host reports.
    pub lock_personality: Option<Asked<()>>,
    /// Landlock.
    pub access: Access,
    /// Resource limits.
    pub limits: Vec<Asked<Limit>>,
    /// UMask=.
    pub umask: Option<Asked<u32>>,
    /// WorkingDirectory=, and whether a missing one is ignored (`-`).
    pub directory: Option<Asked<(WorkingDirectory, bool)>>,
    /// Descriptors above 2 that stay open (`Descriptors.Pass`).
    pub descriptors: Option<Asked<Vec<i32>>>,
    /// Changes to the environment.
    pub environment: Vec<Asked<Variable>>,
    /// Whether the variables of a login are set (SetLoginEnvironment=); unset: with a user.
    pub login: Option<Asked<bool>>,
    /// Where programs are looked for (ExecSearchPath=).
    pub search: Option<Asked<Vec<String>>>,
    /// Attributes of the process.
    pub attributes: Vec<Asked<Attribute>>,
    /// Files that the target finds open.
    pub files: Vec<Asked<OpenFile>>,
    /// Secrets that the target finds in a directory of its own.
    pub credentials: Vec<Asked<Credential>>,
    /// Directories of the service.
    pub directories: Vec<Asked<Directory>>,
    /// Limits of a control group of the target's own.
    pub group_limits: Vec<Asked<GroupLimit>>,
    /// Labels of security modules.
    pub labels: Vec<Asked<Label>>,
    /// Namespaces that are entered, by their files.
    pub joins: Vec<Asked<(Namespace, std::path::PathBuf)>>,
    /// Namespaces that the target shall own (DelegateNamespaces=).
    pub delegated: Option<Asked<u32>>,
    /// The name of the host in the target's own UTS namespace.
    pub hostname: Option<Asked<String>>,
    /// Whether an unused user id is taken (DynamicUser=).
    pub dynamic: Option<Asked<()>>,
    /// Whether changes to the root are thrown away (RootEphemeral=).
    pub ephemeral: Option<Asked<()>>,
    /// MountAPIVFS=, where it was said.
    pub api_file_systems: Option<Asked<bool>>,
    /// Whether denials are told by a supervisor (`run --explain-denials`, `monitor`).
    pub explain: Option<Explain>,
    /// The propagation that the target's mounts have at last (MountFlags=).
    pub propagation: Option<Asked<Propagation>>,
}

/// What becomes of denials that are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// They stay denials.
    Denials,
    /// They are only told: everything runs.
    Monitor,
}

/// Who answers calls that the filter does not answer itself, and how.
#[derive(Clone, Debug, Default)]
pub struct Supervision {
    /// What [`action::Action::Notify`] numbers; the first one is the policy's default, EPERM where the list is empty.
    pub decisions: Vec<Decision>,
    /// An agent that answers in stockade's place.
    pub agent: Option<Asked<Agent>>,
}

/// A listener of the OCI runtime specification (`listenerPath`, `listenerMetadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its unix socket.
    pub path: std::path::PathBuf,
    /// What it is told besides.
    pub metadata: String,
}

impl Draft {
    /// Whether it takes anything away from the target, so that the caller's terminal is something to be protected, too.
    pub fn confines(&self) -> bool {
        !self.namespaces.is_empty()
            || !self.joins.is_empty()
            || !self.mounts.is_empty()
            || self.root.is_some()
            || self.users.is_some()
            || self.user.is_some()
            || self.dynamic.is_some()
            || self.bounding.is_some()
            || !self.dropped.is_empty()
            || self.no_new_privileges.is_some()
            || self.may_have_filter()
            || self.access != Access::default()
            || !self.labels.is_empty()
    }

    /// Whether a word asks for a filter on every kernel.
    pub fn has_filter(&self) -> bool {
        !self.layers.is_empty()
            || self.explain.is_some()
            || self.profile.is_some()
            || self.architectures.is_some()
            || self.lock_personality.is_some()
    }

    /// Whether a word asks for a filter, on some kernel at least.
    pub fn may_have_filter(&self) -> bool {
        self.has_filter() || self.deny_write_execute.is_some()
    }

    /// Whether planning needs the table of mounts: a new /proc or /sys keeps what is mounted on the
    /// old one, which may be a mask that somebody put there.
    pub fn needs_mount_table(&self) -> bool {
        self.root.is_some() || self.mounts.iter().any(|ask| matches!(ask.what.view, View::Proc(_) | View::Sysfs))
    }
}
