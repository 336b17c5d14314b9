//! What the target shall see of the file system.

use std::path::PathBuf;

/// A wish about one path. Later wishes for the same path are merged by `plan`: the strongest view
/// wins as systemd orders them, and the deepest path wins over its parents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountAsk {
    /// Absolute path in the target's world. `%h`-like specifiers are still in it, and `.` alone
    /// is the directory that stockade was started in.
    pub path: PathBuf,
    /// What to see there.
    pub view: View,
    /// `-` prefix: no fault when the path does not exist.
    pub optional: bool,
    /// Relative to RootDirectory: everything but the entries of the *Paths lists without a `+` prefix,
    /// which name paths of the host.
    pub rooted: bool,
}

/// What a path shall look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// Cannot be opened at all: a node of mode 000 and the same type covers it.
    Hidden,
    /// Read-only, with everything mounted below it.
    ReadOnly,
    /// Keeps the writability that it has outside (never gains any).
    ReadWrite,
    /// As ReadWrite, but gives way to any other wish for the same path (ProtectSystem=strict's exceptions).
    ReadWriteImplicit,
    /// Files below it cannot be executed.
    NoExec,
    /// Files below it can be executed again.
    Exec,
    /// A new tmpfs.
    Tmpfs(Tmpfs),
    /// Another path of the host.
    Bind(Bind),
    /// A new /dev with the harmless nodes only.
    Devices,
    /// A new procfs.
    Proc(Proc),
    /// A new sysfs, which shows the own network namespace; the old one stays where none may be mounted.
    Sysfs,
    /// A new POSIX message queue file system.
    Mqueue,
    /// A new BPF file system.
    Bpf,
    /// Directories of the same name in these directories of the host, the last on top, over what is there;
    /// each with whether it may be missing. Read-only.
    Layers(Vec<(PathBuf, bool)>),
    /// The secrets of the policy.
    Credentials,
    /// A new cgroup2 file system.
    Cgroup {
        /// Whether it can be written.
        read_only: bool,
    },
}

/// Options of a tmpfs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of mount(2)")]
pub struct Tmpfs {
    /// Mode bits of its root.
    pub mode: u32,
    /// Options for the kernel besides the mode, as in tmpfs(5): `size=10%`, `nr_inodes=400k`.
    pub options: Vec<String>,
    /// Made read-only after everything below it is in place.
    pub read_only: bool,
    /// `noexec` was asked for.
    pub no_exec: bool,
    /// `suid` is off unless asked for; true here adds nosuid.
    pub no_suid: bool,
    /// `nodev`, on by default.
    pub no_dev: bool,
}

/// Whether mounts are passed on between namespaces (mount_namespaces(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Both ways, between the target and what it starts.
    Shared,
    /// From the host only.
    Slave,
    /// Not at all.
    Private,
}

/// A bind mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The host's path.
    pub source: PathBuf,
    /// With everything mounted below the source.
    pub recursive: bool,
    /// Made read-only.
    pub read_only: bool,
}

/// Options of a procfs (proc(5), Linux 5.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proc {
    /// `hidepid=`: `noaccess`, `invisible` or `ptraceable`.
    pub hidepid: Option<&'static str>,
    /// `subset=pid`.
    pub subset_pid: bool,
}
