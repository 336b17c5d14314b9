//! Secrets for the target: where they come from and where they are put.

use std::path::{Component, Path, PathBuf};

use crate::draft::attributes::Secret;
use crate::draft::mounts::{Bind, Tmpfs, View};
use crate::policy::process::unwritten;

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

/// As in systemd (setup_namespace() in its src/core/namespace.c), a target that sees another file system than the host does
/// not see the secrets of the host's services in it, but for those of the unit that it is started by. They are left alone
/// where the policy itself says something of them, or shows another root.
pub(super) fn hidden(planner: &Planner<'_>, wishes: &[Wish]) -> Vec<Wish> {
    let place = Path::new("/run/credentials");
    let said = |wish: &Wish| wish.path.starts_with(place);
    if !planner.host.credentials || planner.draft.root.is_some() || wishes.iter().any(said) {
        return Vec::new();
    }
    let wish = |path: &Path, view| {
        let by = unwritten("LoadCredential");
        Wish { path: path.components().collect(), view, optional: true, carried: false, by }
    };
    let own = planner.host.variable("CREDENTIALS_DIRECTORY").map(Path::new);
    let own = own.filter(|own| {
        own.starts_with(place) && *own != place && !own.components().any(|part| part == Component::ParentDir)
    });
    own.map_or_else(
        || vec![wish(place, View::Hidden)],
        |own| {
            let bind = Bind { source: own.into(), recursive: true, read_only: true };
            let options = vec!["size=4m".into(), "nr_inodes=1k".into()];
            let empty = Tmpfs { mode: 0o755, options, read_only: true, no_exec: true, no_suid: true, no_dev: true };
            vec![wish(place, View::Tmpfs(empty)), wish(own, View::Bind(bind))]
        },
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::host::Host;

    #[test]
    fn secrets_of_other_services_are_not_to_be_seen_where_mounts_are_made() {
        let hidden = |credentials, own: &str, said: &[&str]| {
            let environment = vec![("CREDENTIALS_DIRECTORY".into(), own.into())];
            let host = Host { environment, credentials, ..Host::default() };
            let draft = Draft::default();
            let wish = |path: &&str| Wish {
                path: path.into(),
                view: View::ReadOnly,
                optional: false,
                carried: false,
                by: unwritten("Test"),
            };
            let said: Vec<Wish> = said.iter().map(wish).collect();
            let wishes = super::hidden(&Planner::new(&draft, &host), &said);
            wishes.iter().map(|wish| wish.path.display().to_string()).collect::<Vec<_>>()
        };
        let place = "/run/credentials";
        assert_eq!(hidden(true, "", &["/etc"]), [place]);
        assert_eq!(hidden(true, "/elsewhere", &["/etc"]), [place]);
        assert_eq!(hidden(true, "/run/credentials/../x", &["/etc"]), [place]);
        assert_eq!(hidden(true, "/run/credentials/a.service", &["/etc"]), [place, "/run/credentials/a.service"]);
        assert!(hidden(true, "", &["/etc", place]).is_empty(), "the policy says what becomes of it");
        assert!(hidden(false, "", &["/etc"]).is_empty());
    }
}
