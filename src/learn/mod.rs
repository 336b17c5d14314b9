//! From a program to a policy: collectors see what it does, and what they saw becomes the policy's text.

#![forbid(unsafe_code)]

pub mod audit;
pub mod bpf;
mod crowd;
pub mod merge;
pub mod notify;
pub mod observed;
pub mod places;
mod reading;
pub mod record;
pub mod running;
pub mod session;
pub mod write;
