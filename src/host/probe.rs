//! Reads of the machine what a draft needs, and no more: every call here delays every start.

use nix::sys::utsname::uname;

use crate::draft::Draft;
use crate::draft::access::Access;
use crate::fault::{Exit, Fault};
use crate::sys::facts;

use super::{Host, accounts, identity, mounts, slurp, userns};

impl Host {
    /// Asks the machine what this draft needs to know.
    ///
    /// # Errors
    /// When the kernel hides something that must be known: ids, capabilities, the mount table.
    pub fn probe(draft: &Draft) -> Result<Self, Fault> {
        let mut host = Self { release: kernel()?, pid: std::process::id(), ..Self::default() };
        identity::credentials(&mut host)?;
        identity::surroundings(&mut host)?;
        if draft.access != Access::default() {
            // Missing and switched off are both 0; `doctor` tells them apart.
            host.landlock = facts::landlock().unwrap_or(0);
        }
        if draft.lock_personality.is_some() {
            host.personality = personality()?;
        }
        if needs_filter(draft) {
            host.cookie = facts::random().map_err(|errno| {
                Fault::new(format!("cannot get random bytes: {}", errno.desc().to_lowercase())).exit(Exit::Seccomp)
            })?;
        }
        if draft.needs_mount_table() {
            host.mounts = table()?;
        }
        host.accounts = accounts::named(draft)?;
        host.pid = std::process::id();
        if !host.privileged() && needs_namespace(draft) && (may_lack_one(draft) || userns::doubtful()) {
            host.user_namespace = userns::probe(&host);
        }
        Ok(host)
    }
}

/// The personality. Where it is locked already, even asking is forbidden, and proc(5) tells it.
fn personality() -> Result<u32, Fault> {
    facts::personality().or_else(|errno| {
        let text = slurp("/proc/self/personality").unwrap_or_default();
        u32::from_str_radix(String::from_utf8_lossy(&text).trim(), 16).map_err(|_| {
            Fault::new(format!("cannot read the personality: {}", errno.desc().to_lowercase()))
                .help("a seccomp filter that was here before stockade forbids personality(2): allow it there")
                .exit(Exit::Personality)
        })
    })
}

/// The mount table of this process.
fn table() -> Result<Vec<super::Mount>, Fault> {
    let path = "/proc/self/mountinfo";
    let text = slurp(path).map_err(|error| {
        Fault::new(format!("cannot read {path}: {}", error.to_string().to_lowercase()))
            .help("mount /proc: mount -t proc proc /proc")
            .exit(Exit::Namespace)
    })?;
    Ok(mounts::parse(&text))
}

/// The kernel's version.
fn kernel() -> Result<(u32, u32), Fault> {
    let name = uname().map_err(|errno| {
        Fault::new(format!("cannot read the kernel's version: {}", errno.desc().to_lowercase())).exit(Exit::Exception)
    })?;
    Ok(release(&name.release().to_string_lossy()))
}

/// `6.1.0-50-cloud-amd64` as (6, 1); (0, 0) for what is no version, which every check takes for too old.
pub(super) fn release(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor),
        _ => (0, 0),
    }
}

/// Whether there may be a filter, by which the launcher's own execve must pass.
fn needs_filter(draft: &Draft) -> bool {
    !draft.layers.is_empty()
        || draft.profile.is_some()
        || draft.architectures.is_some()
        || draft.lock_personality.is_some()
        || draft.deny_write_execute.is_some()
}

/// Whether a caller without privileges needs a user namespace for this draft.
/// Whether the policy would rather go without something that a user namespace gives.
fn may_lack_one(draft: &Draft) -> bool {
    draft.prefer.iter().any(|asked| !asked.what.starts_with("Landlock"))
}

/// Whether anything asks for what an ordinary caller gets by a user namespace only.
fn needs_namespace(draft: &Draft) -> bool {
    !draft.namespaces.is_empty()
        || !draft.mounts.is_empty()
        || draft.root.is_some()
        || draft.users.is_some()
        || draft.bounding.is_some()
        || !draft.dropped.is_empty()
        || draft.securebits.is_some()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::draft::capabilities::CapSet;
    use crate::draft::identity::Name;
    use crate::draft::{Asked, By};
    use crate::host::Verdict;

    fn asked<T>(what: T) -> Asked<T> {
        Asked { what, by: By { directive: "Test", origin: None } }
    }

    #[test]
    fn releases() {
        assert_eq!(release("6.18.44-fc-v782"), (6, 18));
        assert_eq!(release("5.10.0-32-cloud-amd64"), (5, 10));
        assert_eq!(release("7-rc1"), (0, 0));
        assert_eq!(release(""), (0, 0));
    }

    #[test]
    fn an_empty_draft_costs_nothing_more() {
        let host = Host::probe(&Draft::default()).expect("a host");
        assert!(host.release > (4, 0));
        assert_eq!(host.uid, getuid().as_raw());
        assert_eq!(host.environment, std::env::vars_os().collect::<Vec<_>>());
        assert_eq!(host.directory, std::env::current_dir().expect("cwd"));
        assert!(host.mounts.is_empty() && host.accounts.is_empty());
        assert_eq!((host.landlock, host.cookie), (0, [0; 3]));
        assert_eq!(host.user_namespace, Verdict::Untried);
    }

    #[test]
    fn a_draft_gets_what_it_names() {
        let draft = Draft {
            root: Some(asked("/srv".into())),
            user: Some(asked(Name::Word("root".into()))),
            groups: vec![asked(Name::Number(12)), asked(Name::Word("no-such-group".into()))],
            bounding: Some(asked(CapSet::EMPTY)),
            lock_personality: Some(asked(())),
            access: Access { scopes: Some(asked(1)), ..Access::default() },
            ..Draft::default()
        };
        let host = Host::probe(&draft).expect("a host");
        assert!(host.mounts.iter().any(|mount| mount.point == Path::new("/proc")));
        let ids: Vec<_> = host.accounts.iter().map(|account| (account.word.as_str(), account.id)).collect();
        assert_eq!(ids, [("root", Some(0)), ("12", Some(12)), ("no-such-group", None)]);
        assert_eq!(host.landlock, facts::landlock().unwrap_or(0));
        assert_eq!(facts::personality(), Ok(host.personality));
        assert_ne!(host.cookie, [0; 3]);
    }

    use nix::unistd::getuid;
}
