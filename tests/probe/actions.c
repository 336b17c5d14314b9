// Makes one system call, getpgid(0), in one of several situations, and says what the kernel answered.
//
//   actions [handler] [load FILE] SITUATION
//
// `handler` catches SIGSYS, says what came with it, and makes 42 the call's result. `load` puts a filter of raw
// instructions in force first. Nothing but the situation's own call is getpgid. Built statically.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static long raw(long nr, long a, long b, long c, long d, long e, long f) {
  long result = syscall(nr, a, b, c, d, e, f);
  return result == -1 ? -(long)errno : result;
}

static void tell(long result) {
  if (result > 0 && result == getpgrp()) puts("ran");
  else printf("result: %ld\n", result);
  fflush(stdout);
}

static void *call(void *unused) {
  (void)unused;
  tell(raw(__NR_getpgid, 0, 0, 0, 0, 0, 0));
  return NULL;
}

static void caught(int signal, siginfo_t *info, void *context) {
  ucontext_t *state = context;
  printf("caught %d: code %d errno %d syscall %d arch %x\n", signal, info->si_code, info->si_errno, info->si_syscall,
         info->si_arch);
  fflush(stdout);
#ifdef __x86_64__
  state->uc_mcontext.gregs[REG_RAX] = 42;
#elif defined(__aarch64__)
  state->uc_mcontext.regs[0] = 42;
#endif
}

static int threads(void) {
  char text[4096];
  int fd = open("/proc/self/status", O_RDONLY);
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  text[size > 0 ? size : 0] = 0;
  char *line = strstr(text, "\nThreads:");
  return line ? atoi(line + 9) : -1;
}

static int load(const char *path) {
  static struct sock_filter code[4096];
  int fd = open(path, O_RDONLY);
  ssize_t size = read(fd, code, sizeof code);
  if (size <= 0 || size % 8) return -1;
  struct sock_fprog program = {.len = size / 8, .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
  return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

// execve and execveat with everything that a program could take for the cookie.
static int guess(char **argv) {
  char *run[] = {"/bin/true", NULL}, *none[] = {NULL};
  uint64_t *words = (uint64_t *)argv, tries[64][3] = {{0, 0, 0}, {~0ull, ~0ull, ~0ull}, {1, 2, 3}};
  // Whatever lies on the stack from argv on: pointers, the environment, the auxiliary vector with its random bytes.
  for (int i = 3; i < 64; i++) memcpy(tries[i], words + i - 3, sizeof tries[i]);
  for (int i = 0; i < 64; i++) {
    long result = raw(__NR_execve, (long)run[0], (long)run, (long)none, tries[i][0], tries[i][1], tries[i][2]);
    if (result != -EPERM) return printf("execve: %ld\n", result), 1;
    result = raw(__NR_execveat, AT_FDCWD, (long)run[0], (long)run, (long)none, 0, tries[i][0]);
    if (result != -EPERM) return printf("execveat: %ld\n", result), 1;
  }
  puts("nothing executed");
  return 0;
}

int main(int argc, char **argv) {
  int at = 1;
  if (at < argc && !strcmp(argv[at], "handler")) {
    struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    at++;
  }
  if (at + 1 < argc && !strcmp(argv[at], "load")) {
    if (load(argv[at + 1])) return perror("load"), 2;
    at += 2;
  }
  const char *situation = at < argc ? argv[at] : "";
  if (!strcmp(situation, "single")) {
    call(NULL);
  } else if (!strcmp(situation, "thread")) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, call, NULL)) return 2;
    // A thread that the kernel ends is joined like any other.
    pthread_join(thread, NULL);
    // It may be counted for a moment longer.
    for (int i = 0; i < 1000 && threads() != 1; i++) usleep(1000);
    printf("the first thread lives, threads: %d\n", threads());
  } else if (!strcmp(situation, "fork")) {
    pid_t child = fork();
    if (!child) return call(NULL), 5;
    int status;
    if (waitpid(child, &status, 0) != child) return 2;
    if (WIFSIGNALED(status)) printf("child: signal %d\n", WTERMSIG(status));
    else printf("child: exit %d\n", WEXITSTATUS(status));
  } else if (!strcmp(situation, "exec")) {
    char *again[] = {argv[0], "single", NULL};
    execv(argv[0], again);
    return 2;
  } else if (!strcmp(situation, "narrow")) {
#ifdef __x86_64__
    long result;
    // i386's getpgid is 132; the kernel answers in eax.
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(132), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
    tell((int)result);
#else
    puts("no 32-bit calls");
#endif
  } else if (!strcmp(situation, "guess")) {
    return guess(argv);
  } else if (!strcmp(situation, "wait")) {
    puts("here");
    fflush(stdout);
    for (;;) pause();
  } else {
    fprintf(stderr, "actions: unknown situation %s\n", situation);
    return 2;
  }
  return 7;
}
