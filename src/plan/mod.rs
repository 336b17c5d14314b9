//! ORDER: turns requests into what the kernel is told, step by step.

#![forbid(unsafe_code)]

pub mod filter;
pub mod listing;
pub mod machine;
pub mod meaning;
pub mod tree;
