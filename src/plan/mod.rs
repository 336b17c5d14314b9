//! ORDER: a [`Draft`] and a [`Host`] become a [`Plan`], the ordered list of kernel operations.
//!
//! The plan is all there is: `explain` prints it, golden tests compare it, `apply` obeys it.
//!
//! In: a [`Draft`] and a [`Host`]. Out: a [`Plan`], or everything that this machine cannot do and the policy may not
//! lack.
//!
//! - the list itself: `op` (every operation there is), `order` (the phases, and why they stand so), `words` (how people
//!   read an operation)
//! - steps, by what they are about. The file system: `mounts`, `directories`, `secrets`, `places` (paths as written).
//!   The process: `command`, `environment`, `files`, `attributes`, `cgroup`, `service` (what a unit brings along). Privileges:
//!   `identity`, `privileges`, `target` (who it will be), `namespaces`, `joins`. What it may do: `access` (Landlock),
//!   `seccomp` with `bundles` (calls that carry other calls)
//! - who stays beside the target: `supervise`, `tell` (denials that are told), `trace`, `strict`, `companion`
//! - the filter's compiler, and what can be asked of a filter: `filter`
//! - questions to a plan that is not carried out: `why`; `event` is what is told of a denial
//!
//! A new operation is a variant of [`op::Op`]; the compiler then asks for its words (`words`) and its act (`apply`).
//! The part that adds it has its place in [`Plan::new`], and its phase in [`order::Phase`] or a new one with the
//! reason.

#![forbid(unsafe_code)]

pub mod access;
mod attributes;
mod bundles;
mod cgroup;
pub mod command;
pub mod companion;
mod directories;
mod environment;
pub mod event;
mod files;
pub mod filter;
pub mod identity;
mod joins;
pub mod mounts;
mod namespaces;
pub mod op;
pub mod order;
pub mod places;
mod privileges;
pub mod seccomp;
mod secrets;
mod service;
pub mod strict;
pub mod supervise;
mod target;
pub mod tell;
mod trace;
pub mod why;
mod words;

use std::ffi::OsString;

use crate::draft::namespaces::Namespace;
use crate::draft::{By, Draft};
use crate::fault::{Exit, Fault};
use crate::host::Host;

use op::{Op, Step};

/// Where commands are looked for without a PATH.
pub const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What stockade will do, in order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What could not be done although it was asked for, and was allowed to be missing.
    pub shortfalls: Vec<Shortfall>,
    /// What a reader should know: which implicit things were decided and why.
    pub notes: Vec<String>,
    /// What is told before the launch: what confines more than was asked for, or shows more than one would think.
    pub told: Vec<String>,
    /// What to execute: a path, or a name that is looked for in the target's PATH.
    pub program: OsString,
    /// The target's argv; empty when only the sandbox was planned.
    pub argv: Vec<OsString>,
    /// The target's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where a bare name is looked for instead of the target's PATH.
    pub search: Option<OsString>,
    /// What the filter recognises the launcher's own execve by.
    pub cookie: [u64; 3],
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

impl Shortfall {
    /// What is missing behind the directive's name, without what it is in particular: nothing where that is all.
    fn kind(&self) -> Option<String> {
        let rest = self.missing.strip_prefix(self.by.directive)?;
        Some(rest.split(" (").next().unwrap_or(rest).to_owned())
    }
}

impl Plan {
    /// Orders what the draft asks for, on this host, around this command; an empty one when only the
    /// sandbox is of interest.
    ///
    /// # Errors
    /// Everything that cannot be done and may not be missing.
    pub fn new(draft: &Draft, host: &Host, argv: Vec<OsString>) -> Result<Self, Vec<Fault>> {
        let mut planner = Planner::new(draft, host);
        let own = command::own(draft, &argv);
        let argv = command::expanded(&mut planner, argv);
        mounts::plan(&mut planner);
        access::plan(&mut planner);
        command::plan(&mut planner);
        files::plan(&mut planner);
        cgroup::plan(&mut planner);
        attributes::plan(&mut planner);
        directories::plan(&mut planner);
        joins::plan(&mut planner);
        seccomp::plan(&mut planner);
        supervise::plan(&mut planner);
        identity::plan(&mut planner);
        namespaces::plan(&mut planner);
        if !argv.is_empty() {
            command::execute(&mut planner);
        }
        trace::plan(&mut planner);
        strict::plan(&mut planner);
        companion::plan(&mut planner);
        let mut environment = environment::environment(draft, host, &mut planner.notes).unwrap_or_else(|faults| {
            planner.faults.extend(faults);
            Vec::new()
        });
        let search = command::search(draft, host);
        let Planner { mut steps, shortfalls, notes, told, faults, .. } = planner;
        if !faults.is_empty() {
            return Err(faults);
        }
        // Steps are large: their keys are sorted, and each is moved once.
        steps.sort_by_cached_key(|step| step.phase);
        if let Some(op) = steps.iter().find_map(|step| if let Op::Companion(op) = &step.op { Some(op) } else { None }) {
            companion::environment(&mut environment, host, op.inner());
        }
        let argv = command::substituted(draft, argv, own, &environment);
        let program = argv.first().cloned().unwrap_or_default();
        Ok(Self { steps, shortfalls, notes, told, program, argv, environment, search, cookie: host.cookie })
    }
}

impl Plan {
    /// Where a bare command name is looked for: the target's PATH, else what execvp(3) takes.
    pub fn search_path(&self) -> OsString {
        if let Some(path) = &self.search {
            return path.clone();
        }
        let path = self.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
        path.unwrap_or_else(|| SEARCH.into())
    }
}

/// The planner's notebook: every part of the plan adds its steps, shortfalls and faults here.
pub struct Planner<'a> {
    /// What was asked.
    pub draft: &'a Draft,
    /// Where.
    pub host: &'a Host,
    /// Namespaces that have to be made, and for whom.
    pub namespaces: Vec<(Namespace, By)>,
    /// Steps so far, unordered between phases; the order within a phase is kept.
    pub steps: Vec<Step>,
    /// Shortfalls that `Prefer` allows.
    pub shortfalls: Vec<Shortfall>,
    /// Notes so far.
    pub notes: Vec<String>,
    /// What is told so far.
    pub told: Vec<String>,
    /// Faults so far: any makes the plan fail.
    pub faults: Vec<Fault>,
    /// Which of them are about what the host lacks.
    pub causes: Vec<Cause>,
}

impl<'a> Planner<'a> {
    /// An empty notebook.
    pub fn new(draft: &'a Draft, host: &'a Host) -> Self {
        Self {
            draft,
            host,
            steps: Vec::with_capacity(64),
            namespaces: Vec::new(),
            shortfalls: Vec::new(),
            notes: Vec::new(),
            told: Vec::new(),
            faults: Vec::new(),
            causes: Vec::new(),
        }
    }

    /// Adds a step.
    pub fn step(&mut self, phase: order::Phase, op: op::Op, by: Vec<By>) {
        self.steps.push(Step { phase, op, by });
    }

    /// Whether the policy would rather run without what a directive asks for than not at all.
    pub fn may_lack(&self, directive: &str) -> bool {
        self.draft.prefer.iter().any(|asked| prefers(&asked.what, directive))
    }

    /// Something cannot be enforced: noted where the policy prefers to run weaker, a fault elsewhere.
    pub fn short(&mut self, shortfall: Shortfall) {
        if self.may_lack(shortfall.by.directive) {
            self.shortfalls.push(shortfall);
            return;
        }
        // One cause takes many directives away at once: it is told once, with all of them.
        let kind = shortfall.kind();
        let same = |cause: &&mut Cause| {
            kind.is_some() && cause.kind == kind && cause.reason == shortfall.reason && cause.remedy == shortfall.remedy
        };
        if let Some(cause) = self.causes.iter_mut().find(same) {
            cause.by.push(shortfall.by);
            self.faults[cause.fault].help = cause.help();
            return;
        }
        let message = format!("{}: {}", shortfall.missing, shortfall.reason);
        let mut fault = Fault::new(message).exit(shortfall.exit);
        fault.origin.clone_from(&shortfall.by.origin);
        let mut fault = fault.label(format!("asked for by {}", shortfall.by.directive));
        let Shortfall { by, reason, remedy, .. } = shortfall;
        let cause = Cause { fault: self.faults.len(), kind, reason, remedy, by: vec![by] };
        fault.help = cause.help();
        self.faults.push(fault);
        self.causes.push(cause);
    }
}

/// Directives that one cause takes away, in one fault.
pub struct Cause {
    fault: usize,
    kind: Option<String>,
    reason: String,
    remedy: String,
    by: Vec<By>,
}

impl Cause {
    fn help(&self) -> Vec<String> {
        let mut names: Vec<&str> = Vec::new();
        let mut others: Vec<String> = Vec::new();
        for by in &self.by {
            if !names.contains(&by.directive) {
                names.push(by.directive);
                others.push(by.to_string());
            }
        }
        let mut help = vec![self.remedy.clone()];
        if others.len() > 1 {
            help.push(format!("for the same reason there would be no {}", others[1..].join(", ")));
        }
        // What is shipped cannot be changed, and what is typed is in no file.
        let typed = |by: &By| {
            by.origin.as_ref().is_some_and(|at| at.source.name == "-p" || at.source.name.starts_with("profile:"))
        };
        let them = if names.len() == 1 { "it" } else { "them" };
        help.push(match (self.by.iter().any(typed), names.as_slice()) {
            (true, [name]) => format!("or let it be missing: -p Prefer={name}"),
            (true, _) => format!("or let them be missing: -p 'Prefer={}'", names.join(" ")),
            (false, _) => format!("or let {them} be missing: Prefer = [\"{}\"]", names.join("\", \"")),
        });
        help
    }
}

/// `Landlock` in Prefer covers all of `Landlock.*`.
fn prefers(word: &str, directive: &str) -> bool {
    word == directive || directive.strip_prefix(word).is_some_and(|rest| rest.starts_with('.'))
}
