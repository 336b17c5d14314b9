//! strace(1) as the one who spoils: lists the calls of a launch, and makes one of them fail.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kit::{Outcome, Run, Who, people};

/// One system call of a launch.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its name.
    pub(crate) name: String,
    /// Which one of that name in its process, from one.
    pub(crate) occurrence: usize,
    /// Whether it belongs to the start of the C library, before stockade's own code.
    pub(crate) early: bool,
    /// As strace printed it.
    pub(crate) line: String,
}

impl Call {
    /// Whether the installed strace does not know the call.
    pub(crate) fn is_newer(&self) -> bool {
        self.name.starts_with("syscall_")
    }
}

fn traced(launch: &Run, words: &[&str], to: &std::path::Path) -> Outcome {
    let mut all = vec!["/usr/bin/strace", "-f", "-qq", "-o", to.to_str().expect("the path is UTF-8")];
    all.extend(words);
    launch.clone().behind(&all).run()
}

/// A file of its own for each trace.
fn log(who: &Who) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static PLACES: OnceLock<Vec<(&'static str, PathBuf)>> = OnceLock::new();
    let places = PLACES.get_or_init(|| people().iter().map(|who| (who.name, who.place("strace"))).collect());
    let (_, place) = places.iter().find(|(name, _)| *name == who.name).expect("everybody has a place");
    place.join(COUNT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// Every call from the start to the execve of the target, of every process of the launcher.
pub(crate) fn calls(launch: &Run, who: &Who) -> Vec<Call> {
    let to = log(who);
    traced(launch, &["-e", "trace=all"], &to).quietly().ends(0);
    let text = fs::read_to_string(&to).expect("strace wrote its output");
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    let mut seen = Vec::new();
    let mut early = true;
    let mut finished = false;
    for line in text.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        // Signals, exits and the second halves of interrupted calls.
        if rest.starts_with("<...") || rest.starts_with("---") || rest.starts_with("+++") {
            continue;
        }
        let Some((name, _)) = rest.split_once('(') else { continue };
        let count = counts.entry((pid.to_owned(), name.to_owned())).or_default();
        *count += 1;
        let occurrence = *count;
        if name == "execve" && seen.is_empty() {
            // strace's own start of stockade, which it does not count when it injects.
            *count = 0;
            continue;
        }
        if !name.starts_with("exit") {
            seen.push(Call { name: name.to_owned(), occurrence, early, line: rest.chars().take(120).collect() });
        }
        // The C library's start ends with its own relocations made read-only.
        if name == "mprotect" && rest.contains("PROT_READ)") {
            early = false;
        }
        // A target that was made undumpable does not show strace its strings.
        if name == "execve" && rest.ends_with("= 0") {
            finished = true;
            break;
        }
    }
    assert!(finished && !early, "the trace has no start of the target\n{text}");
    seen
}

/// Calls that are newer than strace may be: stockade itself, around the launch, answers them with the error, every one.
const NEWER: [(&str, &str); 1] = [("syscall_0x1d3", "open_tree_attr")];

fn newer(launch: &Run, call: &Call, error: &str) -> Outcome {
    let known = NEWER.iter().find(|(number, _)| *number == call.name);
    let (_, name) = known.unwrap_or_else(|| panic!("{} is newer than strace, and not in the list", call.name));
    let stockade = crate::kit::base().join("stockade").display().to_string();
    let filter = format!("SystemCallFilter=~{name}:{error}");
    launch.clone().behind(&[&stockade, "run", "-p", filter.as_str(), "--"]).run()
}

fn spoilt(launch: &Run, call: &Call, what: &str) -> Outcome {
    if call.is_newer() {
        return newer(launch, call, what.strip_prefix("error=").unwrap_or("kill"));
    }
    let inject = format!("inject={}:{what}:when={}", call.name, call.occurrence);
    let trace = format!("trace={}", call.name);
    let to = log(&launch.who);
    let outcome = traced(launch, &["-e", &trace, "-e", &inject], &to);
    let text = fs::read_to_string(&to).unwrap_or_default();
    fs::remove_file(&to).ok();
    assert!(text.contains("(INJECTED)") || what.starts_with("signal"), "{inject} did not happen{outcome}{text}");
    outcome
}

/// The launch with an error of one call.
pub(crate) fn injected(launch: &Run, call: &Call, error: &str) -> Outcome {
    // Memory is refused with another word, and the C library's start knows no other.
    let error =
        if matches!(call.name.as_str(), "mmap" | "mprotect" | "mremap") && error == "EPERM" { "ENOMEM" } else { error };
    // brk(2) says that it failed by its old value, never by an error.
    if call.name == "brk" {
        return spoilt(launch, call, "retval=0");
    }
    spoilt(launch, call, &format!("error={error}"))
}

/// The launch with the launcher killed at the entry of one call.
pub(crate) fn killed(launch: &Run, call: &Call) -> Outcome {
    spoilt(launch, call, "signal=SIGKILL")
}
