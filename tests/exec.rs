//! stockade becomes the target: what the target inherits, how it ends, and how a policy is a program.

mod kit;

#[path = "exec/inherit.rs"]
mod inherit;
#[path = "exec/shebang.rs"]
mod shebang;
#[path = "exec/status.rs"]
mod status;
