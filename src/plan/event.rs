//! What is told of a denial: one object for people and scripts, whoever saw it.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::fault::{Origin, clean};

use super::filter::verdict;
use super::why::{Change, Operation, Outside, Question, Reach, Reason};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was let through, and a policy would deny it.
    WouldDeny,
    /// It was denied.
    Denied,
    /// It was let through and written down.
    Logged,
}

/// The kinds, their words for scripts and for people.
const KINDS: [(Kind, &str, &str); 3] = [
    (Kind::WouldDeny, "would-deny", "would be denied"),
    (Kind::Denied, "denied", "denied"),
    (Kind::Logged, "logged", "logged"),
];

/// Something that a process did.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What became of it.
    pub kind: Kind,
    /// Who: a number and a name, `123 (nginx)`.
    pub process: String,
    /// What it executes, where that is known.
    pub executable: Option<String>,
    /// Whose calls these are.
    pub arch: Option<Arch>,
    /// The call's name, where there is one.
    pub call: Option<String>,
    /// The call in words, as far as its arguments are known.
    pub words: String,
    /// What it comes to, where that can be asked about.
    pub question: Option<Question>,
    /// Why.
    pub reason: Reason,
    /// A change to try.
    pub change: Vec<Change>,
}

impl Event {
    /// What two events of one kind have in common.
    pub fn key(&self) -> String {
        let by = self.reason.by.first().map(ToString::to_string);
        // Without a policy's word different programs are different matters.
        let who = if by.is_none() { self.executable.as_deref() } else { None };
        format!("{:?}", (self.kind as u8, &self.call, &self.reason.what, by, self.path(), who))
    }

    fn path(&self) -> Option<(String, &'static str)> {
        match &self.question {
            Some(Question::Path(path, operation)) => Some((path.display().to_string(), operation.word())),
            _ => None,
        }
    }

    fn address(&self) -> Option<(String, &'static str)> {
        match &self.question {
            Some(Question::Net(Reach::Connect(address))) => Some((address.to_string(), "connect")),
            Some(Question::Net(Reach::Bind(address))) => Some((address.to_string(), "bind")),
            _ => None,
        }
    }

    /// A line for people, with its end.
    pub fn line(&self) -> String {
        let verb = KINDS[self.kind as usize].2;
        let Reason { error, text, by, .. } = &self.reason;
        let mut line = format!("stockade: {verb}: {} called {}: ", self.process, self.words);
        if !error.is_empty() {
            line = format!("{line}{error}, ");
        }
        line.push_str(text);
        if let Some(by) = by.first() {
            line = format!("{line} ({by})");
        }
        if !self.change.is_empty() {
            let flags: Vec<String> = self.change.iter().map(Change::flag).collect();
            line = format!("{line}; try {}", flags.join(" "));
        }
        format!("{}\n", clean(&line).replace(['\n', '\t'], "?"))
    }

    /// The same for the journal, in its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).
    pub fn journal(&self) -> Vec<u8> {
        let line = self.line();
        let by = self.reason.by.first();
        let origin = by.and_then(|by| by.origin.as_ref());
        let change: Vec<String> = self.change.iter().map(ToString::to_string).collect();
        let fields = [
            ("MESSAGE", Some(line.trim_end().trim_start_matches("stockade: ").to_owned())),
            // A warning (syslog(3)).
            ("PRIORITY", Some("4".into())),
            ("SYSLOG_IDENTIFIER", Some("stockade".into())),
            ("STOCKADE_EVENT", Some(KINDS[self.kind as usize].1.into())),
            ("STOCKADE_PROCESS", Some(self.process.clone())),
            ("STOCKADE_CALL", self.call.clone()),
            ("STOCKADE_ARGUMENTS", Some(self.words.clone())),
            ("STOCKADE_PATH", self.path().map(|(path, _)| path)),
            ("STOCKADE_ADDRESS", self.address().map(|(address, _)| address)),
            ("STOCKADE_OPERATION", self.path().or(self.address()).map(|(_, word)| word.into())),
            ("STOCKADE_ERROR", Some(self.reason.error.clone())),
            ("STOCKADE_DIRECTIVE", by.map(|by| by.directive.into())),
            ("STOCKADE_PLACE", origin.map(ToString::to_string)),
            ("STOCKADE_CHANGE", (!change.is_empty()).then(|| change.join("\n"))),
        ];
        let mut message = Vec::new();
        for (name, value) in fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            // With its length in front a value can hold anything.
            message.extend_from_slice(name.as_bytes());
            message.push(b'\n');
            message.extend_from_slice(&(value.len() as u64).to_le_bytes());
            message.extend_from_slice(value.as_bytes());
            message.push(b'\n');
        }
        message
    }

    /// The same for scripts. Keys are only ever added.
    pub fn json(&self) -> Value {
        let by = self.reason.by.first();
        let origin = by.and_then(|by| by.origin.as_ref());
        let (line, column) = origin.map(Origin::line_column).unzip();
        let (path, address) = (self.path(), self.address());
        let operation = path.as_ref().or(address.as_ref()).map(|(_, word)| *word);
        json!({
            "event": KINDS[self.kind as usize].1,
            "process": self.process, "call": self.call, "arguments": self.words,
            "path": path.map(|(path, _)| path), "operation": operation,
            "layer": self.reason.layer.name(), "error": self.reason.error, "reason": self.reason.text,
            "directive": by.map(|by| by.directive), "source": origin.map(|origin| origin.source.name.as_str()),
            "line": line, "column": column,
            "change": self.change.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "executable": self.executable, "architecture": self.arch.map(Arch::word),
            "address": address.map(|(address, _)| address),
            "abstract": match &self.question {
                Some(Question::Outside(Outside::Abstract(name))) => Some(name),
                _ => None,
            },
            "signalled": match self.question {
                Some(Question::Outside(Outside::Signal(pid))) => Some(pid),
                _ => None,
            },
        })
    }
}

/// What an object of [`Event::json`]'s asks for. Nothing where nothing can be asked; the policy's words in it are not
/// believed: whoever wrote the line may not be stockade.
pub fn asked(value: &Value) -> Option<Question> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let known = text("event").is_some_and(|word| KINDS.iter().any(|(_, known, _)| *known == word));
    if !known {
        return None;
    }
    if let Some(path) = text("path") {
        let path = PathBuf::from(path);
        return path.is_absolute().then_some(Question::Path(path, Operation::parse(text("operation")?)?));
    }
    if let Some(address) = text("address") {
        let address: SocketAddr = address.parse().ok()?;
        return Some(Question::Net(match text("operation")? {
            "connect" => Reach::Connect(address),
            "bind" => Reach::Bind(address),
            _ => return None,
        }));
    }
    if let Some(name) = text("abstract") {
        return Some(Question::Outside(Outside::Abstract(name.into())));
    }
    if let Some(pid) = value.get("signalled").and_then(Value::as_u64) {
        return u32::try_from(pid).ok().map(|pid| Question::Outside(Outside::Signal(pid)));
    }
    let arch = text("architecture").map_or(Some(Arch::native()), Arch::parse)?;
    let name = text("call")?;
    let words = text("arguments").filter(|words| words.split('(').next() == Some(name));
    words
        .and_then(|words| verdict::Question::parse(words, arch).ok())
        .or_else(|| calls::number(arch, name).map(|number| verdict::Question::any(arch, number)))
        .map(Question::Call)
}

#[cfg(test)]
mod tests {
    use super::super::why::Layer;
    use super::*;

    fn event(question: Question, call: &str, words: &str) -> Event {
        Event {
            kind: Kind::WouldDeny,
            process: "7 (x)".into(),
            executable: None,
            arch: Some(Arch::X86_64),
            call: Some(call.into()),
            words: words.into(),
            question: Some(question),
            reason: Reason::new(Layer::Seccomp, "EPERM", "it is so".into(), ""),
            change: Vec::new(),
        }
    }

    #[test]
    fn kinds_stand_at_their_own_place() {
        for (at, (kind, ..)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, at);
        }
    }

    #[test]
    fn what_was_asked_comes_back() {
        let path = Question::Path("/srv/a b".into(), Operation::Create);
        let net = Question::Net(Reach::Bind("[::1]:443".parse().expect("an address")));
        let number = calls::number(Arch::X86_64, "socket").expect("a call");
        let args = [Some(2), Some(1), Some(0), None, None, None];
        let call = Question::Call(verdict::Question { arch: Arch::X86_64, number, args });
        for (question, name, words) in [
            (path, "openat", "openat(-100, \"/srv/a b\", 65, 420)"),
            (net, "bind", "bind(3, 0x7f, 16)"),
            (call, "socket", "socket(2, 1, 0)"),
        ] {
            assert_eq!(asked(&event(question.clone(), name, words).json()), Some(question), "{words}");
        }
    }

    #[test]
    fn what_nobody_can_ask_is_nothing() {
        for text in [
            r#"{"event": "exited", "call": "read"}"#,
            r#"{"event": "denied", "path": "x", "operation": "read"}"#,
            r#"{"event": "denied", "path": "/x", "operation": "sing"}"#,
            r#"{"event": "denied", "call": "no_such_call"}"#,
            r#"{"event": "denied", "call": "read", "architecture": "vax"}"#,
            r#"{"event": 1}"#,
            "[]",
        ] {
            assert_eq!(asked(&serde_json::from_str(text).expect("JSON")), None, "{text}");
        }
    }
}
