//! What the target inherits: exactly what the caller had, and nothing of the launcher's.

use crate::kit::{SEARCH, Who, base, people, probe, shown, verbs};

fn policies(who: &Who) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut all = vec![
        words(&["-P", "none"]),
        words(&["-p", "LockPersonality=yes"]),
        words(&["-p", "ProtectSystem=strict", "-p", "PrivateTmp=yes", "-p", &shown()]),
    ];
    if who.is_root() {
        all.push(words(&["-p", "User=65534", "-p", "SystemCallFilter=@system-service"]));
    }
    all
}

#[test]
fn signals_as_the_caller_had_them() {
    for who in people() {
        for policy in policies(&who) {
            let run = who.confined(&policy).words(&verbs(&["signals"]));
            // A shell's background job ignores these.
            let run = run.behind(&["/usr/bin/env", "--default-signal=INT,QUIT"]);
            run.run().quietly().ends(0).says("signals: blocked ignored");
            run.clone()
                .under(&["ignore=13", "ignore=1", "block=10", "block=17"])
                .run()
                .ends(0)
                .says("signals: blocked 10 17 ignored 1 13");
            run.clone()
                .under(&["ignore=17", "block=15", "block=34"])
                .run()
                .ends(0)
                .says("signals: blocked 15 34 ignored 17");
        }
    }
}

#[test]
fn descriptors_are_closed() {
    for who in people() {
        for policy in policies(&who) {
            let run = who.confined(&policy).words(&verbs(&["fds"]));
            let open: Vec<String> = (3..20).map(|fd| format!("open={fd}:/")).collect();
            let mut state: Vec<&str> = open.iter().map(String::as_str).collect();
            state.extend(["open=900:/etc/passwd", "cloexec=7"]);
            run.clone().under(&state).run().quietly().ends(0).says("fds: 0 1 2");
            run.run().says("fds: 0 1 2");
        }
    }
}

#[test]
fn descriptors_that_were_announced_stay_at_their_numbers() {
    for who in people() {
        for policy in policies(&who) {
            let run = who.confined(&policy).words(&verbs(&["fds", "isfd 3", "isfd 4", "listenpid", "get LISTEN_FDS"]));
            let outcome = run.clone().under(&["listen=2", "open=5:/", "open=9:/"]).run();
            outcome.quietly().ends(0).answers(&[
                ("fds", "0 1 2 3 4"),
                ("3", "socket"),
                ("4", "socket"),
                ("pid", "own"),
                ("number", "LISTEN_FDS=2"),
            ]);
            // Somebody else's announcement is none: the descriptors are closed.
            let outcome = run.under(&["open=3:/", "open=4:/"]).env("LISTEN_FDS", "2").env("LISTEN_PID", "1").run();
            outcome.ends(0).says("fds: 0 1 2");
        }
    }
}

#[test]
fn the_three_first_descriptors_exist() {
    for who in people() {
        for policy in policies(&who) {
            // Standard output must stay for the answer; each of the others may be missing.
            let run = who.confined(&policy).words(&verbs(&["fds", "isfd 0", "isfd 2"]));
            run.clone().under(&["close=0"]).run().ends(0).answers(&[
                ("fds", "0 1 2"),
                ("0", "character"),
                ("2", "pipe"),
            ]);
            run.clone().under(&["close=0", "close=2"]).run().ends(0).answers(&[
                ("fds", "0 1 2"),
                ("0", "character"),
                ("2", "character"),
            ]);
        }
    }
}

#[test]
fn a_missing_descriptor_that_nothing_can_stand_for_is_told() {
    for who in people().into_iter().filter(Who::is_root) {
        let run = who.confined(&["-p", "LockPersonality=yes"]).words(&verbs(&["fds"]));
        let bare = "mount -t tmpfs none /dev && exec \"$@\" <&-";
        run.behind(&["unshare", "--mount", "sh", "-c", bare, "sh"])
            .run()
            .runs_nothing()
            .ends(202)
            .complains("/dev/null");
    }
}

#[test]
fn a_passed_descriptor_gives_nothing_to_walk_from() {
    // CVE-2024-21626 and its kin: a directory of the host's that stays open leads out of any view.
    for who in people() {
        let place = who.place("leak");
        let run = who.confined(&["-p", "TemporaryFileSystem=/home", "-p", "PrivateTmp=yes", "-p", &shown()]);
        let run =
            run.words(&verbs(&["fds", "list /proc/self/fd/5", "access /proc/self/fd/5/../../etc"])).inside(&place);
        run.under(&["open=5:/"]).run().ends(0).answers(&[("fds", "0 1 2"), ("list", "ENOENT"), ("walk", "ENOENT")]);
    }
}

#[test]
fn argument_zero_and_the_arguments() {
    for who in people() {
        let run = who.confined(&["-p", "LockPersonality=yes"]).words(&[
            probe().as_str(),
            "argv",
            "",
            "--help",
            "-P",
            "strict",
            "--",
            "a b",
            "\u{e9}",
        ]);
        let outcome = run.run();
        let expected = format!(
            "argv: {}\nargv: argv\nargv: \nargv: --help\nargv: -P\nargv: strict\nargv: --\nargv: a b\nargv: \u{e9}\n",
            probe()
        );
        assert_eq!(outcome.stdout, expected, "{outcome}");
        // By the search path: argument zero is the word as it was typed.
        let run = who
            .confined(&["-p", "LockPersonality=yes"])
            .words(&["probe", "argv"])
            .env("PATH", format!("/nonexistent:{}:/bin", base().display()));
        run.run().quietly().ends(0).says("argv: probe");
    }
}

#[test]
fn options_end_with_the_first_word_of_the_command() {
    for who in people() {
        let run = who.stockade(&["run", "-P", "none", probe().as_str(), "argv", "-P", "strict", "--version"]);
        let outcome = run.run();
        assert_eq!(
            outcome.stdout,
            format!("argv: {}\nargv: argv\nargv: -P\nargv: strict\nargv: --version\n", probe()),
            "{outcome}"
        );
    }
}

#[test]
fn directory_and_umask() {
    for who in people() {
        let place = who.place("directory");
        for policy in policies(&who) {
            let outcome = who
                .confined(&policy)
                .words(&verbs(&["cwd", "umask"]))
                .inside(&base().join(who.name))
                .under(&["umask=0137"])
                .run();
            if policy.iter().any(|word| word.starts_with("User=")) {
                continue;
            }
            outcome
                .quietly()
                .ends(0)
                .answers(&[("cwd", base().join(who.name).to_str().expect("UTF-8")), ("umask", "137")]);
        }
        let outcome =
            who.tries(&["-p", &format!("WorkingDirectory={}", place.display()), "-p", "UMask=0027"], &["cwd", "umask"]);
        outcome.quietly().ends(0).answers(&[("cwd", place.to_str().expect("UTF-8")), ("umask", "27")]);
        let gone = "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"";
        let run = who
            .confined(&["-p", "PrivateTmp=yes"])
            .words(&verbs(&["say ran"]))
            .inside(&place)
            .behind(&["sh", "-c", gone, "sh"]);
        run.run().runs_nothing().ends(200).complains("started in, which is gone").complains("cd, or -p");
        who.tries(&["-p", "WorkingDirectory=/nonexistent"], &["say ran"])
            .runs_nothing()
            .ends(200)
            .complains("/nonexistent")
            .complains("-p WorkingDirectory=/");
        who.tries(&["-p", "WorkingDirectory=-/nonexistent"], &["cwd"]).ends(0).says("cwd: /");
        // A start directory that the policy hides is not kept through an old reference.
        let hidden = who.place("hidden");
        let inside = who.file(&hidden.join("inside"), "secret");
        let options = ["-p", &format!("InaccessiblePaths={}", hidden.display())].map(str::to_owned);
        let tried = [format!("read {}", inside.display())];
        let outcome = who
            .confined(&options)
            .words(&verbs(&["read inside", &tried[0], "read ../hidden/inside"]))
            .inside(&hidden)
            .run();
        if outcome.status.code() == Some(0) {
            const GONE: &str = "ENOENT|EACCES|EPERM";
            outcome.answers(&[("relative", GONE), ("absolute", GONE), ("around", GONE)]);
        } else {
            outcome.runs_nothing().ends(200);
        }
    }
}

#[test]
fn session_and_parent_are_the_callers() {
    for who in people() {
        for policy in policies(&who) {
            let bare = who.bare(&verbs(&["session"])).run();
            let outcome = who.confined(&policy).words(&verbs(&["session"])).run();
            outcome.quietly().ends(0);
            assert_eq!(bare.answer("session"), outcome.answer("session"), "{outcome}");
        }
    }
}

#[test]
fn the_environment_is_exactly_the_callers() {
    for who in people() {
        for policy in [vec!["-P", "none"], vec!["-p", "LockPersonality=yes"], vec!["-p", "ProtectSystem=strict"]] {
            let run = who
                .confined(&policy)
                .words(&verbs(&["env"]))
                .env("A", "1")
                .env("EMPTY", "")
                .env("LD_LIKE", "a=b=c")
                .env("L", "two\tparts");
            let bare = who
                .bare(&verbs(&["env"]))
                .env("A", "1")
                .env("EMPTY", "")
                .env("LD_LIKE", "a=b=c")
                .env("L", "two\tparts")
                .run();
            let outcome = run.run();
            outcome.quietly().ends(0);
            assert_eq!(bare.stdout, outcome.stdout, "{outcome}");
        }
    }
}

#[test]
fn the_environment_of_the_policy() {
    for who in people() {
        let options = [
            "-p",
            "PassEnvironment=KEEP PATH LC_*",
            "-p",
            "Environment=SET=1 \"QUOTED=a b\" KEEP=policy",
            "-p",
            "UnsetEnvironment=GONE PATH",
        ];
        let run = who
            .confined(&options)
            .words(&verbs(&["env"]))
            .env("KEEP", "caller")
            .env("GONE", "x")
            .env("TOKEN", "secret")
            .env("NOTIFY_SOCKET", "/run/x")
            .env("INVOCATION_ID", "abc");
        let outcome = run.run();
        outcome.quietly().ends(0);
        let mut lines: Vec<&str> = outcome.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "env: INVOCATION_ID=abc",
                "env: KEEP=policy",
                "env: LC_ALL=C",
                "env: NOTIFY_SOCKET=/run/x",
                "env: QUOTED=a b",
                "env: SET=1"
            ],
            "{outcome}"
        );
        // systemd's order: Environment= after what is passed, UnsetEnvironment= last.
        let options = ["-p", "Environment=A=1", "-p", "UnsetEnvironment=A"];
        who.tries(&options, &["get A"]).ends(0).says("get: A is not set");
        who.confined(&["-p", "UnsetEnvironment=A=1"]).words(&verbs(&["get A"])).env("A", "2").run().says("get: A=2");
    }
}

#[test]
fn dangerous_variables_do_not_reach_the_launcher() {
    for who in people() {
        let run = who
            .confined(&["-p", "NoNewPrivileges=yes"])
            .words(&verbs(&["get LD_PRELOAD"]))
            .env("LD_PRELOAD", "/nonexistent.so")
            .env("GLIBC_TUNABLES", "glibc.malloc.check=3");
        run.run().ends(0).says("get: LD_PRELOAD=/nonexistent.so");
        assert_eq!(SEARCH.split(':').count(), 6);
    }
}

#[test]
fn the_launcher_is_not_the_targets_to_read() {
    // A target can open its own image, and that image is not stockade.
    for who in people() {
        let outcome = who.tries(&["-p", "LockPersonality=yes"], &["write /proc/self/exe", "flags"]);
        outcome.ends(0);
        assert!(matches!(outcome.answer("write").as_str(), "ETXTBSY" | "EACCES"), "{outcome}");
        assert!(outcome.answer("flags").contains(" keepcaps=0 pdeathsig=0"), "{outcome}");
    }
}
