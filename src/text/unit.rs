//! systemd's unit files as lists of assignments, each with its place (systemd.syntax(7)), and what a unit's name says
//! (systemd.unit(5), "specifiers").

use std::ops::Range;
use std::sync::Arc;

use crate::fault::{Fault, Origin, Source};

/// The longest line that systemd reads (LONG_LINE_MAX): 1 MiB.
const LONGEST: usize = 1 << 20;

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The section, without its brackets.
    pub section: String,
    /// The word in front of the `=`.
    pub name: String,
    /// Where the word stands.
    pub at: Origin,
    /// What it is set to: continued lines are joined by blanks, and the blanks around it are gone. Empty is a reset.
    pub value: String,
    /// Where the value stands, continued lines and the comments between them included.
    pub value_at: Origin,
}

/// Names that systemd had for directives before and still reads (systemd.exec(5)), and today's.
const ALIASES: [(&str, &str); 3] = [
    ("ReadWriteDirectories", "ReadWritePaths"),
    ("ReadOnlyDirectories", "ReadOnlyPaths"),
    ("InaccessibleDirectories", "InaccessiblePaths"),
];

/// Today's name of a word that had another one before.
pub fn today(name: &str) -> &str {
    ALIASES.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| *new)
}

/// A unit: its file and its drop-ins, in the order in which they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its whole name, `web@1.service`.
    pub name: String,
    /// Its own file.
    pub path: String,
    /// All assignments.
    pub assignments: Vec<Assignment>,
}

impl Unit {
    /// The assignments of a word in a section, those before its last reset left out.
    pub fn all<'a>(&'a self, section: &'a str, name: &'a str) -> Vec<&'a Assignment> {
        let mut found = Vec::new();
        for one in self.assignments.iter().filter(|one| one.section == section && one.name == name) {
            if one.value.is_empty() {
                found.clear();
            } else {
                found.push(one);
            }
        }
        found
    }
}

/// Reads a unit file. What systemd passes over with a warning comes back beside the assignments.
///
/// # Errors
/// A NUL byte, a line of more than 1 MiB, a broken section header: with these systemd does not take the file.
pub fn parse(source: &Arc<Source>) -> Result<(Vec<Assignment>, Vec<Fault>), Vec<Fault>> {
    let text = source.text.as_str();
    if let Some(at) = text.find('\0') {
        let fault = Fault::at(&Origin::new(source, at..at + 1), "a unit cannot hold a NUL byte");
        return Err(vec![fault.help("the file is damaged: restore it")]);
    }
    let mut reader = Reader { source, section: None, found: Vec::new(), odd: Vec::new(), faults: Vec::new() };
    // A byte order mark is passed over, as systemd does.
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    // A line that ends with a backslash, so far: what was read, and where it began.
    let mut open: Option<(String, usize)> = None;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |next| at + next);
        let line = &text[at..end];
        if line.len() > LONGEST {
            let fault = Fault::at(&Origin::new(source, at..at), "this line is longer than 1 MiB");
            reader.faults.push(fault.help("systemd does not read such a unit: split it by backslashes"));
            break;
        }
        let comment = line.trim_start().starts_with(['#', ';']);
        if !comment {
            let trimmed = line.trim_end_matches('\r');
            let (mut joined, start) = open.take().unwrap_or((String::new(), at));
            if let Some(head) = trimmed.strip_suffix('\\').filter(|_| continues(trimmed)) {
                joined.push_str(head);
                joined.push(' ');
                open = Some((joined, start));
            } else {
                joined.push_str(trimmed);
                reader.line(&joined, start..at + trimmed.len());
            }
        }
        at = end + 1;
    }
    if let Some((joined, start)) = open {
        reader.line(&joined, start..text.len());
    }
    if reader.faults.is_empty() { Ok((reader.found, reader.odd)) } else { Err(reader.faults) }
}

/// Whether the backslash at the end is one that no other one escapes.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    section: Option<String>,
    found: Vec<Assignment>,
    odd: Vec<Fault>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn line(&mut self, joined: &str, span: Range<usize>) {
        let line = joined.trim();
        if line.is_empty() {
            return;
        }
        let place = Origin::new(self.source, span.clone());
        if line.starts_with('[') {
            match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(name) if !name.is_empty() && !name.contains(['[', ']']) => self.section = Some(name.into()),
                _ => self
                    .faults
                    .push(Fault::at(&place, "this section's header is not closed").help("write it as: [Service]")),
            }
            return;
        }
        let Some(section) = &self.section else {
            self.odd.push(Fault::at(&place, "this line stands in no section, and systemd passes over it"));
            return;
        };
        let Some((name, value)) = line.split_once('=') else {
            self.odd.push(Fault::at(&place, "this line has no `=`, and systemd passes over it"));
            return;
        };
        let raw = self.source.text.get(span.clone()).unwrap_or_default();
        let name_start = span.start + raw.len() - raw.trim_start().len();
        let equals = raw.find('=').map_or(span.start, |at| span.start + at + 1);
        let behind = self.source.text.get(equals..span.end).unwrap_or_default();
        let value_start = equals + behind.len() - behind.trim_start().len();
        let name = name.trim();
        self.found.push(Assignment {
            section: section.clone(),
            name: name.into(),
            at: Origin::new(self.source, name_start..name_start + name.len()),
            value: value.trim().into(),
            value_at: Origin::new(self.source, value_start.min(span.end)..span.end),
        });
    }
}

/// One command of an `ExecStart=` (systemd.service(5), "command lines").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Those of `-@:+!|` that stand in front of it.
    pub prefixes: String,
    /// The program, without quotes; its specifiers are as they were written.
    pub program: String,
    /// The words behind it as they were written, quotes and escapes included.
    pub arguments: Vec<String>,
}

impl Command {
    /// Whether it has a prefix.
    pub fn has(&self, prefix: char) -> bool {
        self.prefixes.contains(prefix)
    }

    /// Whether it keeps root's rights (`!`). `!!` only means that where the kernel has no ambient capabilities.
    pub fn keeps_root(&self) -> bool {
        self.prefixes.matches('!').count() == 1
    }
}

/// A service's commands beside its main ones (systemd.service(5)).
pub const OTHERS: [&str; 7] =
    ["ExecCondition", "ExecStartPre", "ExecStartPost", "ExecReload", "ExecReloadPost", "ExecStop", "ExecStopPost"];

/// The commands of one assignment, which `;` parts.
///
/// # Errors
/// An open quotation, a wrong escape, or no program.
pub fn commands(text: &str) -> Result<Vec<Command>, String> {
    let mut found = Vec::new();
    for tokens in tokens(text).split(|token| token == ";").filter(|tokens| !tokens.is_empty()) {
        let Some((first, arguments)) = tokens.split_first() else { continue };
        let first = words(first)?.concat();
        let program = first.trim_start_matches(['-', '@', ':', '+', '!', '|']);
        if program.is_empty() {
            return Err("there is no program in it".into());
        }
        words(&arguments.join(" "))?;
        let prefixes = first[..first.len() - program.len()].into();
        found.push(Command { prefixes, program: program.into(), arguments: arguments.to_vec() });
    }
    if found.is_empty() { Err("there is no program in it".into()) } else { Ok(found) }
}

/// The words of a command line as they were written.
fn tokens(text: &str) -> Vec<String> {
    let (mut found, mut token, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '"' | '\'') {
            quote = Some(c);
        } else if quote.is_none() && c.is_ascii_whitespace() {
            if !token.is_empty() {
                found.push(std::mem::take(&mut token));
            }
            continue;
        }
        token.push(c);
    }
    if !token.is_empty() {
        found.push(token);
    }
    found
}

/// The words of a command line, with systemd's quotes and C escapes (systemd.service(5), "command lines").
///
/// # Errors
/// An open quotation, a backslash at the end, or escapes that make no UTF-8.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        if chars.peek().is_none() {
            return Ok(found);
        }
        // Octal and hexadecimal escapes are bytes, of which several can be one character.
        let mut word = Vec::new();
        let mut quote = None;
        while let Some(c) = chars.next() {
            match (c, quote) {
                ('\\', _) => escape(&mut chars, &mut word)?,
                (c, Some(open)) if c == open => quote = None,
                ('"' | '\'', None) => quote = Some(c),
                (c, None) if c.is_ascii_whitespace() => break,
                (c, _) => put(&mut word, c),
            }
        }
        if let Some(open) = quote {
            return Err(format!("a quotation that {open} opens is not closed"));
        }
        found.push(String::from_utf8(word).map_err(|_| "its escapes make no UTF-8")?);
    }
}

/// The parts of a word between colons, of which each has C escapes, or a backslash before a colon that does not part.
///
/// # Errors
/// An escape that is none, or escapes that make no UTF-8.
pub fn pieces(word: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut part = Vec::new();
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            (':', _) => found.push(std::mem::take(&mut part)),
            ('\\', Some(':')) => part.extend(chars.next().map(|_| b':')),
            ('\\', Some(letter)) if !r#"abfnrtvsxuU\"'01234567"#.contains(*letter) => {
                return Err(format!("`\\{letter}` stands for no character"));
            }
            ('\\', _) => escape(&mut chars, &mut part)?,
            _ => put(&mut part, c),
        }
    }
    found.push(part);
    found.into_iter().map(|part| String::from_utf8(part).map_err(|_| "its escapes make no UTF-8".into())).collect()
}

fn put(word: &mut Vec<u8>, c: char) {
    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, word: &mut Vec<u8>) -> Result<(), String> {
    let letter = chars.next().ok_or("it ends with a backslash")?;
    let (digits, radix) = match letter {
        'x' => (2, 16),
        'u' => (4, 16),
        'U' => (8, 16),
        '0'..='7' => (3, 8),
        _ => (0, 0),
    };
    if radix != 0 {
        let mut code = if radix == 8 { letter.to_string() } else { String::new() };
        while code.len() < digits {
            match chars.next_if(|c| c.is_digit(radix)) {
                Some(digit) => code.push(digit),
                None => return Err(format!("`\\{letter}` is not followed by {digits} digits")),
            }
        }
        let value = u32::from_str_radix(&code, radix).ok().filter(|code| *code != 0);
        let none = || format!("`\\{letter}` stands for no character");
        if matches!(letter, 'u' | 'U') {
            put(word, value.and_then(char::from_u32).ok_or_else(none)?);
        } else {
            word.push(value.and_then(|code| u8::try_from(code).ok()).ok_or_else(none)?);
        }
        return Ok(());
    }
    match letter {
        'a' => word.push(0x7),
        'b' => word.push(0x8),
        'f' => word.push(0xc),
        'n' => word.push(b'\n'),
        'r' => word.push(b'\r'),
        't' => word.push(b'\t'),
        'v' => word.push(0xb),
        's' => word.push(b' '),
        '\\' | '"' | '\'' => put(word, letter),
        // A word of its own, so that it does not part commands.
        ';' if word.is_empty() && chars.peek().is_none_or(char::is_ascii_whitespace) => word.push(b';'),
        // Other escapes stay as they are, for the program.
        other => {
            word.push(b'\\');
            put(word, other);
        }
    }
    Ok(())
}

/// The prefix of a unit's name, and the instance behind its `@`.
pub fn parts(name: &str) -> (&str, Option<&str>) {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.split_once('@').map_or((stem, None), |(prefix, instance)| (prefix, Some(instance)))
}

/// What a specifier that is about the unit stands for; nothing for those that are not.
pub fn specifier(letter: char, name: &str, path: &str) -> Option<String> {
    let (prefix, instance) = parts(name);
    let last = |text: &str| text.rsplit('-').next().unwrap_or_default().to_owned();
    Some(match letter {
        'n' => name.into(),
        'N' => name.rsplit_once('.').map_or(name, |(stem, _)| stem).into(),
        'p' => prefix.into(),
        'P' => unescape(prefix),
        'i' => instance.unwrap_or_default().into(),
        'I' => unescape(instance.unwrap_or_default()),
        'j' => last(prefix),
        'J' => unescape(&last(prefix)),
        'f' => format!("/{}", unescape(instance.unwrap_or(prefix)).trim_start_matches('/')),
        'y' => path.into(),
        'Y' => path.rsplit_once('/').map_or("", |(directory, _)| directory).into(),
        _ => return None,
    })
}

/// Undoes systemd-escape(1): `-` is a slash, `\x2d` a byte.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let code = behind.strip_prefix(b"x").and_then(|hex| hex.get(..2)).filter(|_| *byte == b'\\');
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let Some(code) = code {
            bytes.push(code);
            rest = behind.get(3..).unwrap_or_default();
        } else {
            bytes.push(if *byte == b'-' { b'/' } else { *byte });
            rest = behind;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<Assignment>, Vec<Fault>), Vec<Fault>> {
        parse(&Arc::new(Source { name: "web.service".into(), text: text.into() }))
    }

    #[test]
    fn lines_go_on_over_comments() {
        let text = "\u{feff}[Unit]\nDescription=a\n[Service]\n ExecStart = /bin/a \\\n# no\n  b \\\n;no\n c\r\nUser=\n";
        let (found, odd) = read(text).expect("a unit");
        assert!(odd.is_empty());
        assert_eq!(found.len(), 3);
        assert_eq!((found[1].section.as_str(), found[1].name.as_str()), ("Service", "ExecStart"));
        assert_eq!(found[1].value.split_whitespace().collect::<Vec<_>>(), ["/bin/a", "b", "c"]);
        assert_eq!(&text[found[1].at.span.clone()], "ExecStart");
        assert_eq!(found[1].at.line_column(), (4, 2));
        assert!(text[found[1].value_at.span.clone()].starts_with("/bin/a"));
        assert_eq!(found[2].value, "");
    }

    #[test]
    fn what_systemd_passes_over_is_told_and_what_it_refuses_is_a_fault() {
        let (found, odd) = read("A=b\n[Service]\nnothing\nUser=x\n").expect("a unit");
        assert_eq!((found.len(), odd.len()), (1, 2));
        for bad in ["[Service\nUser=x\n", "[Service]\nUser=\0\n", "[]\n"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        assert!(read(&format!("[Service]\nA={}", "x".repeat(LONGEST))).is_err());
    }

    #[test]
    fn resets_take_back_what_stood_before() {
        let (assignments, _) = read("[Service]\nExecStart=/a\nExecStart=\nExecStart=/b\n").expect("a unit");
        let unit = Unit { name: "x.service".into(), path: "/x.service".into(), assignments };
        let all: Vec<&str> = unit.all("Service", "ExecStart").iter().map(|one| one.value.as_str()).collect();
        assert_eq!(all, ["/b"]);
    }

    #[test]
    fn command_lines_have_quotes_and_escapes() {
        let bytes = words(r#""\303\274" \xc3\xbc \u00fc \U000000fc"#);
        assert_eq!(bytes, Ok(vec![String::from("ü"); 4]));
        assert!(words(r"\xff").is_err() && words(r"\777").is_err() && words(r"\x00").is_err());
        let want = ["a b", "c'd", "-x", "\\d", "e"].map(String::from).to_vec();
        assert_eq!(words(r#""a b" c\'d \x2dx \d 'e'"#), Ok(want));
        for bad in ["'a", "a\\", "\\x2", "\\x00"] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn commands_are_parted_outside_of_quotes() {
        let all = commands(r#"-@/bin/a n "x ; y" \; ; "+/bin/b c" $X '; ' ;"#).expect("good");
        let said: Vec<(&str, &str, String)> =
            all.iter().map(|one| (&*one.prefixes, &*one.program, one.arguments.join("|"))).collect();
        let want = [("-@", "/bin/a", r#"n|"x ; y"|\;"#.into()), ("+", "/bin/b c", "$X|'; '".to_owned())];
        assert_eq!(said, want);
        assert_eq!(words(r"a \; b\;").expect("good"), ["a", ";", r"b\;"]);
        for bad in ["", "-", "; ;", "/bin/a 'b", "@ x"] {
            assert!(commands(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_say_what_specifiers_stand_for() {
        let say = |letter| specifier(letter, r"web-front@a-b\x2dc.service", "/etc/x/web-front@.service");
        let want = [
            ('n', r"web-front@a-b\x2dc.service"),
            ('N', r"web-front@a-b\x2dc"),
            ('p', "web-front"),
            ('P', "web/front"),
            ('i', r"a-b\x2dc"),
            ('I', "a/b-c"),
            ('j', "front"),
            ('f', "/a/b-c"),
            ('Y', "/etc/x"),
        ];
        for (letter, text) in want {
            assert_eq!(say(letter).as_deref(), Some(text), "{letter}");
        }
        assert_eq!(say('h'), None);
    }
}
