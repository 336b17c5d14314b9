//! Each action in each situation.

use crate::kit::{Outcome, people};
use crate::{actions, rule};

/// How a situation ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The target dies by SIGSYS.
    Dies,
    /// It lives, and these are lines of its output.
    Says(&'static [&'static str]),
}

const LIVES: &str = "the first thread lives, threads: 1";

/// An action with what is seen in: a single thread, a second thread, a child after fork, after exec.
const TABLE: &[(&str, [End; 4])] = &[
    ("kill-process", [End::Dies, End::Dies, End::Says(&["child: signal 31"]), End::Dies]),
    ("kill-thread", [End::Dies, End::Says(&[LIVES]), End::Says(&["child: signal 31"]), End::Dies]),
    ("trap:7", [End::Dies, End::Dies, End::Says(&["child: signal 31"]), End::Dies]),
    ("errno:0", answers(&["result: 0"], &["result: 0", LIVES], &["result: 0", "child: exit 5"])),
    ("errno:EPERM", answers(&["result: -1"], &["result: -1", LIVES], &["result: -1", "child: exit 5"])),
    ("errno:4095", answers(&["result: -4095"], &["result: -4095", LIVES], &["result: -4095", "child: exit 5"])),
    // A child has its parent's group, and the test runs it in one of its own.
    ("log", answers(&["ran"], &["ran", LIVES], &["ran", "child: exit 5"])),
    ("notify errno:EPERM", answers(&["result: -1"], &["result: -1", LIVES], &["result: -1", "child: exit 5"])),
    ("notify value:42", answers(&["result: 42"], &["result: 42", LIVES], &["result: 42", "child: exit 5"])),
    ("notify continue", answers(&["ran"], &["ran", LIVES], &["ran", "child: exit 5"])),
    ("trace errno:EPERM", answers(&["result: -1"], &["result: -1", LIVES], &["result: -1", "child: exit 5"])),
    ("trace:9 value:42", answers(&["result: 42"], &["result: 42", LIVES], &["result: 42", "child: exit 5"])),
    ("trace continue", answers(&["ran"], &["ran", LIVES], &["ran", "child: exit 5"])),
    // Without a tracer.
    ("trace:9", answers(&["result: -38"], &["result: -38", LIVES], &["result: -38", "child: exit 5"])),
    ("allow", answers(&["ran"], &["ran", LIVES], &["ran", "child: exit 5"])),
];

const fn answers(
    single: &'static [&'static str],
    thread: &'static [&'static str],
    child: &'static [&'static str],
) -> [End; 4] {
    [End::Says(single), End::Says(thread), End::Says(child), End::Says(single)]
}

fn check(outcome: &Outcome, end: End) {
    match end {
        End::Dies => {
            outcome.dies(libc::SIGSYS).runs_nothing();
        }
        End::Says(lines) => {
            outcome.quietly().ends(7);
            let said: Vec<&str> = outcome.stdout.lines().collect();
            assert_eq!(said, lines, "{outcome}");
        }
    }
}

#[test]
fn every_action_in_every_situation() {
    for who in people() {
        for (action, ends) in TABLE {
            for (situation, end) in ["single", "thread", "fork", "exec"].iter().zip(ends) {
                let outcome = who.confined(&["-p", &rule(action)]).words(&[actions(), situation]).run();
                check(&outcome, *end);
            }
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn every_action_on_a_call_of_32_bits() {
    // A kernel without 32-bit calls delivers SIGSEGV for int 0x80, which fails here: nothing is skipped in silence.
    for who in people() {
        for (action, ends) in TABLE {
            let options = ["-p", &rule(action), "-p", "SystemCallArchitectures=x86"];
            check(&who.confined(&options).words(&[actions(), "narrow"]).run(), ends[0]);
        }
        let native = who.confined(&["-p", "SystemCallArchitectures=native"]).words(&[actions(), "narrow"]).run();
        check(&native, End::Dies);
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn rules_hold_on_their_architectures_only() {
    let rule = |architecture: &str| {
        format!("Seccomp.Rule={{ Syscalls = ['getpgid'], Action = 'errno:77', Architectures = ['{architecture}'] }}")
    };
    for who in people() {
        let tried = |architecture: &str, situation: &str| {
            let options = ["-p", &rule(architecture), "-p", "SystemCallArchitectures=x86"];
            who.confined(&options).words(&[actions(), situation]).run()
        };
        tried("x86", "narrow").says("result: -77");
        tried("x86", "single").says("ran");
        tried("native", "narrow").says("ran");
        tried("native", "single").says("result: -77");
    }
}

#[test]
fn a_trap_tells_the_handler_what_was_called() {
    let wanted = |number: i64, arch: u32| format!("caught 31: code 1 errno 4660 syscall {number} arch {arch:x}");
    let native = stockade::draft::arch::Arch::native().audit();
    for who in people() {
        for situation in ["single", "thread"] {
            let outcome = who.confined(&["-p", &rule("trap:4660")]).words(&[actions(), "handler", situation]).run();
            outcome.ends(7).says(&wanted(libc::SYS_getpgid, native)).says("result: 42");
        }
        #[cfg(target_arch = "x86_64")]
        {
            let options = ["-p", &rule("trap:4660"), "-p", "SystemCallArchitectures=x86"];
            let outcome = who.confined(&options).words(&[actions(), "handler", "narrow"]).run();
            outcome.ends(7).says(&wanted(132, 0x4000_0003)).says("result: 42");
        }
        // Other deaths by SIGSYS cannot be caught.
        for action in ["kill-process", "kill-thread"] {
            who.confined(&["-p", &rule(action)]).words(&[actions(), "handler", "single"]).run().dies(31).runs_nothing();
        }
    }
}

#[test]
fn actions_are_defaults_and_answers_of_single_calls_too() {
    let everything_else = "SystemCallFilter=@system-service";
    for who in people() {
        let ends = |options: &[&str], end| {
            let words: Vec<&str> = options.iter().flat_map(|option| ["-p", option]).collect();
            check(&who.confined(&words).words(&[actions(), "single"]).run(), end);
        };
        ends(&["SystemCallFilter=~getpgid:kill-thread"], End::Dies);
        ends(&["SystemCallFilter=~getpgid:trap:9"], End::Dies);
        ends(&["SystemCallFilter=~getpgid:log"], End::Says(&["ran"]));
        ends(&["SystemCallFilter=~getpgid:4095"], End::Says(&["result: -4095"]));
        ends(&["SystemCallFilter=~getpgid"], End::Dies);
        for (default, end) in [
            ("log", End::Says(&["ran"])),
            ("errno:0", End::Says(&["result: 0"])),
            ("errno:EACCES", End::Says(&["result: -13"])),
            ("kill-thread", End::Dies),
            ("kill-process", End::Dies),
            ("trap:3", End::Dies),
        ] {
            let default = format!("Seccomp.Default={default}");
            ends(&[everything_else, "SystemCallFilter=~getpgid", &default], end);
        }
    }
}

/// Of two filters the kernel takes the stricter answer, and of equally strict ones the newer filter's. Ours says the same
/// (`Action::and`), which the properties of the compiler rest on.
#[test]
fn the_stricter_answer_counts_and_then_the_newer() {
    use stockade::draft::action::Action;
    const ALL: [&str; 8] =
        ["kill-process", "kill-thread", "trap:7", "errno:EPERM", "errno:4095", "errno:0", "log", "allow"];
    let who = &people()[0];
    for older in ALL {
        for newer in ALL {
            let inner = who.confined(&["-p", &rule(newer)]).words(&[actions(), "handler", "single"]);
            let outer = who.confined(&["-p", &rule(older)]);
            let outcome = inner.behind(&outer.argv).run();
            let [older, newer] = [older, newer].map(|word| Action::parse(word).expect("an action"));
            match older.and(newer) {
                Action::KillProcess | Action::KillThread => outcome.dies(31),
                Action::Trap(_) => outcome.says("result: 42"),
                Action::Errno(number) => outcome.says(&format!("result: {}", -i32::from(number))),
                _ => outcome.says("ran"),
            };
        }
    }
}

#[test]
fn flags_are_accepted_by_the_kernel() {
    for who in people() {
        for flags in ["log", "spec-allow", "tsync", "log spec-allow tsync"] {
            let flags = format!("Seccomp.Flags={flags}");
            let options = ["-p", &rule("errno:EPERM"), "-p", &flags];
            who.confined(&options).words(&[actions(), "single"]).run().ends(7).says("result: -1");
        }
    }
}
