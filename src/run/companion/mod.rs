//! The target in a PID namespace: who is made, in which order, and who stays.
//!
//! ```text
//! launcher (keeps its PID)  ── helper: init, process 1 of the namespace; or a guard beside the launcher
//!                           └─ target: process 2; or 1 where the policy says so
//! ```
//!
//! The target is the launcher's own child, so its status comes first hand. The helper dies with the launcher, and the
//! namespace with its process 1. With a terminal of its own the target is the helper's child (see [`session`]).
//!
//! The launcher's side is `desk`, with `queue` (signals), `relay` (messages to the service manager), `pty` and
//! `terminal`, and `report` (lines of JSON); the helper's is `warden`, and `session` with a terminal; `confine` is what
//! both can still do.

mod confine;
mod desk;
mod pty;
mod queue;
mod relay;
mod session;
mod terminal;
mod warden;

pub(super) mod report;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{Pid, pipe2};

use crate::plan::companion::CompanionOp;
use crate::sys::progress::Progress;
use crate::sys::signals::{self, Set};
use crate::sys::{companion, letters, target};

use desk::{Desk, Ends};
use pty::Pty;
use queue::Queue;
use relay::Relay;
use report::Status;
use terminal::Terminal;
use warden::Role;

/// Makes the helper and the target's process. Comes back in the latter, with the socket for its messages to the service
/// manager. The launcher ends in here, as the target has ended.
///
/// # Errors
/// Nothing has been started then.
pub(super) fn part(op: &CompanionOp, progress: &Progress, status: Option<i32>) -> Result<Option<OwnedFd>, Errno> {
    use std::os::unix::ffi::OsStrExt;
    // Where nobody listens any more the target will find that out by itself, as it does without us.
    let path = op.relay.as_ref().map(|path| path.as_os_str().as_bytes());
    let relay = path.and_then(|path| letters::sender(path).ok()).map(Relay::new).transpose()?;
    let status = status.map(Status::copy).transpose()?;
    let pty = op.pty.then(Pty::new).transpose()?;
    // From here on nothing that is sent to the launcher is lost: it waits until somebody can take it.
    let mask = signals::block(Set::ALL)?;
    // An init that came to this by itself could be late, and leave the first orphans unreaped.
    let before = signals::ignore(libc::SIGCHLD)?;
    let (ours, theirs) = letters::pair()?;
    if pty.is_some() {
        letters::learn_senders(ours.as_fd())?;
    }
    let executed = if status.is_some() { Some(pipe2(OFlag::O_CLOEXEC)?) } else { None };
    let outgoing = relay.as_ref().map(Relay::outgoing).transpose()?;
    let role = if op.as_pid1 { Role::Guard } else { Role::Init };
    if role == Role::Init {
        companion::namespace()?;
    }
    progress.expect(2);
    let Some(helper) = companion::split()? else {
        // The launcher's end is the end of its side, of which nobody else has a copy then.
        drop(ours);
        let Some(pty) = pty else { warden::serve(role, theirs.as_fd(), outgoing.as_ref(), None, progress) };
        // Before the launcher sets the terminal: how it is now is how it shall be.
        let heir = pty.heir();
        session::lead(role, pty, theirs.as_fd(), outgoing.as_ref(), heir, progress);
        // With the other copies gone, the launcher sees the helper's end at once.
        drop((theirs, outgoing));
        return become_target(relay, executed, mask, &before);
    };
    // Now the launcher's own: the target's end must be told.
    signals::default(libc::SIGCHLD)?;
    if role == Role::Guard && pty.is_none() {
        companion::namespace().map_err(|errno| undo(errno, helper, ours.as_fd(), mask, &before))?;
    }
    // Where this is refused there is no target yet that could have begun to run.
    let handle = target::process(helper.as_raw()).map_err(|errno| undo(errno, helper, ours.as_fd(), mask, &before))?;
    split(op, progress, status, Parts { helper, handle, ours, theirs, relay, pty, executed, mask, before })
}

/// A pipe that is closed by the target's execution, where somebody wants to know of it.
type Executed = Option<(OwnedFd, OwnedFd)>;

/// What there is when the helper runs.
struct Parts {
    helper: Pid,
    handle: OwnedFd,
    ours: OwnedFd,
    theirs: OwnedFd,
    relay: Option<Relay>,
    pty: Option<Pty>,
    executed: Executed,
    mask: Set,
    before: signals::Disposition,
}

/// Starts the target's process, where the helper has not done it.
fn split(
    op: &CompanionOp,
    progress: &Progress,
    status: Option<Status>,
    parts: Parts,
) -> Result<Option<OwnedFd>, Errno> {
    let Parts { helper, handle, ours, theirs, relay, pty, executed, mask, before } = parts;
    let terminal = if op.pty { None } else { Terminal::of_ours() };
    let (target, process, missed) = if pty.is_some() {
        drop(theirs);
        let begun =
            session::begun(ours.as_fd()).and_then(|(target, process)| Ok((target, process, signals::pending()?)));
        let (target, process, missed) = match begun {
            Ok(all) => all,
            Err(errno) => return Err(undo(errno, helper, ours.as_fd(), mask, &before)),
        };
        (target, Some(process), missed)
    } else {
        // What reaches a process group during a fork reaches the child, too (Linux 4.19); what came before does not.
        let missed = signals::pending()?;
        match companion::split() {
            Ok(None) => {
                if op.as_pid1 {
                    // The guard knows whom to kill before anything is done, even if the launcher is dead already.
                    let own = target::process(std::process::id().cast_signed())?;
                    letters::send(ours.as_fd(), b"target", &[own.as_raw_fd()])?;
                }
                // With the other copies gone, the helper sees the launcher's end at once.
                drop((ours, theirs, terminal, handle));
                return become_target(relay, executed, mask, &before);
            }
            Ok(Some(target)) => {
                drop(theirs);
                (target, None, missed)
            }
            Err(errno) => return Err(undo(errno, helper, ours.as_fd(), mask, &before)),
        }
    };
    let executed = executed.map(|(reader, _)| reader);
    let ends = Ends { target, process, helper, handle: Some(handle), line: ours, relay, terminal, pty, executed };
    Desk::new(op, ends, Queue::new(missed), progress.again(), status).run()
}

/// The target's process, as it shall be from here on.
fn become_target(
    relay: Option<Relay>,
    executed: Executed,
    mask: Set,
    before: &signals::Disposition,
) -> Result<Option<OwnedFd>, Errno> {
    before.restore()?;
    signals::block(mask)?;
    if let Some((reader, writer)) = executed {
        drop(reader);
        // It is closed by the execution, or by the end.
        target::forget(writer);
    }
    Ok(relay.map(Relay::into_incoming))
}

/// Puts the launcher back to where nothing was started, and says why: a namespace whose init could not go on takes no
/// further process, which is no news beside what the init was refused.
fn undo(errno: Errno, helper: Pid, line: BorrowedFd<'_>, mask: Set, before: &signals::Disposition) -> Errno {
    end(helper);
    let mut errno = errno;
    while let Ok(letter) = letters::receive(line) {
        match letter.text() {
            [] => break,
            &[a, b, c, d] => errno = Errno::from_raw(i32::from_ne_bytes([a, b, c, d])),
            _ => {}
        }
    }
    before.restore().and_then(|()| signals::block(mask)).err().unwrap_or(errno)
}

/// Kills a helper that is not needed and waits for its end.
fn end(helper: Pid) {
    // A child that has not been waited for is still there, dead or alive.
    nix::sys::signal::kill(helper, nix::sys::signal::Signal::SIGKILL).ok();
    while nix::sys::wait::waitpid(helper, None) == Err(Errno::EINTR) {}
}
