//! The tracer that answers calls: every thread, child and program gets its answers, and nothing else changes.
#![allow(unsafe_code)]

mod kit;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kit::{Run, Who, base, compile, people};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Tries the calls in the main thread, another thread, a child, a vforked program and after execve.
const ANSWERS: &str = r#"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
static void try(const char *who) {
    struct utsname name;
    long parent = syscall(SYS_getppid), made = syscall(SYS_mkdir, "/nowhere/at/all", 0700), why = errno;
    long host = syscall(SYS_sethostname, "x", 1);
    char text[200];
    int length = sprintf(text, "%s %ld %ld %ld %ld %d\n", who, parent, made, why, host < 0 ? (long)errno : 0, uname(&name));
    write(1, text, length);
}
static void *thread(void *nothing) { try("thread"); return nothing; }
int main(int count, char **words) {
    int status;
    if (count > 1) { try(words[1]); return 7; }
    try("main");
    pthread_t one;
    pthread_create(&one, 0, thread, 0);
    pthread_join(one, 0);
    if (fork() == 0) { try("child"); _exit(0); }
    wait(&status);
    if (vfork() == 0) { execl(words[0], words[0], "vfork", (char *)0); _exit(1); }
    wait(&status);
    execl(words[0], words[0], "exec", (char *)0);
}
"#;

/// Makes many threads and processes, each of which asks once.
const CHURN: &str = r#"
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static long bad;
static void *ask(void *nothing) { if (syscall(SYS_getppid) != 4242) __sync_fetch_and_add(&bad, 1); return nothing; }
static void *spawn(void *nothing) {
    for (int i = 0; i < 1000; i++) {
        pthread_t one;
        if (pthread_create(&one, 0, ask, 0)) __sync_fetch_and_add(&bad, 1); else pthread_join(one, 0);
    }
    return nothing;
}
int main(void) {
    pthread_t all[8];
    for (int i = 0; i < 8; i++) pthread_create(&all[i], 0, spawn, 0);
    for (int i = 0; i < 8; i++) pthread_join(all[i], 0);
    for (int i = 0; i < 2000; i++) {
        int status = 1;
        pid_t child = fork();
        if (child == 0) _exit(syscall(SYS_getppid) != 4242);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) bad++;
    }
    printf("bad %ld\n", bad);
    return 0;
}
"#;

/// Has a child that no tracer is told of.
const UNTRACED: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    if (syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0) == 0) {
        long parent = syscall(SYS_getppid);
        printf("untraced %ld %d\n", parent, errno);
        return 0;
    }
    wait(0);
    return 0;
}
"#;

/// Traces a child that no tracer is told of, and lets its calls run.
const SIBLING: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    int status, go[2];
    char byte;
    pipe(go);
    pid_t child = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        read(go[0], &byte, 1);
        long parent = syscall(SYS_getppid);
        printf("untraced %ld %d\n", parent, errno);
        return 0;
    }
    long seized = ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESECCOMP);
    printf("seize %ld %d\n", seized, seized ? errno : 0);
    fflush(stdout);
    write(go[1], "", 1);
    while (waitpid(child, &status, __WALL) == child && WIFSTOPPED(status)) ptrace(PTRACE_CONT, child, 0, 0);
    return 0;
}
"#;

/// Loads a filter of its own, whose number for calls is that of the policy's laxest rule.
const NUMBERS: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
static void try(const char *when) {
    int made = chdir("/") ? errno : 0;
    long host = syscall(SYS_sethostname, "", -1) ? errno : 0;
    printf("%s %d %ld\n", when, made, host);
}
int main(void) {
    struct sock_filter code[] = {
        { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
        { BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_sethostname },
        { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_chdir },
        { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRACE },
        { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
    };
    struct sock_fprog prog = { sizeof code / sizeof *code, code };
    try("before");
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog)) return 1;
    try("after");
    return 0;
}
"#;

/// Counts signals, a realtime one among them, and ends at SIGTERM.
const SIGNALS: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static volatile sig_atomic_t ended;
static void say(int number) {
    char text[40];
    write(1, text, sprintf(text, "signal %d\n", number));
    if (number == SIGTERM) ended = 1;
}
int main(void) {
    int numbers[] = { SIGINT, SIGTERM, SIGCONT, SIGUSR1, 34, 64 };
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action = { .sa_handler = say };
        sigaction(numbers[i], &action, 0);
    }
    write(1, "ready\n", 6);
    while (!ended) pause();
    return 5;
}
"#;

/// The main process ends before its child, which asks when it is told to.
const ORPHAN: &str = r#"
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    if (fork() != 0) return 0;
    char byte;
    read(0, &byte, 1);
    printf("orphan %ld\n", syscall(SYS_getppid));
    return 0;
}
"#;

fn programs() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = base().join("trace");
        fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in [
            ("answers", ANSWERS),
            ("churn", CHURN),
            ("signals", SIGNALS),
            ("orphan", ORPHAN),
            ("untraced", UNTRACED),
            ("sibling", SIBLING),
            ("numbers", NUMBERS),
        ] {
            let source = folder.join(format!("{name}.c"));
            fs::write(&source, text).expect("a source");
            compile(&source, &folder.join(name), &["-O1", "-pthread"]);
        }
        folder
    })
}

fn program(name: &str) -> String {
    programs().join(name).to_string_lossy().into_owned()
}

const RULES: &str = r#"
[[Seccomp.Rule]]
Syscalls = ["getppid"]
Action = "trace:5"
Decide = "value:4242"
[[Seccomp.Rule]]
Syscalls = ["mkdir"]
Action = "trace:65535"
Decide = "errno:EROFS"
[[Seccomp.Rule]]
Syscalls = ["uname"]
Action = "trace:7"
Decide = "log"
[[Seccomp.Rule]]
Syscalls = ["sethostname"]
Action = "trace:8"
[[Seccomp.Rule]]
Syscalls = ["execve"]
Action = "trace"
Decide = "continue"
"#;

/// A program under a policy.
fn under(who: &Who, rules: &str, target: &str) -> Run {
    let policy = who.file(&who.place("policy").join("policy.toml"), rules);
    who.confined(&["-P", &policy.to_string_lossy()]).words(&[target])
}

fn field(pid: u32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
}

/// A child that is killed when its test fails.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl std::ops::Deref for Held {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

/// A started program that has said that it is ready.
fn ready(run: &Run) -> (Held, BufReader<std::process::ChildStdout>) {
    // A job: SIGTSTP does not stop a group that has no parent in its session.
    let mut command = run.command();
    command.process_group(0).stdin(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().expect("stockade starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let child = Held(child);
    assert_eq!(line(&mut output), "ready\n");
    (child, output)
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("output");
    line
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("a process id"))
}

/// Waits for a state that comes soon or never.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + kit::PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn threads_children_and_programs_get_their_answers() {
    for who in people() {
        let outcome = under(&who, RULES, &program("answers")).run();
        outcome.ends(7);
        for asker in ["main", "thread", "child", "vfork", "exec"] {
            // EROFS is 30, and ENOSYS 38 is what a number without an answer gets.
            outcome.says(&format!("{asker} 4242 -1 30 38 0"));
        }
        let logged = outcome.stderr.lines().filter(|line| line.contains("calls uname(0x")).count();
        assert_eq!((logged, outcome.stderr.lines().count()), (5, 5), "{outcome}");
    }
}

#[test]
fn without_answers_there_is_no_tracer() {
    for who in people() {
        let rules = RULES.lines().filter(|line| !line.starts_with("Decide")).collect::<Vec<_>>().join("\n");
        // The one that the launcher passes by a cookie; later ones are refused.
        let outcome = under(&who, &rules, &program("answers")).run();
        outcome.says("main -1 -1 38 38 -1").quietly();
        let (mut child, _output) = ready(&under(&who, &rules, &program("signals")));
        assert_eq!(field(child.id(), "TracerPid"), "0");
        kill(pid(&child), Signal::SIGKILL).expect("a signal");
        child.wait().expect("its end");
    }
}

#[test]
fn the_target_keeps_the_launchers_process_id() {
    for who in people() {
        let outcome = under(&who, RULES, "/bin/sh").words(&["-c", "echo pid $$"]).run();
        outcome.ends(0).says(&format!("pid {}", outcome.pid));
    }
}

#[test]
fn the_tracer_is_confined_and_its_death_kills() {
    for who in people() {
        let rules = "[[Seccomp.Rule]]\nSyscalls = [\"getppid\"]\nAction = \"trace\"\nDecide = \"value:4242\"\n";
        let (mut child, _output) = ready(&under(&who, rules, &program("signals")));
        let tracer: u32 = field(child.id(), "TracerPid").parse().expect("a number");
        assert_ne!(tracer, 0);
        assert_eq!(field(tracer, "Seccomp"), "2");
        assert_eq!(field(tracer, "NoNewPrivs"), "1");
        assert_eq!(field(tracer, "CapEff").trim_start_matches('0'), "");
        assert_eq!(field(tracer, "CapPrm").trim_start_matches('0'), "");
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).expect("its children");
        assert_eq!(children, "");
        if who.is_root() {
            let open = fs::read_dir(format!("/proc/{tracer}/fd")).expect("its descriptors").count();
            assert_eq!(open, 0);
        } else {
            use std::os::unix::fs::MetadataExt;
            // Not dumpable: its files in /proc are root's.
            let owner = fs::metadata(format!("/proc/{tracer}/environ")).expect("its environment").uid();
            assert_eq!(owner, 0);
        }
        kill(Pid::from_raw(tracer.try_into().expect("a process id")), Signal::SIGKILL).expect("a signal");
        assert_eq!(child.wait().expect("its end").signal(), Some(libc::SIGKILL));
    }
}

#[test]
fn signals_and_stops_pass_through() {
    for who in people() {
        let (mut child, mut output) = ready(&under(&who, RULES, &program("signals")));
        let target = pid(&child);
        for number in [libc::SIGINT, libc::SIGUSR1, 34, 64] {
            // SAFETY: plain numbers.
            assert_eq!(unsafe { libc::kill(target.as_raw(), number) }, 0);
            assert_eq!(line(&mut output), format!("signal {number}\n"));
        }
        for stop in [Signal::SIGTSTP, Signal::SIGSTOP, Signal::SIGTTIN] {
            kill(target, stop).expect("a signal");
            // The parent is told, as a shell wants to be.
            assert_eq!(waitpid(target, Some(WaitPidFlag::WUNTRACED)), Ok(WaitStatus::Stopped(target, stop)));
            until("a stopped job stays stopped", || field(child.id(), "State").starts_with(['t', 'T']));
            kill(target, Signal::SIGCONT).expect("a signal");
            assert_eq!(waitpid(target, Some(WaitPidFlag::WCONTINUED)), Ok(WaitStatus::Continued(target)));
            assert_eq!(line(&mut output), format!("signal {}\n", libc::SIGCONT));
        }
        // A stopped job that is killed.
        let (mut other, _) = ready(&under(&who, RULES, &program("signals")));
        kill(pid(&other), Signal::SIGSTOP).expect("a signal");
        kill(pid(&other), Signal::SIGKILL).expect("a signal");
        assert_eq!(other.wait().expect("its end").signal(), Some(libc::SIGKILL));
        kill(target, Signal::SIGTERM).expect("a signal");
        assert_eq!(line(&mut output), format!("signal {}\n", libc::SIGTERM));
        assert_eq!(child.wait().expect("its end").code(), Some(5));
    }
}

#[test]
fn ten_thousand_threads_and_children_get_their_answers() {
    for who in people() {
        under(&who, RULES, &program("churn")).run().ends(0).says("bad 0");
    }
}

#[test]
fn children_that_outlive_the_target_get_their_answers() {
    for who in people() {
        let mut child =
            under(&who, RULES, &program("orphan")).command().stdin(Stdio::piped()).spawn().expect("stockade starts");
        let mut input = child.stdin.take().expect("a pipe");
        assert_eq!(child.wait().expect("its end").code(), Some(0));
        input.write_all(b"!").expect("input");
        let mut output = String::new();
        child.stdout.take().expect("a pipe").read_to_string(&mut output).expect("output");
        assert_eq!(output, "orphan 4242\n");
    }
}

#[test]
fn children_behind_the_tracers_back_get_enosys() {
    for who in people() {
        under(&who, RULES, &program("untraced")).run().ends(0).says("untraced -1 38");
    }
}

/// Who traced such a child would be asked in the tracer's place, and could let everything run.
#[test]
fn children_behind_the_tracers_back_get_no_tracer_of_the_targets() {
    for who in people() {
        under(&who, RULES, &program("sibling")).run().ends(0).says("seize -1 1").says("untraced -1 38");
    }
}

/// Of two filters that hand a call to the tracer the newest one's number is told by the kernel.
#[test]
fn a_filter_of_the_targets_does_not_choose_the_answer() {
    for who in people() {
        under(&who, RULES, &program("numbers")).run().ends(0).says("before 0 38").says("after 38 38");
    }
}

#[test]
fn a_traced_launcher_refuses() {
    for who in people() {
        let run = under(&who, RULES, &program("answers")).behind(&["strace", "-f", "-o", "/dev/null"]);
        run.run().ends(228).complains("traces stockade already").runs_nothing();
    }
}

const ASK: &str = "[[Seccomp.Rule]]\nSyscalls = [\"mkdir\"]\nAction = \"trace:3\"\nDecide = \"ask\"\n";

#[test]
fn without_a_terminal_the_answer_to_questions_is_no() {
    for who in people() {
        let outcome = {
            let run = under(&who, ASK, &program("answers"));
            let mut command = run.command();
            // SAFETY: setsid is async-signal-safe and takes nothing.
            unsafe { command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(Into::into)) };
            command.output().expect("stockade starts")
        };
        let said = String::from_utf8_lossy(&outcome.stdout);
        let main: Vec<&str> = said.lines().next().expect("a line").split(' ').collect();
        assert_eq!((main[2], main[3]), ("-1", "1"), "{said}");
    }
}

/// A pseudo terminal: our side and the other's path.
fn terminal() -> (OwnedFd, String) {
    // SAFETY: plain numbers.
    let master = unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) };
    assert!(master >= 0, "no pseudo terminal");
    // SAFETY: the number was just opened and belongs to nobody else.
    let master = unsafe { OwnedFd::from_raw_fd(master) };
    // SAFETY: the descriptor is open.
    assert_eq!(unsafe { libc::unlockpt(master.as_raw_fd()) }, 0);
    let mut number = 0_i32;
    // SAFETY: TIOCGPTN writes one number.
    assert_eq!(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTN, &raw mut number) }, 0);
    (master, format!("/dev/pts/{number}"))
}

/// A session of its own with descriptor 0 as its terminal.
fn own_terminal() -> std::io::Result<()> {
    nix::unistd::setsid()?;
    // SAFETY: takes a number only.
    let taken = unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
    if taken == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

#[test]
fn whoever_sits_at_the_terminal_is_asked_once() {
    for who in people() {
        let (master, path) = terminal();
        who.own(Path::new(&path));
        let slave = fs::File::options().read(true).write(true).open(&path).expect("the terminal");
        let mut command = under(&who, ASK, &program("answers")).command();
        command.stdin(Stdio::from(slave));
        // SAFETY: only async-signal-safe calls.
        unsafe { command.pre_exec(own_terminal) };
        let child = command.spawn().expect("stockade starts");
        drop(command);
        let mut screen = fs::File::from(master);
        let mut seen = String::new();
        let mut wait_for = |screen: &mut fs::File, text: &str, from: usize| {
            let mut bytes = [0; 512];
            while !seen[from..].contains(text) {
                let length = screen.read(&mut bytes).expect("the terminal is open");
                seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
            seen.len()
        };
        // Anything else is asked again; then yes once, and never for all that follow.
        let at = wait_for(&mut screen, "calls mkdir(0x", 0);
        screen.write_all(b"what\n").expect("an answer");
        let at = wait_for(&mut screen, "calls mkdir(0x", at);
        screen.write_all(b"y\n").expect("an answer");
        let _at = wait_for(&mut screen, "calls mkdir(0x", at);
        screen.write_all(b"v\n").expect("an answer");
        let output = child.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let answer =
            |line: usize| said.lines().nth(line).expect("a line").split(' ').nth(3).expect("a word").to_owned();
        // ENOENT comes from the kernel, EPERM from whoever said never.
        assert_eq!([0, 1, 2, 3, 4].map(answer), ["2", "1", "1", "1", "1"], "{said}");
    }
}

#[test]
fn mistakes_are_named() {
    let who = &people()[0];
    let rule = |action: &str, decide: &str| {
        format!("[[Seccomp.Rule]]\nSyscalls = [\"getppid\"]\nAction = \"{action}\"\nDecide = \"{decide}\"\n")
    };
    let refused = |rules: &str, complaint: &str| {
        under(who, rules, "true").run().ends(78).complains(complaint).runs_nothing();
    };
    refused(&rule("trace:1", "open").replace("getppid", "openat"), "a tracer cannot open files");
    refused(&rule("trace:1", "perhaps"), "`perhaps` is not a decision");
    refused(&rule("errno:EPERM", "continue"), "takes no Decide");
    refused(&format!("{}{}", rule("trace:1", "log"), rule("trace:1", "continue")), "trace:1 is answered by log");
    let both = who.file(&who.place("both").join("both.toml"), rule("trace:1", "log"));
    let run = who.confined(&["-P", &both.to_string_lossy(), "-p", "Seccomp.Mode=strict"]).words(&["true"]);
    run.run().ends(78).complains("exclude each other").runs_nothing();
}
