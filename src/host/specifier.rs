//! systemd's specifiers (systemd.unit(5)), as far as a launcher knows what they stand for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::draft::attributes::{DirectoryKind, Secret};
use crate::draft::mounts::View;
use crate::draft::process::{Variable, WorkingDirectory};
use crate::draft::{Asked, Draft};
use crate::text::assignments;

use super::{Host, slurp};

/// Specifiers that a file or a call tells: what the probe reads where a draft uses them.
const TOLD: &str = "HlqvmbowWBAMgsad";

/// Replaces the specifiers of a text.
///
/// # Errors
/// What is wrong with it, lower case, one line.
pub fn expand(text: &str, host: &Host) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        expanded.push_str(&rest[..at]);
        let letter = rest[at + 1..].chars().next().ok_or_else(|| format!("`{text}` ends with a single `%`"))?;
        expand_one(letter, text, host, &mut expanded)?;
        rest = &rest[at + 1 + letter.len_utf8()..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn expand_one(letter: char, text: &str, host: &Host, expanded: &mut String) -> Result<(), String> {
    let kind = |kind: DirectoryKind| -> Result<String, String> {
        let path = place(kind, host).map_err(|why| format!("`%{letter}` in `{text}`: {why}"))?;
        utf8(&path).map(str::to_owned)
    };
    match letter {
        '%' => expanded.push('%'),
        'h' if host.home.as_os_str().is_empty() => {
            return Err(format!("`%h` in `{text}` stands for nothing here: set HOME, or write the path out"));
        }
        'h' => expanded.push_str(utf8(&host.home)?),
        'u' => expanded.push_str(&user(host)),
        'U' => expanded.push_str(&host.uid.to_string()),
        'G' => expanded.push_str(&host.gid.to_string()),
        't' => expanded.push_str(&kind(DirectoryKind::Runtime)?),
        'S' => expanded.push_str(&kind(DirectoryKind::State)?),
        'C' => expanded.push_str(&kind(DirectoryKind::Cache)?),
        'L' => expanded.push_str(&kind(DirectoryKind::Logs)?),
        'E' => expanded.push_str(&kind(DirectoryKind::Configuration)?),
        'T' => expanded.push_str("/tmp"),
        'V' => expanded.push_str("/var/tmp"),
        told if TOLD.contains(told) => match host.words.iter().find(|(known, _)| *known == told) {
            Some((_, word)) => expanded.push_str(word),
            None => return Err(format!("`%{told}` in `{text}` stands for nothing on this host")),
        },
        'D' => expanded.push_str(utf8(&shared(host).map_err(|why| format!("`%D` in `{text}`: {why}"))?)?),
        unit if "nNpPiIjJfyYcrR".contains(unit) => {
            return Err(format!("`%{unit}` in `{text}` is about a unit, and here is none: write what it stands for"));
        }
        other => {
            return Err(format!(
                "`%{other}` is not a specifier that stockade knows (%h %u %U %g %G %s %t %S %C %L %E %D %T %V %d %H %l %q %v %a %m \
                 %b %o %w %W %B %A %M %%)"
            ));
        }
    }
    Ok(())
}

/// Where directories of a kind are: systemd's places for root, those of the XDG base directories for others.
///
/// # Errors
/// What is not set, lower case, one line.
pub fn place(kind: DirectoryKind, host: &Host) -> Result<PathBuf, String> {
    if host.uid == 0 {
        return Ok(PathBuf::from(match kind {
            DirectoryKind::Runtime => "/run",
            DirectoryKind::State => "/var/lib",
            DirectoryKind::Cache => "/var/cache",
            DirectoryKind::Logs => "/var/log",
            DirectoryKind::Configuration => "/etc",
        }));
    }
    let (variable, home, more) = match kind {
        DirectoryKind::Runtime => ("XDG_RUNTIME_DIR", "", ""),
        DirectoryKind::State => ("XDG_STATE_HOME", ".local/state", ""),
        DirectoryKind::Cache => ("XDG_CACHE_HOME", ".cache", ""),
        DirectoryKind::Logs => ("XDG_STATE_HOME", ".local/state", "log"),
        DirectoryKind::Configuration => ("XDG_CONFIG_HOME", ".config", ""),
    };
    let set = host.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set.or_else(|| Some(host.home.join(home)).filter(|path| !home.is_empty() && path.is_absolute()));
    let base = base.ok_or_else(|| format!("{variable} is not set to an absolute path"))?;
    Ok(if more.is_empty() { base } else { base.join(more) })
}

/// Where data is that programs share (systemd 262): the system's for root, that of the XDG base directories for others.
fn shared(host: &Host) -> Result<PathBuf, String> {
    if host.uid == 0 {
        return Ok("/usr/share".into());
    }
    let set = host.variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set.or_else(|| Some(host.home.join(".local/share")).filter(|path| path.is_absolute()));
    base.ok_or_else(|| "XDG_DATA_HOME is not set to an absolute path".into())
}

/// Reads what the specifiers of a draft stand for, if they need to be read.
pub(super) fn tell(host: &mut Host, draft: &Draft) {
    for letter in letters(draft) {
        let word = told(letter, host);
        host.words.extend(word.map(|word| (letter, word)));
    }
}

/// The letters of [`TOLD`] that texts of the draft use.
fn letters(draft: &Draft) -> Vec<char> {
    let mut found: Vec<char> = Vec::new();
    let mut see = |text: &OsStr| {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(next) = bytes[at..].iter().position(|byte| *byte == b'%') {
            let Some(letter) = bytes.get(at + next + 1).map(|byte| char::from(*byte)) else { return };
            if TOLD.contains(letter) && !found.contains(&letter) {
                found.push(letter);
            }
            at += next + 2;
        }
    };
    for asked in &draft.mounts {
        see(asked.what.path.as_os_str());
        match &asked.what.view {
            View::Bind(bind) => see(bind.source.as_os_str()),
            View::Layers(layers) => layers.iter().for_each(|(layer, _)| see(layer.as_os_str())),
            _ => {}
        }
    }
    if draft.exec_specifiers.is_some() {
        draft.exec.iter().flat_map(|asked| &asked.what).for_each(|word| see(OsStr::new(word)));
    }
    draft.root.iter().for_each(|asked| see(asked.what.as_os_str()));
    draft.access.paths.iter().for_each(|asked| see(asked.what.path.as_os_str()));
    for asked in &draft.environment {
        match &asked.what {
            Variable::Set(_, text) | Variable::File(text, _) => see(OsStr::new(text)),
            Variable::Pass(_) | Variable::Unset(_) => {}
        }
    }
    if let Some(Asked { what: (WorkingDirectory::Path(path), _), .. }) = &draft.directory {
        see(OsStr::new(path));
    }
    draft.hostname.iter().for_each(|asked| see(OsStr::new(&asked.what)));
    draft.search.iter().flat_map(|asked| &asked.what).for_each(|path| see(OsStr::new(path)));
    draft.files.iter().for_each(|asked| see(asked.what.path.as_os_str()));
    draft.directories.iter().for_each(|asked| see(OsStr::new(&asked.what.name)));
    draft.joins.iter().for_each(|asked| see(asked.what.1.as_os_str()));
    for asked in &draft.credentials {
        if let Secret::File(path) = &asked.what.source {
            see(path.as_os_str());
        }
    }
    found
}

fn told(letter: char, host: &Host) -> Option<String> {
    let line = |path: &str| {
        let text = String::from_utf8(slurp(path).ok()?).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let uname = || nix::sys::utsname::uname().ok();
    match letter {
        'H' => uname().map(|name| name.nodename().to_string_lossy().into_owned()),
        'l' => uname().map(|name| name.nodename().to_string_lossy().split('.').next().unwrap_or_default().to_owned()),
        'v' => uname().map(|name| name.release().to_string_lossy().into_owned()),
        'm' => line("/etc/machine-id").filter(|id| id.len() == 32),
        'b' => line("/proc/sys/kernel/random/boot_id").map(|id| id.replace('-', "")),
        'a' => Some(
            match std::env::consts::ARCH {
                "x86_64" => "x86-64",
                "aarch64" => "arm64",
                other => other,
            }
            .to_owned(),
        ),
        'q' => variable(&["/etc/machine-info"], "PRETTY_HOSTNAME")
            .filter(|name| !name.is_empty())
            .or_else(|| told('H', host)),
        'o' => release("ID"),
        'w' => release("VERSION_ID"),
        'W' => release("VARIANT_ID"),
        'B' => release("BUILD_ID"),
        'A' => release("IMAGE_VERSION"),
        'M' => release("IMAGE_ID"),
        'd' => host.variable("CREDENTIALS_DIRECTORY").and_then(OsStr::to_str).map(str::to_owned),
        's' => super::accounts::shell(host.uid),
        'g' => super::accounts::group(host.gid),
        _ => None,
    }
}

/// A word of os-release(5), empty where the file does not say it.
fn release(name: &str) -> Option<String> {
    variable(&["/etc/os-release", "/usr/lib/os-release"], name)
}

/// A variable that the first of these files that is there assigns, empty where it does not.
fn variable(files: &[&str], name: &str) -> Option<String> {
    let text = files.iter().find_map(|file| slurp(file).ok())?;
    let all = assignments::parse(&text);
    let value =
        all.into_iter().rev().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value).unwrap_or_default();
    String::from_utf8(value).ok()
}

fn user(host: &Host) -> String {
    let named = |name: &str| host.environment.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.to_str());
    if host.uid == 0 {
        return "root".into();
    }
    let name = named("USER").or_else(|| named("LOGNAME")).filter(|name| !name.is_empty() && !name.contains('/'));
    name.map_or_else(|| host.uid.to_string(), str::to_owned)
}

fn utf8(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("`{}` is not valid UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            uid: 1000,
            home: "/home/ann".into(),
            directory: "/home/ann/work".into(),
            environment: vec![("USER".into(), "ann".into()), ("XDG_RUNTIME_DIR".into(), "/run/user/1000".into())],
            ..Host::default()
        }
    }

    #[test]
    fn specifiers_are_replaced() {
        let text = expand("%h|%u|%U|%t|%T|%V|100%%", &host()).expect("good");
        assert_eq!(text, "/home/ann|ann|1000|/run/user/1000|/tmp|/var/tmp|100%");
        assert_eq!(expand("%t", &Host::default()).as_deref(), Ok("/run"));
    }

    #[test]
    fn unknown_specifiers_are_refused() {
        assert!(expand("%i", &host()).is_err_and(|why| why.contains("about a unit")));
        assert!(expand("%z", &host()).is_err_and(|why| why.contains("not a specifier")));
        assert!(expand("%H", &host()).is_err(), "nobody has read it");
        assert!(expand("%h/.ssh", &Host { home: "".into(), ..host() }).is_err(), "a home that nobody knows is not `/`");
        assert!(expand("50%", &host()).is_err());
        assert!(expand("%t", &Host { uid: 1, ..Host::default() }).is_err());
    }

    #[test]
    fn places_are_the_systems_or_the_users() {
        let root = Host::default();
        assert_eq!(expand("%S|%C|%L|%E", &root).as_deref(), Ok("/var/lib|/var/cache|/var/log|/etc"));
        let text = expand("%S|%C|%L|%E|%G", &Host { gid: 7, ..host() });
        let home = "/home/ann";
        let want = format!("{home}/.local/state|{home}/.cache|{home}/.local/state/log|{home}/.config|7");
        assert_eq!(text, Ok(want));
    }

    #[test]
    fn only_what_is_used_is_read() {
        let by = || crate::draft::By { directive: "Test", origin: None };
        let set = |text: &str| Asked { what: Variable::Set("A".into(), text.into()), by: by() };
        let draft = Draft { environment: vec![set("%%H %h %v%b")], ..Draft::default() };
        assert_eq!(letters(&draft), ['v', 'b']);
        let mut host = host();
        tell(&mut host, &draft);
        let text = expand("%v %b", &host).expect("read");
        let release = nix::sys::utsname::uname().expect("uname").release().to_string_lossy().into_owned();
        assert!(text.starts_with(&release) && text.len() == release.len() + 33, "{text}");
    }
}
