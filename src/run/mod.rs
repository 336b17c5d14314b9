//! LIVE: becomes the target, or says why not.

mod failure;

use crate::apply::Ready;
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::plan::Plan;

/// Carries the plan out in this process. There is no supervisor and no child: when it works, this process
/// *is* the target, and the function does not return.
///
/// What comes back is what failed, with who asked for it and what can be done.
pub fn exec(plan: &Plan, host: &Host) -> Fault {
    match Ready::new(plan).map(|mut ready| ready.run()) {
        Ok(Err(failure)) => failure::explain(plan, host, failure),
        Ok(Ok(())) => Fault::new("the plan has no target").exit(Exit::Exception),
        Err(fault) => fault,
    }
}
