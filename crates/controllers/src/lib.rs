//! The controller manager: one file per controller.
//!
//! Every controller is a pure `reconcile(&View, &ObjectKey, now) -> Reconciled`; the plan that comes back is carried
//! out in one place (`plan.rs`). Keys come from what the controller watches (`wakes`) and pass through a work queue
//! that behaves like client-go's: a key waits there once, is retried with growing delays after a conflict, and may
//! ask to be looked at again later.

mod deployment;
mod disruption;
mod endpointslice;
mod garbage_collector;
mod index;
mod namespace;
mod node_lifecycle;
mod ownership;
mod plan;
mod pod_gc;
mod pods;
mod queue;
mod replicaset;
mod root_ca;
mod service_account;
mod taint_eviction;
mod taints;

use std::sync::Arc;
use std::time::Duration;

use api::{Actor, ObjectKey};
use apiserver::{ApiServer, Store, WatchEvent};
use sim::{Outbox, Rng, SimTime};

use index::Index;
use plan::{Memory, Reconciled, View};
use queue::WorkQueue;

/// How often the node controller looks at the nodes (`--node-monitor-period`).
const MONITOR_PERIOD: Duration = Duration::from_secs(5);
/// How often the Pod garbage collector runs.
const COLLECT_PERIOD: Duration = Duration::from_secs(20);

/// The controllers of this controller manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    Deployment,
    ReplicaSet,
    EndpointSlice,
    NodeLifecycle,
    TaintEviction,
    PodGc,
    Namespace,
    GarbageCollector,
    ServiceAccount,
    RootCa,
    Disruption,
}

impl Controller {
    /// The name that the cause of its writes carries.
    pub const fn name(self) -> &'static str {
        match self {
            Controller::Deployment => "deployment-controller",
            Controller::ReplicaSet => "replicaset-controller",
            Controller::EndpointSlice => "endpointslice-controller",
            Controller::NodeLifecycle => "node-controller",
            Controller::TaintEviction => "taint-eviction-controller",
            Controller::PodGc => "pod-garbage-collector",
            Controller::Namespace => "namespace-controller",
            Controller::GarbageCollector => "generic-garbage-collector",
            Controller::ServiceAccount => "service-account-controller",
            Controller::RootCa => "root-ca-certificate-publisher",
            Controller::Disruption => "disruption-controller",
        }
    }

    /// The source of its Events.
    const fn component(self) -> &'static str {
        match self {
            Controller::Disruption => "controllermanager",
            other => other.name(),
        }
    }

    /// Its first retry waits this long, each further one twice as long.
    const fn retry_base(self) -> Duration {
        match self {
            // endpointslice_controller.go: defaultSyncBackOff.
            Controller::EndpointSlice => Duration::from_secs(1),
            Controller::Deployment
            | Controller::ReplicaSet
            | Controller::NodeLifecycle
            | Controller::TaintEviction
            | Controller::PodGc
            | Controller::Namespace
            | Controller::GarbageCollector
            | Controller::ServiceAccount
            | Controller::RootCa
            | Controller::Disruption => Duration::from_millis(5),
        }
    }

    pub fn actor(self) -> Actor {
        Actor::Controller(self.name())
    }

    fn reconcile(self, view: &View<'_>, key: &ObjectKey, now: SimTime) -> Reconciled {
        match self {
            Controller::Deployment => deployment::reconcile(view, key, now),
            Controller::ReplicaSet => replicaset::reconcile(view, key, now),
            Controller::EndpointSlice => endpointslice::reconcile(view, key, now),
            Controller::NodeLifecycle => node_lifecycle::reconcile(view, key, now),
            Controller::TaintEviction => taint_eviction::reconcile(view, key, now),
            Controller::PodGc => Reconciled::default(),
            Controller::Namespace => namespace::reconcile(view, key, now),
            Controller::GarbageCollector => garbage_collector::reconcile(view, key),
            Controller::ServiceAccount => service_account::reconcile(view, key),
            Controller::RootCa => root_ca::reconcile(view, key),
            Controller::Disruption => disruption::reconcile(view, key, now),
        }
    }
}

/// The controllers' own timed events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// A worker takes this key from the queue.
    Work(Controller, ObjectKey),
    /// A key that asked to be looked at later.
    Later(Controller, ObjectKey),
    /// The node controller looks at all nodes.
    MonitorNodes,
    /// The Pod garbage collector looks at all Pods.
    CollectPods,
}

pub struct Ctx<'a> {
    pub now: SimTime,
    pub api: &'a mut ApiServer,
    pub rng: &'a mut Rng,
    pub outbox: &'a mut Outbox<Event>,
}

/// Keys that one watch event wakes, some of them only after a while.
#[derive(Default)]
pub(crate) struct Wakes(Vec<(Controller, ObjectKey, Option<Duration>)>);

impl Wakes {
    pub(crate) fn now(&mut self, controller: Controller, key: ObjectKey) {
        self.0.push((controller, key, None));
    }

    pub(crate) fn after(&mut self, controller: Controller, key: ObjectKey, delay: Duration) {
        self.0.push((controller, key, Some(delay)));
    }
}

/// All controllers with their queue, indexes and memory. Plain data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Controllers {
    /// Shared between copies until one of them moves on.
    index: Arc<Index>,
    queue: WorkQueue,
    memory: Memory,
}

impl Controllers {
    pub fn new() -> Controllers {
        Controllers::default()
    }

    /// Starts the periodic work. Objects that exist already are seen through their watch events.
    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx.api.store());
        // The loops of a real controller manager started at some moment before; they are not in step.
        ctx.outbox.at(ctx.now + ctx.rng.between(Duration::ZERO, MONITOR_PERIOD), Event::MonitorNodes);
        ctx.outbox.at(ctx.now + ctx.rng.between(Duration::ZERO, COLLECT_PERIOD), Event::CollectPods);
    }

    /// The informers: called once for every watch event of the store, a little after the write.
    pub fn observe(&mut self, event: &WatchEvent, ctx: &mut Ctx<'_>) {
        use api::Kind;
        // What is written most often wakes nobody: Events, and Leases that are renewed.
        let renewed = event.key.kind == Kind::Lease && event.change == apiserver::Change::Modified;
        if renewed || event.key.kind == Kind::Event {
            return;
        }
        self.catch_up(ctx.api.store());
        let view = View { store: ctx.api.store(), index: &self.index, memory: &self.memory };
        let mut wakes = Wakes::default();
        deployment::wakes(&view, event, &mut wakes);
        replicaset::wakes(&view, event, &mut wakes);
        endpointslice::wakes(&view, event, &mut wakes);
        node_lifecycle::wakes(event, &mut wakes);
        taint_eviction::wakes(&view, event, &mut wakes);
        namespace::wakes(event, &mut wakes);
        garbage_collector::wakes(&view, event, &mut wakes);
        service_account::wakes(event, &mut wakes);
        root_ca::wakes(event, &mut wakes);
        disruption::wakes(&view, event, &mut wakes);
        for (controller, key, delay) in wakes.0 {
            match delay {
                None => self.queue.add(controller, key, Some(event), ctx),
                Some(delay) => self.queue.add_after(controller, key, delay, Some(event.revision), ctx),
            }
        }
    }

    /// One of the controllers' own events falls due.
    pub fn handle(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Work(controller, key) => {
                if let Some(parent) = self.queue.take(controller, &key) {
                    self.work(controller, &key, parent, ctx);
                }
            }
            Event::Later(controller, key) => self.queue.ripe(controller, key, ctx),
            Event::MonitorNodes => {
                ctx.outbox.at(ctx.now + MONITOR_PERIOD, Event::MonitorNodes);
                self.sweep(Controller::NodeLifecycle, node_lifecycle::monitor, ctx);
            }
            Event::CollectPods => {
                ctx.outbox.at(ctx.now + COLLECT_PERIOD, Event::CollectPods);
                self.sweep(Controller::PodGc, pod_gc::collect, ctx);
            }
        }
    }

    /// A look at everything at once; what fails is seen again the next time.
    fn sweep(
        &mut self,
        controller: Controller,
        look: fn(&View<'_>, SimTime) -> Reconciled,
        ctx: &mut Ctx<'_>,
    ) {
        self.catch_up(ctx.api.store());
        let view = View { store: ctx.api.store(), index: &self.index, memory: &self.memory };
        let mut plan = look(&view, ctx.now);
        let later = std::mem::take(&mut plan.later);
        let _ = plan::carry_out(plan, controller, None, &mut self.memory, ctx);
        for (key, delay) in later {
            self.queue.add_after(controller, key, delay, None, ctx);
        }
    }

    fn work(&mut self, controller: Controller, key: &ObjectKey, parent: Option<u64>, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx.api.store());
        let view = View { store: ctx.api.store(), index: &self.index, memory: &self.memory };
        let mut plan = controller.reconcile(&view, key, ctx.now);
        let (requeue_after, incomplete) = (plan.requeue_after, plan.incomplete);
        for (key, delay) in std::mem::take(&mut plan.later) {
            self.queue.add_after(controller, key, delay, parent, ctx);
        }
        let outcome = plan::carry_out(plan, controller, parent, &mut self.memory, ctx);
        if outcome.is_err() || incomplete {
            self.queue.retry(controller, key, parent, ctx);
            return;
        }
        self.queue.forget(controller, key);
        if let Some(delay) = requeue_after {
            self.queue.add_after(controller, key.clone(), delay, parent, ctx);
        }
    }

    fn catch_up(&mut self, store: &Store) {
        if self.index.cursor() < store.revision() {
            Arc::make_mut(&mut self.index).catch_up(store);
        }
    }
}
