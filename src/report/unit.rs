//! A policy as a drop-in for a systemd service: its directives in systemd's spelling, and what systemd has no word for
//! as comments (systemd.exec(5), systemd.syntax(7)).

use crate::draft::groups;
use crate::fault::Fault;
use crate::policy::form::quote::{self, Quoting};
use crate::policy::form::{self, Form, Item};
use crate::policy::{Directive, Policy, environment, find, paths, service};
use crate::text::{Document, Kind, Value};

use super::show::hostile;

/// Directives without a table that are ours alone.
const OURS: [&str; 7] = ["Exec", "ExecSpecifiers", "ExecVariables", "Extends", "Prefer", "SeccompProfile", "Pty"];

/// Words of ours that take nothing away from the target.
const HARMLESS: [&str; 7] =
    ["Exec", "ExecSpecifiers", "ExecVariables", "Extends", "Prefer", "Descriptors.Pass", "Seccomp.Flags"];

/// A drop-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropIn {
    /// The text.
    pub text: String,
    /// What to know about it, one line each.
    pub notes: Vec<String>,
    /// The words that confine and that are not in it.
    pub weaker: Vec<String>,
}

/// The drop-in of a policy, in which `.` is `directory`. Lists are repeated assignments, as the document has them.
///
/// # Errors
/// Values that cannot stand in a unit, or that systemd reads otherwise.
pub fn unit(document: &Document, directory: Option<&str>) -> Result<DropIn, Vec<Fault>> {
    let written = document.entries.iter().rev().find(|entry| entry.name == "WorkingDirectory");
    let start = written.and_then(|entry| match &entry.value.kind {
        Kind::Text(path) if path.starts_with('/') => Some(path.trim()),
        _ => None,
    });
    let directory = directory.or(start);
    let mut text = String::from("[Service]\n");
    let (mut ours, mut unlike, mut faults) = (Vec::<&str>::new(), Vec::new(), Vec::new());
    let mut filter = None;
    for (at, written) in document.entries.iter().enumerate() {
        let listed = environment::listed(written);
        let entry = listed.as_ref().unwrap_or(written);
        let name = entry.name.as_str();
        let Some(row) = find(name).filter(|_| !name.contains('.') && !OURS.contains(&name)) else {
            // What a policy extends is in the document already.
            if name != "Extends" && !ours.contains(&written.name.as_str()) {
                ours.push(&written.name);
            }
            continue;
        };
        if !row.form.adds() && document.entries[at + 1..].iter().any(|later| later.name == name) {
            continue;
        }
        if row.unlike.is_some() && !unlike.contains(&row.name) {
            unlike.push(row.name);
        }
        match values(row, &entry.value, directory) {
            // systemd passes over these with a warning.
            Ok(values) if service::keeps(name) && values.iter().all(String::is_empty) => {}
            Ok(values) if name == "PassEnvironment" => passed(&values, &mut text),
            Ok(values) if name == "SystemCallFilter" => filtered(&values, &mut filter, &mut text),
            Ok(values) => text.extend(values.iter().map(|value| format!("{name}={value}\n"))),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if filters(document) {
        text.push_str(
            "# A filter of stockade's lets calls of other architectures never pass.\nSystemCallArchitectures=native\n",
        );
    }
    let mut made = DropIn { text, ..DropIn::default() };
    for name in ours {
        let name: String = name.chars().map(|c| if hostile(c) { '?' } else { c }).collect();
        made.text.push_str(&format!(
            "# {name}: systemd has no such word. `stockade export unit --prefix` keeps it, with stockade in front of ExecStart=.\n"
        ));
        if !HARMLESS.contains(&name.as_str()) {
            made.weaker.push(name);
        }
    }
    if !unlike.is_empty() {
        made.notes.push(format!("systemd means something else by (see man stockade.toml): {}", unlike.join(", ")));
    }
    Ok(made)
}

/// In a list of allowed calls systemd passes over words with an answer of their own (`clone3:ENOSYS`), with a warning, and
/// takes them on a line of refused ones (config_parse_syscall_filter()). `allows` is what the list's first line says.
fn filtered(values: &[String], allows: &mut Option<bool>, text: &mut String) {
    for value in values {
        let first = allows.is_none();
        let allowing = match value.as_bytes() {
            [] => {
                *allows = None;
                false
            }
            [start, ..] => *allows.get_or_insert(*start != b'~') && *start != b'~',
        };
        let (answered, names): (Vec<&str>, Vec<&str>) =
            value.split_ascii_whitespace().partition(|word| allowing && word.contains(':'));
        if !names.is_empty() || answered.is_empty() {
            let names: Vec<_> = names.into_iter().map(spelled).collect();
            text.push_str(&format!("SystemCallFilter={}\n", names.join(" ")));
        } else if first {
            // A list that begins with refused calls allows all others. @default is allowed in any case.
            text.push_str("SystemCallFilter=@default\n");
        }
        if !answered.is_empty() {
            text.push_str(&format!("SystemCallFilter=~{}\n", answered.join(" ")));
        }
    }
}

/// The names that one of our own groups stands for; any other word as it is.
fn spelled(word: &str) -> String {
    let (start, name) = word.strip_prefix('~').map_or(("", word), |name| ("~", name));
    match groups::group(name).filter(|group| group.is_own()) {
        Some(_) => format!("{start}{}", groups::expand(name).collect::<Vec<_>>().join(" ")),
        None => word.to_owned(),
    }
}

/// systemd knows no names with an asterisk.
fn passed(values: &[String], text: &mut String) {
    for value in values {
        let (all, names): (Vec<&str>, Vec<&str>) = value.split_ascii_whitespace().partition(|name| name.ends_with('*'));
        if all.is_empty() || !names.is_empty() {
            text.push_str(&format!("PassEnvironment={}\n", names.join(" ")));
        }
        if !all.is_empty() {
            let all = all.join(" ");
            text.push_str(&format!(
                "# PassEnvironment={all}: systemd takes whole names only. Write those that are needed.\n"
            ));
        }
    }
}

/// Whether there is a filter, and nothing is said about architectures.
fn filters(document: &Document) -> bool {
    let written = document.entries.iter().any(|entry| entry.name == "SystemCallArchitectures");
    !written && Policy::read(document).is_ok_and(|policy| !policy.draft().layers.is_empty())
}

/// Whether a directive has paths of which `.` can be one.
fn has_paths(row: &Directive) -> bool {
    match quote::quoting(row) {
        Some(Quoting::Escaped | Quoting::Names) => false,
        Some(_) => true,
        None => matches!(row.name, "WorkingDirectory" | "RootDirectory"),
    }
}

/// The directories of a policy that are where stockade is started: each a value that has `.`.
pub fn here(document: &Document) -> Vec<&Value> {
    let mut found = Vec::new();
    for entry in document.entries.iter().filter(|entry| find(&entry.name).is_some_and(has_paths)) {
        let elements = match &entry.value.kind {
            Kind::List(elements) => elements.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        let is_here = |value: &&Value| match (&value.kind, paths::bound(value)) {
            (_, Some(text)) => absolute(&text, Some("/")).1,
            (Kind::Text(text), _) => text.split_ascii_whitespace().any(|word| absolute(word, Some("/")).1),
            _ => false,
        };
        found.extend(elements.iter().filter(is_here));
    }
    found
}

/// A path, or several between colons, with `.` replaced; and whether there was one.
fn absolute(text: &str, directory: Option<&str>) -> (String, bool) {
    let mut any = false;
    let part = |part: &str| {
        let bare = part.trim_start_matches(['-', '+']);
        if bare != "." {
            return part.to_owned();
        }
        any = true;
        let directory = directory.unwrap_or(".").replace('\\', "\\\\").replace(':', "\\:").replace('%', "%%");
        format!("{}{directory}", &part[..part.len() - 1])
    };
    let parts: Vec<String> = text.split(':').map(part).collect();
    (parts.join(":"), any)
}

/// The right sides of one entry's assignments.
fn values(row: &Directive, value: &Value, directory: Option<&str>) -> Result<Vec<String>, Fault> {
    let table;
    let elements = match &value.kind {
        Kind::List(elements) if elements.is_empty() => return Ok(vec![String::new()]),
        Kind::List(elements) => elements.as_slice(),
        Kind::Table(_) => {
            table = [value.clone()];
            &table[..]
        }
        Kind::Text(text) if text.trim().is_empty() => return Ok(vec![String::new()]),
        Kind::Text(text) if row.form.whole() => {
            let words = form::words(&Item { text: text.clone(), at: value.at.clone() })?;
            return words.iter().map(|word| one(row, &word.text, value, directory)).collect();
        }
        _ => return Ok(vec![one(row, &plain(row, value)?, value, directory)?]),
    };
    let element = |element: &Value| match paths::bound(element) {
        Some(text) => one(row, &text, element, directory),
        None => one(row, &plain(row, element)?, element, directory),
    };
    elements.iter().map(element).collect()
}

/// A single value as text.
fn plain(row: &Directive, value: &Value) -> Result<String, Fault> {
    Ok(match &value.kind {
        Kind::Boolean(on) => if *on { "yes" } else { "no" }.into(),
        // Modes are written in octal, and systemd reads them so.
        Kind::Integer(mode) if row.name == "UMask" || row.name.ends_with("Mode") => format!("{mode:04o}"),
        Kind::Integer(number) => number.to_string(),
        Kind::Text(text) if row.form.whole() => text.clone(),
        Kind::Text(text) => text.trim().into(),
        _ => return Err(value.fault(format!("`{}` cannot be written in a unit as {}", row.name, value.kind_name()))),
    })
}

/// One element as a unit writes it.
fn one(row: &Directive, text: &str, value: &Value, directory: Option<&str>) -> Result<String, Fault> {
    let refuse = || value.fault(format!("this value of `{}` cannot stand on one line of a unit", row.name));
    let (text, moved) = if has_paths(row) { absolute(text, directory) } else { (text.to_owned(), false) };
    if moved && directory.is_none() {
        return Err(value
            .fault("`.` is the directory that stockade is started in, and a unit has none")
            .help("--directory DIRECTORY says which it is in the unit")
            .help("or write the absolute path of a directory"));
    }
    // What a policy takes as it stands, systemd would expand.
    let text = if service::literal(row) { text.replace('%', "%%") } else { text };
    if quote::quoting(row) == Some(Quoting::Names) {
        let part = |part: &String| Quoting::Names.join(part, hostile).ok_or_else(refuse);
        let word = |word: &Item| {
            let parts = form::colons(word)?.iter().map(part).collect::<Result<Vec<_>, _>>()?;
            Ok(parts.join(":"))
        };
        let words = form::words(&Item { text, at: value.at.clone() })?;
        return Ok(words.iter().map(word).collect::<Result<Vec<_>, Fault>>()?.join(" "));
    }
    if let Some(quoting) = quote::quoting(row) {
        return quoting.join(&text, hostile).ok_or_else(refuse);
    }
    // Blanks are all that parts these words, and a line break would end the assignment.
    let text = match row.form {
        Form::Words(_) => text.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
        _ => text,
    };
    if text.contains(hostile) || text.ends_with('\\') { Err(refuse()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;
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
SystemCallArchitectures = 'native'
Environment = { A = 'b \"c' }
";

    #[test]
    fn what_is_written_reads_back_as_the_same_policy() {
        let document = read(&format!("{POLICY}[Seccomp]\nExecOnce = true\n"));
        let DropIn { text, weaker, .. } = unit(&document, None).expect("a unit");
        assert!(text.contains("ReadOnlyPaths=\"/srv/a b\"\nReadOnlyPaths=-/opt\n"), "{text}");
        assert!(text.contains("UMask=0077\n") && text.contains("CapabilityBoundingSet=\n"), "{text}");
        assert!(text.contains("# Seccomp.ExecOnce: ") && weaker == ["Seccomp.ExecOnce"], "{text}");
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
    fn answers_in_a_list_of_allowed_calls_stand_on_a_line_of_refused_ones() {
        let lines = |text: &str| {
            let text = unit(&read(text), None).expect("a unit").text;
            let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")).collect();
            lines.join(";")
        };
        let allowed = "SystemCallFilter = ['@system-service clone3:ENOSYS kexec_load:kill', 'bpf:EPERM', '~mount']";
        assert_eq!(lines(allowed), "@system-service;~clone3:ENOSYS kexec_load:kill;~bpf:EPERM;~mount");
        assert_eq!(lines("SystemCallFilter = ['clone3:ENOSYS', '@io-event']"), "@default;~clone3:ENOSYS;@io-event");
        assert_eq!(lines("SystemCallFilter = ['~mount:EPERM', 'umount2']"), "~mount:EPERM;umount2");
        assert_eq!(lines("SystemCallFilter = ['read', '', '~bpf:EPERM']"), "read;;~bpf:EPERM");
        // No group that systemd does not know.
        let own = lines("SystemCallFilter = ['@container-default clone3:ENOSYS']");
        assert!(own.starts_with("_llseek ") && own.ends_with(" writev;~clone3:ENOSYS") && !own.contains('@'), "{own}");
    }

    #[test]
    fn names_of_directories_are_written_as_systemd_reads_them() {
        let text = unit(&read(r#"RuntimeDirectory = 'web "a b":l c\:d::ro e\f'"#), None).expect("a unit").text;
        assert!(text.contains("RuntimeDirectory=web a\\x20b:l c\\:d::ro ef\n"), "{text}");
        let text = unit(&read(r"StateDirectory = 'h\\\\i'"), None).expect("a unit").text;
        assert!(text.contains("StateDirectory=h\\\\i\n"), "{text}");
    }

    #[test]
    fn no_value_adds_a_line() {
        for text in [
            "WorkingDirectory = \"/a\\nExecStartPre=/b\"",
            "ReadWritePaths = ['.']",
            "BindReadOnlyPaths = ['.']",
            "User = 'a\\'",
        ] {
            assert!(unit(&read(text), None).is_err(), "{text}");
        }
    }
}
