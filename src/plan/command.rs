//! What is executed and by what process: argument vector, descriptors, working directory, umask, limits.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::draft::namespaces::Namespace;
use crate::draft::process::WorkingDirectory;
use crate::draft::{Asked, By, Draft};
use crate::fault::{Exit, Fault};
use crate::host::{Host, specifier};
use crate::policy::process::unwritten;
use crate::text::variables;

use super::op::Op;
use super::order::Phase;
use super::{Planner, places, target};

/// More descriptors than this are not handed over by anybody.
const MOST_DESCRIPTORS: i32 = 65_536;

/// The target's argument vector: `Exec` and what the caller wrote behind the policy.
pub fn argv(draft: &Draft, arguments: &[OsString]) -> Vec<OsString> {
    let exec = draft.exec.iter().flat_map(|asked| &asked.what).map(OsString::from);
    exec.chain(arguments.iter().cloned()).collect()
}

/// The target's argument vector with the specifiers of `Exec` replaced, where the policy wants it; what the caller wrote
/// stays as it is.
pub(super) fn expanded(planner: &mut Planner<'_>, mut argv: Vec<OsString>) -> Vec<OsString> {
    let (Some(exec), Some(asked)) = (&planner.draft.exec, &planner.draft.exec_specifiers) else { return argv };
    if own(planner.draft, &argv) == 0 {
        return argv;
    }
    for (word, had) in exec.what.iter().zip(&mut argv) {
        match specifier::expand(word, planner.host) {
            Ok(text) => *had = text.into(),
            Err(message) => planner.faults.push(target::at(&asked.by, message)),
        }
    }
    argv
}

/// How many words of an argument vector are the policy's: those of `Exec`, or none where something else is executed.
pub(super) fn own(draft: &Draft, argv: &[OsString]) -> usize {
    let words = draft.exec.as_ref().map_or(&[][..], |exec| &exec.what);
    let is_ours = argv.len() >= words.len() && words.iter().zip(argv).all(|(word, had)| had == word.as_str());
    if is_ours { words.len() } else { 0 }
}

/// The target's argument vector, of which the first `own` words are the policy's, with the variables in them replaced where
/// the policy wants it. The program stays as it is.
pub(super) fn substituted(
    draft: &Draft,
    argv: Vec<OsString>,
    own: usize,
    environment: &[(OsString, OsString)],
) -> Vec<OsString> {
    if draft.exec_variables.is_none() {
        return argv;
    }
    let value = |name: &[u8]| {
        let found = environment.iter().find(|(known, _)| known.as_bytes() == name);
        found.map(|(_, value)| value.as_bytes().to_vec())
    };
    let each = argv.into_iter().enumerate().flat_map(|(at, word)| {
        if at == 0 || at >= own {
            return vec![word];
        }
        variables::replaced(word.as_bytes(), &value).into_iter().map(OsString::from_vec).collect()
    });
    each.collect()
}

/// Where a bare name is looked for, if the policy says it.
pub(super) fn search(draft: &Draft, host: &Host) -> Option<OsString> {
    let asked = draft.search.as_ref()?;
    // What is wrong with it is said where it becomes the PATH.
    specifier::expand(&asked.what.join(":"), host).ok().map(OsString::from)
}

/// Plans descriptors, limits, the working directory and the umask.
pub(super) fn plan(planner: &mut Planner<'_>) {
    descriptors(planner);
    limits(planner);
    directory(planner);
    if let Some(asked) = &planner.draft.umask {
        planner.step(Phase::Process, Op::Umask(asked.what), vec![asked.by.clone()]);
    }
}

/// Plans the execution itself.
pub(super) fn execute(planner: &mut Planner<'_>) {
    planner.step(Phase::Find, Op::Find, vec![unwritten("Exec")]);
    planner.step(Phase::Exec, Op::Exec, vec![unwritten("Exec")]);
}

fn descriptors(planner: &mut Planner<'_>) {
    let asked = planner.draft.descriptors.as_ref();
    let by = asked.map_or(unwritten("Descriptors.Pass"), |asked| asked.by.clone());
    let mut keep: Vec<i32> = asked.map(|asked| asked.what.clone()).unwrap_or_default();
    match announced(planner.host) {
        Ok(count) => keep.extend(3..3 + count),
        Err(fault) => planner.faults.push(fault),
    }
    keep.sort_unstable();
    keep.dedup();
    planner.step(Phase::Descriptors, Op::Descriptors { keep }, vec![by]);
}

/// How many descriptors from 3 on a service manager handed to this very process (sd_listen_fds(3)).
pub(super) fn announced(host: &Host) -> Result<i32, Fault> {
    let value =
        |name: &str| host.environment.iter().find(|(known, _)| known == name).and_then(|(_, text)| text.to_str());
    if value("LISTEN_PID").and_then(|pid| pid.parse::<u32>().ok()) != Some(host.pid) {
        return Ok(0);
    }
    let Some(text) = value("LISTEN_FDS") else { return Ok(0) };
    text.parse::<i32>().ok().filter(|count| (0..=MOST_DESCRIPTORS).contains(count)).ok_or_else(|| {
        let message = format!("LISTEN_FDS is `{text}`, which is not a number of descriptors");
        Fault::new(message).help("unset LISTEN_FDS, or let systemd set it").exit(Exit::Fds)
    })
}

/// One limit for each resource; a Limit* directive wins over what others ask for. As in systemd one that the caller cannot
/// have is as high as it can be: that confines more, not less.
fn limits(planner: &mut Planner<'_>) {
    let explicit = |by: &By| by.directive.starts_with("Limit");
    let limits = &planner.draft.limits;
    for (at, asked) in limits.iter().enumerate() {
        let same = |other: &Asked<crate::draft::limits::Limit>| other.what.resource == asked.what.resource;
        let beaten = limits[at + 1..].iter().any(|later| same(later) && explicit(&later.by) >= explicit(&asked.by))
            || limits[..at].iter().any(|earlier| same(earlier) && explicit(&earlier.by) && !explicit(&asked.by));
        if beaten {
            continue;
        }
        let mut what = asked.what;
        let ceiling = planner.host.ceilings.iter().find(|(resource, _)| *resource == what.resource);
        if let Some((_, ceiling)) = ceiling.filter(|(_, ceiling)| *ceiling < what.hard) {
            let lower = format!("{}: {ceiling} is the most that this caller can have, and holds", asked.by);
            // What a program has at first is what it minds.
            let told = if what.soft > *ceiling { &mut planner.told } else { &mut planner.notes };
            told.push(lower);
            what.hard = *ceiling;
            what.soft = what.soft.min(*ceiling);
        }
        planner.step(Phase::Limits, Op::Limit(what), vec![asked.by.clone()]);
    }
}

/// chdir(2), where it was asked for or where mounts have changed what lies at the old path.
fn directory(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    if let Some(asked) = &draft.directory {
        let (place, optional) = &asked.what;
        let path = match place {
            WorkingDirectory::Home => home(draft, host),
            WorkingDirectory::Path(text) => {
                // `.` is meant as it stands, however much it may be: it is only a place to be in.
                places::expand(host, Path::new(text), &asked.by).map(|path| path.unwrap_or(host.directory.clone()))
            }
        };
        match path {
            Ok(path) => {
                let op = Op::Directory { path, optional: *optional };
                planner.step(Phase::Directory, op, vec![asked.by.clone()]);
            }
            Err(fault) => planner.faults.push(fault),
        }
        return;
    }
    let by = planner.namespaces.iter().find(|(kind, _)| *kind == Namespace::Mnt).map(|(_, by)| by);
    let by = by.or(draft.root.as_ref().map(|asked| &asked.by)).or(draft.mounts.first().map(|asked| &asked.by));
    if by.is_some() {
        // A `.` that was left out hides the directory on purpose.
        let dot = draft.mounts.iter().any(|asked| asked.what.path == Path::new("."));
        let optional = dot && places::here(host).is_none();
        // Under another root it would be another directory, so there systemd's default holds.
        let path = if draft.root.is_some() { PathBuf::from("/") } else { host.directory.clone() };
        let op = Op::Directory { path, optional };
        planner.step(Phase::Directory, op, vec![unwritten("WorkingDirectory")]);
    }
}

fn home(draft: &Draft, host: &Host) -> Result<PathBuf, Fault> {
    if draft.user.is_none() {
        return Ok(host.home.clone());
    }
    target::find(draft, host).ok().and_then(|target| target.user).map(|user| user.home.clone()).ok_or_else(|| {
        let by = draft.directory.as_ref().map_or(unwritten("WorkingDirectory"), |asked| asked.by.clone());
        target::at(&by, "the target's user has no home directory here".into()).exit(Exit::Chdir)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::capabilities::CapSet;
    use crate::draft::limits::Limit;
    use crate::draft::process::Variable;
    use crate::plan::Plan;

    fn host(variables: &[(&str, &str)]) -> Host {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Host {
            pid: 7,
            effective: CapSet::EVERY,
            environment,
            home: "/root".into(),
            directory: "/srv".into(),
            ..Host::default()
        }
    }

    fn by(directive: &'static str) -> By {
        By { directive, origin: None }
    }

    fn ops(draft: &Draft, host: &Host) -> Vec<Op> {
        Plan::new(draft, host, Vec::new()).expect("a plan").steps.into_iter().map(|step| step.op).collect()
    }

    #[test]
    fn announced_descriptors_stay_only_where_they_are_ours() {
        let mut draft = Draft::default();
        let keeps = |draft: &Draft, variables: &[(&str, &str)]| ops(draft, &host(variables));
        let keep = |numbers: &[i32]| vec![Op::Descriptors { keep: numbers.to_vec() }];
        assert_eq!(keeps(&draft, &[("LISTEN_FDS", "2"), ("LISTEN_PID", "7")]), keep(&[3, 4]));
        assert_eq!(keeps(&draft, &[("LISTEN_FDS", "2"), ("LISTEN_PID", "8")]), keep(&[]));
        assert_eq!(keeps(&draft, &[("LISTEN_FDS", "2")]), keep(&[]));
        draft.descriptors = Some(Asked { what: vec![4, 9], by: by("Descriptors.Pass") });
        assert_eq!(keeps(&draft, &[("LISTEN_FDS", "2"), ("LISTEN_PID", "7")]), keep(&[3, 4, 9]));
        for bad in ["-1", "x", "2147483647"] {
            let faults = Plan::new(&draft, &host(&[("LISTEN_FDS", bad), ("LISTEN_PID", "7")]), Vec::new());
            assert_eq!(faults.expect_err(bad)[0].exit, Exit::Fds);
        }
    }

    #[test]
    fn a_limit_of_its_own_wins_over_anothers() {
        let limit = |soft, directive| {
            let what = Limit { resource: libc::RLIMIT_RTPRIO, soft, hard: 9 };
            Asked { what, by: by(directive) }
        };
        let limits = |limits: [Asked<Limit>; 2]| {
            let draft = Draft { limits: limits.into(), ..Draft::default() };
            ops(&draft, &host(&[])).split_off(1)
        };
        let want = [Op::Limit(limit(5, "LimitRTPRIO").what)];
        assert_eq!(limits([limit(5, "LimitRTPRIO"), limit(0, "RestrictRealtime")]), want);
        assert_eq!(limits([limit(0, "RestrictRealtime"), limit(5, "LimitRTPRIO")]), want);
    }

    #[test]
    fn a_limit_that_nobody_can_have_is_as_high_as_it_can_be() {
        let plan = |soft, hard| {
            let what = Limit { resource: libc::RLIMIT_NOFILE, soft, hard };
            let draft = Draft { limits: vec![Asked { what, by: by("LimitNOFILE") }], ..Draft::default() };
            let host = Host { ceilings: vec![(libc::RLIMIT_NOFILE, 4096)], ..host(&[]) };
            let plan = Plan::new(&draft, &host, Vec::new()).expect("a plan");
            let limit =
                plan.steps.iter().find_map(|step| if let Op::Limit(limit) = step.op { Some(limit) } else { None });
            limit.map(|limit| (limit.soft, limit.hard, plan.told.len(), plan.notes.len()))
        };
        assert_eq!(plan(u64::MAX, u64::MAX), Some((4096, 4096, 1, 0)));
        assert_eq!(plan(1024, 524_288), Some((1024, 4096, 0, 1)), "the program gets what it asked for");
        assert_eq!(plan(1024, 4096), Some((1024, 4096, 0, 0)));
    }

    #[test]
    fn the_directory_is_entered_again_where_the_view_changed() {
        let mut draft = Draft::default();
        assert_eq!(ops(&draft, &host(&[])).len(), 1);
        draft.root = Some(Asked { what: "/mnt".into(), by: by("RootDirectory") });
        let entered = |draft: &Draft| ops(draft, &host(&[])).pop();
        assert_eq!(entered(&draft), Some(Op::Directory { path: "/".into(), optional: false }));
        draft.directory = Some(Asked { what: (WorkingDirectory::Home, true), by: by("WorkingDirectory") });
        assert_eq!(entered(&draft), Some(Op::Directory { path: "/root".into(), optional: true }));
    }

    #[test]
    fn the_callers_arguments_follow_exec() {
        let draft =
            Draft { exec: Some(Asked { what: vec!["a".into(), "-b".into()], by: by("Exec") }), ..Draft::default() };
        assert_eq!(argv(&draft, &["--".into(), "c".into()]), ["a", "-b", "--", "c"]);
    }

    #[test]
    fn specifiers_are_replaced_in_exec_and_never_in_what_the_caller_writes() {
        let mut draft =
            Draft { exec: Some(Asked { what: vec!["a".into(), "%h%%".into()], by: by("Exec") }), ..Draft::default() };
        let plan = |draft: &Draft, argv: &[&str]| {
            let argv = argv.iter().map(OsString::from).collect();
            Plan::new(draft, &host(&[]), argv).map(|plan| plan.argv)
        };
        assert_eq!(plan(&draft, &["a", "%h%%", "%h"]).expect("a plan"), ["a", "%h%%", "%h"]);
        draft.exec_specifiers = Some(Asked { what: (), by: by("ExecSpecifiers") });
        assert_eq!(plan(&draft, &["a", "%h%%", "%h"]).expect("a plan"), ["a", "/root%", "%h"]);
        assert_eq!(plan(&draft, &["other", "%h%%"]).expect("a plan"), ["other", "%h%%"]);
        draft.exec = Some(Asked { what: vec!["%n".into()], by: by("Exec") });
        assert!(plan(&draft, &["%n"]).is_err());
    }

    #[test]
    fn variables_are_replaced_in_exec_and_never_in_what_the_caller_writes() {
        let words = ["$A", "$A", "%h${B}$$", "$C"];
        let what = words.map(String::from).to_vec();
        let mut draft = Draft::default();
        for (name, value) in [("A", "'b c' d"), ("B", "e f")] {
            draft.environment.push(Asked { what: Variable::Set(name.into(), value.into()), by: by("Environment") });
        }
        draft.exec = Some(Asked { what, by: by("Exec") });
        let plan = |draft: &Draft, argv: &[&str]| {
            let argv = argv.iter().map(OsString::from).collect();
            Plan::new(draft, &host(&[]), argv).expect("a plan").argv
        };
        let argv = [&words[..], &["$A", "${B}"]].concat();
        assert_eq!(plan(&draft, &argv), argv);
        draft.exec_variables = Some(Asked { what: (), by: by("ExecVariables") });
        assert_eq!(plan(&draft, &argv), ["$A", "b c", "d", "%he f$", "$A", "${B}"]);
        assert_eq!(plan(&draft, &["other", "$A"]), ["other", "$A"]);
        draft.exec_specifiers = Some(Asked { what: (), by: by("ExecSpecifiers") });
        assert_eq!(plan(&draft, &argv), ["$A", "b c", "d", "/roote f$", "$A", "${B}"]);
    }
}
