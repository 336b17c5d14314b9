//! Compiled filters in the real kernel: loaded in a child process, which then tries the calls.
#![allow(unsafe_code)]

use std::ffi::CStr;

use stockade::draft::By;
use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::draft::calls::Call;
use stockade::draft::compare::Compare;
use stockade::draft::groups;
use stockade::draft::syscalls::{Filter, Layer, Rule};
use stockade::plan::filter::tree::compile;

const BY: By = By { directive: "SystemCallFilter", origin: None };

fn rule(calls: &[&str], when: &[&str], action: Action) -> Rule {
    let when = when.iter().map(|text| Compare::parse(text).expect("a comparison")).collect();
    Rule { calls: calls.iter().map(|word| Call::parse(word)).collect(), when, action, by: BY, on: Vec::new() }
}

fn filter(rules: Vec<Rule>, otherwise: Action, unknown: Option<Action>) -> Filter {
    Filter { layers: vec![Layer { by: BY, rules, otherwise, unknown }.into()], ..Filter::new() }
}

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Exit(i32),
    Signal(i32),
}

/// The error number of a call; 0 for success.
fn errno(nr: libc::c_long, args: [u64; 6]) -> i32 {
    // SAFETY: the tests pass numbers, null pointers and pointers to static texts, which every call here accepts.
    let result = unsafe { libc::syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]) };
    if result == -1 { std::io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 }
}

/// Loads the filter in a child, runs `probe` there and reports how the child ended; `probe`'s value is its exit status.
fn child(filter: &Filter, probe: fn(&Filter) -> i32) -> End {
    let program = compile(filter, Arch::native()).expect("a program");
    let length = u16::try_from(program.code.len()).expect("a short program");
    let pointer = program.code.as_ptr().cast::<libc::sock_filter>().cast_mut();
    let program = libc::sock_fprog { len: length, filter: pointer };
    // SAFETY: the child only makes system calls on memory that was made before, and leaves by _exit.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        // SAFETY: plain numbers.
        let private = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        // SAFETY: the program lives on the parent's heap, of which the child has a copy.
        let loaded = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
        let status = if private == 0 && loaded == 0 { probe(filter) } else { 99 };
        // SAFETY: ends the child.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above; the status is a local number.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid);
    if libc::WIFSIGNALED(status) { End::Signal(libc::WTERMSIG(status)) } else { End::Exit(libc::WEXITSTATUS(status)) }
}

#[test]
fn denied_calls_return_their_error() {
    let wanted = filter(vec![rule(&["getppid"], &[], Action::Errno(4095))], Action::Allow, None);
    assert_eq!(child(&wanted, |_| i32::from(errno(libc::SYS_getppid, [0; 6]) != 4095)), End::Exit(0));
    assert_eq!(child(&wanted, |_| errno(libc::SYS_getpid, [0; 6])), End::Exit(0));
}

#[test]
fn killed_calls_kill() {
    for action in [Action::KillProcess, Action::KillThread, Action::Trap(5)] {
        let wanted = filter(vec![rule(&["getppid"], &[], action)], Action::Allow, None);
        assert_eq!(child(&wanted, |_| errno(libc::SYS_getppid, [0; 6])), End::Signal(libc::SIGSYS), "{action}");
    }
}

#[test]
fn high_bits_do_not_pass_a_socket_family() {
    let wanted = filter(vec![rule(&["socket"], &["arg0 == AF_VSOCK"], Action::Errno(97))], Action::Allow, None);
    let open = |family: u64| errno(libc::SYS_socket, [family, 1, 0, 0, 0, 0]);
    assert_eq!(open(0x1_0000_0001), 0, "the kernel looks at 32 bits");
    let probe = |_: &Filter| {
        let open = |family: u64| errno(libc::SYS_socket, [family, 1, 0, 0, 0, 0]);
        i32::from(open(40) != 97) | i32::from(open(0x1_0000_0028) != 97) << 1 | i32::from(open(0x1_0000_0001) != 0) << 2
    };
    assert_eq!(child(&wanted, probe), End::Exit(0));
}

#[test]
fn a_modes_upper_bits_do_not_pass() {
    // The kernel takes sixteen bits of a mode; the path does not exist, so an allowed call fails otherwise.
    let wanted = filter(vec![rule(&["fchmodat"], &["arg2 == 04755"], Action::Errno(95))], Action::Allow, None);
    let probe = |_: &Filter| {
        let change = |mode: u64| errno(libc::SYS_fchmodat, [0, 0, mode, 0, 0, 0]);
        i32::from(change(0o4755) != 95)
            | i32::from(change(0xab_0001_0000 | 0o4755) != 95) << 1
            | i32::from(change(0o755) == 95) << 2
    };
    assert_eq!(child(&wanted, probe), End::Exit(0));
}

#[test]
fn service_calls_run_others_fail_and_newer_ones_do_not_exist() {
    let names: Vec<&str> = groups::expand("@system-service").collect();
    let wanted = filter(vec![rule(&names, &[], Action::Allow)], Action::Errno(1), Some(Action::Errno(38)));
    let probe = |_: &Filter| {
        i32::from(errno(libc::SYS_getpid, [0; 6]) != 0)
            | i32::from(errno(libc::SYS_umount2, [0; 6]) != libc::EPERM) << 1
            | i32::from(errno(9999, [0; 6]) != libc::ENOSYS) << 2
    };
    assert_eq!(child(&wanted, probe), End::Exit(0));
}

/// Runs a program that exits with 0, with these unused arguments.
fn exec(cookie: [u64; 3]) -> i32 {
    const PATH: &CStr = c"/bin/true";
    let argv = [PATH.as_ptr(), std::ptr::null()];
    let environment: [*const libc::c_char; 1] = [std::ptr::null()];
    let [a, b, c] = cookie;
    errno(
        libc::SYS_execve,
        [
            PATH.as_ptr().expose_provenance() as u64,
            argv.as_ptr().expose_provenance() as u64,
            environment.as_ptr().expose_provenance() as u64,
            a,
            b,
            c,
        ],
    )
}

#[test]
fn execve_needs_the_cookie() {
    let mut wanted = filter(vec![rule(&["execve"], &[], Action::Errno(1))], Action::Allow, None);
    wanted.cookie = Some([0x1234_5678_9abc_def0, 2, 0xffff_0000_ffff_0000]);
    let without = |_: &Filter| 100 + exec([0x1234_5678_9abc_def0, 2, 0xffff_0000_ffff_0001]);
    assert_eq!(child(&wanted, without), End::Exit(100 + libc::EPERM));
    assert_eq!(child(&wanted, |filter| 100 + exec(filter.cookie.unwrap_or_default())), End::Exit(0));
}
