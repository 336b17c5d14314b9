//! What differs between machines: where a call's number is, and what calls of 32 bits look like.

use crate::draft::arch::Arch;

/// How many numbers each architecture has room for.
pub(super) const NUMBERS: u32 = 1024;

/// The architectures whose calls are told apart; each one's counts begin at [`NUMBERS`] times its place.
#[cfg(target_arch = "x86_64")]
pub(super) const ARCHES: [Arch; 3] = [Arch::X86_64, Arch::X86, Arch::X32];
/// The architectures whose calls are told apart; each one's counts begin at [`NUMBERS`] times its place.
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHES: [Arch; 2] = [Arch::Aarch64, Arch::Arm];
/// The architectures whose calls are told apart; each one's counts begin at [`NUMBERS`] times its place.
#[cfg(target_arch = "riscv64")]
pub(super) const ARCHES: [Arch; 1] = [Arch::Riscv64];

/// The number in `pt_regs`.
#[cfg(target_arch = "x86_64")]
pub(super) const NUMBER: &str = "orig_ax";
/// The number in `pt_regs`.
#[cfg(target_arch = "aarch64")]
pub(super) const NUMBER: &str = "syscallno";
/// The number in `pt_regs`.
#[cfg(target_arch = "riscv64")]
pub(super) const NUMBER: &str = "a7";

/// The member of `thread_info` and its bits that say that a call is one of 32 bits (TS_COMPAT).
#[cfg(target_arch = "x86_64")]
pub(super) const NARROW: Option<(&str, i32)> = Some(("status", 2));
/// The member of `thread_info` and its bits that say that a call is one of 32 bits (TIF_32BIT).
#[cfg(target_arch = "aarch64")]
pub(super) const NARROW: Option<(&str, i32)> = Some(("flags", 1 << 22));
/// There are none.
#[cfg(target_arch = "riscv64")]
pub(super) const NARROW: Option<(&str, i32)> = None;

/// Where `pt_regs` has a call's arguments, also after the call: members, and bytes after their beginning.
#[cfg(target_arch = "x86_64")]
pub(super) const ARGS: [(&str, i32); 6] = [("di", 0), ("si", 0), ("dx", 0), ("r10", 0), ("r8", 0), ("r9", 0)];
/// And those of a call of 32 bits.
#[cfg(target_arch = "x86_64")]
pub(super) const NARROW_ARGS: [(&str, i32); 6] = [("bx", 0), ("cx", 0), ("dx", 0), ("si", 0), ("di", 0), ("bp", 0)];

/// Where `pt_regs` has a call's arguments, also after the call: members, and bytes after their beginning.
#[cfg(target_arch = "aarch64")]
pub(super) const ARGS: [(&str, i32); 6] =
    [("orig_x0", 0), ("regs", 8), ("regs", 16), ("regs", 24), ("regs", 32), ("regs", 40)];
/// And those of a call of 32 bits.
#[cfg(target_arch = "aarch64")]
pub(super) const NARROW_ARGS: [(&str, i32); 6] = ARGS;

/// Where `pt_regs` has a call's arguments, also after the call: members, and bytes after their beginning.
#[cfg(target_arch = "riscv64")]
pub(super) const ARGS: [(&str, i32); 6] = [("orig_a0", 0), ("a1", 0), ("a2", 0), ("a3", 0), ("a4", 0), ("a5", 0)];
/// And those of a call of 32 bits.
#[cfg(target_arch = "riscv64")]
pub(super) const NARROW_ARGS: [(&str, i32); 6] = ARGS;

/// The place in [`ARCHES`] of the first architecture of 32 bits, and of those whose words in memory are of 32 bits.
pub(super) const NARROW_PLACE: u32 = 1;

/// Two members of `pt_regs` that are the same when a call was made by the instruction of 64 bits, which leaves its return
/// address in a register; where they are not, another look is needed.
#[cfg(target_arch = "x86_64")]
pub(super) const CALLED_BY: Option<(&str, &str)> = Some(("cx", "ip"));
/// There are none.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const CALLED_BY: Option<(&str, &str)> = None;
