//! The first five minutes: what people type out of habit, and what they are told.

mod kit;

use std::fs;

use kit::{Who, people};

/// `stockade` with these words fails with this status, and tells all of these.
#[track_caller]
fn told(who: &Who, words: &[&str], status: i32, parts: &[&str]) {
    let outcome = who.stockade(words).inside(&who.place("words")).run();
    outcome.ends(status);
    for part in parts {
        outcome.complains(part);
    }
}

#[test]
fn a_file_of_the_directory_is_named_by_its_ending_and_never_by_its_name() {
    for who in people() {
        let place = who.place("ending");
        let run =
            |words: &[&str]| who.stockade(&["run"]).words(words).words(&["sh", "-c", "echo $A"]).inside(&place).run();
        who.file(&place.join("here.toml"), "Environment = ['A=from the file']\n");
        run(&["-P", "here.toml"]).ends(0).says("from the file");
        run(&["-P", "none", "-P", "here.toml"]).ends(0).says("from the file");
        run(&["-P", "here"]).ends(78).complains("there is no profile `here`");
        run(&["-P", "here"]).complains("to use the file of that name: ./here.toml");
        run(&["-P", "gone.toml"]).ends(78).complains("cannot read the policy `./gone.toml`");
        // A profile's name is the profile's, whatever lies here.
        who.file(&place.join("none.toml"), "Environment = ['A=from the file']\n");
        who.file(&place.join("none"), "Environment = ['A=from the file']\n");
        assert!(!run(&["-P", "none"]).ends(0).stdout.contains("from the file"));
        // Who could have written it is asked as with any other path.
        let open = who.file(&place.join("open.toml"), "Environment = ['A=from the file']\n");
        fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("a mode");
        run(&["-P", "open.toml"]).ends(78).complains("open.toml").runs_nothing();
        for verb in ["check", "show", "explain", "filter", "analyze"] {
            who.stockade(&[verb, "here.toml"]).inside(&place).run().ends(0);
        }
        let why = who.stockade(&["why", "here.toml", "--syscall", "read"]).inside(&place).run();
        why.ends(0).says("read: allowed");
    }
}

/// What a node's administrator has at hand: profiles in JSON, and manifests in YAML.
const POD: &str = "kind: Pod\nspec:\n  securityContext:\n    seccompProfile: {type: Localhost, localhostProfile: a.json}\n  \
                   containers: [{name: web}]\n";

/// Two of the security-profiles-operator's objects.
const TWO: &str = "kind: SeccompProfile\nmetadata: {name: one}\nspec: {defaultAction: SCMP_ACT_LOG}\n---\n\
                   kind: SeccompProfile\nmetadata: {name: two}\nspec: {defaultAction: SCMP_ACT_TRAP}\n";

#[test]
fn container_engines_files_are_led_to_their_verb() {
    for who in people() {
        let place = who.place("engines");
        for (name, text) in [
            ("web.json", "{\"defaultAction\": \"SCMP_ACT_LOG\"}"),
            ("pod.yaml", POD),
            ("two.yaml", TWO),
            ("map.yaml", "kind: ConfigMap\ndata: {a.json: '{}'}\n"),
        ] {
            who.file(&place.join(name), text);
        }
        let run = |words: &[&str]| who.stockade(words).inside(&place).run();
        let named = run(&["run", "-P", "web.json", "true"]);
        named.ends(78).complains("-p SeccompProfile=./web.json").complains("stockade import oci ./web.json");
        run(&["import", "web.json"]).ends(64).complains("the format comes before the file");
        run(&["import", "oci", "pod.yaml"]).ends(78).complains("is YAML").complains("import kubernetes");
        run(&["import", "kubernetes", "pod.yaml"]).ends(78).complains("elsewhere: --root DIRECTORY");
        let pod = run(&["run", "--pod", "pod.yaml", "--container", "web", "true"]);
        pod.ends(78).complains("cannot read the file `/var/lib/kubelet").complains("--seccomp-root DIRECTORY");
        run(&["import", "spo", "two.yaml"]).ends(64).complains("say which: --profile NAME (one, two)");
        run(&["import", "spo", "--profile", "two", "two.yaml"]).ends(0).says("Default = \"trap\"");
        run(&["import", "spo", "--profile", "six", "two.yaml"]).ends(78).complains("there are: one, two");
        run(&["import", "spo", "map.yaml"]).ends(78).complains("a ConfigMap keeps profiles as text");
    }
}

#[test]
fn words_of_other_tools_are_answered_with_ours() {
    let who = &people()[0];
    told(who, &["run", "--ro-bind", "/", "/", "ls"], 64, &["`--ro-bind` is not an option", "-p BindReadOnlyPaths="]);
    told(who, &["run", "--net=none", "ls"], 64, &["firejail's --net", "-p PrivateNetwork=yes"]);
    told(who, &["run", "--strict", "ls"], 64, &["-P strict"]);
    told(who, &["run", "--explain", "ls"], 64, &["did you mean `--explain-denials`?"]);
    told(who, &["list"], 64, &["`list` is neither a verb nor a policy file", "stockade show --list"]);
    told(who, &["-P", "strict", "ls"], 64, &["`-P` stands where a verb belongs", "stockade run -P"]);
    told(who, &["sort", "x"], 64, &["stockade run -P strict -- sort ..."]);
    told(who, &["run", "-it", "debian", "sh"], 64, &["docker's -i is here"]);
    told(who, &["run", "--help=x"], 64, &["`--help` of `stockade run` takes no value, and `x` is one"]);
    told(
        who,
        &["run", "--verbose=yes", "ls"],
        64,
        &["`--verbose` of `stockade run` takes no value", "write --verbose alone"],
    );
    told(who, &["--version=3"], 64, &["`--version` of `stockade` takes no value"]);
    told(who, &["run", "--ProtectHome=yes", "ls"], 64, &["a directive is set by -p: -p ProtectHome=VALUE"]);
    told(who, &["import", "docker", "x.json"], 64, &["FORMAT: `docker` is none of its values", "did you mean `oci`?"]);
}

#[test]
fn a_word_in_the_wrong_place_is_told_its_own() {
    let who = &people()[0];
    told(who, &["run", "strict", "ls"], 64, &["no policy was given", "for example: stockade run -P strict -- ls ..."]);
    told(who, &["run", "ls", "-l"], 64, &["for example: stockade run -P strict -- ls ..."]);
    told(who, &["run", "-p", "strict", "ls"], 64, &["there is no `=` here", "-P strict"]);
    told(who, &["run", "-p", "PrivateTmp = yes", "ls"], 64, &["write it without: -p PrivateTmp=yes"]);
    told(who, &["run", "-P", "strict,build", "ls"], 78, &["-P strict -P build"]);
    told(who, &["run", "-P", "strict.toml", "ls"], 78, &["a profile is named without a path and an ending: strict"]);
    told(who, &["run", "-P", ".", "ls"], 78, &["and `.` is a directory"]);
    told(who, &["run", "-P"], 64, &["`--policy <NAME|FILE>` is given without a value", "`stockade run -h`"]);
    told(who, &["filter", "--pid", "x"], 64, &["--pid: `x` is not a number"]);
    told(who, &["why", "strict", "--op", "raed", "--path", "/"], 64, &["`raed` is none", "did you mean `read`?"]);
    told(who, &["why", "strict", "--capability", "NET_ADMN"], 64, &["did you mean `CAP_NET_ADMIN`?"]);
    told(who, &["import", "oci", "gone.json"], 1, &["cannot read gone.json: no such file or directory\n"]);
}

#[test]
fn help_is_had_in_every_order_of_the_words() {
    let who = &people()[0];
    let help = |words: &[&str]| who.stockade(words).run().ends(0).stdout.clone();
    let long = help(&["run", "--help"]);
    assert_eq!(help(&["help", "run"]), long);
    assert_eq!(help(&["--help", "run"]), long);
    assert_eq!(help(&["-h", "run"]), help(&["run", "-h"]));
    told(who, &["help", "rum"], 64, &["`rum` is neither a verb", "did you mean `run`?"]);
    told(who, &["help", "ls"], 64, &["`ls` is neither a verb"]);
}

#[test]
fn help_has_no_marks_of_the_manual_and_no_long_lines() {
    let who = &people()[0];
    let top = who.stockade(&["help"]).run().ends(0).stdout.clone();
    let (_, verbs) = top.split_once("Commands:\n").expect("the verbs");
    for verb in verbs.lines().map_while(|line| line.split_whitespace().next()).filter(|verb| *verb != "help") {
        let long = who.stockade(&[verb, "--help"]).run().ends(0).stdout.clone();
        for line in long.lines() {
            let marked = line.split(' ').any(|word| word.len() > 2 && (word.starts_with('*') || word.starts_with('_')));
            assert!(!marked, "{verb}: {line}");
        }
        // What stands in front of the options; examples can be long.
        let (about, _) = long.split_once("\nUsage:").expect("a usage");
        assert!(about.lines().all(|line| line.len() <= 100), "{verb}: {about}");
        assert!(long.contains("Examples:\n"), "{verb} has no example");
        let short = who.stockade(&[verb, "-h"]).run().ends(0).stdout.clone();
        assert!(short.contains(&format!("For example: stockade {verb}")), "{verb}: {short}");
        assert!(short.lines().count() <= 40, "{verb}: {short}");
    }
}

#[test]
fn a_file_of_another_tool_is_told_what_takes_it() {
    for who in people() {
        let place = who.place("other");
        let run = |words: &[&str]| who.stockade(words).inside(&place).run();
        let check = |file: &str, parts: &[&str]| {
            let told = run(&["check", file]).ends(78).stdout.clone();
            assert!(parts.iter().all(|part| told.contains(part)), "{file}: {told}");
        };
        who.file(&place.join("web.service"), "[Unit]\nDescription=a b\n[Service]\nUser=nobody\n");
        who.file(&place.join("docker.json"), "{\n \"defaultAction\": \"SCMP_ACT_ERRNO\"\n}\n");
        who.file(&place.join("pod.yaml"), "apiVersion: v1\nkind: Pod\n");
        who.file(&place.join("x.sh"), "#!/bin/sh\necho a; b\n");
        run(&["run", "-P", "./web.service", "ls"]).ends(78).complains("stockade run --unit ./web.service");
        run(&["./web.service"]).ends(78).complains("`./web.service` is a unit of systemd's").runs_nothing();
        check("./docker.json", &["stockade import oci ./docker.json", "-p SeccompProfile=./docker.json"]);
        check("./pod.yaml", &["stockade run --pod ./pod.yaml"]);
        run(&["./x.sh"]).ends(78).complains("stockade run -P strict -- ./x.sh").runs_nothing();
        run(&["/bin/sh"]).ends(78).complains("`/bin/sh` is a program, and not a policy");
        // All that is wrong in one list, and words without their quotes.
        who.file(&place.join("list.toml"), "SystemCallFilter = ['@system-services', 'opne']\n");
        check("./list.toml", &["did you mean `@system-service`?", "did you mean `open`?"]);
        who.file(&place.join("bare.toml"), "PrivateTmp = yes\nPrivateNetwork = True\n");
        check("./bare.toml", &["write it as \"yes\"", "neither `true` nor `false`"]);
        who.file(&place.join("way.toml"), "Extends = ['./gone.toml']\n");
        check("./way.toml", &["the policy `./gone.toml`: no such file"]);
    }
}

#[test]
fn a_program_that_cannot_be_executed_is_told_why() {
    use std::os::unix::fs::PermissionsExt as _;
    for who in people() {
        let place = who.place("program");
        let executable = |name: &str, text: &str| {
            let path = who.file(&place.join(name), text);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
        };
        executable("windows", "#!/bin/sh\r\necho x\r\n");
        executable("lost", "#!/no/such/interpreter -x\n");
        executable("bare", "echo x\n");
        who.file(&place.join("plain.sh"), "#!/bin/sh\n");
        for (word, status, part) in [
            ("./windows", 127, "carriage return"),
            ("./lost", 127, "`/no/such/interpreter`, which is not there"),
            ("./bare", 126, "no `#!` line"),
            ("./plain.sh", 126, "chmod +x ./plain.sh"),
            ("/usr", 126, "`/usr` is a directory"),
            ("bare", 127, "./bare"),
            ("cd", 127, "sh -c 'cd ...'"),
            ("ls -la", 127, "leave the quotes out"),
            ("", 127, "its first word is empty"),
        ] {
            for policy in ["strict", "none"] {
                let outcome = who.stockade(&["run", "-P", policy, "--", word]).inside(&place).run();
                outcome.ends(status).complains(part).runs_nothing();
            }
        }
        if who.is_root() {
            // A file whose capabilities the bounding set lacks.
            let file = place.join("capable");
            fs::copy("/bin/true", &file).expect("a copy");
            // Revision 2, effective; permitted is CAP_NET_RAW (capabilities(7), linux/capability.h).
            let set = "import os, struct, sys\n\
                os.setxattr(sys.argv[1], 'security.capability', struct.pack('<IIIII', 0x02000001, 1 << 13, 0, 0, 0))";
            let set = std::process::Command::new("python3").args(["-c", set]).arg(&file).status();
            assert!(set.expect("python3").success());
            let outcome = who.stockade(&["run", "-P", "strict", "--", "./capable"]).inside(&place).run();
            outcome.ends(126).complains("operation not permitted").complains("getcap ./capable").runs_nothing();
        }
    }
}

#[test]
fn what_is_missing_is_told_with_an_example() {
    let who = &people()[0];
    told(who, &["run"], 64, &["`stockade run` needs <COMMAND>...", "for example: stockade run -P strict -- "]);
    told(who, &["run", "ls"], 64, &["no policy was given", "-P strict"]);
    told(
        who,
        &["learn", "ls"],
        64,
        &["needs --output <POLICY>", "for example: stockade learn -o sort.toml -- sort words.txt"],
    );
    told(who, &["why", "-P", "strict", "/etc/passwd"], 64, &["nothing was asked", "--path /etc/passwd"]);
    told(who, &["why", "strict"], 64, &["nothing was asked", "for example: stockade why -P strict --path"]);
}
