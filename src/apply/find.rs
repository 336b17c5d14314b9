//! Looks for the target's file in the target's world, while a failure can still be told.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat, stat};
use nix::unistd::{AccessFlags, faccessat, read};

use crate::fault::Fault;

/// The files that a command's name may mean, best first.
///
/// # Errors
/// A NUL byte in it.
pub fn candidates(program: &OsStr, search: &OsStr) -> Result<Vec<CString>, Fault> {
    let name = program.as_encoded_bytes();
    if name.contains(&b'/') {
        return Ok(vec![super::c_string(name)?]);
    }
    std::env::split_paths(search)
        .map(|directory| super::c_string(directory.join(program).as_os_str().as_bytes()))
        .collect()
}

/// The first candidate that can be executed. As execvp(3): one that exists but is forbidden is the
/// answer only if no later one will do.
///
/// # Errors
/// ENOENT: none is there. EACCES, ENOEXEC and others of execve(2): why the last that is there cannot be executed.
pub fn find(candidates: &[CString]) -> Result<usize, Errno> {
    let mut answer = Errno::ENOENT;
    for (index, candidate) in candidates.iter().enumerate() {
        match check(candidate) {
            Ok(()) => return Ok(index),
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(errno) => answer = errno,
        }
    }
    Err(answer)
}

fn check(path: &CString) -> Result<(), Errno> {
    faccessat(nix::fcntl::AT_FDCWD, path.as_c_str(), AccessFlags::X_OK, AtFlags::AT_EACCESS)?;
    let file = match open(path.as_c_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK, Mode::empty()) {
        Ok(file) => file,
        // Executable but not readable: the kernel will tell.
        Err(Errno::EACCES) => return regular(stat(path.as_c_str())?.st_mode),
        Err(errno) => return Err(errno),
    };
    regular(fstat(&file)?.st_mode)?;
    let mut head = [0; 256];
    let length = read(&file, &mut head)?;
    if head.starts_with(b"#!") {
        return interpreter(&head[..length]);
    }
    let length = length.min(4);
    // What binfmt_misc(5) could take is left to the kernel; a file of plain text is what people trip over.
    let text = head[..length].iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    if text { Err(Errno::ENOEXEC) } else { Ok(()) }
}

/// Whether the interpreter of a `#!` line is there. Later a filter may keep anybody from telling that it is not.
fn interpreter(head: &[u8]) -> Result<(), Errno> {
    let mut path = [0; 256];
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let words = head.iter().skip(2).skip_while(blank).take_while(|byte| !blank(byte) && !matches!(byte, b'\n' | 0));
    for (to, from) in path[..255].iter_mut().zip(words) {
        *to = *from;
    }
    match CStr::from_bytes_until_nul(&path) {
        // None, or one that is cut off: the kernel will tell.
        Ok(path) if !path.is_empty() && path.count_bytes() < 250 => {
            Ok(faccessat(nix::fcntl::AT_FDCWD, path, AccessFlags::F_OK, AtFlags::AT_EACCESS)?)
        }
        _ => Ok(()),
    }
}

fn regular(mode: libc::mode_t) -> Result<(), Errno> {
    if SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()) == SFlag::S_IFREG { Ok(()) } else { Err(Errno::EACCES) }
}
