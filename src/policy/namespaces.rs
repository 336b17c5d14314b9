//! Namespaces that the target gets, and that it cannot make.

use crate::draft::By;
use crate::draft::identity::UserNamespace;
use crate::draft::mounts::View;
use crate::draft::namespaces::Namespace;
use crate::draft::syscalls::{Layer, Rule};
use crate::fault::Fault;
use crate::text::{Kind, Value};

use super::form::line::{self, Line};
use super::form::{self, Form};
use super::layer::{self, ENOSYS, EPERM};
use super::{Directive, Exposure, Policy, life, switch};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Namespaces {
    /// PrivateMounts=; unset leaves it to what else needs a mount namespace.
    pub mounts: Option<bool>,
    /// PrivateNetwork=.
    pub network: bool,
    /// PrivateIPC=.
    pub ipc: bool,
    /// PrivatePIDs=.
    pub pids: bool,
    /// PrivateUsers=.
    pub users: Option<UserNamespace>,
    /// RestrictNamespaces=: the CLONE_NEW* flags that stay allowed; unset restricts nothing.
    pub allowed: Option<u32>,
}

impl Namespaces {
    /// The CLONE_NEW* flags that RestrictNamespaces= refuses.
    pub fn refused(&self) -> u32 {
        self.allowed.map_or(0, |allowed| EVERY & !allowed)
    }
}

/// The flags of all kinds of namespaces.
const EVERY: u32 = flags(&Namespace::ALL);

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "PrivateMounts",
        form: Form::Boolean,
        summary: "give the target a mount namespace of its own",
        manual: "Gives the target a mount namespace of its own: what it mounts, nobody else sees, and mounts that the \
                 host makes later still arrive (slave propagation, mount_namespaces(7)).\n\n\
                 Every directive that changes what the target sees of the file system needs such a namespace and \
                 makes one by itself. So this one is only needed where none of them is used. Set to no, it also keeps \
                 *PrivateNetwork* from mounting a new /sys.",
        example: "PrivateMounts = true",
        unlike: None,
        exposure: &[switch("PrivateMounts", 1000, |policy| Some(u32::from(!own_mounts(policy))))],
        read: |policy, value| {
            let reset = matches!(form::lines(value), Ok(lines) if lines.is_empty());
            policy.namespaces.mounts = if reset { None } else { Some(form::boolean(value)?) };
            Ok(())
        },
        demand: |policy, demands| {
            if policy.namespaces.mounts == Some(true) {
                demands.namespace(Namespace::Mnt);
            }
        },
    },
    Directive {
        name: "PrivateNetwork",
        form: Form::Boolean,
        summary: "give the target an empty network of its own",
        manual: "Gives the target a network namespace of its own with nothing in it but the loopback device, which is \
                 up. Neither the host's interfaces nor its abstract unix sockets can be reached; unix sockets with a \
                 path in the file system still can be.\n\n\
                 A new /sys is mounted where that is possible, so that it shows the interfaces of the new namespace; \
                 *PrivateMounts* set to no prevents that. In a container whose /sys is read-only or partly covered an \
                 ordinary user gets none; the old one stays then, which is told before the launch.",
        example: "PrivateNetwork = true",
        unlike: Some(
            "Where no network namespace can be had stockade refuses to run the target; systemd prints a notice and \
             runs it with the host's network. With *Prefer* the target runs, says so, and its filter refuses all sockets \
             but those of AF_UNIX.",
        ),
        exposure: &[switch("PrivateNetwork", 2500, |policy| Some(u32::from(!policy.namespaces.network)))],
        read: |policy, value| {
            policy.namespaces.network = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.namespaces.network {
                if policy.joins.network.is_none() {
                    demands.namespace(Namespace::Net);
                }
                if policy.namespaces.mounts != Some(false) {
                    demands.view_if_there("/sys", View::Sysfs);
                }
            }
        },
    },
    Directive {
        name: "PrivateIPC",
        form: Form::Boolean,
        summary: "give the target System V objects and message queues of its own",
        manual: "Gives the target an IPC namespace of its own: System V shared memory, semaphores and queues, and \
                 POSIX message queues, of which a new file system is mounted on /dev/mqueue. POSIX shared memory and \
                 unix sockets are files and not touched by this (ipc_namespaces(7)).",
        example: "PrivateIPC = true",
        unlike: Some(
            "Where no IPC namespace can be had stockade refuses to run the target; systemd warns and runs it.",
        ),
        exposure: &[],
        read: |policy, value| {
            policy.namespaces.ipc = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.namespaces.ipc {
                if policy.joins.ipc.is_none() {
                    demands.namespace(Namespace::Ipc);
                }
                if policy.namespaces.mounts != Some(false) {
                    demands.view_if_there("/dev/mqueue", View::Mqueue);
                }
            }
        },
    },
    Directive {
        name: "PrivatePIDs",
        form: Form::Boolean,
        summary: "give the target a process tree of its own",
        manual: "Gives the target a PID namespace of its own (pid_namespaces(7)) and a /proc that shows it: no process \
                 outside can be seen, signalled or traced. *ProtectProc* and *ProcSubset* need no privileges then.\n\n\
                 The target does not take stockade's place, as it does elsewhere. It is process 2 of the namespace, under \
                 a small init that reaps orphans (see *Init.AsPid1*), and stockade stays outside, in its own process, and \
                 stands in for it: signals that reach it are sent on, when the target stops it stops, and it ends with the \
                 target's status or by the same signal, without a core dump of its own. When the target ends, everything \
                 in the namespace is killed, and so it is when stockade dies, by whichever signal. Signals that are sent to \
                 a whole process group or control group reach the target by themselves and are not sent on: to tell them \
                 apart takes 5 milliseconds. SIGKILL and SIGSTOP cannot be caught, so SIGSTOP stops stockade alone.\n\n\
                 Under systemd, messages of sd_notify(3) pass through stockade, which is the main process of the unit: \
                 Type=notify, notify-reload, the watchdog, barriers and the descriptor store work as they do without it, \
                 and what other processes of the service send is still only heard with NotifyAccess=all. An abstract \
                 NOTIFY_SOCKET (`@...`) is refused. A MAINPID= that \
                 names another process than the target is not passed on. LISTEN_PID, WATCHDOG_PID and SYSTEMD_EXEC_PID \
                 are those that the target sees; LISTEN_PIDFDID is unset. Type=forking, ExitType=cgroup and PIDFile= \
                 cannot work, because what the parent leaves behind ends with it: stockade refuses to start a system \
                 service whose unit says Type=forking, or ExitType=cgroup without a PrivatePIDs=yes of its own, with \
                 which systemd ends it so, too (226). Run the service in the foreground.\n\n\
                 The init is in the target's namespaces and view, without capabilities, under a filter of a dozen calls, and \
                 not dumpable: nobody in there can trace it or read its memory but root with CAP_SYS_PTRACE, which the kernel \
                 keeps from nothing in its own user namespace. Such a target can tell stockade of signals that nobody has \
                 sent, end itself by way of the init, and reach the terminal and the service manager's socket that the init \
                 holds. Take CAP_SYS_PTRACE from CapabilityBoundingSet, or add *PrivateUsers*, where that matters.",
        example: "PrivatePIDs = true",
        unlike: Some(
            "systemd makes the target process 1, which signals without a handler do not end: a stop takes until \
             SIGKILL. It is process 2 here.",
        ),
        exposure: &[],
        read: |policy, value| {
            policy.namespaces.pids = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.namespaces.pids {
                life::processes(policy, demands);
            }
        },
    },
    Directive {
        name: "PrivateUsers",
        form: Form::BooleanOr(&["self", "identity", "full"]),
        summary: "run the target in a user namespace of its own",
        manual: "Runs the target in a user namespace of its own (user_namespaces(7)), in which it has no capabilities \
                 over anything of the host's.\n\n\
                 *yes* and *self* map root and the target's own user and group to themselves; everybody else is \
                 nobody. For a caller without privileges, who can map one user only, root is nobody, too.\n\n\
                 *identity* maps the first 65536 users and groups to themselves, *full* all of them. Both need \
                 privileges.",
        example: "PrivateUsers = true",
        unlike: Some(
            "*managed* is refused: its users and groups are lent by systemd-nsresourced(8), and the files of a root \
             directory are mapped to them by systemd-mountfsd(8). *identity* and *full* take the same capabilities away.",
        ),
        exposure: &[switch("PrivateUsers", 1000, |policy| Some(u32::from(policy.namespaces.users.is_none())))],
        read: |policy, value| {
            if form::text(value).is_ok_and(|word| word.text.trim() == "managed") {
                return Err(value
                    .fault("PrivateUsers=managed takes users and groups that systemd-nsresourced lends to a unit")
                    .help("use identity, or full for ids from 65536 on, too; or systemd-run -p PrivateUsers=managed"));
            }
            policy.namespaces.users = form::word(value, &USERS)?;
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(what) = policy.namespaces.users {
                demands.draft.users = Some(demands.asked(what));
            }
        },
    },
    Directive {
        name: "RestrictNamespaces",
        form: Form::Words("NAMESPACE"),
        summary: "refuse to make or enter namespaces",
        manual: "A boolean, or a list of the kinds of namespaces that the target may still make or enter: *cgroup*, \
                 *ipc*, *mnt*, *net*, *pid*, *time*, *user* and *uts*. *yes* allows none, *no* all. A line that `~` \
                 inverts takes its kinds away from those that are allowed. Lists add up, a boolean starts anew, and an \
                 empty value lifts the restriction.\n\n\
                 unshare(2), clone(2) and setns(2) answer EPERM. clone3(2) takes its flags in memory, where no filter \
                 can look, so it answers ENOSYS and libc falls back to clone. setns with 0 for the kind is refused, \
                 because it would enter any.",
        example: "RestrictNamespaces = [\"~user mnt\"]",
        unlike: Some(
            "Where *mnt* is restricted the newer ways to a mount namespace are refused, too: open_tree(2) with \
             OPEN_TREE_NAMESPACE, fsmount(2) with FSMOUNT_NAMESPACE and unshare(2) with UNSHARE_EMPTY_MNTNS. systemd \
             lets them pass.",
        ),
        exposure: RESTRICTED,
        read: |policy, value| {
            let mut allowed = policy.namespaces.allowed;
            let anew = |on: bool| Some(if on { 0 } else { EVERY });
            if let Some(on) = form::switch(value) {
                policy.namespaces.allowed = anew(on);
                return Ok(());
            }
            let lines = form::lines(value)?;
            if lines.is_empty() {
                allowed = None;
            }
            for item in lines {
                let line = Value { kind: Kind::Text(item.text), at: item.at };
                match form::switch(&line) {
                    Some(on) => allowed = anew(on),
                    None => {
                        for line in &line::lines(&line)? {
                            allowed = Some(merge(allowed, line)?);
                        }
                    }
                }
            }
            policy.namespaces.allowed = allowed;
            Ok(())
        },
        demand: |policy, demands| {
            let refused = policy.namespaces.refused();
            if refused != 0 {
                let layer = refuse(&demands.by, refused);
                demands.draft.layers.push(layer.into());
            }
        },
    },
];

/// The words of PrivateUsers=.
const USERS: [(&str, Option<UserNamespace>); 5] = [
    ("no", None),
    ("yes", Some(UserNamespace::Own)),
    ("self", Some(UserNamespace::Own)),
    ("identity", Some(UserNamespace::Identity)),
    ("full", Some(UserNamespace::Full)),
];

/// systemd does not score `time`.
const RESTRICTED: &[Exposure] = &[
    switch("RestrictNamespaces_user", 1500, |policy| Some(makes(policy, Namespace::User))),
    switch("RestrictNamespaces_mnt", 500, |policy| Some(makes(policy, Namespace::Mnt))),
    switch("RestrictNamespaces_ipc", 500, |policy| Some(makes(policy, Namespace::Ipc))),
    switch("RestrictNamespaces_pid", 500, |policy| Some(makes(policy, Namespace::Pid))),
    switch("RestrictNamespaces_cgroup", 500, |policy| Some(makes(policy, Namespace::Cgroup))),
    switch("RestrictNamespaces_net", 500, |policy| Some(makes(policy, Namespace::Net))),
    switch("RestrictNamespaces_uts", 100, |policy| Some(makes(policy, Namespace::Uts))),
];

fn makes(policy: &Policy, kind: Namespace) -> u32 {
    u32::from(policy.namespaces.refused() & kind.flag() == 0)
}

/// Whether the target gets a mount namespace, asked for or implied.
fn own_mounts(policy: &Policy) -> bool {
    let draft = policy.draft();
    policy.namespaces.mounts == Some(true) || !draft.mounts.is_empty() || draft.root.is_some()
}

const fn flags(kinds: &[Namespace]) -> u32 {
    let (mut flags, mut i) = (0, 0);
    while i < kinds.len() {
        flags |= kinds[i].flag();
        i += 1;
    }
    flags
}

/// What is allowed after one more line.
fn merge(allowed: Option<u32>, line: &Line) -> Result<u32, Fault> {
    if let Some(on) = line::switch(line) {
        return Ok(if on { 0 } else { EVERY });
    }
    let mut listed = 0;
    for word in &line.words {
        let kind = Namespace::ALL.into_iter().find(|kind| kind.word() == word.text);
        listed |= kind
            .ok_or_else(|| {
                let fault = word.fault(format!("`{}` is not a kind of namespace", word.text));
                fault.help(format!("the kinds are: {}", Namespace::ALL.map(Namespace::word).join(", ")))
            })?
            .flag();
    }
    Ok(match (allowed, line.inverted) {
        (None, false) => listed,
        (None, true) => EVERY & !listed,
        (Some(allowed), false) => allowed | listed,
        (Some(allowed), true) => allowed & !listed,
    })
}

/// The layer that refuses to make and to enter the kinds with these flags.
fn refuse(by: &By, refused: u32) -> Layer {
    /// Linux 7.1: a mount namespace without CLONE_NEWNS.
    const UNSHARE_EMPTY_MNTNS: u32 = 0x0010_0000;
    /// Linux 7.0 and 7.1; the same bit in both calls.
    const MOUNT_NAMESPACE: u32 = 2;
    let mount = refused & Namespace::Mnt.flag() != 0;
    let rule = |calls: &[&'static str], when: &[_], action| -> Rule { layer::rule(by, calls, when, action) };
    // A time namespace cannot be made by clone(2): its flag is part of the exit signal there.
    let by_clone = refused & !Namespace::Time.flag();
    let by_unshare = refused | if mount { UNSHARE_EMPTY_MNTNS } else { 0 };
    let mut rules = vec![rule(&["unshare"], &[layer::any(0, by_unshare)], EPERM), rule(&["clone3"], &[], ENOSYS)];
    if by_clone != 0 {
        rules.push(rule(&["clone"], &[layer::any(0, by_clone)], EPERM));
    }
    if refused == EVERY {
        rules.push(rule(&["setns"], &[], EPERM));
    } else {
        rules.push(rule(&["setns"], &[layer::any(1, refused)], EPERM));
        rules.push(rule(&["setns"], &[layer::equal(1, 0)], EPERM));
    }
    if mount {
        rules.push(rule(&["open_tree", "open_tree_attr"], &[layer::any(2, MOUNT_NAMESPACE)], EPERM));
        rules.push(rule(&["fsmount"], &[layer::any(1, MOUNT_NAMESPACE)], EPERM));
    }
    layer::layer(by, rules)
}
