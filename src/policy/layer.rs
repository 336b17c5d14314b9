//! How directives write their layers of the filter down.

use crate::draft::By;
use crate::draft::action::Action;
use crate::draft::calls::Call;
use crate::draft::compare::{Compare, Operator, Width};
use crate::draft::syscalls::{Layer, Rule};

/// The error that restrictions answer with, as systemd's do (`asm-generic/errno.h`).
pub(super) const EPERM: Action = Action::Errno(1);
/// The call does not exist: libc falls back to an older one.
pub(super) const ENOSYS: Action = Action::Errno(38);
/// The address family does not exist.
pub(super) const EAFNOSUPPORT: Action = Action::Errno(97);

/// A layer that lets everything pass but what its rules say.
pub(super) fn layer(by: &By, rules: Vec<Rule>) -> Layer {
    Layer { by: by.clone(), rules, otherwise: Action::Allow, unknown: None }
}

/// A rule on calls by their names.
pub(super) fn rule(by: &By, calls: &[&'static str], when: &[Compare], action: Action) -> Rule {
    let calls = calls.iter().map(|name| Call::parse(name)).collect();
    Rule { calls, when: when.to_vec(), action, by: by.clone(), on: Vec::new() }
}

/// Any of these bits is set in the low half of an argument.
pub(super) const fn any(arg: u8, bits: u32) -> Compare {
    compare(arg, Some(bits), Operator::NotEqual, 0)
}

/// All of these bits are set in the low half of an argument.
pub(super) const fn all(arg: u8, bits: u32) -> Compare {
    masked(arg, bits, bits)
}

/// Of the low half of an argument, these bits are this.
pub(super) const fn masked(arg: u8, mask: u32, value: u32) -> Compare {
    compare(arg, Some(mask), Operator::Equal, value)
}

/// The low half of an argument is this.
pub(super) const fn equal(arg: u8, value: u32) -> Compare {
    compare(arg, None, Operator::Equal, value)
}

/// The low half of an argument is not this.
pub(super) const fn differs(arg: u8, value: u32) -> Compare {
    compare(arg, None, Operator::NotEqual, value)
}

const fn compare(arg: u8, mask: Option<u32>, operator: Operator, value: u32) -> Compare {
    let mask = match mask {
        Some(mask) => Some(mask as u64),
        None => None,
    };
    Compare { arg, mask, operator, value: value as u64, width: Width::Word32 }
}
