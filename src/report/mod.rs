//! EXPLAIN: pure views of what the other stages made.

#![forbid(unsafe_code)]

pub mod doctor;
