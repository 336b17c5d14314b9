//! `stockade check`: everything that is wrong with policies.

use std::io;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use crate::fault::{Exit, Fault};
use crate::policy::Policy;
use crate::report::check::Checked;
use crate::report::lint;
use crate::text::Document;
use crate::text::profiles::Library;

use super::unit::{self, Chosen};
use super::{door, options, read};

/// The command line.
pub(super) fn command() -> Command {
    let lints: Vec<String> = lint::LINTS.iter().map(|lint| format!("  {:19} {}", lint.name, lint.about)).collect();
    Command::new("check")
        .about("Tell everything that is wrong with policies")
        .long_about(
            "Tell all the faults of policies at once, and what in them has no effect or not the one that was probably \
             meant. Ends with 78 when a policy has a fault. Nothing about this machine is looked at: `stockade explain` \
             and `stockade doctor` do that.",
        )
        .arg(
            Arg::new("POLICY")
                .help("A profile, or a policy file (with a `/` or `.toml`)")
                .value_hint(ValueHint::FilePath)
                .required_unless_present("unit")
                .action(ArgAction::Append)
                .num_args(1..),
        )
        .arg(
            Arg::new("unit")
                .long("unit")
                .value_name("NAME|FILE")
                .help("Check the sandbox of a service of systemd's, as `run --unit` takes it")
                .value_hint(ValueHint::Other)
                .action(ArgAction::Append),
        )
        .arg(options::json())
        .after_long_help(format!(
            "Examples:\n  stockade check ./web.toml\n  stockade check --json /etc/stockade/*.toml\n\nLints:\n{}",
            lints.join("\n")
        ))
}

/// Checks each policy on its own.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let library = Library::of_environment();
    let policy = |name: &String| check(name, read::read(std::slice::from_ref(name), &[], &library));
    let service = |name: &String| {
        let chosen = Chosen { name: name.clone(), weaker: false };
        check(name, unit::read(Some(&chosen), &[], &[], &library))
    };
    let mut checked: Vec<Checked> = super::texts(matches, "POLICY").iter().map(policy).collect();
    checked.extend(super::texts(matches, "unit").iter().map(service));
    if matches.get_flag("json") {
        door::json(&checked.iter().map(Checked::json).collect())?;
    } else {
        let colour = door::colour(&io::stdout());
        door::say(&checked.iter().map(|one| one.text(colour)).collect::<String>())?;
    }
    let good = checked.iter().all(|one| one.faults.is_empty());
    Ok(if good { Exit::Success } else { Exit::Config })
}

fn check(name: &str, read: Result<(Document, Policy), Vec<Fault>>) -> Checked {
    match read {
        Ok((document, policy)) => Checked {
            name: name.into(),
            faults: Vec::new(),
            findings: lint::findings(&document, &policy),
            directives: policy.written.len(),
        },
        Err(faults) => Checked { name: name.into(), faults, findings: Vec::new(), directives: 0 },
    }
}
