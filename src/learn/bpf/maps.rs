//! The memory that the programs and the collector share.

use nix::errno::Errno;

use super::machine::{ARCHES, NUMBERS};
use crate::sys::bpf::{Kind, Map, Ring};

/// How many processes can live at once.
const PROCESSES: u32 = 65536;

/// How many different things are remembered as already sent.
const SEEN: u32 = 16384;

/// How many directories are remembered as already sent.
const BASES: u32 = 8192;

/// How many bytes can wait to be read.
pub(super) const RING: u32 = 8 << 20;

/// How much identifies what was done.
pub(super) const KEY: usize = 256;

/// One record in the making: [`KEY`], its rest, and two paths.
pub(super) const SCRATCH: u32 = 352 + 2 * 4096;

/// One walk up a directory's parents in the making.
pub(super) const WALK: u32 = 24 + 4096 + 256;

/// The places of the counters.
pub(super) mod counter {
    /// Records that found no room in the ring.
    pub(in super::super) const LOST: i32 = 0;
    /// Paths and addresses that could not be read from the program's memory.
    pub(in super::super) const UNREAD: i32 = 1;
    /// Processes that found no room in the map.
    pub(in super::super) const UNFOLLOWED: i32 = 2;
}

/// All of it.
pub(super) struct Maps {
    /// Processes by number in the first PID namespace: 1 waits for its exec, 2 is watched.
    pub(super) tasks: Map,
    /// For each architecture and number: how often entered, how often failed, and what is to be noted of it.
    pub(super) calls: Map,
    /// For each number whether it is to be noted on any architecture.
    pub(super) quick: Map,
    /// How often each capability was asked for and found.
    pub(super) capabilities: Map,
    /// How often each thing was done.
    pub(super) seen: Map,
    /// Directories that were sent.
    pub(super) bases: Map,
    /// [`SCRATCH`].
    pub(super) scratch: Map,
    /// [`WALK`].
    pub(super) walk: Map,
    /// [`counter`].
    pub(super) counters: Map,
    /// What is sent.
    pub(super) ring: Ring,
}

impl Maps {
    /// Makes it.
    pub(super) fn create(cpus: usize) -> Result<Self, Errno> {
        let rows = u32::try_from(ARCHES.len()).map_err(|_| Errno::EINVAL)? * NUMBERS;
        let map = |kind, name, sizes, entries| Map::create(kind, name, sizes, entries, cpus);
        Ok(Self {
            tasks: map(Kind::Hash, "learn_tasks", (4, 4), PROCESSES)?,
            calls: map(Kind::PerCpuArray, "learn_calls", (4, 24), rows)?,
            quick: map(Kind::Array, "learn_quick", (4, 8), NUMBERS)?,
            capabilities: map(Kind::PerCpuArray, "learn_caps", (4, 8), 64)?,
            seen: map(Kind::LruHash, "learn_seen", (256, 8), SEEN)?,
            bases: map(Kind::LruHash, "learn_bases", (8, 8), BASES)?,
            scratch: map(Kind::PerCpuArray, "learn_scratch", (4, SCRATCH), 1)?,
            walk: map(Kind::PerCpuArray, "learn_walk", (4, WALK), 1)?,
            counters: map(Kind::PerCpuArray, "learn_counters", (4, 8), 4)?,
            ring: Ring::create("learn_ring", RING)?,
        })
    }
}

/// The sum over all CPUs of a number at this place of the value.
pub(super) fn sum(map: &Map, key: u32, size: usize, place: usize) -> Result<u64, Errno> {
    let mut value = vec![0; map.value_size()];
    map.lookup(&key.to_ne_bytes(), &mut value)?;
    let numbers = value.chunks_exact(size).filter_map(|value| value[place..place + 8].try_into().ok());
    Ok(numbers.map(u64::from_ne_bytes).fold(0, u64::saturating_add))
}
