//! Ids, privileges and attributes of this process.

use std::ffi::CString;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, ResGid, ResUid, Uid, chdir, getresgid, getresuid, setgroups, setresgid, setresuid};

use crate::draft::capabilities::CapSet;
use crate::draft::limits::Limit;
use crate::fault::{Exit, Fault};
use crate::plan::op::Op;
use crate::sys::{descriptors, privileges, process};

use super::limits;
use super::users::Files;

/// One operation, ready: `perform` allocates nothing, but for closing descriptors before Linux 5.9.
pub(super) enum Act {
    /// Closes all descriptors from 3 on but these, ascending.
    Descriptors(Vec<i32>),
    /// Writes the maps of the user namespace just made.
    MapIds(Files),
    /// Makes a user namespace with maps written from outside.
    Users(Files),
    /// setrlimit(2).
    Limit(Limit),
    /// setgroups(2), setresgid(2).
    Groups(Option<Vec<Gid>>, Option<Gid>),
    /// PR_CAPBSET_DROP for each.
    Bounding(CapSet),
    /// PR_SET_KEEPCAPS.
    Keep,
    /// setresuid(2).
    User(Uid),
    /// capset(2): permitted and effective, inheritable.
    Capabilities(CapSet, CapSet),
    /// The ambient set.
    Ambient(CapSet),
    /// chdir(2), and whether `/` will do.
    Directory(CString, bool),
    /// PR_SET_SECUREBITS.
    SecureBits(u32),
    /// umask(2).
    Umask(Mode),
    /// PR_SET_NO_NEW_PRIVS.
    NoNewPrivileges,
}

impl Act {
    /// Makes an operation ready.
    ///
    /// # Errors
    /// A working directory with a NUL byte.
    pub(super) fn ready(op: &Op) -> Result<Self, Fault> {
        Ok(match op {
            Op::Descriptors { keep } => Self::Descriptors(keep.clone()),
            Op::MapIds(maps) => Self::MapIds(Files::ready(maps)),
            Op::Users(maps) => Self::Users(Files::ready(maps)),
            Op::Limit(limit) => Self::Limit(*limit),
            Op::Groups { gid, groups } => {
                let groups = groups.as_ref().map(|groups| groups.iter().copied().map(Gid::from_raw).collect());
                Self::Groups(groups, gid.map(Gid::from_raw))
            }
            Op::Bounding(set) => Self::Bounding(*set),
            Op::KeepCapabilities => Self::Keep,
            Op::User(uid) => Self::User(Uid::from_raw(*uid)),
            Op::Capabilities { permitted, inheritable } => Self::Capabilities(*permitted, *inheritable),
            Op::Ambient(set) => Self::Ambient(*set),
            Op::Directory { path, optional } => Self::Directory(text(path)?, *optional),
            Op::SecureBits(bits) => Self::SecureBits(*bits),
            Op::Umask(mask) => Self::Umask(Mode::from_bits_truncate(*mask)),
            Op::NoNewPrivileges => Self::NoNewPrivileges,
            _ => return Err(Fault::new(format!("`{op}` belongs to another part of the plan")).exit(Exit::Exception)),
        })
    }

    /// Leaves one more descriptor open, where this closes them.
    pub(super) fn spare(&mut self, number: i32) {
        if let Self::Descriptors(keep) = self
            && let Err(at) = keep.binary_search(&number)
        {
            keep.insert(at, number);
        }
    }

    /// Carries it out.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        match self {
            Self::Descriptors(keep) => close_others(keep),
            Self::MapIds(files) => files.write(),
            Self::Users(files) => files.enter(),
            Self::Limit(limit) => limits::perform(limit),
            Self::Groups(groups, gid) => {
                if let Some(groups) = groups {
                    setgroups(groups)?;
                    held(privileges::groups()? == groups.len())?;
                }
                let Some(gid) = *gid else { return Ok(()) };
                setresgid(gid, gid, gid)?;
                held(getresgid()? == ResGid { real: gid, effective: gid, saved: gid })
            }
            Self::Bounding(set) => drop_bounding(*set),
            Self::Keep => prctl::set_keepcaps(true),
            Self::User(uid) => {
                setresuid(*uid, *uid, *uid)?;
                held(getresuid()? == ResUid { real: *uid, effective: *uid, saved: *uid })
            }
            Self::Capabilities(permitted, inheritable) => privileges::set_capabilities(permitted.0, inheritable.0),
            Self::Ambient(set) => {
                privileges::clear_ambient()?;
                set.numbers().try_for_each(privileges::raise_ambient)
            }
            Self::Directory(path, optional) => match chdir(path.as_c_str()) {
                Err(_) if *optional => chdir(c"/"),
                result => result,
            },
            Self::SecureBits(bits) => {
                if privileges::securebits()? == *bits {
                    Ok(())
                } else {
                    privileges::set_securebits(*bits)
                }
            }
            Self::Umask(mask) => {
                umask(*mask);
                Ok(())
            }
            Self::NoNewPrivileges => prctl::set_no_new_privs(),
        }
    }
}

/// Whether a change of ids that was told to have worked has: filters that let programs believe they are root answer
/// these calls with 0 and do nothing.
fn held(changed: bool) -> Result<(), Errno> {
    if changed { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
}

/// The newest capability of the oldest kernel that stockade runs on: CAP_AUDIT_READ, Linux 3.16.
const ALWAYS_THERE: u32 = 37;

/// Capabilities are numbered without gaps, so the first new one that this kernel does not know is the end.
fn drop_bounding(set: CapSet) -> Result<(), Errno> {
    for number in set.numbers() {
        match privileges::drop_bounding(number) {
            Ok(()) => {}
            Err(Errno::EINVAL) if number > ALWAYS_THERE => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Closes everything above 2 but `keep`, which must be open, and opens /dev/null where 0, 1 or 2
/// are not, so that no file of the target's ends up there.
fn close_others(keep: &[i32]) -> Result<(), Errno> {
    for number in keep {
        descriptors::check(*number)?;
    }
    let mut first = 3;
    for number in keep.iter().map(|number| number.cast_unsigned()) {
        if number > first {
            close_range(first, number - 1, keep)?;
        }
        first = number + 1;
    }
    close_range(first, u32::MAX, keep)?;
    process::fill_standard()
}

fn close_range(first: u32, last: u32, keep: &[i32]) -> Result<(), Errno> {
    match descriptors::close_range(first, last) {
        // Before Linux 5.9, or where a filter forbids what it does not know.
        Err(Errno::ENOSYS | Errno::EPERM) => close_listed(keep),
        result => result,
    }
}

fn close_listed(keep: &[i32]) -> Result<(), Errno> {
    let numbers: Vec<i32> = std::fs::read_dir("/proc/self/fd")
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2 && !keep.contains(number))
        .collect();
    for number in numbers {
        match descriptors::close(number) {
            // The directory's own descriptor is closed already.
            Ok(()) | Err(Errno::EBADF | Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn text(path: &std::path::Path) -> Result<CString, Fault> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Fault::new(format!("`{}` holds a NUL byte", path.display())).exit(Exit::Chdir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parts_operations_are_refused() {
        assert!(Act::ready(&Op::Exec).is_err());
        assert!(matches!(Act::ready(&Op::KeepCapabilities), Ok(Act::Keep)));
    }

    #[test]
    fn a_directory_cannot_hold_nul() {
        let op = Op::Directory { path: "/a\0b".into(), optional: false };
        assert!(Act::ready(&op).is_err_and(|fault| fault.exit == Exit::Chdir));
    }
}
