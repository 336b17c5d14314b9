//! Denials that are told: `run --explain-denials` and `monitor`.

mod kit;

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::Duration;

use kit::{host_has, people, say, verbs};

/// Some probes use a confined target, for which a namespace is made.
fn unable() -> bool {
    !host_has("userns")
}

#[test]
fn refusals_of_the_filter_are_told_once_and_stay_refusals() {
    for who in people() {
        let place = who.place("tell");
        let file = who.file(&place.join("file"), "");
        let unlink = format!("unlink {}", file.display());
        let options = ["--explain-denials", "-p", "SystemCallFilter=~unlink", "-p", "SystemCallErrorNumber=EXDEV"];
        let seen = who.confined(&options).words(&verbs(&[&unlink, &unlink])).run();
        seen.ends(0);
        assert_eq!(seen.stdout, "unlink: EXDEV\nunlink: EXDEV\n", "{seen}");
        assert_eq!(seen.stderr.lines().count(), 1, "{seen}");
        assert!(seen.stderr.starts_with("stockade: denied: "), "{seen}");
        for word in [
            format!("(probe) called unlink(\"{}\"", file.display()),
            "EXDEV, a rule answers unlink with errno:EXDEV (SystemCallFilter at -p SystemCallFilter=~unlink)".into(),
            "try -p SystemCallFilter=unlink".into(),
        ] {
            assert!(seen.stderr.contains(&word), "{word}{seen}");
        }
        assert!(file.exists());
    }
}

#[test]
fn a_killed_target_is_told_of_and_killed() {
    for who in people() {
        let place = who.place("kill");
        let file = who.file(&place.join("file"), "");
        let options = ["--explain-denials", "-p", "SystemCallFilter=~unlink"];
        let unlink = verbs(&[&format!("unlink {}", file.display())]);
        let seen = who.confined(&options).words(&unlink).run();
        seen.dies(libc::SIGSYS);
        assert!(seen.stderr.contains("SIGSYS, a rule answers unlink with kill-process"), "{seen}");
        assert!(file.exists());
        // Whoever would survive SIGSYS is killed all the same.
        let seen = who.confined(&options).words(&unlink).under(&["ignore=31"]).run();
        assert!(!seen.status.success() && file.exists(), "{seen}");
        if host_has("userns") {
            let seen = who.confined(&[&options[..], &["-p", "PrivatePIDs=yes"]].concat()).words(&unlink).run();
            seen.dies(libc::SIGSYS);
            assert!(file.exists());
            // Process 1 would live on: nobody in its namespace can kill it.
            let first = ["-p", "PrivatePIDs=yes", "-p", "Init.AsPid1=yes"];
            let seen = who.confined(&[&options[..], &first].concat()).words(&unlink).run();
            seen.ends(228).runs_nothing().complains("cannot be told of process 1");
            // So it would where stockade is process 1, as in a container; there the kernel's kill stays one.
            let map = if who.is_root() { "--pid" } else { "--map-current-user" };
            let inside = ["unshare", map, "--pid", "--fork", "--kill-child", "--mount-proc"];
            let seen = who.confined(&options).words(&unlink).behind(&inside).within(Duration::from_secs(20)).run();
            assert!(!seen.status.success() && file.exists(), "{seen}");
        }
    }
}

#[test]
fn paths_and_addresses_are_told_with_what_denies_them() {
    if unable() {
        return;
    }
    for who in people() {
        let place = who.place("paths");
        let file = who.file(&place.join("file"), "x");
        let fresh = place.join("fresh");
        let options = ["--explain-denials".to_owned(), "-p".into(), format!("ReadOnlyPaths={}", place.display())];
        let touch = format!("touch {}", fresh.display());
        let seen = who.confined(&options).words(&verbs(&[&touch, &format!("read {}", file.display())])).run();
        assert_eq!(seen.stdout, "touch: EROFS\nread: ok\n", "{seen}");
        assert_eq!(seen.stderr.lines().count(), 1, "{seen}");
        assert!(seen.stderr.contains("EROFS"), "{seen}");
        assert!(seen.stderr.contains("(ReadOnlyPaths at -p "), "{seen}");
        assert!(seen.stderr.contains(&format!("try -p ReadWritePaths={}", place.display())), "{seen}");
        if host_has("landlock") {
            let options = ["--explain-denials", "-p", "Landlock.ConnectTCP=80"];
            let seen = who.confined(&options).words(&verbs(&["connect 127.0.0.1 9"])).run();
            assert_eq!(seen.stdout, "connect: EACCES\n", "{seen}");
            assert!(seen.stderr.contains("TCP port 9 is not among"), "{seen}");
            assert!(seen.stderr.contains("try -p Landlock.ConnectTCP=9\n"), "{seen}");
        }
    }
}

#[test]
fn what_cuts_off_a_file_of_others_is_told_of_the_read_only_mount() {
    if unable() {
        return;
    }
    for who in people().into_iter().filter(|who| !who.is_root()) {
        // Permissions refuse it too; root has none against it, and the file may be gone then.
        let run = |script| who.confined(&["-P", "strict", "--explain-denials"]).words(&["sh", "-c", script]).run();
        let seen = run(": >/etc/passwd");
        assert!(seen.stderr.contains("EROFS, / is read-only; besides, /etc/passwd has mode"), "{seen}");
        assert!(seen.stderr.contains("(ProtectSystem at profile:strict:") && !seen.stderr.contains("try -p"), "{seen}");
        // Without cutting, permissions come first, and they are not the policy's.
        let seen = run(": >>/etc/passwd");
        assert!(!seen.stderr.contains("denied:"), "{seen}");
    }
}

#[test]
fn monitor_denies_nothing_and_tells_the_same() {
    if unable() {
        return;
    }
    for who in people() {
        let place = who.place("monitor");
        let file = who.file(&place.join("file"), "x");
        let fresh = place.join("fresh");
        let policy = who.file(
            &place.join("web.toml"),
            format!(
                "ReadOnlyPaths = [\"{}\"]\nSystemCallFilter = [\"~unlink\"]\nPrivateNetwork = true\n",
                place.display()
            ),
        );
        let policy = policy.display().to_string();
        let tried = verbs(&[
            &format!("touch {}", fresh.display()),
            &format!("unlink {}", file.display()),
            "connect 10.0.0.1 9",
        ]);
        let seen = who.stockade(&["monitor", "-P", &policy, "--json", "--"]).words(&tried).run();
        assert!(seen.stdout.starts_with("touch: ok\nunlink: ok\n"), "{seen}");
        assert!(fresh.exists() && !file.exists(), "{seen}");
        let events: Vec<serde_json::Value> = seen
            .stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}{seen}")))
            .collect();
        let of = |call: &str| {
            let found: Vec<_> = events.iter().filter(|event| event["call"] == call).collect();
            // What the filter would refuse gets past it, and meets the next.
            assert_eq!(found.len(), if call == "unlink" { 2 } else { 1 }, "{call}{seen}");
            found[0].clone()
        };
        let calls = [("unlink", "SystemCallFilter", 2, "SIGSYS"), ("connect", "PrivateNetwork", 3, "ENETUNREACH")];
        for (call, directive, line, error) in calls {
            let event = of(call);
            assert_eq!(event["event"], "would-deny");
            assert_eq!((&event["directive"], &event["line"]), (&directive.into(), &line.into()), "{seen}");
            assert_eq!((&event["error"], &event["source"]), (&error.into(), &policy.as_str().into()), "{seen}");
        }
        let event = events.iter().find(|event| event["operation"] == "create").unwrap_or_else(|| panic!("{seen}"));
        assert_eq!((&event["directive"], &event["error"]), (&"ReadOnlyPaths".into(), &"EROFS".into()), "{seen}");
        let seen = who.stockade(&["monitor", "-P", &policy, "--", "/bin/sh", "-c", "exit 7"]).run();
        seen.ends(7);
        fs::remove_file(fresh).expect("it was made");
    }
}

#[test]
fn what_the_target_makes_in_a_tmp_of_its_own_is_no_denial() {
    if unable() {
        return;
    }
    for who in people() {
        let name = format!("/tmp/stockade-tell-{}-{}", std::process::id(), who.name);
        let script = format!("echo 1 >{name} && cat {name} && rm {name}; mkdir {name} && ls {name} && rmdir {name}");
        let options = ["-p", "PrivateTmp=yes", "-p", "PrivateDevices=yes", "-p", "ProtectSystem=strict"];
        for verb in [&["run", "--explain-denials"][..], &["monitor"]] {
            let run = who.stockade(verb).words(&options).words(&["--", "/bin/sh", "-c", &script]);
            run.inside(Path::new("/")).run().ends(0).says("1").quietly();
        }
        // The new /dev is read-only, what it shows of the host's is not.
        let script = format!("echo 1 >/dev/shm/{0} && cat /dev/shm/{0} && rm /dev/shm/{0}", &name[5..]);
        let run = who.stockade(&["run", "--explain-denials"]).words(&options);
        run.words(&["--", "/bin/sh", "-c", &script]).inside(Path::new("/")).run().ends(0).says("1").quietly();
    }
}

#[test]
fn arguments_are_words_and_only_those_that_the_call_takes() {
    for who in people() {
        let place = who.place("arguments");
        let options = ["--explain-denials", "-p", "SystemCallFilter=~mkdir mkdirat", "-p"];
        let run = who.stockade(&["run"]).words(&options).words(&["SystemCallErrorNumber=EACCES", "--", "mkdir", "new"]);
        let seen = run.inside(&place).run();
        assert!(seen.stderr.contains("called mkdir(\"new\", 0x1ff): "), "{seen}");
    }
}

/// Connects to an abstract socket of its own, and to one that was made outside; signals a child, and its launcher.
const OUTSIDE: &str = "
import os, signal, socket, subprocess, sys
def say(what, how):
    try:
        how()
        print(what, 'ok')
    except OSError as error:
        print(what, error.strerror)
def connect(name):
    say(name, lambda: socket.socket(socket.AF_UNIX).connect('\\0' + name))
server = socket.socket(socket.AF_UNIX)
server.bind('\\0' + sys.argv[1] + '-own')
server.listen()
connect(sys.argv[1] + '-own')
connect(sys.argv[1] + '-nobody')
connect(sys.argv[1])
child = subprocess.Popen(['sleep', '60'])
say('child', lambda: os.kill(child.pid, signal.SIGTERM))
child.wait()
say('launcher', lambda: os.kill(os.getppid(), 0))
";

/// Whether Landlock has scopes (ABI 6).
fn scopes() -> bool {
    if !host_has("landlock") {
        return false;
    }
    let seen = people()[0].stockade(&["run", "-p", "Landlock.Scope=signal", "--", "true"]).run();
    seen.status.success()
}

#[test]
fn scopes_are_told_with_what_is_outside() {
    if !scopes() {
        say("tell: not run: this kernel has no scopes of Landlock's");
        return;
    }
    for who in people() {
        let name = format!("stockade-tell-{}-{}", std::process::id(), who.name);
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let _server = UnixListener::bind_addr(&address).expect("a socket");
        let scope = ["-p", "Landlock.Scope=abstract-unix-socket signal"];
        for verb in [&["run", "--explain-denials"][..], &["monitor"]] {
            let denies = verb[0] == "run";
            // The launcher is root's then, whom nobody else signals, so that it is not the scope's doing.
            let roots = people()[0].is_root() && !who.is_root();
            let run = who.stockade(verb).words(&scope).words(&["--", "/usr/bin/python3", "-c", OUTSIDE, &name]);
            let seen = run.inside(Path::new("/")).run();
            seen.ends(0);
            let result = if denies { "Operation not permitted" } else { "ok" };
            let launcher = if roots { "Operation not permitted" } else { result };
            let expected = format!(
                "{name}-own ok\n{name}-nobody Connection refused\n{name} {result}\nchild ok\nlauncher {launcher}\n"
            );
            assert_eq!(seen.stdout, expected, "{seen}");
            assert_eq!(seen.stderr.lines().count(), if roots { 1 } else { 2 }, "{seen}");
            let words = [
                "called connect(".to_owned(),
                format!("EPERM, no rule lets it connect to @{name}, made outside: the scope abstract-unix-socket"),
                "try -p Landlock.Scope= -p Landlock.Scope=signal\n".into(),
                "EPERM, no signal reaches process ".into(),
                "outside: the scope signal (Landlock.Scope at -p Landlock.Scope=abstract-unix-socket signal)".into(),
                "try -p Landlock.Scope= -p Landlock.Scope=abstract-unix-socket\n".into(),
            ];
            for word in words.iter().take(if roots { 3 } else { words.len() }) {
                assert!(seen.stderr.contains(word.as_str()), "{word}{seen}");
            }
        }
    }
}

#[test]
fn a_limit_of_descriptors_is_told() {
    let script = "
import os
try:
    while True:
        os.open('/dev/null', os.O_RDONLY)
except OSError as error:
    print(error.strerror)
";
    for who in people() {
        let run = who.stockade(&["run", "--explain-denials", "-p", "LimitNOFILE=70", "--", "/usr/bin/python3", "-c"]);
        let seen = run.words(&[script]).inside(Path::new("/")).run();
        seen.ends(0).says("Too many open files");
        assert_eq!(seen.stderr.lines().count(), 1, "{seen}");
        let told = "EMFILE, 70 descriptors are open, and no more can be (LimitNOFILE at -p LimitNOFILE=70); try -p \
                    LimitNOFILE=140\n";
        assert!(seen.stderr.contains("(python3) called openat(") && seen.stderr.ends_with(told), "{seen}");
        // Who stays below it, or has lowered it itself, is not told of.
        let own = format!("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (66, 70))\n{script}");
        let run = who.stockade(&["run", "--explain-denials", "-p", "LimitNOFILE=70", "--", "/usr/bin/python3", "-c"]);
        run.words(&[&own]).inside(Path::new("/")).run().ends(0).says("Too many open files").quietly();
    }
}
