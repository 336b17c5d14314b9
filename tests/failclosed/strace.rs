//! strace(1) as the one who spoils: lists the calls of a launch, and makes one of them fail.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use crate::kit::{Outcome, Run, Who, probe};

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

fn traced(launch: &Run, words: &[&str], to: &std::path::Path) -> Outcome {
    let mut all = vec!["/usr/bin/strace", "-f", "-qq", "-o", to.to_str().expect("the path is UTF-8")];
    all.extend(words);
    launch.clone().behind(&all).run()
}

fn log(who: &Who, name: &str) -> PathBuf {
    let place = crate::kit::base().join(who.name).join("strace");
    if !place.exists() {
        fs::create_dir_all(&place).expect("directories can be made");
        who.own(&place);
    }
    place.join(name)
}

/// Every call from the start to the execve of the target, of every process of the launcher.
pub(crate) fn calls(launch: &Run, who: &Who) -> Vec<Call> {
    let to = log(who, "calls");
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
        if name == "execve" && occurrence == 1 && seen.is_empty() && counts.len() == 1 {
            continue; // strace's own start of stockade.
        }
        if !name.starts_with("exit") {
            seen.push(Call { name: name.to_owned(), occurrence, early, line: rest.chars().take(120).collect() });
        }
        // The C library's start ends with its own relocations made read-only.
        if name == "mprotect" && rest.contains("PROT_READ)") {
            early = false;
        }
        if name == "execve" && rest.contains(&probe()) {
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

fn spoilt(launch: &Run, call: &Call, what: &str, name: &str) -> Outcome {
    if call.name.starts_with("syscall_") {
        return newer(launch, call, what.strip_prefix("error=").unwrap_or("kill"));
    }
    let inject = format!("inject={}:{what}:when={}", call.name, call.occurrence);
    let trace = format!("trace={}", call.name);
    let to = log(&launch.who, name);
    let outcome = traced(launch, &["-e", &trace, "-e", &inject], &to);
    let text = fs::read_to_string(&to).unwrap_or_default();
    fs::remove_file(&to).ok();
    assert!(text.contains("(INJECTED)") || what.starts_with("signal"), "{inject} did not happen{outcome}{text}");
    outcome
}

/// The launch with an error of one call.
pub(crate) fn injected(launch: &Run, call: &Call, error: &str, name: &str) -> Outcome {
    // Memory is refused with another word, and the C library's start knows no other.
    let error =
        if matches!(call.name.as_str(), "mmap" | "mprotect" | "mremap") && error == "EPERM" { "ENOMEM" } else { error };
    spoilt(launch, call, &format!("error={error}"), name)
}

/// The launch with the launcher killed at the entry of one call.
pub(crate) fn killed(launch: &Run, call: &Call, name: &str) -> Outcome {
    spoilt(launch, call, "signal=SIGKILL", name)
}
