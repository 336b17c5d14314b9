//! Seccomp.ExecOnce: what the target executes, its children execute, and who can know the cookie.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::process::{Child, Command};

use crate::actions;
use crate::kit::{Who, base, people, roots};

const ONCE: [&str; 2] = ["-p", "Seccomp.ExecOnce=yes"];

#[test]
fn a_shell_starts_and_nothing_after_it() {
    const SCRIPT: &str = "while read -r name value; do case $name in Seccomp*) echo \"$name $value\";; esac; done \
         </proc/self/status; /bin/true; echo \"then $?\"; (/bin/true); echo \"subshell $?\"; exec /bin/true";
    for who in people() {
        // The same by a list that leaves execve out.
        let list = [
            "-p",
            "SystemCallFilter=@system-service",
            "-p",
            "SystemCallFilter=~execve execveat",
            "-p",
            "SystemCallErrorNumber=EPERM",
        ];
        for options in [&ONCE[..], &list] {
            let outcome = who.confined(options).words(&["/bin/sh", "-c", SCRIPT]).run();
            outcome.ends(126).says("Seccomp: 2").says("Seccomp_filters: 1").says("then 126").says("subshell 126");
            outcome.complains("Operation not permitted");
        }
    }
}

#[test]
fn the_cookie_cannot_be_guessed() {
    for who in people() {
        who.confined(&ONCE).words(&[actions(), "guess"]).run().quietly().ends(0).says("nothing executed");
    }
}

/// A target that waits, and what has been said about it.
struct Waiting(Child);

impl Waiting {
    fn new(who: &Who) -> Self {
        let mut child = who.confined(&ONCE).words(&[actions(), "wait"]).command().spawn().expect("a child");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert_eq!(line, "here\n");
        Self(child)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The cookie, which root can read from the filter.
fn cookie(pid: u32) -> Vec<u64> {
    let output = Command::new(base().join("stockade"))
        .args(["filter", "--json", "--try", "execve", "--pid", &pid.to_string()])
        .output()
        .expect("stockade runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<u64> = text
        .split('"')
        .filter_map(|word| word.split_once(" == 0x"))
        .map(|(_, digits)| u64::from_str_radix(digits, 16).expect("a number"))
        .collect();
    assert_eq!(words.len(), 3, "{text}{}", String::from_utf8_lossy(&output.stderr));
    words
}

#[test]
fn the_cookie_is_nowhere_in_the_target_and_new_every_time() {
    // Only root can read a filter, and so know what must not be found.
    for who in &roots() {
        let (first, second) = (Waiting::new(who), Waiting::new(who));
        let words = cookie(first.0.id());
        assert!(cookie(second.0.id()).iter().all(|word| !words.contains(word)));
        let pid = first.0.id();
        let mut memory = File::open(format!("/proc/{pid}/mem")).expect("root reads memory");
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps");
        let mut searched = 0;
        for line in maps.lines().filter(|line| !line.contains("[vsyscall]") && !line.contains("[vvar")) {
            let (range, _) = line.split_once(' ').expect("a range");
            let (from, to) = range.split_once('-').expect("two ends");
            let [from, to] = [from, to].map(|end| u64::from_str_radix(end, 16).expect("an address"));
            let mut bytes = vec![0; usize::try_from(to - from).expect("a small mapping")];
            memory.seek(SeekFrom::Start(from)).expect("seekable");
            if memory.read_exact(&mut bytes).is_err() {
                assert!(line.contains("---p"), "{line}");
                continue;
            }
            searched += bytes.len();
            for word in &words {
                let word = word.to_ne_bytes();
                // Half of it would be half too much.
                for half in [&word[..4], &word[4..]] {
                    assert!(!bytes.windows(4).any(|found| found == half), "in {line}");
                }
            }
        }
        assert!(searched > 100_000, "only {searched} bytes");
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).expect("root reads registers");
        assert!(words.iter().all(|word| !call.contains(&format!("{word:x}"))), "{call}");
    }
}
