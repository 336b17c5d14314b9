//! The program's entry, without Rust's runtime.
//!
//! The runtime would set SIGPIPE to be ignored, install a SIGSEGV handler and map a signal stack
//! before `main`; the target would inherit the first, and a launcher needs none of it.

/// Defines the C `main` of the binary.
#[macro_export]
macro_rules! start {
    () => {
        /// The entry that the C library calls.
        // SAFETY: the only `main` in the program; std's arguments are captured by glibc's .init_array.
        #[unsafe(no_mangle)]
        pub extern "C" fn main(_count: i32, _arguments: *const *const u8) -> i32 {
            $crate::cli::main()
        }
    };
}
