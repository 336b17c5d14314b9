//! Lints: what a policy says that has no effect, or not the one that its writer must have meant.
//!
//! Here are the table and the lints of whole policies; `filter` has those of the filter. A new lint is a row of
//! [`LINTS`] with its check, and a case in tests/lints.rs.

mod filter;

use std::path::Path;

use crate::draft::identity::Name;
use crate::draft::mounts::{MountAsk, View};
use crate::draft::{Asked, Draft};
use crate::fault::Origin;
use crate::policy::{Policy, form};
use crate::text::Document;

/// One lint: a name that scripts can rely on, and the check.
pub struct Lint {
    /// Lower case, words joined by hyphens.
    pub name: &'static str,
    /// What it looks for: one line for the manual.
    pub about: &'static str,
    check: fn(&Facts<'_>, &mut Vec<Finding>),
}

/// Something that a lint found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The lint.
    pub lint: &'static str,
    /// One line, lower case, naming the thing.
    pub message: String,
    /// Where.
    pub origin: Option<Origin>,
    /// A remedy.
    pub help: String,
}

/// What lints look at.
struct Facts<'a> {
    document: &'a Document,
    policy: &'a Policy,
    draft: &'a Draft,
}

/// All lints, in the order in which their findings are told.
pub const LINTS: &[Lint] = &[
    Lint { name: "no-exec", about: "a file that is a program but names none", check: no_exec },
    Lint { name: "shebang-arguments", about: "words behind stockade in the first line", check: shebang_arguments },
    Lint { name: "hidden", about: "a path that another directive hides", check: hidden },
    Lint {
        name: "already-writable",
        about: "a path made writable where nothing is read-only",
        check: already_writable,
    },
    Lint { name: "already-executable", about: "a path made executable where everything is", check: already_executable },
    Lint { name: "prefer-nothing", about: "Prefer names a directive that is not written", check: prefer_nothing },
    Lint { name: "ambient-unbounded", about: "an ambient capability that the bounding set lacks", check: ambient },
    Lint { name: "errno-unused", about: "an error number without a filter", check: errno_unused },
    Lint { name: "deny-list", about: "a filter that lets new system calls through", check: deny_list },
    Lint { name: "tcp-only", about: "Landlock's TCP rules alone, which other protocols pass", check: tcp_only },
    Lint { name: "tcp-nowhere", about: "TCP ports allowed in an empty network", check: tcp_nowhere },
    Lint {
        name: "profile",
        about: "words of a container engine's profile that do nothing, or not what they seem to",
        check: profile,
    },
    Lint { name: "implied-privileges", about: "NoNewPrivileges=no where a filter switches it on", check: implied },
    Lint { name: "root-proc", about: "ProtectProc for root, from whom it hides nothing", check: root_proc },
    Lint { name: "call-kills", about: "a filter whose refusals kill the target unasked", check: filter::kills },
    Lint { name: "call-siblings", about: "a refused call whose sibling is allowed", check: filter::siblings },
    Lint { name: "call-zero", about: "a refused call that looks like a success", check: filter::zero },
    Lint { name: "rule-needless", about: "a rule that changes no answer", check: filter::needless },
    Lint {
        name: "rule-arguments",
        about: "a rule about arguments that allows more than it seems to",
        check: filter::arguments,
    },
    Lint { name: "rule-decides", about: "a decision that decides less than it seems to", check: filter::decisions },
    Lint { name: "io-uring", about: "io_uring, which passes by what other directives look at", check: filter::rings },
    Lint { name: "socketcall", about: "old 32-bit programs, which cannot make any socket", check: filter::old_sockets },
];

/// Everything that the lints find.
pub fn findings(document: &Document, policy: &Policy) -> Vec<Finding> {
    let draft = policy.draft();
    let facts = Facts { document, policy, draft: &draft };
    let mut found = Vec::new();
    for lint in LINTS {
        let from = found.len();
        (lint.check)(&facts, &mut found);
        found[from..].iter_mut().for_each(|finding: &mut Finding| finding.lint = lint.name);
    }
    found
}

fn finding(origin: Option<&Origin>, message: impl Into<String>, help: &str) -> Finding {
    Finding { lint: "", message: message.into(), origin: origin.cloned(), help: help.into() }
}

impl Facts<'_> {
    /// Whether the last word on a switch is yes.
    fn on(&self, name: &str) -> bool {
        let last = self.document.entries.iter().rev().find(|entry| entry.name == name);
        last.is_some_and(|entry| form::switch(&entry.value) == Some(true))
    }

    /// The words of the whole document for a list, resets applied.
    fn words(&self, name: &str) -> Vec<form::Item> {
        let mut found = Vec::new();
        for entry in self.document.entries.iter().filter(|entry| entry.name == name) {
            match form::all_words(&entry.value) {
                Ok(Some(words)) => found.extend(words),
                _ => found.clear(),
            }
        }
        found
    }

    /// The last file's first line, when it says what interpreter it is for.
    fn shebang(&self) -> Option<(&str, Origin)> {
        let source =
            &self.document.entries.iter().rev().find(|entry| entry.at.source.text.starts_with("#!"))?.at.source;
        let line = source.text.lines().next()?;
        Some((line, Origin::new(source, 0..line.len())))
    }
}

fn no_exec(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    if let Some((_, at)) = facts.shebang().filter(|_| facts.draft.exec.is_none()) {
        let message = "this file is a program, but nothing says what it executes";
        found.push(finding(Some(&at), message, "add for instance: Exec = [\"/usr/bin/python3\"]"));
    }
}

fn shebang_arguments(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let Some((line, at)) = facts.shebang() else { return };
    let mut words = line.trim_start_matches("#!").split_whitespace();
    let program = words.find(|word| !Path::new(word).ends_with("env") && *word != "-S");
    if program.is_some_and(|program| Path::new(program).ends_with("stockade")) && words.next().is_some() {
        let message = "the kernel passes the rest of a `#!` line as one argument, before the file's name";
        found.push(finding(Some(&at), message, "end the line behind `stockade`; the policy has everything else"));
    }
}

/// The directive's words for what it does to a path; nothing for what stands on its own.
fn adjusts(view: &View) -> Option<&'static str> {
    match view {
        View::ReadOnly => Some("made read-only"),
        View::ReadWrite => Some("made writable"),
        View::NoExec => Some("made non-executable"),
        View::Exec => Some("made executable"),
        _ => None,
    }
}

fn hidden(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let asks = &facts.draft.mounts;
    for ask in asks {
        let Some(done) = adjusts(&ask.what.view) else { continue };
        // The deepest wish that decides what is there at all.
        let deciding = asks
            .iter()
            .filter(|other| adjusts(&other.what.view).is_none() && other.what.view != View::ReadWriteImplicit)
            .filter(|other| ask.what.path.starts_with(&other.what.path))
            .max_by_key(|other| other.what.path.components().count());
        let Some(over) = deciding.filter(|over| over.what.view == View::Hidden) else { continue };
        let path = ask.what.path.display();
        let message = format!(
            "{path} is {done} by {}, but {} hides {}",
            ask.by.directive,
            over.by.directive,
            over.what.path.display()
        );
        found.push(finding(
            ask.by.origin.as_ref(),
            message,
            "BindPaths or BindReadOnlyPaths show a path below a hidden one",
        ));
    }
}

/// Whether some wish about a directory above (or the path itself) is one of these.
fn below(asks: &[Asked<MountAsk>], path: &Path, is: fn(&View) -> bool) -> bool {
    asks.iter().any(|other| is(&other.what.view) && path.starts_with(&other.what.path))
}

fn already_writable(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let read_only = |view: &View| match view {
        View::ReadOnly | View::Hidden => true,
        View::Tmpfs(tmpfs) => tmpfs.read_only,
        View::Bind(bind) => bind.read_only,
        _ => false,
    };
    // `.` and specifiers can be anywhere: they are only told where nothing at all is read-only.
    let anything = facts.draft.mounts.iter().any(|ask| read_only(&ask.what.view));
    for ask in facts.draft.mounts.iter().filter(|ask| ask.what.view == View::ReadWrite) {
        let path = &ask.what.path;
        let needed = if path.is_absolute() { below(&facts.draft.mounts, path, read_only) } else { anything };
        if !needed {
            let message = format!("{} {} has no effect: nothing makes it read-only", ask.by.directive, path.display());
            found.push(finding(ask.by.origin.as_ref(), message, "add for instance: ProtectSystem = \"strict\""));
        }
    }
}

fn already_executable(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let no_exec = |view: &View| matches!(view, View::NoExec | View::Hidden | View::Tmpfs(_));
    let anything = facts.draft.mounts.iter().any(|ask| no_exec(&ask.what.view));
    for ask in facts.draft.mounts.iter().filter(|ask| ask.what.view == View::Exec) {
        let path = &ask.what.path;
        let needed = if path.is_absolute() { below(&facts.draft.mounts, path, no_exec) } else { anything };
        if !needed {
            let message = format!("{} {} has no effect: everything can be executed", ask.by.directive, path.display());
            found.push(finding(ask.by.origin.as_ref(), message, "add for instance: NoExecPaths = [\"/\"]"));
        }
    }
}

fn prefer_nothing(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for asked in &facts.draft.prefer {
        let word = asked.what.as_str();
        let covers = |name: &str| name == word || name.strip_prefix(word).is_some_and(|rest| rest.starts_with('.'));
        if !facts.policy.written.iter().any(|(name, _)| covers(name)) {
            let message = format!("Prefer names {word}, which the policy does not set");
            found.push(finding(asked.by.origin.as_ref(), message, "take it out of Prefer, or set the directive"));
        }
    }
}

fn ambient(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let (Some(ambient), Some(bounding)) = (&facts.draft.ambient, &facts.draft.bounding) else { return };
    let dropped = facts.draft.dropped.iter().fold(bounding.what, |set, asked| set.without(asked.what));
    let lost = ambient.what.without(dropped);
    if !lost.is_empty() {
        let message =
            format!("AmbientCapabilities has no effect for {}: the bounding set lacks it", lost.names().join(", "));
        found.push(finding(ambient.by.origin.as_ref(), message, "add it to CapabilityBoundingSet too"));
    }
}

fn errno_unused(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    if let Some(at) = facts.policy.origin("SystemCallErrorNumber")
        && facts.words("SystemCallFilter").is_empty()
    {
        let message = "SystemCallErrorNumber has no effect without SystemCallFilter";
        found.push(finding(Some(at), message, "add for instance: SystemCallFilter = [\"@system-service\"]"));
    }
}

fn deny_list(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let words = facts.words("SystemCallFilter");
    if let Some(first) = words.first().filter(|first| first.text.starts_with('~')) {
        let message = "this SystemCallFilter is a deny-list: system calls that later kernels add pass it";
        found.push(finding(
            Some(&first.at),
            message,
            "begin it with what is allowed, for instance \"@system-service\"",
        ));
    }
}

fn tcp_only(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let rules = [&facts.draft.access.connect_tcp, &facts.draft.access.bind_tcp];
    let Some(asked) = rules.into_iter().flatten().next() else { return };
    if facts.on("PrivateNetwork") || !facts.words("RestrictAddressFamilies").is_empty() {
        return;
    }
    let message = "Landlock's TCP rules let UDP, Multipath TCP, TCP Fast Open and other families of sockets pass";
    found.push(finding(asked.by.origin.as_ref(), message, "add RestrictAddressFamilies or PrivateNetwork"));
}

fn tcp_nowhere(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    if let Some(asked) = facts.draft.access.connect_tcp.as_ref().filter(|asked| !asked.what.is_empty())
        && facts.on("PrivateNetwork")
    {
        let message =
            "ports that may be connected to, but PrivateNetwork leaves a network without anything to connect to";
        found.push(finding(asked.by.origin.as_ref(), message, "take one of the two out"));
    }
}

fn profile(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for fault in facts.policy.odd_profile() {
        let help =
            fault.help.first().map_or("`man stockade.toml` says how SeccompProfile reads profiles", String::as_str);
        found.push(finding(fault.origin.as_ref(), fault.message.as_str(), help));
    }
}

fn implied(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let last = facts.document.entries.iter().rev().find(|entry| entry.name == "NoNewPrivileges");
    let Some(entry) = last.filter(|entry| form::switch(&entry.value) == Some(false)) else { return };
    if facts.draft.layers.is_empty() && facts.draft.profile.is_none() && facts.draft.access.handled.is_none() {
        return;
    }
    let message = "NoNewPrivileges=no holds for root only: a filter or Landlock switches it on for everybody else";
    found.push(finding(Some(&entry.value.at), message, "take it out, or run the policy as root"));
}

/// hidepid= hides nothing from root.
fn root_proc(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let root = facts.draft.user.as_ref().is_some_and(|user| match &user.what {
        Name::Number(number) => *number == 0,
        Name::Word(word) => word == "root",
    });
    if let Some(at) = facts.policy.origin("ProtectProc").filter(|_| root) {
        found.push(finding(Some(at), "ProtectProc hides nothing from root", "set User to somebody else"));
    }
}
