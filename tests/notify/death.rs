//! Who dies when.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;

use super::kit::{Run, people};
use super::{policy, processes, rule, signal, status, supervisor, tries, under, until};

/// Starts the probe's `waits`, and says its child and supervisor once it is about to call.
fn waiting(run: &Run) -> (Child, BufReader<impl Read>, u32) {
    let mut child = run.command().spawn().expect("stockade starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    out.read_line(&mut line).expect("text");
    assert_eq!(line, "calling\n");
    let pid = supervisor(&policy(run), child.id());
    (child, out, pid)
}

#[test]
fn targets_that_die_in_a_call_trouble_nobody() {
    for who in people() {
        let run = under(&who, &rule("getppid", "Decide = \"value:5\""), &["dies", "200"]);
        run.run().ends(0).quietly().says("getppid: 5");
        until("the supervisor is gone", || processes(&policy(&run)).is_empty());
        tries(&who, &rule("getppid openat", "Decide = \"log\""), &["dies", "50"]).ends(0);
    }
}

#[test]
fn a_killed_supervisor_refuses_everything() {
    for who in people() {
        let flag = who.place("flag").join("go");
        let run = under(&who, &rule("getppid", "Decide = \"continue\""), &["waits", &flag.to_string_lossy()]);
        let (mut child, mut out, pid) = waiting(&run);
        // Stopped: the call waits, and does not run.
        signal("STOP", pid);
        until("it is stopped", || status(pid, "State").starts_with('T'));
        who.file(&flag, "");
        let target = child.id();
        let waits = || std::fs::read_to_string(format!("/proc/{target}/wchan")).unwrap_or_default();
        until("the call waits", || waits().contains("seccomp") || status(target, "State").starts_with(['S', 'D']));
        assert!(child.try_wait().expect("a child").is_none());
        // Killed: that call and all later ones fail.
        signal("KILL", pid);
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, "getppid: ENOSYS\ngetppid: ENOSYS\n");
        assert!(child.wait().expect("a child").success());
    }
}

#[test]
fn signals_to_the_supervisor_are_not_the_targets() {
    for who in people() {
        let flag = who.place("flag").join("go");
        let run = under(&who, &rule("getppid", "Decide = \"value:6\""), &["waits", &flag.to_string_lossy()]);
        let (mut child, mut out, pid) = waiting(&run);
        for name in ["TERM", "INT", "HUP", "USR1", "PIPE", "ALRM", "CHLD", "TTIN"] {
            signal(name, pid);
        }
        who.file(&flag, "");
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, "getppid: 6\ngetppid: 6\n");
        assert!(child.wait().expect("a child").success());
        until("the supervisor is gone", || processes(&policy(&run)).is_empty());
    }
}

#[test]
fn the_supervisor_serves_children_that_outlive_the_target() {
    for who in people() {
        let place = who.place("orphan");
        let (flag, out) = (place.join("go"), place.join("out"));
        let script = format!("\"$0\" waits {} > {} 2>&1 & echo started", flag.display(), out.display());
        let policy_text = rule("getppid", "Decide = \"value:6\"");
        let file = who.file(&place.join("policy.toml"), &policy_text);
        let run = who.stockade(&["run", "-P", &file.to_string_lossy(), "--", "sh", "-c", &script, super::probe()]);
        run.run().ends(0).says("started");
        let pid = supervisor(&file, 0);
        who.file(&flag, "");
        until("the child is answered", || {
            std::fs::read_to_string(&out).unwrap_or_default() == "calling\ngetppid: 6\ngetppid: 6\n"
        });
        until("the supervisor is gone", || processes(&file).is_empty());
        assert!(pid > 0);
    }
}

#[test]
fn a_target_that_cannot_be_executed_leaves_nobody() {
    for who in people() {
        let file = who.file(&who.place("none").join("policy.toml"), rule("getppid", ""));
        let run = who.stockade(&["run", "-P", &file.to_string_lossy(), "--", "/nowhere"]);
        run.run().ends(127);
        until("the supervisor is gone", || processes(&file).is_empty());
    }
}

#[test]
fn a_log_that_nobody_reads_keeps_nobody() {
    for who in people() {
        // A line that is longer than what such a pipe takes at once.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096)).expect("its size");
        let path = format!("/{}", "a/".repeat(2000));
        let run = under(&who, &rule("openat", "Decide = \"log\""), &["line", &path]);
        let child = std::cell::RefCell::new(run.command().stderr(writer).spawn().expect("stockade starts"));
        until("the target is gone", || child.borrow_mut().try_wait().expect("a child").is_some());
        until("the supervisor is gone", || processes(&policy(&run)).is_empty());
        let mut text = String::new();
        BufReader::new(reader).read_to_string(&mut text).expect("text");
        assert!(text.contains(" called openat(") && text.len() <= 4096, "{text}");
    }
}
