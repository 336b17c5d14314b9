//! LIVE: becomes the target, or says why not.

mod failure;
mod notify;

use crate::apply::Ready;
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::plan::Plan;

/// Carries the plan out in this process. It has no child when it works, and *is* the target; the function does not return.
/// Only a filter that notifies has a supervisor beside it.
///
/// What comes back is what failed, with who asked for it and what can be done.
pub fn exec(plan: &Plan, host: &Host) -> Fault {
    match Ready::new(plan).map(|ready| ready.supervised(notify::serve).run()) {
        Ok(Err(failure)) => failure::explain(plan, host, failure),
        Ok(Ok(())) => Fault::new("the plan has no target").exit(Exit::Exception),
        Err(fault) => fault,
    }
}
