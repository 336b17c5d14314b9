//! stockade.toml(5), made from the rows.

use std::fmt::Write as _;

use crate::policy::form::Form;
use crate::policy::{Directive, FAMILIES, all, find};

use super::roff::Page;

const DESCRIPTION: &str = "\
A policy says what a program may do. It is a TOML file in which systemd's sandboxing directives stand at the top level, \
spelt as systemd.exec(5) spells them and with its meaning. What systemd has no word for stands in tables of its own, \
such as *[Seccomp]* and *[Landlock]*; this manual and *-p* write those with a dot, as in *Landlock.Read*.

A policy is read whole before anything is done. A key that stockade does not know, a value of the wrong type, a wrong \
word and a directive that this machine cannot enforce are errors, and the target is not started.";

const FILE: &str = "\
A policy file whose first line is `#!/usr/bin/stockade` and that is executable is a program: _Exec_ is the beginning of its \
argument vector and the caller's arguments follow, none of which is read as an option of stockade's.";

const EXTENDS: &str = "\
Policies that are applied first, in the order written; each can extend others. A name is looked for as *-P* does it, and a \
value with a `/` or the ending `.toml` is a path, relative to the directory of the file that says it (of the link, where the file is reached by one). A circle is an error.";

const VALUES: &str = "\
_Booleans_ are TOML's *true* and *false*, or one of systemd's texts: *yes*, *true*, *on*, *1*, *y*, *t* and *no*, *false*, \
*off*, *0*, *n*, *f*, in any case.

_Lists_ are TOML arrays, or one text that is split at blanks as systemd splits it. Written more than once (by *Extends*, \
several *-P* or *-p*) lists add up; an empty list or text takes away everything that was listed before. Single values \
written more than once: the last one holds.

_Paths_ are absolute. `-` in front of one: it may be missing. `+` in front: it is relative to _RootDirectory_. The elements of a \
TOML array are whole paths, blanks and all. `.` alone is the directory that stockade was started in; where that is `/`, \
`/home`, `/root`, or the caller's home or above it, the path is left out and *stockade explain* says so.";

const SPECIFIERS: &[(&str, &str)] = &[
    ("%h", "The home directory of the caller."),
    ("%u", "The name of the user."),
    ("%U", "The number of the user."),
    ("%t", "The runtime directory: `/run` for root, `$XDG_RUNTIME_DIR` for others."),
    ("%T", "`/tmp`."),
    ("%V", "`/var/tmp`."),
    ("%%", "A single `%`."),
];

const TRUST: &str = "\
A policy that somebody other than root or the caller could have written is refused: this holds for the file and for every \
directory above it. A sticky directory such as `/tmp` is accepted above a file or directory that root or the caller owns.";

const EXAMPLE: &str = r#"#!/usr/bin/stockade
Extends = ["service"]
Exec = ["/usr/bin/redis-server"]

ProtectSystem = "strict"
ReadWritePaths = ["/var/lib/redis"]
PrivateTmp = true
CapabilityBoundingSet = []
RestrictAddressFamilies = ["AF_INET", "AF_INET6"]
SystemCallFilter = ["@system-service", "~@privileged"]
MemoryDenyWriteExecute = true
"#;

/// The whole page.
pub fn page() -> String {
    let mut page = Page::new("stockade.toml", 5, "policies for stockade(1)");
    page.section("SYNOPSIS");
    page.paragraphs("_NAME_*.toml*");
    page.section("DESCRIPTION");
    page.paragraphs(DESCRIPTION);
    page.paragraphs(FILE);
    page.section("VALUES");
    page.paragraphs(VALUES);
    page.subsection("Specifiers");
    page.paragraphs("Paths and directories can hold:");
    for (word, meaning) in SPECIFIERS {
        page.entry(&format!("*{word}*"), meaning);
    }
    page.section("DIRECTIVES");
    if find("Extends").is_none() {
        page.subsection("Policies that come first");
        page.entry("*Extends* = [_NAME|FILE_...]", EXTENDS);
        page.example("Extends = [\"service\"]", true);
    }
    for (title, rows) in FAMILIES.iter().filter(|(_, rows)| !rows.is_empty()) {
        page.subsection(title);
        for row in *rows {
            directive(&mut page, row);
        }
    }
    differences(&mut page);
    page.section("TRUST");
    page.paragraphs(TRUST);
    page.section("FILES");
    page.entry(
        "`$XDG_CONFIG_HOME/stockade/`_NAME_`.toml`, `~/.config/stockade/`_NAME_`.toml`",
        "The caller's own policies.",
    );
    page.entry("`/etc/stockade/`_NAME_`.toml`", "The administrator's.");
    page.entry(
        "`/usr/share/stockade/profiles/`_NAME_`.toml`",
        "The distribution's. Profiles built into the program come last.",
    );
    page.section("EXAMPLES");
    page.paragraphs("A policy that is a program:");
    page.example(EXAMPLE, false);
    page.section("SEE ALSO");
    page.paragraphs(
        "*stockade*(1), *systemd.exec*(5), *landlock*(7), *seccomp*(2), *capabilities*(7), *namespaces*(7)",
    );
    page.finish()
}

/// One directive: how it is written, what it means, where it differs, an example.
fn directive(page: &mut Page, row: &Directive) {
    page.entry(&format!("*{}* = {}", row.name, value(&row.form)), row.manual);
    if let Form::Table(keys) = row.form {
        for (key, meaning) in keys {
            page.more(&format!("*{key}*: {meaning}"));
        }
    }
    if let Some(unlike) = row.unlike {
        page.more(&format!("_Unlike systemd:_ {unlike}"));
    }
    page.example(row.example, true);
}

/// How a value is written, with the words that are literal in bold.
fn value(form: &Form) -> String {
    let bold = |words: &[&str]| words.iter().map(|word| format!("*{word}*")).collect::<Vec<_>>().join("|");
    match form {
        Form::Boolean => bold(&["yes", "no"]),
        Form::BooleanOr(words) => format!("{}|{}", bold(&["yes", "no"]), bold(words)),
        Form::Word(words) => bold(words),
        _ => {
            let metavar = form.metavar();
            let name = metavar.trim_start_matches("[~]").trim_end_matches("...");
            metavar.replacen(name, &format!("_{name}_"), 1)
        }
    }
}

/// The summary of all differences: what a reader who knows systemd has to learn.
fn differences(page: &mut Page) {
    page.section("DIFFERENCES FROM SYSTEMD");
    page.paragraphs(
        "Directives that are not in this page are not known. Those that mean something else than under systemd:",
    );
    for row in all() {
        if let Some(unlike) = row.unlike {
            page.entry(&format!("*{}*", row.name), unlike);
        }
    }
}

/// One line for each directive, for `--help` of the verbs that take some.
pub fn summary() -> String {
    let mut text = String::new();
    let width = all().map(|row| row.name.len()).max().unwrap_or(0);
    for row in all() {
        // Writing to a String cannot fail.
        if writeln!(text, "  {:width$}  {}", row.name, row.summary).is_err() {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_words_are_bold_and_others_are_names() {
        assert_eq!(value(&Form::BooleanOr(&["strict"])), "*yes*|*no*|*strict*");
        assert_eq!(value(&Form::Paths), "_PATH_...");
        assert_eq!(value(&Form::List("NAME=VALUE")), "_NAME=VALUE_...");
        assert_eq!(value(&Form::Words("SYSCALL")), "[~]_SYSCALL_...");
    }

    #[test]
    fn every_row_has_its_entry() {
        let page = page();
        for row in all() {
            let name = super::super::roff::escape(row.name);
            assert!(page.contains(&format!(".TP\n\\fB{name}\\fR = ")), "{}", row.name);
        }
    }
}
