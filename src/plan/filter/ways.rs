//! What any filter answers, read from its instructions: the calls of other programs' filters, whoever compiled them.
//!
//! All operations that the kernel lets a filter use are followed (`seccomp_check_filter`). A word that nobody knows is
//! followed both ways, and what was assumed of it becomes a comparison of the answer.

use crate::draft::compare::{Exact, Operator};

use super::knowledge::{COMPUTED, Knowledge, POINTER};
use super::machine::{self, Instruction};
use super::stricter;

/// One answer and what must hold for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Comparisons that all hold. An argument's number is [`POINTER`] for the instruction pointer and [`COMPUTED`] for
    /// something that the program computes.
    pub when: Vec<Exact>,
    /// The filter's value.
    pub ret: u32,
}

/// The most ways that are followed for one call.
pub const LIMIT: usize = 1000;

/// Every answer of filters, the oldest first, to a call (x32's number with bit 30), in order: the first whose comparisons
/// hold counts, and the last one has none. The strictest of the filters' answers is each one's.
///
/// Nothing when there are too many, or a program is not one that the kernel takes.
pub fn ways(filters: &[Vec<Instruction>], number: u32, arch: u32, args: [Option<u64>; 6]) -> Option<Vec<Way>> {
    let mut walk =
        Walk { filters, number, arch, knowledge: Knowledge::of(args), when: Vec::new(), ways: Vec::new(), steps: 0 };
    walk.filter(0, 0x7fff_0000)?;
    let mut ways = walk.ways;
    while let [.., before, last] = ways.as_slice()
        && before.ret == last.ret
    {
        ways.remove(ways.len() - 2);
    }
    Some(ways)
}

/// A word in a register.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Number(u32),
    /// Bits of one half of an argument.
    Part {
        arg: u8,
        high: bool,
        mask: u32,
    },
    Computed,
}

/// The registers.
#[derive(Clone, Copy)]
struct State {
    a: Word,
    x: Word,
    memory: [Word; 16],
}

struct Walk<'a> {
    filters: &'a [Vec<Instruction>],
    number: u32,
    arch: u32,
    knowledge: Knowledge,
    when: Vec<Exact>,
    ways: Vec<Way>,
    steps: usize,
}

/// Instructions in all for one call.
const STEPS: usize = 1 << 20;

impl Walk<'_> {
    fn filter(&mut self, at: usize, strictest: u32) -> Option<()> {
        let Some(code) = self.filters.get(at) else {
            self.ways.push(Way { when: self.when.clone(), ret: strictest });
            return (self.ways.len() <= LIMIT).then_some(());
        };
        let zero = Word::Number(0);
        self.follow(at, code, 0, State { a: zero, x: zero, memory: [zero; 16] }, strictest)
    }

    /// Follows one filter from an instruction on.
    fn follow(
        &mut self,
        filter: usize,
        code: &[Instruction],
        from: usize,
        mut state: State,
        strictest: u32,
    ) -> Option<()> {
        let mut at = from;
        loop {
            self.steps += 1;
            let Instruction { code: operation, jt, jf, k } = *code.get(at).filter(|_| self.steps < STEPS)?;
            at += 1;
            let register = operation & 0x08 != 0;
            match operation & 0x07 {
                // Returns: k, or A.
                6 => {
                    let ret = match (operation, state.a) {
                        (machine::RETURN, _) => k,
                        (0x16, Word::Number(a)) => a,
                        _ => return None,
                    };
                    return self.filter(filter + 1, stricter(strictest, ret));
                }
                5 if operation == machine::JUMP => at += k as usize,
                5 => {
                    let right = if register { state.x } else { Word::Number(k) };
                    let ways = [at + usize::from(jt), at + usize::from(jf)];
                    match self.compare(operation & 0xf0, state.a, right, filter, at) {
                        Ok(holds) => at = ways[usize::from(!holds)],
                        Err(test) => {
                            let marks = (self.knowledge.mark(), self.when.len());
                            self.knowledge.assume(test, true);
                            self.when.push(test);
                            self.follow(filter, code, ways[0], state, strictest)?;
                            self.knowledge.forget(marks.0);
                            self.when.truncate(marks.1);
                            self.knowledge.assume(test, false);
                            self.follow(filter, code, ways[1], state, strictest)?;
                            self.knowledge.forget(marks.0);
                            return Some(());
                        }
                    }
                }
                4 => state.a = compute(operation & 0xf0, state.a, if register { state.x } else { Word::Number(k) }),
                7 if operation & 0x80 != 0 => state.a = state.x,
                7 => state.x = state.a,
                2 => *state.memory.get_mut(k as usize)? = state.a,
                3 => *state.memory.get_mut(k as usize)? = state.x,
                class => {
                    let word = match operation & 0xe0 {
                        0x00 => Word::Number(k),
                        0x20 => self.load(k)?,
                        0x60 => *state.memory.get(k as usize)?,
                        // The length of what a filter sees.
                        0x80 => Word::Number(64),
                        _ => return None,
                    };
                    *(if class == 0 { &mut state.a } else { &mut state.x }) = word;
                }
            }
        }
    }

    fn load(&self, offset: u32) -> Option<Word> {
        let high = offset % 8 == 4;
        match offset {
            _ if !offset.is_multiple_of(4) || offset > 60 => None,
            machine::NUMBER => Some(Word::Number(self.number)),
            machine::ARCH => Some(Word::Number(self.arch)),
            8 | 12 => Some(Word::Part { arg: POINTER, high, mask: u32::MAX }),
            _ => {
                let arg = u8::try_from((offset - machine::ARGS) / 8).ok()?;
                let given = self.knowledge.args.get(usize::from(arg)).copied().flatten();
                Some(given.map_or(Word::Part { arg, high, mask: u32::MAX }, |value| Word::Number(half(value, high))))
            }
        }
    }

    /// Whether a comparison holds, or what must be assumed to know.
    fn compare(&self, operation: u16, left: Word, right: Word, filter: usize, at: usize) -> Result<bool, Exact> {
        let computed = || {
            // No two are the same thing.
            let value = (filter as u64) << 32 | at as u64;
            Exact { arg: COMPUTED, wide: true, mask: u64::MAX, operator: Operator::Equal, value }
        };
        let operator = match operation {
            0x10 => Operator::Equal,
            0x20 => Operator::Greater,
            0x30 => Operator::GreaterEqual,
            // Any bit: not none of them.
            _ => Operator::NotEqual,
        };
        let bits = operation == 0x40;
        match (left, right) {
            (Word::Number(left), Word::Number(right)) if bits => Ok(left & right != 0),
            (Word::Number(left), Word::Number(right)) => Ok(operator.holds(left.into(), right.into())),
            (Word::Part { arg, high, mask }, Word::Number(right)) => {
                let shift = if high { 32 } else { 0 };
                let mask = u64::from(if bits { mask & right } else { mask }) << shift;
                let value = if bits { 0 } else { u64::from(right) << shift };
                let test = Exact { arg, wide: high, mask, operator, value };
                self.knowledge.holds(&test).ok_or(test)
            }
            _ => Err(computed()),
        }
    }
}

fn half(value: u64, high: bool) -> u32 {
    let word = if high { value >> 32 } else { value & u64::from(u32::MAX) };
    u32::try_from(word).unwrap_or(u32::MAX)
}

/// What an arithmetic operation makes.
fn compute(operation: u16, left: Word, right: Word) -> Word {
    const AND: u16 = 0x50;
    match (left, right) {
        (Word::Number(a), Word::Number(b)) => Word::Number(match operation {
            0x00 => a.wrapping_add(b),
            0x10 => a.wrapping_sub(b),
            0x20 => a.wrapping_mul(b),
            0x30 => return a.checked_div(b).map_or(Word::Computed, Word::Number),
            0x40 => a | b,
            AND => a & b,
            0x60 => a.wrapping_shl(b),
            0x70 => a.wrapping_shr(b),
            0x80 => a.wrapping_neg(),
            0xa0 => a ^ b,
            _ => return Word::Computed,
        }),
        (Word::Part { arg, high, mask }, Word::Number(k)) | (Word::Number(k), Word::Part { arg, high, mask })
            if operation == AND =>
        {
            Word::Part { arg, high, mask: mask & k }
        }
        _ => Word::Computed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::filter::machine::{AND, ARGS, AT_LEAST, EQUAL, LOAD, RETURN};

    fn step(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
        Instruction { code, jt, jf, k }
    }

    const ALLOW: u32 = 0x7fff_0000;
    const DENY: u32 = 0x0005_0001;

    #[test]
    fn comparisons_of_arguments_become_conditions() {
        let code = vec![
            step(LOAD, 0, 0, machine::NUMBER),
            step(EQUAL, 0, 5, 7),
            step(LOAD, 0, 0, ARGS + 4),
            step(EQUAL, 0, 3, 0),
            step(LOAD, 0, 0, ARGS),
            step(AND, 0, 0, 0xf),
            step(AT_LEAST, 0, 1, 3),
            step(RETURN, 0, 0, ALLOW),
        ];
        let mut code = code;
        code[1].jf = 6;
        code[3].jf = 4;
        code[6].jf = 1;
        code.push(step(RETURN, 0, 0, DENY));
        let ask = |number, args| ways(std::slice::from_ref(&code), number, 0, args).expect("few ways");
        let conditional = ask(7, [None; 6]);
        assert_eq!(conditional.len(), 2);
        assert_eq!((conditional[0].when.len(), conditional[0].ret, conditional[1].ret), (2, ALLOW, DENY));
        assert_eq!(ask(7, [Some(5), None, None, None, None, None]), [Way { when: Vec::new(), ret: ALLOW }]);
        assert_eq!(ask(8, [None; 6]), [Way { when: Vec::new(), ret: DENY }]);
        let stacked = [code.clone(), vec![step(RETURN, 0, 0, 0x7ffc_0000)]];
        assert_eq!(ways(&stacked, 7, 0, [None; 6]).expect("few ways")[0].ret, 0x7ffc_0000);
    }

    #[test]
    fn registers_and_memory_are_followed() {
        // A = number; X = A; M[3] = X; A = 2; A += X; A == 9 ?
        let code = vec![
            step(LOAD, 0, 0, machine::NUMBER),
            step(0x07, 0, 0, 0),
            step(0x03, 0, 0, 3),
            step(0x00, 0, 0, 2),
            step(0x0c, 0, 0, 0),
            step(EQUAL, 0, 1, 9),
            step(RETURN, 0, 0, ALLOW),
            step(0x60, 0, 0, 3),
            step(0x16, 0, 0, 0),
        ];
        let ask = |number| ways(std::slice::from_ref(&code), number, 0, [None; 6]).expect("few ways")[0].ret;
        assert_eq!((ask(7), ask(8)), (ALLOW, 8));
        assert_eq!(ways(&[vec![step(LOAD, 0, 0, 2)]], 0, 0, [None; 6]), None);
        assert_eq!(ways(&[vec![step(LOAD, 0, 0, 0)]], 0, 0, [None; 6]), None);
    }
}
