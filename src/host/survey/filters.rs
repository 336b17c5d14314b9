//! What needs no namespace: seccomp, Landlock, attributes of the process.

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::prctl;

use crate::host::diagnose::{Cause, Stage};
use crate::sys::{facts, trial};

use super::{Can, Check, Lab, Tried};

/// All of them.
pub(super) fn checks(lab: &Lab<'_>) -> Vec<Check> {
    vec![filter(lab), actions(lab), notify(lab), landlock(lab), write_execute(lab), bounding(lab)]
}

/// A step that only its errno explains.
fn other(errno: Errno) -> (Stage, Errno) {
    (Stage::Other, errno)
}

/// no_new_privs as a launch sets it.
fn no_new_privs() -> Result<(), (Stage, Errno)> {
    prctl::set_no_new_privs().map_err(other)
}

fn filter(lab: &Lab<'_>) -> Check {
    let tried = lab.plain(|| {
        no_new_privs()?;
        trial::filter(0).map_err(other)?;
        Ok(0)
    });
    let tried = tried.map_err(|cause| missing(cause, "CONFIG_SECCOMP_FILTER=y"));
    let cost = "SystemCallFilter, RestrictAddressFamilies, RestrictNamespaces, SystemCallArchitectures and every other \
                directive that filters system calls cannot be enforced";
    Check::of("seccomp filters", tried, cost)
}

/// What the bare errno does not say.
fn missing(cause: Cause, config: &str) -> Cause {
    if cause.reason == Errno::EINVAL.desc().to_lowercase() {
        let reason = "this kernel was built without it".to_owned();
        return Cause { reason, remedy: format!("use a kernel with {config}") };
    }
    cause
}

/// The eight actions, by the words of the policy, and since when.
const ACTIONS: [(&str, u32, &str); 8] = [
    ("kill-process", libc::SECCOMP_RET_KILL_PROCESS, "4.14"),
    ("kill-thread", libc::SECCOMP_RET_KILL_THREAD, "3.5"),
    ("trap", libc::SECCOMP_RET_TRAP, "3.5"),
    ("errno", libc::SECCOMP_RET_ERRNO, "3.5"),
    ("notify", libc::SECCOMP_RET_USER_NOTIF, "5.0"),
    ("trace", libc::SECCOMP_RET_TRACE, "3.5"),
    ("log", libc::SECCOMP_RET_LOG, "4.14"),
    ("allow", libc::SECCOMP_RET_ALLOW, "3.5"),
];

fn actions(lab: &Lab<'_>) -> Check {
    let name = "seccomp actions";
    let known = lab.plain(|| {
        let mut known = 0;
        for (bit, (_, action, _)) in ACTIONS.iter().enumerate() {
            known |= u64::from(facts::action(*action).is_ok()) << bit;
        }
        Ok(known)
    });
    let known = match known {
        Ok(known) => known,
        Err(cause) => {
            return Check::gap(name, Can::No, "no directive that filters system calls can be enforced", cause);
        }
    };
    let list = |wanted: bool| -> Vec<&str> {
        let with = ACTIONS.iter().enumerate().filter(|(bit, _)| (known >> bit & 1 == 1) == wanted);
        with.map(|(_, action)| action.0).collect()
    };
    let (here, gone) = (list(true), list(false));
    if gone.is_empty() {
        return Check::yes(name, format!("all eight: {}", here.join(", ")));
    }
    let since = ACTIONS
        .iter()
        .filter(|action| gone.contains(&action.0))
        .map(|action| format!("{} came with Linux {}", action.0, action.2));
    let reason = format!("this kernel does not know them: {}", since.collect::<Vec<_>>().join(", "));
    let cost = format!("rules that {} are refused", gone.join(", "));
    Check::gap(name, Can::Partly, cost, Cause { reason, remedy: "use a newer kernel".into() }).detail(here.join(", "))
}

fn notify(lab: &Lab<'_>) -> Check {
    let name = "seccomp notifications";
    let listen = |flags: libc::c_ulong| {
        lab.plain(|| -> Tried {
            no_new_privs()?;
            trial::filter(flags).map_err(other)?;
            Ok(0)
        })
    };
    if let Err(cause) = listen(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER) {
        let cost = "rules with Action = \"notify\" cannot be enforced; no other directive needs them";
        return Check::gap(name, Can::No, cost, missing(cause, "Linux 5.0 or newer")).fact();
    }
    // One listener is all that a chain of filters may have, so the second flag gets its own child.
    if listen(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).is_err() {
        let reason = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV came with Linux 5.19".to_owned();
        let cause = Cause { reason, remedy: "use a newer kernel".into() };
        return Check::gap(name, Can::Partly, "a target with a fast timer may starve in a notified call", cause).fact();
    }
    Check::yes(name, "").fact()
}

/// What each ABI of Landlock added, of what the policy can say (landlock(7)).
const ABIS: [(u64, &str); 4] = [
    (2, "moving files between directories (ABI 2, Linux 5.19)"),
    (3, "truncating files (ABI 3, Linux 6.2)"),
    (4, "Landlock.ConnectTCP and Landlock.BindTCP (ABI 4, Linux 6.7)"),
    (6, "Landlock's scopes for signals and abstract sockets (ABI 6, Linux 6.12)"),
];

fn landlock(lab: &Lab<'_>) -> Check {
    let name = "Landlock";
    let tried = lab.plain(|| {
        let abi = facts::landlock().map_err(other)?;
        no_new_privs()?;
        trial::landlock().map_err(other)?;
        Ok(u64::from(abi))
    });
    let abi = match tried {
        Ok(abi) => abi,
        Err(cause) => {
            return Check::gap(name, Can::No, "no directive of the [Landlock] table can be enforced", absent(cause));
        }
    };
    let gone: Vec<&str> = ABIS.iter().filter(|(since, _)| *since > abi).map(|(_, what)| *what).collect();
    if gone.is_empty() {
        return Check::yes(name, format!("ABI {abi}"));
    }
    let cost = format!("these cannot be enforced: {}", gone.join(", "));
    let reason = format!("this kernel's Landlock is ABI {abi}");
    Check::gap(name, Can::Partly, cost, Cause { reason, remedy: "use a newer kernel".into() })
        .detail(format!("ABI {abi}"))
}

/// Missing, or switched off at boot.
fn absent(cause: Cause) -> Cause {
    let off = Errno::EOPNOTSUPP.desc().to_lowercase();
    if cause.reason == off {
        let now = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
        let now = if now.trim().is_empty() { "capability" } else { now.trim() };
        let reason = "Landlock is in this kernel but switched off at boot".to_owned();
        return Cause { reason, remedy: format!("add to the kernel's command line: lsm=landlock,{now}") };
    }
    if cause.reason == "this kernel does not have the call" {
        let reason = "this kernel has no Landlock (it came with Linux 5.13)".to_owned();
        return Cause { reason, remedy: "use a kernel with CONFIG_SECURITY_LANDLOCK=y".into() };
    }
    if cause.reason == Errno::E2BIG.desc().to_lowercase() {
        let reason = "sixteen layers of Landlock are in force already".to_owned();
        return Cause { reason, remedy: "start stockade outside of the sandboxes around it".into() };
    }
    cause
}

fn write_execute(lab: &Lab<'_>) -> Check {
    let name = "memory is never writable and executable";
    let tried = lab.plain(|| {
        trial::deny_write_execute().map_err(other)?;
        Ok(0)
    });
    match tried {
        Ok(_) => Check::yes(name, "PR_SET_MDWE"),
        Err(_) => Check::gap(
            name,
            Can::Partly,
            "MemoryDenyWriteExecute is enforced by a filter alone, as systemd does it: two mappings of one file get around it",
            Cause { reason: "PR_SET_MDWE came with Linux 6.3".into(), remedy: "use a newer kernel".into() },
        ),
    }
}

fn bounding(lab: &Lab<'_>) -> Check {
    /// CAP_SYS_MODULE.
    const CAP: u8 = 16;
    let drop = || -> Tried {
        trial::drop_bounding(CAP).map_err(other)?;
        Ok(0)
    };
    // CAP_SETPCAP alone is enough; whoever lacks it needs a user namespace.
    let tried = if lab.host.effective.has(caps::Capability::CAP_SETPCAP) {
        lab.plain(drop)
    } else {
        lab.within(CloneFlags::empty(), drop)
    };
    match tried {
        Ok(_) => Check::yes("capability bounding set", ""),
        Err(cause) => Check::gap(
            "capability bounding set",
            Can::Partly,
            "CapabilityBoundingSet is enforced by NoNewPrivileges and empty capability sets instead: \
             no program can gain a capability either way",
            cause,
        ),
    }
}
