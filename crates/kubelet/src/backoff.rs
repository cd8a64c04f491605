//! Waiting longer after each failure.
//!
//! Follows kubernetes v1.36 client-go/util/flowcontrol: Backoff (without jitter, as the kubelet uses it).

use std::time::Duration;

use sim::SimTime;

pub const BACKOFF_INITIAL: Duration = Duration::from_secs(10);
pub const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// One container's or one image's memory of its failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Backoff {
    pub wait: Duration,
    pub updated_at: SimTime,
}

impl Backoff {
    fn has_expired(self, at: SimTime) -> bool {
        BACKOFF_MAX * 2 < at.since(self.updated_at)
    }

    /// Is it too early to try again after what ended at `ended_at`?
    pub fn holds_since(self, ended_at: SimTime, now: SimTime) -> bool {
        !self.has_expired(ended_at) && now.since(ended_at) < self.wait
    }

    /// Is it too early to try again after the last failure?
    pub fn holds(self, now: SimTime) -> bool {
        !self.has_expired(now) && now.since(self.updated_at) < self.wait
    }

    /// The entry after one more try; `at` is when what failed had ended.
    pub fn next(entry: Option<Backoff>, at: SimTime, now: SimTime) -> Backoff {
        let wait = match entry {
            Some(entry) if !entry.has_expired(at) => (entry.wait * 2).min(BACKOFF_MAX),
            _ => BACKOFF_INITIAL,
        };
        Backoff { wait, updated_at: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_five_minutes_and_forgets_after_ten() {
        let mut entry = None;
        let waits: Vec<u64> = (0..7)
            .map(|_| {
                entry = Some(Backoff::next(entry, SimTime::ZERO, SimTime::ZERO));
                entry.map_or(0, |it| it.wait.as_secs())
            })
            .collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        let late = SimTime::from_secs(601);
        assert_eq!(Backoff::next(entry, late, late).wait, BACKOFF_INITIAL);
    }

    #[test]
    fn counts_from_the_end_of_the_instance() {
        let entry = Backoff { wait: BACKOFF_INITIAL, updated_at: SimTime::from_secs(100) };
        let ended = SimTime::from_secs(103);
        assert!(entry.holds_since(ended, SimTime::from_secs(112)));
        assert!(!entry.holds_since(ended, SimTime::from_secs(113)));
    }
}
