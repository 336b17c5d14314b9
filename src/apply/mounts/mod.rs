//! Acts on the file system. Everything that needs memory is made ready before; performing
//! allocates nothing.
//!
//! Here are the acts and the trees that they hold; `restrict` restricts a tree, `hidden` covers what must not be
//! opened, `devices` builds a /dev, `overlay` puts layers together,
//! `point` makes what is mounted on.

mod devices;
mod hidden;
mod overlay;
mod point;
mod restrict;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{chdir, fchdir, pivot_root};

use crate::draft::mounts::{Proc, Propagation, Tmpfs};
use crate::fault::{Exit, Fault};
use crate::plan::mounts::{Limits, Missing, MountOp, New};
use crate::sys::letters;
use crate::sys::mount::{self as sys, Attributes, Depth};

use super::secrets::Secrets;
use devices::Devices;
use hidden::Covers;
use overlay::{Ephemeral, Layers};
use point::{Target, exact_modes};
use restrict::Restrictor;

/// A [`MountOp`] with its texts as the kernel wants them.
#[derive(Debug)]
pub(super) enum Act {
    Slave,
    Take {
        slot: usize,
        source: CString,
        depth: Depth,
        set: Attributes,
        optional: bool,
    },
    TakeDevices {
        make: bool,
        mqueue: bool,
    },
    TakeProc {
        options: Box<[(CString, CString)]>,
    },
    TakeOverlay {
        slot: usize,
        overlay: Ephemeral,
    },
    Overlay(Layers),
    Secrets(Secrets),
    Propagate(MsFlags),
    Enter {
        slot: usize,
    },
    EnterTmpfs {
        options: Box<[(CString, CString)]>,
        set: Attributes,
    },
    Point {
        target: Target,
        slot: Option<usize>,
    },
    Attach {
        slot: usize,
        target: Target,
        missing: Missing,
    },
    /// The control groups as the own namespace has them. There is one file system of them, which mount(2) does not put
    /// over itself, and of which one mount can be read-only, not it itself.
    Cgroup {
        target: Target,
        set: Attributes,
        missing: Missing,
    },
    New {
        kind: &'static CStr,
        target: Target,
        flags: MsFlags,
        data: CString,
        missing: Missing,
    },
    Devices {
        target: Target,
    },
    Restrict {
        target: CString,
        depth: Depth,
        set: Attributes,
        mounted: bool,
        optional: bool,
    },
    Hide {
        target: CString,
        optional: bool,
        attach: bool,
    },
    Uncover {
        under: Option<CString>,
    },
    Relay {
        directory: CString,
        path: CString,
    },
    Exists {
        target: CString,
    },
    Hold {
        target: Target,
        set: Attributes,
    },
    Seen(Box<[(CString, usize)]>),
}

/// What goes from one act to the next.
pub(super) struct State {
    slots: Box<[Option<Tree>]>,
    /// What was in the slots and is attached now: device and inode of its root.
    attached: Box<[Option<(u64, u64)>]>,
    devices: Devices,
    proc: Option<OwnedFd>,
    covers: Covers,
    restrictor: Restrictor,
    /// The launcher's socket, without a name yet.
    pub(super) relay: Option<OwnedFd>,
}

/// A detached tree, and what could not be set on it while it was detached (before Linux 5.12).
pub(in crate::apply) struct Tree {
    pub(super) fd: OwnedFd,
    pub(super) pending: Attributes,
}

impl State {
    /// Room for what these acts keep.
    pub(super) fn new<'a>(ops: impl Iterator<Item = &'a MountOp>) -> Self {
        let mut slots = 0;
        for op in ops {
            if let MountOp::Take { slot, .. } | MountOp::TakeOverlay { slot, .. } = op {
                slots = slots.max(slot + 1);
            }
        }
        let attached = vec![None; slots].into();
        let slots = std::iter::repeat_with(|| None).take(slots).collect();
        let (devices, covers, restrictor) = (Devices::default(), Covers::default(), Restrictor::new());
        Self { slots, attached, devices, proc: None, covers, restrictor, relay: None }
    }

    /// As on Linux before 5.12, so that tests see that way too.
    #[cfg(test)]
    pub(super) fn old(mut self) -> Self {
        self.restrictor.forget_new_calls();
        self
    }

    /// Notes what is attached now.
    fn note(&mut self, slot: usize, tree: &Tree) -> Result<(), Errno> {
        if let Some(attached) = self.attached.get_mut(slot) {
            let root = fstat(&tree.fd)?;
            *attached = Some((root.st_dev, root.st_ino));
        }
        Ok(())
    }

    /// What was attached at a path is to be seen there.
    fn seen(&self, path: &CStr, slot: usize) -> Result<(), Errno> {
        // A source that is missing and may be is mounted nowhere.
        let Some(attached) = self.attached.get(slot).copied().flatten() else { return Ok(()) };
        let found = nix::sys::stat::stat(path)?;
        if (found.st_dev, found.st_ino) == attached { Ok(()) } else { Err(Errno::EBUSY) }
    }

    fn slot(&mut self, slot: usize) -> Result<&mut Option<Tree>, Errno> {
        self.slots.get_mut(slot).ok_or(Errno::EBADF)
    }
}

/// Makes an operation ready: all memory that it needs is taken here.
pub(super) fn ready(op: &MountOp) -> Result<Act, Fault> {
    Ok(match op {
        MountOp::Slave => Act::Slave,
        MountOp::Take { slot, source, recursive, limits, optional } => Act::Take {
            slot: *slot,
            source: text(source)?,
            depth: depth(*recursive),
            set: attributes(*limits),
            optional: *optional,
        },
        MountOp::TakeDevices { make, mqueue } => Act::TakeDevices { make: *make, mqueue: *mqueue },
        MountOp::TakeProc(proc) => {
            let texts = |(key, value): (&str, String)| Ok((string(key)?, string(value)?));
            Act::TakeProc { options: options(*proc).map(texts).collect::<Result<_, Fault>>()? }
        }
        MountOp::TakeOverlay { slot, source } => Act::TakeOverlay { slot: *slot, overlay: Ephemeral::ready(source)? },
        MountOp::Overlay { layers, path } => Act::Overlay(Layers::ready(layers, path)?),
        MountOp::Secrets { path, files, owner } => Act::Secrets(Secrets::ready(path, files, *owner)?),
        MountOp::Propagate(propagation) => Act::Propagate(match propagation {
            Propagation::Shared => MsFlags::MS_SHARED,
            Propagation::Slave => MsFlags::MS_SLAVE,
            Propagation::Private => MsFlags::MS_PRIVATE,
        }),
        MountOp::Enter { slot, .. } => Act::Enter { slot: *slot },
        MountOp::EnterTmpfs(tmpfs) => ready_root(tmpfs)?,
        MountOp::Point { path, slot } => Act::Point { target: target(path, Missing::Make)?, slot: *slot },
        MountOp::Attach { slot, path, missing, .. } => {
            Act::Attach { slot: *slot, target: target(path, *missing)?, missing: *missing }
        }
        MountOp::New { what, path, missing } => ready_new(what, path, *missing)?,
        MountOp::Devices { path } => Act::Devices { target: target(path, Missing::Make)? },
        MountOp::Restrict { path, limits, recursive, mounted, optional } => Act::Restrict {
            target: text(path)?,
            depth: depth(*recursive),
            set: attributes(*limits),
            mounted: *mounted,
            optional: *optional,
        },
        MountOp::Hide { path, optional, attach } => {
            Act::Hide { target: text(path)?, optional: *optional, attach: *attach }
        }
        MountOp::Uncover { under } => Act::Uncover { under: under.as_deref().map(text).transpose()? },
        MountOp::Relay { path } => {
            Act::Relay { directory: text(path.parent().unwrap_or(Path::new("/")))?, path: text(path)? }
        }
        MountOp::Exists { path } => Act::Exists { target: text(path)? },
        MountOp::Seen { trees } => {
            let ready = trees.iter().map(|(path, slot)| Ok((text(path)?, *slot)));
            Act::Seen(ready.collect::<Result<_, Fault>>()?)
        }
        MountOp::Hold { path, limits } => Act::Hold { target: target(path, Missing::Make)?, set: attributes(*limits) },
    })
}

fn ready_root(tmpfs: &Tmpfs) -> Result<Act, Fault> {
    let mut options = vec![(CString::from(c"mode"), string(format!("{:o}", tmpfs.mode))?)];
    for option in &tmpfs.options {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        options.push((string(key)?, string(value)?));
    }
    let mut set = attributes(Limits { read_only: tmpfs.read_only, no_exec: tmpfs.no_exec });
    if tmpfs.no_suid {
        set = set.and(Attributes::NO_SUID);
    }
    if tmpfs.no_dev {
        set = set.and(Attributes::NO_DEV);
    }
    Ok(Act::EnterTmpfs { options: options.into(), set })
}

fn ready_new(what: &New, path: &Path, missing: Missing) -> Result<Act, Fault> {
    let kernels = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let (kind, flags, data) = match what {
        New::Tmpfs(tmpfs) => {
            let mut data = format!("mode={:o}", tmpfs.mode);
            for option in &tmpfs.options {
                data.push(',');
                data.push_str(option);
            }
            let mut flags = MsFlags::MS_STRICTATIME;
            flags.set(MsFlags::MS_RDONLY, tmpfs.read_only);
            flags.set(MsFlags::MS_NOEXEC, tmpfs.no_exec);
            flags.set(MsFlags::MS_NOSUID, tmpfs.no_suid);
            flags.set(MsFlags::MS_NODEV, tmpfs.no_dev);
            (c"tmpfs", flags, data)
        }
        New::Proc(proc) => {
            let words: Vec<String> = options(*proc).map(|(key, value)| format!("{key}={value}")).collect();
            (c"proc", kernels, words.join(","))
        }
        New::Sysfs => (c"sysfs", kernels, String::new()),
        New::Mqueue => (c"mqueue", kernels, String::new()),
        New::Bpf => (c"bpf", kernels, String::new()),
        New::Cgroup { read_only } => {
            let set = Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC);
            let set = if *read_only { set.and(Attributes::READ_ONLY) } else { set };
            return Ok(Act::Cgroup { target: target(path, missing)?, set, missing });
        }
    };
    Ok(Act::New { kind, target: target(path, missing)?, flags, data: string(data)?, missing })
}

/// What a procfs is to show (proc(5)).
fn options(proc: Proc) -> impl Iterator<Item = (&'static str, String)> {
    let hide = proc.hidepid.map(|word| ("hidepid", word.to_string()));
    hide.into_iter().chain(proc.subset_pid.then(|| ("subset", "pid".to_owned())))
}

impl Act {
    /// Does it.
    pub(super) fn perform(&self, state: &mut State) -> Result<(), Errno> {
        match self {
            Self::Slave => {
                let flags = MsFlags::MS_SLAVE | MsFlags::MS_REC;
                again(|| mount(None::<&CStr>, c"/", None::<&CStr>, flags, None::<&CStr>))
            }
            Self::Take { slot, source, depth, set, optional } => {
                let tree = state.restrictor.copy(AT_FDCWD, source, *depth, *set);
                *state.slot(*slot)? = unless_missing(tree.map(Some), *optional, None)?;
                Ok(())
            }
            Self::TakeDevices { make, mqueue } => state.devices.build(*make, *mqueue),
            Self::TakeProc { options } => {
                let context = sys::fsopen(c"proc")?;
                sys::fsconfig_string(context.as_fd(), c"source", c"proc")?;
                for (key, value) in options {
                    sys::fsconfig_string(context.as_fd(), key, value)?;
                }
                let set = Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC);
                state.proc = Some(sys::fsmount(context.as_fd(), set)?);
                Ok(())
            }
            Self::TakeOverlay { slot, overlay } => {
                let tree = overlay.perform(&mut state.restrictor)?;
                *state.slot(*slot)? = Some(tree);
                Ok(())
            }
            Self::Overlay(layers) => layers.perform(),
            Self::Secrets(secrets) => secrets.perform(),
            Self::Propagate(flags) => {
                again(|| mount(None::<&CStr>, c"/", None::<&CStr>, *flags | MsFlags::MS_REC, None::<&CStr>))
            }
            Self::Enter { slot } => {
                let tree = state.slot(*slot)?.take().ok_or(Errno::ENOENT)?;
                state.restrictor.prepare_for_new_root()?;
                enter(&tree.fd)?;
                state.restrictor.finish(&tree, c"/")
            }
            Self::EnterTmpfs { options, set } => {
                let context = sys::fsopen(c"tmpfs")?;
                for (key, value) in options {
                    sys::fsconfig_string(context.as_fd(), key, value)?;
                }
                let root = sys::fsmount(context.as_fd(), *set)?;
                state.restrictor.prepare_for_new_root()?;
                enter(&root)
            }
            Self::Point { target, slot } => {
                let like = match slot {
                    None => None,
                    Some(slot) => match state.slot(*slot)? {
                        None => return Ok(()),
                        Some(tree) => Some(fstat(&tree.fd)?),
                    },
                };
                target.make(like.as_ref())
            }
            Self::Attach { slot, target, missing } => {
                let Some(tree) = state.slot(*slot)?.take() else { return Ok(()) };
                match target.attach(&tree.fd, *missing) {
                    Err(Errno::ENOENT) if *missing == Missing::Skip => return Ok(()),
                    other => other?,
                }
                state.note(*slot, &tree)?;
                state.restrictor.finish(&tree, &target.path)
            }
            Self::New { kind, target, missing, .. } if *kind == c"proc" && state.proc.is_some() => {
                let Some(proc) = state.proc.take() else { return Ok(()) };
                match target.attach(&proc, *missing) {
                    Err(Errno::ENOENT) if *missing == Missing::Skip => Ok(()),
                    other => other,
                }
            }
            Self::New { kind, target, flags, data, missing } => mount_new(kind, target, *flags, data, *missing),
            Self::Cgroup { target, set, missing } => {
                let tree = sys::fsmount(sys::fsopen(c"cgroup2")?.as_fd(), *set)?;
                unless_missing(target.attach(&tree, *missing), *missing == Missing::Skip, ())
            }
            Self::Devices { target } => state.devices.attach(target),
            Self::Restrict { target, depth, set, mounted, optional } => {
                let done = state.restrictor.restrict(target, *depth, *set, *mounted);
                unless_gone(done, *optional, target)
            }
            Self::Hide { target, optional, attach } => {
                let done = state.covers.cover(target, *attach, &mut state.restrictor);
                unless_gone(done, *optional, target)
            }
            Self::Uncover { under } => state.covers.finish(under.as_deref()),
            Self::Relay { directory, path } => relay(state.relay.take(), directory, path),
            Self::Exists { target } => nix::sys::stat::stat(target.as_c_str()).map(drop),
            Self::Hold { target, set } if target.has_link()? => {
                unless_missing(state.restrictor.restrict(&target.path, Depth::Recursive, *set, true), true, ())
            }
            Self::Hold { .. } => Ok(()),
            Self::Seen(trees) => trees.iter().try_for_each(|(target, slot)| state.seen(target, *slot)),
        }
    }
}

/// What probably helps when the kernel refuses an operation.
pub(super) fn hint(op: &MountOp, errno: Errno) -> Option<&'static str> {
    Some(match (op, errno) {
        (MountOp::Attach { .. } | MountOp::New { .. } | MountOp::Point { .. }, Errno::EROFS | Errno::EACCES) => {
            "the mount point does not exist and cannot be made here: make it first"
        }
        (MountOp::Enter { .. } | MountOp::EnterTmpfs(_), Errno::EINVAL) => {
            "stockade itself seems to run in a chroot, where the root cannot be changed"
        }
        (MountOp::Slave | MountOp::Propagate(_), Errno::EINVAL) => {
            "stockade itself seems to run in a chroot, whose root is no mount: mount --bind the directory over itself first"
        }
        (MountOp::Take { recursive: false, .. }, Errno::EINVAL) => {
            "without privileges a path is only shown together with what is mounted below it: use rbind"
        }
        (MountOp::TakeProc(_) | MountOp::New { what: New::Proc(_), .. }, Errno::EPERM) => {
            "parts of /proc are covered here, as in a container, and a new one would show them"
        }
        (MountOp::New { what: New::Cgroup { .. }, .. }, Errno::ENODEV | Errno::EPERM) => {
            "this takes cgroup2 and a cgroup namespace"
        }
        (MountOp::Overlay { .. } | MountOp::TakeOverlay { .. }, Errno::EPERM) => {
            "layers take root, or Linux 5.11 and a user namespace; else something forbids to mount here"
        }
        (MountOp::Overlay { .. } | MountOp::TakeOverlay { .. }, Errno::EINVAL) => {
            "without privileges a directory cannot be a layer where something else is mounted below it"
        }
        (MountOp::Seen { .. }, _) => {
            "a symlink leads from one of the two to the other: name the path that it leads to, so that both are put in order"
        }
        (MountOp::Hide { .. }, Errno::EACCES) => "the path is in a directory that cannot be entered: leave it out",
        (MountOp::Hide { .. }, Errno::EINVAL) => {
            "a file that was removed since is mounted there, and without privileges it cannot be taken away"
        }
        (_, Errno::ENOENT) => "put `-` in front of the path if it may be missing",
        (_, Errno::ENOSYS) => "this takes Linux 5.2, or 5.8 for paths that become read-only or noexec",
        (_, Errno::EPERM) => "something forbids to mount here: a security module, or the filter of a container",
        _ => return None,
    })
}

/// Gives the launcher's socket a name on a file system of its own, and puts it over the service manager's socket.
///
/// Copies of what is not attached anywhere are to be had since Linux 6.15 only, so the file system covers the directory
/// for a moment; nobody else looks into this mount namespace.
fn relay(socket: Option<OwnedFd>, directory: &CStr, path: &CStr) -> Result<(), Errno> {
    // Nobody listens there.
    let Some(socket) = socket else { return Ok(()) };
    match nix::sys::stat::stat(path) {
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => return Ok(()),
        other => other.map(drop)?,
    }
    let context = sys::fsopen(c"tmpfs")?;
    sys::fsconfig_string(context.as_fd(), c"mode", c"755")?;
    let place = sys::fsmount(context.as_fd(), Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC))?;
    sys::move_mount(place.as_fd(), AT_FDCWD, directory)?;
    let mask = exact_modes();
    let named = letters::name(socket.as_fd(), path.to_bytes());
    drop(mask);
    let copy = named.and_then(|()| sys::open_tree(AT_FDCWD, path, Depth::One));
    again(|| umount2(directory, MntFlags::MNT_DETACH))?;
    sys::move_mount(copy?.as_fd(), AT_FDCWD, path)
}

/// Makes a detached tree the root. The old root is detached whole: neither `..` nor a descriptor of
/// this process leads to it, as the working directory moves along.
///
/// Something may be mounted over the old root that this process is below of, as after `mount --bind / /`. Each call
/// detaches the topmost only, and `..` leads to whatever stays on the new root: so it goes on until nothing of it is
/// mounted any more, which is EINVAL.
fn enter(tree: &OwnedFd) -> Result<(), Errno> {
    let old = again(|| open(c"/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()))?;
    sys::move_mount(tree.as_fd(), AT_FDCWD, c"/")?;
    fchdir(tree)?;
    again(|| pivot_root(c".", c"."))?;
    fchdir(&old)?;
    again(|| umount2(c".", MntFlags::MNT_DETACH))?;
    loop {
        match again(|| umount2(c".", MntFlags::MNT_DETACH)) {
            Ok(()) => {}
            Err(Errno::EINVAL) => return chdir(c"/"),
            Err(other) => return Err(other),
        }
    }
}

fn mount_new(kind: &CStr, target: &Target, flags: MsFlags, data: &CStr, missing: Missing) -> Result<(), Errno> {
    let attempt = || again(|| mount(Some(kind), target.path.as_c_str(), Some(kind), flags, Some(data)));
    match attempt() {
        Err(Errno::ENOENT) if missing == Missing::Skip => Ok(()),
        Err(Errno::ENOENT) if missing == Missing::Make => {
            target.make(None)?;
            attempt()
        }
        // A new sysfs may show no more than the old one (mount_too_revealing): what covers parts of that stays.
        Err(Errno::EPERM) if kind == c"sysfs" => Ok(()),
        // A kernel without message queues has none to share.
        Err(Errno::ENODEV) if kind == c"mqueue" && missing == Missing::Skip => Ok(()),
        other => other,
    }
}

/// Repeats a call that a signal interrupted.
pub(super) fn again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// A missing path is no failure where it may be missing.
fn unless_missing<T>(done: Result<T, Errno>, optional: bool, otherwise: T) -> Result<T, Errno> {
    match done {
        Err(Errno::ENOENT | Errno::ENOTDIR) if optional => Ok(otherwise),
        other => other,
    }
}

/// The same, where the kernel says ENOENT of what is there, too, such as a mount whose file was removed.
fn unless_gone(done: Result<(), Errno>, optional: bool, path: &CStr) -> Result<(), Errno> {
    match done {
        Err(error @ (Errno::ENOENT | Errno::ENOTDIR)) if optional => match nix::sys::stat::stat(path) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
            _ => Err(error),
        },
        other => other,
    }
}

fn attributes(limits: Limits) -> Attributes {
    match (limits.read_only, limits.no_exec) {
        (true, true) => Attributes::READ_ONLY.and(Attributes::NO_EXEC),
        (true, false) => Attributes::READ_ONLY,
        (false, true) => Attributes::NO_EXEC,
        (false, false) => Attributes::default(),
    }
}

fn depth(recursive: bool) -> Depth {
    if recursive { Depth::Recursive } else { Depth::One }
}

fn text(path: &Path) -> Result<CString, Fault> {
    string(path.as_os_str().as_bytes())
}

fn string(bytes: impl Into<Vec<u8>>) -> Result<CString, Fault> {
    CString::new(bytes).map_err(|_| Fault::new("a path or option holds a NUL byte").exit(Exit::Namespace))
}

fn target(path: &Path, missing: Missing) -> Result<Target, Fault> {
    let mut parents = Vec::new();
    if missing == Missing::Make {
        let above = path.ancestors().skip(1).filter(|above| above.parent().is_some());
        parents = above.map(text).collect::<Result<Vec<_>, _>>()?;
        parents.reverse();
    }
    Ok(Target { path: text(path)?, parents: parents.into() })
}

#[cfg(test)]
mod tests;
