//! A stopped target in a tracer's hands: run to a point, made to call the kernel, ended.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sys::ptrace::{self, EVENT_STOP, Stop};
use crate::sys::registers::{self, CALL, TRAP};

use super::auxiliary;

/// Every signal but SIGTRAP, which single steps end with: bit 0 is signal 1.
const ALL_BUT_TRAP: u64 = !(1 << (libc::SIGTRAP - 1));

/// How long the target may take for a step that it cannot delay by itself.
const MOMENT: Duration = Duration::from_secs(2);

/// Why a target is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It has ended by itself, and its parent knows.
    Gone,
    /// It did not do in time what it should.
    Late,
    /// What is wrong, and what would help. The target is stopped, or has made another process (`stray`).
    Wrong { message: String, help: String, stray: Option<Pid> },
}

impl Trouble {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Wrong { message: message.into(), help: help.into(), stray: None }
    }
}

/// A tracee that has vanished was killed: by somebody who may.
impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ESRCH => Self::Gone,
            Errno::ETIMEDOUT => Self::Late,
            errno => Self::new(format!("tracing the target failed: {}", errno.desc().to_lowercase()), HELP),
        }
    }
}

/// A target of one thread.
pub(super) struct Tracee {
    pub(super) pid: Pid,
    /// SIGSTOP, when it came at a bad time: it is given when the target is let go of.
    held: i32,
    /// Where its vDSO is, once that is known.
    pub(super) vdso: Option<u64>,
}

/// How a target goes on.
#[derive(Clone, Copy)]
enum Next {
    /// It is running.
    Wait,
    /// With this signal, or 0.
    Resume(i32),
    /// As a stopped job.
    Listen,
}

impl Tracee {
    pub(super) fn new(pid: Pid) -> Self {
        Self { pid, held: 0, vdso: None }
    }

    /// Waits until the launcher, which is running, has become the target.
    pub(super) fn executed(&self) -> Result<(), Trouble> {
        self.until(Next::Wait, None, |stop| stop == Stop::Event(libc::PTRACE_EVENT_EXEC)).map(drop)
    }

    /// Lets it run, signals and stops included, until `end` or until something happens that is `wanted`.
    fn run(&self, end: Instant, wanted: impl FnMut(Stop) -> bool) -> Result<Stop, Trouble> {
        self.until(Next::Resume(0), Some(end), wanted)
    }

    fn until(
        &self,
        mut next: Next,
        end: Option<Instant>,
        mut wanted: impl FnMut(Stop) -> bool,
    ) -> Result<Stop, Trouble> {
        loop {
            match next {
                Next::Wait => {}
                Next::Resume(signal) => ptrace::resume(self.pid, signal)?,
                Next::Listen => ptrace::listen(self.pid)?,
            }
            let stop = match end {
                Some(end) => ptrace::wait_until(self.pid, end)?,
                None => ptrace::wait(Some(self.pid))?.1,
            };
            if wanted(stop) {
                return Ok(stop);
            }
            next = match stop {
                Stop::Signal(signal) => Next::Resume(signal),
                Stop::Group(_) => Next::Listen,
                Stop::Event(_) => Next::Resume(0),
                Stop::Exited(_) | Stop::Killed(_) => return Err(Trouble::Gone),
            };
        }
    }

    /// Blocks its signals until [`Tracee::unmask`].
    pub(super) fn mask(&self) -> Result<u64, Trouble> {
        Ok(ptrace::swap_mask(self.pid, ALL_BUT_TRAP)?)
    }

    /// Gives it its own mask back.
    pub(super) fn unmask(&self, mask: u64) -> Result<(), Trouble> {
        ptrace::swap_mask(self.pid, mask)?;
        Ok(())
    }

    /// One instruction, or the rest of the system call in which it stopped. Its signals must be masked.
    pub(super) fn step(&mut self) -> Result<(), Trouble> {
        let end = Instant::now() + MOMENT;
        loop {
            ptrace::step(self.pid)?;
            match ptrace::wait_until(self.pid, end)? {
                Stop::Signal(libc::SIGTRAP) => return Ok(()),
                // The one signal besides SIGKILL that no mask holds back.
                Stop::Signal(libc::SIGSTOP) => self.held = libc::SIGSTOP,
                Stop::Exited(_) | Stop::Killed(_) => return Err(Trouble::Gone),
                Stop::Event(EVENT_STOP) | Stop::Group(_) => {}
                stop => return Err(Trouble::new(format!("the target stopped by surprise: {stop:?}"), HELP)),
            }
        }
    }

    /// Runs to an address by a breakpoint, which is gone again afterwards.
    pub(super) fn run_to(&self, address: u64, end: Instant, point: &str) -> Result<(), Trouble> {
        if registers::read(self.pid)?.counter() == address {
            return Ok(());
        }
        // The aligned word around it lies in one page.
        let (at, shift) = (address & !7, (address & 7) * 8);
        let word = ptrace::peek(self.pid, at)?;
        ptrace::poke(self.pid, at, word & !(0xff << shift) | u64::from(TRAP) << shift)?;
        let mut there = None;
        let stop = self.run(end, |stop| match stop {
            Stop::Signal(libc::SIGTRAP) => {
                there = registers::read(self.pid).ok().filter(|now| now.counter() == address.wrapping_add(1));
                there.is_some()
            }
            Stop::Event(event) => event != EVENT_STOP,
            _ => false,
        });
        match (stop, there) {
            (Ok(Stop::Signal(_)), Some(now)) => {
                ptrace::poke(self.pid, at, word)?;
                registers::write(self.pid, now.at(address))?;
                Ok(())
            }
            (Ok(stop), _) => Err(self.early(stop, point)),
            (Err(Trouble::Late), _) => {
                ptrace::interrupt(self.pid)?;
                ptrace::wait_until(self.pid, Instant::now() + MOMENT)?;
                let message =
                    format!("the target does not get to {point} in {} seconds", super::strict::PATIENCE.as_secs());
                Err(Trouble::new(message, "until there it may not wait for anything; choose an earlier point"))
            }
            (Err(trouble), _) => Err(trouble),
        }
    }

    /// What the target must not do before it is confined.
    fn early(&self, stop: Stop, point: &str) -> Trouble {
        let what = match stop {
            Stop::Event(libc::PTRACE_EVENT_EXEC) => "executes another program",
            Stop::Event(libc::PTRACE_EVENT_CLONE) => "makes a thread",
            _ => "makes a process",
        };
        let new = ptrace::message(self.pid).ok().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        let stray = new.filter(|pid| pid.as_raw() > 0 && !matches!(stop, Stop::Event(libc::PTRACE_EVENT_EXEC)));
        let message = format!("the target {what} before it gets to {point}, and strict mode holds for one thread only");
        Trouble::Wrong { message, help: "choose an earlier point: Seccomp.StrictAt = \"entry\"".into(), stray }
    }

    /// Makes it call the kernel, and gives it its registers back. Its signals must be masked, and it must be outside of
    /// system calls.
    pub(super) fn call(&mut self, number: i64, arguments: [u64; 3]) -> Result<i64, Trouble> {
        let own = registers::read(self.pid)?;
        let place = Place::find(self, own.counter())?;
        registers::write(self.pid, own.calling(place.address, number, arguments))?;
        self.step()?;
        let result = registers::read(self.pid)?.result();
        place.restore(self.pid)?;
        registers::write(self.pid, own.outside())?;
        Ok(result)
    }

    /// Lets go of it.
    pub(super) fn release(self) -> Result<(), Trouble> {
        ptrace::detach(self.pid, self.held)?;
        Ok(())
    }

    /// Ends it with a status, if it can still be made to do that; by SIGKILL otherwise.
    pub(super) fn end(mut self, status: u8, stray: Option<Pid>) {
        // Another program has another one.
        self.vdso = auxiliary::read(self.pid).ok().and_then(|values| values.vdso);
        // A thread dies with its process.
        let process = |stray: Pid| !Path::new(&format!("/proc/{}/task/{stray}", self.pid)).exists();
        if let Some(stray) = stray.filter(|stray| process(*stray)) {
            kill(stray, Signal::SIGKILL).ok();
        }
        if self.exit(status, stray).is_ok() {
            return;
        }
        // Whatever is left dies with the tracer too (PTRACE_O_EXITKILL).
        if kill(self.pid, Signal::SIGKILL).is_ok() {
            ptrace::wait_until(self.pid, Instant::now() + MOMENT).ok();
        }
    }

    fn exit(&mut self, status: u8, stray: Option<Pid>) -> Result<(), Trouble> {
        self.mask()?;
        // It may be inside a system call, which is not to be started again, and whose end would overwrite what is about to
        // be set.
        registers::write(self.pid, registers::read(self.pid)?.outside())?;
        self.step()?;
        let own = registers::read(self.pid)?;
        let place = Place::find(self, own.counter())?;
        registers::write(self.pid, own.calling(place.address, libc::SYS_exit_group, [status.into(), 0, 0]))?;
        let end = Instant::now() + MOMENT;
        ptrace::resume(self.pid, 0)?;
        // The kernel tells of a process's end when its threads have been waited for.
        for pid in stray.into_iter().chain([self.pid]) {
            while !matches!(ptrace::wait_until(pid, end)?, Stop::Exited(_) | Stop::Killed(_)) {
                // A new one has a first stop; nothing else is left to be told.
                if pid == self.pid {
                    ptrace::resume(pid, 0)?;
                }
            }
        }
        Ok(())
    }
}

const HELP: &str = "it is ended, because it cannot be known to be confined";

/// An instruction that calls the kernel.
struct Place {
    address: u64,
    /// The word that it replaces, where there was none.
    replaced: Option<(u64, u64)>,
}

impl Place {
    /// In the vDSO, where nothing needs to be written; in place of the target's own code where there is no vDSO.
    fn find(tracee: &Tracee, counter: u64) -> Result<Self, Trouble> {
        let pid = tracee.pid;
        if let (Some(base), Some(offset)) = (tracee.vdso, ptrace::vdso_call(CALL)) {
            let address = base.wrapping_add(offset);
            let word = ptrace::peek(pid, address & !7)?.to_ne_bytes();
            let next = ptrace::peek(pid, (address & !7) + 8)?.to_ne_bytes();
            let at = usize::try_from(address & 7).unwrap_or(0);
            if [word, next].concat().get(at..at + 2) == Some(&CALL[..]) {
                return Ok(Self { address, replaced: None });
            }
        }
        let at = counter & !7;
        let word = ptrace::peek(pid, at)?;
        let mut code = word.to_ne_bytes();
        code[..2].copy_from_slice(&CALL);
        ptrace::poke(pid, at, u64::from_ne_bytes(code))?;
        Ok(Self { address: at, replaced: Some((at, word)) })
    }

    fn restore(&self, pid: Pid) -> Result<(), Trouble> {
        if let Some((at, word)) = self.replaced {
            ptrace::poke(pid, at, word)?;
        }
        Ok(())
    }
}
