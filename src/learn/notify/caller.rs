//! Looking at a thread whose call waits. Everything here is unchecked until the notification is asked for again.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;

use crate::draft::arch::Arch;
use crate::sys::notify::{Notification, int};
use crate::sys::{target, watched};

/// The thread of a notification.
pub(super) struct Caller<'a> {
    /// Its call.
    pub(super) call: &'a Notification,
    /// Whose numbers it has.
    pub(super) arch: Arch,
}

impl Caller<'_> {
    /// An argument.
    pub(super) fn arg(&self, index: usize) -> u64 {
        let arg = self.call.args.get(index).copied().unwrap_or(0);
        if self.arch.is_narrow() { arg & u64::from(u32::MAX) } else { arg }
    }

    /// An argument of the C type int.
    pub(super) fn int(&self, index: usize) -> i32 {
        int(self.arg(index))
    }

    /// So many bytes of memory.
    ///
    /// # Errors
    /// EPERM: it cannot be read. EFAULT: there is not as much.
    pub(super) fn bytes<const N: usize>(&self, address: u64) -> Result<[u8; N], Errno> {
        let mut bytes = [0; N];
        let got = target::read_memory(self.call.thread, address, &mut bytes)?;
        if got == N { Ok(bytes) } else { Err(Errno::EFAULT) }
    }

    /// A number of the target's word size at an index of an array.
    pub(super) fn word(&self, array: u64, index: u64) -> Result<u64, Errno> {
        if self.arch.is_narrow() || self.arch == Arch::X32 {
            self.bytes(array.wrapping_add(index * 4)).map(|bytes| u32::from_ne_bytes(bytes).into())
        } else {
            self.bytes(array.wrapping_add(index * 8)).map(u64::from_ne_bytes)
        }
    }

    /// A path as it was given.
    pub(super) fn text(&self, address: u64) -> Result<Vec<u8>, Errno> {
        target::read_path(self.call.thread, address)
    }

    /// Where one of its links in /proc leads.
    pub(super) fn link(&self, name: &str) -> Option<PathBuf> {
        let path = fs::read_link(format!("/proc/{}/{name}", self.call.thread)).ok()?;
        path.is_absolute().then_some(path)
    }

    /// The file behind a descriptor.
    pub(super) fn file(&self, number: i32) -> Option<PathBuf> {
        self.link(&format!("fd/{number}"))
    }

    /// A path, absolute and without `..`; nothing where it does not lead to a name.
    pub(super) fn path(&self, dir: Option<usize>, text: &[u8]) -> Option<PathBuf> {
        let path = Path::new(OsStr::from_bytes(text));
        if text.is_empty() {
            return None;
        }
        if path.is_absolute() {
            return Some(self.own(path));
        }
        let start = match dir.map(|dir| self.int(dir)) {
            None | Some(libc::AT_FDCWD) => self.link("cwd")?,
            Some(number) => self.file(number)?,
        };
        Some(self.own(&start.join(path)))
    }

    /// The name of the thread.
    pub(super) fn name(&self) -> String {
        let name = fs::read(format!("/proc/{}/comm", self.call.thread)).unwrap_or_default();
        String::from_utf8_lossy(&name).trim_end().to_owned()
    }

    /// A copy of the type of one of its sockets.
    pub(super) fn socket_type(&self, number: i32) -> Option<i32> {
        use std::os::fd::AsFd;
        let leader = self.process()?;
        let process = target::process(leader).ok()?;
        let socket = watched::descriptor(process.as_fd(), number).ok()?;
        watched::socket_type(socket.as_fd()).ok()
    }

    /// The number of the thread's process.
    pub(super) fn process(&self) -> Option<i32> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.call.thread)).ok()?;
        status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok())
    }

    /// The process behind a pidfd of its.
    pub(super) fn behind(&self, number: i32) -> Option<i32> {
        let about = fs::read_to_string(format!("/proc/{}/fdinfo/{number}", self.call.thread)).ok()?;
        about.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
    }

    /// Whether a process, or a group's first where the number is negative, was not started by the target. Whoever loses
    /// its parent becomes a child of this process.
    #[allow(clippy::unused_self)] // The number is one of the caller's; namespaces of process ids are not looked at.
    pub(super) fn is_outside(&self, number: i32) -> bool {
        // 0 is its own group, -1 whoever can be reached.
        if matches!(number, -1..=0) {
            return false;
        }
        let (us, mut at) = (std::process::id(), number.unsigned_abs());
        for _ in 0..1000 {
            let status = fs::read_to_string(format!("/proc/{at}/status")).unwrap_or_default();
            let Some(parent) = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok()) else {
                // It is gone, and the call will fail.
                return false;
            };
            if parent == us {
                return false;
            }
            if parent == 0 {
                return true;
            }
            at = parent;
        }
        true
    }

    /// /proc/self is the caller's, not ours.
    fn own(&self, path: &Path) -> PathBuf {
        let other = |name: &str| path.strip_prefix(name).ok().map(|rest| (rest.to_owned(), self.call.thread));
        match other("/proc/self").or_else(|| other("/proc/thread-self")) {
            Some((rest, thread)) => Path::new("/proc").join(thread.to_string()).join(rest),
            None => path.to_owned(),
        }
    }
}

/// Where paths really lead, remembered.
#[derive(Default)]
pub(super) struct Real(HashMap<PathBuf, PathBuf>);

/// How many are remembered.
const REMEMBERED: usize = 65536;

impl Real {
    /// The path without links, as far as it exists; a link at its end is followed only if asked for.
    pub(super) fn path(&mut self, path: &Path, follow: bool) -> PathBuf {
        let path = lexical(path);
        if path.starts_with("/proc") {
            return path;
        }
        if follow && fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return fs::canonicalize(&path).unwrap_or(path);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return path };
        if let Some(real) = self.0.get(parent) {
            return real.join(name);
        }
        let Ok(real) = fs::canonicalize(parent) else { return path };
        if self.0.len() < REMEMBERED {
            self.0.insert(parent.to_owned(), real.clone());
        }
        real.join(name)
    }
}

/// The path without `.` and `..`.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_dots() {
        assert_eq!(lexical(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(lexical(Path::new("/../..")), Path::new("/"));
    }

    #[test]
    fn links_are_followed_as_far_as_there_are_any() {
        let mut real = Real::default();
        assert_eq!(real.path(Path::new("/proc/self/exe"), true), Path::new("/proc/self/exe"));
        assert_eq!(real.path(Path::new("/nowhere/at/all"), true), Path::new("/nowhere/at/all"));
    }
}
