//! Texts: what is a profile, and what is told where it is none.

use proptest::prelude::*;
use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::text::{json, kubernetes, oci, yaml};

use crate::{answer, good, messages, read, source};

/// The first profile of the article that many Chinese readers learn seccomp from, as it is printed: with two commas
/// that JSON does not allow.
const PRINTED: &str = r#"{
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": [
        "SCMP_ARCH_X86_64",
        "SCMP_ARCH_X86",
        "SCMP_ARCH_X32"
    ],
    "syscalls": [
        {
            "names": [
                "madvise",
                "epoll_ctl",
                "getsockname",
                "setsockopt",
                "vfork",
                "mmap",
                "read",
            ],
            "action": "SCMP_ACT_ALLOW",
        }
    ]
}
"#;

/// Its monitoring profile; the protecting one differs in the default.
const MONITOR: &str = r#"{  "defaultAction": "SCMP_ACT_LOG",  "architectures": [      "SCMP_ARCH_X86_64",      "SCMP_ARCH_X86",
      "SCMP_ARCH_X32"  ], "syscalls": [     {         "names": [             "madvise",             "epoll_ctl",
             "getsockname",             "setsockopt",             "vfork",             "mmap",             "read",
             "write",             "close",             "arch_prctl"         ], "action": "SCMP_ACT_ALLOW"     }  ]}"#;

#[test]
fn a_comma_too_many_is_pointed_at() {
    let faults = read(PRINTED).expect_err("no JSON");
    let at = faults[0].origin.as_ref().expect("a place");
    assert_eq!((at.line_column(), &at.source.text[at.span.clone()]), ((17, 23), ","));
    let shown = faults[0].render(false);
    assert!(shown.contains("web.json:17:23") && shown.contains("\"read\",\n"), "{shown}");
    assert!(shown.lines().any(|line| line.trim_start_matches(['|', ' ']) == "^"), "{shown}");
    let rest = PRINTED.replacen("\"read\",", "\"read\"", 1);
    let faults = read(&rest).expect_err("no JSON yet");
    assert_eq!(faults[0].origin.as_ref().expect("a place").line_column(), (19, 39));
}

#[test]
fn the_articles_profiles_work_once_they_are_json() {
    let first = good(&PRINTED.replacen("\"read\",", "\"read\"", 1).replacen("ALLOW\",", "ALLOW\"", 1));
    let protect = good(&MONITOR.replace("SCMP_ACT_LOG", "SCMP_ACT_ERRNO"));
    let monitor = good(MONITOR);
    for (profile, other) in [(first, Action::Errno(1)), (protect, Action::Errno(1)), (monitor, Action::Log)] {
        assert_eq!(answer(&profile, "read", [0; 6]), Action::Allow);
        assert_eq!(answer(&profile, "vfork", [0; 6]), Action::Allow);
        assert_eq!(answer(&profile, "execve", [0; 6]), other);
        assert_eq!(
            profile.architectures,
            if Arch::native() == Arch::X86_64 { vec![Arch::X86, Arch::X32] } else { vec![] }
        );
    }
    let printed = MONITOR.replace(": \"SCMP_ACT_LOG\"", "\"SCMP_ACT_ERRNO\"");
    let faults = read(&printed).expect_err("a colon is missing, as it is printed");
    assert_eq!(faults[0].message, "a `:` is missing between `defaultAction` and its value");
}

/// A profile around one rule.
fn rule(inner: &str) -> String {
    format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{{{inner}}}]}}")
}

#[test]
fn what_is_no_profile_is_a_fault() {
    let whole = |text: &str| text.to_owned();
    for (text, at, message) in [
        (whole("[]"), "[]", "is a table, not a list"),
        (whole("{}"), "{", "`defaultAction` is missing"),
        (whole("{\"defaultAction\": 5}"), "5", "is text, not a number"),
        (whole("{\"defaultAction\": \"SCMP_ACT_ALOW\"}"), "\"SCMP_ACT_ALOW\"", "is not an action"),
        (whole("{\"defaultAction\": \"SCMP_ACT_KILL\", \"defaultErrnoRet\": 1}"), "1", "takes no error"),
        (
            whole("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"SECCOMP_FILTER_FLAG_NO\"]}"),
            "\"SECCOMP_FILTER_FLAG_NO\"",
            "not a flag",
        ),
        (
            whole("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerMetadata\": \"x\"}"),
            "\"x\"",
            "without a `listenerPath`",
        ),
        (
            whole("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_AMD64\"]}"),
            "\"SCMP_ARCH_AMD64\"",
            "not an architecture",
        ),
        (
            whole(
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86\"], \"archMap\": [{\"architecture\": \"SCMP_ARCH_X86_64\"}]}",
            ),
            "\"SCMP_ARCH_X86\"",
            "not both",
        ),
        (rule("\"names\": [\"read\"], \"action\": \"SCMP_ACT_KILL\", \"errnoRet\": 1"), "1", "takes no error"),
        (rule("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 4096"), "4096", "from 0 to 4095"),
        (
            rule("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errno\": \"EPREM\""),
            "\"SCMP_ACT_ERRNO\"",
            "not an error",
        ),
        (rule("\"names\": [\"read\"]"), "{", "`action` is missing"),
        (rule("\"action\": \"SCMP_ACT_ALLOW\""), "{", "no `names`"),
        (rule("\"name\": \"read\", \"names\": [\"write\"], \"action\": \"SCMP_ACT_ALLOW\""), "\"read\"", "not both"),
        (
            rule(
                "\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 9, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]",
            ),
            "9",
            "from 0 to 5",
        ),
        (
            rule(
                "\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": -1, \"op\": \"SCMP_CMP_EQ\"}]",
            ),
            "-1",
            "from 0 to 18446744073709551615, not -1",
        ),
        (
            rule(
                "\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 1.5, \"op\": \"SCMP_CMP_EQ\"}]",
            ),
            "1.5",
            "not 1.5",
        ),
        (
            rule(
                "\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": \"EQ\"}]",
            ),
            "\"EQ\"",
            "not a comparison",
        ),
        (
            rule("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": \"new\"}"),
            "\"new\"",
            "not a kernel's version",
        ),
    ] {
        let faults = read(&text).expect_err(&text);
        assert!(faults[0].message.contains(message), "{text}: {:?}", messages(&faults));
        let origin = faults[0].origin.as_ref().expect("a place");
        let shown = &origin.source.text[origin.span.clone()];
        assert_eq!(shown, at, "{text}");
    }
}

#[test]
fn what_is_another_format_is_named() {
    for (text, message) in [
        ("{\"vmm\": {\"default_action\": \"trap\", \"filter_action\": \"allow\", \"filter\": []}}", "seccompiler"),
        ("{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {}}", "a Kubernetes object, a Pod"),
        ("{\"ociVersionMin\": \"1.0.0\", \"linux\": {\"seccomp\": {\"enabled\": true}}}", "says of its features"),
        ("{\"definitions\": {\"SeccompArch\": {}}}", "a JSON schema"),
        ("{\"ociVersion\": \"1.2.0\", \"linux\": {}}", "no `linux.seccomp`"),
        ("{\"ociVersion\": \"1.2.0\", \"linux\": {\"seccomp\": null}}", "no `linux.seccomp`"),
        ("{\"syscalls\": []}", "`defaultAction` is missing"),
    ] {
        let faults = read(text).expect_err(text);
        assert!(faults.len() == 1 && faults[0].message.contains(message), "{text}: {:?}", messages(&faults));
    }
    for yaml in ["apiVersion: v1\nkind: Pod\n", "# A pod.\nkind: Pod\n"] {
        assert!(read(yaml).expect_err(yaml)[0].message.contains("is YAML"), "{yaml}");
    }
    // As crictl and ctr show a container.
    let profile = "{\"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_LOG\"}}}";
    for text in [format!("{{\"info\": {{\"runtimeSpec\": {profile}}}}}"), format!("{{\"Spec\": {profile}}}")] {
        assert_eq!(answer(&good(&text), "read", [0; 6]), Action::Log, "{text}");
    }
}

#[test]
fn what_engines_ignore_is_told() {
    for (text, at, message) in [
        (
            rule("\"names\": [\"opneat\", \"read\"], \"action\": \"SCMP_ACT_ALLOW\""),
            "\"opneat\"",
            "no machine has a system call",
        ),
        (
            rule("\"names\": [\"41\", \"read\"], \"action\": \"SCMP_ACT_ALLOW\""),
            "\"41\"",
            "no machine has a system call",
        ),
        (rule("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"arg\": []"), "\"arg\"", "means nothing here"),
        (rule("\"names\": [], \"action\": \"SCMP_ACT_ALLOW\""), "{", "names no calls"),
        (
            rule("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": [\"CAP_NOTHING\"]}"),
            "\"CAP_NOTHING\"",
            "not a capability",
        ),
        (
            rule("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errno\": \"ENOSYS\", \"errnoRet\": 1"),
            "\"SCMP_ACT_ERRNO\"",
            "the name counts",
        ),
        (
            rule("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 0"),
            "\"SCMP_ACT_ERRNO\"",
            "it worked",
        ),
        (
            rule(
                "\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 4294967336, \"op\": \"SCMP_CMP_EQ\"}]",
            ),
            "{\"index\": 0, \"value\": 4294967336, \"op\": \"SCMP_CMP_EQ\"}",
            "never is 0x100000028",
        ),
        (
            "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"/run/x\", \"sycalls\": []}".to_owned(),
            "\"/run/x\"",
            "nobody listens",
        ),
    ] {
        let (_, warnings) = read(&text).unwrap_or_else(|faults| panic!("{text}: {:?}", messages(&faults)));
        let found = warnings.iter().find(|warning| warning.message.contains(message));
        let found = found.unwrap_or_else(|| panic!("{text}: {:?}", messages(&warnings)));
        let origin = found.origin.as_ref().expect("a place");
        assert_eq!(&origin.source.text[origin.span.clone()], at, "{text}");
    }
}

#[test]
fn whole_configurations_and_other_cases_are_read() {
    let text = "{\"ociVersion\": \"1.2.0\", \"linux\": {\"seccomp\": {\"DefaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": \
                [{\"Names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": null, \"errnoRet\": null}]}}}";
    assert_eq!(answer(&good(text), "read", [0; 6]), Action::Allow);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,80}", json in "[\\[\\]{}\",:a0\\\\ .eu-]{0,60}") {
        for text in [text, json] {
            let source = source("hostile.json", &text);
            if let Err(fault) = json::parse(&source) {
                prop_assert!(!fault.render(false).is_empty());
            }
            if let Err(fault) = yaml::parse(&source) {
                prop_assert!(!fault.render(false).is_empty());
            }
            prop_assert!(read(&text).is_err() || text.contains("defaultAction"));
            drop(kubernetes::parse(&source));
        }
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(text in "[\\[\\]{}\",:at0 1.eu-]{0,24}", value in arbitrary()) {
        let source = source("any.json", &text);
        let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
        // Names that stand twice, and numbers beyond f64, are refused here or there only.
        if json::parse(&source).is_ok() {
            prop_assert!(theirs.is_ok() || text.contains('e'), "{}", text);
        }
        let written = value.to_string();
        let source = crate::source("any.json", &written);
        prop_assert!(json::parse(&source).is_ok(), "{}", written);
        drop(oci::parse(&source));
        drop(kubernetes::parse(&source));
    }
}

/// Names that profiles and objects have.
const KEYS: [&str; 18] = [
    "defaultAction",
    "defaultErrnoRet",
    "architectures",
    "archMap",
    "syscalls",
    "names",
    "name",
    "action",
    "args",
    "index",
    "value",
    "op",
    "includes",
    "caps",
    "minKernel",
    "kind",
    "spec",
    "securityContext",
];

/// JSON in the neighbourhood of profiles.
fn arbitrary() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::sample::select(vec![
            "SCMP_ACT_ERRNO",
            "SCMP_CMP_EQ",
            "read",
            "Pod",
            "SeccompProfile",
            "4.8",
            "\u{1}\"\\é"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(KEYS.to_vec()), inner), 0..6).prop_map(|pairs| pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}
