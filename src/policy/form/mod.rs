//! The grammars that directives share.
//!
//! In: a value as it was written. Out: its words, each with its place; or a fault that lists the words that would be
//! right.
//!
//! Here are switches, words, paths and lists; `amount` has sizes, times and counts, `line` the lines that a leading `~`
//! inverts, `calls` lists of system calls, `addresses` families of sockets, `quote` the quoting of units.

pub mod addresses;
pub mod amount;
pub mod calls;
pub mod line;
pub mod quote;

pub use crate::fault::nearest;
use crate::fault::{Fault, Origin};
use crate::text::{Kind, Value};

/// How a directive's value is written; for the manual, the completions and the messages.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// yes or no.
    Boolean,
    /// yes, no, or one of some words.
    BooleanOr(&'static [&'static str]),
    /// One of some words.
    Word(&'static [&'static str]),
    /// A list of words from a known set; `~` in front inverts. The name says what they are.
    Words(&'static str),
    /// A list of paths.
    Paths,
    /// A list of lines of words; the name says what they are.
    List(&'static str),
    /// A list of texts that are taken whole, where one text of several is split at blanks; the name says what they are.
    Texts(&'static str),
    /// One text; the name says what it is.
    Text(&'static str),
    /// A table with these keys, each with its meaning.
    Table(&'static [(&'static str, &'static str)]),
}

impl Form {
    /// How the manual writes the value: `yes|no`, `PATH...`.
    pub fn metavar(&self) -> String {
        match self {
            Self::Boolean => "yes|no".into(),
            Self::BooleanOr(words) => format!("yes|no|{}", words.join("|")),
            Self::Word(words) => words.join("|"),
            Self::Words(what) => format!("[~]{what}..."),
            Self::Paths => "PATH...".into(),
            Self::List(what) | Self::Texts(what) => format!("{what}..."),
            Self::Text(what) => (*what).into(),
            Self::Table(_) => "TABLE".into(),
        }
    }

    /// Whether what is written later adds to what is there.
    pub fn adds(&self) -> bool {
        matches!(self, Self::Words(_) | Self::List(_) | Self::Table(_)) || self.whole()
    }

    /// Whether an element of a list is taken as it is, while a text is split at blanks.
    pub fn whole(&self) -> bool {
        matches!(self, Self::Paths | Self::Texts(_))
    }
}

/// A piece of a value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The text, unquoted.
    pub text: String,
    /// Where it was written.
    pub at: Origin,
}

impl Item {
    /// A fault at this item.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::at(&self.at, message)
    }
}

/// yes/true/on/1/y/t and no/false/off/0/n/f, in any case, as systemd's parse_boolean reads them.
pub fn boolean(value: &Value) -> Result<bool, Fault> {
    switch(value).ok_or_else(|| value.fault(wrong(value)).help("write one of: yes, no"))
}

/// A boolean if it is one.
pub fn switch(value: &Value) -> Option<bool> {
    match &value.kind {
        Kind::Boolean(on) => Some(*on),
        Kind::Integer(1) => Some(true),
        Kind::Integer(0) => Some(false),
        Kind::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
            "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// One of some words, or a boolean that stands for the words `yes` and `no` where they are among them.
pub fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Result<T, Fault> {
    let text = match (switch(value), &value.kind) {
        (Some(true), _) if words.iter().any(|(word, _)| *word == "yes") => "yes",
        (Some(false), _) if words.iter().any(|(word, _)| *word == "no") => "no",
        (_, Kind::Text(text)) => text.trim(),
        _ => "",
    };
    if let Some((_, found)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*found);
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    Err(value.fault(wrong(value)).help(format!("write one of: {}", all.join(", "))))
}

/// One text.
pub fn text(value: &Value) -> Result<Item, Fault> {
    match &value.kind {
        Kind::Text(text) => Ok(Item { text: text.clone(), at: value.at.clone() }),
        Kind::Integer(number) => Ok(Item { text: number.to_string(), at: value.at.clone() }),
        _ => Err(value.fault(format!("text was expected here, not {}", value.kind_name()))),
    }
}

/// The lines of a list: a text is one line, a list is one line an element. Empty means reset, as
/// an empty assignment does under systemd.
pub fn lines(value: &Value) -> Result<Vec<Item>, Fault> {
    match &value.kind {
        Kind::Text(line) if line.trim().is_empty() => Ok(Vec::new()),
        Kind::List(values) => {
            let items: Vec<Item> = values.iter().map(text).collect::<Result<_, _>>()?;
            match items.iter().find(|item| item.text.trim().is_empty()) {
                Some(empty) => Err(empty.fault("this element is empty").help("an empty list resets the directive")),
                None => Ok(items),
            }
        }
        _ => text(value).map(|line| vec![line]),
    }
}

/// The words of one line, split at blanks, with systemd's quotes and escapes.
pub fn words(line: &Item) -> Result<Vec<Item>, Fault> {
    if !line.text.contains(['\\', '"', '\'']) {
        // What nearly every line is: a profile can have hundreds of words, and reading them is most of a launch.
        return Ok(line
            .text
            .split_ascii_whitespace()
            .map(|word| Item { text: word.into(), at: line.at.clone() })
            .collect());
    }
    let mut found = Vec::new();
    let mut chars = line.text.chars().peekable();
    loop {
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        if chars.peek().is_none() {
            return Ok(found);
        }
        let mut text = String::new();
        let mut quote = None;
        while let Some(c) = chars.next() {
            match (c, quote) {
                ('\\', None | Some('"')) => match chars.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(other @ (':' | ',')) => {
                        // Grammars with their own separators need to see the escape.
                        text.push('\\');
                        text.push(other);
                    }
                    Some(other) => text.push(other),
                    None => return Err(line.fault("the value ends with a backslash")),
                },
                (c, Some(open)) if c == open => quote = None,
                ('"' | '\'', None) => quote = Some(c),
                (c, None) if c.is_ascii_whitespace() => break,
                (c, _) => text.push(c),
            }
        }
        if let Some(open) = quote {
            return Err(line.fault(format!("a quotation that {open} opens is not closed")));
        }
        found.push(Item { text, at: line.at.clone() });
    }
}

/// All the words of a list that needs no inversion; `None` means reset.
pub fn all_words(value: &Value) -> Result<Option<Vec<Item>>, Fault> {
    let lines = lines(value)?;
    if lines.is_empty() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for line in &lines {
        found.extend(words(line)?);
    }
    Ok(Some(found))
}

/// The paths of a list: elements of a TOML list are whole paths, a text is split at blanks.
/// `None` means reset.
pub fn paths(value: &Value) -> Result<Option<Vec<Item>>, Fault> {
    match &value.kind {
        Kind::List(values) if values.is_empty() => Ok(None),
        Kind::List(_) => lines(value).map(Some),
        _ => all_words(value),
    }
}

/// A path with systemd's prefixes: `-` (may be missing) and `+` (relative to RootDirectory).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathItem {
    /// The path, absolute, with a specifier in front, or `.` alone.
    pub path: std::path::PathBuf,
    /// `-`.
    pub optional: bool,
    /// `+`.
    pub rooted: bool,
    /// Where it was written.
    pub at: Origin,
}

/// Takes the prefixes off and refuses what is not an absolute path.
pub fn path(item: &Item) -> Result<PathItem, Fault> {
    let mut text = item.text.as_str();
    let (mut optional, mut rooted) = (false, false);
    if let Some(rest) = text.strip_prefix('-') {
        (optional, text) = (true, rest);
    }
    if let Some(rest) = text.strip_prefix('+') {
        (rooted, text) = (true, rest);
    }
    check_path(text, item)?;
    Ok(PathItem { path: text.into(), optional, rooted, at: item.at.clone() })
}

/// The parts of an item between colons; `\\:` is a colon that does not part.
pub fn colons(item: &Item) -> Result<Vec<String>, Fault> {
    let mut parts = vec![String::new()];
    let mut chars = item.text.chars();
    while let Some(c) = chars.next() {
        let part = match c {
            ':' => {
                parts.push(String::new());
                continue;
            }
            '\\' => match chars.next() {
                Some(next @ (':' | '\\')) => next,
                _ => return Err(item.fault("a backslash here can only stand before a colon or another one")),
            },
            other => other,
        };
        if let Some(last) = parts.last_mut() {
            last.push(part);
        }
    }
    Ok(parts)
}

/// Refuses what is not an absolute, normal path: `..`, NUL, relative ones (but `.` alone).
pub fn check_path(text: &str, item: &Item) -> Result<(), Fault> {
    let refuse = |why: &str| Err(item.fault(format!("`{text}` {why}")));
    if text == "." {
        return Ok(());
    }
    if text.is_empty() {
        return refuse("is not a path");
    }
    if text.contains('\0') {
        return Err(item.fault("a path cannot hold a NUL byte"));
    }
    if !text.starts_with(['/', '%']) {
        return refuse("is not an absolute path").map_err(|fault| {
            fault.help("start it with `/`, or write `.` alone for the directory that stockade is started in")
        });
    }
    if text.split('/').any(|part| part == "..") {
        return refuse("goes up by `..`, which a policy cannot");
    }
    if text.len() > 4095 {
        return Err(item.fault("a path can be 4095 bytes long at most"));
    }
    Ok(())
}

fn wrong(value: &Value) -> String {
    match &value.kind {
        Kind::Text(text) => format!("`{text}` is not a value that this directive knows"),
        Kind::Integer(number) => format!("`{number}` is not a value that this directive knows"),
        Kind::Boolean(on) => format!("`{on}` is not a value that this directive knows"),
        _ => format!("{} is not a value that this directive knows", value.kind_name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;
    use std::sync::Arc;

    fn value(text: &str) -> Value {
        let source = Arc::new(Source { name: "-p".into(), text: text.into() });
        Value { kind: Kind::Text(text.into()), at: Origin::new(&source, 0..text.len()) }
    }

    #[test]
    fn booleans_read_as_systemd_reads_them() {
        for yes in ["yes", "true", "on", "1", "Y", "T", "True"] {
            assert_eq!(boolean(&value(yes)), Ok(true), "{yes}");
        }
        for no in ["no", "FALSE", "off", "0"] {
            assert_eq!(boolean(&value(no)), Ok(false), "{no}");
        }
        assert!(boolean(&value("maybe")).is_err());
    }

    #[test]
    fn words_split_at_blanks_outside_quotes() {
        let line = |text: &str| {
            words(&super::text(&value(text)).expect("text"))
                .map(|items| items.into_iter().map(|item| item.text).collect::<Vec<_>>())
        };
        assert_eq!(line("a  'b c' \"d\\\"e\" f\\ g"), Ok(vec!["a".into(), "b c".into(), "d\"e".into(), "f g".into()]));
        assert!(line("a 'b").is_err());
    }

    #[test]
    fn paths_must_be_absolute_and_cannot_go_up() {
        let read = |text: &str| {
            path(&super::text(&value(text)).expect("text"))
                .map(|item| (item.path.display().to_string(), item.optional, item.rooted))
        };
        assert_eq!(read("-+/etc"), Ok(("/etc".into(), true, true)));
        assert_eq!(read("."), Ok((".".into(), false, false)));
        assert!(read("etc").is_err());
        assert!(read("/a/../b").is_err());
        assert!(read("").is_err());
    }
}
