// What a target can do about the calls that a supervisor answers. Each verb is one argument list, as for `probe`:
//
//   notify VERB [ARG...]       prints what it saw, one line each; ends with 0 when it was able to do what it is for
//
// Built statically, so that nothing but what is written here makes system calls worth notifying of.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static void say(const char *what, long answer) {
  if (answer < 0) printf("%s: %s\n", what, strerrorname_np(errno));
  else printf("%s: %ld\n", what, answer);
  fflush(stdout);
}

// ---- what the tests of decisions call

static int v_ids(char **a) {  // pid, parent and children, by /proc: nothing that a filter is told to notify of
  (void)a;
  char text[4096], path[64];
  printf("pid: %ld\n", syscall(SYS_getpid));
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)syscall(SYS_getpid));
  int fd = syscall(SYS_open, path, O_RDONLY);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  printf("children: %s\n", n < 0 ? strerrorname_np(errno) : n == 0 ? "none" : (text[n] = 0, text));
  int status;
  printf("wait: %s\n", waitpid(-1, &status, WNOHANG | __WALL) < 0 ? strerrorname_np(errno) : "a child");
  return 0;
}
static int v_getppid(char **a) { (void)a; say("getppid", syscall(SYS_getppid)); return 0; }
static int v_socket(char **a) { say("socket", syscall(SYS_socket, atoi(a[0]), SOCK_DGRAM, 0)); return 0; }
static int v_line(char **a) {  // the first line of a file by openat
  char text[256] = "";
  int fd = syscall(SYS_openat, AT_FDCWD, a[0], O_RDONLY | O_CLOEXEC);
  if (fd < 0) { say("line", -1); return 0; }
  ssize_t n = read(fd, text, sizeof text - 1);
  if (n < 0) { say("line", -1); return 0; }
  text[strcspn(text, "\n")] = 0;
  printf("line: %s\n", text);
  printf("cloexec: %d\n", fcntl(fd, F_GETFD));
  printf("nonblock: %d\n", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  close(fd);
  return 0;
}
static int opens(const char *what, int directory, const char *path, int flags, int mode) {
  int fd = syscall(SYS_openat, directory, path, flags, mode);
  if (fd < 0) { say(what, -1); return -1; }
  printf("%s: ok\n", what);
  return fd;
}
static int v_opens(char **a) {  // PATH FLAGS(r w c x t d p n)...: several ways to open, each printed with its flags
  for (; a[0] && a[1]; a += 2) {
    int flags = 0;
    for (const char *c = a[1]; *c; c++)
      flags |= *c == 'w' ? O_WRONLY : *c == 'c' ? O_CREAT : *c == 'x' ? O_EXCL : *c == 't' ? O_TRUNC : *c == 'd' ? O_DIRECTORY
             : *c == 'p' ? O_PATH : *c == 'n' ? O_NOFOLLOW : *c == 'T' ? O_TMPFILE : 0;
    int fd = opens(a[0], AT_FDCWD, a[0], flags, 0666);
    if (fd >= 0) close(fd);
  }
  return 0;
}
static int v_relative(char **a) {  // DIRECTORY NAME: by directory descriptor, then by the working directory
  int directory = open(a[0], O_RDONLY | O_DIRECTORY);
  int fd = opens("dirfd", directory, a[1], O_RDONLY, 0);
  if (fd >= 0) close(fd);
  if (chdir(a[0]) < 0) return 1;
  if ((fd = opens("cwd", AT_FDCWD, a[1], O_RDONLY, 0)) >= 0) close(fd);
  if ((fd = opens("badfd", 999, a[1], O_RDONLY, 0)) >= 0) close(fd);
  return 0;
}
static int v_openat2(char **a) {  // PATH RESOLVE
  struct { uint64_t flags, mode, resolve; } how = {O_RDONLY, 0, strtoull(a[1], NULL, 0)};
  say("openat2", syscall(SYS_openat2, AT_FDCWD, a[0], &how, sizeof how) < 0 ? -1 : 0);
  return 0;
}
static int v_creates(char **a) {  // PATH: the mode of a new file
  struct stat s;
  umask(027);
  int fd = syscall(SYS_openat, AT_FDCWD, a[0], O_CREAT | O_RDWR | O_EXCL, 0666);
  if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &s) < 0) { say("creates", -1); return 0; }
  printf("creates: %o %d\n", s.st_mode & 07777, s.st_uid);
  return 0;
}
static int v_environ(char **a) {  // NAME: who is it that /proc/self is?
  (void)a;
  char text[64] = "";
  int fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/stat", O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0) { say("self", -1); return 0; }
  printf("self: %s\n", atoi(text) == syscall(SYS_getpid) ? "me" : text);
  fd = syscall(SYS_openat, AT_FDCWD, "/dev/fd/0", O_RDONLY);
  printf("stdin: %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
  return 0;
}

// ---- threads and children

static _Atomic int right;
static void *calls(void *count) {
  for (long i = 0; i < (long)count; i++) if (syscall(SYS_getppid) == 4242) right++;
  return NULL;
}
static int v_crowd(char **a) {  // THREADS CHILDREN CALLS: everybody calls at once
  int threads = atoi(a[0]), children = atoi(a[1]);
  long count = atoi(a[2]);
  pthread_t all[64];
  for (int i = 0; i < children; i++)
    if (!fork()) { calls((void *)count); _exit(right == count ? 0 : 1); }
  for (int i = 0; i < threads; i++) pthread_create(&all[i], NULL, calls, (void *)count);
  for (int i = 0; i < threads; i++) pthread_join(all[i], NULL);
  int failed = 0, status;
  for (int i = 0; i < children; i++) if (wait(&status) < 0 || status) failed++;
  printf("threads: %s\nchildren: %d wrong\n", right == threads * count ? "right" : "wrong", failed);
  return 0;
}

// ---- memory that changes under the supervisor's eyes

static char flipped[64];
static const char *one_, *other_;
static atomic_int over;
static void *flip(void *unused) {
  (void)unused;
  while (!over) {
    memcpy(flipped, one_, strlen(one_) + 1);
    memcpy(flipped, other_, strlen(other_) + 1);
  }
  return NULL;
}
static int v_flip(char **a) {  // ALLOWED FORBIDDEN COUNT: equally long paths
  pthread_t thread;
  one_ = a[0], other_ = a[1];
  memcpy(flipped, one_, strlen(one_) + 1);
  pthread_create(&thread, NULL, flip, NULL);
  long good = 0, refused = 0, wrong = 0;
  for (long i = atol(a[2]); i > 0; i--) {
    int fd = syscall(SYS_openat, AT_FDCWD, flipped, O_RDONLY | O_CLOEXEC);
    char byte = 0;
    if (fd < 0) { refused++; continue; }
    if (read(fd, &byte, 1) == 1 && byte == 'g') good++; else wrong++;
    close(fd);
  }
  over = 1;
  pthread_join(thread, NULL);
  printf("wrong: %ld\nboth: %s\n", wrong, good && refused ? "yes" : "no");
  return 0;
}
static void *swap(void *unused) {  // exchanges what two names are
  (void)unused;
  while (!over) syscall(SYS_renameat2, AT_FDCWD, one_, AT_FDCWD, other_, 2 /* RENAME_EXCHANGE */);
  return NULL;
}
static int v_swap(char **a) {  // DIRECTORY LINK COUNT: a directory and a link elsewhere change places; DIRECTORY/file is opened
  pthread_t thread;
  char path[512];
  one_ = a[0], other_ = a[1];
  snprintf(path, sizeof path, "%s/file", a[0]);
  pthread_create(&thread, NULL, swap, NULL);
  long good = 0, refused = 0, wrong = 0;
  for (long i = atol(a[2]); i > 0; i--) {
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    char byte = 0;
    if (fd < 0) { refused++; continue; }
    if (read(fd, &byte, 1) == 1 && byte == 'g') good++; else wrong++;
    close(fd);
  }
  over = 1;
  pthread_join(thread, NULL);
  printf("wrong: %ld\nboth: %s\n", wrong, good && refused ? "yes" : "no");
  return 0;
}

// ---- signals and deaths

static atomic_int ticks;
static void tick(int unused) { (void)unused; ticks++; }
static int v_timer(char **a) {  // CALLS: a timer every 3 ms, and calls that take longer than that
  struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval every = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &every, NULL);
  for (int i = atoi(a[0]); i > 0; i--) say("getppid", syscall(SYS_getppid));
  setitimer(ITIMER_REAL, &never, NULL);
  printf("ticked: %s\n", ticks ? "yes" : "no");
  return 0;
}
static int v_dies(char **a) {  // COUNT: children that are killed in the middle of a call
  for (int i = atoi(a[0]); i > 0; i--) {
    pid_t child = fork();
    if (!child) for (;;) syscall(SYS_getppid);
    struct timespec nap = {0, (i % 7) * 100000};
    nanosleep(&nap, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  say("getppid", syscall(SYS_getppid));
  return 0;
}
static int v_waits(char **a) {  // FILE: says when it is about to call, and what came of it
  printf("calling\n"), fflush(stdout);
  while (access(a[0], F_OK) < 0) usleep(1000);
  say("getppid", syscall(SYS_getppid));
  say("getppid", syscall(SYS_getppid));
  return 0;
}
static int v_sleeps(char **a) { printf("sleeping\n"), fflush(stdout); usleep(atoi(a[0]) * 1000); return 0; }
static int v_nests(char **a) {  // a listener of its own, under a supervisor
  (void)a;
  struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {1, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  say("listener", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
  return 0;
}
static int v_drops(char **a) {  // UID PATH: becomes somebody else and opens
  if (setgid(atoi(a[0])) < 0 || setuid(atoi(a[0])) < 0) { say("drops", -1); return 0; }
  int fd = opens("dropped", AT_FDCWD, a[1], O_RDONLY, 0);
  if (fd >= 0) close(fd);
  return 0;
}


// ---- the supervisor as a file

static int spied, tried;
static void spy(int directory, const char *path) {
  tried++;
  int fd = syscall(SYS_openat, directory, path, O_RDONLY);
  if (fd >= 0) { printf("spied on %s\n", path), spied++; close(fd); }
}
static int v_spies(char **a) {  // what of the supervisor's can be opened by its own hand
  (void)a;
  char path[64], text[4096];
  DIR *all = fdopendir(syscall(SYS_open, "/proc", O_RDONLY | O_DIRECTORY));
  for (struct dirent *entry; (entry = readdir(all));) {
    int pid = atoi(entry->d_name);
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    int fd = pid > 1 ? syscall(SYS_open, path, O_RDONLY) : -1;
    if (fd < 0) continue;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 7 || pid == getpid() || memcmp(text + n - 7, "\0spies", 7) || !memmem(text, n, "stockade\0run", 12)) continue;
    const char *names[] = {"environ", "maps", "mem", "stat", "fd", "fd/0", "root", "task", "status"};
    snprintf(path, sizeof path, "/proc/%d", pid);
    int directory = syscall(SYS_open, path, O_RDONLY | O_DIRECTORY);
    if (chdir(path) < 0) perror(path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
      spy(AT_FDCWD, path), spy(AT_FDCWD, names[i]), spy(directory, names[i]);
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d/maps", directory), spy(AT_FDCWD, path);
    snprintf(path, sizeof path, "/proc/self/fd/%d", directory), spy(AT_FDCWD, path);
  }
  printf("spied: %d\nlooked: %s\n", spied, tried == 29 ? "yes" : "no");
  return 0;
}

// ---- an agent, as the OCI runtime specification has it

static int v_agent(char **a) {  // SOCKET VALUE COUNT: answers so many calls; -1 takes nothing at all
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof name.sun_path, "%s", a[0]);
  int server = socket(AF_UNIX, SOCK_STREAM, 0), count = atoi(a[2]), client;
  if (bind(server, (struct sockaddr *)&name, sizeof name) < 0 || listen(server, 1) < 0) return perror(a[0]), 1;
  if ((client = accept(server, NULL, NULL)) < 0) return 1;
  if (count < 0) return usleep(100000), 0;
  static char text[1 << 20], room[CMSG_SPACE(16 * sizeof(int))];
  struct iovec piece = {text, sizeof text - 1};
  struct msghdr head = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  ssize_t n = recvmsg(client, &head, MSG_CMSG_CLOEXEC);
  struct cmsghdr *control = n > 0 ? CMSG_FIRSTHDR(&head) : NULL;
  if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) return 1;
  int fd, fds = (int)((control->cmsg_len - CMSG_LEN(0)) / sizeof fd);
  memcpy(&fd, CMSG_DATA(control), sizeof fd);
  char byte;
  printf("descriptors: %d, %s\n%s\n", fds, read(client, &byte, 1) == 0 ? "then the end" : "then more", text);
  for (; count > 0; count--) {
    struct seccomp_notif notif = {0};
    if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &notif) < 0) return perror("RECV"), 1;
    struct seccomp_notif_resp response = {.id = notif.id, .val = atoi(a[1])};
    if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0) return perror("SEND"), 1;
  }
  return 0;
}

// ---- a terminal

static int v_terminal(char **a) {  // ANSWERS(by commas) MILLISECONDS COMMAND...: answers the questions of a terminal
  char *slave, text[65536], *end;
  size_t length = 0, seen = 0;
  int master = posix_openpt(O_RDWR | O_NOCTTY), status;
  if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || !(slave = ptsname(master))) return 1;
  pid_t child = fork();
  if (!child) {
    setsid();
    int fd = open(slave, O_RDWR);  // becomes the terminal of the session
    if (fd < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) _exit(98);
    close(fd), close(master);
    execv(a[2], a + 2);
    _exit(97);
  }
  for (char *answer = a[0]; length + 1 < sizeof text;) {
    ssize_t n = read(master, text + length, sizeof text - 1 - length);
    if (n <= 0) break;  // EIO: everybody is gone
    text[length += n] = 0;
    if (*answer && (end = strstr(text + seen, "ne[v]er: "))) {
      usleep(atoi(a[1]) * 1000);
      size_t part = strcspn(answer, ",");
      if (write(master, answer, part) < 0 || write(master, "\n", 1) < 0) return 1;
      answer += part + (answer[part] == ',');
      seen = end - text + 1;
    }
  }
  waitpid(child, &status, 0);
  fputs(text, stdout);
  printf("ended: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  return 0;
}

static const struct { const char *name; int arguments; int (*run)(char **); } VERBS[] = {
  {"ids", 0, v_ids}, {"getppid", 0, v_getppid}, {"socket", 1, v_socket}, {"line", 1, v_line}, {"opens", 2, v_opens},
  {"relative", 2, v_relative}, {"openat2", 2, v_openat2}, {"creates", 1, v_creates}, {"environ", 0, v_environ},
  {"crowd", 3, v_crowd}, {"flip", 3, v_flip}, {"swap", 3, v_swap}, {"timer", 1, v_timer}, {"dies", 1, v_dies},
  {"waits", 1, v_waits}, {"sleeps", 1, v_sleeps}, {"nests", 0, v_nests}, {"drops", 2, v_drops},
  {"terminal", 3, v_terminal}, {"spies", 0, v_spies}, {"agent", 3, v_agent}};

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < sizeof VERBS / sizeof *VERBS; i++)
    if (!strcmp(VERBS[i].name, argv[1]) && argc - 2 >= VERBS[i].arguments) return VERBS[i].run(argv + 2);
  fprintf(stderr, "notify: no such verb\n");
  return 99;
}
