//! The same profile under crun and under stockade: every call that is safe to try gets the same answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use stockade::draft::arch::Arch;
use stockade::draft::calls;

use super::exported::DEBIANS;
use crate::kit::{self, Who, people};

const POLICY: &str =
    "SeccompProfile = '/usr/share/containers/seccomp.json'\nNoNewPrivileges = true\nCapabilityBoundingSet = []\n";

/// What the probe says of each number.
fn answers(text: &str) -> BTreeMap<u32, &str> {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(number, answer)| (number.parse().expect("a number"), answer)).collect()
}

/// A container without namespaces but a mount namespace, with the profile that stockade exports.
fn bundle(who: &Who, place: &Path, profile: &Value) {
    let root = place.join("rootfs");
    for directory in ["", "dev", "proc"] {
        fs::create_dir(root.join(directory)).expect("a directory");
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/calls.c");
    kit::compile(&source, &root.join("calls"), &["-O1", "-static"]);
    let none = json!({"bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": []});
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {"terminal": false, "user": {"uid": 0, "gid": 0}, "args": ["/calls"], "cwd": "/",
                    "noNewPrivileges": true, "capabilities": none},
        "root": {"path": "rootfs"},
        "mounts": [],
        "linux": {"namespaces": [{"type": "mount"}], "seccomp": profile},
    });
    who.file(&place.join("config.json"), config.to_string());
}

#[test]
fn crun_answers_alike() {
    let root = people().swap_remove(0);
    let there = Path::new(DEBIANS).exists() && Path::new("/usr/bin/crun").exists();
    if !root.is_root() || !there {
        assert!(!root.is_root() || !kit::host_has("containers"), "no {DEBIANS}, or no crun (Debian: crun)");
        kit::say(
            "crun_answers_alike did not run: it needs root, and Debian's golang-github-containers-common and crun",
        );
        return;
    }
    let place = root.place("crun");
    let policy = root.file(&place.join("web.toml"), POLICY).display().to_string();
    let exported = root.stockade(&["export", "oci", "-P", &policy]).run();
    exported.ends(0);
    bundle(&root, &place, &serde_json::from_str(&exported.stdout).expect("JSON"));
    // crun refuses machines with control groups of both versions mounted; it is not asked to make one.
    let script = "mount -t cgroup2 none /sys/fs/cgroup && exec crun --root \"$1/state\" --cgroup-manager=disabled run -b \"$1\" \"$2\"";
    let name = format!("stockade-test-{}", std::process::id());
    let shown = place.display().to_string();
    let theirs = root.bare(&["unshare", "--mount", "sh", "-c", script, "sh", &shown, &name]).run();
    theirs.ends(0);
    let probe = place.join("rootfs/calls").display().to_string();
    let ours = root.confined(&["-P", &policy]).words(&[&probe]).run();
    ours.ends(0);

    let (theirs, ours) = (answers(&theirs.stdout), answers(&ours.stdout));
    assert!(theirs.len() > 400 && theirs.keys().eq(ours.keys()), "{} and {} answers", theirs.len(), ours.len());
    for (number, theirs) in theirs {
        let ours = ours[&number];
        assert!(
            theirs == ours,
            "{number} ({:?}): {theirs} under crun, {ours} here",
            calls::name(Arch::native(), number)
        );
    }
}
