//! What the integration tests share: who runs, the probe, and assertions in one chain.
//!
//! Every case runs as root and as an ordinary user when the tests run as root, and once otherwise.
//! Nothing is skipped in silence: a test that goes without root or without a feature of the host says so on
//! standard error. What a host lacks must be left out of `STOCKADE_TEST_HOST`, a list of what it has (`userns,netns,landlock,audit`; without the variable all of them are expected). `containers`, files of Debian's
//! golang-github-containers-common, is expected only where it is named.

// Each test binary uses its own part of the kit.
#![allow(dead_code)]

mod outcome;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use outcome::Outcome;

/// The search path that every case starts with.
pub(crate) const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long one case may take. Far above what any needs: it bounds hangs, it measures nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who runs stockade.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// For messages and directory names.
    pub(crate) name: &'static str,
    /// User id.
    pub(crate) uid: u32,
    /// Group id.
    pub(crate) gid: u32,
    /// Whether the tests must change to this user first.
    switch: bool,
}

/// Root and an ordinary user, or whoever runs the tests.
pub(crate) fn people() -> Vec<Who> {
    let me = fs::metadata("/proc/self").expect("/proc is mounted");
    if me.uid() != 0 {
        return vec![Who { name: "user", uid: me.uid(), gid: me.gid(), switch: false }];
    }
    vec![Who { name: "root", uid: 0, gid: 0, switch: false }, ordinary()]
}

/// Root, for what nobody else can do; nobody where an ordinary user runs the tests, which is said.
pub(crate) fn roots() -> Vec<Who> {
    let roots: Vec<Who> = people().into_iter().filter(Who::is_root).collect();
    if roots.is_empty() {
        goes_without("root");
    }
    roots
}

/// The ordinary user of a test run by root: the first account of a person, or nobody.
fn ordinary() -> Who {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let person = accounts.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (1000..60000).contains(&uid).then_some((uid, gid))
    });
    let (uid, gid) = person.unwrap_or((65534, 65534));
    Who { name: "user", uid, gid, switch: true }
}

/// Whether the host has a feature; fails the test for a word that nobody knows.
pub(crate) fn host_has(feature: &str) -> bool {
    const FEATURES: [&str; 5] = ["userns", "netns", "landlock", "audit", "containers"];
    assert!(FEATURES.contains(&feature), "{feature} is not a feature of hosts");
    let Ok(words) = std::env::var("STOCKADE_TEST_HOST") else { return feature != "containers" };
    let words: Vec<&str> = words.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    for word in &words {
        assert!(FEATURES.contains(word), "STOCKADE_TEST_HOST: {word} is none of {FEATURES:?}");
    }
    let has = words.contains(&feature);
    if !has {
        goes_without(feature);
    }
    has
}

/// Says which test goes without what, once.
fn goes_without(what: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    // The harness gives a test's name to its thread.
    let text = format!("{}: goes without {what}", thread::current().name().unwrap_or("a test"));
    if SAID.lock().expect("no test panics here").insert(text.clone()) {
        say(&text);
    }
}

/// The kernel's release: its first two numbers.
pub(crate) fn kernel() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release.split(['.', '-']).map_while(|word| word.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// A word on standard error, past the harness, which keeps what passing tests print to itself.
pub(crate) fn say(text: &str) {
    io::stderr().write_all(format!("{text}\n").as_bytes()).expect("standard error can be written");
}

/// A directory outside every home, which anybody can read, with the binaries in it.
pub(crate) fn base() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(|| {
        sweep();
        let base = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        let base = made(&base, 0o755);
        let stockade = Path::new(env!("CARGO_BIN_EXE_stockade"));
        if fs::hard_link(stockade, base.join("stockade")).is_err() {
            fs::copy(stockade, base.join("stockade")).expect("stockade can be copied");
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/probe.c");
        compile(&source, &base.join("probe"), &["-std=gnu11", "-O1", "-static"]);
        base
    })
}

const PREFIX: &str = "stockade-test-";

/// A file beside [`base`].
pub(crate) fn marker() -> PathBuf {
    let path = base().with_extension("marker");
    fs::write(&path, "").expect("a file can be made");
    path
}

/// Removes what test runs that are over have left.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let pid = pid.trim_end_matches(".marker");
        if pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists() {
            // Somebody else's cannot be removed, and is none of our business.
            fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path())).ok();
        }
    }
}

/// Compiles a C program with the compiler that Rust links with.
pub(crate) fn compile(source: &Path, to: &Path, options: &[&str]) {
    let output = Command::new("cc").args(options).arg("-o").arg(to).arg(source).output();
    let output = output.expect("a C compiler is installed (Debian: gcc libc6-dev)");
    assert!(output.status.success(), "cc {}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
}

/// A fresh directory.
fn made(path: &Path, mode: u32) -> PathBuf {
    if let Err(error) = fs::remove_dir_all(path) {
        assert!(error.kind() == io::ErrorKind::NotFound, "{}: {error}", path.display());
    }
    fs::create_dir_all(path).expect("directories can be made");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("modes can be set");
    path.canonicalize().expect("the directory is there")
}

/// The probe.
pub(crate) fn probe() -> String {
    base().join("probe").to_string_lossy().into_owned()
}

/// Verbs of the probe as its arguments: `["read /etc/passwd", "mount /"]`.
pub(crate) fn verbs(verbs: &[&str]) -> Vec<String> {
    let mut words = vec![probe()];
    for (at, verb) in verbs.iter().enumerate() {
        if at > 0 {
            words.push(",".into());
        }
        words.extend(verb.split(' ').map(String::from));
    }
    words
}

/// `-p` for a policy that hides `/tmp` and the homes: the directory of the tests stays readable.
pub(crate) fn shown() -> String {
    format!("BindReadOnlyPaths={}", base().display())
}

impl Who {
    /// Whether this is root.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// A fresh directory that belongs to this person and to one case.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let home = base().join(self.name);
        if !home.exists() {
            fs::create_dir_all(&home).expect("directories can be made");
            self.own(&home);
        }
        let path = made(&home.join(name), 0o755);
        self.own(&path);
        path
    }

    /// Gives a file to this person.
    pub(crate) fn own(&self, path: &Path) {
        if self.switch {
            chown(path, Some(self.uid), Some(self.gid)).expect("root can give files away");
        }
    }

    /// A file of this person with this text.
    pub(crate) fn file(&self, path: &Path, text: impl AsRef<[u8]>) -> PathBuf {
        fs::write(path, text).expect("the file can be written");
        self.own(path);
        path.to_path_buf()
    }

    /// A command without any sandbox.
    pub(crate) fn bare<S: AsRef<OsStr>>(&self, argv: &[S]) -> Run {
        let home = base().join(self.name);
        if !home.exists() {
            self.place("first");
        }
        Run {
            who: self.clone(),
            argv: argv.iter().map(|word| word.as_ref().to_os_string()).collect(),
            environment: vec![
                ("PATH".into(), SEARCH.into()),
                ("HOME".into(), home.into()),
                ("LC_ALL".into(), "C".into()),
            ],
            directory: PathBuf::from("/"),
            input: None,
            patience: PATIENCE,
        }
    }

    /// stockade with these words.
    pub(crate) fn stockade<S: AsRef<OsStr>>(&self, words: &[S]) -> Run {
        let mut run = self.bare(&[base().join("stockade")]);
        run.argv.extend(words.iter().map(|word| word.as_ref().to_os_string()));
        run
    }

    /// `stockade run OPTIONS --`, to be completed by a target.
    pub(crate) fn confined<S: AsRef<OsStr>>(&self, options: &[S]) -> Run {
        self.stockade(&["run"]).words(options).words(&["--"])
    }

    /// The probe confined by `-p` properties, trying verbs; the answers line by line.
    pub(crate) fn tries(&self, options: &[&str], tried: &[&str]) -> Outcome {
        self.confined(options).words(&verbs(tried)).run()
    }
}

/// A command that is about to run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) who: Who,
    pub(crate) argv: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: PathBuf,
    input: Option<PathBuf>,
    patience: Duration,
}

impl Run {
    /// More words at the end.
    pub(crate) fn words<S: AsRef<OsStr>>(mut self, words: &[S]) -> Self {
        self.argv.extend(words.iter().map(|word| word.as_ref().to_os_string()));
        self
    }

    /// One more variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.retain(|(had, _)| had != name);
        self.environment.push((name.into(), value.as_ref().into()));
        self
    }

    /// The working directory.
    pub(crate) fn inside(mut self, directory: &Path) -> Self {
        self.directory = directory.to_path_buf();
        self
    }

    /// A file as standard input; /dev/null otherwise.
    pub(crate) fn input(mut self, path: &Path) -> Self {
        self.input = Some(path.to_path_buf());
        self
    }

    /// How long it may take at most.
    pub(crate) fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Puts words before the command: `strace -f`, `probe under ignore=13 --`.
    pub(crate) fn behind<S: AsRef<OsStr>>(mut self, words: &[S]) -> Self {
        let mut argv: Vec<OsString> = words.iter().map(|word| word.as_ref().to_os_string()).collect();
        argv.append(&mut self.argv);
        self.argv = argv;
        self
    }

    /// In the state that the probe's `under` makes.
    pub(crate) fn under(self, state: &[&str]) -> Self {
        let mut words = vec![probe(), "under".into()];
        words.extend(state.iter().map(|word| (*word).to_owned()));
        words.push("--".into());
        self.behind(&words)
    }

    /// The command as the standard library has it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.argv[0]);
        command.args(&self.argv[1..]).env_clear().current_dir(&self.directory);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let input = self
            .input
            .as_ref()
            .map_or_else(Stdio::null, |path| Stdio::from(fs::File::open(path).expect("the input is there")));
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.who.switch {
            // This also leaves every supplementary group.
            command.uid(self.who.uid).gid(self.who.gid);
        }
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Outcome {
        let start = Instant::now();
        let child = loop {
            match self.command().spawn() {
                Ok(child) => break child,
                // Another test's fork, not yet at its exec, still has open what this test has just written.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && start.elapsed() < self.patience => {}
                Err(error) => panic!("{}: {error}", self.argv[0].display()),
            }
        };
        outcome::wait(self, child)
    }
}
