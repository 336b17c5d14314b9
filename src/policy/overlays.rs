//! The file system in layers, and what surrounds it.

use crate::draft::Asked;
use crate::draft::mounts::{Bind, MountAsk, Propagation, View};
use crate::draft::namespaces::Namespace;

use super::Directive;
use super::form::{self, Form, PathItem};
use super::inherit::optional;

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Overlays {
    /// RootEphemeral=.
    pub ephemeral: bool,
    /// ExtensionDirectories=.
    pub extensions: Vec<PathItem>,
    /// MountAPIVFS=; unset means what the root needs.
    pub api: Option<bool>,
    /// MountFlags=.
    pub propagation: Option<Propagation>,
    /// BindLogSockets=.
    pub log: bool,
    /// PrivateBPF=.
    pub bpf: bool,
}

/// Where extensions go.
const HIERARCHIES: [&str; 3] = ["/usr", "/opt", "/etc"];

/// What a program needs to log by systemd's journal.
const SOCKETS: [&str; 4] =
    ["/run/systemd/journal/socket", "/run/systemd/journal/stdout", "/run/systemd/journal/dev-log", "/dev/log"];

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "RootEphemeral",
        form: Form::Boolean,
        summary: "throw away what the target changes in its root",
        manual: "With *yes*, all that the target writes into the directory of *RootDirectory* goes to memory, and is gone \
                 when the target and its children are (an overlay file system). What is mounted below the directory is \
                 not seen then. Without *RootDirectory* it has no effect.",
        example: "RootEphemeral = true\nRootDirectory = \"/srv/image\"",
        unlike: Some("An overlay in memory takes the place of systemd's copy on disk."),
        exposure: &[],
        read: |policy, value| {
            policy.overlays.ephemeral = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.overlays.ephemeral {
                demands.draft.ephemeral = Some(demands.asked(()));
            }
        },
    },
    Directive {
        name: "ExtensionDirectories",
        form: Form::Paths,
        summary: "lay directories over /usr, /opt and /etc",
        manual: "Directories of the host whose usr, opt and etc are laid over the host's, the last one on top, read-only as \
                 a whole (an overlay file system). With `-` in front a directory may be missing. Lists add up and an \
                 empty one resets.",
        example: "ExtensionDirectories = [\"-/var/lib/extensions/web\"]",
        unlike: Some(
            "Extension-release files are not looked at: any directory fits any host. Together with RootDirectory it is \
             refused. What the host has mounted below /usr, /opt and /etc is not seen.",
        ),
        exposure: &[],
        read: |policy, value| {
            let Some(items) = form::paths(value)? else {
                policy.overlays.extensions.clear();
                return Ok(());
            };
            for item in items {
                let path = form::path(&item)?;
                let text = path.path.to_string_lossy();
                if path.rooted || text.contains([',', ':', '\\']) || text == "." {
                    return Err(item
                        .fault(format!("`{text}` cannot be a layer"))
                        .help("write an absolute path without `,`, `:` and backslashes, and `-` in front if it may be missing"));
                }
                policy.overlays.extensions.push(path);
            }
            Ok(())
        },
        demand: |policy, demands| {
            for extension in &policy.overlays.extensions {
                for hierarchy in HIERARCHIES {
                    let ask = MountAsk {
                        path: hierarchy.into(),
                        view: View::Layers(vec![(extension.path.clone(), extension.optional)]),
                        optional: true,
                        rooted: true,
                    };
                    let by = demands.at(&extension.at);
                    demands.draft.mounts.push(Asked { what: ask, by });
                }
            }
        },
    },
    Directive {
        name: "MountAPIVFS",
        form: Form::Boolean,
        summary: "whether a new root gets /proc, /sys, /dev and /run",
        manual: "With *RootDirectory* the kernel's file systems and an empty /run are mounted where nothing else is said \
                 about them; *no* leaves that out. Without *RootDirectory* it has no effect. An empty value resets.",
        example: "MountAPIVFS = false",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.overlays.api = optional(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            demands.draft.api_file_systems = policy.overlays.api.map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "MountFlags",
        form: Form::Word(&["shared", "slave", "private"]),
        summary: "whether mounts pass between the host and the target",
        manual: "The propagation of the target's mounts (mount_namespaces(7)): with *slave*, which is the default, mounts \
                 that the host makes later arrive; with *shared* they do, and what the target mounts is passed on to \
                 namespaces that it makes; with *private* nothing passes. What the target mounts never reaches the \
                 host. An empty value resets.",
        example: "MountFlags = \"private\"",
        unlike: Some("The default is *slave*, where systemd has *shared*; both keep the host out of reach."),
        exposure: &[],
        read: |policy, value| {
            let reset = matches!(form::lines(value), Ok(lines) if lines.is_empty());
            let words =
                [("shared", Propagation::Shared), ("slave", Propagation::Slave), ("private", Propagation::Private)];
            policy.overlays.propagation = if reset { None } else { Some(form::word(value, &words)?) };
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(what) = policy.overlays.propagation {
                demands.draft.propagation = Some(demands.asked(what));
                demands.namespace(Namespace::Mnt);
            }
        },
    },
    Directive {
        name: "BindLogSockets",
        form: Form::Boolean,
        summary: "show the journal's sockets",
        manual: "With *yes* the sockets of systemd's journal, and /dev/log, are there also in a new root or under a new \
                 /run, if the host has them.",
        example: "BindLogSockets = true",
        unlike: Some("It is never on unless written."),
        exposure: &[],
        read: |policy, value| {
            policy.overlays.log = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.overlays.log {
                for path in SOCKETS {
                    let bind = Bind { source: path.into(), recursive: false, read_only: false };
                    demands.view_if_there(path, View::Bind(bind));
                }
            }
        },
    },
    Directive {
        name: "PrivateBPF",
        form: Form::Boolean,
        summary: "give the target a BPF file system of its own",
        manual: "With *yes* a new, empty BPF file system is mounted on /sys/fs/bpf, so that maps and programs that others \
                 have pinned there cannot be opened. Only root can mount it.",
        example: "PrivateBPF = true",
        unlike: Some("Tokens (BPFDelegateCommands= and its like) are refused: a manager has to make them."),
        exposure: &[],
        read: |policy, value| {
            policy.overlays.bpf = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| {
            if policy.overlays.bpf {
                demands.view("/sys/fs/bpf", View::Bpf);
            }
        },
    },
];

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Kind;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    #[test]
    fn layers_are_plain_paths() {
        let draft = read("ExtensionDirectories", text("/a -/b")).expect("good").draft();
        assert_eq!(draft.mounts.len(), 6);
        for bad in ["a", "/a:b", "/a,b", "+/a", ".", "/a/../b"] {
            assert!(read("ExtensionDirectories", text(bad)).is_err(), "{bad}");
        }
        let reset = [("ExtensionDirectories", text("/a")), ("ExtensionDirectories", text(""))];
        assert!(read_all(&reset).expect("good").draft().mounts.is_empty());
    }

    #[test]
    fn propagation_is_one_of_three() {
        let flags = |word: &str| read("MountFlags", text(word)).map(|policy| policy.overlays.propagation);
        assert_eq!(flags("private"), Ok(Some(Propagation::Private)));
        assert_eq!(flags(""), Ok(None));
        assert!(flags("rprivate").is_err());
    }
}
