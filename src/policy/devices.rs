//! Devices and the process file system.

use super::Directive;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Devices {}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[];
