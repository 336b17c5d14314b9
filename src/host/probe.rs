//! Reads of the machine what a draft needs, and no more: every call here delays every start.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::utsname::uname;

use crate::draft::Draft;
use crate::draft::access::Access;
use crate::draft::attributes::{Attribute, DirectoryKind};
use crate::draft::mounts::View;
use crate::draft::process::Variable;
use crate::fault::{Exit, Fault};
use crate::sys::{facts, privileges};

use super::{Host, accounts, cgroup, identity, mounts, slurp, specifier, userns, wildcards};

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
            host.personality = match asked_personality(draft) {
                Some(personality) => personality,
                None => personality()?,
            };
        }
        host.terminal = draft.confines()
            && facts::terminal().map_err(|errno| {
                Fault::new(format!("cannot tell whether there is a terminal: {}", errno.desc().to_lowercase()))
                    .help("a filter from outside stockade refuses ioctl(2)")
                    .exit(Exit::Seccomp)
            })?;
        if draft.may_have_filter() || host.terminal {
            host.cookie = facts::random().map_err(|errno| {
                Fault::new(format!("cannot get random bytes: {}", errno.desc().to_lowercase())).exit(Exit::Seccomp)
            })?;
        }
        if draft.needs_mount_table() {
            let text = mounts::short()?;
            host.points = mounts::points(&text);
            if draft.mounts.iter().any(|asked| asked.what.view == View::Sysfs) {
                host.sysfs = mounts::sysfs(&text);
            }
        }
        host.accounts = accounts::named(draft)?;
        host.pid = std::process::id();
        specifier::tell(&mut host, draft);
        rarities(&mut host, draft)?;
        if !host.privileged() && needs_namespace(draft) && (may_lack_one(draft) || userns::doubtful()) {
            host.user_namespace = userns::probe(&host);
        }
        Ok(host)
    }
}

/// The personality that the target will have had given to it.
fn asked_personality(draft: &Draft) -> Option<u32> {
    draft.attributes.iter().find_map(|asked| match asked.what {
        Attribute::Personality(personality) => Some(personality),
        _ => None,
    })
}

/// What few drafts need to know.
fn rarities(host: &mut Host, draft: &Draft) -> Result<(), Fault> {
    for asked in &draft.environment {
        if let Variable::File(path, optional) = &asked.what {
            let text = variables(host, path, *optional).map_err(|mut fault| {
                fault.origin.clone_from(&asked.by.origin);
                fault
            })?;
            host.variables.extend(text.into_iter().map(|text| (path.clone(), text)));
        }
    }
    for asked in draft.files.iter().filter(|asked| asked.what.graceful) {
        let path = specifier::expand(&asked.what.path.to_string_lossy(), host).unwrap_or_default();
        if std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            host.absent.push(asked.what.path.clone());
        }
    }
    if !draft.credentials.is_empty() {
        host.secrets = secrets(host);
    } else if !draft.mounts.is_empty() {
        host.credentials = credentials()?;
    }
    if !draft.group_limits.is_empty() {
        host.cgroup = cgroup::probe(host.uid);
        host.memory = cgroup::memory();
        host.tasks = cgroup::tasks();
    }
    host.links = links(host, draft)?;
    ceilings(host, draft)?;
    if draft.dynamic.is_some() {
        host.free_id = accounts::free(host.pid);
    }
    if !draft.labels.is_empty() {
        let enabled = slurp("/sys/module/apparmor/parameters/enabled").unwrap_or_default();
        host.apparmor = enabled.starts_with(b"Y");
        host.selinux = Path::new("/sys/fs/selinux/enforce").exists();
    }
    Ok(())
}

/// Where symlinks lead. Only asked of what is put on top of something: what stays as writable or executable as it was, and
/// beside words about single paths everything that is mounted. What is not there yet is left to who makes it.
fn links(host: &Host, draft: &Draft) -> Result<Vec<(PathBuf, PathBuf)>, Fault> {
    let mut found = Vec::new();
    if draft.root.is_some() {
        return Ok(found);
    }
    // What is said of the root holds for what lies there, however it is called.
    let single = draft.mounts.iter().any(|asked| {
        matches!(asked.by.directive, "ReadOnlyPaths" | "NoExecPaths") && asked.what.path != Path::new("/")
    });
    for asked in &draft.mounts {
        let covers = match asked.what.view {
            View::ReadWrite | View::Exec => true,
            View::Hidden | View::ReadOnly | View::NoExec => false,
            _ => single,
        };
        let written = &asked.what.path;
        if !covers || !written.is_absolute() {
            continue;
        }
        // What is wrong with it is said where it becomes a path.
        let Ok(path) = specifier::expand(&written.to_string_lossy(), host) else { continue };
        match std::fs::canonicalize(&path) {
            Ok(real) if real != Path::new(&path) => found.push((written.clone(), real)),
            Ok(_) => {}
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::EACCES | libc::ELOOP)) => {}
            Err(error) => {
                let message = format!("cannot tell where {path} leads: {}", crate::fault::reason(&error));
                let mut fault = Fault::new(message).label(format!("in {}", asked.by.directive)).exit(Exit::Namespace);
                fault.origin.clone_from(&asked.by.origin);
                return Err(fault);
            }
        }
    }
    Ok(found)
}

/// Whether the service manager has a directory of secrets for any service. A directory without any has two links; file systems
/// that count otherwise are taken to have some.
fn credentials() -> Result<bool, Fault> {
    let place = "/run/credentials";
    match nix::sys::stat::stat(place) {
        Ok(found) => Ok(found.st_nlink != 2),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
        Err(errno) => {
            let message = format!("cannot tell whether {place} has secrets of others: {}", errno.desc().to_lowercase());
            Err(Fault::new(message).help(format!("name it: InaccessiblePaths={place}")).exit(Exit::Namespace))
        }
    }
}

/// Limits and a score that only CAP_SYS_RESOURCE gives: each is tried out, for a capability can be one of a user namespace
/// only.
fn ceilings(host: &mut Host, draft: &Draft) -> Result<(), Fault> {
    for asked in &draft.limits {
        let (resource, hard) = (asked.what.resource, asked.what.hard);
        let ask = |hard| {
            privileges::ceiling(resource, hard).map_err(|errno| {
                let message = format!("cannot tell how high {} can be: {}", asked.by, errno.desc().to_lowercase());
                let fault = Fault::new(message).exit(Exit::Limits);
                if errno == Errno::EPERM {
                    fault.help("a seccomp filter that was here before stockade forbids prlimit64(2): allow it there")
                } else {
                    fault
                }
            })
        };
        let Some(mut ceiling) = ask(hard)? else { continue };
        // More descriptors than this nobody can have, whatever he holds.
        let most = if resource == libc::RLIMIT_NOFILE { slurp("/proc/sys/fs/nr_open").ok() } else { None };
        let most = most.and_then(|text| String::from_utf8_lossy(&text).trim().parse::<u64>().ok());
        if let Some(most) = most.filter(|most| (ceiling..hard).contains(most)) {
            ceiling = ask(most)?.unwrap_or(most);
        }
        host.ceilings.push((resource, ceiling));
    }
    for asked in &draft.attributes {
        let Attribute::OomScore(score) = asked.what else { continue };
        let path = "/proc/self/oom_score_adj";
        let had = slurp(path).ok().and_then(|text| String::from_utf8_lossy(&text).trim().parse::<i32>().ok());
        let Some(had) = had.filter(|had| score < *had) else { continue };
        match std::fs::write(path, score.to_string()).and_then(|()| std::fs::write(path, had.to_string())) {
            Ok(()) => {}
            // Both are what a kernel says to who may not.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => host.oom_score = Some(had),
            Err(error) => {
                return Err(Fault::new(format!("cannot write {path}: {}", error.to_string().to_lowercase()))
                    .exit(Exit::OomAdjust));
            }
        }
    }
    Ok(())
}

/// Where credentials are put: systemd's place, which anybody may mount on in a namespace of its own; for who is not
/// root and does not have that, a directory of its own.
fn secrets(host: &Host) -> Option<PathBuf> {
    let usual = Path::new("/run/credentials");
    if host.uid == 0 || usual.is_dir() {
        return Some(usual.to_path_buf());
    }
    specifier::place(DirectoryKind::Runtime, host).ok().map(|runtime| runtime.join("stockade-credentials"))
}

/// More than any list of variables has.
const MOST: u64 = 16 << 20;

/// The texts of an EnvironmentFile=, one for each file that it stands for.
fn variables(host: &Host, written: &str, optional: bool) -> Result<Vec<Vec<u8>>, Fault> {
    let pattern = specifier::expand(written, host).map_err(Fault::new)?;
    let cannot = |path: &str, error: &std::io::Error| {
        Fault::new(format!("cannot read {path}: {}", error.to_string().to_lowercase()))
            .help("put `-` in front of it if it may be missing")
            .exit(Exit::Config)
    };
    let files = match wildcards::files(&pattern) {
        Ok(files) => files,
        Err(_) if optional => Vec::new(),
        Err(error) => return Err(cannot(&pattern, &error)),
    };
    let mut texts = Vec::with_capacity(files.len());
    for path in files {
        let read = std::fs::File::open(&path).and_then(|file| {
            let mut text = Vec::new();
            file.take(MOST + 1).read_to_end(&mut text).map(|_| text)
        });
        match read {
            Ok(text) if text.len() as u64 > MOST => {
                let message = format!("{} is too long for a list of variables", path.display());
                return Err(Fault::new(message).exit(Exit::Config));
            }
            Ok(text) => texts.push(text),
            Err(_) if optional => {}
            Err(error) => return Err(cannot(&path.display().to_string(), &error)),
        }
    }
    Ok(texts)
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
        || !draft.credentials.is_empty()
}

#[cfg(test)]
mod tests {
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
        assert!(host.points.is_empty() && host.accounts.is_empty());
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
        assert!(host.points.iter().any(|point| point == Path::new("/proc")));
        let ids: Vec<_> = host.accounts.iter().map(|account| (account.word.as_str(), account.id)).collect();
        assert_eq!(ids, [("root", Some(0)), ("12", Some(12)), ("no-such-group", None)]);
        assert_eq!(host.landlock, facts::landlock().unwrap_or(0));
        assert_eq!(facts::personality(), Ok(host.personality));
        assert_ne!(host.cookie, [0; 3]);
    }

    use nix::unistd::getuid;
}
