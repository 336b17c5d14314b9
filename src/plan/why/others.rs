//! What is reached neither by a path nor over the internet: abstract unix sockets and other processes. And what limits
//! say about calls, which depends on how much of them has been used up.

use std::path::Path;

use caps::Capability::CAP_KILL;

use crate::draft::access::{self, SCOPES, names};
use crate::host::look::Kind;

use super::judge::Judge;
use super::{Answer, Lack, Layer, Look, Reason};

/// A process outside of the sandbox, or an abstract unix socket that was made outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outside {
    /// A connection to the socket of this name (unix(7)).
    Abstract(String),
    /// A signal to the process with this number.
    Signal(u32),
}

/// A resource limit, the calls that it makes fail, and how from when on; ` N ` is the soft limit (getrlimit(2)).
type Row = (u32, &'static [&'static str], &'static str);

const LIMITS: [Row; 10] = [
    (
        libc::RLIMIT_NOFILE,
        &[
            "open",
            "openat",
            "openat2",
            "creat",
            "socket",
            "socketpair",
            "accept",
            "accept4",
            "dup",
            "fcntl",
            "pipe",
            "pipe2",
            "eventfd",
            "eventfd2",
            "epoll_create",
            "epoll_create1",
            "memfd_create",
            "timerfd_create",
            "signalfd",
            "signalfd4",
            "inotify_init",
            "inotify_init1",
            "pidfd_open",
        ],
        "fails with EMFILE where N descriptors are open",
    ),
    (
        libc::RLIMIT_NPROC,
        &["fork", "vfork", "clone", "clone3"],
        "fails with EAGAIN where its user has N processes, but for root and who holds CAP_SYS_RESOURCE or CAP_SYS_ADMIN",
    ),
    (
        libc::RLIMIT_FSIZE,
        &[
            "write",
            "pwrite64",
            "writev",
            "pwritev",
            "pwritev2",
            "ftruncate",
            "truncate",
            "fallocate",
            "sendfile",
            "copy_file_range",
        ],
        "ends in SIGXFSZ, or EFBIG, where a file would grow beyond N bytes",
    ),
    (libc::RLIMIT_AS, &["mmap", "mremap", "brk", "shmat"], "fails with ENOMEM beyond N bytes of addresses"),
    (libc::RLIMIT_DATA, &["mmap", "mremap", "brk", "mprotect"], "fails with ENOMEM beyond N bytes of private memory"),
    (
        libc::RLIMIT_MEMLOCK,
        &["mlock", "mlock2", "mlockall", "shmctl"],
        "fails with ENOMEM, or EPERM, beyond N locked bytes without CAP_IPC_LOCK",
    ),
    (libc::RLIMIT_MSGQUEUE, &["mq_open"], "fails with EMFILE where its user's queues would take more than N bytes"),
    (
        libc::RLIMIT_SIGPENDING,
        &["rt_sigqueueinfo", "rt_tgsigqueueinfo", "timer_create"],
        "fails with EAGAIN where N signals are queued for its user",
    ),
    (
        libc::RLIMIT_NICE,
        &["setpriority", "sched_setattr"],
        "fails with EACCES, or EPERM, for a nice level below 20 - N without CAP_SYS_NICE",
    ),
    (
        libc::RLIMIT_RTPRIO,
        &["sched_setscheduler", "sched_setparam", "sched_setattr"],
        "fails with EPERM for a real-time priority above N without CAP_SYS_NICE",
    ),
];

impl Judge {
    /// What the policy's limits make of calls, in words: whether they are reached nobody can tell beforehand.
    pub(super) fn limited(&self, calls: &[&str]) -> Vec<String> {
        let mut notes = Vec::new();
        for (limit, by) in &self.limits {
            let rows = LIMITS.iter().filter(|(resource, ..)| *resource == limit.resource && limit.soft != u64::MAX);
            for (_, names, how) in rows {
                if let Some(call) = calls.iter().find(|call| names.contains(call)) {
                    let how = how.replace(" N ", &format!(" {} ", limit.soft));
                    notes.push(format!("{call} {how} ({by})"));
                }
            }
        }
        notes
    }

    /// How many descriptors the policy lets a process have, and why it gets no more.
    pub fn descriptors(&self) -> Option<(u64, Reason)> {
        let mut all = self.limits.iter().filter(|(limit, _)| limit.resource == libc::RLIMIT_NOFILE);
        let (limit, by) = all.find(|(limit, _)| limit.soft != u64::MAX)?;
        let text = format!("{} descriptors are open, and no more can be", limit.soft);
        Some((limit.soft, Reason::new(Layer::Limits, "EMFILE", text, limit.soft.to_string()).by(vec![by.clone()])))
    }

    /// Everything that is in the way.
    pub(super) fn outside(&self, outside: &Outside, look: Look<'_>) -> Answer {
        match outside {
            Outside::Abstract(name) => {
                let mut answer = Answer::of(self.abstract_socket(name));
                answer.notes.push("it is meant that the socket was made outside of the sandbox".into());
                answer
            }
            Outside::Signal(pid) => self.signal(*pid, look),
        }
    }

    fn abstract_socket(&self, name: &str) -> Vec<Reason> {
        let mut reasons = self.calls(&["socket(AF_UNIX, SOCK_STREAM, 0)", "connect"]);
        if let Some(by) = &self.network {
            let text = "its own network namespace has abstract sockets of its own".into();
            reasons.push(Reason::new(Layer::Network, "ECONNREFUSED", text, name).by(by.clone()));
        }
        reasons.extend(self.scope(
            access::ABSTRACT_UNIX_SOCKET,
            &format!("no rule lets it connect to @{name}, made outside"),
            name,
        ));
        reasons
    }

    fn signal(&self, pid: u32, look: Look<'_>) -> Answer {
        let what = pid.to_string();
        let mut reasons = self.calls(&["kill"]);
        if let Some(by) = &self.processes {
            let text = format!("process {pid} has no number in its own PID namespace");
            reasons.push(Reason::new(Layer::Processes, "ESRCH", text, &what).by(by.clone()));
        }
        let place = format!("/proc/{pid}");
        let process = look(Path::new(&place), Some(Path::new(&place)));
        let mut notes = vec!["it is meant that the process is outside of the sandbox".into()];
        if process.kind == Kind::Missing {
            notes.push(format!("there is no process {pid} now"));
        } else if process.uid != self.identity.uid && (self.own || !self.identity.effective.has(CAP_KILL)) {
            let (own, other) = (self.identity.uid, process.uid);
            let text = format!("process {pid} is user {other}'s, and user {own} does not hold CAP_KILL over it");
            reasons.push(Reason::new(Layer::Permissions, "EPERM", text, &what).dropped(self.dropped(CAP_KILL)));
        }
        reasons.extend(self.scope(access::SIGNAL, &format!("no signal reaches process {pid}, outside"), &what));
        Answer { notes, ..Answer::of(reasons) }
    }

    /// Whether one of Landlock's scopes holds.
    fn scope(&self, bit: u64, text: &str, what: &str) -> Option<Reason> {
        let (rules, by) = self.rules.as_ref()?;
        let own: Vec<_> = by.iter().filter(|by| by.directive == "Landlock.Scope").cloned().collect();
        let by = if own.is_empty() { by.clone() } else { own };
        let text = format!("{text}: the scope {}", names(&SCOPES, bit).concat());
        let besides = Lack::Scope(rules.scopes & !bit);
        (rules.scopes & bit != 0).then(|| Reason::new(Layer::Landlock, "EPERM", text, what).by(by).lacking(besides))
    }
}
