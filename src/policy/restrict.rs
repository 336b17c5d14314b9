//! Single dangers that a filter takes away.

use crate::draft::By;
use crate::draft::limits::Limit;
use crate::draft::syscalls::{Layer, Rule};
use crate::fault::Origin;

use super::form::addresses::Families;
use super::form::line;
use super::form::{self, Form};
use super::layer::{self, EAFNOSUPPORT, ENOSYS, EPERM, all, any, equal};
use super::{Demands, Directive, Exposure, Policy, switch};
use crate::draft::action::Action;

/// What the policy says of it.
// One boolean a directive.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default)]
pub struct Restrict {
    /// RestrictAddressFamilies=.
    pub families: Option<Families>,
    /// MemoryDenyWriteExecute=.
    pub write_execute: bool,
    /// LockPersonality=.
    pub personality: bool,
    /// RestrictRealtime=.
    pub realtime: bool,
    /// RestrictSUIDSGID=.
    pub suid_sgid: bool,
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "RestrictAddressFamilies",
        form: Form::Words("FAMILY"),
        summary: "make sockets of some address families only",
        manual: "The address families of which socket(2) may make sockets, by the names of address_families(7): \
                 AF_UNIX, AF_INET, AF_INET6, AF_NETLINK and so on. Every other family answers EAFNOSUPPORT, also such \
                 as no kernel knows yet. A list that begins with a line that `~` inverts names the families that are \
                 refused instead. Lists add up; *none* alone allows no family, and an empty value lifts the \
                 restriction.\n\n\
                 Sockets that the target is given stay usable, and so does socketpair(2). io_uring makes sockets \
                 without socket(2): refuse io_uring_setup by *SystemCallFilter* where that matters.",
        example: "RestrictAddressFamilies = [\"AF_UNIX AF_INET AF_INET6\"]",
        unlike: Some(
            "Where *SystemCallArchitectures* allows x86, socketcall(2) cannot make any socket, because its arguments \
             cannot be seen; systemd restricts nothing there. After *none*, an inverted line does not turn the list \
             into one that refuses.",
        ),
        exposure: FAMILIES,
        read: |policy, value| {
            let lines = line::lines(value)?;
            let mut families = policy.restrict.families.take();
            if lines.is_empty() {
                families = None;
            }
            for line in &lines {
                families = Some(Families::merge(families, line)?);
            }
            policy.restrict.families = families;
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(families) = &policy.restrict.families {
                let layer = sockets(demands, families);
                demands.draft.layers.push(layer.into());
            }
        },
    },
    Directive {
        name: "MemoryDenyWriteExecute",
        form: Form::Boolean,
        summary: "refuse memory that is writable and executable",
        manual: "Refuses to map memory that is writable and executable at once, and to make memory executable that was \
                 not so from the start. Programs that compile at run time (JavaScript, Java, LuaJIT, some of libffi) \
                 do not work with it.\n\n\
                 Linux 6.3 and later do this themselves (PR_SET_MDWE, prctl(2)) and answer EACCES; elsewhere a filter on \
                 mmap(2), mprotect(2), pkey_mprotect(2) and shmat(2) answers EPERM. Either can be passed by mapping a \
                 file that is written to as well, so add *NoExecPaths* for what can be written, and \
                 *SystemCallFilter* = [\"~memfd_create\"].",
        example: "MemoryDenyWriteExecute = true",
        unlike: Some(
            "The filter for older kernels also refuses the personality(2) that makes all readable memory executable, and \
             x86's ipc(2) as a way to shmat.",
        ),
        exposure: &[switch("MemoryDenyWriteExecute", 100, |policy| Some(u32::from(!policy.restrict.write_execute)))],
        read: |policy, value| {
            policy.restrict.write_execute = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.restrict.write_execute {
                demands.draft.deny_write_execute = Some(demands.asked(()));
            }
        },
    },
    Directive {
        name: "LockPersonality",
        form: Form::Boolean,
        summary: "keep the execution domain as it is",
        manual: "Lets personality(2) set nothing but what is set already; everything else, the question for the current \
                 value included, answers EPERM. The execution domain switches off address randomisation and makes old \
                 kernel behaviour reachable.",
        example: "LockPersonality = true",
        unlike: None,
        exposure: &[switch("LockPersonality", 100, |policy| Some(u32::from(!policy.restrict.personality)))],
        read: |policy, value| {
            policy.restrict.personality = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.restrict.personality {
                demands.draft.lock_personality = Some(demands.asked(()));
            }
        },
    },
    Directive {
        name: "RestrictRealtime",
        form: Form::Boolean,
        summary: "refuse realtime scheduling",
        manual: "Refuses every scheduling policy but SCHED_OTHER, SCHED_BATCH and SCHED_IDLE with EPERM, and sets \
                 *LimitRTPRIO* to 0 unless the policy says otherwise. A realtime task can keep the processor from \
                 everybody else (sched(7)).",
        example: "RestrictRealtime = true",
        unlike: Some(
            "sched_setattr(2), which takes the policy in memory where no filter can look, answers EPERM as well; systemd \
             lets it pass, and with it SCHED_DEADLINE. SCHED_RESET_ON_FORK is allowed beside the three policies.",
        ),
        exposure: &[switch("RestrictRealtime", 500, |policy| Some(u32::from(!policy.restrict.realtime)))],
        read: |policy, value| {
            policy.restrict.realtime = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.restrict.realtime {
                let layer = scheduling(&demands.by);
                demands.draft.layers.push(layer.into());
                if policy.origin("LimitRTPRIO").is_none() {
                    /// RLIMIT_RTPRIO (`asm-generic/resource.h`).
                    const RTPRIO: u32 = 14;
                    let what = Limit { resource: RTPRIO, soft: 0, hard: 0 };
                    demands.draft.limits.push(demands.asked(what));
                }
            }
        },
    },
    Directive {
        name: "RestrictSUIDSGID",
        form: Form::Boolean,
        summary: "refuse to make files set-user-ID or set-group-ID",
        manual: "Refuses with EPERM to set the set-user-ID or set-group-ID bit of a file or directory, by chmod(2) and \
                 its kin or while making it by mkdir(2), mknod(2), creat(2) and open(2). openat2(2) takes the bits in \
                 memory, where no filter can look, so it answers ENOSYS and libc falls back to openat.\n\n\
                 Without this a target that runs as one user can leave programs behind that run as that user for \
                 anybody. io_uring makes files without these calls: refuse io_uring_setup by *SystemCallFilter* where \
                 that matters.",
        example: "RestrictSUIDSGID = true",
        unlike: Some("Files made by O_TMPFILE, which can be linked into place later, are covered, too."),
        exposure: &[switch("RestrictSUIDSGID", 1000, |policy| Some(u32::from(!policy.restrict.suid_sgid)))],
        read: |policy, value| {
            policy.restrict.suid_sgid = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.restrict.suid_sgid {
                let layer = set_ids(&demands.by);
                demands.draft.layers.push(layer.into());
            }
        },
    },
];

const FAMILIES: &[Exposure] = &[
    switch("RestrictAddressFamilies_AF_INET_INET6", 1500, |policy| {
        Some(makes(policy, |number| matches!(number, 2 | 10)))
    }),
    switch("RestrictAddressFamilies_AF_UNIX", 25, |policy| Some(makes(policy, |number| number == 1))),
    switch("RestrictAddressFamilies_AF_NETLINK", 200, |policy| Some(makes(policy, |number| number == 16))),
    switch("RestrictAddressFamilies_AF_PACKET", 1000, |policy| Some(makes(policy, |number| number == 17))),
    switch("RestrictAddressFamilies_OTHER", 1250, |policy| {
        Some(makes(policy, |number| !matches!(number, 1 | 2 | 10 | 16 | 17)))
    }),
];

fn makes(policy: &Policy, wanted: fn(u32) -> bool) -> u32 {
    let restricted = policy.restrict.families.as_ref().is_some_and(|families| families.restricts(wanted));
    u32::from(!restricted)
}

/// The layer of RestrictAddressFamilies=.
fn sockets(demands: &Demands<'_>, families: &Families) -> Layer {
    /// SYS_SOCKET of socketcall(2).
    const SOCKET: u32 = 1;
    let rule = |origin: &Origin, number: u32, action| {
        layer::rule(&demands.at(origin), &["socket"], &[equal(0, number)], action)
    };
    let action = if families.allow { Action::Allow } else { EAFNOSUPPORT };
    let mut rules: Vec<Rule> = families.listed.iter().map(|(number, at)| rule(at, *number, action)).collect();
    if families.allow {
        rules.push(layer::rule(&demands.by, &["socket"], &[], EAFNOSUPPORT));
    }
    if families.allow || !families.listed.is_empty() {
        rules.push(layer::rule(&demands.by, &["socketcall"], &[equal(0, SOCKET)], EAFNOSUPPORT));
    }
    layer::layer(&demands.by, rules)
}

/// The layer of MemoryDenyWriteExecute= where the kernel has no PR_SET_MDWE (before Linux 6.3).
///
/// x86's oldest mmap takes its arguments in memory; where x86 is allowed this layer does not cover it.
pub fn write_execute(by: &By) -> Layer {
    const WRITE: u32 = 2;
    const EXEC: u32 = 4;
    /// SHM_EXEC (`linux/shm.h`).
    const SHM_EXEC: u32 = 0o100_000;
    /// SHMAT of ipc(2); the upper half of the word is a version.
    const SHMAT: u32 = 21;
    const READ_IMPLIES_EXEC: u32 = 0x0040_0000;
    let shmat = layer::masked(0, 0xffff, SHMAT);
    layer::layer(
        by,
        vec![
            layer::rule(by, &["mmap", "mmap2"], &[all(2, WRITE | EXEC)], EPERM),
            layer::rule(by, &["mprotect", "pkey_mprotect"], &[any(2, EXEC)], EPERM),
            layer::rule(by, &["shmat"], &[any(2, SHM_EXEC)], EPERM),
            layer::rule(by, &["ipc"], &[shmat, any(2, SHM_EXEC)], EPERM),
            layer::rule(by, &["personality"], &[equal(0, u32::MAX)], Action::Allow),
            layer::rule(by, &["personality"], &[any(0, READ_IMPLIES_EXEC)], EPERM),
        ],
    )
}

/// What stands in for PrivateNetwork= where no namespace can be had and the policy prefers to run: no socket but
/// those of AF_UNIX, and no io_uring, which makes sockets past every filter. Sockets that were handed over still work.
pub fn offline(by: &By) -> Layer {
    const AF_UNIX: u32 = 1;
    /// SYS_SOCKET and SYS_SOCKETPAIR of socketcall(2).
    const MAKES: [u32; 2] = [1, 8];
    let mut rules = vec![
        layer::rule(by, &["socket", "socketpair"], &[layer::differs(0, AF_UNIX)], EAFNOSUPPORT),
        layer::rule(by, &["io_uring_setup"], &[], ENOSYS),
    ];
    rules.extend(MAKES.map(|call| layer::rule(by, &["socketcall"], &[equal(0, call)], EAFNOSUPPORT)));
    layer::layer(by, rules)
}

/// What keeps a target from typing at the caller's terminal: TIOCSTI puts words into its input, and TIOCLINUX pastes
/// them on a virtual console. The kernel takes 32 bits of the request, so no more are compared.
pub fn typing(by: &By) -> Layer {
    /// TIOCSTI and TIOCLINUX (ioctl_tty(2)), the same on all architectures but MIPS, PowerPC and PA-RISC.
    const REQUESTS: [u32; 2] = [0x5412, 0x541c];
    let rules = REQUESTS.map(|request| layer::rule(by, &["ioctl"], &[equal(1, request)], EPERM));
    layer::layer(by, rules.to_vec())
}

/// What keeps a target that is traced from tracing: a child can be made that is not followed (CLONE_UNTRACED of clone(2)),
/// and whoever traced it would answer the calls that the filter hands to a tracer.
pub fn untraced(by: &By) -> Layer {
    layer::layer(by, vec![layer::rule(by, &["ptrace"], &[], EPERM)])
}

/// The layer of LockPersonality= for a caller with this personality.
pub fn personality(by: &By, current: u32) -> Layer {
    let other = layer::differs(0, current);
    layer::layer(by, vec![layer::rule(by, &["personality"], &[other], EPERM)])
}

/// The layer of RestrictRealtime=.
fn scheduling(by: &By) -> Layer {
    /// A flag beside the policy (sched(7)); the kernel takes it off before it looks.
    const RESET_ON_FORK: u32 = 0x4000_0000;
    /// SCHED_OTHER, SCHED_BATCH and SCHED_IDLE.
    const HARMLESS: [u32; 3] = [0, 3, 5];
    let mut rules: Vec<Rule> = HARMLESS
        .iter()
        .map(|policy| {
            let same = layer::masked(1, !RESET_ON_FORK, *policy);
            layer::rule(by, &["sched_setscheduler"], &[same], Action::Allow)
        })
        .collect();
    rules.push(layer::rule(by, &["sched_setscheduler", "sched_setattr"], &[], EPERM));
    layer::layer(by, rules)
}

/// The layer of RestrictSUIDSGID=.
fn set_ids(by: &By) -> Layer {
    /// S_ISUID and S_ISGID.
    const IDS: u32 = 0o6000;
    /// O_CREAT and the own bit of O_TMPFILE: the flags with which the mode counts.
    const CREATES: u32 = 0o100 | 0o20_000_000;
    let rule = |calls: &[&'static str], mode: u8| layer::rule(by, calls, &[any(mode, IDS)], EPERM);
    layer::layer(
        by,
        vec![
            rule(&["chmod", "fchmod", "mkdir", "mknod", "creat"], 1),
            rule(&["fchmodat", "fchmodat2", "mkdirat", "mknodat"], 2),
            layer::rule(by, &["open"], &[any(1, CREATES), any(2, IDS)], EPERM),
            layer::rule(by, &["openat"], &[any(2, CREATES), any(3, IDS)], EPERM),
            layer::rule(by, &["openat2"], &[], ENOSYS),
        ],
    )
}
