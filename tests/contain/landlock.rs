//! The table [Landlock].

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::kit::{Outcome, Who, base, host_has, people, verbs};

fn confined(who: &Who, policy: &str, tried: &[&str]) -> Outcome {
    let file = who.file(&who.place("policy").join("landlock.toml"), policy);
    who.tries(&["-P", &file.display().to_string()], tried)
}

/// The version of this kernel's ABI.
fn abi() -> u32 {
    stockade::sys::facts::landlock().unwrap_or(0)
}

/// Whether this kernel lacks what came with a version of the ABI; then that was refused, and why was said.
fn lacks(since: u32, outcome: &Outcome) -> bool {
    if abi() >= since {
        return false;
    }
    outcome.ends(226).runs_nothing().complains(&format!("has ABI {}, and that needs ABI {since}", abi()));
    true
}

#[test]
fn paths() {
    for who in people() {
        let place = who.place("landlock");
        let path = place.display().to_string();
        for name in ["open", "closed"] {
            fs::create_dir(place.join(name)).expect("a directory can be made");
            who.own(&place.join(name));
            who.file(&place.join(name).join("file"), "text\n");
        }
        symlink(place.join("closed/file"), place.join("open/link")).expect("a link can be made");
        let policy = format!(
            "[Landlock]\nABI = {}\nReadExecute = [\"/usr\", \"/lib\", \"/lib64\", \"/bin\", \"{}\"]\nReadWrite = \
             [\"{path}/open\"]\n",
            abi().clamp(1, 5),
            base().join("probe").display()
        );
        // Before ABI 3 nothing refuses truncate(2), and policies that want it are refused.
        let (truncated, truncation) = if abi() < 3 { ("access", "ok") } else { ("truncate", "EACCES") };
        let tried = [
            format!("read {path}/open/file"),
            format!("write {path}/open/new"),
            format!("read {path}/closed/file"),
            format!("read {path}/open/link"),
            format!("read {path}/open/../closed/file"),
            format!("read /proc/self/root{path}/closed/file"),
            format!("hardlink {path}/closed/file {path}/open/hard"),
            format!("rename {path}/closed/file {path}/open/moved"),
            format!("exchange {path}/closed/file {path}/open/file"),
            format!("{truncated} {path}/closed/file"),
            format!("unlink {path}/closed/file"),
            format!("fifo {path}/closed/fifo"),
            format!("tmpfile {path}/closed"),
            format!("mkdir {path}/closed/dir"),
            format!("openat2 {path}/closed/file"),
            "read /etc/passwd".to_owned(),
            "exec /bin/true".to_owned(),
        ];
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        let outcome = confined(&who, &policy, &tried);
        if !host_has("landlock") {
            outcome.runs_nothing();
            continue;
        }
        outcome.ends(0).answers(&[
            ("read open", "ok"),
            ("write open", "ok"),
            ("read closed", "EACCES"),
            ("symlink", "EACCES"),
            ("dots", "EACCES"),
            ("root link", "EACCES"),
            ("hardlink", "EACCES|EXDEV"),
            ("rename", "EACCES|EXDEV"),
            ("exchange", "EACCES|EXDEV"),
            ("truncate", truncation),
            ("unlink", "EACCES"),
            ("fifo", "EACCES"),
            ("tmpfile", "EACCES"),
            ("mkdir", "EACCES"),
            ("openat2", "EACCES"),
            ("etc", "EACCES"),
            ("exec", "ok"),
        ]);
        assert_eq!(fs::read_to_string(place.join("closed/file")).expect("it is still there"), "text\n");
    }
}

/// What an ordinary user cannot get to, and what root does not find or, without its capabilities, get to either.
const BEYOND: &str = "/proc/1/root/stockade-none";

#[test]
fn a_path_out_of_reach_is_named_or_may_be_left_out() {
    for who in people().into_iter().filter(|_| host_has("landlock")) {
        let level = format!("-p=Landlock.ABI={}", abi().clamp(1, 5));
        let all = "-p=Landlock.ReadExecute=/ -/proc/1/root/stockade-none";
        who.confined(&[&level, all]).words(&["true"]).run().ends(0);
        let many: Vec<String> = (0..80).map(|at| format!("-/stockade-none/{at}")).collect();
        let refused = format!("-p=Landlock.Read={} {BEYOND}", many.join(" "));
        let told = who.confined(&[&level, &refused]).words(&["true"]).run();
        told.ends(226);
        told.complains(&format!("with {BEYOND}: ")).complains("put `-` in front of the path");
    }
}

#[test]
fn ports() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let other = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let (port, closed) = (listener.local_addr().expect("bound").port(), other.local_addr().expect("bound").port());
    for who in people() {
        if !host_has("landlock") {
            continue;
        }
        let policy = format!("[Landlock]\nConnectTCP = [{port}]\nBindTCP = [{port}]\n");
        let tried = [
            format!("connect 127.0.0.1 {port}"),
            format!("connect 127.0.0.1 {closed}"),
            "bind 127.0.0.1 29999".to_owned(),
        ];
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        let outcome = confined(&who, &policy, &tried);
        if !lacks(4, &outcome) {
            outcome.ends(0).answers(&[("allowed", "ok"), ("other", "EACCES"), ("bind", "EACCES")]);
        }
    }
}

#[test]
fn scopes() {
    let name = format!("stockade-scope-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("the name is short");
    let listener = UnixListener::bind_addr(&address).expect("the name is free");
    for who in people() {
        if !host_has("landlock") {
            continue;
        }
        let mut child = who.bare(&verbs(&["hang"])).command().spawn().expect("the probe runs");
        let tried = [format!("abstract {name}"), format!("kill {} 0", child.id())];
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        let control = who.bare(&verbs(&tried)).run();
        let outcome = confined(&who, "[Landlock]\nScope = [\"abstract-unix-socket\", \"signal\"]\n", &tried);
        child.kill().ok();
        child.wait().ok();
        control.answers(&[("abstract", "ok"), ("kill", "ok")]);
        if lacks(6, &outcome) {
            continue;
        }
        outcome.ends(0).answers(&[("abstract", "EPERM"), ("kill", "EPERM")]);
    }
    drop(listener);
}
