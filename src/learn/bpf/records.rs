//! records
use super::maps::Maps;
use nix::errno::Errno;
pub(super) fn fill(_maps: &Maps) -> Result<(), Errno> {
    Ok(())
}
