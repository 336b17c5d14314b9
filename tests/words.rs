//! The first five minutes: what people type out of habit, and what they are told.

mod kit;

use std::fs;

use kit::{Who, people};

/// `stockade` with these words fails with this status, and tells all of these.
#[track_caller]
fn told(who: &Who, words: &[&str], status: i32, parts: &[&str]) {
    let outcome = who.stockade(words).inside(&who.place("words")).run();
    outcome.ends(status);
    for part in parts {
        outcome.complains(part);
    }
}

#[test]
fn a_file_of_the_directory_is_named_by_its_ending_and_never_by_its_name() {
    for who in people() {
        let place = who.place("ending");
        let run =
            |words: &[&str]| who.stockade(&["run"]).words(words).words(&["sh", "-c", "echo $A"]).inside(&place).run();
        who.file(&place.join("here.toml"), "Environment = ['A=from the file']\n");
        run(&["-P", "here.toml"]).ends(0).says("from the file");
        run(&["-P", "none", "-P", "here.toml"]).ends(0).says("from the file");
        run(&["-P", "here"]).ends(78).complains("there is no profile `here`");
        run(&["-P", "here"]).complains("to use the file of that name: ./here.toml");
        run(&["-P", "gone.toml"]).ends(78).complains("cannot read the policy `./gone.toml`");
        // A profile's name is the profile's, whatever lies here.
        who.file(&place.join("none.toml"), "Environment = ['A=from the file']\n");
        who.file(&place.join("none"), "Environment = ['A=from the file']\n");
        assert!(!run(&["-P", "none"]).ends(0).stdout.contains("from the file"));
        // Who could have written it is asked as with any other path.
        let open = who.file(&place.join("open.toml"), "Environment = ['A=from the file']\n");
        fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("a mode");
        run(&["-P", "open.toml"]).ends(78).complains("open.toml").runs_nothing();
        for verb in ["check", "show", "explain", "filter", "analyze"] {
            who.stockade(&[verb, "here.toml"]).inside(&place).run().ends(0);
        }
        let why = who.stockade(&["why", "here.toml", "--syscall", "read"]).inside(&place).run();
        why.ends(0).says("read: allowed");
    }
}

#[test]
fn words_of_other_tools_are_answered_with_ours() {
    let who = &people()[0];
    told(who, &["run", "--ro-bind", "/", "/", "ls"], 64, &["`--ro-bind` is not an option", "-p BindReadOnlyPaths="]);
    told(who, &["run", "--net=none", "ls"], 64, &["firejail's --net", "-p PrivateNetwork=yes"]);
    told(who, &["run", "--strict", "ls"], 64, &["-P strict"]);
    told(who, &["run", "--explain", "ls"], 64, &["did you mean `--explain-denials`?"]);
    told(who, &["list"], 64, &["`list` is neither a verb nor a policy file", "stockade show --list"]);
    told(who, &["-P", "strict", "ls"], 64, &["`-P` stands where a verb belongs", "stockade run -P"]);
    told(who, &["sort", "x"], 64, &["stockade run -P strict -- sort ..."]);
}

#[test]
fn what_is_missing_is_told_with_an_example() {
    let who = &people()[0];
    told(who, &["run"], 64, &["`stockade run` needs <COMMAND>...", "for example: stockade run -P strict -- "]);
    told(who, &["run", "ls"], 64, &["no policy was given", "-P strict"]);
    told(
        who,
        &["learn", "ls"],
        64,
        &["needs --output <POLICY>", "for example: stockade learn -o sort.toml -- sort words.txt"],
    );
    told(who, &["why", "-P", "strict", "/etc/passwd"], 64, &["nothing was asked", "--path /etc/passwd"]);
    told(who, &["why", "strict"], 64, &["nothing was asked", "for example: stockade why -P strict --path"]);
}
