//! A terminal of the target's own (pty(7)), connected with the caller's: what is typed goes in, what is shown comes out.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::{Pid, getpgrp, read, setpgid, write};

use crate::sys::companion;
use crate::sys::terminal::{self, Settings};

/// Both terminals.
pub(super) struct Pty {
    /// The side that serves the target's.
    server: OwnedFd,
    /// The target's. It stays open here until the end: a terminal that nobody has open says so again and again.
    inner: Option<OwnedFd>,
    /// The caller's, where there is one.
    outer: Option<OwnedFd>,
    /// This process's group.
    group: Pid,
    /// How the caller's was set, while it is raw.
    before: Option<Settings>,
    typed: Stock,
    shown: Stock,
}

/// The caller's terminal in the hands of somebody who outlives the launcher.
pub(super) struct Heir {
    outer: OwnedFd,
    before: Settings,
}

impl Heir {
    /// The terminal's descriptor.
    pub(super) fn number(&self) -> i32 {
        self.outer.as_raw_fd()
    }

    /// Puts the terminal back where it is still as the launcher had it, and as nobody else sets it.
    pub(super) fn restore(&self) {
        let raw = self.before.raw();
        if terminal::settings(self.outer.as_fd()).is_ok_and(|now| now.same(&raw)) {
            // Hung up: there is nothing to put back.
            terminal::set(self.outer.as_fd(), &self.before).ok();
        }
    }
}

/// Bytes on their way.
struct Stock {
    bytes: [u8; 4096],
    from: usize,
    to: usize,
}

impl Stock {
    const fn new() -> Self {
        Self { bytes: [0; 4096], from: 0, to: 0 }
    }

    fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Takes what there is, into an empty stock. False: there will never be more.
    fn fill(&mut self, source: &OwnedFd) -> bool {
        if !self.is_empty() {
            return true;
        }
        match read(source, &mut self.bytes) {
            Ok(0) => false,
            Ok(count) => {
                (self.from, self.to) = (0, count);
                true
            }
            Err(errno) => matches!(errno, Errno::EAGAIN | Errno::EINTR),
        }
    }

    /// Gives what the other side takes. False: it never takes more.
    fn empty(&mut self, into: &OwnedFd) -> bool {
        while let Some(rest) = self.bytes.get(self.from..self.to).filter(|rest| !rest.is_empty()) {
            match write(into, rest) {
                Ok(count) => self.from += count,
                Err(Errno::EINTR) => {}
                Err(errno) => return errno == Errno::EAGAIN,
            }
        }
        true
    }
}

impl Pty {
    /// A new terminal, set as the caller's is.
    ///
    /// # Errors
    /// Those of opening it.
    pub(super) fn new() -> Result<Self, Errno> {
        let (server, inner) = terminal::pair()?;
        // One that cannot be opened anew is used as it is.
        let one = |number| terminal::is_terminal(number).map(|is| is.then_some(number)).transpose();
        let standard = (0..3).find_map(one).transpose()?;
        let outer = match standard {
            Some(number) => Some(terminal::reopen(number).or_else(|_| companion::copy(number))?),
            None => terminal::controlling().ok(),
        };
        if let Some(outer) = &outer {
            // One that has been hung up has no settings to take over.
            terminal::settings(outer.as_fd()).and_then(|settings| terminal::set(inner.as_fd(), &settings)).ok();
            terminal::resize(server.as_fd(), outer.as_fd()).ok();
        }
        Ok(Self {
            server,
            inner: Some(inner),
            outer,
            group: getpgrp(),
            before: None,
            typed: Stock::new(),
            shown: Stock::new(),
        })
    }

    /// Makes a session that it controls, with this process as its leader.
    ///
    /// # Errors
    /// Those of the calls.
    pub(super) fn lead(&self) -> Result<(), Errno> {
        let inner = self.inner.as_ref().ok_or(Errno::EBADF)?;
        terminal::session()?;
        terminal::control(inner.as_fd())
    }

    /// Makes this process a job in its foreground, and puts it in place of the terminals among the standard descriptors.
    ///
    /// # Errors
    /// Those of the calls.
    pub(super) fn enter(&self) -> Result<(), Errno> {
        let inner = self.inner.as_ref().ok_or(Errno::EBADF)?;
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        // Every signal is blocked, SIGTTOU, too.
        companion::set_foreground(inner.as_fd(), getpgrp())?;
        for number in 0..3 {
            if terminal::is_terminal(number)? {
                terminal::replace(number, inner.as_fd())?;
            }
        }
        Ok(())
    }

    /// What puts the caller's terminal back when this process can not any more.
    pub(super) fn heir(&self) -> Option<Heir> {
        let outer = companion::copy(self.outer.as_ref()?.as_raw_fd()).ok()?;
        let before = terminal::settings(outer.as_fd()).ok()?;
        Some(Heir { outer, before })
    }

    /// Its descriptors.
    pub(super) fn numbers(&self) -> [i32; 3] {
        let number = |fd: &Option<OwnedFd>| fd.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        [self.server.as_raw_fd(), number(&self.inner), number(&self.outer)]
    }

    /// Takes the caller's terminal, where it is this process group's, and looks how large it is. Again after every
    /// time that somebody else may have had it.
    pub(super) fn take(&mut self) {
        let Some(outer) = &self.outer else { return };
        self.resize();
        if companion::foreground(outer.as_fd()) != Ok(self.group) {
            self.before = None;
            return;
        }
        let Ok(now) = terminal::settings(outer.as_fd()) else { return };
        // Whoever stopped us without asking left it as we had it: the first settings are the caller's.
        self.before.get_or_insert(now);
        // A terminal that is hung up meanwhile is found out by the next read.
        terminal::set(outer.as_fd(), &now.raw()).ok();
    }

    /// Gives it back as it was.
    pub(super) fn release(&mut self) {
        if let (Some(outer), Some(before)) = (&self.outer, self.before.take()) {
            // Hung up: there is nothing to put back.
            terminal::set(outer.as_fd(), &before).ok();
        }
    }

    /// Passes the window's size on.
    pub(super) fn resize(&self) {
        if let Some(outer) = &self.outer {
            terminal::resize(self.server.as_fd(), outer.as_fd()).ok();
        }
    }

    /// What to wait for: reading of the server and of the caller's, writing to the server and to the caller's.
    pub(super) fn awaits(&self) -> [i32; 4] {
        let [server, _, outer] = self.numbers();
        let when = |holds: bool, fd: i32| if holds { fd } else { -1 };
        [
            when(self.shown.is_empty(), server),
            when(self.typed.is_empty() && self.before.is_some(), outer),
            when(!self.typed.is_empty(), server),
            when(!self.shown.is_empty(), outer),
        ]
    }

    /// Carries what there is.
    pub(super) fn carry(&mut self, ready: [bool; 4]) {
        if ready[0] || ready[3] {
            self.show();
        }
        if (ready[1] || ready[2])
            && let Some(outer) = &self.outer
        {
            let more = self.typed.fill(outer);
            self.typed.empty(&self.server);
            if !more {
                self.lose();
            }
        }
    }

    /// One stock of what the target writes. False: there is no more for now.
    fn show(&mut self) -> bool {
        let open = self.shown.fill(&self.server);
        let some = !self.shown.is_empty();
        let taken = self.outer.as_ref().is_some_and(|outer| self.shown.empty(outer));
        if !taken {
            // Nobody sees it.
            (self.shown.from, self.shown.to) = (0, 0);
            self.lose();
        }
        open && some
    }

    /// The caller's terminal has been hung up.
    fn lose(&mut self) {
        (self.outer, self.before) = (None, None);
    }

    /// Shows all that was written, when nobody writes any more, and gives the terminal back.
    pub(super) fn end(&mut self) {
        /// Milliseconds that a terminal may take for one stock.
        const PATIENCE: i32 = 2000;
        self.inner = None;
        loop {
            let more = self.show();
            if let Some(outer) = self.outer.as_ref().filter(|_| !self.shown.is_empty()) {
                match companion::wait([outer.as_raw_fd()], [true], PATIENCE) {
                    Ok([true]) | Err(Errno::EINTR) => continue,
                    // A terminal that is held (Ctrl-S) does not hold up the end for ever.
                    _ => break,
                }
            }
            if !more {
                break;
            }
        }
        self.release();
    }
}
