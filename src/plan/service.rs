//! What a service manager gave to the unit that stockade is the main process of: its directories and
//! the pressure files stay writable, as they do under systemd's own sandbox (systemd.exec(5)).

use std::path::{Path, PathBuf};

use crate::draft::mounts::{Bind, View};
use crate::host::Host;
use crate::policy::process::unwritten;

use super::mounts::view::Wish;

/// Variables that list directories.
const DIRECTORIES: [&str; 4] = ["RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY"];

/// Variables that name one file.
const FILES: [&str; 3] = ["MEMORY_PRESSURE_WATCH", "CPU_PRESSURE_WATCH", "IO_PRESSURE_WATCH"];

/// Wishes on behalf of the unit. None where stockade is not its main process: anybody can set variables.
///
/// What lies below a directory that the policy empties is brought in from the host, and so are the manager's socket
/// and the unit's credentials there: a service would wait for both in vain.
pub(super) fn wishes(host: &Host, policy: &[Wish]) -> Vec<Wish> {
    let text = |name: &str| host.variable(name).and_then(|value| value.to_str()).unwrap_or_default();
    if text("SYSTEMD_EXEC_PID").parse() != Ok(host.pid) {
        return Vec::new();
    }
    let emptied = |path: &Path| {
        let above = |wish: &&Wish| path != wish.path && path.starts_with(&wish.path);
        policy.iter().filter(above).any(|wish| matches!(wish.view, View::Tmpfs(_)))
    };
    let bind = |path: &Path, read_only| View::Bind(Bind { source: path.to_owned(), recursive: true, read_only });
    let wish = |path: &Path, view| Wish {
        path: path.components().collect::<PathBuf>(),
        view,
        optional: true,
        carried: false,
        by: unwritten("ReadWritePaths"),
    };
    let absolute = |path: &&Path| path.is_absolute();
    let directories = DIRECTORIES.iter().flat_map(|name| text(name).split(':'));
    let files = FILES.iter().map(|name| text(name)).filter(|file| *file != "/dev/null");
    let written = directories
        .chain(files)
        .map(Path::new)
        .filter(absolute)
        .map(|path| wish(path, if emptied(path) { bind(path, false) } else { View::ReadWriteImplicit }));
    let read = ["NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"].into_iter().map(|name| Path::new(text(name)));
    let read = read.filter(absolute).filter(|path| emptied(path)).map(|path| wish(path, bind(path, true)));
    written.chain(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::mounts::Tmpfs;

    fn host(main: &str) -> Host {
        let variables = [
            ("SYSTEMD_EXEC_PID", main),
            ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b/"),
            ("RUNTIME_DIRECTORY", "/run/a"),
            ("LOGS_DIRECTORY", "relative"),
            ("MEMORY_PRESSURE_WATCH", "/sys/fs/cgroup/a/memory.pressure"),
            ("CPU_PRESSURE_WATCH", "/dev/null"),
        ];
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Host { pid: 7, environment, ..Host::default() }
    }

    #[test]
    fn the_units_own_places_stay_writable() {
        let wishes = wishes(&host("7"), &[]);
        let paths: Vec<&str> = wishes.iter().filter_map(|wish| wish.path.to_str()).collect();
        assert_eq!(paths, ["/run/a", "/var/lib/a", "/var/lib/b", "/sys/fs/cgroup/a/memory.pressure"]);
        assert!(wishes.iter().all(|wish| wish.optional && wish.view == View::ReadWriteImplicit));
    }

    #[test]
    fn what_an_emptied_directory_would_hide_is_brought_in() {
        let emptied = Wish {
            path: "/run".into(),
            view: View::Tmpfs(Tmpfs {
                mode: 0o755,
                options: Vec::new(),
                read_only: true,
                no_exec: false,
                no_suid: true,
                no_dev: true,
            }),
            optional: false,
            carried: false,
            by: unwritten("TemporaryFileSystem"),
        };
        let mut host = host("7");
        host.environment.push(("NOTIFY_SOCKET".into(), "/run/systemd/notify".into()));
        host.environment.push(("CREDENTIALS_DIRECTORY".into(), "/elsewhere/credentials".into()));
        let binds: Vec<(PathBuf, bool)> = wishes(&host, &[emptied])
            .into_iter()
            .filter_map(|wish| if let View::Bind(bind) = wish.view { Some((wish.path, bind.read_only)) } else { None })
            .collect();
        assert_eq!(binds, [("/run/a".into(), false), ("/run/systemd/notify".into(), true)]);
    }

    #[test]
    fn variables_that_anybody_has_set_give_nothing() {
        assert!(wishes(&host("8"), &[]).is_empty());
        assert!(wishes(&Host { pid: 7, ..Host::default() }, &[]).is_empty());
    }
}
