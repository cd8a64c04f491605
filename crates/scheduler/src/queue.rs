//! Pods that wait for a node, in the lanes of the real queue.
//!
//! Follows kubernetes v1.36 pkg/scheduler/backend/queue: PriorityQueue, with its feature gates at their defaults
//! (queueing hints; Pods leave the back-off lane early when nothing else is to be done).

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use sim::{Gather as _, SimTime, VecMap, VecSet};

use crate::framework::{Change, PROFILE, WakeEvent};
use crate::pod_info::{PodInfo, PodKey};

pub const BACKOFF_INITIAL: Duration = Duration::from_secs(1);
pub const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Back-off ends on whole seconds, so that Pods of one second are ordered by priority.
const BACKOFF_WINDOW: u64 = 1_000_000;
/// After so long without a helpful event a Pod is tried anyway…
pub const UNSCHEDULABLE_MAX: Duration = Duration::from_mins(5);
/// …when somebody looks, and that is so often.
const FLUSH_PERIOD: u64 = 30_000_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Its turn comes by priority, then by age.
    Active,
    /// `early`: may leave before `until` when the active lane is empty. After an error it may not.
    Backoff { until: SimTime, early: bool },
    /// Until an event may help it.
    Unschedulable,
    /// Scheduling gates hold it.
    Gated { reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueuedPod {
    pub info: Arc<PodInfo>,
    pub lane: Lane,
    /// When it came into the queue, or was last turned down.
    pub since: SimTime,
    pub attempts: u32,
    pub times_unschedulable: u32,
    pub errors_in_a_row: u32,
    /// Those that turned it down last time: they decide which events may help.
    pub plugins: VecSet<&'static str>,
    /// The write that brought it here or woke it.
    pub revision: Option<u64>,
    seq: u64,
}

impl QueuedPod {
    /// The kinds of event after which it is looked at again.
    pub fn waits_for(&self) -> VecSet<WakeEvent> {
        if matches!(self.lane, Lane::Gated { .. }) {
            return [WakeEvent::OwnGates].into();
        }
        let mine = PROFILE.iter().filter(|it| self.plugins.contains(it.name()));
        mine.flat_map(|it| it.wake_events()).copied().fill()
    }

    fn may_help(&self, change: Change<'_>) -> bool {
        let mine = PROFILE.iter().filter(|it| self.plugins.contains(it.name()));
        self.plugins.is_empty() || mine.into_iter().any(|it| it.may_help(&self.info, change))
    }

    // Follows kubernetes v1.36 pkg/scheduler/backend/queue/backoff_queue.go: calculateBackoffDuration.
    fn backoff_until(&self) -> Option<SimTime> {
        let count = if 0 < self.errors_in_a_row { self.errors_in_a_row } else { self.times_unschedulable };
        if count == 0 {
            return None;
        }
        let delay = BACKOFF_INITIAL.saturating_mul(1 << (count - 1).min(10)).min(BACKOFF_MAX);
        Some(window(self.since + delay))
    }
}

/// When a Pod that waits since then is tried without an event.
// Follows kubernetes v1.36 pkg/scheduler/backend/queue: flushUnschedulablePodsLeftover, Run.
pub fn flushed_at(since: SimTime) -> SimTime {
    let over = (since + UNSCHEDULABLE_MAX).as_micros();
    SimTime((over / FLUSH_PERIOD + 1) * FLUSH_PERIOD)
}

fn window(time: SimTime) -> SimTime {
    SimTime(time.as_micros() / BACKOFF_WINDOW * BACKOFF_WINDOW)
}

type ActiveKey = (Reverse<i32>, SimTime, u64, PodKey);

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Queue {
    pods: VecMap<PodKey, Box<QueuedPod>>,
    active: VecSet<Arc<ActiveKey>>,
    backoff: VecSet<Arc<(SimTime, ActiveKey)>>,
    /// The unschedulable ones, those that wait longest first.
    waiting: VecSet<Arc<(SimTime, PodKey)>>,
    next_seq: u64,
}

impl Queue {
    /// All Pods in the queue, by name.
    pub fn pods(&self) -> impl Iterator<Item = &QueuedPod> {
        self.pods.values().map(|it| &**it)
    }

    pub fn get(&self, key: &PodKey) -> Option<&QueuedPod> {
        self.pods.get(key).map(|it| &**it)
    }

    /// In the order in which they will be tried.
    pub fn active(&self) -> impl Iterator<Item = &QueuedPod> {
        self.active.iter().filter_map(|it| self.get(&it.3))
    }

    /// A new Pod: to its gate or into the active lane.
    pub fn add(&mut self, info: Arc<PodInfo>, revision: u64, now: SimTime) {
        self.next_seq += 1;
        let key = info.key.clone();
        let queued = QueuedPod {
            info,
            lane: Lane::Active,
            since: now,
            attempts: 0,
            times_unschedulable: 0,
            errors_in_a_row: 0,
            plugins: VecSet::new(),
            revision: Some(revision),
            seq: self.next_seq,
        };
        self.remove(&key);
        self.enter(queued);
    }

    pub fn remove(&mut self, key: &PodKey) -> Option<QueuedPod> {
        let queued = self.pods.remove(key)?;
        let place = place(&queued);
        match &queued.lane {
            Lane::Active => drop(self.active.remove(&place)),
            Lane::Backoff { until, .. } => drop(self.backoff.remove(&(*until, place))),
            Lane::Unschedulable => drop(self.waiting.remove(&(queued.since, key.clone()))),
            Lane::Gated { .. } => {}
        }
        Some(*queued)
    }

    /// The Pod itself was changed.
    pub fn update(&mut self, info: Arc<PodInfo>, revision: u64, now: SimTime) {
        let Some(mut queued) = self.remove(&info.key) else {
            return self.add(info, revision, now);
        };
        let old = std::mem::replace(&mut queued.info, info);
        let new = queued.info.clone();
        let woken = match queued.lane {
            Lane::Unschedulable => queued.may_help(Change::OwnUpdate { old: &old, new: &new }),
            Lane::Gated { .. } => true,
            Lane::Active | Lane::Backoff { .. } => false,
        };
        if woken {
            queued.revision = Some(revision);
            self.wake(queued, now);
        } else {
            self.put(queued);
        }
    }

    /// Takes the Pod whose turn it is.
    pub fn pop(&mut self, now: SimTime) -> Option<QueuedPod> {
        let over: Vec<PodKey> =
            self.backoff.iter().take_while(|it| it.0 < window(now)).map(|it| it.1.3.clone()).gather();
        for key in over {
            if let Some(queued) = self.remove(&key) {
                self.enter(queued);
            }
        }
        let early = |it: &&Arc<(SimTime, ActiveKey)>| {
            matches!(self.pods.get(&it.1.3).map(|it| &it.lane), Some(Lane::Backoff { early: true, .. }))
        };
        let next = self.active.first().map(|it| &**it);
        let next = next.or_else(|| self.backoff.iter().find(early).map(|it| &it.1));
        let key = next?.3.clone();
        let mut queued = self.remove(&key)?;
        queued.attempts += 1;
        Some(queued)
    }

    /// Whether `pop` would find one.
    pub fn is_ready(&self, now: SimTime) -> bool {
        !self.active.is_empty()
            || self.backoff.iter().any(|it| {
                it.0 < window(now)
                    || matches!(
                        self.pods.get(&it.1.3).map(|it| &it.lane),
                        Some(Lane::Backoff { early: true, .. })
                    )
            })
    }

    /// Back after a failed attempt. No plugins: an error, so that it is tried again after a while.
    pub fn put_back(&mut self, mut queued: QueuedPod, plugins: VecSet<&'static str>, now: SimTime) {
        queued.since = now;
        queued.plugins = plugins;
        if queued.plugins.is_empty() {
            queued.errors_in_a_row += 1;
            self.wake(queued, now);
        } else {
            queued.times_unschedulable += 1;
            queued.errors_in_a_row = 0;
            queued.lane = Lane::Unschedulable;
            self.put(queued);
        }
    }

    /// Looks at every waiting Pod again that the change may help.
    pub fn apply(&mut self, change: Change<'_>, revision: u64, now: SimTime) {
        self.apply_to(change, revision, now, |_| true);
    }

    pub fn apply_to(
        &mut self,
        change: Change<'_>,
        revision: u64,
        now: SimTime,
        concerned: impl Fn(&PodInfo) -> bool,
    ) {
        let helped = self
            .waiting
            .iter()
            .filter(|it| self.pods.get(&it.1).is_some_and(|it| concerned(&it.info) && it.may_help(change)));
        for key in helped.map(|it| it.1.clone()).gather() {
            if let Some(mut queued) = self.remove(&key) {
                queued.revision = Some(revision);
                self.wake(queued, now);
            }
        }
    }

    /// Those that have waited for too long are tried anyway.
    pub fn flush(&mut self, now: SimTime) {
        let old = self.waiting.iter().take_while(|it| flushed_at(it.0) <= now);
        let keys: Vec<PodKey> = old.map(|it| it.1.clone()).gather();
        for key in keys {
            if let Some(queued) = self.remove(&key) {
                self.wake(queued, now);
            }
        }
    }

    /// When something will have to be done here without an event. A Pod whose back-off is over is ready: what is to be
    /// done for it is the next cycle, not one more look at this instant.
    pub fn next_due(&self, now: SimTime) -> Option<SimTime> {
        let flush = self.waiting.first().map(|it| flushed_at(it.0));
        let over = |until: SimTime| until + Duration::from_micros(BACKOFF_WINDOW);
        let backoff = self.backoff.iter().map(|it| over(it.0)).find(|it| now < *it);
        flush.into_iter().chain(backoff).min()
    }

    /// Into the back-off lane while its time is not over, else into the active one.
    fn wake(&mut self, mut queued: QueuedPod, now: SimTime) {
        let until = queued.backoff_until();
        let Some(until) = until.filter(|it| window(now) <= *it) else { return self.enter(queued) };
        queued.lane = Lane::Backoff { until, early: !queued.plugins.is_empty() };
        self.put(queued);
    }

    /// Into the active lane, unless a gate holds it.
    fn enter(&mut self, mut queued: QueuedPod) {
        queued.lane = match crate::plugins::scheduling_gates::gates_reason(&queued.info.pod) {
            Some(reason) => Lane::Gated { reason },
            None => Lane::Active,
        };
        self.put(queued);
    }

    fn put(&mut self, queued: QueuedPod) {
        let (key, place) = (queued.info.key.clone(), place(&queued));
        match &queued.lane {
            Lane::Active => drop(self.active.insert(place.into())),
            Lane::Backoff { until, .. } => drop(self.backoff.insert((*until, place).into())),
            Lane::Unschedulable => drop(self.waiting.insert((queued.since, key.clone()).into())),
            Lane::Gated { .. } => {}
        }
        self.pods.insert(key, queued.into());
    }
}

fn place(queued: &QueuedPod) -> ActiveKey {
    (Reverse(queued.info.priority), queued.since, queued.seq, queued.info.key.clone())
}

#[cfg(test)]
mod tests {
    use api::Pod;

    use super::*;

    fn pod(name: &str, priority: i32) -> Arc<PodInfo> {
        let mut pod = Pod::default();
        pod.metadata.name = Some(name.to_owned());
        pod.spec.get_or_insert_default().priority = Some(priority);
        Arc::new(PodInfo::new(Arc::new(pod)))
    }

    fn popped(queue: &mut Queue, now: SimTime) -> String {
        queue.pop(now).map(|it| it.info.key.name.to_string()).unwrap_or_default()
    }

    #[test]
    fn priority_then_age() {
        let mut queue = Queue::default();
        queue.add(pod("late", 0), 1, SimTime::from_secs(2));
        queue.add(pod("early", 0), 1, SimTime::from_secs(1));
        queue.add(pod("important", 5), 1, SimTime::from_secs(3));
        let now = SimTime::from_secs(4);
        let order = [popped(&mut queue, now), popped(&mut queue, now), popped(&mut queue, now)];
        assert_eq!(order, ["important", "early", "late"]);
    }

    #[test]
    fn backs_off_after_errors_and_waits_for_events_otherwise() {
        let mut queue = Queue::default();
        queue.add(pod("a", 0), 1, SimTime::ZERO);
        let now = SimTime::from_secs(1);
        let queued = queue.pop(now).unwrap();
        queue.put_back(queued, VecSet::new(), now);
        assert_eq!(
            queue.get(&pod("a", 0).key).unwrap().lane,
            Lane::Backoff { until: SimTime::from_secs(2), early: false }
        );
        assert!(!queue.is_ready(now) && queue.is_ready(SimTime::from_secs(3)));
        let queued = queue.pop(SimTime::from_secs(3)).unwrap();
        queue.put_back(queued, ["NodeResourcesFit"].into(), SimTime::from_secs(3));
        assert!(!queue.is_ready(SimTime::from_secs(100)));
        queue.apply(Change::PodDeleted(&pod("b", 0)), 2, SimTime::from_secs(3));
        assert!(queue.is_ready(SimTime::from_secs(3)), "an idle scheduler does not wait for the back-off");
    }

    #[test]
    fn nothing_is_due_at_an_instant_whose_pods_are_ready() {
        let mut queue = Queue::default();
        for name in ["a", "b"] {
            queue.add(pod(name, 0), 1, SimTime::ZERO);
            let queued = queue.pop(SimTime::ZERO).unwrap();
            queue.put_back(queued, VecSet::new(), SimTime::from_secs(if name == "a" { 1 } else { 5 }));
        }
        let over = SimTime::from_secs(3);
        assert_eq!(queue.next_due(SimTime::from_secs(1)), Some(over));
        assert!(queue.is_ready(over));
        assert_eq!(queue.next_due(over), Some(SimTime::from_secs(7)), "only the other's back-off is to come");
    }

    #[test]
    fn flushes_after_five_minutes() {
        let mut queue = Queue::default();
        queue.add(pod("a", 0), 1, SimTime::ZERO);
        let queued = queue.pop(SimTime::ZERO).unwrap();
        queue.put_back(queued, ["NodeAffinity"].into(), SimTime::ZERO);
        assert_eq!(queue.next_due(SimTime::ZERO), Some(SimTime::from_secs(330)));
        queue.flush(SimTime::from_secs(329));
        assert!(!queue.is_ready(SimTime::from_secs(329)));
        queue.flush(SimTime::from_secs(330));
        assert!(queue.is_ready(SimTime::from_secs(330)));
    }
}
