//! Questions about calls, as people write them: `socket(AF_NETLINK, SOCK_RAW, 0)`, `openat`, `ioctl(0, TIOCSTI)`.

use crate::draft::arch::Arch;
use crate::draft::calls::{self, Call};
use crate::draft::compare;

use super::verdict::Question;

impl Question {
    /// Reads a question. Arguments that are left out, `_`, `...` and texts in quotes can be anything.
    ///
    /// # Errors
    /// What is wrong with it: lower case, one line.
    pub fn parse(text: &str, arch: Arch) -> Result<Self, String> {
        let text = text.trim();
        let (name, list) = match text.split_once('(') {
            None => (text, ""),
            Some((name, rest)) => match rest.trim_end().strip_suffix(')') {
                Some(list) => (name.trim(), list),
                None => return Err(format!("`{text}` has no `)` at its end")),
            },
        };
        let number = match name.parse() {
            Ok(number) => number,
            Err(_) => number(name, arch)?,
        };
        let mut args = [None; 6];
        if !list.trim().is_empty() {
            let words = split(list);
            if words.len() > args.len() {
                return Err(format!("`{text}` has {} arguments; system calls have six at most", words.len()));
            }
            for (word, arg) in words.iter().zip(&mut args) {
                *arg = value(word.trim())?;
            }
        }
        Ok(Self { arch, number, args })
    }
}

/// The number of a call by its name.
fn number(name: &str, arch: Arch) -> Result<u32, String> {
    let call = Call::parse(name);
    if let Some(number) = call.number(arch, arch) {
        return Ok(number);
    }
    if call.is_known() {
        return Err(format!("{arch} has no system call `{name}`"));
    }
    Err(match calls::nearest(name) {
        Some(near) => format!("`{name}` is not a system call; did you mean `{near}`?"),
        None => format!("`{name}` is not a system call"),
    })
}

/// One argument; nothing for any.
fn value(word: &str) -> Result<Option<u64>, String> {
    match word {
        "" | "_" | "*" | "?" | "..." => Ok(None),
        "NULL" => Ok(Some(0)),
        text if text.starts_with(['"', '\'', '{', '[']) => Ok(None),
        word => compare::number(word).map(Some),
    }
}

/// Splits at commas outside quotes and brackets.
fn split(list: &str) -> Vec<&str> {
    let (mut words, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_usize, None);
    let mut escaped = false;
    for (at, c) in list.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            (c, Some(open)) => quote = (c != open).then_some(open),
            ('"' | '\'', None) => quote = Some(c),
            ('{' | '[', None) => depth += 1,
            ('}' | ']', None) => depth = depth.saturating_sub(1),
            (',', None) if depth == 0 => {
                words.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&list[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Question, String> {
        Question::parse(text, Arch::X86_64)
    }

    #[test]
    fn calls_are_read_as_strace_writes_them() {
        let question = parse("socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, 0)").expect("a question");
        assert_eq!((question.number, question.args[..4].to_vec()), (41, vec![Some(16), Some(0x80003), Some(0), None]));
        let question = parse(r#"openat(AT_FDCWD, "/a,\"b)", O_RDONLY)"#).expect("a question");
        assert_eq!(question.args[..3], [Some((-100_i64).cast_unsigned()), None, Some(0)]);
        assert_eq!(parse("openat").expect("a question").args, [None; 6]);
        assert_eq!(parse("execve(NULL, [\"a\", \"b\"], _)").expect("a question").args[..3], [Some(0), None, None]);
        assert_eq!(parse("9999").expect("a question").number, 9999);
        assert_eq!(Question::parse("openat", Arch::X86).expect("a question").number, 295);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, word) in [
            ("opneat", "`openat`"),
            ("socket(AF_NETLNIK)", "AF_NETLINK"),
            ("socket(1", "no `)`"),
            ("socket(1,2,3,4,5,6,7)", "six"),
            ("socketcall", "x86-64 has no"),
        ] {
            let message = parse(text).expect_err(text);
            assert!(message.contains(word), "{message}");
        }
    }
}
