//! A unit's lines, and the policy that they come to where stockade has the same words.

use crate::policy::{self, Policy};
use crate::text::{Document, flags};

use super::Assignment;

/// One assignment of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The section, without its brackets.
    pub section: String,
    /// What is set.
    pub key: String,
    /// What it is set to.
    pub value: String,
}

impl Line {
    /// The three parts.
    pub fn parts(&self) -> Assignment<'_> {
        (&self.section, &self.key, &self.value)
    }
}

/// The assignments in a unit file (systemd.syntax(7)): a backslash at its end continues a line, and comments between are
/// passed over.
pub fn lines(text: &str) -> Vec<Line> {
    let mut all = Vec::new();
    let (mut section, mut open) = (String::new(), String::new());
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with(['#', ';']) {
            continue;
        }
        if let Some(start) = line.strip_suffix('\\') {
            open.push_str(start);
            open.push(' ');
            continue;
        }
        let whole = std::mem::take(&mut open) + line;
        take(&whole, &mut section, &mut all);
    }
    take(&open, &mut section, &mut all);
    all
}

fn take(line: &str, section: &mut String, all: &mut Vec<Line>) {
    let line = line.trim();
    if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
        name.clone_into(section);
    } else if let Some((key, value)) = line.split_once('=') {
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        all.push(Line { section: section.clone(), key, value });
    }
}

/// Older names of directives.
const ALIASES: [(&str, &str); 3] = [
    ("ReadWriteDirectories", "ReadWritePaths"),
    ("ReadOnlyDirectories", "ReadOnlyPaths"),
    ("InaccessibleDirectories", "InaccessiblePaths"),
];

/// The policy of a unit's sandbox: the lines that stockade has words for. A line with a wrong value does not count, as
/// under systemd.
///
/// # Errors
/// What keeps the lines together from being a policy.
pub fn policy(lines: &[Line]) -> Result<Policy, String> {
    let mut document = Document::default();
    for line in lines.iter().filter(|line| line.section == "Service") {
        let key = ALIASES.iter().find(|(old, _)| *old == line.key).map_or(line.key.as_str(), |(_, new)| *new);
        if policy::find(key).is_none() || key.contains('.') {
            continue;
        }
        let Ok(entry) = flags::parse(&format!("{key}={}", line.value)) else { continue };
        if Policy::read(&entry).is_ok() {
            document.extend(entry);
        }
    }
    let first =
        |faults: Vec<crate::fault::Fault>| faults.into_iter().next().map(|fault| fault.message).unwrap_or_default();
    Policy::read(&document).map_err(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_continued_past_comments() {
        let text = "[Service]\nA = b \\\n# no\n  c\n;d=e\n\n[Unit]\nnothing\nF=\nG=h\\";
        let told: Vec<String> =
            lines(text).iter().map(|line| format!("{}|{}|{}", line.section, line.key, line.value)).collect();
        assert_eq!(told, ["Service|A|b    c", "Unit|F|", "Unit|G|h"]);
    }
}
