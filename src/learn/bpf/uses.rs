//! What processes have used of what limits count, from the kernel's own peaks, as they end; and how many live.

use super::assembler::{Alu, Assembler, FRAME, Helper, R0, R1, R2, R3, R6, R7, R8, Register, Size, When};
use super::maps::Maps;
use super::program::{Make, element, read_kernel, small};
use crate::fault::Fault;
use crate::learn::observed::{Observed, Part, most};

/// Where [`Maps::uses`] has the number of threads that live.
pub(super) const ALIVE: usize = 0;
/// And how many have ended whose memory was gone by then: before Linux 6.16 all.
const GONE: usize = 8;
/// Where it has what this CPU has seen, and how long that is as a power of two.
const FIRST: u32 = 64;
const SHIFT: u32 = 6;

/// What a CPU has seen: the most that was used, by limit.
const MOST: [(u32, i16); 5] = [
    (libc::RLIMIT_NPROC, 0),
    (libc::RLIMIT_NOFILE, 8),
    (libc::RLIMIT_AS, 16),
    (libc::RLIMIT_STACK, 24),
    (libc::RLIMIT_RSS, 32),
];
/// And the soft limits that were near.
const NEAR: [(u32, i16); 3] = [(libc::RLIMIT_NOFILE, 40), (libc::RLIMIT_AS, 48), (libc::RLIMIT_STACK, 56)];

/// The frame, from its end.
const SIGNAL: i16 = -24;
const WORD: i16 = -32;

/// How long all of it is.
pub(super) fn size(slots: u32) -> u32 {
    FIRST + (slots << SHIFT)
}

/// How many live, when it begins; those that are born meanwhile are added.
pub(super) fn begin(maps: &Maps, alive: u64) {
    maps.uses.add_word(ALIVE, alive);
    maps.uses.set_word(FIRST as usize, maps.uses.word(FIRST as usize).max(alive));
}

/// What was seen, into the observation.
pub(super) fn finish(maps: &Maps, observed: &mut Observed) {
    let word =
        |slot: u32, at: i16| maps.uses.word((FIRST + (slot << SHIFT)) as usize + usize::from(at.cast_unsigned()));
    for slot in 0..maps.slots {
        for (rows, into) in [(&MOST[..], &mut observed.limits), (&NEAR[..], &mut observed.near)] {
            let seen = rows.iter().map(|(limit, at)| (*limit, word(slot, *at))).filter(|(_, value)| *value > 0);
            most(into, seen.collect());
        }
    }
    if maps.uses.word(GONE) > 0 {
        observed.unknown.insert(Part::Memory);
    }
}

fn place(rows: &[(u32, i16)], limit: u32) -> i16 {
    rows.iter().find(|(known, _)| *known == limit).map_or(0, |(_, at)| *at)
}

impl Make<'_> {
    /// `r6` = where this CPU writes what it sees.
    fn slot(&self, asm: &mut Assembler) {
        asm.call(Helper::Cpu);
        asm.alu_value(Alu::And, R0, small(self.maps.slots - 1));
        element(asm, self.maps.uses.number(), R0, small(SHIFT));
        asm.alu_value(Alu::Add, R1, small(FIRST));
        asm.copy(R6, R1);
    }

    fn add(&self, asm: &mut Assembler, at: usize, value: i32) {
        asm.value(R1, self.maps.uses.number());
        asm.set(R2, value);
        asm.add_atomic(R1, i16::try_from(at).unwrap_or(0), R2);
    }

    /// One more lives. Loses r6 and r8.
    pub(super) fn born(&self, asm: &mut Assembler) {
        self.add(asm, ALIVE, 1);
        asm.load(Size::Double, R8, R1, i16::try_from(ALIVE).unwrap_or(0));
        self.slot(asm);
        keep(asm, &MOST, libc::RLIMIT_NPROC, R8);
    }

    /// One less, and what it used. Loses r6 to r8.
    pub(super) fn used(&self, asm: &mut Assembler) -> Result<(), Fault> {
        let of = |structure: &str, member: &str| self.layout.offset(structure, member);
        let (memory, gone, done) = (asm.label(), asm.label(), asm.label());
        self.add(asm, ALIVE, -1);
        self.slot(asm);
        asm.call(Helper::Task);
        asm.copy(R7, R0);
        let follow = |asm: &mut Assembler, from: Register, offset: i32| {
            read_kernel(asm, WORD.into(), 8, from, offset);
            asm.load(Size::Double, R8, FRAME, WORD);
        };
        read_kernel(asm, SIGNAL.into(), 8, R7, of("task_struct", "signal")?);
        follow(asm, R7, of("task_struct", "files")?);
        asm.jump(When::Equal, R8, 0, memory);
        follow(asm, R8, of("files_struct", "fdt")?);
        read_kernel(asm, WORD.into(), 4, R8, of("fdtable", "max_fds")?);
        asm.load(Size::Word, R8, FRAME, WORD);
        self.keep(asm, libc::RLIMIT_NOFILE)?;
        asm.here(memory);
        asm.load(Size::Double, R1, FRAME, SIGNAL);
        follow(asm, R1, of("signal_struct", "maxrss")?);
        self.bytes(asm);
        keep(asm, &MOST, libc::RLIMIT_RSS, R8);
        follow(asm, R7, of("task_struct", "mm")?);
        asm.jump(When::Equal, R8, 0, gone);
        asm.copy(R7, R8);
        follow(asm, R7, of("mm_struct", "stack_vm")?);
        self.bytes(asm);
        self.keep(asm, libc::RLIMIT_STACK)?;
        // The peak is written down only when it gets less.
        for member in ["total_vm", "hiwater_vm"] {
            follow(asm, R7, of("mm_struct", member)?);
            self.bytes(asm);
            self.keep(asm, libc::RLIMIT_AS)?;
        }
        asm.go(done);
        asm.here(gone);
        self.add(asm, GONE, 1);
        asm.here(done);
        Ok(())
    }

    /// `r8` = so many pages in bytes.
    fn bytes(&self, asm: &mut Assembler) {
        asm.alu_value(Alu::Left, R8, small(self.page.trailing_zeros()));
    }

    /// Keeps r8 when it is the most that was used, and the soft limit when it is more than half of that.
    fn keep(&self, asm: &mut Assembler, limit: u32) -> Result<(), Fault> {
        /// `struct rlimit`: the soft limit, and the hard one.
        const RLIMIT: i32 = 16;
        let far = asm.label();
        keep(asm, &MOST, limit, R8);
        let at = self.layout.offset("signal_struct", "rlim")? + RLIMIT * small(limit);
        asm.load(Size::Double, R1, FRAME, SIGNAL);
        read_kernel(asm, WORD.into(), 8, R1, at);
        asm.load(Size::Double, R2, FRAME, WORD);
        asm.copy(R3, R8);
        asm.alu_value(Alu::Left, R3, 1);
        asm.jump_register(When::AtLeast, R2, R3, far);
        keep(asm, &NEAR, limit, R2);
        asm.here(far);
        Ok(())
    }
}

/// Keeps the register in the place at r6 when it is higher. Loses r1.
fn keep(asm: &mut Assembler, rows: &[(u32, i16)], limit: u32, value: Register) {
    let less = asm.label();
    asm.load(Size::Double, R1, R6, place(rows, limit));
    asm.jump_register(When::AtLeast, R1, value, less);
    asm.store(Size::Double, R6, place(rows, limit), value);
    asm.here(less);
}
