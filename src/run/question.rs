//! Questions to whoever sits at the terminal.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{read, write};

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use crate::fault::clean;
use crate::sys::target;

/// The terminal that stockade was started at, and the answers that are to be remembered.
pub(super) struct Terminal {
    file: OwnedFd,
    /// Architecture and number of a call, and whether it may run.
    known: Vec<((u32, u32), bool)>,
}

impl Terminal {
    /// The controlling terminal; nothing where there is none, and every question is answered by no.
    pub(super) fn open() -> Option<Self> {
        let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        open("/dev/tty", flags, Mode::empty()).ok().map(|file| Self { file, known: Vec::new() })
    }

    /// Its descriptor.
    pub(super) fn number(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Whether a call may run: yes, no, always or never; a terminal that is gone says no.
    pub(super) fn ask(&mut self, call: (u32, u32), text: &str) -> bool {
        if let Some((_, answer)) = self.known.iter().find(|(known, _)| *known == call) {
            return *answer;
        }
        let question = format!("stockade: {}: let it? [y]es, [n]o, [a]lways, ne[v]er: ", clean(text));
        loop {
            // What was typed before was no answer to this.
            target::forget_input(self.file.as_fd());
            if write(&self.file, question.as_bytes()).is_err() {
                return false;
            }
            let Some(line) = self.line() else { return false };
            let (answer, remember) = match line.trim_ascii() {
                b"y" | b"yes" => (true, false),
                b"a" | b"always" => (true, true),
                b"n" | b"no" => (false, false),
                b"v" | b"never" => (false, true),
                _ => continue,
            };
            if remember {
                self.known.push((call, answer));
            }
            return answer;
        }
    }

    fn line(&self) -> Option<Vec<u8>> {
        let mut line = vec![0; 256];
        loop {
            match read(&self.file, &mut line) {
                Ok(0) => return None,
                Ok(length) => {
                    line.truncate(length);
                    return Some(line);
                }
                Err(Errno::EINTR) => {}
                Err(_) => return None,
            }
        }
    }
}
