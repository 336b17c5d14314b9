//! Secrets that the target finds in files of its own.

use crate::draft::Asked;
use crate::draft::attributes::{Credential, Secret};
use crate::fault::{Fault, Origin};

use super::form::{self, Form, Item};
use super::{Demands, Directive};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// LoadCredential=: each name once.
    pub load: Vec<(Credential, Origin)>,
    /// SetCredential=: each name once.
    pub set: Vec<(Credential, Origin)>,
}

/// As much as systemd takes in all.
const MOST: usize = 1 << 20;

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "LoadCredential",
        form: Form::Texts("NAME[:PATH]"),
        summary: "give the target a secret from a file",
        manual: "The file is read by the caller before anything is confined, and the target finds a copy of that NAME in \
                 $CREDENTIALS_DIRECTORY: a file system in memory that only it sees, which it cannot change, with files \
                 that only its user can read (0400). Nothing of it is left when the target and its children are gone. \
                 The target does not need the right to read the original.\n\n\
                 Without a path, or with one that is only a name, it is looked for in the caller's own \
                 $CREDENTIALS_DIRECTORY and then in /etc/credstore, /run/credstore, /usr/local/lib/credstore and \
                 /usr/lib/credstore; one that is found nowhere is left out. A missing file of an absolute path makes \
                 the start fail, unless *SetCredential* has something of that name. Lists add up, a name that is there \
                 already keeps its first file, and an empty list resets. A file has a mebibyte at most.\n\n\
                 A target that sees another file system than the host, by whatever directive, does not see what the \
                 service manager has for other services in /run/credentials, unless the policy names a path there.",
        example: "LoadCredential = [\"key:/etc/ssl/private/web.key\"]",
        unlike: Some("Neither directories nor sockets can be loaded."),
        exposure: &[],
        read: |policy, value| {
            let Some(words) = form::paths(value)? else {
                policy.credentials.load.clear();
                return Ok(());
            };
            for word in words {
                let (name, path) = word.text.split_once(':').unwrap_or((&word.text, ""));
                let name = named(name, &word)?;
                let source = if path.is_empty() {
                    Secret::Stored(name.clone())
                } else if path.contains('/') || path.starts_with('%') {
                    form::check_path(path, &word)?;
                    Secret::File(path.into())
                } else {
                    Secret::Stored(named(path, &word)?)
                };
                if policy.credentials.load.iter().all(|(known, _)| known.name != name) {
                    policy.credentials.load.push((Credential { name, source }, word.at));
                }
            }
            Ok(())
        },
        demand: |policy, demands| ask(demands, &policy.credentials.load),
    },
    Directive {
        name: "SetCredential",
        form: Form::List("NAME:TEXT"),
        summary: "give the target a text as if it were a secret",
        manual: "The text becomes a file in $CREDENTIALS_DIRECTORY, as with *LoadCredential*, where nothing else of that \
                 name was found. C's escapes stand for other characters in it: `\\n`, `\\t`, `\\\\`, `\\\"`, `\\x41`, `\\101`. \
                 What is written here is as secret as the policy, so it is for defaults. An empty value resets.",
        example: "SetCredential = [\"mode:demo\"]",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let lines = form::lines(value)?;
            if lines.is_empty() {
                policy.credentials.set.clear();
            }
            for line in lines {
                let Some((name, text)) = line.text.split_once(':') else {
                    return Err(line.fault("this is not NAME:TEXT").help("e.g. SetCredential = [\"mode:demo\"]"));
                };
                let name = named(name, &line)?;
                let bytes = unescape(text, &line)?;
                if bytes.len() > MOST {
                    return Err(line.fault("a credential has a mebibyte at most"));
                }
                policy.credentials.set.retain(|(known, _)| known.name != name);
                policy.credentials.set.push((Credential { name, source: Secret::Text(bytes) }, line.at));
            }
            Ok(())
        },
        demand: |policy, demands| ask(demands, &policy.credentials.set),
    },
];

fn ask(demands: &mut Demands<'_>, all: &[(Credential, Origin)]) {
    for (what, at) in all {
        let by = demands.at(at);
        demands.draft.credentials.push(Asked { what: what.clone(), by });
    }
}

/// systemd's credential_name_valid: a file's name, and one for a descriptor.
fn named(name: &str, item: &Item) -> Result<String, Fault> {
    let good = |c: char| c.is_ascii_graphic() || c == ' ';
    if name.is_empty()
        || name == "."
        || name == ".."
        || name.len() > 255
        || name.contains(['/', ':', '%'])
        || !name.chars().all(good)
    {
        return Err(item
            .fault(format!("`{name}` is not a name for a credential"))
            .help("names are those of files, of printable ASCII characters without a colon"));
    }
    Ok(name.to_owned())
}

/// C's escapes, as systemd's cunescape reads them; NUL cannot be written.
fn unescape(text: &str, item: &Item) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let behind = &rest[at + 1..];
        let digits = |from: usize, count: usize, radix: u32| {
            let digits = behind.get(from..from + count).filter(|digits| digits.chars().all(|c| c.is_digit(radix)))?;
            Some((u32::from_str_radix(digits, radix).ok()?, from + count))
        };
        let simple = [
            ('a', 7),
            ('b', 8),
            ('f', 12),
            ('n', 10),
            ('r', 13),
            ('t', 9),
            ('v', 11),
            ('\\', 92),
            ('"', 34),
            ('\'', 39),
            ('s', 32),
        ];
        let first = behind.chars().next();
        let found = match first {
            Some('x') => digits(1, 2, 16),
            Some('u') => digits(1, 4, 16),
            Some('U') => digits(1, 8, 16),
            Some('0'..='7') => digits(0, 3, 8).filter(|(code, _)| *code < 256),
            Some(other) => simple.iter().find(|(c, _)| *c == other).map(|(_, code)| (*code, 1)),
            None => None,
        };
        let (code, length) = found.filter(|(code, _)| *code != 0).ok_or_else(|| {
            item.fault("a backslash here has to begin one of C's escapes").help("write `\\\\` for a backslash")
        })?;
        match (first, u8::try_from(code)) {
            (Some('u' | 'U'), _) | (_, Err(_)) => {
                let c = char::from_u32(code).ok_or_else(|| item.fault("there is no such character"))?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            (_, Ok(byte)) => bytes.push(byte),
        }
        rest = &behind[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Kind;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    #[test]
    fn files_and_names_are_told_apart() {
        let load =
            |word: &str| read("LoadCredential", text(word)).map(|mut policy| policy.credentials.load.remove(0).0);
        let is = |name: &str, source| Ok(Credential { name: name.into(), source });
        assert_eq!(load("key:/etc/key"), is("key", Secret::File("/etc/key".into())));
        assert_eq!(load("key:%h/key"), is("key", Secret::File("%h/key".into())));
        assert_eq!(load("key"), is("key", Secret::Stored("key".into())));
        assert_eq!(load("key:other"), is("key", Secret::Stored("other".into())));
        for bad in ["", "a/b:/c", "..:/c", "a:b/c", "a:/b/../c", ":x", "\u{e9}"] {
            let policy = read("LoadCredential", text(bad));
            assert!(bad.is_empty() == policy.is_ok(), "{bad}");
        }
        let twice = [("LoadCredential", text("a:/1")), ("LoadCredential", text("a:/2"))];
        let twice = read_all(&twice).expect("good").credentials.load;
        assert_eq!(twice.len(), 1);
        assert_eq!(twice[0].0.source, Secret::File("/1".into()));
    }

    #[test]
    fn texts_have_escapes() {
        let set =
            |word: &str| read("SetCredential", text(word)).map(|mut policy| policy.credentials.set.remove(0).0.source);
        assert_eq!(set(r"a:b c\n\x41\101\u00e9:"), Ok(Secret::Text("b c\nAA\u{e9}:".into())));
        assert_eq!(set("a:"), Ok(Secret::Text(Vec::new())));
        for bad in ["a", r"a:\", r"a:\q", r"a:\x4", r"a:\000", r"a:\x00", r"a:\ud800", r"a:\777"] {
            assert!(set(bad).is_err(), "{bad}");
        }
        assert!(!format!("{:?}", set("a:secret")).contains("secret"));
    }
}
