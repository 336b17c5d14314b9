//! The programs that count: at the entry of system calls, and at the birth, exec and death of processes.

use super::assembler::{
    Alu, Assembler, FRAME, Helper, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Register, Size, When,
};
use super::layout::Layout;
use super::machine::{ARCHES, NARROW, NUMBER, NUMBERS};
use super::maps::Maps;
use crate::fault::{Exit, Fault};

/// A process whose exec is waited for.
pub(super) const WAITING: i32 = 1;
/// A process that is watched.
pub(super) const WATCHED: i32 = 2;

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
}

/// The finished program.
fn finished(asm: Assembler) -> Result<Vec<u64>, Fault> {
    asm.finish().ok_or_else(|| Fault::new("an eBPF program of ours has a jump to nowhere").exit(Exit::Bpf))
}

/// `register = frame + offset`.
fn local(asm: &mut Assembler, register: Register, offset: i32) {
    asm.copy(register, FRAME);
    asm.alu_value(Alu::Add, register, offset);
}

/// `r0 = &map[*(frame + key)]`, or null.
fn find(asm: &mut Assembler, map: i32, key: i32) {
    asm.map(R1, map);
    local(asm, R2, key);
    asm.call(Helper::Lookup);
}

/// `*(frame + to) = *address`, eight bytes of the kernel's, or zero.
fn read_kernel(asm: &mut Assembler, to: i32, address: Register, offset: i32) {
    asm.copy(R3, address);
    asm.alu_value(Alu::Add, R3, offset);
    local(asm, R1, to);
    asm.set(R2, 8);
    asm.call(Helper::ReadKernel);
}

/// Adds one to this CPU's number at an offset of the value that was found, if it was.
fn increase(asm: &mut Assembler, offset: i16, out: Label) {
    asm.jump(When::Equal, R0, 0, out);
    asm.load(Size::Double, R1, R0, offset);
    asm.alu_value(Alu::Add, R1, 1);
    asm.store(Size::Double, R0, offset, R1);
}

impl Make<'_> {
    /// Goes on only for who is watched. Uses the frame's first eight bytes.
    fn watched(&self, asm: &mut Assembler, out: Label) {
        match self.watch {
            Watch::Tasks => {
                self.state(asm, out);
                asm.load(Size::Word, R1, R0, 0);
                asm.jump(When::NotEqual, R1, WATCHED, out);
            }
            Watch::Cgroup { id, depth } => {
                asm.set(R1, depth);
                asm.call(Helper::AncestorCgroup);
                asm.set_wide(R1, id);
                asm.jump_register(When::NotEqual, R0, R1, out);
            }
        }
    }

    /// `r0` = the state of this process, whose number is left at the frame's -4.
    fn state(&self, asm: &mut Assembler, out: Label) {
        asm.call(Helper::PidTgid);
        asm.alu_value(Alu::Right, R0, 32);
        asm.store(Size::Word, FRAME, -4, R0);
        find(asm, self.maps.tasks.number(), -4);
        asm.jump(When::Equal, R0, 0, out);
    }

    /// Makes the call number in r8 a place in the table of calls, at the frame's -4. Loses r7.
    fn place(&self, asm: &mut Assembler, out: Label) -> Result<(), Fault> {
        let limit = i32::try_from(NUMBERS).unwrap_or(0);
        let known = asm.label();
        asm.set(R7, 0);
        if let Some((member, bits)) = NARROW {
            let status = self.layout.offset("task_struct", &format!("thread_info.{member}"))?;
            let wide = asm.label();
            asm.call(Helper::Task);
            read_kernel(asm, -16, R0, status);
            asm.load(Size::Word, R1, FRAME, -16);
            asm.alu_value(Alu::And, R1, bits);
            asm.jump(When::Equal, R1, 0, wide);
            asm.set(R7, limit);
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
            asm.set(R7, 2 * limit);
        }
        asm.here(known);
        asm.jump(When::AtLeast, R8, limit, out);
        asm.alu(Alu::Add, R8, R7);
        asm.store(Size::Word, FRAME, -4, R8);
        Ok(())
    }

    /// sys_enter(regs, number): counts.
    pub(super) fn enter(&self) -> Result<Vec<u64>, Fault> {
        let mut asm = Assembler::default();
        let out = asm.label();
        asm.load(Size::Double, R8, R1, 8);
        self.watched(&mut asm, out);
        self.place(&mut asm, out)?;
        find(&mut asm, self.maps.calls.number(), -4);
        increase(&mut asm, 0, out);
        asm.here(out);
        asm.exit();
        finished(asm)
    }

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
        increase(&mut asm, 8, out);
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sched_process_fork(parent, child): the child of who is watched is watched.
    pub(super) fn fork(&self) -> Result<Vec<u64>, Fault> {
        let tgid = i16::try_from(self.layout.offset("task_struct", "tgid")?).unwrap_or(0);
        let mut asm = Assembler::default();
        let out = asm.label();
        asm.load(Size::Double, R1, R1, 8);
        asm.load(Size::Word, R6, R1, tgid);
        self.state(&mut asm, out);
        asm.load(Size::Word, R1, R0, 0);
        asm.jump(When::NotEqual, R1, WATCHED, out);
        // A thread shares its process's number.
        asm.load(Size::Word, R1, FRAME, -4);
        asm.jump_register(When::Equal, R1, R6, out);
        asm.store(Size::Word, FRAME, -4, R6);
        asm.store_value(Size::Word, FRAME, -8, WATCHED);
        asm.map(R1, self.maps.tasks.number());
        local(&mut asm, R2, -4);
        local(&mut asm, R3, -8);
        asm.set(R4, 0);
        asm.call(Helper::Update);
        asm.jump(When::Equal, R0, 0, out);
        asm.store_value(Size::Word, FRAME, -4, 0);
        find(&mut asm, self.maps.unfollowed.number(), -4);
        increase(&mut asm, 0, out);
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sched_process_exec(task, pid, program): who waited for it is watched from now on.
    pub(super) fn exec(&self) -> Result<Vec<u64>, Fault> {
        let mut asm = Assembler::default();
        let out = asm.label();
        match self.watch {
            Watch::Tasks => {
                self.state(&mut asm, out);
                asm.store_value(Size::Word, R0, 0, WATCHED);
            }
            Watch::Cgroup { .. } => self.watched(&mut asm, out),
        }
        asm.here(out);
        asm.exit();
        finished(asm)
    }

    /// sched_process_exit(task): the last thread takes its process along.
    pub(super) fn end(&self) -> Result<Vec<u64>, Fault> {
        let signal = self.layout.offset("task_struct", "signal")?;
        let live = self.layout.offset("signal_struct", "live")?;
        let mut asm = Assembler::default();
        let out = asm.label();
        self.state(&mut asm, out);
        asm.call(Helper::Task);
        read_kernel(&mut asm, -16, R0, signal);
        asm.load(Size::Double, R1, FRAME, -16);
        read_kernel(&mut asm, -16, R1, live);
        asm.load(Size::Word, R1, FRAME, -16);
        asm.jump(When::NotEqual, R1, 0, out);
        asm.map(R1, self.maps.tasks.number());
        local(&mut asm, R2, -4);
        asm.call(Helper::Delete);
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
        asm.store(Size::Word, FRAME, -4, R9);
        find(&mut asm, self.maps.capabilities.number(), -4);
        increase(&mut asm, 0, out);
        asm.here(out);
        asm.exit();
        finished(asm)
    }
}
