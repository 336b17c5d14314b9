//! Sizes, times and counts, as systemd reads them (src/basic/parse-util.c, time-util.c, rlimit-util.c).

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAmount {
    /// Something other than digits where digits belong.
    #[error("a number was expected")]
    Number,
    /// A suffix that nobody knows, or larger units behind smaller ones.
    #[error("a unit of it is unknown or out of order")]
    Unit,
    /// More than the kernel can count.
    #[error("it is out of range")]
    Range,
}

/// Microseconds in a second.
pub const SECOND: u64 = 1_000_000;

const SIZES: [(&str, u64); 8] =
    [("E", 1 << 60), ("P", 1 << 50), ("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("B", 1), ("", 1)];

const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// 30.4375 days, as systemd has it.
const MONTH: u64 = 2_629_800 * SECOND;

const TIMES: [(&str, u64); 31] = [
    ("seconds", SECOND),
    ("second", SECOND),
    ("sec", SECOND),
    ("s", SECOND),
    ("minutes", MINUTE),
    ("minute", MINUTE),
    ("min", MINUTE),
    ("months", MONTH),
    ("month", MONTH),
    ("M", MONTH),
    ("msec", 1000),
    ("ms", 1000),
    ("m", MINUTE),
    ("hours", HOUR),
    ("hour", HOUR),
    ("hr", HOUR),
    ("h", HOUR),
    ("days", DAY),
    ("day", DAY),
    ("d", DAY),
    ("weeks", 7 * DAY),
    ("week", 7 * DAY),
    ("w", 7 * DAY),
    ("years", 12 * MONTH),
    ("year", 12 * MONTH),
    ("y", 12 * MONTH),
    ("usec", 1),
    ("us", 1),
    ("μs", 1),
    ("µs", 1),
    ("", 0),
];

/// A whole number: decimal, `0x` hexadecimal, `0o` or `0` octal, `0b` binary (safe_atou64). The
/// highest one stands for infinity and cannot be written.
pub fn count(text: &str) -> Result<u64, NotAnAmount> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'o', ..] => (&text[2..], 8),
        [b'0', b'b', ..] => (&text[2..], 2),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(NotAnAmount::Number);
    }
    match u64::from_str_radix(digits, radix) {
        Ok(number) if number < u64::MAX => Ok(number),
        _ => Err(NotAnAmount::Range),
    }
}

/// Bytes: `64M`, `1.5G`, `1G 512M`; larger units come first.
pub fn bytes(text: &str) -> Result<u64, NotAnAmount> {
    let mut allowed = &SIZES[..];
    sum(text, |unit| {
        let at = allowed.iter().position(|(name, _)| *name == unit).ok_or(NotAnAmount::Unit)?;
        let factor = allowed[at].1;
        allowed = &allowed[at + 1..];
        Ok(factor)
    })
}

/// A time in microseconds: `5s`, `1min 30s`, `2.5h`. A number without a unit is one of `unit`.
pub fn microseconds(text: &str, unit: u64) -> Result<u64, NotAnAmount> {
    sum(text, |name| match TIMES.iter().find(|(known, _)| *known == name) {
        Some((_, 0)) => Ok(unit),
        Some((_, factor)) => Ok(*factor),
        None => Err(NotAnAmount::Unit),
    })
}

/// RLIMIT_NICE: a nice level with its sign, or the raw limit.
pub fn nice(text: &str) -> Result<u64, NotAnAmount> {
    let within = |number: u64, most: u64| if number <= most { Ok(number) } else { Err(NotAnAmount::Range) };
    match text.as_bytes() {
        [b'+', ..] => Ok(20 - within(count(&text[1..])?, 19)?),
        [b'-', ..] => Ok(20 + within(count(&text[1..])?, 20)?),
        _ => within(count(text)?, 40),
    }
}

/// Numbers with units, added up. Fractions are cut to what the unit can hold.
fn sum(text: &str, mut factor: impl FnMut(&str) -> Result<u64, NotAnAmount>) -> Result<u64, NotAnAmount> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(NotAnAmount::Number);
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (whole, fraction);
        (whole, rest) = digits(rest);
        (fraction, rest) = match rest.strip_prefix('.') {
            Some(behind) => digits(behind),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(NotAnAmount::Number);
        }
        rest = rest.trim_start();
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let factor = factor(&rest[..end])?;
        rest = rest[end..].trim_start();
        let number = if whole.is_empty() { 0 } else { whole.parse::<u64>().map_err(|_| NotAnAmount::Range)? };
        let part = number.checked_mul(factor).and_then(|part| part.checked_add(part_of(factor, fraction)));
        total = part.and_then(|part| total.checked_add(part)).ok_or(NotAnAmount::Range)?;
    }
    if total == u64::MAX { Err(NotAnAmount::Range) } else { Ok(total) }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn part_of(factor: u64, fraction: &str) -> u64 {
    let (mut part, mut scale) = (0_u128, 1_u128);
    for digit in fraction.bytes().take(18) {
        scale *= 10;
        part = part * 10 + u128::from(digit - b'0');
    }
    u64::try_from(part * u128::from(factor) / scale).unwrap_or(u64::MAX)
}
