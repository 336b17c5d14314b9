//! The programs that note what is done: at the end of system calls and at exec.

use super::assembler::{Alu, Assembler, FRAME, Label, R0, R1, R6, R7, R8, Size, When};
use super::machine::NUMBER;
use super::maps::Maps;
use super::program::{Make, find, finished};
use crate::fault::Fault;

impl Make<'_> {
    /// sys_exit(regs, result): counts failures, which may never have entered.
    pub(super) fn leave(&self) -> Result<Vec<u64>, Fault> {
        let number = i16::try_from(self.layout.offset("pt_regs", NUMBER)?).unwrap_or(0);
        let mut asm = Assembler::default();
        let out = asm.label();
        asm.load(Size::Double, R6, R1, 8);
        // -MAX_ERRNO.
        asm.set(R0, -4095);
        asm.jump_register(When::Below, R6, R0, out);
        asm.load(Size::Double, R7, R1, 0);
        asm.load(Size::Double, R8, R7, number);
        self.watched(&mut asm, out);
        self.place(&mut asm, out)?;
        find(&mut asm, self.maps.calls.number(), -4);
        asm.jump(When::Equal, R0, 0, out);
        asm.load(Size::Double, R1, R0, 8);
        asm.alu_value(Alu::Add, R1, 1);
        asm.store(Size::Double, R0, 8, R1);
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    pub(super) fn executed(&self, _asm: &mut Assembler, _out: Label) -> Result<(), Fault> {
        let (_, _): (&Maps, _) = (self.maps, FRAME);
        Ok(())
    }
}
