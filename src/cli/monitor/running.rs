//! `stockade monitor` of what runs already: the kernel's audit records, told as a policy sees them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};

use crate::fault::{Exit, Fault};
use crate::host::look::Thing;
use crate::learn::audit::source::{self, KINDS, Source};
use crate::learn::audit::{self, Asked, Gather, Record, Sighting, Watch, Whom};
use crate::learn::running;
use crate::plan::event::Event;
use crate::plan::why::Judge;

use crate::cli::door::{self, Faults};
use crate::cli::options::{POLICY, PROPERTY};

/// The options.
pub(super) const WHOM: [&str; 4] = ["pid", "cgroup", "system", "records"];

/// The options, for clap.
pub(super) fn args() -> [Arg; 6] {
    let others = |own: &str| WHOM.into_iter().filter(|id| *id != own).chain(["COMMAND"]).collect::<Vec<_>>();
    [
        Arg::new("pid")
            .long("pid")
            .value_name("PID")
            .help("Tell the kernel's records of a process that runs already, and of what it starts")
            .value_parser(value_parser!(i32).range(1..))
            .conflicts_with_all(others("pid")),
        Arg::new("cgroup")
            .long("cgroup")
            .value_name("PATH|UNIT")
            .help("Tell the kernel's records of a running service or container")
            .value_hint(ValueHint::DirPath)
            .conflicts_with_all(others("cgroup")),
        Arg::new("system")
            .long("system")
            .help("Tell the kernel's records of all processes")
            .action(ArgAction::SetTrue)
            .conflicts_with_all(others("system")),
        Arg::new("records")
            .long("records")
            .value_name("FILE")
            .help("Tell records that were kept: of dmesg, syslog or auditd, or `-` for standard input")
            .value_hint(ValueHint::FilePath)
            .conflicts_with_all(others("records")),
        Arg::new("source")
            .long("source")
            .value_name("SOURCE")
            .help("Read records here, instead of where most are")
            .value_parser(PossibleValuesParser::new(KINDS.iter().map(|(_, word)| *word)))
            .conflicts_with_all(["COMMAND", "records"]),
        Arg::new("for")
            .long("for")
            .value_name("SECONDS")
            .help("End after this time")
            .value_parser(value_parser!(u64))
            .conflicts_with_all(["COMMAND", "records"]),
    ]
}

/// Whom the options name; nothing where a command is to be executed.
fn whom(matches: &ArgMatches) -> Result<Option<Whom>, Fault> {
    if let Some(pid) = matches.get_one::<i32>("pid") {
        return Ok(Some(Whom::Tree(*pid)));
    }
    if let Some(name) = matches.get_one::<String>("cgroup") {
        let place = running::place(name)?;
        let path = running::path(&place)
            .ok_or_else(|| Fault::new(format!("{} is not below /sys/fs/cgroup", place.display())).exit(Exit::Usage))?;
        return Ok(Some(Whom::Group(place, path)));
    }
    Ok(matches.get_flag("system").then_some(Whom::System))
}

/// Tells records, where the options ask for that.
pub(super) fn act(matches: &ArgMatches, lines: Option<&fs::File>) -> anyhow::Result<Option<Exit>> {
    let kept = matches.get_one::<String>("records");
    let whom = whom(matches).map_err(Faults::one)?;
    if kept.is_none() && whom.is_none() {
        return Ok(None);
    }
    let policies = crate::cli::texts(matches, POLICY.id);
    let properties = crate::cli::texts(matches, PROPERTY.id);
    let any = !policies.is_empty() || !properties.is_empty();
    let case = any.then(|| crate::cli::why::case(&policies, &properties)).transpose()?;
    let mut teller =
        Teller { judge: case.map(|(_, judge)| judge), json: matches.get_flag("json"), lines, told: BTreeSet::new() };
    let Some(whom) = whom else {
        kept.map(|name| replay(name, &mut teller)).transpose()?;
        return Ok(Some(Exit::Success));
    };
    source::logged().map_err(Faults::one)?;
    let word = matches.get_one::<String>("source");
    let only = KINDS.iter().find(|(_, known)| word.is_some_and(|word| word == known)).map(|(kind, _)| *kind);
    let source = Source::open(only).map_err(Faults::one)?;
    warn(&source, &whom);
    let time = matches.get_one::<u64>("for").map(|seconds| Duration::from_secs(*seconds));
    let missed = audit::watch(Watch { whom, time, source }, |sighting| teller.tell(&sighting));
    let missed = missed.map_err(Stopped::error)?;
    if missed.lost > 0 {
        door::tell(&format!("stockade: records were lost {} times: the list is not complete\n", missed.lost));
    }
    if missed.unknown > 0 {
        door::tell(&format!(
            "stockade: {} records were of processes that had ended, and are not told: use --cgroup or --system\n",
            missed.unknown
        ));
    }
    Ok(Some(Exit::Success))
}

/// What will not be seen.
fn warn(source: &Source, whom: &Whom) {
    if let Some(warning) = source.warning() {
        door::tell(&format!("stockade: {warning}\n"));
    }
    if source::audits() == Some(false) {
        door::tell(
            "stockade: the kernel does not audit calls: arguments and what Landlock refuses are not recorded \
             (auditctl -e 1, or audit=1 at boot)\n",
        );
    }
    if let Whom::Tree(pid) = whom {
        let status = crate::host::lossy(&format!("/proc/{pid}/status")).unwrap_or_default();
        if status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "0")) {
            door::tell(&format!(
                "stockade: process {pid} has no filter, so nothing that it calls is recorded: start it under one that \
                 logs, -p Seccomp.Default=log\n"
            ));
        }
    }
}

/// Why nothing more is told.
enum Stopped {
    Fault(Fault),
    Output(anyhow::Error),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Stopped {
    fn error(self) -> anyhow::Error {
        match self {
            Self::Fault(fault) => Faults::one(fault).into(),
            Self::Output(error) => error,
        }
    }
}

/// Tells each kind once.
struct Teller<'a> {
    judge: Option<Judge>,
    json: bool,
    lines: Option<&'a fs::File>,
    told: BTreeSet<String>,
}

impl Teller<'_> {
    fn tell(&mut self, sighting: &Sighting) -> Result<(), Stopped> {
        let asked = self.judge.as_ref().map(|judge| Asked { judge, look: &Thing::behind });
        let Some(event) = audit::event(sighting, asked) else { return Ok(()) };
        if !self.told.insert(event.key()) {
            return Ok(());
        }
        self.write(&event).map_err(Stopped::Output)
    }

    fn write(&mut self, event: &Event) -> anyhow::Result<()> {
        let line = if self.json { format!("{}\n", event.json()) } else { event.line() };
        match &mut self.lines {
            Some(file) => Ok(file.write_all(line.as_bytes())?),
            None => door::say(&line),
        }
    }
}

/// Tells records that somebody kept.
fn replay(name: &str, teller: &mut Teller<'_>) -> anyhow::Result<()> {
    let unreadable = |error: io::Error| {
        Faults::one(
            Fault::new(format!("cannot read the records in {name}: {}", crate::fault::reason(&error)))
                .exit(Exit::Usage),
        )
    };
    let mut input: Box<dyn BufRead> = match name {
        "-" => Box::new(io::stdin().lock()),
        _ => Box::new(BufReader::new(fs::File::open(name).map_err(unreadable)?)),
    };
    let now = Instant::now();
    let mut gather = Gather::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        let record = if line.starts_with(b"{") { Record::journal(&line) } else { Record::kept(&line) };
        for sighting in record.into_iter().flat_map(|record| gather.push(record, now)) {
            teller.tell(&sighting).map_err(Stopped::error)?;
        }
    }
    for sighting in gather.settle(None) {
        teller.tell(&sighting).map_err(Stopped::error)?;
    }
    Ok(())
}
