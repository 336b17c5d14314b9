//! `stockade merge`: what was told becomes lines that hold, and nothing dangerous is among them.

mod kit;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kit::{Outcome, Who, host_has, people, verbs};

fn policy(who: &Who, place: &Path, text: &str) -> String {
    let path = who.file(&place.join("web.toml"), text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).expect("a mode");
    path.display().to_string()
}

fn merged(who: &Who, policy: &str, events: &str, more: &[&str]) -> Outcome {
    who.stockade(&["merge", policy, events]).words(more).env("HOME", who_home(who)).run()
}

/// A home with a secret in it.
fn who_home(who: &Who) -> PathBuf {
    kit::base().join(who.name)
}

const TEXT: &str = "\
#!/usr/bin/stockade
# Mine.
Extends = [\"none\"]
SystemCallFilter = [\"~unlink\", \"~socket\"]   # keep this

[Landlock]
# Programs.
ReadExecute = [
    \"/usr\",   # all of them
    \"/lib\", \"-/lib64\",
    \"/bin\"
]
ReadWrite = [\"/dev\"]
";

#[test]
fn what_was_told_is_clean_afterwards() {
    if !host_has("landlock") {
        return;
    }
    for who in people() {
        let place = who.place("merge");
        let old = who.file(&place.join("old"), "x");
        let fresh = place.join("fresh");
        let text =
            format!("{TEXT}Rules = [{{ Paths = [\"{}\"], Rights = [\"execute\", \"read-file\"] }}]\n", kit::probe());
        let policy = policy(&who, &place, &text);
        let lines = place.join("events").display().to_string();
        let tried = verbs(&[
            &format!("touch {}", fresh.display()),
            &format!("unlink {}", fresh.display()),
            &format!("mkdir {}", place.join("new").display()),
            "read /etc/hostname",
        ]);
        let monitor = |lines: &str| {
            let seen = who.stockade(&["monitor", "-P", &policy, "--json", "-o", lines, "--"]).words(&tried).run();
            seen.ends(0);
            fs::read_to_string(lines).expect("events")
        };
        assert!(monitor(&lines).lines().count() >= 3);
        let denied = who.stockade(&["run", "-P", &policy, "--"]).words(&tried).run();
        assert!(!denied.stdout.contains("read: ok"), "{denied}");
        // Shown, and not done.
        let shown = merged(&who, &policy, &lines, &[]);
        shown.ends(0);
        assert_eq!(fs::read_to_string(&policy).expect("text"), text);
        assert!(shown.stdout.contains("\n-SystemCallFilter = [\"~unlink\", \"~socket\"]   # keep this\n"), "{shown}");
        assert!(
            shown.stdout.contains("\n+SystemCallFilter = [\"~unlink\", \"~socket\", \"unlink\"]   # keep this\n"),
            "{shown}"
        );
        merged(&who, &policy, &lines, &["--write"]).ends(0);
        let new = fs::read_to_string(&policy).expect("text");
        assert_ne!(new, text);
        // Every old line but those that grew is there, in its order.
        for line in text.lines().filter(|line| !line.starts_with("SystemCallFilter") && !line.starts_with("Rules")) {
            assert!(new.lines().any(|known| known == line), "{line}\n{new}");
        }
        assert!(new.contains("Read = [\"/etc/hostname\"]  # needed by probe: read /etc/hostname\n"), "{new}");
        assert_eq!(fs::metadata(&policy).expect("it is there").permissions().mode() & 0o777, 0o750);
        // Merged again, nothing changes; and nothing is told or denied any more.
        let again = merged(&who, &policy, &lines, &["--write"]);
        again.ends(0);
        assert_eq!((fs::read_to_string(&policy).expect("text"), again.stdout.as_str()), (new, ""), "{again}");
        let after = place.join("after").display().to_string();
        assert_eq!(monitor(&after), "");
        let seen = who.stockade(&["run", "-P", &policy, "--"]).words(&tried).run();
        assert!(seen.stdout.starts_with("touch: ok\nunlink: ok\nmkdir: ok\nread: ok"), "{seen}");
        assert!(old.exists());
        // What was not needed is denied as before.
        let read = verbs(&[&format!("read {}", old.display())]);
        let seen = who.stockade(&["run", "-P", &policy, "--"]).words(&read).run();
        assert!(seen.stdout.contains("read: EACCES"), "{seen}");
    }
}

#[test]
fn what_is_dangerous_is_a_comment() {
    for who in people() {
        let place = who.place("danger");
        let text =
            "SystemCallFilter = [\"~ptrace\", \"~bpf\", \"~uname\"]\nProtectHome = true\nReadOnlyPaths = [\"/\"]\n";
        let policy = policy(&who, &place, text);
        let home = who_home(&who);
        let bashrc = who.file(&home.join(".bashrc"), "x").display().to_string();
        // As a program that is watched would like to have it: the change is its own.
        let events = format!(
            "{{\"event\": \"would-deny\", \"process\": \"7 (evil\\nSystemCallFilter=[])\", \"call\": \"ptrace\", \"change\": \
             [\"SystemCallFilter = [\\\"bpf\\\"]\"]}}\n\
             {{\"event\": \"would-deny\", \"process\": \"7 (x)\", \"call\": \"uname\", \"change\": [\"ProtectHome = false\"]}}\n\
             {{\"event\": \"would-deny\", \"path\": \"{bashrc}\", \"operation\": \"write\"}}\n\
             {{\"event\": \"would-deny\", \"path\": \"/etc/cron.d/new\", \"operation\": \"create\"}}\n\
             words of the program\n{{\"event\": \"would-deny\", \"call\": \"no_such_call\"}}\n"
        );
        let events = who.file(&place.join("events"), events).display().to_string();
        let seen = merged(&who, &policy, &events, &["--write"]);
        seen.ends(0);
        let new = fs::read_to_string(&policy).expect("text");
        let active: Vec<&str> = new.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(active[0], "SystemCallFilter = [\"~ptrace\", \"~bpf\", \"~uname\", \"uname\"]", "{new}");
        assert_eq!(active[1..], ["ProtectHome = true", "ReadOnlyPaths = [\"/\"]"], "{new}");
        assert!(new.contains("\n# SystemCallFilter = [\"ptrace\"]\n"), "{new}");
        assert!(new.contains("takes over other processes"), "{new}");
        assert!(new.contains("decides what is executed later"), "{new}");
        let again = merged(&who, &policy, &events, &["--write"]);
        again.ends(0);
        assert_eq!((fs::read_to_string(&policy).expect("text"), again.stdout.as_str()), (new, ""), "{again}");
        who.stockade(&["check", &policy]).run().ends(0);
    }
}

#[test]
fn a_policy_gets_what_its_profile_lacks_in_its_own_text() {
    for who in people() {
        let place = who.place("extends");
        let policy = policy(&who, &place, "Extends = [\"network-service\"]\n");
        let events = "{\"event\": \"denied\", \"process\": \"7 (x)\", \"call\": \"ptrace\"}\n\
                      {\"event\": \"denied\", \"process\": \"7 (x)\", \"call\": \"quotactl\"}\n\
                      {\"event\": \"denied\", \"process\": \"7 (x)\", \"call\": \"swapoff\"}\n\
                      {\"event\": \"denied\", \"process\": \"7 (x)\", \"call\": \"personality\", \"arguments\": \"personality(7)\"}\n";
        let events = who.file(&place.join("events"), events).display().to_string();
        let seen = merged(&who, &policy, &events, &["--write"]);
        seen.ends(0);
        let new = fs::read_to_string(&policy).expect("text");
        assert!(new.starts_with("Extends = [\"network-service\"]\n"), "{new}");
        assert_ne!(new.lines().count(), 1, "{seen}");
        merged(&who, &policy, &events, &["--write"]).ends(0);
        assert_eq!(fs::read_to_string(&policy).expect("text"), new);
    }
}

#[test]
fn what_cannot_be_merged_is_said() {
    for who in people() {
        let place = who.place("wrong");
        let policy = policy(&who, &place, "PrivateNetwork = true\n");
        let events = who.file(&place.join("none"), "nothing\n{}\n[1]\n").display().to_string();
        merged(&who, &policy, &events, &[]).ends(64).complains("there are no events");
        // What monitor leaves behind where nothing would be denied.
        let empty = who.file(&place.join("empty"), "").display().to_string();
        merged(&who, &policy, &empty, &[]).ends(0).complains("monitor told of nothing");
        merged(&who, &policy, "/does/not/exist", &[]).ends(64).complains("cannot read");
        merged(&who, "strict", &events, &[]).ends(64).complains("Extends = [\"strict\"]");
        let event = "{\"event\": \"would-deny\", \"address\": \"10.0.0.1:80\", \"operation\": \"connect\"}\n\
                     {\"event\": \"would-deny\", \"path\": \"/no/such/thing\", \"operation\": \"read\"}\n";
        let events = who.file(&place.join("events"), event).display().to_string();
        if host_has("userns") {
            let seen = merged(&who, &policy, &events, &["--write"]);
            seen.ends(0);
            assert!(seen.stderr.contains("not merged: read /no/such/thing: not the policy's doing"), "{seen}");
            let new = fs::read_to_string(&policy).expect("text");
            assert!(
                new.starts_with("PrivateNetwork = true\n# needed by somebody: connect 10.0.0.1:80; not allowed"),
                "{new}"
            );
        }
    }
}
