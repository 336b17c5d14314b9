/* Does what no program that was learnt from did, and says what came of each: ACTION: the error's number, 0 for success.
 *
 *     foreign KEY PROGRAM      reads KEY, connects elsewhere, debugs, executes PROGRAM
 *
 * It waits for nobody: calls that wait may be refused as well. The status is the number of actions that were not. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

/* A child of vfork(2) writes here, in its parent's memory. */
static volatile int number;
static int allowed;

static void told(const char *action, int result)
{
	allowed += result == 0;
	dprintf(1, "%s: %d\n", action, result);
}

static int elsewhere(void)
{
	/* Port 9 of an address for documentation (RFC 5737): without a sandbox nobody refuses to begin. */
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9) };
	inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return errno;
	if (!connect(sock, (struct sockaddr *)&address, sizeof address))
		return 0;
	/* No route is no sandbox. */
	return errno == EINPROGRESS || errno == ENETUNREACH || errno == ETIMEDOUT ? 0 : errno;
}

int main(int count, char **words)
{
	if (count != 3)
		return 99;
	int key = open(words[1], O_RDONLY);
	told("read", key < 0 ? errno : 0);
	told("connect", elsewhere());
	/* In children: whoever is debugged stops at every signal. */
	pid_t child = vfork();
	if (child <= 0)
		number = ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 ? errno : 0;
	if (child == 0)
		_exit(0);
	told("ptrace", number);
	number = 0;
	char *argv[] = { words[2], 0 }, *envp[] = { 0 };
	child = vfork();
	if (child <= 0) {
		execve(words[2], argv, envp);
		number = errno;
	}
	if (child == 0)
		_exit(0);
	told("execute", number);
	return allowed;
}
