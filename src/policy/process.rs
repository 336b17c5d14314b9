//! The target and the process that it runs in.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Process {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
