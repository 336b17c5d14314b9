//! Landlock: rights asked for against rights that the kernel knows.

/// One operation on Landlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessOp {
    /// landlock_restrict_self(2).
    Restrict,
}

impl std::fmt::Display for AccessOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}
