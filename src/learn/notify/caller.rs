//! Looking at a thread whose call waits. Everything here is unchecked until the notification is asked for again.

use std::cell::Cell;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::draft::arch::Arch;
use crate::learn::reading::{Call, Real};
use crate::sys::{target, watched};

/// The thread of a notification, and its call.
pub(super) struct Caller<'a> {
    /// Whose numbers it has.
    pub(super) arch: Arch,
    /// The number of the thread.
    pub(super) thread: u32,
    /// The call's arguments.
    pub(super) args: [u64; 6],
    /// How many looks at it have failed though it was there.
    pub(super) unread: &'a Cell<u64>,
}

impl Caller<'_> {
    /// Where one of its links in /proc leads.
    pub(super) fn link(&self, name: &str) -> Option<PathBuf> {
        let path = self.read(fs::read_link(format!("/proc/{}/{name}", self.thread)))?;
        path.is_absolute().then_some(path)
    }

    /// The same where the call itself fails if the descriptor is not there.
    fn ask<T>(&self, result: Result<T, Errno>) -> Option<T> {
        let result = match result {
            Err(Errno::EBADF | Errno::ENOTSOCK | Errno::ESRCH) => return None,
            other => other.map_err(io::Error::from),
        };
        self.read(result)
    }

    /// The number of the thread's process.
    fn process(&self) -> Option<i32> {
        let status = self.read(crate::host::lossy(&format!("/proc/{}/status", self.thread)))?;
        status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok())
    }
}

impl Call for Caller<'_> {
    fn arch(&self) -> Arch {
        self.arch
    }

    fn args(&self) -> &[u64; 6] {
        &self.args
    }

    fn with(&self, args: [u64; 6]) -> Self {
        Self { arch: self.arch, thread: self.thread, args, unread: self.unread }
    }

    fn thread(&self) -> u32 {
        self.thread
    }

    fn unread(&self) -> &Cell<u64> {
        self.unread
    }

    fn name(&self) -> String {
        let name = self.read(fs::read(format!("/proc/{}/comm", self.thread))).unwrap_or_default();
        String::from_utf8_lossy(&name).trim_end().to_owned()
    }

    fn memory(&self, address: u64, into: &mut [u8]) -> Result<usize, Errno> {
        target::read_memory(self.thread, address, into)
    }

    fn text(&self, address: u64) -> Result<Vec<u8>, Errno> {
        target::read_path(self.thread, address)
    }

    fn directory(&self) -> Option<PathBuf> {
        self.link("cwd")
    }

    fn file(&self, number: i32) -> Option<PathBuf> {
        self.link(&format!("fd/{number}"))
    }

    /// By a copy of it.
    fn socket_type(&self, number: i32) -> Option<i32> {
        let leader = self.process()?;
        let process = self.ask(target::process(leader))?;
        let socket = self.ask(watched::descriptor(process.as_fd(), number))?;
        self.ask(watched::socket_type(socket.as_fd()))
    }

    /// Whoever loses its parent becomes a child of this process. The number is one of the caller's; namespaces of process
    /// ids are not looked at.
    fn is_outside(&self, number: i32) -> bool {
        // 0 is its own group, -1 whoever can be reached.
        if matches!(number, -1..=0) {
            return false;
        }
        let (us, mut at) = (std::process::id(), number.unsigned_abs());
        for _ in 0..1000 {
            let status = self.read(crate::host::lossy(&format!("/proc/{at}/status"))).unwrap_or_default();
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

    /// It has not happened yet.
    fn is_missing(&self, path: &Path, _: &Real) -> bool {
        fs::symlink_metadata(path).is_err()
    }
}
