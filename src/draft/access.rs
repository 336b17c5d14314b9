//! What Landlock shall allow (landlock(7)).

use std::path::PathBuf;

use super::Asked;

/// Everything a policy asks of Landlock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// File system rights that are refused everywhere but below the paths that `paths` names.
    pub handled: Option<Asked<u64>>,
    /// Paths and the rights below them. Specifiers and `.` as in [`super::mounts::MountAsk::path`].
    pub paths: Vec<Asked<PathRule>>,
    /// Ports that may be connected to; `Some` refuses all others (TCP, ABI 4).
    pub connect_tcp: Option<Asked<Vec<u16>>>,
    /// Ports that may be bound; `Some` refuses all others (TCP, ABI 4).
    pub bind_tcp: Option<Asked<Vec<u16>>>,
    /// LANDLOCK_SCOPE_* bits (ABI 6).
    pub scopes: Option<Asked<u64>>,
}

/// Rights below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// Where.
    pub path: PathBuf,
    /// LANDLOCK_ACCESS_FS_* bits.
    pub rights: u64,
    /// `-` prefix: no fault when the path does not exist.
    pub optional: bool,
}
