//! Questions to the kernel that change nothing.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

use super::terminal::is_terminal;

/// `struct __user_cap_header_struct` of linux/capability.h.
#[repr(C)]
struct CapHeader {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`: one half of the three sets.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// _LINUX_CAPABILITY_VERSION_3: two halves of 32 bits.
const CAP_VERSION: u32 = 0x2008_0522;

/// The calling thread's effective capabilities, one bit each (capget(2)).
///
/// # Errors
/// Only where a filter forbids the call.
pub fn effective() -> Result<u64, Errno> {
    let mut header = CapHeader { version: CAP_VERSION, pid: 0 };
    let mut data = [CapData::default(); 2];
    // SAFETY: both point to structures of the layout and count that version 3 asks for.
    let answer = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) };
    Errno::result(answer)?;
    Ok(u64::from(data[0].effective) | u64::from(data[1].effective) << 32)
}

/// Whether a name matches one part of a pattern (fnmatch(3)); a dot in front has to be written.
pub fn matches(pattern: &OsStr, name: &OsStr) -> bool {
    let (Ok(pattern), Ok(name)) = (CString::new(pattern.as_bytes()), CString::new(name.as_bytes())) else {
        return false;
    };
    // SAFETY: both are texts that end with a NUL byte and live over the call.
    unsafe { libc::fnmatch(pattern.as_ptr(), name.as_ptr(), libc::FNM_PERIOD) == 0 }
}

/// Whether this process has a terminal: one of the standard descriptors is one, or one controls the session
/// (/dev/tty, tty(4)). A terminal that this process may not open by that name its target may not, either.
///
/// # Errors
/// As [`is_terminal`].
pub fn terminal() -> Result<bool, Errno> {
    use nix::fcntl::{OFlag, open};
    for number in 0..3 {
        if is_terminal(number)? {
            return Ok(true);
        }
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    Ok(open(c"/dev/tty", flags, nix::sys::stat::Mode::empty()).is_ok())
}

/// The supplementary groups (getgroups(2)). nix's own reads /proc/sys/kernel/ngroups_max first.
///
/// # Errors
/// Only where a filter forbids the call.
pub fn groups() -> Result<Vec<u32>, Errno> {
    let mut groups = vec![0_u32; 32];
    loop {
        let room = i32::try_from(groups.len()).map_err(|_| Errno::ERANGE)?;
        // SAFETY: the buffer has room for as many ids as we say.
        let got = unsafe { libc::getgroups(room, groups.as_mut_ptr()) };
        match Errno::result(got) {
            Ok(count) => {
                groups.truncate(usize::try_from(count).unwrap_or(0));
                return Ok(groups);
            }
            // More than there is room for; the kernel's limit is 65536.
            Err(Errno::EINVAL) if groups.len() <= 65536 => groups.resize(groups.len() * 4, 0),
            Err(errno) => return Err(errno),
        }
    }
}

/// Landlock's ABI version (landlock_create_ruleset(2)).
///
/// # Errors
/// ENOSYS where the kernel has none, EOPNOTSUPP where it is switched off at boot.
pub fn landlock() -> Result<u32, Errno> {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the kernel wants a null pointer and size zero, and reads nothing.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION) };
    Errno::result(answer).map(|abi| u32::try_from(abi).unwrap_or(0))
}

/// The personality (personality(2)).
///
/// # Errors
/// Only where a filter forbids the call.
pub fn personality() -> Result<u32, Errno> {
    // SAFETY: this number asks without changing anything.
    let answer = unsafe { libc::personality(0xffff_ffff) };
    Errno::result(answer).map(i32::cast_unsigned)
}

/// 192 bits from the kernel (getrandom(2)).
///
/// # Errors
/// Only where a filter forbids the call, or EINTR before the pool is ready.
pub fn random() -> Result<[u64; 3], Errno> {
    let mut words = [0_u64; 3];
    let size = size_of_val(&words);
    // SAFETY: the buffer is as long as we say.
    let got = unsafe { libc::syscall(libc::SYS_getrandom, words.as_mut_ptr(), size, 0) };
    // Requests of up to 256 bytes are never cut short (getrandom(2)).
    if usize::try_from(Errno::result(got)?) == Ok(size) { Ok(words) } else { Err(Errno::EIO) }
}

/// Whether the kernel knows a seccomp action (SECCOMP_GET_ACTION_AVAIL, Linux 4.14).
///
/// # Errors
/// EOPNOTSUPP for an unknown action, EINVAL on older kernels.
pub fn action(action: u32) -> Result<(), Errno> {
    // SAFETY: the kernel reads one u32 at the pointer.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) };
    Errno::result(answer).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(field: &str) -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/status").expect("own status");
        let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("the field");
        u64::from_str_radix(line.trim(), 16).expect("a set")
    }

    #[test]
    fn capability_sets_agree_with_proc() {
        assert_eq!(effective(), Ok(status("CapEff:")));
    }

    #[test]
    fn groups_agree_with_nix() {
        let raw = |groups: Vec<nix::unistd::Gid>| groups.into_iter().map(nix::unistd::Gid::as_raw).collect();
        assert_eq!(groups(), nix::unistd::getgroups().map(raw));
    }

    #[test]
    fn random_words_differ() {
        let words = random().expect("random");
        assert_ne!(Ok(words), random());
        assert!(words.iter().all(|word| *word != 0));
    }

    #[test]
    fn the_kernel_knows_errno_and_not_nonsense() {
        assert_eq!(action(libc::SECCOMP_RET_ERRNO), Ok(()));
        assert_eq!(action(0x1234_0000), Err(Errno::EOPNOTSUPP));
    }
}
