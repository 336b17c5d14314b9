//! Capabilities, securebits and limits of this thread, by number and without allocating.

use nix::errno::Errno;

/// _LINUX_CAPABILITY_VERSION_3 (capset(2)): 64 bits in two halves.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Sets the permitted and the effective set to `permitted`, and the inheritable set (capset(2)).
/// Bits that the kernel does not know are ignored by it.
pub fn set_capabilities(permitted: u64, inheritable: u64) -> Result<(), Errno> {
    let half = |shift: u32| {
        #[allow(clippy::cast_possible_truncation)] // The half is what is wanted.
        let (permitted, inheritable) = ((permitted >> shift) as u32, (inheritable >> shift) as u32);
        Half { effective: permitted, permitted, inheritable }
    };
    set(&[half(0), half(32)])
}

/// Sets the permitted and the effective set apart, and empties the inheritable one (capset(2)).
pub fn set_effective(permitted: u64, effective: u64) -> Result<(), Errno> {
    let half = |shift: u32| {
        #[allow(clippy::cast_possible_truncation)] // The half is what is wanted.
        let (permitted, effective) = ((permitted >> shift) as u32, (effective >> shift) as u32);
        Half { effective, permitted, inheritable: 0 }
    };
    set(&[half(0), half(32)])
}

fn set(halves: &[Half; 2]) -> Result<(), Errno> {
    let header = Header { version: VERSION, pid: 0 };
    // SAFETY: both pointers are to live values laid out as capset(2) says for this version, and it
    // writes to neither, because the version is one that it knows.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr()) };
    Errno::result(result).map(drop)
}

/// How many supplementary groups this process has (getgroups(2)).
///
/// # Errors
/// None that are known.
pub fn groups() -> Result<usize, Errno> {
    // SAFETY: of a list without room nothing is written.
    let count = Errno::result(unsafe { libc::getgroups(0, std::ptr::null_mut()) })?;
    usize::try_from(count).map_err(|_| Errno::EINVAL)
}

/// The effective set of another thread (capget(2)).
///
/// # Errors
/// ESRCH: it is gone.
pub fn effective_of(thread: u32) -> Result<u64, Errno> {
    let pid = i32::try_from(thread).map_err(|_| Errno::ESRCH)?;
    let header = Header { version: VERSION, pid };
    let mut halves = [Half { effective: 0, permitted: 0, inheritable: 0 }; 2];
    // SAFETY: for this version the kernel writes two halves to a live array, and the header stays as it is.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw const header, halves.as_mut_ptr()) };
    Errno::result(result)?;
    Ok(u64::from(halves[0].effective) | u64::from(halves[1].effective) << 32)
}

/// Takes one capability out of the bounding set (PR_CAPBSET_DROP). EINVAL: there is none of that
/// number in this kernel.
pub fn drop_bounding(number: u32) -> Result<(), Errno> {
    prctl(libc::PR_CAPBSET_DROP, number.into(), 0).map(drop)
}

/// Empties the ambient set (PR_CAP_AMBIENT_CLEAR_ALL).
pub fn clear_ambient() -> Result<(), Errno> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong, 0).map(drop)
}

/// Adds one capability to the ambient set; it must be permitted and inheritable.
pub fn raise_ambient(number: u32) -> Result<(), Errno> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong, number.into()).map(drop)
}

/// The securebits (PR_GET_SECUREBITS).
pub fn securebits() -> Result<u32, Errno> {
    prctl(libc::PR_GET_SECUREBITS, 0, 0).map(i32::cast_unsigned)
}

/// Sets the securebits (PR_SET_SECUREBITS).
pub fn set_securebits(bits: u32) -> Result<(), Errno> {
    prctl(libc::PR_SET_SECUREBITS, bits.into(), 0).map(drop)
}

fn prctl(option: libc::c_int, first: libc::c_ulong, second: libc::c_ulong) -> Result<libc::c_int, Errno> {
    // SAFETY: none of the options above takes a pointer; the last two arguments must be 0.
    let result = unsafe { libc::prctl(option, first, second, 0 as libc::c_ulong, 0 as libc::c_ulong) };
    Errno::result(result)
}

/// How high a hard limit this process can have, where it is not as high as `hard`: it is tried out, and put back.
///
/// # Errors
/// Only where a filter forbids the call.
pub fn ceiling(resource: u32, hard: u64) -> Result<Option<u64>, Errno> {
    let mut now = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the old limit is written to a live value, and no new one is read from the null pointer.
    let result = unsafe { libc::prlimit64(0, resource, std::ptr::null(), &raw mut now) };
    Errno::result(result)?;
    if hard <= now.rlim_max {
        return Ok(None);
    }
    match set_limit(resource, now.rlim_cur, hard) {
        Ok(()) => set_limit(resource, now.rlim_cur, now.rlim_max).map(|()| None),
        Err(Errno::EPERM) => Ok(Some(now.rlim_max)),
        Err(errno) => Err(errno),
    }
}

/// Sets a soft and a hard limit (prlimit(2)); `u64::MAX` is infinity.
pub fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the new limit is a live value, and nothing is written to the null pointer.
    let result = unsafe { libc::prlimit64(0, resource, &raw const limit, std::ptr::null_mut()) };
    Errno::result(result).map(drop)
}
