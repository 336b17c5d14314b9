//! Attributes that a process hands down to what it executes: scheduling, memory, keys.

/// One attribute, in the kernel's own numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// /proc/self/oom_score_adj: -1000 to 1000 (proc(5)).
    OomScore(i32),
    /// /proc/self/coredump_filter (core(5)).
    CoredumpFilter(u64),
    /// sched_setscheduler(2).
    Scheduling {
        /// SCHED_*.
        policy: i32,
        /// 1 to 99 for SCHED_FIFO and SCHED_RR, 0 elsewhere.
        priority: i32,
        /// SCHED_RESET_ON_FORK.
        reset: bool,
    },
    /// setpriority(2): -20 to 19.
    Nice(i32),
    /// sched_setaffinity(2): bits of processors, the lowest word first.
    Affinity(Vec<u64>),
    /// set_mempolicy(2): MPOL_* and bits of nodes.
    Memory {
        /// MPOL_*.
        mode: i32,
        /// The nodes; empty where the mode takes none.
        nodes: Vec<u64>,
    },
    /// ioprio_set(2): the class in the bits from 13 on, the level below.
    Io(i32),
    /// PR_SET_TIMERSLACK, in nanoseconds.
    TimerSlack(u64),
    /// personality(2).
    Personality(u32),
    /// PR_SET_MEMORY_MERGE (Linux 6.4).
    MergeMemory(bool),
    /// PR_SET_THP_DISABLE (Linux 3.15, with flags 6.18).
    HugePages(HugePages),
    /// Whether SIGPIPE is ignored.
    IgnorePipe(bool),
    /// A new session keyring, and whether the user's is linked to it (session-keyring(7)).
    Keyring {
        /// Whether the user keyring can be reached through it.
        shared: bool,
    },
}

/// Which memory may be made of transparent huge pages (PR_SET_THP_DISABLE(2const)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HugePages {
    /// None.
    Disable,
    /// What madvise(2) asks for (PR_THP_DISABLE_EXCEPT_ADVISED, Linux 6.18).
    Madvise,
    /// As /sys/kernel/mm/transparent_hugepage says.
    System,
}

/// A file that the target finds open (OpenFile=).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFile {
    /// The caller's path, with its specifiers.
    pub path: std::path::PathBuf,
    /// The name in $LISTEN_FDNAMES.
    pub name: String,
    /// How it is opened.
    pub mode: OpenMode,
    /// Whether one that cannot be opened is left out.
    pub graceful: bool,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenMode {
    /// O_RDWR, or O_RDONLY where it cannot be written.
    #[default]
    Both,
    /// O_RDONLY.
    ReadOnly,
    /// O_RDWR | O_APPEND.
    Append,
    /// O_RDWR | O_TRUNC.
    Truncate,
}

/// A limit that a control group holds its processes to (cgroups(7), version 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLimit {
    /// The controller: `memory`, `pids` or `cpu`.
    pub controller: &'static str,
    /// Its file.
    pub file: &'static str,
    /// What is written there.
    pub amount: Amount,
}

/// What a limit is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// `max`.
    Infinity,
    /// A number.
    Number(u64),
    /// Hundredths of a percent of the machine's memory.
    Share(u32),
    /// Microseconds of processor time in every period of so many.
    Quota(u64, u64),
}

/// A security label that the target gets when it is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Which module.
    pub module: Module,
    /// The profile or context.
    pub label: String,
    /// `-` in front: left out where the module is not there, or refuses it.
    pub optional: bool,
}

/// A Linux security module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// AppArmor.
    AppArmor,
    /// SELinux.
    SeLinux,
}

/// A directory of the service (RuntimeDirectory= and its like).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Which kind.
    pub kind: DirectoryKind,
    /// Its name below the place of its kind; never leads up.
    pub name: String,
    /// A symbolic link to it, in the same place.
    pub link: Option<String>,
    /// Whether the target may only read it.
    pub read_only: bool,
    /// Its mode.
    pub mode: u32,
}

/// Kinds of directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryKind {
    /// /run or $XDG_RUNTIME_DIR.
    Runtime,
    /// /var/lib or $XDG_STATE_HOME.
    State,
    /// /var/cache or $XDG_CACHE_HOME.
    Cache,
    /// /var/log or $XDG_STATE_HOME/log.
    Logs,
    /// /etc or $XDG_CONFIG_HOME.
    Configuration,
}

impl DirectoryKind {
    /// The variable that lists them.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Runtime => "RUNTIME_DIRECTORY",
            Self::State => "STATE_DIRECTORY",
            Self::Cache => "CACHE_DIRECTORY",
            Self::Logs => "LOGS_DIRECTORY",
            Self::Configuration => "CONFIGURATION_DIRECTORY",
        }
    }
}

/// A secret that the target finds in $CREDENTIALS_DIRECTORY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its name, which is the file's.
    pub name: String,
    /// Where it comes from.
    pub source: Secret,
}

/// Where a secret comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// A file of the caller's, read before anything else is done.
    File(std::path::PathBuf),
    /// A name that is looked for where credentials are kept.
    Stored(String),
    /// The policy.
    Text(Vec<u8>),
}

/// What the secret is stays out of messages.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Stored(name) => f.debug_tuple("Stored").field(name).finish(),
            Self::Text(bytes) => write!(f, "Text({} bytes)", bytes.len()),
        }
    }
}
