//! Which functions a launch executes: the list that `.cargo/launch.ld` puts into one place of the file.
//!
//! ```text
//! CARGO_PROFILE_BENCH_STRIP=none cargo bench --bench order -- [--write] [BINARY]
//! ```
//!
//! Without BINARY, a build of stockade with its symbols, it is the benchmark's own.
//! Launches are executed instruction by instruction, under the levels' policies and `strict`. Printed is how
//! many bytes the executed functions have and on how many pieces of 64 KiB they lie, which the kernel maps at a time.
//! `--write` puts their sections into `.cargo/launch.ld`, in the order of their first execution; cargo links by it when a
//! source has changed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

#[path = "launch/policies.rs"]
mod policies;

/// What the kernel maps around a page that is touched, in bytes (`fault_around_bytes`).
const PIECE: u64 = 64 * 1024;

/// Between these lines of `.cargo/launch.ld` stands what is written here.
const MARKS: [&str; 2] = ["    /* executed: */\n", "    /* executed. */\n"];

/// One function of the binary.
struct Function {
    start: u64,
    size: u64,
    name: String,
}

fn functions(binary: &Path) -> Result<Vec<Function>, String> {
    let bytes = fs::read(binary).map_err(|error| error.to_string())?;
    let file = object::File::parse(&*bytes).map_err(|error| error.to_string())?;
    let text: Vec<_> =
        file.sections().filter(|section| section.name().is_ok_and(|name| name.starts_with(".text"))).collect();
    if text.is_empty() {
        return Err("the binary has no .text".into());
    }
    let mut all: Vec<Function> = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .filter_map(|symbol| {
            Some(Function { start: symbol.address(), size: symbol.size(), name: symbol.name().ok()?.to_owned() })
        })
        .collect();
    if all.is_empty() {
        return Err("the binary has no symbols; set CARGO_PROFILE_BENCH_STRIP=none".into());
    }
    all.sort_by_key(|function| function.start);
    Ok(all)
}

/// The addresses of one launch, in the order of their first execution.
fn trace(mut command: Command, seen: &mut BTreeSet<u64>, order: &mut Vec<u64>) -> Result<(), String> {
    let told = |what: &'static str| move |error: nix::Error| format!("{what}: {error}");
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let pid = Pid::from_raw(child.id().cast_signed());
    // The shell stops itself, and is executed until it becomes stockade.
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).map_err(told("wait"))?;
    ptrace::seize(pid, Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL).map_err(told("seize"))?;
    nix::sys::signal::kill(pid, Signal::SIGCONT).map_err(told("continue"))?;
    let mut stepping = false;
    loop {
        let signal = match waitpid(pid, None).map_err(told("wait"))? {
            WaitStatus::PtraceEvent(_, _, event) if event == ptrace::Event::PTRACE_EVENT_EXEC as i32 => {
                if stepping {
                    break;
                }
                stepping = true;
                None
            }
            WaitStatus::PtraceEvent(..) | WaitStatus::Stopped(_, Signal::SIGTRAP) => None,
            WaitStatus::Stopped(_, signal) => Some(signal),
            status @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {
                return Err(format!("a launch ends before its exec: {status:?}"));
            }
            _ => None,
        };
        if stepping {
            let registers = ptrace::getregs(pid).map_err(told("registers"))?;
            #[cfg(target_arch = "x86_64")]
            let address = registers.rip;
            #[cfg(target_arch = "aarch64")]
            let address = registers.pc;
            if seen.insert(address) {
                order.push(address);
            }
            ptrace::step(pid, signal).map_err(told("step"))?;
        } else {
            ptrace::cont(pid, signal).map_err(told("continue"))?;
        }
    }
    ptrace::detach(pid, None).map_err(told("let go"))?;
    child.wait().map_err(|error| error.to_string())?;
    Ok(())
}

/// A function's section as a pattern: without what another compiler writes otherwise, a crate's and an instance's number.
fn pattern(name: &str) -> String {
    // Behind a dot the compiler numbers what has one name.
    let (name, numbered) = name.split_once('.').map_or((name, false), |(name, _)| (name, true));
    let mut out = String::from(".text*.");
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let rest = &name[at..];
        if rest.starts_with("Cs") && bytes.get(at + 2 + digits(at + 2)) == Some(&b'_') {
            out.push_str("Cs*_");
            at += 3 + digits(at + 2);
        } else if rest.starts_with('B') && digits(at + 1) < 4 && bytes.get(at + 1 + digits(at + 1)) == Some(&b'_') {
            out.push_str("B*_");
            at += 2 + digits(at + 1);
        } else {
            out.push(char::from(bytes[at]));
            at += 1;
        }
    }
    if numbered {
        out = format!("{out} {out}.*");
    }
    out
}

fn launches(binary: &Path) -> Result<Vec<Command>, String> {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("order");
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut policies = vec!["strict".to_owned()];
    for (name, text) in policies::policies() {
        let path = place.join(format!("{name}.toml"));
        fs::write(&path, text).map_err(|error| error.to_string())?;
        policies.push(path.display().to_string());
    }
    let mut all = Vec::new();
    for policy in &policies {
        for user in [None, Some(65534)].into_iter().take(1 + usize::from(is_root)) {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]).arg(binary).args([
                "run",
                "-P",
                policy,
                "--",
                "/bin/true",
            ]);
            command.stdin(Stdio::null()).current_dir("/");
            if let Some(user) = user {
                command.uid(user).gid(user);
            }
            all.push(command);
        }
    }
    Ok(all)
}

fn run() -> Result<(), String> {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let write = words.iter().any(|word| word == "--write");
    let given = words.iter().find(|word| !word.starts_with('-'));
    // Where an ordinary user finds it, too.
    let binary = env::temp_dir().join(format!("stockade-order-{}", std::process::id()));
    fs::copy(given.map_or(env!("CARGO_BIN_EXE_stockade"), String::as_str), &binary)
        .map_err(|error| error.to_string())?;
    let functions = functions(&binary)?;
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    let result = launches(&binary)?.into_iter().try_for_each(|command| trace(command, &mut seen, &mut order));
    fs::remove_file(&binary).map_err(|error| error.to_string())?;
    result?;
    let mut executed: Vec<usize> = Vec::new();
    for address in order {
        let at = functions.partition_point(|function| function.start <= address);
        if let Some(at) = at.checked_sub(1)
            && address < functions[at].start + functions[at].size
            && !executed.contains(&at)
        {
            executed.push(at);
        }
    }
    let bytes: u64 = executed.iter().map(|at| functions[*at].size).sum();
    let pieces: BTreeSet<u64> = seen.iter().map(|address| address / PIECE).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "{} functions of {bytes} bytes, on {} pieces of {PIECE}", executed.len(), pieces.len())
        .map_err(|error| error.to_string())?;
    if !write {
        return Ok(());
    }
    let mut lines = String::new();
    let mut told = BTreeSet::new();
    for at in executed {
        let name = &functions[at].name;
        // The C library's stand in the file by object.
        if name.starts_with("_R") && told.insert(pattern(name)) {
            writeln!(lines, "    *({})", pattern(name)).map_err(|error| error.to_string())?;
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cargo/launch.ld");
    let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let (before, rest) = text.split_once(MARKS[0]).ok_or("launch.ld has lost its first mark")?;
    let (_, after) = rest.split_once(MARKS[1]).ok_or("launch.ld has lost its last mark")?;
    fs::write(&path, [before, MARKS[0], &lines, MARKS[1], after].concat()).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody to tell when standard error is closed.
            writeln!(io::stderr(), "order: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
