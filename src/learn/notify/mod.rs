//! The collector that needs no privileges: every call is notified (seccomp_unotify(2)), written down and allowed.
//!
//! `table` says which arguments tell something, `look` what one call tells, `caller` looks at the thread that waits.

mod caller;
mod look;
mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use libc::sock_filter;
use nix::errno::Errno;

use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::sys::notify::{Answer, Listener, Notification};

use super::crowd::Crowd;
use super::observed::{Act, Observed, Part, Reach, Use};
use super::places;
use caller::{Caller, Real};
use table::Tells;

/// A filter that notifies of every call: `return SECCOMP_RET_USER_NOTIF`.
pub const EVERYTHING: [sock_filter; 1] = [sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x7fc0_0000 }];

/// How many addresses, and names of abstract sockets, are told apart.
const ADDRESSES: usize = 1024;
/// How many are kept with the ports of more.
const MOST_ADDRESSES: usize = 2 * ADDRESSES;

/// Whether a program has the note of Go's linker, which stands near its beginning: a name of four bytes and a build id.
fn is_go(program: &Path) -> bool {
    let mut head = Vec::new();
    let read = fs::File::open(program).and_then(|file| file.take(8192).read_to_end(&mut head));
    read.is_ok() && head.windows(8).any(|window| window == b"\x04\0\0\0Go\0\0")
}

/// The collector.
pub struct Collector {
    listener: Listener,
    tables: BTreeMap<Arch, Vec<Tells>>,
    seen: Observed,
    paths: Crowd,
    /// Abstract sockets that the target has made itself.
    own: BTreeSet<String>,
    calls: HashMap<(Arch, u32), u64>,
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
        let mut seen = Observed { runs: 1, ..Observed::default() };
        seen.unknown.insert(Part::Capabilities);
        seen.unknown.insert(Part::Limits);
        Self {
            listener,
            tables: BTreeMap::new(),
            seen,
            paths: Crowd::default(),
            own: BTreeSet::new(),
            calls: HashMap::new(),
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

    /// What was seen. Names of files that were asked for in vain, and that nobody made, are not in it.
    pub fn finish(self) -> Observed {
        let mut seen = self.seen;
        seen.calls = self.calls.into_iter().collect();
        seen.paths = self.paths.finish();
        seen.abstracts.retain(|name, _| !self.own.contains(name));
        seen.paths.retain(|path, uses| {
            let changed = [Use::Write, Use::Create, Use::Remove].iter().any(|kind| uses.times.contains_key(kind));
            changed || path.starts_with("/proc") || fs::symlink_metadata(path).is_ok()
        });
        let programs = seen.paths.iter().filter(|(_, uses)| uses.times.contains_key(&Use::Execute));
        let go = programs.filter(|(path, _)| is_go(path)).count();
        if go > 0 {
            seen.acts.insert(Act::Go, go as u64);
        }
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
        let caller = Caller { call, arch };
        if !self.executing.is_empty()
            && let Some(before) = self.executing.remove(&call.thread)
        {
            self.executed(&caller, before.as_deref());
        }
        *self.calls.entry((arch, number)).or_default() += 1;
        let table = self.tables.entry(arch).or_insert_with(|| table::table(arch));
        let tells = table.get(number as usize).copied().unwrap_or(Tells::Nothing);
        if matches!(tells, Tells::Nothing) {
            return;
        }
        match look::look(&caller, tells, &mut self.real) {
            Ok(found) => {
                // What was read was the caller's own only if it still waits.
                if self.listener.waits(call.id) {
                    self.keep(&caller, tells, found);
                }
            }
            Err((part, Errno::EPERM | Errno::EACCES | Errno::ENOSYS)) => {
                self.seen.unknown.insert(part);
            }
            // The call itself will fail as well.
            Err(_) => {}
        }
    }

    /// A program that has just begun.
    fn executed(&mut self, caller: &Caller<'_>, before: Option<&Path>) {
        let Some(now) = caller.link("exe") else {
            self.seen.unknown.insert(Part::Paths);
            return;
        };
        if before != Some(now.as_path()) && self.listener.waits(caller.call.id) {
            self.paths.used(now, Use::Execute, &caller.name());
        }
    }

    fn keep(&mut self, caller: &Caller<'_>, tells: Tells, found: Vec<look::Found>) {
        if let Tells::Execute(..) = tells {
            self.executing.insert(caller.call.thread, caller.link("exe"));
        }
        if let Tells::Blind = tells {
            self.seen.unknown.extend([Part::Paths, Part::Sockets]);
        }
        let mut name = None;
        for one in found {
            match one {
                look::Found::Path(path, kind) => {
                    let name = name.get_or_insert_with(|| caller.name());
                    // Of processes there is no end; places knows what they are called in a policy.
                    self.paths.used(places::process(&path).unwrap_or(path), kind, name);
                }
                look::Found::Socket(kind) => *self.seen.sockets.entry(kind).or_default() += 1,
                look::Found::Address(reach, address) => self.address(reach, address),
                look::Found::Abstract(name, true) if self.own.len() < ADDRESSES => {
                    self.own.insert(name);
                }
                look::Found::Abstract(name, own) => {
                    let names = &mut self.seen.abstracts;
                    let name = if names.len() < ADDRESSES && !own { name } else { "…".to_owned() };
                    *names.entry(name).or_default() += 1;
                }
                look::Found::Act(act) => *self.seen.acts.entry(act).or_default() += 1,
            }
        }
    }

    /// One use of an address. Of very many only the ports are kept, and of very many ports that there were.
    fn address(&mut self, reach: Reach, address: SocketAddr) {
        let known = &mut self.seen.addresses;
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let key = match known.len() {
            _ if known.contains_key(&(reach, address)) => address,
            0..ADDRESSES => address,
            ADDRESSES..MOST_ADDRESSES => SocketAddr::new(nowhere, address.port()),
            _ => SocketAddr::new(nowhere, 0),
        };
        *known.entry((reach, key)).or_default() += 1;
    }
}
