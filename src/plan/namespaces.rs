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
    // That one is for children: the companion makes it, with the child.
    flags &= !Namespace::Pid.flag();
    let net: Vec<By> = askers(&planner.namespaces, Namespace::Net);
    if flags != 0 {
        planner.step(Phase::Namespaces, Op::Unshare(flags), by.clone());
    }
    if own {
        planner.step(Phase::Maps, Op::MapIds(identity::own_maps(planner.host)), by.clone());
        planner.step(Phase::Maps, Op::Undumpable, by);
    }
    if !net.is_empty() {
        planner.step(Phase::Network, Op::Loopback, net);
    }
}

/// What `plan::seccomp` does where the network namespace may be missing.
const OFFLINE: &str = "; instead the filter refuses all sockets but those of AF_UNIX";

/// Without a user namespace everything that needs one falls short, each on behalf of its directive.
fn refuse(planner: &mut Planner<'_>, reason: &str, remedy: &str) {
    let wanted = std::mem::take(&mut planner.namespaces);
    let mut told: Vec<&'static str> = Vec::new();
    for (_, by) in &wanted {
        if told.contains(&by.directive) {
            continue;
        }
        told.push(by.directive);
        let mut kinds: Vec<Namespace> =
            wanted.iter().filter(|(_, asker)| asker.directive == by.directive).map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let words = kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ");
        let offline = kinds.contains(&Namespace::Net) && planner.may_lack(by.directive);
        let instead = if offline { OFFLINE } else { "" };
        planner.short(Shortfall {
            by: by.clone(),
            missing: format!("{} needs new namespaces ({words}){instead}", by.directive),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::{Asked, Draft};
    use crate::host::Host;
    use crate::plan::Plan;

    fn by(directive: &'static str) -> By {
        By { directive, origin: None }
    }

    /// An ordinary caller where no user namespace can be had.
    fn host() -> Host {
        let refused = Verdict::Refused { reason: "switched off".into(), remedy: "switch it on".into() };
        Host { uid: 1000, gid: 1000, user_namespace: refused, release: (6, 12), cookie: [1; 3], ..Host::default() }
    }

    fn offline() -> Draft {
        let namespaces = vec![Asked { what: Namespace::Net, by: by("PrivateNetwork") }];
        Draft { namespaces, ..Draft::default() }
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        let faults = Plan::new(&offline(), &host(), Vec::new()).expect_err("a refusal");
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.starts_with("PrivateNetwork needs new namespaces (net)"), "{}", faults[0].message);
        assert_eq!(faults[0].exit, Exit::Namespace);
    }

    #[test]
    fn without_a_network_namespace_the_filter_refuses_sockets() {
        let mut draft = offline();
        draft.prefer.push(Asked { what: "PrivateNetwork".into(), by: by("Prefer") });
        let plan = Plan::new(&draft, &host(), Vec::new()).expect("a weaker plan");
        assert_eq!(plan.shortfalls.len(), 1);
        assert!(plan.steps.iter().any(|step| matches!(step.op, Op::Filter(_))));
        assert!(plan.steps.iter().any(|step| matches!(step.op, Op::NoNewPrivileges)));
        assert!(!plan.steps.iter().any(|step| matches!(step.op, Op::Unshare(_) | Op::Loopback)));
    }

    #[test]
    fn everything_is_made_by_one_call() {
        let mut draft = offline();
        draft.namespaces.push(Asked { what: Namespace::Uts, by: by("ProtectHostname") });
        let host = Host { user_namespace: Verdict::Untried, ..host() };
        let plan = Plan::new(&draft, &host, Vec::new()).expect("a plan");
        let flags = Namespace::User.flag() | Namespace::Net.flag() | Namespace::Uts.flag();
        let made: Vec<_> = plan.steps.iter().filter(|step| matches!(step.op, Op::Unshare(_))).collect();
        assert_eq!(made.len(), 1);
        assert_eq!((&made[0].op, made[0].by.len()), (&Op::Unshare(flags), 2));
    }
}
