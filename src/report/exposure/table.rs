//! The lines of systemd's exposure table, in words of our own: what each says of a service, and what it looks at.
//!
//! Names, order and meaning are those of systemd 252 (src/analyze/analyze-security.c); weights and ranges stand with the
//! directives, see [`crate::policy::exposures`].

use caps::Capability;
use caps::Capability::{
    CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_AUDIT_WRITE, CAP_BLOCK_SUSPEND, CAP_BPF, CAP_CHOWN, CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_KILL, CAP_LEASE, CAP_LINUX_IMMUTABLE,
    CAP_MAC_ADMIN, CAP_MAC_OVERRIDE, CAP_MKNOD, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_RAW,
    CAP_SETFCAP, CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_CHROOT, CAP_SYS_MODULE,
    CAP_SYS_NICE, CAP_SYS_PACCT, CAP_SYS_PTRACE, CAP_SYS_RAWIO, CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG,
    CAP_SYSLOG, CAP_WAKE_ALARM,
};

use crate::draft::namespaces::Namespace;

use super::settings::{Family, Settings};

/// One line.
pub(super) struct Row {
    /// systemd's `json_field`.
    pub(super) id: &'static str,
    /// systemd's name for it.
    pub(super) name: &'static str,
    /// What holds when it is bad.
    pub(super) open: &'static str,
    /// What holds when it is good.
    pub(super) closed: &'static str,
    /// What it looks at in a unit.
    pub(super) test: Test,
}

/// What a line looks at.
pub(super) enum Test {
    /// The setting that the line is named after: bad while it is off.
    Off,
    /// The same, but services of the early boot are not judged.
    OffLate,
    /// Bad while one of these capabilities is left.
    Left(&'static [Capability]),
    /// Bad while such a namespace can be made.
    Makes(Namespace),
    /// Bad while such a socket can be made.
    Opens(Family),
    /// Bad while a call of this group can be made.
    Calls(&'static str),
    /// Anything else.
    Other(fn(&Settings) -> Option<u32>),
}

const fn off(id: &'static str, name: &'static str, open: &'static str, closed: &'static str) -> Row {
    Row { id, name, open, closed, test: Test::Off }
}

const fn other(
    id: &'static str,
    name: &'static str,
    open: &'static str,
    closed: &'static str,
    test: fn(&Settings) -> Option<u32>,
) -> Row {
    Row { id, name, open, closed, test: Test::Other(test) }
}

const fn left(
    id: &'static str,
    name: &'static str,
    open: &'static str,
    closed: &'static str,
    capabilities: &'static [Capability],
) -> Row {
    Row { id, name, open, closed, test: Test::Left(capabilities) }
}

const fn makes(id: &'static str, name: &'static str, open: &'static str, closed: &'static str, kind: Namespace) -> Row {
    Row { id, name, open, closed, test: Test::Makes(kind) }
}

const fn opens(id: &'static str, name: &'static str, open: &'static str, closed: &'static str, family: Family) -> Row {
    Row { id, name, open, closed, test: Test::Opens(family) }
}

const fn calls(id: &'static str, name: &'static str, group: &'static str) -> Row {
    Row {
        id,
        name,
        open: "can make calls of the group",
        closed: "cannot make calls of the group",
        test: Test::Calls(group),
    }
}

/// The table.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    other("UserOrDynamicUser", "User=/DynamicUser=", "runs as root, or as nobody", "runs as a user of its own", |unit| Some(unit.user_badness())),
    other("SupplementaryGroups", "SupplementaryGroups=", "is in further groups", "is in no further groups", Settings::further_groups),
    off("PrivateDevices", "PrivateDevices=", "sees the devices of the machine", "sees harmless devices only"),
    off("PrivateMounts", "PrivateMounts=", "can mount for everybody", "can mount for itself only"),
    off("PrivateNetwork", "PrivateNetwork=", "reaches the network", "has no network but its own loopback"),
    Row { id: "PrivateTmp", name: "PrivateTmp=", open: "shares /tmp with others", closed: "has a /tmp of its own", test: Test::OffLate },
    off("PrivateUsers", "PrivateUsers=", "sees all users as they are", "sees its own user only"),
    off("ProtectClock", "ProtectClock=", "may set the clocks", "cannot set the clocks"),
    off("ProtectControlGroups", "ProtectControlGroups=", "may change control groups", "cannot change control groups"),
    off("ProtectKernelLogs", "ProtectKernelLogs=", "may read the kernel's log", "cannot read the kernel's log"),
    off("ProtectKernelModules", "ProtectKernelModules=", "may load and read kernel modules", "cannot load or read kernel modules"),
    off("ProtectKernelTunables", "ProtectKernelTunables=", "may change the kernel's settings (/proc/sys)", "cannot change the kernel's settings"),
    off("ProtectHostname", "ProtectHostname=", "may change the host's name", "cannot change the host's name"),
    other("ProtectHome", "ProtectHome=", "sees home directories", "sees no home directories", |unit| unit.late(unit.home)),
    other("ProtectSystem", "ProtectSystem=", "may write the system's files", "cannot write the system's files", |unit| unit.late(unit.system)),
    other("ProtectProc", "ProtectProc=", "sees other users' processes", "sees its own processes only", |unit| Some(unit.proc)),
    off("ProcSubset", "ProcSubset=", "sees all of /proc", "sees processes only in /proc"),
    other("RootDirectoryOrRootImage", "RootDirectory=/RootImage=", "lives in the host's root", "has a root directory of its own", |unit| unit.late(u32::from(!unit.is("RootDirectoryOrRootImage")))),
    off("LockPersonality", "LockPersonality=", "may change its execution domain", "cannot change its execution domain"),
    off("MemoryDenyWriteExecute", "MemoryDenyWriteExecute=", "may write memory that it executes", "cannot write memory that it executes"),
    off("NoNewPrivileges", "NoNewPrivileges=", "may gain privileges by executing programs", "cannot gain privileges by executing programs"),
    left("CapabilityBoundingSet_CAP_SYS_ADMIN", "CapabilityBoundingSet=~CAP_SYS_ADMIN", "may become an administrator", "cannot become an administrator", &[CAP_SYS_ADMIN]),
    left("CapabilityBoundingSet_CAP_SET_UID_GID_PCAP", "CapabilityBoundingSet=~CAP_SET(UID|GID|PCAP)", "may change its user, group and capabilities", "cannot change its user, group or capabilities", &[CAP_SETUID, CAP_SETGID, CAP_SETPCAP]),
    left("CapabilityBoundingSet_CAP_SYS_PTRACE", "CapabilityBoundingSet=~CAP_SYS_PTRACE", "may trace all processes", "cannot trace others' processes", &[CAP_SYS_PTRACE]),
    left("CapabilityBoundingSet_CAP_SYS_TIME", "CapabilityBoundingSet=~CAP_SYS_TIME", "may set the clock", "cannot set the clock", &[CAP_SYS_TIME]),
    left("CapabilityBoundingSet_CAP_NET_ADMIN", "CapabilityBoundingSet=~CAP_NET_ADMIN", "may configure the network", "cannot configure the network", &[CAP_NET_ADMIN]),
    left("CapabilityBoundingSet_CAP_SYS_RAWIO", "CapabilityBoundingSet=~CAP_SYS_RAWIO", "may use I/O ports and raw memory", "cannot use I/O ports or raw memory", &[CAP_SYS_RAWIO]),
    left("CapabilityBoundingSet_CAP_SYS_MODULE", "CapabilityBoundingSet=~CAP_SYS_MODULE", "may load kernel modules", "cannot load kernel modules", &[CAP_SYS_MODULE]),
    left("CapabilityBoundingSet_CAP_AUDIT", "CapabilityBoundingSet=~CAP_AUDIT_*", "reaches the audit system", "does not reach the audit system", &[CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_AUDIT_WRITE]),
    left("CapabilityBoundingSet_CAP_SYSLOG", "CapabilityBoundingSet=~CAP_SYSLOG", "reaches the kernel's log", "does not reach the kernel's log", &[CAP_SYSLOG]),
    left("CapabilityBoundingSet_CAP_SYS_NICE_RESOURCE", "CapabilityBoundingSet=~CAP_SYS_(NICE|RESOURCE)", "may go beyond priorities and limits", "cannot go beyond priorities and limits", &[CAP_SYS_NICE, CAP_SYS_RESOURCE]),
    left("CapabilityBoundingSet_CAP_MKNOD", "CapabilityBoundingSet=~CAP_MKNOD", "may make device nodes", "cannot make device nodes", &[CAP_MKNOD]),
    left("CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP", "CapabilityBoundingSet=~CAP_(CHOWN|FSETID|SETFCAP)", "may give files any owner, mode and capability", "cannot give files other owners or capabilities", &[CAP_CHOWN, CAP_FSETID, CAP_SETFCAP]),
    left("CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER", "CapabilityBoundingSet=~CAP_(DAC_*|FOWNER|IPC_OWNER)", "may ignore permissions of files and IPC", "cannot ignore permissions of files or IPC", &[CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_IPC_OWNER]),
    left("CapabilityBoundingSet_CAP_KILL", "CapabilityBoundingSet=~CAP_KILL", "may send signals to all processes", "cannot send signals to others' processes", &[CAP_KILL]),
    left("CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)", "CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW)", "may use low ports and raw sockets", "cannot use low ports or raw sockets", &[CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_RAW]),
    left("CapabilityBoundingSet_CAP_SYS_BOOT", "CapabilityBoundingSet=~CAP_SYS_BOOT", "may reboot", "cannot reboot", &[CAP_SYS_BOOT]),
    left("CapabilityBoundingSet_CAP_MAC", "CapabilityBoundingSet=~CAP_MAC_*", "may change labels of security modules", "cannot change labels of security modules", &[CAP_MAC_ADMIN, CAP_MAC_OVERRIDE]),
    left("CapabilityBoundingSet_CAP_LINUX_IMMUTABLE", "CapabilityBoundingSet=~CAP_LINUX_IMMUTABLE", "may make files immutable", "cannot make files immutable", &[CAP_LINUX_IMMUTABLE]),
    left("CapabilityBoundingSet_CAP_IPC_LOCK", "CapabilityBoundingSet=~CAP_IPC_LOCK", "may lock any amount of memory", "cannot lock more memory than its limit", &[CAP_IPC_LOCK]),
    left("CapabilityBoundingSet_CAP_SYS_CHROOT", "CapabilityBoundingSet=~CAP_SYS_CHROOT", "may change its root", "cannot change its root", &[CAP_SYS_CHROOT]),
    left("CapabilityBoundingSet_CAP_BLOCK_SUSPEND", "CapabilityBoundingSet=~CAP_BLOCK_SUSPEND", "may keep the machine awake", "cannot keep the machine awake", &[CAP_BLOCK_SUSPEND]),
    left("CapabilityBoundingSet_CAP_WAKE_ALARM", "CapabilityBoundingSet=~CAP_WAKE_ALARM", "may wake the machine up", "cannot wake the machine up", &[CAP_WAKE_ALARM]),
    left("CapabilityBoundingSet_CAP_LEASE", "CapabilityBoundingSet=~CAP_LEASE", "may take leases on files", "cannot take leases on others' files", &[CAP_LEASE]),
    left("CapabilityBoundingSet_CAP_SYS_TTY_CONFIG", "CapabilityBoundingSet=~CAP_SYS_TTY_CONFIG", "may hang up terminals", "cannot hang up terminals", &[CAP_SYS_TTY_CONFIG]),
    left("CapabilityBoundingSet_CAP_BPF", "CapabilityBoundingSet=~CAP_BPF", "may load BPF programs", "cannot load BPF programs", &[CAP_BPF]),
    left("CapabilityBoundingSet_CAP_SYS_PACCT", "CapabilityBoundingSet=~CAP_SYS_PACCT", "may switch accounting", "cannot switch accounting", &[CAP_SYS_PACCT]),
    other("UMask", "UMask=", "makes files that others can read or write", "makes files for its own user only", |unit| Some(unit.umask_badness())),
    off("KeyringMode", "KeyringMode=", "shares keys with others", "has a keyring of its own"),
    off("NotifyAccess", "NotifyAccess=", "lets every child report the service's state", "lets the main process report its state"),
    other("RemoveIPC", "RemoveIPC=", "may leave IPC objects behind", "leaves no IPC objects behind", |unit| (!unit.is_root()).then(|| u32::from(!unit.is("RemoveIPC")))),
    off("Delegate", "Delegate=", "manages control groups of its own", "manages no control groups"),
    off("RestrictRealtime", "RestrictRealtime=", "may run in real time", "cannot run in real time"),
    off("RestrictSUIDSGID", "RestrictSUIDSGID=", "may make set-user-id files", "cannot make set-user-id files"),
    makes("RestrictNamespaces_user", "RestrictNamespaces=~user", "may make user namespaces", "cannot make user namespaces", Namespace::User),
    makes("RestrictNamespaces_mnt", "RestrictNamespaces=~mnt", "may make mount namespaces", "cannot make mount namespaces", Namespace::Mnt),
    makes("RestrictNamespaces_ipc", "RestrictNamespaces=~ipc", "may make IPC namespaces", "cannot make IPC namespaces", Namespace::Ipc),
    makes("RestrictNamespaces_pid", "RestrictNamespaces=~pid", "may make PID namespaces", "cannot make PID namespaces", Namespace::Pid),
    makes("RestrictNamespaces_cgroup", "RestrictNamespaces=~cgroup", "may make cgroup namespaces", "cannot make cgroup namespaces", Namespace::Cgroup),
    makes("RestrictNamespaces_net", "RestrictNamespaces=~net", "may make network namespaces", "cannot make network namespaces", Namespace::Net),
    makes("RestrictNamespaces_uts", "RestrictNamespaces=~uts", "may make UTS namespaces", "cannot make UTS namespaces", Namespace::Uts),
    opens("RestrictAddressFamilies_AF_INET_INET6", "RestrictAddressFamilies=~AF_(INET|INET6)", "may use Internet sockets", "cannot use Internet sockets", Family::Inet),
    opens("RestrictAddressFamilies_AF_UNIX", "RestrictAddressFamilies=~AF_UNIX", "may use local sockets", "cannot use local sockets", Family::Unix),
    opens("RestrictAddressFamilies_AF_NETLINK", "RestrictAddressFamilies=~AF_NETLINK", "may use netlink sockets", "cannot use netlink sockets", Family::Netlink),
    opens("RestrictAddressFamilies_AF_PACKET", "RestrictAddressFamilies=~AF_PACKET", "may use packet sockets", "cannot use packet sockets", Family::Packet),
    opens("RestrictAddressFamilies_OTHER", "RestrictAddressFamilies=~…", "may use rare kinds of sockets", "cannot use rare kinds of sockets", Family::Other),
    other("SystemCallArchitectures", "SystemCallArchitectures=", "can make calls of foreign architectures", "can make calls of the native architecture only", |unit| Some(unit.architectures())),
    calls("SystemCallFilter_swap", "SystemCallFilter=~@swap", "@swap"),
    calls("SystemCallFilter_obsolete", "SystemCallFilter=~@obsolete", "@obsolete"),
    calls("SystemCallFilter_clock", "SystemCallFilter=~@clock", "@clock"),
    calls("SystemCallFilter_cpu_emulation", "SystemCallFilter=~@cpu-emulation", "@cpu-emulation"),
    calls("SystemCallFilter_debug", "SystemCallFilter=~@debug", "@debug"),
    calls("SystemCallFilter_mount", "SystemCallFilter=~@mount", "@mount"),
    calls("SystemCallFilter_module", "SystemCallFilter=~@module", "@module"),
    calls("SystemCallFilter_raw_io", "SystemCallFilter=~@raw-io", "@raw-io"),
    calls("SystemCallFilter_reboot", "SystemCallFilter=~@reboot", "@reboot"),
    calls("SystemCallFilter_privileged", "SystemCallFilter=~@privileged", "@privileged"),
    calls("SystemCallFilter_resources", "SystemCallFilter=~@resources", "@resources"),
    other("IPAddressDeny", "IPAddressDeny=", "exchanges packets with any address", "exchanges packets with no address", |unit| Some(unit.addresses)),
    other("DeviceAllow", "DeviceAllow=", "has no list of devices, or one with devices of its own", "has the shortest list of devices", |unit| Some(unit.devices)),
    off("AmbientCapabilities", "AmbientCapabilities=", "starts with capabilities", "starts without capabilities"),
];
