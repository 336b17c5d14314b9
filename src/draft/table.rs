//! The system calls' numbers and the widths of their arguments, as data.
//!
//! Numbers: `linux-libc-dev` 7.2.13 (Linux 7.2: `asm/unistd_64.h`, `unistd_32.h` and `unistd_x32.h` of x86, `unistd_64.h`
//! of arm64). Widths: the types in the `SYSCALL_DEFINE`s of Linux 7.2, which are what the kernel cuts the registers to;
//! libc's prototypes differ. `clone` stands with 32-bit flags because `kernel/fork.c` takes their `lower_32_bits`.
//!
//! One word is `name:x86-64,x86,x32,arm64,ints,shorts`: four numbers (x32's without its bit 30; empty where the
//! architecture lacks the call) and two sets of arguments as decimal bit masks: `ints` are 32 bits wide, `shorts` 16
//! (`umode_t`). Everything else fills its register. Names without any number are other architectures', kept because
//! systemd's groups name them. The words are sorted by name.
//!
//! It is one string cut up at compile time, so that the binary holds no pointers to relocate when it starts.

/// How many calls the table names.
pub(super) const COUNT: usize = 564;

/// The highest number that Linux 7.2 gives to a call, on every architecture (x32's own range aside).
pub(super) const NEWEST: u32 = 471;

/// One more than the highest number in the table (x32 reaches 547).
pub(super) const SPAN: usize = 548;

/// Marks a number that no call has, or a call that has no number.
pub(super) const NONE: u16 = u16::MAX;

/// One call.
#[derive(Clone, Copy)]
pub(super) struct Row {
    start: u16,
    length: u8,
    /// The arguments that are 32 bits wide, argument 0 in bit 0.
    pub(super) ints: u8,
    /// The arguments that are 16 bits wide.
    pub(super) shorts: u8,
    /// The numbers on x86-64, x86, x32 (without bit 30) and arm64.
    pub(super) numbers: [u16; 4],
}

impl Row {
    /// The call's name.
    pub(super) fn name(&self) -> &'static str {
        let start = usize::from(self.start);
        &TEXT[start..start + usize::from(self.length)]
    }
}

/// All calls, sorted by name.
pub(super) static ROWS: [Row; COUNT] = rows();

/// For each first letter, the row where its names begin; they end where the next letter's begin.
pub(super) static FIRST: [u16; 129] = first();

// There are fewer rows than 65536.
#[allow(clippy::cast_possible_truncation)]
const fn first() -> [u16; 129] {
    let text = TEXT.as_bytes();
    let mut starts = [0; 129];
    let (mut letter, mut row) = (0, 0);
    while letter < 129 {
        while row < COUNT && (text[ROWS_CONST[row].start as usize] as usize) < letter {
            row += 1;
        }
        starts[letter] = row as u16;
        letter += 1;
    }
    starts
}

/// For each of the four architectures, the row of each number.
pub(super) static BY_NUMBER: [[u16; SPAN]; 4] = by_number();

/// The row of a name, found at compile time.
pub(super) const fn find(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let (mut low, mut high) = (0, COUNT);
    while low < high {
        let middle = usize::midpoint(low, high);
        let at = ROWS_CONST[middle].start as usize;
        let length = ROWS_CONST[middle].length as usize;
        let mut i = 0;
        while i < length && start + i < end && TEXT.as_bytes()[at + i] == text[start + i] {
            i += 1;
        }
        if i == length && start + i == end {
            return Some(middle);
        }
        if i == length || (start + i < end && TEXT.as_bytes()[at + i] < text[start + i]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    None
}

const ROWS_CONST: [Row; COUNT] = rows();

// Every offset and number in the text is below 65536 (a test compares them with another source).
#[allow(clippy::cast_possible_truncation)]
const fn rows() -> [Row; COUNT] {
    let text = TEXT.as_bytes();
    let mut rows = [Row { start: 0, length: 0, ints: 0, shorts: 0, numbers: [NONE; 4] }; COUNT];
    let (mut at, mut row) = (0, 0);
    while row < COUNT {
        while text[at] == b' ' || text[at] == b'\n' {
            at += 1;
        }
        rows[row].start = at as u16;
        while text[at] != b':' {
            at += 1;
        }
        rows[row].length = (at - rows[row].start as usize) as u8;
        at += 1;
        let mut field = 0;
        loop {
            let (mut value, mut digits) = (0_u16, 0);
            while at < text.len() && text[at].is_ascii_digit() {
                value = value * 10 + (text[at] - b'0') as u16;
                digits += 1;
                at += 1;
            }
            if digits > 0 {
                match field {
                    0..4 => rows[row].numbers[field] = value,
                    4 => rows[row].ints = value as u8,
                    _ => rows[row].shorts = value as u8,
                }
            }
            if at >= text.len() || text[at] != b',' {
                break;
            }
            field += 1;
            at += 1;
        }
        row += 1;
    }
    rows
}

// A row's index is below 65536.
#[allow(clippy::cast_possible_truncation)]
const fn by_number() -> [[u16; SPAN]; 4] {
    let mut table = [[NONE; SPAN]; 4];
    let mut row = 0;
    while row < COUNT {
        let mut arch = 0;
        while arch < 4 {
            let number = ROWS_CONST[row].numbers[arch];
            if number != NONE {
                table[arch][number as usize] = row as u16;
            }
            arch += 1;
        }
        row += 1;
    }
    table
}

const TEXT: &str = "\
_llseek:,140,,,17 _newselect:,142,,,1 _sysctl:156,149 accept:43,,43,202,1 accept4:288,364,288,242,9 access:21,33,21,,2
acct:163,51,163,89 add_key:248,286,248,217,16 adjtimex:159,124,159,171 afs_syscall:183,137,183 alarm:37,27,37,,1
arc_gettls: arc_settls: arc_usr_cmpxchg: arch_prctl:158,384,158,,1 arm_fadvise64_64: atomic_barrier:
atomic_cmpxchg_32: bdflush:,134 bind:49,361,49,200,5 bpf:321,357,321,280,21 break:,17 breakpoint: brk:12,45,12,214
cachectl: cacheflush: cachestat:451,451,451,451,9 capget:125,184,125,90 capset:126,185,126,91 chdir:80,12,80,49
chmod:90,15,90,,,2 chown:92,182,92,,6 chown32:,212,,,6 chroot:161,61,161,51 clock_adjtime:305,343,305,266,1
clock_adjtime64:,405,,,1 clock_getres:229,266,229,114,1 clock_getres_time64:,406,,,1 clock_gettime:228,265,228,113,1
clock_gettime64:,403,,,1 clock_nanosleep:230,267,230,115,3 clock_nanosleep_time64:,407,,,3
clock_settime:227,264,227,112,1 clock_settime64:,404,,,1 clone:56,120,56,220,1 clone3:435,435,435,435 close:3,6,3,57,1
close_range:436,436,436,436,7 connect:42,362,42,203,5 copy_file_range:326,377,326,285,37 creat:85,8,85,,,2
create_module:174,127 delete_module:176,129,176,106,2 dipc: dup:32,41,32,23,1 dup2:33,63,33,,3 dup3:292,330,292,24,7
epoll_create:213,254,213,,1 epoll_create1:291,329,291,20,1 epoll_ctl:233,255,233,21,7 epoll_ctl_old:214
epoll_pwait:281,319,281,22,13 epoll_pwait2:441,441,441,441,5 epoll_wait:232,256,232,,13 epoll_wait_old:215
eventfd:284,323,284,,1 eventfd2:290,328,290,19,3 exec_with_loader: execv: execve:59,11,520,221
execveat:322,358,545,281,17 exit:60,1,60,93,1 exit_group:231,252,231,94,1 faccessat:269,307,269,48,5
faccessat2:439,439,439,439,13 fadvise64:221,250,221,223,9 fadvise64_64:,272,,,9 fallocate:285,324,285,47,3
fanotify_init:300,338,300,262,3 fanotify_mark:301,339,301,263,11 fchdir:81,133,81,50,1 fchmod:91,94,91,52,1,2
fchmodat:268,306,268,53,1,4 fchmodat2:452,452,452,452,9,4 fchown:93,95,93,55,7 fchown32:,207,,,7
fchownat:260,298,260,54,29 fchroot: fcntl:72,55,72,25,3 fcntl64:,221,,,3 fdatasync:75,148,75,83,1
fgetxattr:193,231,193,10,1 file_getattr:468,468,468,468,17 file_setattr:469,469,469,469,17
finit_module:313,350,313,273,5 flistxattr:196,234,196,13,1 flock:73,143,73,32,3 fork:57,2,57
fremovexattr:199,237,199,16,1 fsconfig:431,431,431,431,19 fsetxattr:190,228,190,7,17 fsmount:432,432,432,432,7
fsopen:430,430,430,430,2 fspick:433,433,433,433,5 fstat:5,108,5,80,1 fstat64:,197 fstatat: fstatat64:,300,,,9
fstatfs:138,100,138,44,1 fstatfs64:,269,,,1 fsync:74,118,74,82,1 ftime:,35 ftruncate:77,93,77,46,1
ftruncate64:,194,,,1 futex:202,240,202,98,38 futex_requeue:456,456,456,456,14 futex_time64:,422,,,38
futex_wait:455,455,455,455,40 futex_waitv:449,449,449,449,22 futex_wake:454,454,454,454,12 futimesat:261,299,261,,1
get_kernel_syms:177,130 get_mempolicy:239,275,239,236 get_robust_list:274,312,531,100,1 get_thread_area:211,244
get_tls: getcpu:309,318,309,168 getcwd:79,183,79,17 getdents:78,141,78,,5 getdents64:217,220,217,61,5 getdomainname:
getdtablesize: getegid:108,50,108,177 getegid32:,202 geteuid:107,49,107,175 geteuid32:,201 getgid:104,47,104,176
getgid32:,200 getgroups:115,80,115,158,1 getgroups32:,205,,,1 gethostname: getitimer:36,105,36,102,1 getpagesize:
getpeername:52,368,52,205,1 getpgid:121,132,121,155,1 getpgrp:111,65,111 getpid:39,20,39,172 getpmsg:181,188,181
getppid:110,64,110,173 getpriority:140,96,140,141,3 getrandom:318,355,318,278,4 getresgid:120,171,120,150
getresgid32:,211 getresuid:118,165,118,148 getresuid32:,209 getrlimit:97,76,97,163,1 getrusage:98,77,98,165,1
getsid:124,147,124,156,1 getsockname:51,367,51,204,1 getsockopt:55,365,542,209,7 gettid:186,224,186,178
gettimeofday:96,78,96,169 getuid:102,24,102,174 getuid32:,199 getxattr:191,229,191,8 getxattrat:464,464,464,464,5
getxgid: getxpid: getxuid: gtty:,32 idle:,112 init_module:175,128,175,105 inotify_add_watch:254,292,254,27,5
inotify_init:253,291,253 inotify_init1:294,332,294,26,1 inotify_rm_watch:255,293,255,28,3 io_cancel:210,249,210,3
io_destroy:207,246,207,1 io_getevents:208,247,208,4 io_pgetevents:333,385,333,292 io_pgetevents_time64:,416
io_setup:206,245,543,0,1 io_submit:209,248,544,2 io_uring_enter:426,426,426,426,15
io_uring_register:427,427,427,427,11 io_uring_setup:425,425,425,425,1 ioctl:16,54,514,29,3 ioperm:173,101,173,,4
iopl:172,110,172,,1 ioprio_get:252,290,252,31,3 ioprio_set:251,289,251,30,7 ipc:,117,,,3 kcmp:312,349,312,272,7
kern_features: kexec_file_load:320,,320,294,3 kexec_load:246,283,528,104 keyctl:250,288,250,219,1 kill:62,37,62,129,3
landlock_add_rule:445,445,445,445,11 landlock_create_ruleset:444,444,444,444,4
landlock_restrict_self:446,446,446,446,3 lchown:94,16,94,,6 lchown32:,198,,,6 lgetxattr:192,230,192,9 link:86,9,86
linkat:265,303,265,37,21 listen:50,363,50,201,3 listmount:458,458,458,458,8 listns:470,470,470,470,8
listxattr:194,232,194,11 listxattrat:465,465,465,465,5 llistxattr:195,233,195,12 llseek:,,,,17 lock:,53
lookup_dcookie:212,253,212,18 lremovexattr:198,236,198,15 lseek:8,19,8,62,5 lsetxattr:189,227,189,6,16
lsm_get_self_attr:459,459,459,459,9 lsm_list_modules:461,461,461,461,4 lsm_set_self_attr:460,460,460,460,13
lstat:6,107,6 lstat64:,196 madvise:28,219,28,233,4 map_shadow_stack:453,453,453,453,4 mbind:237,274,237,235,32
membarrier:324,375,324,283,7 memfd_create:319,356,319,279,2 memfd_secret:447,447,447,447,1 memory_ordering:
migrate_pages:256,294,256,238,1 mincore:27,218,27,232 mkdir:83,39,83,,,2 mkdirat:258,296,258,34,1,4
mknod:133,14,133,,4,2 mknodat:259,297,259,33,9,4 mlock:149,150,149,228 mlock2:325,376,325,284,4
mlockall:151,152,151,230,1 mmap:9,90,9,222 mmap2:,192 modify_ldt:154,123,154,,1 mount:165,21,165,40
mount_setattr:442,442,442,442,5 move_mount:429,429,429,429,21 move_pages:279,317,533,239,33 mprotect:10,125,10,226
mpx:,56 mq_getsetattr:245,282,245,185,1 mq_notify:244,281,527,184,1 mq_open:240,277,240,180,2,4
mq_timedreceive:243,280,243,183,1 mq_timedreceive_time64:,419,,,1 mq_timedsend:242,279,242,182,9
mq_timedsend_time64:,418,,,9 mq_unlink:241,278,241,181 mremap:25,163,25,216 mseal:462,462,462,462
msgctl:71,402,71,187,3 msgget:68,399,68,186,3 msgrcv:70,401,70,188,17 msgsnd:69,400,69,189,9 msync:26,144,26,227,4
multiplexer: munlock:150,151,150,229 munlockall:152,153,152,231 munmap:11,91,11,215
name_to_handle_at:303,341,303,264,17 nanosleep:35,162,35,101 newfstat: newfstatat:262,,262,79,9 nfsservctl:180,169,,42
nice:,34,,,1 old_adjtimex: oldfstat:,28,,,1 oldlstat:,84 oldolduname:,59 oldstat:,18 oldumount: olduname:,109
open:2,5,2,,2,4 open_by_handle_at:304,342,304,265,5 open_tree:428,428,428,428,5 open_tree_attr:467,467,467,467,5
openat:257,295,257,56,5,8 openat2:437,437,437,437,1 or1k_atomic: osf_fstat: osf_fstatfs: osf_fstatfs64:
osf_getdirentries: osf_getdomainname: osf_getitimer: osf_getrusage: osf_getsysinfo: osf_gettimeofday: osf_lstat:
osf_mount: osf_proplist_syscall: osf_select: osf_set_program_attributes: osf_setitimer: osf_setsysinfo:
osf_settimeofday: osf_shmat: osf_sigprocmask: osf_sigstack: osf_stat: osf_statfs: osf_statfs64: osf_swapon:
osf_syscall: osf_sysinfo: osf_usleep_thread: osf_utimes: osf_utsname: osf_wait4: pause:34,29,34 pciconfig_iobase:
pciconfig_read: pciconfig_write: perf_event_open:298,336,298,241,14 perfctr: personality:135,136,135,92,1
pidfd_getfd:438,438,438,438,7 pidfd_open:434,434,434,434,3 pidfd_send_signal:424,424,424,424,11 pipe:22,42,22
pipe2:293,331,293,59,2 pivot_root:155,217,155,41 pkey_alloc:330,381,330,289 pkey_free:331,382,331,290,1
pkey_mprotect:329,380,329,288,8 poll:7,168,7,,6 ppoll:271,309,271,73,2 ppoll_time64:,414,,,2 prctl:157,172,157,167,1
pread64:17,180,17,67,1 preadv:295,333,534,69 preadv2:327,378,546,286,32 prlimit64:302,340,302,261,3
process_madvise:440,440,440,440,25 process_mrelease:448,448,448,448,3 process_vm_readv:310,347,539,270,1
process_vm_writev:311,348,540,271,1 prof:,44 profil:,98 pselect6:270,308,270,72,1 pselect6_time64:,413,,,1
ptrace:101,26,521,117 putpmsg:182,189,182 pwrite64:18,181,18,68,1 pwritev:296,334,535,70 pwritev2:328,379,547,287,32
query_module:178,167 quotactl:179,131,179,60,5 quotactl_fd:443,443,443,443,7 read:0,3,0,63,1
readahead:187,225,187,213,1 readdir:,89,,,5 readlink:89,85,89,,4 readlinkat:267,305,267,78,9 readv:19,145,515,65
reboot:169,88,169,142,7 recv: recvfrom:45,371,517,207,9 recvmmsg:299,337,537,243,13 recvmmsg_time64:,417,,,13
recvmsg:47,372,519,212,5 remap_file_pages:216,257,216,234 removexattr:197,235,197,14 removexattrat:466,466,466,466,5
rename:82,38,82 renameat:264,302,264,38,5 renameat2:316,353,316,276,21 request_key:249,287,249,218,8
restart_syscall:219,0,219,128 riscv_flush_icache: riscv_hwprobe: rmdir:84,40,84 rseq:334,386,334,293,14
rseq_slice_yield:471,471,471,471 rt_sigaction:13,174,512,134,1 rt_sigpending:127,176,522,136
rt_sigprocmask:14,175,14,135,1 rt_sigqueueinfo:129,178,524,138,3 rt_sigreturn:15,173,513,139
rt_sigsuspend:130,179,130,133 rt_sigtimedwait:128,177,523,137 rt_sigtimedwait_time64:,421
rt_tgsigqueueinfo:297,335,536,240,7 rtas: s390_guarded_storage: s390_pci_mmio_read: s390_pci_mmio_write:
s390_runtime_instr: s390_sthyi: sched_get_affinity: sched_get_priority_max:146,159,146,125,1
sched_get_priority_min:147,160,147,126,1 sched_getaffinity:204,242,204,123,3 sched_getattr:315,352,315,275,13
sched_getparam:143,155,143,121,1 sched_getscheduler:145,157,145,120,1 sched_rr_get_interval:148,161,148,127,1
sched_rr_get_interval_time64:,423,,,1 sched_set_affinity: sched_setaffinity:203,241,203,122,3
sched_setattr:314,351,314,274,5 sched_setparam:142,154,142,118,1 sched_setscheduler:144,156,144,119,3
sched_yield:24,158,24,124 seccomp:317,354,317,277,3 security:185,,185 select:23,82,23,,1 semctl:66,394,66,191,7
semget:64,393,64,190,7 semop:65,,65,193,5 semtimedop:220,,220,192,5 semtimedop_time64:,420,,,5 send:
sendfile:40,187,40,71,3 sendfile64:,239,,,3 sendmmsg:307,345,538,269,13 sendmsg:46,370,518,211,5
sendto:44,369,44,206,41 set_mempolicy:238,276,238,237,1 set_mempolicy_home_node:450,450,450,450
set_robust_list:273,311,530,99 set_thread_area:205,243 set_tid_address:218,258,218,96 set_tls:
setdomainname:171,121,171,162,2 setfsgid:123,139,123,152,1 setfsgid32:,216,,,1 setfsuid:122,138,122,151,1
setfsuid32:,215,,,1 setgid:106,46,106,144,1 setgid32:,214,,,1 setgroups:116,81,116,159,1 setgroups32:,206,,,1 sethae:
sethostname:170,74,170,161,2 setitimer:38,104,38,103,1 setns:308,346,308,268,3 setpgid:109,57,109,154,3 setpgrp:
setpriority:141,97,141,140,7 setregid:114,71,114,143,3 setregid32:,204,,,3 setresgid:119,170,119,149,7
setresgid32:,210,,,7 setresuid:117,164,117,147,7 setresuid32:,208,,,7 setreuid:113,70,113,145,3 setreuid32:,203,,,3
setrlimit:160,75,160,164,1 setsid:112,66,112,157 setsockopt:54,366,541,208,23 settimeofday:164,79,164,170
setuid:105,23,105,146,1 setuid32:,213,,,1 setxattr:188,226,188,5,16 setxattrat:463,463,463,463,5 sgetmask:,68
shmat:30,397,30,196,5 shmctl:31,396,31,195,3 shmdt:67,398,67,197 shmget:29,395,29,194,5 shutdown:48,373,48,210,3
sigaction:,67,,,1 sigaltstack:131,186,525,132 signal:,48,,,1 signalfd:282,321,282,,1 signalfd4:289,327,289,74,9
sigpending:,73 sigprocmask:,126,,,1 sigreturn:,119 sigsuspend:,72 socket:41,359,41,198,7 socketcall:,102,,,1
socketpair:53,360,53,199,7 splice:275,313,275,76,37 spu_create: spu_run: ssetmask:,69,,,1 stat:4,106,4 stat64:,195
statfs:137,99,137,43 statfs64:,268 statmount:457,457,457,457,8 statx:332,383,332,291,13 stime:,25 stty:,31
subpage_prot: swapcontext: swapoff:168,115,168,225 swapon:167,87,167,224,2 switch_endian: symlink:88,83,88
symlinkat:266,304,266,36,2 sync:162,36,162,81 sync_file_range:277,314,277,84,9 sync_file_range2:
syncfs:306,344,306,267,1 sys_debug_setcontext: syscall: sysfs:139,135,139,,1 sysinfo:99,116,99,179
syslog:103,103,103,116,5 sysmips: tee:276,315,276,77,11 tgkill:234,270,234,131,7 time:201,13,201
timer_create:222,259,526,107,1 timer_delete:226,263,226,111,1 timer_getoverrun:225,262,225,109,1
timer_gettime:224,261,224,108,1 timer_gettime64:,408,,,1 timer_settime:223,260,223,110,3 timer_settime64:,409,,,3
timerfd: timerfd_create:283,322,283,85,3 timerfd_gettime:287,326,287,87,1 timerfd_gettime64:,410,,,1
timerfd_settime:286,325,286,86,3 timerfd_settime64:,411,,,3 times:100,43,100,153 tkill:200,238,200,130,3
truncate:76,92,76,45 truncate64:,193 tuxcall:184,,184 ugetrlimit:,191,,,1 ulimit:,58 umask:95,60,95,166,1 umount:,22
umount2:166,52,166,39,2 uname:63,122,63,160 unlink:87,10,87 unlinkat:263,301,263,35,5 unshare:272,310,272,97
uprobe:336,,336 uretprobe:335,,335 uselib:134,86 userfaultfd:323,374,323,282,1 usr26: usr32: ustat:136,62,136,,1
utime:132,30,132 utimensat:280,320,280,88,9 utimensat_time64:,412,,,9 utimes:235,271,235 utrap_install:
vfork:58,190,58 vhangup:153,111,153,58 vm86:,166 vm86old:,113 vmsplice:278,316,532,75,9 vserver:236,273
wait4:61,114,61,260,5 waitid:247,284,529,95,11 waitpid:,7,,,5 write:1,4,1,64,1 writev:20,146,516,66";
