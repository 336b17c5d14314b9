//! Strict mode and the filter like it, on programs that know nothing of it; seen from outside.

mod kit;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kit::{Who, base, compile, people};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Says that it runs, echoes its input, and ends by _exit(2) itself, as a program for strict mode must.
const RAW: &str = r#"
#include <unistd.h>
#include <sys/syscall.h>
static void end(long status) { for (;;) __asm__ volatile("syscall" :: "a"(SYS_exit), "D"(status) : "rcx", "r11", "memory"); }
int main(void) {
    char text[128];
    write(1, "ready\n", 6);
    long length = read(0, text, sizeof text);
    write(1, "echo:", 5);
    if (length > 0) write(1, text, length);
    end(42);
}
"#;

/// Ends as C programs do.
const RETURNS: &str = r#"
#include <unistd.h>
int main(void) { write(1, "output\n", 7); return 3; }
"#;

/// Opens a file before `work`, and tries to open another in it if it has an argument.
const WORKS: &str = r#"
#include <fcntl.h>
#include <unistd.h>
#include <sys/syscall.h>
int file;
__attribute__((noinline)) void work(int more) {
    char text[64];
    long length = read(file, text, sizeof text);
    write(1, text, length);
    if (more > 1) { open("/etc/hostname", O_RDONLY); write(1, "opened\n", 7); }
    for (;;) __asm__ volatile("syscall" :: "a"(SYS_exit), "D"(0L) : "rcx", "r11", "memory");
}
int main(int count, char **words) { file = open("input", O_RDONLY); work(count); return 1; }
"#;

/// Reads the time stamp counter.
const CLOCK: &str = r#"
#include <unistd.h>
#include <sys/syscall.h>
int main(void) {
    unsigned low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    write(1, "clock\n", 6);
    for (;;) __asm__ volatile("syscall" :: "a"(SYS_exit), "D"(0L) : "rcx", "r11", "memory");
}
"#;

/// Does something before main that strict mode cannot be entered after.
const EARLY: &str = r#"
#include <pthread.h>
#include <unistd.h>
#include <sys/wait.h>
static void *thread(void *nothing) { write(1, "beside\n", 7); sleep(30); return nothing; }
__attribute__((constructor)) static void early(void) {
#if defined THREAD
    pthread_t one;
    pthread_create(&one, 0, thread, 0);
#elif defined FORK
    if (fork() == 0) { thread(0); _exit(0); }
#elif defined VFORK
    if (vfork() == 0) _exit(0);
#elif defined EXEC
    execl("/bin/echo", "echo", "executed", (char *)0);
#elif defined WAIT
    pause();
#elif defined EXIT
    _exit(9);
#endif
}
int main(void) { write(1, "main\n", 5); _exit(0); }
"#;

/// The programs, made once.
fn programs() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = base().join("strict");
        fs::create_dir_all(&folder).expect("a folder");
        let source = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).expect("a source");
            path
        };
        let raw = source("raw.c", RAW);
        for (name, options) in KINDS {
            let options: Vec<&str> = options.split(' ').chain(["-O1"]).collect();
            compile(&raw, &folder.join(name), &options);
            let stripped: Vec<&str> = options.iter().copied().chain(["-s"]).collect();
            compile(&raw, &folder.join(format!("{name}-stripped")), &stripped);
        }
        compile(&source("returns.c", RETURNS), &folder.join("returns"), &["-O1"]);
        compile(&source("returns.c", RETURNS), &folder.join("returns-static"), &["-O1", "-static"]);
        compile(&source("works.c", WORKS), &folder.join("works"), &["-O1"]);
        compile(&source("clock.c", CLOCK), &folder.join("clock"), &["-O1"]);
        let early = source("early.c", EARLY);
        for way in ["THREAD", "FORK", "VFORK", "EXEC", "WAIT", "EXIT"] {
            let define = format!("-D{way}");
            compile(&early, &folder.join(format!("early-{way}")), &["-O1", "-pthread", &define]);
        }
        folder
    })
}

const KINDS: [(&str, &str); 4] =
    [("pie", "-pie -fPIE"), ("dynamic", "-no-pie"), ("static", "-static -no-pie"), ("static-pie", "-static-pie -fPIE")];

fn program(name: &str) -> String {
    programs().join(name).to_string_lossy().into_owned()
}

/// A field of /proc/PID/status.
fn field(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
}

/// Starts a raw program, looks at it from outside while it reads, and lets it end.
fn looked_at(who: &Who, options: &[&str], target: &str, mode: (&str, &str)) {
    let run = who.confined(options).words(&[target]);
    let what = format!("as {}: {options:?} {target}", who.name);
    let mut command = run.command();
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("stockade starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("output");
    assert_eq!(line, "ready\n", "{what}");
    // The launcher's own process id is the target's.
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let status = fs::read_to_string(process.join("status")).expect("its status");
    assert_eq!((field(&status, "Seccomp").as_str(), field(&status, "Seccomp_filters").as_str()), mode, "{what}");
    assert_eq!(field(&status, "TracerPid"), "0", "{what}");
    assert_eq!(field(&status, "Threads"), "1", "{what}");
    assert_eq!(field(&status, "SigBlk"), "0000000000000000", "{what}");
    let children = fs::read_to_string(process.join(format!("task/{}/children", child.id()))).expect("its children");
    assert_eq!(children, "", "{what}");
    child.stdin.take().expect("a pipe").write_all(b"hello\n").expect("input");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("output");
    assert_eq!(rest, "echo:hello\n", "{what}");
    assert_eq!(child.wait().expect("its end").code(), Some(42), "{what}");
}

#[test]
fn every_kind_of_program_gets_into_strict_mode() {
    for who in people() {
        for (kind, _) in KINDS {
            for name in [kind.to_owned(), format!("{kind}-stripped")] {
                for at in ["auto", "main"] {
                    let at = format!("Seccomp.StrictAt={at}");
                    looked_at(&who, &["-p", "Seccomp.Mode=strict", "-p", &at], &program(&name), ("1", "0"));
                }
                let options = ["-p", "Seccomp.Mode=strict-compat"];
                looked_at(&who, &options, &program(&name), ("2", "1"));
            }
        }
    }
}

#[test]
fn the_rest_of_the_policy_holds_too() {
    for who in people() {
        let mut options = vec!["-p", "Seccomp.Mode=strict", "-p", "UMask=0077", "-p", "LimitNOFILE=16"];
        if kit::host_has("userns") {
            options.extend(["-p", "PrivateNetwork=yes", "-p", "ProtectSystem=strict", "-p", "PrivateIPC=yes"]);
        }
        if who.is_root() {
            options.extend(["-p", "User=65534", "-p", "Group=65534"]);
        }
        looked_at(&who, &options, &program("pie"), ("1", "0"));
        looked_at(&who, &options, &program("static-stripped"), ("1", "0"));
    }
}

#[test]
fn a_filter_like_strict_mode_goes_with_others() {
    for who in people() {
        let options = ["-p", "Seccomp.Mode=strict-compat", "-p", "SystemCallFilter=~@mount"];
        looked_at(&who, &options, &program("pie"), ("2", "2"));
    }
}

#[test]
fn scripts_are_confined_at_their_interpreters_entry() {
    for who in people() {
        let place = who.place("script");
        let script = who.file(&place.join("script"), format!("#!{}\n", program("pie")));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        looked_at(&who, &["-p", "Seccomp.Mode=strict"], &script.to_string_lossy(), ("1", "0"));
    }
}

#[test]
fn a_name_that_is_no_text_changes_nothing() {
    use std::os::unix::ffi::OsStrExt;
    for who in people() {
        // As the kernel cuts names, in the middle of a letter, too.
        let copy = who.place("named").join(std::ffi::OsStr::from_bytes(b"n\xff\xfename"));
        fs::copy(program("static"), &copy).expect("it can be copied");
        let run = who.confined(&["-p", "Seccomp.Mode=strict"]).words(&[copy.as_os_str()]);
        let outcome = run.run();
        outcome.ends(42);
        assert!(outcome.stdout.starts_with("ready"), "{outcome}");
    }
}

#[test]
fn what_strict_mode_forbids_kills() {
    for who in people() {
        let place = who.place("works");
        who.file(&place.join("input"), "input\n");
        let works = |options: &[&str]| {
            who.confined(&["-p", "Seccomp.Mode=strict"]).inside(&place).words(&[program("works")]).words(options)
        };
        // Without its point the program is killed at its first open.
        works(&[]).run().dies(libc::SIGKILL).runs_nothing();
        let at = |point: &str, mode: &str, more: &[&str]| {
            let (mode, point) = (format!("Seccomp.Mode={mode}"), format!("Seccomp.StrictAt={point}"));
            who.confined(&["-p", &mode, "-p", &point]).inside(&place).words(&[program("works")]).words(more).run()
        };
        at("work", "strict", &[]).ends(0).says("input").quietly();
        at("work", "strict", &["more"]).dies(libc::SIGKILL).says("input").never_says("opened");
        at("work", "strict-compat", &["more"]).dies(libc::SIGSYS).says("input").never_says("opened");
        let symbols = std::process::Command::new("nm").arg(program("works")).output().expect("nm (binutils)");
        let symbols = String::from_utf8_lossy(&symbols.stdout).into_owned();
        let line = symbols.lines().find(|line| line.ends_with(" work")).expect("work");
        let address = format!("0x{}", line.split(' ').next().expect("an address").trim_start_matches('0'));
        at(&address, "strict", &["more"]).dies(libc::SIGKILL).says("input").never_says("opened");
        at("0x1", "strict", &[]).ends(228).complains("0x1 is not in the target's code").runs_nothing();
        at("nothing_like_it", "strict", &[]).ends(228).complains("no function `nothing_like_it`").runs_nothing();
    }
}

#[test]
fn the_c_librarys_exit_is_killed_in_strict_mode_only() {
    for who in people() {
        for name in ["returns", "returns-static"] {
            let run = |mode: &str| who.confined(&["-p", &format!("Seccomp.Mode={mode}")]).words(&[program(name)]).run();
            run("strict").dies(libc::SIGKILL).says("output");
            run("strict-compat").ends(3).says("output").quietly();
        }
    }
}

#[test]
fn the_time_stamp_counter_is_gone_in_strict_mode_only() {
    for who in people() {
        let run = |mode: &str| who.confined(&["-p", &format!("Seccomp.Mode={mode}")]).words(&[program("clock")]).run();
        run("strict").dies(libc::SIGSEGV).runs_nothing();
        run("strict-compat").ends(0).says("clock");
    }
}

#[test]
fn what_a_target_does_too_early_ends_it() {
    for who in people() {
        for (way, complaint) in [
            ("THREAD", "makes a thread before it gets to main"),
            ("FORK", "makes a process before it gets to main"),
            ("VFORK", "makes a process before it gets to main"),
            ("EXEC", "executes another program before it gets to main"),
            ("WAIT", "does not get to main in 10 seconds"),
        ] {
            for mode in ["strict", "strict-compat"] {
                if way == "WAIT" && mode != "strict" {
                    continue;
                }
                let mode = format!("Seccomp.Mode={mode}");
                let run = who.confined(&["-p", &mode, "-p", "Seccomp.StrictAt=main"]);
                run.words(&[program(&format!("early-{way}"))]).run().ends(228).complains(complaint).runs_nothing();
            }
        }
        // A target that ends by itself has its own status.
        let run = who.confined(&["-p", "Seccomp.Mode=strict", "-p", "Seccomp.StrictAt=main"]);
        run.words(&[program("early-EXIT")]).run().ends(9).quietly();
    }
}

#[test]
fn unsuitable_files_are_refused_before_the_start() {
    for who in people() {
        let place = who.place("files");
        let copy = |name: &str, mode: u32| {
            let path = place.join(name);
            fs::copy(program("pie"), &path).expect("a copy");
            who.own(&path);
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("modes can be set");
            path.to_string_lossy().into_owned()
        };
        let strict = |target: &str| who.confined(&["-p", "Seccomp.Mode=strict"]).words(&[target]).run();
        strict(&copy("set-user", 0o4755)).ends(228).complains("set-user-id").runs_nothing();
        strict(&copy("set-group", 0o2755)).ends(228).complains("set-group-id").runs_nothing();
        let unreadable = copy("unreadable", 0o311);
        if !who.is_root() {
            strict(&unreadable).ends(228).complains("cannot be read").runs_nothing();
            // Nobody can look into this beforehand; it must not run unconfined for all that.
            let script = who.file(&place.join("script"), format!("#!{unreadable}\n"));
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("modes can be set");
            let outcome = strict(&script.to_string_lossy());
            assert!(!outcome.status.success(), "{outcome}");
            outcome.complains("cannot be traced").runs_nothing();
        }
        let mut foreign = fs::read(program("pie")).expect("a program");
        foreign[18] = 183;
        let path = who.file(&place.join("foreign"), &foreign);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        strict(&path.to_string_lossy()).ends(228).complains("another architecture").runs_nothing();
    }
}

#[test]
fn a_traced_launcher_refuses() {
    for who in people() {
        for mode in ["strict", "strict-compat"] {
            let run = who.confined(&["-p", &format!("Seccomp.Mode={mode}")]).words(&[program("returns")]);
            let outcome = run.behind(&["strace", "-f", "-o", "/dev/null"]).run();
            outcome.ends(228).complains("traces stockade already").runs_nothing();
        }
    }
}

#[test]
fn filters_and_strict_mode_exclude_each_other() {
    for who in people() {
        let both = ["-p", "Seccomp.Mode=strict", "-p", "SystemCallFilter=~@mount"];
        let outcome = who.confined(&both).words(&[program("returns")]).run();
        outcome.ends(78).complains("Seccomp.Mode").complains("SystemCallFilter").runs_nothing();
        let stockade = base().join("stockade").to_string_lossy().into_owned();
        let inner = [stockade.as_str(), "run", "-p", "Seccomp.Mode=strict", "--"];
        let outcome =
            who.confined(&["-p", "SystemCallFilter=~@mount"]).words(&inner).words(&[program("returns")]).run();
        outcome.ends(228).complains("has a filter already").runs_nothing();
        let refusing = ["-p", "Seccomp.Mode=strict-compat", "-p", "SystemCallFilter=~seccomp"];
        let outcome = who.confined(&refusing).words(&[program("returns")]).run();
        outcome.ends(78).complains("seccomp(2)").runs_nothing();
    }
}

#[test]
fn signals_reach_a_target_in_strict_mode() {
    for who in people() {
        let run = who.confined(&["-p", "Seccomp.Mode=strict"]).words(&[program("pie")]);
        let mut child = run.command().stdin(Stdio::piped()).spawn().expect("stockade starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("output");
        assert_eq!(line, "ready\n");
        let pid = Pid::from_raw(child.id().try_into().expect("a process id"));
        kill(pid, Signal::SIGTERM).expect("a signal");
        assert_eq!(child.wait().expect("its end").signal(), Some(libc::SIGTERM));
    }
}

#[test]
fn a_target_on_its_way_hears_signals_and_dies_with_its_tracer() {
    for who in people() {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            let run = who.confined(&["-p", "Seccomp.Mode=strict", "-p", "Seccomp.StrictAt=main"]);
            let mut child = run.words(&[program("early-WAIT")]).command().spawn().expect("stockade starts");
            let process = PathBuf::from(format!("/proc/{}", child.id()));
            let end = Instant::now() + kit::PATIENCE;
            let waits = || fs::read_to_string(process.join("syscall")).is_ok_and(|call| call.starts_with("34 "));
            while !waits() {
                assert!(Instant::now() < end, "it never gets to pause(2)");
                std::thread::sleep(Duration::from_millis(1));
            }
            let status = fs::read_to_string(process.join("status")).expect("its status");
            let tracer = field(&status, "TracerPid").parse().expect("a number");
            assert_ne!(tracer, 0);
            // The one goes to the target, the other to its tracer.
            let whom = if signal == Signal::SIGKILL { tracer } else { child.id().try_into().expect("a process id") };
            kill(Pid::from_raw(whom), signal).expect("a signal");
            assert_eq!(child.wait().expect("its end").signal(), Some(signal as i32));
        }
    }
}

#[test]
fn explain_says_what_is_done() {
    for who in people() {
        let outcome = who.stockade(&["explain", "-p", "Seccomp.Mode=strict", "--", "cat"]).run();
        assert!(outcome.stdout.contains("let a helper trace the launcher"), "{outcome}");
        assert!(outcome.stdout.contains("enter seccomp's strict mode there"), "{outcome}");
    }
}
