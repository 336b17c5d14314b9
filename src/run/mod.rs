//! LIVE: becomes the target, or says why not.

mod auxiliary;
mod elf;
mod failure;
mod question;
mod strict;
mod trace;
mod tracee;
mod tracer;

use crate::apply::Ready;
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::plan::Plan;

/// Carries the plan out in this process: when it works, this process *is* the target, and the function does not return.
/// There is no supervisor and no child, but where the plan wants a tracer: then a helper stands beside, which is nobody's
/// child, and the process must have one thread when this is called.
///
/// What comes back is what failed, with who asked for it and what can be done.
pub fn exec(plan: &Plan, host: &Host) -> Fault {
    let ready = Ready::new(plan).and_then(|mut ready| {
        if tracer::attach(plan)? {
            ready.traced();
        }
        Ok(ready)
    });
    match ready.map(|mut ready| ready.run()) {
        Ok(Err(failure)) => failure::explain(plan, host, failure),
        Ok(Ok(())) => Fault::new("the plan has no target").exit(Exit::Exception),
        Err(fault) => fault,
    }
}
