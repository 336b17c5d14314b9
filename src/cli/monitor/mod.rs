//! `stockade monitor`: what a policy would deny, while nothing is denied.
//!
//! `running` is the monitor of what runs already.

mod running;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};

use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::draft::Explain;
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::host::look::Thing;
use crate::plan::Plan;
use crate::plan::tell::{self, Teller};
use crate::plan::why::Case;
use crate::sys::target;
use crate::text::Document;
use crate::text::profiles::Library;

use super::door::Faults;
use super::options::{self, POLICY, PROPERTY};
use super::read;

const LONG: &str = "\
Tell what policies would have denied, once for each kind: the process, the call with its arguments, the error, the directive \
and its place, and a change to try. Nothing is denied by it.

*A command* is executed without being confined, and told of on standard error. Users, groups, the directory and the \
environment are the policy's. Calls are seen by seccomp notifications, which takes no privileges; a helper process stays \
beside the target. Seen are all calls that the filter would refuse, paths that are opened, made, removed and executed, and \
addresses that are connected to and bound. What else the policy does is not seen: capabilities, limits, and other calls on \
paths. As an ordinary user, setuid programs give no rights.

*What runs already* (--pid, --cgroup, --system) is told of by the kernel's audit records, on standard output: what filters \
denied or logged (type 1326), and what Landlock refused (types 1423 and 1424, Linux 6.15). The kernel records only what a \
filter answers with kill or log, and with errors where the filter has the flag log: start the service under \
`-p Seccomp.Default=log`, which lets every call run and records it, and watch it under the policy it shall have. A record \
has the number of the call and no arguments, unless the kernel audits (auditctl -e 1), which Landlock's records need too; \
where a policy decides by arguments, that is said. Landlock records a program's refusals only where it was asked to: \
`-p Landlock.Log=yes`. Without a policy, records are told as they are.

Records are read from the audit multicast, which has all of them and takes CAP_AUDIT_READ; else from /dev/kmsg, which keeps \
ten in five seconds; else from the journal, by journalctl(1). Processes are found by the numbers that they have on the host.

The lines of *--json* are what `stockade merge` takes in. A command can write to its standard error itself: with --output the \
lines are apart.";

/// The command line.
pub(super) fn command() -> Command {
    Command::new("monitor")
        .about("Tell what policies would deny: of a command, of what runs, or of the whole system")
        .long_about(LONG)
        .args([POLICY.arg(), PROPERTY.arg()])
        .arg(options::json().help("Tell in lines of JSON"))
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE")
                .help("Add the lines to this file")
                .value_hint(ValueHint::FilePath),
        )
        .args(running::args())
        .arg(options::command().required_unless_present_any(running::WHOM))
        .after_long_help(
            "Examples:\n  stockade monitor -P strict -- make\n  stockade monitor -P ./web.toml --json -o events -- ./web\n  \
             stockade monitor -P ./web.toml --cgroup web.service --for 600\n  stockade monitor --system --json",
        )
}

/// Reads, and becomes the target; or tells of what runs.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let lines = matches.get_one::<String>("output").map(|name| file(name)).transpose().map_err(Faults::one)?;
    if let Some(exit) = running::act(matches, lines.as_ref())? {
        return Ok(exit);
    }
    let library = Library::of_environment();
    let policies = super::texts(matches, POLICY.id);
    let (document, policy) = read::read(&policies, &super::texts(matches, PROPERTY.id), &library).map_err(Faults)?;
    let argv: Vec<OsString> = matches.get_many::<OsString>("COMMAND").unwrap_or_default().cloned().collect();
    let draft = policy.draft();
    // What is told is of the policy as it would be carried out.
    let whole = Host::probe(&draft).map_err(Faults::one)?;
    let (host, mut plan) = read::plan(&tell::monitored(&draft), argv).map_err(Faults)?;
    let lines = lines.map(|file| target::forget(file.into()));
    let told = Told { explain: Explain::Monitor, json: matches.get_flag("json"), lines, journal: None };
    equip(&mut plan, &whole, document, told)?;
    Err(Faults::one(crate::run::exec(&plan, &host, None)).into())
}

/// A file that lines are added to.
fn file(name: &str) -> Result<File, Fault> {
    let open = OpenOptions::new().append(true).create(true).open(name);
    open.map_err(|error| Fault::new(format!("cannot write {name}: {}", crate::fault::reason(&error))).exit(Exit::Usage))
}

/// How denials are told.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) explain: Explain,
    pub(super) json: bool,
    /// Open descriptors; see [`Teller`].
    pub(super) lines: Option<i32>,
    pub(super) journal: Option<i32>,
}

/// Gives a plan's supervisor what it tells by.
pub(super) fn equip(plan: &mut Plan, host: &Host, document: Document, told: Told) -> anyhow::Result<()> {
    let Told { explain, json, lines, journal } = told;
    let mounts = crate::host::mounts::table().map_err(Faults::one)?;
    let case = Case { document, host: host.clone(), mounts };
    let look = |_: &std::path::Path, host: Option<&std::path::Path>| host.map_or(Thing::MISSING, Thing::at);
    let judge = case.judge(&[], &look).ok_or_else(|| Faults(case.obstacles()))?;
    tell::equip(plan, Teller { judge, explain, json, lines, journal });
    Ok(())
}
