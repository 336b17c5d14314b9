//! Namespaces that are there already, and the name of the host in a new one.

use crate::draft::namespaces::Namespace;
use crate::fault::Exit;
use crate::host::specifier;

use super::op::Op;
use super::order::Phase;
use super::{Planner, Shortfall, places, target};

/// Plans what is entered, and what is delegated.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let (draft, host) = (planner.draft, planner.host);
    for asked in &draft.joins {
        let (kind, path) = &asked.what;
        if !host.privileged() {
            planner.short(Shortfall {
                by: asked.by.clone(),
                missing: format!("cannot enter {}", path.display()),
                reason: "that needs root".into(),
                remedy: "start stockade as root".into(),
                exit: if *kind == Namespace::Net { Exit::Network } else { Exit::Namespace },
            });
            continue;
        }
        match places::expand(host, path, &asked.by) {
            Ok(Some(path)) => planner.step(Phase::Join, Op::Join { kind: *kind, path }, vec![asked.by.clone()]),
            Ok(None) => {}
            Err(fault) => planner.faults.push(fault),
        }
    }
    if let Some(asked) = &draft.hostname {
        match specifier::expand(&asked.what, host) {
            Ok(name) => planner.step(Phase::Name, Op::HostName(name), vec![asked.by.clone()]),
            Err(message) => planner.faults.push(target::at(&asked.by, message)),
        }
    }
    if let Some(asked) = draft.delegated.as_ref().filter(|_| host.privileged()) {
        planner.short(Shortfall {
            by: asked.by.clone(),
            missing: "the target's namespaces cannot belong to its user namespace".into(),
            reason: "root's are made before it in this version".into(),
            remedy: "start stockade as an ordinary user, or leave DelegateNamespaces out".into(),
            exit: Exit::Namespace,
        });
    }
}
