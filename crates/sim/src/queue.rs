//! Pending events in the order they will happen.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::SimTime;

/// One scheduled event. Orders by due time, then by scheduling order; what comes first is the greatest, for the heap.
#[derive(Debug, Clone)]
struct Entry<E> {
    due: SimTime,
    seq: u64,
    event: E,
}

impl<E> Entry<E> {
    fn place(&self) -> (SimTime, u64) {
        (self.due, self.seq)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.place().cmp(&self.place())
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Invariant: no pending event is due before `now`.
#[derive(Debug, Clone)]
pub struct EventQueue<E> {
    now: SimTime,
    next_seq: u64,
    pending: BinaryHeap<Entry<E>>,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue { now: SimTime::ZERO, next_seq: 0, pending: BinaryHeap::new() }
    }
}

/// Two queues are equal when the same things will happen in them, however their heaps came to be.
impl<E: PartialEq> PartialEq for EventQueue<E> {
    fn eq(&self, other: &Self) -> bool {
        let plan = |it: &Self| (it.now, it.next_seq);
        let pair = |(a, b): (&Entry<E>, &Entry<E>)| a == b && a.event == b.event;
        plan(self) == plan(other)
            && self.len() == other.len()
            && self.in_order().into_iter().zip(other.in_order()).all(pair)
    }
}

impl<E: Eq> Eq for EventQueue<E> {}

impl<E: Hash> Hash for EventQueue<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.now, self.next_seq, self.len() as u64).hash(state);
        for it in self.in_order() {
            (it.due, it.seq).hash(state);
            it.event.hash(state);
        }
    }
}

impl<E> EventQueue<E> {
    pub fn now(&self) -> SimTime {
        self.now
    }

    pub fn schedule(&mut self, delay: Duration, event: E) {
        self.schedule_at(self.now + delay, event);
    }

    /// An instant that has passed means now.
    pub fn schedule_at(&mut self, due: SimTime, event: E) {
        self.pending.push(Entry { due: due.max(self.now), seq: self.next_seq, event });
        self.next_seq += 1;
    }

    /// Takes the next event due at or before `deadline` and moves the clock to it.
    pub fn pop_until(&mut self, deadline: SimTime) -> Option<E> {
        let first = self.pending.peek_mut().filter(|it| it.due <= deadline)?;
        let Entry { due, event, .. } = PeekMut::pop(first);
        debug_assert!(self.now <= due);
        self.now = due;
        Some(event)
    }

    /// Moves the clock over a quiet stretch, never past a pending event.
    pub fn fast_forward(&mut self, to: SimTime) {
        let limit = self.next_due().unwrap_or(SimTime::MAX);
        self.now = self.now.max(to.min(limit));
    }

    pub fn next_due(&self) -> Option<SimTime> {
        self.pending.peek().map(|it| it.due)
    }

    /// All that is pending, soonest first.
    pub fn upcoming(&self) -> impl Iterator<Item = (SimTime, &E)> {
        self.in_order().into_iter().map(|it| (it.due, &it.event))
    }

    fn in_order(&self) -> Vec<&Entry<E>> {
        let mut all: Vec<&Entry<E>> = self.pending.iter().collect();
        all.sort_unstable_by_key(|it| it.place());
        all
    }

    pub fn len(&self) -> usize {
        self.pending.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

/// Follow-up events that a component asks for while it handles one; the cluster puts them into its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox<E> {
    items: Vec<(SimTime, E)>,
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Outbox { items: Vec::new() }
    }
}

impl<E> Outbox<E> {
    /// Asks for `event` at the instant `due` (at once when that has passed).
    pub fn at(&mut self, due: SimTime, event: E) {
        self.items.push((due, event));
    }

    pub fn drain(&mut self) -> std::vec::Drain<'_, (SimTime, E)> {
        self.items.drain(..)
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_instants_keep_their_order() {
        let mut queue = EventQueue::default();
        queue.schedule(Duration::from_secs(2), 'c');
        queue.schedule(Duration::from_secs(1), 'a');
        queue.schedule(Duration::from_secs(1), 'b');
        let seen: String = std::iter::from_fn(|| queue.pop_until(SimTime::MAX)).collect();
        assert_eq!(seen, "abc");
        assert_eq!(queue.now(), SimTime::from_secs(2));
    }

    #[test]
    fn a_deadline_leaves_what_is_later() {
        let mut queue = EventQueue::default();
        queue.schedule(Duration::from_secs(3), 3);
        assert_eq!(queue.pop_until(SimTime::from_secs(2)), None);
        queue.fast_forward(SimTime::from_secs(9));
        assert_eq!(queue.now(), SimTime::from_secs(3));
        assert_eq!(queue.pop_until(SimTime::from_secs(3)), Some(3));
    }

    #[test]
    fn queues_with_the_same_future_are_equal() {
        let filled = |order: &[u64]| {
            let mut queue = EventQueue::default();
            for it in order {
                queue.schedule(Duration::from_secs(*it), *it);
            }
            queue
        };
        let (mut one, mut other) = (filled(&[5, 1, 2, 4]), filled(&[5, 1, 2, 4]));
        let upcoming: Vec<u64> = one.upcoming().map(|it| *it.1).collect();
        assert_eq!(upcoming, [1, 2, 4, 5]);
        // One has shrunk and grown since, which arranges a heap anew.
        for queue in [&mut one, &mut other] {
            queue.pop_until(SimTime::MAX);
        }
        one.schedule(Duration::from_secs(1), 9);
        let copy = EventQueue { pending: one.pending.clone().into_sorted_vec().into(), ..one.clone() };
        assert_eq!((&copy, crate::digest_of(&copy)), (&one, crate::digest_of(&one)));
        assert_ne!(one, other);
        other.schedule(Duration::from_secs(1), 8);
        assert_ne!((crate::digest_of(&one), false), (crate::digest_of(&other), one == other));
    }
}
