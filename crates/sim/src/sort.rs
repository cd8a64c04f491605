//! Sorting with little code: the algorithm is compiled once, for places, and not for every type and comparison.
//!
//! What `sort` is for where thousands are sorted again and again.

use std::cmp::Ordering;

use crate::Gather as _;

pub trait Sort<T> {
    /// What `sort` does: equal ones keep their order.
    fn put_in_order(&mut self)
    where
        T: Ord;

    fn put_in_order_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> K);

    fn put_in_order_by(&mut self, compare: impl Fn(&T, &T) -> Ordering);
}

impl<T> Sort<T> for [T] {
    fn put_in_order(&mut self)
    where
        T: Ord,
    {
        self.put_in_order_by(T::cmp);
    }

    fn put_in_order_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> K) {
        self.put_in_order_by(|one, other| key(one).cmp(&key(other)));
    }

    fn put_in_order_by(&mut self, compare: impl Fn(&T, &T) -> Ordering) {
        let order = order(self.len(), &|one, other| compare(&self[one], &self[other]));
        arrange(&order, &mut |one, other| self.swap(one, other));
    }
}

/// Where each place's item comes from.
fn order(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<u32> {
    let mut order: Vec<u32> = (0..length as u32).gather();
    order.sort_by(|a, b| compare(*a as usize, *b as usize));
    order
}

fn arrange(order: &[u32], swap: &mut dyn FnMut(usize, usize)) {
    for at in 0..order.len() {
        let mut from = order[at] as usize;
        // What was there has been swapped to where this came from.
        while from < at {
            from = order[from] as usize;
        }
        swap(at, from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_as_std_does() {
        let mut rng = crate::Rng::from_seed(7);
        for length in 0..60 {
            let items = (0..length).map(|it| (rng.below(length / 3 + 1), it)).gather();
            let (mut ours, mut theirs) = (items.clone(), items.clone());
            ours.put_in_order();
            theirs.sort_unstable();
            assert_eq!(ours, theirs);
            (ours, theirs) = (items.clone(), items);
            ours.put_in_order_by_key(|it| it.0);
            theirs.sort_by_key(|it| it.0);
            assert_eq!(ours, theirs, "equal ones keep their order");
        }
    }
}
