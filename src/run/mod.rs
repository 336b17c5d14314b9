//! LIVE: becomes the target, or says why not.

mod auxiliary;
mod elf;
mod failure;
mod notify;
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
/// It has no child. Beside it stands a helper only where the plan wants one, for a filter that notifies or for a tracer;
/// the process must have one thread when this is called.
///
/// What comes back is what failed, with who asked for it and what can be done.
pub fn exec(plan: &Plan, host: &Host) -> Fault {
    let ready = Ready::new(plan).and_then(|ready| {
        let mut ready = ready.supervised(notify::serve);
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
