//! The compiler of filters against what filters mean, against libseccomp, and against known holes of both incumbents.

use std::io::{Read, Seek};
use std::sync::Arc;

use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stockade::draft::By;
use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::draft::calls::{self, Call, Id};
use stockade::draft::compare::{Compare, Operator, Width};
use stockade::draft::groups;
use stockade::draft::syscalls::{Filter, Layer, Rule};
use stockade::plan::filter::machine::{self, Data, Instruction};
use stockade::plan::filter::meaning::meaning;
use stockade::plan::filter::tree::{Program, compile};
use stockade::plan::filter::verdict::{Question, trace};
use stockade::plan::filter::ways;

const BY: By = By { directive: "SystemCallFilter", origin: None };

fn rule(calls: &[&str], when: &[&str], action: Action) -> Rule {
    let when = when.iter().map(|text| Compare::parse(text).expect("a comparison")).collect();
    Rule { calls: calls.iter().map(|word| Call::parse(word)).collect(), when, action, by: BY, on: Vec::new() }
}

fn layer(rules: Vec<Rule>, otherwise: Action, unknown: Option<Action>) -> Layer {
    Layer { by: BY, rules, otherwise, unknown }
}

fn filter(layers: Vec<Layer>) -> Filter {
    Filter { layers: layers.into_iter().map(Arc::new).collect(), ..Filter::new() }
}

fn x86_64(filter: &Filter) -> Program {
    compile(filter, Arch::X86_64).expect("a program")
}

/// The program's answer to a native call.
fn answer(program: &Program, name: &str, args: [u64; 6]) -> Action {
    let nr = calls::number(Arch::X86_64, name).expect("a native call");
    let data = Data { nr, arch: Arch::X86_64.audit(), ip: 0, args };
    Action::from_ret(machine::run(&program.code, &data).expect("a valid program"))
}

/// What moby's default profile (profiles/seccomp/default.json with the default capabilities) says on x86-64.
fn docker() -> Filter {
    const DENIED: &str = "_sysctl acct add_key afs_syscall bpf clock_settime create_module delete_module fanotify_init \
        file_getattr file_setattr finit_module fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy getpmsg \
        init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl \
        listns lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr mbind migrate_pages mount \
        mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree open_tree_attr perf_event_open \
        pidfd_getfd pivot_root process_madvise putpmsg query_module quotactl quotactl_fd reboot request_key \
        rseq_slice_yield security set_mempolicy set_mempolicy_home_node setdomainname sethostname setns settimeofday \
        swapoff swapon sysfs syslog tuxcall umount2 unshare uprobe uselib userfaultfd ustat vhangup vserver";
    let denied: Vec<&str> = DENIED.split_ascii_whitespace().collect();
    let conditional = ["socket", "personality", "clone", "clone3"];
    let allowed: Vec<&str> =
        Id::all().map(Id::name).filter(|name| !denied.contains(name) && !conditional.contains(name)).collect();
    let mut rules = vec![
        rule(&allowed, &[], Action::Allow),
        rule(&["socket"], &["arg0 < 38"], Action::Allow),
        rule(&["socket"], &["arg0 == 39"], Action::Allow),
        rule(&["socket"], &["arg0 > 40"], Action::Allow),
        rule(&["clone"], &["arg0 & 2114060288 == 0"], Action::Allow),
        rule(&["clone3"], &[], Action::Errno(38)),
    ];
    for persona in ["0", "8", "131072", "131080", "4294967295"] {
        rules.push(rule(&["personality"], &[&format!("arg0 == {persona}")], Action::Allow));
    }
    filter(vec![layer(rules, Action::Errno(1), None)])
}

#[test]
fn dockers_default_profile_is_small() {
    let program = x86_64(&docker());
    assert!(program.code.len() <= 80, "{} instructions\n{}", program.code.len(), program.disassemble());
    assert!(program.depth() <= 30, "depth {}", program.depth());
    let mut newer = docker();
    Arc::make_mut(&mut newer.layers[0]).unknown = Some(Action::Errno(38));
    let program = x86_64(&newer);
    assert!(program.code.len() <= 84, "{} instructions with ENOSYS\n{}", program.code.len(), program.disassemble());
}

#[test]
fn high_bits_do_not_pass_a_family() {
    let program = x86_64(&docker());
    for family in [40, 0x1_0000_0028, 0xffff_ffff_0000_0028] {
        assert_eq!(answer(&program, "socket", [family, 1, 0, 0, 0, 0]), Action::Errno(1), "{family:#x}");
    }
    for family in [1, 0x1_0000_0001, 39, 41] {
        assert_eq!(answer(&program, "socket", [family, 1, 0, 0, 0, 0]), Action::Allow, "{family:#x}");
    }
    assert_eq!(answer(&program, "personality", [0x5_ffff_ffff, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(answer(&program, "clone", [0x7e02_0000, 0, 0, 0, 0, 0]), Action::Errno(1));
    assert_eq!(answer(&program, "clone", [0x1_0000_0011, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(answer(&program, "clone3", [0; 6]), Action::Errno(38));
}

#[test]
fn alternatives_of_wide_ranges_all_count() {
    let rules = vec![
        rule(&["ptrace"], &["arg0 <= 0x100000005"], Action::Errno(1)),
        rule(&["ptrace"], &["arg0 <= 2"], Action::Errno(1)),
    ];
    let program = x86_64(&filter(vec![layer(rules, Action::Allow, None)]));
    for request in [0, 2, 3, 4, 5, 0xffff_ffff, 0x1_0000_0005] {
        assert_eq!(answer(&program, "ptrace", [request; 6]), Action::Errno(1), "{request:#x}");
    }
    assert_eq!(answer(&program, "ptrace", [0x1_0000_0006; 6]), Action::Allow);
}

#[test]
fn alternatives_with_different_arguments_all_count() {
    // libseccomp 2.5.4 allows the first of these calls.
    let mut rules = vec![
        rule(&["clone"], &["arg1 > 0xfffffffe"], Action::Errno(1)),
        rule(&["clone"], &["arg1 > 0", "arg2 > 0"], Action::Errno(1)),
    ];
    let program = x86_64(&filter(vec![layer(rules.clone(), Action::Allow, None)]));
    assert_eq!(answer(&program, "clone", [0, 0x8000_0000, 0x1_0000_0005, 0, 0, 0]), Action::Errno(1));
    assert_eq!(answer(&program, "clone", [0, 0x1_0000_0000, 0, 0, 0, 0]), Action::Errno(1));
    assert_eq!(answer(&program, "clone", [0, 0x8000_0000, 0, 0, 0, 0]), Action::Allow);
    rules.reverse();
    let program = x86_64(&filter(vec![layer(rules, Action::Allow, None)]));
    assert_eq!(answer(&program, "clone", [0, 0x8000_0000, 0x1_0000_0005, 0, 0, 0]), Action::Errno(1));
}

#[test]
fn several_conditions_on_one_argument_all_hold() {
    let rules = vec![rule(&["ioctl"], &["arg1 >= 3", "arg1 <= 5", "arg1 != 4"], Action::Errno(4095))];
    let program = x86_64(&filter(vec![layer(rules, Action::Allow, None)]));
    let denied: Vec<u64> =
        (0..8).filter(|cmd| answer(&program, "ioctl", [0, *cmd, 0, 0, 0, 0]) != Action::Allow).collect();
    assert_eq!(denied, [3, 5]);
    assert_eq!(answer(&program, "ioctl", [0, 0xf_0000_0005, 0, 0, 0, 0]), Action::Errno(4095));
    // One load is enough for three comparisons of one word.
    assert_eq!(program.code.iter().filter(|op| op.code == machine::LOAD && op.k == 24).count(), 1);
}

#[test]
fn the_first_rule_of_a_layer_and_the_strictest_of_layers_answer() {
    let first =
        layer(vec![rule(&["read"], &[], Action::Errno(2)), rule(&["read"], &[], Action::Allow)], Action::Allow, None);
    let second = layer(vec![rule(&["write", "read"], &[], Action::Errno(3))], Action::Log, None);
    let third = layer(vec![rule(&["write"], &["arg0 == 1"], Action::KillProcess)], Action::Allow, None);
    let program = x86_64(&filter(vec![first, second, third]));
    assert_eq!(answer(&program, "read", [0; 6]), Action::Errno(3));
    assert_eq!(answer(&program, "write", [0; 6]), Action::Errno(3));
    assert_eq!(answer(&program, "write", [1; 6]), Action::KillProcess);
    assert_eq!(answer(&program, "open", [0; 6]), Action::Log);
}

#[test]
fn calls_that_share_the_end_of_their_conditions() {
    // write's node is the end of read's, which holds the same argument already.
    let first = layer(vec![rule(&["read"], &["arg0 == 1"], Action::Errno(1))], Action::Allow, None);
    let second = layer(vec![rule(&["read", "write"], &["arg0 == 2"], Action::Errno(2))], Action::Allow, None);
    let program = x86_64(&filter(vec![first, second]));
    let answers = |name| [0, 1, 2].map(|fd| answer(&program, name, [fd, 0, 0, 0, 0, 0]));
    assert_eq!(answers("read"), [Action::Allow, Action::Errno(1), Action::Errno(2)]);
    assert_eq!(answers("write"), [Action::Allow, Action::Allow, Action::Errno(2)]);
}

#[test]
fn x32_foreign_and_newer_calls() {
    let service: Vec<&str> = groups::expand("@system-service").collect();
    let mut wanted =
        filter(vec![layer(vec![rule(&service, &[], Action::Allow)], Action::Errno(1), Some(Action::Errno(38)))]);
    let run = |filter: &Filter, nr, arch: Arch| {
        let data = Data { nr, arch: arch.audit(), ip: 0, args: [0; 6] };
        Action::from_ret(machine::run(&x86_64(filter).code, &data).expect("a valid program"))
    };
    assert_eq!(run(&wanted, 0, Arch::X86_64), Action::Allow);
    assert_eq!(run(&wanted, 165, Arch::X86_64), Action::Errno(1));
    assert_eq!(run(&wanted, 472, Arch::X86_64), Action::Errno(38));
    assert_eq!(run(&wanted, 400, Arch::X86_64), Action::Errno(38));
    assert_eq!(run(&wanted, u32::MAX, Arch::X86_64), Action::Errno(38));
    for (nr, arch) in [(0x4000_0000, Arch::X86_64), (0xbfff_ffff, Arch::X86_64), (3, Arch::X86), (63, Arch::Aarch64)] {
        assert_eq!(run(&wanted, nr, arch), Action::KillProcess, "{nr:#x} {arch}");
    }
    wanted.architectures = vec![Arch::X86, Arch::X32, Arch::Aarch64];
    assert_eq!(run(&wanted, 3, Arch::X86), Action::Allow);
    assert_eq!(run(&wanted, 21, Arch::X86), Action::Errno(1));
    assert_eq!(run(&wanted, 0x4000_0000, Arch::X86_64), Action::Allow);
    assert_eq!(run(&wanted, 0x4000_0000 + 165, Arch::X86_64), Action::Errno(1));
    assert_eq!(run(&wanted, 63, Arch::Aarch64), Action::KillProcess);
}

#[test]
fn architectures_of_libseccomps_tables_compare_as_narrowly() {
    let mut wanted = filter(vec![layer(
        vec![rule(&["socket"], &["arg0 == 40"], Action::Errno(1)), rule(&["mseal"], &[], Action::Errno(2))],
        Action::Allow,
        Some(Action::Errno(38)),
    )]);
    wanted.architectures = vec![Arch::Arm];
    for (native, arch, socket) in
        [(Arch::Riscv64, Arch::Riscv64, 198), (Arch::Aarch64, Arch::Aarch64, 198), (Arch::Aarch64, Arch::Arm, 281)]
    {
        let program = compile(&wanted, native).expect("a program");
        let run = |nr, args| {
            let data = Data { nr, arch: arch.audit(), ip: 0, args };
            Action::from_ret(machine::run(&program.code, &data).expect("a valid program"))
        };
        assert_eq!(run(socket, [0x1_0000_0028; 6]), Action::Errno(1), "{arch}");
        assert_eq!(run(socket, [1; 6]), Action::Allow, "{arch}");
        assert_eq!(run(462, [0; 6]), Action::Errno(2), "{arch}");
        assert_eq!(run(472, [0; 6]), Action::Errno(38), "{arch}");
    }
}

#[test]
fn execve_passes_with_the_cookie_only() {
    let cookie = [0x1111_2222_3333_4444, 0x5555_6666_7777_8888, 0x9999_aaaa_bbbb_cccc];
    let mut wanted = filter(vec![layer(vec![rule(&["execve"], &[], Action::Errno(1))], Action::Allow, None)]);
    wanted.cookie = Some(cookie);
    let program = x86_64(&wanted);
    let [a, b, c] = cookie;
    assert_eq!(answer(&program, "execve", [0, 0, 0, a, b, c]), Action::Allow);
    assert_eq!(answer(&program, "execveat", [0, 0, 0, a, b, c]), Action::Allow);
    for bit in 0..192 {
        let mut args = [0, 0, 0, a, b, c];
        args[3 + bit / 64] ^= 1 << (bit % 64);
        assert_eq!(answer(&program, "execve", args), Action::Errno(1), "bit {bit}");
    }
    wanted.layers.clear();
    let open = x86_64(&wanted);
    assert!(open.code.iter().all(|op| op.code != machine::LOAD || op.k < 16), "{}", open.disassemble());
}

#[test]
fn faults_name_what_is_wrong() {
    let wrong =
        |rule| compile(&filter(vec![layer(vec![rule], Action::Allow, None)]), Arch::X86_64).expect_err("a fault");
    let fault = wrong(rule(&["opneat"], &[], Action::Allow));
    assert!(fault.message.contains("`opneat`") && fault.help[0].contains("`openat`"), "{fault:?}");
    let fault = wrong(rule(&["socket"], &["arg0 == 0x100000028"], Action::Allow));
    assert!(fault.message.contains("32 bits"), "{fault:?}");
    let fault = wrong(rule(&["1073741824"], &[], Action::Allow));
    assert!(fault.message.contains("too large"), "{fault:?}");
    let many = (0..1500).map(|n| rule(&["mmap"], &[&format!("arg1 == {n}")], Action::Errno(n))).collect();
    let fault = compile(&filter(vec![layer(many, Action::Allow, None)]), Arch::X86_64).expect_err("a fault");
    assert!(fault.message.contains("4096"), "{fault:?}");
}

#[test]
fn calls_that_an_architecture_lacks_are_noted() {
    let wanted =
        filter(vec![layer(vec![rule(&["read", "chown32", "spu_run"], &[], Action::Errno(1))], Action::Allow, None)]);
    let skipped: Vec<u32> = x86_64(&wanted).skipped.iter().map(|skipped| skipped.call).collect();
    assert_eq!(skipped, [1, 2]);
}

#[test]
fn far_nodes_are_reached() {
    // Eighty different nodes of nine instructions each: comparisons cannot reach all of them at once.
    let names: Vec<&str> = Id::all().filter(|id| id.number(Arch::X86_64).is_some()).map(Id::name).take(160).collect();
    let rules = names
        .iter()
        .zip(0..)
        .map(|(name, n)| {
            let mut rule = rule(&[name], &[&format!("arg0 == {n}"), "arg1 > 0x100000000"], Action::Errno(n));
            rule.when[1].width = Width::Word64;
            rule
        })
        .collect();
    let wanted = filter(vec![layer(rules, Action::Allow, None)]);
    let program = x86_64(&wanted);
    assert!(program.code.iter().any(|op| op.code == machine::JUMP), "no long jump in {}", program.code.len());
    for (name, n) in names.iter().zip(0_u16..) {
        assert_eq!(answer(&program, name, [n.into(), 1 << 40, 0, 0, 0, 0]), Action::Errno(n), "{name}");
        assert_eq!(answer(&program, name, [n.into(), 1, 0, 0, 0, 0]), Action::Allow, "{name}");
    }
}

/// What the kernel proves of a call (`seccomp_is_const_allow`): nothing once it has to look at an argument.
fn constant_allow(code: &[Instruction], nr: u32, arch: u32) -> bool {
    let (mut at, mut a) = (0, 0);
    loop {
        let op = code[at];
        let holds = match op.code {
            machine::RETURN => return op.k == Action::Allow.to_ret(),
            machine::LOAD if op.k == machine::NUMBER => {
                a = nr;
                false
            }
            machine::LOAD if op.k == machine::ARCH => {
                a = arch;
                false
            }
            machine::JUMP => {
                at += op.k as usize;
                false
            }
            machine::EQUAL => a == op.k,
            machine::AT_LEAST => a >= op.k,
            _ => return false,
        };
        at += 1 + usize::from(if holds { op.jt } else { op.jf });
    }
}

#[test]
fn the_kernel_can_cache_every_plain_allow() {
    let program = x86_64(&docker());
    for id in Id::all() {
        let Some(nr) = id.number(Arch::X86_64) else { continue };
        let conditional = ["socket", "personality", "clone"].contains(&id.name());
        let allowed = answer(&program, id.name(), [0; 6]) == Action::Allow;
        assert_eq!(constant_allow(&program.code, nr, Arch::X86_64.audit()), allowed && !conditional, "{}", id.name());
    }
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::KillProcess),
        Just(Action::KillThread),
        Just(Action::Trap(7)),
        (0..3_u16).prop_map(Action::Errno),
        Just(Action::Errno(4095)),
        Just(Action::Notify(0)),
        Just(Action::Trace(9)),
        Just(Action::Log),
        Just(Action::Allow),
        Just(Action::Allow),
    ]
}

const WORDS: [&str; 14] = [
    "read",
    "write",
    "open",
    "socket",
    "clone",
    "chmod",
    "execve",
    "ptrace",
    "mmap",
    "uretprobe",
    "chown32",
    "471",
    "472",
    "5000",
];

const VALUES: [u64; 14] = [
    0,
    1,
    2,
    5,
    40,
    0x7fff,
    0xffff,
    0x1_0000,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0005,
    0x8000_0000_0000_0000,
    u64::MAX,
];

const OPERATORS: [Operator; 6] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Less,
    Operator::LessEqual,
    Operator::Greater,
    Operator::GreaterEqual,
];

fn compares() -> impl Strategy<Value = Compare> {
    let widths = select(vec![Width::Kernel, Width::Word32, Width::Word64]);
    let masks = proptest::option::of(prop_oneof![select(VALUES.to_vec()), any::<u64>()]);
    (0..6_u8, masks, select(OPERATORS.to_vec()), select(VALUES.to_vec()), widths).prop_map(
        |(arg, mask, operator, value, width)| {
            // Narrow comparisons refuse values that never fit.
            let value = if width == Width::Word64 || value == u64::MAX { value } else { value & 0xffff };
            Compare { arg, mask, operator, value, width }
        },
    )
}

/// Numbers of x86-64.
const NATIVE: [u32; 40] = [
    0, 1, 2, 3, 9, 10, 16, 21, 41, 42, 49, 56, 57, 59, 62, 63, 72, 90, 92, 101, 105, 130, 135, 157, 158, 165, 186, 200,
    231, 257, 266, 302, 317, 321, 334, 335, 424, 435, 454, 471,
];

fn any_compares() -> impl Strategy<Value = Vec<Compare>> {
    proptest::collection::vec(compares(), 1..4)
}

fn layers() -> impl Strategy<Value = Layer> {
    let words = proptest::collection::vec(select(WORDS.to_vec()), 1..5);
    let when = prop_oneof![Just(Vec::new()), proptest::collection::vec(compares(), 0..4)];
    let on = prop_oneof![3 => Just(Vec::new()), 1 => Just(vec![Arch::X86]), 1 => Just(vec![Arch::X86_64, Arch::X32])];
    let rules = (words, when, actions(), on).prop_map(|(words, when, action, on)| Rule {
        calls: words.iter().map(|word| Call::parse(word)).collect(),
        when,
        action,
        by: BY,
        on,
    });
    let unknown = proptest::option::of(actions());
    (proptest::collection::vec(rules, 0..7), actions(), unknown)
        .prop_map(|(rules, otherwise, unknown)| layer(rules, otherwise, unknown))
}

fn filters() -> impl Strategy<Value = Filter> {
    let architectures = subsequence(vec![Arch::X86, Arch::X32, Arch::Aarch64, Arch::X86_64], 0..4);
    let cookie = proptest::option::of(Just([1, 0x1_0000_0000, u64::MAX]));
    (proptest::collection::vec(layers(), 0..5), architectures, actions(), cookie).prop_map(
        |(layers, architectures, foreign, cookie)| Filter { architectures, foreign, cookie, ..filter(layers) },
    )
}

fn data() -> impl Strategy<Value = Data> {
    let near = |nr: u32| vec![nr.wrapping_sub(1), nr, nr + 1];
    let numbers: Vec<u32> = WORDS
        .iter()
        .flat_map(|word| [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64].map(|arch| calls::number(arch, word)))
        .flatten()
        .flat_map(near)
        .chain([59, 221, 11, 520, 335, 336, 470, 473, 547, 548, 4999, 5001, u32::MAX, 0x8000_0000])
        .collect();
    let nr = (prop_oneof![9 => select(numbers), 1 => any::<u32>()], proptest::bool::weighted(0.2))
        .prop_map(|(nr, x32)| if x32 { nr | 0x4000_0000 } else { nr });
    let audit = |arch: Arch| arch.audit();
    let arch = prop_oneof![
        6 => Just(audit(Arch::X86_64)), 3 => Just(audit(Arch::X86)), 3 => Just(audit(Arch::Aarch64)), 1 => any::<u32>()
    ];
    let arg = prop_oneof![
        6 => select(VALUES.to_vec()),
        2 => select(VALUES.to_vec()).prop_map(|value| value.wrapping_add(1)),
        1 => (select(VALUES.to_vec()), any::<u64>()).prop_map(|(value, high)| value & 0xffff_ffff | high << 32),
        1 => any::<u64>(),
    ];
    let cookie = Just([0, 0, 0, 1, 0x1_0000_0000, u64::MAX]);
    let args = prop_oneof![8 => proptest::array::uniform6(arg), 1 => cookie];
    (nr, arch, args).prop_map(|(nr, arch, args)| Data { nr, arch, ip: 0, args })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn programs_mean_what_filters_mean(
        filter in filters(),
        data in proptest::collection::vec(data(), 100),
        native in select(vec![Arch::X86_64, Arch::X86_64, Arch::Aarch64]),
    ) {
        let program = compile(&filter, native).expect("a program");
        prop_assert_eq!(machine::check(&program.code), Ok(()));
        for data in data {
            let says = Action::from_ret(machine::run(&program.code, &data).expect("a valid program"));
            prop_assert_eq!(says, meaning(&filter, native, &data), "{:x?}\n{}", data, program.disassemble());
        }
    }

    /// Of the answers that are told, the first whose comparisons hold is the right one, whatever is asked.
    #[test]
    fn answers_to_questions_are_what_filters_mean(
        filter in filters(),
        data in proptest::collection::vec(data(), 40),
        given in any::<[bool; 6]>(),
    ) {
        let filter = Filter { cookie: None, ..filter };
        let program = compile(&filter, Arch::X86_64).expect("a program");
        for data in data {
            let wanted = meaning(&filter, Arch::X86_64, &data);
            let args = std::array::from_fn(|at| given[at].then_some(data.args[at]));
            let narrow = [Arch::X86_64, Arch::X86, Arch::Aarch64].into_iter().find(|arch| arch.audit() == data.arch);
            if let Some(arch) = narrow.filter(|arch| *arch != Arch::X86_64 || data.nr < 0x4000_0000) {
                let answers = trace(&filter, Arch::X86_64, &Question { arch, number: data.nr, args });
                let first = answers.expect("few answers").into_iter().find(|one| one.when.iter().all(|test| test.holds(&data.args)));
                prop_assert_eq!(first.map(|one| one.action), Some(wanted), "{:x?}", data);
            }
            let ways = ways::ways(std::slice::from_ref(&program.code), data.nr, data.arch, args).expect("few ways");
            let first = ways.into_iter().find(|way| way.when.iter().all(|test| test.holds(&data.args)));
            prop_assert_eq!(first.map(|way| Action::from_ret(way.ret)), Some(wanted), "{:x?}\n{}", data, program.disassemble());
        }
    }

    #[test]
    fn one_more_layer_never_allows_more(
        filter in filters(),
        more in layers(),
        data in proptest::collection::vec(data(), 60),
    ) {
        let before = compile(&filter, Arch::X86_64).expect("a program");
        let mut both = filter.clone();
        both.layers.push(more.into());
        let after = compile(&both, Arch::X86_64).expect("a program");
        for data in data {
            let says = |program: &Program| Action::from_ret(machine::run(&program.code, &data).expect("a valid program"));
            prop_assert!(says(&after).strictness() >= says(&before).strictness(), "{:x?}", data);
        }
    }

    #[test]
    fn libseccomp_agrees_where_it_can(
        rules in second_opinions(),
        data in proptest::collection::vec(data(), 100),
    ) {
        let (action, otherwise) = (Action::Errno(1), Action::Allow);
        let wanted = filter(vec![layer(
            rules.iter().map(|(call, when)| Rule { calls: vec![Call::parse(call)], when: when.clone(), action, by: BY, on: Vec::new() }).collect(),
            otherwise,
            None,
        )]);
        let ours = x86_64(&wanted);
        let theirs = libseccomps(&rules);
        for data in data {
            let says = |code: &[Instruction]| machine::run(code, &data).map(Action::from_ret);
            prop_assert_eq!(says(&ours.code), says(&theirs), "{:x?}", data);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_programs_mean_it_too(
        rules in proptest::collection::vec((select(NATIVE.to_vec()), any_compares(), actions()), 50..250),
        otherwise in actions(),
        x86 in any::<bool>(),
        args in proptest::collection::vec(proptest::array::uniform6(select(VALUES.to_vec())), 4),
    ) {
        let rules = rules
            .into_iter()
            .map(|(nr, when, action)| Rule { calls: vec![Call::parse(&nr.to_string())], when, action, by: BY, on: Vec::new() })
            .collect();
        let mut filter = filter(vec![layer(rules, otherwise, None), layer(Vec::new(), Action::Allow, Some(Action::Log))]);
        if x86 {
            filter.architectures.push(Arch::X86);
        }
        let program = compile(&filter, Arch::X86_64).expect("a program");
        for nr in 0..480 {
            for (arch, args) in [(Arch::X86_64, args[0]), (Arch::X86_64, args[1]), (Arch::X86_64, args[2]), (Arch::X86, args[3])] {
                let data = Data { nr, arch: arch.audit(), ip: 0, args };
                let says = Action::from_ret(machine::run(&program.code, &data).expect("a valid program"));
                prop_assert_eq!(says, meaning(&filter, Arch::X86_64, &data), "{:x?}\n{}", data, program.disassemble());
            }
        }
    }
}

/// Rules within libseccomp's bounds: one for each call and one comparison an argument, since its alternatives fail open.
fn second_opinions() -> impl Strategy<Value = Vec<(&'static str, Vec<Compare>)>> {
    let compare = |arg| {
        (select(OPERATORS.to_vec()), select(VALUES.to_vec())).prop_map(move |(operator, value)| Compare {
            arg,
            mask: None,
            operator,
            value,
            width: Width::Word64,
        })
    };
    let when = (subsequence(vec![0, 1, 2], 0..3), compare(0), compare(1), compare(2))
        .prop_map(|(args, a, b, c)| [a, b, c].into_iter().filter(|compare| args.contains(&compare.arg)).collect());
    let calls = subsequence(vec!["read", "socket", "clone", "ptrace", "mmap"], 1..5);
    (calls, proptest::collection::vec(when, 5)).prop_map(|(calls, when)| calls.into_iter().zip(when).collect())
}

/// The program that libseccomp makes of rules that answer EPERM where everything else is allowed.
fn libseccomps(rules: &[(&str, Vec<Compare>)]) -> Vec<Instruction> {
    let mut context = ScmpFilterContext::new(ScmpAction::Allow).expect("a context");
    context.set_act_badarch(ScmpAction::KillProcess).expect("an action for other architectures");
    assert!(context.is_arch_present(ScmpArch::X8664).expect("architectures"));
    for (call, when) in rules {
        let call = ScmpSyscall::from_name(call).expect("a call");
        let conditions: Vec<ScmpArgCompare> = when
            .iter()
            .map(|compare| {
                let operator = match compare.operator {
                    Operator::Equal => ScmpCompareOp::Equal,
                    Operator::NotEqual => ScmpCompareOp::NotEqual,
                    Operator::Less => ScmpCompareOp::Less,
                    Operator::LessEqual => ScmpCompareOp::LessOrEqual,
                    Operator::Greater => ScmpCompareOp::Greater,
                    Operator::GreaterEqual => ScmpCompareOp::GreaterEqual,
                };
                ScmpArgCompare::new(compare.arg.into(), operator, compare.value)
            })
            .collect();
        context.add_rule_conditional_exact(ScmpAction::Errno(1), call, &conditions).expect("a rule");
    }
    let memory = nix::sys::memfd::memfd_create(c"filter", nix::sys::memfd::MFdFlags::MFD_CLOEXEC).expect("a memfd");
    context.export_bpf(&memory).expect("an export");
    let mut file = std::fs::File::from(memory);
    let mut bytes = Vec::new();
    file.rewind().expect("a rewind");
    file.read_to_end(&mut bytes).expect("the program");
    bytes
        .chunks_exact(8)
        .map(|op| Instruction {
            code: u16::from_le_bytes([op[0], op[1]]),
            jt: op[2],
            jf: op[3],
            k: u32::from_le_bytes([op[4], op[5], op[6], op[7]]),
        })
        .collect()
}
