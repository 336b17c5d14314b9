//! stockade turns a policy in systemd's words into an ordered plan of kernel operations, carries
//! the plan out on itself, and becomes the target.
//!
//! The journey of the data, which is also the order of the folders:
//!
//! ```text
//! words ──▶ Document ──▶ Policy ──▶ Draft ──▶ Plan ──▶ Ready ──▶ exec
//! text/     text/        policy/    draft/    plan/    apply/    run/
//! └──────────────── pure: no system calls ────────┘└── touches the kernel ──┘
//! ```
//!
//! - `cli`: what was typed; one file a verb, and the way from it to a policy.
//! - `text`: whatever anyone wrote (TOML, `-p`, units, OCI, Kubernetes) becomes one [`Document`].
//! - `policy`: what the words mean; one file a family of directives, one row a directive. A new directive goes here.
//! - `draft`: the vocabulary of requests that directives make.
//! - `host`: this machine and this caller as a value.
//! - `plan`: requests and machine become the ordered list of kernel operations.
//! - `apply`: carries the plan out, one short function an operation.
//! - `sys`: the only unsafe code; calls of the kernel that no crate has.
//! - `run`: the process: exec in place, the companions of a target, and what is said when a step fails.
//! - `learn`: what programs do, heard and written down as a policy.
//! - `report`: views: explain, analyze, check, diff, exports, manual and completions.
//! - `fault`: the one error that users see, with the line that caused it.
//!
//! Who may import whom is a law (tests/architecture.rs): `fault sys < text draft host < policy < plan < apply < run learn <
//! report < cli`. The head of each folder's `mod.rs` says what comes in, what goes out, and what each of its files is for.
//!
//! Where a change begins:
//!
//! | a new… | begins in |
//! |---|---|
//! | directive | a row in the file of its family in `policy`; `policy/mod.rs` lists the families |
//! | profile for everybody | a file in `profiles`, and a row of `SHIPPED` in `text/profiles.rs` |
//! | right of Landlock's | `draft/access.rs`, where an ABI's number and kernel stand too; tests name the manual that lacks it |
//! | action of a filter | `draft/action.rs`, with its word and its number; the compiler then says who has to know it |
//! | name or group of system calls | `draft/table.rs`, `draft/groups.rs` |
//! | operation of the kernel's | `plan/op.rs`, then its act in `apply` and, if no crate has the call, `sys` |
//! | format to read policies from | a file in `text`, and a kind in `cli/import.rs` |
//! | format to export to | a file in `report`, and a row of `FORMATS` in `cli/export/mod.rs`; of a bare program, `PROGRAMS` in `cli/filter.rs` |
//! | lint | a row of `LINTS` in `report/lint/mod.rs` |
//! | reason for a denial | a check in `plan/why`, and what would lift it in `plan/why/change.rs`; a running target's are told by `run/notify/tell.rs` |
//! | thing that a system call tells a collector | `learn/reading/table.rs`, which both collectors go by; how it is said in a policy: `learn/write` |
//! | collector | a folder in `learn` that fills an `Observed` |
//! | verb | a file in `cli`, and a row of `VERBS` in `cli/mod.rs` |
//! | fact about the machine | a field of `Host` in `host/mod.rs`, filled in `host/probe.rs`; what doctor tells is checked in `host/survey` |
//! | exit status | `fault/exit.rs` |
//! | answer to a mistake | `cli/mistake.rs` (command lines), `policy/unknown.rs` (names), `text/guess.rs` (files), `run/program.rs` (programs) |
//!
//! The pure part, from words to a plan, asks nothing of the machine that it runs on:
//!
//! ```
//! use stockade::{Document, Host, Plan, Policy};
//!
//! let document: Document = stockade::text::flags::parse("ProtectHome=yes").unwrap();
//! let policy = Policy::read(&document).unwrap();
//! let host = Host { release: (6, 12), effective: stockade::draft::capabilities::CapSet::all(), ..Host::default() };
//! let plan = Plan::new(&policy.draft(), &host, vec!["/usr/bin/true".into()]).unwrap();
//! assert!(plan.steps.iter().any(|step| step.op.to_string().contains("/home")));
//! ```

pub mod apply;
pub mod cli;
pub mod draft;
pub mod fault;
pub mod host;
pub mod learn;
pub mod plan;
pub mod policy;
pub mod report;
pub mod run;
pub mod sys;
pub mod text;

pub use fault::Fault;
pub use host::Host;
pub use plan::Plan;
pub use policy::Policy;
pub use text::Document;
