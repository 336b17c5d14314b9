//! The smallest change of a policy that would allow something. Candidates are tried out: the policy is read and planned
//! again with each, and asked the same question.

use std::fmt;
use std::path::Path;

use crate::draft::access::{MAKE_REG, READ_FILE, RIGHTS, SCOPES, TRUNCATE, WRITE_FILE, names};
use crate::fault::Fault;
use crate::host::{Host, Mount};
use crate::policy::form::{Form, addresses};
use crate::policy::{self, Policy};
use crate::text::{Document, flags};

use super::super::Plan;
use super::judge::{Judge, Subject};
use super::{Answer, Lack, Layer, Look, Operation, Question, Reach, Reason, Verdict};

/// One more line for a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The directive.
    pub directive: &'static str,
    /// Its value.
    pub value: String,
    /// Whether the value is an element of a list.
    pub list: bool,
}

impl Change {
    fn word(directive: &'static str, value: impl Into<String>) -> Self {
        // What a path has is no specifier.
        Self { directive, value: value.into().replace('%', "%%"), list: false }
    }

    fn item(directive: &'static str, value: impl Into<String>) -> Self {
        Self { list: true, ..Self::word(directive, value) }
    }

    /// The value in TOML.
    pub fn toml(&self) -> String {
        let quoted = serde_json::Value::from(self.value.as_str()).to_string();
        match (self.list, self.value.as_str()) {
            (true, value) if value.parse::<u16>().is_ok() => format!("[{value}]"),
            (true, value) if value.starts_with('{') => format!("[{value}]"),
            (true, _) => format!("[{quoted}]"),
            (false, "no") => "false".into(),
            (false, "yes") => "true".into(),
            (false, _) => quoted,
        }
    }

    /// As `-p` takes it.
    fn property(&self) -> String {
        let value = if self.directive.starts_with("Landlock.Rules") {
            self.toml()
        } else if self.value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\')) {
            format!("\"{}\"", self.value.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            self.value.clone()
        };
        format!("{}={value}", self.directive)
    }

    /// The words for a command line.
    pub fn flag(&self) -> String {
        let property = self.property();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"=/._-:@+,%".contains(&byte);
        if property.bytes().all(plain) {
            return format!("-p {property}");
        }
        format!("-p '{}'", property.replace('\'', "'\\''"))
    }
}

/// A line of a policy: `ReadWritePaths = ["/srv"]`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.directive, self.toml())
    }
}

/// Everything that a policy can be read and planned again from.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its words.
    pub document: Document,
    /// The machine.
    pub host: Host,
    /// Its mounts.
    pub mounts: Vec<Mount>,
}

/// Changes that are put together at most.
const MOST: usize = 5;

impl Case {
    /// The policy with some changes; nothing where one cannot be said.
    #[must_use]
    pub fn with(&self, changes: &[Change]) -> Option<Self> {
        let mut case = self.clone();
        for change in changes {
            case.document.extend(flags::parse(&change.property()).ok()?);
        }
        Some(case)
    }

    /// The policy with some changes, ready for questions; nothing where it cannot be carried out like that.
    pub fn judge(&self, changes: &[Change], look: Look<'_>) -> Option<Judge> {
        let case = self.with(changes)?;
        let draft = Policy::read(&case.document).ok()?.draft();
        let plan = Plan::new(&draft, &self.host, Vec::new()).ok()?;
        Some(Judge::new(Subject { draft: &draft, host: &self.host, plan: &plan, mounts: &self.mounts }, look))
    }

    /// What keeps the policy as it is from being carried out.
    pub fn obstacles(&self) -> Vec<Fault> {
        match Policy::read(&self.document) {
            Ok(policy) => Plan::new(&policy.draft(), &self.host, Vec::new()).err().unwrap_or_default(),
            Err(faults) => faults,
        }
    }

    /// The smallest change that was found to allow what is asked about; nothing where none of the policy's would.
    pub fn change(&self, question: &Question, answer: &Answer, look: Look<'_>) -> Option<Vec<Change>> {
        if answer.reasons.iter().any(|reason| reason.by.is_empty()) {
            // Something besides the policy is in the way.
            return None;
        }
        let mut made: Vec<Change> = Vec::new();
        let mut answer = answer.clone();
        while answer.verdict != Verdict::Allowed {
            let first = answer.reasons.first()?;
            if made.len() >= MOST {
                return None;
            }
            let better = candidates(question, first).into_iter().find_map(|candidate| {
                let all: Vec<Change> = made.iter().cloned().chain(candidate).collect();
                let next = self.judge(&all, look)?.ask(question, look);
                let gone = next.verdict == Verdict::Allowed || next.reasons.len() < answer.reasons.len();
                gone.then_some((all, next))
            });
            (made, answer) = better?;
        }
        Some(made)
    }
}

/// The first change that may take a reason away, which has not been tried.
pub fn suggestion(question: &Question, reason: &Reason) -> Option<Vec<Change>> {
    candidates(question, reason).into_iter().next()
}

/// Changes that may take a reason away, the smallest first.
fn candidates(question: &Question, reason: &Reason) -> Vec<Vec<Change>> {
    let Some(by) = reason.by.first().filter(|_| reason.lack != Lack::More) else { return Vec::new() };
    let what = reason.what.as_str();
    let mut all = match reason.layer {
        Layer::Seccomp => call(question, by.directive, what),
        Layer::View => view(question, by.directive, what),
        // The second goes over a mount of another directive's.
        Layer::Mount if reason.error == "EROFS" => ["ReadWritePaths", "BindPaths"].map(|one| item(one, what)).into(),
        Layer::Mount => vec![item("ExecPaths", what)],
        Layer::Landlock => vec![access(question, reason)],
        Layer::Capabilities | Layer::Permissions => match reason.lack {
            Lack::Capability(cap) => vec![item("CapabilityBoundingSet", cap.to_string())],
            _ => Vec::new(),
        },
        Layer::Limits => match what.parse::<u64>() {
            Ok(limit) => vec![vec![Change::word(by.directive, limit.saturating_mul(2).to_string())]],
            Err(_) => Vec::new(),
        },
        Layer::Network | Layer::Processes => Vec::new(),
    };
    all.extend(off(by.directive).map(|off| vec![off]));
    all
}

/// One more element of a list, and nothing else.
fn item(directive: &'static str, value: impl Into<String>) -> Vec<Change> {
    vec![Change::item(directive, value)]
}

/// What may let a call pass the filter.
fn call(question: &Question, directive: &'static str, call: &str) -> Vec<Vec<Change>> {
    // Nothing in the list of calls lifts what another directive refuses.
    const SWITCHES: [&str; 5] = ["Restrict", "Protect", "Private", "Lock", "MemoryDeny"];
    let listed = item("SystemCallFilter", call);
    if directive == "RestrictAddressFamilies" {
        let family = family(question, call).map(|family| item(directive, family));
        return family.into_iter().chain([listed]).collect();
    }
    if !SWITCHES.iter().any(|start| directive.starts_with(start)) {
        return vec![listed];
    }
    let off = Change::word(directive, "no");
    vec![vec![off.clone()], listed.clone(), [vec![off], listed].concat()]
}

/// The family of the socket that a call makes.
fn family(question: &Question, call: &str) -> Option<&'static str> {
    let number = match question {
        _ if !["socket", "socketpair"].contains(&call) => return None,
        Question::Path(..) | Question::Outside(_) => libc::AF_UNIX,
        Question::Net(reach) if reach.address().is_ipv6() => libc::AF_INET6,
        Question::Net(_) => libc::AF_INET,
        Question::Call(call) => i32::try_from(call.args[0]?).ok()?,
        Question::Capability(_) => return None,
    };
    addresses::name(number)
}

/// What may show a path that cannot be seen.
fn view(question: &Question, directive: &'static str, what: &str) -> Vec<Vec<Change>> {
    let (path, operation) = match question {
        // What is missing may be a directory on the way.
        Question::Path(path, operation) => (path.display().to_string(), Some(*operation)),
        _ => (what.to_owned(), None),
    };
    let changes = operation.is_some_and(Operation::changes);
    let bind = if changes { "BindPaths" } else { "BindReadOnlyPaths" };
    let within = match operation {
        // Something is made or removed in the directory above.
        Some(Operation::Create | Operation::Mkdir | Operation::Remove) => above(&path),
        _ => path,
    };
    let mut all = vec![item(bind, &within)];
    if directive == "ProtectHome" {
        if !changes {
            all.push(vec![Change::word("ProtectHome", "read-only")]);
        }
        all.push(vec![Change::word("ProtectHome", "tmpfs"), Change::item(bind, within)]);
    }
    all
}

/// What makes Landlock allow it.
fn access(question: &Question, reason: &Reason) -> Vec<Change> {
    let what = reason.what.as_str();
    match (question, reason.lack) {
        (Question::Net(Reach::Connect(_)), _) => item("Landlock.ConnectTCP", what),
        (Question::Net(Reach::Bind(_)), _) => item("Landlock.BindTCP", what),
        (_, Lack::Scope(besides)) => {
            // An empty list takes all away; what is left is written again.
            let left = names(&SCOPES, besides).into_iter().map(|word| Change::item("Landlock.Scope", word));
            std::iter::once(Change::word("Landlock.Scope", "")).chain(left).collect()
        }
        (_, Lack::Rights(READ_FILE)) => item("Landlock.Read", what),
        (_, lack) => {
            let operation = if let Question::Path(_, operation) = question { Some(*operation) } else { None };
            let missing = if let Lack::Rights(missing) = lack { missing } else { 0 };
            // Listing a directory is no reason to read what is below it.
            let rights = names(&RIGHTS, rights(operation, missing)).join("\", \"");
            let table = format!("{{ Paths = [{}], Rights = [\"{rights}\"] }}", serde_json::Value::from(what));
            item("Landlock.Rules", table)
        }
    }
}

/// The rights to give at once: what makes a file writes it, and what writes one cuts it, for which nobody asks as it is
/// opened (ftruncate(2)).
fn rights(operation: Option<Operation>, missing: u64) -> u64 {
    let all = if operation == Some(Operation::Create) { missing | MAKE_REG | WRITE_FILE } else { missing };
    if all & WRITE_FILE == 0 { all } else { all | TRUNCATE }
}

/// The directory that a path is in.
fn above(path: &str) -> String {
    Path::new(path).parent().map_or_else(|| "/".into(), |parent| parent.display().to_string())
}

/// The directive switched off, where it is a switch.
fn off(name: &str) -> Option<Change> {
    let row = policy::FAMILIES.iter().flat_map(|(_, rows)| rows.iter()).find(|row| row.name == name)?;
    matches!(row.form, Form::Boolean | Form::BooleanOr(_)).then(|| Change::word(row.name, "no"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::By;
    use crate::draft::arch::Arch;
    use crate::plan::filter::verdict;

    /// The first thing to try, as words of a command line.
    fn first(directive: &'static str, question: &Question, reason: Reason) -> Option<String> {
        let reason = reason.by(vec![By { directive, origin: None }]);
        suggestion(question, &reason).map(|changes| changes.iter().map(Change::flag).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_family_of_a_socket_is_its_number() {
        let refused = |question: &Question, call: &str| {
            let reason = Reason::new(Layer::Seccomp, "EAFNOSUPPORT", "in words that nobody has to read".into(), call);
            first("RestrictAddressFamilies", question, reason)
        };
        let made = |family: u64| {
            let mut call = verdict::Question::any(Arch::X86_64, 41);
            call.args[0] = Some(family);
            refused(&Question::Call(call), "socket")
        };
        assert_eq!(made(17).as_deref(), Some("-p RestrictAddressFamilies=AF_PACKET"));
        assert_eq!(made(2).as_deref(), Some("-p RestrictAddressFamilies=AF_INET"));
        assert_eq!(made(4000).as_deref(), Some("-p SystemCallFilter=socket"), "no family has this number");
        let connect = Question::Path("/run/x".into(), Operation::Connect);
        assert_eq!(refused(&connect, "socket").as_deref(), Some("-p RestrictAddressFamilies=AF_UNIX"));
        assert_eq!(refused(&connect, "io_uring_setup").as_deref(), Some("-p SystemCallFilter=io_uring_setup"));
    }

    #[test]
    fn what_is_lacking_is_given() {
        let path = Question::Path("/srv/a".into(), Operation::Create);
        let of = |layer, lack| {
            first("Landlock.Read", &path, Reason::new(layer, "EACCES", String::new(), "/srv").lacking(lack))
        };
        let cap = caps::Capability::CAP_DAC_OVERRIDE;
        assert_eq!(
            of(Layer::Permissions, Lack::Capability(cap)).as_deref(),
            Some("-p CapabilityBoundingSet=CAP_DAC_OVERRIDE")
        );
        assert_eq!(of(Layer::Permissions, Lack::Plain), None);
        assert_eq!(of(Layer::Landlock, Lack::Rights(READ_FILE)).as_deref(), Some("-p Landlock.Read=/srv"));
        let rules = of(Layer::Landlock, Lack::Rights(MAKE_REG)).expect("a rule");
        assert!(rules.contains(r#"Rights = ["write-file", "make-reg", "truncate"]"#), "{rules}");
        let left = of(Layer::Landlock, Lack::Scope(crate::draft::access::SIGNAL));
        assert_eq!(left.as_deref(), Some("-p Landlock.Scope= -p Landlock.Scope=signal"));
    }

    #[test]
    fn a_path_in_a_change_is_taken_as_it_is() {
        for path in ["/srv/%h", "/srv/100%", "/srv/d'q", "/srv/a b", "/srv/e\"q\\", "/srv/t\tb", "/srv/n\nl"] {
            let change = Change::item("ReadWritePaths", path);
            let mut document = Document::default();
            document.extend(flags::parse(&change.property()).unwrap_or_else(|fault| panic!("{path:?}: {fault:?}")));
            let draft = Policy::read(&document).unwrap_or_else(|faults| panic!("{path:?}: {faults:?}")).draft();
            let asked: Vec<&Path> = draft.mounts.iter().map(|asked| asked.what.path.as_path()).collect();
            assert_eq!(asked, [Path::new(&path.replace('%', "%%"))], "{path:?}");
        }
    }
}
