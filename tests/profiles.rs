//! Profiles: where they are found, what they extend, whose files are trusted, and what is shipped.

#![allow(clippy::needless_raw_string_hashes, reason = "snapbox writes the snapshots so")]

mod scratch;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, chown, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use scratch::{Scratch, mode};
use snapbox::{assert_data_eq, str};
use stockade::fault::{Exit, Fault};
use stockade::text::profiles::{Library, SHIPPED};
use stockade::text::{Document, Entry, Kind, Value};

/// A library of one directory, for the user who runs the tests.
fn library(scratch: &Scratch) -> Library {
    let uid = fs::metadata(scratch.path()).expect("metadata").uid();
    Library { directories: vec![scratch.path().to_owned()], uid }
}

fn load(scratch: &Scratch, name: &str) -> Result<Document, Vec<Fault>> {
    library(scratch).load(name, None)
}

fn users(document: &Document) -> Vec<&str> {
    fn user(entry: &Entry) -> Option<&str> {
        match &entry.value {
            Value { kind: Kind::Text(text), .. } if entry.name == "User" => Some(text),
            _ => None,
        }
    }
    document.entries.iter().filter_map(user).collect()
}

fn message(scratch: &Scratch, result: Result<Document, Vec<Fault>>) -> String {
    let faults = result.expect_err("a fault");
    assert!(faults.iter().all(|fault| fault.exit == Exit::Config));
    scratch.redact(&faults.iter().map(|fault| fault.render(false)).collect::<String>())
}

#[test]
fn what_a_policy_extends_comes_before_it_and_once() {
    let scratch = Scratch::new();
    scratch.write("base.toml", "User = 'base'\n");
    scratch.write("left.toml", "Extends = 'base'\nUser = 'left'\n");
    scratch.write("right.toml", "Extends = ['base', './left.toml']\nUser = 'right'\n");
    scratch.write("top.toml", "Extends = ['left', 'right']\nUser = 'top'\n");
    let document = load(&scratch, "top").expect("top");
    assert_eq!(users(&document), ["base", "left", "right", "top"]);
    assert_eq!(document.entries.iter().filter(|entry| entry.name == "Extends").count(), 3);
    let document = library(&scratch).load_all(&["left", "right"]).expect("two");
    assert_eq!(users(&document), ["base", "left", "right"]);
}

#[test]
fn a_path_has_a_slash_and_a_name_has_none() {
    let scratch = Scratch::new();
    let path = scratch.write("web.toml", "User = 'web'\n");
    assert_eq!(users(&load(&scratch, path.to_str().expect("text")).expect("path")), ["web"]);
    let other = Library { directories: Vec::new(), ..library(&scratch) };
    assert!(other.load("web", None).is_err());
    // Never from the working directory, where the last target may have put it; but that it is there is told.
    let faults = other.load("Cargo", None).expect_err("a name");
    assert_eq!(faults[0].help[0], "to use the file of that name: ./Cargo.toml");
    // The ending makes it a file: of the directory of the one that says it, else of the working directory.
    scratch.write("top.toml", "Extends = 'web.toml'\n");
    assert_eq!(users(&load(&scratch, "top").expect("a file beside it")), ["web"]);
    let faults = load(&scratch, "none-of-this.toml").expect_err("a file");
    assert!(faults[0].message.contains("`./none-of-this.toml`"), "{}", faults[0].message);
    // Of a link, its own directory counts; the file that was meant is named.
    std::fs::create_dir(scratch.path().join("bin")).expect("a directory");
    std::os::unix::fs::symlink(scratch.path().join("top.toml"), scratch.path().join("bin/linked.toml"))
        .expect("a link");
    let linked = scratch.path().join("bin/linked.toml");
    let faults = load(&scratch, linked.to_str().expect("text")).expect_err("nothing is beside the link");
    let meant = scratch.path().join("web.toml").display().to_string();
    assert!(faults[0].help.iter().any(|help| help.ends_with(&meant)), "{:?}", faults[0].help);
    // So no profile has such a name.
    scratch.write("twice.toml.toml", "User = 'twice'\n");
    assert!(library(&scratch).names().iter().all(|(name, _)| !name.contains("twice")));
}

#[test]
fn the_callers_directory_comes_first_and_the_built_in_profiles_last() {
    let scratch = Scratch::new();
    let [first, second] = ["first", "second"].map(|name| scratch.directory(name, 0o755));
    scratch.write("second/web.toml", "User = 'second'\n");
    let library = Library { directories: vec![first, second], ..library(&scratch) };
    assert_eq!(users(&library.load("web", None).expect("second")), ["second"]);
    scratch.write("first/web.toml", "User = 'first'\n");
    assert_eq!(users(&library.load("web", None).expect("first")), ["first"]);
    let strict = library.load("strict", None).expect("strict");
    assert_eq!(strict.entries[0].at.source.name, "profile:strict");
    scratch.write("second/strict.toml", "User = 'own'\n");
    assert_eq!(users(&library.load("strict", None).expect("own")), ["own"]);
    // A file that is there and wrong stops everything; nothing else is taken in its place.
    scratch.write("first/strict.toml", "User = \n");
    assert!(library.load("strict", None).is_err());
    symlink("nowhere", scratch.path().join("first/build.toml")).expect("symlink");
    assert!(library.load("build", None).is_err());
}

#[test]
fn names_are_listed_with_their_summaries() {
    let scratch = Scratch::new();
    scratch.write("web.toml", "#!/usr/bin/stockade\n# A web server.\nUser = 'web'\n");
    mode(&scratch.write("open.toml", "# Open.\n"), 0o666);
    scratch.write("notes.txt", "no profile");
    let names = library(&scratch).names();
    let known: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(known, ["build", "container-default", "network-service", "none", "open", "service", "strict", "web"]);
    assert_eq!(names[7].1, "A web server");
    assert!(names[4].1.contains("not trusted"), "{}", names[4].1);
}

#[test]
fn a_missing_profile_is_told_with_those_there_are() {
    let scratch = Scratch::new();
    scratch.write("web.toml", "Extends = ['strcit']\n");
    assert_data_eq!(
        message(&scratch, load(&scratch, "web")),
        str![[r#"
error: there is no profile `strcit`
 --> [DIR]/web.toml:1:12
  |
1 | Extends = ['strcit']
  |            ^^^^^^^^
  |
  = help: did you mean `strict`?
  = help: the profiles are: build, container-default, network-service, none, service, strict, web
  = help: `strcit.toml` was looked for in [DIR], then in the binary

"#]]
    );
    scratch.write("far.toml", "Extends = ['./gone.toml']\n");
    assert_data_eq!(
        message(&scratch, load(&scratch, "far")),
        str![[r#"
error: cannot read the policy `[DIR]/gone.toml`: no such file or directory
 --> [DIR]/far.toml:1:12
  |
1 | Extends = ['./gone.toml']
  |            ^^^^^^^^^^^^^

"#]]
    );
    scratch.write("odd.toml", "Extends = [1]\n");
    assert_data_eq!(
        message(&scratch, load(&scratch, "odd")),
        str![[r#"
error: `Extends` takes names of profiles, not a number
 --> [DIR]/odd.toml:1:12
  |
1 | Extends = [1]
  |            ^
  |
  = help: write for instance: Extends = ["service"]

"#]]
    );
}

#[test]
fn circles_are_shown_whole() {
    let scratch = Scratch::new();
    scratch.write("start.toml", "Extends = ['a']\n");
    scratch.write("a.toml", "Extends = ['b']\n");
    scratch.write("b.toml", "User = 'b'\nExtends = ['none', 'a']\n");
    scratch.write("strict.toml", "Extends = ['strict']\n");
    assert_data_eq!(
        message(&scratch, load(&scratch, "start")),
        str![[r#"
error: these profiles extend one another in a circle: [DIR]/a.toml -> [DIR]/b.toml -> [DIR]/a.toml
 --> [DIR]/b.toml:2:20
  |
2 | Extends = ['none', 'a']
  |                    ^^^
  |
  = help: take one of them out of an `Extends`

"#]]
    );
    assert_data_eq!(
        message(&scratch, load(&scratch, "strict")),
        str![[r#"
error: these profiles extend one another in a circle: [DIR]/strict.toml -> [DIR]/strict.toml
 --> [DIR]/strict.toml:1:12
  |
1 | Extends = ['strict']
  |            ^^^^^^^^
  |
  = help: a profile cannot extend another one of its own name: give it a new one

"#]]
    );
    // Another name of the same file does not hide it.
    fs::hard_link(scratch.path().join("start.toml"), scratch.path().join("b2.toml")).expect("link");
    scratch.write("a.toml", "Extends = ['b2']\n");
    assert!(message(&scratch, load(&scratch, "start")).contains("circle"));
}

#[test]
fn depth_and_number_of_profiles_are_limited() {
    let scratch = Scratch::new();
    for n in 0..1000 {
        scratch.write(&format!("deep{n}.toml"), format!("Extends = ['deep{}', 'deep{}']\n", n + 1, n + 1));
    }
    assert!(message(&scratch, load(&scratch, "deep0")).contains("more than 32 deep"));
    scratch.write("wide.toml", format!("Extends = [{}]\n", "'none',".repeat(100_000)));
    assert!(message(&scratch, load(&scratch, "wide")).contains("more than 256 profiles"));
    // Each level names the next one twice: read once each, or 2^30 times.
    scratch.write("deep30.toml", "User = 'end'\n");
    assert_eq!(users(&load(&scratch, "deep0").expect("30 levels")), ["end"]);
}

#[test]
fn files_that_others_can_write_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.write("web.toml", "User = 'web'\n");
    mode(&path, 0o646);
    assert_data_eq!(
        redacted(&scratch, &load(&scratch, "web")),
        str![[r#"
stockade: the policy `[DIR]/web.toml` is not trusted: everybody can write it
  = help: `[DIR]/web.toml` has owner [UID] and mode 0646
  = help: only [TRUSTED] may be able to change a policy, or a directory on the way to it
  = help: make it yours alone to write: chmod go-w [DIR]/web.toml

"#]]
    );
    mode(&path, 0o664);
    assert_data_eq!(
        redacted(&scratch, &load(&scratch, "web")),
        str![[r#"
stockade: the policy `[DIR]/web.toml` is not trusted: group [GID] can write it
  = help: `[DIR]/web.toml` has owner [UID] and mode 0664
  = help: only [TRUSTED] may be able to change a policy, or a directory on the way to it
  = help: a group is not trusted, not even one that has no other members today
  = help: make it yours alone to write: chmod go-w [DIR]/web.toml

"#]]
    );
    mode(&path, 0o600);
    assert!(load(&scratch, "web").is_ok());
}

/// As [`message`], without the ids of who runs the tests.
fn redacted(scratch: &Scratch, result: &Result<Document, Vec<Fault>>) -> String {
    let meta = fs::metadata(scratch.path()).expect("metadata");
    let text = message(scratch, result.clone());
    let trusted =
        if meta.uid() == 0 { "only root may".into() } else { format!("only root and uid {} may", meta.uid()) };
    text.replace(&trusted, "only [TRUSTED] may")
        .replace(&format!("has owner {} ", meta.uid()), "has owner [UID] ")
        .replace(&format!("group {} can", meta.gid()), "group [GID] can")
}

#[test]
fn directories_on_the_way_that_others_can_write_are_refused() {
    let scratch = Scratch::new();
    let outer = scratch.directory("it's open", 0o777);
    scratch.directory("it's open/inner", 0o755);
    let path = scratch.write("it's open/inner/web.toml", "User = 'web'\n");
    let path = path.to_str().expect("text");
    assert_data_eq!(
        redacted(&scratch, &load(&scratch, path)),
        str![[r#"
stockade: the policy `[DIR]/it's open/inner/web.toml` is not trusted: everybody can write `[DIR]/it's open`
  = help: `[DIR]/it's open` has owner [UID] and mode 0777
  = help: only [TRUSTED] may be able to change a policy, or a directory on the way to it
  = help: make it yours alone to write: chmod go-w '[DIR]/it'/''s open'

"#]]
    );
    // A way that only touches the directory is as good for an attacker.
    scratch.write("web.toml", "User = 'web'\n");
    let around = format!("{}/../web.toml", outer.display());
    assert!(load(&scratch, &around).is_err());
    mode(&outer, 0o1777);
    assert!(load(&scratch, path).is_ok(), "a sticky directory keeps others' hands off");
    mode(&outer, 0o755);
    assert!(load(&scratch, path).is_ok());
}

#[test]
fn links_are_followed_and_so_are_their_directories() {
    let scratch = Scratch::new();
    scratch.directory("safe", 0o755);
    let open = scratch.directory("open", 0o777);
    let target = scratch.write("safe/real.toml", "Extends = ['./base.toml']\nUser = 'real'\n");
    scratch.write("base.toml", "User = 'base'\n");
    let web = scratch.path().join("web.toml");
    symlink("safe/../safe/./real.toml", &web).expect("symlink");
    assert_eq!(users(&load(&scratch, "web").expect("web")), ["base", "real"]);
    // The link's own directory is open: anybody could turn it elsewhere.
    symlink(&target, open.join("turn.toml")).expect("symlink");
    let turn = open.join("turn.toml");
    assert!(message(&scratch, load(&scratch, turn.to_str().expect("text"))).contains("[DIR]/open"));
    // And so is one in the middle of the way.
    symlink("../safe", open.join("directory")).expect("symlink");
    symlink("open/directory/real.toml", scratch.path().join("far.toml")).expect("symlink");
    assert!(message(&scratch, load(&scratch, "far")).contains("everybody can write `[DIR]/open`"));
    symlink("loop.toml", scratch.path().join("loop.toml")).expect("symlink");
    assert_data_eq!(
        message(&scratch, load(&scratch, "loop")),
        str![[r#"
stockade: cannot read the policy `[DIR]/loop.toml`: too many symbolic links encountered

"#]]
    );
}

#[test]
fn files_of_others_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.write("web.toml", "User = 'web'\n");
    let own = library(&scratch);
    let stranger = if own.uid == 0 {
        // Only root can give files away; for anybody else, the caller is another one.
        chown(&path, Some(65534), None).expect("chown");
        own
    } else {
        Library { uid: own.uid + 1, ..own }
    };
    let faults = stranger.load("web", None).expect_err("a stranger's file");
    assert!(faults[0].message.contains("owns"), "{}", faults[0].message);
    if stranger.uid == 0 {
        assert_data_eq!(
            message(&scratch, Err(faults)),
            str![[r#"
stockade: the policy `[DIR]/web.toml` is not trusted: uid 65534 owns it
  = help: `[DIR]/web.toml` has owner 65534 and mode 0644
  = help: only root may be able to change a policy, or a directory on the way to it
  = help: in a user namespace this stands for every owner outside of it
  = help: review it, then: chown 0 [DIR]/web.toml

"#]]
        );
        // The directory, and a link to a file that is fine.
        chown(&path, Some(0), None).expect("chown");
        let other = scratch.directory("other", 0o755);
        scratch.write("other/web.toml", "");
        chown(&other, Some(65534), None).expect("chown");
        let told = message(&scratch, stranger.load(other.join("web.toml").as_os_str(), None));
        // To give the directory away would be no remedy.
        assert!(told.contains("copy it to where nobody else can write: "), "{told}");
        let link = scratch.path().join("link.toml");
        symlink("web.toml", &link).expect("symlink");
        lchown(&link, Some(65534), None).expect("lchown");
        assert!(message(&scratch, stranger.load("link", None)).contains("chown -h 0 [DIR]/link.toml"));
        // What belongs to the caller is his to trust.
        assert!(Library { uid: 65534, ..stranger }.load("link", None).is_ok());
    }
}

#[test]
fn only_regular_files_are_opened() {
    let scratch = Scratch::new();
    let pipe = scratch.path().join("pipe.toml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("mkfifo");
    assert!(message(&scratch, load(&scratch, "pipe")).contains("is a pipe"));
    let _socket = UnixListener::bind(scratch.path().join("socket.toml")).expect("bind");
    mode(&scratch.path().join("socket.toml"), 0o600);
    assert!(message(&scratch, load(&scratch, "socket")).contains("is a socket"));
    scratch.directory("directory.toml", 0o755);
    assert!(message(&scratch, load(&scratch, "directory")).contains("is a directory"));
    for (path, what) in [("/dev/zero", "is a device"), ("/dev/null", "is a device"), ("/", "is a directory")] {
        assert!(message(&scratch, load(&scratch, path)).contains(what), "{path}");
    }
    scratch.write("zero.toml", "Extends = ['/dev/zero']\n");
    assert_data_eq!(
        message(&scratch, load(&scratch, "zero")),
        str![[r#"
error: a policy must be a regular file, and `/dev/zero` is a device
 --> [DIR]/zero.toml:1:12
  |
1 | Extends = ['/dev/zero']
  |            ^^^^^^^^^^^
  |
  = help: write it to a file, or give single directives: -p DIRECTIVE=VALUE

"#]]
    );
}

#[test]
fn sizes_and_encodings() {
    let scratch = Scratch::new();
    scratch.write("long.toml", "#\n".repeat((1 << 19) + 1));
    assert!(message(&scratch, load(&scratch, "long")).contains("longer than 1 MiB"));
    let hole = fs::File::create(scratch.path().join("hole.toml")).expect("create");
    hole.set_len(4 << 30).expect("4 GiB");
    mode(&scratch.path().join("hole.toml"), 0o600);
    assert!(message(&scratch, load(&scratch, "hole")).contains("longer than 1 MiB"));
    scratch.write("full.toml", "#\n".repeat(1 << 19));
    assert!(load(&scratch, "full").is_ok());
    scratch.write("latin.toml", b"User = 'web'\nGroup = 'caf\xe9'\n");
    assert_data_eq!(
        message(&scratch, load(&scratch, "latin")),
        str![[r#"
stockade: the policy `[DIR]/latin.toml` is not UTF-8 text, from line 2 on
  = help: the first wrong byte is number 25, counted from 0

"#]]
    );
    scratch.write("nul.toml", "User = 'a\0'\n");
    assert!(load(&scratch, "nul").is_err());
    scratch.write("empty.toml", "");
    assert_eq!(load(&scratch, "empty"), Ok(Document::default()));
}

#[test]
fn names_that_are_no_names() {
    let scratch = Scratch::new();
    for name in ["", "a\0b", "/etc/\0", "..", ".", "nobody/here", &"x".repeat(5000), &"/x".repeat(5000), "\u{1b}[31m"] {
        let text = message(&scratch, load(&scratch, name));
        assert!(!text.contains('\u{1b}') && !text.contains('\0'), "{text}");
    }
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9");
    assert!(library(&scratch).load(odd, None).is_err());
    fs::write(scratch.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.toml")), "User = 'x'\n").expect("write");
    mode(&scratch.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.toml")), 0o600);
    assert_eq!(users(&library(&scratch).load(odd, None).expect("latin name")), ["x"]);
}

#[test]
fn every_shipped_profile_loads() {
    let library = Library::of_the_binary();
    for (name, _) in SHIPPED {
        let document = library.load(name, None).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
        assert_eq!(document.entries.is_empty(), *name == "none", "{name}");
    }
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")).expect("profiles");
    assert_eq!(files.count(), SHIPPED.len(), "every file of profiles/ is built in");
}

#[test]
fn build_is_strict_but_for_what_it_says() {
    let library = Library::of_the_binary();
    let entries = |name: &str, apart: &[&str]| -> Vec<String> {
        let document = library.load(name, None).expect(name);
        let kept = document.entries.iter().filter(|entry| !apart.contains(&entry.name.as_str()));
        // Comments and line breaks of a list apart, the texts are the same.
        kept.map(|entry| entry.name.clone() + &entry.value.at.source.text[entry.value.at.span.clone()]).collect()
    };
    let strict = entries("strict", &["BindReadOnlyPaths", "PassEnvironment", "Environment"]);
    let build = entries("build", &["BindPaths", "BindReadOnlyPaths", "PassEnvironment", "Environment"]);
    assert_eq!(strict, build);
}

#[test]
fn every_shipped_profile_is_a_policy() {
    let library = Library::of_the_binary();
    for (name, _) in SHIPPED {
        let document = library.load(name, None).expect(name);
        if let Err(faults) = stockade::policy::Policy::read(&document) {
            panic!("{}", faults.iter().map(|fault| fault.render(false)).collect::<String>());
        }
    }
}
