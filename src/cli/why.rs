//! `stockade why`: whether a policy allows something, which directive decides, and what would change it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use caps::Capability;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use crate::draft::arch::Arch;
use crate::fault::{Exit, Fault, nearest};
use crate::host::look::Thing;
use crate::plan::filter::verdict;
use crate::plan::why::{Case, Operation, Outside, Question, Reach, Verdict};
use crate::policy::Policy;
use crate::report::why::{self, Told};
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::options::{self, POLICY, PROPERTY};
use super::read;

const LONG: &str = "\
Tell whether the target of a policy could do something: read a path, make a system call, connect, bind, use a capability. \
Nothing is done or executed: the answer is worked out from the plan for this machine and caller, as `stockade explain` \
prints it.

A denial is told with the error that the program sees, everything that is in the way in the order in which the kernel meets \
it (the filter, what can be seen, flags of mounts, permissions, Landlock, networks, processes, capabilities), the directives and places \
that want it, and the smallest change found that would allow it. Each proposed change has been tried on the policy. \
Permissions of files and their access control lists are reckoned with, security modules are not; a list that the caller \
cannot read counts as none. Resource limits are named, as how much of them is used up is not known. Where the filter answers \
otherwise to another call that programs can make for the same (open, openat2, unlinkat), a note says so.

The status is 0 when everything asked about is allowed, 1 when something is denied, and 4 when something depends on \
arguments that were not given or on a supervisor.";

const EXAMPLES: &str = "\
Examples:
  stockade why -P strict --path ~/.ssh/id_rsa --op read
  stockade why -P strict --syscall bpf --syscall 'socket(AF_NETLINK, SOCK_RAW, 0)'
  stockade why -P strict --connect 10.0.0.1:443 --json
  stockade why -P strict --connect @/tmp/.X11-unix/X0 --signal 1
  stockade why -p CapabilityBoundingSet= --capability CAP_NET_ADMIN";

/// The command line.
pub(super) fn command() -> Command {
    let many = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).action(ArgAction::Append)
    };
    Command::new("why")
        .about("Tell whether a policy allows something, why not, and what would change it")
        .long_about(LONG)
        .args([POLICY.arg(), PROPERTY.arg(), options::json()])
        .arg(many("path", "PATH", "Ask about a path of the target's").value_hint(ValueHint::AnyPath))
        .arg(
            Arg::new("op")
                .long("op")
                .value_name("OPERATION")
                .help("What is done at the paths")
                .long_help(
                    "What is done at the paths: *read*, *write* (opened for writing, as it is), *execute*, *create* (a new file \
                     is made and opened for writing), *mkdir*, *remove*, *list* (a directory), *connect* (a unix socket).",
                )
                .value_parser(PossibleValuesParser::new(Operation::words().collect::<Vec<_>>()))
                .default_value("read"),
        )
        .arg(many("syscall", "CALL", "Ask about a system call: bpf, 'socket(AF_NETLINK, SOCK_RAW, 0)'"))
        .arg(many("connect", "ADDRESS:PORT|@NAME", "Ask about a TCP connection, or one to an abstract unix socket"))
        .arg(many("bind", "ADDRESS:PORT", "Ask about a bound TCP socket"))
        .arg(many("signal", "PID", "Ask about a signal to a process outside of the sandbox"))
        .arg(many("capability", "CAPABILITY", "Ask about a capability"))
        .arg(Arg::new("POLICY").help("A profile, or a policy file (with a `/` or `.toml`)").value_hint(ValueHint::FilePath))
        .after_long_help(EXAMPLES)
}

/// Reads, asks, and tells.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let questions = questions(matches).map_err(|fault| Faults::one(fault.exit(Exit::Usage)))?;
    let policies = super::policies(matches, "POLICY");
    let case = case(&policies, &super::texts(matches, PROPERTY.id))?;
    let told: Vec<Told> = questions
        .into_iter()
        .map(|(words, question)| {
            let mut answer = case.1.ask(&question, &Thing::behind);
            if let Question::Path(_, operation) = &question {
                answer.notes.extend(case.1.differing(*operation));
            }
            let denied = answer.verdict == Verdict::Denied;
            let change = if denied { case.0.change(&question, &answer, &Thing::behind) } else { None };
            Told { words, answer, change }
        })
        .collect();
    if matches.get_flag("json") {
        door::json(&told.iter().map(why::json).collect())?;
    } else {
        door::say(&told.iter().map(why::text).collect::<String>())?;
    }
    let has = |verdict| told.iter().any(|told| told.answer.verdict == verdict);
    Ok(if has(Verdict::Denied) {
        Exit::Failure
    } else if has(Verdict::Depends) {
        Exit::Depends
    } else {
        Exit::Success
    })
}

/// A policy that can be asked, and read again.
pub(super) fn case(policies: &[String], properties: &[String]) -> anyhow::Result<(Case, crate::plan::why::Judge)> {
    let library = Library::of_environment();
    let (document, policy): (_, Policy) = read::read(policies, properties, &library).map_err(Faults)?;
    let (host, _) = read::plan(&policy.draft(), Vec::new()).map_err(Faults)?;
    let mounts = crate::host::mounts::table().map_err(Faults::one)?;
    let case = Case { document, host, mounts };
    let judge = case.judge(&[], &Thing::behind);
    let judge = judge.ok_or_else(|| Faults::one(Fault::new("the policy cannot be planned").exit(Exit::Config)))?;
    Ok((case, judge))
}

/// What is asked, in the order of the help.
fn questions(matches: &ArgMatches) -> Result<Vec<(String, Question)>, Fault> {
    let mut all = Vec::new();
    let operation = matches.get_one::<String>("op").and_then(|word| Operation::parse(word)).unwrap_or(Operation::Read);
    for path in super::texts(matches, "path") {
        let path = absolute(&path)?;
        all.push((format!("{} {}", operation.word(), path.display()), Question::Path(path, operation)));
    }
    for call in super::texts(matches, "syscall") {
        let question = verdict::Question::parse(&call, Arch::native());
        let question = question.map_err(|message| Fault::new(format!("--syscall: {message}")))?;
        all.push((call, Question::Call(question)));
    }
    for (id, reach) in [("connect", Reach::Connect as fn(SocketAddr) -> Reach), ("bind", Reach::Bind)] {
        for text in super::texts(matches, id) {
            if let Some(name) = text.strip_prefix('@').filter(|_| id == "connect") {
                all.push((format!("connect {text}"), Question::Outside(Outside::Abstract(name.into()))));
                continue;
            }
            let address = text.parse().map_err(|_| {
                Fault::new(format!("--{id}: `{text}` is not an address and a port"))
                    .help("write 10.0.0.1:443 or [::1]:443; names are not looked up")
            })?;
            all.push((format!("{id} {text}"), Question::Net(reach(address))));
        }
    }
    for text in super::texts(matches, "signal") {
        let pid = text.parse().map_err(|_| Fault::new(format!("--signal: `{text}` is not the number of a process")))?;
        all.push((format!("signal {text}"), Question::Outside(Outside::Signal(pid))));
    }
    for word in super::texts(matches, "capability") {
        let upper = word.to_ascii_uppercase();
        let name = if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") };
        let cap = Capability::from_str(&name).map_err(|_| {
            let fault = Fault::new(format!("--capability: `{word}` is not a capability"));
            let names: Vec<String> = caps::all().into_iter().map(|cap| cap.to_string()).collect();
            match nearest(&name, names.iter().map(String::as_str)) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help("capabilities(7) lists them"),
            }
        })?;
        all.push((name, Question::Capability(cap)));
    }
    if all.is_empty() {
        let fault = Fault::new("nothing was asked");
        // The one word that stands alone is the policy's; with -P there is one already.
        let alone = super::texts(matches, "POLICY")
            .pop()
            .filter(|word| Path::new(word).extension().is_none_or(|end| end != "toml"));
        let about = alone.filter(|word| word.contains('/') || !super::texts(matches, POLICY.id).is_empty());
        let fault = about.map_or(fault.clone(), |word| fault.help(format!("to ask about it: --path {word}")));
        return Err(fault
            .help("ask by --path, --syscall, --connect, --bind, --signal or --capability")
            .help("for example: stockade why -P strict --path ~/.ssh/id_rsa --op read"));
    }
    Ok(all)
}

/// A path from where stockade was started; `~/` is the shell's, and kept for quotes.
fn absolute(text: &str) -> Result<PathBuf, Fault> {
    if let Some(rest) = text.strip_prefix("~/")
        && let Some(home) = std::env::var_os("HOME")
    {
        return Ok(Path::new(&home).join(rest));
    }
    std::path::absolute(text).map_err(|error| Fault::new(format!("--path: `{text}`: {}", crate::fault::reason(&error))))
}
