//! From an observation to a policy that a person can read: least privilege, a reason beside every line, and nothing
//! dangerous granted in silence.

mod calls;
mod directives;
mod files;
mod paths;
pub(super) mod risk;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::fault::clean;

use super::observed::Observed;

pub use calls::allowed;

/// The policy's text. `bases` are the profiles that it extends.
#[must_use]
pub fn policy(seen: &Observed, bases: &[String]) -> String {
    let mut out = String::new();
    // Writing to a text does not fail.
    write(seen, bases, &mut out).ok();
    out
}

fn write(seen: &Observed, bases: &[String], out: &mut String) -> std::fmt::Result {
    let runs = if seen.runs == 1 { "one run".to_owned() } else { format!("{} runs", seen.runs) };
    writeln!(
        out,
        "# What {runs} needed, as `stockade learn` saw it. A `#` in front of a directive: it was needed, and is"
    )?;
    writeln!(out, "# dangerous, or it is not known whether it can be taken away; the reason is above it.")?;
    if !bases.is_empty() {
        let names: Vec<String> = bases.iter().map(|name| quoted(name)).collect();
        writeln!(out, "Extends = [{}]", names.join(", "))?;
    }
    let files = files::files(seen);
    directives::write(seen, &files, out)?;
    writeln!(out, "\n# System calls.")?;
    calls::write(seen, out)?;
    paths::write(seen, &files, out)
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                write!(out, "\\u{:04X}", u32::from(c)).ok();
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Words of others' for a comment.
pub(super) fn comment(text: &str) -> String {
    clean(text).replace(['\n', '\r', '\t'], "?")
}

/// `once`, `3 times`.
fn times(count: u64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

/// `sort, sh and 3 more`.
fn names(by: &BTreeSet<String>) -> String {
    let some: Vec<String> = by.iter().take(4).map(|name| comment(name)).collect();
    let more = by.len().saturating_sub(some.len());
    if more == 0 { some.join(", ") } else { format!("{} and {more} more", some.join(", ")) }
}
