//! What a call tells by its arguments, whichever collector has caught it, and the observation that is made of it.
//!
//! `table` says which arguments tell something, `look` what one call tells, `real` where its paths really lead, and
//! `gathered` keeps it in bounded memory.

mod gathered;
mod look;
mod real;
mod table;

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::draft::arch::Arch;
use crate::learn::used::is_gone;
use crate::sys::notify::int;

pub(super) use gathered::Gathered;
pub(super) use look::{Found, look};
pub(super) use real::Real;
pub(super) use table::{At, Tells, table, tells};

/// A call of a thread that is watched, as its collector knows it.
pub(super) trait Call: Sized {
    /// Whose numbers it has.
    fn arch(&self) -> Arch;

    /// Its arguments.
    fn args(&self) -> &[u64; 6];

    /// The same thread's call with other arguments.
    fn with(&self, args: [u64; 6]) -> Self;

    /// The number of the thread.
    fn thread(&self) -> u32;

    /// How many looks at processes in /proc have failed though they were there.
    fn unread(&self) -> &Cell<u64>;

    /// What was read of a process; counts what fails for another reason than that it, or its descriptor, is gone.
    fn read<T>(&self, result: io::Result<T>) -> Option<T> {
        if result.as_ref().is_err_and(|error| !is_gone(error)) {
            self.unread().set(self.unread().get() + 1);
        }
        result.ok()
    }

    /// The name of the thread.
    fn name(&self) -> String;

    /// Copies memory; how much there was.
    ///
    /// # Errors
    /// EPERM: it cannot be read. EFAULT: there is none.
    fn memory(&self, address: u64, into: &mut [u8]) -> Result<usize, Errno>;

    /// A path as it was given.
    ///
    /// # Errors
    /// Those of [`Call::memory`], and ENAMETOOLONG.
    fn text(&self, address: u64) -> Result<Vec<u8>, Errno>;

    /// The working directory.
    fn directory(&self) -> Option<PathBuf>;

    /// The file behind a descriptor.
    fn file(&self, number: i32) -> Option<PathBuf>;

    /// The type of one of its sockets.
    fn socket_type(&self, number: i32) -> Option<i32>;

    /// Whether a process, or a group's first where the number is negative, was not started by the target.
    fn is_outside(&self, number: i32) -> bool;

    /// The process behind a pidfd of its (proc_pid_fdinfo(5)).
    fn behind(&self, number: i32) -> Option<i32> {
        let about = self.read(fs::read_to_string(format!("/proc/{}/fdinfo/{number}", self.thread())))?;
        about.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
    }

    /// Whether a call that makes what is missing finds nothing at the path.
    fn is_missing(&self, path: &Path, real: &Real) -> bool;

    /// An argument.
    fn arg(&self, index: usize) -> u64 {
        let arg = self.args().get(index).copied().unwrap_or(0);
        if self.arch().is_narrow() { arg & u64::from(u32::MAX) } else { arg }
    }

    /// An argument of the C type int.
    fn int(&self, index: usize) -> i32 {
        int(self.arg(index))
    }

    /// So many bytes of memory.
    ///
    /// # Errors
    /// Those of [`Call::memory`]; EFAULT: there is not as much.
    fn bytes<const N: usize>(&self, address: u64) -> Result<[u8; N], Errno> {
        let mut bytes = [0; N];
        if self.memory(address, &mut bytes)? == N { Ok(bytes) } else { Err(Errno::EFAULT) }
    }

    /// A number of the target's word size at an index of an array.
    ///
    /// # Errors
    /// Those of [`Call::bytes`].
    fn word(&self, array: u64, index: u64) -> Result<u64, Errno> {
        if self.arch().is_narrow() || self.arch() == Arch::X32 {
            self.bytes(array.wrapping_add(index * 4)).map(|bytes| u32::from_ne_bytes(bytes).into())
        } else {
            self.bytes(array.wrapping_add(index * 8)).map(u64::from_ne_bytes)
        }
    }

    /// A path, absolute; nothing where it does not lead to a name.
    fn path(&self, dir: Option<usize>, text: &[u8]) -> Option<PathBuf> {
        let path = Path::new(OsStr::from_bytes(text));
        if text.is_empty() {
            return None;
        }
        if path.is_absolute() {
            return Some(self.own(path));
        }
        let start = match dir.map(|dir| self.int(dir)) {
            None | Some(libc::AT_FDCWD) => self.directory()?,
            Some(number) => self.file(number)?,
        };
        Some(self.own(&start.join(path)))
    }

    /// /proc/self is the caller's, not ours.
    fn own(&self, path: &Path) -> PathBuf {
        let other = |name: &str| path.strip_prefix(name).ok().map(|rest| (rest.to_owned(), self.thread()));
        match other("/proc/self").or_else(|| other("/proc/thread-self")) {
            Some((rest, thread)) => Path::new("/proc").join(thread.to_string()).join(rest),
            None => path.to_owned(),
        }
    }
}
