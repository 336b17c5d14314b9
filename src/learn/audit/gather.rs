//! Records become sightings: those with one serial number belong together.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::record::{ACCESS, DOMAIN, END, Record, SECCOMP, SYSCALL};

/// How long the rest of an event is waited for.
const WAIT: Duration = Duration::from_millis(200);
/// Events that are waited for at most.
const OPEN: usize = 4096;
/// Records of one event that are kept, and domains that are remembered.
const KEPT: usize = 256;

/// A process as the kernel names it: its number is that of the first PID namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: Option<i32>,
    /// Its name.
    pub name: Option<String>,
    /// What it executes.
    pub executable: Option<String>,
}

/// A call as the kernel numbers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// AUDIT_ARCH_*.
    pub arch: u32,
    /// The number, with x32's bit.
    pub number: u32,
    /// The first arguments; known only while auditing is on.
    pub args: Option<[u64; 4]>,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A filter answered something else than allow.
    Seccomp {
        /// SECCOMP_RET_*, without its data.
        code: u32,
        /// The signal that ends the process; 0 for none. SIGKILL means strict mode.
        signal: i32,
    },
    /// A domain of Landlock's refused something.
    Landlock {
        /// The rights that were missing: `fs.read_file`.
        blockers: Vec<String>,
        /// The file, or the directory in which something was to be made or removed.
        path: Option<String>,
        /// The address of a socket, where there is one.
        address: Option<String>,
        /// Its port.
        port: Option<u16>,
        /// The other process.
        other: Option<String>,
    },
}

/// Something that the kernel recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Who did it.
    pub process: Process,
    /// By which call.
    pub call: Option<Made>,
    /// What became of it.
    pub what: What,
}

/// Records whose events are not complete yet.
#[derive(Debug, Default)]
pub struct Gather {
    open: BTreeMap<u64, (Instant, Vec<Record>)>,
    /// Who entered which domain of Landlock's.
    domains: VecDeque<(u64, Process)>,
}

impl Gather {
    /// Takes a record; what has become complete by it.
    pub fn push(&mut self, record: Record, now: Instant) -> Vec<Sighting> {
        let serial = record.stamp.2;
        match record.kind {
            END => return self.close(serial),
            SYSCALL | SECCOMP | ACCESS | DOMAIN => {}
            _ => return Vec::new(),
        }
        let first = if self.open.len() >= OPEN { self.open.keys().next().copied() } else { None };
        let found = first.map(|first| self.close(first)).unwrap_or_default();
        let (_, records) = self.open.entry(serial).or_insert_with(|| (now, Vec::new()));
        if records.len() < KEPT {
            records.push(record);
        }
        found
    }

    /// What has been waited for long enough; everything without a time.
    pub fn settle(&mut self, now: Option<Instant>) -> Vec<Sighting> {
        let over = |since: &Instant| now.is_none_or(|now| now.duration_since(*since) >= WAIT);
        let ready: Vec<u64> =
            self.open.iter().filter(|(_, (since, _))| over(since)).map(|(serial, _)| *serial).collect();
        ready.into_iter().flat_map(|serial| self.close(serial)).collect()
    }

    fn close(&mut self, serial: u64) -> Vec<Sighting> {
        let Some((_, records)) = self.open.remove(&serial) else { return Vec::new() };
        for record in records.iter().filter(|record| record.kind == DOMAIN) {
            self.domain(record);
        }
        let during = records.iter().find(|record| record.kind == SYSCALL);
        records.iter().filter_map(|record| self.sighting(record, during)).collect()
    }

    /// Remembers who is confined by a domain until it is gone.
    fn domain(&mut self, record: &Record) {
        let Some(id) = record.hex("domain") else { return };
        self.domains.retain(|(known, _)| *known != id);
        if record.word("status") == Some("allocated") {
            self.domains.push_back((id, process(record)));
        }
        if self.domains.len() > KEPT {
            self.domains.pop_front();
        }
    }

    fn sighting(&self, record: &Record, during: Option<&Record>) -> Option<Sighting> {
        let call = |record: &Record| {
            let arch = u32::try_from(record.hex("arch")?).ok()?;
            let args = during
                .and_then(|record| Some([record.hex("a0")?, record.hex("a1")?, record.hex("a2")?, record.hex("a3")?]));
            Some(Made { arch, number: record.number("syscall")?, args })
        };
        match record.kind {
            SECCOMP => {
                let what = What::Seccomp {
                    code: u32::try_from(record.hex("code")?).ok()?,
                    signal: record.number("sig").unwrap_or_default(),
                };
                Some(Sighting { process: process(record), call: Some(call(record)?), what })
            }
            ACCESS => {
                let blockers = record.word("blockers")?.split(',').map(str::to_owned).collect();
                let one = |names: [&str; 2]| names.iter().find_map(|name| record.word(name)).map(str::to_owned);
                let what = What::Landlock {
                    blockers,
                    path: record.text("path"),
                    address: one(["daddr", "saddr"]),
                    port: one(["dest", "src"]).and_then(|port| port.parse().ok()),
                    other: other(record),
                };
                let entered = || {
                    let id = record.hex("domain")?;
                    self.domains.iter().find(|(known, _)| *known == id).map(|(_, process)| process.clone())
                };
                let who = during.map(process).or_else(entered).unwrap_or_default();
                Some(Sighting { process: who, call: during.and_then(call), what })
            }
            _ => None,
        }
    }
}

fn process(record: &Record) -> Process {
    Process { pid: record.number("pid"), name: record.text("comm"), executable: record.text("exe") }
}

/// The process that was not to be reached.
fn other(record: &Record) -> Option<String> {
    let pid: i32 = record.number("opid")?;
    Some(record.text("ocomm").map_or_else(|| pid.to_string(), |name| format!("{pid} ({name})")))
}
