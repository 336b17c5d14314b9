//! A JSON or YAML text as a tree whose every node still knows its bytes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use crate::fault::nearest;
use crate::fault::{Fault, Origin, Source};

/// How deep texts can be nested.
pub const DEPTH: usize = 64;

/// After so many warnings no more names are told that nobody reads: it is some other kind of file.
const MOST: usize = 100;

/// One value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'a> {
    /// The value.
    pub tree: Tree<'a>,
    /// Its bytes.
    pub span: Range<usize>,
}

/// What can be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Number(i128),
    /// A number with a fraction or an exponent, or one that nothing can hold.
    Fraction,
    /// Text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Node<'a>>),
    /// Names and values, in order.
    Table(Vec<Field<'a>>),
}

/// A name in a table and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Field<'a> {
    /// The name.
    pub name: Word<'a>,
    /// The value.
    pub value: Node<'a>,
}

/// A word and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word, without quotes and escapes.
    pub text: Cow<'a, str>,
    /// Its bytes.
    pub span: Range<usize>,
}

impl<'a> Node<'a> {
    /// What kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.tree {
            Tree::Null => "null",
            Tree::Boolean(_) => "a boolean",
            Tree::Number(_) => "a number",
            Tree::Fraction => "a number that is not whole",
            Tree::Text(_) => "text",
            Tree::List(_) => "a list",
            Tree::Table(_) => "a table",
        }
    }

    /// The value of a name in a table; nothing where it is missing or null. Upper and lower case do not differ, as in Go's
    /// reader, which container engines use.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Tree::Table(fields) = &self.tree else { return None };
        let field = fields.iter().find(|field| field.name.text.eq_ignore_ascii_case(name))?;
        (field.value.tree != Tree::Null).then_some(&field.value)
    }

    /// The value at the end of a way of names.
    pub fn way(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.tree {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text as a word.
    pub fn word(&self) -> Option<Word<'a>> {
        match &self.tree {
            Tree::Text(text) => Some(Word { text: text.clone(), span: self.span.clone() }),
            _ => None,
        }
    }
}

/// What reading a tree found: faults, and what is odd although it can be read.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The text.
    pub source: &'a Arc<Source>,
    /// What makes it unusable.
    pub faults: Vec<Fault>,
    /// What is odd.
    pub warnings: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// Nothing found yet.
    pub fn new(source: &'a Arc<Source>) -> Self {
        Self { source, faults: Vec::new(), warnings: Vec::new() }
    }

    /// Where some bytes are.
    pub fn at(&self, span: &Range<usize>) -> Origin {
        Origin::new(self.source, span.clone())
    }

    /// Notes a fault.
    pub fn fault(&mut self, span: &Range<usize>, message: impl Into<String>) -> &mut Fault {
        let fault = Fault::at(&self.at(span), message);
        let at = self.faults.len();
        self.faults.push(fault);
        &mut self.faults[at]
    }

    /// Notes something odd.
    pub fn warn(&mut self, span: &Range<usize>, message: impl Into<String>) -> &mut Fault {
        let fault = Fault::at(&self.at(span), message);
        let at = self.warnings.len();
        self.warnings.push(fault);
        &mut self.warnings[at]
    }

    /// The fields of a table; anything else is a fault.
    pub fn table<'n, 'b>(&mut self, node: &'n Node<'b>, what: &str) -> &'n [Field<'b>] {
        if let Tree::Table(fields) = &node.tree {
            self.twice(fields);
            return fields;
        }
        self.fault(&node.span, format!("{what} is a table, not {}", node.kind()));
        &[]
    }

    /// Names that differ by upper and lower case only are the same name, written twice: engines take the last one.
    fn twice(&mut self, fields: &[Field<'_>]) {
        let mut names = HashSet::with_capacity(fields.len());
        for field in fields {
            if !names.insert(field.name.text.to_ascii_lowercase()) {
                let message = format!("`{}` is written twice: upper and lower case do not differ", field.name.text);
                self.fault(&field.name.span, message);
                return;
            }
        }
    }

    /// The elements of a list, none for null; anything else is a fault.
    pub fn list<'n, 'b>(&mut self, node: &'n Node<'b>, what: &str) -> &'n [Node<'b>] {
        match &node.tree {
            Tree::List(nodes) => nodes,
            Tree::Null => &[],
            _ => {
                self.fault(&node.span, format!("{what} is a list, not {}", node.kind()));
                &[]
            }
        }
    }

    /// A text; anything else is a fault.
    pub fn word<'b>(&mut self, node: &Node<'b>, what: &str) -> Option<Word<'b>> {
        let word = node.word();
        if word.is_none() {
            self.fault(&node.span, format!("{what} is text, not {}", node.kind()));
        }
        word
    }

    /// The texts of a list.
    pub fn words<'b>(&mut self, node: &Node<'b>, what: &str) -> Vec<Word<'b>> {
        self.list(node, what).iter().filter_map(|node| self.word(node, what)).collect()
    }

    /// A number from 0 to `most`; anything else is a fault.
    pub fn number(&mut self, node: &Node<'_>, what: &str, most: u64) -> Option<u64> {
        let number = match node.tree {
            Tree::Number(number) => u64::try_from(number).ok().filter(|number| *number <= most),
            _ => None,
        };
        if number.is_none() {
            let found = self.source.text.get(node.span.clone()).unwrap_or_default();
            let found = if found.len() > 40 { node.kind() } else { found };
            self.fault(&node.span, format!("{what} is a number from 0 to {most}, not {found}"));
        }
        number
    }

    /// Warns of a name that nobody reads.
    pub fn unknown(&mut self, name: &Word<'_>, known: &[&str]) {
        if self.warnings.len() >= MOST {
            return;
        }
        let near = nearest(&name.text, known.iter().copied());
        let warning = self.warn(&name.span, format!("`{}` means nothing here and is not read", name.text));
        if let Some(near) = near {
            warning.help.push(format!("did you mean `{near}`?"));
        }
    }
}
