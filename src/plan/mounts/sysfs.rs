//! Whether the kernel gives a new sysfs to a user namespace: only where an old one is seen whole.

use std::path::{Path, PathBuf};

use crate::host::Host;

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
    for (point, read_only) in &host.sysfs {
        let reason = match cover(host, point) {
            Some(cover) => format!("{} covers a part of it", cover.display()),
            None if *read_only => format!("{} is read-only", point.display()),
            None => return None,
        };
        why = why.or(Some(reason));
    }
    why
}

/// What is mounted over something that it holds.
fn cover<'a>(host: &'a Host, sysfs: &Path) -> Option<&'a PathBuf> {
    host.points.iter().filter(|point| *point != sysfs && view::inside(point, sysfs)).find(|point| {
        let within = point.strip_prefix(sysfs).unwrap_or(Path::new(""));
        !POINTS.iter().any(|known| within.starts_with(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(rows: &[(&str, &str, bool)]) -> Host {
        let sysfs = rows.iter().filter(|(_, fstype, _)| *fstype == "sysfs");
        Host {
            points: rows.iter().map(|(point, ..)| point.into()).collect(),
            sysfs: sysfs.map(|(point, _, read_only)| (point.into(), *read_only)).collect(),
            ..Host::default()
        }
    }

    #[test]
    fn what_the_kernel_gives_no_second_time() {
        let whole = [
            ("/sys", "sysfs", false),
            ("/sys/kernel/security", "securityfs", false),
            ("/sys/kernel/debug/tracing", "tracefs", false),
            ("/sys/fs/cgroup/unified", "cgroup2", true),
            ("/system", "tmpfs", false),
        ];
        assert_eq!(why_not(&host(&whole)), None);
        assert_eq!(why_not(&host(&[])), None);
        let masked = [&whole[..], &[("/sys/firmware", "tmpfs", true)]].concat();
        assert_eq!(why_not(&host(&masked)).as_deref(), Some("/sys/firmware covers a part of it"));
        let read_only = [("/sys", "sysfs", true)];
        assert_eq!(why_not(&host(&read_only)).as_deref(), Some("/sys is read-only"));
        // Another one that is whole will do.
        let both = [&masked[..], &[("/mnt", "sysfs", false)]].concat();
        assert_eq!(why_not(&host(&both)), None);
    }
}
