//! What the programs fetch for each call that tells something: the table of calls, in the eight bytes that they read.

use super::machine::{ARCHES, NUMBERS};
use super::maps::Maps;
use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::learn::observed::Use;
use crate::learn::reading::{At, Tells, table, tells};

/// In place of an argument: the working directory.
pub(super) const HERE: u8 = 7;
/// A block of a fixed length, which is in the other bits.
pub(super) const FIXED: u8 = 0x80;
/// Failing with ENOENT, the call tells nothing.
pub(super) const VAIN: u8 = 0x80;
/// The number that a call of socketcall(2) has among the others of its architecture, which has none as high.
pub(super) const CALLED: u32 = NUMBERS - 24;

/// When a call tells something, and what else is done for it. `what` is the argument that it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// Always.
    #[default]
    Plain = 1,
    /// When `what` has PROT_EXEC.
    Executable,
    /// When `what` asks for a namespace.
    Namespace,
    /// When `what` is not null.
    Sent,
    /// A file is opened with the flags in `what`.
    Open,
    /// A file is opened and may be made.
    Make,
    /// A signal to the process in `what`.
    Signal,
    /// A message with an address, in `what`.
    Message,
    /// The call in the first argument, with its own arguments at the second.
    Called,
    /// When the block asks for a namespace.
    Started,
    /// A socket's address.
    Socket,
    /// When it fails.
    Execute,
}

/// One row. Arguments are counted from one; none is zero.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// Texts, and the directories that they start from.
    texts: [(u8, u8); 2],
    /// A block of memory, and its length: an argument, or [`FIXED`].
    block: (u8, u8),
    what: u8,
    kind: Kind,
    vain: bool,
}

impl Row {
    fn word(self) -> u64 {
        let [(one, from), (other, other_from)] = self.texts;
        let vain = if self.vain { VAIN } else { 0 };
        let (block, length) = self.block;
        u64::from_le_bytes([one, from, other, other_from, block, length, self.what, self.kind as u8 | vain])
    }
}

/// Counted from one.
fn number(index: usize) -> u8 {
    u8::try_from(index + 1).unwrap_or(0)
}

fn text(at: At) -> (u8, u8) {
    (number(at.path), at.dir.map_or(HERE, number))
}

fn row(tells: Tells) -> Option<Row> {
    let none = Row::default();
    let looks = |at: At| matches!(at.kind, Use::Look | Use::Read | Use::List | Use::Execute);
    let path = |at: At| Row { texts: [text(at), (0, 0)], vain: looks(at), ..none };
    let cwd = [(0, HERE), (0, 0)];
    Some(match tells {
        Tells::Nothing | Tells::Ends(_) => return None,
        Tells::Directory => Row { texts: [(1, HERE), (0, 0)], vain: true, ..none },
        Tells::Path(at) | Tells::Mode(at, _) => path(at),
        Tells::Paths(one, other) => Row { texts: [text(one), text(other)], ..none },
        Tells::FileMode => Row { texts: [(0, 1), (0, 0)], ..none },
        Tells::Open(dir, at) => {
            let texts = [(number(at), dir.map_or(HERE, number)), (0, 0)];
            Row { texts, what: number(at + 1), kind: Kind::Open, vain: true, ..none }
        }
        Tells::OpenHow => Row { texts: [(2, 1), (0, 0)], block: (3, FIXED | 0x18), kind: Kind::Make, ..none },
        Tells::Creat => Row { texts: [(1, HERE), (0, 0)], kind: Kind::Make, ..none },
        Tells::Execute(dir, at) => {
            let texts = [(number(at), dir.map_or(HERE, number)), (0, 0)];
            Row { texts, kind: Kind::Execute, vain: true, ..none }
        }
        Tells::Socket | Tells::Enter | Tells::Scheduler | Tells::Personality | Tells::SignalBy | Tells::Blind => none,
        Tells::Connect | Tells::Bind => Row { texts: cwd, block: (2, 3), kind: Kind::Socket, ..none },
        Tells::SendTo => Row { texts: cwd, block: (5, 6), what: 5, kind: Kind::Sent, ..none },
        Tells::SendMessage => Row { texts: cwd, what: 2, kind: Kind::Message, ..none },
        Tells::SocketCall => Row { kind: Kind::Called, ..none },
        Tells::Map => Row { texts: [(0, 5), (0, 0)], what: 3, kind: Kind::Executable, ..none },
        Tells::Protect => Row { what: 3, kind: Kind::Executable, ..none },
        Tells::Clone(flags) => Row { what: number(flags), kind: Kind::Namespace, ..none },
        Tells::Clone3 => Row { block: (1, FIXED | 0x08), kind: Kind::Started, ..none },
        Tells::Limit(_, new) => Row { block: (number(new), FIXED | 0x10), what: number(new), kind: Kind::Sent, ..none },
        Tells::SchedulerAttributes => Row { block: (2, FIXED | 0x08), ..none },
        Tells::Signal(at) => Row { what: number(at), kind: Kind::Signal, ..none },
    })
}

/// The texts that a call has, and the directories that they start from; arguments, counted from one.
pub(super) fn texts(tells: Tells) -> [(u8, u8); 2] {
    row(tells).map_or([(0, 0); 2], |row| row.texts)
}

/// The calls of socketcall(2).
fn called(number: u32) -> Tells {
    match number.checked_sub(CALLED) {
        Some(1) => tells("socket"),
        Some(2) => tells("bind"),
        Some(3) => tells("connect"),
        Some(11) => tells("sendto"),
        Some(16) => tells("sendmsg"),
        Some(20) => tells("sendmmsg"),
        _ => Tells::Nothing,
    }
}

/// What each call tells, by architecture and number.
pub(super) fn all() -> Vec<Tells> {
    let mut all = Vec::new();
    for arch in ARCHES {
        let known = table(arch);
        for number in 0..NUMBERS {
            let tells = known.get(number as usize).copied().unwrap_or(Tells::Nothing);
            all.push(if arch == Arch::X86 && number >= CALLED { called(number) } else { tells });
        }
        debug_assert!(calls::newest(arch) < CALLED, "{arch} has a call with a number that another use was made of");
    }
    all
}

/// Writes the table for the programs.
pub(super) fn write(maps: &Maps, all: &[Tells]) {
    for (place, tells) in all.iter().enumerate() {
        if let Some(row) = row(*tells) {
            maps.table.set_word(place * 8, row.word());
        }
    }
}
