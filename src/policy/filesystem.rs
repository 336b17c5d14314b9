//! The file system as a whole.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Filesystem {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
