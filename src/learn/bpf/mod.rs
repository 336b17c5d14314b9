//! The collector by eBPF: programs in the kernel that count the system calls of a tree of processes and the
//! capabilities that it was found to have, assembled here. Paths and sockets it does not see.
//!
//! It needs CAP_BPF, CAP_PERFMON and Linux 5.8 with BTF, and neither a compiler nor tracefs.
//!
//! `start` puts every program in its place, `program` has them as instructions of the `assembler`, `layout` finds the
//! members of the kernel's structures, `machine` has what differs between machines, `maps` the memory that programs
//! share with us, and `scope` who is watched.

mod assembler;
mod layout;
mod machine;
mod maps;
mod program;
mod scope;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::libc::pid_t;

use self::machine::{ARCHES, NUMBERS};
use self::maps::{Maps, sum};
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

    /// How many system calls were counted, and how many different ones.
    pub fn progress(&self) -> (u64, usize) {
        let rows = self.rows().unwrap_or_default();
        (rows.values().sum(), rows.len())
    }

    /// What the numbers do not say, in words: processes that could not be followed.
    ///
    /// # Errors
    /// When the counter cannot be read.
    pub fn shortfalls(&self) -> Result<Vec<String>, Fault> {
        let missed = sum(&self.maps.unfollowed, 0, 8, 0).map_err(unread)?;
        Ok((missed > 0)
            .then(|| format!("{missed} processes could not be followed: too many live at once"))
            .into_iter()
            .collect())
    }

    /// Ends the programs and tells what they saw.
    ///
    /// # Errors
    /// When what was counted cannot be read, and when a process could not be followed.
    pub fn finish(mut self) -> Result<Observed, Fault> {
        self.links.clear();
        if let Some(words) = self.shortfalls()?.into_iter().next() {
            return Err(Fault::new(words).exit(Exit::Bpf).help("learn a smaller part of the program at a time"));
        }
        let mut observed = Observed { runs: 1, unknown: self.unknown.clone(), ..Observed::default() };
        observed.calls = self.rows().map_err(unread)?;
        if !self.unknown.contains(&Part::Capabilities) {
            for number in 0..64_u8 {
                let count = sum(&self.maps.capabilities, number.into(), 8, 0).map_err(unread)?;
                if count > 0 {
                    observed.capabilities.insert(number, count);
                }
            }
        }
        Ok(observed)
    }

    /// Every call that was made, and how often; those that a filter refused never entered, but they failed.
    fn rows(&self) -> Result<BTreeMap<(Arch, u32), u64>, Errno> {
        let mut rows = BTreeMap::new();
        for (first, arch) in (0..).step_by(usize::try_from(NUMBERS).unwrap_or(1)).zip(ARCHES) {
            for number in 0..NUMBERS {
                let entered = sum(&self.maps.calls, first + number, 16, 0)?;
                let failed = if entered == 0 { sum(&self.maps.calls, first + number, 16, 8)? } else { 0 };
                if entered + failed > 0 {
                    rows.insert((arch, number), entered + failed);
                }
            }
        }
        Ok(rows)
    }
}

fn unread(errno: Errno) -> Fault {
    Fault::new(format!("cannot read what the eBPF programs counted: {}", errno.desc())).exit(Exit::Bpf)
}
