//! A whole cluster as plain data: every component, one event queue, one clock.
//!
//! `step` takes the next event and hands it to the component it belongs to; components meet only in the API server.
//! A clone is a snapshot. Equal inputs at equal times give equal clusters, on every machine.

mod fault;
mod invariants;
mod proxy;
mod settings;
#[cfg(test)]
mod tests;
mod wiring;

use std::sync::Arc;

use api::{Kind, ObjectKey};
use apiserver::ApiServer;
use controllers::Controllers;
use kubelet::Kubelet;
use runtime::{ExecId, ExecResult, Runtime};
use scheduler::Scheduler;
use sim::{EventQueue, Rng, SimTime, VecMap, VecSet};

pub use fault::{Fault, FaultError};
pub use invariants::{History, Violation};
pub use settings::{NodeSpec, Settings, Taint};

/// Everything that can happen. Closed on purpose: read this to know the engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// What was written to the store reaches those who watch it.
    Watch,
    Scheduler(scheduler::Event),
    Controllers(controllers::Event),
    Kubelet {
        node: Arc<str>,
        event: kubelet::Event,
    },
    Runtime(runtime::Event),
}

/// Randomness apart for each component, so that what one draws never shifts another's draws.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Dice {
    watch: Rng,
    scheduler: Rng,
    controllers: Rng,
    kubelets: Rng,
    runtime: Rng,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cluster {
    queue: EventQueue<Event>,
    api: ApiServer,
    scheduler: Scheduler,
    controllers: Controllers,
    kubelets: VecMap<Arc<str>, Arc<Kubelet>>,
    runtime: Runtime,
    dice: Dice,
    /// The newest revision that the components have seen.
    watched: u64,
    watch_is_due: bool,
    steps: u64,
    /// Commands run in containers for somebody outside, and how they ended.
    execs: VecSet<ExecId>,
    finished: VecMap<ExecId, ExecResult>,
    /// Nodes that were added ever: each gets addresses of its own.
    nodes_added: u32,
}

impl Cluster {
    /// A cluster in which every component has just been started.
    pub fn new(settings: &Settings) -> Cluster {
        let rng = Rng::from_seed(settings.seed);
        let mut cluster = Cluster {
            queue: EventQueue::default(),
            api: ApiServer::new(rng.child(1)),
            scheduler: Scheduler::default(),
            controllers: Controllers::default(),
            kubelets: VecMap::new(),
            runtime: Runtime::default(),
            dice: Dice {
                watch: rng.child(2),
                scheduler: rng.child(3),
                controllers: rng.child(4),
                kubelets: rng.child(5),
                runtime: rng.child(6),
            },
            watched: 0,
            watch_is_due: false,
            steps: 0,
            execs: VecSet::new(),
            finished: VecMap::new(),
            nodes_added: 0,
        };
        cluster.api.bootstrap(SimTime::ZERO);
        cluster.start_control_plane();
        for node in &settings.nodes {
            cluster.add_node(node);
        }
        cluster
    }

    pub fn now(&self) -> SimTime {
        self.queue.now()
    }

    pub fn api(&self) -> &ApiServer {
        &self.api
    }

    /// For requests from outside; call [`Cluster::settle_watch`] afterwards, or step.
    pub fn api_mut(&mut self) -> &mut ApiServer {
        &mut self.api
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    pub fn controllers(&self) -> &Controllers {
        &self.controllers
    }

    pub fn kubelet(&self, node: &str) -> Option<&Kubelet> {
        self.kubelets.get(node).map(|it| &**it)
    }

    pub fn kubelets(&self) -> impl Iterator<Item = (&str, &Kubelet)> {
        self.kubelets.iter().map(|(name, it)| (&**name, &**it))
    }

    /// How many events have happened.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What is still to come, soonest first.
    pub fn upcoming(&self) -> impl Iterator<Item = (SimTime, &Event)> {
        self.queue.upcoming()
    }

    pub fn next_due(&self) -> Option<SimTime> {
        self.queue.next_due()
    }

    /// Equal for equal states, natively and in WebAssembly.
    pub fn digest(&self) -> u64 {
        sim::digest_of(self)
    }

    /// Lets happen what is due until `deadline`, at most `events_max` events. True when `deadline` was reached.
    pub fn run_until(&mut self, deadline: SimTime, events_max: u32) -> bool {
        for _ in 0..events_max {
            if !self.step(deadline) {
                self.queue.fast_forward(deadline);
                return true;
            }
        }
        self.queue.next_due().is_none_or(|due| deadline < due)
    }

    /// Takes the next event if it is due by `deadline`.
    pub fn step(&mut self, deadline: SimTime) -> bool {
        self.settle_watch();
        let Some(event) = self.queue.pop_until(deadline) else { return false };
        self.steps += 1;
        self.dispatch(event);
        true
    }

    /// Moves the clock when nothing is due before `to`.
    pub fn fast_forward(&mut self, to: SimTime) {
        self.settle_watch();
        self.queue.fast_forward(to);
    }

    /// A machine joins: its kubelet registers it.
    pub fn add_node(&mut self, spec: &NodeSpec) {
        self.nodes_added += 1;
        let number = self.nodes_added;
        self.join(spec, number);
    }

    /// Every broken promise of a cluster that is found now; none in a correct engine.
    pub fn check_invariants(&self) -> Vec<Violation> {
        invariants::check(self)
    }

    /// What must hold beside that once every fault is mended and time has passed.
    pub fn check_settled(&self) -> Vec<Violation> {
        invariants::check_settled(self)
    }

    pub fn node_names(&self) -> impl Iterator<Item = &str> {
        self.api.store().list(Kind::Node).map(|it| it.object.name())
    }

    pub fn has_pod(&self, namespace: &str, name: &str) -> bool {
        self.api.get(&ObjectKey::pod(namespace, name)).is_some()
    }
}
