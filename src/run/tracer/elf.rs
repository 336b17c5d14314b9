//! What a program's file says of its symbols and its code.

use std::fs::File;

use object::elf::{FileHeader64, PF_X, PT_LOAD, STT_FUNC, STT_NOTYPE};
use object::read::ReadCache;
use object::read::elf::{FileHeader, ProgramHeader, Sym};
use object::{Endianness, elf};

type Header = FileHeader64<Endianness>;

/// A program's file, of which only what is asked for is read.
pub(super) struct Program {
    cache: ReadCache<File>,
    /// What is added to the file's addresses where the program runs.
    bias: u64,
}

impl Program {
    /// The file of a process that was loaded so that its entry point is at `entry`.
    ///
    /// # Errors
    /// It is no ELF file of 64 bits.
    pub(super) fn new(file: File, entry: u64) -> Result<Self, object::read::Error> {
        let mut program = Self { cache: ReadCache::new(file), bias: 0 };
        let header = Header::parse(&program.cache)?;
        let bias = entry.wrapping_sub(header.e_entry(header.endian()?));
        program.bias = bias;
        Ok(program)
    }

    /// Where an address of the file is in the process.
    pub(super) fn address(&self, address: u64) -> u64 {
        address.wrapping_add(self.bias)
    }

    /// Where a symbol of the program is in the process; nothing where there is none of that name.
    ///
    /// # Errors
    /// The file's tables lie.
    pub(super) fn symbol(&self, name: &str) -> Result<Option<u64>, object::read::Error> {
        let data = &self.cache;
        let header = Header::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        for kind in [elf::SHT_SYMTAB, elf::SHT_DYNSYM] {
            let table = sections.symbols(endian, data, kind)?;
            for symbol in table.iter() {
                let code = matches!(symbol.st_type(), STT_FUNC | STT_NOTYPE);
                if code && !symbol.is_undefined(endian) && symbol.name(endian, table.strings())? == name.as_bytes() {
                    return Ok(Some(self.address(symbol.st_value(endian))));
                }
            }
        }
        Ok(None)
    }

    /// The program's code, as ranges of the process.
    ///
    /// # Errors
    /// The file's tables lie.
    pub(super) fn code(&self) -> Result<Code, object::read::Error> {
        let header = Header::parse(&self.cache)?;
        let endian = header.endian()?;
        let segments = header.program_headers(endian, &self.cache)?;
        let code = segments
            .iter()
            .filter(|segment| segment.p_type(endian) == PT_LOAD && segment.p_flags(endian).contains(PF_X))
            .map(|segment| {
                let start = self.address(segment.p_vaddr(endian));
                start..start.saturating_add(segment.p_memsz(endian))
            });
        Ok(Code(code.collect()))
    }
}

/// Where code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code(Vec<std::ops::Range<u64>>);

impl Code {
    /// Whether an address is in it.
    pub(super) fn has(&self, address: u64) -> bool {
        self.0.iter().any(|range| range.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_program_has_main_and_code_around_its_entry() {
        let open = || File::open("/proc/self/exe").expect("own program");
        let entry: u64 = 0x7000_0000_0000;
        let program = Program::new(open(), entry).expect("an ELF file");
        let code = program.code().expect("code");
        assert!(code.has(entry));
        assert!(!code.has(0));
        let main = program.symbol("main").expect("tables").expect("main");
        assert!(code.has(main));
        assert_eq!(program.symbol("no_such_symbol_anywhere").expect("tables"), None);
        let null = File::open("/dev/null").expect("nothing");
        assert!(Program::new(null, 0).is_err());
    }
}
