//! bpf(2): programs and maps (`linux/bpf.h`).

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

/// `union bpf_attr`, as far as we fill it.
#[repr(C, align(8))]
struct Attributes([u8; 128]);

impl Attributes {
    fn new() -> Self {
        Self([0; 128])
    }

    fn word(mut self, at: usize, value: u32) -> Self {
        self.0[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        self
    }

    fn address<T>(mut self, at: usize, pointer: *const T) -> Self {
        self.0[at..at + 8].copy_from_slice(&(pointer.addr() as u64).to_ne_bytes());
        self
    }

    /// A name for bpftool: at most fifteen letters.
    fn name(mut self, at: usize, name: &str) -> Self {
        let bytes = &name.as_bytes()[..name.len().min(15)];
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }
}

/// `enum bpf_cmd`.
mod command {
    pub(super) const MAP_CREATE: i32 = 0;
    pub(super) const LOOKUP: i32 = 1;
    pub(super) const UPDATE: i32 = 2;
    pub(super) const PROG_LOAD: i32 = 5;
    pub(super) const RAW_TRACEPOINT_OPEN: i32 = 17;
}

/// One bpf(2). Every pointer in `attributes` must be valid for what the command does with it.
unsafe fn call(command: i32, attributes: &mut Attributes) -> Result<i32, Errno> {
    let size = size_of::<Attributes>();
    // SAFETY: the caller vouches for the pointers; the kernel accepts a longer union whose rest is zero.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.0.as_mut_ptr(), size) };
    Errno::result(result).map(|result| i32::try_from(result).unwrap_or(-1))
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just made the descriptor for us, and nobody else knows its number.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// `enum bpf_map_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Any key.
    Hash = 1,
    /// A number as the key, and a value for each CPU; all zeros at first.
    PerCpuArray = 6,
}

/// A map.
#[derive(Debug)]
pub struct Map {
    fd: OwnedFd,
    key: usize,
    value: usize,
}

impl Map {
    /// Makes a map. `cpus`, the number of possible CPUs, is how many values one key of a per-CPU map has.
    ///
    /// # Errors
    /// EPERM: no CAP_BPF, or (before Linux 5.11) RLIMIT_MEMLOCK. EINVAL: the kernel does not know the kind.
    pub fn create(kind: Kind, name: &str, (key, value): (u32, u32), entries: u32, cpus: usize) -> Result<Self, Errno> {
        let mut attributes =
            Attributes::new().word(0, kind as u32).word(4, key).word(8, value).word(12, entries).name(28, name);
        // SAFETY: this command follows no pointer.
        let fd = unsafe { call(command::MAP_CREATE, &mut attributes) }?;
        let value = usize::try_from(value).map_err(|_| Errno::EINVAL)?;
        let value = if kind == Kind::PerCpuArray { value.next_multiple_of(8) * cpus } else { value };
        Ok(Self { fd: owned(fd), key: usize::try_from(key).map_err(|_| Errno::EINVAL)?, value })
    }

    /// The descriptor's number, for programs.
    pub fn number(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// How long values are in user space: one for each CPU in a per-CPU map.
    pub fn value_size(&self) -> usize {
        self.value
    }

    fn attributes(&self, key: &[u8]) -> Result<Attributes, Errno> {
        if key.len() != self.key {
            return Err(Errno::EINVAL);
        }
        Ok(Attributes::new().word(0, self.fd.as_raw_fd().cast_unsigned()).address(8, key.as_ptr()))
    }

    /// Copies a key's value; false where there is none.
    ///
    /// # Errors
    /// EINVAL: lengths that are not the map's.
    pub fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<bool, Errno> {
        if value.len() != self.value {
            return Err(Errno::EINVAL);
        }
        let mut attributes = self.attributes(key)?.address(16, value.as_mut_ptr());
        // SAFETY: the kernel reads a key and writes a value (all CPUs' values) of the lengths that we have checked.
        match unsafe { call(command::LOOKUP, &mut attributes) } {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Sets a key's value.
    ///
    /// # Errors
    /// E2BIG: the map is full. EINVAL: lengths that are not the map's.
    pub fn update(&self, key: &[u8], value: &[u8]) -> Result<(), Errno> {
        if value.len() != self.value {
            return Err(Errno::EINVAL);
        }
        let mut attributes = self.attributes(key)?.address(16, value.as_ptr());
        // SAFETY: the kernel reads a key and a value of the lengths that we have checked.
        unsafe { call(command::UPDATE, &mut attributes) }.map(drop)
    }
}

/// What a program of the tracing type is for (`enum bpf_attach_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Attach {
    /// A raw tracepoint with typed arguments (Linux 5.5).
    Tracepoint = 23,
    /// A kernel function's return, with its arguments (Linux 5.5).
    Return = 25,
}

/// Why a program was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error.
    pub errno: Errno,
    /// What the verifier says; empty where it was not reached.
    pub log: String,
}

/// Loads a tracing program (BPF_PROG_TYPE_TRACING) for the function or tracepoint with this id in the kernel's BTF.
///
/// # Errors
/// EPERM: no CAP_BPF or CAP_PERFMON. EINVAL, EACCES: the verifier's; its words come along.
pub fn load(name: &str, code: &[u64], attach: Attach, id: u32) -> Result<OwnedFd, Refusal> {
    const TRACING: u32 = 26;
    let plain = |errno| Refusal { errno, log: String::new() };
    let count = u32::try_from(code.len()).map_err(|_| plain(Errno::E2BIG))?;
    let licence: &CStr = c"GPL";
    let attributes = || {
        Attributes::new()
            .word(0, TRACING)
            .word(4, count)
            .address(8, code.as_ptr())
            .address(16, licence.as_ptr())
            .name(48, name)
            .word(68, attach as u32)
            .word(108, id)
    };
    // SAFETY: the kernel reads as many instructions as there are, and the licence to its zero.
    match unsafe { call(command::PROG_LOAD, &mut attributes()) } {
        Ok(fd) => return Ok(owned(fd)),
        Err(errno @ (Errno::ENOMEM | Errno::ENOSYS)) => return Err(plain(errno)),
        // Once more for the words: writing them is slow, so it is not done at first.
        Err(_) => {}
    }
    let mut log = vec![0_u8; 1 << 20];
    let mut attributes = attributes().word(24, 1).word(28, 1 << 20).address(32, log.as_mut_ptr());
    // SAFETY: as above, and the kernel writes no more than the log has room for.
    match unsafe { call(command::PROG_LOAD, &mut attributes) } {
        Ok(fd) => Ok(owned(fd)),
        Err(errno) => {
            let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
            Err(Refusal { errno, log: String::from_utf8_lossy(&log[..end]).into_owned() })
        }
    }
}

/// Has a loaded program run; until the descriptor is closed.
///
/// # Errors
/// EOPNOTSUPP, EBUSY: the kernel cannot attach there.
pub fn attach(program: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let mut attributes = Attributes::new().word(8, program.as_raw_fd().cast_unsigned());
    // SAFETY: without a name no pointer is followed: a tracing program knows where it belongs.
    unsafe { call(command::RAW_TRACEPOINT_OPEN, &mut attributes) }.map(owned)
}
