/* Makes a known set of system calls and no other: static, without a libc. Each of its parts makes one that no other makes. */
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;
	__asm__ volatile("syscall" : "=a"(result)
		: "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return result;
}

/* The calls of a thread, on a stack of its own: nothing may be pushed or popped around clone. */
static char stack[4096] __attribute__((aligned(16)));
static volatile int thread;

static void work(void)
{
	long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
	/* getpgid in the thread, which ends alone */
	__asm__ volatile(
		"syscall\n\ttest %%eax, %%eax\n\tjnz 1f\n\t"
		"xor %%edi, %%edi\n\tmov %[getpgid], %%eax\n\tsyscall\n\t"
		"movl $1, thread(%%rip)\n\t"
		"xor %%edi, %%edi\n\tmov %[exit], %%eax\n\tsyscall\n\thlt\n1:"
		: : "a"((long)__NR_clone), "D"(flags), "S"(stack + sizeof stack - 64), "d"(0L),
		    [getpgid] "i"(__NR_getpgid), [exit] "i"(__NR_exit)
		: "rcx", "r11", "r10", "r8", "memory");
	while (!thread)
		call(__NR_sched_yield, 0, 0, 0, 0, 0);
}

__attribute__((force_align_arg_pointer, noreturn)) void _start(void)
{
	struct sock_filter refuse[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof refuse / sizeof *refuse, refuse };
	long result;

	/* five times */
	for (int i = 0; i < 5; i++)
		call(__NR_getuid, 0, 0, 0, 0, 0);
	/* a child of a child, whose getsid is over before its parent is (CLONE_VFORK), and both are gone at once */
	if (call(__NR_fork, 0, 0, 0, 0, 0) == 0) {
		if (call(__NR_clone, CLONE_VFORK, 0, 0, 0, 0) == 0)
			call(__NR_getsid, 0, 0, 0, 0, 0);
		call(__NR_exit_group, 0, 0, 0, 0, 0);
	}
	call(__NR_wait4, -1, 0, 0, 0, 0);
	work();
	/* i386's getpid is 20 */
	__asm__ volatile("int $0x80" : "=a"(result) : "0"(20) : "r8", "r9", "r10", "r11", "memory");
	call(__NR_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0);
	call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program, 0, 0);
	/* refused before it enters, three times */
	for (int i = 0; i < 3; i++)
		call(__NR_getppid, 0, 0, 0, 0, 0);
	call(__NR_exit_group, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}
