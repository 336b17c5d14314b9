//! Capabilities, identity, limits, namespaces and other processes.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::kit::{Outcome, Who, base, host_has, people, roots, verbs};

const NONE: &str = "eff=0 prm=0 inh=0 bnd=0 amb=0";

#[test]
fn no_capabilities_at_all() {
    for who in people() {
        let outcome = who.tries(&["-p", "CapabilityBoundingSet=", "-p", "NoNewPrivileges=yes"], &["caps", "flags"]);
        outcome.ends(0);
        // Without a user namespace an ordinary user cannot drop from the bounding set; then
        // no_new_privs keeps it without effect.
        let caps = outcome.answer("caps");
        if who.is_root() || host_has("userns") {
            assert_eq!(caps, NONE, "{outcome}");
        } else {
            assert!(caps.starts_with("eff=0 prm=0 inh=0 ") && caps.ends_with(" amb=0"), "{outcome}");
        }
        assert!(outcome.answer("flags").starts_with("nnp=1 "), "{outcome}");
    }
}

#[test]
fn some_capabilities() {
    for who in &roots() {
        let outcome = who.tries(&["-p", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_CHOWN"], &["caps"]);
        outcome.ends(0).says("caps: eff=401 prm=401 inh=0 bnd=401 amb=0");
        let outcome = who.tries(
            &[
                "-p",
                "User=65534",
                "-p",
                "AmbientCapabilities=CAP_NET_BIND_SERVICE",
                "-p",
                "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
            ],
            &["caps", "bind 127.0.0.1 1"],
        );
        outcome.ends(0).says("caps: eff=400 prm=400 inh=400 bnd=400 amb=400").says("bind: ok");
        let outcome = who.tries(&["-p", "User=65534"], &["caps", "setuid 0", "setgroups 0"]);
        outcome.ends(0).says("setuid: EPERM").says("setgroups: EPERM");
        assert!(outcome.answer("caps").starts_with("eff=0 prm=0 inh=0 "), "{outcome}");
        assert!(outcome.answer("caps").ends_with(" amb=0"), "{outcome}");
    }
}

#[test]
fn identity() {
    for who in &roots() {
        who.tries(&["-p", "User=65534", "-p", "Group=65534"], &["ids"])
            .ends(0)
            .says("ids: 65534 65534 65534 65534 65534 65534 groups 65534");
        who.tries(&["-p", "User=65534", "-p", "Group=65534", "-p", "SupplementaryGroups=1 2"], &["ids"])
            .ends(0)
            .says("ids: 65534 65534 65534 65534 65534 65534 groups 1 2 65534");
    }
    for who in people() {
        for bad in ["0x0", "-1", "4294967295", "4294967296", "no-such-user", "", "a b", "../root"] {
            let outcome = who.tries(&["-p", &format!("User={bad}")], &["say ran"]);
            if bad.is_empty() {
                continue; // An empty assignment resets, as under systemd.
            }
            outcome.runs_nothing();
            assert!(matches!(outcome.status.code(), Some(78 | 217)), "User={bad}{outcome}");
        }
    }
    for who in people().iter().filter(|who| !who.is_root()) {
        who.tries(&["-p", "User=0"], &["say ran"]).runs_nothing().ends(217);
        who.tries(&["-p", "Group=0"], &["say ran"]).runs_nothing().ends(216);
    }
}

#[test]
fn a_set_user_id_program_gains_nothing() {
    let root = people().into_iter().find(crate::kit::Who::is_root);
    let Some(root) = root else { return };
    let place = root.place("setuid");
    fs::copy(base().join("probe"), place.join("probe")).expect("the probe can be copied");
    fs::set_permissions(place.join("probe"), fs::Permissions::from_mode(0o4755)).expect("modes can be set");
    let become_root = format!("become {}/probe ids", place.display());
    for who in people().iter().filter(|who| !who.is_root()) {
        // The control first.
        let ids = who.bare(&verbs(&[&become_root])).run().answer("ids");
        assert!(
            ids.starts_with(&format!("{0} 0 0 ", who.uid)),
            "the directory of the tests must allow setuid programs: {ids}"
        );
        for policy in [
            ["-p", "NoNewPrivileges=yes"],
            ["-p", "LockPersonality=yes"],
            ["-p", "ProtectSystem=strict"],
            ["-p", "CapabilityBoundingSet="],
        ] {
            let outcome = who.confined(&policy).words(&verbs(&[&become_root])).run();
            let ids = outcome.answer("ids");
            assert!(ids.starts_with(&format!("{0} {0} {0} ", who.uid)), "{outcome}");
        }
    }
}

#[test]
fn limits_hold() {
    for who in people() {
        let outcome = who.tries(
            &["-p", "LimitNOFILE=64", "-p", "LimitCORE=0", "-p", "LimitFSIZE=1M", "-p", "CapabilityBoundingSet="],
            &["limit nofile", "limit core", "limit fsize", "raiselimit nofile"],
        );
        outcome.ends(0).answers(&[
            ("nofile", "nofile 64 64"),
            ("core", "core 0 0"),
            ("fsize", "fsize 1048576 1048576"),
            ("raise", "EPERM"),
        ]);
        who.tries(&["-p", "LimitNOFILE=32:64"], &["limit nofile"]).ends(0).answers(&[("nofile", "nofile 32 64")]);
    }
    for who in people().iter().filter(|who| !who.is_root()) {
        // What cannot be raised stays lower, as under systemd, and not in silence.
        let run = who.confined(&["-p", "LimitNOFILE=128"]).words(&verbs(&["limit nofile"])).under(&["nofile=64"]);
        run.run().ends(0).answers(&[("nofile", "nofile 64 64")]).complains("64 is the most that this caller can have");
    }
}

#[test]
fn the_network_is_gone() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback is up");
    let name = format!("stockade-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("the name is short");
    let socket = UnixListener::bind_addr(&address).expect("the name is free");
    let (tcp_port, udp_port) = (tcp.local_addr().expect("bound").port(), udp.local_addr().expect("bound").port());
    let tried = [
        "interfaces".to_owned(),
        format!("connect 127.0.0.1 {tcp_port}"),
        format!("mptcp 127.0.0.1 {tcp_port}"),
        format!("tfo 127.0.0.1 {tcp_port}"),
        format!("udp 192.0.2.1 {udp_port}"),
        format!("abstract {name}"),
    ];
    let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
    for who in people() {
        let control = who.bare(&verbs(&tried)).run();
        control.says("connect: ok").says("abstract: ok");
        let outcome = who.tries(&["-p", "PrivateNetwork=yes"], &tried);
        if !who.is_root() && !host_has("netns") {
            outcome.runs_nothing();
            continue;
        }
        // Nothing but a loopback of its own, where nobody listens.
        outcome.ends(0).answers(&[
            ("interfaces", "lo"),
            ("tcp", "ECONNREFUSED"),
            ("mptcp", "ECONNREFUSED|ENOPROTOOPT|EPROTONOSUPPORT"),
            ("tfo", "ECONNREFUSED|EOPNOTSUPP|ok"),
            ("udp", "ENETUNREACH"),
            ("abstract", "ECONNREFUSED"),
        ]);
    }
    drop((tcp, udp, socket));
}

#[test]
fn namespaces_of_its_own() {
    for who in people() {
        for (property, name) in [
            ("PrivateNetwork", "net"),
            ("PrivateIPC", "ipc"),
            ("PrivateMounts", "mnt"),
            ("ProtectHostname", "uts"),
            ("PrivateUsers", "user"),
        ] {
            let tried = format!("namespace {name}");
            let here = who.bare(&verbs(&[&tried])).run().answer("namespace");
            let there = who.tries(&["-p", &format!("{property}=yes")], &[&tried]);
            there.ends(0);
            assert_ne!(here, there.answer("namespace"), "{property}{there}");
        }
    }
}

#[test]
fn users_of_its_own() {
    for who in people() {
        let outcome =
            who.tries(&["-p", "PrivateUsers=yes"], &["caps", "ids", "read /etc/shadow", "mount /mnt", "setuid 12345"]);
        outcome.ends(0).says("mount: EPERM").says("setuid: EINVAL");
        // Groups without a place in the map are nobody's, and stay in the list.
        let ids = outcome.answer("ids");
        assert!(ids.starts_with(&format!("{0} {0} {0} {1} {1} {1} groups", who.uid, who.gid)), "{outcome}");
        assert!(!outcome.stdout.contains("read: ok") || who.is_root(), "{outcome}");
        // Its maps are written although nothing else can be, not even in /proc.
        let options = ["-p", "PrivateUsers=yes", "-p", "ReadOnlyPaths=/"];
        let outcome = who.tries(&options, &["ids", "write /proc/self/comm", "write /tmp/x"]);
        outcome.ends(0).says("write: EROFS");
        assert!(outcome.answer("ids").starts_with(&format!("{0} {0} {0} {1} {1} {1}", who.uid, who.gid)), "{outcome}");
        assert!(!outcome.stdout.contains("write: ok"), "{outcome}");
    }
}

/// Where making user namespaces is forbidden, by the kernel's own limit, in a user namespace of the case.
fn forbidden(who: &Who, options: &[&str], tried: &[&str]) -> Outcome {
    let script =
        "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all -- \"$@\"";
    let run = who.confined(options).words(&verbs(tried));
    run.behind(&["unshare", "--user", "--map-root-user", "--", "sh", "-c", script, "sh"]).run()
}

#[test]
fn without_user_namespaces() {
    for who in people() {
        if !host_has("userns") {
            continue;
        }
        // What needs none works.
        let options = [
            "-p",
            "SystemCallFilter=~bpf",
            "-p",
            "SystemCallErrorNumber=EPERM",
            "-p",
            "LimitNOFILE=64",
            "-p",
            "MemoryDenyWriteExecute=yes",
        ];
        forbidden(&who, &options, &["bpf", "limit nofile", "wx"]).ends(0).answers(&[
            ("bpf", "EPERM"),
            ("limit", "nofile 64 64"),
            ("wx", "EACCES|EPERM"),
        ]);
        // What needs one is refused, with the reason and what can be done.
        let outcome = forbidden(&who, &["-p", "ProtectSystem=strict"], &["say ran"]);
        outcome
            .runs_nothing()
            .ends(226)
            .complains("ProtectSystem")
            .complains("max_user_namespaces")
            .complains("Prefer");
        // Unless the policy prefers to run weaker, which it is told.
        let options = ["-p", "Prefer=ProtectSystem", "-p", "ProtectSystem=strict", "-p", "LockPersonality=yes"];
        let outcome = forbidden(&who, &options, &["personality 8"]);
        outcome.ends(0).says("personality: EPERM").complains("ProtectSystem");
    }
}

#[test]
fn others_cannot_be_touched() {
    for who in people() {
        let victim = who.bare(&verbs(&["hang"]));
        let mut child = victim.command().spawn().expect("the probe runs");
        let pid = child.id();
        let tried = [format!("ptrace {pid}"), format!("processvm {pid}"), format!("pidfdgetfd {pid}")];
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        let outcome = who.tries(
            &["-p", "SystemCallFilter=~@debug process_vm_readv pidfd_getfd", "-p", "SystemCallErrorNumber=EPERM"],
            &tried,
        );
        let outcome2 = who.tries(&["-p", "PrivateUsers=yes", "-p", "CapabilityBoundingSet="], &tried);
        child.kill().ok();
        child.wait().ok();
        outcome.ends(0).answers(&[("ptrace", "EPERM"), ("vm", "EPERM"), ("getfd", "EPERM")]);
        outcome2.ends(0).answers(&[("ptrace", "EPERM"), ("vm", "EPERM"), ("getfd", "EPERM")]);
    }
}
