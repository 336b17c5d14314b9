//! What the kernel writes down of denials: its audit records, of filters and of Landlock.
//!
//! In: the kernel's records. Out: sightings, judged by a policy. `source` finds where records can be read (`netlink`,
//! else the log, else the journal), `record` reads one, `gather` joins those of one event, `scope` says whose count,
//! `tell` what one comes to under a policy.

mod gather;
mod netlink;
mod record;
mod scope;
pub mod source;
mod tell;
#[cfg(test)]
mod tests;

pub use gather::{Gather, Sighting};
pub use record::Record;
pub use scope::Whom;
pub use tell::{Asked, event};

use std::fs;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::fault::{Exit, Fault};
use crate::learn::running;
use crate::sys::signals::{self, Set};
use crate::sys::target;

use scope::Scope;
use source::Source;

/// Nanoseconds between two looks at the clock and at who is there.
const TICK: i64 = 100_000_000;

/// The number of the first PID namespace (linux/nsfs.h).
const FIRST: &str = "pid:[4026531836]";

/// What is watched.
pub struct Watch {
    /// Whose records.
    pub whom: Whom,
    /// For how long; nothing until a signal comes, or the process ends.
    pub time: Option<Duration>,
    /// Where from.
    pub source: Source,
}

/// What was not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// How often records were lost.
    pub lost: u64,
    /// Records of processes of which it is not known whether they count.
    pub unknown: u64,
}

/// Reads records until the time is up, SIGINT, SIGTERM or SIGHUP comes, or the process has ended.
///
/// # Errors
/// Records name processes that cannot be found here, a process that is not there, and what `see` fails with.
pub fn watch<E: From<Fault>>(mut watch: Watch, mut see: impl FnMut(Sighting) -> Result<(), E>) -> Result<Missed, E> {
    let pid = match watch.whom {
        Whom::Tree(pid) => Some(running::process(pid)?),
        _ => None,
    };
    if watch.whom != Whom::System && fs::read_link("/proc/self/ns/pid").is_ok_and(|own| own.as_os_str() != FIRST) {
        let fault =
            Fault::new("records name processes by numbers of the host's, which are not known in this PID namespace");
        return Err(fault.help("use --system, or watch from the host").exit(Exit::Failure).into());
    }
    let ends = Set(Set::one(libc::SIGINT).0 | Set::one(libc::SIGTERM).0 | Set::one(libc::SIGHUP).0);
    let before = signals::block(ends).map_err(failed)?;
    let arrivals = signals::descriptor(ends).map_err(failed)?;
    let mut scope = Scope::new(watch.whom.clone());
    let mut gather = Gather::default();
    let end = watch.time.map(|time| Instant::now() + time);
    let mut looked = Instant::now();
    let mut over = false;
    while !over {
        let process = pid.as_ref().map_or(arrivals.as_fd(), AsFd::as_fd);
        match target::wait([arrivals.as_fd(), process, watch.source.descriptor()], Some(TICK)) {
            Ok([signal, process, _]) => over = signal.input || process.input,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno).into()),
        }
        over |= end.is_some_and(|end| Instant::now() >= end);
        if over {
            // What was recorded until now may still be on its way to us.
            std::thread::sleep(Duration::from_nanos(TICK.unsigned_abs()));
        }
        let now = Instant::now();
        if now.duration_since(looked) >= Duration::from_nanos(TICK.unsigned_abs()) {
            scope.look();
            looked = now;
        }
        let mut seen = Vec::new();
        for record in watch.source.take()? {
            if let Some(pid) = record.number("pid") {
                scope.meet(pid);
            }
            seen.extend(gather.push(record, now));
        }
        seen.extend(gather.settle(if over { None } else { Some(now) }));
        for sighting in seen {
            if scope.holds(sighting.process.pid) {
                see(sighting)?;
            }
        }
    }
    while signals::read(arrivals.as_fd()).map_err(failed)?.is_some() {}
    signals::block(before).map_err(failed)?;
    Ok(Missed { lost: watch.source.lost, unknown: scope.unknown })
}

fn failed(errno: Errno) -> Fault {
    Fault::new(format!("cannot wait for records: {}", errno.desc())).exit(Exit::Exception)
}
