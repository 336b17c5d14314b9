//! The processes beside a target in a PID namespace: an init in it, and the launcher outside, which stands in for the
//! target towards whoever started it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::draft::namespaces::Namespace;
use crate::draft::{By, Draft};
use crate::host::Host;

use super::mounts::MountOp;
use super::op::{Op, Tracer};
use super::order::Phase;
use super::supervise::SuperviseOp;
use super::{Planner, target};

/// How the target is started in a PID namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanionOp {
    /// Whether the target is process 1 there; else it is process 2 under an init of stockade's.
    pub as_pid1: bool,
    /// Microseconds after which it is asked to end (SIGTERM).
    pub limit: Option<u64>,
    /// Microseconds from then on, after which all of it is killed.
    pub grace: u64,
    /// Whether it gets a terminal of its own, which the launcher connects with the caller's.
    pub pty: bool,
    /// The service manager's socket, whose messages pass through the launcher.
    pub relay: Option<PathBuf>,
}

impl CompanionOp {
    /// The target's process id in its namespace.
    pub fn inner(&self) -> u32 {
        if self.as_pid1 { 1 } else { 2 }
    }
}

/// TimeoutStopSec= where nobody says another: ten seconds.
pub const GRACE: u64 = 10_000_000;

impl fmt::Display for CompanionOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.as_pid1 {
            f.write_str("make a PID namespace and go on as its process 1; the launcher waits outside, with a guard")?;
        } else {
            f.write_str("make a PID namespace with an init, and go on as its process 2; the launcher waits outside")?;
        }
        if self.pty {
            f.write_str(" and connects a new terminal with the caller's")?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", at most {}", span(limit))?;
        }
        Ok(())
    }
}

/// Microseconds in words that the policy could say.
fn span(microseconds: u64) -> String {
    match microseconds {
        whole if whole % 1_000_000 == 0 => format!("{} s", whole / 1_000_000),
        fraction => format!("{} ms", fraction.div_ceil(1000)),
    }
}

/// Whether the draft asks for a PID namespace.
pub(super) fn wanted(draft: &Draft) -> bool {
    draft.namespaces.iter().any(|asked| asked.what == Namespace::Pid)
}

/// Adds the step, and moves those that it changes. The last of all parts.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let by: Vec<By> =
        planner.namespaces.iter().filter(|(kind, _)| *kind == Namespace::Pid).map(|(_, by)| by.clone()).collect();
    let Some(first) = by.first().cloned() else { return };
    for step in &mut planner.steps {
        match &step.op {
            Op::Attach(tracer) => {
                let what = match tracer {
                    Tracer::Strict => "strict mode",
                    Tracer::Answers(_) => "a tracer",
                };
                let message = format!("{first} and {what} do not go together in this version");
                let fault = target::at(&first, message);
                planner.faults.push(fault.help("leave one of them out, or answer calls by notify instead of trace"));
            }
            // The supervisor is told process ids of the namespace, so it needs the namespace's /proc.
            Op::Supervise(SuperviseOp::Process) => step.phase = Phase::Rules,
            _ => {}
        }
    }
    let draft = planner.draft;
    if planner.host.variable("NOTIFY_SOCKET").is_some_and(|name| name.as_encoded_bytes().starts_with(b"@")) {
        // Nothing can be put in its place, and what the target sends itself comes from a process that nobody waits for.
        let message = format!("{first}: NOTIFY_SOCKET names an abstract socket, whose messages cannot be passed on");
        let fault = target::at(&first, message);
        planner
            .faults
            .push(fault.help("let the manager use a socket with a path, or start stockade without the variable"));
    }
    let relay = planner.host.variable("NOTIFY_SOCKET").map(Path::new).filter(|path| path.is_absolute());
    let op = CompanionOp {
        as_pid1: draft.as_pid1.is_some(),
        pty: draft.pty.is_some(),
        limit: draft.runtime.as_ref().map(|asked| asked.what),
        grace: draft.grace.as_ref().map_or(GRACE, |asked| asked.what),
        relay: relay.map(Path::to_owned),
    };
    if let Some(path) = &op.relay {
        planner.step(Phase::Attributes, Op::Mount(MountOp::Relay { path: path.clone() }), by.clone());
    }
    planner.step(Phase::Companion, Op::Companion(op), by);
}

/// What a service manager tells about processes, made true inside: what names the launcher names the target, and what
/// names anybody else is taken away.
pub(super) fn environment(variables: &mut Vec<(OsString, OsString)>, host: &Host, inner: u32) {
    /// Variables that hold a process id.
    const IDS: [&str; 4] = ["LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID", "MAINPID"];
    /// Those that hold the inode number of a pidfd.
    const INODES: [&str; 2] = ["LISTEN_PIDFDID", "MAINPIDFDID"];
    let is = |name: &OsStr, words: &[&str]| words.iter().any(|word| name == *word);
    variables.retain(|(name, _)| !is(name, &INODES));
    let own = host.pid.to_string();
    variables.retain(|(name, value)| !is(name, &IDS) || *value == *own);
    for (_, value) in variables.iter_mut().filter(|(name, _)| is(name, &IDS)) {
        *value = inner.to_string().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Asked;
    use crate::draft::capabilities::CapSet;
    use crate::plan::Plan;

    fn by(directive: &'static str) -> By {
        By { directive, origin: None }
    }

    fn draft() -> Draft {
        let namespaces = vec![Asked { what: Namespace::Pid, by: by("PrivatePIDs") }];
        Draft { namespaces, ..Draft::default() }
    }

    fn host(variables: &[(&str, &str)]) -> Host {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Host { pid: 7, effective: CapSet::EVERY, environment, release: (6, 12), ..Host::default() }
    }

    fn plan(draft: &Draft, host: &Host) -> Plan {
        Plan::new(draft, host, vec!["true".into()]).expect("a plan")
    }

    #[test]
    fn the_companion_comes_before_what_the_target_does() {
        let plan = plan(&draft(), &host(&[("NOTIFY_SOCKET", "/run/systemd/notify")]));
        let at = |wanted: fn(&Op) -> bool| plan.steps.iter().position(|step| wanted(&step.op));
        let companion = at(|op| matches!(op, Op::Companion(_))).expect("a companion");
        assert!(at(|op| matches!(op, Op::Descriptors { .. })) < Some(companion));
        assert!(Some(companion) < at(|op| matches!(op, Op::Mount(MountOp::Relay { .. }))));
    }

    #[test]
    fn an_abstract_socket_is_refused_and_only_with_a_namespace() {
        let host = host(&[("NOTIFY_SOCKET", "@manager")]);
        let faults = Plan::new(&self::draft(), &host, vec!["true".into()]).expect_err("a fault");
        assert!(faults[0].message.contains("abstract socket"), "{faults:?}");
        assert!(Plan::new(&Draft::default(), &host, vec!["true".into()]).is_ok());
    }

    #[test]
    fn ids_are_those_that_the_target_sees() {
        let variables = [
            ("LISTEN_PID", "7"),
            ("WATCHDOG_PID", "8"),
            ("SYSTEMD_EXEC_PID", "7"),
            ("MAINPID", "2"),
            ("LISTEN_PIDFDID", "99"),
            ("LISTEN_FDS", "7"),
        ];
        let plan = plan(&draft(), &host(&variables));
        let text: Vec<String> =
            plan.environment.iter().map(|(name, value)| format!("{}={}", name.display(), value.display())).collect();
        assert_eq!(text, ["LISTEN_PID=2", "SYSTEMD_EXEC_PID=2", "LISTEN_FDS=7"]);
    }

    #[test]
    fn a_launch_without_one_has_no_companion_and_its_own_ids() {
        let plan = plan(&Draft::default(), &host(&[("LISTEN_PID", "7"), ("MAINPID", "2")]));
        assert!(!plan.steps.iter().any(|step| matches!(step.op, Op::Companion(_))));
        assert_eq!(plan.environment.len(), 2);
    }

    #[test]
    fn spans_are_short() {
        assert_eq!((span(5_000_000), span(1_500_000)), ("5 s".into(), "1500 ms".into()));
    }
}
