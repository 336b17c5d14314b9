//! An agent written from the OCI runtime specification alone: it listens on a unix socket, takes one message of JSON and
//! the descriptors that come with it, and answers the notifications.
//!
//! Receiving descriptors takes system calls that the standard library has not, so the agent is the probe's `agent`.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde_json::{Value, json};

use super::kit::{Who, people};
use super::{policy, processes, rule, tries, under, until};

/// An agent that answers `count` calls with `value`, at this socket.
fn agent(who: &Who, socket: &str, value: &str, count: &str) -> Child {
    let mut command = who.bare(&[super::probe(), "agent", socket, value, count]).command();
    let child = command.stdout(Stdio::piped()).spawn().expect("the agent starts");
    until("the agent listens", || fs::metadata(socket).is_ok());
    child
}

fn text(socket: &str, more: &str) -> String {
    format!("[Seccomp]\nListener = \"{socket}\"\n{more}\n{}", rule("getppid", ""))
}

#[test]
fn an_agent_gets_the_state_and_answers() {
    for who in people() {
        let socket = who.place("agent").join("sock").to_string_lossy().into_owned();
        let agent = agent(&who, &socket, "77", "1");
        let run = under(&who, &text(&socket, "ListenerMetadata = \"a=b, \\\"c\\\"\""), &["getppid"]);
        let outcome = run.run();
        outcome.ends(0).quietly().says("getppid: 77");
        let said = String::from_utf8(agent.wait_with_output().expect("the agent ends").stdout).expect("text");
        let (head, rest) = said.split_once('\n').expect("lines");
        assert_eq!(head, "descriptors: 1, then the end");
        let state: Value = serde_json::from_str(rest.lines().next().expect("JSON")).expect("JSON");
        assert_eq!(state["fds"], json!(["seccompFd"]));
        assert_eq!(state["metadata"], json!("a=b, \"c\""));
        assert_eq!(state["pid"], json!(outcome.pid));
        assert_eq!(state["state"]["pid"], json!(outcome.pid));
        assert_eq!(state["state"]["status"], json!("creating"));
        assert_eq!(state["state"]["bundle"], json!("/"));
        for version in [&state["ociVersion"], &state["state"]["ociVersion"]] {
            assert!(version.as_str().is_some_and(|version| version.starts_with("1.")), "{version}");
        }
        assert!(state["state"]["id"].as_str().is_some_and(|id| !id.is_empty()));
        assert!(processes(&policy(&run)).is_empty(), "a helper stayed");
    }
}

#[test]
fn without_its_agent_nothing_is_executed() {
    for who in people() {
        let place = who.place("agent");
        let gone = place.join("gone").to_string_lossy().into_owned();
        let outcome = tries(&who, &text(&gone, ""), &["ids"]);
        outcome.ends(228).runs_nothing().complains("connect to the agent at").complains("no such file");
        let refused = place.join("refused");
        drop(UnixListener::bind(&refused).expect("a socket"));
        who.own(&refused);
        let outcome = tries(&who, &text(&refused.to_string_lossy(), ""), &["ids"]);
        outcome.ends(228).runs_nothing().complains("connection refused");
    }
}

#[test]
fn an_agent_that_takes_nothing_stops_the_launch() {
    for who in people() {
        let socket = who.place("agent").join("sock").to_string_lossy().into_owned();
        // It accepts and hangs up, before a message that is too long for the socket has been read.
        let agent = agent(&who, &socket, "77", "-1");
        let long = format!("ListenerMetadata = \"{}\"", "x".repeat(900_000));
        let outcome = tries(&who, &text(&socket, &long), &["ids"]);
        outcome.ends(228).runs_nothing().complains("the agent did not take");
        agent.wait_with_output().expect("the agent ends");
    }
}

#[test]
fn an_agent_that_dies_refuses_everything() {
    for who in people() {
        let socket = who.place("agent").join("sock").to_string_lossy().into_owned();
        let agent = agent(&who, &socket, "77", "1");
        let outcome = tries(&who, &text(&socket, ""), &["waits", "/"]);
        outcome.ends(0).says("getppid: 77").says("getppid: ENOSYS");
        agent.wait_with_output().expect("the agent ends");
    }
}

#[test]
fn a_policy_that_notifies_nobody_needs_no_agent() {
    for who in people() {
        let text = "[Seccomp]\nListener = \"/nowhere\"\nDefault = \"log\"\nMode = \"none\"";
        tries(&who, text, &["ids"]).ends(0);
        let text =
            "[Seccomp]\nListener = \"/nowhere\"\n[[Seccomp.Rule]]\nSyscalls = [\"acct\"]\nAction = \"errno:EPERM\"";
        tries(&who, text, &["ids"]).ends(0).says("wait: ECHILD");
    }
}

/// Whoever answers gives the target what the policy keeps for the agent.
#[test]
fn somebody_elses_agent_where_everybody_can_write_is_no_agent() {
    let [root, user] = &people()[..] else { return };
    let place = root.place("agent");
    let (open, own) = (place.join("open"), place.join("own"));
    for (directory, mode, owner) in [(&open, 0o1777, root), (&own, 0o755, user)] {
        fs::create_dir(directory).expect("a directory");
        fs::set_permissions(directory, fs::Permissions::from_mode(mode)).expect("its mode");
        owner.own(directory);
    }
    let sockets = [open.join("sock"), own.join("sock"), open.join("link")];
    std::os::unix::fs::symlink(&sockets[1], &sockets[2]).expect("a link");
    std::os::unix::fs::lchown(&sockets[2], Some(user.uid), Some(user.gid)).expect("its owner");
    let [open, own, link] = sockets.map(|path| path.to_string_lossy().into_owned());
    for (who, path, listens, trusted) in
        [(root, &open, &open, false), (root, &link, &own, false), (user, &open, &open, true), (root, &own, &own, true)]
    {
        fs::remove_file(listens).ok();
        let mut agent = agent(user, listens, "77", "1");
        let outcome = tries(who, &text(path, ""), &["getppid"]);
        if trusted {
            outcome.ends(0).says("getppid: 77");
        } else {
            outcome.ends(228).runs_nothing().complains("not permitted").complains("neither root nor the caller");
        }
        agent.kill().expect("it can be killed");
        agent.wait().expect("its end");
    }
}

#[test]
fn an_agent_that_lets_nobody_in_is_not_waited_for_forever() {
    let waiting: Vec<_> = people()
        .into_iter()
        .map(|who| {
            std::thread::spawn(move || {
                let path = who.place("agent").join("sock");
                let _listens = UnixListener::bind(&path).expect("a socket");
                who.own(&path);
                let mut queue = Vec::new();
                loop {
                    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
                    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None).expect("a socket");
                    match connect(socket.as_raw_fd(), &UnixAddr::new(&path).expect("an address")) {
                        Ok(()) => queue.push(socket),
                        Err(Errno::EAGAIN) => break,
                        Err(errno) => panic!("{errno}"),
                    }
                }
                let outcome = tries(&who, &text(&path.to_string_lossy(), ""), &["ids"]);
                outcome.ends(228).runs_nothing().complains("timed out").complains("the agent lets nobody in");
            })
        })
        .collect();
    for thread in waiting {
        thread.join().expect("a test");
    }
}
