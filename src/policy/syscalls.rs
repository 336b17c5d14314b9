//! System calls, in systemd's words.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Syscalls {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
