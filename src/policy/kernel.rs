//! What of the kernel can be changed or read.

use caps::Capability;

use crate::draft::action::Action;
use crate::draft::mounts::View;
use crate::draft::namespaces::Namespace;
use crate::fault::Fault;
use crate::text::{Kind, Value};

use super::form::{self, Form};
use super::{Demands, Directive, switch};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a directive that is yes or no")]
pub struct Kernel {
    /// ProtectKernelTunables=.
    pub tunables: bool,
    /// ProtectKernelModules=.
    pub modules: bool,
    /// ProtectKernelLogs=.
    pub logs: bool,
    /// ProtectControlGroups=.
    pub cgroups: ControlGroups,
    /// ProtectClock=.
    pub clock: bool,
    /// ProtectHostname=.
    pub hostname: Hostname,
    /// The name behind it.
    pub host: Option<String>,
}

/// What the target sees of control groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ControlGroups {
    /// Everything.
    #[default]
    No,
    /// Everything, read-only.
    Yes,
    /// Its own group and those below.
    Private,
    /// The same, read-only.
    Strict,
}

/// Whether the target can change the host's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hostname {
    /// If it has the right to.
    #[default]
    No,
    /// Not at all.
    Yes,
    /// Only in a namespace of its own.
    Private,
}

const CGROUPS: &[(&str, ControlGroups)] = &[
    ("no", ControlGroups::No),
    ("yes", ControlGroups::Yes),
    ("private", ControlGroups::Private),
    ("strict", ControlGroups::Strict),
];

const HOSTNAME: &[(&str, Hostname)] = &[("no", Hostname::No), ("yes", Hostname::Yes), ("private", Hostname::Private)];

const EPERM: u16 = 1;

/// systemd's list of what can change the kernel at run time.
const TUNABLES: &[&str] = &[
    "/proc/acpi",
    "/proc/apm",
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/latency_stats",
    "/proc/mtrr",
    "/proc/scsi",
    "/proc/sys",
    "/proc/sysrq-trigger",
    "/proc/timer_stats",
    "/sys",
    "/sys/fs/bpf",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
];

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "ProtectKernelTunables",
        form: Form::Boolean,
        summary: "keep the kernel's settings from being changed",
        manual: "With *yes*, /proc/sys, /sys and what else in /proc changes the kernel are read-only, /proc/kallsyms and \
                 /proc/kcore cannot be opened, and the system call _sysctl fails with EPERM. Control groups are \
                 ProtectControlGroups' matter.",
        example: "ProtectKernelTunables = true",
        unlike: None,
        exposure: &[switch("ProtectKernelTunables", 1000, |policy| Some(u32::from(!policy.kernel.tunables)))],
        read: |policy, value| {
            policy.kernel.tunables = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.kernel.tunables {
                for path in TUNABLES {
                    demands.view_if_there(path, View::ReadOnly);
                }
                demands.view_if_there("/proc/kallsyms", View::Hidden);
                demands.view_if_there("/proc/kcore", View::Hidden);
                demands.view_if_there("/sys/fs/cgroup", View::ReadWriteImplicit);
                demands.view_if_there("/sys/fs/selinux", View::ReadWriteImplicit);
                demands.deny(&["_sysctl"], Action::Errno(EPERM));
            }
        },
    },
    Directive {
        name: "ProtectKernelModules",
        form: Form::Boolean,
        summary: "keep kernel modules from being loaded",
        manual: "With *yes*, the system calls of @module fail with EPERM, CAP_SYS_MODULE is dropped, and /usr/lib/modules \
                 (and /lib/modules where that is another directory) cannot be opened. The kernel may still load modules \
                 on its own on behalf of the target.",
        example: "ProtectKernelModules = true",
        unlike: None,
        exposure: &[switch("ProtectKernelModules", 1000, |policy| Some(u32::from(!policy.kernel.modules)))],
        read: |policy, value| {
            policy.kernel.modules = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.kernel.modules {
                demands.view_if_there("/usr/lib/modules", View::Hidden);
                demands.view_if_there("/lib/modules", View::Hidden);
                demands.deny(&["@module"], Action::Errno(EPERM));
                demands.drop(&[Capability::CAP_SYS_MODULE]);
            }
        },
    },
    Directive {
        name: "ProtectKernelLogs",
        form: Form::Boolean,
        summary: "keep the kernel's log from being read",
        manual: "With *yes*, /proc/kmsg and /dev/kmsg cannot be opened, the system call syslog fails with EPERM, and \
                 CAP_SYSLOG is dropped.",
        example: "ProtectKernelLogs = true",
        unlike: None,
        exposure: &[switch("ProtectKernelLogs", 1000, |policy| Some(u32::from(!policy.kernel.logs)))],
        read: |policy, value| {
            policy.kernel.logs = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.kernel.logs {
                demands.view_if_there("/proc/kmsg", View::Hidden);
                demands.view_if_there("/dev/kmsg", View::Hidden);
                demands.deny(&["syslog"], Action::Errno(EPERM));
                demands.drop(&[Capability::CAP_SYSLOG]);
            }
        },
    },
    Directive {
        name: "ProtectControlGroups",
        form: Form::BooleanOr(&["private", "strict"]),
        summary: "keep control groups from being changed",
        manual: "With *yes*, /sys/fs/cgroup is read-only. With *private* the target gets a cgroup namespace, and \
                 /sys/fs/cgroup shows only its own group and those below; *strict* is the same, read-only.",
        example: "ProtectControlGroups = true",
        unlike: Some(
            "where there is no cgroup2 or no cgroup namespace *private* and *strict* fail, while systemd falls back to \
             *no* and *yes*",
        ),
        exposure: &[switch("ProtectControlGroups", 1000, |policy| {
            Some(u32::from(policy.kernel.cgroups == ControlGroups::No))
        })],
        read: |policy, value| {
            policy.kernel.cgroups = form::word(value, CGROUPS)?;
            Ok(())
        },
        demand: |policy, demands| control_groups(policy.kernel.cgroups, demands),
    },
    Directive {
        name: "ProtectClock",
        form: Form::Boolean,
        summary: "keep the clock from being set",
        manual: "With *yes*, the system calls of @clock fail with EPERM, and CAP_SYS_TIME and CAP_WAKE_ALARM are dropped. \
                 Without CAP_SYS_TIME the hardware clock's devices cannot set it either.",
        example: "ProtectClock = true",
        unlike: Some("there is no device cgroup behind it (DeviceAllow=char-rtc r), which only a manager can set up"),
        exposure: &[switch("ProtectClock", 1000, |policy| Some(u32::from(!policy.kernel.clock)))],
        read: |policy, value| {
            policy.kernel.clock = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.kernel.clock {
                demands.deny(&["@clock"], Action::Errno(EPERM));
                demands.drop(&[Capability::CAP_SYS_TIME, Capability::CAP_WAKE_ALARM]);
            }
        },
    },
    Directive {
        name: "ProtectHostname",
        form: Form::BooleanOr(&["private"]),
        summary: "keep the host's name from being changed, or give the target another",
        manual: "With *yes*, the target is in a UTS namespace of its own, sethostname and setdomainname fail with EPERM, and \
                 their files in /proc/sys/kernel are read-only. With *private* it may change the name, which only its \
                 own namespace sees. A name behind a colon, as in `yes:web` or `private:web`, is what the host is called \
                 there; specifiers in it are replaced.",
        example: "ProtectHostname = true",
        unlike: Some("Where no UTS namespace can be had the start fails; systemd runs the target with the host's."),
        exposure: &[switch("ProtectHostname", 50, |policy| Some(u32::from(policy.kernel.hostname == Hostname::No)))],
        read: |policy, value| {
            (policy.kernel.hostname, policy.kernel.host) = hostname(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            match policy.kernel.hostname {
                Hostname::No => return,
                Hostname::Yes => {
                    demands.namespace(Namespace::Uts);
                    demands.deny(&["sethostname", "setdomainname"], Action::Errno(EPERM));
                    demands.view_if_there("/proc/sys/kernel/hostname", View::ReadOnly);
                    demands.view_if_there("/proc/sys/kernel/domainname", View::ReadOnly);
                }
                Hostname::Private => demands.namespace(Namespace::Uts),
            }
            demands.draft.hostname = policy.kernel.host.clone().map(|what| demands.asked(what));
        },
    },
];

/// `yes:NAME`: systemd's words, and a name behind a colon.
fn hostname(value: &Value) -> Result<(Hostname, Option<String>), Fault> {
    let item = form::text(value).ok().filter(|item| item.text.contains(':'));
    let Some((item, (word, name))) = item.as_ref().and_then(|item| Some((item, item.text.trim().split_once(':')?)))
    else {
        return Ok((form::word(value, HOSTNAME)?, None));
    };
    let protect = form::word(&Value { kind: Kind::Text(word.to_owned()), at: item.at.clone() }, HOSTNAME)?;
    // hostname(7): letters, digits, hyphens and dots, none of them at an end; `%` begins a specifier.
    let label = |label: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '%';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(good)
    };
    if protect == Hostname::No || name.len() > 64 || !name.split('.').all(label) {
        return Err(item
            .fault(format!("`{name}` is not a name that this host can have here"))
            .help("write yes or private, a colon, and up to 64 letters, digits, `-` and `.`"));
    }
    Ok((protect, Some(name.to_owned())))
}

fn control_groups(protect: ControlGroups, demands: &mut Demands) {
    match protect {
        ControlGroups::No => {}
        ControlGroups::Yes => demands.view_if_there("/sys/fs/cgroup", View::ReadOnly),
        ControlGroups::Private | ControlGroups::Strict => {
            let read_only = protect == ControlGroups::Strict;
            demands.namespace(Namespace::Cgroup);
            demands.view("/sys/fs/cgroup", View::Cgroup { read_only });
        }
    }
}
