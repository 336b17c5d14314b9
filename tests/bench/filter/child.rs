//! Children that have a filter each and make calls when they are told.

use std::io;
use std::time::Instant;

use stockade::plan::filter::machine::Instruction;

use super::programs::{Subject, nanos};

/// How many calls there are.
pub(crate) const COUNT: usize = 4;

/// A call's name, number, arguments, and whether it runs.
pub(crate) type Probe = (&'static str, libc::c_long, [u64; 6], bool);

/// The calls: one that always runs, one whose argument is looked at, one that is refused, and one that does not exist.
pub(crate) const CALLS: [Probe; COUNT] = [
    ("getppid", libc::SYS_getppid, [0; 6], true),
    ("personality(0)", libc::SYS_personality, [0; 6], true),
    ("keyctl(-1)", libc::SYS_keyctl, [u64::MAX, 0, 0, 0, 0, 0], false),
    ("number 1000", 1000, [0; 6], false),
];

/// How many calls make one measurement.
const CALLS_A_ROUND: u32 = 1000;

/// What a child is told.
const GO: f64 = 1.0;
const STOP: f64 = 0.0;

/// A child, and the pipes to and from it.
pub(crate) struct Child {
    pid: libc::pid_t,
    to: i32,
    from: i32,
}

fn checked(result: libc::c_int, what: &str) -> Result<libc::c_int, String> {
    if result < 0 { Err(format!("{what}: {}", io::Error::last_os_error())) } else { Ok(result) }
}

fn pipe() -> Result<[i32; 2], String> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for both ends.
    checked(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, "pipe")?;
    Ok(ends)
}

/// Loads a program; the nanoseconds of that call alone.
fn install(code: &[Instruction]) -> Option<f64> {
    let len = u16::try_from(code.len()).ok()?;
    let program = libc::sock_fprog { len, filter: code.as_ptr().cast::<libc::sock_filter>().cast_mut() };
    // SAFETY: plain numbers.
    let private = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    let start = Instant::now();
    // SAFETY: the program is as long as it says; Instruction is laid out as sock_filter.
    let loaded = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    let time = nanos(start);
    (private == 0 && loaded == 0).then_some(time)
}

fn leave(status: i32) -> ! {
    // SAFETY: ends the child at once.
    unsafe { libc::_exit(status) }
}

fn put(fd: i32, values: &[f64]) -> bool {
    let bytes = size_of_val(values);
    // SAFETY: the slice is as long as we say.
    let written = unsafe { libc::write(fd, values.as_ptr().cast(), bytes) };
    usize::try_from(written) == Ok(bytes)
}

fn get(fd: i32, values: &mut [f64]) -> bool {
    let bytes = size_of_val(values);
    // SAFETY: the slice has room for as much as we say.
    let read = unsafe { libc::read(fd, values.as_mut_ptr().cast(), bytes) };
    usize::try_from(read) == Ok(bytes)
}

/// How long a program takes to load, in a child of its own; in nanoseconds.
pub(crate) fn load(code: &[Instruction]) -> Result<f64, String> {
    let [from, to] = pipe()?;
    // SAFETY: the child only makes system calls on memory that was there before, and leaves by _exit.
    let pid = checked(unsafe { libc::fork() }, "fork")?;
    if pid == 0 {
        let told = install(code).is_some_and(|time| put(to, &[time]));
        leave(i32::from(!told));
    }
    // SAFETY: our own end.
    unsafe { libc::close(to) };
    let mut time = [0.0];
    let told = get(from, &mut time);
    // SAFETY: our own end.
    unsafe { libc::close(from) };
    // SAFETY: our own child; no status is asked for.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    if told { Ok(time[0]) } else { Err("a filter could not be loaded".into()) }
}

/// All on the processor that this runs on now.
fn pin() {
    // SAFETY: an empty set is all zeros.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: no arguments.
    let here = unsafe { libc::sched_getcpu() };
    // SAFETY: the set has room for every processor that the kernel numbers.
    unsafe { libc::CPU_SET(usize::try_from(here).unwrap_or(0), &mut set) };
    // Where it is refused, the rounds are only less alike.
    // SAFETY: the set is as long as we say.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
}

impl Child {
    /// A child with this filter.
    pub(crate) fn new(subject: &Subject) -> Result<Self, String> {
        pin();
        let ([its_in, to], [from, its_out]) = (pipe()?, pipe()?);
        // SAFETY: as above.
        let pid = checked(unsafe { libc::fork() }, "fork")?;
        if pid == 0 {
            // SAFETY: the parent's end, so that the end of the parent is seen.
            unsafe { libc::close(to) };
            if !subject.code.is_empty() && install(&subject.code).is_none() {
                leave(1);
            }
            let mut go = [GO];
            while get(its_in, &mut go) && go[0] > STOP {
                if !put(its_out, &CALLS.map(|call| time(&call))) {
                    leave(2);
                }
            }
            leave(0);
        }
        for end in [its_in, its_out] {
            // SAFETY: the child's ends, which we need not hold.
            unsafe { libc::close(end) };
        }
        Ok(Self { pid, to, from })
    }

    /// One round; nanoseconds of each call.
    pub(crate) fn round(&mut self) -> Result<[f64; COUNT], String> {
        let mut times = [0.0; COUNT];
        if put(self.to, &[GO]) && get(self.from, &mut times) {
            Ok(times)
        } else {
            Err("a child with a filter has died".into())
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The end of the pipe alone would not be seen: children that came later hold it, too.
        put(self.to, &[STOP]);
        for end in [self.to, self.from] {
            // SAFETY: our own ends.
            unsafe { libc::close(end) };
        }
        // SAFETY: our own child.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
    }
}

/// Nanoseconds of one call.
fn time(call: &Probe) -> f64 {
    let (_, number, args, _) = call;
    let start = Instant::now();
    for _ in 0..CALLS_A_ROUND {
        // SAFETY: none of the calls takes a pointer in these arguments.
        unsafe { libc::syscall(*number, args[0], args[1], args[2], args[3], args[4], args[5]) };
    }
    nanos(start) / f64::from(CALLS_A_ROUND)
}
