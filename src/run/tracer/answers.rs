//! The tracer that answers the calls which the filter hands to it.
//!
//! It is beside the target for as long as any process of it lives, sees every stop of every thread, and lets all pass
//! through unchanged but the calls that it is there for. When it dies the target does (PTRACE_O_EXITKILL).

use nix::errno::Errno;
use nix::sys::ptrace::Options;
use nix::unistd::Pid;

use crate::draft::By;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{self, Call, X32_BIT};
use crate::draft::compare::Compare;
use crate::draft::decision::Decision;
use crate::draft::syscalls::{Filter, Layer, Rule};
use crate::plan::filter::machine::{self, Data, Instruction};
use crate::plan::filter::tree;
use crate::plan::op::TraceOp;
use crate::sys::ptrace::{self, Pending, Stop};
use crate::sys::{descriptors, privileges, process, registers, seccomp};

use crate::run::question::Terminal;

/// What every process and thread of the target is traced with.
const ALL: Options = Options::PTRACE_O_EXITKILL
    .union(Options::PTRACE_O_TRACESECCOMP)
    .union(Options::PTRACE_O_TRACEEXEC)
    .union(Options::PTRACE_O_TRACECLONE)
    .union(Options::PTRACE_O_TRACEFORK)
    .union(Options::PTRACE_O_TRACEVFORK);

/// What the tracer needs itself: everything else kills it, and the target with it.
const OWN_CALLS: [&str; 14] = [
    "wait4",
    "ptrace",
    "read",
    "write",
    "exit_group",
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "madvise",
    "futex",
    "poll",
    "rt_sigreturn",
    "restart_syscall",
];

/// A tracer at work.
pub(super) struct Supervisor<'a> {
    launcher: Pid,
    decisions: &'a [(u16, Decision)],
    code: &'a [Instruction],
    terminal: Option<Terminal>,
    /// Whether the launcher has become the target, whose threads and children are followed.
    following: bool,
}

impl<'a> Supervisor<'a> {
    /// One that has attached to the launcher. `terminal` is for questions.
    pub(super) fn new(launcher: Pid, op: &'a TraceOp, terminal: Option<Terminal>) -> Self {
        Self { launcher, decisions: &op.decisions, code: &op.code, terminal, following: false }
    }

    /// Gives up all that the tracer does not need now that it has attached: capabilities, standard error unless it
    /// writes there, and all calls but its own.
    ///
    /// # Errors
    /// Those of the calls: it must not go on then.
    pub(super) fn confine(&self) -> Result<(), Errno> {
        if !self.decisions.iter().any(|(_, decision)| *decision == Decision::Log) {
            // Whoever reads from the target must see it end when the target closes it.
            descriptors::close(2)?;
        }
        privileges::set_capabilities(0, 0)?;
        process::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
        let program = tree::compile(&own(), Arch::native()).map_err(|_| Errno::EINVAL)?;
        let code = program.code.iter();
        let code: Vec<libc::sock_filter> =
            code.map(|step| libc::sock_filter { code: step.code, jt: step.jt, jf: step.jf, k: step.k }).collect();
        seccomp::load(0, &code)
    }

    /// Serves until nobody is left.
    pub(super) fn serve(&mut self) {
        while let Ok((pid, stop)) = ptrace::wait(None) {
            match self.handle(pid, stop) {
                // It was killed while it was stopped; its end is told next.
                Ok(()) | Err(Errno::ESRCH) => {}
                // What cannot be answered must not go on; the tracer's end is the target's.
                Err(_) => return,
            }
        }
    }

    fn handle(&mut self, pid: Pid, stop: Stop) -> Result<(), Errno> {
        match stop {
            Stop::Signal(signal) => ptrace::resume(pid, signal),
            Stop::Group(_) => ptrace::listen(pid),
            Stop::Event(libc::PTRACE_EVENT_SECCOMP) => {
                self.answer(pid)?;
                ptrace::resume(pid, 0)
            }
            Stop::Event(libc::PTRACE_EVENT_EXEC) if !self.following && pid == self.launcher => {
                self.following = true;
                ptrace::options(pid, ALL)?;
                ptrace::resume(pid, 0)
            }
            Stop::Event(_) => ptrace::resume(pid, 0),
            Stop::Exited(_) | Stop::Killed(_) => Ok(()),
        }
    }

    /// The number that the policy's filter has for a call; nothing where that does not hand it to a tracer. The kernel's
    /// event tells the number of the newest filter that does, and the target can load more of them.
    fn number(&self, pending: &Pending) -> Option<u16> {
        let Pending { arch, ip, number, arguments } = *pending;
        match machine::answer(self.code, &Data { nr: number, arch, ip, args: arguments }).map(Action::from_ret) {
            Ok(Action::Trace(number)) => Some(number),
            _ => None,
        }
    }

    fn answer(&mut self, pid: Pid) -> Result<(), Errno> {
        let pending = ptrace::pending(pid)?;
        let number = self.number(&pending);
        let value = match self.decisions.iter().find(|(known, _)| Some(*known) == number) {
            Some((_, Decision::Continue)) => return Ok(()),
            Some((_, Decision::Errno(errno))) => -i64::from(*errno),
            Some((_, Decision::Value(value))) => *value,
            Some((number, Decision::Log)) => {
                crate::run::tracer::say(&format!("stockade: {}\n", describe(pid, &pending, *number)));
                return Ok(());
            }
            Some((number, Decision::Ask)) => {
                let text = describe(pid, &pending, *number);
                let call = (pending.arch, pending.number);
                if self.terminal.as_mut().is_some_and(|terminal| terminal.ask(call, &text)) {
                    return Ok(());
                }
                -i64::from(libc::EPERM)
            }
            // As the kernel answers where there is no tracer.
            None | Some((_, Decision::Open(_) | Decision::Tell(_))) => -i64::from(libc::ENOSYS),
        };
        registers::write(pid, registers::read(pid)?.answering(value))
    }
}

/// A call in words: its numbers only, because what they point to can change before the kernel looks.
fn describe(pid: Pid, pending: &Pending, number: u16) -> String {
    let Pending { arch, number: call, arguments, .. } = *pending;
    let x32 = arch == Arch::X86_64.audit() && call >= X32_BIT && call != u32::MAX;
    let all = [(Arch::X86_64, !x32), (Arch::X32, x32), (Arch::X86, true), (Arch::Aarch64, true)];
    let arch = all.into_iter().find(|(known, fits)| *fits && known.audit() == arch).map(|(known, _)| known);
    let call = if x32 { call - X32_BIT } else { call };
    let name = arch.and_then(|arch| calls::name(arch, call)).map_or_else(|| call.to_string(), |name| name.to_string());
    let arguments: Vec<String> = arguments.iter().map(|argument| format!("{argument:#x}")).collect();
    format!("process {pid} calls {name}({}) (trace:{number})", arguments.join(", "))
}

/// The tracer's own filter.
fn own() -> Filter {
    let by = By { directive: "Seccomp.Rule", origin: None };
    let allowed = |names: &[&str], when: Vec<Compare>| Rule {
        calls: names.iter().map(|name| Call::parse(name)).collect(),
        when,
        action: Action::Allow,
        on: Vec::new(),
        by: by.clone(),
    };
    let mut rules = vec![allowed(&OWN_CALLS, Vec::new())];
    // TCFLSH: what was typed before a question is thrown away.
    rules.extend(Compare::parse("arg1 == 0x540b").map(|flush| allowed(&["ioctl"], vec![flush])));
    let layer = Layer { by: by.clone(), rules, otherwise: Action::KillProcess, unknown: None };
    Filter { layers: vec![layer.into()], ..Filter::new() }
}
