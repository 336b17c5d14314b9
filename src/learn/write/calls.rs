//! The list of system calls: those that were seen, and those that another version of the libraries makes instead.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::draft::arch::Arch;
use crate::draft::calls::{self, Id};
use crate::learn::observed::{Act, Observed, Use};

use super::base::Base;
use super::risk;

/// Calls that stand for each other: who needs one can come to need any.
const FAMILIES: &[&[&str]] = &[
    &["open", "openat", "openat2"],
    &["stat", "lstat", "fstat", "newfstatat", "statx", "stat64", "lstat64", "fstat64", "fstatat64"],
    &["access", "faccessat", "faccessat2"],
    &["statfs", "statfs64"],
    &["fstatfs", "fstatfs64"],
    &["clone", "clone3", "fork", "vfork"],
    &["wait4", "waitid", "waitpid"],
    &["dup", "dup2", "dup3"],
    &["fcntl", "fcntl64"],
    &["lseek", "_llseek"],
    &["pipe", "pipe2"],
    &["eventfd", "eventfd2"],
    &["signalfd", "signalfd4"],
    &["inotify_init", "inotify_init1"],
    &["epoll_create", "epoll_create1"],
    &["epoll_wait", "epoll_pwait", "epoll_pwait2"],
    &["poll", "ppoll", "ppoll_time64"],
    &["select", "_newselect", "pselect6", "pselect6_time64"],
    &["read", "readv", "pread64", "preadv", "preadv2"],
    &["write", "writev", "pwrite64", "pwritev", "pwritev2"],
    &["sendfile", "sendfile64", "copy_file_range"],
    &["truncate", "truncate64"],
    &["ftruncate", "ftruncate64"],
    &["getdents", "getdents64"],
    &["readlink", "readlinkat"],
    &["unlink", "unlinkat", "rmdir"],
    &["rename", "renameat", "renameat2"],
    &["mkdir", "mkdirat"],
    &["mknod", "mknodat"],
    &["link", "linkat"],
    &["symlink", "symlinkat"],
    &["chmod", "fchmod", "fchmodat", "fchmodat2"],
    &["chown", "fchown", "lchown", "fchownat", "chown32", "fchown32", "lchown32"],
    &["utime", "utimes", "futimesat", "utimensat", "utimensat_time64"],
    &["accept", "accept4"],
    &["recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64"],
    &["send", "sendto", "sendmsg", "sendmmsg"],
    &["getrlimit", "ugetrlimit", "setrlimit", "prlimit64"],
    &["nanosleep", "clock_nanosleep", "clock_nanosleep_time64"],
    &["time", "gettimeofday", "clock_gettime", "clock_gettime64"],
    &["clock_getres", "clock_getres_time64"],
    &["timerfd_settime", "timerfd_settime64"],
    &["timer_settime", "timer_settime64"],
    &["mmap", "mmap2"],
    &["alarm", "setitimer"],
    &["getuid", "getuid32"],
    &["geteuid", "geteuid32"],
    &["getgid", "getgid32"],
    &["getegid", "getegid32"],
    &["getgroups", "getgroups32"],
    &["setuid", "setuid32", "setresuid", "setresuid32", "setreuid", "setreuid32"],
    &["setgid", "setgid32", "setresgid", "setresgid32", "setregid", "setregid32"],
    &["setgroups", "setgroups32"],
    &["setpgid", "setpgrp"],
    &["getpgrp", "getpgid"],
    &["kill", "tkill", "tgkill", "pidfd_send_signal"],
    &["semop", "semtimedop", "semtimedop_time64"],
    &["sched_setaffinity", "sched_getaffinity"],
];

/// What every program calls before and after its own work, in one or the other version of the loader and the C library.
const EVERY: &[&str] = &[
    "access",
    "arch_prctl",
    "brk",
    "close",
    "exit",
    "exit_group",
    "faccessat",
    "fstat",
    "futex",
    "futex_time64",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "getpid",
    "getrandom",
    "gettid",
    "lseek",
    "madvise",
    "map_shadow_stack",
    "mmap",
    "mprotect",
    "mremap",
    "mseal",
    "munmap",
    "newfstatat",
    "openat",
    "pread64",
    "prlimit64",
    "read",
    "readlink",
    "readlinkat",
    "restart_syscall",
    "rseq",
    "rseq_slice_yield",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "set_robust_list",
    "set_thread_area",
    "set_tid_address",
    "sigaltstack",
    "sigreturn",
    "statx",
    "tgkill",
    "uname",
    "write",
    "writev",
];

/// What programs do with what they have already: their descriptors, directories and children, the time. Which of these are
/// made is a matter of the day (how much there is to read, whether a child is still busy), and none gives anything more.
const OWN: &[&str] = &[
    "chdir",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "copy_file_range",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "eventfd2",
    "fadvise64",
    "fchdir",
    "fcntl",
    "fdatasync",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpgid",
    "getpgrp",
    "getppid",
    "getrusage",
    "getsid",
    "gettimeofday",
    "getuid",
    "nanosleep",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "readv",
    "rt_sigpending",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_yield",
    "select",
    "sendfile",
    "statfs",
    "sysinfo",
    "time",
    "times",
    "umask",
    "wait4",
    "waitid",
];

/// Who makes files comes to make directories, to put one file in another's place, and to clean up: a backup, a temporary
/// directory. Where, is for Landlock to say.
const MAKERS: &[&str] = &["mkdir", "mkdirat", "rename", "renameat", "renameat2", "rmdir", "unlink", "unlinkat"];

/// What Go's runtime calls when its threads wait for each other, are interrupted, or look after memory, and when it first
/// waits for a descriptor: in some runs only.
const GO: &[&str] = &[
    "clock_gettime",
    "clone",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "eventfd2",
    "fcntl",
    "getitimer",
    "mincore",
    "nanosleep",
    "pipe2",
    "prctl",
    "sched_getaffinity",
    "sched_yield",
    "setitimer",
    "timer_create",
    "timer_delete",
    "timer_settime",
    "waitid",
];

/// How wide lines become.
const WIDTH: usize = 118;

/// The calls by name, however they were numbered, and those without a name.
pub(super) fn names(seen: &Observed) -> (BTreeMap<String, u64>, Vec<(Arch, u32)>) {
    let (mut names, mut nameless) = (BTreeMap::new(), Vec::new());
    for ((arch, number), times) in &seen.calls {
        match calls::name(*arch, *number) {
            Some(name) => {
                let known: &mut u64 = names.entry(name.into_owned()).or_default();
                *known = known.saturating_add(*times);
            }
            None => nameless.push((*arch, *number)),
        }
    }
    (names, nameless)
}

/// How many calls the policy allows: those that were seen and are not dangerous, and their families.
#[must_use]
pub fn allowed(seen: &Observed) -> BTreeSet<String> {
    let (names, _) = names(seen);
    let mut all: BTreeSet<String> = names.keys().filter(|name| risk::call(name).is_none()).cloned().collect();
    all.extend(relatives(seen, &names));
    all
}

/// What was not seen and can stand for what was.
fn relatives(seen: &Observed, names: &BTreeMap<String, u64>) -> BTreeSet<String> {
    let go: &[&str] = if seen.acts.contains_key(&Act::Go) { GO } else { &[] };
    let created = seen.paths.values().any(|uses| uses.times.contains_key(&Use::Create));
    let makers: &[&str] = if created { MAKERS } else { &[] };
    let needed = |name: &&str| names.contains_key(*name) || go.contains(name);
    let families = FAMILIES.iter().filter(|family| family.iter().any(&needed));
    let all = families.copied().flatten().chain(EVERY).chain(OWN).chain(makers).chain(go);
    let mut more: BTreeSet<String> = all.map(|name| (*name).to_owned()).collect();
    more.retain(|name| !names.contains_key(name) && Id::named(name).is_some());
    more
}

/// The directives about system calls. Those that were seen, and that the base denies.
pub(super) fn write(seen: &Observed, base: &Base, out: &mut String) -> Result<Vec<String>, std::fmt::Error> {
    let (names, nameless) = names(seen);
    let is_said = |name: &String| risk::call(name).is_none() && !base.allows(name);
    let mut arches: BTreeSet<Arch> = seen.calls.keys().map(|(arch, _)| *arch).collect();
    arches.remove(&Arch::native());
    let words: Vec<String> = arches.iter().map(|arch| format!(", \"{arch}\"")).collect();
    writeln!(out, "SystemCallArchitectures = [\"native\"{}]", words.concat())?;
    writeln!(out, "SystemCallErrorNumber = \"EPERM\"")?;
    writeln!(out, "SystemCallFilter = [")?;
    let mut groups: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    if base.filters() {
        let count = names.keys().filter(|name| base.allows(name)).count();
        writeln!(out, "    # {count} of the calls that were made are allowed by {}, and these are not.", base.name())?;
    }
    for (name, times) in names.iter().filter(|(name, _)| is_said(name)) {
        groups.entry(magnitude(*times)).or_default().push(name);
    }
    for (low, names) in groups.into_iter().rev() {
        let often = match low {
            1 => "once".to_owned(),
            2 => "2 to 9 times".to_owned(),
            _ => format!("{low} times and more"),
        };
        writeln!(out, "    # Made {often}.")?;
        wrapped(&names, out)?;
    }
    writeln!(
        out,
        "    # Not seen: what another version of {} makes instead of, or beside, the others.",
        if seen.acts.contains_key(&Act::Go) {
            "the loader, the C library or Go's runtime"
        } else {
            "the loader or the C library"
        }
    )?;
    let more: Vec<String> = relatives(seen, &names).into_iter().filter(is_said).collect();
    let (own, others): (Vec<&str>, Vec<&str>) =
        more.iter().map(String::as_str).partition(|name| OWN.contains(name) && !EVERY.contains(name));
    wrapped(&others, out)?;
    if !own.is_empty() {
        writeln!(out, "    # Not seen: what any program may do another day with what it has already.")?;
        wrapped(&own, out)?;
    }
    if !executes(&names) {
        writeln!(
            out,
            "    # Nothing was executed after the start, for which stockade needs no permission of the policy's."
        )?;
        writeln!(out, "    \"~execve execveat\",")?;
    }
    for (name, times) in &names {
        if let Some(why) = risk::call(name) {
            writeln!(out, "    # Made {}, and not allowed: it {why}.", super::times(*times))?;
            writeln!(out, "    #\"{name}\",")?;
        }
    }
    for (arch, number) in &nameless {
        writeln!(out, "    # Not allowed: call {number} of {arch}, which has no name that stockade knows.")?;
    }
    writeln!(out, "]")?;
    let denied = names.into_keys().filter(|name| base.filters() && is_said(name));
    Ok(denied.collect())
}

/// Whether programs are executed by the target itself.
pub(super) fn executes(names: &BTreeMap<String, u64>) -> bool {
    ["execve", "execveat"].iter().any(|name| names.contains_key(*name))
}

/// 1, 2, 10, 100 and so on.
fn magnitude(times: u64) -> u64 {
    match times {
        0 | 1 => 1,
        2..10 => 2,
        _ => 10_u64.saturating_pow(times.ilog10()),
    }
}

/// One string of several names a line.
fn wrapped(names: &[&str], out: &mut String) -> std::fmt::Result {
    let mut line = String::new();
    for name in names {
        if !line.is_empty() && line.len() + name.len() + 8 > WIDTH {
            writeln!(out, "    \"{line}\",")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(name);
    }
    if line.is_empty() { Ok(()) } else { writeln!(out, "    \"{line}\",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_hold_what_can_be_named_and_nothing_dangerous() {
        let all = FAMILIES.iter().copied().flatten().chain(EVERY).chain(OWN).chain(MAKERS).chain(GO);
        for name in all {
            assert!(calls::Call::parse(name).is_known(), "{name}");
            assert!(risk::call(name).is_none(), "{name}");
        }
    }

    #[test]
    fn relatives_come_along() {
        let mut seen = Observed::default();
        let number =
            calls::number(Arch::native(), "epoll_wait").or_else(|| calls::number(Arch::native(), "epoll_pwait"));
        seen.calls.insert((Arch::native(), number.expect("a number")), 3);
        let allowed = allowed(&seen);
        assert!(allowed.contains("epoll_pwait2") && allowed.contains("rt_sigreturn") && !allowed.contains("socket"));
    }

    #[test]
    fn what_any_program_may_do_another_day_comes_along() {
        let mut seen = Observed::default();
        let before = allowed(&seen);
        assert!(["pipe2", "poll", "getdents64"].iter().all(|name| before.contains(*name)));
        assert!(["mkdir", "rename", "socket", "kill", "execve"].iter().all(|name| !before.contains(*name)));
        seen.used("./a".into(), Use::Create, "x");
        let after = allowed(&seen);
        assert!(["mkdir", "renameat2", "unlink"].iter().all(|name| after.contains(*name)));
        assert!(["chmod", "chown", "mknod", "symlink"].iter().all(|name| !after.contains(*name)));
    }
}
