//! VERBS: the command line, one file a verb.
//!
//! In: what was typed. Out: an exit status, and text through `door` alone.
//!
//! - the verbs, in the order of the help: `run`, `explain`, `filter`, `why`, `monitor`, `merge`, `analyze`, `check`,
//!   `diff`, `show`, `learn`, `doctor`, `import`, `export`, `generate`; `file` is a policy that is a program
//! - what they share: `options` (one table), `read` (from what was typed to a policy), `unit` (`--unit`), `pod`
//!   (`--pod`), `door` (the way to the terminal), `others` (what other tools call it)
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
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command};

use crate::fault::{Exit, Fault, nearest};
use crate::text::profiles::SHIPPED;

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
    if let Some(known) = VERBS.iter().find(|known| first == known.name) {
        return match verb(known.command).try_get_matches_from(rest) {
            Ok(matches) => (known.act)(&matches),
            Err(error) => answer(&error, Some(&(known.command)())),
        };
    }
    if file::named(first) {
        return file::start(first, rest);
    }
    match first.to_str() {
        Some(word) if !word.starts_with('-') && word != "help" => Err(Faults::one(unknown(word)).into()),
        Some(word) if run_has(word) => Err(Faults::one(early(word)).into()),
        _ => match whole().no_binary_name(true).try_get_matches_from(words) {
            // The root has neither options nor arguments of its own.
            Ok(_) => Ok(Exit::Usage),
            Err(error) => answer(&error, None),
        },
    }
}

/// Tells what clap has to say: help and the version are results, everything else is wrong usage.
fn answer(error: &clap::Error, verb: Option<&Command>) -> anyhow::Result<Exit> {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        door::say(&text)?;
        return Ok(Exit::Success);
    }
    if let Some(fault) = verb.and_then(|verb| usage(error, verb)) {
        return Err(Faults::one(fault).into());
    }
    door::tell(&crate::fault::clean(&told(&text)));
    Ok(Exit::Usage)
}

/// What is wrong with an unknown or a missing word, and what to write instead.
fn usage(error: &clap::Error, verb: &Command) -> Option<Fault> {
    let name = format!("stockade {}", verb.get_name());
    let words = match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(word) => vec![word.clone()],
        ContextValue::Strings(words) => words.clone(),
        _ => return None,
    };
    let fault = match error.kind() {
        ErrorKind::UnknownArgument => {
            let word = words.first()?;
            let is = if word.starts_with('-') { "is not an option of" } else { "is one word too many for" };
            let fault = Fault::new(format!("`{word}` {is} `{name}`"));
            let suggested = error.get(ContextKind::SuggestedArg).map(|near| format!("did you mean `{near}`?"));
            let help = others::option(word).or_else(|| others::profile(word, SHIPPED)).or(suggested);
            if let Some(help) = help {
                return Some(fault.help(help).help(format!("`{name} -h` lists what it takes")).exit(Exit::Usage));
            }
            fault
        }
        ErrorKind::MissingRequiredArgument => Fault::new(format!("`{name}` needs {}", words.join(" and "))),
        _ => return None,
    };
    let examples = verb.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let example = examples.lines().map(str::trim).find(|line| line.starts_with(&name));
    let fault = example.map_or(fault.clone(), |example| fault.help(format!("for example: {example}")));
    Some(fault.help(format!("`{name} -h` lists what it takes")).exit(Exit::Usage))
}

/// clap's words in the form of a fault's: what is wrong in one line, and what helps.
fn told(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let (wrong, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let wrong: Vec<&str> = wrong.lines().map(str::trim).collect();
    format!("stockade: {}\n{}", wrong.join(" "), rest.replace("  tip: ", "  = help: "))
}

/// Whether an option of `run` stands where a verb belongs.
fn run_has(word: &str) -> bool {
    options::RUN.iter().any(|opt| {
        let long = word.strip_prefix("--").and_then(|long| long.split('=').next());
        let short = word.strip_prefix('-').and_then(|rest| rest.chars().next());
        long == Some(opt.long) || opt.short.is_some() && short == opt.short
    })
}

/// An option without its verb.
fn early(word: &str) -> Fault {
    let fault = Fault::new(format!("`{word}` stands where a verb belongs")).exit(Exit::Usage);
    fault.help(format!("to run a command: stockade run {word} ...")).help(format!("the verbs are: {}", listed()))
}

/// The verbs in one line.
fn listed() -> String {
    let names: Vec<String> = visible().iter().map(|verb| verb.get_name().to_owned()).collect();
    names.join(", ")
}

/// A first word that is neither a verb nor a file.
fn unknown(word: &str) -> Fault {
    let verbs = || VERBS.iter().map(|verb| verb.name);
    let fault = Fault::new(format!("`{word}` is neither a verb nor a policy file")).exit(Exit::Usage);
    let fault = match nearest(word, verbs()) {
        _ if others::verb(word).is_some() => fault.help(others::verb(word).unwrap_or_default()),
        _ if word.contains(' ') => fault.help("the `#!` line of a policy has no arguments: #!/usr/bin/stockade"),
        _ if SHIPPED.iter().any(|(name, _)| *name == word) => {
            fault.help(format!("a profile is used by: stockade run -P {word} -- COMMAND"))
        }
        _ if Path::new(word).extension().is_some_and(|end| end == "toml") => {
            fault.help("there is no such file in this directory")
        }
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(format!("to run it: stockade run -P strict -- {word} ...")),
    };
    fault.help(format!("the verbs are: {}", listed()))
}

/// One verb's command line, on its own.
fn verb(command: fn() -> Command) -> Command {
    let command = command();
    let name = format!("stockade {}", command.get_name());
    command.bin_name(name).no_binary_name(true)
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

    #[test]
    fn an_unknown_word_is_answered_with_the_right_one() {
        assert!(unknown("chek").help.iter().any(|help| help.contains("`check`")));
        assert!(unknown("strict").help.iter().any(|help| help.contains("-P strict")));
        assert_eq!(unknown("ls").exit, Exit::Usage);
    }
}
