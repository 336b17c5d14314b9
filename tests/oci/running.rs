//! Programs under profiles: what the kernel says, as root and as an ordinary user.

use crate::kit::people;

/// The dangerous part of Docker's default profile, with everything else allowed that a probe needs: families as it lists
/// them, namespaces, a call that does not exist, and rules for privileged containers.
const DOCKERS: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
    "syscalls": [
        {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97,
         "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]},
        {"names": ["socket"], "action": "SCMP_ACT_ERRNO",
         "args": [{"index": 0, "value": 40, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errno": "ENOSYS"},
        {"names": ["syslog"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "excludes": {"caps": ["CAP_SYSLOG"]}},
        {"names": ["keyctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "includes": {"caps": ["CAP_CHOWN"]}},
        {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "includes": {"minKernel": "4.8"}}
    ]
}"#;

#[test]
fn an_import_that_cannot_be_written_leaves_no_policy() {
    for who in people() {
        let place = who.place("import");
        who.file(&place.join("profile.json"), "{\"defaultAction\": \"SCMP_ACT_ERRNO\"}");
        let stockade = env!("CARGO_BIN_EXE_stockade");
        let script = format!(
            "cd {} && {{ trap '' XFSZ; ulimit -f 0; exec {stockade} import oci profile.json -o web.toml; }}",
            place.display()
        );
        who.bare(&["sh", "-c", &script]).run().ends(1).complains("cannot write web.toml");
        assert!(!place.join("web.toml").exists(), "an empty file confines nothing");
        who.file(&place.join("web.toml"), "PrivateNetwork = true\n");
        let again = format!("cd {} && exec {stockade} import oci profile.json -o web.toml", place.display());
        who.bare(&["sh", "-c", &again]).run().ends(1).complains("take it away first");
        assert_eq!(std::fs::read_to_string(place.join("web.toml")).expect("the policy"), "PrivateNetwork = true\n");
    }
}

#[test]
fn dockers_rules_hold_and_high_bits_do_not_pass_them() {
    for who in people() {
        let place = who.place("docker");
        who.file(&place.join("docker.json"), DOCKERS);
        let policy = who.file(&place.join("web.toml"), "SeccompProfile = 'docker.json'\n").display().to_string();
        let tried = [
            "socket 1 1 0",
            "socket 40 1 0",
            "socket 38 5 0",
            "sockethigh 40 1 0",
            "sockethigh 38 5 0",
            "sockethigh 1 1 0",
            "clone3 none",
            "syslog",
            "keyctl",
            "bpf",
        ];
        who.tries(&["-P", &policy], &tried).answers(&[
            ("socket 1 1 0", "ok"),
            ("socket 40 1 0", "EPERM"),
            ("socket 38 5 0", "EAFNOSUPPORT"),
            ("sockethigh 40 1 0", "EPERM"),
            ("sockethigh 38 5 0", "EAFNOSUPPORT"),
            ("sockethigh 1 1 0", "ok"),
            ("clone3 none", "ENOSYS"),
            ("syslog", "EACCES"),
            ("keyctl", "EACCES"),
            ("bpf", "EACCES"),
        ]);
        // Without CAP_CHOWN in the bounding set the rule on keyctl does not hold; what another directive refuses stays so.
        let more = ["-P", &policy, "-p", "CapabilityBoundingSet=~CAP_CHOWN", "-p", "SystemCallFilter=~socket:EBUSY"];
        let outcome = who.tries(&more, &["keyctl", "socket 1 1 0"]);
        assert_eq!(outcome.answer("socket"), "EBUSY", "{outcome}");
        assert_ne!(outcome.answer("keyctl"), "EACCES", "{outcome}");
    }
}

#[test]
fn words_of_kubernetes_are_profiles() {
    for who in people() {
        let tried = ["keyctl", "sockethigh 40 1 0"];
        who.tries(&["-p", "SeccompProfile=RuntimeDefault"], &tried)
            .answers(&[("keyctl", "EPERM"), ("sockethigh 40 1 0", "EPERM")]);
        let outcome = who.tries(&["-p", "SeccompProfile=RuntimeDefault", "-p", "SeccompProfile=Unconfined"], &tried);
        assert_ne!(outcome.answer("keyctl"), "EPERM", "{outcome}");
        who.tries(&["-p", "SeccompProfile=localhost/../x"], &tried)
            .runs_nothing()
            .ends(78)
            .complains("does not stay below");
    }
}

#[test]
fn a_profile_that_refuses_execve_still_starts_its_target() {
    for who in people() {
        let place = who.place("execve");
        let text = "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"execve\", \"execveat\"], \
                    \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 13}]}";
        let profile = who.file(&place.join("no-exec.json"), text);
        let property = format!("SeccompProfile={}", profile.display());
        who.tries(&["-p", &property], &["exec /bin/true"]).answers(&[("exec /bin/true", "EACCES")]);
    }
}

#[test]
fn profiles_that_cannot_be_used_start_nothing() {
    for who in people() {
        let place = who.place("bad");
        let comma = who.file(&place.join("comma.json"), "{\"defaultAction\": \"SCMP_ACT_ALLOW\",}");
        for (value, message) in [
            (comma.display().to_string(), "comma.json:1:35"),
            (place.join("none.json").display().to_string(), "no such file"),
            (place.display().to_string(), "a directory"),
        ] {
            let outcome = who.tries(&["-p", &format!("SeccompProfile={value}")], &["socket 1 1 0"]);
            outcome.runs_nothing().ends(78).complains(message);
        }
        let open = who.file(&place.join("open.json"), "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(&open, mode).expect("a mode");
        let outcome = who.tries(&["-p", &format!("SeccompProfile={}", open.display())], &["socket 1 1 0"]);
        outcome.runs_nothing().ends(78).complains("is not trusted");
    }
}

#[test]
fn check_tells_what_is_odd_about_a_profile() {
    let who = &people()[0];
    let place = who.place("odd");
    who.file(&place.join("odd.json"), "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscals\": []}");
    let policy = who.file(&place.join("web.toml"), "SeccompProfile = 'odd.json'\n").display().to_string();
    let outcome = who.stockade(&["check", &policy]).run();
    outcome.ends(0);
    assert!(
        outcome.stdout.contains("warning[profile]") && outcome.stdout.contains("did you mean `syscalls`?"),
        "{outcome}"
    );
    let shown = who.stockade(&["show", &policy]).run();
    assert!(shown.stdout.contains(&format!("SeccompProfile = \"{}", place.join("odd.json").display())), "{shown}");
}
