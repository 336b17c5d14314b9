//! From a program to a policy: collectors see what it does, and what they saw becomes the policy's text.
//!
//! In: a command, a process, or a kernel's records. Out: [`observed::Observed`], and from it the text of a policy.
//!
//! - collectors: `notify` (a command, without privileges), `bpf` (what runs already, as root), `audit` (the kernel's
//!   records of denials); `reading` tells what one call says, whoever caught it; `session` and `running` start, listen
//!   and stop
//! - what was seen: `observed`, `crowd` (many paths in bounded memory), `used` (how much of what limits count), `places`
//!   (paths as on every machine), `record` (the file beside a learnt policy)
//! - policies: `write` (from an observation), `merge` (from what `monitor` told)
//!
//! Another collector is a folder here that fills an `Observed`.

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
mod used;
pub mod write;
