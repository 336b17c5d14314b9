//! The audit multicast (netlink(7), NETLINK_AUDIT, Linux 3.16): every record, and nothing lost but where the reader is too
//! slow.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, send, setsockopt, socket,
    sockopt,
};

use crate::sys::target;

use super::record::Record;

/// Bit of AUDIT_NLGRP_READLOG.
const READLOG: u32 = 1;
/// Bytes in front of a message (struct nlmsghdr).
const HEAD: usize = 16;
/// AUDIT_GET, the state of auditing.
const GET: u16 = 1000;
/// Nanoseconds that an answer is waited for.
const PATIENCE: i64 = 500_000_000;
/// Bytes of records that may wait for us.
const BUFFER: usize = 4 << 20;

/// The first network namespace's number where the kernel gives it a fixed one (Linux 6.18, linux/nsfs.h).
const FIRST: &str = "net:[4026531833]";

fn open(groups: u32) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkAudit)?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(fd)
}

/// Listens.
///
/// # Errors
/// EPROTONOSUPPORT: the kernel has no audit; EPERM: CAP_AUDIT_READ over the first user namespace is missing; ENONET: this
/// is another network namespace than the first, where nothing would be heard.
pub(super) fn listen() -> Result<OwnedFd, Errno> {
    let fd = open(READLOG)?;
    let own = std::fs::read_link("/proc/self/ns/net").unwrap_or_default();
    let first = std::fs::read_link("/proc/1/ns/net").ok();
    if own.as_os_str() != FIRST && first.is_some_and(|first| first != own) {
        return Err(Errno::ENONET);
    }
    // More than the default is a favour.
    setsockopt(&fd, sockopt::RcvBufForce, &BUFFER).or_else(|_| setsockopt(&fd, sockopt::RcvBuf, &BUFFER)).ok();
    Ok(fd)
}

/// The next record; nothing when there is none now or it is of no use.
///
/// # Errors
/// EAGAIN: none is there; ENOBUFS: some were lost.
pub(super) fn next(fd: &OwnedFd) -> Result<Option<Record>, Errno> {
    let mut buffer = [0; 16384];
    let (length, from) = recvfrom::<NetlinkAddr>(fd.as_raw_fd(), &mut buffer)?;
    // Other processes can send, too.
    if from.is_none_or(|from| from.pid() != 0) {
        return Ok(None);
    }
    let Some((head, text)) = buffer.get(..length).and_then(|message| message.split_at_checked(HEAD)) else {
        return Ok(None);
    };
    Ok(Record::message(u16::from_ne_bytes([head[4], head[5]]), text))
}

/// Whether the kernel audits calls, which it need not do to record what filters answer: Landlock's refusals and arguments
/// are recorded only then. Nothing where that cannot be asked (CAP_AUDIT_CONTROL).
pub(super) fn audits() -> Option<bool> {
    let fd = open(0).ok()?;
    let mut message = Vec::with_capacity(HEAD);
    message.extend_from_slice(&u32::try_from(HEAD).ok()?.to_ne_bytes());
    message.extend_from_slice(&GET.to_ne_bytes());
    // NLM_F_REQUEST.
    message.extend_from_slice(&1_u16.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    send(fd.as_raw_fd(), &message, MsgFlags::empty()).ok()?;
    target::wait([fd.as_fd()], Some(PATIENCE)).ok()?;
    let mut buffer = [0; 1024];
    let (length, from) = recvfrom::<NetlinkAddr>(fd.as_raw_fd(), &mut buffer).ok()?;
    let answer = buffer.get(..length)?;
    if from?.pid() != 0 || answer.get(4..6)? != GET.to_ne_bytes() {
        return None;
    }
    // struct audit_status: mask, enabled.
    let enabled = answer.get(HEAD + 4..HEAD + 8)?;
    Some(u32::from_ne_bytes(enabled.try_into().ok()?) != 0)
}
