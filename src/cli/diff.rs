//! `stockade diff`: what one policy allows that another does not.

use std::io;

use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::fault::Exit;
use crate::report::diff::Difference;
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::{options, read};

/// The command line.
pub(super) fn command() -> Command {
    let policy =
        |id: &'static str, help: &'static str| Arg::new(id).help(help).required(true).value_hint(ValueHint::FilePath);
    Command::new("diff")
        .about("Tell what one policy allows that another does not")
        .long_about(
            "Tell what B allows that A does not, and the other way round: system calls on each architecture by the answers of \
             the compiled filters, with their arguments; kinds of sockets and TCP ports; capabilities and privileges; namespaces; \
             what can be read, written and executed where, by mounts and Landlock together; users; limits. Of directives that \
             come to none of these (Environment, Nice) the words are compared. Ends with 0 when nothing differs, with 1 when \
             something does.\n\n\
             --json prints *a*, *b*, *same*, and the lists *b_allows*, *a_allows* and *otherwise* (different, and neither more nor \
             less), each change with *kind*, *item* and what *a* and *b* make of it.",
        )
        .arg(policy("A", "The first profile, or policy file (with a `/` or `.toml`)"))
        .arg(policy("B", "The second"))
        .arg(options::json())
        .after_long_help("Examples:\n  stockade diff strict ./web.toml\n  stockade diff --json ./old.toml ./new.toml")
}

/// Compares and prints.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let library = Library::of_environment();
    let name = |id: &str| matches.get_one::<String>(id).cloned().unwrap_or_default();
    let (first, second) = (name("A"), name("B"));
    let (old, before) = read::read(std::slice::from_ref(&first), &[], &library).map_err(Faults)?;
    let (new, after) = read::read(std::slice::from_ref(&second), &[], &library).map_err(Faults)?;
    let difference = Difference::of((&old, &before), (&new, &after)).map_err(Faults::one)?;
    if matches.get_flag("json") {
        door::json(&difference.json(&first, &second))?;
    } else {
        door::say(&difference.text(&first, &second, door::colour(&io::stdout())))?;
    }
    Ok(if difference.is_empty() { Exit::Success } else { Exit::Failure })
}
