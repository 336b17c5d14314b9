//! System calls that sandboxes have been left by, and why each is one.

use caps::Capability;

use crate::draft::capabilities::CapSet;

use super::calls::{Program, Verdict};

/// A dangerous call that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Danger {
    /// The call, with the argument that makes it one where there is such: `ioctl(TIOCSTI)`.
    pub call: &'static str,
    /// Why, in a few words.
    pub reason: &'static str,
    /// What becomes of it.
    pub verdict: Verdict,
    /// The capability that it needs, if any.
    pub needs: Option<Capability>,
    /// Whether that can be had: it is left, or can be had in a user namespace that the target makes, where that is enough.
    pub effective: bool,
}

/// What is looked for: call, argument and its value, reason, capability.
type Look = (&'static str, Option<(usize, u64)>, &'static str, Option<Capability>);

const ADMIN: Option<Capability> = Some(Capability::CAP_SYS_ADMIN);

const NEW_USER: Option<(usize, u64)> = Some((0, 0x1000_0000));

const LOOKS: &[(&str, Look)] = &[
    ("ptrace", ("ptrace", None, "reads and changes other processes of the same user", None)),
    ("process_vm_readv", ("process_vm_readv", None, "reads the memory of other processes of the same user", None)),
    ("process_vm_writev", ("process_vm_writev", None, "writes the memory of other processes of the same user", None)),
    ("pidfd_getfd", ("pidfd_getfd", None, "takes open files away from other processes of the same user", None)),
    ("kcmp", ("kcmp", None, "compares kernel addresses of other processes", None)),
    ("bpf", ("bpf", None, "loads programs into the kernel", Some(Capability::CAP_BPF))),
    ("perf_event_open", ("perf_event_open", None, "watches the kernel and other processes; often had holes", None)),
    ("userfaultfd", ("userfaultfd", None, "stops the kernel in mid-copy, which makes races in it easy to win", None)),
    (
        "io_uring_setup",
        ("io_uring_setup", None, "does file and socket calls that no filter sees; often had holes", None),
    ),
    ("keyctl", ("keyctl", None, "reaches keys of the user, which have no namespaces", None)),
    ("add_key", ("add_key", None, "puts keys into keyrings, which have no namespaces", None)),
    ("request_key", ("request_key", None, "makes the kernel start a program outside the sandbox", None)),
    ("clone(CLONE_NEWUSER)", ("clone", NEW_USER, "makes a user namespace with all capabilities in it", None)),
    ("unshare(CLONE_NEWUSER)", ("unshare", NEW_USER, "makes a user namespace with all capabilities in it", None)),
    ("clone3", ("clone3", None, "makes namespaces: its flags are in memory, where no filter sees them", None)),
    ("setns", ("setns", None, "enters namespaces that it has a descriptor of", ADMIN)),
    ("mount", ("mount", None, "changes what is where in the file system", ADMIN)),
    ("umount2", ("umount2", None, "takes away mounts that hide something", ADMIN)),
    ("pivot_root", ("pivot_root", None, "changes the root directory", ADMIN)),
    ("fsopen", ("fsopen", None, "opens file systems to mount, whose parsers often had holes", ADMIN)),
    ("move_mount", ("move_mount", None, "puts mounts over others", ADMIN)),
    ("mount_setattr", ("mount_setattr", None, "makes read-only mounts writable", ADMIN)),
    (
        "chroot",
        ("chroot", None, "changes the root, which leads out of another chroot", Some(Capability::CAP_SYS_CHROOT)),
    ),
    (
        "open_by_handle_at",
        (
            "open_by_handle_at",
            None,
            "opens files by number, past every directory that is hidden",
            Some(Capability::CAP_DAC_READ_SEARCH),
        ),
    ),
    ("mknodat", ("mknodat", None, "makes nodes of devices", Some(Capability::CAP_MKNOD))),
    ("init_module", ("init_module", None, "loads code into the kernel", Some(Capability::CAP_SYS_MODULE))),
    ("finit_module", ("finit_module", None, "loads code into the kernel", Some(Capability::CAP_SYS_MODULE))),
    ("delete_module", ("delete_module", None, "takes code out of the kernel", Some(Capability::CAP_SYS_MODULE))),
    ("kexec_load", ("kexec_load", None, "replaces the kernel", Some(Capability::CAP_SYS_BOOT))),
    ("kexec_file_load", ("kexec_file_load", None, "replaces the kernel", Some(Capability::CAP_SYS_BOOT))),
    ("reboot", ("reboot", None, "stops the machine", Some(Capability::CAP_SYS_BOOT))),
    ("iopl", ("iopl", None, "gives access to all I/O ports", Some(Capability::CAP_SYS_RAWIO))),
    ("ioperm", ("ioperm", None, "gives access to I/O ports", Some(Capability::CAP_SYS_RAWIO))),
    ("swapon", ("swapon", None, "lets the kernel write memory to a file", ADMIN)),
    ("settimeofday", ("settimeofday", None, "sets the clock of the machine", Some(Capability::CAP_SYS_TIME))),
    ("clock_settime", ("clock_settime", None, "sets the clock of the machine", Some(Capability::CAP_SYS_TIME))),
    ("sethostname", ("sethostname", None, "changes the host's name", ADMIN)),
    ("acct", ("acct", None, "makes the kernel write to a file", Some(Capability::CAP_SYS_PACCT))),
    ("quotactl", ("quotactl", None, "changes quotas of file systems", ADMIN)),
    ("fanotify_init", ("fanotify_init", None, "watches and stops file accesses of everybody", ADMIN)),
    ("lookup_dcookie", ("lookup_dcookie", None, "finds paths of files that are hidden", ADMIN)),
    ("syslog", ("syslog", None, "reads addresses out of the kernel's log", Some(Capability::CAP_SYSLOG))),
    (
        "personality(ADDR_NO_RANDOMIZE)",
        ("personality", Some((0, 0x0004_0000)), "switches address randomisation off", None),
    ),
    ("modify_ldt", ("modify_ldt", None, "makes 16-bit segments, which few use and often had holes", None)),
    ("vhangup", ("vhangup", None, "hangs up the terminal", Some(Capability::CAP_SYS_TTY_CONFIG))),
    ("ioctl(TIOCSTI)", ("ioctl", Some((1, 0x5412)), "types into the terminal, as if the user had", None)),
    ("ioctl(TIOCLINUX)", ("ioctl", Some((1, 0x541c)), "pastes into a console, as if the user had", None)),
    ("socket(AF_ALG)", ("socket", Some((0, 38)), "reaches the kernel's ciphers, which often had holes", None)),
    ("socket(AF_PACKET)", ("socket", Some((0, 17)), "reads and forges all packets", Some(Capability::CAP_NET_RAW))),
    ("socket(AF_VSOCK)", ("socket", Some((0, 40)), "reaches the host of a virtual machine, past the network", None)),
];

/// Calls for which the capability of a user namespace is enough, over what belongs to that namespace.
const OWN: [&str; 8] = ["setns", "mount", "umount2", "pivot_root", "fsopen", "move_mount", "mount_setattr", "chroot"];

/// The dangerous calls that a filter lets run.
pub(super) fn of(program: &Program, bounding: CapSet, makes_users: bool) -> Vec<Danger> {
    let mut found = Vec::new();
    for (call, (name, argument, reason, needs)) in LOOKS {
        let mut args = [None; 6];
        if let Some((at, value)) = argument {
            args[*at] = Some(*value);
        }
        let Some(verdict) = program.native(name, args).filter(Verdict::can_run) else { continue };
        let effective = needs.is_none_or(|cap| bounding.has(cap) || makes_users && OWN.contains(name));
        found.push(Danger { call, reason, verdict, needs: *needs, effective });
    }
    found
}
