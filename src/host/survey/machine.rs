//! What the machine is set to, and what was inherited.

use std::fs;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::host::cgroup;
use crate::host::diagnose::{Cause, Stage};
use crate::host::mounts;
use crate::sys::trial;

use super::{Can, Check, Lab};

/// All of them, read below `root`, which tests put elsewhere.
pub(super) fn checks(lab: &Lab<'_>, root: &Path) -> Vec<Check> {
    let files = Files { root };
    vec![
        files.filters(),
        files.no_new_privs(),
        files.terminal(),
        files.tracing(),
        files.log(),
        files.cgroup(),
        thirty_two(lab),
        libseccomp(),
    ]
}

/// What helps where nothing can be read.
const PROC: &str = "mount -t proc proc /proc";

/// The machine's files.
struct Files<'a> {
    root: &'a Path,
}

/// Why and what to do.
fn cause(reason: impl Into<String>, remedy: impl Into<String>) -> Cause {
    Cause { reason: reason.into(), remedy: remedy.into() }
}

impl Files<'_> {
    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok().map(|text| text.trim().to_owned())
    }

    /// A number from the status of this thread, whose children try things.
    fn status(&self, field: &str) -> Option<u32> {
        let status = self.text("proc/thread-self/status")?;
        status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')?.trim().parse().ok())
    }

    fn no_new_privs(&self) -> Check {
        let name = "setuid programs inside";
        if self.status("NoNewPrivs") == Some(1) {
            let reason = "no_new_privs is set already and cannot be taken back";
            let remedy = "start stockade from a shell without it; in a unit: NoNewPrivileges=no";
            let cost = "sudo, ping and other setuid programs gain nothing in any sandbox started here";
            return Check::gap(name, Can::Partly, cost, cause(reason, remedy)).fact();
        }
        Check::yes(name, "as the policy says").fact()
    }

    fn filters(&self) -> Check {
        let name = "no filter inherited";
        if self.status("Seccomp") != Some(2) {
            return Check::yes(name, "");
        }
        let count = self.status("Seccomp_filters").map_or("some".to_owned(), |count| count.to_string());
        let reason = format!("whoever started stockade had {count} of them in force");
        let remedy = "start stockade outside of that sandbox or container";
        let cost = "what the seccomp filters around stockade refuse stays refused, whatever the policy allows";
        Check::gap(name, Can::Partly, cost, cause(reason, remedy))
    }

    fn terminal(&self) -> Check {
        let name = "no typing into the terminal";
        let cost = "a target that keeps your terminal can type commands into it (TIOCSTI), \
                    unless the policy denies that ioctl";
        let check = match self.text("proc/sys/dev/tty/legacy_tiocsti").as_deref() {
            Some("0") => Check::yes(name, ""),
            Some(_) => {
                let remedy = "sudo sysctl dev.tty.legacy_tiocsti=0";
                Check::gap(name, Can::Partly, cost, cause("dev.tty.legacy_tiocsti is 1", remedy))
            }
            None => {
                let reason = "this kernel cannot switch it off (Linux 6.2 can)";
                let remedy = "deny it in the policy: a [[Seccomp.Rule]] with Syscalls = [\"ioctl\"], \
                              Args = [\"arg1 == 0x5412\"], Action = \"errno:EPERM\"";
                Check::gap(name, Can::Partly, cost, cause(reason, remedy))
            }
        };
        check.fact()
    }

    fn tracing(&self) -> Check {
        let name = "no tracing of other programs";
        let cost = "a target without a user namespace of its own and without Landlock can trace your other programs, \
                    unless the policy denies ptrace (SystemCallFilter=~@debug)";
        let scope = self.text("proc/sys/kernel/yama/ptrace_scope");
        match scope.as_deref() {
            None => {
                let remedy = "use a kernel with CONFIG_SECURITY_YAMA=y and yama in its lsm= list";
                Check::gap(name, Can::Partly, cost, cause("the yama security module is not in this kernel", remedy))
            }
            Some("0") => {
                let remedy = "sudo sysctl kernel.yama.ptrace_scope=1";
                Check::gap(name, Can::Partly, cost, cause("kernel.yama.ptrace_scope is 0", remedy))
            }
            Some(scope) => Check::yes(name, format!("kernel.yama.ptrace_scope is {scope}")),
        }
        .fact()
    }

    fn log(&self) -> Check {
        let name = "denials in the kernel's log";
        let cost = "SystemCallLog and Action = \"log\" leave no trace";
        let Some(logged) = self.text("proc/sys/kernel/seccomp/actions_logged") else {
            let reason = "/proc/sys/kernel/seccomp/actions_logged cannot be read";
            return Check::gap(name, Can::Partly, cost, cause(reason, PROC)).fact();
        };
        if logged.split_whitespace().any(|action| action == "log") {
            return Check::yes(name, logged).fact();
        }
        let remedy = format!("sudo sysctl kernel.seccomp.actions_logged='{}'", format!("{logged} log").trim());
        let reason = "kernel.seccomp.actions_logged does not list log";
        Check::gap(name, Can::Partly, cost, cause(reason, remedy)).fact()
    }

    fn cgroup(&self) -> Check {
        let name = "a cgroup of our own";
        let cost =
            "memory and task limits for a sandbox are for whoever starts stockade to set (systemd-run -p MemoryMax=)";
        let remedy = "start it in a delegated scope: systemd-run --user --scope -p Delegate=yes -- COMMAND";
        let table = mounts::parse(&fs::read(self.root.join("proc/self/mountinfo")).unwrap_or_default());
        let Some(mount) = table.iter().find(|mount| mount.fstype == "cgroup2") else {
            let there = self.root.join("proc/self").exists();
            let missing = if there { "no cgroup v2 is mounted" } else { "/proc is not mounted" };
            let remedy = if there { cgroup::REMEDY } else { PROC };
            return Check::gap(name, Can::No, cost, cause(missing, remedy)).fact();
        };
        let own = self.text("proc/self/cgroup").unwrap_or_default();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        let mounted = mount.point.strip_prefix("/").unwrap_or(&mount.point);
        let group = self.root.join(mounted).join(own);
        let writable = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
        if !(writable(&group) && writable(&group.join("cgroup.procs"))) {
            return Check::gap(name, Can::No, cost, cause("this cgroup is not delegated to this user", remedy)).fact();
        }
        let controllers = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
        let has = |name: &str| controllers.split_whitespace().any(|controller| controller == name);
        if has("memory") && has("pids") {
            return Check::yes(name, controllers.trim()).fact();
        }
        Check::gap(name, Can::Partly, cost, cause("its memory and pids controllers are not delegated", remedy)).fact()
    }
}

/// Whether 32-bit programs run: the i386 entry is a second door that filters must watch.
fn thirty_two(lab: &Lab<'_>) -> Check {
    let name = "32-bit programs";
    let tried = lab.plain(|| trial::getpid_i386().map_err(|errno| (Stage::Other, errno)));
    if tried.is_ok() {
        return Check::yes(name, "a filter kills them unless SystemCallArchitectures lists them").fact();
    }
    let reason = "the kernel has no 32-bit entry (CONFIG_IA32_EMULATION), or a filter closes it";
    let remedy = "none is needed, unless the target is such a program";
    Check::gap(name, Can::No, "they do not run here, in a sandbox or out of it", cause(reason, remedy)).fact()
}

/// The library that names system calls.
fn libseccomp() -> Check {
    let name = "libseccomp";
    match libseccomp::ScmpVersion::current() {
        Ok(version) => Check::yes(name, version.to_string()).fact(),
        Err(error) => {
            let remedy = "report this: it is built into stockade";
            let cost = "names of system calls on other architectures are not known";
            Check::gap(name, Can::No, cost, cause(error.to_string(), remedy)).fact()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A directory that stands in for `/`, removed in the end.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("stockade-machine-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                fs::write(path, text).expect("a file");
            }
            Self(root)
        }

        fn files(&self) -> Files<'_> {
            Files { root: &self.0 }
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    const STATUS: &str = "proc/thread-self/status";

    #[test]
    fn inherited_restrictions_are_told() {
        let free = Root::new("free", &[(STATUS, "NoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n")]);
        assert_eq!(free.files().no_new_privs().can, Can::Yes);
        assert_eq!(free.files().filters().can, Can::Yes);
        let bound = Root::new("bound", &[(STATUS, "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t34\n")]);
        assert!(bound.files().no_new_privs().cost.contains("sudo"));
        assert!(bound.files().filters().reason.contains("34"));
        let old = Root::new("old", &[(STATUS, "Seccomp:\t2\n")]);
        assert!(old.files().filters().reason.contains("some"));
    }

    #[test]
    fn switches() {
        let safe = Root::new(
            "safe",
            &[
                ("proc/sys/dev/tty/legacy_tiocsti", "0\n"),
                ("proc/sys/kernel/yama/ptrace_scope", "1\n"),
                ("proc/sys/kernel/seccomp/actions_logged", "kill_process log\n"),
            ],
        );
        assert_eq!(safe.files().terminal().can, Can::Yes);
        assert_eq!(safe.files().tracing().can, Can::Yes);
        assert_eq!(safe.files().log().can, Can::Yes);
        let lax = Root::new(
            "lax",
            &[
                ("proc/sys/dev/tty/legacy_tiocsti", "1\n"),
                ("proc/sys/kernel/yama/ptrace_scope", "0\n"),
                ("proc/sys/kernel/seccomp/actions_logged", "kill_process errno\n"),
            ],
        );
        assert_eq!(lax.files().terminal().remedy, "sudo sysctl dev.tty.legacy_tiocsti=0");
        assert_eq!(lax.files().tracing().remedy, "sudo sysctl kernel.yama.ptrace_scope=1");
        let remedy = lax.files().log().remedy;
        assert_eq!(remedy, "sudo sysctl kernel.seccomp.actions_logged='kill_process errno log'");
        let none = Root::new("none", &[("proc/version", "")]);
        assert!(none.files().terminal().remedy.contains("0x5412"));
        assert!(none.files().tracing().reason.contains("yama"));
    }

    #[test]
    fn a_cgroup_is_ours_when_it_can_be_written() {
        let table = "1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let whole = [
            ("proc/self/mountinfo", table),
            ("proc/self/cgroup", "1:cpu:/x\n0::/user/app\n"),
            ("sys/fs/cgroup/user/app/cgroup.procs", ""),
            ("sys/fs/cgroup/user/app/cgroup.controllers", "cpu memory pids\n"),
        ];
        assert_eq!(Root::new("cgroup", &whole).files().cgroup().can, Can::Yes);
        assert_eq!(Root::new("part", &whole[..3]).files().cgroup().can, Can::Partly);
        assert_eq!(Root::new("gone", &whole[..2]).files().cgroup().can, Can::No);
        let old = Root::new("v1", &whole[1..]).files().cgroup();
        assert!(old.reason.contains("no cgroup v2") && old.remedy.contains("unified_cgroup_hierarchy=1"), "{old:?}");
        let bare = Root::new("bare", &[]);
        assert!(bare.files().cgroup().remedy.contains("mount -t proc"));
        assert!(bare.files().log().remedy.contains("mount -t proc"));
    }
}
