//! The policy that holds in the end, as TOML that can be used again, each line with where it came from.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::fault::Origin;
use crate::policy::form;
use crate::policy::{environment, find};
use crate::text::{Document, Entry, Kind, Value};

/// What is left of one directive when all its entries are added up.
enum Effect<'a> {
    /// The last value holds.
    One(&'a Value),
    /// The elements of a list; empty when the last entry was a reset.
    Many(Vec<Value>, &'a Origin),
}

/// The effective policy. Directives stand in the order of their first entry, tables last.
pub fn toml(document: &Document) -> String {
    let mut order: Vec<&str> = Vec::new();
    let mut effects: HashMap<&str, Effect<'_>> = HashMap::new();
    // What a policy extends is in the document already.
    let entries = document.entries.iter().filter(|entry| entry.name != "Extends");
    // `[Environment]` and `Environment = [...]` cannot stand in one file.
    let entries: Vec<Cow<'_, Entry>> =
        entries.map(|entry| environment::listed(entry).map_or(Cow::Borrowed(entry), Cow::Owned)).collect();
    for entry in &entries {
        if !order.contains(&entry.name.as_str()) {
            order.push(&entry.name);
        }
        let old = effects.remove(entry.name.as_str());
        effects.insert(&entry.name, add(old, entry));
    }
    let mut text = String::new();
    let mut tables: Vec<(&str, Vec<String>)> = Vec::new();
    let mut arrays = String::new();
    for name in order {
        let Some(effect) = effects.get(name) else { continue };
        if let Effect::Many(values, _) = effect
            && !values.is_empty()
            && values.iter().all(|value| matches!(value.kind, Kind::Table(_)))
        {
            for value in values {
                table(&mut arrays, name, value);
            }
            continue;
        }
        match name.split_once('.') {
            None => text.push_str(&assignment(name, effect)),
            Some((head, key)) => {
                let line = assignment(key, effect);
                match tables.iter_mut().find(|(known, _)| *known == head) {
                    Some((_, lines)) => lines.push(line),
                    None => tables.push((head, vec![line])),
                }
            }
        }
    }
    for (head, lines) in &tables {
        text.push_str(&format!("\n[{}]\n", key(head)));
        text.push_str(&lines.concat());
    }
    // Arrays of tables come behind the tables that they are in.
    text.push_str(&arrays);
    align(text.trim_start())
}

fn add<'a>(old: Option<Effect<'a>>, entry: &'a Entry) -> Effect<'a> {
    let Some(mut elements) = elements(entry) else { return Effect::One(&entry.value) };
    if elements.is_empty() {
        return Effect::Many(elements, &entry.value.at);
    }
    match old {
        _ if elements.iter().any(|value| boolean(&entry.name, value)) => {}
        Some(Effect::Many(before, _)) if !before.is_empty() => elements.splice(0..0, before).for_each(drop),
        // What is taken from nothing leaves nothing, which a list cannot say but by being empty.
        Some(Effect::Many(..)) if entry.name == "CapabilityBoundingSet" => {
            let taken = |value: &Value| matches!(&value.kind, Kind::Text(text) if text.trim_start().starts_with('~'));
            elements = elements.into_iter().skip_while(taken).collect();
        }
        _ => {}
    }
    Effect::Many(elements, &entry.value.at)
}

/// The elements, where the directive is one whose entries add up.
fn elements(entry: &Entry) -> Option<Vec<Value>> {
    let row = find(&entry.name);
    let adds = match (&entry.value.kind, row) {
        (Kind::Table(_), _) => return Some(vec![entry.value.clone()]),
        // The last argument vector holds, whole.
        _ if entry.name == "Exec" => false,
        (_, Some(row)) => row.form.adds(),
        (kind, None) => matches!(kind, Kind::List(_)),
    };
    if !adds {
        return None;
    }
    match &entry.value.kind {
        Kind::List(values) => return Some(values.clone()),
        Kind::Boolean(_) => return Some(vec![entry.value.clone()]),
        _ => {}
    }
    let line = form::lines(&entry.value).ok()?;
    // An element of a list can be one whole path or assignment: a text of several has to be split.
    let items = match line.first() {
        Some(line) if row.is_some_and(|row| row.form.whole()) => form::words(line).ok()?,
        _ => line,
    };
    Some(items.into_iter().map(|item| Value { kind: Kind::Text(item.text), at: item.at }).collect())
}

/// The list that a boolean starts anew.
const ANEW: &str = "RestrictNamespaces";

fn boolean(name: &str, value: &Value) -> bool {
    name == ANEW && form::switch(value).is_some()
}

fn assignment(name: &str, effect: &Effect<'_>) -> String {
    let name = key(name);
    match effect {
        Effect::One(value) => format!("{name} = {}{}\n", literal(value), comment(&value.at)),
        Effect::Many(values, at) if values.is_empty() => format!("{name} = []{}\n", comment(at)),
        Effect::Many(values, _) => {
            if let [value] = values.as_slice()
                && boolean(&name, value)
            {
                return format!("{name} = {}{}\n", literal(value), comment(&value.at));
            }
            // In a list a boolean is a word.
            let element = |value: &Value| match &value.kind {
                Kind::Boolean(on) => quoted(if *on { "yes" } else { "no" }),
                _ => literal(value),
            };
            let lines = values.iter().map(|value| format!("  {},{}\n", element(value), comment(&value.at)));
            format!("{name} = [\n{}]\n", lines.collect::<String>())
        }
    }
}

fn table(text: &mut String, name: &str, value: &Value) {
    let path: Vec<String> = name.split('.').map(key).collect();
    text.push_str(&format!("\n[[{}]]{}\n", path.join("."), comment(&value.at)));
    if let Kind::Table(entries) = &value.kind {
        for entry in entries {
            text.push_str(&format!("{} = {}{}\n", key(&entry.name), literal(&entry.value), comment(&entry.value.at)));
        }
    }
}

fn literal(value: &Value) -> String {
    match &value.kind {
        Kind::Boolean(on) => on.to_string(),
        // Modes are written in octal, and nothing else is read as one.
        Kind::Integer(number) if value.at.written().starts_with("0o") => format!("0o{number:o}"),
        Kind::Integer(number) => number.to_string(),
        Kind::Text(text) => quoted(text),
        Kind::List(values) => format!("[{}]", values.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Kind::Table(entries) => {
            let pairs = entries.iter().map(|entry| format!("{} = {}", key(&entry.name), literal(&entry.value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        Kind::File(source) => quoted(&source.name),
        // Refused by every directive's grammar: shown, but not as something that can be used again.
        Kind::Other(what) => quoted(what),
    }
}

/// A basic string of TOML: quotes, backslashes and everything that is not printable escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if hostile(c) => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What could end a comment's line, or steer a terminal.
pub(super) fn hostile(c: char) -> bool {
    c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { name.to_owned() } else { quoted(name) }
}

/// Stands between a line and its comment until they are aligned; a control character, so it
/// cannot be in what [`quoted`] wrote.
const GAP: char = '\u{1}';

fn comment(at: &Origin) -> String {
    let at: String = at.to_string().chars().map(|c| if hostile(c) { '?' } else { c }).collect();
    format!("{GAP}# {at}")
}

/// Puts the comments below each other.
fn align(text: &str) -> String {
    const WIDEST: usize = 56;
    let width = text
        .lines()
        .filter_map(|line| line.split_once(GAP))
        .map(|(line, _)| line.chars().count())
        .filter(|width| *width <= WIDEST)
        .max()
        .unwrap_or(0);
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        match line.split_once(GAP) {
            Some((line, comment)) => out.push_str(&format!("{line:width$}  {comment}\n")),
            None => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;
    use std::sync::Arc;

    fn source(name: &str, text: &str) -> Arc<Source> {
        Arc::new(Source { name: name.into(), text: text.into() })
    }

    fn text(name: &str, from: &str, kind: Kind) -> Entry {
        let source = source(from, "x");
        let at = Origin::new(&source, 0..1);
        let kind = match kind {
            Kind::List(values) => {
                Kind::List(values.into_iter().map(|value| Value { at: at.clone(), ..value }).collect())
            }
            kind => kind,
        };
        Entry { name: name.into(), at: at.clone(), value: Value { kind, at } }
    }

    fn list(words: &[&str]) -> Kind {
        let at = Origin::new(&source("", ""), 0..0);
        Kind::List(words.iter().map(|word| Value { kind: Kind::Text((*word).into()), at: at.clone() }).collect())
    }

    #[test]
    fn single_values_override_and_lists_add_up() {
        let document = Document {
            entries: vec![
                text("One", "a.toml", Kind::Boolean(true)),
                text("Some", "a.toml", list(&["x", "y\"\u{1b}"])),
                text("One", "b.toml", Kind::Text("no".into())),
                text("Some", "b.toml", list(&["z"])),
                text("None", "a.toml", list(&["x"])),
                text("None", "b.toml", list(&[])),
                text("T.Key", "b.toml", Kind::Integer(3)),
            ],
        };
        let expected = "\
One = \"no\"      # b.toml:1
Some = [
  \"x\",          # a.toml:1
  \"y\\\"\\u001B\",  # a.toml:1
  \"z\",          # b.toml:1
]
None = []       # b.toml:1

[T]
Key = 3         # b.toml:1
";
        assert_eq!(toml(&document), expected);
    }

    #[test]
    fn a_hostile_name_cannot_leave_its_comment() {
        let shown = toml(&Document { entries: vec![text("One", "a\nUser = \"root\"\u{1}", Kind::Boolean(true))] });
        assert_eq!(shown.lines().count(), 1, "{shown}");
    }
}
