//! Looking at a thread whose call waits.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;

use crate::fault::clean;
use crate::sys::notify::{Listener, Notification};
use crate::sys::target;

use super::ids::Ids;
use super::view::View;

/// The thread of a notification.
pub(super) struct Caller<'a> {
    /// The supervisor's view.
    pub(super) view: &'a View,
    listener: &'a Listener,
    id: u64,
    thread: u32,
}

impl<'a> Caller<'a> {
    /// Whoever waits for an answer.
    pub(super) fn new(view: &'a View, listener: &'a Listener, notification: &Notification) -> Self {
        Self { view, listener, id: notification.id, thread: notification.thread }
    }

    /// What was learnt so far was the caller's own.
    ///
    /// # Errors
    /// ESRCH: it is gone, and its number may be somebody else's.
    pub(super) fn check(&self) -> Result<(), Errno> {
        if self.thread != 0 && self.listener.waits(self.id) { Ok(()) } else { Err(Errno::ESRCH) }
    }

    /// Memory of the caller's, unchecked; how much could be read.
    pub(super) fn memory(&self, address: u64, into: &mut [u8]) -> Result<usize, Errno> {
        if self.thread == 0 {
            return Err(Errno::EPERM);
        }
        target::read_memory(self.thread, address, into)
    }

    /// A path in the caller's memory, unchecked.
    ///
    /// # Errors
    /// EFAULT, ENAMETOOLONG and ENOENT as for the call itself; EPERM: its memory cannot be read.
    pub(super) fn path(&self, address: u64) -> Result<CString, Errno> {
        if self.thread == 0 {
            return Err(Errno::EPERM);
        }
        CString::new(target::read_path(self.thread, address)?).map_err(|_| Errno::EINVAL)
    }

    /// One of the caller's own files in /proc, unchecked.
    pub(super) fn file(&self, name: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        if self.thread == 0 {
            return Err(Errno::EPERM);
        }
        let path = CString::new(format!("{}/{name}", self.thread)).map_err(|_| Errno::EINVAL)?;
        openat(self.view.process()?, path.as_c_str(), flags | OFlag::O_CLOEXEC, Mode::empty())
    }

    /// The caller's root, unchecked.
    pub(super) fn root(&self) -> Result<OwnedFd, Errno> {
        self.file("root", OFlag::O_PATH | OFlag::O_DIRECTORY)
    }

    /// The directory that the caller's relative paths start from, unchecked.
    pub(super) fn directory(&self, number: i32) -> Result<OwnedFd, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        match number {
            libc::AT_FDCWD => self.file("cwd", flags),
            0.. => self.file(&format!("fd/{number}"), flags).map_err(|errno| match errno {
                Errno::ENOENT => Errno::EBADF,
                other => other,
            }),
            _ => Err(Errno::EBADF),
        }
    }

    /// Who the caller is, unchecked.
    pub(super) fn ids(&self) -> Result<Ids, Errno> {
        let path = CString::new(format!("{}/status", self.thread)).map_err(|_| Errno::EINVAL)?;
        Ids::read(self.view.process()?, &path)
    }

    /// The thread's number.
    pub(super) fn thread(&self) -> u32 {
        self.thread
    }

    /// Its number and its name, for people.
    pub(super) fn name(&self) -> String {
        let mut name = [0; 64];
        let length = self.file("comm", OFlag::O_RDONLY).and_then(|file| read(&file, &mut name)).unwrap_or(0);
        let name = String::from_utf8_lossy(name.get(..length).unwrap_or_default());
        let name = name.trim_end();
        if name.is_empty() || self.check().is_err() {
            return self.thread.to_string();
        }
        format!("{} ({})", self.thread, clean(name).replace(['\n', '\t'], "?"))
    }

    /// A path for people: checked, and without what could deceive a terminal. Nothing where it cannot be read.
    pub(super) fn shown(&self, address: u64) -> Option<String> {
        let path = self.path(address).ok()?;
        self.check().ok()?;
        Some(show(&path))
    }
}

/// A path for people.
pub(super) fn show(path: &CStr) -> String {
    clean(&path.to_string_lossy()).replace(['\n', '\t'], "?")
}
