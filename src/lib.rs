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
