//! Descriptors and attributes of the own process.

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal};

/// Opens /dev/null at those of the descriptors 0 to 2 that are closed, so that nothing else lands there.
///
/// # Errors
/// Those of poll(2) and open(2).
pub fn fill_standard() -> Result<(), Errno> {
    let mut fds = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    // SAFETY: the array lives over the call and its length is its own.
    let result = unsafe { libc::poll(fds.as_mut_ptr(), 3, 0) };
    Errno::result(result)?;
    for fd in fds {
        if fd.revents & libc::POLLNVAL != 0 {
            // SAFETY: the path is a C string; the lowest free number is the one that was missing.
            let opened = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
            Errno::result(opened)?;
        }
    }
    Ok(())
}

/// Brings `lo` of the current network namespace up (netdevice(7)).
///
/// # Errors
/// Those of socket(2) and ioctl(2).
pub fn loopback_up() -> Result<(), Errno> {
    // A datagram socket of any family will do; some filters and kernels lack AF_INET.
    let mut socket = Err(Errno::EAFNOSUPPORT);
    for family in [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX] {
        // SAFETY: no pointers.
        let number = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        socket = Errno::result(number);
        if socket.is_ok() {
            break;
        }
    }
    let socket = socket?;
    // SAFETY: ifreq is plain data, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l'.cast_signed();
    request.ifr_name[1] = b'o'.cast_signed();
    // IFF_UP | IFF_RUNNING (netdevice(7)), which libc has in a wider type.
    request.ifr_ifru.ifru_flags = 0x1 | 0x40;
    // SAFETY: the request outlives the call and is of the type that SIOCSIFFLAGS reads.
    let raised = unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request) };
    let raised = Errno::result(raised);
    // SAFETY: the number is the socket opened above, which nobody else knows.
    let closed = unsafe { libc::close(socket) };
    raised.and(Errno::result(closed)).map(drop)
}

/// Ignores a signal, or has it do what it does by default.
///
/// # Errors
/// Those of sigaction(2).
pub fn disposition(signal: Signal, handler: SigHandler) -> Result<(), Errno> {
    if matches!(handler, SigHandler::Handler(_) | SigHandler::SigAction(_)) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: no handler is installed that could run.
    unsafe { nix::sys::signal::signal(signal, handler) }.map(drop)
}

/// prctl(2) with one number.
///
/// # Errors
/// Those of prctl(2).
pub fn prctl(option: i32, value: u64) -> Result<i32, Errno> {
    // SAFETY: used with options that take numbers only.
    let result = unsafe { libc::prctl(option, value, 0, 0, 0) };
    Errno::result(result)
}
