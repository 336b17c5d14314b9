//! What privileges are left.

use caps::Capability::{
    self, CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_AUDIT_WRITE, CAP_BLOCK_SUSPEND, CAP_BPF, CAP_CHOWN, CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_KILL, CAP_LEASE, CAP_LINUX_IMMUTABLE,
    CAP_MAC_ADMIN, CAP_MAC_OVERRIDE, CAP_MKNOD, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_RAW,
    CAP_SETFCAP, CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_CHROOT, CAP_SYS_MODULE,
    CAP_SYS_NICE, CAP_SYS_PACCT, CAP_SYS_PTRACE, CAP_SYS_RAWIO, CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG,
    CAP_SYSLOG, CAP_WAKE_ALARM,
};

use crate::draft::capabilities::{CapSet, SECUREBITS};
use crate::fault::Fault;
use crate::text::Value;

use super::form::{self, Form, Item};
use super::{Directive, Exposure, Policy, switch};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    /// NoNewPrivileges=.
    pub no_new_privileges: bool,
    /// CapabilityBoundingSet=.
    pub bounding: Option<CapSet>,
    /// AmbientCapabilities=.
    pub ambient: CapSet,
    /// SecureBits=.
    pub securebits: u32,
}

impl Policy {
    /// The bounding set that the whole policy leaves: what CapabilityBoundingSet= says without
    /// what ProtectClock= and its like take away.
    pub fn bounding(&self) -> CapSet {
        self.draft().bounding_left().unwrap_or(CapSet::EVERY)
    }
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "NoNewPrivileges",
        form: Form::Boolean,
        summary: "never gain privileges by executing a file",
        manual: "With *yes* the target and all its children can never gain privileges by execve(2): set-user-ID bits \
                 and file capabilities do nothing (PR_SET_NO_NEW_PRIVS). It cannot be taken back. Without root it is \
                 also switched on wherever a system call filter or Landlock is used, because the kernel demands it.",
        example: "NoNewPrivileges = true",
        unlike: None,
        exposure: &[switch("NoNewPrivileges", 1000, |policy| Some(u32::from(!policy.capabilities.no_new_privileges)))],
        read: |policy, value| {
            policy.capabilities.no_new_privileges = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.capabilities.no_new_privileges {
                demands.draft.no_new_privileges = Some(demands.asked(()));
            }
        },
    },
    Directive {
        name: "CapabilityBoundingSet",
        form: Form::Words("CAPABILITY"),
        summary: "the capabilities that the target can ever have",
        manual: "Capabilities (capabilities(7)) by name or number that stay in the bounding set; all others are \
                 dropped from it and from the permitted and effective set. The inheritable and the ambient set are \
                 emptied but for *AmbientCapabilities*. A list that begins with `~` keeps all but those named. Lists \
                 add up: plain ones add to what is kept and those with `~` take away from it. An empty value keeps \
                 nothing and `~` alone keeps everything.\n\n\
                 Dropping needs CAP_SETPCAP. Without it stockade makes a user namespace and drops there; where user \
                 namespaces are forbidden, no_new_privs and an empty permitted set see to it that none is gained.",
        example: "CapabilityBoundingSet = [\"CAP_NET_BIND_SERVICE\", \"CAP_CHOWN\"]",
        unlike: Some("An unknown name is an error and not only a warning."),
        exposure: BOUNDING,
        read: |policy, value| {
            let mut set = policy.capabilities.bounding.unwrap_or(CapSet::EVERY);
            merge(value, CapSet::EVERY, &mut set)?;
            policy.capabilities.bounding = Some(set);
            Ok(())
        },
        demand: |policy, demands| {
            demands.draft.bounding = policy.capabilities.bounding.map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "AmbientCapabilities",
        form: Form::Words("CAPABILITY"),
        summary: "capabilities that the target has although it is not root",
        manual: "Capabilities, written as in *CapabilityBoundingSet*, that go into the inheritable and the ambient \
                 set, so that a target with another *User* than root has them and passes them on. Each must be left \
                 by *CapabilityBoundingSet* and held by the caller. In a user namespace that stockade made for an \
                 ordinary user they hold over that namespace only, and over the network namespace and the mounts \
                 that belong to it. An empty value resets it.",
        example: "AmbientCapabilities = [\"CAP_NET_BIND_SERVICE\"]",
        unlike: None,
        exposure: &[switch("AmbientCapabilities", 500, |policy| {
            Some(u32::from(!policy.capabilities.ambient.is_empty()))
        })],
        read: |policy, value| merge(value, CapSet::EMPTY, &mut policy.capabilities.ambient),
        demand: |policy, demands| {
            if !policy.capabilities.ambient.is_empty() {
                let what = policy.capabilities.ambient;
                demands.draft.ambient = Some(demands.asked(what));
            }
        },
    },
    Directive {
        name: "SecureBits",
        form: Form::List("BIT"),
        summary: "how user ids and capabilities depend on each other",
        manual: "Securebits (capabilities(7)), each also with `-locked` behind it, which makes it final. *noroot*: \
                 user 0 gets no capabilities by execve(2). *no-setuid-fixup*: sets of capabilities stay when user ids \
                 change. *keep-caps*: the permitted set stays when all user ids leave 0 (cleared by execve(2)). \
                 *no-cap-ambient-raise*: nothing can be added to the ambient set. *exec-restrict-file* and \
                 *exec-deny-interactive* tell script interpreters to ask the kernel whether a file may be executed \
                 (Linux 6.14). All are: *keep-caps-locked*, *no-setuid-fixup-locked*, *noroot-locked*, \
                 *no-cap-ambient-raise-locked*, *exec-restrict-file-locked*, *exec-deny-interactive-locked*. Lists \
                 add up and an empty one resets. All but the last two need CAP_SETPCAP.",
        example: "SecureBits = [\"noroot\", \"noroot-locked\"]",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let Some(words) = form::all_words(value)? else {
                policy.capabilities.securebits = 0;
                return Ok(());
            };
            for word in words {
                policy.capabilities.securebits |= securebit(&word)?;
            }
            Ok(())
        },
        demand: |policy, demands| {
            if policy.capabilities.securebits != 0 {
                let what = policy.capabilities.securebits;
                demands.draft.securebits = Some(demands.asked(what));
            }
        },
    },
];

/// systemd's config_parse_capability_set, once for each line: on a set that still is what it was
/// before anybody said anything a line replaces, on any other it adds or takes away.
fn merge(value: &Value, initial: CapSet, set: &mut CapSet) -> Result<(), Fault> {
    let lines = form::lines(value)?;
    if lines.is_empty() {
        *set = CapSet::EMPTY;
    }
    for line in &lines {
        let text = line.text.trim_start();
        let (inverted, rest) = text.strip_prefix('~').map_or((false, text), |rest| (true, rest));
        let rest = Item { text: rest.to_owned(), at: line.at.clone() };
        let mut sum = CapSet::EMPTY;
        for word in form::words(&rest)? {
            sum = CapSet(sum.0 | 1 << capability(&word)?.index());
        }
        *set = match (sum.is_empty() || *set == initial, inverted) {
            (true, true) => sum.complement(),
            (true, false) => sum,
            (false, true) => set.without(sum),
            (false, false) => set.union(sum),
        };
    }
    Ok(())
}

/// A capability by its name, in any case, or by its number.
fn capability(word: &Item) -> Result<Capability, Fault> {
    let text = word.text.as_str();
    if let Ok(cap) = text.to_ascii_uppercase().parse::<Capability>() {
        return Ok(cap);
    }
    let number = text.parse::<u8>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(cap) = number.and_then(|number| caps::all().into_iter().find(|cap| cap.index() == number)) {
        return Ok(cap);
    }
    let fault = word.fault(format!("`{text}` is not a capability"));
    let names = CapSet::all().names();
    // `SYS_ADMIN` without its prefix is the usual slip.
    let upper = text.to_ascii_uppercase();
    let near = names.iter().find(|name| name.strip_prefix("CAP_") == Some(upper.as_str())).map(String::as_str);
    match near.or_else(|| form::nearest(text, names.iter().map(String::as_str))) {
        Some(near) => Err(fault.help(format!("did you mean `{near}`?"))),
        None => Err(fault.help("capabilities(7) lists them")),
    }
}

fn securebit(word: &Item) -> Result<u32, Fault> {
    if let Some((_, bit)) = SECUREBITS.iter().find(|(name, _)| *name == word.text) {
        return Ok(*bit);
    }
    let fault = word.fault(format!("`{}` is not a securebit", word.text));
    if let Some(near) = form::nearest(&word.text, SECUREBITS.iter().map(|(name, _)| *name)) {
        return Err(fault.help(format!("did you mean `{near}`?")));
    }
    let all: Vec<&str> = SECUREBITS.iter().map(|(name, _)| *name).collect();
    Err(fault.help(format!("write some of: {}", all.join(", "))))
}

/// Whether any of these capabilities is left.
#[allow(clippy::unnecessary_wraps)] // Exposures may not apply; these always do.
fn any(policy: &Policy, capabilities: &[Capability]) -> Option<u32> {
    let left = policy.bounding();
    Some(u32::from(capabilities.iter().any(|cap| left.has(*cap))))
}

/// systemd's lines about the bounding set; their names are its `json_field`s, one of them with its
/// stray parenthesis.
const BOUNDING: &[Exposure] = &[
    switch("CapabilityBoundingSet_CAP_SYS_ADMIN", 1500, |policy| any(policy, &[CAP_SYS_ADMIN])),
    switch("CapabilityBoundingSet_CAP_SET_UID_GID_PCAP", 1500, |policy| {
        any(policy, &[CAP_SETUID, CAP_SETGID, CAP_SETPCAP])
    }),
    switch("CapabilityBoundingSet_CAP_SYS_PTRACE", 1500, |policy| any(policy, &[CAP_SYS_PTRACE])),
    switch("CapabilityBoundingSet_CAP_SYS_TIME", 1000, |policy| any(policy, &[CAP_SYS_TIME])),
    switch("CapabilityBoundingSet_CAP_NET_ADMIN", 1000, |policy| any(policy, &[CAP_NET_ADMIN])),
    switch("CapabilityBoundingSet_CAP_SYS_RAWIO", 1000, |policy| any(policy, &[CAP_SYS_RAWIO])),
    switch("CapabilityBoundingSet_CAP_SYS_MODULE", 1000, |policy| any(policy, &[CAP_SYS_MODULE])),
    switch("CapabilityBoundingSet_CAP_AUDIT", 500, |policy| {
        any(policy, &[CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_AUDIT_WRITE])
    }),
    switch("CapabilityBoundingSet_CAP_SYSLOG", 500, |policy| any(policy, &[CAP_SYSLOG])),
    switch("CapabilityBoundingSet_CAP_SYS_NICE_RESOURCE", 500, |policy| any(policy, &[CAP_SYS_NICE, CAP_SYS_RESOURCE])),
    switch("CapabilityBoundingSet_CAP_MKNOD", 500, |policy| any(policy, &[CAP_MKNOD])),
    switch("CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP", 1000, |policy| {
        any(policy, &[CAP_CHOWN, CAP_FSETID, CAP_SETFCAP])
    }),
    switch("CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER", 1000, |policy| {
        any(policy, &[CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_IPC_OWNER])
    }),
    switch("CapabilityBoundingSet_CAP_KILL", 500, |policy| any(policy, &[CAP_KILL])),
    switch("CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)", 500, |policy| {
        any(policy, &[CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_RAW])
    }),
    switch("CapabilityBoundingSet_CAP_SYS_BOOT", 100, |policy| any(policy, &[CAP_SYS_BOOT])),
    switch("CapabilityBoundingSet_CAP_MAC", 100, |policy| any(policy, &[CAP_MAC_ADMIN, CAP_MAC_OVERRIDE])),
    switch("CapabilityBoundingSet_CAP_LINUX_IMMUTABLE", 75, |policy| any(policy, &[CAP_LINUX_IMMUTABLE])),
    switch("CapabilityBoundingSet_CAP_IPC_LOCK", 50, |policy| any(policy, &[CAP_IPC_LOCK])),
    switch("CapabilityBoundingSet_CAP_SYS_CHROOT", 50, |policy| any(policy, &[CAP_SYS_CHROOT])),
    switch("CapabilityBoundingSet_CAP_BLOCK_SUSPEND", 25, |policy| any(policy, &[CAP_BLOCK_SUSPEND])),
    switch("CapabilityBoundingSet_CAP_WAKE_ALARM", 25, |policy| any(policy, &[CAP_WAKE_ALARM])),
    switch("CapabilityBoundingSet_CAP_LEASE", 25, |policy| any(policy, &[CAP_LEASE])),
    switch("CapabilityBoundingSet_CAP_SYS_TTY_CONFIG", 25, |policy| any(policy, &[CAP_SYS_TTY_CONFIG])),
    switch("CapabilityBoundingSet_CAP_BPF", 25, |policy| any(policy, &[CAP_BPF])),
    switch("CapabilityBoundingSet_CAP_SYS_PACCT", 25, |policy| any(policy, &[CAP_SYS_PACCT])),
];

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Kind;

    fn bounding(values: &[&str]) -> CapSet {
        let entries: Vec<_> =
            values.iter().map(|value| ("CapabilityBoundingSet", Kind::Text((*value).into()))).collect();
        read_all(&entries).expect("good").bounding()
    }

    fn set(capabilities: &[Capability]) -> CapSet {
        capabilities.iter().fold(CapSet::EMPTY, |set, cap| set.with(*cap))
    }

    #[test]
    fn sets_merge_as_systemd_merges_them() {
        assert_eq!(bounding(&[]), CapSet::EVERY);
        assert_eq!(bounding(&[""]), CapSet::EMPTY);
        assert_eq!(bounding(&["~"]), CapSet::EVERY);
        assert_eq!(bounding(&["cap_kill CAP_CHOWN", "13"]), set(&[CAP_KILL, CAP_CHOWN, CAP_NET_RAW]));
        assert_eq!(bounding(&["~CAP_KILL", "~ CAP_CHOWN"]), CapSet::EVERY.without(set(&[CAP_KILL, CAP_CHOWN])));
        assert_eq!(bounding(&["CAP_KILL CAP_CHOWN", "~CAP_KILL"]), set(&[CAP_CHOWN]));
        assert_eq!(bounding(&["CAP_KILL", "", "CAP_CHOWN"]), set(&[CAP_CHOWN]));
    }

    #[test]
    fn unknown_capabilities_are_refused_with_the_nearest() {
        for (bad, near) in [("SYS_ADMIN", "CAP_SYS_ADMIN"), ("CAP_SYS_ADMON", "CAP_SYS_ADMIN"), ("41", "list")] {
            let fault = read("CapabilityBoundingSet", Kind::Text(bad.into())).expect_err(bad);
            assert!(fault.help[0].contains(near), "{bad}: {:?}", fault.help);
        }
    }

    #[test]
    fn securebits_add_up() {
        let list = Kind::List(Vec::new());
        let words = Kind::Text("noroot noroot-locked".into());
        assert_eq!(read("SecureBits", words.clone()).expect("good").capabilities.securebits, 3);
        assert_eq!(read_all(&[("SecureBits", words), ("SecureBits", list)]).expect("good").capabilities.securebits, 0);
        assert!(read("SecureBits", Kind::Text("no-root".into())).is_err());
    }

    #[test]
    fn the_exposure_weighs_what_is_left() {
        let sum = |policy: &Policy| -> u32 {
            BOUNDING.iter().filter(|line| (line.badness)(policy) == Some(1)).map(|line| line.weight).sum()
        };
        assert_eq!(sum(&Policy::default()), BOUNDING.iter().map(|line| line.weight).sum::<u32>());
        assert_eq!(sum(&read("CapabilityBoundingSet", Kind::Text(String::new())).expect("good")), 0);
        let some = read("CapabilityBoundingSet", Kind::Text("CAP_SETGID CAP_LEASE".into())).expect("good");
        assert_eq!(sum(&some), 1525);
    }
}
