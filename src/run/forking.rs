//! A service that lives on in what its first process leaves behind, under a PID namespace, which cannot be: found out
//! before anything is executed.
//!
//! That is Type=forking and ExitType=cgroup (systemd.service(5)). What the parent leaves behind ends with it, because the
//! namespace does, and a PIDFile= in there holds a number of the namespace. systemd tells no service of which type it is,
//! but which unit this is stands in the name of the control group, and the type in the unit's files.

use std::fs;
use std::path::Path;

use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::plan::Plan;
use crate::plan::op::Op;
use crate::policy::lasting::{self, Lasting};
use crate::text::unit::{self, Unit};
use crate::text::units;

/// Where the units are that systemd-run(1) and generators make (systemd.unit(5)); the others are where they always are.
const MADE: [&str; 4] =
    ["/run/systemd/transient", "/run/systemd/generator.early", "/run/systemd/generator", "/run/systemd/generator.late"];

/// The refusal, where this process is the command of such a service.
///
/// A unit of a user's manager, one whose files cannot be read, and one that has stockade in front of other commands, too,
/// are passed over: nobody can tell then which of them this is.
pub(super) fn refusal(plan: &Plan, host: &Host) -> Option<Fault> {
    let step = plan.steps.iter().find(|step| matches!(step.op, Op::Companion(_)))?;
    let main = host.variable("SYSTEMD_EXEC_PID").is_some_and(|pid| *pid == *host.pid.to_string());
    if !main {
        return None;
    }
    let group = fs::read_to_string("/proc/self/cgroup").ok()?;
    let name = of_group(&group)?;
    let directories: Vec<&Path> = MADE.iter().chain(&units::DIRECTORIES).map(Path::new).collect();
    let (unit, _) = units::load(name, &directories, None).ok()?;
    let own: Vec<String> = std::env::args_os().take(2).filter_map(|word| last(&word.to_string_lossy())).collect();
    let (kind, at) = outlives(&unit, &own)?;
    let by = step.by.first();
    let who = by.map_or("PrivatePIDs", |by| by.directive);
    let fault = match kind {
        Lasting::Forking => {
            Fault::new(format!("{who}: {name} is of Type=forking, whose daemon would end with its parent: {at}"))
                .help("let the daemon run in the foreground, with Type=exec or notify and without PIDFile=")
        }
        Lasting::Group => Fault::new(format!(
            "{who}: {name} has ExitType=cgroup, and what its main process leaves behind would end with that: {at}"
        ))
        .help("let the main process be the last to end, and write ExitType=main"),
    };
    let mut fault =
        fault.help(format!("or leave {who} out: without a PID namespace {kind} works")).exit(Exit::Namespace);
    fault.origin = by.and_then(|by| by.origin.clone());
    Some(fault)
}

/// The system service that a process of this /proc/PID/cgroup belongs to (cgroups(7)).
fn of_group(group: &str) -> Option<&str> {
    let path = group.lines().find_map(|line| line.split_once("::").map(|(_, path)| path))?;
    let mut services = path.split('/').filter(|part| part.ends_with(".service"));
    // Below a user's manager it is somebody else who knows the unit.
    let name = services.next().filter(|name| !name.starts_with("user@"))?;
    services.next().is_none().then_some(name)
}

/// Whether and where the unit says that it outlives its first process, and this is sure to be the command that does so.
fn outlives(unit: &Unit, own: &[String]) -> Option<(Lasting, String)> {
    let (kind, said) = lasting::outlives(unit)?;
    let ours = |one: &&crate::text::unit::Assignment| {
        let command = one.value.trim_start_matches(['-', '@', ':', '+', '!', '|', ' ']);
        let words = unit::words(command).unwrap_or_default();
        words.first().and_then(|word| last(word)).is_some_and(|word| own.contains(&word))
    };
    let several = unit::OTHERS.iter().any(|name| unit.all("Service", name).iter().any(ours));
    (!several).then(|| (kind, said.at.to_string()))
}

/// The last part of a path.
fn last(path: &str) -> Option<String> {
    Some(Path::new(path).file_name()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fault::Source;

    fn kind(text: &str) -> Option<Lasting> {
        let source = Arc::new(Source { name: "web.service".into(), text: text.into() });
        let (assignments, _) = unit::parse(&source).expect("a unit");
        let unit = Unit { name: "web.service".into(), path: "web.service".into(), assignments };
        outlives(&unit, &["stockade".into(), "run".into()]).map(|(kind, _)| kind)
    }

    #[test]
    fn the_service_is_named_by_its_group() {
        assert_eq!(of_group("0::/system.slice/nginx.service\n"), Some("nginx.service"));
        assert_eq!(of_group("1:name=systemd:/\n0::/system.slice/web@1.service/.control\n"), Some("web@1.service"));
        assert_eq!(of_group("0::/user.slice/user-1.slice/user@1.service/app.slice/a.service\n"), None);
        assert_eq!(of_group("0::/user.slice/user-1.slice/session-2.scope\n"), None);
    }

    #[test]
    fn the_last_type_counts_and_only_where_it_is_sure_which_command_this_is() {
        let start = "ExecStart=-/usr/bin/stockade run -P web -- /usr/sbin/web\n";
        let forking = |text: &str| kind(text) == Some(Lasting::Forking);
        assert!(forking(&format!("[Service]\nType=forking\n{start}")));
        assert!(forking(&format!("[Service]\nType=forking\nExecStartPre=/bin/mkdir -p /run/web\n{start}")));
        assert_eq!(kind(&format!("[Service]\n{start}")), None);
        assert_eq!(kind(&format!("[Service]\nType=forking\nType=notify\n{start}")), None);
        let other = "ExecStartPre=+/usr/bin/stockade run -P web -- /bin/x\n";
        assert_eq!(kind(&format!("[Service]\nType=forking\n{other}{start}")), None);
    }

    #[test]
    fn a_service_that_lasts_as_long_as_its_group_is_one() {
        let start = "ExecStart=/usr/bin/stockade run -P web -- /usr/sbin/web\n";
        assert_eq!(kind(&format!("[Service]\nExitType=cgroup\n{start}")), Some(Lasting::Group));
        assert_eq!(kind(&format!("[Service]\nExitType=cgroup\nExitType=main\n{start}")), None);
    }
}
