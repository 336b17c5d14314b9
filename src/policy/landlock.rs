//! Access by Landlock: the table [Landlock].

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Landlock {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
