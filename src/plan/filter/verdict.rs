//! Who decides a call, and upon which arguments: what a filter means, for people who ask.

use crate::draft::By;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{self, Id};
use crate::draft::compare::Exact;
use crate::draft::syscalls::{Filter, Layer};

use super::knowledge::Knowledge;
use super::machine::Data;
use super::meaning::{is_unknown, place};

/// A call about which somebody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its architecture.
    pub arch: Arch,
    /// Its number there; x32's without bit 30.
    pub number: u32,
    /// The arguments that are given; any other can have any value.
    pub args: [Option<u64>; 6],
}

impl Question {
    /// A call with any arguments.
    pub fn any(arch: Arch, number: u32) -> Self {
        Self { arch, number, args: [None; 6] }
    }
}

/// Who gives an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// A rule that names the call.
    Rule(&'a By),
    /// The default of a directive's layer.
    Rest(&'a By),
    /// The answer of a directive's layer to calls that it does not know.
    Newer(&'a By),
    /// The architecture is not among those allowed.
    Foreign,
    /// Nothing speaks of the call.
    Nobody,
}

/// One answer that a call can get.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<'a> {
    /// Comparisons that all hold.
    pub when: Vec<Exact>,
    /// The answer.
    pub action: Action,
    /// Who gives it.
    pub who: Who<'a>,
}

/// The most answers of one call that are followed.
pub const LIMIT: usize = 1000;

/// Every answer that a call can get, in order: the first whose comparisons hold counts, and the last one has none.
///
/// The launcher's own execve, which a cookie lets pass, is not among them. Nothing if there are more than [`LIMIT`].
pub fn trace<'a>(filter: &'a Filter, native: Arch, question: &Question) -> Option<Vec<Answer<'a>>> {
    let raw = if question.arch == Arch::X32 { question.number | calls::X32_BIT } else { question.number };
    let data = Data { nr: raw, arch: question.arch.audit(), ..Data::default() };
    if place(filter, native, &data) != Some((question.arch, question.number)) {
        return Some(vec![Answer { when: Vec::new(), action: filter.foreign, who: Who::Foreign }]);
    }
    let mut walk = Walk {
        filter,
        native,
        arch: question.arch,
        number: question.number,
        id: calls::identify(question.arch, question.number),
        knowledge: Knowledge::of(question.args),
        when: Vec::new(),
        said: Vec::new(),
        answers: Vec::new(),
    };
    walk.layer(0)?;
    let mut answers = walk.answers;
    settle(&mut answers);
    Some(answers)
}

/// Takes away answers at the end that are also what follows without them.
pub(super) fn settle(answers: &mut Vec<Answer<'_>>) {
    while let [.., before, last] = answers.as_slice()
        && (before.action, before.who) == (last.action, last.who)
    {
        answers.remove(answers.len() - 2);
    }
}

/// The way through the layers, to the first answer first.
struct Walk<'a> {
    filter: &'a Filter,
    native: Arch,
    arch: Arch,
    number: u32,
    id: Option<Id>,
    knowledge: Knowledge,
    /// Comparisons taken so far.
    when: Vec<Exact>,
    /// What the layers so far have said.
    said: Vec<(Action, Who<'a>)>,
    answers: Vec<Answer<'a>>,
}

impl<'a> Walk<'a> {
    /// Follows all ways from a layer on.
    fn layer(&mut self, at: usize) -> Option<()> {
        let Some(layer) = self.filter.layers.get(at) else {
            let (action, who) = strictest(&self.said);
            self.answers.push(Answer { when: self.when.clone(), action, who });
            return (self.answers.len() <= LIMIT).then_some(());
        };
        self.rules(at, layer, 0)
    }

    /// Follows all ways from a rule on.
    fn rules(&mut self, at: usize, layer: &'a Layer, from: usize) -> Option<()> {
        for (place, rule) in layer.rules.iter().enumerate().skip(from) {
            let named = rule.calls.iter().any(|call| call.number(self.arch, self.native) == Some(self.number));
            if !named || !rule.is_on(self.arch) {
                continue;
            }
            let settled: Result<Vec<Exact>, _> = rule.when.iter().map(|test| test.exact(self.id, self.arch)).collect();
            // Comparisons that make no sense are the compiler's to refuse.
            let Ok(mut open) = settled else { continue };
            if open.iter().any(|test| self.knowledge.holds(test) == Some(false)) {
                continue;
            }
            open.retain(|test| self.knowledge.holds(test).is_none());
            let marks = (self.knowledge.mark(), self.when.len());
            for test in &open {
                self.knowledge.assume(*test, true);
                self.when.push(*test);
            }
            self.say(at, rule.action, Who::Rule(&rule.by))?;
            self.knowledge.forget(marks.0);
            self.when.truncate(marks.1);
            if open.is_empty() {
                return Some(());
            }
            if let [test] = open[..] {
                self.knowledge.assume(test, false);
            }
            self.rules(at, layer, place + 1)?;
            self.knowledge.forget(marks.0);
            return Some(());
        }
        match layer.unknown.filter(|_| is_unknown(self.arch, self.number)) {
            Some(action) => self.say(at, action, Who::Newer(&layer.by)),
            None => self.say(at, layer.otherwise, Who::Rest(&layer.by)),
        }
    }

    fn say(&mut self, at: usize, action: Action, who: Who<'a>) -> Option<()> {
        self.said.push((action, who));
        let result = self.layer(at + 1);
        self.said.pop();
        result
    }
}

/// The strictest answer and who gave it: of those who gave the same, one that names the call; and what nobody refuses,
/// nobody has decided unless a rule names it.
fn strictest<'a>(said: &[(Action, Who<'a>)]) -> (Action, Who<'a>) {
    let action = said.iter().fold(Action::Allow, |so_far, (action, _)| so_far.and(*action));
    let mut same = said.iter().rev().filter(|one| one.0 == action).map(|one| one.1);
    let named = same.clone().find(|who| matches!(who, Who::Rule(_)));
    let rest = same.next().filter(|_| action != Action::Allow);
    (action, named.or(rest).unwrap_or(Who::Nobody))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::calls::Call;
    use crate::draft::compare::Compare;
    use crate::draft::syscalls::Rule;

    const LIST: By = By { directive: "SystemCallFilter", origin: None };
    const FAMILIES: By = By { directive: "RestrictAddressFamilies", origin: None };

    fn rule(by: &By, call: &str, when: &[&str], action: Action) -> Rule {
        let when = when.iter().map(|text| Compare::parse(text).expect("a comparison")).collect();
        Rule { calls: vec![Call::parse(call)], when, action, by: by.clone(), on: Vec::new() }
    }

    fn filter() -> Filter {
        let list = vec![rule(&LIST, "socket", &[], Action::Allow), rule(&LIST, "read", &[], Action::Allow)];
        let families = vec![
            rule(&FAMILIES, "socket", &["arg0 == AF_UNIX"], Action::Allow),
            rule(&FAMILIES, "socket", &["arg0 == AF_NETLINK", "arg2 == 0"], Action::Allow),
            rule(&FAMILIES, "socket", &[], Action::Errno(97)),
        ];
        let layers = vec![
            Layer { by: LIST, rules: list, otherwise: Action::Errno(1), unknown: Some(Action::Errno(38)) }.into(),
            Layer { by: FAMILIES, rules: families, otherwise: Action::Allow, unknown: None }.into(),
        ];
        Filter { layers, ..Filter::new() }
    }

    fn ask(name: &str, args: [Option<u64>; 6]) -> Vec<(usize, Action, String)> {
        let number = calls::number(Arch::X86_64, name).expect("a call");
        let question = Question { arch: Arch::X86_64, number, args };
        let filter = filter();
        let answers = trace(&filter, Arch::X86_64, &question).expect("few answers");
        answers.into_iter().map(|answer| (answer.when.len(), answer.action, format!("{:?}", answer.who))).collect()
    }

    #[test]
    fn answers_name_who_decides() {
        let any = [None; 6];
        let read = ask("read", any);
        assert!(matches!(&read[..], [(0, Action::Allow, who)] if who.contains("SystemCallFilter")), "{read:?}");
        let mount = ask("mount", any);
        assert!(matches!(&mount[..], [(0, Action::Errno(1), who)] if who.starts_with("Rest")), "{mount:?}");
        let open = ask("socket", any);
        let shape: Vec<(usize, Action)> = open.iter().map(|answer| (answer.0, answer.1)).collect();
        assert_eq!(shape, [(1, Action::Allow), (2, Action::Allow), (0, Action::Errno(97))]);
        let given = |family, protocol| ask("socket", [Some(family), None, protocol, None, None, None]);
        assert_eq!(given(1, None).len(), 1);
        assert_eq!(given(16, None).len(), 2);
        assert_eq!(given(16, Some(9)).len(), 1);
        assert_eq!(given(0x1_0000_0001, None)[0].1, Action::Allow);
        assert!(given(2, None)[0].2.contains("RestrictAddressFamilies"));
    }

    #[test]
    fn what_is_foreign_or_newer_is_said() {
        let filter = filter();
        let ask = |arch, number| trace(&filter, Arch::X86_64, &Question::any(arch, number)).expect("few answers");
        assert_eq!(ask(Arch::X86, 3)[0].who, Who::Foreign);
        assert_eq!(ask(Arch::X32, 3)[0].who, Who::Foreign);
        assert_eq!(
            ask(Arch::X86_64, 9999)[0],
            Answer { when: Vec::new(), action: Action::Errno(38), who: Who::Newer(&LIST) }
        );
    }
}
