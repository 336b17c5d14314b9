//! Sets of capabilities (capabilities(7)).

use caps::Capability;

/// A set of capabilities, one bit each, numbered as the kernel numbers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapSet(pub u64);

impl CapSet {
    /// No capability.
    pub const EMPTY: Self = Self(0);

    /// Every capability, also those that only newer kernels know.
    pub const EVERY: Self = Self(u64::MAX);

    /// Every capability that this build knows: up to CAP_CHECKPOINT_RESTORE (Linux 5.9).
    pub const fn all() -> Self {
        Self((1 << 41) - 1)
    }

    /// What is not in this set.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(!self.0)
    }

    /// Whether everything in this set is in the other.
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The numbers in it, ascending.
    pub fn numbers(self) -> impl Iterator<Item = u32> {
        (0..u64::BITS).filter(move |number| self.0 >> number & 1 != 0)
    }

    /// This set and one more.
    #[must_use]
    pub fn with(self, cap: Capability) -> Self {
        Self(self.0 | cap.bitmask())
    }

    /// What is in this set but not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has this capability.
    pub fn has(self, cap: Capability) -> bool {
        self.0 & cap.bitmask() != 0
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of its capabilities, `CAP_` and all, in the kernel's order.
    pub fn names(self) -> Vec<String> {
        let mut all: Vec<Capability> = caps::all().into_iter().filter(|cap| self.has(*cap)).collect();
        all.sort_by_key(Capability::index);
        all.into_iter().map(|cap| cap.to_string()).collect()
    }
}

/// Securebits (capabilities(7), linux/securebits.h).
pub const SECUREBITS: [(&str, u32); 12] = [
    ("keep-caps", 1 << 4),
    ("keep-caps-locked", 1 << 5),
    ("no-setuid-fixup", 1 << 2),
    ("no-setuid-fixup-locked", 1 << 3),
    ("noroot", 1),
    ("noroot-locked", 1 << 1),
    ("no-cap-ambient-raise", 1 << 6),
    ("no-cap-ambient-raise-locked", 1 << 7),
    ("exec-restrict-file", 1 << 8),
    ("exec-restrict-file-locked", 1 << 9),
    ("exec-deny-interactive", 1 << 10),
    ("exec-deny-interactive-locked", 1 << 11),
];

/// Securebits that need no capability (Linux 6.14, which is also the first to know them).
pub const SECUREBITS_FREE: u32 = 0b1111 << 8;

impl super::Draft {
    /// The bounding set that the policy leaves: CapabilityBoundingSet= without what other
    /// directives take away. Nothing when no directive says anything about it.
    pub fn bounding_left(&self) -> Option<CapSet> {
        if self.bounding.is_none() && self.dropped.is_empty() {
            return None;
        }
        let asked = self.bounding.as_ref().map_or(CapSet::EVERY, |asked| asked.what);
        Some(self.dropped.iter().fold(asked, |set, dropped| set.without(dropped.what)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_what_the_library_knows() {
        assert_eq!(CapSet::all(), caps::all().into_iter().fold(CapSet::EMPTY, CapSet::with));
        assert_eq!(CapSet::all().names().len(), 41);
    }
}
