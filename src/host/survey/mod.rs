//! Everything that `doctor` tells: each primitive tried out as this user on this kernel, in
//! children that can neither hurt nor be hurt.
//!
//! `namespaces` has namespaces and mounts, `filters` what needs neither, `machine` what is set and was inherited.

mod filters;
mod machine;
mod namespaces;

use std::path::Path;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::utsname::uname;

use crate::draft::Draft;
use crate::fault::Fault;
use crate::sys::child::{Outcome, attempt};

use super::diagnose::{self, Cause, Stage};
use super::userns::{self, Maps};
use super::{Host, Verdict};

/// The check on which most others stand, for a caller without privileges.
const USER_NAMESPACES: &str = "user namespaces";

/// How far something can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Can {
    /// Wholly.
    Yes,
    /// With a gap, which [`Check::cost`] names.
    Partly,
    /// Not at all.
    No,
}

impl Can {
    /// `yes`, `partly` or `no`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
        }
    }
}

/// One primitive and what trying it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// In plain words, e.g. `network namespaces`.
    pub name: &'static str,
    /// Whether it can be used.
    pub can: Can,
    /// Whether a gap makes any directive weaker; else the check is a fact that is good to know.
    pub matters: bool,
    /// What else there is to know, e.g. `ABI 7`; may be empty.
    pub detail: String,
    /// What the gap costs, by directive; empty without a gap.
    pub cost: String,
    /// Why: lower case, one line; empty without a gap.
    pub reason: String,
    /// What to do: one line, the exact command where there is one; empty without a gap.
    pub remedy: String,
}

impl Check {
    /// Works.
    fn yes(name: &'static str, detail: impl Into<String>) -> Self {
        let (cost, reason, remedy) = Default::default();
        Self { name, can: Can::Yes, matters: true, detail: detail.into(), cost, reason, remedy }
    }

    /// Has a gap.
    fn gap(name: &'static str, can: Can, cost: impl Into<String>, cause: Cause) -> Self {
        let Cause { reason, remedy } = cause;
        Self { name, can, matters: true, detail: String::new(), cost: cost.into(), reason, remedy }
    }

    /// Works, or fails with this cost.
    fn of<T>(name: &'static str, tried: Result<T, Cause>, cost: &str) -> Self {
        match tried {
            Ok(_) => Self::yes(name, ""),
            Err(cause) => Self::gap(name, Can::No, cost, cause),
        }
    }

    /// With this detail.
    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// As a fact that weakens nothing.
    fn fact(mut self) -> Self {
        self.matters = false;
        self
    }
}

/// What this user can do on this kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The kernel, e.g. `6.18.44`.
    pub kernel: String,
    /// The machine, e.g. `x86_64`.
    pub machine: String,
    /// The caller's user id.
    pub uid: u32,
    /// Whether the caller makes namespaces by right (CAP_SYS_ADMIN), else by a user namespace.
    pub privileged: bool,
    /// The checks, the most important first.
    pub checks: Vec<Check>,
}

impl Survey {
    /// Tries everything. Takes some milliseconds and forks; for `doctor`, not for a launch.
    ///
    /// # Errors
    /// When not even ids and capabilities can be read.
    pub fn take() -> Result<Self, Fault> {
        let host = Host::probe(&Draft::default())?;
        let lab = Lab { maps: Maps::own(), host: &host };
        let mut checks = namespaces::checks(&lab);
        checks.extend(filters::checks(&lab));
        checks.extend(machine::checks(&lab, Path::new("/")));
        let (kernel, machine) = uname()
            .map(|name| (name.release().to_string_lossy().into_owned(), name.machine().to_string_lossy().into_owned()))
            .unwrap_or_default();
        Ok(Self { kernel, machine, uid: host.uid, privileged: host.privileged(), checks })
    }

    /// The check of this name.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// Tells a host what trying said of user namespaces, so that a plan for it meets at once what a
    /// launch would only meet on the way.
    pub fn inform(&self, host: &mut Host) {
        let Some(check) = self.check(USER_NAMESPACES).filter(|_| !self.privileged) else { return };
        host.user_namespace = match check.can {
            Can::Yes => Verdict::Works,
            _ => Verdict::Refused { reason: check.reason.clone(), remedy: check.remedy.clone() },
        };
    }

    /// The worst verdict of all checks that matter.
    pub fn worst(&self) -> Can {
        self.checks.iter().filter(|check| check.matters).map(|check| check.can).max().unwrap_or(Can::Yes)
    }
}

/// Tries things as stockade would: by right, or in a user namespace first.
struct Lab<'a> {
    maps: Maps,
    host: &'a Host,
}

/// What a child's work says.
type Tried = Result<u64, (Stage, Errno)>;

impl Lab<'_> {
    /// In a child as it is.
    fn plain(&self, work: impl FnOnce() -> Tried) -> Result<u64, Cause> {
        let (stage, errno) = match attempt(work) {
            Ok(Outcome::Done(value)) => return Ok(value),
            Ok(Outcome::Failed { stage, errno }) => (Stage::from(stage), errno),
            Ok(Outcome::Killed(libc::SIGSYS | 0)) => (Stage::Killed, Errno::EPERM),
            Ok(Outcome::Killed(signal)) => {
                let reason = format!("whoever tries dies of signal {signal}");
                return Err(Cause { reason, remedy: "report this with the kernel's version".into() });
            }
            Err(errno) => (Stage::Fork, errno),
        };
        Err(diagnose::user_namespaces(errno, stage, self.host))
    }

    /// In a child that may make namespaces, and has made these.
    fn within(&self, flags: CloneFlags, work: impl FnOnce() -> Tried) -> Result<u64, Cause> {
        self.plain(|| {
            if !self.host.privileged() {
                userns::enter(&self.maps)?;
            }
            if !flags.is_empty() {
                unshare(flags).map_err(|errno| (Stage::Namespace, errno))?;
            }
            work()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use libseccomp::{ScmpAction, ScmpFilterContext, ScmpSyscall};

    use super::*;
    use crate::draft::namespaces::Namespace;
    use crate::draft::{Asked, By};

    /// Which filter the child puts around itself first.
    const FILTER: &str = "STOCKADE_TEST_FILTER";
    const MARK: &str = "\nsurvey:";

    /// The survey of whoever runs this: what the other tests start in other circumstances.
    #[test]
    fn of_this_user() {
        let filter = std::env::var(FILTER);
        let action = match filter.as_deref().unwrap_or_default() {
            "kill" => Some(ScmpAction::KillProcess),
            "errno" => Some(ScmpAction::Errno(libc::EPERM)),
            _ => None,
        };
        if let Some(action) = action {
            let mut context = ScmpFilterContext::new(ScmpAction::Allow).expect("a filter");
            context.add_rule(action, ScmpSyscall::from_name("unshare").expect("unshare")).expect("a rule");
            context.load().expect("loaded");
        }
        let survey = Survey::take().expect("a survey");
        let by = || By { directive: "Test", origin: None };
        let draft = Draft {
            prefer: vec![Asked { what: "PrivateNetwork".into(), by: by() }],
            namespaces: vec![Asked { what: Namespace::Net, by: by() }],
            ..Draft::default()
        };
        let probed = Host::probe(&draft).expect("a host").user_namespace;
        assert_eq!(probed == Verdict::Untried, survey.privileged);
        let agrees = match &probed {
            Verdict::Works => Some(Can::Yes),
            Verdict::Refused { .. } => Some(Can::No),
            Verdict::Untried => survey.check("user namespaces").map(|check| check.can),
        };
        assert_eq!(survey.check(USER_NAMESPACES).map(|check| check.can), agrees, "{probed:?}");
        let mut host = Host::default();
        survey.inform(&mut host);
        assert_eq!(host.user_namespace, probed);
        if filter.is_err() {
            return;
        }
        let mut out = std::io::stdout();
        for check in survey.checks {
            let line = format!("{MARK}{}\t{}\t{}\t{}\n", check.name, check.can.word(), check.reason, check.remedy);
            out.write_all(line.as_bytes()).expect("stdout");
        }
    }

    /// Runs the test above in a process of its own; `front` are the words before it.
    fn survey(front: &[&str], filter: &str, nobody: bool) -> Vec<[String; 4]> {
        let exe = std::env::current_exe().expect("own path");
        let mut words: Vec<&std::ffi::OsStr> = front.iter().map(std::ffi::OsStr::new).collect();
        words.push(exe.as_os_str());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["--exact", "host::survey::tests::of_this_user", "--nocapture"]);
        command.env(FILTER, filter).current_dir("/");
        // Whoever is not root has no rights to lose.
        if nobody && nix::unistd::getuid().is_root() {
            command.uid(65534).gid(65534);
        }
        let output = command.output().expect("started");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        let rows = text.lines().filter_map(|line| line.strip_prefix(MARK.trim_start()));
        let rows: Vec<[String; 4]> = rows
            .map(|row| {
                let cells: Vec<String> = row.split('\t').map(str::to_owned).collect();
                cells.try_into().expect("four cells")
            })
            .collect();
        assert!(rows.len() > 20, "{text}");
        rows
    }

    #[track_caller]
    fn says(rows: &[[String; 4]], name: &str, can: Can, reason: &str) {
        let row = rows.iter().find(|row| row[0] == name).expect("a row");
        assert_eq!(row[1], can.word(), "{row:?}");
        assert!(row[2].contains(reason), "{row:?}");
        assert_eq!(row[3].is_empty(), can == Can::Yes, "{row:?}");
    }

    #[test]
    fn of_nobody() {
        let rows = survey(&[], "", true);
        for name in ["user namespaces", "mounts", "network namespaces", "loopback device", "seccomp filters"] {
            says(&rows, name, Can::Yes, "");
        }
    }

    #[test]
    fn where_user_namespaces_are_switched_off() {
        let off = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
        let front = ["unshare", "--user", "--map-root-user", "sh", "-c", off, "sh"];
        let reason = "user namespaces are switched off inside this sandbox (user.max_user_namespaces is 0)";
        // Root of the outer namespace needs no other one for its mounts.
        let root = survey(&front, "", false);
        says(&root, "user namespaces", Can::No, reason);
        says(&root, "mounts", Can::Yes, "");
        let powerless = [&front[..], &["setpriv", "--bounding-set=-all"]].concat();
        let rows = survey(&powerless, "", false);
        for name in ["user namespaces", "mounts", "network namespaces"] {
            says(&rows, name, Can::No, reason);
        }
        says(&rows, "capability bounding set", Can::Partly, reason);
        says(&rows, "seccomp filters", Can::Yes, "");
    }

    #[test]
    fn where_root_may_not_be_mapped() {
        if !nix::unistd::getuid().is_root() {
            // The bounding set of an ordinary user says nothing about mapping its own id.
            says(&survey(&[], "", false), "user namespaces", Can::Yes, "");
            return;
        }
        let rows = survey(&["setpriv", "--bounding-set=-all"], "", false);
        says(&rows, "user namespaces", Can::No, "CAP_SETFCAP");
        says(&rows, "seccomp filters", Can::Yes, "");
    }

    #[test]
    fn where_a_filter_refuses_or_kills() {
        let rows = survey(&[], "errno", true);
        says(&rows, "user namespaces", Can::No, "seccomp filter that was here before stockade forbids it");
        says(&rows, "no filter inherited", Can::Partly, "1 of them");
        let rows = survey(&[], "kill", true);
        says(&rows, "user namespaces", Can::No, "kills whoever tries");
        says(&rows, "mounts", Can::No, "kills whoever tries");
        says(&rows, "setuid programs inside", Can::Partly, "no_new_privs");
        says(&rows, "seccomp filters", Can::Yes, "");
    }
}
