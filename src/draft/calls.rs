//! System calls by name and number: our own table for x86-64, x86, x32 and arm64, libseccomp for the rest.
//!
//! The table is newer than most installed libseccomps and costs a lookup no allocation.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use libseccomp::{ScmpArch, ScmpSyscall};

use super::arch::Arch;
use super::table::{self, BY_NUMBER, COUNT, FIRST, NONE, ROWS, Row};

/// A call of the table: its place in the sorted list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(super) u16);

impl Id {
    /// The call with this name.
    pub fn named(name: &str) -> Option<Self> {
        // Sixty names begin alike on average, which a look at the first letter finds without comparing.
        let letter = usize::from(*name.as_bytes().first()?);
        let (start, end) = (*FIRST.get(letter)?, *FIRST.get(letter + 1)?);
        let rows = &ROWS[usize::from(start)..usize::from(end)];
        let at = rows.binary_search_by(|row| row.name().cmp(name)).ok()?;
        u16::try_from(at).ok().map(|at| Self(start + at))
    }

    /// The call's name.
    pub fn name(self) -> &'static str {
        self.row().name()
    }

    /// The call's number; x32's comes without its bit 30. Nothing for calls and architectures that the table lacks.
    pub fn number(self, arch: Arch) -> Option<u32> {
        let number = self.row().numbers[column(arch)?];
        (number != NONE).then_some(u32::from(number))
    }

    /// Every call of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..COUNT).filter_map(|at| u16::try_from(at).ok().map(Self))
    }

    fn row(self) -> &'static Row {
        &ROWS[usize::from(self.0)]
    }
}

/// A set of the table's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(pub(super) [u64; COUNT.div_ceil(64)]);

impl Set {
    /// The set without a call.
    pub const EMPTY: Self = Self([0; COUNT.div_ceil(64)]);

    /// Whether the call is in the set.
    pub fn contains(&self, id: Id) -> bool {
        self.0[usize::from(id.0) / 64] >> (id.0 % 64) & 1 == 1
    }

    /// Adds a call.
    pub fn insert(&mut self, id: Id) {
        self.0[usize::from(id.0) / 64] |= 1 << (id.0 % 64);
    }

    /// Adds all calls of another set.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    /// Takes all calls of another set away.
    pub fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, less)| *word &= !less);
    }

    /// How many calls the set has.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the set has no calls.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The calls, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = Id> + '_ {
        self.0.iter().zip((0_u16..).step_by(64)).flat_map(|(word, first)| {
            let rest = |left: &u64| Some(left & (left - 1)).filter(|left| *left != 0);
            let words = std::iter::successors(Some(*word).filter(|word| *word != 0), rest);
            // At most 63.
            words.map(move |left| Id(first + u16::try_from(left.trailing_zeros()).unwrap_or_default()))
        })
    }

    /// The calls as a policy's words name them, sorted by name.
    pub fn calls(&self) -> Vec<Call> {
        // A list that grows while it is filled is copied half a dozen times.
        let mut calls = Vec::with_capacity(self.len());
        calls.extend(self.iter().map(Call::Known));
        calls
    }
}

/// A system call as a policy names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// One of the table's.
    Known(Id),
    /// A bare number without a name: the native architecture's.
    Number(u32),
    /// A name that the table lacks: libseccomp's, or nobody's ([`Call::is_known`]).
    Named(Arc<str>),
}

impl Call {
    /// Reads a name or a native number. Whether anybody knows the name, [`Call::is_known`] tells.
    pub fn parse(word: &str) -> Self {
        if let Some(id) = Id::named(word) {
            return Self::Known(id);
        }
        match word.parse() {
            Ok(number) => by_number(Arch::native(), number).map_or(Self::Number(number), Self::Known),
            Err(_) => Self::Named(word.into()),
        }
    }

    /// The call's number on an architecture (x32's without bit 30), if it has one there.
    ///
    /// `native` is the architecture that bare numbers belong to.
    pub fn number(&self, arch: Arch, native: Arch) -> Option<u32> {
        match self {
            Self::Known(id) => {
                if column(arch).is_some() {
                    id.number(arch)
                } else {
                    foreign(arch, id.name())
                }
            }
            Self::Number(number) => (arch == native).then_some(*number),
            Self::Named(name) => foreign(arch, name),
        }
    }

    /// Whether the call exists on any architecture: in the table, as a number, or in the installed libseccomp.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Known(_) | Self::Number(_) => true,
            // libseccomp gives calls of other architectures negative numbers of its own.
            Self::Named(name) => ScmpSyscall::from_name(name).is_ok_and(|call| !call.is_error()),
        }
    }

    /// The call's name, or its number in digits.
    pub fn word(&self) -> Cow<'_, str> {
        match self {
            Self::Known(id) => Cow::Borrowed(id.name()),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Named(name) => Cow::Borrowed(name),
        }
    }
}

/// The name, or the number in digits.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word())
    }
}

/// The number of a named call. x32's comes without its bit 30.
pub fn number(arch: Arch, name: &str) -> Option<u32> {
    Call::parse(name).number(arch, Arch::native())
}

/// The name of a number.
pub fn name(arch: Arch, number: u32) -> Option<Cow<'static, str>> {
    if column(arch).is_some() {
        return by_number(arch, number).map(|id| Cow::Borrowed(id.name()));
    }
    if let Some(id) = shared(arch).and_then(|number_of| by_number(number_of, number)).filter(|_| number >= SHARED) {
        return Some(Cow::Borrowed(id.name()));
    }
    let call = ScmpSyscall::from_raw_syscall(i32::try_from(number).ok()?);
    call.get_name_by_arch(scmp(arch)?).ok().map(Cow::Owned)
}

/// The table's call with this number, on any architecture: by the number itself or by libseccomp's name for it.
pub fn identify(arch: Arch, number: u32) -> Option<Id> {
    if has_table(arch) { by_number(arch, number) } else { Id::named(&name(arch, number)?) }
}

/// The table's call with this number.
pub fn by_number(arch: Arch, number: u32) -> Option<Id> {
    let row = *BY_NUMBER[column(arch)?].get(usize::try_from(number).ok()?)?;
    (row != NONE).then_some(Id(row))
}

/// The highest number that any call of the table has; every newer call is unknown.
pub fn newest(arch: Arch) -> u32 {
    if arch == Arch::X32 { 547 } else { table::NEWEST }
}

/// The table's name that looks most like a misspelt one.
pub fn nearest(name: &str) -> Option<&'static str> {
    crate::fault::nearest(name, Id::all().map(Id::name))
}

/// Which arguments of a call are 32 bits wide (`int`, `unsigned int`, `pid_t`, `uid_t` …), argument 0 in bit 0.
/// All others fill a register, as do those of calls that the table lacks.
pub fn int_args(name: &str) -> u8 {
    Id::named(name).map_or(0, |id| id.row().ints)
}

/// How many low bits of an argument the kernel looks at: 16, 32 or 64.
pub fn bits(id: Option<Id>, arch: Arch, argument: u8) -> u8 {
    /// x86's oldest calls take 16-bit user and group numbers (`old_uid_t`).
    const OLD: [&str; 11] = [
        "chown",
        "fchown",
        "lchown",
        "setfsgid",
        "setfsuid",
        "setgid",
        "setregid",
        "setresgid",
        "setresuid",
        "setreuid",
        "setuid",
    ];
    let whole = if arch.is_narrow() { 32 } else { 64 };
    let Some(id) = id else { return whole };
    let (row, bit) = (id.row(), 1 << argument);
    // The first argument of fchown is the descriptor, of chown and lchown the path.
    let owner = matches!(arch, Arch::X86 | Arch::Arm)
        && OLD.contains(&row.name())
        && (argument > 0 || row.name().starts_with("set"))
        && row.ints & bit != 0;
    if row.shorts & bit != 0 || owner {
        16
    } else if row.ints & bit != 0 {
        32
    } else {
        whole
    }
}

/// Whether our own table has the architecture's numbers; others are libseccomp's.
pub fn has_table(arch: Arch) -> bool {
    column(arch).is_some()
}

/// The table's column for an architecture.
fn column(arch: Arch) -> Option<usize> {
    match arch {
        Arch::X86_64 => Some(0),
        Arch::X86 => Some(1),
        Arch::X32 => Some(2),
        Arch::Aarch64 => Some(3),
        _ => None,
    }
}

/// From this number on (Linux 5.1) all architectures number their calls alike, Alpha and MIPS excepted.
const SHARED: u32 = 424;

/// The table's architecture that has the same new calls as one without a table.
fn shared(arch: Arch) -> Option<Arch> {
    let alike = matches!(
        arch,
        Arch::Arm
            | Arch::Riscv64
            | Arch::Loongarch64
            | Arch::Ppc64Le
            | Arch::Ppc64
            | Arch::Ppc
            | Arch::S390x
            | Arch::S390
            | Arch::Parisc
            | Arch::Parisc64
    );
    alike.then_some(Arch::Aarch64)
}

/// The number on an architecture without a table: a shared one, or libseccomp's.
fn foreign(arch: Arch, name: &str) -> Option<u32> {
    let known = shared(arch).and_then(|number_of| Id::named(name)?.number(number_of));
    if let Some(number) = known.filter(|number| *number >= SHARED) {
        return Some(number);
    }
    let call = ScmpSyscall::from_name_by_arch(name, scmp(arch)?).ok()?;
    let number = u32::try_from(call.as_raw_syscall()).ok()?;
    Some(if arch == Arch::X32 { number & !X32_BIT } else { number })
}

/// Bit 30 of a call's number says x32 (`__X32_SYSCALL_BIT`).
pub const X32_BIT: u32 = 0x4000_0000;

/// The architecture of a call that was made, and its number there, from what the kernel tells: `AUDIT_ARCH_*` and the
/// number with x32's bit. Nothing for architectures whose programs stockade does not run beside.
pub fn made(audit: u32, number: u32) -> Option<(Arch, u32)> {
    const ARCHES: [Arch; 5] = [Arch::X86_64, Arch::X86, Arch::Aarch64, Arch::Arm, Arch::Riscv64];
    if audit == Arch::X86_64.audit() && number >= X32_BIT {
        return Some((Arch::X32, number - X32_BIT));
    }
    ARCHES.into_iter().find(|arch| arch.audit() == audit).map(|arch| (arch, number))
}

/// libseccomp's own name for an architecture.
fn scmp(arch: Arch) -> Option<ScmpArch> {
    Some(match arch {
        Arch::X86_64 => ScmpArch::X8664,
        Arch::X86 => ScmpArch::X86,
        Arch::X32 => ScmpArch::X32,
        Arch::Aarch64 => ScmpArch::Aarch64,
        Arch::Arm => ScmpArch::Arm,
        Arch::Riscv64 => ScmpArch::Riscv64,
        Arch::Ppc64Le => ScmpArch::Ppc64Le,
        Arch::Ppc64 => ScmpArch::Ppc64,
        Arch::Ppc => ScmpArch::Ppc,
        Arch::S390x => ScmpArch::S390X,
        Arch::S390 => ScmpArch::S390,
        Arch::Mips => ScmpArch::Mips,
        Arch::MipsLe => ScmpArch::Mipsel,
        Arch::Mips64 => ScmpArch::Mips64,
        Arch::Mips64Le => ScmpArch::Mipsel64,
        Arch::Mips64N32 => ScmpArch::Mips64N32,
        Arch::Mips64LeN32 => ScmpArch::Mipsel64N32,
        Arch::Parisc => ScmpArch::Parisc,
        Arch::Parisc64 => ScmpArch::Parisc64,
        Arch::Loongarch64 => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(ROWS.is_sorted_by(|a, b| a.name() < b.name()));
        for id in Id::all() {
            assert_eq!(Id::named(id.name()), Some(id));
        }
        assert_eq!(Id::named("opneat"), None);
        assert_eq!(nearest("opneat"), Some("openat"));
    }

    #[test]
    fn libseccomp_agrees_on_every_number_it_knows() {
        for arch in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64] {
            let theirs = scmp(arch).expect("a libseccomp architecture");
            let mut compared = 0;
            for id in Id::all() {
                let Ok(call) = ScmpSyscall::from_name_by_arch(id.name(), theirs) else { continue };
                if let Ok(number) = u32::try_from(call.as_raw_syscall()) {
                    let number = if arch == Arch::X32 { number & !X32_BIT } else { number };
                    assert_eq!(id.number(arch), Some(number), "{} on {arch}", id.name());
                    compared += 1;
                }
            }
            assert!(compared > 290, "only {compared} on {arch}");
            for number in 0..1024 {
                let raw = if arch == Arch::X32 { number | X32_BIT } else { number };
                let call = ScmpSyscall::from_raw_syscall(i32::try_from(raw).expect("a small number"));
                if let Ok(name) = call.get_name_by_arch(theirs) {
                    assert_eq!(super::name(arch, number).as_deref(), Some(name.as_str()), "{number} on {arch}");
                }
            }
        }
    }

    #[test]
    fn no_number_is_newer_than_the_newest() {
        for arch in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64] {
            assert_eq!(Id::all().filter_map(|id| id.number(arch)).max(), Some(newest(arch)));
        }
    }

    #[test]
    fn widths_are_the_kernels() {
        assert_eq!(int_args("socket"), 0b111);
        assert_eq!(int_args("ioctl"), 0b011);
        assert_eq!(int_args("prctl"), 0b1);
        assert_eq!(int_args("clone"), 0b1);
        assert_eq!(int_args("unshare"), 0);
        assert_eq!(int_args("mmap"), 0);
        assert_eq!(int_args("ptrace"), 0);
        assert_eq!(bits(Id::named("chmod"), Arch::X86_64, 1), 16);
        assert_eq!(bits(Id::named("chown"), Arch::X86, 1), 16);
        assert_eq!(bits(Id::named("chown"), Arch::X86_64, 1), 32);
        assert_eq!(bits(Id::named("fchown"), Arch::X86, 0), 32);
        assert_eq!(bits(Id::named("mmap"), Arch::X86, 2), 32);
        assert_eq!(bits(None, Arch::X86_64, 2), 64);
    }

    #[test]
    fn calls_parse() {
        assert_eq!(Call::parse("41"), Call::Known(Id::named("socket").expect("socket")));
        assert_eq!(Call::parse("9999"), Call::Number(9999));
        assert!(!Call::parse("opneat").is_known());
        assert!(Call::parse("spu_run").is_known());
        assert_eq!(number(Arch::Arm, "openat"), Some(322));
        assert_eq!(name(Arch::Riscv64, 56).as_deref(), Some("openat"));
        assert_eq!(number(Arch::Riscv64, "mseal"), Some(462));
        assert_eq!(name(Arch::Arm, 471).as_deref(), Some("rseq_slice_yield"));
        assert_eq!(identify(Arch::Riscv64, 198), Id::named("socket"));
    }
}
