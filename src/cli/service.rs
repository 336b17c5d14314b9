//! Units of services: where their files are (systemd.unit(5)).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::fault::{Exit, Fault};

use super::door::Faults;

/// Where units are looked for, the first wins.
const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The texts of a unit: its file, then its drop-ins in their order. A name with a `/` is a file, whose drop-ins are
/// beside it; else it is looked for where systemd looks for services.
pub(super) fn texts(name: &str) -> anyhow::Result<Vec<String>> {
    let path = Path::new(name);
    let (file, directories) = if name.contains('/') {
        (path.to_owned(), vec![path.parent().map(Path::to_owned).unwrap_or_default()])
    } else {
        let directories: Vec<PathBuf> = DIRECTORIES.iter().map(PathBuf::from).collect();
        let Some(file) = find(&names(name), &directories) else {
            let fault = Fault::new(format!("there is no unit `{name}`")).exit(Exit::Config);
            return Err(Faults::one(fault.help("a file is named with a `/`: ./NAME.service")).into());
        };
        (file, directories)
    };
    let base = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut all = vec![file];
    let mut found: Vec<PathBuf> = Vec::new();
    for name in names(&base).into_iter().chain(["service".into()]) {
        for directory in &directories {
            let entries = fs::read_dir(directory.join(format!("{name}.d"))).into_iter().flatten().flatten();
            for entry in entries.map(|entry| entry.path()) {
                let fresh = found.iter().all(|known| known.file_name() != entry.file_name());
                if fresh && entry.extension().is_some_and(|end| end == "conf") {
                    found.push(entry);
                }
            }
        }
    }
    found.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    all.extend(found);
    let read = |path: &PathBuf| {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    all.iter().map(read).collect()
}

fn find(names: &[String], directories: &[PathBuf]) -> Option<PathBuf> {
    names.iter().find_map(|name| directories.iter().map(|place| place.join(name)).find(|path| path.is_file()))
}

/// The names of a unit's file: its own, and its template's for an instance.
fn names(name: &str) -> Vec<String> {
    let name = if name.ends_with(".service") { name.to_owned() } else { format!("{name}.service") };
    let template = name.split_once('@').map(|(start, _)| format!("{start}@.service"));
    let more = template.filter(|template| *template != name);
    std::iter::once(name).chain(more).collect()
}
