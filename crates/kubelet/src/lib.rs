//! What a kubelet does on its node: it makes the node's Pods so, and tells the API server how they are.
//!
//! Plan, then act: [`actions::pod_actions`] decides, [`worker::Worker`] does it step by step; [`status::derive`]
//! says how a Pod is. Each Pod has a worker of its own; the runtime's changes are noticed by a relist once a second.

pub mod actions;
mod admission;
pub mod backoff;
mod conditions;
mod config;
mod env;
mod eviction;
mod held;
mod hooks;
pub mod kill;
pub mod logs;
mod node;
pub mod observed;
pub mod pod;
mod pressure;
pub mod probes;
mod report;
pub mod resize;
mod resources;
mod start;
mod static_pods;
pub mod status;
pub mod sync;
pub mod view;
mod volumes;
mod words;
pub mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::codec::same;
use api::k8s_openapi::api::core::v1::{ObjectReference, PodStatus};
use api::{Actor, Object, ObjectKey, Pod};
use apiserver::{ApiServer, Change, EventKind, EventRecorder, Occurrence, WatchEvent};
use runtime::{ContainerId, ExecId, Notice, PullId, RequestId, Runtime, SandboxId};
use sim::{Gather as _, Outbox, Rng, SimTime, VecMap, VecSet, latency};

use held::Held;
use probes::Flight;
use static_pods::Mirror;
pub use words::container_id_text;
use worker::{Stage, Worker};

/// Names a Pod's worker on one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(pub u32);

/// The kubelet's own timed events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The PLEG looks at what has changed.
    Relist,
    /// A worker goes on.
    Wake {
        pod: PodId,
        wait: u32,
    },
    /// A Pod is due for another look.
    Due {
        pod: PodId,
    },
    /// The newest status is to be written.
    Report {
        pod: PodId,
    },
    Probe {
        pod: PodId,
        probe: u16,
        tick: u32,
    },
    Mount {
        pod: PodId,
    },
    /// `activeDeadlineSeconds` may be over.
    Deadline {
        pod: PodId,
    },
    /// The files of static Pods are read.
    Manifests,
    /// Mirrors of Pods that are no more are taken away.
    Mirrors,
    /// Do Pods stay within their limits of local storage?
    Evict,
    /// A restarted process is up again.
    Restarted,
    Heartbeat,
    NodeStatus,
}

pub struct Ctx<'a> {
    pub now: SimTime,
    pub api: &'a mut ApiServer,
    pub rng: &'a mut Rng,
    pub runtime: &'a mut Runtime,
    pub runtime_outbox: &'a mut Outbox<runtime::Event>,
    pub outbox: &'a mut Outbox<Event>,
}

/// How the node introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Beside the ones that every node has.
    pub labels: BTreeMap<String, String>,
    /// (key, value, effect)
    pub taints: Vec<(String, String, String)>,
    pub pods_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { labels: BTreeMap::new(), taints: Vec::new(), pods_max: 110 }
    }
}

/// Who waits for the end of a command or a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RouteTo {
    Probe(u16),
    Worker,
}

/// What all workers of a node share.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    pub name: Arc<str>,
    pub ip: String,
    pub actor: Actor,
    settings: Settings,
    /// Of its Lease; held once for all keys.
    lease_namespace: Arc<str>,
    recorder: EventRecorder,
    /// The relists and the looks at due Pods come at this distance from whole seconds.
    relist_phase: Duration,
    tick_phase: Duration,
    relist_planned: bool,
    /// The runtime did not answer the last one.
    relist_failed: bool,
    eviction_planned: bool,
    started: bool,
    pub(crate) dirty: VecSet<PodId>,
    execs: VecMap<ExecId, (PodId, RouteTo)>,
    requests: VecMap<RequestId, (PodId, RouteTo)>,
    pub(crate) pulls: VecMap<PullId, PodId>,
    pub(crate) containers: VecMap<ContainerId, PodId>,
    pub(crate) sandboxes: VecMap<SandboxId, PodId>,
    node_reported_at: SimTime,
    /// Whether the node was cordoned when its status was last looked at.
    cordoned: bool,
    /// The Node's version, the machine's images and readiness when the status was last found to be right.
    node_agreed: Option<(Option<String>, u32, bool)>,
    /// Since when a kubelet that has just come back was frozen.
    silent_since: Option<SimTime>,
    runtime_silent_since: Option<SimTime>,
    /// When too little memory was last available; forgotten after some time.
    short_of_memory_at: Option<SimTime>,
}

/// What reached a frozen kubelet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Arrived {
    Watch(Box<WatchEvent>),
    Event(Event),
    Notice(Notice),
}

/// The kubelet of one node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kubelet {
    host: Host,
    workers: VecMap<PodId, Arc<Worker>>,
    by_uid: VecMap<Arc<str>, PodId>,
    next_pod: u32,
    /// The Pods of this node's own files, by uid.
    statics: VecMap<Arc<str>, Held<Pod>>,
    /// Since when it is frozen, and what has reached it since.
    frozen: Option<(SimTime, Vec<Arrived>)>,
}

const SECOND: Duration = Duration::from_secs(1);
/// From a restart's begin to the new process's first word.
const RESTART: Duration = Duration::from_millis(3_500);

impl Kubelet {
    pub fn new(name: &str, settings: Settings) -> Kubelet {
        let name: Arc<str> = name.into();
        Kubelet {
            host: Host {
                recorder: EventRecorder::new("kubelet", Some(&name)),
                actor: Actor::Kubelet(name.clone()),
                name,
                ip: String::new(),
                settings,
                lease_namespace: api::names::LEASE_NAMESPACE.into(),
                relist_phase: Duration::ZERO,
                tick_phase: Duration::ZERO,
                relist_planned: false,
                relist_failed: false,
                eviction_planned: false,
                started: false,
                dirty: VecSet::new(),
                execs: VecMap::new(),
                requests: VecMap::new(),
                pulls: VecMap::new(),
                containers: VecMap::new(),
                sandboxes: VecMap::new(),
                node_reported_at: SimTime::ZERO,
                cordoned: false,
                node_agreed: None,
                silent_since: None,
                runtime_silent_since: None,
                short_of_memory_at: None,
            },
            workers: VecMap::new(),
            by_uid: VecMap::new(),
            next_pod: 0,
            statics: VecMap::new(),
            frozen: None,
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.host.name
    }

    /// Registers the node. Its machine must be there. Started again, the process is down for some seconds.
    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        if std::mem::replace(&mut self.host.started, true) {
            self.stop(ctx.now);
            ctx.outbox.at(ctx.now + RESTART, Event::Restarted);
            return;
        }
        self.host.ip = ctx.runtime.machine(&self.host.name).map(|it| it.spec.ip.clone()).unwrap_or_default();
        self.host.relist_phase = Duration::from_micros(ctx.rng.below(1_000_000));
        self.host.tick_phase = Duration::from_micros(ctx.rng.below(1_000_000));
        self.host.register(ctx);
    }

    /// Freezes the process: nothing is done, everything waits.
    pub fn stop(&mut self, now: SimTime) {
        if self.frozen.is_none() {
            self.frozen = Some((now, Vec::new()));
        }
    }

    /// Thaws it: what has arrived meanwhile is done at once.
    pub fn resume(&mut self, ctx: &mut Ctx<'_>) {
        let Some((since, arrived)) = self.frozen.take() else { return };
        self.host.silent_since = Some(since);
        for it in arrived {
            match it {
                Arrived::Watch(event) => self.observe(&event, ctx),
                Arrived::Event(event) => self.handle(event, ctx),
                Arrived::Notice(notice) => self.notice(notice, ctx),
            }
        }
        // Something may have ended without a word.
        for id in self.workers.keys() {
            self.host.mark_dirty(*id, ctx);
        }
    }

    /// The machine was without power: no pull, command or request that was on its way will ever be answered, and each
    /// look at a Pod begins anew.
    pub fn lose_flights(&mut self, ctx: &mut Ctx<'_>) {
        self.host.pulls.clear();
        self.host.execs.clear();
        self.host.requests.clear();
        for worker in self.workers.values_mut() {
            Arc::make_mut(worker).lose_flights(&mut self.host, ctx);
        }
    }

    fn restarted(&mut self, ctx: &mut Ctx<'_>) {
        self.resume(ctx);
        self.host.silent_since = None;
        self.host.register_again(ctx);
        self.host.tell_start(ctx);
    }

    pub fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Its informer: Pods of its node, its Node, ConfigMaps and Secrets.
    pub fn observe(&mut self, event: &WatchEvent, ctx: &mut Ctx<'_>) {
        if let Some((_, arrived)) = &mut self.frozen {
            arrived.push(Arrived::Watch(Box::new(event.clone())));
            return;
        }
        let Object::Pod(pod) = &event.object else { return };
        let uid = pod.metadata.uid.as_deref().unwrap_or("");
        let known = self.by_uid.get(uid).copied();
        let here = pod::spec(pod).node_name.as_deref() == Some(&*self.host.name);
        if here && pod::annotation(pod, pod::MIRROR).is_some() {
            return self.observe_mirror(pod, event, ctx);
        }
        match (event.change, known) {
            (Change::Deleted, Some(id)) => self.remove(id, event, ctx),
            (Change::Added | Change::Modified, Some(id)) => self.change(id, pod, event, ctx),
            (Change::Added | Change::Modified, None) if here => self.add(pod, event.revision, ctx),
            (Change::Added | Change::Modified | Change::Deleted, None) => {}
        }
    }

    fn add(&mut self, pod: &Arc<Pod>, revision: u64, ctx: &mut Ctx<'_>) {
        self.add_as(pod, revision, Mirror::default(), ctx);
    }

    fn add_as(&mut self, pod: &Arc<Pod>, revision: u64, mirror: Mirror, ctx: &mut Ctx<'_>) {
        let id = PodId(self.next_pod);
        self.next_pod += 1;
        let uid: Arc<str> = pod::uid(pod).into();
        let mut worker = Worker::new(id, uid.clone(), pod.clone(), revision);
        worker.mirror = mirror;
        if !pod::is_terminal(pod::api_phase(pod)) && pod.metadata.deletion_timestamp.is_none() {
            self.admit(&mut worker, ctx);
        }
        self.by_uid.insert(uid, id);
        worker.update(&mut self.host, ctx);
        worker.plan_deadline_check(ctx);
        let limited = worker.limits_storage();
        self.workers.insert(id, Arc::new(worker));
        if limited && !std::mem::replace(&mut self.host.eviction_planned, true) {
            ctx.outbox.at(self.host.next_eviction(ctx.now), Event::Evict);
        }
    }

    /// Looks at the Pods that have a limit, as long as there are any.
    fn evict(&mut self, ctx: &mut Ctx<'_>) {
        let mut any = false;
        for worker in self.workers.values_mut().filter(|it| it.limits_storage()) {
            any = true;
            Arc::make_mut(worker).check_storage(&mut self.host, ctx);
        }
        self.host.eviction_planned = any;
        if any {
            ctx.outbox.at(self.host.next_eviction(ctx.now), Event::Evict);
        }
    }

    fn admit(&mut self, worker: &mut Worker, ctx: &mut Ctx<'_>) {
        let Some(node) = ctx.api.node(&self.host.name) else { return };
        let others: Vec<&Pod> = self
            .workers
            .values()
            .filter(|it| matches!(it.stage, Stage::Syncing | Stage::Terminating) && !it.rejected)
            .map(|it| &*it.pod.0)
            .gather();
        let short = self.host.short_of_memory_at.and_then(|_| pressure::refusal(&worker.pod));
        let Some(refusal) = short.or_else(|| admission::refusal(&worker.pod, node, &others)) else { return };
        let regarding = pod::reference(&worker.pod);
        let (revision, message) = (worker.revision, refusal.message.clone());
        self.host.tell(regarding, EventKind::Warning, &refusal.reason, message, revision, ctx);
        worker.rejected = true;
        let status = PodStatus {
            phase: Some("Failed".to_owned()),
            message: Some(format!("Pod was rejected: {}", refusal.message)),
            reason: Some(refusal.reason.clone()),
            qos_class: Some(pod::qos_class(&worker.pod).to_owned()),
            observed_generation: worker.pod.metadata.generation,
            start_time: Some(api::time::time(ctx.now)),
            ..PodStatus::default()
        };
        worker.verdict = Some((refusal.reason, format!("Pod was rejected: {}", refusal.message)));
        worker.set_status(status, ctx);
    }

    fn change(&mut self, id: PodId, pod: &Arc<Pod>, event: &WatchEvent, ctx: &mut Ctx<'_>) {
        let pod = &self.allocate(id, pod, ctx);
        let Some(worker) = self.workers.get_mut(&id).map(Arc::make_mut) else { return };
        let before = std::mem::replace(&mut worker.pod, Held(pod.clone()));
        worker.revision = event.revision;
        let (old, new) = (&before.metadata, &pod.metadata);
        let own = event.cause.by == self.host.actor;
        let updated = old.deletion_timestamp != new.deletion_timestamp
            || old.deletion_grace_period_seconds != new.deletion_grace_period_seconds
            || (!own
                && (old.labels != new.labels
                    || old.annotations != new.annotations
                    || old.generation != new.generation
                    || !same(&before.spec, &pod.spec)));
        if updated || (!own && conditions::readiness_gate_differs(pod)) {
            worker.update(&mut self.host, ctx);
        }
        if !own && worker.status.is_some() && !same(&before.status, &pod.status) {
            // What somebody else changed of the kubelet's own is put right.
            worker.plan_report(ctx);
        }
        if before.spec.as_ref().map(|it| it.active_deadline_seconds)
            != pod.spec.as_ref().map(|it| it.active_deadline_seconds)
        {
            worker.plan_deadline_check(ctx);
        }
    }

    fn remove(&mut self, id: PodId, event: &WatchEvent, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(&id).map(Arc::make_mut) else { return };
        worker.revision = event.revision;
        worker.gone = true;
        if let Object::Pod(pod) = &event.object {
            worker.pod = Held(pod.clone());
        }
        worker.update(&mut self.host, ctx);
        self.forget_if_done(id, ctx);
    }

    /// A Pod that is neither in the store nor on the machine is forgotten.
    fn forget_if_done(&mut self, id: PodId, ctx: &mut Ctx<'_>) {
        let done = |it: &Arc<Worker>| {
            it.gone && (it.stage == Stage::Finished || (it.rejected && it.sandboxes.is_empty()))
        };
        if self.workers.get(&id).is_some_and(done)
            && let Some(mut worker) = self.workers.remove(&id)
        {
            self.by_uid.remove(&worker.uid);
            Arc::make_mut(&mut worker).clean_up(&mut self.host, ctx);
            self.retry_resizes(ctx);
            if worker.mirror.is_of_file {
                self.static_pod_ended(ctx);
            }
        }
    }

    pub fn handle(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        if event == Event::Restarted {
            return self.restarted(ctx);
        }
        if let Some((_, arrived)) = &mut self.frozen {
            arrived.push(Arrived::Event(event));
            return;
        }
        let pod = match event {
            Event::Restarted => return,
            Event::Evict => return self.evict(ctx),
            Event::Manifests => return self.read_manifests(ctx),
            Event::Mirrors => return self.delete_orphaned_mirrors(ctx),
            Event::Relist => return self.relist(ctx),
            Event::Heartbeat => {
                self.check_memory(ctx);
                return self.host.heartbeat(ctx);
            }
            Event::NodeStatus => return self.host.check_node(ctx),
            Event::Wake { pod, .. }
            | Event::Due { pod }
            | Event::Report { pod }
            | Event::Probe { pod, .. }
            | Event::Mount { pod }
            | Event::Deadline { pod } => pod,
        };
        let Some(worker) = self.workers.get_mut(&pod).map(Arc::make_mut) else { return };
        let host = &mut self.host;
        match event {
            Event::Probe { probe, tick, .. } => {
                return worker.probe_tick(usize::from(probe), tick, host, ctx);
            }
            Event::Wake { wait, .. } => worker.wake(wait, host, ctx),
            Event::Due { .. } => worker.due(host, ctx),
            Event::Report { .. } => worker.write_report(host, ctx),
            Event::Mount { .. } => worker.mount_volumes(host, ctx),
            Event::Deadline { .. } => worker.check_deadline(host, ctx),
            Event::Relist
            | Event::Heartbeat
            | Event::NodeStatus
            | Event::Evict
            | Event::Manifests
            | Event::Mirrors
            | Event::Restarted => {}
        }
        self.forget_if_done(pod, ctx);
    }

    fn relist(&mut self, ctx: &mut Ctx<'_>) {
        self.host.relist_planned = false;
        self.host.relist_failed = ctx.runtime.is_frozen(&self.host.name);
        if self.host.relist_failed {
            self.host.plan_relist(ctx);
            return;
        }
        for id in std::mem::take(&mut self.host.dirty) {
            if let Some(worker) = self.workers.get_mut(&id) {
                Arc::make_mut(worker).relist(ctx.now, &mut self.host, ctx);
            }
        }
    }

    /// The end of something that the runtime did for this node.
    pub fn notice(&mut self, notice: Notice, ctx: &mut Ctx<'_>) {
        if let Some((_, arrived)) = &mut self.frozen {
            arrived.push(Arrived::Notice(notice));
            return;
        }
        let host = &mut self.host;
        let (pod, to) = match &notice {
            Notice::ContainerExited { container } => {
                let Some(pod) = host.containers.get(container).copied() else { return };
                host.mark_dirty(pod, ctx);
                if let Some(worker) = self.workers.get_mut(&pod) {
                    Arc::make_mut(worker).advance_if_killing(&mut self.host, ctx);
                }
                return;
            }
            Notice::SandboxDied { sandbox } => {
                if let Some(pod) = host.sandboxes.get(sandbox).copied() {
                    host.mark_dirty(pod, ctx);
                }
                return;
            }
            Notice::ManifestsChanged => {
                let due = ctx.now + latency::MANIFEST.draw(ctx.rng);
                return ctx.outbox.at(due, Event::Manifests);
            }
            Notice::PullFinished { pull, .. } => (host.pulls.remove(pull), RouteTo::Worker),
            Notice::ExecFinished { exec, .. } => split(host.execs.remove(exec)),
            Notice::RequestFinished { request, .. } => split(host.requests.remove(request)),
        };
        let Some(pod) = pod else { return };
        let Some(worker) = self.workers.get_mut(&pod).map(Arc::make_mut) else { return };
        match (to, &notice) {
            (RouteTo::Probe(index), Notice::ExecFinished { result, .. }) => {
                worker.probe_exec_ended(usize::from(index), result, host, ctx);
            }
            (RouteTo::Probe(index), Notice::RequestFinished { result, .. }) => {
                worker.probe_request_ended(usize::from(index), result, host, ctx);
            }
            _ => worker.take_notice(&notice, host, ctx),
        }
    }

    pub fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.values().map(|it| &**it)
    }

    pub fn worker(&self, uid: &str) -> Option<&Worker> {
        self.workers.get(self.by_uid.get(uid)?).map(|it| &**it)
    }

    /// For `exec` and `logs`: the newest instance of a container, or the one before it.
    pub fn container(&self, uid: &str, name: &str, previous: bool) -> Option<ContainerId> {
        let worker = self.worker(uid)?;
        worker.made.iter().rev().filter(|it| it.name == name).nth(usize::from(previous)).map(|it| it.id)
    }
}

fn split(route: Option<(PodId, RouteTo)>) -> (Option<PodId>, RouteTo) {
    route.map_or((None, RouteTo::Worker), |(pod, to)| (Some(pod), to))
}

impl Host {
    /// Records an Event. `parent` is the revision that led to it.
    pub(crate) fn tell(
        &mut self,
        regarding: ObjectReference,
        kind: EventKind,
        reason: &str,
        message: String,
        parent: u64,
        ctx: &mut Ctx<'_>,
    ) {
        let occurrence = Occurrence { regarding, kind, reason: reason.to_owned(), message };
        let parent = (parent != 0).then_some(parent);
        self.recorder.record(ctx.api, &self.actor, occurrence, parent, ctx.now);
    }

    /// Drawn when the process started: whatever it does periodically goes by these.
    pub(crate) fn phases(&self) -> (Duration, Duration) {
        (self.relist_phase, self.tick_phase)
    }

    fn at_or_before(phase: Duration, now: SimTime) -> Option<SimTime> {
        let passed = now.as_micros().checked_sub(phase.as_micros() as u64)?;
        Some(SimTime(now.as_micros() - passed % 1_000_000))
    }

    /// The last relist, whether or not it found anything; none while the runtime does not answer.
    pub(crate) fn last_relist(&self, now: SimTime) -> SimTime {
        if self.relist_failed {
            return SimTime::ZERO;
        }
        Host::at_or_before(self.relist_phase, now).unwrap_or(SimTime::ZERO)
    }

    pub(crate) fn next_relist(&self, now: SimTime) -> SimTime {
        Host::at_or_before(self.relist_phase, now).map_or(SimTime::ZERO + self.relist_phase, |it| it + SECOND)
    }

    /// When the kubelet next looks for Pods that are due, at `from` or after.
    pub(crate) fn next_tick(&self, from: SimTime) -> SimTime {
        match Host::at_or_before(self.tick_phase, from) {
            Some(tick) if tick == from => from,
            Some(tick) => tick + SECOND,
            None => SimTime::ZERO + self.tick_phase,
        }
    }

    pub(crate) fn mark_dirty(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.dirty.insert(pod);
        self.plan_relist(ctx);
    }

    fn plan_relist(&mut self, ctx: &mut Ctx<'_>) {
        if !self.relist_planned {
            self.relist_planned = true;
            ctx.outbox.at(self.next_relist(ctx.now), Event::Relist);
        }
    }

    pub(crate) fn expect(&mut self, flight: Flight, pod: PodId, to: RouteTo) {
        match flight {
            Flight::Exec(id) => drop(self.execs.insert(id, (pod, to))),
            Flight::Request(id) => drop(self.requests.insert(id, (pod, to))),
        }
    }

    pub(crate) fn forget(&mut self, flight: Flight) {
        match flight {
            Flight::Exec(id) => drop(self.execs.remove(&id)),
            Flight::Request(id) => drop(self.requests.remove(&id)),
        }
    }
}

/// The Pod that a key names, if it is one.
pub fn pod_key(pod: &Pod) -> ObjectKey {
    ObjectKey::pod(pod::namespace(pod), pod::name(pod))
}

#[cfg(test)]
mod tests;
