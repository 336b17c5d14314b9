//! Signals that have reached the launcher, until it is known whether they have reached the target, too.
//!
//! What is sent to the whole process group or control group reaches the helper as well, and then the target has it
//! already. Whoever sends to a group may be slow about it, so a signal waits a little; then the helper is asked.

use std::time::{Duration, Instant};

use crate::sys::signals::{Arrival, LAST, Set};

/// How long a signal waits for the helper to say that it has got it, too.
const TOGETHER: Duration = Duration::from_millis(5);

/// How long the helper may take to answer.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long the helper's word counts when it comes first.
const FRESH: Duration = Duration::from_millis(50);

/// How many signals can wait.
const ROOM: usize = 16;

/// The signals.
pub(super) struct Queue {
    /// Each with the end of its wait.
    waiting: [Option<(Arrival, Instant)>; ROOM],
    /// When the helper last told of each signal.
    told: [Option<Instant>; LAST as usize + 1],
    /// Signals that had arrived before the target's process was there: it has missed them.
    missed: Set,
    /// Signals of which the helper's next word means nothing.
    deaf: Set,
    /// When the helper was asked.
    asked: Option<Instant>,
}

impl Queue {
    /// An empty one.
    pub(super) fn new(missed: Set) -> Self {
        Self { waiting: [None; ROOM], told: [None; LAST as usize + 1], missed, deaf: Set(0), asked: None }
    }

    /// A signal has reached the launcher. It is given back where it has to be sent on at once.
    pub(super) fn arrived(&mut self, arrival: Arrival, now: Instant) -> Option<Arrival> {
        let one = Set::one(arrival.number);
        if self.missed.has(one) {
            self.missed = self.missed.without(one);
            self.deaf.0 |= one.0;
            return Some(arrival);
        }
        let told = usize::try_from(arrival.number).ok().and_then(|at| self.told.get_mut(at));
        if told.and_then(Option::take).is_some_and(|when| now.duration_since(when) < FRESH) {
            return None;
        }
        let Some(slot) = self.waiting.iter_mut().find(|slot| slot.is_none()) else { return Some(arrival) };
        *slot = Some((arrival, now + TOGETHER));
        None
    }

    /// The helper says that a signal has reached it.
    pub(super) fn told(&mut self, number: u8, now: Instant) {
        let one = Set::one(number.into());
        if self.missed.has(one) || self.deaf.has(one) {
            self.deaf = self.deaf.without(one);
            return;
        }
        let same = |slot: &&mut Option<(Arrival, Instant)>| {
            slot.as_ref().is_some_and(|(arrival, _)| arrival.number == i32::from(number))
        };
        if let Some(slot) = self.waiting.iter_mut().find(same) {
            *slot = None;
        } else if let Some(told) = self.told.get_mut(usize::from(number)) {
            *told = Some(now);
        }
    }

    /// Whether a signal waits to be sent on.
    pub(super) fn holds(&self, number: i32) -> bool {
        self.waiting.iter().flatten().any(|(arrival, _)| arrival.number == number)
    }

    /// When something has to be done without being asked.
    pub(super) fn wakes(&self) -> Option<Instant> {
        match self.asked {
            Some(asked) => Some(asked + PATIENCE),
            None => self.waiting.iter().flatten().map(|(_, until)| *until).min(),
        }
    }

    /// Whether the helper is to be asked now.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        let due = self.asked.is_none() && self.wakes().is_some_and(|until| until <= now);
        if due {
            self.asked = Some(now);
        }
        due
    }

    /// Whether the helper has been asked for so long that its answer is not waited for any more.
    pub(super) fn overdue(&self, now: Instant) -> bool {
        self.asked.is_some_and(|asked| asked + PATIENCE <= now)
    }

    /// The helper has answered, or will not: the next of the signals that it was asked about and has not got. Nothing
    /// when they are all given back.
    pub(super) fn answered(&mut self) -> Option<Arrival> {
        let asked = self.asked?;
        let all = self.waiting.iter_mut().filter(|slot| slot.as_ref().is_some_and(|(_, until)| *until <= asked));
        let next = all.min_by_key(|slot| slot.as_ref().map(|(_, until)| *until)).and_then(Option::take);
        if next.is_none() {
            self.asked = None;
        }
        next.map(|(arrival, _)| arrival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(number: i32) -> Arrival {
        Arrival { number, code: 0, sender: 1, user: 0, value: 0 }
    }

    fn answered(queue: &mut Queue) -> Vec<i32> {
        std::iter::from_fn(|| queue.answered()).map(|arrival| arrival.number).collect()
    }

    #[test]
    fn what_the_helper_has_not_got_is_sent_on_in_order() {
        let (mut queue, start) = (Queue::new(Set(0)), Instant::now());
        for (number, after) in [(15, 0), (1, 1), (2, 9)] {
            assert_eq!(queue.arrived(signal(number), start + Duration::from_millis(after)), None);
        }
        assert!(!queue.asks(start + Duration::from_millis(4)));
        assert!(queue.asks(start + Duration::from_millis(7)));
        assert!(!queue.asks(start + Duration::from_millis(20)), "it has been asked");
        assert_eq!(answered(&mut queue), [15, 1]);
        assert!(queue.asks(start + Duration::from_millis(20)));
        assert_eq!(answered(&mut queue), [2]);
        assert_eq!(queue.wakes(), None);
    }

    #[test]
    fn what_reaches_both_is_not_sent_on() {
        let (mut queue, now) = (Queue::new(Set(0)), Instant::now());
        queue.arrived(signal(15), now);
        queue.told(15, now);
        queue.told(1, now);
        assert_eq!((queue.arrived(signal(1), now), queue.wakes()), (None, None));
        // An old word means nothing.
        queue.told(1, now);
        queue.arrived(signal(1), now + FRESH);
        assert!(queue.wakes().is_some());
    }

    #[test]
    fn what_came_before_the_target_is_sent_on_whatever_the_helper_says() {
        let (mut queue, now) = (Queue::new(Set::one(15)), Instant::now());
        assert_eq!(queue.arrived(signal(15), now), Some(signal(15)));
        queue.told(15, now);
        assert_eq!(queue.arrived(signal(15), now), None);
        assert!(queue.wakes().is_some(), "the next one waits for a word of its own");
    }

    #[test]
    fn a_helper_that_does_not_answer_holds_nothing_up() {
        let (mut queue, now) = (Queue::new(Set(0)), Instant::now());
        queue.arrived(signal(15), now);
        assert!(queue.asks(now + TOGETHER));
        assert!(!queue.overdue(now + TOGETHER));
        assert!(queue.overdue(now + TOGETHER + PATIENCE));
        assert_eq!(answered(&mut queue), [15]);
    }
}
