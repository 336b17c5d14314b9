//! A directory that only the caller can write, gone when the test ends.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("stockade-test-{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path).expect("scratch directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file that only the caller can write, whatever the umask says.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("write");
        mode(&path, 0o644);
        path
    }

    pub(crate) fn directory(&self, name: &str, bits: u32) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir(&path).expect("directory");
        mode(&path, bits);
        path
    }

    /// The text with this directory's name taken out, for comparisons.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.0.display().to_string(), "[DIR]")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("remove the scratch directory");
    }
}

pub(crate) fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("chmod");
}
