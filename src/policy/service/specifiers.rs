//! Whose business the specifiers of a value are: a policy's, when it is used, or the import's.

use crate::policy::Directive;
use crate::policy::form::{Form, quote};
use crate::text::unit::{self, Assignment, Unit};
use crate::text::{Entry, Kind, Value};

/// Whether systemd replaces specifiers in a directive, and a policy does not.
pub fn literal(row: &Directive) -> bool {
    matches!(expands(row), Expands::Here)
}

/// Who replaces the specifiers of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expands {
    /// The policy does, when it is used; those that are about the unit are replaced here.
    Policy,
    /// All are replaced here, as for a system service.
    Here,
    /// They mean nothing.
    Never,
    /// They mean nothing to systemd, and something in a policy.
    Ours,
}

fn expands(row: &Directive) -> Expands {
    let name = row.name;
    if matches!(row.form, Form::Paths) || name.ends_with("Directory") || name.ends_with("NamespacePath") {
        return Expands::Policy;
    }
    match name {
        "Environment"
        | "ExecSearchPath"
        | "BindPaths"
        | "BindReadOnlyPaths"
        | "TemporaryFileSystem"
        | "ProtectHostname"
        | "ExtensionDirectories"
        | "LoadCredential" => Expands::Policy,
        "User"
        | "Group"
        | "SupplementaryGroups"
        | "SELinuxContext"
        | "AppArmorProfile"
        | "UnsetEnvironment"
        | "PassEnvironment" => Expands::Here,
        "OpenFile" => Expands::Ours,
        _ => Expands::Never,
    }
}

/// One assignment as an entry: split where systemd splits, then the specifiers of the unit replaced.
pub(super) fn written(unit: &Unit, row: &Directive, one: &Assignment) -> Result<Entry, String> {
    let at = one.value_at.clone();
    let who = expands(row);
    let kind = match quote::quoting(row).filter(|_| !one.value.is_empty()) {
        Some(quoting) => {
            let mut elements = Vec::new();
            for text in quoting.split(&one.value)? {
                // The options of a file system have none: size=10%.
                let (text, rest) = match text.split_once(':') {
                    Some((path, _)) if row.name == "TemporaryFileSystem" => text.split_at(path.len()),
                    _ => (text.as_str(), ""),
                };
                let mut text = replaced(text, unit, who, |word| quoting.itself(word))?;
                text.push_str(rest);
                elements.push(Value { kind: Kind::Text(text), at: at.clone() });
            }
            Kind::List(elements)
        }
        None => Kind::Text(replaced(&one.value, unit, who, str::to_owned)?),
    };
    Ok(Entry { name: row.name.into(), at: one.at.clone(), value: Value { kind, at } })
}

/// Replaces specifiers. What the unit's stand for parts nothing: `itself` writes it so.
pub(super) fn replaced(
    text: &str,
    unit: &Unit,
    who: Expands,
    itself: impl Fn(&str) -> String,
) -> Result<String, String> {
    match who {
        Expands::Never => return Ok(text.into()),
        Expands::Ours => return Ok(text.replace('%', "%%")),
        Expands::Policy | Expands::Here => {}
    }
    let here = who == Expands::Here;
    let percent = if here { "%" } else { "%%" };
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        // A `%` that nothing follows, or nothing that is a specifier, stands for itself (src/shared/specifier.c).
        let Some(letter) = chars.next() else {
            out.push_str(percent);
            break;
        };
        if "iIf".contains(letter) && unit::parts(&unit.name).1 == Some("") {
            let (prefix, _) = unit::parts(&unit.name);
            return Err(format!(
                "`%{letter}` is an instance, and this is a template: name one, as {prefix}@NAME.service"
            ));
        }
        if let Some(word) = unit::specifier(letter, &unit.name, &unit.path) {
            // What it stands for is not read a second time.
            out.push_str(&itself(&word).replace('%', percent));
            continue;
        }
        if letter == '%' {
            out.push_str(percent);
        } else if !SPECIFIERS.contains(letter) {
            out.push_str(percent);
            out.push(letter);
        } else if here {
            out.push_str(place(letter).ok_or_else(|| {
                format!("`%{letter}` is known only when the service starts: write what it stands for")
            })?);
        } else {
            out.extend(['%', letter]);
        }
    }
    Ok(out)
}

/// Those of systemd's specifiers that are not about a unit's name (systemd.unit(5)).
const SPECIFIERS: &str = "aAbBcCdDEgGhHlLmMoqrRsStTuUvVwW";

/// What a specifier stands for in every system service.
fn place(letter: char) -> Option<&'static str> {
    Some(match letter {
        't' => "/run",
        'S' => "/var/lib",
        'C' => "/var/cache",
        'D' => "/usr/share",
        'L' => "/var/log",
        'E' => "/etc",
        'T' => "/tmp",
        'V' => "/var/tmp",
        'h' => "/root",
        'u' | 'g' => "root",
        'U' | 'G' => "0",
        's' => "/bin/sh",
        _ => return None,
    })
}

/// One word of a command line: what every system service has is replaced, and what only the running machine tells is left
/// to the policy, in which `%%` is a `%` then. Whether anything was left comes back, too.
pub(super) fn argument(word: &str, unit: &Unit) -> Result<(String, bool), String> {
    if let Ok(text) = replaced(word, unit, Expands::Here, str::to_owned) {
        return Ok((text.replace('%', "%%"), false));
    }
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let length = 1 + rest[at + 1..].chars().next().map_or(0, char::len_utf8);
        let one = &rest[at..at + length];
        match replaced(one, unit, Expands::Here, str::to_owned) {
            Ok(text) => out.push_str(&text.replace('%', "%%")),
            Err(why) if "cdrRiIf".contains(&one[1..]) => return Err(why),
            Err(_) => out.push_str(one),
        }
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Ok((out, true))
}
