//! Where control groups of version 2 are mounted: read once, and again when a mount has come or gone.

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::libc::pid_t;

use crate::fault::{Exit, Fault};
use crate::host::mounts;
use crate::learn::used::is_gone;
use crate::sys::target;

/// The mounts, and the table that tells when they are others.
pub(super) struct Hierarchy {
    table: File,
    mounts: RefCell<Vec<PathBuf>>,
    /// Whether the table has to be read.
    stale: Cell<bool>,
}

impl Hierarchy {
    /// Reads the table.
    pub(super) fn new() -> Result<Self, Fault> {
        let path = "/proc/self/mountinfo";
        let table = File::open(path).map_err(|error| {
            Fault::new(format!("cannot read {path}: {}", crate::fault::reason(&error))).exit(Exit::Bpf)
        })?;
        let all = Self { table, mounts: RefCell::default(), stale: Cell::new(true) };
        all.look()?;
        Ok(all)
    }

    /// Reads the table again where it has changed since.
    fn look(&self) -> Result<(), Fault> {
        if target::is_changed(self.table.as_fd()) {
            self.stale.set(true);
        }
        if self.stale.get() {
            let table = mounts::table().map_err(|fault| fault.exit(Exit::Bpf))?;
            let version2 = table.into_iter().filter(|mount| mount.fstype == "cgroup2").map(|mount| mount.point);
            *self.mounts.borrow_mut() = version2.collect();
            self.stale.set(false);
        }
        Ok(())
    }

    /// How deep below a mount the group with this inode number is; nothing where there is none.
    pub(super) fn depth(&self, id: u64) -> Option<i32> {
        self.mounts.borrow().iter().find_map(|mount| depth(mount, id, 0))
    }

    /// Whether a process that lives is not in the control group, or below.
    ///
    /// # Errors
    /// It is there, and its control group or where such groups are mounted is not told.
    pub(super) fn is_outside(&self, id: u64, pid: pid_t) -> io::Result<bool> {
        let lines = match crate::host::lossy(&format!("/proc/{pid}/cgroup")) {
            Err(error) if is_gone(&error) => return Ok(false),
            lines => lines?,
        };
        let Some(path) = lines.lines().find_map(|line| line.strip_prefix("0::")) else { return Ok(false) };
        let has = |place: &Path| fs::metadata(place).is_ok_and(|data| data.ino() == id);
        let inside = |mount: &PathBuf| {
            let place = mount.join(path.trim_start_matches('/'));
            place.ancestors().take_while(|above| above.starts_with(mount)).any(has)
        };
        self.look().map_err(|fault| io::Error::other(fault.message))?;
        Ok(!self.mounts.borrow().iter().any(inside))
    }
}

fn depth(directory: &Path, id: u64, above: i32) -> Option<i32> {
    if fs::metadata(directory).ok()?.ino() == id {
        return Some(above);
    }
    let entries = fs::read_dir(directory).ok()?.flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.into_iter().find_map(|entry| depth(&entry.path(), id, above + 1))
}

#[cfg(test)]
mod tests {
    use nix::mount::{MntFlags, MsFlags, mount, umount2};
    use nix::sched::{CloneFlags, unshare};

    use super::*;

    #[test]
    fn the_table_is_read_again_only_when_it_is_another() {
        let seen = std::thread::spawn(|| {
            if unshare(CloneFlags::CLONE_NEWNS).is_err() {
                return None;
            }
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("a namespace of its own");
            // The table of this thread, whose namespace is not the process's.
            let all = Hierarchy {
                table: File::open("/proc/thread-self/mountinfo").expect("a table"),
                mounts: RefCell::default(),
                stale: Cell::new(false),
            };
            let place = tempfile();
            let changed = || target::is_changed(all.table.as_fd());
            let first = changed();
            mount(Some("tmpfs"), &place, Some("tmpfs"), MsFlags::empty(), none).expect("a mount");
            let came = [changed(), changed()];
            umount2(&place, MntFlags::MNT_DETACH).expect("it goes");
            let went = [changed(), changed()];
            fs::remove_dir(&place).expect("it was ours");
            // What was found stays until then.
            all.mounts.borrow_mut().push("/nowhere".into());
            all.look().expect("a look");
            let kept = all.mounts.borrow().contains(&PathBuf::from("/nowhere"));
            all.stale.set(true);
            all.look().expect("a look");
            let read = !all.mounts.borrow().contains(&PathBuf::from("/nowhere"));
            Some((first, came, went, kept, read))
        });
        match seen.join().expect("a thread") {
            Some(seen) => assert_eq!(seen, (false, [true, false], [true, false], true, true)),
            None => assert!(!nix::unistd::Uid::effective().is_root(), "root can make a mount namespace"),
        }
    }

    fn tempfile() -> PathBuf {
        let place = std::env::temp_dir().join(format!("stockade-hierarchy-{}", std::process::id()));
        fs::create_dir_all(&place).expect("a directory");
        place
    }
}
