//! Merges the wishes about paths and orders them.

/// One operation on the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountOp {
    /// Makes every mount of the new namespace a slave of the host's, so that nothing leaks back.
    Slave,
}
