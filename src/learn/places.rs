//! Paths of one run as they are on every machine and in every run: the home directory as `%h`, the start directory as
//! `.`, names with process numbers and names that were made up as the directory that they are in.

use std::path::{Path, PathBuf};

use super::observed::{Observed, Use, Uses};

/// Where the run took place.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The home directory, for `%h`; empty where there is none.
    pub home: PathBuf,
    /// The user's runtime directory, for `%t`; empty where there is none, and for root.
    pub runtime: PathBuf,
    /// The directory that the program was started in.
    pub directory: PathBuf,
}

/// Directories for temporary files.
pub const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// What belongs to the system as it is installed; reading there is reading all of it.
const INSTALLED: [&str; 8] = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store"];

/// The observation with paths that hold elsewhere too. To be done once, at the end of a run.
#[must_use]
pub fn portable(mut seen: Observed, places: &Places) -> Observed {
    let paths = std::mem::take(&mut seen.paths);
    for (path, mut uses) in paths {
        // A library is read; only programs, and what loads them, are executed.
        if is_library(&path)
            && let Some(times) = uses.times.remove(&Use::Execute)
        {
            *uses.times.entry(Use::Read).or_default() += times;
        }
        let place = place(&path, &uses, places);
        let mut more = Observed::default();
        if place.starts_with("%h") && TEMPORARY.iter().any(|one| places.home.starts_with(one)) {
            // A home like that is gone where such directories are the program's own.
            more.used(places.home.clone(), Use::List, "home");
        }
        more.paths.insert(place, uses);
        seen.merge(more);
    }
    seen
}

/// A single path in the same words.
#[must_use]
pub fn name(path: &Path, kind: Use, places: &Places) -> String {
    let uses = Uses { times: [(kind, 1)].into(), ..Uses::default() };
    place(path, &uses, places).to_string_lossy().into_owned()
}

/// Whether the dynamic loader maps the file.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let shared = name.ends_with(".so") || name.contains(".so.") || name.ends_with(".node");
    shared && !name.starts_with("ld-") && !name.starts_with("ld.")
}

fn place(path: &Path, uses: &Uses, places: &Places) -> PathBuf {
    let does = |kinds: &[Use]| kinds.iter().any(|kind| uses.times.contains_key(kind));
    let changes = does(&[Use::Write, Use::Create, Use::Remove, Use::Connect]);
    if !changes && !does(&[Use::Execute]) && INSTALLED.iter().any(|one| path.starts_with(one)) {
        return INSTALLED.iter().skip(6).find(|one| path.starts_with(one)).unwrap_or(&"/usr").into();
    }
    if let Some(rest) = process(path) {
        return rest;
    }
    if path.starts_with("/dev/pts") {
        return "/dev/pts".into();
    }
    let programs = does(&[Use::Execute]) && !changes;
    if !programs && own(&places.directory, places) && path.starts_with(&places.directory) {
        return below(".", path, &places.directory);
    }
    let named = |base: &Path| base.components().count() > 1 && path.starts_with(base);
    if named(&places.runtime) {
        return below("%t", path, &places.runtime);
    }
    if named(&places.home) {
        return below("%h", path, &places.home);
    }
    if does(&[Use::Create])
        && let Some(temporary) = TEMPORARY.iter().find(|one| path.starts_with(one))
    {
        return temporary.into();
    }
    PathBuf::from(path.to_string_lossy().replace('%', "%%"))
}

/// Whether the start directory is one of the program's own, and not one that everything is below.
fn own(directory: &Path, places: &Places) -> bool {
    directory.components().count() > 2 && directory != places.home && directory != Path::new("/var/tmp")
}

fn below(name: &str, path: &Path, base: &Path) -> PathBuf {
    let rest = path.strip_prefix(base).unwrap_or(path).to_string_lossy().replace('%', "%%");
    if rest.is_empty() { PathBuf::from(name) } else { Path::new(name).join(rest) }
}

/// A process's own files, without its number.
pub(super) fn process(path: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix("/proc").ok()?;
    let mut parts = rest.components().map(|part| part.as_os_str().to_string_lossy());
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(&parts.next()?) {
        return None;
    }
    let mut out = PathBuf::from("/proc/PID");
    if let Some(name) = parts.next() {
        out.push(&*name);
        if name == "task" && parts.next().is_some() {
            out.push("PID");
            out.extend(parts.next().map(std::borrow::Cow::into_owned));
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(path: &str, kinds: &[Use]) -> String {
        let places =
            Places { home: "/home/ann".into(), runtime: "/run/user/1000".into(), directory: "/home/ann/src".into() };
        let mut seen = Observed::default();
        for kind in kinds {
            seen.used(path.into(), *kind, "cat");
        }
        let seen = portable(seen, &places);
        let (path, _) = seen.paths.first_key_value().expect("a path");
        path.to_string_lossy().into_owned()
    }

    #[test]
    fn places_have_their_names() {
        for (path, kinds, expected) in [
            ("/usr/lib/x/libc.so.6", &[Use::Read, Use::Execute][..], "/usr"),
            ("/usr/bin/cat", &[Use::Execute], "/usr/bin/cat"),
            ("/usr/share/x", &[Use::Write], "/usr/share/x"),
            ("/home/ann/.ssh/id", &[Use::Read], "%h/.ssh/id"),
            ("/home/ann/src", &[Use::List], "."),
            ("/home/ann/src/a/b%", &[Use::Read], "./a/b%%"),
            ("/home/ann/src/tool", &[Use::Execute], "%h/src/tool"),
            ("/run/user/1000/bus", &[Use::Connect], "%t/bus"),
            ("/proc/4711/status", &[Use::Read], "/proc/PID/status"),
            ("/proc/4711/task/9/comm", &[Use::Write], "/proc/PID/task/PID/comm"),
            ("/proc/sys/kernel/osrelease", &[Use::Read], "/proc/sys/kernel/osrelease"),
            ("/tmp/sortX1/a", &[Use::Create, Use::Write], "/tmp"),
            ("/tmp/given", &[Use::Read], "/tmp/given"),
            ("/dev/pts/3", &[Use::Write], "/dev/pts"),
        ] {
            assert_eq!(placed(path, kinds), expected, "{path}");
        }
    }
}
