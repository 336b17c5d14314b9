//! What a filter comes to: how many of the system calls it allows, refuses, and decides by their arguments.

use serde_json::{Value, json};

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::plan::Plan;
use crate::plan::filter::machine::{self, AND, ANY_BIT, AT_LEAST, EQUAL, GREATER, Instruction, JUMP, LOAD, RETURN};
use crate::plan::op::Op;

/// From SECCOMP_RET_LOG to SECCOMP_RET_ALLOW: calls are carried out. SECCOMP_RET_KILL_PROCESS is above.
const CARRIED_OUT: std::ops::RangeInclusive<u32> = 0x7ffc_0000..=0x7fff_ffff;

/// The count, for one architecture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Always carried out.
    pub allowed: usize,
    /// Never carried out.
    pub denied: usize,
    /// Carried out or not, by their arguments.
    pub depends: usize,
    /// Answered by a supervisor, for some arguments at least.
    pub asked: usize,
}

/// Counts the known calls of the architecture that the filter is first for. Nothing without a filter.
pub fn count(plan: &Plan) -> Option<Count> {
    let program = plan.steps.iter().find_map(|step| match &step.op {
        Op::Filter(filter) => Some(&filter.program),
        _ => None,
    })?;
    let (_, arch) = program.sections.iter().find(|(_, arch)| *arch == Arch::native()).or(program.sections.first())?;
    let mut count = Count::default();
    for number in calls::Id::all().filter_map(|id| id.number(*arch)) {
        match answers(&program.code, number, arch.audit()) {
            (_, _, true) => count.asked += 1,
            (true, false, _) => count.allowed += 1,
            (false, true, _) => count.denied += 1,
            _ => count.depends += 1,
        }
    }
    Some(count)
}

/// Whether some arguments let the call be carried out, whether some do not, and whether some have it answered by a
/// supervisor. Follows both ways where the program asks about an argument.
fn answers(code: &[Instruction], number: u32, arch: u32) -> (bool, bool, bool) {
    let (mut yes, mut no, mut ask) = (false, false, false);
    // Jumps go forward only, so every place is reached with what was loaded last: a number, or something unknown.
    let mut seen = vec![false; code.len()];
    let mut ways = vec![(0_usize, None::<u32>)];
    while let Some((at, loaded)) = ways.pop() {
        let Some(instruction) = code.get(at) else {
            no = true;
            continue;
        };
        if loaded.is_none() && std::mem::replace(&mut seen[at], true) {
            continue;
        }
        let Instruction { code: operation, jt, jf, k } = *instruction;
        let next = at + 1;
        match operation {
            RETURN if CARRIED_OUT.contains(&k) => yes = true,
            RETURN if matches!(Action::from_ret(k), Action::Notify(_)) => ask = true,
            JUMP => ways.push((next + k as usize, loaded)),
            LOAD if k == machine::NUMBER => ways.push((next, Some(number))),
            LOAD if k == machine::ARCH => ways.push((next, Some(arch))),
            LOAD => ways.push((next, None)),
            AND => ways.push((next, loaded.map(|loaded| loaded & k))),
            EQUAL | GREATER | AT_LEAST | ANY_BIT => {
                let holds = loaded.map(|loaded| match operation {
                    EQUAL => loaded == k,
                    GREATER => loaded > k,
                    AT_LEAST => loaded >= k,
                    _ => loaded & k != 0,
                });
                let both = [(true, jt), (false, jf)];
                let open = both.into_iter().filter(|(way, _)| holds.is_none_or(|holds| holds == *way));
                ways.extend(open.map(|(_, skip)| (next + usize::from(skip), loaded)));
            }
            // A refusal. Nothing else is compiled; the kernel would not load it.
            _ => no = true,
        }
    }
    (yes, no, ask)
}

/// One line.
pub fn text(count: Count) -> String {
    let Count { allowed, denied, depends, asked } = count;
    let all = allowed + denied + depends + asked;
    let supervised = if asked == 0 { String::new() } else { format!(", {asked} answered by a supervisor") };
    format!("of {all} system calls: {allowed} allowed, {depends} by their arguments, {denied} refused{supervised}")
}

/// The same for scripts.
pub fn json(count: Count) -> Value {
    json!({ "allowed": count.allowed, "by_arguments": count.depends, "denied": count.denied, "asked": count.asked })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
        Instruction { code, jt, jf, k }
    }

    #[test]
    fn both_ways_are_followed_where_an_argument_decides() {
        let code = [
            step(LOAD, 0, 0, machine::NUMBER),
            step(EQUAL, 0, 2, 7),
            step(LOAD, 0, 0, machine::ARGS),
            step(EQUAL, 0, 1, 3),
            step(RETURN, 0, 0, 0x7fff_0000),
            step(RETURN, 0, 0, 0x0005_0001),
        ];
        let asks = [step(RETURN, 0, 0, 0x7fc0_0002)];
        assert_eq!(answers(&asks, 7, 0), (false, false, true));
        assert_eq!(answers(&code, 7, 0), (true, true, false));
        assert_eq!(answers(&code, 8, 0), (true, false, false));
        assert_eq!(answers(&code[..4], 7, 0), (false, true, false));
        assert_eq!(answers(&[step(RETURN, 0, 0, 0x8000_0000)], 7, 0), (false, true, false));
    }
}
