//! Kubernetes objects: which container gets which profile, and the verbs that read and write them.

use stockade::text::kubernetes::{self, Profile};

use crate::kit::{Outcome, Who, people};
use crate::{messages, source};

/// Every container with its profile, or the faults.
fn containers(text: &str) -> Result<Vec<(String, Option<Profile>)>, String> {
    let source = source("pod.yaml", text);
    let objects = kubernetes::parse(&source).map_err(|faults| messages(&faults).join("\n"))?;
    let pair = |container: kubernetes::Container| (container.name, container.profile.map(|(profile, _)| profile));
    Ok(objects.containers.into_iter().map(pair).collect())
}

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    seccomp.security.alpha.kubernetes.io/pod: localhost/old.json
    container.seccomp.security.alpha.kubernetes.io/noted: unconfined
spec:
CONTEXT
  initContainers:
  - name: first
    image: x
  containers:
  - name: own
    securityContext: {seccompProfile: {type: Localhost, localhostProfile: profiles/own.json}}
  - name: noted
";

#[test]
fn containers_count_before_pods_and_fields_before_annotations() {
    let local = |name: &str| Some(Profile::Localhost(name.into()));
    let named = |name: &str, profile| (name.to_owned(), profile);
    let with = "  securityContext:\n    seccompProfile:\n      type: RuntimeDefault";
    assert_eq!(
        containers(&POD.replace("CONTEXT", with)),
        Ok(vec![
            named("first", Some(Profile::RuntimeDefault)),
            named("own", local("profiles/own.json")),
            named("noted", Some(Profile::RuntimeDefault)),
        ])
    );
    assert_eq!(
        containers(&POD.replace("CONTEXT", "")),
        Ok(vec![
            named("first", local("old.json")),
            named("own", local("profiles/own.json")),
            named("noted", Some(Profile::Unconfined)),
        ])
    );
}

#[test]
fn templates_lists_and_pieces_are_read() {
    let template = "spec: {securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: a}]}";
    let expected = Ok(vec![("a".to_owned(), Some(Profile::Unconfined))]);
    for text in [
        format!("kind: Deployment\nspec:\n  template:\n    {template}"),
        format!("kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        {template}"),
        format!("kind: PodTemplate\ntemplate:\n  {template}"),
        format!("kind: List\nitems:\n- kind: Service\n  spec: {{}}\n- kind: Pod\n  {template}"),
        format!("kind: Service\nspec: {{}}\n---\nkind: Pod\n{template}"),
    ] {
        assert_eq!(containers(&text), expected, "{text}");
    }
    let piece = "securityContext:\n  seccompProfile:\n    type: Localhost\n    localhostProfile: profiles/audit.json\n";
    assert_eq!(containers(piece), Ok(vec![(String::new(), Some(Profile::Localhost("profiles/audit.json".into())))]));
    let json = "{\"kind\": \"Pod\", \"metadata\": {\"annotations\": {\"seccomp.security.alpha.kubernetes.io/pod\": \
                \"docker/default\"}}, \"spec\": {\"containers\": [{\"name\": \"a\"}]}}";
    assert_eq!(containers(json), Ok(vec![("a".into(), Some(Profile::RuntimeDefault))]));
    assert_eq!(containers("kind: Pod\nspec: {containers: [{name: a}]}"), Ok(vec![("a".into(), None)]));
}

#[test]
fn what_kubernetes_would_refuse_is_a_fault() {
    for (profile, message) in [
        ("{type: Localhos}", "`Localhos` is not a type of profile"),
        ("{type: Localhost}", "needs a `localhostProfile`"),
        ("{type: RuntimeDefault, localhostProfile: a.json}", "stands beside the type RuntimeDefault"),
        ("{localhostProfile: a.json}", "has no `type`"),
        ("{type: Localhost, localhostProfile: ../a.json}", "does not stay below"),
        ("{type: Localhost, localhostProfile: /etc/a.json}", "does not stay below"),
        ("{type: Localhost, localhostProfile: a/./b.json}", "does not stay below"),
        ("[]", "is a table, not a list"),
    ] {
        let found = containers(&format!("securityContext:\n  seccompProfile: {profile}")).expect_err(profile);
        assert!(found.contains(message), "{profile}: {found}");
    }
    let note = "metadata:\n  annotations:\n    seccomp.security.alpha.kubernetes.io/pod: ";
    assert!(containers(&format!("{note}localhost/../x")).expect_err("out").contains("does not stay below"));
    assert!(containers(&format!("{note}none")).expect_err("a word").contains("`none` is not a profile"));
    let source =
        source("pod.yaml", "metadata:\n  annotations:\n    container.security.alpha.kubernetes.io/a: unconfined");
    let objects = kubernetes::parse(&source).expect("readable");
    assert!(objects.warnings[0].help[0].contains("container.seccomp.security.alpha.kubernetes.io/a"));
}

#[test]
fn operators_profiles_are_oci_profiles_and_a_little_more() {
    let text = |more: &str| {
        format!(
            "apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nmetadata: {{name: web}}\nspec:\n\
             \x20 defaultAction: SCMP_ACT_ERRNO\n{more}  syscalls:\n  - action: SCMP_ACT_ALLOW\n    names: [read, write]\n"
        )
    };
    let read = source("web.yaml", &text("  state: Enabled\n"));
    let objects = kubernetes::parse(&read).expect("an object");
    assert_eq!((objects.profiles[0].0.as_str(), objects.profiles[0].1.rules[0].names.len()), ("web", 2));
    assert!(objects.warnings.is_empty() && objects.profiles[0].1.warnings.is_empty());
    let based = source("web.yaml", &text("  baseProfileName: runc\n"));
    let faults = kubernetes::parse(&based).expect_err("a base");
    assert!(faults[0].message.contains("rests on another one"), "{:?}", messages(&faults));
    let off = source("web.yaml", &text("  state: Disabled\n"));
    assert!(kubernetes::parse(&off).expect("an object").warnings[0].message.contains("not install"));
}

fn ran(who: &Who, words: &[&str]) -> Outcome {
    who.stockade(words).run()
}

#[test]
fn exports_are_imported_again() {
    let who = &people()[0];
    let place = who.place("formats");
    let policy = "SystemCallFilter = ['~@mount']\nSystemCallErrorNumber = 'EPERM'\nProtectHome = true\n";
    let policy = who.file(&place.join("web.toml"), policy).display().to_string();
    let mut made = Vec::new();
    for format in ["oci", "kubernetes", "spo"] {
        let printed = ran(who, &["export", format, &policy]);
        printed.ends(0).complains("not in it: ProtectHome");
        let file = who.file(&place.join(format), &printed.stdout).display().to_string();
        let imported = ran(who, &["import", format, &file]);
        imported.ends(0).quietly();
        let (_, body) = imported.stdout.split_once("\n\n").expect("a comment, then the policy");
        made.push(body.to_owned());
        let output = place.join(format!("{format}.toml")).display().to_string();
        ran(who, &["import", format, &file, "-o", &output]).ends(0);
        ran(who, &["check", &output]).ends(0);
        ran(who, &["import", format, &file, "-o", &output]).ends(1).complains("cannot write");
    }
    assert!(made[0].contains("errno:EPERM") && made.iter().all(|one| *one == made[0]), "{made:?}");
    ran(who, &["export", "oci", "none"]).ends(78).complains("filters no system calls");
    ran(who, &["export", "spo", &policy, "--name", "Web_1"]).ends(64).complains("Kubernetes object");
}

#[test]
fn pods_become_policies() {
    let who = &people()[0];
    let place = who.place("pods");
    who.file(&place.join("audit.json"), "{\"defaultAction\": \"SCMP_ACT_LOG\"}");
    std::os::unix::fs::symlink("/etc/passwd", place.join("link.json")).expect("a link");
    let root = place.display().to_string();
    let pod = |profile: &str| {
        let text = format!(
            "kind: Pod\nspec:\n  securityContext: {{seccompProfile: {profile}}}\n  containers: [{{name: a}}]\n"
        );
        who.file(&place.join("pod.yaml"), text).display().to_string()
    };
    let import =
        |file: &str, more: &[&str]| who.stockade(&["import", "kubernetes", "--root", &root, file]).words(more).run();
    let audit = import(&pod("{type: Localhost, localhostProfile: audit.json}"), &[]);
    audit.ends(0);
    assert!(audit.stdout.contains("Default = \"log\""), "{audit}");
    import(&pod("{type: Localhost, localhostProfile: link.json}"), &[]).ends(78).complains("symbolic link");
    import(&pod("{type: Localhost, localhostProfile: none.json}"), &[]).ends(78).complains("pod.yaml:3:");
    let default = import(&pod("{type: RuntimeDefault}"), &["--container", "a"]);
    default.ends(0);
    assert!(default.stdout.ends_with("\nSeccompProfile = \"RuntimeDefault\"\n"), "{default}");
    import(&pod("{type: RuntimeDefault}"), &["--container", "b"]).ends(78).complains("there are: a");
    ran(who, &["import", "oci", &root]).ends(1).complains("cannot read");
    ran(who, &["import", "oci", "--kernel", "new", &pod("{}")]).ends(64).complains("not a kernel's version");
    ran(who, &["import", "oci", "--caps", "nobody", &pod("{}")]).ends(64).complains("not a capability");
}
