//! The only unsafe code: thin, typed wrappers of kernel calls that nix, caps, landlock and libseccomp have not.
//! One operation per block, and a reason for each.
//!
//! In: numbers, descriptors and C strings that the caller has made sure of. Out: what the kernel said, or its errno.
//!
//! - this process: `start` (the entry), `process`, `attributes`, `privileges`, `descriptors`, `execve`, `signals`,
//!   `terminal`
//! - what a sandbox is made of: `mount`, `seccomp`, `writer` (a user namespace's maps)
//! - processes beside it: `beside` (shares descriptors), `detached` (no child of the target), `companion` (in a PID
//!   namespace), `watched` (under a filter that notifies us), `child` with `trial` (tries something out)
//! - other processes: `target` (their memory and files), `ptrace` with `registers`, `attached` (reads their filters)
//! - between processes: `letters` (datagrams), `progress` (a shared page), `notify` (seccomp notifications)
//! - questions that change nothing: `facts`; programs in the kernel: `bpf`
//!
//! Each function does one thing, allocates nothing where it may run after a fork, and throws no error away.

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
