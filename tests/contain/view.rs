//! Directives about the file system: what can be read, written, executed and seen.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::kit::{Outcome, Who, base, host_has, people, roots, shown, verbs};

fn tries(who: &Who, properties: &[&str], tried: &[&str]) -> Outcome {
    let options: Vec<&str> = properties.iter().flat_map(|word| ["-p", word]).collect();
    let outcome = who.tries(&options, tried);
    outcome.ends(0);
    outcome
}

#[test]
fn protect_system() {
    for who in people() {
        let place = who.place("protect");
        let here = format!("write {}/new", place.display());
        let tried = ["write /usr/stockade-probe", "write /etc/stockade-probe", "write /stockade-probe", &here];
        let denied = if who.is_root() { "ok" } else { "EACCES" };
        let table = |usr, etc, root, own| [("/usr", usr), ("/etc", etc), ("/", root), ("own", own)];
        tries(&who, &["ProtectSystem=yes"], &tried).answers(&table("EROFS", denied, denied, "ok"));
        tries(&who, &["ProtectSystem=full"], &tried).answers(&table("EROFS", "EROFS", denied, "ok"));
        tries(&who, &["ProtectSystem=strict"], &tried).answers(&table("EROFS", "EROFS", "EROFS", "EROFS"));
        let own = format!("ReadWritePaths={}", place.display());
        tries(&who, &["ProtectSystem=strict", &own], &tried).answers(&table("EROFS", "EROFS", "EROFS", "ok"));
    }
}

#[test]
fn read_only_reaches_mounts_below() {
    // Only somebody who can mount can build the case: a tmpfs below, in a mount namespace of its own.
    for who in &roots() {
        let place = who.place("below");
        let sub = place.join("sub");
        fs::create_dir(&sub).expect("a directory can be made");
        let run = who.confined(&["-p", &format!("ReadOnlyPaths={}", place.display())]);
        let run = run.words(&verbs(&[
            &format!("write {}/x", place.display()),
            &format!("write {}/x", sub.display()),
            &format!("remount {}", sub.display()),
        ]));
        let outcome = run.under(&["mountns=1", &format!("tmpfs={}", sub.display())]).run();
        outcome.ends(0).answers(&[("top", "EROFS"), ("below", "EROFS"), ("remount", "*")]);
    }
}

#[test]
fn what_was_read_only_stays_so() {
    for who in people() {
        let place = who.place("stays");
        let path = place.display().to_string();
        fs::create_dir(place.join("sub")).expect("a directory can be made");
        who.own(&place.join("sub"));
        let tried = [format!("write {path}/x"), format!("write {path}/sub/x")];
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        // The deepest path wins.
        tries(&who, &[&format!("ReadOnlyPaths={path}"), &format!("ReadWritePaths={path}/sub")], &tried)
            .answers(&[("top", "EROFS"), ("sub", "ok")]);
        tries(&who, &[&format!("ReadWritePaths={path}"), &format!("ReadOnlyPaths={path}/sub")], &tried)
            .answers(&[("top", "ok"), ("sub", "EROFS")]);
    }
}

#[test]
fn homes_are_hidden() {
    for who in people() {
        let tried = ["list /home", "list /root", "write /home/x", "access /etc/passwd"];
        tries(&who, &["ProtectHome=yes"], &tried).answers(&[
            ("home", "list:|EACCES"),
            ("root", "list:|EACCES"),
            ("write", "EACCES|EROFS"),
            ("etc", "ok"),
        ]);
        tries(&who, &["ProtectHome=tmpfs"], &tried).answers(&[
            ("home", "list:"),
            ("root", "list:|EACCES"),
            ("write", "EROFS|EACCES"),
            ("etc", "ok"),
        ]);
        tries(&who, &["ProtectHome=read-only"], &["write /home/x"]).answers(&[("write", "EROFS")]);
    }
}

#[test]
fn private_tmp_is_empty_and_writable() {
    for who in people() {
        let tried = ["list /tmp", "list /var/tmp", "write /tmp/x", "write /var/tmp/x", "mode /tmp"];
        let outcome = who.confined(&["-p", "PrivateTmp=yes", "-p", &shown()]).words(&verbs(&tried)).run();
        outcome.ends(0);
        // What is shown of the tests' own directory is all there is.
        let name = base().file_name().expect("the base has a name").to_string_lossy().into_owned();
        assert!(
            outcome.stdout.starts_with(&format!("list: {name}\nlist:\nwrite: ok\nwrite: ok\nmode: 41777 ")),
            "{outcome}"
        );
    }
}

/// What a /dev of its own may hold.
const NODES: &str = "core fd full hugepages log mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero";

#[test]
fn private_devices() {
    for who in people() {
        let tried = [
            "list /dev",
            "device /dev/null",
            "write /dev/null",
            "read /dev/zero",
            "read /dev/urandom",
            "write /dev/x",
            "node /dev/x",
            "tiocgwinsz",
            "read /dev/kmsg",
        ];
        let outcome = tries(&who, &["PrivateDevices=yes"], &tried);
        let listed = outcome.stdout.lines().next().unwrap_or_default().to_owned();
        let surplus: Vec<&str> =
            listed.split(' ').skip(1).filter(|node| !NODES.split(' ').any(|known| known == *node)).collect();
        assert!(surplus.is_empty(), "{surplus:?}{outcome}");
        for node in ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm"] {
            assert!(listed.split(' ').any(|had| had == node), "no /dev/{node}{outcome}");
        }
        let said: Vec<&str> = outcome.stdout.lines().skip(1).collect();
        assert_eq!(said[..4], ["device: 1:3", "write: ok", "read: ok", "read: ok"], "{outcome}");
        assert!(matches!(said[4], "write: EROFS" | "write: EACCES"), "{outcome}");
        assert!(matches!(said[5], "node: EPERM" | "node: EROFS" | "node: EACCES"), "{outcome}");
        assert_eq!(said[6], "tiocgwinsz: ok", "{outcome}");
        assert_eq!(said[7], "read: ENOENT", "{outcome}");
    }
}

#[test]
fn binds_inaccessible_and_empty_places() {
    for who in people() {
        let place = who.place("binds");
        let path = place.display().to_string();
        for name in ["from", "secret", "to"] {
            fs::create_dir(place.join(name)).expect("a directory can be made");
            who.own(&place.join(name));
        }
        who.file(&place.join("from/file"), "from here\n");
        who.file(&place.join("secret/file"), "secret\n");
        let tried = [
            format!("line {path}/to/file"),
            format!("write {path}/to/new"),
            format!("read {path}/secret/file"),
            format!("list {path}/secret"),
        ];
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        let secret = format!("InaccessiblePaths={path}/secret");
        let hidden = if who.is_root() { "EACCES|EPERM|ENOENT|list:" } else { "EACCES" };
        let properties = [&format!("BindReadOnlyPaths={path}/from:{path}/to"), &secret];
        tries(&who, &properties.map(String::as_str), &tried).answers(&[
            ("bound", "from here"),
            ("write", "EROFS"),
            ("secret", "EACCES|EPERM|ENOENT"),
            ("list", hidden),
        ]);
        let properties = [&format!("BindPaths={path}/from:{path}/to"), &secret];
        tries(&who, &properties.map(String::as_str), &tried).answers(&[
            ("bound", "from here"),
            ("write", "ok"),
            ("secret", "EACCES|EPERM|ENOENT"),
            ("list", hidden),
        ]);
        let outcome = tries(
            &who,
            &[&format!("TemporaryFileSystem={path}/secret")],
            &[&format!("list {path}/secret"), &format!("mode {path}/secret")],
        );
        assert!(outcome.stdout.starts_with("list:\nmode: 40755 "), "{outcome}");
    }
}

#[test]
fn no_execution_but_where_it_is_allowed() {
    for who in people() {
        let place = who.place("noexec");
        let tool = place.join("tool");
        fs::copy("/bin/true", &tool).expect("true can be copied");
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        let tried = format!("exec {}", tool.display());
        tries(&who, &[&format!("NoExecPaths={}", place.display())], &[&tried, "exec /bin/true"])
            .answers(&[("here", "EACCES"), ("system", "ok")]);
        let own = format!("ExecPaths=/usr /lib /lib64 /bin {}/probe", base().display());
        tries(&who, &["NoExecPaths=/", &own], &[&tried, "exec /bin/true"])
            .answers(&[("here", "EACCES"), ("system", "ok")]);
    }
}

#[test]
fn a_destination_cannot_lead_out_of_the_new_root() {
    // Every parent of a destination is a symbolic link to a place of the host's: mounts must land
    // inside the new root or be refused, and nothing may be made outside.
    for who in people() {
        let place = who.place("escape");
        let (root, outside) = (place.join("root"), place.join("outside"));
        for made in [&root, &outside, &root.join("usr"), &root.join("probe")] {
            fs::create_dir(made).expect("a directory can be made");
            who.own(made);
        }
        symlink(&outside, root.join("out")).expect("a link can be made");
        let options = [
            "-p".into(),
            format!("RootDirectory={}", root.display()),
            "-p".into(),
            format!("BindReadOnlyPaths={}:/probe", base().display()),
            "-p".into(),
            format!("BindPaths={}:/out/deep/er", who.place("bound").display()),
        ];
        let run = who.confined(&options).words(&["/probe/probe", "list", "/", ",", "access", "/out/deep/er"]).run();
        let leaked: Vec<_> =
            fs::read_dir(&outside).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
        assert!(leaked.is_empty(), "made outside: {leaked:?}{run}");
        if run.status.code() != Some(0) {
            run.ends(226).runs_nothing();
        }
    }
}

#[test]
fn a_new_root_is_all_there_is() {
    for who in people() {
        let place = who.place("root");
        fs::create_dir(place.join("tests")).expect("a directory can be made");
        who.own(&place.join("tests"));
        let options = [
            "-p",
            &format!("RootDirectory={}", place.display()),
            "-p",
            &format!("BindReadOnlyPaths={}:/tests", base().display()),
        ]
        .map(str::to_owned);
        let outcome = who
            .confined(&options)
            .words(&[
                "/tests/probe",
                "list",
                "/",
                ",",
                "cwd",
                ",",
                "access",
                "/etc/passwd",
                ",",
                "access",
                "/../../etc/passwd",
            ])
            .run();
        outcome.ends(0);
        assert!(!outcome.stdout.contains("etc"), "{outcome}");
        outcome.says("access: ENOENT").says("cwd: /");
    }
}

#[test]
fn a_new_root_has_a_proc_of_its_own() {
    // Without privileges a procfs can be had only while a whole one is seen, which is not so in the new root.
    for who in people() {
        let place = who.place("proc");
        // One that leads elsewhere leads there inside.
        symlink("/elsewhere", place.join("proc")).expect("a link can be made");
        let options = [
            &format!("RootDirectory={}", place.display()),
            &format!("BindReadOnlyPaths={}:/tests", base().display()),
            "PrivatePIDs=yes",
            "ProtectProc=invisible",
        ]
        .map(|word| format!("-p{word}"));
        for made in ["tests", "elsewhere"] {
            fs::create_dir(place.join(made)).expect("a directory can be made");
            who.own(&place.join(made));
        }
        let outside = format!("/proc/{}", std::process::id());
        let tried = ["/tests/probe", "access", "/proc/2", ",", "access", "/elsewhere/self", ",", "access", &outside];
        let outcome = who.confined(&options).words(&tried).run();
        outcome.ends(0).answers(&[("target", "ok"), ("self", "ok"), ("other", "ENOENT")]);
        assert!(!Path::new("/elsewhere").exists(), "nothing is made outside");
    }
}

#[test]
fn kernel_tunables_and_control_groups_are_read_only() {
    for who in people() {
        let tried = [
            "write /proc/sys/kernel/hostname",
            "read /proc/kallsyms",
            "write /sys/kernel/uevent_seqnum",
            "read /proc/sys/kernel/ostype",
        ];
        tries(&who, &["ProtectKernelTunables=yes"], &tried).answers(&[
            ("sysctl", "EROFS|EACCES"),
            ("kallsyms", "EACCES|ENOENT|empty"),
            ("sys", "EROFS|EACCES|ENOENT"),
            ("ostype", "ok"),
        ]);
        tries(&who, &["ProtectControlGroups=yes"], &["mkdir /sys/fs/cgroup/stockade-probe"])
            .answers(&[("cgroup", "EROFS")]);
    }
}

#[test]
fn flags_of_mounts_cannot_be_lifted() {
    // The target may make a user namespace and be mighty in it: what is read-only stays so.
    for who in people() {
        let tried = ["unshare user", "remount /usr", "setattr /usr", "umount /usr", "write /usr/stockade-probe"];
        let options = ["-p", "ProtectSystem=strict", "-p", "CapabilityBoundingSet=", "-p", "NoNewPrivileges=yes"];
        who.tries(&options, &tried).ends(0).answers(&[
            ("unshare", "*"),
            ("remount", "EPERM"),
            // Before Linux 5.12 there is no such call.
            ("setattr", "EPERM|ENOSYS"),
            ("umount", "EPERM"),
            ("write", "EROFS"),
        ]);
        let inner = [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            "mount -o remount,rw,bind /usr /usr; touch /usr/stockade-probe",
        ];
        let outcome = who.confined(&["-p", "ProtectSystem=strict"]).words(&inner).run();
        assert!(!outcome.status.success(), "{outcome}");
        assert!(!std::path::Path::new("/usr/stockade-probe").exists());
    }
}

#[test]
fn processes_of_others_stay_unseen_or_it_is_refused() {
    // A /proc of its own needs a PID namespace for a caller without privileges: refused there.
    for who in people() {
        let outcome = who.tries(&["-p", "ProcSubset=pid"], &["access /proc/cpuinfo", "access /proc/self/status"]);
        if outcome.status.code() == Some(0) {
            outcome.answers(&[("cpuinfo", "ENOENT"), ("self", "ok")]);
        } else {
            outcome.ends(226).runs_nothing().complains("ProcSubset");
        }
    }
}

#[test]
fn nothing_is_left_of_many_launches() {
    for who in people() {
        let before = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let who = who.clone();
                std::thread::spawn(move || {
                    for _ in 0..25 {
                        who.tries(
                            &[
                                "-p",
                                "PrivateTmp=yes",
                                "-p",
                                "ProtectSystem=strict",
                                "-p",
                                "PrivateDevices=yes",
                                "-p",
                                &shown(),
                            ],
                            &["say done"],
                        )
                        .ends(0)
                        .says("say: done");
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("every launch succeeds");
        }
        assert_eq!(before, fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted"));
    }
}

#[test]
fn what_a_container_covered_with_a_file_that_is_gone_is_covered_again() {
    for who in people().into_iter().filter(|who| who.is_root() || host_has("userns")) {
        let place = who.place("gone");
        let stockade = base().join("stockade");
        // As systemd-nspawn covers /proc/kmsg. The kernel says of such a mount that nothing is there.
        let script = format!(
            "cd {} && echo below >b && echo secret >a && mount --bind a b && rm a && cat b && \
             exec {} run -p InaccessiblePaths=-$PWD/b -- cat b",
            place.display(),
            stockade.display()
        );
        let outcome = who.bare(&["unshare", "-Urm", "/bin/sh", "-c", &script]).run();
        outcome.says("secret").never_says("below");
        assert_eq!(outcome.stdout.matches("secret").count(), 1, "{outcome}");
    }
}

#[test]
fn a_sys_that_cannot_be_had_anew_is_told() {
    // Only root can cover a part of /sys, and only somebody else is refused a new one for that.
    let people = people();
    let (Some(root), Some(user)) = (people.iter().find(|who| who.is_root()), people.iter().find(|who| !who.is_root()))
    else {
        return crate::kit::say("contain: only root can cover a part of /sys");
    };
    if !host_has("userns") || !host_has("netns") {
        return crate::kit::say("contain: without user namespaces nobody but root has a network of his own");
    }
    let become_user = format!("exec setpriv --reuid={} --regid={} --clear-groups \"$@\"", user.uid, user.gid);
    let run = |before: &str, options: &[&str]| {
        let options = [&["-p", "PrivateNetwork=yes"], options].concat();
        let run = root.confined(&options).words(&["/bin/ls", "/sys/class/net"]);
        run.behind(&["unshare", "-m", "/bin/sh", "-c", &format!("{before} {become_user}"), "sh"]).run()
    };
    let fresh = run("", &[]);
    fresh.quietly().ends(0);
    assert_eq!(fresh.stdout, "lo\n", "{fresh}");
    let covered = run("mount -t tmpfs none /sys/firmware;", &[]);
    covered.ends(0).complains("PrivateNetwork: /sys stays as it is");
    covered.complains("/sys/firmware covers a part of it");
    assert_eq!(covered.stdout, run("ls /sys/class/net; exit;", &[]).stdout, "{covered}");
    // What helps, helps.
    let hidden = run("mount -t tmpfs none /sys/firmware;", &["-p", "InaccessiblePaths=/sys"]);
    assert_eq!(hidden.stdout, "", "{hidden}");
    hidden.never_says("lo");
    assert!(!hidden.stderr.contains("stays as it is"), "{hidden}");
}
