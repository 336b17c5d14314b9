//! The collector by eBPF sees what programs do, all of it, and nothing of their launcher's.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use stockade::draft::arch::Arch;
use stockade::draft::calls;
use stockade::learn::bpf::{Collector, Scope};
use stockade::learn::observed::{Observed, Part};

#[path = "kit/mod.rs"]
mod kit;

/// Whether this test can run: root on Linux 5.8 must be able to.
fn root() -> bool {
    !kit::roots().is_empty()
}

/// A shell that waits for a line and then does `before` and executes the command.
fn held(before: &str, command: &[&str]) -> Child {
    let script = format!("read line; {before} exec \"$@\"");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script, "sh"]).args(command).stdin(Stdio::piped()).stdout(Stdio::null());
    shell.spawn().expect("a shell")
}

fn watch(before: &str, command: &[&str]) -> Observed {
    let mut child = held(before, command);
    let pid = i32::try_from(child.id()).expect("a pid");
    let mut collector = Collector::start(Scope::Tree(pid)).unwrap_or_else(|fault| panic!("{}", fault.render(false)));
    child.stdin.take().expect("a pipe").write_all(b"go\n").expect("a shell that reads");
    while child.try_wait().expect("a child").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
        collector.gather();
    }
    let seen = collector.finish();
    assert_eq!(seen.lost, 0);
    seen
}

fn names(seen: &Observed, arch: Arch) -> Vec<String> {
    let numbers = seen.calls.keys().filter(|(of, _)| *of == arch).map(|(_, number)| *number);
    let mut names: Vec<String> = numbers
        .map(|number| calls::name(arch, number).map_or(number.to_string(), std::borrow::Cow::into_owned))
        .collect();
    names.sort();
    names
}

fn program(name: &str) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/learnt.c");
    let to = kit::base().join(name);
    kit::compile(&source, &to, &["-std=gnu11", "-O1", "-static", "-nostdlib", "-fno-stack-protector"]);
    to.to_string_lossy().into_owned()
}

#[test]
fn exactly_the_calls_that_were_made() {
    if !root() {
        return;
    }
    // The shell's own calls, and those of its child, come before its exec.
    let seen = watch("cd /; umask 022; /bin/true;", &[&program("learnt")]);
    let expected = [
        "clone",
        "exit",
        "exit_group",
        "fork",
        "getpgid",
        "getppid",
        "getsid",
        "getuid",
        "prctl",
        "sched_yield",
        "seccomp",
        "wait4",
    ];
    // How often the thread is waited for is chance.
    let mut native = names(&seen, Arch::X86_64);
    native.retain(|name| name != "sched_yield");
    assert_eq!(native, expected.iter().filter(|name| **name != "sched_yield").copied().collect::<Vec<_>>());
    assert_eq!(names(&seen, Arch::X86), ["getpid"]);
    let count = |name: &str| seen.calls[&(Arch::X86_64, calls::number(Arch::X86_64, name).expect("a call"))];
    assert_eq!(
        [count("getuid"), count("fork"), count("getsid"), count("getppid"), count("exit_group")],
        [5, 1, 1, 3, 3]
    );
}

#[test]
fn a_running_process_and_its_children() {
    if !root() {
        return;
    }
    let mut child = held("", &[&program("running")]);
    let pid = i32::try_from(child.id()).expect("a pid");
    let collector = Collector::start(Scope::Pid(pid)).unwrap_or_else(|fault| panic!("{}", fault.render(false)));
    child.stdin.take().expect("a pipe").write_all(b"go\n").expect("a shell that reads");
    child.wait().expect("an end");
    assert!(collector.progress().0 > 10);
    let seen = collector.finish();
    // What it did before is not known; how many live, from the beginning.
    assert!(seen.unknown.contains(&Part::Start));
    assert!(seen.limits[&libc::RLIMIT_NPROC] == 3 && seen.limits[&libc::RLIMIT_NOFILE] >= 64, "{:?}", seen.limits);
    let seen = names(&seen, Arch::X86_64);
    // It was inside its read already.
    for name in ["execve", "getsid", "getpgid", "getppid"] {
        assert!(seen.iter().any(|seen| seen == name), "{name} is not in {seen:?}");
    }
}

/// A cgroup of version 2 that is removed again.
struct Group(std::path::PathBuf);

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes are dead; what stays is empty.
        std::fs::remove_dir(&self.0).ok();
    }
}

#[test]
fn a_cgroup_and_what_is_below_it() {
    if !root() {
        return;
    }
    let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(std::path::PathBuf::from);
    let mount = mounts
        .into_iter()
        .find(|mount| mount.join("cgroup.procs").exists() && mount.join("cgroup.controllers").exists());
    let mount = mount.expect("cgroup version 2 is mounted");
    let outer = Group(mount.join(format!("learnt-{}", std::process::id())));
    let inner = Group(outer.0.join("inner"));
    std::fs::create_dir_all(&inner.0).expect("a cgroup can be made");
    let mut child = held("", &[&program("grouped")]);
    let mut stranger = held("", &["/bin/pwd"]);
    std::fs::write(inner.0.join("cgroup.procs"), child.id().to_string()).expect("a process can be moved");
    let id = std::fs::metadata(&outer.0).expect("a cgroup").ino();
    let collector = Collector::start(Scope::Cgroup(id)).unwrap_or_else(|fault| panic!("{}", fault.render(false)));
    for child in [&mut child, &mut stranger] {
        child.stdin.take().expect("a pipe").write_all(b"go\n").expect("a shell that reads");
        child.wait().expect("an end");
    }
    let seen = collector.finish();
    // The stranger is not counted.
    let alive = seen.limits[&libc::RLIMIT_NPROC];
    assert!(alive == 3 && seen.limits[&libc::RLIMIT_NOFILE] >= 64, "{:?}", seen.limits);
    assert!(seen.unknown.contains(&Part::Start));
    let seen = names(&seen, Arch::X86_64);
    drop((inner, outer));
    assert!(seen.iter().any(|name| name == "getsid"), "{seen:?}");
    assert!(!seen.iter().any(|name| name == "getcwd"), "{seen:?}");
}

#[test]
fn what_is_not_there_is_a_fault() {
    if !root() {
        return;
    }
    let message = |scope| Collector::start(scope).err().expect("a fault").message;
    assert_eq!(message(Scope::Pid(i32::MAX)), "there is no process 2147483647");
    assert_eq!(
        message(Scope::Cgroup(u64::MAX)),
        "no directory of cgroup version 2 has the inode number 18446744073709551615"
    );
}

#[test]
fn without_privileges_it_says_what_is_missing() {
    let asked = Collector::available();
    if kit::people()[0].is_root() {
        assert_eq!(asked, Ok(()), "root has all that the collector needs: Linux 5.8, BTF, the host's PID namespace");
    } else {
        let fault = asked.expect_err("a fault");
        assert_eq!(fault.message, "the eBPF collector needs CAP_BPF");
        assert!(!fault.help.is_empty());
    }
}
