//! Single paths.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::draft::Asked;
use crate::draft::mounts::{Bind, MountAsk, View};
use crate::fault::{Fault, Origin};
use crate::text::{Entry, Kind, Value};

use super::form::{self, Form, Item, PathItem};
use super::{Demands, Directive};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// ReadWritePaths=.
    pub read_write: Vec<PathItem>,
    /// ReadOnlyPaths=.
    pub read_only: Vec<PathItem>,
    /// InaccessiblePaths=.
    pub inaccessible: Vec<PathItem>,
    /// ExecPaths=.
    pub exec: Vec<PathItem>,
    /// NoExecPaths=.
    pub no_exec: Vec<PathItem>,
    /// BindPaths=.
    pub bind: Vec<BindItem>,
    /// BindReadOnlyPaths=.
    pub bind_read_only: Vec<BindItem>,
}

/// `source[:destination[:rbind|norbind]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindItem {
    /// A path of the host.
    pub source: PathBuf,
    /// A path of the target's world.
    pub destination: PathBuf,
    /// `-`: no fault when the source does not exist.
    pub optional: bool,
    /// With everything mounted below the source.
    pub recursive: bool,
    /// Where it was written.
    pub at: Origin,
}

/// What all the lists have in common.
macro_rules! row {
    ($name:literal, $field:ident, $view:expr, $summary:literal, $manual:literal, $example:literal, $unlike:expr) => {
        Directive {
            name: $name,
            form: Form::Paths,
            summary: $summary,
            manual: $manual,
            example: $example,
            unlike: $unlike,
            exposure: &[],
            read: |policy, value| extend(&mut policy.paths.$field, value),
            demand: |policy, demands| ask(&policy.paths.$field, &$view, demands),
        }
    };
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    row!(
        "ReadWritePaths",
        read_write,
        View::ReadWrite,
        "let paths be written that other directives make read-only",
        "The paths keep the writability that they have outside; nothing becomes writable that was not. Of two directives \
         the one with the deeper path wins; for the same path ReadOnlyPaths wins. A path with `-` in front may be missing; \
         one with `+` in front is relative to RootDirectory. `.` alone is the directory that stockade was started in; it \
         is left out when that is `/`, /home, /root or the home directory of the caller or above it. %h, %t, %u, %U, %T \
         and %V stand for what they stand for in systemd.",
        "ReadWritePaths = [\"/var/lib/app\", \"-/var/cache/app\"]",
        Some(
            "`.` is allowed, a path that BindReadOnlyPaths names as well can be written, and below an empty file system of ProtectHome=tmpfs or TemporaryFileSystem the host's path \
             is brought in",
        )
    ),
    row!(
        "ReadOnlyPaths",
        read_only,
        View::ReadOnly,
        "make paths read-only, with everything mounted below them",
        "Nothing can be written below the paths, except below deeper ones that ReadWritePaths names. `-`, `+`, `.` and \
         specifiers as in ReadWritePaths. Sockets can still be connected to.",
        "ReadOnlyPaths = [\"/srv\"]",
        None
    ),
    row!(
        "InaccessiblePaths",
        inaccessible,
        View::Hidden,
        "keep paths from being opened",
        "An empty directory or file without any permission covers each path. Nothing below it can be seen, and other \
         directives for paths below it have no effect. `-`, `+`, `.` and specifiers as in ReadWritePaths.",
        "InaccessiblePaths = [\"-/etc/shadow\", \"/srv/secret\"]",
        Some("devices, sockets and FIFOs are covered by a regular file without permissions")
    ),
    row!(
        "ExecPaths",
        exec,
        View::Exec,
        "let files be executed below paths that NoExecPaths covers",
        "Files below the paths can be executed as outside, although they are below one of NoExecPaths. The deeper path \
         wins; for the same path NoExecPaths. `-`, `+`, `.` and specifiers as in ReadWritePaths.",
        "NoExecPaths = [\"/\"]\nExecPaths = [\"/usr\"]",
        None
    ),
    row!(
        "NoExecPaths",
        no_exec,
        View::NoExec,
        "keep files below paths from being executed",
        "Nothing below the paths can be executed or mapped for execution, in what is mounted below them neither, except \
         below ExecPaths. An interpreter that may be executed still runs scripts from there, and what a program \
         makes in memory is below no path: refuse memfd_create(2) as well. `-`, `+`, `.` and \
         specifiers as in ReadWritePaths.",
        "NoExecPaths = [\"/var\", \"/tmp\"]",
        None
    ),
    Directive {
        name: "BindPaths",
        form: Form::Texts("SOURCE[:DESTINATION[:rbind|norbind]]"),
        summary: "put paths of the host on other paths, writable",
        manual: "The source is a path of the host, the destination one of the target's world, the same path when it is \
                 left out. Of BindPaths and BindReadOnlyPaths for one destination the later text's holds, as where -p adds to a \
                 profile; in one text BindReadOnlyPaths does. *rbind* (the default) takes along what is mounted below the source, *norbind* does not. A \
                 source with `-` in front may be missing. `\\:` is a colon. In TOML an entry can be a table with the \
                 keys `Source`, `Destination`, `Recursive` and `Optional`.\n\n\
                 A destination that does not exist is made: a directory or an empty file. Where it is on a file system \
                 of the host that the caller may write, it stays there afterwards. Nothing is made behind a symbolic link \
                 that belongs to neither the caller nor the owner of `/`.",
        example: "BindPaths = [\"/srv/data:/data\", { Source = \"/srv/log\", Destination = \"/log\", Recursive = false }]",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let paths = &mut policy.paths;
            bind(&mut paths.bind, &mut paths.bind_read_only, value)
        },
        demand: |policy, demands| binds(&policy.paths.bind, false, demands),
    },
    Directive {
        name: "BindReadOnlyPaths",
        form: Form::Texts("SOURCE[:DESTINATION[:rbind|norbind]]"),
        summary: "put paths of the host on other paths, read-only",
        manual: "As BindPaths (*rbind*, *norbind*, `-`, `\\:`, tables), but nothing can be written below the destination, \
                 except at paths of ReadWritePaths that are the destination itself or in it.",
        example: "BindReadOnlyPaths = [\"/usr\", \"/etc/ssl:/etc/ssl:norbind\"]",
        unlike: Some(
            "ReadWritePaths for the very same path makes it writable, where systemd leaves it read-only; `import unit` and \
             `--unit` leave that out",
        ),
        exposure: &[],
        read: |policy, value| {
            let paths = &mut policy.paths;
            bind(&mut paths.bind_read_only, &mut paths.bind, value)
        },
        demand: |policy, demands| binds(&policy.paths.bind_read_only, true, demands),
    },
];

fn extend(list: &mut Vec<PathItem>, value: &Value) -> Result<(), Fault> {
    match form::paths(value)? {
        None => list.clear(),
        Some(items) => {
            for item in &items {
                list.push(form::path(item)?);
            }
        }
    }
    Ok(())
}

fn ask(list: &[PathItem], view: &View, demands: &mut Demands) {
    for item in list {
        let (path, view) = (item.path.clone(), view.clone());
        let by = demands.at(&item.at);
        let what = MountAsk { path, view, optional: item.optional, rooted: item.rooted };
        demands.draft.mounts.push(Asked { what, by });
    }
}

/// Adds to one list. What another text, such as a profile, put on the same destinations by the other list makes way: who
/// adds to a profile means what he writes. Of one text, as in systemd, the read-only one holds; and what may be missing
/// takes nothing away.
fn bind(list: &mut Vec<BindItem>, others: &mut Vec<BindItem>, value: &Value) -> Result<(), Fault> {
    let before = list.len();
    extend_binds(list, value)?;
    let new = list.get(before..).unwrap_or_default();
    let replaces = |old: &BindItem, new: &BindItem| {
        !new.optional && new.destination == old.destination && !Arc::ptr_eq(&new.at.source, &old.at.source)
    };
    others.retain(|old| !new.iter().any(|new| replaces(old, new)));
    Ok(())
}

fn extend_binds(list: &mut Vec<BindItem>, value: &Value) -> Result<(), Fault> {
    match &value.kind {
        Kind::Table(entries) => list.push(bind_table(entries, value)?),
        Kind::List(values) if values.is_empty() => list.clear(),
        Kind::List(values) => {
            for value in values {
                match &value.kind {
                    Kind::Table(entries) => list.push(bind_table(entries, value)?),
                    _ => list.push(bind_text(&form::text(value)?)?),
                }
            }
        }
        _ => match form::all_words(value)? {
            None => list.clear(),
            Some(items) => {
                for item in &items {
                    list.push(bind_text(item)?);
                }
            }
        },
    }
    Ok(())
}

fn bind_text(item: &Item) -> Result<BindItem, Fault> {
    let parts = form::colons(item)?;
    let (source, destination, options) = match parts.as_slice() {
        [source] => (source, source.trim_start_matches('-'), ""),
        [source, destination] => (source, destination.as_str(), ""),
        [source, destination, options] => (source, destination.as_str(), options.as_str()),
        _ => return Err(item.fault("too many colons: SOURCE[:DESTINATION[:rbind|norbind]] is expected here")),
    };
    let (optional, source) = match source.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, source.as_str()),
    };
    let destination = if destination.is_empty() { source } else { destination };
    form::check_path(source, item)?;
    form::check_path(destination, item)?;
    let recursive = match options {
        "" | "rbind" => true,
        "norbind" => false,
        other => {
            return Err(item
                .fault(format!("`{other}` is not an option of a bind"))
                .help("write one of: rbind, norbind"));
        }
    };
    let (source, destination) = (source.into(), destination.into());
    Ok(BindItem { source, destination, optional, recursive, at: item.at.clone() })
}

fn bind_table(entries: &[Entry], value: &Value) -> Result<BindItem, Fault> {
    let (mut source, mut destination, mut optional, mut recursive) = (None, None, false, true);
    for entry in entries {
        match entry.name.as_str() {
            "Source" => source = Some(form::text(&entry.value)?),
            "Destination" => destination = Some(form::text(&entry.value)?),
            "Optional" => optional = form::boolean(&entry.value)?,
            "Recursive" => recursive = form::boolean(&entry.value)?,
            other => {
                return Err(Fault::at(&entry.at, format!("`{other}` is not a key of a bind"))
                    .help("known: Source, Destination, Recursive, Optional"));
            }
        }
    }
    let source = source.ok_or_else(|| value.fault("`Source` is missing here"))?;
    let destination = destination.unwrap_or_else(|| source.clone());
    form::check_path(&source.text, &source)?;
    form::check_path(&destination.text, &destination)?;
    let (source, destination) = (source.text.into(), destination.text.into());
    Ok(BindItem { source, destination, optional, recursive, at: value.at.clone() })
}

/// A bind that was written as a table, as the text that says the same; nothing for what is none.
pub(crate) fn bound(value: &Value) -> Option<String> {
    let Kind::Table(entries) = &value.kind else { return None };
    let bind = bind_table(entries, value).ok()?;
    let part = |path: &Path| path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:");
    let optional = if bind.optional { "-" } else { "" };
    let recursive = if bind.recursive { "" } else { ":norbind" };
    Some(format!("{optional}{}:{}{recursive}", part(&bind.source), part(&bind.destination)))
}

fn binds(list: &[BindItem], read_only: bool, demands: &mut Demands) {
    for item in list {
        let bind = Bind { source: item.source.clone(), recursive: item.recursive, read_only };
        let by = demands.at(&item.at);
        let (path, optional) = (item.destination.clone(), item.optional);
        demands
            .draft
            .mounts
            .push(Asked { what: MountAsk { path, view: View::Bind(bind), optional, rooted: true }, by });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;

    fn item(text: &str) -> Item {
        let source = Arc::new(Source { name: "-p".into(), text: text.into() });
        Item { text: text.into(), at: Origin::new(&source, 0..text.len()) }
    }

    fn parts(text: &str) -> Result<(String, String, bool, bool), Fault> {
        let read = bind_text(&item(text))?;
        Ok((read.source.display().to_string(), read.destination.display().to_string(), read.optional, read.recursive))
    }

    #[test]
    fn binds_read_as_systemd_reads_them() {
        assert_eq!(parts("/a"), Ok(("/a".into(), "/a".into(), false, true)));
        assert_eq!(parts("-/a:/b:norbind"), Ok(("/a".into(), "/b".into(), true, false)));
        assert_eq!(parts("/a::rbind"), Ok(("/a".into(), "/a".into(), false, true)));
        assert_eq!(parts("/a\\:b:/c"), Ok(("/a:b".into(), "/c".into(), false, true)));
        assert_eq!(parts("."), Ok((".".into(), ".".into(), false, true)));
        for wrong in ["a", "/a:b", "/a:/b:ro", "/a:/b:rbind:x", "/a:/../b", "", ":/a"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_later_text_says_whether_a_bind_can_be_written() {
        let text = |text: &str| {
            let Item { text, at } = item(text);
            Value { kind: Kind::Text(text), at }
        };
        let (mut writable, mut read_only) = (Vec::new(), Vec::new());
        bind(&mut read_only, &mut writable, &text("/a /b:/c")).expect("reads");
        bind(&mut writable, &mut read_only, &text("/a -/x:/c")).expect("reads");
        assert_eq!((writable.len(), read_only.len()), (2, 1), "what may be missing takes nothing away");
        bind(&mut read_only, &mut writable, &text("/a")).expect("reads");
        assert_eq!((writable.len(), read_only.len()), (1, 2));
        let both = text("/d");
        bind(&mut read_only, &mut writable, &both).expect("reads");
        bind(&mut writable, &mut read_only, &both).expect("reads");
        assert_eq!((writable.len(), read_only.len()), (2, 3), "of one text both stay");
    }

    #[test]
    fn a_bind_can_be_a_table() {
        let at = item("x").at;
        let entry =
            |name: &str, kind| Entry { name: name.into(), at: at.clone(), value: Value { kind, at: at.clone() } };
        let table = |entries| Value {
            kind: Kind::List(vec![Value { kind: Kind::Table(entries), at: at.clone() }]),
            at: at.clone(),
        };
        let mut list = Vec::new();
        let source = entry("Source", Kind::Text("/a:b".into()));
        extend_binds(&mut list, &table(vec![source, entry("Recursive", Kind::Boolean(false))])).expect("reads");
        assert_eq!((list[0].source.to_str(), list[0].recursive), (Some("/a:b"), false));
        assert!(extend_binds(&mut list, &table(vec![entry("Sauce", Kind::Boolean(true))])).is_err());
        assert!(extend_binds(&mut list, &table(vec![entry("Optional", Kind::Boolean(true))])).is_err());
    }
}
