//! Whatever fails while the sandbox is made: the target does not run.
//!
//! A launch is traced once to learn every system call between the start of stockade and its last
//! execve. Then it is repeated once for each of them, with an error injected there. strace(1) is the
//! oracle; nothing in stockade knows that it is watched.

mod kit;

#[path = "failclosed/strace.rs"]
mod strace;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use kit::{Outcome, Run, Who, people, shown, verbs};
use strace::{Call, calls, injected, killed};

/// A call whose failure may leave the target running. What it runs in must still be the same to the last bit.
struct Optional {
    call: &'static str,
    /// What its line in the trace has; empty for every call of the name.
    like: &'static str,
    /// The cases; empty for all of them.
    cases: &'static [&'static str],
    #[allow(dead_code)] // For the reader.
    reason: &'static str,
}

const fn optional(call: &'static str, like: &'static str, reason: &'static str) -> Optional {
    Optional { call, like, cases: &[], reason }
}

impl Optional {
    fn covers(&self, case: &Case, call: &Call) -> bool {
        call.name == self.call
            && call.line.contains(self.like)
            && (self.cases.is_empty() || self.cases.contains(&case.name))
    }
}

const OPTIONAL: &[Optional] = &[
    optional(
        "close",
        "",
        "the kernel frees the descriptor whatever it answers, and none of the set-up's outlives execve",
    ),
    optional("munmap", "", "memory that stays mapped goes with execve"),
    optional("madvise", "", "advice"),
    optional("mremap", "", "the allocator copies instead"),
    optional("brk", "", "the allocator takes mmap instead"),
    optional("mmap", "", "the allocator takes brk instead"),
    optional("fcntl", "F_GETFD", "assertions of a debug build"),
    optional("close_range", "", "an older kernel's way: one by one"),
    optional("personality", "0xffffffff", "proc(5) tells it too"),
    optional("openat", "\"/dev/tty\"", "a terminal that stockade may not open the target may not, either"),
    optional("statx", "/.config/stockade/", "a home that a unit hides has no profiles in it"),
    optional("statx", "/stockade/", "the same"),
    optional("statx", "AT_EMPTY_PATH", "the size of a file, only to reserve memory"),
    optional(
        "openat",
        "max_user_namespaces",
        "asks beforehand whether a user namespace can be had; the kernel answers again",
    ),
    optional("openat", "userns", "the same"),
    optional("read", "read(3, \"\", 2)", "the end of the same file"),
    optional("read", "\", 32)", "the number in it"),
    optional("statx", "statx(0, NULL", "Rust asks whether the kernel has the call"),
    optional("mknodat", "S_IFCHR", "the host's node is bound instead"),
    optional(
        "move_mount",
        "0x200",
        "beneath what is there, where the kernel can (6.5); the older way leads to the same",
    ),
    optional("syscall_0x1d3", "", "open_tree_attr: an older kernel's way, in two calls"),
    optional("socket", "AF_INET, SOCK_DGRAM", "a socket of any family will do"),
    optional(
        "mount",
        "MS_NOSUID|MS_NODEV|MS_NOEXEC",
        "a new view of the devices of the network; the old one stays read-only",
    ),
    Optional {
        call: "landlock_create_ruleset",
        like: "NULL, 0, LANDLOCK_CREATE_RULESET_VERSION",
        cases: &["strict"],
        reason: "the profile says Prefer = [\"Landlock\"]; it is told on standard error",
    },
];

/// Calls that cannot fail and have no way to say so: an error would be taken for an id.
const SURE: &[&str] = &["getuid", "geteuid", "getgid", "getegid", "getpid", "getppid"];

/// Calls that the kernel never refuses, and whose refusal may end stockade by an assertion instead of a
/// message. Nothing runs then, either.
const CRASHES: &[(&str, &str)] = &[("umask", "umask(2): this system call always succeeds; nix asserts it")];

/// A launch to spoil.
struct Case {
    name: &'static str,
    who: Who,
    options: Vec<String>,
    place: PathBuf,
}

/// Everything a policy can change, as the target sees it.
///
/// Without children: strace counts the calls of each process on its own, and would spoil theirs.
const STATE: &[&str] = &[
    "caps",
    "flags",
    "ids",
    "status Seccomp",
    "status Seccomp_filters",
    "signals",
    "fds",
    "umask",
    "limit nofile",
    "interfaces",
    "write /usr/stockade-probe",
    "write /etc/stockade-probe",
    "read /home",
    "mode /home",
    "access /dev/kmsg",
    "device /dev/ptmx",
    "access /run/lock",
    "setns uts",
    "keyctl",
    "bpf",
    "mount /mnt",
    "wx",
    "realtime",
    "personality 8",
    "socket 16 3 0",
    "socket 2 1 0",
    "hostname",
    "read /proc/kallsyms",
    "write /proc/sys/kernel/hostname",
    "read /etc/passwd",
    "cwd",
    "unshared user",
];

impl Case {
    fn launch(&self) -> Run {
        // A /tmp of its own does not have the marker.
        let marker = format!("access {}", kit::marker().display());
        let state = [&[marker.as_str()], STATE].concat();
        self.who.confined(&self.options).words(&verbs(&state)).inside(&self.place)
    }
}

/// Several policies, for everybody.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for who in people() {
        let place = who.place("closed");
        let landlock = who.file(
            &place.join("landlock.toml"),
            "NoNewPrivileges = true\n[Landlock]\nReadExecute = [\"/\"]\nReadWrite = [\"/dev\"]\n",
        );
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut add = |name, options| cases.push(Case { name, who: who.clone(), options, place: place.clone() });
        add("strict", words(&["-P", "strict", "-p", &shown()]));
        add("container-default", words(&["-P", "container-default"]));
        add("landlock", words(&["-P", &landlock.display().to_string()]));
        add(
            "filter",
            words(&[
                "-p",
                "SystemCallFilter=~bpf",
                "-p",
                "SystemCallErrorNumber=EPERM",
                "-p",
                "LimitNOFILE=64",
                "-p",
                "UMask=0077",
            ]),
        );
        if who.is_root() {
            add(
                "service",
                words(&[
                    "-P",
                    "service",
                    "-p",
                    &shown(),
                    "-p",
                    "User=65534",
                    "-p",
                    "AmbientCapabilities=CAP_KILL",
                    "-p",
                    "PrivateUsers=yes",
                ]),
            );
        }
    }
    cases
}

/// Does something for every call, two at a time; the complaints.
fn each(calls: &[Call], act: impl Fn(&Call) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let worker = || {
            let mut complaints = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(call) = calls.get(at) else { return complaints };
                complaints.extend(act(call));
            }
        };
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no case panics")).collect()
    })
}

/// Whether the target found itself in the very state of an undisturbed launch.
fn same(call: &Call, normal: &Outcome, outcome: &Outcome) -> bool {
    // Where strace is too old for the call, a filter gives the error: one more than otherwise, and it
    // brings no_new_privs along for a user.
    let lines = |outcome: &Outcome| -> Vec<String> {
        let more = |line: &&str| !call.is_newer() || !line.starts_with("status: Seccomp");
        outcome.stdout.lines().filter(more).map(String::from).collect()
    };
    outcome.status.success() && lines(outcome) == lines(normal)
}

/// What is wrong with the outcome of a launch that was spoilt at a call.
fn complaint(case: &Case, call: &Call, normal: &Outcome, outcome: &Outcome) -> Option<String> {
    let wrong = if outcome.stdout.is_empty() {
        let status = outcome.status;
        let told = outcome.stderr.contains("stockade") || outcome.stderr.contains("error:");
        if status.success() {
            Some("nothing ran, and the status is success")
        } else if call.early {
            // Before main there is nobody to explain; that nothing ran is all that can be asked.
            None
        } else if CRASHES.iter().any(|(name, _)| *name == call.name) {
            None
        } else if status.signal().is_some() || outcome.stderr.contains("panicked") {
            Some("it crashed instead of refusing")
        } else if !told && call.name != "write" {
            Some("it failed without a word")
        } else if !matches!(status.code(), Some(64 | 78 | 126 | 127 | 200..=255)) {
            Some("the status names no step")
        } else {
            None
        }
    } else if !same(call, normal, outcome) {
        Some("THE TARGET RAN IN ANOTHER STATE")
    } else if call.early || OPTIONAL.iter().any(|optional| optional.covers(case, call)) {
        None
    } else {
        Some("the target ran although the call is not on the list of optional ones")
    };
    wrong.map(|wrong| {
        let both = outcome.stdout.lines().zip(normal.stdout.lines());
        let changed: Vec<String> =
            both.filter(|(is, was)| is != was).map(|(is, was)| format!("{is}, not {was}")).collect();
        let place = format!("{} as {}: {} #{} ({})", case.name, case.who.name, call.name, call.occurrence, call.line);
        format!("{place}: {wrong}\n  {}: {}{changed:#?}", outcome.status, outcome.stderr)
    })
}

/// One test at a time: they look at what the others change.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spoil(error: &str, chosen: impl Fn(&Call) -> bool, fine: impl Fn(&Call, &Outcome, &Outcome) -> bool + Sync) {
    let _turn = turn();
    let mut all = Vec::new();
    for case in cases() {
        let launch = case.launch();
        let normal = launch.run();
        normal.quietly().ends(0);
        let calls = calls(&launch, &case.who);
        let chosen: Vec<Call> =
            calls.into_iter().filter(|call| chosen(call) && !SURE.contains(&call.name.as_str())).collect();
        assert!(chosen.len() > 3, "{} as {}: {} calls", case.name, case.who.name, chosen.len());
        all.extend(each(&chosen, |call| {
            let outcome = injected(&launch, call, error);
            if fine(call, &normal, &outcome) { None } else { complaint(&case, call, &normal, &outcome) }
        }));
    }
    assert!(all.is_empty(), "{} calls\n{}", all.len(), all.join("\n"));
}

#[test]
fn an_error_in_any_call_keeps_the_target_from_running() {
    spoil("EPERM", |_| true, |_, _, _| false);
}

#[test]
fn a_call_that_an_older_kernel_lacks_has_a_way_round_or_is_refused() {
    const OLD: [&str; 8] = ["execve", "mmap", "brk", "read", "write", "close", "munmap", "rt_sigaction"];
    // A way round is welcome, if it leads to the same place.
    spoil("ENOSYS", |call| !call.early && !OLD.contains(&call.name.as_str()), same);
}

#[test]
fn a_launcher_killed_at_any_call_leaves_nothing() {
    let traces = || {
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
        let names = |path: &str| -> BTreeSet<String> {
            let Ok(entries) = fs::read_dir(path) else { return BTreeSet::new() };
            entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .filter(|name| name.contains("stockade") && !name.starts_with("stockade-test-"))
                .collect()
        };
        (mounts, names("/tmp"), names("/run"), names("/var/tmp"), names("/dev/shm"), launchers())
    };
    let _turn = turn();
    let before = traces();
    for case in cases().iter().filter(|case| matches!(case.name, "strict" | "service")) {
        let launch = case.launch();
        let chosen: Vec<Call> = calls(&launch, &case.who).into_iter().filter(|call| !call.early).collect();
        let complaints = each(&chosen, |call| {
            let outcome = killed(&launch, call);
            (!outcome.stdout.is_empty()).then(|| format!("{} #{}: the target ran{outcome}", call.name, call.occurrence))
        });
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
    // A helper process notices the death of its parent in its own time.
    let end = std::time::Instant::now() + kit::PATIENCE;
    while launchers() != before.5 && std::time::Instant::now() < end {
        thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(before, traces());
}

/// Processes of this test run that are still stockade or the probe.
fn launchers() -> usize {
    let base = kit::base();
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    entries
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join("exe")).is_ok_and(|path| path.starts_with(base)))
        .count()
}

/// Also where it is not the target's process that lacks one.
#[test]
fn too_few_descriptors_are_never_met_with_silence() {
    for who in people() {
        for limit in 3..16 {
            let run = who.confined(&["-p", "PrivatePIDs=yes"]).words(&verbs(&["ids"]));
            let outcome = run.behind(&["prlimit", &format!("--nofile={limit}")]).run();
            if !outcome.status.success() {
                outcome.runs_nothing().complains("too many open files");
            }
        }
    }
}

/// stockade around stockade, with this policy.
fn outer(policy: &Path) -> [OsString; 5] {
    let stockade = kit::base().join("stockade");
    [stockade.into(), "run".into(), "-P".into(), policy.into(), "--".into()]
}

/// Filters that let programs believe they are root answer with a success that is none.
#[test]
fn ids_that_only_seem_to_change_stop_the_launch() {
    let Some(who) = people().into_iter().find(Who::is_root) else { return };
    for (call, property) in
        [("setresuid", "User=nobody"), ("setresgid", "Group=nogroup"), ("setgroups", "SupplementaryGroups=daemon adm")]
    {
        let text = format!("[[Seccomp.Rule]]\nSyscalls = [\"{call}\"]\nAction = \"errno:0\"\n");
        let around = who.file(&who.place("around").join("policy.toml"), text);
        let outcome = who.confined(&["-p", property]).words(&verbs(&["ids"])).behind(&outer(&around)).run();
        outcome.runs_nothing().complains("nothing has changed: a filter around stockade");
        assert!(matches!(outcome.status.code(), Some(216 | 217)), "{call}: {:?}", outcome.status);
    }
}
