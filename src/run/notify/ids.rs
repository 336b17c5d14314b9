//! Who a thread is, as /proc/PID/status tells it (proc_pid_status(5)).

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;

use caps::Capability::{CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{Gid, Uid, read, setfsgid, setfsuid, setgroups};

use crate::draft::capabilities::CapSet;
use crate::sys::privileges;

use super::caller::Caller;

/// Ids, groups and capabilities that files are opened with, and what else is needed of the same file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    /// The process that the thread is of.
    pub(super) process: u32,
    /// umask(2).
    pub(super) umask: u32,
    /// The file system user id.
    pub(super) user: u32,
    /// The file system group id.
    pub(super) group: u32,
    /// Supplementary groups.
    pub(super) groups: Vec<u32>,
    /// Permitted capabilities.
    pub(super) permitted: CapSet,
    /// Effective capabilities.
    pub(super) effective: CapSet,
    /// The bounding set.
    pub(super) bounding: CapSet,
    /// The ambient set.
    pub(super) ambient: CapSet,
}

impl Ids {
    /// Reads a file of /proc: `self/status` or `TID/status`.
    pub(super) fn read(process: BorrowedFd<'_>, path: &CStr) -> Result<Self, Errno> {
        let file = openat(process, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut text = vec![0; 8192];
        let mut filled = 0;
        // A list of 65536 groups is longer than any buffer that is worth keeping.
        loop {
            match read(&file, text.get_mut(filled..).unwrap_or_default())? {
                0 => break,
                more => filled += more,
            }
            if filled == text.len() {
                text.resize(filled * 2, 0);
            }
        }
        // A process may have a name that is no UTF-8.
        Self::parse(&String::from_utf8_lossy(text.get(..filled).unwrap_or_default())).ok_or(Errno::EPERM)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut ids = Self::default();
        let mut found = 0;
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            let fourth = || value.split_ascii_whitespace().nth(3)?.parse().ok();
            let set = || u64::from_str_radix(value, 16).ok().map(CapSet);
            match name {
                "Umask" => ids.umask = u32::from_str_radix(value, 8).ok()?,
                "Tgid" => ids.process = value.parse().ok()?,
                "Uid" => ids.user = fourth()?,
                "Gid" => ids.group = fourth()?,
                "Groups" => {
                    ids.groups = value.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
                }
                "CapPrm" => ids.permitted = set()?,
                "CapEff" => ids.effective = set()?,
                "CapBnd" => ids.bounding = set()?,
                "CapAmb" => ids.ambient = set()?,
                _ => continue,
            }
            found += 1;
        }
        (found == 9).then_some(ids)
    }

    /// Whether files open for both alike.
    fn alike(&self, other: &Self, of: CapSet) -> bool {
        (self.user, self.group, &self.groups) == (other.user, other.group, &other.groups)
            && self.effective.intersection(of) == other.effective.intersection(of)
    }

    /// Opens files as these from here on, as far as `permitted` lets it.
    ///
    /// # Errors
    /// EPERM: not as these.
    fn adopt(&self, permitted: CapSet) -> Result<(), Errno> {
        privileges::set_effective(permitted.0, permitted.0)?;
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        // Both return what was before, whether they worked or not; so they are asked again.
        let (user, group) = (Uid::from_raw(self.user), Gid::from_raw(self.group));
        setgroups(&groups)?;
        setfsgid(group);
        setfsuid(user);
        if setfsgid(group) != group || setfsuid(user) != user {
            return Err(Errno::EPERM);
        }
        privileges::set_effective(permitted.0, self.effective.intersection(permitted).0)
    }
}

/// Capabilities that opening a file may need or be decided by.
pub(super) fn opening() -> CapSet {
    let all = [CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID];
    all.into_iter().fold(CapSet::EMPTY, CapSet::with)
}

/// What tells user namespaces apart.
pub(super) fn namespace(process: BorrowedFd<'_>, thread: u32) -> Result<(u64, u64), Errno> {
    let path = CString::new(format!("{thread}/ns/user")).map_err(|_| Errno::EINVAL)?;
    let stat = fstatat(process, path.as_c_str(), AtFlags::empty())?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Does something as the caller would, with its umask where that counts, once it is known that all that was learnt of it
/// so far was its own. What the caller is, is looked up only where
/// it may have become somebody else without our losing sight of it: the kernel shows nothing of another user's
/// process to a supervisor without privileges.
///
/// # Errors
/// EPERM: the supervisor cannot become the caller.
pub(super) fn as_caller<T>(
    caller: &Caller<'_>,
    creates: bool,
    work: impl FnOnce(u32) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let own = caller.view.own.as_ref().ok_or(Errno::EPERM)?;
    let privileged = own.user == 0 || !own.permitted.is_empty();
    if !privileged && !creates {
        caller.check()?;
        return work(0);
    }
    let inside = !privileged
        || caller.view.settled
        || namespace(caller.view.process()?, caller.thread())? == caller.view.namespace;
    if inside && !creates && own.effective.has(CAP_DAC_OVERRIDE) {
        // With this capability neither ids nor groups decide, and reading all of them takes longer than opening.
        let effective = CapSet(privileges::effective_of(caller.thread())?).intersection(opening());
        caller.check()?;
        if effective == own.effective.intersection(opening()) {
            return work(0);
        }
    }
    let mut ids = caller.ids()?;
    let umask = ids.umask;
    if !inside {
        // Its capabilities are over its own namespace, not over ours.
        ids.effective = CapSet::EMPTY;
    }
    caller.check()?;
    if !privileged || ids.alike(own, opening()) {
        return work(umask);
    }
    let adopted = ids.adopt(own.permitted);
    let result = adopted.and_then(|()| work(umask));
    if own.adopt(own.permitted).is_err() {
        // Somebody else's supervisor is none: everything fails closed.
        std::process::abort();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_status_is_read() {
        let process = nix::fcntl::open(c"/proc", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).expect("/proc");
        let ids = Ids::read(std::os::fd::AsFd::as_fd(&process), c"self/status").expect("a status");
        assert_eq!((ids.process, ids.user), (std::process::id(), nix::unistd::geteuid().as_raw()));
        assert_eq!(Ids::parse("Uid:\t1\t1\t1\t1\n"), None);
    }
}
