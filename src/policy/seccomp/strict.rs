//! Where strict mode begins: Seccomp.StrictAt, and what Seccomp.Mode demands.

use crate::draft::strict::{Strict, Trigger};

use crate::policy::form::{self, Form};
use crate::policy::{Demands, Directive, Policy};

/// Seccomp.StrictAt.
pub(in crate::policy) const AT: Directive = Directive {
    name: "Seccomp.StrictAt",
    form: Form::Text("auto|entry|main|SYMBOL|0xADDRESS"),
    summary: "where strict mode begins",
    manual: "How far the target runs before *Seccomp.Mode* = \"strict\" or \"strict-compat\" holds: *entry* is the \
             program's entry point, where a dynamic linker has done its work already; *main* is found by its symbol, or \
             in a stripped program by what is handed to the C library; a *SYMBOL* is one of the program's own; an \
             *0xADDRESS* is one of the program's file, as nm(1) prints it. *auto*, the default, is *entry* for \
             dynamically linked programs and *main* for static ones, whose C library still has to start.\n\n\
             Until there only the policy's other parts hold: namespaces, Landlock, limits. A program that ends before \
             has never been in the mode; one that makes threads or processes before, executes another program, or takes \
             longer than 10 seconds, is ended with status 228. A process that it makes behind the tracer's back \
             (CLONE_UNTRACED of clone(2)) before that point is not in the mode.",
    example: "[Seccomp]\nMode = \"strict-compat\"\nStrictAt = \"main\"",
    unlike: None,
    exposure: &[],
    read: |policy, value| {
        let item = form::text(value)?;
        policy.seccomp.at = match item.text.trim() {
            "" => Trigger::Auto,
            word => Trigger::parse(word).map_err(|message| item.fault(message))?,
        };
        Ok(())
    },
    demand: |_, _| {},
};

/// Seccomp.Mode's part.
pub(in crate::policy) fn demand(policy: &Policy, demands: &mut Demands<'_>) {
    if let Some(compat) = policy.seccomp.strict {
        let what = Strict { compat, at: policy.seccomp.at.clone() };
        demands.draft.strict = Some(demands.asked(what));
    }
}
