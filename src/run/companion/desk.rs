//! The launcher while the target lives: signals, stops, messages, time, and the end.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;

use crate::fault::Exit;
use crate::plan::companion::CompanionOp;
use crate::run::failure::words;
use crate::sys::progress::Progress;
use crate::sys::signals::{self, Arrival, LAST, Set};
use crate::sys::{companion, detached, facts, letters, target};

use super::confine::{self, Kill};
use super::pty::Pty;
use super::queue::Queue;
use super::relay::{Names, Relay};
use super::report::{End, Status};
use super::terminal::Terminal;
use super::warden::{BECAME, CONTINUE, QUESTION};

/// CAP_KILL: the target may have become somebody else.
const CAP_KILL: u64 = 1 << 5;

/// Whom the launcher deals with.
pub(super) struct Ends {
    pub(super) target: Pid,
    /// The same as a descriptor, where it is the helper's child.
    pub(super) process: Option<OwnedFd>,
    pub(super) helper: Pid,
    /// The same as a descriptor.
    pub(super) handle: Option<OwnedFd>,
    /// To the helper.
    pub(super) line: OwnedFd,
    pub(super) relay: Option<Relay>,
    pub(super) terminal: Option<Terminal>,
    /// The target's own.
    pub(super) pty: Option<Pty>,
    /// Closed by the target's execution.
    pub(super) executed: Option<OwnedFd>,
}

/// The launcher's desk.
pub(super) struct Desk {
    ends: Ends,
    as_pid1: bool,
    inner: u32,
    progress: Progress,
    status: Option<Status>,
    /// When the target's time is over, and how long it may take to end then.
    deadline: Option<Instant>,
    grace: Duration,
    /// Whether its time is over.
    late: bool,
    /// Signals that may have to be sent on.
    queue: Queue,
    /// Whether the helper is gone.
    alone: bool,
    /// Whether a target that is the helper's child is stopped. What is typed waits until it is not: Ctrl-Z would be lost.
    halted: bool,
    /// Whether the next SIGCONT has been passed on already.
    continued: bool,
}

/// Descriptors that signals are sent by.
struct Handles {
    signals: OwnedFd,
    target: OwnedFd,
    helper: OwnedFd,
}

impl Desk {
    pub(super) fn new(op: &CompanionOp, ends: Ends, queue: Queue, progress: Progress, status: Option<Status>) -> Self {
        let span = |microseconds: u64| Duration::from_micros(microseconds);
        Self {
            ends,
            as_pid1: op.as_pid1,
            inner: op.inner(),
            progress,
            status,
            deadline: op.limit.and_then(|limit| Instant::now().checked_add(span(limit))),
            grace: span(op.grace),
            late: false,
            queue,
            alone: false,
            halted: false,
            continued: false,
        }
    }

    /// Serves until the target has ended, and ends as it did.
    pub(super) fn run(mut self) -> ! {
        let Ok(handles) = self.prepare() else {
            // The helper takes the target with it as this process ends, and without a helper it ends by itself.
            self.progress.fall();
            detached::leave(Exit::Namespace as i32)
        };
        self.progress.stand();
        if let Some(pty) = &mut self.ends.pty {
            pty.take();
        }
        let end = self.serve(&handles);
        if let Ok(end) = end {
            self.close(&handles, end);
        }
        if let Some(pty) = &mut self.ends.pty {
            pty.release();
        }
        match end {
            Ok(_) if self.late => detached::leave(Exit::Timeout as i32),
            Ok(End::Exited(code)) => detached::leave(code),
            Ok(End::Killed(number, _)) => {
                signals::suffer(number).ok();
                detached::leave(128 + number)
            }
            // The helper takes the target with it as this process ends.
            Err(_) => detached::leave(Exit::Exception as i32),
        }
    }

    /// Gets what is needed and gives up everything else; tells what it could not.
    fn prepare(&mut self) -> Result<Handles, Errno> {
        // Until it is sure that this process can stay; later nothing of the host's is open.
        let told = companion::copy(2).ok();
        let prepared = self.settle(told.as_ref().map_or(-1, AsRawFd::as_raw_fd));
        if let Err(errno) = &prepared {
            let text = format!("stockade: cannot stay beside the target: {}\n", words(*errno));
            let stderr = std::io::stderr();
            let told = told.as_ref().map_or(stderr.as_fd(), AsFd::as_fd);
            // Where even that cannot be told, the exit status says it.
            nix::unistd::write(told, text.as_bytes()).ok();
        }
        prepared
    }

    /// Keeps open what it needs, and one more.
    fn settle(&mut self, told: RawFd) -> Result<Handles, Errno> {
        companion::rename(c"stockade");
        for number in (1..=LAST).filter(|number| caught(*number)) {
            // A manager that asks whether SIGHUP is caught sees that it is. The C library's own two cannot be.
            drop(signals::catch(number));
        }
        let handles = Handles {
            signals: signals::descriptor(Set::ALL)?,
            target: match self.ends.process.take() {
                Some(process) => process,
                None => target::process(self.ends.target.as_raw())?,
            },
            helper: self.ends.handle.take().ok_or(Errno::EBADF)?,
        };
        nix::unistd::chdir(c"/")?;
        let [incoming, outgoing] = self.ends.relay.as_ref().map_or([-1; 2], Relay::numbers);
        let [server, terminal, outer] = self.ends.pty.as_ref().map_or([-1; 3], Pty::numbers);
        companion::close_all_but(&mut [
            server,
            terminal,
            outer,
            handles.signals.as_raw_fd(),
            handles.target.as_raw_fd(),
            handles.helper.as_raw_fd(),
            self.ends.line.as_raw_fd(),
            incoming,
            outgoing,
            self.ends.terminal.as_ref().map_or(-1, Terminal::number),
            self.ends.executed.as_ref().map_or(-1, AsRawFd::as_raw_fd),
            self.status.as_ref().map_or(-1, Status::number),
            told,
        ])?;
        facts::effective()
            .and_then(|effective| confine::confine(effective & CAP_KILL, &confine::LAUNCHER, Kill::Own))
            .map(|()| handles)
    }

    fn serve(&mut self, handles: &Handles) -> Result<End, Errno> {
        loop {
            let (relay, write) =
                self.ends.relay.as_ref().map_or((-1, false), |relay| relay.awaits(self.ends.line.as_fd()));
            let executed = self.ends.executed.as_ref().map_or(-1, AsRawFd::as_raw_fd);
            let line = if self.alone { -1 } else { self.ends.line.as_raw_fd() };
            let [shown, mut typed, mut type_on, show_on] = self.ends.pty.as_ref().map_or([-1; 4], Pty::awaits);
            if self.halted {
                (typed, type_on) = (-1, -1);
            }
            let fds = [handles.signals.as_raw_fd(), line, executed, relay, shown, typed, type_on, show_on];
            let write = [false, false, false, write, false, false, true, true];
            let ready = match companion::wait(fds, write, self.patience()) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            // The execution is told before anything that comes of it.
            if ready[2] {
                self.executed();
            }
            if ready[1]
                && let Some(end) = self.hear(handles)?
            {
                return Ok(end);
            }
            if ready[0] {
                while let Some(arrival) = signals::read(handles.signals.as_fd())? {
                    let child = arrival.number == libc::SIGCHLD;
                    // One that somebody has sent may stand for the kernel's own as well.
                    if child
                        && self.ends.pty.is_none()
                        && let Some(end) = self.children(handles)?
                    {
                        return Ok(end);
                    }
                    let ours = (child && arrival.code > 0) || self.own_terminals(arrival.number);
                    if !ours && let Some(arrival) = self.queue.arrived(arrival, Instant::now()) {
                        self.forward(handles, &arrival);
                    }
                }
            }
            if ready[3] {
                self.pass();
            }
            if let Some(pty) = &mut self.ends.pty {
                pty.carry([ready[4], ready[5], ready[6], ready[7]]);
            }
            self.time(handles);
        }
    }

    /// Deals with what concerns the caller's terminal; says whether the target has no part in it.
    fn own_terminals(&mut self, number: i32) -> bool {
        let Some(pty) = &mut self.ends.pty else { return false };
        match number {
            libc::SIGWINCH => pty.resize(),
            libc::SIGCONT => {
                pty.take();
                return std::mem::take(&mut self.continued);
            }
            _ => return false,
        }
        true
    }

    /// Stops this process until somebody continues it; the terminal is the caller's meanwhile.
    fn stop(&mut self, number: i32) -> Result<(), Errno> {
        if let Some(pty) = &mut self.ends.pty {
            pty.release();
        }
        signals::suffer(number)?;
        if let Some(pty) = &mut self.ends.pty {
            pty.take();
            // Where nobody could continue this process, the kernel has not stopped it, and nobody has sent this.
            self.continued = signals::pending()?.has(Set::one(libc::SIGCONT));
            letters::send(self.ends.line.as_fd(), &CONTINUE, &[]).ok();
        }
        Ok(())
    }

    /// Milliseconds until something has to be done without being asked.
    fn patience(&self) -> i32 {
        let Some(next) = self.queue.wakes().into_iter().chain(self.deadline).min() else { return -1 };
        let left = next.saturating_duration_since(Instant::now());
        // Rounded up, so that it is over when poll says so.
        i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
    }

    /// The target has been executed, or has failed before.
    fn executed(&mut self) {
        if let Some(status) = &self.status {
            // There was room when nothing had been started; the target is not ended for the sake of a line.
            status.started(&self.progress, self.ends.target.as_raw(), Some(self.inner)).ok();
        }
        self.ends.executed = None;
    }

    /// The helper says that a signal has reached it, or what has become of a target that is its child.
    fn hear(&mut self, handles: &Handles) -> Result<Option<End>, Errno> {
        let mut stopped = None;
        loop {
            let letter = match letters::receive(self.ends.line.as_fd()) {
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            match *letter.text() {
                [BECAME, a, b, c, d] => match i32::from_ne_bytes([a, b, c, d]) {
                    status if libc::WIFSTOPPED(status) => {
                        (stopped, self.halted) = (Some(libc::WSTOPSIG(status)), true);
                    }
                    status if libc::WIFCONTINUED(status) => (stopped, self.halted) = (None, false),
                    status => return Ok(Some(self.ended(handles, status))),
                },
                [0, ..] => self.send_on(handles),
                [number, ..] => self.queue.told(number, Instant::now()),
                [] => return self.bereft(handles),
            }
        }
        // Where somebody is about to continue it, this process must not stop.
        if let Some(number) = stopped
            && !self.queue.holds(libc::SIGCONT)
        {
            self.stop(number)?;
        }
        Ok(None)
    }

    /// The helper is gone: without it nothing holds the target to this process.
    fn bereft(&mut self, handles: &Handles) -> Result<Option<End>, Errno> {
        self.alone = true;
        signals::signal(handles.target.as_fd(), libc::SIGKILL).or_else(gone)?;
        if self.ends.pty.is_none() {
            return Ok(None);
        }
        // Its parent would have told of it. SIGKILL lets nobody wait for long.
        companion::wait([handles.target.as_raw_fd()], [false], -1)?;
        Ok(Some(self.ended(handles, libc::SIGKILL)))
    }

    /// Sends on what the helper has not got.
    fn send_on(&mut self, handles: &Handles) {
        while let Some(arrival) = self.queue.answered() {
            self.forward(handles, &arrival);
        }
    }

    fn forward(&self, handles: &Handles, arrival: &Arrival) {
        if self.ends.pty.is_some() && arrival.number == libc::SIGCONT {
            // A job is continued as a whole.
            letters::send(self.ends.line.as_fd(), &CONTINUE, &[]).ok();
        } else {
            // The target may be gone, or have become somebody whom nobody without CAP_KILL can reach.
            signals::send(handles.target.as_fd(), arrival).ok();
        }
    }

    /// Asks the helper about what has waited long enough, and sees to the target's time.
    fn time(&mut self, handles: &Handles) {
        let now = Instant::now();
        let silent =
            self.queue.asks(now) && (self.alone || letters::send(self.ends.line.as_fd(), &QUESTION, &[]).is_err());
        if silent || self.queue.overdue(now) {
            self.send_on(handles);
        }
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        if self.late {
            self.deadline = None;
            self.kill(handles);
            return;
        }
        self.late = true;
        self.deadline = now.checked_add(self.grace);
        for number in [libc::SIGTERM, libc::SIGCONT] {
            // It may be gone.
            signals::signal(handles.target.as_fd(), number).ok();
        }
    }

    /// Ends everything in the namespace.
    fn kill(&self, handles: &Handles) {
        let first = if self.as_pid1 { &handles.target } else { &handles.helper };
        signals::signal(first.as_fd(), libc::SIGKILL).ok();
    }

    fn pass(&mut self) {
        let names = Names { target: self.ends.target.as_raw(), inner: self.inner, launcher: std::process::id() };
        if let Some(relay) = &mut self.ends.relay {
            relay.pass(self.ends.line.as_fd(), names);
        }
    }

    /// Looks what has become of the children: the target's end, or nothing.
    fn children(&mut self, handles: &Handles) -> Result<Option<End>, Errno> {
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
        loop {
            match companion::status(self.ends.target, flags)? {
                Some(status) if libc::WIFSTOPPED(status) => {
                    let stopped = libc::WSTOPSIG(status);
                    // Where somebody has continued it meanwhile, this process must not stop.
                    match companion::status(self.ends.target, flags)? {
                        None => self.stop(stopped)?,
                        Some(status) if libc::WIFCONTINUED(status) || libc::WIFSTOPPED(status) => {}
                        Some(status) => return Ok(Some(self.ended(handles, status))),
                    }
                }
                Some(status) if libc::WIFCONTINUED(status) => {}
                Some(status) => return Ok(Some(self.ended(handles, status))),
                None => return Ok(None),
            }
        }
    }

    fn ended(&mut self, handles: &Handles, status: i32) -> End {
        // What it said last is sent on before its end is known.
        self.pass();
        self.kill(handles);
        if libc::WIFSIGNALED(status) {
            End::Killed(libc::WTERMSIG(status), libc::WCOREDUMP(status))
        } else {
            End::Exited(libc::WEXITSTATUS(status))
        }
    }

    /// Waits until nobody of the namespace is left.
    fn close(&mut self, handles: &Handles, end: End) {
        signals::signal(handles.helper.as_fd(), libc::SIGKILL).ok();
        while companion::status(self.ends.helper, WaitPidFlag::empty()) == Err(Errno::EINTR) {}
        if let Some(terminal) = &self.ends.terminal {
            terminal.restore();
        }
        if let Some(pty) = &mut self.ends.pty {
            pty.end();
        }
        if self.ends.executed.is_some() {
            self.executed();
        }
        if let Some(status) = &self.status {
            status.exited(&self.progress, end, self.late);
        }
    }
}

/// Whether this process shows a signal as caught.
fn caught(number: i32) -> bool {
    let never =
        [libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGCONT];
    // Those that a fault of our own would raise end us at once.
    let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGSYS, libc::SIGTRAP];
    !never.contains(&number) && !faults.contains(&number)
}

fn gone(errno: Errno) -> Result<(), Errno> {
    if errno == Errno::ESRCH { Ok(()) } else { Err(errno) }
}
