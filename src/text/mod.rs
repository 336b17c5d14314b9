//! WORDS: everything that anyone wrote becomes one [`Document`], an ordered list of entries whose
//! every value knows where it was written. Nothing has a meaning yet.
//!
//! In: files, flags and names. Out: a [`Document`], or faults that point at the words.
//!
//! - policies: `toml` (files), `flags` (`-p`), `profiles` (names, where they are looked for, Extends) with `bare` (those in
//!   the binary), `attach` (files that policies name), `trust` (who could have written a file), `guess` (what a text is that is no policy)
//! - systemd's: `unit` (the syntax), `units` (which files make a unit up), `assignments` (EnvironmentFile=),
//!   `variables` (those of a command line)
//! - containers': `node` (a tree with places) by `json` and `yaml`; `oci` (seccomp profiles), `kubernetes` (objects)
//!
//! Another format that policies come in is a file here, and a kind in `cli/import.rs`.

#![forbid(unsafe_code)]

pub mod assignments;
pub mod attach;
mod bare;
pub mod flags;
mod guess;
pub mod json;
pub mod kubernetes;
pub mod node;
pub mod oci;
pub mod profiles;
pub mod toml;
pub mod trust;
pub mod unit;
pub mod units;
pub mod variables;
pub mod yaml;

use std::sync::Arc;

use crate::fault::{Fault, Origin, Source};

/// Entries in the order in which they hold: profiles first, then the file, then `-p` flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The entries. A name may occur many times; lists add up and single values override.
    pub entries: Vec<Entry>,
}

impl Document {
    /// Puts `other` behind the entries that are here already.
    pub fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }
}

/// One line: a name and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The directive; those in tables have dotted names (`Seccomp.Default`), and each element of
    /// an array of tables (`[[Seccomp.Rule]]`) is an entry of its own.
    pub name: String,
    /// Where the name was written.
    pub at: Origin,
    /// What it was set to.
    pub value: Value,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The value itself.
    pub kind: Kind,
    /// Where it was written.
    pub at: Origin,
}

/// What can be written in a policy.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text, and everything that comes by `-p` (which is split by the directive's own grammar).
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An inline table, or one element of an array of tables.
    Table(Vec<Entry>),
    /// A file that was named, and read; its path is the source's name.
    File(Arc<Source>),
    /// Something TOML has and policies have not (a date, a float).
    Other(&'static str),
}

impl Value {
    /// A fault at this value.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::at(&self.at, message)
    }

    /// What kind of value this is, for messages.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Boolean(_) => "a boolean",
            Kind::Integer(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
            Kind::File(_) => "a file",
            Kind::Other(name) => name,
        }
    }
}
