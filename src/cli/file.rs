//! `stockade FILE ARGUMENT...`: a policy that is a program, as a `#!` line starts it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::fault::{Exit, Fault};

use super::door::Faults;
use super::run::{self, Request};

/// What the manual and the help say of it.
pub(super) const ABOUT: &str = "\
Execute a policy file: its Exec is the beginning of the argument vector, and the arguments follow. A policy file whose first \
line is `#!/usr/bin/stockade` and that is executable is started by its own name in the same way. None of the arguments is \
read as an option of stockade's, whatever it looks like.";

/// Whether the first word names a file and no verb: it has a `/`, or there is such a file.
pub(super) fn named(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    !bytes.starts_with(b"-") && (bytes.contains(&b'/') || Path::new(word).is_file())
}

/// Executes the file's program.
pub(super) fn start(file: &OsStr, arguments: &[OsString]) -> anyhow::Result<Exit> {
    let Some(name) = file.to_str() else {
        let fault = Fault::new(format!("the name of the policy `{}` is not UTF-8", file.display()));
        return Err(Faults::one(fault.help("give it another name").exit(Exit::Usage)).into());
    };
    // Without a `/` it would be looked for as a profile.
    let policy = if name.contains('/') { name.to_owned() } else { format!("./{name}") };
    run::start(&Request { policies: vec![policy], command: arguments.to_vec(), file: true, ..Request::default() })
}
