//! What is odd about a policy's filter although it can be carried out: rules that do nothing, and known ways around it.

use std::sync::Arc;

use crate::draft::Draft;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{Call, Id};
use crate::draft::compare::Operator;
use crate::draft::decision::Decision;
use crate::draft::syscalls::Layer;
use crate::policy::Policy;
use crate::policy::seccomp::{self, Given};
use crate::policy::syscalls::{denies, laxest};

use super::{Facts, Finding, finding};

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

/// A refused call kills where nothing else was said.
pub(super) fn kills(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let policy = facts.policy;
    if policy.syscalls.filter.is_some() && policy.syscalls.answer.is_none() && policy.seccomp.default.is_none() {
        found.push(finding(
            policy.origin("SystemCallFilter"),
            "a call that SystemCallFilter refuses kills the target",
            "SystemCallErrorNumber = \"EPERM\" lets the target go on",
        ));
    }
}

/// A list of refused calls that misses their siblings.
pub(super) fn siblings(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let policy = facts.policy;
    let Some(layer) = list(policy).filter(|_| policy.syscalls.filter.as_ref().is_some_and(|list| !list.allow)) else {
        return;
    };
    for names in ALIKE {
        let native = names.iter().filter(|name| Id::named(name).is_some_and(|id| id.number(Arch::native()).is_some()));
        let (shut, open): (Vec<&str>, Vec<&str>) =
            native.copied().partition(|name| denies(laxest(&layer, &Call::parse(name))));
        if !shut.is_empty() && !open.is_empty() {
            found.push(finding(
                policy.origin("SystemCallFilter"),
                format!(
                    "SystemCallFilter refuses {} and leaves what does the same: {}",
                    shut.join(", "),
                    open.join(", ")
                ),
                "a list of allowed calls has no such gaps, and none that newer kernels open",
            ));
        }
    }
}

/// The rules of `[Seccomp]` with what comes before and after them; none where the filter is off.
fn rules(policy: &Policy) -> Option<(Layer, impl Iterator<Item = (usize, &Given)>)> {
    Some((list(policy).filter(|_| !policy.seccomp.off)?, policy.seccomp.rules.iter().enumerate()))
}

/// Rules that do nothing.
pub(super) fn needless(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let Some((layer, rules)) = rules(facts.policy) else { return };
    for (index, rule) in rules {
        let earlier = &facts.policy.seccomp.rules[..index];
        let shadowed = |call: &Call| earlier.iter().any(|rule| rule.when.is_empty() && rule.calls.contains(call));
        let at = Some(&rule.at);
        if rule.calls.iter().all(shadowed) {
            let message = "earlier rules decide all calls of this one, so it is never used";
            found.push(finding(at, message, "take it out, or put it before them"));
            continue;
        }
        if let Some(call) = repeated(rule, index, &layer) {
            let message = format!("without this rule the answer to {call} would be the same");
            found.push(finding(at, message, "take it out"));
        }
        if let Some((call, by)) = overruled(rule, facts.draft).filter(|_| !denies(rule.action)) {
            let message = format!("{by} refuses {call} all the same");
            found.push(finding(at, message, "take one of the two out: of several answers the strictest holds"));
        }
    }
}

/// A call of an unconditional rule that the rest of the layer answers as the rule does.
fn repeated<'a>(rule: &'a Given, index: usize, layer: &Layer) -> Option<&'a Call> {
    let after = Layer { rules: layer.rules[index + 1..].to_vec(), ..layer.clone() };
    let plain =
        |call: &&Call| after.rules.iter().filter(|rule| rule.calls.contains(call)).all(|rule| rule.when.is_empty());
    let same = |call: &&Call| laxest(&after, call) == rule.action;
    (rule.when.is_empty() && rule.calls.iter().all(|call| plain(&call) && same(&call))).then(|| rule.calls.first())?
}

/// A call that the rule allows and another directive refuses whatever its arguments.
fn overruled<'a>(rule: &'a Given, draft: &Draft) -> Option<(&'a Call, &'static str)> {
    let own =
        |layer: &&Arc<Layer>| !matches!(layer.by.directive, "SystemCallFilter" | "Seccomp.Default" | "Seccomp.Rule");
    draft.layers.iter().filter(own).find_map(|layer| {
        let call = rule.calls.iter().find(|call| denies(laxest(layer, call)))?;
        Some((call, layer.by.directive))
    })
}

/// Rules about arguments that allow more than they seem to.
pub(super) fn arguments(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let Some((layer, rules)) = rules(facts.policy) else { return };
    for (_, rule) in rules {
        let spares = rule.when.iter().find(|compare| compare.operator == Operator::NotEqual && compare.mask.is_none());
        if let Some(compare) = spares.filter(|_| !denies(rule.action)) {
            let message = format!("`{compare}` allows every value but one, newer kernels' included");
            found.push(finding(Some(&rule.at), message, "allow the values that are needed, one rule each"));
        }
        for (seen, unseen) in [("clone", "clone3"), ("openat", "openat2"), ("open", "openat2")] {
            let conditional = !rule.when.is_empty() && rule.calls.contains(&Call::parse(seen));
            if conditional && !denies(laxest(&layer, &Call::parse(unseen))) {
                let message = format!("the rule looks at {seen}'s arguments, which {unseen} takes in memory");
                let help = format!("add a rule with Syscalls = [\"{unseen}\"] and Action = \"errno:ENOSYS\"");
                found.push(finding(Some(&rule.at), message, &help));
            }
        }
    }
}

/// A refused call that looks like a success.
pub(super) fn zero(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let seccomp = &facts.policy.seccomp;
    let default = facts.policy.origin("Seccomp.Default").filter(|_| seccomp.default == Some(Action::Errno(0)));
    let rules = seccomp.rules.iter().filter(|rule| rule.action == Action::Errno(0)).map(|rule| &rule.at);
    for at in default.into_iter().chain(rules) {
        let message = "errno:0 does not run the call and tells the target that it worked";
        found.push(finding(Some(at), message, "name an error, for instance errno:EPERM"));
    }
}

/// Decisions that decide less than they seem to.
pub(super) fn decisions(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let policy = facts.policy;
    if let (Some(_), Some(at)) = (&policy.supervise.listener, &policy.supervise.decided) {
        let message = "Seccomp.Listener's agent answers, so Decide decides nothing";
        found.push(finding(Some(at), message, "take one of the two out"));
        return;
    }
    let traced = |rule: &&Given| matches!(rule.action, Action::Trace(_));
    if let Some(rule) = policy.seccomp.rules.iter().find(traced).filter(|_| facts.draft.tracing.is_empty())
        && runs(facts.draft, &Call::parse("ptrace"))
    {
        let message =
            "no tracer is asked for here, and the target can be one to its own children and let their calls run";
        found.push(finding(Some(&rule.at), message, "refuse ptrace, or say by Decide what is to be answered"));
    }
    for rule in &policy.seccomp.rules {
        let Action::Notify(number) = rule.action else { continue };
        let decision = usize::from(number).checked_sub(1).and_then(|at| policy.supervise.decisions.get(at));
        if matches!(decision, Some(Decision::Continue)) {
            let message = "`continue` runs every call, as the action allow does without the detour";
            found.push(finding(Some(&rule.at), message, "write Action = \"allow\""));
        }
        if matches!(decision, Some(Decision::Open(_))) {
            let gaps = other_ways(facts.draft);
            if !gaps.is_empty() {
                let message = format!("files are opened on behalf here, and without it by {}", gaps.join(", "));
                found.push(finding(Some(&rule.at), message, "notify of them too, or refuse them with errno:ENOSYS"));
            }
        }
    }
}

/// The calls that open files and that nothing refuses or answers.
fn other_ways(draft: &Draft) -> Vec<String> {
    let ways = ["open", "openat", "openat2", "creat", "open_by_handle_at", "io_uring_setup"].map(Call::parse);
    let native = ways.iter().filter(|way| way.number(Arch::native(), Arch::native()).is_some());
    native.filter(|way| runs(draft, way)).map(|way| way.word().into_owned()).collect()
}

/// Whether nothing refuses or answers a call.
fn runs(draft: &Draft, call: &Call) -> bool {
    let answers = draft.layers.iter().map(|layer| laxest(layer, call));
    answers.fold(Action::Allow, Action::and).strictness() <= Action::Log.strictness()
}

/// io_uring opens files and makes sockets without the calls that are looked at.
pub(super) fn rings(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let ring = Call::parse("io_uring_setup");
    if facts.draft.layers.iter().any(|layer| denies(laxest(layer, &ring))) {
        return;
    }
    let restrict = &facts.policy.restrict;
    let asked = [("RestrictAddressFamilies", restrict.families.is_some()), ("RestrictSUIDSGID", restrict.suid_sgid)];
    for (directive, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        let message = format!("io_uring passes by {directive}, and io_uring_setup is allowed");
        let help = "refuse it: SystemCallFilter = [\"~io_uring_setup:ENOSYS\"]";
        found.push(finding(facts.policy.origin(directive), message, help));
    }
}

/// 32-bit programs of old make sockets by a call whose arguments cannot be seen.
pub(super) fn old_sockets(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let narrow = facts.draft.architectures.as_ref().is_some_and(|all| all.what.contains(&Arch::X86));
    if narrow && facts.policy.restrict.families.is_some() {
        found.push(finding(
            facts.policy.origin("RestrictAddressFamilies"),
            "32-bit programs that use socketcall(2) cannot make any socket",
            "leave x86 out of SystemCallArchitectures, unless their libc is newer than Linux 4.3",
        ));
    }
}

fn list(policy: &Policy) -> Option<Layer> {
    seccomp::list(policy, &crate::draft::By { directive: "SystemCallFilter", origin: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Origin, Source};
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
        let document = Document { entries: entries.collect() };
        let policy = Policy::read(&document).expect("a good policy");
        let found = super::super::findings(&document, &policy).into_iter();
        // A list of refused calls is the subject here.
        found.filter(|finding| finding.lint != "deny-list").map(|finding| finding.message).collect()
    }

    #[test]
    fn sound_policies_are_left_alone() {
        for words in [
            &[][..],
            &["SystemCallFilter=@system-service", "SystemCallFilter=~@privileged", "SystemCallErrorNumber=EPERM"],
            &["RestrictAddressFamilies=AF_UNIX", "SystemCallFilter=~io_uring_setup", "SystemCallErrorNumber=ENOSYS"],
            &["SystemCallFilter=~kexec_load:EPERM", "SystemCallErrorNumber=EPERM"],
            &["socket | | notify log", "getppid | | notify errno:EPERM"],
            &["socket | | trace:1 log", "getppid | | trace:2"],
            &["getppid | | trace:2", "ptrace | | errno:EPERM"],
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
            (&["getppid | | trace:2"], "no tracer is asked for"),
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
