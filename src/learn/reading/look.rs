//! What one call tells.

use std::net::SocketAddr;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::learn::observed::{Act, Part, Reach, Use};
use crate::sys::notify::int;
use crate::sys::target;

use super::{At, Call, Real, Tells, tells};

/// One thing that a call tells.
#[derive(Debug)]
pub(in crate::learn) enum Found {
    /// Something is done at a path.
    Path(PathBuf, Use),
    /// A socket of this family, type and protocol is made.
    Socket((i32, i32, i32)),
    /// Something is done with an address.
    Address(Reach, SocketAddr),
    /// An abstract unix socket is made, or else connected or sent to. Bytes that are no text are lost.
    Abstract(String, bool),
    /// The arguments ask for this.
    Act(Act),
    /// A resource limit is set, by setrlimit(2)'s number, to this soft limit.
    Limit(u32, u64),
}

/// What could not be seen, and why.
type Unseen = (Part, Errno);

/// CLONE_NEW* (namespaces(7)).
const NEW: u64 = 0x7e02_0080;
/// S_ISUID and S_ISGID.
const SET_ID: i32 = 0o6000;

/// Reads what the call tells.
pub(in crate::learn) fn look<C: Call>(caller: &C, tells: Tells, real: &mut Real) -> Result<Vec<Found>, Unseen> {
    let act = |wanted: bool, act: Act| if wanted { vec![Found::Act(act)] } else { Vec::new() };
    let acts = |errno| (Part::Acts, errno);
    Ok(match tells {
        Tells::Nothing | Tells::Blind | Tells::Ends(_) => Vec::new(),
        Tells::Path(at) => path(caller, at, real)?,
        Tells::Directory => path(caller, At { dir: None, path: 0, kind: Use::Look, follow: true }, real)?,
        Tells::Paths(one, other) => {
            let mut found = path(caller, one, real)?;
            found.extend(path(caller, other, real)?);
            found
        }
        Tells::Mode(at, mode) => {
            let mut found = path(caller, at, real)?;
            found.extend(act(caller.int(mode) & SET_ID != 0, Act::SetId));
            found
        }
        Tells::FileMode => {
            let mut found = act(caller.int(1) & SET_ID != 0, Act::SetId);
            found.extend(caller.file(caller.int(0)).map(|path| Found::Path(path, Use::Write)));
            found
        }
        Tells::Open(dir, at) => open(caller, dir, at, caller.int(at + 1), caller.int(at + 2), real)?,
        Tells::Creat => open(caller, None, 0, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, caller.int(1), real)?,
        Tells::OpenHow => {
            let how = caller.bytes::<16>(caller.arg(2)).map_err(|errno| (Part::Paths, errno))?;
            let word =
                |at: usize| how.get(at..at + 8).and_then(|word| word.try_into().ok()).map_or(0, u64::from_ne_bytes);
            open(caller, Some(0), 1, int(word(0)), int(word(8)), real)?
        }
        Tells::Execute(dir, at) => {
            let text = caller.text(caller.arg(at)).map_err(|errno| (Part::Paths, errno))?;
            // As it was named: an update changes where the name leads.
            let path = if text.is_empty() { caller.file(caller.int(0)) } else { caller.path(dir, &text) };
            path.map(|path| Found::Path(path, Use::Execute)).into_iter().collect()
        }
        Tells::Map => map(caller),
        Tells::Protect => act(caller.int(2) & libc::PROT_EXEC != 0, Act::WriteExecute),
        Tells::Clone(flags) => act(caller.arg(flags) & NEW & !u64::from(0xff_u8) != 0, Act::Namespace),
        Tells::Clone3 => {
            let flags = caller.bytes(caller.arg(0)).map_err(acts)?;
            act(u64::from_ne_bytes(flags) & NEW != 0, Act::Namespace)
        }
        Tells::Enter => act(true, Act::Namespace),
        Tells::Scheduler => act(is_realtime(caller.int(1)), Act::Realtime),
        Tells::SchedulerAttributes => {
            let policy = caller.bytes(caller.arg(1).wrapping_add(4)).map_err(acts)?;
            act(is_realtime(i32::from_ne_bytes(policy)), Act::Realtime)
        }
        Tells::Limit(which, new) => limit(caller, which, new).map_err(acts)?,
        // 0xffffffff asks which one it is; 0 is what it is.
        Tells::Personality => act(!matches!(caller.int(0), -1 | 0), Act::Personality),
        Tells::Signal(at) => act(caller.is_outside(caller.int(at)), Act::Signal),
        Tells::SignalBy => {
            let process = caller.behind(caller.int(0));
            act(process.is_some_and(|process| caller.is_outside(process)), Act::Signal)
        }
        Tells::Socket => vec![Found::Socket((caller.int(0), caller.int(1) & 0xf, caller.int(2)))],
        Tells::Connect => address(caller, caller.int(0), caller.arg(1), caller.arg(2), Does::Connect, real)?,
        Tells::Bind => address(caller, caller.int(0), caller.arg(1), caller.arg(2), Does::Bind, real)?,
        Tells::SendTo => address(caller, caller.int(0), caller.arg(4), caller.arg(5), Does::Send, real)?,
        Tells::SendMessage => {
            let sockets = |errno| (Part::Sockets, errno);
            let (name, length) = (caller.word(caller.arg(1), 0), caller.word(caller.arg(1), 1));
            let length = length.map_err(sockets)? & u64::from(u32::MAX);
            address(caller, caller.int(0), name.map_err(sockets)?, length, Does::Send, real)?
        }
        Tells::SocketCall => socketcall(caller, real)?,
    })
}

/// Without a new limit it is asked which one holds. prlimit(2)'s has words of 64 bits everywhere (`struct rlimit64`).
fn limit<C: Call>(caller: &C, which: usize, new: usize) -> Result<Vec<Found>, Errno> {
    let at = caller.arg(new);
    if at == 0 {
        return Ok(Vec::new());
    }
    let soft = if new == 2 { u64::from_ne_bytes(caller.bytes(at)?) } else { caller.word(at, 0)? };
    let soft = if new == 1 && caller.arch().is_narrow() && soft == u64::from(u32::MAX) { u64::MAX } else { soft };
    let which = u32::try_from(caller.int(which)).ok();
    Ok(which.filter(|which| *which < LIMITS).map(|which| Found::Limit(which, soft)).into_iter().collect())
}

/// How many resource limits there are (RLIM_NLIMITS).
const LIMITS: u32 = 16;

/// SCHED_FIFO, SCHED_RR and SCHED_DEADLINE, with or without SCHED_RESET_ON_FORK.
fn is_realtime(policy: i32) -> bool {
    matches!(policy & !0x4000_0000, libc::SCHED_FIFO | libc::SCHED_RR | libc::SCHED_DEADLINE)
}

fn path<C: Call>(caller: &C, at: At, real: &mut Real) -> Result<Vec<Found>, Unseen> {
    let address = caller.arg(at.path);
    if address == 0 {
        return Ok(Vec::new());
    }
    let text = caller.text(address).map_err(|errno| (Part::Paths, errno))?;
    let path = caller.path(at.dir, &text).map(|path| real.path(&path, at.follow));
    Ok(path.map(|path| Found::Path(path, at.kind)).into_iter().collect())
}

fn open<C: Call>(
    caller: &C,
    dir: Option<usize>,
    at: usize,
    flags: i32,
    mode: i32,
    real: &mut Real,
) -> Result<Vec<Found>, Unseen> {
    let text = caller.text(caller.arg(at)).map_err(|errno| (Part::Paths, errno))?;
    let Some(path) = caller.path(dir, &text) else { return Ok(Vec::new()) };
    let path = real.path(&path, flags & libc::O_NOFOLLOW == 0);
    let mut found = Vec::new();
    let temporary = flags & libc::O_TMPFILE == libc::O_TMPFILE;
    let path = if temporary { path.join("unnamed") } else { path };
    let makes = temporary || flags & libc::O_CREAT != 0 && caller.is_missing(&path, real);
    if flags & (libc::O_CREAT | libc::O_TMPFILE) != 0 && makes && mode & SET_ID != 0 {
        found.push(Found::Act(Act::SetId));
    }
    let mut uses = Vec::new();
    if flags & libc::O_PATH != 0 {
        uses.push(Use::Look);
    } else if flags & libc::O_DIRECTORY != 0 && !temporary {
        uses.push(Use::List);
    } else {
        let access = flags & libc::O_ACCMODE;
        if access != libc::O_WRONLY {
            uses.push(Use::Read);
        }
        if access != libc::O_RDONLY || flags & libc::O_TRUNC != 0 {
            uses.push(Use::Write);
        }
    }
    if makes {
        uses.push(Use::Create);
    }
    found.extend(uses.into_iter().map(|kind| Found::Path(path.clone(), kind)));
    Ok(found)
}

fn map<C: Call>(caller: &C) -> Vec<Found> {
    let (protection, flags, file) = (caller.int(2), caller.int(3), caller.int(4));
    if protection & libc::PROT_EXEC == 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    if protection & libc::PROT_WRITE != 0 {
        found.push(Found::Act(Act::WriteExecute));
    }
    if flags & libc::MAP_ANONYMOUS == 0
        && let Some(path) = caller.file(file)
    {
        found.push(Found::Path(path, Use::Execute));
    }
    found
}

/// What is done with an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Connect,
    Bind,
    Send,
}

fn address<C: Call>(
    caller: &C,
    socket: i32,
    at: u64,
    length: u64,
    does: Does,
    real: &mut Real,
) -> Result<Vec<Found>, Unseen> {
    if at == 0 || length < 2 {
        return Ok(Vec::new());
    }
    let mut bytes = [0_u8; 128];
    let length = usize::try_from(length).unwrap_or(128).min(128);
    let into = bytes.get_mut(..length).unwrap_or_default();
    let got = caller.memory(at, into).map_err(|errno| (Part::Sockets, errno))?;
    let bytes = bytes.get(..got).unwrap_or_default();
    let Some(family) = bytes.get(..2).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes) else {
        return Ok(Vec::new());
    };
    if i32::from(family) == libc::AF_UNIX {
        let name = bytes.get(2..).unwrap_or_default();
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default();
        if bytes.get(2) == Some(&0) && bytes.len() > 3 {
            let name = String::from_utf8_lossy(bytes.get(3..).unwrap_or_default()).into_owned();
            return Ok(vec![Found::Abstract(name, does == Does::Bind)]);
        }
        let Some(path) = caller.path(None, name) else { return Ok(Vec::new()) };
        let kind = if does == Does::Bind { Use::Create } else { Use::Connect };
        return Ok(vec![Found::Path(real.path(&path, true), kind)]);
    }
    let Some(address) = target::internet(bytes) else { return Ok(Vec::new()) };
    // Without a look at the socket it is taken for TCP, which is what connects and binds most.
    let stream = does != Does::Send && caller.socket_type(socket).is_none_or(|kind| kind == libc::SOCK_STREAM);
    let reach = match (does, stream) {
        (Does::Connect, true) => Reach::ConnectTcp,
        (Does::Bind, true) => Reach::BindTcp,
        (Does::Bind, false) => Reach::BindUdp,
        (Does::Connect | Does::Send, _) => Reach::SendUdp,
    };
    Ok(vec![Found::Address(reach, address)])
}

/// The calls of socketcall(2) by their numbers.
const SOCKETCALLS: [(u64, &str, usize); 6] =
    [(1, "socket", 3), (2, "bind", 3), (3, "connect", 3), (11, "sendto", 6), (16, "sendmsg", 3), (20, "sendmmsg", 4)];

fn socketcall<C: Call>(caller: &C, real: &mut Real) -> Result<Vec<Found>, Unseen> {
    let Some((_, name, count)) = SOCKETCALLS.iter().find(|(number, ..)| *number == caller.arg(0)) else {
        return Ok(Vec::new());
    };
    let mut args = [0; 6];
    for (index, arg) in args.iter_mut().enumerate().take(*count) {
        *arg = caller.word(caller.arg(1), index as u64).map_err(|errno| (Part::Sockets, errno))?;
    }
    look(&caller.with(args), tells(name), real)
}
