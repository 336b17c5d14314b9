//! The collector by eBPF: programs in the kernel that count and note what a tree of processes does, assembled here.
//!
//! It needs CAP_BPF, CAP_PERFMON and Linux 5.8 with BTF, and neither a compiler nor tracefs.

mod assembler;
mod events;
mod layout;
mod machine;
mod maps;
mod noted;
mod program;
mod records;
mod scope;
mod start;

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::pid_t;

use self::machine::{ARCHES, NUMBERS};
use self::maps::{Maps, counter, sum};
use self::noted::Noted;
use crate::draft::arch::Arch;
use crate::fault::{Exit, Fault};
use crate::learn::observed::{Observed, Part};

/// Who is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The process whose next execve starts it, and everything that it starts from then on.
    Tree(pid_t),
    /// A process that runs already, with its children and theirs.
    Pid(pid_t),
    /// Everything in the cgroup (version 2) whose directory has this inode number, and below.
    Cgroup(u64),
}

/// Programs that run in the kernel until this is dropped, and what they have seen.
pub struct Collector {
    maps: Maps,
    noted: Noted,
    /// Closing them ends the programs.
    links: Vec<OwnedFd>,
    unknown: BTreeSet<Part>,
}

impl Collector {
    /// Whether this process can have a collector here; cheap.
    ///
    /// # Errors
    /// What is missing (CAP_BPF, CAP_PERFMON, a newer kernel, BTF, the first PID namespace), and what to do.
    pub fn available() -> Result<(), Fault> {
        start::available()
    }

    /// Begins to watch. The launcher's own calls before the exec of a [`Scope::Tree`] are not counted.
    ///
    /// # Errors
    /// Those of [`Collector::available`], a process or cgroup that is not there, a kernel that refuses a program.
    pub fn start(scope: Scope) -> Result<Self, Fault> {
        start::start(scope)
    }

    /// Takes in what has been sent so far, and waits up to so many milliseconds for more.
    ///
    /// # Errors
    /// When the ring of events cannot be read.
    pub fn poll(&mut self, timeout_ms: i32) -> Result<(), Fault> {
        /// How long a quiet ring is left alone: waking us for each record would cost the program more than the record.
        const NAP: Duration = Duration::from_millis(20);
        let end = Instant::now() + Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
        loop {
            self.drain();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(NAP));
        }
    }

    fn drain(&mut self) {
        let noted = &mut self.noted;
        self.maps.ring.drain(|record| noted.take(record));
    }

    /// How many system calls were counted, and how many different ones.
    pub fn progress(&self) -> (u64, usize) {
        let rows = self.rows().unwrap_or_default();
        (rows.iter().map(|row| row.1).sum(), rows.len())
    }

    /// What the numbers do not say, in words: records that were lost, paths that could not be read.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn shortfalls(&mut self) -> Result<Vec<String>, Fault> {
        self.drain();
        let count = |counter: i32| sum(&self.maps.counters, counter.cast_unsigned(), 8, 0).map_err(|e| unread(e));
        let (lost, unread) = (count(counter::LOST)?, count(counter::UNREAD)?);
        let unfollowed = count(counter::UNFOLLOWED)?;
        let said = [
            (lost, "events were lost: the program was faster than they could be read"),
            (unread, "paths or addresses could not be read from the program's memory"),
            (unfollowed, "processes could not be followed: too many live at once"),
            (self.noted.unresolved(), "relative paths have no known directory"),
        ];
        Ok(said.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect())
    }

    /// Ends the programs and tells what they saw. What was lost makes its part unknown.
    ///
    /// # Errors
    /// When what was counted cannot be read.
    pub fn finish(mut self) -> Result<Observed, Fault> {
        self.links.clear();
        let incomplete = !self.shortfalls()?.is_empty();
        let mut observed = Observed { runs: 1, unknown: self.unknown.clone(), ..Observed::default() };
        observed.unknown.insert(Part::Limits);
        if incomplete {
            observed.unknown.extend([Part::Paths, Part::Sockets]);
        }
        for (call, count) in self.rows().map_err(unread)? {
            // i386's one call for all sockets hides what it does in the program's memory.
            if call == (Arch::X86, 102) {
                observed.unknown.insert(Part::Sockets);
            }
            observed.calls.insert(call, count);
        }
        for number in 0..64_u8 {
            let count = sum(&self.maps.capabilities, number.into(), 8, 0).map_err(unread)?;
            if count > 0 {
                observed.capabilities.insert(number, count);
            }
        }
        self.noted.finish(&self.maps.seen, &mut observed).map_err(unread)?;
        Ok(observed)
    }

    /// Every call that was made, and how often; those that a filter refused never entered, but they failed.
    fn rows(&self) -> Result<Vec<((Arch, u32), u64)>, Errno> {
        let mut rows = Vec::new();
        for (first, arch) in (0..).step_by(usize::try_from(NUMBERS).unwrap_or(1)).zip(ARCHES) {
            for number in 0..NUMBERS {
                let entered = sum(&self.maps.calls, first + number, 24, 0)?;
                let failed = if entered == 0 { sum(&self.maps.calls, first + number, 24, 8)? } else { 0 };
                if entered + failed > 0 {
                    rows.push(((arch, number), entered + failed));
                }
            }
        }
        Ok(rows)
    }
}

impl AsFd for Collector {
    /// Readable when much has been sent: for the poll(2) of a loop that waits for other things, too.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.maps.ring.as_fd()
    }
}

fn unread(errno: Errno) -> Fault {
    Fault::new(format!("cannot read what the eBPF programs counted: {}", errno.desc())).exit(Exit::Bpf)
}
