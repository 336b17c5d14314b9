//! The manuals and completions in the repository are what the program generates.
//!
//! To refresh them: `STOCKADE_UPDATE=1 cargo test --test generated`.

use std::fs;
use std::path::Path;

use stockade::cli::generate;

const FILES: [&str; 5] = [
    "man/stockade.1",
    "man/stockade.toml.5",
    "completions/stockade.bash",
    "completions/_stockade",
    "completions/stockade.fish",
];

#[test]
fn committed_files_are_what_the_program_generates() {
    let update = std::env::var_os("STOCKADE_UPDATE").is_some();
    let mut stale = Vec::new();
    for file in FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let name = file.rsplit('/').next().expect("a name");
        let wanted = generate::document(name).unwrap_or_else(|| panic!("nothing generates {name}"));
        if update {
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
            fs::write(&path, &wanted).expect("written");
        } else if fs::read_to_string(&path).unwrap_or_default() != wanted {
            stale.push(file);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; refresh with: STOCKADE_UPDATE=1 cargo test --test generated");
}

#[test]
fn shells_accept_the_completions() {
    // bash is on every Debian machine; the others check their files where they are installed.
    for (shell, file) in [("bash", "stockade.bash"), ("zsh", "_stockade"), ("fish", "stockade.fish")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(file);
        match std::process::Command::new(shell).arg("-n").arg(&path).output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success() && said.is_empty(), "{shell}: {said}");
            }
            Err(error) => assert!(shell != "bash", "bash: {error}"),
        }
    }
}

/// Runs bash's completion of a line and returns what it offers.
fn complete(words: &[&str]) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions/stockade.bash");
    let program = format!(
        "source '{}'; compopt() {{ :; }}; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
         _stockade stockade \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let output =
        std::process::Command::new("bash").arg("-c").arg(program).arg("bash").args(words).output().expect("bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_profiles_and_directives() {
    assert_eq!(complete(&["stockade", "expl"]), ["explain"]);
    assert!(complete(&["stockade", "run", "-P", "stri"]).contains(&"strict".into()));
    // One is enough to see that the list is there; the list itself is compared above.
    if let Some(row) = stockade::policy::all().next() {
        let word = format!("{}=", row.name);
        assert!(complete(&["stockade", "run", "-p", row.name]).contains(&word), "{word}");
    }
    assert!(complete(&["stockade", "run", "-P", "strict", "--", "ech"]).contains(&"echo".into()));
}
