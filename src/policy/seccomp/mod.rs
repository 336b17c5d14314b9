//! System calls, in the kernel's words: the table `[Seccomp]`.
//!
//! `strict` is the kernel's strict mode and where it begins, `trace` what a tracer answers; who answers notifications
//! is in `policy/supervise.rs`.

mod strict;
mod trace;

use crate::draft::By;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::Call;
use crate::draft::compare::Compare;
use crate::draft::decision::Decision;
use crate::draft::groups;
use crate::draft::strict::Trigger;
use crate::draft::syscalls::{Flags, Layer, Rule};
use crate::fault::{Fault, Origin};
use crate::text::{Entry, Kind, Value};

use super::form::calls::What;
use super::form::{self, Form, Item};
use super::layer::{self, ENOSYS, EPERM};
use super::supervise::{self, Supervise};
use super::{Directive, Policy, syscalls};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Seccomp {
    /// Seccomp.Mode = "none": the rest of the table means nothing.
    pub off: bool,
    /// Seccomp.Mode = "strict" (false) or "strict-compat" (true).
    pub strict: Option<bool>,
    /// Seccomp.StrictAt.
    pub at: Trigger,
    /// Seccomp.Default.
    pub default: Option<Action>,
    /// Seccomp.Rule, in order.
    pub rules: Vec<Given>,
    /// Seccomp.Flags.
    pub flags: Option<Flags>,
    /// Seccomp.ExecOnce.
    pub exec_once: bool,
}

/// One element of Seccomp.Rule.
#[derive(Clone, Debug)]
pub struct Given {
    /// The calls.
    pub calls: Vec<Call>,
    /// Conditions that must all hold.
    pub when: Vec<Compare>,
    /// The answer.
    pub action: Action,
    /// What a tracer answers, where the action is trace.
    pub decision: Option<Decision>,
    /// The architectures on which it holds; none named is all.
    pub on: Vec<Arch>,
    /// Where it was written.
    pub at: Origin,
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "Seccomp.Mode",
        form: Form::Word(&["filter", "strict", "strict-compat", "none"]),
        summary: "what the table [Seccomp] is for",
        manual: "*filter*, the default, filters system calls by the words of this table. *none* makes the rest of the \
                 table mean nothing, whatever a profile wrote there; *SystemCallFilter* and other directives still \
                 filter.\n\n\
                 *strict* is the kernel's strict mode (SECCOMP_MODE_STRICT, `Seccomp: 1` in /proc/PID/status). The \
                 program needs no change: it is started, runs to *Seccomp.StrictAt* under a tracer, and the mode is \
                 entered there on its behalf, checked from outside, and the tracer is gone. From then on it can only \
                 read(2) and write(2) descriptors that are open, return from signal handlers, and end by _exit(2); \
                 everything else is SIGKILL. That is less than most programs need: the C library's exit() and a return \
                 from main use exit_group(2) and are killed, printf and malloc may call fstat or brk, and reading the \
                 time stamp counter, which clock_gettime(2) does too, is SIGSEGV.\n\n\
                 *strict-compat* enters at the same point a filter that allows the same calls and exit_group too, and \
                 leaves the clock alone; anything else kills the process by SIGSYS. It sets no_new_privs.\n\n\
                 The kernel takes no filter beside *strict*, so a policy that asks for both is refused. The target's file \
                 must be readable for whoever starts it, and neither set-user-id nor set-group-id; nobody else may trace \
                 it, ptrace(2) must be allowed, and the machine is an x86-64. What fails after the start ends the target with status 228, and is \
                 said on standard error.",
        example: "[Seccomp]\nMode = \"filter\"\nDefault = \"log\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let mode = form::word(value, &MODES)?;
            policy.seccomp.off = matches!(mode, Mode::None);
            policy.seccomp.strict = match mode {
                Mode::Strict => Some(false),
                Mode::StrictCompat => Some(true),
                Mode::Filter | Mode::None => None,
            };
            Ok(())
        },
        demand: strict::demand,
    },
    strict::AT,
    Directive {
        name: "Seccomp.Default",
        form: Form::Text("ACTION"),
        summary: "what calls answer that nothing else decides",
        manual: "The answer to calls that neither a *Seccomp.Rule* nor *SystemCallFilter* decides: *allow*, *log*, \
                 *errno:EPERM* (any error's name or number), *trap* or *trap:N* (SIGSYS, with N in si_errno), \
                 *kill-thread* or *kill-process*; *notify*, a supervisor decides (see *Seccomp.Decide*); *trace* or \
                 *trace:N*, a tracer decides (see *Seccomp.Rule*; ENOSYS without one). Unset it is *allow*; beside a \
                 *SystemCallFilter* of allowed calls it \
                 is *SystemCallErrorNumber*.\n\n\
                 Where the answer refuses, calls that are newer than all that stockade knows answer ENOSYS, so that \
                 libc falls back to older ones.",
        example: "[Seccomp]\nDefault = \"log\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            policy.seccomp.default = match item.text.trim() {
                "" => None,
                word => Some(action(word, &item)?),
            };
            Ok(())
        },
        demand: |policy, demands| {
            if policy.syscalls.filter.is_none()
                && policy.seccomp.default.is_some()
                && let Some(layer) = list(policy, &demands.by)
            {
                demands.draft.layers.push(layer.into());
            }
        },
    },
    Directive {
        name: "Seccomp.Rule",
        form: Form::Table(&[
            ("Syscalls", "names, numbers and @groups"),
            ("Args", "comparisons that must all hold: arg0 == AF_UNIX, arg1 & 0x7 != 0"),
            ("Action", "allow, log, errno:NAME, trap[:N], notify, trace[:N], kill-thread or kill-process"),
            ("ErrnoRet", "the error, where Action is just errno"),
            (
                "Decide",
                "what the supervisor answers, where Action is notify, or a tracer, where it is trace: continue, errno:NAME, value:N, open, log, ask",
            ),
            ("ReadOnlyPaths", "where Decide is open: what may be opened for reading"),
            ("ReadWritePaths", "where Decide is open: what may be opened for reading and writing"),
            ("Architectures", "where the rule holds: native, x86, arm64 and so on"),
        ]),
        summary: "answer some calls, by their arguments if need be",
        manual: "One rule. *Syscalls* lists calls by name, native number or @group. *Args* lists comparisons of arguments \
                 that must all hold, several of one argument too: `arg0 == AF_NETLINK`, `arg1 & 0xff == 3`, with ==, !=, \
                 <, <=, > and >=, and numbers or the kernel's names joined by |. Without *Args* the rule always holds. \
                 *Action* answers as in *Seccomp.Default*; with plain *errno* the error is in *ErrnoRet*, or EPERM; with \
                 *notify* the supervisor's answer is in *Decide*, or as in *Seccomp.Decide*. With *Architectures* the rule \
                 holds for calls of these only, which *SystemCallArchitectures* must allow, too.\n\n\
                 Rules are tried in order, before *SystemCallFilter*, and the first that holds answers. Numbers are \
                 unsigned, and compared as wide as the kernel takes the argument: an int argument by its low 32 bits, so \
                 that bits above them change nothing. What other directives refuse stays refused.\n\n\
                 With *trace:N* the call goes to a tracer (ptrace(2)), which is told the number N, 0 to 65535. *Decide* \
                 starts one beside the target: it lets the call run (*continue*), makes it return an error (*errno:NAME*) \
                 or anything (*value:N*) without running it, writes it to standard error and lets it run (*log*), or asks \
                 at the terminal (*ask*; without one the answer is EPERM). It follows threads, children and programs that \
                 they execute, passes every signal and stop through, and holds no rights; when it dies the target is \
                 killed. A child that is made behind its back (CLONE_UNTRACED of clone(2)) gets ENOSYS, and ptrace(2) is \
                 refused, as who traced that child would answer for it. A call that a filter of the target's own hands to \
                 the tracer gets ENOSYS. It is for x86-64 \
                 only. A number has one answer; one without *Decide* is answered ENOSYS, and where no rule has a \
                 *Decide* there is no tracer: the kernel answers ENOSYS unless somebody traces the target, which it can \
                 do itself to its own children where ptrace is not refused. A traced \
                 program cannot be traced by others (strace, gdb), and where an ordinary user starts it, set-user-id \
                 programs gain nothing in it. Decisions are by numbers only: memory that an argument points to can be changed by other threads after the \
                 tracer has looked, so there are none about paths.",
        example: "[[Seccomp.Rule]]\nSyscalls = [\"socket\"]\nArgs = [\"arg0 == AF_VSOCK\"]\nAction = \"errno:EPERM\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let elements = match &value.kind {
                Kind::List(elements) => elements.as_slice(),
                _ => std::slice::from_ref(value),
            };
            let rules: Vec<Given> =
                elements.iter().map(|element| given(element, &mut policy.supervise)).collect::<Result<_, _>>()?;
            if rules.is_empty() {
                policy.seccomp.rules.clear();
            }
            policy.seccomp.rules.extend(rules);
            Ok(())
        },
        demand: |policy, demands| {
            trace::demand(policy, demands);
            if policy.syscalls.filter.is_none()
                && policy.seccomp.default.is_none()
                && !policy.seccomp.rules.is_empty()
                && let Some(layer) = list(policy, &demands.by)
            {
                demands.draft.layers.push(layer.into());
            }
        },
    },
    Directive {
        name: "Seccomp.Flags",
        form: Form::List("FLAG"),
        summary: "how the kernel loads the filter",
        manual: "*log*: the kernel logs every answer but allow (SECCOMP_FILTER_FLAG_LOG), as far as \
                 /proc/sys/kernel/seccomp/actions_logged lets it. *spec-allow*: speculative store bypass is not switched \
                 off for the target (SECCOMP_FILTER_FLAG_SPEC_ALLOW), which old kernels did to everything that has a \
                 filter; faster, and open to that attack. *tsync* is accepted and changes nothing: it is about further \
                 threads, and stockade has none. *new-listener* and *wait-killable-recv* stand for what every filter with \
                 the action *notify* has, and say nothing elsewhere.",
        example: "[Seccomp]\nDefault = \"log\"\nFlags = [\"log\"]",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let Some(words) = form::all_words(value)? else {
                policy.seccomp.flags = None;
                return Ok(());
            };
            let mut flags = policy.seccomp.flags.unwrap_or_default();
            for word in &words {
                match word.text.as_str() {
                    "log" => flags.log = true,
                    "spec-allow" => flags.spec_allow = true,
                    "wait-killable-recv" => flags.wait_killable = true,
                    // A filter with the action notify has one anyway, and no other can.
                    "new-listener" => {}
                    "tsync" => flags.tsync = true,
                    other => {
                        return Err(word
                            .fault(format!("`{other}` is not a flag of filters"))
                            .help("write one of: log, spec-allow, tsync, new-listener, wait-killable-recv"));
                    }
                }
            }
            policy.seccomp.flags = Some(flags);
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(what) = policy.seccomp.flags.filter(|_| !policy.seccomp.off) {
                demands.draft.filter_flags = Some(demands.asked(what));
            }
        },
    },
    Directive {
        name: "Seccomp.ExecOnce",
        form: Form::Boolean,
        summary: "refuse to execute anything after the target",
        manual: "Refuses execve(2) and execveat(2) with EPERM to the target and to everything that it forks; only \
                 stockade's own execve of the target passes. `sh -c ls` starts sh, and ls fails.\n\n\
                 Nobody watches: the filter lets that one call pass whose three unused argument registers hold a random \
                 number of 192 bits, made for each launch. The number is in the filter and, until the target runs, in \
                 stockade, to which only root can attach from then on. Root outside the sandbox can see it, in the filter \
                 and in the registers of a start that hangs, and can do more than that anyway. The same holds for every policy whose \
                 *SystemCallFilter* or rules leave out execve.\n\n\
                 A target that can map memory as executable can still run code of its own: see \
                 *MemoryDenyWriteExecute*.",
        example: "[Seccomp]\nExecOnce = true",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.seccomp.exec_once = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.seccomp.exec_once && !policy.seccomp.off {
                let rules = vec![layer::rule(&demands.by, &["execve", "execveat"], &[], EPERM)];
                demands.draft.layers.push(layer::layer(&demands.by, rules).into());
            }
        },
    },
];

#[derive(Clone, Copy)]
enum Mode {
    Filter,
    Strict,
    StrictCompat,
    None,
}

const MODES: [(&str, Mode); 4] =
    [("filter", Mode::Filter), ("strict", Mode::Strict), ("strict-compat", Mode::StrictCompat), ("none", Mode::None)];

/// The layer that Seccomp.Rule, SystemCallFilter= and their defaults make together; none when they say nothing.
pub(crate) fn list(policy: &Policy, by: &By) -> Option<Layer> {
    let (table, answer) = (&policy.seccomp, policy.syscalls.answer.unwrap_or(Action::KillProcess));
    let (given, default) = if table.off { (&[][..], None) } else { (table.rules.as_slice(), table.default) };
    let filter = policy.syscalls.filter.as_ref();
    if filter.is_none() && given.is_empty() && default.is_none() {
        return None;
    }
    let mut rules: Vec<Rule> = given
        .iter()
        .map(|rule| Rule {
            calls: rule.calls.clone(),
            when: rule.when.clone(),
            action: rule.action,
            by: By { directive: "Seccomp.Rule", origin: Some(rule.at.clone()) },
            on: rule.on.clone(),
        })
        .collect();
    let otherwise = match filter {
        Some(list) if list.allow => default.unwrap_or(answer),
        _ => default.unwrap_or(Action::Allow),
    };
    if let Some(list) = filter {
        let listed = if list.allow { Action::Allow } else { answer };
        rules.extend(syscalls::rules("SystemCallFilter", list, listed, otherwise));
        if list.allow
            && let Some(group) = groups::group("@default")
        {
            let calls = group.set().calls();
            rules.push(Rule { calls, when: Vec::new(), action: Action::Allow, by: by.clone(), on: Vec::new() });
        }
    }
    let unknown = syscalls::denies(otherwise).then_some(ENOSYS);
    Some(Layer { by: by.clone(), rules, otherwise, unknown })
}

/// An action.
pub(super) fn action(word: &str, item: &Item) -> Result<Action, Fault> {
    Action::parse(word).map_err(|message| item.fault(message))
}

/// One rule.
fn given(value: &Value, supervise: &mut Supervise) -> Result<Given, Fault> {
    const KEYS: [&str; 8] =
        ["Syscalls", "Args", "Action", "ErrnoRet", "Decide", "ReadOnlyPaths", "ReadWritePaths", "Architectures"];
    let Kind::Table(entries) = &value.kind else {
        return Err(value
            .fault(format!("a rule is a table, not {}", value.kind_name()))
            .help("write [[Seccomp.Rule]], and Syscalls and Action on lines of their own below it"));
    };
    for entry in entries {
        if !KEYS.contains(&entry.name.as_str()) {
            let fault = Fault::at(&entry.at, format!("`{}` is not a part of a rule", entry.name));
            return Err(match form::nearest(&entry.name, KEYS.into_iter()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help(format!("there are: {}", KEYS.join(", "))),
            });
        }
    }
    let find = |name: &str| entries.iter().rev().find(|entry| entry.name == name);
    let missing = |name: &str| value.fault(format!("the rule has no {name}"));
    let calls = called(find("Syscalls").ok_or_else(|| missing("Syscalls"))?)?;
    let mut action = answer(find("Action").ok_or_else(|| missing("Action"))?, find("ErrnoRet"))?;
    let mut traced = None;
    if let Some(decision) = supervise::decide(find, &calls)? {
        match action {
            Action::Notify(_) => action = Action::Notify(supervise.number(decision, &value.at)?),
            Action::Trace(_) => traced = Some(trace::answers(decision, value)?),
            _ => {
                let fault = value.fault(format!("`{action}` takes no Decide"));
                return Err(fault.help("write Action = \"notify\" or \"trace:N\" with it"));
            }
        }
    }
    let on = find("Architectures").map_or(Ok(Vec::new()), architectures)?;
    let checked = if on.is_empty() { &[Arch::native()][..] } else { &on };
    let mut when = Vec::new();
    for item in find("Args").map_or(Ok(Vec::new()), |entry| form::lines(&entry.value))? {
        let compare = Compare::parse(item.text.trim()).map_err(|message| item.fault(message))?;
        for call in &calls {
            if let Call::Known(id) = call {
                for arch in checked {
                    compare.exact(Some(*id), *arch).map_err(|message| item.fault(message))?;
                }
            }
        }
        when.push(compare);
    }
    Ok(Given { calls, when, action, decision: traced, on, at: value.at.clone() })
}

fn architectures(entry: &Entry) -> Result<Vec<Arch>, Fault> {
    let words = form::all_words(&entry.value)?.unwrap_or_default();
    let all = words.iter().map(syscalls::architecture).collect::<Result<Vec<_>, _>>()?;
    if all.is_empty() {
        return Err(entry.value.fault("the rule holds on no architecture").help("leave Architectures out for all"));
    }
    Ok(all)
}

fn called(entry: &Entry) -> Result<Vec<Call>, Fault> {
    let mut calls = Vec::new();
    for word in form::all_words(&entry.value)?.unwrap_or_default() {
        calls.extend(What::parse(&word.text, &word)?.calls());
    }
    if calls.is_empty() {
        return Err(entry.value.fault("the rule names no system calls"));
    }
    Ok(calls)
}

fn answer(entry: &Entry, number: Option<&Entry>) -> Result<Action, Fault> {
    let item = form::text(&entry.value)?;
    let word = item.text.trim();
    match number {
        Some(number) if word == "errno" => {
            let item = form::text(&number.value)?;
            Action::parse(&format!("errno:{}", item.text.trim())).map_err(|message| item.fault(message))
        }
        Some(number) => {
            Err(number.value.fault(format!("`{word}` takes no ErrnoRet")).help("write Action = \"errno\" with it"))
        }
        None if word == "errno" => Ok(Action::Errno(1)),
        None => action(word, &item),
    }
}
