//! `stockade filter`: what it prints is what holds.

mod kit;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command};

use kit::{Outcome, Who, base, people, roots};
use serde_json::Value;

/// `stockade filter` with these words.
fn filter(who: &Who, words: &[&str]) -> Outcome {
    who.stockade(&["filter"]).words(words).run()
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}{outcome}"))
}

#[test]
fn rules_say_who_decides() {
    let who = &people()[0];
    let policy = who.file(
        &who.place("rules").join("small.toml"),
        "SystemCallFilter = [\"~@swap\", \"ptrace:EACCES\"]\nSystemCallErrorNumber = \"EPERM\"\n\
         RestrictAddressFamilies = [\"AF_UNIX\"]\n[Seccomp]\nFlags = [\"log\"]\n\
         [[Seccomp.Rule]]\nSyscalls = [\"read\", \"write\"]\nArgs = [\"arg0 == 77\", \"arg2 & 0xf00 != 0\"]\nAction = \"trap:9\"\n",
    );
    let outcome = filter(who, &[policy.to_str().expect("a path")]);
    let name = policy.display();
    outcome.quietly().ends(0);
    let blank = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = blank(&outcome.stdout);
    for part in [
        "one program of",
        "other architectures: kill-process loaded with: log x86-64 allow",
        &format!("errno:EPERM # SystemCallFilter at {name}:1 swapon swapoff"),
        &format!("errno:EACCES # SystemCallFilter at {name}:1 ptrace"),
        &format!(
            "by arguments: read write if arg0 == 77 and arg2 & 0xf00 != 0 trap:9 # Seccomp.Rule at {name}:6 otherwise allow"
        ),
        &format!(
            "by arguments: socket if arg0 == AF_UNIX allow # RestrictAddressFamilies at {name}:3 \
             otherwise errno:EAFNOSUPPORT # RestrictAddressFamilies at {name}:3"
        ),
    ] {
        assert!(said.contains(part), "no `{part}`{outcome}");
    }
}

#[test]
fn questions_are_answered_and_the_status_says_it_too() {
    for who in people() {
        for (words, status, said) in [
            (&["strict", "--try", "read"][..], 0, "read: allow  # SystemCallFilter at profile:strict:"),
            (
                &["strict", "--try", "socket(AF_NETLINK, SOCK_RAW, 0)"],
                3,
                "errno:EAFNOSUPPORT  # RestrictAddressFamilies at profile:strict:",
            ),
            (&["strict", "--try", "socket(AF_INET)"], 0, "allow  # RestrictAddressFamilies at profile:strict:"),
            (&["strict", "--try", "socket"], 4, "otherwise"),
            (&["strict", "--try", "clone"], 4, "RestrictNamespaces at profile:strict:"),
            (&["strict", "--try", "read", "--try", "clone"], 4, "read: allow"),
            (&["strict", "--try", "clone", "--try", "mount"], 3, "mount: errno:EPERM"),
            (&["strict", "--try", "read", "--arch", "x86"], 3, "kill-process  # SystemCallArchitectures does not list"),
            (&["strict", "--try", "9999"], 3, "errno:ENOSYS  # newer calls and SystemCallFilter at profile:strict:"),
            (
                &["-p", "SystemCallLog=read", "--try", "read(0, _, 5)"],
                0,
                "log  # SystemCallLog at -p SystemCallLog=read",
            ),
            (&["none", "--try", "reboot"], 0, "reboot: allow\n"),
            (
                &[
                    "-p",
                    "SystemCallFilter=~openat",
                    "-p",
                    "SystemCallArchitectures=x86",
                    "--try",
                    "openat",
                    "--arch",
                    "x86",
                ],
                3,
                "kill-process",
            ),
        ] {
            let outcome = filter(&who, words);
            outcome.quietly().ends(status);
            assert!(outcome.stdout.contains(said), "no `{said}`{outcome}");
        }
        for (words, status, complaint) in [
            (&["strict", "--try", "opneat"][..], 64, "did you mean `openat`"),
            (&["strict", "--try", "socket(AF_NETLNIK)"], 64, "AF_NETLINK"),
            (&["strict", "--try", "read", "--format", "raw"], 64, "cannot be answered"),
            (&["strict", "--arch", "x86"], 64, "--try"),
            (&["none", "--format", "raw"], 1, "filters no system calls"),
            (&[], 64, "no policy was given"),
            (&["--pid", "1", "strict"], 64, "cannot be used with"),
            (&["--pid", "2147483647"], 1, "there is no such process"),
        ] {
            filter(&who, words).ends(status).runs_nothing().complains(complaint);
        }
        let outcome = filter(&who, &["strict", "--json", "--try", "socket(1)", "--try", "clone"]);
        let value = json(outcome.quietly().ends(4));
        assert_eq!((&value[0]["verdict"], &value[1]["verdict"]), (&"success".into(), &"depends".into()), "{outcome}");
        assert_eq!(value[1]["answers"][0]["directive"], "RestrictNamespaces");
        assert!(value[1]["answers"][0]["line"].is_number() && value[1]["answers"][0]["source"] == "profile:strict");
    }
}

#[test]
fn a_refused_execve_is_explained() {
    for who in people() {
        let options = ["-p", "Seccomp.ExecOnce=yes"];
        filter(&who, &[&options[..], &["--try", "execve"]].concat()).ends(3).complains("stockade's own start");
        filter(&who, &options).ends(0).complains("execve is refused");
        let outcome = filter(&who, &[&options[..], &["--format", "bpf"]].concat());
        outcome.ends(0).complains("another launcher must execute the target before");
        // No cookie goes out.
        assert_eq!(outcome.stdout, filter(&who, &[&options[..], &["--format", "bpf"]].concat()).stdout);
    }
}

/// All that a shell's redirection would have written.
fn bytes(who: &Who, words: &[&str]) -> Vec<u8> {
    let output = who.stockade(&["filter"]).words(words).command().output().expect("stockade runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn every_format_is_the_same_program() {
    let who = &people()[0];
    for options in [&["-P", "strict"][..], &["-p", "SystemCallFilter=~getpgid:7"]] {
        let with = |format: &'static str| [options, &["--format", format]].concat();
        let value = json(&filter(who, &with("json")));
        let code: Vec<Vec<u64>> = serde_json::from_value(value["programs"][0]["code"].clone()).expect("numbers");
        assert_eq!(value["programs"][0]["instructions"], code.len());
        let raw = bytes(who, &with("raw"));
        let read: Vec<Vec<u64>> = raw
            .chunks(8)
            .map(|op| {
                let k = u32::from_ne_bytes([op[4], op[5], op[6], op[7]]);
                vec![u16::from_ne_bytes([op[0], op[1]]).into(), op[2].into(), op[3].into(), k.into()]
            })
            .collect();
        assert_eq!(read, code);
        let text = filter(who, &with("bpf")).stdout;
        let (count, lines) = text.split_once('\n').expect("a count");
        assert_eq!(count, code.len().to_string());
        let numbers = |line: &str| line.split(' ').map(|word| word.parse().expect("a number")).collect::<Vec<u64>>();
        assert_eq!(lines.lines().map(numbers).collect::<Vec<_>>(), code);
        let said = filter(who, &with("disasm")).stdout;
        assert_eq!(
            said.lines()
                .filter(|line| line.split_whitespace().next().is_some_and(|word| word.parse::<usize>().is_ok()))
                .count(),
            code.len()
        );
        // A C compiler reads the array as the same bytes.
        let place = who.place("c");
        let main = "#include <stdio.h>\nint main(void) { return !fwrite(filter, sizeof filter, 1, stdout); }\n";
        let source = format!("#include <linux/filter.h>\n{}{main}", filter(who, &with("c")).stdout);
        fs::write(place.join("filter.c"), source).expect("written");
        kit::compile(&place.join("filter.c"), &place.join("filter"), &["-Wall", "-Werror"]);
        assert_eq!(Command::new(place.join("filter")).output().expect("it runs").stdout, raw);
    }
}

#[test]
fn another_loader_can_use_the_raw_program() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/actions.c");
    let loader = base().join("loader");
    kit::compile(&source, &loader, &["-std=gnu11", "-O1", "-static", "-pthread"]);
    for who in people() {
        let path = who.place("raw").join("filter.bpf");
        who.file(&path, bytes(&who, &["-p", "SystemCallFilter=~getpgid:7", "--format", "raw"]));
        let words = [loader.as_os_str(), "load".as_ref(), path.as_os_str(), "single".as_ref()];
        who.bare(&words).run().quietly().ends(7).says("result: -7");
    }
}

/// A target that runs until this is dropped.
struct Running(Child);

impl Running {
    fn new(run: &kit::Run) -> Self {
        let mut child = run.command().spawn().expect("a child");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert_eq!(line, "here\n");
        Self(child)
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn state(&self) -> (String, String) {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it lives");
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        (field("State:").chars().take(1).collect(), field("TracerPid:"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

const WAIT: [&str; 3] = ["/bin/sh", "-c", "echo here; while :; do sleep 60; done"];

/// Which calls get one action only, whoever decides: architecture, call and action.
fn constant(value: &Value) -> BTreeSet<[String; 3]> {
    let mut all = BTreeSet::new();
    for section in value["architectures"].as_array().expect("sections") {
        for group in section["groups"].as_array().expect("groups") {
            let answers = group["answers"].as_array().expect("answers");
            let mut actions: Vec<String> = answers.iter().map(|answer| answer["action"].to_string()).collect();
            actions.dedup();
            for call in group["calls"].as_array().expect("calls").iter().filter(|_| actions.len() == 1) {
                all.insert([section["architecture"].to_string(), call.to_string(), actions[0].clone()]);
            }
        }
    }
    all
}

#[test]
fn a_process_has_the_filter_that_its_policy_says() {
    let root = people().into_iter().find(Who::is_root);
    for who in people() {
        for policy in [
            &["-P", "strict"][..],
            &["-P", "container-default"],
            &["-p", "SystemCallFilter=~@mount:ENOSYS ptrace:trap:5"],
        ] {
            let target = Running::new(&who.confined(policy).words(&WAIT));
            let Some(root) = &root else {
                let outcome = filter(&who, &["--pid", &target.pid()]);
                outcome.ends(1).runs_nothing().complains("one filter (Seccomp: 2, Seccomp_filters: 1)");
                continue;
            };
            let own = json(&filter(root, &[policy, &["--json"]].concat()));
            let read = json(filter(root, &["--json", "--pid", &target.pid()]).quietly().ends(0));
            assert_eq!((&read["seccomp"], &read["seccomp_filters"]), (&2.into(), &1.into()));
            assert_eq!(read["programs"][0]["code"], own["programs"][0]["code"], "{policy:?}");
            let (wanted, found) = (constant(&own), constant(&read));
            assert!(wanted.len() > 300);
            // The process's are told for architectures that its filter refuses, too.
            assert_eq!(wanted.difference(&found).collect::<Vec<_>>(), Vec::<&[String; 3]>::new(), "{policy:?}");
            let arch = own["architectures"][0]["architecture"].to_string();
            let native = found.iter().filter(|one| one[0] == arch);
            assert_eq!(native.count(), wanted.len(), "{policy:?}");
            assert_eq!(target.state(), ("S".into(), "0".into()), "it goes on");
            if !who.is_root() {
                let outcome = filter(&who, &["--pid", &target.pid()]);
                outcome.ends(1).runs_nothing().complains("one filter (Seccomp: 2, Seccomp_filters: 1)");
            }
        }
    }
}

#[test]
fn several_filters_are_read_together_or_one_by_one() {
    for who in &roots() {
        let outer = who.confined(&["-p", "SystemCallFilter=~getpgid:7", "-p", "SystemCallArchitectures=x86"]);
        let target = Running::new(
            &who.confined(&["-p", "SystemCallFilter=~getsid:log", "-p", "Seccomp.Flags=log"])
                .words(&WAIT)
                .behind(&outer.argv),
        );
        let asked = |more: &[&str]| filter(who, &[&["--pid", &target.pid()][..], more].concat());
        let both = asked(&[]);
        both.quietly().ends(0);
        let lines: Vec<&str> = both.stdout.lines().collect();
        assert!(lines[0].ends_with(": 2 filters (Seccomp: 2, Seccomp_filters: 2)"), "{both}");
        assert!(lines[1].starts_with("filter 1: ") && !lines[1].ends_with("logged"), "{both}");
        assert!(lines[2].starts_with("filter 2: ") && lines[2].ends_with("logged"), "{both}");
        // Together the strictest answer counts; alone each says its own.
        for (more, getpgid, getsid, x86) in [
            (&[][..], "errno:E2BIG", "log", "kill-process"),
            (&["--nth", "1"], "errno:E2BIG", "allow", "allow"),
            (&["--nth", "2"], "allow", "log", "kill-process"),
        ] {
            for (call, arch, wanted) in
                [("getpgid(0)", "native", getpgid), ("getsid", "native", getsid), ("read", "x86", x86)]
            {
                let outcome = asked(&[more, &["--try", call, "--arch", arch]].concat());
                outcome.quietly().says(&format!("{call}: {wanted}"));
            }
        }
        asked(&["--format", "raw"]).ends(64).complains("choose one: --nth 1 is the oldest");
        asked(&["--nth", "3"]).ends(1).complains("has no filter 3: it has 2");
        let words = |nth: &'static str| ["--nth", nth, "--format", "disasm"];
        assert_ne!(asked(&words("1")).ends(0).stdout, asked(&words("2")).ends(0).stdout);
    }
}

#[test]
fn a_stopped_process_stays_stopped_and_others_say_what_they_have() {
    for who in &roots() {
        let target = Running::new(&who.confined(&["-p", "SystemCallFilter=~getpgid"]).words(&WAIT));
        let pid = i32::try_from(target.0.id()).expect("a pid");
        let stop = |signal: &str| {
            assert!(Command::new("kill").args([signal, &target.pid()]).status().expect("kill(1)").success());
        };
        stop("-STOP");
        while target.state().0 != "T" {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        filter(who, &["--pid", &pid.to_string(), "--try", "getpgid"]).quietly().ends(3).says("getpgid: kill-process");
        assert_eq!(target.state(), ("T".into(), "0".into()));
        stop("-CONT");
        let free = Running::new(&who.bare(&WAIT));
        let outcome = filter(who, &["--pid", &free.pid()]);
        outcome.quietly().ends(0);
        assert!(outcome.stdout.ends_with(": no filter (Seccomp: 0)\n"), "{outcome}");
        filter(who, &["--pid", &free.pid(), "--try", "reboot"]).ends(0).says("reboot: allow");
        filter(who, &["--pid", &free.pid(), "--format", "raw"]).ends(1).complains("has no filter");
    }
}
