//! Whose records count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// Whom somebody asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Everybody.
    System,
    /// A process and what it starts.
    Tree(i32),
    /// A control group and those below it: its directory, and its path as /proc names it.
    Group(PathBuf, String),
}

/// The processes that count. Records name processes that may have ended by the time they are read: who belongs to a group
/// or tree is looked up beforehand, and for some time remembered.
#[derive(Debug)]
pub(super) struct Scope {
    whom: Whom,
    /// Processes, and the looks since which they are gone.
    known: BTreeMap<i32, u8>,
    /// Records of processes that had ended, and of which nothing was known.
    pub(super) unknown: u64,
}

/// Looks for which a process that has ended is remembered.
const REMEMBERED: u8 = 8;
/// How far from a process its ancestors are followed.
const DEPTH: usize = 64;
/// Processes that are looked at in one look.
const MOST: usize = 4096;

impl Scope {
    /// Starts to look.
    pub(super) fn new(whom: Whom) -> Self {
        let mut scope = Self { whom, known: BTreeMap::new(), unknown: 0 };
        if let Whom::Tree(pid) = scope.whom {
            scope.known.insert(pid, 0);
        }
        scope.look();
        scope
    }

    /// Looks who is there now.
    pub(super) fn look(&mut self) {
        let now: BTreeSet<i32> = match &self.whom {
            Whom::System => return,
            Whom::Tree(_) => tree(self.known.keys().copied().collect()),
            Whom::Group(directory, _) => members(directory),
        };
        for (pid, gone) in &mut self.known {
            *gone = if now.contains(pid) { 0 } else { gone.saturating_add(1) };
        }
        self.known.retain(|_, gone| *gone <= REMEMBERED);
        for pid in now {
            self.known.entry(pid).or_insert(0);
        }
    }

    /// Remembers a process that counts, while it is there.
    pub(super) fn meet(&mut self, pid: i32) {
        if self.whom != Whom::System && !self.known.contains_key(&pid) && self.belongs(pid) == Some(true) {
            self.known.insert(pid, 0);
        }
    }

    /// Whether a process counts.
    pub(super) fn holds(&mut self, pid: Option<i32>) -> bool {
        if self.whom == Whom::System {
            return true;
        }
        let Some(pid) = pid else {
            self.unknown += 1;
            return false;
        };
        if self.known.contains_key(&pid) {
            return true;
        }
        match self.belongs(pid) {
            Some(true) => {
                self.known.insert(pid, 0);
                true
            }
            Some(false) => false,
            None => {
                self.unknown += 1;
                false
            }
        }
    }

    /// Asks /proc; nothing where the process has ended.
    fn belongs(&self, pid: i32) -> Option<bool> {
        match &self.whom {
            Whom::System => Some(true),
            Whom::Tree(_) => {
                let mut at = pid;
                for _ in 0..DEPTH {
                    at = parent(at)?;
                    if self.known.contains_key(&at) {
                        return Some(true);
                    }
                    if at <= 1 {
                        return Some(false);
                    }
                }
                Some(false)
            }
            Whom::Group(_, path) => {
                let text = crate::host::lossy(&format!("/proc/{pid}/cgroup")).ok()?;
                let own = text.lines().find_map(|line| line.strip_prefix("0::"))?;
                let rest = own.strip_prefix(path.trim_end_matches('/'));
                Some(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
            }
        }
    }
}

fn parent(pid: i32) -> Option<i32> {
    let text = crate::host::lossy(&format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Those that are still there, and what they have started.
fn tree(mut open: Vec<i32>) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    while let Some(pid) = open.pop() {
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        if found.len() >= MOST || !found.insert(pid) {
            continue;
        }
        for thread in threads.flatten() {
            // CONFIG_PROC_CHILDREN; without it, parents are asked when a record comes.
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            open.extend(children.split_whitespace().filter_map(|word| word.parse::<i32>().ok()));
        }
    }
    found
}

/// The processes in a control group and below.
fn members(directory: &std::path::Path) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(group) = open.pop() {
        let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        if found.len() >= MOST {
            break;
        }
        let inner = fs::read_dir(&group).into_iter().flatten().flatten();
        open.extend(inner.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
    }
    found
}
