//! Files that the supervisor opens in the target's place.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use super::kit::{Who, people};
use super::{rule, tries, under};

/// A directory with one that may be read, one that may be written and one that may not be seen.
struct Places {
    base: String,
}

impl Places {
    fn new(who: &Who) -> Self {
        let base = who.place("files");
        for name in ["ok", "no", "rw"] {
            let path = base.join(name);
            std::fs::create_dir(&path).expect("a directory");
            who.own(&path);
        }
        who.file(&base.join("ok/file"), "good\n");
        who.file(&base.join("no/file"), "bad\n");
        who.file(&base.join("rw/file"), "good\n");
        symlink("../no/file", base.join("ok/link")).expect("a link");
        symlink("../ok/file", base.join("no/link")).expect("a link");
        Self { base: base.to_string_lossy().into_owned() }
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// The rule with its lists, first where targets could leave the root, then where they cannot.
    fn both(&self) -> [String; 2] {
        [self.listed(), format!("{SETTLED}{}", self.listed())]
    }

    /// The rule with its lists.
    fn listed(&self) -> String {
        let lists =
            format!("ReadOnlyPaths = [\"{}\", \"/proc\"]\nReadWritePaths = [\"{}\"]", self.at("ok"), self.at("rw"));
        rule("open openat openat2 creat", &format!("Decide = \"open\"\n{lists}"))
    }
}

/// Keeps all targets in the root and the namespaces that they begin in.
const SETTLED: &str =
    "RestrictNamespaces = true\nSystemCallFilter = [\"~chroot:EPERM pivot_root:EPERM clone3:ENOSYS\"]\n";

const EVERYTHING: &str = "Decide = \"open\"";

#[test]
fn lists_hold_the_file_and_not_the_way_to_it() {
    for who in people() {
        let places = Places::new(&who);
        let words: Vec<String> = [
            ("ok/file", "r"),
            ("ok/link", "r"),
            ("no/file", "r"),
            ("no/link", "r"),
            ("ok/../no/file", "r"),
            ("ok/file", "w"),
            ("ok/new", "wc"),
            ("rw/new", "wc"),
            ("rw/new", "wcx"),
            ("rw", "wT"),
            ("rw/file", "d"),
            ("ok/link", "n"),
            ("ok/gone", "r"),
            ("rw/file", "p"),
        ]
        .into_iter()
        .flat_map(|(name, flags)| [places.at(name), flags.to_owned()])
        .collect();
        let mut all = vec!["opens"];
        all.extend(words.iter().map(String::as_str));
        for rules in places.both() {
            std::fs::remove_file(places.at("rw/new")).ok();
            let outcome = tries(&who, &rules, &all);
            let answers: Vec<&str> =
                outcome.ends(0).stdout.lines().map(|line| line.rsplit(": ").next().unwrap_or_default()).collect();
            let expected = [
                "ok",
                "EACCES",
                "EACCES",
                "ok",
                "EACCES",
                "EACCES",
                "EACCES",
                "ok",
                "EEXIST",
                "ok",
                "ENOTDIR",
                "ELOOP",
                "ENOENT",
                "EOPNOTSUPP",
            ];
            assert_eq!(answers, expected, "{outcome}");
        }
    }
}

#[test]
fn descriptors_are_the_ones_that_were_asked_for() {
    for who in people() {
        let places = Places::new(&who);
        let settled = format!("{SETTLED}{}", rule("openat", EVERYTHING));
        for rules in places.both().into_iter().chain([rule("openat", EVERYTHING), settled.clone()]) {
            let outcome = tries(&who, &rules, &["line", &places.at("ok/file")]);
            outcome.ends(0).quietly().says("line: good").says("cloexec: 1").says("nonblock: 0");
            let relative = tries(&who, &rules, &["relative", &places.at("ok"), "file"]);
            relative.ends(0).says("dirfd: ok").says("cwd: ok").says("badfd: EBADF");
        }
        for rules in [rule("openat", EVERYTHING), settled] {
            tries(&who, &rules, &["environ"]).ends(0).says("self: me").says("stdin: ok");
        }
        let made = places.at("rw/made");
        let outcome = tries(&who, &places.listed(), &["creates", &made]);
        outcome.ends(0).says(&format!("creates: 640 {}", who.uid));
        let outcome = tries(&who, &rule("openat", EVERYTHING), &["creates", &places.at("rw/other")]);
        outcome.ends(0).says(&format!("creates: 640 {}", who.uid));
    }
}

#[test]
fn openat2_keeps_what_it_was_told() {
    for who in people() {
        let places = Places::new(&who);
        // RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH.
        for (path, resolve, answer) in
            [("ok/file", "0", "0"), ("ok/file", "4", "0"), ("no/link", "4", "ELOOP"), ("ok/file", "8", "EXDEV")]
        {
            let outcome = tries(&who, &places.listed(), &["openat2", &places.at(path), resolve]);
            outcome.ends(0).says(&format!("openat2: {answer}"));
        }
    }
}

#[test]
fn the_targets_own_rights_decide() {
    for who in people() {
        let places = Places::new(&who);
        let secret = who.file(&Path::new(&places.base).join("ok/secret"), "good\n");
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).expect("modes can be set");
        let wanted = if who.is_root() { "line: good" } else { "line: EACCES" };
        tries(&who, &places.listed(), &["line", &places.at("ok/secret")]).ends(0).says(wanted);
        if who.is_root() {
            // Somebody who was root is opened for as who they are now.
            let settled = format!("{SETTLED}{}", rule("openat", EVERYTHING));
            for rules in places.both().into_iter().chain([rule("openat", EVERYTHING), settled]) {
                let dropped = |path: &str| tries(&who, &rules, &["drops", "65534", &places.at(path)]);
                dropped("ok/secret").ends(0).says("dropped: EACCES");
                dropped("ok/file").ends(0).says("dropped: ok");
            }
        }
    }
}

#[test]
fn nobody_sees_the_supervisor_by_its_own_hand() {
    for who in people() {
        let listed = rule("openat", "Decide = \"open\"\nReadOnlyPaths = [\"/proc\"]");
        let everything = rule("openat", EVERYTHING);
        let settled = [format!("{SETTLED}{listed}"), format!("{SETTLED}{everything}")];
        for rules in settled.into_iter().chain([listed, everything]) {
            let outcome = tries(&who, &rules, &["spies"]);
            outcome.ends(0).says("spied: 0").says("looked: yes");
        }
    }
}

#[test]
fn memory_that_changes_opens_nothing_that_is_forbidden() {
    for who in people() {
        let places = Places::new(&who);
        let (good, bad) = (places.at("ok/file"), places.at("no/file"));
        for rules in places.both() {
            let run = under(&who, &rules, &["flip", &good, &bad, "100000"]);
            run.within(Duration::from_secs(600)).run().ends(0).says("wrong: 0").says("both: yes");
        }
    }
}

#[test]
fn directories_that_change_places_open_nothing_that_is_forbidden() {
    for who in people() {
        let places = Places::new(&who);
        let link = places.at("ok/sub2");
        std::fs::create_dir(places.at("ok/sub")).expect("a directory");
        who.own(Path::new(&places.at("ok/sub")));
        who.file(Path::new(&places.at("ok/sub/file")), "good\n");
        symlink(places.at("no"), &link).expect("a link");
        for rules in places.both() {
            let run = under(&who, &rules, &["swap", &places.at("ok/sub"), &link, "20000"]);
            run.within(Duration::from_secs(600)).run().ends(0).says("wrong: 0").says("both: yes");
        }
    }
}
