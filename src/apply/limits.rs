//! Resource limits.

use nix::errno::Errno;

use crate::draft::limits::Limit;
use crate::sys::privileges;

/// Sets one limit. EPERM: the hard limit was to be raised without CAP_SYS_RESOURCE, which fails
/// rather than set what is possible.
pub(super) fn perform(limit: &Limit) -> Result<(), Errno> {
    privileges::set_limit(limit.resource, limit.soft, limit.hard)
}
