//! The policy that holds in the end, as TOML that can be used again, each line with where it came from.

use std::collections::HashMap;

use crate::fault::Origin;
use crate::policy::find;
use crate::policy::form::{self, Form, Item};
use crate::text::{Document, Entry, Kind, Value};

/// What is left of one directive when all its entries are added up.
enum Effect<'a> {
    /// The last value holds.
    One(&'a Value),
    /// The elements of a list; empty when the last entry was a reset.
    Many(Vec<Item>, &'a Origin),
    /// Tables, each with its own keys.
    Tables(Vec<&'a Entry>),
}

/// The effective policy. Directives stand in the order of their first entry, tables last.
pub fn toml(document: &Document) -> String {
    let mut order: Vec<&str> = Vec::new();
    let mut effects: HashMap<&str, Effect<'_>> = HashMap::new();
    // What a policy extends is in the document already.
    for entry in document.entries.iter().filter(|entry| entry.name != "Extends") {
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
        if let Effect::Tables(entries) = effect {
            for entry in entries {
                table(&mut arrays, name, entry);
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
    if matches!(entry.value.kind, Kind::Table(_)) {
        let mut entries = match old {
            Some(Effect::Tables(entries)) => entries,
            _ => Vec::new(),
        };
        entries.push(entry);
        return Effect::Tables(entries);
    }
    let Some(items) = items(entry) else { return Effect::One(&entry.value) };
    if items.is_empty() {
        return Effect::Many(items, &entry.value.at);
    }
    let mut all = match old {
        Some(Effect::Many(all, _)) => all,
        _ => Vec::new(),
    };
    all.extend(items);
    Effect::Many(all, &entry.value.at)
}

/// The elements, where the directive is one whose entries add up.
fn items(entry: &Entry) -> Option<Vec<Item>> {
    let adds = match find(&entry.name).map(|row| row.form) {
        // The last argument vector holds, whole.
        _ if entry.name == "Exec" => false,
        Some(Form::Words(..) | Form::Paths | Form::List(_)) => true,
        Some(_) => false,
        None => matches!(entry.value.kind, Kind::List(_)),
    };
    if !adds {
        return None;
    }
    let lines = form::lines(&entry.value).ok()?;
    let is_text = matches!(entry.value.kind, Kind::Text(_));
    // An element of a TOML list of paths is one whole path: a text of several has to be split.
    if is_text && matches!(find(&entry.name).map(|row| row.form), Some(Form::Paths)) {
        return lines.first().map_or_else(|| Some(Vec::new()), |line| form::words(line).ok());
    }
    Some(lines)
}

fn assignment(name: &str, effect: &Effect<'_>) -> String {
    let name = key(name);
    match effect {
        Effect::One(value) => format!("{name} = {}{}\n", literal(value), comment(&value.at)),
        Effect::Many(items, at) if items.is_empty() => format!("{name} = []{}\n", comment(at)),
        Effect::Many(items, _) => {
            let lines = items.iter().map(|item| format!("  {},{}\n", quoted(&item.text), comment(&item.at)));
            format!("{name} = [\n{}]\n", lines.collect::<String>())
        }
        Effect::Tables(_) => String::new(),
    }
}

fn table(text: &mut String, name: &str, entry: &Entry) {
    let path: Vec<String> = name.split('.').map(key).collect();
    text.push_str(&format!("\n[[{}]]{}\n", path.join("."), comment(&entry.at)));
    if let Kind::Table(entries) = &entry.value.kind {
        for entry in entries {
            text.push_str(&format!("{} = {}{}\n", key(&entry.name), literal(&entry.value), comment(&entry.value.at)));
        }
    }
}

fn literal(value: &Value) -> String {
    match &value.kind {
        Kind::Boolean(on) => on.to_string(),
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
