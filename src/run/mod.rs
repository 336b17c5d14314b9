//! LIVE: becomes the target, or says why not.
//!
//! In: a [`Plan`] and its [`Host`]. Out: nothing, for this process is the target; or the fault that ends it.
//!
//! - beside the target, where the plan wants it: `companion` (PID namespace: init, signals, terminal, messages),
//!   `notify` (answers the filter's notifications), `tracer` (traces: rules of trace, and strict mode)
//! - `question` (to whoever sits at the terminal), `forking` (services that cannot be), `failure` (a step that failed,
//!   in words), `program` (why the target's file could not be executed)

mod companion;
mod failure;
mod forking;
mod notify;
mod program;
mod question;
mod tracer;

use nix::errno::Errno;

use crate::apply::Ready;
use crate::fault::{Exit, Fault, clean};
use crate::host::Host;
use crate::plan::Plan;
use crate::plan::op::Op;
use crate::plan::order::Phase;
use crate::sys::progress::Progress;

use companion::report::{self, Status};

/// Carries the plan out in this process: when it works, this process *is* the target, and the function does not return.
/// It has no child. Beside it stands a helper only where the plan wants one, for a filter that notifies or for a tracer;
/// the process must have one thread when this is called.
///
/// A plan with a PID namespace is carried out in a child, and this process waits for it and ends as it does. `status` is
/// a descriptor to which lines of JSON are written about what happens.
///
/// What comes back is what failed, with who asked for it and what can be done. It can come back in the child.
pub fn exec(plan: &Plan, host: &Host, status: Option<i32>) -> Fault {
    let status = match status.map(|number| own(plan, number)).transpose() {
        Ok(status) => status,
        Err(fault) => return fault,
    };
    let fault = carry_out(plan, host, status.as_ref());
    if let Some(status) = &status {
        failed(status, &fault);
    }
    fault
}

/// Writes to the descriptor for the lines that there is no plan, and why.
pub fn refuse(number: i32, fault: &Fault) {
    // One that cannot be written is no reason to tell another fault than this.
    if number > 2
        && let Ok(status) = Status::new(number)
    {
        failed(&status, fault);
    }
}

fn failed(status: &Status, fault: &Fault) {
    let line = serde_json::json!({ "event": "failed", "status": fault.exit as u8, "message": clean(&fault.message) });
    // Standard error has it, too.
    status.say(format!("{line}\n").as_bytes()).ok();
}

/// Nobody reads what is to be told, and a launch without it is not what was asked for.
fn full(number: i32) -> Fault {
    Fault::new(format!("--status-fd: descriptor {number} is full, and nobody reads what was written to it"))
        .help("read from its other end while stockade runs, or let it be a file: 9>events")
        .exit(Exit::Fds)
}

/// Takes the descriptor for the lines over.
fn own(plan: &Plan, number: i32) -> Result<Status, Fault> {
    let passed = plan.steps.iter().any(|step| matches!(&step.op, Op::Descriptors { keep } if keep.contains(&number)));
    if number < 3 || passed {
        let why = if passed { "is one that the target gets" } else { "is one of the target's own three" };
        return Err(Fault::new(format!("--status-fd: descriptor {number} {why}"))
            .help("use another, such as 9: 9>events")
            .exit(Exit::Usage));
    }
    let status = Status::new(number).map_err(|errno| {
        let fault = Fault::new(format!("--status-fd: descriptor {number}: {}", failure::words(errno)));
        fault.help("open it for writing: 9>events").exit(Exit::Usage)
    })?;
    for short in &plan.shortfalls {
        let line = serde_json::json!({
            "event": "shortfall",
            "directive": short.by.directive,
            "missing": short.missing,
            "reason": short.reason,
            "remedy": short.remedy,
        });
        status.say(format!("{line}\n").as_bytes()).map_err(|_| full(number))?;
    }
    // Where the target is executed elsewhere, this is the last time to refuse.
    status.room().map_err(|_| full(number))?;
    Ok(status)
}

fn carry_out(plan: &Plan, host: &Host, status: Option<&Status>) -> Fault {
    if let Some(fault) = forking::refusal(plan, host) {
        return fault;
    }
    let ready = Ready::new(plan).and_then(|ready| {
        let mut ready = ready.supervised(notify::serve);
        if tracer::attach(plan)? {
            ready.traced();
        }
        Ok(ready)
    });
    let result = ready.and_then(|mut ready| {
        let parts = plan.steps.iter().any(|step| matches!(step.op, Op::Companion(_)));
        if parts || status.is_some() {
            match accompanied(&mut ready, plan, status) {
                Ok(Ok(())) => {}
                Ok(Err(number)) => return Err(full(number)),
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(ready.run())
    });
    match result {
        Ok(Err(failure)) => failure::explain(plan, host, failure),
        Ok(Ok(())) => Fault::new("the plan has no target").exit(Exit::Exception),
        Err(fault) => fault,
    }
}

/// Everything up to where the target's process has nothing more to tell; the descriptor, where that cannot be told.
fn accompanied(
    ready: &mut Ready,
    plan: &Plan,
    status: Option<&Status>,
) -> Result<Result<(), i32>, crate::apply::Failure> {
    let failed = |errno: Errno| crate::apply::Failure { step: 0, errno };
    let progress = Progress::new().map_err(failed)?;
    ready.watched(progress.again());
    let lines = status.map(Status::number);
    let parts = plan.steps.iter().any(|step| matches!(step.op, Op::Companion(_)));
    let page = progress.again();
    ready.parted(Box::new(move |op| companion::part(op, &page, lines)));
    let Some(status) = status else { return Ok(Ok(())) };
    // Without /proc the namespaces stay unnamed.
    let process = report::process().ok();
    for number in [Some(status.number()), process.as_ref().map(std::os::fd::AsRawFd::as_raw_fd)].into_iter().flatten() {
        ready.spare(number);
    }
    // Later a filter may forbid to look and to write.
    ready.advance(plan.steps.iter().position(|step| step.phase >= Phase::Teller).unwrap_or(usize::MAX))?;
    if let Some(process) = &process {
        report::namespaces(process, &progress);
    }
    if parts {
        return Ok(Ok(()));
    }
    Ok(status.started(&progress, std::process::id().cast_signed(), None).map_err(|_| status.number()))
}
