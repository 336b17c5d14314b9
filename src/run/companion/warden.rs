//! The init of the namespace, or the guard of a target that is process 1 itself.
//!
//! Both do the same little: they tell the launcher which signals reach everybody, send what other processes than the
//! target tell the service manager, and end everything when the launcher is gone. The init was made with SIGCHLD ignored, so the kernel
//! itself reaps what it inherits.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::sys::signals::{self, Set};
use crate::sys::{companion, detached, letters};

use super::confine;
use super::pty::Heir;

/// Asks the helper to tell of every signal that has reached it, and then to answer with the same.
pub(super) const QUESTION: [u8; 1] = [0];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Process 1 of the namespace: everything in it dies with it.
    Init,
    /// Outside: it kills the target, which is process 1.
    Guard,
}

/// The helper's whole life. It puts the caller's terminal back where the launcher is killed and cannot.
pub(super) fn serve(role: Role, line: BorrowedFd<'_>, outgoing: Option<&OwnedFd>, heir: Option<&Heir>) -> ! {
    prepare(role, line, outgoing, heir).and_then(|signals| attend(role, &signals, line, outgoing)).ok();
    if let Some(heir) = heir {
        heir.restore();
    }
    detached::leave(1)
}

/// Gives up all that is not needed.
fn prepare(
    role: Role,
    line: BorrowedFd<'_>,
    outgoing: Option<&OwnedFd>,
    heir: Option<&Heir>,
) -> Result<OwnedFd, Errno> {
    let name = match role {
        Role::Init => c"stockade-init",
        Role::Guard => c"stockade-guard",
    };
    companion::rename(name);
    let signals = signals::descriptor(Set::ALL)?;
    nix::unistd::chdir(c"/")?;
    let outgoing = outgoing.map_or(-1, AsRawFd::as_raw_fd);
    let terminal = heir.map_or(-1, Heir::number);
    companion::close_all_but(&mut [line.as_raw_fd(), outgoing, signals.as_raw_fd(), terminal])?;
    confine::confine(0, if heir.is_some() { &confine::HEIR } else { &confine::HELPER })?;
    // An heir lives as long as it takes to see the end of the line.
    if role == Role::Init && heir.is_none() {
        companion::die_with_parent()?;
    }
    Ok(signals)
}

fn attend(role: Role, signals: &OwnedFd, line: BorrowedFd<'_>, outgoing: Option<&OwnedFd>) -> Result<(), Errno> {
    let mut guarded: Option<OwnedFd> = None;
    loop {
        let ready = match companion::wait([signals.as_raw_fd(), line.as_raw_fd()], [false; 2], -1) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        if ready[0] {
            tell(signals, line)?;
        }
        if ready[1] {
            let letter = match letters::receive(line) {
                Err(Errno::EAGAIN | Errno::EINTR) => continue,
                other => other?,
            };
            match (letter.text(), letter.descriptors()) {
                ([], _) => {
                    if let Some(target) = &guarded {
                        signals::signal(target.as_fd(), libc::SIGKILL)?;
                    }
                    return Ok(());
                }
                // The guard's first letter brings the target.
                (_, [target]) if role == Role::Guard && guarded.is_none() => {
                    guarded = Some(companion::copy(*target)?);
                }
                (text, []) if text == QUESTION => {
                    tell(signals, line)?;
                    letters::send(line, &QUESTION, &[]).or_else(ignore_full)?;
                }
                (text, descriptors) => {
                    if let Some(outgoing) = outgoing {
                        forward(outgoing, text, descriptors)?;
                    }
                }
            }
        }
    }
}

/// Tells the launcher which signals have reached this process.
fn tell(signals: &OwnedFd, line: BorrowedFd<'_>) -> Result<(), Errno> {
    while let Some(arrival) = signals::read(signals.as_fd())? {
        let number = [u8::try_from(arrival.number).unwrap_or(0)];
        letters::send(line, &number, &[]).or_else(ignore_full)?;
    }
    Ok(())
}

fn ignore_full(errno: Errno) -> Result<(), Errno> {
    if errno == Errno::EAGAIN { Ok(()) } else { Err(errno) }
}

/// Sends a letter on, waiting a while where the receiver is busy.
fn forward(outgoing: &OwnedFd, text: &[u8], descriptors: &[i32]) -> Result<(), Errno> {
    /// Milliseconds for which a manager may be busy.
    const PATIENCE: i32 = 5000;
    loop {
        match letters::send(outgoing.as_fd(), text, descriptors) {
            Err(Errno::EAGAIN) => match companion::wait([outgoing.as_raw_fd()], [true], PATIENCE) {
                Ok([true]) | Err(Errno::EINTR) => {}
                Ok([false]) => return Ok(()),
                Err(errno) => return Err(errno),
            },
            // What the manager does not take is the sender's loss, as it is without us.
            _ => return Ok(()),
        }
    }
}
