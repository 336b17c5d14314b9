//! What a supervisor answers to a call that the filter hands to it.

use std::fmt;
use std::path::PathBuf;

use super::action::Action;

/// The answer to a call that waits, by notification (`Action::Notify`) or by a tracer (`Action::Trace`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The call runs as if nobody had been asked.
    Continue,
    /// The call does not run and returns this error, 1 to 4095.
    Errno(u16),
    /// The call does not run and returns this.
    Value(i64),
    /// The supervisor opens the file itself, as the target would, and puts the descriptor into the target.
    Open(Opening),
    /// The call is written down and runs.
    Log,
    /// Whoever sits at the terminal is asked.
    Ask,
    /// The call is told of: what the filter would have answered is done afterwards. Without such an answer the path that
    /// the call names is looked into, and it runs. No policy writes it.
    Tell(Option<Action>),
}

/// What may be opened on behalf of the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Opening {
    /// Files, and directories with all below them, that may be opened for reading. With neither list all may be, as
    /// far as the target's user may.
    pub read: Vec<PathBuf>,
    /// The same for reading and writing.
    pub write: Vec<PathBuf>,
}

/// The words that [`Decision::parse`] reads, for messages.
pub const WORDS: &str = "continue, errno:NAME, value:N, open, log, ask";

impl Decision {
    /// What happens where the policy does not say: EPERM.
    pub const DEFAULT: Self = Self::Errno(1);

    /// Reads a decision in a policy's words. The error says which words there are.
    pub fn parse(word: &str) -> Result<Self, String> {
        match word.split_once(':') {
            None => match word {
                "continue" => Ok(Self::Continue),
                "open" => Ok(Self::Open(Opening::default())),
                "log" => Ok(Self::Log),
                "ask" => Ok(Self::Ask),
                _ => Err(format!("`{word}` is not a decision; there are {WORDS}")),
            },
            Some(("errno", _)) => match Action::parse(word)? {
                Action::Errno(0) => Err("error 0 pretends success; write value:0 if that is meant".into()),
                Action::Errno(number) => Ok(Self::Errno(number)),
                _ => Err(format!("`{word}` is not a decision; there are {WORDS}")),
            },
            Some(("value", number)) => integer(number)
                .map(Self::Value)
                .ok_or_else(|| format!("`{number}` in `{word}` is not a number of 64 bits")),
            Some(_) => Err(format!("`{word}` is not a decision; there are {WORDS}")),
        }
    }

    /// Whether the supervisor has to look into the target's memory or files for it.
    pub fn looks(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Log | Self::Ask | Self::Tell(_))
    }
}

/// A decimal number with or without a sign, or a hexadecimal one.
fn integer(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok().map(u64::cast_signed)
        }
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// The policy's words, without paths.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue => f.write_str("continue"),
            Self::Errno(number) => Action::Errno(*number).fmt(f),
            Self::Value(value) => write!(f, "value:{value}"),
            Self::Open(_) => f.write_str("open"),
            Self::Log => f.write_str("log"),
            Self::Ask => f.write_str("ask"),
            Self::Tell(None) => f.write_str("tell"),
            Self::Tell(Some(action)) => write!(f, "tell, then {action}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for word in ["continue", "errno:ENOENT", "value:0", "value:-7", "open", "log", "ask"] {
            assert_eq!(Decision::parse(word).map(|decision| decision.to_string()), Ok(word.into()));
        }
        assert_eq!(Decision::parse("value:0xffffffffffffffff"), Ok(Decision::Value(-1)));
        assert_eq!(Decision::parse("errno:1"), Ok(Decision::DEFAULT));
        for word in
            ["", "allow", "errno", "errno:0", "errno:4096", "value:", "value:0x", "value:x", "open:/etc", "ask:me"]
        {
            assert!(Decision::parse(word).is_err(), "{word}");
        }
    }
}
