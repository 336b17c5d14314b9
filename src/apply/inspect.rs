//! What can be known before the start about a target that is to be put into strict mode.

use std::ffi::CStr;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::read;

use crate::sys::process;

/// Refuses files that a tracer would be refused at, and what the kernel would refuse later.
///
/// # Errors
/// EACCES: not readable; EPERM: set-user-id or set-group-id; ENOEXEC: of another architecture; EBUSY: there is a filter
/// from before stockade.
pub(super) fn inspect(path: &CStr, strict: bool) -> Result<(), Errno> {
    if strict && process::prctl(libc::PR_GET_SECCOMP, 0)? != 0 {
        return Err(Errno::EBUSY);
    }
    let file = open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK, Mode::empty())?;
    if fstat(&file)?.st_mode & (libc::S_ISUID | libc::S_ISGID) != 0 {
        return Err(Errno::EPERM);
    }
    let mut head = [0; 20];
    let length = read(&file, &mut head)?;
    if is_foreign(&head[..length]) { Err(Errno::ENOEXEC) } else { Ok(()) }
}

/// Whether this is the head of an ELF file for another machine than ours. Scripts are none; their interpreter is seen
/// when it runs.
fn is_foreign(head: &[u8]) -> bool {
    const CLASS_64: u8 = 2;
    const X86_64: [u8; 2] = [62, 0];
    head.starts_with(b"\x7fELF") && (head.get(4) != Some(&CLASS_64) || head.get(18..20) != Some(&X86_64[..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_elf_files_of_other_machines_are_foreign() {
        let own = std::fs::read("/proc/self/exe").expect("own program");
        assert!(!is_foreign(&own[..20]));
        let mut other = own[..20].to_vec();
        other[18] = 183;
        assert!(is_foreign(&other));
        other[18] = 62;
        other[4] = 1;
        assert!(is_foreign(&other));
        assert!(!is_foreign(b"#!/bin/sh\necho a long enough head"));
    }
}
