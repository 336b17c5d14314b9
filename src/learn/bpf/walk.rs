//! From a file to its name: up the directories and mounts to the task's root, in the kernel.

use super::assembler::{Alu, Assembler, FRAME, Helper, Label, R0, R1, R2, R3, R6, R7, R8, R9, Register, Size, When};
use super::event::{ARGS, DATA};
use super::program::{Make, read_kernel, short};
use crate::fault::{Exit, Fault};

/// The frame, from its end. What is read there is eight bytes long.
const DENTRY: i16 = -40;
const MOUNT: i16 = -48;
/// The root of the mounted file system.
const TOP: i16 = -56;
pub(super) const ROOT_DENTRY: i16 = -64;
pub(super) const ROOT_MOUNT: i16 = -72;
const HERE_DENTRY: i16 = -80;
const HERE_MOUNT: i16 = -88;
const FILE: i16 = -96;
const NUMBER: i16 = -104;
const START: i16 = -112;
const BUFFER: i16 = -192;
/// Bytes at [`BUFFER`].
const ROOM: i32 = 64;

/// How many steps are gone. A path of 4096 letters can have more components; nobody's has.
const STEPS: i32 = 64;
/// NAME_MAX, and the zero.
const NAME: i32 = 256;

/// Where the path is told: the words in the head with its place and its length and one, and the last place for a name.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) at: i16,
    pub(super) length: i16,
    pub(super) limit: i32,
}

impl Make<'_> {
    fn of(&self, structure: &str, member: &str) -> Result<i32, Fault> {
        self.layout.offset(structure, member)
    }

    /// Two words that are near each other: where reading begins, and where both are then.
    fn near(structure: &str, one: i32, other: i32) -> Result<(i32, i16, i16), Fault> {
        let start = one.min(other);
        if (one - other).abs() > ROOM - 8 {
            return Err(Fault::new(format!("this kernel's {structure} is laid out as no other's")).exit(Exit::Bpf));
        }
        Ok((start, BUFFER + short(one - start), BUFFER + short(other - start)))
    }

    /// Remembers the task's root and working directory.
    pub(super) fn places(&self, asm: &mut Assembler) -> Result<(), Fault> {
        let fs = self.of("task_struct", "fs")?;
        let word = i32::from(BUFFER);
        let both = |member: &str| -> Result<_, Fault> {
            Ok((self.of("fs_struct", &format!("{member}.dentry"))?, self.of("fs_struct", &format!("{member}.mnt"))?))
        };
        asm.call(Helper::Task);
        read_kernel(asm, i32::from(FILE), 8, R0, fs);
        for (member, dentry, mount) in [("root", ROOT_DENTRY, ROOT_MOUNT), ("pwd", HERE_DENTRY, HERE_MOUNT)] {
            let (of_dentry, of_mount) = both(member)?;
            let (start, from_dentry, from_mount) = Self::near("fs_struct", of_dentry, of_mount)?;
            asm.load(Size::Double, R1, FRAME, FILE);
            read_kernel(asm, word, (of_dentry - of_mount).abs() + 8, R1, start);
            asm.load(Size::Double, R1, FRAME, from_dentry);
            asm.store(Size::Double, FRAME, dentry, R1);
            asm.load(Size::Double, R1, FRAME, from_mount);
            asm.store(Size::Double, FRAME, mount, R1);
        }
        Ok(())
    }

    /// `r0` = the file with the number in this register, if there is one.
    pub(super) fn file(&self, asm: &mut Assembler, number: Register, none: Label) -> Result<(), Fault> {
        let word = i32::from(BUFFER);
        let most = self.of("fdtable", "max_fds")?;
        let step = |asm: &mut Assembler, offset: i32| {
            asm.load(Size::Double, R1, FRAME, FILE);
            read_kernel(asm, i32::from(FILE), 8, R1, offset);
        };
        asm.narrow(number);
        asm.store(Size::Double, FRAME, NUMBER, number);
        asm.call(Helper::Task);
        read_kernel(asm, i32::from(FILE), 8, R0, self.of("task_struct", "files")?);
        step(asm, self.of("files_struct", "fdt")?);
        asm.load(Size::Double, R1, FRAME, FILE);
        read_kernel(asm, word, 4, R1, most);
        asm.load(Size::Word, R1, FRAME, BUFFER);
        asm.load(Size::Double, R2, FRAME, NUMBER);
        asm.jump_register(When::AtLeast, R2, R1, none);
        step(asm, self.of("fdtable", "fd")?);
        asm.load(Size::Double, R1, FRAME, FILE);
        asm.load(Size::Double, R2, FRAME, NUMBER);
        asm.alu_value(Alu::Left, R2, 3);
        asm.alu(Alu::Add, R1, R2);
        read_kernel(asm, i32::from(FILE), 8, R1, 0);
        asm.load(Size::Double, R0, FRAME, FILE);
        asm.jump(When::Equal, R0, 0, none);
        Ok(())
    }

    /// Begins at the working directory.
    pub(super) fn at_here(asm: &mut Assembler) {
        asm.load(Size::Double, R1, FRAME, HERE_DENTRY);
        asm.store(Size::Double, FRAME, DENTRY, R1);
        asm.load(Size::Double, R1, FRAME, HERE_MOUNT);
        asm.store(Size::Double, FRAME, MOUNT, R1);
    }

    /// Begins at the file in r0.
    pub(super) fn at_file(&self, asm: &mut Assembler) -> Result<(), Fault> {
        let (dentry, mount) = (self.of("file", "f_path.dentry")?, self.of("file", "f_path.mnt")?);
        let (start, from_dentry, from_mount) = Self::near("file", dentry, mount)?;
        read_kernel(asm, i32::from(BUFFER), (dentry - mount).abs() + 8, R0, start);
        asm.load(Size::Double, R1, FRAME, from_dentry);
        asm.store(Size::Double, FRAME, DENTRY, R1);
        asm.load(Size::Double, R1, FRAME, from_mount);
        asm.store(Size::Double, FRAME, MOUNT, R1);
        Ok(())
    }

    /// Writes the names from where it was begun up to the root, each with a zero after it. Loses r6; r8 is where the next
    /// name goes. What is below no root that the task sees is not told.
    pub(super) fn walk(&self, asm: &mut Assembler, slot: Slot) -> Result<(), Fault> {
        let (parent, name) = (self.of("dentry", "d_parent")?, self.of("dentry", "d_name.name")?);
        let (dentry, of_parent, of_name) = Self::near("dentry", parent, name)?;
        let size = (parent - name).abs() + 8;
        let inside = self.of("mount", "mnt")?;
        let (up, point) = (self.of("mount", "mnt_parent")?, self.of("mount", "mnt_mountpoint")?);
        let top = self.of("vfsmount", "mnt_root")?;
        let word = i32::from(BUFFER);
        let (next, mounted, step, cross, done, out) =
            (asm.label(), asm.label(), asm.label(), asm.label(), asm.label(), asm.label());
        asm.store(Size::Word, R9, slot.at, R8);
        asm.store(Size::Double, FRAME, START, R8);
        asm.set(R6, 0);
        asm.here(mounted);
        asm.load(Size::Double, R1, FRAME, MOUNT);
        read_kernel(asm, i32::from(TOP), 8, R1, top);
        asm.here(next);
        asm.alu_value(Alu::Add, R6, 1);
        asm.jump(When::Above, R6, STEPS, out);
        asm.load(Size::Double, R1, FRAME, DENTRY);
        asm.load(Size::Double, R2, FRAME, ROOT_DENTRY);
        asm.jump_register(When::NotEqual, R1, R2, step);
        asm.load(Size::Double, R2, FRAME, MOUNT);
        asm.load(Size::Double, R3, FRAME, ROOT_MOUNT);
        asm.jump_register(When::Equal, R2, R3, done);
        asm.here(step);
        asm.load(Size::Double, R2, FRAME, TOP);
        asm.jump_register(When::Equal, R1, R2, cross);
        read_kernel(asm, word, size, R1, dentry);
        asm.load(Size::Double, R1, FRAME, of_parent);
        asm.load(Size::Double, R2, FRAME, DENTRY);
        asm.jump_register(When::Equal, R1, R2, out);
        asm.store(Size::Double, FRAME, DENTRY, R1);
        asm.jump(When::Above, R8, slot.limit, out);
        asm.copy(R1, R9);
        asm.alu_value(Alu::Add, R1, i32::from(DATA));
        asm.alu(Alu::Add, R1, R8);
        asm.set(R2, NAME);
        asm.load(Size::Double, R3, FRAME, of_name);
        asm.call(Helper::KernelText);
        asm.jump(When::Above, R0, NAME, out);
        asm.alu(Alu::Add, R8, R0);
        asm.go(next);
        asm.here(cross);
        asm.load(Size::Double, R1, FRAME, MOUNT);
        read_kernel(asm, word, 8, R1, up - inside);
        asm.load(Size::Double, R1, FRAME, MOUNT);
        asm.alu_value(Alu::Subtract, R1, inside);
        asm.load(Size::Double, R2, FRAME, BUFFER);
        asm.jump_register(When::Equal, R1, R2, done);
        read_kernel(asm, i32::from(DENTRY), 8, R1, point);
        asm.load(Size::Double, R1, FRAME, BUFFER);
        asm.alu_value(Alu::Add, R1, inside);
        asm.store(Size::Double, FRAME, MOUNT, R1);
        asm.go(mounted);
        asm.here(done);
        asm.copy(R1, R8);
        asm.load(Size::Double, R2, FRAME, START);
        asm.alu(Alu::Subtract, R1, R2);
        asm.alu_value(Alu::Add, R1, 1);
        asm.store(Size::Word, R9, slot.length, R1);
        asm.here(out);
        Ok(())
    }

    /// `target` = the argument that a byte of the row in r7 says, counted from one.
    pub(super) fn argument(asm: &mut Assembler, target: Register, byte: i32) {
        asm.copy(R1, R7);
        asm.alu_value(Alu::Right, R1, 8 * byte);
        asm.alu_value(Alu::And, R1, 7);
        asm.alu_value(Alu::Left, R1, 3);
        asm.copy(R2, R9);
        asm.alu(Alu::Add, R2, R1);
        asm.load(Size::Double, target, R2, ARGS - 8);
    }

    /// `r1` = a word behind an address.
    pub(super) fn word_at(asm: &mut Assembler, address: Register, offset: i32) {
        read_kernel(asm, i32::from(BUFFER), 8, address, offset);
        asm.load(Size::Double, R1, FRAME, BUFFER);
    }
}
