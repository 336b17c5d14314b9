//! A filter as container engines write them: one default, and for each call rules whose order means nothing.
//!
//! Layers are ordered and stacked, engines' rules are neither. So every call's decision is cut into regions of its
//! arguments that do not meet: then whatever rule an engine tries first, the answer is the same. A region asks one masked
//! comparison of each argument at most, because engines read two of one argument as two rules; and of an int only the
//! lower 32 bits, which are all that the kernel takes: `SCMP_CMP_EQ` would compare the upper ones as well.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{self, Call, Id};
use crate::draft::compare::{Exact, Operator};
use crate::draft::groups;
use crate::draft::syscalls::{Filter, Flags};
use crate::fault::Fault;

use crate::plan::filter::{self, Decisions, Target};

/// A filter without layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Flat {
    /// The answer to calls that no rule is about.
    pub default: Action,
    /// The native architecture, then those besides.
    pub architectures: Vec<Arch>,
    /// How it is loaded.
    pub flags: Flags,
    /// The rules.
    pub rules: Vec<Rule>,
    /// What an engine does otherwise than stockade, one line each.
    pub notes: Vec<String>,
}

/// Calls that get an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Their names, sorted.
    pub calls: Vec<String>,
    /// What their arguments must be.
    pub region: Region,
    /// The answer.
    pub action: Action,
}

/// `argument & mask == value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cube {
    /// The bits that count; none where the argument does not.
    pub mask: u64,
    /// What they are.
    pub value: u64,
}

/// One cube for each argument.
pub type Region = [Cube; 6];

/// All values.
const ANY: Cube = Cube { mask: 0, value: 0 };

/// How many regions one call's decision can be looked at in; most of them answer alike, or the default, and are not written.
const REGIONS: usize = 1 << 20;

/// How many rules one call can have.
const RULES: usize = 256;

/// The call does not exist.
const ENOSYS: Action = Action::Errno(38);

/// Makes a filter flat.
///
/// # Errors
/// What cannot be said without layers.
pub fn flatten(filter: &Filter, native: Arch) -> Result<Flat, Fault> {
    filter::check_names(filter)?;
    let mut architectures = vec![native];
    for arch in &filter.architectures {
        if arch.runs_on(native) && !architectures.contains(arch) {
            architectures.push(*arch);
        }
    }
    let mut skipped = Vec::new();
    let decisions = architectures
        .iter()
        .map(|arch| filter::decide(filter, *arch, native, &mut skipped))
        .collect::<Result<Vec<_>, _>>()?;
    let Some((first, others)) = decisions.split_first() else {
        return Err(Fault::new("a filter without architectures"));
    };
    let mut notes = Vec::new();
    let mut calls: BTreeMap<String, Vec<(Region, Action)>> = BTreeMap::new();
    for (name, number) in names(native) {
        calls.insert(name.clone(), regions(first, number).ok_or_else(|| too_many(&name))?);
    }
    for other in others {
        for (name, number) in names(other.arch) {
            let here = regions(other, number).ok_or_else(|| too_many(&name))?;
            match calls.get(&name) {
                None => {
                    calls.insert(name, here);
                }
                Some(known) if seen(known, other.arch) == seen(&here, other.arch) => {}
                Some(_) => {
                    return Err(Fault::new(format!("{name} is answered otherwise on {} than on {native}", other.arch))
                        .help("a profile has the same rules on all its architectures: list fewer of them"));
                }
            }
        }
    }
    numbers(filter, native, &calls)?;
    let top = top(first);
    let default = default(top, &calls);
    if top != default && top != ENOSYS {
        return Err(Fault::new(format!("calls without a name answer {top}, and a profile can only say {default}")));
    }
    if top != default {
        notes.push(format!(
            "calls newer than those in the profile answer ENOSYS here and under runc; other engines answer {default}"
        ));
    }
    let written = |regions: &[(Region, Action)]| regions.iter().filter(|(_, action)| *action != default).count();
    if let Some((name, _)) = calls.iter().find(|(_, regions)| written(regions) > RULES) {
        return Err(too_many(name));
    }
    let rules = rules(&calls, default, top, native);
    Ok(Flat { default, architectures, flags: filter.flags, rules, notes })
}

fn too_many(name: &str) -> Fault {
    Fault::new(format!("the conditions on {name}'s arguments are too many for a profile's rules"))
        .help("ask for fewer of them, or write masks instead of ranges")
}

/// Every call of an architecture, by name and number.
fn names(arch: Arch) -> Vec<(String, u32)> {
    if calls::has_table(arch) {
        return Id::all().filter_map(|id| Some((id.name().to_owned(), id.number(arch)?))).collect();
    }
    (0..=calls::newest(arch)).filter_map(|number| Some((calls::name(arch, number)?.into_owned(), number))).collect()
}

/// A profile names calls, and a rule on a number that has no name cannot be written.
fn numbers(filter: &Filter, native: Arch, calls: &BTreeMap<String, Vec<(Region, Action)>>) -> Result<(), Fault> {
    for rule in filter.layers.iter().flat_map(|layer| &layer.rules) {
        for call in &rule.calls {
            let named = match call {
                Call::Number(number) => calls::name(native, *number).is_some_and(|name| calls.contains_key(&*name)),
                Call::Known(_) | Call::Named(_) => true,
            };
            if !named {
                let message = format!("system call {call} has no name, and a profile knows calls by their names only");
                return Err(match &rule.by.origin {
                    Some(at) => Fault::at(at, message),
                    None => Fault::new(message),
                });
            }
        }
    }
    Ok(())
}

/// The decision for all numbers above the newest one.
fn top(decisions: &Decisions) -> Action {
    match decisions.ranges.last() {
        Some((_, Target::Return(ret))) => Action::from_ret(*ret),
        _ => Action::KillProcess,
    }
}

/// The default: what nameless calls answer, or, where those answer ENOSYS as they do wherever the default refuses, the
/// refusal that most calls get: naming them in rules would leave out what an engine's libseccomp is too old to know.
fn default(top: Action, calls: &BTreeMap<String, Vec<(Region, Action)>>) -> Action {
    if top != ENOSYS {
        return top;
    }
    let mut counts: Vec<(Action, usize)> = Vec::new();
    for action in calls.values().flatten().map(|(_, action)| *action) {
        if action.strictness() < ENOSYS.strictness() {
            continue;
        }
        match counts.iter_mut().find(|(known, _)| *known == action) {
            Some((_, count)) => *count += 1,
            None => counts.push((action, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(ENOSYS, |(action, _)| action)
}

/// Joins the calls of equal regions and answers to rules.
fn rules(calls: &BTreeMap<String, Vec<(Region, Action)>>, default: Action, top: Action, native: Arch) -> Vec<Rule> {
    let number = |name: &String| calls::number(native, name);
    let said = |regions: &[(Region, Action)]| regions.iter().any(|(_, action)| *action != default);
    let newest = calls.iter().filter(|(_, regions)| said(regions)).filter_map(|(name, _)| number(name)).max();
    let mut rules: Vec<Rule> = Vec::new();
    let mut add = |name: &str, region: Region, action: Action| match rules
        .iter_mut()
        .find(|rule| rule.region == region && rule.action == action)
    {
        Some(rule) => rule.calls.push(name.to_owned()),
        None => rules.push(Rule { calls: vec![name.to_owned()], region, action }),
    };
    for (name, regions) in calls {
        for (region, action) in regions.iter().filter(|(_, action)| *action != default) {
            add(name, *region, *action);
        }
        // What is newer than all that is named, or systemd's `@known` lacks, would answer ENOSYS: so it is named, although it
        // answers the default.
        let rare = Id::named(name).is_none_or(|id| !groups::known(id));
        if top != default && !said(regions) && (rare || number(name) > newest) {
            add(name, [ANY; 6], default);
        }
    }
    rules.sort_by(|a, b| {
        let key = |rule: &Rule| (rule.region != [ANY; 6], rule.action.to_ret());
        key(a).cmp(&key(b)).then_with(|| a.calls.cmp(&b.calls)).then_with(|| a.region.cmp(&b.region))
    });
    rules
}

/// The regions as an architecture with narrow registers sees them, sorted.
fn seen(regions: &[(Region, Action)], arch: Arch) -> Vec<(Region, u32)> {
    let all = if arch.is_narrow() { u64::from(u32::MAX) } else { u64::MAX };
    let inside = |region: &&(Region, Action)| region.0.iter().all(|cube| cube.value & !all == 0);
    let cut = |cube: Cube| Cube { mask: cube.mask & all, value: cube.value };
    let mut seen: Vec<(Region, u32)> =
        regions.iter().filter(inside).map(|(region, action)| (region.map(cut), action.to_ret())).collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

/// The decision for a number, cut into regions that do not meet; nothing when there are too many.
fn regions(decisions: &Decisions, number: u32) -> Option<Vec<(Region, Action)>> {
    let at = decisions.ranges.partition_point(|(start, _)| *start <= number).checked_sub(1)?;
    let mut cutter = Cutter { decisions, left: REGIONS };
    cutter.follow(decisions.ranges.get(at)?.1, [ANY; 6])
}

/// Cuts a decision into regions.
struct Cutter<'a> {
    decisions: &'a Decisions,
    /// How many more regions it may look at.
    left: usize,
}

impl Cutter<'_> {
    fn follow(&mut self, target: Target, region: Region) -> Option<Vec<(Region, Action)>> {
        match target {
            Target::Return(ret) => Some(vec![(region, Action::from_ret(ret))]),
            Target::Node(at) => {
                let node = self.decisions.nodes.get(usize::try_from(at).ok()?)?;
                self.steps(node.steps.clone(), node.otherwise, region)
            }
        }
    }

    /// A region whose parts are all answered alike is not cut.
    fn steps(&mut self, mut steps: Range<usize>, otherwise: Target, region: Region) -> Option<Vec<(Region, Action)>> {
        self.left = self.left.checked_sub(1)?;
        let Some(step) = steps.next().map(|at| &self.decisions.steps[at]) else {
            return self.follow(otherwise, region);
        };
        let mut found = Vec::new();
        let mut open = vec![region];
        for test in &self.decisions.tests[step.tests.clone()] {
            let (yes, no) = cut(test);
            for part in meet(&open, test.arg, &no) {
                found.extend(self.steps(steps.clone(), otherwise, part)?);
            }
            open = meet(&open, test.arg, &yes);
        }
        for part in open {
            found.extend(self.follow(step.then, part)?);
        }
        match found.first() {
            Some((_, action)) if found.iter().all(|(_, other)| other == action) => Some(vec![(region, *action)]),
            _ => Some(found),
        }
    }
}

/// The parts of regions in which an argument lies in one of the cubes.
fn meet(regions: &[Region], arg: u8, cubes: &[Cube]) -> Vec<Region> {
    let at = usize::from(arg);
    let mut found = Vec::new();
    for region in regions {
        for cube in cubes {
            let (a, b) = (region[at], *cube);
            if (a.value ^ b.value) & a.mask & b.mask == 0 {
                let mut part = *region;
                part[at] = Cube { mask: a.mask | b.mask, value: a.value | b.value };
                found.push(part);
            }
        }
    }
    found
}

/// Where a comparison holds and where it does not, in cubes that do not meet.
fn cut(test: &Exact) -> (Vec<Cube>, Vec<Cube>) {
    let all = if test.wide { u64::MAX } else { u64::from(u32::MAX) };
    let mask = test.mask & all;
    let equal = if test.value & !mask == 0 { vec![Cube { mask, value: test.value }] } else { Vec::new() };
    let (below, above) = around(mask, test.value);
    let join = |mut one: Vec<Cube>, other: &[Cube]| {
        one.extend_from_slice(other);
        one
    };
    match test.operator {
        Operator::Equal => (equal, join(below, &above)),
        Operator::NotEqual => (join(below, &above), equal),
        Operator::Less => (below, join(equal, &above)),
        Operator::LessEqual => (join(below, &equal), above),
        Operator::Greater => (above, join(equal, &below)),
        Operator::GreaterEqual => (join(equal, &above), below),
    }
}

/// The cubes of masked values below a value, and above it: they differ from it first in one bit of the mask.
fn around(mask: u64, value: u64) -> (Vec<Cube>, Vec<Cube>) {
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for bit in (0..64).rev().map(|bit| 1_u64 << bit) {
        let high = mask & !(bit | (bit - 1));
        if mask & bit != 0 {
            let cube = Cube { mask: high | bit, value: (value & high) | (!value & bit) };
            if value & bit == 0 { above.push(cube) } else { below.push(cube) }
        } else if value & bit != 0 {
            // No masked value has this bit: all that are equal so far are below.
            below.push(Cube { mask: high, value: value & high });
            break;
        }
    }
    (below, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubes_are_the_comparisons_and_do_not_meet() {
        let operators = [
            Operator::Equal,
            Operator::NotEqual,
            Operator::Less,
            Operator::LessEqual,
            Operator::Greater,
            Operator::GreaterEqual,
        ];
        for operator in operators {
            for mask in 0..16_u64 {
                for value in 0..16_u64 {
                    let test = Exact { arg: 0, wide: true, mask, operator, value };
                    let (yes, no) = cut(&test);
                    for arg in 0..16_u64 {
                        let count = |cubes: &[Cube]| cubes.iter().filter(|cube| arg & cube.mask == cube.value).count();
                        let holds = test.holds(&[arg, 0, 0, 0, 0, 0]);
                        let expected = if holds { (1, 0) } else { (0, 1) };
                        assert_eq!((count(&yes), count(&no)), expected, "{arg} & {mask} {operator:?} {value}");
                    }
                }
            }
        }
    }
}
