//! Namespaces and mounts.

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;

use crate::host::diagnose::{Cause, Stage};
use crate::host::userns;
use crate::sys::child::{Outcome, attempt};
use crate::sys::trial;

use super::{Can, Check, Lab, Tried, USER_NAMESPACES};

/// A step that failed while mounting.
fn mounting(errno: Errno) -> (Stage, Errno) {
    (Stage::Mount, errno)
}

/// All of them.
pub(super) fn checks(lab: &Lab<'_>) -> Vec<Check> {
    let mut checks = vec![users(lab), mounts(lab)];
    checks.push(procfs(lab));
    let kind = |name, flag, cost| Check::of(name, lab.within(flag, || Ok(0)), cost);
    checks.push(kind(
        "network namespaces",
        CloneFlags::CLONE_NEWNET,
        "PrivateNetwork cannot be enforced; RestrictAddressFamilies still can",
    ));
    checks.push(Check::of(
        "loopback device",
        lab.within(CloneFlags::CLONE_NEWNET, || {
            trial::loopback().map_err(|errno| (Stage::Loopback, errno))?;
            Ok(0)
        }),
        "with PrivateNetwork the target cannot reach itself at 127.0.0.1",
    ));
    checks.push(kind("IPC namespaces", CloneFlags::CLONE_NEWIPC, "PrivateIPC cannot be enforced"));
    checks.push(kind(
        "UTS namespaces",
        CloneFlags::CLONE_NEWUTS,
        "ProtectHostname keeps the host's name by a filter only",
    ));
    checks.push(kind(
        "cgroup namespaces",
        CloneFlags::CLONE_NEWCGROUP,
        "ProtectControlGroups=private and =strict cannot be enforced",
    ));
    checks.push(kind("PID namespaces", CloneFlags::CLONE_NEWPID, "PrivatePIDs cannot be enforced"));
    checks.extend(mount_calls(lab));
    checks
}

/// User namespaces with their maps.
fn users(lab: &Lab<'_>) -> Check {
    let cost = if lab.host.privileged() {
        "PrivateUsers cannot be enforced"
    } else {
        "without root nothing can be mounted or hidden: ProtectSystem, ProtectHome, PrivateTmp, PrivateDevices, \
         PrivateNetwork, RootDirectory, ReadOnlyPaths and their like cannot be enforced; \
         Landlock, SystemCallFilter, NoNewPrivileges and limits still can"
    };
    Check::of(USER_NAMESPACES, lab.plain(|| userns::enter(&lab.maps).map(|()| 0)), cost)
}

/// A mount namespace and a tmpfs in it.
fn mounts(lab: &Lab<'_>) -> Check {
    let tried = lab.within(CloneFlags::CLONE_NEWNS, || {
        slave().and_then(|()| put(c"tmpfs", c"/")).map_err(mounting)?;
        Ok(0)
    });
    let cost = "ProtectSystem, ProtectHome, PrivateTmp, PrivateDevices, ReadOnlyPaths, BindPaths, RootDirectory and \
                every other directive about paths cannot be enforced, except those of Landlock";
    Check::of("mounts", tried, cost)
}

/// Nothing that is mounted here may reach the machine.
fn slave() -> Result<(), Errno> {
    let none: Option<&std::ffi::CStr> = None;
    mount(none, c"/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)
}

/// A new file system of this type there.
fn put(fstype: &std::ffi::CStr, point: &std::ffi::CStr) -> Result<(), Errno> {
    let none: Option<&std::ffi::CStr> = None;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(fstype), point, Some(fstype), flags, none)
}

/// A procfs of its own PID namespace, which only a process inside of it can mount.
fn procfs(lab: &Lab<'_>) -> Check {
    let inner = || -> Tried {
        slave().and_then(|()| put(c"proc", c"/proc")).map_err(|errno| (Stage::Proc, errno))?;
        Ok(0)
    };
    let tried = lab.within(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS, || match attempt(inner) {
        Ok(Outcome::Done(value)) => Ok(value),
        Ok(Outcome::Failed { stage, errno }) => Err((Stage::from(stage), errno)),
        Ok(Outcome::Killed(_)) => Err((Stage::Killed, Errno::EPERM)),
        Err(errno) => Err((Stage::Fork, errno)),
    });
    Check::of("a new /proc", tried, "PrivatePIDs, ProtectProc and ProcSubset cannot be enforced")
}

/// The mount calls of newer kernels.
fn mount_calls(lab: &Lab<'_>) -> Vec<Check> {
    let inside = |work: fn() -> Tried| lab.within(CloneFlags::CLONE_NEWNS, work);
    let api = inside(|| {
        trial::detached(c"tmpfs").and_then(|_| trial::clone_root()).map_err(mounting)?;
        Ok(0)
    });
    let attributes = inside(|| {
        trial::clone_root().and_then(|tree| trial::read_only(&tree)).map_err(mounting)?;
        Ok(0)
    });
    let both = inside(|| {
        trial::clone_root_read_only().map_err(mounting)?;
        Ok(0)
    });
    vec![
        older(
            Check::of("detached mounts", api, "every directive about paths needs them, except those of Landlock"),
            "fsopen(2) and open_tree(2) came with Linux 5.2",
        ),
        older(
            partly(
                "recursive read-only",
                attributes,
                "each mount is made read-only on its own: a moment slower to start",
            ),
            "mount_setattr(2) came with Linux 5.12",
        )
        .fact(),
        older(
            partly("read-only clones in one call", both, "two calls instead of one: no difference but a microsecond"),
            "open_tree_attr(2) came with Linux 6.15",
        )
        .fact(),
    ]
}

/// A gap that stockade fills in another way.
fn partly(name: &'static str, tried: Result<u64, Cause>, cost: &str) -> Check {
    match tried {
        Ok(_) => Check::yes(name, ""),
        Err(cause) => Check::gap(name, Can::Partly, cost, cause),
    }
}

/// Says since when the kernel has it, where that is the cause.
fn older(mut check: Check, since: &str) -> Check {
    if check.reason == "this kernel does not have the call" {
        check.reason = format!("this kernel does not have the call: {since}");
    }
    check
}
