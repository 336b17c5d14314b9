//! `stockade import`: a policy from what other tools confine programs by.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context;
use caps::Capability;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::draft::Draft;
use crate::draft::capabilities::CapSet;
use crate::draft::profile::DOCKER;
use crate::fault::{Exit, Fault, Source, clean};
use crate::host::Host;
use crate::policy::{Policy, profile};
use crate::report::check;
use crate::report::import::{self, Chosen};
use crate::report::lint::Finding;
use crate::report::service;
use crate::text::kubernetes::{self, Container, Profile};
use crate::text::profiles::Library;
use crate::text::{attach, oci, toml};

use super::door::{self, Faults};
use super::unit;

/// The formats.
const FORMATS: [&str; 4] = ["oci", "kubernetes", "spo", "unit"];

/// How long an imported file can be: 4 MiB.
const LIMIT: u64 = 4 << 20;

/// The command line.
pub(super) fn command() -> Command {
    Command::new("import")
        .about("Make a policy from a seccomp profile of Docker's or Kubernetes', or from a service of systemd's")
        .long_about(
            "Make a policy from what other tools confine programs by, with its comments and with what was decided on the way. \
             *oci* is the JSON of the OCI runtime specification with what Docker and podman add to it, *kubernetes* a pod \
             (or what has pods in it: a Deployment, a Job) or the JSON of a Localhost profile, *spo* a SeccompProfile \
             of the security-profiles-operator. *unit* is a service of systemd's, by its name or its file (with a `/`), with its \
             drop-ins: the policy says what a system service has by itself, too, and comments name every word that is left \
             behind. What is odd is told on standard error.",
        )
        .arg(Arg::new("FORMAT").help("What it is").required(true).value_parser(PossibleValuesParser::new(FORMATS)))
        .arg(Arg::new("FILE").help("The file; `-` is standard input, and for *unit* a name will do").required(true).value_hint(ValueHint::FilePath))
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("POLICY")
                .help("Write the policy to this file, which must not be there yet")
                .value_hint(ValueHint::FilePath),
        )
        .arg(Arg::new("caps").long("caps").value_name("CAPABILITIES").help(
            "Decide includes and excludes for these capabilities (with commas; also `all`, `none`, and `docker`, the default)",
        ))
        .arg(
            Arg::new("kernel")
                .long("kernel")
                .value_name("VERSION")
                .help("Decide includes and excludes for this kernel instead of the running one"),
        )
        .arg(Arg::new("container").long("container").value_name("NAME").help("Take this container of the pod"))
        .arg(Arg::new("profile").long("profile").value_name("NAME").help("Take this SeccompProfile of several"))
        .arg(
            Arg::new("root")
                .long("root")
                .value_name("DIRECTORY")
                .help("Look for Localhost profiles below this directory")
                .default_value(attach::KUBELET)
                .value_hint(ValueHint::DirPath),
        )
        .after_long_help(
            "Examples:\n  stockade import oci seccomp.json -o web.toml\n  stockade import oci --caps docker,CAP_SYS_PTRACE \
             default.json\n  stockade import kubernetes --container web pod.yaml\n  stockade import unit nginx.service -o nginx.toml",
        )
}

/// Reads, decides and prints.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let text = |id: &str| matches.get_one::<String>(id).map(String::as_str);
    let format = text("FORMAT").unwrap_or_default();
    if format == "unit" {
        let name = text("FILE").unwrap_or_default();
        let (_, service) = unit::load(name, Some(Library::of_environment().uid)).map_err(Faults)?;
        warn(&service.warnings);
        return write(text("output"), &service::policy(&service, name));
    }
    let source = read(text("FILE").unwrap_or_default())?;
    let chosen = Chosen { caps: capabilities(text("caps")).map_err(Faults::one)?, kernel: kernel(text("kernel"))? };
    let made = match format {
        "oci" => {
            let words = oci::parse(&source).map_err(Faults)?;
            one(&words, chosen, &source.name)?
        }
        _ => objects(&source, format, chosen, matches)?,
    };
    write(text("output"), &made)
}

/// Writes the policy, which must be one, whatever was read.
fn write(output: Option<&str>, made: &str) -> anyhow::Result<Exit> {
    let made_of = Arc::new(Source { name: "import".into(), text: made.into() });
    let document = toml::parse(&made_of).map_err(Faults)?;
    Policy::read(&document).map_err(Faults)?;
    match output {
        Some(path) => save(Path::new(path), made)?,
        None if io::stdout().is_terminal() => door::say(&clean(made))?,
        None => door::say(made)?,
    }
    Ok(Exit::Success)
}

/// One profile.
fn one(words: &oci::Profile<'_>, chosen: Chosen, name: &str) -> anyhow::Result<String> {
    let (profile, warnings) = profile::meaning(words).map_err(Faults)?;
    warn(&warnings);
    Ok(import::policy(&profile, chosen, name))
}

/// Kubernetes objects: a profile, or what a container names.
fn objects(source: &Arc<Source>, format: &str, chosen: Chosen, matches: &ArgMatches) -> anyhow::Result<String> {
    let objects = kubernetes::parse(source).map_err(Faults)?;
    warn(&objects.warnings);
    if let Some(wanted) = matches.get_one::<String>("profile") {
        let Some((_, words)) = objects.profiles.iter().find(|(name, _)| name == wanted) else {
            let fault = Fault::new(format!("there is no SeccompProfile `{wanted}` in {}", source.name));
            return Err(Faults::one(fault.help(format!("there are: {}", names(&objects.profiles)))).into());
        };
        return one(words, chosen, &format!("{wanted} in {}", source.name));
    }
    match objects.profiles.as_slice() {
        [(name, words)] if format == "spo" || objects.containers.is_empty() => {
            let name = if name.is_empty() { source.name.clone() } else { format!("{name} in {}", source.name) };
            return one(words, chosen, &name);
        }
        [] if format == "spo" => {
            let mut fault = Fault::new(format!("there is no SeccompProfile in {}", source.name));
            if objects.kinds.iter().any(|kind| kind == "ConfigMap") {
                fault =
                    fault.help("a ConfigMap keeps profiles as text: take one out, and `stockade import oci` reads it");
            }
            if !objects.containers.is_empty() || objects.kinds.is_empty() {
                fault = fault.help("pods are read by: stockade import kubernetes FILE");
            } else {
                fault = fault.help(format!("there is: {}", objects.kinds.join(", ")));
            }
            return Err(Faults::one(fault).into());
        }
        [] => {}
        several if format == "spo" => {
            let fault = Fault::new(format!("there are several profiles in {}", source.name)).exit(Exit::Usage);
            let help = format!("say which: --profile NAME ({})", names(several));
            return Err(Faults::one(fault.help(help)).into());
        }
        _ => {}
    }
    let wanted = matches.get_one::<String>("container").map(String::as_str);
    let container = container(&objects.containers, wanted, &source.name).map_err(Faults::one)?;
    let Some((profile, at)) = &container.profile else {
        let who = if container.name.is_empty() { "the pod" } else { &container.name };
        return Err(Faults::one(
            Fault::new(format!("{} says nothing about the seccomp profile of {who}", source.name))
                .help("Kubernetes runs it unconfined then, or with RuntimeDefault where kubelet has seccompDefault"),
        )
        .into());
    };
    match profile {
        Profile::Unconfined => Ok(import::named("Unconfined", &container.name, at)),
        Profile::RuntimeDefault => Ok(import::named("RuntimeDefault", &container.name, at)),
        Profile::Localhost(name) => {
            // The file itself stands in the same text, as `stockade export kubernetes` prints it.
            if let [(_, words)] = objects.profiles.as_slice() {
                return one(words, chosen, &format!("{name} in {}", source.name));
            }
            let root = matches.get_one::<String>("root").map_or(attach::KUBELET, String::as_str);
            let here = |fault: Fault| Faults::one(Fault { origin: Some(at.clone()), ..fault });
            let path = attach::below(Path::new(root), name).map_err(here)?;
            let file = attach::file(&path, Library::of_environment().uid)
                .map_err(|fault| here(fault.help("where nodes keep their profiles elsewhere: --root DIRECTORY")))?;
            let words = oci::parse(&file).map_err(Faults)?;
            one(&words, chosen, &file.name)
        }
    }
}

fn names(profiles: &[(String, oci::Profile<'_>)]) -> String {
    profiles.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The container that is asked for, or the only one; of several that have the same profile any.
pub(super) fn container<'a>(all: &'a [Container], wanted: Option<&str>, file: &str) -> Result<&'a Container, Fault> {
    let names = || all.iter().map(|container| container.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(first) = all.first() else {
        return Err(Fault::new(format!("there is no pod in {file}")));
    };
    if let Some(wanted) = wanted {
        let found = all.iter().find(|container| container.name == wanted);
        return found.ok_or_else(|| {
            Fault::new(format!("{file} has no container `{wanted}`")).help(format!("there are: {}", names()))
        });
    }
    let profile = |container: &'a Container| container.profile.as_ref().map(|(profile, _)| profile);
    if all.iter().any(|container| profile(container) != profile(first)) {
        return Err(Fault::new(format!("the containers in {file} have different profiles"))
            .help(format!("say which: --container NAME ({})", names()))
            .exit(Exit::Usage));
    }
    Ok(first)
}

fn read(name: &str) -> anyhow::Result<Arc<Source>> {
    let mut text = String::new();
    let (name, size) = if name == "-" {
        ("standard input", io::stdin().lock().take(LIMIT + 1).read_to_string(&mut text))
    } else {
        let file = fs::File::open(name).with_context(|| format!("cannot read {name}"))?;
        (name, file.take(LIMIT + 1).read_to_string(&mut text))
    };
    if size.with_context(|| format!("cannot read {name}"))? as u64 > LIMIT {
        return Err(Faults::one(Fault::new(format!("{name} is longer than 4 MiB"))).into());
    }
    Ok(Arc::new(Source { name: name.into(), text }))
}

fn capabilities(words: Option<&str>) -> Result<CapSet, Fault> {
    let Some(words) = words else { return Ok(DOCKER) };
    let mut set = CapSet::EMPTY;
    for word in words.split([',', ' ']).filter(|word| !word.is_empty()) {
        set = match word {
            "docker" => set.union(DOCKER),
            "all" => CapSet::all(),
            "none" => set,
            word => {
                let name = word.to_ascii_uppercase();
                let name = if name.starts_with("CAP_") { name } else { format!("CAP_{name}") };
                let capability = Capability::from_str(&name).map_err(|_| {
                    Fault::new(format!("`{word}` is not a capability"))
                        .help("write names as in capabilities(7), or one of: docker, all, none")
                        .exit(Exit::Usage)
                })?;
                set.with(capability)
            }
        };
    }
    Ok(set)
}

fn kernel(word: Option<&str>) -> anyhow::Result<(u32, u32)> {
    let Some(word) = word else {
        return Ok(Host::probe(&Draft::default()).map_err(Faults::one)?.release);
    };
    let wrong =
        || Fault::new(format!("`{word}` is not a kernel's version")).help("write for instance 6.1").exit(Exit::Usage);
    Ok(oci::version(word).ok_or_else(|| Faults::one(wrong()))?)
}

fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| unopened(path, &error))?;
    let written = io::Write::write_all(&mut file, text.as_bytes());
    // An empty file is a policy that confines nothing.
    written.inspect_err(|_| drop(fs::remove_file(path))).with_context(|| format!("cannot write {}", path.display()))
}

fn unopened(path: &Path, error: &io::Error) -> anyhow::Error {
    let message = format!("cannot write {}: {}", path.display(), crate::fault::reason(error));
    let fault = Fault::new(message).exit(Exit::Failure);
    let there = error.kind() == io::ErrorKind::AlreadyExists;
    Faults::one(if there { fault.help("take it away first, or write another: -o FILE") } else { fault }).into()
}

/// Tells what is odd.
pub(super) fn warn(warnings: &[Fault]) {
    let colour = door::colour(&io::stderr());
    for fault in warnings {
        let help = fault.help.join("; ");
        let help = if help.is_empty() { "`man stockade.toml` says how each directive is read".into() } else { help };
        let finding = Finding { lint: "profile", message: fault.message.clone(), origin: fault.origin.clone(), help };
        door::tell(&check::warning(&finding, colour));
    }
}
