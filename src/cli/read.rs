//! From what was typed to a policy: the same way for every verb.

use std::ffi::OsString;

use crate::draft::Draft;
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::text::profiles::Library;
use crate::text::{Document, attach, flags};

/// Reads policies, then properties, and gives them their meaning.
///
/// # Errors
/// Nothing was asked for, or everything that is wrong with what was.
pub fn read(policies: &[String], properties: &[String], library: &Library) -> Result<(Document, Policy), Vec<Fault>> {
    if policies.is_empty() && properties.is_empty() {
        return Err(vec![nothing(library)]);
    }
    let document = words(policies, properties, library)?;
    let policy = Policy::read(&document)?;
    Ok((document, policy))
}

/// The words of policies, then properties.
///
/// # Errors
/// Everything that is wrong with the texts.
pub(super) fn words(policies: &[String], properties: &[String], library: &Library) -> Result<Document, Vec<Fault>> {
    let mut document = library.load_all(policies)?;
    let mut faults = Vec::new();
    for property in properties {
        match flags::parse(property) {
            Ok(mut entry) => match attach::attach(&mut entry, None, library.uid) {
                Ok(()) => document.extend(entry),
                Err(more) => faults.extend(more),
            },
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(document) } else { Err(faults) }
}

/// This machine, and the plan of a draft on it.
///
/// # Errors
/// What cannot be looked up, and what this machine cannot enforce.
pub fn plan(draft: &Draft, argv: Vec<OsString>) -> Result<(Host, Plan), Vec<Fault>> {
    let host = Host::probe(draft).map_err(|fault| vec![fault])?;
    let plan = Plan::new(draft, &host, argv)?;
    Ok((host, plan))
}

/// No policy at all: what there is to choose from.
fn nothing(library: &Library) -> Fault {
    let profiles = library.names();
    let width = profiles.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let fault = Fault::new("no policy was given").exit(Exit::Usage);
    let mut fault = fault.help("name a profile or a file, for instance: -P strict, or -P ./web.toml");
    for (name, summary) in &profiles {
        fault = fault.help(format!("-P {name:width$}  {summary}"));
    }
    fault.help("-p DIRECTIVE=VALUE sets single directives, as systemd-run does")
}
