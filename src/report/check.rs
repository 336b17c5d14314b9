//! The view of `stockade check`: all faults of a policy, then what the lints found.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::fault::{Fault, clean};

use super::lint::Finding;
use super::place;

/// What became of one policy.
#[derive(Debug)]
pub struct Checked {
    /// The policy as it was named.
    pub name: String,
    /// Its faults; when there are any, nothing was linted.
    pub faults: Vec<Fault>,
    /// What the lints found.
    pub findings: Vec<Finding>,
    /// How many directives hold.
    pub directives: usize,
}

impl Checked {
    /// Faults as errors, findings as warnings, and a line that sums them up.
    pub fn text(&self, colour: bool) -> String {
        let mut text = String::new();
        for fault in &self.faults {
            text.push_str(&fault.render(colour));
            text.push('\n');
        }
        for finding in &self.findings {
            text.push_str(&warning(finding, colour));
            text.push('\n');
        }
        let sum = match (self.faults.len(), self.findings.len()) {
            (0, 0) => format!("good: {}", count(self.directives, "directive")),
            (0, warnings) => format!("good, with {}", count(warnings, "warning")),
            (faults, _) => format!("{}: this policy cannot be used", count(faults, "fault")),
        };
        text.push_str(&format!("{}: {sum}\n", clean(&self.name)));
        text
    }

    /// The same for scripts.
    pub fn json(&self) -> Value {
        let warnings: Vec<Value> = self.findings.iter().map(found).collect();
        json!({
            "policy": self.name,
            "good": self.faults.is_empty(),
            "directives": self.directives,
            "faults": self.faults.iter().map(super::fault).collect::<Vec<_>>(),
            "warnings": warnings,
        })
    }
}

fn found(finding: &Finding) -> Value {
    let mut map = serde_json::Map::new();
    map.insert("lint".into(), finding.lint.into());
    map.insert("message".into(), finding.message.as_str().into());
    map.append(&mut place(finding.origin.as_ref()));
    map.insert("help".into(), finding.help.as_str().into());
    map.into()
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A finding as a warning for a terminal.
pub fn warning(finding: &Finding, colour: bool) -> String {
    let message = clean(&finding.message);
    let help = clean(&finding.help);
    let title = Level::WARNING.primary_title(message.as_str()).id(finding.lint);
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let origin = finding.origin.as_ref().map(|at| (clean(&at.source.text), clean(&at.source.name), at.span.clone()));
    let mut group = match &origin {
        Some((text, name, span)) => {
            let span = span.start.min(text.len())..span.end.min(text.len());
            let snippet = Snippet::source(text.as_str()).path(name.as_str());
            title.element(snippet.annotation(AnnotationKind::Primary.span(span)))
        }
        None => annotate_snippets::Group::with_title(title),
    };
    group = group.element(Level::HELP.message(help.as_str()));
    format!("{}\n", renderer.render(&[group]))
}
