//! What a tracer answers to the calls of a rule.

use crate::draft::action::Action;
use crate::draft::decision::Decision;
use crate::draft::{Asked, By};
use crate::fault::Fault;
use crate::text::Entry;

use super::{Demands, Policy, form};

/// Reads a rule's Decide.
pub(super) fn decide(entry: &Entry, action: Action) -> Result<Decision, Fault> {
    let item = form::text(&entry.value)?;
    if !matches!(action, Action::Trace(_)) {
        return Err(item.fault(format!("`{action}` takes no Decide")).help("write Action = \"trace:N\" with it"));
    }
    match Decision::parse(item.text.trim()).map_err(|message| item.fault(message))? {
        Decision::Open(_) => Err(item
            .fault("a tracer cannot open files for the target")
            .help("write one of: continue, errno:NAME, value:N, log, ask")),
        decision => Ok(decision),
    }
}

/// Asks for the answers of all rules.
pub(super) fn demand(policy: &Policy, demands: &mut Demands<'_>) {
    for rule in policy.seccomp.rules.iter().filter(|_| !policy.seccomp.off) {
        if let (Action::Trace(number), Some(decision)) = (rule.action, &rule.decision) {
            let by = By { directive: demands.by.directive, origin: Some(rule.at.clone()) };
            demands.draft.tracing.push(Asked { what: (number, decision.clone()), by });
        }
    }
}
