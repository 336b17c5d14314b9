//! `stockade monitor` by the kernel's audit records.

mod kit;

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use serde_json::Value;

use kit::{PATIENCE, Who, host_has, people, say};

/// Who may read records.
fn reader(part: &str) -> Option<Who> {
    if !host_has("audit") {
        say(&format!("monitor: {part} not run: the kernel keeps no audit records here"));
        return None;
    }
    let first = fs::read_link("/proc/self/ns/pid").is_ok_and(|own| own.as_os_str() == "pid:[4026531836]");
    let found = people().into_iter().find(Who::is_root).filter(|_| first);
    if found.is_none() {
        say(&format!("monitor: {part} not run: it takes root of the host"));
    }
    found
}

fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The last line may be half of one.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Does something again and again until there is such an event of uname(2).
fn until(path: &Path, kind: &str, mut again: impl FnMut()) -> Value {
    let start = Instant::now();
    loop {
        if let Some(event) = events(path).into_iter().find(|event| event["call"] == "uname" && event["event"] == kind) {
            return event;
        }
        assert!(start.elapsed() < PATIENCE, "no {kind} in {:?}", fs::read_to_string(path));
        again();
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn started(run: &kit::Run) -> Child {
    run.command().spawn().expect("it can be executed")
}

/// A target whose every line of input is a call of uname, under a filter that logs all.
fn target(who: &Who) -> Child {
    let run = who.stockade(&[
        "run",
        "-p",
        "Seccomp.Default=log",
        "--",
        "/bin/sh",
        "-c",
        "while read line; do /bin/uname; done",
    ]);
    run.command().stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it can be executed")
}

#[test]
fn what_a_process_and_its_children_are_recorded_with_is_told_by_the_policy() {
    let Some(who) = reader("--pid") else { return };
    let place = who.place("pid");
    let policy = who.file(&place.join("web.toml"), "# first\nSystemCallFilter = [\"~uname\", \"~ptrace\"]\n");
    let policy = policy.display().to_string();
    let lines = place.join("events");
    let mut target = target(&who);
    let pid = target.id().to_string();
    let words = ["monitor", "-P", &policy, "--json", "--pid", &pid, "-o", &lines.display().to_string()];
    let monitor = started(&who.stockade(&words));
    let mut input = target.stdin.take().expect("a pipe");
    let event = until(&lines, "would-deny", || input.write_all(b"x\n").expect("it reads"));
    assert_eq!(
        (&event["event"], &event["executable"]),
        (&"would-deny".into(), &fs::canonicalize("/bin/uname").expect("it is there").display().to_string().into())
    );
    assert_eq!((&event["directive"], &event["line"]), (&"SystemCallFilter".into(), &2.into()), "{event}");
    assert_eq!(event["change"], serde_json::json!(["SystemCallFilter = [\"uname\"]"]), "{event}");
    assert_eq!(
        (&event["source"], &event["architecture"]),
        (&policy.as_str().into(), &std::env::consts::ARCH.replace('_', "-").into())
    );
    assert_ne!(event["process"].as_str().and_then(|name| name.split(' ').next()), Some(pid.as_str()), "a child did it");
    // Once for each kind; and it ends with the process.
    for _ in 0..3 {
        input.write_all(b"x\n").expect("it reads");
    }
    drop(input);
    assert!(target.wait().expect("it ends").success());
    let output = monitor.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(events(&lines).len(), 1, "{:?}", events(&lines));
}

#[test]
fn the_whole_system_and_a_control_group_are_told_of() {
    let Some(who) = reader("--system") else { return };
    let place = who.place("system");
    let lines = place.join("events");
    let output = lines.display().to_string();
    let monitor = started(&who.stockade(&["monitor", "--json", "--system", "-o", &output]));
    let deny = ["-p", "SystemCallFilter=~uname"];
    let event = until(&lines, "denied", || {
        who.confined(&deny).words(&["/bin/uname"]).run().dies(libc::SIGSYS);
    });
    assert_eq!((&event["error"], &event["directive"]), (&"SIGSYS".into(), &Value::Null), "{event}");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(monitor.id().cast_signed()), nix::sys::signal::Signal::SIGTERM)
        .expect("it is there");
    let ended = monitor.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{ended:?}");
    who.stockade(&["monitor", "--cgroup", "no-such.service"]).run().ends(64).complains("no control group");
    who.stockade(&["monitor", "--pid", "2147483647"]).run().ends(1).complains("cannot watch process");
    let learn =
        who.stockade(&["learn", "--pid", "2147483647", "-o"]).words(&[who.place("gone").join("gone.toml")]).run();
    learn.ends(1).complains("there is no such process");
    // A group that nobody of ours is in.
    let group = Path::new("/sys/fs/cgroup").join(format!("stockade-test-{}", std::process::id()));
    if !Path::new("/sys/fs/cgroup/cgroup.controllers").exists() || fs::create_dir(&group).is_err() {
        say("monitor: --cgroup not run: no control group can be made here");
        return;
    }
    let lines = place.join("group");
    let words = ["monitor", "--json", "--cgroup", &group.display().to_string(), "-o", &lines.display().to_string()];
    let monitor = started(&who.stockade(&words));
    let mut target = target(&who);
    let mut outside = self::target(&who);
    fs::write(group.join("cgroup.procs"), target.id().to_string()).expect("it can be moved");
    let mut inputs = [target.stdin.take().expect("a pipe"), outside.stdin.take().expect("a pipe")];
    until(&lines, "logged", || inputs.iter_mut().for_each(|input| input.write_all(b"x\n").expect("it reads")));
    let inside: Vec<u32> = vec![target.id()];
    drop(inputs);
    target.wait().expect("it ends");
    outside.wait().expect("it ends");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(monitor.id().cast_signed()), nix::sys::signal::Signal::SIGTERM)
        .expect("it is there");
    assert!(monitor.wait_with_output().expect("it ends").status.success());
    let foreign = format!("{} (", outside.id());
    assert!(
        !events(&lines).iter().any(|event| event["process"].as_str().is_some_and(|name| name.starts_with(&foreign)))
    );
    assert_ne!(inside, vec![outside.id()]);
    fs::remove_dir(&group).expect("it is empty");
}

#[test]
fn records_that_were_kept_are_told_to_anybody() {
    let head = "audit(1795545631.966:4320): auid=1 uid=1 gid=1 ses=1 pid=7";
    for who in people() {
        let place = who.place("kept");
        let log = format!(
            "[1.0] audit: type=1326 {head} comm=\"web\" exe=\"/web\" sig=0 arch=c000003e syscall=101 compat=0 ip=0x1 \
             code=0x7ffc0000\n[1.1] audit: type=1326 {head} comm=\"web\" exe=\"/web\" sig=0 arch=c000003e syscall=0 compat=0 \
             ip=0x1 code=0x7ffc0000\n[1.2] audit: type=1423 audit(1.1:9): domain=1 blockers=fs.read_file path=\"/etc/passwd\" \
             dev=\"vda\" ino=1\nsomething else\n"
        );
        let log = who.file(&place.join("log"), log).display().to_string();
        let policy = "SystemCallFilter = [\"~ptrace\"]\n[Landlock]\nReadExecute = [\"/usr\"]\n";
        let policy = who.file(&place.join("web.toml"), policy).display().to_string();
        let seen = who.stockade(&["monitor", "--records", &log]).run();
        seen.ends(0);
        assert_eq!(seen.stdout.lines().count(), 3, "{seen}");
        if !host_has("landlock") {
            continue;
        }
        let seen = who.stockade(&["monitor", "-P", &policy, "--records", &log]).run();
        seen.ends(0);
        let lines: Vec<&str> = seen.stdout.lines().collect();
        // What the policy allows and was let through is no matter.
        assert_eq!(lines.len(), 2, "{seen}");
        let ptrace = lines.iter().find(|line| line.contains("ptrace")).unwrap_or_else(|| panic!("{seen}"));
        assert!(ptrace.contains("would be denied: 7 (web) called ptrace: SIGSYS"), "{seen}");
        assert!(
            ptrace.contains(&format!("(SystemCallFilter at {policy}:1); try -p SystemCallFilter=ptrace")),
            "{seen}"
        );
        let landlock = lines.iter().find(|line| line.contains("passwd")).unwrap_or_else(|| panic!("{seen}"));
        assert!(
            landlock.contains(&format!("(Landlock.ReadExecute at {policy}:3); try -p Landlock.Read=/etc/passwd")),
            "{seen}"
        );
        who.stockade(&["monitor", "--records", "/does/not/exist"]).run().ends(64).complains("cannot read");
        who.stockade(&["monitor", "--records", &log, "--system"]).run().ends(64);
    }
}

#[test]
fn whoever_may_not_read_records_is_told_what_to_do() {
    for who in people().iter().filter(|who| !who.is_root()) {
        let seen = who.stockade(&["monitor", "--system", "--source", "audit"]).run();
        seen.ends(1).complains(if host_has("audit") { "CAP_AUDIT_READ" } else { "CONFIG_AUDIT" });
        assert!(seen.stderr.contains("stockade monitor -P POLICY -- COMMAND"), "{seen}");
    }
}

#[test]
fn a_commands_lines_can_be_apart_from_what_it_writes() {
    for who in people() {
        let place = who.place("apart");
        let lines = place.join("events").display().to_string();
        let policy = ["monitor", "-p", "SystemCallFilter=~uname", "--json", "-o", &lines, "--"];
        let run = who.stockade(&policy).words(&["/bin/sh", "-c", "/bin/uname >&2; ls /proc/self/fd"]);
        let seen = run.run();
        seen.ends(0);
        assert!(!seen.stderr.contains('{'), "{seen}");
        // The target does not get the file.
        assert_eq!(seen.stdout.lines().count(), 4, "{seen}");
        run.run().ends(0);
        let found = events(Path::new(&lines));
        assert_eq!(found.len(), 2, "one for each run: {found:?}");
        assert_eq!(fs::metadata(&lines).expect("it is there").uid(), who.uid);
    }
}

#[test]
fn denials_go_to_the_journal_where_systemd_has_one() {
    for who in people() {
        let run = who
            .confined(&["--explain-denials", "-p", "SystemCallFilter=~uname", "-p", "SystemCallErrorNumber=EPERM"])
            .words(&["/bin/uname"]);
        // Standard error is a pipe, and no stream of the journal's.
        let seen = run.clone().env("JOURNAL_STREAM", "1:1").run();
        let there = Path::new("/run/systemd/journal/socket").exists();
        assert_eq!(seen.stderr.contains("denials are not told to the journal"), !there, "{seen}");
        assert!(seen.stderr.contains("stockade: denied: "), "{seen}");
        let seen = run.run();
        assert!(!seen.stderr.contains("journal"), "{seen}");
    }
}
