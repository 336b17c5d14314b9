//! Telling of denials: once for each kind of call, path and directive. What is told decides nothing.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, read};

use crate::draft::Explain;
use crate::draft::action::Action;
use crate::host::look::Thing;
use crate::plan::event::{Event, Kind};
use crate::plan::filter::verdict;
use crate::plan::tell::{PATHS, SIGNALS, Teller};
use crate::plan::why::{Lack, Operation, Question, Reach, Reason, suggestion};
use crate::sys::notify::{Answer, Notification, int};
use crate::sys::target;

use super::call;
use super::caller::Caller;
use super::reach::{self, Own};

/// Kinds of denials that are remembered, and so told, at most.
const MOST: usize = 4096;

/// What was told.
#[derive(Default)]
pub(super) struct Told {
    kinds: BTreeSet<String>,
    /// While nothing is denied: what the targets made, which a directory of the policy's own would have, too.
    made: BTreeSet<PathBuf>,
    own: Own,
}

impl Told {
    /// What there is to tell of a call that the filter refuses (`action`) or that something else will: nothing when nothing
    /// is in its way, or when it has been told. While nothing is denied a call gets past the filter, and both are told.
    pub(super) fn events(
        &mut self,
        teller: &Teller,
        caller: &Caller<'_>,
        notification: &Notification,
        action: Option<Action>,
    ) -> Vec<Event> {
        let by_filter = action.and_then(|_| refused(teller, notification));
        let gets_past = action.is_none() || teller.explain == Explain::Monitor;
        let by_others = if gets_past { self.predicted(teller, caller, notification) } else { None };
        let all = by_filter.into_iter().chain(by_others);
        all.filter_map(|(question, reason)| self.event(teller, caller, notification, question, reason)).collect()
    }

    fn event(
        &mut self,
        teller: &Teller,
        caller: &Caller<'_>,
        notification: &Notification,
        question: Question,
        reason: Reason,
    ) -> Option<Event> {
        let words = call::words(caller, notification);
        let event = Event {
            kind: if teller.explain == Explain::Monitor { Kind::WouldDeny } else { Kind::Denied },
            process: caller.name(),
            executable: None,
            arch: call::place(notification).map(|(arch, _)| arch),
            call: call::name(notification).map(Into::into),
            words: words.trim_end_matches(" [as it was read]").to_owned(),
            change: suggestion(&question, &reason).unwrap_or_default(),
            question: Some(question),
            reason,
        };
        (self.kinds.len() < MOST && self.kinds.insert(event.key())).then_some(event)
    }

    /// Why something else than the filter will refuse a call.
    fn predicted(
        &mut self,
        teller: &Teller,
        caller: &Caller<'_>,
        notification: &Notification,
    ) -> Option<(Question, Reason)> {
        let name = call::name(notification)?;
        let monitor = teller.explain == Explain::Monitor;
        self.own.calls(caller);
        let question = if matches!(&*name, "connect" | "bind") {
            self.address(caller, notification, &name)?
        } else if SIGNALS.contains(&&*name) {
            self.own.signalled(caller, notification, &name)?
        } else {
            let (_, at, operation) = PATHS.iter().find(|(known, ..)| *known == name)?;
            let path = absolute(caller, notification, &name, *at)?;
            let opens = operation.is_none() || name == "creat";
            if let Some(full) = opens.then(|| reach::full(caller, teller, !monitor, path.clone())).flatten() {
                caller.check().ok()?;
                return Some(full);
            }
            let operation = match operation {
                Some(operation) => *operation,
                None => opening(caller, notification, &name, &path)?,
            };
            Question::Path(path, operation)
        };
        caller.check().ok()?;
        if let Question::Path(path, operation) = &question
            && monitor
            && operation.makes()
            && self.made.len() < MOST
        {
            self.made.insert(path.clone());
        }
        let look = |path: &Path, host: Option<&Path>| match host {
            // While nothing is denied the target's world is the host.
            Some(host) if monitor => Thing::at(host),
            None if monitor && !self.made.contains(path) => Thing::MISSING,
            _ => Thing::at(path),
        };
        let answer = teller.judge.ask(&question, &look);
        // The filter tells for itself; and what the kernel meets first counts.
        let others = answer.reasons.into_iter().filter(|reason| reason.layer.name() != "seccomp");
        let first = met_first(others.collect(), truncates(caller, notification, &name))?;
        if let Question::Path(path, _) = &question
            && monitor
            && first.error == "ENOENT"
            && Thing::at(path) == Thing::MISSING
        {
            // It is missing without the policy too.
            return None;
        }
        (!first.by.is_empty()).then_some((question, first))
    }

    /// The address that a call names.
    fn address(&mut self, caller: &Caller<'_>, notification: &Notification, name: &str) -> Option<Question> {
        let mut bytes = [0; 110];
        let size = usize::try_from(notification.args[2]).ok()?.min(bytes.len());
        let got = caller.memory(notification.args[1], bytes.get_mut(..size)?).ok()?;
        let bytes = bytes.get(..got)?;
        let family = i32::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        if family == libc::AF_UNIX {
            if let Some(abstract_name) = bytes.get(2..)?.strip_prefix(&[0]) {
                return self.own.socket(caller, name, abstract_name);
            }
            let path = bytes.get(2..)?.split(|byte| *byte == 0).next()?;
            let path = Path::new(OsStr::from_bytes(path));
            let connects = name == "connect" && path.is_absolute();
            return connects.then(|| Question::Path(path.to_path_buf(), Operation::Connect));
        }
        let address = target::internet(bytes)?;
        Some(Question::Net(if name == "connect" { Reach::Connect(address) } else { Reach::Bind(address) }))
    }
}

/// Why the filter refuses a call.
fn refused(teller: &Teller, notification: &Notification) -> Option<(Question, Reason)> {
    let (arch, number) = call::place(notification)?;
    let args = notification.args.map(Some);
    let question = verdict::Question { arch, number, args };
    let name = call::name(notification).unwrap_or("it".into());
    let reason = teller.judge.call(&question, &name).reasons.into_iter().next()?;
    Some((Question::Call(question), reason))
}

/// Which of the reasons the kernel meets first. What cuts a file off asks for a mount that can be written before anybody
/// looks at permissions (do_open in fs/namei.c), as a shell's `>` does.
fn met_first(mut reasons: Vec<Reason>, truncates: bool) -> Option<Reason> {
    let at = reasons.iter().position(|reason| truncates && reason.error == "EROFS").unwrap_or_default();
    let mut first = (at < reasons.len()).then(|| reasons.remove(at))?;
    if let Some(next) = reasons.first().filter(|_| at > 0) {
        first.text = format!("{}; besides, {}", first.text, next.text);
        first.lack = Lack::More;
    }
    Some(first)
}

/// Whether a call cuts off the file that it names.
fn truncates(caller: &Caller<'_>, notification: &Notification, name: &str) -> bool {
    let opens = |name: &str| matches!(name, "open" | "openat" | "openat2");
    let cuts = || flags(caller, notification, name) & u64::from(libc::O_TRUNC.cast_unsigned()) != 0;
    matches!(name, "creat" | "truncate") || opens(name) && cuts()
}

/// The flags of an open call.
fn flags(caller: &Caller<'_>, notification: &Notification, name: &str) -> u64 {
    match name {
        "open" => notification.args[1],
        "openat" => notification.args[2],
        _ => {
            let mut how = [0; 8];
            caller.memory(notification.args[2], &mut how).map_or(0, |_| u64::from_le_bytes(how))
        }
    }
}

/// What an open call does, by its flags; nothing with O_PATH, which takes no right to what is opened (open(2)).
fn opening(caller: &Caller<'_>, notification: &Notification, name: &str, path: &Path) -> Option<Operation> {
    let flags = flags(caller, notification, name);
    let has = |bit: i32| flags & u64::from(bit.cast_unsigned()) != 0;
    let operation = if has(libc::O_CREAT) && Thing::at(path) == Thing::MISSING {
        Operation::Create
    } else if has(libc::O_WRONLY) || has(libc::O_RDWR) {
        Operation::Write
    } else if has(libc::O_DIRECTORY) {
        Operation::List
    } else {
        Operation::Read
    };
    (!has(libc::O_PATH)).then_some(operation)
}

/// The path that a call names, from the root; nothing where that is not the supervisor's too.
fn absolute(caller: &Caller<'_>, notification: &Notification, name: &str, at: usize) -> Option<PathBuf> {
    let text = caller.path(*notification.args.get(at)?).ok()?;
    let path = Path::new(OsStr::from_bytes(text.to_bytes()));
    if path.as_os_str().is_empty() {
        return None;
    }
    if path.is_absolute() {
        return Some(path.to_path_buf());
    }
    let from = if at == 1 && name != "open" { int(notification.args[0]) } else { libc::AT_FDCWD };
    let link = if from == libc::AT_FDCWD { "cwd".to_owned() } else { format!("fd/{from}") };
    let link = std::ffi::CString::new(format!("{}/{link}", caller.thread())).ok()?;
    let base = PathBuf::from(readlinkat(caller.view.process().ok()?, link.as_c_str()).ok()?);
    base.is_absolute().then(|| base.join(path))
}

/// What the filter would have done. A process is killed by SIGSYS as the kernel would, or by SIGKILL where it would
/// survive that; its call does not run in any case.
///
/// # Errors
/// Why the process cannot be killed: its call is not to be answered, as it would go on.
pub(super) fn answer(explain: Explain, caller: &Caller<'_>, action: Option<Action>) -> Result<Answer, Errno> {
    match action {
        None => Ok(Answer::Continue),
        Some(_) if explain == Explain::Monitor => Ok(Answer::Continue),
        Some(Action::Errno(0)) => Ok(Answer::Value(0)),
        Some(Action::Errno(number)) => Ok(Answer::Error(Errno::from_raw(number.into()))),
        Some(_) => kill_caller(caller).map(|()| Answer::Error(Errno::EPERM)),
    }
}

fn kill_caller(caller: &Caller<'_>) -> Result<(), Errno> {
    if caller.thread() == 0 {
        // It lives where it has no number here.
        return Err(Errno::EPERM);
    }
    if caller.ids().is_ok_and(|ids| ids.process == 1) {
        // No signal of this namespace's kills its process 1 (pid_namespaces(7)).
        return Err(Errno::EPERM);
    }
    let signal = if survives(caller) { Signal::SIGKILL } else { Signal::SIGSYS };
    // kill(2) takes the number of any thread for its process. Who is gone needs no signal.
    match caller.check().and_then(|()| kill(Pid::from_raw(caller.thread().cast_signed()), signal)) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Whether a process blocks, ignores or handles SIGSYS, is process 1 of a namespace, which signals from outside do not
/// kill but for SIGKILL (pid_namespaces(7)), or cannot be asked.
fn survives(caller: &Caller<'_>) -> bool {
    let mut text = [0; 4096];
    let Ok(file) = caller.file("status", OFlag::O_RDONLY) else { return true };
    let got = read(file.as_fd(), &mut text).unwrap_or(0);
    let text = String::from_utf8_lossy(text.get(..got).unwrap_or_default()).into_owned();
    let inner = text.lines().find_map(|line| line.strip_prefix("NSpid:")).and_then(|ids| ids.split_whitespace().last());
    if inner.is_none_or(|id| id == "1") {
        return true;
    }
    let bit = 1 << (libc::SIGSYS - 1);
    let mut sets = 0;
    for line in text.lines().filter(|line| ["SigBlk:", "SigIgn:", "SigCgt:"].iter().any(|key| line.starts_with(key))) {
        let set = line.split_whitespace().nth(1).and_then(|word| u64::from_str_radix(word, 16).ok());
        if set.is_none_or(|set| set & bit != 0) {
            return true;
        }
        sets += 1;
    }
    sets != 3
}
