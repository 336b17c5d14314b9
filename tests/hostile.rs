//! Policies made by somebody who means harm: each ends soon, with a clear fault, and runs nothing.

mod kit;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kit::{Outcome, Who, people, verbs};

/// Far more than any of them needs with a slow machine under load; a hang is what it catches.
const SOON: Duration = Duration::from_secs(30);

fn run(who: &Who, policy: &Path) -> Outcome {
    let outcome = who.confined(&[OsStr::new("-P"), policy.as_os_str()]).words(&verbs(&["say ran"])).within(SOON).run();
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    outcome
}

/// It refuses as a bad policy, naming the file, within a screenful or two of words.
fn refuses(who: &Who, policy: &Path) -> Outcome {
    let outcome = run(who, policy);
    outcome.runs_nothing().ends(78);
    assert!(!outcome.stderr.trim().is_empty(), "no word{outcome}");
    assert!(outcome.stderr.len() < 64 * 1024, "{} bytes of complaint", outcome.stderr.len());
    outcome
}

fn refused_text(who: &Who, name: &str, text: impl AsRef<[u8]>) -> Outcome {
    let path = who.file(&who.place(name).join("policy.toml"), text);
    refuses(who, &path)
}

#[test]
fn ten_thousand_good_lines() {
    for who in people() {
        let paths: Vec<String> = (0..10_000).map(|n| format!("  \"-/nonexistent/{n}\",\n")).collect();
        let text = format!("ReadOnlyPaths = [\n{}]\n", paths.concat());
        let path = who.file(&who.place("lines").join("policy.toml"), &text);
        // All optional and all missing: it may run, and must end.
        let outcome = run(&who, &path);
        if outcome.status.code() != Some(0) {
            outcome.runs_nothing();
            assert!(!outcome.stderr.is_empty(), "{outcome}");
        }
    }
}

#[test]
fn ten_thousand_bad_lines() {
    for who in people() {
        let lines: Vec<String> = (0..10_000).map(|n| format!("NoSuch{n} = true\n")).collect();
        refused_text(&who, "bad", lines.concat());
        refused_text(&who, "worse", "= = =\n".repeat(10_000));
    }
}

#[test]
fn extends() {
    for who in people() {
        let place = who.place("extends");
        let path = |name: &str| place.join(format!("{name}.toml"));
        let write =
            |name: &str, next: &str| who.file(&path(name), format!("Extends = [\"{}\"]\n", path(next).display()));
        refuses(&who, &write("self", "self")).complains("self.toml");
        write("a", "b");
        write("b", "a");
        refuses(&who, &path("a")).complains("a.toml");
        refuses(&who, &write("missing", "nothing")).complains("nothing.toml");
        for n in 0..5_000 {
            write(&format!("deep{n}"), &format!("deep{}", n + 1));
        }
        who.file(&path("deep5000"), "LockPersonality = true\n");
        refuses(&who, &path("deep0"));
        // Twice the same at every level: 2^30 files for whoever does not remember them.
        for n in 0..30 {
            let next = path(&format!("wide{}", n + 1)).display().to_string();
            who.file(&path(&format!("wide{n}")), format!("Extends = [\"{next}\", \"{next}\"]\n"));
        }
        who.file(&path("wide30"), "LockPersonality = true\n");
        let outcome = run(&who, &path("wide0"));
        if outcome.status.code() != Some(0) {
            outcome.ends(78).runs_nothing();
        }
    }
}

#[test]
fn files_that_are_none() {
    for who in people() {
        let place = who.place("none");
        refuses(&who, Path::new("/dev/zero"));
        refuses(&who, Path::new("/dev/null"));
        refuses(&who, &place);
        refuses(&who, Path::new("/proc/self/mem"));
        refuses(&who, &place.join("missing.toml")).complains("missing.toml");
        let fifo = place.join("fifo.toml");
        assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
        who.own(&fifo);
        refuses(&who, &fifo).complains("fifo.toml");
        let nested =
            who.file(&place.join("nested.toml"), format!("Extends = [\"{}\", \"/dev/zero\"]\n", fifo.display()));
        refuses(&who, &nested);
        let looped = place.join("loop.toml");
        std::os::unix::fs::symlink(&looped, &looped).expect("a link can be made");
        refuses(&who, &looped);
        // What a shell makes of <(...) is a pipe with a name, not a file that is missing.
        let script = "\"$0\" run -P <(echo LockPersonality = true) -- echo ran";
        let piped = who.bare(&["bash", "-c", script]).words(&[kit::base().join("stockade")]).run();
        piped.ends(78).complains("must be a regular file").complains("-p DIRECTIVE=VALUE");
        assert_eq!(piped.stdout, "", "{piped}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    for who in people().iter().filter(|who| !who.is_root()) {
        let path = who.file(&who.place("unreadable").join("policy.toml"), "LockPersonality = true\n");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("modes can be set");
        refuses(who, &path).complains("policy.toml");
    }
}

#[test]
fn a_gigabyte_of_nothing() {
    for who in people() {
        let path = who.file(&who.place("sparse").join("policy.toml"), "");
        let file = fs::OpenOptions::new().write(true).open(&path).expect("it can be opened");
        file.set_len(1 << 30).expect("the file system has sparse files");
        // Without memory to spare: a launcher that reads it all fails differently.
        let words: Vec<String> = ["prlimit", "--as=536870912", "--"].map(String::from).to_vec();
        let outcome = who
            .confined(&[OsStr::new("-P"), path.as_os_str()])
            .words(&verbs(&["say ran"]))
            .behind(&words)
            .within(SOON)
            .run();
        outcome.runs_nothing().ends(78).complains("policy.toml");
        assert!(!outcome.stderr.contains("panicked") && outcome.stderr.len() < 64 * 1024, "{}", outcome.stderr.len());
        fs::remove_file(&path).ok();
    }
}

#[test]
fn bytes_that_are_no_text() {
    for who in people() {
        refused_text(&who, "latin", b"ReadOnlyPaths = [\"/\xe9\xff\"]\n");
        refused_text(&who, "zero", b"ReadOnlyPaths = [\"/a\0b\"]\n");
        refused_text(&who, "escaped", "ReadOnlyPaths = [\"/a\\u0000b\"]\n");
        refused_text(&who, "binary", fs::read("/bin/true").expect("it can be read"));
        refused_text(&who, "mark", b"\xef\xbb\xbf\xfe\xff = 1\n");
        refused_text(&who, "surrogate", "ReadOnlyPaths = [\"\\uD800\"]\n");
        let outcome = refused_text(&who, "terminal", "\"\\u001b]0;owned\\u0007\" = 1\nUser = \"\\u001b[31m\"\n");
        assert!(!outcome.stderr.contains('\u{1b}') && !outcome.stderr.contains('\u{7}'), "{:?}", outcome.stderr);
    }
}

#[test]
fn paths_that_are_no_text() {
    for who in people() {
        let place = who.place("path");
        let name = place.join(OsStr::from_bytes(b"\xff\x1b[31m.toml"));
        let path: PathBuf = who.file(&name, "NoSuch = 1\n");
        // Options are text: such a path is wrong usage at the latest.
        let outcome = run(&who, &path);
        outcome.runs_nothing();
        assert!(matches!(outcome.status.code(), Some(64 | 78)), "{outcome}");
        assert!(!outcome.stderr.contains('\u{1b}'), "{:?}", outcome.stderr);
        // A command line may hold any bytes; a target of such a name runs.
        let program = place.join(OsStr::from_bytes(b"t\xff"));
        fs::copy(kit::base().join("probe"), &program).expect("it can be copied");
        who.own(&program);
        let outcome = who
            .confined(&["-p", "LockPersonality=yes"])
            .words(&[program.as_os_str(), OsStr::new("say"), OsStr::from_bytes(b"\xfe")])
            .run();
        outcome.ends(0);
        let outcome = who
            .confined(&[OsStr::new("-p"), OsStr::from_bytes(b"ReadOnlyPaths=/\xff")])
            .words(&verbs(&["say ran"]))
            .run();
        outcome.runs_nothing();
        assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    }
}

#[test]
fn nesting() {
    for who in people() {
        refused_text(&who, "arrays", format!("ReadOnlyPaths = {}{}\n", "[".repeat(100_000), "]".repeat(100_000)));
        refused_text(&who, "tables", format!("Seccomp = {}{}\n", "{a = ".repeat(50_000), "}".repeat(50_000)));
        refused_text(&who, "dotted", format!("{} = 1\n", vec!["a"; 50_000].join(".")));
        refused_text(&who, "long", format!("User = \"{}\"\n", "a".repeat(1_000_000)));
        refused_text(&who, "key", format!("{} = 1\n", "K".repeat(1_000_000)));
    }
}

#[test]
fn a_filter_that_the_kernel_would_not_take() {
    for who in people() {
        // More than 4,096 instructions: two thousand conditions on one call.
        let rule = |n: u32| {
            let conditions = format!("Args = [\"arg0 == {n}\", \"arg1 == {}\"]", n * 3);
            format!("[[Seccomp.Rule]]\nSyscalls = [\"keyctl\"]\n{conditions}\nAction = \"errno:EPERM\"\n")
        };
        let rules: Vec<String> = (0..2_500).map(rule).collect();
        let text = format!("[Seccomp]\nDefault = \"allow\"\n{}", rules.concat());
        let path = who.file(&who.place("filter").join("policy.toml"), &text);
        let outcome = run(&who, &path);
        outcome.runs_nothing().complains("4096");
        assert!(matches!(outcome.status.code(), Some(78 | 228)), "{outcome}");
    }
}

#[test]
fn words_that_would_be_options() {
    for who in people() {
        for value in ["-P none", "--", "$(id)", "`id`", "; id", "-p ProtectSystem=no"] {
            let outcome = who.tries(&["-P", value], &["say ran"]);
            outcome.runs_nothing();
            assert!(matches!(outcome.status.code(), Some(64 | 78)), "{outcome}");
        }
        let outcome = who.tries(&["-P", "../../etc/passwd"], &["say ran"]);
        outcome.runs_nothing();
        // An empty list allows nothing; it does not allow everything.
        let path = who.file(
            &who.place("empty").join("policy.toml"),
            "SystemCallErrorNumber = \"EPERM\"\nRestrictAddressFamilies = [\"none\"]\n",
        );
        who.tries(&["-P", path.to_str().expect("UTF-8")], &["socket 2 1 0"]).ends(0).says("socket: EAFNOSUPPORT");
    }
}

#[test]
fn limits_of_the_caller() {
    for who in people() {
        // Little stack, few descriptors: refused or run, never half.
        for state in ["nofile=3", "nofile=4", "nofile=6", "stack=16384", "stack=65536"] {
            let run = who.confined(&["-P", "strict", "-p", &kit::shown()]).words(&verbs(&["caps"])).under(&[state]);
            let outcome = run.within(SOON).run();
            if outcome.stdout.is_empty() {
                assert!(!outcome.status.success(), "{state}{outcome}");
            } else {
                outcome.says("caps: eff=0 prm=0 inh=0 bnd=0 amb=0");
            }
        }
    }
}
