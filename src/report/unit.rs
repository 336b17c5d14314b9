//! A policy as a drop-in for a systemd service: its directives in systemd's spelling, and what systemd has no word for
//! as comments (systemd.exec(5), systemd.syntax(7)).

use crate::fault::Fault;
use crate::policy::form::Form;
use crate::policy::{environment, find, service};
use crate::text::{Document, Entry, Kind, Value};

use super::show::hostile;

/// Directives without a table that are ours alone.
const OURS: [&str; 4] = ["Exec", "Extends", "Prefer", "SeccompProfile"];

/// The drop-in, and what to know about it, one line each. Lists are repeated assignments, as the document has them.
///
/// # Errors
/// Values that cannot stand in a unit, or that systemd reads otherwise.
pub fn unit(document: &Document) -> Result<(String, Vec<String>), Vec<Fault>> {
    let (mut text, mut ours, mut unlike) = (String::from("[Service]\n"), Vec::<&str>::new(), Vec::new());
    let mut faults = Vec::new();
    let directory = document.entries.iter().rev().find(|entry| entry.name == "WorkingDirectory");
    let start = directory.and_then(|entry| match &entry.value.kind {
        Kind::Text(path) if path.starts_with('/') => Some(path.trim()),
        _ => None,
    });
    for (at, written) in document.entries.iter().enumerate() {
        let keyed = environment::keyed(written);
        let entry = keyed.as_ref().unwrap_or(written);
        let name = entry.name.as_str();
        let Some(row) = find(name).filter(|_| !name.contains('.') && !OURS.contains(&name)) else {
            // What a policy extends is in the document already.
            if name != "Extends" && !ours.contains(&written.name.as_str()) {
                ours.push(&written.name);
            }
            continue;
        };
        let adds = matches!(row.form, Form::Words(..) | Form::Paths | Form::List(_));
        if !adds && document.entries[at + 1..].iter().any(|later| later.name == name) {
            continue;
        }
        if row.unlike.is_some() && !unlike.contains(&row.name) {
            unlike.push(row.name);
        }
        match values(name, &row.form, &entry.value, start) {
            Ok(values) => text.extend(values.iter().map(|value| format!("{name}={value}\n"))),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut notes = Vec::new();
    for name in &ours {
        let name: String = name.chars().map(|c| if hostile(c) { '?' } else { c }).collect();
        text.push_str(&format!("# {name}: a word of stockade's that has no counterpart in systemd\n"));
    }
    if !ours.is_empty() {
        notes.push(format!("systemd has no word for, so not in it: {}", ours.join(", ")));
    }
    if !unlike.is_empty() {
        notes.push(format!("systemd means something else by (see man stockade.toml): {}", unlike.join(", ")));
    }
    Ok((text, notes))
}

/// The right sides of one entry's assignments.
fn values(name: &str, form: &Form, value: &Value, start: Option<&str>) -> Result<Vec<String>, Fault> {
    if let (Kind::Table(variables), "Environment") = (&value.kind, name) {
        let variable = |entry: &Entry| {
            let text = one(name, form, &entry.value, true, start)?;
            Ok(quoted(&format!("{}={text}", entry.name)))
        };
        return variables.iter().map(variable).collect();
    }
    let Kind::List(elements) = &value.kind else { return one(name, form, value, false, start).map(|text| vec![text]) };
    if elements.is_empty() {
        return Ok(vec![String::new()]);
    }
    elements.iter().map(|element| one(name, form, element, true, start)).collect()
}

fn one(name: &str, form: &Form, value: &Value, element: bool, start: Option<&str>) -> Result<String, Fault> {
    let text = match &value.kind {
        Kind::Boolean(on) => return Ok(if *on { "yes" } else { "no" }.into()),
        // Only here systemd reads octal.
        Kind::Integer(mode) if name == "UMask" => return Ok(format!("{mode:04o}")),
        Kind::Integer(number) => return Ok(number.to_string()),
        Kind::Text(text) => text.trim(),
        _ => return Err(value.fault(format!("`{name}` cannot be written in a unit as {}", value.kind_name()))),
    };
    let blanks = |c: char| c.is_ascii_whitespace();
    let paths = matches!(form, Form::Paths);
    let is_start = |path: &str| path.trim_start_matches(['-', '+']) == ".";
    let replaced = match start {
        Some(start) if is_start(text) && name.ends_with("Paths") => Some(text.replace('.', start)),
        _ => None,
    };
    let text = replaced.as_deref().unwrap_or(text);
    if name.ends_with("Paths") && text.split(blanks).any(is_start) {
        return Err(value
            .fault("`.` is the directory that stockade is started in, and a unit has none")
            .help("name the one that it stands for: -p WorkingDirectory=/srv/web"));
    }
    // Blanks are all that parts these words, and a line break would end the assignment.
    let text = match form {
        Form::Words(..) => text.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
        // An element is one whole path.
        _ if paths && element && text.contains(|c| blanks(c) || "\"'\\".contains(c)) => quoted(text),
        _ => text.to_owned(),
    };
    // What a policy takes as it stands, systemd would expand.
    let text = if find(name).is_some_and(service::literal) { text.replace('%', "%%") } else { text };
    if text.contains(hostile) || text.ends_with('\\') {
        return Err(value.fault(format!("this value of `{name}` cannot stand on one line of a unit")));
    }
    Ok(text)
}

/// One word, whatever is in it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;
    use crate::policy::Policy;
    use crate::text::{flags, toml};
    use std::sync::Arc;

    fn read(text: &str) -> Document {
        toml::parse(&Arc::new(Source { name: "web.toml".into(), text: text.into() })).expect("TOML")
    }

    const POLICY: &str = "
ProtectHome = true
PrivateTmp = 'no'
UMask = 0o077
ReadOnlyPaths = ['/srv/a b', '-/opt']
InaccessiblePaths = '/mnt /media'
SystemCallFilter = ['@system-service', '~@privileged']
CapabilityBoundingSet = []
LimitNOFILE = 64
Environment = { A = 'b \"c' }
";

    #[test]
    fn what_is_written_reads_back_as_the_same_policy() {
        let document = read(&format!("{POLICY}[Seccomp]\nExecOnce = true\n"));
        let (text, notes) = unit(&document).expect("a unit");
        assert!(text.contains("ReadOnlyPaths=\"/srv/a b\"\nReadOnlyPaths=-/opt\n"), "{text}");
        assert!(text.contains("UMask=0077\n") && text.contains("CapabilityBoundingSet=\n"), "{text}");
        assert!(text.contains("# Seccomp.ExecOnce: ") && notes[0].contains("Seccomp.ExecOnce"), "{text}");
        let mut back = Document::default();
        for line in text.lines().skip(1).filter(|line| !line.starts_with('#')) {
            back.extend(flags::parse(line).expect("a property"));
        }
        // Where things were written is another matter, and part of a policy.
        let bare = |document: &Document| {
            let policy = Policy::read(document).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
            let policy = Policy { written: Vec::new(), ..policy };
            let said = format!("{policy:?}");
            let parts: Vec<&str> = said.split("Origin { ").collect();
            parts
                .iter()
                .map(|part| {
                    part.split_once("span: ")
                        .map_or(*part, |(_, rest)| rest.split_once('}').map_or(rest, |(_, rest)| rest))
                        .to_owned()
                })
                .collect::<String>()
        };
        assert_ne!(bare(&back), bare(&read("ProtectHome = true\n")));
        assert_eq!(bare(&back), bare(&read(POLICY)));
    }

    #[test]
    fn no_value_adds_a_line() {
        for text in [
            "WorkingDirectory = \"/a\\nExecStartPre=/b\"",
            "ReadWritePaths = ['.']",
            "BindReadOnlyPaths = ['.']",
            "User = 'a\\'",
        ] {
            assert!(unit(&read(text)).is_err(), "{text}");
        }
    }
}
