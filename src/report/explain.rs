//! The view of `stockade explain`: the plan, step by step, with who asked for each.

use serde_json::{Map, Value, json};

use crate::draft::By;
use crate::fault::clean;
use crate::plan::{Plan, Shortfall};

use super::{filter, place};

/// How wide a step may be for the askers of all steps to stand below each other.
const WIDEST: usize = 64;

/// How many askers a line names.
const ASKERS: usize = 3;

/// Numbered steps under the names of their phases, then what is missing, then notes.
pub fn text(plan: &Plan) -> String {
    let actions: Vec<String> =
        plan.steps.iter().map(|step| clean(&step.op.describe(plan)).replace('\n', "?")).collect();
    let width = actions.iter().map(|action| action.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let digits = plan.steps.len().to_string().len();
    let mut text = String::new();
    let mut phase = None;
    for (number, (step, action)) in plan.steps.iter().zip(&actions).enumerate() {
        if phase != Some(step.phase) {
            text.push_str(&format!("{}{}\n", if phase.is_none() { "" } else { "\n" }, step.phase.name()));
            phase = Some(step.phase);
        }
        text.push_str(&format!("  {:>digits$}  {action:width$}  # {}\n", number + 1, askers(&step.by)));
    }
    section(&mut text, "the filter", filter::count(plan).map(filter::text).into_iter());
    section(&mut text, "not enforced", plan.shortfalls.iter().map(shortfall));
    section(&mut text, "notes", plan.told.iter().chain(&plan.notes).cloned());
    text
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (number, line) in lines.enumerate() {
        if number == 0 {
            text.push_str(&format!("\n{title}\n"));
        }
        text.push_str(&format!("  {}\n", clean(&line).replace('\n', "\n    ")));
    }
}

fn askers(by: &[By]) -> String {
    let mut names: Vec<String> = by.iter().take(ASKERS).map(|by| clean(&by.to_string()).replace('\n', "?")).collect();
    if by.len() > ASKERS {
        names.push(format!("{} more", by.len() - ASKERS));
    }
    names.join(", ")
}

/// What is told on standard error before a launch that is not as it was asked for: a line for each shortfall, and for what
/// confines more.
pub fn shortfalls(plan: &Plan) -> String {
    let mut text = String::new();
    for short in &plan.shortfalls {
        text.push_str(&format!("stockade: weaker than asked: {}\n", clean(&shortfall(short))));
    }
    for told in &plan.told {
        text.push_str(&format!("stockade: {}\n", clean(told)));
    }
    text
}

/// One line of what `Prefer` lets be missing.
pub fn shortfall(shortfall: &Shortfall) -> String {
    format!("{}: {} ({}); {}", shortfall.by, shortfall.missing, shortfall.reason, shortfall.remedy)
}

/// The plan for scripts. Keys are only ever added.
pub fn json(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .enumerate()
        .map(|(number, step)| {
            json!({
                "number": number + 1,
                "phase": step.phase.name(),
                "action": step.op.describe(plan),
                "by": step.by.iter().map(asker).collect::<Vec<_>>(),
            })
        })
        .collect();
    let shortfalls: Vec<Value> = plan.shortfalls.iter().map(shortfall_json).collect();
    json!({
        "command": plan.argv.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>(),
        "steps": steps,
        "filter": filter::count(plan).map(filter::json),
        "shortfalls": shortfalls,
        "notes": plan.told.iter().chain(&plan.notes).collect::<Vec<_>>(),
    })
}

fn asker(by: &By) -> Value {
    let mut map = Map::new();
    map.insert("directive".into(), by.directive.into());
    map.append(&mut place(by.origin.as_ref()));
    map.into()
}

fn shortfall_json(shortfall: &Shortfall) -> Value {
    json!({
        "by": asker(&shortfall.by),
        "missing": shortfall.missing,
        "reason": shortfall.reason,
        "remedy": shortfall.remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::op::{Op, Step};
    use crate::plan::order::Phase;

    fn plan() -> Plan {
        let by = |name| By { directive: name, origin: None };
        Plan {
            steps: vec![
                Step { phase: Phase::Limits, op: Op::Umask(0o77), by: vec![by("UMask")] },
                Step { phase: Phase::Exec, op: Op::Exec, by: vec![by("A"), by("B"), by("C"), by("D"), by("E")] },
            ],
            notes: vec!["a note".into()],
            argv: vec!["cat".into(), "a b\u{1b}".into()],
            ..Plan::default()
        }
    }

    #[test]
    fn steps_stand_under_their_phases_and_name_their_askers() {
        let expected = "\
limits
  1  set the umask to 0077  # UMask

exec
  2  execute cat 'a b?'     # A, B, C, 2 more

notes
  a note
";
        assert_eq!(text(&plan()), expected);
    }

    #[test]
    fn json_has_its_keys() {
        let json = json(&plan());
        assert_eq!(json["steps"][0]["phase"], "limits");
        assert_eq!(json["steps"][0]["by"][0]["directive"], "UMask");
        assert_eq!(json["steps"][0]["by"][0]["line"], Value::Null);
        assert_eq!(json["command"][0], "cat");
    }
}
