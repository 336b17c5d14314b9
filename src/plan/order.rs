//! The order of the plan: systemd's own (`exec_invoke`), with Landlock put where it belongs.

/// Phases in the order in which the kernel sees them. The reasons are laws: property tests hold
/// every plan to this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Before all others: later the launcher may hold rights that nobody may trace.
    Tracer,
    /// First of what the launcher does itself: nothing that the caller left open may be reached through what follows.
    Descriptors,
    /// Files are opened with the caller's rights, and by the caller's paths.
    Files,
    /// The control group is joined before anything is made, so that all of it counts.
    Group,
    /// Attributes that take rights over the host, which a namespace of its own takes away.
    Schedule,
    /// Directories are made on the host, by who may.
    Places,
    /// Namespaces that are there already belong to the host, which alone may enter them.
    Join,
    /// The user namespace comes first for a caller without privileges (it gives the rights for
    /// everything below); all namespaces are made by one call.
    Namespaces,
    /// Id maps right after it: until they are written every id is nobody's.
    Maps,
    /// The target's own process is made as soon as it can be; from here on the steps are its.
    Companion,
    /// Detached copies of the host's trees, taken before anything is changed.
    Take,
    /// The new root, before any destination is looked up, so that no symlink leads out of it.
    Root,
    /// Mounts, the shallow before the deep.
    Mounts,
    /// Read-only and noexec after the mounts below are in place: mount points must be made first.
    Attributes,
    /// Landlock's rules name paths of the finished view; only the ruleset's descriptor stays open.
    Rules,
    /// The loopback device needs CAP_NET_ADMIN in the new namespace.
    Network,
    /// The name is one of the new UTS namespace.
    Name,
    /// Limits can be raised only while CAP_SYS_RESOURCE is held, and would hinder the phases above.
    Limits,
    /// Groups before the user, whose change takes the right to change groups.
    Groups,
    /// For a privileged caller the user namespace comes last, so that it owns nothing made above.
    Users,
    /// The bounding set needs CAP_SETPCAP, which the next phases take away.
    Bounding,
    /// Keep what later phases need over the change of the user.
    Keep,
    /// The user.
    User,
    /// The capability sets that the target gets.
    Capabilities,
    /// Only now: the directory may be one that only the new user may enter.
    Directory,
    /// The target is looked for where it will be started from, while a failure can still be told.
    Find,
    /// Securebits need CAP_SETPCAP; the target inherits them.
    SecureBits,
    /// Attributes that the target inherits and that need no right.
    Process,
    /// Labels for the execution, which may forbid what comes before, and are written before no_new_privs as in systemd.
    Label,
    /// Landlock and filters need it where CAP_SYS_ADMIN is not held.
    NoNewPrivileges,
    /// A supervisor that only tells of denials is made before Landlock, which can keep it from the target's /proc.
    Teller,
    /// Landlock after every mount (it forbids mounting) and before the filter.
    Landlock,
    /// A supervisor is made with all that the target has by then but the filter, which it must not be under.
    Supervisor,
    /// Last: from here on only what the policy allows.
    Filter,
    /// The target.
    Exec,
    /// What a tracer does to the target when it has started.
    Strict,
}
