//! `stockade merge`: what `monitor` told becomes lines of the policy.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use serde_json::Value;
use similar::TextDiff;

use crate::fault::{Exit, Fault, clean};
use crate::host::look::Thing;
use crate::learn::merge::{self, Merged, Need, Target};
use crate::plan::event;
use crate::plan::why::Case;
use crate::policy::Policy;
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::read;

const LONG: &str = "\
Take what `stockade monitor --json` told into a policy, so that the same program is no longer told of, nor denied. A diff of \
the policy's text is shown, and with *--write* the file is changed; comments and layout stay as they are, and what a policy \
has from others by Extends is added to in its own text.

Nothing of the events' advice is believed, as the program that was watched may have written them: each call, path and address \
is asked of the policy anew, and each line that is added has been tried on it. What is dangerous (debugging other processes, \
secrets in the home directory, what decides about later programs, directives that would be switched off as a whole) is written \
as a comment with the reason. What is not the policy's doing, or takes more than another line, is told.

Merging the same events again changes nothing. Paths are looked up as they are now: merge on the machine that the events are \
from, and soon. Lines that are no events are passed over.";

/// The command line.
pub(super) fn command() -> Command {
    Command::new("merge")
        .about("Add to a policy what monitor told that it would deny")
        .long_about(LONG)
        .arg(
            Arg::new("POLICY")
                .help("A policy file")
                .value_hint(ValueHint::FilePath)
                .required(true),
        )
        .arg(
            Arg::new("EVENTS")
                .help("Lines of JSON from monitor; `-` is standard input")
                .value_hint(ValueHint::FilePath)
                .required(true)
                .num_args(1..),
        )
        .arg(Arg::new("write").long("write").help("Change the policy").action(ArgAction::SetTrue))
        .after_long_help(
            "Examples:\n  stockade monitor -P ./web.toml --json -o events -- ./web\n  stockade merge ./web.toml events\n  \
             stockade merge --write ./web.toml events",
        )
}

/// Reads both, shows, and writes.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let name = matches.get_one::<String>("POLICY").map_or("", String::as_str);
    let path = file(name).map_err(Faults::one)?;
    let library = Library::of_environment();
    let case = case(&library, &path, None)?;
    let text = fs::read_to_string(&path)
        .map_err(|error| Faults::one(Fault::new(format!("cannot read {path}: {}", crate::fault::reason(&error)))))?;
    let mut needs = Needs::default();
    for events in super::texts(matches, "EVENTS") {
        needs.read(&events).map_err(Faults::one)?;
    }
    if needs.events == 0 && !needs.written {
        door::tell("stockade: monitor told of nothing: the policy stays as it is\n");
        return Ok(Exit::Success);
    }
    if needs.events == 0 {
        let fault = Fault::new("there are no events: no line is an object of `stockade monitor --json`");
        return Err(Faults::one(fault.exit(Exit::Usage)).into());
    }
    let needed: Vec<Need> = needs.found.into_values().collect();
    let places = super::learn::here();
    let target = Target { case: &case, name: &path, text: &text, places: &places };
    let merged = merge::merge(&target, &needed, &Thing::behind).map_err(Faults::one)?;
    if merged.text != text {
        prove(&library, &path, &merged, &needed)?;
        let diff = TextDiff::from_lines(text.as_str(), merged.text.as_str());
        let shown = diff.unified_diff().context_radius(3).header(&path, &path).to_string();
        door::say(&if io::stdout().is_terminal() { clean(&shown) } else { shown })?;
    }
    door::tell(&clean(&summary(&merged, needs.events)));
    if matches.get_flag("write") && merged.text != text {
        let real = fs::canonicalize(&path).map_err(|error| {
            Faults::one(Fault::new(format!("cannot find {path}: {}", crate::fault::reason(&error))))
        })?;
        super::learn::replace(&real.to_string_lossy(), &merged.text).map_err(Faults::one)?;
    }
    Ok(Exit::Success)
}

/// The path of a policy that can be changed.
fn file(name: &str) -> Result<String, Fault> {
    if name.contains('/') {
        return Ok(name.to_owned());
    }
    if Path::new(name).is_file() {
        return Ok(format!("./{name}"));
    }
    let fault = Fault::new(format!("`{name}` is no file: a profile is not changed, but extended")).exit(Exit::Usage);
    Err(fault.help(format!("write a policy of your own: Extends = [\"{name}\"]")))
}

/// A policy that can be asked, with another text in its file.
fn case(library: &Library, path: &str, text: Option<&str>) -> anyhow::Result<Case> {
    let document = match text {
        None => library.load(path, None),
        Some(text) => library.load_as(Path::new(path), text),
    };
    let document = document.map_err(Faults)?;
    let policy = Policy::read(&document).map_err(Faults)?;
    let (host, _) = read::plan(&policy.draft(), Vec::new()).map_err(Faults)?;
    let mounts = crate::host::mounts::table().map_err(Faults::one)?;
    Ok(Case { document, host, mounts })
}

/// The text that comes of it allows what it is to allow.
fn prove(library: &Library, path: &str, merged: &Merged, needs: &[Need]) -> anyhow::Result<()> {
    let case = case(library, path, Some(&merged.text))?;
    let places = super::learn::here();
    let again = Target { case: &case, name: path, text: &merged.text, places: &places };
    let again = merge::merge(&again, needs, &Thing::behind).map_err(Faults::one)?;
    if again.text == merged.text && again.allowed >= merged.allowed + merged.gained {
        return Ok(());
    }
    let mut fault = Fault::new(format!("the lines cannot be put into {path} so that they hold there"));
    for (change, _) in &merged.added {
        fault = fault.help(format!("add by hand: {change}"));
    }
    Err(Faults::one(fault).into())
}

/// What events ask for, each once.
#[derive(Default)]
struct Needs {
    events: usize,
    /// Whether there was anything to read at all.
    written: bool,
    found: BTreeMap<String, Need>,
}

impl Needs {
    fn read(&mut self, name: &str) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        let read = match name {
            "-" => io::stdin().lock().read_to_end(&mut bytes).map(drop),
            _ => fs::read(name).map(|read| bytes = read),
        };
        read.map_err(|error| {
            Fault::new(format!("cannot read {name}: {}", crate::fault::reason(&error))).exit(Exit::Usage)
        })?;
        self.written |= !bytes.trim_ascii().is_empty();
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(value) = serde_json::from_slice::<Value>(line) else { continue };
            let Some(question) = event::asked(&value) else { continue };
            self.events += 1;
            let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let who = text("process");
            // `123 (nginx)`: the number says nothing tomorrow.
            let who = who.split_once('(').map_or(who.as_str(), |(_, name)| name.trim_end_matches(')')).to_owned();
            let who = if who.is_empty() { "somebody".to_owned() } else { who };
            self.found.entry(format!("{question:?}")).or_insert(Need {
                question,
                who,
                directory: text("call") == "rmdir",
            });
        }
        Ok(())
    }
}

/// What was done, for people.
fn summary(merged: &Merged, events: usize) -> String {
    let count = |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let mut text = format!(
        "stockade: {}: {} added, {} as comments, {} allowed already\n",
        count(events, "event", "events"),
        count(merged.added.len(), "value", "values"),
        merged.doubtful.len(),
        merged.allowed
    );
    text.extend(merged.left.iter().map(|(what, why)| format!("stockade: not merged: {what}: {why}\n")));
    text
}
