//! `-p Directive=Value`: one entry, as systemd-run reads it.

use std::path::Path;
use std::sync::Arc;

use super::{Document, Entry, Kind, Value, profiles, toml, unit};
use crate::fault::{Exit, FLAG, Fault, Origin, Source};

/// Reads the value of one `-p`.
///
/// The value is text as it stands, and the directive's own grammar splits it. Names that systemd had before are read as
/// today's. Words in tables,
/// which systemd has not (`Seccomp.Rule`), may have a value in TOML: it starts with `{` or `[`.
///
/// # Errors
/// A flag without a name or `=` is wrong usage; a value that should be TOML and is not is a bad
/// policy.
pub fn parse(flag: &str) -> Result<Document, Fault> {
    let source = Arc::new(Source { name: FLAG.into(), text: flag.into() });
    let whole = Origin::new(&source, 0..flag.len());
    let Some((name, value)) = flag.split_once('=') else {
        let fault = Fault::at(&whole, "`-p` takes DIRECTIVE=VALUE, and there is no `=` here").exit(Exit::Usage);
        return Err(match flag {
            _ if flag.contains('/')
                || Path::new(flag).extension().is_some_and(|end| end == "toml")
                || profiles::shipped(flag).is_some() =>
            {
                fault.help(format!("a profile or a policy file is given by a capital -P: -P {flag}"))
            }
            "" => fault.help("for a switch, write `-p PrivateTmp=yes`"),
            _ => fault.help(format!("for a switch, write `-p {flag}=yes`")),
        });
    };
    if name.trim().is_empty() {
        return Err(Fault::at(&whole, "`-p` takes DIRECTIVE=VALUE, and there is no directive before the `=`")
            .help("write for instance `-p PrivateTmp=yes`")
            .exit(Exit::Usage));
    }
    let at = Origin::new(&source, 0..name.len());
    if name.trim() != name {
        return Err(Fault::at(&at, "there are blanks around the `=`")
            .help(format!("write it without: -p {}={}", name.trim(), value.trim()))
            .exit(Exit::Usage));
    }
    if name == "Extends" {
        return Err(Fault::at(&at, "`Extends` can only be written in a policy file")
            .help(format!("write `-P {value}` instead"))
            .exit(Exit::Usage));
    }
    let start = name.len() + 1;
    if name.contains('.') && value.starts_with(['{', '[']) {
        return toml::parse_flag(&source, name, start).map_err(|mut faults| faults.swap_remove(0));
    }
    let value = Value { kind: Kind::Text(value.into()), at: Origin::new(&source, start..flag.len()) };
    Ok(Document { entries: vec![Entry { name: unit::today(name).into(), at, value }] })
}
