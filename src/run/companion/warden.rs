//! The init of the namespace, or the guard of a target that is process 1 itself.
//!
//! Where the target has a terminal of its own they lead its session, and the target is their child. A process group that
//! nobody outside of it can continue is one that Ctrl-Z does not stop (setpgid(2): orphaned).
//!
//! Both do the same little: they tell the launcher which signals reach everybody, send what other processes than the
//! target tell the service manager, and end everything when the launcher is gone. An init without a session was made with SIGCHLD
//! ignored, so the kernel itself reaps what it inherits.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgid};

use crate::sys::progress::Progress;
use crate::sys::signals::{self, Set};
use crate::sys::{companion, detached, letters};

use super::confine::{self, Kill};
use super::pty::Heir;

/// Asks the helper to tell of every signal that has reached it, and then to answer with the same.
pub(super) const QUESTION: [u8; 1] = [0];

/// Asks a helper that leads the target's session to continue the target's process group.
pub(super) const CONTINUE: [u8; 1] = [18]; // SIGCONT

/// Begins what a helper tells of the status of a target that is its child (wait(2)); four bytes follow.
pub(super) const BECAME: u8 = b'w';

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Process 1 of the namespace: everything in it dies with it.
    Init,
    /// Outside: it kills the target, which is process 1.
    Guard,
}

/// What a helper that leads the target's session has besides.
pub(super) struct Session {
    /// The target is its child.
    pub(super) target: Pid,
    /// The same as a descriptor.
    pub(super) process: OwnedFd,
    /// With this it puts the caller's terminal back where the launcher is killed and cannot.
    pub(super) heir: Option<Heir>,
}

/// The helper's whole life.
pub(super) fn serve(
    role: Role,
    line: BorrowedFd<'_>,
    outgoing: Option<&OwnedFd>,
    session: Option<&Session>,
    progress: &Progress,
) -> ! {
    let mut guarded = None;
    match prepare(role, line, outgoing, session) {
        Ok(signals) => {
            progress.stand();
            attend(role, &signals, line, outgoing, session, &mut guarded).unwrap_or_default();
        }
        Err(errno) => {
            progress.fall();
            // What the launcher meets is only that there is no helper.
            if session.is_none() {
                letters::send(line, &(errno as i32).to_ne_bytes(), &[]).unwrap_or_default();
            }
        }
    }
    // However it came to the end. An init takes everybody with it.
    let own = session.map(|session| &session.process);
    if role == Role::Guard
        && let Some(target) = guarded.as_ref().or(own)
    {
        signals::signal(target.as_fd(), libc::SIGKILL).ok();
    }
    if let Some(heir) = session.and_then(|session| session.heir.as_ref()) {
        heir.restore();
    }
    detached::leave(1)
}

/// Gives up all that is not needed.
fn prepare(
    role: Role,
    line: BorrowedFd<'_>,
    outgoing: Option<&OwnedFd>,
    session: Option<&Session>,
) -> Result<OwnedFd, Errno> {
    let name = match role {
        Role::Init => c"stockade-init",
        Role::Guard => c"stockade-guard",
    };
    companion::rename(name);
    let signals = signals::descriptor(Set::ALL)?;
    nix::unistd::chdir(c"/")?;
    let outgoing = outgoing.map_or(-1, AsRawFd::as_raw_fd);
    let heir = session.and_then(|session| session.heir.as_ref());
    let terminal = heir.map_or(-1, Heir::number);
    let target = session.map_or(-1, |session| session.process.as_raw_fd());
    companion::close_all_but(&mut [line.as_raw_fd(), outgoing, signals.as_raw_fd(), terminal, target])?;
    let calls = if session.is_some() { &confine::LEADER[..] } else { &confine::HELPER };
    confine::confine(0, calls, Kill::Continue)?;
    // An heir lives as long as it takes to see the end of the line.
    if role == Role::Init && heir.is_none() {
        companion::die_with_parent()?;
    }
    Ok(signals)
}

fn attend(
    role: Role,
    signals: &OwnedFd,
    line: BorrowedFd<'_>,
    outgoing: Option<&OwnedFd>,
    session: Option<&Session>,
    guarded: &mut Option<OwnedFd>,
) -> Result<(), Errno> {
    loop {
        let ready = match companion::wait([signals.as_raw_fd(), line.as_raw_fd()], [false; 2], -1) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        if ready[0] {
            tell(signals, line, session)?;
        }
        if ready[1] {
            let letter = match letters::receive(line) {
                Err(Errno::EAGAIN | Errno::EINTR) => continue,
                other => other?,
            };
            match (letter.text(), letter.descriptors()) {
                ([], _) => return Ok(()),
                // The guard's first letter brings the target.
                (_, [target]) if role == Role::Guard && guarded.is_none() && session.is_none() => {
                    *guarded = Some(companion::copy(*target)?);
                }
                (text, []) if text == QUESTION => {
                    tell(signals, line, session)?;
                    letters::send(line, &QUESTION, &[]).or_else(ignore_full)?;
                }
                (text, []) if text == CONTINUE && session.is_some() => session.map_or((), Session::go_on),
                (text, descriptors) => {
                    if let Some(outgoing) = outgoing {
                        forward(outgoing, text, descriptors)?;
                    }
                }
            }
        }
    }
}

impl Session {
    /// Continues the target and those of its process group, as a shell does with a job. Whoever is in this session can
    /// be continued by it, whatever user it has become (kill(2)).
    fn go_on(&self) {
        // It may be gone.
        if let Ok(group) = getpgid(Some(self.target)) {
            killpg(group, Signal::SIGCONT).ok();
        }
    }

    /// Tells what has become of the target, and reaps whom else this process has inherited.
    fn reap(&self, line: BorrowedFd<'_>) -> Result<(), Errno> {
        while let Some((child, status)) = companion::any_status()? {
            if child != self.target {
                continue;
            }
            let [a, b, c, d] = status.to_ne_bytes();
            while letters::send(line, &[BECAME, a, b, c, d], &[]).or_else(ignore_gone) == Err(Errno::EAGAIN) {
                // The launcher must not miss it, however long it takes.
                companion::wait([line.as_raw_fd()], [true], -1).or_else(ignore_interruption)?;
            }
        }
        Ok(())
    }
}

/// Tells the launcher which signals have reached this process.
fn tell(signals: &OwnedFd, line: BorrowedFd<'_>, session: Option<&Session>) -> Result<(), Errno> {
    while let Some(arrival) = signals::read(signals.as_fd())? {
        if arrival.number == libc::SIGCHLD
            && let Some(session) = session
        {
            // One that somebody has sent may stand for the kernel's own as well.
            session.reap(line)?;
            if arrival.code > 0 {
                continue;
            }
        }
        let number = [u8::try_from(arrival.number).unwrap_or(0)];
        letters::send(line, &number, &[]).or_else(ignore_full)?;
    }
    Ok(())
}

fn ignore_full(errno: Errno) -> Result<(), Errno> {
    if errno == Errno::EAGAIN { Ok(()) } else { Err(errno) }
}

fn ignore_gone(errno: Errno) -> Result<(), Errno> {
    // Nobody is left to be told: the end of the line says so in its turn.
    if errno == Errno::EAGAIN { Err(errno) } else { Ok(()) }
}

fn ignore_interruption(errno: Errno) -> Result<[bool; 1], Errno> {
    if errno == Errno::EINTR { Ok([false]) } else { Err(errno) }
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
