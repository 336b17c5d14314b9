//! What runs already is learnt from by eBPF: nothing of it is stopped, changed or traced.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::bpf::{Collector, Scope};
use super::observed::Observed;
use crate::fault::{Exit, Fault};
use crate::sys::signals::{self, Set};
use crate::sys::target;

/// Nanoseconds between two looks at the clock.
const TICK: i64 = 20_000_000;
/// How often numbers are told.
const TELL: Duration = Duration::from_millis(250);

/// Where version 2 of control groups is mounted: alone, or beside version 1.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// The control group with this path, absolute or below the mount, or of this unit of systemd's.
///
/// # Errors
/// There is none.
pub fn group(name: &str) -> Result<Scope, Fault> {
    let place = place(name)?;
    let id = place.metadata().map(|data| Scope::Cgroup(data.ino()));
    id.map_err(|error| {
        Fault::new(format!("cannot look at {}: {}", place.display(), crate::fault::reason(&error))).exit(Exit::Usage)
    })
}

/// Where this control group is.
///
/// # Errors
/// There is none.
pub fn place(name: &str) -> Result<PathBuf, Fault> {
    let below = name.trim_start_matches('/');
    let mut places = vec![PathBuf::from(name)];
    for mount in MOUNTS {
        for part in ["", "system.slice", "user.slice"] {
            places.push(Path::new(mount).join(part).join(below));
        }
    }
    // Every directory of a control group has this file, and nothing else has.
    let found = places.into_iter().find(|place| place.is_absolute() && place.join("cgroup.procs").is_file());
    found.ok_or_else(|| {
        let fault = Fault::new(format!("there is no control group `{name}`")).exit(Exit::Usage);
        fault.help("give its directory below /sys/fs/cgroup, or a service by the name of its unit: nginx.service")
    })
}

/// The path of a control group's directory as /proc/PID/cgroup names it; nothing where it is not below a mount that is
/// known.
pub fn path(place: &Path) -> Option<String> {
    // The longer one first: it is below the other.
    let below = MOUNTS.iter().rev().find_map(|mount| place.strip_prefix(mount).ok())?;
    Some(format!("/{}", below.display()))
}

/// A process that runs, to be watched.
///
/// # Errors
/// It is not there.
pub(super) fn process(pid: i32) -> Result<OwnedFd, Fault> {
    target::process(pid).map_err(|errno| {
        let fault = Fault::new(format!("cannot watch process {pid}: {}", errno.desc().to_lowercase()));
        // That of `filter --pid`: the words are right, and nothing is there.
        fault.help("there is no such process, or it is known by another number here").exit(Exit::Failure)
    })
}

/// Watches until the time is up, SIGINT, SIGTERM or SIGHUP comes, or the process has ended; `begun` is called when nothing
/// escapes any more.
///
/// # Errors
/// Those of the collector, and a process that is not there.
pub fn watch(
    scope: Scope,
    time: Option<Duration>,
    begun: &mut dyn FnMut(),
    mut progress: Option<&mut dyn FnMut(u64, usize)>,
) -> Result<Observed, Fault> {
    let process = match scope {
        Scope::Pid(pid) | Scope::Tree(pid) => Some(process(pid)?),
        Scope::Cgroup(_) => None,
    };
    let ends = Set(Set::one(libc::SIGINT).0 | Set::one(libc::SIGTERM).0 | Set::one(libc::SIGHUP).0);
    let before = signals::block(ends).map_err(failed)?;
    let arrivals = signals::descriptor(ends).map_err(failed)?;
    let mut collector = Collector::start(scope)?;
    begun();
    let mut told = Instant::now();
    let end = time.map(|time| Instant::now() + time);
    // With a control group nothing but a signal or the time ends it.
    let process = process.as_ref().map_or(arrivals.as_fd(), AsFd::as_fd);
    loop {
        match target::wait([arrivals.as_fd(), process], Some(TICK)) {
            Ok(found) if found.iter().any(|one| one.input) => break,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
        collector.gather();
        if end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
        if let Some(progress) = progress.as_mut()
            && told.elapsed() > TELL
        {
            told = Instant::now();
            let (calls, different) = collector.progress();
            progress(calls, different);
        }
    }
    // What has come is what ended this, and shall not end the writing.
    while signals::read(arrivals.as_fd()).map_err(failed)?.is_some() {}
    signals::block(before).map_err(failed)?;
    Ok(collector.finish())
}

fn failed(errno: Errno) -> Fault {
    Fault::new(format!("cannot wait for what is learnt from: {}", errno.desc())).exit(Exit::Exception)
}
