//! `stockade show`: the policy that holds in the end, and the profiles that there are.

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use crate::fault::{Exit, clean};
use crate::report::show;
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::options::{POLICY, PROPERTY};
use super::unit;

/// The command line.
pub(super) fn command() -> Command {
    Command::new("show")
        .about("Print the policy that holds in the end, or the profiles")
        .long_about(
            "Print the policy that holds when everything in Extends, every -P and every -p is added up, as one policy file. A \
             comment on each line says where it comes from. With --unit it begins with what a service of systemd's says.",
        )
        .args([POLICY.arg(), PROPERTY.arg()])
        .args(unit::args())
        .arg(Arg::new("POLICY").help("A profile, or a policy file (with a `/` or `.toml`)").value_hint(ValueHint::FilePath))
        .arg(
            Arg::new("list")
                .long("list")
                .help("Print the profiles that can be named, each with a line about it")
                .action(ArgAction::SetTrue)
                .conflicts_with_all([POLICY.id, PROPERTY.id, "POLICY", "unit"]),
        )
        .after_long_help("Examples:\n  stockade show strict\n  stockade show --list\n  stockade show -P ./web.toml -p PrivateNetwork=yes")
}

/// Adds up and prints.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let library = Library::of_environment();
    if matches.get_flag("list") {
        let profiles = library.names();
        let width = profiles.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let lines = profiles.iter().map(|(name, about)| format!("{name:width$}  {about}\n"));
        door::say(&clean(&lines.collect::<String>()))?;
        return Ok(Exit::Success);
    }
    let policies = super::policies(matches, "POLICY");
    let (chosen, properties) = (unit::request(matches), super::texts(matches, PROPERTY.id));
    let (document, _) = unit::read(chosen.as_ref(), &policies, &properties, &library).map_err(Faults)?;
    door::say(&show::toml(&document))?;
    Ok(Exit::Success)
}
