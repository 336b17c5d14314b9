//! bpf(2): programs and maps (`linux/bpf.h`).

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

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
    /// A number as the key; all zeros at first.
    Array = 2,
    /// The same with a value for each CPU.
    PerCpuArray = 6,
    /// Records, in order, from programs to one reader (Linux 5.8).
    Ring = 27,
}

/// A map.
#[derive(Debug)]
pub struct Map(OwnedFd);

impl Map {
    /// Makes a map of so many values of this size; of a ring the number is its size in bytes, and values have none.
    ///
    /// # Errors
    /// EPERM: no CAP_BPF, or (before Linux 5.11) RLIMIT_MEMLOCK. EINVAL: the kernel does not know the kind.
    pub fn create(kind: Kind, name: &str, value: u32, entries: u32) -> Result<Self, Errno> {
        const MAPPABLE: u32 = 1 << 10;
        let key = if kind == Kind::Ring { 0 } else { 4 };
        let flags = if kind == Kind::Array { MAPPABLE } else { 0 };
        let attributes = Attributes::new().word(0, kind as u32).word(4, key).word(8, value);
        let mut attributes = attributes.word(12, entries).word(16, flags).name(28, name);
        // SAFETY: this command follows no pointer.
        unsafe { call(command::MAP_CREATE, &mut attributes) }.map(|fd| Self(owned(fd)))
    }

    /// The descriptor's number, for programs.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A map's memory in this process.
#[derive(Debug)]
struct Mapping {
    at: NonNull<u8>,
    length: usize,
}

impl Mapping {
    fn new(map: &Map, offset: usize, length: usize, protection: i32) -> Result<Self, Errno> {
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno::EINVAL)?;
        let null = std::ptr::null_mut();
        // SAFETY: a new mapping, wherever the kernel has room, which nothing else knows of.
        let at = unsafe { libc::mmap(null, length, protection, libc::MAP_SHARED, map.number(), offset) };
        if at == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        NonNull::new(at.cast()).map(|at| Self { at, length }).ok_or(Errno::ENOMEM)
    }

    /// The place of so many bytes.
    fn place(&self, offset: usize, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: inside of the mapping, which was just made sure of.
        (offset.checked_add(size)? <= self.length).then(|| unsafe { self.at.add(offset) })
    }

    /// A word that others change. The offset is a multiple of eight, and inside.
    fn word(&self, offset: usize) -> Option<&AtomicU64> {
        let place = self.place(offset, 8)?.cast();
        if !place.is_aligned() {
            return None;
        }
        // SAFETY: mapped as long as self lives, aligned, and never accessed but atomically.
        Some(unsafe { place.as_ref() })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and with self the last reference into it is gone.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.length) };
    }
}

/// An array of one value, which programs and this process both see.
#[derive(Debug)]
pub struct Shared {
    map: Map,
    memory: Mapping,
}

impl Shared {
    /// Makes one of so many bytes, all zero.
    ///
    /// # Errors
    /// Those of [`Map::create`]. E2BIG: too large for this kernel.
    pub fn create(name: &str, size: usize) -> Result<Self, Errno> {
        let map = Map::create(Kind::Array, name, u32::try_from(size).map_err(|_| Errno::E2BIG)?, 1)?;
        let memory = Mapping::new(&map, 0, size.next_multiple_of(page()), libc::PROT_READ | libc::PROT_WRITE)?;
        Ok(Self { map, memory })
    }

    /// The descriptor's number, for programs.
    pub fn number(&self) -> RawFd {
        self.map.number()
    }

    /// The eight bytes at a multiple of eight; zero outside.
    pub fn word(&self, offset: usize) -> u64 {
        self.memory.word(offset).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// Sets them.
    pub fn set_word(&self, offset: usize, value: u64) {
        if let Some(word) = self.memory.word(offset) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Adds to them, whoever else does.
    pub fn add_word(&self, offset: usize, value: u64) {
        if let Some(word) = self.memory.word(offset) {
            word.fetch_add(value, Ordering::Relaxed);
        }
    }

    /// One byte; zero outside.
    pub fn byte(&self, offset: usize) -> u8 {
        self.at(offset).map_or(0, |byte| byte.load(Ordering::Relaxed))
    }

    /// Sets one.
    pub fn set_byte(&self, offset: usize, value: u8) {
        if let Some(byte) = self.at(offset) {
            byte.store(value, Ordering::Relaxed);
        }
    }

    fn at(&self, offset: usize) -> Option<&AtomicU8> {
        // SAFETY: mapped as long as self lives, and never accessed but atomically.
        self.memory.place(offset, 1).map(|place| unsafe { place.cast().as_ref() })
    }
}

/// How long a page is, in bytes.
pub fn page() -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Records from programs, read in order.
#[derive(Debug)]
pub struct Ring {
    map: Map,
    size: usize,
    /// How far this process has read.
    consumer: Mapping,
    /// How far programs have written, and after a page what, twice, so that no record is cut in two.
    producer: Mapping,
}

impl Ring {
    /// Makes one of so many bytes: a power of two, and no less than a page.
    ///
    /// # Errors
    /// Those of [`Map::create`].
    pub fn create(name: &str, size: u32) -> Result<Self, Errno> {
        let map = Map::create(Kind::Ring, name, 0, size)?;
        let size = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
        let consumer = Mapping::new(&map, 0, page(), libc::PROT_READ | libc::PROT_WRITE)?;
        let producer = Mapping::new(&map, page(), page() + 2 * size, libc::PROT_READ)?;
        Ok(Self { map, size, consumer, producer })
    }

    /// The descriptor's number, for programs.
    pub fn number(&self) -> RawFd {
        self.map.number()
    }

    /// Hands over what has been written since the last time.
    pub fn read(&mut self, mut each: impl FnMut(&[u8])) {
        const BUSY: u32 = 1 << 31;
        const DISCARDED: u32 = 1 << 30;
        const HEAD: usize = 8;
        let (Some(read), Some(written)) = (self.consumer.word(0), self.producer.word(0)) else { return };
        let mut at = read.load(Ordering::Relaxed);
        // One round: who writes faster than this reads shall not keep it here.
        let end = written.load(Ordering::Acquire);
        while at < end {
            let offset = page() + usize::try_from(at).unwrap_or(0) % self.size;
            let Some(head) = self.producer.place(offset, HEAD) else { return };
            // SAFETY: the ring's records begin at multiples of eight; the kernel writes this word, atomically.
            let head = unsafe { head.cast::<AtomicU32>().as_ref() }.load(Ordering::Acquire);
            if head & BUSY != 0 {
                return;
            }
            let length = usize::try_from(head & !DISCARDED).unwrap_or(0);
            if head & DISCARDED == 0
                && let Some(record) = self.producer.place(offset + HEAD, length)
            {
                // SAFETY: inside of the mapping; a record that is not busy is left alone by the kernel until the
                // consumer's word says that it was read.
                each(unsafe { std::slice::from_raw_parts(record.as_ptr(), length) });
            }
            at += (HEAD + length).next_multiple_of(8) as u64;
            read.store(at, Ordering::Release);
        }
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
