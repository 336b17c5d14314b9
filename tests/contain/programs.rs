//! Real programs under `strict` and `build`: they work where they should.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use crate::kit::{Outcome, Who, people};

/// A program of the system; missing ones fail, they are named in the README's set-up command.
fn program(name: &str) -> String {
    let found = ["/usr/bin", "/bin", "/usr/local/bin"]
        .iter()
        .map(|place| format!("{place}/{name}"))
        .find(|path| Path::new(path).exists());
    found.unwrap_or_else(|| panic!("{name} is not installed"))
}

fn strict(who: &Who, place: &Path, argv: &[&str]) -> Outcome {
    let (program_path, arguments) = (program(argv[0]), &argv[1..]);
    who.confined(&["-P", "strict"]).words(&[program_path]).words(arguments).inside(place).run()
}

#[test]
fn python() {
    for who in people() {
        let place = who.place("python");
        who.file(&place.join("input.json"), "{\"a\": [1, 2, 3]}");
        let script = "import json,subprocess,tempfile,threading,ssl,sqlite3,ctypes,multiprocessing as m\n\
                      print(sum(json.load(open('input.json'))['a']))\n\
                      t=threading.Thread(target=lambda: print('thread')); t.start(); t.join()\n\
                      print(subprocess.run(['/bin/echo','child'],capture_output=True,text=True).stdout.strip())\n\
                      print(tempfile.NamedTemporaryFile().write(b'abc'))\n";
        let outcome = strict(&who, &place, &["python3", "-c", script]);
        outcome.ends(0);
        assert_eq!(outcome.stdout, "6\nthread\nchild\n3\n", "{outcome}");
        let script = "import socket,os,sys\n\
                      def denied(what, f):\n    try: f(); print('LEAK', what)\n    except OSError as e: print(what, 'refused')\n\
                      denied('connect', lambda: socket.create_connection(('192.0.2.1', 80), 2))\n\
                      denied('etc', lambda: open('/etc/stockade-probe', 'w'))\n\
                      denied('here', lambda: open('new', 'w'))\n\
                      denied('chroot', lambda: os.chroot('/'))\n";
        let outcome = strict(&who, &place, &["python3", "-c", script]);
        outcome.ends(0);
        assert_eq!(outcome.stdout, "connect refused\netc refused\nhere refused\nchroot refused\n", "{outcome}");
    }
}

#[test]
fn git() {
    for who in people() {
        let place = who.place("git");
        let git = program("git");
        let names = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
        let build = |words: &[&str]| {
            who.confined(&["-P", "build"]).words(&[git.as_str()]).words(&names).words(words).inside(&place).run()
        };
        build(&["init", "-q", "."]).ends(0);
        who.file(&place.join("file"), "text\n");
        build(&["add", "file"]).ends(0);
        build(&["commit", "-q", "-m", "first"]).ends(0);
        let outcome = strict(&who, &place, &["git", "log", "--format=%s"]);
        outcome.ends(0).says("first");
        let outcome = strict(
            &who,
            &place,
            &[
                "git",
                "-c",
                "user.name=A",
                "-c",
                "user.email=a@example.org",
                "commit",
                "-q",
                "--allow-empty",
                "-m",
                "no",
            ],
        );
        assert!(!outcome.status.success(), "{outcome}");
        let outcome = strict(&who, &place, &["git", "clone", "https://192.0.2.1/x.git", "/tmp/x"]);
        assert!(!outcome.status.success(), "{outcome}");
    }
}

#[test]
fn sqlite() {
    for who in people() {
        let place = who.place("sqlite");
        let build = who.confined(&["-P", "build"]).words(&[
            program("sqlite3").as_str(),
            "data.db",
            "create table t(a); insert into t values(1),(41); select sum(a) from t;",
        ]);
        build.inside(&place).run().ends(0).says("42");
        strict(&who, &place, &["sqlite3", "-readonly", "data.db", "select count(*) from t;"]).ends(0).says("2");
        let outcome = strict(&who, &place, &["sqlite3", "data.db", "insert into t values(3);"]);
        assert!(!outcome.status.success(), "{outcome}");
        strict(&who, &place, &["sqlite3", "/tmp/private.db", "create table t(a); select 'made';"]).ends(0).says("made");
        assert!(!Path::new("/tmp/private.db").exists());
    }
}

#[test]
fn curl() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().expect("bound").port());
    // Answers for as long as the tests run.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let asked = stream.read(&mut [0; 1024]);
            if asked.is_err() {
                continue;
            }
            stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nserved").ok();
        }
    });
    for who in people() {
        let place = who.place("curl");
        let words = [program("curl"), "-sS".into(), "--max-time".into(), "10".into(), url.clone()];
        // The control; a policy about the network only; and the strict one.
        assert_eq!(who.bare(&words).run().stdout, "served");
        let allowed = who
            .confined(&["-p", "ProtectSystem=strict", "-p", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX"])
            .words(&words)
            .run();
        assert_eq!(allowed.stdout, "served", "{allowed}");
        let outcome = strict(&who, &place, &["curl", "-sS", "--max-time", "10", &url]);
        outcome.runs_nothing().ends(7);
        let file = who.file(&place.join("file"), "local\n");
        strict(&who, &place, &["curl", "-sS", &format!("file://{}", file.display())]).ends(0).says("local");
    }
}

#[test]
fn tar() {
    for who in people() {
        let place = who.place("tar");
        who.file(&place.join("file"), "text\n");
        let script = "tar czf /tmp/a.tgz file && cd /tmp && tar xzf a.tgz && cat file";
        strict(&who, &place, &["sh", "-c", script]).ends(0).says("text");
        let outcome = strict(&who, &place, &["tar", "cf", "a.tar", "file"]);
        assert!(!outcome.status.success() && !place.join("a.tar").exists(), "{outcome}");
        let outcome = who.confined(&["-P", "build"]).words(&["tar", "cf", "a.tar", "file"]).inside(&place).run();
        outcome.ends(0);
        assert!(place.join("a.tar").exists());
    }
}

#[test]
fn compiler() {
    for who in people() {
        let place = who.place("gcc");
        who.file(&place.join("a.c"), "#include <stdio.h>\nint main(void) { puts(\"compiled\"); return 3; }\n");
        strict(&who, &place, &["sh", "-c", "gcc -O1 -o /tmp/a a.c && /tmp/a"]).ends(3).says("compiled");
        let build = who.confined(&["-P", "build"]).words(&["gcc", "-o", "a", "a.c"]).inside(&place).run();
        build.quietly().ends(0);
        who.bare(&[place.join("a")]).run().ends(3).says("compiled");
    }
}

/// GNU make asks for the user that it is already before each command, and gives up where that is refused.
#[test]
fn make() {
    for who in people() {
        let place = who.place("make");
        who.file(&place.join("Makefile"), "all:\n\techo made\n\tls | sort\n");
        strict(&who, &place, &["make", "-s"]).ends(0).says("made").says("Makefile");
        let build = who.confined(&["-P", "build"]).words(&["make", "-s", "-j2"]).inside(&place).run();
        build.ends(0).says("made").says("Makefile");
    }
}

#[test]
fn shell_with_pipes_and_jobs() {
    for who in people() {
        let place = who.place("shell");
        let script = "seq 1 1000 | sort -rn | head -1; sleep 0.01 & wait; echo $?; cat < /dev/null; echo x > /dev/null; trap 'echo term' TERM; kill $$";
        let outcome = strict(&who, &place, &["sh", "-c", script]);
        outcome.quietly().ends(0);
        assert_eq!(outcome.stdout, "1000\n0\nterm\n", "{outcome}");
    }
}

#[test]
fn a_sandbox_inside_a_sandbox_says_why_not() {
    for who in people() {
        let place = who.place("nested");
        let stockade = crate::kit::base().join("stockade").display().to_string();
        let run = who.confined(&["-P", "strict", "-p", &crate::kit::shown()]).words(&[
            &stockade,
            "run",
            "-P",
            "strict",
            "--",
            "/bin/true",
        ]);
        let outcome = run.inside(&place).run();
        outcome.runs_nothing().ends(226);
        assert!(!outcome.stderr.is_empty(), "{outcome}");
        // What needs no namespace can be nested.
        let run = who.confined(&["-P", "strict", "-p", &crate::kit::shown()]).words(&[
            &stockade,
            "run",
            "-p",
            "MemoryDenyWriteExecute=yes",
            "-p",
            "LimitNOFILE=32",
            "--",
        ]);
        let outcome = run.words(&crate::kit::verbs(&["wx", "limit nofile"])).inside(&place).run();
        outcome.ends(0).answers(&[("wx", "EACCES|EPERM"), ("limit", "nofile 32 32")]);
    }
}

#[test]
fn the_terminal_has_a_name() {
    if !crate::kit::host_has("userns") {
        return;
    }
    for who in people() {
        let place = who.place("terminal");
        let stockade = crate::kit::base().join("stockade").display().to_string();
        let inside =
            format!("{stockade} run -P strict -- sh -c 'tty && echo typed >\"$(tty)\"; echo there: /dev/pts/*'");
        let outcome = who.bare(&["script", "-qec", &inside, "/dev/null"]).inside(&place).run();
        outcome.ends(0);
        assert!(outcome.stdout.contains("/dev/console") && outcome.stdout.contains("typed"), "{outcome}");
        // Nobody else's terminals; those of its own can be made.
        assert!(outcome.stdout.contains("there: /dev/pts/ptmx\r"), "{outcome}");
        // What is no terminal is none.
        let outcome = strict(&who, &place, &["sh", "-c", "tty; test ! -e /dev/console"]);
        outcome.ends(0).says("not a tty");
    }
}

#[test]
fn a_property_opens_what_the_profile_only_shows() {
    for who in people() {
        let place = who.place("opened");
        let script = "echo 1 >new && cat new";
        let run = |more: &[&str]| who.confined(&[&["-P", "strict"], more].concat()).words(&["sh", "-c", script]);
        run(&[]).inside(&place).run().ends(2);
        run(&["-p", "BindPaths=."]).inside(&place).run().ends(0).says("1");
    }
}

#[test]
fn caches_go_where_they_can_be_written() {
    for who in people() {
        let place = who.place("caches");
        for profile in ["strict", "build"] {
            let script = "mkdir -p $XDG_CACHE_HOME/x && echo 1 >$XDG_CACHE_HOME/x/y && cat $XDG_CACHE_HOME/x/y";
            let run = who.confined(&["-P", profile]).words(&["sh", "-c", script]).inside(&place);
            run.run().ends(0).says("1");
        }
    }
}
