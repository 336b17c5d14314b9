//! The plan in words, for `explain`, `-v` and the messages of steps that fail.

use std::fmt;

use crate::draft::attributes::{Attribute, HugePages, Module};
use crate::draft::capabilities::{CapSet, SECUREBITS};
use crate::draft::limits::Limit;
use crate::draft::namespaces::Namespace;

use super::Plan;
use super::op::{GroupOp, MakeDirectory, Maps, Op, TraceOp, Tracer};
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
            Self::Files => "files",
            Self::Group => "group",
            Self::Schedule => "schedule",
            Self::Places => "places",
            Self::Join => "join",
            Self::Namespaces => "namespaces",
            Self::Maps => "maps",
            Self::Companion => "companion",
            Self::Take => "take",
            Self::Root => "root",
            Self::Mounts => "mounts",
            Self::Attributes => "attributes",
            Self::Rules => "rules",
            Self::Network => "network",
            Self::Name => "name",
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
            Self::Label => "label",
            Self::NoNewPrivileges => "privileges",
            Self::Teller => "teller",
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
            Self::OpenFile { path, number, .. } => write!(f, "open {} as descriptor {number}", path.display()),
            Self::Group(group) => group_words(f, group),
            Self::Attribute(attribute) => attribute.fmt(f),
            Self::MakeDirectory(make) => directory_words(f, make),
            Self::Join { kind, path } => write!(f, "enter the {} namespace of {}", kind.word(), path.display()),
            Self::HostName(name) => write!(f, "call the host {name}"),
            Self::Label(label) => {
                let what = match label.module {
                    Module::AppArmor => "the AppArmor profile",
                    Module::SeLinux => "the SELinux context",
                };
                write!(f, "take {what} {} at execution", label.label)?;
                if label.optional { f.write_str(", if it can be had") } else { Ok(()) }
            }
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
                if path.as_os_str().is_empty() {
                    // getcwd(2) gives no name to a directory that was removed.
                    return write!(f, "change to the directory that stockade was started in, which is gone{missing}");
                }
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

fn group_words(f: &mut fmt::Formatter<'_>, group: &GroupOp) -> fmt::Result {
    write!(f, "move into the control group {}/{}", group.delegated.display(), group.name)?;
    for (file, text) in &group.limits {
        write!(f, ", {file} {text}")?;
    }
    Ok(())
}

fn directory_words(f: &mut fmt::Formatter<'_>, make: &MakeDirectory) -> fmt::Result {
    write!(f, "make {} ({:04o}", make.base.join(&make.name).display(), make.mode)?;
    if let Some((uid, gid)) = make.owner {
        write!(f, ", owned by {uid}:{gid}")?;
    }
    f.write_str(")")?;
    make.link.as_ref().map_or(Ok(()), |link| write!(f, " and the link {link} to it"))
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = |words: &[u64]| {
            let all = (0..words.len() * 64).filter(|bit| words[bit / 64] >> (bit % 64) & 1 == 1);
            all.map(|bit| bit.to_string()).collect::<Vec<_>>().join(" ")
        };
        match self {
            Self::OomScore(score) => write!(f, "set the score for running out of memory to {score}"),
            Self::CoredumpFilter(mask) => write!(f, "set the filter of core dumps to {mask:#x}"),
            Self::Scheduling { policy, priority, reset } => {
                let names = ["other", "fifo", "rr", "batch", "iso", "idle", "deadline", "ext"];
                let name = usize::try_from(*policy).ok().and_then(|at| names.get(at)).unwrap_or(&"?");
                write!(f, "set the scheduling policy to {name}, priority {priority}")?;
                if *reset { f.write_str(", reset on fork") } else { Ok(()) }
            }
            Self::Nice(level) => write!(f, "set the nice level to {level}"),
            Self::Affinity(words) => write!(f, "run on processors {}", bits(words)),
            Self::Memory { mode, nodes } => {
                let names = ["default", "preferred", "bind", "interleave", "local"];
                let name = usize::try_from(*mode).ok().and_then(|at| names.get(at)).unwrap_or(&"?");
                write!(f, "set the memory policy to {name} {}", bits(nodes))
            }
            Self::Io(bits) => {
                let names = ["none", "realtime", "best-effort", "idle"];
                let name = usize::try_from(bits >> 13).ok().and_then(|at| names.get(at)).unwrap_or(&"?");
                write!(f, "set the class of input and output to {name}, level {}", bits & 7)
            }
            Self::TimerSlack(nanoseconds) => write!(f, "let timers be {nanoseconds} ns late"),
            Self::Personality(0) => f.write_str("take the machine's own personality"),
            Self::Personality(_) => f.write_str("take the personality of the 32-bit machine"),
            Self::MergeMemory(true) => f.write_str("let equal pages of memory be merged"),
            Self::MergeMemory(false) => f.write_str("keep equal pages of memory apart"),
            Self::HugePages(HugePages::Disable) => f.write_str("use no transparent huge pages"),
            Self::HugePages(HugePages::Madvise) => {
                f.write_str("use transparent huge pages only where madvise(2) asks for them")
            }
            Self::HugePages(HugePages::System) => f.write_str("use transparent huge pages as the system does"),
            Self::IgnorePipe(true) => f.write_str("ignore SIGPIPE"),
            Self::IgnorePipe(false) => f.write_str("let SIGPIPE end the target"),
            Self::Keyring { shared: false } => f.write_str("make a new session keyring"),
            Self::Keyring { shared: true } => f.write_str("make a new session keyring and link the user's to it"),
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
