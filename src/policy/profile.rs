//! What the words of a container engine's seccomp profile mean, and the directive that names one.

use std::str::FromStr;
use std::sync::Arc;

use caps::Capability;

use crate::draft::By;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{self, Call};
use crate::draft::capabilities::CapSet;
use crate::draft::compare::{Compare, Operator, Width};
use crate::draft::profile::{Conditional, Machine, Profile, architecture, architectures, engine_name};
use crate::draft::syscalls::{Flags, Layer, Rule};
use crate::fault::{Fault, Origin, Source};
use crate::text::attach::WORDS;
use crate::text::node::Word;
use crate::text::profiles;
use crate::text::{Kind, Value, oci, toml};

use super::form::{self, Form, Item};
use super::{Directive, Policy, seccomp};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// SeccompProfile=.
    pub chosen: Option<Chosen>,
}

/// A profile.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// The one that engines use where nothing else is said.
    Default,
    /// A file, and what is odd about it.
    File(Arc<Profile>, Arc<[Fault]>),
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[Directive {
    name: "SeccompProfile",
    form: Form::Text("FILE|RuntimeDefault|Unconfined"),
    summary: "a seccomp profile of Docker's, podman's or Kubernetes'",
    manual: "A file in the JSON of the OCI runtime specification, with what Docker and podman add to it. A relative path \
             starts from the policy's directory, with *-p* from where stockade is started; *localhost/NAME* is below \
             /var/lib/kubelet/seccomp. *RuntimeDefault* (also *runtime/default*, *docker/default*) is the filter of the \
             shipped profile container-default, *Unconfined* is none. The last value holds.\n\n\
             The profile is a layer of its own: what other directives refuse stays refused, and what it refuses \
             *SystemCallFilter* and *Seccomp.Rule* cannot allow. Only architectures that it and *SystemCallArchitectures* \
             both list can make calls. *includes* and *excludes* are decided as Docker decides them, by this kernel, \
             by the machine, and by *CapabilityBoundingSet* without what other directives drop; where the policy does not \
             set it, by the fourteen capabilities that Docker gives.\n\n\
             Of several rules for one call, the first one without *args* counts, whatever stands before it; else, of those \
             whose comparisons hold, the strictest. A rule that answers what *defaultAction* answers is no rule. Several \
             *args* must all hold; where two of a rule are about one argument, each is a rule of its own, as under runc. \
             Arguments that are ints in C are compared by their low 32 bits, and a comparison with a value that such an \
             argument cannot have never holds. Names of calls that nobody knows are ignored; `stockade check` tells them. \
             Where the default refuses, calls newer than all that the profile names answer ENOSYS, as under runc.",
    example: "SeccompProfile = \"RuntimeDefault\"",
    unlike: None,
    exposure: &[],
    read: |policy, value| {
        policy.profile.chosen = choose(value)?;
        Ok(())
    },
    demand: |policy, demands| match &policy.profile.chosen {
        Some(Chosen::File(profile, _)) => {
            demands.draft.profile = Some(demands.asked(Arc::clone(profile)));
        }
        Some(Chosen::Default) => demands.draft.layers.extend(runtime_default(&demands.by).map(Arc::new)),
        None => {}
    },
}];

impl Policy {
    /// What is odd about the profile that SeccompProfile= names.
    pub fn odd_profile(&self) -> &[Fault] {
        match &self.profile.chosen {
            Some(Chosen::File(_, warnings)) => warnings,
            _ => &[],
        }
    }
}

/// The profile that a value names.
fn choose(value: &Value) -> Result<Option<Chosen>, Fault> {
    if let Kind::File(source) = &value.kind {
        return file(source).map(Some);
    }
    let item = form::text(value)?;
    let word = item.text.trim();
    match WORDS.iter().find(|(known, _)| *known == word) {
        Some((_, true)) => Ok(Some(Chosen::Default)),
        Some((_, false)) => Ok(None),
        None if word.is_empty() => Ok(None),
        None => Err(item
            .fault(format!("the seccomp profile `{word}` has not been read"))
            .help("write RuntimeDefault, Unconfined or the path of a file")),
    }
}

fn file(source: &Arc<Source>) -> Result<Chosen, Fault> {
    let first = |mut faults: Vec<Fault>| {
        let more = faults.len().saturating_sub(1);
        let fault = faults.swap_remove(0);
        if more > 0 { fault.help(format!("{more} more faults are in this file")) } else { fault }
    };
    let words = oci::parse(source).map_err(first)?;
    let (profile, warnings) = meaning(&words).map_err(first)?;
    Ok(Chosen::File(Arc::new(profile), warnings.into()))
}

/// The filter of the shipped profile that container engines' is the model of.
fn runtime_default(by: &By) -> Option<Layer> {
    let text = profiles::shipped("container-default")?.into();
    let source = Arc::new(Source { name: "profile:container-default".into(), text });
    let policy = Policy::read(&toml::parse(&source).ok()?).ok()?;
    seccomp::list(&policy, by)
}

/// Gives the words of a profile their meaning on the machine that this program was built for, and tells what is odd.
///
/// # Errors
/// Everything that is not meant for any machine.
pub fn meaning(words: &oci::Profile<'_>) -> Result<(Profile, Vec<Fault>), Vec<Fault>> {
    let mut reader =
        Meaning { words, faults: Vec::new(), warnings: words.warnings.clone(), default: None, rules: Vec::new() };
    let default = reader.action(&words.default);
    reader.default = default;
    let architectures = reader.architectures();
    let flags = reader.flags();
    for rule in &words.rules {
        reader.rule(rule);
    }
    let listener = reader.listener();
    reader.silent();
    let Meaning { faults, mut warnings, rules, .. } = reader;
    warnings.sort_by_key(|fault| fault.origin.as_ref().map(|at| at.span.start));
    match default {
        Some(default) if faults.is_empty() => {
            Ok((Profile { default, architectures, flags, rules, listener }, warnings))
        }
        _ => Err(faults),
    }
}

struct Meaning<'a> {
    words: &'a oci::Profile<'a>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    default: Option<Action>,
    rules: Vec<Conditional>,
}

/// A comparison, settled for one call.
enum Settled {
    Never,
    Always,
    When(Compare),
}

impl Meaning<'_> {
    fn item(&self, word: &Word<'_>) -> Item {
        Item { text: word.text.clone().into_owned(), at: self.words.at(&word.span) }
    }

    fn action(&mut self, answer: &oci::Answer<'_>) -> Option<Action> {
        let item = Item { text: answer.word.clone(), at: self.words.at(&answer.written.span) };
        match seccomp::action(&answer.word, &item) {
            Ok(action) => {
                if let (Action::Errno(number), Some(beside)) = (action, answer.beside)
                    && u64::from(number) != beside
                {
                    let message =
                        format!("the error's name says {number} and the number beside it {beside}: the name counts");
                    self.warnings.push(item.fault(message));
                }
                if action == Action::Errno(0) {
                    let message = "errno 0 does not run the call and tells the target that it worked";
                    self.warnings.push(item.fault(message));
                }
                Some(action)
            }
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    /// The architectures besides the native one that this machine's kernel can run.
    fn architectures(&mut self) -> Vec<Arch> {
        let native = Arch::native();
        let mut all: Vec<&Word<'_>> = self.words.architectures.iter().collect();
        for (main, subs) in &self.words.map {
            let here = self.architecture(main) == Some(Machine::Ours(native));
            let known: Vec<&Word<'_>> = subs.iter().filter(|sub| self.architecture(sub).is_some()).collect();
            if here {
                all.extend(known);
                break;
            }
        }
        let mut found = Vec::new();
        for word in all {
            if let Some(Machine::Ours(arch)) = self.architecture(word)
                && arch != native
                && arch.runs_on(native)
                && !found.contains(&arch)
            {
                found.push(arch);
            }
        }
        found
    }

    fn architecture(&mut self, word: &Word<'_>) -> Option<Machine> {
        let found = architecture(&word.text);
        let item = self.item(word);
        if found.is_none() && !self.faults.iter().any(|fault| fault.origin.as_ref() == Some(&item.at)) {
            let fault = item.fault(format!("`{}` is not an architecture of libseccomp's", word.text));
            self.faults.push(match form::nearest(&word.text, architectures()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help("write for instance SCMP_ARCH_X86_64"),
            });
        }
        found
    }

    fn flags(&mut self) -> Flags {
        const NAMES: [&str; 4] = [
            "SECCOMP_FILTER_FLAG_TSYNC",
            "SECCOMP_FILTER_FLAG_LOG",
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
        ];
        let mut flags = Flags::default();
        for word in &self.words.flags {
            match &*word.text {
                // One thread is all there is when the filter is loaded.
                "SECCOMP_FILTER_FLAG_TSYNC" => {}
                "SECCOMP_FILTER_FLAG_LOG" => flags.log = true,
                "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => flags.spec_allow = true,
                "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => flags.wait_killable = true,
                other => {
                    let fault = self.item(word).fault(format!("`{other}` is not a flag of filters"));
                    self.faults.push(fault.help(format!("there are: {}", NAMES.join(", "))));
                }
            }
        }
        flags
    }

    fn listener(&mut self) -> Option<(String, String)> {
        let path = self.words.listener.as_ref()?;
        let notifies = std::iter::once(&self.words.default).chain(self.words.rules.iter().map(|rule| &rule.answer));
        if !notifies.into_iter().any(|answer| answer.word == "notify") {
            let item = self.item(path);
            self.warnings.push(item.fault("nothing answers SCMP_ACT_NOTIFY, so nobody listens at `listenerPath`"));
            return None;
        }
        let metadata = self.words.metadata.as_ref().map_or(String::new(), |word| word.text.clone().into_owned());
        Some((path.text.clone().into_owned(), metadata))
    }

    fn rule(&mut self, rule: &oci::Rule<'_>) {
        let native = engine_name(Arch::native());
        let here = |words: &[Word<'_>]| words.iter().any(|word| word.text == native);
        let Some(action) = self.action(&rule.answer) else { return };
        let (with, all) = self.capabilities(&rule.includes.caps);
        let (without, _) = self.capabilities(&rule.excludes.caps);
        let calls = self.calls(&rule.names);
        let elsewhere = !rule.includes.arches.is_empty() && !here(&rule.includes.arches);
        // A capability that nobody knows is one that no container has.
        if elsewhere || here(&rule.excludes.arches) || !all || calls.is_empty() {
            return;
        }
        let at = self.words.at(&rule.span);
        let template = Conditional {
            rule: Rule {
                calls: Vec::new(),
                when: Vec::new(),
                action,
                by: By { directive: "SeccompProfile", origin: Some(at.clone()) },
                on: Vec::new(),
            },
            plain: rule.args.is_empty(),
            with,
            without,
            since: rule.includes.kernel,
            until: rule.excludes.kernel,
            comment: rule.comment.as_ref().map_or(String::new(), |comment| comment.text.trim().to_owned()),
        };
        let twice =
            rule.args.iter().enumerate().find(|(at, arg)| rule.args[..*at].iter().any(|a| a.index == arg.index));
        if let Some((_, arg)) = twice {
            let message = format!(
                "argument {} is compared twice in this rule, so each comparison is a rule of its own, as under runc",
                arg.index
            );
            self.warnings.push(Fault::at(&self.words.at(&arg.span), message));
            for arg in &rule.args {
                self.add(&template, &calls, std::slice::from_ref(arg));
            }
        } else {
            self.add(&template, &calls, &rule.args);
        }
    }

    /// Rules that answer what the default answers look as if they took something away from others.
    fn silent(&mut self) {
        for rule in self.rules.iter().filter(|rule| Some(rule.rule.action) == self.default && rule.always()) {
            let other = |other: &&Conditional| other.rule.action != rule.rule.action;
            let call = self
                .rules
                .iter()
                .filter(other)
                .find_map(|other| rule.rule.calls.iter().find(|call| other.rule.calls.contains(call)));
            if let (Some(call), Some(at)) = (call, &rule.rule.by.origin) {
                let message =
                    format!("this rule answers what the default answers, so it is none; another one decides {call}");
                let place = Origin::new(&at.source, at.span.start..at.span.start + 1);
                self.warnings.push(Fault::at(&place, message));
            }
        }
    }

    /// Adds a rule, or several where the calls' arguments are not equally wide.
    fn add(&mut self, template: &Conditional, calls: &[Call], args: &[oci::Arg]) {
        let mut groups: Vec<(Vec<Compare>, Vec<Call>)> = Vec::new();
        for call in calls {
            let mut when = Vec::new();
            let mut never = false;
            for arg in args {
                match settle(arg, call) {
                    Settled::Always => {}
                    Settled::When(compare) => when.push(compare),
                    Settled::Never => {
                        never = true;
                        let message = format!(
                            "argument {} of {call} never is {:#x}: this rule never holds",
                            arg.index, arg.value
                        );
                        self.warnings.push(Fault::at(&self.words.at(&arg.span), message));
                    }
                }
            }
            if never {
                continue;
            }
            match groups.iter_mut().find(|(known, _)| *known == when) {
                Some((_, calls)) => calls.push(call.clone()),
                None => groups.push((when, vec![call.clone()])),
            }
        }
        for (when, calls) in groups {
            let rule = Rule { calls, when, ..template.rule.clone() };
            self.rules.push(Conditional { rule, ..template.clone() });
        }
    }

    /// The capabilities, and whether all of them are known.
    fn capabilities(&mut self, words: &[Word<'_>]) -> (CapSet, bool) {
        let mut set = CapSet::EMPTY;
        let mut all = true;
        for word in words {
            if let Ok(capability) = Capability::from_str(&word.text) {
                set = set.with(capability);
            } else {
                all = false;
                let item = self.item(word);
                self.warnings.push(item.fault(format!("`{}` is not a capability: nobody has it", word.text)));
            }
        }
        (set, all)
    }

    fn calls(&mut self, names: &[Word<'_>]) -> Vec<Call> {
        let mut found = Vec::new();
        for word in names {
            let call = Call::parse(&word.text);
            if matches!(call, Call::Number(_)) || word.text.parse::<u32>().is_ok() || !call.is_known() {
                let fault =
                    self.item(word).fault(format!("no machine has a system call `{}`: it is ignored", word.text));
                self.warnings.push(match calls::nearest(&word.text) {
                    Some(near) => fault.help(format!("did you mean `{near}`?")),
                    None => fault,
                });
                continue;
            }
            if !found.contains(&call) {
                found.push(call);
            }
        }
        found
    }
}

/// Settles a comparison by what of the argument the kernel looks at.
fn settle(arg: &oci::Arg, call: &Call) -> Settled {
    let id = match call {
        Call::Known(id) => Some(*id),
        Call::Number(_) | Call::Named(_) => None,
    };
    let all = u64::MAX >> (64 - calls::bits(id, Arch::native(), arg.index));
    let operator = match arg.sign {
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessEqual,
        ">=" => Operator::GreaterEqual,
        ">" => Operator::Greater,
        _ => Operator::Equal,
    };
    let compare = Compare { arg: arg.index, mask: None, operator, value: arg.value, width: Width::Kernel };
    // -100 with 64 bits is -100 with 32 as well.
    let fits = |value: u64| value <= all || value | all >> 1 == u64::MAX;
    if let Some(mask) = arg.mask {
        // libseccomp compares with the masked value, too.
        let value = arg.value & mask;
        if mask & all == all && fits(value) {
            return Settled::When(Compare { value: value & all, ..compare });
        }
        return match (value & !all, mask & all) {
            (1.., _) => Settled::Never,
            (0, 0) => Settled::Always,
            (0, mask) => Settled::When(Compare { mask: Some(mask), value, ..compare }),
        };
    }
    if fits(arg.value) {
        return Settled::When(compare);
    }
    match operator {
        Operator::Equal | Operator::Greater | Operator::GreaterEqual => Settled::Never,
        Operator::NotEqual | Operator::Less | Operator::LessEqual => Settled::Always,
    }
}
