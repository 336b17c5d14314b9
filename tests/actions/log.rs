//! What the kernel logs: records of type 1326 (AUDIT_SECCOMP), which root can hear.

use std::time::{Duration, Instant};

use crate::kit::{host_has, roots};
use crate::{actions, rule};

/// The kernel's multicast of audit records (AUDIT_NLGRP_READLOG of linux/audit.h).
struct Ear(i32);

impl Ear {
    fn new() -> Self {
        // SAFETY: takes numbers only.
        let socket =
            unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_AUDIT) };
        assert!(socket >= 0, "no audit in this kernel: leave audit out of STOCKADE_TEST_HOST");
        // SAFETY: zeros are valid for plain numbers.
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = u16::try_from(libc::AF_NETLINK).expect("a small number");
        address.nl_groups = 1;
        let size = u32::try_from(size_of::<libc::sockaddr_nl>()).expect("a small size");
        // SAFETY: the address is as long as it says and outlives the call.
        let bound = unsafe { libc::bind(socket, (&raw const address).cast(), size) };
        assert_eq!(bound, 0, "{}", std::io::Error::last_os_error());
        Self(socket)
    }

    /// The record about a process, if there is one by the time a later one has come.
    fn record(&self, pid: u32, end: &str) -> Option<String> {
        let until = Instant::now() + Duration::from_secs(20);
        let mut found = None;
        while Instant::now() < until {
            let mut bytes = [0_u8; 8192];
            // SAFETY: the buffer is as long as it says.
            let size = unsafe { libc::recv(self.0, bytes.as_mut_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) };
            let Ok(size) = usize::try_from(size) else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            let text = String::from_utf8_lossy(&bytes[16.min(size)..size]).into_owned();
            if text.contains(&format!(" pid={pid} ")) {
                found = Some(text);
            } else if text.contains(end) {
                return found;
            }
        }
        panic!("the last record never came");
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        // SAFETY: the number is our socket.
        unsafe { libc::close(self.0) };
    }
}

#[test]
fn log_and_flagged_refusals_are_recorded() {
    if !host_has("audit") {
        return;
    }
    let logged = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_logged").expect("seccomp");
    assert!(logged.split_whitespace().any(|word| word == "log"), "log is not logged here: {logged}");
    for who in &roots() {
        let ear = Ear::new();
        for (action, flags, code) in [
            ("log", "", Some("code=0x7ffc0000")),
            ("errno:EPERM", "", None),
            ("errno:EPERM", "log", Some("code=0x50000")),
            ("trap", "log", Some("code=0x30000")),
            ("kill-process", "", Some("code=0x80000000")),
            ("kill-thread", "", Some("code=0x0")),
            ("allow", "log", None),
        ] {
            let flags = format!("Seccomp.Flags={flags}");
            let outcome = who.confined(&["-p", &rule(action), "-p", &flags]).words(&[actions(), "single"]).run();
            // A record that is known to come, of another process, ends the wait for one that must not.
            let last = who.confined(&["-p", &rule("log")]).words(&[actions(), "single"]).run();
            let record = ear.record(outcome.pid, &format!(" pid={} ", last.pid));
            match code {
                Some(code) => {
                    let record = record.unwrap_or_else(|| panic!("{action} {flags} left no record{outcome}"));
                    let call = format!("syscall={}", libc::SYS_getpgid);
                    assert!(record.contains(code) && record.contains(&call), "{action}: {record}");
                }
                None => assert_eq!(record, None, "{action} {flags}"),
            }
        }
    }
}
