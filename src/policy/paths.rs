//! Single paths.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Paths {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
