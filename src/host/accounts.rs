//! Accounts by /etc/passwd and /etc/group. A static glibc has no NSS, so whatever is not in the
//! files is asked of getent(1), which has.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::draft::Draft;
use crate::draft::identity::Name;
use crate::fault::{Exit, Fault};

use super::{Account, User, slurp};

/// getent(1), by its own path: the caller's $PATH has no say in who a user is.
const GETENT: &str = "/usr/bin/getent";

/// The tables, and whom to ask for what they do not have.
pub(super) struct Tables<'a> {
    /// Text of passwd(5).
    pub(super) passwd: &'a [u8],
    /// Text of group(5).
    pub(super) group: &'a [u8],
    /// Whether groups may come from elsewhere than the file (nsswitch.conf(5)).
    pub(super) elsewhere: bool,
    /// `getent DATABASE KEY`; nothing when it has no answer.
    pub(super) ask: &'a dyn Fn(&str, &str) -> Option<Vec<u8>>,
}

/// Looks up every account that the draft names. Reads nothing when it names none.
///
/// # Errors
/// A table that is there and cannot be read: groups may also take rights away, so none may be lost.
pub(super) fn named(draft: &Draft) -> Result<Vec<Account>, Fault> {
    let user = draft.user.iter().map(|asked| (&asked.what, true));
    let group = draft.group.iter().chain(&draft.groups).map(|asked| (&asked.what, false));
    // Whose login is to be told, where no other user is named.
    let own = draft.login.as_ref().filter(|asked| asked.what && draft.user.is_none());
    let own = own.map(|_| Name::Number(nix::unistd::getuid().as_raw()));
    let names: Vec<(&Name, bool)> = user.chain(own.iter().map(|name| (name, true))).chain(group).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let words = names.iter().any(|(name, is_user)| *is_user || matches!(name, Name::Word(_)));
    let read = |path: &str| if words { table(path) } else { Ok(Vec::new()) };
    let (passwd, group) = (read("/etc/passwd")?, read("/etc/group")?);
    let elsewhere = draft.user.is_some() && groups_elsewhere(&table("/etc/nsswitch.conf")?);
    let tables = Tables { passwd: &passwd, group: &group, elsewhere, ask: &getent };
    Ok(names.into_iter().map(|(name, is_user)| tables.account(name, is_user)).collect())
}

/// A file that is missing is an empty table: getent may still know.
fn table(path: &str) -> Result<Vec<u8>, Fault> {
    match slurp(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|error| {
            Fault::new(format!("cannot read {path}: {}", error.to_string().to_lowercase())).exit(Exit::User)
        }),
    }
}

/// The home directory of a user id, for callers without $HOME. Only by the file: whether or not
/// anybody asks for it, every start would wait for getent.
pub(super) fn home(uid: u32) -> Option<PathBuf> {
    let passwd = slurp("/etc/passwd").unwrap_or_default();
    let tables = Tables { passwd: &passwd, group: b"", elsewhere: false, ask: &|_, _| None };
    tables.entry(&Name::Number(uid)).map(|(_, user)| user.home)
}

/// The login shell of a user id, by the file.
pub(super) fn shell(uid: u32) -> Option<String> {
    let passwd = slurp("/etc/passwd").unwrap_or_default();
    let tables = Tables { passwd: &passwd, group: b"", elsewhere: false, ask: &|_, _| None };
    tables.entry(&Name::Number(uid)).and_then(|(_, user)| user.shell.into_os_string().into_string().ok())
}

/// The name of a group id, by the file.
pub(super) fn group(gid: u32) -> Option<String> {
    let table = slurp("/etc/group").unwrap_or_default();
    let found = lines(&table).filter_map(group_line).find(|(_, id, _)| *id == gid);
    found.and_then(|(name, ..)| String::from_utf8(name.to_vec()).ok())
}

/// systemd's range for users that exist only meanwhile (its `DYNAMIC_UID_MIN` and `_MAX`).
const DYNAMIC: std::ops::RangeInclusive<u32> = 61_184..=65_519;

/// How many they are: 16 times 271.
const COUNT: u32 = *DYNAMIC.end() - *DYNAMIC.start() + 1;

/// A number of that range that no account, no process and no service of systemd's has, nor a runtime directory that was
/// left behind. Two launches at the same time begin at different ones, as their process ids differ, or the namespaces of
/// these.
///
/// Nothing where /proc does not show the processes: any number might be somebody's.
pub(super) fn free(pid: u32) -> Option<u32> {
    std::fs::read_link("/proc/self").ok()?;
    let first = *DYNAMIC.start();
    let mut used = vec![false; usize::try_from(COUNT).ok()?];
    let mut mark = |id: u32| {
        let at = id.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if let Some(slot) = at.and_then(|at| used.get_mut(at)) {
            *slot = true;
        }
    };
    for (uid, user) in lines(&slurp("/etc/passwd").unwrap_or_default()).filter_map(passwd_line) {
        mark(uid);
        mark(user.gid);
    }
    for (_, gid, _) in lines(&slurp("/etc/group").unwrap_or_default()).filter_map(group_line) {
        mark(gid);
    }
    let seen = std::fs::read_dir("/proc").ok()?.chain(std::fs::read_dir("/run").into_iter().flatten());
    for entry in seen.flatten() {
        if let Ok(facts) = entry.metadata() {
            mark(facts.uid());
            mark(facts.gid());
        }
    }
    for entry in std::fs::read_dir("/run/systemd/dynamic-uid").into_iter().flatten().flatten() {
        if let Some(id) = number(entry.file_name().as_bytes()) {
            mark(id);
        }
    }
    let namespace = std::fs::metadata("/proc/self/ns/pid").map_or(0, |facts| facts.ino());
    let start = (u64::from(pid) + namespace) % u64::from(COUNT);
    pick(u32::try_from(start).ok()?, &used).map(|at| first + at)
}

/// The first unused place from `start` on. Each start has its own stride: who finds its place taken does not go where its
/// neighbour, who may be choosing at the same time, begins.
fn pick(start: u32, used: &[bool]) -> Option<u32> {
    // Odd and from 3 to 269, so that it comes by every place.
    let stride = 2 * (start * 7919 % 134) + 3;
    (0..COUNT).map(|step| (start + step * stride) % COUNT).find(|at| !used[*at as usize])
}

impl Tables<'_> {
    /// What the tables say of a name.
    pub(super) fn account(&self, name: &Name, is_user: bool) -> Account {
        let word = match name {
            Name::Number(id) => id.to_string(),
            Name::Word(word) => word.clone(),
        };
        let number = if let Name::Number(id) = name { Some(*id) } else { None };
        if !is_user {
            let id = number.or_else(|| self.gid(&word));
            return Account { word, is_user, id, user: None };
        }
        match self.entry(name) {
            Some((uid, mut user)) => {
                self.add_groups(&mut user);
                Account { word, is_user, id: Some(uid), user: Some(user) }
            }
            None => Account { word, is_user, id: number, user: None },
        }
    }

    /// The first line of passwd(5) for a name or number, without the groups.
    fn entry(&self, name: &Name) -> Option<(u32, User)> {
        let fits = |entry: &(u32, User)| match name {
            Name::Number(id) => entry.0 == *id,
            Name::Word(word) => entry.1.name == *word,
        };
        let local = lines(self.passwd).filter_map(passwd_line).find(fits);
        local.or_else(|| {
            let key = match name {
                Name::Number(id) => id.to_string(),
                Name::Word(word) => word.clone(),
            };
            let answer = self.question("passwd", &key)?;
            // The answer is for what we asked, even where the directory spells the name otherwise.
            lines(&answer).find_map(passwd_line).filter(|entry| !matches!(name, Name::Number(id) if entry.0 != *id))
        })
    }

    /// The id of a group's name.
    fn gid(&self, word: &str) -> Option<u32> {
        let local = lines(self.group).filter_map(group_line).find(|group| group.0 == word.as_bytes());
        if let Some((_, gid, _)) = local {
            return Some(gid);
        }
        let answer = self.question("group", word)?;
        lines(&answer).find_map(group_line).map(|(_, gid, _)| gid)
    }

    /// The groups that list the user as a member.
    fn add_groups(&self, user: &mut User) {
        let is_local = lines(self.passwd).filter_map(passwd_line).any(|(_, local)| local.name == user.name);
        let mut groups = Vec::new();
        for (_, gid, members) in lines(self.group).filter_map(group_line) {
            if members.split(|byte| *byte == b',').any(|member| member == user.name.as_bytes()) {
                groups.push(gid);
            }
        }
        if self.elsewhere || !is_local {
            // `name  4 24 27`
            let answer = self.question("initgroups", &user.name).unwrap_or_default();
            let words = answer.split(u8::is_ascii_whitespace).skip(1);
            groups.extend(words.filter_map(number));
        }
        for gid in groups {
            if gid != user.gid && !user.groups.contains(&gid) {
                user.groups.push(gid);
            }
        }
    }

    /// Asks getent, unless the key could be taken for an option or another column.
    fn question(&self, database: &str, key: &str) -> Option<Vec<u8>> {
        let odd = key.is_empty() || key.starts_with('-') || key.bytes().any(|b| b == b':' || b == 0 || b == b'\n');
        if odd { None } else { (self.ask)(database, key) }
    }
}

/// Lines without comments and empty ones, as glibc reads them.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_start)
        .filter(|line| !matches!(line.first(), None | Some(b'#')))
}

/// A number that the kernel takes for an id: the largest one means "leave it" (setresuid(2)).
fn number(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().filter(|id| *id != u32::MAX)
}

/// `name:password:uid:gid:gecos:home:shell`; nothing for lines that say something else, such as
/// NIS's `+`.
fn passwd_line(line: &[u8]) -> Option<(u32, User)> {
    let mut fields = line.split(|byte| *byte == b':');
    let name =
        std::str::from_utf8(fields.next()?).ok().filter(|name| !name.is_empty() && !name.starts_with(['+', '-']))?;
    fields.next()?;
    let uid = number(fields.next()?)?;
    let gid = number(fields.next()?)?;
    fields.next()?;
    let path = |field: &[u8]| PathBuf::from(OsStr::from_bytes(field.trim_ascii_end()));
    let home = path(fields.next()?);
    let shell = fields.next().map_or_else(PathBuf::new, path);
    // An empty shell is /bin/sh (passwd(5)).
    let shell = if shell.as_os_str().is_empty() { PathBuf::from("/bin/sh") } else { shell };
    Some((uid, User { name: name.to_owned(), gid, home, shell, groups: Vec::new() }))
}

/// `name:password:gid:member,member`.
fn group_line(line: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let mut fields = line.split(|byte| *byte == b':');
    let name = fields.next().filter(|name| !matches!(name.first(), None | Some(b'+' | b'-')))?;
    fields.next()?;
    let gid = number(fields.next()?)?;
    Some((name, gid, fields.next().unwrap_or_default().trim_ascii_end()))
}

/// Whether nsswitch.conf(5) names a source of groups that is not a file on this machine.
fn groups_elsewhere(nsswitch: &[u8]) -> bool {
    let sources = |database: &[u8]| {
        let mut lines = lines(nsswitch);
        lines.find_map(|line| line.strip_prefix(database)?.strip_prefix(b":"))
    };
    let listed = sources(b"initgroups").or_else(|| sources(b"group")).unwrap_or(b"files");
    let listed = listed.split(|byte| *byte == b'#').next().unwrap_or_default();
    let local = |word: &[u8]| word.is_empty() || word.starts_with(b"[") || [&b"files"[..], b"systemd"].contains(&word);
    !listed.split(u8::is_ascii_whitespace).all(local)
}

/// Runs getent(1), with nothing of the caller's environment. Any failure is "no answer".
fn getent(database: &str, key: &str) -> Option<Vec<u8>> {
    let mut command = Command::new(Path::new(GETENT));
    command.args([database, "--", key]).env_clear().current_dir("/").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    (output.status.success() && !output.stdout.is_empty()).then_some(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"# a comment\n\nroot:x:0:0:root:/root:/bin/bash\n+nis\n+::0:0:::\nshort:x:5\n\
        bad:x:nan:1::/:/bin/sh\nneg:x:-1:1::/:/bin/sh\nlast:x:4294967295:1::/:/bin/sh\n\
          redis:x:105:113:a,b:/var/lib/redis:\nredis:x:7:7:twice:/:/bin/no\nodd:x:9:9::/home/\xff/d:/bin/x y\nbare:x:11:11::/b\n";
    const GROUP: &[u8] = b"root:x:0:\nredis:x:113:\nssl-cert:x:118:postgres,redis\nadm:x:4:redis\nself:x:113:redis\n\
        near:x:5:rediska\nold:x:6\nadm2:x:4:redis\n";

    fn nobody(_: &str, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn tables() -> Tables<'static> {
        Tables { passwd: PASSWD, group: GROUP, elsewhere: false, ask: &nobody }
    }

    fn word(word: &str) -> Name {
        Name::Word(word.to_owned())
    }

    #[test]
    fn users_come_with_their_groups_but_not_the_login_group() {
        let account = tables().account(&word("redis"), true);
        assert_eq!(account.id, Some(105));
        let user = account.user.expect("a user");
        assert_eq!((user.gid, user.groups.as_slice()), (113, &[118, 4][..]));
        assert_eq!((user.home.to_str(), user.shell.to_str()), (Some("/var/lib/redis"), Some("/bin/sh")));
        assert_eq!(tables().account(&Name::Number(105), true).user, Some(user));
    }

    #[test]
    fn odd_lines_name_nobody() {
        for name in ["+nis", "+", "short", "bad", "neg", "last", "# a comment", "", "nobody-here"] {
            assert_eq!(tables().account(&word(name), true).id, None, "{name}");
        }
        let odd = tables().account(&word("odd"), true).user.expect("odd");
        assert_eq!(odd.home.as_os_str().as_bytes(), b"/home/\xff/d");
        assert_eq!(tables().account(&word("bare"), true).user.expect("bare").shell, Path::new("/bin/sh"));
    }

    #[test]
    fn numbers_need_no_account() {
        let account = tables().account(&Name::Number(4242), true);
        assert_eq!((account.id, account.user), (Some(4242), None));
        assert_eq!(tables().account(&Name::Number(17), false).id, Some(17));
        assert_eq!(tables().account(&word("adm"), false).id, Some(4));
        assert_eq!(tables().account(&word("old"), false).id, Some(6));
        assert_eq!(tables().account(&word("none"), false).id, None);
    }

    #[test]
    fn getent_answers_for_what_the_files_lack() {
        let directory = |database: &str, key: &str| match (database, key) {
            ("passwd", "ada") => Some(b"Ada:*:5001:5000:Ada:/home/ada:/bin/zsh\n".to_vec()),
            ("initgroups", "Ada") => Some(b"Ada      5000 5002 27\n".to_vec()),
            ("group", "crew") => Some(b"crew:*:5002:ada\n".to_vec()),
            _ => None,
        };
        let tables = Tables { ask: &directory, ..tables() };
        let ada = tables.account(&word("ada"), true);
        assert_eq!(ada.id, Some(5001));
        assert_eq!(ada.user.expect("ada").groups, [5002, 27]);
        assert_eq!(tables.account(&word("crew"), false).id, Some(5002));
    }

    #[test]
    fn getent_is_never_given_an_option() {
        let trap = |_: &str, key: &str| -> Option<Vec<u8>> { panic!("asked for {key}") };
        let tables = Tables { ask: &trap, ..tables() };
        assert_eq!(tables.account(&word("--service"), true).id, None);
        assert_eq!(tables.account(&word("a:b"), false).id, None);
    }

    #[test]
    fn nsswitch_tells_whether_files_are_all() {
        assert!(!groups_elsewhere(b""));
        assert!(!groups_elsewhere(b"passwd: files sss\ngroup:  files [SUCCESS=merge] systemd # sss\n"));
        assert!(groups_elsewhere(b"group: files sss\n"));
        assert!(!groups_elsewhere(b"group: files ldap\ninitgroups: files\n"));
    }

    #[test]
    fn launches_at_the_same_time_take_different_numbers() {
        let mut used = vec![false; COUNT as usize];
        for start in 0..COUNT {
            assert_eq!(pick(start, &used), Some(start));
            used[start as usize] = true;
            let other = pick(start, &used).expect("another");
            for near in 1..3 {
                assert_ne!(other, (start + near) % COUNT, "where one begins that was started {near} later");
            }
            used[start as usize] = false;
        }
        for free in [0, 1, 271, COUNT - 1] {
            used.fill(true);
            used[free as usize] = false;
            assert!((0..COUNT).all(|start| pick(start, &used) == Some(free)));
        }
        assert_eq!(pick(7, &vec![true; COUNT as usize]), None);
    }

    #[test]
    fn who_left_a_directory_behind_is_not_followed() {
        if !nix::unistd::geteuid().is_root() {
            // Nobody else can leave one behind; nothing of this process's own is of the range.
            return assert!(free(7).is_some_and(|id| DYNAMIC.contains(&id)));
        }
        let id = free(7).expect("a number");
        let left = Path::new("/run").join(format!("stockade-left-{}", std::process::id()));
        std::fs::create_dir(&left).expect("a directory");
        std::os::unix::fs::chown(&left, Some(id), Some(id)).expect("its owner");
        let next = free(7);
        std::fs::remove_dir(&left).expect("removed");
        assert!(next.is_some_and(|next| next != id), "{next:?} {id}");
    }

    #[test]
    fn this_machine_knows_root() {
        assert!(home(0).is_some_and(|home| home.is_absolute()));
        assert_eq!(home(4_294_967_290), None);
        assert!(getent("passwd", "root").is_some_and(|line| line.starts_with(b"root:")));
        assert_eq!(getent("passwd", "no-such-user-here"), None);
    }
}
