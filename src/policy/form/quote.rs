//! How units write the elements of lists, which is not how policies do (systemd's src/core/load-fragment.c).

use crate::text::unit;

use crate::policy::Directive;

/// How systemd takes the right side of an assignment apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// Not at all: it is one element, blanks and quotes included.
    Line,
    /// At blanks, with quotes, and a backslash before what is to be taken as it is.
    Words,
    /// The same with C's escapes.
    Escaped,
    /// At blanks and colons: each part can have quotes, or all of them together. The elements keep `\:` and `\\`, as policies
    /// write them.
    Parts,
    /// At blanks, with quotes and no escapes; the words then at colons, with C's escapes. The elements are words as policies
    /// write them.
    Names,
}

/// How the elements of a directive are parted; nothing where units and policies write the same.
pub fn quoting(row: &Directive) -> Option<Quoting> {
    Some(match row.name {
        "Environment" | "UnsetEnvironment" => Quoting::Escaped,
        "BindPaths" | "BindReadOnlyPaths" => Quoting::Parts,
        "RuntimeDirectory" | "StateDirectory" | "CacheDirectory" | "LogsDirectory" | "ConfigurationDirectory" => {
            Quoting::Names
        }
        "EnvironmentFile" | "OpenFile" | "LoadCredential" | "ExecSearchPath" => Quoting::Line,
        _ if row.form.whole() => Quoting::Words,
        _ => return None,
    })
}

impl Quoting {
    /// The elements of a unit's value.
    ///
    /// # Errors
    /// An open quotation or a wrong escape.
    pub fn split(self, text: &str) -> Result<Vec<String>, String> {
        match self {
            Self::Line => Ok(vec![text.into()]),
            Self::Escaped => unit::words(text),
            Self::Words | Self::Parts => self.plain(text),
            Self::Names => {
                let word = |word: String| {
                    let parts = unit::pieces(&word)?;
                    Ok(parts.iter().map(|part| name(part)).collect::<Vec<_>>().join(":"))
                };
                quoted(text)?.into_iter().map(word).collect()
            }
        }
    }

    /// A text that stands for itself, inside of an element.
    pub fn itself(self, text: &str) -> String {
        match self {
            Self::Names => name(text),
            Self::Parts => text.replace('\\', r"\\").replace(':', r"\:"),
            Self::Line | Self::Words | Self::Escaped => text.into(),
        }
    }

    fn plain(self, text: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let mut word: Option<String> = None;
        // What one quotation makes of the whole word: colons part in it (systemd 262); in a quotation of a part they do not.
        let mut whole = None;
        let mut quote = None;
        let mut chars = text.chars();
        while let Some(mut c) = chars.next() {
            let escaped = c == '\\';
            if escaped {
                c = chars.next().ok_or("the value ends with a backslash")?;
            } else if quote == Some(c) {
                quote = None;
                continue;
            } else if quote.is_none() && matches!(c, '"' | '\'') {
                quote = Some(c);
                whole = word.is_none().then(String::new);
                word.get_or_insert_default();
                continue;
            } else if quote.is_none() && c.is_ascii_whitespace() {
                let taken = word.take();
                found.extend(whole.take().or(taken));
                continue;
            }
            match &mut whole {
                Some(whole) if quote.is_some() => {
                    if self == Self::Parts && (escaped && c == ':' || c == '\\') {
                        whole.push('\\');
                    }
                    whole.push(c);
                }
                _ => whole = None,
            }
            let word = word.get_or_insert_default();
            if self == Self::Parts && (escaped || quote.is_some()) && matches!(c, ':' | '\\') {
                word.push('\\');
            }
            word.push(c);
        }
        if let Some(open) = quote {
            return Err(format!("a quotation that {open} opens is not closed"));
        }
        found.extend(whole.or(word));
        Ok(found)
    }

    /// An element as a unit writes it, of [`Quoting::Names`] a part of one; nothing where it cannot.
    pub fn join(self, element: &str, hostile: fn(char) -> bool) -> Option<String> {
        if self != Self::Escaped && element.contains(hostile) {
            return None;
        }
        let odd = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\') || hostile(c);
        let bare = !element.is_empty() && !element.contains(odd);
        let mut out = String::with_capacity(element.len() + 8);
        match self {
            _ if bare && self != Self::Names => out.push_str(element),
            // At the end a backslash would take the next line in, and blanks would be lost.
            Self::Line if element.ends_with('\\') || element.trim() != element || element.is_empty() => return None,
            Self::Line => out.push_str(element),
            Self::Parts => {
                for c in element.chars() {
                    if c.is_ascii_whitespace() || matches!(c, '"' | '\'') {
                        out.push('\\');
                    }
                    out.push(c);
                }
            }
            Self::Names => {
                for c in element.chars() {
                    match c {
                        '\\' | ':' => out.extend(['\\', c]),
                        // Outside of these there are no escapes.
                        '"' | '\'' => out.push_str(if c == '"' { r"\x22" } else { r"\x27" }),
                        ' ' => out.push_str(r"\x20"),
                        c => out.push(c),
                    }
                }
            }
            Self::Words | Self::Escaped => {
                out.push('"');
                for c in element.chars() {
                    match c {
                        '"' | '\\' => out.extend(['\\', c]),
                        '\n' => out.push_str("\\n"),
                        '\t' => out.push_str("\\t"),
                        c if hostile(c) => {
                            out.push_str("\\u");
                            let digits = |shift: u32| char::from_digit(c as u32 >> shift & 15, 16);
                            out.extend([12, 8, 4, 0].into_iter().filter_map(digits));
                        }
                        c => out.push(c),
                    }
                }
                out.push('"');
            }
        }
        Some(out)
    }
}

/// Words that quotes hold together; a backslash is a letter like others.
fn quoted(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_ascii_whitespace() => found.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("a quotation that {open} opens is not closed"));
    }
    found.extend(word);
    Ok(found)
}

/// A part between colons as a word of a policy's has it.
fn name(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for c in part.chars() {
        match c {
            '\\' => out.push_str(r"\\\\"),
            ':' | '"' | '\'' => out.extend(['\\', c]),
            c if c.is_ascii_whitespace() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// One word of a command line of a unit's: quoted where it must be, with nothing in it that systemd replaces, of which
/// variables are replaced only where `variables` says so.
pub fn argument(word: &str, variables: bool) -> String {
    let mut text = word.replace('%', "%%");
    if variables {
        text = text.replace('$', "$$");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%$~^#!?*[]{}()<>&|".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    let hostile =
        |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    Quoting::Escaped
        .join(&text, hostile)
        .map_or_else(String::new, |text| if text.starts_with('"') { text } else { format!("\"{text}\"") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(quoting: Quoting, text: &str) -> Vec<String> {
        quoting.split(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn values_are_parted_as_systemd_parts_them() {
        assert_eq!(split(Quoting::Line, "/a b:'c'"), ["/a b:'c'"]);
        assert_eq!(
            split(Quoting::Words, r#"/a '-/b c' "/d\"e" /f\ g /h\:i '' "#),
            ["/a", "-/b c", "/d\"e", "/f g", "/h:i", ""]
        );
        assert_eq!(split(Quoting::Escaped, r#"A=1 "B=2 \x41\n" 'C=\t'"#), ["A=1", "B=2 A\n", "C=\t"]);
        let parts = split(Quoting::Parts, r#"/a:/b "/c:d":/e\:f:norbind -/g\\h "/i j:k":"/l""#);
        assert_eq!(parts, ["/a:/b", r"/c\:d:/e\:f:norbind", r"-/g\\h", r"/i j\:k:/l"]);
        let whole = split(Quoting::Parts, r#""/a b:/c" '-/d\:e:/f:norbind' "/g"h:/i "" /j"#);
        assert_eq!(whole, ["/a b:/c", r"-/d\:e:/f:norbind", "/gh:/i", "", "/j"]);
        // As systemd 257 reads RuntimeDirectory=.
        let names =
            split(Quoting::Names, r#""q\x20b" e\x2df 'j k' c\:d:l "l:m" "n"o p::ro a\"b c" "a':b" 'd\:e':f h\\i"#);
        let want =
            [r"q\ b", "e-f", r"j\ k", r"c\:d:l", "l:m", "no", "p::ro", "a\u{8} c", r"a\':b", r"d\:e:f", r"h\\\\i"];
        assert_eq!(names, want.map(|word| word.replace("\u{8} c", "\u{8}\\ c")));
        for bad in ["'a", "a\\", r"a\qb", r"e\ f"] {
            assert!(Quoting::Names.split(bad).is_err(), "{bad}");
        }
        for bad in ["'a", "a\\", "\"a\\\""] {
            assert!(Quoting::Words.split(bad).is_err(), "{bad}");
        }
    }

    fn hostile(c: char) -> bool {
        c.is_control()
    }

    #[test]
    fn what_would_change_the_line_is_not_written() {
        for (quoting, element) in
            [(Quoting::Line, "a\\"), (Quoting::Line, " a"), (Quoting::Words, "a\nb"), (Quoting::Parts, "a\u{7}")]
        {
            assert_eq!(quoting.join(element, hostile), None, "{element:?}");
        }
        assert_eq!(Quoting::Escaped.join("A=\n\u{7}", hostile).as_deref(), Some(r#""A=\n\u0007""#));
    }

    #[test]
    fn arguments_are_themselves() {
        assert_eq!(argument("daemon off;", true), "\"daemon off;\"");
        assert_eq!(argument("100%$X", true), "100%%$$X");
        assert_eq!(argument("$X", false), "$X");
        assert_eq!(argument(";", true), "\";\"");
        assert_eq!(argument("", true), "\"\"");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(element in "[ -~é\t]{1,12}") {
            for quoting in [Quoting::Words, Quoting::Escaped] {
                if let Some(text) = quoting.join(&element, hostile) {
                    prop_assert_eq!(quoting.split(&text).expect("good"), vec![element.clone()]);
                }
            }
            let part = element.replace('\\', "\\\\").replace(':', "\\:");
            if let Some(text) = Quoting::Parts.join(&part, hostile) {
                prop_assert_eq!(Quoting::Parts.split(&text).expect("good"), vec![part]);
            }
            if let Some(text) = Quoting::Names.join(&element, hostile) {
                prop_assert_eq!(Quoting::Names.split(&text).expect("good"), vec![name(&element)]);
            }
            prop_assert_eq!(unit::words(&argument(&element, false)).expect("good"), vec![element.replace('%', "%%")]);
        }
    }
}
