//! `stockade run`: wrap a command.

use std::ffi::OsString;
use std::os::unix::net::UnixDatagram;

use clap::{ArgMatches, Command};

use crate::draft::{Draft, Explain};
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::plan::{Plan, command};
use crate::policy::Policy;
use crate::report::{explain, manual};
use crate::text::Document;
use crate::text::profiles::{Library, shipped};

use super::door::{self, Faults};
use super::monitor::Told;
use super::options::{self, Plain, RUN};
use super::pod::{self, Pod};
use super::unit::{self, Chosen};

/// Where journald takes messages.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// What to start, and in what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `-P`s, or the policy file.
    pub policies: Vec<String>,
    /// `-p`s.
    pub properties: Vec<String>,
    /// `--pod` and what belongs to it.
    pub pod: Option<Pod>,
    /// `--unit` and what belongs to it.
    pub unit: Option<Chosen>,
    /// The command line; for a policy file, the arguments that follow its `Exec`.
    pub command: Vec<OsString>,
    /// Whether this is a policy file that was started, with nothing but its arguments.
    pub file: bool,
    /// Tell the plan first.
    pub verbose: bool,
    /// Tell what is denied.
    pub explain: bool,
    /// Where to write lines of JSON about what happens.
    pub status: Option<String>,
}

impl From<Plain> for Request {
    fn from(plain: Plain) -> Self {
        let Plain { policies, properties, verbose, explain, status, command } = plain;
        Self { policies, properties, pod: None, unit: None, command, file: false, verbose, explain, status }
    }
}

const EXAMPLES: &str = "\
Examples:
  stockade run -P strict -- python3 convert.py
  stockade run -P build -p Environment=CI=1 -- make
  stockade run -p PrivateNetwork=yes -p ProtectHome=tmpfs -p BindPaths=. -- ./configure
  stockade run --pod pod.yaml --container web -- ./server
  stockade run --unit nginx.service -- nginx -t";

/// The command line.
pub(super) fn command() -> Command {
    let command = options::command().required_unless_present("unit");
    Command::new("run")
        .about("Execute a command under policies")
        .long_about(
            "Execute a command under policies. stockade becomes the command: no process stays beside it. Nothing is \
             executed unless everything that the policies ask for has been done.",
        )
        .args(RUN.iter().map(|opt| opt.arg()))
        .args(pod::args())
        .args(unit::args())
        .arg(command)
        .after_help("Without -P, -p, --pod and --unit nothing is executed, and the profiles are named.")
        .after_long_help(format!(
            "{EXAMPLES}\n\nDirectives for -p and policies (man stockade.toml):\n{}",
            manual::summary()
        ))
}

/// What clap read.
fn request(matches: &ArgMatches) -> Request {
    Request {
        policies: super::texts(matches, options::POLICY.id),
        properties: super::texts(matches, options::PROPERTY.id),
        pod: pod::request(matches),
        unit: unit::request(matches),
        command: matches.get_many::<OsString>("COMMAND").unwrap_or_default().cloned().collect(),
        file: false,
        verbose: matches.get_flag(options::VERBOSE.id),
        explain: matches.get_flag(options::EXPLAIN.id),
        status: super::texts(matches, options::STATUS.id).pop(),
    }
}

/// Executes what clap read.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    start(&request(matches))
}

/// Reads, plans, tells what falls short, and becomes the target; what comes back is why not.
pub(super) fn start(request: &Request) -> anyhow::Result<Exit> {
    let status = request.status.as_deref().map(descriptor).transpose()?;
    let (host, plan) = prepare(request).inspect_err(|error| {
        let first = error.downcast_ref().and_then(|Faults(faults)| faults.first());
        if let (Some(number), Some(fault)) = (status, first) {
            crate::run::refuse(number, fault);
        }
    })?;
    Err(Faults::one(crate::run::exec(&plan, &host, status)).into())
}

/// Reads, plans, and tells what falls short.
fn prepare(request: &Request) -> anyhow::Result<(Host, Plan)> {
    let library = Library::of_environment();
    let (document, policy) = policy(request, &library).map_err(|faults| Faults(unnamed(request, faults)))?;
    let mut draft = policy.draft();
    draft.explain = request.explain.then_some(Explain::Denials);
    let whole = request.file || request.unit.is_some() && request.command.is_empty();
    let argv = if whole { argv(&draft, &request.policies, &request.command)? } else { request.command.clone() };
    let (host, mut plan) = super::read::plan(&draft, argv).map_err(Faults)?;
    let mut document = Some(document);
    if let Some(document) = document.take_if(|_| request.explain) {
        let told = Told { explain: Explain::Denials, json: false, lines: None, journal: journal() };
        super::monitor::equip(&mut plan, &host, document, told)?;
    }
    if request.verbose {
        door::tell(&explain::text(&plan));
    } else if !plan.shortfalls.is_empty() || !plan.told.is_empty() {
        door::tell(&explain::shortfalls(&plan));
    }
    // The kernel takes all of it back at once when the target is executed; freeing it piece by piece takes a twentieth of a
    // launch's instructions.
    std::mem::forget((document, policy, draft));
    Ok((host, plan))
}

/// The faults, with the line that was meant where no policy was given: `run ls`, `run strict ls`.
fn unnamed(request: &Request, mut faults: Vec<Fault>) -> Vec<Fault> {
    let none = request.policies.is_empty() && request.properties.is_empty() && request.unit.is_none();
    let (Some(fault), Some(first)) = (faults.first_mut().filter(|_| none), request.command.first()) else {
        return faults;
    };
    let first = first.to_string_lossy();
    let policy = shipped(&first).is_some() || first.ends_with(".toml");
    let line = match request.command.get(1).filter(|_| policy) {
        Some(program) => format!("stockade run -P {first} -- {} ...", program.display()),
        None => format!("stockade run -P strict -- {first} ..."),
    };
    fault.help.insert(0, format!("for example: {line}"));
    faults
}

/// Under systemd, a way to the journal, where standard error does not lead there already. JOURNAL_STREAM has the device and
/// the inode of what systemd gave to the service (systemd.exec(5)).
fn journal() -> Option<i32> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let own = nix::sys::stat::fstat(std::io::stderr()).ok();
    if own.is_some_and(|own| format!("{}:{}", own.st_dev, own.st_ino) == stream) {
        return None;
    }
    let socket = UnixDatagram::unbound().and_then(|socket| {
        socket.connect(JOURNAL)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    match socket {
        Ok(socket) => Some(crate::sys::target::forget(socket.into())),
        Err(error) => {
            door::tell(&format!("stockade: denials are not told to the journal: {JOURNAL}: {error}\n"));
            None
        }
    }
}

/// The number behind `--status-fd`.
fn descriptor(word: &str) -> Result<i32, Faults> {
    let number = word.parse().ok().filter(|_| word.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| {
        let fault = Fault::new(format!("--status-fd: `{word}` is not the number of a descriptor"));
        Faults::one(fault.help("for example: --status-fd 9 9>events").exit(Exit::Usage))
    })
}

/// What holds: policies, properties, and a pod's profile.
fn policy(request: &Request, library: &Library) -> Result<(Document, Policy), Vec<Fault>> {
    let Some(pod) = &request.pod else {
        return unit::read(request.unit.as_ref(), &request.policies, &request.properties, library);
    };
    let mut document = match &request.unit {
        Some(chosen) => unit::document(chosen, library.uid)?,
        None => Document::default(),
    };
    document.extend(super::read::words(&request.policies, &request.properties, library)?);
    pod::add(pod, &mut document, library.uid)?;
    let policy = Policy::read(&document)?;
    Ok((document, policy))
}

/// A policy that is a program: what it executes, then the caller's arguments.
fn argv(draft: &Draft, policies: &[String], arguments: &[OsString]) -> anyhow::Result<Vec<OsString>> {
    if draft.exec.is_none() {
        let name = policies.first().map_or("the policy", String::as_str);
        let fault = Fault::new(format!("{name} does not say what to execute"));
        let fault =
            fault.help("add Exec = [\"/usr/bin/...\"] to it").help(format!("or: stockade run -P {name} -- COMMAND"));
        return Err(Faults::one(fault).into());
    }
    Ok(command::argv(draft, arguments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_clap(words: &[OsString]) -> Option<Request> {
        super::super::verb(command).try_get_matches_from(words).ok().map(|matches| request(&matches))
    }

    fn by_hand(words: &[OsString]) -> Option<Request> {
        options::plain(words).map(Request::from)
    }

    fn words(text: &[&str]) -> Vec<OsString> {
        text.iter().map(OsString::from).collect()
    }

    #[test]
    fn nothing_behind_the_command_is_an_option() {
        let request = by_hand(&words(&["-P", "strict", "ls", "-p", "--", "-v"])).expect("plain");
        assert_eq!(request.command, words(&["ls", "-p", "--", "-v"]));
        assert!(!request.verbose);
    }

    #[test]
    fn mistakes_and_help_are_left_to_clap() {
        for text in
            [&["--help"][..], &["-h"], &["-P"], &["-P", "-x", "ls"], &["--polcy", "x", "ls"], &["-q=1", "ls"], &[]]
        {
            assert_eq!(by_hand(&words(text)), None, "{text:?}");
            assert_eq!(by_clap(&words(text)), None, "{text:?}");
        }
    }

    proptest! {
        /// Both readers of the table read every line alike.
        #[test]
        fn clap_and_the_hand_agree(line in proptest::collection::vec(
            proptest::sample::select(vec![
                "-P", "-p", "-v", "--explain-denials", "--", "-", "--policy", "--property", "--verbose", "strict", "A=b", "",
                "-Pstrict", "-pA=b", "-p=A=b", "-vv", "-vPx", "-vp", "--policy=x", "--property=A=b=c", "--policy=", "-P=",
                "--verbose=yes", "--status-fd", "--status-fd=9", "-s9", "-x", "--nope", "-h", "--help", "ls", "-V", "-vé", "---", "--policy=-x", "-P-x", "-v-P",
            ]), 0..7))
        {
            let line = words(&line);
            prop_assert_eq!(by_hand(&line), by_clap(&line), "{:?}", line);
        }
    }
}
