//! The programs that count: at the end of system calls, and at the birth, exec and death of processes.
//!
//! One program for each call is what the kernel takes most of the time for, so that only the end is watched: also calls
//! that a filter refuses come there, and what they have pointed to is in memory. Each helper function costs a tenth as
//! much as the whole call, so that whom it belongs to is remembered for each CPU.

use super::assembler::{
    Alu, Assembler, FRAME, Helper, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Register, Size, When,
};
use super::layout::Layout;
use super::machine::{ARCHES, CALLED_BY, NARROW, NUMBER, NUMBERS};
use super::maps::{LAST, Maps, PROCESSES, ROWS};
use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::fault::{Exit, Fault};

/// A process whose exec is waited for.
pub(super) const WAITING: u8 = 1;
/// A process that is watched.
pub(super) const WATCHED: u8 = 2;
/// A thread that was watched and has ended.
pub(super) const ENDED: u8 = 3;
/// A thread that is watched from its next call on: the one that it comes back from is that of its birth, which its parent
/// has made, or its launcher's execve.
pub(super) const NEW: u8 = 4;

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
    /// Whether the kernel gives out the current task as a pointer that can be followed (Linux 5.11), and its registers
    /// (5.15).
    pub(super) typed: bool,
    /// How long a page is, in bytes.
    pub(super) page: usize,
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
pub(super) fn element(asm: &mut Assembler, shared: i32, register: Register, shift: i32) {
    asm.copy(R2, register);
    if shift > 0 {
        asm.alu_value(Alu::Left, R2, shift);
    }
    asm.value(R1, shared);
    asm.alu(Alu::Add, R1, R2);
}

/// Counts one more of what was lost.
pub(super) fn lose(asm: &mut Assembler, maps: &Maps, place: u32) {
    asm.value(R1, maps.lost.number());
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

    /// The same for a call with its registers at r7, whose place tells one thread from another, as long as none begins or
    /// ends.
    fn calls(&self, asm: &mut Assembler, out: Label) {
        if let Watch::Cgroup { .. } = self.watch {
            return self.watched(asm, out);
        }
        let (miss, hit, known) = (asm.label(), asm.label(), asm.label());
        asm.value(R3, self.maps.last.number());
        asm.load(Size::Double, R4, R3, 0);
        asm.store(Size::Double, FRAME, -32, R4);
        self.last(asm);
        asm.load(Size::Double, R2, R1, 0);
        asm.jump_register(When::NotEqual, R2, R7, miss);
        asm.load(Size::Double, R2, R1, 8);
        asm.load(Size::Double, R4, FRAME, -32);
        asm.jump_register(When::NotEqual, R2, R4, miss);
        asm.load(Size::Double, R2, R1, 16);
        asm.jump(When::Equal, R2, WATCHED.into(), hit);
        asm.go(out);
        asm.here(miss);
        self.state(asm, out);
        asm.load(Size::Byte, R2, R1, 0);
        asm.jump(When::NotEqual, R2, NEW.into(), known);
        asm.store_value(Size::Byte, R1, 0, WATCHED.into());
        asm.go(out);
        asm.here(known);
        asm.store(Size::Double, FRAME, -40, R2);
        self.last(asm);
        asm.store(Size::Double, R1, 0, R7);
        asm.load(Size::Double, R2, FRAME, -32);
        asm.store(Size::Double, R1, 8, R2);
        asm.load(Size::Double, R2, FRAME, -40);
        asm.store(Size::Double, R1, 16, R2);
        asm.jump(When::NotEqual, R2, WATCHED.into(), out);
        asm.here(hit);
    }

    /// `r1` = what this CPU remembers.
    fn last(&self, asm: &mut Assembler) {
        asm.call(Helper::Cpu);
        asm.alu_value(Alu::And, R0, small(self.maps.slots - 1));
        element(asm, self.maps.last.number(), R0, 5);
        asm.alu_value(Alu::Add, R1, small(LAST));
    }

    /// What CPUs remember is not true any more.
    fn forget(&self, asm: &mut Assembler) {
        asm.value(R1, self.maps.last.number());
        asm.set(R2, 1);
        asm.add_atomic(R1, 0, R2);
    }

    /// `r1` = the address of this thread's state, whose number is in r0.
    fn state(&self, asm: &mut Assembler, out: Label) {
        asm.call(Helper::PidTgid);
        asm.narrow(R0);
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
        // Returning from a signal, which leaves none of its own.
        let back = |asm: &mut Assembler, arch: Arch| {
            let number = calls::number(arch, "rt_sigreturn").map_or(-1, small);
            let other = asm.label();
            asm.copy(R1, R8);
            asm.alu_value(Alu::Add, R1, 1);
            asm.narrow(R1);
            asm.jump(When::NotEqual, R1, 0, other);
            asm.set(R8, number);
            asm.here(other);
        };
        asm.narrow(R8);
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
            back(asm, ARCHES[1.min(ARCHES.len() - 1)]);
            asm.go(known);
            asm.here(wide);
        }
        back(asm, ARCHES[0]);
        if ARCHES.len() == 3 {
            // __X32_SYSCALL_BIT.
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

    /// Counts one more of the row in r8.
    fn count(&self, asm: &mut Assembler) {
        asm.call(Helper::Cpu);
        asm.alu_value(Alu::And, R0, small(self.maps.cpus - 1));
        asm.alu_value(Alu::Times, R0, small(ROWS));
        asm.alu(Alu::Add, R0, R8);
        element(asm, self.maps.calls.number(), R0, 3);
        asm.load(Size::Double, R2, R1, 0);
        asm.alu_value(Alu::Add, R2, 1);
        asm.store(Size::Double, R1, 0, R2);
    }

    /// sys_exit(regs, result): counts, and tells what calls were about. This is what every call waits for.
    pub(super) fn leave(&self) -> Result<Vec<u64>, Fault> {
        let member = |name: &str| Ok(short(self.layout.offset("pt_regs", name)?));
        let mut asm = Assembler::default();
        let (out, known) = (asm.label(), asm.label());
        asm.load(Size::Double, R6, R1, 8);
        asm.load(Size::Double, R7, R1, 0);
        self.calls(&mut asm, out);
        asm.load(Size::Double, R8, R7, member(NUMBER)?);
        if let Some((one, other)) = CALLED_BY {
            let slow = asm.label();
            asm.load(Size::Double, R1, R7, member(one)?);
            asm.load(Size::Double, R2, R7, member(other)?);
            asm.jump_register(When::NotEqual, R1, R2, slow);
            asm.jump(When::Below, R8, small(NUMBERS), known);
            asm.here(slow);
        }
        self.place(&mut asm, out)?;
        asm.here(known);
        self.count(&mut asm);
        element(&mut asm, self.maps.table.number(), R8, 3);
        asm.load(Size::Double, R9, R1, 0);
        asm.jump(When::Equal, R9, 0, out);
        self.tell(&mut asm, out)?;
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// Counts the call with the number in r8 if it is one that does not come back.
    fn last_call(&self, asm: &mut Assembler, out: Label) -> Result<(), Fault> {
        let last = asm.label();
        self.place(asm, out)?;
        for (arch, first) in ARCHES.into_iter().zip((0..).step_by(NUMBERS as usize)) {
            for number in ["exit", "exit_group"].iter().filter_map(|name| calls::number(arch, name)) {
                asm.jump(When::Equal, R8, first + small(number), last);
            }
        }
        asm.go(out);
        asm.here(last);
        self.count(asm);
        Ok(())
    }

    /// sys_enter(regs, number), where the kernel does not say otherwise what a process has ended by: counts that.
    pub(super) fn enter(&self) -> Result<Vec<u64>, Fault> {
        let mut asm = Assembler::default();
        let (out, maybe) = (asm.label(), asm.label());
        asm.load(Size::Double, R8, R1, 8);
        for arch in ARCHES {
            for number in ["exit", "exit_group"].iter().filter_map(|name| calls::number(arch, name)) {
                let bit = if arch == Arch::X32 { 1 << 30 } else { 0 };
                asm.jump(When::Equal, R8, small(number) | bit, maybe);
            }
        }
        asm.go(out);
        asm.here(maybe);
        self.watched(&mut asm, out);
        self.last_call(&mut asm, out)?;
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
        asm.set(R7, NEW.into());
        asm.here(put);
        self.task(&mut asm, R6, out);
        asm.store(Size::Byte, R1, 0, R7);
        self.forget(&mut asm);
        match self.watch {
            Watch::Tasks => asm.jump(When::NotEqual, R7, NEW.into(), out),
            Watch::Cgroup { .. } => self.watched(&mut asm, out),
        }
        self.born(&mut asm);
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sched_process_exec(task, pid, program): who waited for it is watched from now on; tells which program. The thread
    /// that does it has its process's number from now on.
    pub(super) fn exec(&self) -> Result<Vec<u64>, Fault> {
        let mut asm = Assembler::default();
        let (out, already, put) = (asm.label(), asm.label(), asm.label());
        asm.load(Size::Double, R6, R1, 16);
        asm.load(Size::Double, R8, R1, 8);
        match self.watch {
            Watch::Tasks => {
                asm.narrow(R8);
                self.task(&mut asm, R8, out);
                asm.load(Size::Byte, R7, R1, 0);
                asm.jump(When::Equal, R7, WATCHED.into(), put);
                asm.jump(When::NotEqual, R7, WAITING.into(), out);
                asm.set(R7, NEW.into());
                asm.here(put);
                self.state(&mut asm, out);
                asm.store(Size::Byte, R1, 0, R7);
                self.forget(&mut asm);
                asm.go(already);
            }
            Watch::Cgroup { .. } => self.watched(&mut asm, out),
        }
        asm.here(already);
        self.tell_exec(&mut asm, out)?;
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sched_process_exit(task): what it used, and counts the call that it ends by, if it is one.
    pub(super) fn end(&self) -> Result<Vec<u64>, Fault> {
        let mut asm = Assembler::default();
        let (out, gone, lived) = (asm.label(), asm.label(), asm.label());
        match self.watch {
            Watch::Tasks => {
                self.state(&mut asm, out);
                asm.load(Size::Byte, R2, R1, 0);
                asm.jump(When::Equal, R2, WATCHED.into(), lived);
                asm.jump(When::NotEqual, R2, NEW.into(), gone);
            }
            Watch::Cgroup { .. } => self.watched(&mut asm, out),
        }
        asm.here(lived);
        self.used(&mut asm)?;
        if self.typed {
            self.watched(&mut asm, gone);
            asm.call(Helper::TypedTask);
            asm.copy(R1, R0);
            asm.call(Helper::Registers);
            asm.load(Size::Double, R8, R0, short(self.layout.offset("pt_regs", NUMBER)?));
            self.last_call(&mut asm, gone)?;
        }
        asm.here(gone);
        if let Watch::Tasks = self.watch {
            self.state(&mut asm, out);
            asm.load(Size::Byte, R2, R1, 0);
            asm.jump(When::Equal, R2, 0, out);
            asm.store_value(Size::Byte, R1, 0, ENDED.into());
            self.forget(&mut asm);
        }
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
