//! The three stages of a policy in a fleet: learn what is called, monitor what a list would refuse, protect by it.

use crate::draft::action::Action;
use crate::draft::arch::Arch;

use super::flat::Flat;

/// A stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Everything runs and is logged, so that what was called can be read from the log.
    Learn,
    /// Everything runs; what the policy refuses is logged.
    Monitor,
    /// The policy as it is.
    Protect,
}

impl Stage {
    /// Words, in their order.
    pub const WORDS: [&str; 3] = ["learn", "monitor", "protect"];

    /// Reads a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let at = Self::WORDS.iter().position(|known| *known == word)?;
        Some([Self::Learn, Self::Monitor, Self::Protect][at])
    }

    /// What a filter is in this stage. An architecture that a profile does not name is refused by engines, so the stages
    /// that refuse nothing name all that run on `native`.
    #[must_use]
    pub fn of(self, mut flat: Flat, native: Arch) -> Flat {
        if self == Self::Protect {
            return flat;
        }
        let others = [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm].into_iter();
        for arch in others.filter(|arch| arch.runs_on(native)) {
            if !flat.architectures.contains(&arch) {
                flat.architectures.push(arch);
            }
        }
        flat.flags.wait_killable = false;
        if self == Self::Learn {
            flat.default = Action::Log;
            flat.rules.clear();
            flat.notes.clear();
            return flat;
        }
        let logged = |action: Action| if action == Action::Allow { action } else { Action::Log };
        flat.default = logged(flat.default);
        for rule in &mut flat.rules {
            rule.action = logged(rule.action);
        }
        let default = flat.default;
        flat.rules.retain(|rule| rule.action != default);
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::syscalls::Flags;
    use crate::plan::filter::flat::{Cube, Rule};

    fn flat(default: Action) -> Flat {
        let rule =
            |name: &str, action| Rule { calls: vec![name.into()], region: [Cube { mask: 0, value: 0 }; 6], action };
        let rules =
            vec![rule("read", Action::Allow), rule("clone3", Action::Errno(38)), rule("mount", Action::KillProcess)];
        Flat { default, architectures: vec![Arch::X86_64], flags: Flags::default(), rules, notes: Vec::new() }
    }

    #[test]
    fn nothing_is_refused_before_it_is_protected() {
        let list = flat(Action::Errno(1));
        assert_eq!(Stage::Protect.of(list.clone(), Arch::X86_64), list);
        let monitored = Stage::Monitor.of(list.clone(), Arch::X86_64);
        let allowed: Vec<_> = monitored.rules.iter().map(|rule| (rule.calls[0].as_str(), rule.action)).collect();
        assert_eq!((monitored.default, allowed), (Action::Log, vec![("read", Action::Allow)]));
        assert_eq!(monitored.architectures, [Arch::X86_64, Arch::X86, Arch::X32]);
        let learnt = Stage::Learn.of(list, Arch::X86_64);
        assert_eq!((learnt.default, learnt.rules.len()), (Action::Log, 0));
        let open = Stage::Monitor.of(flat(Action::Allow), Arch::X86_64);
        assert!(open.default == Action::Allow && open.rules.iter().all(|rule| rule.action == Action::Log));
        assert_eq!(open.rules.len(), 2);
    }

    #[test]
    fn words_are_read() {
        assert!(Stage::WORDS.iter().all(|word| Stage::parse(word).is_some()) && Stage::parse("enforce").is_none());
    }
}
