//! Loads the filter.

use libc::sock_filter;
use nix::errno::Errno;

use crate::draft::syscalls::Flags;
use crate::plan::op::FilterOp;
use crate::sys::seccomp;

/// A filter as the kernel reads it.
pub(super) struct Act {
    flags: u32,
    program: Vec<sock_filter>,
}

impl Act {
    /// Copies the program into the kernel's form.
    pub(super) fn new(op: &FilterOp) -> Self {
        let code = op.program.code.iter();
        let program = code.map(|step| sock_filter { code: step.code, jt: step.jt, jf: step.jf, k: step.k }).collect();
        Self { flags: bits(op.program.flags), program }
    }

    /// From here on the filter holds.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        seccomp::load(self.flags, &self.program)
    }
}

/// The kernel's bits. WAIT_KILLABLE_RECV is not among them: it needs a listener (`linux/seccomp.h`).
fn bits(flags: Flags) -> u32 {
    const LOG: u32 = 1 << 1;
    const SPEC_ALLOW: u32 = 1 << 2;
    (if flags.log { LOG } else { 0 }) | (if flags.spec_allow { SPEC_ALLOW } else { 0 })
}
