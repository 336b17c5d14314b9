//! System calls, in the kernel's words: the table [Seccomp].

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::Call;
use crate::draft::compare::Compare;
use crate::draft::groups;
use crate::draft::syscalls::{Flags, Layer, Rule};
use crate::draft::{Asked, By};
use crate::fault::{Fault, Origin};
use crate::text::{Entry, Kind, Value};

use super::calls::What;
use super::form::{self, Form, Item};
use super::layer::{self, ENOSYS, EPERM};
use super::{Directive, Policy, syscalls};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Seccomp {
    /// Seccomp.Mode = "none": the rest of the table means nothing.
    pub off: bool,
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
                 filter. *strict* and *strict-compat*, the kernel's strict mode and a filter like it, are not in this \
                 version.",
        example: "[Seccomp]\nMode = \"filter\"\nDefault = \"log\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.seccomp.off = match form::word(value, &MODES)? {
                Mode::Filter => false,
                Mode::None => true,
                Mode::Strict => {
                    let word = form::text(value)?.text;
                    return Err(value
                        .fault(format!("Seccomp.Mode = \"{}\" is not in this version yet", word.trim()))
                        .help("SystemCallFilter = [\"read write exit exit_group rt_sigreturn\"] comes near it"));
                }
            };
            Ok(())
        },
        demand: |_, _| {},
    },
    Directive {
        name: "Seccomp.Default",
        form: Form::Text("ACTION"),
        summary: "what calls answer that nothing else decides",
        manual: "The answer to calls that neither a *Seccomp.Rule* nor *SystemCallFilter* decides: *allow*, *log*, \
                 *errno:EPERM* (any error's name or number), *trap* or *trap:N* (SIGSYS, with N in si_errno), \
                 *kill-thread* or *kill-process*. Unset it is *allow*; beside a *SystemCallFilter* of allowed calls it \
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
                demands.draft.layers.push(layer);
            }
        },
    },
    Directive {
        name: "Seccomp.Rule",
        form: Form::Table(&[
            ("Syscalls", "names, numbers and @groups"),
            ("Args", "comparisons that must all hold: arg0 == AF_UNIX, arg1 & 0x7 != 0"),
            ("Action", "allow, log, errno:NAME, trap[:N], kill-thread or kill-process"),
            ("ErrnoRet", "the error, where Action is just errno"),
            ("Architectures", "where the rule holds: native, x86, arm64 and so on"),
        ]),
        summary: "answer some calls, by their arguments if need be",
        manual: "One rule. *Syscalls* lists calls by name, native number or @group. *Args* lists comparisons of arguments \
                 that must all hold, several of one argument too: `arg0 == AF_NETLINK`, `arg1 & 0xff == 3`, with ==, !=, \
                 <, <=, > and >=, and numbers or the kernel's names joined by |. Without *Args* the rule always holds. \
                 *Action* answers as in *Seccomp.Default*; with plain *errno* the error is in *ErrnoRet*, or EPERM. \
                 With *Architectures* the rule holds for calls of these only, which *SystemCallArchitectures* must allow, \
                 too.\n\n\
                 Rules are tried in order, before *SystemCallFilter*, and the first that holds answers. Numbers are \
                 unsigned, and compared as wide as the kernel takes the argument: an int argument by its low 32 bits, so \
                 that bits above them change nothing. What other directives refuse stays refused.",
        example: "[[Seccomp.Rule]]\nSyscalls = [\"socket\"]\nArgs = [\"arg0 == AF_VSOCK\"]\nAction = \"errno:EPERM\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            match &value.kind {
                Kind::List(elements) if elements.is_empty() => policy.seccomp.rules.clear(),
                Kind::List(elements) => {
                    let rules: Vec<Given> = elements.iter().map(given).collect::<Result<_, _>>()?;
                    policy.seccomp.rules.extend(rules);
                }
                _ => policy.seccomp.rules.push(given(value)?),
            }
            Ok(())
        },
        demand: |policy, demands| {
            if policy.syscalls.filter.is_none()
                && policy.seccomp.default.is_none()
                && !policy.seccomp.rules.is_empty()
                && let Some(layer) = list(policy, &demands.by)
            {
                demands.draft.layers.push(layer);
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
                 threads, and stockade has none.",
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
                    "wait-killable-recv" => {
                        return Err(
                            word.fault("wait-killable-recv needs the action notify, which is not in this version yet")
                        );
                    }
                    "tsync" => flags.tsync = true,
                    other => {
                        return Err(word
                            .fault(format!("`{other}` is not a flag of filters"))
                            .help("write one of: log, spec-allow, tsync"));
                    }
                }
            }
            policy.seccomp.flags = Some(flags);
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(what) = policy.seccomp.flags.filter(|_| !policy.seccomp.off) {
                demands.draft.filter_flags = Some(Asked { what, by: demands.by.clone() });
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
                demands.draft.layers.push(layer::layer(&demands.by, rules));
            }
        },
    },
];

#[derive(Clone, Copy)]
enum Mode {
    Filter,
    Strict,
    None,
}

const MODES: [(&str, Mode); 4] =
    [("filter", Mode::Filter), ("strict", Mode::Strict), ("strict-compat", Mode::Strict), ("none", Mode::None)];

/// The layer that Seccomp.Rule, SystemCallFilter= and their defaults make together; none when they say nothing.
pub(super) fn list(policy: &Policy, by: &By) -> Option<Layer> {
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
            let calls = group.set().iter().map(Call::Known).collect();
            rules.push(Rule { calls, when: Vec::new(), action: Action::Allow, by: by.clone(), on: Vec::new() });
        }
    }
    let unknown = syscalls::denies(otherwise).then_some(ENOSYS);
    Some(Layer { by: by.clone(), rules, otherwise, unknown })
}

/// An action that this version can carry out.
pub(super) fn action(word: &str, item: &Item) -> Result<Action, Fault> {
    match Action::parse(word).map_err(|message| item.fault(message))? {
        Action::Notify | Action::Trace(_) => Err(item
            .fault(format!("the action `{word}` is not in this version yet"))
            .help("write one of: allow, log, errno:NAME, trap, kill-thread, kill-process")),
        action => Ok(action),
    }
}

/// One rule.
fn given(value: &Value) -> Result<Given, Fault> {
    const KEYS: [&str; 5] = ["Syscalls", "Args", "Action", "ErrnoRet", "Architectures"];
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
    let action = answer(find("Action").ok_or_else(|| missing("Action"))?, find("ErrnoRet"))?;
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
    Ok(Given { calls, when, action, on, at: value.at.clone() })
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
