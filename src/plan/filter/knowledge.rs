//! What is known of a call's arguments on the way through a filter: those that were given, and the comparisons that held
//! or did not so far. So no way is followed that no call can take.

use crate::draft::compare::{Exact, Operator};

/// In place of an argument's number: the instruction pointer.
pub const POINTER: u8 = 6;

/// In place of an argument's number: something computed, of which nothing is ever known.
pub const COMPUTED: u8 = 7;

/// The arguments as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// The arguments that were given.
    pub args: [Option<u64>; 6],
    held: Vec<(Exact, bool)>,
}

impl Knowledge {
    /// With these arguments.
    pub fn of(args: [Option<u64>; 6]) -> Self {
        Self { args, held: Vec::new() }
    }

    /// How many comparisons were assumed; for [`Knowledge::forget`].
    pub fn mark(&self) -> usize {
        self.held.len()
    }

    /// From here on a comparison holds, or does not.
    pub fn assume(&mut self, test: Exact, holds: bool) {
        self.held.push((test, holds));
    }

    /// Takes back what was assumed after a mark.
    pub fn forget(&mut self, mark: usize) {
        self.held.truncate(mark);
    }

    /// Whether a comparison holds, if that is known.
    pub fn holds(&self, test: &Exact) -> Option<bool> {
        if test.arg >= COMPUTED {
            return None;
        }
        if let Some(given) = self.args.get(usize::from(test.arg)).copied().flatten() {
            return Some(test.operator.holds(seen(test, given), test.value));
        }
        let on = || self.held.iter().filter(|held| held.0.arg == test.arg);
        if let Some((_, truth)) = on().find(|held| held.0 == *test) {
            return Some(*truth);
        }
        let (mut low, mut high) = (0, bits(test));
        for (held, truth) in on() {
            let same = matches!((held.operator, truth), (Operator::Equal, true) | (Operator::NotEqual, false));
            if same && bits(test) & !bits(held) == 0 {
                return Some(test.operator.holds(held.value & bits(test), test.value));
            }
            if bits(held) == bits(test) {
                let (least, most) = range(held, *truth);
                (low, high) = (low.max(least), high.min(most));
            }
        }
        within(test, low, high, on())
    }
}

/// The bits of an argument that a comparison looks at.
fn bits(test: &Exact) -> u64 {
    if test.wide { test.mask } else { test.mask & u64::from(u32::MAX) }
}

fn seen(test: &Exact, argument: u64) -> u64 {
    argument & bits(test)
}

/// The values between which the bits are when a comparison holds or does not.
fn range(test: &Exact, truth: bool) -> (u64, u64) {
    let value = test.value;
    match (test.operator, truth) {
        // Nothing is below 0 or above the greatest number: no value at all.
        (Operator::Less, true) | (Operator::GreaterEqual, false) if value == 0 => (1, 0),
        (Operator::Greater, true) | (Operator::LessEqual, false) if value == u64::MAX => (1, 0),
        (Operator::Less, true) | (Operator::GreaterEqual, false) => (0, value.saturating_sub(1)),
        (Operator::LessEqual, true) | (Operator::Greater, false) => (0, value),
        (Operator::Greater, true) | (Operator::LessEqual, false) => (value.saturating_add(1), u64::MAX),
        (Operator::GreaterEqual, true) | (Operator::Less, false) => (value, u64::MAX),
        (Operator::Equal, true) | (Operator::NotEqual, false) => (value, value),
        (Operator::Equal, false) | (Operator::NotEqual, true) => (0, u64::MAX),
    }
}

/// Whether a comparison holds for all values from `low` to `high`, or for none.
fn within<'a>(test: &Exact, low: u64, high: u64, held: impl Iterator<Item = &'a (Exact, bool)>) -> Option<bool> {
    if low > high {
        // No argument gets here; whatever is said of it is true.
        return Some(false);
    }
    let (least, most) = range(test, true);
    let equal = matches!(test.operator, Operator::Equal | Operator::NotEqual);
    if !equal {
        return if least <= low && high <= most {
            Some(true)
        } else if high < least || most < low {
            Some(false)
        } else {
            None
        };
    }
    let excluded = |(held, truth): &(Exact, bool)| {
        let differs = matches!((held.operator, truth), (Operator::Equal, false) | (Operator::NotEqual, true));
        differs && bits(held) == bits(test) && held.value == test.value
    };
    let same = if (low, high) == (test.value, test.value) {
        Some(true)
    } else if !(low..=high).contains(&test.value) || { held }.any(excluded) {
        Some(false)
    } else {
        None
    };
    same.map(|same| same == (test.operator == Operator::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    fn tests() -> impl Strategy<Value = Exact> {
        let operators = select(vec![
            Operator::Equal,
            Operator::NotEqual,
            Operator::Less,
            Operator::LessEqual,
            Operator::Greater,
            Operator::GreaterEqual,
        ]);
        let masks = select(vec![u64::MAX, 0xffff_ffff, 0x7, 0x3, 0x4, 0xffff_ffff_0000_0000]);
        (any::<bool>(), masks, operators, 0_u64..9).prop_map(|(wide, mask, operator, value)| Exact {
            arg: 0,
            wide,
            mask,
            operator,
            value,
        })
    }

    proptest! {
        /// What is said to be known is true of every argument that the assumptions are true of.
        #[test]
        fn nothing_false_is_known(
            assumed in proptest::collection::vec(tests(), 0..5),
            asked in tests(),
            argument in prop_oneof![0_u64..12, any::<u64>()],
        ) {
            let mut knowledge = Knowledge::default();
            for test in assumed {
                knowledge.assume(test, test.holds(&[argument; 6]));
            }
            if let Some(known) = knowledge.holds(&asked) {
                prop_assert_eq!(known, asked.holds(&[argument; 6]));
            }
        }
    }

    #[test]
    fn nothing_is_below_zero() {
        let test = Exact { arg: 0, wide: false, mask: 0xffff_ffff_0000_0000, operator: Operator::Less, value: 0 };
        assert_ne!(Knowledge::default().holds(&test), Some(true));
    }

    #[test]
    fn values_and_ranges_are_known() {
        let test = |operator, value| Exact { arg: 0, wide: true, mask: u64::MAX, operator, value };
        let mut knowledge = Knowledge::default();
        assert_eq!(knowledge.holds(&test(Operator::Equal, 3)), None);
        knowledge.assume(test(Operator::Less, 10), true);
        assert_eq!(knowledge.holds(&test(Operator::Equal, 10)), Some(false));
        assert_eq!(knowledge.holds(&test(Operator::Greater, 20)), Some(false));
        let mark = knowledge.mark();
        knowledge.assume(test(Operator::Equal, 7), true);
        let masked = Exact { mask: 4, ..test(Operator::NotEqual, 0) };
        assert_eq!(knowledge.holds(&masked), Some(true));
        knowledge.forget(mark);
        assert_eq!(knowledge.holds(&masked), None);
    }
}
