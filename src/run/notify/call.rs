//! A call in words.

use std::borrow::Cow;
use std::fmt::Write;

use crate::draft::arch::Arch;
use crate::draft::calls::{self, Id};
use crate::sys::notify::{Notification, int};

use super::caller::Caller;

/// Every architecture that a notification can come from.
/// Which argument of a call is a path.
const PATHS: [(&[&str], usize); 2] = [
    (
        &[
            "open",
            "creat",
            "stat",
            "lstat",
            "access",
            "chdir",
            "chroot",
            "chmod",
            "chown",
            "lchown",
            "unlink",
            "rmdir",
            "mkdir",
            "mknod",
            "rename",
            "link",
            "symlink",
            "readlink",
            "truncate",
            "execve",
            "statfs",
            "umount2",
            "mount",
            "swapon",
            "acct",
            "setxattr",
            "lsetxattr",
            "getxattr",
            "removexattr",
            "utime",
            "utimes",
            "pivot_root",
        ],
        0,
    ),
    (
        &[
            "openat",
            "openat2",
            "newfstatat",
            "fstatat64",
            "statx",
            "faccessat",
            "faccessat2",
            "fchmodat",
            "fchmodat2",
            "fchownat",
            "unlinkat",
            "mkdirat",
            "mknodat",
            "renameat",
            "renameat2",
            "linkat",
            "readlinkat",
            "execveat",
            "utimensat",
            "name_to_handle_at",
            "open_tree",
            "fspick",
            "inotify_add_watch",
        ],
        1,
    ),
];

/// How many arguments calls take that are told of often; what else is in the registers belongs to nobody.
const ARITY: [(usize, &str); 6] = [
    (0, "fork vfork setsid sync getpid getuid pause"),
    (
        1,
        "chdir fchdir chroot rmdir unlink unshare umask setuid setgid pipe acct swapoff close syncfs fsync pkey_free \
         personality iopl setfsuid setfsgid",
    ),
    (
        2,
        "creat stat lstat fstat access chmod fchmod mkdir rename link symlink truncate ftruncate setns kill tkill \
         sethostname setdomainname swapon umount2 pivot_root pipe2 capget capset statfs fstatfs listen setrlimit getrlimit \
         utime utimes pkey_alloc delete_module memfd_create clone3 io_uring_setup settimeofday clock_settime setpgid \
         nanosleep",
    ),
    (
        3,
        "mkdirat unlinkat readlink mknod chown lchown fchown execve connect bind socket accept ioctl bpf syslog \
         finit_module init_module symlinkat sched_setattr sched_setscheduler seccomp tgkill getdents64 fcntl fchmodat \
         faccessat open_tree fspick setresuid setresgid ioperm poll shmget semget inotify_add_watch ioprio_set",
    ),
    (
        4,
        "readlinkat mknodat renameat ptrace prlimit64 newfstatat utimensat quotactl reboot pidfd_send_signal socketpair \
         openat2 faccessat2 fchmodat2",
    ),
    (
        5,
        "renameat2 linkat fchownat execveat mount statx clone perf_event_open add_key keyctl prctl setxattr lsetxattr \
         move_mount name_to_handle_at kexec_load kcmp setsockopt",
    ),
];

/// The words of open(2)'s flags, besides how a file is opened.
const FLAGS: [(i32, &str); 13] = [
    (libc::O_CREAT, "O_CREAT"),
    (libc::O_EXCL, "O_EXCL"),
    (libc::O_NOCTTY, "O_NOCTTY"),
    (libc::O_TRUNC, "O_TRUNC"),
    (libc::O_APPEND, "O_APPEND"),
    (libc::O_NONBLOCK, "O_NONBLOCK"),
    (libc::O_SYNC, "O_SYNC"),
    (libc::O_DIRECT, "O_DIRECT"),
    // O_TMPFILE has O_DIRECTORY in it.
    (libc::O_TMPFILE, "O_TMPFILE"),
    (libc::O_DIRECTORY, "O_DIRECTORY"),
    (libc::O_NOFOLLOW, "O_NOFOLLOW"),
    (libc::O_CLOEXEC, "O_CLOEXEC"),
    (libc::O_PATH, "O_PATH"),
];

/// How many of the registers are arguments of the call: four of openat(2)'s only where a file may be made.
fn arity(name: &str, args: &[u64; 6]) -> usize {
    let makes =
        |flags: u64| flags & u64::from((libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY)).cast_unsigned()) != 0;
    match name {
        "open" => 2 + usize::from(makes(args[1])),
        "openat" => 3 + usize::from(makes(args[2])),
        _ => ARITY
            .iter()
            .find(|(_, names)| names.split(' ').any(|known| known == name))
            .map_or(args.len(), |(count, _)| *count),
    }
}

/// `O_WRONLY|O_CREAT|O_TRUNC`; what has no word here is a number at its end.
fn flags(value: u64) -> String {
    let mut rest = value & u64::from(u32::MAX);
    let mode = rest & u64::from(libc::O_ACCMODE.cast_unsigned());
    rest &= !mode;
    let mut text =
        String::from(["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][usize::try_from(mode).unwrap_or(0) & 3]);
    for (bit, word) in FLAGS {
        let bit = u64::from(bit.cast_unsigned());
        if bit != 0 && rest & bit == bit {
            rest &= !bit;
            text.push('|');
            text.push_str(word);
        }
    }
    if rest != 0 {
        let number = format!("|{rest:#x}");
        text.push_str(&number);
    }
    text
}

/// The architecture and the number on it.
pub(super) fn place(notification: &Notification) -> Option<(Arch, u32)> {
    calls::made(notification.arch, notification.number)
}

fn id(notification: &Notification) -> Option<Id> {
    let (arch, number) = place(notification)?;
    calls::identify(arch, number)
}

/// The call's name.
pub(super) fn name(notification: &Notification) -> Option<Cow<'static, str>> {
    let (arch, number) = place(notification)?;
    calls::name(arch, number)
}

/// The arguments that are no pointers, as far as is known: what a remembered answer is about.
pub(super) fn scalars(notification: &Notification) -> [Option<u64>; 6] {
    let ints = id(notification).map_or(0, |id| calls::int_args(id.name()));
    let mut at = 0;
    notification.args.map(|argument| {
        let is_int = ints >> at & 1 == 1;
        at += 1;
        is_int.then_some(argument & u64::from(u32::MAX))
    })
}

/// `socket(2, 1, 0)`, and for calls with a path what it was when it was looked at: `openat(AT_FDCWD,
/// "/etc/passwd", O_RDONLY|O_CLOEXEC)`.
pub(super) fn words(caller: &Caller<'_>, notification: &Notification) -> String {
    let name = name(notification);
    let path = name.as_deref().and_then(|name| {
        let at = PATHS.iter().find(|(names, _)| names.contains(&name))?.1;
        Some((at, caller.shown(*notification.args.get(at)?)?))
    });
    let mut text = plain(notification, name.as_deref(), path.as_ref().map(|(at, path)| (*at, path.as_str())));
    if path.is_some() {
        // Whoever reads it should know what it is worth.
        text.push_str(" [as it was read]");
    }
    text
}

/// The call without looking into memory.
pub(super) fn registers(notification: &Notification) -> String {
    plain(notification, name(notification).as_deref(), None)
}

fn plain(notification: &Notification, name: Option<&str>, path: Option<(usize, &str)>) -> String {
    let mut text = name.map_or_else(|| format!("system call {}", notification.number), str::to_owned);
    text.push('(');
    let scalars = scalars(notification);
    let name = name.unwrap_or_default();
    let starts = PATHS[1].0.contains(&name);
    let opens = ["open", "openat"].iter().position(|opens| *opens == name);
    let count = arity(name, &notification.args);
    for (at, (argument, scalar)) in notification.args.iter().zip(scalars).enumerate().take(count) {
        let comma = if at == 0 { "" } else { ", " };
        let written = match (path, scalar) {
            _ if opens.is_some_and(|which| at == which + 1) => write!(text, "{comma}{}", flags(*argument)),
            _ if at == 0 && starts && int(*argument) == libc::AT_FDCWD => text.write_str("AT_FDCWD"),
            (Some((which, path)), _) if which == at => write!(text, "{comma}\"{path}\""),
            (_, Some(_)) => write!(text, "{comma}{}", int(*argument)),
            _ => write!(text, "{comma}{argument:#x}"),
        };
        // Writing to a text does not fail.
        written.ok();
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_words() {
        assert_eq!(flags(577), "O_WRONLY|O_CREAT|O_TRUNC");
        assert_eq!(flags(0), "O_RDONLY");
        assert_eq!(flags(u64::from((libc::O_TMPFILE | libc::O_RDWR).cast_unsigned())), "O_RDWR|O_TMPFILE");
        assert_eq!(flags(1 << 30), "O_RDONLY|0x40000000");
    }

    #[test]
    fn calls_have_their_arguments_and_no_more() {
        assert_eq!(arity("openat", &[0, 0, 0, 1, 2, 3]), 3);
        assert_eq!(arity("openat", &[0, 0, 0o101, 0o600, 2, 3]), 4);
        assert_eq!(arity("socket", &[0; 6]), 3);
        assert_eq!(arity("mmap", &[0; 6]), 6);
        let mut all: Vec<&str> = ARITY.iter().flat_map(|(_, names)| names.split(' ')).collect();
        let count = all.len();
        assert!(all.iter().all(|name| calls::Call::parse(name).is_known()));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "each is there once");
    }
}
