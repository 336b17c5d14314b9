//! The memory that the programs and the collector share.

use nix::errno::Errno;

use super::machine::{ARCHES, NUMBERS};
use crate::sys::bpf::{Kind, Map};

/// How many processes can live at once.
const PROCESSES: u32 = 65536;

/// All of it.
pub(super) struct Maps {
    /// Processes by number in the first PID namespace: 1 waits for its exec, 2 is watched.
    pub(super) tasks: Map,
    /// For each architecture and number: how often entered, and how often failed.
    pub(super) calls: Map,
    /// How often each capability was asked for and found.
    pub(super) capabilities: Map,
    /// How many processes found no room among the tasks.
    pub(super) unfollowed: Map,
}

impl Maps {
    /// Makes it.
    pub(super) fn create(cpus: usize) -> Result<Self, Errno> {
        let rows = u32::try_from(ARCHES.len()).map_err(|_| Errno::EINVAL)? * NUMBERS;
        let map = |kind, name, sizes, entries| Map::create(kind, name, sizes, entries, cpus);
        Ok(Self {
            tasks: map(Kind::Hash, "learn_tasks", (4, 4), PROCESSES)?,
            calls: map(Kind::PerCpuArray, "learn_calls", (4, 16), rows)?,
            capabilities: map(Kind::PerCpuArray, "learn_caps", (4, 8), 64)?,
            unfollowed: map(Kind::PerCpuArray, "learn_missed", (4, 8), 1)?,
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
