//! The file system as a plan leaves it: which mount each path is on, what backs it, and who restricted it. The plan's
//! steps are followed on a table; nothing is mounted.

use std::path::{Component, Path, PathBuf};

use crate::draft::By;
use crate::draft::mounts::Tmpfs;
use crate::host::look::{Kind, Thing};
use crate::host::{Host, Mount};

use super::super::Plan;
use super::super::mounts::{Limits, MountOp, New};
use super::super::op::{Op, Step};
use crate::plan::mounts::layout::DEVICES;
use crate::plan::mounts::view::inside;

/// What a mount shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// This path of the host.
    Host(PathBuf),
    /// A cover without permissions, of a directory or not.
    Cover(bool),
    /// A new file system in memory with this mode, empty but for what is mounted in it.
    Memory(u32),
    /// The new /dev.
    Devices,
    /// A new file system of the kernel's.
    Kernel,
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it is, as the target names it.
    pub(super) at: PathBuf,
    /// What it shows.
    pub(super) source: Source,
    /// How it is restricted.
    pub(super) limits: Limits,
    /// Who put it there; nobody for the host's own.
    pub(super) by: Vec<By>,
    /// Who made it read-only.
    pub(super) read_only_by: Vec<By>,
    /// Who made it noexec.
    pub(super) no_exec_by: Vec<By>,
}

/// The mounts, those deeper or later on top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct World {
    pieces: Vec<Piece>,
    /// What a new /dev shows of the host's, taken and not yet attached.
    devices: Vec<Tree>,
}

/// Mounts that were taken from a place, to be attached at another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tree {
    from: PathBuf,
    pieces: Vec<Piece>,
}

/// Tells what is at a path: of the target's world, and of the host where that backs it.
pub type Look<'a> = &'a dyn Fn(&Path, Option<&Path>) -> Thing;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To this path without links, where this is.
    Found(PathBuf, Thing),
    /// To a name in this directory that is not there.
    Missing(PathBuf),
    /// Not so far: at this path a directory is missing, or something is none.
    Broken(PathBuf, &'static str),
    /// Not so far: this directory may not be searched.
    Barred(PathBuf, Thing),
}

/// Directories of the host's that a new /dev has, each a mount of its own.
const SHOWN: [&str; 3] = ["/dev/shm", "/dev/hugepages", "/dev/mqueue"];

/// Links that are followed, as in the kernel.
const LINKS: usize = 40;

impl World {
    /// Follows a plan's steps. `mounts` is the host's table, and links in the plan's paths are followed by `look`.
    pub(super) fn of(plan: &Plan, mounts: &[Mount], look: Look<'_>) -> Self {
        let mut world = Self::host(mounts);
        let mut slots = Vec::new();
        for step in &plan.steps {
            if let Op::Mount(op) = &step.op {
                world.follow(op, step, &mut slots, look);
            }
        }
        world
    }

    /// The host's own mounts.
    fn host(mounts: &[Mount]) -> Self {
        let root = Piece::new(Path::new("/"), Source::Host("/".into()), Limits::NONE, &[]);
        let mut world = Self { pieces: vec![root], devices: Vec::new() };
        for mount in mounts {
            let has = |word: &str| mount.options.split(',').any(|option| option == word);
            let limits = Limits { read_only: has("ro"), no_exec: has("noexec") };
            world.put(Piece::new(&mount.point, Source::Host(mount.point.clone()), limits, &[]));
        }
        world
    }

    /// The mount that a path without links is on.
    pub(super) fn cover(&self, path: &Path) -> &Piece {
        let over = self.pieces.iter().filter(|piece| inside(path, &piece.at));
        // There is always a root.
        over.max_by_key(|piece| piece.at.as_os_str().len()).unwrap_or(&self.pieces[0])
    }

    /// The path of the host that backs a path without links.
    pub(super) fn backing(&self, path: &Path) -> Option<PathBuf> {
        let piece = self.cover(path);
        let rest = path.strip_prefix(&piece.at).ok()?;
        match &piece.source {
            Source::Host(source) if rest.as_os_str().is_empty() => Some(source.clone()),
            Source::Host(source) => Some(source.join(rest)),
            _ => None,
        }
    }

    /// What is at a path without links.
    pub(super) fn thing(&self, path: &Path, look: Look<'_>) -> Thing {
        let piece = self.cover(path);
        let top = piece.at == path;
        let found = match &piece.source {
            Source::Host(_) => look(path, self.backing(path).as_deref()),
            Source::Cover(directory) if top => {
                let kind = if *directory { Kind::Directory } else { Kind::File };
                Thing { kind, ..Thing::MISSING }
            }
            Source::Memory(mode) if top => Thing::directory(*mode),
            // What the target has made there since: nothing, where the policy alone is asked.
            Source::Memory(_) => look(path, None),
            Source::Cover(_) => Thing::MISSING,
            Source::Devices => device(piece, path, look),
            Source::Kernel => look(path, Some(path)),
        };
        // What something is mounted in is a directory that was made for it.
        let holds = || self.pieces.iter().any(|other| other.at != path && inside(&other.at, path));
        if found.kind == Kind::Missing && holds() { Thing::directory(0o755) } else { found }
    }

    /// Follows a path as the kernel would. `search` tells whether a directory may be searched; `last` whether a link at
    /// the end is followed.
    pub(super) fn walk(&self, path: &Path, last: bool, look: Look<'_>, search: &dyn Fn(&Thing) -> bool) -> Place {
        let mut rest: Vec<PathBuf> = parts(path);
        let (mut at, mut thing) = (PathBuf::from("/"), self.thing(Path::new("/"), look));
        let mut links = 0;
        while let Some(name) = rest.pop() {
            if thing.kind != Kind::Directory {
                return Place::Broken(at, "ENOTDIR");
            }
            if !search(&thing) {
                return Place::Barred(at, thing);
            }
            let next = if name.as_os_str() == ".." {
                at.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf)
            } else {
                at.join(&name)
            };
            let found = self.thing(&next, look);
            match &found.kind {
                Kind::Missing if rest.is_empty() => return Place::Missing(next),
                Kind::Missing => return Place::Broken(next, "ENOENT"),
                Kind::Link(target) if last || !rest.is_empty() => {
                    links += 1;
                    if links > LINKS {
                        return Place::Broken(next, "ELOOP");
                    }
                    rest.extend(parts(target));
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                        thing = self.thing(&at, look);
                    }
                }
                _ => (at, thing) = (next, found),
            }
        }
        Place::Found(at, thing)
    }

    /// A path without links, as the launcher finds it; the path itself where there is nothing.
    pub(super) fn plain(&self, path: &Path, look: Look<'_>) -> Option<PathBuf> {
        match self.walk(path, true, look, &|_| true) {
            Place::Found(path, _) => Some(path),
            _ => None,
        }
    }

    /// Puts a mount on top of everything at and below its place.
    fn put(&mut self, piece: Piece) {
        self.pieces.retain(|old| old.at == Path::new("/") && piece.at != Path::new("/") || !inside(&old.at, &piece.at));
        self.pieces.push(piece);
    }

    /// Where something is mounted: what is there, or where it will be made.
    fn point(&self, path: &Path, look: Look<'_>) -> PathBuf {
        self.plain(path, look).unwrap_or_else(|| path.to_path_buf())
    }

    fn follow(&mut self, op: &MountOp, step: &Step, slots: &mut Vec<Option<Tree>>, look: Look<'_>) {
        let by = step.by.as_slice();
        let mut keep = |slot: usize, tree| {
            if slots.len() <= slot {
                slots.resize(slot + 1, None);
            }
            slots[slot] = tree;
        };
        match op {
            MountOp::Take { slot, source, recursive, limits, .. } => {
                keep(*slot, self.taken(source, *recursive, look, |piece| piece.limit(*limits, by)));
            }
            MountOp::TakeOverlay { slot, source } => {
                keep(*slot, self.taken(source, false, look, |piece| piece.limits.read_only = false));
            }
            MountOp::Enter { slot, .. } => {
                if let Some(tree) = slots.get(*slot).cloned().flatten() {
                    self.attach(tree, Path::new("/"), by);
                }
            }
            MountOp::Attach { slot, path, .. } => {
                if let Some(tree) = slots.get(*slot).cloned().flatten() {
                    self.attach(tree, &self.point(path, look), by);
                }
            }
            MountOp::EnterTmpfs(tmpfs) => self.put(Piece::memory(Path::new("/"), tmpfs, by)),
            MountOp::New { what: New::Tmpfs(tmpfs), path, .. } => {
                self.put(Piece::memory(&self.point(path, look), tmpfs, by));
            }
            MountOp::New { what, path, .. } => {
                let at = self.point(path, look);
                let (source, limits) = match what {
                    New::Cgroup { read_only } => (Source::Kernel, Limits { read_only: *read_only, no_exec: true }),
                    _ => (Source::Kernel, Limits { read_only: false, no_exec: true }),
                };
                self.put(Piece::new(&at, source, limits, by));
            }
            // They are taken before others are made read-only.
            MountOp::TakeDevices { .. } => {
                self.devices = SHOWN.iter().filter_map(|host| self.shown(Path::new(host), look)).collect();
            }
            MountOp::Devices { path } => {
                let limits = Limits { read_only: false, no_exec: true };
                let at = self.point(path, look);
                let trees = std::mem::take(&mut self.devices);
                self.put(Piece::new(&at, Source::Devices, limits, by));
                for tree in trees {
                    let to = tree.from.file_name().map_or_else(|| at.clone(), |name| at.join(name));
                    self.attach(tree, &to, by);
                }
            }
            MountOp::Restrict { path, limits, recursive, .. } => {
                if let Some(at) = self.plain(path, look) {
                    self.restrict(&at, *limits, *recursive, by);
                }
            }
            MountOp::Hide { path, .. } => {
                if let Place::Found(at, thing) = self.walk(path, true, look, &|_| true) {
                    let limits = Limits { read_only: true, no_exec: false };
                    self.put(Piece::new(&at, Source::Cover(thing.kind == Kind::Directory), limits, by));
                }
            }
            MountOp::Hold { path, limits } => {
                if let Some(at) = self.plain(path, look).filter(|at| at != path) {
                    self.restrict(&at, *limits, true, by);
                }
            }
            MountOp::Overlay { .. }
            | MountOp::Secrets { .. }
            | MountOp::Slave
            | MountOp::TakeProc(_)
            | MountOp::Propagate(_)
            | MountOp::Point { .. }
            | MountOp::Uncover { .. }
            | MountOp::Relay { .. }
            | MountOp::Seen { .. }
            | MountOp::Exists { .. } => {}
        }
    }

    /// A directory of the host's /dev that the new one shows as it is: not read-only with it.
    fn shown(&self, host: &Path, look: Look<'_>) -> Option<Tree> {
        let there = self.thing(host, look).kind == Kind::Directory;
        there.then(|| Tree { from: host.to_path_buf(), pieces: self.pieces_at(host, true) })
    }

    /// What is taken from a path, with a change to each of its mounts; nothing where there is nothing.
    fn taken(&self, source: &Path, recursive: bool, look: Look<'_>, change: impl Fn(&mut Piece)) -> Option<Tree> {
        let from = self.plain(source, look)?;
        let mut pieces = self.pieces_at(&from, recursive);
        pieces.iter_mut().for_each(change);
        Some(Tree { from, pieces })
    }

    /// The mounts at and below a path.
    fn pieces_at(&self, at: &Path, recursive: bool) -> Vec<Piece> {
        let mut top = self.cover(at).clone();
        if top.at != at {
            if let Some(source) = self.backing(at) {
                top.source = Source::Host(source);
            }
            top.at = at.to_path_buf();
        }
        let below = self.pieces.iter().filter(|piece| recursive && piece.at != at && inside(&piece.at, at)).cloned();
        std::iter::once(top).chain(below).collect()
    }

    fn attach(&mut self, tree: Tree, at: &Path, by: &[By]) {
        let mut moved = Vec::new();
        for mut piece in tree.pieces {
            let rest = piece.at.strip_prefix(&tree.from).unwrap_or(Path::new("")).to_path_buf();
            piece.at = if rest.as_os_str().is_empty() { at.to_path_buf() } else { at.join(rest) };
            piece.by = by.to_vec();
            moved.push(piece);
        }
        self.pieces.retain(|old| !inside(&old.at, at));
        self.pieces.extend(moved);
    }

    fn restrict(&mut self, at: &Path, limits: Limits, recursive: bool, by: &[By]) {
        if !self.pieces.iter().any(|piece| piece.at == at) {
            let mut own = self.pieces_at(at, false);
            self.pieces.append(&mut own);
        }
        for piece in self.pieces.iter_mut().filter(|piece| piece.at == at || (recursive && inside(&piece.at, at))) {
            piece.limit(limits, by);
        }
    }
}

impl Piece {
    fn new(at: &Path, source: Source, limits: Limits, by: &[By]) -> Self {
        let own = |is: bool| if is { by.to_vec() } else { Vec::new() };
        let (read_only_by, no_exec_by) = (own(limits.read_only), own(limits.no_exec));
        Self { at: at.to_path_buf(), source, limits, by: by.to_vec(), read_only_by, no_exec_by }
    }

    fn memory(at: &Path, tmpfs: &Tmpfs, by: &[By]) -> Self {
        let limits = Limits { read_only: tmpfs.read_only, no_exec: tmpfs.no_exec };
        Self::new(at, Source::Memory(tmpfs.mode), limits, by)
    }

    fn limit(&mut self, limits: Limits, by: &[By]) {
        if limits.read_only && !self.limits.read_only {
            self.read_only_by = by.to_vec();
        }
        if limits.no_exec && !self.limits.no_exec {
            self.no_exec_by = by.to_vec();
        }
        self.limits.read_only |= limits.read_only;
        self.limits.no_exec |= limits.no_exec;
    }
}

/// What is at a path of the new /dev.
fn device(piece: &Piece, path: &Path, look: Look<'_>) -> Thing {
    let Ok(rest) = path.strip_prefix(&piece.at) else { return Thing::MISSING };
    let mut parts = rest.components();
    match (parts.next(), parts.next()) {
        (None, _) => Thing::directory(0o755),
        (Some(first), None) if matches!(first.as_os_str().to_str(), Some("shm" | "mqueue")) => Thing::directory(0o1777),
        (Some(first), _) if DEVICES.iter().any(|name| first.as_os_str() == *name) => {
            look(path, Some(&Path::new("/dev").join(rest)))
        }
        _ => Thing::MISSING,
    }
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let named = |part: Component<'_>| match part {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        _ => None,
    };
    path.components().rev().filter_map(named).collect()
}

/// Whether a caller of the host's stands in a user namespace of its own; see [`Host::privileged`].
pub(super) fn in_own_namespace(plan: &Plan, host: &Host) -> bool {
    !host.privileged() && plan.steps.iter().any(|step| matches!(step.op, Op::MapIds(_)))
        || plan.steps.iter().any(|step| matches!(step.op, Op::Users(_)))
}
