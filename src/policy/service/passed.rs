//! What systemd passes over with a warning, word by word, and what is left of the line then (src/core/load-fragment.c).

use std::path::Path;

use crate::fault::Fault;
use crate::policy::Policy;
use crate::text::unit::Unit;
use crate::text::{Document, Entry, Kind, Value};

use super::{Left, Service, reason};

/// Lists of names, whose lines a leading `~` inverts.
const NAMES: [&str; 5] =
    ["SystemCallFilter", "SystemCallLog", "CapabilityBoundingSet", "AmbientCapabilities", "RestrictAddressFamilies"];

/// Restrictions of paths that are the host's, unless a `+` stands before them.
const ACCESS: [&str; 5] = ["ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths"];

/// Takes elements out that a policy must not have; nothing where nothing is left of the line.
pub(super) fn known(entry: Entry, unit: &Unit, made: &mut Service) -> Option<Entry> {
    match &entry.value.kind {
        Kind::Text(text) if NAMES.contains(&entry.name.as_str()) && !text.trim().is_empty() => names(entry, made),
        Kind::List(_) => elements(entry, unit, made),
        _ => Some(entry),
    }
}

/// The elements of a list that a policy can have; all of them where it can have none, to be told by who asked.
fn elements(mut entry: Entry, unit: &Unit, made: &mut Service) -> Option<Entry> {
    let Kind::List(all) = &entry.value.kind else { return Some(entry) };
    let judged: Vec<(Value, Option<Why>)> = all
        .iter()
        .map(|element| {
            let why = outside(&entry, element, unit).or_else(|| {
                let kind = Kind::List(vec![element.clone()]);
                unread(&entry, kind).map(|why| Why { weaker: entry.name != "Environment", text: why })
            });
            (element.clone(), why)
        })
        .collect();
    if judged.iter().all(|(_, why)| why.is_none()) {
        return Some(entry);
    }
    if judged.iter().all(|(_, why)| why.as_ref().is_some_and(|why| why.weaker)) {
        return Some(entry);
    }
    let (kept, lost): (Vec<_>, Vec<_>) = judged.into_iter().partition(|(_, why)| why.is_none());
    for (element, why) in lost {
        let text = if let Kind::Text(text) = element.kind { text } else { String::new() };
        if let Some(why) = why {
            leave(&entry, format!("{}={text}", entry.name), why, made);
        }
    }
    if kept.is_empty() {
        return None;
    }
    entry.value.kind = Kind::List(kept.into_iter().map(|(element, _)| element).collect());
    Some(entry)
}

/// Why something is not taken over.
struct Why {
    text: String,
    weaker: bool,
}

/// Under another root, the host's paths outside of it are nothing that could be restricted (drop_outside_root() in
/// src/core/namespace.c).
fn outside(entry: &Entry, element: &Value, unit: &Unit) -> Option<Why> {
    let root = unit.all("Service", "RootDirectory").last().map(|one| one.value.as_str())?;
    let Kind::Text(text) = &element.kind else { return None };
    let path = text.trim_start_matches('-');
    let host = ACCESS.contains(&entry.name.as_str()) && path.starts_with('/');
    (host && root != "/" && !root.contains('%') && !Path::new(path).starts_with(root)).then(|| Why {
        text: format!(
            "it is outside of RootDirectory={root}, where nothing of it is to be seen; systemd passes over it, too \
             (`+` in front makes a path one of that directory)"
        ),
        weaker: false,
    })
}

/// The names of a line that are names, and what the line means without the others.
fn names(mut entry: Entry, made: &mut Service) -> Option<Entry> {
    let Kind::Text(text) = &entry.value.kind else { return Some(entry) };
    let (tilde, rest) = text.trim().strip_prefix('~').map_or(("", text.trim()), |rest| ("~", rest));
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let calls = entry.name == "SystemCallFilter";
    let mut kept: Vec<&str> = Vec::with_capacity(words.len());
    let mut lost: [Vec<&str>; 3] = Default::default();
    for word in &words {
        if calls && tilde.is_empty() && word.contains(':') {
            lost[0].push(word);
        } else if word.starts_with('~') {
            lost[1].push(word);
        } else if word.contains(['"', '\'']) || unread(&entry, Kind::Text(format!("{tilde}{word}"))).is_some() {
            lost[2].push(word);
        } else {
            kept.push(word);
        }
    }
    if kept.len() == words.len() {
        return Some(entry);
    }
    let whys = [
        "calls that are allowed take no error number, and systemd passes over the words: write them on a line of their \
         own that begins with `~`",
        "`~` inverts a whole line, and within one systemd passes over the words: give them a line of their own",
        "nobody knows these names; systemd passes over them, too, with a warning",
    ];
    // What only allows takes nothing away where it is missing.
    let weaker = !tilde.is_empty();
    for (words, why) in lost.iter().zip(whys).filter(|(words, _)| !words.is_empty()) {
        let what = format!("{}={tilde}{}", entry.name, words.join(" "));
        leave(&entry, what, Why { text: why.into(), weaker }, made);
    }
    let text = if kept.is_empty() { alone(&entry, tilde, made)? } else { format!("{tilde}{}", kept.join(" ")) };
    entry.value.kind = Kind::Text(text);
    Some(entry)
}

/// What a line says of which no name is known: systemd has made its list by then.
fn alone(entry: &Entry, tilde: &str, made: &Service) -> Option<String> {
    if !tilde.is_empty() {
        return Some(tilde.into());
    }
    let empty = |entry: &Entry| matches!(&entry.value.kind, Kind::Text(text) if text.trim().is_empty());
    let mut before = made.document.entries.iter().rev().filter(|before| before.name == entry.name);
    let first = before.next().is_none_or(empty);
    match entry.name.as_str() {
        "SystemCallFilter" if first => Some("@default".into()),
        "RestrictAddressFamilies" if first => Some("none".into()),
        "CapabilityBoundingSet" | "AmbientCapabilities" => Some(String::new()),
        _ => None,
    }
}

/// Why a policy does not take a value.
fn unread(entry: &Entry, kind: Kind) -> Option<String> {
    let value = Value { kind, at: entry.value.at.clone() };
    let one = Entry { value, ..entry.clone() };
    Policy::read(&Document { entries: vec![one] }).err().map(|faults| reason(&faults))
}

fn leave(entry: &Entry, text: String, why: Why, made: &mut Service) {
    made.warnings.push(Fault::at(&entry.value.at, format!("not taken over: {text}")).help(why.text.clone()));
    made.left.push(Left { text, at: entry.at.clone(), why: why.text, weaker: why.weaker });
}

/// What a unit shows read-only stays so under systemd, whatever ReadWritePaths= says of the very path; a policy would let
/// it be written.
pub(super) fn shown(made: &mut Service) {
    let Ok(policy) = Policy::read(&made.document) else { return };
    let shown: Vec<&Path> = policy.paths.bind_read_only.iter().map(|bind| bind.destination.as_path()).collect();
    if shown.is_empty() {
        return;
    }
    let notes = &mut made.notes;
    made.document.entries.retain_mut(|entry| {
        let Kind::List(elements) = &mut entry.value.kind else { return true };
        if entry.name != "ReadWritePaths" || elements.is_empty() {
            return true;
        }
        elements.retain(|element| {
            let Kind::Text(text) = &element.kind else { return true };
            let path = text.trim_start_matches(['-', '+']);
            let keeps = !shown.contains(&Path::new(path));
            if !keeps {
                notes.push(format!(
                    "BindReadOnlyPaths= shows {path} read-only, and so it stays: ReadWritePaths={text} is left out."
                ));
            }
            keeps
        });
        // An empty list would take back what stands before it.
        !elements.is_empty()
    });
}
