//! Directives about the process's attributes, files, secrets, directories and layers: what the kernel says of a target
//! that has them, as root and as an ordinary user.

mod kit;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;

use kit::{Outcome, Who, base, host_has, people, roots};

/// A shell under these properties.
fn shell(who: &Who, properties: &[&str], script: &str) -> Outcome {
    let options: Vec<&str> = properties.iter().flat_map(|property| ["-p", *property]).collect();
    who.confined(&options).words(&["/bin/sh", "-c", script]).run()
}

fn root() -> Option<Who> {
    roots().pop()
}

#[test]
fn attributes_are_the_kernels() {
    let script = "nice; cat /proc/self/oom_score_adj; cat /proc/self/coredump_filter; cat /proc/self/timerslack_ns; \
                  grep -E 'Cpus_allowed_list' /proc/self/status; chrt -p $$; ionice -p $$";
    for who in people() {
        let properties = [
            "Nice=5",
            "OOMScoreAdjust=300",
            "CoredumpFilter=0x31",
            "TimerSlackNSec=1ms",
            "CPUAffinity=0",
            "CPUSchedulingPolicy=batch",
            "IOSchedulingClass=best-effort",
            "IOSchedulingPriority=7",
        ];
        let outcome = shell(&who, &properties, script);
        outcome.quietly().ends(0).says("5").says("300").says("00000031").says("1000000");
        outcome.says("Cpus_allowed_list:\t0").says("best-effort: prio 7");
        assert!(outcome.stdout.contains("SCHED_BATCH"), "{}", outcome.stdout);
    }
}

#[test]
fn what_takes_a_right_fails_without() {
    for who in people().into_iter().filter(|who| !who.is_root()) {
        shell(&who, &["Nice=-5"], "true").ends(201).complains("cannot set the nice level to -5").runs_nothing();
        shell(&who, &["CPUSchedulingPolicy=fifo"], "true").ends(214).complains("scheduling policy");
        shell(&who, &["IOSchedulingClass=realtime"], "true").ends(211);
        shell(&who, &["NetworkNamespacePath=/proc/self/ns/net"], "true").ends(225).complains("needs root");
        shell(&who, &["DynamicUser=yes"], "true").ends(217).complains("needs root");
        shell(&who, &["PrivateBPF=yes"], "true").ends(244).complains("PrivateBPF");
    }
    for who in people() {
        shell(&who, &["CPUAffinity=8191"], "true").ends(215).complains("processors 8191");
        shell(&who, &["CPUSchedulingPriority=5"], "true").ends(214).complains("priority 5");
        shell(&who, &["NUMAPolicy=bind"], "true").ends(242).complains("NUMAMask");
    }
}

#[test]
fn what_only_a_right_raises_is_as_near_as_it_can_be_and_told() {
    for who in people().into_iter().filter(|who| !who.is_root()) {
        let score = "cat /proc/self/oom_score_adj";
        let had = shell(&who, &["UMask=0022"], score).ends(0).stdout.clone();
        let told = shell(&who, &["OOMScoreAdjust=-900"], score);
        told.ends(0).complains("is the least that this caller can have");
        assert_eq!(told.stdout, had);
        let most = shell(&who, &["UMask=0022"], "ulimit -Hn").ends(0).stdout.clone();
        let told = shell(&who, &["LimitNOFILE=infinity"], "ulimit -Sn; ulimit -Hn");
        told.ends(0).complains("is the most that this caller can have");
        assert_eq!(told.stdout, format!("{most}{most}"));
        // A hard limit that cannot be so high takes nothing from the program.
        shell(&who, &["LimitNOFILE=64:infinity"], "ulimit -Sn").quietly().ends(0);
    }
}

#[test]
fn realtime_resets_on_fork() {
    let Some(who) = root() else { return };
    let properties = ["CPUSchedulingPolicy=rr", "CPUSchedulingPriority=20", "CPUSchedulingResetOnFork=yes"];
    let outcome = shell(&who, &properties, "chrt -p $$; sh -c 'chrt -p $$'");
    outcome.quietly().ends(0);
    assert!(outcome.stdout.contains("SCHED_RR|SCHED_RESET_ON_FORK"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("scheduling priority: 20"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("SCHED_OTHER"), "{}", outcome.stdout);
}

#[test]
fn signals_memory_and_personality() {
    for who in people() {
        let ignored = |yes: &str| {
            let outcome = shell(&who, &[&format!("IgnoreSIGPIPE={yes}")], "grep SigIgn /proc/self/status");
            let mask = outcome.quietly().ends(0).stdout.trim().trim_start_matches("SigIgn:\t").to_owned();
            u64::from_str_radix(&mask, 16).expect("a mask") & 0x1000 != 0
        };
        assert!(ignored("yes") && !ignored("no"));
        shell(&who, &["MemoryKSM=no"], "true").quietly().ends(0);
        if cfg!(target_arch = "x86_64") {
            shell(&who, &["Personality=x86", "LockPersonality=yes"], "uname -m; setarch x86_64 true || echo locked")
                .says("i686")
                .says("locked");
        }
    }
}

#[test]
fn huge_pages() {
    // PR_GET_THP_DISABLE: 1 is none at all, and 2 of it except where madvise(2) asks (Linux 6.18).
    for who in people() {
        let say = |mode: &str| who.tries(&["-p", &format!("MemoryTHP={mode}")], &["thp"]);
        say("disable").quietly().ends(0).says("thp: 1");
        say("inherit").quietly().ends(0).says("thp: 0");
        let disabled = |mode: &str| {
            let stockade = base().join("stockade").to_string_lossy().into_owned();
            let inner = [stockade.as_str(), "run", "-p", &format!("MemoryTHP={mode}"), "--"].map(String::from);
            who.confined(&["-p", "MemoryTHP=disable"]).words(&inner).words(&kit::verbs(&["thp"])).run()
        };
        disabled("inherit").quietly().ends(0).says("thp: 1");
        disabled("system").quietly().ends(0).says("thp: 0");
        if kit::kernel() >= (6, 18) {
            say("madvise").quietly().ends(0).says("thp: 3");
            disabled("madvise").quietly().ends(0).says("thp: 3");
        } else {
            say("madvise").ends(246).complains("MemoryTHP").complains("6.18").runs_nothing();
            let weaker = who.tries(&["-p", "MemoryTHP=madvise", "-p", "Prefer=MemoryTHP"], &["thp"]);
            weaker.ends(0).says("thp: 0").complains("madvise(2)");
        }
    }
}

#[test]
fn keyrings() {
    // The session keyring of a shell, or the lack of one, is what the control shows.
    let script = "keys=$(cut -d' ' -f1,2 /proc/keys | wc -l); grep -c ' keyring   _ses: empty' /proc/keys";
    for who in people() {
        shell(&who, &["KeyringMode=private"], script).ends(0);
        let shared = shell(&who, &["KeyringMode=shared"], "cat /proc/keys");
        shared.quietly().ends(0);
        assert!(shared.stdout.contains(&format!("_uid.{}", who.uid)), "{}", shared.stdout);
        assert!(shared.stdout.contains("_ses: 1"), "{}", shared.stdout);
    }
}

#[test]
fn files_come_in_order_and_with_names() {
    for who in people() {
        let place = who.place("open");
        let text = who.file(&place.join("text"), "one\n");
        let socket = place.join("socket");
        let listener = UnixListener::bind(&socket).expect("a socket");
        who.own(&socket);
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).expect("modes can be set");
        let properties = [
            format!("OpenFile={}:t:append", text.display()),
            "OpenFile=/does/not/exist::graceful".into(),
            format!("OpenFile={}", socket.display()),
            format!("OpenFile={}:r:read-only", text.display()),
        ];
        let properties: Vec<&str> = properties.iter().map(String::as_str).collect();
        let script = "echo $LISTEN_FDS $LISTEN_FDNAMES; test $LISTEN_PID = $$ && echo mine; echo two >&3; cat <&5; \
                      echo no >&5; test -e /proc/$$/fd/6 || echo no more; readlink /proc/$$/fd/4";
        let outcome = shell(&who, &properties, script);
        outcome.says("3 t:socket:r").says("mine").says("one").says("two").says("no more");
        assert!(outcome.stdout.contains("socket:["), "{}", outcome.stdout);
        assert_eq!(fs::read_to_string(&text).expect("text"), "one\ntwo\n");
        drop(listener);
        shell(&who, &["OpenFile=/does/not/exist"], "true").ends(202).complains("/does/not/exist").runs_nothing();
        shell(&who, &["OpenFile=/etc/passwd", "Descriptors.Pass=3"], "true").ends(202).complains("descriptor 3");
    }
}

#[test]
fn a_file_of_variables_is_read_as_systemd_reads_it() {
    for who in people() {
        let place = who.place("variables");
        let text =
            "# comment \\\nA=1 # not a comment\n;B=2\nexport C=3\nD=\"x\\\"y\" z\nE='a\nb'\nF=go\\\n on\nG=%h $A\n";
        let file = who.file(&place.join("env"), text);
        let listed = format!("EnvironmentFile={}", file.display());
        let script = "echo \"$A|${B-unset}|${C-unset}|$D|$F|$G\"; echo \"$E\"";
        let outcome = shell(&who, &[&listed, "EnvironmentFile=-/does/not/exist", "Environment=A=0"], script);
        outcome.quietly().ends(0).says("1 # not a comment|unset|unset|x\"yz|go on|%h $A").says("b");
        shell(&who, &["EnvironmentFile=/does/not/exist"], "true").ends(78).complains("/does/not/exist");
    }
}

#[test]
fn programs_are_looked_for_where_the_policy_says() {
    for who in people() {
        let place = who.place("bin");
        let tool = who.file(&place.join("tool"), "#!/bin/sh\necho found; echo $PATH\n");
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        let search = format!("ExecSearchPath={}:/usr/bin", place.display());
        let run = |more: &[&str]| who.confined(&[&["-p", search.as_str()], more].concat()).words(&["tool"]).run();
        run(&[]).quietly().ends(0).says("found").says(&format!("{}:/usr/bin", place.display()));
        run(&["-p", "Environment=PATH=/bin"]).quietly().ends(0).says("found").says("/bin");
    }
}

#[test]
fn logins_are_told_when_asked() {
    for who in people() {
        let home = base().join(who.name);
        let mine = format!("HOME={}", home.display());
        shell(&who, &["SetLoginEnvironment=yes"], "env").quietly().ends(0).never_says(&mine);
        shell(&who, &["SetLoginEnvironment=no"], "env").quietly().ends(0).says(&mine).never_says("USER=");
    }
}

#[test]
fn the_host_can_have_another_name() {
    for who in people() {
        let outcome = shell(&who, &["ProtectHostname=yes:box-%U"], "uname -n; echo x >/proc/sys/kernel/hostname");
        outcome.says(&format!("box-{}", who.uid));
        assert!(!outcome.status.success(), "the name can be changed");
        shell(&who, &["ProtectHostname=no:a"], "true").ends(78);
    }
}

#[test]
fn credentials_are_the_targets_alone() {
    for who in people() {
        let place = who.place("secret");
        let file = who.file(&place.join("key"), "from a file");
        let runtime = who.place("runtime");
        let load = format!("LoadCredential=key:{}", file.display());
        let options = [
            "-p",
            &load,
            "-p",
            "LoadCredential=nowhere",
            "-p",
            "SetCredential=mode:a\\tb",
            "-p",
            "SetCredential=key:no",
        ];
        let script = "cd $CREDENTIALS_DIRECTORY; ls; cat key mode; echo; stat -c '%a %u' . key; \
                      echo x >key; echo x >new; rm -f key; chmod 644 key; ls | wc -l";
        let run = who.confined(&options).words(&["/bin/sh", "-c", script]).env("XDG_RUNTIME_DIR", &runtime);
        let outcome = run.run();
        outcome.says("key").says("mode").says("from a filea\tb").says(&format!("500 {}", who.uid));
        outcome.says(&format!("400 {}", who.uid)).says("2");
        // Nothing of it was ever on the host.
        let left = fs::read_dir("/run/credentials").map_or(0, Iterator::count);
        assert_eq!(left, 0, "something is left in /run/credentials");
        let missing =
            who.confined(&["-p", "LoadCredential=a:/does/not/exist"]).words(&["true"]).env("XDG_RUNTIME_DIR", &runtime);
        missing.run().ends(243).complains("no credential /does/not/exist").runs_nothing();
        let fallback = who.confined(&["-p", "LoadCredential=a:/does/not/exist", "-p", "SetCredential=a:b"]);
        let fallback =
            fallback.words(&["/bin/sh", "-c", "cat $CREDENTIALS_DIRECTORY/a"]).env("XDG_RUNTIME_DIR", &runtime);
        fallback.run().quietly().ends(0).says("b");
    }
}

#[test]
fn credentials_of_another_user_belong_to_it() {
    let Some(who) = root() else { return };
    let script = "stat -c '%a %u' $CREDENTIALS_DIRECTORY $CREDENTIALS_DIRECTORY/a; cat $CREDENTIALS_DIRECTORY/a";
    shell(&who, &["SetCredential=a:b", "User=nobody"], script)
        .quietly()
        .ends(0)
        .says("500 65534")
        .says("400 65534")
        .says("b");
}

/// Names of this run, so that nothing of the host's is touched.
fn name(part: &str) -> String {
    format!("stockade-test-{}-{part}", std::process::id())
}

#[test]
fn directories_of_a_user_are_where_xdg_has_them() {
    for who in people().into_iter().filter(|who| !who.is_root()) {
        let home = who.place("home");
        let runtime = who.place("runtime");
        let options = [
            "-p",
            "StateDirectory=a/b:link",
            "-p",
            "StateDirectoryMode=0750",
            "-p",
            "CacheDirectory=c d::ro",
            "-p",
            "LogsDirectory=l",
            "-p",
            "ConfigurationDirectory=e",
            "-p",
            "RuntimeDirectory=r",
            "-p",
            "ProtectSystem=strict",
        ];
        let script = "echo $STATE_DIRECTORY; echo $CACHE_DIRECTORY; echo $LOGS_DIRECTORY; echo $CONFIGURATION_DIRECTORY; \
                      echo $RUNTIME_DIRECTORY; touch $STATE_DIRECTORY/f && echo state; touch ${CACHE_DIRECTORY#*:}/f || echo cache";
        let run = who.confined(&options).words(&["/bin/sh", "-c", script]);
        let outcome = run.env("HOME", &home).env("XDG_RUNTIME_DIR", &runtime).run();
        let at = |path: &str| home.join(path).display().to_string();
        outcome.says(&at(".local/state/a/b")).says(&format!("{}:{}", at(".cache/c"), at(".cache/d")));
        outcome.says(&at(".local/state/log/l")).says(&at(".config/e")).says(&runtime.join("r").display().to_string());
        outcome.says("state").says("cache");
        let facts = fs::metadata(home.join(".local/state/a/b")).expect("made");
        assert_eq!((facts.mode() & 0o7777, facts.uid()), (0o750, who.uid));
        assert_eq!(fs::read_link(home.join(".local/state/link")).expect("a link"), Path::new("a/b"));
    }
}

#[test]
fn directories_of_root_belong_to_the_target() {
    let Some(who) = root() else { return };
    let (state, runtime) = (name("state"), name("run"));
    let properties = [
        format!("StateDirectory={state}"),
        format!("RuntimeDirectory={runtime}/deep"),
        "StateDirectoryMode=0700".into(),
        "User=nobody".into(),
        "ProtectSystem=strict".into(),
    ];
    let properties: Vec<&str> = properties.iter().map(String::as_str).collect();
    let outcome = shell(
        &who,
        &properties,
        "touch $STATE_DIRECTORY/f $RUNTIME_DIRECTORY/f && stat -c '%a %u %g' $STATE_DIRECTORY",
    );
    outcome.quietly().ends(0).says("700 65534 65534");
    let parent = Path::new("/run").join(&runtime);
    assert_eq!(fs::metadata(&parent).expect("made").uid(), 0, "only the last directory is given away");
    // Where its user could have put a link, root follows none.
    fs::remove_dir_all(parent.join("deep")).expect("removed");
    symlink("/etc", parent.join("deep")).expect("a link");
    let before = fs::metadata("/etc").expect("there");
    shell(&who, &properties, "true").ends(233).complains("cannot make").runs_nothing();
    let after = fs::metadata("/etc").expect("there");
    assert_eq!((before.uid(), before.mode()), (after.uid(), after.mode()));
    fs::remove_dir_all(&parent).expect("removed");
    fs::remove_dir_all(Path::new("/var/lib").join(&state)).expect("removed");
}

/// Two processes of the same number in PID namespaces of their own, as in containers, see nothing of each other.
#[test]
fn dynamic_users_of_two_namespaces_are_two() {
    let Some(who) = root() else { return };
    let run =
        who.confined(&["-p", "DynamicUser=yes", "-p", "WorkingDirectory=/"]).words(&["sh", "-c", "id -u; read x"]);
    let run = run.behind(&["unshare", "--pid", "--fork"]);
    let mut both: Vec<_> = (0..2).map(|_| run.command().stdin(Stdio::piped()).spawn().expect("it starts")).collect();
    let ids: Vec<String> = both
        .iter_mut()
        .map(|child| {
            let mut line = String::new();
            BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
            line
        })
        .collect();
    for mut child in both {
        drop(child.stdin.take());
        child.wait().expect("its end");
    }
    let number = |id: &String| id.trim().parse().is_ok_and(|id: u32| (61_184..=65_519).contains(&id));
    assert!(ids.iter().all(number) && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn a_dynamic_user_needs_to_be_sure_of_the_processes() {
    let Some(who) = root() else { return };
    let run = who.confined(&["-p", "DynamicUser=yes", "-p", "WorkingDirectory=/"]).words(&["id", "-u"]);
    let outcome = run.behind(&["unshare", "--mount", "sh", "-c", "umount -l /proc && exec \"$@\"", "sh"]).run();
    outcome.ends(217).complains("no user number is free").complains("/proc does not show them").runs_nothing();
}

#[test]
fn a_dynamic_user_is_nobody_elses() {
    let Some(who) = root() else { return };
    let runtime = name("dynamic");
    let script = "id -u; id -g; touch $RUNTIME_DIRECTORY/f && echo wrote; touch /usr/f || echo strict; \
                  grep NoNewPrivs /proc/self/status; stat -f -c %T /dev/shm; env | grep -c ^HOME=";
    let outcome = shell(&who, &["DynamicUser=yes", &format!("RuntimeDirectory={runtime}")], script);
    let mut lines = outcome.stdout.lines();
    let uid: u32 = lines.next().and_then(|line| line.parse().ok()).expect("a number");
    assert!((61_184..=65_519).contains(&uid), "{uid}");
    assert_eq!(lines.next(), Some(uid.to_string().as_str()));
    outcome.says("wrote").says("strict").says("NoNewPrivs:\t1").says("tmpfs").says("0");
    fs::remove_dir_all(Path::new("/run").join(runtime)).expect("removed");
    // One that is there is taken, as systemd takes it.
    let outcome = shell(&who, &["DynamicUser=yes", "User=nobody"], "id -u; touch /usr/f || echo strict");
    outcome.ends(0).says("65534").says("strict");
    shell(&who, &["DynamicUser=yes", "StateDirectory=x"], "true").ends(78).complains("dynamic user");
}

#[test]
fn objects_do_not_outlive_the_target() {
    for who in people() {
        let user = format!("User={}", who.uid);
        let group = format!("Group={}", who.gid);
        let outcome = shell(
            &who,
            &["RemoveIPC=yes", &user, &group],
            "echo x >/dev/shm/stockade-test; readlink /proc/self/ns/ipc",
        );
        outcome.quietly().ends(0);
        let own = fs::read_link("/proc/self/ns/ipc").expect("a namespace").display().to_string();
        assert!(!outcome.stdout.contains(&own), "{}", outcome.stdout);
        assert!(!Path::new("/dev/shm/stockade-test").exists());
    }
}

#[test]
fn what_is_written_to_an_ephemeral_root_is_gone() {
    for who in people() {
        if !host_has("userns") {
            continue;
        }
        let image = who.place("image");
        for directory in ["usr", "lib", "lib64", "bin", "proc", "sys", "dev", "run", "etc"] {
            fs::create_dir(image.join(directory)).expect("a directory");
            who.own(&image.join(directory));
        }
        who.file(&image.join("etc/lower"), "lower");
        let root = format!("RootDirectory={}", image.display());
        let binds = "BindReadOnlyPaths=/usr -/lib -/lib64 /bin";
        let script = "cat /etc/lower; echo new >/etc/lower; echo new >/new; cat /new; rm /etc/lower; stat -c %u /";
        let outcome = shell(&who, &[&root, "RootEphemeral=yes", binds], script);
        outcome.quietly().ends(0).says("lowernew").says(&who.uid.to_string());
        assert_eq!(fs::read_to_string(image.join("etc/lower")).expect("kept"), "lower");
        assert!(!image.join("new").exists());
        // Without kernel file systems there are none.
        shell(&who, &[&root, "MountAPIVFS=no", binds], "ls /proc | wc -l").ends(0).says("0");
        shell(&who, &[&root, binds], "test -e /proc/self/status && echo there").ends(0).says("there");
    }
}

#[test]
fn layers_lie_over_the_host() {
    for who in people() {
        let place = who.place("layers");
        for (layer, text) in [("one", "1"), ("two", "2")] {
            fs::create_dir_all(place.join(layer).join("usr/share/stockade-layer")).expect("directories");
            fs::write(place.join(layer).join("usr/share/stockade-layer/file"), text).expect("a file");
        }
        fs::create_dir_all(place.join("one/etc/stockade-layer")).expect("directories");
        let layers = format!("ExtensionDirectories={0}/one {0}/two -/does/not/exist", place.display());
        let script = "cat /usr/share/stockade-layer/file; ls -d /etc/stockade-layer /usr/bin/env; touch /etc/stockade-layer/f || echo no";
        let outcome = shell(&who, &[&layers], script);
        outcome.says("2/etc/stockade-layer").says("/usr/bin/env").says("no");
        assert!(!Path::new("/usr/share/stockade-layer").exists());
        shell(&who, &["ExtensionDirectories=/does/not/exist"], "true").ends(226).complains("/does/not/exist");
        let root = format!("RootDirectory={}", place.display());
        shell(&who, &[&layers, &root], "true").ends(78).complains("another root");
    }
}

#[test]
fn propagation_is_as_asked() {
    for who in people() {
        let count = |word: &str| {
            let script = "grep -c shared: /proc/self/mountinfo; grep -c master: /proc/self/mountinfo; true";
            shell(&who, &[word], script).quietly().ends(0).stdout.clone()
        };
        assert!(count("MountFlags=private").starts_with("0\n0\n"));
        assert!(!count("MountFlags=shared").starts_with("0\n"));
        assert!(count("PrivateMounts=yes").starts_with("0\n"), "mounts pass back to the host");
    }
}

#[test]
fn namespaces_that_are_there_can_be_entered() {
    let Some(who) = root() else { return };
    let script = "unshare --net --ipc sh -c 'echo ready; exec sleep 30'";
    let mut other = std::process::Command::new("/bin/sh");
    other.args(["-c", &format!("exec {script}")]).stdout(std::process::Stdio::piped());
    let mut other = other.spawn().expect("started");
    let mut out = std::io::BufReader::new(other.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut out, &mut String::new()).expect("ready");
    let file = |kind: &str| format!("/proc/{}/ns/{kind}", other.id());
    let inside = |kind: &str| fs::read_link(file(kind)).expect("a namespace").display().to_string();
    let (net, ipc) = (inside("net"), inside("ipc"));
    let properties = [format!("NetworkNamespacePath={}", file("net")), format!("IPCNamespacePath={}", file("ipc"))];
    let outcome = shell(
        &who,
        &[&properties[0], &properties[1], "PrivateNetwork=yes"],
        "readlink /proc/self/ns/net /proc/self/ns/ipc",
    );
    other.kill().expect("killed");
    other.wait().expect("reaped");
    outcome.ends(0).says(&net).says(&ipc);
    shell(&who, &["NetworkNamespacePath=/etc/passwd"], "true").ends(225).runs_nothing();
}

#[test]
fn labels_of_modules_that_are_not_there() {
    let there = |path: &str, text: &str| fs::read_to_string(path).is_ok_and(|read| read.starts_with(text));
    for who in people() {
        shell(&who, &["AppArmorProfile=-no-such-profile"], "true").ends(0);
        shell(&who, &["SELinuxContext=-no:such:context:s0"], "true").ends(0);
        if there("/sys/module/apparmor/parameters/enabled", "Y") {
            shell(&who, &["AppArmorProfile=no-such-profile"], "true").ends(231).runs_nothing();
        } else {
            shell(&who, &["AppArmorProfile=no-such-profile"], "true").ends(231).complains("not active").runs_nothing();
        }
    }
}

#[test]
fn limits_of_groups_are_never_guessed() {
    for who in people() {
        shell(&who, &["TasksMax=10"], "true").ends(219).complains("systemd-run").runs_nothing();
        let outcome =
            who.confined(&["-p", "TasksMax=10", "-p", "Prefer=TasksMax"]).words(&["/bin/echo", "weaker"]).run();
        outcome.ends(0).says("weaker").complains("TasksMax");
    }
}

#[test]
fn words_of_a_manager_get_advice() {
    for who in people() {
        for (property, advice) in [
            ("IPAddressDeny=any", "PrivateNetwork=yes"),
            ("DeviceAllow=/dev/null rw", "PrivateDevices=yes"),
            ("RootImage=/x", "RootDirectory="),
            ("ExecStartPre=/bin/true", "only one command"),
            ("WantedBy=multi-user.target", "about a unit"),
            ("UserNamespacePath=/x", "nsenter"),
        ] {
            shell(&who, &[property], "true").ends(78).complains("cannot carry out").complains(advice).runs_nothing();
        }
    }
}

#[test]
fn sockets_of_the_journal_are_shown_where_they_are() {
    for who in people() {
        let outcome = shell(
            &who,
            &["BindLogSockets=yes", "TemporaryFileSystem=/run"],
            "ls /run/systemd/journal 2>/dev/null; true",
        );
        outcome.ends(0);
        let host = fs::symlink_metadata("/run/systemd/journal/socket").is_ok_and(|facts| facts.file_type().is_socket());
        assert_eq!(outcome.stdout.contains("socket"), host);
    }
}
