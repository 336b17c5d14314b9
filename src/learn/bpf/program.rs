//! The programs that count: at the entry and end of system calls, and at the birth, exec and death of processes.

use super::assembler::{Alu, Assembler, FRAME, Helper, Label, R0, R1, R2, R3, R6, R7, R8, R9, Register, Size, When};
use super::layout::Layout;
use super::machine::{ARCHES, NARROW, NUMBER, NUMBERS};
use super::maps::{Maps, PROCESSES, QUICK, ROWS};
use crate::fault::{Exit, Fault};

/// A process whose exec is waited for.
pub(super) const WAITING: u8 = 1;
/// A process that is watched.
pub(super) const WATCHED: u8 = 2;
/// A process that was watched and has ended.
pub(super) const ENDED: u8 = 3;

/// Who is watched, for programs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Watch {
    /// The processes of a map.
    Tasks,
    /// The cgroup with this id at this depth, and everything below.
    Cgroup { id: u64, depth: i32 },
}

/// What programs are made of.
pub(super) struct Make<'a> {
    pub(super) layout: &'a Layout,
    pub(super) maps: &'a Maps,
    pub(super) watch: Watch,
    /// Whether the kernel gives out the current task as a pointer that can be followed (Linux 5.11).
    pub(super) typed: bool,
}

/// The finished program.
fn finished(asm: Assembler) -> Result<Vec<u64>, Fault> {
    asm.finish().ok_or_else(|| Fault::new("an eBPF program of ours has a jump to nowhere").exit(Exit::Bpf))
}

/// A number that instructions have room for.
pub(super) fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// An offset that instructions have room for; none is near the limit.
pub(super) fn short(offset: i32) -> i16 {
    i16::try_from(offset).unwrap_or(i16::MAX)
}

/// `register = frame + offset`.
pub(super) fn local(asm: &mut Assembler, register: Register, offset: i32) {
    asm.copy(register, FRAME);
    asm.alu_value(Alu::Add, register, offset);
}

/// `*(frame + to) = *(address + offset)`, so many bytes of the kernel's, or zero. Loses r0 to r5.
pub(super) fn read_kernel(asm: &mut Assembler, to: i32, size: i32, address: Register, offset: i32) {
    asm.copy(R3, address);
    asm.alu_value(Alu::Add, R3, offset);
    local(asm, R1, to);
    asm.set(R2, size);
    asm.call(Helper::ReadKernel);
}

/// `r1 = &shared[register * size]`; the register's bounds must be known.
fn element(asm: &mut Assembler, shared: i32, register: Register, shift: i32) {
    asm.copy(R2, register);
    if shift > 0 {
        asm.alu_value(Alu::Left, R2, shift);
    }
    asm.value(R1, shared);
    asm.alu(Alu::Add, R1, R2);
}

/// Counts one more of what was lost.
pub(super) fn lose(asm: &mut Assembler, maps: &Maps, place: u32) {
    asm.value(R1, maps.failed.number());
    asm.alu_value(Alu::Add, R1, small(place));
    asm.set(R2, 1);
    asm.add_atomic(R1, 0, R2);
}

impl Make<'_> {
    /// Goes on only for who is watched. Loses r0 to r5.
    fn watched(&self, asm: &mut Assembler, out: Label) {
        match self.watch {
            Watch::Tasks => {
                self.state(asm, out);
                asm.load(Size::Byte, R2, R1, 0);
                asm.jump(When::NotEqual, R2, WATCHED.into(), out);
            }
            Watch::Cgroup { id, depth } => {
                asm.set(R1, depth);
                asm.call(Helper::AncestorCgroup);
                asm.set_wide(R1, id);
                asm.jump_register(When::NotEqual, R0, R1, out);
            }
        }
    }

    /// `r1` = the address of this process's state, whose number is in r0.
    fn state(&self, asm: &mut Assembler, out: Label) {
        asm.call(Helper::PidTgid);
        asm.alu_value(Alu::Right, R0, 32);
        self.task(asm, R0, out);
    }

    /// `r1` = the address of a process's state.
    pub(super) fn task(&self, asm: &mut Assembler, number: Register, out: Label) {
        asm.jump(When::AtLeast, number, small(PROCESSES), out);
        element(asm, self.maps.tasks.number(), number, 0);
    }

    /// Makes the call number in r8 a row of the table of calls. Loses r0 to r5, and r9.
    fn place(&self, asm: &mut Assembler, out: Label) -> Result<(), Fault> {
        let limit = small(NUMBERS);
        let known = asm.label();
        asm.set(R9, 0);
        if let Some((member, bits)) = NARROW {
            let status = self.layout.offset("task_struct", &format!("thread_info.{member}"))?;
            let wide = asm.label();
            if self.typed {
                asm.call(Helper::TypedTask);
                asm.load(Size::Word, R1, R0, short(status));
            } else {
                asm.call(Helper::Task);
                read_kernel(asm, -16, 8, R0, status);
                asm.load(Size::Word, R1, FRAME, -16);
            }
            asm.alu_value(Alu::And, R1, bits);
            asm.jump(When::Equal, R1, 0, wide);
            asm.set(R9, limit);
            asm.narrow(R8);
            asm.go(known);
            asm.here(wide);
        }
        if ARCHES.len() == 3 {
            // __X32_SYSCALL_BIT.
            asm.jump(When::Above, R8, 0x7fff_ffff, out);
            asm.copy(R1, R8);
            asm.alu_value(Alu::And, R1, 1 << 30);
            asm.jump(When::Equal, R1, 0, known);
            asm.alu_value(Alu::And, R8, (1 << 30) - 1);
            asm.set(R9, 2 * limit);
        }
        asm.here(known);
        asm.jump(When::AtLeast, R8, limit, out);
        asm.alu(Alu::Add, R8, R9);
        Ok(())
    }

    /// sys_enter(regs, number): counts. This is what every call waits for.
    pub(super) fn enter(&self) -> Result<Vec<u64>, Fault> {
        let mut asm = Assembler::default();
        let out = asm.label();
        asm.load(Size::Double, R8, R1, 8);
        self.watched(&mut asm, out);
        self.place(&mut asm, out)?;
        asm.call(Helper::Cpu);
        asm.alu_value(Alu::And, R0, small(self.maps.cpus - 1));
        asm.alu_value(Alu::Times, R0, small(ROWS));
        asm.alu(Alu::Add, R0, R8);
        element(&mut asm, self.maps.calls.number(), R0, 3);
        asm.load(Size::Double, R2, R1, 0);
        asm.alu_value(Alu::Add, R2, 1);
        asm.store(Size::Double, R1, 0, R2);
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sys_exit(regs, result): counts failures, which may never have entered, and tells what calls were about.
    pub(super) fn leave(&self) -> Result<Vec<u64>, Fault> {
        let number = short(self.layout.offset("pt_regs", NUMBER)?);
        let mut asm = Assembler::default();
        let (out, look, good) = (asm.label(), asm.label(), asm.label());
        asm.load(Size::Double, R6, R1, 8);
        asm.load(Size::Double, R7, R1, 0);
        asm.load(Size::Double, R8, R7, number);
        // Most calls tell nothing, and succeed.
        asm.copy(R2, R8);
        asm.alu_value(Alu::And, R2, small(NUMBERS - 1));
        asm.value(R1, self.maps.table.number());
        asm.alu(Alu::Add, R1, R2);
        asm.alu_value(Alu::Add, R1, small(QUICK));
        asm.load(Size::Byte, R1, R1, 0);
        asm.jump(When::NotEqual, R1, 0, look);
        // -MAX_ERRNO.
        asm.set(R1, -4095);
        asm.jump_register(When::Below, R6, R1, out);
        asm.here(look);
        self.watched(&mut asm, out);
        self.place(&mut asm, out)?;
        asm.set(R1, -4095);
        asm.jump_register(When::Below, R6, R1, good);
        element(&mut asm, self.maps.failed.number(), R8, 3);
        asm.set(R2, 1);
        asm.add_atomic(R1, 0, R2);
        asm.here(good);
        element(&mut asm, self.maps.table.number(), R8, 3);
        asm.load(Size::Double, R9, R1, 0);
        asm.jump(When::Equal, R9, 0, out);
        self.tell(&mut asm, out)?;
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sched_process_fork(parent, child): the child of who is watched is watched, and nobody else with a number that was
    /// once another's.
    pub(super) fn fork(&self) -> Result<Vec<u64>, Fault> {
        let pid = short(self.layout.offset("task_struct", "pid")?);
        let mut asm = Assembler::default();
        let (out, put) = (asm.label(), asm.label());
        asm.load(Size::Double, R1, R1, 8);
        asm.load(Size::Word, R6, R1, pid);
        asm.set(R7, 0);
        self.state(&mut asm, put);
        asm.load(Size::Byte, R2, R1, 0);
        asm.jump(When::NotEqual, R2, WATCHED.into(), put);
        asm.set(R7, WATCHED.into());
        asm.here(put);
        self.task(&mut asm, R6, out);
        asm.store(Size::Byte, R1, 0, R7);
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sched_process_exec(task, pid, program): who waited for it is watched from now on; tells which program.
    pub(super) fn exec(&self) -> Result<Vec<u64>, Fault> {
        let mut asm = Assembler::default();
        let (out, already) = (asm.label(), asm.label());
        asm.load(Size::Double, R6, R1, 16);
        match self.watch {
            Watch::Tasks => {
                self.state(&mut asm, out);
                asm.load(Size::Byte, R2, R1, 0);
                asm.jump(When::Equal, R2, WATCHED.into(), already);
                asm.jump(When::NotEqual, R2, WAITING.into(), out);
                asm.store_value(Size::Byte, R1, 0, WATCHED.into());
            }
            Watch::Cgroup { .. } => self.watched(&mut asm, out),
        }
        asm.here(already);
        self.tell_exec(&mut asm, out)?;
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sched_process_exit(task): the last thread takes its process along.
    pub(super) fn end(&self) -> Result<Vec<u64>, Fault> {
        let signal = self.layout.offset("task_struct", "signal")?;
        let live = self.layout.offset("signal_struct", "live")?;
        let mut asm = Assembler::default();
        let (out, lone, own) = (asm.label(), asm.label(), asm.label());
        self.state(&mut asm, out);
        asm.load(Size::Byte, R2, R1, 0);
        asm.jump(When::Equal, R2, 0, out);
        asm.copy(R6, R0);
        asm.call(Helper::PidTgid);
        asm.copy(R7, R0);
        asm.narrow(R7);
        asm.call(Helper::Task);
        read_kernel(&mut asm, -16, 8, R0, signal);
        asm.load(Size::Double, R1, FRAME, -16);
        read_kernel(&mut asm, -16, 8, R1, live);
        asm.load(Size::Word, R1, FRAME, -16);
        asm.jump(When::NotEqual, R1, 0, lone);
        self.task(&mut asm, R6, out);
        asm.store_value(Size::Byte, R1, 0, ENDED.into());
        asm.here(lone);
        // Of a process with threads that live on the first one's number stays its own.
        asm.jump_register(When::NotEqual, R6, R7, own);
        asm.go(out);
        asm.here(own);
        self.task(&mut asm, R7, out);
        asm.store_value(Size::Byte, R1, 0, ENDED.into());
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// The return of cap_capable(cred, namespace, capability, options): counts those that were found.
    pub(super) fn capable(&self) -> Result<Vec<u64>, Fault> {
        let mut asm = Assembler::default();
        let out = asm.label();
        asm.load(Size::Double, R2, R1, 32);
        asm.narrow(R2);
        asm.jump(When::NotEqual, R2, 0, out);
        // CAP_OPT_NOAUDIT: whether the answer is yes or no makes no error. Each mmap of root's asks like that.
        asm.load(Size::Double, R2, R1, 24);
        asm.jump(When::Bits, R2, 2, out);
        asm.load(Size::Double, R9, R1, 16);
        asm.narrow(R9);
        self.watched(&mut asm, out);
        asm.jump(When::AtLeast, R9, 64, out);
        element(&mut asm, self.maps.capabilities.number(), R9, 3);
        asm.set(R2, 1);
        asm.add_atomic(R1, 0, R2);
        asm.here(out);
        asm.exit();
        finished(asm)
    }
}
