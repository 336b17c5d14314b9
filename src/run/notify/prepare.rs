//! What the supervisor takes along and what it leaves behind.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use caps::Capability::{CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, chdir, isatty, setpgid, setsid};

use crate::apply::supervise::Post;
use crate::draft::By;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::Call;
use crate::draft::capabilities::CapSet;
use crate::draft::compare::Compare;
use crate::draft::decision::Decision;
use crate::draft::syscalls::{Filter, Layer, Rule};
use crate::plan::filter::tree;
use crate::sys::notify::Listener;
use crate::sys::{descriptors, privileges, process, seccomp, target};

use super::ids::{self, Ids};
use super::view::View;
use super::walk::on_procfs;

/// What stays open.
pub(super) struct Kept {
    pub(super) view: View,
    pub(super) terminal: Option<OwnedFd>,
    pub(super) log: Option<OwnedFd>,
    pub(super) journal: Option<OwnedFd>,
}

/// Everything that can fail while the launch can still be called off. The table of descriptors is the launcher's too.
pub(super) fn prepare(post: &Post<'_>) -> Result<Kept, Errno> {
    let decisions = &post.watch.decisions;
    // Signals that are meant for the target's group must not end its supervisor: it goes when the target goes.
    target::block_signals()?;
    target::wake_sharply()?;
    let terminal = if decisions.contains(&Decision::Ask) { terminal() } else { None };
    let tells = |decision: &Decision| matches!(decision, Decision::Log | Decision::Tell(_));
    let teller = post.watch.teller.as_ref().map(|shared| &shared.0);
    let log = match teller.and_then(|teller| teller.lines) {
        Some(number) => Some(target::take(number)?),
        None if decisions.iter().any(tells) => copy(std::io::stderr()),
        None => None,
    };
    let journal = teller.and_then(|teller| teller.journal).map(target::take).transpose()?;
    if terminal.is_some() {
        // Reading from a terminal that is one's own takes being in the foreground; in another session it takes nothing.
        setsid()?;
    } else {
        // Not a session: the scheduler groups by them, and waking a target of another group takes half as long again.
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    }
    let looks = decisions.iter().any(Decision::looks);
    let mut view = if looks { view(post)? } else { View::new(None, None, None) };
    view.settled = post.watch.settled;
    umask(Mode::empty());
    chdir(c"/")?;
    process::prctl(libc::PR_SET_DUMPABLE, 0)?;
    process::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    let kept = view.own.as_ref().map_or(CapSet::EMPTY, |own| own.permitted);
    privileges::clear_ambient()?;
    privileges::set_effective(kept.0, kept.0)?;
    filter()?;
    Ok(Kept { view, terminal, log, journal })
}

/// Leaves the launcher's table of descriptors, now that the filter is in force.
pub(super) fn leave(listener: i32, kept: &Kept) -> Result<Listener, Errno> {
    target::own_descriptors()?;
    let listener = target::take(listener)?;
    let view = &kept.view;
    let owned =
        [kept.terminal.as_ref(), kept.log.as_ref(), kept.journal.as_ref(), view.root.as_ref()].into_iter().flatten();
    let mut keep: Vec<i32> = owned.map(AsRawFd::as_raw_fd).collect();
    keep.push(listener.as_fd().as_raw_fd());
    keep.extend(view.process().ok().map(|fd| fd.as_raw_fd()));
    keep.sort_unstable();
    let mut first = 0;
    for number in keep.iter().map(|number| number.cast_unsigned()) {
        if number > first {
            descriptors::close_range(first, number - 1)?;
        }
        first = number + 1;
    }
    descriptors::close_range(first, u32::MAX)?;
    Ok(listener.into())
}

/// The controlling terminal, or a standard descriptor that is one.
fn terminal() -> Option<OwnedFd> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    open(c"/dev/tty", flags, Mode::empty()).ok().or_else(|| {
        let standard = [copy(std::io::stderr()), copy(std::io::stdin()), copy(std::io::stdout())];
        standard.into_iter().flatten().find(|fd| isatty(fd).unwrap_or(false))
    })
}

fn copy(fd: impl AsFd) -> Option<OwnedFd> {
    fd.as_fd().try_clone_to_owned().ok()
}

fn view(post: &Post<'_>) -> Result<View, Errno> {
    let path = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(c"/", path, Mode::empty())?;
    // The target's own /proc first: its paths lead there. It may be hidden, or something else.
    let here = open(c"/proc", path, Mode::empty()).ok().filter(|fd| on_procfs(fd.as_fd()));
    let all = [here.as_ref().map(AsFd::as_fd), post.process];
    let mut usable = all.into_iter().flatten().filter_map(|fd| Some((fd, Ids::read(fd, c"self/status").ok()?)));
    let Some((fd, mut own)) = usable.next() else { return Ok(View::new(None, Some(root), None)) };
    own.permitted = needed(&own);
    own.effective = own.permitted;
    let copy = fd.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
    Ok(View::new(Some(copy), Some(root), Some(own)))
}

/// The capabilities to keep: what the target has by now to open files with, and what it takes to look at it.
fn needed(own: &Ids) -> CapSet {
    // What execve gives root, and everybody else.
    let targets = if own.user == 0 { own.permitted.intersection(own.bounding) } else { own.ambient };
    if !targets.has(CAP_SYS_PTRACE) {
        // The kernel shows a process only to one that has all of its capabilities.
        return targets;
    }
    let tools = [CAP_SYS_PTRACE, CAP_SETUID, CAP_SETGID].into_iter().fold(ids::opening(), CapSet::with);
    targets.intersection(tools)
}

/// What a supervisor calls, and nothing else.
const CALLS: &[&str] = &[
    "ppoll",
    "getpid",
    "read",
    "write",
    "pwritev2",
    "close",
    "close_range",
    "openat",
    "openat2",
    "fstat",
    "newfstatat",
    "fstatfs",
    "readlinkat",
    "fcntl",
    "process_vm_readv",
    "futex",
    "mmap",
    "munmap",
    "mremap",
    "brk",
    "madvise",
    "exit_group",
    "exit",
    "setfsuid",
    "setfsgid",
    "setgroups",
    "capset",
    "capget",
    "kill",
    // Maps of JSON are hashed with random keys.
    "getrandom",
    "restart_syscall",
    "rt_sigreturn",
    "clock_gettime",
];

/// Calls that it makes with one argument only.
const ARGUMENTS: &[(&str, &str)] = &[
    ("unshare", "arg0 == 0x400"),
    // SECCOMP_IOCTL_NOTIF_RECV, _SEND, _ID_VALID, _ADDFD, _SET_FLAGS, TCFLSH.
    ("ioctl", "arg1 == 0xc0502100"),
    ("ioctl", "arg1 == 0xc0182101"),
    ("ioctl", "arg1 == 0x40082102"),
    ("ioctl", "arg1 == 0x40182103"),
    ("ioctl", "arg1 == 0x40082104"),
    ("ioctl", "arg1 == 0x540b"),
];

/// Puts the supervisor under a filter of its own: whatever it reads from a target, it cannot be made to do more.
fn filter() -> Result<(), Errno> {
    let by = By { directive: "Seccomp.Decide", origin: None };
    let rule = |calls: &[&str], when| Rule {
        calls: calls.iter().map(|name| Call::parse(name)).collect(),
        when,
        on: Vec::new(),
        action: Action::Allow,
        by: by.clone(),
    };
    let mut rules = vec![rule(CALLS, Vec::new())];
    for (name, when) in ARGUMENTS {
        rules.push(rule(&[name], vec![Compare::parse(when).map_err(|_| Errno::EINVAL)?]));
    }
    let layer = Layer { by: by.clone(), rules, otherwise: Action::KillProcess, unknown: None };
    let filter = Filter { layers: vec![layer.into()], ..Filter::new() };
    let program = tree::compile(&filter, Arch::native()).map_err(|_| Errno::EINVAL)?;
    let code = program.code.iter();
    let code: Vec<libc::sock_filter> =
        code.map(|step| libc::sock_filter { code: step.code, jt: step.jt, jf: step.jf, k: step.k }).collect();
    seccomp::load(0, &code)
}
