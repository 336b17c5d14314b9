//! Attributes of the process, labels, the host's name, namespaces that are there already.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{SigHandler, Signal};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{sethostname, write};

use crate::draft::attributes::{Attribute, HugePages, Label, Module};
use crate::fault::Fault;
use crate::plan::op::Op;
use crate::sys::{attributes as sys, process};

use super::c_string;

/// One operation, ready.
pub(super) enum Act {
    /// A file of /proc/self and its text.
    File(&'static CStr, Vec<u8>),
    /// What takes a call of its own.
    Attribute(Attribute),
    /// setns(2).
    Join(CString, CloneFlags),
    /// sethostname(2).
    Name(String),
    /// Files to try, the text, and whether all may refuse it.
    Label(&'static [&'static CStr], Vec<u8>, bool),
}

/// Where AppArmor takes labels: its own file (Linux 5.1), and the one that all modules share.
const APPARMOR: [&CStr; 2] = [c"/proc/thread-self/attr/apparmor/exec", c"/proc/thread-self/attr/exec"];

/// Where SELinux takes them.
const SELINUX: [&CStr; 1] = [c"/proc/thread-self/attr/exec"];

/// PR_SET_MEMORY_MERGE (Linux 6.4).
const MERGE: i32 = 67;

impl Act {
    /// Makes an operation ready; nothing for those of other parts.
    ///
    /// # Errors
    /// Texts with a NUL byte.
    pub(super) fn ready(op: &Op) -> Result<Option<Self>, Fault> {
        Ok(Some(match op {
            Op::Attribute(Attribute::OomScore(score)) => {
                Self::File(c"/proc/self/oom_score_adj", score.to_string().into_bytes())
            }
            Op::Attribute(Attribute::CoredumpFilter(mask)) => {
                Self::File(c"/proc/self/coredump_filter", format!("{mask:#x}").into_bytes())
            }
            Op::Attribute(attribute) => Self::Attribute(attribute.clone()),
            Op::Join { kind, path } => Self::Join(
                c_string(path.as_os_str().as_bytes())?,
                CloneFlags::from_bits_retain(kind.flag().cast_signed()),
            ),
            Op::HostName(name) => Self::Name(name.clone()),
            Op::Label(Label { module, label, optional }) => match module {
                // libapparmor's aa_change_onexec(3), and a NUL byte as libselinux writes one.
                Module::AppArmor => Self::Label(&APPARMOR, format!("exec {label}").into_bytes(), *optional),
                Module::SeLinux => Self::Label(&SELINUX, [label.as_bytes(), &[0]].concat(), *optional),
            },
            _ => return Ok(None),
        }))
    }

    /// Carries it out.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        match self {
            Self::File(path, text) => write_file(path, text),
            Self::Attribute(attribute) => perform(attribute),
            Self::Join(path, kind) => {
                let file = open(path.as_c_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
                setns(file, *kind)
            }
            Self::Name(name) => sethostname(name),
            Self::Label(paths, text, optional) => {
                let mut result = Err(Errno::ENOENT);
                for path in *paths {
                    result = write_file(path, text);
                    if result != Err(Errno::ENOENT) {
                        break;
                    }
                }
                if *optional { Ok(()) } else { result }
            }
        }
    }
}

fn perform(attribute: &Attribute) -> Result<(), Errno> {
    match attribute {
        // Files, which `ready` has made of them.
        Attribute::OomScore(_) | Attribute::CoredumpFilter(_) => Err(Errno::EINVAL),
        Attribute::Scheduling { policy, priority, reset } => {
            let flags = if *reset { libc::SCHED_RESET_ON_FORK } else { 0 };
            sys::set_scheduler(policy | flags, *priority)
        }
        Attribute::Nice(level) => sys::set_nice(*level),
        Attribute::Affinity(words) => sys::set_affinity(words),
        Attribute::Memory { mode, nodes } => sys::set_memory_policy(*mode, nodes),
        Attribute::Io(bits) => sys::set_io_priority(*bits),
        Attribute::TimerSlack(nanoseconds) => process::prctl(libc::PR_SET_TIMERSLACK, *nanoseconds).map(drop),
        Attribute::Personality(personality) => sys::set_personality(*personality),
        Attribute::MergeMemory(on) => process::prctl(MERGE, u64::from(*on)).map(drop),
        Attribute::HugePages(HugePages::Disable) => sys::disable_huge_pages(true, 0),
        Attribute::HugePages(HugePages::Madvise) => sys::disable_huge_pages(true, sys::EXCEPT_ADVISED),
        Attribute::HugePages(HugePages::System) => sys::disable_huge_pages(false, 0),
        Attribute::IgnorePipe(ignore) => {
            process::disposition(Signal::SIGPIPE, if *ignore { SigHandler::SigIgn } else { SigHandler::SigDfl })
        }
        Attribute::Keyring { shared } => sys::new_keyring(*shared),
    }
}

/// Writes a file of the kernel's by one write(2).
///
/// A new root may have anything at /proc, and what goes into a file of somebody's own is set nowhere.
///
/// # Errors
/// EPERM: it is not on procfs.
fn write_file(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    if fstatfs(&file)?.filesystem_type() != PROC_SUPER_MAGIC {
        return Err(Errno::EPERM);
    }
    if write(&file, text)? == text.len() { Ok(()) } else { Err(Errno::EIO) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_does_not_go_into_a_file_that_only_looks_like_the_kernels() {
        let path = std::env::temp_dir().join(format!("stockade-label-{}", std::process::id()));
        std::fs::write(&path, "").expect("a file can be written");
        let name = c_string(path.as_os_str().as_bytes()).expect("a path");
        assert_eq!(write_file(&name, b"exec web"), Err(Errno::EPERM));
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "");
        std::fs::remove_file(&path).expect("removed");
        let text = std::fs::read_to_string("/proc/self/oom_score_adj").expect("/proc");
        assert_eq!(write_file(c"/proc/self/oom_score_adj", text.trim().as_bytes()), Ok(()));
    }
}
