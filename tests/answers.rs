//! What the directives that filter system calls let through: each is read, compiled, and asked about single calls.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::draft::calls::{self, Id};
use stockade::draft::namespaces::Namespace;
use stockade::fault::{Fault, Origin, Source};
use stockade::host::Host;
use stockade::plan::filter::machine::{Data, run};
use stockade::plan::filter::tree;
use stockade::plan::seccomp;
use stockade::policy::Policy;
use stockade::text::{Document, Entry, Kind, Value};

const SIGCHLD: u64 = 17;
const ALLOW: Action = Action::Allow;
const KILL: Action = Action::KillProcess;
const EPERM: Action = Action::Errno(1);
const ENOSYS: Action = Action::Errno(38);
const EAFNOSUPPORT: Action = Action::Errno(97);

fn origin(text: &str) -> Origin {
    let source = Arc::new(Source { name: "test.toml".into(), text: text.into() });
    Origin::new(&source, 0..text.len())
}

fn value(text: &str) -> Value {
    Value { kind: Kind::Text(text.into()), at: origin(text) }
}

fn entry(name: &str, value: Value) -> Entry {
    Entry { name: name.into(), at: origin(name), value }
}

fn list(lines: &[&str]) -> Value {
    Value { kind: Kind::List(lines.iter().map(|line| value(line)).collect()), at: origin("[...]") }
}

fn table(entries: &[(&str, &[&str])]) -> Value {
    let entries = entries.iter().map(|(name, lines)| match lines {
        [one] => entry(name, value(one)),
        lines => entry(name, list(lines)),
    });
    Value { kind: Kind::Table(entries.collect()), at: origin("{...}") }
}

fn read(entries: Vec<Entry>) -> Result<Policy, Vec<Fault>> {
    Policy::read(&Document { entries })
}

/// Directives in systemd's own spelling, as by `-p`.
fn policy(words: &[&str]) -> Policy {
    let entries = words.iter().map(|word| {
        let (name, text) = word.split_once('=').expect("NAME=VALUE");
        entry(name, value(text))
    });
    read(entries.collect()).expect("a good policy")
}

fn refused(word: &str) -> Fault {
    let (name, text) = word.split_once('=').expect("NAME=VALUE");
    let mut faults = read(vec![entry(name, value(text))]).expect_err(word);
    assert_eq!(faults.len(), 1, "{word}");
    faults.remove(0)
}

fn host() -> Host {
    Host { release: (6, 1), personality: 0x0004_0000, ..Host::default() }
}

/// The compiled filter's answers.
struct Judge(tree::Program);

impl Judge {
    fn new(policy: &Policy) -> Self {
        let filter = seccomp::collect(&policy.draft(), &host());
        Self(tree::compile(&filter, Arch::X86_64).expect("a filter"))
    }

    fn number(&self, number: u32, args: &[u64]) -> Action {
        let mut all = [0; 6];
        all[..args.len()].copy_from_slice(args);
        let data = Data { nr: number, arch: Arch::X86_64.audit(), ip: 0, args: all };
        Action::from_ret(run(&self.0.code, &data).expect("a program that the kernel takes"))
    }

    fn call(&self, name: &str, args: &[u64]) -> Action {
        self.number(calls::number(Arch::X86_64, name).expect("a call of x86-64"), args)
    }
}

fn judge(words: &[&str]) -> Judge {
    Judge::new(&policy(words))
}

#[test]
fn a_list_of_allowed_calls_starts_from_the_default_group() {
    let words = ["SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources"];
    let judge = judge(&[&words[..], &["SystemCallErrorNumber=EPERM"]].concat());
    for name in ["read", "execve", "brk", "openat", "clone", "socket"] {
        assert_eq!(judge.call(name, &[]), ALLOW, "{name}");
    }
    // Taken away again, never listed, and in neither group.
    for name in ["chown", "setpriority", "mount", "kexec_load", "syslog", "ptrace"] {
        assert_eq!(judge.call(name, &[]), EPERM, "{name}");
    }
    for number in [calls::newest(Arch::X86_64) + 1, 5000, 0x3fff_ffff] {
        assert_eq!(judge.number(number, &[]), ENOSYS, "{number}");
    }
    let kills = self::judge(&words);
    assert_eq!(kills.call("chown", &[]), KILL);
    assert_eq!(kills.number(5000, &[]), ENOSYS);
}

#[test]
fn calls_have_answers_of_their_own_and_the_last_entry_counts() {
    let judge = judge(&[
        "SystemCallFilter=@system-service clone3:ENOSYS chown:7",
        "SystemCallFilter=~ptrace:EACCES @mount:ENOTDIR fchown",
        "SystemCallFilter=umount2 fchown",
        "SystemCallFilter=~socket:kill",
        "SystemCallErrorNumber=5",
    ]);
    assert_eq!(judge.call("clone3", &[]), ENOSYS);
    assert_eq!(judge.call("chown", &[]), Action::Errno(7));
    assert_eq!(judge.call("ptrace", &[]), Action::Errno(13));
    assert_eq!(judge.call("mount", &[]), Action::Errno(20));
    assert_eq!(judge.call("umount2", &[]), ALLOW);
    assert_eq!(judge.call("fchown", &[]), ALLOW);
    assert_eq!(judge.call("socket", &[]), KILL);
    assert_eq!(judge.call("kexec_load", &[]), Action::Errno(5));
}

#[test]
fn a_list_of_refused_calls_allows_the_rest() {
    let judge = judge(&["SystemCallFilter=~@mount @swap:ENOSYS", "SystemCallFilter=umount2 100000"]);
    assert_eq!(judge.call("mount", &[]), KILL);
    assert_eq!(judge.call("swapon", &[]), ENOSYS);
    assert_eq!(judge.call("umount2", &[]), ALLOW);
    assert_eq!(judge.call("read", &[]), ALLOW);
    assert_eq!(judge.number(5000, &[]), ALLOW);
    let again = self::judge(&["SystemCallFilter=~@mount", "SystemCallFilter=", "SystemCallFilter=mount"]);
    assert_eq!(again.call("mount", &[]), ALLOW);
    assert_eq!(again.call("swapon", &[]), KILL);
}

#[test]
fn other_architectures_are_killed_unless_they_are_listed() {
    let on = |judge: &Judge, arch: Arch, number: u32| {
        let data = Data { nr: number, arch: arch.audit(), ip: 0, args: [0; 6] };
        Action::from_ret(run(&judge.0.code, &data).expect("a program that the kernel takes"))
    };
    let native = judge(&["SystemCallFilter=~mount"]);
    assert_eq!(on(&native, Arch::X86, 3), KILL);
    assert_eq!(on(&native, Arch::X86_64, 0x4000_0000), KILL);
    let both = judge(&["SystemCallFilter=~mount", "SystemCallArchitectures=x86 arm"]);
    assert_eq!(on(&both, Arch::X86, 3), ALLOW);
    assert_eq!(on(&both, Arch::X86, 21), KILL);
    assert_eq!(on(&both, Arch::X86_64, 0x4000_0000), KILL);
    assert_eq!(on(&judge(&["SystemCallArchitectures=native"]), Arch::X86, 3), KILL);
}

#[test]
fn logged_calls_still_run() {
    let some = judge(&["SystemCallLog=@mount", "SystemCallLog=~umount2", "SystemCallFilter=~move_mount:EPERM"]);
    assert_eq!(some.call("mount", &[]), Action::Log);
    assert_eq!(some.call("umount2", &[]), ALLOW);
    assert_eq!(some.call("move_mount", &[]), EPERM);
    let all = judge(&["SystemCallLog=~read"]);
    assert_eq!(all.call("read", &[]), ALLOW);
    assert_eq!(all.call("mount", &[]), Action::Log);
}

#[test]
fn rules_of_the_table_come_before_the_list() {
    let rule = |entries: &[(&str, &[&str])]| entry("Seccomp.Rule", table(entries));
    let entries = vec![
        rule(&[
            ("Syscalls", &["socket"]),
            ("Args", &["arg0 == AF_VSOCK"]),
            ("Action", &["errno"]),
            ("ErrnoRet", &["97"]),
        ]),
        rule(&[
            ("Syscalls", &["prctl"]),
            ("Args", &["arg0 >= 10", "arg0 < 20", "arg0 != 15"]),
            ("Action", &["trap:7"]),
        ]),
        rule(&[("Syscalls", &["@swap", "7000"]), ("Action", &["allow"])]),
    ];
    let alone = Judge::new(&read(entries.clone()).expect("a good policy"));
    let all = [entries, vec![entry("SystemCallFilter", value("read prctl")), entry("Seccomp.Default", value("log"))]];
    let listed = Judge::new(&read(all.concat()).expect("a good policy"));
    for judge in [&alone, &listed] {
        assert_eq!(judge.call("socket", &[40]), EAFNOSUPPORT);
        assert_eq!(judge.call("socket", &[0x7_0000_0028]), EAFNOSUPPORT);
        assert_eq!(judge.call("prctl", &[12]), Action::Trap(7));
        assert_eq!(judge.call("prctl", &[15]), ALLOW);
        assert_eq!(judge.call("prctl", &[20]), ALLOW);
        assert_eq!(judge.call("swapon", &[]), ALLOW);
        assert_eq!(judge.number(7000, &[]), ALLOW);
        assert_eq!(judge.call("read", &[]), ALLOW);
    }
    assert_eq!(alone.call("socket", &[1]), ALLOW);
    assert_eq!(listed.call("socket", &[1]), Action::Log);
    assert_eq!(listed.call("mount", &[]), Action::Log);
    assert_eq!(listed.number(5000, &[]), Action::Log);
}

#[test]
fn the_tables_default_refuses_what_no_rule_allows() {
    let rule = entry("Seccomp.Rule", table(&[("Syscalls", &["read", "write"]), ("Action", &["allow"])]));
    let default = entry("Seccomp.Default", value("errno:EPERM"));
    let judge = Judge::new(&read(vec![rule.clone(), default.clone()]).expect("a good policy"));
    assert_eq!(judge.call("write", &[]), ALLOW);
    assert_eq!(judge.call("openat", &[]), EPERM);
    assert_eq!(judge.number(5000, &[]), ENOSYS);
    let off = read(vec![rule, default, entry("Seccomp.Mode", value("none"))]).expect("a good policy");
    assert!(!seccomp::wanted(&off.draft(), &host()));
}

#[test]
fn namespaces_are_refused_by_kind() {
    for subset in 0_u32..256 {
        let chosen: Vec<Namespace> = Namespace::ALL
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| subset >> bit & 1 == 1)
            .map(|(_, kind)| kind)
            .collect();
        let words: Vec<&str> = chosen.iter().map(|kind| kind.word()).collect();
        let allowed =
            judge(&[&format!("RestrictNamespaces={}", if subset == 0 { "yes".into() } else { words.join(" ") })]);
        let inverted = judge(&["RestrictNamespaces=no", &format!("RestrictNamespaces=~{}", words.join(" "))]);
        for kind in Namespace::ALL {
            let flag = u64::from(kind.flag());
            for (judge, open) in [(&allowed, chosen.contains(&kind)), (&inverted, !chosen.contains(&kind))] {
                let expected = if open { ALLOW } else { EPERM };
                for high in [0, 1 << 32, 0x8000_0000_0000_0000] {
                    assert_eq!(judge.call("unshare", &[flag | high | 0x200]), expected, "{subset:#x} {kind:?}");
                    assert_eq!(judge.call("setns", &[3, flag | high]), expected, "{subset:#x} {kind:?}");
                    let by_clone = if kind == Namespace::Time { ALLOW } else { expected };
                    assert_eq!(judge.call("clone", &[flag | high | SIGCHLD]), by_clone, "{subset:#x} {kind:?}");
                }
                if kind == Namespace::Mnt {
                    assert_eq!(judge.call("unshare", &[0x0010_0000]), expected);
                    assert_eq!(judge.call("open_tree", &[0, 0, 2]), expected);
                    assert_eq!(judge.call("fsmount", &[0, 2]), expected);
                    assert_eq!(judge.call("open_tree", &[0, 0, 1]), ALLOW);
                }
            }
        }
        for (judge, all) in [(&allowed, subset == 255), (&inverted, subset == 0)] {
            assert_eq!(judge.call("clone3", &[]), if all { ALLOW } else { ENOSYS });
            assert_eq!(judge.call("setns", &[3, 0]), if all { ALLOW } else { EPERM });
            assert_eq!(judge.call("clone", &[0x003d_0f00]), ALLOW, "a thread");
            assert_eq!(judge.call("unshare", &[0x200]), ALLOW);
        }
    }
}

#[test]
fn lists_of_namespaces_add_up() {
    let open = |words: &[&str], kind: Namespace| judge(words).call("unshare", &[kind.flag().into()]) == ALLOW;
    let two = ["RestrictNamespaces=ipc net", "RestrictNamespaces=uts", "RestrictNamespaces=~net"];
    assert!(open(&two, Namespace::Ipc) && open(&two, Namespace::Uts));
    assert!(!open(&two, Namespace::Net) && !open(&two, Namespace::User));
    assert!(open(&["RestrictNamespaces=yes", "RestrictNamespaces="], Namespace::User));
    assert!(!open(&["RestrictNamespaces=ipc", "RestrictNamespaces=yes"], Namespace::Ipc));
}

#[test]
fn address_families_are_compared_as_the_kernel_sees_them() {
    let allowed = judge(&[
        "RestrictAddressFamilies=AF_UNIX AF_INET",
        "RestrictAddressFamilies=AF_INET6 AF_VSOCK",
        "RestrictAddressFamilies=~AF_VSOCK",
    ]);
    let inverted = judge(&["RestrictAddressFamilies=~AF_PACKET AF_VSOCK", "RestrictAddressFamilies=AF_PACKET"]);
    let none = judge(&["RestrictAddressFamilies=none", "RestrictAddressFamilies=~AF_INET"]);
    for high in [0, 1 << 32, 0xffff_ffff_0000_0000] {
        for family in [1, 2, 10, 16, 17, 40, 46, 4000, 0xffff_ffff] {
            let expected = |open: bool| if open { ALLOW } else { EAFNOSUPPORT };
            let ask = |judge: &Judge| judge.call("socket", &[family | high, 1, 0]);
            assert_eq!(ask(&allowed), expected([1, 2, 10].contains(&family)), "{family}");
            assert_eq!(ask(&inverted), expected(family != 40), "{family}");
            assert_eq!(ask(&none), EAFNOSUPPORT, "{family}");
        }
    }
    assert_eq!(none.call("socketpair", &[1]), ALLOW);
    let x86 = judge(&["RestrictAddressFamilies=AF_UNIX", "SystemCallArchitectures=x86"]);
    let socketcall = |call: u64| {
        let data = Data { nr: 102, arch: Arch::X86.audit(), ip: 0, args: [call, 0, 0, 0, 0, 0] };
        Action::from_ret(run(&x86.0.code, &data).expect("a program that the kernel takes"))
    };
    assert_eq!((socketcall(1), socketcall(3)), (EAFNOSUPPORT, ALLOW));
}

#[test]
fn set_id_bits_cannot_be_set() {
    let judge = judge(&["RestrictSUIDSGID=yes"]);
    for (name, mode) in [
        ("chmod", 1),
        ("fchmod", 1),
        ("fchmodat", 2),
        ("fchmodat2", 2),
        ("mkdir", 1),
        ("mkdirat", 2),
        ("mknod", 1),
        ("mknodat", 2),
        ("creat", 1),
    ] {
        for (bits, expected) in [(0o4755, EPERM), (0o2755, EPERM), (0o6000, EPERM), (0o1777, ALLOW), (0o755, ALLOW)] {
            let mut args = [0xffff; 6];
            args[mode] = bits | 0xdead_0000_0000;
            assert_eq!(judge.call(name, &args), expected, "{name} {bits:o}");
        }
    }
    for (name, at) in [("open", 1), ("openat", 2)] {
        let ask = |flags: u64, mode: u64| {
            let mut args = [0; 6];
            (args[at], args[at + 1]) = (flags, mode);
            judge.call(name, &args)
        };
        // O_CREAT, O_TMPFILE, and neither, when the mode means nothing.
        assert_eq!(ask(0o101, 0o4755), EPERM);
        assert_eq!(ask(0o20_200_002, 0o2755), EPERM);
        assert_eq!(ask(0o200_000, 0o4755), ALLOW);
        assert_eq!(ask(0o101, 0o644), ALLOW);
    }
    assert_eq!(judge.call("openat2", &[]), ENOSYS);
}

#[test]
fn realtime_scheduling_cannot_be_had() {
    let policy = policy(&["RestrictRealtime=yes"]);
    let judge = Judge::new(&policy);
    for (scheduler, expected) in [
        (0, ALLOW),
        (1, EPERM),
        (2, EPERM),
        (3, ALLOW),
        (4, EPERM),
        (5, ALLOW),
        (6, EPERM),
        (7, EPERM),
        (u64::MAX, EPERM),
    ] {
        for extra in [0, 0x4000_0000, 1 << 32] {
            assert_eq!(judge.call("sched_setscheduler", &[0, scheduler | extra]), expected, "{scheduler}");
        }
    }
    assert_eq!(judge.call("sched_setattr", &[]), EPERM);
    let limits = policy.draft().limits;
    assert!(limits.iter().any(|asked| (asked.what.resource, asked.what.soft, asked.what.hard) == (14, 0, 0)));
}

#[test]
fn the_personality_is_locked_to_the_callers() {
    let judge = judge(&["LockPersonality=yes"]);
    assert_eq!(judge.call("personality", &[0x0004_0000]), ALLOW);
    assert_eq!(judge.call("personality", &[0x7_0004_0000]), ALLOW);
    assert_eq!(judge.call("personality", &[0]), EPERM);
    assert_eq!(judge.call("personality", &[0xffff_ffff]), EPERM);
}

#[test]
fn old_kernels_get_a_filter_against_writable_code() {
    let policy = policy(&["MemoryDenyWriteExecute=yes"]);
    let judge = Judge::new(&policy);
    for (name, arg, expected) in [
        ("mmap", 7, EPERM),
        ("mmap", 6, EPERM),
        ("mmap", 5, ALLOW),
        ("mmap", 3, ALLOW),
        ("mprotect", 4, EPERM),
        ("mprotect", 5, EPERM),
        ("mprotect", 3, ALLOW),
        ("pkey_mprotect", 4, EPERM),
        ("shmat", 0o100_000, EPERM),
        ("shmat", 0o10_000, ALLOW),
    ] {
        assert_eq!(judge.call(name, &[0, 0, arg]), expected, "{name} {arg}");
    }
    assert_eq!(judge.call("personality", &[0x0040_0000]), EPERM);
    assert_eq!(judge.call("personality", &[0xffff_ffff]), ALLOW);
    let newer = Host { release: (6, 3), ..host() };
    assert!(!seccomp::wanted(&policy.draft(), &newer));
}

#[test]
fn wrong_words_are_refused_with_the_right_ones() {
    for (word, message, help) in [
        ("SystemCallFilter=opneat", "`opneat` is not a system call", "`openat`"),
        ("SystemCallFilter=@system-srevice", "`@system-srevice` is not a group", "`@system-service`"),
        ("SystemCallFilter=read ~write", "`~write` stands inside a line", "an element of its own"),
        ("SystemCallFilter=read:EPREM", "`EPREM` is not an error; did you mean `EPERM`?", ""),
        ("SystemCallFilter=read:0", "error 0", "1 to 4095"),
        ("SystemCallFilter=read:4096", "`4096` is not an error", ""),
        ("SystemCallFilter=:EPERM", "`` is not a system call", ""),
        ("SystemCallFilter=4294967295", "`4294967295` is not a system call", ""),
        ("SystemCallLog=read:EPERM", "no answers of their own", ""),
        ("SystemCallErrorNumber=0", "error 0", ""),
        ("SystemCallErrorNumber=log", "`log` is not an error", ""),
        ("SystemCallArchitectures=amd64", "`amd64` is not an architecture", "arm64"),
        ("RestrictNamespaces=users", "`users` is not a kind of namespace", "cgroup, ipc"),
        ("RestrictAddressFamilies=AF_INET AF_UNXI", "`AF_UNXI` is not an address family", "`AF_UNIX`"),
        ("RestrictAddressFamilies=AF_INET none", "`none` is not an address family", ""),
        ("Seccomp.Mode=stricter", "`stricter` is not a value", "strict-compat"),
        ("Seccomp.StrictAt=0xmain", "`0xmain` is not a hexadecimal address", ""),
        ("Seccomp.StrictAt=4096", "`4096` is neither auto, entry, main, a symbol nor an address", ""),
        ("Seccomp.Default=trace:65536", "`65536` in `trace:65536` is not a number", ""),
        ("Seccomp.Decide=allow", "`allow` is not a decision; there are continue", ""),
        ("Seccomp.Decide=errno:0", "error 0 pretends success", ""),
        ("Seccomp.Decide=value:many", "is not a number of 64 bits", ""),
        ("Seccomp.Listener=run/agent.sock", "is not an absolute path", ""),
        ("Seccomp.Default=deny", "`deny` is not an action", ""),
        ("Seccomp.Flags=tsnyc", "`tsnyc` is not a flag", "tsync"),
        ("SystemCallFilter=read:trap:x", "`x` in `trap:x` is not a number", ""),
        ("SystemCallFilter=read:trap:65536", "65535", ""),
        ("SystemCallFilter=read:kill-thread:1", "`kill-thread:1` is not an action", ""),
        ("SystemCallErrorNumber=trap", "`trap` is not an error", ""),
        ("Seccomp.Rule=read", "a rule is a table", ""),
        ("PrivateUsers=managed", "systemd-nsresourced lends to a unit", "identity"),
        ("PrivateNetwork=maybe", "`maybe` is not a value", "yes, no"),
    ] {
        let fault = refused(word);
        assert!(fault.message.contains(message), "{word}: {}", fault.message);
        assert!(fault.help.join("\n").contains(help), "{word}: {:?}", fault.help);
        assert!(fault.origin.is_some(), "{word}");
    }
}

#[test]
fn wrong_rules_are_refused() {
    for (entries, message) in [
        (&[("Action", &["allow"][..])][..], "the rule has no Syscalls"),
        (&[("Syscalls", &["read"])], "the rule has no Action"),
        (&[("Syscalls", &[][..]), ("Action", &["allow"])], "names no system calls"),
        (&[("Syscalls", &["raed"]), ("Action", &["allow"])], "`raed` is not a system call"),
        (&[("Syscalls", &["read"]), ("Actoin", &["allow"])], "`Actoin` is not a part of a rule"),
        (&[("Syscalls", &["read"]), ("Action", &["allow"]), ("Args", &["arg9 == 1"])], "arg0 to arg5"),
        (&[("Syscalls", &["socket"]), ("Action", &["allow"]), ("Args", &["arg0 == 0x100000001"])], "32 bits"),
        (&[("Syscalls", &["read"]), ("Action", &["allow"]), ("ErrnoRet", &["1"])], "takes no ErrnoRet"),
        (&[("Syscalls", &["read"]), ("Action", &["allow"]), ("Decide", &["log"])], "takes no Decide"),
        (&[("Syscalls", &["open"]), ("Action", &["trace:1"]), ("Decide", &["open"])], "a tracer cannot open files"),
        (&[("Syscalls", &["read"]), ("Action", &["trace:1"]), ("Decide", &["maybe"])], "`maybe` is not a decision"),
        (&[("Syscalls", &["read"]), ("Action", &["allow"]), ("Architectures", &["i386"])], "`i386` is not an arch"),
        (&[("Syscalls", &["read"]), ("Action", &["allow"]), ("Architectures", &[][..])], "holds on no architecture"),
        (&[("Syscalls", &["read"]), ("Action", &["log"]), ("Decide", &["log"])], "`log` takes no Decide"),
        (&[("Syscalls", &["read"]), ("Action", &["notify"]), ("Decide", &["deny"])], "`deny` is not a decision"),
        (&[("Syscalls", &["openat", "stat"]), ("Action", &["notify"]), ("Decide", &["open"])], "cannot answer stat"),
        (
            &[
                ("Syscalls", &["openat"]),
                ("Action", &["notify"]),
                ("Decide", &["continue"]),
                ("ReadOnlyPaths", &["/etc"]),
            ],
            "ReadOnlyPaths needs Decide = \"open\"",
        ),
        (
            &[("Syscalls", &["openat"]), ("Action", &["notify"]), ("Decide", &["open"]), ("ReadWritePaths", &["etc"])],
            "is not an absolute path",
        ),
    ] {
        let faults = read(vec![entry("Seccomp.Rule", table(entries))]).expect_err(message);
        assert!(faults[0].message.contains(message), "{message}: {}", faults[0].message);
        assert!(faults[0].origin.is_some(), "{message}");
    }
}

#[test]
fn every_name_that_the_directives_refuse_is_known() {
    let everything = policy(&[
        "RestrictNamespaces=yes",
        "RestrictAddressFamilies=none",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "MemoryDenyWriteExecute=yes",
    ]);
    let filter = seccomp::collect(&everything.draft(), &host());
    assert_eq!(filter.layers.len(), 6);
    for call in filter.layers.iter().flat_map(|layer| &layer.rules).flat_map(|rule| &rule.calls) {
        assert!(matches!(call, stockade::draft::calls::Call::Known(_)), "{call}");
    }
}

#[test]
fn exposure_is_scored_as_systemd_scores_it() {
    let badness = |words: &[&str], id: &str| {
        let policy = policy(words);
        let row = stockade::policy::all().flat_map(|row| row.exposure).find(|line| line.id == id).expect(id);
        (row.badness)(&policy)
    };
    for (words, id, expected) in [
        (&[][..], "SystemCallFilter_swap", 10),
        (&["SystemCallFilter=@system-service"], "SystemCallFilter_swap", 0),
        (&["SystemCallFilter=@system-service"], "SystemCallFilter_privileged", 9),
        (&["SystemCallFilter=@system-service", "SystemCallFilter=~@privileged"], "SystemCallFilter_privileged", 0),
        (&["SystemCallFilter=~@swap"], "SystemCallFilter_swap", 0),
        (&["SystemCallFilter=~@swap"], "SystemCallFilter_mount", 10),
        (&["SystemCallFilter=~@mount", "SystemCallFilter=mount"], "SystemCallFilter_mount", 10),
        (&["SystemCallArchitectures=native"], "SystemCallArchitectures", 0),
        (&["SystemCallArchitectures=native x86"], "SystemCallArchitectures", 8),
        (&[], "SystemCallArchitectures", 10),
        (&["RestrictNamespaces=~user"], "RestrictNamespaces_user", 0),
        (&["RestrictNamespaces=~user"], "RestrictNamespaces_mnt", 1),
        (&["RestrictAddressFamilies=AF_UNIX"], "RestrictAddressFamilies_AF_INET_INET6", 0),
        (&["RestrictAddressFamilies=AF_UNIX"], "RestrictAddressFamilies_AF_UNIX", 1),
        (&["RestrictAddressFamilies=~AF_PACKET"], "RestrictAddressFamilies_AF_PACKET", 0),
        (&["RestrictAddressFamilies=~AF_PACKET"], "RestrictAddressFamilies_OTHER", 1),
        (&["RestrictAddressFamilies=none"], "RestrictAddressFamilies_OTHER", 0),
        (&["PrivateNetwork=yes"], "PrivateMounts", 0),
        (&["PrivateNetwork=yes", "PrivateMounts=no"], "PrivateMounts", 1),
    ] {
        assert_eq!(badness(words, id), Some(expected), "{words:?} {id}");
    }
}

/// Directives that only take away, whatever stands beside them.
const RESTRICTIONS: [&str; 16] = [
    "RestrictNamespaces=yes",
    "RestrictNamespaces=ipc net",
    "RestrictNamespaces=~user mnt",
    "RestrictAddressFamilies=none",
    "RestrictAddressFamilies=AF_UNIX AF_INET",
    "RestrictAddressFamilies=~AF_PACKET AF_VSOCK",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallLog=@mount socket",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged socket:EPERM",
    "SystemCallFilter=~clone3:ENOSYS",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_restriction_never_allows_more(
        base in proptest::collection::vec(select(&RESTRICTIONS[..]), 0..4),
        extra in select(&RESTRICTIONS[..15]),
        calls in proptest::collection::vec((0_u32..600, proptest::array::uniform6(argument())), 64),
    ) {
        // Lists of one directive add up to something else, which may well be milder.
        let name = |word: &str| word.split('=').next().map(str::to_owned);
        prop_assume!(base.iter().all(|word| name(word) != name(extra)));
        let before = judge(&base);
        let after = judge(&[&base[..], &[extra]].concat());
        let special = ["socket", "clone", "unshare", "setns", "openat", "chmod", "sched_setscheduler", "mmap", "personality"];
        let special = special.iter().filter_map(|name| Id::named(name)?.number(Arch::X86_64));
        for (number, args) in special.flat_map(|number| calls.iter().map(move |(_, args)| (number, args)))
            .chain(calls.iter().map(|(number, args)| (*number, args)))
        {
            let (was, is) = (before.number(number, args), after.number(number, args));
            prop_assert!(is.strictness() >= was.strictness(), "{base:?} {extra}: {number} {args:x?}: {was} became {is}");
        }
    }
}

/// Values that mean something to one of the restricted calls, with and without high bits.
fn argument() -> impl Strategy<Value = u64> {
    let low = select(vec![
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        10,
        16,
        17,
        40,
        0o101,
        0o755,
        0o4755,
        0o2000,
        0x0004_0000,
        0x0002_0000,
        0x0800_0000,
        0x1000_0000,
        0x4000_0000,
        0x7e02_0000,
        0xffff_ffff_u64,
    ]);
    (low, select(vec![0, 1 << 32, 0xffff_ffff_0000_0000])).prop_map(|(low, high)| low | high)
}
