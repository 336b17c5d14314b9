//! A step that failed becomes words: what, who asked for it, why the host refuses, what helps.

use nix::errno::Errno;

use crate::apply::{self, Failure, landlock};
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::host::diagnose::{self, Stage};
use crate::plan::Plan;
use crate::plan::access::AccessOp;
use crate::plan::mounts::{MountOp, New};
use crate::plan::op::{Op, Step};
use crate::plan::supervise::SuperviseOp;

use super::program;

/// The fault for a failed step.
pub(super) fn explain(plan: &Plan, host: &Host, failure: Failure) -> Fault {
    let Some(step) = plan.steps.get(failure.step) else {
        return Fault::new("the plan ended without a target").exit(Exit::Exception);
    };
    if step.op == Op::Find && failure.errno == Errno::ECANCELED {
        // Whoever could not go on has told why.
        return Fault::new("nobody stands beside the target, and nothing is executed").exit(Exit::Namespace);
    }
    if matches!(step.op, Op::Find | Op::Exec) {
        return program::explain(plan, &step.op, failure.errno);
    }
    if let Op::Inspect { .. } = step.op {
        return unsuitable(plan, step, failure.errno);
    }
    let culprit = match &step.op {
        Op::Access(AccessOp::Rules(rules)) => landlock::culprit(rules, failure.errno),
        _ => None,
    };
    let what = match culprit {
        Some(path) => format!("make a Landlock ruleset with {}", path.display()),
        None => brief(&step.op.to_string()),
    };
    let mut fault = Fault::new(format!("cannot {what}: {}", words(failure.errno))).exit(step.op.exit());
    let mut names: Vec<&str> = Vec::new();
    for by in &step.by {
        if fault.origin.is_none() {
            fault.origin.clone_from(&by.origin);
        }
        if !names.contains(&by.directive) {
            names.push(by.directive);
        }
    }
    fault.label = format!("asked for by {}", names.join(", "));
    match stage(host, &step.op) {
        Some(stage) => {
            let cause = diagnose::user_namespaces(failure.errno, stage, host);
            fault.help(cause.reason).help(cause.remedy)
        }
        None => match &step.op {
            Op::Filter(op) if op.listens && failure.errno == Errno::EBUSY => fault
                .help(
                    "another supervisor already answers calls of this process: one around stockade, as in a container",
                )
                .help("only one can: take notify out of this policy, or out of the one around it"),
            Op::Filter(op) if op.listens && sends(plan) => {
                fault.help("the agent did not take the filter's notifications").help("look at what it says about them")
            }
            Op::Supervise(SuperviseOp::Connect(_)) if failure.errno == Errno::EPERM => fault
                .help("neither root nor the caller listens there, and everybody could: a directory on the way is open to all")
                .help("let the agent listen in a directory of its own, such as one in /run"),
            Op::Supervise(SuperviseOp::Connect(_)) if failure.errno == Errno::ETIMEDOUT => {
                fault.help("the agent lets nobody in: look at what it is doing, or leave out Seccomp.Listener")
            }
            Op::Supervise(SuperviseOp::Connect(_)) => {
                fault.help("start the agent first, or leave out Seccomp.Listener")
            }
            Op::Supervise(_) if failure.errno == Errno::EAGAIN => {
                fault.help("the supervisor is a process more than LimitNPROC or the cgroup's pids.max leaves room for")
            }
            Op::Descriptors { .. } if failure.errno == Errno::ENOENT => fault
                .help("one of the descriptors 0 to 2 is closed, and there is no /dev/null to open in its place")
                .help("start stockade with all three, or in a place with a /dev"),
            Op::Groups { .. } | Op::User(_) if failure.errno == Errno::EOPNOTSUPP => fault
                .help("the call was answered as if it had worked, and nothing has changed: a filter around stockade does that")
                .help("in a container that imitates root, leave out what changes the user and the groups"),
            Op::Directory { path, .. } if path.as_os_str().is_empty() => {
                fault.help("to start elsewhere: cd, or -p WorkingDirectory=/")
            }
            Op::Directory { .. } if matches!(failure.errno, Errno::ENOENT | Errno::EACCES) => fault
                .help("it is not in the view that the policy gives, or not for the target's user")
                .help("to start elsewhere: -p WorkingDirectory=/")
                .help("to show it: -p BindReadOnlyPaths=. or -p BindPaths=. (beside ProtectHome=tmpfs; =yes hides those, too)"),
            Op::Access(_) if culprit.is_some() && failure.errno == Errno::ENOENT => {
                fault.help("put `-` in front of the path if it may be missing")
            }
            Op::Access(_) if culprit.is_some() && failure.errno == Errno::EACCES => {
                fault.help("put `-` in front of the path, which this user cannot get to, or leave it out")
            }
            Op::Mount(op) => match apply::hint(op, failure.errno) {
                Some(hint) => fault.help(hint),
                None => around(fault, failure.errno),
            },
            _ => around(fault, failure.errno),
        },
    }
}

/// So much of a step that its error is still read.
fn brief(op: &str) -> String {
    match op.char_indices().nth(300) {
        None => op.to_owned(),
        Some((end, _)) => format!("{}…", &op[..end]),
    }
}

/// With what a filter from outside has to do with it.
fn around(fault: Fault, errno: Errno) -> Fault {
    match diagnose::filter_around(errno) {
        Some(cause) => fault.help(cause.reason).help(cause.remedy),
        None => fault,
    }
}

/// Whether an agent gets the filter's notifications.
fn sends(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.op, Op::Supervise(SuperviseOp::Send(_))))
}

/// What the host's diagnosis calls a step; nothing for one that says enough by itself.
fn stage(host: &Host, op: &Op) -> Option<Stage> {
    match op {
        Op::Companion(_) => Some(Stage::Namespace),
        Op::Unshare(_) if host.privileged() => Some(Stage::Namespace),
        Op::Unshare(_) => Some(Stage::Unshare),
        Op::MapIds(_) | Op::Users(_) => Some(Stage::Map),
        Op::Loopback => Some(Stage::Loopback),
        Op::Mount(MountOp::TakeProc(_) | MountOp::New { what: New::Proc(_), .. }) => Some(Stage::Proc),
        _ => None,
    }
}

/// Why the target's file cannot be put into strict mode.
fn unsuitable(plan: &Plan, step: &Step, errno: Errno) -> Fault {
    let name = plan.program.to_string_lossy();
    let (message, help) = match errno {
        Errno::EACCES => ("cannot be read", "a tracer needs to read the program: chmod +r, or another user"),
        Errno::EPERM => {
            ("is set-user-id or set-group-id", "start it without strict mode, or take the bit away (chmod -s)")
        }
        Errno::ENOEXEC => ("is a program for another architecture", "only native programs can be put into strict mode"),
        Errno::EBUSY => (
            "has a filter already, and strict mode excludes one",
            "stockade was started under a filter, such as a container's; Seccomp.Mode = \"strict-compat\" goes with it",
        ),
        _ => ("cannot be looked at", "it changed since it was found"),
    };
    let mut fault = Fault::new(format!("`{name}` {message}: strict mode cannot be entered")).exit(step.op.exit());
    if let Some(by) = step.by.first() {
        fault.origin.clone_from(&by.origin);
        fault.label = format!("asked for by {}", by.directive);
    }
    fault.help(help)
}

/// The kernel's words, in lower case.
pub(super) fn words(errno: Errno) -> String {
    errno.desc().to_lowercase()
}
