//! Policy files: TOML, with every key and value still knowing its bytes.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::{Document, Entry, Kind, Value};
use crate::fault::{Fault, Origin, Source};

/// How many faults of one text are told at most: what follows the first ones is mostly their echo.
const FAULTS: usize = 8;

/// Texts longer than this many bytes tell their first fault only. A megabyte of errors would take
/// a hundred megabytes to collect.
const RECOVERABLE: usize = 1 << 16;

/// How long a name can be, in bytes. A long name of a table would be repeated by every key in it.
const NAME: usize = 255;

/// Reads a policy in TOML.
///
/// Keys of tables become dotted names (`Seccomp.Default`), each element of an array of tables is
/// an entry of its own, and whatever is nested deeper stays a [`Kind::Table`]. A table in which
/// nothing is written is an entry too, so that a misspelt one does not vanish.
///
/// # Errors
/// Every place where the text is not TOML, and names and numbers that are too long.
pub fn parse(source: &Arc<Source>) -> Result<Document, Vec<Fault>> {
    let table = DeTable::parse(&source.text).map_err(|first| syntax(source, &first))?;
    let mut reader = Reader { source, shift: 0, faults: Vec::new() };
    let mut entries = Vec::with_capacity(table.get_ref().len() + 8);
    for (key, value) in table.get_ref() {
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => {
                for (word, value) in inner {
                    let name = format!("{}.{}", key.get_ref(), word.get_ref());
                    reader.entry(&mut entries, name, word.span(), value);
                }
            }
            _ => reader.entry(&mut entries, key.get_ref().to_string(), key.span(), value),
        }
    }
    reader.finish(entries)
}

/// Reads the value of a flag, which starts at byte `shift` of the source's text.
///
/// # Errors
/// Every place where the value is not TOML.
pub(super) fn parse_flag(source: &Arc<Source>, name: &str, shift: usize) -> Result<Document, Vec<Fault>> {
    let text = source.text.get(shift..).unwrap_or_default();
    let value = DeValue::parse(text).map_err(|error| vec![fault(source, &error, shift)])?;
    let mut reader = Reader { source, shift, faults: Vec::new() };
    let mut entries = Vec::new();
    reader.entry(&mut entries, name.into(), 0..0, &value);
    for entry in &mut entries {
        entry.at = Origin::new(source, 0..name.len());
    }
    reader.finish(entries)
}

/// What is read, and what was wrong so far.
struct Reader<'a> {
    source: &'a Arc<Source>,
    /// Where the parsed text starts in the source.
    shift: usize,
    faults: Vec<Fault>,
}

type Span = std::ops::Range<usize>;

impl Reader<'_> {
    /// Adds an entry, or one for each element of an array of tables.
    fn entry(&mut self, entries: &mut Vec<Entry>, name: String, key: Span, value: &Spanned<DeValue<'_>>) {
        if name.len() > NAME {
            self.fault(key, format!("a name can be {NAME} bytes long at most"));
            return;
        }
        match value.get_ref() {
            DeValue::Array(array) if !array.is_empty() && array.iter().all(|element| element.get_ref().is_table()) => {
                for element in array {
                    let value = self.value(element);
                    // Later elements have a header of their own, far from the first one's key.
                    entries.push(Entry { name: name.clone(), at: value.at.clone(), value });
                }
            }
            _ => {
                let value = self.value(value);
                entries.push(Entry { name, at: self.origin(key), value });
            }
        }
    }

    /// A value and everything in it. The parser has bounded the depth.
    fn value(&mut self, value: &Spanned<DeValue<'_>>) -> Value {
        let kind = match value.get_ref() {
            DeValue::Boolean(on) => Kind::Boolean(*on),
            DeValue::String(text) => Kind::Text(text.to_string()),
            DeValue::Integer(number) => self.integer(number, value.span()),
            DeValue::Float(_) => Kind::Other("a number with a fraction"),
            DeValue::Datetime(_) => Kind::Other("a date"),
            DeValue::Array(array) => Kind::List(array.iter().map(|element| self.value(element)).collect()),
            DeValue::Table(table) => {
                let mut entries: Vec<Entry> = table
                    .iter()
                    .map(|(key, value)| Entry {
                        name: key.get_ref().to_string(),
                        at: self.origin(key.span()),
                        value: self.value(value),
                    })
                    .collect();
                entries.sort_by_key(|entry| entry.at.span.start);
                Kind::Table(entries)
            }
        };
        Value { kind, at: self.origin(value.span()) }
    }

    fn integer(&mut self, number: &DeInteger<'_>, span: Span) -> Kind {
        if let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) {
            return Kind::Integer(number);
        }
        let help = "a larger number can be written as text, in quotes";
        let fault = Fault::at(&self.origin(span), "this number does not fit in 64 bits").help(help);
        self.faults.push(fault);
        Kind::Other("a number beyond 64 bits")
    }

    fn origin(&self, span: Span) -> Origin {
        Origin::new(self.source, span.start + self.shift..span.end + self.shift)
    }

    fn fault(&mut self, span: Span, message: String) {
        let fault = Fault::at(&self.origin(span), message);
        self.faults.push(fault);
    }

    /// The entries in the order of the text; the parser's table is in that of the alphabet.
    fn finish(mut self, mut entries: Vec<Entry>) -> Result<Document, Vec<Fault>> {
        entries.sort_by_key(|entry| entry.at.span.start);
        if self.faults.is_empty() {
            return Ok(Document { entries });
        }
        self.faults.sort_by_key(|fault| fault.origin.as_ref().map(|at| at.span.start));
        self.faults.truncate(FAULTS);
        Err(self.faults)
    }
}

/// The faults of a text that is not TOML, in order.
fn syntax(source: &Arc<Source>, first: &toml::de::Error) -> Vec<Fault> {
    if source.text.len() > RECOVERABLE {
        return vec![fault(source, first, 0)];
    }
    let (table, mut errors) = DeTable::parse_recoverable(&source.text);
    if errors.is_empty() {
        errors.push(first.clone());
    }
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    // On one line the first slip is told; the others are mostly its echo. But words without quotes
    // are an echo themselves where a list or text before them is not closed.
    let echo = |error: &toml::de::Error| error.message().starts_with(UNQUOTED);
    let mut told: Vec<(usize, &toml::de::Error)> = Vec::new();
    for error in &errors {
        let line = Origin::new(source, error.span().unwrap_or(0..0)).line_column().0;
        match told.last_mut() {
            Some((last, first)) if *last == line => {
                if echo(first) && !echo(error) {
                    *first = error;
                }
            }
            _ => told.push((line, error)),
        }
        if told.len() > FAULTS {
            told.truncate(FAULTS);
            break;
        }
    }
    let fault = |(_, error): (usize, &toml::de::Error)| {
        let fault = fault(source, error, 0);
        let duplicate = error.span().filter(|_| error.message() == DUPLICATE);
        match duplicate.and_then(|again| written(table.get_ref(), source, &again)) {
            Some(line) => fault.help(format!("it was written before in line {line}")),
            None => fault,
        }
    };
    told.into_iter().map(fault).collect()
}

/// The parser's words for text without quotes.
const UNQUOTED: &str = "string values must be quoted";

/// The parser's words for a name that is there already.
const DUPLICATE: &str = "duplicate key";

/// How the parser's messages for everyday slips start, what they mean, and the remedy if there is one.
const PLAIN: &[(&str, &str, &str)] = &[
    (
        "invalid boolean",
        "this is neither `true` nor `false`",
        "TOML writes them in lower case; other words stand in quotes",
    ),
    ("unclosed array", "a list is not closed: its `]` is missing", ""),
    ("unclosed table", "the name of a table is not closed: its `]` is missing", ""),
    ("unclosed inline table", "a table is not closed: its `}` is missing", ""),
    ("unexpected `=` in array", "`=` stands in a list", "is the `]` of the list before it missing?"),
    ("missing comma between array elements", "a comma is missing in this list", ""),
    ("extra `=`", "one `=` too many", ""),
    ("invalid basic string, expected `\"`", "this text is not closed: its `\"` is missing", ""),
    ("invalid literal string, expected `'`", "this text is not closed: its `'` is missing", ""),
    (
        "invalid basic string, expected non-double-quote visible",
        "a control character cannot stand in text as it is",
        "write it as an escape, e.g. \\t or \\u0007",
    ),
];

/// One error of the parser's as a fault.
fn fault(source: &Arc<Source>, error: &toml::de::Error, shift: usize) -> Fault {
    let span = error.span().unwrap_or(0..0);
    let at = Origin::new(source, span.start + shift..span.end + shift);
    if error.message() == DUPLICATE {
        let key = source.text.get(at.span.clone()).unwrap_or_default();
        return Fault::at(&at, format!("`{key}` is written twice"));
    }
    if error.message().starts_with(UNQUOTED) {
        let text = at.written().trim();
        let short = !text.is_empty() && text.len() < 60 && !text.contains(['"', '\\', '\n']);
        let help = if short { format!("write it as \"{text}\"") } else { "write it as \"...\"".into() };
        return Fault::at(&at, "text must stand in quotes").help(help);
    }
    match PLAIN.iter().find(|(start, _, _)| error.message().starts_with(start)) {
        Some((_, message, "")) => Fault::at(&at, *message),
        Some((_, message, help)) => Fault::at(&at, *message).help(*help),
        None => Fault::at(&at, format!("this is not TOML: {}", error.message())),
    }
}

/// The line of the last key with the name at `again` that stands before it, in the two levels
/// that policies have.
fn written(table: &DeTable<'_>, source: &Arc<Source>, again: &Span) -> Option<usize> {
    let name = source.text.get(again.clone())?;
    let inner = table.values().filter_map(|value| value.get_ref().as_table()).flatten();
    let starts = table
        .iter()
        .chain(inner)
        .filter(|(key, _)| key.get_ref() == name && key.span().start < again.start)
        .map(|(key, _)| key.span());
    starts.max_by_key(|span| span.start).map(|span| Origin::new(source, span).line_column().0)
}
