//! Who answers the calls that the filter notifies of: the decisions of rules, and an agent in stockade's place.

use std::path::PathBuf;

use crate::draft::Agent;
use crate::draft::calls::Call;
use crate::draft::decision::{Decision, Opening};
use crate::fault::{Fault, Origin};
use crate::text::Entry;

use super::Directive;
use super::form::{self, Form};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Supervise {
    /// Seccomp.Decide.
    pub default: Option<Decision>,
    /// The decisions of rules; a rule's action has the number of its own, counted from one.
    pub decisions: Vec<Decision>,
    /// Where the first rule with a decision of its own was written.
    pub decided: Option<Origin>,
    /// Seccomp.Listener.
    pub listener: Option<PathBuf>,
    /// Seccomp.ListenerMetadata.
    pub metadata: Option<String>,
}

impl Supervise {
    /// The number of a rule's decision, for its action.
    ///
    /// # Errors
    /// More decisions than an action has numbers.
    pub(super) fn number(&mut self, decision: Decision, at: &Origin) -> Result<u16, Fault> {
        let known = self.decisions.iter().position(|known| *known == decision);
        let index = known.unwrap_or_else(|| {
            self.decisions.push(decision);
            self.decisions.len() - 1
        });
        self.decided.get_or_insert_with(|| at.clone());
        u16::try_from(index + 1).map_err(|_| Fault::at(at, "a policy can have 65535 different decisions at most"))
    }
}

/// The calls that open a file by its name.
pub const OPENS: [&str; 4] = ["open", "openat", "openat2", "creat"];

/// The longest path of a unix socket (`sun_path` of unix(7), with its NUL).
const SOCKET: usize = 107;

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "Seccomp.Decide",
        form: Form::Text("DECISION"),
        summary: "what becomes of a call with the action notify, where its rule does not say",
        manual: "What the supervisor answers to calls whose action is *notify* when the rule has no *Decide* of its own, \
                 as with Seccomp.Default = \"notify\". Unset it is errno:EPERM.\n\n\
                 *errno:NAME* refuses the call, and *value:N* lets it return N; neither runs it. *continue* runs it. \
                 *log* writes the call and its arguments to standard error, and runs it. *open*, for open, openat, openat2 \
                 and creat only, lets the supervisor open the file in the target's place: below the target's root, with \
                 its ids, capabilities, umask and Landlock rules, never through a link of /proc but to the target's own \
                 descriptors, and only if the file that was found is in a rule's *ReadOnlyPaths* or *ReadWritePaths*, \
                 where there are any. That takes half the time where the filter \
                 lets nothing change the root or the namespaces of a target (RestrictNamespaces=, and chroot, pivot_root \
                 and clone3 refused). *ask* asks at the terminal, shows the file for calls that open one and opens it \
                 in the target's place, and runs other calls when they are allowed; answers can be remembered. Where \
                 there is no terminal it refuses.\n\n\
                 The supervisor is a process beside the target, which keeps stockade's process id. It ends with the last \
                 process that the filter holds; if it is killed first, calls that wait for it or come later fail with \
                 ENOSYS. A process has one supervisor at most, so another one around stockade is an error. A target that is \
                 root with CAP_SYS_PTRACE can take over its supervisor like any process it sees: take that from \
                 CapabilityBoundingSet.\n\n\
                 *continue*, *log* and *ask* never make a decision about what a pointer points to: between the look and \
                 the call another thread can write something else there. Only *open* can decide about a path, because it \
                 acts on what it has looked at. The filter is loaded with SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (Linux \
                 5.19): once the supervisor has taken a call, only signals that kill interrupt it; without that a timer \
                 of a few milliseconds makes the target try the same call for ever. Linux 5.9 is needed. Where kernel.yama.ptrace_scope is 1 and stockade \
                 has no privileges, the supervisor can look into the target alone, not into its children: for these *open* \
                 and *ask* refuse.",
        example: "[Seccomp]\nDecide = \"log\"\n[[Seccomp.Rule]]\nSyscalls = [\"socket\"]\nAction = \"notify\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            policy.supervise.default = match item.text.trim() {
                "" => None,
                word => Some(Decision::parse(word).map_err(|message| item.fault(message))?),
            };
            Ok(())
        },
        demand: |policy, demands| {
            if policy.supervise.default.is_none() && policy.supervise.decisions.is_empty() {
                return;
            }
            let first = policy.supervise.default.clone().unwrap_or(Decision::DEFAULT);
            let all = std::iter::once(first).chain(policy.supervise.decisions.iter().cloned());
            demands.draft.supervision.decisions = all.collect();
        },
    },
    Directive {
        name: "Seccomp.Listener",
        form: Form::Text("PATH"),
        summary: "an agent that answers calls with the action notify in stockade's place",
        manual: "The unix socket of an agent as the OCI runtime specification's *listenerPath* describes it. Before the \
                 target is executed, stockade connects to it and sends the state of the process as JSON together with \
                 the filter's notification descriptor. The agent answers every notification; no process of stockade's \
                 stays. Where the agent cannot be reached nothing is executed, nor where neither root nor the caller listens \
                 and everybody can write a directory on the way, such as /tmp: what listens there decides what the target \
                 may. The path is stockade's, not the target's. \
                 It means nothing in a policy in which nothing has the action *notify*.",
        example: "[Seccomp]\nListener = \"/run/agent.sock\"\n[[Seccomp.Rule]]\nSyscalls = [\"mknodat\"]\nAction = \"notify\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            let path = item.text.trim();
            if path.is_empty() {
                policy.supervise.listener = None;
                return Ok(());
            }
            if !path.starts_with('/') || path.contains('\0') {
                return Err(item.fault(format!("`{path}` is not an absolute path")));
            }
            if path.len() > SOCKET {
                return Err(item.fault(format!("a socket's path can be {SOCKET} bytes long at most")));
            }
            policy.supervise.listener = Some(path.into());
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(path) = policy.supervise.listener.clone() {
                let metadata = policy.supervise.metadata.clone().unwrap_or_default();
                demands.draft.supervision.agent = Some(demands.asked(Agent { path, metadata }));
            }
        },
    },
    Directive {
        name: "Seccomp.ListenerMetadata",
        form: Form::Text("TEXT"),
        summary: "what the agent is told besides",
        manual: "A text that the agent of *Seccomp.Listener* receives with the descriptor and that only it understands \
                 (the OCI runtime specification's *listenerMetadata*).",
        example: "[Seccomp]\nListener = \"/run/agent.sock\"\nListenerMetadata = \"devices=null,zero\"\n\
                  [[Seccomp.Rule]]\nSyscalls = [\"mknodat\"]\nAction = \"notify\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            policy.supervise.metadata = Some(item.text).filter(|text| !text.is_empty());
            Ok(())
        },
        demand: |_, _| {},
    },
];

/// The decision that a rule makes by its keys `Decide`, `ReadOnlyPaths` and `ReadWritePaths`; nothing where it has none.
///
/// # Errors
/// Decisions that would not hold, and words that there are not.
pub(super) fn decide<'a>(find: impl Fn(&str) -> Option<&'a Entry>, calls: &[Call]) -> Result<Option<Decision>, Fault> {
    let paths = ["ReadOnlyPaths", "ReadWritePaths"].map(&find);
    let first = paths.iter().flatten().next();
    let Some(entry) = find("Decide") else {
        return match first {
            Some(path) => Err(no_paths(path)),
            None => Ok(None),
        };
    };
    let item = form::text(&entry.value)?;
    let decision = Decision::parse(item.text.trim()).map_err(|message| item.fault(message))?;
    let Decision::Open(_) = decision else {
        return match first {
            Some(path) => Err(no_paths(path)),
            None => Ok(Some(decision)),
        };
    };
    if let Some(other) = calls.iter().find(|call| !OPENS.contains(&&*call.word())) {
        return Err(item
            .fault(format!("`open` cannot answer {}, which opens no file by its name", other.word()))
            .help(format!("it is for {}", OPENS.join(", "))));
    }
    let [read, write] = paths.map(|entry| entry.map_or(Ok(Vec::new()), listed));
    Ok(Some(Decision::Open(Opening { read: read?, write: write? })))
}

fn no_paths(entry: &Entry) -> Fault {
    Fault::at(&entry.at, format!("{} needs Decide = \"open\"", entry.name))
        .help("no other decision may depend on a path: the target can change it after it was looked at")
}

fn listed(entry: &Entry) -> Result<Vec<PathBuf>, Fault> {
    let items = form::paths(&entry.value)?.unwrap_or_default();
    items
        .iter()
        .map(|item| {
            form::check_path(&item.text, item)?;
            if item.text.starts_with('/') {
                Ok(PathBuf::from(&item.text))
            } else {
                Err(item.fault(format!("`{}` must be an absolute path here, without specifiers", item.text)))
            }
        })
        .collect()
}
