//! The helper that traces the launcher, and then the target that it becomes.
//!
//! In: the plan's tracer. Out: answers to calls (`answers`), or a target in strict mode that is let go (`strict`), by
//! means of `tracee` (a stopped target in our hands), `elf` (symbols of its file) and `auxiliary` (what the kernel told
//! it).

mod answers;
mod auxiliary;
mod elf;
mod strict;
mod tracee;

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::ptrace::Options;
use nix::unistd::{Pid, getpid, pipe2, read, write};

use crate::draft::decision::Decision;
use crate::fault::{Exit, Fault};
use crate::plan::Plan;
use crate::plan::op::{Op, Step, Tracer};
use crate::plan::strict::StrictOp;
use crate::sys::detached::{self, Side};
use crate::sys::{process, ptrace, registers};

use super::failure;
use super::question::Terminal;
use answers::Supervisor;
use tracee::{Tracee, Trouble};

/// Starts the helper that the plan wants, if it wants one. Says whether it has attached.
///
/// # Errors
/// It cannot: nothing has been done yet.
pub(super) fn attach(plan: &Plan) -> Result<bool, Fault> {
    let Some(step) = plan.steps.iter().find(|step| matches!(step.op, Op::Attach(_))) else { return Ok(false) };
    if !registers::SUPPORTED {
        return Err(refused(step, Errno::ENOSYS));
    }
    start(plan, step).map_err(|errno| refused(step, errno))?;
    Ok(true)
}

/// A helper that never attaches is none: every way out of here is a tracer or an error.
fn start(plan: &Plan, step: &Step) -> Result<(), Errno> {
    let (from_helper, to_launcher) = pipe2(OFlag::O_CLOEXEC)?;
    let (from_launcher, to_helper) = pipe2(OFlag::O_CLOEXEC)?;
    // Where Yama (ptrace_scope 1) is not in the kernel, the helper needs no permission to trace what is not its child.
    let yama = process::prctl(libc::PR_SET_PTRACER, 0).is_ok();
    if let Side::Beside(launcher) = detached::beside()? {
        drop((from_helper, to_helper));
        help(plan, step, launcher, yama, from_launcher, to_launcher);
    }
    drop((to_launcher, from_launcher));
    let mut answer = [0; 4];
    if yama {
        hear(&from_helper, &mut answer)?;
        let helper = u64::try_from(i32::from_ne_bytes(answer)).map_err(|_| Errno::ESRCH)?;
        process::prctl(libc::PR_SET_PTRACER, helper)?;
        write(&to_helper, b"!")?;
    }
    let attached = hear(&from_helper, &mut answer);
    if yama {
        process::prctl(libc::PR_SET_PTRACER, 0)?;
    }
    attached?;
    match i32::from_ne_bytes(answer) {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}

/// Reads a whole message; a helper that has died sends none.
fn hear(from: &OwnedFd, into: &mut [u8]) -> Result<(), Errno> {
    loop {
        match read(from, into) {
            Ok(length) if length == into.len() => return Ok(()),
            Ok(_) => return Err(Errno::ECHILD),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The helper's whole life.
fn help(plan: &Plan, step: &Step, launcher: Pid, yama: bool, from: OwnedFd, to: OwnedFd) -> ! {
    // Before it leaves the session that the terminal belongs to.
    let terminal = if asks(&step.op) { Terminal::open() } else { None };
    let mut keep = vec![from.as_raw_fd(), to.as_raw_fd()];
    keep.extend(terminal.as_ref().map(Terminal::number));
    let attached = detached::settle(&keep).and_then(|()| seize(launcher, yama, &from, &to));
    let number = attached.err().map_or(0, |errno| errno as i32);
    let told = write(&to, &number.to_ne_bytes()).is_ok();
    drop((from, to));
    if attached.is_err() || !told {
        // If it has attached after all, its death is the launcher's (PTRACE_O_EXITKILL).
        detached::leave(1);
    }
    if let Op::Attach(Tracer::Answers(op)) = &step.op {
        let mut supervisor = Supervisor::new(launcher, op, terminal);
        if let Err(errno) = supervisor.confine() {
            say(&fault(step, format!("the tracer cannot confine itself: {}", failure::words(errno))).render(false));
            detached::leave(1);
        }
        supervisor.serve();
        detached::leave(0);
    }
    let strict = plan.steps.iter().find_map(|step| if let Op::Strict(op) = &step.op { Some(op) } else { None });
    if let Some(op) = strict {
        confine(step, launcher, op);
    }
    detached::leave(0)
}

fn asks(op: &Op) -> bool {
    let Op::Attach(Tracer::Answers(op)) = op else { return false };
    op.decisions.iter().any(|(_, decision)| *decision == Decision::Ask)
}

fn seize(launcher: Pid, yama: bool, from: &OwnedFd, to: &OwnedFd) -> Result<(), Errno> {
    if yama {
        write(to, &getpid().as_raw().to_ne_bytes())?;
        hear(from, &mut [0])?;
    }
    ptrace::seize(launcher, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACESECCOMP)
}

/// PTRACE_O_EXITKILL is set.
const DIES: &str = "it cannot be let go of, so it dies with its tracer";

/// Strict mode, or the target's end.
fn confine(step: &Step, launcher: Pid, op: &StrictOp) {
    let mut tracee = Tracee::new(launcher);
    match strict::confine(&mut tracee, op) {
        Ok(()) => match tracee.release() {
            Ok(()) | Err(Trouble::Gone) => {}
            Err(Trouble::Late) => tell(step, "the target does not answer its tracer".into(), DIES),
            Err(Trouble::Wrong { message, .. }) => tell(step, message, DIES),
        },
        Err(Trouble::Gone) => {}
        Err(Trouble::Late) => {
            tell(step, "the target does not answer its tracer".into(), "it is ended");
            tracee.end(Exit::Seccomp as u8, None);
        }
        Err(Trouble::Wrong { message, help, stray }) => {
            tell(step, message, &help);
            tracee.end(Exit::Seccomp as u8, stray);
        }
    }
}

/// The helper's own way to say what is wrong: the launcher is the target already.
fn tell(step: &Step, message: String, help: &str) {
    say(&fault(step, message).help(help).render(false));
}

/// Writes to standard error; there is nobody to tell when that fails.
pub(super) fn say(text: &str) {
    let mut rest = text.as_bytes();
    while let Ok(length @ 1..) = write(std::io::stderr(), rest) {
        rest = &rest[length..];
    }
}

fn fault(step: &Step, message: String) -> Fault {
    let mut fault = Fault::new(message).exit(Exit::Seccomp);
    if let Some(by) = step.by.first() {
        fault.origin.clone_from(&by.origin);
        fault.label = format!("asked for by {}", by.directive);
    }
    fault
}

/// Why no helper can attach.
fn refused(step: &Step, errno: Errno) -> Fault {
    let fault = fault(step, format!("cannot {}: {}", step.op, failure::words(errno)));
    let tracer = auxiliary::status("self").map_or(0, |status| status.tracer);
    match errno {
        Errno::EPERM if tracer != 0 => {
            fault.help(format!("process {tracer} traces stockade already (strace, gdb), and a process has one tracer"))
        }
        Errno::EPERM | Errno::EACCES => fault
            .help("ptrace(2) is forbidden: see /proc/sys/kernel/yama/ptrace_scope, which may be 1 at most")
            .help("in a container, its filter or security module may forbid it; the file of stockade must be readable"),
        Errno::ENOSYS => fault.help("ptrace(2) is not there, or refused by a filter from outside stockade"),
        _ => fault,
    }
}
