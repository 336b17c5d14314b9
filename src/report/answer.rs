//! Answers to `stockade filter --try`: what becomes of one call, and by whose word.

use serde_json::{Value, json};

use crate::draft::action::Action;
use crate::fault::Exit;
use crate::plan::filter::verdict::{Answer, Question};

use super::rules;

/// One call that was asked about, in the words that asked.
#[derive(Clone, Debug)]
pub struct Tried<'a> {
    /// The words.
    pub words: String,
    /// What they mean.
    pub question: Question,
    /// The answers. None where they could not be followed.
    pub answers: Vec<Answer<'a>>,
}

impl Tried<'_> {
    /// Success for a call that always runs, `Refused` for one that never does, `Depends` for all others.
    pub fn exit(&self) -> Exit {
        let runs = |answer: &Answer<'_>| match answer.action {
            Action::Allow | Action::Log => Some(true),
            Action::Notify(_) | Action::Trace(_) => None,
            _ => Some(false),
        };
        let mut all = self.answers.iter().map(runs);
        let first = all.next().flatten();
        match first.filter(|_| all.all(|other| other == first)) {
            Some(true) => Exit::Success,
            Some(false) => Exit::Refused,
            None => Exit::Depends,
        }
    }

    fn call(&self) -> String {
        rules::names(self.question.arch, self.question.number)
    }
}

/// The status of several answers: that any is refused counts most.
pub fn exit(tried: &[Tried<'_>]) -> Exit {
    let has = |exit: Exit| tried.iter().any(|tried| tried.exit() == exit);
    [Exit::Refused, Exit::Depends].into_iter().find(|exit| has(*exit)).unwrap_or(Exit::Success)
}

/// One line, or one for each answer.
pub fn text(tried: &Tried<'_>) -> String {
    let mut text = crate::fault::clean(&tried.words);
    match &tried.answers[..] {
        [] => text.push_str(": its answers cannot be followed\n"),
        [only] => {
            let said = rules::said(only.who);
            let said = if said.is_empty() { said } else { format!("  # {said}") };
            text.push_str(&format!(": {}{said}\n", only.action));
        }
        answers => {
            text.push_str(": by its arguments\n");
            rules::cases(&mut text, "  ", answers, &tried.call());
        }
    }
    text
}

/// The same for scripts. Keys are only ever added.
pub fn json(tried: &Tried<'_>) -> Value {
    let call = tried.call();
    json!({
        "try": tried.words,
        "call": call,
        "number": tried.question.number,
        "architecture": tried.question.arch.word(),
        "verdict": tried.exit().name().to_ascii_lowercase(),
        "answers": tried.answers.iter().map(|answer| rules::answer_json(answer, &call)).collect::<Vec<_>>(),
    })
}
