//! The smallest change of a policy that would allow something. Candidates are tried out: the policy is read and planned
//! again with each, and asked the same question.

use std::fmt;
use std::path::Path;

use crate::draft::access::{MAKE_REG, READ_FILE, RIGHTS, SCOPES, TRUNCATE, WRITE_FILE, names};
use crate::fault::Fault;
use crate::host::{Host, Mount};
use crate::policy::form::Form;
use crate::policy::{self, Policy};
use crate::text::{Document, flags};

use super::super::Plan;
use super::judge::{Judge, Subject};
use super::{Answer, Layer, Look, Operation, Question, Reason, Verdict};

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
    let Some(by) = reason.by.first() else { return Vec::new() };
    let (what, mut all) = (reason.what.as_str(), Vec::new());
    let operation = if let Question::Path(_, operation) = question { Some(*operation) } else { None };
    let changes = operation.is_some_and(Operation::changes);
    let within = |path: &str| match operation {
        // Something is made or removed in the directory above.
        Some(Operation::Create | Operation::Mkdir | Operation::Remove) => above(path),
        _ => path.to_owned(),
    };
    match reason.layer {
        Layer::Seccomp => {
            all.push(vec![Change::item("SystemCallFilter", what)]);
            // Nothing in the list lifts what another directive refuses.
            let switch = ["Restrict", "Protect", "Private", "Lock", "MemoryDeny"];
            if by.directive != "RestrictAddressFamilies" && switch.iter().any(|start| by.directive.starts_with(start)) {
                all.insert(0, vec![Change::word(by.directive, "no")]);
                all.push(vec![Change::word(by.directive, "no"), Change::item("SystemCallFilter", what)]);
            }
            if by.directive == "RestrictAddressFamilies" {
                for family in ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"] {
                    if reason.text.contains(&format!("({family},")) {
                        all.insert(0, vec![Change::item("RestrictAddressFamilies", family)]);
                    }
                }
            }
        }
        Layer::View => {
            let bind = if changes { "BindPaths" } else { "BindReadOnlyPaths" };
            // What is missing may be a directory on the way.
            let asked = if let Question::Path(path, _) = question { path.display().to_string() } else { what.into() };
            let what = asked.as_str();
            all.push(vec![Change::item(bind, within(what))]);
            if by.directive == "ProtectHome" {
                if !changes {
                    all.push(vec![Change::word("ProtectHome", "read-only")]);
                }
                all.push(vec![Change::word("ProtectHome", "tmpfs"), Change::item(bind, within(what))]);
            }
        }
        Layer::Mount if reason.error == "EROFS" => {
            all.push(vec![Change::item("ReadWritePaths", what)]);
            // Over a mount of another directive's.
            all.push(vec![Change::item("BindPaths", what)]);
        }
        Layer::Mount => all.push(vec![Change::item("ExecPaths", what)]),
        Layer::Landlock => {
            if let Question::Outside(_) = question {
                // An empty list takes all away; what is left is written again.
                let left = names(&SCOPES, reason.rights).into_iter().map(|word| Change::item("Landlock.Scope", word));
                all.push(std::iter::once(Change::word("Landlock.Scope", "")).chain(left).collect());
            } else if let Question::Net(reach) = question {
                let directive = match reach {
                    super::Reach::Connect(_) => "Landlock.ConnectTCP",
                    super::Reach::Bind(_) => "Landlock.BindTCP",
                };
                all.push(vec![Change::item(directive, what)]);
            } else if reason.rights == READ_FILE {
                all.push(vec![Change::item("Landlock.Read", what)]);
            } else {
                // Listing a directory is no reason to read what is below it.
                let rights = names(&RIGHTS, rights(operation, reason.rights)).join("\", \"");
                let table = format!("{{ Paths = [{}], Rights = [\"{rights}\"] }}", serde_json::Value::from(what));
                all.push(vec![Change::item("Landlock.Rules", table)]);
            }
        }
        Layer::Capabilities | Layer::Permissions => {
            if let Some(cap) =
                reason.text.split(|c: char| !c.is_ascii_uppercase() && c != '_').find(|w| w.starts_with("CAP_"))
            {
                all.push(vec![Change::item("CapabilityBoundingSet", cap)]);
            }
        }
        Layer::Limits => {
            let more = what.parse::<u64>().map(|limit| limit.saturating_mul(2));
            all.extend(more.ok().map(|more| vec![Change::word(by.directive, more.to_string())]));
        }
        Layer::Network | Layer::Processes => {}
    }
    if let Some(off) = off(by.directive) {
        all.push(vec![off]);
    }
    all
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
