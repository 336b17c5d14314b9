use std::sync::Arc;

use crate::draft::Draft;
use crate::draft::capabilities::CapSet;
use crate::fault::{Fault, Origin, Source};
use crate::host::Host;
use crate::plan::Plan;
use crate::plan::op::Step;
use crate::policy::Policy;
use crate::text::{Document, Entry, Kind, Value};

use super::*;

/// The draft of `Name=value` lines, as `-p` reads them.
fn draft(lines: &[&str]) -> Draft {
    let mut document = Document::default();
    for line in lines {
        let (name, text) = line.split_once('=').expect("Name=value");
        let source = Arc::new(Source { name: "-p".into(), text: (*line).into() });
        let at = Origin::new(&source, 0..line.len());
        let value = Value { kind: Kind::Text(text.into()), at: at.clone() };
        document.entries.push(Entry { name: name.into(), at, value });
    }
    Policy::read(&document).expect("the policy reads").draft()
}

fn user() -> Host {
    Host { release: (6, 18), uid: 1000, home: "/home/u".into(), directory: "/home/u/work".into(), ..Host::default() }
}

fn root() -> Host {
    Host { uid: 0, home: "/root".into(), effective: CapSet::all(), ..user() }
}

struct Planned {
    steps: Vec<Step>,
    notes: Vec<String>,
    faults: Vec<Fault>,
}

fn planned(host: &Host, lines: &[&str]) -> Planned {
    planned_from(host, &draft(lines))
}

fn planned_from(host: &Host, draft: &Draft) -> Planned {
    let mut planner = Planner {
        draft,
        host,
        steps: Vec::new(),
        shortfalls: Vec::new(),
        notes: Vec::new(),
        told: Vec::new(),
        namespaces: Vec::new(),
        faults: Vec::new(),
        causes: Vec::new(),
    };
    plan(&mut planner);
    let (mut steps, notes, faults) = (planner.steps, planner.notes, planner.faults);
    steps.sort_by_key(|step| step.phase);
    Planned { steps, notes, faults }
}

fn shown(host: &Host, lines: &[&str]) -> Vec<String> {
    let planned = planned(host, lines);
    assert_eq!(planned.faults, []);
    planned.steps.iter().map(|step| op(step).to_string()).collect()
}

fn op(step: &Step) -> &MountOp {
    match &step.op {
        Op::Mount(op) => op,
        other => panic!("{other:?} is not about the file system"),
    }
}

#[test]
fn nothing_asked_is_nothing_done() {
    assert_eq!(shown(&user(), &[]), Vec::<String>::new());
}

#[test]
fn the_strict_view_whole() {
    let lines = ["ProtectSystem=strict", "ProtectHome=tmpfs", "PrivateTmp=yes", "ReadWritePaths=/var/lib/app"];
    assert_eq!(
        shown(&user(), &lines),
        [
            "take a copy of /dev, recursively",
            "take a copy of /proc, recursively",
            "take a copy of /sys, recursively",
            "take a copy of /var/lib/app, recursively",
            "make the mount point /tmp",
            "make / read-only, recursively",
            "mount the copy of /dev on /dev",
            "mount tmpfs on /home (0755, ro, nosuid, nodev, size=4m, nr_inodes=1k)",
            "mount the copy of /proc on /proc",
            "mount tmpfs on /root (0700, ro, nosuid, nodev, size=4m, nr_inodes=1k)",
            "mount tmpfs on /run/user (0755, ro, nosuid, nodev, size=4m, nr_inodes=1k)",
            "mount the copy of /sys on /sys",
            "mount tmpfs on /tmp (1777, nosuid, nodev, size=10%, nr_inodes=400k)",
            "mount the copy of /var/lib/app on /var/lib/app",
            "mount tmpfs on /var/tmp (1777, nosuid, nodev, size=10%, nr_inodes=400k)",
        ]
    );
}

#[test]
fn as_root_mounts_are_kept_from_the_host_first() {
    assert_eq!(
        shown(&root(), &["ProtectSystem=yes"]),
        [
            "keep mounts from propagating to the host",
            "make /boot read-only, recursively",
            "make /efi read-only, recursively",
            "make /usr read-only, recursively",
        ]
    );
}

#[test]
fn the_deepest_path_wins() {
    let lines = ["ReadOnlyPaths=/a", "ReadWritePaths=/a/b", "ReadOnlyPaths=/a/b/c"];
    assert_eq!(
        shown(&user(), &lines),
        [
            "take a copy of /a/b, recursively",
            "make /a read-only, recursively",
            "mount the copy of /a/b on /a/b",
            "make /a/b/c read-only, recursively",
        ]
    );
}

#[test]
fn for_one_path_the_stricter_wins() {
    let both = ["ReadWritePaths=/a", "ReadOnlyPaths=/a", "ExecPaths=/a", "NoExecPaths=/a"];
    assert_eq!(shown(&user(), &both), ["make /a read-only and noexec, recursively"]);
    let hidden = ["InaccessiblePaths=/a", "ReadWritePaths=/a", "BindPaths=/x:/a"];
    assert_eq!(
        shown(&user(), &hidden),
        ["cover /a by something without permissions", "put away what the covers were made from"]
    );
    let kept = shown(&user(), &["PrivateTmp=yes", "ReadWritePaths=/tmp"]);
    assert!(kept[0].starts_with("mount tmpfs on /tmp (1777"), "{kept:?}");
}

#[test]
fn what_is_implied_is_dropped() {
    let lines = ["ProtectSystem=strict", "ReadOnlyPaths=-/etc -/usr/share"];
    // Unless a symlink leads out of what is read-only, which is seen when it is done.
    let there = |line: &String| (line.contains("/etc") || line.contains("/usr")) && !line.contains("if a symlink");
    assert!(!shown(&user(), &lines).iter().any(there));
    // A path that must exist is looked at all the same.
    assert_eq!(shown(&user(), &["ReadWritePaths=/a"]), ["check that /a exists"]);
}

#[test]
fn nothing_is_nested_below_what_is_hidden() {
    let planned =
        planned(&user(), &["InaccessiblePaths=/a", "ReadWritePaths=/a/b", "BindPaths=/x:/a/c", "NoExecPaths=/a/d"]);
    assert_eq!(planned.steps.len(), 2);
    assert_eq!(
        planned.notes,
        [
            "/a/b: ReadWritePaths has no effect, as /a is hidden by InaccessiblePaths",
            "/a/c: BindPaths has no effect, as /a is hidden by InaccessiblePaths",
        ]
    );
}

#[test]
fn a_read_only_tmpfs_is_closed_after_what_is_put_into_it() {
    let lines = ["TemporaryFileSystem=/var:ro", "BindPaths=/var/lib/app"];
    assert_eq!(
        shown(&user(), &lines),
        [
            "take a copy of /var/lib/app, recursively",
            "mount tmpfs on /var (0755, nodev, size=10%, nr_inodes=400k)",
            "mount the copy of /var/lib/app on /var/lib/app",
            "make /var read-only",
        ]
    );
}

#[test]
fn a_read_only_bind_lets_deeper_paths_be_written() {
    let lines = ["BindReadOnlyPaths=/srv:/data", "ReadWritePaths=/data/log"];
    assert_eq!(
        shown(&user(), &lines),
        [
            "take a copy of /srv, recursively",
            "mount the copy of /srv on /data",
            "take a copy of /data/log, recursively",
            "make /data read-only, recursively",
            "mount the copy of /data/log on /data/log",
        ]
    );
    assert_eq!(
        shown(&user(), &["BindReadOnlyPaths=-/srv:/data:norbind"]),
        ["take a read-only copy of /srv", "mount the copy of /srv on /data"]
    );
}

#[test]
fn in_an_empty_home_only_what_is_named_writable_is_brought_in() {
    let lines =
        ["ProtectHome=tmpfs", "ReadWritePaths=. -/home/u/cache", "ReadOnlyPaths=/home/u/x", "NoExecPaths=/home/u/y"];
    let lines = shown(&user(), &lines);
    assert_eq!(lines[0], "take a copy of /home/u/work, recursively");
    assert!(
        lines.iter().all(|line| !line.contains("cache") && !line.contains("/x") && !line.contains("/y")),
        "{lines:?}"
    );
}

#[test]
fn what_a_bind_replaces_holds_where_its_source_is_missing() {
    let lines = ["PrivateTmp=yes", "BindPaths=-/a:/tmp", "ReadOnlyPaths=/b /c/d", "BindPaths=-/a:/b", "NoExecPaths=/b"];
    let lines = [&lines[..], &["BindReadOnlyPaths=-/a:/c", "BindPaths=-/a:/e /f:/e"]].concat();
    let shown_here = shown(&user(), &lines);
    let mounted: Vec<&str> = shown_here.iter().map(String::as_str).filter(|line| !line.starts_with("take ")).collect();
    assert_eq!(
        mounted,
        [
            "make the mount point /b",
            "make /b read-only and noexec, recursively",
            "mount the copy of /a on /b",
            "mount the copy of /a on /c",
            "make /c read-only, recursively",
            "make /c/d read-only, recursively",
            "mount the copy of /f on /e",
            "mount the copy of /a on /e",
            "mount tmpfs on /tmp (1777, nosuid, nodev, size=10%, nr_inodes=400k)",
            "mount the copy of /a on /tmp",
            "mount tmpfs on /var/tmp (1777, nosuid, nodev, size=10%, nr_inodes=400k)",
            "make /b read-only and noexec, recursively, if a symlink leads there from elsewhere",
            "make /c/d read-only, recursively, if a symlink leads there from elsewhere",
            "check that nothing mounted since covers /b, /c, /e and 1 more",
        ]
    );
    assert_eq!(shown_here[0], "take a read-only and noexec copy of /a, recursively");
    // A bind that must be there needs nothing under it.
    let certain = shown(&user(), &["ReadOnlyPaths=/b", "BindPaths=/a:/b"]);
    assert_eq!(certain, ["take a read-only copy of /a, recursively", "mount the copy of /a on /b"]);
}

#[test]
fn noexec_reaches_what_is_mounted_below() {
    let lines = ["NoExecPaths=/", "ExecPaths=/usr", "TemporaryFileSystem=/scratch", "BindPaths=/a:/b"];
    let lines = shown(&user(), &lines);
    assert!(lines.contains(&"make / noexec, recursively".into()), "{lines:?}");
    assert!(lines.contains(&"mount tmpfs on /scratch (0755, nodev, noexec, size=10%, nr_inodes=400k)".into()));
    assert!(lines.contains(&"take a noexec copy of /a, recursively".into()));
    assert!(lines.contains(&"take a copy of /usr, recursively".into()));
}

#[test]
fn a_new_root_is_entered_before_anything_is_looked_up_in_it() {
    let lines = [
        "RootDirectory=/srv/root",
        "ProtectSystem=strict",
        "ReadWritePaths=+/data /srv/root/log /data",
        "PrivateDevices=yes",
    ];
    let planned = planned(&root(), &lines);
    let shown: Vec<String> = planned.steps.iter().map(|step| op(step).to_string()).collect();
    assert_eq!(
        shown,
        [
            "keep mounts from propagating to the host",
            "take a copy of /srv/root, recursively",
            "build a /dev with pseudo devices only",
            "take a copy of /proc, recursively",
            "take a copy of /sys, recursively",
            "make /srv/root the root",
            "take a copy of /data, recursively",
            "take a copy of /home, recursively",
            "take a copy of /log, recursively",
            "take a copy of /root, recursively",
            "make the mount point /dev",
            "make the mount point /proc",
            "make the mount point /run",
            "make the mount point /sys",
            "make / read-only, recursively",
            "mount the copy of /data on /data",
            "mount the built /dev on /dev",
            "mount the copy of /home on /home",
            "mount the copy of /log on /log",
            "mount the copy of /proc on /proc",
            "mount the copy of /root on /root",
            "mount tmpfs on /run (0755, nosuid, nodev, size=20%, nr_inodes=800k)",
            "mount the copy of /sys on /sys",
            "check that nothing mounted since covers /proc",
            "make /dev read-only",
        ]
    );
    assert_eq!(planned.notes, ["/data: ReadWritePaths has no effect on it, as it is not below RootDirectory"]);
}

#[test]
fn a_restriction_that_would_hold_for_nothing_is_refused() {
    for line in ["ReadOnlyPaths=/etc", "InaccessiblePaths=/srv/other", "NoExecPaths=/"] {
        let draft = draft(&["RootDirectory=/srv/root", line]);
        let faults = Plan::new(&draft, &root(), Vec::new()).expect_err(line);
        assert!(faults.len() == 1 && faults[0].message.contains("has no effect on /"), "{faults:?}");
    }
    for line in ["ReadOnlyPaths=-/etc", "ReadOnlyPaths=+/etc", "ReadOnlyPaths=/srv/root/etc", "ExecPaths=/usr"] {
        assert!(Plan::new(&draft(&["RootDirectory=/srv/root", line]), &root(), Vec::new()).is_ok(), "{line}");
    }
}

#[test]
fn an_empty_root_holds_what_is_bound() {
    let lines = ["TemporaryFileSystem=/:ro", "BindReadOnlyPaths=/usr"];
    assert_eq!(
        shown(&user(), &lines),
        [
            "take a read-only copy of /usr, recursively",
            "make a tmpfs the root (0755, nodev, size=10%, nr_inodes=400k)",
            "mount the copy of /usr on /usr",
            "make / read-only",
        ]
    );
}

#[test]
fn a_new_proc_keeps_masks_and_needs_privileges() {
    let host = Host { points: vec!["/proc/kcore".into()], ..root() };
    assert_eq!(
        shown(&host, &["ProtectProc=invisible", "ProcSubset=pid"]),
        [
            "keep mounts from propagating to the host",
            "take a copy of /proc/kcore, recursively",
            "mount procfs on /proc (hidepid=invisible, subset=pid)",
            "mount the copy of /proc/kcore on /proc/kcore",
        ]
    );
    let refused = planned(&user(), &["ProtectProc=invisible"]);
    assert!(refused.steps.is_empty());
    assert_eq!(refused.faults.len(), 1);
    assert_eq!(refused.faults[0].exit, Exit::Namespace);
}

#[test]
fn a_new_sysfs_carries_along_what_was_mounted_on_the_old_one() {
    let mut draft = draft(&["ProtectKernelTunables=yes"]);
    draft.mounts.retain(|ask| ask.what.path.starts_with("/sys"));
    let by = By { directive: "PrivateNetwork", origin: None };
    let what = MountAsk { path: "/sys".into(), view: View::Sysfs, optional: true, rooted: true };
    draft.mounts.push(crate::draft::Asked { what, by });
    let points = ["/sys", "/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/kernel/security"].map(PathBuf::from).to_vec();
    let host = Host { points, ..user() };
    assert!(draft.needs_mount_table());
    let lines: Vec<String> = planned_from(&host, &draft).steps.iter().map(|step| op(step).to_string()).collect();
    assert_eq!(
        lines,
        [
            "take a copy of /sys/fs/cgroup, recursively",
            "take a read-only copy of /sys/kernel/security, recursively",
            "mount sysfs on /sys",
            "take a copy of /sys/fs/selinux, recursively",
            "make /sys read-only, recursively",
            "mount the copy of /sys/fs/cgroup on /sys/fs/cgroup",
            "mount the copy of /sys/fs/selinux on /sys/fs/selinux",
            "mount the copy of /sys/kernel/security on /sys/kernel/security",
        ]
    );
}

#[test]
fn what_covers_are_made_from_is_put_away_where_nobody_sees_it() {
    let under = |host: &Host, lines: &[&str]| match op(planned(host, lines).steps.last().expect("steps")) {
        MountOp::Uncover { under } => under.clone(),
        other => panic!("{other} comes last"),
    };
    assert_eq!(under(&user(), &["ProtectHome=yes", "ProtectKernelLogs=yes"]), None);
    assert_eq!(under(&user(), &["PrivateTmp=yes", "ProtectKernelLogs=yes"]), Some("/tmp".into()));
    assert_eq!(under(&user(), &["ProtectKernelTunables=yes"]), Some("/proc/sys".into()));
    assert_eq!(under(&user(), &["BindPaths=/a", "InaccessiblePaths=/b"]), None);
}

#[test]
fn private_devices_have_no_kernel_log_to_hide() {
    let lines = shown(&user(), &["PrivateDevices=yes", "ProtectKernelLogs=yes", "BindPaths=/dev/fuse"]);
    assert_eq!(
        lines,
        [
            "build a /dev with pseudo devices only",
            "take a copy of /dev/fuse, recursively",
            "mount the built /dev on /dev",
            "mount the copy of /dev/fuse on /dev/fuse",
            "cover /proc/kmsg by something without permissions",
            "put away what the covers were made from",
            "make /dev read-only",
        ]
    );
}

#[test]
fn the_root_cannot_be_hidden() {
    assert_eq!(planned(&user(), &["InaccessiblePaths=/"]).faults.len(), 1);
}

/// The path that a step changes.
fn place(op: &MountOp) -> Option<&std::path::Path> {
    match op {
        MountOp::Attach { path, .. }
        | MountOp::New { path, .. }
        | MountOp::Devices { path }
        | MountOp::Restrict { path, recursive: true, .. }
        | MountOp::Hide { path, .. } => Some(path),
        _ => None,
    }
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    fn path() -> impl Strategy<Value = String> {
        proptest::collection::vec(prop_oneof!["a", "b", "c"], 1..4).prop_map(|parts| format!("/{}", parts.join("/")))
    }

    fn line() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            Just("ReadWritePaths"),
            Just("ReadOnlyPaths"),
            Just("InaccessiblePaths"),
            Just("NoExecPaths"),
            Just("ExecPaths"),
            Just("TemporaryFileSystem"),
            Just("BindPaths"),
            Just("BindReadOnlyPaths"),
        ];
        (name, path()).prop_map(|(name, path)| format!("{name}={path}"))
    }

    /// What the steps make of a path: hidden, read-only, noexec. The last step that covers it says.
    fn outcome(steps: &[Step], path: &std::path::Path) -> (bool, bool, bool) {
        let mut taken = std::collections::HashMap::new();
        let mut now = (false, false, false);
        for step in steps {
            match op(step) {
                MountOp::Take { slot, limits, .. } => drop(taken.insert(*slot, *limits)),
                MountOp::Attach { slot, path: at, .. } if path.starts_with(at) => {
                    let limits = taken[slot];
                    now = (false, limits.read_only, limits.no_exec);
                }
                MountOp::New { what: New::Tmpfs(tmpfs), path: at, .. } if path.starts_with(at) => {
                    now = (false, tmpfs.read_only, tmpfs.no_exec);
                }
                MountOp::Restrict { path: at, limits, recursive, .. }
                    if path.starts_with(at) && (*recursive || path == at) =>
                {
                    now = (now.0, now.1 || limits.read_only, now.2 || limits.no_exec);
                }
                MountOp::Hide { path: at, .. } if path.starts_with(at) => now = (true, true, true),
                _ => {}
            }
        }
        now
    }

    proptest! {
        #[test]
        fn every_step_has_somebody_who_asked(lines in proptest::collection::vec(line(), 1..8)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            for step in planned(&root(), &lines).steps {
                prop_assert!(!step.by.is_empty());
            }
        }

        #[test]
        fn nothing_is_changed_above_what_was_put_in_place(lines in proptest::collection::vec(line(), 1..8)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let steps = planned(&user(), &lines).steps;
            let places: Vec<_> = steps.iter().filter_map(|step| place(op(step)).map(|at| (at, op(step)))).collect();
            for (index, (at, _)) in places.iter().enumerate() {
                for (later, op) in &places[index + 1..] {
                    // What is hidden comes last, and nothing is in it.
                    let above = at.starts_with(later) && at != later;
                    prop_assert!(!above, "{later:?} is changed after {at:?}: {op}");
                }
            }
        }

        #[test]
        fn nothing_is_put_below_what_is_hidden(lines in proptest::collection::vec(line(), 1..8)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let steps = planned(&user(), &lines).steps;
            let hidden = |step: &Step| match op(step) { MountOp::Hide { path, .. } => Some(path.clone()), _ => None };
            for hidden in steps.iter().filter_map(hidden) {
                for step in &steps {
                    if let Some(at) = place(op(step)) {
                        prop_assert!(!at.starts_with(&hidden) || at == hidden);
                    }
                }
            }
        }

        #[test]
        fn the_deepest_wish_holds(lines in proptest::collection::vec(line(), 1..8), probe in path()) {
            let words: Vec<&str> = lines.iter().map(String::as_str).collect();
            let steps = planned(&user(), &words).steps;
            let (hidden, read_only, no_exec) = outcome(&steps, std::path::Path::new(&probe));
            let at = |name: &str, path: &str| lines.iter().any(|line| *line == format!("{name}={path}"));
            let mut above: Vec<&str> = (1..=probe.len()).filter(|end| probe[*end..].is_empty() || probe[*end..].starts_with('/')).map(|end| &probe[..end]).collect();
            above.reverse();
            let expected_hidden = above.iter().any(|path| at("InaccessiblePaths", path))
                && !above.iter().any(|path| above.iter().any(|up| up.len() < path.len() && at("TemporaryFileSystem", up) && !at("BindPaths", up) && !at("BindReadOnlyPaths", up)) && at("InaccessiblePaths", path));
            if expected_hidden {
                prop_assert!(hidden);
                return Ok(());
            }
            prop_assume!(!hidden);
            // From the inside out: the first wish that says something about writing decides.
            let writing = above.iter().find_map(|path| {
                if at("ReadOnlyPaths", path) || (at("BindReadOnlyPaths", path) && !at("BindPaths", path) && !at("ReadWritePaths", path)) { Some(true) }
                else if at("ReadWritePaths", path) || at("BindPaths", path) || at("TemporaryFileSystem", path) { Some(false) }
                else { None }
            });
            let fresh = above.iter().any(|path| at("TemporaryFileSystem", path));
            let bound = above.iter().any(|path| at("BindPaths", path) && at("BindReadOnlyPaths", path));
            if !fresh && !bound {
                prop_assert_eq!(read_only, writing.unwrap_or(false));
            }
            let executing = above.iter().find_map(|path| {
                if at("NoExecPaths", path) { Some(true) } else if at("ExecPaths", path) { Some(false) } else { None }
            });
            if !fresh {
                prop_assert_eq!(no_exec, executing.unwrap_or(false));
            }
        }
    }
}
