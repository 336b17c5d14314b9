//! What happens, as JSON for programs: one object a line, to a descriptor of the caller's choice.

use std::cell::Cell;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
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
pub(in crate::run) struct Status {
    to: OwnedFd,
    /// Whether somebody was waited for in vain.
    full: Cell<bool>,
}

/// For how long a line waits for room: a reader may be busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// As much as a pipe with room for anything takes without waiting (PIPE_BUF of pipe(7)).
const PIECE: usize = 4096;

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
    /// EBADF: it is not open for writing.
    pub(in crate::run) fn new(number: i32) -> Result<Self, Errno> {
        companion::close_by_execution(number)?;
        let status = target::take(number).map(Self::from)?;
        let flags = OFlag::from_bits_retain(fcntl(&status.to, FcntlArg::F_GETFL)?);
        let reads = flags & OFlag::O_ACCMODE == OFlag::O_RDONLY;
        if reads || flags.contains(OFlag::O_PATH) { Err(Errno::EBADF) } else { Ok(status) }
    }

    fn from(to: OwnedFd) -> Self {
        Self { to, full: Cell::new(false) }
    }

    pub(in crate::run) fn number(&self) -> i32 {
        self.to.as_raw_fd()
    }

    /// A copy of it, for the launcher.
    pub(super) fn copy(number: i32) -> Result<Self, Errno> {
        companion::copy(number).map(Self::from)
    }

    /// Writes a line that is whole. A reader that has gone away misses it, and the target is not held up.
    ///
    /// # Errors
    /// ETIMEDOUT: there is no room for it, as nobody reads; and there was none for a line before.
    pub(in crate::run) fn say(&self, text: &[u8]) -> Result<(), Errno> {
        let said = if self.full.get() { Err(Errno::ETIMEDOUT) } else { self.write(text) };
        self.full.set(said.is_err());
        said
    }

    /// Waits until there is room for a line.
    ///
    /// # Errors
    /// As for [`Status::say`].
    pub(in crate::run) fn room(&self) -> Result<(), Errno> {
        self.full.set(self.wait(Instant::now() + PATIENCE).is_err());
        if self.full.get() { Err(Errno::ETIMEDOUT) } else { Ok(()) }
    }

    fn wait(&self, until: Instant) -> Result<(), Errno> {
        loop {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            match companion::wait([self.number()], [true], i32::try_from(left).unwrap_or(i32::MAX)) {
                Ok([true]) => return Ok(()),
                _ if left == 0 => return Err(Errno::ETIMEDOUT),
                _ => {}
            }
        }
    }

    fn write(&self, text: &[u8]) -> Result<(), Errno> {
        // The open file is the caller's, too: it is not made non-blocking, but asked before it is written to.
        let until = Instant::now() + PATIENCE;
        for piece in text.chunks(PIECE) {
            let mut rest = piece;
            while !rest.is_empty() {
                self.wait(until)?;
                match nix::unistd::write(&self.to, rest) {
                    Ok(length @ 1..) => rest = rest.get(length..).unwrap_or_default(),
                    Err(Errno::EINTR) => {}
                    Err(Errno::EAGAIN) if Instant::now() < until => {}
                    Err(Errno::EAGAIN) => return Err(Errno::ETIMEDOUT),
                    Ok(0) | Err(_) => return Ok(()),
                }
            }
        }
        Ok(())
    }

    fn line(&self, mut line: Line) -> Result<(), Errno> {
        line.add(format_args!("}}\n"));
        self.say(line.text.get(..line.length).unwrap_or_default())
    }

    /// The target runs, if it came to that.
    ///
    /// # Errors
    /// ETIMEDOUT: there is no room to say so.
    pub(in crate::run) fn started(&self, progress: &Progress, pid: i32, inner: Option<u32>) -> Result<(), Errno> {
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
            return self.line(line);
        }
        Ok(())
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
        // The exit status says it as well.
        self.line(line).ok();
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
        let status = Status::from(theirs);
        let progress = Progress::new().expect("a page");
        namespaces(&process().expect("/proc"), &progress);
        let heard = || -> serde_json::Value {
            let letter = crate::sys::letters::receive(ours.as_fd()).expect("a line");
            assert!(letter.text().ends_with(b"}\n"));
            serde_json::from_slice(letter.text()).expect("JSON")
        };
        progress.tell(State::Executing);
        status.started(&progress, 5, Some(2)).expect("room");
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
