//! MEANING: what each directive says, one family a file and one row a directive.
//!
//! A row is everything there is to know about a directive: how it is written, what the manual
//! says, how much it is worth, and what it demands. The parser, the messages, `--help`, the man
//! pages and the completions are made from the rows.
//!
//! In: a [`Document`]. Out: a [`Policy`], and from it a [`Draft`]; or all that is wrong with the words.
//!
//! The families, in the manual's order ([`FAMILIES`]): `process`, `life`, `environment`, `credentials`, `directories`,
//! `inherit`, `users`, `capabilities`, `filesystem`, `paths`, `overlays`, `devices`, `kernel`, `namespaces`, `joins`,
//! `labels`, `syscalls`, `restrict`, `seccomp` with `supervise` and `profile`, `landlock`, `limits`, `cgroup`,
//! `scheduling`.
//!
//! What they share: `form` (the grammars of values) and `layer` (how a directive writes its part of the filter). What
//! is no family: `foreign` (systemd's words that a launcher cannot carry out, and what to use instead), `unknown` (names
//! that are no directive, and what was meant), `service` (a unit of systemd's as a policy's words) and `lasting` (units
//! that no PID namespace goes together with).
//!
//! A new directive is a row of its family's `DIRECTIVES` and a field of its family's struct; then `STOCKADE_UPDATE=1
//! cargo test --test generated` writes manual and completions anew. A new family is a file here, a line of [`FAMILIES`]
//! and a field of [`Policy`]. What no request of `draft` can say yet needs a word there first.

#![forbid(unsafe_code)]

pub mod capabilities;
pub mod cgroup;
pub mod credentials;
pub mod devices;
pub mod directories;
pub mod environment;
pub mod filesystem;
pub mod foreign;
pub mod form;
pub mod inherit;
pub mod joins;
pub mod kernel;
pub mod labels;
pub mod landlock;
pub mod lasting;
mod layer;
pub mod life;
pub mod limits;
pub mod namespaces;
pub mod overlays;
pub mod paths;
pub mod process;
pub mod profile;
pub mod restrict;
pub mod scheduling;
pub mod seccomp;
pub mod service;
pub mod supervise;
pub mod syscalls;
mod unknown;
pub mod users;

use caps::Capability;

use crate::draft::action::Action;
use crate::draft::calls::Call;
use crate::draft::capabilities::CapSet;
use crate::draft::groups;
use crate::draft::mounts::{MountAsk, View};
use crate::draft::namespaces::Namespace;
use crate::draft::syscalls::Rule;
use crate::draft::{Asked, By, Draft};
use crate::fault::{Fault, Origin};
use crate::text::{Document, Entry, Kind, Value};

use form::Form;

/// One directive, whole.
pub struct Directive {
    /// systemd's spelling; words of ours are `Table.Word`.
    pub name: &'static str,
    /// How its value is written.
    pub form: Form,
    /// One line, lower case, no full stop.
    pub summary: &'static str,
    /// The manual's paragraphs. Words of the grammar stand between `*`s.
    pub manual: &'static str,
    /// TOML that sets it, one or more lines, and that demands something.
    pub example: &'static str,
    /// Where it means something else than under systemd, and why.
    pub unlike: Option<&'static str>,
    /// What `systemd-analyze security` makes of it; empty where systemd does not score it.
    pub exposure: &'static [Exposure],
    /// Takes a value into the policy. Called once for each time it is written, in order.
    pub read: fn(&mut Policy, &Value) -> Result<(), Fault>,
    /// Asks for what the policy says. Called once, whether it was written or not.
    pub demand: fn(&Policy, &mut Demands),
}

/// One line of systemd's exposure table (src/analyze/analyze-security.c).
pub struct Exposure {
    /// systemd's name of the line, e.g. `RestrictNamespaces_user`.
    pub id: &'static str,
    /// systemd's weight.
    pub weight: u32,
    /// The worst badness.
    pub range: u32,
    /// How bad the policy is, 0 to `range`; nothing when it does not apply.
    pub badness: fn(&Policy) -> Option<u32>,
}

/// An exposure of range 1 that is bad while a switch is off.
pub const fn switch(id: &'static str, weight: u32, badness: fn(&Policy) -> Option<u32>) -> Exposure {
    Exposure { id, weight, range: 1, badness }
}

/// The families, in the order of the manual.
pub const FAMILIES: &[(&str, &[Directive])] = &[
    ("The target and the process that it runs in", process::DIRECTIVES),
    ("How long the target lives, and who lives beside it", life::DIRECTIVES),
    ("The target's environment", environment::DIRECTIVES),
    ("Secrets for the target", credentials::DIRECTIVES),
    ("Directories of the target's", directories::DIRECTIVES),
    ("What the target inherits besides", inherit::DIRECTIVES),
    ("Who the target runs as", users::DIRECTIVES),
    ("What privileges are left", capabilities::DIRECTIVES),
    ("The file system as a whole", filesystem::DIRECTIVES),
    ("Single paths", paths::DIRECTIVES),
    ("The file system in layers, and what surrounds it", overlays::DIRECTIVES),
    ("Devices and the process file system", devices::DIRECTIVES),
    ("What of the kernel can be changed or read", kernel::DIRECTIVES),
    ("Namespaces that the target gets, and that it cannot make", namespaces::DIRECTIVES),
    ("Namespaces that are there already", joins::DIRECTIVES),
    ("Labels of security modules", labels::DIRECTIVES),
    ("System calls, in systemd's words", syscalls::DIRECTIVES),
    ("Single dangers that a filter takes away", restrict::DIRECTIVES),
    ("System calls, in the kernel's words: the table [Seccomp]", seccomp::DIRECTIVES),
    ("System calls that somebody else answers: the table [Seccomp]", supervise::DIRECTIVES),
    ("System calls, in the words of container engines", profile::DIRECTIVES),
    ("Access by Landlock: the table [Landlock]", landlock::DIRECTIVES),
    ("Resource limits", limits::DIRECTIVES),
    ("Limits of all that the target starts", cgroup::DIRECTIVES),
    ("Scheduling", scheduling::DIRECTIVES),
];

/// Every directive, in the order of the manual.
pub fn all() -> impl Iterator<Item = &'static Directive> {
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter())
}

/// Every line of systemd's exposure table: those of the directives, and those that none of them is behind.
pub fn exposures() -> impl Iterator<Item = &'static Exposure> {
    all().flat_map(|row| row.exposure).chain(foreign::EXPOSURE)
}

/// The row of a directive.
pub fn find(name: &str) -> Option<&'static Directive> {
    all().find(|row| row.name == name)
}

/// What a policy says, every value validated.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Where each directive was written, in order.
    pub written: Vec<(&'static str, Origin)>,
    /// The target and the process that it runs in.
    pub process: process::Process,
    /// How long the target lives, and who lives beside it.
    pub life: life::Life,
    /// The target's environment.
    pub environment: environment::Environment,
    /// Secrets for the target.
    pub credentials: credentials::Credentials,
    /// Directories of the target's.
    pub directories: directories::Directories,
    /// What the target inherits besides.
    pub inherit: inherit::Inherit,
    /// Who the target runs as.
    pub users: users::Users,
    /// What privileges are left.
    pub capabilities: capabilities::Capabilities,
    /// The file system as a whole.
    pub filesystem: filesystem::Filesystem,
    /// Single paths.
    pub paths: paths::Paths,
    /// The file system in layers, and what surrounds it.
    pub overlays: overlays::Overlays,
    /// Devices and the process file system.
    pub devices: devices::Devices,
    /// What of the kernel can be changed or read.
    pub kernel: kernel::Kernel,
    /// Namespaces that the target gets, and that it cannot make.
    pub namespaces: namespaces::Namespaces,
    /// Namespaces that are there already.
    pub joins: joins::Joins,
    /// Labels of security modules.
    pub labels: labels::Labels,
    /// System calls, in systemd's words.
    pub syscalls: syscalls::Syscalls,
    /// Single dangers that a filter takes away.
    pub restrict: restrict::Restrict,
    /// System calls, in the kernel's words: the table `[Seccomp]`.
    pub seccomp: seccomp::Seccomp,
    /// Who answers the calls that the filter notifies of.
    pub supervise: supervise::Supervise,
    /// System calls, in the words of container engines.
    pub profile: profile::Choice,
    /// Access by Landlock: the table `[Landlock]`.
    pub landlock: landlock::Landlock,
    /// Resource limits.
    pub limits: limits::Limits,
    /// Limits of all that the target starts.
    pub cgroup: cgroup::Cgroup,
    /// Scheduling.
    pub scheduling: scheduling::Scheduling,
}

impl Policy {
    /// Gives every entry of the document its meaning.
    ///
    /// # Errors
    /// All the faults of the document, in order: unknown names, wrong types, wrong words.
    pub fn read(document: &Document) -> Result<Self, Vec<Fault>> {
        let mut policy = Self::default();
        let mut faults = Vec::new();
        for entry in &document.entries {
            let keyed = environment::keyed(entry);
            let entry = keyed.as_ref().unwrap_or(entry);
            match find(&entry.name) {
                // `[Seccomp]` with nothing in it, or only comments, says nothing.
                None if is_empty_table(entry) => {}
                None => faults.push(unknown::unknown(entry)),
                Some(row) => match (row.read)(&mut policy, &entry.value) {
                    Ok(()) => policy.written.push((row.name, entry.value.at.clone())),
                    Err(fault) => faults.extend(each(row, &entry.value, fault)),
                },
            }
        }
        users::imply(&mut policy);
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }

    /// Where a directive was written last.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.written.iter().rev().find(|(written, _)| *written == name).map(|(_, at)| at)
    }

    /// Asks every directive for what it demands.
    pub fn draft(&self) -> Draft {
        let mut draft = Draft::default();
        for row in all() {
            let by = By { directive: row.name, origin: self.origin(row.name).cloned() };
            (row.demand)(self, &mut Demands { draft: &mut draft, by });
        }
        draft
    }
}

/// A [`Draft`] that stamps who asked: no demand without a directive's name.
pub struct Demands<'a> {
    /// The draft so far.
    pub draft: &'a mut Draft,
    /// The directive that is asking, and where it was written last.
    pub by: By,
}

impl Demands<'_> {
    /// A request of the directive's, for the draft.
    pub fn asked<T>(&self, what: T) -> Asked<T> {
        Asked { what, by: self.by.clone() }
    }

    /// The directive that is asking, at one line of several.
    pub fn at(&self, origin: &Origin) -> By {
        By { directive: self.by.directive, origin: Some(origin.clone()) }
    }

    /// A wish about a path of the target's world, on behalf of the directive as a whole.
    pub fn view(&mut self, path: &str, view: View) {
        let what = MountAsk { path: path.into(), view, optional: false, rooted: true };
        self.draft.mounts.push(self.asked(what));
    }

    /// The same about a path that may be missing.
    pub fn view_if_there(&mut self, path: &str, view: View) {
        let what = MountAsk { path: path.into(), view, optional: true, rooted: true };
        self.draft.mounts.push(self.asked(what));
    }

    /// A layer that refuses these system calls (names or @groups) and lets everything else pass.
    pub fn deny(&mut self, calls: &[&'static str], action: Action) {
        let mut all = Vec::new();
        for word in calls {
            match groups::group(word) {
                Some(group) => all.extend(group.set().iter().map(Call::Known)),
                // A name that nobody knows makes the compiler refuse the filter.
                None => all.push(Call::parse(word)),
            }
        }
        let rule = Rule { calls: all, when: Vec::new(), action, by: self.by.clone(), on: Vec::new() };
        self.draft.layers.push(layer::layer(&self.by, vec![rule]).into());
    }

    /// Takes capabilities away from the bounding set.
    pub fn drop(&mut self, capabilities: &[Capability]) {
        let what = capabilities.iter().fold(CapSet::EMPTY, |set, cap| set.with(*cap));
        self.draft.dropped.push(self.asked(what));
    }

    /// Asks for a namespace.
    pub fn namespace(&mut self, what: Namespace) {
        self.draft.namespaces.push(self.asked(what));
    }
}

/// The faults of all the elements of a list, where the whole list has told its first one only.
fn each(row: &Directive, value: &Value, first: Fault) -> Vec<Fault> {
    let Kind::List(elements) = &value.kind else { return vec![first] };
    let alone = |element: &Value| {
        let value = Value { kind: Kind::List(vec![element.clone()]), at: element.at.clone() };
        (row.read)(&mut Policy::default(), &value).err()
    };
    let faults: Vec<Fault> = elements.iter().filter_map(alone).collect();
    // A fault that only the list as a whole has.
    if faults.contains(&first) { faults } else { vec![first] }
}

/// Whether the entry is a table that directives are in, with nothing in it.
fn is_empty_table(entry: &Entry) -> bool {
    let table = |name: &str| name.split_once('.').is_some_and(|(table, _)| table == entry.name);
    matches!(&entry.value.kind, Kind::Table(inner) if inner.is_empty()) && all().any(|row| table(row.name))
}
