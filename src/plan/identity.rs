//! Ids and privileges: from what the caller is to what the target may be.
//!
//! Runs after the parts that need namespaces and before the one that makes them.

use caps::Capability::{self, CAP_SETFCAP, CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_ADMIN};

use crate::draft::By;
use crate::draft::identity::UserNamespace;
use crate::draft::namespaces::Namespace;
use crate::fault::Exit;
use crate::host::{Host, Verdict};

use super::op::{Maps, Op};
use super::order::Phase;
use super::privileges::{Sets, no_new_privileges, securebits, wants_setpcap, without_setpcap};
use super::target::{self, Target};
use super::{Planner, Shortfall};

/// Where the caller stands when the phases on ids begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
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
    if let Some(asked) = draft.dynamic.as_ref().filter(|_| host.free_id.is_none()) {
        planner.short(Shortfall {
            by: asked.by.clone(),
            missing: "no user number is free".into(),
            reason: "accounts and processes have all from 61184 to 65519, or /proc does not show them".into(),
            remedy: "mount /proc, or write User= instead".into(),
            exit: Exit::User,
        });
    }
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
    let planner_dynamic = target::is_dynamic(planner.draft, host);
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
    if planner_dynamic {
        refuse(&by[0], "cannot become another user".into(), Exit::User);
        return host.uid;
    }
    if uid != host.uid {
        refuse(draft_by("User"), format!("cannot become user {uid}"), Exit::User);
    }
    if let Some(gid) = target.gid.filter(|gid| *gid != host.gid) {
        refuse(draft_by("Group"), format!("cannot take group {gid}"), Exit::Group);
    }
    let has = |group: u32| group == host.gid || host.groups.contains(&group);
    let further = planner.draft.groups.len();
    let mut wanted = target.groups.iter().flatten().copied().filter(|_| further != 0);
    if let Some(group) = wanted.find(|group| !has(*group)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::capabilities::CapSet;
    use crate::draft::identity::Name;
    use crate::draft::{Asked, Draft};
    use crate::host::{Account, User};
    use crate::plan::Plan;
    use caps::Capability::{CAP_CHOWN, CAP_NET_BIND_SERVICE, CAP_SYS_TIME};

    fn by(directive: &'static str) -> By {
        By { directive, origin: None }
    }

    #[allow(clippy::unnecessary_wraps)] // As the draft has it.
    fn asked<T>(directive: &'static str, what: T) -> Option<Asked<T>> {
        Some(Asked { what, by: by(directive) })
    }

    fn host(uid: u32, effective: CapSet) -> Host {
        let web = User {
            name: "web".into(),
            gid: 33,
            home: "/var/www".into(),
            shell: "/usr/sbin/nologin".into(),
            groups: vec![50],
        };
        let web = Account { word: "web".into(), is_user: true, id: Some(33), user: Some(web) };
        Host {
            release: (6, 18),
            uid,
            gid: uid,
            effective,
            landlock: 7,
            accounts: vec![web],
            home: "/root".into(),
            directory: "/".into(),
            ..Host::default()
        }
    }

    fn root() -> Host {
        host(0, CapSet::all())
    }

    fn user() -> Host {
        host(1000, CapSet::EMPTY)
    }

    fn web() -> Draft {
        Draft { user: asked("User", Name::Word("web".into())), ..Draft::default() }
    }

    fn set(capabilities: &[Capability]) -> CapSet {
        capabilities.iter().fold(CapSet::EMPTY, |set, cap| set.with(*cap))
    }

    /// The steps about identity.
    fn steps(draft: &Draft, host: &Host) -> Vec<Op> {
        let plan = Plan::new(draft, host, Vec::new()).expect("a plan");
        let ours = |op: &Op| !matches!(op, Op::Descriptors { .. } | Op::Access(_) | Op::Filter(_) | Op::Undumpable);
        assert!(plan.steps.iter().all(|step| !step.by.is_empty()));
        plan.steps.into_iter().map(|step| step.op).filter(ours).collect()
    }

    fn refused(draft: &Draft, host: &Host) -> Vec<(Exit, String)> {
        let faults = Plan::new(draft, host, Vec::new()).expect_err("a refusal");
        faults.into_iter().map(|fault| (fault.exit, fault.message)).collect()
    }

    #[test]
    fn nothing_asked_is_nothing_touched() {
        assert_eq!(steps(&Draft::default(), &root()), []);
        assert_eq!(steps(&Draft::default(), &user()), []);
    }

    #[test]
    fn root_becomes_a_user_without_capabilities() {
        assert_eq!(
            steps(&web(), &root()),
            [
                Op::Groups { gid: Some(33), groups: Some(vec![33, 50]) },
                Op::User(33),
                Op::Capabilities { permitted: CapSet::EMPTY, inheritable: CapSet::EMPTY },
            ]
        );
    }

    #[test]
    fn what_later_steps_need_is_kept_over_the_change_of_the_user() {
        let mut draft = web();
        draft.bounding = asked("CapabilityBoundingSet", set(&[CAP_NET_BIND_SERVICE]));
        draft.ambient = asked("AmbientCapabilities", set(&[CAP_NET_BIND_SERVICE]));
        draft.securebits = asked("SecureBits", 1);
        draft.access.scopes = asked("Landlock.Scope", 2);
        let ambient = set(&[CAP_NET_BIND_SERVICE]);
        assert_eq!(
            steps(&draft, &root()),
            [
                Op::Groups { gid: Some(33), groups: Some(vec![33, 50]) },
                Op::Bounding(ambient.complement()),
                Op::KeepCapabilities,
                Op::User(33),
                Op::Capabilities {
                    permitted: set(&[CAP_NET_BIND_SERVICE, CAP_SETPCAP, CAP_SYS_ADMIN]),
                    inheritable: ambient
                },
                Op::Ambient(ambient),
                Op::SecureBits(1),
            ]
        );
        draft.no_new_privileges = asked("NoNewPrivileges", ());
        let with = steps(&draft, &root());
        assert_eq!(
            with[4],
            Op::Capabilities { permitted: set(&[CAP_NET_BIND_SERVICE, CAP_SETPCAP]), inheritable: ambient }
        );
        assert_eq!(with.last(), Some(&Op::NoNewPrivileges));
    }

    #[test]
    fn root_that_stays_root_keeps_what_the_bounding_set_leaves() {
        let mut draft = Draft::default();
        draft.dropped.push(Asked { what: set(&[CAP_SYS_TIME]), by: by("ProtectClock") });
        let left = CapSet::all().without(set(&[CAP_SYS_TIME]));
        assert_eq!(
            steps(&draft, &root()),
            [Op::Bounding(set(&[CAP_SYS_TIME])), Op::Capabilities { permitted: left, inheritable: CapSet::EMPTY },]
        );
    }

    #[test]
    fn private_users_of_root_come_after_the_groups_and_start_with_a_full_set() {
        let mut draft = web();
        draft.users = asked("PrivateUsers", UserNamespace::Own);
        draft.bounding = asked("CapabilityBoundingSet", set(&[CAP_CHOWN]));
        let maps = Maps { uids: "0 0 1\n33 33 1\n".into(), gids: "0 0 1\n33 33 1\n".into(), deny_setgroups: true };
        assert_eq!(
            steps(&draft, &root()),
            [
                Op::Groups { gid: Some(33), groups: Some(vec![33, 50]) },
                Op::Users(maps),
                Op::Bounding(set(&[CAP_CHOWN]).complement()),
                Op::User(33),
                Op::Capabilities { permitted: CapSet::EMPTY, inheritable: CapSet::EMPTY },
            ]
        );
        draft.user = None;
        draft.users = asked("PrivateUsers", UserNamespace::Full);
        let full = "0 0 4294967295\n";
        let maps = Maps { uids: full.into(), gids: full.into(), deny_setgroups: false };
        assert_eq!(steps(&draft, &root())[0], Op::Users(maps));
    }

    #[test]
    fn private_users_need_the_right_to_map() {
        let mut draft = Draft { users: asked("PrivateUsers", UserNamespace::Own), ..Draft::default() };
        let weak = host(0, CapSet::all().without(set(&[CAP_SETFCAP])));
        assert_eq!(refused(&draft, &weak)[0].0, Exit::User);
        draft.prefer.push(Asked { what: "PrivateUsers".into(), by: by("Prefer") });
        assert_eq!(steps(&draft, &weak), []);
    }

    #[test]
    fn a_user_drops_the_bounding_set_in_a_namespace_of_its_own() {
        let draft = Draft { bounding: asked("CapabilityBoundingSet", CapSet::EMPTY), ..Draft::default() };
        let maps = Maps { uids: "1000 1000 1\n".into(), gids: "1000 1000 1\n".into(), deny_setgroups: true };
        assert_eq!(
            steps(&draft, &user()),
            [
                Op::Unshare(Namespace::User.flag()),
                Op::MapIds(maps),
                Op::Bounding(CapSet::EVERY),
                Op::Capabilities { permitted: CapSet::EMPTY, inheritable: CapSet::EMPTY },
            ]
        );
    }

    #[test]
    fn where_no_namespace_can_be_had_nothing_is_held_and_nothing_gained() {
        let draft = Draft { bounding: asked("CapabilityBoundingSet", CapSet::EMPTY), ..Draft::default() };
        let verdict = Verdict::Refused { reason: "no".into(), remedy: "ask".into() };
        let host = Host { user_namespace: verdict, ..user() };
        assert_eq!(
            steps(&draft, &host),
            [Op::Capabilities { permitted: CapSet::EMPTY, inheritable: CapSet::EMPTY }, Op::NoNewPrivileges,]
        );
        let plan = Plan::new(&draft, &host, Vec::new()).expect("a plan");
        assert_eq!((plan.notes.len(), plan.shortfalls.len()), (1, 0));
        assert!(plan.notes[0].starts_with("CapabilityBoundingSet: the bounding set stays"), "{}", plan.notes[0]);
        let bits = Draft { securebits: asked("SecureBits", 1), ..Draft::default() };
        assert_eq!(refused(&bits, &host), [(Exit::SecureBits, "cannot set securebits: no".into())]);
    }

    #[test]
    fn a_root_with_few_capabilities_does_without_a_namespace() {
        let draft = Draft { bounding: asked("CapabilityBoundingSet", set(&[CAP_CHOWN])), ..Draft::default() };
        let few = host(0, set(&[CAP_SETPCAP, CAP_CHOWN, CAP_SETUID]));
        assert_eq!(
            steps(&draft, &few),
            [
                Op::Bounding(set(&[CAP_CHOWN]).complement()),
                Op::Capabilities { permitted: set(&[CAP_CHOWN]), inheritable: CapSet::EMPTY },
            ]
        );
        let fewer = host(0, set(&[CAP_CHOWN, CAP_SETUID]));
        assert_eq!(
            steps(&draft, &fewer),
            [Op::Capabilities { permitted: set(&[CAP_CHOWN]), inheritable: CapSet::EMPTY }, Op::NoNewPrivileges,]
        );
    }

    #[test]
    fn a_user_can_only_stay_itself() {
        assert_eq!(
            refused(&web(), &user()).iter().map(|(exit, _)| *exit).collect::<Vec<_>>(),
            [Exit::User, Exit::Group]
        );
        let me = Draft { user: asked("User", Name::Number(33)), group: asked("Group", Name::Number(33)), ..web() };
        assert_eq!(steps(&me, &host(33, CapSet::EMPTY)), []);
        let mut more = Draft::default();
        more.groups.push(Asked { what: Name::Number(4), by: by("SupplementaryGroups") });
        assert_eq!(refused(&more, &user()), [(Exit::Group, "cannot take group 4: that needs root".into())]);
        assert_eq!(steps(&more, &Host { groups: vec![4], ..user() }), []);
    }

    #[test]
    fn who_nobody_knows_is_refused() {
        let draft = Draft { user: asked("User", Name::Word("ghost".into())), ..Draft::default() };
        assert_eq!(refused(&draft, &root()), [(Exit::User, "there is no user `ghost` on this host".into())]);
        let draft = Draft { user: asked("User", Name::Number(7)), ..Draft::default() };
        assert_eq!(refused(&draft, &root())[0].0, Exit::User, "its group is unknown");
        let draft = Draft { group: asked("Group", Name::Number(8)), ..draft };
        assert_eq!(steps(&draft, &root())[..2], [Op::Groups { gid: Some(8), groups: Some(vec![8]) }, Op::User(7)]);
    }

    #[test]
    fn a_group_alone_keeps_none_of_the_callers_groups() {
        let draft = Draft { group: asked("Group", Name::Number(8)), ..Draft::default() };
        let host = Host { groups: vec![4, 27], ..root() };
        assert_eq!(steps(&draft, &host), [Op::Groups { gid: Some(8), groups: Some(Vec::new()) }]);
    }

    #[test]
    fn ambient_capabilities_need_the_bounding_set_and_the_caller() {
        let mut draft = Draft { ambient: asked("AmbientCapabilities", set(&[CAP_CHOWN])), ..web() };
        draft.bounding = asked("CapabilityBoundingSet", CapSet::EMPTY);
        assert_eq!(refused(&draft, &root())[0].0, Exit::Capabilities);
        draft.bounding = None;
        let weak = host(0, CapSet::all().without(set(&[CAP_CHOWN])));
        assert_eq!(refused(&draft, &weak)[0].0, Exit::Capabilities);
        let mine = Draft { ambient: draft.ambient.clone(), ..Draft::default() };
        assert_eq!(refused(&mine, &user())[0].0, Exit::Capabilities);
        let mine = Draft { bounding: asked("CapabilityBoundingSet", set(&[CAP_CHOWN])), ..mine };
        assert_eq!(
            steps(&mine, &user())[3..],
            [
                Op::Capabilities { permitted: set(&[CAP_CHOWN]), inheritable: set(&[CAP_CHOWN]) },
                Op::Ambient(set(&[CAP_CHOWN]))
            ]
        );
    }

    #[test]
    fn a_user_gets_no_new_privs_where_the_kernel_demands_it() {
        let draft = Draft { lock_personality: asked("LockPersonality", ()), ..Draft::default() };
        assert_eq!(steps(&draft, &user()), [Op::NoNewPrivileges]);
        assert_eq!(steps(&draft, &root()), []);
    }
}
