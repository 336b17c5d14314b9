//! Strict mode, and the filter like it: what the tracer has to do.

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::Call;
use crate::draft::strict::Trigger;
use crate::draft::syscalls::{Filter, Layer, Rule};
use crate::draft::{Asked, By};
use crate::fault::{Exit, Fault};

use super::filter::machine::Data;
use super::filter::meaning::meaning;
use super::filter::tree;
use super::filter::tree::Program;
use super::op::{Op, Tracer};
use super::order::Phase;
use super::{Planner, seccomp, target};

/// What the kernel's strict mode lets pass (kernel/seccomp.c), and exit_group, which glibc ends with.
const CALLS: [&str; 5] = ["read", "write", "exit", "rt_sigreturn", "exit_group"];

/// What is entered on the target's behalf.
#[derive(Clone, Debug, PartialEq)]
pub struct StrictOp {
    /// Where.
    pub at: Trigger,
    /// The filter in place of the mode.
    pub filter: Option<Program>,
}

/// Adds the steps; the last of all parts, because filters of others must be known.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let Some(asked) = &planner.draft.strict else { return };
    if Arch::native() != Arch::X86_64 {
        let fault = fault(&asked.by, "strict mode cannot be entered on this architecture, only on x86-64".into());
        planner.faults.push(fault);
        return;
    }
    if let Err(fault) = alone(planner, asked.what.compat, &asked.by) {
        planner.faults.push(fault);
        return;
    }
    let by = vec![asked.by.clone()];
    let filter = match asked.what.compat.then(|| tree::compile(&compat(&asked.by), Arch::native())).transpose() {
        Ok(filter) => filter,
        Err(fault) => return planner.faults.push(fault),
    };
    let strict = filter.is_none();
    planner.step(Phase::Tracer, Op::Attach(Tracer::Strict), by.clone());
    if planner.steps.iter().any(|step| step.op == Op::Find) {
        planner.step(Phase::Find, Op::Inspect { strict }, by.clone());
    }
    planner.step(Phase::Strict, Op::Strict(StrictOp { at: asked.what.at.clone(), filter }), by);
}

/// Refuses what does not go together.
fn alone(planner: &Planner<'_>, compat: bool, by: &By) -> Result<(), Fault> {
    let (draft, host) = (planner.draft, planner.host);
    if let Some(Asked { by: other, .. }) = draft.tracing.first() {
        return Err(fault(by, format!("{by} and the tracer of {other} exclude each other: a process has one tracer"))
            .help("answer those calls by another action"));
    }
    if !seccomp::wanted(draft, host) {
        return Ok(());
    }
    let filter = seccomp::collect(draft, host);
    let others = seccomp::askers(draft, &filter.layers);
    let names: Vec<String> = others.iter().map(ToString::to_string).collect();
    let names = names.join(", ");
    if !compat {
        let message = format!("{by} and a filter exclude each other, and a filter is what {names} ask for");
        return Err(fault(by, message).help(
            "leave those out; or Seccomp.Mode = \"strict-compat\", a filter like strict mode, goes with others",
        ));
    }
    for name in ["prctl", "seccomp"] {
        let Some(nr) = Call::parse(name).number(Arch::native(), Arch::native()) else { continue };
        let data = Data { nr, arch: Arch::native().audit(), ip: 0, args: [0; 6] };
        if !matches!(meaning(&filter, Arch::native(), &data), Action::Allow | Action::Log) {
            let message = format!("{by} needs {name}(2) at the point where it begins, which {names} refuse");
            return Err(fault(by, message).help("let it pass: strict-compat itself refuses it from then on"));
        }
    }
    Ok(())
}

fn fault(by: &By, message: String) -> Fault {
    target::at(by, message).exit(Exit::Config)
}

/// The filter like strict mode.
fn compat(by: &By) -> Filter {
    let calls = CALLS.iter().map(|name| Call::parse(name)).collect();
    let rule = Rule { calls, when: Vec::new(), action: Action::Allow, on: Vec::new(), by: by.clone() };
    let layer = Layer { by: by.clone(), rules: vec![rule], otherwise: Action::KillProcess, unknown: None };
    Filter { layers: vec![layer.into()], ..Filter::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::draft::strict::Strict;
    use crate::host::Host;
    use crate::plan::Plan;
    use crate::plan::filter::machine::run;

    fn draft(compat: bool) -> Draft {
        let by = By { directive: "Seccomp.Mode", origin: None };
        Draft { strict: Some(Asked { what: Strict { compat, at: Trigger::Auto }, by }), ..Draft::default() }
    }

    fn refusing(call: &str, mut draft: Draft) -> Vec<Fault> {
        let by = By { directive: "SystemCallFilter", origin: None };
        let rule = Rule {
            calls: vec![Call::parse(call)],
            when: Vec::new(),
            action: Action::Errno(1),
            on: Vec::new(),
            by: by.clone(),
        };
        draft.layers = vec![Layer { by, rules: vec![rule], otherwise: Action::Allow, unknown: None }.into()];
        Plan::new(&draft, &Host::default(), vec!["true".into()]).err().unwrap_or_default()
    }

    #[test]
    fn the_tracer_comes_first_and_the_mode_last() {
        let plan = Plan::new(&draft(false), &Host::default(), vec!["true".into()]).expect("a plan");
        assert_eq!(plan.steps.first().map(|step| &step.op), Some(&Op::Attach(Tracer::Strict)));
        let last = StrictOp { at: Trigger::Auto, filter: None };
        assert_eq!(plan.steps.last().map(|step| &step.op), Some(&Op::Strict(last)));
        assert!(plan.steps.iter().any(|step| step.op == Op::Inspect { strict: true }));
    }

    #[test]
    fn a_filter_and_strict_exclude_each_other_and_both_are_named() {
        let faults = refusing("mount", draft(false));
        assert!(faults[0].message.contains("Seccomp.Mode") && faults[0].message.contains("SystemCallFilter"));
        assert_eq!(refusing("mount", draft(true)), []);
        assert!(refusing("seccomp", draft(true))[0].message.contains("seccomp(2)"));
    }

    #[test]
    fn the_filter_like_strict_mode_allows_five_calls() {
        let by = By { directive: "Seccomp.Mode", origin: None };
        let program = tree::compile(&compat(&by), Arch::native()).expect("a program");
        let allowed: Vec<u32> = (0..600)
            .filter(|nr| {
                let data = Data { nr: *nr, arch: Arch::native().audit(), ip: 0, args: [0; 6] };
                run(&program.code, &data).map(Action::from_ret) == Ok(Action::Allow)
            })
            .collect();
        let mut wanted: Vec<u32> =
            CALLS.iter().filter_map(|name| Call::parse(name).number(Arch::native(), Arch::native())).collect();
        wanted.sort_unstable();
        assert_eq!(allowed, wanted);
    }
}
