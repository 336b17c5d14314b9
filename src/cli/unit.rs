//! `--unit`: the sandbox of a service of systemd's, as the head of a policy.

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, ValueHint};

use crate::fault::{Fault, clean};
use crate::policy::Policy;
use crate::policy::service::{self, Service};
use crate::text::profiles::Library;
use crate::text::unit::Unit;
use crate::text::{Document, units};

use super::{door, import, read};

/// A unit whose sandbox holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its name, or its file (with a `/`).
    pub name: String,
    /// Whether it may be weaker than systemd's.
    pub weaker: bool,
}

/// The options.
pub(super) fn args() -> [Arg; 2] {
    [
        Arg::new("unit")
            .long("unit")
            .value_name("NAME|FILE")
            .help("Apply the sandbox of a service of systemd's")
            .long_help(
                "Apply the sandbox of a service of systemd's, by its name or its file (with a `/`), with its drop-ins: what \
                 `stockade import unit` prints. It comes before -P and -p. Without COMMAND its ExecStart= is executed. A \
                 word of the unit's that confines and that stockade cannot carry out is an error.",
            )
            .value_hint(ValueHint::Other),
        Arg::new("weaker")
            .long("weaker")
            .requires("unit")
            .help("Go on where the unit confines more than stockade can; what is missing is told")
            .action(ArgAction::SetTrue),
    ]
}

/// What clap read.
pub(super) fn request(matches: &ArgMatches) -> Option<Chosen> {
    let name = matches.get_one::<String>("unit").cloned()?;
    Some(Chosen { name, weaker: matches.get_flag("weaker") })
}

/// Reads a unit on behalf of `uid`, or of nobody where it is only looked at, and gives it its meaning.
///
/// # Errors
/// As [`units::load`].
pub(super) fn load(name: &str, uid: Option<u32>) -> Result<(Unit, Service), Vec<Fault>> {
    let (unit, odd) = units::load(name, &units::DIRECTORIES.map(Path::new), uid)?;
    let mut service = service::service(&unit);
    service.warnings.splice(0..0, odd);
    Ok((unit, service))
}

/// A unit's words, then those of policies and properties, and what they mean together.
///
/// # Errors
/// As [`document`] and [`read::read`].
pub(super) fn read(
    chosen: Option<&Chosen>,
    policies: &[String],
    properties: &[String],
    library: &Library,
) -> Result<(Document, Policy), Vec<Fault>> {
    let Some(chosen) = chosen else { return read::read(policies, properties, library) };
    let mut document = document(chosen, library.uid)?;
    document.extend(read::words(policies, properties, library)?);
    let policy = Policy::read(&document)?;
    Ok((document, policy))
}

/// The words of a unit.
///
/// # Errors
/// As [`load`], and every word without which the sandbox would be weaker.
pub(super) fn document(chosen: &Chosen, uid: u32) -> Result<Document, Vec<Fault>> {
    let (_, Service { document, left, warnings, .. }) = load(&chosen.name, Some(uid))?;
    let lost: Vec<_> = left.into_iter().filter(|left| left.weaker).collect();
    if !chosen.weaker && !lost.is_empty() {
        let fault = |left: service::Left| {
            Fault::at(&left.at, format!("stockade cannot carry out `{}`", left.text))
                .help(left.why)
                .help("--weaker goes on without it")
        };
        return Err(lost.into_iter().map(fault).collect());
    }
    import::warn(&warnings);
    for left in lost {
        door::tell(&format!("stockade: weaker than the unit: {} ({}) does not hold\n", clean(&left.text), left.at));
    }
    Ok(document)
}
