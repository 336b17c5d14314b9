//! PID namespaces: the target's own process tree, and a launcher that stands in for it.

mod kit;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use kit::{Outcome, Who, base, compile, host_has, people};

/// The probes of process trees.
fn pids() -> String {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    let probe = PROBE.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/pids.c");
        let probe = base().join("pids");
        compile(&source, &probe, &["-std=gnu11", "-O1", "-static", "-lutil"]);
        probe
    });
    probe.to_string_lossy().into_owned()
}

/// Those who can make PID namespaces here.
fn makers() -> Vec<Who> {
    people().into_iter().filter(|who| who.is_root() || host_has("userns")).collect()
}

/// `stockade run OPTIONS -p PrivatePIDs=yes -- WORDS` as words, for probes that start it themselves.
fn launch(options: &[&str], words: &[&str]) -> Vec<String> {
    let stockade = base().join("stockade").to_string_lossy().into_owned();
    let head = [stockade.as_str(), "run", "-p", "PrivatePIDs=yes"];
    let all = head.iter().chain(options).chain(&["--"]).chain(words);
    all.map(|word| (*word).to_owned()).collect()
}

/// A verb of the probe in a PID namespace.
fn inside(who: &Who, options: &[&str], verb: &[&str]) -> Outcome {
    let probe = pids();
    let words: Vec<&str> = std::iter::once(probe.as_str()).chain(verb.iter().copied()).collect();
    who.bare(&launch(options, &words)).run()
}

/// A verb of the probe that looks at a launcher from outside, whose target is a verb, too.
fn outside(who: &Who, verb: &[&str], options: &[&str], target: &[&str]) -> Outcome {
    let probe = pids();
    let words: Vec<&str> = std::iter::once(probe.as_str()).chain(target.iter().copied()).collect();
    who.bare(&[&probe]).words(verb).words(&launch(options, &words)).run()
}

#[test]
fn the_target_is_process_two_and_sees_nobody_else() {
    let script = "echo $$; echo /proc/[0-9]*; cat /proc/1/comm";
    for who in makers() {
        let outcome = who.bare(&launch(&[], &["/bin/sh", "-c", script])).run();
        outcome.quietly().ends(0).says("2").says("stockade-init");
        assert!(outcome.stdout.lines().any(|line| line.starts_with("/proc/1 /proc/2") && line.len() < 30), "{outcome}");
        // Or process 1, where the policy says so.
        let outcome = who.bare(&launch(&["-p", "Init.AsPid1=yes"], &["/bin/sh", "-c", script])).run();
        outcome.quietly().ends(0).says("1").says("sh");
    }
}

#[test]
fn the_init_is_inside_and_closed_to_the_target() {
    let hidden = base().join("hidden-from-init");
    fs::create_dir_all(&hidden).expect("a directory can be made");
    fs::write(hidden.join("secret"), "secret").expect("a file can be written");
    let hide = format!("InaccessiblePaths={}", hidden.display());
    let script = format!(
        "for n in mnt net ipc uts cgroup pid user; do
             i=$(readlink /proc/1/ns/$n) && {{ [ \"$i\" = \"$(readlink /proc/self/ns/$n)\" ] && echo $n: same || echo $n: another; }}
         done
         cat /proc/1/root{}/secret && echo out; cat /proc/1/environ /proc/1/mem >/dev/null && echo read
         grep -E '^Cap(Prm|Eff|Inh|Amb):' /proc/1/status | grep -v '0000000000000000$'; grep NoNewPrivs /proc/1/status",
        hidden.display()
    );
    let same = ["mnt", "net", "ipc", "uts", "cgroup", "pid", "user"].map(|name| format!("{name}: same"));
    for who in makers() {
        for traces in [true, false] {
            let keep = if traces { "CapabilityBoundingSet=~CAP_KILL" } else { "CapabilityBoundingSet=~CAP_SYS_PTRACE" };
            let options = ["-p", &hide, "-p", "PrivateNetwork=yes", "-p", "PrivateIPC=yes", "-p", keep];
            let outcome = who.bare(&launch(&options, &["/bin/sh", "-c", &script])).run();
            let mut lines: Vec<&str> = outcome.stdout.lines().collect();
            assert_eq!(lines.pop(), Some("NoNewPrivs:\t1"), "{outcome}");
            // Only root that may trace everything sees the init's namespaces, and they are its own.
            let expected: &[String] = if traces && who.is_root() { &same } else { &[] };
            assert_eq!(lines, expected, "{outcome}");
        }
    }
}

#[test]
fn hidden_processes_need_no_privileges_then() {
    for who in makers() {
        let options = ["-p", "ProtectProc=invisible", "-p", "ProcSubset=pid"];
        let outcome = who.bare(&launch(&options, &["/bin/sh", "-c", "echo $$; ls -d /proc/1 /proc/cpuinfo"])).run();
        outcome.ends(2).says("2").complains("/proc/cpuinfo");
    }
}

#[test]
fn every_exit_status_comes_back() {
    for who in makers() {
        for status in 0..=255 {
            let status_word = format!("exit {status}");
            who.bare(&launch(&[], &["/bin/sh", "-c", &status_word])).run().quietly().ends(status);
        }
    }
}

#[test]
fn every_deadly_signal_is_the_launchers_own_death() {
    const HARMLESS: [i32; 8] = [17, 18, 19, 20, 21, 22, 23, 28];
    for who in makers() {
        for signal in (1..=64).filter(|signal| !HARMLESS.contains(signal) && !(32..=33).contains(signal)) {
            inside(&who, &[], &["raise", &signal.to_string(), "0"]).quietly().dies(signal);
            inside(&who, &["-p", "Pty=yes"], &["raise", &signal.to_string(), "0"]).quietly().dies(signal);
        }
    }
}

#[test]
fn signals_arrive_once() {
    for who in makers() {
        for options in [&[][..], &["-p", "Init.AsPid1=yes"]] {
            outside(&who, &["roundtrip"], options, &["signals"]).says("every signal came once, status 0");
            // Those that reach every process of a group are not sent on as well.
            outside(&who, &["together"], options, &["signals"]).says("every signal came once, status 0");
        }
    }
}

#[test]
fn stops_and_continues_are_passed_on() {
    for who in makers() {
        for signal in ["19", "20", "21", "22"] {
            for options in [&[][..], &["-p", "Pty=yes"]] {
                let outcome = outside(&who, &["watch"], options, &["raise", signal, "5"]);
                assert_eq!(outcome.stdout, format!("stopped {signal}\ncontinued\nexited 5\n"), "{options:?}{outcome}");
            }
        }
    }
}

#[test]
fn orphans_are_reaped_and_end_with_the_target() {
    for who in makers() {
        for options in [&[][..], &["-p", "Pty=yes"]] {
            inside(&who, options, &["zombies", "1000"]).quietly().ends(0).says("zombies 0 processes 2");
            // A grandchild that holds the output would keep this from ending.
            let script = "(trap '' TERM HUP; sleep 1000) & echo done";
            who.bare(&launch(options, &["/bin/sh", "-c", script])).run().quietly().ends(0).says("done");
        }
    }
}

#[test]
fn nobody_outlives_the_launcher() {
    for who in makers() {
        let lock = who.file(&who.place("murder").join("lock"), "");
        let lock = lock.to_string_lossy();
        let both = ["-p", "Pty=yes", "-p", "Init.AsPid1=yes"];
        for options in [&[][..], &both[2..], &both[..2], &both] {
            outside(&who, &["murder", &lock, "60"], options, &["hold", &lock]).says("nobody is left");
        }
    }
}

#[test]
fn init_cannot_be_killed_nor_anybody_outside() {
    for who in makers() {
        let me = std::process::id().to_string();
        let outcome = inside(&who, &[], &["kills", &me]);
        outcome.quietly().ends(0).says("init is S").says("outside: ESRCH");
    }
}

#[test]
fn companions_keep_no_descriptor_of_the_callers() {
    for who in makers() {
        inside(&who, &[], &["fds"]).quietly().ends(0).says("0 1 2 open");
        outside(&who, &["ends"], &[], &["quiet"]).says("ended 1 alive 1");
    }
}

#[test]
fn a_stockade_in_a_stockade() {
    for who in makers() {
        let outer = launch(&[], &[]);
        let inner = launch(&[], &["/bin/sh", "-c", "echo $$; exit 7"]);
        who.bare(&outer).words(&inner).run().quietly().ends(7).says("2");
    }
}

#[test]
fn what_a_manager_tells_and_hears() {
    for who in makers() {
        let place = who.place("notify");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).expect("modes can be set");
        let socket = place.join("socket");
        let outcome = outside(&who, &["notify", &socket.to_string_lossy()], &[], &["service"]);
        let lines = [
            "LISTEN_PID=2",
            "WATCHDOG_PID=2",
            "SYSTEMD_EXEC_PID=2",
            "MAINPID=2",
            "LISTEN_PIDFDID=unset",
            "main: FDSTORE=1|FDNAME=two fds 2",
            "main: BARRIER=1 fds 1",
            "barrier 1",
            // Another process than the main one is not made more than it is, and names nobody.
            "main: WATCHDOG=1 fds 0",
            "other: STATUS=from a child fds 0",
            "main: STOPPING=1 fds 0",
            "status 768",
        ];
        for line in lines {
            outcome.says(line);
        }
        assert!(outcome.stdout.contains("main: READY=1|MAINPID="), "{outcome}");
    }
}

#[test]
fn time_is_over() {
    for who in makers() {
        let events = who.place("events").join("events");
        let script = format!("exec 9>{}; exec \"$@\"", events.display());
        let words = ["/bin/sh", "-c", &script, "sh"];
        let limit = ["-p", "RuntimeMaxSec=100ms", "-p", "TimeoutStopSec=100ms", "--status-fd", "9"];
        let run = |target: &str| {
            who.bare(&words).words(&launch(&limit, &["/bin/sh", "-c", target])).within(Duration::from_secs(20)).run()
        };
        run("sleep 1000").quietly().ends(124);
        let text = fs::read_to_string(&events).expect("events");
        assert!(text.contains("\"signal\":15") && text.contains("\"timeout\":true"), "{text}");
        // One that will not hear, with children that will not either.
        run("trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & while :; do sleep 1; done").quietly().ends(124);
        let text = fs::read_to_string(&events).expect("events");
        assert!(text.contains("\"signal\":9"), "{text}");
        run("exit 3").quietly().ends(3);
    }
}

#[test]
fn events_say_whether_the_target_ran() {
    for who in makers() {
        let events = who.place("events").join("events");
        let script = format!("exec 9>{}; exec \"$@\"", events.display());
        let words = ["/bin/sh", "-c", &script, "sh"];
        let read = || -> Vec<serde_json::Value> {
            let text = fs::read_to_string(&events).expect("events");
            text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
        };
        let names = |events: &[serde_json::Value]| -> Vec<String> {
            events.iter().map(|event| event["event"].as_str().unwrap_or_default().to_owned()).collect()
        };
        who.bare(&words).words(&launch(&["--status-fd", "9"], &["/bin/sh", "-c", "exit 7"])).run().ends(7);
        let seen = read();
        assert_eq!(names(&seen), ["started", "exited"]);
        assert_eq!((&seen[0]["inner"], &seen[1]["code"]), (&2.into(), &7.into()));
        let here = fs::read_link("/proc/self/ns/pid").expect("a link").to_string_lossy().into_owned();
        let there = format!("pid:[{}]", seen[0]["namespaces"]["pid"]);
        assert_ne!(here, there);
        who.bare(&words).words(&launch(&["--status-fd=9"], &["/nonexistent"])).run().ends(127);
        assert_eq!(names(&read()), ["failed"]);
        // So does a policy that cannot be used.
        who.bare(&words).words(&launch(&["--status-fd=9", "-p", "ProtectSystem=x"], &["/bin/true"])).run().ends(78);
        let seen = read();
        assert_eq!((names(&seen), &seen[0]["status"]), (vec!["failed".into()], &78.into()));
        // Without a companion: the end cannot be told.
        let plain = who.bare(&words).words(&[base().join("stockade")]);
        let plain =
            plain.words(&["run", "-p", "LockPersonality=yes", "--status-fd", "9", "--", "/bin/sh", "-c", "exit 7"]);
        let outcome = plain.run();
        outcome.quietly().ends(7);
        let seen = read();
        assert_eq!((names(&seen), &seen[0]["pid"]), (vec!["started".into()], &outcome.pid.into()));
    }
}

#[test]
fn a_pipe_that_nobody_reads_is_no_reason_to_wait_for_ever() {
    // The shell has both ends of the pipe open: it is full, and never closed.
    let fill = "fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK); 1 while defined syswrite STDOUT, \"x\" x 4096;
                fcntl(STDOUT, F_SETFL, O_WRONLY)";
    for who in makers() {
        let pipe = who.place("full").join("pipe");
        let script =
            format!("rm -f {0}; mkfifo {0}; exec 9<>{0}; perl -MFcntl -e '{fill}' >&9; exec \"$@\"", pipe.display());
        for policy in ["PrivatePIDs=yes", "LockPersonality=yes"] {
            let run = who.bare(&["/bin/bash", "-c", &script, "bash"]).words(&[base().join("stockade")]);
            let run = run.words(&["run", "-p", policy, "--status-fd", "9", "--", "/bin/echo", "ran"]);
            let outcome = run.within(Duration::from_secs(20)).run();
            outcome.ends(202).complains("--status-fd: descriptor 9 is full");
            assert_eq!(outcome.stdout, "");
        }
        // What cannot be written to is told at once.
        let run = who.bare(&["/bin/bash", "-c", "exec 9</dev/null; exec \"$@\"", "bash"]);
        let run = run.words(&[base().join("stockade")]).words(&["run", "-p", "LockPersonality=yes", "--status-fd=9"]);
        run.words(&["--", "/bin/echo", "ran"]).run().ends(64).complains("open it for writing");
    }
}

#[test]
fn a_terminal_works_as_without_us() {
    let probe = pids();
    let prompt = ["/usr/bin/env", "PS1=ready> ", "/bin/bash", "--norc", "-i"];
    let job = format!("type={probe} job^M");
    for who in makers() {
        let on = |steps: &[&str], target: &[&str]| {
            let run = |words: &[String]| {
                who.bare(&[&probe]).words(&["terminal"]).words(steps).words(&["--"]).words(words).run()
            };
            let with = run(&launch(&[], target));
            let without = run(&target.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(with.stdout, without.stdout, "{with}{without}");
            with.stdout
        };
        assert_eq!(on(&["type=a^M", "expect=a", "type=^C", "wait"], &["/bin/cat"]), "killed 2\n");
        assert_eq!(on(&["type=a^M", "expect=a", "type=^\\", "wait", "whose"], &["/bin/cat"]), "killed 3\nthe job's\n");
        let stop = ["type=a^M", "expect=a", "type=^Z", "wait", "take", "fg", "type=b^M", "expect=b", "type=^D", "wait"];
        assert_eq!(on(&stop, &["/bin/cat"]), "stopped 20\nexited 0\n");
        // A shell in there has jobs of its own, hears of the window's size, and gives the terminal back.
        let shell = [&session(&job)[..], &["wait", "whose"]].concat();
        assert_eq!(on(&shell, &prompt), "exited 4\nthe job's\n");
    }
}

/// What is typed at a shell that prompts `ready>`, and expected of it: it has jobs, and hears of the window's size.
fn session(job: &str) -> Vec<&str> {
    vec![
        "expect=ready>",
        "type=trap 'stty size' WINCH^M",
        "expect=ready>",
        "size=33",
        "type=^M",
        "expect=33 80",
        job,
        "expect=go",
        "type=^Z",
        "expect=Stopped",
        "expect=ready>",
        "type=fg^M",
        "expect=back",
        "type=^C",
        "expect=ready>",
        "type=exit 4^M",
    ]
}

/// A job of a shell on a terminal.
fn on_terminal(who: &Who, steps: &[&str], words: &[String]) -> Outcome {
    let probe = pids();
    who.bare(&[&probe]).words(&["terminal"]).words(steps).words(&["--"]).words(words).run()
}

#[test]
fn nobody_types_at_the_callers_terminal() {
    let (probe, stockade) = (pids(), base().join("stockade").to_string_lossy().into_owned());
    for who in makers() {
        for property in ["NoNewPrivileges=yes", "SystemCallFilter=~reboot", "PrivatePIDs=yes", "ProtectHome=tmpfs"] {
            let words = [&stockade, "run", "-p", property, "--", &probe, "types"].map(str::to_owned);
            let outcome = on_terminal(&who, &["expect=refused 4, size told", "wait"], &words);
            assert_eq!(outcome.stdout, "exited 0\n", "{property}: {outcome}");
        }
        // A policy that takes nothing away leaves the terminal as it is, with no filter.
        let script = "grep Seccomp: /proc/self/status";
        let words = [&stockade, "run", "-p", "UMask=077", "--", "/bin/sh", "-c", script].map(str::to_owned);
        on_terminal(&who, &["expect=Seccomp:\t0", "wait"], &words).says("exited 0");
    }
}

#[test]
fn a_terminal_of_its_own() {
    let probe = pids();
    let job = format!("type={probe} job^M");
    for who in makers() {
        let on = |steps: &[&str], target: &[&str]| {
            let outcome = on_terminal(&who, steps, &launch(&["-p", "Pty=yes"], target));
            outcome.stdout
        };
        let size = ["size=31", "type=^M", "expect=31 80", "wait", "settled", "whose"];
        assert_eq!(on(&size, &["/bin/sh", "-c", "read l; stty size; exit 5"]), "exited 5\nas before\nthe job's\n");
        // Ctrl-C is the inner terminal's, and SIGTERM is passed on.
        let typed = ["type=a^M", "expect=a", "expect=a"];
        let cat = |more: &[&str]| on(&[&typed[..], more].concat(), &["/bin/sh", "-c", "echo go; exec cat"]);
        assert_eq!(cat(&["expect=a", "type=^C", "wait", "settled"]), "killed 2\nas before\n");
        assert_eq!(cat(&["signal=15", "wait", "settled"]), "killed 15\nas before\n");
        assert_eq!(cat(&["signal=9", "wait", "settled"]), "killed 9\nas before\n");
        // Stopped, the terminal is the caller's; continued, it is the target's again.
        // What is typed before it is has been shown by the caller's; the second time it is the target's.
        let more = ["type=bb^M", "expect=bb", "expect=bb", "type=^D", "wait", "settled"];
        let stop = [&["signal=20", "wait", "settled", "fg"], &more[..]].concat();
        assert_eq!(cat(&stop), "stopped 20\nas before\nexited 0\nas before\n");
        // Ctrl-Z, twice, as without a terminal of its own; and a program that takes it otherwise is not stopped. What is
        // typed before stockade has the terminal again is shown by the caller's: only answers tell where it was read.
        let lone = ["/bin/sh", "-c", "echo go; while read -r l; do echo $l-$l; done"];
        let stop = ["type=^Z", "wait", "settled", "take", "fg"];
        let end = ["type=^D", "wait", "settled", "whose"];
        let (one, two) = (["type=b^M", "expect=b-b"], ["type=c^M", "expect=c-c"]);
        let twice = [&["expect=go"], &stop[..], &one, &stop, &two, &end].concat();
        let stopped = "stopped 20\nas before\n";
        assert_eq!(on(&twice, &lone), format!("{stopped}{stopped}exited 0\nas before\nthe job's\n"));
        // A signal just before bash waits would be seen at the next line only, so it waits for a second at a time.
        let lines = "while read -r -t 1 l; s=$?; [ $s = 0 -o $s -gt 128 ]; do [ $s = 0 ] && echo $l$l; done; true";
        let own_way = ["/bin/bash", "-c", &format!("trap 'echo no' TSTP; echo go; {lines}")];
        let kept = ["expect=go", "type=^Z", "expect=no", "type=a^M", "expect=aa", "type=^D", "wait", "settled"];
        assert_eq!(on(&kept, &own_way), "exited 0\nas before\n");
        // A pipeline is stopped and continued as a whole.
        let pipeline = ["/bin/sh", "-c", "cat | while read -r l; do echo $l-$l; done; exit 7"];
        let whole = ["type=^Z", "wait", "take", "fg", "type=bc^M", "expect=bc-bc", "type=^D", "wait"];
        assert_eq!(on(&whole, &pipeline), "stopped 20\nexited 7\n");
        // Nothing that was written is lost.
        let much = "i=0; while [ $i -lt 5000 ]; do echo 12345678; i=$((i+1)); done; echo the end";
        assert_eq!(on(&["expect=the end", "wait"], &["/bin/sh", "-c", much]), "exited 0\n");
        // Jobs of a shell in there.
        let shell = [&session(&job)[..], &["wait", "settled", "whose"]].concat();
        let prompt = ["/usr/bin/env", "PS1=ready> ", "/bin/bash", "--norc", "-i"];
        assert_eq!(on(&shell, &prompt), "exited 4\nas before\nthe job's\n");
    }
}

#[test]
fn screens_work_under_the_strictest_profile_and_in_a_terminal_of_their_own() {
    let stockade = base().join("stockade").to_string_lossy().into_owned();
    for who in makers() {
        let place = who.place("screens");
        let lines: Vec<String> = (1..=200).map(|number| format!("line {number} of the text\n")).collect();
        let text = who.file(&place.join("text"), lines.concat()).to_string_lossy().into_owned();
        let written = place.join("written");
        let paths = format!("ReadWritePaths={}", place.display());
        let strict = [stockade.as_str(), "run", "-P", "strict", "-p", &paths];
        let (own, inner) = (["-p", "Pty=yes"], ["-p", "PrivatePIDs=yes"]);
        for more in [&[][..], &inner[..], &own[..]] {
            let on = |steps: &[&str], target: &[&str]| {
                let environment =
                    ["/usr/bin/env", "TERM=xterm", "LESS=", "LC_ALL=C", "HOME=/nonexistent", "PS1=ready> "];
                let words: Vec<String> = environment
                    .iter()
                    .chain(&strict)
                    .chain(more)
                    .chain(&["-p"])
                    .map(|word| (*word).to_owned())
                    .collect();
                let pass = "PassEnvironment=TERM LESS LC_ALL HOME PS1";
                let words: Vec<String> =
                    words.into_iter().chain([pass, "--"].iter().chain(target).map(|word| (*word).to_owned())).collect();
                on_terminal(&who, steps, &words).stdout
            };
            // A pager searches, is stopped and continued, follows the window, and leaves the terminal as it was.
            let search = ["size=20", "type=r", "expect=line 19 of", "type=/line 150^M", "expect=line 168 of"];
            let stop = ["stop", "settled", "take", "fg", "expect=line 168 of"];
            let end = ["type=G", "expect=line 200 of", "type=q", "wait", "settled", "whose"];
            let seen = on(&[&["expect=line 5 of"], &search[..], &stop, &end].concat(), &["/usr/bin/less", &text]);
            let all = "stopped 20\nas before\nexited 0\nas before\nthe job's\n";
            assert_eq!(seen, all, "less, {more:?}");
            // An editor writes: one letter, as it shows longer words in pieces.
            fs::remove_file(&written).ok();
            let edit = ["expect=~", "type=i#^[", "expect=#", "type=:w^M", "expect=written"];
            let stop = ["type=^Z", "wait", "settled", "take", "fg", "expect=#"];
            let end = ["type=:q^M", "wait", "settled", "whose"];
            let file = written.to_string_lossy().into_owned();
            let seen = on(&[&edit[..], &stop, &end].concat(), &["/usr/bin/vi", "-u", "NONE", "-n", &file]);
            assert_eq!(seen, all, "vi, {more:?}");
            assert_eq!(fs::read_to_string(&written).expect("it was written"), "#\n");
            // A shell has jobs, and stops a pager of its own.
            let jobs = [
                "expect=ready>",
                &format!("type=less {text}^M"),
                "expect=line 5 of",
                "type=q",
                "expect=ready>",
                "type=echo g''o; cat^M",
                "expect=go",
                "type=aa^M",
                "expect=aa",
                "expect=aa",
                "type=^Z",
                "expect=Stopped",
                "expect=ready>",
                "type=fg^M",
                "expect=cat",
                "type=bb^M",
                "expect=bb",
                "expect=bb",
                "type=^C",
                "expect=ready>",
                "type=exit 3^M",
                "wait",
                "settled",
                "whose",
            ];
            let seen = on(&jobs, &["/bin/bash", "--norc", "-i"]);
            assert_eq!(seen, "exited 3\nas before\nthe job's\n", "bash, {more:?}");
        }
    }
}

#[test]
fn without_a_terminal_pipes_stay_pipes() {
    for who in makers() {
        let outcome = inside_shell(&who, "cat; tty; exit 6");
        outcome.quietly().ends(6).says("not a tty");
        // What cannot be combined says so, and nothing runs.
        let strict = who.bare(&launch(&["-p", "Pty=yes", "-p", "Seccomp.Mode=strict"], &["/bin/echo", "ran"])).run();
        strict.runs_nothing().complains("strict mode do not go together");
    }
}

/// A script with a terminal of its own, started without one.
fn inside_shell(who: &Who, script: &str) -> Outcome {
    who.bare(&launch(&["-p", "Pty=yes"], &["/bin/sh", "-c", script])).run()
}

#[test]
fn nothing_runs_where_no_namespace_can_be_made() {
    for who in makers() {
        // Nested limits: the outer one allows none below it.
        let script = "echo 0 >/proc/sys/user/max_pid_namespaces; exec \"$@\"";
        if !who.is_root() {
            continue;
        }
        let unshare = ["unshare", "-Urm", "/bin/sh", "-c", script, "sh"];
        let outcome = who.bare(&unshare).words(&launch(&[], &["/bin/echo", "ran"])).run();
        outcome.runs_nothing().ends(226).complains("PrivatePIDs");
    }
}

#[test]
fn a_manager_that_is_gone_is_no_obstacle() {
    for who in makers() {
        let run = who.bare(&launch(&[], &["/bin/sh", "-c", "exit 4"]));
        run.env("NOTIFY_SOCKET", "/nonexistent/socket").run().quietly().ends(4);
    }
}
