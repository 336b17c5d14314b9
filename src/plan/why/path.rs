//! Paths: the checks of one operation, in the kernel's order (fs/namei.c, fs/open.c of Linux 6.18).

use std::path::Path;

use caps::Capability::{self, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER};

use crate::draft::access::{self, RIGHTS, names};
use crate::draft::arch::Arch;
use crate::host::look::{Kind, Thing, Whom};

use super::judge::Judge;
use super::world::{Place, Source};
use super::{Identity, Lack, Layer, Look, Reason};
use crate::plan::filter::verdict;

/// What is done at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Opened for reading.
    Read,
    /// Opened for writing, as it is.
    Write,
    /// Executed.
    Execute,
    /// Made as a new file, and opened for writing.
    Create,
    /// Made as a new directory.
    Mkdir,
    /// Removed: unlink(2), or rmdir(2) for a directory.
    Remove,
    /// Opened as a directory and read.
    List,
    /// Connected to, as a unix socket.
    Connect,
}

/// The words and what they mean.
pub const OPERATIONS: [(&str, Operation); 8] = [
    ("read", Operation::Read),
    ("write", Operation::Write),
    ("execute", Operation::Execute),
    ("create", Operation::Create),
    ("mkdir", Operation::Mkdir),
    ("remove", Operation::Remove),
    ("list", Operation::List),
    ("connect", Operation::Connect),
];

impl Operation {
    /// Reads a word.
    pub fn parse(word: &str) -> Option<Self> {
        OPERATIONS.iter().find(|(known, _)| *known == word).map(|(_, operation)| *operation)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        OPERATIONS.iter().find(|(_, known)| *known == self).map_or("read", |(word, _)| word)
    }

    /// All words.
    pub fn words() -> impl Iterator<Item = &'static str> {
        OPERATIONS.iter().map(|(word, _)| *word)
    }

    /// Whether something new is made.
    pub fn makes(self) -> bool {
        matches!(self, Self::Create | Self::Mkdir)
    }

    /// Whether something is changed there.
    pub fn changes(self) -> bool {
        matches!(self, Self::Write | Self::Create | Self::Mkdir | Self::Remove)
    }

    /// The system calls that it takes, in the words of a question to a filter.
    pub(super) fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["openat(AT_FDCWD, _, O_RDONLY)"],
            Self::Write => &["openat(AT_FDCWD, _, O_WRONLY)"],
            Self::Create => &["openat(AT_FDCWD, _, O_CREAT|O_EXCL|O_WRONLY, 0644)"],
            Self::Mkdir => &["mkdir"],
            Self::List => &["openat(AT_FDCWD, _, O_DIRECTORY)", "getdents64"],
            Self::Execute => &["execve"],
            Self::Remove => &["unlink"],
            Self::Connect => &["socket(AF_UNIX, SOCK_STREAM, 0)", "connect"],
        }
    }

    /// Calls that some programs and libraries make for it instead of the last one above.
    fn others(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["open(_, O_RDONLY)", "openat2"],
            Self::Write => &["open(_, O_WRONLY)", "openat2"],
            Self::Create => &["open(_, O_CREAT|O_EXCL|O_WRONLY, 0644)", "creat", "openat2"],
            Self::Mkdir => &["mkdirat"],
            Self::List => &["open(_, O_DIRECTORY)", "openat2"],
            Self::Execute => &["execveat"],
            Self::Remove => &["unlinkat"],
            Self::Connect => &[],
        }
    }
}

/// Which permission bits a use takes.
const READ: u32 = 4;
const WRITE: u32 = 2;
const SEARCH: u32 = 1;

impl Identity {
    /// Whether a capability holds over a file: its owner and group must be known in the user namespace.
    fn over(&self, cap: Capability, thing: &Thing) -> bool {
        let among = |ids: &[(u32, u32)], id: u32| ids.iter().any(|(first, count)| id.wrapping_sub(*first) < *count);
        let known = self.known.as_ref().is_none_or(|[uids, gids]| among(uids, thing.uid) && among(gids, thing.gid));
        known && self.effective.has(cap)
    }

    /// Whether the permission bits and the access control list, where there is one, allow a use (path_resolution(7), acl(5)).
    pub fn may(&self, thing: &Thing, wanted: u32) -> bool {
        if !thing.acl.is_empty() && self.uid != thing.uid && !self.is_granted(thing, wanted) {
            return self.overrides(thing, wanted);
        }
        let shift = if self.uid == thing.uid {
            6
        } else if self.gid == thing.gid || self.groups.contains(&thing.gid) {
            3
        } else {
            0
        };
        let listed = !thing.acl.is_empty() && shift != 6;
        listed || thing.mode >> shift & wanted == wanted || self.overrides(thing, wanted)
    }

    /// Whether the list grants a use to somebody who is not the owner.
    fn is_granted(&self, thing: &Thing, wanted: u32) -> bool {
        let find = |whom: Whom| thing.acl.iter().find(|grant| grant.whom == whom).map(|grant| grant.bits);
        let mask = find(Whom::Mask).unwrap_or(7);
        if let Some(bits) = find(Whom::User(self.uid)) {
            return bits & mask & wanted == wanted;
        }
        let belongs = |gid: u32| self.gid == gid || self.groups.contains(&gid);
        let mut own = thing.acl.iter().filter(|grant| match grant.whom {
            Whom::OwnGroup => belongs(thing.gid),
            Whom::Group(gid) => belongs(gid),
            _ => false,
        });
        let first = own.next();
        match first {
            // One of the groups has to grant all of it.
            Some(first) => std::iter::once(first).chain(own).any(|grant| grant.bits & mask & wanted == wanted),
            None => find(Whom::Other).is_some_and(|bits| bits & wanted == wanted),
        }
    }

    /// Whether capabilities allow what permissions do not.
    fn overrides(&self, thing: &Thing, wanted: u32) -> bool {
        let directory = thing.kind == Kind::Directory;
        if self.over(CAP_DAC_OVERRIDE, thing) {
            // Nothing executes a file that nobody may execute.
            return directory || wanted & SEARCH == 0 || thing.mode & 0o111 != 0;
        }
        let reads = wanted == READ || (directory && wanted & WRITE == 0);
        reads && self.over(CAP_DAC_READ_SEARCH, thing)
    }
}

impl Judge {
    /// Whether the filter has another answer to calls that programs could make instead, in words.
    pub fn differing(&self, operation: Operation) -> Vec<String> {
        let Some(main) = operation.calls().first() else { return Vec::new() };
        let plain = |words: &'static str| words.split('(').next().unwrap_or(words);
        let denied = |words: &str| self.calls(&[words]).into_iter().next();
        let refused = denied(main);
        let mut notes = Vec::new();
        for other in operation.others().iter().filter(|words| Self::knows(words)) {
            let (main, name) = (plain(main), plain(other));
            match (&refused, denied(other)) {
                // Libraries take ENOSYS as a sign to make the other call.
                (None, Some(reason)) if reason.error != "ENOSYS" => {
                    notes.push(format!(
                        "the filter denies {name} ({}), which some programs use for it and not {main}",
                        reason.error
                    ));
                }
                (Some(_), None) => {
                    notes.push(format!(
                        "the filter does not deny {name}, which some programs use for it and not {main}"
                    ));
                }
                _ => {}
            }
        }
        notes
    }

    /// Whether there is such a call on this architecture.
    fn knows(words: &str) -> bool {
        verdict::Question::parse(words, Arch::native()).is_ok()
    }

    /// Everything that is in the way of an operation, and what a reader should know.
    pub(super) fn path(&self, path: &Path, operation: Operation, look: Look<'_>) -> Vec<Reason> {
        let mut reasons = self.calls(operation.calls());
        let makes = operation.makes();
        let follows = !makes && operation != Operation::Remove;
        let search = |thing: &Thing| self.identity.may(thing, SEARCH);
        let place = self.world.walk(path, follows, look, &search);
        match place {
            Place::Broken(at, error) => reasons.push(self.gone(&at, error, look)),
            Place::Barred(at, thing) => reasons.push(self.barred(&at, &thing, SEARCH)),
            Place::Missing(at) if makes => self.create(&at, operation, look, &mut reasons),
            Place::Missing(at) if operation == Operation::Remove => {
                let parent = at.parent().unwrap_or(Path::new("/"));
                reasons.extend(self.read_only(parent));
                reasons.push(self.gone(&at, "ENOENT", look));
            }
            Place::Missing(at) => reasons.push(self.gone(&at, "ENOENT", look)),
            Place::Found(at, _) if makes => {
                let text = format!("{} is there already", at.display());
                reasons.push(reason(Layer::Permissions, "EEXIST", text, &at));
            }
            Place::Found(at, thing) if operation == Operation::Remove => self.remove(&at, &thing, look, &mut reasons),
            Place::Found(at, thing) => self.open(&at, &thing, operation, &mut reasons),
        }
        reasons
    }

    /// Something that is there is opened, executed or connected to.
    fn open(&self, at: &Path, thing: &Thing, operation: Operation, reasons: &mut Vec<Reason>) {
        let directory = thing.kind == Kind::Directory;
        let wanted = match operation {
            Operation::Write | Operation::Connect => WRITE,
            Operation::Execute => SEARCH,
            _ => READ,
        };
        match operation {
            Operation::List if !directory => {
                reasons.push(reason(Layer::Permissions, "ENOTDIR", format!("{} is no directory", at.display()), at));
                return;
            }
            Operation::Write if directory => {
                reasons.push(reason(Layer::Permissions, "EISDIR", format!("{} is a directory", at.display()), at));
                return;
            }
            Operation::Execute if thing.kind != Kind::File => {
                reasons.push(reason(Layer::Permissions, "EACCES", format!("{} is no file", at.display()), at));
                return;
            }
            Operation::Connect if thing.kind != Kind::Socket => {
                if !self.identity.may(thing, wanted) {
                    reasons.push(self.barred(at, thing, wanted));
                }
                let text = format!("{} is no socket", at.display());
                reasons.push(reason(Layer::Permissions, "ECONNREFUSED", text, at));
                return;
            }
            _ => {}
        }
        let piece = self.world.cover(at);
        if operation == Operation::Execute && piece.limits.no_exec {
            let text = format!("nothing on {} can be executed", piece.at.display());
            let by = piece.no_exec_by.clone();
            reasons.push(reason(Layer::Mount, "EACCES", text, at).by(by));
        }
        if !self.identity.may(thing, wanted) {
            reasons.push(self.barred(at, thing, wanted));
        }
        if operation == Operation::Write && thing.kind == Kind::File {
            reasons.extend(self.read_only(at));
        }
        let right = match operation {
            Operation::Write => access::WRITE_FILE,
            Operation::Execute => access::EXECUTE,
            Operation::Connect => access::RESOLVE_UNIX,
            _ if directory => access::READ_DIR,
            _ => access::READ_FILE,
        };
        reasons.extend(self.landlock(at, right));
    }

    fn create(&self, at: &Path, operation: Operation, look: Look<'_>, reasons: &mut Vec<Reason>) {
        let parent = at.parent().unwrap_or(Path::new("/"));
        let thing = self.world.thing(parent, look);
        if !self.identity.may(&thing, SEARCH) {
            reasons.push(self.barred(parent, &thing, SEARCH));
        }
        reasons.extend(self.read_only(parent));
        let file = operation == Operation::Create;
        reasons.extend(self.landlock(parent, if file { access::MAKE_REG } else { access::MAKE_DIR }));
        if !self.identity.may(&thing, WRITE | SEARCH) {
            reasons.push(self.barred(parent, &thing, WRITE));
        }
        if file && !reasons.iter().any(|one| one.layer == Layer::Landlock) {
            reasons.extend(self.landlock(parent, access::WRITE_FILE));
        }
    }

    fn remove(&self, at: &Path, thing: &Thing, look: Look<'_>, reasons: &mut Vec<Reason>) {
        let parent = at.parent().unwrap_or(Path::new("/"));
        reasons.extend(self.read_only(parent));
        let right = if thing.kind == Kind::Directory { access::REMOVE_DIR } else { access::REMOVE_FILE };
        reasons.extend(self.landlock(parent, right));
        let over = self.world.thing(parent, look);
        let owner = self.identity.uid == thing.uid || self.identity.uid == over.uid;
        if !self.identity.may(&over, WRITE | SEARCH) {
            reasons.push(self.barred(parent, &over, WRITE));
        } else if over.mode & 0o1000 != 0 && !owner && !self.identity.over(CAP_FOWNER, thing) {
            let text = format!("{} is sticky, and {} is another user's", parent.display(), at.display());
            reasons.push(reason(Layer::Permissions, "EPERM", text, at));
        }
        let piece = self.world.cover(at);
        if piece.at == at && at != Path::new("/") {
            let by = piece.by.clone();
            let text = format!("something is mounted on {}", at.display());
            reasons.push(reason(Layer::Mount, "EBUSY", text, at).by(by));
        }
    }

    /// The mount that a path is on cannot be written.
    fn read_only(&self, at: &Path) -> Option<Reason> {
        let piece = self.world.cover(at);
        let over = piece.at.display();
        let reason = || reason(Layer::Mount, "EROFS", format!("{over} is read-only"), at);
        piece.limits.read_only.then(|| reason().by(piece.read_only_by.clone()))
    }

    /// Nothing is at a path: by whose doing?
    fn gone(&self, at: &Path, error: &str, look: Look<'_>) -> Reason {
        let piece = self.world.cover(at);
        let over = piece.at.display();
        let hidden = error == "ENOENT" && look(at, Some(at)).kind != Kind::Missing;
        let text = match &piece.source {
            Source::Cover(_) => format!("{over} is hidden"),
            Source::Memory(_) if hidden || piece.limits.read_only => format!("{over} is an empty directory of its own"),
            Source::Devices if hidden => format!("{over} has the harmless devices only"),
            Source::Host(source) if hidden && *source != piece.at => format!("{over} is {} there", source.display()),
            _ => {
                let why = if error == "ENOENT" { "there is nothing at" } else { "there is no way through" };
                return reason(Layer::View, error, format!("{why} {}, whatever the policy", at.display()), at);
            }
        };
        reason(Layer::View, error, text, at).by(piece.by.clone())
    }

    /// The permissions of a file are in the way.
    fn barred(&self, at: &Path, thing: &Thing, wanted: u32) -> Reason {
        let piece = self.world.cover(at);
        if matches!(piece.source, Source::Cover(_)) {
            let text = format!("{} is hidden", piece.at.display());
            return reason(Layer::View, "EACCES", text, at).by(piece.by.clone());
        }
        let verb = match wanted {
            WRITE => "write",
            SEARCH if thing.kind == Kind::Directory => "enter",
            SEARCH => "execute",
            _ => "read",
        };
        let (mode, uid, gid) = (thing.mode, thing.uid, thing.gid);
        let text = format!(
            "{} has mode {mode:04o}{} and belongs to {uid}:{gid}, so user {} cannot {verb} it",
            at.display(),
            if thing.acl.is_empty() { "" } else { " with an access control list" },
            self.identity.uid
        );
        match self.dropped(CAP_DAC_OVERRIDE).filter(|_| self.identity.uid == 0) {
            Some((cap, by)) => {
                let text = format!("{text} without {cap}");
                reason(Layer::Permissions, "EACCES", text, at).dropped(Some((cap, by)))
            }
            None => reason(Layer::Permissions, "EACCES", text, at),
        }
    }

    /// A right that Landlock handles and that no rule gives at a path.
    fn landlock(&self, at: &Path, right: u64) -> Option<Reason> {
        let (rules, by) = self.rules.as_ref()?;
        let given = at.ancestors().fold(0, |given, path| given | self.given(path));
        let missing = right & rules.handled_fs & !given;
        let text = format!("no rule gives {} at {}", names(&RIGHTS, missing).concat(), at.display());
        let reason = || reason(Layer::Landlock, "EACCES", text, at);
        (missing != 0).then(|| reason().by(by.clone()).lacking(Lack::Rights(missing)))
    }
}

fn reason(layer: Layer, error: &str, text: String, at: &Path) -> Reason {
    Reason::new(layer, error, text, at.display().to_string())
}
