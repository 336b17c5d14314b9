// Probes of a process tree: what a target sees and does in it (the first verbs), and what stands outside and looks at a
// launcher (the verbs that end with a command). Each prints what it saw.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) { perror(what); exit(99); }
static void nap(long ms) { struct timespec t = { ms / 1000, ms % 1000 * 1000000 }; while (nanosleep(&t, &t) && errno == EINTR) {} }

static void on(int n, siginfo_t *info, void *context) {
    (void)context;
    char line[64];
    int len = snprintf(line, sizeof line, "%d %d\n", n, info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
    if (write(1, line, len) != len) _exit(98);
}

static int mine(int n) { return n != SIGKILL && n != SIGSTOP && n != 32 && n != 33; }

// Prints every signal until standard input ends.
static int signals(void) {
    struct sigaction action = { .sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_RESTART };
    for (int n = 1; n <= 64; n++) if (mine(n) && sigaction(n, &action, NULL)) fail("sigaction");
    if (write(1, "ready\n", 6) != 6) return 98;
    char c;
    while (read(0, &c, 1) == 1) {}
    return 0;
}

static int count(char state) { // processes in /proc, or those in a state
    int found = 0;
    DIR *proc = opendir("/proc");
    if (!proc) fail("/proc");
    for (struct dirent *e; (e = readdir(proc));) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9') continue;
        char path[300], text[600] = "";
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        int fd = open(path, O_RDONLY);
        if (fd < 0 || read(fd, text, sizeof text - 1) < 0) { if (fd >= 0) close(fd); continue; }
        close(fd);
        char *end = strrchr(text, ')');
        if (end && (!state || end[2] == state)) found++;
    }
    closedir(proc);
    return found;
}

static int zombies(int many) {
    for (int i = 0; i < many; i++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (!child) { pid_t g = fork(); if (!g) { usleep(i % 7 * 100); _exit(0); } _exit(g < 0); }
        int status;
        if (waitpid(child, &status, 0) != child || status) fail("waitpid");
    }
    for (int i = 0; i < 500 && count(0) > 2; i++) nap(10);
    printf("zombies %d processes %d\n", count('Z'), count(0));
    return 0;
}

// Processes that hold a lock and try to get away.
static int hold(const char *path) {
    int fd = open(path, O_RDWR);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) fail(path);
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (!child) {
            setsid();
            prctl(PR_SET_PDEATHSIG, 0);
            for (int n = 1; n < 32; n++) signal(n, SIG_IGN);
            if (fork()) _exit(0);
            close(1); close(2);
            for (;;) pause();
        }
        waitpid(child, NULL, 0);
    }
    if (write(1, "ready\n", 6) != 6) return 98;
    for (;;) pause();
}

static int wait_line(int fd, char *line, int room) { // one line without its end; -1 at the end of file or after 20 s
    int at = 0;
    for (;;) {
        struct pollfd p = { fd, POLLIN, 0 };
        if (poll(&p, 1, 20000) != 1) return -1;
        char c;
        if (read(fd, &c, 1) != 1) return -1;
        if (c == '\n') { line[at] = 0; return at; }
        if (at < room - 1) line[at++] = c;
    }
}

static int job;  // whether what is started is a job: a group of its own, as SIGTSTP does not stop one without a shell

static pid_t start(char **argv, int *in, int *out) {
    int a[2], b[2];
    if (pipe(a) || pipe(b)) fail("pipe");
    fcntl(a[1], F_SETFD, FD_CLOEXEC);
    fcntl(b[0], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (!child) { if (job && setpgid(0, 0)) fail("setpgid"); dup2(a[0], 0); dup2(b[1], 1); close(a[0]); close(b[1]); execvp(argv[0], argv); fail(argv[0]); }
    close(a[0]); close(b[1]);
    *in = a[1]; *out = b[0];
    return child;
}

// Sends every signal to a launcher whose target is `signals`; each must come once, with its value.
static int roundtrip(char **argv, int group) {
    int in, out, bad = 0;
    char line[128];
    pid_t child = start(argv, &in, &out);
    if (wait_line(out, line, sizeof line) < 0 || strcmp(line, "ready")) { printf("no target: %s\n", line); return 1; }
    for (int n = 1; n <= 64; n++) {
        if (!mine(n)) continue;
        int value = 0;
        if (n >= 34) { value = 1000 + n; union sigval v = { .sival_int = value }; if (sigqueue(child, n, v)) fail("sigqueue"); }
        else if (kill(group ? -getpgid(child) : child, n)) fail("kill");
        if (wait_line(out, line, sizeof line) < 0) { printf("signal %d is lost\n", n); return 1; }
        // A stop signal takes a pending SIGCONT away from those that have not seen it yet, and the other way round.
        if (group) nap(20);
        int got = 0, with = 0;
        sscanf(line, "%d %d", &got, &with);
        if (got != n || with != value) { printf("signal %d came as %s\n", n, line); bad = 1; }
    }
    nap(100); // A second delivery would come within a few milliseconds.
    close(in);
    int extra = 0;
    while (wait_line(out, line, sizeof line) >= 0) { printf("too much: %s\n", line); extra++; }
    int status;
    waitpid(child, &status, 0);
    printf("%s, status %d\n", bad || extra ? "bad" : "every signal came once", status);
    return bad || extra;
}

// Kills the launcher of a `hold` at some moment; the lock must be free soon.
static int murder(const char *path, int turns, char **argv) {
    for (int i = 0; i < turns; i++) {
        int in, out;
        pid_t child = start(argv, &in, &out);
        char line[64];
        // Every other time wait until all of it stands; else strike in the middle of the set-up.
        if (i % 2 == 0) wait_line(out, line, sizeof line);
        else usleep(i * 937 % 12000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(in);
        // A process that is left holds the pipe, too.
        while (wait_line(out, line, sizeof line) >= 0) {}
        close(out);
        int fd = open(path, O_RDWR), got = -1;
        for (int j = 0; j < 500 && (got = flock(fd, LOCK_EX | LOCK_NB)); j++) nap(10);
        close(fd);
        if (got) { printf("turn %d: somebody is left\n", i); return 1; }
    }
    puts("nobody is left");
    return 0;
}

// What a parent sees of a launcher: stop, continue, end.
static int watch(char **argv) {
    int in, out, status;
    job = 1;
    pid_t child = start(argv, &in, &out);
    for (;;) {
        if (waitpid(child, &status, WUNTRACED | WCONTINUED) != child) fail("waitpid");
        if (WIFSTOPPED(status)) { printf("stopped %d\n", WSTOPSIG(status)); kill(child, SIGCONT); }
        else if (WIFCONTINUED(status)) puts("continued");
        else break;
    }
    if (WIFSIGNALED(status)) printf("killed %d\n", WTERMSIG(status)); else printf("exited %d\n", WEXITSTATUS(status));
    return 0;
}

// Whether the pipes of a launcher end while it lives: its target has closed them.
static int ends(char **argv) {
    int in, out;
    char line[64];
    pid_t child = start(argv, &in, &out);
    int ended = wait_line(out, line, sizeof line) < 0;
    int alive = waitpid(child, NULL, WNOHANG) == 0;
    printf("ended %d alive %d\n", ended, alive);
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    return 0;
}

static void back(int n) { (void)n; if (write(1, "back\n", 5) != 5) _exit(98); }

static int fds(void) {
    for (int fd = 0; fd < 1024; fd++) if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
    puts("open");
    return 0;
}

// Kills everybody that can be seen, init first.
static int kills(pid_t outside) {
    int deadly[] = { SIGTERM, SIGKILL, SIGSTOP, SIGSEGV, SIGHUP };
    for (unsigned i = 0; i < sizeof deadly / sizeof *deadly; i++) if (kill(1, deadly[i])) printf("init: %s\n", strerrorname_np(errno));
    nap(50);
    char state[600] = "";
    int fd = open("/proc/1/stat", O_RDONLY);
    if (fd >= 0 && read(fd, state, sizeof state - 1) > 0) { char *end = strrchr(state, ')'); printf("init is %c\n", end ? end[2] : '?'); }
    printf("outside: %s\n", kill(outside, 0) ? strerrorname_np(errno) : "there");
    return 0;
}

// Receives messages for a service manager: `notify PATH -- COMMAND`. Prints each, from whom it comes, and how many
// descriptors it brings, and closes them.
static int notify(const char *path, char **argv) {
    int on = 1, s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    if (bind(s, (void *)&a, sizeof a) || setsockopt(s, SOL_SOCKET, SO_PASSCRED, &on, sizeof on)) fail("bind");
    chmod(path, 0777);
    setenv("NOTIFY_SOCKET", path, 1);
    pid_t child = fork();
    if (!child) {
        char own[32];
        snprintf(own, sizeof own, "%d", getpid());
        const char *names[] = { "LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID", "MAINPID" };
        for (int i = 0; i < 4; i++) setenv(names[i], own, 1);
        setenv("LISTEN_PIDFDID", "12345", 1);
        execvp(argv[0], argv);
        fail(argv[0]);
    }
    for (;;) {
        struct pollfd p = { s, POLLIN, 0 };
        int ready = poll(&p, 1, 50), status;
        if (ready == 0) {
            if (waitpid(child, &status, WNOHANG) == child) { printf("status %d\n", status); return 0; }
            continue;
        }
        char text[8192], control[4096];
        struct iovec v = { text, sizeof text - 1 };
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
        ssize_t n = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
        if (n < 0) continue;
        text[n] = 0;
        pid_t from = 0;
        int many = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            if (c->cmsg_type == SCM_CREDENTIALS) from = ((struct ucred *)CMSG_DATA(c))->pid;
            if (c->cmsg_type == SCM_RIGHTS) for (int i = 0; i < (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)); i++, many++) close(((int *)CMSG_DATA(c))[i]);
        }
        char own[32], *at;
        snprintf(own, sizeof own, "MAINPID=%d", child);
        if ((at = strstr(text, own))) { memset(at, 'L', strlen(own)); memcpy(at, "MAINPID=", 8); }
        for (char *c = text; *c; c++) if (*c == '\n') *c = '|';
        printf("%s: %s fds %d\n", from == child ? "main" : "other", text, many);
        fflush(stdout);
    }
}

// Sends a message with descriptors.
static void tell(const char *text, int *fds, int many) {
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    strncpy(a.sun_path, getenv("NOTIFY_SOCKET"), sizeof a.sun_path - 1);
    char control[512] = "";
    struct iovec v = { (char *)text, strlen(text) };
    struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1 };
    if (many) {
        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(many * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(many * sizeof(int)) };
        memcpy(CMSG_DATA(c), fds, many * sizeof(int));
    }
    if (sendmsg(s, &m, 0) < 0) fail("sendmsg");
    close(s);
}

// A service as the manager's manual has it.
static int service(void) {
    const char *names[] = { "LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID", "MAINPID", "LISTEN_PIDFDID" };
    for (int i = 0; i < 5; i++) printf("%s=%s\n", names[i], getenv(names[i]) ? getenv(names[i]) : "unset");
    char text[256];
    snprintf(text, sizeof text, "READY=1\nMAINPID=%d\nSTATUS=ready", getpid());
    tell(text, NULL, 0);
    tell("MAINPID=77\nWATCHDOG=1", NULL, 0);
    int two[2] = { 0, 1 };
    tell("FDSTORE=1\nFDNAME=two", two, 2);
    int barrier[2];
    if (pipe2(barrier, O_CLOEXEC)) fail("pipe");
    tell("BARRIER=1", barrier + 1, 1);
    close(barrier[1]);
    struct pollfd p = { barrier[0], 0, 0 };
    printf("barrier %d\n", poll(&p, 1, 5000) == 1 && p.revents == POLLHUP);
    pid_t child = fork();
    if (!child) { tell("STATUS=from a child", NULL, 0); _exit(0); }
    waitpid(child, NULL, 0);
    nap(200);
    tell("STOPPING=1", NULL, 0);
    return 3;
}

// Tries to type at its terminal: the requests as they are, and with bits that the kernel does not look at.
static int types(void) {
    const unsigned long requests[] = { TIOCSTI, TIOCLINUX, 0x100000000 | TIOCSTI, 0xffffffff00000000 | TIOCLINUX };
    int refused = 0;
    for (int i = 0; i < 4; i++) refused += syscall(SYS_ioctl, 0, requests[i], "x") == -1 && errno == EPERM;
    printf("refused %d, size %s\n", refused, ioctl(0, TIOCGWINSZ, &(struct winsize){ 0 }) ? "refused" : "told");
    return 0;
}

// A job of a shell on a terminal: steps, then `--` and the command. See below for the steps.
static int terminal(char **steps) {
    int master, slave;
    if (openpty(&master, &slave, NULL, NULL, NULL)) fail("openpty");
    fcntl(master, F_SETFD, FD_CLOEXEC);
    if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0)) fail("setsid");
    signal(SIGTTOU, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    char **argv = steps;
    while (*argv && strcmp(*argv, "--")) argv++;
    *argv++ = NULL;
    pid_t job = fork();
    if (job < 0) fail("fork");
    if (!job) {
        setpgid(0, 0);
        tcsetpgrp(slave, getpid());
        signal(SIGTTOU, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        for (int i = 0; i < 3; i++) dup2(slave, i);
        close(slave);
        execvp(argv[0], argv);
        fail(argv[0]);
    }
    static struct termios before;
    tcgetattr(slave, &before);
    setpgid(job, job);
    tcsetpgrp(slave, job);
    static char seen[1 << 16];
    int filled = 0, from = 0;
    for (; *steps; steps++) {
        char *step = *steps, *value = strchr(step, '=');
        if (value) *value++ = 0;
        if (!strcmp(step, "expect")) { // text that the terminal must show
            for (;;) {
                seen[filled] = 0;
                char *found = strstr(seen + from, value);
                if (found) { from = found - seen + strlen(value); break; }
                struct pollfd p = { master, POLLIN, 0 };
                int n = poll(&p, 1, 15000) == 1 ? read(master, seen + filled, sizeof seen - 1 - filled) : -1;
                if (n <= 0) { printf("never seen: %s\nseen: %s\n", value, seen); kill(-job, SIGKILL); return 1; }
                filled += n;
            }
        } else if (!strcmp(step, "type")) { // text, with ^C for control characters
            for (char *c = value; *c; c++) {
                char one = *c == '^' && c[1] ? *++c & 31 : *c;
                if (write(master, &one, 1) != 1) fail("write");
            }
        } else if (!strcmp(step, "size")) { // rows
            struct winsize w = { .ws_row = atoi(value), .ws_col = 80 };
            ioctl(master, TIOCSWINSZ, &w);
        } else if (!strcmp(step, "wait") || !strcmp(step, "stop")) { // what the shell sees, of itself or of Ctrl-Z
            int status;
            pid_t got;
            for (int i = 0; (got = waitpid(job, &status, WUNTRACED | WNOHANG)) == 0 && i < 1500; i++) {
                // A pager that is not waiting for a key yet may miss the first.
                if (*step == 's' && i % 100 == 0 && write(master, "\032", 1) != 1) fail("write");
                struct pollfd p = { master, POLLIN, 0 };
                if (poll(&p, 1, 10) == 1) { int n = read(master, seen + filled, sizeof seen - 1 - filled); if (n > 0) filled += n; }
            }
            seen[filled] = 0;
            if (!got) { printf("never ended\nseen: %s\n", seen); kill(-job, SIGKILL); return 1; }
            if (WIFSTOPPED(status)) printf("stopped %d\n", WSTOPSIG(status));
            else if (WIFSIGNALED(status)) printf("killed %d\n", WTERMSIG(status));
            else printf("exited %d\n", WEXITSTATUS(status));
        } else if (!strcmp(step, "take")) { // the shell takes the terminal
            tcsetpgrp(slave, getpid());
        } else if (!strcmp(step, "fg")) { // the shell's fg
            tcsetpgrp(slave, job);
            kill(-job, SIGCONT);
        } else if (!strcmp(step, "signal")) { // to the job's first process
            kill(job, atoi(value));
        } else if (!strcmp(step, "settled")) { // whether the terminal is set as it was
            static struct termios now;
            // Whoever puts it back may come after the job's end.
            for (int i = 0; i < 500; i++, usleep(10000)) {
                tcgetattr(slave, &now);
                if (!memcmp(&now, &before, sizeof now)) break;
            }
            puts(memcmp(&now, &before, sizeof now) ? "changed" : "as before");
        } else if (!strcmp(step, "whose")) { // whose terminal it is
            pid_t now = tcgetpgrp(slave);
            puts(now == job ? "the job's" : now == getpid() ? "the shell's" : "another's");
        } else { printf("no step: %s\n", step); return 1; }
    }
    kill(-job, SIGKILL);
    return 0;
}

int main(int argc, char **argv) {
    // A shell's background job ignores these, and so would whatever the tests start.
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *verb = argc > 1 ? argv[1] : "";
    if (!strcmp(verb, "signals")) return signals();
    if (!strcmp(verb, "zombies")) return zombies(atoi(argv[2]));
    if (!strcmp(verb, "hold")) return hold(argv[2]);
    if (!strcmp(verb, "job")) { signal(SIGCONT, back); if (write(1, "go\n", 3) != 3) return 98; for (;;) pause(); }
    if (!strcmp(verb, "types")) return types();
    if (!strcmp(verb, "fds")) return fds();
    if (!strcmp(verb, "kills")) return kills(atoi(argv[2]));
    if (!strcmp(verb, "service")) return service();
    if (!strcmp(verb, "raise")) { raise(atoi(argv[2])); return atoi(argv[3]); }
    if (!strcmp(verb, "quiet")) { close(0); close(1); close(2); for (;;) pause(); }
    if (!strcmp(verb, "roundtrip")) return roundtrip(argv + 2, 0);
    if (!strcmp(verb, "together")) { setpgid(0, 0); signal(SIGTTOU, SIG_IGN); for (int n = 1; n < 65; n++) if (mine(n) && n != SIGCHLD) signal(n, SIG_IGN); return roundtrip(argv + 2, 1); }
    if (!strcmp(verb, "murder")) return murder(argv[2], atoi(argv[3]), argv + 4);
    if (!strcmp(verb, "watch")) return watch(argv + 2);
    if (!strcmp(verb, "ends")) return ends(argv + 2);
    if (!strcmp(verb, "notify")) return notify(argv[2], argv + 3);
    if (!strcmp(verb, "terminal")) return terminal(argv + 2);
    fprintf(stderr, "pids: no verb %s\n", verb);
    return 97;
}
