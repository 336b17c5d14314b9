//! Lines that are added to a policy's text; everything that is there stays as it is.

use std::ops::Range;
use std::sync::Arc;

use crate::fault::{Fault, Source};
use crate::text::{Document, Entry, Kind, toml};

/// Something to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// A value in TOML.
    pub(super) toml: String,
    /// What it is for: one line.
    pub(super) note: String,
}

/// A text that lines are added to.
pub(super) struct Text {
    text: String,
    name: String,
}

/// How far lines of a list are indented where no other says.
const INDENT: &str = "    ";

impl Text {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { text: text.to_owned(), name: name.to_owned() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn document(&self) -> Result<Document, Fault> {
        let source = Arc::new(Source { name: self.name.clone(), text: self.text.clone() });
        toml::parse(&source).map_err(|faults| {
            faults.into_iter().next().unwrap_or_else(|| Fault::new(format!("{} cannot be read", self.name)))
        })
    }

    fn insert(&mut self, at: usize, what: &str) {
        self.text.insert_str(at.min(self.text.len()), what);
    }

    /// Adds values to a directive: to its list, or on a line of its own.
    pub(super) fn add(&mut self, directive: &str, items: &[Item]) -> Result<(), Fault> {
        let document = self.document()?;
        let entry = document.entries.iter().rfind(|entry| entry.name == directive);
        match entry {
            None => {
                let place = self.place(&document, directive);
                self.write(&place, &lines(&place.key, items));
            }
            Some(Entry { value, .. }) => match &value.kind {
                Kind::List(values) => {
                    let last = values.last().map(|value| value.at.span.clone());
                    self.extend(&value.at.span, last.as_ref(), items);
                }
                Kind::Table(_) if self.text.get(value.at.span.clone()).is_some_and(|text| text.starts_with('{')) => {
                    let all: Vec<&str> = items.iter().map(|item| item.toml.as_str()).collect();
                    self.insert(value.at.span.end, &format!(", {}", all.join(", ")));
                }
                Kind::Table(_) => {
                    let blocks: Vec<String> = items.iter().map(|item| block(directive, item)).collect();
                    let end = self.text.len();
                    self.insert(end, &blocks.concat());
                }
                _ => {
                    let old = self.text.get(value.at.span.clone()).unwrap_or_default().to_owned();
                    let all: Vec<&str> = std::iter::once(old.as_str()).chain(items.iter().map(|i| &*i.toml)).collect();
                    self.text.replace_range(value.at.span.clone(), &format!("[{}]", all.join(", ")));
                }
            },
        }
        self.document().map(drop)
    }

    /// Writes values as a comment, unless they are there already. Whether anything was written.
    pub(super) fn remark(&mut self, directive: &str, value: &str, note: &str) -> Result<bool, Fault> {
        let document = self.document()?;
        let place = match document.entries.iter().rfind(|entry| entry.name == directive) {
            Some(entry) if self.is_in_line(entry) => {
                let at = self.end_of_line(entry.value.at.span.end);
                Place { at, key: short(directive).into(), header: None }
            }
            _ => self.place(&document, directive),
        };
        let key = if place.header.is_some() { directive } else { &place.key };
        let line = format!("# {key} = {value}");
        let known = |text: &str| text.lines().any(|known| known.trim() == line);
        if known(&self.text) {
            return Ok(false);
        }
        // A table is not opened for a comment.
        let place = if place.header.is_some() { self.top(&document, directive) } else { place };
        self.write(&place, &format!("# {note}\n{line}\n"));
        self.document().map(|_| true)
    }

    fn is_in_line(&self, entry: &Entry) -> bool {
        !matches!(entry.value.kind, Kind::Table(_)) && entry.at.span.start < self.text.len()
    }

    /// A list, and where its last value is.
    fn extend(&mut self, whole: &Range<usize>, end: Option<&Range<usize>>, items: &[Item]) {
        let all: Vec<&str> = items.iter().map(|item| item.toml.as_str()).collect();
        let Some(value) = end else {
            self.insert(whole.start + 1, &all.join(", "));
            return;
        };
        let inside = self.text.get(whole.clone()).unwrap_or_default();
        if !inside.contains('\n') {
            self.insert(value.end, &format!(", {}", all.join(", ")));
            return;
        }
        let rest = self.text.get(value.end..whole.end).unwrap_or_default();
        let comma = rest.trim_start().starts_with(',');
        let end = rest.find('\n').map(|at| value.end + at).filter(|at| *at < whole.end);
        let head = self.text.get(..value.start).unwrap_or_default();
        let indent = head.rsplit('\n').next().unwrap_or_default();
        let indent = if indent.trim().is_empty() { indent.to_owned() } else { INDENT.to_owned() };
        match end {
            Some(end) => {
                let more: String = items.iter().map(|item| element(&indent, item)).collect();
                self.insert(end, &format!("\n{}", more.trim_end_matches('\n')));
                if !comma {
                    self.insert(value.end, ",");
                }
            }
            None => self.insert(value.end, &format!(", {}", all.join(", "))),
        }
    }

    /// Where a directive that is not there yet is written.
    fn place(&self, document: &Document, directive: &str) -> Place {
        let Some((table, key)) = directive.split_once('.') else { return self.top(document, directive) };
        let headers = self.headers(document);
        let header = headers.iter().position(|(_, name)| name == table);
        if let Some(at) = header {
            let start = headers[at].0;
            let end = headers.get(at + 1).map_or(self.text.len(), |(at, _)| *at);
            let within = document.entries.iter().filter(|entry| (start..end).contains(&entry.at.span.start));
            let last = within.map(|entry| entry.value.at.span.end).max().unwrap_or(start);
            return Place { at: self.end_of_line(last), key: key.into(), header: None };
        }
        let first = headers.first().map_or(self.text.len(), |(at, _)| *at);
        let start = format!("{table}.");
        let dotted =
            document.entries.iter().filter(|entry| entry.name.starts_with(&start) && entry.at.span.start < first);
        match dotted.map(|entry| entry.value.at.span.end).max() {
            Some(end) => Place { at: self.end_of_line(end), key: directive.into(), header: None },
            None => Place { at: self.text.len(), key: key.into(), header: Some(table.into()) },
        }
    }

    /// Behind the last line that is in no table.
    fn top(&self, document: &Document, directive: &str) -> Place {
        let first = self.headers(document).first().map_or(self.text.len(), |(at, _)| *at);
        let above = document.entries.iter().filter(|entry| entry.at.span.start < first);
        let at = above.map(|entry| self.end_of_line(entry.value.at.span.end)).max().unwrap_or(first);
        Place { at: at.min(first), key: directive.into(), header: None }
    }

    /// The headers of tables: where their lines start, and their names.
    fn headers(&self, document: &Document) -> Vec<(usize, String)> {
        let mut at = 0;
        let mut headers = Vec::new();
        for line in self.text.split_inclusive('\n') {
            let within = |entry: &Entry| {
                let span = &entry.value.at.span;
                span.start < at && at < span.end && !matches!(entry.value.kind, Kind::Table(_))
            };
            if line.trim_start().starts_with('[') && !document.entries.iter().any(within) {
                let name = line.trim().split('#').next().unwrap_or_default().trim();
                headers.push((at, name.trim_start_matches('[').trim_end_matches(']').trim().to_owned()));
            }
            at += line.len();
        }
        headers
    }

    /// The start of the line after this place.
    fn end_of_line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    fn write(&mut self, place: &Place, lines: &str) {
        let mut what = String::new();
        if place.at > 0 && !self.text.get(..place.at).is_some_and(|head| head.ends_with('\n')) {
            what.push('\n');
        }
        if let Some(table) = &place.header {
            if !self.text.trim().is_empty() {
                what.push('\n');
            }
            what.extend(["[", table, "]\n"]);
        }
        what.push_str(lines);
        self.insert(place.at, &what);
    }
}

/// Where something is written: a byte, the key there, and the table that has to be opened.
struct Place {
    at: usize,
    key: String,
    header: Option<String>,
}

/// The key in its table.
fn short(directive: &str) -> &str {
    directive.split_once('.').map_or(directive, |(_, key)| key)
}

fn element(indent: &str, item: &Item) -> String {
    format!("{indent}{},  # {}\n", item.toml, item.note)
}

/// A directive with its values.
fn lines(key: &str, items: &[Item]) -> String {
    if let [item] = items {
        return format!("{key} = [{}]  # {}\n", item.toml, item.note);
    }
    let all: String = items.iter().map(|item| element(INDENT, item)).collect();
    format!("{key} = [\n{all}]\n")
}

/// One element of an array of tables.
fn block(directive: &str, item: &Item) -> String {
    let inner = item.toml.trim_start_matches('{').trim_end_matches('}').trim();
    format!("\n[[{directive}]]  # {}\n{}\n", item.note, inner.replace("], Rights", "]\nRights"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(text: &str, directive: &str, values: &[&str]) -> String {
        let items: Vec<Item> =
            values.iter().map(|value| Item { toml: (*value).to_owned(), note: "for x".into() }).collect();
        let mut edited = Text::new("t.toml", text);
        edited.add(directive, &items).unwrap_or_else(|fault| panic!("{}", fault.message));
        edited.finish()
    }

    #[test]
    fn lists_grow_as_they_are_written() {
        for (text, expected) in [
            ("A = [\"a\"] # one\n", "A = [\"a\", \"b\"] # one\n"),
            ("A = [\"a\",]", "A = [\"a\", \"b\",]"),
            ("A = []\n", "A = [\"b\"]\n"),
            ("A = \"a\"\n", "A = [\"a\", \"b\"]\n"),
            ("A = [\n  \"a\", # [1]\n]\n", "A = [\n  \"a\", # [1]\n  \"b\",  # for x\n]\n"),
            ("A = [\n\t\"a\" # 1\n]\n", "A = [\n\t\"a\", # 1\n\t\"b\",  # for x\n]\n"),
            ("A = [\n  \"a\",\n  \"c\"]\n", "A = [\n  \"a\",\n  \"c\", \"b\"]\n"),
            ("", "A = [\"b\"]  # for x\n"),
            ("# words", "# words\nA = [\"b\"]  # for x\n"),
            ("B = 1", "B = 1\nA = [\"b\"]  # for x\n"),
            ("B = [\n[1],\n]\n[T]\nA = 1\n", "B = [\n[1],\n]\nA = [\"b\"]  # for x\n[T]\nA = 1\n"),
            ("#!/x\n[T]\nA = 1\n", "#!/x\nA = [\"b\"]  # for x\n[T]\nA = 1\n"),
        ] {
            assert_eq!(added(text, "A", &["\"b\""]), expected, "{text}");
        }
    }

    #[test]
    fn keys_of_tables_go_where_the_table_is() {
        for (text, expected) in [
            ("B = 1\n", "B = 1\n\n[T]\nA = [\"b\"]  # for x\n"),
            ("[T]\nC = 1 # c\n\n[U]\nA = 1\n", "[T]\nC = 1 # c\nA = [\"b\"]  # for x\n\n[U]\nA = 1\n"),
            ("[T]", "[T]\nA = [\"b\"]  # for x\n"),
            ("T.C = 1\nB = 2\n", "T.C = 1\nT.A = [\"b\"]  # for x\nB = 2\n"),
            ("[T]\nA = [1]\n", "[T]\nA = [1, \"b\"]\n"),
        ] {
            assert_eq!(added(text, "T.A", &["\"b\""]), expected, "{text}");
        }
        let rule = "{ Paths = [\"/b\"], Rights = [\"execute\"] }";
        let inline = "[T]\nRules = [{ Paths = [\"/a\"], Rights = [] }]\n";
        assert_eq!(added(inline, "T.Rules", &[rule]), inline.replace("}]", &format!("}}, {rule}]")));
        let blocks = "[[T.Rules]]\nPaths = [\"/a\"]\nRights = []\n";
        let expected = format!("{blocks}\n[[T.Rules]]  # for x\nPaths = [\"/b\"]\nRights = [\"execute\"]\n");
        assert_eq!(added(blocks, "T.Rules", &[rule]).replace("],\nRights", "]\nRights"), expected);
        let two = added("", "A", &["1", "2"]);
        assert_eq!(two, "A = [\n    1,  # for x\n    2,  # for x\n]\n");
    }

    #[test]
    fn remarks_are_written_once() {
        for text in ["A = [1]\nB = 2\n", "B = 2\n", "", "[T]\nX = 1\n"] {
            let mut edited = Text::new("t.toml", text);
            assert!(edited.remark("A", "[\"b\"]", "why").expect("written"));
            assert!(edited.remark("T.Z", "[\"b\"]", "why").expect("written"));
            let once = edited.finish();
            assert!(once.contains("# why\n# A = [\"b\"]\n"), "{once}");
            let mut edited = Text::new("t.toml", &once);
            assert!(!edited.remark("A", "[\"b\"]", "why").expect("known"), "{once}");
            assert!(!edited.remark("T.Z", "[\"b\"]", "why").expect("known"), "{once}");
            assert_eq!(edited.finish(), once);
        }
    }
}
