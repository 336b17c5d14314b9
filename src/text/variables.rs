//! Variables in the words of a command line, as systemd replaces them in ExecStart= (src/basic/env-util.c), byte by byte.

/// A word with its variables replaced by what `value` knows. `$NAME` alone becomes as many words as its value has, with
/// quotes and backslashes in it respected; `${NAME}` is replaced within its word, and `$$` is a dollar. What is not set is
/// empty.
pub fn replaced(word: &[u8], value: &impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    match alone(word) {
        Some(name) => value(name).map(|text| split(&text)).unwrap_or_default(),
        None => vec![within(word, value)],
    }
}

/// Whether there is a variable in a word.
pub fn any(word: &[u8]) -> bool {
    let asked = std::cell::Cell::new(alone(word).is_some());
    within(word, &|_| {
        asked.set(true);
        None
    });
    asked.get()
}

/// The name where a whole word is one variable that is split. Whatever stands there is one.
fn alone(word: &[u8]) -> Option<&[u8]> {
    word.strip_prefix(b"$").filter(|name| !matches!(name.first(), Some(b'{' | b'$')))
}

fn within(word: &[u8], value: &impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(word.len()), word);
    while let Some((byte, behind)) = rest.split_first() {
        let end = behind.iter().position(|byte| *byte == b'}');
        rest = match (byte, behind.first(), end) {
            (b'$', Some(b'$'), _) => {
                out.push(b'$');
                &behind[1..]
            }
            (b'$', Some(b'{'), Some(end)) => {
                out.extend(value(&behind[1..end]).unwrap_or_default());
                &behind[end + 1..]
            }
            _ => {
                out.push(*byte);
                behind
            }
        };
    }
    out
}

/// The words of a value: parted by blanks outside of quotes; a backslash takes what follows as it is, in quotes, too. What
/// the end leaves open is closed there.
fn split(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<Vec<u8>>, None);
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word.get_or_insert_default().extend(bytes.next()),
            _ if quote == Some(byte) => quote = None,
            b'"' | b'\'' if quote.is_none() => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            b' ' | b'\t' | b'\n' | b'\r' if quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What systemd 252 made of the same words.
    #[test]
    fn words_become_what_systemd_makes_of_them() {
        let known = [
            ("A", "1 2"),
            ("Q", "\"a b\" c"),
            ("E", ""),
            ("W", "  x\ty  "),
            ("U", "\"unterminated x"),
            ("B", r"back\ slash \n end\"),
            ("S", r"'si\'ngle' d"),
            ("D", r#""do\"uble" f"#),
            ("J", "a\"b c\"d"),
            ("N", "x\"\"y \"\""),
        ];
        let value = |name: &[u8]| {
            let found = known.iter().find(|(known, _)| known.as_bytes() == name);
            found.map(|(_, value)| value.as_bytes().to_vec())
        };
        for (word, want) in [
            ("$1", &[][..]),
            ("$", &[]),
            ("$$", &["$"]),
            ("$$A", &["$A"]),
            ("$-x", &[]),
            ("${1}", &[""]),
            ("${A-B}", &[""]),
            ("${A", &["${A"]),
            ("x$A", &["x$A"]),
            ("x${A}y${E}z", &["x1 2yz"]),
            ("$E", &[]),
            ("${E}", &[""]),
            ("$W", &["x", "y"]),
            ("$U", &["unterminated x"]),
            ("$B", &["back slash", "n", "end"]),
            ("$S", &["si'ngle", "d"]),
            ("$D", &["do\"uble", "f"]),
            ("$J", &["ab cd"]),
            ("$N", &["xy", ""]),
            ("$A$A", &[]),
            ("$A", &["1", "2"]),
            ("$A b", &[]),
            ("${A}${Q}", &["1 2\"a b\" c"]),
            ("a$", &["a$"]),
            ("$${A}", &["${A}"]),
            ("$$$A", &["$$A"]),
            ("$$${A}", &["$1 2"]),
            ("$A-b", &[]),
            ("${}", &[""]),
            ("$UNSET", &[]),
            ("", &[""]),
        ] {
            let made = replaced(word.as_bytes(), &value);
            let made: Vec<_> = made.iter().map(|made| std::str::from_utf8(made).expect("text")).collect();
            assert_eq!(made, want, "{word}");
        }
    }

    #[test]
    fn what_is_only_a_dollar_is_no_variable() {
        for word in ["$A", "$1", "x${A}", "$$${A}"] {
            assert!(any(word.as_bytes()), "{word}");
        }
        for word in ["", "a", "$$", "$$A", "x$A", "a$", "echo $(date)", "${A", "$${A}"] {
            assert!(!any(word.as_bytes()), "{word}");
        }
    }
}
