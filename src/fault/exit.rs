//! The statuses that stockade ends with.

/// The statuses, with systemd's names for them or the shell's meaning.
macro_rules! exits {
    ($($variant:ident = $number:literal $name:ident,)*) => {
        /// Exit statuses. Numbers from 200 are systemd's own (`src/shared/exit-status.h`), so that
        /// `systemctl status` prints their names; 64 and 78 are from sysexits.h; the rest are a shell's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Exit {
            $($variant = $number,)*
        }

        impl Exit {
            /// All there are, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// systemd's name for the status, as `systemctl status` prints it, or the shell's meaning.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($name),)*
                }
            }
        }
    };
}

exits! {
    Success = 0 SUCCESS,
    Failure = 1 FAILURE,
    Refused = 3 REFUSED,
    Depends = 4 DEPENDS,
    Usage = 64 USAGE,
    Config = 78 CONFIG,
    Timeout = 124 TIMEOUT,
    NotExecutable = 126 NOT_EXECUTABLE,
    NotFound = 127 NOT_FOUND,
    Chdir = 200 CHDIR,
    Nice = 201 NICE,
    Fds = 202 FDS,
    Exec = 203 EXEC,
    Memory = 204 MEMORY,
    Limits = 205 LIMITS,
    OomAdjust = 206 OOM_ADJUST,
    SignalMask = 207 SIGNAL_MASK,
    IoPrio = 211 IOPRIO,
    TimerSlack = 212 TIMERSLACK,
    SecureBits = 213 SECUREBITS,
    SetScheduler = 214 SETSCHEDULER,
    CpuAffinity = 215 CPUAFFINITY,
    Group = 216 GROUP,
    User = 217 USER,
    Capabilities = 218 CAPABILITIES,
    Cgroup = 219 CGROUP,
    Network = 225 NETWORK,
    Namespace = 226 NAMESPACE,
    NoNewPrivileges = 227 NO_NEW_PRIVILEGES,
    Seccomp = 228 SECCOMP,
    SelinuxContext = 229 SELINUX_CONTEXT,
    Personality = 230 PERSONALITY,
    AppArmor = 231 APPARMOR,
    RuntimeDirectory = 233 RUNTIME_DIRECTORY,
    Keyring = 237 KEYRING,
    StateDirectory = 238 STATE_DIRECTORY,
    CacheDirectory = 239 CACHE_DIRECTORY,
    LogsDirectory = 240 LOGS_DIRECTORY,
    ConfigurationDirectory = 241 CONFIGURATION_DIRECTORY,
    NumaPolicy = 242 NUMA_POLICY,
    Credentials = 243 CREDENTIALS,
    Bpf = 244 BPF,
    Ksm = 245 KSM,
    MemoryThp = 246 MEMORY_THP,
    Exception = 255 EXCEPTION,
}

impl Exit {
    /// Whether it is one of systemd's, which a step that failed ends with.
    pub fn is_step(self) -> bool {
        self as u8 >= Self::Chdir as u8
    }
}
