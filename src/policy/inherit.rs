//! What the target inherits besides its environment: signals, memory, keys, files.

use std::path::Path;

use crate::draft::Asked;
use crate::draft::attributes::{Attribute, HugePages, OpenFile, OpenMode};
use crate::draft::mounts::{Tmpfs, View};
use crate::draft::namespaces::Namespace;
use crate::fault::{Fault, Origin};
use crate::text::Value;

use super::form::{self, Form, Item};
use super::scheduling::{attribute, number};
use super::{Directive, Policy, switch};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Inherit {
    /// IgnoreSIGPIPE=.
    pub ignore_pipe: Option<bool>,
    /// OOMScoreAdjust=.
    pub oom_score: Option<i32>,
    /// CoredumpFilter=.
    pub coredump: Option<u64>,
    /// Personality=.
    pub personality: Option<u32>,
    /// MemoryKSM=.
    pub merge: Option<bool>,
    /// MemoryTHP=; nothing for *inherit*.
    pub huge_pages: Option<HugePages>,
    /// KeyringMode=.
    pub keyring: Keyring,
    /// RemoveIPC=.
    pub remove_ipc: bool,
    /// OpenFile=.
    pub files: Vec<(OpenFile, Origin)>,
}

/// Which session keyring the target has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keyring {
    /// The caller's.
    #[default]
    Inherit,
    /// A new one.
    Private,
    /// A new one, to which the user's is linked.
    Shared,
}

/// Kinds of memory and their bits (core(5)).
const KINDS: [(&str, u64); 11] = [
    ("private-anonymous", 1),
    ("shared-anonymous", 1 << 1),
    ("private-file-backed", 1 << 2),
    ("shared-file-backed", 1 << 3),
    ("elf-headers", 1 << 4),
    ("private-huge", 1 << 5),
    ("shared-huge", 1 << 6),
    ("private-dax", 1 << 7),
    ("shared-dax", 1 << 8),
    ("default", 0x33),
    ("all", 0x1ff),
];

/// personality(2) for programs of 32 bits.
const LINUX32: u32 = 8;

/// What this machine can be taken for: its own name, and that of its 32-bit sibling.
const PERSONALITIES: &[(&str, u32)] = if cfg!(target_arch = "x86_64") {
    &[("x86-64", 0), ("x86", LINUX32)]
} else if cfg!(target_arch = "aarch64") {
    &[("arm64", 0), ("arm", LINUX32)]
} else if cfg!(target_arch = "riscv64") {
    &[("riscv64", 0)]
} else {
    &[]
};

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "OpenFile",
        form: Form::Texts("PATH[:NAME[:OPTIONS]]"),
        summary: "open files for the target, as a socket is handed over",
        manual: "Paths of files that are opened before anything is confined; sockets are connected to. The target finds \
                 them as descriptors from 3 on, behind those that the caller hands over, counted by $LISTEN_FDS and \
                 named by $LISTEN_FDNAMES (sd_listen_fds(3)). The name is the file's unless one is written behind a \
                 colon. Options behind another colon, separated by commas, are `read-only`, `append`, `truncate`, and \
                 `graceful`, which leaves out what does not exist. Without one the file is opened for reading and \
                 writing, or for reading where it cannot be written. `\\:` is a colon that parts nothing. Lists add up \
                 and an empty one resets.",
        example: "OpenFile = [\"/etc/hostname:host:read-only\"]",
        unlike: Some("`graceful` forgives a file that is not there, and no other failure."),
        exposure: &[],
        read: open_files,
        demand: |policy, demands| {
            for (file, at) in &policy.inherit.files {
                let by = demands.at(at);
                demands.draft.files.push(Asked { what: file.clone(), by });
            }
        },
    },
    Directive {
        name: "IgnoreSIGPIPE",
        form: Form::Boolean,
        summary: "whether the target ignores SIGPIPE at first",
        manual: "With *yes* SIGPIPE is ignored when the target starts, with *no* it ends it (signal(7)). Without this \
                 directive, or with an empty value, the target inherits what the caller does about it.",
        example: "IgnoreSIGPIPE = false",
        unlike: Some("Without it the caller's stays, where systemd has it ignored."),
        exposure: &[],
        read: |policy, value| {
            policy.inherit.ignore_pipe = optional(value)?;
            Ok(())
        },
        demand: |policy, demands| attribute(demands, policy.inherit.ignore_pipe.map(Attribute::IgnorePipe)),
    },
    Directive {
        name: "OOMScoreAdjust",
        form: Form::Text("SCORE"),
        summary: "who is killed first when memory runs out",
        manual: "-1000 (never) to 1000 (before all others) is added to the kernel's opinion of who should be killed \
                 when memory runs out (proc_pid_oom_score_adj(5)). Below what the caller has takes CAP_SYS_RESOURCE; \
                 without it the caller's stays, which is told. An empty value leaves the caller's.",
        example: "OOMScoreAdjust = 500",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.inherit.oom_score = number(value, -1000, 1000)?;
            Ok(())
        },
        demand: |policy, demands| attribute(demands, policy.inherit.oom_score.map(Attribute::OomScore)),
    },
    Directive {
        name: "CoredumpFilter",
        form: Form::List("KIND"),
        summary: "which memory goes into core dumps",
        manual: "Kinds of memory that are written into core dumps (core(5)): `private-anonymous`, `shared-anonymous`, \
                 `private-file-backed`, `shared-file-backed`, `elf-headers`, `private-huge`, `shared-huge`, \
                 `private-dax`, `shared-dax`, `all`, `default`, or a hexadecimal mask. Lists add up, and an empty one \
                 leaves the caller's.",
        example: "CoredumpFilter = [\"default\", \"private-dax\"]",
        unlike: None,
        exposure: &[],
        read: coredump,
        demand: |policy, demands| attribute(demands, policy.inherit.coredump.map(Attribute::CoredumpFilter)),
    },
    Directive {
        name: "MemoryKSM",
        form: Form::Boolean,
        summary: "whether equal pages of memory are merged",
        manual: "With *yes* the kernel may merge equal pages of the target and of others (PR_SET_MEMORY_MERGE, Linux \
                 6.4), which tells whoever measures it what others have in memory; *no* keeps it from that. An empty \
                 value leaves the caller's. Turning it on takes CAP_SYS_RESOURCE.",
        example: "MemoryKSM = false",
        unlike: Some("Where the kernel does not have it the start fails."),
        exposure: &[],
        read: |policy, value| {
            policy.inherit.merge = optional(value)?;
            Ok(())
        },
        demand: |policy, demands| attribute(demands, policy.inherit.merge.map(Attribute::MergeMemory)),
    },
    Directive {
        name: "MemoryTHP",
        form: Form::Word(&["inherit", "disable", "madvise", "system"]),
        summary: "which memory may be made of huge pages",
        manual: "Whether the kernel may give the target memory in transparent huge pages (PR_SET_THP_DISABLE(2const)), \
                 which are quicker to find and take more room: with *disable* never, with *madvise* only where the \
                 target asks for it by madvise(2) (Linux 6.18), with *system* as /sys/kernel/mm/transparent_hugepage \
                 says, whatever the caller had set for itself. With *inherit*, which is the default, it keeps what the \
                 caller has.",
        example: "MemoryTHP = \"madvise\"",
        unlike: Some("Where the kernel does not have it the start fails."),
        exposure: &[],
        read: |policy, value| {
            let words = [
                ("inherit", None),
                ("disable", Some(HugePages::Disable)),
                ("madvise", Some(HugePages::Madvise)),
                ("system", Some(HugePages::System)),
            ];
            policy.inherit.huge_pages = form::word(value, &words)?;
            Ok(())
        },
        demand: |policy, demands| attribute(demands, policy.inherit.huge_pages.map(Attribute::HugePages)),
    },
    Directive {
        name: "Personality",
        form: Form::Text("ARCHITECTURE"),
        summary: "which machine uname(2) tells of",
        manual: "The machine's own architecture, or its 32-bit sibling, which makes uname(2) tell that one: `x86-64` or \
                 `x86`, `arm64` or `arm` (personality(2)). An empty value leaves the caller's.",
        example: "Personality = \"native\"",
        unlike: Some("`native` is stockade's word for the architecture that it was built for."),
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            policy.inherit.personality = match item.text.trim() {
                "" => None,
                "native" => Some(0),
                text => Some(personality(text, &item)?),
            };
            Ok(())
        },
        demand: |policy, demands| attribute(demands, policy.inherit.personality.map(Attribute::Personality)),
    },
    Directive {
        name: "KeyringMode",
        form: Form::Word(&["inherit", "private", "shared"]),
        summary: "which kernel keys the target can reach",
        manual: "With *private* the target gets a new session keyring, and reaches none of the caller's keys by it; with \
                 *shared* the keyring of its user is linked to the new one; with *inherit*, which is the default, it \
                 keeps the caller's (session-keyring(7)).",
        example: "KeyringMode = \"private\"",
        unlike: Some(
            "The default is *inherit*, where systemd has *private* for system services. Where no keyring can be made \
             the start fails; systemd goes on without. No key `invocation_id` is put into it.",
        ),
        exposure: &[switch("KeyringMode", 1000, |policy| Some(u32::from(policy.inherit.keyring != Keyring::Private)))],
        read: |policy, value| {
            let words = [("inherit", Keyring::Inherit), ("private", Keyring::Private), ("shared", Keyring::Shared)];
            policy.inherit.keyring = form::word(value, &words)?;
            Ok(())
        },
        demand: |policy, demands| match policy.inherit.keyring {
            Keyring::Inherit => {}
            Keyring::Private => attribute(demands, Some(Attribute::Keyring { shared: false })),
            Keyring::Shared => attribute(demands, Some(Attribute::Keyring { shared: true })),
        },
    },
    Directive {
        name: "RemoveIPC",
        form: Form::Boolean,
        summary: "leave no shared memory, semaphores or queues behind",
        manual: "With *yes* and a *User*, *Group* or *DynamicUser*, System V objects and POSIX message queues and shared \
                 memory of the target do not outlive it: it gets an IPC namespace and a /dev/shm of its own, which \
                 end with it. Without any of those directives this one has no effect, as under systemd.",
        example: "RemoveIPC = true\nUser = \"www-data\"",
        unlike: Some(
            "Nobody stays behind to remove anything, so the objects are the target's own from the start, and cannot be \
             shared with others.",
        ),
        exposure: &[switch("RemoveIPC", 100, |policy| {
            (!policy.users.is_root() || policy.users.dynamic).then(|| u32::from(!policy.inherit.remove_ipc))
        })],
        read: |policy, value| {
            policy.inherit.remove_ipc = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            let users = &policy.users;
            if !policy.inherit.remove_ipc || users.user.is_none() && users.group.is_none() && !users.dynamic {
                return;
            }
            demands.namespace(Namespace::Ipc);
            demands.view_if_there("/dev/mqueue", View::Mqueue);
            let memory = Tmpfs {
                mode: 0o1777,
                options: vec!["size=50%".into(), "nr_inodes=400k".into()],
                read_only: false,
                no_exec: false,
                no_suid: true,
                no_dev: true,
            };
            demands.view_if_there("/dev/shm", View::Tmpfs(memory));
        },
    },
];

fn personality(text: &str, item: &Item) -> Result<u32, Fault> {
    let found = PERSONALITIES.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    found.ok_or_else(|| {
        let known: Vec<&str> = PERSONALITIES.iter().map(|(name, _)| *name).collect();
        item.fault(format!("this machine cannot be taken for `{text}`"))
            .help(format!("write one of: native, {}", known.join(", ")))
    })
}

/// A boolean; nothing for an empty value.
pub(super) fn optional(value: &Value) -> Result<Option<bool>, Fault> {
    let reset = matches!(form::lines(value), Ok(lines) if lines.is_empty());
    if reset { Ok(None) } else { form::boolean(value).map(Some) }
}

fn coredump(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let Some(words) = form::all_words(value)? else {
        policy.inherit.coredump = None;
        return Ok(());
    };
    let mut mask = policy.inherit.coredump.unwrap_or(0);
    for word in words {
        let text = word.text.as_str();
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let number = || u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
        let bits = KINDS.iter().find(|(name, _)| *name == text).map(|(_, bits)| *bits).or_else(number);
        mask |= bits.ok_or_else(|| {
            let fault = word.fault(format!("`{text}` is neither a kind of memory nor a hexadecimal mask"));
            match form::nearest(text, KINDS.iter().map(|(name, _)| *name)) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help(format!("the kinds are: {}", KINDS.map(|(name, _)| name).join(", "))),
            }
        })?;
    }
    policy.inherit.coredump = Some(mask);
    Ok(())
}

fn open_files(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let Some(items) = form::paths(value)? else {
        policy.inherit.files.clear();
        return Ok(());
    };
    for item in items {
        let file = open_file(&item)?;
        policy.inherit.files.push((file, item.at));
    }
    Ok(())
}

fn open_file(item: &Item) -> Result<OpenFile, Fault> {
    let parts = form::colons(item)?;
    let [path, rest @ ..] = parts.as_slice() else { return Err(item.fault("a path was expected here")) };
    if path == "." || rest.len() > 2 {
        return Err(item.fault("this is not PATH:NAME:OPTIONS").help("e.g. /etc/motd:motd:read-only"));
    }
    form::check_path(path, item)?;
    let written = rest.first().filter(|name| !name.is_empty());
    let name = match written {
        Some(name) => name.clone(),
        None => Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    // systemd's fdname_is_valid.
    let good = |c: char| c.is_ascii_graphic() || c == ' ';
    if name.is_empty() || name.len() > 255 || !name.chars().all(good) || name.contains(':') {
        return Err(item
            .fault(format!("`{name}` is not a name for a descriptor"))
            .help("names have up to 255 printable ASCII characters, without a colon"));
    }
    let mut file = OpenFile { path: path.into(), name, mode: OpenMode::Both, graceful: false };
    for option in rest.get(1).into_iter().flat_map(|options| options.split(',')).filter(|word| !word.is_empty()) {
        let mode = match option {
            "read-only" => OpenMode::ReadOnly,
            "append" => OpenMode::Append,
            "truncate" => OpenMode::Truncate,
            "graceful" => {
                file.graceful = true;
                continue;
            }
            _ => {
                return Err(item
                    .fault(format!("`{option}` is not an option of OpenFile"))
                    .help("the options are: read-only, append, truncate, graceful"));
            }
        };
        if file.mode != OpenMode::Both {
            return Err(item
                .fault("a file is opened in one way")
                .help("leave all of read-only, append, truncate but one"));
        }
        file.mode = mode;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::super::scheduling::attributes;
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Kind;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    #[test]
    fn files_have_names_and_one_way_to_be_opened() {
        let open = |word: &str| read("OpenFile", text(word)).map(|mut policy| policy.inherit.files.remove(0).0);
        let motd =
            |name: &str, mode, graceful| OpenFile { path: "/etc/motd".into(), name: name.into(), mode, graceful };
        assert_eq!(open("/etc/motd"), Ok(motd("motd", OpenMode::Both, false)));
        assert_eq!(open("/etc/motd::read-only"), Ok(motd("motd", OpenMode::ReadOnly, false)));
        assert_eq!(open("/etc/motd:m:append,graceful"), Ok(motd("m", OpenMode::Append, true)));
        assert_eq!(open("/etc/motd:m"), Ok(motd("m", OpenMode::Both, false)));
        let bad = ["motd", ".", "/a:b:c:d", "/a:b:write", "/a:b:read-only,append", "/", "/a:\u{e9}", "/a/../b"];
        for word in bad {
            assert!(open(word).is_err(), "{word}");
        }
        let reset = [("OpenFile", text("/a")), ("OpenFile", text("")), ("OpenFile", text("/b /c"))];
        assert_eq!(read_all(&reset).expect("good").inherit.files.len(), 2);
    }

    #[test]
    fn kinds_of_memory_add_up() {
        let mask = |words: &str| read("CoredumpFilter", text(words)).map(|policy| policy.inherit.coredump);
        assert_eq!(mask("default private-dax"), Ok(Some(0xb3)));
        assert_eq!(mask("0x10 1"), Ok(Some(0x11)));
        assert_eq!(mask(""), Ok(None));
        for bad in ["some", "0xg", "+1", "10000000000000000"] {
            assert!(mask(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_this_machines_personalities_are_taken() {
        assert!(read("Personality", text("s390x")).is_err());
        let native = read("Personality", text("native")).expect("native");
        assert_eq!(attributes(&native), [Attribute::Personality(0)]);
    }

    #[test]
    fn objects_are_the_targets_own_only_with_a_user() {
        let alone = read("RemoveIPC", text("yes")).expect("good");
        assert!(alone.draft().namespaces.is_empty());
        let user = read_all(&[("RemoveIPC", text("yes")), ("User", text("web"))]).expect("good");
        assert_eq!(user.draft().namespaces.len(), 1);
    }
}
