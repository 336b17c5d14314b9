//! Terminals: a new pair (pty(7)), and how an existing one is set.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

/// How a terminal treats what passes through it (termios(3)).
#[derive(Clone, Copy)]
pub struct Settings(libc::termios);

impl Settings {
    /// The same without any treatment.
    #[must_use]
    pub fn raw(mut self) -> Self {
        // SAFETY: changes a structure of our own.
        unsafe { libc::cfmakeraw(&raw mut self.0) };
        self
    }

    /// Whether both treat what passes in the same way.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let flags = |one: &libc::termios| [one.c_iflag, one.c_oflag, one.c_cflag, one.c_lflag];
        flags(&self.0) == flags(&other.0) && self.0.c_cc == other.0.c_cc
    }
}

/// A new terminal: the side of whoever serves it, whose calls never wait, and the terminal itself.
///
/// # Errors
/// ENOSPC: more than kernel.pty.max. ENOENT: there is no /dev/ptmx. EIO: it is none of devpts.
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    /// TIOCGPTPEER (Linux 4.13), which asks no path and so cannot be led astray.
    const PEER: libc::Ioctl = 0x5441;
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let server = open(c"/dev/ptmx", flags | OFlag::O_NONBLOCK, Mode::empty())?;
    let unlocked: libc::c_int = 0;
    // SAFETY: the kernel reads one number, which lives over the call.
    Errno::result(unsafe { libc::ioctl(server.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) })?;
    // SAFETY: takes numbers only.
    let peer = Errno::result(unsafe { libc::ioctl(server.as_raw_fd(), PEER, flags.bits()) })?;
    // SAFETY: the kernel has just made it for us, and nobody else knows it.
    Ok((server, unsafe { OwnedFd::from_raw_fd(peer) }))
}

/// The same terminal, opened anew, so that its calls never wait and those of others are not changed.
///
/// # Errors
/// Those of open(2): somebody else's terminal may be closed to this user.
pub fn reopen(number: i32) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    open(format!("/proc/self/fd/{number}").as_str(), flags, Mode::empty())
}

/// The terminal that controls this session, opened anew.
///
/// # Errors
/// ENXIO: there is none.
pub fn controlling() -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    open(c"/dev/tty", flags, Mode::empty())
}

/// Whether a descriptor is a terminal that has not been hung up.
///
/// # Errors
/// Those of ioctl(2) that do not say that it is none: a filter from outside refuses to tell.
pub fn is_terminal(number: i32) -> Result<bool, Errno> {
    // SAFETY: takes a number only.
    if unsafe { libc::isatty(number) } == 1 {
        return Ok(true);
    }
    match Errno::last() {
        // EIO: a terminal that has been hung up.
        Errno::ENOTTY | Errno::EBADF | Errno::EINVAL | Errno::EIO => Ok(false),
        errno => Err(errno),
    }
}

/// How a terminal is set.
///
/// # Errors
/// ENOTTY, EIO: it has been hung up.
pub fn settings(terminal: BorrowedFd<'_>) -> Result<Settings, Errno> {
    // SAFETY: termios is plain data, for which zeros are valid.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: the structure lives over the call.
    Errno::result(unsafe { libc::tcgetattr(terminal.as_raw_fd(), &raw mut settings) })?;
    Ok(Settings(settings))
}

/// Sets a terminal at once. From the background SIGTTOU must be blocked.
///
/// # Errors
/// As [`settings`].
pub fn set(terminal: BorrowedFd<'_>, settings: &Settings) -> Result<(), Errno> {
    let settings = std::ptr::from_ref(&settings.0);
    // SAFETY: the structure lives over the call.
    Errno::result(unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, settings) }).map(drop)
}

/// Gives a terminal the size of another's window; its foreground group gets SIGWINCH where that is news.
///
/// # Errors
/// As [`settings`].
pub fn resize(terminal: BorrowedFd<'_>, like: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes to a structure that lives over the call.
    Errno::result(unsafe { libc::ioctl(like.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) })?;
    // SAFETY: the kernel reads a structure that lives over the call.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// Makes a session of its own for this process.
///
/// # Errors
/// EPERM: it leads a process group.
pub fn session() -> Result<(), Errno> {
    nix::unistd::setsid().map(drop)
}

/// Has a terminal control this process's session.
///
/// # Errors
/// EPERM: it controls another.
pub fn control(terminal: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}

/// Puts a terminal in the place of a standard descriptor.
///
/// # Errors
/// Those of dup2(2).
pub fn replace(number: i32, terminal: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: whoever uses a standard descriptor by its number is to get the terminal from now on.
    Errno::result(unsafe { libc::dup2(terminal.as_raw_fd(), number) }).map(drop)
}
