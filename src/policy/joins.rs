//! Namespaces that are there already, and those that the target shall own.

use crate::draft::Asked;
use crate::draft::identity::UserNamespace;
use crate::draft::namespaces::Namespace;
use crate::fault::{Fault, Origin};
use crate::text::Value;

use super::form::line;
use super::form::{self, Form};
use super::{Demands, Directive};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Joins {
    /// NetworkNamespacePath=.
    pub network: Option<(String, Origin)>,
    /// IPCNamespacePath=.
    pub ipc: Option<(String, Origin)>,
    /// DelegateNamespaces=: CLONE_NEW* flags; 0 where nothing is said.
    pub delegated: u32,
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "NetworkNamespacePath",
        form: Form::Text("PATH"),
        summary: "enter a network namespace that is there already",
        manual: "The file of a network namespace, such as /run/netns/NAME (ip-netns(8)) or /proc/PID/ns/net, which the target \
                 enters instead of a new one; *PrivateNetwork* makes no other then. Only root can. An empty value resets.",
        example: "NetworkNamespacePath = \"/run/netns/web\"",
        unlike: Some("Where it cannot be entered the start fails; systemd goes on where it lacks the privilege."),
        exposure: &[],
        read: |policy, value| {
            policy.joins.network = path(value)?;
            Ok(())
        },
        demand: |policy, demands| join(demands, policy.joins.network.as_ref(), Namespace::Net),
    },
    Directive {
        name: "IPCNamespacePath",
        form: Form::Text("PATH"),
        summary: "enter an IPC namespace that is there already",
        manual: "The file of an IPC namespace, such as /proc/PID/ns/ipc, which the target enters instead of a new one; \
                 *PrivateIPC* makes no other then. Only root can. An empty value resets.",
        example: "IPCNamespacePath = \"/run/ipcns/web\"",
        unlike: Some("Where it cannot be entered the start fails; systemd goes on where it lacks the privilege."),
        exposure: &[],
        read: |policy, value| {
            policy.joins.ipc = path(value)?;
            Ok(())
        },
        demand: |policy, demands| join(demands, policy.joins.ipc.as_ref(), Namespace::Ipc),
    },
    Directive {
        name: "DelegateNamespaces",
        form: Form::List("NAMESPACE"),
        summary: "let the target's user namespace own its other namespaces",
        manual: "A boolean, or a list of cgroup, ipc, mnt, net, pid, time and uts: the target gets a user namespace of its own \
                 (*PrivateUsers*), and what other directives make of these kinds belongs to it, so that the target may \
                 change them: add network devices, mount. For a caller without privileges that is always so.",
        example: "DelegateNamespaces = \"net\"",
        unlike: Some("Root, whose namespaces are made before the user namespace, cannot use it in this version."),
        exposure: &[],
        read: |policy, value| {
            if let Some(on) = form::switch(value) {
                policy.joins.delegated = if on { EVERY } else { 0 };
                return Ok(());
            }
            let lines = line::lines(value)?;
            if lines.is_empty() {
                policy.joins.delegated = 0;
            }
            for line in &lines {
                let mut flags = 0;
                for word in &line.words {
                    let found = Namespace::ALL.into_iter().find(|kind| kind.word() == word.text);
                    let kind = found.filter(|kind| *kind != Namespace::User).ok_or_else(|| {
                        word.fault(format!("`{}` is not a namespace that can be delegated", word.text))
                            .help("write some of: cgroup ipc mnt net pid time uts")
                    })?;
                    flags |= kind.flag();
                }
                let before = policy.joins.delegated;
                policy.joins.delegated = match (line.inverted, before) {
                    (true, 0) => EVERY & !flags,
                    (true, _) => before & !flags,
                    (false, _) => before | flags,
                };
            }
            Ok(())
        },
        demand: |policy, demands| {
            let flags = policy.joins.delegated;
            if flags == 0 {
                return;
            }
            demands.draft.delegated = Some(demands.asked(flags));
            if demands.draft.users.is_none() {
                demands.draft.users = Some(demands.asked(UserNamespace::Own));
            }
        },
    },
];

/// The flags of all kinds but the user namespace's.
const EVERY: u32 = {
    let mut flags = 0;
    let mut at = 0;
    while at < Namespace::ALL.len() {
        flags |= Namespace::ALL[at].flag();
        at += 1;
    }
    flags & !Namespace::User.flag()
};

fn path(value: &Value) -> Result<Option<(String, Origin)>, Fault> {
    let item = form::text(value)?;
    let text = item.text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    form::check_path(text, &item)?;
    if text == "." {
        return Err(item.fault("a directory is not a namespace").help("e.g. /run/netns/NAME"));
    }
    Ok(Some((text.to_owned(), item.at)))
}

fn join(demands: &mut Demands<'_>, path: Option<&(String, Origin)>, kind: Namespace) {
    if let Some((path, at)) = path {
        let by = demands.at(at);
        demands.draft.joins.push(Asked { what: (kind, path.into()), by });
    }
}

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Kind;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    #[test]
    fn a_path_takes_the_place_of_a_new_namespace() {
        let both = [("PrivateNetwork", text("yes")), ("NetworkNamespacePath", text("/run/netns/a"))];
        let draft = read_all(&both).expect("good").draft();
        assert!(draft.namespaces.iter().all(|asked| asked.what != Namespace::Net));
        assert_eq!(draft.joins.len(), 1);
        for bad in ["a", ".", "/a/../b"] {
            assert!(read("IPCNamespacePath", text(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn delegation_is_a_list_of_kinds() {
        let flags = |word: &str| read("DelegateNamespaces", text(word)).map(|policy| policy.joins.delegated);
        assert_eq!(flags("net uts"), Ok(Namespace::Net.flag() | Namespace::Uts.flag()));
        assert_eq!(flags("~net"), Ok(EVERY & !Namespace::Net.flag()));
        assert_eq!(flags("yes"), Ok(EVERY));
        assert_eq!(flags(""), Ok(0));
        assert!(flags("user").is_err() && flags("pids").is_err());
    }
}
