//! One unshare(2) for every namespace that anything asked for.

use caps::Capability;

use crate::draft::By;
use crate::draft::namespaces::Namespace;

use super::op::Op;
use super::order::Phase;
use super::{Planner, Shortfall, identity};
use crate::fault::Exit;
use crate::host::Verdict;

/// Makes the namespaces and, for a caller without privileges, the user namespace that gives the right to.
pub(super) fn plan(planner: &mut Planner<'_>) {
    for asked in &planner.draft.namespaces {
        planner.namespaces.push((asked.what, asked.by.clone()));
    }
    if planner.namespaces.is_empty() {
        return;
    }
    let own = !planner.host.privileged();
    if own && let Verdict::Refused { reason, remedy } = &planner.host.user_namespace {
        refuse(planner, &reason.clone(), &remedy.clone());
        return;
    }
    if own && planner.host.uid == 0 && !planner.host.effective.has(Capability::CAP_SETFCAP) {
        let reason = "root without CAP_SETFCAP cannot map itself into a user namespace (Linux 5.12)";
        refuse(planner, reason, "leave CAP_SETFCAP to whatever starts stockade, or start it as an ordinary user");
        return;
    }
    let mut flags = if own { Namespace::User.flag() } else { 0 };
    let mut by: Vec<By> = Vec::new();
    for (namespace, asker) in &planner.namespaces {
        flags |= namespace.flag();
        if !by.contains(asker) {
            by.push(asker.clone());
        }
    }
    let net: Vec<By> = askers(&planner.namespaces, Namespace::Net);
    planner.step(Phase::Namespaces, Op::Unshare(flags), by.clone());
    if own {
        planner.step(Phase::Maps, Op::MapIds(identity::own_maps(planner.host)), by.clone());
        planner.step(Phase::Maps, Op::Undumpable, by);
    }
    if !net.is_empty() {
        planner.step(Phase::Network, Op::Loopback, net);
    }
}

/// Without a user namespace everything that needs one falls short, each on behalf of its directive.
fn refuse(planner: &mut Planner<'_>, reason: &str, remedy: &str) {
    let mut told: Vec<&'static str> = Vec::new();
    for (namespace, by) in std::mem::take(&mut planner.namespaces) {
        if told.contains(&by.directive) {
            continue;
        }
        told.push(by.directive);
        planner.short(Shortfall {
            missing: format!("{} needs a namespace ({})", by.directive, namespace.word()),
            by,
            reason: reason.to_owned(),
            remedy: remedy.to_owned(),
            exit: Exit::Namespace,
        });
    }
    planner.steps.retain(|step| !matches!(step.phase, Phase::Take | Phase::Root | Phase::Mounts | Phase::Attributes));
}

fn askers(all: &[(Namespace, By)], which: Namespace) -> Vec<By> {
    all.iter().filter(|(namespace, _)| *namespace == which).map(|(_, by)| by.clone()).collect()
}
