//! stockade(1), made from the verbs' own command lines.

use clap::{Arg, Command};

use crate::fault::Exit;

use super::lint::LINTS;
use super::roff::Page;

const STATUS: &[(&str, &str)] = &[
    (
        "_any_",
        "What the target ended with. stockade becomes the target, so its status, and its death by a signal, are its own. With \
         a PID namespace stockade waits for it and ends the same way: with its status, or by the same signal.",
    ),
    ("0", "A verb that does not start anything has done its work."),
    ("1", "It could not: for example, its output could not be written."),
    ("1", "*analyze --threshold*: a score is above it. *diff*: something differs. *why*: something is denied."),
    ("3", "*filter --try*: a call is refused."),
    (
        "4",
        "*filter --try*: a call is refused or not by its arguments or by a supervisor, and none is refused always. *why*: \
         something depends on arguments that were not given, or on a supervisor.",
    ),
    ("64", "The command line is wrong."),
    ("78", "A policy is wrong, or somebody else could have written it."),
    ("124", "The time that *RuntimeMaxSec* gives was over."),
    ("126, 127", "The target cannot be executed, or was not found. 203 as the main process of a unit."),
];

const LINTS_NOTE: &str = "What *stockade check* warns of; the names are in its brackets and in its JSON.";

const STATUS_NOTE: &str = "\
Steps that fail end with systemd's statuses, whose names *systemctl status* prints and *systemd.exec*(5) explains. The target \
has then not run.";

const ENVIRONMENT: &[(&str, &str)] = &[
    ("XDG_CONFIG_HOME", "Where the caller's own policies are, instead of `~/.config`."),
    (
        "NO_COLOR",
        "When set and not empty, messages have no colours. They have none either where standard error is not a terminal.",
    ),
    ("LISTEN_PID, LISTEN_FDS", "Descriptors that are passed to the target by socket activation and so stay open."),
    (
        "NOTIFY_SOCKET",
        "With a PID namespace, the socket there that messages of sd_notify(3) are passed on to (see *SYSTEMD*).",
    ),
    ("SYSTEMD_EXEC_PID", "When it is stockade's own process id, a target that cannot be executed ends with 203."),
];

const FILES: &[(&str, &str)] = &[
    ("`$XDG_CONFIG_HOME/stockade/`, `~/.config/stockade/`", "The caller's policies: _NAME_`.toml`."),
    ("`/etc/stockade/`", "The administrator's."),
    ("`/usr/share/stockade/profiles/`", "The distribution's."),
];

const EXAMPLES: &[(&str, &str)] = &[
    (
        "A program that gets no network and can write nothing but a private /tmp:",
        "stockade run -P strict -- python3 convert.py",
    ),
    (
        "The same, but the directory it is started in can be written:",
        "stockade run -P strict -p ReadWritePaths=. -- make",
    ),
    (
        "Single directives, as for systemd-run(1):",
        "stockade run -p PrivateNetwork=yes -p ProtectHome=tmpfs -p BindPaths=. -- ./build.sh",
    ),
    ("What would be done, and who asked for it:", "stockade explain -P strict -- python3 convert.py"),
    ("A policy file that is a program:", "./pdftotext.toml in.pdf"),
];

const SYSTEMD: &str = "\
In front of a service's command stockade needs nothing from systemd and takes nothing away: it executes the target in its own \
place, so that the main process, sd_notify(3), socket activation, the watchdog, signals and the exit status are the target's.

The target starts with the signal mask and the ignored signals that stockade was started with, as any command does that a shell, \
nohup(1) or a service manager starts; what stockade's own runtime changes is put back. systemd starts commands with all signals \
unblocked and none ignored but SIGPIPE (*IgnoreSIGPIPE*). Elsewhere `env --default-signal stockade run ...` makes sure of it (env(1)).

A policy with *PrivatePIDs* or *RuntimeMaxSec* keeps all of this in another way: stockade stays the main process and stands in \
for the target, which is its child. *NotifyAccess=main* is enough, *Type=notify*, *notify-reload*, the watchdog, the descriptor \
store and *KillMode=* work, and only *Type=forking* and *ExitType=cgroup*, which are refused, and *PIDFile=* do not.";

const UNIT: &str = "\
[Service]
Type=notify
ExecStart=/usr/bin/stockade run -P nginx -- /usr/sbin/nginx -g 'daemon off;'
";

const SYSTEMD_NOTE: &str = "\
A start that fails shows in *systemctl status* by systemd's own name, such as 226/NAMESPACE or 228/SECCOMP.

The unit's own sandboxing comes first. With *User=* in the unit, or *RestrictNamespaces=* or *SystemCallFilter=* there, stockade \
has the rights of that user and that filter only; write *User=* in the policy instead, where stockade applies it last. \
`stockade export unit --prefix POLICY --unit NAME` prints a drop-in that does so: its command begins with systemd's `+`, for which \
the unit's own sandbox does not hold, and which is refused where the policy says less than the unit.";

const PROCESSES: &str = "\
A launch is one process: stockade becomes the target. Only a policy that needs another process beside it gets one.

With *PrivatePIDs* or *RuntimeMaxSec* there are three. stockade itself keeps its process id and waits outside. Its first child, \
named `stockade-init`, is process 1 of the PID namespace; its second is the target, process 2. With *Init.AsPid1* the target is \
process 1, and the first child, `stockade-guard`, stays outside. Neither stockade nor its helper keeps an open file of the \
caller's but its terminal and the descriptor of *--status-fd*; both have no capabilities (but CAP_KILL, where stockade was \
started with it), cannot be traced, and can make two dozen system calls only.

A signal that is sent to stockade is sent on to the target, once, with its value. One that is sent to the whole process group or \
control group is not: stockade waits 5 milliseconds to hear from its helper whether it got the signal, too. When the target stops, \
stockade stops itself by the same signal, and SIGCONT continues both; a target that is continued from inside the namespace alone \
leaves stockade stopped. SIGKILL and SIGSTOP reach stockade alone: the first ends everything in the namespace, the second stops \
nobody else.

The target stays in the caller's session and process group, so that Ctrl-C, Ctrl-Z and changes of the terminal's size reach it as \
they would without stockade; getppid(2), getsid(2) and getpgrp(2) give it 0, since those processes are outside. When a shell in \
there has put a job of its own into the foreground and is gone, the foreground is given back to the caller's process group.

When the target ends, every process in the namespace is killed, and stockade ends after the last one. A core dump is the \
target's only, so that a service manager sees a death by signal where it would have seen a core dump.";

const SECURITY: &str = "\
stockade is not setuid. As root it uses root's rights and drops them; as anyone else it makes a user namespace; where those \
are forbidden it does what Landlock, seccomp and no_new_privs can do alone, and refuses what they cannot.

What it does not protect from:

A policy takes away only what it names. With *-P none*, or a single *-p*, everything else stays as it was.

Holes in the kernel itself. A filter makes them harder to reach; a virtual machine is the stronger wall.

What the target can still reach: sockets in directories that it can see, such as the session bus or a container engine's, are \
ways out even where the directory is read-only. Profiles hide those they know of; *InaccessiblePaths* hides more.

Descriptors 0, 1 and 2 are passed on. A target that shares the caller's terminal can read what is typed into it and draw on it; \
the shipped profiles refuse TIOCSTI and TIOCLINUX, with which it could type.

Landlock's TCP rules are not a network policy: UDP, Multipath TCP, TCP Fast Open and sockets of other families pass them. Use \
*PrivateNetwork* or *RestrictAddressFamilies*.

Covert channels, the load of the machine (but for *Limit** directives), and a target that the caller gives its secrets to by \
argument or environment.";

/// The whole page. `verbs` are the visible verbs' command lines, `file` the words about starting a policy file.
pub fn page(about: &str, file: &str, verbs: &[Command]) -> String {
    let mut page = Page::new("stockade", 1, about);
    page.section("SYNOPSIS");
    for verb in verbs {
        page.paragraphs(&synopsis(verb));
    }
    page.paragraphs("*stockade* _FILE_ [_ARGUMENT_...]");
    page.section("DESCRIPTION");
    page.paragraphs(
        "stockade reads a policy, turns it into an ordered list of kernel operations, carries them out on itself, and becomes \
         the target. Policies are written in systemd's words: see *stockade.toml*(5).",
    );
    page.section("COMMANDS");
    for verb in verbs {
        page.subsection(verb.get_name());
        command(&mut page, verb);
    }
    page.subsection("FILE");
    page.paragraphs("*stockade* _FILE_ [_ARGUMENT_...]");
    page.paragraphs(file);
    page.section("LINTS");
    page.paragraphs(LINTS_NOTE);
    for lint in LINTS {
        page.entry(&format!("*{}*", lint.name), lint.about);
    }
    page.section("EXIT STATUS");
    for (status, meaning) in STATUS {
        page.entry(status, meaning);
    }
    page.paragraphs(STATUS_NOTE);
    for step in Exit::ALL.iter().filter(|exit| exit.is_step()) {
        page.entry(&(*step as u8).to_string(), step.name());
    }
    for (title, rows, mark) in [("ENVIRONMENT", ENVIRONMENT, "*"), ("FILES", FILES, "")] {
        page.section(title);
        for (term, meaning) in rows {
            page.entry(&format!("{mark}{term}{mark}"), meaning);
        }
    }
    page.section("EXAMPLES");
    for (what, how) in EXAMPLES {
        page.paragraphs(what);
        page.example(&format!("$ {how}"), false);
    }
    page.section("SYSTEMD");
    page.paragraphs(SYSTEMD);
    page.example(UNIT, false);
    page.paragraphs(SYSTEMD_NOTE);
    page.section("PROCESSES");
    page.paragraphs(PROCESSES);
    page.section("SECURITY");
    page.paragraphs(SECURITY);
    page.section("SEE ALSO");
    page.paragraphs(
        "*stockade.toml*(5), *systemd.exec*(5), *systemd-run*(1), *landlock*(7), *seccomp*(2), *namespaces*(7)",
    );
    page.finish()
}

/// `stockade run [OPTION...] [--] COMMAND [ARGUMENT...]`, with fonts.
fn synopsis(verb: &Command) -> String {
    let options = verb.get_opts().any(shown) || verb.get_arguments().any(|arg| !arg.is_positional() && shown(arg));
    let mut text = format!("*stockade {}*", verb.get_name());
    if options {
        text.push_str(" [_OPTION_...]");
    }
    for arg in verb.get_positionals() {
        if arg.is_trailing_var_arg_set() || arg.is_last_set() {
            text.push_str(" [*--*]");
        }
        let many = if arg.get_num_args().is_some_and(|range| range.max_values() > 1) { "..." } else { "" };
        let name = format!("_{}_{many}", arg.get_id());
        text.push_str(&if arg.is_required_set() { format!(" {name}") } else { format!(" [{name}]") });
    }
    text
}

fn command(page: &mut Page, verb: &Command) {
    page.paragraphs(&synopsis(verb));
    let about = verb.get_long_about().or(verb.get_about()).map(ToString::to_string).unwrap_or_default();
    page.paragraphs(&about);
    for arg in verb.get_arguments().filter(|arg| shown(arg)) {
        let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
        page.entry(&term(arg), &help);
    }
}

/// Those that every command has are said once, by every program.
fn shown(arg: &Arg) -> bool {
    !arg.is_hide_set() && arg.get_id() != "help"
}

fn term(arg: &Arg) -> String {
    if arg.is_positional() {
        return format!("_{}_", arg.get_id());
    }
    let mut names = Vec::new();
    if let Some(short) = arg.get_short() {
        names.push(format!("*-{short}*"));
    }
    if let Some(long) = arg.get_long() {
        names.push(format!("*--{long}*"));
    }
    let value = match arg.get_value_names() {
        Some([name, ..]) if arg.get_action().takes_values() => format!(" _{name}_"),
        _ => String::new(),
    };
    format!("{}{value}", names.join(", "))
}
