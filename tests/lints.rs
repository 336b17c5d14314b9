//! Every lint finds what it is for, and nothing in the profiles that stockade ships.

use std::collections::HashSet;
use std::sync::Arc;

use stockade::fault::Source;
use stockade::policy::Policy;
use stockade::report::lint::{self, LINTS};
use stockade::text::profiles::{Library, SHIPPED};
use stockade::text::{Document, Kind, toml};

/// A policy, and the lints that it trips over, in their order.
const CASES: &[(&str, &[&str])] = &[
    ("#!/usr/bin/stockade\nUMask = '077'", &["no-exec"]),
    ("#!/usr/bin/stockade\nExec = ['/bin/true']\nUMask = '077'", &[]),
    ("#!/usr/bin/stockade run -P strict\nExec = ['/bin/true']", &["shebang-arguments"]),
    ("#!/usr/bin/env stockade\nExec = ['/bin/true']", &[]),
    ("ProtectHome = true\nReadOnlyPaths = ['/home/ann']", &["hidden"]),
    ("InaccessiblePaths = ['/srv']\nReadOnlyPaths = ['/srv/a']\nTemporaryFileSystem = ['/srv/a']", &[]),
    ("ReadWritePaths = ['/srv']", &["already-writable"]),
    ("ReadWritePaths = ['.']", &["already-writable"]),
    ("ProtectSystem = 'strict'\nReadWritePaths = ['/srv', '.']", &[]),
    ("ExecPaths = ['/usr']", &["already-executable"]),
    ("NoExecPaths = ['/']\nExecPaths = ['/usr']", &[]),
    ("Prefer = ['PrivateNetwork']", &["prefer-nothing"]),
    ("Prefer = ['Landlock']\n[Landlock]\nReadExecute = ['/usr']", &[]),
    ("CapabilityBoundingSet = ['CAP_KILL']\nAmbientCapabilities = ['CAP_CHOWN']", &["ambient-unbounded"]),
    ("CapabilityBoundingSet = ['CAP_KILL']\nAmbientCapabilities = ['CAP_KILL']", &[]),
    ("SystemCallErrorNumber = 'EPERM'", &["errno-unused"]),
    ("SystemCallFilter = ['~@mount']\nSystemCallErrorNumber = 'EPERM'", &["deny-list"]),
    ("SystemCallFilter = ['@system-service', '~@mount']\nSystemCallErrorNumber = 'EPERM'", &[]),
    ("[Landlock]\nConnectTCP = [443]", &["tcp-only"]),
    (
        "RestrictAddressFamilies = ['AF_INET']
        SystemCallFilter = ['@system-service', '~io_uring_setup']\nSystemCallErrorNumber = 'EPERM'
        [Landlock]\nConnectTCP = [443]",
        &[],
    ),
    ("User = 'root'\nProtectProc = 'invisible'", &["root-proc"]),
    ("User = '1000'\nProtectProc = 'invisible'", &[]),
    ("SystemCallFilter = ['@system-service']", &["call-kills"]),
    ("SystemCallFilter = ['~openat']\nSystemCallErrorNumber = 'EPERM'", &["deny-list", "call-siblings"]),
    ("[Seccomp]\nDefault = 'errno:0'", &["call-zero"]),
    ("[[Seccomp.Rule]]\nSyscalls = ['read']\nAction = 'allow'", &["rule-needless"]),
    ("[[Seccomp.Rule]]\nSyscalls = ['socket']\nArgs = ['arg0 != 40']\nAction = 'log'", &["rule-arguments"]),
    ("[[Seccomp.Rule]]\nSyscalls = ['socket']\nAction = 'notify'\nDecide = 'continue'", &["rule-decides"]),
    ("RestrictAddressFamilies = ['AF_UNIX']", &["io-uring"]),
    (
        "RestrictAddressFamilies = ['AF_UNIX']\nSystemCallArchitectures = ['native', 'x86']
        SystemCallFilter = ['@system-service', '~io_uring_setup']\nSystemCallErrorNumber = 'EPERM'",
        &["socketcall"],
    ),
    ("PrivateNetwork = true\n[Landlock]\nConnectTCP = [443]", &["tcp-nowhere"]),
    (
        "NoNewPrivileges = false\nSystemCallFilter = ['@system-service']\nSystemCallErrorNumber = 'EPERM'",
        &["implied-privileges"],
    ),
    ("NoNewPrivileges = false", &[]),
    ("SeccompProfile = '{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscals\": []}'", &["profile"]),
    ("SeccompProfile = '{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}'", &[]),
];

fn found(document: &Document) -> Vec<&'static str> {
    let policy = Policy::read(document).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
    lint::findings(document, &policy).into_iter().map(|finding| finding.lint).collect()
}

/// A case as a document; the text of a seccomp profile stands for its file.
fn case(text: &str) -> Document {
    let source = Arc::new(Source { name: "case".into(), text: text.into() });
    let mut document = toml::parse(&source).unwrap_or_else(|faults| panic!("{text}: {}", faults[0].render(false)));
    for entry in document.entries.iter_mut().filter(|entry| entry.name == "SeccompProfile") {
        if let Kind::Text(json) = &entry.value.kind {
            entry.value.kind = Kind::File(Arc::new(Source { name: "web.json".into(), text: json.clone() }));
        }
    }
    document
}

#[test]
fn every_lint_finds_what_it_is_for() {
    let mut tried = HashSet::new();
    for (text, expected) in CASES {
        let document = case(text);
        assert_eq!(found(&document), *expected, "{text}");
        tried.extend(expected.iter().copied());
    }
    for lint in LINTS {
        assert!(tried.contains(lint.name), "{} has no case", lint.name);
        assert!(
            lint.name.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !lint.about.ends_with('.'),
            "{}",
            lint.name
        );
    }
}

#[test]
fn nothing_is_found_in_the_shipped_profiles() {
    let library = Library::of_the_binary();
    for (name, _) in SHIPPED {
        let document = library.load(*name, None).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
        assert_eq!(found(&document), Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn findings_say_where_and_what_to_do() {
    for (text, expected) in CASES.iter().filter(|(_, expected)| !expected.is_empty()) {
        let document = case(text);
        let policy = Policy::read(&document).expect("a policy");
        for finding in lint::findings(&document, &policy) {
            assert!(finding.origin.is_some(), "{expected:?}");
            assert!(!finding.help.is_empty() && !finding.message.ends_with('.'), "{}", finding.message);
        }
    }
}
