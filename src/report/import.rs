//! A container engine's profile as a policy that people can read and change.

use crate::draft::arch::Arch;
use crate::draft::calls::Call;
use crate::draft::capabilities::CapSet;
use crate::draft::profile::{Conditional, DOCKER, Profile, engine_name};
use crate::fault::Origin;
use crate::policy::find;

use super::show::{hostile, quoted};

/// What the rules were chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    /// The container's capabilities.
    pub caps: CapSet,
    /// The kernel's version.
    pub kernel: (u32, u32),
}

/// How wide lines of names are.
const WIDTH: usize = 96;

/// The policy. `name` says where the profile is from.
pub fn policy(profile: &Profile, chosen: Chosen, name: &str) -> String {
    let Chosen { caps, kernel } = chosen;
    let rules = profile.rules(caps, kernel);
    let (rare, newer) = (profile.rare(caps, kernel), profile.newer(caps, kernel));
    let mut text = format!("# The seccomp profile {}.\n#\n", comment(name));
    if profile.rules.iter().all(Conditional::always) {
        text.push_str("# Its rules are the same for all containers and kernels.\n");
    } else {
        let has = match caps {
            DOCKER => "the fourteen capabilities that Docker gives".to_owned(),
            caps if caps == CapSet::all() || caps == CapSet::EVERY => "all capabilities".to_owned(),
            caps if caps.is_empty() => "no capabilities".to_owned(),
            caps => caps.names().join(" "),
        };
        let machine = engine_name(Arch::native());
        let line =
            format!("Its includes and excludes are decided for {machine}, Linux {}.{}, {has}.", kernel.0, kernel.1);
        text.push_str(&wrapped(&line));
        for rule in profile.rules.iter().filter(|rule| !rule.holds(caps, kernel)) {
            text.push_str(&wrapped(&left_out(rule, chosen)));
        }
    }
    let architectures: Vec<String> = std::iter::once("\"native\"".to_owned())
        .chain(profile.architectures.iter().map(|arch| quoted(arch.word())))
        .collect();
    text.push_str(&format!("\nSystemCallArchitectures = [{}]\n\n[Seccomp]\n", architectures.join(", ")));
    text.push_str(&format!("Default = {}\n", quoted(&profile.default.to_string())));
    let flags = [
        (profile.flags.log, "log"),
        (profile.flags.spec_allow, "spec-allow"),
        (profile.flags.wait_killable && profile.listener.is_some(), "wait-killable-recv"),
    ];
    let flags: Vec<String> = flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| quoted(word)).collect();
    if !flags.is_empty() {
        text.push_str(&format!("Flags = [{}]\n", flags.join(", ")));
    }
    if let Some((path, metadata)) = &profile.listener {
        for (word, value) in [("Listener", path), ("ListenerMetadata", metadata)] {
            let known = find(&format!("Seccomp.{word}")).is_some();
            if !value.is_empty() {
                text.push_str(&format!("{}{word} = {}\n", if known { "" } else { "# " }, quoted(value)));
            }
        }
    }
    for rule in rules {
        one(&mut text, rule);
    }
    if !rare.is_empty() {
        text.push_str("\n# Calls of few machines, which the profile names: the default, and not ENOSYS.\n");
        block(&mut text, &rare, &[], &profile.default.to_string());
    }
    if !newer.is_empty() {
        text.push_str("\n# Newer than all that the profile names: with ENOSYS, libc takes older calls.\n");
        block(&mut text, &newer, &[], "errno:ENOSYS");
    }
    text
}

/// The name of a file and the line in it.
fn left_out(rule: &Conditional, chosen: Chosen) -> String {
    let calls: Vec<String> = rule.rule.calls.iter().map(ToString::to_string).collect();
    let mut why = Vec::new();
    let lacking = rule.with.without(chosen.caps);
    let having = rule.without.intersection(chosen.caps);
    if !lacking.is_empty() {
        why.push(format!("only with {}", lacking.names().join(" ")));
    }
    if !having.is_empty() {
        why.push(format!("only without {}", having.names().join(" ")));
    }
    if let Some((major, minor)) = rule.since.filter(|version| chosen.kernel < *version) {
        why.push(format!("only from Linux {major}.{minor} on"));
    }
    if let Some((major, minor)) = rule.until.filter(|version| chosen.kernel >= *version) {
        why.push(format!("only before Linux {major}.{minor}"));
    }
    let mut said = calls;
    said.extend(rule.rule.when.iter().map(ToString::to_string));
    format!("Left out, {}: {} {}", why.join(", "), rule.rule.action, said.join(" "))
}

fn one(text: &mut String, rule: &Conditional) {
    text.push('\n');
    if !rule.comment.is_empty() {
        text.push_str(&wrapped(&rule.comment));
    }
    let when: Vec<String> = rule.rule.when.iter().map(ToString::to_string).collect();
    block(text, &rule.rule.calls, &when, &rule.rule.action.to_string());
}

fn block(text: &mut String, calls: &[Call], when: &[String], action: &str) {
    text.push_str("[[Seccomp.Rule]]\n");
    let words: Vec<String> = calls.iter().map(ToString::to_string).collect();
    let lines = lines(&words.join(" "), WIDTH - 7);
    if let [line] = lines.as_slice() {
        text.push_str(&format!("Syscalls = [{}]\n", quoted(line)));
    } else {
        let lines: Vec<String> = lines.iter().map(|line| format!("    {},\n", quoted(line))).collect();
        text.push_str(&format!("Syscalls = [\n{}]\n", lines.concat()));
    }
    if !when.is_empty() {
        let when: Vec<String> = when.iter().map(|compare| quoted(compare)).collect();
        text.push_str(&format!("Args = [{}]\n", when.join(", ")));
    }
    text.push_str(&format!("Action = {}\n", quoted(action)));
}

/// A comment of as many lines as it takes.
pub(super) fn wrapped(text: &str) -> String {
    let lines = lines(&comment(text), WIDTH - 2);
    lines.iter().map(|line| format!("# {line}\n")).collect::<Vec<_>>().concat()
}

/// Words in lines of at most so many bytes, where they fit.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Text that cannot leave its comment.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\n' || c == '\t' {
                ' '
            } else if hostile(c) {
                '?'
            } else {
                c
            }
        })
        .collect()
}

/// A policy that only names a profile, as a pod does.
pub fn named(word: &str, container: &str, at: &Origin) -> String {
    let who = if container.is_empty() { "The container".to_owned() } else { format!("The container {container}") };
    let line = wrapped(&format!("{who} has the seccomp profile {word} ({at})."));
    format!("{line}\nSeccompProfile = {}\n", quoted(word))
}
