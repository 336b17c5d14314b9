//! The options that verbs share: one table, read by clap for help and errors, and by hand for a launch.
//! Measured in an optimised build: the first line that clap reads takes 180 us, most of it in page
//! faults; the same by hand 3 us.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ValueHint, value_parser};

/// One option.
pub(super) struct Opt {
    /// Its name in clap.
    pub(super) id: &'static str,
    /// `-x`.
    pub(super) short: Option<char>,
    /// `--xxx`.
    pub(super) long: &'static str,
    /// What its value is, if it takes one; such options can be given many times.
    pub(super) value: Option<&'static str>,
    /// One line.
    pub(super) help: &'static str,
    /// The manual.
    pub(super) more: &'static str,
}

/// `-P`.
pub(super) const POLICY: Opt = Opt {
    id: "policy",
    short: Some('P'),
    long: "policy",
    value: Some("NAME|FILE"),
    help: "Apply a profile, or a policy file (with a `/` or `.toml`)",
    more: "Apply this profile or policy. A value with a `/` or the ending `.toml` is a file; else it is a name, \
           looked for in $XDG_CONFIG_HOME/stockade, /etc/stockade, /usr/share/stockade/profiles and among the built-in \
           profiles (`stockade show --list`), never in the directory that stockade is started in. Several add up in order. `-P none` confines nothing.",
};

/// `-p`.
pub(super) const PROPERTY: Opt = Opt {
    id: "property",
    short: Some('p'),
    long: "property",
    value: Some("DIRECTIVE=VALUE"),
    help: "Set one directive, as for systemd-run",
    more: "Set one directive (see stockade.toml(5)), written as systemd-run(1) takes it. These come after every -P; with \
           -p alone exactly these directives hold.",
};

/// `-v`.
pub(super) const VERBOSE: Opt = Opt {
    id: "verbose",
    short: Some('v'),
    long: "verbose",
    value: None,
    help: "Tell each step before it is done",
    more: "Tell the plan on standard error, as `stockade explain` prints it, before it is carried out.",
};

/// `--status-fd`.
pub(super) const STATUS: Opt = Opt {
    id: "status",
    short: None,
    long: "status-fd",
    value: Some("NUMBER"),
    help: "Write what happens to this descriptor, as lines of JSON",
    more: "Write what happens to this open descriptor, which the target does not get, as one JSON object a line. The key \
           \"event\" says what: \"shortfall\" what Prefer lets be missing; \"started\" the target's pid and the numbers \
           of its namespaces; \"exited\" its code, or the signal that ended it; \"failed\" the status and the message \
           when it never ran. With a PID namespace (PrivatePIDs, RuntimeMaxSec) \"started\" is written when the target \
           has been executed, and \"exited\" follows. Elsewhere stockade becomes the target and cannot tell its end; \
           \"started\" is written just before, and the end of file without \"failed\" says that the target runs. A line \
           waits five seconds for room in a pipe that is full: nothing is executed where there is none then (status 202), \
           and once the target runs the line is left out.",
};

/// `--explain-denials`.
pub(super) const EXPLAIN: Opt = Opt {
    id: "explain",
    short: None,
    long: "explain-denials",
    value: None,
    help: "Tell on standard error what is denied, by which directive, and what would allow it",
    more: "Tell on standard error, once for each kind, which calls of the target are denied: the process, the call with its \
           arguments, the error, the directive and its place, and a change to try (`stockade why` tries it). A helper \
           process stays beside the target for that: it learns of every refusal of the filter, and works out beforehand \
           what becomes of paths that are opened, made, removed and executed, of addresses and abstract unix sockets that are \
           connected to, of addresses that are bound, of signals to processes that the target has not started, and of files \
           that are opened where LimitNOFILE leaves no descriptor. Where the filter kills, the process is told of and then killed, by SIGSYS unless it would survive that. \
           Not told are calls that are answered by SIGSYS for the target to catch (trap) or by ENOSYS; datagrams to abstract \
           sockets, signals to single threads, and those from a PID namespace of the target's own making; and what other \
           limits do, which shows only in what becomes of a call: EAGAIN of a fork (TasksMax, LimitNPROC), ENOMEM (LimitAS, \
           LimitDATA, LimitMEMLOCK), SIGXFSZ (LimitFSIZE), SIGXCPU (LimitCPU), EMFILE of a socket or a pipe (`stockade why \
           --syscall` names the limit of each). The helper keeps standard error open for as long as any process of \
           the target's lives: who waits for its end waits for a daemon that was left behind, too.",
};

/// The options of `run`.
pub(super) const RUN: &[&Opt] = &[&POLICY, &PROPERTY, &STATUS, &EXPLAIN, &VERBOSE];

impl Opt {
    /// The same for clap.
    pub(super) fn arg(&self) -> Arg {
        let arg = Arg::new(self.id).long(self.long).help(self.help).long_help(self.more);
        let arg = match self.short {
            Some(short) => arg.short(short),
            None => arg,
        };
        match self.value {
            Some(value) => arg.value_name(value).action(ArgAction::Append),
            None => arg.action(ArgAction::SetTrue).overrides_with(self.id),
        }
    }
}

/// The command and its arguments, which end the options.
pub(super) fn command() -> Arg {
    Arg::new("COMMAND")
        .help("What to execute, with its arguments")
        .value_parser(value_parser!(OsString))
        .value_hint(ValueHint::CommandWithArguments)
        .num_args(1..)
        .trailing_var_arg(true)
}

/// `--json`.
pub(super) fn json() -> Arg {
    Arg::new("json").long("json").help("Print JSON, for scripts").action(ArgAction::SetTrue)
}

/// What was found in front of a command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    /// `-P`s.
    pub(super) policies: Vec<String>,
    /// `-p`s.
    pub(super) properties: Vec<String>,
    /// `-v`.
    pub(super) verbose: bool,
    /// `--explain-denials`.
    pub(super) explain: bool,
    /// `--status-fd`, the last one.
    pub(super) status: Option<String>,
    /// Everything else.
    pub(super) command: Vec<OsString>,
}

/// Reads what [`RUN`] can say, in the shapes that clap reads. Nothing for whatever else is there
/// (help, mistakes): that is clap's to answer.
pub(super) fn plain(words: &[OsString]) -> Option<Plain> {
    let mut plain = Plain::default();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let text = word.to_str().filter(|text| text.len() > 1 && text.starts_with('-'));
        match text {
            // A word that is not UTF-8 can only begin the command.
            None if word.as_encoded_bytes().starts_with(b"-") && word.len() > 1 => return None,
            None => break,
            Some("--") => {
                at += 1;
                break;
            }
            Some(text) => {
                let next = || words.get(at + 1)?.to_str();
                at += plain.option(text, next)?;
            }
        }
    }
    plain.command = words.get(at..)?.to_vec();
    if plain.command.is_empty() { None } else { Some(plain) }
}

impl Plain {
    /// Takes one word of options; how many words it took.
    fn option<'a>(&mut self, text: &'a str, next: impl Fn() -> Option<&'a str>) -> Option<usize> {
        if let Some(long) = text.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let opt = RUN.iter().find(|opt| opt.long == name)?;
            return self.set(opt, value, &next);
        }
        let mut rest = text.strip_prefix('-')?;
        while let Some(short) = rest.chars().next() {
            let opt = RUN.iter().find(|opt| opt.short == Some(short))?;
            rest = &rest[short.len_utf8()..];
            if opt.value.is_some() {
                let value = rest.strip_prefix('=').unwrap_or(rest);
                return self.set(opt, (!rest.is_empty()).then_some(value), &next);
            }
            // `-q=x` is a mistake.
            self.set(opt, None, &next)?;
        }
        Some(1)
    }

    fn set<'a>(&mut self, opt: &Opt, value: Option<&'a str>, next: &impl Fn() -> Option<&'a str>) -> Option<usize> {
        match (opt.value, value) {
            (None, Some(_)) => return None,
            (None, None) if opt.id == EXPLAIN.id => self.explain = true,
            (None, None) => self.verbose = true,
            (Some(_), Some(value)) => self.add(opt, value),
            (Some(_), None) => {
                // What looks like an option is no value: clap says so.
                let value = next().filter(|value| !value.starts_with('-') || *value == "-")?;
                self.add(opt, value);
                return Some(2);
            }
        }
        Some(1)
    }

    fn add(&mut self, opt: &Opt, value: &str) {
        match opt.id {
            id if id == POLICY.id => self.policies.push(value.into()),
            id if id == STATUS.id => self.status = Some(value.into()),
            _ => self.properties.push(value.into()),
        }
    }
}
