//! What a learnt policy extends: what is allowed there already is not said again, and what is denied there is.

use std::collections::BTreeMap;

use crate::draft::Draft;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::fault::Fault;
use crate::host::Host;
use crate::plan::filter::flat::{self, Flat};
use crate::plan::seccomp;
use crate::policy::landlock::DEFAULT_ABI;
use crate::text::{Document, Kind};

use super::files::Rights;

/// The profiles that a policy extends.
#[derive(Debug, Default)]
pub struct Base {
    /// As they were named.
    pub(super) names: Vec<String>,
    /// The filter; none where calls are not filtered.
    filter: Option<Flat>,
    /// Directives with one word, and the last one written.
    words: BTreeMap<String, String>,
    /// BindReadOnlyPaths.
    pub(super) binds: Vec<String>,
    /// What Landlock's lists give.
    pub(super) paths: BTreeMap<String, Rights>,
    /// The version of Landlock's ABI of the kernel that this is learnt on, where that is too old for what is written.
    pub(super) old: Option<u32>,
}

/// Landlock's lists, and what they give.
const LISTS: [(&str, Rights); 4] = [
    ("Landlock.Read", Rights { list: true, read: true, write: false, execute: false }),
    ("Landlock.ReadExecute", Rights { list: true, read: true, write: false, execute: true }),
    ("Landlock.ReadWrite", Rights { list: true, read: true, write: true, execute: false }),
    ("Landlock.ReadWriteExecute", Rights { list: true, read: true, write: true, execute: true }),
];

impl Base {
    /// For a kernel with this version of Landlock's ABI, 0 without Landlock.
    #[must_use]
    pub fn on(self, landlock: u32) -> Self {
        Self { old: Some(landlock).filter(|abi| *abi < DEFAULT_ABI), ..self }
    }

    /// Reads what profiles come to.
    ///
    /// # Errors
    /// Filters that no list can say.
    pub fn of(names: &[String], document: &Document, draft: &Draft, host: &Host) -> Result<Self, Fault> {
        let mut base = Self { names: names.to_vec(), ..Self::default() };
        if seccomp::wanted(draft, host) {
            base.filter = Some(flat::flatten(&seccomp::collect(draft, host), Arch::native())?);
        }
        for entry in &document.entries {
            match &entry.value.kind {
                Kind::Boolean(on) => {
                    base.words.insert(entry.name.clone(), on.to_string());
                }
                Kind::Text(text) => {
                    let word = if ["yes", "on", "1"].contains(&&**text) { "true" } else { text.trim() };
                    base.words.insert(entry.name.clone(), word.to_owned());
                }
                Kind::List(elements) if entry.name == "BindReadOnlyPaths" => {
                    let words = elements.iter().filter_map(|element| match &element.kind {
                        Kind::Text(path) => Some(path.clone()),
                        _ => None,
                    });
                    base.binds.extend(words);
                }
                Kind::List(elements) => {
                    let Some((_, rights)) = LISTS.iter().find(|(name, _)| *name == entry.name) else { continue };
                    for element in elements {
                        if let Kind::Text(path) = &element.kind {
                            let path = path.trim_start_matches('-').to_owned();
                            let known = base.paths.entry(path).or_default();
                            *known = known.with(*rights);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(base)
    }

    /// Whether the base lets a call run whatever its arguments, so that nothing needs to be said.
    pub(super) fn allows(&self, call: &str) -> bool {
        let Some(flat) = &self.filter else { return false };
        if calls::number(Arch::native(), call).is_none() {
            // Another architecture's; a base names those itself.
            return true;
        }
        let mut rules = flat.rules.iter().filter(|rule| rule.calls.iter().any(|name| name == call)).peekable();
        if rules.peek().is_none() {
            return flat.default == Action::Allow;
        }
        // Cut by arguments, it may be by a directive that stays whatever the list says.
        rules.any(|rule| rule.action == Action::Allow)
    }

    /// Whether the base filters calls, so that one that was seen can be denied by it.
    pub(super) fn filters(&self) -> bool {
        self.filter.is_some()
    }

    /// Whether the base says just that.
    pub(super) fn says(&self, name: &str, word: &str) -> bool {
        self.words.get(name).is_some_and(|known| known == word)
    }

    /// Whether the base has a switch on.
    pub(super) fn has_on(&self, name: &str) -> bool {
        self.words.get(name).is_some_and(|word| !["false", "no", "off", "0", ""].contains(&&**word))
    }

    /// How it is called in comments.
    pub(super) fn name(&self) -> String {
        super::comment(&self.names.join(", "))
    }
}

/// Leaves out lines that say of a directive with one word what the base says.
pub(super) fn without(base: &Base, text: &str) -> String {
    let said = |line: &&str| {
        let Some((name, rest)) = line.split_once(" = ") else { return false };
        let word = rest.split("  #").next().unwrap_or(rest).trim().trim_matches('"');
        name.bytes().all(|byte| byte.is_ascii_alphabetic()) && base.says(name, word)
    };
    text.lines().filter(|line| !said(line)).flat_map(|line| [line, "\n"]).collect()
}
