//! What is learnt on one workload protects another, without an edit; what was not learnt is refused.

mod kit;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kit::{Who, people};

/// A directory of somebody's, with a home that has a secret and a directory to work in.
struct Place {
    root: PathBuf,
    who: Who,
}

impl Place {
    fn new(who: &Who, name: &str) -> Self {
        let root = kit::base().join(format!("learn-{name}-{}", who.name));
        fs::create_dir_all(root.join("home/.ssh")).expect("a home");
        fs::create_dir_all(root.join("work")).expect("a place to work");
        fs::write(root.join("home/.ssh/id_rsa"), "the key").expect("a secret");
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("a mode");
        for path in ["", "home", "home/.ssh", "home/.ssh/id_rsa", "work"] {
            std::os::unix::fs::chown(root.join(path), Some(who.uid), Some(who.gid)).expect("an owner");
        }
        Self { root, who: who.clone() }
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(&kit::base().join("stockade"), words).output().expect("stockade starts")
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.root.join("home"))
            .current_dir(self.root.join("work"))
            .stdin(Stdio::null());
        if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) != self.who.uid) {
            command.uid(self.who.uid).gid(self.who.gid);
        }
        command
    }

    fn learn(&self, policy: &str, command: &[&str]) -> Output {
        self.run(&[&["learn", "-o", policy, "--"], command].concat())
    }

    fn protect(&self, policy: &str, command: &[&str]) -> Output {
        self.run(&[&["run", "-P", policy, "--"], command].concat())
    }

    fn policy(&self) -> String {
        fs::read_to_string(self.root.join("policy.toml")).expect("a policy was written")
    }
}

const POLICY: &str = "../policy.toml";

fn good(output: &Output, what: &str) {
    assert!(output.status.success(), "{what}: {:?}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}

fn refused(output: &Output, what: &str) {
    assert!(!output.status.success(), "{what} was not refused");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("the key"), "{what} gave the secret away");
}

/// Programs, one workload to learn on and one to protect.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("sort", "seq 900 | sort -r > a; sort -n a -o b", "seq 70 | sort -r > c; sort -n c -o d; test -s d"),
    (
        "tar",
        "mkdir d; echo 1 > d/f; tar czf d.tgz d; tar xzf d.tgz",
        "mkdir e; echo 2 > e/g; tar czf e.tgz e; tar xzf e.tgz",
    ),
    (
        "sqlite3",
        "sqlite3 db 'create table t(a); insert into t values(1)'",
        "sqlite3 other 'create table u(b); insert into u values(2)'",
    ),
    ("python3", "python3 -c 'print(sum(range(9)))'", "python3 -c 'print(2 ** 10)'"),
    (
        "git",
        "git init -q r; cd r; git config user.email a@b; git config user.name a; echo > f; git add f; git commit -qm f; cd ..; git clone -q r c",
        "git init -q s; cd s; git config user.email a@b; git config user.name a; echo > g; git add g; git commit -qm g; cd ..; git clone -q s e",
    ),
    (
        "gcc",
        "echo 'int main(void){return 0;}' > a.c; gcc -c a.c",
        "echo 'int f(void){return 1;}' > b.c; gcc -c b.c; test -s b.o",
    ),
];

#[test]
fn learnt_on_one_workload_it_protects_another() {
    for who in people() {
        for (name, learn, protect) in PROGRAMS {
            let place = Place::new(&who, name);
            let (learn, protect) = (["sh", "-ec", learn], ["sh", "-ec", protect]);
            good(&place.learn(POLICY, &learn), &format!("learning {name} as {}", who.name));
            good(&place.run(&["check", POLICY]), &format!("checking {name}"));
            good(&place.protect(POLICY, &protect), &format!("{name} under its policy as {}", who.name));
            let secret = place.root.join("home/.ssh/id_rsa");
            let steal = format!("while read -r line; do echo \"$line\"; done < {}", secret.display());
            refused(&place.protect(POLICY, &["sh", "-ec", &steal]), &format!("{name} reading a key"));
            fs::copy("/usr/bin/true", place.root.join("work/new")).expect("a program");
            fs::set_permissions(place.root.join("work/new"), fs::Permissions::from_mode(0o755)).expect("a mode");
            refused(&place.protect(POLICY, &["sh", "-ec", "./new"]), &format!("{name} executing a new program"));
        }
    }
}

#[test]
fn a_filter_refuses_what_was_not_seen() {
    for who in people() {
        let place = Place::new(&who, "foreign");
        good(&place.learn(POLICY, &["/usr/bin/python3", "-c", "import ctypes, socket; print(1)"]), "learning");
        let trace = "import ctypes, sys; libc = ctypes.CDLL(None, use_errno=True); sys.exit(0 if libc.ptrace(0, 0, 0, 0) == 0 else 9)";
        let connect = "import socket; socket.socket().connect(('127.0.0.1', 9))";
        assert_eq!(place.protect(POLICY, &["/usr/bin/python3", "-c", trace]).status.code(), Some(9));
        let output = place.protect(POLICY, &["/usr/bin/python3", "-c", connect]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("PermissionError") || told.contains("Errno 97"), "{told}");
    }
}

#[test]
fn what_is_dangerous_is_written_and_not_allowed() {
    for who in people() {
        let place = Place::new(&who, "danger");
        let script = format!("cat {}; echo x >> $HOME/.bashrc", place.root.join("home/.ssh/id_rsa").display());
        good(&place.learn(POLICY, &["sh", "-ec", &script]), "learning");
        let policy = place.policy();
        for wanted in
            ["#\"-%h/.ssh/id_rsa\"", "#\"-%h/.bashrc\"", "secrets are there", "decides what is executed later"]
        {
            assert!(policy.contains(wanted), "{wanted} is not in\n{policy}");
        }
        refused(&place.protect(POLICY, &["sh", "-ec", &script]), "reading a key");
    }
}

#[test]
fn runs_add_up_and_the_status_is_the_commands() {
    for who in people() {
        let place = Place::new(&who, "runs");
        assert_eq!(place.learn(POLICY, &["sh", "-c", "exit 7"]).status.code(), Some(7));
        assert!(!place.policy().contains("AF_UNIX"));
        good(
            &place.learn(POLICY, &["/usr/bin/python3", "-c", "import socket; socket.socket(socket.AF_UNIX)"]),
            "once more",
        );
        let policy = place.policy();
        assert!(policy.contains("What 2 runs needed") && policy.contains("AF_UNIX"), "{policy}");
        assert_eq!(place.learn(POLICY, &["sh", "-c", "kill -9 $$"]).status.code(), None);
        assert_eq!(place.learn(POLICY, &["./nowhere"]).status.code(), Some(127));
        fs::write(place.root.join("work/own.toml"), "UMask = '077'\n").expect("a policy of one's own");
        assert!(
            !place.learn("own.toml", &["true"]).status.success(),
            "a policy that was not learnt is not overwritten"
        );
    }
}

#[test]
fn merging_is_the_same_in_any_order() {
    let who = people().remove(0);
    let place = Place::new(&who, "merge");
    good(&place.learn("../a.toml", &["sh", "-c", "echo > x"]), "a");
    good(&place.learn("../b.toml", &["ls", "/"]), "b");
    good(&place.learn("../c.toml", &["sort", "/etc/passwd"]), "c");
    let merge = |names: &[&str], to: &str| {
        good(&place.run(&[&["learn", "-o", to, "--merge"], names].concat()), "merging");
        fs::read_to_string(place.root.join("work").join(Path::new(to))).expect("a policy")
    };
    let whole = merge(&["../a.toml", "../b.toml", "../c.toml"], "../one.toml");
    merge(&["../c.toml", "../b.toml"], "../two.toml");
    assert_eq!(whole, merge(&["../two.toml", "../a.toml"], "../three.toml"));
    assert!(whole.contains("3 runs"), "{whole}");
}

/// What a profile forbids and the program needs is told and allowed; what it allows is not said again.
#[test]
fn what_it_extends_is_not_said_again_and_what_that_denies_is_told() {
    const SERVE: &str = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); open('x', 'w')";
    for who in people() {
        let place = Place::new(&who, "base");
        let python = ["/usr/bin/python3", "-c", SERVE];
        let output = place.run(&[&["learn", "-P", "strict", "-o", POLICY, "--"][..], &python].concat());
        good(&output, "learning");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = told.lines().find(|line| line.contains("denies these")).expect("what strict denies");
        assert!(told.contains("PrivateNetwork") && !told.contains("openat"), "{told}");
        let policy = place.policy();
        for gone in ["NoNewPrivileges", "RestrictRealtime", "ProtectSystem", "openat "] {
            assert!(!policy.contains(gone), "{gone} is in\n{policy}");
        }
        assert!(policy.contains("PrivateNetwork = false  # Although strict has it on."), "{policy}");
        good(&place.run(&["check", POLICY]), "checking");
        good(&place.protect(POLICY, &python), "the server under its policy");
        // It is strict otherwise.
        refused(&place.run(&["run", "-P", "strict", "--", "/usr/bin/python3", "-c", SERVE]), "a socket under strict");
    }
}

#[test]
fn very_many_files_are_their_directory() {
    for who in people() {
        let place = Place::new(&who, "many");
        let script = |range: &str| {
            let files = format!("for n in range({range}): open(f'{{d}}/{{n}}', 'w').close()");
            format!("import os; d = os.path.expanduser('~/data/a/b'); os.makedirs(d, exist_ok=True)\n{files}")
        };
        good(&place.learn(POLICY, &["/usr/bin/python3", "-c", &script("5000")]), "learning");
        let policy = place.policy();
        let lines = policy.lines().count();
        let seen = fs::metadata(place.root.join("policy.toml.seen")).expect("what was seen").len();
        assert!(lines < 150 && seen < 50_000, "{lines} lines, {seen} bytes\n{policy}");
        assert!(policy.contains("    \"-%h/data\""), "{policy}");
        good(&place.protect(POLICY, &["/usr/bin/python3", "-c", &script("7000, 7300")]), "other files there");
    }
}

/// The kernel's Landlock can scope abstract sockets: Linux 6.12.
fn scopes() -> bool {
    kit::kernel() >= (6, 12)
}

#[test]
fn abstract_sockets_of_others_are_seen() {
    use std::os::linux::net::SocketAddrExt;
    for who in people() {
        let place = Place::new(&who, "abstract");
        let name = format!("stockade-test-{}-{}", std::process::id(), who.name);
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
        let _listener = std::os::unix::net::UnixListener::bind_addr(&address).expect("a socket");
        let connect = format!("import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')");
        // Its own is not anybody else's.
        let own = "import socket; n = '\\0stockade-own-' + str(__import__('os').getpid()); s = socket.socket(socket.AF_UNIX); \
                   s.bind(n); s.listen(); socket.socket(socket.AF_UNIX).connect(n)";
        good(&place.learn("../own.toml", &["/usr/bin/python3", "-c", own]), "learning of its own");
        let policy = fs::read_to_string(place.root.join("own.toml")).expect("a policy");
        assert!(policy.contains("Scope = [\"abstract-unix-socket\", \"signal\"]"), "{policy}");
        good(&place.protect("../own.toml", &["/usr/bin/python3", "-c", own]), "its own under its policy");
        if scopes() {
            refused(&place.protect("../own.toml", &["/usr/bin/python3", "-c", &connect]), "another's socket");
        } else {
            kit::say("abstract_sockets_of_others_are_seen: this kernel cannot refuse them (Linux 6.12)");
        }
        // What others have is reached only in the host's network namespace, which is what the policy then has.
        good(&place.learn(POLICY, &["/usr/bin/python3", "-c", &connect]), "learning of another's");
        let policy = place.policy();
        assert!(
            policy.contains(&format!(
                "# Abstract sockets of others were connected to, and so none is refused: @{name} (once)"
            )),
            "{policy}"
        );
        assert!(policy.contains("Scope = [\"signal\"]"), "{policy}");
        good(&place.protect(POLICY, &["/usr/bin/python3", "-c", &connect]), "another's socket under its policy");
    }
}

#[test]
fn a_live_line_is_shown_and_an_interrupt_ends_and_writes() {
    use std::io::{Read, Write};
    for who in people() {
        let place = Place::new(&who, "live");
        let stockade = kit::base().join("stockade");
        // Whoever ignores SIGINT, as what a shell starts in the background does, hands that on.
        let learn =
            format!("exec env --default-signal=INT {} learn --progress -o {POLICY} -- sleep 600", stockade.display());
        // bsdutils: a terminal of its own.
        let mut command = place.command(Path::new("/usr/bin/script"), &["-qec", &learn, "/dev/null"]);
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script starts");
        let (mut keys, mut screen) = (script.stdin.take().expect("keys"), script.stdout.take().expect("a screen"));
        let (mut shown, mut some) = (Vec::new(), [0; 512]);
        while !String::from_utf8_lossy(&shown).contains("per second") {
            let read = screen.read(&mut some).expect("a screen");
            assert!(read > 0, "it ended: {}", String::from_utf8_lossy(&shown));
            shown.extend_from_slice(&some[..read]);
        }
        keys.write_all(b"\x03").expect("Ctrl-C");
        screen.read_to_end(&mut shown).expect("the rest");
        let shown = String::from_utf8_lossy(&shown).into_owned();
        assert!(shown.contains(" calls, ") && shown.contains(" new, "), "{shown}");
        // As the command ended.
        assert!(!script.wait().expect("an end").success());
        assert!(shown.contains("different system calls seen in one run"), "{shown}");
        assert!(place.policy().contains("clock_nanosleep"), "{}", place.policy());
    }
}

/// A learnt policy leaves in every format and phase, and comes back the same.
#[test]
fn learnt_policies_travel() {
    let who = people().remove(0);
    let place = Place::new(&who, "travel");
    let serve = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()";
    good(&place.learn(POLICY, &["/usr/bin/python3", "-c", serve]), "learning");
    let export = |format: &str, policy: &str, more: &[&str]| {
        let output = place.run(&[&["export", format, policy, "--name", "web"], more].concat());
        good(&output, &format!("export {format} {more:?}"));
        String::from_utf8(output.stdout).expect("text")
    };
    let there = |format: &str, text: &str| {
        let name = if format == "unit" { "../there.service" } else { "../there" };
        fs::write(place.root.join("work").join(name), text).expect("a file");
        let back = format!("../{format}.toml");
        fs::remove_file(place.root.join("work").join(&back)).ok();
        good(&place.run(&["import", format, name, "-o", &back]), &format!("import {format}"));
        back
    };
    for phase in ["learn", "monitor", "protect"] {
        for format in ["oci", "kubernetes", "spo"] {
            let text = export(format, POLICY, &["--phase", phase]);
            let wanted = if phase == "protect" { "SCMP_ACT_ERRNO" } else { "SCMP_ACT_LOG" };
            assert!(text.contains(&format!("\"defaultAction\": \"{wanted}\"")), "{format} {phase}: {text}");
            assert_eq!(text.contains("\"openat\""), phase != "learn", "{format} {phase}: {text}");
            assert_eq!(export(format, &there(format, &text), &[]), text, "{format} {phase}");
        }
    }
    let start = ["--weaker", "--directory", "/srv/web"];
    let text = export("unit", POLICY, &start);
    assert!(text.contains("SystemCallFilter=") && text.contains("RestrictAddressFamilies=AF_INET"), "{text}");
    // A service has defaults of systemd's besides; once they are written down nothing changes any more.
    let again = export("unit", &there("unit", &text), &start);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(again.lines().any(|other| other == line), "{line} is not in\n{again}");
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(lines(&export("unit", &there("unit", &again), &start)), lines(&again));
    assert!(!place.run(&["export", "unit", POLICY, "--phase", "monitor"]).status.success());
}

#[test]
fn on_a_kernel_without_landlock_the_policy_may_lack_it_and_says_so() {
    // The kernel's answer where it has none; a filter gives it, so that any kernel is such a one here.
    let stockade = kit::base().join("stockade");
    let old = ["run", "-p", "SystemCallFilter=~landlock_create_ruleset:ENOSYS", "--", stockade.to_str().expect("text")];
    for who in people() {
        let place = Place::new(&who, "old");
        fs::write(place.root.join("work/words"), "some words\n").expect("a file");
        let learnt = place.run(&[&old[..], &["learn", "-o", "../policy.toml", "--", "cat", "words"]].concat());
        let told = String::from_utf8_lossy(&learnt.stderr).into_owned();
        assert!(learnt.status.success() && told.contains("this kernel's Landlock is missing or too old"), "{told}");
        assert!(place.policy().contains("\nPrefer = [\"Landlock\"]\n"), "{}", place.policy());
        let run = place.run(&[&old[..], &["run", "-P", "../policy.toml", "--", "cat", "words"]].concat());
        let told = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.success() && told.contains("weaker than asked: Landlock."), "{told}");
        assert_eq!(String::from_utf8_lossy(&run.stdout), "some words\n");
        let shown = place.run(&[&old[..], &["monitor", "-P", "../policy.toml", "--", "cat", "words"]].concat());
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        // Without that word it is refused, by whoever is asked.
        let strict = place.policy().replace("Prefer = [\"Landlock\"]\n", "");
        fs::write(place.root.join("strict.toml"), strict).expect("a file");
        for verb in ["run", "monitor"] {
            let refused = place.run(&[&old[..], &[verb, "-P", "../strict.toml", "--", "cat", "words"]].concat());
            let told = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(refused.stdout.is_empty() && !refused.status.success(), "{verb}: {told}");
            assert!(told.contains("this kernel has no Landlock") && told.contains("strict.toml:"), "{verb}: {told}");
        }
    }
}

#[test]
fn what_somebody_else_saw_is_not_added_to() {
    // In a directory that everybody can write, somebody has put a list where root's is to go.
    let [root, user] = &people()[..] else { return };
    let (ours, theirs) = (Place::new(root, "planted"), Place::new(user, "planted"));
    let place = ours.root.join("everybodys");
    fs::create_dir_all(&place).expect("a directory");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o1777)).expect("a mode");
    let policy = place.join("policy.toml").display().to_string();
    assert!(theirs.learn(&policy, &["/bin/true"]).status.success());
    let before = fs::read_to_string(&policy).expect("it was written");
    let output = ours.learn(&policy, &["/bin/true"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("is not trusted") && said.contains("another file with -o"), "{said}");
    assert_eq!(fs::read_to_string(&policy).expect("it is as it was"), before);
}
