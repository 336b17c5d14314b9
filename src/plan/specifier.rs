//! systemd's specifiers (systemd.unit(5)), as far as a launcher knows what they stand for.

use std::path::{Path, PathBuf};

use crate::host::Host;

/// Replaces the specifiers of a text.
///
/// # Errors
/// What is wrong with it, lower case, one line.
pub(super) fn expand(text: &str, host: &Host) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        expanded.push_str(&rest[..at]);
        let letter = rest[at + 1..].chars().next().ok_or_else(|| format!("`{text}` ends with a single `%`"))?;
        match letter {
            '%' => expanded.push('%'),
            'h' => expanded.push_str(utf8(&host.home)?),
            'u' => expanded.push_str(&user(host)),
            'U' => expanded.push_str(&host.uid.to_string()),
            't' => expanded.push_str(&runtime(host)?),
            'T' => expanded.push_str("/tmp"),
            'V' => expanded.push_str("/var/tmp"),
            other => {
                return Err(format!("`%{other}` is not a specifier that stockade knows (%h %u %U %t %T %V %%)"));
            }
        }
        rest = &rest[at + 1 + letter.len_utf8()..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// A path with its specifiers replaced, still absolute; `.` alone is the directory that stockade
/// was started in.
///
/// # Errors
/// What is wrong with it, lower case, one line.
pub(super) fn path(path: &Path, host: &Host) -> Result<PathBuf, String> {
    if path == Path::new(".") {
        return Ok(host.directory.clone());
    }
    let Some(text) = path.to_str().filter(|text| text.contains('%')) else { return Ok(path.to_owned()) };
    let path = PathBuf::from(expand(text, host)?);
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    if path.is_absolute() && !climbs { Ok(path) } else { Err(format!("`{text}` is `{}` here", path.display())) }
}

/// Whether `.` stands for so much here (the root, all homes, the caller's own) that a directive
/// that names it cannot have meant it.
pub(super) fn here_is_too_much(host: &Host) -> bool {
    let here = host.directory.as_path();
    ["/", "/home", "/root"].iter().any(|wide| here == Path::new(wide)) || host.home.starts_with(here)
}

fn user(host: &Host) -> String {
    let named = |name: &str| host.environment.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.to_str());
    if host.uid == 0 {
        return "root".into();
    }
    let name = named("USER").or_else(|| named("LOGNAME")).filter(|name| !name.is_empty() && !name.contains('/'));
    name.map_or_else(|| host.uid.to_string(), str::to_owned)
}

fn runtime(host: &Host) -> Result<String, String> {
    if host.uid == 0 {
        return Ok("/run".into());
    }
    let found = host.environment.iter().find(|(key, _)| key == "XDG_RUNTIME_DIR").map(|(_, value)| Path::new(value));
    match found.filter(|path| path.is_absolute()) {
        Some(path) => utf8(path).map(str::to_owned),
        None => Err("`%t` needs XDG_RUNTIME_DIR, which is not set to an absolute path".into()),
    }
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
        assert!(expand("%i", &host()).is_err());
        assert!(expand("50%", &host()).is_err());
        assert!(expand("%t", &Host { uid: 1, ..Host::default() }).is_err());
    }

    #[test]
    fn paths_stay_absolute_and_do_not_climb() {
        assert_eq!(path(Path::new("%h/x"), &host()), Ok("/home/ann/x".into()));
        assert_eq!(path(Path::new("."), &host()), Ok("/home/ann/work".into()));
        assert!(path(Path::new("%u/x"), &host()).is_err());
        let climbing = Host { home: "/home/../etc".into(), ..host() };
        assert!(path(Path::new("%h"), &climbing).is_err());
    }

    #[test]
    fn some_places_are_too_wide_for_a_dot() {
        for (directory, wide) in
            [("/", true), ("/home", true), ("/home/ann", true), ("/home/ann/work", false), ("/srv", false)]
        {
            assert_eq!(here_is_too_much(&Host { directory: directory.into(), ..host() }), wide, "{directory}");
        }
    }
}
