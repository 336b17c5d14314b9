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
