//! What privileges are left.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
