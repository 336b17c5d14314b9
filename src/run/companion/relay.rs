//! Messages of the target to the service manager (sd_notify(3)), sent on by the launcher: so they come from the main
//! process of the unit, which is what the manager believes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::sys::letters::{self, LONGEST, Letter};

/// Room for a message in which a process id got longer.
const ROOM: usize = LONGEST + 16;

/// Messages that are taken at once, at most: whoever sends without end must not keep the launcher from signals and from the
/// target's time limit.
const MOST: usize = 8;

/// The two sockets, and a message that could not be sent on yet.
pub(super) struct Relay {
    incoming: OwnedFd,
    outgoing: OwnedFd,
    held: Option<Held>,
}

/// A message, and whether it is the target's own.
struct Held {
    letter: Letter,
    own: bool,
}

/// Who is who.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// The target, as the launcher sees it.
    pub(super) target: i32,
    /// The target, as it sees itself.
    pub(super) inner: u32,
    /// The launcher.
    pub(super) launcher: u32,
}

impl Relay {
    /// Between the manager's socket and a new one.
    ///
    /// # Errors
    /// Those of socket(2).
    pub(super) fn new(outgoing: OwnedFd) -> Result<Self, Errno> {
        Ok(Self { incoming: letters::receiver()?, outgoing, held: None })
    }

    /// The manager's socket once more.
    ///
    /// # Errors
    /// EMFILE.
    pub(super) fn outgoing(&self) -> Result<OwnedFd, Errno> {
        crate::sys::companion::copy(self.outgoing.as_raw_fd())
    }

    /// The target's side of it.
    pub(super) fn into_incoming(self) -> OwnedFd {
        self.incoming
    }

    /// Its descriptors.
    pub(super) fn numbers(&self) -> [i32; 2] {
        [self.incoming.as_raw_fd(), self.outgoing.as_raw_fd()]
    }

    /// What to wait for: the descriptor, and whether it is to be written to.
    pub(super) fn awaits(&self, line: BorrowedFd<'_>) -> (i32, bool) {
        match &self.held {
            None => (self.incoming.as_raw_fd(), false),
            Some(Held { own: true, .. }) => (self.outgoing.as_raw_fd(), true),
            Some(Held { own: false, .. }) => (line.as_raw_fd(), true),
        }
    }

    /// Sends on what there is, until there is no more, the manager is busy, or others may have waited long enough. What
    /// others than the target say goes down the line, to be sent by the helper: the manager judges by the sender whether it
    /// listens.
    pub(super) fn pass(&mut self, line: BorrowedFd<'_>, names: Names) {
        for _ in 0..MOST {
            let held = match self.held.take() {
                Some(held) => held,
                None => match letters::receive(self.incoming.as_fd()) {
                    Ok(letter) => {
                        let own = letter.sender() == names.target;
                        Held { letter, own }
                    }
                    Err(Errno::EINTR) => continue,
                    Err(_) => return,
                },
            };
            let mut room = [0; ROOM];
            let Some(text) = rewrite(held.letter.text(), names, &mut room).filter(|_| !held.letter.is_cut()) else {
                continue;
            };
            let to = if held.own { self.outgoing.as_fd() } else { line };
            // A manager that is gone takes nothing, as it does without us.
            if letters::send(to, text, held.letter.descriptors()) == Err(Errno::EAGAIN) {
                self.held = Some(held);
                return;
            }
        }
    }
}

/// The message with process ids as the manager knows them: the launcher stands for the target, and nobody else can.
/// Nothing where nothing is left of it.
///
/// systemd takes a carriage return for the end of a line as well, and leaves backslashes out (`strv_split_newlines` of
/// its manager). What could be a process id to it in whatever way, and is not the target's, goes.
fn rewrite<'a>(text: &[u8], names: Names, into: &'a mut [u8; ROOM]) -> Option<&'a [u8]> {
    let mut length = 0;
    for line in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        let mut number = [0; 10];
        let replaced: [&[u8]; 3] = if names_a_process(line) {
            let end = line.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(line.len());
            let (value, end) = line.split_at(end);
            if value.strip_prefix(b"MAINPID=") != Some(decimal(names.inner, &mut [0; 10])) {
                continue;
            }
            [b"MAINPID=", decimal(names.launcher, &mut number), end]
        } else {
            [line, b"", b""]
        };
        for part in replaced {
            into.get_mut(length..length + part.len())?.copy_from_slice(part);
            length += part.len();
        }
    }
    // The shortest there can be is `A=`; a single byte means something else on the line to the helper.
    (length > 1).then(|| into.get(..length).unwrap_or_default())
}

/// Whether a line is MAINPID=, MAINPIDFDID= or MAINPIDFD= (sd_notify(3)) when backslashes are left out.
fn names_a_process(line: &[u8]) -> bool {
    line.iter().filter(|byte| **byte != b'\\').take(7).eq(b"MAINPID")
}

/// A number in digits.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 || at == 0 {
            return digits.get(at..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> Option<String> {
        let names = Names { target: 4712, inner: 2, launcher: 4711 };
        rewrite(text.as_bytes(), names, &mut [0; ROOM]).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    #[test]
    fn the_launcher_stands_for_the_target() {
        assert_eq!(rewritten("READY=1\nMAINPID=2\nSTATUS=x"), Some("READY=1\nMAINPID=4711\nSTATUS=x".into()));
        assert_eq!(rewritten("MAINPID=2"), Some("MAINPID=4711".into()));
    }

    #[test]
    fn nobody_else_does() {
        assert_eq!(rewritten("MAINPID=22\nREADY=1\n"), Some("READY=1\n".into()));
        assert_eq!(rewritten("MAINPID=4711\n"), None);
        assert_eq!(rewritten("MAINPIDFDID=9\nBARRIER=1"), Some("BARRIER=1".into()));
        assert_eq!(rewritten("XMAINPID=2\nMAINPID=02"), Some("XMAINPID=2\n".into()));
        assert_eq!(rewritten("MAINPIDFD=1\nREADY=1"), Some("READY=1".into()));
        // As systemd reads lines.
        assert_eq!(rewritten("READY=1\rMAINPID=1\rSTATUS=x"), Some("READY=1\rSTATUS=x".into()));
        assert_eq!(rewritten("READY=1\r\rMAINPID=2"), Some("READY=1\r\rMAINPID=4711".into()));
        for hidden in
            ["\\MAINPID=1", "MAIN\\PID=1", "M\\A\\I\\N\\P\\I\\D\\=1", "\\\\MAINPID=1", "MAINPID=\\2", "MAINPID\\FDID=7"]
        {
            assert_eq!(rewritten(&format!("A=1\n{hidden}\n")), Some("A=1\n".into()), "{hidden}");
        }
        assert_eq!(rewritten("STATUS=a\\\nMAINPID=1"), Some("STATUS=a\\\n".into()));
    }

    #[test]
    fn what_is_no_text_passes_as_it_is() {
        assert_eq!(rewritten("\n\n\u{1b}"), Some("\n\n\u{1b}".into()));
        assert_eq!(rewritten(""), None);
    }

    #[test]
    fn a_flood_is_taken_in_parts() {
        let name = format!("@stockade-flood-{}", std::process::id());
        let mut relay = Relay::new(letters::receiver().expect("a socket")).expect("a relay");
        letters::name(relay.incoming.as_fd(), name.as_bytes()).expect("a name");
        let target = letters::sender(name.as_bytes()).expect("a way there");
        // Linux keeps ten of them (net.unix.max_dgram_qlen).
        for _ in 0..=MOST {
            letters::send(target.as_fd(), b"MAINPID=9", &[]).expect("room");
        }
        let (line, _other) = letters::pair().expect("a line");
        let names = Names { target: 1, inner: 2, launcher: 3 };
        relay.pass(line.as_fd(), names);
        assert!(letters::receive(relay.incoming.as_fd()).is_ok(), "it waits for the next time");
        assert_eq!(letters::receive(relay.incoming.as_fd()).err(), Some(Errno::EAGAIN));
    }

    #[test]
    fn numbers_have_all_their_digits() {
        assert_eq!(decimal(u32::MAX, &mut [0; 10]), b"4294967295");
        assert_eq!(decimal(0, &mut [0; 10]), b"0");
    }
}
