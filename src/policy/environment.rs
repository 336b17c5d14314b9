//! The target's environment.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Environment {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
