//! The tracer that answers calls: which numbers of the filter it knows, and what it answers to them.

use crate::draft::arch::Arch;
use crate::draft::decision::Decision;
use crate::fault::Exit;

use super::op::{Op, TraceOp, Tracer};
use super::order::Phase;
use super::{Planner, target};

/// Adds the step, where rules with the action trace say what is to be answered.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let asked = &planner.draft.tracing;
    let Some(first) = asked.first() else { return };
    if Arch::native() != Arch::X86_64 {
        let message = "calls cannot be answered by a tracer on this architecture, only on x86-64".to_owned();
        planner
            .faults
            .push(target::at(&first.by, message).help("answer them by the action notify").exit(Exit::Seccomp));
        return;
    }
    let mut decisions: Vec<(u16, Decision)> = Vec::new();
    for asked in asked {
        let (number, decision) = &asked.what;
        match decisions.iter().find(|(known, _)| known == number) {
            None => decisions.push((*number, decision.clone())),
            Some((_, known)) if known == decision => {}
            Some((_, known)) => {
                let message = format!("trace:{number} is answered by {known} elsewhere, and here by {decision}");
                planner.faults.push(target::at(&asked.by, message).help("give the two different numbers"));
            }
        }
    }
    decisions.sort_by_key(|(number, _)| *number);
    let by = vec![first.by.clone()];
    let filter = planner.steps.iter().find_map(|step| if let Op::Filter(op) = &step.op { Some(op) } else { None });
    let code = filter.map(|op| op.program.code.clone()).unwrap_or_default();
    planner.step(Phase::Tracer, Op::Attach(Tracer::Answers(TraceOp { decisions, code })), by);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::{Asked, By, Draft};
    use crate::host::Host;
    use crate::plan::Plan;

    fn draft(tracing: &[(u16, Decision)]) -> Draft {
        let by = By { directive: "Seccomp.Rule", origin: None };
        let tracing = tracing.iter().map(|what| Asked { what: what.clone(), by: by.clone() }).collect();
        Draft { tracing, ..Draft::default() }
    }

    #[test]
    fn numbers_have_one_answer_each() {
        let two = draft(&[(7, Decision::Log), (1, Decision::Errno(1)), (7, Decision::Log)]);
        let plan = Plan::new(&two, &Host::default(), Vec::new()).expect("a plan");
        let decisions = vec![(1, Decision::Errno(1)), (7, Decision::Log)];
        let expected = TraceOp { decisions, code: Vec::new() };
        assert_eq!(plan.steps[0].op, Op::Attach(Tracer::Answers(expected)));
        let faults = Plan::new(&draft(&[(7, Decision::Log), (7, Decision::Ask)]), &Host::default(), Vec::new())
            .expect_err("two answers");
        assert!(faults[0].message.contains("trace:7"), "{}", faults[0].message);
    }
}
