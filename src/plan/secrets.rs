//! Secrets for the target: where they come from and where they are put.

use std::path::{Path, PathBuf};

use crate::draft::attributes::Secret;
use crate::draft::mounts::View;

use super::mounts::SecretFile;
use super::mounts::view::Wish;
use super::{Planner, places, target};

/// Where systemd keeps what services can ask for by name, in its order.
const STORES: [&str; 4] = ["/etc/credstore", "/run/credstore", "/usr/local/lib/credstore", "/usr/lib/credstore"];

/// The file system that holds them, if there are any.
pub(super) fn wish(planner: &mut Planner<'_>) -> Option<Wish> {
    let asked = planner.draft.credentials.first()?;
    let by = asked.by.clone();
    if let Some(path) = &planner.host.secrets {
        return Some(Wish { path: path.clone(), view: View::Credentials, optional: false, carried: false, by });
    }
    let message = "there is no place for credentials: neither /run/credentials nor $XDG_RUNTIME_DIR";
    let fault = target::at(&by, message.into()).help("as root: mkdir /run/credentials");
    planner.faults.push(fault.exit(crate::fault::Exit::Credentials));
    None
}

/// Each secret with all its sources, in the order of the policy, and the user they belong to.
pub(super) fn files(planner: &mut Planner<'_>) -> (Vec<SecretFile>, Option<(u32, u32)>) {
    let (draft, host) = (planner.draft, planner.host);
    let mut files: Vec<SecretFile> = Vec::with_capacity(draft.credentials.len());
    for asked in &draft.credentials {
        let mut required = false;
        let sources = match &asked.what.source {
            Secret::Text(text) => vec![Secret::Text(text.clone())],
            Secret::Stored(name) => {
                let own = host.variable("CREDENTIALS_DIRECTORY").map(PathBuf::from).filter(|path| path.is_absolute());
                let stores = STORES.iter().map(PathBuf::from);
                own.into_iter().chain(stores).map(|store| Secret::File(store.join(name))).collect()
            }
            Secret::File(path) => match places::expand(host, path, &asked.by) {
                Ok(path) => {
                    required = true;
                    path.map(Secret::File).into_iter().collect()
                }
                Err(fault) => {
                    planner.faults.push(fault);
                    continue;
                }
            },
        };
        match files.iter_mut().find(|file| file.name == asked.what.name) {
            Some(file) => file.sources.extend(sources),
            None => files.push(SecretFile { name: asked.what.name.clone(), sources, required }),
        }
    }
    (files, target::owner(draft, host))
}

/// What $CREDENTIALS_DIRECTORY says, if the target has any.
pub(super) fn directory<'a>(draft: &crate::draft::Draft, host: &'a crate::host::Host) -> Option<&'a Path> {
    host.secrets.as_deref().filter(|_| !draft.credentials.is_empty())
}
