//! `stockade doctor`: what this kernel and this user can and cannot do.

use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::fault::{Exit, Fault};

use super::door::Faults;
use super::options;

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

/// Looks and tells.
pub(super) fn act(_matches: &ArgMatches) -> anyhow::Result<Exit> {
    Err(Faults::one(Fault::new("doctor is not wired to the command line yet").exit(Exit::Failure)).into())
}
