//! Directories of the service: made on the host, writable in whatever view, told in the environment.

use std::path::PathBuf;

use crate::draft::attributes::{Directory, DirectoryKind};
use crate::draft::mounts::{Bind, View};
use crate::draft::{Asked, Draft};
use crate::fault::{Exit, Fault};
use crate::host::{Host, specifier};

use super::mounts::view::Wish;
use super::op::{MakeDirectory, Op};
use super::order::Phase;
use super::{Planner, target};

/// Makes them, before anything is confined.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    for asked in &draft.directories {
        let Directory { kind, link, mode, .. } = &asked.what;
        let lasting = !matches!(kind, DirectoryKind::Runtime | DirectoryKind::Configuration);
        if let Some(dynamic) = draft.dynamic.as_ref().filter(|_| lasting && target::is_dynamic(draft, host)) {
            let fault =
                target::at(&asked.by, "what a dynamic user writes here would belong to another one next time".into());
            planner
                .faults
                .push(fault.label(format!("together with {}", dynamic.by)).help("write User= instead of DynamicUser="));
            continue;
        }
        match parts(asked, host) {
            Ok((base, name)) => {
                let owner = target::owner(draft, host);
                let make = MakeDirectory { kind: *kind, base, name, link: link.clone(), mode: *mode, owner };
                planner.step(Phase::Places, Op::MakeDirectory(make), vec![asked.by.clone()]);
            }
            Err(fault) => planner.faults.push(fault),
        }
    }
}

/// The place of its kind and the name with its specifiers expanded.
fn parts(asked: &Asked<Directory>, host: &Host) -> Result<(PathBuf, String), Fault> {
    let refuse = |message: String| target::at(&asked.by, message);
    let base = specifier::place(asked.what.kind, host).map_err(|message| refuse(message).exit(Exit::Config))?;
    let name = specifier::expand(&asked.what.name, host).map_err(refuse)?;
    if name.starts_with('/')
        || name.is_empty()
        || name.split('/').any(|part| part.is_empty() || part == "." || part == "..")
    {
        return Err(refuse(format!("`{name}` is not a name below {}", base.display())));
    }
    Ok((base, name))
}

fn wish(asked: &Asked<Directory>, host: &Host, view: impl FnOnce(PathBuf) -> View) -> Option<Wish> {
    // What is wrong with it is said where it is made.
    let (base, name) = parts(asked, host).ok()?;
    let path = base.join(name);
    Some(Wish { view: view(path.clone()), path, optional: false, carried: false, by: asked.by.clone() })
}

/// Those that the target may only read: a reason for a view of its own.
pub(super) fn restricted(planner: &Planner<'_>) -> Vec<Wish> {
    let (draft, host) = (planner.draft, planner.host);
    let ours = draft.directories.iter().filter(|asked| asked.what.read_only);
    ours.filter_map(|asked| wish(asked, host, |path| shown(draft, path, true))).collect()
}

/// Those that stay writable whatever else becomes read-only.
pub(super) fn writable(planner: &Planner<'_>) -> Vec<Wish> {
    let (draft, host) = (planner.draft, planner.host);
    let ours = draft.directories.iter().filter(|asked| !asked.what.read_only);
    ours.filter_map(|asked| wish(asked, host, |path| shown(draft, path, false))).collect()
}

fn shown(draft: &Draft, path: PathBuf, read_only: bool) -> View {
    if draft.root.is_some() {
        return View::Bind(Bind { source: path, recursive: true, read_only });
    }
    if read_only { View::ReadOnly } else { View::ReadWrite }
}

/// `STATE_DIRECTORY` and its like, each with all paths of its kind, sorted.
pub(super) fn variables(draft: &Draft, host: &Host) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&'static str, String)> = Vec::new();
    let told = |asked| {
        let (base, name) = parts(asked, host).ok()?;
        Some((asked.what.kind.variable(), base.join(name).to_string_lossy().into_owned()))
    };
    let mut paths: Vec<(&'static str, String)> = draft.directories.iter().filter_map(told).collect();
    // systemd sorts them (exec_directory_sort()).
    paths.sort();
    for (variable, path) in paths {
        match all.iter_mut().find(|(known, _)| *known == variable) {
            Some((_, list)) => {
                list.push(':');
                list.push_str(&path);
            }
            None => all.push((variable, path)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::By;
    use crate::draft::mounts::MountAsk;
    use crate::plan::Plan;
    use crate::plan::mounts::MountOp;

    fn draft(kind: DirectoryKind, names: &[&str], read_only: bool) -> Draft {
        let asked = |name: &&str| Asked {
            what: Directory { kind, name: (*name).into(), link: None, read_only, mode: 0o755 },
            by: By { directive: "StateDirectory", origin: None },
        };
        Draft { directories: names.iter().map(asked).collect(), ..Draft::default() }
    }

    fn host() -> Host {
        Host { effective: crate::draft::capabilities::CapSet::all(), directory: "/".into(), ..Host::default() }
    }

    #[test]
    fn they_are_made_told_and_writable() {
        let mut draft = draft(DirectoryKind::State, &["a", "b"], false);
        let plan = Plan::new(&draft, &host(), Vec::new()).expect("a plan");
        assert!(!plan.steps.iter().any(|step| matches!(step.op, Op::Unshare(_) | Op::Mount(_))), "no view is needed");
        let told = plan.environment.iter().find(|(name, _)| name == "STATE_DIRECTORY").map(|(_, value)| value.clone());
        assert_eq!(told, Some("/var/lib/a:/var/lib/b".into()));
        let ask = MountAsk { path: "/".into(), view: View::ReadOnly, optional: false, rooted: true };
        draft.mounts.push(Asked { what: ask, by: By { directive: "ProtectSystem", origin: None } });
        let plan = Plan::new(&draft, &host(), Vec::new()).expect("a plan");
        let kept = |path: &str| {
            let kept = |op: &Op| matches!(op, Op::Mount(MountOp::Attach { path: at, .. }) if at.to_str() == Some(path));
            plan.steps.iter().any(|step| kept(&step.op))
        };
        assert!(kept("/var/lib/a") && kept("/var/lib/b"));
    }

    #[test]
    fn a_name_cannot_become_another_path() {
        let mut caller = host();
        caller.words.push(('H', "../etc".into()));
        assert!(Plan::new(&draft(DirectoryKind::State, &["%H"], false), &caller, Vec::new()).is_err());
        let user = Host { uid: 1, ..Host::default() };
        assert!(
            Plan::new(&draft(DirectoryKind::Runtime, &["a"], false), &user, Vec::new()).is_err(),
            "no XDG_RUNTIME_DIR"
        );
    }

    #[test]
    fn reading_only_takes_a_view() {
        let plan = Plan::new(&draft(DirectoryKind::Cache, &["a"], true), &host(), Vec::new()).expect("a plan");
        assert!(plan.steps.iter().any(|step| matches!(step.op, Op::Mount(MountOp::Restrict { .. }))));
    }
}
