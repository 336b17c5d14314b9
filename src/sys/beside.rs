//! A process beside this one that is nobody's child and shares our descriptors.
//!
//! It is cloned twice: the process in between ends at once and is reaped here, so the target that this
//! process becomes has no child it does not know of, and the helper belongs to init.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::detached::{leave, reap};

/// Bytes of the helper's stack; only what is touched is ever there.
const STACK: usize = 512 * 1024;

/// What both processes see: a page of shared memory.
pub struct Board(NonNull<Words>);

/// The words on it.
#[repr(C)]
pub struct Words {
    /// The helper's state: 0 while it prepares, [`READY`], or an errno that it failed with.
    state: AtomicU32,
    /// The listener's number; -1 while there is none, -2 when there will be none.
    listener: AtomicI32,
    /// The helper's process id, as it knows it.
    process: AtomicU32,
}

/// [`Words::state`] of a helper that is ready; no errno.
const READY: u32 = u32::MAX;

// SAFETY: the page is only used by atomic operations, and stays mapped until the last owner drops it.
unsafe impl Send for Board {}

// SAFETY: everything on it is atomic.
unsafe impl Sync for Board {}

impl Board {
    /// A fresh page.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<Self, Errno> {
        let page = map(size_of::<Words>(), libc::MAP_SHARED)?.cast::<Words>();
        let board = Self(page);
        board.words().listener.store(-1, Ordering::Relaxed);
        Ok(board)
    }

    fn words(&self) -> &Words {
        // SAFETY: the page is mapped as long as self lives, zeroed or initialised, and holds only atomics.
        unsafe { self.0.as_ref() }
    }

    /// The helper says that it is ready, or why it is not.
    pub fn report(&self, result: Result<(), Errno>) {
        self.words().process.store(std::process::id(), Ordering::Relaxed);
        let state = result.map_or_else(|errno| (errno as i32).cast_unsigned(), |()| READY);
        self.words().state.store(state, Ordering::Release);
        // SAFETY: the word is in shared memory that outlives the call.
        unsafe { libc::syscall(libc::SYS_futex, &raw const self.words().state, libc::FUTEX_WAKE, 1) };
    }

    /// Waits for the helper's report.
    ///
    /// # Errors
    /// What the helper failed with; ETIMEDOUT when it says nothing for ten seconds.
    pub fn hear(&self) -> Result<(), Errno> {
        for _ in 0..100 {
            match self.words().state.load(Ordering::Acquire) {
                0 => {}
                READY => return Ok(()),
                errno => return Err(Errno::from_raw(errno.cast_signed())),
            }
            let timeout = libc::timespec { tv_sec: 0, tv_nsec: 100_000_000 };
            let word = &raw const self.words().state;
            // SAFETY: word and timeout outlive the call, and a wake or a signal is told from neither: the loop looks again.
            unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, 0, &raw const timeout) };
        }
        Err(Errno::ETIMEDOUT)
    }

    /// The errno that the helper reported, if it did, without waiting.
    pub fn said(&self) -> Option<Errno> {
        match self.words().state.load(Ordering::Acquire) {
            0 | READY => None,
            errno => Some(Errno::from_raw(errno.cast_signed())),
        }
    }

    /// Lets the helper look into this process, and into what it becomes, where only ancestors may (`ptrace_scope` 1 of
    /// the Yama security module; PR_SET_PTRACER). Elsewhere it changes nothing.
    pub fn open_up(&self) {
        // EINVAL: there is no Yama.
        super::process::prctl(libc::PR_SET_PTRACER, self.words().process.load(Ordering::Relaxed).into()).ok();
    }

    /// Tells the helper the listener's number, or that there will be none, without a system call: the filter is in force.
    pub fn tell(&self, listener: Option<i32>) {
        self.words().listener.store(listener.unwrap_or(-2), Ordering::Release);
    }

    /// What [`Board::tell`] said, or nothing yet.
    pub fn told(&self) -> Option<Option<i32>> {
        match self.words().listener.load(Ordering::Acquire) {
            -1 => None,
            number => Some(u32::try_from(number).is_ok().then_some(number)),
        }
    }

    /// Begins anew: the helper's next report is waited for. For the launcher, before it tells the number.
    pub fn expect(&self) {
        self.words().state.store(0, Ordering::Release);
    }

    /// Waits for the helper's report without any system call.
    ///
    /// # Errors
    /// What the helper failed with; ETIMEDOUT after `patience`.
    pub fn spin(&self, patience: std::time::Duration) -> Result<(), Errno> {
        let start = std::time::Instant::now();
        loop {
            match self.words().state.load(Ordering::Acquire) {
                0 if start.elapsed() > patience => return Err(Errno::ETIMEDOUT),
                0 => std::hint::spin_loop(),
                READY => return Ok(()),
                errno => return Err(Errno::from_raw(errno.cast_signed())),
            }
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: the mapping is of this size, and no reference into it outlives self.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<Words>()) };
    }
}

/// Fresh memory.
fn map(size: usize, sharing: c_int) -> Result<NonNull<c_void>, Errno> {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, sharing | libc::MAP_ANONYMOUS);
    // SAFETY: an anonymous mapping at an address that the kernel chooses overlaps nothing.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0) };
    if memory == libc::MAP_FAILED { Err(Errno::last()) } else { NonNull::new(memory).ok_or(Errno::ENOMEM) }
}

/// Starts the helper and says its process id. It runs `work` on a copy of this process's memory and with this
/// process's own table of descriptors, and ends with the status that `work` returns.
///
/// This process must have one thread only.
///
/// # Errors
/// EAGAIN: no process more is allowed (RLIMIT_NPROC, pids.max). ENOMEM.
pub fn start(work: &mut dyn FnMut() -> i32) -> Result<(), Errno> {
    let stack = map(STACK, libc::MAP_PRIVATE | libc::MAP_STACK | libc::MAP_NORESERVE)?;
    // SAFETY: the top is one past the end of the mapping that was just made.
    let top = unsafe { stack.as_ptr().byte_add(STACK) };
    let mut work = work;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES;
    let argument = (&raw mut work).cast();
    // SAFETY: with CLONE_VFORK this process stands still until the child has ended, so the child may use its memory
    // and what `argument` points to; the stack is the child's alone.
    let child = Errno::result(unsafe { libc::clone(between, top, flags, argument) });
    let result = child.and_then(|child| reap(Pid::from_raw(child)));
    // SAFETY: the child in between is gone, and the helper has a copy.
    unsafe { libc::munmap(stack.as_ptr(), STACK) };
    result
}

/// The process in between: makes the helper and ends.
extern "C" fn between(argument: *mut c_void) -> c_int {
    // SAFETY: a plain fork but for the shared table of descriptors: no memory is shared, no stack is given.
    let child = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_FILES, 0, 0, 0, 0) };
    let status = match Errno::result(child) {
        Ok(0) => {
            let work = argument.cast::<&mut dyn FnMut() -> i32>();
            // SAFETY: `start` made it so, and this process has a copy of it that nobody else uses.
            let work = unsafe { &mut *work };
            work()
        }
        Ok(_) => 0,
        Err(errno) => errno as c_int,
    };
    leave(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_carry_words() {
        let board = Board::new().expect("a page");
        assert_eq!(board.told(), None);
        board.tell(Some(0));
        assert_eq!(board.told(), Some(Some(0)));
        board.tell(None);
        assert_eq!(board.told(), Some(None));
        board.report(Err(Errno::EBUSY));
        assert_eq!(board.hear(), Err(Errno::EBUSY));
        board.report(Ok(()));
        assert_eq!((board.hear(), board.spin(std::time::Duration::ZERO)), (Ok(()), Ok(())));
    }
}
