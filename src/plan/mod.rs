//! ORDER: a [`Draft`] and a [`Host`] become a [`Plan`], the ordered list of kernel operations.
//!
//! The plan is all there is: `explain` prints it, golden tests compare it, `apply` obeys it.

#![forbid(unsafe_code)]

pub mod access;
pub mod command;
pub mod identity;
pub mod mounts;
pub mod op;
pub mod order;
mod privileges;
mod specifier;
mod target;

use std::ffi::OsString;

use crate::draft::namespaces::Namespace;
use crate::draft::{By, Draft};
use crate::fault::{Exit, Fault};
use crate::host::Host;

use op::Step;

/// What stockade will do, in order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What could not be done although it was asked for, and was allowed to be missing.
    pub shortfalls: Vec<Shortfall>,
    /// What a reader should know: which implicit things were decided and why.
    pub notes: Vec<String>,
    /// The target's argv; empty when only the sandbox was planned.
    pub argv: Vec<OsString>,
    /// The target's environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// Something that the host cannot enforce.
#[derive(Clone, Debug, PartialEq)]
pub struct Shortfall {
    /// Who asked for it.
    pub by: By,
    /// What is missing: lower case, one line.
    pub missing: String,
    /// Why the host cannot.
    pub reason: String,
    /// What would help.
    pub remedy: String,
    /// The status to end with where it is not allowed to be missing.
    pub exit: Exit,
}

/// The planner's notebook: every part of the plan adds its steps, shortfalls and faults here.
pub struct Planner<'a> {
    /// What was asked.
    pub draft: &'a Draft,
    /// Where.
    pub host: &'a Host,
    /// Steps so far, unordered between phases; the order within a phase is kept.
    pub steps: Vec<Step>,
    /// Namespaces that the parts of the plan need, besides those that the draft names.
    pub namespaces: Vec<(Namespace, By)>,
    /// Shortfalls that `Prefer` allows.
    pub shortfalls: Vec<Shortfall>,
    /// Notes so far.
    pub notes: Vec<String>,
    /// Faults so far: any makes the plan fail.
    pub faults: Vec<Fault>,
}

impl<'a> Planner<'a> {
    /// An empty notebook.
    pub fn new(draft: &'a Draft, host: &'a Host) -> Self {
        Self {
            draft,
            host,
            steps: Vec::new(),
            namespaces: Vec::new(),
            shortfalls: Vec::new(),
            notes: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Adds a step.
    pub fn step(&mut self, phase: order::Phase, op: op::Op, by: Vec<By>) {
        self.steps.push(Step { phase, op, by });
    }

    /// Something cannot be enforced: noted where the policy prefers to run weaker, a fault elsewhere.
    pub fn short(&mut self, shortfall: Shortfall) {
        if self.draft.prefer.iter().any(|asked| prefers(&asked.what, shortfall.by.directive)) {
            self.shortfalls.push(shortfall);
            return;
        }
        let message = format!("{}: {}", shortfall.missing, shortfall.reason);
        let mut fault = Fault::new(message).exit(shortfall.exit);
        fault.origin.clone_from(&shortfall.by.origin);
        self.faults.push(
            fault
                .label(format!("asked for by {}", shortfall.by.directive))
                .help(shortfall.remedy)
                .help(format!("or let it be missing: Prefer = [\"{}\"]", shortfall.by.directive)),
        );
    }
}

impl Plan {
    /// Orders everything that the draft asks for; `arguments` follow `Exec`.
    ///
    /// # Errors
    /// Everything that cannot be had on this host.
    pub fn new(draft: &Draft, host: &Host, arguments: &[OsString]) -> Result<Self, Vec<Fault>> {
        let mut planner = Planner::new(draft, host);
        access::plan(&mut planner);
        command::plan(&mut planner);
        identity::plan(&mut planner);
        if !host.effective.has(caps::Capability::CAP_SYS_ADMIN) && !planner.namespaces.is_empty() {
            let flags = planner.namespaces.iter().fold(0, |flags, (kind, _)| flags | kind.flag());
            let by: Vec<By> = planner.namespaces.iter().map(|(_, by)| by.clone()).collect();
            planner.step(order::Phase::Namespaces, op::Op::Unshare(flags | Namespace::User.flag()), by.clone());
            planner.step(order::Phase::Maps, op::Op::MapIds(identity::own_maps(host)), by);
        }
        let environment = command::environment(draft, host).unwrap_or_else(|faults| {
            planner.faults.extend(faults);
            Vec::new()
        });
        let Planner { mut steps, shortfalls, notes, faults, .. } = planner;
        if !faults.is_empty() {
            return Err(faults);
        }
        steps.sort_by_key(|step| step.phase);
        Ok(Self { steps, shortfalls, notes, argv: command::argv(draft, arguments), environment })
    }
}

/// `Landlock` in Prefer covers all of `Landlock.*`.
fn prefers(word: &str, directive: &str) -> bool {
    word == directive || directive.strip_prefix(word).is_some_and(|rest| rest.starts_with('.'))
}
