//! What a policy lets its target reach, beyond what systemd's score sees: system calls by the answers of the compiled
//! filter, sockets, paths through the view and Landlock, capabilities, namespaces, limits.
//!
//! It is the policy's own meaning, on any machine that can enforce all of it: nothing is looked up here.
//!
//! `calls` and `paths` have those two, `dangers` the system calls that sandboxes have been left by.

mod calls;
mod dangers;
mod paths;

use crate::draft::access::{self, BIND_TCP, CONNECT_TCP};
use crate::draft::arch::Arch;
use crate::draft::capabilities::CapSet;
use crate::draft::identity::Name;
use crate::draft::namespaces::Namespace;
use crate::draft::{Asked, Draft};
use crate::fault::Fault;
use crate::policy::Policy;
use crate::text::profiles::Library;

pub use calls::{Answered, Calls, Verdict};
pub use dangers::Danger;
pub use paths::{Access, Place, Places, shown};

/// What can be reached.
#[derive(Debug)]
pub struct Reach {
    /// System calls, the native architecture first; the others that the policy allows follow.
    pub calls: Vec<Calls>,
    /// Whether there is a filter at all.
    pub filtered: bool,
    /// Dangerous calls that can be made.
    pub dangers: Vec<Danger>,
    /// The kinds of sockets that can be made, by their families.
    pub sockets: Vec<(&'static str, Verdict)>,
    /// Whether the network is the target's own, which is empty.
    pub offline: bool,
    /// TCP ports that can be connected to; nothing for all.
    pub connect: Option<Vec<u16>>,
    /// TCP ports that can be bound; nothing for all.
    pub bind: Option<Vec<u16>>,
    /// Capabilities that can be had at most.
    pub bounding: CapSet,
    /// Capabilities that the target starts with as an ordinary user.
    pub ambient: CapSet,
    /// Whether executing a program can give privileges (set-user-id bits, file capabilities).
    pub gains: bool,
    /// Whether memory can be written and executed.
    pub writes_code: bool,
    /// Namespaces of the target's own.
    pub own: Vec<Namespace>,
    /// Namespaces that it can make.
    pub makes: Vec<Namespace>,
    /// The file system.
    pub places: Places,
    /// What Landlock handles: names of rights and scopes.
    pub landlock: Vec<&'static str>,
    /// The user, the group and further groups, as they were written.
    pub users: Vec<(&'static str, String)>,
    /// Limits: the directive and the limit, `u64::MAX` for none.
    pub limits: Vec<(&'static str, u64)>,
}

/// The kinds of sockets that are told about: family and number (linux/socket.h).
const FAMILIES: [(&str, u64); 22] = [
    ("AF_UNIX", 1),
    ("AF_INET", 2),
    ("AF_INET6", 10),
    ("AF_NETLINK", 16),
    ("AF_PACKET", 17),
    ("AF_AX25", 3),
    ("AF_IPX", 4),
    ("AF_APPLETALK", 5),
    ("AF_NETROM", 6),
    ("AF_X25", 9),
    ("AF_ROSE", 11),
    ("AF_KEY", 15),
    ("AF_RDS", 21),
    ("AF_PPPOX", 24),
    ("AF_LLC", 26),
    ("AF_CAN", 29),
    ("AF_TIPC", 30),
    ("AF_BLUETOOTH", 31),
    ("AF_RXRPC", 33),
    ("AF_ALG", 38),
    ("AF_VSOCK", 40),
    ("AF_XDP", 44),
];

impl Reach {
    /// What the policy lets its target reach.
    ///
    /// # Errors
    /// The filter cannot be compiled.
    pub fn of(policy: &Policy) -> Result<Self, Fault> {
        let draft = policy.draft();
        let filter = calls::Program::of(&draft)?;
        let handled = draft.access.handled.as_ref().map_or(0, |asked| asked.what);
        let mut landlock = access::names(&access::RIGHTS, handled);
        landlock.extend(draft.access.scopes.iter().flat_map(|asked| access::names(&access::SCOPES, asked.what)));
        let tcp = [(&draft.access.connect_tcp, CONNECT_TCP), (&draft.access.bind_tcp, BIND_TCP)];
        for (ports, right) in tcp {
            if ports.is_some() {
                landlock.push(if right == CONNECT_TCP { "connect-tcp" } else { "bind-tcp" });
            }
        }
        let mut own: Vec<Namespace> = draft.namespaces.iter().map(|asked| asked.what).collect();
        own.extend((!draft.mounts.is_empty() || draft.root.is_some()).then_some(Namespace::Mnt));
        own.extend((draft.users.is_some() || draft.delegated.is_some()).then_some(Namespace::User));
        own.sort_unstable();
        own.dedup();
        let makes: Vec<Namespace> = Namespace::ALL.into_iter().filter(|kind| filter.makes(*kind)).collect();
        let bounding = draft.bounding_left().unwrap_or(CapSet::EVERY).intersection(CapSet::all());
        Ok(Self {
            calls: filter.every(),
            filtered: filter.is_there(),
            dangers: dangers::of(&filter, bounding, makes.contains(&Namespace::User)),
            sockets: FAMILIES.iter().map(|(name, number)| (*name, filter.socket(*number))).collect(),
            offline: own.contains(&Namespace::Net),
            connect: draft.access.connect_tcp.as_ref().map(|asked| sorted(&asked.what)),
            bind: draft.access.bind_tcp.as_ref().map(|asked| sorted(&asked.what)),
            bounding,
            ambient: draft.ambient.as_ref().map_or(CapSet::EMPTY, |asked| asked.what),
            gains: draft.no_new_privileges.is_none(),
            writes_code: draft.deny_write_execute.is_none(),
            own,
            makes,
            places: Places::of(&draft),
            landlock,
            users: users(&draft),
            limits: limits(policy, &draft),
        })
    }

    /// How many calls of the native architecture can be made, some of them only with certain arguments.
    pub fn allowed(&self) -> usize {
        self.calls.first().map_or(0, Calls::allowed)
    }

    /// How many calls of the native architecture there are.
    pub fn known(&self) -> usize {
        self.calls.first().map_or(0, |calls| calls.answers.len())
    }
}

/// How many calls Docker's default profile allows on this architecture, as the shipped profile has it.
pub fn docker() -> usize {
    let document = Library::of_the_binary().load("container-default", None);
    let policy = document.ok().and_then(|document| Policy::read(&document).ok());
    let program = policy.and_then(|policy| calls::Program::of(&policy.draft()).ok());
    program.map_or(0, |program| program.on(Arch::native()).allowed())
}

fn sorted(ports: &[u16]) -> Vec<u16> {
    let mut ports = ports.to_vec();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn users(draft: &Draft) -> Vec<(&'static str, String)> {
    let word = |name: &Name| match name {
        Name::Number(number) => number.to_string(),
        Name::Word(word) => word.clone(),
    };
    let mut all = Vec::new();
    if draft.dynamic.is_some() {
        all.push(("DynamicUser", "yes".to_owned()));
    }
    if let Some(asked) = &draft.user {
        all.push(("User", word(&asked.what)));
    }
    if let Some(asked) = &draft.group {
        all.push(("Group", word(&asked.what)));
    }
    if !draft.groups.is_empty() {
        let mut groups: Vec<String> = draft.groups.iter().map(|asked| word(&asked.what)).collect();
        groups.sort();
        all.push(("SupplementaryGroups", groups.join(" ")));
    }
    if let Some(asked) = &draft.users {
        all.push(("PrivateUsers", format!("{:?}", asked.what).to_lowercase()));
    }
    all
}

fn limits(policy: &Policy, draft: &Draft) -> Vec<(&'static str, u64)> {
    let hard = |asked: &Asked<crate::draft::limits::Limit>| (asked.by.directive, asked.what.hard);
    let mut all: Vec<(&'static str, u64)> = draft.limits.iter().map(hard).collect();
    for asked in &draft.group_limits {
        let amount = match asked.what.amount {
            crate::draft::attributes::Amount::Infinity => u64::MAX,
            crate::draft::attributes::Amount::Number(number) => number,
            crate::draft::attributes::Amount::Share(share) => share.into(),
            crate::draft::attributes::Amount::Quota(time, period) => time.saturating_mul(100) / period.max(1),
        };
        all.push((asked.by.directive, amount));
    }
    if let Some(asked) = draft.runtime.as_ref().filter(|_| policy.origin("RuntimeMaxSec").is_some()) {
        all.push((asked.by.directive, asked.what));
    }
    all.sort_unstable();
    all.dedup_by_key(|(name, _)| *name);
    all
}
