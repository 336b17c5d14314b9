//! Why a step failed that this kernel can do: the switches of distributions and containers, read
//! only after a failure.

use std::fs;
use std::path::{Path, PathBuf};

use caps::Capability;
use nix::errno::Errno;

use super::{Host, mounts};

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Making the child to try things in (fork(2)).
    Fork = 1,
    /// unshare(2) of a user namespace, alone or with others.
    Unshare = 2,
    /// Writing setgroups, uid_map or gid_map.
    Map = 3,
    /// unshare(2) of any other namespace, by a caller that has the rights.
    Namespace = 4,
    /// A mount, or a change of one.
    Mount = 5,
    /// Mounting a new procfs.
    Proc = 6,
    /// Bringing the loopback device up.
    Loopback = 7,
    /// Anything else, by its errno alone.
    Other = 8,
    /// A seccomp filter killed whoever tried.
    Killed = 9,
}

impl From<u8> for Stage {
    fn from(number: u8) -> Self {
        let all = [
            Self::Fork,
            Self::Unshare,
            Self::Map,
            Self::Namespace,
            Self::Mount,
            Self::Proc,
            Self::Loopback,
            Self::Killed,
        ];
        all.into_iter().find(|stage| *stage as u8 == number).unwrap_or(Self::Other)
    }
}

impl From<Stage> for u8 {
    fn from(stage: Stage) -> Self {
        stage as Self
    }
}

/// Why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Lower case, one line.
    pub reason: String,
    /// What an administrator or user can do; one line, with the exact command where there is one.
    pub remedy: String,
}

impl Cause {
    fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

/// As a command to type: the AppArmor profile that lets stockade make user namespaces where
/// `kernel.apparmor_restrict_unprivileged_userns` is on (Ubuntu since 23.10).
const APPARMOR_REMEDY: &str = "install stockade as /usr/bin/stockade and give it a profile: printf '%s\\n' \
    'abi <abi/4.0>,' 'include <tunables/global>' 'profile stockade /usr/bin/stockade flags=(unconfined) {' '  userns,' '}' \
    | sudo tee /etc/apparmor.d/stockade && sudo apparmor_parser -r /etc/apparmor.d/stockade; \
    or for all programs: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0";

const CONTAINER_REMEDY: &str = "in a container: start it with --security-opt seccomp=unconfined or a profile that allows \
    the call; in a unit: take RestrictNamespaces= and SystemCallFilter= out of it";

/// Explains a failure in making a user namespace or in what needs one. `host` tells who the caller
/// was before the attempt.
pub fn user_namespaces(errno: Errno, stage: Stage, host: &Host) -> Cause {
    Signs::read(Path::new("/proc")).explain(errno, stage, host)
}

/// Whether it is likely that a filter from outside has answered this, and what helps then.
pub fn filter_around(errno: Errno) -> Option<Cause> {
    let signs = Signs::read(Path::new("/proc"));
    let answers = matches!(errno, Errno::EPERM | Errno::EACCES | Errno::ENOSYS);
    (answers && signs.filtered)
        .then(|| Cause::new("a seccomp filter that was here before stockade may forbid it", CONTAINER_REMEDY))
}

/// Everything that /proc says about refusals.
#[derive(Clone, Debug, Default)]
struct Signs {
    /// user.max_KIND_namespaces that are 0, and the value of the one for users.
    exhausted: Option<&'static str>,
    max_user: Option<u64>,
    /// kernel.unprivileged_userns_clone (Debian, Arch).
    clone: Option<u64>,
    /// kernel.apparmor_restrict_unprivileged_userns (Ubuntu).
    apparmor: Option<u64>,
    /// The AppArmor or SELinux label of this process.
    label: String,
    /// Whether a seccomp filter was inherited.
    filtered: bool,
    /// Whether this is not the machine's own user namespace.
    nested: bool,
    /// What is mounted over parts of /proc.
    masks: Vec<PathBuf>,
    /// Whether the root directory is not the mount that processes get to by `/`: a chroot, or covered by another mount.
    chrooted: bool,
    /// Whether /proc is there to tell any of this.
    proc: bool,
}

/// Kinds in user.max_KIND_namespaces (namespaces(7)); `user` is the first to say why.
const KINDS: [&str; 8] = ["user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time"];

impl Signs {
    /// Reads them below `proc`, which tests put elsewhere.
    fn read(proc: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(proc.join(name)).unwrap_or_default();
        let number = |name: &str| text(name).trim().parse::<u64>().ok();
        let limit = |kind: &str| number(&format!("sys/user/max_{kind}_namespaces"));
        let status = text("thread-self/status");
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let map = text("self/uid_map");
        let map: Vec<&str> = map.split_whitespace().collect();
        let table = mounts::parse(&fs::read(proc.join("self/mountinfo")).unwrap_or_default());
        let below = |point: &Path| point != Path::new("/proc") && point.starts_with("/proc");
        Self {
            proc: proc.join("self").exists(),
            exhausted: KINDS.into_iter().find(|kind| limit(kind) == Some(0)),
            max_user: limit("user"),
            clone: number("sys/kernel/unprivileged_userns_clone"),
            apparmor: number("sys/kernel/apparmor_restrict_unprivileged_userns"),
            label: text("self/attr/current").trim_matches(['\0', '\n', ' ']).to_owned(),
            filtered: field("Seccomp:") == Some("2"),
            nested: !map.is_empty() && map != ["0", "0", "4294967295"],
            masks: table.iter().map(|mount| mount.point.clone()).filter(|point| below(point)).collect(),
            chrooted: !table.is_empty() && table.iter().filter(|mount| mount.point == Path::new("/")).count() != 1,
        }
    }

    /// The likeliest cause of this answer at this step.
    fn explain(&self, errno: Errno, stage: Stage, host: &Host) -> Cause {
        match (stage, errno) {
            (Stage::Killed, _) => {
                Cause::new("a seccomp filter that was here before stockade kills whoever tries", CONTAINER_REMEDY)
            }
            (_, Errno::EAGAIN) => Cause::new(
                "this user may have no more processes",
                "raise it: ulimit -u, or TasksMax= and LimitNPROC= in a unit",
            ),
            (Stage::Unshare | Stage::Namespace | Stage::Map, Errno::ENOSPC | Errno::EUSERS) => self.limit(),
            (_, Errno::ENOSYS) if self.filtered => {
                Cause::new("a seccomp filter that was here before stockade hides the call", CONTAINER_REMEDY)
            }
            (Stage::Unshare, Errno::EINVAL | Errno::ENOSYS) => Cause::new(
                "this kernel was built without user namespaces",
                "use a kernel with CONFIG_USER_NS=y, or run stockade as root",
            ),
            (Stage::Namespace, Errno::EINVAL | Errno::ENOSYS) => Cause::new(
                "this kernel was built without this kind of namespace",
                "use a kernel with CONFIG_NAMESPACES=y and all its kinds",
            ),
            (_, Errno::ENOSYS) => Cause::new("this kernel does not have the call", "use a newer kernel"),
            (Stage::Mount, Errno::ENOSPC) => Cause::new("there are too many mounts", "sudo sysctl fs.mount-max=200000"),
            (Stage::Unshare, _) => self.unshare(errno, host),
            // The maps are files there.
            (Stage::Map, Errno::ENOENT) => Cause::new("/proc is not mounted", "mount -t proc proc /proc"),
            (Stage::Map, _) => self.map(errno, host),
            (Stage::Proc, Errno::EPERM) if !self.masks.is_empty() => self.masked(),
            (_, Errno::EPERM | Errno::EACCES) => self.forbidden(errno, stage, host),
            _ => Cause::new(errno.desc().to_lowercase(), "stockade doctor"),
        }
    }

    /// A limit of namespaces(7) is reached.
    fn limit(&self) -> Cause {
        match (self.exhausted, self.nested) {
            (Some(kind), false) => Cause::new(
                format!("{kind} namespaces are switched off on this machine (user.max_{kind}_namespaces is 0)"),
                format!("sudo sysctl user.max_{kind}_namespaces=15000"),
            ),
            (Some(kind), true) => Cause::new(
                format!("{kind} namespaces are switched off inside this sandbox (user.max_{kind}_namespaces is 0)"),
                format!("start stockade outside of it, or as its root: sysctl user.max_{kind}_namespaces=15000"),
            ),
            (None, true) => Cause::new(
                "the sandbox or container around this one allows no more user namespaces, or they are nested deeper than 32",
                "start stockade outside of it, or raise user.max_user_namespaces there",
            ),
            (None, false) => {
                let now = self.max_user.unwrap_or(0);
                Cause::new(
                    format!("this user has as many namespaces as it may (user.max_user_namespaces is {now})"),
                    format!(
                        "end sandboxes that still run, or: sudo sysctl user.max_user_namespaces={}",
                        now.max(1) * 2
                    ),
                )
            }
        }
    }

    /// unshare(CLONE_NEWUSER) was refused.
    fn unshare(&self, errno: Errno, host: &Host) -> Cause {
        if errno == Errno::EPERM && self.clone == Some(0) && !host.privileged() {
            return Cause::new(
                "only root may make user namespaces on this machine (kernel.unprivileged_userns_clone is 0)",
                "sudo sysctl kernel.unprivileged_userns_clone=1",
            );
        }
        self.chroot(errno).unwrap_or_else(|| self.forbidden(errno, Stage::Unshare, host))
    }

    /// The root directory is not that of the mount namespace (current_chrooted in fs/namespace.c).
    fn chroot(&self, errno: Errno) -> Option<Cause> {
        (errno == Errno::EPERM && self.chrooted).then(|| {
            Cause::new(
                "user namespaces cannot be made inside a chroot, or below a mount that covers the root directory",
                "enter the directory with a mount namespace instead of chroot: RootDirectory=, or pivot_root(8)",
            )
        })
    }

    /// A user namespace could not be made for good, or its id maps not be written.
    fn map(&self, errno: Errno, host: &Host) -> Cause {
        if host.uid == 0 && errno == Errno::EPERM && !host.effective.has(Capability::CAP_SETFCAP) {
            return Cause::new(
                "root cannot be mapped into a user namespace without CAP_SETFCAP (since Linux 5.12)",
                "in a unit: add CAP_SETFCAP to CapabilityBoundingSet=, or set User=; in a container: --cap-add SETFCAP",
            );
        }
        self.chroot(errno).unwrap_or_else(|| self.forbidden(errno, Stage::Map, host))
    }

    /// A procfs would show more than the one that is there (mount_too_revealing in fs/namespace.c).
    fn masked(&self) -> Cause {
        let first = self.masks.first().map(|path| path.display().to_string()).unwrap_or_default();
        Cause::new(
            format!("parts of /proc are masked here ({first} and others), and a new /proc would show them"),
            "in a container: docker run --security-opt systempaths=unconfined, podman run --security-opt unmask=ALL; \
             in a unit: take ProtectKernelTunables=, ProtectKernelLogs= and InaccessiblePaths=/proc/… out of it",
        )
    }

    /// Somebody with a say in permissions said no: who?
    fn forbidden(&self, errno: Errno, stage: Stage, host: &Host) -> Cause {
        if self.apparmor.is_some_and(|value| value != 0) && !host.privileged() {
            return Cause::new(
                "AppArmor restricts user namespaces to programs with a profile \
                 (kernel.apparmor_restrict_unprivileged_userns is 1)",
                APPARMOR_REMEDY,
            );
        }
        let confined = !self.label.is_empty() && !self.label.starts_with("unconfined");
        if errno == Errno::EACCES || (confined && !self.filtered) {
            let label = if confined { format!(" (this process runs as {})", self.label) } else { String::new() };
            return Cause::new(
                format!("a security module forbids it{label}"),
                "see the denial: sudo journalctl -k -g 'apparmor|avc', and allow it in that policy",
            );
        }
        if self.filtered {
            return Cause::new("a seccomp filter that was here before stockade forbids it", CONTAINER_REMEDY);
        }
        match stage {
            Stage::Mount => Cause::new(
                "the mount came from outside of the user namespace with flags or mounts below it that are locked",
                "ask for the whole tree (with everything mounted below it), or run stockade as root",
            ),
            Stage::Proc => Cause::new(
                "no /proc that is whole can be seen here, and a new one would show more",
                "mount /proc where stockade is started: mount -t proc proc /proc",
            ),
            Stage::Namespace | Stage::Loopback if !host.privileged() => Cause::new(
                "it needs CAP_SYS_ADMIN or a user namespace",
                "run stockade as root, or allow user namespaces: stockade doctor",
            ),
            _ if !self.proc => Cause::new(
                format!(
                    "the kernel refuses: {}; why is told in /proc, which is not mounted",
                    errno.desc().to_lowercase()
                ),
                "mount -t proc proc /proc",
            ),
            _ => Cause::new(
                format!("the kernel refuses: {}", errno.desc().to_lowercase()),
                "see whether it says why: sudo dmesg | tail",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::capabilities::CapSet;

    /// A directory that stands in for /proc, removed in the end.
    struct Proc(PathBuf);

    impl Proc {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("stockade-diagnose-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                fs::write(path, text).expect("a file");
            }
            Self(root)
        }
    }

    impl Drop for Proc {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    const INITIAL: (&str, &str) = ("self/uid_map", "         0          0 4294967295\n");
    const USER: u32 = 1000;

    fn explain(name: &str, files: &[(&str, &str)], errno: Errno, stage: Stage, uid: u32) -> Cause {
        let proc = Proc::new(name, files);
        let effective = if uid == 0 { CapSet::EMPTY.with(Capability::CAP_SYS_ADMIN) } else { CapSet::EMPTY };
        Signs::read(&proc.0).explain(errno, stage, &Host { uid, effective, ..Host::default() })
    }

    #[track_caller]
    fn says(cause: &Cause, reason: &str, remedy: &str) {
        assert!(cause.reason.contains(reason), "{cause:?}");
        assert!(cause.remedy.contains(remedy), "{cause:?}");
        assert!(!cause.reason.contains('\n') && !cause.remedy.contains('\n'), "{cause:?}");
    }

    #[test]
    fn limits_of_namespaces() {
        let off = ("sys/user/max_user_namespaces", "0\n");
        let cause = explain("off", &[off, INITIAL], Errno::ENOSPC, Stage::Unshare, USER);
        says(&cause, "switched off on this machine", "sudo sysctl user.max_user_namespaces=15000");
        // Root enters one after it has made all others.
        assert_eq!(explain("off-late", &[off, INITIAL], Errno::ENOSPC, Stage::Map, 0), cause);
        let nested = ("self/uid_map", "0 1000 1\n");
        let cause = explain("off-in", &[off, nested], Errno::ENOSPC, Stage::Unshare, 0);
        says(&cause, "inside this sandbox", "as its root: sysctl user.max_user_namespaces");
        let some = ("sys/user/max_user_namespaces", "100\n");
        let cause = explain("full", &[some, INITIAL], Errno::ENOSPC, Stage::Unshare, USER);
        says(&cause, "is 100", "user.max_user_namespaces=200");
        let cause = explain("deep", &[some, nested], Errno::EUSERS, Stage::Unshare, USER);
        says(&cause, "nested deeper than 32", "outside");
        let net = ("sys/user/max_net_namespaces", "0\n");
        let cause = explain("net", &[some, net, INITIAL], Errno::ENOSPC, Stage::Namespace, 0);
        says(&cause, "net namespaces are switched off", "user.max_net_namespaces=");
    }

    #[test]
    fn switches_of_distributions() {
        let clone = ("sys/kernel/unprivileged_userns_clone", "0\n");
        let cause = explain("clone", &[clone], Errno::EPERM, Stage::Unshare, USER);
        says(&cause, "only root", "sudo sysctl kernel.unprivileged_userns_clone=1");
        let ubuntu = ("sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
        for (name, errno, stage) in [
            ("map", Errno::EPERM, Stage::Map),
            ("groups", Errno::EACCES, Stage::Map),
            ("unshare", Errno::EACCES, Stage::Unshare),
            ("lo", Errno::EPERM, Stage::Loopback),
        ] {
            let cause =
                explain(name, &[ubuntu, ("self/attr/current", "unprivileged_userns (enforce)\n")], errno, stage, USER);
            says(&cause, "AppArmor restricts", "apparmor_parser -r /etc/apparmor.d/stockade");
        }
        // Root is not restricted by that switch.
        let cause = explain("root", &[ubuntu], Errno::EPERM, Stage::Map, 0);
        says(&cause, "CAP_SETFCAP", "CapabilityBoundingSet=");
    }

    #[test]
    fn containers_and_units() {
        let filter = ("thread-self/status", "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n");
        let cause = explain("seccomp", &[filter], Errno::EPERM, Stage::Unshare, USER);
        says(&cause, "seccomp filter that was here before", "seccomp=unconfined");
        says(&explain("hide", &[filter], Errno::ENOSYS, Stage::Unshare, USER), "hides the call", "SystemCallFilter=");
        says(&explain("kill", &[], Errno::EPERM, Stage::Killed, USER), "kills", "RestrictNamespaces=");
        let masks = (
            "self/mountinfo",
            "1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / /proc rw - proc proc rw\n3 2 0:2 /asound /proc/asound ro - tmpfs t ro\n",
        );
        says(&explain("proc", &[masks], Errno::EPERM, Stage::Proc, USER), "masked here (/proc/asound", "unmask=ALL");
        let label = ("self/attr/current", "docker-default (enforce)\n");
        says(&explain("label", &[label], Errno::EACCES, Stage::Mount, 0), "runs as docker-default", "journalctl -k");
        says(&explain("lock", &[], Errno::EPERM, Stage::Mount, USER), "locked", "whole tree");
    }

    #[test]
    fn kernels_and_roots() {
        says(&explain("old", &[], Errno::EINVAL, Stage::Unshare, USER), "without user namespaces", "CONFIG_USER_NS");
        let chroot = ("self/mountinfo", "1 0 0:1 / /mnt rw - ext4 x rw\n");
        says(&explain("chroot", &[chroot], Errno::EPERM, Stage::Unshare, USER), "chroot", "RootDirectory=");
        let covered = ("self/mountinfo", "1 0 0:1 / / rw - ext4 x rw\n2 1 0:1 / / rw - ext4 x rw\n");
        says(&explain("covered", &[covered], Errno::EPERM, Stage::Unshare, USER), "covers the root", "pivot_root(8)");
        says(&explain("calls", &[], Errno::ENOSYS, Stage::Mount, 0), "does not have the call", "newer kernel");
        says(&explain("mounts", &[], Errno::ENOSPC, Stage::Mount, 0), "too many mounts", "fs.mount-max");
        says(&explain("none", &[INITIAL], Errno::EPERM, Stage::Unshare, USER), "operation not permitted", "dmesg");
        says(&explain("bare", &[], Errno::EPERM, Stage::Unshare, USER), "/proc, which is not mounted", "mount -t proc");
        says(&explain("unmapped", &[], Errno::ENOENT, Stage::Map, USER), "/proc is not mounted", "mount -t proc");
    }
}
