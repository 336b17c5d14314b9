//! The target's environment: what passes of the caller's, what the plan gives, and what the policy changes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::draft::Draft;
use crate::draft::process::Variable;
use crate::fault::Fault;
use crate::host::{Host, specifier};
use crate::text::assignments;

use super::{directories, files, secrets, target};

/// What a service manager tells its services: passes whatever PassEnvironment= says.
const CONTRACT: [&str; 17] = [
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "MAINPID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "CREDENTIALS_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "CACHE_DIRECTORY",
    "LOGS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
];

/// The same, with `_WATCH` or `_WRITE` behind it: the pressure files.
const PRESSURE: [&str; 3] = ["MEMORY_PRESSURE", "CPU_PRESSURE", "IO_PRESSURE"];

/// The target's environment.
///
/// # Errors
/// Values with specifiers that mean nothing here.
pub(super) fn environment(
    draft: &Draft,
    host: &Host,
    notes: &mut Vec<String>,
) -> Result<Vec<(OsString, OsString)>, Vec<Fault>> {
    let changes = || draft.environment.iter().map(|asked| (&asked.what, &asked.by));
    let passes: Vec<&str> = changes()
        .filter_map(|(change, _)| if let Variable::Pass(name) = change { Some(name.as_str()) } else { None })
        .collect();
    let mut variables: Vec<(OsString, OsString)> =
        host.environment.iter().filter(|(name, _)| passes.is_empty() || passed(name, &passes)).cloned().collect();
    login(draft, host, &mut variables);
    given(draft, host, &mut variables);
    let mut faults = Vec::new();
    for (change, by) in changes() {
        match change {
            Variable::Set(name, text) => match specifier::expand(text, host) {
                Ok(value) => put(&mut variables, name, value.into()),
                Err(message) => faults.push(target::at(by, message)),
            },
            Variable::File(path, _) => listed(path, host, &mut variables, notes),
            Variable::Pass(_) | Variable::Unset(_) => {}
        }
    }
    for (change, _) in changes() {
        if let Variable::Unset(what) = change {
            match what.split_once('=') {
                Some((name, value)) => variables.retain(|(known, had)| known != name || had != value),
                None => variables.retain(|(known, _)| known != what.as_str()),
            }
        }
    }
    if faults.is_empty() { Ok(variables) } else { Err(faults) }
}

/// What this plan gives the target and tells it of: files, directories, credentials.
fn given(draft: &Draft, host: &Host, variables: &mut Vec<(OsString, OsString)>) {
    for (name, value) in directories::variables(draft, host) {
        put(variables, name, value.into());
    }
    if let Some(path) = secrets::directory(draft, host) {
        put(variables, "CREDENTIALS_DIRECTORY", path.into());
    }
    for (name, value) in files::variables(draft, host) {
        put(variables, name, value);
    }
}

/// The assignments of a file. What assigns nothing is passed over, as systemd does.
fn listed(path: &str, host: &Host, variables: &mut Vec<(OsString, OsString)>, notes: &mut Vec<String>) {
    let texts = host.variables.iter().filter(|(known, _)| known == path);
    for (name, value) in texts.flat_map(|(_, text)| assignments::parse(text)) {
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let is_name = name.first().is_some_and(|byte| !byte.is_ascii_digit()) && name.iter().all(good);
        match std::str::from_utf8(&name) {
            Ok(name) if is_name && !value.contains(&0) => put(variables, name, OsString::from_vec(value)),
            _ => notes.push(format!("{path}: `{}` is not the name of a variable", String::from_utf8_lossy(&name))),
        }
    }
}

fn passed(name: &OsStr, passes: &[&str]) -> bool {
    let matches = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(start) => name.as_bytes().starts_with(start.as_bytes()),
        None => name == *pattern && !pattern.is_empty(),
    };
    let pressure = |file: &&str| {
        let rest = name.as_bytes().strip_prefix(file.as_bytes());
        rest.is_some_and(|rest| rest == b"_WATCH" || rest == b"_WRITE")
    };
    passes.iter().any(matches) || CONTRACT.iter().any(|word| name == *word) || PRESSURE.iter().any(pressure)
}

/// USER, LOGNAME, HOME and SHELL of the target's user; never those of the caller.
fn login(draft: &Draft, host: &Host, variables: &mut Vec<(OsString, OsString)>) {
    let other = draft.user.is_some() || draft.dynamic.is_some();
    if !draft.login.as_ref().map_or(other, |asked| asked.what) {
        return;
    }
    variables.retain(|(name, _)| !["USER", "LOGNAME", "HOME", "SHELL"].iter().any(|word| name == *word));
    let user = if other {
        // An unknown user is a fault of the plan of identity, and said there.
        let target = target::find(draft, host).ok();
        if let Some(name) = target.as_ref().and_then(|target| target.made_up) {
            put(variables, "USER", name.into());
            put(variables, "LOGNAME", name.into());
        }
        target.and_then(|target| target.user)
    } else {
        host.accounts.iter().find(|known| known.id == Some(host.uid)).and_then(|known| known.user.as_ref())
    };
    let Some(user) = user else { return };
    put(variables, "USER", (&user.name).into());
    put(variables, "LOGNAME", (&user.name).into());
    // Nobody is at home nowhere (src/basic/user-util.c, synthesize_user_creds()), nor is who goes by DynamicUser=.
    if user.name == "nobody" || draft.dynamic.is_some() {
        return;
    }
    // As systemd has it: what is no home and no shell is not said to be one.
    if user.home.is_absolute() && user.home != Path::new("/") {
        put(variables, "HOME", user.home.clone().into());
    }
    let none = user.shell.file_name().is_none_or(|name| name == "nologin" || name == "false");
    if user.shell.is_absolute() && !none {
        put(variables, "SHELL", user.shell.clone().into());
    }
}

fn put(variables: &mut Vec<(OsString, OsString)>, name: &str, value: OsString) {
    match variables.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => variables.push((name.into(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::identity::Name;
    use crate::draft::{Asked, By};
    use crate::host::{Account, User};

    fn host(variables: &[(&str, &str)]) -> Host {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Host { environment, home: "/root".into(), ..Host::default() }
    }

    fn by(directive: &'static str) -> By {
        By { directive, origin: None }
    }

    fn changes(changes: &[Variable]) -> Draft {
        let environment = changes.iter().map(|what| Asked { what: what.clone(), by: by("Environment") }).collect();
        Draft { environment, ..Draft::default() }
    }

    fn variables(draft: &Draft, host: &Host) -> Vec<String> {
        let text = |(name, value): (OsString, OsString)| format!("{}={}", name.display(), value.display());
        environment(draft, host, &mut Vec::new()).expect("good").into_iter().map(text).collect()
    }

    #[test]
    fn the_whole_environment_passes_unless_somebody_says_which() {
        let host = host(&[("A", "1"), ("LC_ALL", "C"), ("LISTEN_FDS", "1"), ("MEMORY_PRESSURE_WRITE", "x")]);
        assert_eq!(variables(&Draft::default(), &host).len(), 4);
        let contract = ["LISTEN_FDS=1", "MEMORY_PRESSURE_WRITE=x"];
        assert_eq!(variables(&changes(&[Variable::Pass(String::new())]), &host), contract);
        let pass = changes(&[Variable::Pass("LC_*".into())]);
        assert_eq!(variables(&pass, &host), ["LC_ALL=C", contract[0], contract[1]]);
    }

    #[test]
    fn unset_comes_last_and_can_name_a_value() {
        let host = host(&[("A", "1"), ("B", "2"), ("C", "3")]);
        let draft = changes(&[
            Variable::Unset("A".into()),
            Variable::Unset("B=2".into()),
            Variable::Unset("C=9".into()),
            Variable::Set("A".into(), "x".into()),
            Variable::Set("D".into(), "%h 5%%".into()),
        ]);
        assert_eq!(variables(&draft, &host), ["C=3", "D=/root 5%"]);
        assert!(environment(&changes(&[Variable::Set("A".into(), "%z".into())]), &host, &mut Vec::new()).is_err());
    }

    #[test]
    fn the_user_brings_its_own_names() {
        let user = User {
            name: "web".into(),
            gid: 33,
            home: "/var/www".into(),
            shell: "/usr/sbin/nologin".into(),
            groups: Vec::new(),
        };
        let account = Account { word: "web".into(), is_user: true, id: Some(33), user: Some(user) };
        let host = Host { accounts: vec![account], ..host(&[("HOME", "/root"), ("SHELL", "/bin/sh"), ("X", "1")]) };
        let mut draft = changes(&[Variable::Set("USER".into(), "other".into())]);
        draft.user = Some(Asked { what: Name::Word("web".into()), by: by("User") });
        assert_eq!(variables(&draft, &host), ["X=1", "USER=other", "LOGNAME=web", "HOME=/var/www"]);
    }
}
