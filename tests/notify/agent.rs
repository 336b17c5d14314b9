//! An agent written from the OCI runtime specification alone: it listens on a unix socket, takes one message of JSON and
//! the descriptors that come with it, and answers the notifications.
//!
//! Receiving descriptors takes system calls that the standard library has not, so the agent is the probe's `agent`.

use std::fs;
use std::process::{Child, Stdio};

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
        drop(std::os::unix::net::UnixListener::bind(&refused).expect("a socket"));
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
