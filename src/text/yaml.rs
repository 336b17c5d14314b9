//! YAML, as Kubernetes objects are written in, with every value still knowing its bytes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::node::{DEPTH, Field, Node, Tree, Word};
use crate::fault::{Fault, Origin, Source};

/// Reads every document of a YAML text.
///
/// # Errors
/// The first place where it is not YAML; names that stand twice in a table or are no texts; anchors, aliases and tags,
/// which say nothing on their own.
pub fn parse(source: &Arc<Source>) -> Result<Vec<Node<'_>>, Fault> {
    let mut builder = Builder { source, bytes: Bytes::new(&source.text), parser: Parser::new_from_str(&source.text) };
    let mut documents = Vec::new();
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            event => documents.push(builder.node(event, &span, 0)?),
        }
    }
}

/// From the parser's places, which count characters, to bytes.
struct Bytes {
    /// Every character's first byte; empty where all have one.
    starts: Vec<usize>,
    length: usize,
}

impl Bytes {
    fn new(text: &str) -> Self {
        let starts =
            if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect::<Vec<_>>() };
        Self { starts, length: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        if self.starts.is_empty() {
            character.min(self.length)
        } else {
            self.starts.get(character).copied().unwrap_or(self.length)
        }
    }

    fn span(&self, span: &Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    bytes: Bytes,
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.bytes.span(&span))),
            Some(Err(error)) => {
                let at = self.bytes.byte(error.marker().index());
                Err(self.fault(&(at..at), format!("this is not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, self.source.text.len()..self.source.text.len())),
        }
    }

    fn fault(&self, span: &Range<usize>, message: impl Into<String>) -> Fault {
        Fault::at(&Origin::new(self.source, span.clone()), message)
    }

    fn node(&mut self, event: Event<'a>, span: &Range<usize>, depth: usize) -> Result<Node<'a>, Fault> {
        if depth > DEPTH {
            return Err(self.fault(span, format!("this is nested more than {DEPTH} deep")));
        }
        let (anchor, tagged) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            _ => (0, false),
        };
        if anchor != 0 || tagged || matches!(event, Event::Alias(_)) {
            return Err(self.fault(span, "anchors, aliases and tags are not read").help("write the value itself"));
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let tree = if style == ScalarStyle::Plain { plain(text) } else { Tree::Text(text) };
                Ok(Node { tree, span: span.clone() })
            }
            Event::SequenceStart(..) => self.list(span, depth),
            Event::MappingStart(..) => self.table(span, depth),
            _ => Err(self.fault(span, "a value is missing here")),
        }
    }

    fn list(&mut self, open: &Range<usize>, depth: usize) -> Result<Node<'a>, Fault> {
        let mut nodes = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Node { tree: Tree::List(nodes), span: open.start..span.end });
            }
            nodes.push(self.node(event, &span, depth + 1)?);
        }
    }

    fn table(&mut self, open: &Range<usize>, depth: usize) -> Result<Node<'a>, Fault> {
        let (mut fields, mut names): (Vec<Field<'a>>, _) = (Vec::new(), HashSet::new());
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Node { tree: Tree::Table(fields), span: open.start..span.end });
            }
            let Event::Scalar(text, _, 0, None) = event else {
                return Err(self.fault(&span, "a name in a table is text"));
            };
            if !names.insert(text.clone()) {
                return Err(self.fault(&span, format!("`{text}` is written twice")));
            }
            let (event, value) = self.next()?;
            let value = self.node(event, &value, depth + 1)?;
            fields.push(Field { name: Word { text, span }, value });
        }
    }
}

/// A scalar without quotes (YAML 1.2, core schema).
fn plain(text: Cow<'_, str>) -> Tree<'_> {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Tree::Null,
        "true" | "True" | "TRUE" => return Tree::Boolean(true),
        "false" | "False" | "FALSE" => return Tree::Boolean(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_or(Tree::Fraction, Tree::Number);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(Ok(number)) = text.strip_prefix(prefix).map(|digits| u64::from_str_radix(digits, radix)) {
            return Tree::Number(number.into());
        }
    }
    let number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok();
    if number { Tree::Fraction } else { Tree::Text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { name: "pod.yaml".into(), text: text.into() })
    }

    #[test]
    fn what_objects_are_written_in_is_read() {
        let source = source("# é\na: {b: [1, 0x10, 'x', \"y\"]}\nc:\n- d: true\n  e: ~\n---\nf: 1.5\n");
        let documents = parse(&source).expect("YAML");
        assert_eq!(documents.len(), 2);
        let list = documents[0].way(&["a", "b"]).expect("a list");
        let Tree::List(nodes) = &list.tree else { panic!("not a list") };
        assert_eq!((&nodes[0].tree, &nodes[1].tree), (&Tree::Number(1), &Tree::Number(16)));
        assert_eq!(source.text.get(nodes[2].span.clone()), Some("'x'"));
        let Some(Tree::List(nodes)) = documents[0].get("c").map(|node| &node.tree) else { panic!("not a list") };
        assert_eq!(nodes[0].get("d").map(|node| &node.tree), Some(&Tree::Boolean(true)));
        assert_eq!(nodes[0].get("e"), None);
        assert_eq!(documents[1].get("f").map(|node| &node.tree), Some(&Tree::Fraction));
    }

    #[test]
    fn slips_are_told_where_they_are() {
        for (text, line, message) in [
            ("a: 1\nb: [1\n", 3, "not YAML"),
            ("a: 1\na: 2\n", 2, "written twice"),
            ("a: &x 1\n", 1, "anchors"),
            ("a: !!str 1\n", 1, "tags"),
            ("[1]: 2\n", 1, "is text"),
        ] {
            let source = source(text);
            let fault = parse(&source).expect_err(text);
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert_eq!(fault.origin.expect("a place").line_column().0, line, "{text}");
        }
        let deep = source(&"[".repeat(5000));
        assert!(parse(&deep).is_err());
    }
}
