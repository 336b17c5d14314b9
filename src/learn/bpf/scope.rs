//! Who is watched: processes that are there already, and cgroups.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::libc::pid_t;

use super::Scope;
use super::hierarchy::Hierarchy;
use super::maps::Maps;
use super::program::{NEW, WAITING, WATCHED, Watch};
use super::uses;
use crate::fault::{Exit, Fault};

fn gone(pid: pid_t) -> Fault {
    Fault::new(format!("there is no process {pid}")).exit(Exit::Bpf)
}

/// How the programs know who is watched.
pub(super) fn watch(scope: Scope, groups: Option<&Hierarchy>) -> Result<Watch, Fault> {
    match scope {
        Scope::Tree(pid) | Scope::Pid(pid) => {
            if Path::new("/proc").join(pid.to_string()).exists() {
                Ok(Watch::Tasks)
            } else {
                Err(gone(pid))
            }
        }
        Scope::Cgroup(id) => {
            let depth = groups.and_then(|groups| groups.depth(id)).ok_or_else(|| {
                Fault::new(format!("no directory of cgroup version 2 has the inode number {id}"))
                    .exit(Exit::Bpf)
                    .help("name a directory below the mount of cgroup2: /sys/fs/cgroup, or /sys/fs/cgroup/unified")
            })?;
            Ok(Watch::Cgroup { id, depth })
        }
    }
}

/// Puts the first processes into the map; the programs that follow forks must run already.
pub(super) fn seed(scope: Scope, groups: Option<&Hierarchy>, maps: &Maps) -> Result<(), Fault> {
    let put = |pid: pid_t, state: u8| maps.tasks.set_byte(usize::try_from(pid).unwrap_or(0), state);
    // Its threads, too, which signals are sent to.
    let put_all = |pid: pid_t| {
        put(pid, WATCHED);
        numbers(&format!("/proc/{pid}/task")).for_each(|thread| put(thread, WATCHED));
    };
    match scope {
        Scope::Tree(pid) => {
            put(pid, WAITING);
            uses::begin(maps, 1);
            Ok(())
        }
        Scope::Pid(pid) => {
            put_all(pid);
            let mut family = BTreeSet::from([pid]);
            // Children of those in the map follow by themselves; only those born before must be found.
            loop {
                let new: Vec<pid_t> = children(&family);
                for pid in &new {
                    put_all(*pid);
                }
                if new.is_empty() {
                    break;
                }
                family.extend(new);
            }
            uses::begin(maps, threads(scope, groups, maps));
            if Path::new("/proc").join(pid.to_string()).exists() { Ok(()) } else { Err(gone(pid)) }
        }
        Scope::Cgroup(_) => {
            uses::begin(maps, threads(scope, groups, maps));
            Ok(())
        }
    }
}

/// Who is watched and lives.
pub(super) fn living(scope: Scope, groups: Option<&Hierarchy>, maps: &Maps) -> Vec<pid_t> {
    let watched = |pid: &pid_t| match scope {
        Scope::Tree(_) | Scope::Pid(_) => {
            [WATCHED, NEW].contains(&maps.tasks.byte(usize::try_from(*pid).unwrap_or(usize::MAX)))
        }
        Scope::Cgroup(id) => groups.is_some_and(|groups| groups.is_outside(id, *pid).is_ok_and(|outside| !outside)),
    };
    numbers("/proc").filter(watched).collect()
}

/// How many threads they have.
fn threads(scope: Scope, groups: Option<&Hierarchy>, maps: &Maps) -> u64 {
    let count = |pid: pid_t| numbers(&format!("/proc/{pid}/task")).count() as u64;
    living(scope, groups, maps).into_iter().map(count).sum()
}

/// The processes with a parent among these, which are not there yet.
fn children(family: &BTreeSet<pid_t>) -> Vec<pid_t> {
    let child = |pid: &pid_t| {
        let stat = crate::host::lossy(&format!("/proc/{pid}/stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        family.contains(&parent).then_some(())
    };
    numbers("/proc").filter(|pid| !family.contains(pid) && child(pid).is_some()).collect()
}

/// The names of a directory's entries that are numbers.
fn numbers(directory: &str) -> impl Iterator<Item = pid_t> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
