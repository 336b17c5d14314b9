//! What of the kernel can be changed or read.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Kernel {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
