//! JSON (RFC 8259), with every value still knowing its bytes. serde_json has no places, and its messages say where it
//! noticed a slip instead of where the slip is.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::node::{DEPTH, Field, Node, Tree, Word};
use crate::fault::{Fault, Origin, Source};

/// Reads a JSON text.
///
/// # Errors
/// The first place where it is not JSON, and names that stand twice in one table.
pub fn parse(source: &Arc<Source>) -> Result<Node<'_>, Fault> {
    let mut scanner = Scanner { source, text: &source.text, at: 0 };
    if scanner.text.starts_with('\u{feff}') {
        scanner.at = '\u{feff}'.len_utf8();
    }
    let node = scanner.value(0)?;
    scanner.blanks();
    if scanner.at < scanner.text.len() {
        return Err(scanner.fault(scanner.here(), "something stands behind the end of the JSON"));
    }
    Ok(node)
}

/// Whether a text looks like JSON: what else starts with a bracket is a rare kind of YAML.
pub fn looks_like(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
}

struct Scanner<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn fault(&self, span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault::at(&Origin::new(self.source, span), message)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The character here; nothing at the end.
    fn here(&self) -> Range<usize> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at..self.at + rest.chars().next().map_or(0, char::len_utf8)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        self.blanks();
        let start = self.at;
        if depth > DEPTH {
            return Err(self.fault(self.here(), format!("this is nested more than {DEPTH} deep")));
        }
        let tree = match self.peek() {
            Some(b'{') => self.table(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Tree::Text(self.text()?.text),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node { tree, span: start..self.at })
    }

    fn word(&mut self) -> Result<Tree<'a>, Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..length];
        let tree = match word {
            "null" => Tree::Null,
            "true" => Tree::Boolean(true),
            "false" => Tree::Boolean(false),
            _ => return Err(self.no_value(word)),
        };
        self.at += length;
        Ok(tree)
    }

    /// Why there is no value here.
    fn no_value(&self, word: &str) -> Fault {
        let span = if word.is_empty() { self.here() } else { self.at..self.at + word.len() };
        match self.peek() {
            None if self.text.trim().is_empty() => self.fault(span, "the file is empty, and no JSON"),
            None => self.fault(span, "the JSON ends in the middle"),
            Some(b'/' | b'#') => self.fault(span, "JSON has no comments").help("take it out"),
            Some(b'\'') => self.fault(span, "text stands between \" in JSON, not between '"),
            Some(_) if word.is_empty() => self.fault(span, "a value is missing here"),
            Some(_) => self.fault(span, format!("`{word}` is not JSON: text stands in quotes")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Tree<'a>, Fault> {
        let open = self.here();
        self.at += 1;
        let mut nodes = Vec::new();
        loop {
            self.blanks();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Tree::List(nodes));
            }
            nodes.push(self.value(depth + 1)?);
            if self.comma(b']', &open)? {
                return Ok(Tree::List(nodes));
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Tree<'a>, Fault> {
        let open = self.here();
        self.at += 1;
        let (mut fields, mut names): (Vec<Field<'a>>, _) = (Vec::new(), HashSet::new());
        loop {
            self.blanks();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Tree::Table(fields));
                }
                Some(b'"') => {}
                None => return Err(self.open(&open)),
                Some(b'/' | b'#') => return Err(self.no_value("")),
                Some(_) => return Err(self.fault(self.here(), "a name in quotes is missing here")),
            }
            let name = self.text()?;
            if !names.insert(name.text.clone()) {
                return Err(self.fault(name.span, format!("`{}` is written twice", name.text)));
            }
            self.blanks();
            if self.peek() != Some(b':') {
                let message = format!("a `:` is missing between `{}` and its value", name.text);
                return Err(self.fault(self.here(), message));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            fields.push(Field { name, value });
            if self.comma(b'}', &open)? {
                return Ok(Tree::Table(fields));
            }
        }
    }

    /// Takes the comma behind an element, or the closing bracket: then it is the end.
    fn comma(&mut self, close: u8, open: &Range<usize>) -> Result<bool, Fault> {
        let end = self.at;
        self.blanks();
        match self.peek() {
            Some(b',') => {
                let comma = self.here();
                self.at += 1;
                self.blanks();
                match self.peek() {
                    Some(b']' | b'}') => Err(self
                        .fault(comma, "a comma stands behind the last element, which JSON does not allow")
                        .help("take it out")),
                    Some(b',') => Err(self.fault(self.here(), "one comma too many")),
                    _ => Ok(false),
                }
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            None => Err(self.open(open)),
            Some(b']' | b'}') => {
                let message = format!("this closes nothing: `{}` is missing before it", char::from(close));
                Err(self.fault(self.here(), message))
            }
            Some(b'/' | b'#') => Err(self.no_value("")),
            Some(_) => Err(self.fault(end..end, "a comma is missing here")),
        }
    }

    /// A bracket that nothing closes.
    fn open(&self, open: &Range<usize>) -> Fault {
        let bracket = self.text.get(open.clone()).unwrap_or_default();
        self.fault(open.clone(), format!("the `{bracket}` is not closed"))
    }

    fn number(&mut self) -> Result<Tree<'a>, Fault> {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-._".contains(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        let digits = word.strip_prefix('-').unwrap_or(word);
        let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole && (digits == "0" || !digits.starts_with('0')) {
            return Ok(word.parse().map_or(Tree::Fraction, Tree::Number));
        }
        if fraction(digits) {
            return Ok(Tree::Fraction);
        }
        let fault = self.fault(start..self.at, format!("`{word}` is not a number of JSON"));
        Err(match digits.as_bytes() {
            [b'0', b'x' | b'X', ..] => fault.help("JSON has decimal numbers only"),
            [b'0', _, ..] => fault.help("a number does not begin with 0"),
            _ => fault,
        })
    }

    /// A text in quotes.
    fn text(&mut self) -> Result<Word<'a>, Fault> {
        let start = self.at;
        self.at += 1;
        let mut plain = self.at;
        let mut decoded: Option<String> = None;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let rest = &self.text[plain..self.at];
                    self.at += 1;
                    let text = match decoded {
                        None => Cow::Borrowed(rest),
                        Some(before) => Cow::Owned(before + rest),
                    };
                    return Ok(Word { text, span: start..self.at });
                }
                Some(b'\\') => {
                    let text = decoded.get_or_insert_default();
                    text.push_str(&self.text[plain..self.at]);
                    let c = self.escape()?;
                    decoded.get_or_insert_default().push(c);
                    plain = self.at;
                }
                Some(b'\n') | None => {
                    return Err(self.fault(start..start + 1, "this text is not closed: its `\"` is missing"));
                }
                Some(0..=0x1f) => {
                    return Err(self.fault(self.here(), "a control character cannot stand in text as it is"));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// One escape; the backslash is here.
    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex(start)?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first).ok_or_else(|| self.half(start));
                }
                if self.text.get(self.at..self.at + 2) != Some("\\u") {
                    return Err(self.half(start));
                }
                self.at += 2;
                let second = self.hex(start)?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(self.half(start));
                }
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(code).ok_or_else(|| self.half(start));
            }
            _ => return Err(self.fault(start..start + 1, "JSON has no such escape")),
        })
    }

    fn half(&self, start: usize) -> Fault {
        self.fault(start..self.at, "half a character: surrogates come in pairs")
    }

    fn hex(&mut self, start: usize) -> Result<u32, Fault> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|four| four.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.fault(start..start + 2, "four hexadecimal digits stand behind \\u"))?;
        self.at += 4;
        Ok(code)
    }
}

/// `1.5`, `1e3`, `0.1E-7`.
fn fraction(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (digits, None),
    };
    let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, after) = mantissa.split_once('.').map_or((mantissa, None), |(whole, after)| (whole, Some(after)));
    let leads = whole == "0" || !whole.starts_with('0');
    all(whole) && leads && after.is_none_or(all) && exponent.is_none_or(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { name: "web.json".into(), text: text.into() })
    }

    #[test]
    fn what_json_can_say_is_read() {
        let source = source("{\"a\": [1, -2, 1.5e3, true, null], \"b\\u00e9\\ud83d\\ude00\\n\": \"x\"}");
        let node = parse(&source).expect("JSON");
        let list = node.get("a").expect("a list");
        let Tree::List(nodes) = &list.tree else { panic!("not a list") };
        let trees: Vec<&Tree<'_>> = nodes.iter().map(|node| &node.tree).collect();
        let expected = [&Tree::Number(1), &Tree::Number(-2), &Tree::Fraction, &Tree::Boolean(true), &Tree::Null];
        assert_eq!(trees, expected);
        assert_eq!(node.get("bé😀\n").and_then(Node::text), Some("x"));
        assert_eq!(source.text.get(list.span.clone()), Some("[1, -2, 1.5e3, true, null]"));
    }

    #[test]
    fn slips_are_told_where_they_are() {
        for (text, place, message) in [
            ("{\"a\": [\"x\",\n \"y\",\n]}", (2, 5), "a comma stands behind the last element"),
            ("{\"a\": 1,}", (1, 8), "a comma stands behind the last element"),
            ("{\"a\"\"b\"}", (1, 5), "a `:` is missing between `a` and its value"),
            ("[\"a\" \"b\"]", (1, 5), "a comma is missing"),
            ("[1,,2]", (1, 4), "one comma too many"),
            ("[1", (1, 1), "is not closed"),
            ("{\"a\": [1}", (1, 9), "closes nothing"),
            ("// x\n{}", (1, 1), "no comments"),
            ("{\"a\": 'x'}", (1, 7), "not between '"),
            ("{\"a\": yes}", (1, 7), "`yes` is not JSON"),
            ("{\"a\": 0x10}", (1, 7), "not a number"),
            ("{\"a\": 007}", (1, 7), "not a number"),
            ("{a: 1}", (1, 2), "a name in quotes is missing"),
            ("{\"a\": 1, \"a\": 2}", (1, 10), "written twice"),
            ("{} x", (1, 4), "behind the end"),
            ("", (1, 1), "empty"),
            ("\"\\ud800\"", (1, 2), "half a character"),
            ("\"a\nb\"", (1, 1), "not closed"),
            ("\"\\x\"", (1, 2), "no such escape"),
        ] {
            let source = source(text);
            let fault = parse(&source).expect_err(text);
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert_eq!(fault.origin.expect("a place").line_column(), place, "{text}");
        }
        // Names are looked up, not compared with all others.
        let names: Vec<String> = (0..100_000).map(|number| format!("\"k{number}\":1")).collect();
        let many = source(&format!("{{{},\"k7\":2}}", names.join(",")));
        assert!(parse(&many).expect_err("twice").message.contains("`k7` is written twice"));
        let deep = source(&"[".repeat(100_000));
        assert!(parse(&deep).expect_err("too deep").message.contains("nested"));
    }
}
