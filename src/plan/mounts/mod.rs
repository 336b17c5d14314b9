//! What can be done to the file system, and how wishes about paths become a sequence of it.
//!
//! Mounts are made in place, in a mount namespace of their own. Only RootDirectory and a
//! TemporaryFileSystem on `/` make a new root. Whatever must stay as it is below something that
//! gets restricted is copied before (`Take`) and put back on top (`Attach`): so restrictions are
//! never lifted, and nothing gains a right that it has not outside.
//!
//! In: wishes about paths. Out: [`MountOp`]s. `view` makes nodes of the wishes, one for each path; `layout` makes steps
//! of the nodes; `sysfs` knows where there is no new one.

pub(super) mod layout;
mod sysfs;
pub(super) mod view;

use std::fmt;
use std::path::PathBuf;

use caps::Capability;

use crate::draft::By;
use crate::draft::attributes::Secret;
use crate::draft::mounts::{Bind, MountAsk, Proc, Propagation, Tmpfs, View};
use crate::draft::namespaces::Namespace;
use crate::fault::Exit;

use super::op::Op;
use super::order::Phase;
use super::{Planner, Shortfall, companion, directories, places, secrets, service, target};
use layout::Layout;
use view::Wish;

/// One operation on the file system. Paths are the target's unless they are said to be the
/// host's. Slots are numbered from 0 and hold detached mount trees between a `Take` and its `Attach`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountOp {
    /// Makes every mount of the new namespace a slave of the host's, so that nothing leaks back.
    /// Not needed in a new user namespace, where the kernel does it (mount_namespaces(7)).
    Slave,
    /// Copies a mount tree, detached, with these further restrictions.
    Take {
        /// Where to keep it.
        slot: usize,
        /// The path to copy.
        source: PathBuf,
        /// With everything mounted below it.
        recursive: bool,
        /// Restrictions of the copy.
        limits: Limits,
        /// Whether a missing source leaves the slot empty.
        optional: bool,
    },
    /// Builds a new /dev, detached: a tmpfs, the pseudo devices, copies of the host's terminals
    /// and shared memory.
    TakeDevices {
        /// Whether device nodes can be made (CAP_MKNOD); elsewhere, and where it is refused, the host's are mounted.
        make: bool,
        /// Whether the host's /dev/mqueue is shown.
        mqueue: bool,
    },
    /// Makes a new /proc, detached, before the root changes: without privileges the kernel gives one only to who sees
    /// a whole one (mount_namespaces(7)), and a new root shows none.
    TakeProc(Proc),
    /// Copies a mount whose changes go to memory: an overlay of a new tmpfs over it.
    TakeOverlay {
        /// Where to keep it.
        slot: usize,
        /// The directory; mounted over in this namespace only.
        source: PathBuf,
    },
    /// Lays directories over one, read-only.
    Overlay {
        /// Directories of the host, the last on top, in which those to lay over are; each with whether it may be missing.
        layers: Vec<(PathBuf, bool)>,
        /// What they are laid over.
        path: PathBuf,
    },
    /// Writes secrets to a file system, which only their owner can read.
    Secrets {
        /// Where it is mounted.
        path: PathBuf,
        /// The secrets.
        files: Vec<SecretFile>,
        /// The user and group of the target; nothing leaves them the caller's.
        owner: Option<(u32, u32)>,
    },
    /// Sets the propagation of all mounts.
    Propagate(Propagation),
    /// Makes a taken tree the root; the old root cannot be reached any more.
    Enter {
        /// Where it was kept.
        slot: usize,
        /// What was taken, to be told to a reader.
        source: PathBuf,
    },
    /// Makes a new, empty file system in memory the root.
    EnterTmpfs(Tmpfs),
    /// Makes a mount point, before what it is in becomes read-only.
    Point {
        /// Where.
        path: PathBuf,
        /// The tree that will be mounted, which may be a directory or a file; nothing for a directory.
        slot: Option<usize>,
    },
    /// Mounts a taken tree; does nothing if the slot is empty.
    Attach {
        /// Where it was kept.
        slot: usize,
        /// What was taken, to be told to a reader.
        source: PathBuf,
        /// Where it goes.
        path: PathBuf,
        /// What to do where the mount point is missing.
        missing: Missing,
    },
    /// Mounts a new file system.
    New {
        /// Which.
        what: New,
        /// Where.
        path: PathBuf,
        /// What to do where the mount point is missing.
        missing: Missing,
    },
    /// Mounts the /dev that was built.
    Devices {
        /// Where.
        path: PathBuf,
    },
    /// Restricts everything at and below a path.
    Restrict {
        /// Where.
        path: PathBuf,
        /// How.
        limits: Limits,
        /// With everything mounted below it.
        recursive: bool,
        /// Whether it is probably a mount point already, which can be restricted in place.
        mounted: bool,
        /// Whether a missing path is fine.
        optional: bool,
    },
    /// Covers a path by a directory or file without permissions.
    Hide {
        /// Where.
        path: PathBuf,
        /// Whether a missing path is fine.
        optional: bool,
        /// Whether copies can be made only of attached mounts (before Linux 6.15).
        attach: bool,
    },
    /// Leaves nothing of what covers were made from but the covers.
    Uncover {
        /// A directory on which this plan mounts something: there the rest can be put out of sight,
        /// which is quicker than giving it up.
        under: Option<PathBuf>,
    },
    /// Puts the launcher's socket in the place of the service manager's; does nothing where that cannot be seen.
    Relay {
        /// Where.
        path: PathBuf,
    },
    /// Fails if there is nothing at the path.
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Restricts what a path leads to by a symlink, which need not be where the path is restricted; nothing without one.
    Hold {
        /// Where.
        path: PathBuf,
        /// Restrictions.
        limits: Limits,
    },
    /// Fails if a mount that came after has covered a taken tree, where a symlink can have led it.
    Seen {
        /// Where the trees were mounted, and where they were kept.
        trees: Vec<(PathBuf, usize)>,
    },
}

/// One secret and where it may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// The file's name.
    pub name: String,
    /// Sources; the first that is there is taken.
    pub sources: Vec<Secret>,
    /// Whether one must be there.
    pub required: bool,
}

/// What is forbidden on a mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Writing.
    pub read_only: bool,
    /// Execution.
    pub no_exec: bool,
}

impl Limits {
    /// Nothing is forbidden.
    pub const NONE: Self = Self { read_only: false, no_exec: false };

    /// Whether everything that `other` forbids is forbidden.
    pub fn covers(self, other: Self) -> bool {
        self.read_only >= other.read_only && self.no_exec >= other.no_exec
    }
}

/// What to do about a mount point that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Fail.
    Fail,
    /// Go on without.
    Skip,
    /// Make it, and the directories that it is in.
    Make,
}

/// A new file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum New {
    /// In memory.
    Tmpfs(Tmpfs),
    /// Of processes.
    Proc(Proc),
    /// Of devices and the network, if one can be had; the old one stays elsewhere.
    Sysfs,
    /// Of POSIX message queues.
    Mqueue,
    /// Of BPF objects.
    Bpf,
    /// Of control groups.
    Cgroup {
        /// Whether nothing can be written.
        read_only: bool,
    },
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.read_only, self.no_exec) {
            (true, true) => "read-only and noexec",
            (true, false) => "read-only",
            (false, true) => "noexec",
            (false, false) => "unrestricted",
        })
    }
}

impl fmt::Display for New {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tmpfs(_) => f.write_str("tmpfs"),
            Self::Proc(_) => f.write_str("procfs"),
            Self::Sysfs => f.write_str("sysfs"),
            Self::Mqueue => f.write_str("mqueue"),
            Self::Bpf => f.write_str("bpf"),
            Self::Cgroup { .. } => f.write_str("cgroup2"),
        }
    }
}

/// The options in brackets behind a mount.
fn options(what: &New) -> String {
    let mut words = Vec::new();
    match what {
        New::Tmpfs(tmpfs) => {
            words.push(format!("{:04o}", tmpfs.mode));
            let flags = [
                (tmpfs.read_only, "ro"),
                (tmpfs.no_suid, "nosuid"),
                (tmpfs.no_dev, "nodev"),
                (tmpfs.no_exec, "noexec"),
            ];
            words.extend(flags.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()));
            words.extend(tmpfs.options.iter().cloned());
        }
        New::Proc(proc) => {
            words.extend(proc.hidepid.map(|word| format!("hidepid={word}")));
            words.extend(proc.subset_pid.then(|| "subset=pid".into()));
        }
        New::Bpf | New::Sysfs | New::Mqueue => {}
        New::Cgroup { read_only } => words.extend(read_only.then(|| "ro".into())),
    }
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

/// As `stockade explain` prints it.
impl fmt::Display for MountOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = |recursive: bool| if recursive { ", recursively" } else { "" };
        match self {
            Self::Slave => f.write_str("keep mounts from propagating to the host"),
            Self::Take { source, recursive, limits, .. } if *limits == Limits::NONE => {
                write!(f, "take a copy of {}{}", source.display(), below(*recursive))
            }
            Self::Take { source, recursive, limits, .. } => {
                write!(f, "take a {limits} copy of {}{}", source.display(), below(*recursive))
            }
            Self::TakeDevices { .. } => f.write_str("build a /dev with pseudo devices only"),
            Self::TakeProc(proc) => write!(f, "make a procfs{}", options(&New::Proc(*proc))),
            Self::TakeOverlay { source, .. } => {
                write!(f, "take a copy of {} whose changes go to memory", source.display())
            }
            Self::Overlay { layers, path } => {
                let names: Vec<String> = layers.iter().map(|(layer, _)| layer.display().to_string()).collect();
                write!(f, "lay what {} have over {}", names.join(", "), path.display())
            }
            Self::Secrets { path, files, owner } => {
                let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
                write!(f, "write credentials to {} (0400): {}", path.display(), names.join(", "))?;
                owner.map_or(Ok(()), |(uid, gid)| write!(f, ", owned by {uid}:{gid}"))
            }
            Self::Propagate(Propagation::Shared) => f.write_str("share mounts with namespaces that the target makes"),
            Self::Propagate(Propagation::Slave) => f.write_str("let the host's mounts arrive"),
            Self::Propagate(Propagation::Private) => f.write_str("keep all mounts from passing between namespaces"),
            Self::Enter { source, .. } => write!(f, "make {} the root", source.display()),
            Self::EnterTmpfs(tmpfs) => write!(f, "make a tmpfs the root{}", options(&New::Tmpfs(tmpfs.clone()))),
            Self::Point { path, .. } => write!(f, "make the mount point {}", path.display()),
            Self::Attach { source, path, .. } => {
                write!(f, "mount the copy of {} on {}", source.display(), path.display())
            }
            Self::New { what, path, .. } => write!(f, "mount {what} on {}{}", path.display(), options(what)),
            Self::Devices { path } => write!(f, "mount the built /dev on {}", path.display()),
            Self::Restrict { path, limits, recursive, .. } => {
                write!(f, "make {} {limits}{}", path.display(), below(*recursive))
            }
            Self::Hide { path, .. } => write!(f, "cover {} by something without permissions", path.display()),
            Self::Uncover { .. } => f.write_str("put away what the covers were made from"),
            Self::Relay { path } => write!(f, "mount the launcher's socket on {}", path.display()),
            Self::Seen { trees } => {
                let shown: Vec<String> = trees.iter().take(3).map(|(path, _)| path.display().to_string()).collect();
                let more = trees.len().saturating_sub(shown.len());
                write!(f, "check that nothing mounted since covers {}", shown.join(", "))?;
                if more == 0 { Ok(()) } else { write!(f, " and {more} more") }
            }
            Self::Exists { path } => write!(f, "check that {} exists", path.display()),
            Self::Hold { path, limits } => {
                write!(f, "make {} {limits}, recursively, if a symlink leads there from elsewhere", path.display())
            }
        }
    }
}

/// Plans the view of the file system.
pub(crate) fn plan(planner: &mut Planner<'_>) {
    let mut wishes = wishes(planner);
    wishes.extend(secrets::wish(planner));
    wishes.extend(directories::restricted(planner));
    let privileged = planner.host.privileged();
    if wishes.is_empty() {
        // A namespace with nothing in it changed must not pass its mounts on either.
        let asked = planner.draft.namespaces.iter().find(|asked| asked.what == Namespace::Mnt);
        if let Some(by) = asked.filter(|_| privileged).map(|asked| asked.by.clone()) {
            planner.step(Phase::Take, Op::Mount(MountOp::Slave), vec![by]);
        }
        propagate(planner);
        return;
    }
    wishes.extend(directories::writable(planner));
    if planner.draft.root.is_some() && planner.draft.api_file_systems.as_ref().is_none_or(|asked| asked.what) {
        api_file_systems(planner, &mut wishes);
    }
    let hidden = secrets::hidden(planner, &wishes);
    wishes.extend(hidden);
    carry_over(planner, &mut wishes);
    let service = service::wishes(planner.host, &wishes);
    wishes.extend(service);
    let first = wishes[0].by.clone();
    planner.namespaces.push((Namespace::Mnt, first.clone()));
    if privileged {
        planner.step(Phase::Take, Op::Mount(MountOp::Slave), vec![first]);
    }
    let nodes = view::merge(wishes, &mut planner.notes);
    sysfs::tell(planner, &nodes);
    Layout::new(planner, nodes).emit();
    propagate(planner);
}

/// Last, so that nothing above is passed on.
fn propagate(planner: &mut Planner<'_>) {
    if let Some(asked) = &planner.draft.propagation {
        planner.step(Phase::Attributes, Op::Mount(MountOp::Propagate(asked.what)), vec![asked.by.clone()]);
    }
}

/// The draft's wishes, their paths made those of the target's world.
fn wishes(planner: &mut Planner<'_>) -> Vec<Wish> {
    let draft = planner.draft;
    let mut wishes = Vec::with_capacity(draft.mounts.len() + 8);
    let root = draft.root.as_ref().and_then(|asked| {
        let source = expanded(planner, &asked.what, &asked.by)?;
        let view = View::Bind(Bind { source: source.clone(), recursive: true, read_only: false });
        wishes.push(Wish { path: "/".into(), view, optional: false, carried: false, by: asked.by.clone() });
        Some(source)
    });
    for asked in &draft.mounts {
        let MountAsk { path, view, optional, rooted } = &asked.what;
        let own = companion::wanted(draft) || planner.host.effective.has(Capability::CAP_SYS_ADMIN);
        if matches!(view, View::Proc(_)) && !own {
            planner.short(no_new_proc(&asked.by));
            continue;
        }
        if *view == View::Bpf && !planner.host.privileged() {
            planner.short(Shortfall {
                by: asked.by.clone(),
                missing: "a BPF file system cannot be mounted".into(),
                reason: "in a user namespace that takes a manager outside it, who creates it".into(),
                remedy: format!("start stockade as root, or leave {} out", asked.by.directive),
                exit: Exit::Bpf,
            });
            continue;
        }
        let link = planner.host.links.iter().find(|(written, _)| written == path).map(|(_, real)| real.clone());
        let Some(mut path) = link.or_else(|| expanded(planner, path, &asked.by)) else { continue };
        let mut view = view.clone();
        if let View::Bind(bind) = &mut view {
            let Some(source) = expanded(planner, &bind.source, &asked.by) else { continue };
            bind.source = source;
        }
        if let View::Layers(layers) = &mut view {
            if root.is_some() {
                let fault = target::at(&asked.by, "layers cannot be laid over another root in this version".into());
                planner.faults.push(fault.help("lay them over RootDirectory before stockade starts"));
                continue;
            }
            let expanded = |layer: &mut (PathBuf, bool)| {
                expanded(planner, &layer.0, &asked.by).map(|path| layer.0 = path).is_some()
            };
            if !layers.iter_mut().all(expanded) {
                continue;
            }
        }
        if let (Some(root), false) = (&root, rooted) {
            let Ok(inside) = path.strip_prefix(root) else {
                if matches!(view, View::Hidden | View::ReadOnly | View::NoExec) && !optional {
                    planner.short(not_below_root(&path, &asked.by));
                    continue;
                }
                planner.notes.push(format!(
                    "{}: {} has no effect on it, as it is not below RootDirectory",
                    path.display(),
                    asked.by.directive
                ));
                continue;
            };
            path = std::path::Path::new("/").join(inside);
        }
        wishes.push(Wish { path, view, optional: *optional, carried: false, by: asked.by.clone() });
    }
    wishes
}

fn expanded(planner: &mut Planner<'_>, path: &std::path::Path, by: &By) -> Option<PathBuf> {
    match places::expand(planner.host, path, by) {
        Ok(Some(path)) => Some(path),
        Ok(None) => {
            let place = planner.host.directory.display();
            planner.notes.push(format!(
                "{}: `.` is left out, because {place} holds far more than one project; start from a directory below it",
                by.directive
            ));
            None
        }
        Err(fault) => {
            planner.faults.push(fault);
            None
        }
    }
}

/// A restriction of a path that the target does not have would hold for nothing.
fn not_below_root(path: &std::path::Path, by: &By) -> Shortfall {
    let path = path.display();
    Shortfall {
        by: by.clone(),
        missing: format!("{} has no effect on {path}", by.directive),
        reason: "that is a path of the host, and not below RootDirectory".into(),
        remedy: format!("write `+{path}` for the path below RootDirectory, or `-{path}` if it may have no effect"),
        exit: Exit::Namespace,
    }
}

fn no_new_proc(by: &By) -> Shortfall {
    Shortfall {
        by: by.clone(),
        missing: "/proc cannot be mounted anew".into(),
        reason: "without privileges that takes a PID namespace".into(),
        remedy: format!("add PrivatePIDs=yes, leave {} out, or start stockade as root", by.directive),
        exit: Exit::Namespace,
    }
}

/// A new root gets the kernel's file systems where nobody says otherwise (systemd's MountAPIVFS).
fn api_file_systems(planner: &Planner<'_>, wishes: &mut Vec<Wish>) {
    let by = wishes[0].by.clone();
    let View::Bind(Bind { source: root, .. }) = wishes[0].view.clone() else { return };
    for path in ["/proc", "/sys", "/dev", "/run"] {
        let inside = root.join(path.trim_start_matches('/'));
        let mounted = planner.host.points.contains(&inside);
        if mounted || view::replaced(wishes, std::path::Path::new(path)) {
            continue;
        }
        let view = if path == "/run" {
            let options = vec!["size=20%".into(), "nr_inodes=800k".into()];
            View::Tmpfs(Tmpfs { mode: 0o755, options, read_only: false, no_exec: false, no_suid: true, no_dev: true })
        } else {
            View::Bind(Bind { source: path.into(), recursive: true, read_only: false })
        };
        wishes.push(Wish { path: path.into(), view, optional: false, carried: false, by: by.clone() });
    }
}

/// What is mounted on the old /proc and /sys stays on the new ones: it may be a mask.
fn carry_over(planner: &Planner<'_>, wishes: &mut Vec<Wish>) {
    let fresh: Vec<(PathBuf, By)> = wishes
        .iter()
        .filter(|wish| matches!(wish.view, View::Proc(_) | View::Sysfs))
        .map(|wish| (wish.path.clone(), wish.by.clone()))
        .collect();
    for (path, by) in fresh {
        let points = planner.host.points.iter();
        let inside: Vec<&PathBuf> = points.filter(|point| view::inside(point, &path) && **point != path).collect();
        for point in &inside {
            let nested = inside.iter().any(|other| view::inside(point, other) && other != point);
            if nested || view::replaced(wishes, point) {
                continue;
            }
            let view = View::Bind(Bind { source: (*point).clone(), recursive: true, read_only: false });
            wishes.push(Wish { path: (*point).clone(), view, optional: true, carried: true, by: by.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
