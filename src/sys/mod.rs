//! The only `unsafe`: thin, typed wrappers of kernel calls that no library here has. One operation
//! per block, and a reason for each.

#![allow(unsafe_code)]

pub mod descriptors;
pub mod helper;
pub mod privileges;
