//! What a service manager gave to the unit that stockade is the main process of: its directories and
//! the pressure files stay writable, as they do under systemd's own sandbox (systemd.exec(5)).

use std::path::{Path, PathBuf};

use crate::draft::mounts::View;
use crate::host::Host;
use crate::policy::process::unwritten;

use super::view::Wish;

/// Variables that list directories.
const DIRECTORIES: [&str; 4] = ["RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY"];

/// Variables that name one file.
const FILES: [&str; 3] = ["MEMORY_PRESSURE_WATCH", "CPU_PRESSURE_WATCH", "IO_PRESSURE_WATCH"];

/// Wishes on behalf of the unit. None where stockade is not its main process: anybody can set variables.
pub(super) fn wishes(host: &Host) -> Vec<Wish> {
    let text = |name: &str| host.variable(name).and_then(|value| value.to_str()).unwrap_or_default();
    if text("SYSTEMD_EXEC_PID").parse() != Ok(host.pid) {
        return Vec::new();
    }
    let directories = DIRECTORIES.iter().flat_map(|name| text(name).split(':'));
    let files = FILES.iter().map(|name| text(name)).filter(|file| *file != "/dev/null");
    let paths = directories.chain(files).map(Path::new).filter(|path| path.is_absolute());
    paths
        .map(|path| Wish {
            path: path.components().collect::<PathBuf>(),
            view: View::ReadWriteImplicit,
            optional: true,
            carried: false,
            by: unwritten("ReadWritePaths"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let wishes = wishes(&host("7"));
        let paths: Vec<&str> = wishes.iter().filter_map(|wish| wish.path.to_str()).collect();
        assert_eq!(paths, ["/run/a", "/var/lib/a", "/var/lib/b", "/sys/fs/cgroup/a/memory.pressure"]);
        assert!(wishes.iter().all(|wish| wish.optional && wish.view == View::ReadWriteImplicit));
    }

    #[test]
    fn variables_that_anybody_has_set_give_nothing() {
        assert!(wishes(&host("8")).is_empty());
        assert!(wishes(&Host { pid: 7, ..Host::default() }).is_empty());
    }
}
