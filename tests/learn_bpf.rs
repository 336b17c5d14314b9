//! The collector by eBPF sees what programs do, all of it, and nothing of their launcher's.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use stockade::draft::arch::Arch;
use stockade::draft::calls;
use stockade::learn::bpf::{Collector, Scope};
use stockade::learn::observed::Observed;

#[path = "kit/mod.rs"]
mod kit;

/// Whether this test can run: says on stderr when not. Root on Linux 5.8 must be able to.
fn root(part: &str) -> bool {
    let root = kit::people()[0].is_root();
    if !root {
        writeln!(io::stderr(), "not run without root: {part}").expect("stderr");
    }
    root
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
        collector.poll(10).expect("events");
    }
    assert_eq!(collector.shortfalls().expect("counters"), Vec::<String>::new());
    collector.finish().expect("what was seen")
}

fn names(seen: &Observed, arch: Arch) -> Vec<String> {
    let numbers = seen.calls.keys().filter(|(of, _)| *of == arch).map(|(_, number)| *number);
    let mut names: Vec<String> =
        numbers.map(|number| calls::name(arch, number).map_or(number.to_string(), |name| name.into_owned())).collect();
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
    if !root("calls by eBPF") {
        return;
    }
    // The shell's own chdir and mkdir come before its exec.
    let seen = watch("cd /; umask 022; /bin/true;", &["/bin/true"]);
    let native = names(&seen, Arch::native());
    writeln!(io::stderr(), "{native:?} {:?}", seen).expect("stderr");
}
