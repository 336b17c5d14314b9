//! Denials that are told: the filter's refusals become notifications, which a supervisor tells of and answers as the
//! filter would have; and calls that name paths or addresses are looked into on their way.

use std::sync::Arc;

use crate::draft::action::Action;
use crate::draft::calls::Call;
use crate::draft::decision::Decision;
use crate::draft::syscalls::{Layer, Rule};
use crate::draft::{By, Draft, Explain, Supervision};

use super::Plan;
use super::filter::machine::{Instruction, RETURN};
use super::op::Op;
use super::supervise::SuperviseOp;
use super::why::{Judge, Operation};

/// What is known for telling.
#[derive(Clone, Debug)]
pub struct Teller {
    /// The policy, ready for questions.
    pub judge: Judge,
    /// Whether denials are told only.
    pub explain: Explain,
    /// Whether lines are JSON.
    pub json: bool,
    /// The number of an open descriptor for the lines, which no target gets; standard error without it.
    pub lines: Option<i32>,
    /// The same of a socket that is connected to the journal.
    pub journal: Option<i32>,
}

/// A shared [`Teller`], which is no part of what a plan is compared by.
#[derive(Clone, Debug)]
pub struct Shared(pub Arc<Teller>);

impl PartialEq for Shared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Calls that name something to be looked into: the argument that is a path, and what is done there; the descriptor that
/// a relative path starts from is the argument before it where the name ends with `at` or `at2`.
pub const PATHS: [(&str, usize, Option<Operation>); 14] = [
    ("open", 0, None),
    ("openat", 1, None),
    ("openat2", 1, None),
    ("creat", 0, Some(Operation::Create)),
    ("execve", 0, Some(Operation::Execute)),
    ("execveat", 1, Some(Operation::Execute)),
    ("unlink", 0, Some(Operation::Remove)),
    ("unlinkat", 1, Some(Operation::Remove)),
    ("rmdir", 0, Some(Operation::Remove)),
    ("mkdir", 0, Some(Operation::Mkdir)),
    ("mkdirat", 1, Some(Operation::Mkdir)),
    ("mknod", 0, Some(Operation::Create)),
    ("mknodat", 1, Some(Operation::Create)),
    ("truncate", 0, Some(Operation::Write)),
];

/// Calls that name an address by their second argument.
pub const ADDRESSES: [&str; 2] = ["connect", "bind"];

/// Calls that send a signal to the process in their first argument, or behind its descriptor. Those to a thread are not
/// looked into: they stay in their process, and some programs make them all the time.
pub const SIGNALS: [&str; 3] = ["kill", "rt_sigqueueinfo", "pidfd_send_signal"];

/// The number of the decision that looks into a call.
fn first(draft: &Draft) -> u16 {
    u16::try_from(draft.supervision.decisions.len().max(1)).unwrap_or(u16::MAX)
}

/// The layer that has calls looked into.
pub(super) fn layer(draft: &Draft) -> Layer {
    let by = By { directive: "explain-denials", origin: None };
    let names = PATHS.iter().map(|(name, ..)| *name).chain(ADDRESSES).chain(SIGNALS);
    let rule = Rule {
        calls: names.map(Call::parse).collect(),
        when: Vec::new(),
        on: Vec::new(),
        action: Action::Notify(first(draft)),
        by: by.clone(),
    };
    Layer { by, rules: vec![rule], otherwise: Action::Allow, unknown: None }
}

/// Makes notifications of a filter's refusals; the decisions that belong to them, to be put behind the policy's own.
///
/// Where denials stay denials, a trap stays the kernel's, which alone can send its signal, and so does ENOSYS, which
/// libraries take as a sign to try another call. Where the target is the first process of its namespace, the kernel
/// alone can kill it.
pub(super) fn rewrite(draft: &Draft, explain: Explain, first_of_all: bool, code: &mut [Instruction]) -> Vec<Decision> {
    let mut told = vec![Decision::Tell(None)];
    for step in code.iter_mut().filter(|step| step.code == RETURN) {
        let action = Action::from_ret(step.k);
        let tells = match (action, explain) {
            (Action::Errno(number), Explain::Denials) => number != 38,
            (Action::Trap(_) | Action::Trace(_), Explain::Denials) => false,
            (Action::KillProcess | Action::KillThread, Explain::Denials) if first_of_all => false,
            (Action::KillProcess | Action::KillThread | Action::Errno(_) | Action::Trap(_) | Action::Trace(_), _) => {
                true
            }
            _ => false,
        };
        if !tells {
            continue;
        }
        let decision = Decision::Tell(Some(action));
        let at = told.iter().position(|known| *known == decision).unwrap_or_else(|| {
            told.push(decision);
            told.len() - 1
        });
        step.k = Action::Notify(first(draft).saturating_add(u16::try_from(at).unwrap_or(u16::MAX))).to_ret();
    }
    told
}

/// Gives a plan's supervisor what it tells by.
pub fn equip(plan: &mut Plan, teller: Teller) {
    let ours: Vec<i32> = [teller.lines, teller.journal].into_iter().flatten().collect();
    let shared = Shared(Arc::new(teller));
    for step in &mut plan.steps {
        if let Op::Descriptors { keep } = &mut step.op {
            // They are closed when the target is executed.
            keep.extend_from_slice(&ours);
            keep.sort_unstable();
        }
        if let Op::Supervise(SuperviseOp::Start(watch)) = &mut step.op {
            watch.teller = Some(shared.clone());
        }
    }
}

/// What a policy's draft is while nothing is denied: the target runs as the same user, in the same directory and
/// environment, and the filter only tells.
#[must_use]
pub fn monitored(draft: &Draft) -> Draft {
    let mut open = Draft {
        exec: draft.exec.clone(),
        exec_specifiers: draft.exec_specifiers.clone(),
        exec_variables: draft.exec_variables.clone(),
        user: draft.user.clone(),
        group: draft.group.clone(),
        groups: draft.groups.clone(),
        layers: draft.layers.clone(),
        profile: draft.profile.clone(),
        architectures: draft.architectures.clone(),
        lock_personality: draft.lock_personality.clone(),
        umask: draft.umask.clone(),
        directory: draft.directory.clone(),
        descriptors: draft.descriptors.clone(),
        environment: draft.environment.clone(),
        login: draft.login.clone(),
        search: draft.search.clone(),
        explain: Some(Explain::Monitor),
        // Their numbers stand in the layers.
        supervision: Supervision {
            decisions: vec![Decision::Continue; draft.supervision.decisions.len().max(1)],
            agent: None,
        },
        ..Draft::default()
    };
    if let Some(asked) = &draft.deny_write_execute {
        open.layers.push(crate::policy::restrict::write_execute(&asked.by).into());
    }
    open
}
