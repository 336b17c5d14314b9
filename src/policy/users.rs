//! Who the target runs as.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Users {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
