//! What the kernel does upon each action, seen from outside the target: in a single thread, a second one, a child, after
//! another exec, and in a 32-bit call. And ExecOnce, and what the kernel's log says.
#![allow(unsafe_code)]

mod kit;

#[path = "actions/log.rs"]
mod log;
#[path = "actions/once.rs"]
mod once;
#[path = "actions/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The program that makes the call.
fn actions() -> &'static str {
    static ACTIONS: OnceLock<PathBuf> = OnceLock::new();
    let path = ACTIONS.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/actions.c");
        let path = kit::base().join("actions");
        kit::compile(&source, &path, &["-std=gnu11", "-O1", "-static", "-pthread"]);
        path
    });
    path.to_str().expect("a path of ours")
}

/// `-p` for a rule on the call: an action, and after a blank what its supervisor or tracer decides.
fn rule(action: &str) -> String {
    let (action, decide) = action.split_once(' ').unwrap_or((action, ""));
    let decide = if decide.is_empty() { String::new() } else { format!(", Decide = '{decide}'") };
    format!("Seccomp.Rule={{ Syscalls = ['getpgid'], Action = '{action}'{decide} }}")
}
