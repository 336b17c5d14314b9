//! What a process has used of what resource limits count, as /proc/PID/status has it (proc_pid_status(5)): the peaks that
//! the kernel keeps anyway.

use std::collections::BTreeMap;
use std::io;

/// Limits of which the most that was used is known.
///
/// - RLIMIT_NOFILE: how many descriptors the table has had room for (`FDSize`), which grows by powers of two from 64 on
///   and does not shrink: no more were open
/// - RLIMIT_AS: addresses, in bytes (`VmPeak`)
/// - RLIMIT_STACK: the stack of its first thread, in bytes (`VmStk`), which does not shrink
/// - RLIMIT_RSS: memory, in bytes (`VmHWM`), which no limit of a process counts
pub(super) const KNOWN: [(u32, &str, u64); 4] = [
    (libc::RLIMIT_NOFILE, "FDSize:", 1),
    (libc::RLIMIT_AS, "VmPeak:", 1024),
    (libc::RLIMIT_STACK, "VmStk:", 1024),
    (libc::RLIMIT_RSS, "VmHWM:", 1024),
];

/// What /proc/PID/limits calls those that the kernel holds a process to.
const HELD: [(u32, &str); 3] = [
    (libc::RLIMIT_NOFILE, "Max open files"),
    (libc::RLIMIT_AS, "Max address space"),
    (libc::RLIMIT_STACK, "Max stack size"),
];

/// What a process has used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// The most, by limit.
    pub(super) most: BTreeMap<u32, u64>,
    /// The soft limits of which it is more than half.
    pub(super) near: BTreeMap<u32, u64>,
}

impl Used {
    /// Looks at a process, by the number of any of its threads; of one that has ended nothing is known.
    ///
    /// # Errors
    /// /proc does not show it to this user (hidepid), or no file can be opened.
    pub(super) fn of(process: u32) -> io::Result<Self> {
        let read = |name: &str| match crate::host::lossy(&format!("/proc/{process}/{name}")) {
            Err(error) if is_gone(&error) => Ok(String::new()),
            other => other,
        };
        Ok(Self::parse(&read("status")?, &read("limits")?))
    }

    fn parse(status: &str, limits: &str) -> Self {
        let mut used = Self::default();
        for (limit, word, unit) in KNOWN {
            let line = status.lines().find_map(|line| line.strip_prefix(word));
            if let Some(value) = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()) {
                used.most.insert(limit, value.saturating_mul(unit));
            }
        }
        for (limit, name) in HELD {
            let line = limits.lines().find_map(|line| line.strip_prefix(name));
            let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            if let (Some(soft), Some(most)) = (soft, used.most.get(&limit))
                && most.saturating_mul(2) > soft
            {
                used.near.insert(limit, soft);
            }
        }
        used
    }
}

/// Whether it is only that the process has ended.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tx\nFDSize:\t64\nVmPeak:\t    2000 kB\nVmHWM:\t     500 kB\nVmStk:\t     132 kB\n";
    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
                          Max stack size            8388608              unlimited            bytes     \n\
                          Max open files            100                  524288               files     \n\
                          Max address space         unlimited            unlimited            bytes     \n";

    #[test]
    fn peaks_and_the_limits_that_they_are_near() {
        let used = Used::parse(STATUS, LIMITS);
        let most = [(libc::RLIMIT_STACK, 132 << 10), (5, 500 << 10), (libc::RLIMIT_NOFILE, 64), (9, 2000 << 10)];
        assert_eq!(used.most, most.into());
        assert_eq!(used.near, [(libc::RLIMIT_NOFILE, 100)].into());
        assert_eq!(Used::parse("", ""), Used::default());
    }

    #[test]
    fn this_process_is_known_and_one_that_is_not_there_is_nothing() {
        let used = Used::of(std::process::id()).expect("it is ours");
        assert_eq!(used.most.len(), KNOWN.len());
        assert_eq!(Used::of(u32::MAX).expect("nothing"), Used::default());
    }
}
