//! A command line that is wrong: what is wrong with it, and what to write instead.

use std::path::Path;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::fault::{Exit, Fault, nearest};
use crate::policy;
use crate::text::profiles;

use super::door::{self, Faults};
use super::{VERBS, options, others, visible};

/// Tells what clap has to say: help and the version are results, everything else is wrong usage.
pub(super) fn answer(error: &clap::Error, verb: Option<&Command>) -> anyhow::Result<Exit> {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        door::say(&text)?;
        return Ok(Exit::Success);
    }
    if let Some(fault) = flag(error, verb).or_else(|| verb.and_then(|verb| usage(error, verb))) {
        return Err(Faults::one(fault).into());
    }
    door::tell(&crate::fault::clean(&told(&text)));
    Ok(Exit::Usage)
}

/// An option that takes no value, and has one: `--help=x`.
fn flag(error: &clap::Error, verb: Option<&Command>) -> Option<Fault> {
    let word = |kind| if let Some(ContextValue::String(word)) = error.get(kind) { Some(word) } else { None };
    let (option, given) = (word(ContextKind::InvalidArg)?, word(ContextKind::InvalidValue)?);
    let whose = verb.map_or("stockade".into(), |verb| format!("stockade {}", verb.get_name()));
    (error.kind() == ErrorKind::TooManyValues).then(|| {
        let fault = Fault::new(format!("`{option}` of `{whose}` takes no value, and `{given}` is one"));
        fault.help(format!("write {option} alone")).help(format!("`{whose} -h` lists what it takes")).exit(Exit::Usage)
    })
}

/// What is wrong with an unknown word, a missing word or a value, and what to write instead.
fn usage(error: &clap::Error, verb: &Command) -> Option<Fault> {
    let name = format!("stockade {}", verb.get_name());
    let words = match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(word) => vec![word.clone()],
        ContextValue::Strings(words) => words.clone(),
        _ => return None,
    };
    let lists = format!("`{name} -h` lists what it takes");
    let fault = match error.kind() {
        ErrorKind::UnknownArgument => {
            let word = words.first()?;
            let is = if word.starts_with('-') { "is not an option of" } else { "is one word too many for" };
            let fault = Fault::new(format!("`{word}` {is} `{name}`")).exit(Exit::Usage);
            let suggested = error.get(ContextKind::SuggestedArg).map(|near| format!("did you mean `{near}`?"));
            let habit = others::option(word).or_else(|| others::profile(word));
            match habit.or_else(|| directive(word)).or(suggested) {
                Some(help) => return Some(fault.help(help).help(lists)),
                None => fault,
            }
        }
        ErrorKind::MissingRequiredArgument => Fault::new(format!("`{name}` needs {}", words.join(" and "))),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            return Some(value(error, words.first()?).help(lists).exit(Exit::Usage));
        }
        _ => return None,
    };
    let examples = verb.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let example = examples.lines().map(str::trim).find(|line| line.starts_with(&name));
    let fault = example.map_or(fault.clone(), |example| fault.help(format!("for example: {example}")));
    Some(fault.help(lists).exit(Exit::Usage))
}

/// A value that is missing, or that an argument (`--policy <NAME|FILE>`) does not take.
fn value(error: &clap::Error, argument: &str) -> Fault {
    let name = argument.split([' ', '=']).next().unwrap_or(argument).trim_matches(['<', '>']);
    let given = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(given)) => given.as_str(),
        _ => "",
    };
    if let Some(source) = std::error::Error::source(error) {
        let reason = source.to_string();
        // A parser's own words about numbers name nothing.
        return match reason.strip_prefix("invalid digit") {
            Some(_) => Fault::new(format!("{name}: `{given}` is not a number")),
            None => Fault::new(format!("{name}: {reason}")),
        };
    }
    let fault = match given {
        "" => Fault::new(format!("`{argument}` is given without a value")),
        given => Fault::new(format!("{name}: `{given}` is none of its values")),
    };
    let near = match error.get(ContextKind::SuggestedValue) {
        Some(ContextValue::String(near)) => Some(near.as_str()),
        _ => others::format(given),
    };
    if name == "FORMAT" && near.is_none() && (given.contains(['.', '/'])) {
        return fault.help("the format comes before the file: stockade import oci FILE");
    }
    let fault = near.map_or(fault.clone(), |near| fault.help(format!("did you mean `{near}`?")));
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            fault.help(format!("write one of: {}", values.join(", ")))
        }
        _ => fault,
    }
}

/// The directive that somebody writes as an option: `--ProtectHome=yes`.
fn directive(word: &str) -> Option<String> {
    let assignment = word.trim_start_matches('-');
    let name = assignment.split('=').next()?;
    let row = policy::all().find(|row| row.name.eq_ignore_ascii_case(&name.replace('-', "")))?;
    Some(format!("a directive is set by -p: -p {}=VALUE", row.name))
}

/// clap's words in the form of a fault's: what is wrong in one line, and what helps.
fn told(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let (wrong, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let wrong: Vec<&str> = wrong.lines().map(str::trim).collect();
    format!("stockade: {}\n{}", wrong.join(" "), rest.replace("  tip: ", "  = help: "))
}

/// Whether an option of `run` stands where a verb belongs.
pub(super) fn early(word: &str) -> bool {
    options::RUN.iter().any(|opt| {
        let long = word.strip_prefix("--").and_then(|long| long.split('=').next());
        let short = word.strip_prefix('-').and_then(|rest| rest.chars().next());
        long == Some(opt.long) || opt.short.is_some() && short == opt.short
    })
}

/// An option without its verb.
pub(super) fn verbless(word: &str) -> Fault {
    let fault = Fault::new(format!("`{word}` stands where a verb belongs")).exit(Exit::Usage);
    fault.help(format!("to run a command: stockade run {word} ...")).help(format!("the verbs are: {}", listed()))
}

/// The verbs in one line.
fn listed() -> String {
    let names: Vec<String> = visible().iter().map(|verb| verb.get_name().to_owned()).collect();
    names.join(", ")
}

/// A first word that is neither a verb nor a file.
pub(super) fn unknown(word: &str) -> Fault {
    let verbs = || VERBS.iter().map(|verb| verb.name);
    let fault = Fault::new(format!("`{word}` is neither a verb nor a policy file")).exit(Exit::Usage);
    let fault = match (others::verb(word), nearest(word, verbs())) {
        (Some(here), _) => fault.help(here),
        _ if word.contains(' ') => fault.help("the `#!` line of a policy has no arguments: #!/usr/bin/stockade"),
        _ if profiles::shipped(word.trim_end_matches(".toml")).is_some() => {
            let name = word.trim_end_matches(".toml");
            fault.help(format!("a profile is used by: stockade run -P {name} -- COMMAND"))
        }
        _ if Path::new(word).extension().is_some_and(|end| end == "toml") => {
            fault.help("there is no such file in this directory")
        }
        _ if Path::new(word).is_dir() => fault.help("it is a directory"),
        (None, Some(near)) => fault.help(format!("did you mean `{near}`?")),
        (None, None) => fault.help(format!("to run it: stockade run -P strict -- {word} ...")),
    };
    fault.help(format!("the verbs are: {}", listed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_answered_with_the_right_one() {
        assert!(unknown("chek").help.iter().any(|help| help.contains("`check`")));
        assert!(unknown("strict").help.iter().any(|help| help.contains("-P strict")));
        assert!(unknown("strict.toml").help.iter().any(|help| help.contains("-P strict")));
        assert_eq!(unknown("ls").exit, Exit::Usage);
    }

    #[test]
    fn a_directive_is_known_in_the_shape_of_an_option() {
        assert!(directive("--protect-home=yes").is_some_and(|help| help.ends_with("-p ProtectHome=VALUE")));
        assert_eq!(directive("--nothing"), None);
    }
}
