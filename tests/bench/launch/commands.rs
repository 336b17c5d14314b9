//! The commands that are compared, and what is made equal among them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::policies::policies;
use super::{Entry, filter};

/// What is made equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The target alone.
    Plain,
    /// In place: no_new_privs, no capabilities, container-default's filter, Landlock.
    InPlace,
    /// User, mount, IPC and UTS namespaces, a read-only root, private /dev and /tmp.
    View,
    /// The same with a network namespace, loopback up, and the filter.
    Whole,
}

impl Level {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::InPlace => "L1",
            Self::View => "L2",
            Self::Whole => "L3",
        }
    }
}

/// What stockade may take at most, as a multiple of another command of the same level.
pub(crate) const BUDGETS: [(Level, &str, f64); 5] = [
    (Level::InPlace, "lim", 1.6),
    (Level::View, "lim", 1.25),
    (Level::View, "bubblewrap", 0.6),
    (Level::Whole, "lim", 1.25),
    (Level::Whole, "bubblewrap", 0.6),
];

fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|place| place.join(name)).find(|path| path.is_file())
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("/proc is mounted")) == 0
}

/// The target, in a place.
fn built(place: &Path) -> Result<String, String> {
    let target = place.join("true");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/true.S");
    let status = Command::new("cc").args(["-nostdlib", "-static", "-o"]).arg(&target).arg(&source).status();
    if status.is_ok_and(|status| status.success()) {
        Ok(target.display().to_string())
    } else {
        Err("cc cannot build tests/bench/true.S".into())
    }
}

/// A program as installing leaves it: written in large pieces. The linker leaves one in the page cache page by page, of which
/// a launch maps hundreds, and costs a fifth more until that is gone.
fn copied(place: &Path, program: &Path) -> Result<String, String> {
    let copy = place.join(program.file_name().unwrap_or_default());
    fs::remove_file(&copy)
        .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .and_then(|()| fs::copy(program, &copy))
        .map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(copy.display().to_string())
}

/// Every command of the run.
pub(crate) fn entries() -> Result<Vec<Entry>, String> {
    // Not below /tmp, which some levels replace.
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("launch");
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    let target = built(&place)?;
    // The C baseline's Landlock rules know /tmp and nothing of ours; the levels with a /tmp of their own have no Landlock.
    let temporary = std::env::temp_dir().join(format!("stockade-bench-{}", std::process::id()));
    fs::create_dir_all(&temporary).map_err(|error| error.to_string())?;
    let reachable = built(&temporary)?;
    let bpf = place.join("filter.bpf");
    fs::write(&bpf, filter::program()).map_err(|error| error.to_string())?;
    let stockade = copied(&place, Path::new(env!("CARGO_BIN_EXE_stockade")))?;
    let lim = installed("lim").map(|lim| copied(&place, &lim)).transpose()?;
    let mut entries = Vec::new();
    let mut add = |label, level, words: &[&str]| {
        let mut argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        argv.push(if level == Level::InPlace { reachable.clone() } else { target.clone() });
        entries.push(Entry { label, level, argv, times: Vec::new() });
    };
    add("fork+exec", Level::Plain, &[]);
    for (level, (name, text)) in [Level::InPlace, Level::View, Level::Whole].into_iter().zip(policies()) {
        let path = place.join(format!("{name}.toml"));
        fs::write(&path, text).map_err(|error| error.to_string())?;
        add("stockade", level, &[&stockade, "run", "-P", &path.display().to_string(), "--"]);
    }
    let bpf = format!("--bpf={}", bpf.display());
    others(&bpf, lim.as_deref(), &mut add);
    Ok(entries)
}

/// The other launchers, where they are installed.
fn others(bpf: &str, lim: Option<&str>, add: &mut impl FnMut(&'static str, Level, &[&str])) {
    // A caller with privileges needs no user namespace; stockade makes none then.
    let spaces = if is_root() { "--ns=mit" } else { "--ns=umit" };
    let whole = if is_root() { "--ns=mitn" } else { "--ns=umitn" };
    if let Some(lim) = lim {
        add("lim", Level::InPlace, &[lim, "--stay", "--nnp", "--caps", bpf, "--ll=5"]);
        add("lim", Level::View, &[lim, "--stay", spaces, "--root=otattr", "--devpts", "--tmp", "--nnp", "--caps"]);
        add(
            "lim",
            Level::Whole,
            &[lim, "--stay", whole, "--root=otattr", "--devpts", "--tmp", "--nnp", "--caps", "--lo", bpf],
        );
    }
    if let Some(bwrap) = installed("bwrap") {
        let bwrap = bwrap.display().to_string();
        let view = [
            &bwrap,
            "--unshare-user",
            "--unshare-ipc",
            "--unshare-uts",
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--tmpfs",
            "/tmp",
        ];
        add("bubblewrap", Level::View, &[&view[..], &["--cap-drop", "ALL", "--"]].concat());
        // Its --seccomp wants a descriptor: the shell opens it, and would be timed. Without a filter it does less.
        add("bubblewrap", Level::Whole, &[&view[..], &["--unshare-net", "--cap-drop", "ALL", "--"]].concat());
    }
    if let Some(setpriv) = installed("setpriv") {
        let drop = if is_root() { "--bounding-set=-all" } else { "--inh-caps=-all" };
        add("setpriv", Level::InPlace, &[&setpriv.display().to_string(), "--no-new-privs", drop, "--"]);
    }
    if let Some(firejail) = installed("firejail") {
        add(
            "firejail",
            Level::Whole,
            &[
                &firejail.display().to_string(),
                "--quiet",
                "--noprofile",
                "--net=none",
                "--private-tmp",
                "--private-dev",
                "--caps.drop=all",
                "--seccomp",
                "--",
            ],
        );
    }
}
