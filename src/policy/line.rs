//! Lines of words that a leading `~` inverts.

use crate::fault::{Fault, Origin};
use crate::text::{Kind, Value};

use super::form::{self, Item};

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `~` in front.
    pub(super) inverted: bool,
    /// The words behind it; may be none.
    pub(super) words: Vec<Item>,
    /// Where the line was written.
    pub(super) at: Origin,
}

/// The lines of a list; none means reset.
pub(super) fn lines(value: &Value) -> Result<Vec<Line>, Fault> {
    form::lines(value)?.iter().map(line).collect()
}

/// One line. A `~` that is not its first letter is refused: systemd would take it for part of a name.
fn line(item: &Item) -> Result<Line, Fault> {
    let text = item.text.trim();
    let (inverted, rest) = text.strip_prefix('~').map_or((false, text), |rest| (true, rest));
    let words = form::words(&Item { text: rest.into(), at: item.at.clone() })?;
    if let Some(word) = words.iter().find(|word| word.text.starts_with('~')) {
        return Err(word
            .fault(format!("`{}` stands inside a line, and `~` inverts whole lines", word.text))
            .help("write it as an element of its own: [\"a b\", \"~c\"]"));
    }
    Ok(Line { inverted, words, at: item.at.clone() })
}

/// A boolean that is a whole line of a list.
pub(super) fn switch(line: &Line) -> Option<bool> {
    match line.words.as_slice() {
        [word] if !line.inverted => form::switch(&Value { kind: Kind::Text(word.text.clone()), at: word.at.clone() }),
        _ => None,
    }
}
