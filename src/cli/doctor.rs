//! `stockade doctor`: what this kernel and this user can and cannot do.

use std::io;

use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::fault::Exit;
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
        .arg(Arg::new("POLICY").help("A profile, or a policy file (with a `/`)").value_hint(ValueHint::FilePath))
        .arg(options::json())
}

/// Looks and tells. The status says whether the policy can be enforced as it is written or, without one, whether
/// everything that matters can.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let survey = Survey::take().map_err(Faults::one)?;
    let name = matches.get_one::<String>("POLICY");
    let planned = match name {
        None => Ok(Plan::default()),
        Some(name) => {
            let (_, policy) =
                read::read(std::slice::from_ref(name), &[], &Library::of_environment()).map_err(Faults)?;
            read::plan(&policy, &[])
        }
    };
    let (shortfalls, faults) = match &planned {
        Ok(plan) => (plan.shortfalls.as_slice(), [].as_slice()),
        Err(faults) => ([].as_slice(), faults.as_slice()),
    };
    let examined = name.map(|name| Examined { name, shortfalls, faults });
    if matches.get_flag("json") {
        door::json(&doctor::json(&survey, examined.as_ref()))?;
    } else {
        door::say(&doctor::text(&survey, examined.as_ref(), door::colour(&io::stdout())))?;
    }
    Ok(if doctor::worst(&survey, examined.as_ref()) == Can::No { Exit::Failure } else { Exit::Success })
}
