//! The seccomp filter: the layers that directives ask for and those that depend on the host become one program.

use std::sync::Arc;

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{Call, Id};
use crate::draft::capabilities::CapSet;
use crate::draft::namespaces::Namespace;
use crate::draft::profile::DOCKER;
use crate::draft::syscalls::{Filter, Layer};
use crate::draft::{By, Draft};
use crate::fault::{Exit, Fault};
use crate::host::{Host, Verdict};
use crate::policy::process::unwritten;
use crate::policy::restrict;

use super::bundles;
use super::filter::tree;
use super::op::{FilterOp, Op};
use super::order::Phase;
use super::{Planner, Shortfall, tell};

/// Adds the filter, if the draft asks for anything that needs one, and PR_SET_MDWE.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    if let Some(asked) = &draft.deny_write_execute {
        if mdwe(host) {
            planner.step(Phase::Process, Op::DenyWriteExecute, vec![asked.by.clone()]);
        } else if draft.architectures.as_ref().is_some_and(|asked| asked.what.contains(&Arch::X86)) {
            planner.short(Shortfall {
                by: asked.by.clone(),
                missing: "32-bit programs can map writable and executable memory".into(),
                reason:
                    "their oldest mmap(2) hides its arguments from filters, and Linux before 6.3 has no other means"
                        .into(),
                remedy: "leave x86 out of SystemCallArchitectures".into(),
                exit: Exit::Seccomp,
            });
        }
    }
    if !wanted(draft, host) {
        return;
    }
    let mut filter = collect(draft, host);
    if draft.explain.is_some() {
        filter.layers.push(tell::layer(draft).into());
    }
    if filter.flags.tsync {
        planner.notes.push("Seccomp.Flags: tsync changes nothing, as stockade has one thread".into());
    }
    if types(draft, host) {
        planner
            .notes
            .push("TIOCSTI and TIOCLINUX are refused: the caller's terminal is not the target's to type at".into());
    }
    let by = askers(draft, &filter.layers);
    if refuses_execve(&filter) {
        if host.cookie == [0; 3] {
            planner.faults.push(
                Fault::new("there are no random numbers to mark the start of the target with")
                    .help("the policy refuses execve, so the filter must know stockade's own; getrandom(2) failed")
                    .exit(Exit::Seccomp),
            );
            return;
        }
        filter.cookie = Some(host.cookie);
        // A call's registers can be read while it hangs, by whoever may attach (proc(5): /proc/pid/syscall).
        planner.step(Phase::Filter, Op::Undumpable, by.clone());
    }
    match tree::compile(&filter, Arch::native()) {
        Ok(program) => {
            let op = FilterOp { program, marked: filter.cookie.is_some(), listens: false };
            planner.step(Phase::Filter, Op::Filter(op), by);
        }
        Err(fault) => planner.faults.push(fault),
    }
}

/// Whether the plan will hold a filter, without which an ordinary caller needs no no_new_privs on its account.
pub fn wanted(draft: &Draft, host: &Host) -> bool {
    asked(draft, host) || types(draft, host)
}

/// Whether words ask for one.
fn asked(draft: &Draft, host: &Host) -> bool {
    draft.has_filter() || (draft.deny_write_execute.is_some() && !mdwe(host)) || offline(draft, host).is_some()
}

/// Whether the target could type at the caller's terminal, and the policy takes anything away from it: then it must not.
/// A terminal of its own is its own affair; strict mode leaves it no ioctl.
fn types(draft: &Draft, host: &Host) -> bool {
    host.terminal && draft.confines() && draft.pty.is_none() && (draft.strict.is_none() || asked(draft, host))
}

/// The whole filter, without the launcher's own way through it.
pub fn collect(draft: &Draft, host: &Host) -> Filter {
    gather(draft, host, false)
}

/// The whole filter for an engine with libseccomp, which adds to what is allowed by itself what [`collect`] adds.
pub fn exported(draft: &Draft, host: &Host) -> Filter {
    gather(draft, host, true)
}

fn gather(draft: &Draft, host: &Host, refusals: bool) -> Filter {
    let mut filter = Filter { layers: draft.layers.clone(), ..Filter::new() };
    if let Some(asked) = &draft.lock_personality {
        filter.layers.push(restrict::personality(&asked.by, host.personality).into());
    }
    if let Some(asked) = draft.deny_write_execute.as_ref().filter(|_| !mdwe(host)) {
        filter.layers.push(restrict::write_execute(&asked.by).into());
    }
    if let Some(by) = offline(draft, host) {
        filter.layers.push(restrict::offline(by).into());
    }
    if let Some(asked) = &draft.architectures {
        filter.architectures.clone_from(&asked.what);
    }
    if let Some(asked) = &draft.filter_flags {
        filter.flags = asked.what;
    }
    if let Some(asked) = &draft.profile {
        filter.layers.push(asked.what.layer(container(draft), host.release, &asked.by).into());
        let listed = &asked.what.architectures;
        match draft.architectures {
            // Both must allow an architecture.
            Some(_) => filter.architectures.retain(|arch| listed.contains(arch)),
            None => filter.architectures.clone_from(listed),
        }
        filter.flags.log |= asked.what.flags.log;
        filter.flags.spec_allow |= asked.what.flags.spec_allow;
    }
    if let Some(asked) = draft.tracing.first() {
        filter.layers.push(restrict::untraced(&asked.by).into());
    }
    bundles::add(&mut filter, refusals);
    if types(draft, host) {
        filter.layers.push(restrict::typing(&unwritten("Pty")).into());
        if !asked(draft, host) {
            // Nobody has asked for a filter, so nothing else may change: programs of other architectures run as before.
            let all = [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm];
            filter.architectures = all.into_iter().filter(|arch| arch.runs_on(Arch::native())).collect();
        }
    }
    filter
}

/// Who asked for a network namespace that cannot be had. Where that is no fault, the filter does what it can.
pub fn offline<'a>(draft: &'a Draft, host: &Host) -> Option<&'a By> {
    let refused = !host.privileged() && matches!(host.user_namespace, Verdict::Refused { .. });
    draft.namespaces.iter().find(|asked| refused && asked.what == Namespace::Net).map(|asked| &asked.by)
}

/// The capabilities that a profile's rules are chosen by: the policy's, and Docker's where it says nothing about them.
pub fn container(draft: &Draft) -> CapSet {
    let asked = draft.bounding.as_ref().map_or(DOCKER, |asked| asked.what);
    draft.dropped.iter().fold(asked, |set, dropped| set.without(dropped.what))
}

/// Whether the filter refuses some execve, so that the launcher's own must be marked by a cookie.
pub fn refuses_execve(filter: &Filter) -> bool {
    !filter.layers.iter().all(|layer| passes(layer))
}

/// Whether the kernel has PR_SET_MDWE (prctl(2)).
fn mdwe(host: &Host) -> bool {
    host.release >= (6, 3)
}

/// Whether a layer lets every execve run, whatever its arguments.
fn passes(layer: &Layer) -> bool {
    let Some(execve) = Id::named("execve").map(Call::Known) else { return false };
    let runs = |action: Action| matches!(action, Action::Allow | Action::Log);
    for rule in layer.rules.iter().filter(|rule| rule.is_on(Arch::native()) && rule.calls.contains(&execve)) {
        if !runs(rule.action) {
            return false;
        }
        if rule.when.is_empty() {
            return true;
        }
    }
    runs(layer.otherwise)
}

/// Every directive that has a part in the filter, once, where it was written last.
pub(super) fn askers(draft: &Draft, layers: &[Arc<Layer>]) -> Vec<By> {
    let mut all: Vec<By> = Vec::new();
    let rules = layers.iter().flat_map(|layer| &layer.rules).map(|rule| &rule.by);
    let whole = layers.iter().map(|layer| &layer.by);
    let besides =
        [draft.architectures.as_ref().map(|asked| &asked.by), draft.filter_flags.as_ref().map(|asked| &asked.by)];
    for by in whole.chain(rules).chain(besides.into_iter().flatten()) {
        if !all.iter().any(|known| known.directive == by.directive) {
            all.push(by.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Asked;
    use crate::plan::Plan;
    use crate::plan::filter::machine::{Data, run};
    use crate::plan::op::Step;

    const COOKIE: [u64; 3] = [0x1111_2222_3333_4444, 0x5555, 0x6666_0000_0000_0000];

    fn by(directive: &'static str) -> By {
        By { directive, origin: None }
    }

    fn host(release: (u32, u32)) -> Host {
        Host { release, cookie: COOKIE, ..Host::default() }
    }

    fn refusing(call: &str, otherwise: Action) -> Draft {
        let by = by("SystemCallFilter");
        let rule = crate::draft::syscalls::Rule {
            calls: vec![Call::parse(call)],
            when: Vec::new(),
            action: Action::KillProcess,
            by: by.clone(),
            on: Vec::new(),
        };
        let layer = Layer { by, rules: vec![rule], otherwise, unknown: None };
        Draft { layers: vec![layer.into()], ..Draft::default() }
    }

    fn steps(draft: &Draft, host: &Host) -> Result<Vec<Step>, Vec<Fault>> {
        let plan = Plan::new(draft, host, vec!["true".into()])?;
        Ok(plan.steps.into_iter().filter(|step| matches!(step.op, Op::Filter(_) | Op::DenyWriteExecute)).collect())
    }

    fn execve(step: &Step, cookie: [u64; 3]) -> Action {
        let Op::Filter(op) = &step.op else { panic!("not a filter: {}", step.op) };
        let number = Id::named("execve").and_then(|id| id.number(Arch::native())).expect("execve");
        let [a, b, c] = cookie;
        let data = Data { nr: number, arch: Arch::native().audit(), ip: 0, args: [1, 2, 3, a, b, c] };
        Action::from_ret(run(&op.program.code, &data).expect("a program that the kernel takes"))
    }

    #[test]
    fn a_policy_without_filters_gets_none() {
        assert_eq!(steps(&Draft::default(), &host((6, 18))), Ok(Vec::new()));
        let flags =
            Asked { what: crate::draft::syscalls::Flags { log: true, ..Default::default() }, by: by("Seccomp.Flags") };
        let draft = Draft { filter_flags: Some(flags), ..Draft::default() };
        assert_eq!(steps(&draft, &host((6, 18))), Ok(Vec::new()));
    }

    #[test]
    fn execve_passes_by_the_cookie_only_where_it_is_refused() {
        for draft in [refusing("execve", Action::Allow), refusing("read", Action::Errno(1))] {
            let steps = steps(&draft, &host((6, 18))).expect("a plan");
            assert!(matches!(&steps[0].op, Op::Filter(op) if op.marked));
            let plan = Plan::new(&draft, &host((6, 18)), vec!["true".into()]).expect("a plan");
            assert!(plan.steps.iter().any(|step| step.op == Op::Undumpable), "its registers can be read");
            assert_eq!(execve(&steps[0], COOKIE), Action::Allow);
            assert_ne!(execve(&steps[0], [0; 3]), Action::Allow);
            for which in 0..3 {
                let mut wrong = COOKIE;
                wrong[which] ^= 1 << 40;
                assert_ne!(execve(&steps[0], wrong), Action::Allow);
            }
            let text = format!("{:?} {}", steps[0], steps[0].op);
            assert!(!text.contains("1111") && !text.contains("286335522"), "{text}");
            let faults = self::steps(&draft, &Host { cookie: [0; 3], ..host((6, 18)) }).expect_err("no random numbers");
            assert_eq!(faults[0].exit, Exit::Seccomp);
        }
        let steps = steps(&refusing("read", Action::Log), &Host::default()).expect("a plan");
        assert!(matches!(&steps[0].op, Op::Filter(op) if !op.marked));
        assert_eq!(execve(&steps[0], [0; 3]), Action::Log);
    }

    #[test]
    fn writable_code_is_refused_by_the_kernel_or_by_the_filter() {
        let asked = || Some(Asked { what: (), by: by("MemoryDenyWriteExecute") });
        let mut draft = Draft { deny_write_execute: asked(), ..Draft::default() };
        let newer = steps(&draft, &host((6, 3))).expect("a plan");
        assert_eq!((newer.len(), &newer[0].op), (1, &Op::DenyWriteExecute));
        let older = steps(&draft, &host((6, 2))).expect("a plan");
        assert!(matches!(older[..], [Step { phase: Phase::Filter, .. }]));
        draft.architectures = Some(Asked { what: vec![Arch::X86], by: by("SystemCallArchitectures") });
        assert!(steps(&draft, &host((6, 3))).is_ok());
        let faults = steps(&draft, &host((6, 2))).expect_err("a shortfall");
        assert!(faults[0].message.contains("32-bit"));
        draft.prefer = vec![Asked { what: "MemoryDenyWriteExecute".into(), by: by("Prefer") }];
        assert!(steps(&draft, &host((6, 2))).is_ok());
    }

    #[test]
    fn nobody_types_at_the_callers_terminal() {
        let ioctl = Id::named("ioctl").and_then(|id| id.number(Arch::native())).expect("ioctl");
        let answer = |step: &Step, arch: Arch, nr: u32, request: u64| {
            let Op::Filter(op) = &step.op else { panic!("not a filter: {}", step.op) };
            let data = Data { nr, arch: arch.audit(), ip: 0, args: [0, request, 0, 0, 0, 0] };
            Action::from_ret(run(&op.program.code, &data).expect("a program that the kernel takes"))
        };
        let host = Host { terminal: true, ..host((6, 18)) };
        let bare = Draft { no_new_privileges: Some(Asked { what: (), by: by("NoNewPrivileges") }), ..Draft::default() };
        let (bare_steps, filtered) =
            (steps(&bare, &host).expect("a plan"), steps(&refusing("read", Action::Allow), &host));
        for step in bare_steps.iter().chain(&filtered.expect("a plan")) {
            // The kernel takes 32 bits of the request.
            for request in [0x5412, 0x541c, 0x1_0000_5412, 0xffff_ffff_0000_541c] {
                assert_eq!(answer(step, Arch::native(), ioctl, request), Action::Errno(1));
            }
            assert_eq!(answer(step, Arch::native(), ioctl, 0x5401), Action::Allow);
        }
        if Arch::native() == Arch::X86_64 {
            // ioctl is 54 there; all else of the architecture runs as without a filter.
            assert_eq!(answer(&bare_steps[0], Arch::X86, 54, 0x5412), Action::Errno(1));
            assert_eq!(answer(&bare_steps[0], Arch::X86, 20, 0), Action::Allow);
        }
        let pty = Draft { pty: Some(Asked { what: (), by: by("Pty") }), ..bare.clone() };
        for (draft, host) in
            [(&pty, &host), (&Draft::default(), &host), (&bare, &Host { terminal: false, ..host.clone() })]
        {
            assert_eq!(steps(draft, host), Ok(Vec::new()), "no filter without a need");
        }
    }

    #[test]
    fn everyone_who_asked_is_named_once() {
        let mut draft = refusing("read", Action::Allow);
        draft.layers.extend(refusing("write", Action::Allow).layers);
        draft.lock_personality = Some(Asked { what: (), by: by("LockPersonality") });
        draft.architectures = Some(Asked { what: Vec::new(), by: by("SystemCallArchitectures") });
        let steps = steps(&draft, &host((6, 18))).expect("a plan");
        let names: Vec<&str> = steps[0].by.iter().map(|by| by.directive).collect();
        assert_eq!(names, ["SystemCallFilter", "LockPersonality", "SystemCallArchitectures"]);
    }
}
