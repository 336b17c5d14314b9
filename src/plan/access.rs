//! Landlock: rights asked for against rights that the kernel knows.

/// One operation on Landlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessOp {
    /// landlock_restrict_self(2).
    Restrict,
}
