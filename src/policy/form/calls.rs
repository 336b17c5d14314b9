//! Lists of system calls as SystemCallFilter= and SystemCallLog= write them.

use crate::draft::action::Action;
use crate::draft::calls::{self, Call};
use crate::draft::groups::{self, Group};
use crate::fault::{Fault, Origin};

use super::line::Line;
use crate::policy::form::Item;

/// A list that lines have made. Of several entries for a call the last one counts.
#[derive(Clone, Debug)]
pub struct List {
    /// Whether the first line was not inverted.
    pub allow: bool,
    /// The words of all lines, in order.
    pub entries: Vec<Entry>,
}

/// One word of the list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its line began with `~`, and it has no answer of its own.
    pub inverted: bool,
    /// What it names.
    pub what: What,
    /// An answer of its own (`name:EPERM`, `name:kill`).
    pub action: Option<Action>,
    /// Where its line was written.
    pub at: Origin,
}

/// What a word of a list names.
#[derive(Clone, Debug)]
pub enum What {
    /// One call.
    Call(Call),
    /// All calls of a group.
    Group(Group),
}

impl What {
    /// Reads a name, a native number or an `@group`.
    pub(in crate::policy) fn parse(word: &str, item: &Item) -> Result<Self, Fault> {
        if word.starts_with('@') {
            let group = groups::group(word).ok_or_else(|| {
                let fault = item.fault(format!("`{word}` is not a group of system calls"));
                hint(
                    fault,
                    groups::nearest(word),
                    "`@default` to `@known` are systemd's (systemd-analyze syscall-filter)",
                )
            })?;
            return Ok(Self::Group(group));
        }
        let call = Call::parse(word);
        if !call.is_known() || matches!(call, Call::Number(number) if number > i32::MAX.unsigned_abs()) {
            let fault = item.fault(format!("`{word}` is not a system call that this version knows"));
            return Err(hint(fault, calls::nearest(word), "a call without a name can be given by its number"));
        }
        Ok(Self::Call(call))
    }

    /// The calls.
    pub(in crate::policy) fn calls(&self) -> Vec<Call> {
        match self {
            Self::Call(call) => vec![call.clone()],
            Self::Group(group) => group.set().calls(),
        }
    }
}

impl List {
    /// The list after one more line.
    ///
    /// `answers` says whether words can have answers of their own.
    pub(in crate::policy) fn merge(before: Option<Self>, line: &Line, answers: bool) -> Result<Self, Fault> {
        let mut list = before.unwrap_or(Self { allow: !line.inverted, entries: Vec::new() });
        for word in &line.words {
            let (name, answer) = word.text.split_once(':').map_or((word.text.as_str(), None), |(a, b)| (a, Some(b)));
            let action = match answer {
                None => None,
                Some(_) if !answers => {
                    return Err(word.fault(format!("`{}`: calls have no answers of their own here", word.text)));
                }
                Some(answer) => Some(own(answer, word)?),
            };
            let what = What::parse(name, word)?;
            // An answer of its own says more than the line's beginning.
            let inverted = line.inverted && action.is_none();
            list.entries.push(Entry { inverted, what, action, at: line.at.clone() });
        }
        Ok(list)
    }
}

/// Reads the answer of one word: as [`answer`], or one that the kernel gives and systemd cannot say.
fn own(word: &str, item: &Item) -> Result<Action, Fault> {
    let kind = word.split_once(':').map_or(word, |(kind, _)| kind);
    match kind {
        "kill-process" | "kill-thread" | "trap" | "log" => Action::parse(word).map_err(|message| item.fault(message)),
        _ => answer(word, item),
    }
}

/// Reads an error's name, its number from 1 to 4095, or `kill`.
pub(in crate::policy) fn answer(word: &str, item: &Item) -> Result<Action, Fault> {
    if word == "kill" {
        return Ok(Action::KillProcess);
    }
    match Action::parse(&format!("errno:{word}")) {
        Ok(Action::Errno(0)) => Err(item
            .fault("error 0 would tell the target that a refused call had succeeded")
            .help("write an error's name, a number from 1 to 4095, or `kill`")),
        Ok(action) => Ok(action),
        Err(message) => Err(item.fault(message)),
    }
}

fn hint(fault: Fault, near: Option<&str>, otherwise: &str) -> Fault {
    match near {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(otherwise),
    }
}
