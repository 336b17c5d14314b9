//! What programs did: collectors fill it, policies are made of it, and what several runs or hosts saw adds up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::draft::arch::Arch;

/// What programs did. Merging is associative and commutative, and nothing is the neutral element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// How often each system call was made, by architecture and the kernel's number of it.
    pub calls: BTreeMap<(Arch, u32), u64>,
    /// What was done at each absolute path.
    pub paths: BTreeMap<PathBuf, Uses>,
    /// How often sockets of each kind were made: family, type without flags, protocol, as socket(2) has them.
    pub sockets: BTreeMap<(i32, i32, i32), u64>,
    /// What was done with addresses of the internet, and how often.
    pub addresses: BTreeMap<(Reach, SocketAddr), u64>,
    /// What the arguments of calls asked for, and how often.
    pub acts: BTreeMap<Act, u64>,
    /// How often abstract unix sockets that others had made were connected or sent to, by name.
    pub abstracts: BTreeMap<String, u64>,
    /// How often the kernel asked for each capability, by number, and found it. Meaningless while `unknown` has
    /// [`Part::Capabilities`].
    pub capabilities: BTreeMap<u8, u64>,
    /// The most that was used of what a resource limit counts, by setrlimit(2)'s number: of RLIMIT_NPROC by all processes
    /// together, of the others by one. `used` says what each is.
    pub limits: BTreeMap<u32, u64>,
    /// Of which limits more than half was used, and the soft limit that it was; the highest of several.
    pub near: BTreeMap<u32, u64>,
    /// Limits that the programs set themselves, and the highest soft limit that they asked for.
    pub asked: BTreeMap<u32, u64>,
    /// What the collector could not see. An empty list there means that nothing is known, not that nothing was done.
    pub unknown: BTreeSet<Part>,
    /// How many calls a collector could not look at the arguments of, because it was too slow for them.
    pub lost: u64,
    /// How often the collector could not look at a process that was there (/proc), so that something is missing.
    pub unread: u64,
    /// How many runs these are.
    pub runs: u64,
}

/// How many names are kept beside a path while it is watched.
const MOST: usize = 16;

/// What was done at a path: how often, and by which programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// By kind.
    pub times: BTreeMap<Use, u64>,
    /// The names of the threads that did it (/proc/PID/comm), for the comment beside the line.
    pub by: BTreeSet<String>,
    /// Whether it was done at very many paths below this directory, which are not told apart.
    pub below: bool,
}

impl Uses {
    /// One more, by the thread of this name.
    pub fn used(&mut self, kind: Use, by: &str) {
        let times = self.times.entry(kind).or_default();
        *times = times.saturating_add(1);
        self.by(by);
    }

    /// A name. A program that names its threads one by one shall not fill the memory.
    pub(super) fn by(&mut self, name: &str) {
        if self.by.len() < MOST && !self.by.contains(name) {
            self.by.insert(name.to_owned());
        }
    }
}

/// What can be done at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Opened for reading, or its link read.
    Read,
    /// Opened as a directory.
    List,
    /// Looked at only: stat(2), access(2).
    Look,
    /// Opened for writing, or its attributes changed.
    Write,
    /// Made: a file, directory, link, node or socket.
    Create,
    /// Removed, or renamed away.
    Remove,
    /// Executed, or mapped executable.
    Execute,
    /// Connected to, as a socket.
    Connect,
}

/// What can be done with an internet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// TCP, connected to.
    ConnectTcp,
    /// TCP, bound.
    BindTcp,
    /// UDP, connected or sent to.
    SendUdp,
    /// UDP, bound.
    BindUdp,
}

/// What a call asks for by its arguments, which a directive of its own takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Memory that can be written and executed, or executed after it was written.
    WriteExecute,
    /// A new namespace, or entering another's.
    Namespace,
    /// A scheduling policy of real time.
    Realtime,
    /// Another personality(2).
    Personality,
    /// A file with its set-user-ID or set-group-ID bit.
    SetId,
    /// A signal to a process that the program had not started.
    Signal,
    /// A Go program, whose runtime makes some calls in some runs only.
    Go,
}

/// A part of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// [`Observed::paths`].
    Paths,
    /// [`Observed::sockets`], [`Observed::addresses`] and [`Observed::abstracts`].
    Sockets,
    /// [`Observed::acts`].
    Acts,
    /// [`Observed::capabilities`].
    Capabilities,
    /// [`Observed::limits`] and [`Observed::near`].
    Limits,
    /// Of these, addresses and stacks: older kernels do not tell them of processes that have ended.
    Memory,
    /// What was done before it was begun to watch.
    Start,
}

impl Observed {
    /// One use of a path, by the thread of this name.
    pub fn used(&mut self, path: PathBuf, kind: Use, by: &str) {
        self.paths.entry(path).or_default().used(kind, by);
    }

    /// Adds what another one saw.
    pub fn merge(&mut self, other: Self) {
        add(&mut self.calls, other.calls);
        add(&mut self.sockets, other.sockets);
        add(&mut self.addresses, other.addresses);
        add(&mut self.acts, other.acts);
        add(&mut self.abstracts, other.abstracts);
        add(&mut self.capabilities, other.capabilities);
        for (path, uses) in other.paths {
            let known = self.paths.entry(path).or_default();
            add(&mut known.times, uses.times);
            known.by.extend(uses.by);
            known.below |= uses.below;
        }
        most(&mut self.limits, other.limits);
        most(&mut self.near, other.near);
        most(&mut self.asked, other.asked);
        self.unknown.extend(other.unknown);
        self.lost = self.lost.saturating_add(other.lost);
        self.unread = self.unread.saturating_add(other.unread);
        self.runs = self.runs.saturating_add(other.runs);
    }
}

/// Adds up what was counted.
pub(super) fn add<K: Ord>(known: &mut BTreeMap<K, u64>, other: BTreeMap<K, u64>) {
    for (key, times) in other {
        let known = known.entry(key).or_default();
        *known = known.saturating_add(times);
    }
}

/// Keeps the highest of each.
pub(super) fn most(known: &mut BTreeMap<u32, u64>, other: BTreeMap<u32, u64>) {
    for (key, value) in other {
        let known = known.entry(key).or_default();
        *known = value.max(*known);
    }
}
