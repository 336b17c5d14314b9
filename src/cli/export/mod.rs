//! `stockade export`: a policy's filter in other tools' formats.
//!
//! `unit` is `export unit`: a drop-in. Another format is a row of `FORMATS` and a view in `report`.

mod unit;

use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::draft::Draft;
use crate::draft::arch::Arch;
use crate::draft::syscalls::Filter;
use crate::fault::{Exit, Fault, clean};
use crate::host::{Host, Verdict};
use crate::plan::filter::flat::{self, Flat};
use crate::plan::filter::stage::Stage;
use crate::plan::seccomp;
use crate::policy::{Policy, restrict};
use crate::report::{oci, pretty};
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::options::{POLICY, PROPERTY};
use super::read;

/// A format of the filter alone.
struct Format {
    /// What it is called on the command line.
    word: &'static str,
    /// Whether the name of the profile is that of a Kubernetes object.
    object: bool,
    /// Writes the profile by this name.
    write: fn(&Flat, &str) -> Result<Written, Fault>,
}

/// A profile's text, and what is to be known about it.
type Written = (String, Vec<String>);

/// The formats, in the order of the help.
const FORMATS: [Format; 3] = [
    Format { word: "oci", object: false, write: |flat, _| Ok((pretty(&oci::profile(flat)?), Vec::new())) },
    Format { word: "kubernetes", object: true, write: |flat, name| Ok((oci::kubernetes(flat, name)?, Vec::new())) },
    Format {
        word: "spo",
        object: true,
        write: |flat, name| oci::operator(flat, name).map(|(object, notes)| (pretty(&object), notes)),
    },
];

/// The format that is more than a filter.
const UNIT: &str = "unit";

/// The command line.
pub(super) fn command() -> Command {
    let words = FORMATS.iter().map(|format| format.word).chain([UNIT]);
    Command::new("export")
        .about("Print a policy for Docker, podman, Kubernetes or systemd")
        .long_about(
            "Print a policy's system call filter for other tools: *oci* is a profile in the JSON of the OCI runtime \
             specification, which Docker, podman and containerd read; *kubernetes* the same as a Localhost profile, with what to \
             write in a pod; *spo* a SeccompProfile of the security-profiles-operator. The profile answers every call as the \
             policy does; what cannot be said in it is an error, and what an engine does otherwise is told on standard error. \
             *unit* is a drop-in for a service of systemd's with all directives that systemd knows, or with --prefix one that puts \
             stockade in front of the service's command. Words that systemd has not are named in comments, and those of them that confine \
             are an error without --weaker.",
        )
        .arg(Arg::new("FORMAT").help("What to print").required(true).value_parser(PossibleValuesParser::new(words)))
        .arg(Arg::new("POLICY").help("A profile, or a policy file (with a `/` or `.toml`)").value_hint(ValueHint::FilePath))
        .args([POLICY.arg(), PROPERTY.arg()])
        .arg(Arg::new("name").long("name").value_name("NAME").help("What the profile is called, instead of the policy's name"))
        .args(unit::args())
        .arg(
            Arg::new("phase")
                .long("phase")
                .value_name("PHASE")
                .help("What the profile does: learn, monitor or protect")
                .long_help(
                    "*learn*: every call runs and is logged. *monitor*: every call runs, and what the policy refuses is logged. \
                     *protect*: the policy. What is logged is in the kernel's log and audit records (type 1326), where \
                     /proc/sys/kernel/seccomp/actions_logged has `log` in it.",
                )
                .value_parser(PossibleValuesParser::new(Stage::WORDS))
                .default_value("protect"),
        )
        .after_long_help(
            "Examples:\n  stockade export oci strict > strict.json\n  stockade export kubernetes ./web.toml --name web\n  \
             stockade export spo ./web.toml --phase monitor | kubectl apply -f -\n  \
             stockade export unit service > /etc/systemd/system/web.service.d/sandbox.conf\n  \
             stockade export unit --prefix /etc/stockade/nginx.toml --unit nginx.service",
        )
}

/// Plans the filter and prints it.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let policies = super::policies(matches, "POLICY");
    let properties = super::texts(matches, PROPERTY.id);
    let given = matches.get_one::<String>("FORMAT").map_or("", String::as_str);
    let word = matches.get_one::<String>("phase").map_or("protect", String::as_str);
    let stage = Stage::parse(word).unwrap_or(Stage::Protect);
    let Some(format) = FORMATS.iter().find(|format| format.word == given) else {
        if stage != Stage::Protect {
            let fault = Fault::new(format!("a unit has no directives by which it would only {word}")).exit(Exit::Usage);
            return Err(Faults::one(fault.help("`stockade monitor` and `learn --cgroup` do that for a service")).into());
        }
        return unit::act(matches, &policies, &properties);
    };
    if let Some(word) = ["prefix", "weaker"].into_iter().find(|word| matches.get_flag(word)) {
        let fault = Fault::new(format!("--{word} is for units, and {given} is none")).exit(Exit::Usage);
        return Err(Faults::one(fault).into());
    }
    let (_, policy) = read::read(&policies, &properties, &Library::of_environment()).map_err(Faults)?;
    let name = match matches.get_one::<String>("name") {
        Some(name) => name.clone(),
        None => policies.last().map_or_else(|| "stockade".into(), |policy| stem(policy)),
    };
    if format.object && !is_name(&name) {
        let fault = Fault::new(format!("`{name}` cannot be the name of a Kubernetes object")).exit(Exit::Usage);
        return Err(Faults::one(fault.help("write lower-case letters, digits, `-` and `.`: --name web")).into());
    }
    let draft = policy.draft();
    // The profile is for other machines: what this one lacks is no part of it.
    let host = Host { user_namespace: Verdict::Untried, ..Host::probe(&draft).map_err(Faults::one)? };
    let filter = filter(&draft, &host).map_err(Faults::one)?;
    let flat = stage.of(flat::flatten(&filter, Arch::native()).map_err(Faults::one)?, Arch::native());
    let mut notes = oci::differences(&flat);
    let (text, more) = (format.write)(&flat, &name).map_err(Faults::one)?;
    notes.extend(more);
    if stage != Stage::Protect {
        notes.push(format!("the phase is {word}: this profile refuses nothing"));
    }
    if stage == Stage::Protect && seccomp::refuses_execve(&filter) {
        notes.push(
            "the profile refuses execve, with which an engine starts the container's program: -p SystemCallFilter=execve \
             allows it"
                .into(),
        );
    }
    notes.extend(left_behind(&policy, &filter));
    tell(&notes);
    door::say(&text)?;
    Ok(Exit::Success)
}

/// Tells what is to be known about what is printed.
pub(super) fn tell(notes: &[String]) {
    for note in notes {
        door::tell(&format!("stockade: note: {}\n", clean(note)));
    }
}

/// The policy's whole filter, for any kernel: what new kernels have other means for is in it.
fn filter(draft: &Draft, host: &Host) -> Result<Filter, Fault> {
    let mut bare = draft.clone();
    let write_execute = bare.deny_write_execute.take();
    let nothing = !seccomp::wanted(&bare, host) && write_execute.is_none();
    if nothing {
        return Err(Fault::new("this policy filters no system calls").help("a profile holds a filter and nothing else"));
    }
    let mut filter = seccomp::exported(&bare, host);
    if let Some(asked) = write_execute {
        filter.layers.push(restrict::write_execute(&asked.by).into());
    }
    Ok(filter)
}

/// The directives that a profile has no place for.
fn left_behind(policy: &Policy, filter: &Filter) -> Option<String> {
    let part = |name: &str| {
        name.starts_with("SystemCall")
            || name.starts_with("Seccomp")
            || name == "Extends"
            || filter.layers.iter().any(|layer| layer.by.directive == name)
    };
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in policy.written.iter().filter(|(name, _)| !part(name)) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| format!("a profile holds the system call filter only; not in it: {}", names.join(", ")))
}

/// A file's name without its end.
fn stem(policy: &str) -> String {
    Path::new(policy).file_stem().map_or_else(|| policy.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Whether Kubernetes takes the name for an object (RFC 1123 subdomains).
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    };
    name.len() <= 253 && name.split('.').all(part)
}
