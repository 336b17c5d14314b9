//! Every effect beside every other one: no directive may lose what it does because another is there.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kit::{Outcome, Who, base, host_has, marker, people, roots, say, verbs};

/// Properties, and what the probe says under them: alternatives as in [`Outcome::answers`].
struct Effect {
    properties: Vec<String>,
    answers: Vec<(String, String)>,
}

/// Properties that a kernel has only from a version of Landlock's ABI on (landlock(7)).
const SINCE: &[(&str, u32)] = &[("Landlock.Restrict=make-dir", 1), ("Landlock.ConnectTCP=443", 4)];

/// The version of Landlock's ABI that this kernel has, told once; 0 only where the host is said to have none.
fn landlock() -> u32 {
    static TOLD: std::sync::Once = std::sync::Once::new();
    let abi = stockade::sys::facts::landlock().unwrap_or(0);
    assert!(abi > 0 || !host_has("landlock"), "no Landlock in this kernel: leave landlock out of STOCKADE_TEST_HOST");
    TOLD.call_once(|| {
        let late = SINCE.iter().filter(|(_, since)| *since > abi);
        let late: Vec<String> = late.map(|(property, since)| format!("{property} (ABI {since})")).collect();
        if !late.is_empty() {
            say(&format!("this kernel's Landlock has ABI {abi}: refusals, not effects, of {}", late.join(", ")));
        }
    });
    abi
}

/// Whether an effect can be had of this kernel.
fn here(properties: &str) -> bool {
    SINCE.iter().all(|(property, since)| *property != properties || *since <= landlock())
}

/// What everybody can ask for. `/place` stands for the case's own directory.
const EFFECTS: &[(&str, &[(&str, &str)])] = &[
    ("ProtectSystem=strict", &[("mountflags /usr", RO), ("mountflags /etc", RO)]),
    ("ProtectHome=yes", &[("mountflags /home", RO), ("write /home/x", "EROFS|EACCES")]),
    ("PrivateTmp=yes", &[("access /marker", "ENOENT")]),
    ("TemporaryFileSystem=/place/empty", &[("access /place/empty/file", "ENOENT")]),
    ("ReadOnlyPaths=/place/ro", &[("write /place/ro/x", "EROFS"), ("mountflags /place/ro", RO)]),
    ("ReadOnlyPaths=/place/ro/link", &[("write /place/linked/x", "EROFS"), ("mountflags /place/linked", RO)]),
    ("InaccessiblePaths=/place/hidden", &[("read /place/hidden/file", "EACCES|ENOENT")]),
    ("NoExecPaths=/place/noexec", &[("exec /place/noexec/tool", "EACCES|EPERM")]),
    ("NoExecPaths=/ ; ExecPaths=/usr /base", &[("mountflags /dev/shm", NOEXEC), ("mountflags /var", NOEXEC)]),
    (
        "BindReadOnlyPaths=/place/from:/place/to",
        &[("line /place/to/file", "from here"), ("write /place/to/x", "EROFS"), ("mountflags /place/to", RO)],
    ),
    ("PrivateDevices=yes", &[("access /dev/kmsg", "ENOENT"), ("write /dev/null", "ok"), ("iopl", "EPERM")]),
    (
        "ProtectKernelTunables=yes",
        &[("mountflags /sys", RO), ("write /proc/sys/kernel/hostname", "EROFS|EACCES|ENOENT")],
    ),
    ("ProtectKernelModules=yes", &[("module", "EPERM"), ("finitmodule", "EPERM")]),
    ("ProtectKernelLogs=yes", &[("syslog", "EPERM"), ("read /dev/kmsg", "EACCES|EPERM|ENOENT|ENXIO|empty")]),
    ("ProtectControlGroups=yes", &[("mountflags /sys/fs/cgroup", RO)]),
    ("ProtectClock=yes", &[("settime", "EPERM"), ("adjtime", "EPERM")]),
    ("ProtectHostname=yes", &[("hostname", "EPERM"), ("namespace uts", "!host")]),
    ("PrivateNetwork=yes", &[("interfaces", "lo"), ("namespace net", "!host")]),
    ("PrivateIPC=yes", &[("namespace ipc", "!host")]),
    ("PrivatePIDs=yes", &[("pid", "2"), ("namespace pid", "!host")]),
    ("PrivatePIDs=yes ; ProtectProc=invisible ; ProcSubset=pid", &[("access /proc/cpuinfo", "ENOENT"), ("pid", "2")]),
    ("PrivateUsers=yes", &[("namespace user", "!host"), ("setgroups 1", "EPERM")]),
    ("NoNewPrivileges=yes", &[("status NoNewPrivs", "NoNewPrivs 1")]),
    ("CapabilityBoundingSet=", &[("caps", "eff=0 prm=0 inh=0 bnd=0 amb=0")]),
    ("RestrictNamespaces=yes", &[("unshare user", "EPERM"), ("clone user", "EPERM"), ("clone3 user", "ENOSYS")]),
    ("RestrictAddressFamilies=~AF_INET6", &[("socket 10 2 0", "EAFNOSUPPORT"), ("socket 1 1 0", "ok")]),
    ("SystemCallFilter=~fsopen:EUCLEAN", &[("fsopen", "EUCLEAN"), ("status Seccomp", "Seccomp 2")]),
    ("MemoryDenyWriteExecute=yes", &[("mprotect", "EACCES|EPERM"), ("wx", "EACCES|EPERM")]),
    ("LockPersonality=yes", &[("personality 0x0008", "EPERM")]),
    ("RestrictRealtime=yes", &[("realtime", "EPERM"), ("limit rtprio", "rtprio 0 0")]),
    ("RestrictSUIDSGID=yes", &[("suid /place/suid", "EPERM"), ("openat2 /", "ENOSYS")]),
    ("Seccomp.ExecOnce=yes", &[("exec /bin/true", "EPERM")]),
    ("Landlock.ConnectTCP=443", &[("connect 127.0.0.1 9", "EACCES")]),
    ("Landlock.Restrict=make-dir", &[("mkdir /place/dir", "EACCES")]),
    ("LimitNOFILE=64", &[("limit nofile", "nofile 64 64")]),
    ("UMask=0077", &[("umask", "77")]),
    ("UnsetEnvironment=HOME", &[("get HOME", "HOME is not set")]),
];

/// Read-only, whatever else.
const RO: &str =
    "ro|ro nosuid|ro nodev|ro noexec|ro nosuid nodev|ro nosuid noexec|ro nodev noexec|ro nosuid nodev noexec";

/// Without execution, whatever else.
const NOEXEC: &str = "noexec|ro noexec|nosuid noexec|nodev noexec|nosuid nodev noexec|ro nosuid noexec|ro nodev noexec|ro nosuid nodev noexec";

/// Answers that two effects give to the same question differently, and that are both right.
const ALSO: &[(&str, &str)] = &[
    // A list of calls that is in force counts those of nobody.
    ("EPERM", "EROFS|ENOSYS|EAFNOSUPPORT"),
    // Nothing is executed at all.
    ("EACCES", "EPERM"),
];

/// The effects for somebody, with a directory of his own that has all they are about.
fn effects(who: &Who) -> Vec<Effect> {
    let place = who.place("combine");
    for name in ["empty", "ro", "hidden", "noexec", "from", "to", "linked"] {
        fs::create_dir(place.join(name)).expect("a directory can be made");
        who.own(&place.join(name));
    }
    for (name, text) in [("empty/file", "x"), ("hidden/file", "secret\n"), ("from/file", "from here\n")] {
        who.file(&place.join(name), text);
    }
    let tool = place.join("noexec/tool");
    fs::copy("/bin/true", &tool).expect("true can be copied");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("modes can be set");
    symlink(place.join("linked"), place.join("ro/link")).expect("a link can be made");
    let (place, marker) = (place.display().to_string(), marker().display().to_string());
    let host = |kind: &str| {
        let link = fs::read_link(format!("/proc/self/ns/{kind}")).expect("/proc is mounted");
        format!("!{}", link.display())
    };
    let word = |text: &str| {
        text.replace("/place", &place).replace("/marker", &marker).replace("/base", &base().display().to_string())
    };
    let effect = |(properties, answers): &(&str, &[(&str, &str)])| Effect {
        properties: properties.split(" ; ").map(word).collect(),
        answers: answers
            .iter()
            .map(|(verb, wanted)| {
                let wanted = match verb.strip_prefix("namespace ") {
                    Some(kind) => host(kind),
                    None => (*wanted).to_owned(),
                };
                (word(verb), wanted)
            })
            .collect(),
    };
    EFFECTS.iter().filter(|(properties, _)| here(properties)).map(effect).collect()
}

/// A launch with all of these effects, in a view in which the tests' own directory can be seen and written.
fn launch(who: &Who, together: &[&Effect]) -> Outcome {
    let seen = format!("BindPaths={}", base().display());
    let words = together.iter().flat_map(|effect| &effect.properties).chain([&seen]);
    let options: Vec<&str> = words.flat_map(|word| ["-p", word.as_str()]).collect();
    let tried: Vec<&str> = together.iter().flat_map(|effect| &effect.answers).map(|(verb, _)| verb.as_str()).collect();
    who.confined(&options).words(&verbs(&tried)).run()
}

/// What an answer may be, given that others are there.
fn widened(wanted: &str) -> String {
    let mut all = wanted.to_owned();
    for (first, also) in ALSO.iter().filter(|_| !wanted.starts_with('!')) {
        if wanted.split('|').any(|word| word == *first) {
            write!(all, "|{also}").expect("memory can be written");
        }
    }
    all
}

fn holds(who: &Who, together: &[&Effect]) {
    let wanted: Vec<(String, String)> = together
        .iter()
        .flat_map(|effect| &effect.answers)
        .map(|(verb, wanted)| (verb.clone(), if together.len() > 1 { widened(wanted) } else { wanted.clone() }))
        .collect();
    let table: Vec<(&str, &str)> = wanted.iter().map(|(verb, wanted)| (verb.as_str(), wanted.as_str())).collect();
    launch(who, together).ends(0).quietly().answers(&table);
}

/// As each of the people, all pairs, on two threads. What does not hold is told whole, and how much of it.
#[test]
fn every_effect_holds_beside_every_other_one() {
    let all: Vec<(Who, Vec<Effect>)> = people().into_iter().map(|who| (who.clone(), effects(&who))).collect();
    let fell = AtomicUsize::new(0);
    let tried = |who: &Who, together: &[&Effect]| {
        let holding = std::panic::catch_unwind(|| holds(who, together));
        fell.fetch_add(usize::from(holding.is_err()), Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for (who, effects) in &all {
            let tried = &tried;
            scope.spawn(move || {
                for (at, one) in effects.iter().enumerate() {
                    tried(who, &[one]);
                    for other in &effects[at + 1..] {
                        tried(who, &[one, other]);
                    }
                }
            });
        }
    });
    assert_eq!(fell.into_inner(), 0, "launches under which an effect does not hold");
}

#[test]
fn what_this_kernel_is_too_old_for_is_refused() {
    for who in people() {
        for (property, since) in SINCE.iter().filter(|(property, _)| !here(property)) {
            let outcome = who.tries(&["-p", property], &["say ran"]);
            outcome.ends(226).runs_nothing().complains(property).complains("Landlock");
            let outcome = who.tries(&["-p", property, "-p", "Prefer=Landlock"], &["say ran"]);
            outcome.ends(0).says("say: ran").complains("Landlock");
            assert!(*since > landlock() && outcome.stderr.contains("cannot restrict"), "{outcome}");
        }
    }
}

#[test]
fn without_the_directives_none_of_the_effects_is_there() {
    // The control: of each effect at least one answer is another one without it.
    for who in &roots() {
        for effect in effects(who) {
            let tried: Vec<&str> = effect.answers.iter().map(|(verb, _)| verb.as_str()).collect();
            let outcome = who.bare(&verbs(&tried)).run();
            let same = outcome.stdout.lines().zip(&effect.answers).all(|(said, (_, wanted))| {
                let answer = said.split_once(": ").map_or("", |(_, answer)| answer);
                let is = |word: &str| word == answer;
                wanted.strip_prefix('!').map_or_else(|| wanted.split('|').any(is), |host| host != answer)
            });
            assert!(!same, "{:?}{outcome}", effect.properties);
        }
    }
}

#[test]
fn nothing_is_made_behind_somebody_elses_symlink() {
    // Root makes mount points in a directory of a user, who has put a link to a place of root's in the way.
    let [root, user] = &people()[..] else { return };
    let (theirs, ours) = (user.place("links"), root.place("links"));
    symlink(&ours, theirs.join("link")).expect("a link can be made");
    std::os::unix::fs::lchown(theirs.join("link"), Some(user.uid), Some(user.gid)).expect("root can give links away");
    let bind = |to: &Path| format!("BindPaths={}:{}", ours.display(), to.display());
    let run = |to: &Path| root.tries(&["-p", &bind(to)], &["say ran"]);
    run(&theirs.join("link/deep/er")).ends(226).runs_nothing().complains("symbolic links");
    assert_eq!(fs::read_dir(&ours).expect("it is there").count(), 0);
    // What is there already is mounted on, and root's own links are root's business.
    run(&theirs.join("link")).ends(0).says("say: ran");
    symlink(&ours, ours.join("own")).expect("a link can be made");
    run(&ours.join("own/deep/er")).ends(0).says("say: ran");
    assert!(ours.join("deep/er").is_dir());
    // Nor behind one that root's own link leads to, whose way may be as long as it likes.
    symlink(theirs.join("link"), ours.join("through")).expect("a link can be made");
    let name = ours.file_name().expect("a name").to_string_lossy().into_owned();
    symlink(format!("{}/.././/{name}/through", ours.display()), ours.join("round")).expect("a link can be made");
    for name in ["through/deep/er2", "round/deep/er2"] {
        run(&ours.join(name)).ends(226).runs_nothing().complains("symbolic links");
        assert!(!ours.join("deep/er2").exists(), "{name}");
    }
    symlink(ours.join("endless"), ours.join("endless")).expect("a link can be made");
    run(&ours.join("endless/x")).ends(226).runs_nothing().complains("symbolic links");
    symlink(format!("{}/own/deep", ours.display()), ours.join("far")).expect("a link can be made");
    run(&ours.join("far/made")).ends(0).says("say: ran");
    assert!(ours.join("deep/made").is_dir());
}

#[test]
fn a_user_namespace_does_not_make_a_strangers_link_the_hosts() {
    // In there everybody else has the number of nobody, root as well.
    let [root, user] = &people()[..] else { return };
    let (common, ours) = (root.place("common"), user.place("own"));
    fs::set_permissions(&common, fs::Permissions::from_mode(0o1777)).expect("modes can be set");
    symlink(&ours, common.join("link")).expect("a link can be made");
    std::os::unix::fs::lchown(common.join("link"), Some(65534), Some(65534)).expect("root can give links away");
    let bind = format!("BindPaths={}:{}/link/made", ours.display(), common.display());
    user.tries(&["-p", &bind], &["say ran"]).ends(226).runs_nothing().complains("symbolic links");
    assert_eq!(fs::read_dir(&ours).expect("it is there").count(), 0);
}

#[test]
fn a_bind_that_a_later_mount_would_cover_is_refused() {
    for who in people() {
        let place = who.place("covered");
        for name in ["from", "later"] {
            fs::create_dir(place.join(name)).expect("a directory can be made");
            who.own(&place.join(name));
        }
        fs::write(place.join("from/file"), "").expect("a file can be written");
        symlink("later", place.join("a-link")).expect("a link can be made");
        let path = place.display().to_string();
        let run = |bind: &str, empty: &str| {
            let words = [format!("BindPaths={path}/from:{path}/{bind}"), format!("TemporaryFileSystem={path}/{empty}")];
            who.tries(&["-p", &words[0], "-p", &words[1]], &[&format!("access {path}/{bind}/file")])
        };
        run("a-link/in", "later").ends(226).runs_nothing().complains("symlink leads");
        run("later/in", "later").ends(0).answers(&[("seen", "ok")]);
        run("a-link", "other").ends(0).answers(&[("seen", "ok")]);
        // The link can be the later one's, too.
        symlink("later", place.join("z-link")).expect("a link can be made");
        run("later/in", "z-link").ends(226).runs_nothing().complains("symlink leads");
    }
}

#[test]
fn a_bind_whose_source_is_missing_replaces_nothing() {
    for who in people() {
        let place = who.place("missing");
        for name in ["here", "from"] {
            fs::create_dir(place.join(name)).expect("a directory can be made");
            fs::write(place.join(name).join(name), "").expect("a file can be written");
            who.own(&place.join(name));
        }
        let path = place.display().to_string();
        let words =
            [format!("access {path}/here/here"), format!("access {path}/here/from"), format!("write {path}/here/new")];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = |directive: &str, source: &str| {
            let properties = [format!("{directive}{path}/here"), format!("BindPaths=-{path}/{source}:{path}/here")];
            who.tries(&["-p", &properties[0], "-p", &properties[1]], &words)
        };
        run("ReadWritePaths=", "gone").ends(0).answers(&[("0", "ok"), ("1", "ENOENT"), ("2", "ok")]);
        run("ReadOnlyPaths=", "gone").ends(0).answers(&[("0", "ok"), ("1", "ENOENT"), ("2", "EROFS")]);
        run("TemporaryFileSystem=", "gone").ends(0).answers(&[("0", "ENOENT"), ("1", "ENOENT"), ("2", "ok")]);
        run(&format!("BindReadOnlyPaths={path}/from:"), "gone").answers(&[
            ("0", "ENOENT"),
            ("1", "ok"),
            ("2", "EROFS"),
        ]);
        for over in ["ReadOnlyPaths=", "TemporaryFileSystem="] {
            let found = run(over, "from");
            found.ends(0).answers(&[
                ("0", "ENOENT"),
                ("1", "ok"),
                ("2", if over.starts_with('R') { "EROFS" } else { "ok" }),
            ]);
        }
        // Nor does it take away what is said about what is in it.
        let properties = [format!("BindReadOnlyPaths=-{path}/gone:{path}"), format!("ReadOnlyPaths={path}/here")];
        let outcome = who.tries(&["-p", &properties[0], "-p", &properties[1]], &words[2..]);
        outcome.ends(0).answers(&[("0", "EROFS")]);
    }
}

#[test]
fn what_a_symlink_leaves_writable_covers_nothing() {
    for who in people() {
        let place = who.place("linked");
        for name in ["real", "real/kept", "real/empty", "real/kept/deep"] {
            fs::create_dir(place.join(name)).expect("a directory can be made");
            who.own(&place.join(name));
        }
        fs::write(place.join("real/empty/file"), "").expect("a file can be written");
        // Behind what it leads to, in the order of their names.
        symlink("real", place.join("same")).expect("a link can be made");
        let path = place.display().to_string();
        let tried =
            ["write {}/real/new", "write {}/real/kept/new", "access {}/real/empty/file", "write {}/real/kept/deep/new"];
        let tried = tried.map(|verb| verb.replace("{}", &path));
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        let words = [
            "ProtectSystem=strict".to_owned(),
            format!("ReadWritePaths={path}/same {path}/same/kept/deep"),
            format!("ReadOnlyPaths={path}/real/kept"),
            format!("TemporaryFileSystem={path}/real/empty"),
        ];
        let options: Vec<&str> = words.iter().flat_map(|word| ["-p", word]).collect();
        who.tries(&options, &tried).ends(0).answers(&[
            ("real", "ok"),
            ("kept", "EROFS"),
            ("empty", "ENOENT"),
            ("deep", "ok"),
        ]);
        // So it is with what is bound there.
        let words = [format!("BindPaths={path}/real:{path}/same"), format!("ReadOnlyPaths={path}/real/kept")];
        let outcome = who.tries(&["-p", &words[0], "-p", &words[1]], &tried[..2]);
        outcome.ends(0).answers(&[("real", "ok"), ("kept", "EROFS")]);
    }
}

#[test]
fn what_cannot_be_looked_at_is_not_taken_for_a_path_without_links() {
    // In a directory that this user cannot enter nobody can tell what is restricted.
    let [root, user] = &people()[..] else { return };
    let shut = root.place("shut").join("shut");
    fs::create_dir(&shut).expect("a directory can be made");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).expect("modes can be set");
    let words =
        [format!("ReadOnlyPaths={}", user.place("open").display()), format!("ReadOnlyPaths=-{}/x", shut.display())];
    let outcome = user.tries(&["-p", "ReadOnlyPaths=/", "-p", &words[0], "-p", &words[1]], &["say ran"]);
    outcome.ends(226).runs_nothing().complains("permission denied");
}

#[test]
fn restrictions_outside_a_new_root_are_refused() {
    for who in people() {
        let place = who.place("outside");
        let root = format!("RootDirectory={}", place.display());
        for word in ["ReadOnlyPaths=/etc", "InaccessiblePaths=/etc/shadow", "NoExecPaths=/"] {
            let outcome = who.tries(&["-p", &root, "-p", word], &["say ran"]);
            outcome.ends(226).runs_nothing().complains("not below RootDirectory");
        }
    }
}

#[test]
fn what_changes_in_an_ephemeral_root_is_gone_whatever_its_name() {
    for who in people() {
        let place = who.place("ephemeral").join("a:b,c\\d \"e");
        for made in [&place, &place.join("tests"), &place.join("etc")] {
            fs::create_dir(made).expect("directories can be made");
            who.own(made);
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o711)).expect("modes can be set");
        let options = [
            "-p".to_owned(),
            // As it is in the policy, so that no quoting is needed.
            "RootEphemeral=yes".to_owned(),
            "-P".to_owned(),
            who.file(
                &who.place("ephemeral").join("policy.toml"),
                format!(
                    "RootDirectory = '{}'\nBindReadOnlyPaths = [\"{}:/tests\"]\n",
                    place.display(),
                    base().display()
                ),
            )
            .display()
            .to_string(),
        ];
        let tried = ["/tests/probe", "touch", "/etc/kept", ",", "access", "/etc/kept", ",", "mode", "/"];
        let mode = format!("40711 {}:{}", who.uid, who.gid);
        let outcome = who.confined(&options).words(&tried).run();
        let release = stockade::host::Host::probe(&stockade::draft::Draft::default()).expect("a host").release;
        if release < (5, 11) && !who.is_root() && outcome.status.code() == Some(226) {
            // A distribution's kernel may allow it earlier.
            outcome.runs_nothing().complains("layers take root, or Linux 5.11");
            continue;
        }
        outcome.ends(0).answers(&[("made", "ok"), ("there", "ok"), ("root", &mode)]);
        assert_eq!(fs::read_dir(place.join("etc")).expect("it is there").count(), 0, "as {}", who.name);
    }
}
