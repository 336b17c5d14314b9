//! Strict mode, entered on the target's behalf by the helper that traces it.

use std::fs::File;
use std::time::{Duration, Instant};

use nix::sys::ptrace::Options;
use nix::unistd::Pid;

use crate::draft::strict::Trigger;
use crate::plan::filter::tree::Program as Filter;
use crate::plan::strict::StrictOp;
use crate::sys::ptrace;
use crate::sys::registers::{self, CALL, calls};

use super::auxiliary::{self, Status, Values};
use super::elf::Program;
use super::tracee::{Tracee, Trouble};

/// How long the target may run before the point at which it is confined.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How many instructions a stripped program is followed to where it calls the C library with `main`.
const STEPS: usize = 4000;

/// Waits for the execution, brings the target to the point, confines it there and lets go.
///
/// # Errors
/// The target is still held then, and must be ended; or it has ended.
pub(super) fn confine(tracee: &mut Tracee, op: &StrictOp) -> Result<(), Trouble> {
    tracee.executed()?;
    let end = Instant::now() + PATIENCE;
    // From here on a thread, a process or another program is an event that ends all.
    let early = Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
    let always = Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACEEXEC;
    ptrace::options(tracee.pid, always | early)?;
    let mask = tracee.mask()?;
    // It has stopped inside execve, at whose end the kernel would overwrite the result of whatever was called here.
    tracee.step()?;
    let values = auxiliary::read(tracee.pid).map_err(|error| unreadable("its auxiliary vector", &error))?;
    tracee.vdso = values.vdso;
    suitable(tracee, &values)?;
    tracee.unmask(mask)?;
    tracee.run_to(values.entry, end, "its entry point")?;
    if let Some((address, point)) = point(tracee, op, &values)? {
        tracee.run_to(address, end, &point)?;
    }
    let mask = tracee.mask()?;
    let before = status(tracee.pid)?;
    match &op.filter {
        None => enter(tracee)?,
        Some(filter) => install(tracee, filter)?,
    }
    verify(tracee.pid, before, op.filter.is_some())?;
    tracee.unmask(mask)
}

/// Refuses what the kernel has made of the target: other code, or more rights than the launcher had.
fn suitable(tracee: &Tracee, values: &Values) -> Result<(), Trouble> {
    /// The size of a program header of a 64-bit file; x32's are 32 bytes long.
    const HEADER: u64 = 56;
    if values.secure {
        let help = "take the set-user-id bit or the file's capabilities away, or say NoNewPrivileges=yes";
        return Err(Trouble::new("the target gets rights by being executed, and strict mode is not for those", help));
    }
    if values.header != HEADER || !registers::read(tracee.pid)?.is_native() {
        let help = "only native programs can be put into strict mode";
        return Err(Trouble::new("the target is a program for another architecture", help));
    }
    Ok(())
}

/// The point behind the entry point, and what to call it.
fn point(tracee: &mut Tracee, op: &StrictOp, values: &Values) -> Result<Option<(u64, String)>, Trouble> {
    match &op.at {
        Trigger::Entry => Ok(None),
        Trigger::Auto if values.interpreter != 0 => Ok(None),
        Trigger::Auto | Trigger::Main => {
            let program = program(tracee.pid, values)?;
            let main = match program.symbol("main").map_err(malformed)? {
                Some(address) => address,
                None => follow(tracee, &program, values.entry)?,
            };
            Ok(Some((main, "main".into())))
        }
        Trigger::Symbol(name) => {
            let program = program(tracee.pid, values)?;
            let address = program.symbol(name).map_err(malformed)?;
            match address.filter(|address| program.code().is_ok_and(|code| code.has(*address))) {
                Some(address) => Ok(Some((address, name.clone()))),
                None => Err(Trouble::new(
                    format!("the target has no function `{name}`"),
                    "`nm` prints the names; a stripped program has none, but main can be found in it",
                )),
            }
        }
        Trigger::Address(address) => {
            let program = program(tracee.pid, values)?;
            let place = program.address(*address);
            if program.code().map_err(malformed)?.has(place) {
                Ok(Some((place, format!("{address:#x}"))))
            } else {
                let message = format!("{address:#x} is not in the target's code");
                Err(Trouble::new(message, "the address is one of the file, as `nm` and `objdump -d` print it"))
            }
        }
    }
}

/// Finds `main` in a program without symbols: from the entry point on, at the first call with an address of the
/// program's code as its first argument, which is how main is handed to the C library.
fn follow(tracee: &mut Tracee, program: &Program, entry: u64) -> Result<u64, Trouble> {
    let code = program.code().map_err(malformed)?;
    let mask = tracee.mask()?;
    let mut found = None;
    for _ in 0..STEPS {
        let now = registers::read(tracee.pid)?;
        let next = instruction(tracee.pid, now.counter())?;
        if calls(&next) && code.has(now.first()) && now.first() != entry {
            found = Some(now.first());
            break;
        }
        if next.starts_with(&CALL) {
            break;
        }
        tracee.step()?;
    }
    tracee.unmask(mask)?;
    found.ok_or_else(|| {
        Trouble::new(
            "main cannot be found in the target, which has no symbols",
            "say where strict mode begins: Seccomp.StrictAt = \"entry\", or an address",
        )
    })
}

/// The eight bytes at an address.
fn instruction(pid: Pid, address: u64) -> Result<[u8; 8], Trouble> {
    let (at, skip) = (address & !7, usize::try_from(address & 7).unwrap_or(0));
    let first = ptrace::peek(pid, at)?.to_ne_bytes();
    // The code may end here.
    let second = if skip == 0 { [0; 8] } else { ptrace::peek(pid, at + 8).unwrap_or(0).to_ne_bytes() };
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(first.into_iter().chain(second).skip(skip)) {
        *to = from;
    }
    Ok(bytes)
}

/// The mode itself.
fn enter(tracee: &mut Tracee) -> Result<(), Trouble> {
    let option = u64::try_from(libc::PR_SET_SECCOMP).unwrap_or(0);
    let answer = tracee.call(libc::SYS_prctl, [option, libc::SECCOMP_MODE_STRICT.into(), 0])?;
    answered(answer, "strict mode", "a filter from outside stockade, such as a container's, excludes it")
}

/// The filter like it: written below the stack for as long as the kernel reads it.
fn install(tracee: &mut Tracee, filter: &Filter) -> Result<(), Trouble> {
    /// Farther below the stack pointer than what functions may use there (128 bytes, System V ABI).
    const BELOW: u64 = 4096;
    /// `struct sock_fprog`: a length and a pointer.
    const HEAD: u64 = 16;
    let option = u64::try_from(libc::PR_SET_NO_NEW_PRIVS).unwrap_or(0);
    let help = "a filter of the policy, or one from outside stockade, refuses it";
    let answer = tracee.call(libc::SYS_prctl, [option, 1, 0])?;
    answered(answer, "no_new_privs", help)?;
    let place = (registers::read(tracee.pid)?.stack() - BELOW) & !15;
    let length = u64::try_from(filter.code.len()).unwrap_or(u64::MAX);
    let steps = filter.code.iter().map(|step| {
        u64::from(step.code) | u64::from(step.jt) << 16 | u64::from(step.jf) << 24 | u64::from(step.k) << 32
    });
    let words = [length, place + HEAD].into_iter().chain(steps);
    let mut replaced = Vec::with_capacity(filter.code.len() + 2);
    for (at, word) in (place..).step_by(8).zip(words) {
        replaced.push((at, ptrace::peek(tracee.pid, at)?));
        ptrace::poke(tracee.pid, at, word)?;
    }
    let answer = tracee.call(libc::SYS_seccomp, [libc::SECCOMP_SET_MODE_FILTER.into(), 0, place])?;
    for (at, word) in replaced {
        ptrace::poke(tracee.pid, at, word)?;
    }
    answered(answer, "the filter like strict mode", help)
}

fn answered(answer: i64, what: &str, help: &str) -> Result<(), Trouble> {
    if answer == 0 {
        return Ok(());
    }
    let errno = nix::errno::Errno::from_raw(i32::try_from(-answer).unwrap_or(0));
    Err(Trouble::new(format!("the kernel refuses the target {what}: {}", errno.desc().to_lowercase()), help))
}

/// What the kernel says of the target now: nothing else is believed.
fn verify(pid: Pid, before: Status, compat: bool) -> Result<(), Trouble> {
    let now = status(pid)?;
    let entered = match (compat, before.filters, now.filters) {
        (false, ..) => now.mode == 1,
        (true, Some(before), Some(now)) => now == before + 1,
        (true, ..) => now.mode == 2,
    };
    if !entered {
        let message = format!("the target is not confined although the kernel said so (Seccomp: {})", now.mode);
        return Err(Trouble::new(message, "this is a bug in stockade or in the kernel"));
    }
    if now.threads != 1 {
        let message = format!("the target has {} threads, and strict mode holds for one only", now.threads);
        return Err(Trouble::new(message, "choose an earlier point: Seccomp.StrictAt = \"entry\""));
    }
    Ok(())
}

fn status(pid: Pid) -> Result<Status, Trouble> {
    auxiliary::status(&pid.to_string()).map_err(|error| unreadable("its status", &error))
}

fn program(pid: Pid, values: &Values) -> Result<Program, Trouble> {
    let file = File::open(format!("/proc/{pid}/exe")).map_err(|error| unreadable("its program", &error))?;
    Program::new(file, values.entry).map_err(malformed)
}

fn unreadable(what: &str, error: &std::io::Error) -> Trouble {
    let message = format!("{what} cannot be read: {}", error.to_string().to_lowercase());
    Trouble::new(format!("the target cannot be traced: {message}"), "the target must be readable, and /proc mounted")
}

fn malformed(error: object::read::Error) -> Trouble {
    Trouble::new(format!("the target's file is malformed: {error}"), "strip --strip-all may help, or another point")
}
