//! What a tracer answers to the calls of a rule.

use crate::draft::action::Action;
use crate::draft::decision::Decision;
use crate::draft::{Asked, By};
use crate::fault::Fault;
use crate::text::Value;

use crate::policy::{Demands, Policy};

/// What a rule's Decide is for a tracer.
///
/// # Errors
/// It cannot open files.
pub(in crate::policy) fn answers(decision: Decision, rule: &Value) -> Result<Decision, Fault> {
    match decision {
        Decision::Open(_) => Err(rule
            .fault("a tracer cannot open files for the target")
            .help("write Action = \"notify\" with it, or one of: continue, errno:NAME, value:N, log, ask")),
        decision => Ok(decision),
    }
}

/// Asks for the answers of all rules.
pub(in crate::policy) fn demand(policy: &Policy, demands: &mut Demands<'_>) {
    for rule in policy.seccomp.rules.iter().filter(|_| !policy.seccomp.off) {
        if let (Action::Trace(number), Some(decision)) = (rule.action, &rule.decision) {
            let by = By { directive: demands.by.directive, origin: Some(rule.at.clone()) };
            demands.draft.tracing.push(Asked { what: (number, decision.clone()), by });
        }
    }
}
