//! What the target's process and those beside it tell each other before it is executed: a page that all see, so that
//! telling needs no system call, which the policy might refuse.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::errno::Errno;

/// How many kinds of namespaces there are.
pub const KINDS: usize = 8;

/// The page.
pub struct Progress(NonNull<Words>);

#[repr(C)]
struct Words {
    state: AtomicU32,
    /// How many of those beside the target are not ready yet, or [`GONE`].
    beside: AtomicU32,
    /// Whether the target's process sleeps until that is another number.
    sleeps: AtomicU32,
    namespaces: [AtomicU64; KINDS],
}

/// One of those beside the target could not go on.
const GONE: u32 = u32::MAX;

/// How far the target's process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet to the execution.
    Preparing,
    /// It executes the target, or has.
    Executing,
    /// The execution failed.
    Failed,
}

// SAFETY: the page is only used by atomic operations, and is never unmapped.
unsafe impl Send for Progress {}

// SAFETY: as above.
unsafe impl Sync for Progress {}

impl Progress {
    /// A fresh page, which stays until the process ends.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<Self, Errno> {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: an anonymous mapping at an address that the kernel chooses overlaps nothing.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), size_of::<Words>(), access, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        NonNull::new(page.cast()).map(Self).ok_or(Errno::ENOMEM)
    }

    /// The same page once more.
    #[must_use]
    pub fn again(&self) -> Self {
        Self(self.0)
    }

    fn words(&self) -> &Words {
        // SAFETY: the page stays mapped, is zeroed at first, and holds only atomics, for which zeros are valid.
        unsafe { self.0.as_ref() }
    }

    /// Says how far it has come.
    pub fn tell(&self, state: State) {
        self.words().state.store(state as u32, Ordering::Release);
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        match self.words().state.load(Ordering::Acquire) {
            0 => State::Preparing,
            1 => State::Executing,
            _ => State::Failed,
        }
    }

    /// Says how many will stand beside the target, before any of them is made.
    pub fn expect(&self, number: u32) {
        self.words().beside.store(number, Ordering::Release);
    }

    /// Says that one of those beside the target is ready for whatever it does.
    pub fn stand(&self) {
        // Where another could not go on, that stays.
        let less = |number: u32| if number == GONE { None } else { number.checked_sub(1) };
        self.words().beside.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).unwrap_or_default();
        self.wake();
    }

    /// Says that one of those beside the target cannot go on.
    pub fn fall(&self) {
        self.words().beside.store(GONE, Ordering::SeqCst);
        self.wake();
    }

    /// Wakes the target's process, if it sleeps.
    fn wake(&self) {
        if self.words().sleeps.load(Ordering::SeqCst) != 0 {
            let word = &raw const self.words().beside;
            // SAFETY: the word is in the page, which stays mapped. Nobody waiting is no error.
            unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, 1) };
        }
    }

    /// Waits until all that shall stand beside the target do; whether they do. Almost always they have long been ready.
    /// One that dies without a word takes the target along.
    pub fn accompanied(&self) -> bool {
        loop {
            match self.words().beside.load(Ordering::SeqCst) {
                0 => return true,
                GONE => return false,
                number => self.sleep(number),
            }
        }
    }

    /// Sleeps while there are so many still to come.
    fn sleep(&self, number: u32) {
        // Whoever has looked at this before has changed the number, and then nobody falls asleep.
        self.words().sleeps.store(1, Ordering::SeqCst);
        let (word, forever) = (&raw const self.words().beside, std::ptr::null::<libc::timespec>());
        // SAFETY: the word is in the page, which stays mapped. The caller looks again, whatever woke this process.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, number, forever) };
    }

    /// Says which namespaces it is in, by inode number; 0 where that is not known.
    pub fn tell_namespaces(&self, all: [u64; KINDS]) {
        for (word, number) in self.words().namespaces.iter().zip(all) {
            word.store(number, Ordering::Release);
        }
    }

    /// Which namespaces it is in.
    pub fn namespaces(&self) -> [u64; KINDS] {
        let mut all = [0; KINDS];
        for (number, word) in all.iter_mut().zip(&self.words().namespaces) {
            *number = word.load(Ordering::Acquire);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How often this thread has given up its processor by itself.
    fn switches() -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("procfs");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("a count");
        line.trim().parse().expect("a number")
    }

    #[test]
    fn who_waits_sleeps_until_all_are_ready_or_one_is_not() {
        for (last, all) in [(Progress::stand as fn(&Progress), true), (Progress::fall, false)] {
            let progress = Progress::new().expect("a page");
            progress.expect(2);
            let page = progress.again();
            let target = std::thread::spawn(move || {
                let before = switches();
                (page.accompanied(), switches() - before)
            });
            std::thread::sleep(Duration::from_millis(100));
            progress.stand();
            std::thread::sleep(Duration::from_millis(100));
            last(&progress);
            let (accompanied, slept) = target.join().expect("a thread");
            assert_eq!(accompanied, all);
            assert!((1..20).contains(&slept), "{slept}");
            assert_eq!(progress.accompanied(), all, "nobody has to wait");
        }
    }
}
