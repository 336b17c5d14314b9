//! A /dev of pseudo devices.

use std::ffi::CStr;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, fstat, major, makedev, minor, mkdirat, mknodat, stat};
use nix::unistd::symlinkat;

use crate::plan::mounts::Missing;
use crate::sys::mount::{self as sys, Attributes, Depth};
use crate::sys::terminal::is_terminal;

use super::point::{Target, exact_modes};

/// Name, path on the host, major and minor number (Documentation/admin-guide/devices.txt).
const NODES: [(&CStr, &CStr, u64, u64); 7] = [
    (c"null", c"/dev/null", 1, 3),
    (c"zero", c"/dev/zero", 1, 5),
    (c"full", c"/dev/full", 1, 7),
    (c"random", c"/dev/random", 1, 8),
    (c"urandom", c"/dev/urandom", 1, 9),
    (c"tty", c"/dev/tty", 5, 0),
    (PTMX, c"/dev/ptmx", 5, 2),
];

/// Only a node of the file system beside it opens it, so it cannot be mounted as a single file (devpts).
const PTMX: &CStr = c"ptmx";

/// Where the terminal that was inherited is shown, where it has no name among the terminals.
const CONSOLE: &CStr = c"console";

/// The directory of the terminals.
const PTS: &CStr = c"pts";

/// Name and path of the directories of the host's that are shown, where it has them.
const TREES: [(&CStr, &CStr); 4] =
    [(PTS, c"/dev/pts"), (c"shm", c"/dev/shm"), (c"hugepages", c"/dev/hugepages"), (c"mqueue", c"/dev/mqueue")];

const LINKS: [(&CStr, &CStr); 5] = [
    (c"fd", c"/proc/self/fd"),
    (c"stdin", c"/proc/self/fd/0"),
    (c"stdout", c"/proc/self/fd/1"),
    (c"stderr", c"/proc/self/fd/2"),
    (c"log", c"/run/systemd/journal/dev-log"),
];

/// What is built before it is attached: the file system, and copies of the host's that go into it.
#[derive(Default)]
pub(in crate::apply) struct Devices {
    tmpfs: Option<OwnedFd>,
    nodes: [Option<OwnedFd>; NODES.len()],
    trees: [Option<OwnedFd>; TREES.len()],
    console: Option<OwnedFd>,
}

impl Devices {
    /// Builds it, detached, while the host's /dev can still be reached.
    ///
    /// Its root has mode 755: in a sticky directory that others can write the kernel refuses to open
    /// a device with `O_CREAT` (fs.protected_regular), as `>` in a shell does.
    pub(super) fn build(&mut self, make: bool, mqueue: bool) -> Result<(), Errno> {
        let context = sys::fsopen(c"tmpfs")?;
        for (key, value) in [(c"mode", c"755"), (c"size", c"4m"), (c"nr_inodes", c"64")] {
            sys::fsconfig_string(context.as_fd(), key, value)?;
        }
        let tmpfs = sys::fsmount(context.as_fd(), Attributes::NO_SUID.and(Attributes::NO_EXEC))?;
        let _mask = exact_modes();
        let mut make = make;
        for ((name, host, major, minor), copy) in NODES.into_iter().zip(&mut self.nodes) {
            if make {
                let mode = Mode::from_bits_truncate(0o666);
                match mknodat(&tmpfs, name, SFlag::S_IFCHR, mode, makedev(major, minor)) {
                    // Not in a user namespace, and not where a device cgroup forbids it.
                    Err(Errno::EPERM) => make = false,
                    other => {
                        other?;
                        continue;
                    }
                }
            }
            if name == PTMX {
                symlinkat(c"pts/ptmx", &tmpfs, name)?;
                continue;
            }
            *copy = host_tree(host, Depth::One)?;
            if copy.is_some() {
                mknodat(&tmpfs, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o444), 0)?;
            }
        }
        let shown = TREES.len() - usize::from(!mqueue);
        if !mqueue {
            // One of its own is mounted there.
            mkdirat(&tmpfs, c"mqueue", Mode::from_bits_truncate(0o755))?;
        }
        for ((name, host), copy) in TREES.into_iter().zip(&mut self.trees).take(shown) {
            *copy = if name == PTS { Some(terminals(make)?) } else { host_tree(host, Depth::Recursive)? };
            if copy.is_some() {
                mkdirat(&tmpfs, name, Mode::from_bits_truncate(0o755))?;
            }
        }
        self.console = inherited()?;
        if self.console.is_some() {
            mknodat(&tmpfs, CONSOLE, SFlag::S_IFREG, Mode::from_bits_truncate(0o444), 0)?;
        }
        for (name, to) in LINKS {
            symlinkat(to, &tmpfs, name)?;
        }
        self.tmpfs = Some(tmpfs);
        Ok(())
    }

    /// Puts it on a path.
    pub(super) fn attach(&mut self, target: &Target) -> Result<(), Errno> {
        let tmpfs = self.tmpfs.take().ok_or(Errno::EBADF)?;
        target.attach(&tmpfs, Missing::Make)?;
        let nodes = NODES.iter().map(|(name, ..)| *name).zip(&mut self.nodes);
        let trees = TREES.iter().map(|(name, _)| *name).zip(&mut self.trees);
        let console = (CONSOLE, &mut self.console);
        for (name, copy) in nodes.chain(trees).chain([console]) {
            if let Some(copy) = copy.take() {
                sys::move_mount(copy.as_fd(), tmpfs.as_fd(), name)?;
            }
        }
        Ok(())
    }
}

/// Terminals of its own: the host's of the same user could be read and written to. The one that was inherited goes on
/// working, and is /dev/console ([`inherited`]). Where groups have their host's meaning, new ones belong to tty, whose
/// number is 5 everywhere.
fn terminals(grouped: bool) -> Result<OwnedFd, Errno> {
    let context = sys::fsopen(c"devpts")?;
    if grouped {
        sys::fsconfig_string(context.as_fd(), c"gid", c"5")?;
    }
    for (key, value) in [(c"ptmxmode", c"666"), (c"mode", c"620")] {
        sys::fsconfig_string(context.as_fd(), key, value)?;
    }
    sys::fsmount(context.as_fd(), Attributes::NO_SUID.and(Attributes::NO_EXEC))
}

/// The terminal that standard input, output or error is: ttyname(3) looks through /dev for it where its own name is not to
/// be seen, so `tty`, gpg and their like find it. Whoever holds it can open it anew in any case (/proc/self/fd).
fn inherited() -> Result<Option<OwnedFd>, Errno> {
    for (number, held) in (0..).zip([c"/proc/self/fd/0", c"/proc/self/fd/1", c"/proc/self/fd/2"]) {
        // Asked first, since a path takes the kernel longer.
        if !is_terminal(number)? {
            continue;
        }
        let held = match stat(held) {
            // Without /proc.
            Err(Errno::ENOENT) => continue,
            other => other?,
        };
        let Some(number) = terminal(held.st_rdev) else { continue };
        // Written here, since nothing may be allocated: "/dev/pts/" and at most seven digits.
        let mut path = [0; 32];
        if write!(&mut path[..31], "/dev/pts/{number}").is_err() {
            continue;
        }
        let Ok(path) = CStr::from_bytes_until_nul(&path) else { continue };
        let Some(copy) = host_tree(path, Depth::One)? else { continue };
        // Another devpts can have a terminal of the same number.
        let found = fstat(&copy)?;
        if (found.st_dev, found.st_ino, found.st_rdev) == (held.st_dev, held.st_ino, held.st_rdev) {
            return Ok(Some(copy));
        }
    }
    Ok(None)
}

/// The number of a terminal of devpts by its device: all have the major number 136 (fs/devpts/inode.c).
fn terminal(device: u64) -> Option<u64> {
    (major(device) == 136).then(|| minor(device))
}

/// A copy of what the host has there, if it has.
fn host_tree(path: &CStr, depth: Depth) -> Result<Option<OwnedFd>, Errno> {
    match sys::open_tree(AT_FDCWD, path, depth) {
        Ok(copy) => Ok(Some(copy)),
        Err(Errno::ENOENT) => Ok(None),
        Err(other) => Err(other),
    }
}
