//! systemd's directives: each is switched on where nothing was seen that it takes away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::draft::capabilities::CapSet;
use crate::learn::observed::{Act, Observed, Part, Use};
use crate::policy::form::addresses;

use super::base::Base;
use super::files::{Files, touches};
use super::paths::{item, why};
use super::{calls, comment, names, risk, times};

/// What is asked of the observation again and again.
struct Facts<'a> {
    seen: &'a Observed,
    calls: BTreeMap<String, u64>,
    base: &'a Base,
    out: &'a mut String,
    /// Directives that the base has on, and that are switched off.
    denied: &'a mut Vec<String>,
}

/// One switch: the directive, what would need it off, and the reason then.
type Switch = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Directives that are on unless one of these calls was made, or something was done below one of these places.
const SWITCHES: &[Switch] = &[
    ("ProtectKernelModules", &["init_module", "finit_module", "delete_module"], &["/usr/lib/modules", "/lib/modules"]),
    ("ProtectKernelLogs", &["syslog"], &["/dev/kmsg", "/proc/kmsg"]),
    (
        "ProtectClock",
        &["settimeofday", "clock_settime", "clock_settime64", "stime", "adjtimex", "clock_adjtime", "clock_adjtime64"],
        &["/dev/rtc", "/dev/rtc0"],
    ),
    ("ProtectHostname", &["sethostname", "setdomainname"], &[]),
    ("PrivateIPC", &["shmget", "shmat", "semget", "msgget", "mq_open"], &["/dev/mqueue"]),
];

/// Directives that are on unless an argument asked for what they refuse.
const ACTS: [(&str, Act, &str); 5] = [
    (
        "MemoryDenyWriteExecute",
        Act::WriteExecute,
        "memory was made executable after it could be written (a just-in-time compiler)",
    ),
    ("RestrictNamespaces", Act::Namespace, "namespaces were made or entered, which open much of the kernel"),
    ("RestrictRealtime", Act::Realtime, "a real-time scheduling policy was set, which can starve everything else"),
    ("LockPersonality", Act::Personality, "another personality was asked for, which can turn protections off"),
    (
        "RestrictSUIDSGID",
        Act::SetId,
        "files with the set-user-ID or set-group-ID bit were made, which give privileges away",
    ),
];

/// What PrivateDevices= leaves.
const DEVICES: &[&str] = &[
    "/dev",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/pts",
    "/dev/ptmx",
    "/dev/shm",
    "/dev/log",
    "/dev/fd",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/stderr",
];

/// Writes them.
pub(super) fn write(
    seen: &Observed,
    files: &Files,
    base: &Base,
    out: &mut String,
    denied: &mut Vec<String>,
) -> std::fmt::Result {
    let (calls, _) = calls::names(seen);
    let mut facts = Facts { seen, calls, base, out, denied };
    writeln!(facts.out, "\n# Privileges.\nNoNewPrivileges = true")?;
    facts.capabilities()?;
    facts.acts()?;
    writeln!(facts.out, "\n# The kernel.")?;
    facts.switches()?;
    writeln!(facts.out, "\n# The network.")?;
    facts.network()?;
    writeln!(facts.out, "\n# Files. What can be read and written at all is said by [Landlock].")?;
    facts.files(files)
}

impl Facts<'_> {
    fn unknown(&self, part: Part) -> bool {
        self.seen.unknown.contains(&part)
    }

    /// A line of a directive that is not known to be harmless.
    fn left_out(&mut self, line: &str, why: &str) -> std::fmt::Result {
        writeln!(self.out, "# {why}\n#{line}")
    }

    /// A line of a directive that takes away what was used.
    fn needed(&mut self, line: &str, why: &str) -> std::fmt::Result {
        let name = line.split(' ').next().unwrap_or(line);
        if !self.base.has_on(name) {
            return self.left_out(line, why);
        }
        self.denied.push(name.to_owned());
        writeln!(self.out, "{name} = false  # Although {} has it on. {why}", self.base.name())
    }

    fn capabilities(&mut self) -> std::fmt::Result {
        if self.unknown(Part::Capabilities) {
            let why = "Which capabilities were used could not be seen.";
            return self.left_out("CapabilityBoundingSet = []", why);
        }
        let mut granted = Vec::new();
        let mut refused = Vec::new();
        for (number, count) in &self.seen.capabilities {
            for name in CapSet(1_u64.checked_shl((*number).into()).unwrap_or(0)).names() {
                match risk::capability(&name) {
                    Some(why) => refused.push((name, *count, why)),
                    None => granted.push((name, *count)),
                }
            }
        }
        if granted.is_empty() && refused.is_empty() {
            return writeln!(self.out, "CapabilityBoundingSet = []  # None was used.");
        }
        writeln!(self.out, "CapabilityBoundingSet = [")?;
        for (name, count) in granted {
            writeln!(self.out, "    \"{name}\",  # {}", times(count))?;
        }
        for (name, count, why) in refused {
            writeln!(self.out, "    # Used {}, and not allowed: it {why}.\n    #\"{name}\",", times(count))?;
        }
        writeln!(self.out, "]")
    }

    fn acts(&mut self) -> std::fmt::Result {
        for (name, act, why) in ACTS {
            let line = format!("{name} = true");
            if self.unknown(Part::Acts) {
                self.left_out(&line, "The arguments of calls could not be seen.")?;
            } else if let Some(count) = self.seen.acts.get(&act) {
                // Compilers at run time are common and harmless beside the others.
                let dangerous = !matches!(act, Act::WriteExecute);
                if dangerous {
                    writeln!(self.out, "{line}  # Although {}, {why}.", times(*count))?;
                } else {
                    self.needed(&line, &format!("{}: {why}.", times(*count)))?;
                }
            } else {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    fn switches(&mut self) -> std::fmt::Result {
        for (name, calls, places) in SWITCHES {
            let line = format!("{name} = true");
            let call = calls.iter().find(|call| self.calls.contains_key(**call) && risk::call(call).is_none());
            let place = places.iter().find(|place| touches(self.seen, place));
            match (call, place) {
                (Some(call), _) => self.needed(&line, &format!("{call} was called."))?,
                (None, Some(place)) => self.needed(&line, &format!("{place} was used."))?,
                (None, None) if self.unknown(Part::Paths) && !places.is_empty() => {
                    self.left_out(&line, "Not all files that were used could be seen.")?;
                }
                (None, None) => writeln!(self.out, "{line}")?,
            }
        }
        for line in ["ProtectKernelTunables = true", "ProtectControlGroups = true"] {
            if self.unknown(Part::Paths) {
                self.left_out(line, "Not all files that were used could be seen.")?;
            } else {
                // Writing there is refused by [Landlock] already.
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    fn network(&mut self) -> std::fmt::Result {
        if self.unknown(Part::Sockets) {
            self.left_out("PrivateNetwork = true", "Not all sockets could be seen.")?;
            return self.left_out("RestrictAddressFamilies = \"none\"", "Not all sockets could be seen.");
        }
        let mut known: BTreeMap<i32, u64> = BTreeMap::new();
        for ((family, ..), count) in &self.seen.sockets {
            *known.entry(*family).or_default() += count;
        }
        let outside = |family: &&i32| ![libc::AF_UNIX, libc::AF_NETLINK].contains(family);
        if let Some(family) = known.keys().find(outside) {
            let name = addresses::name(*family).unwrap_or("another family");
            self.needed("PrivateNetwork = true", &format!("{name} was used."))?;
        } else if !self.seen.abstracts.is_empty() {
            // Their names belong to the network namespace (unix(7)).
            self.needed("PrivateNetwork = true", "Abstract sockets of others were connected to.")?;
        } else {
            writeln!(self.out, "PrivateNetwork = true")?;
        }
        if known.is_empty() {
            return writeln!(self.out, "RestrictAddressFamilies = \"none\"  # No socket was made.");
        }
        writeln!(self.out, "RestrictAddressFamilies = [")?;
        for (family, count) in known {
            match addresses::name(family) {
                Some(name) => writeln!(self.out, "    \"{name}\",  # {}", times(count))?,
                None => writeln!(self.out, "    # Not allowed: family {family}, which has no name.")?,
            }
        }
        writeln!(self.out, "]")
    }

    fn files(&mut self, files: &Files) -> std::fmt::Result {
        if self.unknown(Part::Paths) {
            let why = "Not all files that were used could be seen.";
            for line in
                ["ProtectSystem = \"strict\"", "ProtectHome = \"tmpfs\"", "PrivateTmp = true", "PrivateDevices = true"]
            {
                self.left_out(line, why)?;
            }
            return Ok(());
        }
        writeln!(self.out, "ProtectSystem = \"strict\"")?;
        let home = ["%h", "%t", "/home", "/root", "/run/user"].into_iter().find(|place| touches(self.seen, place));
        match home {
            None => writeln!(self.out, "ProtectHome = \"tmpfs\"")?,
            Some(place) => self.needed("ProtectHome = \"tmpfs\"", &format!("{place} was used."))?,
        }
        let given = self.given();
        match &given {
            None => writeln!(self.out, "PrivateTmp = true")?,
            Some(path) => self.needed("PrivateTmp = true", &format!("{path} was there before."))?,
        }
        match self.device() {
            None => writeln!(self.out, "PrivateDevices = true")?,
            Some(device) => self.needed("PrivateDevices = true", &format!("{device} was used."))?,
        }
        let writable = |path: &str| files.needs.get(path).is_some_and(|need| need.rights.write);
        if writable(".") && self.base.binds.iter().any(|path| path == ".") {
            self.unbind()?;
        } else if home.is_none() || given.is_none() {
            let key = if writable(".") { "BindPaths" } else { "BindReadOnlyPaths" };
            writeln!(
                self.out,
                "{key} = [\".\"]  # The start directory, also where the others in its place are hidden."
            )?;
        }
        self.writable(files, given.is_none())?;
        self.sockets(files)
    }

    /// The start directory is writable, and read-only for the base, whose other directories stay that.
    fn unbind(&mut self) -> std::fmt::Result {
        self.denied.push("BindReadOnlyPaths".to_owned());
        let others: Vec<String> =
            self.base.binds.iter().filter(|path| *path != ".").map(|path| super::quoted(path)).collect();
        writeln!(self.out, "# Files are changed in the start directory, which {} has there.", self.base.name())?;
        writeln!(self.out, "BindReadOnlyPaths = []")?;
        writeln!(self.out, "BindPaths = [{}]", [&[String::from("\".\"")], others.as_slice()].concat().join(", "))?;
        if others.is_empty() { Ok(()) } else { writeln!(self.out, "ReadOnlyPaths = [{}]", others.join(", ")) }
    }

    /// Something in a directory for temporary files that the program has not made.
    fn given(&self) -> Option<String> {
        let mut paths = self.seen.paths.iter().filter(|(_, uses)| uses.times.keys().any(|kind| *kind != Use::Look));
        let found = paths.find(|(path, uses)| {
            let path = path.to_string_lossy();
            let many = uses.below && !uses.times.contains_key(&Use::Create);
            path.starts_with("/tmp/") || path.starts_with("/var/tmp/") || many && ["/tmp", "/var/tmp"].contains(&&*path)
        });
        found.map(|(path, _)| comment(&path.to_string_lossy()))
    }

    /// A device that PrivateDevices= takes away.
    fn device(&self) -> Option<String> {
        let used = |uses: &crate::learn::observed::Uses| uses.times.keys().any(|kind| *kind != Use::Look);
        let mut paths = self.seen.paths.iter().filter(|(_, uses)| used(uses)).map(|(path, _)| path.to_string_lossy());
        let mut devices = paths.by_ref().filter(|path| path.starts_with("/dev/"));
        devices.find(|path| !DEVICES.contains(&&**path) && !path.starts_with("/dev/shm/")).map(|path| comment(&path))
    }

    fn writable(&mut self, files: &Files, private: bool) -> std::fmt::Result {
        let places: Vec<_> = files
            .needs
            .iter()
            .filter(|(path, need)| need.rights.write && !need.rights.execute && is_protected(path, private))
            .collect();
        if places.is_empty() {
            // Nothing that anybody else sees is made.
            return writeln!(self.out, "UMask = \"0077\"");
        }
        writeln!(self.out, "ReadWritePaths = [")?;
        for (path, need) in places {
            writeln!(self.out, "    {},  # {}", item(path), why(need))?;
        }
        writeln!(self.out, "]")
    }

    /// Sockets whose owners do too much: hidden, whether they were used or not.
    fn sockets(&mut self, files: &Files) -> std::fmt::Result {
        let uses_unix = self.seen.sockets.keys().any(|(family, ..)| *family == libc::AF_UNIX);
        if !uses_unix {
            return Ok(());
        }
        let refused: BTreeSet<&str> =
            files.refused.iter().filter(|one| one.kind == Use::Connect).map(|one| one.path.as_str()).collect();
        writeln!(self.out, "# Landlock does not keep programs from sockets. These act for whoever connects to them.")?;
        writeln!(self.out, "InaccessiblePaths = [")?;
        for (socket, why) in risk::SOCKETS.iter().filter(|(socket, _)| !socket.starts_with("%t")) {
            writeln!(self.out, "    {},  # {why}", item(socket))?;
        }
        writeln!(self.out, "]")?;
        for one in files.refused.iter().filter(|one| one.kind == Use::Connect && refused.contains(one.path.as_str())) {
            let (count, by) = (times(one.times), names(&one.by));
            writeln!(
                self.out,
                "# Not allowed: {} was connected to, {count} by {by}; it {}.",
                comment(&one.path),
                one.why
            )?;
        }
        Ok(())
    }
}

/// Whether ProtectSystem=strict makes it read-only.
fn is_protected(path: &str, private: bool) -> bool {
    let elsewhere = ["/dev", "/proc", "/sys"].iter().any(|one| path == *one || path.starts_with(&format!("{one}/")));
    let temporary = ["/tmp", "/var/tmp"].contains(&path) && private;
    !elsewhere && !temporary
}
