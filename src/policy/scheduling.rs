//! How the target is scheduled, and where its memory is.

use crate::draft::attributes::Attribute;
use crate::fault::Fault;
use crate::text::Value;

use super::form::amount;
use super::form::{self, Form, Item};
use super::{Demands, Directive};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Scheduling {
    /// Nice=.
    pub nice: Option<i32>,
    /// CPUSchedulingPolicy=: SCHED_*.
    pub policy: Option<i32>,
    /// CPUSchedulingPriority=.
    pub priority: Option<i32>,
    /// CPUSchedulingResetOnFork=.
    pub reset: bool,
    /// CPUAffinity=: bits of processors.
    pub affinity: Vec<u64>,
    /// NUMAPolicy=: MPOL_*.
    pub memory: Option<i32>,
    /// NUMAMask=: bits of nodes.
    pub nodes: Vec<u64>,
    /// IOSchedulingClass=: IOPRIO_CLASS_*.
    pub io_class: Option<i32>,
    /// IOSchedulingPriority=.
    pub io_priority: Option<i32>,
    /// TimerSlackNSec=, in nanoseconds.
    pub slack: Option<u64>,
}

const POLICIES: [(&str, i32); 6] = [
    ("other", libc::SCHED_OTHER),
    ("batch", libc::SCHED_BATCH),
    ("idle", libc::SCHED_IDLE),
    ("fifo", libc::SCHED_FIFO),
    ("rr", libc::SCHED_RR),
    ("ext", 7),
];

const MEMORY: [(&str, i32); 5] = [("default", 0), ("preferred", 1), ("bind", 2), ("interleave", 3), ("local", 4)];

const IO: [(&str, i32); 4] = [("none", 0), ("realtime", 1), ("best-effort", 2), ("idle", 3)];

/// Processors that a mask can name; as many as Linux can be built for.
const MOST_PROCESSORS: usize = 8192;

/// Memory nodes that a mask can name (MAX_NUMNODES is 1024 at most).
const MOST_NODES: usize = 1024;

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "Nice",
        form: Form::Text("LEVEL"),
        summary: "nice level",
        manual: "The nice level of the target, -20 (the most processor time) to 19 (setpriority(2)). Lowering it takes \
                 CAP_SYS_NICE, or a LimitNICE that allows it. An empty value leaves the caller's.",
        example: "Nice = 10",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.scheduling.nice = number(value, -20, 19)?;
            Ok(())
        },
        demand: |policy, demands| attribute(demands, policy.scheduling.nice.map(Attribute::Nice)),
    },
    Directive {
        name: "CPUSchedulingPolicy",
        form: Form::Word(&["other", "batch", "idle", "fifo", "rr", "ext"]),
        summary: "processor scheduling policy",
        manual: "The scheduling policy of the target (sched(7)): *other* is the usual one, *batch* and *idle* are for \
                 work that nobody waits for, *fifo* and *rr* are realtime policies, *ext* is for schedulers made of BPF \
                 programs. Realtime policies take CAP_SYS_NICE or a LimitRTPRIO, and have *CPUSchedulingPriority* 1 \
                 unless it says otherwise. An empty value leaves the caller's.",
        example: "CPUSchedulingPolicy = \"batch\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.scheduling.policy = word_or_number(value, &POLICIES)?;
            Ok(())
        },
        demand: |policy, demands| {
            let scheduling = &policy.scheduling;
            if scheduling.policy.is_none() && scheduling.priority.is_none() && !scheduling.reset {
                return;
            }
            let chosen = scheduling.policy.unwrap_or(libc::SCHED_OTHER);
            let realtime = chosen == libc::SCHED_FIFO || chosen == libc::SCHED_RR;
            let priority = scheduling.priority.unwrap_or(i32::from(realtime));
            attribute(demands, Some(Attribute::Scheduling { policy: chosen, priority, reset: scheduling.reset }));
        },
    },
    Directive {
        name: "CPUSchedulingPriority",
        form: Form::Text("PRIORITY"),
        summary: "realtime priority",
        manual: "The priority under the policies *fifo* and *rr* of *CPUSchedulingPolicy*, 1 to 99, the highest first \
                 (sched(7)); 0 is the only one of all others.",
        example: "CPUSchedulingPriority = 20\nCPUSchedulingPolicy = \"rr\"",
        unlike: Some("A priority that the policy does not have makes the start fail and is not moved into its range."),
        exposure: &[],
        read: |policy, value| {
            policy.scheduling.priority = number(value, 0, 99)?;
            Ok(())
        },
        // Part of what CPUSchedulingPolicy demands.
        demand: |_, _| {},
    },
    Directive {
        name: "CPUSchedulingResetOnFork",
        form: Form::Boolean,
        summary: "keep children from inheriting a realtime policy",
        manual: "With *yes*, raised priorities and realtime policies are reset in processes that the target starts \
                 (SCHED_RESET_ON_FORK).",
        example: "CPUSchedulingResetOnFork = true",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.scheduling.reset = form::boolean(value)?;
            Ok(())
        },
        // Part of what CPUSchedulingPolicy demands.
        demand: |_, _| {},
    },
    Directive {
        name: "CPUAffinity",
        form: Form::List("CPU"),
        summary: "processors to run on",
        manual: "Numbers of processors and ranges of them that the target may run on, e.g. `0 2-5` \
                 (sched_setaffinity(2)). Lists add up and an empty one leaves the caller's.",
        example: "CPUAffinity = \"0 2-5\"",
        unlike: Some("*numa*, the processors of the nodes of NUMAMask, is refused: write their numbers."),
        exposure: &[],
        read: |policy, value| mask(&mut policy.scheduling.affinity, value, MOST_PROCESSORS),
        demand: |policy, demands| {
            let affinity = &policy.scheduling.affinity;
            if !affinity.is_empty() {
                attribute(demands, Some(Attribute::Affinity(affinity.clone())));
            }
        },
    },
    Directive {
        name: "NUMAPolicy",
        form: Form::Word(&["default", "preferred", "bind", "interleave", "local"]),
        summary: "where memory is taken from",
        manual: "The memory policy of the target (set_mempolicy(2)): *default* and *local* take memory near the \
                 processor, *preferred* from one node first, *bind* from the nodes of *NUMAMask* only, *interleave* \
                 from them in turn. An empty value leaves the caller's.",
        example: "NUMAPolicy = \"bind\"\nNUMAMask = 0",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.scheduling.memory = word_or_number(value, &MEMORY)?;
            Ok(())
        },
        demand: |policy, demands| {
            let Some(mode) = policy.scheduling.memory else { return };
            attribute(demands, Some(Attribute::Memory { mode, nodes: policy.scheduling.nodes.clone() }));
        },
    },
    Directive {
        name: "NUMAMask",
        form: Form::List("NODE"),
        summary: "memory nodes for NUMAPolicy",
        manual: "Numbers of memory nodes and ranges of them, for *NUMAPolicy*. Lists add up and an empty one resets.",
        example: "NUMAMask = \"0-1\"\nNUMAPolicy = \"interleave\"",
        unlike: Some("*all* is refused: write the numbers."),
        exposure: &[],
        read: |policy, value| mask(&mut policy.scheduling.nodes, value, MOST_NODES),
        // Part of what NUMAPolicy demands.
        demand: |_, _| {},
    },
    Directive {
        name: "IOSchedulingClass",
        form: Form::Word(&["none", "realtime", "best-effort", "idle"]),
        summary: "class of reading from and writing to disks",
        manual: "The class that the target's input and output are scheduled in (ioprio_set(2)): *realtime* comes first \
                 and takes CAP_SYS_NICE, then *best-effort*, and *idle* when nobody else wants the disk; *none* goes \
                 by the nice level. *IOSchedulingPriority* orders within a class. An empty value resets both.",
        example: "IOSchedulingClass = \"idle\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.scheduling.io_class = word_or_number(value, &IO)?;
            if policy.scheduling.io_class.is_none() {
                policy.scheduling.io_priority = None;
            }
            Ok(())
        },
        demand: |policy, demands| {
            let scheduling = &policy.scheduling;
            if scheduling.io_class.is_none() && scheduling.io_priority.is_none() {
                return;
            }
            let class = scheduling.io_class.unwrap_or(2);
            // Only two classes have levels; 4 is the middle.
            let level = if class == 1 || class == 2 { scheduling.io_priority.unwrap_or(4) } else { 0 };
            attribute(demands, Some(Attribute::Io(class << 13 | level)));
        },
    },
    Directive {
        name: "IOSchedulingPriority",
        form: Form::Text("LEVEL"),
        summary: "priority of reading from and writing to disks",
        manual: "The level within *IOSchedulingClass*, 0 (the highest) to 7; 4 where nothing is said. Without a class it \
                 is *best-effort*'s.",
        example: "IOSchedulingPriority = 6",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            policy.scheduling.io_priority = number(value, 0, 7)?;
            Ok(())
        },
        // Part of what IOSchedulingClass demands.
        demand: |_, _| {},
    },
    Directive {
        name: "TimerSlackNSec",
        form: Form::Text("TIME"),
        summary: "how late timers may expire",
        manual: "How much later than asked for the target's timers may expire, so that wake-ups can be joined \
                 (PR_SET_TIMERSLACK, prctl(2)), in nanoseconds unless a unit is written: `50us`. An empty value leaves \
                 the caller's.",
        example: "TimerSlackNSec = \"1ms\"",
        unlike: None,
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            policy.scheduling.slack = match item.text.trim() {
                "" => None,
                text => Some(nanoseconds(text).map_err(|why| {
                    item.fault(format!("`{text}` is not a time: {why}")).help("write e.g. 50us, 1ms, or nanoseconds")
                })?),
            };
            Ok(())
        },
        demand: |policy, demands| attribute(demands, policy.scheduling.slack.map(Attribute::TimerSlack)),
    },
];

/// Asks for an attribute, if there is one.
pub(super) fn attribute(demands: &mut Demands<'_>, what: Option<Attribute>) {
    if let Some(what) = what {
        demands.draft.attributes.push(demands.asked(what));
    }
}

/// A whole number within bounds; nothing for an empty value.
pub(super) fn number(value: &Value, least: i32, most: i32) -> Result<Option<i32>, Fault> {
    let item = form::text(value)?;
    let text = item.text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<i32>() {
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => Err(item
            .fault(format!("`{text}` is not a number that this directive takes"))
            .help(format!("write a whole number from {least} to {most}"))),
    }
}

/// One of some words, or the kernel's number of it, as systemd takes both; nothing for an empty value.
fn word_or_number(value: &Value, words: &[(&str, i32)]) -> Result<Option<i32>, Fault> {
    let item = form::text(value)?;
    let text = item.text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Some((_, number)) = words.iter().find(|(_, number)| text.parse() == Ok(*number)) {
        return Ok(Some(*number));
    }
    form::word(value, words).map(Some)
}

/// Numbers and ranges, added to a mask of bits.
fn mask(bits: &mut Vec<u64>, value: &Value, most: usize) -> Result<(), Fault> {
    let Some(words) = form::all_words(value)? else {
        bits.clear();
        return Ok(());
    };
    for word in words {
        for part in word.text.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = range(part, most).ok_or_else(|| not_a_range(&word, part, most))?;
            if bits.len() <= last / 64 {
                bits.resize(last / 64 + 1, 0);
            }
            for bit in first..=last {
                bits[bit / 64] |= 1 << (bit % 64);
            }
        }
    }
    Ok(())
}

/// `3` or `3-5`, below `most`. A range that runs backwards is none.
fn range(text: &str, most: usize) -> Option<(usize, usize)> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<usize>().ok().filter(|number| digits && *number < most)
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    (first <= last).then_some((first, last))
}

fn not_a_range(word: &Item, part: &str, most: usize) -> Fault {
    word.fault(format!("`{part}` is neither a number nor a range"))
        .help(format!("write numbers below {most} and ranges of them: 0 2-5"))
}

/// A time in nanoseconds, without a unit too.
fn nanoseconds(text: &str) -> Result<u64, amount::NotAnAmount> {
    let plain = ["nsec", "ns", ""].iter().find_map(|unit| {
        let digits = text.strip_suffix(unit)?.trim_end();
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits).filter(|digits| !digits.is_empty())
    });
    match plain {
        Some(digits) => digits.parse().map_err(|_| amount::NotAnAmount::Range),
        None if text == "infinity" => Ok(u64::MAX),
        None => {
            let time = amount::microseconds(text, amount::SECOND)?;
            time.checked_mul(1000).ok_or(amount::NotAnAmount::Range)
        }
    }
}

/// For tests: what a policy demands of attributes.
#[cfg(test)]
pub(super) fn attributes(policy: &super::Policy) -> Vec<Attribute> {
    policy.draft().attributes.into_iter().map(|asked| asked.what).collect()
}

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Kind;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    #[track_caller]
    fn one(directive: &str, word: &str) -> Attribute {
        let mut all = attributes(&read(directive, text(word)).expect(word));
        assert_eq!(all.len(), 1, "{directive}={word}");
        all.remove(0)
    }

    #[track_caller]
    fn refused(directive: &str, words: &[&str]) {
        for word in words {
            assert!(read(directive, text(word)).is_err(), "{directive}={word}");
        }
    }

    #[test]
    fn levels_have_bounds() {
        assert_eq!(one("Nice", "-20"), Attribute::Nice(-20));
        assert_eq!(one("Nice", " 19 "), Attribute::Nice(19));
        refused("Nice", &["20", "-21", "x", "1.5", "0x1"]);
        assert_eq!(attributes(&read("Nice", text("")).expect("reset")), []);
    }

    #[test]
    fn the_parts_of_a_policy_come_together() {
        let rr = Attribute::Scheduling { policy: libc::SCHED_RR, priority: 1, reset: false };
        assert_eq!(one("CPUSchedulingPolicy", "rr"), rr);
        assert_eq!(one("CPUSchedulingPolicy", "2"), rr);
        let reset = Attribute::Scheduling { policy: libc::SCHED_OTHER, priority: 0, reset: true };
        assert_eq!(one("CPUSchedulingResetOnFork", "yes"), reset);
        let both = [("CPUSchedulingPriority", text("99")), ("CPUSchedulingPolicy", text("fifo"))];
        let fifo = Attribute::Scheduling { policy: libc::SCHED_FIFO, priority: 99, reset: false };
        assert_eq!(attributes(&read_all(&both).expect("good")), [fifo]);
        refused("CPUSchedulingPolicy", &["deadline", "6", "FIFO"]);
        refused("CPUSchedulingPriority", &["100", "-1"]);
    }

    #[test]
    fn masks_are_numbers_and_ranges() {
        assert_eq!(one("CPUAffinity", "0 2-3,65"), Attribute::Affinity(vec![0b1101, 0b10]));
        refused("CPUAffinity", &["8192", "3-1", "-1", "1-", "a", "numa", "0x1"]);
        let lists = [("CPUAffinity", text("1")), ("CPUAffinity", text("")), ("CPUAffinity", text("0"))];
        assert_eq!(attributes(&read_all(&lists).expect("good")), [Attribute::Affinity(vec![1])]);
        let numa = [("NUMAMask", text("1")), ("NUMAPolicy", text("bind"))];
        assert_eq!(attributes(&read_all(&numa).expect("good")), [Attribute::Memory { mode: 2, nodes: vec![2] }]);
    }

    #[test]
    fn levels_of_disks_are_of_a_class() {
        assert_eq!(one("IOSchedulingClass", "idle"), Attribute::Io(3 << 13));
        assert_eq!(one("IOSchedulingClass", "1"), Attribute::Io(1 << 13 | 4));
        assert_eq!(one("IOSchedulingPriority", "7"), Attribute::Io(2 << 13 | 7));
        refused("IOSchedulingPriority", &["8", "-1"]);
        refused("IOSchedulingClass", &["4", "fast"]);
    }

    #[test]
    fn slack_is_in_nanoseconds() {
        for (word, want) in [("50", 50), ("50ns", 50), ("50us", 50_000), ("1.5ms", 1_500_000), ("1s", 1_000_000_000)] {
            assert_eq!(one("TimerSlackNSec", word), Attribute::TimerSlack(want), "{word}");
        }
        refused("TimerSlackNSec", &["-1", "soon", "99999999999999999999", "1e3", "ns"]);
    }
}
