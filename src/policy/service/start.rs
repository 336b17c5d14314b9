//! A unit's ExecStart= as Exec.

use crate::text::unit::{self, Unit};
use crate::text::{Entry, Kind, Value, variables};

use super::specifiers::{self, Expands};
use super::{Service, leave, refuse};

/// ExecStart= as Exec, and what its prefixes mean.
pub(super) fn start(unit: &Unit, made: &mut Service) {
    let all = unit.all("Service", "ExecStart");
    for (number, one) in all.iter().enumerate() {
        if number > 0 {
            leave(
                one,
                "a policy executes one command, the first: use a shell script, or keep it in the unit",
                false,
                made,
            );
            continue;
        }
        // Several commands can stand on one line, parted by `;`.
        let argv = unit::commands(&one.value).and_then(|commands| {
            for more in commands.iter().skip(1) {
                let more = format!("{}{} {}", more.prefixes, more.program, more.arguments.join(" "));
                made.notes.push(format!("A policy executes one command, the first; left out: {more}"));
            }
            commands.first().map_or(Ok(Started::default()), |first| exec(unit, first, &mut made.notes))
        });
        match argv {
            Ok(started) => {
                let element = |text: String| Value { kind: Kind::Text(text), at: one.value_at.clone() };
                let value = Value {
                    kind: Kind::List(started.argv.into_iter().map(element).collect()),
                    at: one.value_at.clone(),
                };
                made.document.entries.push(Entry { name: "Exec".into(), at: one.at.clone(), value });
                let replaced = [("ExecSpecifiers", started.specifiers), ("ExecVariables", started.variables)];
                for (name, _) in replaced.into_iter().filter(|(_, has)| *has) {
                    let value = Value { kind: Kind::Boolean(true), at: one.value_at.clone() };
                    made.document.entries.push(Entry { name: name.into(), at: one.at.clone(), value });
                }
            }
            Err(why) => {
                refuse(one, &why, made);
                // No command confines nothing.
                if let Some(left) = made.left.last_mut() {
                    left.weaker = false;
                }
            }
        }
    }
}

/// A command as a policy has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Started {
    /// The argument vector.
    pub argv: Vec<String>,
    /// Whether specifiers are left in it.
    pub specifiers: bool,
    /// Whether there are variables in it.
    pub variables: bool,
}

/// The command of a line.
pub(super) fn exec(unit: &Unit, command: &unit::Command, notes: &mut Vec<String>) -> Result<Started, String> {
    let has = |prefix: char| command.has(prefix);
    let mut written = vec![command.program.clone()];
    written.extend(unit::words(&command.arguments.join(" "))?);
    let (mut argv, mut left) = (Vec::with_capacity(written.len()), false);
    for word in &written {
        let (word, more) = specifiers::argument(word, unit)?;
        argv.push(word);
        left |= more;
    }
    if !left {
        let plain = |word: &String| specifiers::replaced(word, unit, Expands::Here, str::to_owned);
        argv = written.iter().map(plain).collect::<Result<_, _>>()?;
    }
    let mut note = |text: &str| notes.push(format!("ExecStart= begins with {text}"));
    if has('-') {
        note("`-`: under systemd its failure counts as success; here its exit status is passed on.");
    }
    if has('@') {
        if argv.len() < 2 {
            return Err("`@` is not followed by a name for the program".into());
        }
        let name = argv.remove(1);
        note(&format!("`@`: under systemd the program is called {name:?}; here its argv[0] is its path."));
    }
    if has('+') {
        note(
            "`+`: under systemd this command runs with full privileges and outside of the sandbox; here it is confined.",
        );
    }
    if command.keeps_root() {
        note("`!`: under systemd User=, Group= and the capabilities do not hold for it; here they do.");
    }
    if has('|') {
        note("`|`: under systemd the user's login shell runs it; here it is executed itself.");
    }
    let arguments = &mut argv[1..];
    let with_variables = !has(':') && arguments.iter().any(|word| variables::any(word.as_bytes()));
    if !with_variables && !has(':') {
        // A dollar that is written twice is one.
        for word in arguments {
            *word = word.replace("$$", "$");
        }
    }
    Ok(Started { argv, specifiers: left, variables: with_variables })
}
