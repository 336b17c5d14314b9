//! The threads that live, and what their processes use: asked while they wait, which they do at their end, too.

use std::collections::HashMap;
use std::fs;

use crate::learn::used::{Used, is_gone};

/// Threads, and how many calls each has made.
#[derive(Default)]
pub(super) struct Crew {
    threads: HashMap<u32, u32>,
    /// How many have lived at the same time.
    most: usize,
}

/// So many are counted one by one. Of more, only every eighth part: each time all of them are looked at.
const EXACT: usize = 64;

impl Crew {
    /// A thread calls; whether it is time to look at what it uses. Who is killed does not say so, and so a look is taken
    /// now and then, ever more seldom.
    pub(super) fn calls(&mut self, thread: u32) -> bool {
        let calls = self.threads.entry(thread).or_insert(0);
        *calls = calls.saturating_add(1);
        let calls = *calls;
        let slack = if self.most < EXACT { 0 } else { self.most / 8 };
        if calls == 1 && self.threads.len() > self.most + slack {
            self.count();
        }
        calls >= 16 && calls.is_power_of_two() && calls.trailing_zeros().is_multiple_of(2)
    }

    /// How many live: who was killed is there still.
    fn count(&mut self) {
        self.threads.retain(|thread, _| lives(*thread));
        self.most = self.most.max(self.threads.len());
    }

    /// How many have lived at the same time; where that is more than [`EXACT`], it may be an eighth too few.
    pub(super) fn most(&self) -> u64 {
        self.most as u64
    }

    /// A thread ends, and with it, if asked for, all of its process.
    pub(super) fn ends(&mut self, thread: u32, all: bool) {
        self.threads.remove(&thread);
        if !all {
            return;
        }
        for other in fs::read_dir(format!("/proc/{thread}/task")).into_iter().flatten().flatten() {
            if let Some(other) = other.file_name().to_str().and_then(|name| name.parse().ok()) {
                self.threads.remove(&other);
            }
        }
    }

    /// Looks at all that live, before they are ended.
    pub(super) fn all(&self) -> impl Iterator<Item = std::io::Result<Used>> {
        self.threads.keys().map(|thread| Used::of(*thread))
    }
}

/// Whether a thread has not ended: one that nobody has waited for has (proc_pid_stat(5)).
fn lives(thread: u32) -> bool {
    match crate::host::lossy(&format!("/proc/{thread}/stat")) {
        Ok(stat) => stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X'])),
        Err(error) => !is_gone(&error),
    }
}
