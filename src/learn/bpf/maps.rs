//! The memory that the programs and the collector share.

use nix::errno::Errno;

use super::event;
use super::machine::{ARCHES, NUMBERS};
use super::uses;
use crate::sys::bpf::{Kind, Map, Ring, Shared};

/// How many processes and threads there can be (PID_MAX_LIMIT of 64 bits).
pub(super) const PROCESSES: u32 = 1 << 22;
/// For how many CPUs calls are counted apart. Of more than these, two share their numbers, and a count can be lost.
const MOST_CPUS: u32 = 128;
/// Bytes of events that wait to be read.
const WAITING: u32 = 1 << 24;

/// How many calls are told apart.
#[allow(clippy::cast_possible_truncation)] // At most three architectures.
pub(super) const ROWS: u32 = ARCHES.len() as u32 * NUMBERS;
/// Where [`Maps::lost`] has the number of events for which there was no room.
pub(super) const LOST: u32 = 0;
/// And of those whose memory could not be read.
pub(super) const UNREAD: u32 = 8;
/// Where [`Maps::last`] begins; before that is how often threads have begun, ended or become another program.
pub(super) const LAST: u32 = 32;

/// All of it.
pub(super) struct Maps {
    /// What each thread is, by its number in the first PID namespace.
    pub(super) tasks: Shared,
    /// How often each call was made, for each CPU.
    pub(super) calls: Shared,
    /// Whose the last call on each CPU was: registers, number of changes, and state.
    pub(super) last: Shared,
    /// What was lost.
    pub(super) lost: Shared,
    /// What of each call is told.
    pub(super) table: Shared,
    /// How often each capability was asked for and found.
    pub(super) capabilities: Shared,
    /// How many live, and what was used of what limits count, for each CPU.
    pub(super) uses: Shared,
    /// Where an event is put together.
    pub(super) scratch: Map,
    /// Events.
    pub(super) events: Ring,
    /// For how many CPUs calls are counted apart: a power of two.
    pub(super) cpus: u32,
    /// How many of them there are at most: a power of two.
    pub(super) slots: u32,
}

impl Maps {
    /// Makes it.
    pub(super) fn create(cpus: usize) -> Result<Self, Errno> {
        let slots = u32::try_from(cpus).map_err(|_| Errno::EINVAL)?.next_power_of_two();
        let cpus = slots.min(MOST_CPUS);
        let shared = |name, size: u32| Shared::create(name, usize::try_from(size).map_err(|_| Errno::E2BIG)?);
        Ok(Self {
            tasks: shared("learn_tasks", PROCESSES)?,
            calls: shared("learn_calls", ROWS * 8 * cpus)?,
            last: shared("learn_last", LAST + slots * 32)?,
            lost: shared("learn_lost", 16)?,
            table: shared("learn_table", ROWS * 8)?,
            capabilities: shared("learn_caps", 64 * 8)?,
            uses: shared("learn_uses", uses::size(slots))?,
            scratch: Map::create(Kind::PerCpuArray, "learn_scratch", event::LONGEST, 1)?,
            events: Ring::create("learn_events", WAITING)?,
            cpus,
            slots,
        })
    }

    /// How often a call was made.
    pub(super) fn made(&self, row: u32) -> u64 {
        let word = |row: u32| self.calls.word(row as usize * 8);
        (0..self.cpus).map(|cpu| word(cpu * ROWS + row)).fold(0, u64::saturating_add)
    }
}
