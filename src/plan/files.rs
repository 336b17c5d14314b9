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
    let mut number = 3 + announced;
    for asked in present(draft, host) {
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
        number += 1;
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
