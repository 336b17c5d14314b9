//! Units out: drop-ins with systemd's own words, and those that put stockade in front; and `--unit` of the verbs that print.

#[allow(dead_code)]
mod scratch;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output};

use scratch::Scratch;

fn stockade(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade")).args(arguments).current_dir(directory).output().expect("stockade runs")
}

fn printed(arguments: &[&str], directory: &Path) -> String {
    let output = stockade(arguments, directory);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn refused(arguments: &[&str], directory: &Path) -> (i32, String) {
    let output = stockade(arguments, directory);
    assert!(output.stdout.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).expect("UTF-8"))
}

/// What systemd says of a unit and the drop-ins beside it.
fn verify(directory: &Path, name: &str) {
    match Command::new("systemd-analyze").arg("verify").arg(format!("./{name}")).current_dir(directory).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !said.contains(name), "{said}");
        }
        Err(error) => writeln!(io::stderr(), "not judged by systemd: systemd-analyze: {error}").expect("a line"),
    }
}

const UNIT: &str = "\
[Service]
Type=oneshot
User=daemon
PrivateTmp=yes
ProtectSystem=strict
ExecStartPre=/bin/true
ExecStart=-/bin/echo $HOME \"a  b\" 100%% %n
ExecStart=:/bin/echo $HOME ; /bin/sh -c 'echo \"x ; y\"'
ExecReload=/bin/true
";

#[test]
fn stockade_stands_in_front_of_every_command() {
    let scratch = Scratch::new();
    let directory = scratch.path();
    fs::write(directory.join("front.service"), UNIT).expect("a unit");
    let policy =
        ["-p", "User=daemon", "-p", "PrivateTmp=yes", "-p", "ProtectSystem=strict", "-p", "Environment='A=1 $X' B=%%h"];
    let arguments = [&["export", "unit", "--prefix", "--unit", "./front.service"][..], &policy].concat();
    let text = printed(&arguments, directory);
    let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect();
    assert_eq!(commands.len(), 4, "{text}");
    assert_eq!(commands[0], "", "{text}");
    let ends = [
        ("-+/", "-- /bin/echo $HOME \"a  b\" 100%% %n"),
        (":+/", "-- /bin/echo $HOME"),
        ("+/", "-- /bin/sh -c 'echo \"x ; y\"'"),
    ];
    for (command, (start, end)) in commands[1..].iter().zip(ends) {
        assert!(command.starts_with(start) && command.ends_with(end), "{command}");
        let variable = if start.starts_with(':') { "$X" } else { "$$X" };
        assert!(command.contains(&format!("-p \"Environment='A=1 {variable}' B=%%%%h\"")), "{command}");
    }
    fs::create_dir(directory.join("front.service.d")).expect("a directory");
    fs::write(directory.join("front.service.d/stockade.conf"), &text).expect("a drop-in");
    verify(directory, "front.service");
}

#[test]
fn what_the_unit_confines_is_not_lost_without_a_word() {
    let scratch = Scratch::new();
    let directory = scratch.path();
    fs::write(directory.join("front.service"), UNIT).expect("a unit");
    let arguments = ["export", "unit", "--prefix", "--unit", "./front.service", "-p", "PrivateTmp=yes"];
    let (code, said) = refused(&arguments, directory);
    assert!(code == 78 && said.contains("User, ProtectSystem") && said.contains("--weaker"), "{said}");
    let output = stockade(&[&arguments[..], &["--weaker"]].concat(), directory);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("weaker than the unit: User does not hold"), "{said}");
    assert!(said.contains("ExecStartPre, ExecReload"), "{said}");
}

#[test]
fn a_value_that_confines_less_is_not_lost_either() {
    let scratch = Scratch::new();
    let directory = scratch.path();
    let unit = "[Service]\nUser=daemon\nProtectSystem=full\nProtectSystem=strict\nSystemCallFilter=@system-service\n\
                SystemCallFilter=~@resources\nExecStart=/bin/true\n";
    fs::write(directory.join("values.service"), unit).expect("a unit");
    let with = |more: &[&str]| {
        let all = ["export", "unit", "--prefix", "--unit", "./values.service", "-p", "User=daemon"];
        [&all[..], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let filter = ["-p", "SystemCallFilter=@system-service", "-p", "SystemCallFilter=~@resources"];
    let strict = with(&[&["-p", "ProtectSystem=strict"][..], &filter].concat());
    printed(&strict.iter().map(String::as_str).collect::<Vec<_>>(), directory);
    let full = with(&[&["-p", "ProtectSystem=full"][..], &filter].concat());
    let (code, said) = refused(&full.iter().map(String::as_str).collect::<Vec<_>>(), directory);
    assert!(code == 78 && said.contains("more than the policy: paths (/"), "{said}");
    let calls = with(&["-p", "ProtectSystem=strict", "-p", "SystemCallFilter=@system-service"]);
    let (code, said) = refused(&calls.iter().map(String::as_str).collect::<Vec<_>>(), directory);
    assert!(code == 78 && said.contains("system calls (") && said.contains(" more)"), "{said}");
    // A command that nothing confined loses nothing.
    fs::write(directory.join("values.service"), unit.replace("=/bin/true", "=+/bin/true")).expect("a unit");
    let words: Vec<&str> = full.iter().map(String::as_str).collect();
    printed(&words, directory);
}

#[test]
fn a_drop_in_of_systemds_words_is_never_weaker_in_silence() {
    let scratch = Scratch::new();
    let (code, said) = refused(&["export", "unit", "strict"], scratch.path());
    assert!(code == 78 && said.contains("--directory"), "{said}");
    let arguments = ["export", "unit", "strict", "--directory", "/srv/a b"];
    let (code, said) = refused(&arguments, scratch.path());
    assert!(code == 78 && said.contains("Landlock.Scope, Seccomp.Rule") && said.contains("--prefix"), "{said}");
    let text = printed(&[&arguments[..], &["--weaker"]].concat(), scratch.path());
    assert!(text.contains("BindReadOnlyPaths=/srv/a\\ b\n") && text.contains("# Landlock.Scope: "), "{text}");
    fs::write(scratch.path().join("out.service"), format!("{text}ExecStart=/bin/true\n")).expect("a unit");
    verify(scratch.path(), "out.service");
    let (code, said) = refused(&["export", "unit", "strict", "--directory", "a"], scratch.path());
    assert!(code == 64 && said.contains("not an absolute path"), "{said}");
}

#[test]
fn a_policy_is_never_put_in_front_of_nothing_or_in_the_root() {
    let scratch = Scratch::new();
    let (code, said) = refused(&["export", "unit", "--prefix", "service"], scratch.path());
    assert!(code == 64 && said.contains("--unit NAME"), "{said}");
    let (code, said) = refused(&["export", "unit", "--prefix", "strict", "--", "/bin/true"], scratch.path());
    assert!(code == 1 || code == 78, "{code}");
    assert!(said.contains("started in `/`") && said.contains("--directory"), "{said}");
    let arguments = ["export", "unit", "--prefix", "strict", "--directory", "/srv", "--", "/bin/true", "$X"];
    let text = printed(&arguments, scratch.path());
    assert!(text.contains("WorkingDirectory=/srv\n") && text.ends_with(" -P strict -- /bin/true $$X\n"), "{text}");
    assert!(text.contains("run -p LimitNOFILE=1024:524288 -p LimitMEMLOCK=8M -P strict"), "{text}");
    let (code, said) = refused(&["export", "oci", "--prefix", "strict"], scratch.path());
    assert!(code == 64 && said.contains("--prefix"), "{said}");
}

#[test]
fn verbs_that_print_take_units_as_run_does() {
    let scratch = Scratch::new();
    let directory = scratch.path();
    fs::write(directory.join("good.service"), "[Service]\nPrivateTmp=yes\nExecStart=/bin/echo a\n").expect("a unit");
    fs::write(directory.join("more.service"), "[Service]\nIPAddressDeny=any\nExecStart=/bin/echo a\n").expect("a unit");
    let shown = printed(&["show", "--unit", "./good.service", "-p", "Nice=5"], directory);
    assert!(shown.contains("PrivateTmp = \"yes\"") && shown.contains("Nice = \"5\""), "{shown}");
    let plan = printed(&["explain", "--unit", "./good.service"], directory);
    assert!(plan.contains("PrivateTmp") && plan.contains("/bin/echo"), "{plan}");
    let good = printed(&["check", "--unit", "./good.service"], directory);
    assert!(good.starts_with("./good.service: good"), "{good}");
    for verb in ["show", "explain"] {
        let (code, said) = refused(&[verb, "--unit", "./more.service"], directory);
        assert!(code == 78 && said.contains("cannot carry out `IPAddressDeny=any`"), "{verb}: {said}");
        assert!(stockade(&[verb, "--unit", "./more.service", "--weaker"], directory).status.success(), "{verb}");
    }
    let output = stockade(&["check", "--unit", "./more.service"], directory);
    assert_eq!(output.status.code(), Some(78));
}
