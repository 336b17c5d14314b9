//! The supervisor: answers the calls that the target's filter notifies of.
//!
//! It never keeps a target waiting for another one's answer: what needs a person's word is put aside. What it
//! reads of a target counts only when the notification still waits afterwards (the process id may be somebody
//! else's by then), and CONTINUE never follows from what was read.
//!
//! In: the listener, and the decisions of the rules. Out: answers. `prepare` is before the loop, `view` and `caller`
//! look at who waits (`ids` at whose it is), `ask` asks a person, `open` opens on behalf along `walk`, `call` has a
//! call in words, `tell` tells of denials, also of what `reach` finds.

mod ask;
mod call;
mod caller;
mod ids;
mod open;
mod prepare;
mod reach;
mod tell;
mod view;
mod walk;

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;

use crate::apply::supervise::Post;
use crate::draft::action::Action;
use crate::draft::decision::Decision;
use crate::plan::filter::machine::{self, Data};
use crate::plan::supervise::Watch;
use crate::sys::notify::{Answer, Listener, Notification};
use crate::sys::target;

use ask::Questions;
use caller::Caller;
use open::Wish;
use view::View;

/// Where the supervisor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Every notification was answered.
    Serving,
    /// A person is asked about the first of those that were put aside.
    Asking,
    /// All targets are gone, or nothing can be heard any more.
    Over,
}

/// The supervisor at work.
struct Desk<'a> {
    watch: &'a Watch,
    listener: Listener,
    view: View,
    /// Where calls are written down.
    log: Option<OwnedFd>,
    /// The journal, for what is told.
    journal: Option<OwnedFd>,
    questions: Questions,
    told: tell::Told,
}

/// How often a question looks whether its target still waits, in nanoseconds.
const LOOK: i64 = 500_000_000;

/// Prepares, reports, waits for the filter, and answers until the last target is gone. Returns the status to end with.
pub(super) fn serve(post: &Post<'_>) -> i32 {
    let kept = match prepare::prepare(post) {
        Ok(kept) => kept,
        Err(errno) => {
            post.board.report(Err(errno));
            return 1;
        }
    };
    post.board.report(Ok(()));
    let Some(number) = post.listener() else { return 0 };
    let Ok(listener) = prepare::leave(number, &kept) else { return 1 };
    listener.wake_in_place();
    let mut kept = kept;
    let questions = Questions::new(kept.terminal.take());
    let prepare::Kept { view, log, journal, .. } = kept;
    Desk { watch: post.watch, listener, view, log, journal, questions, told: tell::Told::default() }.run();
    0
}

impl Desk<'_> {
    fn run(&mut self) {
        let mut state = State::Serving;
        while state != State::Over {
            state = match state {
                State::Serving => self.serve(),
                State::Asking => self.wait(),
                State::Over => State::Over,
            };
        }
        self.questions.close();
    }

    /// Takes one notification; nobody is being asked.
    fn serve(&mut self) -> State {
        if !self.watch.wakes {
            match target::wait([self.listener.as_fd()], None) {
                Ok([found]) if found.input => {}
                Ok([found]) if found.hangup => return State::Over,
                Ok(_) | Err(Errno::EINTR) => return State::Serving,
                Err(_) => return State::Over,
            }
        }
        self.receive()
    }

    /// Waits for the next notification or the person's answer, whichever is first.
    fn wait(&mut self) -> State {
        self.questions.show(&self.listener);
        let Some(terminal) = self.questions.waits_at() else { return State::Serving };
        match target::wait([self.listener.as_fd(), terminal], Some(LOOK)) {
            Ok([calls, _]) if calls.hangup && !calls.input => State::Over,
            Ok([calls, answer]) => {
                if answer.input || answer.hangup {
                    self.questions.hear(&self.listener, &self.view);
                }
                if calls.input { self.receive() } else { State::Asking }
            }
            Err(Errno::EINTR) => State::Asking,
            Err(_) => State::Over,
        }
    }

    fn receive(&mut self) -> State {
        match self.listener.receive() {
            Ok(notification) => self.answer(&notification),
            // Its target died; or there is none left at all, which only poll tells.
            Err(Errno::ENOENT) => match target::wait([self.listener.as_fd()], Some(0)) {
                Ok([found]) if found.hangup => return State::Over,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return State::Over,
            },
            Err(Errno::EINTR) => {}
            Err(_) => return State::Over,
        }
        if self.questions.waits_at().is_some() { State::Asking } else { State::Serving }
    }

    /// Answers one notification, or puts it aside.
    fn answer(&mut self, notification: &Notification) {
        let watch = self.watch;
        let answer = match decision(watch, notification) {
            Decision::Continue => Answer::Continue,
            Decision::Errno(number) => Answer::Error(Errno::from_raw((*number).into())),
            Decision::Value(value) => Answer::Value(*value),
            Decision::Log => {
                self.write_down(notification);
                Answer::Continue
            }
            Decision::Tell(action) => match self.tell(notification, *action) {
                Some(answer) => answer,
                None => return,
            },
            Decision::Open(opening) => {
                let caller = Caller::new(&self.view, &self.listener, notification);
                match Wish::read(&caller, notification).and_then(|wish| open::open(&caller, &wish, opening)) {
                    Ok(opened) => return open::give(&self.listener, notification.id, &opened),
                    Err(errno) => Answer::Error(errno),
                }
            }
            Decision::Ask => match self.questions.add(&self.view, &self.listener, notification) {
                Some(answer) => answer,
                None => return,
            },
        };
        send(&self.listener, notification.id, answer);
    }

    /// Tells of a call; its answer, or none where it must not go on and cannot be killed.
    fn tell(&mut self, notification: &Notification, action: Option<Action>) -> Option<Answer> {
        // Without a teller nothing is known but what the filter said.
        let Some(teller) = &self.watch.teller else { return Some(Answer::Error(Errno::EPERM)) };
        let caller = Caller::new(&self.view, &self.listener, notification);
        for event in self.told.events(&teller.0, &caller, notification, action) {
            self.say(&if teller.0.json { format!("{}\n", event.json()) } else { event.line() });
            if let Some(journal) = &self.journal
                && let Err(errno) = nix::unistd::write(journal, &event.journal())
            {
                self.journal = None;
                self.say(&format!("stockade: the journal takes no more denials: {}\n", errno.desc()));
            }
        }
        match tell::answer(teller.0.explain, &caller, action) {
            Ok(answer) => Some(answer),
            Err(errno) => {
                self.say(&format!(
                    "stockade: cannot kill {}, as the policy has it: {}; its call stays unanswered\n",
                    caller.name(),
                    errno.desc()
                ));
                None
            }
        }
    }

    /// A line that nobody takes is lost rather than waited for.
    fn say(&self, line: &str) {
        if let Some(log) = &self.log {
            target::offer(log.as_fd(), line.as_bytes());
        }
    }

    fn write_down(&self, notification: &Notification) {
        if self.log.is_none() {
            return;
        }
        let caller = Caller::new(&self.view, &self.listener, notification);
        self.say(&format!("stockade: {} called {}\n", caller.name(), call::words(&caller, notification)));
    }
}

/// What the policy decides about a call: the filter is run once more, and its answer has the decision's number.
fn decision<'a>(watch: &'a Watch, notification: &Notification) -> &'a Decision {
    let [first, _, ..] = watch.decisions.as_slice() else {
        return watch.decisions.first().unwrap_or(&Decision::DEFAULT);
    };
    let Notification { number, arch, ip, args, .. } = *notification;
    let data = Data { nr: number, arch, ip, args };
    match machine::answer(&watch.code, &data).map(Action::from_ret) {
        Ok(Action::Notify(0)) => first,
        Ok(Action::Notify(at)) => watch.decisions.get(usize::from(at)).unwrap_or(&Decision::DEFAULT),
        _ => &Decision::DEFAULT,
    }
}

/// Answers; a target that is gone needs none.
fn send(listener: &Listener, id: u64, answer: Answer) {
    listener.send(id, answer).ok();
}
