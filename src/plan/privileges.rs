//! Capability sets, securebits and no_new_privs on their way to what the target may hold.

use caps::Capability::{CAP_SETPCAP, CAP_SYS_ADMIN};

use crate::draft::capabilities::{CapSet, SECUREBITS_FREE};
use crate::draft::{By, Draft};
use crate::fault::Exit;
use crate::host::Verdict;

use super::identity::Standing;
use super::op::Op;
use super::order::Phase;
use super::{Planner, Shortfall, target};

/// Who asks for something that takes CAP_SETPCAP.
pub(super) fn wants_setpcap(draft: &Draft) -> Option<By> {
    let bits = draft.securebits.as_ref().filter(|asked| asked.what & !SECUREBITS_FREE != 0);
    let bounding = draft.bounding.as_ref().map(|asked| &asked.by);
    bounding.or(draft.dropped.first().map(|asked| &asked.by)).or(bits.map(|asked| &asked.by)).cloned()
}

/// No CAP_SETPCAP and no user namespace to get it in: nothing held and nothing to be gained comes
/// to the same for the bounding set, but no securebit can be set.
pub(super) fn without_setpcap(planner: &mut Planner<'_>) {
    let draft = planner.draft;
    let asked = draft.bounding.iter().map(|asked| &asked.by).chain(draft.dropped.iter().map(|asked| &asked.by));
    if let (Some(by), Some(_)) = (asked.into_iter().next(), draft.bounding_left()) {
        planner.notes.push(format!(
            "{by}: the bounding set stays as it is, because dropping needs CAP_SETPCAP; no_new_privs and a permitted \
             set without them keep the target from the capabilities"
        ));
    }
    if let Some(bits) = draft.securebits.as_ref().filter(|asked| asked.what & !SECUREBITS_FREE != 0) {
        let (reason, remedy) = match &planner.host.user_namespace {
            Verdict::Refused { reason, remedy } => (reason.clone(), remedy.clone()),
            _ => ("the caller does not hold CAP_SETPCAP".into(), "start stockade with CAP_SETPCAP".into()),
        };
        let missing = "cannot set securebits".into();
        planner.short(Shortfall { by: bits.by.clone(), missing, reason, remedy, exit: Exit::SecureBits });
    }
}

/// The capability sets on their way.
pub(super) struct Sets {
    /// What can be held at all.
    available: CapSet,
    /// What the policy leaves of the bounding set, and who says so; everything where nobody does.
    left: CapSet,
    /// Who says so.
    left_by: Vec<By>,
    /// What is dropped from the bounding set.
    dropped: CapSet,
    /// What steps behind the change of the user need.
    needed: CapSet,
    /// AmbientCapabilities=, as far as they can be had.
    ambient: CapSet,
    ambient_by: Option<By>,
}

impl Sets {
    pub(super) fn new(planner: &mut Planner<'_>, standing: Standing, uid: u32) -> Self {
        let (draft, host) = (planner.draft, planner.host);
        let own = standing != Standing::Host;
        let available = if own { CapSet::EVERY } else { host.effective };
        let left = draft.bounding_left();
        let mut left_by: Vec<By> = draft.bounding.iter().map(|asked| asked.by.clone()).collect();
        left_by.extend(draft.dropped.iter().map(|asked| asked.by.clone()));
        let dropped = left.map_or(CapSet::EMPTY, |left| CapSet::EVERY.without(left));
        let left = left.unwrap_or(CapSet::EVERY);
        let mut needed = CapSet::EMPTY;
        if draft.securebits.as_ref().is_some_and(|asked| asked.what & !SECUREBITS_FREE != 0) {
            needed = needed.with(CAP_SETPCAP);
        }
        if confining(planner).is_some() && draft.no_new_privileges.is_none() && host.effective.has(CAP_SYS_ADMIN) {
            needed = needed.with(CAP_SYS_ADMIN);
        }
        let ambient = ambient(planner, standing, available, left, uid);
        let ambient_by = draft.ambient.as_ref().map(|asked| asked.by.clone());
        Self { available, left, left_by, dropped, needed, ambient, ambient_by }
    }

    pub(super) fn bounding(&self, planner: &mut Planner<'_>) {
        if !self.dropped.is_empty() {
            planner.step(Phase::Bounding, Op::Bounding(self.dropped), self.left_by.clone());
        }
    }

    /// capset(2), where anything was said about identity or capabilities.
    pub(super) fn capabilities(&self, planner: &mut Planner<'_>, confined: bool, uid: u32) {
        let user = planner.steps.iter().find(|step| matches!(step.op, Op::User(_))).map(|step| step.by.clone());
        let mut by = self.left_by.clone();
        by.extend(self.ambient_by.clone());
        by.extend(user.clone().into_iter().flatten());
        if by.is_empty() {
            return;
        }
        let further = self.needed.union(self.ambient).intersection(self.available);
        // Executing a file gives root what the bounding set has, or under no_new_privs what it
        // has of that already.
        let root = if uid == 0 { self.available.intersection(self.left) } else { CapSet::EMPTY };
        let permitted = if confined && uid != 0 { self.ambient } else { further.union(root) };
        if user.is_some() && uid != 0 && !further.is_empty() {
            planner.step(Phase::Keep, Op::KeepCapabilities, by.clone());
        }
        planner.step(Phase::Capabilities, Op::Capabilities { permitted, inheritable: self.ambient }, by);
    }

    pub(super) fn ambient(&self, planner: &mut Planner<'_>) {
        if let Some(by) = self.ambient_by.clone().filter(|_| !self.ambient.is_empty()) {
            planner.step(Phase::Capabilities, Op::Ambient(self.ambient), vec![by]);
        }
    }
}

/// What can be had of AmbientCapabilities=.
fn ambient(planner: &mut Planner<'_>, standing: Standing, available: CapSet, left: CapSet, uid: u32) -> CapSet {
    let Some(asked) = &planner.draft.ambient else { return CapSet::EMPTY };
    // `~` may stand for more than this build or the kernel knows.
    let wanted = CapSet(asked.what.0).intersection(CapSet::all());
    if !wanted.within(left) {
        let names = wanted.without(left).names().join(", ");
        let fault = target::at(&asked.by, format!("the bounding set does not leave {names} to be ambient"));
        let who = &planner.draft.dropped;
        let who = who.iter().find(|dropped| !wanted.intersection(dropped.what).is_empty());
        let who = who.map_or("CapabilityBoundingSet", |dropped| dropped.by.directive);
        let remedy = format!("{who} takes it away: change that, or leave it out here");
        planner.faults.push(fault.help(remedy).exit(Exit::Capabilities));
    }
    if standing == Standing::Early && uid != 0 {
        planner.notes.push(
            "ambient capabilities hold over the target's own user namespace only, and not over the host's".into(),
        );
    }
    let missing = wanted.intersection(left).without(available);
    if !missing.is_empty() {
        planner.short(Shortfall {
            by: asked.by.clone(),
            missing: format!("cannot give {}", missing.names().join(", ")),
            reason: "the caller does not hold it itself".into(),
            remedy: "start stockade as root, or leave it out".into(),
            exit: Exit::Capabilities,
        });
    }
    wanted.intersection(left).intersection(available)
}

/// Who asks for Landlock or a filter, which take CAP_SYS_ADMIN or no_new_privs.
fn confining(planner: &Planner<'_>) -> Option<By> {
    let draft = planner.draft;
    let access = &draft.access;
    let landlock = access.handled.as_ref().map(|asked| &asked.by);
    let ports = access.connect_tcp.as_ref().or(access.bind_tcp.as_ref()).map(|asked| &asked.by);
    let filter = planner.steps.iter().find(|step| matches!(step.op, Op::Filter(_))).and_then(|step| step.by.first());
    landlock
        .or(ports)
        .or(access.scopes.as_ref().map(|asked| &asked.by))
        .or(filter)
        .or(draft.layers.first().map(|layer| &layer.by))
        .or(draft.profile.as_ref().map(|asked| &asked.by))
        .or(draft.architectures.as_ref().map(|asked| &asked.by))
        .or(draft.lock_personality.as_ref().map(|asked| &asked.by))
        // PR_SET_MDWE (Linux 6.3) needs neither; a filter stands in for it before.
        .or(draft.deny_write_execute.as_ref().filter(|_| planner.host.release < (6, 3)).map(|asked| &asked.by))
        .cloned()
}

pub(super) fn securebits(planner: &mut Planner<'_>, confined: bool) {
    let Some(asked) = &planner.draft.securebits else { return };
    let mut bits = asked.what;
    if bits & SECUREBITS_FREE != 0 && planner.host.release < (6, 14) {
        bits &= !SECUREBITS_FREE;
        planner.short(Shortfall {
            by: asked.by.clone(),
            missing: "cannot set exec-restrict-file or exec-deny-interactive".into(),
            reason: "this kernel does not know them".into(),
            remedy: "use Linux 6.14 or newer".into(),
            exit: Exit::SecureBits,
        });
    }
    if confined {
        bits &= SECUREBITS_FREE;
    }
    if bits != 0 {
        planner.step(Phase::SecureBits, Op::SecureBits(bits), vec![asked.by.clone()]);
    }
}

/// no_new_privs: where it was asked for, where the kernel demands it of a caller without
/// CAP_SYS_ADMIN, and where it stands in for the bounding set.
pub(super) fn no_new_privileges(planner: &mut Planner<'_>, confined: bool) {
    let (draft, host) = (planner.draft, planner.host);
    let demanded = confining(planner).filter(|_| !host.effective.has(CAP_SYS_ADMIN));
    let by = match (&draft.no_new_privileges, demanded) {
        (Some(asked), _) => asked.by.clone(),
        (None, Some(by)) => {
            planner.notes.push(format!("no_new_privs is on, because {by} needs it without root"));
            by
        }
        (None, None) if confined && draft.bounding_left().is_some() => match wants_setpcap(draft) {
            Some(by) => by,
            None => return,
        },
        (None, None) => return,
    };
    planner.step(Phase::NoNewPrivileges, Op::NoNewPrivileges, vec![by]);
}
