//! Asking whoever sits at the terminal, one question at a time, and remembering the answers.

use std::collections::VecDeque;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::{read, write};

use crate::sys::notify::{Answer, Listener, Notification};
use crate::sys::target;

use super::caller::{Caller, show};
use super::open::{self, Wish};
use super::view::View;
use super::walk::Found;
use super::{call, send};

/// Questions that wait at most; a target that makes more of them is refused.
const MOST: usize = 64;

/// Answers that are remembered at most.
const REMEMBERED: usize = 1024;

/// What an answer is about.
#[derive(Clone, PartialEq, Eq)]
enum Subject {
    /// A file, and whether it is written to.
    File(CString, bool),
    /// A call and its arguments that are no pointers. Nothing in memory: it can change after the answer.
    Call(u32, u32, [Option<u64>; 6]),
}

/// A call that was put aside.
struct Pending {
    notification: Notification,
    subject: Subject,
    text: String,
    /// For a file: what was found, to be opened on behalf of the target.
    file: Option<(Wish, Found)>,
}

/// All that wait, the one that is asked about first.
pub(super) struct Questions {
    terminal: Option<OwnedFd>,
    pending: VecDeque<Pending>,
    remembered: Vec<(Subject, bool)>,
    /// Whether the first one's question stands on the terminal.
    shown: bool,
    typed: Vec<u8>,
}

impl Questions {
    /// Asks at this terminal; without one everything is refused.
    pub(super) fn new(terminal: Option<OwnedFd>) -> Self {
        Self { terminal, pending: VecDeque::new(), remembered: Vec::new(), shown: false, typed: Vec::new() }
    }

    /// The terminal, while an answer is waited for there.
    pub(super) fn waits_at(&self) -> Option<BorrowedFd<'_>> {
        self.terminal.as_ref().filter(|_| !self.pending.is_empty()).map(AsFd::as_fd)
    }

    /// Takes a call on. An answer that needs nobody comes back at once.
    pub(super) fn add(&mut self, view: &View, listener: &Listener, notification: &Notification) -> Option<Answer> {
        let refused = Some(Answer::Error(Errno::EPERM));
        let caller = Caller::new(view, listener, notification);
        let opens = call::name(notification).is_some_and(|name| crate::policy::supervise::OPENS.contains(&&*name));
        let (subject, what, file) = if opens {
            let looked = Wish::read(&caller, notification)
                .and_then(|wish| open::inspect(&caller, &wish).map(|(found, path)| (wish, found, path)));
            let (wish, found, path) = match looked {
                Ok(looked) => looked,
                Err(errno) => return Some(Answer::Error(errno)),
            };
            let how = if wish.writes() { "write" } else { "read" };
            let what = format!("open {} to {how}", show(&path));
            (Subject::File(path, wish.writes()), what, Some((wish, found)))
        } else {
            let Notification { arch, number, .. } = *notification;
            let what = format!("call {}", call::registers(notification));
            (Subject::Call(arch, number, call::scalars(notification)), what, None)
        };
        let text = format!("stockade: {} wants to {what}.", caller.name());
        let pending = Pending { notification: *notification, subject, text, file };
        if let Some((_, allowed)) = self.remembered.iter().find(|(subject, _)| *subject == pending.subject) {
            pending.settle(view, listener, *allowed);
            return None;
        }
        if self.terminal.is_none() || self.pending.len() >= MOST {
            return refused;
        }
        self.pending.push_back(pending);
        None
    }

    /// Puts the first question on the terminal, if it is not there yet and its target still waits.
    pub(super) fn show(&mut self, listener: &Listener) {
        while let Some(first) = self.pending.front() {
            if listener.waits(first.notification.id) {
                break;
            }
            if self.shown {
                self.say("\nstockade: it is gone.\n");
            }
            self.shown = false;
            self.pending.pop_front();
        }
        if self.shown {
            return;
        }
        if let Some(first) = self.pending.front() {
            let text = format!("{} Allow it? [y]es, [n]o, [a]lways, ne[v]er: ", first.text);
            if let Some(terminal) = &self.terminal {
                // What was typed before was no answer to this.
                target::forget_input(terminal.as_fd());
            }
            self.typed.clear();
            self.say(&text);
            self.shown = true;
        }
    }

    /// Reads what was typed; a whole line that is an answer settles the question.
    pub(super) fn hear(&mut self, listener: &Listener, view: &View) {
        let mut bytes = [0; 256];
        let got = self.terminal.as_ref().map_or(Err(Errno::EIO), |terminal| read(terminal, &mut bytes));
        match got {
            Err(Errno::EINTR | Errno::EAGAIN) => return,
            Ok(0) | Err(_) => {
                // The terminal is gone, or somebody typed the end of input.
                self.refuse_all(listener, view);
                return;
            }
            Ok(length) => self.typed.extend_from_slice(bytes.get(..length).unwrap_or_default()),
        }
        let Some(end) = self.typed.iter().position(|byte| *byte == b'\n') else {
            self.typed.truncate(256);
            return;
        };
        let line = String::from_utf8_lossy(self.typed.get(..end).unwrap_or_default()).trim().to_ascii_lowercase();
        self.typed.clear();
        let (allowed, remember) = match line.as_str() {
            "y" | "yes" => (true, false),
            "n" | "no" => (false, false),
            "a" | "always" => (true, true),
            "v" | "never" => (false, true),
            _ => {
                self.say("Answer [y]es, [n]o, [a]lways or ne[v]er: ");
                return;
            }
        };
        self.shown = false;
        let Some(first) = self.pending.pop_front() else { return };
        let subject = first.subject.clone();
        first.settle(view, listener, allowed);
        if remember && self.remembered.len() < REMEMBERED {
            self.remembered.push((subject.clone(), allowed));
            let all = std::mem::take(&mut self.pending).into_iter();
            let (same, others): (VecDeque<Pending>, _) = all.partition(|other| other.subject == subject);
            self.pending = others;
            for other in same {
                other.settle(view, listener, allowed);
            }
        }
    }

    fn refuse_all(&mut self, listener: &Listener, view: &View) {
        self.terminal = None;
        for pending in std::mem::take(&mut self.pending) {
            pending.settle(view, listener, false);
        }
    }

    /// Leaves the terminal in order.
    pub(super) fn close(&mut self) {
        if self.shown {
            self.say("\n");
        }
    }

    fn say(&self, text: &str) {
        if let Some(terminal) = &self.terminal {
            // A terminal that takes nothing gives no answer either.
            write(terminal, text.as_bytes()).ok();
        }
    }
}

impl Pending {
    /// Answers it.
    fn settle(self, view: &View, listener: &Listener, allowed: bool) {
        let id = self.notification.id;
        if !allowed {
            return send(listener, id, Answer::Error(Errno::EPERM));
        }
        let Some((wish, found)) = self.file else { return send(listener, id, Answer::Continue) };
        let caller = Caller::new(view, listener, &self.notification);
        match open::complete(&caller, found, &wish) {
            Ok(opened) => open::give(listener, id, &opened),
            Err(errno) => send(listener, id, Answer::Error(errno)),
        }
    }
}
