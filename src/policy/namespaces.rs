//! Namespaces that the target gets, and that it cannot make.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Namespaces {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
