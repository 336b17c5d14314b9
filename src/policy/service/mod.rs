//! A service of systemd's as a policy's words: what a launcher can carry out, what is left behind, and what a service has
//! although nobody writes it.
//!
//! In: a unit's assignments. Out: a document, and what is told beside it.
//!
//! `start` is about the command, `specifiers` about who replaces them, `passed` about words that systemd passes over. What
//! a launcher cannot carry out is a row of `foreign`, and one of `CONFINING` where it confines.

mod passed;
mod specifiers;
mod start;

use crate::fault::{Fault, Origin};
use crate::text::unit::{self, Assignment, Unit};
use crate::text::{Document, Entry, Kind, Value};

use super::form;
use super::{Policy, find, foreign, lasting};

pub use specifiers::literal;

/// What a service comes to.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The words that hold.
    pub document: Document,
    /// Words that are not taken over: each with its assignment and why.
    pub left: Vec<Left>,
    /// What else is to be known, one line each.
    pub notes: Vec<String>,
    /// What is odd about the unit: misplaced and unknown words, and values that nobody understands.
    pub warnings: Vec<Fault>,
}

/// A word that is not taken over.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// `Type=notify`.
    pub text: String,
    /// Where it stands.
    pub at: Origin,
    /// Why, and what to use instead.
    pub why: String,
    /// Whether the sandbox is weaker without it.
    pub weaker: bool,
}

/// Words of systemd's that confine and that no launcher can carry out.
const CONFINING: [&str; 37] = [
    "IPAddressAllow",
    "IPAddressDeny",
    "IPIngressFilterPath",
    "IPEgressFilterPath",
    "SocketBindAllow",
    "SocketBindDeny",
    "RestrictNetworkInterfaces",
    "DeviceAllow",
    "DevicePolicy",
    "RestrictFileSystems",
    "RestrictFileSystemAccess",
    "RootImage",
    "RootMStack",
    "UserNamespacePath",
    "SmackProcessLabel",
    "PAMName",
    "MemoryLimit",
    "BPFProgram",
    "LogNamespace",
    "AllowedCPUs",
    "StartupAllowedCPUs",
    "AllowedMemoryNodes",
    "StartupAllowedMemoryNodes",
    "BindNetworkInterface",
    "NFTSet",
    "RootHash",
    "RootHashSignature",
    "RootVerity",
    "RootImageOptions",
    "RootImagePolicy",
    "ExtensionImages",
    "MountImages",
    "IOReadBandwidthMax",
    "IOWriteBandwidthMax",
    "IOReadIOPSMax",
    "IOWriteIOPSMax",
    "MemoryZSwapMax",
];

/// What a system service has when nobody says otherwise, and stockade has not (systemd.exec(5), systemd-system.conf(5)).
const DEFAULTS: [(&str, &str); 6] = [
    ("KeyringMode", "private"),
    ("UMask", "0022"),
    ("WorkingDirectory", "/"),
    ("IgnoreSIGPIPE", "yes"),
    // systemd-system.conf(5). Behind `+` the manager's own would hold, which are far higher.
    ("LimitNOFILE", "1024:524288"),
    ("LimitMEMLOCK", "8M"),
];

/// The limits among them, which systemd leaves out for a command with `+`.
pub fn limits() -> impl Iterator<Item = (&'static str, &'static str)> {
    DEFAULTS.into_iter().filter(|(name, _)| name.starts_with("Limit"))
}

/// Where the words stand that nobody wrote.
pub const BY_ITSELF: &str = "a system service's default";

/// The PATH that the system's manager gives its services.
const SEARCH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";

/// Gives the words of a unit their meaning. Entries keep their places in the unit.
pub fn service(unit: &Unit) -> Service {
    let mut made = Service::default();
    defaults(unit, &mut made);
    for one in &unit.assignments {
        match one.section.as_str() {
            "Service" if one.name == "ExecStart" => {}
            "Service" => take(unit, one, &mut made),
            "Unit" | "Install" => misplaced(one, &mut made),
            section if section.starts_with("X-") => {}
            section => {
                let message = format!("[{section}] is no section of a service, and systemd passes over it");
                made.warnings.push(Fault::at(&one.at, message));
            }
        }
    }
    // A unit is one text, whatever drop-ins it is made of: of two binds for one place the read-only one holds.
    made.document.entries.sort_by_key(|entry| entry.name == "BindReadOnlyPaths");
    passed::shown(&mut made);
    start::start(unit, &mut made);
    made
}

/// What was not written, at the place of the unit's first word.
fn defaults(unit: &Unit, made: &mut Service) {
    let source = std::sync::Arc::new(crate::fault::Source { name: BY_ITSELF.into(), text: String::new() });
    let at = Origin::new(&source, 0..0);
    let mut add = |name: &str, kind| {
        let value = Value { kind, at: at.clone() };
        made.document.entries.push(Entry { name: name.into(), at: at.clone(), value });
    };
    // What is written wrong leaves them as they are.
    for (name, value) in DEFAULTS {
        add(name, Kind::Text(value.into()));
    }
    add("PassEnvironment", Kind::List(Vec::new()));
    add("Environment", Kind::List(vec![Value { kind: Kind::Text(SEARCH.into()), at: at.clone() }]));
    made.notes.push(
        "A system service starts with an empty environment but for PATH and what the manager tells it, in /, with umask \
         0022, a keyring of its own, SIGPIPE ignored, 1024 descriptors and 8 MiB of locked memory: this policy says so."
            .into(),
    );
    if unit.all("Service", "SystemCallArchitectures").is_empty() {
        made.notes.push(
            "stockade lets calls of other architectures never pass where there is a filter; systemd does until \
             SystemCallArchitectures= is written."
                .into(),
        );
    }
    if unit.all("Service", "TasksMax").is_empty() {
        made.notes.push(
            "The manager's own defaults (DefaultTasksMax=, DefaultLimit*= in system.conf) are not in this policy."
                .into(),
        );
    }
    made.notes.push("Standard input is what stockade is given; a service's is /dev/null.".into());
}

fn take(unit: &Unit, one: &Assignment, made: &mut Service) {
    let name = unit::today(&one.name);
    let row = find(name).filter(|_| {
        !name.contains('.')
            && !matches!(name, "Exec" | "ExecSpecifiers" | "ExecVariables" | "Extends" | "Prefer" | "SeccompProfile")
    });
    let Some(row) = row else {
        match foreign::advice(name) {
            // An empty one takes nothing away.
            Some(advice) => {
                let weaker = CONFINING.contains(&name) && !one.value.is_empty() && one.value != "auto";
                leave(one, advice, weaker, made);
            }
            None => unknown(one, made),
        }
        return;
    };
    if one.value.is_empty() && keeps(name) {
        let message = format!("`{name}` cannot be empty, and systemd passes over it");
        made.warnings.push(Fault::at(&one.value_at, message).help("what stood before it holds"));
        return leave(one, "an empty value of this means nothing", false, made);
    }
    let entry = match specifiers::written(unit, row, one) {
        Ok(entry) => entry,
        Err(why) => return refuse(one, &why, made),
    };
    if let (Some((kind, _)), "RuntimeMaxSec") = (lasting::outlives(unit), name) {
        let why = format!("it takes a PID namespace, in which {kind} cannot be: keep it in the unit");
        return leave(one, &why, true, made);
    }
    let Some(mut entry) = passed::known(entry, unit, made) else { return };
    // A reset of what a service has by itself brings that back.
    if let Some((_, default)) = DEFAULTS.iter().find(|(known, _)| *known == name && one.value.is_empty()) {
        entry.value.kind = Kind::Text((*default).into());
    }
    // systemd passes over values that it cannot read; here they are told.
    match Policy::read(&Document { entries: vec![entry.clone()] }) {
        Ok(_) => {
            let environment = entry.name == "Environment" && one.value.is_empty();
            made.document.entries.push(entry);
            if environment {
                let kind = Kind::List(vec![Value { kind: Kind::Text(SEARCH.into()), at: one.at.clone() }]);
                let value = Value { kind, at: one.at.clone() };
                made.document.entries.push(Entry { name: "Environment".into(), at: one.at.clone(), value });
            }
        }
        Err(faults) => refuse(one, &reason(&faults), made),
    }
}

/// Words whose empty value systemd passes over with a warning, and that a policy would reset.
pub fn keeps(name: &str) -> bool {
    let passed =
        ["UMask", "KeyringMode", "MemoryTHP", "IgnoreSIGPIPE", "TimeoutStopSec", "RuntimeMaxSec", "TimerSlackNSec"];
    passed.contains(&name) || name.starts_with("Limit") || name.ends_with("DirectoryMode")
}

/// Why a policy does not take a value.
fn reason(faults: &[Fault]) -> String {
    faults.first().map_or_else(String::new, |fault| {
        let help = fault.help.first().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}{help}", fault.message)
    })
}

/// A word of [Service] that stands elsewhere has no effect under systemd.
fn misplaced(one: &Assignment, made: &mut Service) {
    let old = unit::today(&one.name) != one.name;
    let unit = foreign::advice(&one.name).is_some_and(|advice| advice.starts_with("this is about a unit"));
    let ours = find(&one.name).is_some() || old || foreign::advice(&one.name).is_some() && !unit;
    // These belong to [Unit].
    let both = ["StartLimit", "SuccessAction", "FailureAction", "RebootArgument", "OnFailure"];
    if ours && !both.iter().any(|word| one.name.starts_with(word)) {
        let message = format!("`{}` belongs to [Service], and in [{}] systemd passes over it", one.name, one.section);
        made.warnings.push(Fault::at(&one.at, message).help("move it to [Service]: it is not taken over"));
        let why = format!("it stands in [{}], where it means nothing", one.section);
        made.left.push(Left { text: said(one), at: one.at.clone(), why, weaker: false });
    }
}

fn unknown(one: &Assignment, made: &mut Service) {
    let message = format!("`{}` is no word of a service's, and systemd passes over it", one.name);
    let fault = Fault::at(&one.at, message);
    let near = form::nearest(&one.name, super::all().map(|row| row.name));
    made.warnings.push(match near {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help("it is not taken over"),
    });
    let why = "systemd does not know it".into();
    made.left.push(Left { text: said(one), at: one.at.clone(), why, weaker: false });
}

fn leave(one: &Assignment, why: &str, weaker: bool, made: &mut Service) {
    made.left.push(Left { text: said(one), at: one.at.clone(), why: why.into(), weaker });
}

/// A value that a policy cannot have.
fn refuse(one: &Assignment, why: &str, made: &mut Service) {
    made.warnings.push(Fault::at(&one.value_at, format!("not taken over: {}", one.name)).help(why.to_owned()));
    // What is empty confines nothing.
    leave(one, why, !one.value.is_empty(), made);
}

fn said(one: &Assignment) -> String {
    format!("{}={}", one.name, one.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;
    use std::sync::Arc;

    fn made(text: &str) -> Service {
        let source = Arc::new(Source { name: "web@a.service".into(), text: text.into() });
        let (assignments, _) = unit::parse(&source).expect("a unit");
        service(&Unit { name: "web@a.service".into(), path: "/etc/web@.service".into(), assignments })
    }

    fn policy(made: &Service) -> Policy {
        Policy::read(&made.document).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)))
    }

    #[test]
    fn a_service_that_outlives_its_first_process_gets_no_pid_namespace() {
        for kind in ["Type=forking", "ExitType=cgroup", "Type=exec"] {
            let made = made(&format!("[Service]\n{kind}\nRuntimeMaxSec=5\nExecStart=/bin/web\n"));
            let left = made.left.iter().find(|left| left.text == "RuntimeMaxSec=5");
            let stays = kind != "Type=exec";
            assert_eq!(left.is_some_and(|left| left.weaker && left.why.contains(kind)), stays, "{kind}");
            assert_eq!(policy(&made).life.runtime.is_none(), stays, "{kind}");
        }
    }

    #[test]
    fn words_of_a_service_hold_and_others_are_told() {
        let made = made(
            "[Unit]\nPrivateTmp=yes\n[Service]\nType=notify\nIPAddressDeny=any\nUser=web\nNonsense=1\n\
             SystemCallFilter=~ @mount nosuchcall\nReadWriteDirectories=-/var/lib/%i /srv\nProtectSystem=maybe\n\
             ExecStart=-/bin/web --at %t/%i\n",
        );
        let policy = policy(&made);
        assert_eq!(policy.process.exec.as_deref(), Some(&["/bin/web", "--at", "/run/a"].map(String::from)[..]));
        let left: Vec<(&str, bool)> = made.left.iter().map(|left| (left.text.as_str(), left.weaker)).collect();
        let want = [
            ("PrivateTmp=yes", false),
            ("Type=notify", false),
            ("IPAddressDeny=any", true),
            ("Nonsense=1", false),
            ("SystemCallFilter=~nosuchcall", true),
            ("ProtectSystem=maybe", true),
        ];
        assert_eq!(left, want);
        assert!(policy.written.iter().any(|(name, _)| *name == "ReadWritePaths"));
        assert!(made.notes.iter().any(|note| note.contains("`-`")));
        assert!(policy.origin("PrivateTmp").is_none(), "it stands in the wrong section");
    }

    #[test]
    fn a_service_has_what_the_manager_gives_it() {
        let policy = policy(&made("[Service]\nUMask=0077\nEnvironment=A=1\nEnvironment=\nEnvironment=\"B=2 3\" C=4\n"));
        assert_eq!(policy.process.umask, Some(0o77));
        let set: Vec<(&str, &str)> =
            policy.environment.set.iter().map(|(name, value, _)| (name.as_str(), value.as_str())).collect();
        assert_eq!(set, [("PATH", &SEARCH[5..]), ("B", "2 3"), ("C", "4")]);
        assert!(policy.environment.pass.is_some_and(|pass| pass.is_empty()));
    }

    /// The elements of a word that hold, and what is not taken over.
    fn words(text: &str, name: &str) -> (Vec<String>, Vec<(String, bool)>) {
        let made = made(&format!("[Service]\n{text}\n"));
        let text = |value: &Value| if let Kind::Text(text) = &value.kind { text.clone() } else { String::new() };
        let entries = made.document.entries.iter().filter(|entry| entry.name == name);
        let held = entries.flat_map(|entry| match &entry.value.kind {
            Kind::List(elements) => elements.iter().map(text).collect(),
            _ => vec![text(&entry.value)],
        });
        let left = made.left.into_iter().map(|left| (left.text, left.weaker)).collect();
        (held.collect(), left)
    }

    #[test]
    fn words_that_systemd_passes_over_leave_what_systemd_makes_of_their_line() {
        for (line, held, left) in [
            ("SystemCallFilter=@system-service clone3:ENOSYS", vec!["@system-service"], vec![("clone3:ENOSYS", false)]),
            ("SystemCallFilter=@system-service ~@swap", vec!["@system-service"], vec![("~@swap", false)]),
            ("SystemCallFilter=~clone3:ENOSYS nosuch", vec!["~clone3:ENOSYS"], vec![("~nosuch", true)]),
            ("SystemCallFilter=@nosuch", vec!["@default"], vec![("@nosuch", false)]),
            ("SystemCallFilter=read\nSystemCallFilter=@nosuch", vec!["read"], vec![("@nosuch", false)]),
            ("SystemCallFilter=~@nosuch\nSystemCallFilter=read", vec!["~", "read"], vec![("~@nosuch", true)]),
            ("SystemCallFilter=\"read\" write", vec!["write"], vec![("\"read\"", false)]),
            ("RestrictAddressFamilies=AF_INET ~AF_UNIX", vec!["AF_INET"], vec![("~AF_UNIX", false)]),
            ("RestrictAddressFamilies=inet", vec!["none"], vec![("inet", false)]),
            ("CapabilityBoundingSet=CAP_NOSUCH", vec![""], vec![("CAP_NOSUCH", false)]),
            ("CapabilityBoundingSet=~CAP_NOSUCH", vec!["~"], vec![("~CAP_NOSUCH", true)]),
        ] {
            let name = line.split('=').next().expect("a name");
            let (had, lost) = words(line, name);
            assert_eq!(had, held, "{line}");
            let lost: Vec<(&str, bool)> = lost
                .iter()
                .map(|(text, weaker)| (text.split_once('=').map_or("", |(_, rest)| rest), *weaker))
                .collect();
            assert_eq!(lost, left, "{line}");
        }
    }

    #[test]
    fn specifiers_are_replaced_where_systemd_replaces_them_and_behind_its_quotes() {
        let of = |line: &str| words(line, line.split('=').next().expect("a name")).0;
        assert_eq!(of("TemporaryFileSystem=/%i:size=10%,mode=0700"), ["/a:size=10%,mode=0700"]);
        assert_eq!(of("OpenFile=/etc/%h"), ["/etc/%%h"]);
        assert_eq!(of("ReadOnlyPaths=/%z/%i/%H"), ["/%%z/a/%H"]);
        assert_eq!(of("User=%i"), ["a"]);
        let source = Arc::new(Source { name: "x".into(), text: "[Service]\nEnvironment=\"A=%I\" B=%i\n".into() });
        let (assignments, _) = unit::parse(&source).expect("a unit");
        let made = service(&Unit { name: r"web@a\x20b.service".into(), path: "/x".into(), assignments });
        let policy = policy(&made);
        let set: Vec<&str> = policy.environment.set.iter().map(|(_, value, _)| value.as_str()).collect();
        assert_eq!(set[1..], ["a b", r"a\x20b"]);
    }

    #[test]
    fn a_drop_in_does_not_open_what_the_unit_shows_read_only() {
        let lines = |name: &str, text: &str| {
            let source = Arc::new(Source { name: name.into(), text: text.into() });
            unit::parse(&source).expect("a unit").0
        };
        let mut unit = Unit { name: "a.service".into(), path: "/a.service".into(), assignments: Vec::new() };
        unit.assignments.extend(lines("a.service", "[Service]\nBindReadOnlyPaths=/etc:/x\n"));
        unit.assignments.extend(lines("a.service.d/a.conf", "[Service]\nBindPaths=/srv:/x\n"));
        let policy = Policy::read(&service(&unit).document).expect("a policy");
        assert_eq!((policy.paths.bind.len(), policy.paths.bind_read_only.len()), (0, 1));
    }

    #[test]
    fn what_a_unit_shows_read_only_stays_so() {
        let text = "ReadWritePaths=/a\nReadWritePaths=-/srv/x\nReadWritePaths=/b /srv/x\nBindReadOnlyPaths=/etc:/srv/x";
        let (held, left) = words(text, "ReadWritePaths");
        assert_eq!((held, left), (["/a", "/b"].map(String::from).to_vec(), Vec::new()));
        assert_eq!(words("ReadWritePaths=/srv/x/y\nBindReadOnlyPaths=/etc:/srv/x", "ReadWritePaths").0, ["/srv/x/y"]);
    }

    /// An empty User= would be root.
    #[test]
    fn a_template_has_no_instance() {
        let text = "[Service]\nUser=%i\nReadWritePaths=/srv/%I /var/%p\nExecStart=/bin/web %i\nUMask=0077\n";
        let source = Arc::new(Source { name: "x".into(), text: text.into() });
        let of = |name: &str| {
            let (assignments, _) = unit::parse(&source).expect("a unit");
            service(&Unit { name: name.into(), path: "/x".into(), assignments })
        };
        let made = of("web@.service");
        let weaker: Vec<&str> = made.left.iter().filter(|left| left.weaker).map(|left| left.text.as_str()).collect();
        assert_eq!(weaker, ["User=%i", "ReadWritePaths=/srv/%I /var/%p"]);
        assert_eq!(made.left.last().map(|left| &*left.text), Some("ExecStart=/bin/web %i"));
        assert!(made.left.iter().all(|left| left.why.contains("web@NAME.service")), "{:?}", made.left);
        assert!(policy(&made).origin("User").is_none());
        assert!(of("web@a.service").left.is_empty());
        // Where there is nothing of the kind, it is empty.
        let plain = of("web.service");
        assert_eq!(policy(&plain).process.exec.as_deref(), Some(&["/bin/web", ""].map(String::from)[..]));
    }

    #[test]
    fn names_of_directories_are_read_as_systemd_reads_them() {
        let text = "[Service]\nRuntimeDirectory=r-%i s\\:%I:l \"q\\x2db c\"::ro 'd\"'\nStateDirectory=a\\qb\n";
        let source = Arc::new(Source { name: "x".into(), text: text.into() });
        let (assignments, _) = unit::parse(&source).expect("a unit");
        let made = service(&Unit { name: r"web@a\x2db:c.service".into(), path: "/x".into(), assignments });
        let names = policy(&made).directories.names;
        let names: Vec<(&str, Option<&str>, bool)> =
            names.iter().map(|(_, one, _)| (one.name.as_str(), one.link.as_deref(), one.read_only)).collect();
        // systemd 257 says the same of all but `ro`, which came later.
        let want =
            [(r"r-a\x2db:c", None, false), ("s:a-b:c", Some("l"), false), ("q-b c", None, true), ("d\"", None, false)];
        assert_eq!(names, want);
        assert_eq!(made.left.iter().map(|left| left.text.as_str()).collect::<Vec<_>>(), [r"StateDirectory=a\qb"]);
    }

    #[test]
    fn a_command_keeps_the_specifiers_of_the_running_machine() {
        let exec = |line: &str| {
            let policy = policy(&made(&format!("[Service]\nExecStart={line}\n")));
            (policy.process.exec.expect("a command"), policy.process.specifiers)
        };
        assert_eq!(exec("/bin/web --of=%i 5%%"), (["/bin/web", "--of=a", "5%"].map(String::from).to_vec(), false));
        assert_eq!(exec("/bin/web --of=%H 5%%"), (["/bin/web", "--of=%H", "5%%"].map(String::from).to_vec(), true));
        let want = ["/bin/web", "--of=%H", "$X", "%%-${A}"].map(String::from).to_vec();
        assert_eq!(exec("/bin/web --of=%H $X %%-${A}"), (want, true));
    }

    #[test]
    fn restrictions_outside_of_another_root_are_passed_over() {
        let text = "RootDirectory=/srv/r\nReadOnlyPaths=-/etc +/var /srv/r/usr\nInaccessiblePaths=/home";
        let (held, left) = words(text, "ReadOnlyPaths");
        assert_eq!(held, ["+/var", "/srv/r/usr"]);
        assert_eq!(left, [("ReadOnlyPaths=-/etc".into(), false), ("InaccessiblePaths=/home".into(), false)]);
        assert!(words(text, "InaccessiblePaths").0.is_empty());
    }

    #[test]
    fn variables_of_a_command_line_are_left_to_the_policy() {
        let exec = |line: &str| {
            let made = made(&format!("[Service]\nExecStart={line}\n"));
            let policy = policy(&made);
            (policy.process.exec.expect("a command"), policy.process.variables, made.notes)
        };
        for (line, argv, variables) in [
            (r#"/bin/d $OPTS a${X}\'s $$1 "q r""#, &["/bin/d", "$OPTS", "a${X}'s", "$$1", "q r"][..], true),
            ("/bin/sh -c 'echo $$HOME $(id) $0'", &["/bin/sh", "-c", "echo $HOME $(id) $0"], false),
            (":/bin/d $OPTS $$", &["/bin/d", "$OPTS", "$$"], false),
            ("@/bin/d $name x", &["/bin/d", "x"], false),
        ] {
            let (had, has, _) = exec(line);
            assert_eq!((had, has), (argv.iter().map(|word| (*word).to_owned()).collect(), variables), "{line}");
        }
        let told = |line: &str| exec(line).2.iter().any(|note| note.contains("User="));
        assert!(told("!/bin/d") && told("-!/bin/d"));
        assert!(!told("!!/bin/d"), "it has no effect where there are ambient capabilities");
    }
}
