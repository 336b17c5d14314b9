//! Landlock, by its own library, which is held to what was planned: it must not leave anything out.

use std::error::Error;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use landlock::{
    AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};

use crate::draft::access::FILE_RIGHTS;
use crate::fault::{Exit, Fault};
use crate::plan::access::{AccessOp, Ruleset};

/// One operation, ready. The library allocates only to report an error, and nothing has been
/// forked here.
pub(super) enum Act {
    /// Makes the ruleset and keeps it in the launcher's state.
    Rules(Rules),
    /// Puts it in force.
    Restrict,
}

/// A ruleset in the library's terms.
pub(super) struct Rules {
    fs: BitFlags<AccessFs>,
    net: BitFlags<AccessNet>,
    scopes: BitFlags<Scope>,
    paths: Vec<Beneath>,
    ports: Vec<(BitFlags<AccessNet>, u16)>,
    log: bool,
}

struct Beneath {
    path: CString,
    rights: BitFlags<AccessFs>,
    optional: bool,
}

impl Act {
    /// Makes an operation ready.
    ///
    /// # Errors
    /// Rights that the library does not know, and paths with a NUL byte.
    pub(super) fn ready(op: &AccessOp) -> Result<Self, Fault> {
        match op {
            AccessOp::Restrict => Ok(Self::Restrict),
            AccessOp::Rules(rules) => Rules::ready(rules).map(Self::Rules),
        }
    }

    /// Carries it out.
    pub(super) fn perform(&self, ruleset: &mut Option<RulesetCreated>) -> Result<(), Errno> {
        match self {
            Self::Rules(rules) => {
                *ruleset = Some(rules.make()?);
                Ok(())
            }
            Self::Restrict => {
                let ruleset = ruleset.take().ok_or(Errno::EBADF)?;
                // no_new_privs is a step of its own.
                let status = ruleset.no_new_privs(false).restrict_self().map_err(|error| errno(&error))?;
                if status.ruleset == RulesetStatus::FullyEnforced { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
            }
        }
    }
}

impl Rules {
    fn ready(rules: &Ruleset) -> Result<Self, Fault> {
        let unknown = || Fault::new("this build knows less of Landlock than its plan asks for").exit(Exit::Namespace);
        let fs = |bits| BitFlags::<AccessFs>::from_bits(bits).map_err(|_| unknown());
        let net = |bits| BitFlags::<AccessNet>::from_bits(bits).map_err(|_| unknown());
        let path = |rule: &crate::draft::access::PathRule| {
            let path = CString::new(rule.path.as_os_str().as_bytes())
                .map_err(|_| Fault::new(format!("`{}` holds a NUL byte", rule.path.display())))?;
            Ok(Beneath { path, rights: fs(rule.rights)?, optional: rule.optional })
        };
        Ok(Self {
            fs: fs(rules.handled_fs)?,
            net: net(rules.handled_net)?,
            scopes: BitFlags::from_bits(rules.scopes).map_err(|_| unknown())?,
            paths: rules.paths.iter().map(path).collect::<Result<_, Fault>>()?,
            log: rules.log,
            ports: rules.ports.iter().map(|(bits, port)| Ok((net(*bits)?, *port))).collect::<Result<_, Fault>>()?,
        })
    }

    fn make(&self) -> Result<RulesetCreated, Errno> {
        let strict = landlock::Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let mut created = self.handle(strict).map_err(|error| errno(&error))?;
        for beneath in &self.paths {
            let Some((parent, rights)) = beneath.open()? else { continue };
            created = created.add_rule(PathBeneath::new(parent, rights)).map_err(|error| errno(&error))?;
        }
        for (rights, port) in &self.ports {
            created = created.add_rule(NetPort::new(*port, *rights)).map_err(|error| errno(&error))?;
        }
        if self.log { created.log_new_exec(true).map_err(|error| errno(&error)) } else { Ok(created) }
    }

    /// The library takes asking for nothing as an error.
    fn handle(&self, mut ruleset: landlock::Ruleset) -> Result<RulesetCreated, landlock::RulesetError> {
        if !self.fs.is_empty() {
            ruleset = ruleset.handle_access(self.fs)?;
        }
        if !self.net.is_empty() {
            ruleset = ruleset.handle_access(self.net)?;
        }
        if !self.scopes.is_empty() {
            ruleset = ruleset.scope(self.scopes)?;
        }
        ruleset.create()
    }
}

impl Beneath {
    /// The path and those of its rights that mean something for what it is; nothing where it may
    /// be missing and is, or where no right is left.
    fn open(&self) -> Result<Option<(OwnedFd, BitFlags<AccessFs>)>, Errno> {
        let parent = match open(self.path.as_c_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()) {
            // Where this user cannot go there is nothing to give it either (PATH of an ordinary user's `su`).
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) if self.optional => return Ok(None),
            result => result?,
        };
        let mode = SFlag::from_bits_truncate(fstat(parent.as_fd())?.st_mode) & SFlag::S_IFMT;
        let directory = mode == SFlag::S_IFDIR;
        let of_files = BitFlags::from_bits_truncate(FILE_RIGHTS);
        let rights = if directory { self.rights } else { self.rights & of_files };
        Ok((!rights.is_empty()).then_some((parent, rights)))
    }
}

/// The first path of a ruleset that cannot be opened with this answer, for whoever asks after the failure.
pub fn culprit(rules: &Ruleset, answer: Errno) -> Option<&std::path::Path> {
    let fails =
        |path: &std::path::Path| open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).err() == Some(answer);
    rules.paths.iter().filter(|rule| !rule.optional).map(|rule| rule.path.as_path()).find(|path| fails(path))
}

/// The errno at the bottom of an error; what the library refuses by itself has none.
fn errno(error: &(dyn Error + 'static)) -> Errno {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(errno) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Errno::from_raw(errno);
        }
        cause = error.source();
    }
    Errno::EOPNOTSUPP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::access::{NEWEST_ABI, PathRule, SCOPES, rights_of};
    use landlock::{ABI, Access};

    #[test]
    fn our_rights_are_the_librarys() {
        for abi in 1..=NEWEST_ABI {
            let theirs = ABI::from(i32::try_from(abi).expect("small"));
            assert_eq!(rights_of(abi), AccessFs::from_all(theirs).bits(), "ABI {abi}");
            let scopes = SCOPES.iter().filter(|scope| scope.abi <= abi).fold(0, |set, scope| set | scope.bit);
            assert_eq!(scopes, Scope::from_all(theirs).bits(), "ABI {abi}");
        }
        let files = AccessFs::from_file(ABI::V10).bits();
        assert_eq!(FILE_RIGHTS, files);
    }

    #[test]
    fn what_is_no_directory_gets_no_rights_of_directories() {
        let open = |path: &str, optional| {
            let rule = PathRule { path: path.into(), rights: rights_of(1), optional };
            let rules = Ruleset { handled_fs: rights_of(1), paths: vec![rule], ..Ruleset::default() };
            let rules = Rules::ready(&rules).expect("ready");
            rules.paths[0].open().map(|opened| opened.map(|(_, rights)| rights.bits()))
        };
        assert_eq!(open("/dev/null", false), Ok(Some(0b111)));
        assert_eq!(open("/dev", false), Ok(Some(0x1fff)));
        assert_eq!(open("/does/not/exist", true), Ok(None));
        assert_eq!(open("/does/not/exist", false), Err(Errno::ENOENT));
    }
}
