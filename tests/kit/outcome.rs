//! What a command did, and what can be asserted about it.

use std::fmt;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use super::Run;

/// What a command did.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Its process id.
    pub(crate) pid: u32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// How it ended.
    pub(crate) status: ExitStatus,
    what: String,
}

/// Waits for the end, reading all the while; a command that does not end fails the test.
pub(crate) fn wait(run: &Run, mut child: Child) -> Outcome {
    let pid = child.id();
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let end = Instant::now() + run.patience;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if Instant::now() > end {
            child.kill().ok();
            child.wait().ok();
            panic!("still running after {:?} as {}: {:?}", run.patience, run.who.name, run.argv);
        }
        thread::sleep(Duration::from_millis(1));
    };
    let text = |thread: thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&thread.join().expect("the reader ends")).into_owned()
    };
    let words: Vec<String> = run.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    Outcome {
        pid,
        stdout: text(stdout),
        stderr: text(stderr),
        status,
        what: format!("as {}: {}", run.who.name, words.join(" ")),
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).ok();
        }
        bytes
    })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {}\n  {}\n--- stdout\n{}--- stderr\n{}", self.what, self.status, self.stdout, self.stderr)
    }
}

impl Outcome {
    /// It ended with this status.
    pub(crate) fn ends(&self, status: i32) -> &Self {
        assert_eq!(self.status.code(), Some(status), "{self}");
        self
    }

    /// It died by this signal.
    pub(crate) fn dies(&self, signal: i32) -> &Self {
        assert_eq!(self.status.signal(), Some(signal), "{self}");
        self
    }

    /// One of the lines of its output is this.
    pub(crate) fn says(&self, line: &str) -> &Self {
        assert!(self.stdout.lines().any(|said| said == line), "no line `{line}`{self}");
        self
    }

    /// None of the lines of its output begins like this.
    pub(crate) fn never_says(&self, start: &str) -> &Self {
        assert!(!self.stdout.lines().any(|said| said.starts_with(start)), "a line `{start}`{self}");
        self
    }

    /// Its standard error has this text.
    pub(crate) fn complains(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "no complaint `{text}`{self}");
        self
    }

    /// Nothing on standard error; but where this kernel's Landlock has no scopes (before ABI 6), the profiles that would
    /// rather have them say so at each launch.
    pub(crate) fn quietly(&self) -> &Self {
        let weaker = |line: &str| line.starts_with("stockade: weaker than asked: Landlock.Scope at profile:");
        let old = stockade::sys::facts::landlock().unwrap_or(0) < 6;
        assert!(self.stderr.lines().all(|line| old && weaker(line)), "not quiet{self}");
        self
    }

    /// Nothing on standard output: the target did not run.
    pub(crate) fn runs_nothing(&self) -> &Self {
        assert!(self.stdout.is_empty(), "the target ran{self}");
        self
    }

    /// The answers are these, line by line; `a|b` is either, `*` anything, `!a` anything but a.
    pub(crate) fn answers(&self, expected: &[(&str, &str)]) -> &Self {
        let lines: Vec<&str> = self.stdout.lines().collect();
        let wrong: Vec<String> = expected
            .iter()
            .enumerate()
            .filter_map(|(at, (verb, wanted))| {
                let said = lines.get(at).copied().unwrap_or("(nothing)");
                let answer = said.split_once(": ").map_or(said, |(_, answer)| answer);
                (!matches(answer, wanted)).then(|| format!("{verb}: {answer}, not {wanted}"))
            })
            .collect();
        assert!(wrong.is_empty() && lines.len() == expected.len(), "{wrong:#?}{self}");
        self
    }

    /// What follows `VERB: ` in the output.
    pub(crate) fn answer(&self, verb: &str) -> String {
        let start = format!("{verb}: ");
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no answer of {verb}{self}")).to_owned()
    }
}

fn matches(answer: &str, wanted: &str) -> bool {
    match wanted.strip_prefix('!') {
        Some(unwanted) => answer != unwanted && answer != "(nothing)",
        None => wanted == "*" || wanted.split('|').any(|word| word == answer),
    }
}
