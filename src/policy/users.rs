//! Who the target runs as.

use crate::draft::Asked;
use crate::draft::identity::Name;
use crate::fault::{Fault, Origin};
use crate::text::Value;

use super::filesystem::{ProtectHome, ProtectSystem};
use super::form::{self, Form, Item};
use super::{Directive, Exposure};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// User=.
    pub user: Option<Name>,
    /// Group=.
    pub group: Option<Name>,
    /// DynamicUser=.
    pub dynamic: bool,
    /// SupplementaryGroups=.
    pub supplementary: Vec<(Name, Origin)>,
}

impl Users {
    /// Whether the target's user is root, as far as a policy alone can tell.
    pub(super) fn is_root(&self) -> bool {
        match &self.user {
            None => true,
            Some(Name::Number(id)) => *id == 0,
            Some(Name::Word(name)) => name == "root",
        }
    }

    fn is_nobody(&self) -> bool {
        match &self.user {
            None => false,
            Some(Name::Number(id)) => *id == 65534,
            Some(Name::Word(name)) => name == "nobody",
        }
    }
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "User",
        form: Form::Text("USER"),
        summary: "run the target as this user",
        manual: "A user by name or number. Started as root, stockade gives the target this user, the user's login \
                 group (unless *Group* says another) and the user's further groups, and sets USER, LOGNAME, HOME and \
                 SHELL. Ids change late, when everything that needs root is done. Started by anybody else, the only \
                 user that can be asked for is the caller.\n\n\
                 Names are letters, digits, `_` and `-`, do not begin with a digit or `-`, and have 31 characters at \
                 most. Numbers are decimal without sign or leading zeros, up to 4294967294; 65535 is refused, because \
                 it once meant nobody at all. A number that has no account needs a *Group*. An empty value resets it.",
        example: "User = \"www-data\"",
        unlike: None,
        exposure: &[Exposure {
            id: "UserOrDynamicUser",
            weight: 2000,
            range: 10,
            badness: |policy| {
                let users = &policy.users;
                Some(if users.dynamic {
                    0
                } else if users.is_root() {
                    10
                } else {
                    u32::from(users.is_nobody()) * 9
                })
            },
        }],
        read: |policy, value| {
            policy.users.user = single(value, "user")?;
            Ok(())
        },
        demand: |policy, demands| {
            demands.draft.user = policy.users.user.clone().map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "Group",
        form: Form::Text("GROUP"),
        summary: "run the target with this group",
        manual: "A group by name or number, written as in *User*. Without *User* the target keeps its user and gets \
                 this group, and no further ones but *SupplementaryGroups*. Only root can take a group that is not \
                 the caller's own. An empty value resets it.",
        example: "Group = \"www-data\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.users.group = single(value, "group")?;
            Ok(())
        },
        demand: |policy, demands| {
            demands.draft.group = policy.users.group.clone().map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "DynamicUser",
        form: Form::Boolean,
        summary: "run the target as a user that exists only meanwhile",
        manual: "With *yes*, root gives the target a user and group number that no account, no process and no service of \
                 systemd's has, nor anything in /run, from 61184 to 65519. As what such a user leaves behind would belong to the next one, it \
                 implies *PrivateTmp*, *RemoveIPC*, *NoNewPrivileges*, *RestrictSUIDSGID*, *ProtectSystem* `strict`, and \
                 *ProtectHome* `read-only` where nothing else is said. Where *User* or *Group* is written beside it and \
                 there is such an account, the target is that one; else it is only the name in $USER and $LOGNAME. \
                 Started by anybody but root it changes nothing about the user, who has no other to become, and the \
                 start fails.",
        example: "DynamicUser = true",
        unlike: Some(
            "The user has no name that others could look up. StateDirectory, CacheDirectory and LogsDirectory cannot be \
             used with it: their files would stay with a number that is somebody else's next time.",
        ),
        exposure: &[],
        read: |policy, value| {
            policy.users.dynamic = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.users.dynamic {
                demands.draft.dynamic = Some(demands.asked(()));
            }
        },
    },
    Directive {
        name: "SupplementaryGroups",
        form: Form::List("GROUP"),
        summary: "give the target these further groups",
        manual: "Groups by name or number that the target gets besides those of its *User*. Lists add up and an \
                 empty one resets. None of the caller's own groups are kept: without *User* and *Group* the target \
                 has exactly the groups listed here.",
        example: "SupplementaryGroups = [\"audio\", \"video\"]",
        unlike: None,
        exposure: &[Exposure {
            id: "SupplementaryGroups",
            weight: 200,
            range: 1,
            badness: |policy| {
                let users = &policy.users;
                (!users.is_root() || users.dynamic).then(|| u32::from(!users.supplementary.is_empty()))
            },
        }],
        read: |policy, value| {
            match form::all_words(value)? {
                None => policy.users.supplementary.clear(),
                Some(words) => {
                    for word in words {
                        policy.users.supplementary.push((name(&word, "group")?, word.at));
                    }
                }
            }
            Ok(())
        },
        demand: |policy, demands| {
            for (group, at) in &policy.users.supplementary {
                let by = demands.at(at);
                demands.draft.groups.push(Asked { what: group.clone(), by });
            }
        },
    },
];

/// What DynamicUser= implies.
pub(super) fn imply(policy: &mut super::Policy) {
    if !policy.users.dynamic {
        return;
    }
    policy.inherit.remove_ipc = true;
    policy.filesystem.private_tmp = true;
    policy.filesystem.protect_system = ProtectSystem::Strict;
    if policy.filesystem.protect_home == ProtectHome::No {
        policy.filesystem.protect_home = ProtectHome::ReadOnly;
    }
    policy.capabilities.no_new_privileges = true;
    policy.restrict.suid_sgid = true;
}

fn single(value: &Value, what: &str) -> Result<Option<Name>, Fault> {
    let item = form::text(value)?;
    if item.text.is_empty() { Ok(None) } else { name(&item, what).map(Some) }
}

/// A user or group: systemd's parse_uid for what is a number, and its relaxed names else (valid_user_group_name() in its
/// src/basic/user-util.c), without those that look like a number or an option.
fn name(item: &Item, what: &str) -> Result<Name, Fault> {
    let text = item.text.as_str();
    let refuse = |why: &str, help: &str| Err(item.fault(format!("`{text}` {why}")).help(help));
    let digits = text.trim_start_matches(['-', '+']);
    let number = digits.starts_with(|first: char| first.is_ascii_digit())
        && (digits.len() < text.len()
            || digits.starts_with("0x")
            || text.bytes().all(|byte| byte.is_ascii_digit() || byte == b' '));
    if number {
        let decimal = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        return match text.parse::<u32>() {
            Ok(65535 | u32::MAX) => refuse(
                &format!("is not the number of a {what}: the kernel uses it for \"none\""),
                "write a name, or another number",
            ),
            Ok(id) if decimal => Ok(Name::Number(id)),
            _ => refuse(
                &format!("is neither the name nor the number of a {what}"),
                "numbers are decimal, without sign or leading zeros, 0 to 4294967294",
            ),
        };
    }
    let bad = |c: char| c.is_control() || matches!(c, ':' | '/');
    let odd = text.is_empty() || text.len() > 255 || text.trim() != text || text.starts_with(['-', '+']);
    if odd || text.contains(bad) || matches!(text, "." | "..") {
        return refuse(
            &format!("is not a name that a {what} can have"),
            "names have no `:`, no `/` and no control characters, and do not begin with `-`",
        );
    }
    Ok(Name::Word(text.to_owned()))
}

/// Reads `value` into a fresh policy, for the tests of the families.
#[cfg(test)]
pub(super) fn read(directive: &str, value: crate::text::Kind) -> Result<super::Policy, Fault> {
    read_all(&[(directive, value)])
}

/// Reads several entries into a fresh policy.
#[cfg(test)]
pub(super) fn read_all(entries: &[(&str, crate::text::Kind)]) -> Result<super::Policy, Fault> {
    let source = std::sync::Arc::new(crate::fault::Source { name: "test.toml".into(), text: String::new() });
    let mut policy = super::Policy::default();
    for (directive, kind) in entries {
        let row = super::find(directive).expect("a known directive");
        (row.read)(&mut policy, &Value { kind: kind.clone(), at: Origin::new(&source, 0..0) })?;
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Kind;

    fn user(text: &str) -> Option<Name> {
        read("User", Kind::Text(text.into())).ok().and_then(|policy| policy.users.user)
    }

    #[test]
    fn what_looks_like_a_number_is_one_or_refused() {
        assert_eq!(user("0"), Some(Name::Number(0)));
        assert_eq!(user("4294967294"), Some(Name::Number(4_294_967_294)));
        for bad in ["0x0", "00", "-1", "+1", "65535", "4294967295", "4294967296", "1000 ", "-1a", "01000"] {
            assert!(read("User", Kind::Text(bad.into())).is_err(), "{bad}");
        }
        assert!(read("User", Kind::Integer(-1)).is_err());
    }

    #[test]
    fn names_are_those_that_accounts_have_somewhere() {
        for good in ["_apt", "a.b", "web@example.org", "3proxy", "é", "EXAMPLE\\web", "a b"] {
            assert_eq!(user(good), Some(Name::Word(good.into())));
        }
        for bad in ["root\n", "a/b", "a:b", ".", "..", " root", "root ", "-x", "+x", &"a".repeat(256)] {
            assert!(read("User", Kind::Text(bad.into())).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn groups_add_up_and_reset() {
        let text = |text: &str| Kind::Text(text.into());
        let groups = |entries: &[Kind]| {
            let entries: Vec<_> = entries.iter().map(|kind| ("SupplementaryGroups", kind.clone())).collect();
            read_all(&entries).expect("good").draft().groups.into_iter().map(|asked| asked.what).collect::<Vec<_>>()
        };
        assert_eq!(groups(&[text("a 5"), text("b")]).len(), 3);
        assert_eq!(groups(&[text("a"), text(""), text("b")]), [Name::Word("b".into())]);
    }

    #[test]
    fn root_is_worst_and_nobody_is_shared() {
        let badness = |name: &str| {
            let policy = read("User", Kind::Text(name.into())).expect("good");
            (DIRECTIVES[0].exposure[0].badness)(&policy)
        };
        assert_eq!(
            [badness("root"), badness("0"), badness("nobody"), badness("web")].map(Option::unwrap_or_default),
            [10, 10, 9, 0]
        );
    }
}
