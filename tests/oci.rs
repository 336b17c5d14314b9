//! Container engines' seccomp profiles: read as engines read them, said as policies, and given back.

mod kit;

#[path = "oci/crun.rs"]
mod crun;
#[path = "oci/exported.rs"]
mod exported;
#[path = "oci/meaning.rs"]
mod meaning;
#[path = "oci/objects.rs"]
mod objects;
#[path = "oci/phases.rs"]
mod phases;
#[path = "oci/pod.rs"]
mod pod;
#[path = "oci/reading.rs"]
mod reading;
#[path = "oci/running.rs"]
mod running;

use std::sync::Arc;

use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::draft::calls;
use stockade::draft::capabilities::CapSet;
use stockade::draft::profile::{DOCKER, Profile};
use stockade::draft::syscalls::{Filter, Rule};
use stockade::draft::{By, Draft};
use stockade::fault::{Fault, Source};
use stockade::host::Host;
use stockade::plan::filter::machine::{self, Data};
use stockade::plan::filter::tree::{Program, compile};
use stockade::plan::seccomp;
use stockade::policy::{Policy, profile};
use stockade::text::{oci, toml};

/// The kernel that tests decide by.
const KERNEL: (u32, u32) = (6, 1);

fn source(name: &str, text: &str) -> Arc<Source> {
    Arc::new(Source { name: name.into(), text: text.into() })
}

/// A profile and what is odd about it, or its faults.
fn read(text: &str) -> Result<(Profile, Vec<Fault>), Vec<Fault>> {
    let source = source("web.json", text);
    profile::meaning(&oci::parse(&source)?)
}

fn good(text: &str) -> Profile {
    read(text).unwrap_or_else(|faults| panic!("{text}\n{}", faults[0].render(false))).0
}

fn messages(faults: &[Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.message.as_str()).collect()
}

/// The profile as a filter of its own.
fn filter(profile: &Profile, caps: CapSet) -> Filter {
    let by = By { directive: "SeccompProfile", origin: None };
    Filter {
        layers: vec![profile.layer(caps, KERNEL, &by).into()],
        architectures: profile.architectures.clone(),
        flags: profile.flags,
        ..Filter::new()
    }
}

fn program(filter: &Filter) -> Program {
    compile(filter, Arch::native()).unwrap_or_else(|fault| panic!("{}", fault.render(false)))
}

/// The whole filter of a policy in TOML, as any kernel without better means gets it.
fn policys(text: &str) -> Filter {
    seccomp::collect(&draft(text), &Host { release: KERNEL, ..Host::default() })
}

/// The filter of a policy in TOML that is exported.
fn exporteds(text: &str) -> Filter {
    seccomp::exported(&draft(text), &Host { release: KERNEL, ..Host::default() })
}

fn draft(text: &str) -> Draft {
    let document =
        toml::parse(&source("web.toml", text)).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
    let policy = Policy::read(&document).unwrap_or_else(|faults| panic!("{text}\n{}", faults[0].render(false)));
    policy.draft()
}

fn says(program: &Program, arch: Arch, nr: u32, args: [u64; 6]) -> Action {
    let data = Data { nr, arch: arch.audit(), ip: 0, args };
    Action::from_ret(machine::run(&program.code, &data).expect("a valid program"))
}

/// What a profile answers to a native call with Docker's capabilities.
fn answer(profile: &Profile, name: &str, args: [u64; 6]) -> Action {
    let nr = calls::number(Arch::native(), name).expect("a native call");
    says(&program(&filter(profile, DOCKER)), Arch::native(), nr, args)
}

/// Values that comparisons are likely to part.
const VALUES: [u64; 22] = [
    0,
    1,
    2,
    3,
    8,
    16,
    37,
    38,
    39,
    40,
    41,
    0x2_0008,
    0x2_0000,
    0x5412,
    0x1000_0000,
    0x7e02_0000,
    0x8000_0000,
    0xffff_ff9c,
    0xffff_ffff,
    0x1_0000_0028,
    0x1_0000_0000,
    u64::MAX,
];

/// Two filters answer alike: every number to 600 and some beyond, on four architectures, with arguments that matter.
fn same(one: &Filter, other: &Filter) {
    let numbers: Vec<u32> = (0..600).chain([9999, 0x3fff_ffff]).collect();
    alike(one, other, &numbers);
}

/// Two filters answer alike to calls with these numbers.
fn alike(one: &Filter, other: &Filter, numbers: &[u32]) {
    let (a, b) = (program(one), program(other));
    let mut args: Vec<[u64; 6]> = VALUES.iter().map(|value| [*value; 6]).collect();
    for (at, value) in VALUES.iter().enumerate() {
        let next = VALUES[(at * 7 + 3) % VALUES.len()];
        args.push([*value, next, 0, 1, next, *value]);
        args.push([next, *value, next, 0, 0, 9]);
        args.push([16, 3, *value, 0, 0, 0]);
    }
    for arch in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64] {
        let bit = if arch == Arch::X32 { calls::X32_BIT } else { 0 };
        for nr in numbers {
            // Arguments matter only to calls that some rule compares them of.
            let named = |rule: &Rule| rule.calls.iter().any(|call| call.number(arch, Arch::native()) == Some(*nr));
            let rules = one.layers.iter().chain(&other.layers).flat_map(|layer| &layer.rules);
            let compared = rules.into_iter().any(|rule| !rule.when.is_empty() && named(rule));
            for args in args.iter().take(if compared { args.len() } else { 2 }) {
                let says = |program: &Program| says(program, arch, *nr | bit, *args);
                let name = calls::name(arch, *nr);
                assert_eq!(says(&a), says(&b), "{name:?} {nr} on {arch}, {args:x?}");
            }
        }
    }
}
