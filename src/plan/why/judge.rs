//! Who answers: a plan in the shape that questions are asked of.

use std::path::Path;

use caps::Capability;

use crate::draft::access::FILE_RIGHTS;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::draft::capabilities::CapSet;
use crate::draft::limits::Limit;
use crate::draft::namespaces::Namespace;
use crate::draft::syscalls::Filter;
use crate::draft::{By, Draft};
use crate::host::look::Kind;
use crate::host::{Host, Mount};

use super::super::access::{AccessOp, Ruleset};
use super::super::op::{Maps, Op, Step};
use super::super::{Plan, seccomp};
use super::world::{World, in_own_namespace};
use super::{Answer, Identity, Layer, Look, Operation, Question, Reason, Verdict};
use crate::plan::filter::verdict::{self, Who};

/// What a policy comes to on a machine, ready for questions.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The file system.
    pub(super) world: World,
    /// The target.
    pub identity: Identity,
    /// Landlock's rules, and who asked for them.
    pub(super) rules: Option<(Ruleset, Vec<By>)>,
    /// What each rule's path leads to: a place in the world, its file of the host, and the rights there.
    given: Vec<(std::path::PathBuf, Option<std::path::PathBuf>, u64)>,
    /// Who asked for a network namespace.
    pub(super) network: Option<Vec<By>>,
    /// Who asked for a PID namespace.
    pub(super) processes: Option<Vec<By>>,
    /// Resource limits, and who asked for them.
    pub(super) limits: Vec<(Limit, By)>,
    /// The filter.
    pub filter: Option<Filter>,
    /// Capabilities that directives took away, and who.
    taken: Vec<(CapSet, By)>,
    /// Whether the target's capabilities are ones over its own user namespace only.
    pub(super) own: bool,
}

/// What a judge is made from.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What was asked.
    pub draft: &'a Draft,
    /// Where.
    pub host: &'a Host,
    /// What is done.
    pub plan: &'a Plan,
    /// The host's mounts.
    pub mounts: &'a [Mount],
}

impl Judge {
    /// Reads a plan.
    pub fn new(subject: Subject<'_>, look: Look<'_>) -> Self {
        let Subject { draft, host, plan, mounts } = subject;
        let world = World::of(plan, mounts, look);
        let steps = &plan.steps;
        let rules = steps.iter().find_map(|step| match &step.op {
            Op::Access(AccessOp::Rules(rules)) => Some((rules.clone(), step.by.clone())),
            _ => None,
        });
        let given = rules.iter().flat_map(|(rules, _)| &rules.paths).filter_map(|rule| {
            let at = world.plain(&rule.path, look)?;
            let directory = world.thing(&at, look).kind == Kind::Directory;
            let rights = if directory { rule.rights } else { rule.rights & FILE_RIGHTS };
            Some((at.clone(), world.backing(&at), rights))
        });
        let given = given.collect();
        let clone_newnet = libc::CLONE_NEWNET.cast_unsigned();
        let unshared = steps.iter().any(|step| matches!(step.op, Op::Unshare(flags) if flags & clone_newnet != 0));
        let net = draft.namespaces.iter().filter(|asked| asked.what == Namespace::Net);
        let network = unshared.then(|| net.map(|asked| asked.by.clone()).collect());
        let parts = steps.iter().find(|step| matches!(step.op, Op::Companion(_)));
        let processes = parts.map(|step| step.by.clone());
        let limit = |step: &Step| match &step.op {
            Op::Limit(limit) => step.by.first().map(|by| (*limit, by.clone())),
            _ => None,
        };
        let limits = steps.iter().filter_map(limit).collect();
        let filter = seccomp::wanted(draft, host).then(|| seccomp::collect(draft, host));
        let bounding = draft.bounding.iter().map(|asked| (asked.what.complement(), asked.by.clone()));
        let dropped = draft.dropped.iter().map(|asked| (asked.what, asked.by.clone()));
        let taken = bounding.chain(dropped).collect();
        let own = in_own_namespace(plan, host);
        Self { world, identity: identity(subject, own), rules, given, network, processes, limits, filter, taken, own }
    }

    /// Answers. Paths are looked at by `look`.
    pub fn ask(&self, question: &Question, look: Look<'_>) -> Answer {
        match question {
            Question::Path(path, operation) => {
                let mut answer = Answer::of(self.path(path, *operation, look));
                let writes = matches!(operation, Operation::Write | Operation::Create);
                let calls = operation.calls().iter().copied().chain(writes.then_some("write"));
                let names: Vec<&str> = calls.map(|words| words.split('(').next().unwrap_or(words)).collect();
                answer.notes.extend(self.limited(&names));
                answer
            }
            Question::Net(reach) => Answer::of(self.reach(*reach)),
            Question::Outside(outside) => self.outside(outside, look),
            Question::Call(call) => {
                let name = calls_name(call);
                let mut answer = self.call(call, &name);
                answer.notes.extend(self.limited(&[&name]));
                answer
            }
            Question::Capability(cap) => self.capability(*cap),
        }
    }

    /// Rights that Landlock's rules give right at a path.
    pub(super) fn given(&self, path: &Path) -> u64 {
        if self.given.is_empty() {
            return 0;
        }
        let backing = self.world.backing(path);
        let same = |(at, file, _): &&(std::path::PathBuf, Option<std::path::PathBuf>, u64)| match (file, &backing) {
            (Some(file), Some(backing)) => file == backing,
            _ => at == path,
        };
        self.given.iter().filter(same).fold(0, |given, (_, _, rights)| given | rights)
    }

    /// What the filter has against calls, in the words of questions.
    pub(super) fn calls(&self, questions: &[&str]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for words in questions {
            if let Ok(question) = verdict::Question::parse(words, Arch::native()) {
                let answer = self.call(&question, words);
                // What depends on arguments that are not known here is no reason.
                reasons.extend(answer.reasons.into_iter().filter(|_| answer.verdict == Verdict::Denied));
            }
        }
        reasons
    }

    /// A system call.
    pub fn call(&self, question: &verdict::Question, words: &str) -> Answer {
        let Some(filter) = &self.filter else { return Answer::of(Vec::new()) };
        let Some(answers) = verdict::trace(filter, Arch::native(), question) else {
            let notes = vec!["its answers cannot be followed".into()];
            return Answer { verdict: Verdict::Depends, reasons: Vec::new(), notes };
        };
        let denies = |action: Action| action.strictness() >= Action::Errno(0).strictness();
        let runs = |action: Action| matches!(action, Action::Allow | Action::Log);
        let verdict = if answers.iter().all(|answer| denies(answer.action)) {
            Verdict::Denied
        } else if answers.iter().all(|answer| runs(answer.action)) {
            Verdict::Allowed
        } else {
            Verdict::Depends
        };
        let mut reasons: Vec<Reason> = Vec::new();
        for answer in answers.iter().filter(|answer| denies(answer.action)) {
            let reason = refusal(answer, &calls_name(question), words);
            if !reasons.iter().any(|known| known.text == reason.text && known.by == reason.by) {
                reasons.push(reason);
            }
        }
        let notes = match verdict {
            Verdict::Depends => vec![format!("whether {words} runs depends on its arguments or on a supervisor")],
            _ => Vec::new(),
        };
        Answer { verdict, reasons, notes }
    }

    /// A capability that directives took away: its name and they.
    pub(super) fn dropped(&self, cap: Capability) -> Option<(Capability, Vec<By>)> {
        let by: Vec<By> = self.taken.iter().filter(|(set, _)| set.has(cap)).map(|(_, by)| by.clone()).collect();
        (!by.is_empty()).then_some((cap, by))
    }

    fn capability(&self, cap: Capability) -> Answer {
        let mut notes = Vec::new();
        if self.identity.effective.has(cap) {
            if self.own {
                notes.push(
                    "it holds over the target's own user namespace and what belongs to it, not over the host".into(),
                );
            }
            return Answer { notes, ..Answer::of(Vec::new()) };
        }
        let dropped = self.dropped(cap);
        let text = match &dropped {
            Some(_) => format!("{cap} is dropped from the bounding set"),
            None if self.identity.uid == 0 => format!("the caller does not hold {cap} itself"),
            None => format!("user {} holds no capability that is not ambient", self.identity.uid),
        };
        Answer::of(vec![Reason::new(Layer::Capabilities, "EPERM", text, cap.to_string()).dropped(dropped)])
    }
}

/// A call's name, or its number.
fn calls_name(question: &verdict::Question) -> String {
    calls::name(question.arch, question.number)
        .map_or_else(|| question.number.to_string(), std::borrow::Cow::into_owned)
}

/// A filter's answer that refuses.
fn refusal(answer: &verdict::Answer<'_>, name: &str, words: &str) -> Reason {
    let error = match answer.action {
        Action::Errno(number) => crate::draft::errno::name(number).map_or_else(|| number.to_string(), str::to_owned),
        _ => "SIGSYS".into(),
    };
    let (by, text) = match answer.who {
        Who::Rule(by) => (Some(by), format!("a rule answers {words} with {}", answer.action)),
        Who::Rest(by) => (Some(by), format!("{name} is not among the calls that are allowed ({})", answer.action)),
        Who::Newer(by) => (Some(by), format!("{name} is newer than the policy knows ({})", answer.action)),
        Who::Foreign => (None, format!("calls of this architecture are answered with {}", answer.action)),
        Who::Nobody => (None, format!("the filter answers {words} with {}", answer.action)),
    };
    Reason::new(Layer::Seccomp, error, text, name).by(by.into_iter().cloned().collect())
}

/// Who the target will be.
fn identity(subject: Subject<'_>, own: bool) -> Identity {
    let Subject { draft, host, plan, .. } = subject;
    let mut found =
        Identity { uid: host.uid, gid: host.gid, groups: host.groups.clone(), effective: CapSet::EMPTY, known: None };
    let mut ambient = CapSet::EMPTY;
    for step in &plan.steps {
        match &step.op {
            Op::User(uid) => found.uid = *uid,
            Op::Groups { gid, groups } => {
                found.gid = gid.unwrap_or(found.gid);
                if let Some(groups) = groups {
                    found.groups.clone_from(groups);
                }
            }
            Op::Ambient(set) => ambient = *set,
            Op::MapIds(maps) | Op::Users(maps) => found.known = Some(known(maps)),
            _ => {}
        }
    }
    // SECBIT_NOROOT (capabilities(7)).
    let root = found.uid == 0 && draft.securebits.as_ref().is_none_or(|asked| asked.what & 1 == 0);
    let available = if own { CapSet::all() } else { host.effective };
    found.effective =
        if root { available.intersection(draft.bounding_left().unwrap_or(CapSet::EVERY)) } else { ambient };
    found
}

/// The ids of the host that a user namespace knows.
fn known(maps: &Maps) -> [Vec<(u32, u32)>; 2] {
    let lines = |text: &str| {
        let line = |line: &str| {
            let mut fields = line.split_whitespace().skip(1).map(str::parse::<u32>);
            Some((fields.next()?.ok()?, fields.next()?.ok()?))
        };
        text.lines().filter_map(line).collect()
    };
    [lines(&maps.uids), lines(&maps.gids)]
}
