//! Every word that systemd reads in a service is a directive or is answered with what to use instead; and what is
//! answered is a word of systemd's. `tests/vocabulary/systemd-262` has the words.

mod kit;

use std::collections::BTreeSet;
use std::sync::Arc;

use kit::{Who, people};
use stockade::fault::Source;
use stockade::policy::{find, foreign, service};
use stockade::text::unit::{self, Unit};

/// Words of systemd's that no unit file has, each with where it is.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ExtraFileDescriptors", "a property of transient units (org.freedesktop.systemd1(5))"),
    ("DebugInvocation", "a property of units, set by the manager"),
    ("RestrictFileSystemAccess", "systemd-system.conf(5)"),
];

/// The words of a section.
fn words(section: &str) -> BTreeSet<&'static str> {
    let lines = include_str!("vocabulary/systemd-262").lines().filter(|line| !line.starts_with('#'));
    let of = lines.filter_map(|line| line.split_once('.')).filter(|(of, _)| *of == section);
    let words: BTreeSet<&str> = of.map(|(_, word)| word).collect();
    assert!(words.len() > 5, "{section}: {words:?}");
    words
}

/// Words of [Service] that are none of a policy's.
fn strange() -> Vec<&'static str> {
    let strange: Vec<&str> = words("Service").into_iter().filter(|word| find(unit::today(word)).is_none()).collect();
    assert!(strange.len() > 100, "{strange:?}");
    strange
}

fn read(text: &str) -> Unit {
    let source = Arc::new(Source { name: "web.service".into(), text: text.into() });
    let (assignments, odd) = unit::parse(&source).expect("a unit");
    assert!(odd.is_empty(), "{odd:?}");
    Unit { name: "web.service".into(), path: "web.service".into(), assignments }
}

#[test]
fn every_word_is_a_directive_or_answered() {
    for section in ["Service", "Unit", "Install"] {
        for word in words(section) {
            let ours = find(unit::today(word)).is_some();
            let advice = foreign::advice(word);
            assert!(ours != advice.is_some(), "{section}.{word}: {advice:?}");
            assert!(ours || advice.is_some_and(|advice| advice.len() > 20), "{section}.{word}");
            // It sends nobody to a directive that is not there.
            for named in advice.unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric() && c != '=') {
                let name = named.split_once('=').map_or("", |(name, _)| name);
                // systemd-run(1) can be asked for the word itself.
                let option = !name.starts_with(|c: char| c.is_ascii_uppercase());
                assert!(option || name == word || find(name).is_some(), "{word}: {named}");
            }
        }
    }
}

#[test]
fn what_is_answered_is_systemds() {
    let all: BTreeSet<&str> = ["Service", "Unit", "Install"].into_iter().flat_map(words).collect();
    for word in foreign::words() {
        let found = match word.strip_suffix('*') {
            Some(start) => all.iter().any(|word| word.starts_with(start)),
            None => all.contains(word) || ELSEWHERE.iter().any(|(name, _)| *name == word),
        };
        assert!(found, "{word} is no word of systemd's");
    }
    for (word, _) in ELSEWHERE {
        assert!(!all.contains(word) && foreign::words().any(|known| known == *word), "{word} needs no exception");
    }
}

#[test]
fn a_unit_that_says_all_of_it_is_taken_apart_word_by_word() {
    for word in words("Service") {
        let made = service::service(&read(&format!("[Service]\nExecStart=/bin/true\n{word}=0\n")));
        let unknown = made.warnings.iter().find(|fault| fault.message.contains("no word of a service's"));
        assert!(unknown.is_none(), "{word}: {unknown:?}");
        let name = unit::today(word);
        let taken = made.document.entries.iter().any(|entry| entry.name == name && entry.at.to_string().contains(":3"));
        let left = made.left.iter().any(|left| left.text.starts_with(&format!("{word}=")) && !left.why.is_empty());
        // ExecStart is what a policy calls Exec.
        assert!(taken || left || word == "ExecStart", "{word} is lost: {made:?}");
    }
    for section in ["Unit", "Install"] {
        for word in words(section) {
            let made = service::service(&read(&format!("[Service]\nExecStart=/bin/true\n[{section}]\n{word}=0\n")));
            assert!(made.warnings.is_empty(), "{section}.{word}: {:?}", made.warnings);
        }
    }
}

/// All the answers that the tool gives about a policy or a unit that has every word.
fn answered(who: &Who, verb: &[&str], file: &str) -> String {
    let outcome = who.stockade(verb).words(&[file]).run();
    format!("{}{}", outcome.stdout, outcome.stderr)
}

#[test]
fn the_verbs_answer_every_word() {
    for who in people() {
        let place = who.place("vocabulary");
        let strange = strange();
        let policy = format!("{} = \"0\"\n", strange.join(" = \"0\"\n"));
        let policy = who.file(&place.join("all.toml"), policy);
        // Only check tells more than twenty faults.
        for (verb, told_words) in [("check", &strange[..]), ("doctor", &strange[..20])] {
            let told = answered(&who, &[verb], &policy.to_string_lossy());
            for word in told_words {
                let message = format!("`{word}` is a word of systemd's that stockade cannot carry out");
                assert!(told.contains(&message), "{verb}: {word}\n{told}");
            }
            assert!(told.matches("= help: ").count() >= told_words.len(), "{verb}: {told}");
        }
        let others: Vec<&str> = strange.into_iter().filter(|word| *word != "ExecStart").collect();
        let text = format!("[Service]\nExecStart=/bin/true\n{}=0\n", others.join("=0\n"));
        let unit = who.file(&place.join("all.service"), text);
        let told = answered(&who, &["import", "unit"], &unit.to_string_lossy());
        for word in others {
            assert!(told.lines().any(|line| line.split(" (").next() == Some(&format!("# {word}=0"))), "{word}\n{told}");
        }
    }
}

#[test]
fn old_names_are_read_where_systemd_run_reads_them() {
    for who in people() {
        let place = who.place("old");
        let secret = who.file(&place.join("secret"), "text");
        let hidden = format!("InaccessibleDirectories={}", secret.display());
        who.tries(&["-p", &hidden], &[&format!("read {}", secret.display())]).ends(0).says(if who.is_root() {
            "read: empty"
        } else {
            "read: EACCES"
        });
        let policy = who.file(&place.join("old.toml"), "ReadWriteDirectories = [\"/srv\"]\n");
        let told = answered(&who, &["check"], &policy.to_string_lossy());
        assert!(told.contains("`ReadWriteDirectories` is systemd's old name for `ReadWritePaths`"), "{told}");
        assert!(told.contains("help: write ReadWritePaths"), "{told}");
    }
}
