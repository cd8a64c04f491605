//! Numbers for the locals of functions, so that the same is named by the same number wherever it can be.
//!
//! A local's number means nothing, but a fifth of the compressed file is such numbers. Between the same instructions a
//! compressor expects the same number: each function's locals share out the free ones as fits best where they are named, by
//! what stands in such places in all other functions. Parameters keep their numbers.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use wasm_encoder::ValType;

/// The number of the most frequent local to begin with, mostly the stack's frame: above any usual count of parameters, so
/// that it is the same in all functions. Numbers that stay free cost nothing.
const FIRST: usize = 10;
/// Numbers of the second type begin at a multiple.
const ROUND: usize = 16;
/// So much is the guess without a context worth, in occurrences.
const DOUBT: f64 = 1.0;
const ROUNDS: usize = 3;
/// How many instructions before and after a local's name are its contexts.
const REACHES: [usize; 3] = [1, 2, 4];

/// A function's locals, parameters first.
#[derive(PartialEq, Eq, Hash)]
pub struct Locals {
    pub parameters: usize,
    /// Without those of the parameters.
    pub types: Vec<ValType>,
    /// Each instruction, without the numbers that may change, as a hash.
    pub instructions: Vec<u64>,
    /// Instructions that name a local, and which.
    pub named: Vec<(usize, usize)>,
}

impl Locals {
    /// How many of each type are named, no parameters; few of the first type are all the same.
    pub fn used(&self) -> Vec<(usize, ValType)> {
        let named: BTreeSet<usize> = self.named.iter().map(|it| it.1).collect();
        let mut types: Vec<ValType> =
            named.range(self.parameters..).map(|it| self.types[it - self.parameters]).collect();
        types.sort_unstable();
        let mut used: Vec<_> = types.chunk_by(|a, b| a == b).map(|it| (it.len(), it[0])).collect();
        if let Some((count, _)) = used.first_mut() {
            *count = FIRST.max(*count);
        }
        used
    }
}

/// A function's locals from now on.
pub struct Numbers {
    /// The new number of each.
    pub numbers: Vec<u32>,
    /// What is declared besides the parameters.
    pub declaration: Vec<(u32, ValType)>,
}

pub fn numbers(functions: &[&Locals]) -> Vec<Numbers> {
    let mut found = Contexts::default();
    let mut all: Vec<Numbered<'_>> = functions.iter().map(|it| Numbered::of(it, &mut found)).collect();
    let mut counts = vec![Vec::new(); found.0.len()];
    for it in &all {
        it.count(&mut counts, 1);
    }
    for _ in 0..ROUNDS {
        for it in &mut all {
            it.count(&mut counts, -1);
            it.improve(&counts);
            it.count(&mut counts, 1);
        }
    }
    all.into_iter().map(Numbered::declared).collect()
}

#[derive(Default)]
struct Contexts(HashMap<u64, usize>);

impl Contexts {
    fn number(&mut self, context: impl Hash) -> usize {
        let mut hasher = DefaultHasher::new();
        context.hash(&mut hasher);
        let next = self.0.len();
        *self.0.entry(hasher.finish()).or_insert(next)
    }
}

struct Numbered<'a> {
    locals: &'a Locals,
    /// The locals that are named and no parameters, the most frequent first.
    free: Vec<usize>,
    /// The numbers of each type: all of them belong together.
    blocks: Vec<(ValType, std::ops::Range<usize>)>,
    numbers: Vec<u32>,
    contexts: Vec<[usize; REACHES.len() + 1]>,
}

impl<'a> Numbered<'a> {
    fn of(locals: &'a Locals, found: &mut Contexts) -> Numbered<'a> {
        let fixed = locals.parameters;
        let all = fixed + locals.types.len();
        let (mut uses, mut firsts) = (vec![0_usize; all], vec![0_usize; all]);
        for (step, (_, local)) in locals.named.iter().enumerate().rev() {
            uses[*local] += 1;
            firsts[*local] = step;
        }
        let mut free: Vec<usize> = (fixed..all).filter(|it| 0 < uses[*it]).collect();
        free.sort_by_key(|it| (locals.types[*it - fixed], usize::MAX - uses[*it], firsts[*it]));
        let mut numbers: Vec<u32> = (0..all as u32).collect();
        let mut blocks: Vec<(ValType, std::ops::Range<usize>)> = Vec::new();
        let of_type = |it: &usize| locals.types[*it - fixed];
        for same in free.chunk_by(|a, b| of_type(a) == of_type(b)) {
            let start = blocks.last().map_or(fixed, |it| it.1.end.next_multiple_of(ROUND));
            let end = start + same.len();
            let (begin, end) =
                if blocks.is_empty() { (start.max(FIRST), end.max(FIRST + 1)) } else { (start, end) };
            let order = [begin].into_iter().chain(start..begin).chain(begin + 1..);
            for (local, number) in same.iter().zip(order) {
                numbers[*local] = number as u32;
            }
            blocks.push((of_type(&same[0]), start..end));
        }
        let contexts = locals.named.iter().map(|(at, _)| {
            let mut contexts = [found.number(fixed); REACHES.len() + 1];
            for (context, reach) in contexts[1..].iter_mut().zip(REACHES) {
                let near: Vec<Option<&u64>> = (0..=2 * reach)
                    .map(|it| (at + it).checked_sub(reach).and_then(|it| locals.instructions.get(it)))
                    .collect();
                *context = found.number(near);
            }
            contexts
        });
        Numbered { contexts: contexts.collect(), locals, free, blocks, numbers }
    }

    /// Adds what stands in each context to its counts, or takes it away.
    fn count(&self, counts: &mut [Vec<i32>], one: i32) {
        for ((_, local), contexts) in self.locals.named.iter().zip(&self.contexts) {
            let number = self.numbers[*local] as usize;
            for context in contexts {
                let counts = &mut counts[*context];
                counts.resize(counts.len().max(number + 1), 0);
                counts[number] += one;
            }
        }
    }

    /// The numbers that fit best in sum.
    fn improve(&mut self, counts: &[Vec<i32>]) {
        let fixed = self.locals.parameters;
        let end = self.blocks.last().map_or(0, |it| it.1.end);
        let mut fits = vec![vec![0.0_f64; end]; self.numbers.len()];
        let mut expected = vec![0.0_f64; end];
        for ((_, local), contexts) in self.locals.named.iter().zip(&self.contexts) {
            if *local < fixed {
                continue;
            }
            expected.fill(1.0 / (end + 10) as f64);
            // From the widest guess to the nearest.
            for counts in contexts.iter().map(|it| &counts[*it]) {
                let all = f64::from(counts.iter().sum::<i32>()) + DOUBT;
                for (number, expected) in expected.iter_mut().enumerate() {
                    let count = f64::from(counts.get(number).copied().unwrap_or(0));
                    *expected = (*expected * DOUBT + count) / all;
                }
            }
            for (fits, expected) in fits[*local].iter_mut().zip(&expected) {
                *fits += expected.log2();
            }
        }
        for (of, block) in &self.blocks {
            let locals = self.free.iter().filter(|it| self.locals.types[**it - fixed] == *of);
            let rows: Vec<usize> = locals.copied().collect();
            let costs: Vec<Vec<f64>> =
                rows.iter().map(|local| fits[*local][block.clone()].iter().map(|it| -it).collect()).collect();
            for (local, number) in rows.into_iter().zip(cheapest(&costs)) {
                self.numbers[local] = (block.start + number) as u32;
            }
        }
    }

    fn declared(self) -> Numbers {
        let mut declaration = Vec::new();
        let mut end = self.locals.parameters as u32;
        for (of, block) in &self.blocks {
            let numbers = self.free.iter().map(|it| self.numbers[*it]);
            let last = numbers.filter(|it| block.contains(&(*it as usize))).max().unwrap_or(end);
            // The next block begins where it should.
            if end < block.start as u32 {
                if let Some((count, _)) = declaration.last_mut() {
                    *count += block.start as u32 - end;
                }
                end = block.start as u32;
            }
            declaration.push((last + 1 - end, *of));
            end = last + 1;
        }
        Numbers { numbers: self.numbers, declaration }
    }
}

/// A column of its own for each row, so that the sum is the least: the Hungarian method. There are no fewer columns.
fn cheapest(costs: &[Vec<f64>]) -> Vec<usize> {
    let width = costs.first().map_or(0, Vec::len);
    // Column 0 stands for none, and rows count from 1.
    let (mut of_row, mut of_column) = (vec![0.0; costs.len() + 1], vec![0.0; width + 1]);
    let mut row_at = vec![0; width + 1];
    for row in 1..=costs.len() {
        row_at[0] = row;
        let (mut least, mut before) = (vec![f64::INFINITY; width + 1], vec![0; width + 1]);
        let mut seen = vec![false; width + 1];
        let mut at = 0;
        while row_at[at] != 0 {
            seen[at] = true;
            let row = row_at[at];
            let (mut step, mut next) = (f64::INFINITY, 0);
            for column in (1..=width).filter(|it| !seen[*it]) {
                let cost = costs[row - 1][column - 1] - of_row[row] - of_column[column];
                if cost < least[column] {
                    (least[column], before[column]) = (cost, at);
                }
                if least[column] < step {
                    (step, next) = (least[column], column);
                }
            }
            for column in 0..=width {
                if seen[column] {
                    of_row[row_at[column]] += step;
                    of_column[column] -= step;
                } else {
                    least[column] -= step;
                }
            }
            at = next;
        }
        while at != 0 {
            row_at[at] = row_at[before[at]];
            at = before[at];
        }
    }
    let mut columns = vec![0; costs.len()];
    for (column, row) in row_at.into_iter().enumerate().skip(1).filter(|it| it.1 != 0) {
        columns[row - 1] = column - 1;
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locals(parameters: usize, types: &[ValType], named: &[usize]) -> Locals {
        let instructions = (0..named.len() as u64).collect();
        Locals {
            parameters,
            types: types.to_vec(),
            instructions,
            named: named.iter().copied().enumerate().collect(),
        }
    }

    #[test]
    fn the_same_code_names_the_same_numbers() {
        let types = [ValType::I64, ValType::I32, ValType::I32, ValType::I32];
        let one = locals(1, &types, &[0, 2, 3, 2, 1]);
        let other = locals(2, &types, &[0, 5, 4, 5, 2]);
        let numbers = numbers(&[&one, &other]);
        for (Numbers { numbers, declaration }, locals) in numbers.iter().zip([&one, &other]) {
            let named: Vec<u32> = locals.named.iter().map(|it| numbers[it.1]).collect();
            assert_eq!((named[0], named[1], named[4]), (0, FIRST as u32, ROUND as u32));
            assert_eq!(named[1], named[3]);
            assert!(named[2] != FIRST as u32 && (locals.parameters as u32..ROUND as u32).contains(&named[2]));
            let i32s = (ROUND - locals.parameters) as u32;
            assert_eq!(declaration, &[(i32s, ValType::I32), (1, ValType::I64)]);
        }
        assert_eq!(numbers[0].numbers[3], numbers[1].numbers[4]);
    }

    #[test]
    fn cheapest_in_sum() {
        assert_eq!(cheapest(&[vec![1.0, 2.0, 9.0], vec![1.0, 4.0, 9.0]]), [1, 0]);
        assert_eq!(cheapest(&[vec![0.0, -1.0]]), [1]);
        assert!(cheapest(&[]).is_empty());
    }
}
