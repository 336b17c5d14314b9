//! Devices and the process file system.

use caps::Capability;

use crate::draft::action::Action;
use crate::draft::mounts::{Proc, View};

use super::form::{self, Form};
use super::{Directive, Exposure, switch};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    /// PrivateDevices=.
    pub private: bool,
    /// ProtectProc=; nothing for `default`.
    pub protect_proc: Option<&'static str>,
    /// ProcSubset=pid.
    pub subset_pid: bool,
}

const PROC: &[(&str, Option<&str>)] = &[
    ("default", None),
    ("noaccess", Some("noaccess")),
    ("invisible", Some("invisible")),
    ("ptraceable", Some("ptraceable")),
];

const EPERM: u16 = 1;

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "PrivateDevices",
        form: Form::Boolean,
        summary: "give the target a /dev without real devices",
        manual: "With *yes*, /dev is a new, read-only file system that holds the pseudo devices null, zero, full, random, \
                 urandom and tty, new terminals of its own (/dev/pts, /dev/ptmx), /dev/shm, /dev/mqueue, /dev/hugepages and \
                 the link /dev/log. The terminal that was inherited is /dev/console; other terminals of the host are not \
                 there. CAP_MKNOD and CAP_SYS_RAWIO are dropped and the system calls of @raw-io fail with EPERM. \
                 BindPaths can add a device.",
        example: "PrivateDevices = true",
        unlike: Some(
            "there is no device cgroup behind it (DevicePolicy=closed), which only a manager can set up; systemd shows the \
             host's /dev/pts, where a target that is root can open the terminals of root's other sessions",
        ),
        exposure: &[switch("PrivateDevices", 1000, |policy| Some(u32::from(!policy.devices.private)))],
        read: |policy, value| {
            policy.devices.private = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.devices.private {
                demands.view("/dev", View::Devices);
                demands.deny(&["@raw-io"], Action::Errno(EPERM));
                demands.drop(&[Capability::CAP_MKNOD, Capability::CAP_SYS_RAWIO]);
            }
        },
    },
    Directive {
        name: "ProtectProc",
        form: Form::Word(&["default", "noaccess", "invisible", "ptraceable"]),
        summary: "hide other users' processes in /proc",
        manual: "/proc is mounted anew with the option hidepid= of proc(5). With *noaccess* other users' processes are seen \
                 but nothing of them can be read; with *invisible* they are not seen; with *ptraceable* only processes \
                 are seen that the target could trace. It has no effect on root or with CAP_SYS_PTRACE. *default* leaves \
                 /proc as it is.",
        example: "ProtectProc = \"invisible\"",
        unlike: Some(
            "where a new /proc cannot be mounted (without privileges and without a PID namespace) stockade refuses to \
             run, while systemd silently keeps the old one",
        ),
        exposure: &[Exposure {
            id: "ProtectProc",
            weight: 1000,
            range: 3,
            badness: |policy| {
                Some(match policy.devices.protect_proc {
                    None => 3,
                    Some("noaccess") => 1,
                    Some(_) => 0,
                })
            },
        }],
        read: |policy, value| {
            policy.devices.protect_proc = form::word(value, PROC)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.devices.protect_proc.is_some() {
                // One file system carries the options of both directives.
                let subset_pid = policy.devices.subset_pid;
                let proc = Proc { hidepid: policy.devices.protect_proc, subset_pid };
                demands.view("/proc", View::Proc(proc));
            }
        },
    },
    Directive {
        name: "ProcSubset",
        form: Form::Word(&["all", "pid"]),
        summary: "leave only processes in /proc",
        manual: "With *pid*, /proc is mounted anew and shows processes only, not the kernel's own files such as /proc/sys \
                 and /proc/cpuinfo. A target that may make user, PID and mount namespaces can mount a /proc of its own \
                 and see them again: set RestrictNamespaces too. *all* leaves /proc as it is.",
        example: "ProcSubset = \"pid\"",
        unlike: Some(
            "where a new /proc cannot be mounted (without privileges and without a PID namespace) stockade refuses to \
             run, while systemd silently keeps the old one",
        ),
        exposure: &[switch("ProcSubset", 10, |policy| Some(u32::from(!policy.devices.subset_pid)))],
        read: |policy, value| {
            policy.devices.subset_pid = form::word(value, &[("all", false), ("pid", true)])?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.devices.subset_pid {
                let proc = Proc { hidepid: policy.devices.protect_proc, subset_pid: true };
                demands.view("/proc", View::Proc(proc));
            }
        },
    },
];
