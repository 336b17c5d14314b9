//! Machine architectures in systemd's words, as the kernel's audit numbers them.

use std::fmt;

/// An architecture whose system calls a filter can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 32-bit x86 (i386), also as a 64-bit kernel's compatible mode.
    X86,
    /// x86-64 with 32-bit pointers: the same audit number, and bit 30 set in the call's number.
    X32,
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit ARM (EABI).
    Arm,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit LoongArch.
    Loongarch64,
    /// 64-bit little-endian PowerPC.
    Ppc64Le,
    /// 64-bit PowerPC.
    Ppc64,
    /// 32-bit PowerPC.
    Ppc,
    /// 64-bit IBM Z.
    S390x,
    /// 31-bit IBM Z.
    S390,
    /// 32-bit MIPS.
    Mips,
    /// 32-bit little-endian MIPS.
    MipsLe,
    /// 64-bit MIPS.
    Mips64,
    /// 64-bit little-endian MIPS.
    Mips64Le,
    /// 64-bit MIPS with 32-bit pointers.
    Mips64N32,
    /// 64-bit little-endian MIPS with 32-bit pointers.
    Mips64LeN32,
    /// 32-bit PA-RISC.
    Parisc,
    /// 64-bit PA-RISC.
    Parisc64,
}

/// Every architecture, its word in `SystemCallArchitectures=` and its `AUDIT_ARCH_*` number (`linux/audit.h`).
const WORDS: [(Arch, &str, u32); 20] = [
    (Arch::X86_64, "x86-64", 0xc000_003e),
    (Arch::X86, "x86", 0x4000_0003),
    (Arch::X32, "x32", 0xc000_003e),
    (Arch::Aarch64, "arm64", 0xc000_00b7),
    (Arch::Arm, "arm", 0x4000_0028),
    (Arch::Riscv64, "riscv64", 0xc000_00f3),
    (Arch::Loongarch64, "loongarch64", 0xc000_0102),
    (Arch::Ppc64Le, "ppc64-le", 0xc000_0015),
    (Arch::Ppc64, "ppc64", 0x8000_0015),
    (Arch::Ppc, "ppc", 0x14),
    (Arch::S390x, "s390x", 0x8000_0016),
    (Arch::S390, "s390", 0x16),
    (Arch::Mips, "mips", 0x8),
    (Arch::MipsLe, "mips-le", 0x4000_0008),
    (Arch::Mips64, "mips64", 0x8000_0008),
    (Arch::Mips64Le, "mips64-le", 0xc000_0008),
    (Arch::Mips64N32, "mips64-n32", 0xa000_0008),
    (Arch::Mips64LeN32, "mips64-le-n32", 0xe000_0008),
    (Arch::Parisc, "parisc", 0xf),
    (Arch::Parisc64, "parisc64", 0x8000_000f),
];

impl Arch {
    /// The architecture that this program was built for.
    pub const fn native() -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self::X86_64;
        #[cfg(target_arch = "aarch64")]
        return Self::Aarch64;
        #[cfg(target_arch = "riscv64")]
        return Self::Riscv64;
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
        compile_error!("stockade has no system call table for this architecture");
    }

    /// Reads systemd's word for an architecture: `native`, `x86-64`, `x86`, `x32`, `arm64`, …
    pub fn parse(word: &str) -> Option<Self> {
        if word == "native" {
            return Some(Self::native());
        }
        WORDS.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// All the words that [`Arch::parse`] reads.
    pub fn words() -> impl Iterator<Item = &'static str> {
        std::iter::once("native").chain(WORDS.iter().map(|row| row.1))
    }

    /// systemd's word for it.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// The number in `seccomp_data.arch`.
    pub fn audit(self) -> u32 {
        self.row().2
    }

    /// Whether a kernel of the `native` architecture can run calls of this one.
    pub fn runs_on(self, native: Self) -> bool {
        match native {
            Self::X86_64 => matches!(self, Self::X86_64 | Self::X86 | Self::X32),
            Self::Aarch64 => matches!(self, Self::Aarch64 | Self::Arm),
            other => self == other,
        }
    }

    /// Whether its system call arguments have 32 bits at most.
    pub fn is_narrow(self) -> bool {
        matches!(self, Self::X86 | Self::Arm | Self::Ppc | Self::S390 | Self::Mips | Self::MipsLe | Self::Parisc)
    }

    fn row(self) -> (Self, &'static str, u32) {
        WORDS[self as usize]
    }
}

/// systemd's word.
impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_own_place() {
        for (arch, word, audit) in WORDS {
            assert_eq!((arch.word(), arch.audit()), (word, audit));
            assert_eq!(Arch::parse(word), Some(arch));
        }
        assert_eq!(Arch::parse("native"), Some(Arch::native()));
        assert_eq!(Arch::parse("amd64"), None);
    }
}
