//! The manuals and completions in the repository are what the program generates.
//!
//! To refresh them: `STOCKADE_UPDATE=1 cargo test --test generated`.

#[allow(dead_code)]
mod scratch;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use stockade::cli::generate;
use stockade::fault::Exit;

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
fn the_manual_names_every_status_and_none_that_never_comes() {
    let manual = generate::document("stockade.1").expect("a manual");
    let mut sources = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() && !["fault", "report"].iter().any(|name| path.ends_with(format!("src/{name}"))) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&fs::read_to_string(&path).expect("a source"));
            }
        }
    }
    let steps: Vec<Exit> = Exit::ALL.iter().copied().filter(|exit| exit.is_step()).collect();
    assert!(steps.len() > 30 && steps.is_sorted_by_key(|exit| *exit as u8), "{steps:?}");
    for exit in steps {
        assert!(manual.contains(&format!(".TP\n{}\n{}\n", exit as u8, exit.name().replace('-', "\\-"))), "{exit:?}");
        assert!(sources.contains(&format!("Exit::{exit:?}")), "nothing ends with {exit:?}");
    }
    assert_eq!((Exit::OomAdjust as u8, Exit::OomAdjust.name()), (206, "OOM_ADJUST"));
}

/// A completion as the program makes it: the one in the repository may be about to be written.
fn script(name: &str) -> (scratch::Scratch, String) {
    let scratch = scratch::Scratch::new();
    let path = scratch.path().join(name);
    fs::write(&path, generate::document(name).expect("a script")).expect("written");
    let path = path.display().to_string();
    (scratch, path)
}

/// Has a shell run something; nothing where it is not installed, as bash is everywhere.
fn run(shell: &str, words: &[&str]) -> Option<String> {
    let home = scratch::Scratch::new();
    match Command::new(shell).args(words).env("HOME", home.path()).env("TERM", "dumb").output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && said.is_empty(), "{shell}: {said}");
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(error) => {
            assert!(shell != "bash", "bash: {error}");
            writeln!(std::io::stderr(), "not judged by {shell}: {error}").expect("a line");
            None
        }
    }
}

#[test]
fn shells_accept_the_completions() {
    for (shell, name) in [("bash", "stockade.bash"), ("zsh", "_stockade"), ("fish", "stockade.fish")] {
        let (_scratch, path) = script(name);
        run(shell, &["-n", &path]);
    }
}

/// Runs bash's completion of a line and returns what it offers.
fn complete(words: &[&str]) -> Vec<String> {
    let (_scratch, path) = script("stockade.bash");
    let program = format!(
        "source '{path}'; compopt() {{ :; }}; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); last=\"${{COMP_WORDS[COMP_CWORD]}}\"; \
         _stockade stockade \"${{last#=}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    );
    let words: Vec<&str> = ["-c", &program, "bash"].into_iter().chain(words.iter().copied()).collect();
    run("bash", &words).expect("bash").lines().map(str::to_owned).collect()
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

/// What ProtectHome can be.
const HOME: [&str; 4] = ["yes", "no", "read-only", "tmpfs"];

#[test]
fn bash_completes_the_words_of_directives() {
    let run = |words: &[&str]| complete(&[&["stockade", "run"], words].concat());
    assert_eq!(run(&["-p", "ProtectHome", "="]), HOME);
    assert_eq!(run(&["-p", "ProtectHome", "=", "re"]), ["read-only"]);
    assert_eq!(run(&["-v", "--property", "=", "ProtectProc", "=", "in"]), ["invisible"]);
    assert_eq!(run(&["-pPrivateTmp", "=", "y"]), ["yes"]);
    // Where `=` is none of COMP_WORDBREAKS.
    assert_eq!(run(&["-p", "ProtectHome=t"]), ["ProtectHome=tmpfs"]);
    assert_eq!(run(&["--property=ProtectHome=t"]), ["--property=ProtectHome=tmpfs"]);
    for other in [&["-p", "User", "=", "ye"][..], &["-P", "ProtectHome", "=", "ye"]] {
        assert!(!run(other).contains(&"yes".into()), "{other:?}");
    }
    assert!(!run(&["--", "env", "-p", "ProtectHome", "=", "ye"]).contains(&"yes".into()));
}

#[test]
fn zsh_completes_the_words_of_directives() {
    let (_scratch, path) = script("_stockade");
    // A terminal with a shell in it, to which a tabulator is typed.
    let program = format!(
        "zmodload zsh/zpty; zpty z 'TERM=dumb zsh -fi'; \
         zpty -w z \"autoload -U compinit; compinit -D -u; source '{path}'; compdef _stockade stockade; unsetopt beep\"; \
         zpty -w -n z $'stockade run -p ProtectHome=\\t'; zpty -r -m z all '*read-only*tmpfs*yes*' && print -r -- \"$all\""
    );
    if let Some(said) =
        run("timeout", &["30", "sh", "-c", "command -v zsh || exit 0; exec zsh -f -c \"$1\"", "sh", &program])
            .filter(|said| !said.is_empty())
    {
        assert!(HOME.iter().all(|word| said.contains(word)) && !said.contains("strict"), "{said}");
    } else {
        writeln!(std::io::stderr(), "not judged by zsh: it is not installed").expect("a line");
    }
}

#[test]
fn fish_completes_the_words_of_directives() {
    let (_scratch, path) = script("stockade.fish");
    for (line, head) in [("-p ProtectHome=", ""), ("--property=ProtectHome=", "--property=")] {
        let program = format!("source '{path}'; complete -C 'stockade run {line}'");
        let Some(said) = run("fish", &["-c", &program]) else { return };
        let mut offered: Vec<&str> = said.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
        offered.sort_unstable();
        let mut wanted = HOME.map(|word| format!("{head}ProtectHome={word}"));
        wanted.sort_unstable();
        // The name by itself is there, too.
        offered.retain(|word| !word.ends_with('='));
        assert_eq!(offered, wanted, "{line}");
    }
}
