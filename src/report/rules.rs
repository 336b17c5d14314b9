//! A filter as rules: calls that are answered alike stand together, with the answer and who gives it.

use serde_json::{Map, Value, json};

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{self, X32_BIT};
use crate::draft::compare::{self, Exact, Operator};
use crate::draft::syscalls::Filter;
use crate::fault::clean;
use crate::plan::filter::knowledge::{COMPUTED, POINTER};
use crate::plan::filter::machine::Instruction;
use crate::plan::filter::verdict::{self, Answer, Question, Who};
use crate::plan::filter::ways;

use super::place;

/// Calls of one architecture that have the same answers.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Their numbers, ascending; x32's without bit 30.
    pub numbers: Vec<u32>,
    /// The answers, in order: the first whose comparisons hold counts. None where they could not be followed.
    pub answers: Vec<Answer<'a>>,
}

/// All calls of one architecture.
#[derive(Clone, Debug)]
pub struct Section<'a> {
    /// The architecture.
    pub arch: Arch,
    /// The groups: first those with one answer, the mildest first, then those that depend on arguments.
    pub groups: Vec<Group<'a>>,
    /// From this number on every call is answered alike: the last group that has it.
    pub end: u32,
}

/// The rules of a policy's filter.
pub fn of_filter(filter: &Filter, native: Arch) -> Vec<Section<'_>> {
    let listed = filter.architectures.iter().copied().filter(|arch| *arch != native && arch.runs_on(native));
    let all = std::iter::once(native).chain(listed);
    all.map(|arch| section(arch, |number| verdict::trace(filter, native, &Question::any(arch, number)))).collect()
}

/// The rules of filters that a process has, the oldest first.
pub fn of_programs(programs: &[Vec<Instruction>], native: Arch) -> Vec<Section<'static>> {
    let all = Arch::words().filter_map(Arch::parse).skip(1).filter(|arch| arch.runs_on(native));
    let mut all: Vec<Arch> = all.collect();
    all.sort_by_key(|arch| *arch != native);
    all.into_iter().map(|arch| section(arch, |number| ways(programs, &Question::any(arch, number)))).collect()
}

/// The answers of filters that a process has, the oldest first, to a call.
pub fn ways(programs: &[Vec<Instruction>], question: &Question) -> Option<Vec<Answer<'static>>> {
    let number = if question.arch == Arch::X32 { question.number | X32_BIT } else { question.number };
    let ways = ways::ways(programs, number, question.arch.audit(), question.args)?;
    let answer =
        |way: ways::Way| Answer { when: joined(way.when), action: Action::from_ret(way.ret), who: Who::Nobody };
    Some(ways.into_iter().map(answer).collect())
}

/// Both halves of an argument that must have some value are one comparison.
fn joined(when: Vec<Exact>) -> Vec<Exact> {
    const LOW: u64 = u32::MAX as u64;
    let mut out: Vec<Exact> = Vec::new();
    for test in when {
        let other = out.iter_mut().find(|other| {
            other.arg == test.arg
                && (other.operator, test.operator) == (Operator::Equal, Operator::Equal)
                && [(LOW, !LOW), (!LOW, LOW)].contains(&(other.mask, test.mask))
        });
        match other {
            Some(other) => *other = Exact { wide: true, mask: u64::MAX, value: other.value | test.value, ..*other },
            None => out.push(test),
        }
    }
    out
}

fn section<'a>(arch: Arch, ask: impl Fn(u32) -> Option<Vec<Answer<'a>>>) -> Section<'a> {
    let end = calls::newest(arch) + 1;
    let mut groups: Vec<Group<'a>> = Vec::new();
    for number in 0..=end {
        let answers = ask(number).unwrap_or_default();
        match groups.iter_mut().find(|group| group.answers == answers) {
            Some(group) => group.numbers.push(number),
            None => groups.push(Group { numbers: vec![number], answers }),
        }
    }
    groups.sort_by_key(|group| match &group.answers[..] {
        [only] => (0, only.action.strictness()),
        _ => (1, 0),
    });
    Section { arch, groups, end }
}

/// How wide a line of names may be.
const WIDTH: usize = 100;

/// The rules as text.
pub fn text(sections: &[Section<'_>]) -> String {
    let mut text = String::new();
    for section in sections {
        text.push_str(&format!("\n{}\n", section.arch));
        if let [only] = &section.groups[..]
            && let [answer] = &only.answers[..]
        {
            text.push_str(&format!("  every call: {}{}\n", answer.action, comment(answer.who)));
            continue;
        }
        for group in &section.groups {
            match &group.answers[..] {
                [] => text.push_str("  answers that cannot be followed\n"),
                [only] => text.push_str(&format!("  {}{}\n", only.action, comment(only.who))),
                answers => {
                    wrapped(&mut text, "  by arguments:", &numbers(section, group));
                    cases(&mut text, "    ", answers, &names(section.arch, group.numbers[0]));
                    continue;
                }
            }
            wrapped(&mut text, "   ", &numbers(section, group));
        }
    }
    text
}

/// Answers that depend on arguments, a line each.
pub fn cases(text: &mut String, indent: &str, answers: &[Answer<'_>], call: &str) {
    let rows: Vec<(String, &Answer<'_>)> = answers
        .iter()
        .map(|answer| {
            let when: Vec<String> = answer.when.iter().map(|test| condition(test, call)).collect();
            (if when.is_empty() { "otherwise".into() } else { format!("if {}", when.join(" and ")) }, answer)
        })
        .collect();
    let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0).min(60);
    for (when, answer) in rows {
        text.push_str(&format!("{indent}{when:width$}  {}{}\n", answer.action, comment(answer.who)));
    }
}

/// A comparison in a policy's words.
pub fn condition(test: &Exact, call: &str) -> String {
    let subject = match test.arg {
        COMPUTED => return "something computed".into(),
        POINTER => "the instruction pointer".to_owned(),
        arg => format!("arg{arg}"),
    };
    let (mask, sign) = (test.mask, test.operator.sign());
    let whole = if test.wide { mask == u64::MAX } else { mask == u64::from(u32::MAX) };
    let number = |value: u64| if value < 4096 { value.to_string() } else { format!("{value:#x}") };
    if whole {
        let word = compare::word(call, test.arg, test.value).map_or_else(|| number(test.value), str::to_owned);
        format!("{subject} {sign} {word}")
    } else if mask == u64::MAX << 32 {
        format!("{subject} >> 32 {sign} {}", number(test.value >> 32))
    } else {
        format!("{subject} & {mask:#x} {sign} {}", number(test.value))
    }
}

/// `  # SystemCallFilter at web.toml:3`.
fn comment(who: Who<'_>) -> String {
    let said = said(who);
    if said.is_empty() { said } else { format!("  # {said}") }
}

/// Who gives an answer, in words; nothing for nobody.
pub fn said(who: Who<'_>) -> String {
    match who {
        Who::Rule(by) => clean(&by.to_string()),
        Who::Rest(by) => format!("the default of {}", clean(&by.to_string())),
        Who::Newer(by) => format!("newer calls and {}", clean(&by.to_string())),
        Who::Foreign => "SystemCallArchitectures does not list the architecture".into(),
        Who::Nobody => String::new(),
    }
}

/// A call's name, or its number in digits.
pub fn names(arch: Arch, number: u32) -> String {
    calls::name(arch, number).map_or_else(|| number.to_string(), std::borrow::Cow::into_owned)
}

/// Names, and numbers without one as ranges.
fn numbers(section: &Section<'_>, group: &Group<'_>) -> Vec<String> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = group.numbers.get(at).copied() {
        at += 1;
        if let Some(name) = calls::name(section.arch, first) {
            words.push(name.into_owned());
            continue;
        }
        let mut last = first;
        while group.numbers.get(at) == Some(&(last + 1)) && calls::name(section.arch, last + 1).is_none() {
            last += 1;
            at += 1;
        }
        words.push(match last {
            _ if last == section.end => format!("{first} and above"),
            _ if first == last => first.to_string(),
            _ => format!("{first}-{last}"),
        });
    }
    words
}

fn wrapped(text: &mut String, start: &str, words: &[String]) {
    let mut line = start.to_owned();
    for word in words {
        if line.len() + word.len() + 1 > WIDTH && line.len() > 3 {
            text.push_str(&format!("{line}\n"));
            line = String::from("   ");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&format!("{line}\n"));
}

/// The rules for scripts. Keys are only ever added.
pub fn json(sections: &[Section<'_>]) -> Value {
    let group = |section: &Section<'_>, group: &Group<'_>| {
        let call = names(section.arch, group.numbers[0]);
        json!({
            "calls": numbers(section, group),
            "answers": group.answers.iter().map(|answer| answer_json(answer, &call)).collect::<Vec<_>>(),
        })
    };
    let sections = sections.iter().map(|section| {
        let groups: Vec<Value> = section.groups.iter().map(|one| group(section, one)).collect();
        json!({ "architecture": section.arch.word(), "groups": groups })
    });
    sections.collect()
}

/// One answer for scripts.
pub fn answer_json(answer: &Answer<'_>, call: &str) -> Value {
    let mut map = Map::new();
    let when: Vec<String> = answer.when.iter().map(|test| condition(test, call)).collect();
    map.insert("when".into(), json!(when));
    map.insert("action".into(), answer.action.to_string().into());
    let (by, why) = match answer.who {
        Who::Rule(by) => (Some(by), "rule"),
        Who::Rest(by) => (Some(by), "default"),
        Who::Newer(by) => (Some(by), "newer"),
        Who::Foreign => (None, "architecture"),
        Who::Nobody => (None, "nobody"),
    };
    map.insert("why".into(), why.into());
    map.insert("directive".into(), by.map_or(Value::Null, |by| by.directive.into()));
    map.append(&mut place(by.and_then(|by| by.origin.as_ref())));
    map.into()
}
