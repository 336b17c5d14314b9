//! Instructions of the kernel's virtual machine (`linux/bpf.h`, Documentation/bpf/standardization), with labels.

/// A register: r0 is what calls return, r1 to r5 are arguments and lost by calls, r6 to r9 stay, r10 is the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Register(pub(super) u8);

pub(super) const R0: Register = Register(0);
pub(super) const R1: Register = Register(1);
pub(super) const R2: Register = Register(2);
pub(super) const R3: Register = Register(3);
pub(super) const R4: Register = Register(4);
pub(super) const R6: Register = Register(6);
pub(super) const R7: Register = Register(7);
pub(super) const R8: Register = Register(8);
pub(super) const R9: Register = Register(9);
pub(super) const FRAME: Register = Register(10);

/// How many bytes a load or store moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Size {
    Word = 0x00,
    Half = 0x08,
    Byte = 0x10,
    Double = 0x18,
}

/// Arithmetic on 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Alu {
    Add = 0x00,
    Subtract = 0x10,
    Times = 0x20,
    And = 0x50,
    Left = 0x60,
    Right = 0x70,
    Move = 0xb0,
}

/// When to jump; unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum When {
    Equal = 0x10,
    Above = 0x20,
    AtLeast = 0x30,
    Bits = 0x40,
    NotEqual = 0x50,
    Below = 0xa0,
}

/// The kernel's functions by number (`enum bpf_func_id`); all since Linux 5.8 or before, but for the last two: 5.11 and
/// 5.15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Helper {
    Lookup = 1,
    Cpu = 8,
    PidTgid = 14,
    Name = 16,
    Task = 35,
    ReadUser = 112,
    ReadKernel = 113,
    UserText = 114,
    KernelText = 115,
    AncestorCgroup = 123,
    Output = 130,
    TypedTask = 158,
    Registers = 175,
}

/// A place in the program that can be jumped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// A program in the making.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    code: Vec<u64>,
    jumps: Vec<(usize, Label)>,
    places: Vec<Option<usize>>,
}

impl Assembler {
    fn emit(&mut self, code: u8, target: Register, source: Register, offset: i16, value: i32) {
        let registers = u64::from(target.0 | source.0 << 4);
        let offset = u64::from(offset.cast_unsigned());
        let value = u64::from(value.cast_unsigned());
        self.code.push(u64::from(code) | registers << 8 | offset << 16 | value << 32);
    }

    /// A label for a place that comes later.
    pub(super) fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// The label's place is here.
    pub(super) fn here(&mut self, label: Label) {
        self.places[label.0] = Some(self.code.len());
    }

    /// `target = source`.
    pub(super) fn copy(&mut self, target: Register, source: Register) {
        self.alu(Alu::Move, target, source);
    }

    /// `target = value`, its sign extended.
    pub(super) fn set(&mut self, target: Register, value: i32) {
        self.alu_value(Alu::Move, target, value);
    }

    /// `target = value`.
    pub(super) fn set_wide(&mut self, target: Register, value: u64) {
        self.wide(target, R0, value);
    }

    /// `target` = the map with this descriptor.
    pub(super) fn map(&mut self, target: Register, fd: i32) {
        // BPF_PSEUDO_MAP_FD.
        self.wide(target, R1, u64::from(fd.cast_unsigned()));
    }

    /// `target` = the address of the only value of the array with this descriptor.
    pub(super) fn value(&mut self, target: Register, fd: i32) {
        // BPF_PSEUDO_MAP_VALUE.
        self.wide(target, R2, u64::from(fd.cast_unsigned()));
    }

    fn wide(&mut self, target: Register, source: Register, value: u64) {
        let half = |half: u64| u32::try_from(half & 0xffff_ffff).unwrap_or(0).cast_signed();
        self.emit(0x18, target, source, 0, half(value));
        self.emit(0, R0, R0, 0, half(value >> 32));
    }

    /// `target = target OP source`.
    pub(super) fn alu(&mut self, alu: Alu, target: Register, source: Register) {
        self.emit(0x0f | alu as u8, target, source, 0, 0);
    }

    /// `target = target OP value`.
    pub(super) fn alu_value(&mut self, alu: Alu, target: Register, value: i32) {
        self.emit(0x07 | alu as u8, target, R0, 0, value);
    }

    /// Clears the upper half.
    pub(super) fn narrow(&mut self, register: Register) {
        self.emit(0xbc, register, register, 0, 0);
    }

    /// `target = *(address + offset)`.
    pub(super) fn load(&mut self, size: Size, target: Register, address: Register, offset: i16) {
        self.emit(0x61 | size as u8, target, address, offset, 0);
    }

    /// `*(address + offset) = source`.
    pub(super) fn store(&mut self, size: Size, address: Register, offset: i16, source: Register) {
        self.emit(0x63 | size as u8, address, source, offset, 0);
    }

    /// `*(address + offset) = value`.
    pub(super) fn store_value(&mut self, size: Size, address: Register, offset: i16, value: i32) {
        self.emit(0x62 | size as u8, address, R0, offset, value);
    }

    /// `*address += source`, eight bytes, whoever else does it (BPF_ATOMIC, once BPF_XADD).
    pub(super) fn add_atomic(&mut self, address: Register, offset: i16, source: Register) {
        self.emit(0xdb, address, source, offset, 0);
    }

    /// Calls one of the kernel's functions.
    pub(super) fn call(&mut self, helper: Helper) {
        self.emit(0x85, R0, R0, 0, helper as i32);
    }

    /// Jumps when `left WHEN value`.
    pub(super) fn jump(&mut self, when: When, left: Register, value: i32, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.emit(0x05 | when as u8, left, R0, 0, value);
    }

    /// Jumps when `left WHEN right`.
    pub(super) fn jump_register(&mut self, when: When, left: Register, right: Register, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.emit(0x0d | when as u8, left, right, 0, 0);
    }

    /// Jumps.
    pub(super) fn go(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.emit(0x05, R0, R0, 0, 0);
    }

    /// `return 0`.
    pub(super) fn exit(&mut self) {
        self.set(R0, 0);
        self.emit(0x95, R0, R0, 0, 0);
    }

    /// The program; nothing where a label has no place or a jump is too far.
    pub(super) fn finish(mut self) -> Option<Vec<u64>> {
        for (at, label) in &self.jumps {
            let target = i64::try_from(self.places[label.0]?).ok()?;
            let offset = i16::try_from(target - i64::try_from(*at).ok()? - 1).ok()?;
            self.code[*at] |= u64::from(offset.cast_unsigned()) << 16;
        }
        Some(self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_the_kernels() {
        let mut asm = Assembler::default();
        let end = asm.label();
        asm.load(Size::Double, R6, R1, 8);
        asm.jump(When::Equal, R6, -1, end);
        asm.store(Size::Word, FRAME, -4, R6);
        asm.here(end);
        asm.exit();
        let expected = [0x0008_1679, 0xffff_ffff_0001_0615, 0xfffc_6a63, 0xb7, 0x95];
        assert_eq!(asm.finish().as_deref(), Some(&expected[..]));
    }

    #[test]
    fn a_label_without_a_place_is_no_program() {
        let mut asm = Assembler::default();
        let end = asm.label();
        asm.go(end);
        assert_eq!(asm.finish(), None);
    }
}
