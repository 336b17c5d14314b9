//! A tracee's registers, by what they are for. The machine's own names stay here.

use nix::errno::Errno;
use nix::unistd::Pid;

pub use machine::{CALL, Registers, SUPPORTED, TRAP, calls};

/// The registers of a stopped tracee.
///
/// # Errors
/// ESRCH where it is not stopped, or gone; ENOSYS on machines that stockade cannot trace on.
pub fn read(pid: Pid) -> Result<Registers, Errno> {
    machine::read(pid)
}

/// Sets them.
///
/// # Errors
/// As for [`read`].
pub fn write(pid: Pid, registers: Registers) -> Result<(), Errno> {
    machine::write(pid, registers)
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use nix::errno::Errno;
    use nix::sys::ptrace;
    use nix::unistd::Pid;

    /// Whether tracers work on this machine.
    pub const SUPPORTED: bool = true;
    /// The code of `syscall`.
    pub const CALL: [u8; 2] = [0x0f, 0x05];
    /// The code of `int3`: what it stops at lies one byte before the counter.
    pub const TRAP: u8 = 0xcc;

    /// All of them.
    #[derive(Clone, Copy, Debug)]
    pub struct Registers(libc::user_regs_struct);

    pub(super) fn read(pid: Pid) -> Result<Registers, Errno> {
        ptrace::getregs(pid).map(Registers)
    }

    pub(super) fn write(pid: Pid, registers: Registers) -> Result<(), Errno> {
        ptrace::setregs(pid, registers.0)
    }

    impl Registers {
        /// The program counter.
        pub fn counter(&self) -> u64 {
            self.0.rip
        }

        /// The stack pointer.
        pub fn stack(&self) -> u64 {
            self.0.rsp
        }

        /// The first argument of a function.
        pub fn first(&self) -> u64 {
            self.0.rdi
        }

        /// Whether the code is 64-bit code (`__USER_CS` of arch/x86/include/asm/segment.h).
        pub fn is_native(&self) -> bool {
            self.0.cs == 0x33
        }

        /// What a system call returned.
        pub fn result(&self) -> i64 {
            self.0.rax.cast_signed()
        }

        /// With another program counter.
        #[must_use]
        pub fn at(mut self, counter: u64) -> Self {
            self.0.rip = counter;
            self
        }

        /// Not inside any system call, so that none is started again.
        #[must_use]
        pub fn outside(mut self) -> Self {
            self.0.orig_rax = u64::MAX;
            self
        }

        /// About to make a system call by the instruction at an address.
        #[must_use]
        pub fn calling(self, instruction: u64, number: i64, arguments: [u64; 3]) -> Self {
            let mut all = self.outside().0;
            all.rip = instruction;
            all.rax = number.cast_unsigned();
            [all.rdi, all.rsi, all.rdx] = arguments;
            (all.r10, all.r8, all.r9) = (0, 0, 0);
            Self(all)
        }

        /// Skips the system call at whose entry the tracee has stopped, which returns this: a negative error number, or
        /// a value.
        #[must_use]
        pub fn answering(self, value: i64) -> Self {
            let mut all = self.outside().0;
            all.rax = value.cast_unsigned();
            Self(all)
        }
    }

    /// Whether code begins with a call, or with a jump out of a function: near, or by a register or memory.
    pub fn calls(code: &[u8; 8]) -> bool {
        // Prefixes that compilers and linkers put before calls: bnd, addr32, notrack.
        let mut rest = &code[..];
        while let [0xf2 | 0x67 | 0x3e, more @ ..] = rest {
            rest = more;
        }
        if let [0x41, more @ ..] = rest {
            rest = more;
        }
        match rest {
            [0xe8 | 0xe9, ..] => true,
            [0xff, mode, ..] => matches!(mode >> 3 & 7, 2 | 4),
            _ => false,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn calls_are_known_in_all_their_forms() {
            let code = |bytes: &[u8]| {
                let mut code = [0x90; 8];
                code[..bytes.len()].copy_from_slice(bytes);
                code
            };
            for call in [
                &[0xe8, 1, 2, 3, 4][..],
                &[0x67, 0xe8, 1, 2, 3, 4],
                &[0xff, 0x15, 1, 2, 3, 4],
                &[0x41, 0xff, 0xd4],
                &[0xf2, 0xff, 0x25, 1, 2, 3, 4],
                &[0xe9, 1, 2, 3, 4],
            ] {
                assert!(calls(&code(call)), "{call:x?}");
            }
            // endbr64, xor ebp,ebp; push by memory; lea rdi.
            for other in [&[0xf3, 0x0f, 0x1e, 0xfa, 0x31, 0xed][..], &[0xff, 0x35], &[0x48, 0x8d, 0x3d], &[0x0f, 0x05]]
            {
                assert!(!calls(&code(other)), "{other:x?}");
            }
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod machine {
    use nix::errno::Errno;
    use nix::unistd::Pid;

    /// Whether tracers work on this machine.
    pub const SUPPORTED: bool = false;
    /// No code.
    pub const CALL: [u8; 2] = [0; 2];
    /// No code.
    pub const TRAP: u8 = 0;

    /// None: nothing makes a value of this.
    #[derive(Clone, Copy, Debug)]
    pub enum Registers {}

    pub(super) fn read(_: Pid) -> Result<Registers, Errno> {
        Err(Errno::ENOSYS)
    }

    pub(super) fn write(_: Pid, _: Registers) -> Result<(), Errno> {
        Err(Errno::ENOSYS)
    }

    #[allow(missing_docs)]
    impl Registers {
        pub fn counter(&self) -> u64 {
            match *self {}
        }
        pub fn stack(&self) -> u64 {
            match *self {}
        }
        pub fn first(&self) -> u64 {
            match *self {}
        }
        pub fn is_native(&self) -> bool {
            match *self {}
        }
        pub fn result(&self) -> i64 {
            match *self {}
        }
        #[must_use]
        pub fn at(self, _: u64) -> Self {
            match self {}
        }
        #[must_use]
        pub fn outside(self) -> Self {
            match self {}
        }
        #[must_use]
        pub fn calling(self, _: u64, _: i64, _: [u64; 3]) -> Self {
            match self {}
        }
        #[must_use]
        pub fn answering(self, _: i64) -> Self {
            match self {}
        }
    }

    /// Nothing is known of this machine's code.
    pub fn calls(_: &[u8; 8]) -> bool {
        false
    }
}
