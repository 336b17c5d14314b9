//! Names that are no directive: what was meant, and where it belongs.

use crate::fault::{Fault, nearest};
use crate::text::{Entry, unit};

use super::{all, foreign};

/// Sections of systemd's units, which a policy has not.
const SECTIONS: &[&str] = &["Unit", "Service", "Install", "Socket", "Exec"];

/// The fault of an entry whose name no row has.
pub(super) fn unknown(entry: &Entry) -> Fault {
    let name = entry.name.as_str();
    let today = unit::today(name);
    if today != name {
        return Fault::at(&entry.at, format!("`{name}` is systemd's old name for `{today}`"))
            .help(format!("write {today}"));
    }
    if let Some(advice) = foreign::advice(name) {
        let fault = Fault::at(&entry.at, format!("`{name}` is a word of systemd's that stockade cannot carry out"));
        return fault.help(advice);
    }
    let fault = Fault::at(&entry.at, format!("`{name}` is not a directive that stockade knows"));
    let (table, word) = name.split_once('.').map_or((None, name), |(table, word)| (Some(table), word));
    match table {
        Some(table) if SECTIONS.contains(&table) => fault
            .help(format!("directives stand at the top of a policy, without `[{table}]`"))
            .help("to make a policy of a unit: stockade import unit ./FILE -o NAME.toml"),
        Some(table) if meant(word).is_some_and(|row| !row.contains('.')) => {
            let row = meant(word).unwrap_or_default();
            fault.help(format!("`{row}` belongs above `[{table}]`: what stands below a `[TABLE]` is part of it"))
        }
        Some(table) if meant(name).is_none() && !tables().iter().any(|known| known.eq_ignore_ascii_case(table)) => {
            fault.help(format!("the tables are {}; everything else stands above them", tables().join(", ")))
        }
        _ => match meant(name).or_else(|| inside(name)) {
            Some(row) if table.is_none() && row.contains('.') => {
                let (table, word) = row.split_once('.').unwrap_or_default();
                fault.help(format!("did you mean `{row}`?")).help(format!("`{word}` belongs below `[{table}]`"))
            }
            Some(row) => fault.help(format!("did you mean `{row}`?")),
            None => match alike(name).as_slice() {
                [] => fault.help("`man stockade.toml` lists the directives"),
                [one] => fault.help(format!("did you mean `{one}`?")),
                some => fault.help(format!("did you mean one of: {}?", some.join(", "))),
            },
        },
    }
}

/// The directive that is written like that but for case, `_` and `-`, or nearly so.
fn meant(name: &str) -> Option<&'static str> {
    let joined = name.replace(['_', '-'], "");
    let names = || all().map(|row| row.name);
    names().find(|row| row.eq_ignore_ascii_case(&joined)).or_else(|| nearest(name, names()))
}

/// What other tools call some of them; each must be the name of a row.
const ELSEWHERE: &[(&str, &str)] = &[
    ("timeout", "RuntimeMaxSec"),
    ("capabilities", "CapabilityBoundingSet"),
    ("caps", "CapabilityBoundingSet"),
    ("env", "Environment"),
    ("cwd", "WorkingDirectory"),
    ("chroot", "RootDirectory"),
    ("overlay", "ExtensionDirectories"),
    ("tmpfs", "TemporaryFileSystem"),
];

/// Directives that have the word in their name, or begin like it.
fn alike(name: &str) -> Vec<&'static str> {
    let word = name.replace(['_', '-', '.'], "").to_ascii_lowercase();
    let known = |here: &&str| ELSEWHERE.iter().any(|(theirs, ours)| ours == here && word.contains(theirs));
    let begins = word.get(..(word.len() * 2 / 3).max(6)).unwrap_or(&word);
    let like = |here: &&str| {
        let here = here.to_ascii_lowercase();
        word.len() >= 4 && (here.contains(&word) || word.len() > 6 && here.starts_with(begins))
    };
    let names = || all().map(|row| row.name);
    let mut found: Vec<&str> = names().filter(known).collect();
    found.extend(names().filter(like).filter(|name| !found.contains(name)).collect::<Vec<_>>());
    found.truncate(4);
    found
}

/// The word of a table that was written without it: `Read` for `Landlock.Read`.
fn inside(word: &str) -> Option<&'static str> {
    let joined = word.replace(['_', '-'], "");
    all().map(|row| row.name).find(|row| row.split_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(&joined)))
}

/// The tables that directives are in.
fn tables() -> Vec<&'static str> {
    let mut tables: Vec<&str> = all().filter_map(|row| Some(row.name.split_once('.')?.0)).collect();
    tables.dedup();
    tables.sort_unstable();
    tables.dedup();
    tables
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    #[test]
    fn a_word_in_the_wrong_place_is_told_its_own() {
        for (text, help) in [
            ("[Landlock]\nPrivateNetwork = true", "`PrivateNetwork` belongs above `[Landlock]`"),
            ("ConnectTCP = [443]", "did you mean `Landlock.ConnectTCP`?; `ConnectTCP` belongs below `[Landlock]`"),
            ("[Service]\nPrivateNetwork = true", "without `[Service]`"),
            ("[landlock]\nread = ['/usr']", "did you mean `Landlock.Read`?"),
            ("restrict_address_families = ['AF_UNIX']", "did you mean `RestrictAddressFamilies`?"),
            ("memory-deny-write-execute = true", "did you mean `MemoryDenyWriteExecute`?"),
            ("[Filesystem]\nro = ['/']", "the tables are "),
            ("Zzzzzz = 1", "`man stockade.toml`"),
            ("NoNewPrivs = true", "`NoNewPrivileges`"),
            ("Hostname = 'box'", "ProtectHostname"),
            ("Network = false", "PrivateNetwork"),
            ("Timeout = 1", "RuntimeMaxSec"),
            ("DropCapabilities = ['CAP_KILL']", "CapabilityBoundingSet"),
        ] {
            let source = std::sync::Arc::new(crate::fault::Source { name: "x".into(), text: text.into() });
            let document = crate::text::toml::parse(&source).expect("TOML");
            let faults = Policy::read(&document).expect_err(text);
            let said = faults[0].help.join("; ");
            assert!(said.contains(help), "{text}: {said}");
        }
        for (theirs, ours) in super::ELSEWHERE {
            assert!(super::alike(theirs).contains(ours), "{theirs}: {ours}");
        }
    }
}
