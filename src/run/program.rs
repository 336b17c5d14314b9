//! Why the target's program could not be executed, and what would help.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::fault::{Exit, Fault};
use crate::plan::Plan;
use crate::plan::op::Op;

use super::failure::words;

/// Words that a shell does itself, and that are no programs.
const BUILTINS: &[&str] =
    &["alias", "cd", "eval", "exec", "export", "history", "jobs", "set", "source", "type", "ulimit", "umask", "unset"];

/// Not found and not executable end as they do in a shell, and as systemd wants it from the main process of a unit.
pub(super) fn explain(plan: &Plan, op: &Op, errno: Errno) -> Fault {
    let name = plan.program.to_string_lossy();
    let unit = plan.environment.iter().any(|(variable, value)| {
        variable == "SYSTEMD_EXEC_PID" && value.to_str() == Some(&std::process::id().to_string())
    });
    let exit = match errno {
        _ if unit => Exit::Exec,
        Errno::ENOENT | Errno::ENOTDIR => Exit::NotFound,
        _ if name.is_empty() => Exit::NotFound,
        _ => Exit::NotExecutable,
    };
    if name.is_empty() {
        return Fault::new("cannot execute the command: its first word is empty").exit(exit);
    }
    let fault = Fault::new(format!("cannot execute `{name}`: {}", words(errno))).exit(exit);
    // Until the program is found no filter forbids to look.
    let seen = if *op == Op::Find { file(plan).and_then(|path| look(&path)) } else { None };
    match (errno, seen) {
        (Errno::ENOENT | Errno::EACCES, Some(why)) => fault.help(why),
        (Errno::ENOENT, None) if !name.contains('/') => {
            let fault = match meant(&name, *op == Op::Find) {
                Some(help) => fault.help(help),
                None => fault,
            };
            fault.help(format!("it was looked for in {}", plan.search_path().to_string_lossy()))
        }
        (Errno::ENOENT | Errno::ENOTDIR, None) => plan
            .notes
            .iter()
            .filter(|note| note.contains("`.` is left out"))
            .fold(fault, |fault, note| fault.help(note.as_str()))
            .help(if name.starts_with('/') {
                "the path, or the interpreter it names, is not in the view that the policy gives"
            } else {
                "the path, from the directory that the target starts in, or the interpreter it names is not in the view that \
                 the policy gives"
            }),
        (Errno::ENOEXEC, _) => fault.help("it has no `#!` line and is not a program; start it with its interpreter"),
        (Errno::EACCES, None) => fault.help(
            "it is not executable for the target's user, lies on a noexec mount, or Landlock does not let it be executed",
        ),
        (Errno::EPERM, _) => fault
            .help("a file with capabilities is executed only where CapabilityBoundingSet leaves all of them (capabilities(7))")
            .help(format!("to see them: getcap {}", file_of(&name))),
        _ => fault,
    }
}

/// The command as getcap(8) takes it.
fn file_of(name: &str) -> String {
    if name.contains('/') { name.into() } else { format!("$(command -v {name})") }
}

/// The file that a command means: the path, or the first of that name in the search path.
fn file(plan: &Plan) -> Option<PathBuf> {
    let program = Path::new(&plan.program);
    if program.as_os_str().as_encoded_bytes().contains(&b'/') {
        return Some(program.to_owned());
    }
    std::env::split_paths(&plan.search_path()).map(|directory| directory.join(program)).find(|path| path.exists())
}

/// What about a file keeps it from being executed; nothing where it does not show.
fn look(path: &Path) -> Option<String> {
    let shown = path.display();
    let meta = fs::metadata(path).ok()?;
    if meta.is_dir() {
        return Some(format!("`{shown}` is a directory"));
    }
    if meta.permissions().mode() & 0o111 == 0 {
        return Some(format!("`{shown}` is not executable: chmod +x {shown}"));
    }
    // Of a pipe nothing is read.
    let mut head = Vec::new();
    File::open(path).ok().filter(|_| meta.is_file())?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    if line.ends_with('\r') {
        return Some(format!("its `#!` line ends as in Windows, with a carriage return: sed -i 's/\\r$//' {shown}"));
    }
    let interpreter = line.split_whitespace().next()?;
    let missing = !Path::new(OsStr::new(interpreter)).exists();
    missing.then(|| format!("its `#!` line names `{interpreter}`, which is not there"))
}

/// What was meant by a name that is no program's.
fn meant(name: &str, see: bool) -> Option<String> {
    if BUILTINS.contains(&name) {
        return Some(format!("`{name}` is a word of shells: sh -c '{name} ...'"));
    }
    if name.contains([' ', '|', ';', '&', '<', '>', '$']) {
        return Some("several words in quotes are one word: leave the quotes out, or write sh -c '...'".into());
    }
    (see && Path::new(name).is_file()).then(|| format!("to execute the file in this directory: ./{name}"))
}
