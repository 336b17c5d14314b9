//! Paths: what the view and Landlock together leave of each.

use std::path::{Path, PathBuf};

use crate::draft::access::{self, ENTRIES, EXECUTE, PathRule, READ_DIR, READ_FILE, TRUNCATE, WRITE_FILE};
use crate::draft::mounts::View;
use crate::draft::{Asked, Draft};

/// What can be done below a path, as far as the policy goes: permissions of files come on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Files can be read.
    pub read: bool,
    /// Files can be written, made or removed.
    pub write: bool,
    /// Files can be executed.
    pub execute: bool,
    /// It is the target's own, and empty at the start.
    pub own: bool,
}

/// A path and what can be done below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path, as it was written.
    pub path: PathBuf,
    /// What can be done.
    pub access: Access,
}

/// The whole file system of a policy.
#[derive(Clone, Debug)]
pub struct Places {
    wishes: Vec<(PathBuf, View)>,
    rules: Vec<PathRule>,
    handled: u64,
}

/// Places that are always told about where they differ.
const USUAL: [&str; 13] =
    ["/", "/boot", "/dev", "/etc", "/home", "/proc", "/root", "/run", "/run/user", "/sys", "/tmp", "/usr", "/var"];

/// Where specifiers lead for a service of the system (systemd.unit(5)). Homes are taken to be below /home, and the
/// directory that stockade is started in to be in one: what hides homes hides it, unless the policy says otherwise.
const LEADS: [(&str, &str); 8] = [
    ("%h", "/home/~"),
    (".", "/home/~/."),
    ("%t", "/run"),
    ("%S", "/var/lib"),
    ("%C", "/var/cache"),
    ("%L", "/var/log"),
    ("%T", "/tmp"),
    ("%V", "/var/tmp"),
];

/// A path with the specifier that it begins with put into words. `.` is a name of its own here.
fn placed(path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    for (word, place) in LEADS {
        if let Some(rest) = text.strip_prefix(word)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return PathBuf::from(format!("{}{rest}", place.replace("/.", "/(start)")));
        }
    }
    path.to_owned()
}

/// A path as a policy would write it.
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if let Some(rest) = text.strip_prefix("/home/~/(start)") {
        return format!(".{rest}");
    }
    text.strip_prefix("/home/~").map_or_else(|| text.to_string(), |rest| format!("%h{rest}"))
}

/// Landlock's rights of which one is enough to change, or to read, something.
const WRITE: u64 = WRITE_FILE | ENTRIES | TRUNCATE;
const READ: u64 = READ_FILE | READ_DIR;

impl Places {
    pub(super) fn of(draft: &Draft) -> Self {
        let mut wishes: Vec<(PathBuf, View)> =
            draft.mounts.iter().map(|asked| (placed(&asked.what.path), asked.what.view.clone())).collect();
        if let Some(Asked { what: root, .. }) = &draft.root {
            let bind = crate::draft::mounts::Bind { source: root.clone(), recursive: true, read_only: false };
            wishes.push(("/".into(), View::Bind(bind)));
        }
        // Of one path the content comes first, then how it can be used; what was made writable by name wins.
        wishes.sort_by_key(|(path, view)| (path.clone(), order(view)));
        let rules =
            draft.access.paths.iter().map(|asked| PathRule { path: placed(&asked.what.path), ..asked.what.clone() });
        let rules = rules.collect();
        Self { wishes, rules, handled: draft.access.handled.as_ref().map_or(0, |asked| asked.what) }
    }

    /// Every path that the policy names, and the usual ones.
    pub fn named(&self) -> Vec<PathBuf> {
        let usual = USUAL.iter().map(PathBuf::from);
        let wishes = self.wishes.iter().map(|(path, _)| path.clone());
        let mut all: Vec<PathBuf> =
            usual.chain(wishes).chain(self.rules.iter().map(|rule| rule.path.clone())).collect();
        all.sort();
        all.dedup();
        all
    }

    /// The named paths that differ from what they are in, parents first.
    pub fn told(&self) -> Vec<Place> {
        let mut told: Vec<Place> = Vec::new();
        for path in self.named() {
            let access = self.at(&path);
            let outer = told.iter().rev().find(|place| path.starts_with(&place.path));
            if outer.is_none_or(|outer| outer.access != access) {
                told.push(Place { path, access });
            }
        }
        told.sort_by_key(|place| std::cmp::Reverse(rank(place.access)));
        told
    }

    /// What can be done at a path in words, and whether with the host's files.
    pub fn words(&self, path: &Path) -> Vec<String> {
        let access = self.at(path);
        let all = [(access.read, "read"), (access.write, "write"), (access.execute, "execute")];
        let mut words: Vec<String> = all.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()).collect();
        if !words.is_empty() && !access.own {
            words.push("the host's files".into());
        }
        words
    }

    /// The finer of the rights that Landlock leaves at a path, by their names; nothing where nothing can be done.
    pub fn fine(&self, path: &Path) -> Vec<String> {
        let access = self.at(path);
        if !(access.read || access.write || access.execute) {
            return Vec::new();
        }
        let fine = self.rights(path) & !(WRITE_FILE | READ_FILE | EXECUTE);
        access::names(&access::RIGHTS, fine).into_iter().map(str::to_owned).collect()
    }

    /// The rights that Landlock leaves at a path.
    fn rights(&self, path: &Path) -> u64 {
        let rules = self.rules.iter().filter(|rule| path.starts_with(&rule.path));
        rules.fold(!self.handled, |all, rule| all | rule.rights)
    }

    /// What can be done at a path.
    pub fn at(&self, path: &Path) -> Access {
        let (mut content, mut read_only, mut no_exec) = (Content::Files, false, false);
        for (_, view) in self.wishes.iter().filter(|(at, _)| path.starts_with(at)) {
            if content == Content::Hidden {
                break;
            }
            let new = match view {
                View::Hidden => Some(Content::Hidden),
                View::ReadOnly | View::Layers(_) => {
                    read_only = true;
                    None
                }
                View::ReadWrite | View::ReadWriteImplicit => {
                    read_only = false;
                    None
                }
                View::NoExec | View::Exec => {
                    no_exec = *view == View::NoExec;
                    None
                }
                View::Tmpfs(tmpfs) if tmpfs.read_only => Some(Content::Nothing),
                View::Tmpfs(_) => Some(Content::Own),
                View::Bind(_) => Some(Content::Files),
                View::Devices | View::Credentials => Some(Content::Fixed),
                View::Cgroup { .. } | View::Proc(_) | View::Sysfs | View::Mqueue | View::Bpf => Some(Content::Kernel),
            };
            if let Some(new) = new {
                content = new;
                read_only = match view {
                    View::Bind(bind) => bind.read_only,
                    View::Cgroup { read_only } => *read_only,
                    _ => false,
                };
                // What is mounted anew is as executable as what it is in.
                no_exec |= matches!(view, View::Tmpfs(tmpfs) if tmpfs.no_exec);
            }
        }
        let there = !matches!(content, Content::Hidden | Content::Nothing);
        let rights = self.rights(path);
        Access {
            read: there && rights & READ != 0,
            write: there && content != Content::Fixed && !read_only && rights & WRITE != 0,
            execute: matches!(content, Content::Files | Content::Own) && !no_exec && rights & EXECUTE != 0,
            own: matches!(content, Content::Nothing | Content::Own | Content::Fixed),
        }
    }
}

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Files of the host's.
    Files,
    /// A node that cannot be opened.
    Hidden,
    /// Something empty that stays so.
    Nothing,
    /// Something empty that can be written.
    Own,
    /// Something small that was put there.
    Fixed,
    /// What the kernel shows.
    Kernel,
}

/// How much can be done, for an order: what can be written is told first.
fn rank(access: Access) -> u8 {
    let Access { read, write, execute, own } = access;
    u8::from(write && !own) << 4 | u8::from(write) << 3 | u8::from(read) << 2 | u8::from(execute) << 1 | u8::from(own)
}

/// The order in which wishes for one path are heard: the later one decides.
fn order(view: &View) -> u8 {
    match view {
        View::Bind(_) => 1,
        View::ReadWriteImplicit => 2,
        View::ReadWrite => 3,
        View::ReadOnly => 4,
        View::Exec => 5,
        View::NoExec => 6,
        View::Hidden => 7,
        _ => 0,
    }
}

impl Access {
    /// In words: `read, write, execute`.
    pub fn words(self) -> String {
        let all = [(self.read, "read"), (self.write, "write"), (self.execute, "execute")];
        let words: Vec<&str> = all.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
        match (words.is_empty(), self.own) {
            (true, true) => "empty".into(),
            (true, false) => "nothing".into(),
            (false, true) => format!("{} (its own)", words.join(", ")),
            (false, false) => words.join(", "),
        }
    }
}
