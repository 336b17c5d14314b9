//! The target's environment.

use crate::draft::Asked;
use crate::draft::process::Variable;
use crate::fault::{Fault, Origin};
use crate::text::{Entry, Kind, Value};

use super::form::{self, Form, Item};
use super::{Directive, Policy};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Environment=: names and values, each name once.
    pub set: Vec<(String, String, Origin)>,
    /// PassEnvironment=: names, some with a `*` behind them; nothing when it was never written.
    pub pass: Option<Vec<(String, Origin)>>,
    /// ExecSearchPath=.
    pub search: Vec<String>,
    /// EnvironmentFile=: paths, and whether each may be missing.
    pub files: Vec<(String, bool, Origin)>,
    /// SetLoginEnvironment=.
    pub login: Option<bool>,
    /// UnsetEnvironment=: names or assignments.
    pub unset: Vec<(String, Origin)>,
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "ExecSearchPath",
        form: Form::Texts("PATH"),
        summary: "where programs are looked for",
        manual: "Directories in which a program without a `/` is looked for, instead of those of PATH. The target gets them \
                 as its PATH, unless *Environment* or *EnvironmentFile* sets another. Directories can also be parted by \
                 colons. Specifiers are replaced. Lists add up and an empty one resets.",
        example: "ExecSearchPath = [\"/opt/web/bin\", \"/usr/bin\"]",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let Some(words) = form::paths(value)? else {
                policy.environment.search.clear();
                return Ok(());
            };
            for word in words {
                for path in word.text.split(':').filter(|path| !path.is_empty()) {
                    form::check_path(path, &word)?;
                    policy.environment.search.push(path.to_owned());
                }
            }
            Ok(())
        },
        // Before Environment, which may say another PATH.
        demand: |policy, demands| {
            let search = &policy.environment.search;
            if search.is_empty() {
                return;
            }
            demands.draft.search = Some(demands.asked(search.clone()));
            demands.draft.environment.push(demands.asked(Variable::Set("PATH".into(), search.join(":"))));
        },
    },
    Directive {
        name: "Environment",
        form: Form::Texts("NAME=VALUE"),
        summary: "set environment variables",
        manual: "Variables for the target, on top of those that it inherits. A text is split at blanks, with quotes \
                 around what must stay together; an element of a TOML list is one assignment; and a table \
                 (`Environment = { A = \"b\" }`) sets its keys. Later assignments to the same name win, and an empty \
                 value takes all of them back. The specifiers %h, %u, %U, %t, %T, %V and %% are replaced.",
        example: "Environment = [\"LANG=C.UTF-8\", \"GREETING=hello world\"]",
        unlike: Some("A wrong assignment is an error and not only a warning."),
        exposure: &[],
        read: set,
        demand: |policy, demands| {
            for (name, value, at) in &policy.environment.set {
                let by = demands.at(at);
                demands.draft.environment.push(Asked { what: Variable::Set(name.clone(), value.clone()), by });
            }
        },
    },
    Directive {
        name: "EnvironmentFile",
        form: Form::Paths,
        summary: "set the environment variables that a file lists",
        manual: "Files with one assignment a line, read by the caller when the target is started; what they set wins over \
                 *Environment*, and later files over earlier ones. Empty lines and lines that begin with `#` or `;` are \
                 passed over; a backslash at the end of a line joins the next one to it; values can be in single quotes, or \
                 in double quotes with backslashes before `\"`, `\\`, `$` and the backquote. Nothing in them is expanded. Lines that \
                 assign nothing are passed over, and are told by `stockade explain`. With `-` in front a file may be \
                 missing. The wildcards `*`, `?` and `[...]` make a path stand for all files that match it, in the order of \
                 their names (glob(7)). Lists add up and an empty one resets.",
        example: "EnvironmentFile = [\"-/etc/default/web\"]",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let Some(items) = form::paths(value)? else {
                policy.environment.files.clear();
                return Ok(());
            };
            for item in items {
                let path = form::path(&item)?;
                let text = path.path.to_string_lossy().into_owned();
                if path.rooted || text == "." {
                    return Err(item
                        .fault(format!("`{text}` is not the path of a file"))
                        .help("write an absolute path, with `-` in front if it may be missing"));
                }
                policy.environment.files.push((text, path.optional, path.at));
            }
            Ok(())
        },
        demand: |policy, demands| {
            for (path, optional, at) in &policy.environment.files {
                let by = demands.at(at);
                demands.draft.environment.push(Asked { what: Variable::File(path.clone(), *optional), by });
            }
        },
    },
    Directive {
        name: "SetLoginEnvironment",
        form: Form::Boolean,
        summary: "whether USER, LOGNAME, HOME and SHELL are set",
        manual: "With *yes* they are set to those of the target's user, also where no *User* is written; with *no* the \
                 caller's are left as they are. Without this directive they are set where *User* is.",
        example: "SetLoginEnvironment = true",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.environment.login = super::inherit::optional(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            demands.draft.login = policy.environment.login.map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "PassEnvironment",
        form: Form::List("NAME"),
        summary: "pass only these variables of the caller on",
        manual: "Names of variables that the target inherits. A name that ends with an asterisk stands for all names that \
                 begin so. Without this directive everything is inherited; with it only what is listed, and what the \
                 service manager tells its services: LISTEN_FDS and its kin, NOTIFY_SOCKET, WATCHDOG_USEC, \
                 WATCHDOG_PID, MAINPID, INVOCATION_ID, JOURNAL_STREAM, SYSTEMD_EXEC_PID, CREDENTIALS_DIRECTORY, the \
                 directories of RuntimeDirectory= and its like, and the pressure files. Lists add up; an empty one \
                 takes back what was listed and lets nothing else through.",
        example: "PassEnvironment = [\"PATH\", \"LC_*\"]",
        unlike: Some(
            "The variables come from the process that started stockade, not from the service manager; without the \
             directive all of them pass. The asterisk is stockade's.",
        ),
        exposure: &[],
        read: |policy, value| {
            let words = form::all_words(value)?;
            let pass = policy.environment.pass.get_or_insert_with(Vec::new);
            match words {
                None => pass.clear(),
                Some(words) => {
                    for word in words {
                        let name = word.text.strip_suffix('*').unwrap_or(&word.text);
                        if !(is_name(name) || name.is_empty() && word.text == "*") {
                            return Err(not_a_name(&word));
                        }
                        pass.push((word.text, word.at));
                    }
                }
            }
            Ok(())
        },
        demand: |policy, demands| {
            let Some(pass) = &policy.environment.pass else { return };
            if pass.is_empty() {
                demands.draft.environment.push(demands.asked(Variable::Pass(String::new())));
            }
            for (name, at) in pass {
                let by = demands.at(at);
                demands.draft.environment.push(Asked { what: Variable::Pass(name.clone()), by });
            }
        },
    },
    Directive {
        name: "UnsetEnvironment",
        form: Form::Texts("NAME[=VALUE]"),
        summary: "remove variables from the environment, last of all",
        manual: "Names of variables to remove, or whole assignments, which are removed only where the value is the \
                 same. It happens after everything else, so it also undoes *Environment*. Lists add up and an empty \
                 one resets.",
        example: "UnsetEnvironment = [\"LD_PRELOAD\", \"LD_LIBRARY_PATH\"]",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let Some(words) = whole(value)? else {
                policy.environment.unset.clear();
                return Ok(());
            };
            for word in words {
                if !is_name(word.text.split('=').next().unwrap_or_default()) {
                    return Err(not_a_name(&word));
                }
                policy.environment.unset.push((word.text, word.at));
            }
            Ok(())
        },
        demand: |policy, demands| {
            for (what, at) in &policy.environment.unset {
                let by = demands.at(at);
                demands.draft.environment.push(Asked { what: Variable::Unset(what.clone()), by });
            }
        },
    },
];

/// `Environment = { A = "b" }` is `Environment.A = "b"` to the text stage; here it is a value of
/// Environment's again.
pub(crate) fn keyed(entry: &Entry) -> Option<Entry> {
    let name = entry.name.strip_prefix("Environment.")?;
    let inner = Entry { name: name.to_owned(), at: entry.at.clone(), value: entry.value.clone() };
    let value = Value { kind: Kind::Table(vec![inner]), at: entry.value.at.clone() };
    Some(Entry { name: "Environment".into(), at: entry.at.clone(), value })
}

/// The assignments of a table, however it was written, as the list that says the same; nothing for what is no table.
pub(crate) fn listed(entry: &Entry) -> Option<Entry> {
    let keyed = keyed(entry);
    let table = keyed.as_ref().unwrap_or(entry);
    let Kind::Table(entries) = &table.value.kind else { return None };
    if table.name != "Environment" {
        return None;
    }
    let assignment = |entry: &Entry| {
        let at = entry.value.at.clone();
        let text = match entry.value.kind {
            Kind::Boolean(on) => on.to_string(),
            _ => form::text(&entry.value).ok()?.text,
        };
        Some(Value { kind: Kind::Text(format!("{}={text}", entry.name)), at })
    };
    let values: Option<Vec<Value>> = entries.iter().map(assignment).collect();
    let value = Value { kind: Kind::List(values?), at: table.value.at.clone() };
    Some(Entry { name: table.name.clone(), at: table.at.clone(), value })
}

fn set(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let set = &mut policy.environment.set;
    if let Kind::Table(entries) = &value.kind {
        for entry in entries {
            let item = match entry.value.kind {
                Kind::Boolean(on) => Item { text: on.to_string(), at: entry.value.at.clone() },
                _ => form::text(&entry.value)?,
            };
            if !is_name(&entry.name) {
                return Err(not_a_name(&Item { text: entry.name.clone(), at: entry.at.clone() }));
            }
            assign(set, &entry.name, &item.text, &item)?;
        }
        return Ok(());
    }
    let Some(words) = whole(value)? else {
        set.clear();
        return Ok(());
    };
    for word in words {
        match word.text.split_once('=') {
            Some((name, rest)) if is_name(name) => assign(set, name, rest, &word)?,
            Some(_) => return Err(not_a_name(&word)),
            None => {
                return Err(word
                    .fault(format!("`{}` is not an assignment", word.text))
                    .help("write NAME=VALUE, or list the name in PassEnvironment to inherit it"));
            }
        }
    }
    Ok(())
}

/// Elements of a TOML list as they are; a text split at blanks. Nothing means reset.
fn whole(value: &Value) -> Result<Option<Vec<Item>>, Fault> {
    match &value.kind {
        Kind::List(values) if values.is_empty() => Ok(None),
        Kind::List(_) => form::lines(value).map(Some),
        _ => form::all_words(value),
    }
}

fn assign(set: &mut Vec<(String, String, Origin)>, name: &str, text: &str, item: &Item) -> Result<(), Fault> {
    if text.chars().any(|c| c.is_ascii_control() && c != '\t' && c != '\n') {
        return Err(item.fault(format!("the value of `{name}` holds a control character")));
    }
    set.retain(|(known, ..)| known != name);
    set.push((name.to_owned(), text.to_owned(), item.at.clone()));
    Ok(())
}

/// Letters, digits and `_`, without a digit in front (systemd's env_name_is_valid).
fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn not_a_name(word: &Item) -> Fault {
    word.fault(format!("`{}` is not the name of a variable", word.text))
        .help("names are letters, digits and `_`, and do not begin with a digit")
}

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Document;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    fn list(items: &[&str]) -> Kind {
        let source = std::sync::Arc::new(crate::fault::Source { name: "test".into(), text: String::new() });
        let at = Origin::new(&source, 0..0);
        Kind::List(items.iter().map(|item| Value { kind: text(item), at: at.clone() }).collect())
    }

    fn assignments(entries: &[(&str, Kind)]) -> Vec<String> {
        let policy = read_all(entries).expect("good");
        policy.environment.set.iter().map(|(name, value, _)| format!("{name}={value}")).collect()
    }

    #[test]
    fn texts_split_and_list_elements_do_not() {
        assert_eq!(assignments(&[("Environment", text("A=1 'B=2 3' C=\"4 5\""))]), ["A=1", "B=2 3", "C=4 5"]);
        assert_eq!(assignments(&[("Environment", list(&["A=1 2", "B='x'"]))]), ["A=1 2", "B='x'"]);
    }

    #[test]
    fn the_last_assignment_wins_and_an_empty_one_resets() {
        assert_eq!(assignments(&[("Environment", text("A=1 B=2 A=3"))]), ["B=2", "A=3"]);
        assert_eq!(
            assignments(&[("Environment", text("A=1")), ("Environment", text("")), ("Environment", text("B=2"))]),
            ["B=2"]
        );
    }

    #[test]
    fn tables_set_their_keys() {
        let Kind::List(mut values) = list(&["b"]) else { unreachable!() };
        let value = values.remove(0);
        let entry = Entry { name: "A".into(), at: value.at.clone(), value };
        assert_eq!(assignments(&[("Environment", Kind::Table(vec![entry.clone()]))]), ["A=b"]);
        let document = Document { entries: vec![Entry { name: "Environment.A".into(), ..entry }] };
        let policy = Policy::read(&document).expect("good");
        assert_eq!(policy.environment.set.len(), 1);
        assert_eq!(policy.written[0].0, "Environment");
    }

    #[test]
    fn wrong_names_and_values_are_refused() {
        for bad in ["A", "1A=b", "=b", "A-B=c", "A=\u{7}"] {
            assert!(read("Environment", text(bad)).is_err(), "{bad:?}");
        }
        for bad in ["A=b", "1A", "A*B", "**"] {
            assert!(read("PassEnvironment", text(bad)).is_err(), "{bad}");
        }
        assert!(read("UnsetEnvironment", text("A-B")).is_err());
    }

    #[test]
    fn an_empty_pass_list_lets_nothing_through() {
        let passes = |entries: &[(&str, Kind)]| -> Vec<Variable> {
            read_all(entries).expect("good").draft().environment.into_iter().map(|asked| asked.what).collect()
        };
        assert_eq!(passes(&[]), []);
        assert_eq!(passes(&[("PassEnvironment", list(&[]))]), [Variable::Pass(String::new())]);
        assert_eq!(
            passes(&[("PassEnvironment", text("LC_* PATH"))]),
            [Variable::Pass("LC_*".into()), Variable::Pass("PATH".into())]
        );
    }
}
