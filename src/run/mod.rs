//! LIVE: becomes the target, or says why not.

mod failure;

use crate::apply::Ready;
use crate::fault::Fault;
use crate::plan::Plan;

/// Carries the plan out in this process. There is no supervisor and no child: when it works, this process
/// *is* the target, and the function does not return.
///
/// # Errors
/// What failed, with who asked for it and what can be done.
pub fn exec(plan: &Plan) -> Fault {
    match Ready::new(plan) {
        Ok(ready) => failure::explain(plan, ready.run()),
        Err(fault) => fault,
    }
}
