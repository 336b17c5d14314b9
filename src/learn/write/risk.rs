//! Needs that a policy must not grant in silence, and why.

use crate::learn::observed::Use;

/// Calls, and what somebody can do who has them.
const CALLS: &[(&[&str], &str)] = &[
    (
        &["ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd"],
        "takes over other processes of the same user",
    ),
    (&["bpf"], "loads programs into the kernel"),
    (&["perf_event_open"], "watches other processes and the kernel"),
    (
        &[
            "mount",
            "umount",
            "umount2",
            "move_mount",
            "open_tree",
            "fsopen",
            "fsmount",
            "fsconfig",
            "fspick",
            "mount_setattr",
            "pivot_root",
            "chroot",
            "swapon",
            "swapoff",
            "quotactl",
            "quotactl_fd",
        ],
        "changes what the file system is",
    ),
    (&["init_module", "finit_module", "delete_module", "create_module"], "changes the kernel"),
    (&["kexec_load", "kexec_file_load", "reboot"], "stops or replaces the kernel"),
    (&["iopl", "ioperm"], "reaches the hardware"),
    (&["add_key", "keyctl", "request_key"], "uses keys that are shared with other programs, and has had many holes"),
    (&["userfaultfd"], "makes races in the kernel easy to win"),
    (&["open_by_handle_at"], "opens files past every directory's permissions"),
    (&["io_uring_setup", "io_uring_enter", "io_uring_register"], "makes calls that no filter sees"),
    (
        &["settimeofday", "clock_settime", "clock_settime64", "stime", "adjtimex", "clock_adjtime", "clock_adjtime64"],
        "sets the machine's clock",
    ),
    (&["sethostname", "setdomainname"], "renames the machine"),
    (&["acct", "syslog", "fanotify_init", "lookup_dcookie", "vhangup", "nfsservctl"], "watches or disturbs all users"),
    (&["vm86", "vm86old", "modify_ldt"], "reaches old and weak corners of the kernel"),
    (&["execveat"], "executes programs that have no name"),
];

/// Why the call is dangerous.
pub(in crate::learn) fn call(name: &str) -> Option<&'static str> {
    CALLS.iter().find(|(names, _)| names.contains(&name)).map(|(_, why)| *why)
}

/// Capabilities, and what they amount to.
const CAPABILITIES: &[(&str, &str)] = &[
    ("CAP_SYS_ADMIN", "is as good as root"),
    ("CAP_SYS_PTRACE", "takes over every process"),
    ("CAP_SYS_MODULE", "changes the kernel"),
    ("CAP_SYS_RAWIO", "reaches the hardware"),
    ("CAP_SYS_BOOT", "stops the machine"),
    ("CAP_SYS_TIME", "sets the machine's clock"),
    ("CAP_BPF", "loads programs into the kernel"),
    ("CAP_PERFMON", "watches the kernel"),
    ("CAP_NET_ADMIN", "changes the machine's network"),
    ("CAP_DAC_READ_SEARCH", "reads every file"),
    ("CAP_MAC_ADMIN", "changes the machine's security policy"),
    ("CAP_MAC_OVERRIDE", "passes by the machine's security policy"),
    ("CAP_SYSLOG", "reads the kernel's log and addresses"),
];

/// Why the capability is dangerous.
pub(in crate::learn) fn capability(name: &str) -> Option<&'static str> {
    CAPABILITIES.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
}

/// Secrets: what lies there is not read in silence.
const SECRETS: &[&str] = &[
    "%h/.ssh",
    "%h/.gnupg",
    "%h/.aws",
    "%h/.azure",
    "%h/.kube",
    "%h/.docker",
    "%h/.netrc",
    "%h/.git-credentials",
    "%h/.pgpass",
    "%h/.my.cnf",
    "%h/.npmrc",
    "%h/.pypirc",
    "%h/.password-store",
    "%h/.mozilla",
    "%h/.thunderbird",
    "%h/.config/gcloud",
    "%h/.config/gh",
    "%h/.config/git/credentials",
    "%h/.config/rclone",
    "%h/.config/chromium",
    "%h/.config/google-chrome",
    "%h/.local/share/keyrings",
    "%h/.cargo/credentials",
    "%h/.cargo/credentials.toml",
    "%h/.bash_history",
    "%h/.zsh_history",
    "%h/.python_history",
    "%h/.vault-token",
    "%h/.terraform.d",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
    "/proc/kcore",
    "/proc/PID/mem",
    "/proc/PID/environ",
    "/dev/mem",
    "/dev/kmem",
    "/dev/port",
    "/home",
    "/root",
];

/// What decides what is executed later, or by others.
const DECIDE: &[&str] = &[
    "%h/.bashrc",
    "%h/.bash_profile",
    "%h/.bash_login",
    "%h/.bash_logout",
    "%h/.profile",
    "%h/.zshrc",
    "%h/.zshenv",
    "%h/.zprofile",
    "%h/.zlogin",
    "%h/.config/fish",
    "%h/.config/autostart",
    "%h/.config/systemd",
    "%h/.local/bin",
    "%h/.local/share/applications",
    "%h/bin",
    "%h/.gitconfig",
    "%h/.config/git",
    "%h/.vimrc",
    "%h/.xprofile",
    "%h/.xinitrc",
    "%h/.pam_environment",
    "%h/.config/environment.d",
    "%h/.cargo/bin",
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/boot",
    "/efi",
    "/opt",
    "/root",
    "/home",
    "/var/spool/cron",
    "/var/lib/systemd",
    "/var/lib/dpkg",
    "/var/lib/rpm",
    "/run/systemd",
    "/proc/sys",
    "/proc/sysrq-trigger",
    "/sys",
    "/dev/mem",
    "/dev/kmem",
    "/dev/port",
    "/dev/kmsg",
    "/dev/disk",
    "/dev/mapper",
];

/// Sockets whose other end does more than it is asked for.
pub(super) const SOCKETS: &[(&str, &str)] = &[
    ("/run/docker.sock", "whoever speaks to Docker is root"),
    ("/run/podman/podman.sock", "whoever speaks to podman is root"),
    ("/run/containerd/containerd.sock", "whoever speaks to containerd is root"),
    ("/run/crio/crio.sock", "whoever speaks to CRI-O is root"),
    ("/run/libvirt/libvirt-sock", "whoever speaks to libvirt is root"),
    ("/run/lxd/unix.socket", "whoever speaks to LXD is root"),
    ("/run/snapd.socket", "installs programs"),
    ("/run/systemd/private", "has systemd start programs outside"),
    ("/run/dbus/system_bus_socket", "has services on the bus act outside"),
    ("%t/bus", "has services on the bus start programs outside"),
    ("%t/systemd/private", "has systemd start programs outside"),
    ("%t/docker.sock", "starts programs outside"),
    ("%t/podman/podman.sock", "starts programs outside"),
    ("%t/keyring", "gives out passwords"),
    ("%t/gnupg", "signs and decrypts with the user's keys"),
    ("/tmp/.X11-unix", "sees every key and window of the screen"),
    ("%t/pipewire-0", "hears the microphone"),
];

/// Whether something dangerous is below a directory.
pub(super) fn holds(directory: &str) -> bool {
    let dangers = SECRETS.iter().chain(DECIDE).copied().chain(SOCKETS.iter().map(|(socket, _)| *socket));
    let below = |path: &str| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    dangers.into_iter().any(below)
}

/// Why this use of a path is dangerous.
pub(in crate::learn) fn path(path: &str, kind: Use) -> Option<&'static str> {
    let below = |base: &str| path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_disk = |path: &str| {
        ["/dev/sd", "/dev/nvme", "/dev/vd", "/dev/dm-", "/dev/loop"].iter().any(|disk| path.starts_with(disk))
    };
    match kind {
        Use::Look => None,
        Use::List => SECRETS.iter().any(|one| below(one) && one.starts_with("%h")).then_some("secrets are there"),
        Use::Connect => SOCKETS.iter().find(|(socket, _)| below(socket)).map(|(_, why)| *why),
        Use::Read if is_disk(path) => Some("reads the disk past all permissions"),
        Use::Read if path.starts_with("/etc/ssh/ssh_host_") && path.ends_with("_key") => Some("secrets are there"),
        Use::Read => SECRETS.iter().any(|one| below(one)).then_some("secrets are there"),
        Use::Write | Use::Create | Use::Remove => {
            if is_disk(path) {
                Some("writes to the disk past all permissions")
            } else if path != "/proc/PID/environ" && SECRETS.iter().any(|one| below(one)) {
                Some("changes secrets, or what others trust")
            } else {
                DECIDE.iter().any(|one| below(one)).then_some("decides what is executed later, or by others")
            }
        }
        Use::Execute => {
            let name = path.rsplit('/').next().unwrap_or_default();
            ["sudo", "su", "pkexec", "doas", "newuidmap", "newgidmap", "mount", "umount", "fusermount", "fusermount3"]
                .contains(&name)
                .then_some("becomes another user where privileges can be gained")
        }
    }
}

/// Why a directory should not be given as a whole, for reading or with changes: what lies in it.
pub(in crate::learn) fn within(path: &str, changes: bool) -> Option<&'static str> {
    // `%h` is one of these, too.
    let inside = |one: &&str| {
        let rest = one.strip_prefix(path.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if SECRETS.iter().any(inside) {
        return Some("opens a directory with secrets in it");
    }
    let decides = changes && DECIDE.iter().any(inside);
    decides.then_some("opens a directory with what decides about later programs in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dangerous_has_a_reason() {
        for (name, kind) in [
            ("%h/.ssh/id_ed25519", Use::Read),
            ("%h/.ssh/authorized_keys", Use::Create),
            ("%h/.bashrc", Use::Write),
            ("/etc/cron.d/x", Use::Create),
            ("/run/docker.sock", Use::Connect),
            ("/dev/sda", Use::Read),
            ("/home/bob/x", Use::Read),
        ] {
            assert!(path(name, kind).is_some(), "{name}");
        }
        for (name, kind) in
            [("%h/.sshx", Use::Read), ("/etc/passwd", Use::Read), ("/tmp", Use::Create), (".", Use::Write)]
        {
            assert!(path(name, kind).is_none(), "{name}");
        }
        for (name, changes) in
            [("%h", false), ("/", false), ("/etc", false), ("/root", true), ("%h/.config", true), ("/var", true)]
        {
            assert!(within(name, changes).is_some(), "{name}");
        }
        for (name, changes) in [("/usr", false), ("/var", false), ("/srv", true), ("/tmp", true), ("%h/work", true)] {
            assert!(within(name, changes).is_none(), "{name}");
        }
        assert!(call("ptrace").is_some() && call("read").is_none());
    }
}
