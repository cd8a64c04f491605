//! The values that a function's locals hold, one after the other, and which of them are needed at the same time.
//!
//! A local that is written again before it is read holds another value from there on, which might as well be in another
//! local. Values that flow together where paths meet are one.

use std::collections::{BTreeSet, HashMap};

/// What matters of an instruction.
#[derive(PartialEq, Eq, Hash)]
pub enum Step {
    Get(usize),
    /// `local.set` and `local.tee`.
    Set(usize),
    Block,
    Loop,
    If,
    Else,
    End,
    /// To the frames so many levels out, and to what comes next if `goes_on`.
    Branch {
        to: Vec<u32>,
        goes_on: bool,
    },
}

/// The values of a function.
#[derive(Default)]
pub struct Values {
    /// In which local each value stands.
    pub locals: Vec<usize>,
    /// Whether it is there from the beginning: a parameter, or the zero of a local.
    pub given: Vec<bool>,
    /// Of each instruction that names a local, which value it means.
    pub named: Vec<usize>,
    /// The values that must not stand in the same local as each.
    pub beside: Vec<BTreeSet<usize>>,
}

#[derive(Default)]
struct Stretch {
    /// Which of the steps that name a local.
    names: Vec<usize>,
    next: Vec<usize>,
}

enum Frame {
    Loop(usize),
    Block { end: usize },
    If { end: usize, otherwise: usize },
}

impl Values {
    pub fn of(steps: &[Step], locals: usize) -> Values {
        let (named, stretches) = stretches(steps);
        let live = live(&named, &stretches, locals);
        let mut sets = Sets::default();
        // The value of each local that is needed at the beginning of each stretch, and of all at the function's.
        let mut entering: Vec<HashMap<usize, usize>> =
            live.iter().map(|it| it.iter().map(|local| (*local, sets.add())).collect()).collect();
        for local in 0..locals {
            entering[0].entry(local).or_insert_with(|| sets.add());
        }
        let mut of_name = vec![0; named.len()];
        for (at, stretch) in stretches.iter().enumerate() {
            let mut held = entering[at].clone();
            for name in &stretch.names {
                let (local, writes) = named[*name];
                if writes {
                    held.insert(local, sets.add());
                }
                // What nothing reaches may read what was never written.
                of_name[*name] = *held.entry(local).or_insert_with(|| sets.add());
            }
            for next in &stretch.next {
                for (local, value) in &entering[*next] {
                    if let Some(it) = held.get(local) {
                        sets.join(*it, *value);
                    }
                }
            }
        }
        let mut values = Values::default();
        let mut numbers = HashMap::new();
        let given = (0..locals).map(|it| (it, entering[0][&it], true));
        let held = (0..named.len()).map(|it| (named[it].0, of_name[it], false));
        for (local, set, given) in given.chain(held).collect::<Vec<_>>() {
            let number = *numbers.entry(sets.first(set)).or_insert(values.locals.len());
            if number == values.locals.len() {
                values.locals.push(local);
                values.given.push(given);
            }
            if !given {
                values.named.push(number);
            }
        }
        values.beside = vec![BTreeSet::new(); values.locals.len()];
        let mut needed = |at: usize| -> BTreeSet<usize> {
            live[at].iter().map(|it| numbers[&sets.first(entering[at][it])]).collect()
        };
        let begun = needed(0);
        for value in &begun {
            values.put_beside(*value, &begun);
        }
        for stretch in &stretches {
            let mut now: BTreeSet<usize> = stretch.next.iter().flat_map(|it| needed(*it)).collect();
            for name in stretch.names.iter().rev() {
                let value = values.named[*name];
                if named[*name].1 {
                    now.remove(&value);
                    values.put_beside(value, &now);
                } else {
                    now.insert(value);
                }
            }
        }
        values
    }

    fn put_beside(&mut self, value: usize, others: &BTreeSet<usize>) {
        for other in others.iter().filter(|it| **it != value) {
            self.beside[value].insert(*other);
            self.beside[*other].insert(value);
        }
    }
}

/// What names a local, and whether it writes it; and the stretches without a branch, the first being the function's beginning.
fn stretches(steps: &[Step]) -> (Vec<(usize, bool)>, Vec<Stretch>) {
    let (mut named, mut stretches) = (Vec::new(), vec![Stretch::default()]);
    let new = |stretches: &mut Vec<Stretch>| {
        stretches.push(Stretch::default());
        stretches.len() - 1
    };
    let mut now = 0;
    let mut frames = vec![Frame::Block { end: new(&mut stretches) }];
    for step in steps {
        match step {
            Step::Get(local) | Step::Set(local) => {
                stretches[now].names.push(named.len());
                named.push((*local, matches!(step, Step::Set(_))));
            }
            Step::Block => frames.push(Frame::Block { end: new(&mut stretches) }),
            Step::Loop => {
                let start = new(&mut stretches);
                stretches[now].next.push(start);
                now = start;
                frames.push(Frame::Loop(start));
            }
            Step::If => {
                let [then, otherwise, end] = [(); 3].map(|()| new(&mut stretches));
                stretches[now].next.extend([then, otherwise]);
                now = then;
                frames.push(Frame::If { end, otherwise });
            }
            Step::Else => {
                if let Some(Frame::If { end, otherwise }) = frames.pop() {
                    stretches[now].next.push(end);
                    now = otherwise;
                    frames.push(Frame::Block { end });
                }
            }
            Step::End => match frames.pop() {
                Some(Frame::Block { end }) => {
                    stretches[now].next.push(end);
                    now = end;
                }
                Some(Frame::If { end, otherwise }) => {
                    stretches[now].next.push(end);
                    stretches[otherwise].next.push(end);
                    now = end;
                }
                Some(Frame::Loop(_)) | None => {}
            },
            Step::Branch { to, goes_on } => {
                for out in to {
                    let target = match frames[frames.len() - 1 - *out as usize] {
                        Frame::Loop(start) => start,
                        Frame::Block { end } | Frame::If { end, .. } => end,
                    };
                    stretches[now].next.push(target);
                }
                let next = new(&mut stretches);
                if *goes_on {
                    stretches[now].next.push(next);
                }
                now = next;
            }
        }
    }
    (named, stretches)
}

/// The locals whose value is needed at the beginning of each stretch.
fn live(named: &[(usize, bool)], stretches: &[Stretch], locals: usize) -> Vec<BTreeSet<usize>> {
    let words = locals.div_ceil(64);
    let mut live = vec![vec![0_u64; words]; stretches.len()];
    let mut before = vec![Vec::new(); stretches.len()];
    for (at, stretch) in stretches.iter().enumerate() {
        for next in &stretch.next {
            before[*next].push(at);
        }
    }
    let mut waiting: Vec<usize> = (0..stretches.len()).collect();
    while let Some(at) = waiting.pop() {
        let mut now = vec![0_u64; words];
        for next in &stretches[at].next {
            for (now, next) in now.iter_mut().zip(&live[*next]) {
                *now |= next;
            }
        }
        for (local, writes) in stretches[at].names.iter().rev().map(|it| named[*it]) {
            let bit = 1 << (local % 64);
            if writes {
                now[local / 64] &= !bit;
            } else {
                now[local / 64] |= bit;
            }
        }
        if now != live[at] {
            live[at] = now;
            waiting.extend(&before[at]);
        }
    }
    let bits = |of: &Vec<u64>| (0..locals).filter(|it| of[it / 64] >> (it % 64) & 1 == 1).collect();
    live.iter().map(bits).collect()
}

/// Sets of things that turn out to be the same.
#[derive(Default)]
struct Sets(Vec<usize>);

impl Sets {
    fn add(&mut self) -> usize {
        self.0.push(self.0.len());
        self.0.len() - 1
    }

    fn first(&mut self, of: usize) -> usize {
        let mut first = of;
        while self.0[first] != first {
            self.0[first] = self.0[self.0[first]];
            first = self.0[first];
        }
        first
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.0[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_holds_one_value_after_the_other() {
        let steps =
            [Step::Get(0), Step::Set(1), Step::Get(1), Step::Set(1), Step::Get(0), Step::Get(1), Step::End];
        let values = Values::of(&steps, 2);
        let [parameter, first, again, second, .., last] = values.named[..] else { panic!("six are named") };
        assert_eq!((first, second), (again, last));
        assert!(first != second && !values.given[first]);
        assert!(values.given[parameter]);
        assert_eq!(values.beside[parameter], BTreeSet::from([first, second]));
        assert_eq!(values.beside[first], BTreeSet::from([parameter]));
    }

    /// `loop { use 0; if 1 { 0 = …; br the loop } }`: what goes round is one value, and the parameter it began as.
    #[test]
    fn what_flows_together_is_one() {
        let round = |to: u32| Step::Branch { to: vec![to], goes_on: false };
        let steps = [
            Step::Loop,
            Step::Get(0),
            Step::Get(1),
            Step::If,
            Step::Set(0),
            round(1),
            Step::Else,
            Step::Set(0),
            Step::End,
            Step::End,
            Step::Get(0),
            Step::End,
        ];
        let values = Values::of(&steps, 2);
        let [begun, other, round, after, last] = values.named[..] else { panic!("five are named") };
        assert_eq!(begun, round);
        assert_eq!(after, last);
        assert!(begun != after);
        assert!(values.beside[begun].contains(&other), "both are needed in the next round");
        assert!(!values.beside[after].contains(&other), "nothing reads it any more");
    }

    #[test]
    fn a_zero_is_a_value() {
        let values = Values::of(&[Step::Get(0), Step::Set(0), Step::Get(0), Step::End], 1);
        assert_eq!(values.given, [true, false]);
        assert!(values.beside[0].is_empty());
    }
}
