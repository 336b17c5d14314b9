//! What the launcher and its helper can still do: next to nothing.

use libc::{c_long, sock_filter};
use nix::errno::Errno;

use crate::draft::arch::Arch;
use crate::sys::{privileges, process, seccomp};

/// The calls of the helper.
pub(super) const HELPER: [c_long; 13] = [
    libc::SYS_read,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    POLL,
    libc::SYS_ppoll,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_pidfd_send_signal,
    libc::SYS_prctl,
    libc::SYS_futex,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
];

/// Those of one that leads a session: it has to put a terminal back, to hear of its child, and to continue it.
pub(super) const LEADER: [c_long; 17] = {
    let mut all =
        [libc::SYS_ioctl, libc::SYS_wait4, libc::SYS_getpgid, libc::SYS_kill, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut at = 0;
    while at < HELPER.len() {
        all[at + 4] = HELPER[at];
        at += 1;
    }
    all
};

/// The calls of the launcher besides.
pub(super) const LAUNCHER: [c_long; 23] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    POLL,
    libc::SYS_ppoll,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_wait4,
    libc::SYS_pidfd_send_signal,
    libc::SYS_getpid,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigreturn,
    libc::SYS_ioctl,
    libc::SYS_getpgid,
    libc::SYS_clock_gettime,
    libc::SYS_futex,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    libc::SYS_kill,
];

/// poll(2), where the architecture has it.
#[cfg(target_arch = "x86_64")]
const POLL: c_long = libc::SYS_poll;
/// Architectures without it have ppoll alone.
#[cfg(not(target_arch = "x86_64"))]
const POLL: c_long = libc::SYS_ppoll;

/// What is left of kill(2), where it is among the calls.
#[derive(Clone, Copy)]
pub(super) enum Kill {
    /// Signals to this process itself, and the question whether somebody is there.
    Own,
    /// SIGCONT to whom the kernel lets it.
    Continue,
}

/// Leaves this process these capabilities and these calls, and closes it to others.
///
/// # Errors
/// Those of the calls.
pub(super) fn confine(capabilities: u64, calls: &[c_long], kill: Kill) -> Result<(), Errno> {
    process::prctl(libc::PR_SET_DUMPABLE, 0)?;
    privileges::clear_ambient()?;
    privileges::set_capabilities(capabilities, 0)?;
    process::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    let mut program = [step(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS); 64];
    let length = write(&mut program, calls, kill).ok_or(Errno::E2BIG)?;
    seccomp::load(0, program.get(..length).unwrap_or_default())
}

/// BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K (linux/bpf_common.h).
const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Offsets in `struct seccomp_data`, of the low halves on machines that are little-endian, as all of ours are.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST: u32 = 16;
const SECOND: u32 = 24;

/// No process's number.
const NOBODY: u32 = u32::MAX / 2;

/// The filter: one comparison for each call. Its length, or nothing where it does not fit.
fn write(program: &mut [sock_filter], calls: &[c_long], killing: Kill) -> Option<usize> {
    let kill = step(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS);
    let allow = step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW);
    let own = std::process::id();
    let head =
        [step(LOAD, 0, 0, ARCHITECTURE), step(EQUAL, 1, 0, Arch::native().audit()), kill, step(LOAD, 0, 0, NUMBER)];
    let rules = calls.iter().filter(|call| **call != libc::SYS_kill).flat_map(|call| {
        let number = u32::try_from(*call).unwrap_or(u32::MAX);
        [step(EQUAL, 0, 1, number), allow]
    });
    let number = u32::try_from(libc::SYS_kill).ok().filter(|_| calls.contains(&libc::SYS_kill));
    let (own, signal) = match killing {
        Kill::Own => (own, 0),
        Kill::Continue => (NOBODY, libc::SIGCONT.cast_unsigned()),
    };
    let tail = number.map(|number| {
        [
            step(EQUAL, 0, 5, number),
            step(LOAD, 0, 0, SECOND),
            step(EQUAL, 2, 0, signal),
            step(LOAD, 0, 0, FIRST),
            step(EQUAL, 0, 1, own),
            allow,
        ]
    });
    let mut length = 0;
    for one in head.into_iter().chain(rules).chain(tail.into_iter().flatten()).chain([kill]) {
        *program.get_mut(length)? = one;
        length += 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::action::Action;
    use crate::plan::filter::machine::{Data, Instruction, run};

    fn answer(call: c_long, args: [u64; 6]) -> Action {
        ask(&LAUNCHER, Kill::Own, call, args)
    }

    fn ask(calls: &[c_long], kill: Kill, call: c_long, args: [u64; 6]) -> Action {
        let mut program = [step(0, 0, 0, 0); 64];
        let length = write(&mut program, calls, kill).expect("it fits");
        let code: Vec<Instruction> = program[..length]
            .iter()
            .map(|one| Instruction { code: one.code, jt: one.jt, jf: one.jf, k: one.k })
            .collect();
        let nr = u32::try_from(call).expect("a number");
        let data = Data { nr, arch: Arch::native().audit(), ip: 0, args };
        run(&code, &data).map(Action::from_ret).expect("an answer")
    }

    #[test]
    fn only_what_is_listed_passes() {
        assert_eq!(answer(libc::SYS_read, [0; 6]), Action::Allow);
        assert_eq!(answer(libc::SYS_openat, [0; 6]), Action::KillProcess);
        assert_eq!(answer(libc::SYS_execve, [0; 6]), Action::KillProcess);
    }

    #[test]
    fn nobody_else_can_be_killed() {
        let own = u64::from(std::process::id());
        assert_eq!(answer(libc::SYS_kill, [own, 9, 0, 0, 0, 0]), Action::Allow);
        assert_eq!(answer(libc::SYS_kill, [own + 1, 9, 0, 0, 0, 0]), Action::KillProcess);
        assert_eq!(answer(libc::SYS_kill, [own + 1, 0, 0, 0, 0, 0]), Action::Allow);
    }

    #[test]
    fn who_leads_a_session_can_continue_and_not_kill() {
        let group = u64::from((-2_i32).cast_unsigned());
        let leader = |signal| ask(&LEADER, Kill::Continue, libc::SYS_kill, [group, signal, 0, 0, 0, 0]);
        assert_eq!(leader(18), Action::Allow);
        for signal in [0, 9, 15, 19] {
            assert_eq!(leader(signal), Action::KillProcess, "{signal}");
        }
        assert_eq!(ask(&LEADER, Kill::Continue, libc::SYS_wait4, [0; 6]), Action::Allow);
        assert_eq!(ask(&LEADER, Kill::Continue, libc::SYS_execve, [0; 6]), Action::KillProcess);
        assert!(HELPER.iter().all(|call| LEADER.contains(call)));
    }
}
