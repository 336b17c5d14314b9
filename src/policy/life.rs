//! How long the target lives, and who lives beside it.

use crate::draft::mounts::{Proc, View};
use crate::draft::namespaces::Namespace;
use crate::fault::Fault;
use crate::text::Value;

use super::form::amount::{self, SECOND};
use super::form::{self, Form};
use super::{Demands, Directive, Policy};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// RuntimeMaxSec=, in microseconds.
    pub runtime: Option<u64>,
    /// TimeoutStopSec=, in microseconds; the highest number is infinity.
    pub grace: Option<u64>,
    /// Init.AsPid1.
    pub as_pid1: bool,
    /// Pty.
    pub pty: bool,
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "RuntimeMaxSec",
        form: Form::Text("TIME"),
        summary: "end the target after this time",
        manual: "A time such as `30`, `5min 20s` or `1.5h`, in seconds without a unit, after which the target gets \
                 SIGTERM (and SIGCONT), and, where it still lives after *TimeoutStopSec*, is killed with every process \
                 that it has made. stockade then ends with status 124. *infinity* and an empty value set no limit.\n\n\
                 It gives the target a PID namespace as *PrivatePIDs* does: only so is the whole tree sure to end.",
        example: "RuntimeMaxSec = \"5min\"",
        unlike: Some(
            "The status is 124, as timeout(1) has it. A manager's own RuntimeMaxSec= works in front of stockade, too, \
             and needs no PID namespace.",
        ),
        exposure: &[],
        read: |policy, value| {
            policy.life.runtime = span(value)?.filter(|span| *span != u64::MAX);
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(what) = policy.life.runtime {
                demands.draft.runtime = Some(demands.asked(what));
                processes(policy, demands);
            }
        },
    },
    Directive {
        name: "TimeoutStopSec",
        form: Form::Text("TIME"),
        summary: "how long the target may take to end when its time is over",
        manual: "A time as for *RuntimeMaxSec*: how long the target may take to end after SIGTERM before it is killed. Ten \
                 seconds without it; *infinity* waits for ever. An empty value resets it.",
        example: "TimeoutStopSec = \"2s\"",
        unlike: Some("It is about *RuntimeMaxSec* only, and its default is 10 seconds instead of the manager's 90."),
        exposure: &[],
        read: |policy, value| {
            policy.life.grace = span(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            demands.draft.grace = policy.life.grace.map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "Init.AsPid1",
        form: Form::Boolean,
        summary: "let the target itself be process 1 of its PID namespace",
        manual: "With *yes*, a target with *PrivatePIDs* is process 1 of its namespace, for programs that are an init \
                 themselves. Linux gives process 1 no default actions: a signal that it does not catch does nothing to it, \
                 not even SIGTERM or its own abort(3), and it has to reap whatever orphans it gets. Without it the target \
                 is process 2, under an init of stockade's.",
        example: "PrivatePIDs = true\n[Init]\nAsPid1 = true",
        unlike: Some("systemd always makes the target process 1."),
        exposure: &[],
        read: |policy, value| {
            policy.life.as_pid1 = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.life.as_pid1 {
                demands.draft.as_pid1 = Some(demands.asked(()));
            }
        },
    },
    Directive {
        name: "Pty",
        form: Form::Boolean,
        summary: "give the target a terminal of its own",
        manual: "With *yes*, the target gets a pseudo-terminal of its own (pty(7)) in a session of its own, and stockade \
                 carries what is typed and shown between it and the caller's, as ssh(1) with -t does. The standard \
                 descriptors that are terminals become the new one; files and pipes stay what they are. Where none is a \
                 terminal, what the target writes to /dev/tty goes to the caller's /dev/tty, or nowhere.\n\n\
                 The caller's terminal is raw while the target runs in the foreground, and is put back when it ends, is \
                 stopped, or a signal ends it, even SIGKILL of stockade. The size of the window is passed on. Ctrl-C and \
                 Ctrl-Z are the inner terminal's: a shell in there has jobs, and a single program is one itself, which \
                 Ctrl-Z stops together with stockade, until the outer shell's fg continues both. As process 1 \
                 (*Init.AsPid1*) only what catches SIGTSTP takes notice of Ctrl-Z. SIGSTOP to stockade stops stockade \
                 alone. At the end all that was written is shown first. It gives the target a PID \
                 namespace as *PrivatePIDs* does, and excludes what that excludes: strict mode and tracers. The caller's \
                 terminal keeps its name in /dev/pts, where a target of the same user can open it: *PrivateDevices* takes \
                 that name away.\n\n\
                 Without it, the target uses the caller's terminal itself. A policy that takes anything away from the \
                 target (by a view, namespaces, Landlock, a filter, another user, or NoNewPrivileges) then refuses \
                 ioctl(2) with TIOCSTI and TIOCLINUX by EPERM, with which it could type commands at the caller's shell; \
                 where there is a terminal, that makes a filter even if no other word asks for one. Without root, \
                 no_new_privs comes with it.",
        example: "Pty = true",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.life.pty = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.life.pty {
                demands.draft.pty = Some(demands.asked(()));
                processes(policy, demands);
            }
        },
    },
];

/// A PID namespace, and the /proc that belongs to it.
pub(super) fn processes(policy: &Policy, demands: &mut Demands) {
    demands.namespace(Namespace::Pid);
    let proc = Proc { hidepid: policy.devices.protect_proc, subset_pid: policy.devices.subset_pid };
    demands.view("/proc", View::Proc(proc));
}

fn span(value: &Value) -> Result<Option<u64>, Fault> {
    let item = form::text(value)?;
    match item.text.trim() {
        "" => Ok(None),
        "infinity" => Ok(Some(u64::MAX)),
        text => amount::microseconds(text, SECOND).map(Some).map_err(|error| {
            let fault = item.fault(format!("`{text}` is not a time: {error}"));
            fault.help("write a time, in seconds without a unit: 30, 2min 30s, infinity")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::users::read;
    use super::*;
    use crate::text::Kind;

    #[test]
    fn times_are_systemds() {
        let runtime = |word: &str| read("RuntimeMaxSec", Kind::Text(word.into())).map(|policy| policy.life.runtime);
        assert_eq!(runtime("90"), Ok(Some(90 * SECOND)));
        assert_eq!(runtime("1min 30s"), Ok(Some(90 * SECOND)));
        assert_eq!((runtime("infinity"), runtime("")), (Ok(None), Ok(None)));
        assert!(runtime("soon").is_err() && runtime("-1").is_err());
    }

    #[test]
    fn a_limited_time_takes_a_pid_namespace() {
        let draft = read("RuntimeMaxSec", Kind::Integer(5)).expect("a time").draft();
        assert_eq!(draft.namespaces[0].what, Namespace::Pid);
        assert_eq!(draft.mounts.len(), 1);
        let grace = read("TimeoutStopSec", Kind::Integer(5)).expect("a time").draft();
        assert!(grace.namespaces.is_empty() && grace.grace.is_some());
    }
}
