//! VERBS: the command line, one file a verb.
//!
//! In: what was typed. Out: an exit status, and text through `door` alone.
//!
//! - the verbs, in the order of the help: `run`, `explain`, `filter`, `why`, `monitor`, `merge`, `analyze`, `check`,
//!   `diff`, `show`, `learn`, `doctor`, `import`, `export`, `generate`; `file` is a policy that is a program
//! - what they share: `options` (one table), `read` (from what was typed to a policy), `unit` (`--unit`), `pod`
//!   (`--pod`), `door` (the way to the terminal), `mistake` (a wrong command line, and the right one), `others` (what other
//!   tools call it)
//!
//! A new verb is a file here and a row of `VERBS`: help, manual and completions follow from its command line.

mod analyze;
mod check;
mod diff;
mod doctor;
mod door;
mod explain;
mod export;
mod file;
mod filter;
pub mod generate;
mod import;
mod learn;
mod merge;
mod mistake;
mod monitor;
mod options;
mod others;
mod pod;
pub mod read;
pub mod run;
mod show;
mod unit;
mod why;

use std::ffi::OsString;

use clap::{ArgMatches, Command};

use crate::fault::Exit;
use crate::report::terminal;

use door::Faults;

/// One verb.
struct Verb {
    name: &'static str,
    command: fn() -> Command,
    act: fn(&ArgMatches) -> anyhow::Result<Exit>,
}

/// The verbs, in the order of the help.
const VERBS: &[Verb] = &[
    Verb { name: "run", command: run::command, act: run::act },
    Verb { name: "explain", command: explain::command, act: explain::act },
    Verb { name: "filter", command: filter::command, act: filter::act },
    Verb { name: "why", command: why::command, act: why::act },
    Verb { name: "monitor", command: monitor::command, act: monitor::act },
    Verb { name: "merge", command: merge::command, act: merge::act },
    Verb { name: "analyze", command: analyze::command, act: analyze::act },
    Verb { name: "check", command: check::command, act: check::act },
    Verb { name: "diff", command: diff::command, act: diff::act },
    Verb { name: "show", command: show::command, act: show::act },
    Verb { name: "learn", command: learn::command, act: learn::act },
    Verb { name: "doctor", command: doctor::command, act: doctor::act },
    Verb { name: "import", command: import::command, act: import::act },
    Verb { name: "export", command: export::command, act: export::act },
    Verb { name: "generate", command: generate::command, act: generate::act },
];

/// What stockade is, in one line.
const ABOUT: &str = "execute programs under policies in systemd's words";

/// What somebody does first.
const EXAMPLES: &str = "\
Examples:
  stockade run -P strict -- ls -la               run ls confined; `show --list` names the profiles
  stockade run -P strict --explain-denials -- ./program    and be told what is denied, and by what
  stockade why -P strict --path ~/.ssh           ask, and run nothing
  stockade learn -o program.toml -- ./program    write a policy for a program, from what it does
  stockade doctor                                what this machine can do";

/// The program; returns its exit status.
pub fn main() -> i32 {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let exit = dispatch(&words).unwrap_or_else(|error| door::failure(&error));
    i32::from(exit as u8)
}

/// Picks the verb by the first word alone, so that a launch builds nothing for the others.
fn dispatch(words: &[OsString]) -> anyhow::Result<Exit> {
    let Some((first, rest)) = words.split_first() else {
        door::tell(&whole().render_help().to_string());
        return Ok(Exit::Usage);
    };
    if first == "run"
        && let Some(plain) = options::plain(rest)
    {
        return run::start(&plain.into());
    }
    let named = |word: &OsString| VERBS.iter().find(|known| word == known.name);
    if let Some(known) = named(first) {
        return match verb(known.command).try_get_matches_from(rest) {
            Ok(matches) => (known.act)(&matches),
            Err(error) => mistake::answer(&error, Some(&(known.command)())),
        };
    }
    if file::named(first) {
        return file::start(first, rest);
    }
    let word = first.to_string_lossy();
    let help = ["help", "-h", "--help"].contains(&word.as_ref());
    match rest.first().filter(|_| help) {
        Some(about) => match named(about) {
            Some(known) if word == "-h" => door::say(&verb(known.command).render_help().to_string())?,
            Some(known) => door::say(&verb(known.command).render_long_help().to_string())?,
            None => return Err(Faults::one(mistake::unknown(&about.to_string_lossy())).into()),
        },
        None if !word.starts_with('-') && !help => return Err(Faults::one(mistake::unknown(&word)).into()),
        None if mistake::early(&word) => return Err(Faults::one(mistake::verbless(&word)).into()),
        None => {
            return match whole().no_binary_name(true).try_get_matches_from(words) {
                // The root has neither options nor arguments of its own.
                Ok(_) => Ok(Exit::Usage),
                Err(error) => mistake::answer(&error, None),
            };
        }
    }
    Ok(Exit::Success)
}

/// One verb's command line, on its own.
fn verb(command: fn() -> Command) -> Command {
    let command = command();
    let name = format!("stockade {}", command.get_name());
    terminal::command(command).bin_name(name).no_binary_name(true)
}

/// The verbs' command lines that help and manual name.
fn visible() -> Vec<Command> {
    VERBS.iter().map(|verb| (verb.command)()).filter(|command| !command.is_hide_set()).collect()
}

/// The whole command line, for help.
fn whole() -> Command {
    root().subcommands(VERBS.iter().map(|verb| (verb.command)()))
}

/// The command line without its verbs.
fn root() -> Command {
    Command::new("stockade")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .override_usage("stockade VERB ...\n       stockade FILE [ARGUMENT]...")
        .subcommand_required(true)
        .after_help("Begin with: stockade run -P strict -- ls\n`stockade VERB --help` says more about one, and `man stockade.toml` lists the directives.")
        .after_long_help(format!("FILE:\n{}\n\n{EXAMPLES}", file::ABOUT))
}

/// All the values of an option.
fn texts(matches: &ArgMatches, id: &str) -> Vec<String> {
    matches.get_many::<String>(id).unwrap_or_default().cloned().collect()
}

/// The policy that an argument names, then those of `-P`.
fn policies(matches: &ArgMatches, id: &str) -> Vec<String> {
    let mut named = texts(matches, id);
    named.extend(texts(matches, options::POLICY.id));
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_nothing_wrong_with_the_command_line() {
        whole().debug_assert();
        for known in VERBS {
            verb(known.command).debug_assert();
        }
    }

    #[test]
    fn verbs_are_known_by_their_names() {
        for known in VERBS {
            assert_eq!((known.command)().get_name(), known.name);
        }
    }
}
