//! The target and the process that it runs in.

use crate::draft::process::WorkingDirectory;
use crate::draft::{Asked, By};
use crate::fault::{Fault, Origin};
use crate::text::{Kind, Value};

use super::form::{self, Form, Item};
use super::{Directive, Exposure, Policy};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Exec.
    pub exec: Option<Vec<String>>,
    /// ExecSpecifiers.
    pub specifiers: bool,
    /// ExecVariables.
    pub variables: bool,
    /// Prefer: names of directives, or of tables for all of their words.
    pub prefer: Vec<(String, Origin)>,
    /// UMask=.
    pub umask: Option<u32>,
    /// WorkingDirectory=, and whether a missing one is ignored.
    pub directory: Option<(WorkingDirectory, bool)>,
    /// Descriptors.Pass.
    pub descriptors: Vec<i32>,
}

/// The umask that a service has under systemd when nobody says another.
const DEFAULT_UMASK: u32 = 0o022;

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "Exec",
        form: Form::List("ARGUMENT"),
        summary: "the program to run, with its first arguments",
        manual: "The beginning of the target's argument vector; what stands on the command line behind the policy \
                 follows it. A TOML list has one argument an element; a text is split at blanks, with quotes around \
                 what must stay together. A program without a `/` is looked up in PATH, and a relative path in the directory that the \
                 target starts in, wherever the policy lies. An empty value resets it.",
        example: "Exec = [\"/usr/bin/redis-server\", \"--port\", \"0\"]",
        unlike: Some(
            "systemd's ExecStart= has prefixes (`-`, `@`, `+`, `!`) and expands variables; Exec does not without ExecVariables.",
        ),
        exposure: &[],
        read: exec,
        demand: |policy, demands| {
            demands.draft.exec = policy.process.exec.clone().map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "ExecSpecifiers",
        form: Form::Boolean,
        summary: "replace specifiers in Exec",
        manual: "With *yes* specifiers are replaced in each argument of *Exec* (%H, %m, %b and the others), and %% is a \
                 percent sign; in what the caller writes behind the policy nothing is. `stockade import unit` writes it for \
                 an ExecStart= that has specifiers of the running machine.",
        example: "Exec = [\"/usr/bin/web\", \"--node=%H\"]\nExecSpecifiers = true",
        unlike: Some("systemd has no such word: it always replaces them in ExecStart=."),
        exposure: &[],
        read: |policy, value| {
            policy.process.specifiers = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.process.specifiers {
                demands.draft.exec_specifiers = Some(demands.asked(()));
            }
        },
    },
    Directive {
        name: "ExecVariables",
        form: Form::Boolean,
        summary: "replace variables in Exec",
        manual: "With *yes* the variables of the target's environment are replaced in the arguments of *Exec*, as systemd does it \
                 in ExecStart=: an argument $NAME becomes as many as its value has words, in which quotes keep together and a \
                 backslash takes what follows as it is; ${NAME} is replaced where it stands; $$ is a dollar; what is not set is \
                 empty. The program stays as it is, and so does what the caller writes behind the policy. `stockade import \
                 unit` writes it for an ExecStart= that has variables.",
        example: "Exec = [\"/usr/bin/web\", \"--port=${PORT}\", \"$OPTIONS\"]\nExecVariables = true",
        unlike: Some("systemd has no such word: it always replaces them in ExecStart=, but behind its prefix `:`."),
        exposure: &[],
        read: |policy, value| {
            policy.process.variables = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.process.variables {
                demands.draft.exec_variables = Some(demands.asked(()));
            }
        },
    },
    Directive {
        name: "Extends",
        form: Form::List("PROFILE"),
        summary: "start from these policies",
        manual: "Names or paths of policies that are read first, in this order, as if they stood at the head of the \
                 file. What they say is added to or overridden as if it all had been written in one file.",
        example: "Extends = [\"service\"]",
        unlike: Some("systemd has no such word; its drop-ins work the other way round."),
        exposure: &[],
        // The text stage has read the other policies before any row sees a word of this one.
        read: |_, _| Ok(()),
        demand: |_, _| {},
    },
    Directive {
        name: "Prefer",
        form: Form::List("DIRECTIVE"),
        summary: "run weaker rather than not at all, for these directives",
        manual: "Names of directives that may be enforced less than they ask for where the host cannot do better; \
                 the name of a table (`Landlock`) stands for all of its words. What is missing is printed. Without it \
                 nothing is executed unless everything that was asked for is in force. Lists add up and an empty one \
                 resets.",
        example: "Prefer = [\"PrivateNetwork\", \"Landlock\"]",
        unlike: Some("systemd has no such word: it leaves out much that it cannot do without being asked."),
        exposure: &[],
        read: prefer,
        demand: |policy, demands| {
            for (name, at) in &policy.process.prefer {
                let by = demands.at(at);
                demands.draft.prefer.push(Asked { what: name.clone(), by });
            }
        },
    },
    Directive {
        name: "UMask",
        form: Form::Text("MODE"),
        summary: "permissions that new files do not get",
        manual: "The file mode creation mask of the target (umask(2)) as an octal number in quotes, or as TOML's \
                 `0o077`. Without it the caller's stays. An empty value resets it.",
        example: "UMask = \"0077\"",
        unlike: Some("Without it the caller's mask stays, where systemd sets 0022."),
        exposure: &[Exposure { id: "UMask", weight: 100, range: 10, badness: |policy| Some(umask_badness(policy)) }],
        read: |policy, value| {
            policy.process.umask = umask(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            demands.draft.umask = policy.process.umask.map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "WorkingDirectory",
        form: Form::Text("PATH"),
        summary: "where the target starts",
        manual: "An absolute path, or `~` for the home directory of the target's user. It is entered when the mounts \
                 are made and the user is the target's. With `-` in front a missing one is ignored and the target \
                 starts in `/`. Without it the target starts where stockade was started. An empty value resets it.",
        example: "WorkingDirectory = \"/var/lib/redis\"",
        unlike: Some("Without it the caller's directory stays, where systemd takes `/` for system services."),
        exposure: &[],
        read: |policy, value| {
            policy.process.directory = directory(&form::text(value)?)?;
            Ok(())
        },
        demand: |policy, demands| {
            demands.draft.directory = policy.process.directory.clone().map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "Descriptors.Pass",
        form: Form::Texts("NUMBER"),
        summary: "leave these file descriptors open",
        manual: "Numbers of open descriptors, from 3 on, that the target inherits. All others above 2 are closed, but \
                 those that LISTEN_FDS announces to this process. Lists add up and an empty one resets. A descriptor \
                 of a directory leads out of every view of the file system, and one of a socket out of every network.",
        example: "[Descriptors]\nPass = [3, 4]",
        unlike: Some("systemd has no such word."),
        exposure: &[],
        read: descriptors,
        demand: |policy, demands| {
            if !policy.process.descriptors.is_empty() {
                let what = policy.process.descriptors.clone();
                demands.draft.descriptors = Some(demands.asked(what));
            }
        },
    },
];

fn exec(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let items = match &value.kind {
        // Arguments may be empty, so this is no list of lines.
        Kind::List(values) => values.iter().map(form::text).collect::<Result<Vec<_>, _>>()?,
        _ => form::all_words(value)?.unwrap_or_default(),
    };
    if let Some(bad) = items.iter().find(|item| item.text.contains('\0')) {
        return Err(bad.fault("an argument cannot hold a NUL byte"));
    }
    if items.first().is_some_and(|program| program.text.is_empty()) {
        return Err(value.fault("the program's name is empty"));
    }
    let argv: Vec<String> = items.into_iter().map(|item| item.text).collect();
    policy.process.exec = Some(argv).filter(|argv| !argv.is_empty());
    Ok(())
}

fn prefer(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let Some(words) = form::all_words(value)? else {
        policy.process.prefer.clear();
        return Ok(());
    };
    for word in words {
        let tables = super::all().filter_map(|row| row.name.split_once('.').map(|(table, _)| table));
        let mut known = super::all().map(|row| row.name).chain(tables);
        if !known.any(|name| name == word.text) {
            let fault = word.fault(format!("`{}` is not a directive that could be weaker", word.text));
            return Err(match form::nearest(&word.text, super::all().map(|row| row.name)) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help("name directives, or tables such as `Landlock`"),
            });
        }
        policy.process.prefer.push((word.text, word.at));
    }
    Ok(())
}

pub(super) fn umask(value: &Value) -> Result<Option<u32>, Fault> {
    let refuse = |text: &str, help: &str| Err(value.fault(format!("`{text}` is not an octal mode")).help(help));
    let text = match &value.kind {
        // TOML knows octal numbers, and a decimal one here would be a mistake nobody sees.
        Kind::Integer(number) => {
            if !value.at.written().trim_start().starts_with("0o") && *number != 0 {
                return refuse(&number.to_string(), "write it in quotes, or with TOML's 0o in front: 0o077");
            }
            format!("{number:o}")
        }
        _ => form::text(value)?.text.trim().to_owned(),
    };
    if text.is_empty() {
        return Ok(None);
    }
    match u32::from_str_radix(&text, 8) {
        Ok(mode) if mode <= 0o7777 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(mode)),
        _ => refuse(&text, "write three or four octal digits, e.g. \"0077\""),
    }
}

/// systemd's steps: the worst permission that a new file gets.
fn umask_badness(policy: &Policy) -> u32 {
    let mask = policy.process.umask.unwrap_or(DEFAULT_UMASK);
    [(0o002, 10), (0o004, 5), (0o020, 2), (0o040, 1)].iter().find(|(bit, _)| mask & bit == 0).map_or(0, |(_, bad)| *bad)
}

fn directory(item: &Item) -> Result<Option<(WorkingDirectory, bool)>, Fault> {
    let (text, optional) = item.text.strip_prefix('-').map_or((item.text.as_str(), false), |rest| (rest, true));
    if text.is_empty() {
        return if optional { Err(item.fault("`-` is not a path")) } else { Ok(None) };
    }
    if text == "~" {
        return Ok(Some((WorkingDirectory::Home, optional)));
    }
    form::check_path(text, item)?;
    Ok(Some((WorkingDirectory::Path(text.to_owned()), optional)))
}

fn descriptors(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let pass = &mut policy.process.descriptors;
    let words = match &value.kind {
        Kind::List(_) => form::lines(value)?,
        _ => form::all_words(value)?.unwrap_or_default(),
    };
    if words.is_empty() {
        pass.clear();
    }
    for word in words {
        match word.text.parse::<i32>() {
            Ok(number) if number >= 3 && word.text.bytes().all(|byte| byte.is_ascii_digit()) => pass.push(number),
            _ => {
                return Err(word
                    .fault(format!("`{}` is not a descriptor that could be passed", word.text))
                    .help("write numbers from 3 on; 0, 1 and 2 always stay open"));
            }
        }
    }
    pass.sort_unstable();
    pass.dedup();
    Ok(())
}

/// Who asks for what stockade does on behalf of a directive that nobody wrote.
pub const fn unwritten(directive: &'static str) -> By {
    By { directive, origin: None }
}

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::fault::Source;
    use std::sync::Arc;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    #[test]
    fn exec_is_an_argument_vector() {
        let argv = |kind| read("Exec", kind).map(|policy| policy.process.exec);
        assert_eq!(argv(text("/bin/echo 'a b' c")), Ok(Some(vec!["/bin/echo".into(), "a b".into(), "c".into()])));
        assert_eq!(argv(Kind::List(Vec::new())), Ok(None));
        assert!(argv(text("'' x")).is_err());
        assert!(argv(text("a\0b")).is_err());
    }

    #[test]
    fn prefer_knows_directives_and_tables() {
        assert!(read("Prefer", text("User Landlock Landlock.Read")).is_ok());
        let fault = read("Prefer", text("CapabilityBoundingSets")).expect_err("unknown");
        assert!(fault.help[0].contains("CapabilityBoundingSet`"), "{:?}", fault.help);
        assert!(read("Prefer", text("LandLock.")).is_err());
    }

    #[test]
    fn masks_are_octal() {
        let mask = |kind| read("UMask", kind).map(|policy| policy.process.umask);
        assert_eq!(mask(text("0077")), Ok(Some(0o77)));
        assert_eq!(mask(text("")), Ok(None));
        for bad in ["8", "0x7", "10000", "-1", "+7", "7 7"] {
            assert!(mask(text(bad)).is_err(), "{bad}");
        }
        assert!(mask(Kind::Integer(77)).is_err(), "a decimal number is a mistake");
        let source = Arc::new(Source { name: "x".into(), text: "UMask = 0o077".into() });
        let value = Value { kind: Kind::Integer(0o77), at: Origin::new(&source, 8..13) };
        assert_eq!(umask(&value), Ok(Some(0o77)));
    }

    #[test]
    fn the_mask_is_weighed_as_systemd_weighs_it() {
        for (mask, bad) in [("0", 10), ("0002", 5), ("0022", 5), ("0007", 2), ("0027", 1), ("0077", 0)] {
            assert_eq!(umask_badness(&read("UMask", text(mask)).expect(mask)), bad, "{mask}");
        }
        assert_eq!(umask_badness(&Policy::default()), 5);
    }

    #[test]
    fn directories_are_absolute_or_home() {
        let directory = |word| read("WorkingDirectory", text(word)).map(|policy| policy.process.directory);
        assert_eq!(directory("-~"), Ok(Some((WorkingDirectory::Home, true))));
        assert_eq!(directory("/srv"), Ok(Some((WorkingDirectory::Path("/srv".into()), false))));
        assert_eq!(directory(""), Ok(None));
        for bad in ["srv", "-", "/a/../b", "~root"] {
            assert!(directory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn descriptors_start_at_three() {
        let pass = |words: &[&str]| {
            let entries: Vec<_> = words.iter().map(|word| ("Descriptors.Pass", text(word))).collect();
            read_all(&entries).map(|policy| policy.process.descriptors)
        };
        assert_eq!(pass(&["5 3", "4 5"]), Ok(vec![3, 4, 5]));
        assert_eq!(pass(&["5", "", "7"]), Ok(vec![7]));
        for bad in ["2", "-1", "x", "+3", "99999999999"] {
            assert!(pass(&[bad]).is_err(), "{bad}");
        }
    }
}
