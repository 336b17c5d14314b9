//! Exit statuses, deaths, and signals that reach the target.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::kit::{Who, people, shown, verbs};

/// Policies from nothing to everything: the promises are the same under all of them.
fn policies() -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    vec![
        words(&["-P", "none"]),
        words(&["-p", "LockPersonality=yes"]),
        words(&["-P", "container-default"]),
        words(&["-P", "strict", "-p", &shown()]),
    ]
}

#[test]
fn every_exit_status_comes_back() {
    for who in people() {
        for status in 0..=255 {
            who.tries(&["-p", "LockPersonality=yes"], &[&format!("exit {status}")]).quietly().ends(status);
        }
        for policy in policies() {
            for status in [0, 1, 77, 125, 203, 255] {
                who.confined(&policy).words(&verbs(&[&format!("exit {status}")])).run().quietly().ends(status);
            }
        }
    }
}

#[test]
fn every_deadly_signal_is_the_targets_own_death() {
    // CHLD, CONT, URG and WINCH do not kill; STOP, TSTP, TTIN and TTOU stop.
    const HARMLESS: [i32; 8] = [17, 18, 19, 20, 21, 22, 23, 28];
    for who in people() {
        for signal in (1..=64).filter(|signal| !HARMLESS.contains(signal) && !(32..=33).contains(signal)) {
            who.tries(&["-p", "LockPersonality=yes"], &[&format!("die {signal}")]).dies(signal);
        }
        for policy in policies() {
            for signal in [1, 2, 6, 9, 11, 13, 15] {
                who.confined(&policy).words(&verbs(&[&format!("die {signal}")])).run().dies(signal);
            }
        }
    }
}

/// Starts a target that says when it is ready, lets `act` do something to its process, and collects.
fn meanwhile(who: &Who, policy: &[String], verb: &str, act: impl FnOnce(u32)) -> (String, std::process::ExitStatus) {
    let mut child = who.confined(policy).words(&verbs(&["pid", verb])).command().spawn().expect("stockade starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
    let pid = lines.next().expect("a line").expect("text");
    assert_eq!(pid, format!("pid: {}", child.id()), "the target is not the launched process");
    let ready = lines.next().expect("a line").expect("text");
    assert!(ready.ends_with(": ready"), "{ready}");
    act(child.id());
    let rest: Vec<String> = lines.map(|line| line.expect("text")).collect();
    (rest.join("\n"), child.wait().expect("it ends"))
}

fn kill(pid: u32, signal: i32) {
    let status = Command::new("/bin/kill").args([format!("-{signal}"), pid.to_string()]).status();
    assert!(status.expect("kill(1) runs").success());
}

#[test]
fn signals_reach_the_target() {
    for who in people() {
        for policy in policies() {
            for signal in [1, 2, 3, 10, 12, 15, 18, 28] {
                let (said, status) = meanwhile(&who, &policy, "catch 1 2 3 10 12 15 18 28", |pid| kill(pid, signal));
                assert_eq!(said, format!("catch: {signal}"), "{policy:?}");
                assert!(status.success());
            }
        }
    }
}

#[test]
fn nobody_stays_beside_the_target() {
    for who in people() {
        for policy in policies() {
            let (_, status) = meanwhile(&who, &policy, "hang", |pid| {
                let children =
                    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("the target is there");
                assert_eq!(children, "", "children of the target under {policy:?}");
                let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the target is there").count();
                assert_eq!(tasks, 1);
                let program = fs::read_link(format!("/proc/{pid}/exe")).map(|path| path.display().to_string());
                // Root may look; so may the user unless the target is not dumpable.
                if let Ok(program) = program {
                    assert!(program.ends_with("/probe"), "{program}");
                }
                kill(pid, 9);
            });
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
        }
    }
}

#[test]
fn not_found_and_not_executable() {
    for who in people() {
        let place = who.place("missing");
        let text = who.file(&place.join("text"), "no program\n");
        let text = text.display().to_string();
        let bad = who.file(&place.join("bad"), "\u{7f}ELFnot really");
        fs::set_permissions(&bad, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        for policy in [
            vec!["-P", "none"],
            vec!["-p", "LockPersonality=yes"],
            vec!["-p", "ProtectSystem=strict"],
            vec!["-P", "container-default"],
        ] {
            let run = |argv: &[&str]| who.confined(&policy).words(argv).run();
            run(&["/nonexistent/program"]).ends(127).runs_nothing().complains("/nonexistent/program");
            run(&["no-such-program-anywhere"]).ends(127).runs_nothing().complains("no-such-program-anywhere");
            run(&[&text]).ends(126).runs_nothing().complains(&text);
            run(&[place.to_str().expect("UTF-8")]).ends(126).runs_nothing();
            run(&[bad.to_str().expect("UTF-8")]).ends(126).runs_nothing();
            // As the main process of a unit, the service manager's own status.
            for argv in ["/nonexistent/program", "no-such-program-anywhere", &text] {
                who.confined(&policy).words(&[argv]).under(&["unit=1"]).run().ends(203).runs_nothing();
            }
        }
        // Somebody else's SYSTEMD_EXEC_PID does not count.
        who.confined(&["-P", "none"]).words(&["/nonexistent/program"]).env("SYSTEMD_EXEC_PID", "1").run().ends(127);
    }
}

#[test]
fn a_script_without_a_first_line_is_not_a_program() {
    for who in people() {
        let place = who.place("script");
        let script = who.file(&place.join("script"), "echo ran\n");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        let outcome = who.confined(&["-P", "none"]).words(&[&script]).run();
        // A shell would run it; execve does not, and neither does systemd.
        outcome.ends(126).runs_nothing();
        let script = who.file(&place.join("script"), "#!/bin/sh\necho \"ran $0 $*\"\n");
        let outcome = who.confined(&["-P", "none"]).words(&[&script]).words(&["a", "-b"]).run();
        outcome.quietly().ends(0).says(&format!("ran {} a -b", script.display()));
    }
}

#[test]
fn usage() {
    for who in people() {
        who.stockade(&["run"]).run().ends(64).runs_nothing();
        who.stockade(&["run", "-P", "strict"]).run().ends(64).runs_nothing();
        who.stockade(&["run", "-P", "strict", "--"]).run().ends(64).runs_nothing();
        who.stockade(&["run", "--no-such-option", "--", "/bin/true"]).run().ends(64).runs_nothing();
        who.stockade(&["no-such-verb"]).run().runs_nothing();
        who.stockade(&["run", "-P", "no-such-profile", "--", "/bin/echo", "ran"])
            .run()
            .ends(78)
            .runs_nothing()
            .complains("no-such-profile");
        who.tries(&["-p", "NoSuchDirective=yes"], &["say ran"]).ends(78).runs_nothing().complains("NoSuchDirective");
        who.tries(&["-p", "ProtectSystem=maybe"], &["say ran"]).ends(78).runs_nothing().complains("ProtectSystem");
        who.tries(&["-p", "PrivateTmp=yes", "-p", "nonsense"], &["say ran"]).runs_nothing();
    }
}
