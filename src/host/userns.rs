//! Whether this caller can make a user namespace: tried, not guessed.

use std::ffi::CStr;
use std::io::Write;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::write;

use crate::sys::child::{Outcome, attempt};

use super::diagnose::{self, Stage};
use super::{Host, Verdict};

/// `uid uid 1` as text, made before the fork.
#[derive(Clone, Copy)]
pub(super) struct Maps {
    uid: Line,
    gid: Line,
}

/// A short line without an allocation.
#[derive(Clone, Copy)]
struct Line {
    text: [u8; 32],
    len: usize,
}

impl Line {
    /// The identity map of one id.
    fn identity(id: u32) -> Self {
        let mut text = [0; 32];
        let mut rest = &mut text[..];
        // Two numbers of at most ten digits always fit.
        write!(rest, "{id} {id} 1").ok();
        let len = 32 - rest.len();
        Self { text, len }
    }
}

impl Maps {
    /// The caller's own ids, mapped to themselves.
    pub(super) fn own() -> Self {
        Self {
            uid: Line::identity(nix::unistd::geteuid().as_raw()),
            gid: Line::identity(nix::unistd::getegid().as_raw()),
        }
    }
}

/// Enters a new user namespace as stockade would: unshare, then its own maps. Allocates nothing.
pub(super) fn enter(maps: &Maps) -> Result<(), (Stage, Errno)> {
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| (Stage::Unshare, errno))?;
    let mapped = put(c"/proc/self/setgroups", b"deny")
        .and_then(|()| put(c"/proc/self/uid_map", &maps.uid.text[..maps.uid.len]))
        .and_then(|()| put(c"/proc/self/gid_map", &maps.gid.text[..maps.gid.len]));
    mapped.map_err(|errno| (Stage::Map, errno))
}

/// Writes one of the files of /proc/self.
fn put(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    if write(&file, text)? == text.len() { Ok(()) } else { Err(Errno::EIO) }
}

/// Whether this machine is known to be one that restricts user namespaces. Three small files that mostly are not
/// there cost a tenth of trying it out, which is what this is for: whoever needs a namespace for capabilities alone
/// can go without, but only before the kernel has refused.
pub(super) fn doubtful() -> bool {
    let reads = |path: &str, bad: &str| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == bad);
    reads("/proc/sys/user/max_user_namespaces", "0")
        || reads("/proc/sys/kernel/unprivileged_userns_clone", "0")
        || reads("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")
}

/// Tries it in a child.
pub(super) fn probe(host: &Host) -> Verdict {
    let maps = Maps::own();
    let outcome = attempt(|| enter(&maps).map(|()| 0));
    let (stage, errno) = match outcome {
        Ok(Outcome::Done(_)) => return Verdict::Works,
        Ok(Outcome::Failed { stage, errno }) => (Stage::from(stage), errno),
        Ok(Outcome::Killed(_)) => (Stage::Killed, Errno::EPERM),
        Err(errno) => (Stage::Fork, errno),
    };
    let cause = diagnose::user_namespaces(errno, stage, host);
    Verdict::Refused { reason: cause.reason, remedy: cause.remedy }
}
