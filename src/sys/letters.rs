//! Datagrams of unix sockets with their senders and descriptors (unix(7)), without allocating.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// The longest text, and one byte more that shows that it was longer.
pub const LONGEST: usize = 4096;

/// How many descriptors the kernel passes at once (SCM_MAX_FD).
const DESCRIPTORS: usize = 253;

/// Room for control messages: descriptors, credentials and what else a sender may add.
const CONTROL: usize = 1280;

/// Control messages, aligned as their headers want it.
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// A datagram that was received. Its descriptors are closed when it is dropped.
pub struct Letter {
    text: [u8; LONGEST + 1],
    length: usize,
    descriptors: [i32; DESCRIPTORS],
    count: usize,
    sender: i32,
}

impl Letter {
    /// What it says.
    pub fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// The descriptors that came with it.
    pub fn descriptors(&self) -> &[i32] {
        self.descriptors.get(..self.count).unwrap_or_default()
    }

    /// Who sent it, in this process's PID namespace; 0 for nobody known.
    pub fn sender(&self) -> i32 {
        self.sender
    }

    /// Whether it was longer than anything may be.
    pub fn is_cut(&self) -> bool {
        self.length > LONGEST
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        for number in self.descriptors() {
            // It was open when it came, and is nobody else's.
            super::descriptors::close(*number).ok();
        }
    }
}

/// A datagram socket without a name that learns who sends to it.
///
/// # Errors
/// EAFNOSUPPORT: a filter forbids unix sockets. EMFILE.
pub fn receiver() -> Result<OwnedFd, Errno> {
    let socket = datagram()?;
    learn_senders(socket.as_fd()).map(|()| socket)
}

/// Has a socket learn who sends to it from now on (SO_PASSCRED).
///
/// # Errors
/// None that are known.
pub fn learn_senders(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let (on, size) = (1_i32, 4);
    let option = libc::SO_PASSCRED;
    // SAFETY: the option is an int, which lives over the call.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const on).cast(), size) };
    Errno::result(set).map(drop)
}

/// A datagram socket whose other end is at a path, or, with `@` in front, at an abstract name.
///
/// # Errors
/// ENAMETOOLONG; ENOENT, ECONNREFUSED, EACCES: nobody is there, or not for us.
pub fn sender(path: &[u8]) -> Result<OwnedFd, Errno> {
    let socket = datagram()?;
    let (address, length) = address(path)?;
    // SAFETY: the address lives over the call and is as long as we say.
    let result = unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length) };
    Errno::result(result).map(|_| socket)
}

/// Gives a socket a path, which anybody may send to.
///
/// # Errors
/// Those of bind(2).
pub fn name(socket: BorrowedFd<'_>, path: &[u8]) -> Result<(), Errno> {
    let (address, length) = address(path)?;
    // SAFETY: the address lives over the call and is as long as we say.
    Errno::result(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) }).map(drop)
}

fn address(path: &[u8]) -> Result<(libc::sockaddr_un, u32), Errno> {
    // SAFETY: sockaddr_un is plain data, for which zeros are valid.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = 1; // AF_UNIX
    if path.is_empty() || path.len() >= address.sun_path.len() {
        return Err(Errno::ENAMETOOLONG);
    }
    for (to, from) in address.sun_path.iter_mut().zip(path) {
        *to = from.cast_signed();
    }
    if path.first() == Some(&b'@') {
        address.sun_path[0] = 0;
    }
    let length = size_of::<libc::sa_family_t>() + path.len() + usize::from(path.first() != Some(&b'@'));
    Ok((address, u32::try_from(length).map_err(|_| Errno::ENAMETOOLONG)?))
}

fn datagram() -> Result<OwnedFd, Errno> {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    Ok(owned(Errno::result(fd)?))
}

/// Two ends that keep the borders of messages, and see when the other end is gone.
///
/// # Errors
/// As [`receiver`].
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the kernel writes two numbers to a live array.
    Errno::result(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    Ok((owned(ends[0]), owned(ends[1])))
}

fn owned(fd: i32) -> OwnedFd {
    // SAFETY: the kernel has just made it for us, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Takes the next datagram. A message of no bytes from a pair means that the other end is gone.
///
/// # Errors
/// EAGAIN: there is none. Those of recvmsg(2).
pub fn receive(socket: BorrowedFd<'_>) -> Result<Letter, Errno> {
    let mut letter = Letter { text: [0; LONGEST + 1], length: 0, descriptors: [-1; DESCRIPTORS], count: 0, sender: 0 };
    let mut control = MaybeUninit::<Control>::zeroed();
    let mut text = libc::iovec { iov_base: letter.text.as_mut_ptr().cast(), iov_len: letter.text.len() };
    // SAFETY: msghdr is plain data, for which zeros are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut text;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = CONTROL;
    let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
    // SAFETY: the header's pointers are to live memory of the lengths that it says.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    letter.length = Errno::result(length)?.cast_unsigned();
    // SAFETY: the header is as recvmsg left it.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    while !next.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give whole, aligned headers inside the buffer.
        let head = unsafe { *next };
        // SAFETY: as above.
        let data = unsafe { libc::CMSG_DATA(next) };
        let length = head.cmsg_len.saturating_sub(size_of::<libc::cmsghdr>());
        // SAFETY: the kernel wrote this many bytes behind the header, and they stay as they are.
        let data = unsafe { std::slice::from_raw_parts(data, length) };
        let (words, _) = data.as_chunks::<4>();
        match (head.cmsg_level, head.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                for fd in words.iter().map(|word| i32::from_ne_bytes(*word)) {
                    match letter.descriptors.get_mut(letter.count) {
                        Some(slot) => (*slot, letter.count) = (fd, letter.count + 1),
                        None => super::descriptors::close(fd)?,
                    }
                }
            }
            // A ucred begins with the process id.
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
                letter.sender = words.first().map_or(0, |word| i32::from_ne_bytes(*word));
            }
            _ => {}
        }
        // SAFETY: the header is as recvmsg left it, and `next` is one of its messages.
        next = unsafe { libc::CMSG_NXTHDR(&raw const header, next) };
    }
    Ok(letter)
}

/// Sends a datagram with descriptors; never waits.
///
/// # Errors
/// EAGAIN: the receiver has as many as it can hold. ECONNREFUSED, EPIPE: it is gone. ETOOMANYREFS.
pub fn send(socket: BorrowedFd<'_>, text: &[u8], descriptors: &[i32]) -> Result<(), Errno> {
    let mut control = MaybeUninit::<Control>::zeroed();
    let mut part = libc::iovec { iov_base: text.as_ptr().cast_mut().cast(), iov_len: text.len() };
    // SAFETY: msghdr is plain data, for which zeros are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    if !descriptors.is_empty() {
        let bytes = u32::try_from(size_of_val(descriptors)).map_err(|_| Errno::EMSGSIZE)?;
        header.msg_control = control.as_mut_ptr().cast();
        // SAFETY: counts only.
        header.msg_controllen = unsafe { libc::CMSG_SPACE(bytes) } as usize;
        if header.msg_controllen > CONTROL {
            return Err(Errno::EMSGSIZE);
        }
        // SAFETY: counts only.
        let length = unsafe { libc::CMSG_LEN(bytes) } as usize;
        let head = libc::cmsghdr { cmsg_len: length, cmsg_level: libc::SOL_SOCKET, cmsg_type: libc::SCM_RIGHTS };
        let first = control.as_mut_ptr().cast::<libc::cmsghdr>();
        // SAFETY: the buffer is aligned for a header and longer than one.
        unsafe { first.write(head) };
        // SAFETY: the header was just written, and the buffer goes on behind it.
        let data = unsafe { libc::CMSG_DATA(first) };
        // SAFETY: the numbers fit, as was counted above, and the two do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(descriptors.as_ptr().cast::<u8>(), data, size_of_val(descriptors)) };
    }
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the header's pointers are to live memory of the lengths that it says; sendmsg writes to none of it.
    Errno::result(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, flags) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_keep_their_borders_and_descriptors() {
        let (here, there) = pair().expect("a pair");
        send(here.as_fd(), b"one", &[]).expect("sent");
        send(here.as_fd(), b"two", &[here.as_raw_fd(), there.as_raw_fd()]).expect("sent");
        let first = receive(there.as_fd()).expect("a letter");
        assert_eq!((first.text(), first.descriptors().len()), (b"one".as_slice(), 0));
        let second = receive(there.as_fd()).expect("a letter");
        assert_eq!((second.text(), second.descriptors().len()), (b"two".as_slice(), 2));
        drop(second);
        assert_eq!(receive(there.as_fd()).err(), Some(Errno::EAGAIN));
        drop(here);
        assert_eq!(receive(there.as_fd()).expect("the end").text(), b"");
    }

    #[test]
    fn senders_are_known_and_long_texts_are_cut() {
        let place = std::env::temp_dir().join(format!("stockade-letters-{}", std::process::id()));
        let path = place.as_os_str().as_encoded_bytes();
        let socket = receiver().expect("a socket");
        name(socket.as_fd(), path).expect("a name");
        let other = sender(path).expect("connected");
        send(other.as_fd(), &[b'x'; 5000], &[]).expect("sent");
        let letter = receive(socket.as_fd()).expect("a letter");
        assert!(letter.is_cut());
        assert_eq!(letter.sender(), std::process::id().cast_signed());
        std::fs::remove_file(place).expect("it is ours");
        assert_eq!(sender(&[b'x'; 200]).err(), Some(Errno::ENAMETOOLONG));
    }
}
