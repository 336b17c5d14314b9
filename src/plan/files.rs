//! Files that the target finds open, handed over as sockets are (sd_listen_fds(3)).

use std::ffi::OsString;

use crate::draft::attributes::OpenFile;
use crate::draft::{Asked, Draft};
use crate::fault::Exit;
use crate::host::Host;

use super::op::Op;
use super::order::Phase;
use super::{Planner, command, places, target};

/// Opens them behind the descriptors that the caller hands over.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    if draft.files.is_empty() {
        return;
    }
    // A wrong count is a fault of the descriptors, and said there.
    let Ok(announced) = command::announced(host) else { return };
    for (number, asked) in (3 + announced..).zip(present(draft, host)) {
        let passed = draft.descriptors.iter().find(|passed| passed.what.contains(&number));
        if let Some(passed) = passed {
            let fault = target::at(&passed.by, format!("descriptor {number} is where {} goes", asked.by.directive));
            planner.faults.push(fault.help("pass it under a higher number").exit(Exit::Fds));
        }
        match places::expand(host, &asked.what.path, &asked.by) {
            Ok(Some(path)) => {
                let op = Op::OpenFile { path, mode: asked.what.mode, number };
                planner.step(Phase::Files, op, vec![asked.by.clone()]);
            }
            Ok(None) => {}
            Err(fault) => planner.faults.push(fault),
        }
    }
}

/// All but those that may be missing and are.
fn present<'a>(draft: &'a Draft, host: &'a Host) -> impl Iterator<Item = &'a Asked<OpenFile>> {
    draft.files.iter().filter(|asked| !(asked.what.graceful && host.absent.contains(&asked.what.path)))
}

/// $LISTEN_FDS, $LISTEN_PID and $LISTEN_FDNAMES, where files are opened.
pub(super) fn variables(draft: &Draft, host: &Host) -> Vec<(&'static str, OsString)> {
    let names: Vec<&str> = present(draft, host).map(|asked| asked.what.name.as_str()).collect();
    let Ok(announced) = command::announced(host) else { return Vec::new() };
    if names.is_empty() {
        return Vec::new();
    }
    let mut all = OsString::new();
    // Whoever hands over descriptors without names has them called so (sd_listen_fds_with_names(3)).
    let given = host.variable("LISTEN_FDNAMES").map(OsString::from);
    let given = given.unwrap_or_else(|| vec!["unknown"; usize::try_from(announced).unwrap_or(0)].join(":").into());
    if announced > 0 {
        all.push(given);
        all.push(":");
    }
    all.push(names.join(":"));
    let count = announced + i32::try_from(names.len()).unwrap_or(i32::MAX - announced);
    vec![("LISTEN_FDS", count.to_string().into()), ("LISTEN_PID", host.pid.to_string().into()), ("LISTEN_FDNAMES", all)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::By;
    use crate::draft::attributes::OpenMode;
    use crate::plan::Plan;

    fn draft(files: &[(&str, &str, bool)]) -> Draft {
        let asked = |(path, name, graceful): &(&str, &str, bool)| Asked {
            what: OpenFile { path: path.into(), name: (*name).into(), mode: OpenMode::Both, graceful: *graceful },
            by: By { directive: "OpenFile", origin: None },
        };
        Draft { files: files.iter().map(asked).collect(), ..Draft::default() }
    }

    fn host(variables: &[(&str, &str)]) -> Host {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Host { pid: 7, environment, absent: vec!["/gone".into()], ..Host::default() }
    }

    fn opened(plan: &Plan) -> Vec<(String, i32)> {
        let open = |op: &Op| match op {
            Op::OpenFile { path, number, .. } => Some((path.display().to_string(), *number)),
            _ => None,
        };
        plan.steps.iter().filter_map(|step| open(&step.op)).collect()
    }

    fn told(plan: &Plan, name: &str) -> Option<String> {
        let found = plan.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.to_string_lossy().into_owned())
    }

    #[test]
    fn files_stand_behind_what_is_handed_over() {
        let draft = draft(&[("/a", "a", false), ("/gone", "g", true), ("/b", "b", true)]);
        let given = host(&[("LISTEN_FDS", "2"), ("LISTEN_PID", "7"), ("LISTEN_FDNAMES", "x:y")]);
        let plan = Plan::new(&draft, &given, Vec::new()).expect("a plan");
        assert_eq!(opened(&plan), [("/a".into(), 5), ("/b".into(), 6)]);
        assert_eq!(told(&plan, "LISTEN_FDS").as_deref(), Some("4"));
        assert_eq!(told(&plan, "LISTEN_FDNAMES").as_deref(), Some("x:y:a:b"));
        // Without names, and for somebody else.
        let nameless = host(&[("LISTEN_FDS", "2"), ("LISTEN_PID", "7")]);
        let plan = Plan::new(&draft, &nameless, Vec::new()).expect("a plan");
        assert_eq!(told(&plan, "LISTEN_FDNAMES").as_deref(), Some("unknown:unknown:a:b"));
        let others = host(&[("LISTEN_FDS", "2"), ("LISTEN_PID", "8"), ("LISTEN_FDNAMES", "x:y")]);
        let plan = Plan::new(&draft, &others, Vec::new()).expect("a plan");
        assert_eq!(opened(&plan), [("/a".into(), 3), ("/b".into(), 4)]);
        assert_eq!((told(&plan, "LISTEN_FDNAMES"), told(&plan, "LISTEN_PID")), (Some("a:b".into()), Some("7".into())));
    }
}
