//! FACTS: this machine and this caller as a value. Probed once, and only for what the draft
//! needs; or made by hand in tests. Never read again after planning starts.
//!
//! In: a draft. Out: a [`Host`].
//!
//! - on the way to a launch: `probe` by `identity`, `accounts`, `userns`, `mounts`, `cgroup`; `specifier` (`%h` and
//!   such), `wildcards` (in a path)
//! - for people who ask: `survey` (each primitive tried out, for `doctor`), `diagnose` (why a step failed), `installed`
//!   (filters of a process), `look` (what is at a path)
//!
//! A new fact is a field of [`Host`] and, where it costs a call, a condition in `probe`.

mod accounts;
pub mod cgroup;
pub mod diagnose;
mod identity;
pub mod installed;
pub mod look;
pub mod mounts;
mod probe;
pub mod specifier;
pub mod survey;
mod userns;
mod wildcards;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::draft::capabilities::CapSet;

/// The machine and the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The kernel's version, major and minor (uname(2)).
    pub release: (u32, u32),
    /// Our process id, which LISTEN_PID has to name.
    pub pid: u32,
    /// Real user id of the caller.
    pub uid: u32,
    /// Real group id of the caller.
    pub gid: u32,
    /// Supplementary groups of the caller.
    pub groups: Vec<u32>,
    /// The caller's effective capabilities.
    pub effective: CapSet,
    /// Landlock's ABI version; 0 where it is missing or switched off, or the draft asks nothing of it.
    pub landlock: u32,
    /// The caller's personality (personality(2)); 0 unless LockPersonality= needs it.
    pub personality: u32,
    /// Whether the caller has a terminal: one that controls it, or one among the standard descriptors. False unless the
    /// draft takes something away.
    pub terminal: bool,
    /// The caller's environment, in its order.
    pub environment: Vec<(OsString, OsString)>,
    /// The directory that stockade was started in; empty where it has no name (removed, or outside the root).
    pub directory: PathBuf,
    /// The caller's home directory, for `%h`: $HOME, else passwd(5); empty where neither knows one.
    pub home: PathBuf,
    /// Where something is mounted; empty unless the draft has wishes that depend on it.
    pub points: Vec<PathBuf>,
    /// Where a sysfs is mounted, and whether it is read-only; empty unless the draft wants a new one.
    pub sysfs: Vec<(PathBuf, bool)>,
    /// Where symlinks lead to which what is mounted could cover what is said about another path: as they are written in the
    /// draft, and what is there.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Accounts that the draft names, looked up.
    pub accounts: Vec<Account>,
    /// Whether this caller can make a user namespace. Only tried out where the draft needs one and
    /// a directive may be weaker; elsewhere it is `Untried` and the kernel answers when it is asked.
    pub user_namespace: Verdict,
    /// What specifiers stand for that a file or a call tells; only those that the draft uses.
    pub words: Vec<(char, String)>,
    /// The files of EnvironmentFile=: the path as it is written there, of which each file that it stands for has its own
    /// text.
    pub variables: Vec<(String, Vec<u8>)>,
    /// Files that may be missing (OpenFile=) and are, as they are written there.
    pub absent: Vec<PathBuf>,
    /// Where credentials are put; nothing where there is no place, or nobody asked.
    pub secrets: Option<PathBuf>,
    /// Whether a service manager holds secrets of its services (/run/credentials); false unless mounts are asked for.
    pub credentials: bool,
    /// The control group that was given to this process, where limits are asked for.
    pub cgroup: cgroup::Given,
    /// Bytes of memory of the machine, where limits are asked for.
    pub memory: u64,
    /// How many processes and threads the machine can have, where limits are asked for.
    pub tasks: u64,
    /// Limits (by the kernel's number) that are asked for higher than this caller can have them, and how high he can.
    pub ceilings: Vec<(u32, u64)>,
    /// The score for running out of memory that holds, where a lower one is asked for than this caller can have.
    pub oom_score: Option<i32>,
    /// A user and group number that nobody has, where one is asked for.
    pub free_id: Option<u32>,
    /// Whether AppArmor is active; false unless asked for.
    pub apparmor: bool,
    /// Whether SELinux is active; false unless asked for.
    pub selinux: bool,
    /// Random words by which the launcher's own execve passes the filter; zero without one.
    pub cookie: [u64; 3],
}

/// A whole file in as few calls as can be: `fs::read` asks for a size that /proc does not tell and
/// then starts with 32 bytes.
fn slurp(path: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(8192);
    File::open(path)?.take(u64::MAX).read_to_end(&mut text)?;
    Ok(text)
}

/// A file of /proc as text. A process may have a name that is no UTF-8, or is cut in the middle of a letter; what
/// stands beside it is not lost for that.
///
/// # Errors
/// Those of reading it.
pub fn lossy(path: &str) -> io::Result<String> {
    slurp(path).map(|text| String::from_utf8_lossy(&text).into_owned())
}

/// What trying something out said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Not tried.
    #[default]
    Untried,
    /// It works.
    Works,
    /// It does not: the reason and the remedy.
    Refused {
        /// Lower case, one line.
        reason: String,
        /// What an administrator or user can do.
        remedy: String,
    },
}

/// One line of /proc/self/mountinfo (proc(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub point: PathBuf,
    /// File system type.
    pub fstype: String,
    /// Per-mount options, e.g. `rw,nosuid,relatime`.
    pub options: String,
}

/// An account as the host knows it (passwd(5), group(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The words it was asked for by.
    pub word: String,
    /// Whether it was asked for as a user (else as a group).
    pub is_user: bool,
    /// The id; nothing when there is no such account.
    pub id: Option<u32>,
    /// For users: the name, login group, home, shell and all their groups.
    pub user: Option<User>,
}

/// What passwd(5) and group(5) say of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Login group.
    pub gid: u32,
    /// Home directory.
    pub home: PathBuf,
    /// Shell.
    pub shell: PathBuf,
    /// Groups that list the user as a member, without the login group.
    pub groups: Vec<u32>,
}
