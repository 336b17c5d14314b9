//! Files that policies name and that are part of what they say: read here, so that whoever gives words their meaning
//! reads no files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{Document, Kind, Value, trust};
use crate::fault::{Fault, Source};

/// The directive whose value is a file, or one of [`WORDS`].
pub const DIRECTIVE: &str = "SeccompProfile";

/// Kubernetes' words, today's (`securityContext.seccompProfile.type`) and those of its annotations.
pub const WORDS: [(&str, bool); 5] = [
    ("RuntimeDefault", true),
    ("runtime/default", true),
    ("docker/default", true),
    ("Unconfined", false),
    ("unconfined", false),
];

/// Where kubelet has the profiles that pods name.
pub const KUBELET: &str = "/var/lib/kubelet/seccomp";

/// The word in front of a profile's name below [`KUBELET`].
pub const LOCAL: &str = "localhost/";

/// Reads the files that a document names. Relative paths start from `base`, the directory of the policy, or without one
/// where stockade was started.
///
/// # Errors
/// Every file that is missing, that somebody else could have written, or that leads out of kubelet's directory.
pub fn attach(document: &mut Document, base: Option<&Path>, uid: u32) -> Result<(), Vec<Fault>> {
    let mut faults = Vec::new();
    for entry in document.entries.iter_mut().filter(|entry| entry.name == DIRECTIVE) {
        if let Err(fault) = read(&mut entry.value, base, uid) {
            faults.push(Fault { origin: fault.origin.or_else(|| Some(entry.value.at.clone())), ..fault });
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn read(value: &mut Value, base: Option<&Path>, uid: u32) -> Result<(), Fault> {
    let Kind::Text(text) = &value.kind else { return Ok(()) };
    let word = text.trim();
    if word.is_empty() || WORDS.iter().any(|(known, _)| *known == word) {
        return Ok(());
    }
    let path = match word.strip_prefix(LOCAL) {
        Some(name) => below(Path::new(KUBELET), name)?,
        None => base.map_or_else(|| PathBuf::from(word), |base| base.join(word)),
    };
    value.kind = Kind::File(file(&path, uid)?);
    Ok(())
}

/// Reads one file, on the same terms as a policy.
///
/// # Errors
/// As [`trust::read`].
pub fn file(path: &Path, uid: u32) -> Result<Arc<Source>, Fault> {
    let text = trust::read(path, uid).map_err(renamed)?.text;
    let name = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(Arc::new(Source { name: name.to_string_lossy().into_owned(), text }))
}

/// What is attached to a policy is none.
fn renamed(fault: Fault) -> Fault {
    Fault { message: fault.message.replacen("the policy `", "the file `", 1), ..fault }
}

/// The path of a profile below a directory, as kubelet takes it: relative, and with no way out.
///
/// # Errors
/// The name is absolute or goes up, or a symbolic link stands on its way.
pub fn below(root: &Path, name: &str) -> Result<PathBuf, Fault> {
    let inside = !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || name.contains('\0') {
        return Err(Fault::new(format!("`{name}` does not stay below {}", root.display()))
            .help("write a relative path without `..`, such as profiles/audit.json"));
    }
    let mut path = root.to_owned();
    for part in Path::new(name).components() {
        path.push::<&OsStr>(part.as_os_str());
        if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink()) {
            return Err(Fault::new(format!("`{}` is a symbolic link, which could lead anywhere", path.display()))
                .help("put the file itself there, or name it by its whole path"));
        }
    }
    Ok(path)
}
