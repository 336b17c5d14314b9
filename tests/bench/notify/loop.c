// The smallest supervisor that there can be, and what measures it.
//
//   loop measure CALL COUNT          makes a call over and over; prints the median of its nanoseconds
//   loop supervise CALL COUNT        the same under a filter that notifies, answered by a loop of three lines
//
// CALL is one of: continue (getppid runs), errno (getppid fails), open (openat of /etc/hostname, opened in its place).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND 2
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static int less(const void *a, const void *b) {
  long long x = *(const long long *)a, y = *(const long long *)b;
  return x < y ? -1 : x > y;
}

static int measure(const char *call, int count) {
  int opens = !strcmp(call, "open");
  long long *took = calloc(count, sizeof *took);
  for (int i = 0; i < count; i++) {
    long long start = now();
    long answer = opens ? syscall(SYS_openat, AT_FDCWD, "/etc/hostname", O_RDONLY | O_CLOEXEC) : syscall(SYS_getppid);
    took[i] = now() - start;
    if (opens) {
      if (answer < 0) return perror("openat"), 1;
      close(answer);
    }
    if (!strcmp(call, "errno") && answer != -1) return fprintf(stderr, "getppid was not refused\n"), 1;
  }
  qsort(took, count, sizeof *took, less);
  printf("%lld\n", took[count / 2]);
  return 0;
}

static int listener(int number) {
  struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
                               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {4, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                 SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
}

static int pass(int socket, int fd) {
  char byte = 0, room[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec text = {&byte, 1};
  struct msghdr head = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr *control = CMSG_FIRSTHDR(&head);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof fd);
  if (fd >= 0) {
    memcpy(CMSG_DATA(control), &fd, sizeof fd);
    return sendmsg(socket, &head, 0) == 1 ? 0 : -1;
  }
  if (recvmsg(socket, &head, 0) != 1) return -1;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&head)), sizeof fd);
  return fd;
}

static int supervise(const char *call, char *self, char *count) {
  int opens = !strcmp(call, "open"), refuses = !strcmp(call, "errno"), pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) return perror("socketpair"), 1;
  pid_t child = fork();
  if (!child) {
    int fd = listener(opens ? SYS_openat : SYS_getppid);
    if (fd < 0 || pass(pair[1], fd) < 0) return perror("listener"), 1;
    close(fd), close(pair[0]), close(pair[1]);
    execl(self, "loop", "measure", call, count, NULL);
    return perror(self), 1;
  }
  int fd = pass(pair[0], -1);
  if (fd < 0) return perror("pass"), 1;
  ioctl(fd, SECCOMP_IOW(4, __u64), 1UL);  // SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
  for (;;) {
    struct seccomp_notif notif = {0};
    if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &notif) < 0) break;
    struct seccomp_notif_resp response = {.id = notif.id};
    if (opens) {
      char path[256];
      struct iovec here = {path, sizeof path}, there = {(void *)notif.data.args[1], sizeof path};
      if (process_vm_readv(notif.pid, &here, 1, &there, 1, 0) <= 0) perror("process_vm_readv");
      if (ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif.id) < 0) perror("ID_VALID");
      int file = open(path, (int)notif.data.args[2]);
      struct seccomp_notif_addfd add = {.id = notif.id, .srcfd = file, .newfd_flags = O_CLOEXEC, .flags = SECCOMP_ADDFD_FLAG_SEND};
      if (file >= 0 && ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0) { close(file); continue; }
      response.error = -errno;
    } else if (refuses) response.error = -EPERM;
    else response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0) perror("SEND");
  }
  int status;
  return waitpid(child, &status, 0) < 0 || status != 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "measure")) return measure(argv[2], atoi(argv[3]));
  if (argc == 4 && !strcmp(argv[1], "supervise")) return supervise(argv[2], argv[0], argv[3]);
  return fprintf(stderr, "usage: loop measure|supervise CALL COUNT\n"), 2;
}
