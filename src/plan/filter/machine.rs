//! Classic BPF as seccomp takes it: instructions, and a machine that runs them as the kernel would.
//!
//! The machine is the tests' judge of what the compiler makes; it knows exactly the instructions that the compiler emits
//! and refuses all others, so that nothing the kernel might read otherwise goes unnoticed.

use std::fmt;

/// One instruction: `struct sock_filter` of `linux/filter.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// The operation, one of this module's constants.
    pub code: u16,
    /// How many instructions to skip when a comparison holds.
    pub jt: u8,
    /// How many to skip when it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// Load the 32-bit word at offset `k` of the call's data.
pub const LOAD: u16 = 0x20;
/// Keep only the bits of `k`.
pub const AND: u16 = 0x54;
/// Skip `k` instructions.
pub const JUMP: u16 = 0x05;
/// Equal to `k`?
pub const EQUAL: u16 = 0x15;
/// Greater than `k`?
pub const GREATER: u16 = 0x25;
/// At least `k`?
pub const AT_LEAST: u16 = 0x35;
/// Any bit of `k` set?
pub const ANY_BIT: u16 = 0x45;
/// Answer `k`.
pub const RETURN: u16 = 0x06;

/// The longest program the kernel takes (`BPF_MAXINSNS`).
pub const LIMIT: usize = 4096;

/// Offset of the call's number in `struct seccomp_data`.
pub const NUMBER: u32 = 0;
/// Offset of the architecture.
pub const ARCH: u32 = 4;
/// Offset of the first argument; each has eight bytes, the low word first.
pub const ARGS: u32 = 16;

/// What a filter sees of a call: `struct seccomp_data` of `linux/seccomp.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// The call's number.
    pub nr: u32,
    /// The architecture's `AUDIT_ARCH_*`.
    pub arch: u32,
    /// The address of the instruction after the call's.
    pub ip: u64,
    /// The six argument registers.
    pub args: [u64; 6],
}

impl Data {
    /// The word at an offset, on a little-endian machine.
    fn word(&self, offset: u32) -> Option<u32> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        let index = usize::try_from(offset / 4).ok()?;
        match index {
            0 => Some(self.nr),
            1 => Some(self.arch),
            2 => Some(half(self.ip, 0)),
            3 => Some(half(self.ip, 1)),
            _ => self.args.get((index - 4) / 2).map(|arg| half(*arg, index % 2)),
        }
    }
}

fn half(value: u64, which: usize) -> u32 {
    let bytes = value.to_le_bytes();
    let at = which * 4;
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Why a program is not one that the kernel would load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// No instructions, or more than [`LIMIT`].
    Length(usize),
    /// An instruction that the compiler never emits.
    Operation(usize),
    /// A jump past the end.
    Jump(usize),
    /// A load from outside the call's data.
    Load(usize),
    /// The last instruction does not answer.
    End,
}

/// What is wrong, and at which instruction.
impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "{length} instructions"),
            Self::Operation(at) => write!(f, "unknown operation at {at}"),
            Self::Jump(at) => write!(f, "jump past the end at {at}"),
            Self::Load(at) => write!(f, "load from outside the data at {at}"),
            Self::End => f.write_str("the program does not end with an answer"),
        }
    }
}

impl std::error::Error for Invalid {}

/// Checks a program as the kernel's `bpf_check_classic` and `seccomp_check_filter` do.
pub fn check(code: &[Instruction]) -> Result<(), Invalid> {
    if code.is_empty() || code.len() > LIMIT {
        return Err(Invalid::Length(code.len()));
    }
    for (at, instruction) in code.iter().enumerate() {
        let room = code.len() - at - 1;
        let fits = |skip: u32| usize::try_from(skip).is_ok_and(|skip| skip < room);
        match instruction.code {
            LOAD if Data::default().word(instruction.k).is_none() => return Err(Invalid::Load(at)),
            LOAD | AND | RETURN => {}
            JUMP if fits(instruction.k) => {}
            EQUAL | GREATER | AT_LEAST | ANY_BIT
                if fits(u32::from(instruction.jt)) && fits(u32::from(instruction.jf)) => {}
            JUMP | EQUAL | GREATER | AT_LEAST | ANY_BIT => return Err(Invalid::Jump(at)),
            _ => return Err(Invalid::Operation(at)),
        }
    }
    match code.last() {
        Some(last) if last.code == RETURN => Ok(()),
        _ => Err(Invalid::End),
    }
}

/// Runs a program on a call and gives its answer.
pub fn run(code: &[Instruction], data: &Data) -> Result<u32, Invalid> {
    check(code)?;
    answer(code, data)
}

/// The answer of a program that has been checked.
pub fn answer(code: &[Instruction], data: &Data) -> Result<u32, Invalid> {
    let (mut at, mut a) = (0, 0);
    loop {
        let instruction = code.get(at).ok_or(Invalid::End)?;
        let k = instruction.k;
        let holds = match instruction.code {
            RETURN => return Ok(k),
            LOAD => {
                a = data.word(k).ok_or(Invalid::Load(at))?;
                at += 1;
                continue;
            }
            AND => {
                a &= k;
                at += 1;
                continue;
            }
            JUMP => {
                at += 1 + usize::try_from(k).map_err(|_| Invalid::Jump(at))?;
                continue;
            }
            EQUAL => a == k,
            GREATER => a > k,
            AT_LEAST => a >= k,
            ANY_BIT => a & k != 0,
            _ => return Err(Invalid::Operation(at)),
        };
        at += 1 + usize::from(if holds { instruction.jt } else { instruction.jf });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
        Instruction { code, jt, jf, k }
    }

    #[test]
    fn bad_programs_are_refused() {
        assert_eq!(check(&[]), Err(Invalid::Length(0)));
        assert_eq!(check(&vec![op(RETURN, 0, 0, 0); 4097]), Err(Invalid::Length(4097)));
        assert_eq!(check(&[op(LOAD, 0, 0, 0)]), Err(Invalid::End));
        assert_eq!(check(&[op(LOAD, 0, 0, 2), op(RETURN, 0, 0, 0)]), Err(Invalid::Load(0)));
        assert_eq!(check(&[op(LOAD, 0, 0, 64), op(RETURN, 0, 0, 0)]), Err(Invalid::Load(0)));
        assert_eq!(check(&[op(EQUAL, 0, 1, 0), op(RETURN, 0, 0, 0)]), Err(Invalid::Jump(0)));
        assert_eq!(check(&[op(JUMP, 0, 0, 1), op(RETURN, 0, 0, 0)]), Err(Invalid::Jump(0)));
        assert_eq!(check(&[op(0x02, 0, 0, 0), op(RETURN, 0, 0, 0)]), Err(Invalid::Operation(0)));
    }

    #[test]
    fn words_come_from_their_places() {
        let data = Data { nr: 1, arch: 2, ip: 3 << 32 | 4, args: [5, 6 << 32 | 7, 8, 9, 10, 11 << 32] };
        let words: Vec<u32> = (0..16).filter_map(|index| data.word(index * 4)).collect();
        assert_eq!(words, [1, 2, 4, 3, 5, 0, 7, 6, 8, 0, 9, 0, 10, 0, 0, 11]);
        let load = |offset| {
            run(&[op(LOAD, 0, 0, offset), op(EQUAL, 0, 1, 6), op(RETURN, 0, 0, 1), op(RETURN, 0, 0, 0)], &data)
        };
        assert_eq!((load(28), load(24)), (Ok(1), Ok(0)));
    }
}
