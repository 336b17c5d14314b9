//! What README.md and the manuals show is true.
//!
//! - Every block ` ```toml ` is a policy without faults; one marked `faulty` has some. `file=NAME` writes it, executable, for the
//!   blocks that follow.
//! - In every block ` ```console runnable ` the lines behind `$ ` are run, in order, by `sh` with the built stockade first in
//!   PATH, and what they print (both streams) is compared with the lines below. `...` stands for anything in a line, and for
//!   any lines where it is alone.
//! - Examples in the manual of policies are policies; those in the manual of the command are planned (`explain` for `run`).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use stockade::fault::{Fault, Source};
use stockade::policy::Policy;
use stockade::text::toml;

/// A block of code: the words behind its fence, and its lines.
#[derive(Debug, PartialEq)]
struct Block {
    marks: Vec<String>,
    text: String,
}

impl Block {
    fn is(&self, language: &str) -> bool {
        self.marks.first().is_some_and(|mark| mark == language)
    }

    fn has(&self, mark: &str) -> bool {
        self.marks.iter().skip(1).any(|other| other == mark)
    }

    fn file(&self) -> Option<&str> {
        self.marks.iter().find_map(|mark| mark.strip_prefix("file="))
    }
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in markdown.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(marks), None) => {
                open =
                    Some(Block { marks: marks.split_whitespace().map(str::to_owned).collect(), text: String::new() });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

/// A command and what it prints.
fn commands(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command.into(), String::new())),
            (None, Some((_, output))) => {
                output.push_str(line);
                output.push('\n');
            }
            (None, None) => panic!("output without a command: {line}"),
        }
    }
    found
}

/// Whether `text` is what `pattern` shows, line by line; lines of `...` alone stand for any lines.
fn matches(pattern: &[&str], text: &[&str]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some((&"...", rest)), _) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
        (Some(_), None) => false,
        (Some((line, rest)), Some((actual, others))) => line_matches(line, actual) && matches(rest, others),
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("...");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (number, part) in parts.iter().enumerate() {
        if number + 1 == parts.len() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

fn package(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn read(name: &str, text: &str) -> Result<Policy, Vec<Fault>> {
    let source = Arc::new(Source { name: name.into(), text: text.into() });
    Policy::read(&toml::parse(&source)?)
}

fn told(faults: &[Fault]) -> String {
    faults.iter().map(|fault| fault.render(false)).collect()
}

/// A new directory that only its owner can write, as a policy's directory and all above it must be: the package's own
/// may be its group's, too, where the umask is 002.
fn directory(name: &str) -> PathBuf {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_nanos();
    let path = std::env::temp_dir().join(format!("stockade-{name}-{}-{now}", std::process::id()));
    fs::create_dir(&path).expect("a directory");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    path
}

/// Runs a line with the built stockade first in PATH; what it printed, both streams in their order.
fn shell(line: &str, directory: &Path) -> (String, Option<i32>) {
    let program = Path::new(env!("CARGO_BIN_EXE_stockade"));
    let path =
        format!("{}:{}", program.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {line}")])
        .current_dir(directory)
        .env_remove("LD_LIBRARY_PATH") // Cargo sets it, and every program would look there first.
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("sh");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn policies_in_the_readme_are_policies() {
    let mut count = 0;
    for block in blocks(&package("README.md")).iter().filter(|block| block.is("toml")) {
        count += 1;
        match read("README.md", &block.text) {
            Ok(_) => assert!(!block.has("faulty"), "no fault in:\n{}", block.text),
            Err(faults) => assert!(block.has("faulty"), "{}", told(&faults)),
        }
    }
    assert!(count >= 3, "the README has lost its policies");
}

#[test]
fn console_blocks_in_the_readme_print_what_they_show() {
    let directory = directory("readme");
    let mut wrong = Vec::new();
    let mut count = 0;
    for block in blocks(&package("README.md")) {
        if let Some(name) = block.file() {
            let path = directory.join(name);
            fs::write(&path, &block.text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        }
        if !block.is("console") || !block.has("runnable") {
            continue;
        }
        for (command, expected) in commands(&block.text) {
            count += 1;
            let (actual, _) = shell(&command, &directory);
            let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
            let (pattern, text) = (lines(&expected), lines(&actual));
            let borrow = |lines: &[String]| lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
            let (pattern, text) = (borrow(&pattern), borrow(&text));
            if !matches(&pattern.lines().collect::<Vec<_>>(), &text.lines().collect::<Vec<_>>()) {
                wrong.push(format!("$ {command}\n--- shown\n{pattern}\n--- printed\n{text}\n"));
            }
        }
    }
    fs::remove_dir_all(&directory).expect("the directory goes");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 5, "the README has lost its examples");
}

#[test]
fn the_readme_has_two_setup_commands() {
    let setup: Vec<Block> = blocks(&package("README.md")).into_iter().filter(|block| block.is("sh")).collect();
    let lines: Vec<&str> = setup.iter().flat_map(|block| block.text.lines()).collect();
    let [first, second] = lines[..] else { panic!("{lines:?}") };
    assert!(first.contains("cargo run --release") && second.ends_with("cargo test"), "{lines:?}");
}

/// The examples of a manual, their escapes undone.
fn examples(roff: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in roff.lines() {
        match (line, &mut open) {
            (".EX", _) => open = Some(String::new()),
            (".EE", _) => found.extend(open.take()),
            (_, Some(text)) => {
                let line = line.strip_prefix("\\&").unwrap_or(line);
                text.push_str(&plain(line));
                text.push('\n');
            }
            _ => {}
        }
    }
    found
}

/// Undoes roff's escapes. Backslashes come last: what they make is no escape.
fn plain(line: &str) -> String {
    [("\\-", "-"), ("\\(aq", "'"), ("\\(ga", "`"), ("\\(ha", "^"), ("\\(ti", "~"), ("\\e", "\\")]
        .iter()
        .fold(line.to_owned(), |line, (escaped, plain)| line.replace(escaped, plain))
}

#[test]
fn examples_in_the_manual_of_policies_are_policies() {
    let found = examples(&package("man/stockade.toml.5"));
    assert!(found.len() > stockade::policy::all().count(), "{}", found.len());
    for text in found {
        if let Err(faults) = read("stockade.toml.5", &text) {
            panic!("{text}\n{}", told(&faults));
        }
    }
}

#[test]
fn examples_in_the_manual_of_the_command_can_be_planned() {
    let directory = directory("manual");
    let mut count = 0;
    for line in examples(&package("man/stockade.1")).iter().flat_map(|text| text.lines()) {
        let Some(rest) = line.strip_prefix("$ stockade ") else { continue };
        count += 1;
        let line =
            format!("stockade {}", rest.strip_prefix("run ").map_or(rest.into(), |rest| format!("explain {rest}")));
        let (printed, status) = shell(&line, &directory);
        assert_eq!(status, Some(0), "{line}\n{printed}");
    }
    fs::remove_dir_all(&directory).expect("the directory goes");
    assert!(count >= 3, "the manual has lost its examples");
}

#[test]
fn patterns_match_what_they_say() {
    let lines = |text: &'static str| text.lines().collect::<Vec<_>>();
    assert!(matches(&lines("a\n...\nz"), &lines("a\nb\nc\nz")));
    assert!(matches(&lines("...\nz"), &lines("z")));
    assert!(!matches(&lines("a\nz"), &lines("a\nb\nz")));
    assert!(line_matches("a ... c", "a b c") && !line_matches("a ... c", "a b d"));
    assert!(line_matches("x", "x") && !line_matches("x", "xy") && !line_matches("...a...", "b"));
    let found = blocks("```toml file=x faulty\na = 1\n```\n");
    assert_eq!((found[0].file(), found[0].has("faulty"), found[0].text.as_str()), (Some("x"), true, "a = 1\n"));
    assert_eq!(commands("$ a\nb\n$ c\n"), [("a".into(), "b\n".into()), ("c".into(), String::new())]);
    assert_eq!(examples(".EX\n\\&.a \\- \\e\\(aq\n.EE\n"), [".a - \\'\n"]);
}
