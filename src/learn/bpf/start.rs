//! Beginning: whether the kernel lets us, and every program in its place.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use super::hierarchy::Hierarchy;
use super::layout::Layout;
use super::maps::Maps;
use super::program::Make;
use super::views::Views;
use super::{Collector, Scope, row, scope};
use crate::fault::{Exit, Fault};
use crate::learn::observed::Part;
use crate::learn::reading::Gathered;
use crate::sys::bpf::{Attach, attach, load, page};
use crate::sys::facts;

/// PROC_PID_INIT_INO: the inode number of the first PID namespace.
const FIRST: u64 = 0xEFFF_FFFC;

fn fault(message: impl Into<String>) -> Fault {
    Fault::new(message).exit(Exit::Bpf)
}

const OTHERWISE: &str =
    "a command can be listened to by notifications, which need none of this: `learn --by notify -- COMMAND`";

pub(super) fn available() -> Result<(), Fault> {
    let effective =
        facts::effective().map_err(|errno| fault(format!("cannot ask for capabilities: {}", errno.desc())))?;
    let has = |number: u32| effective & 1 << number != 0;
    // CAP_SYS_ADMIN contains both.
    if !has(21) {
        for (number, name) in [(39, "CAP_BPF"), (38, "CAP_PERFMON")] {
            if !has(number) {
                let help = "run as root, or with the capabilities CAP_BPF and CAP_PERFMON";
                return Err(fault(format!("the eBPF collector needs {name}")).help(help).help(OTHERWISE));
            }
        }
    }
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if lockdown.contains("[confidentiality]") {
        return Err(fault("the kernel is locked down (confidentiality), which keeps eBPF from reading").help(OTHERWISE));
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Err(fault("the kernel does not describe itself: there is no /sys/kernel/btf/vmlinux")
            .help("a kernel with CONFIG_DEBUG_INFO_BTF (those of distributions have it), and /sys mounted")
            .help(OTHERWISE));
    }
    let namespace = fs::metadata("/proc/self/ns/pid").map(|data| data.ino());
    if !namespace.is_ok_and(|number| number == FIRST) {
        return Err(fault("the eBPF collector needs the host's process numbers, and this is another PID namespace")
            .help("run on the host, or in a container with its PID namespace (--pid=host, hostPID: true)")
            .help(OTHERWISE));
    }
    Ok(())
}

fn maps(cpus: usize) -> Result<Maps, Fault> {
    let refused = |errno: Errno| {
        let message = format!("cannot make eBPF maps: {}", errno.desc());
        let help = "CAP_BPF in the first user namespace and Linux 5.8; before 5.11 also a high RLIMIT_MEMLOCK";
        fault(message).help(help).help(OTHERWISE)
    };
    Maps::create(cpus).map_err(refused)
}

/// How many CPUs there can be: `0-3` is four.
fn cpus() -> Result<usize, Fault> {
    let path = "/sys/devices/system/cpu/possible";
    let text = fs::read_to_string(path)
        .map_err(|error| fault(format!("cannot read {path}: {}", crate::fault::reason(&error))))?;
    let last = text.trim().rsplit(['-', ',']).next().and_then(|last| last.parse::<usize>().ok());
    last.map(|last| last + 1).ok_or_else(|| fault(format!("{path} is not a list of CPUs")))
}

/// Loads a program.
fn loaded(name: &str, code: &[u64], how: Attach, id: Option<u32>) -> Result<OwnedFd, Fault> {
    let id = id.ok_or_else(|| fault(format!("this kernel has no {name} for eBPF programs")).help(OTHERWISE))?;
    load(name, code, how, id).map_err(|refusal| {
        let mut lines: Vec<&str> = refusal.log.lines().rev().take(6).collect();
        lines.reverse();
        let fault = fault(format!("the kernel refuses the eBPF program at {name}: {}", refusal.errno.desc()));
        if lines.is_empty() { fault } else { fault.help(format!("its words: {}", lines.join(" / "))) }.help(OTHERWISE)
    })
}

/// Has a program run.
fn put(name: &str, program: &OwnedFd) -> Result<OwnedFd, Fault> {
    attach(program.as_fd()).map_err(|errno| {
        fault(format!("the kernel does not run the eBPF program at {name}: {}", errno.desc())).help(OTHERWISE)
    })
}

/// Before Linux 5.11 maps and programs count against RLIMIT_MEMLOCK, which is higher meanwhile where that is allowed.
pub(super) fn start(scope: Scope) -> Result<Collector, Fault> {
    available()?;
    let refused = |errno: Errno| fault(format!("cannot set RLIMIT_MEMLOCK: {}", errno.desc()));
    let (soft, hard) = getrlimit(Resource::RLIMIT_MEMLOCK).map_err(refused)?;
    let raised = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY).is_ok();
    let collector = begin(scope);
    if raised {
        setrlimit(Resource::RLIMIT_MEMLOCK, soft, hard).map_err(refused)?;
    }
    collector
}

fn begin(scope: Scope) -> Result<Collector, Fault> {
    let groups = matches!(scope, Scope::Cgroup(_)).then(Hierarchy::new).transpose()?;
    let watch = scope::watch(scope, groups.as_ref())?;
    let layout = Layout::read()?;
    let maps = maps(cpus()?)?;
    let table = row::all();
    row::write(&maps, &table);
    let mut make = Make { layout: &layout, maps: &maps, watch, typed: true, page: page() };
    let tracepoint = |name: &str, code: Vec<u64>| loaded(name, &code, Attach::Tracepoint, layout.tracepoint(name));
    let end = if let Ok(end) = tracepoint("sched_process_exit", make.end()?) {
        end
    } else {
        // Before Linux 5.15.
        make.typed = false;
        tracepoint("sched_process_exit", make.end()?)?
    };
    let leave = tracepoint("sys_exit", make.leave()?)?;
    let mut links = vec![put("sched_process_exit", &end)?];
    for (name, code) in [("sched_process_fork", make.fork()?), ("sched_process_exec", make.exec()?)] {
        links.push(put(name, &tracepoint(name, code)?)?);
    }
    let mut unknown = BTreeSet::new();
    if !matches!(scope, Scope::Tree(_)) {
        unknown.insert(Part::Start);
    }
    let capable = loaded("cap_capable", &make.capable()?, Attach::Return, layout.function("cap_capable"));
    match capable.and_then(|program| put("cap_capable", &program)) {
        Ok(link) => links.push(link),
        // Kernels without CONFIG_FUNCTION_TRACER, or that forbid it.
        Err(_) => {
            unknown.insert(Part::Capabilities);
        }
    }
    scope::seed(scope, groups.as_ref(), &maps)?;
    links.push(put("sys_exit", &leave)?);
    if !make.typed {
        links.push(put("sys_enter", &tracepoint("sys_enter", make.enter()?)?)?);
    }
    let (gathered, views) = (Gathered::default(), Views::default());
    Ok(Collector { maps, links, table, gathered, views, scope, groups, unknown })
}
