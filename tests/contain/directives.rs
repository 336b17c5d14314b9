//! Single directives whose effect is a filter: each refuses what it names and nothing else.

use crate::kit::{Who, people, roots};

/// One launch by `-p` words; the answers of the probe, the same for everybody.
fn holds(properties: &[&str], table: &[(&str, &str)]) {
    for who in people() {
        holds_for(&who, properties, table);
    }
}

fn holds_for(who: &Who, properties: &[&str], table: &[(&str, &str)]) {
    let options: Vec<&str> = properties.iter().flat_map(|word| ["-p", word]).collect();
    let verbs: Vec<&str> = table.iter().map(|(verb, _)| *verb).collect();
    who.tries(&options, &verbs).quietly().ends(0).answers(table);
}

const EVERY_NAMESPACE: [&str; 8] = ["user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time"];

#[test]
fn without_a_sandbox_the_probe_gets_through() {
    // The control: what the other cases see refused is possible here. Only root can show all of it.
    for who in &roots() {
        let table = [
            ("read /etc/shadow", "ok"),
            ("write /etc/stockade-probe", "ok"),
            ("mount /mnt", "ok"),
            ("fsopen", "ok"),
            ("opentree /", "ok"),
            ("unshare net", "ok"),
            ("clone uts", "ok"),
            ("clone3 ipc", "ok"),
            ("setns uts", "ok"),
            ("wx", "ok"),
            ("mprotect", "ok"),
            ("realtime", "ok"),
            ("hostname", "ok"),
            ("settime", "EINVAL"),
            ("keyctl", "ok"),
            ("personality 0x0008", "ok"),
            ("openat2 /", "ok"),
            ("socket 16 3 0", "ok"),
            ("suidcreate /stockade-probe", "ok"),
        ];
        let verbs: Vec<&str> = table.iter().map(|(verb, _)| *verb).collect();
        who.bare(&crate::kit::verbs(&verbs)).run().ends(0).answers(&table);
    }
}

#[test]
fn every_namespace_by_every_call() {
    for name in EVERY_NAMESPACE {
        let calls: Vec<String> =
            ["unshare", "clone", "clone3", "setns", "setnshigh"].iter().map(|call| format!("{call} {name}")).collect();
        let table: Vec<(&str, &str)> = calls
            .iter()
            .map(|call| {
                (
                    call.as_str(),
                    match call.as_str() {
                        call if call.starts_with("clone3") => "ENOSYS",
                        // The flag lies within the exit signal there: it makes no namespace.
                        "clone time" => "ok",
                        _ => "EPERM",
                    },
                )
            })
            .collect();
        holds(&["RestrictNamespaces=yes"], &table);
    }
}

#[test]
fn one_namespace_is_allowed_and_no_other() {
    holds(
        &["RestrictNamespaces=user"],
        &[
            ("unshare user", "ok"),
            ("clone user", "ok"),
            ("unshare uts", "EPERM"),
            ("clone net", "EPERM"),
            ("clone3 user", "ENOSYS"),
            ("clone none", "ok"),
            ("setns none", "EPERM"),
            ("setns uts", "EPERM"),
        ],
    );
    holds(
        &["RestrictNamespaces=~net"],
        &[
            ("unshare net", "EPERM"),
            ("clone net", "EPERM"),
            ("setns net", "EPERM"),
            ("unshare user", "ok"),
            ("clone3 net", "ENOSYS"),
        ],
    );
}

#[test]
fn address_families() {
    holds(
        &["RestrictAddressFamilies=AF_UNIX"],
        &[
            ("socket 1 1 0", "ok"),
            ("socket 2 1 0", "EAFNOSUPPORT"),
            ("socket 10 2 0", "EAFNOSUPPORT"),
            ("socket 16 3 0", "EAFNOSUPPORT"),
            ("socket 17 3 0", "EAFNOSUPPORT"),
            ("socket 40 1 0", "EAFNOSUPPORT"),
            // The kernel takes the low 32 bits of the family; so must the filter.
            ("sockethigh 16 3", "EAFNOSUPPORT"),
            ("sockethigh 1 1", "ok"),
            ("socketpair 1", "ok"),
        ],
    );
    holds(
        &["RestrictAddressFamilies=~AF_NETLINK"],
        &[("socket 16 3 0", "EAFNOSUPPORT"), ("sockethigh 16 3", "EAFNOSUPPORT"), ("socket 2 1 0", "ok")],
    );
    holds(&["RestrictAddressFamilies=none"], &[("socket 1 1 0", "EAFNOSUPPORT"), ("socket 2 1 0", "EAFNOSUPPORT")]);
}

#[test]
fn no_memory_that_is_written_and_executed() {
    holds(
        &["MemoryDenyWriteExecute=yes"],
        // EACCES is the kernel's own answer (PR_SET_MDWE), EPERM a filter's.
        &[
            ("wx", "EACCES|EPERM"),
            ("mprotect", "EACCES|EPERM"),
            ("pkeymprotect", "EACCES|EPERM"),
            ("exec /bin/true", "ok"),
        ],
    );
}

#[test]
fn personality_is_locked() {
    holds(
        &["LockPersonality=yes"],
        &[("personality 0x0008", "EPERM"), ("personality 0x0040000", "EPERM"), ("personality 0", "ok")],
    );
}

#[test]
fn realtime() {
    holds(
        &["RestrictRealtime=yes"],
        &[("realtime", "EPERM"), ("batch", "ok"), ("realtimeattr", "EPERM"), ("limit rtprio", "rtprio 0 0")],
    );
}

#[test]
fn set_user_id_bits() {
    for who in people() {
        let place = who.place("suid");
        let file = place.join("file").display().to_string();
        let verbs = [
            format!("suid {file}"),
            format!("suidcreate {file}"),
            format!("suidat2 {file}"),
            "openat2 /".to_owned(),
            format!("write {file}"),
        ];
        let table: Vec<(&str, &str)> =
            verbs.iter().map(String::as_str).zip(["EPERM", "EPERM", "EPERM", "ENOSYS", "ok"]).collect();
        holds_for(&who, &["RestrictSUIDSGID=yes"], &table);
    }
}

#[test]
fn kernel_modules_logs_and_clock() {
    holds(
        &["ProtectKernelModules=yes"],
        &[
            ("module", "EPERM"),
            ("finitmodule", "EPERM"),
            ("deletemodule", "EPERM"),
            ("list /usr/lib/modules", "EACCES|EPERM|ENOENT|list:"),
        ],
    );
    holds(&["ProtectKernelLogs=yes"], &[("syslog", "EPERM"), ("read /dev/kmsg", "EACCES|EPERM|ENOENT|ENXIO|empty")]);
    holds(&["ProtectClock=yes"], &[("settime", "EPERM"), ("adjtime", "EPERM")]);
}

#[test]
fn hostname_is_its_own_and_fixed() {
    holds(&["ProtectHostname=yes"], &[("hostname", "EPERM"), ("domainname", "EPERM")]);
}

#[test]
fn foreign_call_tables() {
    // int 0x80 and x32 reach the kernel under other numbers: the process is killed, or the
    // machine has no such entry (SIGSEGV).
    if cfg!(target_arch = "x86_64") {
        for who in people() {
            for verb in ["int80", "x32"] {
                let outcome = who.tries(&["-p", "SystemCallArchitectures=native"], &["say begun", verb]);
                outcome.says("say: begun").never_says(verb);
                let signal = std::os::unix::process::ExitStatusExt::signal(&outcome.status);
                assert!(matches!(signal, Some(31 | 11)), "{outcome}");
            }
        }
    }
}

#[test]
fn system_call_lists() {
    holds(
        &["SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM"],
        &[
            ("mount /", "EPERM"),
            ("fsopen", "EPERM"),
            ("setattr /", "EPERM"),
            ("pivot", "EPERM"),
            ("module", "EPERM"),
            ("bpf", "EPERM"),
            ("kexec", "EPERM"),
            ("reboot", "EPERM"),
            ("swapon", "EPERM"),
            ("perf", "EPERM"),
            // Numbers that no kernel has are told so, whatever the policy's answer is.
            ("unknown", "ENOSYS"),
            ("read /etc/passwd", "ok"),
            ("exec /bin/true", "ok"),
        ],
    );
    holds(
        &["SystemCallFilter=~unshare:EUSERS @keyring", "SystemCallErrorNumber=EACCES"],
        &[("unshare user", "EUSERS"), ("keyctl", "EACCES"), ("addkey", "EACCES"), ("clone user", "ok")],
    );
}

#[test]
fn the_default_answer_to_a_denied_call_is_death() {
    for who in people() {
        who.tries(&["-p", "SystemCallFilter=~keyctl"], &["say begun", "keyctl"])
            .says("say: begun")
            .never_says("keyctl")
            .dies(31);
    }
}

#[test]
fn the_target_cannot_become_another_program_when_execve_is_denied() {
    // stockade's own execve passes; nothing after it does.
    holds(
        &["SystemCallFilter=~execve execveat", "SystemCallErrorNumber=EPERM"],
        &[("exec /bin/true", "EPERM"), ("memfd", "EPERM"), ("say alive", "alive")],
    );
}

#[test]
fn filters_stack_with_the_ones_that_were_there() {
    for who in people() {
        let inner = [
            crate::kit::base().join("stockade").display().to_string(),
            "run".into(),
            "-p".into(),
            "SystemCallFilter=~bpf".into(),
            "-p".into(),
            "SystemCallErrorNumber=EPERM".into(),
            "--".into(),
        ];
        let outer = who.confined(&["-p", "SystemCallFilter=~keyctl", "-p", "SystemCallErrorNumber=EUSERS"]);
        let outcome = outer.words(&inner).words(&crate::kit::verbs(&["keyctl", "bpf", "status Seccomp_filters"])).run();
        outcome.ends(0).answers(&[("keyctl", "EUSERS"), ("bpf", "EPERM"), ("filters", "Seccomp_filters 2")]);
    }
}

#[test]
fn terminals_cannot_be_typed_into() {
    // The request is 32 bits wide for the kernel: bits above are no way around.
    let policy = "[Seccomp]\nDefault = \"allow\"\n[[Seccomp.Rule]]\nSyscalls = [\"ioctl\"]\nArgs = [\"arg1 == 0x5412\"]\nAction = \"errno:EPERM\"\n\
                  [[Seccomp.Rule]]\nSyscalls = [\"ioctl\"]\nArgs = [\"arg1 == 0x541c\"]\nAction = \"errno:EPERM\"\n";
    for who in people() {
        let file = who.file(&who.place("terminal").join("policy.toml"), policy);
        let outcome =
            who.tries(&["-P", &file.display().to_string()], &["tiocsti", "tiocstihigh", "tioclinux", "tiocgwinsz"]);
        outcome.ends(0).answers(&[("tiocsti", "EPERM"), ("high", "EPERM"), ("tioclinux", "EPERM"), ("winsize", "ok")]);
    }
}
