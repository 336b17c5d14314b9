//! The filters that a process has.

use std::time::Duration;

use libc::sock_filter;
use nix::errno::Errno;

use crate::fault::{Exit, Fault};
use crate::sys::attached::Attached;

/// A thread's state with regard to seccomp, as /proc/PID/status tells it (proc(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// The thread's id; a process's id is that of its first thread.
    pub pid: i32,
    /// Its name.
    pub name: String,
    /// `Seccomp:`: 0 for none, 1 for strict, 2 for filters.
    pub mode: u32,
    /// `Seccomp_filters:`, since Linux 5.9.
    pub count: Option<usize>,
    /// Who traces it; 0 for nobody.
    tracer: i32,
}

/// A filter as it was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The program.
    pub program: Vec<sock_filter>,
    /// Whether the kernel logs its refusals (`SECCOMP_FILTER_FLAG_LOG`); nothing where it does not tell.
    pub logs: Option<bool>,
}

/// How long a thread may take to stop. One that takes longer hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(5);

impl Installed {
    /// Asks /proc.
    ///
    /// # Errors
    /// There is no such process, or /proc hides it.
    pub fn of(pid: i32) -> Result<Self, Fault> {
        let text = super::lossy(&format!("/proc/{pid}/status")).map_err(|error| {
            let fault = Fault::new(format!("cannot read /proc/{pid}/status: {}", crate::fault::reason(&error)))
                .exit(Exit::Failure);
            match error.kind() {
                std::io::ErrorKind::NotFound => fault.help("there is no such process, or /proc hides those of others"),
                _ => fault,
            }
        })?;
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        let Some(mode) = field("Seccomp").and_then(|mode| mode.parse().ok()) else {
            return Err(Fault::new("this kernel does not tell about seccomp in /proc")
                .help("use a kernel with CONFIG_SECCOMP=y")
                .exit(Exit::Failure));
        };
        Ok(Self {
            pid,
            name: field("Name").unwrap_or_default().to_owned(),
            mode,
            count: field("Seccomp_filters").and_then(|count| count.parse().ok()),
            tracer: field("TracerPid").and_then(|tracer| tracer.parse().ok()).unwrap_or(0),
        })
    }

    /// Its filters, the oldest first. It stands still meanwhile.
    ///
    /// # Errors
    /// It cannot be traced, or the kernel does not give filters away.
    pub fn filters(&self) -> Result<Vec<Loaded>, Fault> {
        if self.mode != 2 {
            return Ok(Vec::new());
        }
        let thread = Attached::to(self.pid, PATIENCE).map_err(|errno| self.attach_fault(errno))?;
        let mut filters = Vec::new();
        while let Some(program) = thread.filter(filters.len()).map_err(|errno| self.read_fault(errno))? {
            // Older kernels give the program and not the flags.
            let logs = thread.flags(filters.len()).ok().map(|flags| flags & libc::SECCOMP_FILTER_FLAG_LOG != 0);
            filters.push(Loaded { program, logs });
        }
        Ok(filters)
    }

    fn attach_fault(&self, errno: Errno) -> Fault {
        let fault =
            |text: &str| Fault::new(format!("cannot attach to process {}: {text}", self.pid)).exit(Exit::Failure);
        match errno {
            Errno::EPERM if self.tracer != 0 => fault(&format!("process {} traces it already", self.tracer)),
            Errno::EPERM => {
                fault("operation not permitted").help("be root, outside of containers; kernel threads have no filters")
            }
            Errno::ESRCH => fault("it is gone"),
            Errno::ETIMEDOUT => fault("it does not stop").help("it hangs in the kernel (state D in ps); try later"),
            other => fault(&other.desc().to_lowercase()),
        }
    }

    fn read_fault(&self, errno: Errno) -> Fault {
        let fault = |text: &str| {
            Fault::new(format!("the kernel does not give the filters of process {} away: {text}", self.pid))
                .exit(Exit::Failure)
        };
        match errno {
            Errno::EACCES => fault("permission denied")
                .help("it takes CAP_SYS_ADMIN outside of every user namespace, and no filter of one's own"),
            Errno::EINVAL | Errno::EIO => fault("it was built without CONFIG_CHECKPOINT_RESTORE"),
            Errno::EMEDIUMTYPE => fault("it has no copy of one of them as it was loaded"),
            other => fault(&other.desc().to_lowercase()),
        }
    }
}
