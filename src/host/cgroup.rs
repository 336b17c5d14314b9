//! The control group that was given to this process (cgroups(7), version 2), if any was.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use crate::sys::attributes;

/// Whether there is a group in which others may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// There is.
    Group(Group),
    /// There is not, or nobody asked: why.
    Not(String),
}

impl Default for Given {
    fn default() -> Self {
        Self::Not("nobody has looked for one".into())
    }
}

/// A delegated group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its directory.
    pub path: PathBuf,
    /// Controllers that it has.
    pub available: Vec<String>,
    /// Controllers that groups in it have.
    pub enabled: Vec<String>,
    /// Whether other processes are in the group itself.
    pub busy: bool,
}

/// Where the hierarchy can be mounted: alone, and beside that of version 1.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// The marks that systemd puts on what it delegates.
const MARKS: [&std::ffi::CStr; 2] = [c"user.delegate", c"trusted.delegate"];

/// What helps where there are no groups of version 2 at all.
pub const REMEDY: &str = "boot with systemd.unified_cgroup_hierarchy=1, or where nobody mounts them: sudo mount -t cgroup2 \
                          cgroup2 /sys/fs/cgroup";

/// What is missing then.
const NONE: &str = "no control groups of version 2 are mounted on /sys/fs/cgroup";

impl Given {
    /// Whether it is the machine that has none.
    pub fn lacks_version(&self) -> bool {
        matches!(self, Self::Not(reason) if reason == NONE)
    }
}

/// Looks where this process is.
pub(super) fn probe(uid: u32) -> Given {
    match find(uid) {
        Ok(group) => Given::Group(group),
        Err(reason) => Given::Not(reason),
    }
}

fn find(uid: u32) -> Result<Group, String> {
    let mount = MOUNTS
        .iter()
        .map(Path::new)
        .find(|path| statfs(*path).is_ok_and(|facts| facts.filesystem_type() == CGROUP2_SUPER_MAGIC));
    let mount = mount.ok_or(NONE)?;
    let text = fs::read_to_string("/proc/self/cgroup")
        .map_err(|error| format!("/proc/self/cgroup: {}", crate::fault::reason(&error)))?;
    let own = text.lines().find_map(|line| line.strip_prefix("0::/")).ok_or("this process is in no control group")?;
    if own.split('/').any(|part| part == "..") {
        return Err("this process is in a control group outside its namespace".into());
    }
    // Without the separator at the end that joining nothing leaves.
    let own: PathBuf = mount.join(own).components().collect();
    let root = delegated(mount, &own, uid)?;
    let words = |file: &str| -> Result<Vec<String>, String> {
        let path = root.join(file);
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("{}: {}", path.display(), crate::fault::reason(&error)))?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    };
    let pid = std::process::id().to_string();
    let busy = words("cgroup.procs")?.iter().any(|other| *other != pid);
    Ok(Group { available: words("cgroup.controllers")?, enabled: words("cgroup.subtree_control")?, busy, path: root })
}

/// The nearest group at or above the own one that was given to the caller: by systemd's mark or, for who is
/// not root, by its owner. What a manager has made below it is that manager's and not ours.
fn delegated(mount: &Path, own: &Path, uid: u32) -> Result<PathBuf, String> {
    let mut top = None;
    for path in own.ancestors().take_while(|path| path.starts_with(mount)) {
        if MARKS.iter().any(|mark| attributes::marked(path, mark)) {
            top = Some(path);
            break;
        }
        if uid != 0 && owned(path, uid) {
            top = Some(path);
        } else if top.is_some() {
            break;
        }
    }
    let top = top.ok_or_else(|| format!("{} was delegated to nobody", own.display()))?;
    let between = own.strip_prefix(top).unwrap_or(Path::new(""));
    let managed = |part: &std::ffi::OsStr| {
        let name = part.to_string_lossy();
        [".slice", ".scope", ".service"].iter().any(|kind| name.ends_with(kind))
    };
    let Some(part) = between.iter().find(|part| managed(part)) else { return Ok(top.to_path_buf()) };
    // A user's manager cannot put the mark on what it delegates, but says so in the file of a unit of systemd-run(1).
    let last = own.ancestors().find(|path| path.file_name().is_some_and(managed)).filter(|path| path.starts_with(top));
    let unit = last.filter(|_| uid != 0).and_then(Path::file_name).map(|name| format!("{TRANSIENT}{}", name.display()));
    let said = unit.and_then(|unit| fs::read_to_string(unit.replace("UID", &uid.to_string())).ok());
    match last.filter(|path| owned(path, uid) && said.is_some_and(|text| delegates(&text))) {
        Some(path) => Ok(path.to_path_buf()),
        None => Err(format!("{} is managed by whoever made {}", top.display(), part.display())),
    }
}

/// Where a user's manager keeps the units that were made while it runs (systemd.unit(5)).
const TRANSIENT: &str = "/run/user/UID/systemd/transient/";

/// Whether a unit's text says Delegate= with anything but no; the last word counts.
fn delegates(text: &str) -> bool {
    let value = text.lines().rev().find_map(|line| line.trim().strip_prefix("Delegate="));
    let refusals = ["", "no", "false", "off", "0", "n", "f"];
    value.is_some_and(|value| !refusals.contains(&value.trim().to_ascii_lowercase().as_str()))
}

/// Whether the directory and the files by which it is delegated (cgroup-v2.rst) belong to this user.
fn owned(path: &Path, uid: u32) -> bool {
    let is = |path: &Path| fs::metadata(path).is_ok_and(|facts| facts.uid() == uid);
    is(path) && is(&path.join("cgroup.procs")) && is(&path.join("cgroup.subtree_control"))
}

/// Bytes of memory of the machine (proc_meminfo(5)); 0 where it is not told.
pub(super) fn memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// How many processes and threads the machine can have, as systemd's system_tasks_max() counts them (src/basic/limits-util.c).
pub(super) fn tasks() -> u64 {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    // One number is never given away, and a container's own root may have a limit.
    let all = [
        number("/proc/sys/kernel/pid_max").map(|most| most - 1),
        number("/proc/sys/kernel/threads-max"),
        number("/sys/fs/cgroup/pids.max"),
    ];
    all.into_iter().flatten().min().unwrap_or(u64::MAX / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_guessed_to_be_delegated() {
        // Root owns everything, which says nothing; a user owns nothing here.
        let directory = std::env::temp_dir();
        assert!(delegated(&directory, &directory.join("a"), 0).is_err());
        assert!(delegated(&directory, &directory.join("a"), 4_000_000_000).is_err());
    }

    #[test]
    fn what_a_manager_made_stays_its_own() {
        let uid = nix::unistd::getuid().as_raw();
        let top = std::env::temp_dir().join(format!("stockade-group-{}", std::process::id()));
        let own = top.join("app.slice/x.scope");
        fs::create_dir_all(&own).expect("directories");
        fs::create_dir_all(top.join("plain")).expect("directories");
        for path in [&top, &top.join("app.slice"), &own, &top.join("plain")] {
            for file in ["cgroup.procs", "cgroup.subtree_control"] {
                fs::write(path.join(file), "").expect("a file");
                std::os::unix::fs::chown(path.join(file), Some(uid.max(1)), None).ok();
            }
            std::os::unix::fs::chown(path, Some(uid.max(1)), None).ok();
        }
        let mount = top.parent().expect("a parent");
        let uid = uid.max(1);
        assert!(delegated(mount, &own, uid).is_err_and(|reason| reason.contains("app.slice")));
        assert_eq!(delegated(mount, &top.join("plain"), uid), Ok(top.clone()));
        fs::remove_dir_all(&top).expect("removed");
    }

    #[test]
    fn a_unit_delegates_by_its_last_word() {
        assert!(delegates("[Service]\nDelegate=yes\n"));
        assert!(delegates("[Scope]\nDelegate=no\nDelegate=memory pids\n"));
        assert!(!delegates("[Service]\nDelegate=yes\nDelegate=No\n"));
        assert!(!delegates("[Service]\nDelegateSubgroup=a\n"));
    }

    #[test]
    fn the_machine_has_memory() {
        assert!(memory() > 1 << 20);
        assert!((2..1 << 32).contains(&tasks()));
    }
}
