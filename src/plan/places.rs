//! Paths as they are written become paths of this host: specifiers, and `.` alone.

use std::path::{Component, Path, PathBuf};

use crate::draft::By;
use crate::fault::Fault;
use crate::host::Host;

/// The directory that stockade was started in, for `.` alone; nothing where naming it would open
/// far more than one project: `/`, /home, /root, and the caller's home or anything above it.
pub fn here(host: &Host) -> Option<&Path> {
    let directory = host.directory.as_path();
    let broad = ["/", "/home", "/root"].iter().any(|path| directory == Path::new(path));
    let home = !host.home.as_os_str().is_empty() && host.home.starts_with(directory);
    (directory.is_absolute() && !broad && !home).then_some(directory)
}

/// The path with its specifiers expanded and needless separators removed. Nothing for a `.` that
/// is left out (see [`here`]).
pub fn expand(host: &Host, path: &Path, by: &By) -> Result<Option<PathBuf>, Fault> {
    if path.as_os_str() == "." {
        return Ok(here(host).map(Path::to_path_buf));
    }
    let text = path.to_str().unwrap_or_default();
    let expanded = if text.contains('%') { PathBuf::from(specifiers(host, text, by)?) } else { path.to_path_buf() };
    let refuse = |why: &str| {
        let mut fault = Fault::new(format!("`{}` {why}", expanded.display())).label(format!("in {}", by.directive));
        fault.origin.clone_from(&by.origin);
        Err(fault)
    };
    if !expanded.is_absolute() {
        return refuse("is not an absolute path");
    }
    if expanded.components().any(|part| part == Component::ParentDir) {
        return refuse("goes up by `..`, which a policy cannot");
    }
    Ok(Some(expanded.components().collect()))
}

/// systemd's specifiers as far as they are known (systemd.unit(5)): %h %t %u %U %T %V %%.
fn specifiers(host: &Host, text: &str, by: &By) -> Result<String, Fault> {
    let mut expanded = String::with_capacity(text.len() + 32);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        let letter = chars.next();
        let value = match letter {
            Some('%') => Some("%".into()),
            Some('T') => Some("/tmp".into()),
            Some('V') => Some("/var/tmp".into()),
            Some('U') => Some(host.uid.to_string()),
            Some('u') => user(host),
            Some('h') => host.home.to_str().filter(|home| !home.is_empty()).map(str::to_owned),
            Some('t') if host.uid == 0 => Some("/run".into()),
            Some('t') => variable(host, "XDG_RUNTIME_DIR"),
            _ => {
                let mut fault = Fault::new(format!("`{text}` has a specifier that stockade does not know"))
                    .help("known are %h, %t, %u, %U, %T, %V and %% for a percent sign");
                fault.origin.clone_from(&by.origin);
                return Err(fault);
            }
        };
        let Some(value) = value else {
            let letter = letter.unwrap_or_default();
            let mut fault = Fault::new(format!("nothing is known here that %{letter} in `{text}` could stand for"));
            fault.origin.clone_from(&by.origin);
            return Err(fault.help("set HOME, USER and XDG_RUNTIME_DIR, or write the path out"));
        };
        expanded.push_str(&value);
    }
    Ok(expanded)
}

fn user(host: &Host) -> Option<String> {
    let named = || host.accounts.iter().filter(|account| account.id == Some(host.uid)).find_map(|a| a.user.as_ref());
    match host.uid {
        0 => Some("root".into()),
        _ => named()
            .map(|user| user.name.clone())
            .or_else(|| variable(host, "USER"))
            .or_else(|| variable(host, "LOGNAME")),
    }
}

fn variable(host: &Host, name: &str) -> Option<String> {
    let found = host.environment.iter().find(|(key, _)| key == name)?;
    found
        .1
        .to_str()
        .filter(|value| !value.is_empty() && !value.contains('/') || value.starts_with('/'))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            uid: 1000,
            home: "/home/u".into(),
            directory: "/home/u/work".into(),
            environment: vec![("USER".into(), "u".into()), ("XDG_RUNTIME_DIR".into(), "/run/user/1000".into())],
            ..Host::default()
        }
    }

    fn one(text: &str) -> Result<Option<PathBuf>, Fault> {
        expand(&host(), Path::new(text), &By { directive: "ReadWritePaths", origin: None })
    }

    #[test]
    fn specifiers_stand_for_the_callers_places() {
        assert_eq!(one("%h/.cache//x/"), Ok(Some("/home/u/.cache/x".into())));
        assert_eq!(one("%t/bus"), Ok(Some("/run/user/1000/bus".into())));
        assert_eq!(one("/%u-%U%%"), Ok(Some("/u-1000%".into())));
        assert_eq!(one("%T/a"), Ok(Some("/tmp/a".into())));
        assert!(one("%n").is_err());
        assert!(one("/a%").is_err());
        assert!(one("%u/x").is_err(), "not absolute");
    }

    #[test]
    fn the_directory_of_the_start_is_left_out_where_it_is_broad() {
        assert_eq!(one("."), Ok(Some("/home/u/work".into())));
        for broad in ["/", "/home", "/root", "/home/u"] {
            assert_eq!(here(&Host { directory: broad.into(), ..host() }), None, "{broad}");
        }
    }
}
