//! The terminal's foreground process group, put back when the target is gone.
//!
//! While the target lives nothing has to be done: it is in the process group that stockade was started in, and the
//! kernel's signals reach it as they would reach stockade.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::killpg;
use nix::unistd::{Pid, getpgrp};

use crate::sys::companion;

/// The terminal that the caller had the foreground of.
pub(super) struct Terminal {
    terminal: OwnedFd,
    group: Pid,
}

impl Terminal {
    /// The one among the standard descriptors, where this process's group is in its foreground.
    pub(super) fn of_ours() -> Option<Self> {
        let group = getpgrp();
        (0..3).find_map(|number| {
            let terminal = companion::copy(number).ok()?;
            (companion::foreground(terminal.as_fd()) == Ok(group)).then_some(Self { terminal, group })
        })
    }

    /// Its descriptor.
    pub(super) fn number(&self) -> i32 {
        self.terminal.as_raw_fd()
    }

    /// Takes the foreground back from a group that has died with the target: a shell puts its jobs there.
    pub(super) fn restore(&self) {
        let Ok(now) = companion::foreground(self.terminal.as_fd()) else { return };
        if now != self.group && killpg(now, None) == Err(Errno::ESRCH) {
            companion::set_foreground(self.terminal.as_fd(), self.group).ok();
        }
    }
}
