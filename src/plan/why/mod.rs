//! Why something is allowed or denied: questions about single things, answered from a plan without carrying it out.
//!
//! In: a [`Case`] and a question. Out: an [`Answer`], with every layer that has a say. `judge` puts the plan into the
//! shape that questions are asked of, `world` is the file system as the plan leaves it, `path`, `reach`
//! and `others` (what is outside, and limits) are the kernel's checks, `change` is the smallest change that would allow it.

mod change;
mod judge;
mod others;
mod path;
mod reach;
mod world;

pub use change::{Case, Change, suggestion};
pub use judge::{Judge, Subject};
pub use others::Outside;
pub use path::{OPERATIONS, Operation};
pub use reach::Reach;
pub use world::Look;

use std::path::PathBuf;

use crate::draft::By;
use crate::draft::capabilities::CapSet;

use super::filter::verdict;

/// What somebody asks about.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Something done at a path of the target's world.
    Path(PathBuf, Operation),
    /// A system call.
    Call(verdict::Question),
    /// A connection or a bound socket.
    Net(Reach),
    /// A process or an abstract socket outside of the sandbox.
    Outside(Outside),
    /// The use of a capability.
    Capability(caps::Capability),
}

/// What of the kernel meets a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The system call filter.
    Seccomp,
    /// What can be seen of the file system.
    View,
    /// Flags of mounts.
    Mount,
    /// Permissions of files, which no policy gives or takes.
    Permissions,
    /// Landlock.
    Landlock,
    /// Network namespaces.
    Network,
    /// PID namespaces.
    Processes,
    /// Capabilities.
    Capabilities,
    /// Resource limits.
    Limits,
}

impl Layer {
    /// Its name, for people and scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seccomp => "seccomp",
            Self::View => "view",
            Self::Mount => "mount",
            Self::Permissions => "permissions",
            Self::Landlock => "landlock",
            Self::Network => "network",
            Self::Processes => "processes",
            Self::Capabilities => "capabilities",
            Self::Limits => "limits",
        }
    }
}

/// One reason for a denial.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What of the kernel denies it.
    pub layer: Layer,
    /// Which directives want that; none where it is not the policy's doing.
    pub by: Vec<By>,
    /// What the program sees: an error's name, or SIGSYS.
    pub error: String,
    /// Why, in words: lower case, one line.
    pub text: String,
    /// What is in the way: a path, a call, a port, a capability.
    pub what: String,
    /// What a policy would have to give, where `what` does not say it.
    pub lack: Lack,
}

/// What is missing, in the terms of whatever denies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// `what` says it.
    Plain,
    /// LANDLOCK_ACCESS_FS_* bits, at the path.
    Rights(u64),
    /// A way out of a scope. The LANDLOCK_SCOPE_* bits are those that hold besides it.
    Scope(u64),
    /// A capability that directives took away.
    Capability(caps::Capability),
    /// More than one thing is in the way, and no single line takes all of it away.
    More,
}

impl Reason {
    /// A reason that nobody asked for, with what is in the way.
    pub fn new(layer: Layer, error: impl Into<String>, text: String, what: impl Into<String>) -> Self {
        Self { layer, by: Vec::new(), error: error.into(), text, what: what.into(), lack: Lack::Plain }
    }

    /// The directives that want it.
    #[must_use]
    pub fn by(self, by: Vec<By>) -> Self {
        Self { by, ..self }
    }

    /// What is missing.
    #[must_use]
    pub fn lacking(self, lack: Lack) -> Self {
        Self { lack, ..self }
    }

    /// A missing capability, with the directives that took it away, if any did.
    #[must_use]
    fn dropped(self, dropped: Option<(caps::Capability, Vec<By>)>) -> Self {
        match dropped {
            Some((cap, by)) => self.by(by).lacking(Lack::Capability(cap)),
            None => self,
        }
    }
}

/// Whether it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is in the way.
    Allowed,
    /// Something is.
    Denied,
    /// That depends on arguments that were not given, or on who is asked.
    Depends,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whether.
    pub verdict: Verdict,
    /// Everything that is in the way, in the order in which the kernel meets it; the first one's error is seen.
    pub reasons: Vec<Reason>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

impl Answer {
    fn of(reasons: Vec<Reason>) -> Self {
        let verdict = if reasons.is_empty() { Verdict::Allowed } else { Verdict::Denied };
        Self { verdict, reasons, notes: Vec::new() }
    }
}

/// Who the target is, for the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User id on the host.
    pub uid: u32,
    /// Group id on the host.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// Effective capabilities after execve(2).
    pub effective: CapSet,
    /// User and group ids that its user namespace knows, as first and count; nothing in the host's.
    pub known: Option<[Vec<(u32, u32)>; 2]>,
}
