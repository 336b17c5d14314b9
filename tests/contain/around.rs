//! What stockade itself is started in: a filter that makes the kernel look older or forbids what is needed, a root
//! directory that something covers, a chroot, the covers of a container. What cannot be done there is refused with the
//! reason; what can holds.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::kit::{Who, base, host_has, people, verbs};

/// stockade with these properties and a target, inside another one that has this filter.
fn filtered(who: &Who, filter: &str, properties: &[&str], target: &[String]) -> crate::kit::Outcome {
    let stockade = base().join("stockade");
    let outer = who.confined(&["-p", &format!("SystemCallFilter={filter}")]).words(&[stockade.as_os_str()]);
    let words: Vec<&str> = properties.iter().flat_map(|word| ["-p", word]).collect();
    outer.words(&["run"]).words(&words).words(&["--"]).words(target).run()
}

/// The calls of Linux 5.12 and 6.15 that do in one step what older kernels do for each mount.
const OLD: &str = "~mount_setattr:ENOSYS open_tree_attr:ENOSYS";

#[test]
fn a_kernel_without_the_newer_mount_calls_gets_the_same_view() {
    for who in people() {
        let place = who.place("old");
        let path = place.display().to_string();
        for made in ["hidden", "ro", "from", "to", "root", "root/tests"] {
            fs::create_dir(place.join(made)).expect("a directory can be made");
            who.own(&place.join(made));
        }
        who.file(&place.join("hidden/file"), "secret\n");
        let properties = [
            "ProtectSystem=strict",
            "ProtectHome=yes",
            "PrivateDevices=yes",
            "ProtectKernelTunables=yes",
            &format!("ReadWritePaths={path}"),
            &format!("ReadOnlyPaths={path}/ro"),
            &format!("InaccessiblePaths={path}/hidden"),
            &format!("BindReadOnlyPaths={path}/from:{path}/to"),
        ];
        let tried = [
            "write /usr/stockade-probe".to_owned(),
            format!("write {path}/new"),
            format!("write {path}/ro/new"),
            format!("write {path}/to/new"),
            format!("read {path}/hidden/file"),
            "list /home".into(),
            "access /dev/kmsg".into(),
            "write /proc/sys/kernel/hostname".into(),
        ];
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        filtered(&who, OLD, &properties, &verbs(&tried)).ends(0).answers(&[
            ("usr", "EROFS"),
            ("own", "ok"),
            ("read-only", "EROFS"),
            ("bound", "EROFS"),
            ("hidden", "EACCES|ENOENT"),
            ("home", "EACCES|list:|"),
            ("kmsg", "ENOENT"),
            ("sysctl", "EROFS|EACCES"),
        ]);
        let root = [
            &format!("RootDirectory={path}/root"),
            "ReadOnlyPaths=+/",
            &format!("BindReadOnlyPaths={}:/tests", base().display()),
        ]
        .map(str::to_owned);
        let root: Vec<&str> = root.iter().map(String::as_str).collect();
        let tried = ["/tests/probe", "write", "/new", ",", "write", "/tests/new", ",", "access", "/../usr"];
        filtered(&who, OLD, &root, &tried.map(String::from)).ends(0).answers(&[
            ("root", "EROFS"),
            ("bound", "EROFS"),
            ("host", "ENOENT"),
        ]);
    }
}

#[test]
fn a_root_that_something_covers_is_left_behind_whole() {
    // This process is below of what covers its root, and nothing of either may stay in reach.
    for who in people().into_iter().filter(|who| who.is_root() || host_has("userns")) {
        let place = who.place("covered");
        fs::create_dir(place.join("tests")).expect("a directory can be made");
        who.own(&place.join("tests"));
        let enter = ["unshare", if who.is_root() { "-m" } else { "-rm" }, "sh", "-c"];
        for covers in ["", "mount --bind / /;", "mount --bind / / && mount --bind / / && mount -t tmpfs none /;"] {
            let script = format!("{covers} exec \"$@\"");
            let options = [
                format!("-pRootDirectory={}", place.display()),
                format!("-pBindReadOnlyPaths={}:/tests", base().display()),
                "-pCapabilityBoundingSet=".to_owned(),
            ];
            let tried = ["/tests/probe", "access", "/../usr", ",", "access", "../../../../usr", ",", "list", "/.."];
            let run = who.confined(&options).words(&tried);
            let outcome = run.behind(&[&enter[..], &[script.as_str(), "sh"]].concat()).run();
            outcome.ends(0).answers(&[("root", "ENOENT"), ("directory", "ENOENT"), ("all", "*")]);
            assert!(!outcome.answer("list").contains("usr"), "{covers}{outcome}");
        }
    }
}

#[test]
fn a_chroot_is_called_by_its_name() {
    let Some(root) = people().into_iter().find(Who::is_root) else { return };
    let place = root.place("chroot");
    let script = "mount -t tmpfs none \"$0\" && cd \"$0\" && mkdir in in/proc in/tests && mount --rbind /proc in/proc && \
                  mount --bind \"$1\" in/tests && exec chroot in \"${@:2}\"";
    let inside = |words: &[&str]| {
        let enter =
            ["unshare", "-m", "bash", "-c", script, place.to_str().expect("text"), base().to_str().expect("text")];
        let stockade = ["/tests/stockade", "run"].map(String::from);
        root.bare(&enter).words(&stockade).words(words).words(&["--", "/tests/probe", "say", "ran"]).run()
    };
    inside(&["-pNoNewPrivileges=yes"]).ends(0).says("say: ran");
    inside(&["-pProtectSystem=strict"]).ends(226).runs_nothing().complains("in a chroot").complains("mount --bind");
    inside(&["-pPrivateUsers=yes"]).ends(217).runs_nothing().complains("inside a chroot");
}

#[test]
fn what_a_filter_from_outside_refuses_is_refused_before_anything_runs() {
    let probe = verbs(&["say ran"]);
    for who in people() {
        for (filter, property, status, says) in [
            // No helper is made that could not be watched, and no target beside it.
            ("~pidfd_open:EPERM", "PrivatePIDs=yes", 226, "operation not permitted"),
            ("~pidfd_open:EPERM", "Pty=yes", 226, "operation not permitted"),
            // The init cannot give up its capabilities, and its own words are told, not that it is gone.
            ("~capset:EACCES", "PrivatePIDs=yes", 226, "permission denied"),
            ("~capset:EACCES", "PrivatePIDs=yes ; Init.AsPid1=yes", 226, "permission denied"),
            ("~landlock_create_ruleset:EPERM", "Landlock.Restrict=make-dir", 226, "no Landlock"),
            (
                "~landlock_restrict_self:EPERM",
                "Landlock.Restrict=make-dir",
                226,
                "a seccomp filter that was here before",
            ),
            ("~setrlimit:EPERM prlimit64:EPERM", "LimitNOFILE=64", 205, "a seccomp filter that was here before"),
            ("~mount_setattr:EPERM open_tree_attr:EPERM", "ProtectSystem=strict", 226, "filter of a container"),
            ("~getrandom:EPERM", "RestrictNamespaces=yes", 228, "random"),
        ] {
            if property.starts_with("Landlock") && filter.contains("restrict_self") && !host_has("landlock") {
                continue;
            }
            let properties: Vec<&str> = property.split(" ; ").collect();
            filtered(&who, filter, &properties, &probe).ends(status).runs_nothing().complains(says);
        }
    }
}

#[test]
fn a_cover_that_cannot_be_taken_away_stays_and_one_that_can_be_opened_is_refused() {
    // As systemd-nspawn covers /proc/kmsg: by a file that is removed then. In a user namespace that mount is locked.
    let [root, user] = &people()[..] else { return };
    let place = root.place("locked");
    let path = place.join("covered");
    fs::write(&path, "below\n").expect("a file can be written");
    let run = |mode: u32| {
        let mask = place.join("mask");
        fs::write(&mask, "the cover\n").expect("a file can be written");
        fs::set_permissions(&mask, fs::Permissions::from_mode(mode)).expect("modes can be set");
        let script = "mount --bind \"$0\" \"$1\" && rm \"$0\" && shift && exec \"$@\"";
        let drop = ["setpriv", &format!("--reuid={}", user.uid), &format!("--regid={}", user.gid), "--clear-groups"]
            .map(str::to_owned);
        let stockade = base().join("stockade").display().to_string();
        let inner = [stockade, "run".into(), format!("-pInaccessiblePaths={}", path.display()), "--".into()];
        let tried = verbs(&[&format!("line {}", path.display())]);
        let names = [mask.display().to_string(), path.display().to_string()];
        root.bare(&["unshare", "-m", "sh", "-c", script]).words(&names).words(&drop).words(&inner).words(&tried).run()
    };
    run(0o600).quietly().ends(0).answers(&[("line", "EACCES")]);
    run(0o644).ends(226).runs_nothing().complains("a file that was removed since");
}
