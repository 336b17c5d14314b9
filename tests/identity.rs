//! What the kernel says of a process that became what its policy says: ids, capability sets,
//! limits, Landlock. As root; each case runs both as root and as nobody where both mean something.

#![allow(unsafe_code)] // Only a process between fork and exec can be made into something else.
#![allow(missing_docs)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::Mode;
use stockade::apply::Ready;
use stockade::draft::capabilities::CapSet;
use stockade::draft::identity::UserNamespace;
use stockade::draft::{Asked, By};
use stockade::fault::{Fault, Origin, Source};
use stockade::host::{Account, Host, User};
use stockade::plan::Plan;
use stockade::plan::op::Op;
use stockade::policy::Policy;
use stockade::text::{Document, Entry, Kind, Value};

const NOBODY: u32 = 65534;

/// The policy that these directives make.
fn policy(directives: &[(&str, &str)]) -> Policy {
    let mut document = Document::default();
    for (name, text) in directives {
        let source = Arc::new(Source { name: "-p".into(), text: format!("{name}={text}") });
        let at = Origin::new(&source, 0..name.len());
        let value = Value { kind: Kind::Text((*text).into()), at: at.clone() };
        document.entries.push(Entry { name: (*name).into(), at, value });
    }
    Policy::read(&document).expect("a good policy")
}

fn status_of(text: &str, field: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field} in {text}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// This machine, seen by a caller with this uid; root's capabilities are those of this process.
fn host(uid: u32) -> Host {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let set = |field: &str| CapSet(u64::from_str_radix(&status_of(&status, field), 16).expect("hexadecimal"));
    assert_eq!(status_of(&status, "Uid"), "0 0 0 0", "these tests need root");
    let nobody = User {
        name: "nobody".into(),
        gid: NOBODY,
        home: "/nonexistent".into(),
        shell: "/usr/sbin/nologin".into(),
        groups: Vec::new(),
    };
    Host {
        release: (6, 18),
        pid: std::process::id(),
        uid,
        gid: uid,
        effective: if uid == 0 { set("CapEff") } else { CapSet::EMPTY },
        landlock: 7,
        home: "/root".into(),
        directory: "/".into(),
        accounts: vec![Account { word: "nobody".into(), is_user: true, id: Some(NOBODY), user: Some(nobody) }],
        ..Host::default()
    }
}

fn plan(host: &Host, directives: &[(&str, &str)]) -> Result<Plan, Vec<Fault>> {
    Plan::new(&policy(directives).draft(), host, Vec::new())
}

/// A command that becomes what the plan says before it is executed.
fn become_target(host: &Host, directives: &[(&str, &str)], argv: &[&str]) -> Command {
    let mut plan = plan(host, directives).expect("a plan");
    if !directives.iter().any(|(name, _)| *name == "Descriptors.Pass") {
        // std reports what fails before exec through a descriptor that this would close.
        plan.steps.retain(|step| !matches!(step.op, Op::Descriptors { .. }));
    }
    command(host, &plan, argv)
}

fn command(host: &Host, plan: &Plan, argv: &[&str]) -> Command {
    command_after(host, plan, argv, || Ok(()))
}

fn command_after(host: &Host, plan: &Plan, argv: &[&str], before: fn() -> nix::Result<()>) -> Command {
    let mut ready = Ready::new(plan).expect("a plan that can be carried out");
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).env("PATH", "/usr/bin:/bin").current_dir("/").stdin(Stdio::null());
    if host.uid != 0 {
        command.uid(host.uid).gid(host.gid);
    }
    // SAFETY: the closure makes system calls only; what the Landlock library allocates comes from
    // glibc, whose malloc works in the child of a fork.
    unsafe {
        command.pre_exec(move || {
            // A change of the user without exec makes the process's files in /proc root's.
            nix::sys::prctl::set_dumpable(true)?;
            before()?;
            ready.run().map_err(|failure| std::io::Error::from_raw_os_error(failure.errno as i32))
        });
    }
    command
}

fn run(host: &Host, directives: &[(&str, &str)], argv: &[&str]) -> Output {
    become_target(host, directives, argv).output().unwrap_or_else(|error| panic!("{directives:?}: {error}"))
}

/// Fields of the target's /proc/self/status.
fn status<const N: usize>(host: &Host, directives: &[(&str, &str)], fields: [&str; N]) -> [String; N] {
    let output = run(host, directives, &["/bin/cat", "/proc/self/status"]);
    assert!(output.status.success(), "{directives:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    fields.map(|field| status_of(&text, field))
}

const SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

fn hex(bits: u64) -> String {
    format!("{bits:016x}")
}

/// The number of the last capability of this kernel and all up to it.
fn every() -> u64 {
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("procfs");
    (2 << last.trim().parse::<u64>().expect("a number")) - 1
}

const NET_BIND_SERVICE: u64 = 1 << 10;
const SYS_TIME: u64 = 1 << 25;

#[test]
fn root_becomes_nobody() {
    let fields = ["Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs"];
    let id = "65534 65534 65534 65534";
    let none = hex(0);
    let found = status(&host(0), &[("User", "nobody"), ("SupplementaryGroups", "4")], fields);
    assert_eq!(found, [id, id, "4 65534", &none, &none, &none, "0"]);
}

#[test]
fn the_callers_groups_do_not_stay() {
    let groups = |directives: &[(&str, &str)]| {
        let mut plan = plan(&host(0), directives).expect("a plan");
        plan.steps.retain(|step| !matches!(step.op, Op::Descriptors { .. }));
        let before = || nix::unistd::setgroups(&[4.into(), 27.into()]);
        let mut command = command_after(&host(0), &plan, &["/bin/grep", "^Groups", "/proc/self/status"], before);
        words(&command.output().expect("runs"))
    };
    assert_eq!(groups(&[]), "Groups: 4 27");
    assert_eq!(groups(&[("Group", "7")]), "Groups:");
    assert_eq!(groups(&[("SupplementaryGroups", "7")]), "Groups: 7");
    assert_eq!(groups(&[("User", "nobody")]), "Groups: 65534");
    assert_eq!(status(&host(0), &[("Group", "7")], ["Gid"]), ["7 7 7 7"]);
}

#[test]
fn nothing_is_left_of_any_set_when_nothing_is_asked_to_be() {
    for host in [host(0), host(NOBODY)] {
        let found = status(&host, &[("CapabilityBoundingSet", "")], SETS);
        assert_eq!(found, [(); 5].map(|()| hex(0)), "as {}", host.uid);
    }
    let found = status(&host(0), &[("CapabilityBoundingSet", ""), ("User", "nobody")], SETS);
    assert_eq!(found, [(); 5].map(|()| hex(0)));
}

#[test]
fn the_bounding_set_is_what_was_asked() {
    let own = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let has = u64::from_str_radix(&status_of(&own, "CapBnd"), 16).expect("hexadecimal");
    let found = status(&host(0), &[("CapabilityBoundingSet", "~CAP_SYS_TIME")], SETS);
    let left = hex(has & !SYS_TIME);
    assert_eq!(found, [hex(0), left.clone(), left.clone(), left, hex(0)]);
    let found = status(&host(NOBODY), &[("CapabilityBoundingSet", "~CAP_SYS_TIME")], SETS);
    assert_eq!(found, [hex(0), hex(0), hex(0), hex(every() & !SYS_TIME), hex(0)], "in a namespace of its own");
}

#[test]
fn ambient_capabilities_outlive_the_change_of_the_user() {
    let ambient = ("AmbientCapabilities", "CAP_NET_BIND_SERVICE");
    let set = hex(NET_BIND_SERVICE);
    let found = status(&host(0), &[("User", "nobody"), ambient], ["CapInh", "CapPrm", "CapEff", "CapAmb"]);
    assert_eq!(found, [(); 4].map(|()| set.clone()));
    let bounding = ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE");
    for host in [host(0), host(NOBODY)] {
        let user: &[_] = if host.uid == 0 { &[("User", "nobody"), ambient, bounding] } else { &[ambient, bounding] };
        assert_eq!(status(&host, user, SETS), [(); 5].map(|()| set.clone()), "as {}", host.uid);
    }
}

#[test]
fn what_was_kept_for_later_steps_is_gone() {
    let directives = [("User", "nobody"), ("SecureBits", "noroot noroot-locked"), ("Landlock.Scope", "signal")];
    let found = status(&host(0), &directives, ["CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs"]);
    assert_eq!(found, [hex(0), hex(0), hex(0), hex(0), "0".into()]);
}

/// The fields of the target of a root that was made something less before.
fn status_after(host: &Host, directives: &[(&str, &str)], before: fn() -> nix::Result<()>) -> [String; 5] {
    let mut plan = plan(host, directives).expect("a plan");
    plan.steps.retain(|step| !matches!(step.op, Op::Descriptors { .. }));
    let output = command_after(host, &plan, &["/bin/cat", "/proc/self/status"], before).output().expect("runs");
    let text = String::from_utf8(output.stdout).expect("text");
    SETS.map(|field| status_of(&text, field))
}

#[test]
fn nothing_is_inherited_by_the_new_user() {
    let inheritable = || {
        let set = std::iter::once(caps::Capability::CAP_CHOWN).collect();
        caps::set(None, caps::CapSet::Inheritable, &set).map_err(|_| Errno::EPERM)
    };
    assert_eq!(status_after(&host(0), &[], inheritable)[0], hex(1), "nothing asked is nothing touched");
    assert_eq!(status_after(&host(0), &[("User", "nobody")], inheritable)[..3], [hex(0), hex(0), hex(0)]);
}

#[test]
fn a_root_without_capabilities_gains_none_by_exec() {
    // A service with an empty bounding set of systemd's, but for the set itself, which is the worse case.
    let clear = || {
        caps::clear(None, caps::CapSet::Effective).map_err(|_| Errno::EPERM)?;
        caps::clear(None, caps::CapSet::Permitted).map_err(|_| Errno::EPERM)
    };
    let host = Host { effective: CapSet::EMPTY, ..host(0) };
    assert_ne!(status_after(&host, &[], clear)[1], hex(0), "exec gives root everything");
    let found = status_after(&host, &[("CapabilityBoundingSet", "")], clear);
    assert_eq!([&found[1], &found[2]], [&hex(0), &hex(0)]);
}

#[test]
fn securebits_are_those_asked_for() {
    for host in [host(0), host(NOBODY)] {
        let output = run(&host, &[("SecureBits", "noroot noroot-locked")], &["/usr/bin/setpriv", "--dump"]);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.contains("Securebits: noroot,noroot_locked"), "as {}: {text}", host.uid);
    }
}

#[test]
fn noroot_takes_roots_capabilities() {
    let found = status(&host(0), &[("SecureBits", "noroot")], ["Uid", "CapPrm", "CapEff"]);
    assert_eq!(found, ["0 0 0 0".into(), hex(0), hex(0)]);
}

#[test]
fn no_new_privs_is_on_where_it_was_asked_for_or_is_needed() {
    for host in [host(0), host(NOBODY)] {
        assert_eq!(status(&host, &[("NoNewPrivileges", "yes")], ["NoNewPrivs"]), ["1"], "as {}", host.uid);
    }
    assert_eq!(status(&host(NOBODY), &[("Landlock.Scope", "signal")], ["NoNewPrivs"]), ["1"]);
    assert_eq!(status(&host(0), &[("Landlock.Scope", "signal")], ["NoNewPrivs"]), ["0"]);
}

#[test]
fn where_no_namespace_can_be_had_no_capability_is_held_or_gained() {
    let verdict = stockade::host::Verdict::Refused { reason: "forbidden".into(), remedy: "none".into() };
    let host = Host { user_namespace: verdict, ..host(NOBODY) };
    let found = status(&host, &[("CapabilityBoundingSet", "")], ["CapPrm", "CapEff", "CapAmb", "NoNewPrivs"]);
    assert_eq!(found, [hex(0), hex(0), hex(0), "1".into()]);
}

/// PrivateUsers= is another family's row; the plan of it is ours.
fn private_plan(what: UserNamespace, directives: &[(&str, &str)]) -> Plan {
    let mut draft = policy(directives).draft();
    draft.users = Some(Asked { what, by: By { directive: "PrivateUsers", origin: None } });
    let mut plan = Plan::new(&draft, &host(0), Vec::new()).expect("a plan");
    plan.steps.retain(|step| !matches!(step.op, Op::Descriptors { .. }));
    plan
}

/// The maps that the target sees, and who it is.
fn private_users(what: UserNamespace, directives: &[(&str, &str)]) -> Command {
    let script = "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; id -u; id -g";
    command(&host(0), &private_plan(what, directives), &["/bin/sh", "-c", script])
}

fn words(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn private_users_map_what_was_asked() {
    let own = private_users(UserNamespace::Own, &[("User", "nobody")]).output().expect("runs");
    assert_eq!(words(&own), "0 0 1 65534 65534 1 0 0 1 65534 65534 1 deny 65534 65534");
    let root = private_users(UserNamespace::Own, &[("CapabilityBoundingSet", "")]).output().expect("runs");
    assert_eq!(words(&root), "0 0 1 0 0 1 deny 0 0");
    let full = private_users(UserNamespace::Full, &[]).output().expect("runs");
    assert_eq!(words(&full), "0 0 4294967295 0 0 4294967295 allow 0 0");
    let some = private_users(UserNamespace::Identity, &[("User", "nobody")]).output().expect("runs");
    assert_eq!(words(&some), "0 0 65536 0 0 65536 deny 65534 65534");
}

#[test]
fn the_helper_that_writes_maps_is_reaped() {
    let script = "read c < /proc/$$/task/$$/children; echo \"<$c>\"";
    let plan = private_plan(UserNamespace::Own, &[]);
    // Whatever the caller did to SIGCHLD.
    let ignore = || {
        // SAFETY: ignoring a signal runs no handler.
        unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.map(drop)
    };
    for before in [|| Ok(()), ignore] {
        let mut command = command_after(&host(0), &plan, &["/bin/sh", "-c", script], before);
        assert_eq!(words(&command.output().expect("runs")), "<>");
    }
}

#[test]
fn a_failing_helper_fails_the_launch() {
    let mut plan = private_plan(UserNamespace::Own, &[]);
    for step in &mut plan.steps {
        if let Op::Users(maps) = &mut step.op {
            maps.uids = "0 0 1\n0 0 1\n".into();
        }
    }
    let error = command(&host(0), &plan, &["/bin/true"]).output().expect_err("overlapping maps");
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn maps_are_written_to_procfs_or_not_at_all() {
    let plan = private_plan(UserNamespace::Own, &[]);
    let fake = || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_PRIVATE | MsFlags::MS_REC, None::<&str>)?;
        mount(Some("fake"), "/proc", Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
        nix::unistd::mkdir("/proc/self", Mode::S_IRWXU)?;
        nix::unistd::mkfifo("/proc/self/uid_map", Mode::S_IRWXU)
    };
    let error = command_after(&host(0), &plan, &["/bin/true"], fake).output().expect_err("not procfs");
    assert_eq!(error.raw_os_error(), Some(libc::ENOTSUP));
}

#[test]
fn limits_and_the_umask_are_inherited() {
    for host in [host(0), host(NOBODY)] {
        let directives = [("LimitNOFILE", "100:200"), ("LimitCORE", "0"), ("LimitRTTIME", "1s:2s"), ("UMask", "0137")];
        let output = run(&host, &directives, &["/bin/cat", "/proc/self/limits", "/proc/self/status"]);
        let text = String::from_utf8(output.stdout).expect("text");
        let limit = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(limit("Max open files"), ["100", "200"]);
        assert_eq!(limit("Max core file size"), ["0", "0"]);
        assert_eq!(limit("Max realtime timeout"), ["1000000", "2000000"]);
        assert_eq!(status_of(&text, "Umask"), "0137");
    }
}

#[test]
fn a_limit_that_cannot_be_raised_fails_the_launch() {
    let mut command = become_target(&host(NOBODY), &[("LimitNOFILE", "infinity")], &["/bin/true"]);
    let error = command.output().expect_err("EPERM");
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
}

#[test]
fn the_working_directory_is_the_targets() {
    let pwd = |directory: &str| {
        let output = become_target(&host(0), &[("WorkingDirectory", directory)], &["/bin/pwd", "-P"]).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    assert_eq!(pwd("/usr").expect("runs"), "/usr");
    assert_eq!(pwd("-/no/such").expect("runs"), "/");
    assert_eq!(pwd("~").expect("runs"), "/root");
    assert_eq!(pwd("/no/such").expect_err("missing").raw_os_error(), Some(libc::ENOENT));
    let scratch = Scratch::new("private");
    std::fs::set_permissions(&scratch.0, PermissionsExt::from_mode(0o700)).expect("chmod");
    let directives = [("WorkingDirectory", scratch.text()), ("User", "nobody")];
    let error = become_target(&host(0), &directives, &["/bin/pwd"]).output().expect_err("not the new user's");
    assert_eq!(error.raw_os_error(), Some(libc::EACCES));
}

#[test]
fn other_descriptors_are_closed_and_the_first_three_exist() {
    let open_some = || {
        let directory = open("/", OFlag::O_RDONLY, Mode::empty())?;
        for number in [150, 151] {
            assert_eq!(fcntl(&directory, FcntlArg::F_DUPFD(number))?, number);
        }
        nix::unistd::close(0)
    };
    let plan = plan(&host(0), &[("Descriptors.Pass", "150")]).expect("a plan");
    let mut command = command_after(&host(0), &plan, &["/bin/ls", "/proc/self/fd"], open_some);
    // 3 is the directory that ls reads.
    assert_eq!(words(&command.output().expect("runs")), "0 1 150 2 3");
}

/// A directory that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stockade-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).expect("a new directory");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o777)).expect("chmod");
        Self(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("text")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("removed");
    }
}

const SYSTEM: (&str, &str) = ("Landlock.ReadExecute", "/usr /bin -/lib -/lib64 -/etc/ld.so.cache");

fn shell(host: &Host, directives: &[(&str, &str)], script: &str) -> bool {
    let mut all = vec![SYSTEM];
    all.extend(directives);
    run(host, &all, &["/bin/sh", "-c", script]).status.success()
}

#[test]
fn landlock_refuses_what_no_path_allows() {
    for host in [host(0), host(NOBODY)] {
        assert!(shell(&host, &[], "true"));
        assert!(!shell(&host, &[], "cat /etc/passwd"), "as {}", host.uid);
        assert!(shell(&host, &[("Landlock.Read", "/etc")], "cat /etc/passwd"));
        assert!(shell(&host, &[("Landlock.Read", "/etc/passwd")], "cat /etc/passwd"), "a file");
        assert!(!shell(&host, &[("Landlock.Read", "/etc/passwd")], "ls /etc"));
    }
}

#[test]
fn landlock_allows_every_change_below_what_can_be_written() {
    let scratch = Scratch::new("write");
    let text = scratch.text();
    let script = format!(
        "cd {text} && mkdir a b && echo x > a/f && mv a/f b/f && ln b/f a/g && : > b/f && ln -s f b/s && mkfifo b/p && \
         rm b/f b/s b/p a/g && rmdir a b"
    );
    for host in [host(0), host(NOBODY)] {
        assert!(shell(&host, &[("Landlock.ReadWrite", text)], &script), "as {}", host.uid);
        assert!(!shell(&host, &[("Landlock.Read", text)], &script));
        let run = format!("cp /bin/true {text}/t && {text}/t");
        assert!(!shell(&host, &[("Landlock.ReadWrite", text)], &run));
        assert!(shell(&host, &[("Landlock.ReadWriteExecute", text)], &format!("{run} && rm {text}/t")));
    }
}

#[test]
fn single_rights_are_single() {
    let scratch = Scratch::new("rights");
    let log = scratch.0.join("log");
    std::fs::write(&log, "secret\n").expect("written");
    let at = Origin::new(&Arc::new(Source { name: "-p".into(), text: String::new() }), 0..0);
    let mut policy = policy(&[SYSTEM]);
    let entry = |name: &str, text: &str| {
        let value = Value { kind: Kind::Text(text.into()), at: at.clone() };
        Entry { name: name.into(), at: at.clone(), value }
    };
    let table = Kind::Table(vec![entry("Paths", scratch.text()), entry("Rights", "write-file")]);
    let row = stockade::policy::find("Landlock.Rules").expect("a row");
    (row.read)(&mut policy, &Value { kind: table, at: at.clone() }).expect("good");
    let host = host(0);
    let mut plan = Plan::new(&policy.draft(), &host, Vec::new()).expect("a plan");
    plan.steps.retain(|step| !matches!(step.op, Op::Descriptors { .. }));
    let shell =
        |script: &str| command(&host, &plan, &["/bin/sh", "-c", script]).output().expect("runs").status.success();
    let log = log.display();
    assert!(shell(&format!("echo more >> {log}")));
    assert!(!shell(&format!("cat {log}")), "no read-file");
    assert!(!shell(&format!("echo more > {log}")), "no truncate");
    assert!(!shell(&format!("rm {log}")), "no remove-file");
    assert!(!shell(&format!("echo x > {log}2")), "no make-reg");
}

#[test]
fn landlock_knows_ports() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    let bash = |host: &Host, ports: Option<&str>| {
        let directives: Vec<_> = ports.iter().map(|ports| ("Landlock.ConnectTCP", *ports)).collect();
        run(host, &directives, &["/bin/bash", "-c", &connect]).status.success()
    };
    for host in [host(0), host(NOBODY)] {
        assert!(bash(&host, None));
        assert!(bash(&host, Some(&port.to_string())));
        assert!(!bash(&host, Some("1")), "as {}", host.uid);
        assert!(!bash(&host, Some("")), "an empty list allows none");
    }
}

#[test]
fn the_signal_scope_keeps_signals_in() {
    let kill = format!("kill -0 {}", std::process::id());
    let signal = |directives: &[(&str, &str)], script: &str| {
        run(&host(0), directives, &["/bin/sh", "-c", script]).status.success()
    };
    let scope = [("Landlock.Scope", "signal")];
    assert!(signal(&[], &kill));
    assert!(!signal(&scope, &kill));
    assert!(signal(&scope, "sleep 100 & kill $!"), "its own child");
}

#[test]
fn what_an_old_kernel_cannot_do_is_refused_or_reported() {
    let scratch = Scratch::new("old");
    let file = scratch.0.join("f");
    std::fs::write(&file, "x").expect("written");
    let old = Host { landlock: 1, ..host(0) };
    let directives = [SYSTEM, ("Landlock.Read", scratch.text())];
    let faults = plan(&old, &directives).expect_err("truncate and ioctl-dev are missing");
    assert_eq!(faults.len(), 2);
    let with: Vec<_> = directives.into_iter().chain([("Prefer", "Landlock")]).collect();
    let weaker = plan(&old, &with).expect("allowed to be weaker");
    assert_eq!(weaker.shortfalls.len(), 2);
    // What is left is in force.
    let run = |script: String| run(&old, &with, &["/bin/sh", "-c", &script]).status.success();
    assert!(run(format!("cat {}", file.display())));
    assert!(!run(format!("echo y >> {}", file.display())));
}
