//! Whether the kernel gives a new sysfs to a user namespace: only where an old one is seen whole.

use std::path::{Path, PathBuf};

use crate::host::{Host, Mount};

use super::super::Planner;
use super::view::{self, Content, Node};

/// Directories of sysfs that are there to be mounted on, so that nothing is covered by that (sysfs_create_mount_point).
const POINTS: [&str; 13] = [
    "firmware/efi/efivars",
    "fs/bpf",
    "fs/cgroup",
    "fs/fuse/connections",
    "fs/pstore",
    "fs/resctrl",
    "fs/selinux",
    "fs/smackfs",
    "hypervisor/s390",
    "kernel/config",
    "kernel/debug",
    "kernel/security",
    "kernel/tracing",
];

/// Tells of an old /sys that stays: its network is not the target's.
pub(super) fn tell(planner: &mut Planner<'_>, nodes: &[Node]) {
    let Some(node) = nodes.iter().find(|node| node.content == Content::Sysfs) else { return };
    if planner.host.privileged() {
        return;
    }
    let Some(why) = why_not(planner.host) else { return };
    planner.told.push(format!(
        "{}: /sys stays as it is and shows the interfaces outside, because {why}; to hide it: InaccessiblePaths=/sys",
        node.who(),
    ));
}

/// Why a user namespace gets no new one, where this is known (mount_too_revealing in fs/namespace.c).
fn why_not(host: &Host) -> Option<String> {
    let mut why = None;
    for mount in host.mounts.iter().filter(|mount| mount.fstype == "sysfs") {
        if let Some(cover) = cover(host, mount) {
            why = why.or_else(|| Some(format!("{} covers a part of it", cover.display())));
        } else if mount.options.split(',').any(|option| option == "ro") {
            why = why.or_else(|| Some(format!("{} is read-only", mount.point.display())));
        } else {
            return None;
        }
    }
    why
}

/// What is mounted over something that it holds.
fn cover<'a>(host: &'a Host, sysfs: &Mount) -> Option<&'a PathBuf> {
    let points = host.mounts.iter().map(|mount| &mount.point);
    points.filter(|point| **point != sysfs.point && view::inside(point, &sysfs.point)).find(|point| {
        let within = point.strip_prefix(&sysfs.point).unwrap_or(Path::new(""));
        !POINTS.iter().any(|known| within.starts_with(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(rows: &[(&str, &str, &str)]) -> Host {
        let mount = |&(point, fstype, options): &(&str, &str, &str)| Mount {
            point: point.into(),
            fstype: fstype.into(),
            options: options.into(),
        };
        Host { mounts: rows.iter().map(mount).collect(), ..Host::default() }
    }

    #[test]
    fn what_the_kernel_gives_no_second_time() {
        let whole = [
            ("/sys", "sysfs", "rw,nosuid"),
            ("/sys/kernel/security", "securityfs", "rw"),
            ("/sys/kernel/debug/tracing", "tracefs", "rw"),
            ("/sys/fs/cgroup/unified", "cgroup2", "ro"),
            ("/system", "tmpfs", "rw"),
        ];
        assert_eq!(why_not(&host(&whole)), None);
        assert_eq!(why_not(&host(&[])), None);
        let masked = [&whole[..], &[("/sys/firmware", "tmpfs", "ro")]].concat();
        assert_eq!(why_not(&host(&masked)).as_deref(), Some("/sys/firmware covers a part of it"));
        let read_only = [("/sys", "sysfs", "ro,nosuid")];
        assert_eq!(why_not(&host(&read_only)).as_deref(), Some("/sys is read-only"));
        // Another one that is whole will do.
        let both = [&masked[..], &[("/mnt", "sysfs", "rw")]].concat();
        assert_eq!(why_not(&host(&both)), None);
    }
}
