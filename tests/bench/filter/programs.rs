//! The filters that are compared.

use std::hint::black_box;
use std::io::{Read, Seek};
use std::time::Instant;

use libseccomp::{ScmpAction, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use stockade::draft::By;
use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::draft::calls::{self, Call, Id};
use stockade::draft::compare::{Compare, Operator};
use stockade::draft::syscalls::{Filter, Layer, Rule};
use stockade::host::Host;
use stockade::plan::filter::machine::{self, Data, Instruction};
use stockade::plan::filter::tree::compile;
use stockade::plan::seccomp;
use stockade::policy::Policy;
use stockade::text::profiles::Library;

use super::child::CALLS;

/// One filter.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// Empty for none.
    pub(crate) code: Vec<Instruction>,
    /// Builds it once and tells the nanoseconds.
    pub(crate) build: Option<Box<dyn Fn() -> Result<f64, String>>>,
    /// Whether it must keep the budget.
    pub(crate) ours: bool,
}

/// All of them, each seen to give the right answers.
pub(crate) fn all() -> Result<Vec<Subject>, String> {
    let mut all = vec![
        Subject { name: "no filter", code: Vec::new(), build: None, ours: false },
        Subject { name: "the least filter", code: least()?, build: None, ours: false },
        own("stockade, Docker's rules", docker())?,
        own("stockade, container-default", profile("container-default")?)?,
        own("stockade, strict", profile("strict")?)?,
        libseccomps("libseccomp, Docker's rules, 1", 1)?,
        libseccomps("libseccomp, Docker's rules, 2", 2)?,
    ];
    for subject in all.iter_mut().filter(|subject| !subject.code.is_empty()) {
        for (name, number, args, runs) in CALLS {
            let nr = u32::try_from(number).map_err(|error| error.to_string())?;
            let data = Data { nr, arch: Arch::native().audit(), ip: 0, args };
            let ret = machine::run(&subject.code, &data).map_err(|error| format!("{}: {error}", subject.name))?;
            let action = Action::from_ret(ret);
            if (action == Action::Allow) != runs || !matches!(action, Action::Allow | Action::Errno(_)) {
                return Err(format!("{} answers {action} to {name}", subject.name));
            }
        }
    }
    Ok(all)
}

/// The four instructions that a refusal takes, and two more for a call whose argument is looked at.
fn least() -> Result<Vec<Instruction>, String> {
    let number = |name: &str| calls::number(Arch::native(), name).ok_or(format!("{name} has no number here"));
    let step = |code, jt, jf, k| Instruction { code, jt, jf, k };
    let (allow, deny) = (Action::Allow.to_ret(), Action::Errno(1).to_ret());
    Ok(vec![
        step(machine::LOAD, 0, 0, machine::NUMBER),
        step(machine::EQUAL, 3, 0, number("personality")?),
        step(machine::EQUAL, 5, 0, number("keyctl")?),
        step(machine::EQUAL, 4, 0, 1000),
        step(machine::RETURN, 0, 0, allow),
        step(machine::LOAD, 0, 0, machine::ARGS),
        step(machine::EQUAL, 0, 1, 0),
        step(machine::RETURN, 0, 0, allow),
        step(machine::RETURN, 0, 0, deny),
    ])
}

fn own(name: &'static str, filter: Filter) -> Result<Subject, String> {
    let build = move || {
        let start = Instant::now();
        let program = compile(black_box(&filter), Arch::native()).map_err(|fault| fault.message)?;
        let time = nanos(start);
        Ok((program.code, time))
    };
    let (code, _): (Vec<Instruction>, f64) = build()?;
    Ok(Subject { name, code, build: Some(Box::new(move || build().map(|built| built.1))), ours: true })
}

/// A shipped profile's filter on this machine.
fn profile(name: &str) -> Result<Filter, String> {
    let library = Library::of_the_binary();
    let told = |faults: Vec<stockade::fault::Fault>| faults.iter().map(|fault| fault.render(false)).collect::<String>();
    let document = library.load(name, None).map_err(told)?;
    let draft = Policy::read(&document).map_err(told)?.draft();
    let host = Host::probe(&draft).map_err(|fault| fault.message)?;
    Ok(seccomp::collect(&draft, &host))
}

/// A rule's calls, its comparisons, and its action.
type Row<'a> = (Vec<&'a str>, Vec<&'a str>, Action);

/// What moby's default profile (profiles/seccomp/default.json with the default capabilities) says on x86-64, where
/// everything else answers EPERM.
fn rows() -> Vec<Row<'static>> {
    const DENIED: &str = "_sysctl acct add_key afs_syscall bpf clock_settime create_module delete_module fanotify_init \
        file_getattr file_setattr finit_module fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy getpmsg \
        init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl \
        listns lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr mbind migrate_pages mount \
        mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree open_tree_attr perf_event_open \
        pidfd_getfd pivot_root process_madvise putpmsg query_module quotactl quotactl_fd reboot request_key \
        rseq_slice_yield security set_mempolicy set_mempolicy_home_node setdomainname sethostname setns settimeofday \
        swapoff swapon sysfs syslog tuxcall umount2 unshare uprobe uselib userfaultfd ustat vhangup vserver \
        socket personality clone clone3";
    let denied: Vec<&str> = DENIED.split_ascii_whitespace().collect();
    let here = |id: &Id| id.number(Arch::native()).is_some();
    let allowed = Id::all().filter(here).map(Id::name).filter(|name| !denied.contains(name)).collect();
    let mut rows: Vec<Row<'_>> = vec![
        (allowed, vec![], Action::Allow),
        (vec!["socket"], vec!["arg0 < 38"], Action::Allow),
        (vec!["socket"], vec!["arg0 == 39"], Action::Allow),
        (vec!["socket"], vec!["arg0 > 40"], Action::Allow),
        (vec!["clone"], vec!["arg0 & 2114060288 == 0"], Action::Allow),
        (vec!["clone3"], vec![], Action::Errno(38)),
    ];
    for persona in ["arg0 == 0", "arg0 == 8", "arg0 == 131072", "arg0 == 131080", "arg0 == 4294967295"] {
        rows.push((vec!["personality"], vec![persona], Action::Allow));
    }
    rows
}

fn compare(text: &str) -> Compare {
    Compare::parse(text).expect("a comparison of ours")
}

fn docker() -> Filter {
    let by = By { directive: "Seccomp.Rule", origin: None };
    let rule = |(names, when, action): Row<'_>| Rule {
        calls: names.into_iter().map(Call::parse).collect(),
        when: when.into_iter().map(compare).collect(),
        action,
        by: by.clone(),
        on: Vec::new(),
    };
    let rules = rows().into_iter().map(rule).collect();
    let layer = Layer { by: by.clone(), rules, otherwise: Action::Errno(1), unknown: None };
    Filter { layers: vec![layer.into()], ..Filter::new() }
}

/// The same rules by libseccomp, at one of its levels of optimisation.
fn libseccomps(name: &'static str, level: u32) -> Result<Subject, String> {
    let build = move || {
        let rows = rows();
        let start = Instant::now();
        let bytes = export(&rows, level).map_err(|error| error.to_string())?;
        Ok::<_, String>((bytes, nanos(start)))
    };
    let code = build()?
        .0
        .chunks_exact(8)
        .map(|op| Instruction {
            code: u16::from_ne_bytes([op[0], op[1]]),
            jt: op[2],
            jf: op[3],
            k: u32::from_ne_bytes([op[4], op[5], op[6], op[7]]),
        })
        .collect();
    Ok(Subject { name, code, build: Some(Box::new(move || build().map(|built| built.1))), ours: false })
}

fn export(rows: &[Row<'_>], level: u32) -> anyhow::Result<Vec<u8>> {
    let mut context = ScmpFilterContext::new(ScmpAction::Errno(1))?;
    context.set_ctl_optimize(level)?;
    for (names, when, action) in rows {
        let action = match action {
            Action::Errno(number) => ScmpAction::Errno(i32::from(*number)),
            _ => ScmpAction::Allow,
        };
        let when: Vec<ScmpArgCompare> = when.iter().map(|text| theirs(&compare(text))).collect();
        for name in names {
            // Names that are newer than the library are left out: its program is smaller by that.
            let Ok(call) = ScmpSyscall::from_name(name) else { continue };
            if when.is_empty() {
                context.add_rule(action, call)?;
            } else {
                context.add_rule_conditional(action, call, &when)?;
            }
        }
    }
    let memory = nix::sys::memfd::memfd_create(c"filter", nix::sys::memfd::MFdFlags::MFD_CLOEXEC)?;
    context.export_bpf(&memory)?;
    let mut file = std::fs::File::from(memory);
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn theirs(compare: &Compare) -> ScmpArgCompare {
    let operator = match (compare.mask, compare.operator) {
        (Some(mask), _) => ScmpCompareOp::MaskedEqual(mask),
        (None, Operator::Less) => ScmpCompareOp::Less,
        (None, Operator::Greater) => ScmpCompareOp::Greater,
        _ => ScmpCompareOp::Equal,
    };
    ScmpArgCompare::new(compare.arg.into(), operator, compare.value)
}

/// Nanoseconds since then.
#[allow(clippy::cast_precision_loss)] // Far below 2^52.
pub(crate) fn nanos(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64
}
