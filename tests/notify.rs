//! Calls that a supervisor answers: every decision, from the target's side; what the supervisor leaves behind; and what
//! it survives.

#[path = "notify/agent.rs"]
mod agent;
#[path = "notify/death.rs"]
mod death;
#[path = "kit/mod.rs"]
mod kit;
#[path = "notify/open.rs"]
mod open;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use kit::{Outcome, Run, Who, people};

/// The probe of this file.
pub(crate) fn probe() -> &'static str {
    static PROBE: OnceLock<String> = OnceLock::new();
    PROBE.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/notify.c");
        let to = kit::base().join("notify");
        kit::compile(&source, &to, &["-std=gnu11", "-O1", "-static", "-pthread"]);
        to.to_string_lossy().into_owned()
    })
}

/// A rule whose calls are notified of.
pub(crate) fn rule(calls: &str, more: &str) -> String {
    let calls: Vec<String> = calls.split(' ').map(|call| format!("\"{call}\"")).collect();
    format!("[[Seccomp.Rule]]\nSyscalls = [{}]\nAction = \"notify\"\n{more}\n", calls.join(", "))
}

/// The probe under a policy with this text, about to run.
pub(crate) fn under(who: &Who, text: &str, words: &[&str]) -> Run {
    let policy = who.file(&who.place("notify").join("policy.toml"), text);
    who.stockade(&["run", "-P", &policy.to_string_lossy(), "--", probe()]).words(words)
}

/// The same, run to its end.
pub(crate) fn tries(who: &Who, text: &str, words: &[&str]) -> Outcome {
    under(who, text, words).run()
}

/// The policy that a run is under: its path is like no other's.
pub(crate) fn policy(run: &Run) -> PathBuf {
    let at = run.argv.iter().position(|word| word == "-P").expect("a policy");
    PathBuf::from(&run.argv[at + 1])
}

/// Every process that was started by these words, in the order of their numbers.
pub(crate) fn processes(policy: &Path) -> Vec<u32> {
    let wanted = policy.as_os_str().as_encoded_bytes();
    let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut found: Vec<u32> = numbers
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|word| word == wanted)
        })
        .collect();
    found.sort_unstable();
    found
}

/// Waits for something to become true.
pub(crate) fn until(what: &str, check: impl Fn() -> bool) {
    let end = Instant::now() + kit::PATIENCE;
    while !check() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The supervisor of a target that runs: the one process that still has stockade's words.
pub(crate) fn supervisor(policy: &Path, target: u32) -> u32 {
    until("a supervisor alone", || matches!(processes(policy)[..], [pid] if pid != target));
    processes(policy)[0]
}

/// The value of a line of a process's status.
pub(crate) fn status(pid: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in the status of {pid}")).trim().to_owned()
}

pub(crate) fn signal(name: &str, pid: u32) {
    let status =
        Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill is installed");
    assert!(status.success(), "kill -{name} {pid}");
}

#[test]
fn every_decision_is_the_targets_answer() {
    for who in people() {
        for (decision, answer) in [
            ("Decide = \"value:4242\"", "getppid: 4242"),
            ("Decide = \"value:0\"", "getppid: 0"),
            ("Decide = \"errno:ENOSPC\"", "getppid: ENOSPC"),
            ("Decide = \"errno:4095\"", "getppid: "),
            ("", "getppid: EPERM"),
        ] {
            let outcome = tries(&who, &rule("getppid", decision), &["getppid"]);
            assert!(outcome.ends(0).quietly().stdout.starts_with(answer), "{decision}{outcome}");
        }
        let runs = tries(&who, &rule("getppid", "Decide = \"continue\""), &["getppid"]);
        assert_eq!(runs.ends(0).answer("getppid"), std::process::id().to_string(), "{runs}");
    }
}

#[test]
fn rules_without_a_decision_take_the_tables() {
    for who in people() {
        let table = |more: &str| format!("[Seccomp]\nDecide = \"value:7\"\n{}", rule("getppid", more));
        tries(&who, &table(""), &["getppid"]).ends(0).says("getppid: 7");
        tries(&who, &table("Decide = \"value:8\""), &["getppid"]).ends(0).says("getppid: 8");
        // What the list leaves out is notified of.
        let default = "SystemCallFilter = [\"@system-service\", \"~socket\"]\n[Seccomp]\nDefault = \"notify\"\nDecide = \"value:9\"";
        tries(&who, default, &["socket", "1"]).says("socket: 9");
    }
}

#[test]
fn arguments_choose_the_decision() {
    for who in people() {
        let rules = [
            rule("socket", "Args = [\"arg0 == AF_INET\"]\nDecide = \"value:101\""),
            rule("socket", "Args = [\"arg0 == AF_INET6\"]\nDecide = \"errno:EAFNOSUPPORT\""),
            rule("socket", "Decide = \"value:102\""),
        ]
        .concat();
        for (family, answer) in [("2", "101"), ("10", "EAFNOSUPPORT"), ("1", "102")] {
            tries(&who, &rules, &["socket", family]).ends(0).says(&format!("socket: {answer}"));
        }
        // A stricter layer's answer needs nobody.
        let strict = format!("RestrictAddressFamilies = [\"AF_INET\"]\n{rules}");
        tries(&who, &strict, &["socket", "1"]).ends(0).says("socket: EAFNOSUPPORT");
        tries(&who, &strict, &["socket", "2"]).ends(0).says("socket: 101");
    }
}

#[test]
fn calls_are_written_down_and_run() {
    for who in people() {
        let rules = rule("socket openat", "Decide = \"log\"");
        let outcome = tries(&who, &rules, &["socket", "1"]);
        outcome.ends(0).says("socket: 3").complains("(notify) called socket(1, 2, 0");
        let outcome = tries(&who, &rules, &["line", "/etc/hostname"]);
        outcome.ends(0).complains("called openat(AT_FDCWD, \"/etc/hostname\", ").complains("[as it was read]");
    }
}

#[test]
fn where_there_is_no_terminal_nobody_is_asked() {
    for who in people() {
        let run = under(&who, &rule("getppid", "Decide = \"ask\""), &["getppid"]);
        run.behind(&["setsid", "--wait"]).run().ends(0).says("getppid: EPERM");
    }
}

/// The probe on a terminal of its own, under a policy, with answers typed when they are asked for.
fn asked(who: &Who, text: &str, answers: &str, words: &[&str]) -> Outcome {
    under(who, text, words).behind(&[probe(), "terminal", answers, "20"]).run()
}

#[test]
fn answers_at_the_terminal_are_taken_and_remembered() {
    for who in people() {
        let ask = rule("getppid", "Decide = \"ask\"");
        let parent = |outcome: &Outcome| outcome.stdout.matches("wants to call getppid(").count();
        let once = asked(&who, &ask, "y,n", &["waits", "/"]);
        once.says("getppid: EPERM").says("ended: 0");
        assert_eq!(parent(&once), 2, "{once}");
        let never = asked(&who, &ask, "v", &["waits", "/"]);
        assert_eq!((parent(&never), never.stdout.matches("getppid: EPERM").count()), (1, 2), "{never}");
        let always = asked(&who, &ask, "what,a", &["waits", "/"]);
        assert_eq!((parent(&always), always.stdout.matches("EPERM").count()), (1, 0), "{always}");
        let many = asked(&who, &ask, "a", &["crowd", "4", "2", "10"]);
        assert_eq!(parent(&many), 1, "{many}");
        many.says("ended: 0");
    }
}

#[test]
fn files_that_are_asked_about_are_opened_on_behalf() {
    for who in people() {
        let place = who.place("asked");
        let (good, link) = (who.file(&place.join("good"), "good\n"), place.join("link"));
        std::os::unix::fs::symlink(&good, &link).expect("a link");
        let rules = rule("openat", "Decide = \"ask\"");
        let yes = asked(&who, &rules, "y", &["line", &link.to_string_lossy()]);
        // The file that is opened is named, not the way to it.
        yes.says("line: good");
        assert!(yes.stdout.contains(&format!("wants to open {} to read.", good.display())), "{yes}");
        asked(&who, &rules, "n", &["line", &link.to_string_lossy()]).says("line: EPERM");
        // What is not there needs no answer.
        asked(&who, &rules, "", &["line", "/nowhere"]).says("line: ENOENT");
    }
}

#[test]
fn a_fast_timer_does_not_starve_a_slow_answer() {
    for who in people() {
        let outcome = asked(&who, &rule("getppid", "Decide = \"ask\""), "n,n,n", &["timer", "3"]);
        assert_eq!(outcome.stdout.matches("getppid: EPERM").count(), 3, "{outcome}");
        outcome.says("ticked: yes");
        assert_eq!(outcome.stdout.matches("wants to call").count(), 3, "{outcome}");
    }
}

#[test]
fn threads_and_children_are_answered_alike() {
    for who in people() {
        let outcome = tries(&who, &rule("getppid", "Decide = \"value:4242\""), &["crowd", "8", "8", "300"]);
        outcome.ends(0).says("threads: right").says("children: 0 wrong");
    }
}

#[test]
fn the_target_keeps_its_number_and_has_no_child() {
    for who in people() {
        let run = under(&who, &rule("getppid", ""), &["ids"]);
        let outcome = run.run();
        assert_eq!(outcome.answer("pid"), outcome.pid.to_string(), "{outcome}");
        outcome.ends(0).says("children: none").says("wait: ECHILD");
        until("the supervisor is gone", || processes(&policy(&run)).is_empty());
    }
}

#[test]
fn the_supervisor_holds_nothing_and_may_do_nothing() {
    for who in people() {
        for (decision, open) in [("Decide = \"value:1\"", 1), ("Decide = \"log\"", 4)] {
            let run = under(&who, &rule("getppid", decision), &["sleeps", "100000"]);
            let mut child = run.command().spawn().expect("stockade starts");
            let pid = supervisor(&policy(&run), child.id());
            until("it is under its own filter", || status(pid, "Seccomp") == "2");
            assert_eq!(status(pid, "NoNewPrivs"), "1");
            assert_eq!(status(pid, "Threads"), "1");
            if decision.contains("value") {
                assert_eq!(status(pid, "CapPrm"), "0000000000000000");
            }
            // Only root sees what a process that cannot be dumped has open.
            if fs::read_dir(format!("/proc/{pid}/fd")).is_ok() {
                let count = || fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
                until("its descriptors are few", || count() == open);
            }
            child.kill().expect("the target is there");
            child.wait().expect("the target was there");
            until("the supervisor is gone", || processes(&policy(&run)).is_empty());
        }
    }
}

#[test]
fn one_supervisor_inside_another_is_a_clear_error() {
    for who in people() {
        let rules = rule("getppid", "");
        tries(&who, &rules, &["nests"]).ends(0).says("listener: EBUSY");
        let inner = who.file(&who.place("inner").join("policy.toml"), &rules);
        let stockade = kit::base().join("stockade");
        let outer = who.file(&who.place("outer").join("policy.toml"), &rules);
        let run = who.stockade(&["run", "-P", &outer.to_string_lossy(), "--", &stockade.to_string_lossy()]);
        let run = run.words(&["run", "-P", &inner.to_string_lossy(), "--", probe(), "ids"]);
        run.run().ends(228).runs_nothing().complains("another supervisor");
    }
}
