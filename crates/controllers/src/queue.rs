//! The work queue: a key waits once, however often it is woken.
//!
//! Follows kubernetes v1.36 client-go/util/workqueue: Add, AddAfter, AddRateLimited, Forget.

use std::time::Duration;

use api::ObjectKey;
use apiserver::WatchEvent;
use sim::{SimTime, VecMap, latency};

use crate::{Controller, Ctx, Event};

const RETRY_MAX: Duration = Duration::from_secs(1_000);

type WorkKey = (Controller, ObjectKey);

/// The revision of the write that woke a key, where there is one.
type Parent = Option<u64>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct WorkQueue {
    waiting: VecMap<WorkKey, Parent>,
    /// The earliest time that each key asked for.
    delayed: VecMap<WorkKey, (SimTime, Parent)>,
    failures: VecMap<WorkKey, u32>,
}

impl WorkQueue {
    pub(crate) fn add(
        &mut self,
        controller: Controller,
        key: ObjectKey,
        event: Option<&WatchEvent>,
        ctx: &mut Ctx<'_>,
    ) {
        let parent = event.map(|it| it.revision);
        // A change of the object itself says more about why than a change of something that belongs to it.
        let own = event.is_some_and(|it| it.key == key);
        self.add_with(controller, key, parent, own, ctx);
    }

    fn add_with(
        &mut self,
        controller: Controller,
        key: ObjectKey,
        parent: Parent,
        own: bool,
        ctx: &mut Ctx<'_>,
    ) {
        let work = (controller, key);
        if let Some(waiting) = self.waiting.get_mut(&work) {
            if own {
                *waiting = parent;
            }
            return;
        }
        let due = ctx.now + latency::RECONCILE.draw(ctx.rng);
        ctx.outbox.at(due, Event::Work(work.0, work.1.clone()));
        self.waiting.insert(work, parent);
    }

    pub(crate) fn add_after(
        &mut self,
        controller: Controller,
        key: ObjectKey,
        delay: Duration,
        parent: Parent,
        ctx: &mut Ctx<'_>,
    ) {
        let (due, work) = (ctx.now + delay, (controller, key));
        if self.delayed.get(&work).is_some_and(|(earlier, _)| *earlier <= due) {
            return;
        }
        ctx.outbox.at(due, Event::Later(work.0, work.1.clone()));
        self.delayed.insert(work, (due, parent));
    }

    /// A key that asked to be looked at later is due, unless an earlier wish has replaced this one.
    pub(crate) fn ripe(&mut self, controller: Controller, key: ObjectKey, ctx: &mut Ctx<'_>) {
        let work = (controller, key);
        let Some((due, parent)) = self.delayed.get(&work).copied() else { return };
        if due <= ctx.now {
            self.delayed.remove(&work);
            self.add_with(work.0, work.1, parent, false, ctx);
        }
    }

    /// Takes a key out; the answer is what woke it.
    pub(crate) fn take(&mut self, controller: Controller, key: &ObjectKey) -> Option<Parent> {
        self.waiting.remove(&(controller, key.clone()))
    }

    /// After a failure: again, each time later.
    pub(crate) fn retry(
        &mut self,
        controller: Controller,
        key: &ObjectKey,
        parent: Parent,
        ctx: &mut Ctx<'_>,
    ) {
        let failures = self.failures.entry((controller, key.clone())).or_insert(0);
        let delay = controller.retry_base().saturating_mul(1 << (*failures).min(20)).min(RETRY_MAX);
        *failures += 1;
        self.add_after(controller, key.clone(), delay, parent, ctx);
    }

    pub(crate) fn forget(&mut self, controller: Controller, key: &ObjectKey) {
        if !self.failures.is_empty() {
            self.failures.remove(&(controller, key.clone()));
        }
    }
}
