//! What a unit says, as systemd 252 reads it: wrong values are ignored there, and most lists add up.

use std::collections::BTreeSet;

use caps::Capability;

use crate::draft::arch::Arch;
use crate::draft::calls::{Id, Set};
use crate::draft::capabilities::CapSet;
use crate::draft::groups;
use crate::draft::namespaces::Namespace;
use crate::policy::form::addresses;

use super::network::Network;
use super::table::Test;

/// One assignment of a unit, after drop-ins: section, key and value, blanks around them taken away.
pub type Assignment<'a> = (&'a str, &'a str, &'a str);

/// The kinds of sockets that the score tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// AF_UNIX.
    Unix,
    /// AF_NETLINK.
    Netlink,
    /// AF_PACKET.
    Packet,
    /// Everything else.
    Other,
}

/// Everything in a unit that the score depends on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Settings of two states that are as they should be.
    good: BTreeSet<&'static str>,
    /// `DefaultDependencies=` of `[Unit]`.
    default_dependencies: bool,
    user: String,
    dynamic: bool,
    groups: bool,
    /// Badness of `ProtectHome=`, `ProtectSystem=` and `ProtectProc=`.
    pub(super) home: u32,
    pub(super) system: u32,
    pub(super) proc: u32,
    umask: u32,
    bounding: CapSet,
    ambient: CapSet,
    /// Namespaces that can be made; nothing before the first line.
    namespaces: Option<u32>,
    families: Option<List<u32>>,
    filter: Option<List<Id>>,
    abis: BTreeSet<String>,
    /// Badness of `IPAddressDeny=` and `DeviceAllow=`.
    pub(super) addresses: u32,
    pub(super) devices: u32,
    network: Network,
    closed: Option<bool>,
    nodes: bool,
}

/// A list of what is allowed, or of what is not.
#[derive(Clone, Debug)]
struct List<T> {
    allow: bool,
    items: BTreeSet<T>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            good: BTreeSet::from(["KeyringMode", "NotifyAccess", "Delegate"]),
            default_dependencies: true,
            user: String::new(),
            dynamic: false,
            groups: false,
            home: 10,
            system: 10,
            proc: 3,
            umask: 0o022,
            bounding: CapSet::EVERY,
            ambient: CapSet::EMPTY,
            namespaces: None,
            families: None,
            filter: None,
            abis: BTreeSet::new(),
            addresses: 10,
            devices: 10,
            network: Network::default(),
            closed: None,
            nodes: false,
        }
    }
}

/// Settings that are on or off, and better on.
const SWITCHES: &[&str] = &[
    "PrivateDevices",
    "PrivateMounts",
    "PrivateNetwork",
    "PrivateTmp",
    "PrivateUsers",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectHostname",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "NoNewPrivileges",
    "RemoveIPC",
    "RestrictRealtime",
    "RestrictSUIDSGID",
];

impl Settings {
    /// Reads a unit's assignments in order.
    pub fn read<'a>(lines: impl IntoIterator<Item = Assignment<'a>>) -> Self {
        let mut unit = Self::default();
        for (section, key, value) in lines {
            match section {
                "Unit" if key == "DefaultDependencies" => {
                    unit.default_dependencies = boolean(value).unwrap_or(unit.default_dependencies);
                }
                "Service" => unit.line(key, value),
                _ => {}
            }
        }
        unit.imply();
        unit
    }

    fn line(&mut self, key: &str, value: &str) {
        if let Some(name) = SWITCHES.iter().find(|name| **name == key) {
            if let Some(on) = boolean(value) {
                self.set(name, on);
            }
            return;
        }
        match key {
            "User" => value.clone_into(&mut self.user),
            "DynamicUser" => self.dynamic = boolean(value).unwrap_or(self.dynamic),
            "SupplementaryGroups" => self.groups = !value.is_empty(),
            "ProtectHome" => {
                let words = [("no", 10), ("read-only", 5), ("tmpfs", 1), ("yes", 0)];
                self.home = chosen(value, &words).unwrap_or(self.home);
            }
            "ProtectSystem" => {
                let words = [("no", 10), ("yes", 5), ("full", 3), ("strict", 0)];
                self.system = chosen(value, &words).unwrap_or(self.system);
            }
            "ProtectProc" => {
                let words = [("default", 3), ("noaccess", 1), ("invisible", 0), ("ptraceable", 0)];
                self.proc = word(value, &words).unwrap_or(self.proc);
            }
            "ProcSubset" => self.choose("ProcSubset", word(value, &[("all", false), ("pid", true)])),
            "KeyringMode" => {
                let words = [("inherit", false), ("private", true), ("shared", false)];
                self.choose("KeyringMode", word(value, &words));
            }
            "NotifyAccess" => {
                let words = [("none", true), ("main", true), ("exec", true), ("all", false)];
                self.choose("NotifyAccess", word(value, &words));
            }
            "Delegate" => self.set("Delegate", boolean(value) == Some(false)),
            "RootDirectory" | "RootImage" => self.set("RootDirectoryOrRootImage", !value.is_empty()),
            "UMask" => {
                let octal = !value.is_empty() && value.bytes().all(|c| (b'0'..=b'7').contains(&c));
                let mode = u32::from_str_radix(value, 8).ok().filter(|mode| octal && *mode <= 0o7777);
                self.umask = mode.unwrap_or(self.umask);
            }
            "CapabilityBoundingSet" => self.bounding = capabilities(self.bounding, CapSet::EVERY, value),
            "AmbientCapabilities" => self.ambient = capabilities(self.ambient, CapSet::EMPTY, value),
            "RestrictNamespaces" => self.restrict_namespaces(value),
            "RestrictAddressFamilies" => self.restrict_families(value),
            "SystemCallFilter" => self.filter_calls(value),
            "SystemCallArchitectures" if value.is_empty() => self.abis.clear(),
            "SystemCallArchitectures" => self.abis.extend(value.split_ascii_whitespace().map(str::to_owned)),
            "IPAddressDeny" | "IPAddressAllow" | "IPIngressFilterPath" | "IPEgressFilterPath" => {
                self.network.line(key, value);
            }
            "DevicePolicy" => {
                let words = [("auto", None), ("closed", Some(true)), ("strict", Some(true))];
                self.closed = word(value, &words).unwrap_or(self.closed);
            }
            "DeviceAllow" if value.is_empty() => self.nodes = false,
            "DeviceAllow" => {
                let node = value.trim_start_matches('-');
                self.nodes |= ["/dev/", "/run/systemd/inaccessible/", "char-", "block-"]
                    .iter()
                    .any(|start| node.starts_with(start));
            }
            _ => {}
        }
    }

    /// What settings bring along, and what they come to.
    fn imply(&mut self) {
        if self.dynamic {
            for name in ["PrivateTmp", "RemoveIPC", "NoNewPrivileges", "RestrictSUIDSGID"] {
                self.good.insert(name);
            }
            self.system = 0;
            self.home = if self.home == 10 { 5 } else { self.home };
        }
        let taken: [(&str, &[Capability]); 4] = [
            ("PrivateDevices", &[Capability::CAP_MKNOD, Capability::CAP_SYS_RAWIO]),
            ("ProtectKernelModules", &[Capability::CAP_SYS_MODULE]),
            ("ProtectKernelLogs", &[Capability::CAP_SYSLOG]),
            ("ProtectClock", &[Capability::CAP_SYS_TIME, Capability::CAP_WAKE_ALARM]),
        ];
        for (name, capabilities) in taken {
            if self.is(name) {
                let set = capabilities.iter().fold(CapSet::EMPTY, |set, cap| set.with(*cap));
                self.bounding = self.bounding.without(set);
            }
        }
        self.set("AmbientCapabilities", self.ambient.is_empty());
        self.addresses = self.network.badness();
        let closed = self.closed.unwrap_or_else(|| self.is("PrivateDevices"));
        // ProtectClock= lets the hardware clock be read.
        self.devices = match (closed, self.nodes || self.is("ProtectClock")) {
            (false, _) => 10,
            (true, true) => 5,
            (true, false) => 0,
        };
    }

    fn set(&mut self, name: &'static str, good: bool) {
        if good {
            self.good.insert(name);
        } else {
            self.good.remove(name);
        }
    }

    fn choose(&mut self, name: &'static str, good: Option<bool>) {
        if let Some(good) = good {
            self.set(name, good);
        }
    }

    /// Whether a setting of two states is as it should be.
    pub(super) fn is(&self, name: &str) -> bool {
        self.good.contains(name)
    }

    /// A badness that does not count in the early boot.
    pub(super) fn late(&self, badness: u32) -> Option<u32> {
        self.default_dependencies.then_some(badness)
    }

    /// Whether the service runs with all privileges.
    pub(super) fn is_root(&self) -> bool {
        matches!(self.user.as_str(), "root" | "0") || !self.dynamic && self.user.is_empty()
    }

    pub(super) fn user_badness(&self) -> u32 {
        match self.user.as_str() {
            "nobody" => 9,
            _ if self.is_root() => 10,
            _ => 0,
        }
    }

    pub(super) fn further_groups(&self) -> Option<u32> {
        (!self.is_root()).then(|| u32::from(self.groups))
    }

    pub(super) fn umask_badness(&self) -> u32 {
        let weights = [(0o002, 10), (0o004, 5), (0o020, 2), (0o040, 1)];
        weights.iter().find(|(bit, _)| self.umask & bit == 0).map_or(0, |(_, badness)| *badness)
    }

    pub(super) fn architectures(&self) -> u32 {
        match (self.abis.len(), self.abis.contains("native")) {
            (0, _) => 10,
            (1, true) => 0,
            _ => 8,
        }
    }

    /// How bad the unit is by one line of the table.
    pub(super) fn badness(&self, id: &str, test: &Test) -> Option<u32> {
        match test {
            Test::Off => Some(u32::from(!self.is(id))),
            Test::OffLate => self.late(u32::from(!self.is(id))),
            Test::Left(all) => Some(u32::from(all.iter().any(|cap| self.bounding.has(*cap)))),
            Test::Makes(kind) => Some(u32::from(self.namespaces.is_none_or(|allowed| allowed & kind.flag() != 0))),
            Test::Opens(family) => Some(u32::from(self.opens(*family))),
            Test::Calls(group) => Some(self.reaches(group)),
            Test::Other(test) => test(self),
        }
    }

    fn restrict_namespaces(&mut self, value: &str) {
        let every = Namespace::ALL.iter().fold(0, |set, kind| set | kind.flag());
        if value.is_empty() {
            self.namespaces = None;
            return;
        }
        if let Some(on) = boolean(value) {
            self.namespaces = Some(if on { 0 } else { every });
            return;
        }
        let (invert, words) = inverted(value);
        let mut listed = 0;
        for word in words.split_ascii_whitespace() {
            // A word that is not known spoils the line.
            let Some(kind) = Namespace::ALL.iter().find(|kind| kind.word() == word) else { return };
            listed |= kind.flag();
        }
        let all = every;
        self.namespaces = Some(match (self.namespaces.filter(|allowed| *allowed != all), invert) {
            (None, true) => all & !listed,
            (None, false) => listed,
            (Some(before), true) => before & !listed,
            (Some(before), false) => before | listed,
        });
    }

    fn restrict_families(&mut self, value: &str) {
        if value.is_empty() {
            self.families = None;
            return;
        }
        if value == "none" {
            self.families = Some(List { allow: true, items: BTreeSet::new() });
            return;
        }
        let (invert, words) = inverted(value);
        let list = self.families.get_or_insert_with(|| List { allow: !invert, items: BTreeSet::new() });
        // After `none` the next list begins anew.
        if list.allow && list.items.is_empty() {
            list.allow = !invert;
        }
        for number in words.split_ascii_whitespace().filter_map(addresses::number) {
            if list.allow == invert {
                list.items.remove(&number);
            } else {
                list.items.insert(number);
            }
        }
    }

    /// systemd takes a list of refused families that has one of two for one that has both.
    fn opens(&self, family: Family) -> bool {
        let Some(list) = &self.families else { return true };
        let of = |number: &u32| match number {
            2 | 10 => Family::Inet,
            1 => Family::Unix,
            16 => Family::Netlink,
            17 => Family::Packet,
            _ => Family::Other,
        };
        list.items.iter().any(|number| of(number) == family) == list.allow
    }

    fn filter_calls(&mut self, value: &str) {
        if value.is_empty() {
            self.filter = None;
            return;
        }
        let (invert, words) = inverted(value);
        let list = self.filter.get_or_insert_with(|| {
            let base = if invert { Set::EMPTY } else { group("@default").unwrap_or(Set::EMPTY) };
            List { allow: !invert, items: base.iter().collect() }
        });
        for word in words.split_ascii_whitespace() {
            let (name, answer) = word.split_once(':').map_or((word, false), |(name, _)| (name, true));
            // What is allowed cannot have an error number.
            if answer && !invert {
                continue;
            }
            let calls: Vec<Id> = match group(name) {
                Some(set) => set.iter().collect(),
                None => Id::named(name).into_iter().collect(),
            };
            for call in calls {
                if list.allow == invert {
                    list.items.remove(&call);
                } else {
                    list.items.insert(call);
                }
            }
        }
    }

    /// 10 without a filter and where a list of refused calls lacks one of the group, 9 where a list of allowed ones has one.
    fn reaches(&self, name: &str) -> u32 {
        let Some(list) = self.filter.as_ref().filter(|list| list.allow || !list.items.is_empty()) else { return 10 };
        let mut members = group(name).unwrap_or(Set::EMPTY);
        if let Some(newer) = Id::named("open_tree_attr") {
            let mut single = Set::EMPTY;
            single.insert(newer);
            members.remove(&single);
        }
        let native = |id: &Id| id.number(Arch::native()).is_some();
        let open = members.iter().filter(native).any(|id| list.items.contains(&id) == list.allow);
        match (open, list.allow) {
            (false, _) => 0,
            (true, true) => 9,
            (true, false) => 10,
        }
    }
}

/// The calls of a group of systemd 252's, which had open_tree in another group than 262.
fn group(name: &str) -> Option<Set> {
    let mut set = *groups::group(name)?.set();
    let mut moved = Set::EMPTY;
    moved.insert(Id::named("open_tree")?);
    match name {
        "@mount" => set.add(&moved),
        "@file-system" | "@system-service" => set.remove(&moved),
        _ => {}
    }
    Some(set)
}

/// One more line of a set of capabilities: it replaces what was there before any, or when it names none.
fn capabilities(before: CapSet, initial: CapSet, value: &str) -> CapSet {
    let (invert, words) = inverted(value);
    let named = |word: &str| match word.parse::<u8>() {
        Ok(number) => (number < 41).then_some(CapSet(1 << number)),
        Err(_) => word.to_ascii_uppercase().parse().ok().map(|cap: Capability| CapSet::EMPTY.with(cap)),
    };
    let sum = words.split_ascii_whitespace().filter_map(named).fold(CapSet::EMPTY, CapSet::union);
    match (sum.is_empty() || before == initial, invert) {
        (true, true) => sum.complement(),
        (true, false) => sum,
        (false, true) => before.without(sum),
        (false, false) => before.union(sum),
    }
}

fn inverted(value: &str) -> (bool, &str) {
    value.strip_prefix('~').map_or((false, value), |rest| (true, rest))
}

/// systemd's booleans.
fn boolean(value: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is(&["1", "yes", "y", "true", "t", "on"]) {
        Some(true)
    } else if is(&["0", "no", "n", "false", "f", "off"]) {
        Some(false)
    } else {
        None
    }
}

fn word<T: Copy>(value: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| *word == value).map(|(_, what)| *what)
}

/// A word, or a boolean for one of `yes` and `no`.
fn chosen(value: &str, words: &[(&str, u32)]) -> Option<u32> {
    let value = boolean(value).map_or(value, |on| if on { "yes" } else { "no" });
    word(value, words)
}
