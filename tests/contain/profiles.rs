//! The shipped profiles, whole.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use stockade::text::profiles::SHIPPED;

use crate::kit::{Outcome, Who, people, shown, verbs};

/// A profile over the probe, started in a fresh directory.
fn under(who: &Who, profile: &str, tried: &[&str]) -> Outcome {
    let place = who.place(profile);
    let run = who.confined(&["-P", profile, "-p", &shown()]).words(&verbs(tried)).inside(&place);
    run.run()
}

/// Profiles that let more through; each has a test of its own below.
const OPEN: [&str; 2] = ["container-default", "none"];

/// What no other profile lets through.
const REFUSED: [(&str, &str); 31] = [
    ("read /etc/shadow", "EACCES|ok"),
    ("write /etc/stockade-probe", "EROFS"),
    ("write /usr/stockade-probe", "EROFS"),
    ("mount /mnt", "EPERM"),
    ("remount /", "EPERM"),
    ("umount /", "EPERM"),
    ("fsopen", "EPERM"),
    ("opentree /", "EPERM"),
    ("setattr /", "EPERM"),
    ("pivot", "EPERM"),
    ("unshare user", "EPERM"),
    ("unshare net", "EPERM"),
    ("clone user", "EPERM"),
    ("clone3 user", "ENOSYS"),
    ("setns uts", "EPERM"),
    ("module", "EPERM"),
    ("finitmodule", "EPERM"),
    ("bpf", "EPERM"),
    ("perf", "EPERM"),
    ("kexec", "EPERM"),
    ("reboot", "EPERM"),
    ("swapon", "EPERM"),
    ("syslog", "EPERM"),
    ("settime", "EPERM"),
    ("adjtime", "EPERM"),
    ("hostname", "EPERM"),
    ("personality 0x0008", "EPERM"),
    ("realtime", "EPERM"),
    ("socket 40 1 0", "EAFNOSUPPORT"),
    ("socket 17 3 0", "EAFNOSUPPORT"),
    // It makes sockets that no filter sees.
    ("iouring", "EPERM|ENOSYS"),
];

fn refused(profile: &str) {
    for who in people() {
        let tried: Vec<&str> = REFUSED.iter().map(|(verb, _)| *verb).collect();
        let outcome = under(&who, profile, &tried);
        outcome.ends(0).answers(&REFUSED);
        if !who.is_root() {
            outcome.says("read: EACCES");
        }
    }
}

#[test]
fn every_profile_refuses_what_is_dangerous() {
    for (profile, _) in SHIPPED.iter().filter(|(profile, _)| !OPEN.contains(profile)) {
        refused(profile);
    }
}

/// Whatever says that there is no way.
const NO: &str = "ECONNREFUSED|ENETUNREACH|EAFNOSUPPORT|EPERM|EACCES";

#[test]
fn strict_has_no_network() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let name = format!("stockade-strict-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("the name is short");
    let socket = UnixListener::bind_addr(&address).expect("the name is free");
    let port = tcp.local_addr().expect("bound").port();
    for profile in ["strict", "build"] {
        for who in people() {
            let tried = [
                format!("connect 127.0.0.1 {port}"),
                "connect 192.0.2.1 80".to_owned(),
                "udp 192.0.2.1 53".to_owned(),
                format!("abstract {name}"),
                "socket 16 3 0".to_owned(),
                "sockethigh 16 3".to_owned(),
                "socket 2 3 1".to_owned(),
            ];
            let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
            let outcome = under(&who, profile, &tried);
            outcome.ends(0).answers(&[
                ("tcp", NO),
                ("far", NO),
                ("udp", NO),
                ("abstract", NO),
                ("netlink", "EAFNOSUPPORT"),
                ("high", "EAFNOSUPPORT"),
                ("raw", "EPERM|EAFNOSUPPORT|EACCES"),
            ]);
        }
    }
    drop((tcp, socket));
}

#[test]
fn strict_leaves_no_privilege() {
    for who in people() {
        for profile in ["strict", "build"] {
            let outcome = under(
                &who,
                profile,
                &["caps", "flags", "status Seccomp", "status Seccomp_filters", "fds", "interfaces"],
            );
            outcome
                .ends(0)
                .says("caps: eff=0 prm=0 inh=0 bnd=0 amb=0")
                .says("status: Seccomp 2")
                .says("fds: 0 1 2")
                .says("interfaces: lo");
            // One merged program, not a stack.
            outcome.says("status: Seccomp_filters 1");
            assert!(outcome.answer("flags").starts_with("nnp=1 "), "{outcome}");
        }
    }
}

#[test]
fn limits_of_others_stay() {
    for who in people() {
        let mut child = who.bare(&verbs(&["hang"])).command().spawn().expect("the probe runs");
        let other = format!("prlimit {}", child.id());
        let tried = [other.as_str(), "prlimit 0"];
        let bare = who.bare(&verbs(&tried)).run();
        let outcomes = ["strict", "build"].map(|profile| under(&who, profile, &tried));
        child.kill().ok();
        child.wait().ok();
        bare.ends(0).answers(&[("other", "ok"), ("own", "ok")]);
        for outcome in outcomes {
            outcome.ends(0).answers(&[("other", "EPERM"), ("own", "ok")]);
        }
    }
}

#[test]
fn strict_keeps_others_safe() {
    for who in people() {
        let mut child = who.bare(&verbs(&["hang"])).command().spawn().expect("the probe runs");
        let pid = child.id();
        let tried = [
            format!("ptrace {pid}"),
            format!("processvm {pid}"),
            format!("pidfdgetfd {pid}"),
            "keyctl".into(),
            "addkey".into(),
            "requestkey".into(),
        ];
        let mut tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        tried.extend(["iouring", "userfaultfd", "fanotify", "push", "pushhigh", "paste", "size", "unknown"]);
        let run = who.confined(&["-P", "strict", "-p", &shown()]).words(&verbs(&tried)).inside(&who.place("others"));
        let outcome = run.under(&["pty=1"]).run();
        child.kill().ok();
        child.wait().ok();
        let mut table: Vec<(&str, &str)> = tried.iter().map(|verb| (*verb, "EPERM")).collect();
        table[12].1 = "ok";
        table[13].1 = "ENOSYS";
        outcome.ends(0).answers(&table);
    }
}

#[test]
fn strict_writes_to_the_start_directory_where_that_is_said() {
    for who in people() {
        let place = who.place("writable");
        let here = format!("ReadWritePaths={}", place.display());
        for words in [&["-p", "ReadWritePaths=."][..], &["-p", &here]] {
            let all: Vec<&str> = ["-P", "strict"].iter().chain(words).copied().collect();
            let outcome = who.confined(&all).words(&["sh", "-c", "echo new > new"]).inside(&place).run();
            outcome.quietly().ends(0);
            assert_eq!(fs::read_to_string(place.join("new")).expect("it was written"), "new\n");
        }
        let other = ["-P", "strict", "-p", &here, "-p", "ReadOnlyPaths=."];
        let outcome = who.confined(&other).words(&["sh", "-c", "echo more > new"]).inside(&place).run();
        outcome.complains("Read-only file system");
    }
}

#[test]
fn strict_writes_only_to_its_own_tmp() {
    for who in people() {
        let place = who.place("strict");
        let run = who.confined(&["-P", "strict", "-p", &shown()]);
        let here = format!("write {}/new", place.display());
        let outcome = run
            .words(&verbs(&[
                "touch /tmp/stockade-left",
                &here,
                "write new",
                "cwd",
                "write /var/tmp/x",
                "write /dev/shm/x",
                "write /run/x",
                "write /home/x",
                "write /proc/sys/kernel/hostname",
            ]))
            .inside(&place)
            .run();
        outcome.ends(0).answers(&[
            ("tmp", "ok"),
            ("start", "EROFS"),
            ("relative", "EROFS"),
            ("cwd", place.to_str().expect("the path is UTF-8")),
            ("var/tmp", "ok|EROFS"),
            ("shm", "ok|EROFS|EACCES"),
            ("run", "EROFS|EACCES"),
            ("home", "EROFS|EACCES"),
            ("sysctl", "EROFS|EACCES"),
        ]);
        assert!(!std::path::Path::new("/tmp/stockade-left").exists());
    }
}

#[test]
fn build_writes_where_it_was_started() {
    for who in people() {
        let place = who.place("build");
        let run = who.confined(&["-P", "build", "-p", &shown()]).words(&verbs(&["touch made", "write /usr/x", "cwd"]));
        run.inside(&place).run().ends(0).answers(&[
            ("made", "ok"),
            ("usr", "EROFS"),
            ("cwd", place.to_str().expect("the path is UTF-8")),
        ]);
        assert!(place.join("made").exists());
    }
}

#[test]
fn secrets_below_the_start_directory_are_hidden() {
    for who in people() {
        // The home directory of the case: stockade is started in a project below it.
        let home = who.place("home");
        for made in ["home/.ssh", "home/project"] {
            let path = home.join(made.trim_start_matches("home/"));
            fs::create_dir(&path).expect("a directory can be made");
            who.own(&path);
        }
        let key = who.file(&home.join(".ssh/id_ed25519"), "secret\n");
        let tried =
            [format!("read {}", key.display()), format!("list {}", key.parent().expect("it has one").display())];
        for profile in ["strict", "build"] {
            let options = ["-P", profile, "-p", &shown()];
            let words = verbs(&[&tried[0], &tried[1]]);
            let outcome = who.confined(&options).words(&words).env("HOME", &home).inside(&home.join("project")).run();
            outcome.ends(0).answers(&[("key", "EACCES|ENOENT|EPERM"), ("list", "EACCES|ENOENT|EPERM|list:")]);
        }
    }
}

#[test]
fn container_default_is_the_container_engines_list() {
    for who in people() {
        let table = [
            ("mount /mnt", "EPERM"),
            ("unshare user", "EPERM"),
            ("clone user", "EPERM"),
            ("clone3 user", "ENOSYS"),
            ("clone none", "ok"),
            ("setns uts", "EPERM"),
            ("bpf", "EPERM"),
            ("keyctl", "EPERM"),
            ("addkey", "EPERM"),
            ("requestkey", "EPERM"),
            ("module", "EPERM"),
            ("userfaultfd", "EPERM"),
            ("iouring", "EPERM"),
            ("perf", "EPERM"),
            ("settime", "EPERM"),
            ("socket 40 1 0", "EPERM"),
            // The engine's own filter compares 64 bits here and is passed by.
            ("sockethigh 40 1", "EPERM"),
            ("sockethigh 38 5", "EPERM"),
            ("personality 0x0008", "ok"),
            ("personality 0x4000000", "EPERM"),
            ("socket 2 1 0", "ok"),
            ("unknown", "ENOSYS"),
            ("shmexec", "ok"),
        ];
        let tried: Vec<&str> = table.iter().map(|(verb, _)| *verb).collect();
        let outcome = under(&who, "container-default", &tried);
        outcome.ends(0).answers(&table);
        if who.is_root() {
            let outcome = under(&who, "container-default", &["caps"]);
            assert!(outcome.answer("caps").contains(" bnd=a80425fb "), "{outcome}");
        }
    }
}

#[test]
fn none_confines_nothing() {
    for who in people() {
        let here = who.bare(&verbs(&["status Seccomp", "namespace mnt", "caps", "flags"])).run();
        let there =
            who.confined(&["-P", "none"]).words(&verbs(&["status Seccomp", "namespace mnt", "caps", "flags"])).run();
        there.quietly().ends(0);
        assert_eq!(here.stdout, there.stdout, "{there}");
    }
}

#[test]
fn without_a_policy_nothing_runs() {
    for who in people() {
        let outcome = who.confined(&[] as &[&str]).words(&verbs(&["say ran"])).run();
        outcome.runs_nothing().complains("strict");
        assert!(matches!(outcome.status.code(), Some(64 | 78)), "{outcome}");
    }
}
