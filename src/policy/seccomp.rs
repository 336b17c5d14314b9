//! System calls, in the kernel's words: the table [Seccomp].

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Seccomp {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
