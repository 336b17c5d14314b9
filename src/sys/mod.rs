//! The only `unsafe`: thin, typed wrappers of kernel calls that no library here has. One operation
//! per block, and a reason for each.

#![allow(unsafe_code)]

pub mod child;
pub mod facts;
pub mod trial;
