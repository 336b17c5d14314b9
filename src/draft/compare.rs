//! Conditions on a system call's arguments.
//!
//! A filter sees six registers of 64 bits, but the kernel cuts an `int` argument to 32 bits before it looks. A filter that
//! compares all 64 is passed by a value with high bits set: Docker's block of AF_VSOCK is. So a comparison is as wide as
//! the kernel's own view of the argument ([`super::calls::bits`]), unless it says otherwise.

use std::fmt;

use super::arch::Arch;
use super::calls::{self, Id};
use super::constants;

/// How an argument relates to a value; both are unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// How many bits of an argument take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// As many as the kernel looks at in this call.
    Kernel,
    /// The low 32.
    Word32,
    /// All 64, whatever the kernel looks at.
    Word64,
}

/// A condition on one argument: `argument & mask  operator  value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compare {
    /// Which argument, 0 to 5.
    pub arg: u8,
    /// The bits that count; all without it.
    pub mask: Option<u64>,
    /// The relation.
    pub operator: Operator,
    /// The other side. Negative numbers stand in two's complement.
    pub value: u64,
    /// How wide the comparison is.
    pub width: Width,
}

/// A comparison whose width is settled for one call on one architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exact {
    /// Which argument, 0 to 5.
    pub arg: u8,
    /// Whether the upper 32 bits take part.
    pub wide: bool,
    /// The bits that count.
    pub mask: u64,
    /// The relation.
    pub operator: Operator,
    /// The other side.
    pub value: u64,
}

impl Operator {
    /// The operator's sign.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }

    /// Whether the relation holds.
    pub fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
        }
    }
}

impl Compare {
    /// Reads `arg0 == AF_NETLINK`, `arg1 & 0xff == 3` or `arg2 <= 5`.
    ///
    /// A value is a number (decimal, `0x`, octal after `0`, negative), a constant's name, or several joined by `|`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a comparison: write one like `arg0 == AF_UNIX` or `arg1 & 0x7 != 0`");
        let at = text.find(['=', '!', '<', '>']).ok_or_else(wrong)?;
        let (left, rest) = text.split_at(at);
        let (operator, right) = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessEqual),
            (">=", Operator::GreaterEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ]
        .into_iter()
        .find_map(|(sign, operator)| Some((operator, rest.strip_prefix(sign)?)))
        .ok_or_else(wrong)?;
        let (argument, mask) = match left.split_once('&') {
            Some((argument, mask)) => (argument, Some(number(mask)?)),
            None => (left, None),
        };
        let argument = argument.trim();
        let Some(arg @ 0..=5) = argument.strip_prefix("arg").and_then(|digits| digits.parse().ok()) else {
            return Err(format!("`{argument}` in `{text}` is not one of arg0 to arg5"));
        };
        let value = number(right)?;
        if let (Some(mask), Operator::Equal | Operator::NotEqual) = (mask, operator)
            && value & !mask != 0
        {
            return Err(format!("`{text}` never depends on the argument: the value has bits outside the mask"));
        }
        Ok(Self { arg, mask, operator, value, width: Width::Kernel })
    }

    /// Settles the width for a call. Fails for a value that the argument can never have.
    pub fn exact(&self, call: Option<Id>, arch: Arch) -> Result<Exact, String> {
        if self.arg > 5 {
            return Err(format!("arg{} is not one of arg0 to arg5", self.arg));
        }
        let own = calls::bits(call, arch, self.arg);
        let bits = match self.width {
            Width::Kernel => own,
            Width::Word32 => own.min(32),
            Width::Word64 => 64,
        };
        let all = u64::MAX >> (64 - bits);
        let mask = self.mask.unwrap_or(u64::MAX);
        let negative = self.value | all >> 1 == u64::MAX;
        let value = if self.value <= all || negative {
            self.value & all
        } else if self.width == Width::Kernel && arch.is_narrow() && calls::bits(call, Arch::native(), self.arg) == 64 {
            // A whole register here, and wider elsewhere: a comparison of 64 bits stays true to its value.
            return Ok(Exact { arg: self.arg, wide: true, mask, operator: self.operator, value: self.value });
        } else if bits == 16 && self.value >> calls::bits(call, Arch::native(), self.arg).min(32) == 0 {
            // Old 16-bit ids here, and 32 bits on the native architecture: never equal, always less.
            return Ok(Exact {
                arg: self.arg,
                wide: false,
                mask: mask & all,
                operator: self.operator,
                value: self.value,
            });
        } else {
            let name = call.map_or("this call", Id::name);
            let (arg, value) = (self.arg, self.value);
            return Err(format!("arg{arg} of {name} has {bits} bits on {arch} and cannot be compared with {value:#x}"));
        };
        Ok(Exact { arg: self.arg, wide: bits == 64, mask: mask & all, operator: self.operator, value })
    }
}

impl Exact {
    /// Whether the comparison holds for these arguments.
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        let whole = args[usize::from(self.arg)];
        let seen = if self.wide { whole } else { whole & u64::from(u32::MAX) };
        self.operator.holds(seen & self.mask, self.value)
    }
}

/// The policy's words, with numbers for names.
impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arg{} ", self.arg)?;
        if let Some(mask) = self.mask {
            write!(f, "& {mask:#x} ")?;
        }
        write!(f, "{} {:#x}", self.operator.sign(), self.value)
    }
}

/// Reads a value: numbers and the kernel's constants, joined by `|`. The error says what is wrong.
pub fn number(text: &str) -> Result<u64, String> {
    text.split('|').try_fold(0, |sum, word| Ok(sum | single(word.trim())?))
}

/// The kernel's name for a value of an argument, where the call's own constants have one each.
pub fn word(call: &str, arg: u8, value: u64) -> Option<&'static str> {
    let start = match (call, arg) {
        ("socket" | "socketpair", 0) => "AF_",
        ("keyctl", 0) => "KEYCTL_",
        ("ioctl", 1) => "TIO",
        _ => return None,
    };
    constants::named(start, value)
}

fn single(word: &str) -> Result<u64, String> {
    if word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return constants::value(word).ok_or_else(|| match constants::nearest(word) {
            Some(name) => format!("`{word}` is not a constant of the kernel's; did you mean `{name}`?"),
            None => format!("`{word}` is not a constant of the kernel's; write its number"),
        });
    }
    let (negative, digits) = word.strip_prefix('-').map_or((false, word), |digits| (true, digits));
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'o', ..] => (&digits[2..], 8),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    let wrong = || format!("`{word}` is not a number of 64 bits");
    if digits.starts_with('+') {
        return Err(wrong());
    }
    let value = u64::from_str_radix(digits, radix).map_err(|_| wrong())?;
    match negative {
        true if value > 1 << 63 => Err(wrong()),
        true => Ok(value.wrapping_neg()),
        false => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_parse() {
        let parsed = |text: &str| Compare::parse(text).map(|compare| compare.to_string());
        assert_eq!(parsed("arg0 == AF_NETLINK").as_deref(), Ok("arg0 == 0x10"));
        assert_eq!(parsed("arg1 & 0xff == 3").as_deref(), Ok("arg1 & 0xff == 0x3"));
        assert_eq!(parsed("arg2<=5").as_deref(), Ok("arg2 <= 0x5"));
        assert_eq!(parsed("arg2 & PROT_WRITE|PROT_EXEC == PROT_WRITE | PROT_EXEC").as_deref(), Ok("arg2 & 0x6 == 0x6"));
        assert_eq!(parsed("arg1 & 07000 != 0").as_deref(), Ok("arg1 & 0xe00 != 0x0"));
        assert_eq!(parsed("arg0 != -1").as_deref(), Ok("arg0 != 0xffffffffffffffff"));
        assert_eq!(parsed("arg5 > 0x8000000000000000").as_deref(), Ok("arg5 > 0x8000000000000000"));
    }

    #[test]
    fn wrong_comparisons_are_told() {
        for (text, word) in [
            ("arg6 == 1", "arg6"),
            ("arg0 = 1", "is not a comparison"),
            ("arg0", "is not a comparison"),
            ("arg0 == ", "is not a number"),
            ("arg0 == AF_NETLNIK", "AF_NETLINK"),
            ("arg0 & 1 == 2", "outside the mask"),
            ("arg0 == 0x10000000000000000", "is not a number"),
            ("arg0 == -0x8000000000000001", "is not a number"),
            ("arg0 == +1", "is not a number"),
        ] {
            let message = Compare::parse(text).expect_err(text);
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn widths_follow_the_kernel() {
        let exact = |text: &str, call: &str, arch| {
            Compare::parse(text).and_then(|compare| compare.exact(Id::named(call), arch))
        };
        let high = [0x1_0000_0028_u64; 6];
        let family = exact("arg0 == 40", "socket", Arch::X86_64).expect("a comparison");
        assert!(!family.wide && family.holds(&high));
        let request = exact("arg0 == 40", "ptrace", Arch::X86_64).expect("a comparison");
        assert!(request.wide && !request.holds(&high));
        let mode = exact("arg1 == 04755", "chmod", Arch::X86_64).expect("a comparison");
        assert!(mode.holds(&[0, 0x1234_0001_09ed, 0, 0, 0, 0]));
        assert!(exact("arg0 == -1", "socket", Arch::X86_64).expect("a comparison").holds(&[0xffff_ffff; 6]));
        assert!(exact("arg0 == -1", "ptrace", Arch::X86_64).expect("a comparison").holds(&[u64::MAX; 6]));
        assert!(exact("arg0 == 0x100000028", "socket", Arch::X86_64).expect_err("too wide").contains("32 bits"));
        assert!(exact("arg0 == 0x100000028", "ptrace", Arch::X86).expect("a comparison").wide);
    }
}
