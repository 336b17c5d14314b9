//! What a record comes to under a policy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::plan::event::{Event, Kind};
use crate::plan::filter::verdict;
use crate::plan::why::{Judge, Layer, Look, Operation, Question, Reach, Reason, Verdict, suggestion};

use super::gather::{Made, Process, Sighting, What};

/// A policy that is asked.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The policy.
    pub judge: &'a Judge,
    /// What is at a path.
    pub look: Look<'a>,
}

/// A name for something whose own is not recorded.
const SOMETHING: &str = "*";

/// What is told of a sighting. With a policy nothing is told of what was let through and the policy allows.
pub fn event(sighting: &Sighting, asked: Option<Asked<'_>>) -> Option<Event> {
    match &sighting.what {
        What::Seccomp { code, signal } => filtered(sighting, *code, *signal, asked),
        What::Landlock { .. } => refused(sighting, asked),
    }
}

/// A number and a name.
fn shown(process: &Process) -> String {
    let name = process.name.as_deref().or(process.executable.as_deref());
    match (process.pid, name) {
        (Some(pid), Some(name)) => format!("{pid} ({name})"),
        (Some(pid), None) => pid.to_string(),
        (None, Some(name)) => format!("a process ({name})"),
        (None, None) => "a process".into(),
    }
}

/// A call: its architecture, its name or number, and its words.
struct Call {
    arch: Option<Arch>,
    name: String,
    words: String,
    question: Option<verdict::Question>,
}

impl Call {
    fn of(made: &Made) -> Self {
        let place = calls::made(made.arch, made.number);
        let arch = place.map(|(arch, _)| arch);
        let name = place.and_then(|(arch, number)| calls::name(arch, number)).map_or_else(
            || match arch {
                Some(_) => format!("system call {}", made.number),
                None => format!("system call {} of architecture {:#x}", made.number, made.arch),
            },
            std::borrow::Cow::into_owned,
        );
        let words = made.args.map_or_else(
            || name.clone(),
            |args| {
                let ints = calls::int_args(&name);
                let one = |(at, arg): (usize, &u64)| match ints >> at & 1 {
                    // The kernel reads the lower half of it.
                    1 => (u32::try_from(arg & u64::from(u32::MAX)).unwrap_or_default()).cast_signed().to_string(),
                    _ => format!("{arg:#x}"),
                };
                let args: Vec<String> = args.iter().enumerate().map(one).collect();
                format!("{name}({})", args.join(", "))
            },
        );
        let question = place.map(|(arch, number)| {
            let mut question = verdict::Question::any(arch, number);
            for (known, arg) in question.args.iter_mut().zip(made.args.into_iter().flatten()) {
                *known = Some(arg);
            }
            question
        });
        Self { arch, name, words, question }
    }
}

/// A filter's answer.
fn filtered(sighting: &Sighting, code: u32, signal: i32, asked: Option<Asked<'_>>) -> Option<Event> {
    let call = Call::of(sighting.call.as_ref()?);
    let action = Action::from_ret(code);
    let strict = signal == libc::SIGKILL;
    let kind = match action {
        Action::Log | Action::Allow | Action::Notify(_) | Action::Trace(_) => Kind::Logged,
        _ => Kind::Denied,
    };
    let answer = match action {
        _ if strict => "strict mode kills".to_owned(),
        // The error's number is not recorded.
        Action::Errno(_) => "the process's filter answers with an error".into(),
        action => format!("the process's filter answers with {action}"),
    };
    let error = match action {
        _ if strict => "SIGKILL",
        Action::KillProcess | Action::KillThread | Action::Trap(_) => "SIGSYS",
        _ => "",
    };
    let own = |text: String| Reason::new(Layer::Seccomp, error, text, call.name.as_str());
    let (kind, reason, change) = match (asked, &call.question) {
        (Some(asked), Some(question)) => {
            let answer_of = asked.judge.call(question, &call.name);
            match answer_of.reasons.into_iter().next() {
                Some(mut reason) => {
                    if answer_of.verdict == Verdict::Depends {
                        reason.text = format!("depending on its arguments: {}", reason.text);
                    }
                    let change = suggestion(&Question::Call(question.clone()), &reason).unwrap_or_default();
                    (if kind == Kind::Denied { kind } else { Kind::WouldDeny }, reason, change)
                }
                None if kind == Kind::Denied => (kind, own(format!("{answer}; the policy allows it")), Vec::new()),
                None => return None,
            }
        }
        (Some(_), None) if kind != Kind::Denied => {
            let text = "calls of this architecture are not known here".to_owned();
            (Kind::WouldDeny, own(text), Vec::new())
        }
        _ => (kind, own(answer), Vec::new()),
    };
    Some(Event {
        kind,
        process: shown(&sighting.process),
        executable: sighting.process.executable.clone(),
        arch: call.arch,
        call: Some(call.name),
        words: call.words,
        question: call.question.map(Question::Call),
        reason,
        change,
    })
}

/// A refusal of Landlock's.
fn refused(sighting: &Sighting, asked: Option<Asked<'_>>) -> Option<Event> {
    let What::Landlock { blockers, path, address, port, other } = &sighting.what else { return None };
    let call = sighting.call.as_ref().map(Call::of);
    let rights: Vec<String> = blockers.iter().map(|blocker| right(blocker)).collect();
    let question = question(&rights, path.as_deref(), address.as_deref(), *port);
    let at = path.clone().or_else(|| port.map(|port| format!("TCP port {port}"))).or_else(|| other.clone());
    let rights = rights.join(", ");
    let text = match &at {
        Some(at) => format!("Landlock refuses {rights} at {at}"),
        None => format!("Landlock refuses {rights}"),
    };
    // Signals are refused by another error than everything else.
    let error = if rights == "scope.signal" || rights == "ptrace" { "EPERM" } else { "EACCES" };
    let mut found = Reason::new(Layer::Landlock, error, text, at.as_deref().unwrap_or(&rights));
    let mut change = Vec::new();
    if let (Some(asked), Some(question)) = (asked, &question) {
        let answer = asked.judge.ask(question, asked.look);
        if let Some(known) = answer.reasons.into_iter().find(|reason| reason.layer == Layer::Landlock) {
            change = suggestion(question, &known).unwrap_or_default();
            found = known;
        } else if answer.verdict == Verdict::Allowed {
            found.text.push_str("; the policy allows it");
        }
    }
    let words = call.as_ref().map_or_else(|| format!("something that takes {rights}"), |call| call.words.clone());
    Some(Event {
        kind: Kind::Denied,
        process: shown(&sighting.process),
        executable: sighting.process.executable.clone(),
        arch: call.as_ref().and_then(|call| call.arch),
        call: call.map(|call| call.name),
        words,
        question,
        reason: found,
        change,
    })
}

/// `read-file` for `fs.read_file`.
fn right(blocker: &str) -> String {
    blocker.strip_prefix("fs.").map_or_else(|| blocker.to_owned(), |right| right.replace('_', "-"))
}

/// What a refusal would be asked as.
fn question(rights: &[String], path: Option<&str>, address: Option<&str>, port: Option<u16>) -> Option<Question> {
    let has = |right: &str| rights.iter().any(|one| one == right);
    if let Some(port) = port {
        // Landlock looks at ports only, and the address is not recorded where it is any.
        let ip: IpAddr = address.and_then(|ip| ip.parse().ok()).unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let ip = if ip == Ipv6Addr::UNSPECIFIED { Ipv4Addr::UNSPECIFIED.into() } else { ip };
        let address = SocketAddr::new(ip, port);
        return Some(Question::Net(if has("net.bind_tcp") { Reach::Bind(address) } else { Reach::Connect(address) }));
    }
    let path = Path::new(path.filter(|path| path.starts_with('/'))?);
    let operation = if has("execute") {
        Operation::Execute
    } else if has("make-dir") {
        return Some(Question::Path(path.join(SOMETHING), Operation::Mkdir));
    } else if rights.iter().any(|right| right.starts_with("make-")) {
        // The directory is recorded, and not what was to be made.
        return Some(Question::Path(path.join(SOMETHING), Operation::Create));
    } else if rights.iter().any(|right| right.starts_with("remove-")) {
        return Some(Question::Path(path.join(SOMETHING), Operation::Remove));
    } else if has("write-file") || has("truncate") {
        Operation::Write
    } else if has("read-dir") {
        Operation::List
    } else if has("resolve-unix") {
        Operation::Connect
    } else if has("read-file") {
        Operation::Read
    } else {
        return None;
    };
    Some(Question::Path(path.to_path_buf(), operation))
}
