//! The kinds of namespaces (namespaces(7)).

/// One kind, by the word that RestrictNamespaces= uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// CLONE_NEWCGROUP.
    Cgroup,
    /// CLONE_NEWIPC.
    Ipc,
    /// CLONE_NEWNET.
    Net,
    /// CLONE_NEWNS.
    Mnt,
    /// CLONE_NEWPID.
    Pid,
    /// CLONE_NEWUSER.
    User,
    /// CLONE_NEWUTS.
    Uts,
    /// CLONE_NEWTIME (Linux 5.6).
    Time,
}

impl Namespace {
    /// All of them, in the order of systemd's manual.
    pub const ALL: [Self; 8] =
        [Self::Cgroup, Self::Ipc, Self::Net, Self::Mnt, Self::Pid, Self::User, Self::Uts, Self::Time];

    /// systemd's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Ipc => "ipc",
            Self::Net => "net",
            Self::Mnt => "mnt",
            Self::Pid => "pid",
            Self::User => "user",
            Self::Uts => "uts",
            Self::Time => "time",
        }
    }

    /// The kernel's clone flag (clone(2)).
    pub const fn flag(self) -> u32 {
        match self {
            Self::Cgroup => 0x0200_0000,
            Self::Ipc => 0x0800_0000,
            Self::Net => 0x4000_0000,
            Self::Mnt => 0x0002_0000,
            Self::Pid => 0x2000_0000,
            Self::User => 0x1000_0000,
            Self::Uts => 0x0400_0000,
            Self::Time => 0x0000_0080,
        }
    }
}
