//! From an observation to a policy that a person can read: least privilege, a reason beside every line, and nothing
//! dangerous granted in silence.
//!
//! In: an observation, and the policy that is extended (`base`). Out: text, in its order: `directives` (systemd's
//! switches), `limits`, `calls` (SystemCallFilter), `paths` (`[Landlock]`) of the few paths that `files` finds; `risk` says
//! what is not granted in silence, and why.

mod base;
mod calls;
mod directives;
mod files;
mod limits;
mod paths;
pub(super) mod risk;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::fault::clean;

use super::observed::{Observed, Part};

pub use base::Base;
pub use calls::allowed;

/// A policy that was learnt.
#[derive(Debug)]
pub struct Learnt {
    /// Its text.
    pub text: String,
    /// What it extends denies these, and it allows them: calls, and directives that it switches off.
    pub denied: Vec<String>,
    /// Whether it has parts that this kernel's Landlock lacks, and that may be missing.
    pub weaker: bool,
}

/// The policy for what was seen.
#[must_use]
pub fn policy(seen: &Observed, base: &Base) -> Learnt {
    let (mut text, mut denied) = (String::new(), Vec::new());
    // Writing to a text does not fail.
    write(seen, base, &mut text, &mut denied).ok();
    if !base.names.is_empty() {
        text = base::without(base, &text);
    }
    let weaker = base.old.is_some() && text.lines().any(|line| line == "Prefer = [\"Landlock\"]");
    Learnt { text, denied, weaker }
}

fn write(seen: &Observed, base: &Base, out: &mut String, denied: &mut Vec<String>) -> std::fmt::Result {
    let runs = if seen.runs == 1 { "one run".to_owned() } else { format!("{} runs", seen.runs) };
    writeln!(
        out,
        "# What {runs} needed, as `stockade learn` saw it. A `#` in front of a directive: it was needed, and is"
    )?;
    writeln!(out, "# dangerous, or it is not known whether it can be taken away; the reason is above it.")?;
    if seen.unknown.contains(&Part::Start) {
        writeln!(
            out,
            "# It ran already when it was first watched: what it does as it starts is here only if it was started again"
        )?;
        writeln!(out, "# meanwhile, or in a run by `stockade learn -- COMMAND` that is added to this.")?;
    }
    if seen.lost > 0 {
        writeln!(out, "# The arguments of {} calls were not seen: another run may add to this.", seen.lost)?;
    }
    if seen.unread > 0 {
        let times = times(seen.unread);
        writeln!(out, "# A process that was there could not be looked at, {times}: what it did may be missing here.")?;
    }
    if !base.names.is_empty() {
        writeln!(out, "# What these allow is not said again.")?;
        let names: Vec<String> = base.names.iter().map(|name| quoted(name)).collect();
        writeln!(out, "Extends = [{}]", names.join(", "))?;
    }
    let files = files::files(seen);
    let mut landlock = String::new();
    let mut needs = files.clone();
    needs.needs.retain(|path, need| !files::given(path, need.rights, base));
    paths::write(seen, &needs, &mut landlock)?;
    let newer = ["ConnectTCP", "BindTCP", "Scope"].into_iter().filter(|key| landlock.contains(&format!("\n{key} = [")));
    let newer: Vec<String> = newer.map(|key| format!("\"Landlock.{key}\"")).collect();
    if base.old.is_some() && paths::confined(&landlock) {
        writeln!(
            out,
            "# Not all of [Landlock] is in the kernel that this was learnt on; Linux 6.12 has it. What a kernel lacks is"
        )?;
        writeln!(out, "# left out, with a word on standard error.")?;
        writeln!(out, "Prefer = [\"Landlock\"]")?;
    } else if !newer.is_empty() {
        writeln!(
            out,
            "# These need Linux 6.7, and Scope 6.12. Before that they are left out, with a word on standard error."
        )?;
        writeln!(out, "Prefer = [{}]", newer.join(", "))?;
    }
    directives::write(seen, &files, base, out, denied)?;
    limits::write(seen, out)?;
    writeln!(out, "\n# System calls.")?;
    denied.extend(calls::write(seen, base, out)?);
    out.push_str(&landlock);
    Ok(())
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
