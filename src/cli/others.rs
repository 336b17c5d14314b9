//! What other tools call it: options and verbs that people type out of habit, and what says the same here.

use crate::fault::nearest;
use crate::text::profiles::SHIPPED;

/// An option of another tool's, without its dashes, whose it is, and what to write.
const OPTIONS: &[(&str, &str, &str)] = &[
    // bwrap(1)
    ("ro-bind", "bubblewrap", "-p BindReadOnlyPaths=SOURCE:DESTINATION"),
    ("ro-bind-try", "bubblewrap", "-p BindReadOnlyPaths=-SOURCE:DESTINATION"),
    ("bind", "bubblewrap", "-p BindPaths=SOURCE:DESTINATION"),
    ("bind-try", "bubblewrap", "-p BindPaths=-SOURCE:DESTINATION"),
    ("dev-bind", "bubblewrap", "-p BindPaths=SOURCE:DESTINATION"),
    ("tmpfs", "bubblewrap", "-p TemporaryFileSystem=DIRECTORY"),
    ("dev", "bubblewrap", "-p PrivateDevices=yes"),
    ("proc", "bubblewrap", "-p PrivatePIDs=yes, which comes with a /proc of its own"),
    ("unshare-all", "bubblewrap", "-P strict, or -p PrivateNetwork=yes -p PrivateIPC=yes -p PrivatePIDs=yes"),
    ("unshare-net", "bubblewrap", "-p PrivateNetwork=yes"),
    ("unshare-ipc", "bubblewrap", "-p PrivateIPC=yes"),
    ("unshare-pid", "bubblewrap", "-p PrivatePIDs=yes"),
    ("unshare-uts", "bubblewrap", "-p ProtectHostname=yes"),
    ("unshare-user", "bubblewrap", "-p PrivateUsers=yes"),
    ("unshare-cgroup", "bubblewrap", "-p ProtectControlGroups=private"),
    ("share-net", "bubblewrap", "-p PrivateNetwork=no, behind a -P that has it on"),
    ("hostname", "bubblewrap", "-p ProtectHostname=private:NAME"),
    ("chdir", "bubblewrap", "-p WorkingDirectory=DIRECTORY"),
    ("clearenv", "bubblewrap", "-p PassEnvironment= with the names that shall stay"),
    ("unsetenv", "bubblewrap", "-p UnsetEnvironment=NAME"),
    ("cap-drop", "bubblewrap", "-p CapabilityBoundingSet=~CAP_NAME, or -p CapabilityBoundingSet= for none at all"),
    ("cap-add", "bubblewrap", "-p CapabilityBoundingSet=CAP_NAME -p AmbientCapabilities=CAP_NAME"),
    ("new-session", "bubblewrap", "-p Pty=yes; typing into the terminal is refused by -P strict in any case"),
    ("die-with-parent", "bubblewrap", "-p PrivatePIDs=yes, whose processes end with stockade"),
    // firejail(1)
    ("profile", "firejail", "-P NAME, or -P ./FILE.toml"),
    ("noprofile", "firejail", "-P none"),
    ("net", "firejail", "-p PrivateNetwork=yes for no network"),
    ("private", "firejail", "-p ProtectHome=tmpfs"),
    ("private-tmp", "firejail", "-p PrivateTmp=yes"),
    ("private-dev", "firejail", "-p PrivateDevices=yes"),
    ("blacklist", "firejail", "-p InaccessiblePaths=PATH"),
    ("whitelist", "firejail", "-p ProtectHome=tmpfs -p BindPaths=PATH"),
    ("read-only", "firejail", "-p ReadOnlyPaths=PATH"),
    ("read-write", "firejail", "-p ReadWritePaths=PATH"),
    ("noexec", "firejail", "-p NoExecPaths=PATH"),
    ("caps.drop", "firejail", "-p CapabilityBoundingSet= for none, or -p CapabilityBoundingSet=~CAP_NAME"),
    ("nonewprivs", "firejail", "-p NoNewPrivileges=yes"),
    ("noroot", "firejail", "-p PrivateUsers=self"),
    ("seccomp", "firejail", "-p SystemCallFilter=@system-service"),
    ("protocol", "firejail", "-p RestrictAddressFamilies=AF_UNIX"),
    ("trace", "firejail", "--explain-denials for what is denied; stockade learn for all that is done"),
    // systemd-run(1)
    ("uid", "systemd-run", "-p User=NAME"),
    ("gid", "systemd-run", "-p Group=NAME"),
    ("user", "systemd-run", "nothing: stockade needs no manager; -p User=NAME changes the user"),
    ("nice", "systemd-run", "-p Nice=NUMBER"),
    ("setenv", "systemd-run", "-p Environment=NAME=VALUE"),
    ("working-directory", "systemd-run", "-p WorkingDirectory=DIRECTORY"),
    ("same-dir", "systemd-run", "nothing: the directory stays the caller's"),
    ("pty", "systemd-run", "nothing: the terminal stays the caller's; -p Pty=yes gives one of its own"),
    ("pipe", "systemd-run", "nothing: standard input and output stay the caller's"),
    ("wait", "systemd-run", "nothing: stockade becomes the command"),
    ("scope", "systemd-run", "nothing: stockade becomes the command"),
    ("collect", "systemd-run", "nothing: nothing is left behind"),
    // docker(1)
    ("network", "docker", "-p PrivateNetwork=yes for none"),
    ("volume", "docker", "-p BindPaths=SOURCE:DESTINATION"),
    ("env", "docker", "-p Environment=NAME=VALUE"),
    ("workdir", "docker", "-p WorkingDirectory=DIRECTORY"),
    ("security-opt", "docker", "-p SeccompProfile=FILE.json"),
    ("privileged", "docker", "-P none"),
    ("rm", "docker", "nothing: nothing is left behind"),
    ("i", "docker", "nothing: standard input stays the caller's"),
    ("t", "docker", "nothing: the terminal stays the caller's; -p Pty=yes gives one of its own"),
    ("interactive", "docker", "nothing: standard input stays the caller's"),
    ("tty", "docker", "nothing: the terminal stays the caller's; -p Pty=yes gives one of its own"),
    ("d", "docker", "nothing: write & behind the line, or put it into a unit of systemd's"),
    ("e", "docker", "-p Environment=NAME=VALUE"),
    ("u", "docker", "-p User=NAME"),
    ("w", "docker", "-p WorkingDirectory=DIRECTORY"),
    ("m", "docker", "-p MemoryMax=512M"),
    ("memory", "docker", "-p MemoryMax=512M"),
    ("cpus", "docker", "-p CPUQuota=150%"),
    ("pids-limit", "docker", "-p TasksMax=100"),
    ("ulimit", "docker", "-p LimitNOFILE=1024, and its like"),
    // nsjail(1)
    ("config", "nsjail", "-P ./FILE.toml"),
    ("C", "nsjail", "-P ./FILE.toml"),
    ("M", "nsjail", "nothing: stockade becomes the command"),
    ("mode", "nsjail", "nothing: stockade becomes the command"),
    ("R", "nsjail", "-p BindReadOnlyPaths=SOURCE:DESTINATION"),
    ("B", "nsjail", "-p BindPaths=SOURCE:DESTINATION"),
    ("bindmount_ro", "nsjail", "-p BindReadOnlyPaths=SOURCE:DESTINATION"),
    ("bindmount", "nsjail", "-p BindPaths=SOURCE:DESTINATION"),
    ("chroot", "nsjail", "-p RootDirectory=DIRECTORY"),
    ("time_limit", "nsjail", "-p RuntimeMaxSec=SECONDS"),
    ("timeout", "firejail", "-p RuntimeMaxSec=SECONDS"),
    ("seccomp_policy", "nsjail", "-p SystemCallFilter=@system-service"),
    // strace(1)
    (
        "f",
        "strace",
        "stockade learn -o FILE.toml -- COMMAND for all that is done; --explain-denials for what is denied",
    ),
];

/// Words that people try as a verb.
const VERBS: &[(&str, &str)] = &[
    ("list", "stockade show --list names the profiles"),
    ("ls", "stockade show --list names the profiles; stockade run -P strict -- ls runs ls"),
    ("profiles", "stockade show --list names the profiles"),
    ("exec", "stockade run -P PROFILE -- COMMAND"),
    ("start", "stockade run -P PROFILE -- COMMAND"),
    (
        "trace",
        "stockade learn -o FILE.toml -- COMMAND writes down what a command does; stockade monitor tells what a policy denies",
    ),
    ("record", "stockade learn -o FILE.toml -- COMMAND writes down what a command does"),
    ("security", "stockade analyze POLICY"),
    ("verify", "stockade check POLICY"),
    ("validate", "stockade check POLICY"),
    ("lint", "stockade check POLICY"),
    ("cat", "stockade show POLICY prints a policy; stockade run -P strict -- cat runs cat"),
    ("version", "stockade --version"),
    ("man", "man stockade, man stockade.toml; stockade run -P strict -- man runs man"),
];

/// What an option (`--ro-bind=x`) that stockade has not is called here.
pub(super) fn option(word: &str) -> Option<String> {
    let name = word.trim_start_matches('-').split('=').next()?;
    let (_, tool, here) = OPTIONS.iter().find(|(known, _, _)| *known == name)?;
    let dashes = if name.len() == 1 { "-" } else { "--" };
    Some(format!("{tool}'s {dashes}{name} is here: {here}"))
}

/// The format of `import` and `export` that is meant by a tool's name.
pub(super) fn format(word: &str) -> Option<&'static str> {
    match word {
        "docker" | "podman" | "containerd" | "runc" | "crun" | "json" | "seccomp" => Some("oci"),
        "k8s" | "kube" | "pod" => Some("kubernetes"),
        "systemd" | "service" => Some("unit"),
        _ => None,
    }
}

/// What a word that is no verb of stockade's is called here.
pub(super) fn verb(word: &str) -> Option<&'static str> {
    VERBS.iter().find(|(known, _)| *known == word).map(|(_, here)| *here)
}

/// The profile that somebody names as an option: `--strict`.
pub(super) fn profile(word: &str) -> Option<String> {
    let name = word.strip_prefix("--")?;
    let near = nearest(name, SHIPPED.iter().map(|(name, _)| *name))?;
    Some(format!("a profile is named by -P: -P {near}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::all;

    #[test]
    fn what_is_offered_instead_exists() {
        for (name, _, here) in OPTIONS {
            let mut words = here.split([' ', ',', ';']).peekable();
            while let Some(word) = words.next() {
                let Some("-p") = Some(word) else { continue };
                let next = words.peek().copied().unwrap_or_default();
                let directive = next.split('=').next().unwrap_or_default();
                assert!(all().any(|row| row.name == directive), "--{name}: {directive} is no directive");
            }
        }
        for (_, here) in VERBS {
            let verb = here.split_whitespace().nth(1).unwrap_or_default();
            let known = super::super::VERBS.iter().any(|known| known.name == verb);
            assert!(known || here.starts_with("man") || verb == "--version", "{here}");
        }
    }

    #[test]
    fn each_is_there_once_and_is_none_of_ours() {
        for (at, (name, _, _)) in OPTIONS.iter().enumerate() {
            assert!(OPTIONS[..at].iter().all(|(other, _, _)| other != name), "{name}");
            let run = super::super::run::command();
            assert!(run.get_arguments().all(|arg| arg.get_long() != Some(name)), "{name} is an option of run");
            let short = name.chars().next().filter(|_| name.len() == 1);
            assert!(
                run.get_arguments().all(|arg| short.is_none() || arg.get_short() != short),
                "{name} is one of run's"
            );
        }
    }

    #[test]
    fn habits_are_answered() {
        assert!(option("--ro-bind").is_some_and(|help| help.contains("BindReadOnlyPaths")));
        assert!(option("--net=none").is_some_and(|help| help.contains("PrivateNetwork")));
        assert_eq!(option("--nothing-of-the-kind"), None);
        assert_eq!(profile("--strict").as_deref(), Some("a profile is named by -P: -P strict"));
        assert!(verb("list").is_some());
    }
}
