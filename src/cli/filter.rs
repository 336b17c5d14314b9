//! `stockade filter`: the system call filter of a policy or of a process, as rules, as a program, and by questions.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use serde_json::{Value, json};

use crate::draft::arch::Arch;
use crate::draft::syscalls::{Filter, Flags};
use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::host::installed::{Installed, Loaded};
use crate::plan::filter::machine::Instruction;
use crate::plan::filter::tree::{self, Program};
use crate::plan::filter::verdict::{self, Answer, Question};
use crate::plan::seccomp;
use crate::report::answer::{self, Tried};
use crate::report::{program, rules};
use crate::text::profiles::Library;

use super::door::{self, Faults};
use super::options::{self, POLICY, PROPERTY};
use super::read;

type Print = fn(&[Instruction]) -> anyhow::Result<()>;

/// The formats of one program, for others to load.
const PROGRAMS: [(&str, Print); 3] = [
    ("bpf", |code| door::say(&program::bpf(code))),
    ("raw", |code| door::bytes(&program::raw(code))),
    ("c", |code| door::say(&program::c(code))),
];

/// The formats, in the order of the help.
fn formats() -> impl Iterator<Item = &'static str> {
    ["rules", "disasm"].into_iter().chain(PROGRAMS.map(|(word, _)| word)).chain(["json"])
}

const LONG: &str = "\
Print the system call filter that a policy comes to, or the filters that a process has.

Everything in the policy that filters system calls becomes one program. It is printed as rules: calls that are answered \
alike stand together, with the answer and the directive and line that decide. Where arguments decide, the answers are tried \
in order. Nothing is done or executed.

With --try the status says what becomes of a call: 0 when it runs whatever its other arguments, 3 when it is refused, 4 when \
that depends on its arguments or on a supervisor. Of several calls, one that is refused counts most.";

const EXAMPLES: &str = "\
Examples:
  stockade filter strict
  stockade filter -P strict --try 'socket(AF_NETLINK, SOCK_RAW, 0)' --try openat
  stockade filter -p SystemCallFilter=@system-service --format raw > service.bpf
  stockade filter --pid 1234 --try 'ioctl(0, TIOCSTI)'";

/// The command line.
pub(super) fn command() -> Command {
    Command::new("filter")
        .about("Print the system call filter of a policy or a process, or ask it about calls")
        .long_about(LONG)
        .args([POLICY.arg(), PROPERTY.arg(), options::json()])
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .help("Print rules, disasm, bpf (numbers), raw (as the kernel takes it), c or json")
                .long_help(
                    "What to print: *rules*; *disasm*, instructions in words; *bpf*, instructions as decimal numbers after their \
                     count; *raw*, an array of struct sock_filter for bwrap --seccomp and its kind; *c*, that array for a C \
                     program; or *json*.",
                )
                .value_parser(PossibleValuesParser::new(formats()))
                .default_value("rules"),
        )
        .arg(
            Arg::new("try")
                .long("try")
                .value_name("CALL")
                .help("Ask about one call: openat, 'socket(AF_NETLINK, SOCK_RAW, 0)'")
                .long_help(
                    "Tell what becomes of this call, and what decides: a name or number, and in brackets its arguments as numbers \
                     or the kernel's names joined by |. Arguments that are left out or `_` can be anything. Can be given many \
                     times.",
                )
                .action(ArgAction::Append),
        )
        .arg(
            Arg::new("arch")
                .long("arch")
                .value_name("ARCHITECTURE")
                .help("The architecture of the calls in --try")
                .value_parser(PossibleValuesParser::new(Arch::words().collect::<Vec<_>>()))
                .default_value("native")
                .requires("try"),
        )
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .help("Read the filters of this process, which root can")
                .long_help(
                    "Read the filters of this process or thread from the kernel, in place of a policy's. It stands still for that \
                     moment. It takes root (CAP_SYS_ADMIN outside of containers).",
                )
                .value_parser(value_parser!(i32).range(1..))
                .conflicts_with_all([POLICY.id, PROPERTY.id, "POLICY"]),
        )
        .arg(
            Arg::new("nth")
                .long("nth")
                .value_name("N")
                .help("Of a process with several filters, print one only; 1 is the oldest")
                .value_parser(value_parser!(u16).range(1..))
                .requires("pid"),
        )
        .arg(Arg::new("POLICY").help("A profile, or a policy file (with a `/` or `.toml`)").value_hint(ValueHint::FilePath))
        .after_long_help(EXAMPLES)
}

/// What is read: a policy's filter or a process's.
enum Subject {
    Policy { filter: Filter, program: Program, marked: bool },
    Process { process: Installed, programs: Vec<Vec<Instruction>>, logs: Vec<Option<bool>> },
}

/// Reads, and prints or answers.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let subject = match matches.get_one::<i32>("pid") {
        Some(pid) => process(*pid, matches.get_one::<u16>("nth").copied())?,
        None => match policy(matches)? {
            Some(subject) => subject,
            None => Subject::nothing(),
        },
    };
    let format = matches.get_one::<String>("format").map_or("rules", String::as_str);
    let format = if matches.get_flag("json") { "json" } else { format };
    let calls = super::texts(matches, "try");
    if calls.is_empty() {
        return subject.print(format);
    }
    if !matches!(format, "rules" | "json") {
        let fault = Fault::new(format!("--try cannot be answered in the format {format}"));
        return Err(Faults::one(fault.help("leave --format out, or write --format json").exit(Exit::Usage)).into());
    }
    let arch = matches.get_one::<String>("arch").and_then(|word| Arch::parse(word)).unwrap_or(Arch::native());
    let mut tried = Vec::new();
    for words in calls {
        let question = Question::parse(&words, arch)
            .map_err(|message| Faults::one(Fault::new(format!("--try: {message}")).exit(Exit::Usage)))?;
        let answers = subject.answers(&question).unwrap_or_default();
        tried.push(Tried { words, question, answers });
    }
    if format == "json" {
        door::json(&tried.iter().map(answer::json).collect())?;
    } else {
        door::say(&tried.iter().map(answer::text).collect::<String>())?;
        let start = |one: &Tried<'_>| rules::names(one.question.arch, one.question.number) == "execve";
        if subject.marked() && tried.iter().any(start) {
            door::tell(&format!("stockade: {MARKED}\n"));
        }
    }
    Ok(answer::exit(&tried))
}

const MARKED: &str = "stockade's own start of the target passes, by a cookie that is not in what is printed here";

/// The filter of the policy that was named; nothing where it filters no calls.
fn policy(matches: &ArgMatches) -> anyhow::Result<Option<Subject>> {
    let policies = super::policies(matches, "POLICY");
    let library = Library::of_environment();
    let (_, policy) = read::read(&policies, &super::texts(matches, PROPERTY.id), &library).map_err(Faults)?;
    let draft = policy.draft();
    let host = Host::probe(&draft).map_err(Faults::one)?;
    if !seccomp::wanted(&draft, &host) {
        return Ok(None);
    }
    let filter = seccomp::collect(&draft, &host);
    let program = tree::compile(&filter, Arch::native()).map_err(Faults::one)?;
    let marked = seccomp::refuses_execve(&filter);
    Ok(Some(Subject::Policy { filter, program, marked }))
}

/// The filters of a process, or one of them.
fn process(pid: i32, nth: Option<u16>) -> anyhow::Result<Subject> {
    let process = Installed::of(pid).map_err(Faults::one)?;
    let mut loaded: Vec<Loaded> = process.filters().map_err(|fault| {
        // What can be seen without rights is told all the same.
        door::tell(&format!("stockade: {}\n", program::state(&process)));
        Faults::one(fault)
    })?;
    if let Some(nth) = nth {
        let at = usize::from(nth) - 1;
        if at >= loaded.len() {
            let fault = Fault::new(format!("process {pid} has no filter {nth}: it has {}", loaded.len()));
            return Err(Faults::one(fault.exit(Exit::Failure)).into());
        }
        loaded = vec![loaded.swap_remove(at)];
    }
    let step = |step: &libc::sock_filter| Instruction { code: step.code, jt: step.jt, jf: step.jf, k: step.k };
    let programs = loaded.iter().map(|one| one.program.iter().map(step).collect()).collect();
    Ok(Subject::Process { process, programs, logs: loaded.iter().map(|one| one.logs).collect() })
}

impl Subject {
    fn nothing() -> Self {
        let process = Installed::default();
        Self::Process { process, programs: Vec::new(), logs: Vec::new() }
    }

    fn marked(&self) -> bool {
        matches!(self, Self::Policy { marked: true, .. })
    }

    fn answers(&self, question: &Question) -> Option<Vec<Answer<'_>>> {
        match self {
            Self::Policy { filter, .. } => verdict::trace(filter, Arch::native(), question),
            Self::Process { programs, .. } => rules::ways(programs, question),
        }
    }

    /// The programs, each with where architectures begin in it as far as that is known.
    fn programs(&self) -> Vec<Program> {
        match self {
            Self::Policy { program, .. } => vec![program.clone()],
            Self::Process { programs, .. } => programs
                .iter()
                .map(|code| Program {
                    code: code.clone(),
                    flags: Flags::default(),
                    skipped: Vec::new(),
                    sections: vec![(0, Arch::native())],
                })
                .collect(),
        }
    }

    fn print(&self, format: &str) -> anyhow::Result<Exit> {
        let programs = self.programs();
        let alone = PROGRAMS.iter().find(|(word, _)| *word == format).map(|(_, print)| print);
        match (format, alone) {
            (_, Some(print)) => match programs.as_slice() {
                [only] => print(&only.code)?,
                all => return Err(Faults::one(self.not_one(format, all.len())).into()),
            },
            ("disasm", _) => {
                let texts = programs.iter().map(Program::disassemble).collect::<Vec<_>>();
                door::say(&format!("{}\n{}", self.head(&programs), texts.join("\n")))?;
            }
            ("json", _) => door::json(&self.json(&programs))?,
            _ => door::say(&format!("{}{}", self.head(&programs), rules::text(&self.rules())))?,
        }
        if self.marked() {
            let also = match alone {
                Some(_) => ": another launcher must execute the target before it loads this program",
                None => "",
            };
            door::tell(&format!("stockade: execve is refused; {MARKED}{also}\n"));
        }
        Ok(Exit::Success)
    }

    fn not_one(&self, format: &str, count: usize) -> Fault {
        match self {
            Self::Process { process, .. } if process.pid != 0 && count > 1 => {
                Fault::new(format!("process {} has {count} filters, and {format} is for one", process.pid))
                    .help("choose one: --nth 1 is the oldest")
                    .exit(Exit::Usage)
            }
            Self::Process { process, .. } if process.pid != 0 => {
                Fault::new(format!("process {} has no filter", process.pid)).exit(Exit::Failure)
            }
            _ => Fault::new("the policy filters no system calls").exit(Exit::Failure),
        }
    }

    fn rules(&self) -> Vec<rules::Section<'_>> {
        match self {
            Self::Policy { filter, .. } => rules::of_filter(filter, Arch::native()),
            Self::Process { programs, .. } if programs.is_empty() => Vec::new(),
            Self::Process { programs, .. } => rules::of_programs(programs, Arch::native()),
        }
    }

    /// Size, depth and whatever else holds for the whole.
    fn head(&self, programs: &[Program]) -> String {
        match self {
            Self::Policy { filter, program, .. } => program::head(filter, program),
            Self::Process { process, .. } if process.pid == 0 => "the policy filters no system calls\n".into(),
            Self::Process { process, logs, .. } => program::process(process, programs, logs),
        }
    }

    fn json(&self, programs: &[Program]) -> Value {
        let one = |code: &Program| {
            json!({
                "instructions": code.code.len(), "depth": code.depth(), "flags": program::flags(code.flags),
                "code": program::json(&code.code),
            })
        };
        let mut value = json!({
            "programs": programs.iter().map(one).collect::<Vec<_>>(),
            "architectures": rules::json(&self.rules()),
        });
        match self {
            Self::Policy { filter, marked, .. } => {
                value["foreign"] = filter.foreign.to_string().into();
                value["execve_by_cookie"] = (*marked).into();
            }
            Self::Process { process, logs, .. } if process.pid != 0 => {
                value["pid"] = process.pid.into();
                value["name"] = process.name.as_str().into();
                value["seccomp"] = process.mode.into();
                value["seccomp_filters"] = json!(process.count);
                value["logged"] = json!(logs);
            }
            Self::Process { .. } => {}
        }
        value
    }
}
