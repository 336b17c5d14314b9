//! What leaves as a profile comes back as the same filter.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::draft::calls::{self, Call};
use stockade::draft::compare::{Compare, Operator, Width};
use stockade::draft::profile::DOCKER;
use stockade::draft::syscalls::{Filter, Layer, Rule};
use stockade::plan::filter::flat::{Flat, flatten};
use stockade::plan::filter::tree::compile;
use stockade::report::import;
use stockade::report::oci as written;
use stockade::text::profiles::SHIPPED;

use crate::kit;
use crate::{KERNEL, VALUES, alike, filter, good, policys, program, same, says};

fn flat(filter: &Filter) -> Flat {
    flatten(filter, Arch::native()).unwrap_or_else(|fault| panic!("{}", fault.render(false)))
}

fn json(filter: &Filter) -> String {
    written::profile(&flat(filter)).unwrap_or_else(|fault| panic!("{}", fault.render(false))).to_string()
}

/// Exports, imports, and holds both against each other; the profile.
fn there_and_back(one: &Filter) -> String {
    let text = json(one);
    let back = filter(&good(&text), DOCKER);
    same(one, &back);
    // Once it is flat, it stays as it is.
    assert_eq!(json(&back), text);
    text
}

#[test]
fn shipped_profiles_come_back() {
    let mut tried = 0;
    for (name, text) in SHIPPED {
        let filter = policys(text);
        if !filter.layers.is_empty() {
            there_and_back(&filter);
            tried += 1;
        }
        assert!(*name == "none" || tried > 0);
    }
    assert!(tried >= 2, "{tried}");
}

/// Debian's golang-github-containers-common has it here.
pub(crate) const DEBIANS: &str = "/usr/share/containers/seccomp.json";

#[test]
fn debians_profile_comes_back() {
    let text = match std::fs::read_to_string(DEBIANS) {
        Ok(text) => text,
        Err(error) => {
            let package = "Debian: golang-github-containers-common";
            assert!(!kit::host_has("containers"), "{DEBIANS}: {error} ({package})");
            kit::say(&format!("debians_profile_comes_back did not run: {DEBIANS}: {error} ({package})"));
            return;
        }
    };
    let imported = |text: &str| {
        policys(&import::policy(&good(text), import::Chosen { caps: DOCKER, kernel: KERNEL }, "seccomp.json"))
    };
    let first = imported(&text);
    // Not a profile that allows or refuses everything: it must have something to lose.
    let rules = first.layers.iter().flat_map(|layer| &layer.rules);
    assert!(rules.map(|rule| rule.calls.len()).sum::<usize>() > 200);
    // The budget is for x86_64's numbers, where calls that are answered alike lie together as they do.
    if Arch::native() == Arch::X86_64 {
        let length = program(&Filter { architectures: vec![Arch::X86_64], ..filter(&good(&text), DOCKER) }).code.len();
        assert!(length <= 130, "{length} instructions");
    }
    same(&filter(&good(&text), DOCKER), &first);
    same(&first, &imported(&json(&first)));
}

#[test]
fn dockers_default_is_small_and_comes_back() {
    let text = stockade::text::profiles::shipped("container-default").expect("the profile");
    let docker = policys(text);
    let text = there_and_back(&docker);
    let back = filter(&good(&text), DOCKER);
    let length = program(&back).code.len();
    // Its one refused family beside another costs a comparison a bit: see `flat`.
    assert!(length <= 170, "{length} instructions");
    let socket = calls::number(Arch::native(), "socket").expect("socket");
    for family in [38, 40, 0x1_0000_0028, 0x1_0000_0026, 0xffff_ffff_0000_0028] {
        let args = [family, 1, 0, 0, 0, 0];
        assert_eq!(says(&program(&back), Arch::native(), socket, args), Action::Errno(1), "{family:#x}");
    }
    assert_eq!(says(&program(&back), Arch::native(), socket, [0x1_0000_0029, 1, 0, 0, 0, 0]), Action::Allow);
}

#[test]
fn directives_and_rules_of_all_kinds_come_back() {
    for text in [
        "SystemCallFilter = ['~@mount @reboot', 'ptrace:ENOSYS']\nSystemCallErrorNumber = 'EACCES'",
        "SystemCallFilter = ['@system-service']\nRestrictAddressFamilies = ['AF_UNIX', 'AF_INET']",
        "SystemCallFilter = ['@system-service']\nSystemCallErrorNumber = 'EPERM'\nRestrictNamespaces = true\n\
         RestrictRealtime = true\nRestrictSUIDSGID = true\nLockPersonality = true",
        "RestrictNamespaces = ['user', 'net']\nProtectClock = true\nProtectKernelModules = true",
        "SystemCallArchitectures = ['native', 'x86', 'x32']\nSystemCallFilter = ['@system-service']\nSystemCallErrorNumber = 'EPERM'",
        "SystemCallLog = ['~read write']",
        "MemoryDenyWriteExecute = true\nSystemCallFilter = ['@system-service']\nSystemCallErrorNumber = 'ENOSYS'",
        "[Seccomp]\nDefault = 'log'\nFlags = ['log', 'spec-allow']",
        "[Seccomp]\nDefault = 'kill-thread'\n[[Seccomp.Rule]]\nSyscalls = ['@default @io-event']\nAction = 'allow'\n\
         [[Seccomp.Rule]]\nSyscalls = ['ioctl']\nArgs = ['arg1 != TIOCSTI', 'arg1 != TIOCLINUX', 'arg0 < 3']\nAction = 'allow'\n\
         [[Seccomp.Rule]]\nSyscalls = ['ptrace']\nArgs = ['arg2 > 0x100000005', 'arg2 <= 0x200000001']\nAction = 'trap'\n\
         [[Seccomp.Rule]]\nSyscalls = ['clone']\nArgs = ['arg0 & 0x7e020000 != 0']\nAction = 'errno:EPERM'",
    ] {
        there_and_back(&policys(text));
    }
}

#[test]
fn what_a_profile_cannot_say_is_a_fault() {
    for (text, message) in [
        ("[[Seccomp.Rule]]\nSyscalls = ['9999']\nAction = 'errno:EPERM'", "has no name"),
        (
            "[Seccomp]\nDefault = 'allow'\n[[Seccomp.Rule]]\nSyscalls = ['futex']\n\
             Args = ['arg0 != 1', 'arg1 != 1', 'arg2 != 1', 'arg3 != 1']\nAction = 'errno:EPERM'",
            "too many for a profile's rules",
        ),
        (
            "SystemCallArchitectures = ['x86']\nRestrictAddressFamilies = ['AF_UNIX']\nSystemCallFilter = ['~setuid']\n\
             [[Seccomp.Rule]]\nSyscalls = ['setuid']\nArgs = ['arg0 == 0x50000']\nAction = 'errno:EPERM'",
            "answered otherwise on x86",
        ),
    ] {
        let fault = flatten(&policys(text), Arch::X86_64).expect_err(text);
        assert!(fault.message.contains(message), "{text}: {}", fault.message);
    }
    let trap = flat(&policys("[[Seccomp.Rule]]\nSyscalls = ['read']\nAction = 'trap:7'"));
    assert!(written::profile(&trap).expect_err("a number").message.contains("trap:7"));
    let wide = flat(&policys("[[Seccomp.Rule]]\nSyscalls = ['ptrace']\nArgs = ['arg2 == -1']\nAction = 'errno:EPERM'"));
    assert!(written::operator(&wide, "web").expect_err("63 bits").message.contains("63"));
    let small = flat(&policys("[[Seccomp.Rule]]\nSyscalls = ['ptrace']\nArgs = ['arg2 == 5']\nAction = 'errno:EPERM'"));
    written::operator(&small, "web").expect("a comparison of all bits is written without a mask");
}

#[test]
fn what_engines_do_otherwise_is_told() {
    let enosys = flat(&policys("SystemCallFilter = ['@system-service']\nSystemCallErrorNumber = 'ENOSYS'"));
    assert_eq!((enosys.default, written::differences(&enosys)), (Action::Errno(38), Vec::new()));
    let (object, notes) = written::operator(&enosys, "web").expect("an object");
    assert!(notes[0].contains("no defaultErrnoRet"), "{notes:?}");
    assert_eq!(object["spec"].get("defaultErrnoRet"), None);
    let kill = flat(&policys("SystemCallFilter = ['@system-service']"));
    assert!(written::differences(&kill)[0].contains("other engines answer kill-process"));
    let odd = flat(&policys("[[Seccomp.Rule]]\nSyscalls = ['read']\nAction = 'errno:4095'"));
    assert!(written::differences(&odd)[0].contains("4095"));
}

const OPERATORS: [Operator; 6] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Less,
    Operator::LessEqual,
    Operator::Greater,
    Operator::GreaterEqual,
];

const CALLS: [&str; 6] = ["socket", "clone", "ptrace", "nfsservctl", "file_setattr", "read"];

fn compares() -> impl Strategy<Value = Vec<Compare>> {
    let value = prop_oneof![4 => 0..64_u64, 1 => select(VALUES.to_vec())];
    let mask = proptest::option::of(select(vec![0xff_u64, 0x7e02_0000, 0xffff_fff8]));
    let compare = (0..3_u8, mask, select(OPERATORS.to_vec()), value).prop_map(|(arg, mask, operator, value)| {
        let value = mask.map_or(value & 0xffff_ffff, |mask| value & mask);
        Compare { arg, mask, operator, value, width: Width::Kernel }
    });
    proptest::collection::vec(compare, 0..2)
}

fn layers() -> impl Strategy<Value = Layer> {
    let actions = || select(vec![Action::Allow, Action::Log, Action::Errno(1), Action::Errno(13), Action::KillProcess]);
    let calls = subsequence(CALLS.to_vec(), 1..4);
    let rule = (calls, compares(), actions()).prop_map(|(calls, when, action)| {
        let calls = calls.into_iter().map(Call::parse).collect();
        Rule { calls, when, action, by: crate::By { directive: "Seccomp.Rule", origin: None }, on: Vec::new() }
    });
    (proptest::collection::vec(rule, 0..4), actions()).prop_map(|(rules, otherwise)| {
        let unknown = (otherwise.strictness() >= 4).then_some(Action::Errno(38));
        Layer { by: crate::By { directive: "Seccomp.Rule", origin: None }, rules, otherwise, unknown }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_can_be_said_comes_back(layers in proptest::collection::vec(layers(), 1..3)) {
        let filter = Filter { layers: layers.into_iter().map(Into::into).collect(), ..Filter::new() };
        if let Ok(flat) = flatten(&filter, Arch::native()) {
            let text = written::profile(&flat).expect("a profile").to_string();
            let back = crate::filter(&good(&text), DOCKER);
            // Both can be more than the kernel takes.
            if [&filter, &back].iter().all(|filter| compile(filter, Arch::native()).is_ok()) {
                let numbers = CALLS.iter().filter_map(|name| calls::number(Arch::native(), name));
                alike(&filter, &back, &numbers.chain([0, 400, 480, 600]).collect::<Vec<_>>());
            }
        }
    }
}
