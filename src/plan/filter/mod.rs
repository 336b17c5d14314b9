//! From a [`Filter`] to a decision for every call number of an architecture.
//!
//! Most numbers have one answer whatever their arguments; the layers' answers are merged here, once. The rest get a
//! node: comparisons in order, each leading to an answer or to the next layer's node together with the strictest answer
//! so far. Equal nodes are kept once, and a node whose ways all end alike is that end, so nothing grows but what must.
//!
//! In: a filter's layers. Out: a program, and answers to questions about one.
//!
//! - compiling: this file decides, `tree` makes a program of it, `machine` runs programs as the kernel would, `listing`
//!   prints them
//! - asking: `question` (as people write it), `verdict` (who decides, upon which arguments), `ways` (what any program
//!   answers, whoever compiled it), `knowledge` (what is known of the arguments on the way)
//! - other shapes: `flat` (as container engines write filters), `stage` (learn, monitor and protect in a fleet)
//! - the second opinion of the tests: `meaning`, straight from the layers

pub mod flat;
pub mod knowledge;
pub mod listing;
pub mod machine;
pub mod meaning;
pub mod question;
pub mod stage;
pub mod tree;
pub mod verdict;
pub mod ways;

use crate::draft::By;
use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{self, Call, Id};
use crate::draft::compare::{Exact, Operator};
use crate::draft::syscalls::{Filter, Layer, Rule};
use crate::fault::Fault;

use meaning::is_unknown;

/// Where a decision leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this answer.
    Return(u32),
    /// To the node with this index.
    Node(u32),
}

/// Comparisons in order; the first step whose tests all hold is taken.
#[derive(Clone, Debug)]
pub struct Node {
    /// The steps, a range of [`Decisions::steps`].
    pub steps: std::ops::Range<usize>,
    /// Where calls go that take no step.
    pub otherwise: Target,
}

/// One conditional way.
#[derive(Clone, Debug)]
pub struct Step {
    /// What must hold, a range of [`Decisions::tests`].
    pub tests: std::ops::Range<usize>,
    /// Where it leads.
    pub then: Target,
}

/// All decisions of one architecture.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// The architecture.
    pub arch: Arch,
    /// First number and decision of each range, ascending, starting at 0; the last range has no end.
    pub ranges: Vec<(u32, Target)>,
    /// The nodes; a node leads to earlier ones only.
    pub nodes: Vec<Node>,
    /// The nodes' steps.
    pub steps: Vec<Step>,
    /// The steps' tests.
    pub tests: Vec<Exact>,
}

/// A call that a rule names and an architecture lacks: the rule says nothing about it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The architecture.
    pub arch: Arch,
    /// The rule's layer.
    pub layer: u32,
    /// The rule.
    pub rule: u32,
    /// The call among the rule's.
    pub call: u32,
}

/// Refuses calls that nobody knows, naming the rule and the nearest name.
pub fn check_names(filter: &Filter) -> Result<(), Fault> {
    for rule in filter.layers.iter().flat_map(|layer| &layer.rules) {
        for call in &rule.calls {
            if let Call::Named(name) = call
                && !call.is_known()
            {
                let fault = fault(&rule.by, format!("`{name}` is not a system call of any architecture"));
                return Err(match calls::nearest(name) {
                    Some(near) => fault.help(format!("did you mean `{near}`?")),
                    None => fault.help("write the name as in `man 2 syscalls`, or the native number"),
                });
            }
        }
    }
    Ok(())
}

/// Decides every number of an architecture. What `native` lacks is not an error but noted in `skipped`.
pub fn decide(filter: &Filter, arch: Arch, native: Arch, skipped: &mut Vec<Skipped>) -> Result<Decisions, Fault> {
    let mut desk = Desk::new(filter, arch, native)?;
    desk.mark();
    for (at, layer) in filter.layers.iter().enumerate() {
        desk.add(at, layer, skipped)?;
    }
    // Later, the ways of one number must stand together, in the order of layers and rules.
    desk.ways.sort_by_key(|way| way.marked);
    desk.finish()
}

/// No decision yet; not a value that any action has.
const NONE: u32 = u32::MAX;

/// A conditional rule on a marked slot.
struct Way {
    marked: usize,
    layer: usize,
    rule: usize,
}

/// The table on which an architecture's decisions are laid out: a slot for each number up to the newest, one for each
/// greater number that a rule names, and one for all others.
struct Desk<'a> {
    filter: &'a Filter,
    arch: Arch,
    native: Arch,
    dense: u32,
    extra: Vec<u32>,
    /// Per slot: the merged answer of the layers so far.
    merged: Vec<u32>,
    /// Per slot: which marked slot it is, or [`NONE`]; only slots that conditional rules name are marked.
    marks: Vec<u32>,
    /// The marked slots.
    marked: Vec<usize>,
    /// Per marked slot and layer: the answer when no condition holds.
    plain: Vec<u32>,
    ways: Vec<Way>,
    /// Per slot: the layer's own answer.
    own: Vec<u32>,
    out: Decisions,
}

impl<'a> Desk<'a> {
    fn new(filter: &'a Filter, arch: Arch, native: Arch) -> Result<Self, Fault> {
        let dense = calls::newest(arch) + 1;
        let mut extra = Vec::new();
        for rule in filter.layers.iter().flat_map(|layer| &layer.rules).filter(|rule| rule.is_on(arch)) {
            for call in &rule.calls {
                // The table's own calls are never newer than the newest.
                let number = if matches!(call, Call::Known(_)) { None } else { call.number(arch, native) };
                match number {
                    Some(number) if number >= calls::X32_BIT => {
                        return Err(fault(&rule.by, format!("{number} is too large for a system call's number")));
                    }
                    Some(number) if number >= dense => extra.push(number),
                    _ => {}
                }
            }
        }
        extra.sort_unstable();
        extra.dedup();
        let slots = dense as usize + extra.len() + 1;
        Ok(Self {
            filter,
            arch,
            native,
            dense,
            extra,
            merged: vec![Action::Allow.to_ret(); slots],
            marks: vec![NONE; slots],
            marked: Vec::new(),
            plain: Vec::new(),
            ways: Vec::new(),
            own: vec![NONE; slots],
            out: Decisions { arch, ranges: Vec::new(), nodes: Vec::new(), steps: Vec::new(), tests: Vec::new() },
        })
    }

    /// The slot of a number that a rule names.
    fn slot(&self, number: u32) -> usize {
        if number < self.dense {
            number as usize
        } else {
            self.dense as usize + self.extra.partition_point(|extra| *extra < number)
        }
    }

    /// Marks the slots that conditional rules name.
    fn mark(&mut self) {
        let (filter, arch, native) = (self.filter, self.arch, self.native);
        let rules = filter.layers.iter().flat_map(|layer| &layer.rules);
        for rule in rules.filter(|rule| !rule.when.is_empty() && rule.is_on(arch)) {
            for number in rule.calls.iter().filter_map(|call| call.number(arch, native)) {
                let slot = self.slot(number);
                if self.marks[slot] == NONE {
                    self.marks[slot] = index(self.marked.len());
                    self.marked.push(slot);
                }
            }
        }
        self.plain = vec![NONE; self.marked.len() * filter.layers.len()];
    }

    /// Lays one layer's answers over those so far.
    fn add(&mut self, at: usize, layer: &Layer, skipped: &mut Vec<Skipped>) -> Result<(), Fault> {
        self.own.fill(NONE);
        for (place, rule) in layer.rules.iter().enumerate().filter(|(_, rule)| rule.is_on(self.arch)) {
            for (call, named) in rule.calls.iter().enumerate() {
                let Some(number) = named.number(self.arch, self.native) else {
                    let (layer, rule, call) = (index(at), index(place), index(call));
                    skipped.push(Skipped { arch: self.arch, layer, rule, call });
                    continue;
                };
                let slot = self.slot(number);
                if self.own[slot] != NONE {
                    continue;
                }
                if rule.when.is_empty() {
                    self.own[slot] = rule.action.to_ret();
                    continue;
                }
                // Even where the rule turns out to change nothing, senseless comparisons are told.
                let id = calls::identify(self.arch, number);
                for compare in &rule.when {
                    compare.exact(id, self.arch).map_err(|message| fault(&rule.by, message))?;
                }
                self.ways.push(Way { marked: self.marks[slot] as usize, layer: at, rule: place });
            }
        }
        let otherwise = layer.otherwise.to_ret();
        // Whether systemd knows a number is looked up only for those that no rule names.
        let (arch, dense, extra) = (self.arch, self.dense, &self.extra);
        let unknown = |slot: usize| number(dense, extra, slot).is_none_or(|number| is_unknown(arch, number));
        let default = |slot: usize| match layer.unknown {
            Some(action) if unknown(slot) => action.to_ret(),
            _ => otherwise,
        };
        let own = |slot: usize| if self.own[slot] == NONE { default(slot) } else { self.own[slot] };
        let layers = self.filter.layers.len();
        for (marked, slot) in self.marked.iter().enumerate() {
            self.plain[marked * layers + at] = own(*slot);
        }
        if layer.otherwise == Action::Allow && layer.unknown.is_none() {
            // Allowing what other layers said already changes nothing.
            for (merged, own) in self.merged.iter_mut().zip(&self.own).filter(|(_, own)| **own != NONE) {
                *merged = stricter(*merged, *own);
            }
        } else {
            for (slot, merged) in self.merged.iter_mut().enumerate() {
                *merged = stricter(*merged, own(slot));
            }
        }
        Ok(())
    }

    /// Makes the nodes and joins numbers of equal decision.
    fn finish(mut self) -> Result<Decisions, Fault> {
        let mut decided: Vec<Target> = self.marked.iter().map(|slot| Target::Return(self.merged[*slot])).collect();
        let mut first = 0;
        while let Some(way) = self.ways.get(first) {
            let marked = way.marked;
            let count = self.ways[first..].iter().take_while(|way| way.marked == marked).count();
            let slot = self.marked[marked];
            let id = number(self.dense, &self.extra, slot).and_then(|number| calls::identify(self.arch, number));
            let mut branch = Branch { marked, id, ways: first..first + count, seen: Vec::new() };
            decided[marked] = self.branch(&mut branch, 0, first, Action::Allow.to_ret())?;
            first += count;
        }
        if let Some(cookie) = self.filter.cookie.filter(|_| self.arch == self.native) {
            self.pass_execve(cookie, &mut decided);
        }
        let (dense, top) = (self.dense, self.merged.len() - 1);
        let mut ranges = Vec::with_capacity(128);
        for (number, slot) in (0..dense).zip(0..) {
            push(&mut ranges, number, self.decision(slot, &decided));
        }
        let others = self.decision(top, &decided);
        push(&mut ranges, dense, others);
        for (number, slot) in self.extra.iter().zip(dense as usize..) {
            push(&mut ranges, *number, self.decision(slot, &decided));
            if !self.extra.contains(&(number + 1)) {
                push(&mut ranges, number + 1, others);
            }
        }
        self.out.ranges = ranges;
        Ok(self.out)
    }

    /// Where a slot leads, given where the marked ones do.
    fn decision(&self, slot: usize, decided: &[Target]) -> Target {
        decided.get(self.marks[slot] as usize).copied().unwrap_or(Target::Return(self.merged[slot]))
    }

    /// The decision for one number from a layer on, given the strictest answer of the layers before it.
    fn branch(
        &mut self,
        branch: &mut Branch,
        mut layer: usize,
        mut way: usize,
        mut best: u32,
    ) -> Result<Target, Fault> {
        let layers = self.filter.layers.len();
        let here = |way: usize, ways: &[Way]| (way < branch.ways.end).then(|| ways[way].layer);
        let conditional = here(way, &self.ways);
        while layer < layers && conditional != Some(layer) {
            best = stricter(best, self.plain[branch.marked * layers + layer]);
            layer += 1;
        }
        if layer == layers {
            return Ok(Target::Return(best));
        }
        if let Some(seen) = branch.seen.iter().find(|seen| (seen.0, seen.1) == (layer, best)) {
            return Ok(seen.2);
        }
        let start = way;
        while here(way, &self.ways) == Some(layer) {
            way += 1;
        }
        let filter = self.filter;
        let mut ends = Vec::with_capacity(way - start);
        for at in start..way {
            let action = filter.layers[layer].rules[self.ways[at].rule].action;
            ends.push(self.branch(branch, layer + 1, way, stricter(best, action.to_ret()))?);
        }
        let plain = self.plain[branch.marked * layers + layer];
        let otherwise = self.branch(branch, layer + 1, way, stricter(best, plain))?;
        // Steps at the end that lead where everything leads anyway say nothing.
        while ends.last() == Some(&otherwise) {
            ends.pop();
        }
        let (step_mark, test_mark) = (self.out.steps.len(), self.out.tests.len());
        for (at, then) in ends.iter().enumerate() {
            let rule = &filter.layers[layer].rules[self.ways[start + at].rule];
            let tests = self.tests(rule, branch.id)?;
            self.out.steps.push(Step { tests, then: *then });
        }
        let target = if ends.is_empty() { otherwise } else { self.keep(step_mark, test_mark, otherwise) };
        branch.seen.push((layer, best, target));
        Ok(target)
    }

    /// Settles a rule's comparisons for a call.
    fn tests(&mut self, rule: &Rule, id: Option<Id>) -> Result<std::ops::Range<usize>, Fault> {
        let start = self.out.tests.len();
        for compare in &rule.when {
            let exact = compare.exact(id, self.arch).map_err(|message| fault(&rule.by, message))?;
            self.out.tests.push(exact);
        }
        Ok(start..self.out.tests.len())
    }

    /// Keeps the node made of the newest steps, unless there is one like it.
    fn keep(&mut self, step_mark: usize, test_mark: usize, otherwise: Target) -> Target {
        let out = &mut self.out;
        let same = |a: &Step, b: &Step| a.then == b.then && out.tests[a.tests.clone()] == out.tests[b.tests.clone()];
        let new = &out.steps[step_mark..];
        let twin = out.nodes.iter().position(|node| {
            let old = &out.steps[node.steps.clone()];
            node.otherwise == otherwise && old.len() == new.len() && old.iter().zip(new).all(|(a, b)| same(a, b))
        });
        if let Some(twin) = twin {
            out.steps.truncate(step_mark);
            out.tests.truncate(test_mark);
            return Target::Node(index(twin));
        }
        out.nodes.push(Node { steps: step_mark..out.steps.len(), otherwise });
        Target::Node(index(out.nodes.len() - 1))
    }

    /// Lets execve pass with the cookie in its unused arguments, unless it passes anyway.
    fn pass_execve(&mut self, cookie: [u64; 3], decided: &mut Vec<Target>) {
        let allow = Target::Return(Action::Allow.to_ret());
        let Some(number) = calls::number(self.arch, "execve") else { return };
        let slot = self.slot(number);
        let otherwise = self.decision(slot, decided);
        if otherwise == allow {
            return;
        }
        let start = self.out.tests.len();
        for (arg, value) in (3..).zip(cookie) {
            self.out.tests.push(Exact { arg, wide: true, mask: u64::MAX, operator: Operator::Equal, value });
        }
        let step = self.out.steps.len();
        self.out.steps.push(Step { tests: start..start + 3, then: allow });
        self.out.nodes.push(Node { steps: step..step + 1, otherwise });
        // Of several decisions for a slot the last one counts.
        self.marks[slot] = index(decided.len());
        decided.push(Target::Node(index(self.out.nodes.len() - 1)));
    }
}

/// The work on one marked number.
struct Branch {
    marked: usize,
    id: Option<Id>,
    ways: std::ops::Range<usize>,
    /// Layer, strictest answer before it, and where that leads.
    seen: Vec<(usize, u32, Target)>,
}

/// The number of a slot; nothing for the last one, which stands for all other numbers.
fn number(dense: u32, extra: &[u32], slot: usize) -> Option<u32> {
    match slot.checked_sub(dense as usize) {
        None => u32::try_from(slot).ok(),
        Some(at) => extra.get(at).copied(),
    }
}

/// An index as it is kept: counts of layers, rules, calls and nodes are far below 2^32.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What two filters answer together, as [`Action::and`] on the kernel's values.
fn stricter(older: u32, newer: u32) -> u32 {
    let rank = |ret: u32| (ret & 0xffff_0000).cast_signed();
    if rank(newer) <= rank(older) { newer } else { older }
}

/// Adds a range, or lengthens the last one.
fn push(ranges: &mut Vec<(u32, Target)>, number: u32, target: Target) {
    if ranges.last().is_none_or(|last| last.1 != target) {
        ranges.push((number, target));
    }
}

/// A fault at the words of whoever asked.
fn fault(by: &By, message: String) -> Fault {
    match &by.origin {
        Some(origin) => Fault::at(origin, message),
        None => Fault::new(format!("{message} (asked for by {by})")),
    }
}
