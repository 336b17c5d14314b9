//! Who the target will be: the words of User=, Group= and SupplementaryGroups= looked up.

use crate::draft::identity::Name;
use crate::draft::{Asked, By, Draft};
use crate::fault::{Exit, Fault};
use crate::host::{Account, Host, User};

/// The ids that the policy asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Target<'a> {
    /// The user, where one was asked for.
    pub uid: Option<u32>,
    /// The group, where one was asked for or comes with the user.
    pub gid: Option<u32>,
    /// The whole list of further groups, where any word says something about identity.
    pub groups: Option<Vec<u32>>,
    /// What the host knows of the user.
    pub user: Option<&'a User>,
    /// The name of a user who exists only meanwhile.
    pub made_up: Option<&'a str>,
    /// Who asked, in this order: User= or DynamicUser=, Group=, SupplementaryGroups=.
    pub by: Vec<By>,
}

/// Looks the words up.
///
/// # Errors
/// Every word that the host does not know.
pub(super) fn find<'a>(draft: &'a Draft, host: &'a Host) -> Result<Target<'a>, Vec<Fault>> {
    let mut target = Target::default();
    let mut faults = Vec::new();
    let mut groups = Vec::new();
    let free = draft.dynamic.as_ref().and(host.free_id);
    if let Some(asked) = &draft.user {
        target.by.push(asked.by.clone());
        match (id(asked, host, true), &asked.what, free) {
            // As under systemd: an account of that name is taken, and a name without one is a dynamic user's.
            (Err(_), Name::Word(name), Some(free)) => {
                (target.uid, target.gid, target.made_up) = (Some(free), Some(free), Some(name.as_str()));
            }
            (found, ..) => match found {
                Err(fault) => faults.push(fault),
                Ok((uid, account)) => {
                    target.uid = Some(uid);
                    target.user = account.and_then(|account| account.user.as_ref());
                    target.gid = target.user.map(|user| user.gid);
                    groups.extend(target.user.iter().flat_map(|user| &user.groups));
                    if target.user.is_none() && draft.group.is_none() {
                        let fault = at(&asked.by, format!("user {uid} has no account here, so its group is unknown"));
                        faults.push(fault.help("say Group= too").exit(Exit::User));
                    }
                }
            },
        }
    } else if let (Some(asked), Some(id)) = (&draft.dynamic, free) {
        target.by.push(asked.by.clone());
        (target.uid, target.gid) = (Some(id), Some(id));
    }
    if let Some(asked) = &draft.group {
        target.by.push(asked.by.clone());
        match (id(asked, host, false), &asked.what, free) {
            (Err(_), Name::Word(_), Some(free)) => target.gid = Some(free),
            (Err(fault), ..) => faults.push(fault),
            (Ok((gid, _)), ..) => target.gid = Some(gid),
        }
    }
    for asked in &draft.groups {
        target.by.push(asked.by.clone());
        match id(asked, host, false) {
            Err(fault) => faults.push(fault),
            Ok((gid, _)) => groups.push(gid),
        }
    }
    if !target.by.is_empty() {
        // As initgroups(3) has it: the login group is in the list too.
        groups.extend(target.uid.and(target.gid));
        groups.sort_unstable();
        groups.dedup();
        target.groups = Some(groups);
    }
    if faults.is_empty() { Ok(target) } else { Err(faults) }
}

/// Whether the target's user exists only meanwhile.
pub(super) fn is_dynamic(draft: &Draft, host: &Host) -> bool {
    let known = draft.user.as_ref().is_some_and(|asked| id(asked, host, true).is_ok());
    draft.dynamic.is_some() && !known
}

fn id<'a>(asked: &Asked<Name>, host: &'a Host, is_user: bool) -> Result<(u32, Option<&'a Account>), Fault> {
    let word = match &asked.what {
        Name::Number(number) => number.to_string(),
        Name::Word(word) => word.clone(),
    };
    let account = host.accounts.iter().find(|account| account.is_user == is_user && account.word == word);
    match (&asked.what, account.and_then(|account| account.id)) {
        (Name::Number(number), _) => Ok((*number, account)),
        (Name::Word(_), Some(id)) => Ok((id, account)),
        (Name::Word(_), None) => {
            let (what, exit) = if is_user { ("user", Exit::User) } else { ("group", Exit::Group) };
            let fault = at(&asked.by, format!("there is no {what} `{word}` on this host")).exit(exit);
            Err(fault.help(format!("make it, or name another {what}")))
        }
    }
}

/// The user and group that files made for the target belong to; nothing where they are the caller's.
pub(super) fn owner(draft: &Draft, host: &Host) -> Option<(u32, u32)> {
    // What is wrong with them is said where they are taken.
    let target = find(draft, host).ok()?;
    let (uid, gid) = (target.uid.unwrap_or(host.uid), target.gid.unwrap_or(host.gid));
    ((uid, gid) != (host.uid, host.gid)).then_some((uid, gid))
}

/// A fault at whoever asked.
pub(super) fn at(by: &By, message: String) -> Fault {
    let mut fault = Fault::new(message);
    fault.origin.clone_from(&by.origin);
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(directive: &'static str) -> By {
        By { directive, origin: None }
    }

    fn dynamic(user: Option<&str>, group: Option<&str>) -> Draft {
        let name = |word: &str, directive| Asked { what: Name::Word(word.into()), by: by(directive) };
        Draft {
            dynamic: Some(Asked { what: (), by: by("DynamicUser") }),
            user: user.map(|word| name(word, "User")),
            group: group.map(|word| name(word, "Group")),
            ..Draft::default()
        }
    }

    #[test]
    fn a_dynamic_users_name_is_that_of_an_account_or_of_nobody() {
        let user = User { name: "web".into(), gid: 33, home: "/".into(), shell: "/bin/sh".into(), groups: vec![7] };
        let account = |word: &str, is_user, id, user| Account { word: word.into(), is_user, id, user };
        let accounts = vec![
            account("web", true, Some(34), Some(user)),
            account("www", false, Some(33), None),
            account("made", true, None, None),
            account("made", false, None, None),
        ];
        let host = Host { free_id: Some(61184), accounts, ..Host::default() };
        let ids = |user, group| {
            let draft = dynamic(user, group);
            let target = find(&draft, &host).expect("a target");
            (target.uid, target.gid, target.made_up.map(str::to_owned), is_dynamic(&draft, &host))
        };
        let free = Some(61184);
        assert_eq!(ids(None, None), (free, free, None, true));
        assert_eq!(ids(Some("made"), Some("made")), (free, free, Some("made".into()), true));
        assert_eq!(ids(Some("made"), Some("www")), (free, Some(33), Some("made".into()), true));
        assert_eq!(ids(Some("web"), None), (Some(34), Some(33), None, false));
        assert!(find(&Draft { dynamic: None, ..dynamic(Some("made"), None) }, &host).is_err());
    }
}
