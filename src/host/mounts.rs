//! The mount table.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::fault::{Exit, Fault};

use super::{Mount, slurp};

/// The mount table of this process.
///
/// # Errors
/// /proc is not there.
pub fn table() -> Result<Vec<Mount>, Fault> {
    read("/proc/self/mountinfo").map(|text| parse(&text))
}

/// What a launch looks through: /proc/self/mounts (proc_pid_mounts(5)), which the kernel writes in three quarters of the
/// time of the whole table.
///
/// # Errors
/// /proc is not there.
pub(super) fn short() -> Result<Vec<u8>, Fault> {
    read("/proc/self/mounts")
}

/// Where something is mounted, by the text of [`short`].
pub(super) fn points(text: &[u8]) -> Vec<PathBuf> {
    let point = |line: &[u8]| line.split(|byte| *byte == b' ').nth(1).map(path);
    text.split(|byte| *byte == b'\n').filter_map(point).collect()
}

/// Where a sysfs is mounted, and whether it is read-only, by the text of [`short`].
pub(super) fn sysfs(text: &[u8]) -> Vec<(PathBuf, bool)> {
    // `sysfs /sys sysfs rw,relatime 0 0`
    let one = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ').skip(1);
        let (point, fstype, options) = (fields.next()?, fields.next()?, fields.next()?);
        (fstype == b"sysfs").then(|| (path(point), options.split(|byte| *byte == b',').any(|option| option == b"ro")))
    };
    text.split(|byte| *byte == b'\n').filter_map(one).collect()
}

fn read(file: &str) -> Result<Vec<u8>, Fault> {
    slurp(file).map_err(|error| {
        let fault = Fault::new(format!("cannot read {file}: {}", crate::fault::reason(&error))).exit(Exit::Namespace);
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        if missing { fault.help("mount /proc: mount -t proc proc /proc") } else { fault }
    })
}

/// Reads text of /proc/PID/mountinfo (proc_pid_mountinfo(5)); lines of another form are left out.
pub fn parse(text: &[u8]) -> Vec<Mount> {
    let mut mounts = Vec::with_capacity(32);
    mounts.extend(text.split(|byte| *byte == b'\n').filter_map(line));
    mounts
}

/// `36 35 98:0 /root /point rw,noatime shared:1 master:2 - ext3 /dev/root rw`
fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let point = fields.next()?;
    let options = fields.next()?;
    // Optional fields end with a lone hyphen.
    let fstype = fields.by_ref().skip_while(|field| *field != b"-").nth(1)?;
    Some(Mount {
        point: path(point),
        fstype: String::from_utf8_lossy(fstype).into_owned(),
        options: String::from_utf8_lossy(options).into_owned(),
    })
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescaped(field)))
}

/// Undoes the kernel's octal escapes of space, tab, newline and backslash.
fn unescaped(field: &[u8]) -> Vec<u8> {
    if !field.contains(&b'\\') {
        return field.to_vec();
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut at = 0;
    while at < field.len() {
        let octal = match field[at..] {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        plain.push(octal.unwrap_or(field[at]));
        at += if octal.is_some() { 4 } else { 1 };
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::*;

    #[test]
    fn escapes_and_optional_fields() {
        let text = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            36 35 98:0 /mnt1 /a\\040b\\134c\\011\\012d\\0 rw,noatime master:1 propagate_from:2 shared:3 - ext3 /dev/x\\040y rw,errors=continue\n\
            37 35 0:5 / /- ro unbindable - fuse.a-b - rw\n\
            broken line\n38 35 0:5 / /x rw\n39 35 0:6 / /\xff rw - tmpfs tmpfs rw\n\n";
        let mounts = parse(text);
        let rows: Vec<_> =
            mounts.iter().map(|m| (m.point.as_os_str().as_bytes(), m.fstype.as_str(), m.options.as_str())).collect();
        assert_eq!(
            rows,
            [
                (&b"/proc"[..], "proc", "rw,relatime"),
                (b"/a b\\c\t\nd\\0", "ext3", "rw,noatime"),
                (b"/-", "fuse.a-b", "ro"),
                (b"/\xff", "tmpfs", "rw"),
            ]
        );
    }

    #[test]
    fn this_machine_has_a_proc() {
        let mounts = parse(&std::fs::read("/proc/self/mountinfo").expect("mountinfo"));
        assert!(mounts.iter().any(|mount| mount.point == Path::new("/proc") && mount.fstype == "proc"));
        let table: Vec<PathBuf> = mounts.into_iter().map(|mount| mount.point).collect();
        assert_eq!(points(&short().expect("/proc/self/mounts")), table);
    }

    #[test]
    fn a_sysfs_is_known_by_its_type() {
        let text = b"none /a\\040b sysfs rw,nosuid,ro 0 0\nsysfs /sys sysfs rw,relatime 0 0\nsysfs /x tmpfs ro 0 0\n\n";
        assert_eq!(sysfs(text), [("/a b".into(), true), ("/sys".into(), false)]);
    }
}
