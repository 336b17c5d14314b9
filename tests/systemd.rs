//! stockade in front of the commands of real services. It needs root on a machine whose PID 1 is systemd, which
//! may be changed at will: a container or virtual machine that says so by `STOCKADE_TEST_SYSTEMD=1`. On a
//! machine that says nothing, the test says how to run it, and what it did instead.

use std::io::{self, Write};
use std::process::Command;

fn holds(name: &str) {
    let script = format!("{}/tests/systemd/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("STOCKADE_TEST_SYSTEMD").is_none() {
        writeln!(io::stderr(), "not run on this machine: STOCKADE_TEST_SYSTEMD=1 {script} (as root, under systemd, where nginx, redis, PostgreSQL and sshd may be reconfigured)").ok();
        // What can be held to here: the script is well formed.
        let checked = Command::new("bash").args(["-n", &script]).status().expect("bash runs");
        assert!(checked.success());
        return;
    }
    let status = Command::new(script).arg(env!("CARGO_BIN_EXE_stockade")).status().expect("the script runs");
    assert!(status.success(), "{status}: the failed assertions are above");
}

#[test]
fn services() {
    holds("run");
}

#[test]
fn sandboxes_moved_into_policies() {
    holds("services");
}

#[test]
fn directives_mean_what_they_mean_to_systemd() {
    holds("compare");
}
