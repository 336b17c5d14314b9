//! ACT: one short function for each operation of a plan.

mod devices;
mod hidden;
mod mounts;
mod restrict;
