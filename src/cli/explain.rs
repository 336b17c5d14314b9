//! `stockade explain`: what would be done, and who asked for it.

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};

use crate::fault::Exit;
use crate::plan::command;
use crate::report::explain;
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::options::{self, POLICY, PROPERTY};
use super::{read, unit};

/// The command line.
pub(super) fn command() -> Command {
    Command::new("explain")
        .about("Print what would be done, and which directive asks for it")
        .long_about(
            "Print the plan: every operation in the order in which it would be done on this machine, with the directives and \
             lines that ask for it, what this machine cannot enforce, and what the system call filter comes to. Nothing is \
             done or executed.",
        )
        .args([POLICY.arg(), PROPERTY.arg(), options::json()])
        .args(unit::args())
        .arg(Arg::new("POLICY").help("A profile, or a policy file (with a `/` or `.toml`)").value_hint(ValueHint::FilePath))
        .arg(
            Arg::new("COMMAND")
                .help("The command that would be executed")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::CommandWithArguments)
                .num_args(1..)
                .last(true),
        )
        .after_long_help("Examples:\n  stockade explain strict\n  stockade explain -P strict -p PrivateNetwork=no -- curl example.org")
}

/// Plans and prints.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let policies = super::policies(matches, "POLICY");
    let command: Vec<OsString> = matches.get_many::<OsString>("COMMAND").unwrap_or_default().cloned().collect();
    let library = Library::of_environment();
    let (chosen, properties) = (unit::request(matches), super::texts(matches, PROPERTY.id));
    let (_, policy) = unit::read(chosen.as_ref(), &policies, &properties, &library).map_err(Faults)?;
    let draft = policy.draft();
    // As for `run`: without a command a unit's own is executed.
    let argv = if chosen.is_some() && command.is_empty() { command::argv(&draft, &[]) } else { command };
    let (_, plan) = read::plan(&draft, argv).map_err(Faults)?;
    if matches.get_flag("json") {
        door::json(&explain::json(&plan))?;
    } else {
        door::say(&explain::text(&plan))?;
    }
    Ok(Exit::Success)
}
