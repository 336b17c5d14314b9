//! The collector that needs no privileges: every call is notified (seccomp_unotify(2)), written down and allowed.
//!
//! `caller` looks at the thread that waits, `crew` keeps count of those that live.

mod caller;
mod crew;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use libc::sock_filter;
use nix::errno::Errno;

use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::sys::notify::{Answer, Listener, Notification};

use super::observed::{Observed, Part, Use};
use super::reading::{Call, Found, Gathered, Real, Tells, look, table};
use super::used::Used;
use caller::Caller;
use crew::Crew;

/// A filter that notifies of every call: `return SECCOMP_RET_USER_NOTIF`.
pub const EVERYTHING: [sock_filter; 1] = [sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x7fc0_0000 }];

/// The collector.
pub struct Collector {
    listener: Listener,
    tables: BTreeMap<Arch, Vec<Tells>>,
    gathered: Gathered,
    calls: HashMap<(Arch, u32), u64>,
    crew: Crew,
    real: Real,
    /// Threads that are executing something, and the file that they executed before.
    executing: HashMap<u32, Option<PathBuf>>,
    /// Whether the target has called its program.
    begun: bool,
}

impl Collector {
    /// Listens to a child that was started with [`EVERYTHING`].
    pub fn new(listener: Listener) -> Self {
        listener.wake_in_place();
        let mut gathered = Gathered::default();
        gathered.unseen(Part::Capabilities);
        Self {
            listener,
            tables: BTreeMap::new(),
            gathered,
            calls: HashMap::new(),
            crew: Crew::default(),
            real: Real::default(),
            executing: HashMap::new(),
            begun: false,
        }
    }

    /// The descriptor to wait at.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// How many calls were made, and how many different ones.
    pub fn progress(&self) -> (u64, usize) {
        (self.calls.values().sum(), self.calls.len())
    }

    /// Takes one call, writes it down and lets it run.
    ///
    /// # Errors
    /// Those of the listener, but for targets that are gone.
    pub fn serve(&mut self) -> Result<(), Errno> {
        let call = match self.listener.receive() {
            Ok(call) => call,
            Err(Errno::ENOENT | Errno::EINTR) => return Ok(()),
            Err(errno) => return Err(errno),
        };
        self.note(&call);
        match self.listener.send(call.id, Answer::Continue) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Looks at what all of them use. To be called before they are killed: who is killed does not say so.
    pub fn sample(&mut self) {
        for used in self.crew.all() {
            self.gathered.limits(used);
        }
    }

    /// What was seen. Names of files that were asked for in vain, and that nobody made, are not in it.
    pub fn finish(mut self) -> Observed {
        let real = self.real;
        self.gathered.alive(self.crew.most());
        let mut seen = self.gathered.finish(|path| real.exists(path));
        seen.calls = self.calls.into_iter().collect();
        seen
    }

    fn note(&mut self, call: &Notification) {
        let Some((arch, number)) = calls::made(call.arch, call.number) else { return };
        // The first call is the launcher's own, by which the target begins.
        if !self.begun {
            self.begun = true;
            self.executing.insert(call.thread, fs::read_link("/proc/self/exe").ok());
            return;
        }
        let unread = Cell::new(0);
        let caller = Caller { arch, thread: call.thread, args: call.args, unread: &unread };
        if !self.executing.is_empty()
            && let Some(before) = self.executing.remove(&call.thread)
        {
            self.executed(call, &caller, before.as_deref());
        }
        *self.calls.entry((arch, number)).or_default() += 1;
        let table = self.tables.entry(arch).or_insert_with(|| table(arch));
        let tells = table.get(number as usize).copied().unwrap_or(Tells::Nothing);
        self.uses(call.thread, tells);
        self.tells(call, &caller, tells);
        // Who is gone by now could not be looked at.
        if unread.get() > 0 && self.listener.waits(call.id) {
            self.gathered.unread(unread.get());
        }
    }

    /// Keeps count of who lives, and looks at what they use.
    fn uses(&mut self, thread: u32, tells: Tells) {
        let ends = matches!(tells, Tells::Ends(_));
        if self.crew.calls(thread) || ends {
            self.gathered.limits(Used::of(thread));
        }
        if let Tells::Ends(all) = tells {
            self.crew.ends(thread, all);
        }
    }

    /// Keeps what a call tells by its arguments.
    fn tells(&mut self, call: &Notification, caller: &Caller<'_>, tells: Tells) {
        if matches!(tells, Tells::Nothing | Tells::Ends(_)) {
            return;
        }
        match look(caller, tells, &mut self.real) {
            Ok(found) => {
                // What was read was the caller's own only if it still waits.
                if self.listener.waits(call.id) {
                    self.keep(caller, tells, found);
                }
            }
            Err((part, Errno::EPERM | Errno::EACCES | Errno::ENOSYS)) => {
                self.gathered.unseen(part);
            }
            // The call itself will fail as well.
            Err(_) => {}
        }
    }

    /// A program that has just begun.
    fn executed(&mut self, call: &Notification, caller: &Caller<'_>, before: Option<&Path>) {
        let Some(now) = caller.link("exe") else {
            // Who was killed meanwhile executes nothing.
            if self.listener.waits(call.id) {
                self.gathered.unseen(Part::Paths);
            }
            return;
        };
        if before != Some(now.as_path()) && self.listener.waits(call.id) {
            self.gathered.used(now, Use::Execute, &caller.name());
        }
    }

    fn keep(&mut self, caller: &Caller<'_>, tells: Tells, found: Vec<Found>) {
        if let Tells::Execute(..) = tells {
            self.executing.insert(caller.thread, caller.link("exe"));
        }
        if let Tells::Blind = tells {
            self.gathered.unseen(Part::Paths);
            self.gathered.unseen(Part::Sockets);
        }
        self.gathered.keep(found, || caller.name());
    }
}
