//! execve(2) with a cookie in the argument registers that the kernel does not look at.

use std::ffi::{CStr, CString, c_char};

use nix::errno::Errno;

/// NULL-terminated arrays for execve(2), made before anything that could forbid allocating.
pub struct Vector {
    // Keeps what the pointers point to alive.
    _owned: Vec<CString>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers are to strings that the value owns and that nobody changes.
unsafe impl Send for Vector {}

// SAFETY: as above; shared access only reads.
unsafe impl Sync for Vector {}

impl Vector {
    /// An argv or envp of these strings.
    pub fn new(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect();
        Self { _owned: strings, pointers }
    }
}

/// Becomes another program. The cookie is what a filter can recognise this one call by: it stands in the
/// fourth to sixth argument registers, which execve does not use, and is gone after it.
pub fn execve(path: &CStr, argv: &Vector, envp: &Vector, cookie: [u64; 3]) -> Errno {
    // SAFETY: the three pointers are valid, NULL-terminated and outlive the call; the kernel ignores the rest.
    let result = unsafe {
        libc::syscall(
            libc::SYS_execve,
            path.as_ptr(),
            argv.pointers.as_ptr(),
            envp.pointers.as_ptr(),
            cookie[0],
            cookie[1],
            cookie[2],
        )
    };
    match Errno::result(result) {
        Err(errno) => errno,
        // execve does not return when it works.
        Ok(_) => Errno::UnknownErrno,
    }
}
