//! `stockade analyze` and `stockade diff`: the score against systemd's own numbers, laws, and what is printed.
//!
//! tests/analyze/units.txt is what systemd 252 says of tests/analyze/units (`.ci/exposure --write`). The texts beside it
//! are what the shipped profiles come to on x86-64: `STOCKADE_UPDATE=1 cargo test --test analyze` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proptest::prelude::*;

use stockade::policy::{Policy, service};
use stockade::report::analyze::Analysis;
use stockade::report::diff::Difference;
use stockade::report::exposure::{self, Score, Settings};
use stockade::report::html;
use stockade::report::reach::{self, Reach};
use stockade::text::profiles::{Library, SHIPPED};
use stockade::text::{Document, flags, units};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/analyze")
}

fn stockade(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade")).args(arguments).output().expect("stockade runs")
}

fn document(properties: &[&str]) -> Document {
    let mut document = Document::default();
    for property in properties {
        document.extend(flags::parse(property).expect("a property"));
    }
    document
}

fn policy(properties: &[&str]) -> Policy {
    Policy::read(&document(properties)).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)))
}

fn shipped(name: &str) -> (Document, Policy) {
    let document = Library::of_the_binary().load(name, None).expect("a profile");
    let policy = Policy::read(&document).expect("a policy");
    (document, policy)
}

fn analysis(name: &str, policy: &Policy) -> Analysis {
    Analysis {
        name: name.into(),
        kind: "policy",
        score: Score::of_policy(policy),
        reach: Ok(Reach::of(policy).expect("a filter")),
    }
}

#[test]
fn units_have_the_score_that_systemd_gives_them() {
    let expected = fs::read_to_string(folder().join("units.txt")).expect("units.txt");
    let mut judged = 0;
    for line in expected.lines() {
        let mut words = line.split(' ');
        let [name, number, rating] = [(); 3].map(|()| words.next().expect("a word"));
        let bad: BTreeMap<&str, &str> = words.map(|word| word.rsplit_once('=').expect("a badness")).collect();
        let path = folder().join("units").join(name);
        let (unit, _) = units::load(path.to_str().expect("UTF-8"), &[], None).expect("a unit");
        let lines = unit.assignments.iter().map(|one| (&*one.section, &*one.name, &*one.value));
        let score = Score::of_unit(&Settings::read(lines));
        for line in &score.lines {
            let badness = line.badness.map_or("-".into(), |badness| badness.to_string());
            assert_eq!(bad.get(line.id).copied().unwrap_or("0"), badness, "{name}: {}", line.id);
        }
        assert_eq!(score.lines.len(), 81, "{name}");
        assert_eq!((exposure::number(score.tenths).as_str(), score.rating()), (number, rating), "{name}");
        assert!(Policy::read(&service::service(&unit).document).is_ok(), "{name}");
        judged += 1;
    }
    assert_eq!(judged, fs::read_dir(folder().join("units")).expect("units").count());
}

#[test]
fn ratings_are_systemds() {
    let words =
        [(100, "DANGEROUS"), (99, "UNSAFE"), (89, "EXPOSED"), (74, "MEDIUM"), (49, "OK"), (9, "SAFE"), (0, "PERFECT")];
    for (tenths, word) in words {
        assert_eq!(exposure::rating(tenths), word);
    }
}

/// A policy whose words a unit can have has the score of that unit, but for what systemd overlooks offline and what a
/// unit has by default.
#[test]
fn policies_are_scored_as_units_are() {
    let properties = [
        "User=daemon",
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        "RestrictNamespaces=~user mnt",
        "RestrictAddressFamilies=AF_UNIX AF_INET",
        "CapabilityBoundingSet=CAP_KILL CAP_SYS_TIME",
        "ProtectClock=yes",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@resources",
        "SystemCallArchitectures=native",
        "KeyringMode=private",
        "UMask=0027",
        "PrivateMounts=yes",
        "RemoveIPC=yes",
    ];
    let lines = properties.map(|property| property.split_once('=').expect("a property"));
    let unit = Score::of_unit(&Settings::read(lines.iter().map(|(key, value)| ("Service", *key, *value))));
    assert_eq!(Score::of_policy(&policy(&properties)).lines, unit.lines);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn shipped_profiles_come_to_what_they_came_to() {
    let update = std::env::var_os("STOCKADE_UPDATE").is_some();
    let docker = reach::docker();
    let mut told: Vec<(String, String)> = Vec::new();
    for (name, _) in SHIPPED {
        told.push((format!("{name}.txt"), analysis(name, &shipped(name).1).text(docker, false)));
    }
    for (a, b) in
        [("strict", "service"), ("service", "network-service"), ("none", "container-default"), ("build", "strict")]
    {
        let ((old, before), (new, after)) = (shipped(a), shipped(b));
        let difference = Difference::of((&old, &before), (&new, &after)).expect("filters");
        told.push((format!("{a}-{b}.diff"), difference.text(a, b, false)));
    }
    let mut stale = Vec::new();
    for (file, text) in told {
        let path = folder().join(&file);
        if update {
            fs::write(&path, &text).expect("written");
        } else if fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(file);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; refresh with: STOCKADE_UPDATE=1 cargo test --test analyze");
}

#[test]
fn nothing_differs_from_itself() {
    for (name, _) in SHIPPED {
        let (document, policy) = shipped(name);
        let same = Difference::of((&document, &policy), (&document, &policy)).expect("a filter");
        assert!(same.is_empty(), "{name}: {same:?}");
    }
}

#[test]
fn what_is_allowed_stands_on_the_side_that_allows_it() {
    let compare = |a: &[&str], b: &[&str]| {
        Difference::of((&document(a), &policy(a)), (&document(b), &policy(b))).expect("filters")
    };
    for (open, closed, kind, item) in [
        ("SystemCallFilter=~@swap", "SystemCallFilter=~@swap ptrace", "system calls", "ptrace"),
        ("CapabilityBoundingSet=CAP_KILL", "CapabilityBoundingSet=", "capabilities", "CAP_KILL"),
        ("PrivateNetwork=no", "PrivateNetwork=yes", "namespaces", "share the host's net"),
        ("RestrictNamespaces=no", "RestrictNamespaces=~user", "namespaces", "make user"),
        ("RestrictAddressFamilies=AF_UNIX AF_NETLINK", "RestrictAddressFamilies=AF_UNIX", "sockets", "AF_NETLINK"),
        ("ProtectHome=no", "ProtectHome=yes", "paths", "/home"),
        ("ProtectSystem=no", "ProtectSystem=strict", "paths", "/"),
        ("Landlock.ReadWrite=/srv /opt", "Landlock.ReadWrite=/srv", "paths", "/opt"),
        ("Landlock.ConnectTCP=443 80", "Landlock.ConnectTCP=443", "connect to TCP port", "80"),
        ("LimitNOFILE=4096", "LimitNOFILE=1024", "limits", "LimitNOFILE"),
        ("NoNewPrivileges=no", "NoNewPrivileges=yes", "privileges", "gain privileges by executing programs"),
    ] {
        let (more, less) = (compare(&[closed], &[open]), compare(&[open], &[closed]));
        let has = |changes: &[stockade::report::diff::Change]| {
            changes.iter().any(|change| change.kind == kind && change.item == item)
        };
        assert!(has(&more.more) && !has(&more.less), "{open}: {more:?}");
        assert!(has(&less.less) && !has(&less.more), "{closed}: {less:?}");
    }
    let users = compare(&["User=daemon"], &["User=nobody"]);
    assert!(users.more.is_empty() && users.less.is_empty() && users.other.len() == 1, "{users:?}");
    let words = compare(&["Environment=A=b"], &["Environment=A=c"]);
    assert_eq!((words.other.len(), words.other[0].kind.as_str()), (1, "other directives"));
}

#[test]
fn dangers_are_told_by_what_the_filter_answers() {
    let dangers = |properties: &[&str]| -> Vec<(&'static str, bool)> {
        let reach = Reach::of(&policy(properties)).expect("a filter");
        reach.dangers.iter().map(|danger| (danger.call, danger.effective)).collect()
    };
    let open = dangers(&["PrivateTmp=yes"]);
    assert!(open.contains(&("ptrace", true)) && open.contains(&("init_module", true)), "{open:?}");
    let bare = dangers(&["CapabilityBoundingSet="]);
    assert!(bare.contains(&("init_module", false)) && bare.contains(&("mount", true)), "{bare:?}");
    let closed =
        dangers(&["CapabilityBoundingSet=", "RestrictNamespaces=yes", "SystemCallFilter=~ptrace io_uring_setup"]);
    assert!(closed.contains(&("mount", false)) && closed.contains(&("bpf", false)), "{closed:?}");
    for gone in ["ptrace", "io_uring_setup", "clone3", "unshare(CLONE_NEWUSER)", "clone(CLONE_NEWUSER)"] {
        assert!(!closed.iter().any(|(call, _)| *call == gone), "{gone}");
    }
}

#[test]
fn docker_allows_as_many_calls_as_its_shipped_profile() {
    let reach = Reach::of(&shipped("container-default").1).expect("a filter");
    assert_eq!(reach::docker(), reach.allowed());
    assert!(reach.allowed() < reach.known(), "{}", reach.allowed());
    assert_eq!(Reach::of(&policy(&["PrivateTmp=yes"])).expect("none").allowed(), reach.known());
}

/// Restrictions, each of which can be added to any policy made of others of them.
const RESTRICTIONS: &[&str] = &[
    "User=daemon",
    "DynamicUser=yes",
    "PrivateDevices=yes",
    "PrivateMounts=yes",
    "PrivateNetwork=yes",
    "PrivateTmp=yes",
    "PrivateUsers=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHome=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "ProtectSystem=strict",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=~CAP_SYS_ADMIN CAP_SYS_PTRACE",
    "CapabilityBoundingSet=~CAP_NET_ADMIN CAP_SYSLOG",
    "KeyringMode=private",
    "RemoveIPC=yes",
    "RestrictAddressFamilies=~AF_PACKET",
    "RestrictAddressFamilies=none",
    "RestrictNamespaces=~user mnt",
    "RestrictNamespaces=~net",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=~@mount @swap",
    "SystemCallFilter=~@privileged",
    "SystemCallFilter=~@clock @obsolete",
    "UMask=0077",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Adding a restriction never makes the score worse, and lets nothing be reached that was not.
    #[test]
    fn a_restriction_never_opens(base in prop::sample::subsequence(RESTRICTIONS, 0..12), more in prop::sample::select(RESTRICTIONS)) {
        let with: Vec<&str> = base.iter().copied().chain([more]).collect();
        // An empty policy is one, too.
        let (before, after) = (policy(&base), policy(&with));
        prop_assert!(Score::of_policy(&after).tenths <= Score::of_policy(&before).tenths, "{more} on {base:?}");
        let difference = Difference::of((&document(&base), &before), (&document(&with), &after)).expect("filters");
        // A new /tmp or a new /dev can be written where nothing could be.
        let opened: Vec<_> = difference.more.iter().filter(|change| change.kind != "paths").collect();
        prop_assert!(opened.is_empty(), "{more} on {base:?}: {opened:?}");
    }
}

#[test]
fn no_text_of_a_policy_becomes_a_part_of_the_page() {
    let evil = "ReadWritePaths=/srv/<script>alert(1)</script>&amp;";
    let mut analysis = analysis("</title>\"'><img src=x onerror=alert(1)>", &policy(&[evil, "ProtectSystem=strict"]));
    let page = html::page(std::slice::from_ref(&analysis), 300);
    assert!(page.contains("/srv/&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;"), "{page}");
    for part in ["<script", "<img", "onerror=alert(1)>", "\"'>", "http://", "https://", "url(", "@import", "src="] {
        let own = page.replace("&lt;img src=x onerror=alert(1)&gt;", "");
        assert!(!own.contains(part), "{part}");
    }
    for part in
        ["<!DOCTYPE html>", "prefers-color-scheme: dark", "name=\"viewport\"", "default-src 'none'", "lang=\"en\""]
    {
        assert!(page.contains(part), "{part}");
    }
    analysis.reach = Err("<b>\u{1b}[31m".into());
    let page = html::page(&[analysis], 300);
    assert!(page.contains("&lt;b&gt;") && !page.contains('\u{1b}'), "{page}");
}

#[test]
fn exit_statuses_tell_thresholds_and_differences() {
    let status = |arguments: &[&str]| stockade(arguments).status.code();
    assert_eq!(status(&["analyze", "--threshold", "10.0", "none"]), Some(0));
    assert_eq!(status(&["analyze", "--threshold", "9", "none"]), Some(1));
    assert_eq!(status(&["analyze", "--threshold", "4.0", "strict", "none"]), Some(1));
    let bare = folder().join("units/bare.service");
    let bare = bare.to_str().expect("UTF-8");
    assert_eq!(status(&["analyze", "--threshold", "9.6", "--unit", bare]), Some(0));
    assert_eq!(status(&["analyze", "--threshold", "9.5", "--unit", bare]), Some(1));
    for wrong in ["11", "-1", "9.55", "x", ""] {
        assert_eq!(status(&["analyze", "--threshold", wrong, "none"]), Some(64), "{wrong}");
    }
    assert_eq!(status(&["analyze"]), Some(64));
    assert_eq!(status(&["analyze", "no-such-profile"]), Some(78));
    assert_eq!(status(&["analyze", "--unit", "no-such-unit.service"]), Some(78));
    assert_eq!(status(&["diff", "strict", "strict"]), Some(0));
    assert_eq!(status(&["diff", "strict", "service"]), Some(1));
    assert_eq!(status(&["diff", "strict", "no-such-profile"]), Some(78));
    assert_eq!(status(&["diff", "strict"]), Some(64));
}

#[test]
fn json_has_the_keys_that_the_manual_names() {
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&stockade(arguments).stdout).expect("JSON")
    };
    let report = json(&["analyze", "--json", "strict"]);
    assert_eq!(report[0]["name"], "strict");
    assert_eq!(report[0]["lines"].as_array().map(Vec::len), Some(81));
    for key in ["kind", "exposure", "tenths", "rating", "reach"] {
        assert!(!report[0][key].is_null(), "{key}");
    }
    for key in ["calls", "dangers", "sockets", "capabilities", "places", "landlock", "docker_allowed"] {
        assert!(!report[0]["reach"][key].is_null(), "{key}");
    }
    let difference = json(&["diff", "--json", "strict", "service"]);
    assert_eq!(difference["same"], false);
    let has = |list: &str, item: &str| {
        difference[list].as_array().expect("a list").iter().any(|change| change["item"] == item)
    };
    assert!(has("b_allows", "keyctl") && !has("a_allows", "keyctl"));
}

#[test]
fn drop_ins_beside_a_unit_count() {
    let place = std::env::temp_dir().join(format!("stockade-analyze-{}", std::process::id()));
    let drop_ins = place.join("web@.service.d");
    fs::create_dir_all(&drop_ins).expect("a folder");
    fs::write(place.join("web@.service"), "[Service]\nExecStart=/bin/true\nPrivateNetwork=yes\n").expect("written");
    fs::write(drop_ins.join("20.conf"), "[Service]\nPrivateTmp=yes\nPrivateNetwork=yes\n").expect("written");
    fs::write(drop_ins.join("10.conf"), "[Service]\nPrivateNetwork=no\nUser=web\n").expect("written");
    let unit = place.join("web@.service");
    let out = stockade(&["analyze", "--json", "--unit", unit.to_str().expect("UTF-8")]);
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let badness = |id: &str| {
        let lines = report[0]["lines"].as_array().expect("lines").clone();
        lines.iter().find(|line| line["json_field"] == id).expect("a line")["badness"].clone()
    };
    assert_eq!(
        (badness("PrivateNetwork"), badness("PrivateTmp"), badness("UserOrDynamicUser")),
        (0.into(), 0.into(), 0.into())
    );
    fs::remove_dir_all(&place).expect("removed");
}
