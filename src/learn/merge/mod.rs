//! From what a policy would have denied to the policy that allows it, as far as that is safe.
//!
//! In: a policy's text and events. Out: the text with lines added, which `edit` adds.

mod edit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::draft::calls;
use crate::fault::Fault;
use crate::host::look::{Kind, Thing};
use crate::plan::why::{Case, Change, Look, Operation, Outside, Question, Reach, Verdict, suggestion};

use super::observed::Use;
use super::places::{self, Places, TEMPORARY};
use super::write::{comment, risk};

use edit::{Item, Text};

/// Something that a program needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// What.
    pub question: Question,
    /// Who: the name of a process.
    pub who: String,
    /// Whether what was removed was a directory.
    pub directory: bool,
}

/// What comes of needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    /// The policy's text.
    pub text: String,
    /// Lines that are added, and what for.
    pub added: Vec<(Change, String)>,
    /// Lines that are added as comments, what for, and why they should not be there without a thought.
    pub doubtful: Vec<(Change, String, &'static str)>,
    /// What is denied and cannot be merged: which, and why.
    pub left: Vec<(String, String)>,
    /// How many needs are allowed by the policy as it is.
    pub allowed: usize,
    /// How many are by what is added.
    pub gained: usize,
}

/// A policy and where it is merged into.
pub struct Target<'a> {
    /// The policy as it is read.
    pub case: &'a Case,
    /// Its name.
    pub name: &'a str,
    /// Its own text.
    pub text: &'a str,
    /// Whose home is whose.
    pub places: &'a Places,
}

/// Directives that take lists of what is allowed. All others take something away as a whole, and are not switched off
/// for one need.
const LISTS: [&str; 12] = [
    "SystemCallFilter",
    "RestrictAddressFamilies",
    "ReadWritePaths",
    "ExecPaths",
    "BindPaths",
    "BindReadOnlyPaths",
    "Landlock.Read",
    "Landlock.ReadExecute",
    "Landlock.ReadWrite",
    "Landlock.Rules",
    "Landlock.ConnectTCP",
    "Landlock.BindTCP",
];

/// Merges needs into a policy.
///
/// # Errors
/// The text has no place for a line.
pub fn merge(target: &Target<'_>, needs: &[Need], look: Look<'_>) -> Result<Merged, Fault> {
    let mut merged = Merged::default();
    let mut case = target.case.clone();
    let unplanned =
        || Fault::new(format!("{} cannot be carried out here", target.name)).help("`stockade explain` says why");
    let gone = gone(needs, look);
    let look = &|path: &Path, host: Option<&Path>| {
        let thing = look(path, host);
        let before = host.filter(|_| thing.kind == Kind::Missing).and_then(|host| gone.get(host));
        before.cloned().unwrap_or(thing)
    };
    let mut judge = case.judge(&[], look).ok_or_else(unplanned)?;
    // What lets files be made in a directory may let them be written, too.
    let mut needs: Vec<&Need> = needs.iter().collect();
    needs.sort_by_key(|need| !matches!(need.question, Question::Path(_, operation) if operation.makes()));
    for need in needs {
        let need = &Need { question: again(&need.question, look), ..need.clone() };
        let answer = judge.ask(&need.question, look);
        if answer.verdict == Verdict::Allowed {
            merged.allowed += 1;
            continue;
        }
        let what = words(&need.question);
        let note = format!("needed by {}: {what}", comment(&need.who));
        if answer.reasons.iter().all(|reason| reason.by.is_empty()) {
            let why = answer.reasons.first().map_or("it depends on arguments", |reason| reason.text.as_str());
            merged.left.push((what, format!("not the policy's doing: {why}")));
            continue;
        }
        if let Question::Path(path, operation) = &need.question
            && *operation != Operation::Remove
            && gone.contains_key(path)
        {
            merged.left.push((what, "it is gone, and nothing else in its directory was needed".into()));
            continue;
        }
        let found = case.change(&need.question, &answer, look);
        if let Some(why) = danger(&need.question, target.places) {
            let first = answer.reasons.iter().find(|reason| !reason.by.is_empty());
            let changes = found.or_else(|| suggestion(&need.question, first?));
            merged.doubtful.extend(changes.into_iter().flatten().map(|change| (change, note.clone(), why)));
            continue;
        }
        let Some(changes) = found else {
            let by = answer.reasons.iter().flat_map(|reason| &reason.by).next().map(ToString::to_string);
            merged.left.push((what, format!("no line more would allow it; see {}", by.unwrap_or_default())));
            continue;
        };
        let doubts = |change| unsafe_change(change, &need.question, target.places);
        if let Some(why) = changes.iter().find_map(doubts) {
            merged.doubtful.extend(changes.into_iter().map(|change| (change, note.clone(), why)));
            continue;
        }
        case = case.with(&changes).ok_or_else(unplanned)?;
        judge = case.judge(&[], look).ok_or_else(unplanned)?;
        merged.gained += 1;
        merged.added.extend(changes.into_iter().map(|change| (change, note.clone())));
    }
    write(target, &mut merged)?;
    Ok(merged)
}

/// What can be asked now: a file that was made is there, and it is another one that is to be made.
fn again(question: &Question, look: Look<'_>) -> Question {
    match question {
        Question::Path(path, operation) if operation.makes() && look(path, Some(path)) != Thing::MISSING => {
            Question::Path(path.with_file_name("*"), *operation)
        }
        question => question.clone(),
    }
}

/// What was there and is no more: whoever made it could change it.
fn gone(needs: &[Need], look: Look<'_>) -> BTreeMap<PathBuf, Thing> {
    let mut gone = BTreeMap::new();
    for need in needs {
        let Question::Path(path, operation) = &need.question else { continue };
        let Some(above) = path.parent().filter(|_| !operation.makes()) else { continue };
        let over = look(above, Some(above));
        if over.kind == Kind::Directory && look(path, Some(path)) == Thing::MISSING {
            let kind = if need.directory { Kind::Directory } else { Kind::File };
            gone.insert(path.clone(), Thing { kind, mode: 0o777, ..over });
        }
    }
    gone
}

/// Writes all of it into the text.
fn write(target: &Target<'_>, merged: &mut Merged) -> Result<(), Fault> {
    let mut text = Text::new(target.name, target.text);
    let mut by_directive: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
    for (change, note) in &merged.added {
        let list = change.toml();
        let toml = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&list).to_owned();
        let items = by_directive.entry(change.directive).or_default();
        if !items.iter().any(|item| item.toml == toml) {
            items.push(Item { toml, note: note.clone() });
        }
    }
    for (directive, items) in &by_directive {
        text.add(directive, items)?;
    }
    let mut new = Vec::new();
    for (change, note, why) in std::mem::take(&mut merged.doubtful) {
        if text.remark(change.directive, &change.toml(), &format!("{note}; not allowed without a thought: {why}"))? {
            new.push((change, note, why));
        }
    }
    merged.doubtful = new;
    merged.text = text.finish();
    Ok(())
}

/// A need in words.
fn words(question: &Question) -> String {
    match question {
        Question::Path(path, operation) => comment(&format!("{} {}", operation.word(), path.display())),
        Question::Call(call) => calls::name(call.arch, call.number)
            .map_or_else(|| format!("system call {}", call.number), std::borrow::Cow::into_owned),
        Question::Net(Reach::Connect(address)) => format!("connect {address}"),
        Question::Net(Reach::Bind(address)) => format!("bind {address}"),
        Question::Outside(Outside::Abstract(name)) => comment(&format!("connect @{name}")),
        Question::Outside(Outside::Signal(pid)) => format!("signal {pid}"),
        Question::Capability(cap) => cap.to_string(),
    }
}

/// Why something should not be allowed without a thought.
fn danger(question: &Question, places: &Places) -> Option<&'static str> {
    match question {
        Question::Call(call) => calls::name(call.arch, call.number).and_then(|name| risk::call(&name)),
        Question::Path(path, operation) => doubt(path, *operation, places),
        Question::Capability(cap) => risk::capability(&cap.to_string()),
        Question::Net(_) | Question::Outside(_) => None,
    }
}

fn doubt(path: &Path, operation: Operation, places: &Places) -> Option<&'static str> {
    let kind = match operation {
        Operation::Read => Use::Read,
        Operation::Write => Use::Write,
        Operation::Execute => Use::Execute,
        Operation::Create | Operation::Mkdir => Use::Create,
        Operation::Remove => Use::Remove,
        Operation::List => Use::List,
        Operation::Connect => Use::Connect,
    };
    if kind == Use::Execute && TEMPORARY.iter().any(|one| path.starts_with(one)) {
        return Some("executes what anybody may have written");
    }
    risk::path(&places::name(path, kind, places), kind)
}

/// Why a line should not be there without a thought.
fn unsafe_change(change: &Change, question: &Question, places: &Places) -> Option<&'static str> {
    if change.directive == "CapabilityBoundingSet" {
        return Some(risk::capability(&change.value).unwrap_or("gives a privilege"));
    }
    if !change.list || !LISTS.contains(&change.directive) {
        return Some("gives up a protection as a whole");
    }
    if change.directive == "SystemCallFilter" {
        return risk::call(&change.value);
    }
    let Question::Path(path, operation) = question else { return None };
    if change.directive == "Landlock.Rules" && *operation == Operation::List {
        return None;
    }
    let given = match operation {
        Operation::Create | Operation::Mkdir | Operation::Remove => path.parent()?,
        _ => path,
    };
    let kind = if operation.changes() { Use::Write } else { Use::Read };
    risk::within(&places::name(given, kind, places), operation.changes())
}
