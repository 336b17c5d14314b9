//! NOUNS: the vocabulary of requests that directives make. Plain data, without order and without
//! knowledge of the machine; `plan` merges and orders it.

#![forbid(unsafe_code)]

use crate::fault::Origin;

pub mod action;
pub mod arch;
pub mod calls;
pub mod compare;
mod constants;
pub mod errno;
pub mod groups;
mod spelling;
pub mod syscalls;
mod table;

/// Who asked: a directive and the words that said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The directive's name, as systemd spells it.
    pub directive: &'static str,
    /// Where it was written; nothing for what stockade does on its own.
    pub origin: Option<Origin>,
}

/// A request together with who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<T> {
    /// The request.
    pub what: T,
    /// Who made it.
    pub by: By,
}

/// `ProtectHome at web.toml:12`.
impl std::fmt::Display for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} at {origin}", self.directive),
            None => f.write_str(self.directive),
        }
    }
}
