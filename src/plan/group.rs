//! The control group that the target's limits are set on: only ever below one that was given to the caller.

use crate::draft::attributes::Amount;
use crate::fault::Exit;
use crate::host::group::Given;

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
    let group = match &host.group {
        Given::Group(group) => group,
        Given::Not(reason) => {
            for asked in &draft.group_limits {
                planner.short(Shortfall {
                    by: asked.by.clone(),
                    missing: format!("{} takes a control group that was given to stockade", asked.by.directive),
                    reason: reason.clone(),
                    remedy: REMEDY.into(),
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
