//! The `stockade` binary: see the library for everything.
#![no_main]
stockade::start!();
