//! `stockade export unit`: a policy as a drop-in for a service of systemd's.

use std::path::{Path, absolute};

use clap::{Arg, ArgAction, ArgMatches, ValueHint};

use crate::fault::{Exit, Fault, clean};
use crate::policy::Policy;
use crate::policy::service::{self, Service};
use crate::report::diff::Difference;
use crate::report::prefix::{self, Front, Target};
use crate::report::unit::{self, DropIn};
use crate::text::Document;
use crate::text::profiles::Library;

use crate::cli::door::{self, Faults};
use crate::cli::{options, read, unit as units};

/// The options.
pub(super) fn args() -> [Arg; 5] {
    [
        Arg::new("prefix")
            .long("prefix")
            .help("Put stockade in front of the service's command, with the whole policy")
            .long_help(
                "*unit*: put stockade in front of the service's command, with the whole policy, instead of giving systemd the \
                 directives that it knows. The command is that of --unit, all of its ExecStart= with their prefixes and as they \
                 were quoted, or COMMAND. It runs with systemd's `+`: the unit's own sandbox does not hold for it, so \
                 what the unit confines and the policy does not is an error: a directive that the policy lacks, or one by which it allows \
                 more (as `stockade diff` tells). ExecStartPre=, ExecReload=, ExecStop= and their kin stay as they are, under \
                 the unit's own sandbox, which stays in the unit. Limits that neither the unit nor the policy says are those of \
                 a service, not the manager's own, which systemd leaves a command with `+`.",
            )
            .action(ArgAction::SetTrue),
        Arg::new("unit").long("unit").value_name("NAME|FILE").requires("prefix").help("The service that --prefix is for").value_hint(ValueHint::Other),
        Arg::new("directory")
            .long("directory")
            .value_name("DIRECTORY")
            .help("What `.` is in the policy, where the service is started with --prefix")
            .value_hint(ValueHint::DirPath),
        Arg::new("weaker")
            .long("weaker")
            .help("Go on where the service is confined less than by the policy, or than it was; what is missing is told")
            .action(ArgAction::SetTrue),
        options::command().last(true).trailing_var_arg(false).requires("prefix"),
    ]
}

/// Prints the drop-in.
pub(super) fn act(matches: &ArgMatches, policies: &[String], properties: &[String]) -> anyhow::Result<Exit> {
    let directory = matches.get_one::<String>("directory").cloned();
    if let Some(wrong) = directory.as_ref().filter(|path| !path.starts_with('/')) {
        let fault = Fault::new(format!("--directory: `{wrong}` is not an absolute path")).exit(Exit::Usage);
        return Err(Faults::one(fault).into());
    }
    let made = if matches.get_flag("prefix") {
        front(matches, policies, properties, directory).map_err(Faults)?
    } else {
        let (document, _) = read::read(policies, properties, &Library::of_environment()).map_err(Faults)?;
        unit::unit(&document, directory.as_deref()).map_err(Faults)?
    };
    if !made.weaker.is_empty() && !matches.get_flag("weaker") {
        return Err(Faults::one(missing(&made, matches)).into());
    }
    for word in &made.weaker {
        door::tell(&format!("stockade: weaker than {}: {} does not hold\n", than(matches), clean(word)));
    }
    crate::cli::export::tell(&made.notes);
    door::say(&made.text)?;
    Ok(Exit::Success)
}

fn than(matches: &ArgMatches) -> &'static str {
    if matches.get_flag("prefix") { "the unit" } else { "the policy" }
}

fn missing(made: &DropIn, matches: &ArgMatches) -> Fault {
    let words = made.weaker.join(", ");
    if matches.get_flag("prefix") {
        Fault::new(format!("the unit confines more than the policy: {words}"))
            .help("write these into the policy; `stockade import unit` makes one that has them, and `stockade diff` compares")
            .help("--weaker goes on without them")
    } else {
        Fault::new(format!("systemd has no word for {words}: the service would be confined less than by the policy"))
            .help("--prefix keeps all of the policy, with stockade in front of the service's command")
            .help("--weaker goes on without them")
    }
}

/// With stockade in front. The policies are read as the service will: by root, without anybody's home.
fn front(
    matches: &ArgMatches,
    policies: &[String],
    properties: &[String],
    directory: Option<String>,
) -> Result<DropIn, Vec<Fault>> {
    let one = |fault: Fault| vec![fault];
    let policies: Vec<String> = policies.iter().map(|name| whole(name)).collect::<Result<_, _>>().map_err(one)?;
    let (document, policy) = read::read(&policies, properties, &Library::of_the_system())?;
    let stockade =
        std::env::current_exe().map_err(|error| one(Fault::new(format!("cannot tell where stockade is: {error}"))))?;
    let stockade = stockade.to_str().ok_or_else(|| one(Fault::new("the path of stockade is not UTF-8")))?.to_owned();
    let mut options = Vec::new();
    for policy in &policies {
        options.extend(["-P".to_owned(), policy.clone()]);
    }
    for property in properties {
        options.extend(["-p".to_owned(), property.clone()]);
    }
    let here = !unit::here(&document).is_empty();
    let front = Front { stockade, options, directory, here };
    dropin(matches, (&document, &policy), &front)
}

fn dropin(matches: &ArgMatches, words: (&Document, &Policy), front: &Front) -> Result<DropIn, Vec<Fault>> {
    let loaded = match matches.get_one::<String>("unit") {
        Some(name) => Some(units::load(name, Some(Library::of_environment().uid))?),
        None => None,
    };
    let unit = loaded.as_ref().map(|(unit, _)| unit);
    let command: Vec<String> = matches
        .get_many::<std::ffi::OsString>("COMMAND")
        .unwrap_or_default()
        .map(|word| {
            word.to_str()
                .map(str::to_owned)
                .ok_or_else(|| vec![Fault::new("a unit holds only UTF-8").exit(Exit::Usage)])
        })
        .collect::<Result<_, _>>()?;
    let target = match unit {
        _ if !command.is_empty() => Target::Command(unit, &command),
        Some(unit) => Target::Unit(unit),
        None => {
            let fault = Fault::new("there is nothing to put stockade in front of").exit(Exit::Usage);
            return Err(vec![fault.help("--unit NAME takes a service's command").help("or write it behind `--`")]);
        }
    };
    let mut made = prefix::dropin(target, words.1, front)?;
    if let Some((unit, service)) = &loaded
        && made.weaker.is_empty()
        && prefix::is_confined(unit)
    {
        made.weaker = looser(service, words)?;
    }
    Ok(made)
}

/// What the policy allows and the unit did not, by what the directives of both come to.
fn looser(service: &Service, words: (&Document, &Policy)) -> Result<Vec<String>, Vec<Fault>> {
    // What every service has is no word of the unit's that could be lost.
    let mut document = service.document.clone();
    document.entries.retain(|entry| !(entry.at.source.name == service::BY_ITSELF && entry.name.starts_with("Limit")));
    let own = Policy::read(&document)?;
    let difference = Difference::of((&document, &own), words).map_err(|fault| vec![fault])?;
    Ok(difference.more_briefly())
}

/// A policy's name as it holds everywhere: a path from `/`.
fn whole(name: &str) -> Result<String, Fault> {
    if !name.contains('/') {
        return Ok(name.into());
    }
    let path = absolute(Path::new(name)).map_err(|error| Fault::new(format!("{name}: {error}")))?;
    path.to_str().map(str::to_owned).ok_or_else(|| Fault::new(format!("the path of {name} is not UTF-8")))
}
