//! Resource limits.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Limits {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
