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

/// `socket(2, 1, 0)`, and for calls with a path what it was when it was looked at: `openat(-100, "/etc/passwd", …)`.
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
    for (at, (argument, scalar)) in notification.args.iter().zip(scalars).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let written = match (path, scalar) {
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
