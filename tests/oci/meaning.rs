//! What profiles mean: as libseccomp and runc take them, and where they take them wrongly, as the kernel does.

use std::io::{Read, Seek};

use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use proptest::prelude::*;
use proptest::sample::select;
use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::draft::calls;
use stockade::draft::capabilities::CapSet;
use stockade::draft::profile::{DOCKER, Profile};
use stockade::plan::filter::machine::{self, Data, Instruction};
use stockade::policy::profile;
use stockade::text::oci;

use crate::{answer, filter, good, messages, policys, program, read, same, says, source};

/// A profile that refuses everything else with an error of its own, also what is newer than the calls that matter.
fn around(rules: &str) -> String {
    format!(
        "{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 13, \"syscalls\": [{rules}, \
         {{\"name\": \"rseq_slice_yield\", \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 13}}]}}"
    )
}

fn rule(name: &str, action: &str, args: &str) -> String {
    format!("{{\"names\": [\"{name}\"], \"action\": \"SCMP_ACT_{action}\", \"args\": [{args}]}}")
}

fn arg(index: u8, op: &str, value: u64) -> String {
    format!("{{\"index\": {index}, \"value\": {value}, \"op\": \"SCMP_CMP_{op}\"}}")
}

fn joined(rules: &[String]) -> Profile {
    good(&around(&rules.join(",")))
}

#[test]
fn every_action_and_number_has_its_meaning() {
    for (action, number, expected) in [
        ("ALLOW", "", Action::Allow),
        ("LOG", "", Action::Log),
        ("TRAP", "", Action::Trap(0)),
        ("ERRNO", "", Action::Errno(1)),
        ("ERRNO", ", \"errnoRet\": 38", Action::Errno(38)),
        ("ERRNO", ", \"errnoRet\": 4095", Action::Errno(4095)),
        ("ERRNO", ", \"errno\": \"ENOSYS\", \"errnoRet\": 38", Action::Errno(38)),
        ("KILL", "", Action::KillThread),
        ("KILL_THREAD", "", Action::KillThread),
        ("KILL_PROCESS", "", Action::KillProcess),
    ] {
        let profile = good(&around(&format!("{{\"name\": \"read\", \"action\": \"SCMP_ACT_{action}\"{number}}}")));
        assert_eq!(answer(&profile, "read", [0; 6]), expected, "{action} {number}");
        assert_eq!(answer(&profile, "write", [0; 6]), Action::Errno(13));
        let number = number.replace("errno", "defaultErrno");
        let profile = good(&format!("{{\"defaultAction\": \"SCMP_ACT_{action}\"{number}}}"));
        assert_eq!(answer(&profile, "write", [0; 6]), expected, "{action} {number}");
    }
}

#[test]
fn ints_are_compared_as_the_kernel_takes_them() {
    let high = 0x1_0000_0028;
    let vsock = joined(&[
        rule("socket", "ALLOW", &arg(0, "LT", 38)),
        rule("socket", "ALLOW", &arg(0, "EQ", 39)),
        rule("socket", "ALLOW", &arg(0, "GT", 40)),
    ]);
    for (family, action) in [(1, Action::Allow), (38, Action::Errno(13)), (40, Action::Errno(13)), (41, Action::Allow)]
    {
        assert_eq!(answer(&vsock, "socket", [family, 1, 0, 0, 0, 0]), action, "{family}");
        assert_eq!(answer(&vsock, "socket", [family | 1 << 32, 1, 0, 0, 0, 0]), action, "{family} with a high bit");
    }
    // Values that an int cannot have, and one that it has as a negative number.
    for (op, value, expected) in [
        ("EQ", high, Action::Errno(13)),
        ("GT", high, Action::Errno(13)),
        ("GE", high, Action::Errno(13)),
        ("NE", high, Action::Allow),
        ("LT", high, Action::Allow),
        ("LE", high, Action::Allow),
        ("EQ", 40, Action::Allow),
    ] {
        let profile = joined(&[rule("socket", "ALLOW", &arg(0, op, value))]);
        for family in [40, high] {
            assert_eq!(answer(&profile, "socket", [family, 0, 0, 0, 0, 0]), expected, "{op} {value:#x} {family:#x}");
        }
    }
    let here = joined(&[rule("openat", "ALLOW", &arg(0, "EQ", (-100_i64).cast_unsigned()))]);
    for fd in [0xffff_ff9c, (-100_i64).cast_unsigned()] {
        assert_eq!(answer(&here, "openat", [fd, 0, 0, 0, 0, 0]), Action::Allow, "{fd:#x}");
    }
    // A whole register keeps all its bits.
    let address = joined(&[rule("ptrace", "ALLOW", &arg(2, "EQ", high))]);
    assert_eq!(answer(&address, "ptrace", [0, 0, high, 0, 0, 0]), Action::Allow);
    assert_eq!(answer(&address, "ptrace", [0, 0, 40, 0, 0, 0]), Action::Errno(13));
}

#[test]
fn masks_are_libseccomps() {
    let masked = |mask: u64, value: u64| {
        let args =
            format!("{{\"index\": 0, \"value\": {mask}, \"valueTwo\": {value}, \"op\": \"SCMP_CMP_MASKED_EQ\"}}");
        joined(&[rule("socket", "ALLOW", &args)])
    };
    for (mask, value, family, allowed) in [
        (0xffff_ffff, 40, 0x1_0000_0028, true),
        (0xf0, 0x25, 0x2f, true),
        (0xf0, 0x20, 0x30, false),
        (0, 0, 7, true),
        (0xf_0000_0000, 0x1_0000_0000, 0x1_0000_0028, false),
        (0xf_0000_0000, 0, 0x1_0000_0028, true),
    ] {
        let expected = if allowed { Action::Allow } else { Action::Errno(13) };
        assert_eq!(
            answer(&masked(mask, value), "socket", [family, 0, 0, 0, 0, 0]),
            expected,
            "{mask:#x} {value:#x} {family:#x}"
        );
    }
}

#[test]
fn several_rules_for_one_call_are_as_under_libseccomp() {
    let kill = || rule("read", "KILL_PROCESS", "");
    let allow = || rule("read", "ALLOW", "");
    let when = || rule("read", "LOG", &arg(0, "EQ", 1));
    // The first without comparisons counts, wherever it stands.
    for (rules, expected) in [
        (vec![kill(), allow()], Action::KillProcess),
        (vec![allow(), kill()], Action::Allow),
        (vec![when(), allow(), kill()], Action::Allow),
        (vec![kill(), when()], Action::KillProcess),
        (vec![when()], Action::Log),
        // What answers the default is no rule.
        (
            vec![format!("{{\"name\": \"read\", \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 13}}"), allow()],
            Action::Allow,
        ),
        // Of comparisons that hold both, the strictest, in either order.
        (vec![when(), rule("read", "KILL", &arg(0, "LT", 5))], Action::KillThread),
        (vec![rule("read", "KILL", &arg(0, "LT", 5)), when()], Action::KillThread),
    ] {
        assert_eq!(answer(&joined(&rules), "read", [1, 0, 0, 0, 0, 0]), expected, "{rules:?}");
    }
}

#[test]
fn arguments_add_up_unless_one_is_compared_twice() {
    let both = joined(&[rule("socket", "ALLOW", &format!("{}, {}", arg(0, "EQ", 16), arg(2, "EQ", 9)))]);
    assert_eq!(answer(&both, "socket", [16, 0, 9, 0, 0, 0]), Action::Allow);
    assert_eq!(answer(&both, "socket", [16, 0, 8, 0, 0, 0]), Action::Errno(13));
    let text =
        around(&rule("socket", "ALLOW", &format!("{}, {}, {}", arg(0, "EQ", 1), arg(0, "EQ", 2), arg(2, "EQ", 9))));
    let (twice, warnings) = read(&text).expect("a profile");
    for (args, expected) in [
        ([1, 0, 0], Action::Allow),
        ([2, 0, 0], Action::Allow),
        ([5, 0, 9], Action::Allow),
        ([5, 0, 0], Action::Errno(13)),
    ] {
        assert_eq!(answer(&twice, "socket", [args[0], args[1], args[2], 0, 0, 0]), expected, "{args:?}");
    }
    assert!(messages(&warnings).iter().any(|message| message.contains("compared twice")), "{warnings:?}");
}

/// A profile in all of Docker's words: what holds depends on capabilities, machines and kernels.
const DEPENDS: &str = r#"{
    "defaultAction": "SCMP_ACT_ERRNO",
    "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
        {"architecture": "SCMP_ARCH_S390X", "subArchitectures": ["SCMP_ARCH_S390"]}
    ],
    "syscalls": [
        {"names": ["read", "file_setattr"], "action": "SCMP_ACT_ALLOW", "comment": "Reading is harmless.\nMostly."},
        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
        {"names": ["kcmp"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "6.2"}},
        {"names": ["acct"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "6.1"}},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN", "CAP_CHOWN"]}},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["clone3"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_BPF", "CAP_CHOWN"]}},
        {"names": ["vhangup"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "arm64", "riscv64"]}},
        {"names": ["reboot"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
        {"names": ["swapon"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64", "arm64", "riscv64"]}}
    ]
}"#;

#[test]
fn includes_and_excludes_are_decided_as_docker_decides_them() {
    let profile = good(DEPENDS);
    let native = Arch::native();
    let with = |caps: CapSet, name: &str| {
        let nr = calls::number(native, name).expect("a native call");
        says(&program(&filter(&profile, caps)), native, nr, [0; 6])
    };
    let admin = DOCKER.with(caps::Capability::CAP_SYS_ADMIN);
    for (name, docker, admins, none) in [
        ("read", Action::Allow, Action::Allow, Action::Allow),
        ("ptrace", Action::Allow, Action::Allow, Action::Allow),
        ("kcmp", Action::Errno(1), Action::Errno(1), Action::Errno(1)),
        ("acct", Action::Errno(1), Action::Errno(1), Action::Errno(1)),
        ("mount", Action::Errno(1), Action::Allow, Action::Errno(1)),
        ("clone3", Action::Errno(38), Action::Allow, Action::Errno(38)),
        ("bpf", Action::Errno(1), Action::Errno(1), Action::Allow),
        ("vhangup", Action::Allow, Action::Allow, Action::Allow),
        ("reboot", Action::Errno(1), Action::Errno(1), Action::Errno(1)),
        ("swapon", Action::Errno(1), Action::Errno(1), Action::Errno(1)),
    ] {
        assert_eq!(
            (with(DOCKER, name), with(admin, name), with(CapSet::EMPTY, name)),
            (docker, admins, none),
            "{name}"
        );
    }
    let expected = match native {
        Arch::X86_64 => vec![Arch::X86, Arch::X32],
        Arch::Aarch64 => vec![Arch::Arm],
        _ => Vec::new(),
    };
    assert_eq!(profile.architectures, expected);
}

#[test]
fn newer_calls_do_not_exist_and_older_ones_are_refused() {
    let profile = good(&DEPENDS.replace(", \"file_setattr\"", ", \"mseal\""));
    assert_eq!(answer(&profile, "file_setattr", [0; 6]), Action::Errno(38));
    assert_eq!(answer(&profile, "futex_wait", [0; 6]), Action::Errno(1));
    assert_eq!(says(&program(&filter(&profile, DOCKER)), Arch::native(), 9999, [0; 6]), Action::Errno(38));
    let open = good(
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"name\": \"read\", \"action\": \"SCMP_ACT_ERRNO\"}]}",
    );
    assert_eq!(answer(&open, "file_setattr", [0; 6]), Action::Allow);
    assert_eq!(says(&program(&filter(&open, DOCKER)), Arch::native(), 9999, [0; 6]), Action::Allow);
}

#[test]
fn a_policy_made_of_a_profile_means_the_same() {
    let admin = DOCKER.with(caps::Capability::CAP_SYS_ADMIN);
    for caps in [DOCKER, admin, CapSet::EMPTY, CapSet::all()] {
        let source = source("web.json", DEPENDS);
        let (profile, _) = profile::meaning(&oci::parse(&source).expect("a profile")).expect("a good one");
        let chosen = stockade::report::import::Chosen { caps, kernel: crate::KERNEL };
        let policy = stockade::report::import::policy(&profile, chosen, "web\u{1}\n.json");
        same(&policys(&policy), &filter(&profile, caps));
        assert!(policy.starts_with("# The seccomp profile web? .json.\n"), "{policy}");
        assert!(policy.contains("\n# Reading is harmless. Mostly.\n[[Seccomp.Rule]]"), "{policy}");
    }
}

/// The program that libseccomp makes of rules as runc hands them over.
fn runcs(rules: &[Made]) -> Vec<Instruction> {
    let default = ScmpAction::Errno(13);
    let mut context = ScmpFilterContext::new(default).expect("a context");
    context.set_act_badarch(ScmpAction::KillProcess).expect("an action for other architectures");
    assert!(context.is_arch_present(ScmpArch::X8664).expect("architectures"));
    for made in rules {
        let action = match made.action {
            "ALLOW" => ScmpAction::Allow,
            "LOG" => ScmpAction::Log,
            "KILL_PROCESS" => ScmpAction::KillProcess,
            _ => ScmpAction::Errno(1),
        };
        let call = ScmpSyscall::from_name(made.call).expect("a call");
        if let Some((index, op, value)) = made.compare {
            let op = match op {
                "EQ" => ScmpCompareOp::Equal,
                "NE" => ScmpCompareOp::NotEqual,
                "LT" => ScmpCompareOp::Less,
                _ => ScmpCompareOp::GreaterEqual,
            };
            context
                .add_rule_conditional(action, call, &[ScmpArgCompare::new(index.into(), op, value)])
                .expect("a rule");
        } else {
            context.add_rule(action, call).expect("a rule");
        }
    }
    instructions(&context)
}

/// What libseccomp compiles.
fn instructions(context: &ScmpFilterContext) -> Vec<Instruction> {
    let memory = nix::sys::memfd::memfd_create("filter", nix::sys::memfd::MFdFlags::MFD_CLOEXEC).expect("a file");
    context.export_bpf(&memory).expect("an export");
    let mut file = std::fs::File::from(memory);
    let mut bytes = Vec::new();
    file.rewind().expect("a rewind");
    file.read_to_end(&mut bytes).expect("the program");
    let word = |op: &[u8]| u32::from_le_bytes([op[4], op[5], op[6], op[7]]);
    let instruction =
        |op: &[u8]| Instruction { code: u16::from_le_bytes([op[0], op[1]]), jt: op[2], jf: op[3], k: word(op) };
    bytes.chunks_exact(8).map(instruction).collect()
}

/// socketcall(2) and ipc(2) of 32-bit x86, under libseccomp and under a policy with the same rules.
#[test]
fn calls_that_stand_for_others_are_answered_as_those() {
    if Arch::native() != Arch::X86_64 {
        return;
    }
    let carried = [
        "socket",
        "bind",
        "connect",
        "listen",
        "accept",
        "getsockname",
        "getpeername",
        "socketpair",
        "sendto",
        "recvfrom",
        "shutdown",
        "setsockopt",
        "getsockopt",
        "sendmsg",
        "recvmsg",
        "accept4",
        "recvmmsg",
        "sendmmsg",
        "semop",
        "semget",
        "semctl",
        "semtimedop",
        "msgsnd",
        "msgrcv",
        "msgget",
        "msgctl",
        "shmat",
        "shmdt",
        "shmget",
        "shmctl",
    ];
    for call in carried {
        let policy = format!("SystemCallArchitectures = ['native', 'x86']\nSystemCallFilter = ['~{call}:13']");
        let ours = program(&policys(&policy));
        let mut context = ScmpFilterContext::new(ScmpAction::Allow).expect("a context");
        context.add_arch(ScmpArch::X86).expect("an architecture");
        context.add_rule(ScmpAction::Errno(13), ScmpSyscall::from_name(call).expect("a call")).expect("a rule");
        let theirs = instructions(&context);
        let mut refused = 0;
        for (bundle, call) in ["socketcall", "ipc"].iter().flat_map(|bundle| (0..32).map(move |call| (*bundle, call))) {
            let nr = calls::number(Arch::X86, bundle).expect("a call");
            let data = Data { nr, arch: Arch::X86.audit(), ip: 0, args: [call, 5, 6, 0, 0, 0] };
            let theirs = machine::run(&theirs, &data).map(Action::from_ret).expect("a program");
            let mine = says(&ours, Arch::X86, nr, data.args);
            // It says nothing of calls that x86 has in no other form (accept, semop), and nothing of send and recv,
            // which are sendto and recvfrom with one address less.
            assert!(mine == theirs || mine == Action::Errno(13), "{call} of {bundle}: {mine}, {theirs}");
            refused += u32::from(mine != Action::Allow);
        }
        assert!(refused == 1 || refused == 2 && ["sendto", "recvfrom"].contains(&call), "{call}");
    }
    // The upper half of ipc's first argument is a version, which libseccomp is passed by.
    let arguments = "SystemCallArchitectures = ['native', 'x86']\n";
    let refused = program(&policys(&format!("{arguments}SystemCallFilter = ['~shmget']")));
    let ipc = calls::number(Arch::X86, "ipc").expect("a call");
    assert_eq!(says(&refused, Arch::X86, ipc, [0x1_0017, 0, 0, 0, 0, 0]), Action::KillProcess);
    // A comparison that cannot be made refuses all, and allows nothing.
    let socketcall = calls::number(Arch::X86, "socketcall").expect("a call");
    let rule = "[[Seccomp.Rule]]\nSyscalls = ['socket']\nArgs = ['arg0 == AF_VSOCK']\nAction = ";
    let some = program(&policys(&format!("{arguments}{rule}'errno:EPERM'")));
    assert_eq!(says(&some, Arch::X86, socketcall, [1, 0, 0, 0, 0, 0]), Action::Errno(1));
    assert_eq!(says(&some, Arch::X86, socketcall, [2, 0, 0, 0, 0, 0]), Action::Allow);
    let list = "SystemCallFilter = ['read']\nSystemCallErrorNumber = 'EPERM'\n";
    let some = program(&policys(&format!("{arguments}{list}{rule}'allow'")));
    assert_eq!(says(&some, Arch::X86, socketcall, [1, 0, 0, 0, 0, 0]), Action::Errno(1));
    // What is said of the call itself counts, and a refusal before it.
    let own = program(&policys(&format!("{arguments}SystemCallFilter = ['~connect', '~socketcall', 'socketcall']")));
    assert_eq!(says(&own, Arch::X86, socketcall, [3, 0, 0, 0, 0, 0]), Action::Allow);
    let later = program(&policys(&format!("{arguments}SystemCallFilter = ['@system-service', '~connect']")));
    assert_eq!(says(&later, Arch::X86, socketcall, [3, 0, 0, 0, 0, 0]), Action::KillProcess);
    assert_eq!(says(&later, Arch::X86, socketcall, [2, 0, 0, 0, 0, 0]), Action::Allow);
}

#[derive(Clone, Debug)]
struct Made {
    call: &'static str,
    action: &'static str,
    compare: Option<(u8, &'static str, u64)>,
}

/// Rules of which libseccomp says what it does: those with comparisons that could hold together have one action.
fn rules() -> impl Strategy<Value = Vec<Made>> {
    let compare = (select(vec![0_u8, 1]), select(vec!["EQ", "NE", "LT", "GE"]), 0..4_u64);
    let made = (
        select(vec!["read", "write", "close"]),
        select(vec!["ALLOW", "LOG", "KILL_PROCESS"]),
        proptest::option::of(compare),
    );
    let made = made.prop_map(|(call, action, compare)| {
        let action = if compare.is_some() { if call == "read" { "ALLOW" } else { "LOG" } } else { action };
        Made { call, action, compare }
    });
    proptest::collection::vec(made, 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn libseccomp_agrees_on_which_rule_counts(made in rules()) {
        if Arch::native() != Arch::X86_64 {
            return Ok(());
        }
        let texts: Vec<String> = made
            .iter()
            .map(|made| rule(made.call, made.action, &made.compare.map_or(String::new(), |(index, op, value)| arg(index, op, value))))
            .collect();
        let ours = program(&filter(&joined(&texts), DOCKER));
        let theirs = runcs(&made);
        for call in ["read", "write", "close", "openat"] {
            let nr = calls::number(Arch::X86_64, call).expect("a call");
            for a in 0..5 {
                for b in 0..5 {
                    let data = Data { nr, arch: Arch::X86_64.audit(), ip: 0, args: [a, b, 0, 0, 0, 0] };
                    let says = machine::run(&theirs, &data).map(Action::from_ret).expect("a program");
                    let mine = crate::says(&ours, Arch::X86_64, nr, data.args);
                    prop_assert_eq!(mine, says, "{} {} {}\n{:?}", call, a, b, texts);
                }
            }
        }
    }
}
