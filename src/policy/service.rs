//! A service of systemd's as a policy's words: what a launcher can carry out, what is left behind, and what a service has
//! although nobody writes it.

use crate::fault::{Fault, Origin};
use crate::text::unit::{self, Assignment, Unit};
use crate::text::{Document, Entry, Kind, Value};

use super::form::quote;
use super::form::{self, Form};
use super::{Directive, Policy, find, foreign, lasting};

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

/// What a system service has when nobody says otherwise, and stockade has not (systemd.exec(5)).
const DEFAULTS: [(&str, &str); 4] =
    [("KeyringMode", "private"), ("UMask", "0022"), ("WorkingDirectory", "/"), ("IgnoreSIGPIPE", "yes")];

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
    start(unit, &mut made);
    made
}

/// What was not written, at the place of the unit's first word.
fn defaults(unit: &Unit, made: &mut Service) {
    let source =
        std::sync::Arc::new(crate::fault::Source { name: "a system service's default".into(), text: String::new() });
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
         0022, a keyring of its own and SIGPIPE ignored: this policy says so."
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
        made.notes.push("The manager's own defaults (DefaultTasksMax=, DefaultLimit*=) are not in this policy.".into());
    }
    made.notes.push("Standard input is what stockade is given; a service's is /dev/null.".into());
}

fn take(unit: &Unit, one: &Assignment, made: &mut Service) {
    let name = unit::today(&one.name);
    let row =
        find(name).filter(|_| !name.contains('.') && !matches!(name, "Exec" | "Extends" | "Prefer" | "SeccompProfile"));
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
    let entry = match written(unit, row, one) {
        Ok(entry) => entry,
        Err(why) => return refuse(one, &why, made),
    };
    if let (Some((kind, _)), "RuntimeMaxSec") = (lasting::outlives(unit), name) {
        let why = format!("it takes a PID namespace, in which {kind} cannot be: keep it in the unit");
        return leave(one, &why, true, made);
    }
    let mut entry = known(entry, made);
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

/// One assignment as an entry: specifiers of the unit replaced, and split where systemd splits.
fn written(unit: &Unit, row: &Directive, one: &Assignment) -> Result<Entry, String> {
    let text = match expands(row) {
        Expands::Policy => specifiers(&one.value, unit, false)?,
        Expands::Here => specifiers(&one.value, unit, true)?,
        Expands::Never => one.value.clone(),
    };
    let at = one.value_at.clone();
    let kind = match quote::quoting(row).filter(|_| !text.is_empty()) {
        Some(quoting) => {
            let element = |text: String| Value { kind: Kind::Text(text), at: at.clone() };
            Kind::List(quoting.split(&text)?.into_iter().map(element).collect())
        }
        None => Kind::Text(text),
    };
    Ok(Entry { name: row.name.into(), at: one.at.clone(), value: Value { kind, at } })
}

/// Words whose empty value systemd passes over with a warning, and that a policy would reset.
pub fn keeps(name: &str) -> bool {
    let passed =
        ["UMask", "KeyringMode", "MemoryTHP", "IgnoreSIGPIPE", "TimeoutStopSec", "RuntimeMaxSec", "TimerSlackNSec"];
    passed.contains(&name) || name.starts_with("Limit") || name.ends_with("DirectoryMode")
}

/// Takes elements out that systemd passes over with a warning, one by one, and that a policy of ours must not have.
fn known(mut entry: Entry, made: &mut Service) -> Entry {
    let names = [
        "SystemCallFilter",
        "SystemCallLog",
        "CapabilityBoundingSet",
        "AmbientCapabilities",
        "RestrictAddressFamilies",
    ];
    let (tilde, words): (&str, Vec<String>) = match &entry.value.kind {
        Kind::Text(text) if names.contains(&entry.name.as_str()) => {
            let (tilde, rest) = text.trim().strip_prefix('~').map_or(("", text.trim()), |rest| ("~", rest));
            (tilde, rest.split_ascii_whitespace().map(str::to_owned).collect())
        }
        Kind::List(elements) => {
            let text = |element: &Value| match &element.kind {
                Kind::Text(text) => text.clone(),
                _ => String::new(),
            };
            ("", elements.iter().map(text).collect())
        }
        _ => return entry,
    };
    let is_list = matches!(entry.value.kind, Kind::List(_));
    let kind = |words: Vec<String>| {
        if is_list {
            let element = |text: String| Value { kind: Kind::Text(text), at: entry.value.at.clone() };
            Kind::List(words.into_iter().map(element).collect())
        } else {
            Kind::Text(format!("{tilde}{}", words.join(" ")))
        }
    };
    let why = |word: &String| {
        let value = Value { kind: kind(vec![word.clone()]), at: entry.value.at.clone() };
        let one = Entry { value, ..entry.clone() };
        Policy::read(&Document { entries: vec![one] }).err().map(|faults| reason(&faults))
    };
    let judged = words.into_iter().map(|word| (why(&word), word)).map(|(why, word)| (word, why));
    let (kept, lost): (Vec<_>, Vec<_>) = judged.partition(|(_, why)| why.is_none());
    if lost.is_empty() || kept.is_empty() {
        return entry;
    }
    let kept = kind(kept.into_iter().map(|(word, _)| word).collect());
    let unknown = "nobody knows these names; systemd passes over them, too, with a warning";
    let why = match lost.as_slice() {
        [(_, Some(why)), ..] if is_list => why.clone(),
        _ => unknown.into(),
    };
    let lost: Vec<String> = lost.into_iter().map(|(word, _)| word).collect();
    let what = format!("{}={tilde}{}", entry.name, lost.join(" "));
    made.warnings.push(Fault::at(&entry.value.at, format!("not taken over: {what}")).help(why.clone()));
    // What only allows takes nothing away where it is missing.
    let weaker = !tilde.is_empty() || is_list && entry.name != "Environment";
    made.left.push(Left { text: what, at: entry.at.clone(), why, weaker });
    entry.value.kind = kept;
    entry
}

/// Why a policy does not take a value.
fn reason(faults: &[Fault]) -> String {
    faults.first().map_or_else(String::new, |fault| {
        let help = fault.help.first().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}{help}", fault.message)
    })
}

/// Whether systemd replaces specifiers in a directive, and a policy does not.
pub fn literal(row: &Directive) -> bool {
    matches!(expands(row), Expands::Here)
}

/// Who replaces the specifiers of a directive.
enum Expands {
    /// The policy does, when it is used; those that are about the unit are replaced here.
    Policy,
    /// All are replaced here, as for a system service.
    Here,
    /// They mean nothing.
    Never,
}

fn expands(row: &Directive) -> Expands {
    let name = row.name;
    if matches!(row.form, Form::Paths) || name.ends_with("Directory") || name.ends_with("NamespacePath") {
        return Expands::Policy;
    }
    match name {
        "Environment"
        | "ExecSearchPath"
        | "BindPaths"
        | "BindReadOnlyPaths"
        | "TemporaryFileSystem"
        | "OpenFile"
        | "ProtectHostname"
        | "ExtensionDirectories"
        | "LoadCredential" => Expands::Policy,
        "User"
        | "Group"
        | "SupplementaryGroups"
        | "SELinuxContext"
        | "AppArmorProfile"
        | "UnsetEnvironment"
        | "PassEnvironment" => Expands::Here,
        _ => Expands::Never,
    }
}

/// Replaces specifiers: those about the unit, and with `all` those of the system's places.
fn specifiers(text: &str, unit: &Unit, all: bool) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        // A `%` that nothing follows stands for itself (src/shared/specifier.c).
        let Some(letter) = chars.next() else {
            out.push_str(if all { "%" } else { "%%" });
            break;
        };
        if let Some(word) = unit::specifier(letter, &unit.name, &unit.path) {
            // What it stands for is not read a second time.
            out.push_str(&if all { word } else { word.replace('%', "%%") });
            continue;
        }
        let place = match letter {
            '%' => "%",
            't' => "/run",
            'S' => "/var/lib",
            'C' => "/var/cache",
            'L' => "/var/log",
            'E' => "/etc",
            'T' => "/tmp",
            'V' => "/var/tmp",
            'h' => "/root",
            'u' | 'g' => "root",
            'U' | 'G' => "0",
            's' => "/bin/sh",
            _ => "",
        };
        match place {
            _ if !all => out.extend(['%', letter]),
            "" => return Err(format!("`%{letter}` is known only when the service starts: write what it stands for")),
            place => out.push_str(place),
        }
    }
    Ok(out)
}

/// ExecStart= as Exec, and what its prefixes mean.
fn start(unit: &Unit, made: &mut Service) {
    let all = unit.all("Service", "ExecStart");
    for (number, one) in all.iter().enumerate() {
        if number > 0 {
            leave(
                one,
                "a policy executes one command, the first: use a shell script, or keep it in the unit",
                false,
                made,
            );
            continue;
        }
        // Several commands can stand on one line, parted by `;`.
        let argv = unit::commands(&one.value).and_then(|commands| {
            for more in commands.iter().skip(1) {
                let more = format!("{}{} {}", more.prefixes, more.program, more.arguments.join(" "));
                made.notes.push(format!("A policy executes one command, the first; left out: {more}"));
            }
            commands.first().map_or(Ok(Vec::new()), |first| exec(unit, first, &mut made.notes))
        });
        match argv {
            Ok(argv) => {
                let element = |text: String| Value { kind: Kind::Text(text), at: one.value_at.clone() };
                let value =
                    Value { kind: Kind::List(argv.into_iter().map(element).collect()), at: one.value_at.clone() };
                made.document.entries.push(Entry { name: "Exec".into(), at: one.at.clone(), value });
            }
            Err(why) => refuse(one, &why, made),
        }
    }
}

fn exec(unit: &Unit, command: &unit::Command, notes: &mut Vec<String>) -> Result<Vec<String>, String> {
    let has = |prefix: char| command.has(prefix);
    let mut argv = vec![specifiers(&command.program, unit, true)?];
    for word in unit::words(&command.arguments.join(" "))? {
        argv.push(specifiers(&word, unit, true)?);
    }
    let mut note = |text: &str| notes.push(format!("ExecStart= begins with {text}"));
    if has('-') {
        note("`-`: under systemd its failure counts as success; here its exit status is passed on.");
    }
    if has('@') {
        if argv.len() < 2 {
            return Err("`@` is not followed by a name for the program".into());
        }
        let name = argv.remove(1);
        note(&format!("`@`: under systemd the program is called {name:?}; here its argv[0] is its path."));
    }
    if has('+') {
        note(
            "`+`: under systemd this command runs with full privileges and outside of the sandbox; here it is confined.",
        );
    }
    if has('!') {
        note("`!`: under systemd User=, Group= and the capabilities do not hold for it; here they do.");
    }
    if has('|') {
        note("`|`: under systemd the user's login shell runs it; here it is executed itself.");
    }
    if has(':') || !argv[1..].iter().any(|word| word.contains('$')) {
        return Ok(argv);
    }
    notes.push(
        "Its variables are replaced by a shell, as systemd replaces them: $NAME is split at blanks, ${NAME} is not."
            .into(),
    );
    let words: Vec<String> = argv.iter().enumerate().map(|(at, word)| shell(word, at > 0)).collect();
    Ok(vec!["/bin/sh".into(), "-c".into(), format!("set -f; exec {}", words.join(" "))])
}

/// One word for a shell: `$NAME` alone is split, `${NAME}` is not, `$$` is a dollar, and all else stands for itself.
fn shell(word: &str, variables: bool) -> String {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let literal =
        |text: &str| if text.is_empty() { String::new() } else { format!("'{}'", text.replace('\'', r"'\''")) };
    if !variables {
        return literal(word);
    }
    if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
        return format!("${name}");
    }
    let (mut out, mut plain, mut rest) = (String::new(), String::new(), word);
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let name = behind.strip_prefix('{').and_then(|behind| behind.split_once('}')).filter(|(name, _)| is_name(name));
        if let Some((name, after)) = name {
            out.push_str(&literal(&plain));
            plain.clear();
            out.extend(["\"${", name, "}\""]);
            rest = after;
        } else {
            plain.push('$');
            rest = behind.strip_prefix('$').unwrap_or(behind);
        }
    }
    plain.push_str(rest);
    out.push_str(&literal(&plain));
    if out.is_empty() { "''".into() } else { out }
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

    #[test]
    fn variables_of_a_command_line_are_replaced_by_a_shell() {
        let mut notes = Vec::new();
        let unit = Unit { name: "x.service".into(), path: "/x".into(), assignments: Vec::new() };
        let command = |text: &str| unit::commands(text).expect("a command").remove(0);
        let argv = exec(&unit, &command(r#"@/bin/d name $OPTS a${X}\'s $$1 "q r""#), &mut notes).expect("good");
        assert_eq!(argv[2], r#"set -f; exec '/bin/d' $OPTS 'a'"${X}"''\''s' '$1' 'q r'"#);
        let argv = exec(&unit, &command(":/bin/d $OPTS"), &mut notes).expect("good");
        assert_eq!(argv, ["/bin/d", "$OPTS"]);
    }
}
