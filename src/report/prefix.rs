//! A drop-in that puts stockade in front of a service's commands (systemd.service(5), "command lines").

use crate::draft::namespaces::Namespace;
use crate::fault::Fault;
use crate::policy::form::quote;
use crate::policy::lasting::{self, Lasting};
use crate::policy::{self, Policy, cgroup, service};
use crate::text::unit::{self, Assignment, Command, Unit};

use super::unit::DropIn;

/// What stands in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// The path of stockade.
    pub stockade: String,
    /// `-P`, `-p` and their values.
    pub options: Vec<String>,
    /// Where it is started: what `.` is in the policy.
    pub directory: Option<String>,
    /// Whether the policy has a `.`.
    pub here: bool,
}

/// What is started.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The commands of a unit.
    Unit(&'a Unit),
    /// A command for a unit that has none yet or another one.
    Command(Option<&'a Unit>, &'a [String]),
}

/// Words about the process that systemd carries out for a command with `+`, too (src/core/exec-invoke.c), with those that it
/// carries out on the control group and those that say what becomes of the whole unit.
const KEPT: &[&str] = &[
    "UMask",
    "Environment",
    "EnvironmentFile",
    "PassEnvironment",
    "UnsetEnvironment",
    "SetLoginEnvironment",
    "ExecSearchPath",
    "WorkingDirectory",
    "Nice",
    "OOMScoreAdjust",
    "CPUSchedulingPolicy",
    "CPUSchedulingPriority",
    "CPUSchedulingResetOnFork",
    "CPUAffinity",
    "NUMAPolicy",
    "NUMAMask",
    "IOSchedulingClass",
    "IOSchedulingPriority",
    "TimerSlackNSec",
    "CoredumpFilter",
    "Personality",
    "KeyringMode",
    "IgnoreSIGPIPE",
    "MemoryKSM",
    "MemoryTHP",
    "OpenFile",
    "RuntimeDirectory",
    "RuntimeDirectoryMode",
    "StateDirectory",
    "StateDirectoryMode",
    "CacheDirectory",
    "CacheDirectoryMode",
    "LogsDirectory",
    "LogsDirectoryMode",
    "ConfigurationDirectory",
    "ConfigurationDirectoryMode",
    "LoadCredential",
    "SetCredential",
    "RemoveIPC",
    "MemoryMax",
    "MemoryHigh",
    "MemorySwapMax",
    "TasksMax",
    "CPUQuota",
    "CPUQuotaPeriodSec",
    "SystemCallErrorNumber",
    "CPUWeight",
    "RuntimeMaxSec",
    "TimeoutStopSec",
    "DelegateNamespaces",
    "MountAPIVFS",
];

/// Words that systemd leaves out for a command with `+`, and that no policy has.
const LOST: &[&str] = &[
    "RootImage",
    "RootMStack",
    "MountImages",
    "ExtensionImages",
    "PAMName",
    "SmackProcessLabel",
    "RestrictFileSystems",
    "LogNamespace",
];

/// The drop-in.
///
/// # Errors
/// The unit has no command, or is of a kind that the policy does not go together with.
pub fn dropin(target: Target<'_>, policy: &Policy, front: &Front) -> Result<DropIn, Vec<Fault>> {
    let unit = match target {
        Target::Unit(unit) => Some(unit),
        Target::Command(unit, _) => unit,
    };
    let mut made = DropIn::default();
    let mut faults = Vec::new();
    if let Some(unit) = unit {
        faults.extend(kind(unit, policy));
        faults.extend(roots(unit));
        made.weaker = lost(unit, policy);
    }
    faults.extend(place(unit, front));
    let mut programs = Vec::new();
    let limits = limits(unit, policy);
    let commands = match target {
        Target::Command(_, words) => {
            programs.extend(words.first().map(|program| program.replace('%', "%%")));
            Ok(vec![line(front, "+", &limits, &typed(words))])
        }
        Target::Unit(unit) => lines(unit, front, &limits, &mut programs, &mut made.notes),
    };
    let commands = match commands {
        Ok(commands) if faults.is_empty() => commands,
        Ok(_) => return Err(faults),
        Err(fault) => {
            faults.push(fault);
            return Err(faults);
        }
    };
    made.text = head(unit, front);
    made.text.push_str("[Service]\n");
    if let Some(directory) = &front.directory {
        made.text.push_str(&format!("WorkingDirectory={}\n", directory.replace('%', "%%")));
    }
    if policy.written.iter().any(|(name, _)| cgroup::DIRECTIVES.iter().any(|row| row.name == *name)) {
        made.text.push_str("# The policy's limits take a control group of its own.\nDelegate=yes\n");
    }
    let named = unit.is_some_and(|unit| !unit.all("Service", "SyslogIdentifier").is_empty());
    if let ([program], false) = (programs.as_slice(), named)
        && let Some(name) = program.rsplit('/').next().filter(|name| name.chars().all(|c| c.is_ascii_graphic()))
    {
        made.text
            .push_str(&format!("# What it writes stays under this name in the journal.\nSyslogIdentifier={name}\n"));
    }
    if commands.iter().any(|command| limits.iter().any(|limit| command.contains(limit.as_str()))) {
        let limits = limits.join(", ");
        made.text
            .push_str(&format!("# With `+` the manager's own limits would hold, not those of a service: {limits}.\n"));
    }
    made.text.push_str("ExecStart=\n");
    made.text.extend(commands.iter().map(|command| format!("ExecStart={command}\n")));
    if let Some(unit) = unit {
        others(unit, &mut made.notes);
    }
    Ok(made)
}

/// What a reader of the drop-in has to know.
fn head(unit: Option<&Unit>, front: &Front) -> String {
    let name = unit.map_or("NAME.service", |unit| unit.name.as_str());
    format!(
        "# stockade in front of {name}: /etc/systemd/system/{name}.d/stockade.conf, then `systemctl daemon-reload`.\n\
         # With `+` the unit's own sandbox (User=, ProtectSystem=, SystemCallFilter= and the like) does not hold for this\n\
         # command, in which stockade would have no right to set up its own; it does for ExecStartPre=, ExecReload= and so on.\n\
         # What holds for this command is in: {}\n",
        front
            .options
            .iter()
            .filter(|word| !word.starts_with('-'))
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
            .replace(char::is_control, " ")
    )
}

/// A command of a unit's, or of somebody's, behind stockade.
fn line(front: &Front, prefixes: &str, limits: &[String], command: &str) -> String {
    let variables = !prefixes.contains(':');
    // In the first word systemd replaces no variables.
    let mut words = vec![format!("{prefixes}{}", quote::argument(&front.stockade, false)), "run".into()];
    words.extend(limits.iter().map(|limit| format!("-p {limit}")));
    words.extend(front.options.iter().map(|word| quote::argument(word, variables)));
    format!("{} -- {command}", words.join(" "))
}

/// What the service has by itself and loses with `+`, and neither the unit nor the policy says.
fn limits(unit: Option<&Unit>, policy: &Policy) -> Vec<String> {
    let said =
        |name: &str| policy.origin(name).is_some() || unit.is_some_and(|unit| !unit.all("Service", name).is_empty());
    service::limits().filter(|(name, _)| !said(name)).map(|(name, value)| format!("{name}={value}")).collect()
}

fn typed(words: &[String]) -> String {
    words.iter().map(|word| quote::argument(word, true)).collect::<Vec<_>>().join(" ")
}

/// The unit's own commands. Their words stay as they were written, so that systemd replaces in them what it replaced before.
fn lines(
    unit: &Unit,
    front: &Front,
    limits: &[String],
    programs: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, Fault> {
    let mut made = Vec::new();
    for one in unit.all("Service", "ExecStart") {
        let commands = unit::commands(&one.value).map_err(|why| Fault::at(&one.value_at, why))?;
        for command in commands {
            programs.push(command.program.clone());
            made.push(own(command, one, front, limits, notes)?);
        }
    }
    if made.is_empty() {
        let fault = Fault::new(format!("{} has no ExecStart=", unit.name));
        return Err(fault.help("write the command behind `--`"));
    }
    Ok(made)
}

fn own(
    mut command: Command,
    at: &Assignment,
    front: &Front,
    limits: &[String],
    notes: &mut Vec<String>,
) -> Result<String, Fault> {
    let program = &command.program;
    if command.has('@') {
        if command.arguments.is_empty() {
            return Err(Fault::at(&at.value_at, "`@` is not followed by a name for the program"));
        }
        let name = command.arguments.remove(0);
        notes.push(format!("`@`: {program} was called {name}; stockade calls it by its path"));
    }
    if command.has('+') {
        notes.push(format!("`+`: {program} was not confined; now it is, by the policy"));
    }
    if command.keeps_root() {
        notes.push(format!("`!`: {program} kept root's rights for itself; now it has what the policy leaves"));
    }
    let variables = !command.has(':');
    // Here it is no longer the first word: its specifiers are replaced as before, and a dollar would be.
    let escaped = if variables { program.replace('$', "$$") } else { program.clone() };
    let mut words = vec![quote::argument(&escaped, false).replace("%%", "%")];
    words.append(&mut command.arguments);
    let kept: String = ['-', ':', '|'].iter().filter(|prefix| command.has(**prefix)).collect();
    // One with `+` had the manager's before.
    let limits = if command.has('+') { &[] } else { limits };
    Ok(line(front, &format!("{kept}+"), limits, &words.join(" ")))
}

/// Whether the unit's sandbox holds for any of its commands: for those with `+` it does not.
pub fn is_confined(unit: &Unit) -> bool {
    let commands = unit.all("Service", "ExecStart").into_iter().filter_map(|one| unit::commands(&one.value).ok());
    commands.flatten().any(|command| !command.has('+'))
}

/// A service that lives on in what its first process leaves behind, and a PID namespace.
fn kind(unit: &Unit, policy: &Policy) -> Option<Fault> {
    let (kind, last) = lasting::outlives(unit)?;
    let draft = policy.draft();
    let by = draft.namespaces.iter().find(|asked| asked.what == Namespace::Pid).map(|asked| &asked.by)?;
    let fault = Fault::at(&last.value_at, format!("{kind} does not go together with {}", by.directive));
    let fault = match kind {
        Lasting::Forking => fault
            .label("the service's main process would be one whose number systemd cannot know")
            .help("let the program stay in the foreground and write Type=notify, exec or simple"),
        Lasting::Group => fault
            .label("what the main process leaves behind would end with it")
            .help("let the main process be the last to end, and write ExitType=main"),
    };
    Some(fault.help(format!("or leave {} out of the policy", by.directive)))
}

/// Roots of the unit's own hold for commands with `+`, too; and nobody outside systemd can tell a dynamic user's name.
fn roots(unit: &Unit) -> Vec<Fault> {
    let set = |name: &'static str| unit.all("Service", name).last().copied().filter(|one| on(&one.value));
    let root = set("RootDirectory").or_else(|| set("RootImage")).map(|one| {
        Fault::at(&one.at, format!("{}= holds for stockade, too, which is not in there", one.name))
            .help("write RootDirectory in the policy, and reset it in the unit")
    });
    let user = set("DynamicUser").map(|one| {
        Fault::at(&one.at, "the user that DynamicUser= makes up is known to systemd alone")
            .help("write DynamicUser=no and User=, of a user that is there, in the unit and in the policy")
    });
    root.into_iter().chain(user).collect()
}

/// `.` is where the service is started: `/` where nobody says another, and then all would be open.
fn place(unit: Option<&Unit>, front: &Front) -> Option<Fault> {
    let own = unit.and_then(|unit| unit.all("Service", "WorkingDirectory").last().map(|one| one.value.clone()));
    let known = front.directory.is_some() || own.is_some_and(|own| own.trim_start_matches('-') != "/");
    (front.here && !known).then(|| {
        Fault::new("the policy has `.`, the directory that stockade is started in, and the service is started in `/`")
            .help("--directory DIRECTORY starts it there, by WorkingDirectory=")
    })
}

/// Whether a value says anything.
fn on(value: &str) -> bool {
    !["", "no", "false", "off", "n", "f", "0", "default", "all"].contains(&value.to_ascii_lowercase().as_str())
}

/// What the unit confines and the policy does not, since systemd does not for a command with `+`.
fn lost(unit: &Unit, policy: &Policy) -> Vec<String> {
    let mut lost: Vec<String> = Vec::new();
    for one in unit.assignments.iter().filter(|one| one.section == "Service") {
        let name = unit::today(&one.name);
        let ours = policy::find(name).is_some() && !KEPT.contains(&name) && !name.contains('.');
        let holds = |one: &&Assignment| on(&one.value) || name == "CapabilityBoundingSet";
        let is_root = name == "User" && matches!(one.value.as_str(), "root" | "0");
        if !(ours || LOST.contains(&name)) || is_root || policy.origin(name).is_some() {
            continue;
        }
        if unit.assignments.iter().rfind(|other| other.name == one.name).as_ref().is_some_and(holds)
            && !lost.iter().any(|known| known == name)
        {
            lost.push(name.into());
        }
    }
    lost
}

/// The commands that stay as they are.
fn others(unit: &Unit, notes: &mut Vec<String>) {
    let names: Vec<&str> = unit::OTHERS.into_iter().filter(|name| !unit.all("Service", name).is_empty()).collect();
    if !names.is_empty() {
        notes.push(format!("{}: as before, with the unit's own sandbox and without stockade", names.join(", ")));
    }
    if unit.all("Service", "Type").last().is_some_and(|one| one.value == "exec") {
        notes.push(
            "Type=exec: that the program is missing is told by the status 203 and not by `systemctl start`".into(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;
    use crate::text::toml;
    use std::sync::Arc;

    fn load(text: &str) -> Unit {
        let source = Arc::new(Source { name: "web.service".into(), text: text.into() });
        let (assignments, _) = unit::parse(&source).expect("a unit");
        Unit { name: "web.service".into(), path: "/etc/web.service".into(), assignments }
    }

    fn policy(text: &str) -> Policy {
        let source = Arc::new(Source { name: "web.toml".into(), text: text.into() });
        Policy::read(&toml::parse(&source).expect("TOML")).expect("a policy")
    }

    fn front() -> Front {
        Front {
            stockade: "/usr/bin/stockade".into(),
            options: vec!["-P".into(), "/etc/a b.toml".into()],
            ..Front::default()
        }
    }

    fn commands(text: &str) -> Vec<String> {
        let unit = load(text);
        let made = dropin(Target::Unit(&unit), &policy("PrivateTmp = true"), &front()).expect("a drop-in");
        let lines = made.text.lines().filter_map(|line| line.strip_prefix("ExecStart=").map(str::to_owned));
        lines.collect()
    }

    #[test]
    fn the_units_words_stay_and_stockade_stands_in_front() {
        let all = commands(
            "[Service]\nType=oneshot\nExecStart=-/bin/a $X ${Y} %i \"b c\" 'd\\x20e' 100%% ; :/bin/b $X\nExecStart=@\"/opt/c d$\" name x\n",
        );
        let run = "/usr/bin/stockade run -p LimitNOFILE=1024:524288 -p LimitMEMLOCK=8M -P \"/etc/a b.toml\" --";
        let want = [
            String::new(),
            format!("-+{run} /bin/a $X ${{Y}} %i \"b c\" 'd\\x20e' 100%%"),
            format!(":+{run} /bin/b $X"),
            format!("+{run} \"/opt/c d$$\" x"),
        ];
        assert_eq!(all, want);
    }

    #[test]
    fn two_exclamation_marks_keep_nothing_for_root() {
        let unit = |line: &str| load(&format!("[Service]\nExecStart={line}\n"));
        let told = |line: &str| dropin(Target::Unit(&unit(line)), &policy(""), &front()).expect("a drop-in").notes;
        assert!(told("!/bin/a").iter().any(|note| note.contains("root's rights")));
        assert!(told("!!/bin/a").iter().all(|note| !note.contains("root's rights")));
    }

    #[test]
    fn words_of_a_command_line_are_not_replaced() {
        let front = Front { stockade: "/opt/a$%/stockade".into(), ..front() };
        let words = ["/bin/echo", "$HOME", "100%", "a\"b\\"].map(String::from);
        let made = dropin(Target::Command(None, &words), &policy("LimitNOFILE = 9\nLimitMEMLOCK = 0"), &front)
            .expect("a drop-in");
        let want = r#"ExecStart=+/opt/a$%%/stockade run -P "/etc/a b.toml" -- /bin/echo $$HOME 100%% "a\"b\\""#;
        assert!(made.text.ends_with(&format!("ExecStart=\n{want}\n")), "{}", made.text);
    }

    #[test]
    fn the_managers_own_limits_do_not_hold() {
        let lines = |unit: &str, words: &str| {
            let made = dropin(Target::Unit(&load(unit)), &policy(words), &front()).expect("a drop-in").text;
            let (head, command) = made.rsplit_once("ExecStart=\n").expect("commands");
            assert_eq!(head.contains("limits would hold"), command.contains("-p Limit"), "{made}");
            command.split(" -P ").next().expect("a start").replace("ExecStart=+/usr/bin/stockade run", "")
        };
        let unit = "[Service]\nExecStart=/bin/a\n";
        assert_eq!(lines(unit, ""), " -p LimitNOFILE=1024:524288 -p LimitMEMLOCK=8M");
        assert_eq!(lines(unit, "LimitNOFILE = 64"), " -p LimitMEMLOCK=8M");
        assert_eq!(lines(&format!("{unit}LimitMEMLOCK=1M\n"), "LimitNOFILE = 64"), "");
        assert_eq!(lines("[Service]\nExecStart=+/bin/a\n", ""), "");
    }

    #[test]
    fn what_the_policy_does_not_say_is_told() {
        let unit = load(
            "[Service]\nExecStart=/bin/a\nUser=web\nPrivateTmp=yes\nProtectHome=no\nCapabilityBoundingSet=\nUMask=077\n\
             ReadOnlyDirectories=/srv\nIPAddressDeny=any\nPAMName=web\nNoNewPrivileges=yes\nNoNewPrivileges=no\n",
        );
        let made = dropin(Target::Unit(&unit), &policy("PrivateTmp = true"), &front()).expect("a drop-in");
        assert_eq!(made.weaker, ["User", "CapabilityBoundingSet", "ReadOnlyPaths", "PAMName"]);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let refused = |text: &str, words: &str, front: &Front| {
            dropin(Target::Unit(&load(text)), &policy(words), front).expect_err(text)[0].message.clone()
        };
        let forking = "[Service]\nType=forking\nExecStart=/bin/a\n";
        assert!(refused(forking, "PrivatePIDs = true", &front()).contains("Type=forking"));
        assert!(dropin(Target::Unit(&load(forking)), &policy("PrivateTmp = true"), &front()).is_ok());
        let group = "[Service]\nExitType=cgroup\nExecStart=/bin/a\n";
        assert!(
            refused(group, "RuntimeMaxSec = 5", &front()).contains("ExitType=cgroup does not go together with Runt")
        );
        assert!(dropin(Target::Unit(&load(group)), &policy("PrivateTmp = true"), &front()).is_ok());
        assert!(refused("[Service]\nUser=a\n", "", &front()).contains("no ExecStart="));
        assert!(refused("[Service]\nDynamicUser=yes\nExecStart=/a\n", "", &front()).contains("DynamicUser="));
        assert!(refused("[Service]\nRootDirectory=/a\nExecStart=/a\n", "", &front()).contains("RootDirectory="));
        let here = Front { here: true, ..front() };
        assert!(refused("[Service]\nExecStart=/a\n", "", &here).contains("started in `/`"));
        let there = Front { directory: Some("/srv".into()), ..here.clone() };
        let made = dropin(Target::Unit(&load("[Service]\nExecStart=/a\n")), &policy(""), &there).expect("a drop-in");
        assert!(made.text.contains("WorkingDirectory=/srv\n"), "{}", made.text);
        assert!(
            dropin(Target::Unit(&load("[Service]\nWorkingDirectory=/srv\nExecStart=/a\n")), &policy(""), &here).is_ok()
        );
    }
}
