//! What the supervisor sees the targets by.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::stat::fstat;

use super::ids::{self, Ids};

/// The supervisor's own standing.
pub(super) struct View {
    /// /proc, where there is one.
    process: Option<OwnedFd>,
    /// The device number of that /proc.
    pub(super) device: u64,
    /// The supervisor's root, which is the target's at its start.
    pub(super) root: Option<OwnedFd>,
    /// The supervisor's user namespace; zeros without /proc.
    pub(super) namespace: (u64, u64),
    /// Whether all targets keep the supervisor's root and namespaces.
    pub(super) settled: bool,
    /// The supervisor's ids; nothing without /proc.
    pub(super) own: Option<Ids>,
}

impl View {
    /// Looks through this /proc.
    pub(super) fn new(process: Option<OwnedFd>, root: Option<OwnedFd>, own: Option<Ids>) -> Self {
        let device = process.as_ref().and_then(|fd| fstat(fd).ok()).map_or(0, |stat| stat.st_dev);
        let own_namespace = |fd: &OwnedFd| ids::namespace(fd.as_fd(), own.as_ref()?.process).ok();
        let namespace = process.as_ref().and_then(own_namespace).unwrap_or_default();
        Self { process, device, root, namespace, settled: false, own }
    }

    /// /proc.
    ///
    /// # Errors
    /// EPERM without one: nothing can be learnt of the target then.
    pub(super) fn process(&self) -> Result<BorrowedFd<'_>, Errno> {
        self.process.as_ref().map(AsFd::as_fd).ok_or(Errno::EPERM)
    }
}
