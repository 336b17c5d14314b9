//! `stockade learn`: from what a program does to a policy for it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use nix::unistd::geteuid;

use crate::fault::{Exit, Fault};
use crate::host::Host;
use crate::learn::bpf::Scope;
use crate::learn::observed::{Observed, Part};
use crate::learn::places::{self, Places};
use crate::learn::session::{self, By, Session, Status};
use crate::learn::write::Base;
use crate::learn::{record, running, write};
use crate::sys::facts;
use crate::text::profiles::Library;
use crate::text::trust;

use super::door::{self, Faults};
use super::options;

const MORE: &str = "\
Execute a command unconfined, listen to what it does, and write a policy that allows just that: system calls, files, ports, \
address families; every directive of systemd's is on that takes away what was not needed. What was needed and is dangerous \
(debugging other processes, secrets in the home directory, what decides about later programs, executing what was just \
written…) is in the policy as a comment with the reason, and not allowed.

What was seen is kept beside the policy, in POLICY.seen: another run with the same -o adds to it, and *--merge* adds up what \
several runs or machines saw. The policy is written anew each time; changes by hand belong into another one that has it in \
Extends.

Without privileges it listens by seccomp notifications: the command and all that it starts run at about a twentieth of their \
speed in system calls, and set-user-ID programs gain no privileges. Where the kernel does not let their memory be read \
(ptrace_scope 2 and 3), the policy holds system calls only, and says so. A filter with notifications of the command's own \
cannot be loaded beside it. It ends when the command and everything that it has started has ended, after *--for*, or with \
Ctrl-C, which the command gets too; its exit status is the command's.

With *--by ebpf* it listens by eBPF instead, which costs less than a tenth of a microsecond a call, leaves set-user-ID programs their \
privileges, and sees the same: calls, files, sockets and what arguments ask for. It needs CAP_BPF and CAP_PERFMON and nothing else, \
Linux 5.8 with BTF, and the host's process numbers; without them it is refused. Names of files are put together in the kernel, so \
that programs that have ended by then are seen as well. Where links lead is looked up a moment later: in directories that this user \
cannot enter that needs CAP_DAC_READ_SEARCH, and for somebody else's processes with another root directory CAP_SYS_PTRACE; a link \
that cannot be followed stands in the policy by its own name. Which capabilities were used is seen where the kernel lets \
functions be traced (CONFIG_FUNCTION_TRACER; those of distributions do); elsewhere the policy says that it is not known. More than \
some ten thousand files in a fiftieth of a second are too many; how many were not seen is told, and stands in the policy.

With *--pid* and *--cgroup* it watches what runs already, by eBPF, until --for, Ctrl-C, or the process's end. A service's \
calls before that, as it started, are not in it, as its head says, and neither is a call that has not come back by the end: \
restart it meanwhile. A line on standard error says when everything is seen. \
A container's files are named as the container names them.

How much was used of what limits count is in the policy as well, by either collector: descriptors (as many as the process's table \
has had room for), processes and threads at the same time, addresses, the first thread's stack, and memory, of the process that \
used most; with a word where that was more than half of the limit that held, and where the program sets the limit itself. Only \
a limit that nearly every program keeps to without being asked is a line (LimitNOFILE of 1024); the others are comments, with \
several times as much as was seen, for another day's work is larger. Addresses and stacks are known by eBPF from Linux 6.16 on. \
By notifications, who is killed by another process is known by what it used some time before. What nobody keeps a peak of (the \
size of files, locked memory) is not told.

A process that is there and cannot be looked at (one whose program its user may not read, hidepid, no descriptor left) makes a \
policy that may lack something: how often that was is told, and stands at its head, as for events that were lost.

Very many files of one directory stand in the policy as that directory, and are not told apart. Abstract unix sockets that \
others made, and signals to processes that the command had not started, are refused (_Landlock.Scope_) unless they were seen. Where this kernel's Landlock lacks some of that, or is missing, the policy \
has `Prefer = [\"Landlock\"]` in it, which is told: what lacks is left out then, and named on standard error at each run. Learnt \
again or merged on a newer kernel, it is without that word.

With *-P* the policy extends those profiles: calls, single directives and paths that they allow already are not said again. \
What they deny and the command used is told on standard error, and allowed. Lists of mounts are not compared, but for the \
start directory where a profile has it read-only.

*A pod of Kubernetes, and a fleet.* On the node, as root: `crictl inspect` prints a container's process as _pid_, and \
`/proc/PID/cgroup` its control group. While the pod does all that it ever does, run `stockade learn --cgroup \
/sys/fs/cgroup/kubepods.slice/... --for 3600 -o web.toml`. What several nodes saw adds up, in any order: collect each node's \
_web.toml.seen_, and run `stockade learn --merge a.toml.seen b.toml.seen -o web.toml`. The security-profiles-operator distributes \
it: `stockade export spo ./web.toml --phase monitor | kubectl apply -f -` makes a SeccompProfile, whose _status.localhostProfile_ is \
what a pod names in its _securityContext.seccompProfile_, of type Localhost. In this phase nothing is refused; what would be \
is in each node's audit log (type 1326), which the operator's log enricher collects. When nothing new arrives, apply \
`stockade export spo ./web.toml -p SystemCallFilter=execve`: the engine starts the container's program by execve(2) under the \
profile. `--phase learn` gives the profile that logs every call, for clusters without eBPF. `stockade export kubernetes` writes the \
same for nodes without the operator: the file, where it goes, and the pod's lines.";

/// The command line.
pub(super) fn command() -> Command {
    Command::new("learn")
        .about("Write a policy from what a command does")
        .long_about(MORE)
        .arg(options::POLICY.arg().help("A profile that the policy extends; the command is not confined by it"))
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("POLICY")
                .help("Where to write the policy; beside it goes what was seen")
                .value_hint(ValueHint::FilePath)
                .required(true),
        )
        .arg(
            Arg::new("for")
                .long("for")
                .value_name("SECONDS")
                .help("End the command after this time")
                .value_parser(value_parser!(u64)),
        )
        .arg(Arg::new("progress").long("progress").help("Show a line with the numbers").action(ArgAction::SetTrue))
        .arg(
            Arg::new("merge")
                .long("merge")
                .value_name("POLICY")
                .help("Add up what these learnt policies, or their .seen files, saw")
                .value_hint(ValueHint::FilePath)
                .num_args(1..)
                .conflicts_with_all(["COMMAND", "for"]),
        )
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .help("Watch a process that runs already, and what it starts, by eBPF")
                .value_parser(value_parser!(i32).range(1..))
                .conflicts_with_all(["COMMAND", "merge", "cgroup"]),
        )
        .arg(
            Arg::new("cgroup")
                .long("cgroup")
                .value_name("PATH|UNIT")
                .help("Watch a running service or container by its control group, by eBPF")
                .value_hint(ValueHint::DirPath)
                .conflicts_with_all(["COMMAND", "merge"]),
        )
        .arg(
            Arg::new("by")
                .long("by")
                .value_name("COLLECTOR")
                .help("How to listen: notify (a command, without this option) or ebpf (what runs already)")
                .value_parser(["ebpf", "notify"])
                .conflicts_with("merge"),
        )
        .arg(options::command().required_unless_present_any(["merge", "pid", "cgroup"]))
        .after_long_help(
            "Examples:\n  stockade learn -o sort.toml -- sort words.txt\n  stockade run -P ./sort.toml -- sort other.txt\n  \
             stockade learn --merge web1.toml web2.toml -o web.toml\n  stockade learn --cgroup nginx.service --for 600 -o nginx.toml",
        )
}

/// Runs, adds up and writes.
pub(super) fn act(matches: &ArgMatches) -> anyhow::Result<Exit> {
    let output = matches.get_one::<String>("output").map_or("", String::as_str);
    let bases = super::texts(matches, options::POLICY.id);
    // Missing and switched off are both 0.
    let base = base(&bases)?.on(facts::landlock().unwrap_or(0));
    let merged = super::texts(matches, "merge");
    if !merged.is_empty() {
        let mut seen = Observed::default();
        for name in &merged {
            seen.merge(read(&beside(name)).map_err(Faults::one)?);
        }
        keep(output, &seen, &base).map_err(Faults::one)?;
        return Ok(Exit::Success);
    }
    let earlier = earlier(output).map_err(Faults::one)?;
    let by = by(matches).map_err(Faults::one)?;
    if let Some(scope) = scope(matches).map_err(Faults::one)? {
        return learn_running(matches, scope, output, earlier, &base);
    }
    let command: Vec<OsString> = matches.get_many::<OsString>("COMMAND").unwrap_or_default().cloned().collect();
    let places = here();
    // Where it is to be written does not depend on where the command is when it ends.
    let path = std::path::absolute(output)?;
    let mut line = Line::default();
    let mut show = |calls, different| line.show(calls, different);
    let mut session = Session {
        command: &command,
        time: matches.get_one::<u64>("for").map(|seconds| Duration::from_secs(*seconds)),
        privileged: geteuid().is_root()
            && caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_SYS_ADMIN)?,
        by,
        progress: if matches.get_flag("progress") { Some(&mut show) } else { None },
    };
    let ended = session::run(&mut session).map_err(Faults::one)?;
    if matches.get_flag("progress") {
        door::tell("\n");
    }
    let mut seen = places::portable(ended.seen, &places);
    seen.merge(earlier);
    keep(&path.to_string_lossy(), &seen, &base).map_err(Faults::one)?;
    door::tell(&summary(output, &seen));
    match ended.status {
        None | Some(Status::Exited(0)) => Ok(Exit::Success),
        Some(status) => passed_on(status),
    }
}

/// The profiles that the policy extends. One that cannot be used would make the result useless, after a long run.
fn base(names: &[String]) -> anyhow::Result<Base> {
    if names.is_empty() {
        return Ok(Base::default());
    }
    let (document, policy) = super::read::read(names, &[], &Library::of_environment()).map_err(Faults)?;
    let draft = policy.draft();
    let host = Host::probe(&draft).map_err(Faults::one)?;
    Ok(Base::of(names, &document, &draft, &host).map_err(Faults::one)?)
}

/// How to listen.
fn by(matches: &ArgMatches) -> Result<By, Fault> {
    let running = ["pid", "cgroup"].into_iter().find(|one| matches.contains_id(one));
    match (matches.get_one::<String>("by").map(String::as_str), running) {
        (Some("ebpf"), _) => Ok(By::Ebpf),
        (Some(_), Some(option)) => Err(Fault::new(format!("--{option} cannot listen by notifications"))
            .help("a filter that notifies is loaded before a program starts: leave --by out, or start the program here")
            .exit(Exit::Usage)),
        _ => Ok(By::Notify),
    }
}

/// What runs already and is to be watched.
fn scope(matches: &ArgMatches) -> Result<Option<Scope>, Fault> {
    if let Some(pid) = matches.get_one::<i32>("pid") {
        return Ok(Some(Scope::Pid(*pid)));
    }
    matches.get_one::<String>("cgroup").map(|name| running::group(name)).transpose()
}

/// Watches what runs already, and writes.
fn learn_running(
    matches: &ArgMatches,
    scope: Scope,
    output: &str,
    earlier: Observed,
    base: &Base,
) -> anyhow::Result<Exit> {
    let time = matches.get_one::<u64>("for").map(|seconds| Duration::from_secs(*seconds));
    let mut line = Line::default();
    let mut show = |calls, different| line.show(calls, different);
    let shown = matches.get_flag("progress");
    let places = theirs(scope);
    let end = if time.is_some() { "it ends by itself, or with Ctrl-C" } else { "Ctrl-C ends it" };
    let mut begun = || door::tell(&format!("stockade: {output}: watching; {end}\n"));
    let progress: Option<&mut dyn FnMut(u64, usize)> = if shown { Some(&mut show) } else { None };
    let seen = running::watch(scope, time, &mut begun, progress).map_err(Faults::one)?;
    if shown {
        door::tell("\n");
    }
    let mut seen = places::portable(seen, &places);
    seen.merge(earlier);
    keep(output, &seen, base).map_err(Faults::one)?;
    door::tell(&summary(output, &seen));
    Ok(Exit::Success)
}

/// Where a process takes place that runs already. Those of a control group have nothing in common.
fn theirs(scope: Scope) -> Places {
    let Scope::Pid(pid) = scope else { return Places::default() };
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let variable = |name: &str| {
        let mut words = environment.split(|byte| *byte == 0);
        let value = words.find_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        value.map(|value| PathBuf::from(OsStr::from_bytes(value))).filter(|path| path.is_absolute())
    };
    let root = fs::metadata(format!("/proc/{pid}")).is_ok_and(|data| data.uid() == 0);
    Places {
        home: variable("HOME").unwrap_or_default(),
        runtime: if root { PathBuf::new() } else { variable("XDG_RUNTIME_DIR").unwrap_or_default() },
        directory: fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default(),
    }
}

/// Ends as the command did.
fn passed_on(status: Status) -> anyhow::Result<Exit> {
    match status {
        Status::Exited(number) => crate::sys::detached::leave(number),
        Status::Killed(number) => {
            // A death by the same signal, without a core of ours.
            nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0)?;
            crate::sys::signals::suffer(number)?;
            Ok(Exit::Failure)
        }
    }
}

/// Where this run takes place.
pub(super) fn here() -> Places {
    let runtime = if geteuid().is_root() { None } else { std::env::var_os("XDG_RUNTIME_DIR") };
    Places {
        home: std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()).unwrap_or_default(),
        runtime: runtime.map(PathBuf::from).unwrap_or_default(),
        directory: std::env::current_dir().unwrap_or_default(),
    }
}

/// The file with what was seen.
fn beside(policy: &str) -> String {
    if Path::new(policy).extension().is_some_and(|end| end == "seen") {
        policy.to_owned()
    } else {
        format!("{policy}.seen")
    }
}

/// What earlier runs saw.
fn earlier(output: &str) -> Result<Observed, Fault> {
    let seen = beside(output);
    if Path::new(&seen).exists() {
        // Nobody has named it: in /tmp it may be anybody's, and what it says would be allowed.
        trust::vouch(Path::new(&seen), geteuid().as_raw())
            .map_err(|fault| fault.help("name another file with -o, or remove it").exit(Exit::Usage))?;
        return read(&seen);
    }
    if Path::new(output).exists() {
        let fault = Fault::new(format!("{output} exists, and was not learnt: there is no {seen}"));
        return Err(fault.help("name another file with -o, or remove it").exit(Exit::Usage));
    }
    Ok(Observed::default())
}

fn read(name: &str) -> Result<Observed, Fault> {
    let text = fs::read_to_string(name).map_err(|error| {
        let fault = Fault::new(format!("cannot read {name}: {}", crate::fault::reason(&error))).exit(Exit::Usage);
        fault.help("`stockade learn -o POLICY` writes what it saw to POLICY.seen")
    })?;
    record::read(&text, name)
}

/// Writes both files.
fn keep(output: &str, seen: &Observed, base: &Base) -> Result<(), Fault> {
    replace(&beside(output), &crate::report::pretty(&record::write(seen)))?;
    let learnt = write::policy(seen, base);
    if !learnt.denied.is_empty() {
        let list = learnt.denied.join(" ");
        door::tell(&format!("stockade: {output}: what it extends denies these, and it allows them: {list}\n"));
    }
    if learnt.weaker {
        door::tell(&format!(
            "stockade: {output}: this kernel's Landlock is missing or too old for all of it, which Prefer allows here: \
             run says what is left out\n"
        ));
    }
    replace(output, &learnt.text)
}

/// Writes a file as a whole or not at all, with the permissions of the one that is there.
pub(super) fn replace(path: &str, text: &str) -> Result<(), Fault> {
    let mode = fs::metadata(path).map_or(0o644, |data| data.permissions().mode() & 0o7777);
    let temporary = format!("{path}.new");
    let result = fs::remove_file(&temporary)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .and_then(|()| fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary))
        .and_then(|mut file| {
            let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&temporary, path));
            // Half a file is of no use to anybody; why it is half is what is told.
            written.inspect_err(|_| drop(fs::remove_file(&temporary)))
        });
    result
        .map_err(|error| Fault::new(format!("cannot write {path}: {}", crate::fault::reason(&error))).exit(Exit::Usage))
}

fn summary(output: &str, seen: &Observed) -> String {
    let allowed = write::allowed(seen).len();
    let runs = if seen.runs == 1 { "one run".to_owned() } else { format!("{} runs", seen.runs) };
    let lost = match seen.lost {
        0 => String::new(),
        lost => format!("stockade: {output}: the arguments of {lost} calls were not seen; another run may add to it\n"),
    };
    let unread = match seen.unread {
        0 => String::new(),
        times => format!(
            "stockade: {output}: a process that was there could not be looked at, {times} times; what it did may be missing\n"
        ),
    };
    let unseen = if seen.unknown.contains(&Part::Paths) {
        format!("stockade: {output}: not all files could be seen, so that none is refused; `--by ebpf` may see them\n")
    } else {
        String::new()
    };
    format!(
        "stockade: {output}: {} different system calls seen in {runs}, {allowed} allowed with their \
         families\n{lost}{unread}{unseen}",
        seen.calls.len()
    )
}

/// The live line.
#[derive(Default)]
struct Line {
    last: Option<(std::time::Instant, u64, usize)>,
}

impl Line {
    fn show(&mut self, calls: u64, different: usize) {
        let now = std::time::Instant::now();
        let (rate, new) = self.last.map_or((0.0, different), |(then, before, known)| {
            let passed = now.duration_since(then).as_secs_f64().max(0.001);
            #[allow(clippy::cast_precision_loss)] // Shown to three digits.
            let rate = (calls - before) as f64 / passed;
            (rate, different - known)
        });
        self.last = Some((now, calls, different));
        door::tell(&format!("\rstockade: {calls} calls, {different} different, {new} new, {rate:.0} per second\x1b[K"));
    }
}
