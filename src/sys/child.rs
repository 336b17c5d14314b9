//! Something tried in a forked child, so that a kill or a half-made change cannot reach us.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, fork, pipe2, read, write};

/// What became of the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did all, and says this number.
    Done(u64),
    /// It got as far as this stage (the caller's own numbering).
    Failed {
        /// The stage.
        stage: u8,
        /// The kernel's answer.
        errno: Errno,
    },
    /// It died of a signal: SIGSYS (31) where a seccomp filter kills. 0 where the caller ignores
    /// SIGCHLD and the kernel kept no status.
    Killed(i32),
}

/// Seconds after which a child that hangs is ended.
const PATIENCE: u32 = 10;

/// Runs `work` in a forked child and waits for it. Calls may be nested.
///
/// `work` must not allocate nor take locks: the child of a process with threads has only one of them.
///
/// # Errors
/// When no child or pipe could be made; what went wrong in the child is its [`Outcome`].
pub fn attempt<S: Into<u8>>(work: impl FnOnce() -> Result<u64, (S, Errno)>) -> Result<Outcome, Errno> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: the child allocates nothing, takes no lock and ends by _exit.
    let forked = unsafe { fork() }?;
    match forked {
        ForkResult::Child => {
            // 1 is the kernel's own mark for "no core, not even to a helper program" (core(5)).
            setrlimit(Resource::RLIMIT_CORE, 1, 1).ok();
            alarm::set(PATIENCE);
            let said = match work() {
                Ok(value) => pack(0, 0, value),
                Err((stage, errno)) => pack(stage.into(), errno as i32, 0),
            };
            // A short or failed write reads as a death in the parent.
            let told = write(&writer, &said).is_ok();
            // SAFETY: ends this process at once, without running anything of the parent's.
            unsafe { libc::_exit(i32::from(!told)) }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let said = hear(&reader);
            let status = loop {
                match waitpid(child, None) {
                    Err(Errno::EINTR) => {}
                    other => break other,
                }
            };
            Ok(said.unwrap_or(match status {
                Ok(WaitStatus::Signaled(_, signal, _)) => Outcome::Killed(signal as i32),
                _ => Outcome::Killed(0),
            }))
        }
    }
}

/// Stage, errno and value in one short message.
fn pack(stage: u8, errno: i32, value: u64) -> [u8; 16] {
    let mut said = [0; 16];
    said[0] = stage;
    said[4..8].copy_from_slice(&errno.to_ne_bytes());
    said[8..16].copy_from_slice(&value.to_ne_bytes());
    said
}

/// Reads the child's message; nothing when it died without one.
fn hear(reader: &OwnedFd) -> Option<Outcome> {
    let mut said = [0_u8; 16];
    let mut at = 0;
    while at < said.len() {
        match read(reader, &mut said[at..]) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(Errno::EINTR) => {}
            Err(_) => break,
        }
    }
    if at < said.len() {
        return None;
    }
    let errno = i32::from_ne_bytes(said[4..8].try_into().ok()?);
    let value = u64::from_ne_bytes(said[8..16].try_into().ok()?);
    Some(if errno == 0 {
        Outcome::Done(value)
    } else {
        Outcome::Failed { stage: said[0], errno: Errno::from_raw(errno) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_report_values_failures_and_deaths() {
        assert_eq!(attempt::<u8>(|| Ok(7)), Ok(Outcome::Done(7)));
        assert_eq!(attempt(|| Err((3_u8, Errno::EPERM))), Ok(Outcome::Failed { stage: 3, errno: Errno::EPERM }));
        assert_eq!(
            attempt::<u8>(|| {
                nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).ok();
                Ok(0)
            }),
            Ok(Outcome::Killed(9))
        );
    }

    #[test]
    fn attempts_can_be_nested() {
        let outcome = attempt::<u8>(|| match attempt::<u8>(|| Ok(5)) {
            Ok(Outcome::Done(n)) => Ok(n + 1),
            _ => Err((1, Errno::EIO)),
        });
        assert_eq!(outcome, Ok(Outcome::Done(6)));
    }
}
