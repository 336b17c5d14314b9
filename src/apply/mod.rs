//! ACT: a plan is made ready (everything that allocates) and then carried out on this process, one
//! short function an operation.

mod identity;
mod landlock;
mod limits;
mod users;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use crate::fault::Fault;
use crate::plan::Plan;
use crate::plan::op::Op;

/// What one step leaves for a later one.
#[derive(Default)]
pub struct State {
    /// The Landlock ruleset, made where its paths can be seen and put in force at the end.
    ruleset: Option<::landlock::RulesetCreated>,
}

enum Act {
    Identity(identity::Act),
    Landlock(landlock::Act),
    Unshare(CloneFlags),
}

/// A plan that can be carried out.
pub struct Ready {
    acts: Vec<(usize, Act)>,
    state: State,
}

/// A step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its place in the plan.
    pub step: usize,
    /// What the kernel said.
    pub errno: Errno,
}

impl Ready {
    /// Does everything that needs memory.
    ///
    /// # Errors
    /// What cannot be said to the kernel.
    pub fn new(plan: &Plan) -> Result<Self, Fault> {
        let mut acts = Vec::with_capacity(plan.steps.len());
        for (at, step) in plan.steps.iter().enumerate() {
            if let Some(act) = identity::Act::ready(&step.op)? {
                acts.push((at, Act::Identity(act)));
                continue;
            }
            match &step.op {
                Op::Access(op) => acts.push((at, Act::Landlock(landlock::Act::ready(op)?))),
                Op::Unshare(flags) => acts.push((at, Act::Unshare(CloneFlags::from_bits_retain(flags.cast_signed())))),
                _ => {}
            }
        }
        Ok(Self { acts, state: State::default() })
    }

    /// Carries it out, up to the execution of the target.
    ///
    /// # Errors
    /// The first step that failed; nothing may be executed then.
    pub fn perform(&mut self) -> Result<(), Failure> {
        for (step, act) in &self.acts {
            let result = match act {
                Act::Identity(act) => act.perform(&mut self.state),
                Act::Landlock(act) => act.perform(&mut self.state),
                Act::Unshare(flags) => unshare(*flags),
            };
            result.map_err(|errno| Failure { step: *step, errno })?;
        }
        Ok(())
    }
}
