//! A policy file that is a program: by path, by the search path, with arguments that look like options.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::kit::{Who, base, people, probe};

/// An executable policy for the probe.
fn program(who: &Who, place: &Path, name: &str, rest: &str) -> PathBuf {
    let text = format!(
        "#!{}\nExec = [\"{}\", \"argv\"]\nLockPersonality = true\n{rest}",
        base().join("stockade").display(),
        probe()
    );
    let path = who.file(&place.join(name), text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
    path
}

const ARGUMENTS: [&str; 9] = ["plain", "--help", "-P", "none", "--", "-p", "ProtectSystem=no", "--version", ""];

fn expected(zero: &str) -> String {
    let mut lines = vec![format!("argv: {zero}"), "argv: argv".to_owned()];
    lines.extend(ARGUMENTS.iter().map(|argument| format!("argv: {argument}")));
    lines.push(String::new());
    lines.join("\n")
}

#[test]
fn by_path() {
    for who in people() {
        let place = who.place("shebang");
        let path = program(&who, &place, "tool.toml", "");
        let outcome = who.bare(&[&path]).words(&ARGUMENTS).run();
        outcome.quietly().ends(0);
        assert_eq!(outcome.stdout, expected(&probe()), "{outcome}");
        // Relative, and without the suffix.
        let path = program(&who, &place, "tool", "");
        let outcome = who.bare(&["./tool"]).words(&ARGUMENTS).inside(&place).run();
        assert_eq!(outcome.stdout, expected(&probe()), "{outcome}");
        // The same by name of the launcher.
        let outcome = who.stockade(&[&path]).words(&ARGUMENTS).run();
        assert_eq!(outcome.stdout, expected(&probe()), "{outcome}");
    }
}

#[test]
fn by_the_search_path() {
    for who in people() {
        let place = who.place("search");
        program(&who, &place, "confined-tool", "");
        let run = who
            .bare(&["/usr/bin/env", "confined-tool"])
            .words(&ARGUMENTS)
            .env("PATH", format!("{}:/usr/bin:/bin", place.display()));
        let outcome = run.run();
        outcome.quietly().ends(0);
        assert_eq!(outcome.stdout, expected(&probe()), "{outcome}");
        let run = who
            .bare(&["/bin/sh", "-c", "confined-tool --help \"$@\"", "sh", "-x"])
            .env("PATH", format!("{}:/usr/bin:/bin", place.display()));
        run.run().quietly().ends(0).says("argv: --help").says("argv: -x");
    }
}

#[test]
fn by_a_link() {
    for who in people() {
        let place = who.place("link");
        let path = program(&who, &place, "tool.toml", "");
        symlink(&path, place.join("link")).expect("a link can be made");
        let outcome = who.bare(&[place.join("link")]).words(&ARGUMENTS).run();
        assert_eq!(outcome.stdout, expected(&probe()), "{outcome}");
    }
}

#[test]
fn the_policy_holds_and_the_status_is_the_targets() {
    for who in people() {
        let place = who.place("holds");
        let text =
            format!("#!{}\nExec = [\"{}\"]\nLockPersonality = true\n", base().join("stockade").display(), probe());
        let path = who.file(&place.join("tool"), text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        let run = |words: &[&str]| who.bare(&[&path]).words(words).run();
        run(&["personality", "0x0008"]).ends(0).says("personality: EPERM");
        run(&["exit", "7"]).ends(7);
        run(&["die", "15"]).dies(15);
        let outcome = run(&["pid"]);
        outcome.says(&format!("pid: {}", outcome.pid));
    }
}

#[test]
fn a_real_tool() {
    for who in people() {
        let place = who.place("tool");
        let text =
            format!("#!{}\nExec = [\"sort\", \"-r\"]\nExtends = [\"strict\"]\n", base().join("stockade").display());
        let path = who.file(&place.join("rsort"), text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        let data = who.file(&place.join("data"), "1\n3\n2\n");
        let outcome = who.bare(&["./rsort"]).words(&["-n", "data"]).inside(&place).run();
        outcome.quietly().ends(0);
        assert_eq!(outcome.stdout, "3\n2\n1\n");
        // Standard input goes through.
        let outcome = who.bare(&["./rsort"]).inside(&place).input(&data).run();
        assert_eq!(outcome.stdout, "3\n2\n1\n");
    }
}

#[test]
fn without_a_command_it_is_no_program() {
    for who in people() {
        let place = who.place("bare");
        let path =
            who.file(&place.join("tool"), format!("#!{}\nLockPersonality = true\n", base().join("stockade").display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        let outcome = who.bare(&[&path]).words(&["/bin/echo", "ran"]).run();
        outcome.runs_nothing().complains("Exec");
        assert!(matches!(outcome.status.code(), Some(64 | 78)), "{outcome}");
    }
}

#[test]
fn a_policy_that_others_could_have_written_is_refused() {
    for who in people() {
        let place = who.place("trust");
        let path = program(&who, &place, "tool", "");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("modes can be set");
        who.bare(&[&path]).run().runs_nothing().ends(78).complains("tool");
        who.stockade(&["run", "-P", path.to_str().expect("UTF-8"), "--"])
            .words(&[probe().as_str(), "say", "ran"])
            .run()
            .runs_nothing()
            .ends(78);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).expect("modes can be set");
        who.bare(&[&path]).run().runs_nothing().ends(78);
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        who.bare(&[&path]).run().quietly().ends(0);
    }
    // Root does not trust what a user wrote.
    let people = people();
    if let [root, user] = people.as_slice() {
        let place = user.place("foreign");
        let path = program(user, &place, "tool", "");
        root.bare(&[&path]).run().runs_nothing().ends(78);
    }
}

#[test]
fn words_behind_the_launcher_in_the_first_line_are_refused() {
    for who in people() {
        let place = who.place("words");
        let text = format!("#!{} run -P none --\nExec = [\"{}\"]\n", base().join("stockade").display(), probe());
        let path = who.file(&place.join("tool"), text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        let outcome = who.bare(&[&path]).words(&["argv"]).run();
        outcome.ends(64).complains("the `#!` line of a policy has no arguments");
        assert_eq!(outcome.stdout, "", "{outcome}");
    }
}
