//! The only unsafe code: thin, typed wrappers of kernel calls that nix, caps, landlock and libseccomp have not.
//! One operation per block, and a reason for each.

#![allow(unsafe_code)]

pub mod attributes;
pub mod child;
pub mod descriptors;
pub mod execve;
pub mod facts;
pub mod mount;
pub mod privileges;
pub mod process;
pub mod seccomp;
pub mod start;
pub mod trial;
pub mod writer;
