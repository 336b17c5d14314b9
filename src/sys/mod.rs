//! The only unsafe code: thin, typed wrappers of kernel calls that nix, caps, landlock and libseccomp have not.
//! One operation per block, and a reason for each.

#![allow(unsafe_code)]

pub mod attached;
pub mod attributes;
pub mod beside;
pub mod bpf;
pub mod child;
pub mod companion;
pub mod descriptors;
pub mod detached;
pub mod execve;
pub mod facts;
pub mod letters;
pub mod mount;
pub mod notify;
pub mod privileges;
pub mod process;
pub mod progress;
pub mod ptrace;
pub mod registers;
pub mod seccomp;
pub mod signals;
pub mod start;
pub mod target;
pub mod terminal;
pub mod trial;
pub mod watched;
pub mod writer;
