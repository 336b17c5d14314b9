//! Which arguments of which calls tell something.

use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::learn::observed::Use;

/// A path among the arguments.
#[derive(Clone, Copy, Debug)]
pub(in crate::learn) struct At {
    /// Which argument is the directory that a relative path starts from; nothing: the working directory.
    pub(in crate::learn) dir: Option<usize>,
    /// Which argument is the path.
    pub(in crate::learn) path: usize,
    /// What is done there.
    pub(in crate::learn) kind: Use,
    /// Whether a link at the end is followed.
    pub(in crate::learn) follow: bool,
}

/// What a call tells by its arguments.
#[derive(Clone, Copy, Debug)]
pub(in crate::learn) enum Tells {
    Nothing,
    /// One path.
    Path(At),
    /// chdir(2).
    Directory,
    /// Two paths.
    Paths(At, At),
    /// A path and flags of open(2) in the argument after it, and a mode after them.
    Open(Option<usize>, usize),
    /// openat2(2).
    OpenHow,
    /// Truncates or makes.
    Creat,
    /// execve(2) and execveat(2): the directory, and the path.
    Execute(Option<usize>, usize),
    Socket,
    Connect,
    Bind,
    SendTo,
    SendMessage,
    /// x86's one call for all of them.
    SocketCall,
    Map,
    /// Protection in this argument, for memory that exists.
    Protect,
    /// CLONE_* in this argument.
    Clone(usize),
    Clone3,
    Enter,
    Scheduler,
    SchedulerAttributes,
    Personality,
    /// The process in this argument is sent a signal, or a thread of it, or its group where it is negative.
    Signal(usize),
    /// The process behind the descriptor in the first argument is.
    SignalBy,
    /// A path, and the mode of a file in this argument.
    Mode(At, usize),
    /// fchmod(2).
    FileMode,
    /// setrlimit(2) and prlimit(2): which limit, and where the new one is.
    Limit(usize, usize),
    /// Ends its thread, or all of its process.
    Ends(bool),
    /// Whatever is done after this is not seen.
    Blind,
}

const fn at(dir: Option<usize>, path: usize, kind: Use) -> At {
    At { dir, path, kind, follow: true }
}

const fn link(dir: Option<usize>, path: usize, kind: Use) -> At {
    At { dir, path, kind, follow: false }
}

/// What the call with this name tells.
pub(in crate::learn) fn tells(name: &str) -> Tells {
    const D: Option<usize> = Some(0);
    match name {
        "open" => Tells::Open(None, 0),
        "openat" => Tells::Open(D, 1),
        "openat2" => Tells::OpenHow,
        "creat" => Tells::Creat,
        "execve" => Tells::Execute(None, 0),
        "execveat" => Tells::Execute(D, 1),
        "uselib" => Tells::Path(at(None, 0, Use::Execute)),
        "stat" | "stat64" | "oldstat" | "access" | "statfs" | "statfs64" | "getxattr" | "listxattr" => {
            Tells::Path(at(None, 0, Use::Look))
        }
        "chdir" => Tells::Directory,
        "lstat" | "lstat64" | "oldlstat" | "lgetxattr" | "llistxattr" | "readlink" => {
            Tells::Path(link(None, 0, Use::Look))
        }
        "newfstatat" | "fstatat64" | "statx" | "faccessat" | "faccessat2" | "name_to_handle_at" => {
            Tells::Path(at(D, 1, Use::Look))
        }
        "inotify_add_watch" => Tells::Path(at(None, 1, Use::Read)),
        "readlinkat" => Tells::Path(link(D, 1, Use::Look)),
        "truncate" | "truncate64" | "utime" | "utimes" | "setxattr" | "removexattr" => {
            Tells::Path(at(None, 0, Use::Write))
        }
        "lsetxattr" | "lremovexattr" | "lchown" | "lchown32" => Tells::Path(link(None, 0, Use::Write)),
        "chown" | "chown32" => Tells::Path(at(None, 0, Use::Write)),
        "fchownat" | "utimensat" | "utimensat_time64" | "futimesat" => Tells::Path(at(D, 1, Use::Write)),
        "chmod" => Tells::Mode(at(None, 0, Use::Write), 1),
        "fchmodat" | "fchmodat2" => Tells::Mode(at(D, 1, Use::Write), 2),
        "fchmod" => Tells::FileMode,
        "mkdir" | "mknod" => Tells::Mode(link(None, 0, Use::Create), 1),
        "mkdirat" | "mknodat" => Tells::Mode(link(D, 1, Use::Create), 2),
        "unlink" | "rmdir" => Tells::Path(link(None, 0, Use::Remove)),
        "unlinkat" => Tells::Path(link(D, 1, Use::Remove)),
        "symlink" => Tells::Path(link(None, 1, Use::Create)),
        "symlinkat" => Tells::Path(link(Some(1), 2, Use::Create)),
        "link" => Tells::Paths(link(None, 0, Use::Read), link(None, 1, Use::Create)),
        "linkat" => Tells::Paths(link(D, 1, Use::Read), link(Some(2), 3, Use::Create)),
        "rename" => Tells::Paths(link(None, 0, Use::Remove), link(None, 1, Use::Create)),
        "renameat" | "renameat2" => Tells::Paths(link(D, 1, Use::Remove), link(Some(2), 3, Use::Create)),
        "socket" => Tells::Socket,
        "connect" => Tells::Connect,
        "bind" => Tells::Bind,
        "sendto" => Tells::SendTo,
        "sendmsg" | "sendmmsg" | "sendmmsg_time64" => Tells::SendMessage,
        "socketcall" => Tells::SocketCall,
        "mmap" | "mmap2" => Tells::Map,
        "mprotect" | "pkey_mprotect" => Tells::Protect,
        "clone" | "unshare" => Tells::Clone(0),
        "clone3" => Tells::Clone3,
        "setns" => Tells::Enter,
        "sched_setscheduler" => Tells::Scheduler,
        "sched_setattr" => Tells::SchedulerAttributes,
        "kill" | "tkill" | "tgkill" | "rt_sigqueueinfo" | "rt_tgsigqueueinfo" => Tells::Signal(0),
        "pidfd_send_signal" => Tells::SignalBy,
        "personality" => Tells::Personality,
        "setrlimit" => Tells::Limit(0, 1),
        "prlimit64" => Tells::Limit(1, 2),
        "exit" => Tells::Ends(false),
        "exit_group" => Tells::Ends(true),
        "io_uring_setup" | "open_by_handle_at" => Tells::Blind,
        _ => Tells::Nothing,
    }
}

/// What every call of an architecture tells, by its number.
pub(in crate::learn) fn table(arch: Arch) -> Vec<Tells> {
    let row = |number| calls::name(arch, number).map_or(Tells::Nothing, |name| tells(&name));
    let mut rows: Vec<Tells> = (0..=calls::newest(arch)).map(row).collect();
    // The oldest mmap of x86 has its arguments in memory.
    if arch == Arch::X86
        && let Some(row) = calls::number(arch, "mmap").and_then(|number| rows.get_mut(number as usize))
    {
        *row = Tells::Nothing;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_with_a_path_is_known_by_its_number() {
        for (arch, name) in
            [(Arch::X86_64, "openat"), (Arch::X86, "openat"), (Arch::X86, "open"), (Arch::Aarch64, "openat")]
        {
            let number = calls::number(arch, name).expect("a number");
            assert!(matches!(table(arch)[number as usize], Tells::Open(..)), "{name} on {arch}");
        }
        let number = calls::number(Arch::X86, "mmap2").expect("a number");
        assert!(matches!(table(Arch::X86)[number as usize], Tells::Map));
    }
}
