//! Directories that are there for the target.

use crate::draft::Asked;
use crate::draft::attributes::{Directory as Wanted, DirectoryKind};
use crate::fault::{Fault, Origin};
use crate::text::Value;

use super::form::{self, Form, Item};
use super::{Demands, Directive, Policy};

/// What the policy says of it, by [`DirectoryKind`].
#[derive(Clone, Debug, Default)]
pub struct Directories {
    /// Names, links and whether they are read-only.
    pub names: Vec<(DirectoryKind, Named, Origin)>,
    /// Modes that differ from 0755.
    pub modes: Vec<(DirectoryKind, u32)>,
}

/// `NAME:LINK:ro`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The link.
    pub link: Option<String>,
    /// `ro`.
    pub read_only: bool,
}

/// What systemd gives where nothing is said.
const DEFAULT_MODE: u32 = 0o755;

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    row::<0>(
        "RuntimeDirectory",
        "make directories in /run for the target",
        "Names of directories below /run, or below $XDG_RUNTIME_DIR for a caller who is not root. They are made if they \
         are not there, with *RuntimeDirectoryMode*, belong to the target's user and group, and stay writable \
         whatever *ProtectSystem* says. $RUNTIME_DIRECTORY has their paths, with colons between them. `NAME:LINK` \
         makes LINK beside it, a symbolic link to it, and `NAME:LINK:ro` or `NAME::ro` lets the target only read it. \
         Specifiers are replaced. Lists add up and an empty one resets.",
        "RuntimeDirectory = \"web\"",
        "The directory stays when the target ends, as nobody stays behind to remove it. What is in a directory \
         that is there already keeps its owners.",
    ),
    mode::<0>("RuntimeDirectoryMode", "RuntimeDirectory = \"web\"\nRuntimeDirectoryMode = \"0750\""),
    row::<1>(
        "StateDirectory",
        "make directories in /var/lib for the target",
        "As *RuntimeDirectory*, below /var/lib, or below $XDG_STATE_HOME (~/.local/state); $STATE_DIRECTORY has the paths.",
        "StateDirectory = \"web\"",
        "What is in a directory that is there already keeps its owners.",
    ),
    mode::<1>("StateDirectoryMode", "StateDirectory = \"web\"\nStateDirectoryMode = \"0700\""),
    row::<2>(
        "CacheDirectory",
        "make directories in /var/cache for the target",
        "As *RuntimeDirectory*, below /var/cache, or below $XDG_CACHE_HOME (~/.cache); $CACHE_DIRECTORY has the paths.",
        "CacheDirectory = \"web\"",
        "What is in a directory that is there already keeps its owners.",
    ),
    mode::<2>("CacheDirectoryMode", "CacheDirectory = \"web\"\nCacheDirectoryMode = \"0700\""),
    row::<3>(
        "LogsDirectory",
        "make directories in /var/log for the target",
        "As *RuntimeDirectory*, below /var/log, or below log in $XDG_STATE_HOME; $LOGS_DIRECTORY has the paths.",
        "LogsDirectory = \"web\"",
        "What is in a directory that is there already keeps its owners.",
    ),
    mode::<3>("LogsDirectoryMode", "LogsDirectory = \"web\"\nLogsDirectoryMode = \"0750\""),
    row::<4>(
        "ConfigurationDirectory",
        "make directories in /etc for the target",
        "As *RuntimeDirectory*, below /etc, or below $XDG_CONFIG_HOME (~/.config); $CONFIGURATION_DIRECTORY has the \
         paths. One that is there already keeps its owner and its mode.",
        "ConfigurationDirectory = \"web\"",
        "What is in a directory that is there already keeps its owners.",
    ),
    mode::<4>("ConfigurationDirectoryMode", "ConfigurationDirectory = \"web\"\nConfigurationDirectoryMode = \"0755\""),
];

const KINDS: [DirectoryKind; 5] = [
    DirectoryKind::Runtime,
    DirectoryKind::State,
    DirectoryKind::Cache,
    DirectoryKind::Logs,
    DirectoryKind::Configuration,
];

/// The row of a kind.
const fn row<const KIND: usize>(
    name: &'static str,
    summary: &'static str,
    manual: &'static str,
    example: &'static str,
    unlike: &'static str,
) -> Directive {
    Directive {
        name,
        form: Form::List("NAME[:LINK[:ro]]"),
        summary,
        manual,
        example,
        unlike: Some(unlike),
        exposure: &[],
        read: |policy, value| read(policy, value, KINDS[KIND]),
        demand: |policy, demands| demand(policy, demands, KINDS[KIND]),
    }
}

/// The row of a kind's mode.
const fn mode<const KIND: usize>(name: &'static str, example: &'static str) -> Directive {
    Directive {
        name,
        form: Form::Text("MODE"),
        summary: "mode of those directories",
        manual: "The mode of the directories that the directive of the same name without `Mode` makes, also of those \
                 that are there already: an octal number in quotes, or TOML's `0o750`. It is 0755 unless said.",
        example,
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let modes = &mut policy.directories.modes;
            modes.retain(|(kind, _)| *kind != KINDS[KIND]);
            modes.extend(super::process::umask(value)?.map(|mode| (KINDS[KIND], mode)));
            Ok(())
        },
        // Part of what the names demand.
        demand: |_, _| {},
    }
}

fn read(policy: &mut Policy, value: &Value, kind: DirectoryKind) -> Result<(), Fault> {
    let names = &mut policy.directories.names;
    let Some(words) = form::all_words(value)? else {
        names.retain(|(known, ..)| *known != kind);
        return Ok(());
    };
    for word in words {
        let found = named(&word, kind)?;
        // systemd's exec_directory_add: the first of a name stays.
        if !names.iter().any(|(known, other, _)| *known == kind && other.name == found.name) {
            names.push((kind, found, word.at));
        }
    }
    Ok(())
}

fn named(word: &Item, kind: DirectoryKind) -> Result<Named, Fault> {
    let parts = form::colons(word)?;
    if parts.len() > 3 {
        return Err(word.fault("this is not NAME:LINK:ro"));
    }
    let name = inside(&parts[0], word)?;
    // systemd keeps /var/lib/private and its kin for dynamic users.
    if name == "private" || name.starts_with("private/") {
        return Err(word.fault("`private` is what systemd uses for dynamic users").help("choose another name"));
    }
    let link = match parts.get(1).filter(|link| !link.is_empty()) {
        None => None,
        Some(_) if kind == DirectoryKind::Configuration => {
            return Err(word
                .fault("a configuration directory has no link")
                .help("leave out what stands behind the colon"));
        }
        Some(link) => Some(inside(link, word)?),
    };
    let read_only = match parts.get(2).map(String::as_str) {
        None | Some("") => false,
        Some("ro") => true,
        Some(other) => {
            return Err(word.fault(format!("`{other}` is not a flag of a directory")).help("the only one is ro"));
        }
    };
    Ok(Named { name, link, read_only })
}

/// A relative path that stays inside, without needless separators.
fn inside(text: &str, word: &Item) -> Result<String, Fault> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.is_empty() || text.starts_with('/') || parts.contains(&"..") || text.contains('\0') || text.len() > 255 {
        return Err(word
            .fault(format!("`{text}` is not a name below the directory of its kind"))
            .help("write a relative path without `..`"));
    }
    Ok(parts.join("/"))
}

fn demand(policy: &Policy, demands: &mut Demands<'_>, kind: DirectoryKind) {
    let Directories { names, modes } = &policy.directories;
    if names.is_empty() {
        return;
    }
    let mode = modes.iter().find(|(known, _)| *known == kind).map_or(DEFAULT_MODE, |(_, mode)| *mode);
    for (_, named, at) in names.iter().filter(|(known, ..)| *known == kind) {
        let Named { name, link, read_only } = named.clone();
        let by = demands.at(at);
        demands.draft.directories.push(Asked { what: Wanted { kind, name, link, read_only, mode }, by });
    }
}

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Kind;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    #[test]
    fn names_stay_inside() {
        let names = |word: &str| {
            let policy = read("StateDirectory", text(word))?;
            Ok::<_, Fault>(policy.directories.names.into_iter().map(|(_, named, _)| named).collect::<Vec<_>>())
        };
        let is = |name: &str, link: Option<&str>, read_only| Named {
            name: name.into(),
            link: link.map(Into::into),
            read_only,
        };
        assert_eq!(names("a b//c/"), Ok(vec![is("a", None, false), is("b/c", None, false)]));
        assert_eq!(names("a:l a2::ro"), Ok(vec![is("a", Some("l"), false), is("a2", None, true)]));
        assert_eq!(names("a a"), Ok(vec![is("a", None, false)]));
        for bad in ["/a", "..", "a/../b", "a:/l", "a:b:rw", "a:b:c:d", ".", "private/x", "private"] {
            assert!(names(bad).is_err(), "{bad}");
        }
        assert!(read("ConfigurationDirectory", text("a:b")).is_err());
    }

    #[test]
    fn kinds_do_not_mix() {
        let policy = read_all(&[
            ("StateDirectory", text("a")),
            ("CacheDirectory", text("b")),
            ("StateDirectory", text("")),
            ("CacheDirectoryMode", text("0700")),
        ])
        .expect("good");
        let draft = policy.draft();
        assert_eq!(draft.directories.len(), 1);
        assert_eq!((draft.directories[0].what.kind, draft.directories[0].what.mode), (DirectoryKind::Cache, 0o700));
        assert!(read("StateDirectoryMode", text("8")).is_err());
    }
}
