//! An event, as its program wrote it: a call like any other.

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::event::{
    ADDRESS, ARGS, BASE, BLOCK, CREATED, DATA, EXECUTED, FLAGS, NAME, NESTED, RESULT, ROOT, ROW, SECOND, SECOND_BASE,
    SOCKET, STATE, TASK, TEXT,
};
use super::machine::{ARCHES, NUMBERS};
use super::row::{HERE, texts};
use crate::draft::arch::Arch;
use crate::learn::reading::{Call, Real, Tells};
use crate::sys::notify::int;

/// One event.
#[derive(Clone)]
pub(super) struct Event<'a> {
    bytes: &'a [u8],
    args: [u64; 6],
    /// Its texts and their directories, as the row says: arguments counted from one.
    texts: [(u8, u8); 2],
    /// Whether the working directory is the one that the call has led to.
    moved: bool,
    /// Whether a process is not below the control group that is watched, where one is.
    elsewhere: &'a dyn Fn(i32) -> bool,
    /// How many looks at processes have failed though they were there.
    unread: &'a Cell<u64>,
}

impl<'a> Event<'a> {
    /// Reads what a program wrote; nothing where it is too short.
    pub(super) fn new(
        bytes: &'a [u8],
        all: &[Tells],
        elsewhere: &'a dyn Fn(i32) -> bool,
        unread: &'a Cell<u64>,
    ) -> Option<(Self, Tells)> {
        if bytes.len() < offset(DATA) {
            return None;
        }
        let mut event = Self { bytes, args: [0; 6], texts: [(0, 0); 2], moved: false, elsewhere, unread };
        for (index, arg) in event.args.iter_mut().enumerate() {
            *arg = double(bytes, offset(ARGS) + 8 * index);
        }
        let tells = all.get(event.word(ROW) as usize).copied()?;
        event.texts = texts(tells);
        event.moved = matches!(tells, Tells::Directory) && event.result() == 0;
        Some((event, tells))
    }

    fn word(&self, at: i16) -> u32 {
        let place = offset(at);
        let bytes = self.bytes.get(place..place + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_ne_bytes)
    }

    fn flag(&self, bit: i32) -> bool {
        self.word(FLAGS).cast_signed() & bit != 0
    }

    /// What the call came to.
    pub(super) fn result(&self) -> i64 {
        double(self.bytes, offset(RESULT)).cast_signed()
    }

    /// The root directory, by a name that only the kernel knows.
    pub(super) fn root(&self) -> (u64, u64) {
        (double(self.bytes, offset(ROOT)), double(self.bytes, offset(ROOT) + 8))
    }

    /// The program that was executed, as it was named and as it is.
    pub(super) fn executed(&self) -> Option<(Option<PathBuf>, Option<PathBuf>)> {
        if !self.flag(EXECUTED) {
            return None;
        }
        let name = Path::new(OsStr::from_bytes(self.data(0, self.word(TEXT))?));
        let named = if name.starts_with("/dev/fd") {
            // By its descriptor, which is closed.
            None
        } else if name.is_absolute() {
            Some(self.own(name))
        } else {
            self.base(BASE).map(|base| base.join(name))
        };
        Some((named, self.base(SECOND_BASE)))
    }

    /// What is between two places, without the zero at its end.
    fn data(&self, at: u32, length: u32) -> Option<&'a [u8]> {
        let start = offset(DATA) + at as usize;
        self.bytes.get(start..start + (length as usize).checked_sub(1)?)
    }

    /// A directory, or file, from its names.
    fn base(&self, at: i16) -> Option<PathBuf> {
        let length = self.word(at + 4);
        // Longer by one than it is, so that the root itself is something.
        let names = self.data(self.word(at), length)?;
        let mut path = PathBuf::from("/");
        let names: Vec<&[u8]> = names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
        path.extend(names.into_iter().rev().map(OsStr::from_bytes));
        Some(path)
    }

    /// The directory of the first text that starts from this one.
    fn start(&self, is: impl Fn(u8) -> bool) -> Option<PathBuf> {
        let both = self.texts.iter().zip([BASE, SECOND_BASE]);
        both.filter(|((_, dir), _)| *dir != 0 && is(*dir)).find_map(|(_, at)| self.base(at))
    }

    /// An argument counted from one.
    fn counted(&self, number: u8) -> Option<u64> {
        self.args.get(usize::from(number).checked_sub(1)?).copied()
    }
}

fn offset(at: i16) -> usize {
    usize::from(at.cast_unsigned())
}

fn double(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

impl Call for Event<'_> {
    fn arch(&self) -> Arch {
        ARCHES.get((self.word(ROW) / NUMBERS) as usize).copied().unwrap_or(Arch::native())
    }

    fn args(&self) -> &[u64; 6] {
        &self.args
    }

    fn with(&self, args: [u64; 6]) -> Self {
        Self { args, ..self.clone() }
    }

    fn thread(&self) -> u32 {
        self.word(TASK)
    }

    fn unread(&self) -> &Cell<u64> {
        self.unread
    }

    fn name(&self) -> String {
        let name = self.bytes.get(offset(NAME)..offset(NAME) + 16).unwrap_or_default();
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned()
    }

    fn memory(&self, address: u64, into: &mut [u8]) -> Result<usize, Errno> {
        for at in [BLOCK, ADDRESS] {
            let (start, length) = (double(self.bytes, offset(at)), self.word(at + 8) as usize);
            let Some(inside) = address.checked_sub(start).and_then(|inside| usize::try_from(inside).ok()) else {
                continue;
            };
            if start != 0 && inside < length {
                let from = offset(at) + 16;
                let there = self.bytes.get(from + inside..from + length).ok_or(Errno::EFAULT)?;
                let size = there.len().min(into.len());
                into.get_mut(..size).unwrap_or_default().copy_from_slice(there.get(..size).unwrap_or_default());
                return Ok(size);
            }
        }
        Err(Errno::EFAULT)
    }

    fn text(&self, address: u64) -> Result<Vec<u8>, Errno> {
        if self.moved
            && let Some(directory) = self.base(BASE)
        {
            return Ok(directory.into_os_string().into_encoded_bytes());
        }
        let both = self.texts.iter().zip([(0, self.word(TEXT)), (self.word(SECOND), self.word(SECOND + 4))]);
        let mut found = both.filter(|((text, _), _)| self.counted(*text) == Some(address));
        let text = found.find_map(|(_, (at, length))| self.data(at, length));
        text.map(<[u8]>::to_vec).ok_or(Errno::EFAULT)
    }

    fn directory(&self) -> Option<PathBuf> {
        self.start(|dir| dir == HERE || self.counted(dir).map(int) == Some(libc::AT_FDCWD))
    }

    fn file(&self, number: i32) -> Option<PathBuf> {
        self.start(|dir| dir != HERE && self.counted(dir).map(int) == Some(number))
    }

    fn socket_type(&self, _: i32) -> Option<i32> {
        self.word(SOCKET).checked_sub(1).map(u32::cast_signed)
    }

    /// What has ended by now was what it was when the call was made.
    fn is_outside(&self, number: i32) -> bool {
        // A namespace of process numbers of its own has no others in it.
        if matches!(number, -1..=0) || self.flag(NESTED) || self.result() == -i64::from(libc::ESRCH) {
            return false;
        }
        self.word(STATE) == 0 && (self.elsewhere)(number.saturating_abs())
    }

    /// The kernel knows which call has made its file; of one that failed nothing was changed.
    fn is_missing(&self, path: &Path, real: &Real) -> bool {
        if self.result() < 0 { !real.exists(path) } else { self.flag(CREATED) }
    }
}
