//! A program as text, for `explain` and for people who check compilers.

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{self, X32_BIT};

use super::machine::{self, AND, ANY_BIT, AT_LEAST, EQUAL, GREATER, JUMP, LOAD, RETURN};
use super::tree::Program;

impl Program {
    /// One line an instruction: its index, what it does, and where it leads.
    pub fn disassemble(&self) -> String {
        let mut text = String::new();
        let mut loaded = machine::ARCH;
        for (at, instruction) in self.code.iter().enumerate() {
            let k = instruction.k;
            if let Some((_, arch)) = self.sections.iter().find(|section| section.0 == at) {
                line(&mut text, format_args!("      # {arch}"));
            }
            let sign = match instruction.code {
                EQUAL => "==",
                GREATER => ">",
                AT_LEAST => ">=",
                ANY_BIT => "&",
                LOAD => {
                    loaded = k;
                    line(&mut text, format_args!("{at:4}  load {}", word(k)));
                    continue;
                }
                AND => {
                    line(&mut text, format_args!("{at:4}  and {k:#x}"));
                    continue;
                }
                RETURN => {
                    line(&mut text, format_args!("{at:4}  return {}", Action::from_ret(k)));
                    continue;
                }
                JUMP => {
                    line(&mut text, format_args!("{at:4}  goto {}", at + 1 + k as usize));
                    continue;
                }
                other => {
                    line(&mut text, format_args!("{at:4}  ? {other:#x} {k:#x}"));
                    continue;
                }
            };
            let yes = at + 1 + usize::from(instruction.jt);
            let no = at + 1 + usize::from(instruction.jf);
            let operand = self.operand(at, loaded, k);
            line(&mut text, format_args!("{at:4}  if {sign} {operand} goto {yes} else {no}"));
        }
        text
    }

    /// The operand of a comparison with the word that was loaded last, in words where there are some.
    fn operand(&self, at: usize, loaded: u32, k: u32) -> String {
        match loaded {
            machine::ARCH => [Arch::X86_64, Arch::X86, Arch::Aarch64, Arch::Arm, Arch::Riscv64]
                .into_iter()
                .find(|arch| arch.audit() == k)
                .map_or_else(|| format!("{k:#x}"), |arch| format!("{arch} ({k:#x})")),
            machine::NUMBER => {
                let arch = self.sections.iter().rev().find(|section| section.0 <= at).map(|section| section.1);
                let number = if arch == Some(Arch::X32) { k.wrapping_sub(X32_BIT) } else { k };
                match arch.and_then(|arch| calls::name(arch, number)) {
                    Some(name) => format!("{k} ({name})"),
                    None => k.to_string(),
                }
            }
            _ => format!("{k:#x}"),
        }
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.push_str(&arguments.to_string());
    text.push('\n');
}

/// What stands at an offset of the call's data.
fn word(offset: u32) -> String {
    match offset {
        machine::NUMBER => "number".into(),
        machine::ARCH => "architecture".into(),
        8 | 12 => "instruction pointer".into(),
        _ => {
            let half = if offset.is_multiple_of(8) { "low" } else { "high" };
            format!("arg{} {half}", (offset - machine::ARGS) / 8)
        }
    }
}
