//! Reaching into another process: its memory, and files as seen from it.

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::stat::fstat;

/// Reads another process's memory (process_vm_readv(2)); how much could be read.
///
/// # Errors
/// EPERM: not ours to read. EFAULT: nothing is there. ESRCH: the process is gone.
pub fn read_memory(thread: u32, address: u64, into: &mut [u8]) -> Result<usize, Errno> {
    let pid = i32::try_from(thread).map_err(|_| Errno::ESRCH)?;
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let start = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    let remote = libc::iovec { iov_base: std::ptr::without_provenance_mut(start), iov_len: into.len() };
    // SAFETY: the kernel writes at most the buffer's own length into it; the remote address is never used here.
    let result = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    Errno::result(result).map(isize::cast_unsigned)
}

/// PATH_MAX with its NUL, and no more than the smallest page.
const PATH: usize = 4096;

/// Reads a path in another process's memory, without its NUL.
///
/// # Errors
/// EFAULT and ENAMETOOLONG as for a call with it; those of [`read_memory`].
pub fn read_path(thread: u32, address: u64) -> Result<Vec<u8>, Errno> {
    let mut text = Vec::with_capacity(256);
    let mut chunk = [0; PATH];
    while text.len() < PATH {
        let at = address.checked_add(text.len() as u64).ok_or(Errno::EFAULT)?;
        // Up to the end of a page at once: the next one may be missing. Most paths are short.
        let rest = PATH - usize::try_from(at % PATH as u64).unwrap_or(0);
        let size = rest.min(PATH - text.len()).min(if text.is_empty() { 256 } else { PATH });
        let part = chunk.get_mut(..size).unwrap_or_default();
        let got = read_memory(thread, at, part)?;
        let part = part.get(..got).unwrap_or_default();
        if let Some(end) = part.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(part.get(..end).unwrap_or_default());
            return Ok(text);
        }
        if got == 0 {
            return Err(Errno::EFAULT);
        }
        text.extend_from_slice(part);
    }
    Err(Errno::ENAMETOOLONG)
}

/// The internet address in the bytes of a `sockaddr`, `sockaddr_in` (ip(7)) or `sockaddr_in6` (ipv6(7)); nothing for
/// other families.
pub fn internet(bytes: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    let ip: IpAddr = match family {
        libc::AF_INET => Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(4..8)?).ok()?).into(),
        libc::AF_INET6 => Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(8..24)?).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// openat2(2), Linux 5.6.
///
/// # Errors
/// ENOSYS on older kernels and where a filter refuses it; EXDEV: the path leads out of where `resolve` keeps it;
/// ELOOP: a link that `resolve` does not follow; EAGAIN: try again.
pub fn open_at(dir: BorrowedFd<'_>, path: &CStr, flags: i32, mode: u32, resolve: u64) -> Result<OwnedFd, Errno> {
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: mode.into(), resolve };
    let size = size_of::<How>();
    // SAFETY: the path ends with a NUL and the structure is as long as we say; both outlive the call.
    let fd = unsafe { libc::syscall(libc::SYS_openat2, dir.as_raw_fd(), path.as_ptr(), &raw const how, size) };
    owned(fd)
}

/// `struct open_how`; libc's cannot be made outside of it.
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

fn owned(answer: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = i32::try_from(Errno::result(answer)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made it for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A process as a descriptor, readable when it has ended (pidfd_open(2), Linux 5.3).
///
/// # Errors
/// ENOSYS on older kernels, ESRCH.
pub fn process(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: takes numbers only.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// Takes a descriptor over by its number, which somebody else opened for us.
///
/// # Errors
/// EBADF: there is none of that number.
pub fn take(number: RawFd) -> Result<OwnedFd, Errno> {
    super::descriptors::check(number)?;
    // SAFETY: it is open, and the caller says that nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Has an own table of descriptors from here on (CLONE_FILES of unshare(2)).
///
/// # Errors
/// ENOMEM.
pub fn own_descriptors() -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::unshare(libc::CLONE_FILES) }).map(drop)
}

/// Forgets a descriptor that another process may go on using under its number.
pub fn forget(fd: OwnedFd) -> RawFd {
    fd.into_raw_fd()
}

/// What poll(2) found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Something can be read.
    pub input: bool,
    /// Something can be written without waiting.
    pub output: bool,
    /// The other end is gone.
    pub hangup: bool,
}

/// Waits until something can be read from any of these, at most so many nanoseconds (nothing: for ever).
///
/// # Errors
/// EINTR; those of ppoll(2).
pub fn wait<const N: usize>(fds: [BorrowedFd<'_>; N], nanoseconds: Option<i64>) -> Result<[Found; N], Errno> {
    poll(fds, libc::POLLIN, nanoseconds)
}

/// Writes as much of a text as is taken at once; the rest is lost. Whoever reads a pipe may not be reading, and whoever else
/// writes to it may fill it between the look and the writing.
pub fn offer(fd: BorrowedFd<'_>, text: &[u8]) {
    let pipe = fstat(fd).is_ok_and(|facts| facts.st_mode & libc::S_IFMT == libc::S_IFIFO);
    for part in text.chunks(libc::PIPE_BUF) {
        if !writable(fd) {
            return;
        }
        let offered = if pipe { write_now(fd, part) } else { Err(Errno::EOPNOTSUPP) };
        let written = match offered {
            // Pipes wait where they are told not to before Linux 6.4; older filters may not know the call.
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EPERM) => nix::unistd::write(fd, part),
            other => other,
        };
        if written != Ok(part.len()) {
            return;
        }
    }
}

/// Writes without waiting, whatever the descriptor's own flags say (RWF_NOWAIT of pwritev2(2)).
fn write_now(fd: BorrowedFd<'_>, text: &[u8]) -> Result<usize, Errno> {
    let part = libc::iovec { iov_base: text.as_ptr().cast_mut().cast(), iov_len: text.len() };
    // In two halves, of which 64-bit kernels look at the first: where the descriptor itself is.
    let here: libc::c_long = -1;
    // SAFETY: the vector points to a live text of its length, which is only read.
    let written = unsafe {
        libc::syscall(libc::SYS_pwritev2, fd.as_raw_fd(), &raw const part, 1_usize, here, here, libc::RWF_NOWAIT)
    };
    Errno::result(written).and_then(|length| usize::try_from(length).map_err(|_| Errno::EIO))
}

/// Whether something can be written to it now.
fn writable(fd: BorrowedFd<'_>) -> bool {
    poll([fd], libc::POLLOUT, Some(0)).is_ok_and(|[found]| found.output && !found.hangup)
}

/// Whether a file of /proc or /sys that can be waited for, such as mountinfo, has changed since this was asked, or it was
/// opened (proc_pid_mounts(5)).
pub fn is_changed(fd: BorrowedFd<'_>) -> bool {
    // POLLERR comes unasked.
    poll([fd], 0, Some(0)).map_or(true, |[found]| found.hangup)
}

fn poll<const N: usize>(fds: [BorrowedFd<'_>; N], events: i16, nanoseconds: Option<i64>) -> Result<[Found; N], Errno> {
    let mut polled = fds.map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 });
    let timeout = nanoseconds.map(|tv_nsec| libc::timespec { tv_sec: 0, tv_nsec });
    let pointer = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let count = libc::nfds_t::try_from(N).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the array is as long as we say and outlives the call, as does the time where there is one.
    let result = unsafe { libc::ppoll(polled.as_mut_ptr(), count, pointer, std::ptr::null()) };
    Errno::result(result)?;
    Ok(polled.map(|one| {
        let has = |bits: i16| one.revents & bits != 0;
        Found { input: has(libc::POLLIN), output: has(libc::POLLOUT), hangup: has(libc::POLLHUP | libc::POLLERR) }
    }))
}

/// Sends a message with one descriptor over a unix socket (SCM_RIGHTS of unix(7)).
///
/// # Errors
/// EPIPE: nobody is there any more; EAGAIN: the socket's own time is up. EMSGSIZE: it took only a part.
pub fn send_descriptor(socket: BorrowedFd<'_>, message: &[u8], fd: RawFd) -> Result<(), Errno> {
    /// A control message with one descriptor, laid out as CMSG_DATA(3) wants it.
    #[repr(C)]
    struct Control {
        head: libc::cmsghdr,
        fd: RawFd,
        rest: [u8; 4],
    }
    let length = size_of::<libc::cmsghdr>() + size_of::<RawFd>();
    let head = libc::cmsghdr { cmsg_len: length, cmsg_level: libc::SOL_SOCKET, cmsg_type: libc::SCM_RIGHTS };
    let mut control = Control { head, fd, rest: [0; 4] };
    let mut text = libc::iovec { iov_base: message.as_ptr().cast_mut().cast(), iov_len: message.len() };
    // SAFETY: msghdr is plain data, for which zeros are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut text;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = length;
    // SAFETY: the header's pointers are to live values of the lengths that it says; sendmsg writes to none of them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) };
    if Errno::result(sent)?.cast_unsigned() == message.len() { Ok(()) } else { Err(Errno::EMSGSIZE) }
}

/// Blocks every signal that can be blocked: nothing interrupts this process but SIGKILL and SIGSTOP.
///
/// # Errors
/// None that are known.
pub fn block_signals() -> Result<(), Errno> {
    use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)
}

/// Wakes up from waiting times when they are over, not up to 50 microseconds later (PR_SET_TIMERSLACK).
///
/// # Errors
/// None that are known.
pub fn wake_sharply() -> Result<(), Errno> {
    super::process::prctl(libc::PR_SET_TIMERSLACK, 1).map(drop)
}

/// Throws away what was typed at a terminal and not read yet (TCFLSH of ioctl_tty(2)).
pub fn forget_input(terminal: BorrowedFd<'_>) {
    // SAFETY: takes numbers only; where it fails, nothing was typed at a terminal.
    unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TCFLSH, libc::TCIFLUSH) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let mut bytes = vec![2, 0, 0x1f, 0x90, 127, 0, 0, 1];
        assert_eq!(internet(&bytes), Some("127.0.0.1:8080".parse().expect("an address")));
        bytes = vec![10, 0, 0, 80, 0, 0, 0, 0];
        bytes.extend([0; 15]);
        bytes.push(1);
        assert_eq!(internet(&bytes), Some("[::1]:80".parse().expect("an address")));
        assert_eq!(internet(&bytes[..20]), None);
    }
}
