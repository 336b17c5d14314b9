//! Lines of words that a leading `~` inverts.

use crate::fault::{Fault, Origin};
use crate::text::{Kind, Value};

use crate::policy::form::{self, Item};

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Line {
    /// `~` in front.
    pub(in crate::policy) inverted: bool,
    /// The words behind it; may be none.
    pub(in crate::policy) words: Vec<Item>,
    /// Where the line was written.
    pub(in crate::policy) at: Origin,
}

/// The lines of a list; none means reset.
pub(in crate::policy) fn lines(value: &Value) -> Result<Vec<Line>, Fault> {
    form::lines(value)?.iter().map(line).collect()
}

/// One line. A `~` that is not its first letter is refused: systemd would take it for part of a name.
fn line(item: &Item) -> Result<Line, Fault> {
    let text = item.text.trim();
    let (inverted, rest) = text.strip_prefix('~').map_or((false, text), |rest| (true, rest));
    let mut words = form::words(&Item { text: rest.into(), at: item.at.clone() })?;
    narrow(&mut words);
    if let Some(word) = words.iter().find(|word| word.text.starts_with('~')) {
        let source = &item.at.source;
        let help = match source.text.split_once('=').filter(|_| source.name == "-p") {
            Some((name, _)) => format!("give it an option of its own: -p '{name}={}'", word.text),
            None => "write it as an element of its own: [\"a b\", \"~c\"]".into(),
        };
        let message = format!("`{}` stands inside a line, and `~` inverts whole lines", word.text);
        return Err(word.fault(message).help(help));
    }
    Ok(Line { inverted, words, at: item.at.clone() })
}

/// Makes each word's place its own instead of the whole line's, where it stands there as it is read.
fn narrow(words: &mut [Item]) {
    let mut from = 0;
    for word in words {
        let Some(line) = word.at.source.text.get(word.at.span.clone()) else { return };
        let Some(rest) = line.get(from..) else { return };
        // Mostly the word is the next thing that is not a blank, the quote or the `~` in front of it.
        let next = rest.len() - rest.trim_start_matches([' ', '"', '\'', '~']).len();
        let next = rest[next..].starts_with(&word.text).then_some(next);
        let Some(at) = next.or_else(|| rest.find(&word.text)) else { return };
        let start = word.at.span.start + from + at;
        from += at + word.text.len();
        word.at.span = start..start + word.text.len();
    }
}

/// A boolean that is a whole line of a list.
pub(in crate::policy) fn switch(line: &Line) -> Option<bool> {
    match line.words.as_slice() {
        [word] if !line.inverted => form::switch(&Value { kind: Kind::Text(word.text.clone()), at: word.at.clone() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;
    use std::sync::Arc;

    #[test]
    fn words_know_their_places() {
        let text = r#"X = ["~ab b 'b c' \\"e\\"  c"]"#;
        let source = Arc::new(Source { name: "test.toml".into(), text: text.into() });
        let read = |line: &str| {
            let item = Item { text: line.into(), at: Origin::new(&source, 5..text.len() - 1) };
            super::line(&item).map(|line| (line.inverted, line.words))
        };
        let (inverted, words) = read("~ab b 'b c' c").expect("a line");
        assert!(inverted);
        let places: Vec<&str> = words.iter().map(|word| &text[word.at.span.clone()]).collect();
        assert_eq!(places, ["ab", "b", "b c", "c"]);
        let (_, words) = read("nowhere b").expect("a line");
        assert_eq!(words[0].at.span, 5..text.len() - 1);
        assert!(read("a ~b").is_err());
        let typed = Arc::new(Source { name: "-p".into(), text: "SystemCallFilter=a ~b".into() });
        let fault = super::line(&Item { text: "a ~b".into(), at: Origin::new(&typed, 17..21) }).expect_err("two lines");
        assert_eq!(fault.help, ["give it an option of its own: -p 'SystemCallFilter=~b'"]);
        assert_eq!(read("~").map(|(inverted, words)| (inverted, words.len())), Ok((true, 0)));
    }
}
