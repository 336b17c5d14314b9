//! `stockade doctor`: what this kernel and this user can and cannot do.

use std::io;

use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::host::survey::{Can, Survey};
use crate::plan::Plan;
use crate::report::doctor::{self, Examined};
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::{options, read};

/// The command line.
pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Tell what this machine and this user can and cannot do")
        .long_about(
            "Tell what this kernel and this user can and cannot do, what each gap costs, and what would close it. With a policy, \
             only what that policy needs.",
        )
        .arg(Arg::new("POLICY").help("A profile, or a policy file (with a `/` or `.toml`)").value_hint(ValueHint::FilePath))
        .arg(options::json())
        .after_long_help("Examples:\n  stockade doctor\n  stockade doctor ./web.toml")
}

/// Looks and tells. Ends with 1 where something does not work at all: of the machine, or of the
/// policy when there is one.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let survey = Survey::take().map_err(Faults::one)?;
    let met = match matches.get_one::<String>("POLICY") {
        Some(name) => Some((name, meet(name, &survey)?)),
        None => None,
    };
    let planned = met.as_ref().and_then(|(_, met)| met.as_ref().ok());
    let notes: Vec<String> = planned.iter().flat_map(|plan| plan.told.iter().chain(&plan.notes)).cloned().collect();
    let examined = met.as_ref().map(|(name, met)| match met {
        Ok(plan) => Examined { name, shortfalls: &plan.shortfalls, faults: &[], notes: &notes },
        Err(faults) => Examined { name, shortfalls: &[], faults, notes: &[] },
    });
    if matches.get_flag("json") {
        door::json(&doctor::json(&survey, examined.as_ref()))?;
    } else {
        door::say(&doctor::text(&survey, examined.as_ref(), door::colour(&io::stdout())))?;
    }
    let works = doctor::worst(&survey, examined.as_ref()) != Can::No;
    Ok(if works { Exit::Success } else { Exit::Failure })
}

/// What planning the policy says on this machine; a policy that cannot be read has its own faults.
fn meet(name: &str, survey: &Survey) -> anyhow::Result<Result<Plan, Vec<Fault>>> {
    let (_, policy) = read::read(&[name.to_owned()], &[], &Library::of_environment()).map_err(Faults)?;
    let draft = policy.draft();
    let mut host = Host::probe(&draft).map_err(Faults::one)?;
    survey.inform(&mut host);
    Ok(Plan::new(&draft, &host, Vec::new()))
}
