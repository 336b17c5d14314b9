//! `stockade why`: its answers are what a probe observes in a run under the same policy.

mod kit;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kit::{Outcome, Who, host_has, people, roots, say};

/// What is done, and the probe's verb for it.
const OPERATIONS: [(&str, &str); 5] =
    [("read", "read"), ("write", "write"), ("create", "touch"), ("remove", "unlink"), ("execute", "exec")];

/// Pieces that policies are put together from; `@` is the directory of the case.
const PIECES: &[&str] = &[
    "ReadOnlyPaths=@",
    "ReadOnlyPaths=@/in",
    "ReadWritePaths=@/in",
    "InaccessiblePaths=@/in",
    "InaccessiblePaths=@/file",
    "NoExecPaths=@",
    "ExecPaths=@/in",
    "TemporaryFileSystem=@/in:ro",
    "BindReadOnlyPaths=@/file:@/in/file",
    "ProtectSystem=strict",
    "SystemCallFilter=~unlink unlinkat",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=~@file-system:ENOSYS",
    "Landlock.Read=@ /usr /lib",
    "Landlock.ReadExecute=/",
    "Landlock.ReadWrite=@/in",
    "CapabilityBoundingSet=",
    "PrivateTmp=no",
    "PrivateDevices=yes",
];

/// A small generator (xorshift): the cases are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("small")
    }
}

/// A directory with something of each kind in it.
fn tree(who: &Who, name: &str) -> std::path::PathBuf {
    let place = who.place(name);
    fs::create_dir(place.join("in")).expect("a directory");
    who.own(&place.join("in"));
    for file in ["file", "in/file", "in/secret"] {
        let path = who.file(&place.join(file), "#!/bin/true\n");
        let mode = if file.ends_with("secret") { 0o000 } else { 0o755 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    }
    std::os::unix::fs::symlink("in/file", place.join("link")).expect("a link");
    place
}

fn options(dice: &mut Dice, place: &Path) -> Vec<String> {
    let mut options = vec!["-p".to_owned(), "Environment=A=b".to_owned()];
    for _ in 0..=dice.below(3) {
        let piece = PIECES[dice.below(PIECES.len())].replace('@', &place.display().to_string());
        if !piece.starts_with("Landlock") || host_has("landlock") {
            options.extend(["-p".to_owned(), piece]);
        }
    }
    options
}

fn why(who: &Who, options: &[String], question: &[&str]) -> Outcome {
    who.stockade(&["why"]).words(options).words(question).words(&["--json"]).run()
}

fn answer(outcome: &Outcome) -> serde_json::Value {
    let value: serde_json::Value =
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}{outcome}"));
    value[0].clone()
}

#[test]
fn answers_about_paths_are_what_a_probe_observes() {
    if !host_has("userns") {
        return;
    }
    let mut dice = Dice(0x5bd1_e995_7b93_1c6d);
    let (mut allowed, mut denied, mut refused) = (0, 0, 0);
    for who in people() {
        for _ in 0..45 {
            let place = tree(&who, "why");
            let options = options(&mut dice, &place);
            // The probe itself must be startable.
            let started = who.confined(&options).words(&kit::verbs(&["pid"])).run();
            if !started.status.success() {
                refused += 1;
                continue;
            }
            for _ in 0..4 {
                let (operation, verb) = OPERATIONS[dice.below(OPERATIONS.len())];
                let names: &[&str] =
                    if operation == "create" { &["new", "in/new"] } else { &["file", "in/file", "in/secret", "link"] };
                let path = place.join(names[dice.below(names.len())]).display().to_string();
                let told = why(&who, &options, &["--path", &path, "--op", operation]);
                let answer = answer(&told);
                // The probe's `write` makes what is missing.
                let verb = if operation == "write" && answer["error"] == "ENOENT" { "read" } else { verb };
                let seen = who.confined(&options).words(&kit::verbs(&[&format!("{verb} {path}")])).run();
                let seen_text = seen.stdout.trim().to_owned();
                let error = answer["error"].as_str().unwrap_or("ok");
                let expected = if error == "ok" { (0, "ok") } else { (1, error) };
                assert_eq!(told.status.code(), Some(expected.0), "{told}");
                let right = seen_text.contains(expected.1)
                    || (error == "SIGSYS" && std::os::unix::process::ExitStatusExt::signal(&seen.status) == Some(31))
                    || (error == "ok" && seen_text.contains(": empty"))
                    // The C library tries faccessat and others first; a file without an interpreter is none of the policy's.
                    || (error == "ok" && operation == "execute" && seen_text.contains("ENOEXEC"));
                assert!(right, "expected {error}\n{told}{seen}");
                if error == "ok" {
                    allowed += 1;
                } else {
                    denied += 1;
                }
                // What was made or removed is made good.
                fs::remove_file(place.join("new")).ok();
                fs::remove_file(place.join("in/new")).ok();
                if operation == "remove" && error == "ok" {
                    break;
                }
            }
        }
    }
    say(&format!("why: {allowed} allowed, {denied} denied, {refused} policies that cannot run"));
    assert!(allowed > 20 && denied > 20, "{allowed} allowed, {denied} denied");
}

#[test]
fn a_proposed_change_allows_what_was_denied() {
    if !host_has("userns") {
        return;
    }
    for who in people() {
        let place = tree(&who, "change");
        let at = |name: &str| place.join(name).display().to_string();
        let cases: &[(&[&str], &str, &str, &str)] = &[
            (&[&format!("ReadOnlyPaths={}", place.display())], "file", "write", "EROFS"),
            (&[&format!("NoExecPaths={}", place.display())], "file", "execute", "EACCES"),
            (&["SystemCallFilter=~unlink unlinkat", "SystemCallErrorNumber=EPERM"], "file", "remove", "EPERM"),
            (&["ProtectSystem=strict"], "new", "create", "EROFS"),
        ];
        for (properties, name, operation, error) in cases {
            let options: Vec<String> = properties.iter().flat_map(|one| ["-p".to_owned(), (*one).to_owned()]).collect();
            let path = at(name);
            let question = ["--path", &path, "--op", operation];
            let told = why(&who, &options, &question);
            let answer = answer(&told);
            assert_eq!(answer["error"], *error, "{told}");
            assert_eq!(answer["reasons"][0]["by"][0]["source"], "-p", "{told}");
            let flag = answer["change"][0]["flag"].as_str().unwrap_or_else(|| panic!("{told}"));
            let property = flag.trim_start_matches("-p ").trim_matches('\'').to_owned();
            let mut options = options.clone();
            options.extend(["-p".to_owned(), property]);
            why(&who, &options, &question).ends(0);
            let verb = OPERATIONS.iter().find(|(word, _)| word == operation).expect("known").1;
            let seen = who.confined(&options).words(&kit::verbs(&[&format!("{verb} {path}")])).run();
            assert!(seen.stdout.contains("ok") || seen.stdout.contains("ENOEXEC"), "{flag}{seen}");
            fs::remove_file(place.join("new")).ok();
        }
    }
}

#[test]
fn calls_addresses_and_capabilities_are_answered() {
    for who in people() {
        let ask = |words: &[&str]| who.stockade(&["why"]).words(words).run();
        let told = ask(&["-p", "SystemCallFilter=~bpf", "-p", "SystemCallErrorNumber=EPERM", "--syscall", "bpf"]);
        told.ends(1);
        assert!(told.stdout.starts_with("bpf: denied, the program sees EPERM\n"), "{told}");
        assert!(told.stdout.contains("SystemCallFilter at -p SystemCallFilter=~bpf"), "{told}");
        ask(&["-p", "SystemCallFilter=~bpf", "--syscall", "getpid"]).ends(0);
        let told = ask(&["-p", "RestrictAddressFamilies=AF_UNIX", "--syscall", "socket(AF_NETLINK, SOCK_RAW, 0)"]);
        told.ends(1);
        assert!(told.stdout.contains("EAFNOSUPPORT"), "{told}");
        let told = ask(&["-p", "CapabilityBoundingSet=", "--capability", "net_admin"]);
        told.ends(1);
        assert!(told.stdout.contains("CAP_NET_ADMIN"), "{told}");
        if host_has("landlock") {
            let told = ask(&["-p", "Landlock.ConnectTCP=80", "--connect", "10.0.0.1:443"]);
            told.ends(1);
            assert!(told.stdout.contains("or -p Landlock.ConnectTCP=443\n"), "{told}");
            ask(&["-p", "Landlock.ConnectTCP=80", "--connect", "10.0.0.1:80"]).ends(0);
        }
        ask(&["-p", "NoNewPrivileges=yes"]).ends(64);
        ask(&["-p", "NoNewPrivileges=yes", "--connect", "example.org:80"]).ends(64);
    }
}

#[test]
fn access_control_lists_and_other_calls_are_reckoned_with() {
    for who in people() {
        let place = who.place("acl");
        let file = who.file(&place.join("file"), "x");
        let asked = file.display().to_string();
        let words = ["-p", "SystemCallFilter=~openat2", "-p", "SystemCallErrorNumber=EACCES", "--path", &asked];
        let told = who.stockade(&["why"]).words(&words).run();
        told.ends(0);
        assert!(told.stdout.contains("note: the filter denies openat2 (EACCES)"), "{told}");
        let words = ["-p", "SystemCallFilter=~openat", "-p", "SystemCallErrorNumber=EACCES", "--path", &asked];
        let told = who.stockade(&["why"]).words(&words).run();
        told.ends(1);
        assert!(told.stdout.contains("note: the filter does not deny openat2, which some programs use"), "{told}");
        let told = who.stockade(&["why", "-p", "NoNewPrivileges=yes", "--path", &asked]).run();
        assert!(!told.stdout.contains("note:"), "{told}");
    }
    // Who makes a file of another user's.
    let Some(root) = roots().pop() else { return };
    let Some(user) = people().into_iter().find(|who| !who.is_root()) else { return };
    let place = root.place("lists");
    let file = place.join("file");
    fs::write(&file, "x").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    let path = file.display().to_string();
    let ask = || {
        let told = user.stockade(&["why", "-p", "NoNewPrivileges=yes", "--path", &path]).run();
        let seen = user.confined(&["-p", "NoNewPrivileges=yes"]).words(&kit::verbs(&[&format!("read {path}")])).run();
        assert_eq!(told.status.success(), seen.stdout.contains("ok"), "{told}{seen}");
        told
    };
    ask().ends(1);
    // Tag, bits and id of each entry; the last is the mask's bits.
    let list = |bits: u16, mask: u16| {
        let mut value = 2_u32.to_le_bytes().to_vec();
        let none = u32::MAX;
        for (tag, bits, id) in [(1, 6, none), (2, bits, user.uid), (4, 0, none), (16, mask, none), (32, 0, none)] {
            let tag: u16 = tag;
            value.extend([&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat());
        }
        value
    };
    for (bits, mask, status) in [(4, 4, 0), (4, 0, 1), (2, 6, 1), (6, 4, 0)] {
        let numbers: Vec<String> = list(bits, mask).iter().map(u8::to_string).collect();
        let program =
            "import os, sys; os.setxattr(sys.argv[1], 'system.posix_acl_access', bytes(map(int, sys.argv[2:])))";
        let set = root.bare(&["python3", "-c", program, &path]).words(&numbers).run();
        if !set.status.success() {
            say("why: lists not run: there is no python3, or the file system has none");
            return;
        }
        let told = ask();
        told.ends(status);
        assert!(status == 0 || told.stdout.contains("with an access control list"), "{told}");
    }
}

/// The kernel's Landlock has scopes: Linux 6.12.
fn scopes() -> bool {
    host_has("landlock") && kit::kernel() >= (6, 12)
}

#[test]
fn what_is_outside_is_answered_as_it_is_seen() {
    for who in people() {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::process::CommandExt;
        let name = format!("stockade-why-{}-{}", std::process::id(), who.uid);
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
        let _listener = std::os::unix::net::UnixListener::bind_addr(&address).expect("a socket");
        let mut outer = std::process::Command::new("sleep").arg("100").uid(who.uid).spawn().expect("sleep");
        let (socket, pid) = (format!("@{name}"), outer.id().to_string());
        let cases: &[(&[&str], i32, i32)] = &[
            (&["Landlock.Scope=abstract-unix-socket"], 1, 0),
            (&["Landlock.Scope=signal"], 0, 1),
            (&["Landlock.Scope=signal abstract-unix-socket"], 1, 1),
            (&["PrivatePIDs=yes"], 0, 1),
            (&["PrivateNetwork=yes"], 1, 0),
            (&["SystemCallFilter=~kill", "SystemCallErrorNumber=EPERM"], 0, 1),
            (&["NoNewPrivileges=yes"], 0, 0),
        ];
        for (properties, connects, signals) in cases {
            let scoped = properties[0].starts_with("Landlock");
            if scoped && !scopes() || properties[0].starts_with("Private") && !who.is_root() && !host_has("userns") {
                say(&format!("why: not run: {properties:?}"));
                continue;
            }
            let options: Vec<String> = properties.iter().flat_map(|one| ["-p".to_owned(), (*one).to_owned()]).collect();
            let told = why(&who, &options, &["--connect", &socket]);
            told.ends(*connects);
            let seen = who.confined(&options).words(&kit::verbs(&[&format!("abstract {name}")])).run();
            assert_eq!(*connects == 0, seen.stdout.contains("ok"), "{properties:?}{told}{seen}");
            let told = why(&who, &options, &["--signal", &pid]);
            told.ends(*signals);
            let seen = who.confined(&options).words(&kit::verbs(&[&format!("kill {pid} 0")])).run();
            assert_eq!(*signals == 0, seen.stdout.contains("ok"), "{properties:?}{told}{seen}");
            if scoped && *signals == 1 {
                let answer = answer(&told);
                assert_eq!((&answer["error"], &answer["reasons"][0]["layer"]), (&"EPERM".into(), &"landlock".into()));
                assert_eq!(answer["change"][0]["flag"], "-p Landlock.Scope=", "{told}");
                // The other scope is kept.
                let kept = answer["change"][1]["flag"].as_str();
                let other = properties[0].contains("abstract").then_some("-p Landlock.Scope=abstract-unix-socket");
                assert_eq!(kept, other, "{told}");
            }
        }
        outer.kill().expect("it is ours");
        outer.wait().expect("it is ours");
    }
}

#[test]
fn limits_are_named() {
    for who in people() {
        let limits = ["LimitNOFILE=20", "LimitNPROC=7", "LimitFSIZE=4K", "LimitAS=infinity"];
        let options: Vec<String> = limits.iter().flat_map(|one| ["-p".to_owned(), (*one).to_owned()]).collect();
        let ask = |words: &[&str]| who.stockade(&["why"]).words(&options).words(words).run();
        let told = ask(&["--syscall", "clone"]);
        told.ends(0);
        assert!(told.stdout.contains("note: clone fails with EAGAIN where its user has 7 processes"), "{told}");
        assert!(told.stdout.contains("(LimitNPROC at -p LimitNPROC=7"), "{told}");
        let told = ask(&["--path", "/tmp", "--op", "list"]);
        assert!(told.stdout.contains("fails with EMFILE where 20 descriptors are open"), "{told}");
        let told = ask(&["--path", "/tmp/why", "--op", "create"]);
        assert!(told.stdout.contains("would grow beyond 4096 bytes"), "{told}");
        let told = ask(&["--syscall", "mmap", "--syscall", "getpid"]);
        assert!(!told.stdout.contains("note:"), "{told}");
    }
}
