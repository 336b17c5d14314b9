//! systemd's specifiers (systemd.unit(5)), as far as a launcher knows what they stand for.

use std::path::Path;

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
            'h' if host.home.as_os_str().is_empty() => {
                return Err(format!("`%h` in `{text}` stands for nothing here: set HOME, or write the path out"));
            }
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
        assert!(expand("%h/.ssh", &Host { home: "".into(), ..host() }).is_err(), "a home that nobody knows is not `/`");
        assert!(expand("50%", &host()).is_err());
        assert!(expand("%t", &Host { uid: 1, ..Host::default() }).is_err());
    }
}
