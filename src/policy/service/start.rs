//! A unit's ExecStart= as Exec.

use crate::text::unit::{self, Unit};
use crate::text::{Entry, Kind, Value};

use super::specifiers::{self, Expands};
use super::{Service, leave, refuse};

/// ExecStart= as Exec, and what its prefixes mean.
pub(super) fn start(unit: &Unit, made: &mut Service) {
    let all = unit.all("Service", "ExecStart");
    for (number, one) in all.iter().enumerate() {
        if number > 0 {
            leave(
                one,
                "a policy executes one command, the first: use a shell script, or keep it in the unit",
                false,
                made,
            );
            continue;
        }
        // Several commands can stand on one line, parted by `;`.
        let argv = unit::commands(&one.value).and_then(|commands| {
            for more in commands.iter().skip(1) {
                let more = format!("{}{} {}", more.prefixes, more.program, more.arguments.join(" "));
                made.notes.push(format!("A policy executes one command, the first; left out: {more}"));
            }
            commands.first().map_or(Ok((Vec::new(), false)), |first| exec(unit, first, &mut made.notes))
        });
        match argv {
            Ok((argv, specifiers)) => {
                let element = |text: String| Value { kind: Kind::Text(text), at: one.value_at.clone() };
                let value =
                    Value { kind: Kind::List(argv.into_iter().map(element).collect()), at: one.value_at.clone() };
                made.document.entries.push(Entry { name: "Exec".into(), at: one.at.clone(), value });
                if specifiers {
                    let value = Value { kind: Kind::Boolean(true), at: one.value_at.clone() };
                    made.document.entries.push(Entry { name: "ExecSpecifiers".into(), at: one.at.clone(), value });
                }
            }
            Err(why) => refuse(one, &why, made),
        }
    }
}

/// The argument vector, and whether specifiers are left in it.
pub(super) fn exec(
    unit: &Unit,
    command: &unit::Command,
    notes: &mut Vec<String>,
) -> Result<(Vec<String>, bool), String> {
    let has = |prefix: char| command.has(prefix);
    let mut written = vec![command.program.clone()];
    written.extend(unit::words(&command.arguments.join(" "))?);
    let (mut argv, mut left) = (Vec::with_capacity(written.len()), false);
    for word in &written {
        let (word, more) = specifiers::argument(word, unit)?;
        argv.push(word);
        left |= more;
    }
    if !left {
        let plain = |word: &String| specifiers::replaced(word, unit, Expands::Here, str::to_owned);
        argv = written.iter().map(plain).collect::<Result<_, _>>()?;
    }
    let mut note = |text: &str| notes.push(format!("ExecStart= begins with {text}"));
    if has('-') {
        note("`-`: under systemd its failure counts as success; here its exit status is passed on.");
    }
    if has('@') {
        if argv.len() < 2 {
            return Err("`@` is not followed by a name for the program".into());
        }
        let name = argv.remove(1);
        note(&format!("`@`: under systemd the program is called {name:?}; here its argv[0] is its path."));
    }
    if has('+') {
        note(
            "`+`: under systemd this command runs with full privileges and outside of the sandbox; here it is confined.",
        );
    }
    if has('!') {
        note("`!`: under systemd User=, Group= and the capabilities do not hold for it; here they do.");
    }
    if has('|') {
        note("`|`: under systemd the user's login shell runs it; here it is executed itself.");
    }
    if has(':') || !argv[1..].iter().any(|word| word.contains('$')) {
        return Ok((argv, left));
    }
    notes.push(
        "Its variables are replaced by a shell, as systemd replaces them: $NAME is split at blanks, ${NAME} is not."
            .into(),
    );
    // What a specifier stands for is no word of the shell's.
    let mut apart = Vec::new();
    let words: Vec<String> =
        argv.iter().enumerate().map(|(at, word)| shell(word, at > 0, left.then_some(&mut apart))).collect();
    let mut argv = vec!["/bin/sh".into(), "-c".into(), format!("set -f; exec {}", words.join(" "))];
    if !apart.is_empty() {
        argv.push("sh".into());
        argv.append(&mut apart);
    }
    Ok((argv, left))
}

/// One word for a shell: `$NAME` alone is split, `${NAME}` is not, `$$` is a dollar, and all else stands for itself. What has
/// specifiers is put `apart`, as an argument of the shell's.
fn shell(word: &str, variables: bool, mut apart: Option<&mut Vec<String>>) -> String {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut literal = |text: &str| match &mut apart {
        _ if text.is_empty() => String::new(),
        Some(apart) if text.contains('%') => {
            apart.push(text.into());
            format!("\"${{{}}}\"", apart.len())
        }
        _ => format!("'{}'", text.replace('\'', r"'\''")),
    };
    if !variables {
        return literal(word);
    }
    if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
        return format!("${name}");
    }
    let (mut out, mut plain, mut rest) = (String::new(), String::new(), word);
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let name = behind.strip_prefix('{').and_then(|behind| behind.split_once('}')).filter(|(name, _)| is_name(name));
        if let Some((name, after)) = name {
            out.push_str(&literal(&plain));
            plain.clear();
            out.extend(["\"${", name, "}\""]);
            rest = after;
        } else {
            plain.push('$');
            rest = behind.strip_prefix('$').unwrap_or(behind);
        }
    }
    plain.push_str(rest);
    out.push_str(&literal(&plain));
    if out.is_empty() { "''".into() } else { out }
}
