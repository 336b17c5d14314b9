//! The collector by eBPF: programs in the kernel, assembled here, that count the system calls of a tree of processes and
//! the capabilities that it was found to have, and write down the arguments of those calls that tell something.
//!
//! It needs CAP_BPF, CAP_PERFMON and Linux 5.8 with BTF, and neither a compiler nor tracefs. Names of files are put
//! together in the kernel, so that it does not matter who has ended by the time they are read; only where links lead is
//! looked up afterwards.
//!
//! `start` puts every program in its place, `program` has them as instructions of the `assembler`, `layout` finds the
//! members of the kernel's structures, `machine` has what differs between machines, `maps` the memory that programs
//! share with us, `scope` who is watched, `hierarchy` where control groups are, and `uses` what they used of what limits
//! count. `row` says which calls tell something, `event` writes down what such a call told and `walk` a file's name, in
//! the kernel; `told` reads it here, and `views` finds where its paths lead.

mod assembler;
mod event;
mod hierarchy;
mod layout;
mod machine;
mod maps;
mod program;
mod row;
mod scope;
mod start;
mod told;
mod uses;
mod views;
mod walk;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;

use nix::libc::pid_t;

use self::hierarchy::Hierarchy;
use self::machine::{ARCHES, NUMBERS};
use self::maps::{LOST, Maps, UNREAD};
use self::told::Event;
use self::views::Views;
use crate::draft::arch::Arch;
use crate::fault::Fault;
use crate::learn::observed::{Observed, Part, Use};
use crate::learn::reading::{Call, Gathered, Tells, look};
use crate::learn::used::Used;

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
    /// What each call tells, by its row.
    table: Vec<Tells>,
    gathered: Gathered,
    views: Views,
    scope: Scope,
    /// Where control groups are, where one is watched.
    groups: Option<Hierarchy>,
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
        let rows = self.rows();
        (rows.values().sum(), rows.len())
    }

    /// Reads what the programs have written down. To be called some ten times a second: there is room for some ten
    /// thousand events, and the programs wait for nobody.
    pub fn gather(&mut self) {
        let Self { maps, table, gathered, views, scope, groups, .. } = self;
        let scope = *scope;
        let unread = Cell::new(0);
        let elsewhere = |pid: i32| match (scope, &groups) {
            (Scope::Cgroup(id), Some(groups)) => groups.is_outside(id, pid).unwrap_or_else(|_| {
                unread.set(unread.get() + 1);
                false
            }),
            _ => true,
        };
        maps.events.read(|bytes| {
            let Some((event, tells)) = Event::new(bytes, table, &elsewhere, &unread) else { return };
            if let Some((named, program)) = event.executed() {
                for path in named.into_iter().chain(program) {
                    gathered.used(path, Use::Execute, &event.name());
                }
                return;
            }
            if let Tells::Blind = tells {
                gathered.unseen(Part::Paths);
                gathered.unseen(Part::Sockets);
                return;
            }
            let view = views.of(event.root(), event.thread(), &unread);
            let refused = view.refused();
            // What cannot be read the call could not read either, or it is among the unread.
            if let Ok(found) = look(&event, tells, view) {
                gathered.keep(found, || event.name());
            }
            // A call that has failed may have been refused that, too.
            if event.result() >= 0 {
                unread.set(unread.get() + view.refused() - refused);
            }
        });
        gathered.unread(unread.get());
    }

    /// Ends the programs and tells what they saw.
    pub fn finish(mut self) -> Observed {
        for process in scope::living(self.scope, self.groups.as_ref(), &self.maps) {
            self.gathered.limits(Used::of(process.cast_unsigned()));
        }
        // Nothing is written any more after that.
        self.links.clear();
        self.gather();
        let calls = self.rows();
        let views = self.views;
        let mut observed = self.gathered.finish(|path| views.exists(path));
        observed.calls = calls;
        observed.lost = [LOST, UNREAD].iter().map(|place| self.maps.lost.word(*place as usize)).sum();
        uses::finish(&self.maps, &mut observed);
        if !self.unknown.contains(&Part::Capabilities) {
            let found = (0..64_u8).map(|number| (number, self.maps.capabilities.word(usize::from(number) * 8)));
            observed.capabilities = found.filter(|(_, count)| *count > 0).collect();
        }
        observed.unknown.extend(self.unknown);
        observed
    }

    /// Every call that was made and has come back, and how often; those that a filter refused are among them.
    fn rows(&self) -> BTreeMap<(Arch, u32), u64> {
        let places = (0..).step_by(usize::try_from(NUMBERS).unwrap_or(1)).zip(ARCHES);
        let all = places.flat_map(|(first, arch)| (0..NUMBERS).map(move |number| (first + number, (arch, number))));
        all.map(|(row, call)| (call, self.maps.made(row))).filter(|(_, count)| *count > 0).collect()
    }
}
