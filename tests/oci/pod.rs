//! `stockade run --pod`: the container's profile holds, beside policies.

use std::os::unix::fs::symlink;

use crate::kit::{people, verbs};

const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  annotations:
    seccomp.security.alpha.kubernetes.io/pod: localhost/no-syslog.json
    container.seccomp.security.alpha.kubernetes.io/free: unconfined
spec:
  containers:
  - name: web
    securityContext: {seccompProfile: {type: Localhost, localhostProfile: no-socket.json}}
  - name: old
  - name: free
  - name: link
    securityContext: {seccompProfile: {type: Localhost, localhostProfile: link.json}}
";

fn refuses(call: &str) -> String {
    format!(
        r#"{{"defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{{"names": ["{call}"], "action": "SCMP_ACT_ERRNO", "errnoRet": 16}}]}}"#
    )
}

#[test]
fn the_profile_of_the_container_holds_beside_policies() {
    for who in people() {
        let place = who.place("pod");
        who.file(&place.join("no-socket.json"), refuses("socket"));
        who.file(&place.join("no-syslog.json"), refuses("getppid"));
        symlink("no-socket.json", place.join("link.json")).expect("a link");
        let pod = who.file(&place.join("pod.yaml"), POD).display().to_string();
        let root = place.display().to_string();
        let run = |file: &str, name: &str, more: &[&str]| {
            let words = ["--pod", file, "--container", name, "--seccomp-root", &root];
            who.confined(&[&words[..], more].concat()).words(&verbs(&["socket 1 1 0"])).run()
        };
        assert_eq!(run(&pod, "web", &[]).answer("socket"), "EBUSY");
        assert_eq!(run(&pod, "old", &[]).answer("socket"), "ok");
        assert_eq!(run(&pod, "free", &[]).answer("socket"), "ok");
        // What -p refuses stays refused.
        assert_eq!(run(&pod, "old", &["-p", "SystemCallFilter=~socket:EACCES"]).answer("socket"), "EACCES");

        let fails = |file: &str, name: &str, more: &[&str], why: &str| {
            let outcome = run(file, name, more);
            assert!(outcome.to_string().contains(why), "{why}: {outcome}");
            assert!(!outcome.to_string().contains("socket 1 1 0 ok"), "{outcome}");
        };
        fails(&pod, "nobody", &[], "there are: web, old, free, link");
        fails(&pod, "link", &[], "is a symbolic link");
        fails(&pod, "web", &["-p", "SeccompProfile=RuntimeDefault"], "a seccomp profile is named here");
        let up = POD.replace("no-socket.json", "../pod/no-socket.json");
        let up = who.file(&place.join("up.yaml"), up).display().to_string();
        fails(&up, "web", &[], "does not stay below");
        let none = who.file(&place.join("none.yaml"), "kind: Pod\nspec: {containers: [{name: web}]}\n");
        let outcome = run(&none.display().to_string(), "web", &[]);
        assert_eq!(outcome.answer("socket"), "ok");
        assert!(outcome.to_string().contains("names no seccomp profile for web: Unconfined"), "{outcome}");
    }
}
