//! Answers to `stockade why`.

use serde_json::{Map, Value, json};

use crate::draft::By;
use crate::fault::clean;
use crate::plan::why::{Answer, Change, Reason, Verdict};

use super::place;

/// One question in the words that asked it, with its answer.
#[derive(Clone, Debug)]
pub struct Told {
    /// The words.
    pub words: String,
    /// The answer.
    pub answer: Answer,
    /// What would allow it; nothing where that was not found, or where nothing is needed.
    pub change: Option<Vec<Change>>,
}

/// The verdict's word.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::Denied => "denied",
        Verdict::Depends => "depends",
    }
}

/// A directive and its place with the column: `ProtectHome at web.toml:12:1`.
pub fn by(by: &By) -> String {
    match &by.origin {
        Some(origin) if origin.source.name != crate::fault::FLAG => {
            format!("{} at {}:{}", by.directive, origin, origin.line_column().1)
        }
        _ => by.to_string(),
    }
}

fn reason(reason: &Reason) -> String {
    let mut text = format!("  {:12} {:11} {}", reason.layer.name(), reason.error, reason.text);
    let all: Vec<String> = reason.by.iter().map(by).collect();
    if !all.is_empty() {
        text.push_str(&format!(" ({})", all.join(", ")));
    }
    text.push('\n');
    text
}

/// The answer for people.
pub fn text(told: &Told) -> String {
    let Told { words, answer, change } = told;
    let mut text = match answer.reasons.first().filter(|_| answer.verdict == Verdict::Denied) {
        Some(first) => format!("{words}: denied, the program sees {}\n", first.error),
        None => format!("{words}: {}\n", verdict(answer.verdict)),
    };
    text.extend(answer.reasons.iter().map(reason));
    text.extend(answer.notes.iter().map(|note| format!("  note: {note}\n")));
    if answer.verdict == Verdict::Denied {
        match change.as_deref() {
            Some(changes) => {
                text.push_str("  to allow it:\n");
                text.extend(changes.iter().map(|change| format!("    {change}\n")));
                let flags: Vec<String> = changes.iter().map(Change::flag).collect();
                text.push_str(&format!("    or {}\n", flags.join(" ")));
            }
            None if answer.reasons.iter().all(|reason| reason.by.is_empty()) => {
                text.push_str("  the policy does not deny it: no change of it would help\n");
            }
            None => text.push_str("  no single line more would allow it: change the directives that are named\n"),
        }
    }
    clean(&text)
}

/// The same for scripts. Keys are only ever added.
pub fn json(told: &Told) -> Value {
    let Told { words, answer, change } = told;
    let place = |by: &By| {
        let mut map = Map::new();
        map.insert("directive".into(), by.directive.into());
        map.append(&mut place(by.origin.as_ref()));
        Value::from(map)
    };
    let reason = |reason: &Reason| {
        json!({
            "layer": reason.layer.name(), "error": reason.error, "reason": reason.text, "what": reason.what,
            "by": reason.by.iter().map(place).collect::<Vec<_>>(),
        })
    };
    let change = change.as_ref().map(|changes| {
        let one = |change: &Change| json!({ "toml": change.to_string(), "flag": change.flag() });
        changes.iter().map(one).collect::<Vec<_>>()
    });
    json!({
        "question": words,
        "verdict": verdict(answer.verdict),
        "error": answer.reasons.first().filter(|_| answer.verdict == Verdict::Denied).map(|first| first.error.as_str()),
        "reasons": answer.reasons.iter().map(reason).collect::<Vec<_>>(),
        "notes": answer.notes,
        "change": change,
    })
}
