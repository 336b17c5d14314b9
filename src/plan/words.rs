//! The plan in words, for `explain`, `-v` and the messages of steps that fail.

use std::fmt;

use crate::draft::capabilities::{CapSet, SECUREBITS};
use crate::draft::limits::Limit;
use crate::draft::namespaces::Namespace;

use super::Plan;
use super::op::{Maps, Op, TraceOp, Tracer};
use super::order::Phase;
use super::strict::StrictOp;

/// What `Limit*` calls the RLIMIT_* numbers, in their order (getrlimit(2)).
const LIMITS: [&str; 16] = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
];

impl Phase {
    /// One word, lower case: a heading, and a key of the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Descriptors => "descriptors",
            Self::Namespaces => "namespaces",
            Self::Maps => "maps",
            Self::Companion => "companion",
            Self::Take => "take",
            Self::Root => "root",
            Self::Mounts => "mounts",
            Self::Attributes => "attributes",
            Self::Rules => "rules",
            Self::Network => "network",
            Self::Limits => "limits",
            Self::Groups => "groups",
            Self::Users => "users",
            Self::Bounding => "bounding",
            Self::Keep => "keep",
            Self::User => "user",
            Self::Capabilities => "capabilities",
            Self::Directory => "directory",
            Self::SecureBits => "securebits",
            Self::Process => "process",
            Self::NoNewPrivileges => "privileges",
            Self::Landlock => "landlock",
            Self::Find => "find",
            Self::Supervisor => "supervisor",
            Self::Filter => "filter",
            Self::Exec => "exec",
            Self::Tracer => "tracer",
            Self::Strict => "strict",
        }
    }
}

impl Op {
    /// The operation and, where it is the target's start, what is started.
    pub fn describe(&self, plan: &Plan) -> String {
        match self {
            Self::Exec if !plan.argv.is_empty() => {
                let words: Vec<String> = plan.argv.iter().map(|word| quoted(&word.to_string_lossy())).collect();
                format!("execute {}", words.join(" "))
            }
            _ => self.to_string(),
        }
    }
}

/// In the imperative, so that `cannot` in front of it makes the message of a failure.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors { keep } if keep.is_empty() => f.write_str("close all descriptors above 2"),
            Self::Descriptors { keep } => write!(f, "close all descriptors above 2 but {}", list(keep)),
            Self::Unshare(flags) => write!(f, "make new namespaces: {}", namespaces(*flags)),
            Self::MapIds(maps) => write!(f, "map ids in the user namespace: {}", Lines(maps)),
            Self::Undumpable => f.write_str("forbid attaching to the launcher"),
            Self::Companion(op) => op.fmt(f),
            Self::Find => f.write_str("find the target"),
            Self::Mount(op) => op.fmt(f),
            Self::Loopback => f.write_str("bring the loopback device up"),
            Self::Limit(limit) => limit_words(f, *limit),
            Self::Groups { gid, groups } => groups_words(f, *gid, groups.as_deref()),
            Self::Users(maps) => write!(f, "enter a user namespace: {}", Lines(maps)),
            Self::Bounding(set) => write!(f, "drop from the bounding set: {}", set_words(*set)),
            Self::KeepCapabilities => f.write_str("keep capabilities over the change of the user"),
            Self::User(uid) => write!(f, "become user {uid}"),
            Self::Capabilities { permitted, inheritable } if inheritable.is_empty() => {
                write!(f, "set capabilities until exec: {}", set_words(*permitted))
            }
            Self::Capabilities { permitted, inheritable } => {
                let (permitted, inheritable) = (set_words(*permitted), set_words(*inheritable));
                write!(f, "set capabilities until exec: {permitted}; inheritable: {inheritable}")
            }
            Self::Ambient(set) => write!(f, "set the ambient set: {}", set_words(*set)),
            Self::Directory { path, optional } => {
                let missing = if *optional { ", or to / where it is missing" } else { "" };
                write!(f, "change to {}{missing}", path.display())
            }
            Self::SecureBits(bits) => write!(f, "set securebits: {}", securebits(*bits)),
            Self::Umask(mask) => write!(f, "set the umask to {mask:04o}"),
            Self::DenyWriteExecute => f.write_str("refuse memory that is writable and executable"),
            Self::NoNewPrivileges => f.write_str("set no_new_privs"),
            Self::Access(op) => op.fmt(f),
            Self::Supervise(op) => op.fmt(f),
            Self::Filter(op) => op.fmt(f),
            Self::Exec => f.write_str("execute the target"),
            Self::Attach(Tracer::Strict) => f.write_str("let a helper trace the launcher until strict mode is entered"),
            Self::Attach(Tracer::Answers(op)) => op.fmt(f),
            Self::Inspect { .. } => f.write_str("check that the target can be traced to where strict mode begins"),
            Self::Strict(op) => op.fmt(f),
        }
    }
}

impl fmt::Display for TraceOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("let a helper trace the target and answer its calls: ")?;
        for (at, (number, decision)) in self.decisions.iter().enumerate() {
            write!(f, "{}trace:{number} by {decision}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for StrictOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.filter {
            None => write!(f, "run the target to {}, and enter seccomp's strict mode there", self.at),
            Some(program) => write!(
                f,
                "run the target to {}, and install the filter like strict mode there ({} instructions)",
                self.at,
                program.code.len()
            ),
        }
    }
}

fn list(numbers: &[i32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn namespaces(flags: u32) -> String {
    let words: Vec<&str> =
        Namespace::ALL.into_iter().filter(|ns| flags & ns.flag() != 0).map(Namespace::word).collect();
    words.join(", ")
}

/// Two maps on one line.
struct Lines<'a>(&'a Maps);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| text.trim().replace('\n', ", ");
        write!(f, "users {}; groups {}", line(&self.0.uids), line(&self.0.gids))?;
        if self.0.deny_setgroups { f.write_str("; setgroups denied") } else { Ok(()) }
    }
}

fn limit_words(f: &mut fmt::Formatter<'_>, limit: Limit) -> fmt::Result {
    let value = |number: u64| if number == u64::MAX { "infinity".into() } else { number.to_string() };
    let name = usize::try_from(limit.resource).ok().and_then(|at| LIMITS.get(at)).copied().unwrap_or("?");
    if limit.soft == limit.hard {
        write!(f, "limit {name} to {}", value(limit.soft))
    } else {
        write!(f, "limit {name} to {}, at most {}", value(limit.soft), value(limit.hard))
    }
}

fn groups_words(f: &mut fmt::Formatter<'_>, gid: Option<u32>, groups: Option<&[u32]>) -> fmt::Result {
    let more = groups.map(|groups| match groups {
        [] => "no further groups".to_owned(),
        _ => format!("further groups {}", groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    });
    match (gid, more) {
        (Some(gid), Some(more)) => write!(f, "become group {gid}, {more}"),
        (Some(gid), None) => write!(f, "become group {gid}"),
        (None, Some(more)) => write!(f, "set groups: {more}"),
        (None, None) => f.write_str("leave groups as they are"),
    }
}

/// The shorter of what is in the set and what is not.
fn set_words(set: CapSet) -> String {
    let rest = CapSet::all().without(set);
    match (set.names(), rest.names()) {
        (names, _) if names.is_empty() => "none".into(),
        (_, rest) if rest.is_empty() => "all".into(),
        (names, rest) if rest.len() < names.len() / 2 => format!("all but {}", rest.join(" ")),
        (names, _) => names.join(" "),
    }
}

fn securebits(bits: u32) -> String {
    let words: Vec<&str> = SECUREBITS.iter().filter(|(_, bit)| bits & bit != 0).map(|(word, _)| *word).collect();
    if words.is_empty() { "none".into() } else { words.join(" ") }
}

/// A word as a shell would read it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_read_well() {
        assert_eq!(Op::Unshare(0x4002_0000).to_string(), "make new namespaces: net, mnt");
        let limit = Limit { resource: 7, soft: 1024, hard: u64::MAX };
        assert_eq!(Op::Limit(limit).to_string(), "limit NOFILE to 1024, at most infinity");
        assert_eq!(Op::Bounding(CapSet::all()).to_string(), "drop from the bounding set: all");
        assert_eq!(Op::SecureBits(3).to_string(), "set securebits: noroot noroot-locked");
        let groups = Op::Groups { gid: Some(5), groups: Some(Vec::new()) };
        assert_eq!(groups.to_string(), "become group 5, no further groups");
    }

    #[test]
    fn words_are_quoted_as_a_shell_does() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("--a=b"), "--a=b");
    }
}
