//! What the programs write down of a call that tells something: its arguments, and what they point to.
//!
//! It is read when the call ends: by then the kernel has had the memory in its hands, so that it is there, and the
//! result is known. Only of execve(2), which takes the memory away, the names are those that the kernel has kept.

use super::assembler::{Alu, Assembler, FRAME, Helper, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Size, When};
use super::machine::{ARCHES, ARGS as REGISTERS, NARROW_ARGS, NARROW_PLACE, NUMBERS};
use super::maps::{LOST, UNREAD};
use super::program::{Make, local, lose, short, small};
use super::row::{CALLED, FIXED, HERE, Kind, VAIN};
use super::walk::{ROOT_DENTRY, ROOT_MOUNT, Slot};
use crate::fault::Fault;

// The head of an event. Numbers are of the machine's own order.

/// Process and thread.
pub(super) const TASK: i16 = 0;
/// The row of the table of calls.
pub(super) const ROW: i16 = 8;
/// [`CREATED`], [`NESTED`], [`EXECUTED`].
pub(super) const FLAGS: i16 = 12;
/// What the call came to.
pub(super) const RESULT: i16 = 16;
pub(super) const ARGS: i16 = 24;
/// The thread's name.
pub(super) const NAME: i16 = 72;
/// The root directory, for the kernel.
pub(super) const ROOT: i16 = 88;
/// How long the first text is, with its zero.
pub(super) const TEXT: i16 = 104;
/// Where the first directory is, and its length and one, or zero.
pub(super) const BASE: i16 = 108;
/// Where the second text is, and its length.
pub(super) const SECOND: i16 = 116;
/// Where the second directory is, and its length and one.
pub(super) const SECOND_BASE: i16 = 124;
/// The state of the process that a signal goes to.
pub(super) const STATE: i16 = 132;
/// The type of the socket, and one.
pub(super) const SOCKET: i16 = 136;
/// A block of memory of a fixed length: where it was, how long it is, and what was there.
pub(super) const BLOCK: i16 = 144;
/// An address: the same.
pub(super) const ADDRESS: i16 = 192;
/// Texts and directories.
pub(super) const DATA: i16 = 336;

/// [`FLAGS`]: the file was made by this call.
pub(super) const CREATED: i32 = 1;
/// [`FLAGS`]: processes have other numbers where the thread is.
pub(super) const NESTED: i32 = 2;
/// [`FLAGS`]: a program was executed; the first text is how it was named, and the second directory is itself.
pub(super) const EXECUTED: i32 = 4;

/// PATH_MAX.
const PATH: i32 = 4096;
/// How much of an address is read: more than a sockaddr_un.
const MOST: i32 = 128;
/// How much room there is for an event: the texts and directories, and the last name.
pub(super) const LONGEST: u32 = 336 + 4 * 4096 + 512;

const FIRST: Slot = Slot { at: BASE, length: BASE + 4, limit: 2 * PATH - 256 };
const LAST: Slot = Slot { at: SECOND_BASE, length: SECOND_BASE + 4, limit: 4 * PATH - 256 };

/// CLONE_NEW* that clone(2) knows (namespaces(7)).
const NEW: i32 = 0x7e02_0000;
/// And those of clone3(2).
const NEW_TIME: i32 = NEW | 0x80;
/// O_ACCMODE, O_CREAT and O_TRUNC: whoever opens without these changes nothing.
const CHANGES: i32 = 0x243;
/// FMODE_CREATED: `linux/fs.h`.
const MADE: i32 = 0x10_0000;

impl Make<'_> {
    /// Tells of the call in row r8 with the result in r6 and the registers at r7; r9 is what is wanted of it.
    pub(super) fn tell(&self, asm: &mut Assembler, out: Label) -> Result<(), Fault> {
        let (unread, send) = (asm.label(), asm.label());
        // -EFAULT: there is nothing to be read.
        asm.jump(When::Equal, R6, -14, out);
        asm.store(Size::Double, FRAME, -24, R9);
        self.scratch(asm, out);
        asm.store(Size::Word, R9, ROW, R8);
        asm.store_value(Size::Word, R9, FLAGS, 0);
        asm.store(Size::Double, R9, RESULT, R6);
        self.registers(asm)?;
        asm.load(Size::Double, R7, FRAME, -24);
        self.called(asm, out, unread);
        Self::wanted(asm, out);
        self.head(asm)?;
        Self::blocks(asm, out, unread);
        asm.set(R8, 0);
        Self::text(asm, 0, TEXT, out, unread);
        self.base(asm, 1, FIRST)?;
        let one = asm.label();
        asm.copy(R1, R7);
        asm.alu_value(Alu::Right, R1, 16);
        asm.alu_value(Alu::And, R1, 7);
        asm.jump(When::Equal, R1, 0, one);
        asm.store(Size::Word, R9, SECOND, R8);
        Self::text(asm, 2, SECOND + 4, out, unread);
        self.base(asm, 3, LAST)?;
        asm.here(one);
        self.result(asm)?;
        asm.go(send);
        asm.here(unread);
        lose(asm, self.maps, UNREAD);
        asm.go(out);
        asm.here(send);
        self.send(asm, out);
        Ok(())
    }

    /// Tells which program was executed: r6 is the kernel's `linux_binprm`.
    pub(super) fn tell_exec(&self, asm: &mut Assembler, out: Label) -> Result<(), Fault> {
        let (name, file) =
            (self.layout.offset("linux_binprm", "filename")?, self.layout.offset("linux_binprm", "file")?);
        let unnamed = asm.label();
        asm.load(Size::Double, R7, R6, short(name));
        asm.load(Size::Double, R8, R6, short(file));
        self.scratch(asm, out);
        asm.store_value(Size::Word, R9, ROW, 0);
        asm.store_value(Size::Word, R9, FLAGS, EXECUTED);
        asm.store_value(Size::Double, R9, RESULT, 0);
        asm.store(Size::Double, FRAME, -24, R8);
        self.head(asm)?;
        asm.set(R8, 0);
        asm.copy(R1, R9);
        asm.alu_value(Alu::Add, R1, DATA.into());
        asm.set(R2, PATH);
        asm.copy(R3, R7);
        asm.call(Helper::KernelText);
        asm.jump(When::Above, R0, PATH, out);
        asm.store(Size::Word, R9, TEXT, R0);
        asm.copy(R8, R0);
        Self::at_here(asm);
        self.walk(asm, FIRST)?;
        asm.load(Size::Double, R0, FRAME, -24);
        asm.jump(When::Equal, R0, 0, unnamed);
        self.at_file(asm)?;
        self.walk(asm, LAST)?;
        asm.here(unnamed);
        self.send(asm, out);
        Ok(())
    }

    /// `r9` = where the event is put together.
    fn scratch(&self, asm: &mut Assembler, out: Label) {
        asm.store_value(Size::Word, FRAME, -4, 0);
        asm.map(R1, self.maps.scratch.number());
        local(asm, R2, -4);
        asm.call(Helper::Lookup);
        asm.jump(When::Equal, R0, 0, out);
        asm.copy(R9, R0);
    }

    /// The arguments, from the registers at r7; r8 is the row.
    fn registers(&self, asm: &mut Assembler) -> Result<(), Fault> {
        let (narrow, done) = (asm.label(), asm.label());
        let offset = |(member, more): (&str, i32)| Ok(short(self.layout.offset("pt_regs", member)? + more));
        let places = || (ARGS..).step_by(8);
        if ARCHES.len() > 1 {
            let wide = asm.label();
            asm.jump(When::Below, R8, small(NARROW_PLACE * NUMBERS), wide);
            asm.jump(When::Below, R8, small((NARROW_PLACE + 1) * NUMBERS), narrow);
            asm.here(wide);
        }
        for (register, place) in REGISTERS.into_iter().zip(places()) {
            asm.load(Size::Double, R1, R7, offset(register)?);
            asm.store(Size::Double, R9, place, R1);
        }
        asm.go(done);
        asm.here(narrow);
        for (register, place) in NARROW_ARGS.into_iter().zip(places()) {
            asm.load(Size::Double, R1, R7, offset(register)?);
            asm.narrow(R1);
            asm.store(Size::Double, R9, place, R1);
        }
        asm.here(done);
        Ok(())
    }

    /// socketcall(2) becomes the call that it stands for.
    fn called(&self, asm: &mut Assembler, out: Label, unread: Label) {
        let no = asm.label();
        kind(asm);
        asm.jump(When::NotEqual, R1, Kind::Called as i32, no);
        asm.load(Size::Double, R8, R9, ARGS);
        asm.jump(When::AtLeast, R8, small(NUMBERS - CALLED), out);
        local(asm, R1, -64);
        asm.set(R2, 24);
        asm.load(Size::Double, R3, R9, ARGS + 8);
        asm.call(Helper::ReadUser);
        asm.jump(When::NotEqual, R0, 0, unread);
        for (index, place) in (0_i16..6).zip((ARGS..).step_by(8)) {
            asm.load(Size::Word, R1, FRAME, -64 + 4 * index);
            asm.store(Size::Double, R9, place, R1);
        }
        asm.alu_value(Alu::Add, R8, small(NARROW_PLACE * NUMBERS + CALLED));
        asm.store(Size::Word, R9, ROW, R8);
        asm.alu_value(Alu::Left, R8, 3);
        asm.value(R1, self.maps.table.number());
        asm.alu(Alu::Add, R1, R8);
        asm.load(Size::Double, R7, R1, 0);
        asm.jump(When::Equal, R7, 0, out);
        asm.here(no);
    }

    /// Goes on only when the call tells something after all.
    fn wanted(asm: &mut Assembler, out: Label) {
        let (found, open, go) = (asm.label(), asm.label(), asm.label());
        Self::argument(asm, R3, 6);
        kind(asm);
        // -ENOENT.
        asm.jump(When::NotEqual, R6, -2, found);
        asm.copy(R2, R7);
        asm.alu_value(Alu::Right, R2, 56);
        asm.jump(When::Below, R2, VAIN.into(), found);
        asm.jump(When::Equal, R1, Kind::Open as i32, open);
        asm.go(out);
        asm.here(open);
        asm.jump(When::Bits, R3, CHANGES, found);
        asm.go(out);
        asm.here(found);
        for (of, bits) in [(Kind::Executable, libc::PROT_EXEC), (Kind::Namespace, NEW)] {
            let other = asm.label();
            asm.jump(When::NotEqual, R1, of as i32, other);
            asm.jump(When::Bits, R3, bits, go);
            asm.go(out);
            asm.here(other);
        }
        let (other, failed) = (asm.label(), asm.label());
        asm.jump(When::NotEqual, R1, Kind::Sent as i32, other);
        asm.jump(When::Equal, R3, 0, out);
        asm.here(other);
        asm.jump(When::NotEqual, R1, Kind::Execute as i32, failed);
        asm.jump(When::Equal, R6, 0, out);
        asm.here(failed);
        asm.here(go);
    }

    /// The rest of the head, but for what belongs to one kind of call.
    fn head(&self, asm: &mut Assembler) -> Result<(), Fault> {
        asm.call(Helper::PidTgid);
        asm.store(Size::Double, R9, TASK, R0);
        asm.copy(R1, R9);
        asm.alu_value(Alu::Add, R1, NAME.into());
        asm.set(R2, 16);
        asm.call(Helper::Name);
        for at in (TEXT..BLOCK).step_by(8) {
            asm.store_value(Size::Double, R9, at, 0);
        }
        asm.store_value(Size::Double, R9, BLOCK + 8, 0);
        asm.store_value(Size::Double, R9, ADDRESS + 8, 0);
        self.places(asm)?;
        for (at, from) in [(ROOT, ROOT_DENTRY), (ROOT + 8, ROOT_MOUNT)] {
            asm.load(Size::Double, R1, FRAME, from);
            asm.store(Size::Double, R9, at, R1);
        }
        Ok(())
    }

    /// Memory that is no text.
    fn blocks(asm: &mut Assembler, out: Label, unread: Label) {
        let (none, read, all, message) = (asm.label(), asm.label(), asm.label(), asm.label());
        kind(asm);
        asm.jump(When::Equal, R1, Kind::Message as i32, message);
        asm.copy(R1, R7);
        asm.alu_value(Alu::Right, R1, 40);
        asm.alu_value(Alu::And, R1, 0xff);
        asm.jump(When::Equal, R1, 0, none);
        let address = asm.label();
        asm.jump(When::Below, R1, FIXED.into(), address);
        // A fixed length.
        asm.alu_value(Alu::And, R1, 31);
        asm.copy(R8, R1);
        Self::argument(asm, R3, 4);
        Self::block(asm, BLOCK, unread);
        kind(asm);
        asm.jump(When::NotEqual, R1, Kind::Started as i32, none);
        asm.load(Size::Double, R1, R9, BLOCK + 16);
        asm.jump(When::Bits, R1, NEW_TIME, none);
        asm.go(out);
        // The name and its length are the first two words of a msghdr.
        asm.here(message);
        Self::argument(asm, R3, 6);
        asm.set(R8, 16);
        Self::block(asm, BLOCK, unread);
        let words = asm.label();
        asm.load(Size::Double, R3, R9, BLOCK + 16);
        asm.load(Size::Word, R8, R9, BLOCK + 24);
        asm.load(Size::Word, R1, R9, ROW);
        asm.jump(When::Below, R1, small(NARROW_PLACE * NUMBERS), words);
        asm.load(Size::Word, R3, R9, BLOCK + 16);
        asm.load(Size::Word, R8, R9, BLOCK + 20);
        asm.here(words);
        asm.jump(When::Equal, R3, 0, out);
        asm.go(read);
        asm.here(address);
        Self::argument(asm, R8, 5);
        asm.narrow(R8);
        Self::argument(asm, R3, 4);
        asm.here(read);
        asm.jump(When::Below, R8, 2, out);
        asm.jump(When::Below, R8, MOST, all);
        asm.set(R8, MOST);
        asm.here(all);
        Self::block(asm, ADDRESS, unread);
        asm.here(none);
    }

    /// Reads r8 bytes from r3 into a block of the event.
    fn block(asm: &mut Assembler, at: i16, unread: Label) {
        asm.jump(When::Equal, R3, 0, unread);
        asm.store(Size::Double, R9, at, R3);
        asm.store(Size::Word, R9, at + 8, R8);
        asm.copy(R1, R9);
        asm.alu_value(Alu::Add, R1, i32::from(at) + 16);
        asm.copy(R2, R8);
        asm.call(Helper::ReadUser);
        asm.jump(When::NotEqual, R0, 0, unread);
    }

    /// The text in the argument that a byte of the row says, if any; r8 is where it goes.
    fn text(asm: &mut Assembler, byte: i32, length: i16, out: Label, unread: Label) {
        let none = asm.label();
        asm.copy(R1, R7);
        asm.alu_value(Alu::Right, R1, 8 * byte);
        asm.alu_value(Alu::And, R1, 7);
        asm.jump(When::Equal, R1, 0, none);
        Self::argument(asm, R3, byte);
        asm.jump(When::Equal, R3, 0, out);
        asm.copy(R1, R9);
        asm.alu_value(Alu::Add, R1, DATA.into());
        asm.alu(Alu::Add, R1, R8);
        asm.set(R2, PATH);
        asm.call(Helper::UserText);
        asm.jump(When::Above, R0, PATH, unread);
        // Empty, and its zero.
        asm.jump(When::Below, R0, 2, out);
        asm.store(Size::Word, R9, length, R0);
        asm.alu(Alu::Add, R8, R0);
        asm.here(none);
    }

    /// The directory that a byte of the row says, when the text before it is relative, or there is none.
    fn base(&self, asm: &mut Assembler, byte: i32, slot: Slot) -> Result<(), Fault> {
        let (none, relative, here, walk, number) = (asm.label(), asm.label(), asm.label(), asm.label(), asm.label());
        asm.copy(R1, R7);
        asm.alu_value(Alu::Right, R1, 8 * byte);
        asm.alu_value(Alu::And, R1, 7);
        asm.jump(When::Equal, R1, 0, none);
        let (start, length) = if slot.at == BASE { (None, TEXT) } else { (Some(SECOND), SECOND + 4) };
        asm.load(Size::Word, R1, R9, length);
        asm.jump(When::Equal, R1, 0, number);
        asm.copy(R2, R9);
        if let Some(start) = start {
            asm.load(Size::Word, R1, R9, start);
            asm.jump(When::Above, R1, 3 * PATH, none);
            asm.alu(Alu::Add, R2, R1);
        }
        asm.load(Size::Byte, R1, R2, DATA);
        asm.jump(When::NotEqual, R1, i32::from(b'/'), relative);
        asm.go(none);
        // Only names of unix sockets are relative to anything.
        asm.here(number);
        asm.load(Size::Word, R1, R9, ADDRESS + 8);
        asm.jump(When::Equal, R1, 0, relative);
        asm.load(Size::Half, R1, R9, ADDRESS + 16);
        asm.jump(When::NotEqual, R1, libc::AF_UNIX, none);
        asm.here(relative);
        asm.copy(R1, R7);
        asm.alu_value(Alu::Right, R1, 8 * byte);
        asm.alu_value(Alu::And, R1, 7);
        asm.jump(When::Equal, R1, HERE.into(), here);
        Self::argument(asm, R3, byte);
        asm.narrow(R3);
        asm.copy(R1, R3);
        asm.set(R2, libc::AT_FDCWD);
        asm.narrow(R2);
        asm.jump_register(When::Equal, R1, R2, here);
        self.file(asm, R3, none)?;
        self.at_file(asm)?;
        asm.go(walk);
        asm.here(here);
        Self::at_here(asm);
        asm.here(walk);
        self.walk(asm, slot)?;
        asm.here(none);
        Ok(())
    }

    /// What the result tells, and the state of others.
    fn result(&self, asm: &mut Assembler) -> Result<(), Fault> {
        let (done, made, opened, signal, other, socket) =
            (asm.label(), asm.label(), asm.label(), asm.label(), asm.label(), asm.label());
        Self::argument(asm, R3, 6);
        kind(asm);
        asm.jump(When::Equal, R1, Kind::Make as i32, opened);
        asm.jump(When::Equal, R1, Kind::Signal as i32, signal);
        asm.jump(When::Equal, R1, Kind::Socket as i32, socket);
        asm.jump(When::NotEqual, R1, Kind::Open as i32, done);
        asm.jump(When::Bits, R3, libc::O_CREAT, opened);
        asm.go(done);
        asm.here(opened);
        asm.load(Size::Double, R3, R9, RESULT);
        self.file(asm, R3, done)?;
        Self::word_at(asm, R0, self.layout.offset("file", "f_mode")?);
        asm.jump(When::Bits, R1, MADE, made);
        asm.go(done);
        asm.here(made);
        asm.store_value(Size::Word, R9, FLAGS, CREATED);
        asm.go(done);
        asm.here(signal);
        asm.copy(R6, R3);
        asm.call(Helper::Task);
        Self::word_at(asm, R0, self.layout.offset("task_struct", "thread_pid")?);
        Self::word_at(asm, R1, self.layout.offset("pid", "level")?);
        asm.narrow(R1);
        asm.jump(When::Equal, R1, 0, other);
        asm.store_value(Size::Word, R9, FLAGS, NESTED);
        asm.here(other);
        let positive = asm.label();
        asm.narrow(R6);
        asm.jump(When::Below, R6, i32::MAX, positive);
        // A group, by the number of its first.
        asm.set(R1, 0);
        asm.alu(Alu::Subtract, R1, R6);
        asm.narrow(R1);
        asm.copy(R6, R1);
        asm.here(positive);
        self.task(asm, R6, done);
        asm.load(Size::Byte, R1, R1, 0);
        asm.store(Size::Word, R9, STATE, R1);
        asm.go(done);
        asm.here(socket);
        asm.load(Size::Double, R3, R9, ARGS);
        self.file(asm, R3, done)?;
        Self::word_at(asm, R0, self.layout.offset("file", "private_data")?);
        Self::word_at(asm, R1, self.layout.offset("socket", "type")?);
        asm.alu_value(Alu::And, R1, 0xffff);
        asm.alu_value(Alu::Add, R1, 1);
        asm.store(Size::Word, R9, SOCKET, R1);
        asm.here(done);
        Ok(())
    }

    /// Hands the event over; r8 is where it ends.
    fn send(&self, asm: &mut Assembler, out: Label) {
        /// The reader comes by itself: BPF_RB_NO_WAKEUP.
        const QUIETLY: i32 = 1;
        asm.map(R1, self.maps.events.number());
        asm.copy(R2, R9);
        asm.copy(R3, R8);
        asm.alu_value(Alu::Add, R3, DATA.into());
        asm.set(R4, QUIETLY);
        asm.call(Helper::Output);
        asm.jump(When::Equal, R0, 0, out);
        lose(asm, self.maps, LOST);
    }
}

/// `r1` = the kind of the row in r7.
fn kind(asm: &mut Assembler) {
    asm.copy(R1, R7);
    asm.alu_value(Alu::Right, R1, 56);
    asm.alu_value(Alu::And, R1, 0xf);
}
