//! ACT: a [`Plan`] becomes [`Ready`] (everything looked up, allocated and compiled) and is then carried out,
//! one short function for each operation. A step that fails stops everything.

mod find;
mod maps;
mod seccomp;

use std::ffi::CString;

use nix::errno::Errno;
use nix::sched::CloneFlags;

use crate::fault::Fault;
use crate::plan::Plan;
use crate::plan::op::{Op, Step};
use crate::sys::execve::{Vector, execve};
use crate::sys::process;

/// A plan that only needs to be obeyed.
pub struct Ready {
    acts: Vec<Act>,
    state: State,
    candidates: Vec<CString>,
    argv: Vector,
    environment: Vector,
    cookie: [u64; 3],
}

/// What one step needs, allocated beforehand.
enum Act {
    Descriptors(Vec<i32>),
    Unshare(CloneFlags),
    MapIds(maps::Act),
    Undumpable,
    DenyWriteExecute,
    Filter(seccomp::Act),
    Loopback,
    Find,
    Exec,
}

/// What steps leave for later ones.
#[derive(Default)]
struct State {
    /// Which of the candidates is the target's file.
    found: usize,
}

/// A step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its index in the plan.
    pub step: usize,
    /// What the kernel said.
    pub errno: Errno,
}

impl Ready {
    /// Prepares every step.
    ///
    /// # Errors
    /// Words that cannot be handed to the kernel (a NUL byte), one fault each.
    pub fn new(plan: &Plan) -> Result<Self, Fault> {
        let acts = plan.steps.iter().map(ready).collect::<Result<Vec<_>, _>>()?;
        let argv = plan.argv.iter().map(|word| c_string(word.as_encoded_bytes())).collect::<Result<_, _>>()?;
        let environment = plan
            .environment
            .iter()
            .map(|(name, value)| c_string(&[name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat()))
            .collect::<Result<_, _>>()?;
        let (argv, environment) = (Vector::new(argv), Vector::new(environment));
        let candidates = find::candidates(plan)?;
        Ok(Self { acts, state: State::default(), candidates, argv, environment, cookie: plan.cookie })
    }

    /// Carries the plan out and becomes the target. Returns only when a step failed.
    pub fn run(mut self) -> Failure {
        for step in 0..self.acts.len() {
            if let Err(errno) = self.perform(step) {
                return Failure { step, errno };
            }
        }
        // The last step of every plan is Exec, which does not return.
        Failure { step: self.acts.len(), errno: Errno::ENOEXEC }
    }

    fn perform(&mut self, step: usize) -> Result<(), Errno> {
        let state = &mut self.state;
        match &self.acts[step] {
            Act::Descriptors(keep) => descriptors(keep),
            Act::Unshare(flags) => nix::sched::unshare(*flags),
            Act::MapIds(act) => act.perform(),
            Act::Undumpable => process::prctl(libc::PR_SET_DUMPABLE, 0).map(drop),
            Act::Loopback => process::loopback_up(),
            Act::Filter(act) => act.perform(),
            Act::DenyWriteExecute => process::prctl(libc::PR_SET_MDWE, libc::PR_MDWE_REFUSE_EXEC_GAIN.into()).map(drop),
            Act::Find => find::find(&self.candidates).map(|found| state.found = found),
            Act::Exec => Err(execve(&self.candidates[state.found], &self.argv, &self.environment, self.cookie)),
        }
    }
}

fn ready(step: &Step) -> Result<Act, Fault> {
    Ok(match &step.op {
        Op::Descriptors { keep } => Act::Descriptors(keep.clone()),
        Op::Unshare(flags) => Act::Unshare(CloneFlags::from_bits_retain(flags.cast_signed())),
        Op::MapIds(maps) => Act::MapIds(maps::Act::new(maps)),
        Op::Undumpable => Act::Undumpable,
        Op::Loopback => Act::Loopback,
        Op::Filter(op) => Act::Filter(seccomp::Act::new(op)),
        Op::DenyWriteExecute => Act::DenyWriteExecute,
        Op::Find => Act::Find,
        Op::Exec => Act::Exec,
        _ => return Err(Fault::new("not wired")),
    })
}

fn descriptors(keep: &[i32]) -> Result<(), Errno> {
    process::fill_standard()?;
    let mut first = 3;
    for number in keep.iter().filter_map(|number| u32::try_from(*number).ok()) {
        if number > first {
            process::close_range(first, number - 1)?;
        }
        first = first.max(number.saturating_add(1));
    }
    process::close_range(first, u32::MAX)
}

/// A string for the kernel.
fn c_string(bytes: &[u8]) -> Result<CString, Fault> {
    CString::new(bytes).map_err(|_| {
        Fault::new(format!("`{}` holds a NUL byte, which the kernel cannot take", String::from_utf8_lossy(bytes)))
    })
}
