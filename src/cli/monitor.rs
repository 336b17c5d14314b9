//! `stockade monitor`: what a policy would deny, while nothing is denied.

use std::ffi::OsString;

use clap::{ArgMatches, Command};

use crate::draft::Explain;
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::host::look::Thing;
use crate::plan::Plan;
use crate::plan::tell::{self, Teller};
use crate::plan::why::Case;
use crate::text::Document;
use crate::text::profiles::Library;

use super::door::Faults;
use super::options::{self, POLICY, PROPERTY};
use super::read;

const LONG: &str = "\
Execute a command without confining it, and tell on standard error what the policies would have denied: once for each kind, \
the process, the call with its arguments, the error, the directive and its place, and a change to try. Users, groups, the \
directory and the environment are the policy's.

Calls are seen by seccomp notifications, which takes no privileges; a helper process stays beside the target. Seen are all \
calls that the filter would refuse, paths that are opened, made, removed and executed, and addresses that are connected to \
and bound. What else the policy does is not seen: capabilities, limits, and other calls on paths. As an ordinary user, \
setuid programs give no rights.";

/// The command line.
pub(super) fn command() -> Command {
    Command::new("monitor")
        .about("Execute a command unconfined and tell what policies would deny")
        .long_about(LONG)
        .args([POLICY.arg(), PROPERTY.arg()])
        .arg(options::json().help("Tell in lines of JSON"))
        .arg(options::command().required(true))
        .after_long_help("Examples:\n  stockade monitor -P strict -- make\n  stockade monitor -P ./web.toml --json -- ./web 2>events")
}

/// Reads, and becomes the target.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let library = Library::of_environment();
    let policies = super::texts(matches, POLICY.id);
    let (document, policy) = read::read(&policies, &super::texts(matches, PROPERTY.id), &library).map_err(Faults)?;
    let argv: Vec<OsString> = matches.get_many::<OsString>("COMMAND").unwrap_or_default().cloned().collect();
    let draft = policy.draft();
    // What is told is of the policy as it would be carried out.
    let whole = Host::probe(&draft).map_err(Faults::one)?;
    let (host, mut plan) = read::plan(&tell::monitored(&draft), argv).map_err(Faults)?;
    equip(&mut plan, &whole, document, Explain::Monitor, matches.get_flag("json"))?;
    Err(Faults::one(crate::run::exec(&plan, &host, None)).into())
}

/// Gives a plan's supervisor what it tells by.
pub(super) fn equip(
    plan: &mut Plan,
    host: &Host,
    document: Document,
    explain: Explain,
    json: bool,
) -> anyhow::Result<()> {
    let mounts = crate::host::mounts::table().map_err(Faults::one)?;
    let case = Case { document, host: host.clone(), mounts };
    let look = |_: &std::path::Path, host: Option<&std::path::Path>| host.map_or(Thing::MISSING, Thing::at);
    let judge = case.judge(&[], &look).ok_or_else(|| {
        Faults::one(
            Fault::new("the policy cannot be carried out here").help("`stockade explain` says why").exit(Exit::Config),
        )
    })?;
    tell::equip(plan, Teller { judge, case, explain, json });
    Ok(())
}
