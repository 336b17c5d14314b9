//! The kernel's own types: where the members of its structures are (BTF, Documentation/bpf/btf.rst).

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;

use crate::fault::{Exit, Fault};

/// Where the kernel describes itself.
const PATH: &str = "/sys/kernel/btf/vmlinux";

/// The kernel's types.
pub(super) struct Layout {
    bytes: Vec<u8>,
    /// Where each type is, by its number; number 0 is void.
    types: Vec<usize>,
    /// Where names begin.
    names: usize,
    /// Structures that were asked for: looking through all types takes a while.
    known: RefCell<HashMap<String, Option<usize>>>,
}

/// Kinds of types.
mod kind {
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const FUNCTION: u32 = 12;
}

impl Layout {
    /// Reads the running kernel's.
    pub(super) fn read() -> Result<Self, Fault> {
        let bytes = fs::read(PATH).map_err(|error| {
            Fault::new(format!("cannot read {PATH}: {}", crate::fault::reason(&error)))
                .exit(Exit::Bpf)
                .help("the kernel must be built with CONFIG_DEBUG_INFO_BTF, and /sys must be mounted")
        })?;
        Self::parse(bytes).ok_or_else(|| Fault::new(format!("{PATH} is not what Linux 5.8 writes")).exit(Exit::Bpf))
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let mut layout = Self { bytes, types: vec![0], names: 0, known: RefCell::default() };
        if layout.word(0)? & 0xffff != 0xeb9f {
            return None;
        }
        let head = usize::try_from(layout.word(4)?).ok()?;
        let offset = |at| Some(usize::try_from(layout.word(at)?).ok()? + head);
        let (start, length, names) = (offset(8)?, offset(12)? - head, offset(16)?);
        layout.names = names;
        let mut at = start;
        while at < start + length {
            layout.types.push(at);
            let info = layout.word(at + 4)?;
            let count = usize::try_from(info & 0xffff).ok()?;
            // What follows the twelve bytes that all types have.
            at += 12
                + match info >> 24 & 0x1f {
                    1 | 14 | 17 => 4,
                    3 => 12,
                    kind::STRUCT | kind::UNION | 15 | 19 => 12 * count,
                    6 | 13 => 8 * count,
                    2 | 7..=12 | 16 | 18 => 0,
                    _ => return None,
                };
        }
        Some(layout)
    }

    fn word(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes.get(at..at + 4)?.try_into().ok()?))
    }

    /// The name at an offset, if it is this one.
    fn named(&self, offset: u32, name: &str) -> Option<bool> {
        let start = self.names + usize::try_from(offset).ok()?;
        let bytes = self.bytes.get(start..start + name.len() + 1)?;
        Some(bytes.strip_suffix(&[0]) == Some(name.as_bytes()))
    }

    fn find(&self, kind: u32, name: &str) -> Option<usize> {
        (1..self.types.len()).find(|number| {
            let at = self.types[*number];
            self.word(at + 4).is_some_and(|info| info >> 24 & 0x1f == kind)
                && self.word(at).and_then(|offset| self.named(offset, name)).unwrap_or(false)
        })
    }

    /// The number of a tracepoint's type.
    pub(super) fn tracepoint(&self, name: &str) -> Option<u32> {
        u32::try_from(self.find(kind::TYPEDEF, &format!("btf_trace_{name}"))?).ok()
    }

    /// The number of a function.
    pub(super) fn function(&self, name: &str) -> Option<u32> {
        u32::try_from(self.find(kind::FUNCTION, name)?).ok()
    }

    /// Where `structure.member.member…` is, in bytes: `offset("fs_struct", "pwd.dentry")`.
    pub(super) fn offset(&self, structure: &str, members: &str) -> Result<i32, Fault> {
        let find = || self.find(kind::STRUCT, structure);
        let start = *self.known.borrow_mut().entry(structure.to_owned()).or_insert_with(find);
        let found = start.and_then(|number| {
            let mut number = number;
            let mut bits = 0;
            for member in members.split('.') {
                let (at, of) = self.member(number, member)?;
                bits += at;
                number = of;
            }
            i32::try_from(bits / 8).ok()
        });
        found.ok_or_else(|| {
            Fault::new(format!("this kernel has no {structure}.{members}, which the eBPF collector reads"))
                .exit(Exit::Bpf)
                .help("use the collector by notifications, and report the kernel's version")
        })
    }

    /// A member's place in bits and its type; those of members without a name belong to the structure.
    fn member(&self, number: usize, name: &str) -> Option<(u32, usize)> {
        let at = *self.types.get(self.settled(number)?)?;
        let info = self.word(at + 4)?;
        for member in 0..usize::try_from(info & 0xffff).ok()? {
            let place = at + 12 + 12 * member;
            let offset = self.word(place + 8)?;
            let offset = if info >> 31 == 1 { offset & 0x00ff_ffff } else { offset };
            let of = usize::try_from(self.word(place + 4)?).ok()?;
            if self.named(self.word(place)?, name)? {
                return Some((offset, of));
            }
            if self.named(self.word(place)?, "")?
                && let Some((inner, of)) = self.member(of, name)
            {
                return Some((offset + inner, of));
            }
        }
        None
    }

    /// The structure or union behind names and qualifiers.
    fn settled(&self, number: usize) -> Option<usize> {
        let mut number = number;
        for _ in 0..8 {
            let at = *self.types.get(number)?;
            match self.word(at + 4)? >> 24 & 0x1f {
                kind::STRUCT | kind::UNION => return Some(number),
                kind::TYPEDEF | kind::VOLATILE | kind::CONST => number = usize::try_from(self.word(at + 8)?).ok()?,
                _ => return None,
            }
        }
        None
    }
}
