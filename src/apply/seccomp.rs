//! Loads the filter.

use libc::sock_filter;
use nix::errno::Errno;

use crate::draft::syscalls::Flags;
use crate::plan::op::FilterOp;
use crate::sys::seccomp;

use super::supervise::State;

/// A filter as the kernel reads it.
pub(super) struct Act {
    flags: u32,
    listens: bool,
    program: Vec<sock_filter>,
}

impl Act {
    /// Copies the program into the kernel's form.
    pub(super) fn new(op: &FilterOp) -> Self {
        let code = op.program.code.iter();
        let program = code.map(|step| sock_filter { code: step.code, jt: step.jt, jf: step.jf, k: step.k }).collect();
        Self { flags: bits(op.program.flags, op.listens), listens: op.listens, program }
    }

    /// From here on the filter holds.
    pub(super) fn perform(&self, supervise: &State) -> Result<(), Errno> {
        if !self.listens {
            return seccomp::load(self.flags, &self.program);
        }
        match seccomp::listen(self.flags, &self.program) {
            Ok(listener) => supervise.tell(Some(listener)),
            Err(errno) => supervise.tell(None).and(Err(errno)),
        }
    }
}

/// The kernel's bits. WAIT_KILLABLE_RECV needs a listener (`linux/seccomp.h`).
fn bits(flags: Flags, listens: bool) -> u32 {
    const LOG: u32 = 1 << 1;
    const SPEC_ALLOW: u32 = 1 << 2;
    const WAIT_KILLABLE_RECV: u32 = 1 << 5;
    (if flags.wait_killable && listens { WAIT_KILLABLE_RECV } else { 0 })
        | (if flags.log { LOG } else { 0 })
        | (if flags.spec_allow { SPEC_ALLOW } else { 0 })
}
