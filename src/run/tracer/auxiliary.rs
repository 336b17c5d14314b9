//! What the kernel tells a program about itself, and what it tells others about a process.

use std::fs;
use std::io;

use nix::unistd::Pid;

/// Parts of the auxiliary vector (getauxval(3)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    /// The program's entry point.
    pub(super) entry: u64,
    /// Where its interpreter, a dynamic linker, is; 0 for a static program.
    pub(super) interpreter: u64,
    /// Where the vDSO is.
    pub(super) vdso: Option<u64>,
    /// The size of a program header: 56 for 64-bit programs.
    pub(super) header: u64,
    /// Whether the program has got rights by being executed.
    pub(super) secure: bool,
}

/// Reads another process's.
///
/// # Errors
/// Those of reading /proc.
pub(super) fn read(pid: Pid) -> io::Result<Values> {
    fs::read(format!("/proc/{pid}/auxv")).map(|bytes| parse(&bytes))
}

fn parse(bytes: &[u8]) -> Values {
    let mut values = Values::default();
    for pair in bytes.chunks_exact(16) {
        let word = |at: usize| pair[at..at + 8].try_into().map_or(0, u64::from_ne_bytes);
        match word(0) {
            libc::AT_NULL => break,
            libc::AT_ENTRY => values.entry = word(8),
            libc::AT_BASE => values.interpreter = word(8),
            libc::AT_PHENT => values.header = word(8),
            libc::AT_SECURE => values.secure = word(8) != 0,
            libc::AT_SYSINFO_EHDR => values.vdso = Some(word(8)),
            _ => {}
        }
    }
    values
}

/// What /proc/PID/status says (proc_pid_status(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// 1 is strict mode, 2 a filter.
    pub(super) mode: u32,
    /// How many filters (Linux 5.9).
    pub(super) filters: Option<u32>,
    /// How many threads.
    pub(super) threads: u32,
    /// Who traces it.
    pub(super) tracer: i32,
}

/// Reads it of a process, or of `self`.
///
/// # Errors
/// Those of reading /proc.
pub(super) fn status(pid: &str) -> io::Result<Status> {
    crate::host::lossy(&format!("/proc/{pid}/status")).map(|text| lines(&text))
}

fn lines(text: &str) -> Status {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().parse::<u32>().ok()
    };
    Status {
        mode: field("Seccomp").unwrap_or(0),
        filters: field("Seccomp_filters"),
        threads: field("Threads").unwrap_or(0),
        tracer: field("TracerPid").and_then(|pid| pid.try_into().ok()).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_vector_is_a_native_programs() {
        let values = read(nix::unistd::getpid()).expect("own vector");
        let address = values.vdso.expect("a vDSO");
        assert!(values.entry != 0 && address.is_multiple_of(4096));
        assert_eq!((values.header, values.secure), (56, false));
        assert_eq!(parse(&[1; 7]), Values::default());
    }

    #[test]
    fn the_status_is_read_by_its_names() {
        let text = "Name:\tThreads:\nTracerPid:\t7\nThreads:\t2\nSeccomp:\t1\nSeccomp_filters:\t0\n";
        assert_eq!(lines(text), Status { mode: 1, filters: Some(0), threads: 2, tracer: 7 });
        assert_eq!(lines(""), Status::default());
    }
}
