//! Pending events in the order they will happen.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::SimTime;

/// Names one scheduled event. Orders by due time, then by scheduling order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    pub due: SimTime,
    seq: u64,
}

/// Invariant: no pending event is due before `now`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventQueue<E> {
    now: SimTime,
    next_seq: u64,
    pending: BTreeMap<Ticket, E>,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue { now: SimTime::ZERO, next_seq: 0, pending: BTreeMap::new() }
    }
}

impl<E> EventQueue<E> {
    pub fn now(&self) -> SimTime {
        self.now
    }

    pub fn schedule(&mut self, delay: Duration, event: E) -> Ticket {
        self.schedule_at(self.now + delay, event)
    }

    /// An instant that has passed means now.
    pub fn schedule_at(&mut self, due: SimTime, event: E) -> Ticket {
        let ticket = Ticket { due: due.max(self.now), seq: self.next_seq };
        self.next_seq += 1;
        self.pending.insert(ticket, event);
        ticket
    }

    pub fn cancel(&mut self, ticket: Ticket) -> Option<E> {
        self.pending.remove(&ticket)
    }

    /// Takes the next event due at or before `deadline` and moves the clock to it.
    pub fn pop_until(&mut self, deadline: SimTime) -> Option<E> {
        let entry = self.pending.first_entry()?;
        if deadline < entry.key().due {
            return None;
        }
        debug_assert!(self.now <= entry.key().due);
        self.now = entry.key().due;
        Some(entry.remove())
    }

    /// Moves the clock over a quiet stretch, never past a pending event.
    pub fn fast_forward(&mut self, to: SimTime) {
        let limit = self.next_due().unwrap_or(SimTime::MAX);
        self.now = self.now.max(to.min(limit));
    }

    pub fn next_due(&self) -> Option<SimTime> {
        self.pending.first_key_value().map(|(ticket, _)| ticket.due)
    }

    pub fn upcoming(&self) -> impl Iterator<Item = (SimTime, &E)> {
        self.pending.iter().map(|(ticket, event)| (ticket.due, event))
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
    fn deadline_and_cancel() {
        let mut queue = EventQueue::default();
        let ticket = queue.schedule(Duration::from_secs(1), 1);
        queue.schedule(Duration::from_secs(3), 3);
        assert_eq!(queue.cancel(ticket), Some(1));
        assert_eq!(queue.pop_until(SimTime::from_secs(2)), None);
        queue.fast_forward(SimTime::from_secs(9));
        assert_eq!(queue.now(), SimTime::from_secs(3));
    }
}
