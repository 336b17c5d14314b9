//! The session of a terminal of the target's own: the helper leads it, and the target is its child, in a process group of
//! its own.
//!
//! The kernel stops nobody by Ctrl-Z whom nobody could continue: a process group needs a member whose parent is of another
//! group of the same session (setpgid(2)). The helper is that parent, and the target is then like a shell's job.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::sys::progress::Progress;
use crate::sys::{companion, detached, letters, signals, target};

use super::pty::{Heir, Pty};
use super::warden::{self, Role, Session};

/// What the target says of itself, with its pidfd.
const TARGET: &[u8] = b"target";

/// The helper's part. It comes back in the target, and ends in here itself.
pub(super) fn lead(
    role: Role,
    pty: Pty,
    line: BorrowedFd<'_>,
    outgoing: Option<&OwnedFd>,
    heir: Option<Heir>,
    progress: &Progress,
) {
    match start(role, &pty, line) {
        Ok(None) => {}
        Ok(Some((target, process))) => {
            // The launcher's end is the end of its side, of which nobody else has a copy then.
            drop(pty);
            warden::serve(role, line, outgoing, Some(&Session { target, process, heir }), progress)
        }
        Err(errno) => {
            // A launcher that is gone needs no reason.
            letters::send(line, &(errno as i32).to_ne_bytes(), &[]).ok();
            detached::leave(1)
        }
    }
}

/// Begins the session and makes the target; nothing in the latter.
fn start(role: Role, pty: &Pty, line: BorrowedFd<'_>) -> Result<Option<(Pid, OwnedFd)>, Errno> {
    // The target's status is wanted.
    signals::default(libc::SIGCHLD)?;
    pty.lead()?;
    if role == Role::Guard {
        companion::namespace()?;
    }
    let Some(child) = companion::split()? else {
        pty.enter()?;
        let own = target::process(std::process::id().cast_signed())?;
        return letters::send(line, TARGET, &[own.as_raw_fd()]).map(|()| None);
    };
    Ok(Some((child, target::process(child.as_raw())?)))
}

/// The launcher's part: waits for the target to tell who it is.
///
/// # Errors
/// What the helper could not do. ECHILD: it has died.
pub(super) fn begun(line: BorrowedFd<'_>) -> Result<(Pid, OwnedFd), Errno> {
    loop {
        let letter = match letters::receive(line) {
            Err(Errno::EAGAIN | Errno::EINTR) => {
                // Every signal is blocked.
                companion::wait([line.as_raw_fd()], [false], -1)?;
                continue;
            }
            other => other?,
        };
        return match (letter.text(), letter.descriptors()) {
            (TARGET, [process]) => Ok((Pid::from_raw(letter.sender()), companion::copy(*process)?)),
            (&[a, b, c, d], []) => Err(Errno::from_raw(i32::from_ne_bytes([a, b, c, d]))),
            // A signal that has reached the helper meanwhile.
            ([_], []) => continue,
            _ => Err(Errno::ECHILD),
        };
    }
}
