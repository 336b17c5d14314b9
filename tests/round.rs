//! Ways there and back: what `show` prints is the same policy, and so is what leaves as a unit and comes in again.

mod meaning;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use meaning::{meaning, same};
use proptest::prelude::*;
use stockade::draft::calls::Call;
use stockade::fault::Source;
use stockade::policy::form::calls::{self, What};
use stockade::policy::{Policy, all, service};
use stockade::report::{show, unit};
use stockade::text::profiles::{Library, SHIPPED};
use stockade::text::unit::Unit;
use stockade::text::{self, Document, Entry, flags, toml, units};

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source { name: "policy.toml".into(), text: text.into() })
}

fn read(text: &str) -> Document {
    toml::parse(&source(text)).unwrap_or_else(|faults| panic!("{}\nin {text}", faults[0].render(false)))
}

fn policy(document: &Document) -> Policy {
    Policy::read(document).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)))
}

fn shipped(name: &str) -> Document {
    Library::of_the_binary().load(name, None).expect("a profile")
}

/// What is shown reads back as the same policy, and is shown the same again.
fn check(document: &Document) {
    let Ok(written) = Policy::read(document) else { return };
    let text = show::toml(document);
    let again = read(&text);
    same(&meaning(&policy(&again)), &meaning(&written), &format!("shown as\n{text}"));
    let bare =
        |text: &str| text.lines().map(|line| line.split("  #").next().unwrap_or("").to_owned()).collect::<Vec<_>>();
    if !text.contains("#\"") && !text.contains("  #  ") {
        assert_eq!(bare(&show::toml(&again)), bare(&text));
    }
}

#[test]
fn what_is_shown_of_a_profile_is_the_profile() {
    for (name, _) in SHIPPED {
        check(&shipped(name));
    }
}

#[test]
fn modes_and_tables_are_shown_as_they_were_meant() {
    let document =
        read("UMask = 0o027\nRuntimeDirectory = 'a'\nRuntimeDirectoryMode = 0o750\nEnvironment = { A = 'b c' }\n");
    let text = show::toml(&document);
    assert!(text.contains("UMask = 0o27") && text.contains("\"A=b c\""), "{text}");
    check(&document);
}

/// Values that are odd in one way or another, and are something's value.
const ODD: &[&str] = &[
    "Environment=A=1 B=2",
    "Environment='A=1 \"2\"' B=\"x\\\\y\" C=%%h",
    "Environment=\"A=one\ntwo\" ü=1",
    "Environment=Ü=é",
    "Environment=A=é\u{a0}ü\u{202e}",
    "Environment=",
    "Environment.A=b 'c' \\ \"",
    "Environment.B=",
    "UnsetEnvironment=A 'B=1 2'",
    "PassEnvironment=",
    "PassEnvironment=A B*",
    "ExecSearchPath=/a:/b '/c d'",
    "ReadWritePaths=/srv '-/a b' /c\\ d",
    "ReadWritePaths=",
    "ReadOnlyPaths=\"/a\\\"b\" /%%x /ü",
    "BindPaths=/a:/b /c\\:d:/e '/f g:/h'",
    "BindPaths=",
    "TemporaryFileSystem=/a:size=1G '/b c'",
    "OpenFile=/etc/motd:m:read-only '/a b:c'",
    "LoadCredential=a:/b c",
    "SetCredential=a:b  \"c\" \\n",
    "CapabilityBoundingSet=CAP_KILL CAP_CHOWN",
    "CapabilityBoundingSet=~CAP_KILL",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=~CAP_KILL",
    "AmbientCapabilities=",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@mount ptrace:EINVAL",
    "SystemCallFilter=",
    "RestrictAddressFamilies=none",
    "RestrictAddressFamilies=~AF_UNIX",
    "RestrictAddressFamilies=AF_INET",
    "RestrictAddressFamilies=",
    "RestrictNamespaces=~user",
    "RestrictNamespaces=net",
    "RestrictNamespaces=yes",
    "RestrictNamespaces=",
    "CPUAffinity=0 1-2",
    "CoredumpFilter=",
    "SupplementaryGroups=a b",
    "Descriptors.Pass=3 4",
    "Landlock.ConnectTCP=80 443",
    "Landlock.ConnectTCP=",
    "Landlock.ReadExecute=/a '/b c'",
    "Landlock.Restrict=~read-file",
    "Landlock.Restrict=",
    "Landlock.Rules=[{ Paths = ['/a b'], Rights = ['read-file'] }]",
    "Landlock.Rules=[]",
    "Seccomp.Rule=[{ Syscalls = ['socket'], Args = ['arg0 == 1'], Action = 'allow' }]",
    "Seccomp.Flags=log spec-allow",
    "Exec=/bin/sh -c 'echo \"$0\"  %%'",
    "User=",
    "UMask=0077",
    "UMask=",
    "NoNewPrivileges=On",
    "PrivateMounts=",
];

/// The same by TOML, where it says more.
const TOML: &[&str] = &[
    "BindPaths = [{ Source = '/x y', Destination = '/z' }, '/q']",
    "[[BindPaths]]\nSource = '/x\"y'",
    "Environment = ['A=b c', \"B='\\t\"]",
    "Environment = { C = 'd e', D = true }",
    "ReadWritePaths = ['/a b', '/c']",
    "Exec = ['/bin/echo', '', \"a\\nb\"]",
    "RuntimeDirectory = ['a', 'b:c']\nRuntimeDirectoryMode = 0o750",
    "[[Landlock.Rules]]\nPaths = '/a'\nRights = ['read-dir']",
];

#[test]
fn odd_values_are_values() {
    for odd in ODD.iter().filter(|odd| **odd != "Environment=\"A=one\ntwo\" ü=1") {
        let document = flags::parse(odd).expect("a property");
        if *odd != "Environment=Ü=é" {
            assert!(Policy::read(&document).is_ok(), "{odd}");
        }
        check(&document);
    }
    for odd in TOML {
        assert!(Policy::read(&read(odd)).is_ok(), "{odd}");
        check(&read(odd));
    }
}

#[test]
fn what_is_shown_of_two_examples_is_both() {
    for row in all() {
        let mut document = read(row.example);
        document.extend(read(row.example));
        check(&document);
        let mut document = shipped("strict");
        document.extend(read(row.example));
        check(&document);
    }
}

fn entry() -> impl Strategy<Value = Document> {
    let odd = proptest::sample::select(ODD).prop_map(|odd| flags::parse(odd).expect("a property"));
    let toml = proptest::sample::select(TOML).prop_map(read);
    let example = (0..all().count()).prop_map(|at| read(all().nth(at).map_or("", |row| row.example)));
    let profile = proptest::sample::select(SHIPPED).prop_map(|(name, _)| shipped(name));
    let text = "[ -~éü\u{a0}\u{202e}\t\n]{0,12}".prop_map(|text| {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        flags::parse(&format!("Environment=\"X={quoted}\" Y=2")).expect("a property")
    });
    let path = "[!-~éü ]{0,12}".prop_map(|path| flags::parse(&format!("ReadWritePaths=/{path}")).expect("a property"));
    prop_oneof![8 => odd, 2 => toml, 2 => example, 1 => profile, 1 => text, 1 => path]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_added_up_is_shown_whole(entries in proptest::collection::vec(entry(), 1..7)) {
        let mut document = Document::default();
        for entry in entries {
            // One wrong value must not hide what the others come to.
            if Policy::read(&entry).is_ok() {
                document.extend(entry);
            }
        }
        check(&document);
    }
}

/// The words of a unit, without what every service has.
fn imported(name: &str, text: &str) -> Document {
    let source = Arc::new(Source { name: name.into(), text: text.into() });
    let (assignments, _) = text::unit::parse(&source).expect("a unit");
    let unit = Unit { name: name.into(), path: format!("/etc/systemd/system/{name}"), assignments };
    let service = service::service(&unit);
    let lost: Vec<&str> = service.left.iter().map(|left| left.text.as_str()).collect();
    assert!(name.is_empty() || lost.is_empty(), "{lost:?} of\n{text}");
    service.document
}

fn without(document: &Document, drop: impl Fn(&Entry) -> bool) -> Document {
    Document { entries: document.entries.iter().filter(|entry| !drop(entry)).cloned().collect() }
}

/// What leaves as a unit comes in as the same policy.
fn there_and_back(document: &Document, defaults: bool) {
    let own = |entry: &Entry| !defaults && entry.at.source.name == "a system service's default";
    // What is outside of another root is passed over on the way in.
    let rooted = document.entries.iter().any(|entry| entry.name == "RootDirectory");
    let access = |entry: &Entry| {
        let names = ["ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths"];
        rooted && names.contains(&entry.name.as_str())
    };
    let document = &without(document, access);
    let made = unit::unit(document, Some("/srv/a b")).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
    let back = without(&imported("web.service", &made.text), own);
    let ours = |entry: &Entry| {
        entry.name.contains('.') && !entry.name.starts_with("Environment.")
            || ["Exec", "ExecSpecifiers", "ExecVariables", "Extends", "Prefer", "Pty", "SeccompProfile"]
                .contains(&&*entry.name)
    };
    let mut before = policy(&without(document, ours));
    let mut after = policy(&back);
    if before.syscalls.architectures.is_none() {
        after.syscalls.architectures = None;
    }
    if !defaults {
        // So does that of a mask, and here nobody does.
        after.process.umask = before.process.umask.and(after.process.umask);
        // A reset leaves what the manager sets.
        after.environment.set.retain(|(name, value, _)| name != "PATH" || !value.starts_with("/usr/local/sbin:"));
    }
    // A beginning of names is a comment there.
    if let Some(pass) = &mut before.environment.pass {
        pass.retain(|(name, _)| !name.ends_with('*'));
    }
    // A group of stockade's own is spelled out there.
    if let Some(list) = &mut before.syscalls.filter {
        let words = std::mem::take(&mut list.entries);
        list.entries = words.into_iter().flat_map(spelled).collect();
    }
    before.process.exec = None;
    after.process.exec = None;
    let here = |text: String| text.replace("\"/srv/a b\"", "\".\"");
    same(&here(meaning(&after)), &here(meaning(&before)), &made.text);
}

/// The calls of a group that systemd does not know, one by one.
fn spelled(word: calls::Entry) -> Vec<calls::Entry> {
    match word.what {
        What::Group(group) if group.is_own() => {
            let call = |id| calls::Entry { what: What::Call(Call::Known(id)), ..word.clone() };
            group.set().iter().map(call).collect()
        }
        _ => vec![word],
    }
}

/// Those of `tests/analyze/units`, and of the directories that `STOCKADE_TEST_UNITS` lists (with colons between).
#[test]
fn a_unit_that_leaves_again_is_the_same_unit() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/analyze/units");
    let more = std::env::var_os("STOCKADE_TEST_UNITS").unwrap_or_default();
    let mut seen = 0;
    let more = std::env::split_paths(&more).filter(|path| path.is_absolute());
    for folder in std::iter::once(own).chain(more) {
        for file in fs::read_dir(folder).expect("units") {
            let path = file.expect("a file").path();
            let is_unit = path.extension().is_some_and(|end| end == "service") && !path.is_symlink();
            if !is_unit {
                continue;
            }
            let (unit, _) = units::load(&path.to_string_lossy(), &[], None).expect("a unit");
            let document = service::service(&unit).document;
            check(&document);
            there_and_back(&document, true);
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

/// Units as nobody should write them, and what systemd 252 makes of them (systemd-analyze verify).
#[test]
fn odd_units_come_in_as_systemd_reads_them() {
    let text = "[Unit]\nPrivateTmp=yes\n[Service]\nExecStart=/bin/a\nExecStart=\n ExecStart = :\"/bin/b c\" \\\n# no \\\n  'd ; e' \\; ; /bin/f\n\
        ReadWritePaths=-/a +/b \"/d e\" relative\nReadOnlyPaths=/x\nReadOnlyPaths=\nReadOnlyPaths=/y\n\
        SystemCallFilter=@system-service\nSystemCallFilter=~@nosuch:EPERM reboot:EPERM\nUMask=0077\nUMask=\n\
        LimitNOFILE=5\nLimitNOFILE=\nPrivateDevices=yes\nPrivateDevices=\nRestrictAddressFamilies=AF_UNIX AF_NOSUCH\n\
        Environment=\"A=1 2\" B=%i $C\nEnvironmentFile=/etc/a b\nBindPaths=/a:/b:norbind \"/c:d\":/e\nNoNewPrivileges=True\n\
        LockPersonality=T\nTemporaryFileSystem=/t:size=10%,ro\n[X-Ours]\nProtectHome=yes\n";
    let source = Arc::new(Source { name: "odd@a.service".into(), text: text.into() });
    let (assignments, _) = text::unit::parse(&source).expect("a unit");
    let unit = Unit { name: "odd@a.service".into(), path: "/etc/odd@.service".into(), assignments };
    let service = service::service(&unit);
    let shown = show::toml(&service.document);
    let bare: Vec<&str> = shown.lines().map(|line| line.split("  #").next().unwrap_or_default().trim()).collect();
    let wanted = [
        "Exec = [\"/bin/b c\", \"d ; e\", \";\"]",
        "\"-/a\",",
        "\"+/b\",",
        "\"/d e\",",
        "\"/y\",",
        "\"@system-service\",",
        "\"~reboot:EPERM\",",
        "UMask = \"0077\"",
        "LimitNOFILE = \"5\"",
        "PrivateDevices = \"yes\"",
        "\"AF_UNIX\",",
        "\"A=1 2\",",
        "\"B=a\",",
        "\"/etc/a b\",",
        "\"/a:/b:norbind\",",
        "\"/c\\\\:d:/e\",",
        "NoNewPrivileges = \"True\"",
        "LockPersonality = \"T\"",
        "\"/t:size=10%,ro\",",
    ];
    for line in wanted {
        assert!(bare.contains(&line), "{line} is not in\n{shown}");
    }
    for word in ["\"/x\"", "relative", "AF_NOSUCH", "PrivateTmp", "ProtectHome", "/bin/f"] {
        assert!(!shown.contains(word), "{word} is in\n{shown}");
    }
    let left: Vec<&str> = service.left.iter().map(|left| left.text.as_str()).collect();
    for text in [
        "PrivateTmp=yes",
        "ReadWritePaths=relative",
        "SystemCallFilter=~@nosuch:EPERM",
        "UMask=",
        "LimitNOFILE=",
        "RestrictAddressFamilies=AF_NOSUCH",
        "Environment=$C",
    ] {
        assert!(left.contains(&text), "{text} is not in {left:?}");
    }
    assert!(service.notes.iter().any(|note| note.contains("left out: /bin/f")));
    check(&service.document);
    there_and_back(&service.document, true);
}

#[test]
fn a_policy_that_leaves_as_a_unit_comes_back() {
    for (name, _) in SHIPPED {
        there_and_back(&shipped(name), false);
    }
    let mut whole = Document::default();
    for row in all() {
        there_and_back(&read(row.example), false);
        whole.extend(read(row.example));
    }
    there_and_back(&whole, false);
}

#[test]
fn odd_values_leave_and_come_back() {
    for odd in ODD.iter().map(|odd| flags::parse(odd).expect("a property")).chain(TOML.iter().map(|odd| read(odd))) {
        if Policy::read(&odd).is_ok() && unit::unit(&odd, Some("/")).is_ok() {
            there_and_back(&odd, false);
        }
    }
}
