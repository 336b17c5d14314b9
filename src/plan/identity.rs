//! Ids and privileges: from what the caller is to what the target may be.
//!
//! Runs after the parts that need namespaces and before the one that makes them.

use caps::Capability::{self, CAP_SETFCAP, CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_ADMIN};

use crate::draft::capabilities::{CapSet, SECUREBITS_FREE};
use crate::draft::identity::UserNamespace;
use crate::draft::namespaces::Namespace;
use crate::draft::{By, Draft};
use crate::fault::Exit;
use crate::host::{Host, Verdict};

use super::op::{Maps, Op};
use super::order::Phase;
use super::target::{self, Target};
use super::{Planner, Shortfall};

/// Where the caller stands when the phases on ids begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// With the privileges that it came with.
    Host,
    /// In a user namespace that was made first of all, with every capability over it.
    Early,
    /// In one that is made after all other namespaces, so that it owns none of them.
    Late,
}

/// Plans ids, capability sets, securebits and no_new_privs.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    let target = match target::find(draft, host) {
        Ok(target) => target,
        Err(faults) => {
            planner.faults.extend(faults);
            return;
        }
    };
    let mut standing = standing(planner);
    if !users(planner, standing, &target) && standing == Standing::Late {
        standing = Standing::Host;
    }
    let confined = standing == Standing::Host && wants_setpcap(draft).is_some() && !host.effective.has(CAP_SETPCAP);
    let uid = ids(planner, standing, &target);
    if confined {
        without_setpcap(planner);
    }
    let sets = Sets::new(planner, standing, uid);
    if !confined {
        sets.bounding(planner);
    }
    sets.capabilities(planner, confined, uid);
    sets.ambient(planner);
    securebits(planner, confined);
    no_new_privileges(planner, confined);
}

/// The maps of a user namespace that a caller without privileges makes for itself: its own ids and
/// nobody else's, which is all the kernel lets it map.
pub(super) fn own_maps(host: &Host) -> Maps {
    Maps { uids: format!("{0} {0} 1\n", host.uid), gids: format!("{0} {0} 1\n", host.gid), deny_setgroups: true }
}

/// Decides where the caller will stand, and asks for the user namespace that it takes.
fn standing(planner: &mut Planner<'_>) -> Standing {
    let (draft, host) = (planner.draft, planner.host);
    if host.effective.has(CAP_SYS_ADMIN) {
        return if draft.users.is_some() { Standing::Late } else { Standing::Host };
    }
    if let Some(users) = &draft.users {
        planner.namespaces.push((Namespace::User, users.by.clone()));
    }
    if !planner.namespaces.is_empty() || !draft.namespaces.is_empty() {
        return Standing::Early;
    }
    // Only for the right to drop: mapping root into the namespace takes CAP_SETFCAP (Linux 5.12).
    let possible =
        !matches!(host.user_namespace, Verdict::Refused { .. }) && (host.uid != 0 || host.effective.has(CAP_SETFCAP));
    match wants_setpcap(draft) {
        Some(by) if !host.effective.has(CAP_SETPCAP) && possible => {
            planner.namespaces.push((Namespace::User, by));
            Standing::Early
        }
        _ => Standing::Host,
    }
}

/// Who asks for something that takes CAP_SETPCAP.
fn wants_setpcap(draft: &Draft) -> Option<By> {
    let bits = draft.securebits.as_ref().filter(|asked| asked.what & !SECUREBITS_FREE != 0);
    let bounding = draft.bounding.as_ref().map(|asked| &asked.by);
    bounding.or(draft.dropped.first().map(|asked| &asked.by)).or(bits.map(|asked| &asked.by)).cloned()
}

/// PrivateUsers= of a privileged caller; anybody else's was made first of all. Whether it will be.
fn users(planner: &mut Planner<'_>, standing: Standing, target: &Target<'_>) -> bool {
    let Some(asked) = &planner.draft.users else { return false };
    if standing != Standing::Late {
        if asked.what != UserNamespace::Own {
            planner.short(Shortfall {
                by: asked.by.clone(),
                missing: "cannot map more ids than the caller's own".into(),
                reason: "only root can map ids of others into a user namespace".into(),
                remedy: "start stockade as root, or write PrivateUsers=yes".into(),
                exit: Exit::User,
            });
        }
        return false;
    }
    let needed = [CAP_SETUID, CAP_SETGID, CAP_SETFCAP];
    let possible = !lacking(planner, &asked.by, "map ids into a user namespace", &needed, Exit::User);
    if possible {
        let own = |asked: Option<u32>, has: u32| {
            let id = asked.unwrap_or(has);
            if id == 0 { "0 0 1\n".to_owned() } else { format!("0 0 1\n{id} {id} 1\n") }
        };
        let host = planner.host;
        let maps = match asked.what {
            UserNamespace::Own => {
                Maps { uids: own(target.uid, host.uid), gids: own(target.gid, host.gid), deny_setgroups: true }
            }
            UserNamespace::Identity => {
                Maps { uids: "0 0 65536\n".into(), gids: "0 0 65536\n".into(), deny_setgroups: true }
            }
            UserNamespace::Full => {
                Maps { uids: "0 0 4294967295\n".into(), gids: "0 0 4294967295\n".into(), deny_setgroups: false }
            }
        };
        planner.step(Phase::Users, Op::Users(maps), vec![asked.by.clone()]);
    }
    possible
}

/// Plans the change of ids; the user that the target will have.
fn ids(planner: &mut Planner<'_>, standing: Standing, target: &Target<'_>) -> u32 {
    let host = planner.host;
    if target.by.is_empty() {
        return host.uid;
    }
    let uid = target.uid.unwrap_or(host.uid);
    let by = target.by.clone();
    // In a namespace that maps nothing but the caller there is nobody else to become.
    let can = |cap: Capability| standing != Standing::Early && host.effective.has(cap);
    if can(CAP_SETUID) && can(CAP_SETGID) {
        planner.step(Phase::Groups, Op::Groups { gid: target.gid, groups: target.groups.clone() }, by.clone());
        if target.uid.is_some() {
            planner.step(Phase::User, Op::User(uid), by[..1].to_vec());
        }
        return uid;
    }
    let mut refuse = |by: &By, missing: String, exit: Exit| {
        planner.short(Shortfall {
            by: by.clone(),
            missing,
            reason: "that needs root".into(),
            remedy: format!("start stockade as root, or leave {} out", by.directive),
            exit,
        });
    };
    let draft_by = |directive: &str| by.iter().find(|by| by.directive == directive).unwrap_or(&by[0]);
    if uid != host.uid {
        refuse(draft_by("User"), format!("cannot become user {uid}"), Exit::User);
    }
    if let Some(gid) = target.gid.filter(|gid| *gid != host.gid) {
        refuse(draft_by("Group"), format!("cannot take group {gid}"), Exit::Group);
    }
    let has = |group: u32| group == host.gid || host.groups.contains(&group);
    let further = planner.draft.groups.len();
    let wanted = target.groups.iter().flatten().copied().filter(|_| further != 0);
    if let Some(group) = wanted.filter(|group| !has(*group)).next() {
        let by = by[by.len() - further..][0].clone();
        planner.short(Shortfall {
            missing: format!("cannot take group {group}"),
            reason: "that needs root".into(),
            remedy: format!("start stockade as root, or leave {} out", by.directive),
            exit: Exit::Group,
            by,
        });
    }
    host.uid
}

/// No CAP_SETPCAP and no user namespace to get it in: nothing held and nothing to be gained comes
/// to the same for the bounding set, but no securebit can be set.
fn without_setpcap(planner: &mut Planner<'_>) {
    let draft = planner.draft;
    if draft.bounding_left().is_some() {
        planner.notes.push(
            "the bounding set stays as it is, because dropping needs CAP_SETPCAP; no_new_privs and a permitted set \
             without them keep the target from the capabilities"
                .into(),
        );
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
struct Sets {
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
    fn new(planner: &mut Planner<'_>, standing: Standing, uid: u32) -> Self {
        let (draft, host) = (planner.draft, planner.host);
        let own = standing != Standing::Host;
        let available = if own { CapSet::EVERY } else { host.effective };
        let left = draft.bounding_left();
        let mut left_by: Vec<By> = draft.bounding.iter().map(|asked| asked.by.clone()).collect();
        left_by.extend(draft.dropped.iter().map(|asked| asked.by.clone()));
        // A new user namespace starts with a full set, whatever the caller's was.
        let before = if own { CapSet::EVERY } else { host.bounding };
        let dropped = left.map_or(CapSet::EMPTY, |left| before.without(left));
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

    fn bounding(&self, planner: &mut Planner<'_>) {
        if !self.dropped.is_empty() {
            planner.step(Phase::Bounding, Op::Bounding(self.dropped), self.left_by.clone());
        }
    }

    /// capset(2), where anything was said about identity or capabilities.
    fn capabilities(&self, planner: &mut Planner<'_>, confined: bool, uid: u32) {
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

    fn ambient(&self, planner: &mut Planner<'_>) {
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
        .or(draft.architectures.as_ref().map(|asked| &asked.by))
        .or(draft.lock_personality.as_ref().map(|asked| &asked.by))
        // PR_SET_MDWE (Linux 6.3) needs neither; a filter stands in for it before.
        .or(draft.deny_write_execute.as_ref().filter(|_| planner.host.release < (6, 3)).map(|asked| &asked.by))
        .cloned()
}

fn securebits(planner: &mut Planner<'_>, confined: bool) {
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
fn no_new_privileges(planner: &mut Planner<'_>, confined: bool) {
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

/// Whether a caller with CAP_SYS_ADMIN lacks something else; then that is short.
fn lacking(planner: &mut Planner<'_>, by: &By, what: &str, needed: &[Capability], exit: Exit) -> bool {
    let lacks: Vec<String> =
        needed.iter().filter(|cap| !planner.host.effective.has(**cap)).map(ToString::to_string).collect();
    if lacks.is_empty() {
        return false;
    }
    planner.short(Shortfall {
        by: by.clone(),
        missing: format!("cannot {what}"),
        reason: format!("the caller does not hold {}", lacks.join(", ")),
        remedy: "start stockade with it".into(),
        exit,
    });
    true
}
