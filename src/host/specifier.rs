//! systemd's specifiers in paths (systemd.unit(5)), as this caller reads them.

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::{Host, accounts};

/// What the specifiers stand for. The caller's name is looked up only when `%u` asks for it.
pub struct Specifiers<'a> {
    host: &'a Host,
    name: OnceCell<Option<String>>,
}

/// A specifier that is not known, or that has no meaning for this caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown(
    /// The letter after `%`; nothing at the end of the path.
    pub Option<char>,
);

impl<'a> Specifiers<'a> {
    /// As this caller reads them.
    pub fn new(host: &'a Host) -> Self {
        Self { host, name: OnceCell::new() }
    }

    /// Replaces `%h %u %U %t %T %V %%`.
    ///
    /// # Errors
    /// [`Unknown`] for any other letter, for `%h` without a home and `%u` of a user without a name.
    pub fn expand(&self, path: &Path) -> Result<PathBuf, Unknown> {
        let text = path.as_os_str().as_bytes();
        if !text.contains(&b'%') {
            return Ok(path.to_path_buf());
        }
        let mut plain = Vec::with_capacity(text.len() + 32);
        let mut rest = text.iter();
        while let Some(byte) = rest.next() {
            if *byte != b'%' {
                plain.push(*byte);
                continue;
            }
            let letter = *rest.next().ok_or(Unknown(None))?;
            plain.extend_from_slice(self.value(letter).ok_or(Unknown(Some(char::from(letter))))?.as_bytes());
        }
        Ok(PathBuf::from(OsString::from_vec(plain)))
    }

    /// What one letter stands for.
    fn value(&self, letter: u8) -> Option<OsString> {
        Some(match letter {
            b'%' => "%".into(),
            b'h' => Some(self.host.home.as_os_str().to_owned()).filter(|home| !home.is_empty())?,
            b'U' => self.host.uid.to_string().into(),
            b'u' => self.name.get_or_init(|| accounts::user(self.host.uid).map(|user| user.name)).as_ref()?.into(),
            b't' => self.runtime(),
            b'T' => "/tmp".into(),
            b'V' => "/var/tmp".into(),
            _ => return None,
        })
    }

    /// /run for root, $XDG_RUNTIME_DIR for everybody else.
    fn runtime(&self) -> OsString {
        if self.host.uid == 0 {
            return "/run".into();
        }
        let set = self.host.variable("XDG_RUNTIME_DIR").filter(|path| path.as_bytes().starts_with(b"/"));
        set.map_or_else(|| format!("/run/user/{}", self.host.uid).into(), OsStr::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str, uid: u32) -> Result<PathBuf, Unknown> {
        let environment = vec![("XDG_RUNTIME_DIR".into(), "/run/me".into())];
        let host = Host { uid, home: "/home/ada".into(), environment, ..Host::default() };
        Specifiers::new(&host).expand(Path::new(text))
    }

    #[test]
    fn letters_of_the_manual() {
        assert_eq!(expand("%h/.ssh", 7), Ok("/home/ada/.ssh".into()));
        assert_eq!(expand("%t/%U-100%%", 7), Ok("/run/me/7-100%".into()));
        assert_eq!(expand("%t/x", 0), Ok("/run/x".into()));
        assert_eq!(expand("%T%V/%u", 0), Ok("/tmp/var/tmp/root".into()));
        assert_eq!(expand("/plain", 0), Ok("/plain".into()));
    }

    #[test]
    fn unknown_letters_are_named() {
        assert_eq!(expand("/a%x", 0), Err(Unknown(Some('x'))));
        assert_eq!(expand("/a%", 0), Err(Unknown(None)));
        assert_eq!(Specifiers::new(&Host::default()).expand(Path::new("%h")), Err(Unknown(Some('h'))));
    }
}
