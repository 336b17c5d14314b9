//! The kernel's strict mode, entered on behalf of a target that knows nothing of it.

use std::fmt;

/// What is entered, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strict {
    /// Not the mode itself but a filter like it, which lets exit_group(2) pass too and leaves the clock readable.
    pub compat: bool,
    /// At which point of the target.
    pub at: Trigger,
}

/// A point that the target runs to before the mode is entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trigger {
    /// The entry point where a dynamic linker has run before it, `main` elsewhere.
    #[default]
    Auto,
    /// The program's entry point.
    Entry,
    /// `main`, by its symbol or by what is handed to the C library.
    Main,
    /// A symbol of the program.
    Symbol(String),
    /// An address as the program's file has it.
    Address(u64),
}

impl Trigger {
    /// Reads a trigger in a policy's words.
    ///
    /// # Errors
    /// Which words there are.
    pub fn parse(word: &str) -> Result<Self, String> {
        let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        match (word, hex) {
            ("auto", _) => Ok(Self::Auto),
            ("entry", _) => Ok(Self::Entry),
            ("main", _) => Ok(Self::Main),
            (_, Some(digits)) => u64::from_str_radix(digits, 16)
                .map(Self::Address)
                .map_err(|_| format!("`{word}` is not a hexadecimal address")),
            (symbol, None) if is_symbol(symbol) => Ok(Self::Symbol(symbol.into())),
            _ => Err(format!("`{word}` is neither auto, entry, main, a symbol nor an address such as 0x1140")),
        }
    }
}

fn is_symbol(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.')
        && word.chars().all(|c| c.is_ascii_graphic())
}

/// As in `at main`.
impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("its entry point, or main where it is static"),
            Self::Entry => f.write_str("its entry point"),
            Self::Main => f.write_str("main"),
            Self::Symbol(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_words_symbols_and_addresses() {
        assert_eq!(Trigger::parse("auto"), Ok(Trigger::Auto));
        assert_eq!(Trigger::parse("main"), Ok(Trigger::Main));
        assert_eq!(Trigger::parse("0x1140"), Ok(Trigger::Address(0x1140)));
        assert_eq!(Trigger::parse("_ZN4core3fmt"), Ok(Trigger::Symbol("_ZN4core3fmt".into())));
        for wrong in ["", "0x", "0xg", "4096", "two words", "\u{1b}[0m", "a\nb"] {
            assert!(Trigger::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
