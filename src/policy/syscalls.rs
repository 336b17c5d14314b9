//! System calls, in systemd's words.

use crate::draft::By;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::Call;
use crate::draft::groups;
use crate::draft::syscalls::{Layer, Rule};
use crate::fault::Fault;

use super::form::calls::{self, List};
use super::form::line;
use super::form::{self, Form, Item};
use super::{Directive, Exposure, Policy, seccomp};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Syscalls {
    /// SystemCallFilter=.
    pub filter: Option<List>,
    /// SystemCallErrorNumber=; unset kills.
    pub answer: Option<Action>,
    /// SystemCallArchitectures=, without those that no kernel of ours runs.
    pub architectures: Option<Vec<Arch>>,
    /// SystemCallLog=.
    pub log: Option<List>,
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "SystemCallFilter",
        form: Form::Words("SYSCALL"),
        summary: "let some system calls pass only",
        manual: "A list of system calls by name, by number, or by systemd's groups (*@system-service*). The first line \
                 decides what the list is: without `~` in front it names the calls that are allowed, and *@default* is \
                 among them; with `~` it names those that are refused. Each further line adds to the list or, where its \
                 `~` is unlike the first line's, takes away from it. Of several entries for one call the last one \
                 counts. An empty value starts anew.\n\n\
                 A refused call kills the target, or answers what *SystemCallErrorNumber* says. A call or group with a \
                 colon has an answer of its own: clone3:ENOSYS, @mount:EPERM, ptrace:kill, and also :kill-thread, \
                 :trap, :trap:N (SIGSYS, with N in si_errno) and :log (it runs and is logged). In a list of allowed calls \
                 those that systemd does not know (its group *@known*), and numbers above all known ones, answer ENOSYS, \
                 so that libc falls back to older calls.\n\n\
                 Rules of the table *Seccomp* come before the list. execve is refused only to the target: stockade's own \
                 start of the target passes.",
        example: "SystemCallFilter = [\"@system-service\", \"~@privileged\", \"clone3:ENOSYS\"]",
        unlike: Some(
            "A name that nobody knows is an error; systemd warns and ignores it. An answer can also stand in a line that \
             is not inverted and then refuses; systemd drops such a word. Answers other than errors and kill are stockade's. \
             The groups are those of systemd 262, whichever systemd is installed, and *@container-default* is \
             stockade's own.",
        ),
        exposure: GROUPS,
        read: |policy, value| {
            let lines = line::lines(value)?;
            let mut list = policy.syscalls.filter.take();
            if lines.is_empty() {
                list = None;
            }
            for line in &lines {
                list = Some(List::merge(list, line, true)?);
            }
            policy.syscalls.filter = list;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.syscalls.filter.is_some()
                && let Some(layer) = seccomp::list(policy, &demands.by)
            {
                demands.draft.layers.push(layer.into());
            }
        },
    },
    Directive {
        name: "SystemCallErrorNumber",
        form: Form::Text("ERRNO|kill"),
        summary: "what a call that SystemCallFilter refuses answers",
        manual: "The answer to the calls that *SystemCallFilter* refuses: an error's name such as EPERM, its number from \
                 1 to 4095, or *kill*, which is the default and ends the process with SIGSYS.",
        example: "SystemCallFilter = [\"~@swap\"]\nSystemCallErrorNumber = \"EPERM\"",
        unlike: Some("Where *Seccomp.Default* is set, a list of allowed calls answers that instead."),
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            policy.syscalls.answer = match item.text.trim() {
                "" => None,
                word => Some(calls::answer(word, &item)?),
            };
            Ok(())
        },
        demand: |_, _| {},
    },
    Directive {
        name: "SystemCallArchitectures",
        form: Form::Words("ARCHITECTURE"),
        summary: "which machine architectures' system calls can be made",
        manual: "The architectures whose system calls the target may make: *native*, *x86-64*, *x86*, *x32*, *arm64* and \
                 so on. The native one is always among them; a call of any other ends the process with SIGSYS. Every \
                 rule of the policy holds on all the architectures listed. Those that this machine's kernel cannot run \
                 are read and mean nothing.\n\n\
                 32-bit x86 has two calls that stand for many: socketcall(2) and ipc(2). What is said of connect or \
                 shmget holds for them where they stand for it, unless something before it is said of themselves. Their \
                 arguments cannot be seen: a rule with comparisons that refuses some refuses all, and one that allows \
                 some allows none.",
        example: "SystemCallArchitectures = [\"native\"]",
        unlike: Some(
            "Unset, a policy that filters anything allows the native architecture only. systemd allows all of them then, \
             with the same rules where it can.",
        ),
        exposure: &[Exposure {
            id: "SystemCallArchitectures",
            weight: 1000,
            range: 10,
            badness: |policy| {
                Some(match policy.syscalls.architectures.as_deref() {
                    None => 10,
                    Some([only]) if *only == Arch::native() => 0,
                    Some(_) => 8,
                })
            },
        }],
        read: |policy, value| {
            let Some(words) = form::all_words(value)? else {
                policy.syscalls.architectures = None;
                return Ok(());
            };
            let mut list = policy.syscalls.architectures.take().unwrap_or_default();
            for word in &words {
                let arch = architecture(word)?;
                if arch.runs_on(Arch::native()) && !list.contains(&arch) {
                    list.push(arch);
                }
            }
            policy.syscalls.architectures = Some(list);
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(listed) = &policy.syscalls.architectures {
                let what = listed.iter().copied().filter(|arch| *arch != Arch::native()).collect();
                demands.draft.architectures = Some(demands.asked(what));
            }
        },
    },
    Directive {
        name: "SystemCallLog",
        form: Form::Words("SYSCALL"),
        summary: "write some system calls to the kernel's log",
        manual: "A list like that of *SystemCallFilter*: calls that are logged by the kernel when they are made \
                 (audit type 1326) or, when the first line is inverted, calls that are not logged while all others are. \
                 Nothing is refused by this. The kernel writes only when `log` stands in \
                 /proc/sys/kernel/seccomp/actions_logged, and without an audit daemon keeps ten records in five \
                 seconds.",
        example: "SystemCallLog = [\"@mount ptrace\"]",
        unlike: Some("A name that nobody knows is an error; systemd warns and ignores it."),
        exposure: &[],
        read: |policy, value| {
            let lines = line::lines(value)?;
            let mut list = policy.syscalls.log.take();
            if lines.is_empty() {
                list = None;
            }
            for line in &lines {
                list = Some(List::merge(list, line, false)?);
            }
            policy.syscalls.log = list;
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(list) = &policy.syscalls.log {
                let (listed, otherwise) =
                    if list.allow { (Action::Log, Action::Allow) } else { (Action::Allow, Action::Log) };
                let rules = rules("SystemCallLog", list, listed, otherwise);
                let layer = Layer { by: demands.by.clone(), rules, otherwise, unknown: None };
                demands.draft.layers.push(layer.into());
            }
        },
    },
];

/// Reads systemd's word for an architecture.
pub(super) fn architecture(word: &Item) -> Result<Arch, Fault> {
    Arch::parse(&word.text).ok_or_else(|| {
        let fault = word.fault(format!("`{}` is not an architecture", word.text));
        match form::nearest(&word.text, Arch::words()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!("there are: {}", Arch::words().collect::<Vec<_>>().join(", "))),
        }
    })
}

/// The rules of a list, the last entry first, since of a layer's rules the first one counts.
///
/// `named` is the answer to the calls of the list, `otherwise` to those that a line took away again.
pub(super) fn rules(directive: &'static str, list: &List, named: Action, otherwise: Action) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for entry in list.entries.iter().rev() {
        let own = if entry.inverted == list.allow { otherwise } else { named };
        let action = entry.action.unwrap_or(own);
        let calls = entry.what.calls();
        match rules.last_mut() {
            // Words of one line stand in one rule, which the compiler reads faster.
            Some(rule) if rule.action == action && rule.by.origin.as_ref() == Some(&entry.at) => {
                rule.calls.extend(calls);
            }
            _ => {
                let by = By { directive, origin: Some(entry.at.clone()) };
                rules.push(Rule { calls, when: Vec::new(), action, by, on: Vec::new() });
            }
        }
    }
    rules
}

const fn group(id: &'static str, weight: u32, badness: fn(&Policy) -> Option<u32>) -> Exposure {
    Exposure { id, weight, range: 10, badness }
}

const GROUPS: &[Exposure] = &[
    group("SystemCallFilter_swap", 1000, |policy| reaches(policy, "@swap")),
    group("SystemCallFilter_obsolete", 250, |policy| reaches(policy, "@obsolete")),
    group("SystemCallFilter_clock", 1000, |policy| reaches(policy, "@clock")),
    group("SystemCallFilter_cpu_emulation", 250, |policy| reaches(policy, "@cpu-emulation")),
    group("SystemCallFilter_debug", 1000, |policy| reaches(policy, "@debug")),
    group("SystemCallFilter_mount", 1000, |policy| reaches(policy, "@mount")),
    group("SystemCallFilter_module", 1000, |policy| reaches(policy, "@module")),
    group("SystemCallFilter_raw_io", 1000, |policy| reaches(policy, "@raw-io")),
    group("SystemCallFilter_reboot", 1000, |policy| reaches(policy, "@reboot")),
    group("SystemCallFilter_privileged", 700, |policy| reaches(policy, "@privileged")),
    group("SystemCallFilter_resources", 700, |policy| reaches(policy, "@resources")),
];

/// How bad it is that calls of a group can be made: 10 without a filter and where a list of refused calls lacks one of
/// them, 9 where a list of allowed calls has one.
fn reaches(policy: &Policy, name: &str) -> Option<u32> {
    let by = By { directive: "SystemCallFilter", origin: None };
    let Some(layer) = seccomp::list(policy, &by) else { return Some(10) };
    let group = groups::group(name)?;
    let native = |id: &crate::draft::calls::Id| id.number(Arch::native()).is_some();
    let open = group.set().iter().filter(native).any(|id| !denies(laxest(&layer, &Call::Known(id))));
    Some(match (open, denies(layer.otherwise)) {
        (false, _) => 0,
        (true, true) => 9,
        (true, false) => 10,
    })
}

/// The mildest answer that a layer can give to a call, whatever its arguments.
pub(crate) fn laxest(layer: &Layer, call: &Call) -> Action {
    let mut mildest: Option<Action> = None;
    let mut note = |action: Action| match mildest {
        Some(before) if before.strictness() <= action.strictness() => before,
        _ => *mildest.insert(action),
    };
    for rule in layer.rules.iter().filter(|rule| rule.is_on(Arch::native()) && rule.calls.contains(call)) {
        let answer = note(rule.action);
        if rule.when.is_empty() {
            return answer;
        }
    }
    note(layer.otherwise)
}

/// Whether an action keeps a call from running.
pub(crate) fn denies(action: Action) -> bool {
    action.strictness() >= Action::Errno(1).strictness()
}
