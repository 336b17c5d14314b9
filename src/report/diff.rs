//! The view of `stockade diff`: what one policy allows that another does not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::draft::capabilities::CapSet;
use crate::draft::namespaces::Namespace;
use crate::fault::{Fault, clean};
use crate::policy::Policy;
use crate::text::{Document, Kind, Value};

use super::analyze::wrapped;
use super::reach::{Calls, Reach, Verdict, shown};

/// One thing in which two policies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind of thing: `system calls`, `paths`.
    pub kind: String,
    /// The thing.
    pub item: String,
    /// What the first policy makes of it.
    pub first: String,
    /// What the second makes of it.
    pub second: String,
}

/// Everything in which two policies differ.
#[derive(Debug, Default)]
pub struct Difference {
    /// What the second allows more.
    pub more: Vec<Change>,
    /// What the first allows more.
    pub less: Vec<Change>,
    /// What is different, and neither more nor less.
    pub other: Vec<Change>,
}

/// Directives whose whole effect is compared by what it comes to. Of all others the words are compared.
const COMPARED: [&str; 47] = [
    "AmbientCapabilities",
    "BindPaths",
    "BindReadOnlyPaths",
    "CapabilityBoundingSet",
    "DynamicUser",
    "ExecPaths",
    "Extends",
    "Group",
    "InaccessiblePaths",
    "Landlock.BindTCP",
    "Landlock.ConnectTCP",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "NoExecPaths",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateIPC",
    "PrivateMounts",
    "PrivateNetwork",
    "PrivatePIDs",
    "PrivateTmp",
    "PrivateUsers",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectSystem",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "RuntimeMaxSec",
    "Seccomp.Default",
    "Seccomp.Mode",
    "Seccomp.Rule",
    "SeccompProfile",
    "SupplementaryGroups",
    "SystemCallArchitectures",
    "SystemCallErrorNumber",
    "SystemCallFilter",
    "SystemCallLog",
    "User",
];

/// Further directives that are compared so, by how they begin.
const FAMILIES: [&str; 2] = ["Limit", "Landlock."];

impl Difference {
    /// Compares two policies.
    ///
    /// # Errors
    /// A filter cannot be compiled.
    pub fn of(a: (&Document, &Policy), b: (&Document, &Policy)) -> Result<Self, Fault> {
        let (first, second) = (Reach::of(a.1)?, Reach::of(b.1)?);
        let mut difference = Self::default();
        difference.calls(&first, &second);
        difference.sets(&first, &second);
        difference.ports("connect to TCP port", first.connect.as_ref(), second.connect.as_ref());
        difference.ports("bind TCP port", first.bind.as_ref(), second.bind.as_ref());
        difference.paths(&first, &second);
        difference.users(&first, &second);
        difference.limits(&first, &second);
        difference.words(a.0, b.0);
        Ok(difference)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.more.is_empty() && self.less.is_empty() && self.other.is_empty()
    }

    /// Notes what two policies make of a thing, where it differs.
    fn grade(&mut self, kind: &str, item: &str, first: (u64, String), second: (u64, String)) {
        let change = Change { kind: kind.into(), item: item.into(), first: first.1, second: second.1 };
        match first.0.cmp(&second.0) {
            std::cmp::Ordering::Less => self.more.push(change),
            std::cmp::Ordering::Greater => self.less.push(change),
            std::cmp::Ordering::Equal if change.first != change.second => self.other.push(change),
            std::cmp::Ordering::Equal => {}
        }
    }

    fn yes(&mut self, kind: &str, item: &str, first: bool, second: bool) {
        let grade = |on: bool| (u64::from(on), if on { "yes" } else { "no" }.to_owned());
        self.grade(kind, item, grade(first), grade(second));
    }

    fn calls(&mut self, first: &Reach, second: &Reach) {
        let mut archs: Vec<_> = first.calls.iter().chain(&second.calls).map(|calls| calls.arch).collect();
        let native = archs.first().copied();
        let mut seen = Vec::new();
        archs.retain(|arch| {
            !seen.contains(arch) && {
                seen.push(*arch);
                true
            }
        });
        for arch in archs {
            let kind = if Some(arch) == native { "system calls".to_owned() } else { format!("system calls of {arch}") };
            let on = |reach: &'_ Reach| -> BTreeMap<&'static str, Verdict> {
                let calls = reach.calls.iter().find(|calls| calls.arch == arch);
                let all = |calls: &Calls| calls.answers.iter().map(|one| (one.name, one.verdict.clone())).collect();
                calls.map(all).unwrap_or_default()
            };
            let (a, b) = (on(first), on(second));
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                let of = |all: &BTreeMap<&'static str, Verdict>| {
                    let verdict = all.get(name).cloned().unwrap_or(Verdict::Refused);
                    (u64::from(verdict.rank()), said(&verdict))
                };
                self.grade(&kind, name, of(&a), of(&b));
            }
        }
    }

    fn sets(&mut self, first: &Reach, second: &Reach) {
        for ((name, a), (_, b)) in first.sockets.iter().zip(&second.sockets) {
            self.grade("sockets", name, (u64::from(a.rank()), said(a)), (u64::from(b.rank()), said(b)));
        }
        let caps = [
            ("capabilities", first.bounding, second.bounding),
            ("capabilities from the start", first.ambient, second.ambient),
        ];
        for (kind, a, b) in caps {
            for name in CapSet(a.0 ^ b.0).names() {
                self.yes(kind, &name, a.names().contains(&name), b.names().contains(&name));
            }
        }
        for kind in Namespace::ALL {
            let word = kind.word();
            self.yes("namespaces", &format!("make {word}"), first.makes.contains(&kind), second.makes.contains(&kind));
            let hosts = |reach: &Reach| !reach.own.contains(&kind);
            self.yes("namespaces", &format!("share the host's {word}"), hosts(first), hosts(second));
        }
        self.yes("privileges", "gain privileges by executing programs", first.gains, second.gains);
        self.yes("privileges", "write memory that is executed", first.writes_code, second.writes_code);
        for (word, item) in
            [("signal", "signal processes outside"), ("abstract-unix-socket", "connect to abstract sockets outside")]
        {
            let open = |reach: &Reach| !reach.landlock.contains(&word);
            self.yes("privileges", item, open(first), open(second));
        }
    }

    fn ports(&mut self, kind: &str, first: Option<&Vec<u16>>, second: Option<&Vec<u16>>) {
        let mut all: Vec<u16> = first.into_iter().chain(second).flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        for port in all {
            let open = |ports: Option<&Vec<u16>>| ports.is_none_or(|ports| ports.contains(&port));
            self.yes(kind, &port.to_string(), open(first), open(second));
        }
        self.yes(kind, "any other", first.is_none(), second.is_none());
    }

    /// A path can be both more and less open. What is said of a directory is not said again of what is in it.
    fn paths(&mut self, first: &Reach, second: &Reach) {
        let mut all: Vec<PathBuf> = first.places.named();
        all.extend(second.places.named());
        all.sort();
        all.dedup();
        let mut told: Vec<(PathBuf, Vec<String>, Vec<String>)> = Vec::new();
        for path in all {
            let (mut a, mut b) = (first.places.words(&path), second.places.words(&path));
            if a == b {
                // Finer rights are told where the coarse ones do not tell the difference.
                a.extend(first.places.fine(&path));
                b.extend(second.places.fine(&path));
            }
            let outer = told.iter().rev().find(|(outer, ..)| path.starts_with(outer));
            if outer.map_or(a == b, |(_, x, y)| (x, y) == (&a, &b)) {
                continue;
            }
            let without = |from: &[String], those: &[String]| -> Vec<String> {
                from.iter().filter(|word| !those.contains(word)).cloned().collect()
            };
            let (more, less) = (without(&b, &a), without(&a, &b));
            let change = || {
                let words = |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
                let item = shown(&path);
                Change { kind: "paths".into(), item, first: words(&a), second: words(&b) }
            };
            if !more.is_empty() {
                self.more.push(change());
            }
            if !less.is_empty() {
                self.less.push(change());
            }
            told.push((path, a, b));
        }
    }

    fn users(&mut self, first: &Reach, second: &Reach) {
        for name in ["DynamicUser", "User", "Group", "SupplementaryGroups", "PrivateUsers"] {
            let of = |reach: &Reach| {
                let said = reach.users.iter().find(|(known, _)| *known == name).map(|(_, said)| said.clone());
                (0, said.unwrap_or_else(|| "not set".into()))
            };
            self.grade("users", name, of(first), of(second));
        }
    }

    fn limits(&mut self, first: &Reach, second: &Reach) {
        let all = first.limits.iter().chain(&second.limits);
        let names: BTreeSet<&str> = all.map(|(name, _)| *name).collect();
        for name in &names {
            let of = |reach: &Reach| {
                let limit = reach.limits.iter().find(|(known, _)| known == name);
                let number = limit.map_or(u64::MAX, |(_, number)| *number);
                (number, if number == u64::MAX { "no limit".to_owned() } else { number.to_string() })
            };
            self.grade("limits", name, of(first), of(second));
        }
    }

    /// Directives whose effect is not compared: their words are.
    fn words(&mut self, first: &Document, second: &Document) {
        let of = |document: &Document| {
            let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for entry in &document.entries {
                let name = entry.name.as_str();
                let compared = COMPARED.contains(&name) || FAMILIES.iter().any(|start| name.starts_with(start));
                if !compared {
                    all.entry(name.to_owned()).or_default().push(plain(&entry.value));
                }
            }
            all
        };
        let (a, b) = (of(first), of(second));
        let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let said = |all: &BTreeMap<String, Vec<String>>| {
                all.get(name).map_or_else(|| "not set".into(), |all| all.join(" "))
            };
            self.grade("other directives", name, (0, said(&a)), (0, said(&b)));
        }
    }

    /// What the second allows more, in a few words for each kind.
    pub fn more_briefly(&self) -> Vec<String> {
        /// Things that are named of each kind.
        const MOST: usize = 4;
        let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
        for change in &self.more {
            match kinds.iter_mut().find(|(kind, _)| *kind == change.kind) {
                Some((_, items)) => items.push(&change.item),
                None => kinds.push((&change.kind, vec![&change.item])),
            }
        }
        let brief = |(kind, items): &(&str, Vec<&str>)| {
            let named = items.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
            let rest = items.len().saturating_sub(MOST);
            if rest == 0 { format!("{kind} ({named})") } else { format!("{kind} ({named} and {rest} more)") }
        };
        kinds.iter().map(brief).collect()
    }

    /// For people: what the second allows, what the first allows, and the rest.
    pub fn text(&self, first: &str, second: &str, colour: bool) -> String {
        let (first, second) = (clean(first), clean(second));
        let paint = |code: &str, text: String| if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text };
        let mut text = String::new();
        let parts = [
            (&self.more, paint("1;31", format!("{second} allows what {first} does not:"))),
            (&self.less, paint("1;32", format!("{first} allows what {second} does not:"))),
            (&self.other, paint("1;33", "different, and neither more nor less:".into())),
        ];
        for (changes, title) in parts {
            if changes.is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!("{title}\n"));
            text.push_str(&listed(changes));
        }
        text
    }

    /// For scripts. Keys are only ever added.
    pub fn json(&self, first: &str, second: &str) -> Json {
        let list = |changes: &[Change]| -> Vec<Json> {
            let one = |change: &Change| json!({ "kind": change.kind, "item": change.item, "a": change.first, "b": change.second });
            changes.iter().map(one).collect()
        };
        json!({
            "a": first,
            "b": second,
            "same": self.is_empty(),
            "b_allows": list(&self.more),
            "a_allows": list(&self.less),
            "otherwise": list(&self.other),
        })
    }
}

/// Changes by their kinds: those that are only there or not as words, others with what they were and are.
fn listed(changes: &[Change]) -> String {
    let mut text = String::new();
    let mut kinds: Vec<&str> = Vec::new();
    for change in changes {
        if !kinds.contains(&change.kind.as_str()) {
            kinds.push(&change.kind);
        }
    }
    for kind in kinds {
        text.push_str(&format!("  {}\n", clean(kind)));
        let of: Vec<&Change> = changes.iter().filter(|change| change.kind == kind).collect();
        let short = |word: &str| matches!(word, "yes" | "no" | "runs" | "refused");
        let (bare, told): (Vec<&Change>, Vec<&Change>) =
            of.into_iter().partition(|change| short(&change.first) && short(&change.second));
        let join = if bare.iter().any(|change| change.item.contains(' ')) { "," } else { "" };
        let last = bare.len().saturating_sub(1);
        let word = |(at, change): (usize, &&Change)| format!("{}{}", change.item, if at == last { "" } else { join });
        let words: Vec<String> = bare.iter().enumerate().map(word).collect();
        if !words.is_empty() {
            text.extend(wrapped(&words).iter().map(|line| format!("    {}\n", clean(line))));
        }
        let mut groups: Vec<(&str, &str, Vec<String>)> = Vec::new();
        for change in told {
            let same = |group: &&mut (&str, &str, Vec<String>)| (group.0, group.1) == (&change.first, &change.second);
            match groups.iter_mut().find(same) {
                Some((.., items)) => items.push(change.item.clone()),
                None => groups.push((&change.first, &change.second, vec![change.item.clone()])),
            }
        }
        for (first, second, items) in groups {
            let (first, second) = (clean(first), clean(second));
            if let [item] = &items[..] {
                text.push_str(&format!("    {}: {first} → {second}\n", clean(item)));
                continue;
            }
            text.push_str(&format!("    {first} → {second}:\n"));
            text.extend(wrapped(&items).iter().map(|line| format!("      {}\n", clean(line))));
        }
    }
    text
}

fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Runs => "runs".into(),
        Verdict::Refused => "refused".into(),
        Verdict::Supervised => "supervised".into(),
        Verdict::Depends(cases) => cases.join("; "),
    }
}

/// A value as text, wherever it was written.
fn plain(value: &Value) -> String {
    match &value.kind {
        Kind::Boolean(on) => if *on { "yes" } else { "no" }.into(),
        Kind::Integer(number) => number.to_string(),
        Kind::Text(text) => text.clone(),
        Kind::List(values) => values.iter().map(plain).collect::<Vec<_>>().join(" "),
        Kind::Table(entries) => {
            let one = |entry: &crate::text::Entry| format!("{}={}", entry.name, plain(&entry.value));
            entries.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        Kind::File(file) => file.name.clone(),
        Kind::Other(kind) => (*kind).to_owned(),
    }
}
