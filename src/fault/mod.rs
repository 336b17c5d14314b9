//! The one error that users see, and where the words that caused it were written. `nearest` finds the word that was meant.

#![forbid(unsafe_code)]

mod exit;
mod nearest;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

pub use exit::Exit;
pub use nearest::nearest;

/// A text that somebody wrote: a policy file, a built-in profile or one `-p` flag.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// What to call it in messages: the path as it was given, `profile:strict`, or `-p`.
    pub name: String,
    /// The whole text, kept so that any later fault can show its line.
    pub text: String,
}

/// Why something failed, without Rust's `(os error 2)`.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}

/// Where something was written: a range of bytes in a [`Source`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The text.
    pub source: Arc<Source>,
    /// The bytes in it.
    pub span: Range<usize>,
}

impl Origin {
    /// An origin that covers `span` of `source`.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        Self { source: Arc::clone(source), span }
    }

    /// Line and column, both counted from one; the column counts characters.
    pub fn line_column(&self) -> (usize, usize) {
        let start = self.span.start.min(self.source.text.len());
        let before = &self.source.text.as_bytes()[..start];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = self.source.text.get(line_start..start).map_or(1, |head| head.chars().count() + 1);
        (line, column)
    }

    /// The text as it was written; empty where it cannot be told.
    pub fn written(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or_default()
    }
}

impl Origin {
    /// The whole lines that the span lies on; nothing where they are too long to be shown.
    fn window(&self) -> Option<Range<usize>> {
        let text = &self.source.text;
        let start = self.span.start.min(text.len());
        let end = self.span.end.clamp(start, text.len());
        let first = text.as_bytes()[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let last = text.as_bytes()[end..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| end + at);
        (last - first <= LONGEST).then_some(first..last)
    }
}

/// `web.toml:12` for files, `-p ProtectHome=yes` for flags.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.name == FLAG {
            write!(f, "-p {}", clean(&self.source.text))
        } else {
            write!(f, "{}:{}", clean(&self.source.name), self.line_column().0)
        }
    }
}

/// The [`Source::name`] of a text that came by `-p` on the command line.
pub const FLAG: &str = "-p";

/// Something a person must be told: what, where it was asked for, and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// One line, lower case, naming the thing.
    pub message: String,
    /// The words that caused it.
    pub origin: Option<Origin>,
    /// What stands under the caret, when there is more to say than the message.
    pub label: String,
    /// Remedies, one line each.
    pub help: Vec<String>,
    /// The status that stockade ends with.
    pub exit: Exit,
}

impl Fault {
    /// A fault with nothing but its message; a policy's by default ([`Exit::Config`]).
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), origin: None, label: String::new(), help: Vec::new(), exit: Exit::Config }
    }

    /// A fault at some written words.
    pub fn at(origin: &Origin, message: impl Into<String>) -> Self {
        Self { origin: Some(origin.clone()), ..Self::new(message) }
    }

    /// Adds a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Sets the text under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets the exit status.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The whole message as it goes to a terminal: first the line, then where, then the remedies.
    ///
    /// `colour` adds ANSI styles; everything else that could be an escape sequence is removed.
    pub fn render(&self, colour: bool) -> String {
        let Some(origin) = &self.origin else {
            let lines = self.help.iter().map(|help| format!("  = help: {}\n", short(help)));
            return format!("stockade: {}\n{}", short(&self.message), lines.collect::<String>());
        };
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let Some(window) = origin.window() else {
            let lines = self.help.iter().map(|help| format!("  = help: {}\n", short(help)));
            let (line, column) = origin.line_column();
            let place = format!(" --> {}:{line}:{column}", short(&origin.source.name));
            return format!("error: {}\n{place}\n{}", short(&self.message), lines.collect::<String>());
        };
        // Cleaning keeps lengths, so spans stay true.
        let text = clean(&origin.source.text[window.clone()]);
        let within = |at: usize| at.clamp(window.start, window.end) - window.start;
        let span = within(origin.span.start)..within(origin.span.end);
        let message = short(&self.message);
        let label = short(&self.label);
        let path = clean(&origin.source.name);
        let mut annotation = AnnotationKind::Primary.span(span);
        if !label.is_empty() {
            annotation = annotation.label(label.as_str());
        }
        let first = origin.line_column().0;
        let snippet = Snippet::source(text.as_str()).line_start(first).path(path.as_str()).annotation(annotation);
        let help: Vec<String> = self.help.iter().map(|line| short(line)).collect();
        let mut group = Level::ERROR.primary_title(message.as_str()).element(snippet);
        for line in &help {
            group = group.element(Level::HELP.message(line.as_str()));
        }
        format!("{}\n", renderer.render(&[group]))
    }
}

/// More of a text than anybody reads in one message.
const LONGEST: usize = 600;

/// Clean, and cut where it is longer than a message should be.
fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => clean(text),
        Some((end, _)) => format!("{}…", clean(&text[..end])),
    }
}

/// Replaces control characters by `?`s of the same length in bytes, so that hostile file names
/// and policies cannot send escape sequences to the terminal. Newlines and tabs stay.
pub fn clean(text: &str) -> String {
    let hostile = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    text.chars()
        .flat_map(|c| {
            let n = if hostile(c) { c.len_utf8() } else { 1 };
            std::iter::repeat_n(if hostile(c) { '?' } else { c }, n)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { name: "web.toml".into(), text: text.into() })
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let origin = Origin::new(&source("a = 1\nbb = \"é\" # x\n"), 12..14);
        assert_eq!(origin.line_column(), (2, 7));
        assert_eq!(origin.to_string(), "web.toml:2");
    }

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        let fault = Fault::at(&Origin::new(&source("a = '\u{1b}[31m'"), 0..1), "bad \u{1b}[0m name");
        assert!(!fault.render(false).contains('\u{1b}'));
    }
}
