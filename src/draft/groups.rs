//! The groups of system calls of systemd 262 (`src/shared/seccomp-util.c` as `systemd-analyze syscall-filter` prints it).
//!
//! Groups change between releases of systemd, so a policy's meaning is pinned to one of them. Behind them stands one
//! group of stockade's own, so that the profile `container-default` need not spell 378 names at each launch.

use super::calls::{Id, Set};
use super::table::{self, COUNT};
use crate::fault;

/// How many groups there are.
const GROUPS: usize = 31;

/// The last of systemd's; stockade's own stand behind it.
const KNOWN: usize = 29;

/// One group: a name that stands for many calls.
#[derive(Clone, Copy, Debug)]
pub struct Group(&'static Entry);

/// Where a group's words stand in the text, and every call it stands for.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: (u16, u16),
    summary: (u16, u16),
    members: (u16, u16),
    set: Set,
}

impl Group {
    /// The name, with its `@`.
    pub fn name(self) -> &'static str {
        cut(self.0.name)
    }

    /// Whether it is stockade's own, so that systemd passes over its name with a warning.
    pub fn is_own(self) -> bool {
        ENTRIES[KNOWN + 1..].iter().any(|entry| entry.name == self.0.name)
    }

    /// systemd's one line about it.
    pub fn summary(self) -> &'static str {
        cut(self.0.summary)
    }

    /// What the group names itself: calls, and other groups by their names. `@known` counts its calls out.
    pub fn members(self) -> impl Iterator<Item = &'static str> {
        let words = cut(self.0.members);
        let all = words.contains('*');
        let obsolete = if all { group("@obsolete") } else { None };
        let counted =
            self.set().iter().filter(move |id| all && obsolete.is_none_or(|group| !group.set().contains(*id)));
        words.split_ascii_whitespace().filter(|word| !word.starts_with(['*', '~'])).chain(counted.map(Id::name))
    }

    /// Every call that the group stands for, those of the groups in it included.
    pub fn set(self) -> &'static Set {
        &self.0.set
    }
}

/// The group of this name, which starts with `@`.
pub fn group(name: &str) -> Option<Group> {
    all().find(|group| group.name() == name)
}

/// Every group, in systemd's order.
pub fn all() -> impl Iterator<Item = Group> {
    ENTRIES.iter().map(Group)
}

/// The names of all calls that a group stands for, those of the groups in it included; nothing for unknown groups.
pub fn expand(name: &str) -> impl Iterator<Item = &'static str> {
    group(name).into_iter().flat_map(|group| group.set().iter().map(Id::name))
}

/// The group's name that looks most like a misspelt one.
pub fn nearest(name: &str) -> Option<&'static str> {
    fault::nearest(name, all().map(Group::name))
}

/// Whether systemd 262 knows the call (its group `@known`).
pub fn known(id: Id) -> bool {
    ENTRIES[KNOWN].set.contains(id)
}

fn cut(range: (u16, u16)) -> &'static str {
    &TEXT[usize::from(range.0)..usize::from(range.1)]
}

static ENTRIES: [Entry; GROUPS] = entries();

/// Cuts the text up at compile time: a line with `@` first begins a group, and is its name and summary.
// The text is shorter than 65536 bytes.
#[allow(clippy::cast_possible_truncation)]
const fn entries() -> [Entry; GROUPS] {
    let text = TEXT.as_bytes();
    let mut entries = [Entry { name: (0, 0), summary: (0, 0), members: (0, 0), set: Set::EMPTY }; GROUPS];
    let (mut at, mut group) = (0, 0);
    while group < GROUPS {
        let name = at;
        at = word_end(text, at);
        entries[group].name = (name as u16, at as u16);
        let summary = at + 1;
        at = line_end(text, at);
        entries[group].summary = (summary as u16, at as u16);
        let members = at + 1;
        at = members;
        while at < text.len() && !begins_group(text, at) {
            at = line_end(text, at) + 1;
        }
        let end = if at < text.len() { at - 1 } else { text.len() };
        entries[group].members = (members as u16, end as u16);
        entries[group].set = set(members, end);
        group += 1;
    }
    entries
}

/// The calls of the words between two places of the text.
const fn set(start: usize, end: usize) -> Set {
    let text = TEXT.as_bytes();
    let mut words = [0_u64; COUNT.div_ceil(64)];
    let mut at = start;
    while at < end {
        let stop = word_end(text, at);
        if text[at] == b'@' {
            let nested = nested(text, at, stop);
            let mut word = 0;
            while word < words.len() {
                words[word] |= nested.0[word];
                word += 1;
            }
        } else if text[at] == b'*' {
            let mut row = 0;
            while row < COUNT {
                words[row / 64] |= 1 << (row % 64);
                row += 1;
            }
        } else if text[at] == b'~' {
            let row = place(text, at + 1, stop);
            words[row / 64] &= !(1 << (row % 64));
        } else {
            let row = place(text, at, stop);
            words[row / 64] |= 1 << (row % 64);
        }
        at = stop + 1;
    }
    Set(words)
}

const fn place(text: &[u8], start: usize, end: usize) -> usize {
    match table::find(text, start, end) {
        Some(row) => row,
        None => panic!("a group names a call that the table lacks"),
    }
}

/// The calls of the group whose name stands between two places.
const fn nested(text: &[u8], start: usize, end: usize) -> Set {
    let mut at = 0;
    loop {
        let stop = word_end(text, at);
        if stop - at == end - start && same(text, at, start, end - start) {
            let members = line_end(text, stop) + 1;
            let mut last = members;
            while last < text.len() && !begins_group(text, last) {
                last = line_end(text, last) + 1;
            }
            return set(members, if last < text.len() { last - 1 } else { text.len() });
        }
        at = line_end(text, at) + 1;
        while !begins_group(text, at) {
            at = line_end(text, at) + 1;
        }
    }
}

/// A line that begins with `@name Word`, not with a list of members.
const fn begins_group(text: &[u8], at: usize) -> bool {
    let next = word_end(text, at) + 1;
    text[at] == b'@' && next < text.len() && text[next].is_ascii_uppercase()
}

const fn same(text: &[u8], a: usize, b: usize, length: usize) -> bool {
    let mut i = 0;
    while i < length && text[a + i] == text[b + i] {
        i += 1;
    }
    i == length
}

const fn word_end(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] != b' ' && text[at] != b'\n' {
        at += 1;
    }
    at
}

const fn line_end(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] != b'\n' {
        at += 1;
    }
    at
}

const TEXT: &str = "\
@default System calls that are always permitted
@sandbox arch_prctl brk cacheflush clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
clock_nanosleep_time64 execve exit exit_group futex futex_time64 futex_waitv get_robust_list get_thread_area getegid
getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid getrandom getresgid
getresgid32 getresuid getresuid32 getrlimit getsid gettid gettimeofday getuid getuid32 lsm_get_self_attr
lsm_list_modules membarrier mmap mmap2 mprotect mseal munmap nanosleep pause prlimit64 restart_syscall
riscv_flush_icache riscv_hwprobe rseq rt_sigreturn sched_getaffinity sched_yield set_robust_list set_thread_area
set_tid_address set_tls sigreturn time ugetrlimit uretprobe
@aio Asynchronous IO
io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit io_uring_enter
io_uring_register io_uring_setup
@basic-io Basic IO
_llseek close close_range dup dup2 dup3 llseek lseek pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readv
write writev
@chown Change ownership of files and directories
chown chown32 fchown fchown32 fchownat lchown lchown32
@clock Change the system time
adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday
@cpu-emulation System calls for CPU emulation functionality
modify_ldt subpage_prot switch_endian vm86 vm86old
@debug Debugging, performance monitoring and tracing functionality
lookup_dcookie perf_event_open pidfd_getfd ptrace rtas s390_runtime_instr sys_debug_setcontext
@file-system File system operations
access chdir chmod close creat faccessat faccessat2 fallocate fchdir fchmod fchmodat fchmodat2 fcntl fcntl64
fgetxattr file_getattr file_setattr flistxattr fremovexattr fsetxattr fstat fstat64 fstatat fstatat64 fstatfs
fstatfs64 ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch
inotify_init inotify_init1 inotify_rm_watch lgetxattr link linkat listmount listxattr listxattrat llistxattr
lremovexattr lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat newfstat newfstatat oldfstat oldlstat oldstat open
open_tree openat openat2 readlink readlinkat removexattr removexattrat rename renameat renameat2 rmdir setxattr
setxattrat stat stat64 statfs statfs64 statmount statx symlink symlinkat truncate truncate64 unlink unlinkat utime
utimensat utimensat_time64 utimes
@io-event Event loop system calls
_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
eventfd eventfd2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select
@ipc SysV IPC, POSIX Message Queues or other IPC
ipc memfd_create mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 process_madvise process_vm_readv
process_vm_writev semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
@keyring Kernel keyring access
add_key keyctl request_key
@memlock Memory locking control
mlock mlock2 mlockall munlock munlockall
@module Loading and unloading of kernel modules
delete_module finit_module init_module
@mount Mounting and unmounting of file systems
chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree_attr pivot_root umount umount2
@network-io Network or Unix socket IO, should not be needed if not network facing
accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg
send sendmmsg sendmsg sendto setsockopt shutdown socket socketcall socketpair
@obsolete Unusual, obsolete or unimplemented system calls
_sysctl afs_syscall bdflush break create_module ftime get_kernel_syms getpmsg gtty idle lock mpx prof profil putpmsg
query_module security sgetmask ssetmask stime stty sysfs tuxcall ulimit uselib ustat vserver
@pkey System calls used for memory protection keys
pkey_alloc pkey_free pkey_mprotect
@privileged All system calls which need super-user capabilities
@chown @clock @module @raw-io @reboot @swap _sysctl acct bpf capset chroot fanotify_init fanotify_mark nfsservctl
open_by_handle_at pivot_root quotactl quotactl_fd setdomainname setfsuid setfsuid32 setgroups setgroups32 sethostname
setresuid setresuid32 setreuid setreuid32 setuid setuid32 vhangup
@process Process control, execution, namespacing operations
capget clone clone3 execveat fork getrusage kill pidfd_open pidfd_send_signal prctl rt_sigqueueinfo rt_tgsigqueueinfo
setns swapcontext tgkill times tkill unshare vfork wait4 waitid waitpid
@raw-io Raw I/O port access
ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write s390_pci_mmio_read s390_pci_mmio_write
@reboot Reboot and reboot preparation/kexec
kexec_file_load kexec_load reboot
@resources Alter resource settings
ioprio_set mbind migrate_pages move_pages nice sched_setaffinity sched_setattr sched_setparam sched_setscheduler
set_mempolicy set_mempolicy_home_node setpriority setrlimit
@sandbox Sandbox functionality
landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp
@setuid Operations for changing user/group credentials
setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
setreuid32 setuid setuid32
@signal Process signal handling
rt_sigaction rt_sigpending rt_sigprocmask rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 sigaction sigaltstack
signal signalfd signalfd4 sigpending sigprocmask sigsuspend
@swap Enable/disable swap devices
swapoff swapon
@sync Synchronize files and memory to storage
fdatasync fsync msync sync sync_file_range sync_file_range2 syncfs
@system-service General system service operations
@aio @basic-io @chown @default @file-system @io-event @ipc @keyring @memlock @network-io @process @resources @setuid
@signal @sync @timer arm_fadvise64_64 capget capset copy_file_range fadvise64 fadvise64_64 flock get_mempolicy getcpu
getpriority ioctl ioprio_get kcmp madvise mremap name_to_handle_at oldolduname olduname personality readahead readdir
remap_file_pages sched_get_priority_max sched_get_priority_min sched_getattr sched_getparam sched_getscheduler
sched_rr_get_interval sched_rr_get_interval_time64 sched_yield sendfile sendfile64 setfsgid setfsgid32 setfsuid
setfsuid32 setpgid setsid splice sysinfo tee umask uname userfaultfd vmsplice
@timer Schedule operations by time
alarm getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
@known All known syscalls declared in the kernel
@obsolete * ~fstatat ~newfstat ~nfsservctl
@container-default What Docker's default profile allows without a condition (stockade's own)
_llseek _newselect accept accept4 access adjtimex alarm arch_prctl arm_fadvise64_64 bind breakpoint brk
cacheflush cachestat capget capset chdir chmod chown chown32 chroot clock_adjtime clock_adjtime64 clock_getres
clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range
connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait
epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2
fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl
fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs
fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid
geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid
getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname
getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init
inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup
io_submit ioctl ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr
lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret
mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt mprotect mq_getsetattr
mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap
mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open
openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll
ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev
pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv
recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2
restart_syscall riscv_flush_icache riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr sched_get_priority_max sched_get_priority_min
sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg
sendto set_robust_list set_thread_area set_tid_address set_tls setfsgid setfsgid32 setfsuid setfsuid32 setgid
setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32
setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat
shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socket socketcall
socketpair splice stat stat64 statfs statfs64 statmount statx swapcontext symlink symlinkat sync
sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun
timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64
timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat
uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_systemd_262() {
        let sizes: Vec<(&str, usize, usize)> =
            all().map(|group| (group.name(), group.members().count(), group.set().len())).collect();
        let of = |name: &str| sizes.iter().find(|row| row.0 == name).map(|row| (row.1, row.2));
        assert_eq!(sizes.len(), 30 + 1);
        assert_eq!(of("@default"), Some((67, 70)));
        assert_eq!(of("@system-service"), Some((61, 395)));
        assert_eq!(of("@privileged"), Some((31, 53)));
        assert_eq!(of("@file-system"), Some((88, 88)));
        assert_eq!(of("@mount"), Some((12, 12)));
        assert_eq!(of("@obsolete"), Some((27, 27)));
        assert_eq!(of("@known").map(|size| size.1), Some(561));
        let direct = [
            "@aio 10",
            "@basic-io 18",
            "@chown 7",
            "@clock 6",
            "@cpu-emulation 5",
            "@debug 7",
            "@io-event 17",
            "@ipc 28",
            "@keyring 3",
            "@memlock 5",
            "@module 3",
            "@network-io 22",
            "@pkey 3",
            "@process 22",
            "@raw-io 7",
            "@reboot 3",
            "@resources 13",
            "@sandbox 4",
            "@setuid 14",
            "@signal 14",
            "@swap 2",
            "@sync 7",
            "@timer 16",
        ];
        for row in direct {
            let (name, size) = row.split_once(' ').expect("a name and a size");
            let size = size.parse().expect("a number");
            assert_eq!(of(name), Some((size, size)), "{name}");
        }
    }

    #[test]
    fn nested_groups_stay_nested_and_expand() {
        let service = group("@system-service").expect("the group");
        assert_eq!(service.members().next(), Some("@aio"));
        assert_eq!(service.summary(), "General system service operations");
        let calls: Vec<&str> = expand("@system-service").collect();
        for call in ["io_uring_setup", "landlock_restrict_self", "seccomp", "execve", "futex_waitv", "openat2"] {
            assert!(calls.contains(&call), "{call}");
        }
        for call in ["mount", "pivot_root", "sethostname", "reboot", "ptrace", "syslog"] {
            assert!(!calls.contains(&call), "{call}");
        }
        assert_eq!(expand("@nothing").count(), 0);
        assert_eq!(nearest("@system-servce"), Some("@system-service"));
    }

    #[test]
    fn every_call_exists_somewhere() {
        use crate::draft::arch::Arch;
        use crate::draft::calls::Call;
        // Calls that only Alpha, ARC, CSKY, OpenRISC, SPARC and kernels long gone number, and one that is newer on
        // RISC-V than libseccomp 2.5.
        const HOMELESS: &str = "arc_gettls arc_settls arc_usr_cmpxchg atomic_barrier atomic_cmpxchg_32 dipc exec_with_loader execv \
            fchroot fstatat getdomainname getdtablesize gethostname getpagesize getxgid getxpid getxuid \
            kern_features llseek memory_ordering newfstat old_adjtimex oldumount or1k_atomic osf_fstat \
            osf_fstatfs osf_fstatfs64 osf_getdirentries osf_getdomainname osf_getitimer osf_getrusage \
            osf_getsysinfo osf_gettimeofday osf_lstat osf_mount osf_proplist_syscall osf_select \
            osf_set_program_attributes osf_setitimer osf_setsysinfo osf_settimeofday osf_shmat osf_sigprocmask \
            osf_sigstack osf_stat osf_statfs osf_statfs64 osf_swapon osf_syscall osf_sysinfo osf_usleep_thread \
            osf_utimes osf_utsname osf_wait4 perfctr riscv_hwprobe sched_get_affinity sched_set_affinity sethae \
            setpgrp utrap_install";
        let expected: Vec<&str> = HOMELESS.split_ascii_whitespace().collect();
        let homeless =
            |id: &Id| Arch::words().filter_map(Arch::parse).all(|arch| Call::Known(*id).number(arch, arch).is_none());
        for id in Id::all().filter(homeless) {
            assert!(expected.contains(&id.name()), "{}", id.name());
        }
    }
}
