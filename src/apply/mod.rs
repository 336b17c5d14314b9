//! ACT: a [`Plan`] becomes [`Ready`] (everything looked up, allocated and compiled) and is then carried out,
//! one short function for each operation. A step that fails stops everything.
//!
//! In: a [`Plan`]. Out: the target in this process, or a [`Failure`]: which step, and the kernel's answer.
//!
//! - the file system: `mounts`, `directories` (a service's directories), `secrets`
//! - the process: `identity`, `users` (id maps), `attributes`, `limits`, `files`, `cgroup`
//! - what it may do: `landlock`, `seccomp`; `supervise` (who answers notifications)
//! - the target: `find`, and `inspect` before strict mode
//!
//! The act of a new operation is a function in the file of its kind, called in `Ready::perform`; what it needs of
//! memory is made ready before, and a call that no crate has is wrapped in `sys`.

mod attributes;
mod cgroup;
mod directories;
mod files;
pub mod find;
mod identity;
mod inspect;
pub mod landlock;
mod limits;
mod mounts;
mod seccomp;
mod secrets;
pub mod supervise;
mod users;

use std::ffi::CString;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sched::CloneFlags;

use crate::fault::Fault;
use crate::plan::Plan;
use crate::plan::companion::CompanionOp;
use crate::plan::mounts::MountOp;
use crate::plan::op::{Op, Step};
use crate::sys::execve::{Vector, execve};
use crate::sys::process;
use crate::sys::progress::{self, Progress};

/// A plan that only needs to be obeyed.
pub struct Ready {
    acts: Vec<Act>,
    /// The first that has not been carried out.
    next: usize,
    state: State,
    candidates: Vec<CString>,
    argv: Vector,
    environment: Vector,
    cookie: [u64; 3],
}

/// What one step needs, allocated beforehand.
enum Act {
    Identity(identity::Act),
    Attribute(attributes::Act),
    OpenFile(files::Act),
    Group(cgroup::Act),
    MakeDirectory(directories::Act),
    Landlock(landlock::Act),
    Unshare(CloneFlags),
    Companion(CompanionOp),
    Undumpable,
    Mount(mounts::Act),
    DenyWriteExecute,
    Supervise(supervise::Act),
    Filter(seccomp::Act),
    Loopback,
    Find,
    Exec,
    Attached,
    Inspect { strict: bool },
    Unreached,
}

/// What steps leave for later ones.
struct State {
    /// Trees that were taken and are not attached yet.
    mounts: mounts::State,
    /// The Landlock ruleset, made where its paths can be seen and put in force at the end.
    ruleset: Option<::landlock::RulesetCreated>,
    /// Which of the candidates is the target's file.
    found: usize,
    /// Whether a tracer that the plan wants has attached.
    traced: bool,
    /// Who answers the filter's notifications.
    supervise: supervise::State,
    /// Who makes the target's process.
    part: Option<Part>,
    /// Where somebody wants to hear how far it came.
    progress: Option<Progress>,
}

/// Makes the target's process and comes back in it: the launcher stays behind and never does. Gives the socket to which
/// the target's messages for the service manager go.
pub type Part = Box<dyn FnOnce(&CompanionOp) -> Result<Option<OwnedFd>, Errno> + Send + Sync>;

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
        let mut acts = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            acts.push(ready(step)?);
        }
        let argv = plan.argv.iter().map(|word| c_string(word.as_encoded_bytes())).collect::<Result<_, _>>()?;
        let environment = plan
            .environment
            .iter()
            .map(|(name, value)| variable(name.as_encoded_bytes(), value.as_encoded_bytes()))
            .collect::<Result<_, _>>()?;
        let (argv, environment) = (Vector::new(argv), Vector::new(environment));
        let candidates = find::candidates(&plan.program, &plan.search_path())?;
        let ops = plan.steps.iter().filter_map(|step| if let Op::Mount(op) = &step.op { Some(op) } else { None });
        let state = State {
            mounts: mounts::State::new(ops),
            ruleset: None,
            found: 0,
            traced: false,
            supervise: supervise::State::default(),
            part: None,
            progress: None,
        };
        Ok(Self { acts, next: 0, state, candidates, argv, environment, cookie: plan.cookie })
    }

    /// The tracer that the plan begins with has attached, which is not done here. Without it such a plan fails.
    pub fn traced(&mut self) {
        self.state.traced = true;
    }

    /// Lends it the supervisor for filters that notify one.
    #[must_use]
    pub fn supervised(mut self, serve: supervise::Serve) -> Self {
        self.state.supervise.serve = Some(serve);
        self
    }

    /// Carries the plan out on this process. A plan with a target ends in it and does not return.
    ///
    /// # Errors
    /// The first step that failed; nothing may be executed then.
    pub fn run(&mut self) -> Result<(), Failure> {
        self.advance(usize::MAX)
    }

    /// Carries out what comes before a step and has not been done.
    ///
    /// # Errors
    /// As [`Ready::run`].
    pub fn advance(&mut self, before: usize) -> Result<(), Failure> {
        while self.next < self.acts.len().min(before) {
            let step = self.next;
            self.perform(step).map_err(|errno| Failure { step, errno })?;
            self.next = step + 1;
        }
        Ok(())
    }

    /// Lends it who makes the target's process, for plans that want one.
    pub fn parted(&mut self, part: Part) {
        self.state.part = Some(part);
    }

    /// Has it tell when the target is executed.
    pub fn watched(&mut self, progress: Progress) {
        self.state.progress = Some(progress);
    }

    /// Leaves one more descriptor open.
    pub fn spare(&mut self, number: i32) {
        for act in &mut self.acts {
            if let Act::Identity(act) = act {
                act.spare(number);
            }
        }
    }

    fn perform(&mut self, step: usize) -> Result<(), Errno> {
        if matches!(self.acts[step], Act::Exec) {
            return Err(self.execute());
        }
        let state = &mut self.state;
        match &self.acts[step] {
            Act::Identity(act) => act.perform(),
            Act::Attribute(act) => act.perform(),
            Act::OpenFile(act) => act.perform(),
            Act::Group(act) => act.perform(),
            Act::MakeDirectory(act) => act.perform(),
            Act::Landlock(act) => act.perform(&mut state.ruleset),
            Act::Unshare(flags) => nix::sched::unshare(*flags),
            Act::Companion(op) => {
                let part = state.part.take().ok_or(Errno::ENOSYS)?;
                state.mounts.relay = part(op)?;
                Ok(())
            }
            Act::Undumpable => process::prctl(libc::PR_SET_DUMPABLE, 0).map(drop),
            Act::Mount(act) => act.perform(&mut state.mounts),
            Act::Loopback => process::loopback_up(),
            Act::Supervise(act) => act.perform(&mut state.supervise),
            Act::Filter(act) => act.perform(&state.supervise),
            Act::DenyWriteExecute => process::prctl(libc::PR_SET_MDWE, libc::PR_MDWE_REFUSE_EXEC_GAIN.into()).map(drop),
            Act::Find => {
                // While this process may still wait. Without those who take it along nothing is executed.
                if !state.progress.as_ref().is_none_or(Progress::accompanied) {
                    return Err(Errno::ECANCELED);
                }
                find::find(&self.candidates).map(|found| state.found = found)
            }
            Act::Attached if state.traced => Ok(()),
            // What stands behind the execution is the tracer's.
            Act::Attached | Act::Unreached => Err(Errno::ESRCH),
            Act::Inspect { strict } => inspect::inspect(&self.candidates[state.found], *strict),
            Act::Exec => Err(Errno::EINVAL),
        }
    }

    /// Becomes the target; what comes back is why not.
    fn execute(&self) -> Errno {
        let tell = |state| {
            if let Some(progress) = &self.state.progress {
                progress.tell(state);
            }
        };
        tell(progress::State::Executing);
        let file = &self.candidates[self.state.found];
        let errno = execve(file, &self.argv, &self.environment, self.cookie);
        tell(progress::State::Failed);
        errno
    }
}

fn ready(step: &Step) -> Result<Act, Fault> {
    if let Some(act) = attributes::Act::ready(&step.op)? {
        return Ok(Act::Attribute(act));
    }
    Ok(match &step.op {
        Op::Unshare(flags) => Act::Unshare(CloneFlags::from_bits_retain(flags.cast_signed())),
        Op::Companion(op) => Act::Companion(op.clone()),
        Op::Undumpable => Act::Undumpable,
        Op::Mount(op) => Act::Mount(mounts::ready(op)?),
        Op::Loopback => Act::Loopback,
        Op::Access(op) => Act::Landlock(landlock::Act::ready(op)?),
        Op::Supervise(op) => Act::Supervise(supervise::Act::ready(op)),
        Op::Filter(op) => Act::Filter(seccomp::Act::new(op)),
        Op::DenyWriteExecute => Act::DenyWriteExecute,
        Op::OpenFile { path, mode, number } => Act::OpenFile(files::Act::ready(path, *mode, *number)),
        Op::Group(group) => Act::Group(cgroup::Act::ready(group)?),
        Op::MakeDirectory(make) => Act::MakeDirectory(directories::Act::ready(make)?),
        Op::Find => Act::Find,
        Op::Exec => Act::Exec,
        Op::Attach(_) => Act::Attached,
        Op::Inspect { strict } => Act::Inspect { strict: *strict },
        Op::Strict(_) => Act::Unreached,
        Op::Descriptors { .. }
        | Op::MapIds(_)
        | Op::Users(_)
        | Op::Limit(_)
        | Op::Groups { .. }
        | Op::Bounding(_)
        | Op::KeepCapabilities
        | Op::User(_)
        | Op::Capabilities { .. }
        | Op::Ambient(_)
        | Op::Directory { .. }
        | Op::SecureBits(_)
        | Op::Umask(_)
        | Op::Attribute(_)
        | Op::Join { .. }
        | Op::HostName(_)
        | Op::Label(_)
        | Op::NoNewPrivileges => Act::Identity(identity::Act::ready(&step.op)?),
    })
}

/// What probably helps when the kernel refuses an operation on the file system.
pub fn hint(op: &MountOp, errno: Errno) -> Option<&'static str> {
    mounts::hint(op, errno)
}

/// A string for the kernel.
fn c_string(bytes: impl Into<Vec<u8>>) -> Result<CString, Fault> {
    CString::new(bytes).map_err(|error| {
        let bytes = error.into_vec();
        Fault::new(format!("`{}` holds a NUL byte, which the kernel cannot take", String::from_utf8_lossy(&bytes)))
    })
}

/// `NAME=VALUE`.
fn variable(name: &[u8], value: &[u8]) -> Result<CString, Fault> {
    // With the NUL that follows.
    let mut bytes = Vec::with_capacity(name.len() + value.len() + 2);
    bytes.extend_from_slice(name);
    bytes.push(b'=');
    bytes.extend_from_slice(value);
    c_string(bytes)
}
