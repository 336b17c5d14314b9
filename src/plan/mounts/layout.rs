//! Nodes become steps: what is dropped, what is restricted where it is, what is copied and put
//! back, and in which order.

use std::path::{Path, PathBuf};

use caps::Capability;

use crate::draft::By;
use crate::draft::mounts::{Bind, Tmpfs};
use crate::fault::{Exit, Fault};

use super::view::{Content, Node, inside};
use crate::plan::mounts::{Limits, Missing, MountOp, New};
use crate::plan::op::Op;
use crate::plan::order::Phase;
use crate::plan::{Planner, secrets};

/// The first Linux that copies detached mounts.
const COPIES_DETACHED: (u32, u32) = (6, 15);

/// What of a private /dev there is.
pub(in crate::plan) const DEVICES: &[&str] = &[
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty",
    "ptmx",
    "pts",
    "shm",
    "mqueue",
    "hugepages",
    "log",
    "fd",
    "stdin",
    "stdout",
    "stderr",
];

/// What becomes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Nothing: it is so already.
    Nothing,
    /// Nothing: whatever its path is, the target sees nothing there.
    Gone,
    /// It is so already, if it exists.
    Exists,
    /// It gets stricter where it is.
    Restrict,
    /// It is copied before, and put back.
    Keep(usize),
    /// Something new is put there.
    New,
    /// It is covered.
    Hide,
}

/// Everything between one new thing and the next below it; what must be kept in it is copied
/// before anything in it is restricted.
#[derive(Debug)]
struct Domain {
    kind: Kind,
    /// Nodes to copy before.
    keeps: Vec<usize>,
    /// Nodes whose mount point may have to be made before.
    points: Vec<usize>,
    /// Whether anything is in it.
    used: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A tree of the host.
    Tree,
    /// An empty file system.
    Empty,
    /// A private /dev.
    Devices,
    /// One that the kernel fills.
    Kernel,
}

/// The place of a node.
#[derive(Clone, Copy, Debug)]
struct Place {
    role: Role,
    limits: Limits,
    /// The domain that it is in, or that it opens.
    domain: usize,
    slot: usize,
    missing: Missing,
    /// Whether what it is in may turn out not to be there, and then restricts nothing.
    unsure: bool,
}

/// The planning of one view.
pub(super) struct Layout<'a, 'b> {
    planner: &'a mut Planner<'b>,
    nodes: Vec<Node>,
    places: Vec<Place>,
    domains: Vec<Domain>,
    slots: usize,
}

impl<'a, 'b> Layout<'a, 'b> {
    pub(super) fn new(planner: &'a mut Planner<'b>, nodes: Vec<Node>) -> Self {
        let root = Domain { kind: Kind::Tree, keeps: Vec::new(), points: Vec::new(), used: false };
        let places = Vec::with_capacity(nodes.len());
        let mut layout = Self { planner, nodes, places, domains: vec![root], slots: 0 };
        // The nodes around the present one, the outermost first.
        let mut around: Vec<usize> = Vec::new();
        for index in 0..layout.nodes.len() {
            let path = layout.nodes[index].path.clone();
            while around.pop_if(|outer| !inside(&path, &layout.nodes[*outer].path)).is_some() {}
            let place = layout.place(index, around.last().copied());
            layout.places.push(place);
            if !matches!(place.role, Role::Nothing | Role::Gone | Role::Exists) {
                around.push(index);
            }
        }
        layout
    }

    /// Decides what becomes of a node inside another.
    fn place(&mut self, index: usize, outer: Option<usize>) -> Place {
        let (limits, domain) = outer.map_or((Limits::NONE, 0), |at| (self.places[at].limits, self.places[at].domain));
        let unsure = outer.is_some_and(|at| self.places[at].unsure);
        let nothing = Place { role: Role::Nothing, limits, domain, slot: 0, missing: Missing::Fail, unsure };
        let gone = Place { role: Role::Gone, ..nothing };
        if let Some(outer) = outer.filter(|outer| self.nodes[*outer].content == Content::Hidden) {
            let (node, outer) = (&self.nodes[index], &self.nodes[outer]);
            if node.granted || !matches!(node.content, Content::Same | Content::Hidden) {
                let text = format!(
                    "{}: {} has no effect, as {} is hidden by {}",
                    node.path.display(),
                    node.who(),
                    outer.path.display(),
                    outer.who()
                );
                self.planner.notes.push(text);
            }
            return gone;
        }
        self.domains[domain].used = true;
        let kind = self.domains[domain].kind;
        let absent = self.absent(index, outer, kind);
        let node = &mut self.nodes[index];
        let no_exec = node.no_exec.unwrap_or(limits.no_exec);
        match node.content {
            Content::Hidden if absent => return gone,
            Content::Hidden => return Place { role: Role::Hide, ..nothing },
            Content::Same if absent => {
                // Nothing is there to restrict. Only what was asked for by name to be writable is brought in.
                if !node.granted || node.optional || self.planner.draft.root.is_some() {
                    return gone;
                }
                let bind = Bind { source: node.path.clone(), recursive: true, read_only: node.read_only == Some(true) };
                node.content = Content::Bind(bind);
            }
            Content::Same => return self.same(index, limits, nothing),
            _ => {}
        }
        let node = &self.nodes[index];
        let read_only = node.read_only.unwrap_or(node.carried && limits.read_only);
        let own = Limits { read_only, no_exec };
        let opens = match &node.content {
            Content::Bind(_) | Content::Layers(_) => Kind::Tree,
            Content::Devices => Kind::Devices,
            Content::Tmpfs(_) | Content::Credentials => Kind::Empty,
            _ => Kind::Kernel,
        };
        let missing = match &node.content {
            Content::Bind(_) if node.carried => Missing::Skip,
            Content::Bind(_) | Content::Credentials => Missing::Make,
            Content::Layers(_) => Missing::Skip,
            _ if node.optional && kind == Kind::Tree => Missing::Skip,
            _ if kind == Kind::Kernel => Missing::Fail,
            _ => Missing::Make,
        };
        // What is mounted onto itself is there, unless this is not the host's tree.
        let onto_itself = domain == 0 && matches!(&node.content, Content::Bind(bind) if bind.source == node.path);
        if missing == Missing::Make && limits.read_only && kind == Kind::Tree && !onto_itself {
            self.domains[domain].points.push(index);
        }
        let slot = self.slots;
        self.slots += usize::from(matches!(node.content, Content::Bind(_)));
        self.domains.push(Domain { kind: opens, keeps: Vec::new(), points: Vec::new(), used: false });
        let unsure = unsure || self.nodes[index].is_unsure();
        Place { role: Role::New, limits: own, domain: self.domains.len() - 1, slot, missing, unsure }
    }

    /// Whether there cannot be anything at the node's path, as it is in something new.
    fn absent(&self, index: usize, outer: Option<usize>, kind: Kind) -> bool {
        match (kind, outer) {
            (Kind::Empty, _) => true,
            (Kind::Devices, Some(outer)) => {
                let inside = self.nodes[index].path.strip_prefix(&self.nodes[outer].path);
                let first = inside.ok().and_then(|inside| inside.components().next());
                !first.is_some_and(|first| DEVICES.iter().any(|name| first.as_os_str() == *name))
            }
            _ => false,
        }
    }

    /// Decides about a node that leaves in place what is there.
    fn same(&mut self, index: usize, outer: Limits, nothing: Place) -> Place {
        let node = &mut self.nodes[index];
        let limits = Limits {
            read_only: node.read_only.unwrap_or(outer.read_only),
            no_exec: node.no_exec.unwrap_or(outer.no_exec),
        };
        if limits == outer && nothing.unsure && asked(node) != Limits::NONE {
            node.optional |= node.read_only == Some(true) && node.no_exec.is_none();
            return Place { role: Role::Restrict, limits, ..nothing };
        }
        if limits == outer {
            // As in systemd (drop_nop() in src/core/namespace.c) nobody looks for what is to be read-only in something that
            // is: a unit with ProtectSystem=strict can name what is not installed.
            let idle = node.read_only == Some(true) && node.no_exec.is_none();
            let role = if node.optional || idle { Role::Nothing } else { Role::Exists };
            return Place { role: if node.path == Path::new("/") { Role::Nothing } else { role }, ..nothing };
        }
        if limits.covers(outer) {
            return Place { role: Role::Restrict, limits, ..nothing };
        }
        let slot = self.slots;
        self.slots += 1;
        self.domains[nothing.domain].keeps.push(index);
        Place { role: Role::Keep(slot), limits, slot, ..nothing }
    }

    /// Writes the steps.
    pub(super) fn emit(mut self) {
        if !self.new_root() {
            self.open_domain(0, Phase::Take);
        }
        let (mut hidden, mut held) = (Vec::new(), Vec::new());
        for index in 0..self.nodes.len() {
            let (place, node) = (self.places[index], &self.nodes[index]);
            let (path, optional) = (node.path.clone(), node.optional);
            if self.leads_out(index) {
                held.push(index);
            }
            match place.role {
                Role::Nothing | Role::Gone => {}
                Role::Exists => self.step(Phase::Mounts, MountOp::Exists { path }, index),
                Role::Restrict => {
                    let mounted = self.mounted(&path);
                    let op = MountOp::Restrict { path, limits: place.limits, recursive: true, mounted, optional };
                    self.step(Phase::Mounts, op, index);
                }
                Role::Keep(slot) => {
                    let missing = if optional { Missing::Skip } else { Missing::Fail };
                    self.step(Phase::Mounts, MountOp::Attach { slot, source: path.clone(), path, missing }, index);
                }
                Role::New => self.emit_new(index),
                Role::Hide => hidden.push(index),
            }
        }
        // Last, so that a path that leads here by a symlink into something mounted meanwhile is restricted and covered too.
        for index in held {
            let (path, limits) = (self.nodes[index].path.clone(), asked(&self.nodes[index]));
            self.step(Phase::Mounts, MountOp::Hold { path, limits }, index);
        }
        let bound: Vec<usize> = (0..self.nodes.len()).filter(|index| self.can_be_covered(*index)).collect();
        if !bound.is_empty() {
            let trees = bound.iter().map(|index| (self.nodes[*index].path.clone(), self.places[*index].slot)).collect();
            let by = bound.iter().flat_map(|index| self.nodes[*index].by.clone()).collect();
            self.planner.step(Phase::Mounts, Op::Mount(MountOp::Seen { trees }), by);
        }
        let attach = self.planner.host.release < COPIES_DETACHED;
        for index in &hidden {
            let node = &self.nodes[*index];
            if node.path == Path::new("/") {
                self.fault(*index, "the root cannot be hidden");
                continue;
            }
            let op = MountOp::Hide { path: node.path.clone(), optional: node.optional, attach };
            self.step(Phase::Mounts, op, *index);
        }
        if let Some(last) = hidden.last() {
            let under = self.own_mount();
            self.step(Phase::Mounts, MountOp::Uncover { under }, *last);
        }
    }

    /// Whether a symlink at or in the path of a node that only restricts could lead to where it would not hold: out of
    /// a tree that is as strict already, or into something that is mounted later.
    fn leads_out(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        if node.content != Content::Same || asked(node) == Limits::NONE {
            return false;
        }
        match self.places[index].role {
            // The whole root is restricted before anything in it.
            _ if node.path == Path::new("/") => false,
            // The kernel's links lead to nothing that a policy mounts.
            _ if ["/proc", "/sys"].iter().any(|kernels| node.path.starts_with(kernels)) => false,
            Role::Nothing | Role::Exists => true,
            Role::Restrict | Role::Keep(_) => {
                let mut later = self.nodes.iter().zip(&self.places).skip(index + 1);
                later.any(|(other, place)| {
                    matches!(place.role, Role::New | Role::Keep(_)) && !inside(&other.path, &node.path)
                })
            }
            Role::Gone | Role::New | Role::Hide => false,
        }
    }

    /// Whether something that the policy brings in could be covered by a later mount, where a symlink leads from one to
    /// the other. What comes later and is inside belongs there.
    fn can_be_covered(&self, index: usize) -> bool {
        let (node, place) = (&self.nodes[index], &self.places[index]);
        let bound = place.role == Role::New && matches!(node.content, Content::Bind(_)) && !node.carried;
        // Another one for the same path belongs there.
        let covered = self.nodes.get(index + 1).is_some_and(|next| next.path == node.path);
        let mut later = self.nodes.iter().zip(&self.places).skip(index + 1);
        bound
            && !covered
            && node.path != Path::new("/")
            && later.any(|(other, place)| place.role == Role::New && !other.carried && !inside(&other.path, &node.path))
    }

    fn new_root(&self) -> bool {
        self.nodes[0].path == Path::new("/") && self.places[0].role == Role::New
    }

    /// A directory on which this plan mounts something for certain.
    fn own_mount(&self) -> Option<PathBuf> {
        let certain = |(node, place): (&Node, &Place)| match place.role {
            Role::New => !matches!(node.content, Content::Bind(_)) && place.missing != Missing::Skip,
            Role::Restrict => node.path == Path::new("/proc/sys"),
            Role::Keep(_) => node.path == Path::new("/proc"),
            _ => false,
        };
        let mut own = self.nodes.iter().zip(&self.places).filter(|(node, _)| node.path != Path::new("/"));
        own.find(|pair| certain(*pair)).map(|(node, _)| node.path.clone())
    }

    /// Something new, and what must be done in it before what is below follows.
    fn emit_new(&mut self, index: usize) {
        let Place { limits, domain, slot, missing, .. } = self.places[index];
        let used = self.domains[domain].used;
        let path = self.nodes[index].path.clone();
        let root = path == Path::new("/");
        match self.nodes[index].content.clone() {
            Content::Bind(bind) => {
                let early = if used { Limits::NONE } else { limits };
                let Bind { source, recursive, .. } = bind;
                let optional = self.nodes[index].optional;
                let take = match root.then_some(self.planner.draft.ephemeral.as_ref()).flatten() {
                    Some(asked) => {
                        self.nodes[index].by.push(asked.by.clone());
                        MountOp::TakeOverlay { slot, source: source.clone() }
                    }
                    None => MountOp::Take { slot, source: source.clone(), recursive, limits: early, optional },
                };
                self.step(Phase::Take, take, index);
                if root {
                    self.step(Phase::Root, MountOp::Enter { slot, source }, index);
                } else {
                    self.step(Phase::Mounts, MountOp::Attach { slot, source, path: path.clone(), missing }, index);
                }
                self.open_domain(domain, if root { Phase::Root } else { Phase::Mounts });
                if used && limits != Limits::NONE {
                    let op = MountOp::Restrict { path, limits, recursive: true, mounted: true, optional };
                    self.step(Phase::Mounts, op, index);
                }
            }
            Content::Tmpfs(mut tmpfs) => {
                tmpfs.no_exec |= limits.no_exec;
                tmpfs.read_only = limits.read_only && !used;
                if root {
                    self.step(Phase::Root, MountOp::EnterTmpfs(tmpfs), index);
                } else {
                    let op = MountOp::New { what: New::Tmpfs(tmpfs), path: path.clone(), missing };
                    self.step(Phase::Mounts, op, index);
                }
                if limits.read_only && used {
                    self.close(index, path, missing == Missing::Skip);
                }
            }
            Content::Devices if !root => {
                let make = self.planner.host.effective.has(Capability::CAP_MKNOD);
                let own_queue = path.join("mqueue");
                let mqueue = !self.nodes.iter().any(|node| node.content == Content::Mqueue && node.path == own_queue);
                self.step(Phase::Take, MountOp::TakeDevices { make, mqueue }, index);
                self.step(Phase::Mounts, MountOp::Devices { path: path.clone() }, index);
                if limits != Limits::NONE {
                    let (path, optional) = (path.clone(), false);
                    let op = MountOp::Restrict { path, limits, recursive: true, mounted: true, optional };
                    self.step(Phase::Mounts, op, index);
                }
                self.close(index, path, false);
            }
            Content::Credentials if !root => self.emit_secrets(index, path),
            Content::Layers(layers) if !root => {
                let op = MountOp::Overlay { layers, path: path.clone() };
                self.step(Phase::Mounts, op, index);
                self.open_domain(domain, Phase::Mounts);
                if limits != Limits::NONE {
                    let op = MountOp::Restrict { path, limits, recursive: true, mounted: true, optional: true };
                    self.step(Phase::Mounts, op, index);
                }
            }
            content if !root => self.emit_kernel(index, &content, path, limits, missing),
            _ => self.fault(index, "this cannot be the root"),
        }
    }

    /// A file system in memory with the secrets in it, which nobody can change afterwards.
    fn emit_secrets(&mut self, index: usize, path: PathBuf) {
        let mut options = vec!["size=1m".into(), "nr_inodes=1k".into()];
        // Only the host's root may keep memory from being swapped (Linux 6.4).
        if self.planner.host.privileged() && self.planner.host.release >= (6, 4) {
            options.push("noswap".into());
        }
        let tmpfs = Tmpfs { mode: 0o700, options, read_only: false, no_exec: true, no_suid: true, no_dev: true };
        let op = MountOp::New { what: New::Tmpfs(tmpfs), path: path.clone(), missing: Missing::Make };
        self.step(Phase::Mounts, op, index);
        let (files, owner) = secrets::files(self.planner);
        self.step(Phase::Mounts, MountOp::Secrets { path: path.clone(), files, owner }, index);
        self.close(index, path, false);
    }

    /// A file system that the kernel fills.
    fn emit_kernel(&mut self, index: usize, content: &Content, path: PathBuf, limits: Limits, missing: Missing) {
        let what = match content {
            Content::Proc(proc) => New::Proc(*proc),
            Content::Sysfs => New::Sysfs,
            Content::Bpf => New::Bpf,
            Content::Cgroup => New::Cgroup { read_only: limits.read_only },
            _ => New::Mqueue,
        };
        let restrict = limits.read_only && !matches!(what, New::Cgroup { .. });
        if let New::Proc(proc) = what
            && self.new_root()
        {
            self.step(Phase::Take, MountOp::TakeProc(proc), index);
        }
        self.step(Phase::Mounts, MountOp::New { what, path: path.clone(), missing }, index);
        let domain = self.places[index].domain;
        self.open_domain(domain, Phase::Mounts);
        if restrict {
            let limits = Limits { no_exec: false, ..limits };
            let optional = missing == Missing::Skip;
            let op = MountOp::Restrict { path, limits, recursive: true, mounted: true, optional };
            self.step(Phase::Mounts, op, index);
        }
    }

    /// Read-only after everything below is in place; nothing mounted below is touched.
    fn close(&mut self, index: usize, path: PathBuf, optional: bool) {
        let limits = Limits { read_only: true, no_exec: false };
        let op = MountOp::Restrict { path, limits, recursive: false, mounted: true, optional };
        self.step(Phase::Attributes, op, index);
    }

    /// Copies what must be kept and makes missing mount points, before anything is restricted.
    fn open_domain(&mut self, domain: usize, phase: Phase) {
        for index in std::mem::take(&mut self.domains[domain].keeps) {
            let (place, node) = (self.places[index], &self.nodes[index]);
            let (source, optional) = (node.path.clone(), node.optional);
            let take = MountOp::Take { slot: place.slot, source, recursive: true, limits: place.limits, optional };
            self.step(phase, take, index);
        }
        for index in std::mem::take(&mut self.domains[domain].points) {
            let slot = matches!(self.nodes[index].content, Content::Bind(_)).then_some(self.places[index].slot);
            let path = self.nodes[index].path.clone();
            self.step(Phase::Mounts, MountOp::Point { path, slot }, index);
        }
    }

    /// Whether a path is a mount point for all that is known; a wrong guess costs a system call.
    fn mounted(&self, path: &Path) -> bool {
        let usual = ["/", "/sys", "/proc", "/dev"].iter().any(|usual| path == Path::new(usual));
        usual || self.planner.host.points.iter().any(|point| point == path)
    }

    fn step(&mut self, phase: Phase, op: MountOp, index: usize) {
        let by: Vec<By> = self.nodes[index].by.clone();
        self.planner.step(phase, Op::Mount(op), by);
    }

    fn fault(&mut self, index: usize, message: &str) {
        let by = &self.nodes[index].by[0];
        let mut fault = Fault::new(message).exit(Exit::Config).label(format!("asked for by {}", by.directive));
        fault.origin.clone_from(&by.origin);
        self.planner.faults.push(fault);
    }
}

/// What a node forbids by its own words.
fn asked(node: &Node) -> Limits {
    Limits { read_only: node.read_only == Some(true), no_exec: node.no_exec == Some(true) }
}
