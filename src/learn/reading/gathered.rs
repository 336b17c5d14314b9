//! What calls told, in bounded memory.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::Found;
use crate::learn::crowd::Crowd;
use crate::learn::observed::{self, Act, Observed, Part, Reach, Use};
use crate::learn::places;
use crate::learn::used::Used;

/// How many addresses, and names of abstract sockets, are told apart.
const ADDRESSES: usize = 1024;
/// How many are kept with the ports of more.
const MOST_ADDRESSES: usize = 2 * ADDRESSES;

/// An observation in the making.
#[derive(Default)]
pub(in crate::learn) struct Gathered {
    /// All but paths.
    seen: Observed,
    paths: Crowd,
    /// Abstract sockets that the target has made itself.
    own: BTreeSet<String>,
}

impl Gathered {
    /// One use of a path, by the thread of this name.
    pub(in crate::learn) fn used(&mut self, path: PathBuf, kind: Use, by: &str) {
        // Of processes there is no end; places knows what they are called in a policy.
        self.paths.used(places::process(&path).unwrap_or(path), kind, by);
    }

    /// Something could not be seen.
    pub(in crate::learn) fn unseen(&mut self, part: Part) {
        self.seen.unknown.insert(part);
    }

    /// So many looks at processes that were there have failed.
    pub(in crate::learn) fn unread(&mut self, times: u64) {
        self.seen.unread = self.seen.unread.saturating_add(times);
    }

    /// What a process has used, as far as it could be seen.
    pub(in crate::learn) fn limits(&mut self, used: std::io::Result<Used>) {
        if let Ok(used) = used {
            observed::most(&mut self.seen.limits, used.most);
            observed::most(&mut self.seen.near, used.near);
        } else {
            self.unseen(Part::Limits);
            self.unread(1);
        }
    }

    /// So many threads and processes have lived at the same time.
    pub(in crate::learn) fn alive(&mut self, most: u64) {
        observed::most(&mut self.seen.limits, [(libc::RLIMIT_NPROC, most)].into());
    }

    /// What one call told; its thread's name is asked for when it is needed.
    pub(in crate::learn) fn keep(&mut self, found: Vec<Found>, name: impl Fn() -> String) {
        let mut known = None;
        for one in found {
            match one {
                Found::Path(path, kind) => self.used(path, kind, known.get_or_insert_with(&name)),
                Found::Socket(kind) => *self.seen.sockets.entry(kind).or_default() += 1,
                Found::Address(reach, address) => self.address(reach, address),
                Found::Abstract(name, true) if self.own.len() < ADDRESSES => {
                    self.own.insert(name);
                }
                Found::Abstract(name, own) => {
                    let names = &mut self.seen.abstracts;
                    let name = if names.len() < ADDRESSES && !own { name } else { "…".to_owned() };
                    *names.entry(name).or_default() += 1;
                }
                Found::Act(act) => *self.seen.acts.entry(act).or_default() += 1,
                Found::Limit(which, soft) => observed::most(&mut self.seen.asked, [(which, soft)].into()),
            }
        }
    }

    /// One use of an address. Of very many only the ports are kept, and of very many ports that there were.
    fn address(&mut self, reach: Reach, address: SocketAddr) {
        let known = &mut self.seen.addresses;
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let key = match known.len() {
            _ if known.contains_key(&(reach, address)) => address,
            0..ADDRESSES => address,
            ADDRESSES..MOST_ADDRESSES => SocketAddr::new(nowhere, address.port()),
            _ => SocketAddr::new(nowhere, 0),
        };
        *known.entry((reach, key)).or_default() += 1;
    }

    /// What was seen in one run. Names of files that were asked for in vain, and that nobody made, are not in it.
    pub(in crate::learn) fn finish(self, exists: impl Fn(&Path) -> bool) -> Observed {
        let mut seen = Observed { runs: 1, ..self.seen };
        seen.paths = self.paths.finish();
        seen.abstracts.retain(|name, _| !self.own.contains(name));
        seen.paths.retain(|path, uses| {
            let changed = [Use::Write, Use::Create, Use::Remove].iter().any(|kind| uses.times.contains_key(kind));
            changed || path.starts_with("/proc") || exists(path)
        });
        let programs = seen.paths.iter().filter(|(_, uses)| uses.times.contains_key(&Use::Execute));
        let mut go = 0;
        for (path, _) in programs {
            match is_go(path) {
                Ok(is) => go += u64::from(is),
                // A container's program has another place.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(_) => seen.unread = seen.unread.saturating_add(1),
            }
        }
        if go > 0 {
            seen.acts.insert(Act::Go, go);
        }
        seen
    }
}

/// Whether a program has the note of Go's linker, which stands near its beginning: a name of four bytes and a build id.
fn is_go(program: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    fs::File::open(program)?.take(8192).read_to_end(&mut head)?;
    Ok(head.windows(8).any(|window| window == b"\x04\0\0\0Go\0\0"))
}
