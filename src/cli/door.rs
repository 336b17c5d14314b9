//! The one door to the terminal: whatever goes out passes here and is cleaned on the way.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;

use crate::fault::{Exit, Fault, clean};

/// Several faults on their way out of a verb.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.first().map_or("nothing is wrong", |fault| fault.message.as_str()))]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// One fault.
    pub(super) fn one(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

/// Writes a result to standard output.
///
/// Text is expected to be clean, since it can hold colours of ours; JSON is cleaned here where a
/// terminal would read it, and left as it is for a script.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}

/// Writes bytes that are no text to standard output, and never to a terminal.
///
/// # Errors
/// Standard output cannot be written, or is a terminal.
pub(super) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    anyhow::ensure!(!out.is_terminal(), "standard output is a terminal: write this to a file or a pipe");
    out.write_all(bytes).and_then(|()| out.flush()).context("cannot write to standard output")
}

/// Writes JSON to standard output. See [`say`].
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn json(value: &serde_json::Value) -> anyhow::Result<()> {
    let text = crate::report::pretty(value);
    if io::stdout().is_terminal() { say(&clean(&text)) } else { say(&text) }
}

/// Writes a message to standard error. There is nobody to tell when that fails: the exit status says it too.
pub(super) fn tell(text: &str) {
    let mut out = io::stderr().lock();
    if out.write_all(text.as_bytes()).is_err() {
        return;
    }
    drop(out.flush());
}

/// Faults that are told where the policy was only to be used.
const MOST: usize = 20;

/// Tells faults; the first one's status is the program's.
pub(super) fn faults(faults: &[Fault]) -> Exit {
    let colour = colour(&io::stderr());
    for fault in faults.iter().take(MOST) {
        tell(&fault.render(colour));
    }
    if let Some(more) = faults.len().checked_sub(MOST).filter(|more| *more > 0) {
        tell(&format!("stockade: and {more} more faults; `stockade check` tells all of them\n"));
    }
    faults.first().map_or(Exit::Failure, |fault| fault.exit)
}

/// Tells whatever a verb ended with. A reader that has gone away (`| head`) is no failure.
pub(super) fn failure(error: &anyhow::Error) -> Exit {
    if let Some(Faults(all)) = error.downcast_ref() {
        return faults(all);
    }
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(gone) {
        return Exit::Success;
    }
    let reason = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<io::Error>() {
        Some(error) => crate::fault::reason(error),
        None => cause.to_string(),
    };
    let chain: Vec<String> = error.chain().map(reason).collect();
    tell(&format!("stockade: {}\n", clean(&chain.join(": "))));
    Exit::Failure
}

/// Colours only for a terminal, and not against NO_COLOR (<https://no-color.org>).
pub(super) fn colour(out: &impl IsTerminal) -> bool {
    out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
