//! What a policy asks of the seccomp filter: layers of rules over system calls.

use std::sync::Arc;

use super::By;

pub use super::action::Action;
pub use super::arch::Arch;
pub use super::calls::Call;
pub use super::compare::{Compare, Operator, Width};

/// Calls that get one action, when their arguments say so.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The calls. A rule without calls does nothing.
    pub calls: Vec<Call>,
    /// Conditions that must all hold; none at all always hold.
    pub when: Vec<Compare>,
    /// The answer.
    pub action: Action,
    /// Who asked.
    pub by: By,
    /// The architectures on which the rule holds; none named is all.
    pub on: Vec<Arch>,
}

impl Rule {
    /// Whether the rule holds on an architecture.
    pub fn is_on(&self, arch: Arch) -> bool {
        self.on.is_empty() || self.on.contains(&arch)
    }
}

/// One directive's filter: its first matching rule answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Who asked.
    pub by: By,
    /// The rules in order.
    pub rules: Vec<Rule>,
    /// The answer to calls that no rule decides.
    pub otherwise: Action,
    /// The answer to undecided calls that systemd's `@known` lacks (newer than the table, or without a name), in place of
    /// `otherwise`: usually ENOSYS, which libc takes as a sign to try the older call.
    pub unknown: Option<Action>,
}

/// Options of the `seccomp(2)` call that loads the filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Log every answer but allow (`SECCOMP_FILTER_FLAG_LOG`, Linux 4.14).
    pub log: bool,
    /// Leave speculative store bypass on (`SECCOMP_FILTER_FLAG_SPEC_ALLOW`, Linux 4.17).
    pub spec_allow: bool,
    /// Only fatal signals interrupt a call that a supervisor holds (`SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`, Linux 5.19).
    pub wait_killable: bool,
    /// Asked for in vain: all threads get the filter (`SECCOMP_FILTER_FLAG_TSYNC`), and there is one.
    pub tsync: bool,
}

/// Everything the compiler of the filter needs.
///
/// Layers add up as stacked filters of the kernel do: the strictest answer counts, and of equally strict ones the later
/// layer's. A filter without layers allows all calls of its architectures.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The layers, oldest first. Those of a draft are shared with it: a list of calls is long.
    pub layers: Vec<Arc<Layer>>,
    /// Architectures whose calls are answered by the layers; the native one always is.
    pub architectures: Vec<Arch>,
    /// The answer to calls of every other architecture.
    pub foreign: Action,
    /// How to load it.
    pub flags: Flags,
    /// Lets one execve pass whatever the layers say: the native one whose unused arguments 3, 4 and 5 hold these values.
    pub cookie: Option<[u64; 3]>,
}

impl Filter {
    /// A filter that allows everything on the native architecture and kills on all others.
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            architectures: Vec::new(),
            foreign: Action::KillProcess,
            flags: Flags::default(),
            cookie: None,
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::new()
    }
}
