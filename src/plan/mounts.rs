//! Merges the wishes about paths and orders them.

/// One operation on the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountOp {
    /// Makes every mount of the new namespace a slave of the host's, so that nothing leaks back.
    Slave,
}

impl std::fmt::Display for MountOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}
