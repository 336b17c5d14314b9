//! What the kernel answers once a policy's filter is loaded: in a forked child, as root and as nobody.

// Forking and raw system calls are what is tested here.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use libc::{c_long, sock_filter};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, fork};

use stockade::draft::arch::Arch;
use stockade::fault::{Origin, Source};
use stockade::host::Host;
use stockade::plan::filter::tree;
use stockade::plan::seccomp;
use stockade::policy::Policy;
use stockade::sys;
use stockade::sys::execve::{Vector, execve};
use stockade::text::{Document, Entry, Kind, Value};

const COOKIE: [u64; 3] = [0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321, 0xffff_0000_ffff_0001];

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    /// As the tests are run; no_new_privs only where they are not run as root.
    Caller,
    /// User 65534 with no_new_privs.
    Nobody,
}

/// Everybody that the tests can be.
fn everyone() -> &'static [Who] {
    if Uid::effective().is_root() { &[Who::Caller, Who::Nobody] } else { &[Who::Caller] }
}

fn program(words: &[&str], cookie: Option<[u64; 3]>) -> Vec<sock_filter> {
    let entries = words.iter().map(|word| {
        let (name, text) = word.split_once('=').expect("NAME=VALUE");
        let source = Arc::new(Source { name: "-p".into(), text: (*word).into() });
        let at = Origin::new(&source, 0..word.len());
        Entry { name: name.into(), at: at.clone(), value: Value { kind: Kind::Text(text.into()), at } }
    });
    let policy = Policy::read(&Document { entries: entries.collect() }).expect("a good policy");
    // An old kernel, so that MemoryDenyWriteExecute is the filter's.
    let host = Host { release: (5, 10), ..Host::default() };
    let mut filter = seccomp::collect(&policy.draft(), &host);
    filter.cookie = cookie;
    let program = tree::compile(&filter, Arch::native()).expect("a filter");
    program.code.iter().map(|step| sock_filter { code: step.code, jt: step.jt, jf: step.jf, k: step.k }).collect()
}

/// Runs `probe` in a child and returns what it returned, and how the child ended.
fn child(probe: impl FnOnce() -> Vec<i32>) -> (Vec<i32>, WaitStatus) {
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    // SAFETY: the C library's fork leaves its allocator usable in the child.
    match unsafe { fork() }.expect("a child") {
        ForkResult::Child => {
            let numbers = probe();
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
            let written = writer.write_all(&bytes).is_ok();
            // SAFETY: ends the child without running the test harness's own exit.
            unsafe { libc::_exit(if written { 0 } else { 99 }) }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).expect("the child's numbers");
            let numbers = bytes.chunks_exact(4).map(|four| i32::from_ne_bytes([four[0], four[1], four[2], four[3]]));
            (numbers.collect(), waitpid(child, None).expect("the child's end"))
        }
    }
}

fn become_who(who: Who) {
    if who == Who::Nobody {
        nix::unistd::setgroups(&[]).expect("setgroups");
        nix::unistd::setresgid(Gid::from_raw(65534), Gid::from_raw(65534), Gid::from_raw(65534)).expect("setresgid");
        nix::unistd::setresuid(Uid::from_raw(65534), Uid::from_raw(65534), Uid::from_raw(65534)).expect("setresuid");
    }
    if !Uid::effective().is_root() {
        sys::process::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).expect("no_new_privs");
    }
}

/// One system call: 0, or the error.
fn call(number: c_long, args: [u64; 6]) -> i32 {
    // SAFETY: the tests pass numbers, null, or pointers that outlive the call.
    let result = unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]) };
    if result == -1 { Errno::last_raw() } else { 0 }
}

/// Loads the policy's filter and makes calls; each must answer what stands beside it.
fn tries(words: &[&str], expected: &[(c_long, [u64; 6], i32)]) {
    let program = program(words, None);
    for who in everyone() {
        let (answers, status) = child(|| {
            become_who(*who);
            sys::seccomp::load(0, &program).expect("the kernel takes the filter");
            expected.iter().map(|(number, args, _)| call(*number, *args)).collect()
        });
        assert!(matches!(status, WaitStatus::Exited(_, 0)), "{who:?} {words:?}: {status:?}");
        let wanted: Vec<i32> = expected.iter().map(|(_, _, error)| *error).collect();
        assert_eq!(answers, wanted, "{who:?} {words:?}");
    }
}

const HIGH: u64 = 1 << 32;
const NEWUSER: u64 = 0x1000_0000;
const NEWNET: u64 = 0x4000_0000;
const SIGCHLD: u64 = 17;
const VSOCK: u64 = 40;
const NO_FD: u64 = u64::MAX;

#[test]
fn a_filter_needs_no_new_privs_or_root() {
    let program = program(&["SystemCallFilter=~mount"], None);
    let load = |who| {
        child(|| {
            if who == Who::Nobody {
                nix::unistd::setresuid(Uid::from_raw(65534), Uid::from_raw(65534), Uid::from_raw(65534))
                    .expect("setresuid");
            }
            vec![sys::seccomp::load(0, &program).err().map_or(0, |errno| errno as i32)]
        })
        .0
    };
    let root = Uid::effective().is_root();
    assert_eq!(load(Who::Caller), [if root { 0 } else { libc::EACCES }]);
    if root {
        assert_eq!(load(Who::Nobody), [libc::EACCES]);
    }
}

#[test]
fn namespaces_cannot_be_made_or_entered() {
    tries(
        &["RestrictNamespaces=yes"],
        &[
            (libc::SYS_unshare, [NEWUSER, 0, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_unshare, [NEWNET, 0, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_clone, [NEWUSER | SIGCHLD, 0, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_clone3, [0; 6], libc::ENOSYS),
            (libc::SYS_setns, [NO_FD, NEWNET, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_setns, [NO_FD, 0, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_unshare, [0x200, 0, 0, 0, 0, 0], 0),
        ],
    );
    tries(
        &["RestrictNamespaces=~user"],
        &[
            (libc::SYS_unshare, [NEWUSER, 0, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_setns, [NO_FD, NEWUSER | HIGH, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_setns, [NO_FD, NEWNET, 0, 0, 0, 0], libc::EBADF),
        ],
    );
}

#[test]
fn sockets_are_made_of_allowed_families_only() {
    let socket = |family: u64| (libc::SYS_socket, [family, 1, 0, 0, 0, 0]);
    let [unix, unix_high, inet, inet_high, vsock, unheard] = [1, 1 | HIGH, 2, 2 | HIGH, VSOCK | HIGH, 4000].map(socket);
    let with = |(number, args), error| (number, args, error);
    tries(
        &["RestrictAddressFamilies=AF_UNIX"],
        &[
            with(unix, 0),
            with(unix_high, 0),
            with(inet, libc::EAFNOSUPPORT),
            with(inet_high, libc::EAFNOSUPPORT),
            with(vsock, libc::EAFNOSUPPORT),
            with(unheard, libc::EAFNOSUPPORT),
        ],
    );
    tries(&["RestrictAddressFamilies=~AF_INET"], &[with(unix, 0), with(inet, 97), with(inet_high, 97)]);
    tries(&["RestrictAddressFamilies=none"], &[with(unix, 97), with(inet, 97)]);
}

#[test]
fn set_id_files_cannot_be_made() {
    let place = Place::new("setid");
    let file = place.path("file");
    let path = file.as_ptr() as u64;
    let directory = place.path("");
    let here = directory.as_ptr() as u64;
    let cwd = i64::from(libc::AT_FDCWD).cast_unsigned();
    let words = ["RestrictSUIDSGID=yes"];
    let tmpfile = u64::try_from(libc::O_TMPFILE | libc::O_RDWR).expect("flags");
    tries(
        &words,
        &[
            (libc::SYS_openat, [cwd, path, 0o102, 0o4755, 0, 0], libc::EPERM),
            (libc::SYS_openat, [cwd, here, tmpfile, 0o4755, 0, 0], libc::EPERM),
            (libc::SYS_openat, [cwd, path, 0o102, 0o755, 0, 0], 0),
            (libc::SYS_openat, [cwd, path, 0, 0o4755, 0, 0], 0),
            (libc::SYS_fchmodat, [cwd, path, 0o4755, 0, 0, 0], libc::EPERM),
            (libc::SYS_fchmodat, [cwd, path, 0o2755 | HIGH, 0, 0, 0], libc::EPERM),
            (libc::SYS_fchmodat, [cwd, path, 0o755, 0, 0, 0], 0),
            (libc::SYS_openat2, [0; 6], libc::ENOSYS),
            (libc::SYS_unlinkat, [cwd, path, 0, 0, 0, 0], 0),
        ],
    );
}

#[test]
fn realtime_personality_and_writable_code_are_refused() {
    let zero = [0_u32; 1];
    let parameter = zero.as_ptr() as u64;
    let anonymous = u64::try_from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).expect("flags");
    tries(
        &["RestrictRealtime=yes", "LockPersonality=yes", "MemoryDenyWriteExecute=yes"],
        &[
            (libc::SYS_sched_setscheduler, [0, 1, parameter, 0, 0, 0], libc::EPERM),
            (libc::SYS_sched_setscheduler, [0, 0, parameter, 0, 0, 0], 0),
            (libc::SYS_sched_setscheduler, [0, 3 | HIGH, parameter, 0, 0, 0], 0),
            (libc::SYS_sched_setattr, [0; 6], libc::EPERM),
            (libc::SYS_personality, [0x0004_0000, 0, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_personality, [0; 6], 0),
            (libc::SYS_mmap, [0, 4096, 7, anonymous, NO_FD, 0], libc::EPERM),
            (libc::SYS_mmap, [0, 4096, 3, anonymous, NO_FD, 0], 0),
            (libc::SYS_mprotect, [0, 0, 4, 0, 0, 0], libc::EPERM),
        ],
    );
}

#[test]
fn lists_of_calls_answer_as_they_say() {
    tries(
        &[
            "SystemCallFilter=@system-service clone3:ENOSYS",
            "SystemCallFilter=~@privileged umask:EBADMSG",
            "SystemCallErrorNumber=EPERM",
        ],
        &[
            (libc::SYS_getppid, [0; 6], 0),
            (libc::SYS_clone3, [0; 6], libc::ENOSYS),
            (libc::SYS_umask, [0o22, 0, 0, 0, 0, 0], libc::EBADMSG),
            (libc::SYS_acct, [0; 6], libc::EPERM),
            (libc::SYS_kexec_load, [0; 6], libc::EPERM),
            (5000, [0; 6], libc::ENOSYS),
        ],
    );
    let program = program(&["SystemCallFilter=~umask"], None);
    for who in everyone() {
        let (answers, status) = child(|| {
            become_who(*who);
            sys::seccomp::load(0, &program).expect("the kernel takes the filter");
            vec![call(libc::SYS_umask, [0; 6])]
        });
        assert!(answers.is_empty());
        assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGSYS, _)), "{who:?}: {status:?}");
    }
}

#[test]
fn the_launchers_execve_passes_and_no_other() {
    let words = ["SystemCallFilter=~execve:EXDEV execveat:EXDEV"];
    let program = program(&words, Some(COOKIE));
    let string = |text: &str| CString::new(text).expect("a string");
    let run = |who: Who, cookie: [u64; 3]| {
        child(|| {
            become_who(who);
            let argv =
                Vector::new(["sh", "-c", "exec 2>/dev/null; /bin/true; test $? = 126 && exit 42"].map(string).to_vec());
            let (path, envp) = (string("/bin/sh"), Vector::new(Vec::new()));
            sys::seccomp::load(0, &program).expect("the kernel takes the filter");
            vec![execve(&path, &argv, &envp, cookie) as i32]
        })
    };
    for who in everyone() {
        let (answers, status) = run(*who, COOKIE);
        assert!(answers.is_empty(), "{who:?}: execve returned");
        assert!(matches!(status, WaitStatus::Exited(_, 42)), "{who:?}: {status:?}");
        assert_eq!(run(*who, [COOKIE[0], COOKIE[1], 0]).0, [libc::EXDEV], "{who:?}");
    }
}

/// A directory that everybody can write and that goes away again.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stockade-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a new directory");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("its mode");
        Self(path)
    }

    fn path(&self, name: &str) -> CString {
        CString::new(self.0.join(name).into_os_string().into_encoded_bytes()).expect("a path")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the directory is ours");
    }
}
