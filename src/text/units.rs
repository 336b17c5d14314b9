//! Where units are, and which files make one up (systemd.unit(5)): its own, aliases, templates and drop-ins.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::trust;
use super::unit::{self, Unit};
use crate::fault::{Exit, Fault, Source};

/// Where system units are looked for, the strongest first.
pub const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// As many drop-ins as one unit can have here.
const MOST: usize = 256;

/// Reads the unit of a name, or the file that a path (with a `/`) names, on behalf of `uid`, or of nobody where it is only
/// looked at; and what systemd passes over in it with a warning. A file has the drop-ins of the directories beside it, a
/// name those of systemd's.
///
/// # Errors
/// It is not there, it is masked, it is no service, somebody else could have written it, or systemd would not read it.
pub fn load(name_or_path: &str, directories: &[&Path], uid: Option<u32>) -> Result<(Unit, Vec<Fault>), Vec<Fault>> {
    let one = |fault: Fault| vec![fault];
    let mut names: Vec<String> = Vec::new();
    let path = if name_or_path.contains('/') {
        let path = PathBuf::from(name_or_path);
        names.push(file_name(&path));
        template(path)
    } else {
        // systemctl(1) takes names without an end for services.
        let name = if name_or_path.contains('.') { name_or_path.into() } else { format!("{name_or_path}.service") };
        names.push(name.clone());
        find(&name, directories).map_err(one)?
    };
    if !names[0].ends_with(".service") {
        let fault = Fault::new(format!("`{name_or_path}` is not a service")).exit(Exit::Usage);
        return Err(one(fault.help("only services have a sandbox that stockade reads: write web.service")));
    }
    let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    if real == Path::new("/dev/null") {
        return Err(one(Fault::new(format!("the unit `{name_or_path}` is masked: {} is /dev/null", path.display()))
            .help(format!("systemctl unmask {}", names[0]))));
    }
    if !name_or_path.contains('/') {
        alias(&mut names, &real, directories);
        names.extend(others(&names[0], directories));
    }
    let (mut assignments, mut odd) = read(&path, uid)?;
    if assignments.is_empty() && odd.is_empty() && fs::metadata(&real).is_ok_and(|meta| meta.len() == 0) {
        return Err(one(Fault::new(format!("the unit `{name_or_path}` is masked: {} is empty", path.display()))));
    }
    let parents = match path.parent() {
        Some(parent) if name_or_path.contains('/') => &[parent][..],
        _ => directories,
    };
    let mut beside: Vec<PathBuf> = Vec::new();
    // Of drop-ins with the same file name the first counts: those of the unit's own name before those of its other names,
    // then the stronger directory, then the more specific name (unit_file_find_dropin_paths() of systemd's).
    let of_names = names.iter().map(|name| dropin_names(name));
    for dropins in of_names.chain([vec!["service.d".to_owned()]]) {
        for path in parents.iter().flat_map(|parent| dropins.iter().map(|name| parent.join(name))) {
            if !beside.contains(&path) {
                beside.push(path);
            }
        }
    }
    for path in dropins(&beside).map_err(one)? {
        let (more, strange) = read(&path, uid)?;
        assignments.extend(more);
        odd.extend(strange);
    }
    let name = names.swap_remove(0);
    Ok((Unit { name, path: real.to_string_lossy().into_owned(), assignments }, odd))
}

/// The file of a unit: for an instance that has none, its template's beside it.
fn template(path: PathBuf) -> PathBuf {
    match unit::parts(&file_name(&path)) {
        (prefix, Some(instance)) if !instance.is_empty() && fs::symlink_metadata(&path).is_err() => {
            path.with_file_name(format!("{prefix}@.service"))
        }
        _ => path,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Puts the real name behind an alias in front: that of the file that the link leads to, with the alias' instance. A link to
/// a file elsewhere only says where the unit is kept, and leaves it its name.
fn alias(names: &mut Vec<String>, real: &Path, directories: &[&Path]) {
    let parent = real.parent();
    if !directories.iter().any(|known| fs::canonicalize(known).ok().as_deref() == parent) {
        return;
    }
    let target = with_instance(&file_name(real), &names[0]);
    if target.ends_with(".service") && target != names[0] {
        names.insert(0, target);
    }
}

/// A template's name with the instance of another unit's; any other name as it is.
fn with_instance(target: &str, other: &str) -> String {
    match (unit::parts(target), unit::parts(other)) {
        ((prefix, Some("")), (_, Some(instance))) => format!("{prefix}@{instance}.service"),
        _ => target.into(),
    }
}

/// The other names of a unit: the links to it, or to its template, in systemd's directories.
fn others(name: &str, directories: &[&Path]) -> Vec<String> {
    let entries = directories.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    let mut found: Vec<String> = links
        .filter_map(|entry| {
            let link = file_name(&entry.path());
            let target = file_name(&fs::read_link(entry.path()).ok()?);
            let full = with_instance(&link, name);
            (link.ends_with(".service") && with_instance(&target, &full) == name && full != name).then_some(full)
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn find(name: &str, directories: &[&Path]) -> Result<PathBuf, Fault> {
    let (prefix, instance) = unit::parts(name);
    let template = instance.map(|_| format!("{prefix}@.service"));
    for file in std::iter::once(name.to_owned()).chain(template) {
        for directory in directories {
            let path = directory.join(&file);
            match fs::symlink_metadata(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let why = crate::fault::reason(&error);
                    return Err(Fault::new(format!("cannot look for the unit `{}`: {why}", path.display())));
                }
            }
        }
    }
    Err(Fault::new(format!("there is no unit `{name}`"))
        .help("`systemctl list-unit-files` lists them")
        .help("a value with a `/` is a file: ./web.service"))
}

/// The drop-in directories of a name, the more specific ones first: its own, its template's, and those of its dashes, as
/// unit_file_find_dirs() of systemd's has them.
fn dropin_names(name: &str) -> Vec<String> {
    let mut all = vec![format!("{name}.d")];
    let (prefix, instance) = unit::parts(name);
    if instance.is_some_and(|instance| !instance.is_empty()) {
        all.extend(dropin_names(&format!("{prefix}@.service")));
    }
    // A dash at the end is none that parts.
    let stem = prefix.strip_suffix('-').unwrap_or(prefix);
    if let Some(at) = stem.rfind('-').filter(|at| *at > 0) {
        let shorter = &prefix[..=at];
        all.extend(match instance {
            Some(instance) if !instance.is_empty() => dropin_names(&format!("{shorter}@{instance}.service")),
            _ => dropin_names(&format!("{shorter}.service")),
        });
    }
    let mut known: Vec<String> = Vec::with_capacity(all.len());
    for name in all {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    known
}

/// Drop-ins by the names of their files; of two with the same name the stronger directory's counts.
fn dropins(directories: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for directory in directories {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound) => continue,
            Err(error) => {
                let why = crate::fault::reason(&error);
                return Err(Fault::new(format!("cannot look for drop-ins in `{}`: {why}", directory.display())));
            }
        };
        for entry in entries {
            let entry = entry.map_err(|error| {
                Fault::new(format!("cannot read `{}`: {}", directory.display(), crate::fault::reason(&error)))
            })?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.')
                && entry.path().extension().is_some_and(|end| end == "conf")
                && !entry.path().is_dir()
            {
                found.entry(name).or_insert_with(|| entry.path());
            }
        }
    }
    if found.len() > MOST {
        return Err(Fault::new(format!("the unit has more than {MOST} drop-ins")));
    }
    let real = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|real| real == Path::new("/dev/null"));
    Ok(found.into_values().filter(|path| !real(path)).collect())
}

fn read(path: &Path, uid: Option<u32>) -> Result<(Vec<unit::Assignment>, Vec<Fault>), Vec<Fault>> {
    let trusted = uid.map_or_else(|| trust::look(path), |uid| trust::read(path, uid));
    let text = trusted.map_err(|fault| vec![fault])?.text;
    unit::parse(&Arc::new(Source { name: path.to_string_lossy().into_owned(), text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of units that goes away.
    struct Units(PathBuf);

    impl Units {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let place = std::env::temp_dir().join(format!("stockade-units-{name}-{}", std::process::id()));
            for (file, text) in files {
                let path = place.join(file);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                fs::write(path, text).expect("a file");
            }
            Self(place)
        }

        fn link(&self, name: &str, to: &str) {
            std::os::unix::fs::symlink(to, self.0.join(name)).expect("a link");
        }

        /// What a name comes to: its whole name, and its assignments in order.
        fn load(&self, name: &str) -> Result<(String, Vec<String>), String> {
            let directories = [self.0.join("strong"), self.0.join("weak")];
            let directories: Vec<&Path> = directories.iter().map(PathBuf::as_path).collect();
            let uid = nix::unistd::getuid().as_raw();
            let told = |faults: Vec<Fault>| faults.into_iter().map(|fault| fault.message).collect::<String>();
            let (unit, odd) = load(name, &directories, Some(uid)).map_err(told)?;
            assert!(odd.is_empty(), "{odd:?}");
            Ok((unit.name, unit.assignments.into_iter().map(|one| format!("{}={}", one.name, one.value)).collect()))
        }
    }

    impl Drop for Units {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("removed");
        }
    }

    fn found(name: &str, assignments: &[&str]) -> (String, Vec<String>) {
        (name.into(), assignments.iter().map(|one| (*one).into()).collect())
    }

    #[test]
    fn the_strongest_directory_and_all_drop_ins_count() {
        let units = Units::new(
            "dropins",
            &[
                ("strong/web-a.service", "[Service]\nA=strong\n"),
                ("weak/web-a.service", "[Service]\nA=weak\n"),
                ("weak/web-a.service.d/20.conf", "[Service]\nB=weak\n"),
                ("weak/web-a.service.d/10.conf", "[Service]\nC=own\n"),
                ("strong/web-a.service.d/20.conf", "[Service]\nB=strong\n"),
                ("weak/web-.service.d/15.conf", "[Service]\nD=dash\n"),
                ("weak/service.d/05.conf", "[Service]\nE=all\n"),
                ("weak/web-a.service.d/30.conf.bak", "[Service]\nF=no\n"),
                ("weak/web-a.service.d/.40.conf", "[Service]\nF=no\n"),
            ],
        );
        let all = ["A=strong", "E=all", "C=own", "D=dash", "B=strong"];
        assert_eq!(units.load("web-a.service"), Ok(found("web-a.service", &all)));
        assert_eq!(units.load("web-a"), Ok(found("web-a.service", &all)));
        // A file has what lies beside it.
        let file = units.0.join("weak/web-a.service");
        let beside = ["A=weak", "E=all", "C=own", "D=dash", "B=weak"];
        assert_eq!(units.load(&file.to_string_lossy()), Ok(found("web-a.service", &beside)));
        units.link("strong/web-a.service.d/10.conf", "/dev/null");
        assert_eq!(units.load("web-a"), Ok(found("web-a.service", &["A=strong", "E=all", "D=dash", "B=strong"])));
    }

    #[test]
    fn instances_and_aliases_lead_to_their_files() {
        let units = Units::new(
            "aliases",
            &[
                ("weak/db@.service", "[Service]\nA=template\n"),
                ("weak/db@.service.d/1.conf", "[Service]\nB=template\n"),
                ("weak/db@one.service.d/2.conf", "[Service]\nC=one\n"),
                ("strong/x", ""),
            ],
        );
        assert_eq!(units.load("db@one.service"), Ok(found("db@one.service", &["A=template", "B=template", "C=one"])));
        assert_eq!(units.load("db@two"), Ok(found("db@two.service", &["A=template", "B=template"])));
        // So does a path, whose file is the template's.
        let file = units.0.join("weak/db@one.service");
        let beside = Ok(found("db@one.service", &["A=template", "B=template", "C=one"]));
        assert_eq!(units.load(&file.to_string_lossy()), beside);
        units.link("strong/store@.service", "../weak/db@.service");
        assert_eq!(units.load("store@one"), Ok(found("db@one.service", &["A=template", "B=template", "C=one"])));
    }

    #[test]
    fn what_is_masked_missing_or_no_service_is_told() {
        let units = Units::new("masked", &[("strong/empty.service", ""), ("weak/gone.service", "[Service]\nA=b\n")]);
        units.link("strong/gone.service", "/dev/null");
        let told = |name: &str| units.load(name).expect_err(name);
        assert!(told("gone").contains("masked"), "{}", told("gone"));
        assert!(told("empty").contains("masked"), "{}", told("empty"));
        assert!(told("nothing").contains("there is no unit"), "{}", told("nothing"));
        assert!(told("a.socket").contains("not a service") || told("a.socket").contains("there is no unit"));
    }

    #[test]
    fn of_drop_ins_with_one_name_that_of_the_stronger_directory_counts_before_the_more_specific_one() {
        let units = Units::new(
            "order",
            &[
                ("weak/a-b-c.service", "[Service]\nA=base\n"),
                ("weak/a-b-c.service.d/10.conf", "[Service]\nB=weak own\n"),
                ("strong/a-b-.service.d/10.conf", "[Service]\nB=strong dash\n"),
                ("weak/a-.service.d/20.conf", "[Service]\nC=short\n"),
                ("weak/a-b-.service.d/20.conf", "[Service]\nC=long\n"),
                ("strong/service.d/30.conf", "[Service]\nD=all\n"),
                ("weak/a-.service.d/30.conf", "[Service]\nD=short\n"),
                ("weak/a-.service.d/40.conf/x", ""),
            ],
        );
        assert_eq!(units.load("a-b-c"), Ok(found("a-b-c.service", &["A=base", "B=strong dash", "C=long", "D=short"])));
    }

    #[test]
    fn names_have_the_drop_in_directories_that_systemd_gives_them() {
        let named = |name: &str| dropin_names(name).join(" ");
        assert_eq!(named("a-b-c.service"), "a-b-c.service.d a-b-.service.d a-.service.d");
        assert_eq!(named("a.service"), "a.service.d");
        assert_eq!(named("-a.service"), "-a.service.d");
        assert_eq!(named("a-.service"), "a-.service.d");
        assert_eq!(named("a--b.service"), "a--b.service.d a--.service.d a-.service.d");
        let instance = "a-b@x-y.service.d a-b@.service.d a-.service.d a-@x-y.service.d a-@.service.d";
        assert_eq!(named("a-b@x-y.service"), instance);
    }

    #[test]
    fn a_unit_has_the_drop_ins_of_all_its_names_and_keeps_its_own_where_its_file_is_elsewhere() {
        let units = Units::new(
            "names",
            &[
                ("weak/real.service", "[Service]\nA=base\n"),
                ("weak/real.service.d/10.conf", "[Service]\nB=real\n"),
                ("strong/other.service.d/10.conf", "[Service]\nB=other\n"),
                ("strong/other.service.d/20.conf", "[Service]\nC=other\n"),
                ("elsewhere/kept.service", "[Service]\nA=kept\n"),
                ("weak/kept.service.d/10.conf", "[Service]\nB=kept\n"),
                ("strong/linked.service.d/10.conf", "[Service]\nB=linked\n"),
            ],
        );
        units.link("strong/other.service", "../weak/real.service");
        units.link("strong/linked.service", "../elsewhere/kept.service");
        let all = found("real.service", &["A=base", "B=real", "C=other"]);
        assert_eq!(units.load("real"), Ok(all.clone()));
        assert_eq!(units.load("other"), Ok(all));
        assert_eq!(units.load("linked"), Ok(found("linked.service", &["A=kept", "B=linked"])));
    }
}
