//! What calls reach without a path or an address of the internet, and what they use up: abstract sockets, processes,
//! descriptors.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd;

use crate::plan::why::{Operation, Outside, Question, Reason};
use crate::sys::notify::{Notification, int};

use super::caller::Caller;
use crate::plan::tell::Teller;

/// How many are remembered.
const MOST: usize = 4096;

/// What belongs to the targets.
#[derive(Default)]
pub(super) struct Own {
    /// Those that have called: whoever lost its parent is known by that.
    threads: BTreeSet<u32>,
    /// Abstract sockets.
    sockets: BTreeSet<Vec<u8>>,
}

impl Own {
    /// Somebody calls.
    pub(super) fn calls(&mut self, caller: &Caller<'_>) {
        if self.threads.len() < MOST {
            self.threads.insert(caller.thread());
        }
    }

    /// The abstract socket that a call names, if somebody else has made it; `name` is what follows the family and the
    /// zero. A socket that nobody has made cannot be connected to anyway.
    pub(super) fn socket(&mut self, caller: &Caller<'_>, call: &str, name: &[u8]) -> Option<Question> {
        if name.is_empty() {
            return None;
        }
        if call == "bind" {
            if self.sockets.len() < MOST {
                self.sockets.insert(name.to_vec());
            }
            return None;
        }
        let text = read(caller, "net/unix")?;
        // The kernel shows every zero as this letter.
        let shown: Vec<u8> = name.iter().map(|byte| if *byte == 0 { b'@' } else { *byte }).collect();
        let end = [b" @", shown.as_slice()].concat();
        let is_there = text.split(|byte| *byte == b'\n').any(|line| line.ends_with(&end));
        let outside = is_there && !self.sockets.contains(name);
        outside.then(|| Question::Outside(Outside::Abstract(String::from_utf8_lossy(name).into_owned())))
    }

    /// The process that a call signals, if no target has started it.
    pub(super) fn signalled(&self, caller: &Caller<'_>, notification: &Notification, call: &str) -> Option<Question> {
        let number = if call == "pidfd_send_signal" {
            number(&read(caller, &format!("fdinfo/{}", int(notification.args[0])))?, "Pid:")?
        } else {
            // In a namespace of its own it has other numbers.
            let status = read(caller, "status")?;
            let ids = line(&status, "NSpid:")?;
            if ids.split_whitespace().count() != 1 {
                return None;
            }
            u32::try_from(int(notification.args[0])).ok()?
        };
        (number > 0 && self.is_outside(caller, number)?).then_some(Question::Outside(Outside::Signal(number)))
    }

    /// Whether neither a process nor any that it descends from is a target; nothing of one that is not there.
    fn is_outside(&self, caller: &Caller<'_>, number: u32) -> Option<bool> {
        let mut at = number;
        for _ in 0..1000 {
            if self.threads.contains(&at) {
                return Some(false);
            }
            let file = openat(
                caller.view.process().ok()?,
                format!("{at}/status").as_str(),
                OFlag::O_RDONLY | OFlag::O_CLOEXEC,
                Mode::empty(),
            );
            at = self::number(&whole(&file.ok()?)?, "PPid:")?;
            if at == 0 {
                return Some(true);
            }
        }
        None
    }
}

/// Why an open call will find no descriptor: the policy's limit holds, and all below it are open. While nothing is denied
/// the limit does not hold.
pub(super) fn full(caller: &Caller<'_>, teller: &Teller, holds: bool, path: PathBuf) -> Option<(Question, Reason)> {
    let (limit, reason) = teller.judge.descriptors()?;
    // As long as the table has no room for so many there are not.
    if u64::from(number(&read(caller, "status")?, "FDSize:")?) < limit {
        return None;
    }
    if holds && u64::from(number(&read(caller, "limits")?, "Max open files")?) != limit {
        // The target's own.
        return None;
    }
    let process = caller.view.process().ok()?;
    let is_open = |number: &u64| {
        let at = format!("{}/fd/{number}", caller.thread());
        fstatat(process, at.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
    };
    (0..limit).all(|number| is_open(&number)).then_some((Question::Path(path, Operation::Read), reason))
}

/// One of the caller's own files in /proc.
fn read(caller: &Caller<'_>, name: &str) -> Option<Vec<u8>> {
    whole(&caller.file(name, OFlag::O_RDONLY).ok()?)
}

/// A file to its end, or as much as anybody should read; by what the supervisor's own filter lets it call.
fn whole(file: &OwnedFd) -> Option<Vec<u8>> {
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    while text.len() < 1 << 22 {
        match unistd::read(file, &mut part).ok()? {
            0 => break,
            got => text.extend_from_slice(part.get(..got)?),
        }
    }
    Some(text)
}

/// What follows a word at the beginning of a line.
fn line(text: &[u8], word: &str) -> Option<String> {
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.find_map(|line| line.strip_prefix(word.as_bytes())).map(|rest| String::from_utf8_lossy(rest).into_owned())
}

/// The number that does.
fn number(text: &[u8], word: &str) -> Option<u32> {
    line(text, word)?.split_whitespace().next()?.parse().ok()
}
