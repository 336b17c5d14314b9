//! System calls: what the compiled filter answers to each.

use crate::draft::Draft;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::Id;
use crate::draft::namespaces::Namespace;
use crate::fault::Fault;
use crate::host::Host;
use crate::plan::filter::machine::Instruction;
use crate::plan::filter::tree;
use crate::plan::filter::verdict::Question;
use crate::plan::seccomp;
use crate::report::rules;

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs, whatever its arguments.
    Runs,
    /// A supervisor or tracer decides.
    Supervised,
    /// It runs or not by its arguments: each case in words, the first that holds counts.
    Depends(Vec<String>),
    /// It does not run.
    Refused,
}

/// A call and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its name.
    pub name: &'static str,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// All calls of one architecture, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// The architecture.
    pub arch: Arch,
    /// Its calls.
    pub answers: Vec<Answered>,
}

impl Verdict {
    /// Whether the call can run at all.
    pub fn can_run(&self) -> bool {
        *self != Self::Refused
    }

    /// How much it allows: more is a higher number.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Refused => 0,
            Self::Depends(_) => 1,
            Self::Supervised => 2,
            Self::Runs => 3,
        }
    }
}

impl Calls {
    /// How many calls can run, some of them only with certain arguments.
    pub fn allowed(&self) -> usize {
        self.answers.iter().filter(|answer| answer.verdict.can_run()).count()
    }
}

/// The kernel that is assumed: one that refuses writable code by itself.
const RELEASE: (u32, u32) = (6, 12);

/// A policy's compiled filter.
pub(super) struct Program {
    code: Option<Vec<Instruction>>,
    architectures: Vec<Arch>,
}

impl Program {
    /// Compiles the filter of a draft.
    pub(super) fn of(draft: &Draft) -> Result<Self, Fault> {
        let host = Host { release: RELEASE, ..Host::default() };
        let native = Arch::native();
        let wanted = seccomp::wanted(draft, &host);
        let filter = seccomp::collect(draft, &host);
        let mut architectures = vec![native];
        let more: Vec<Arch> = Arch::words().filter_map(Arch::parse).filter(|arch| arch.runs_on(native)).collect();
        let listed = if wanted { &filter.architectures } else { &more };
        for arch in listed.iter().filter(|arch| arch.runs_on(native)) {
            if !architectures.contains(arch) {
                architectures.push(*arch);
            }
        }
        let code = if wanted { Some(tree::compile(&filter, native)?.code) } else { None };
        Ok(Self { code, architectures })
    }

    /// Whether there is a filter.
    pub(super) fn is_there(&self) -> bool {
        self.code.is_some()
    }

    /// Every architecture whose calls get answers of their own.
    pub(super) fn every(&self) -> Vec<Calls> {
        self.architectures.iter().map(|arch| self.on(*arch)).collect()
    }

    /// All calls of one architecture.
    pub(super) fn on(&self, arch: Arch) -> Calls {
        let answered = |id: Id| {
            let number = id.number(arch)?;
            Some(Answered { name: id.name(), verdict: self.verdict(id.name(), &Question::any(arch, number)) })
        };
        Calls { arch, answers: Id::all().filter_map(answered).collect() }
    }

    /// What becomes of a native call with these arguments; nothing for one that this architecture lacks.
    pub(super) fn native(&self, name: &str, args: [Option<u64>; 6]) -> Option<Verdict> {
        let number = Id::named(name)?.number(Arch::native())?;
        Some(self.verdict(name, &Question { args, ..Question::any(Arch::native(), number) }))
    }

    /// What becomes of making a socket of a family.
    pub(super) fn socket(&self, family: u64) -> Verdict {
        self.native("socket", [Some(family), None, None, None, None, None]).unwrap_or(Verdict::Runs)
    }

    /// Whether a namespace can be made: by clone or unshare, or by clone3, whose flags no filter sees.
    pub(super) fn makes(&self, kind: Namespace) -> bool {
        let flag = [Some(u64::from(kind.flag())), None, None, None, None, None];
        // clone takes the flag of time namespaces for a part of its signal.
        let by_clone = kind != Namespace::Time && self.runs("clone", flag);
        by_clone || self.runs("unshare", flag) || self.runs("clone3", [None; 6])
    }

    fn runs(&self, name: &str, args: [Option<u64>; 6]) -> bool {
        self.native(name, args).is_some_and(|verdict| verdict.can_run())
    }

    fn verdict(&self, name: &str, question: &Question) -> Verdict {
        let Some(code) = &self.code else { return Verdict::Runs };
        let Some(answers) = rules::ways(std::slice::from_ref(code), question) else {
            return Verdict::Depends(vec!["too many cases to follow".into()]);
        };
        let same = |verdict: &Verdict| answers.iter().all(|answer| single(answer.action) == *verdict);
        for verdict in [Verdict::Runs, Verdict::Refused, Verdict::Supervised] {
            if same(&verdict) {
                return verdict;
            }
        }
        let case = |answer: &crate::plan::filter::verdict::Answer<'_>| {
            let when: Vec<String> = answer.when.iter().map(|test| rules::condition(test, name)).collect();
            let when = if when.is_empty() { "otherwise".to_owned() } else { format!("if {}", when.join(" and ")) };
            format!("{when}: {}", answer.action)
        };
        Verdict::Depends(answers.iter().map(case).collect())
    }
}

fn single(action: Action) -> Verdict {
    match action {
        Action::Allow | Action::Log => Verdict::Runs,
        Action::Notify(_) | Action::Trace(_) => Verdict::Supervised,
        _ => Verdict::Refused,
    }
}
