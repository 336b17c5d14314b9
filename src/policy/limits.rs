//! Resource limits.

use crate::draft::limits::Limit;
use crate::fault::Fault;
use crate::text::Value;

use super::form::amount::{self, NotAnAmount};
use super::form::{self, Form};
use super::{Demands, Directive, Policy};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// One limit for each resource that the policy names, by the kernel's number.
    pub set: [Option<Limit>; RESOURCES],
}

const RESOURCES: usize = 16;

/// How a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Bytes,
    Seconds,
    Microseconds,
    Count,
    Nice,
}

impl Unit {
    /// By the kernel's number of the resource.
    const fn of(resource: u32) -> Self {
        match resource {
            libc::RLIMIT_CPU => Self::Seconds,
            libc::RLIMIT_RTTIME => Self::Microseconds,
            libc::RLIMIT_NICE => Self::Nice,
            libc::RLIMIT_NOFILE
            | libc::RLIMIT_NPROC
            | libc::RLIMIT_LOCKS
            | libc::RLIMIT_SIGPENDING
            | libc::RLIMIT_RTPRIO => Self::Count,
            _ => Self::Bytes,
        }
    }

    fn parse(self, text: &str) -> Result<u64, NotAnAmount> {
        match self {
            Self::Nice => amount::nice(text),
            _ if text == "infinity" => Ok(u64::MAX),
            Self::Bytes => amount::bytes(text),
            Self::Count => amount::count(text),
            Self::Seconds => amount::microseconds(text, amount::SECOND).map(|time| time.div_ceil(amount::SECOND)),
            Self::Microseconds => amount::microseconds(text, 1),
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::Bytes => "write bytes, with K, M, G, T, P or E behind them: 64M, 1.5G, infinity",
            Self::Seconds => "write a time, in seconds without a unit: 30, 2min, infinity",
            Self::Microseconds => "write a time, in microseconds without a unit: 500ms, 2s, infinity",
            Self::Count => "write a whole number, or infinity",
            Self::Nice => "write a nice level with its sign (-20 to +19), or the raw limit, 0 to 40",
        }
    }
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    row::<{ libc::RLIMIT_CPU }>(
        "LimitCPU",
        "processor time of a process",
        "Processor time that a process may use, in seconds unless a unit is written; it gets SIGXCPU at the soft \
         limit and SIGKILL at the hard one (RLIMIT_CPU). As in all limits, one value sets the soft and the hard \
         limit, `soft:hard` sets both apart, *infinity* lifts it, and an empty value takes the directive back. A \
         hard limit can be raised only with CAP_SYS_RESOURCE; a limit that the caller cannot have is as high as it can \
         be, which is told.",
        "LimitCPU = \"30min\"",
    ),
    row::<{ libc::RLIMIT_FSIZE }>(
        "LimitFSIZE",
        "size of files that are written",
        "Bytes that a file can grow to, with the suffixes K, M, G, T, P and E to the base 1024 (RLIMIT_FSIZE).",
        "LimitFSIZE = \"1G\"",
    ),
    row::<{ libc::RLIMIT_DATA }>(
        "LimitDATA",
        "size of the data segment",
        "Bytes of private writable memory of a process (RLIMIT_DATA). Do not use it to limit a service as a whole.",
        "LimitDATA = \"2G\"",
    ),
    row::<{ libc::RLIMIT_STACK }>(
        "LimitSTACK",
        "size of the stack",
        "Bytes of a process's stack (RLIMIT_STACK).",
        "LimitSTACK = \"8M:64M\"",
    ),
    row::<{ libc::RLIMIT_CORE }>(
        "LimitCORE",
        "size of core dumps",
        "Bytes of a core dump; 0 switches dumps to files off (RLIMIT_CORE).",
        "LimitCORE = 0",
    ),
    row::<{ libc::RLIMIT_RSS }>(
        "LimitRSS",
        "nothing: Linux does not enforce it",
        "Bytes of resident memory. The kernel keeps the value and ignores it (RLIMIT_RSS).",
        "LimitRSS = \"1G\"",
    ),
    row::<{ libc::RLIMIT_NOFILE }>(
        "LimitNOFILE",
        "number of open descriptors",
        "One more than the highest descriptor that a process can open (RLIMIT_NOFILE). Leave the soft limit at 1024 \
         for programs that use select(2): `1024:524288`.",
        "LimitNOFILE = \"1024:4096\"",
    ),
    row::<{ libc::RLIMIT_AS }>(
        "LimitAS",
        "size of the address space",
        "Bytes of a process's address space (RLIMIT_AS). Programs that reserve much and use little fail early.",
        "LimitAS = \"4G\"",
    ),
    row::<{ libc::RLIMIT_NPROC }>(
        "LimitNPROC",
        "number of processes of the user",
        "Processes and threads that the real user of the target may have, everywhere on the host; root is not held \
         to it (RLIMIT_NPROC).",
        "LimitNPROC = 64",
    ),
    row::<{ libc::RLIMIT_MEMLOCK }>(
        "LimitMEMLOCK",
        "size of locked memory",
        "Bytes that can be locked into memory by mlock(2) and its like (RLIMIT_MEMLOCK).",
        "LimitMEMLOCK = \"64K\"",
    ),
    row::<{ libc::RLIMIT_LOCKS }>(
        "LimitLOCKS",
        "nothing: Linux does not enforce it",
        "Number of file locks. Nothing since Linux 2.4.25 (RLIMIT_LOCKS).",
        "LimitLOCKS = 100",
    ),
    row::<{ libc::RLIMIT_SIGPENDING }>(
        "LimitSIGPENDING",
        "number of pending signals",
        "Signals that may be queued for the real user of the target (RLIMIT_SIGPENDING).",
        "LimitSIGPENDING = 1000",
    ),
    row::<{ libc::RLIMIT_MSGQUEUE }>(
        "LimitMSGQUEUE",
        "size of POSIX message queues",
        "Bytes in POSIX message queues of the real user of the target (RLIMIT_MSGQUEUE).",
        "LimitMSGQUEUE = \"800K\"",
    ),
    row::<{ libc::RLIMIT_NICE }>(
        "LimitNICE",
        "how far the nice level can be lowered",
        "The lowest nice level that can be asked for: a level with its sign, `-20` to `+19`, or the kernel's raw \
         value, 0 to 40, which is 20 minus the level (RLIMIT_NICE).",
        "LimitNICE = \"+5\"",
    ),
    row::<{ libc::RLIMIT_RTPRIO }>(
        "LimitRTPRIO",
        "highest realtime priority",
        "The highest realtime priority that can be asked for, 0 to 99 (RLIMIT_RTPRIO).",
        "LimitRTPRIO = 0",
    ),
    row::<{ libc::RLIMIT_RTTIME }>(
        "LimitRTTIME",
        "processor time of realtime processes without a break",
        "Processor time that a realtime process may use without a blocking call, in microseconds unless a unit is \
         written (RLIMIT_RTTIME).",
        "LimitRTTIME = \"200ms\"",
    ),
];

const fn row<const RESOURCE: u32>(
    name: &'static str,
    summary: &'static str,
    manual: &'static str,
    example: &'static str,
) -> Directive {
    Directive {
        name,
        form: Form::Text("[SOFT:]HARD"),
        summary,
        manual,
        example,
        unlike: None,
        exposure: &[],
        read: read::<RESOURCE>,
        demand: demand::<RESOURCE>,
    }
}

fn read<const RESOURCE: u32>(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let item = form::text(value)?;
    let text = item.text.trim();
    let unit = Unit::of(RESOURCE);
    let slot = &mut policy.limits.set[RESOURCE as usize];
    if text.is_empty() {
        *slot = None;
        return Ok(());
    }
    let parse = |text: &str| {
        unit.parse(text).map_err(|why| item.fault(format!("`{text}` is not a limit: {why}")).help(unit.help()))
    };
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    let (soft, hard) = (parse(soft)?, parse(hard)?);
    if soft > hard {
        return Err(item.fault(format!("the soft limit of `{text}` is above the hard one")).help("write soft:hard"));
    }
    *slot = Some(Limit { resource: RESOURCE, soft, hard });
    Ok(())
}

fn demand<const RESOURCE: u32>(policy: &Policy, demands: &mut Demands) {
    if let Some(what) = policy.limits.set[RESOURCE as usize] {
        demands.draft.limits.push(demands.asked(what));
    }
}

#[cfg(test)]
mod tests {
    use super::super::users::read;
    use super::*;
    use crate::text::Kind;

    fn limit(name: &str, text: &str) -> Option<(u64, u64)> {
        let policy = read(name, Kind::Text(text.into())).ok()?;
        let limits = policy.draft().limits;
        assert_eq!(limits.len(), 1, "{name}={text}");
        Some((limits[0].what.soft, limits[0].what.hard))
    }

    #[test]
    fn every_resource_has_a_row_of_its_own() {
        for row in DIRECTIVES {
            let policy = read(row.name, Kind::Text("0".into())).expect(row.name);
            assert_eq!(policy.limits.set.iter().flatten().count(), 1, "{}", row.name);
        }
        assert_eq!(DIRECTIVES.len(), RESOURCES);
    }

    #[test]
    fn limits_read_as_systemd_reads_them() {
        for (name, text, want) in [
            ("LimitNOFILE", "1024:4096", (1024, 4096)),
            ("LimitNOFILE", "0x10", (16, 16)),
            ("LimitNOFILE", "infinity", (u64::MAX, u64::MAX)),
            ("LimitAS", "1.5G", (3 << 29, 3 << 29)),
            ("LimitCORE", "64M:infinity", (64 << 20, u64::MAX)),
            ("LimitCPU", "1min 500ms", (61, 61)),
            ("LimitCPU", "30", (30, 30)),
            ("LimitRTTIME", "5", (5, 5)),
            ("LimitRTTIME", "5s", (5_000_000, 5_000_000)),
            ("LimitNICE", "+5", (15, 15)),
            ("LimitNICE", "-20", (40, 40)),
            ("LimitNICE", "40", (40, 40)),
        ] {
            assert_eq!(limit(name, text), Some(want), "{name}={text}");
        }
    }

    #[test]
    fn bad_limits_are_refused() {
        for (name, text) in [
            ("LimitNOFILE", "4096:1024"),
            ("LimitNOFILE", "infinity:5"),
            ("LimitNOFILE", "-1"),
            ("LimitNOFILE", "1K"),
            ("LimitNOFILE", "18446744073709551615"),
            ("LimitNOFILE", "1:2:3"),
            ("LimitNOFILE", ":"),
            ("LimitAS", "1M 2G"),
            ("LimitAS", "-5M"),
            ("LimitAS", "99999E"),
            ("LimitAS", "5X"),
            ("LimitCPU", "5 parsecs"),
            ("LimitCPU", ""),
            ("LimitNICE", "+20"),
            ("LimitNICE", "-21"),
            ("LimitNICE", "41"),
            ("LimitNICE", "infinity"),
        ] {
            let limits = read(name, Kind::Text(text.into())).map(|policy| policy.limits.set.iter().flatten().count());
            assert_ne!(limits, Ok(1), "{name}={text}");
        }
    }
}
