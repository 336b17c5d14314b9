//! `stockade generate`: the manuals and completions, from the program's own tables.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;

use crate::fault::Exit;
use crate::report::{completion, manual, verbs};
use crate::text::profiles::Library;

use super::door;

const WHAT: [&str; 6] = ["man", "stockade.1", "stockade.toml.5", "bash", "zsh", "fish"];

/// The command line.
pub(super) fn command() -> Command {
    Command::new("generate")
        .about("Print a manual or the completions for a shell")
        .long_about("Print a manual (`man` is stockade.1) or the completions for a shell.")
        .hide(true)
        .arg(Arg::new("WHAT").help("Which").required(true).value_parser(PossibleValuesParser::new(WHAT)))
}

/// Prints.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let what = matches.get_one::<String>("WHAT").map_or("", String::as_str);
    door::say(&document(what).unwrap_or_default())?;
    Ok(Exit::Success)
}

/// A document by the name of its file, or by its short name; nothing for other names.
pub fn document(what: &str) -> Option<String> {
    let shell = match what {
        "man" | "stockade.1" => return Some(verbs::page(super::ABOUT, super::file::ABOUT, &super::visible())),
        "stockade.toml.5" => return Some(manual::page()),
        "bash" | "stockade.bash" => Shell::Bash,
        "zsh" | "_stockade" => Shell::Zsh,
        "fish" | "stockade.fish" => Shell::Fish,
        _ => return None,
    };
    // Only the profiles that everybody has: what is printed must not depend on this machine.
    let profiles = Library::of_the_binary().names();
    Some(completion::script(shell, super::root().subcommands(super::visible()), &profiles))
}
