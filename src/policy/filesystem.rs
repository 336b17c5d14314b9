//! The file system as a whole.

use crate::draft::Asked;
use crate::draft::mounts::{MountAsk, Tmpfs, View};
use crate::fault::Fault;

use super::form::{self, Form, Item};
use super::{Demands, Directive, Exposure, switch};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Filesystem {
    /// ProtectSystem=.
    pub protect_system: ProtectSystem,
    /// ProtectHome=.
    pub protect_home: ProtectHome,
    /// PrivateTmp=.
    pub private_tmp: bool,
    /// RootDirectory=.
    pub root: Option<Item>,
    /// TemporaryFileSystem=.
    pub temporary: Vec<(Item, Tmpfs)>,
}

/// How much of the system can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtectSystem {
    /// What the user may write.
    #[default]
    No,
    /// Not /usr and the boot loader's directories.
    Yes,
    /// Nor /etc.
    Full,
    /// Nothing but the kernel's file systems and home directories.
    Strict,
}

/// What can be seen of home directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtectHome {
    /// What the user may see.
    #[default]
    No,
    /// Nothing: they cannot be opened.
    Yes,
    /// They can be read.
    ReadOnly,
    /// They are empty.
    Tmpfs,
}

const SYSTEM: &[(&str, ProtectSystem)] = &[
    ("no", ProtectSystem::No),
    ("yes", ProtectSystem::Yes),
    ("full", ProtectSystem::Full),
    ("strict", ProtectSystem::Strict),
];

const HOME: &[(&str, ProtectHome)] = &[
    ("no", ProtectHome::No),
    ("yes", ProtectHome::Yes),
    ("read-only", ProtectHome::ReadOnly),
    ("tmpfs", ProtectHome::Tmpfs),
];

/// Where home directories are, as systemd has it.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "ProtectSystem",
        form: Form::BooleanOr(&["full", "strict"]),
        summary: "make the operating system read-only",
        manual: "With *yes*, /usr and the boot loader's directories /boot and /efi cannot be written; with *full*, /etc \
                 neither. With *strict* the whole file system is read-only, with everything mounted below it, except \
                 /proc, /sys and /dev (see PrivateDevices, ProtectKernelTunables, ProtectControlGroups) and except \
                 /home, /root and /run/user (see ProtectHome). ReadWritePaths makes exceptions.\n\n\
                 A read-only file system does not keep a program from connecting to a socket in it, and nothing becomes \
                 writable that was not before.",
        example: "ProtectSystem = \"strict\"",
        unlike: None,
        exposure: &[Exposure {
            id: "ProtectSystem",
            weight: 1000,
            range: 10,
            badness: |policy| {
                Some(match policy.filesystem.protect_system {
                    ProtectSystem::No => 10,
                    ProtectSystem::Yes => 5,
                    ProtectSystem::Full => 3,
                    ProtectSystem::Strict => 0,
                })
            },
        }],
        read: |policy, value| {
            policy.filesystem.protect_system = form::word(value, SYSTEM)?;
            Ok(())
        },
        demand: |policy, demands| system(policy.filesystem.protect_system, demands),
    },
    Directive {
        name: "ProtectHome",
        form: Form::BooleanOr(&["read-only", "tmpfs"]),
        summary: "hide users' home directories",
        manual: "With *yes*, /home, /root and /run/user cannot be opened. With *read-only* they can be read. With \
                 *tmpfs* each is an empty directory that cannot be written, into which BindPaths and BindReadOnlyPaths \
                 can put what is needed; ReadWritePaths brings a path of the host in as BindPaths would.",
        example: "ProtectHome = \"tmpfs\"",
        unlike: Some(
            "a path of ReadWritePaths below the empty directories is brought in from the host, where systemd would fail \
             because it is missing",
        ),
        exposure: &[Exposure {
            id: "ProtectHome",
            weight: 1000,
            range: 10,
            badness: |policy| {
                Some(match policy.filesystem.protect_home {
                    ProtectHome::No => 10,
                    ProtectHome::ReadOnly => 5,
                    ProtectHome::Tmpfs => 1,
                    ProtectHome::Yes => 0,
                })
            },
        }],
        read: |policy, value| {
            policy.filesystem.protect_home = form::word(value, HOME)?;
            Ok(())
        },
        demand: |policy, demands| {
            for path in HOMES {
                let mode = if path == "/root" { 0o700 } else { 0o755 };
                match policy.filesystem.protect_home {
                    ProtectHome::No => {}
                    ProtectHome::Yes => demands.view_if_there(path, View::Hidden),
                    ProtectHome::ReadOnly => demands.view_if_there(path, View::ReadOnly),
                    ProtectHome::Tmpfs => demands.view_if_there(path, View::Tmpfs(almost_empty(mode))),
                }
            }
        },
    },
    Directive {
        name: "PrivateTmp",
        form: Form::BooleanOr(&["disconnected"]),
        summary: "give the target a /tmp of its own",
        manual: "With *yes* or *disconnected*, /tmp and /var/tmp are new, empty file systems in memory, each of a tenth \
                 of the memory at most, gone when the target and its children are.",
        example: "PrivateTmp = true",
        unlike: Some(
            "*yes* means *disconnected*: directories on the host's /tmp would need somebody to remove them afterwards; \
             *connected* is refused. /tmp and /var/tmp are two file systems",
        ),
        exposure: &[switch("PrivateTmp", 1000, |policy| Some(u32::from(!policy.filesystem.private_tmp)))],
        read: |policy, value| {
            if form::text(value).is_ok_and(|word| word.text.trim() == "connected") {
                return Err(value
                    .fault("`connected` would leave directories in the host's /tmp, and nobody stays behind to remove them")
                    .help("write one of: yes, no, disconnected"));
            }
            policy.filesystem.private_tmp = form::word(value, &[("no", false), ("yes", true), ("disconnected", true)])?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.filesystem.private_tmp {
                demands.view("/tmp", View::Tmpfs(temporary(0o1777)));
                demands.view_if_there("/var/tmp", View::Tmpfs(temporary(0o1777)));
            }
        },
    },
    Directive {
        name: "RootDirectory",
        form: Form::Text("PATH"),
        summary: "make a directory the target's root",
        manual: "The directory becomes `/`, with everything mounted below it; the host's root cannot be reached. The host's \
                 /proc, /sys and /dev and an empty /run are mounted in it where other directives do not say otherwise. \
                 The sources of BindPaths and BindReadOnlyPaths are paths of the host, their destinations and the \
                 paths of all other directives are paths of the new root; ReadWritePaths, ReadOnlyPaths, \
                 InaccessiblePaths, ExecPaths and NoExecPaths name paths of the host unless they start with `+`; one of \
                 ReadOnlyPaths, InaccessiblePaths and NoExecPaths that is not below the directory would hold for \
                 nothing, and is refused unless it starts with `-`. Symbolic links inside cannot lead out. Mount points that are missing are made in the directory.",
        example: "RootDirectory = \"/srv/image\"",
        unlike: Some("systemd leaves restrictions of paths outside the directory away; here they are refused"),
        exposure: &[switch("RootDirectoryOrRootImage", 200, |policy| {
            Some(u32::from(policy.filesystem.root.is_none()))
        })],
        read: |policy, value| {
            let item = form::text(value)?;
            if item.text.is_empty() {
                policy.filesystem.root = None;
                return Ok(());
            }
            form::check_path(&item.text, &item)?;
            policy.filesystem.root = Some(item).filter(|item| !item.text.trim_end_matches('/').is_empty());
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(root) = &policy.filesystem.root {
                demands.draft.root = Some(Asked { what: root.text.clone().into(), by: demands.at(&root.at) });
            }
        },
    },
    Directive {
        name: "TemporaryFileSystem",
        form: Form::Texts("PATH[:OPTION,...]"),
        summary: "put empty file systems in memory on paths",
        manual: "Each path gets a new tmpfs, which hides what was there. After a colon, options for it as in tmpfs(5) and \
                 mount(8): `size=`, `nr_inodes=`, `mode=`, `ro`, `noexec`, `nosuid`, `dev`. Without options it has mode \
                 0755, no device nodes, a tenth of the memory and 400000 inodes at most. `ro` lets only what other \
                 directives put into it be there. On `/` the target starts with nothing but what BindPaths and \
                 BindReadOnlyPaths bring. Missing mount points are made. A size that is no bound is refused: the kernel takes 0, \
                 and what is more than it can count, for none.",
        example: "TemporaryFileSystem = [\"/var:ro\", \"/scratch:size=1G,mode=1777\"]",
        unlike: Some(
            "ReadOnlyPaths, ReadWritePaths, NoExecPaths and ExecPaths for the same path change the new file system's \
             attributes and never bring the host's back; size=0 is refused, which systemd leaves to the kernel",
        ),
        exposure: &[],
        read: |policy, value| {
            let Some(items) = form::paths(value)? else {
                policy.filesystem.temporary.clear();
                return Ok(());
            };
            for item in items {
                let entry = tmpfs_entry(&item)?;
                policy.filesystem.temporary.push(entry);
            }
            Ok(())
        },
        demand: |policy, demands| {
            for (item, tmpfs) in &policy.filesystem.temporary {
                let (path, view) = (item.text.clone().into(), View::Tmpfs(tmpfs.clone()));
                let by = demands.at(&item.at);
                demands.draft.mounts.push(Asked { what: MountAsk { path, view, optional: false, rooted: true }, by });
            }
        },
    },
];

fn system(protect: ProtectSystem, demands: &mut Demands) {
    let read_only: &[&str] = match protect {
        ProtectSystem::No => &[],
        ProtectSystem::Yes => &["/usr", "/boot", "/efi"],
        ProtectSystem::Full => &["/usr", "/boot", "/efi", "/etc"],
        ProtectSystem::Strict => {
            demands.view("/", View::ReadOnly);
            for path in ["/proc", "/sys", "/dev"].into_iter().chain(HOMES) {
                demands.view_if_there(path, View::ReadWriteImplicit);
            }
            return;
        }
    };
    for path in read_only {
        demands.view_if_there(path, View::ReadOnly);
    }
}

/// A tmpfs that only holds mount points.
fn almost_empty(mode: u32) -> Tmpfs {
    let options = vec!["size=4m".into(), "nr_inodes=1k".into()];
    Tmpfs { mode, options, read_only: true, no_exec: false, no_suid: true, no_dev: true }
}

/// A tmpfs to work in.
fn temporary(mode: u32) -> Tmpfs {
    let options = vec!["size=10%".into(), "nr_inodes=400k".into()];
    Tmpfs { mode, options, read_only: false, no_exec: false, no_suid: true, no_dev: true }
}

/// `PATH[:OPTION,...]`.
fn tmpfs_entry(item: &Item) -> Result<(Item, Tmpfs), Fault> {
    let parts = form::colons(item)?;
    let (path, options) = match parts.as_slice() {
        [path] => (path.clone(), String::new()),
        [path, options] => (path.clone(), options.clone()),
        _ => return Err(item.fault("a path and options are expected here: PATH[:OPTION,...]")),
    };
    form::check_path(&path, item)?;
    let mut tmpfs = Tmpfs { no_suid: false, ..temporary(0o755) };
    for option in options.split(',').filter(|option| !option.is_empty()) {
        tmpfs_option(&mut tmpfs, option, item)?;
    }
    Ok((Item { text: path, at: item.at.clone() }, tmpfs))
}

fn tmpfs_option(tmpfs: &mut Tmpfs, option: &str, item: &Item) -> Result<(), Fault> {
    match option {
        "ro" => tmpfs.read_only = true,
        "rw" => tmpfs.read_only = false,
        "noexec" => tmpfs.no_exec = true,
        "exec" => tmpfs.no_exec = false,
        "nosuid" => tmpfs.no_suid = true,
        "suid" => tmpfs.no_suid = false,
        "nodev" => tmpfs.no_dev = true,
        "dev" => tmpfs.no_dev = false,
        _ => match option.split_once('=') {
            Some(("mode", mode)) => {
                tmpfs.mode = u32::from_str_radix(mode, 8)
                    .ok()
                    .filter(|mode| *mode <= 0o7777)
                    .ok_or_else(|| item.fault(format!("`{mode}` is not an octal mode")))?;
            }
            Some((key @ ("size" | "nr_blocks" | "nr_inodes" | "uid" | "gid" | "huge" | "mpol"), text)) => {
                if matches!(key, "size" | "nr_blocks" | "nr_inodes") {
                    bound(key, text).map_err(|(why, help)| item.fault(format!("`{option}` {why}")).help(help))?;
                }
                // Setting one bound lifts only that one; size and nr_blocks are the same bound.
                let same = |old: &str| {
                    let old = old.split('=').next().unwrap_or_default();
                    old == key || (key == "nr_blocks" && old == "size") || (key == "size" && old == "nr_blocks")
                };
                tmpfs.options.retain(|old| !same(old));
                tmpfs.options.push(option.into());
            }
            _ => {
                return Err(item
                    .fault(format!("`{option}` is not an option of a tmpfs that stockade knows"))
                    .help("known: size= nr_blocks= nr_inodes= mode= uid= gid= huge= mpol= ro rw exec noexec suid nosuid dev nodev"));
            }
        },
    }
    Ok(())
}

/// Whether a bound of a tmpfs is one. The kernel reads 0 as none, and so does it what is more than it can count (memparse()).
fn bound(key: &str, text: &str) -> Result<(), (&'static str, &'static str)> {
    let odd =
        ("is not a number that the kernel reads as it is written", "write bytes, or a number with K, M, G, T, P or %");
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    // A number that begins with 0 is octal.
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return Err(odd);
    }
    let number: i64 = digits.parse().map_err(|_| TOO_MUCH)?;
    let shift = match unit {
        "" => 0,
        "%" if key == "size" => {
            return if number == 0 {
                Err(NO_BOUND)
            } else if number > 10_000 {
                Err(TOO_MUCH)
            } else {
                Ok(())
            };
        }
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        "p" | "P" => 50,
        "e" | "E" => 60,
        _ => return Err(odd),
    };
    match number {
        0 if key != "nr_inodes" => Err(NO_BOUND),
        _ if number > i64::MAX >> shift => Err(TOO_MUCH),
        _ => Ok(()),
    }
}

/// 2^64 bytes are none.
const TOO_MUCH: (&str, &str) = ("is more than the kernel can count, and would be no bound", "write less");
const NO_BOUND: (&str, &str) =
    ("would be no bound at all", "write ro where nothing shall be written, or what may be: size=64M");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Origin, Source};
    use crate::policy::Policy;
    use crate::text::{Document, Entry, Kind, Value};
    use std::sync::Arc;

    fn policy(name: &str, text: &str) -> Result<Policy, Vec<Fault>> {
        let source = Arc::new(Source { name: "-p".into(), text: text.into() });
        let at = Origin::new(&source, 0..text.len());
        let value = Value { kind: Kind::Text(text.into()), at: at.clone() };
        Policy::read(&Document { entries: vec![Entry { name: name.into(), at, value }] })
    }

    #[test]
    fn a_tmpfs_has_options_after_a_colon() {
        let read = policy("TemporaryFileSystem", "/var:ro,size=5M,mode=1777 /opt").expect("reads");
        let (var, opt) = (&read.filesystem.temporary[0], &read.filesystem.temporary[1]);
        assert_eq!(var.0.text, "/var");
        assert_eq!(var.1.options, ["nr_inodes=400k", "size=5M"]);
        assert!(var.1.read_only && var.1.no_dev && !var.1.no_suid && var.1.mode == 0o1777);
        assert_eq!((opt.1.mode, opt.1.read_only), (0o755, false));
        for wrong in ["/var:sise=5", "/var:mode=9", "var", "/a:b:c", "/a/../b"] {
            assert!(policy("TemporaryFileSystem", wrong).is_err(), "{wrong}");
        }
    }

    /// The kernel mounts each of the first ones without a bound, and says so in /proc/self/mountinfo by size=0k.
    #[test]
    fn a_bound_of_a_tmpfs_bounds() {
        for wrong in [
            "size=0",
            "size=0%",
            "size=0k",
            "nr_blocks=0",
            "size=18446744073709551616",
            "size=18446744073709551615",
            "size=17179869184G",
            "size=16E",
            "nr_blocks=16E",
            "nr_inodes=18446744073709551616",
            "size=9223372036854775807K",
            "size=-1",
            "size=",
            "size=1x",
            "size=1M1",
            "size=k",
            "size=0x10",
            "size=010M",
            "nr_inodes=5%",
            "size=99999999%",
        ] {
            assert!(policy("TemporaryFileSystem", &format!("/var:{wrong}")).is_err(), "{wrong}");
        }
        for right in [
            "size=1",
            "size=4k",
            "size=1T",
            "size=7E",
            "size=50%",
            "size=200%",
            "nr_inodes=0",
            "nr_inodes=1k",
            "nr_blocks=9",
        ] {
            assert!(policy("TemporaryFileSystem", &format!("/var:{right}")).is_ok(), "{right}");
        }
    }

    #[test]
    fn private_tmp_refuses_to_leave_something_behind() {
        assert!(policy("PrivateTmp", "disconnected").expect("reads").filesystem.private_tmp);
        let faults = policy("PrivateTmp", "connected").expect_err("refused");
        assert!(faults[0].message.contains("nobody stays behind"), "{}", faults[0].message);
    }

    #[test]
    fn strict_leaves_the_kernel_and_homes_alone() {
        let draft = policy("ProtectSystem", "strict").expect("reads").draft();
        let implicit = |ask: &&Asked<MountAsk>| ask.what.view == View::ReadWriteImplicit && ask.what.optional;
        assert_eq!(draft.mounts.iter().filter(implicit).count(), 6);
        assert!(draft.mounts.iter().any(|ask| ask.what.view == View::ReadOnly && ask.what.path.as_os_str() == "/"));
    }
}
