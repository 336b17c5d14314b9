//! Single dangers that a filter takes away.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Restrict {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
