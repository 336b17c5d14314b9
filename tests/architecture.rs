//! The laws of the source: who may import whom, where unsafe code may be, how long files may be.
//! Each law is first held against a planted violation, so that it cannot be green because it is blind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules from low to high; those of one rank do not see each other.
const RANKS: &[&[&str]] = &[
    &["fault", "sys"],
    &["text", "draft", "host"],
    &["policy"],
    &["plan"],
    &["apply"],
    &["run", "learn"],
    &["report"],
    &["cli"],
];

/// Imports that the order of ranks forbids or allows otherwise: (from, to, allowed, why).
const EXCEPTIONS: &[(&str, &str, bool, &str)] = &[
    ("report", "apply", false, "a view obeys nothing"),
    ("report", "run", false, "a view starts nothing"),
    ("report", "learn", false, "a view hears nothing"),
    ("host", "draft", true, "only what the draft needs is probed"),
    ("host", "text", true, "os-release is a file of assignments"),
];

/// Folders without system calls.
const PURE: &[&str] = &["text", "draft", "policy", "plan", "report"];

/// Names that say nothing.
const FORBIDDEN: &[&str] = &["utils", "util", "common", "helpers", "types", "manager", "misc"];

/// How many lines a file can have, tests and all.
const LONGEST: usize = 600;

/// A file of the program: its path below `src` and its text.
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    fn planted(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// The top module that it belongs to: `plan` for plan/mod.rs and for plan.rs.
    fn module(&self) -> String {
        let first = self.path.components().next().expect("a component").as_os_str().to_string_lossy();
        first.trim_end_matches(".rs").to_owned()
    }

    /// Its lines without comments and texts in quotes, so that prose about `unsafe` does not count.
    fn code(&self) -> String {
        code(&self.text)
    }
}

fn source() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                files.push(File { path: path.strip_prefix(&root).expect("below src").into(), text });
            }
        }
    }
    assert!(files.len() > 20, "the source was not found");
    files
}

/// Blanks comments, strings and characters.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw(rest, out.chars().next_back()) {
            length
        } else if rest.starts_with('"') {
            quoted(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(1, |end| end + 2)
        } else {
            0
        };
        if skip > 0 {
            out.extend(rest[..skip].chars().filter(|c| *c == '\n'));
            at += skip;
        } else {
            let c = rest.chars().next().expect("a character");
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

/// The length of a raw string that starts here.
fn raw(rest: &str, before: Option<char>) -> Option<usize> {
    let hashes = rest.strip_prefix('r').filter(|_| !before.is_some_and(|c| c.is_alphanumeric() || c == '_'))?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    hashes[count..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(count));
    hashes[count + 1..].find(&end).map(|at| 1 + count + 1 + at + end.len())
}

/// The length of a string that starts here.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|modules| modules.contains(&module))
}

/// The modules that a file names by `crate::X` or `crate::{X, Y::Z}`.
fn imports(file: &File) -> Vec<String> {
    let code = file.code();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // What a macro names by `$crate` belongs to where it is written out.
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => found.push(word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_alphabetic() => {
                            found.push(word(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn wrong_imports(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let from = file.module();
        if ["lib", "main"].contains(&from.as_str()) {
            continue;
        }
        let Some(own) = rank(&from) else {
            wrong.push(format!("{}: {from} has no rank", file.path.display()));
            continue;
        };
        for to in imports(file) {
            let Some(other) = rank(&to) else { continue };
            let excepted =
                EXCEPTIONS.iter().find(|(a, b, ..)| *a == from && *b == to).map(|(_, _, allowed, _)| *allowed);
            if from != to && !excepted.unwrap_or(other < own) {
                wrong.push(format!("{} names crate::{to}", file.path.display()));
            }
        }
    }
    wrong
}

#[test]
fn imports_go_one_way() {
    let planted = [
        File::planted("plan/mod.rs", "use crate::{fault::Fault, apply::Act};"),
        File::planted("text/mod.rs", "fn f() { crate::draft::f() }"),
        File::planted("report/x.rs", "use crate::run::Run;"),
        File::planted("new.rs", ""),
        File::planted("sys/start.rs", "macro_rules! m { () => { $crate::cli::main() } }"),
        File::planted("report/y.rs", "// crate::run\nuse crate::plan::Plan; const A: &str = \"crate::cli\";"),
    ];
    let wrong = wrong_imports(&planted);
    assert_eq!(
        wrong,
        [
            "plan/mod.rs names crate::apply",
            "text/mod.rs names crate::draft",
            "report/x.rs names crate::run",
            "new.rs: new has no rank",
        ]
    );
    assert_eq!(wrong_imports(&source()), Vec::<String>::new());
}

fn unguarded(files: &[File]) -> Vec<String> {
    let head = |file: &File| code(&file.text).lines().any(|line| line.trim() == "#![forbid(unsafe_code)]");
    PURE.iter()
        .filter_map(|folder| {
            let path = Path::new(folder).join("mod.rs");
            match files.iter().find(|file| file.path == path) {
                Some(file) if head(file) => None,
                Some(_) => Some(format!("{} does not forbid unsafe code", path.display())),
                None => Some(format!("{} is not there", path.display())),
            }
        })
        .collect()
}

#[test]
fn pure_folders_forbid_unsafe_code() {
    let planted = [
        File::planted("text/mod.rs", "// #![forbid(unsafe_code)]"),
        File::planted("plan/mod.rs", "#![forbid(unsafe_code)]"),
    ];
    let wrong = unguarded(&planted);
    assert!(wrong.contains(&"text/mod.rs does not forbid unsafe code".into()), "{wrong:?}");
    assert!(!wrong.iter().any(|line| line.starts_with("plan")), "{wrong:?}");
    assert_eq!(unguarded(&source()), Vec::<String>::new());
}

/// Whether a line of code has `word` as a word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !inside(line[..at].chars().next_back()) && !inside(line[at + word.len()..].chars().next())
    })
}

fn unsafe_code(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let code = file.code();
        let uses: Vec<&str> = code.lines().filter(|line| has_word(line, "unsafe")).collect();
        if uses.is_empty() {
            continue;
        }
        let path = file.path.display();
        if file.module() != "sys" {
            wrong.push(format!("{path} has unsafe code"));
            continue;
        }
        // A block, an `unsafe impl`, an `unsafe extern` and an `#[unsafe(...)]` each need a reason; a function's is in its
        // documentation, under `# Safety`.
        let needs: usize =
            uses.iter().filter(|line| !line.contains("unsafe fn") && !line.contains("unsafe extern \"C\" fn(")).count();
        let reasons = file.text.lines().filter(|line| line.trim_start().starts_with("// SAFETY:")).count();
        if needs != reasons {
            wrong.push(format!("{path} has {needs} uses of unsafe and {reasons} reasons"));
        }
    }
    wrong
}

#[test]
fn unsafe_code_is_in_sys_and_has_its_reasons() {
    let planted = [
        File::planted("run/mod.rs", "unsafe { f() }"),
        File::planted("sys/a.rs", "unsafe { f() }"),
        File::planted("sys/b.rs", "// SAFETY: nothing.\nlet x = unsafe { f() };"),
        File::planted("run/c.rs", "// unsafe\n#![deny(unsafe_code)]"),
    ];
    assert_eq!(unsafe_code(&planted), ["run/mod.rs has unsafe code", "sys/a.rs has 1 uses of unsafe and 0 reasons"]);
    assert_eq!(unsafe_code(&source()), Vec::<String>::new());
}

/// Functions of the C library that Rust's standard library refers to weakly, to do without where they are missing. Once
/// the whole program is optimised, a call of ours by the same name is weak as well, nothing brings the function into the
/// static binary that users get, and the call goes to address 0: system calls are made by number instead.
const WEAK: &[&str] = &[
    "__pthread_get_minstack",
    "copy_file_range",
    "getrandom",
    "gettid",
    "gnu_get_libc_version",
    "pidfd_getpid",
    "pidfd_spawnp",
    "posix_spawn_file_actions_addchdir",
    "posix_spawn_file_actions_addchdir_np",
    "preadv",
    "preadv2",
    "pwritev",
    "pwritev2",
    "statx",
];

fn weak_calls(files: &[File]) -> Vec<String> {
    let calls = |file: &File| {
        let code = file.code();
        let found = WEAK.iter().filter(|name| code.contains(&format!("libc::{name}(")));
        found.map(|name| format!("{} calls {name}", file.path.display())).collect::<Vec<_>>()
    };
    files.iter().flat_map(calls).collect()
}

#[test]
fn nothing_is_called_that_the_linker_may_leave_out() {
    let planted = [
        File::planted("sys/a.rs", "unsafe { libc::statx(1) }; let x: libc::statx = y; libc::syscall(libc::SYS_statx)"),
        File::planted("sys/b.rs", "// libc::gettid()"),
    ];
    assert_eq!(weak_calls(&planted), ["sys/a.rs calls statx"]);
    assert_eq!(weak_calls(&source()), Vec::<String>::new());
}

fn too_long(files: &[File]) -> Vec<String> {
    let lines = |file: &File| file.text.lines().count();
    files
        .iter()
        .filter(|file| lines(file) > LONGEST)
        .map(|file| format!("{}: {}", file.path.display(), lines(file)))
        .collect()
}

#[test]
fn files_are_short() {
    assert_eq!(too_long(&[File::planted("a.rs", &"\n".repeat(LONGEST + 1))]), ["a.rs: 601"]);
    let files = source();
    assert_eq!(too_long(&files), Vec::<String>::new());
    let mut lengths: Vec<usize> = files.iter().map(|file| file.text.lines().count()).collect();
    lengths.sort_unstable();
    assert!(lengths[lengths.len() / 2] < 200, "the median is {}", lengths[lengths.len() / 2]);
}

fn bad_names(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        for part in &file.path {
            let part = part.to_string_lossy();
            let name = part.trim_end_matches(".rs");
            if FORBIDDEN.contains(&name) || name.contains('_') {
                wrong.push(format!("{}: {name}", file.path.display()));
            }
        }
    }
    wrong
}

#[test]
fn modules_have_names_of_one_word_that_say_something() {
    assert_eq!(
        bad_names(&[File::planted("plan/utils.rs", ""), File::planted("a_b.rs", "")]),
        ["plan/utils.rs: utils", "a_b.rs: a_b"]
    );
    assert_eq!(bad_names(&source()), Vec::<String>::new());
}

/// What a folder's map (the comment at the head of its `mod.rs`) leaves out of the files beside it.
fn unmapped(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for map in files.iter().filter(|file| file.path.ends_with("mod.rs")) {
        let head: String = map.text.lines().take_while(|line| line.starts_with("//!")).collect();
        let folder = map.path.parent();
        let beside = |path: &Path| {
            let own = if path.ends_with("mod.rs") { path.parent() } else { Some(path) };
            own.and_then(Path::parent) == folder
        };
        for file in files.iter().filter(|file| beside(&file.path)) {
            let path = if file.path.ends_with("mod.rs") { file.path.parent().expect("a folder") } else { &file.path };
            let name = path.file_stem().expect("a name").to_string_lossy();
            if name != "tests" && !head.contains(&format!("`{name}`")) {
                wrong.push(format!("the head of {} does not say what {name} is for", map.path.display()));
            }
        }
    }
    wrong.sort();
    wrong
}

#[test]
fn every_folder_has_a_map() {
    let planted = [
        File::planted("plan/mod.rs", "//! `op` has operations.\nmod op; // `order`"),
        File::planted("plan/op.rs", ""),
        File::planted("plan/order.rs", ""),
        File::planted("plan/tests.rs", ""),
        File::planted("plan/why/mod.rs", "//! `path`"),
        File::planted("plan/why/path.rs", ""),
    ];
    let head = "the head of plan/mod.rs does not say what";
    assert_eq!(unmapped(&planted), [format!("{head} order is for"), format!("{head} why is for")]);
    assert_eq!(unmapped(&source()), Vec::<String>::new());
}

/// The files and folders that the table of src/lib.rs sends to, as its second column names them.
fn sent_to(map: &str) -> Vec<String> {
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! | ")?.split_once(" | ").map(|(_, to)| to));
    let words = rows.flat_map(|to| to.split('`').skip(1).step_by(2));
    words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || "/.".contains(c))).map(str::to_owned).collect()
}

#[test]
fn the_map_leads_to_what_is_there() {
    let planted = "//! | verb | a row of `VERBS` in `cli/mod.rs` |\n//! | `sys`: no row\n//! | profile | `profiles` |";
    assert_eq!(sent_to(planted), ["cli/mod.rs", "profiles"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = sent_to(&fs::read_to_string(root.join("src/lib.rs")).expect("the map"));
    assert!(found.len() > 20, "{found:?}");
    let is_there = |word: &String| root.join("src").join(word).exists() || root.join(word).exists();
    let missing: Vec<&String> = found.iter().filter(|word| !is_there(word)).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn the_top_level_is_the_users() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["Cargo.toml", "src", "profiles", "man", "tests", "completions", "README.md"] {
        assert!(root.join(name).exists(), "{name} is missing");
    }
    let known = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "profiles",
        "man",
        "tests",
        "completions",
        "README.md",
        "target",
        "rustfmt.toml",
    ];
    let strangers: Vec<String> = fs::read_dir(root)
        .expect("the package")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !known.contains(&name.as_str()) && !name.starts_with('.') && !name.starts_with("LICEN"))
        .collect();
    assert_eq!(strangers, Vec::<String>::new());
}

#[test]
fn comments_and_texts_are_no_code() {
    let text = "a // unsafe\n\"unsafe \\\" unsafe\" b r#\"unsafe \" \"# c '\"' unsafe /* unsafe\n*/ d";
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for word in code(text).split_whitespace() {
        *words.entry(word.into()).or_default() += 1;
    }
    assert_eq!(words.get("unsafe"), Some(&1), "{words:?}");
    assert_eq!(words.len(), 5, "{words:?}");
}
