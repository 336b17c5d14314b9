//! Paths: from what was done where to the few that a policy names.

use std::collections::{BTreeMap, BTreeSet};

use crate::learn::observed::{Observed, Use, Uses};
use crate::learn::places::TEMPORARY;

use super::base::Base;
use super::risk;

/// Rights below a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rights {
    /// Listing directories.
    pub(super) list: bool,
    /// Reading.
    pub(super) read: bool,
    /// Every change.
    pub(super) write: bool,
    /// Executing.
    pub(super) execute: bool,
}

impl Rights {
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            list: self.list || other.list,
            read: self.read || other.read,
            write: self.write || other.write,
            execute: self.execute || other.execute,
        }
    }

    /// Whether they are among others' rights.
    fn within(self, other: Self) -> bool {
        let whole = Self { list: other.list || other.read || other.write, read: other.read || other.write, ..other };
        self.with(whole) == whole
    }
}

/// Why a line is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) rights: Rights,
    pub(super) times: u64,
    pub(super) by: BTreeSet<String>,
    /// How many paths it stands for.
    pub(super) paths: usize,
}

/// A need that the policy does not grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) path: String,
    pub(super) kind: Use,
    pub(super) times: u64,
    pub(super) by: BTreeSet<String>,
    pub(super) why: &'static str,
}

/// What the policy says of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) needs: BTreeMap<String, Need>,
    pub(super) refused: Vec<Refused>,
}

/// Directories that hold what belongs to everybody: they are never granted for the sake of some files in them.
const BROAD: &[&str] = &[
    "",
    "/",
    "/etc",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/cache",
    "/var/spool",
    "/run",
    "/run/lock",
    "/home",
    "/root",
    "%h",
    "%t",
    "%h/.config",
    "%h/.local",
    "%h/.local/share",
    "%h/.local/state",
    "%h/.cache",
    "/dev",
    "/sys",
    "/opt",
    "/srv",
    "/mnt",
    "/media",
    "/boot",
    "/tmp",
    "/var/tmp",
    "/etc/ssh",
    "/etc/ssl",
];

/// From this many files of one directory on, it is the directory.
const MANY: usize = 3;
/// And from this many programs.
const MANY_PROGRAMS: usize = 16;

/// Sums up.
pub(super) fn files(seen: &Observed) -> Files {
    let mut files = Files::default();
    for (path, uses) in &seen.paths {
        let path = path.to_string_lossy();
        let made = [Use::Create, Use::Write].iter().any(|kind| uses.times.contains_key(kind));
        for (kind, times) in &uses.times {
            let own = made && *kind == Use::Execute;
            let why = if own {
                Some("was written before: whoever can write it can execute anything")
            } else {
                risk::path(&path, *kind)
            };
            let why = why.or_else(|| if uses.below { too_many(&path, *kind) } else { too_broad(&path, *kind) });
            if let Some(why) = why {
                let (path, by) = (path.clone().into_owned(), uses.by.clone());
                files.refused.push(Refused { path, kind: *kind, times: *times, by, why });
            } else {
                grant(&mut files.needs, &path, *kind, *times, uses);
            }
        }
    }
    terminals(&mut files.needs);
    while collapse(&mut files.needs) {}
    let all = files.needs.clone();
    files.needs.retain(|path, need| !covered(path, need.rights, &all));
    files
}

/// Files made in a directory that belongs to everybody would need all of it.
fn too_broad(path: &str, kind: Use) -> Option<&'static str> {
    let makes = matches!(kind, Use::Create | Use::Remove) && !TEMPORARY.contains(&path) && path != ".";
    let broad = makes && BROAD.contains(&parent(path)) && !TEMPORARY.contains(&parent(path));
    broad.then_some("would need the whole directory that it is in to be writable")
}

/// What was done at more paths than are told apart.
fn too_many(path: &str, kind: Use) -> Option<&'static str> {
    match kind {
        Use::Look | Use::Connect => None,
        Use::Execute => Some("was more programs than are told apart"),
        _ if TEMPORARY.contains(&path) || path == "." => None,
        _ if BROAD.contains(&path) || risk::holds(path) => {
            Some("was done at more paths than are told apart, in a directory that belongs to everybody")
        }
        _ => None,
    }
}

fn grant(needs: &mut BTreeMap<String, Need>, path: &str, kind: Use, times: u64, uses: &Uses) {
    let mut rights = Rights::default();
    match kind {
        Use::Look | Use::Connect => return,
        Use::Read => rights.read = true,
        Use::List => rights.list = true,
        Use::Execute => rights.execute = true,
        Use::Write | Use::Create | Use::Remove => rights.write = true,
    }
    let makes = matches!(kind, Use::Create | Use::Remove);
    let at = match path {
        _ if path == "." || path.starts_with("./") => {
            // The start directory is one.
            rights.read = rights.read || rights.list;
            ".".to_owned()
        }
        _ if path.starts_with("/proc/PID") => "/proc".to_owned(),
        _ if makes && !uses.below && !TEMPORARY.contains(&path) => parent(path).to_owned(),
        _ => path.to_owned(),
    };
    let need = needs.entry(at).or_default();
    need.rights = need.rights.with(rights);
    need.times = need.times.saturating_add(times);
    need.by.extend(uses.by.iter().cloned());
    need.paths += 1;
}

/// Who makes terminals of its own gets another one each time, and opens it by its name. In a /dev of its own, /dev/ptmx
/// can be a link to the one in /dev/pts.
fn terminals(needs: &mut BTreeMap<String, Need>) {
    let ones: Vec<String> = needs.keys().filter(|path| path.starts_with("/dev/pts/")).cloned().collect();
    let ptmx = needs.remove("/dev/ptmx");
    let Some(mut need) = ptmx.or_else(|| needs.remove("/dev/pts/ptmx")) else { return };
    for one in ones {
        let Some(gone) = needs.remove(&one) else { continue };
        need.times = need.times.saturating_add(gone.times);
        need.by.extend(gone.by);
        need.paths += gone.paths;
    }
    need.rights = need.rights.with(Rights { read: true, write: true, ..Rights::default() });
    for path in ["/dev/ptmx", "/dev/pts"] {
        needs.insert(path.to_owned(), need.clone());
    }
}

/// Replaces many files of a directory by it; whether there was one.
fn collapse(needs: &mut BTreeMap<String, Need>) -> bool {
    let mut children: BTreeMap<(&str, Rights), Vec<&String>> = BTreeMap::new();
    for (path, need) in needs.iter() {
        let above = parent(path);
        if !BROAD.contains(&above) && !above.starts_with("/proc") && depth(above) >= 2 {
            children.entry((above, need.rights)).or_default().push(path);
        }
    }
    let many = |rights: &Rights| if rights.execute { MANY_PROGRAMS } else { MANY };
    let full = children.into_iter().filter(|((_, rights), paths)| paths.len() >= many(rights));
    let full: Vec<(String, Vec<String>)> =
        full.map(|((above, _), paths)| (above.to_owned(), paths.into_iter().cloned().collect())).collect();
    for (above, paths) in &full {
        for path in paths {
            let Some(gone) = needs.remove(path) else { continue };
            let need = needs.entry(above.clone()).or_default();
            need.rights = need.rights.with(gone.rights);
            need.times = need.times.saturating_add(gone.times);
            need.by.extend(gone.by);
            need.paths += gone.paths;
        }
    }
    !full.is_empty()
}

fn covered(path: &str, rights: Rights, all: &BTreeMap<String, Need>) -> bool {
    let mut above = path;
    while let Some(at) = above.rfind('/') {
        above = if at == 0 && above.len() > 1 { "/" } else { &above[..at] };
        if all.get(above).is_some_and(|need| rights.within(need.rights)) {
            return true;
        }
        if above == "/" {
            break;
        }
    }
    false
}

/// Whether the base gives it.
pub(super) fn given(path: &str, rights: Rights, base: &Base) -> bool {
    let mut at = Some(path);
    while let Some(place) = at {
        if base.paths.get(place).is_some_and(|known| rights.within(*known)) {
            return true;
        }
        at = Some(parent(place)).filter(|above| !above.is_empty() && *above != place);
    }
    false
}

/// The directory that a path is in.
fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) if path.len() > 1 => "/",
        Some(at) => &path[..at],
        None => "",
    }
}

fn depth(path: &str) -> usize {
    path.split('/').filter(|part| !part.is_empty()).count()
}

/// Whether anything is done at or below a place, other than to look.
pub(super) fn touches(seen: &Observed, place: &str) -> bool {
    seen.paths.iter().any(|(path, uses)| {
        let below =
            path.to_string_lossy().strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        below && uses.times.keys().any(|kind| *kind != Use::Look)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summed(done: &[(&str, Use)]) -> (Vec<(String, Rights)>, usize) {
        let mut seen = Observed::default();
        for (path, kind) in done {
            seen.used((*path).into(), *kind, "x");
        }
        let files = files(&seen);
        (files.needs.into_iter().map(|(path, need)| (path, need.rights)).collect(), files.refused.len())
    }

    const READ: Rights = Rights { list: false, read: true, write: false, execute: false };
    const WRITE: Rights = Rights { list: false, read: false, write: true, execute: false };

    #[test]
    fn many_files_are_a_directory() {
        let (needs, refused) = summed(&[("/srv/d/a", Use::Read), ("/srv/d/b", Use::Read), ("/srv/d/c", Use::Read)]);
        assert_eq!((needs, refused), (vec![("/srv/d".into(), READ)], 0));
        let few = summed(&[("/etc/a", Use::Read), ("/etc/b", Use::Read), ("/etc/c", Use::Read)]);
        assert_eq!(few.0.len(), 3, "/etc is everybody's");
    }

    #[test]
    fn what_makes_files_needs_the_directory() {
        assert_eq!(summed(&[("/var/lib/x/db", Use::Create)]).0, vec![("/var/lib/x".into(), WRITE)]);
        assert_eq!(summed(&[("%h/.history", Use::Create)]).1, 1);
        assert_eq!(summed(&[("/tmp", Use::Create)]).0, vec![("/tmp".into(), WRITE)]);
    }

    #[test]
    fn who_makes_terminals_can_open_them() {
        let (needs, _) = summed(&[("/dev/ptmx", Use::Write), ("/dev/pts/3", Use::Write)]);
        let both = Rights { read: true, write: true, ..Rights::default() };
        assert_eq!(needs, [("/dev/ptmx".into(), both), ("/dev/pts".into(), both)]);
        let (inherited, _) = summed(&[("/dev/pts/3", Use::Write)]);
        assert_eq!(inherited, [("/dev/pts/3".into(), WRITE)], "the one that was inherited is no other");
    }

    #[test]
    fn what_is_covered_is_left_out() {
        assert_eq!(summed(&[("/usr", Use::Read), ("/usr/share/x", Use::Read)]).0, vec![("/usr".into(), READ)]);
        assert_eq!(summed(&[("./a", Use::Create), ("./b/c", Use::Read)]).0.len(), 1);
    }

    #[test]
    fn what_was_written_is_not_executed() {
        let (needs, refused) = summed(&[("/srv/d/a", Use::Create), ("/srv/d/a", Use::Execute)]);
        assert!(refused == 1 && needs.iter().all(|(_, rights)| !rights.execute), "{needs:?}");
    }
}
