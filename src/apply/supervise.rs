//! Who answers the filter's notifications: connects to an agent, or starts the supervisor.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, getsockopt, socket};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::geteuid;

use crate::draft::decision::Decision;
use crate::plan::supervise::{SuperviseOp, Watch};
use crate::sys::beside::{self, Board};
use crate::sys::{notify, target};

/// How long an agent may take to accept its message.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nanoseconds between two looks for the listener: loading a filter takes about 40 microseconds.
const NAP: i64 = 20_000;

/// What a supervisor is, once it has been started: it answers until the last target is gone and returns its status.
pub type Serve = fn(&Post<'_>) -> i32;

/// What a supervisor is given.
pub struct Post<'a> {
    /// What it goes by.
    pub watch: &'a Watch,
    /// /proc as it was before anything was mounted over it.
    pub process: Option<BorrowedFd<'a>>,
    /// The launcher, readable when it has ended without becoming the target.
    pub launcher: BorrowedFd<'a>,
    /// Where it says that it is ready.
    pub board: &'a Board,
}

impl Post<'_> {
    /// Waits until the filter is in force and takes its listener; nothing when the launcher failed.
    ///
    /// Until then the table of descriptors is the launcher's too.
    pub fn listener(&self) -> Option<i32> {
        listener(self.board, self.launcher)
    }
}

/// What steps leave for later ones.
#[derive(Default)]
pub(super) struct State {
    process: Option<OwnedFd>,
    agent: Option<UnixStream>,
    board: Option<Board>,
    /// Whether the helper tells when it has done its work.
    answers: bool,
    /// The supervisor itself, which this folder does not know.
    pub(super) serve: Option<Serve>,
}

impl State {
    /// Tells the helper the listener's number, or that there is none; waits for what it tells back. Makes no system call.
    pub(super) fn tell(&self, listener: Option<i32>) -> Result<(), Errno> {
        let Some(board) = &self.board else { return Err(Errno::ENOTCONN) };
        if self.answers && listener.is_some() {
            board.expect();
        }
        board.tell(listener);
        if self.answers && listener.is_some() { board.spin(PATIENCE) } else { Ok(()) }
    }
}

/// One operation, ready.
pub(super) enum Act {
    /// Opens /proc.
    Process,
    /// Connects to the agent.
    Connect(PathBuf),
    /// Starts the supervisor.
    Start(Watch),
    /// Starts the helper with the agent's message.
    Send(Vec<u8>),
}

impl Act {
    /// Copies what the operation needs.
    pub(super) fn ready(op: &SuperviseOp) -> Self {
        match op {
            SuperviseOp::Process => Self::Process,
            SuperviseOp::Connect(path) => Self::Connect(path.clone()),
            SuperviseOp::Start(watch) => Self::Start(watch.clone()),
            SuperviseOp::Send(message) => Self::Send(message.clone().into_bytes()),
        }
    }

    /// Carries it out.
    pub(super) fn perform(&self, state: &mut State) -> Result<(), Errno> {
        match self {
            Self::Process => {
                let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
                // Without it files cannot be opened on behalf of the target; that is told when it is tried.
                let found = open(c"/proc", flags, Mode::empty()).ok();
                state.process = found.filter(|fd| fstatfs(fd).is_ok_and(|fs| fs.filesystem_type() == PROC_SUPER_MAGIC));
                Ok(())
            }
            Self::Connect(path) => {
                state.agent = Some(connect(path)?);
                Ok(())
            }
            Self::Start(watch) => {
                notify::sizes()?;
                let serve = state.serve.ok_or(Errno::ENOSYS)?;
                let process = state.process.as_ref().map(AsFd::as_fd);
                let board = begin(|board, launcher| serve(&Post { watch, process, launcher, board }))?;
                if watch.decisions.iter().any(Decision::looks) {
                    board.open_up();
                }
                state.board = Some(board);
                Ok(())
            }
            Self::Send(message) => {
                let agent = state.agent.as_ref().ok_or(Errno::ENOTCONN)?;
                state.board = Some(begin(|board, launcher| hand_over(board, launcher, agent, message))?);
                state.answers = true;
                Ok(())
            }
        }
    }
}

/// Connects to an agent; one that lets nobody in is waited for no longer than one that takes no message.
fn connect(path: &Path) -> Result<UnixStream, Errno> {
    let agent = UnixStream::from(socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?);
    agent.set_write_timeout(Some(PATIENCE)).map_err(|error| errno(&error))?;
    let connected = socket::connect(agent.as_raw_fd(), &UnixAddr::new(path)?);
    connected.map_err(|errno| if errno == Errno::EAGAIN { Errno::ETIMEDOUT } else { errno })?;
    // Who answers decides what the target may.
    let trusted = own(getsockopt(&agent, PeerCredentials)?.uid()) || !anybodys(path).map_err(|error| errno(&error))?;
    if trusted { Ok(agent) } else { Err(Errno::EPERM) }
}

/// Whether it is root or the caller.
fn own(user: u32) -> bool {
    user == 0 || user == geteuid().as_raw()
}

/// Whether everybody can put something of that name there. What is in a sticky directory belongs to its owner (inode(7)).
fn anybodys(path: &Path) -> std::io::Result<bool> {
    let real = path.canonicalize()?;
    for entry in [path, &real].into_iter().flat_map(Path::ancestors) {
        let Some(directory) = entry.parent() else { continue };
        let mode = directory.metadata()?.mode();
        let kept = mode & libc::S_ISVTX != 0 && own(entry.symlink_metadata()?.uid());
        if mode & libc::S_IWOTH != 0 && !kept {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Starts a helper and waits until it is ready.
fn begin(work: impl Fn(&Board, BorrowedFd<'_>) -> i32) -> Result<Board, Errno> {
    let board = Board::new()?;
    let launcher = target::process(std::process::id().cast_signed())?;
    beside::start(&mut || work(&board, launcher.as_fd()))?;
    board.hear()?;
    // Close-on-exec; the helper may still be looking at it.
    target::forget(launcher);
    Ok(board)
}

/// The helper of an agent: sends the listener and ends.
fn hand_over(board: &Board, launcher: BorrowedFd<'_>, agent: &UnixStream, message: &[u8]) -> i32 {
    if target::block_signals().is_err() {
        return 1;
    }
    board.report(Ok(()));
    if let Some(listener) = listener(board, launcher) {
        board.report(target::send_descriptor(agent.as_fd(), message, listener));
    }
    0
}

/// Looks for the listener's number until the launcher tells it, or ends.
fn listener(board: &Board, launcher: BorrowedFd<'_>) -> Option<i32> {
    loop {
        if let Some(told) = board.told() {
            return told;
        }
        match target::wait([launcher], Some(NAP)) {
            Ok([found]) if found.input => return board.told().flatten(),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
