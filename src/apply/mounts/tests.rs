//! The kernel's answers. Each test works in a mount namespace of its own, made for its thread
//! alone, so that the machine's tree is never touched. As root they run where they are; anybody
//! else, and the test that is about it, runs them inside a user namespace.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, unshare};

use crate::draft::capabilities::CapSet;
use crate::draft::mounts::{MountAsk, View};
use crate::draft::{Asked, By, Draft};
use crate::fault::{Origin, Source};
use crate::host::Host;
use crate::plan::Planner;
use crate::plan::op::Op;
use crate::policy::Policy;
use crate::text::{Document, Entry, Kind, Value};

use super::*;

/// Set for tests that run in a user namespace.
const NESTED: &str = "STOCKADE_TEST_NESTED";

fn nested() -> bool {
    std::env::var_os(NESTED).is_some()
}

/// Runs the body in a thread with a mount namespace of its own. The name is the test's.
fn alone(name: &str, body: fn()) {
    if !nix::unistd::geteuid().is_root() && !nested() {
        return again_in_user_namespace(&format!("apply::mounts::tests::{name}"), None);
    }
    let run = move || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let flags = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        mount(None::<&CStr>, c"/", None::<&CStr>, flags, None::<&CStr>).expect("private");
        body();
    };
    std::thread::spawn(run).join().expect("the test passes");
}

/// Runs tests again as the (other) user, root in a user namespace.
fn again_in_user_namespace(filter: &str, user: Option<u32>) {
    // Where other users can execute it.
    static COPIES: AtomicU32 = AtomicU32::new(0);
    let copy = COPIES.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("stockade-nested-{}-{copy}", std::process::id()));
    fs::create_dir(&directory).expect("a directory");
    let program = directory.join("tests");
    fs::copy(std::env::current_exe().expect("this program"), &program).expect("a copy");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("permissions");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--"]).arg(&program);
    command.args([filter, "--test-threads=1", "--skip", "unprivileged"]).env(NESTED, "1").current_dir("/");
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let output = command.output().expect("unshare(1) of util-linux");
    fs::remove_dir_all(&directory).expect("removed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !text.contains(" 0 passed"), "{text}");
}

#[test]
fn unprivileged_users_get_the_same_in_a_user_namespace() {
    if nix::unistd::geteuid().is_root() {
        again_in_user_namespace("apply::mounts::tests::", Some(1001));
    } else {
        again_in_user_namespace("apply::mounts::tests::", None);
    }
}

/// A scratch directory in memory, away from every path that policies are about.
fn scratch() {
    let data = Some(c"mode=755");
    mount(Some(c"tmpfs"), c"/mnt", Some(c"tmpfs"), MsFlags::empty(), data).expect("a tmpfs on /mnt");
}

fn host() -> Host {
    let effective = if nested() { CapSet::EMPTY } else { CapSet::all() };
    let release = nix::sys::utsname::uname().expect("uname");
    let release = release.release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().expect("a number"));
    let release = (numbers.next().expect("major"), numbers.next().expect("minor"));
    Host { release, effective, directory: "/mnt".into(), home: "/root".into(), ..Host::default() }
}

fn ops_on(host: &Host, lines: &[&str]) -> Vec<MountOp> {
    let (ops, faults) = planned_on(host, lines);
    assert_eq!(faults, []);
    ops
}

fn planned_on(host: &Host, lines: &[&str]) -> (Vec<MountOp>, Vec<Fault>) {
    planned_from(host, &draft(lines))
}

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

fn planned_from(host: &Host, draft: &Draft) -> (Vec<MountOp>, Vec<Fault>) {
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
    crate::plan::mounts::plan(&mut planner);
    let mut steps = planner.steps;
    steps.sort_by_key(|step| step.phase);
    let op = |op| match op {
        Op::Mount(op) => op,
        other => panic!("{other:?}"),
    };
    (steps.into_iter().map(|step| op(step.op)).collect(), planner.faults)
}

/// Performs the policy in this thread's namespace.
fn try_with(lines: &[&str], old: bool) -> Result<(), (String, Errno)> {
    perform(&ops_on(&host(), lines), old)
}

fn perform(ops: &[MountOp], old: bool) -> Result<(), (String, Errno)> {
    let acts: Vec<Act> = ops.iter().map(|op| ready(op).expect("ready")).collect();
    let mut state = State::new(ops.iter());
    if old {
        state = state.old();
    }
    for (op, act) in ops.iter().zip(&acts) {
        act.perform(&mut state).map_err(|errno| (op.to_string(), errno))?;
    }
    Ok(())
}

fn with(lines: &[&str]) {
    try_with(lines, false).expect("performed");
}

/// What comes of opening a path for writing.
fn write(path: &str) -> Result<(), ErrorKind> {
    fs::OpenOptions::new().append(true).create(true).open(path).map(drop).map_err(|error| error.kind())
}

const READ_ONLY: Result<(), ErrorKind> = Err(ErrorKind::ReadOnlyFilesystem);

fn tmpfs(path: &str) {
    fs::create_dir_all(path).expect("a directory");
    mount(Some(c"tmpfs"), path, Some(c"tmpfs"), MsFlags::MS_NODEV, None::<&CStr>).expect("a tmpfs");
}

#[test]
fn strict_is_read_only_also_on_submounts() {
    alone("strict_is_read_only_also_on_submounts", || {
        scratch();
        tmpfs("/mnt/sub");
        tmpfs("/mnt/sub/deep");
        fs::create_dir_all("/mnt/kept").expect("a directory");
        assert_eq!(write("/mnt/sub/deep/before"), Ok(()));
        with(&["ProtectSystem=strict", "PrivateTmp=yes", "ReadWritePaths=/mnt/kept"]);
        for path in ["/etc/x", "/mnt/x", "/mnt/sub/x", "/mnt/sub/deep/x"] {
            assert_eq!(write(path), READ_ONLY, "{path}");
        }
        assert_eq!(write("/mnt/kept/x"), Ok(()));
        assert_eq!(write("/tmp/x"), Ok(()));
        assert_eq!(fs::metadata("/tmp").expect("there").mode() & 0o7777, 0o1777);
        assert_eq!(write("/dev/null"), Ok(()));
    });
}

#[test]
fn before_mount_setattr_it_is_the_same() {
    alone("before_mount_setattr_it_is_the_same", || {
        scratch();
        tmpfs("/mnt/sub");
        tmpfs("/mnt/sub/with space");
        tmpfs("/mnt/ro");
        fs::create_dir_all("/mnt/sub/kept").expect("a directory");
        let lines = [
            "ProtectSystem=strict",
            "ProtectHome=tmpfs",
            "ReadWritePaths=/mnt/sub/kept",
            "BindReadOnlyPaths=/mnt/sub:/mnt/ro",
            "NoExecPaths=/mnt/sub",
        ];
        try_with(&lines, true).expect("performed");
        for path in ["/etc/x", "/mnt/x", "/mnt/sub/x", "/mnt/sub/with space/x", "/mnt/ro/x", "/mnt/ro/with space/x"] {
            assert_eq!(write(path), READ_ONLY, "{path}");
        }
        assert_eq!(write("/mnt/sub/kept/x"), Ok(()));
        let table = fs::read_to_string("/proc/thread-self/mountinfo").expect("the table");
        let line = |point: &str| {
            let found = table.lines().rfind(|line| line.split(' ').nth(4) == Some(point));
            found.unwrap_or_else(|| panic!("{point} in {table}")).split(' ').nth(5).expect("options").to_owned()
        };
        // The flags that were there are kept.
        for point in ["/mnt/sub", "/mnt/sub/with\\040space"] {
            assert!(line(point).starts_with("ro,nodev,noexec"), "{point}: {}", line(point));
        }
        assert!(line("/mnt/sub/kept").starts_with("rw,nodev,noexec"), "{}", line("/mnt/sub/kept"));
    });
}

#[test]
fn a_new_root_works_before_mount_setattr() {
    alone("a_new_root_works_before_mount_setattr", || {
        scratch();
        fs::create_dir_all("/mnt/root/data").expect("a directory");
        let lines = ["RootDirectory=/mnt/root", "ProtectSystem=strict", "ReadWritePaths=+/data"];
        try_with(&lines, true).expect("performed");
        assert_eq!(write("/x"), READ_ONLY);
        assert_eq!(write("/data/x"), Ok(()));
    });
}

#[test]
fn homes_are_hidden() {
    alone("homes_are_hidden", || {
        scratch();
        fs::write("/mnt/secret", "secret").expect("written");
        fs::create_dir_all("/mnt/dir/in").expect("a directory");
        with(&["ProtectHome=yes", "InaccessiblePaths=/mnt/secret /mnt/dir -/mnt/none"]);
        for path in ["/home", "/root", "/mnt/dir"] {
            let found = fs::metadata(path).expect("still named");
            assert_eq!((found.mode() & 0o777, found.is_dir()), (0, true), "{path}");
        }
        assert_eq!(fs::metadata("/mnt/secret").expect("still named").len(), 0);
        if !nested() {
            // Without the right to override modes nothing can be opened.
            let read = |path: &str| Command::new("/bin/cat").arg(path).uid(65534).gid(65534).output().expect("cat");
            let secret = read("/mnt/secret");
            assert!(String::from_utf8_lossy(&secret.stderr).contains("Permission denied"), "{secret:?}");
            assert!(String::from_utf8_lossy(&read("/mnt/dir/in").stderr).contains("Permission denied"));
        }
        assert!(fs::metadata("/mnt/dir/in").is_err());
        assert_eq!(write("/mnt/secret"), READ_ONLY);
        assert!(fs::write("/mnt/dir/new", "").is_err());
        // Empty also for who may override modes.
        for path in ["/home", "/root", "/mnt/dir"] {
            assert_eq!(fs::read_dir(path).expect("overridden").count(), 0, "{path}");
        }
    });
}

#[test]
fn covers_can_be_copied_from_an_attached_mount() {
    alone("covers_can_be_copied_from_an_attached_mount", || {
        scratch();
        fs::write("/mnt/secret", "secret").expect("written");
        let before = fs::read_to_string("/proc/thread-self/mountinfo").expect("the table");
        fs::create_dir("/mnt/zdir").expect("a directory");
        let lines = ["InaccessiblePaths=/mnt/secret /mnt/zdir"];
        perform(&ops_on(&Host { release: (5, 10), ..host() }, &lines), true).expect("performed");
        assert_eq!(fs::metadata("/mnt/secret").expect("named").len(), 0);
        assert_eq!(write("/mnt/secret"), READ_ONLY);
        assert_eq!(fs::read_dir("/mnt/zdir").expect("overridden").count(), 0);
        let after = fs::read_to_string("/proc/thread-self/mountinfo").expect("the table");
        assert_eq!(after.lines().count(), before.lines().count() + 2, "{after}");
    });
}

#[test]
fn a_name_that_leads_into_a_later_mount_is_hidden_there() {
    alone("a_name_that_leads_into_a_later_mount_is_hidden_there", || {
        scratch();
        for path in ["/mnt/a/b", "/mnt/other"] {
            fs::create_dir_all(path).expect("a directory");
            fs::write(format!("{path}/secret"), "secret").expect("written");
        }
        symlink("/mnt/a/b/secret", "/mnt/link").expect("a link");
        with(&["InaccessiblePaths=/mnt/link", "BindPaths=/mnt/other:/mnt/a/b"]);
        assert_eq!(fs::metadata("/mnt/a/b/secret").expect("named").len(), 0);
    });
}

fn restricted_by_links(old: bool) {
    scratch();
    for path in ["/mnt/a", "/mnt/other", "/mnt/real", "/mnt/z"] {
        fs::create_dir_all(path).expect("a directory");
    }
    for (name, to) in [("/mnt/a/link", "/mnt/real"), ("/mnt/later", "/mnt/z"), ("/mnt/a/dangling", "/nowhere")] {
        symlink(to, name).expect("a link");
    }
    let lines = ["ReadOnlyPaths=/mnt/a /mnt/a/link -/mnt/a/dangling /mnt/later", "BindPaths=/mnt/other:/mnt/z"];
    try_with(&lines, old).expect("performed");
    for path in ["/mnt/a/x", "/mnt/real/x", "/mnt/z/x"] {
        assert_eq!(write(path), READ_ONLY, "{path}");
    }
    assert_eq!(write("/mnt/other/x"), Ok(()), "its other name is as it was");
}

#[test]
fn what_a_name_leads_to_is_restricted_although_the_name_is_already() {
    let name = "what_a_name_leads_to_is_restricted_although_the_name_is_already";
    alone(name, || restricted_by_links(false));
    alone(name, || restricted_by_links(true));
}

#[test]
fn no_link_leads_out_of_a_new_root() {
    alone("no_link_leads_out_of_a_new_root", || {
        scratch();
        tmpfs("/mnt/outside");
        for path in ["/mnt/root/tmp/x", "/mnt/root/run", "/mnt/root/var", "/mnt/outside/x"] {
            fs::create_dir_all(path).expect("a directory");
        }
        symlink("/tmp/x", "/mnt/root/proc").expect("a link");
        symlink("/run", "/mnt/root/var/run").expect("a link");
        symlink("/mnt/outside", "/mnt/root/out").expect("a link");
        symlink("../../../../mnt/outside", "/mnt/root/up").expect("a link");
        fs::write("/mnt/data", "data").expect("written");
        with(&["RootDirectory=/mnt/root", "BindPaths=/mnt/data:/var/run/made/data", "BindPaths=/mnt/data:/tmp/file"]);
        // /proc was a link: what is mounted there is where it leads inside.
        assert!(fs::metadata("/tmp/x/self/status").is_ok());
        assert_eq!(fs::read_to_string("/run/made/data").expect("bound"), "data");
        assert!(fs::metadata("/out").is_err() && fs::metadata("/up").is_err(), "leads out");
        assert_eq!(fs::read_dir("/..").expect("the root").count(), fs::read_dir("/").expect("the root").count());
        assert!(fs::metadata("/mnt").is_err());
    });
}

#[test]
fn mount_points_that_lead_out_fail_inside() {
    alone("mount_points_that_lead_out_fail_inside", || {
        scratch();
        tmpfs("/mnt/outside");
        for path in ["/mnt/root", "/mnt/keep"] {
            fs::create_dir_all(path).expect("a directory");
        }
        symlink("/mnt/outside", "/mnt/root/out").expect("a link");
        let outside = fs::File::open("/mnt/outside").expect("opened");
        let failed = try_with(&["RootDirectory=/mnt/root", "BindPaths=/mnt/keep:/out/made"], false);
        assert_eq!(failed.map_err(|(_, errno)| errno), Err(Errno::ENOENT));
        // Nothing was made outside: only `.` and `..` are there.
        let mut dir = nix::dir::Dir::from_fd(outside.into()).expect("a directory");
        assert_eq!(dir.iter().count(), 2);
    });
}

#[test]
fn a_tmpfs_is_closed_after_what_is_nested() {
    alone("a_tmpfs_is_closed_after_what_is_nested", || {
        scratch();
        for path in ["/mnt/t", "/mnt/src"] {
            fs::create_dir_all(path).expect("a directory");
        }
        fs::write("/mnt/src/file", "").expect("written");
        with(&["TemporaryFileSystem=/mnt/t:ro,mode=700", "BindPaths=/mnt/src:/mnt/t/a/b /mnt/src/file:/mnt/t/file"]);
        assert_eq!(write("/mnt/t/x"), READ_ONLY);
        assert_eq!(write("/mnt/t/a/x"), READ_ONLY);
        assert_eq!(write("/mnt/t/a/b/x"), Ok(()));
        assert_eq!(write("/mnt/t/file"), Ok(()));
        assert_eq!(fs::metadata("/mnt/t").expect("there").mode() & 0o7777, 0o700);
        assert_eq!(fs::metadata("/mnt/t/a").expect("there").mode() & 0o7777, 0o755);
    });
}

#[test]
fn an_empty_root_shows_only_what_is_bound() {
    alone("an_empty_root_shows_only_what_is_bound", || {
        with(&["TemporaryFileSystem=/:ro", "BindReadOnlyPaths=/usr", "PrivateDevices=yes"]);
        let mut names: Vec<_> =
            fs::read_dir("/").expect("the root").map(|entry| entry.expect("entry").file_name()).collect();
        names.sort();
        assert_eq!(names, ["dev", "usr"]);
        assert_eq!(write("/x"), READ_ONLY);
        assert_eq!(write("/usr/x"), READ_ONLY);
    });
}

#[test]
fn devices_work() {
    alone("devices_work", || {
        mount(Some(c"tmpfs"), c"/dev/shm", Some(c"tmpfs"), MsFlags::empty(), None::<&CStr>).expect("a tmpfs");
        with(&["PrivateDevices=yes", "ProtectSystem=strict"]);
        // As a shell's `>` does it, also as somebody else.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo > /dev/null && head -c1 /dev/urandom > /dev/null && ! echo > /dev/full"]);
        if !nested() {
            command.uid(65534).gid(65534);
        }
        let output = command.output().expect("sh");
        assert!(output.status.success(), "{output:?}");
        for name in ["null", "zero", "full", "random", "urandom", "tty", "ptmx"] {
            let found = fs::metadata(format!("/dev/{name}")).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(found.file_type().is_char_device() && found.mode() & 0o777 == 0o666, "{name}");
        }
        assert!(fs::metadata("/dev/kmsg").is_err());
        assert!(fs::read_dir("/dev/pts").expect("terminals").count() > 0);
        assert_eq!(write("/dev/x"), READ_ONLY);
        assert_eq!(fs::metadata("/dev").expect("there").mode() & 0o7777, 0o755);
        assert_eq!(fs::read_link("/dev/stdin").expect("a link"), PathBuf::from("/proc/self/fd/0"));
        assert_eq!(write("/dev/shm/stockade-test"), Ok(()));
    });
}

#[test]
fn a_missing_path_is_named() {
    alone("a_missing_path_is_named", || {
        scratch();
        for line in [
            "ReadOnlyPaths=/mnt/none",
            "ReadWritePaths=/mnt/none",
            "InaccessiblePaths=/mnt/none",
            "BindPaths=/mnt/none",
        ] {
            let failed = try_with(&[line], false).expect_err("missing");
            assert!(failed.0.contains("/mnt/none") && failed.1 == Errno::ENOENT, "{failed:?}");
            let op = ops_on(&host(), &[line]).pop().expect("an operation");
            assert!(matches!(op, MountOp::Uncover { .. }) || hint(&op, failed.1).is_some(), "{op}");
            try_with(&[&line.replace("=/", "=-/")], false).expect("may be missing");
        }
    });
}

#[test]
fn nothing_can_be_executed_but_where_it_is_allowed() {
    alone("nothing_can_be_executed_but_where_it_is_allowed", || {
        scratch();
        fs::create_dir_all("/mnt/ok").expect("a directory");
        for path in ["/mnt/true", "/mnt/ok/true"] {
            fs::copy("/bin/true", path).expect("a copy");
        }
        tmpfs("/mnt/sub");
        fs::copy("/bin/true", "/mnt/sub/true").expect("a copy");
        with(&["NoExecPaths=/mnt", "ExecPaths=/mnt/ok", "TemporaryFileSystem=/mnt/new:mode=1777"]);
        fs::copy("/bin/true", "/mnt/new/true").expect("a copy");
        let run = |path: &str| Command::new(path).status().map(|status| status.success()).map_err(|error| error.kind());
        assert_eq!(run("/mnt/ok/true"), Ok(true));
        for path in ["/mnt/true", "/mnt/sub/true", "/mnt/new/true"] {
            assert_eq!(run(path), Err(ErrorKind::PermissionDenied), "{path}");
        }
    });
}

#[test]
fn tunables_are_read_only_and_processes_are_not() {
    alone("tunables_are_read_only_and_processes_are_not", || {
        let core = ["/proc/kcore", "/proc/kallsyms"].into_iter().filter(|path| fs::metadata(path).is_ok());
        let core: Vec<&str> = core.collect();
        assert!(!core.is_empty());
        with(&["ProtectKernelTunables=yes", "ProtectControlGroups=yes", "ProtectHostname=yes"]);
        for path in ["/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"] {
            if fs::metadata(path).is_ok() {
                let opened = fs::OpenOptions::new().write(true).open(path).map(drop).map_err(|error| error.kind());
                assert!(matches!(opened, Err(ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)), "{path}");
                assert!(nested() || opened == READ_ONLY, "{path}: {opened:?}");
            }
        }
        assert_eq!(fs::create_dir("/sys/fs/cgroup/stockade").map_err(|error| error.kind()), READ_ONLY);
        fs::write("/proc/thread-self/comm", "renamed").expect("a process may be changed");
        for path in core {
            assert_eq!(fs::metadata(path).expect("named").mode() & 0o777, 0, "{path}");
        }
    });
}

#[test]
fn a_bind_does_not_lift_what_is_locked() {
    alone("a_bind_does_not_lift_what_is_locked", || {
        scratch();
        tmpfs("/mnt/ro");
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        mount(None::<&CStr>, "/mnt/ro", None::<&CStr>, flags, None::<&CStr>).expect("read-only");
        with(&["ProtectSystem=strict", "ReadWritePaths=/mnt/ro", "BindPaths=/mnt/ro:/mnt/made"]);
        assert_eq!(write("/mnt/ro/x"), READ_ONLY);
        assert_eq!(write("/mnt/made/x"), READ_ONLY);
    });
}

#[test]
fn a_new_proc_hides_processes() {
    alone("a_new_proc_hides_processes", || {
        if nested() {
            let (ops, faults) = planned_on(&host(), &["ProtectProc=invisible"]);
            assert!(ops.is_empty() && faults[0].exit == Exit::Namespace, "{faults:?}");
            return;
        }
        with(&["ProtectProc=invisible", "ProcSubset=pid"]);
        assert!(fs::metadata("/proc/cpuinfo").is_err());
        let output = Command::new("/bin/ls").arg("/proc").uid(65534).gid(65534).output().expect("ls");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(text.lines().filter(|line| line.parse::<u32>().is_ok()).count(), 1, "{text}");
    });
}

#[test]
fn the_hosts_table_stays_as_it_was() {
    let table = || fs::read_to_string("/proc/self/mountinfo").expect("the table");
    let before = table();
    alone("the_hosts_table_stays_as_it_was", || {
        scratch();
        with(&["ProtectSystem=strict", "ProtectHome=yes", "PrivateDevices=yes", "PrivateTmp=yes"]);
        // Killed half-way it would be the same: everything is the namespace's, and goes with it.
    });
    assert_eq!(table(), before);
}

#[test]
fn new_file_systems_of_own_namespaces() {
    alone("new_file_systems_of_own_namespaces", || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC).expect("namespaces");
        fs::create_dir_all("/dev/shm").expect("there");
        let mut draft = draft(&["PrivateDevices=yes", "ProtectKernelTunables=yes", "ProtectControlGroups=strict"]);
        for (path, view) in [("/sys", View::Sysfs), ("/dev/mqueue", View::Mqueue)] {
            let what = MountAsk { path: path.into(), view, optional: true, rooted: true };
            draft.mounts.push(Asked { what, by: By { directive: "PrivateNetwork", origin: None } });
        }
        unshare(CloneFlags::CLONE_NEWCGROUP).expect("a namespace");
        let (ops, faults) = planned_from(&host(), &draft);
        assert_eq!(faults, []);
        perform(&ops, false).expect("performed");
        let mut cards: Vec<_> =
            fs::read_dir("/sys/class/net").expect("sysfs").map(|card| card.expect("card").file_name()).collect();
        cards.retain(|card| card != "lo");
        let others = [
            "sit0",
            "ip6tnl0",
            "tunl0",
            "gre0",
            "gretap0",
            "erspan0",
            "ip_vti0",
            "ip6_vti0",
            "ip6gre0",
            "bonding_masters",
        ];
        assert!(cards.iter().all(|card| others.iter().any(|other| card == other)), "{cards:?}");
        assert!(fs::metadata("/dev/mqueue").expect("there").is_dir());
        let table = fs::read_to_string("/proc/thread-self/mountinfo").expect("the table");
        assert!(table.lines().any(|line| line.contains(" /dev/mqueue ") && line.contains("- mqueue ")), "{table}");
        assert!(
            table.lines().any(|line| line.contains(" /sys/fs/cgroup ro") && line.contains("- cgroup2 ")),
            "{table}"
        );
        assert_eq!(fs::create_dir("/sys/fs/cgroup/x").map_err(|error| error.kind()), READ_ONLY);
    });
}
