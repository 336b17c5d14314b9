//! The control group that the target's limits are set on: only ever below one that was given to the caller.

use crate::draft::attributes::Amount;
use crate::fault::Exit;
use crate::host::cgroup::{self, Given};

use super::op::{GroupOp, Op};
use super::order::Phase;
use super::{Planner, Shortfall};

/// How to get a group of one's own.
const REMEDY: &str = "start stockade in one: systemd-run --user --scope -p Delegate=yes stockade ..., or as root: \
                      systemd-run --scope -p Delegate=yes stockade ...; or limit the scope itself by its own -p";

/// Moves into a new group, if there are limits.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    let Some(first) = draft.group_limits.first() else { return };
    let group = match &host.cgroup {
        Given::Group(group) => group,
        Given::Not(reason) => {
            for asked in &draft.group_limits {
                planner.short(Shortfall {
                    by: asked.by.clone(),
                    missing: format!("{} takes a control group that was given to stockade", asked.by.directive),
                    reason: reason.clone(),
                    remedy: if host.cgroup.lacks_version() { cgroup::REMEDY } else { REMEDY }.into(),
                    exit: Exit::Cgroup,
                });
            }
            return;
        }
    };
    let mut by = Vec::with_capacity(draft.group_limits.len());
    let mut limits = Vec::with_capacity(draft.group_limits.len());
    let mut enable: Vec<&str> = Vec::new();
    for asked in &draft.group_limits {
        let limit = &asked.what;
        if !group.available.iter().any(|known| known == limit.controller) {
            planner.short(Shortfall {
                by: asked.by.clone(),
                missing: format!("{} takes the controller `{}`", asked.by.directive, limit.controller),
                reason: format!("{} does not have it", group.path.display()),
                remedy: format!("delegate it too: -p \"Delegate={}\"", limit.controller),
                exit: Exit::Cgroup,
            });
            continue;
        }
        let missing = !group.enabled.iter().any(|known| known == limit.controller);
        if missing && !enable.contains(&limit.controller) {
            enable.push(limit.controller);
        }
        let text = match limit.amount {
            Amount::Infinity => "max".into(),
            Amount::Number(number) => number.to_string(),
            // Rounded down, as systemd does.
            Amount::Share(share) if limit.controller == "pids" => {
                (host.tasks.saturating_mul(share.into()) / 10_000).max(1).to_string()
            }
            Amount::Share(share) => (host.memory / 10_000).saturating_mul(share.into()).to_string(),
            Amount::Quota(share, period) => format!("{share} {period}"),
        };
        limits.push((limit.file, text));
        by.push(asked.by.clone());
    }
    if !enable.is_empty() && group.busy {
        planner.short(Shortfall {
            by: first.by.clone(),
            missing: format!("limits cannot be switched on below {}", group.path.display()),
            reason: "other processes are in the group itself, and the kernel wants it empty then".into(),
            remedy: "start stockade with exec, so that it is alone, or put them into a group below (DelegateSubgroup=)"
                .into(),
            exit: Exit::Cgroup,
        });
        return;
    }
    if limits.is_empty() {
        return;
    }
    let enable = enable.iter().map(|word| format!("+{word}")).collect::<Vec<_>>().join(" ");
    let op = GroupOp { delegated: group.path.clone(), name: format!("stockade-{}", host.pid), enable, limits };
    planner.step(Phase::Group, Op::Group(op), by);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::attributes::GroupLimit;
    use crate::draft::{Asked, By, Draft};
    use crate::host::Host;
    use crate::host::cgroup::Group;
    use crate::plan::Plan;

    fn draft(limits: &[(&'static str, &'static str, Amount)]) -> Draft {
        let asked = |(controller, file, amount): &(&'static str, &'static str, Amount)| Asked {
            what: GroupLimit { controller, file, amount: *amount },
            by: By { directive: "MemoryMax", origin: None },
        };
        Draft { group_limits: limits.iter().map(asked).collect(), ..Draft::default() }
    }

    fn host(enabled: &[&str], busy: bool) -> Host {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let group = Group {
            path: "/sys/fs/cgroup/d".into(),
            available: words(&["memory", "pids"]),
            enabled: words(enabled),
            busy,
        };
        Host { pid: 7, memory: 1_000_000, tasks: 3001, cgroup: Given::Group(group), ..Host::default() }
    }

    fn groups(draft: &Draft, host: &Host) -> Vec<Op> {
        let plan = Plan::new(draft, host, Vec::new()).expect("a plan");
        plan.steps.into_iter().map(|step| step.op).filter(|op| matches!(op, Op::Group(_))).collect()
    }

    #[test]
    fn one_group_holds_all_limits() {
        let limits = [
            ("memory", "memory.max", Amount::Share(1250)),
            ("pids", "pids.max", Amount::Share(9900)),
            ("memory", "memory.high", Amount::Number(9)),
        ];
        let limited = vec![("memory.max", "125000".into()), ("pids.max", "2970".into()), ("memory.high", "9".into())];
        let op = |enable: &str| {
            vec![Op::Group(GroupOp {
                delegated: "/sys/fs/cgroup/d".into(),
                name: "stockade-7".into(),
                enable: enable.into(),
                limits: limited.clone(),
            })]
        };
        assert_eq!(groups(&draft(&limits), &host(&[], false)), op("+memory +pids"));
        // What is enabled already needs no empty group.
        assert_eq!(groups(&draft(&limits), &host(&["memory", "pids"], true)), op(""));
    }

    #[test]
    fn one_cause_is_told_once() {
        let mut two = draft(&[("memory", "memory.max", Amount::Number(1)), ("pids", "pids.max", Amount::Number(1))]);
        two.group_limits[1].by.directive = "TasksMax";
        let faults = |draft: &Draft, host: &Host| Plan::new(draft, host, Vec::new()).expect_err("a refusal");
        let told = faults(&two, &Host::default());
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].help.len(), 3, "{:?}", told[0].help);
        assert_eq!(told[0].help[1], "for the same reason there would be no TasksMax");
        assert_eq!(told[0].help[2], "or let them be missing: Prefer = [\"MemoryMax\", \"TasksMax\"]");
        // What is typed is asked for by typing.
        let source = std::sync::Arc::new(crate::fault::Source { name: "-p".into(), text: "TasksMax=1".into() });
        two.group_limits[1].by.origin = Some(crate::fault::Origin::new(&source, 9..10));
        let told = faults(&two, &Host::default());
        assert_eq!(told[0].help[2], "or let them be missing: -p 'Prefer=MemoryMax TasksMax'");
        // Where there are no groups of this version at all, nobody can delegate one.
        let old = Given::Not("no control groups of version 2 are mounted on /sys/fs/cgroup".into());
        let told = faults(&two, &Host { cgroup: old, ..Host::default() });
        assert!(told[0].help[0].contains("unified_cgroup_hierarchy"), "{:?}", told[0].help);
    }

    #[test]
    fn what_is_not_given_is_refused() {
        let one = draft(&[("pids", "pids.max", Amount::Number(1))]);
        let refused = |draft: &Draft, host: &Host| {
            let faults = Plan::new(draft, host, Vec::new()).expect_err("a refusal");
            assert!(faults.iter().all(|fault| fault.exit == Exit::Cgroup));
            faults[0].message.clone()
        };
        assert!(refused(&one, &Host::default()).contains("given to stockade"));
        assert!(refused(&one, &host(&[], true)).contains("other processes"));
        let other = draft(&[("cpu", "cpu.max", Amount::Quota(1, 2))]);
        assert!(refused(&other, &host(&[], false)).contains("controller `cpu`"));
    }
}
