//! Numbers for the locals of functions, so that the same is named by the same number wherever it can be.
//!
//! A local's number means nothing, but a fifth of the compressed file is such numbers. Between the same instructions a
//! compressor expects the same number: each function's values take the free ones that fit best where they are named, by
//! what stands in such places in all other functions. Parameters keep their numbers.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use wasm_encoder::ValType;

use crate::values::{Step, Values};

/// The number of the most frequent value to begin with, mostly the stack's frame: above any usual count of parameters, so
/// that it is the same in all functions. Numbers that stay free cost nothing.
const FIRST: usize = 12;
/// The numbers of each type but the first begin at a multiple, so that there is room to move.
const ROUND: usize = 16;
/// So much is the guess without a context worth, in occurrences.
const DOUBT: f64 = 6.0;
const ROUNDS: usize = 8;
/// How often the values of a function are gone through in a round.
const SWEEPS: usize = 4;
/// Less is no gain.
const GAIN: f64 = 1e-9;
/// How many instructions before and after a local's name are its contexts.
const REACHES: [usize; 3] = [1, 2, 4];

/// A function's locals, parameters first.
#[derive(PartialEq, Eq, Hash)]
pub struct Locals {
    pub parameters: usize,
    pub types: Vec<ValType>,
    /// Each instruction, without the numbers that may change, as a hash.
    pub instructions: Vec<u64>,
    /// Which instructions name a local, in order.
    pub named: Vec<usize>,
    pub steps: Vec<Step>,
}

impl Locals {
    /// How many of each type are named, no parameters; few of the first type are all the same.
    pub fn used(&self) -> Vec<(usize, ValType)> {
        let named = self.steps.iter().filter_map(|it| match it {
            Step::Get(local) | Step::Set(local) => Some(*local),
            _ => None,
        });
        let named: BTreeSet<usize> = named.filter(|it| self.parameters <= *it).collect();
        let mut types: Vec<ValType> = named.into_iter().map(|it| self.types[it]).collect();
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
    /// The number at each instruction that names a local.
    pub named: Vec<u32>,
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
    all.iter().map(Numbered::declared).collect()
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
    values: Values,
    /// The values that are named and not pinned to a parameter, the most frequent first.
    free: Vec<usize>,
    /// The numbers of each type.
    blocks: Vec<(ValType, Range<usize>)>,
    numbers: Vec<usize>,
    contexts: Vec<[usize; REACHES.len() + 1]>,
}

impl<'a> Numbered<'a> {
    fn of(locals: &'a Locals, found: &mut Contexts) -> Numbered<'a> {
        let values = Values::of(&locals.steps, locals.types.len());
        let mut uses = vec![0_usize; values.locals.len()];
        for it in &values.named {
            uses[*it] += 1;
        }
        let contexts = locals.named.iter().map(|at| {
            let mut contexts = [found.number(locals.parameters); REACHES.len() + 1];
            for (context, reach) in contexts[1..].iter_mut().zip(REACHES) {
                let near: Vec<Option<&u64>> = (0..=2 * reach)
                    .map(|it| (at + it).checked_sub(reach).and_then(|it| locals.instructions.get(it)))
                    .collect();
                *context = found.number(near);
            }
            contexts
        });
        let contexts = contexts.collect();
        let numbers = values.locals.clone();
        let (free, blocks) = (Vec::new(), Vec::new());
        let mut it = Numbered { locals, values, free, blocks, numbers, contexts };
        it.free = (0..uses.len()).filter(|value| 0 < uses[*value] && it.is_free(*value)).collect();
        it.free.sort_by_key(|value| usize::MAX - uses[*value]);
        let mut room = 0;
        while !it.share_out(room) {
            room += ROUND;
        }
        it
    }

    fn of_type(&self, value: usize) -> ValType {
        self.locals.types[self.values.locals[value]]
    }

    fn is_free(&self, value: usize) -> bool {
        !self.values.given[value] || self.locals.parameters <= self.values.locals[value]
    }

    /// The first number that is not taken for each; false when there are too few.
    fn share_out(&mut self, room: usize) -> bool {
        let types: BTreeSet<ValType> = self.free.iter().map(|it| self.of_type(*it)).collect();
        self.blocks.clear();
        for of in types {
            let locals = self.free.iter().map(|it| self.values.locals[*it]);
            let locals: BTreeSet<usize> =
                locals.filter(|it| self.locals.parameters <= *it && self.locals.types[*it] == of).collect();
            let start = self.blocks.last().map_or(self.locals.parameters, |it| it.1.end);
            let least = if self.blocks.is_empty() { FIRST + 1 } else { 0 };
            let end = (start + locals.len() + room).max(least);
            self.blocks.push((of, start..end.next_multiple_of(ROUND)));
        }
        let mut done = BTreeSet::new();
        for value in &self.free {
            let of = self.of_type(*value);
            let Some((_, block)) = self.blocks.iter().find(|it| it.0 == of) else { return false };
            let beside = self.values.beside[*value].iter();
            let taken: BTreeSet<usize> =
                beside.filter(|it| done.contains(*it)).map(|it| self.numbers[*it]).collect();
            let begin = if block.contains(&FIRST) { FIRST } else { block.start };
            let number = (begin..block.end).chain(block.start..begin).find(|it| !taken.contains(it));
            let Some(number) = number else { return false };
            self.numbers[*value] = number;
            done.insert(*value);
        }
        true
    }

    /// Adds what stands in each context to its counts, or takes it away.
    fn count(&self, counts: &mut [Vec<i32>], one: i32) {
        for (value, contexts) in self.values.named.iter().zip(&self.contexts) {
            let number = self.numbers[*value];
            for context in contexts {
                let counts = &mut counts[*context];
                counts.resize(counts.len().max(number + 1), 0);
                counts[number] += one;
            }
        }
    }

    /// How well each number fits each value, as the sum of the logarithms of how much it is expected.
    fn fits(&self, counts: &[Vec<i32>]) -> Vec<Vec<f64>> {
        let end = self.blocks.last().map_or(0, |it| it.1.end).max(self.locals.parameters);
        let mut fits = vec![vec![0.0_f64; end]; self.numbers.len()];
        let mut expected = vec![0.0_f64; end];
        for (value, contexts) in self.values.named.iter().zip(&self.contexts) {
            if !self.is_free(*value) {
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
            for (fits, expected) in fits[*value].iter_mut().zip(&expected) {
                *fits += expected.log2();
            }
        }
        fits
    }

    /// Gives each value a number that fits better, if those that have it and are needed beside it can take its old one.
    fn improve(&mut self, counts: &[Vec<i32>]) {
        let fits = self.fits(counts);
        for _ in 0..SWEEPS {
            let before = self.numbers.clone();
            for value in self.free.clone() {
                let (now, fit) = (self.numbers[value], &fits[value]);
                let mut better: Vec<usize> = (0..fit.len())
                    .filter(|it| fit[now] + GAIN < fit[*it] && self.may_have(value, *it))
                    .collect();
                better.sort_by(|a, b| fit[*b].total_cmp(&fit[*a]));
                for number in better {
                    let beside = self.values.beside[value].iter().copied();
                    let others: Vec<usize> = beside.filter(|it| self.numbers[*it] == number).collect();
                    let gain = |it: &usize| fits[*it][now] - fits[*it][number];
                    let gain = fit[number] - fit[now] + others.iter().map(gain).sum::<f64>();
                    if GAIN < gain && others.iter().all(|it| self.may_follow(*it, value)) {
                        for it in others {
                            self.numbers[it] = now;
                        }
                        self.numbers[value] = number;
                        break;
                    }
                }
            }
            if self.numbers == before {
                break;
            }
        }
    }

    fn may_have(&self, value: usize, number: usize) -> bool {
        let of = self.of_type(value);
        if number < self.locals.parameters {
            // A parameter's number is free while the parameter is not needed, but it never holds a zero to begin with.
            self.locals.types[number] == of && !self.values.given[value]
        } else {
            self.blocks.iter().any(|it| it.0 == of && it.1.contains(&number))
        }
    }

    /// Whether a value may have the number of another that gives it up.
    fn may_follow(&self, value: usize, before: usize) -> bool {
        let number = self.numbers[before];
        self.is_free(value)
            && self.may_have(value, number)
            && self.values.beside[value].iter().all(|it| *it == before || self.numbers[*it] != number)
    }

    fn declared(&self) -> Numbers {
        let mut declaration: Vec<(u32, ValType)> = Vec::new();
        let mut end = self.locals.parameters;
        for (of, block) in &self.blocks {
            let numbers = self.free.iter().map(|it| self.numbers[*it]);
            let Some(last) = numbers.filter(|it| block.contains(it)).max() else { continue };
            // The block begins where it should.
            if let Some((count, _)) = declaration.last_mut() {
                *count += (block.start - end) as u32;
                end = block.start;
            }
            declaration.push(((last + 1 - end) as u32, *of));
            end = last + 1;
        }
        let named = self.values.named.iter().map(|it| self.numbers[*it] as u32).collect();
        Numbers { named, declaration }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locals(parameters: usize, types: &[ValType], named: &[usize]) -> Locals {
        let mut set = BTreeSet::new();
        let step = |it: &usize| {
            if *it < parameters || !set.insert(*it) { Step::Get(*it) } else { Step::Set(*it) }
        };
        let steps: Vec<Step> = named.iter().map(step).chain([Step::End]).collect();
        let instructions = (0..named.len() as u64).collect();
        Locals { parameters, types: types.to_vec(), instructions, named: (0..named.len()).collect(), steps }
    }

    #[test]
    fn the_same_code_names_the_same_numbers() {
        let (word, long) = (ValType::I32, ValType::I64);
        let one = locals(1, &[word, long, word, word, word], &[0, 2, 3, 1, 2, 3, 2, 1]);
        let other = locals(2, &[word, word, long, word, word, word], &[0, 5, 4, 2, 5, 4, 5, 2]);
        let numbers = numbers(&[&one, &other]);
        assert_eq!(numbers[0].named, numbers[1].named);
        let [parameter, most, less, long_one, ..] = numbers[0].named[..] else { panic!("eight are named") };
        assert_eq!((parameter, most, long_one), (0, FIRST as u32, ROUND as u32));
        assert_ne!(less, most);
        for (Numbers { declaration, .. }, parameters) in numbers.iter().zip([1, 2]) {
            assert_eq!(*declaration, [((ROUND - parameters) as u32, word), (1, long)]);
        }
    }

    #[test]
    fn what_is_needed_at_once_stands_apart() {
        // So many at a time that there is no room but in numbers of their own.
        let many: Vec<usize> = (0..40).chain(0..40).collect();
        let numbers = numbers(&[&locals(0, &[ValType::I32; 40], &many)]);
        let named = &numbers[0].named;
        assert_eq!(named[..40], named[40..]);
        assert_eq!(named[..40].iter().collect::<BTreeSet<_>>().len(), 40);
    }
}
