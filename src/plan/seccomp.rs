//! The seccomp filter: the layers that directives ask for and those that depend on the host become one program.

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{Call, Id};
use crate::draft::syscalls::{Filter, Layer};
use crate::draft::{By, Draft};
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::policy::restrict;

use super::op::{FilterOp, Op};
use super::order::Phase;
use super::{Planner, Shortfall, tree};

/// Adds the filter, if the draft asks for anything that needs one, and PR_SET_MDWE.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    if let Some(asked) = &draft.deny_write_execute {
        if mdwe(host) {
            planner.step(Phase::Process, Op::DenyWriteExecute, vec![asked.by.clone()]);
        } else if draft.architectures.as_ref().is_some_and(|asked| asked.what.contains(&Arch::X86)) {
            planner.short(Shortfall {
                by: asked.by.clone(),
                missing: "32-bit programs can map writable and executable memory".into(),
                reason:
                    "their oldest mmap(2) hides its arguments from filters, and Linux before 6.3 has no other means"
                        .into(),
                remedy: "leave x86 out of SystemCallArchitectures".into(),
                exit: Exit::Seccomp,
            });
        }
    }
    if !wanted(draft, host) {
        return;
    }
    let mut filter = collect(draft, host);
    let by = askers(draft, &filter.layers);
    if !filter.layers.iter().all(passes) {
        if host.cookie == [0; 3] {
            planner.faults.push(
                Fault::new("there are no random numbers to mark the start of the target with")
                    .help("the policy refuses execve, so the filter must know stockade's own; getrandom(2) failed")
                    .exit(Exit::Seccomp),
            );
            return;
        }
        filter.cookie = Some(host.cookie);
    }
    match tree::compile(&filter, Arch::native()) {
        Ok(program) => {
            let op = FilterOp { program, marked: filter.cookie.is_some() };
            planner.step(Phase::Filter, Op::Filter(op), by);
        }
        Err(fault) => planner.faults.push(fault),
    }
}

/// Whether the plan will hold a filter, without which an ordinary caller needs no no_new_privs on its account.
pub fn wanted(draft: &Draft, host: &Host) -> bool {
    !draft.layers.is_empty()
        || draft.architectures.is_some()
        || draft.lock_personality.is_some()
        || (draft.deny_write_execute.is_some() && !mdwe(host))
}

/// The whole filter, without the launcher's own way through it.
pub fn collect(draft: &Draft, host: &Host) -> Filter {
    let mut filter = Filter { layers: draft.layers.clone(), ..Filter::new() };
    if let Some(asked) = &draft.lock_personality {
        filter.layers.push(restrict::personality(&asked.by, host.personality));
    }
    if let Some(asked) = draft.deny_write_execute.as_ref().filter(|_| !mdwe(host)) {
        filter.layers.push(restrict::write_execute(&asked.by));
    }
    if let Some(asked) = &draft.architectures {
        filter.architectures.clone_from(&asked.what);
    }
    if let Some(asked) = &draft.filter_flags {
        filter.flags = asked.what;
    }
    filter
}

/// Whether the kernel has PR_SET_MDWE (prctl(2)).
fn mdwe(host: &Host) -> bool {
    host.release >= (6, 3)
}

/// Whether a layer lets every execve run, whatever its arguments.
fn passes(layer: &Layer) -> bool {
    let Some(execve) = Id::named("execve").map(Call::Known) else { return false };
    let runs = |action: Action| matches!(action, Action::Allow | Action::Log);
    for rule in layer.rules.iter().filter(|rule| rule.calls.contains(&execve)) {
        if !runs(rule.action) {
            return false;
        }
        if rule.when.is_empty() {
            return true;
        }
    }
    runs(layer.otherwise)
}

/// Every directive that has a part in the filter, once, where it was written last.
fn askers(draft: &Draft, layers: &[Layer]) -> Vec<By> {
    let mut all: Vec<By> = Vec::new();
    let rules = layers.iter().flat_map(|layer| &layer.rules).map(|rule| &rule.by);
    let whole = layers.iter().map(|layer| &layer.by);
    let besides =
        [draft.architectures.as_ref().map(|asked| &asked.by), draft.filter_flags.as_ref().map(|asked| &asked.by)];
    for by in whole.chain(rules).chain(besides.into_iter().flatten()) {
        if !all.iter().any(|known| known.directive == by.directive) {
            all.push(by.clone());
        }
    }
    all
}
