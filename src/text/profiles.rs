//! Profiles: policies that have a name, where they are looked for, and those that others extend.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Document, Entry, Kind, attach, bare, guess, toml, trust};
use crate::fault::nearest;
use crate::fault::{Fault, Origin, Source};

/// Two lists of the same profiles, which cannot come apart.
macro_rules! shipped {
    ($($name:literal),+) => {
        /// The profiles in the binary, by name.
        pub const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../profiles/", $name, ".toml")))),+];

        /// What is read of each: a third of a profile's bytes, and of the time that parsing it takes.
        const BARE: &[&str] = &[$({
            const TEXT: &str = include_str!(concat!("../../profiles/", $name, ".toml"));
            const BYTES: [u8; bare::length(TEXT)] = bare::bare(TEXT);
            match str::from_utf8(&BYTES) {
                Ok(text) => text,
                Err(_) => unreachable!(),
            }
        }),+];
    };
}

shipped!("build", "container-default", "network-service", "none", "service", "strict");

/// The text of a profile in the binary.
pub fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Where profiles are for everybody: the administrator's, then those of packages.
const DIRECTORIES: [&str; 2] = ["/etc/stockade", "/usr/share/stockade/profiles"];

/// How deep profiles may extend one another.
const DEPTH: usize = 32;

/// How many profiles one policy can be made of.
const PROFILES: usize = 256;

/// Where profiles are looked for, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// In this order; the built-in profiles come last.
    pub directories: Vec<PathBuf>,
    /// The caller, who beside root may own policies.
    pub uid: u32,
}

impl Library {
    /// The caller's own directory, then those for everybody.
    ///
    /// The caller's is `$XDG_CONFIG_HOME/stockade`, or `$HOME/.config/stockade` where that is not
    /// set; relative paths do not count (XDG Base Directory Specification).
    pub fn of_environment() -> Self {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let own = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        let directories =
            own.map(|own| own.join("stockade")).into_iter().chain(DIRECTORIES.map(PathBuf::from)).collect();
        Self { directories, uid: nix::unistd::getuid().as_raw() }
    }

    /// The profiles in the binary alone: the same on every machine.
    pub fn of_the_binary() -> Self {
        Self { directories: Vec::new(), uid: 0 }
    }

    /// What a system service finds: root's, with no home.
    pub fn of_the_system() -> Self {
        Self { directories: DIRECTORIES.map(PathBuf::from).to_vec(), uid: 0 }
    }

    /// Loads a policy and before it, in order, those that it extends.
    ///
    /// With a `/` or the ending `.toml` it is a path, else the name of a profile. A profile that is extended twice holds
    /// once, at its first place. `at` is where the name was written, if anywhere.
    ///
    /// # Errors
    /// What is wrong with the texts, who could have changed a file, what is missing, circles.
    pub fn load<N: AsRef<OsStr> + ?Sized>(
        &self,
        name_or_path: &N,
        at: Option<&Origin>,
    ) -> Result<Document, Vec<Fault>> {
        let mut loader = Loader::new(self);
        loader.add(name_or_path.as_ref(), None, at)?;
        Ok(loader.document)
    }

    /// Loads a policy file as if this text were in it: what a change of it would come to.
    ///
    /// # Errors
    /// As [`Library::load`].
    pub fn load_as(&self, path: &Path, text: &str) -> Result<Document, Vec<Fault>> {
        let mut loader = Loader::new(self);
        loader.instead = Some(text.to_owned());
        loader.add(path.as_os_str(), None, None)?;
        Ok(loader.document)
    }

    /// Loads several as [`Library::load`] does, one after the other; what two of them extend holds
    /// once.
    ///
    /// # Errors
    /// As [`Library::load`], for the first that has any.
    pub fn load_all<N: AsRef<OsStr>>(&self, names_or_paths: &[N]) -> Result<Document, Vec<Fault>> {
        let mut loader = Loader::new(self);
        for name in names_or_paths {
            loader.add(name.as_ref(), None, None)?;
        }
        Ok(loader.document)
    }

    /// Every profile that can be named, in the order of the alphabet, with its summary: the first
    /// line of its comment. For a file that is not trusted or readable the summary says so.
    pub fn names(&self) -> Vec<(String, String)> {
        let describe = |name: String| {
            let text = match self.find(&name) {
                Ok(Some(Found::Shipped { text, .. })) => Ok(text.to_owned()),
                Ok(Some(Found::File(path))) => trust::read(&path, self.uid).map(|file| file.text),
                Ok(None) => Ok(String::new()),
                Err(fault) => Err(fault),
            };
            let summary = text.map_or_else(|fault| fault.message, |text| summary(&text).to_owned());
            (name, summary)
        };
        self.available().into_iter().map(describe).collect()
    }

    /// The names alone.
    fn available(&self) -> Vec<String> {
        let mut names: Vec<String> = SHIPPED.iter().map(|(name, _)| (*name).into()).collect();
        for directory in &self.directories {
            let files = fs::read_dir(directory).into_iter().flatten().flatten();
            let found = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned()));
            names.extend(found.filter(|name| !is_path(OsStr::new(name))));
        }
        names.sort();
        names.dedup();
        names
    }

    /// Where a name leads. A home that cannot be looked into has nothing: in a unit with ProtectHome= that is its state.
    /// The system's directories are another matter, where a stricter profile of the administrator's may lie.
    fn find<N: AsRef<OsStr> + ?Sized>(&self, name: &N) -> Result<Option<Found>, Fault> {
        let name = name.as_ref();
        let mut file = name.to_owned();
        file.push(".toml");
        for directory in &self.directories {
            let path = directory.join(&file);
            match fs::symlink_metadata(&path) {
                Ok(_) => return Ok(Some(Found::File(path))),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) if error.kind() == ErrorKind::PermissionDenied && !of_the_system(directory) => {}
                Err(error) => {
                    let why = crate::fault::reason(&error);
                    return Err(Fault::new(format!("cannot look for the profile `{}`: {why}", path.display())));
                }
            }
        }
        let mut shipped = SHIPPED.iter().zip(BARE);
        Ok(shipped.find(|((known, _), _)| name == *known).map(|((name, text), bare)| Found::Shipped {
            name,
            text,
            bare,
        }))
    }

    /// No such profile. A file of that name is told of and not taken: names are never looked for where stockade is started.
    fn missing(&self, name: &str, base: Option<&Path>) -> Fault {
        let names = self.available();
        let mut fault = Fault::new(format!("there is no profile `{name}`"));
        if let Some(near) = nearest(name, names.iter().map(String::as_str)) {
            fault = fault.help(format!("did you mean `{near}`?"));
        }
        let several: Vec<&str> =
            name.split([',', ' ']).filter(|part| names.iter().any(|known| known == part)).collect();
        if several.len() > 1 {
            fault = fault.help(format!("several add up, each by its own -P: -P {}", several.join(" -P ")));
        }
        let beside = [format!("{name}.toml"), name.to_owned()];
        if let Some(file) = beside.iter().find(|file| base.unwrap_or(Path::new(".")).join(file).is_file()) {
            fault = if Path::new(file).extension().is_some_and(|end| end == "json") {
                fault
                    .help(format!("a container engine's seccomp profile is used by: -p SeccompProfile=./{file}"))
                    .help(format!("to make it a policy: stockade import oci ./{file} -o NAME.toml"))
            } else {
                fault.help(format!("to use the file of that name: ./{file}"))
            };
        }
        let places: Vec<String> = self.directories.iter().map(|path| path.display().to_string()).collect();
        fault
            .help(format!("the profiles are: {}", names.join(", ")))
            .help(format!("`{name}.toml` was looked for in {}, then in the binary", places.join(", ")))
    }
}

impl Library {
    /// The fault about a file that is not there, with the profile that was meant by `strict.toml` or `./strict`.
    fn bare(&self, path: &Path, fault: Fault) -> Fault {
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let meant = fs::symlink_metadata(path).is_err() && self.available().iter().any(|name| name == stem);
        if meant { fault.help(format!("a profile is named without a path and an ending: {stem}")) } else { fault }
    }
}

/// The first line of a policy's comment, without its `#` and full stop.
fn summary(text: &str) -> &str {
    let line = text.lines().find(|line| !line.starts_with("#!") && !line.trim().is_empty());
    let comment = line.and_then(|line| line.trim_start().strip_prefix('#'));
    comment.map_or("", |comment| comment.trim_start_matches('#').trim().trim_end_matches('.'))
}

enum Found {
    File(PathBuf),
    Shipped {
        name: &'static str,
        text: &'static str,
        /// The text without comments.
        bare: &'static str,
    },
}

/// What tells two policies apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// Device and inode.
    File(u64, u64),
    Shipped(&'static str),
}

/// One policy and all that it extends, while it is being put together.
struct Loader<'a> {
    library: &'a Library,
    document: Document,
    /// The policies that are in already.
    seen: Vec<Identity>,
    /// The policies that are being read, each extended by the one before.
    chain: Vec<(Identity, String)>,
    /// How often one was asked for.
    asked: usize,
    /// The text of the first file.
    instead: Option<String>,
}

impl<'a> Loader<'a> {
    fn new(library: &'a Library) -> Self {
        Self { library, document: Document::default(), seen: Vec::new(), chain: Vec::new(), asked: 0, instead: None }
    }

    /// Adds a policy behind those that it extends. Paths are relative to `base`.
    fn add(&mut self, name: &OsStr, base: Option<&Path>, at: Option<&Origin>) -> Result<(), Vec<Fault>> {
        let here = |fault: Fault| vec![Fault { origin: at.cloned(), ..fault }];
        self.asked += 1;
        if self.chain.len() >= DEPTH {
            return Err(here(Fault::new(format!("profiles extend one another more than {DEPTH} deep"))));
        }
        if self.asked > PROFILES {
            return Err(here(Fault::new(format!("this policy is made of more than {PROFILES} profiles"))));
        }
        let found = self.open(name, base).map_err(here)?;
        if self.chain.iter().any(|(identity, _)| *identity == found.identity) {
            return Err(here(self.circle(&found)));
        }
        if self.seen.contains(&found.identity) {
            return Ok(());
        }
        self.seen.push(found.identity);
        let mut document = toml::parse(&found.source)
            .map_err(|faults| guess::guess(&found.source).map_or(faults, |fault| vec![fault]))?;
        attach::attach(&mut document, found.directory.as_deref(), self.library.uid)?;
        self.chain.push((found.identity, found.source.name.clone()));
        for entry in document.entries.iter().filter(|entry| entry.name == "Extends") {
            for (name, at) in extended(entry).map_err(|fault| vec![fault])? {
                let added = self.add(OsStr::new(name), found.directory.as_deref(), Some(at));
                added.map_err(|faults| beside(&found, name, faults))?;
            }
        }
        self.chain.pop();
        self.document.extend(document);
        Ok(())
    }

    /// Reads what a name or path leads to.
    fn open(&mut self, name: &OsStr, base: Option<&Path>) -> Result<Opened, Fault> {
        let bytes = name.as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            let fault = Fault::new(format!("`{}` cannot be the name of a profile", name.display()));
            return Err(fault.help(format!("the profiles are: {}", self.library.available().join(", "))));
        }
        let found = if is_path(name) {
            Some(Found::File(match base {
                Some(base) => base.join(Path::new(name).strip_prefix(".").unwrap_or(Path::new(name))),
                None if bytes.contains(&b'/') || bytes.starts_with(b".") => PathBuf::from(name),
                None => Path::new(".").join(name),
            }))
        } else {
            self.library.find(name)?
        };
        match found {
            None => Err(self.library.missing(&name.to_string_lossy(), base)),
            Some(Found::Shipped { name, bare, .. }) => Ok(Opened {
                identity: Identity::Shipped(name),
                source: Arc::new(Source { name: format!("profile:{name}"), text: bare.into() }),
                directory: None,
            }),
            Some(Found::File(path)) => {
                let trusted = trust::read(&path, self.library.uid).map_err(|fault| self.library.bare(&path, fault))?;
                let trust::Trusted { identity: (device, inode), text } = trusted;
                let text = self.instead.take().unwrap_or(text);
                Ok(Opened {
                    identity: Identity::File(device, inode),
                    source: Arc::new(Source { name: path.to_string_lossy().into_owned(), text }),
                    directory: path.parent().map(Path::to_owned),
                })
            }
        }
    }

    fn circle(&self, closing: &Opened) -> Fault {
        let start = self.chain.iter().position(|(identity, _)| *identity == closing.identity).unwrap_or_default();
        let mut names: Vec<&str> = self.chain[start..].iter().map(|(_, name)| name.as_str()).collect();
        names.push(&closing.source.name);
        let fault = Fault::new(format!("these profiles extend one another in a circle: {}", names.join(" -> ")));
        match names.as_slice() {
            [_, _] => fault.help("a profile cannot extend another one of its own name: give it a new one"),
            _ => fault.help("take one of them out of an `Extends`"),
        }
    }
}

/// The faults about a file that is not beside a link, with where it is: such a link stands in PATH, and leads elsewhere.
fn beside(by: &Opened, name: &str, mut faults: Vec<Fault>) -> Vec<Fault> {
    let path = Path::new(&by.source.name);
    let real = fs::canonicalize(path).ok().filter(|_| is_path(OsStr::new(name)));
    if let (Some(real), Some(here), [fault]) = (real, &by.directory, faults.as_mut_slice())
        && let Some(there) = real.parent().map(|there| there.join(name)).filter(|there| there.is_file())
        && fs::symlink_metadata(here.join(name)).is_err()
    {
        let (link, there) = (path.display(), there.components().collect::<PathBuf>());
        fault
            .help
            .push(format!("`{link}` is a link, and paths start beside it; the file meant is {}", there.display()));
    }
    faults
}

/// A policy that was read.
struct Opened {
    identity: Identity,
    source: Arc<Source>,
    /// What relative paths in its `Extends` start from.
    directory: Option<PathBuf>,
}

/// The names in an `Extends`, and where each is written.
fn extended(entry: &Entry) -> Result<Vec<(&str, &Origin)>, Fault> {
    let wrong = |value: &super::Value| {
        value
            .fault(format!("`Extends` takes names of profiles, not {}", value.kind_name()))
            .help("write for instance: Extends = [\"service\"]")
    };
    match &entry.value.kind {
        Kind::Text(names) => Ok(names.split_whitespace().map(|name| (name, &entry.value.at)).collect()),
        Kind::List(values) => values
            .iter()
            .map(|value| match &value.kind {
                Kind::Text(name) => Ok((name.as_str(), &value.at)),
                _ => Err(wrong(value)),
            })
            .collect(),
        _ => Err(wrong(&entry.value)),
    }
}

/// Whether a file is meant and no profile: profiles are named without their ending.
fn is_path(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    bytes.contains(&b'/') || bytes.ends_with(b".toml") || matches!(bytes, b"." | b"..")
}

/// Whether a directory is one that administrators and packages fill.
fn of_the_system(directory: &Path) -> bool {
    directory.starts_with("/etc") || directory.starts_with("/usr")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_the_first_line_of_the_comment() {
        assert_eq!(summary("#!/usr/bin/stockade\n# A web server.\n# More.\nUser = 'x'\n"), "A web server");
        assert_eq!(summary("User = 'x'\n# not this\n"), "");
        assert_eq!(summary(""), "");
    }

    #[test]
    fn shipped_profiles_say_the_same_without_their_comments() {
        fn told(entry: &Entry) -> Vec<String> {
            let value = &entry.value;
            let mut all = vec![format!("{} {:?}", entry.name, entry.at.line_column())];
            match &value.kind {
                Kind::List(list) => {
                    all.extend(list.iter().map(|item| format!("{:?} {}", item.at.line_column(), item.at.written())));
                }
                Kind::Table(entries) => all.extend(entries.iter().flat_map(told)),
                _ => all.push(value.at.written().to_owned()),
            }
            all
        }
        let read = |text: &str| {
            let document = toml::parse(&Arc::new(Source { name: "x".into(), text: text.into() })).expect("a policy");
            document.entries.iter().flat_map(told).collect::<Vec<_>>()
        };
        for ((name, text), bare) in SHIPPED.iter().zip(BARE) {
            assert_eq!(read(text), read(bare), "{name}");
            assert!(bare.len() < text.len() && !bare.contains('#'), "{name}");
        }
    }

    #[test]
    fn shipped_profiles_are_sorted_and_say_what_they_are() {
        assert!(SHIPPED.is_sorted_by_key(|(name, _)| *name));
        for (name, text) in SHIPPED {
            assert!(summary(text).len() > 10, "{name} has no summary");
            assert!(summary(text).len() < 72, "the summary of {name} is long");
        }
    }
}
