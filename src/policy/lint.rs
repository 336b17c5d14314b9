//! What is odd about a policy although it can be carried out; `stockade check` prints it.

use crate::draft::Draft;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{Call, Id};
use crate::draft::compare::Operator;
use crate::draft::decision::Decision;
use crate::draft::identity::Name;
use crate::draft::syscalls::Layer;
use crate::fault::{Fault, Origin};

use super::seccomp::Given;
use super::syscalls::{denies, laxest};
use super::{Policy, seccomp};

/// Calls that do the same: refusing one and allowing another refuses nothing.
const ALIKE: [&[&str]; 14] = [
    &["open", "openat", "openat2", "creat"],
    &["fork", "vfork", "clone", "clone3"],
    &["execve", "execveat"],
    &["chmod", "fchmod", "fchmodat", "fchmodat2"],
    &["chown", "fchown", "lchown", "fchownat"],
    &["unlink", "unlinkat"],
    &["rename", "renameat", "renameat2"],
    &["mkdir", "mkdirat"],
    &["mknod", "mknodat"],
    &["link", "linkat"],
    &["symlink", "symlinkat"],
    &["kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"],
    &["setxattr", "lsetxattr", "fsetxattr", "setxattrat"],
    &["mount", "move_mount"],
];

/// Everything odd, in the order of the policy's families.
pub fn lints(policy: &Policy, draft: &Draft) -> Vec<Fault> {
    let mut found = Vec::new();
    kills(policy, &mut found);
    if let Some(layer) = list(policy) {
        gaps(policy, &layer, &mut found);
        if !policy.seccomp.off {
            rules(policy, draft, &layer, &mut found);
        }
    }
    zero(policy, &mut found);
    supervised(policy, draft, &mut found);
    rings(policy, draft, &mut found);
    old_sockets(policy, draft, &mut found);
    root_proc(policy, draft, &mut found);
    found
}

/// A refused call kills where nothing else was said.
fn kills(policy: &Policy, found: &mut Vec<Fault>) {
    if policy.syscalls.filter.is_some() && policy.syscalls.answer.is_none() && policy.seccomp.default.is_none() {
        found.push(
            at(policy.origin("SystemCallFilter"), "a call that SystemCallFilter refuses kills the target")
                .help("SystemCallErrorNumber = \"EPERM\" lets the target go on"),
        );
    }
}

/// A list of refused calls that misses their siblings.
fn gaps(policy: &Policy, layer: &Layer, found: &mut Vec<Fault>) {
    if policy.syscalls.filter.as_ref().is_none_or(|list| list.allow) {
        return;
    }
    for names in ALIKE {
        let native = names.iter().filter(|name| Id::named(name).is_some_and(|id| id.number(Arch::native()).is_some()));
        let (shut, open): (Vec<&str>, Vec<&str>) =
            native.copied().partition(|name| denies(laxest(layer, &Call::parse(name))));
        if !shut.is_empty() && !open.is_empty() {
            found.push(
                at(
                    policy.origin("SystemCallFilter"),
                    format!(
                        "SystemCallFilter refuses {} and leaves what does the same: {}",
                        shut.join(", "),
                        open.join(", ")
                    ),
                )
                .help("a list of allowed calls has no such gaps, and none that newer kernels open"),
            );
        }
    }
}

/// Rules that do nothing, or other than they seem to.
fn rules(policy: &Policy, draft: &Draft, layer: &Layer, found: &mut Vec<Fault>) {
    for (index, rule) in policy.seccomp.rules.iter().enumerate() {
        let earlier = &policy.seccomp.rules[..index];
        let shadowed = |call: &Call| earlier.iter().any(|rule| rule.when.is_empty() && rule.calls.contains(call));
        if rule.calls.iter().all(shadowed) {
            found.push(at(Some(&rule.at), "earlier rules decide all calls of this one, so it is never used"));
            continue;
        }
        if let Some(call) = needless(rule, index, layer) {
            found.push(at(Some(&rule.at), format!("without this rule the answer to {call} would be the same")));
        }
        if !denies(rule.action)
            && let Some((call, by)) = overruled(rule, draft)
        {
            found.push(at(Some(&rule.at), format!("{by} refuses {call} all the same")));
        }
        let spares = rule.when.iter().find(|compare| compare.operator == Operator::NotEqual && compare.mask.is_none());
        if let Some(compare) = spares.filter(|_| !denies(rule.action)) {
            found.push(
                at(Some(&rule.at), format!("`{compare}` allows every value but one, newer kernels' included"))
                    .help("allow the values that are needed, one rule each"),
            );
        }
        flags_in_memory(rule, layer, found);
    }
}

/// A call of an unconditional rule that the rest of the layer answers as the rule does.
fn needless<'a>(rule: &'a Given, index: usize, layer: &Layer) -> Option<&'a Call> {
    let after = Layer { rules: layer.rules[index + 1..].to_vec(), ..layer.clone() };
    let plain =
        |call: &&Call| after.rules.iter().filter(|rule| rule.calls.contains(call)).all(|rule| rule.when.is_empty());
    let same = |call: &&Call| laxest(&after, call) == rule.action;
    (rule.when.is_empty() && rule.calls.iter().all(|call| plain(&call) && same(&call))).then(|| rule.calls.first())?
}

/// A call that the rule allows and another directive refuses whatever its arguments.
fn overruled<'a>(rule: &'a Given, draft: &Draft) -> Option<(&'a Call, &'static str)> {
    let own = |layer: &&Layer| !matches!(layer.by.directive, "SystemCallFilter" | "Seccomp.Default" | "Seccomp.Rule");
    draft.layers.iter().filter(own).find_map(|layer| {
        let call = rule.calls.iter().find(|call| denies(laxest(layer, call)))?;
        Some((call, layer.by.directive))
    })
}

/// Flags are looked at in clone, and clone3 takes the same ones in memory.
fn flags_in_memory(rule: &Given, layer: &Layer, found: &mut Vec<Fault>) {
    for (seen, unseen) in [("clone", "clone3"), ("openat", "openat2"), ("open", "openat2")] {
        let conditional = !rule.when.is_empty() && rule.calls.contains(&Call::parse(seen));
        if conditional && !denies(laxest(layer, &Call::parse(unseen))) {
            found.push(
                at(Some(&rule.at), format!("the rule looks at {seen}'s arguments, which {unseen} takes in memory"))
                    .help(format!("add a rule with Syscalls = [\"{unseen}\"] and Action = \"errno:ENOSYS\"")),
            );
        }
    }
}

/// A refused call that looks like a success.
fn zero(policy: &Policy, found: &mut Vec<Fault>) {
    const MESSAGE: &str = "errno:0 does not run the call and tells the target that it worked";
    if policy.seccomp.default == Some(Action::Errno(0)) {
        found.push(at(policy.origin("Seccomp.Default"), MESSAGE));
    }
    let rules = policy.seccomp.rules.iter().filter(|rule| rule.action == Action::Errno(0));
    found.extend(rules.map(|rule| at(Some(&rule.at), MESSAGE)));
}

/// Decisions that decide less than they seem to.
fn supervised(policy: &Policy, draft: &Draft, found: &mut Vec<Fault>) {
    let decisions = &policy.supervise.decisions;
    if let (Some(_), Some(at)) = (&policy.supervise.listener, &policy.supervise.decided) {
        found.push(Fault::at(at, "Seccomp.Listener's agent answers, so Decide decides nothing"));
        return;
    }
    for rule in &policy.seccomp.rules {
        let Action::Notify(number) = rule.action else { continue };
        let decision = usize::from(number).checked_sub(1).and_then(|at| decisions.get(at));
        if matches!(decision, Some(Decision::Continue)) {
            found.push(at(Some(&rule.at), "`continue` runs every call, as the action allow does without the detour"));
        }
        if matches!(decision, Some(Decision::Open(_))) {
            let ways = ["open", "openat", "openat2", "creat", "open_by_handle_at", "io_uring_setup"].map(Call::parse);
            let native = ways.iter().filter(|way| way.number(Arch::native(), Arch::native()).is_some());
            let runs = |way: &&Call| {
                let answers = draft.layers.iter().map(|layer| laxest(layer, way));
                answers.fold(Action::Allow, Action::and).strictness() <= Action::Log.strictness()
            };
            let gaps: Vec<String> = native.filter(runs).map(|way| way.word().into_owned()).collect();
            if !gaps.is_empty() {
                let message = format!("files are opened on behalf here, and without it by {}", gaps.join(", "));
                found.push(at(Some(&rule.at), message).help("notify of them too, or refuse them with errno:ENOSYS"));
            }
        }
    }
}

/// io_uring opens files and makes sockets without the calls that are looked at.
fn rings(policy: &Policy, draft: &Draft, found: &mut Vec<Fault>) {
    let ring = Call::parse("io_uring_setup");
    if draft.layers.iter().any(|layer| denies(laxest(layer, &ring))) {
        return;
    }
    let asked = [
        ("RestrictAddressFamilies", policy.restrict.families.is_some()),
        ("RestrictSUIDSGID", policy.restrict.suid_sgid),
    ];
    for (directive, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        found.push(
            at(policy.origin(directive), format!("io_uring passes by {directive}, and io_uring_setup is allowed"))
                .help("refuse it: SystemCallFilter = [\"~io_uring_setup:ENOSYS\"]"),
        );
    }
}

/// 32-bit programs of old make sockets by a call whose arguments cannot be seen.
fn old_sockets(policy: &Policy, draft: &Draft, found: &mut Vec<Fault>) {
    if policy.restrict.families.is_some()
        && draft.architectures.as_ref().is_some_and(|all| all.what.contains(&Arch::X86))
    {
        found.push(
            at(
                policy.origin("RestrictAddressFamilies"),
                "32-bit programs that use socketcall(2) cannot make any socket",
            )
            .help("leave x86 out of SystemCallArchitectures, unless their libc is newer than Linux 4.3"),
        );
    }
}

/// hidepid= hides nothing from root.
fn root_proc(policy: &Policy, draft: &Draft, found: &mut Vec<Fault>) {
    let root = draft.user.as_ref().is_some_and(|user| match &user.what {
        Name::Number(number) => *number == 0,
        Name::Word(word) => word == "root",
    });
    if root && let Some(origin) = policy.origin("ProtectProc") {
        found.push(at(Some(origin), "ProtectProc hides nothing from root").help("set User to somebody else"));
    }
}

fn list(policy: &Policy) -> Option<Layer> {
    seccomp::list(policy, &crate::draft::By { directive: "SystemCallFilter", origin: None })
}

fn at(origin: Option<&Origin>, message: impl Into<String>) -> Fault {
    match origin {
        Some(origin) => Fault::at(origin, message),
        None => Fault::new(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;
    use crate::text::{Document, Entry, Kind, Value};
    use std::sync::Arc;

    fn value(text: &str) -> Value {
        let source = Arc::new(Source { name: "test.toml".into(), text: text.into() });
        Value { kind: Kind::Text(text.into()), at: Origin::new(&source, 0..text.len()) }
    }

    /// `NAME=VALUE`, or `CALLS | COMPARISON | ACTION` for a rule.
    fn messages(words: &[&str]) -> Vec<String> {
        let named = |name: &str, value: Value| Entry { name: name.into(), at: value.at.clone(), value };
        let entries = words.iter().map(|word| match word.split('|').map(str::trim).collect::<Vec<_>>()[..] {
            [calls, when, answer] => {
                let (action, decide) = answer.split_once(' ').map_or((answer, None), |(a, b)| (a, Some(b)));
                let mut parts = vec![named("Syscalls", value(calls)), named("Action", value(action))];
                parts.extend(decide.map(|decide| named("Decide", value(decide))));
                if !when.is_empty() {
                    parts.push(named("Args", value(when)));
                }
                named("Seccomp.Rule", Value { kind: Kind::Table(parts), at: value(word).at })
            }
            _ => word.split_once('=').map(|(name, text)| named(name, value(text))).expect("NAME=VALUE"),
        });
        let policy = Policy::read(&Document { entries: entries.collect() }).expect("a good policy");
        lints(&policy, &policy.draft()).into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn sound_policies_are_left_alone() {
        for words in [
            &[][..],
            &["SystemCallFilter=@system-service", "SystemCallFilter=~@privileged", "SystemCallErrorNumber=EPERM"],
            &["RestrictAddressFamilies=AF_UNIX", "SystemCallFilter=~io_uring_setup", "SystemCallErrorNumber=ENOSYS"],
            &["SystemCallFilter=~kexec_load:EPERM", "SystemCallErrorNumber=EPERM"],
            &["socket | | notify log", "getppid | | notify errno:EPERM"],
            &["socket | arg0 == AF_VSOCK | errno:EPERM", "socket | arg0 == AF_ALG | errno:EPERM"],
        ] {
            assert_eq!(messages(words), Vec::<String>::new(), "{words:?}");
        }
    }

    #[test]
    fn odd_policies_are_told_so() {
        for (words, message) in [
            (&["SystemCallFilter=read"][..], "kills the target"),
            (
                &["SystemCallFilter=~open openat:EPERM"],
                "refuses open, openat and leaves what does the same: openat2, creat",
            ),
            (&["read | | allow"], "without this rule the answer to read would be the same"),
            (&["read write | | log", "read | arg0 == 1 | allow"], "earlier rules decide"),
            (&["socket | | log", "RestrictAddressFamilies=none"], "RestrictAddressFamilies refuses socket"),
            (&["socket | arg0 != 40 | log"], "allows every value but one"),
            (&["clone | arg0 & 0x10000000 != 0 | errno:EPERM"], "which clone3 takes in memory"),
            (&["read | | errno:0"], "tells the target that it worked"),
            (&["getppid | | notify continue"], "`continue` runs every call"),
            (&["openat | | notify open"], "without it by open, openat2, creat"),
            (&["openat | | notify log", "Seccomp.Listener=/run/agent.sock"], "so Decide decides nothing"),
            (&["Seccomp.Default=errno:0"], "tells the target that it worked"),
            (&["RestrictAddressFamilies=AF_UNIX"], "io_uring passes by RestrictAddressFamilies"),
            (&["RestrictSUIDSGID=yes"], "io_uring passes by RestrictSUIDSGID"),
            (&["RestrictAddressFamilies=AF_UNIX", "SystemCallArchitectures=x86"], "socketcall(2)"),
        ] {
            let found = messages(words);
            assert!(found.iter().any(|line| line.contains(message)), "{words:?}: {found:?}");
        }
        let off = messages(&["read | | errno:1", "Seccomp.Mode=none", "SystemCallFilter=~acct:EPERM"]);
        assert_eq!(off.len(), 1, "{off:?}");
    }
}
