//! From decisions to a program: a balanced tree over the numbers, then the conditional nodes.
//!
//! Classic BPF only jumps forward, by 255 instructions at most when it compares. So the program is written from its end:
//! every jump's target stands already, and one too far away gets a stepping stone, a copy of the answer or a long jump.
//!
//! Until a number is decided, only loads of the number and the architecture, comparisons and answers are used: the
//! kernel proves from these which calls are always allowed, and then never runs the filter for them
//! (`seccomp_is_const_allow`, Linux 5.11).

use crate::draft::arch::Arch;
use crate::draft::calls::X32_BIT;
use crate::draft::compare::{Exact, Operator};
use crate::draft::syscalls::{Filter, Flags};
use crate::fault::Fault;

use super::machine::{self, AND, ANY_BIT, AT_LEAST, EQUAL, GREATER, Instruction, JUMP, LOAD, RETURN};
use crate::plan::filter::{self, Decisions, Skipped, Target};

/// A filter as the kernel takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The instructions, [`machine::LIMIT`] at most.
    pub code: Vec<Instruction>,
    /// How to load it.
    pub flags: Flags,
    /// Calls that rules name and architectures lack.
    pub skipped: Vec<Skipped>,
    /// Where each architecture's decisions begin, ascending.
    pub sections: Vec<(usize, Arch)>,
}

impl Program {
    /// The most instructions that any call runs.
    pub fn depth(&self) -> usize {
        let mut depth = vec![0_usize; self.code.len()];
        for (at, instruction) in self.code.iter().enumerate().rev() {
            let after = |skip: usize| depth.get(at + 1 + skip).copied().unwrap_or(0);
            depth[at] = 1 + match instruction.code {
                RETURN => 0,
                JUMP => after(instruction.k as usize),
                LOAD | AND => after(0),
                _ => after(instruction.jt.into()).max(after(instruction.jf.into())),
            };
        }
        depth.first().copied().unwrap_or(0)
    }
}

/// Compiles a filter for a machine whose kernel is of the `native` architecture.
///
/// Fails for calls that no architecture knows, for comparisons that an argument's width makes senseless, and for more
/// instructions than the kernel takes.
pub fn compile(filter: &Filter, native: Arch) -> Result<Program, Fault> {
    filter::check_names(filter)?;
    let mut skipped = Vec::new();
    let mut writer = Writer { code: Vec::with_capacity(256), ..Writer::default() };
    let foreign = Spot::Return(filter.foreign.to_ret());
    let listed = |arch: Arch| filter.architectures.contains(&arch) && arch.runs_on(native);
    let mut entries = Vec::new();
    for (index, arch) in filter.architectures.iter().enumerate() {
        let again = filter.architectures[..index].contains(arch);
        if *arch == native || *arch == Arch::X32 || again || !listed(*arch) {
            continue;
        }
        let decisions = filter::decide(filter, *arch, native, &mut skipped)?;
        let tree = writer.decisions(&decisions, 0, None);
        let start = writer.load_before(tree, machine::NUMBER);
        entries.push((arch.audit(), start));
    }
    let x32 = if listed(Arch::X32) {
        let decisions = filter::decide(filter, Arch::X32, native, &mut skipped)?;
        Some(writer.decisions(&decisions, X32_BIT, None))
    } else {
        None
    };
    let decisions = filter::decide(filter, native, native, &mut skipped)?;
    let beyond = match x32 {
        _ if native != Arch::X86_64 => None,
        Some(start) => Some(Beyond::X32(start)),
        None => Some(Beyond::Foreign(foreign)),
    };
    let tree = writer.decisions(&decisions, 0, beyond);
    let start = writer.load_before(tree, machine::NUMBER);
    entries.push((native.audit(), start));
    let mut head = foreign;
    for (audit, start) in entries {
        head = writer.branch(EQUAL, audit, start, head, None);
    }
    writer.load_before(head, machine::ARCH);
    writer.finish(filter, skipped)
}

/// A place to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    /// Any instruction with this answer.
    Return(u32),
    /// The instruction with this index, counted from the program's end.
    At(usize),
}

/// Numbers from `start` on that share a decision, except for single numbers among them.
struct Run {
    start: u32,
    base: Target,
    /// The exceptions, every second of these ranges.
    ranges: std::ops::Range<usize>,
}

/// Where calls go on x86-64 whose number has bit 30: looked at only where a number is newer than all others, so that no
/// other call pays for it.
#[derive(Clone, Copy)]
enum Beyond {
    /// To x32's own tree.
    X32(Spot),
    /// Nowhere; but -1 is a newer call's number: a tracer skips a call by it, and the kernel never runs it.
    Foreign(Spot),
}

/// How many single numbers a run may step over: each costs one comparison in place of two, but in a row.
const EXCEPTIONS: usize = 4;

/// Writes a program from its end.
#[derive(Default)]
struct Writer {
    /// The instructions, last one first.
    code: Vec<Instruction>,
    /// Answers that stand already, nearest last.
    answers: Vec<(u32, usize)>,
    /// Stepping stones: where they lead, and where they are.
    stones: Vec<(usize, usize)>,
    /// Where the current architecture's nodes begin.
    nodes: Vec<Spot>,
    /// Loads below this index may be somebody's target.
    floor: usize,
    sections: Vec<(usize, Arch)>,
}

impl Writer {
    fn push(&mut self, code: u16, k: u32) -> usize {
        self.code.push(Instruction { code, jt: 0, jf: 0, k });
        self.code.len() - 1
    }

    fn spot(&self, target: Target) -> Spot {
        match target {
            Target::Return(ret) => Spot::Return(ret),
            Target::Node(index) => self.nodes[index as usize],
        }
    }

    /// An instruction that leads to a spot and is near enough for a comparison written soon.
    fn near(&mut self, spot: Spot) -> usize {
        // Two places are kept for what may still come between.
        let reach = |at: usize, end: usize| end - at <= 253;
        let end = self.code.len();
        match spot {
            Spot::Return(ret) => match self.answers.iter().rev().find(|answer| answer.0 == ret) {
                Some(answer) if reach(answer.1, end) => answer.1,
                _ => {
                    let at = self.push(RETURN, ret);
                    self.answers.push((ret, at));
                    at
                }
            },
            Spot::At(at) if reach(at, end) => at,
            Spot::At(target) => match self.stones.iter().rev().find(|stone| stone.0 == target) {
                Some(stone) if reach(stone.1, end) => stone.1,
                _ => {
                    // The distance is below the limit of the program's length, or finish refuses the program.
                    let at = self.push(JUMP, u32::try_from(end - target - 1).unwrap_or(u32::MAX));
                    self.stones.push((target, at));
                    at
                }
            },
        }
    }

    /// Writes a comparison. `held` is the offset of the word that it compares, if the word is whole.
    fn branch(&mut self, code: u16, k: u32, yes: Spot, no: Spot, held: Option<u32>) -> Spot {
        if yes == no {
            return yes;
        }
        let yes = self.near(self.past_load(yes, held));
        let no = self.near(self.past_load(no, held));
        let at = self.code.len();
        let skip = |to: usize| u8::try_from(at - to - 1).unwrap_or(u8::MAX);
        self.code.push(Instruction { code, jt: skip(yes), jf: skip(no), k });
        Spot::At(at)
    }

    /// The spot behind a load of the word that is held anyway.
    fn past_load(&self, spot: Spot, held: Option<u32>) -> Spot {
        match spot {
            Spot::At(at) if held.is_some_and(|offset| self.loads(at, offset)) => Spot::At(at - 1),
            spot => spot,
        }
    }

    fn loads(&self, at: usize, offset: u32) -> bool {
        self.code[at].code == LOAD && self.code[at].k == offset
    }

    /// Takes the newest instruction away when it is a load that the comparison before it makes needless.
    fn absorb(&mut self, spot: Spot, offset: u32) -> Spot {
        match spot {
            Spot::At(at) if at + 1 == self.code.len() && at >= self.floor && self.loads(at, offset) => {
                self.code.pop();
                Spot::At(at - 1)
            }
            spot => spot,
        }
    }

    /// Writes a load that falls through to a spot.
    fn load_before(&mut self, spot: Spot, offset: u32) -> Spot {
        let at = match spot {
            Spot::At(at) if at + 1 == self.code.len() => at,
            spot => self.fall(spot),
        };
        debug_assert_eq!(at + 1, self.code.len(), "a load falls through to the newest instruction");
        Spot::At(self.push(LOAD, offset))
    }

    /// Writes an instruction that leads to a spot, for another one to fall through to.
    fn fall(&mut self, spot: Spot) -> usize {
        match spot {
            Spot::Return(ret) => self.push(RETURN, ret),
            Spot::At(target) => self.push(JUMP, u32::try_from(self.code.len() - target - 1).unwrap_or(u32::MAX)),
        }
    }

    /// Writes one architecture's nodes and tree; `base` is added to every number.
    fn decisions(&mut self, decisions: &Decisions, base: u32, beyond: Option<Beyond>) -> Spot {
        self.nodes.clear();
        for node in &decisions.nodes {
            let mut next = self.spot(node.otherwise);
            self.floor = self.code.len();
            for step in decisions.steps[node.steps.clone()].iter().rev() {
                let then = self.spot(step.then);
                next = self.tests(&decisions.tests[step.tests.clone()], then, next);
            }
            self.nodes.push(next);
            self.floor = self.code.len();
        }
        let runs = runs(&decisions.ranges);
        let newer = decisions.ranges.last().map(|range| self.spot(range.1));
        let last = match (beyond, newer) {
            (Some(Beyond::X32(start)), Some(newer)) => Some(self.branch(AT_LEAST, X32_BIT, start, newer, None)),
            (Some(Beyond::Foreign(foreign)), Some(newer)) => {
                let skipped = self.branch(EQUAL, u32::MAX, newer, foreign, None);
                Some(self.branch(AT_LEAST, X32_BIT, skipped, newer, None))
            }
            _ => None,
        };
        let start = self.tree(&runs, &decisions.ranges, base, last);
        self.sections.push((self.code.len(), decisions.arch));
        start
    }

    /// Writes tests that must all hold.
    fn tests(&mut self, tests: &[Exact], yes: Spot, no: Spot) -> Spot {
        let single = tests.len() == 1;
        let mut next = yes;
        for (index, test) in tests.iter().enumerate().rev() {
            let offset = machine::ARGS + 8 * u32::from(test.arg);
            let mut otherwise = no;
            if !test.wide && test.mask == u64::from(u32::MAX) {
                if index + 1 < tests.len() {
                    next = self.absorb(next, offset);
                }
                if single {
                    otherwise = self.absorb(otherwise, offset);
                }
            }
            next = self.test(test, offset, next, otherwise);
        }
        next
    }

    /// Writes one comparison of an argument.
    fn test(&mut self, test: &Exact, offset: u32, yes: Spot, no: Spot) -> Spot {
        let (code, yes, no) = match test.operator {
            Operator::Equal => (EQUAL, yes, no),
            Operator::NotEqual => (EQUAL, no, yes),
            Operator::Greater => (GREATER, yes, no),
            Operator::LessEqual => (GREATER, no, yes),
            Operator::GreaterEqual => (AT_LEAST, yes, no),
            Operator::Less => (AT_LEAST, no, yes),
        };
        let [low_mask, high_mask] = halves(test.mask);
        let [low, high] = halves(test.value);
        if !test.wide || (high_mask == 0 && high == 0) {
            return self.word(code, low, low_mask, offset, yes, no);
        }
        if code == EQUAL && low_mask == 0 && low == 0 {
            return self.word(code, high, high_mask, offset + 4, yes, no);
        }
        let lower = self.word(code, low, low_mask, offset, yes, no);
        let held = (high_mask == u32::MAX).then_some(offset + 4);
        let mut upper = self.branch(EQUAL, high, lower, no, held);
        if code != EQUAL {
            upper = self.branch(GREATER, high, yes, upper, held);
        }
        self.masked_load(upper, high_mask, offset + 4)
    }

    /// Writes a comparison of one word.
    fn word(&mut self, code: u16, k: u32, mask: u32, offset: u32, yes: Spot, no: Spot) -> Spot {
        if code == EQUAL && k == 0 && mask != u32::MAX {
            let start = self.branch(ANY_BIT, mask, no, yes, Some(offset));
            return self.masked_load(start, u32::MAX, offset);
        }
        let held = (mask == u32::MAX).then_some(offset);
        let start = self.branch(code, k, yes, no, held);
        self.masked_load(start, mask, offset)
    }

    fn masked_load(&mut self, start: Spot, mask: u32, offset: u32) -> Spot {
        match start {
            // Both ways led to one place: there is nothing to compare.
            Spot::Return(_) => return start,
            Spot::At(at) if at + 1 != self.code.len() => return start,
            Spot::At(_) => {}
        }
        if mask != u32::MAX {
            self.push(AND, mask);
        }
        Spot::At(self.push(LOAD, offset))
    }

    /// Writes the tree over some runs, the lower half nearer to its comparison. `last` is where the last range goes.
    fn tree(&mut self, runs: &[Run], ranges: &[(u32, Target)], base: u32, last: Option<Spot>) -> Spot {
        let [run] = runs else {
            let (left, right) = runs.split_at(middle(runs));
            let start = base + right[0].start;
            let upper = self.tree(right, ranges, base, last);
            let lower = self.tree(left, ranges, base, None);
            return self.branch(AT_LEAST, start, upper, lower, None);
        };
        let mut spot = last.unwrap_or_else(|| self.spot(run.base));
        for (number, target) in ranges[run.ranges.clone()].iter().skip(1).step_by(2).rev() {
            let exception = self.spot(*target);
            spot = self.branch(EQUAL, base + number, exception, spot, None);
        }
        spot
    }

    fn finish(mut self, filter: &Filter, skipped: Vec<Skipped>) -> Result<Program, Fault> {
        self.code.reverse();
        let length = self.code.len();
        if length > machine::LIMIT {
            let message = format!("the system call filter takes {length} instructions; the kernel takes 4096");
            let fault = Fault::new(message).exit(crate::fault::Exit::Seccomp);
            return Err(fault
                .help("ask for fewer rules with conditions on arguments, or join them by masks and ranges")
                .help("list fewer architectures: each one repeats the rules"));
        }
        let mut sections: Vec<(usize, Arch)> =
            self.sections.iter().map(|(end, arch)| (length.saturating_sub(*end), *arch)).collect();
        sections.reverse();
        Ok(Program { code: self.code, flags: filter.flags, skipped, sections })
    }
}

/// Where to part some runs, so that both sides weigh alike. A run weighs as many numbers as it has, since the kernel
/// follows the program for each number when it loads it, and something besides, since one rare call may be made often.
fn middle(runs: &[Run]) -> usize {
    const BESIDES: u32 = 8;
    let weight = |at: usize| match runs.get(at + 1) {
        Some(next) => next.start - runs[at].start + BESIDES,
        None => BESIDES,
    };
    let whole: u32 = (0..runs.len()).map(weight).sum();
    let mut lower = 0;
    for at in 1..runs.len() {
        let more = lower + weight(at - 1);
        // Past the middle: this side of the run or that, whichever is nearer.
        if 2 * more >= whole {
            return if at > 1 && whole - 2 * lower < 2 * more - whole { at - 1 } else { at };
        }
        lower = more;
    }
    runs.len() - 1
}

/// The low and the high word of a value.
fn halves(value: u64) -> [u32; 2] {
    // Both are 32 bits by then.
    let word = |bits: u64| u32::try_from(bits).unwrap_or(u32::MAX);
    [word(value & u64::from(u32::MAX)), word(value >> 32)]
}

/// Joins ranges that differ from their surroundings in single numbers.
fn runs(ranges: &[(u32, Target)]) -> Vec<Run> {
    let mut runs = Vec::with_capacity(ranges.len());
    let mut at = 0;
    while at < ranges.len() {
        let (start, base) = ranges[at];
        let first = at;
        while at + 2 < ranges.len()
            && at - first < 2 * EXCEPTIONS
            && ranges[at + 1].0 + 1 == ranges[at + 2].0
            && ranges[at + 2].1 == base
        {
            at += 2;
        }
        at += 1;
        runs.push(Run { start, base, ranges: first..at });
    }
    runs
}
