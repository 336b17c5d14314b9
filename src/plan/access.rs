//! Landlock: rights asked for against rights that the kernel knows.

use std::fmt;

use crate::draft::access::{
    BIND_TCP, CONNECT_TCP, KERNELS, NEWEST_ABI, PathRule, REFER, RIGHTS, SCOPES, TCP_ABI, names, rights_of,
};
use crate::draft::{Asked, By};
use crate::fault::Exit;

use super::op::Op;
use super::order::Phase;
use super::{Planner, Shortfall, places};

/// The ABI from which refusals are recorded (Linux 6.15).
const LOG_ABI: u32 = 7;

/// One operation on Landlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessOp {
    /// landlock_create_ruleset(2) and landlock_add_rule(2): one ruleset, kept open until it is in
    /// force.
    Rules(Ruleset),
    /// landlock_restrict_self(2).
    Restrict,
}

/// What a ruleset refuses, and where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// LANDLOCK_ACCESS_FS_* bits that are refused where no path gives them.
    pub handled_fs: u64,
    /// LANDLOCK_ACCESS_NET_* bits that are refused where no port gives them.
    pub handled_net: u64,
    /// LANDLOCK_SCOPE_* bits.
    pub scopes: u64,
    /// Paths, looked up when the mounts are made, and the rights below them, of those handled.
    /// Rights that only directories have are left out where a path turns out to be none.
    pub paths: Vec<PathRule>,
    /// Rights on ports.
    pub ports: Vec<(u64, u16)>,
    /// Whether refusals are recorded, also those of what the target executes
    /// (LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON).
    pub log: bool,
}

impl fmt::Display for AccessOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restrict => f.write_str("enter the Landlock domain"),
            Self::Rules(rules) => rules.fmt(f),
        }
    }
}

impl fmt::Display for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut refused = names(&RIGHTS, self.handled_fs);
        let net = [(BIND_TCP, "bind-tcp"), (CONNECT_TCP, "connect-tcp")];
        refused.extend(net.iter().filter(|(bit, _)| self.handled_net & bit != 0).map(|(_, name)| *name));
        write!(f, "make a Landlock ruleset that refuses {}", list(&refused))?;
        if self.scopes != 0 {
            write!(f, "; scope {}", names(&SCOPES, self.scopes).join(", "))?;
        }
        for rule in &self.paths {
            write!(f, "; allow {} below {}", names(&RIGHTS, rule.rights).join(", "), rule.path.display())?;
        }
        for (bit, port) in &self.ports {
            write!(f, "; allow TCP port {port} to be {}", if *bit == BIND_TCP { "bound" } else { "connected to" })?;
        }
        if self.log { f.write_str("; record what is refused") } else { Ok(()) }
    }
}

fn list(words: &[&str]) -> String {
    if words.is_empty() { "nothing".into() } else { words.join(", ") }
}

/// Plans what the draft asks of Landlock, as far as the host's ABI reaches; the rest is short.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let access = &planner.draft.access;
    let mut rules = Ruleset::default();
    let mut by: Vec<By> = Vec::new();
    if let Some(handled) = &access.handled {
        by.push(handled.by.clone());
        rules.handled_fs = rights(planner, handled);
        for asked in &access.paths {
            if let Some(rule) = path(planner, asked, rules.handled_fs) {
                rules.paths.push(rule);
                by.push(asked.by.clone());
            }
        }
    }
    for (asked, bit, what) in [
        (&access.connect_tcp, CONNECT_TCP, "TCP ports to connect to"),
        (&access.bind_tcp, BIND_TCP, "TCP ports to bind"),
    ] {
        let Some(asked) = asked else { continue };
        if missing(planner, &asked.by, what, TCP_ABI) {
            continue;
        }
        rules.handled_net |= bit;
        rules.ports.extend(asked.what.iter().map(|port| (bit, *port)));
        by.push(asked.by.clone());
    }
    if let Some(asked) = &access.scopes {
        let what = format!("the scope {}", names(&SCOPES, asked.what).join(", "));
        let abi = SCOPES.iter().filter(|scope| asked.what & scope.bit != 0).map(|scope| scope.abi).max();
        if !missing(planner, &asked.by, &what, abi.unwrap_or(1)) {
            rules.scopes = asked.what;
            by.push(asked.by.clone());
        }
    }
    if rules.handled_fs | rules.handled_net | rules.scopes == 0 {
        return;
    }
    rules.log = access.log && planner.host.landlock >= LOG_ABI;
    if access.log && !rules.log {
        planner.notes.push("Landlock.Log has no effect: this kernel's Landlock does not record what it refuses".into());
    }
    by.dedup();
    planner.step(Phase::Rules, Op::Access(AccessOp::Rules(rules)), by.clone());
    by.truncate(1);
    planner.step(Phase::Landlock, Op::Access(AccessOp::Restrict), by);
}

/// The handled rights that the host knows; a shortfall for each newer ABI that has some of the rest.
fn rights(planner: &mut Planner<'_>, handled: &Asked<u64>) -> u64 {
    let known = rights_of(planner.host.landlock);
    // A kernel that does not know this right refuses what it would refuse, everywhere.
    let mut unknown = handled.what & !known & !REFER;
    if planner.host.landlock == 0 {
        if handled.what != 0 {
            missing(planner, &handled.by, "access by path", 1);
        }
        return 0;
    }
    for abi in planner.host.landlock + 1..=NEWEST_ABI {
        let here = unknown & rights_of(abi);
        if here != 0 {
            let what = names(&RIGHTS, here).join(", ");
            missing(planner, &handled.by, &what, abi);
            unknown &= !here;
        }
    }
    if handled.what & !known & REFER != 0
        && planner.draft.access.paths.iter().any(|asked| asked.what.rights & REFER != 0)
    {
        planner.notes.push(
            "this kernel's Landlock (ABI 1) refuses to move or link any file into another directory, also where the \
             policy allows it"
                .into(),
        );
    }
    handled.what & known
}

/// Whether the host's ABI is too old for something; then that is short.
fn missing(planner: &mut Planner<'_>, by: &By, what: &str, abi: u32) -> bool {
    let has = planner.host.landlock;
    if has >= abi {
        return false;
    }
    let (major, minor) = KERNELS[abi as usize - 1];
    let reason = match has {
        0 => "this kernel has no Landlock, or it is switched off".into(),
        _ => format!("this kernel's Landlock has ABI {has}, and that needs ABI {abi} (Linux {major}.{minor})"),
    };
    let remedy = match has {
        0 => format!("use Linux {major}.{minor} or newer and have `landlock` in the `lsm=` list of its command line"),
        _ => format!("use Linux {major}.{minor} or newer, or ask for less by Landlock.ABI or Landlock.Restrict"),
    };
    let missing = format!("cannot restrict {what}");
    planner.short(Shortfall { by: by.clone(), missing, reason, remedy, exit: Exit::Namespace });
    true
}

fn path(planner: &mut Planner<'_>, asked: &Asked<PathRule>, handled: u64) -> Option<PathRule> {
    let rights = asked.what.rights & handled;
    if rights == 0 {
        return None;
    }
    match places::expand(planner.host, &asked.what.path, &asked.by) {
        Ok(Some(path)) => Some(PathRule { path, rights, optional: asked.what.optional }),
        Ok(None) => {
            let here = planner.host.directory.display();
            planner.notes.push(format!("`.` in {} is left out: {here} is too much to mean it", asked.by));
            None
        }
        Err(fault) => {
            planner.faults.push(fault);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::host::Host;

    const BY: By = By { directive: "Landlock.Read", origin: None };

    #[allow(clippy::unnecessary_wraps)] // As the draft has it.
    fn asked<T>(what: T) -> Option<Asked<T>> {
        Some(Asked { what, by: BY })
    }

    fn draft() -> Draft {
        let mut draft = Draft::default();
        draft.access.handled = asked(0xffff);
        let what = PathRule { path: "/etc".into(), rights: 0x1_000c, optional: false };
        draft.access.paths.push(Asked { what, by: BY });
        draft
    }

    fn planned(draft: &Draft, abi: u32) -> (Vec<AccessOp>, Vec<Shortfall>, usize) {
        let host = Host { landlock: abi, home: "/root".into(), directory: "/".into(), ..Host::default() };
        let mut planner = Planner::new(draft, &host);
        plan(&mut planner);
        let ops = planner.steps.into_iter().map(|step| match step.op {
            Op::Access(op) => op,
            other => unreachable!("{other:?}"),
        });
        (ops.collect(), planner.shortfalls, planner.faults.len())
    }

    #[test]
    fn nothing_asked_is_nothing_done() {
        assert_eq!(planned(&Draft::default(), 7), (Vec::new(), Vec::new(), 0));
    }

    #[test]
    fn a_new_kernel_gets_all_of_it() {
        let paths = vec![PathRule { path: "/etc".into(), rights: 0xc, optional: false }];
        let rules = Ruleset { handled_fs: 0xffff, paths, ..Ruleset::default() };
        assert_eq!(planned(&draft(), 7), (vec![AccessOp::Rules(rules), AccessOp::Restrict], Vec::new(), 0));
    }

    #[test]
    fn an_old_kernel_is_refused_without_prefer() {
        let (_, shortfalls, faults) = planned(&draft(), 1);
        assert_eq!((shortfalls.len(), faults), (0, 2), "truncate and ioctl-dev, but not refer");
        assert_eq!(planned(&draft(), 0).2, 1);
    }

    #[test]
    fn prefer_reports_what_is_missing_and_keeps_the_rest() {
        let mut draft = draft();
        draft.prefer.push(Asked { what: "Landlock".into(), by: BY });
        let (ops, shortfalls, faults) = planned(&draft, 2);
        assert_eq!(faults, 0);
        let missing: Vec<&str> = shortfalls.iter().map(|short| short.missing.as_str()).collect();
        assert_eq!(missing, ["cannot restrict truncate", "cannot restrict ioctl-dev"]);
        assert!(shortfalls[1].reason.ends_with("has ABI 2, and that needs ABI 5 (Linux 6.10)"));
        assert!(matches!(&ops[0], AccessOp::Rules(rules) if rules.handled_fs == 0x3fff), "{ops:?}");
        assert_eq!(planned(&draft, 0).0, []);
    }

    #[test]
    fn ports_and_scopes_need_their_abi() {
        let mut draft = Draft::default();
        draft.access.connect_tcp = asked(vec![443]);
        draft.access.bind_tcp = asked(Vec::new());
        draft.access.scopes = asked(3);
        let (ops, _, faults) = planned(&draft, 6);
        let rules = Ruleset { handled_net: 3, scopes: 3, ports: vec![(CONNECT_TCP, 443)], ..Ruleset::default() };
        assert_eq!((ops, faults), (vec![AccessOp::Rules(rules), AccessOp::Restrict], 0));
        assert_eq!(planned(&draft, 5).2, 1);
        assert_eq!(planned(&draft, 3).2, 3);
    }

    #[test]
    fn a_dot_that_is_too_wide_is_left_out() {
        let mut draft = draft();
        draft.access.paths[0].what.path = ".".into();
        let (ops, ..) = planned(&draft, 7);
        assert!(matches!(&ops[0], AccessOp::Rules(rules) if rules.paths.is_empty()), "{ops:?}");
    }

    #[test]
    fn the_ruleset_reads_well() {
        let paths = vec![PathRule { path: "/etc".into(), rights: 0xc, optional: false }];
        let rules =
            Ruleset { handled_fs: 0xd, handled_net: 2, paths, ports: vec![(CONNECT_TCP, 443)], scopes: 2, log: false };
        assert_eq!(
            AccessOp::Rules(rules).to_string(),
            "make a Landlock ruleset that refuses execute, read-file, read-dir, connect-tcp; scope signal; allow \
             read-file, read-dir below /etc; allow TCP port 443 to be connected to"
        );
    }
}
