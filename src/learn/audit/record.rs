//! The kernel's audit records as it writes them (kernel/audit.c, kernel/auditsc.c, security/landlock/audit.c): read, and
//! nothing of them believed beyond that.

use std::collections::BTreeMap;

/// AUDIT_SYSCALL: the call during which other records of the same serial number came to be, while auditing is on.
pub(super) const SYSCALL: u16 = 1300;
/// AUDIT_EOE: the last record with its serial number.
pub(super) const END: u16 = 1320;
/// AUDIT_SECCOMP.
pub(super) const SECCOMP: u16 = 1326;
/// AUDIT_LANDLOCK_ACCESS, Linux 6.15.
pub(super) const ACCESS: u16 = 1423;
/// AUDIT_LANDLOCK_DOMAIN, Linux 6.15.
pub(super) const DOMAIN: u16 = 1424;

/// The kinds that are read, as auditd and journald name them.
const NAMES: [(&str, u16); 5] = [
    ("SYSCALL", SYSCALL),
    ("EOE", END),
    ("SECCOMP", SECCOMP),
    ("LANDLOCK_ACCESS", ACCESS),
    ("LANDLOCK_DOMAIN", DOMAIN),
];

/// Longer than any record of the kernel's (MAX_AUDIT_MESSAGE_LENGTH is 8970).
const LONGEST: usize = 16384;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its type.
    pub kind: u16,
    /// What it shares with the other records of one event: seconds, milliseconds and serial number.
    pub stamp: (u64, u32, u64),
    fields: BTreeMap<String, Word>,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Bare(String),
    Quoted(String),
}

impl Record {
    /// Reads a message as netlink gives it: `audit(1729738800.268:30): domain=195ba459b blockers=fs.refer`.
    pub fn message(kind: u16, text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text.get(..text.len().min(LONGEST))?);
        let text = text.trim_end_matches(['\0', '\n']);
        let (stamp, rest) = text.strip_prefix("audit(")?.split_once("):")?;
        let (time, serial) = stamp.split_once(':')?;
        let (seconds, thousandths) = time.split_once('.')?;
        let stamp = (seconds.parse().ok()?, thousandths.parse().ok()?, serial.parse().ok()?);
        Some(Self { kind, stamp, fields: fields(rest) })
    }

    /// Reads a line of /dev/kmsg: `6,1339,5140900,-;audit: type=1326 audit(…): …`. What processes write there has another
    /// facility than the kernel's, 0, whatever they say.
    pub fn kernel(line: &[u8]) -> Option<Self> {
        let line = line.get(..line.len().min(LONGEST))?;
        let at = line.iter().position(|byte| *byte == b';')?;
        let head = std::str::from_utf8(line.get(..at)?).ok()?;
        let level: u32 = head.split(',').next()?.parse().ok()?;
        let text = line.get(at + 1..)?.split(|byte| *byte == b'\n').next()?;
        if level >> 3 != 0 { None } else { Self::printed(text.strip_prefix(b"audit: ")?) }
    }

    /// Reads `type=1326 audit(…): …`, and `type=SECCOMP msg=audit(…): …` as auditd writes it.
    fn printed(text: &[u8]) -> Option<Self> {
        let text = text.strip_prefix(b"type=")?;
        let at = text.iter().position(|byte| *byte == b' ')?;
        let word = std::str::from_utf8(text.get(..at)?).ok()?;
        let word = word.strip_prefix("UNKNOWN[").and_then(|word| word.strip_suffix(']')).unwrap_or(word);
        let named = NAMES.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind);
        let kind = named.or_else(|| word.parse().ok())?;
        let rest = text.get(at + 1..)?;
        Self::message(kind, rest.strip_prefix(b"msg=").unwrap_or(rest))
    }

    /// Reads a line of a log that somebody kept: of dmesg, of syslog, of auditd.
    pub fn kept(line: &[u8]) -> Option<Self> {
        let line = line.get(..line.len().min(LONGEST))?;
        if line.starts_with(b"type=") {
            return Self::printed(line);
        }
        let mark = b"audit: type=";
        let at = line.windows(mark.len()).position(|window| window == mark)?;
        Self::printed(line.get(at + 7..)?)
    }

    /// Reads an object of `journalctl -o json`, of the audit's transport or the kernel's.
    pub fn journal(line: &[u8]) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_slice(line).ok()?;
        let text = |key: &str| match value.get(key)? {
            serde_json::Value::String(text) => Some(text.clone().into_bytes()),
            // What is no UTF-8 is a list of bytes.
            serde_json::Value::Array(bytes) => {
                bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect::<Option<Vec<u8>>>()
            }
            _ => None,
        };
        let number = |key: &str| String::from_utf8(text(key)?).ok()?.parse::<u64>().ok();
        let message = text("MESSAGE")?;
        match text("_TRANSPORT")?.as_slice() {
            b"kernel" => Self::printed(message.strip_prefix(b"audit: ")?),
            b"audit" => {
                let kind = u16::try_from(number("_AUDIT_TYPE")?).ok()?;
                let time = number("_SOURCE_REALTIME_TIMESTAMP").unwrap_or_default();
                let (seconds, micros) = (time / 1_000_000, u32::try_from(time % 1_000_000).ok()?);
                let rest = String::from_utf8_lossy(message.get(..message.len().min(LONGEST))?).into_owned();
                // The type's name stands in front.
                let rest = rest.split_once(' ').map_or("", |(_, rest)| rest);
                Some(Self { kind, stamp: (seconds, micros / 1000, number("_AUDIT_ID")?), fields: fields(rest) })
            }
            _ => None,
        }
    }

    /// A word of the kernel's own.
    pub fn word(&self, key: &str) -> Option<&str> {
        match self.fields.get(key)? {
            Word::Bare(word) => Some(word),
            Word::Quoted(_) => None,
        }
    }

    /// A whole number, as printf(3) writes `%d`.
    pub fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        self.word(key)?.parse().ok()
    }

    /// A number as `%x` writes it.
    pub fn hex(&self, key: &str) -> Option<u64> {
        let word = self.word(key)?;
        u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok()
    }

    /// A text that others chose: in quotes, or in hexadecimal digits where it holds quotes, spaces or anything beyond
    /// ASCII (audit_log_untrustedstring).
    pub fn text(&self, key: &str) -> Option<String> {
        match self.fields.get(key)? {
            Word::Quoted(text) => Some(text.clone()),
            Word::Bare(digits) => {
                let digits = digits.as_bytes();
                let nibble = |digit: u8| (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok());
                let byte = |pair: &[u8]| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.get(1)?)?);
                let bytes = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
                Some(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
            }
        }
    }
}

/// Fields, of which the first of a name counts: what follows a text that others chose may be theirs too. A text without its
/// second quote was cut off, and counts for nothing.
fn fields(mut rest: &str) -> BTreeMap<String, Word> {
    let mut fields = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([' ', '\u{1d}']);
        let Some(end) = rest.find([' ', '=']) else { return fields };
        let (key, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=') else {
            rest = after;
            continue;
        };
        let word = if let Some(inner) = value.strip_prefix('"') {
            let Some((text, next)) = inner.split_once('"') else { return fields };
            rest = next;
            Word::Quoted(text.to_owned())
        } else {
            let (word, next) = value.split_at(value.find([' ', '\u{1d}']).unwrap_or(value.len()));
            rest = next;
            Word::Bare(word.to_owned())
        };
        fields.entry(key.to_owned()).or_insert(word);
    }
}
