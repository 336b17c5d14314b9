//! `[Landlock]`.

use std::fmt::Write;

use crate::learn::observed::{Act, Observed, Part, Reach};

use super::files::{Files, Need, Refused, Rights};
use super::{comment, names, quoted, times};

/// What the loader and the C library read before and beside a program's own work, whichever version they are.
const EVERY: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/locale.alias",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
];

/// And for names of hosts.
const NAMES: &[&str] =
    &["/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols"];

/// The loaders, which are executed with every program that is not static.
const LOADERS: &[&str] = &[
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-riscv64-lp64d.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// How many ports are named; more than these were picked by chance.
const PORTS: usize = 12;

/// From here on the kernel picks ports itself (`ip_local_port_range` of ip(7)).
const EPHEMERAL: u16 = 32768;

/// Writes the table.
pub(super) fn write(seen: &Observed, files: &Files, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n[Landlock]")?;
    if seen.unknown.contains(&Part::Paths) {
        writeln!(out, "# Not all files that were used could be seen, so that none is refused.")?;
    } else {
        keys(seen, files, out)?;
    }
    network(seen, out)?;
    scope(seen, out)
}

/// Whether this table refuses anything by path.
pub(super) fn confined(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("Read") || line.starts_with("Rules"))
}

/// Which processes outside can be reached.
fn scope(seen: &Observed, out: &mut String) -> std::fmt::Result {
    let mut words = Vec::new();
    if seen.unknown.contains(&Part::Sockets) {
        writeln!(out, "# Not all sockets could be seen, so that abstract ones of others are not refused.")?;
    } else if seen.abstracts.is_empty() {
        words.push("\"abstract-unix-socket\"");
    } else {
        let list: Vec<String> = seen
            .abstracts
            .iter()
            .take(4)
            .map(|(name, count)| format!("@{} ({})", comment(name), times(*count)))
            .collect();
        writeln!(out, "# Abstract sockets of others were connected to, and so none is refused: {}", list.join(", "))?;
    }
    if seen.unknown.contains(&Part::Acts) {
        writeln!(out, "# The arguments of calls could not be seen, so that no signal is refused.")?;
    } else if let Some(count) = seen.acts.get(&Act::Signal) {
        writeln!(
            out,
            "# Signals were sent to processes that it had not started, {}, and so none is refused.",
            times(*count)
        )?;
    } else {
        words.push("\"signal\"");
    }
    if words.is_empty() { Ok(()) } else { writeln!(out, "Scope = [{}]", words.join(", ")) }
}

fn keys(seen: &Observed, files: &Files, out: &mut String) -> std::fmt::Result {
    let wants = |need: &Need| (need.rights.write, need.rights.execute);
    let of = |write: bool, execute: bool| {
        files.needs.iter().filter(move |(_, need)| {
            let list_only = need.rights == Rights { list: true, ..Rights::default() };
            wants(need) == (write, execute) && !list_only
        })
    };
    writeln!(out, "Read = [")?;
    writeln!(out, "    # The system, and what the loader and the C library read, whichever version they are.")?;
    let mut system: Vec<&str> = EVERY.to_vec();
    if seen.sockets.keys().any(|(family, ..)| [libc::AF_INET, libc::AF_INET6].contains(family)) {
        system.extend(NAMES);
    }
    let list: Vec<String> = system.iter().map(|path| format!("\"-{path}\"")).collect();
    writeln!(out, "    \"/usr\", {},", list.join(", "))?;
    lines(of(false, false).filter(|(path, _)| !system.contains(&path.as_str()) && *path != "/usr"), out)?;
    refused(files, Rights { read: true, ..Rights::default() }, out)?;
    writeln!(out, "]")?;
    writeln!(out, "ReadExecute = [")?;
    writeln!(out, "    # The loaders of programs.")?;
    let list: Vec<String> = LOADERS.iter().map(|path| format!("\"-{path}\"")).collect();
    writeln!(out, "    {},", list.join(", "))?;
    lines(of(false, true), out)?;
    refused(files, Rights { execute: true, ..Rights::default() }, out)?;
    writeln!(out, "]")?;
    if of(true, false).next().is_some() || refused_any(files, true) {
        writeln!(out, "ReadWrite = [")?;
        lines(of(true, false), out)?;
        refused(files, Rights { write: true, ..Rights::default() }, out)?;
        writeln!(out, "]")?;
    }
    let both: Vec<_> = of(true, true).collect();
    if !both.is_empty() {
        writeln!(out, "# Not allowed: what can be written there can be executed.\n#ReadWriteExecute = [")?;
        for (path, need) in both {
            writeln!(out, "#    {},  # {}", item(path), why(need))?;
        }
        writeln!(out, "#]")?;
    }
    let listed: Vec<_> =
        files.needs.iter().filter(|(_, need)| need.rights.list && !need.rights.read && !need.rights.write).collect();
    if !listed.is_empty() {
        writeln!(out, "# Listed only: names can be read there, and no files.")?;
        writeln!(out, "Rules = [{{ Paths = [")?;
        lines(listed.into_iter(), out)?;
        writeln!(out, "], Rights = [\"read-dir\"] }}]")?;
    }
    Ok(())
}

fn lines<'a>(needs: impl Iterator<Item = (&'a String, &'a Need)>, out: &mut String) -> std::fmt::Result {
    for (path, need) in needs {
        writeln!(out, "    {},  # {}", item(path), why(need))?;
    }
    Ok(())
}

/// A path that may be missing elsewhere.
pub(super) fn item(path: &str) -> String {
    quoted(&format!("-{path}"))
}

/// `12 times by sort`.
pub(super) fn why(need: &Need) -> String {
    let paths = if need.paths > 1 { format!("{} paths, ", need.paths) } else { String::new() };
    format!("{paths}{} by {}", times(need.times), names(&need.by))
}

fn kind_of(refused: &Refused) -> Rights {
    use crate::learn::observed::Use;
    let none = Rights::default();
    match refused.kind {
        Use::Read | Use::List => Rights { read: true, ..none },
        Use::Execute => Rights { execute: true, ..none },
        Use::Write | Use::Create | Use::Remove => Rights { write: true, ..none },
        Use::Look | Use::Connect => none,
    }
}

fn refused_any(files: &Files, write: bool) -> bool {
    files.refused.iter().any(|one| kind_of(one).write == write && write)
}

fn refused(files: &Files, rights: Rights, out: &mut String) -> std::fmt::Result {
    for one in files.refused.iter().filter(|one| kind_of(one) == rights) {
        let done = crate::learn::record::word(one.kind);
        let reason = if one.why.starts_with("was ") || one.why.starts_with("would ") {
            format!("it {}", one.why)
        } else {
            one.why.to_owned()
        };
        writeln!(out, "    # Not allowed ({done}, {} by {}): {reason}.", times(one.times), names(&one.by))?;
        writeln!(out, "    #{},", item(&comment(&one.path)))?;
    }
    Ok(())
}

fn network(seen: &Observed, out: &mut String) -> std::fmt::Result {
    if seen.unknown.contains(&Part::Sockets) {
        return Ok(());
    }
    // Where only datagrams were sent, no connection is to be made.
    if !seen.sockets.keys().any(|(family, ..)| [libc::AF_INET, libc::AF_INET6].contains(family)) {
        return Ok(());
    }
    for (key, reach, what) in [("ConnectTCP", Reach::ConnectTcp, "connected to"), ("BindTCP", Reach::BindTcp, "bound")]
    {
        let mut ports: std::collections::BTreeMap<u16, u64> = std::collections::BTreeMap::new();
        for ((_, address), count) in seen.addresses.iter().filter(|((known, _), _)| *known == reach) {
            *ports.entry(address.port()).or_default() += count;
        }
        let chance = |(known, address): &(Reach, std::net::SocketAddr)| {
            *known == reach && address.ip().is_loopback() && address.port() >= EPHEMERAL
        };
        if seen.addresses.keys().any(chance) {
            writeln!(out, "# Ports were {what} that the kernel picks, different ones each time: they are left open.")?;
            continue;
        }
        if ports.len() > PORTS {
            writeln!(out, "# {} different ports were {what}: they are left open.", ports.len())?;
            continue;
        }
        let list: Vec<String> = ports.keys().map(u16::to_string).collect();
        let count = ports.values().sum();
        let note = if ports.is_empty() { format!("No port was {what}.") } else { format!("{what} {}", times(count)) };
        writeln!(out, "{key} = [{}]  # {note}", list.join(", "))?;
    }
    Ok(())
}
