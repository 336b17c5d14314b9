//! The collector by eBPF and the one by notifications see the same in the same program, and say so where they cannot be
//! had.

mod kit;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kit::{Who, people};
use serde_json::Value;

/// A directory of somebody's to work in, anew for each run.
fn place(who: &Who, name: &str) -> PathBuf {
    let root = kit::base().join(format!("by-{name}-{}", who.name));
    fs::remove_dir_all(&root).ok();
    for path in ["home", "work"] {
        fs::create_dir_all(root.join(path)).expect("a directory");
    }
    for path in ["", "home", "work"] {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755)).expect("a mode");
        chown(root.join(path), Some(who.uid), Some(who.gid)).expect("an owner");
    }
    root
}

fn learn(who: &Who, root: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(kit::base().join("stockade"));
    command.arg("learn").args(words).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", root.join("home"));
    command.current_dir(root.join("work")).stdin(Stdio::null());
    if !people()[0].is_root() || who.is_root() {
        return command.output().expect("stockade starts");
    }
    command.uid(who.uid).gid(who.gid).output().expect("stockade starts")
}

/// What a collector saw of a script, in the words of the file beside the policy.
fn seen(who: &Who, name: &str, by: &str, command: &[&str]) -> Value {
    let root = place(who, name);
    let output = learn(who, &root, &[&["--by", by, "-o", "../policy.toml", "--"], command].concat());
    assert!(output.status.success(), "{name} by {by}: {}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(root.join("policy.toml.seen")).expect("what was seen");
    serde_json::from_str(&text).expect("JSON")
}

/// Where the collectors can say the same: names without numbers of times, and what was done at each path.
fn same(seen: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (arch, calls) in seen["calls"].as_object().expect("calls") {
        let names = calls.as_object().expect("names").keys().cloned();
        // How threads wait for each other is chance, as is whether a program that is ended has begun to sleep; a call that
        // a signal interrupts goes on by restart_syscall.
        let chance = ["futex", "restart_syscall", "sched_yield", "madvise", "clock_nanosleep"];
        all.entry(format!("calls of {arch}")).or_default().extend(names.filter(|name| !chance.contains(&&**name)));
    }
    for (path, uses) in seen["paths"].as_object().expect("paths") {
        let mut kinds: BTreeSet<String> = uses.as_object().expect("uses").keys().cloned().collect();
        kinds.remove("by");
        // Whoever asks whether a file is there, and makes it then, has found nothing: only results tell that, which
        // notifications come before.
        if kinds.contains("create") {
            kinds.remove("look");
        }
        // git's own names that are made up.
        let path = Path::new(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let made_up = name.starts_with("tmp_obj_") || name.len() == 7 && name.starts_with('t');
        let path = if made_up { path.with_file_name("made-up") } else { path.to_owned() };
        all.entry(format!("paths {}", path.display())).or_default().extend(kinds);
    }
    for part in ["acts", "abstract"] {
        all.entry(part.into()).or_default().extend(seen[part].as_object().expect("an object").keys().cloned());
    }
    for part in ["sockets", "addresses"] {
        for one in seen[part].as_array().expect("a list") {
            let mut one = one.as_array().expect("a list").clone();
            one.pop();
            all.entry(part.into()).or_default().insert(Value::from(one).to_string());
        }
    }
    all
}

const SERVE: &str = "
import os, socket, threading
def pair(family, kind, at):
    server = socket.socket(family, kind)
    server.bind(at)
    if kind == socket.SOCK_STREAM:
        server.listen()
    client = socket.socket(family, kind)
    client.connect(server.getsockname())
    client.send(b'x')
    other = server.accept()[0] if kind == socket.SOCK_STREAM else server
    assert other.recv(1) == b'x'
pair(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', 47113))
pair(socket.AF_INET6, socket.SOCK_STREAM, ('::1', 47114))
pair(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', 47115))
pair(socket.AF_UNIX, socket.SOCK_STREAM, 'here.sock')
pair(socket.AF_UNIX, socket.SOCK_DGRAM, os.getcwd() + '/there.sock')
pair(socket.AF_UNIX, socket.SOCK_STREAM, '\\0stockade-test-own')
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.sendto(b'x', ('127.0.0.1', 47115))
sender.sendmsg([b'x'], [], 0, ('127.0.0.1', 47116))
for name in ['/nowhere.sock', '\\0stockade-test-nobody']:
    try:
        socket.socket(socket.AF_UNIX).connect(name)
    except OSError:
        pass
try:
    socket.socket().connect(('127.0.0.1', 47119))
except OSError:
    pass
";

const FILES: &str = "
echo a > made; cat made > copy; cp made other; mv other third; rm third; mkdir d; ls d / > list; ln -s made link
cat link; test -e nowhere; cat nowhere 2>/dev/null || true; chmod 600 made; chmod u+s copy; head -c1 /etc/passwd
(cd d; echo b > inner; cat ../made ./inner; cd /; ls etc >/dev/null); find . -name inner; rm -r d; touch made
printf '#!/bin/sh\\necho script\\n' > script; chmod 755 script; ./script; cp /usr/bin/true ./own; ./own
mktemp; readlink link; stat /etc/hostname > /dev/null; ls /proc/self/fd > /dev/null; unlink copy; ln made hard
";

/// By a program without a handler for SIGCHLD: one that has it finds calls interrupted while they wait to be notified of
/// that nothing else interrupts, exit_group(2) among them, and makes others then.
const SIGNALS: &str = "
import os, subprocess
child = subprocess.Popen(['sleep', '60'])
child.terminate()
child.wait()
os.kill(os.getpid(), 0)
os.killpg(0, 0)
os.kill(os.getppid(), 0)
subprocess.run(['nice', 'true'])
";

#[test]
fn both_see_the_same() {
    let who = people().remove(0);
    if !who.is_root() {
        return refused(&who, "both");
    }
    for (name, command) in [
        ("files", ["/bin/sh", "-c", FILES].as_slice()),
        ("sockets", &["/usr/bin/python3", "-c", SERVE]),
        ("sqlite3", &["/usr/bin/sqlite3", "db", "create table t(a); insert into t values(1); select * from t"]),
        ("signals", &["/usr/bin/python3", "-c", SIGNALS]),
        ("git", &["/bin/sh", "-ec", "git init -q r; cd r; echo > f; git add f; git status -s"]),
        ("gcc", &["/bin/sh", "-ec", "echo 'int main(void){return 0;}' > a.c; gcc a.c; ./a.out"]),
    ] {
        let (by_notify, by_ebpf) = (seen(&who, name, "notify", command), seen(&who, name, "ebpf", command));
        assert_eq!(by_ebpf["lost"], 0, "{name}");
        let (by_notify, by_ebpf) = (same(&by_notify), same(&by_ebpf));
        assert!(by_notify.len() > 5 && by_notify.keys().any(|key| key.starts_with("paths")), "{name}");
        let only = |these: &BTreeMap<String, BTreeSet<String>>, those: &BTreeMap<String, BTreeSet<String>>| {
            let nothing = BTreeSet::new();
            let more = |(key, words): (&String, &BTreeSet<String>)| {
                let rest: Vec<&String> = words.difference(those.get(key).unwrap_or(&nothing)).collect();
                (!rest.is_empty()).then(|| format!("{key}: {rest:?}"))
            };
            these.iter().filter_map(more).collect::<Vec<_>>()
        };
        let (notify_only, ebpf_only) = (only(&by_notify, &by_ebpf), only(&by_ebpf, &by_notify));
        assert!(
            notify_only.is_empty() && ebpf_only.is_empty(),
            "{name}\nby notifications only: {notify_only:#?}\nby eBPF only: {ebpf_only:#?}"
        );
    }
}

fn refused(who: &Who, name: &str) {
    let root = place(who, name);
    let output = learn(who, &root, &["--by", "ebpf", "-o", "../policy.toml", "--", "true"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("the eBPF collector needs CAP_BPF") && told.contains("--by notify"), "{told}");
    assert!(!root.join("policy.toml").exists());
}

/// Reading memory, names and other users' links is done in the kernel: nothing but these two is needed.
#[test]
fn two_capabilities_are_enough() {
    let who = people();
    if !who[0].is_root() {
        return refused(&who[0], "two");
    }
    let Some(who) = who.iter().find(|who| !who.is_root()) else { panic!("there is no ordinary user") };
    let root = place(who, "two");
    let policy = root.join("policy.toml");
    let all = "-all,+cap_38,+cap_39";
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--reuid", &who.uid.to_string(), "--regid", &who.gid.to_string(), "--clear-groups"]);
    command.args(["--inh-caps", all, "--ambient-caps", all, "--bounding-set", all]).arg(kit::base().join("stockade"));
    command.args(["learn", "--by", "ebpf", "-o"]).arg(&policy);
    command.args(["--", "/bin/sh", "-c", "echo > made; cd /etc; cat hostname; grep CapEff /proc/self/status"]);
    let output = command.current_dir(root.join("work")).output().expect("setpriv starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("000000c000000000"), "{told}");
    let seen = fs::read_to_string(root.join("policy.toml.seen")).expect("what was seen");
    let seen: Value = serde_json::from_str(&seen).expect("JSON");
    assert!(seen["paths"]["/etc/hostname"]["read"] == 1 && seen["paths"]["./made"]["create"] == 1, "{seen:#}");
    assert!(!seen["unknown"].as_array().expect("a list").iter().any(|part| part == "paths" || part == "sockets"));
}

#[test]
fn what_cannot_be_had_is_refused() {
    for who in people() {
        if !who.is_root() {
            refused(&who, "running");
        }
        let root = place(&who, "running");
        let output = learn(&who, &root, &["--by", "notify", "-o", "../policy.toml", "--pid", "1"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains("--pid cannot listen by notifications"), "{told}");
    }
}

/// Descriptors, children and threads that are all there at the same time, and a limit that it sets itself.
const USES: &str = "
import os, resource, threading
many = [os.open('/dev/null', os.O_RDONLY) for _ in range(100)]
memory = bytearray(50 << 20)
reader, writer = os.pipe()
children = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    children.append(child)
meet = threading.Barrier(4)
threads = [threading.Thread(target=meet.wait) for _ in range(3)]
for thread in threads:
    thread.start()
meet.wait()
for thread in threads:
    thread.join()
os.close(writer)
for child in children:
    os.waitpid(child, 0)
resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
";

#[test]
fn both_see_the_same_of_limits() {
    let mut all = Vec::new();
    for who in people() {
        for by in ["notify", "ebpf"] {
            if by == "ebpf" && !who.is_root() {
                continue;
            }
            // Whether a thread finds malloc's arena taken, and gets 64 MiB of addresses of its own, is chance.
            let python = ["/usr/bin/env", "MALLOC_ARENA_MAX=1", "/usr/bin/python3", "-c", USES];
            let seen = seen(&who, "limits", by, &python);
            let limits = &seen["limits"];
            // One process with three threads and five children; a table of 128 descriptors has no room for 103 and pipes
            // of a shell's, so that the kernel doubles it at most once more.
            assert_eq!(limits["6"], 9, "{by}: {limits}");
            assert!([128, 256].contains(&limits["7"].as_u64().expect("descriptors")), "{by}: {limits}");
            let resident = limits["5"].as_u64().expect("memory");
            assert!((50 << 20..200 << 20).contains(&resident), "{by}: {limits}");
            assert!(limits["9"].as_u64() > Some(resident) && limits["3"].as_u64() > Some(4096), "{by}: {limits}");
            assert_eq!((&seen["limits-asked"]["7"], &seen["limits-near"]["7"]), (&200.into(), &200.into()), "{by}");
            assert_eq!((&seen["unread"], &seen["lost"]), (&0.into(), &0.into()), "{by}");
            let root = kit::base().join(format!("by-limits-{}", who.name));
            let policy = fs::read_to_string(root.join("policy.toml")).expect("a policy");
            assert!(policy.contains("\n# At most 9 processes and threads at the same time."), "{policy}");
            assert!(
                policy.contains("more than half of the limit of 200 that held. It asks for a limit of 200 itself.")
            );
            assert!(policy.contains("\n#LimitNOFILE = 1024\n") && policy.contains("\n#TasksMax = 64\n"), "{policy}");
            if who.is_root() {
                all.push(["3", "6", "7", "9"].map(|limit| limits[limit].clone()));
            }
        }
    }
    assert!(all.windows(2).all(|two| two[0] == two[1]), "{all:?}");
}

/// The reader is stopped while a program opens more files than there is room for.
#[test]
fn events_that_were_lost_are_told() {
    let who = people().remove(0);
    if !who.is_root() {
        return refused(&who, "lost");
    }
    let root = place(&who, "lost");
    let script = "
import os, signal
os.kill(os.getppid(), signal.SIGSTOP)
for _ in range(70000):
    os.close(os.open('here', os.O_RDONLY | os.O_CREAT))
os.kill(os.getppid(), signal.SIGCONT)
";
    let output = learn(&who, &root, &["--by", "ebpf", "-o", "../policy.toml", "--", "/usr/bin/python3", "-c", script]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let seen = fs::read_to_string(root.join("policy.toml.seen")).expect("what was seen");
    let seen: Value = serde_json::from_str(&seen).expect("JSON");
    let lost = seen["lost"].as_u64().expect("a number");
    assert!(lost > 1000, "{lost}");
    // Not the calls: nothing has to be read for those to be counted.
    assert!(seen["calls"]["x86-64"]["openat"].as_u64() >= Some(70_000), "{}", seen["calls"]);
    assert!(
        told.contains(&format!("the arguments of {lost} calls were not seen; another run may add to it")),
        "{told}"
    );
    let head = format!("\n# The arguments of {lost} calls were not seen: another run may add to this.\n");
    let policy = fs::read_to_string(root.join("policy.toml")).expect("a policy");
    assert!(policy.contains(&head), "{policy}");
    // What is missing is refused, and told of by those who ask, rather than open.
    assert!(policy.contains("\n[Landlock]\nRead = [\n"), "{policy}");
    // Another run, which loses nothing, adds what was missing; that something may be missing stays said.
    let again =
        learn(&who, &root, &["--by", "ebpf", "-o", "../policy.toml", "--", "/bin/cat", "here", "/etc/hostname"]);
    assert!(again.status.success());
    let policy = fs::read_to_string(root.join("policy.toml")).expect("a policy");
    assert!(policy.contains(&head) && policy.contains("\"-/etc/hostname\""), "{policy}");
}

/// Of a program that its user may not read, others of his may not look at anything (proc_pid_fd(5)).
#[test]
fn looks_that_failed_are_told() {
    for who in people().iter().filter(|who| !who.is_root()) {
        let root = place(who, "unread");
        fs::copy("/usr/bin/true", root.join("work/closed")).expect("a copy");
        let program = root.join("work/closed");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o111)).expect("a mode");
        let output = learn(who, &root, &["-o", "../policy.toml", "--", "/bin/sh", "-c", "./closed; true"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        assert!(told.contains("a process that was there could not be looked at, "), "{told}");
        assert!(told.contains("not all files could be seen, so that none is refused"), "{told}");
        let policy = fs::read_to_string(root.join("policy.toml")).expect("a policy");
        assert!(policy.contains("\n# A process that was there could not be looked at, "), "{policy}");
    }
}
