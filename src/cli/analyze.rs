//! `stockade analyze`: how much a policy or a unit leaves open.

use std::fs;
use std::io;

use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use crate::fault::{Exit, Fault, clean};
use crate::policy::Policy;
use crate::report::analyze::Analysis;
use crate::report::exposure::{Score, Settings};
use crate::report::reach::{self, Reach};
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::options::{self, POLICY, PROPERTY};
use super::{read, unit};

/// The command line.
pub(super) fn command() -> Command {
    Command::new("analyze")
        .about("Tell how much policies and units leave open")
        .long_about(
            "Tell how much policies or units leave open. First comes the exposure score of *systemd-analyze security*, from 0.0 \
             (PERFECT) to 10.0 (DANGEROUS), of systemd 252: for a unit the same number that systemd gives with --offline=true; for a \
             policy what a unit with its directives would get. Then comes what that score does not see: how many system calls \
             the compiled filter lets run and which of them are dangerous and why, the kinds of sockets, TCP ports, \
             capabilities, namespaces, Landlock, and what can be read, written and executed where. Homes are taken to be below \
             /home, and the directory that stockade is started in to be in one. Nothing about this machine is looked at.\n\n\
             Ends with 1 when a score is above --threshold.\n\n\
             --json prints a list with an object for each policy and unit: *name*, *kind* (policy, unit), *exposure* (\"1.8\"), *tenths* (18), \
             *rating*; *lines*, systemd's table with its own keys (*set*, *name*, *json_field*, *description*, *exposure*, *weight*, \
             *badness*, *range*); *reach*, with *filter*, *calls* (for each *architecture*: *known*, *allowed*, *by_arguments*, \
             *supervised*, *refused*), *docker_allowed*, *dangers* (*call*, *reason*, *verdict*, *needs*, and *effective*: whether that capability \
             can be had), *sockets*, *own_network*, *connect_tcp* and *bind_tcp* (null: any), *capabilities*, *ambient*, *gains_privileges*, \
             *writes_code*, *own_namespaces*, *makes_namespaces*, *landlock* and *places* (*path*, *read*, *write*, *execute*, *own*); and \
             *reach_unknown*, why there is no *reach*.",
        )
        .args([POLICY.arg(), PROPERTY.arg(), options::json()])
        .arg(
            Arg::new("POLICY")
                .help("A profile, or a policy file (with a `/` or `.toml`); each is judged on its own")
                .value_hint(ValueHint::FilePath)
                .action(ArgAction::Append)
                .num_args(0..),
        )
        .arg(
            Arg::new("unit")
                .long("unit")
                .value_name("FILE|NAME")
                .help("Judge a unit: a file (with a `/`), or a service by its name")
                .value_hint(ValueHint::FilePath)
                .action(ArgAction::Append),
        )
        .arg(
            Arg::new("threshold")
                .long("threshold")
                .value_name("NUMBER")
                .help("End with 1 when a score is above this (0.0 to 10.0)")
                .value_parser(threshold),
        )
        .arg(
            Arg::new("html")
                .long("html")
                .value_name("FILE")
                .help("Write the report to this file, for a browser")
                .value_hint(ValueHint::FilePath),
        )
        .after_long_help(
            "Examples:\n  stockade analyze strict\n  stockade analyze --threshold 4.0 -P service -p PrivateNetwork=yes\n  \
             stockade analyze --unit nginx.service --html nginx.html",
        )
}

/// A score in tenths.
fn threshold(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is not a score: write a number from 0.0 to 10.0");
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 1 {
        return Err(wrong());
    }
    let number = |text: &str| text.parse::<u32>().ok();
    let tenths = number(whole).and_then(|whole| whole.checked_mul(10)?.checked_add(number(part)?));
    tenths.filter(|tenths| *tenths <= 100).ok_or_else(wrong)
}

/// Judges each, and prints.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let library = Library::of_environment();
    let mut all = Vec::new();
    let properties = super::texts(matches, PROPERTY.id);
    let added = super::texts(matches, POLICY.id);
    let units = super::texts(matches, "unit");
    for name in super::texts(matches, "POLICY") {
        all.push(policy(&[name], &properties, &library)?);
    }
    if !added.is_empty() || !properties.is_empty() && all.is_empty() || all.is_empty() && units.is_empty() {
        all.push(policy(&added, &properties, &library)?);
    }
    for name in units {
        all.push(judged(&name)?);
    }
    let docker = reach::docker();
    if let Some(path) = matches.get_one::<String>("html") {
        fs::write(path, crate::report::html::page(&all, docker)).with_context(|| format!("cannot write {path}"))?;
    }
    if matches.get_flag("json") {
        door::json(&all.iter().map(|one| one.json(docker)).collect())?;
    } else if !matches.contains_id("html") {
        let colour = door::colour(&io::stdout());
        let texts: Vec<String> = all.iter().map(|one| one.text(docker, colour)).collect();
        door::say(&texts.join("\n"))?;
    }
    let above = matches.get_one::<u32>("threshold").is_some_and(|most| all.iter().any(|one| one.above(*most)));
    Ok(if above { Exit::Failure } else { Exit::Success })
}

fn policy(names: &[String], properties: &[String], library: &Library) -> anyhow::Result<Analysis> {
    let (_, policy) = read::read(names, properties, library).map_err(Faults)?;
    let name = names.iter().chain(properties.iter()).cloned().collect::<Vec<_>>().join(" + ");
    let reach = Reach::of(&policy).map_err(Faults::one)?;
    Ok(Analysis { name, kind: "policy", score: Score::of_policy(&policy), reach: Ok(reach) })
}

fn judged(name: &str) -> anyhow::Result<Analysis> {
    let (unit, service) = unit::load(name, None).map_err(Faults)?;
    let settings = Settings::read(unit.assignments.iter().map(|one| (&*one.section, &*one.name, &*one.value)));
    for left in service.left.iter().filter(|left| left.weaker) {
        let text = clean(&left.text);
        door::tell(&format!("stockade: note: {text} ({}) is in the score, and not in what follows it\n", left.at));
    }
    let first = |faults: Vec<Fault>| faults.into_iter().next().map(|fault| fault.message).unwrap_or_default();
    let reach = Policy::read(&service.document).map_err(first);
    let reach = reach.and_then(|policy| Reach::of(&policy).map_err(|fault| fault.message));
    Ok(Analysis { name: name.into(), kind: "unit", score: Score::of_unit(&settings), reach })
}
