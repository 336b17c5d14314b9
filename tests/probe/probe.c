// The target of the tests: tries one thing after another and says what the kernel answered.
//
//   probe VERB [ARG...] [, VERB [ARG...]]...     each prints `VERB: ok`, `VERB: ERRNO` or `VERB: VALUE`
//   probe under KEY=VALUE... -- COMMAND...       puts the process into a state, then becomes COMMAND
//
// Whatever succeeds is undone at once and changes nothing that outlives the process, so that a
// sandbox that leaks does no harm to the machine. Built statically: no loader, no locale.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#define HIGH (1ull << 32)
#define SCHED_ATTR_SIZE 48

extern char **environ;
static int argc_;
static char **argv_;

// What a verb answers: a value that it printed itself, success, or an errno.
enum { SAID = -2 };
static int answer(long result) { return result < 0 ? errno : 0; }
static int number(const char *text) { return (int)strtol(text, NULL, 0); }

struct word { const char *name; long value; };
static long word(const struct word *table, const char *name) {
  for (; table->name; table++) if (!strcmp(table->name, name)) return table->value;
  fprintf(stderr, "probe: unknown word %s\n", name);
  exit(99);
}
static const struct word NAMESPACES[] = {
  {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS}, {"net", CLONE_NEWNET}, {"pid", CLONE_NEWPID}, {"ipc", CLONE_NEWIPC},
  {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME}, {"none", 0}, {0}};
static const struct word LIMITS[] = {
  {"cpu", RLIMIT_CPU}, {"fsize", RLIMIT_FSIZE}, {"data", RLIMIT_DATA}, {"stack", RLIMIT_STACK}, {"core", RLIMIT_CORE},
  {"rss", RLIMIT_RSS}, {"nproc", RLIMIT_NPROC}, {"nofile", RLIMIT_NOFILE}, {"memlock", RLIMIT_MEMLOCK}, {"as", RLIMIT_AS},
  {"locks", RLIMIT_LOCKS}, {"sigpending", RLIMIT_SIGPENDING}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
  {"rtprio", RLIMIT_RTPRIO}, {"rttime", RLIMIT_RTTIME}, {0}};

// ---- files

static int v_read(char **a) {
  char byte;
  int fd = open(a[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  ssize_t n = read(fd, &byte, 1);
  int e = answer(n);
  close(fd);
  if (n != 0) return e;
  printf("read: empty\n");
  return SAID;
}
static int v_line(char **a) {  // the first line of a file
  char text[4096] = "";
  int fd = open(a[0], O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  ssize_t n = read(fd, text, sizeof text - 1);
  if (n < 0) return errno;
  text[strcspn(text, "\n")] = 0;
  printf("line: %s\n", text);
  close(fd);
  return SAID;
}
static int v_write(char **a) {  // opens for writing; where nothing is, a file of its own name, removed again
  struct stat there;
  char own[PATH_MAX];
  int made = lstat(a[0], &there) < 0;
  if (made) snprintf(own, sizeof own, "%s.%d", a[0], (int)getpid());
  char *name = made ? own : a[0];
  int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0) return errno;
  close(fd);
  if (made) unlink(name);
  return 0;
}
static int v_touch(char **a) {  // stays
  int fd = open(a[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}
static int v_openat2(char **a) {
  uint64_t how[3] = {O_RDONLY | O_CLOEXEC, 0, 0};
  long fd = syscall(SYS_openat2, AT_FDCWD, a[0], how, sizeof how);
  if (fd < 0) return errno;
  close((int)fd);
  return 0;
}
static int by_name(const void *x, const void *y) { return strcmp(*(char *const *)x, *(char *const *)y); }
static int v_list(char **a) {
  DIR *d = opendir(a[0]);
  char *names[512];
  int n = 0;
  if (!d) return errno;
  for (struct dirent *e; n < 512 && (e = readdir(d));) if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) names[n++] = strdup(e->d_name);
  closedir(d);
  qsort(names, (size_t)n, sizeof *names, by_name);
  printf("list:");
  for (int i = 0; i < n; i++) printf(" %s", names[i]);
  printf("\n");
  return SAID;
}
static int v_mode(char **a) {
  struct stat s;
  if (lstat(a[0], &s) < 0) return errno;
  printf("mode: %o %u:%u\n", s.st_mode, s.st_uid, s.st_gid);
  return SAID;
}
static int v_access(char **a) { return answer(access(a[0], F_OK)); }
static int v_mountflags(char **a) {  // what the mount that a path is on forbids
  struct statvfs s;
  if (statvfs(a[0], &s) < 0) return errno;
  printf("mountflags:%s%s%s%s\n", s.f_flag & ST_RDONLY ? " ro" : "", s.f_flag & ST_NOSUID ? " nosuid" : "",
         s.f_flag & ST_NODEV ? " nodev" : "", s.f_flag & ST_NOEXEC ? " noexec" : "");
  return SAID;
}
static int v_device(char **a) {
  struct stat s;
  if (stat(a[0], &s) < 0) return errno;
  printf("device: %u:%u\n", major(s.st_rdev), minor(s.st_rdev));
  return SAID;
}
static int v_symlink(char **a) { return answer(symlink(a[0], a[1])); }
static int v_hardlink(char **a) { return answer(link(a[0], a[1])); }
static int v_rename(char **a) { return answer(rename(a[0], a[1])); }
static int v_exchange(char **a) { return answer(renameat2(AT_FDCWD, a[0], AT_FDCWD, a[1], RENAME_EXCHANGE)); }
static int v_truncate(char **a) { return answer(truncate(a[0], 0)); }
static int v_unlink(char **a) { return answer(unlink(a[0])); }
static int v_mkdir(char **a) {
  int e = answer(mkdir(a[0], 0700));
  if (!e) rmdir(a[0]);
  return e;
}
static int v_fifo(char **a) {
  int e = answer(mknod(a[0], S_IFIFO | 0600, 0));
  if (!e) unlink(a[0]);
  return e;
}
static int v_node(char **a) {  // a second /dev/null
  int e = answer(mknod(a[0], S_IFCHR | 0600, makedev(1, 3)));
  if (!e) unlink(a[0]);
  return e;
}
static int v_tmpfile(char **a) {
  int fd = open(a[0], O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}
static int v_suid(char **a) {  // chmod u+s of a new file
  int fd = open(a[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
  if (fd < 0) return errno;
  int e = answer(fchmod(fd, 04700));
  close(fd);
  unlink(a[0]);
  return e;
}
static int v_suidat2(char **a) {  // the same by the newest call
  int fd = open(a[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
  if (fd < 0) return errno;
  int e = answer(syscall(__NR_fchmodat2, AT_FDCWD, a[0], 04700, 0));
  close(fd);
  unlink(a[0]);
  return e;
}
static int v_suidcreate(char **a) {
  int fd = open(a[0], O_WRONLY | O_CREAT | O_CLOEXEC, 04700);
  if (fd < 0) return errno;
  close(fd);
  unlink(a[0]);
  return 0;
}
static int v_umaskof(char **a) {  // the mode that a new file gets
  struct stat s;
  int fd = open(a[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777);
  if (fd < 0) return errno;
  fstat(fd, &s);
  close(fd);
  unlink(a[0]);
  printf("umaskof: %o\n", s.st_mode & 07777);
  return SAID;
}
static int v_exec(char **a) {  // runs it in a child; only the answer of execve matters
  int pipes[2];
  int e = 0;
  if (pipe2(pipes, O_CLOEXEC) < 0) return errno;
  pid_t child = fork();
  if (child < 0) return errno;
  if (!child) {
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) { dup2(null, 1); dup2(null, 2); }
    execve(a[0], a, environ);
    e = errno;
    if (write(pipes[1], &e, sizeof e) < 0) _exit(98);
    _exit(99);
  }
  close(pipes[1]);
  if (read(pipes[0], &e, sizeof e) <= 0) e = 0;
  close(pipes[0]);
  waitpid(child, NULL, 0);
  return e;
}
static int v_memfd(char **a) {  // executes a copy of itself from memory
  (void)a;
  char buffer[65536];
  int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out = memfd_create("copy", MFD_CLOEXEC), status;
  if (in < 0 || out < 0) return errno;
  for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;) if (write(out, buffer, (size_t)n) != n) return errno;
  pid_t child = fork();
  if (!child) {
    char *args[] = {"probe", "exit", "7", NULL};
    execveat(out, "", args, environ, AT_EMPTY_PATH);
    _exit(errno);
  }
  if (child < 0) return errno;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : WEXITSTATUS(status);
}

// ---- network

static struct sockaddr_in inet(char **a) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(a[1]))};
  inet_pton(AF_INET, a[0], &to.sin_addr);
  return to;
}
static int try_connect(int fd, const void *to, socklen_t size) {
  if (fd < 0) return errno;
  int e = answer(connect(fd, to, size));
  if (e == EINPROGRESS) {
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    socklen_t n = sizeof e;
    if (poll(&wait, 1, 2000) <= 0) e = ETIMEDOUT;
    else getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n);
  }
  close(fd);
  return e;
}
static int v_connect(char **a) {
  struct sockaddr_in to = inet(a);
  return try_connect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), &to, sizeof to);
}
static int v_mptcp(char **a) {
  struct sockaddr_in to = inet(a);
  return try_connect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_MPTCP), &to, sizeof to);
}
static int v_sendto(int fd, char **a, int flags) {
  struct sockaddr_in to = inet(a);
  if (fd < 0) return errno;
  int e = answer(sendto(fd, "x", 1, flags, (void *)&to, sizeof to));
  close(fd);
  return e == EINPROGRESS ? 0 : e;
}
static int v_udp(char **a) { return v_sendto(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), a, 0); }
static int v_tfo(char **a) { return v_sendto(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), a, MSG_FASTOPEN); }
static int v_bind(char **a) {
  struct sockaddr_in to = inet(a);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int e = answer(bind(fd, (void *)&to, sizeof to));
  close(fd);
  return e;
}
static int v_listen(char **a) {  // listening without bind(2)
  (void)a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int e = answer(listen(fd, 1));
  close(fd);
  return e;
}
static int v_unix(char **a) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, a[0], sizeof to.sun_path - 1);
  return try_connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &to, sizeof to);
}
static int v_abstract(char **a) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t n = strnlen(a[0], sizeof to.sun_path - 1);
  memcpy(to.sun_path + 1, a[0], n);
  return try_connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n));
}
static int v_socket(char **a) {  // FAMILY TYPE PROTOCOL as numbers
  int fd = socket(number(a[0]), number(a[1]) | SOCK_CLOEXEC, number(a[2]));
  if (fd < 0) return errno;
  close(fd);
  return 0;
}
static int v_sockethigh(char **a) {  // the family with bits above 32 that the kernel ignores
  long fd = syscall(SYS_socket, HIGH | (uint64_t)number(a[0]), (uint64_t)number(a[1]), 0ul);
  if (fd < 0) return errno;
  close((int)fd);
  return 0;
}
static int v_socketpair(char **a) {
  int fds[2];
  return answer(socketpair(number(a[0]), SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
}
static int v_interfaces(char **a) {
  (void)a;
  FILE *file = fopen("/proc/self/net/dev", "re");
  char text[512];
  if (!file) return errno;
  printf("interfaces:");
  while (fgets(text, sizeof text, file)) {
    char *colon = strchr(text, ':'), *name = text;
    if (!colon || strchr(text, '|')) continue;
    *colon = 0;
    while (*name == ' ') name++;
    printf(" %s", name);
  }
  printf("\n");
  fclose(file);
  return SAID;
}

// ---- other processes

static int v_ptrace(char **a) {
  int pid = number(a[0]);
  int e = answer(ptrace(PTRACE_SEIZE, pid, 0, 0));
  if (!e) { kill(pid, 0); ptrace(PTRACE_DETACH, pid, 0, 0); }
  return e;
}
static int v_processvm(char **a) {
  char byte;
  struct iovec to = {&byte, 1}, from = {(void *)(uintptr_t)0x400000, 1};
  return answer(process_vm_readv(number(a[0]), &to, 1, &from, 1, 0));
}
static int v_pidfdgetfd(char **a) {
  long pidfd = syscall(SYS_pidfd_open, number(a[0]), 0);
  if (pidfd < 0) return errno;
  long fd = syscall(SYS_pidfd_getfd, pidfd, 0, 0);
  int e = answer(fd);
  close((int)pidfd);
  if (fd >= 0) close((int)fd);
  return e;
}
static int v_kill(char **a) { return answer(kill(number(a[0]), number(a[1]))); }
static int v_prlimit(char **a) {  // limits of another process, or of this one (0)
  struct rlimit limit;
  prlimit(0, RLIMIT_NOFILE, NULL, &limit);
  return answer(prlimit(number(a[0]), RLIMIT_NOFILE, &limit, NULL));
}

// ---- mounts and namespaces

static int v_mount(char **a) {
  int e = answer(mount("probe", a[0], "tmpfs", 0, "size=4k"));
  if (!e) umount2(a[0], MNT_DETACH);
  return e;
}
static int v_remount(char **a) {  // lifts every flag of a mount
  return answer(mount(NULL, a[0], NULL, MS_REMOUNT | MS_BIND, NULL));
}
static int v_fsopen(char **a) {
  (void)a;
  long fd = syscall(SYS_fsopen, "tmpfs", 1);
  int e = answer(fd);
  if (!e) close((int)fd);
  return e;
}
static int v_opentree(char **a) {
  long fd = syscall(SYS_open_tree, AT_FDCWD, a[0], 1 | O_CLOEXEC);
  int e = answer(fd);
  if (!e) close((int)fd);
  return e;
}
static int v_setattr(char **a) {  // clears read-only by the new call
  struct { uint64_t set, clear, propagation, userns; } attr = {.clear = 1};
  return answer(syscall(SYS_mount_setattr, AT_FDCWD, a[0], 0, &attr, sizeof attr));
}
static int v_umount(char **a) {  // only marks it as expired, which is what the kernel's EAGAIN says
  int e = answer(umount2(a[0], MNT_EXPIRE));
  return e == EAGAIN ? 0 : e;
}
static int v_pivot(char **a) {  // never succeeds: `/` onto itself is EBUSY or EINVAL where it is allowed
  (void)a;
  return answer(syscall(SYS_pivot_root, "/", "/"));
}
static int v_chroot(char **a) {
  pid_t child = fork();
  int status;
  if (!child) _exit(answer(chroot(a[0])));
  if (child < 0) return errno;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}
static int in_child(long (*call)(unsigned long), unsigned long flags) {  // so that what succeeds is gone at once
  int status;
  pid_t child = fork();
  if (child < 0) return errno;
  if (!child) _exit(answer(call(flags)));
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? EINTR : WEXITSTATUS(status);
}
static long c_unshare(unsigned long flags) { return syscall(SYS_unshare, flags); }
static long c_clone(unsigned long flags) {
#ifdef __s390__
  long pid = syscall(SYS_clone, 0, flags | SIGCHLD, 0, 0, 0);
#else
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
#endif
  if (!pid) _exit(0);
  if (pid > 0) waitpid((pid_t)pid, NULL, 0);
  return pid;
}
static long c_clone3(unsigned long flags) {
  uint64_t args[8] = {flags, 0, 0, 0, SIGCHLD, 0, 0, 0};
  long pid = syscall(SYS_clone3, args, sizeof args);
  if (!pid) _exit(0);
  if (pid > 0) waitpid((pid_t)pid, NULL, 0);
  return pid;
}
static int v_unshare(char **a) { return in_child(c_unshare, (unsigned long)word(NAMESPACES, a[0])); }
static int v_unshared(char **a) { return answer(c_unshare((unsigned long)word(NAMESPACES, a[0]))); }  // without a child
static int v_unsharehigh(char **a) { return in_child(c_unshare, HIGH | (unsigned long)word(NAMESPACES, a[0])); }
static int v_clone(char **a) { return in_child(c_clone, (unsigned long)word(NAMESPACES, a[0])); }
static int v_clone3(char **a) { return in_child(c_clone3, (unsigned long)word(NAMESPACES, a[0])); }
static int setns_to(char **a, uint64_t high) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/ns/%s", strcmp(a[0], "none") ? a[0] : "uts");
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int e = answer(syscall(SYS_setns, fd, high | (uint64_t)word(NAMESPACES, a[0])));
  close(fd);
  return e;
}
static int v_setns(char **a) { return setns_to(a, 0); }
static int v_setnshigh(char **a) { return setns_to(a, HIGH); }
static int v_namespace(char **a) {
  char path[64], link[64] = "";
  snprintf(path, sizeof path, "/proc/self/ns/%s", a[0]);
  if (readlink(path, link, sizeof link - 1) < 0) return errno;
  printf("namespace: %s\n", link);
  return SAID;
}

// ---- the kernel's own things

static int v_module(char **a) { (void)a; return answer(syscall(SYS_init_module, "", 0ul, "")); }
static int v_finitmodule(char **a) { (void)a; return answer(syscall(SYS_finit_module, -1, "", 0)); }
static int v_deletemodule(char **a) { (void)a; return answer(syscall(SYS_delete_module, "no_such_module", O_NONBLOCK)); }
static int v_bpf(char **a) {
  (void)a;
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = attr.value_size = 4;
  attr.max_entries = 1;
  long fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
  int e = answer(fd);
  if (!e) close((int)fd);
  return e;
}
static int v_keyctl(char **a) { (void)a; return answer(syscall(SYS_keyctl, 0, -3, 0)); }
static int v_addkey(char **a) { (void)a; return answer(syscall(SYS_add_key, "user", "stockade-probe", "x", 1ul, -1 /* thread keyring */)); }
static int v_requestkey(char **a) { (void)a; return answer(syscall(SYS_request_key, "user", "stockade-probe", 0ul, 0)); }
static int v_hostname(char **a) {  // sets the name that is set already
  (void)a;
  char name[65] = "";
  gethostname(name, sizeof name - 1);
  return answer(sethostname(name, strlen(name)));
}
static int v_domainname(char **a) {
  (void)a;
  char name[65] = "";
  if (getdomainname(name, sizeof name - 1) < 0) return errno;
  return answer(setdomainname(name, strlen(name)));
}
static int v_settime(char **a) {  // refused as an invalid value where it is allowed
  (void)a;
  struct timespec bad = {.tv_sec = -1, .tv_nsec = 2000000000};
  return answer(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
}
static int v_adjtime(char **a) {
  (void)a;
  struct timex t = {.modes = ADJ_TICK, .tick = 1};  // out of range: EINVAL where it is allowed
  return answer(adjtimex(&t));
}
static int v_syslog(char **a) { (void)a; return answer(klogctl(9 /* SYSLOG_ACTION_SIZE_UNREAD */, NULL, 0)); }
static int v_reboot(char **a) { (void)a; return answer(syscall(SYS_reboot, 0, 0, 0, 0)); }
static int v_swapon(char **a) { (void)a; return answer(syscall(SYS_swapon, "/nonexistent", 0)); }
static int v_kexec(char **a) { (void)a; return answer(syscall(SYS_kexec_load, 0ul, 1000000ul, NULL, 0ul)); }
static int v_iouring(char **a) {
  (void)a;
  char params[120] = {0};
  long fd = syscall(SYS_io_uring_setup, 1, params);
  int e = answer(fd);
  if (!e) close((int)fd);
  return e;
}
static int v_userfaultfd(char **a) {
  (void)a;
  long fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */);
  int e = answer(fd);
  if (!e) close((int)fd);
  return e;
}
static int v_perf(char **a) {
  (void)a;
  struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1};
  long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0ul);
  int e = answer(fd);
  if (!e) close((int)fd);
  return e;
}
static int v_fanotify(char **a) { (void)a; long fd = syscall(SYS_fanotify_init, 0, 0); int e = answer(fd); if (!e) close((int)fd); return e; }
static int v_handle(char **a) { (void)a; char handle[128] = {0}; return answer(syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY)); }
static int v_iopl(char **a) {
  (void)a;
#ifdef SYS_iopl
  return answer(syscall(SYS_iopl, 0));
#else
  return ENOSYS;
#endif
}
static int v_ioperm(char **a) {
  (void)a;
#ifdef SYS_ioperm
  return answer(syscall(SYS_ioperm, 0x80ul, 1ul, 1));
#else
  return ENOSYS;
#endif
}
static int v_unknown(char **a) { (void)a; return answer(syscall(9999)); }

// ---- terminals: a pseudo terminal of our own as the controlling one

static int on_terminal(unsigned long request, void *argument) {
  int status;
  pid_t child = fork();
  if (child < 0) return errno;
  if (!child) {
    setsid();
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) _exit(errno);
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0) _exit(errno);
    _exit(answer(syscall(SYS_ioctl, slave, request, argument)));
  }
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}
static char PUSHED[] = "x";
static int v_tiocsti(char **a) { (void)a; return on_terminal(TIOCSTI, PUSHED); }
static int v_tiocstihigh(char **a) { (void)a; return on_terminal(HIGH | TIOCSTI, PUSHED); }
static int v_tioclinux(char **a) { (void)a; char sub = 6; return on_terminal(TIOCLINUX, &sub); }
static int v_tiocgwinsz(char **a) { (void)a; struct winsize size; return on_terminal(TIOCGWINSZ, &size); }

// The same on the terminal that was inherited as descriptor 0.
static int v_push(char **a) { (void)a; return answer(syscall(SYS_ioctl, 0, (unsigned long)TIOCSTI, PUSHED)); }
static int v_pushhigh(char **a) { (void)a; return answer(syscall(SYS_ioctl, 0, HIGH | TIOCSTI, PUSHED)); }
static int v_paste(char **a) { (void)a; char sub = 6; return answer(syscall(SYS_ioctl, 0, (unsigned long)TIOCLINUX, &sub)); }
static int v_size(char **a) { (void)a; struct winsize size; return answer(ioctl(0, TIOCGWINSZ, &size)); }

// ---- the process itself

static int v_personality(char **a) { return answer(syscall(SYS_personality, (unsigned)strtoul(a[0], NULL, 0))); }
static int v_int80(char **a) {  // getpid by its 32-bit number
  (void)a;
#ifdef __x86_64__
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
  return result < 0 ? (int)-result : 0;
#else
  return ENOSYS;
#endif
}
static int v_x32(char **a) { (void)a; return answer(syscall(0x40000000 | 39)); }
static int v_wx(char **a) {
  (void)a;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? errno : 0;
}
static int v_mprotect(char **a) {
  (void)a;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? errno : answer(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
static int v_pkeymprotect(char **a) {
  (void)a;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? errno : answer(syscall(SYS_pkey_mprotect, page, 4096ul, PROT_READ | PROT_EXEC, -1));
}
static int v_shmexec(char **a) {
  (void)a;
  int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
  if (id < 0) return errno;
  void *at = shmat(id, NULL, SHM_EXEC);
  int e = at == (void *)-1 ? errno : 0;
  shmctl(id, IPC_RMID, NULL);
  return e;
}
static int v_shm(char **a) {  // whether a System V segment with a key is there
  return answer(shmget(number(a[0]), 0, 0));
}
static int v_realtime(char **a) { (void)a; struct sched_param p = {.sched_priority = 1}; return answer(sched_setscheduler(0, SCHED_FIFO, &p)); }
static int v_batch(char **a) { (void)a; struct sched_param p = {0}; return answer(sched_setscheduler(0, SCHED_BATCH, &p)); }
static int v_realtimeattr(char **a) {
  (void)a;
  uint32_t attr[SCHED_ATTR_SIZE / 4] = {SCHED_ATTR_SIZE, SCHED_FIFO, 0, 0, 0, 1};
  return answer(syscall(SYS_sched_setattr, 0, attr, 0));
}
static long c_uid(unsigned long uid) { return setuid((uid_t)uid); }
static int v_setuid(char **a) { return in_child(c_uid, strtoul(a[0], NULL, 0)); }
static long c_groups(unsigned long gid) { gid_t group = (gid_t)gid; return setgroups(1, &group); }
static int v_setgroups(char **a) { return in_child(c_groups, strtoul(a[0], NULL, 0)); }
static int v_dropcap(char **a) { return answer(prctl(PR_CAPBSET_DROP, number(a[0]), 0, 0, 0)); }
static int v_ids(char **a) {
  (void)a;
  uid_t r, e, s;
  gid_t gr, ge, gs, groups[256];
  getresuid(&r, &e, &s);
  getresgid(&gr, &ge, &gs);
  int n = getgroups(256, groups);
  printf("ids: %u %u %u %u %u %u groups", r, e, s, gr, ge, gs);
  for (int i = 0; i < n; i++) printf(" %u", groups[i]);
  printf("\n");
  return SAID;
}
static int v_caps(char **a) {  // effective permitted inheritable bounding ambient, by system calls only
  (void)a;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct d[2];
  uint64_t bounding = 0, ambient = 0;
  if (syscall(SYS_capget, &header, d) < 0) return errno;
  for (int cap = 0; cap < 64; cap++) {
    if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1) bounding |= 1ull << cap;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) ambient |= 1ull << cap;
  }
  printf("caps: eff=%llx prm=%llx inh=%llx bnd=%llx amb=%llx\n", (unsigned long long)d[1].effective << 32 | d[0].effective,
         (unsigned long long)d[1].permitted << 32 | d[0].permitted, (unsigned long long)d[1].inheritable << 32 | d[0].inheritable,
         (unsigned long long)bounding, (unsigned long long)ambient);
  return SAID;
}
static int v_flags(char **a) {  // what prctl(2) says of the process
  (void)a;
  printf("flags: nnp=%d securebits=%d dumpable=%d keepcaps=%d pdeathsig=", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
         prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
  int sig = 0;
  prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0);
  printf("%d\n", sig);
  return SAID;
}
static int v_thp(char **a) {  // what is said against huge pages: PR_THP_DISABLE_EXCEPT_ADVISED is 2
  (void)a;
  printf("thp: %d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  return SAID;
}
static int v_status(char **a) {  // one line of /proc/self/status
  FILE *file = fopen("/proc/self/status", "re");
  char text[512];
  size_t n = strlen(a[0]);
  if (!file) return errno;
  while (fgets(text, sizeof text, file)) {
    if (strncmp(text, a[0], n) || text[n] != ':') continue;
    char *value = text + n + 1;
    value += strspn(value, " \t");
    value[strcspn(value, "\n")] = 0;
    printf("status: %s %s\n", a[0], value);
    fclose(file);
    return SAID;
  }
  fclose(file);
  return ENOENT;
}
static int v_limit(char **a) {
  struct rlimit limit;
  if (getrlimit((unsigned)word(LIMITS, a[0]), &limit) < 0) return errno;
  printf("limit: %s %lld %lld\n", a[0], (long long)limit.rlim_cur, (long long)limit.rlim_max);
  return SAID;
}
static int v_raiselimit(char **a) {
  struct rlimit limit;
  unsigned which = (unsigned)word(LIMITS, a[0]);
  if (getrlimit(which, &limit) < 0) return errno;
  limit.rlim_max++;
  return answer(setrlimit(which, &limit));
}
static int v_fds(char **a) {
  (void)a;
  printf("fds:");
  for (int fd = 0; fd < 4096; fd++) if (fcntl(fd, F_GETFD) >= 0) printf(" %d", fd);
  printf("\n");
  return SAID;
}
static int v_fd(char **a) {  // what a descriptor is open on
  char path[64], link[4096] = "";
  snprintf(path, sizeof path, "/proc/self/fd/%s", a[0]);
  if (readlink(path, link, sizeof link - 1) < 0) return errno;
  printf("fd: %s\n", link);
  return SAID;
}
static int v_isfd(char **a) {  // FD TYPE: whether it is open and of that kind
  struct stat s;
  if (fstat(number(a[0]), &s) < 0) return errno;
  printf("isfd: %s\n", S_ISSOCK(s.st_mode) ? "socket" : S_ISCHR(s.st_mode) ? "character" : S_ISREG(s.st_mode) ? "file" : S_ISDIR(s.st_mode) ? "directory" : S_ISFIFO(s.st_mode) ? "pipe" : "other");
  return SAID;
}
static int v_env(char **a) {
  (void)a;
  for (char **e = environ; *e; e++) printf("env: %s\n", *e);
  return SAID;
}
static int v_get(char **a) {
  const char *value = getenv(a[0]);
  printf("get: %s%s%s\n", a[0], value ? "=" : " is not set", value ? value : "");
  return SAID;
}
static int v_cwd(char **a) {
  (void)a;
  char path[4096];
  if (syscall(SYS_getcwd, path, sizeof path) < 0) return errno;
  printf("cwd: %s\n", path);
  return SAID;
}
static int v_argv(char **a) {
  (void)a;
  for (int i = 0; i < argc_; i++) printf("argv: %s\n", argv_[i]);
  return SAID;
}
static int v_pid(char **a) {
  (void)a;
  printf("pid: %d\n", getpid());
  return SAID;
}
static int v_listenpid(char **a) {  // whether LISTEN_PID is this process
  (void)a;
  const char *value = getenv("LISTEN_PID");
  printf("listenpid: %s\n", value && number(value) == getpid() ? "own" : value ? "other" : "unset");
  return SAID;
}
static int v_session(char **a) {
  (void)a;
  printf("session: sid=%d pgid=%d ppid=%d\n", getsid(0), getpgid(0), getppid());
  return SAID;
}
static int v_umask(char **a) {
  (void)a;
  printf("umask: %o\n", umask(022));
  return SAID;
}
static int v_signals(char **a) {
  (void)a;
  sigset_t mask, pending;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  sigpending(&pending);
  printf("signals: blocked");
  for (int s = 1; s <= 64; s++) if (sigismember(&mask, s) == 1) printf(" %d", s);
  printf(" ignored");
  for (int s = 1; s <= 64; s++) {
    struct sigaction act;
    if (sigaction(s, NULL, &act) == 0 && act.sa_handler == SIG_IGN) printf(" %d", s);
  }
  printf("\n");
  return SAID;
}
static int v_exit(char **a) { fflush(NULL); _exit(number(a[0])); }
static int v_die(char **a) {
  int sig = number(a[0]);
  sigset_t all;
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, NULL);
  if (sig != SIGKILL && sig != SIGSTOP) signal(sig, SIG_DFL);
  fflush(NULL);
  kill(getpid(), sig);
  return EAGAIN;
}
static int v_hang(char **a) {  // says so, then waits for a signal
  (void)a;
  printf("hang: ready\n");
  fflush(stdout);
  while (pause() < 0) continue;
  return SAID;
}
static int caught;
static void on_signal(int sig) { caught = sig; }
static int v_catch(char **a) {  // waits for one of several signals and says which
  struct sigaction act = {.sa_handler = on_signal};
  for (; *a; a++) sigaction(number(*a), &act, NULL);
  printf("catch: ready\n");
  fflush(stdout);
  while (!caught) pause();
  printf("catch: %d\n", caught);
  return SAID;
}
static int v_say(char **a) { printf("say: %s\n", a[0]); return SAID; }
static int v_become(char **a) {
  fflush(NULL);
  execve(a[0], a, environ);
  return errno;
}

static const struct { const char *name; int (*run)(char **); } VERBS[] = {
#define V(name) {#name, v_##name}
  V(abstract), V(access), V(addkey), V(adjtime), V(argv), V(batch), V(become), V(bind), V(bpf), V(caps), V(catch), V(chroot), V(clone), V(clone3),
  V(connect), V(cwd), V(deletemodule), V(device), V(die), V(domainname), V(dropcap), V(env), V(exchange), V(exec), V(exit), V(fanotify), V(fd),
  V(fds), V(fifo), V(finitmodule), V(flags), V(fsopen), V(get), V(handle), V(hang), V(hardlink), V(hostname), V(ids), V(int80), V(interfaces),
  V(ioperm), V(iopl), V(iouring), V(isfd), V(kexec), V(keyctl), V(kill), V(limit), V(line), V(list), V(listen), V(listenpid), V(memfd), V(mkdir),
  V(mode), V(module), V(mount), V(mountflags), V(mprotect), V(mptcp), V(namespace), V(node), V(openat2), V(opentree), V(perf), V(personality), V(pid),
  V(paste), V(pidfdgetfd), V(pivot), V(pkeymprotect), V(push), V(pushhigh), V(prlimit), V(processvm), V(ptrace), V(raiselimit), V(read), V(realtime), V(realtimeattr), V(reboot),
  V(remount), V(rename), V(requestkey), V(say), V(session), V(setattr), V(setgroups), V(setns), V(setnshigh), V(settime), V(setuid), V(shm),
  V(shmexec), V(signals), V(size), V(socket), V(sockethigh), V(socketpair), V(status), V(suid), V(suidat2), V(suidcreate), V(swapon), V(symlink), V(syslog),
  V(tfo), V(thp), V(tiocgwinsz), V(tioclinux), V(tiocsti), V(tiocstihigh), V(tmpfile), V(touch), V(truncate), V(udp), V(umask), V(umaskof), V(umount),
  V(unix), V(unknown), V(unlink), V(unshare), V(unshared), V(unsharehigh), V(userfaultfd), V(write), V(wx), V(x32),
};

// ---- `under`: the state that a caller may be in

static int under(char **a) {
  static char number_text[16];
  int inherit = -1;
  for (; *a && strcmp(*a, "--"); a++) {
    char *value = strchr(*a, '=');
    if (!value) goto bad;
    *value++ = 0;
    if (!strcmp(*a, "ignore")) signal(number(value), SIG_IGN);
    else if (!strcmp(*a, "default")) signal(number(value), SIG_DFL);
    else if (!strcmp(*a, "block")) { sigset_t set; sigemptyset(&set); sigaddset(&set, number(value)); sigprocmask(SIG_BLOCK, &set, NULL); }
    else if (!strcmp(*a, "close")) close(number(value));
    else if (!strcmp(*a, "umask")) umask((mode_t)strtoul(value, NULL, 8));
    else if (!strcmp(*a, "cd")) { if (chdir(value) < 0) goto failed; }
    else if (!strcmp(*a, "open")) {  // FD:PATH, not close-on-exec
      char *path = strchr(value, ':');
      if (!path) goto bad;
      *path++ = 0;
      int fd = open(path, O_RDONLY | O_NONBLOCK);
      if (fd < 0) goto failed;
      if (fd != number(value)) { if (dup2(fd, number(value)) < 0) goto failed; close(fd); }
    }
    else if (!strcmp(*a, "cloexec")) { if (fcntl(number(value), F_SETFD, FD_CLOEXEC) < 0) goto failed; }
    else if (!strcmp(*a, "listen")) {  // N listening sockets from 3 on, announced as a service manager does
      for (inherit = 0; inherit < number(value); inherit++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un any = {.sun_family = AF_UNIX};  // the kernel chooses a name
        if (fd < 0 || bind(fd, (void *)&any, sizeof any.sun_family) < 0 || listen(fd, 1) < 0) goto failed;
        if (fd != 3 + inherit) { if (dup2(fd, 3 + inherit) < 0) goto failed; close(fd); }
      }
      setenv("LISTEN_FDS", value, 1);
      snprintf(number_text, sizeof number_text, "%d", getpid());
      setenv("LISTEN_PID", number_text, 1);
    }
    else if (!strcmp(*a, "unit")) {  // as the main process of a unit
      snprintf(number_text, sizeof number_text, "%d", getpid());
      setenv("SYSTEMD_EXEC_PID", number_text, 1);
    }
    else if (!strcmp(*a, "nofile")) { struct rlimit l = {strtoul(value, NULL, 0), strtoul(value, NULL, 0)}; if (setrlimit(RLIMIT_NOFILE, &l) < 0) goto failed; }
    else if (!strcmp(*a, "stack")) { struct rlimit l = {strtoul(value, NULL, 0), RLIM_INFINITY}; if (setrlimit(RLIMIT_STACK, &l) < 0) goto failed; }
    else if (!strcmp(*a, "nnp")) { if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) goto failed; }
    else if (!strcmp(*a, "userns")) { if (unshare(CLONE_NEWUSER) < 0) goto failed; }
    else if (!strcmp(*a, "mountns")) { if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) goto failed; }
    else if (!strcmp(*a, "tmpfs")) { if (mount("probe", value, "tmpfs", 0, NULL) < 0) goto failed; }
    else if (!strcmp(*a, "touch")) { int fd = open(value, O_CREAT | O_WRONLY, 0644); if (fd < 0) goto failed; close(fd); }
    else if (!strcmp(*a, "pty")) {  // a new session on a new terminal, which is descriptor 0; a child goes on
      int master = posix_openpt(O_RDWR | O_NOCTTY);
      if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) goto failed;
      int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
      pid_t child = slave < 0 ? -1 : fork();
      if (child < 0) goto failed;
      if (child) {
        int status;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 || dup2(slave, 0) < 0) goto failed;
    }
    else if (!strcmp(*a, "keyring")) { if (syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, value) < 0) goto failed; }
    else goto bad;
    continue;
  failed:
    fprintf(stderr, "probe: under %s=%s: %s\n", *a, value, strerror(errno));
    return 98;
  bad:
    fprintf(stderr, "probe: under: bad word %s\n", *a);
    return 99;
  }
  if (!*a || !a[1]) return 99;
  execve(a[1], a + 1, environ);
  fprintf(stderr, "probe: %s: %s\n", a[1], strerror(errno));
  return 97;
}

int main(int argc, char **argv) {
  argc_ = argc;
  argv_ = argv;
  if (argc > 2 && !strcmp(argv[1], "under")) return under(argv + 2);
  for (int i = 1; i < argc;) {
    char *verb = argv[i++];
    char *args[64] = {0};
    int n = 0;
    while (i < argc && strcmp(argv[i], ",") && n < 63) args[n++] = argv[i++];
    i++;
    for (int k = n; k < 4; k++) args[k] = args[k] ? args[k] : NULL;
    size_t v = 0, count = sizeof VERBS / sizeof *VERBS;
    while (v < count && strcmp(VERBS[v].name, verb)) v++;
    if (v == count) {
      fprintf(stderr, "probe: unknown verb %s\n", verb);
      return 99;
    }
    errno = 0;
    int e = VERBS[v].run(args);
    if (e == 0) printf("%s: ok\n", verb);
    else if (e != SAID) {
      const char *name = strerrorname_np(e);
      if (name) printf("%s: %s\n", verb, name);
      else printf("%s: errno %d\n", verb, e);
    }
    fflush(stdout);
  }
  return 0;
}
