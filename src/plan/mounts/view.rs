//! Wishes about paths become nodes: one for each path, in order, parents before what is in them.

use std::cmp::Ordering;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::draft::By;
use crate::draft::mounts::{Bind, Proc, Tmpfs, View};

/// A wish whose path is one of the target's world.
pub(in crate::plan) struct Wish {
    pub(in crate::plan) path: PathBuf,
    pub(in crate::plan) view: View,
    pub(in crate::plan) optional: bool,
    /// It was there before and is only brought along: as restricted as what it is in.
    pub(in crate::plan) carried: bool,
    pub(in crate::plan) by: By,
}

/// What is at a path, in systemd's order of precedence: the first wins where two want the same path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Hidden,
    Bind(Bind),
    Devices,
    Sysfs,
    Proc(Proc),
    Cgroup,
    Tmpfs(Tmpfs),
    Mqueue,
    Bpf,
    /// Directories of these over what was there before.
    Layers(Vec<(PathBuf, bool)>),
    Credentials,
    /// What was there before.
    Same,
}

impl Content {
    fn rank(&self) -> u8 {
        match self {
            Self::Hidden => 0,
            Self::Bind(_) => 1,
            Self::Devices => 2,
            Self::Sysfs => 3,
            Self::Proc(_) => 4,
            Self::Cgroup => 5,
            Self::Tmpfs(_) => 6,
            Self::Layers(_) => 7,
            Self::Mqueue => 8,
            Self::Bpf => 9,
            Self::Credentials => 10,
            Self::Same => 11,
        }
    }
}

/// Everything that is wanted of one path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) path: PathBuf,
    pub(super) content: Content,
    /// Nothing where the path is as writable as what it is in.
    pub(super) read_only: Option<bool>,
    /// Nothing where it is as executable as what it is in.
    pub(super) no_exec: Option<bool>,
    /// May be missing.
    pub(super) optional: bool,
    /// It was there before and is only brought along.
    pub(super) carried: bool,
    /// Asked for by name to be writable.
    pub(super) granted: bool,
    pub(super) by: Vec<By>,
}

impl Node {
    /// Who asked first.
    pub(super) fn who(&self) -> &'static str {
        self.by.first().map_or("the policy", |by| by.directive)
    }

    /// Whether it may turn out not to be there, and what is below it to be there nevertheless.
    pub(super) fn is_unsure(&self) -> bool {
        self.optional && !self.carried && matches!(self.content, Content::Bind(_))
    }

    fn new(wish: Wish) -> Self {
        let (mut read_only, mut no_exec, mut granted) = (None, None, false);
        let content = match wish.view {
            View::Hidden => Content::Hidden,
            View::ReadOnly => {
                read_only = Some(true);
                Content::Same
            }
            View::ReadWrite | View::ReadWriteImplicit => {
                granted = wish.view == View::ReadWrite;
                read_only = Some(false);
                Content::Same
            }
            View::NoExec => {
                no_exec = Some(true);
                Content::Same
            }
            View::Exec => {
                no_exec = Some(false);
                Content::Same
            }
            View::Tmpfs(tmpfs) => {
                read_only = tmpfs.read_only.then_some(true);
                no_exec = tmpfs.no_exec.then_some(true);
                Content::Tmpfs(tmpfs)
            }
            // Whether it can be written is decided when all is known: see `settle`.
            View::Bind(bind) => Content::Bind(bind),
            View::Devices => Content::Devices,
            View::Proc(proc) => Content::Proc(proc),
            View::Sysfs => Content::Sysfs,
            View::Mqueue => Content::Mqueue,
            View::Bpf => Content::Bpf,
            View::Layers(layers) => Content::Layers(layers),
            View::Credentials => {
                read_only = Some(true);
                Content::Credentials
            }
            View::Cgroup { read_only: strict } => {
                read_only = strict.then_some(true);
                Content::Cgroup
            }
        };
        let Wish { path, optional, carried, by, .. } = wish;
        Self { path, content, read_only, no_exec, optional, carried, granted, by: vec![by] }
    }

    /// Two nodes for the same path become one. Restrictions add up; what gives way is noted.
    fn merge(self, other: Self, notes: &mut Vec<String>) -> Self {
        if let (Content::Layers(lower), Content::Layers(upper)) = (&self.content, &other.content)
            && lower != upper
        {
            let content = Content::Layers(lower.iter().chain(upper).cloned().collect());
            return Self { content: content.clone(), ..self }.merge(Self { content, ..other }, notes);
        }
        let other_wins = other.content.rank() < self.content.rank();
        let (mut winner, loser) = if other_wins { (other, self) } else { (self, other) };
        let new = |content: &Content| *content != Content::Same;
        if new(&winner.content) && winner.content != loser.content && (new(&loser.content) || loser.granted) {
            let granted = matches!(winner.content, Content::Bind(_)) && !new(&loser.content);
            if !granted {
                notes.push(format!("{}: {} gives way to {}", winner.path.display(), loser.who(), winner.who()));
            }
        }
        if winner.content == loser.content {
            winner.optional &= loser.optional;
        }
        if let (Content::Bind(one), Content::Bind(other)) = (&mut winner.content, &loser.content) {
            one.read_only |= other.read_only;
        }
        winner.granted |= loser.granted;
        winner.read_only = stricter(winner.read_only, loser.read_only);
        winner.no_exec = stricter(winner.no_exec, loser.no_exec);
        for by in loser.by {
            if !winner.by.contains(&by) {
                winner.by.push(by);
            }
        }
        winner
    }

    /// What BindReadOnlyPaths shows is read-only, unless ReadWritePaths names the very path.
    fn settle(mut self) -> Self {
        if matches!(&self.content, Content::Bind(bind) if bind.read_only) && !self.granted {
            self.read_only = Some(true);
        }
        self
    }
}

/// `yes` wins over `no`, and either over nothing.
fn stricter(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a || b),
        (a, b) => a.or(b),
    }
}

/// How two plain paths compare: by components, as [`Path`] does, which takes ten times as long.
fn order(a: &Path, b: &Path) -> Ordering {
    // What is in a directory comes before its neighbours.
    let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    let (a, b) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    a.iter().map(key).cmp(b.iter().map(key))
}

/// Whether a plain path is another one or below it.
pub(in crate::plan) fn inside(path: &Path, outer: &Path) -> bool {
    let (path, outer) = (path.as_os_str().as_bytes(), outer.as_os_str().as_bytes());
    path.strip_prefix(outer).is_some_and(|rest| outer == b"/" || matches!(rest, [] | [b'/', ..]))
}

/// One node for each path, sorted so that everything in a directory follows it at once. Where the winner is a bind whose
/// source may be missing, what holds without it stands in front of it, as a node of its own.
pub(super) fn merge(wishes: Vec<Wish>, notes: &mut Vec<String>) -> Vec<Node> {
    let mut all: Vec<Node> = wishes.into_iter().map(Node::new).collect();
    // `/a/b` stands right behind `/a` and before `/a-b`. The sort is stable.
    all.sort_by(|a, b| order(&a.path, &b.path));
    let mut merged: Vec<Node> = Vec::with_capacity(all.len());
    let mut rest = all.into_iter().peekable();
    while let Some(first) = rest.next() {
        let Some(second) = rest.next_if(|next| next.path == first.path) else {
            merged.push(first.settle());
            continue;
        };
        let mut same = vec![first, second];
        while let Some(next) = rest.next_if(|next| next.path == same[0].path) {
            same.push(next);
        }
        stack(same, notes, &mut merged);
    }
    merged
}

/// What becomes of several wishes for one path.
fn stack(mut same: Vec<Node>, notes: &mut Vec<String>, merged: &mut Vec<Node>) {
    // Among equals the first wins.
    let Some(winner) = (0..same.len()).min_by_key(|at| same[*at].content.rank()) else { return };
    let unsure = same[winner].is_unsure();
    let under = unsure.then(|| [&same[..winner], &same[winner + 1..]].concat());
    let first = same.remove(0);
    let whole = same.into_iter().fold(first, |whole, next| whole.merge(next, notes));
    if let Some(under) = under.filter(|_| whole.optional) {
        stack(under, &mut Vec::new(), merged);
    }
    merged.push(whole.settle());
}

/// Whether some wish puts something new on a path.
pub(super) fn replaced(wishes: &[Wish], path: &Path) -> bool {
    let keeps = |view: &View| {
        matches!(
            view,
            View::ReadOnly | View::ReadWrite | View::ReadWriteImplicit | View::NoExec | View::Exec | View::Mqueue
        )
    };
    wishes.iter().any(|wish| wish.path == path && !keeps(&wish.view))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// On plain paths the shorter ways agree with the library's.
        #[test]
        fn paths_compare_by_components(a in "(/[ab.-]{1,3}){1,4}|/", b in "(/[ab.-]{1,3}){1,4}|/") {
            let plain = |text: &str| text.split('/').all(|part| part != "." && part != "..");
            prop_assume!(plain(&a) && plain(&b));
            let (a, b) = (Path::new(&a), Path::new(&b));
            prop_assert_eq!(order(a, b), a.cmp(b));
            prop_assert_eq!(inside(a, b), a.starts_with(b));
        }
    }
}
