//! What happens, as JSON for programs: one object a line, to a descriptor of the caller's choice.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::sys::progress::{KINDS, Progress, State};
use crate::sys::{companion, target};

/// How the target ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal, and whether it dumped core.
    Killed(i32, bool),
}

/// Where it is told.
pub(in crate::run) struct Status(OwnedFd);

/// The files of /proc/PID/ns, in the order of their numbers in [`Progress`].
const NAMES: [(&std::ffi::CStr, &str); KINDS] = [
    (c"cgroup", "cgroup"),
    (c"ipc", "ipc"),
    (c"mnt", "mnt"),
    (c"net", "net"),
    (c"pid", "pid"),
    (c"time", "time"),
    (c"user", "user"),
    (c"uts", "uts"),
];

/// A line, made without allocating.
struct Line {
    text: [u8; 512],
    length: usize,
}

impl Line {
    fn new() -> Self {
        Self { text: [0; 512], length: 0 }
    }

    fn add(&mut self, words: std::fmt::Arguments<'_>) {
        let mut rest = self.text.get_mut(self.length..).unwrap_or_default();
        let had = rest.len();
        // Eight numbers of twenty digits and some words always fit.
        rest.write_fmt(words).ok();
        self.length += had - rest.len();
    }
}

impl Status {
    /// Takes the caller's descriptor over; the target will not have it.
    ///
    /// # Errors
    /// EBADF.
    pub(in crate::run) fn new(number: i32) -> Result<Self, Errno> {
        companion::close_by_execution(number)?;
        target::take(number).map(Self)
    }

    pub(in crate::run) fn number(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// A copy of it, for the launcher.
    pub(super) fn copy(number: i32) -> Result<Self, Errno> {
        companion::copy(number).map(Self)
    }

    /// Writes a line that is whole.
    pub(in crate::run) fn say(&self, text: &[u8]) {
        // A reader that has gone away misses it, and the target is not held up.
        nix::unistd::write(self.0.as_fd(), text).ok();
    }

    fn line(&self, mut line: Line) {
        line.add(format_args!("}}\n"));
        self.say(line.text.get(..line.length).unwrap_or_default());
    }

    /// The target runs, if it came to that.
    pub(in crate::run) fn started(&self, progress: &Progress, pid: i32, inner: Option<u32>) {
        if progress.state() == State::Executing || inner.is_none() {
            let mut line = Line::new();
            line.add(format_args!("{{\"event\":\"started\",\"pid\":{pid}"));
            if let Some(inner) = inner {
                line.add(format_args!(",\"inner\":{inner}"));
            }
            line.add(format_args!(",\"namespaces\":{{"));
            let known = progress.namespaces().into_iter().zip(NAMES).filter(|(number, _)| *number != 0);
            for (at, (number, (_, name))) in known.enumerate() {
                line.add(format_args!("{}\"{name}\":{number}", if at == 0 { "" } else { "," }));
            }
            line.add(format_args!("}}"));
            self.line(line);
        }
    }

    /// The target ended, if it ever ran.
    pub(super) fn exited(&self, progress: &Progress, end: End, late: bool) {
        if progress.state() != State::Executing {
            return;
        }
        let mut line = Line::new();
        line.add(format_args!("{{\"event\":\"exited\""));
        match end {
            End::Exited(code) => line.add(format_args!(",\"code\":{code}")),
            End::Killed(number, core) => line.add(format_args!(",\"signal\":{number},\"core\":{core}")),
        }
        if late {
            line.add(format_args!(",\"timeout\":true"));
        }
        self.line(line);
    }
}

/// Finds out in which namespaces this process is; `process` is /proc before anything was mounted over it.
pub(in crate::run) fn namespaces(process: &OwnedFd, progress: &Progress) {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let Ok(directory) = nix::fcntl::openat(process, c"self/ns", flags, Mode::empty()) else { return };
    // Kinds that this kernel does not have stay 0.
    progress.tell_namespaces(NAMES.map(|(file, _)| companion::inode(directory.as_fd(), file).unwrap_or(0)));
}

/// /proc, for [`namespaces`].
///
/// # Errors
/// Those of open(2).
pub(in crate::run) fn process() -> Result<OwnedFd, Errno> {
    open(c"/proc", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json() {
        let (ours, theirs) = crate::sys::letters::pair().expect("a pair");
        let status = Status(theirs);
        let progress = Progress::new().expect("a page");
        namespaces(&process().expect("/proc"), &progress);
        let heard = || -> serde_json::Value {
            let letter = crate::sys::letters::receive(ours.as_fd()).expect("a line");
            assert!(letter.text().ends_with(b"}\n"));
            serde_json::from_slice(letter.text()).expect("JSON")
        };
        progress.tell(State::Executing);
        status.started(&progress, 5, Some(2));
        let line = heard();
        assert_eq!((&line["pid"], &line["inner"]), (&5.into(), &2.into()));
        assert!(line["namespaces"]["mnt"].as_u64().is_some_and(|number| number > 0), "{line}");
        status.exited(&progress, End::Killed(11, true), true);
        let line = heard();
        assert_eq!((&line["signal"], &line["core"], &line["timeout"]), (&11.into(), &true.into(), &true.into()));
        progress.tell(State::Failed);
        status.exited(&progress, End::Exited(127), false);
        assert!(crate::sys::letters::receive(ours.as_fd()).is_err(), "the target never ran");
    }
}
