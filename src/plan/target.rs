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
    /// Who asked, in this order: User=, Group=, SupplementaryGroups=.
    pub by: Vec<By>,
}

/// Looks the words up.
///
/// # Errors
/// Every word that the host does not know.
pub(super) fn find<'a>(draft: &Draft, host: &'a Host) -> Result<Target<'a>, Vec<Fault>> {
    let mut target = Target::default();
    let mut faults = Vec::new();
    let mut groups = Vec::new();
    if let (Some(asked), Some(id)) = (&draft.dynamic, host.free_id) {
        target.by.push(asked.by.clone());
        (target.uid, target.gid) = (Some(id), Some(id));
        for other in draft.user.iter().chain(&draft.group) {
            let fault =
                at(&other.by, format!("{} and DynamicUser= cannot both say who the target is", other.by.directive));
            faults.push(fault.help("leave one of them out").exit(Exit::User));
        }
    } else if let Some(asked) = &draft.user {
        target.by.push(asked.by.clone());
        match id(asked, host, true) {
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
        }
    }
    if let Some(asked) = draft.group.as_ref().filter(|_| draft.dynamic.is_none()) {
        target.by.push(asked.by.clone());
        match id(asked, host, false) {
            Err(fault) => faults.push(fault),
            Ok((gid, _)) => target.gid = Some(gid),
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
