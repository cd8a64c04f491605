//! The component: watches the cluster, takes one Pod after the other, binds it or tells why not.

use std::sync::Arc;
use std::time::Duration;

use api::k8s_openapi::api::core::v1::PodCondition;
use api::{Actor, Because, Cause, Object, ObjectKey, Pod};
use apiserver::{ApiServer, DeleteOptions};
use sim::{Outbox, Rng, SimTime, VecMap, VecSet, latency};

use crate::decision::{Decision, Outcome};
use crate::pod_info::{PodInfo, PodKey};
use crate::queue::{Queue, QueuedPod};
use crate::recorder::{Occurrence, Recorder, SCHEDULER_NAME};
use crate::schedule_one::{Options, prepare, schedule_one};
use crate::snapshot::Snapshot;

/// How many decisions are kept to look at.
pub const DECISIONS_MAX: usize = 64;
/// From one Pod to the next.
const CYCLE: Duration = Duration::from_millis(1);
/// Clusters up to this size get every verdict and score explained.
const EXPLAINED_NODES_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The next Pod's turn.
    Cycle,
    /// A decided Pod is bound.
    Bind(PodKey),
    /// Back-off is over, or somebody has waited for too long.
    Timer,
}

pub struct Ctx<'a> {
    pub now: SimTime,
    pub api: &'a mut ApiServer,
    pub rng: &'a mut Rng,
    pub outbox: &'a mut Outbox<Event>,
}

/// A decided Pod that the API server does not know of yet. It takes its room already.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assumed {
    pub node: Arc<str>,
    queued: QueuedPod,
    feasible: u32,
    score: i64,
}

/// A decision and when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub at: SimTime,
    pub decision: Arc<Decision>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scheduler {
    pub(crate) cache: Snapshot,
    pub(crate) queue: Queue,
    pub(crate) assumed: VecMap<PodKey, Assumed>,
    recorder: Recorder,
    /// Oldest first.
    attempts: Vec<Attempt>,
    placing: Option<PodKey>,
    next_start: usize,
    last_cycle: Option<SimTime>,
    cycle_due: Option<SimTime>,
    timer_due: Option<SimTime>,
}

/// Looking in.
impl Scheduler {
    pub fn snapshot(&self) -> &Snapshot {
        &self.cache
    }

    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Decided, not yet bound.
    pub fn assumed(&self) -> &VecMap<PodKey, Assumed> {
        &self.assumed
    }

    /// The last decisions of all Pods, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The last decision about this Pod.
    pub fn last_attempt(&self, pod: &PodKey) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|it| it.decision.pod == *pod)
    }

    /// The Pod that was decided last and is being bound.
    pub fn placing(&self) -> Option<&PodKey> {
        self.placing.as_ref()
    }

    /// What the scheduler would decide about a Pod now. Changes nothing.
    pub fn what_if(&self, pod: &Arc<Pod>) -> Decision {
        let options = Options { explain: true, ..Options::default() };
        schedule_one(&self.cache, &PodInfo::new(pod.clone()), options)
    }
}

impl Scheduler {
    pub fn handle(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Cycle => {
                self.cycle_due = None;
                self.last_cycle = Some(ctx.now);
                self.cycle(ctx);
            }
            Event::Bind(key) => self.bind(&key, ctx),
            Event::Timer => {
                self.timer_due = self.timer_due.filter(|it| ctx.now < *it);
                self.queue.flush(ctx.now);
            }
        }
        self.arrange(ctx);
    }

    /// Asks for the events that what lies in the queue needs.
    pub(crate) fn arrange(&mut self, ctx: &mut Ctx<'_>) {
        if self.cycle_due.is_none() && self.queue.is_ready(ctx.now) {
            let due = self.last_cycle.map_or(ctx.now, |it| ctx.now.max(it + CYCLE));
            self.cycle_due = Some(due);
            ctx.outbox.at(due, Event::Cycle);
        }
        if let Some(due) =
            self.queue.next_due(ctx.now).filter(|due| self.timer_due.is_none_or(|it| *due < it))
        {
            self.timer_due = Some(due);
            ctx.outbox.at(due, Event::Timer);
        }
    }

    fn cycle(&mut self, ctx: &mut Ctx<'_>) {
        let Some(queued) = self.queue.pop(ctx.now) else { return };
        let current = ctx.api.pod(&queued.info.key.namespace, &queued.info.key.name);
        let fine = current.is_some_and(|it| {
            it.metadata.uid == queued.info.pod.metadata.uid && it.metadata.deletion_timestamp.is_none()
        });
        if !fine {
            self.cache.remove_nomination(&queued.info.key);
            return;
        }
        prepare(&mut self.cache, &queued.info);
        let nodes = self.cache.nodes().len();
        let options = Options {
            start: self.next_start,
            tie: ctx.rng.next_u64(),
            explain: nodes <= EXPLAINED_NODES_MAX,
        };
        let decision = Arc::new(schedule_one(&self.cache, &queued.info, options));
        self.next_start = (self.next_start + decision.examined).checked_rem(nodes).unwrap_or(0);
        if self.attempts.len() == DECISIONS_MAX {
            self.attempts.remove(0);
        }
        self.attempts.push(Attempt { at: ctx.now, decision: decision.clone() });
        self.placing = Some(queued.info.key.clone());
        match &decision.chosen {
            Some(node) if decision.outcome == Outcome::Scheduled => self.assume(queued, node, &decision, ctx),
            _ => self.fail(queued, &decision, ctx),
        }
    }

    fn assume(&mut self, queued: QueuedPod, node: &Arc<str>, decision: &Decision, ctx: &mut Ctx<'_>) {
        let key = queued.info.key.clone();
        self.cache.remove_nomination(&key);
        self.cache.add_pod(queued.info.clone(), node);
        let score = decision.scores.total.iter().copied().max().unwrap_or(0);
        let assumed = Assumed { node: node.clone(), queued, feasible: decision.feasible as u32, score };
        self.assumed.insert(key.clone(), assumed);
        ctx.outbox.at(ctx.now + latency::SCHEDULE.draw(ctx.rng), Event::Bind(key));
    }

    fn bind(&mut self, key: &PodKey, ctx: &mut Ctx<'_>) {
        if self.placing.as_ref() == Some(key) {
            self.placing = None;
        }
        let Some(assumed) = self.assumed.get(key).cloned() else { return };
        let same = ctx
            .api
            .pod(&key.namespace, &key.name)
            .is_some_and(|it| it.metadata.uid == assumed.queued.info.pod.metadata.uid);
        let because =
            Because::Bound { node: assumed.node.clone(), feasible: assumed.feasible, score: assumed.score };
        let cause = Cause { by: Actor::Scheduler, because, parent: assumed.queued.revision };
        if same && ctx.api.bind(key, &assumed.node, cause, ctx.now).is_ok() {
            let parent = ctx.api.stored(key).map(|it| it.revision);
            let note = format!("Successfully assigned {}/{} to {}", key.namespace, key.name, assumed.node);
            let occurrence = Occurrence {
                regarding: &assumed.queued.info.pod,
                related: None,
                warning: false,
                reason: "Scheduled",
                action: "Binding",
                note,
            };
            self.recorder.record(ctx.api, occurrence, parent, ctx.now);
            return;
        }
        // Somebody was faster. Its room is free again; if the Pod still waits it is tried again.
        self.assumed.remove(key);
        self.cache.remove_pod(key);
        let waits = ctx.api.pod(&key.namespace, &key.name).filter(|_| same);
        if waits.is_some_and(|it| it.spec.as_ref().is_none_or(|it| it.node_name.is_none())) {
            self.queue.put_back(assumed.queued, VecSet::new(), ctx.now);
        }
    }

    // Follows kubernetes v1.36 pkg/scheduler/schedule_one.go: handleSchedulingFailure.
    fn fail(&mut self, queued: QueuedPod, decision: &Decision, ctx: &mut Ctx<'_>) {
        let (info, parent) = (queued.info.clone(), queued.revision);
        self.queue.put_back(queued, decision.unschedulable_plugins.clone(), ctx.now);
        // A preemption that helps nowhere takes an older claim back; one that was not tried leaves it.
        let tried = decision.preemption.as_ref().filter(|it| it.not_eligible.is_none());
        let nomination = tried.filter(|_| decision.pre_filter.is_none()).map(|it| it.nominated.clone());
        match &nomination {
            Some(Some(node)) => self.cache.nominate(info.clone(), node),
            Some(None) => self.cache.remove_nomination(&info.key),
            None => {}
        }
        let occurrence = Occurrence {
            regarding: &info.pod,
            related: None,
            warning: true,
            reason: "FailedScheduling",
            action: "Scheduling",
            note: decision.event_note(),
        };
        self.recorder.record(ctx.api, occurrence, parent, ctx.now);
        let claim = nomination.as_ref().map(|it| it.as_deref());
        set_unschedulable(&info.key, &decision.message, claim, parent, ctx);
        if claim.is_some_and(|it| it.is_some()) {
            self.preempt(&info, decision, ctx);
        }
    }

    // Follows kubernetes v1.36 pkg/scheduler/framework/preemption/executor.go: PreemptPod.
    fn preempt(&mut self, by: &PodInfo, decision: &Decision, ctx: &mut Ctx<'_>) {
        let Some(preemption) = &decision.preemption else { return };
        let Some(node) = &preemption.nominated else { return };
        let uid = by.pod.metadata.uid.as_deref().unwrap_or("");
        let parent = ctx.api.stored(&by.key).map(|it| it.revision);
        let because = Because::Preempted { by: by.full_name().into() };
        let cause = Cause { by: Actor::Scheduler, because, parent };
        for key in &preemption.cleared_nominations {
            self.cache.remove_nomination(key);
            change_status(key, cause.clone(), ctx, |status| status.nominated_node_name = None);
        }
        for key in &preemption.fresh_victims {
            let Some(victim) = ctx.api.pod(&key.namespace, &key.name).cloned() else { continue };
            let message = format!("{SCHEDULER_NAME}: preempting to accommodate a higher priority pod");
            let time = api::time::time(ctx.now);
            let generation = victim.metadata.generation;
            change_status(key, cause.clone(), ctx, |status| {
                let condition = PodCondition {
                    type_: "DisruptionTarget".to_owned(),
                    status: "True".to_owned(),
                    reason: Some("PreemptionByScheduler".to_owned()),
                    message: Some(message),
                    last_transition_time: Some(time),
                    observed_generation: generation,
                    ..PodCondition::default()
                };
                set_condition(status.conditions.get_or_insert_default(), condition);
            });
            if ctx.api.delete(key, &DeleteOptions::default(), cause.clone(), ctx.now).is_err() {
                continue;
            }
            let occurrence = Occurrence {
                regarding: &victim,
                related: Some(&by.pod),
                warning: false,
                reason: "Preempted",
                action: "Preempting",
                note: format!("Preempted by pod {uid} on node {node}"),
            };
            self.recorder.record(ctx.api, occurrence, parent, ctx.now);
        }
    }
}

fn change_status(
    key: &ObjectKey,
    cause: Cause,
    ctx: &mut Ctx<'_>,
    change: impl FnOnce(&mut api::k8s_openapi::api::core::v1::PodStatus),
) {
    let Some(Object::Pod(pod)) = ctx.api.get(key) else { return };
    let mut pod = (**pod).clone();
    change(pod.status.get_or_insert_default());
    // It fails only when the Pod has gone meanwhile, and then there is nothing left to tell.
    let _ = ctx.api.update_status(pod.into(), cause, ctx.now);
}

/// `claim`: what nominatedNodeName becomes; `None` leaves it.
#[expect(clippy::option_option, reason = "left alone, cleared, or set: three orders")]
fn set_unschedulable(
    key: &ObjectKey,
    message: &str,
    claim: Option<Option<&str>>,
    parent: Option<u64>,
    ctx: &mut Ctx<'_>,
) {
    let cause = Cause { by: Actor::Scheduler, because: Because::NoNodeFits, parent };
    let generation = ctx.api.pod(&key.namespace, &key.name).and_then(|it| it.metadata.generation);
    let condition = PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "False".to_owned(),
        reason: Some("Unschedulable".to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(api::time::time(ctx.now)),
        observed_generation: generation,
        ..PodCondition::default()
    };
    change_status(key, cause, ctx, |status| {
        set_condition(status.conditions.get_or_insert_default(), condition);
        if let Some(node) = claim {
            status.nominated_node_name = node.map(str::to_owned);
        }
    });
}

/// The time of transition stays while the status does.
fn set_condition(conditions: &mut Vec<PodCondition>, mut condition: PodCondition) {
    match conditions.iter_mut().find(|it| it.type_ == condition.type_) {
        Some(old) => {
            if old.status == condition.status {
                condition.last_transition_time = old.last_transition_time.clone();
            }
            *old = condition;
        }
        None => conditions.push(condition),
    }
}
