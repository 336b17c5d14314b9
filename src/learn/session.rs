//! One run of a program that is learnt from: it starts, is listened to, is stopped in time, and leaves nothing behind.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::apply::find;
use crate::fault::{Exit, Fault};
use crate::plan::SEARCH;
use crate::sys::execve::Vector;
use crate::sys::signals::{self, Set};
use crate::sys::watched::{self, Child, Start};
use crate::sys::{process, target, target::Found};

use super::observed::{Observed, Part};
use super::{bpf, notify};

/// How it is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By eBPF, which the program does not notice.
    Ebpf,
    /// By seccomp notifications, which every call waits for.
    Notify,
}

/// What to run.
pub struct Session<'a> {
    /// The program and its arguments.
    pub command: &'a [OsString],
    /// When to end it.
    pub time: Option<Duration>,
    /// Whether this process may give the program its chance of privileges: CAP_SYS_ADMIN is there.
    pub privileged: bool,
    /// How to listen.
    pub by: By,
    /// Told of calls and different calls, about four times a second.
    pub progress: Option<&'a mut dyn FnMut(u64, usize)>,
}

/// What came of it.
pub struct Ended {
    /// What was seen.
    pub seen: Observed,
    /// How the program ended; nothing where it was still running, or was ended because its time was up.
    pub status: Option<Status>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// How long a program may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Nanoseconds between two looks at the clock.
const TICK: i64 = 250_000_000;
/// And between two looks at what programs in the kernel have written down.
const GATHER: i64 = 20_000_000;

/// The collector.
enum Ear {
    Notify(Box<notify::Collector>),
    Ebpf(Box<bpf::Collector>),
}

impl Ear {
    fn progress(&self) -> (u64, usize) {
        match self {
            Self::Notify(collector) => collector.progress(),
            Self::Ebpf(collector) => collector.progress(),
        }
    }

    /// Before they are ended. What runs in the kernel sees every end.
    fn sample(&mut self) {
        if let Self::Notify(collector) = self {
            collector.sample();
        }
    }

    fn finish(self) -> Observed {
        match self {
            Self::Notify(collector) => collector.finish(),
            Self::Ebpf(collector) => collector.finish(),
        }
    }
}

/// Starts the program and listens to it from its first instruction.
fn start(start: &Start<'_>, by: By) -> Result<(Child, Ear), Fault> {
    if by == By::Notify {
        let (child, listener) = watched::start(start).map_err(|errno| {
            failed("listen to the program's system calls", errno)
                .help("seccomp notifications need Linux 5.0, and no other filter that has them (container engines can)")
        })?;
        return Ok((child, Ear::Notify(Box::new(notify::Collector::new(listener)))));
    }
    let (child, held) = watched::held(start).map_err(|errno| failed("start the program", errno))?;
    let collector = bpf::Collector::start(bpf::Scope::Tree(child.pid.as_raw()))?;
    held.go().map_err(|errno| failed("start the program", errno))?;
    Ok((child, Ear::Ebpf(Box::new(collector))))
}

/// Runs the program and listens to it, until it and everything that it started has ended.
///
/// # Errors
/// It cannot be found, started or listened to.
pub fn run(session: &mut Session<'_>) -> Result<Ended, Fault> {
    if session.by == By::Ebpf {
        bpf::Collector::available()?;
    }
    let path = find(&session.command[0])?;
    let before = signals::block(Set::ALL).map_err(|errno| failed("block signals", errno))?;
    // Whoever loses its parent comes to us, so that it stays a descendant of ours (Yama looks at that).
    process::prctl(libc::PR_SET_CHILD_SUBREAPER, 1).map_err(|errno| failed("collect orphans", errno))?;
    let words = |words: Vec<Vec<u8>>| -> Result<Vector, Fault> {
        let words: Result<Vec<CString>, _> = words.into_iter().map(CString::new).collect();
        words.map(Vector::new).map_err(|_| Fault::new("an argument or variable has a NUL in it").exit(Exit::Usage))
    };
    let argv = words(session.command.iter().map(|word| word.as_bytes().to_vec()).collect())?;
    let envp =
        words(std::env::vars_os().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat()).collect())?;
    let file = CString::new(path.clone().into_os_string().into_vec())
        .map_err(|_| Fault::new("the command has a NUL in it").exit(Exit::Usage))?;
    let start = Start {
        path: &file,
        argv: &argv,
        envp: &envp,
        mask: before,
        filter: &notify::EVERYTHING,
        privileges: session.privileged,
    };
    let (child, ear) = match self::start(&start, session.by) {
        Ok(started) => started,
        Err(fault) => {
            signals::block(before).map_err(|errno| failed("unblock signals", errno))?;
            return Err(fault);
        }
    };
    let mut live = Live {
        ear,
        child,
        status: None,
        end: session.time.map(|time| Instant::now() + time),
        asked: false,
        timed: false,
        over: false,
    };
    let result = live.run(session);
    live.ear.sample();
    live.clear();
    // What has ended the program, the terminal has sent to this process as well, and it may not have been read yet.
    while let Ok(arrivals) = signals::descriptor(Set::ALL)
        && let Ok(Some(_)) = signals::read(arrivals.as_fd())
    {}
    signals::block(before).map_err(|errno| failed("unblock signals", errno))?;
    result.map_err(|errno| failed("listen to the program", errno))?;
    if let Some(errno) = live.child.failure() {
        let exit = if errno == Errno::ENOENT { Exit::NotFound } else { Exit::NotExecutable };
        return Err(Fault::new(format!("cannot execute {}: {}", path.display(), errno.desc())).exit(exit));
    }
    let mut seen = live.ear.finish();
    seen.used(path, super::observed::Use::Execute, &name_of(&session.command[0]));
    if !session.privileged && unprivileged() {
        // It had none and could gain none.
        seen.unknown.remove(&Part::Capabilities);
    }
    Ok(Ended { seen, status: if live.timed { None } else { live.status } })
}

/// A run that goes on.
struct Live {
    ear: Ear,
    child: Child,
    status: Option<Status>,
    end: Option<Instant>,
    /// Whether the program has been asked to end.
    asked: bool,
    /// Whether that was because its time was up.
    timed: bool,
    over: bool,
}

impl Live {
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), Errno> {
        let arrivals = signals::descriptor(Set::ALL)?;
        let mut told = Instant::now();
        let tick = (self.end.is_some() || session.progress.is_some()).then_some(TICK);
        while !self.over {
            let waited = match &self.ear {
                Ear::Notify(collector) => target::wait([arrivals.as_fd(), collector.descriptor()], tick),
                Ear::Ebpf(_) => target::wait([arrivals.as_fd()], Some(GATHER)).map(|[one]| [one, Found::default()]),
            };
            let [signal, calls] = match waited {
                Ok(found) => found,
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
            };
            match &mut self.ear {
                Ear::Notify(collector) if calls.input => collector.serve()?,
                Ear::Ebpf(collector) => collector.gather(),
                // The last target is gone.
                Ear::Notify(_) if calls.hangup => {
                    self.reap()?;
                    break;
                }
                Ear::Notify(_) => {}
            }
            while signal.input
                && let Some(arrival) = signals::read(arrivals.as_fd())?
            {
                self.signal(&arrival)?;
            }
            if let Some(end) = self.end
                && Instant::now() >= end
            {
                self.end = self.ask();
            }
            if let Some(progress) = session.progress.as_mut()
                && told.elapsed() > Duration::from_millis(250)
            {
                told = Instant::now();
                let (calls, different) = self.ear.progress();
                progress(calls, different);
            }
        }
        Ok(())
    }

    fn signal(&mut self, arrival: &signals::Arrival) -> Result<(), Errno> {
        match arrival.number {
            libc::SIGCHLD => self.reap()?,
            // The terminal sends its signals to the whole group: the program has them already.
            libc::SIGINT | libc::SIGQUIT if arrival.code == libc::SI_KERNEL => {
                if self.status.is_some() || self.asked {
                    self.over = true;
                }
                self.asked = true;
            }
            libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU | libc::SIGWINCH | libc::SIGCONT
                if arrival.code == libc::SI_KERNEL => {}
            // With the program gone, what it has left behind is what the signal is for.
            _ if self.status.is_some() => self.over = true,
            _ => {
                self.ear.sample();
                signals::send(self.child.process.as_fd(), arrival).ok();
            }
        }
        Ok(())
    }

    /// Asks the program to end; when to make it end then.
    fn ask(&mut self) -> Option<Instant> {
        if self.asked || self.status.is_some() {
            self.over = true;
            return None;
        }
        self.asked = true;
        self.timed = true;
        self.ear.sample();
        signals::signal(self.child.process.as_fd(), libc::SIGTERM).ok();
        Some(Instant::now() + GRACE)
    }

    fn reap(&mut self) -> Result<(), Errno> {
        loop {
            let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(pid, status)) => (pid, Status::Exited(status)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Status::Killed(signal as i32)),
                Ok(WaitStatus::Stopped(pid, _)) if pid == self.child.pid => {
                    // Job control: the shell sees one job stop and go on.
                    signals::suffer(libc::SIGSTOP)?;
                    signals::signal(self.child.process.as_fd(), libc::SIGCONT).ok();
                    continue;
                }
                Ok(WaitStatus::StillAlive) => return Ok(()),
                Err(Errno::ECHILD) => {
                    // Whoever loses its parent is a child of this process: there is nobody left.
                    self.over |= matches!(self.ear, Ear::Ebpf(_));
                    return Ok(());
                }
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
            };
            if pid == self.child.pid {
                self.status = Some(status);
            }
        }
    }

    /// Ends what is left: without a listener every call of theirs would fail.
    fn clear(&mut self) {
        for _ in 0..1000 {
            self.reap().ok();
            let list = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
            let children: Vec<i32> = list.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
            if children.is_empty() {
                return;
            }
            for child in children {
                nix::sys::signal::kill(Pid::from_raw(child), nix::sys::signal::Signal::SIGKILL).ok();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Whether this process has no capabilities.
fn unprivileged() -> bool {
    let status = crate::host::lossy("/proc/self/status").unwrap_or_default();
    let none = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.is_some_and(|word| word.trim().bytes().all(|digit| digit == b'0'))
    };
    none("CapPrm:") && none("CapAmb:")
}

/// The file that a command names, as `run` finds it.
fn find(command: &OsString) -> Result<PathBuf, Fault> {
    let search = std::env::var_os("PATH").unwrap_or_else(|| SEARCH.into());
    let candidates = find::candidates(command, &search)?;
    let refused = |why: &str, exit| Fault::new(format!("cannot execute `{}`: {why}", command.display())).exit(exit);
    match find::find(&candidates) {
        Ok(at) => {
            let path = Path::new(OsStr::from_bytes(candidates[at].to_bytes()));
            Ok(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
        }
        Err(Errno::ENOENT) if command.as_bytes().contains(&b'/') => {
            Err(refused("there is no such file", Exit::NotFound))
        }
        Err(Errno::ENOENT) => Err(refused("it is in no directory of $PATH", Exit::NotFound)),
        Err(errno) => Err(refused(&errno.desc().to_lowercase(), Exit::NotExecutable)),
    }
}

fn name_of(command: &OsString) -> String {
    Path::new(command).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn failed(what: &str, errno: Errno) -> Fault {
    Fault::new(format!("cannot {what}: {}", errno.desc())).exit(Exit::Exception)
}
