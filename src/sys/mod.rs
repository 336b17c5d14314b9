//! The only unsafe code: thin, typed wrappers of system calls for which no library that is used
//! here has one. One operation a block, each with its reason.

#![allow(unsafe_code)]

pub mod mount;
