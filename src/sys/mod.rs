//! The only unsafe code: thin, typed wrappers for what nix, caps, landlock and libseccomp have not.

#![allow(unsafe_code)]

pub mod execve;
pub mod process;
pub mod seccomp;
pub mod start;
