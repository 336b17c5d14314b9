//! Who answers the calls that the filter notifies of: a supervisor beside the target, or an agent elsewhere.

use std::fmt;
use std::path::PathBuf;

use serde_json::json;

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::Id;
use crate::draft::compare::{Exact, Operator};
use crate::draft::decision::Decision;
use crate::draft::{Agent, Asked, By, Draft, Explain};
use crate::fault::Exit;
use crate::host::Host;

use super::filter::machine::{Instruction, RETURN};
use super::filter::ways::{self, Way};
use super::op::Op;
use super::order::Phase;
use super::{Planner, Shortfall, companion, target, tell};

/// The version of the OCI runtime specification whose messages an agent gets.
const OCI: &str = "1.0.2";

/// What is done about supervision.
#[derive(Clone, Debug, PartialEq)]
pub enum SuperviseOp {
    /// Opens /proc before anything can hide it.
    Process,
    /// Connects to an agent's unix socket.
    Connect(PathBuf),
    /// Starts the supervisor, which waits for the filter.
    Start(Watch),
    /// Starts a helper that sends this message and the filter's descriptor to the agent.
    Send(String),
}

/// What a supervisor goes by.
#[derive(Clone, PartialEq)]
pub struct Watch {
    /// The policy's decisions, by the numbers of [`Action::Notify`].
    pub decisions: Vec<Decision>,
    /// The filter, which tells the number for each call.
    pub code: Vec<Instruction>,
    /// Whether waiting for a notification ends when the last target does (Linux 6.11); before, poll(2) must be asked.
    pub wakes: bool,
    /// Whether the filter keeps all targets in the root and in the namespaces that the supervisor is in.
    pub settled: bool,
    /// What denials are told by.
    pub teller: Option<tell::Shared>,
}

/// Without the instructions: the cookie is among them.
impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("decisions", &self.decisions).field("wakes", &self.wakes).finish_non_exhaustive()
    }
}

impl fmt::Display for SuperviseOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("keep /proc in reach of the supervisor"),
            Self::Connect(path) => write!(f, "connect to the agent at {}", path.display()),
            Self::Start(watch) => {
                let words: Vec<String> = watch.decisions.iter().map(ToString::to_string).collect();
                write!(f, "start the supervisor ({})", words.join(", "))
            }
            Self::Send(_) => f.write_str("hand the filter's notifications to the agent"),
        }
    }
}

/// Adds a supervisor where the filter has a use for one.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    let found = planner.steps.iter_mut().find_map(|step| match &mut step.op {
        Op::Filter(op) if notifies(&op.program.code) => Some((op, step.by.clone())),
        _ => None,
    });
    let Some((filter, all)) = found else { return };
    // Stockade is process 1 of a container, say, and the target is going to be.
    let first = host.pid == 1 && !companion::wanted(draft);
    let told = draft.explain.map(|explain| tell::rewrite(draft, explain, first, &mut filter.program.code));
    if first && draft.explain == Some(Explain::Denials) {
        planner
            .notes
            .push("denials that kill are not told: the target is process 1, which the kernel alone can kill".into());
    }
    filter.listens = true;
    filter.program.flags.wait_killable = host.release >= (5, 19);
    let code = filter.program.code.clone();
    let native = filter.program.sections.iter().all(|(_, arch)| *arch == Arch::native());
    let by = asker(&all);
    if host.release < (5, 9) {
        planner.short(Shortfall {
            by,
            missing: "no supervisor can answer system calls".into(),
            reason: "a kernel before Linux 5.9 does not tell it when the target is gone".into(),
            remedy: "use a newer kernel, or another action than notify".into(),
            exit: Exit::Seccomp,
        });
        return;
    }
    if host.release < (5, 19) {
        planner
            .notes
            .push("before Linux 5.19 a fast timer can keep the target from ever finishing a notified call".into());
    }
    if let (Some(_), Some(asked)) = (draft.explain, &draft.as_pid1) {
        // Not even by SIGKILL, from inside its namespace (pid_namespaces(7)): what the filter kills would live.
        let fault =
            target::at(&asked.by, "denials cannot be told of process 1, which the supervisor cannot kill".into());
        planner.faults.push(fault.help("leave --explain-denials out, or Init.AsPid1").exit(Exit::Seccomp));
        return;
    }
    if let Some(asked) = agent(draft) {
        if draft.explain.is_some() {
            let fault = target::at(
                &asked.by,
                "denials cannot be told where an agent answers: a filter has one supervisor".into(),
            );
            planner.faults.push(fault.help("leave --explain-denials out, or the agent").exit(Exit::Seccomp));
            return;
        }
        let by = vec![asked.by];
        let message = message(&asked.what, host);
        planner.step(Phase::Descriptors, Op::Supervise(SuperviseOp::Connect(asked.what.path)), by.clone());
        planner.step(Phase::Supervisor, Op::Supervise(SuperviseOp::Send(message)), by);
        return;
    }
    let mut decisions = draft.supervision.decisions.clone();
    if decisions.is_empty() {
        decisions.push(Decision::DEFAULT);
    }
    decisions.extend(told.into_iter().flatten());
    if decisions.iter().any(Decision::looks) {
        planner.step(Phase::Descriptors, Op::Supervise(SuperviseOp::Process), vec![by.clone()]);
    }
    let opens = decisions.iter().any(|decision| matches!(decision, Decision::Open(_)));
    let settled = opens && native && settled(&code);
    // One that opens files for the target is under the target's Landlock, too.
    let phase = if draft.explain.is_some() && !opens { Phase::Teller } else { Phase::Supervisor };
    let watch = Watch { decisions, code, wakes: host.release >= (6, 11), settled, teller: None };
    planner.step(phase, Op::Supervise(SuperviseOp::Start(watch)), vec![by]);
}

/// Whether a filter lets no call change the root or the user and mount namespaces, whatever its arguments.
fn settled(code: &Vec<Instruction>) -> bool {
    let ways = |name: &str| match Id::named(name).and_then(|id| id.number(Arch::native())) {
        None => Some(Vec::new()),
        Some(number) => ways::ways(std::slice::from_ref(code), number, Arch::native().audit(), [None; 6]),
    };
    let never = |name: &&str| ways(name).is_some_and(|ways| ways.iter().all(|way| refuses(way.ret)));
    let without = |name: &str, bits: &[u64]| ways(name).is_some_and(|ways| bits.iter().all(|bit| without(&ways, *bit)));
    ["chroot", "pivot_root", "setns", "clone3"].iter().all(never)
        && without("clone", &[CLONE_NEWNS, CLONE_NEWUSER])
        && without("unshare", &[CLONE_NEWNS, CLONE_NEWUSER, UNSHARE_EMPTY_MNTNS])
}

const CLONE_NEWNS: u64 = 0x2_0000;
const CLONE_NEWUSER: u64 = 0x1000_0000;
/// Linux 7.0: a mount namespace with nothing in it.
const UNSHARE_EMPTY_MNTNS: u64 = 0x10_0000;

fn refuses(ret: u32) -> bool {
    Action::from_ret(ret).strictness() >= Action::Errno(0).strictness()
}

/// Whether a call is refused whenever a bit of its first argument is set. Of the ways, the first that holds counts.
fn without(ways: &[Way], bit: u64) -> bool {
    let clear = |test: &Exact| match test.operator {
        Operator::Equal => test.mask & bit != 0 && test.value & bit == 0,
        Operator::NotEqual => test.mask == bit && test.value == bit,
        _ => false,
    };
    let set = |test: &Exact| match test.operator {
        Operator::Equal => test.mask == bit && test.value == bit,
        Operator::NotEqual => test.mask & bit != 0 && test.value & bit == 0,
        _ => false,
    };
    for way in ways {
        let first = |test: &Exact| test.arg == 0;
        if refuses(way.ret) {
            if way.when.iter().all(|test| first(test) && set(test)) {
                return true;
            }
        } else if !way.when.iter().any(|test| first(test) && clear(test)) {
            return false;
        }
    }
    true
}

/// The agent: the table's own word, or that of a container engine's profile.
fn agent(draft: &Draft) -> Option<Asked<Agent>> {
    let profile = draft.profile.as_ref().and_then(|asked| {
        let (path, metadata) = asked.what.listener.clone()?;
        Some(Asked { what: Agent { path: path.into(), metadata }, by: asked.by.clone() })
    });
    draft.supervision.agent.clone().or(profile)
}

/// Whether a program can answer with a notification.
pub fn notifies(code: &[Instruction]) -> bool {
    code.iter().any(|step| step.code == RETURN && matches!(Action::from_ret(step.k), Action::Notify(_)))
}

/// Who brought the notifications in: the table's own words where there are any among the filter's askers.
fn asker(all: &[By]) -> By {
    let own = all.iter().find(|by| matches!(by.directive, "Seccomp.Rule" | "Seccomp.Default"));
    own.or(all.first()).cloned().unwrap_or(By { directive: "Seccomp.Rule", origin: None })
}

/// The container process state of the OCI runtime specification (`runtime.md`, `config-linux.md#seccomp`).
fn message(agent: &Agent, host: &Host) -> String {
    let bundle = if host.directory.as_os_str().is_empty() { "/".into() } else { host.directory.to_string_lossy() };
    let mut state = json!({
        "ociVersion": OCI,
        "fds": ["seccompFd"],
        "pid": host.pid,
        "state": {
            "ociVersion": OCI,
            "id": format!("stockade-{}", host.pid),
            "status": "creating",
            "pid": host.pid,
            "bundle": bundle,
        },
    });
    if !agent.metadata.is_empty() {
        state["metadata"] = agent.metadata.clone().into();
    }
    state.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Supervision;
    use crate::draft::calls::Call;
    use crate::draft::syscalls::{Layer, Rule};
    use crate::plan::Plan;

    fn by() -> By {
        By { directive: "Seccomp.Rule", origin: None }
    }

    fn draft(action: Action) -> Draft {
        let rule = Rule { calls: vec![Call::parse("socket")], when: Vec::new(), action, on: Vec::new(), by: by() };
        Draft {
            layers: vec![Layer { by: by(), rules: vec![rule], otherwise: Action::Allow, unknown: None }.into()],
            supervision: Supervision { decisions: vec![Decision::DEFAULT, Decision::Log], agent: None },
            ..Draft::default()
        }
    }

    fn host(release: (u32, u32)) -> Host {
        Host { release, pid: 7, cookie: [1, 2, 3], ..Host::default() }
    }

    fn ops(draft: &Draft, release: (u32, u32)) -> Vec<String> {
        let plan = Plan::new(draft, &host(release), vec!["true".into()]).expect("a plan");
        let words = plan.steps.iter().map(|step| step.op.to_string());
        words.filter(|text| text.contains("supervisor") || text.contains("agent") || text.contains("filter")).collect()
    }

    #[test]
    fn only_notifications_need_a_supervisor() {
        assert_eq!(ops(&draft(Action::Errno(1)), (6, 18)).len(), 1);
        let with = ops(&draft(Action::Notify(1)), (6, 18));
        assert_eq!(with[..2], ["keep /proc in reach of the supervisor", "start the supervisor (errno:EPERM, log)"]);
        assert!(with[2].contains("answered by a supervisor"), "{with:?}");
    }

    #[test]
    fn a_stricter_layer_makes_the_supervisor_needless() {
        let mut draft = draft(Action::Notify(1));
        draft.layers.extend(self::draft(Action::Errno(1)).layers);
        assert_eq!(ops(&draft, (6, 18)).len(), 1);
    }

    #[test]
    fn roots_and_namespaces_are_settled_where_no_call_changes_them() {
        let settled = |restrict: &[Layer]| {
            let mut draft = draft(Action::Notify(1));
            draft.supervision.decisions[1] = Decision::Open(crate::draft::decision::Opening::default());
            draft.layers.extend(restrict.iter().cloned().map(Into::into));
            let plan = Plan::new(&draft, &host((6, 18)), vec!["true".into()]).expect("a plan");
            plan.steps.iter().any(|step| matches!(&step.op, Op::Supervise(SuperviseOp::Start(watch)) if watch.settled))
        };
        let deny = |calls: &str, arg: &[&str]| {
            let when =
                arg.iter().map(|text| crate::draft::compare::Compare::parse(text).expect("a comparison")).collect();
            let calls = calls.split(' ').map(Call::parse).collect();
            let rule = Rule { calls, when, on: Vec::new(), action: Action::Errno(1), by: by() };
            Layer { by: by(), rules: vec![rule], otherwise: Action::Allow, unknown: None }
        };
        let never = deny("chroot pivot_root setns clone3", &[]);
        let flags = deny("clone unshare", &["arg0 & 0x10120000 != 0"]);
        let users = deny("clone unshare", &["arg0 & 0x10000000 == 0x10000000"]);
        let mounts = deny("clone unshare", &["arg0 & 0x120000 != 0"]);
        assert!(settled(&[never.clone(), flags.clone()]));
        assert!(settled(&[never.clone(), users.clone(), mounts.clone()]));
        for gap in [
            &[][..],
            std::slice::from_ref(&never),
            std::slice::from_ref(&flags),
            &[never.clone(), users.clone()],
            &[never.clone(), mounts.clone()],
            &[never.clone(), deny("clone", &["arg0 & 0x10020000 != 0"])],
            &[never.clone(), deny("clone unshare", &["arg0 & 0x10020000 == 0x10020000"])],
            &[never.clone(), deny("clone unshare", &["arg0 & 0x10020000 != 0"])],
            &[never.clone(), deny("clone unshare", &["arg0 & 0x10120000 != 0", "arg1 == 0"])],
            &[never.clone(), deny("clone unshare", &["arg1 & 0x10020000 != 0"])],
            &[deny("chroot setns clone3", &[]), flags.clone()],
            &[deny("chroot pivot_root setns clone3", &["arg0 == 0"]), flags.clone()],
        ] {
            assert!(!settled(gap), "{gap:?}");
        }
    }

    #[test]
    fn old_kernels_fall_short() {
        let faults = Plan::new(&draft(Action::Notify(0)), &host((5, 8)), vec!["true".into()]).expect_err("too old");
        assert!(faults[0].message.contains("Linux 5.9"), "{}", faults[0].message);
        let plan = Plan::new(&draft(Action::Notify(0)), &host((5, 10)), vec!["true".into()]).expect("a plan");
        assert!(plan.notes.iter().any(|note| note.contains("5.19")));
    }

    #[test]
    fn an_agent_gets_the_specifications_message() {
        let mut draft = draft(Action::Notify(0));
        let what = Agent { path: "/run/agent.sock".into(), metadata: "a=\"b\"".into() };
        draft.supervision.agent = Some(Asked { what, by: By { directive: "Seccomp.Listener", origin: None } });
        assert_eq!(ops(&draft, (6, 18))[0], "connect to the agent at /run/agent.sock");
        let text = message(&draft.supervision.agent.expect("an agent").what, &host((6, 18)));
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["fds"], json!(["seccompFd"]));
        assert_eq!((&value["pid"], &value["state"]["pid"]), (&json!(7), &json!(7)));
        assert_eq!((&value["metadata"], &value["state"]["bundle"]), (&json!("a=\"b\""), &json!("/")));
    }
}
