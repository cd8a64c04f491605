//! The scheduler's queue: who waits in which lane, and for what.

use api::{ObjectKey, Pod};
use cluster::Cluster;
use scheduler::{Lane as Place, QueuedPod, WakeEvent, flushed_at};
use sim::Gather as _;

use super::decision;
use crate::frame::{Lane, Micros, Queued, Scheduler};

const LANE_SHOWN: usize = 12;

pub fn scheduler(cluster: &Cluster) -> Scheduler {
    let queue = cluster.scheduler().queue();
    let mut lanes = Scheduler::default();
    for pod in queue.active() {
        add(&mut lanes.active, queued(pod), None);
    }
    for pod in queue.pods() {
        match &pod.lane {
            Place::Active => {}
            Place::Backoff { until, .. } => add(&mut lanes.backoff, queued(pod), Some(until.0)),
            Place::Unschedulable => add(&mut lanes.unschedulable, queued(pod), None),
            Place::Gated { .. } => add(&mut lanes.gated, queued(pod), None),
        }
    }
    // A Pod that is decided and not yet bound is the scheduler's work still.
    for key in cluster.scheduler().assumed().keys() {
        let card = Queued { pod: decision::pod_ref(key), binding: true, ..Queued::default() };
        add(&mut lanes.active, card, None);
    }
    lanes.decided = cluster.scheduler().attempts().last().map(|it| decision::pod_ref(&it.decision.pod));
    lanes.placing = cluster.scheduler().placing().map(decision::pod_ref);
    lanes
}

fn add(lane: &mut Lane, card: Queued, next: Option<Micros>) {
    lane.count += 1;
    if lane.pods.len() < LANE_SHOWN {
        lane.pods.push(card);
    }
    lane.next = [lane.next, next].into_iter().flatten().min();
}

fn queued(pod: &QueuedPod) -> Queued {
    let by: Vec<String> = match &pod.lane {
        Place::Gated { .. } => gates(&pod.info.pod),
        Place::Active | Place::Backoff { .. } | Place::Unschedulable => {
            pod.plugins.iter().map(|it| (*it).to_owned()).gather()
        }
    };
    let until = match &pod.lane {
        Place::Backoff { until, .. } => Some(until.0),
        Place::Unschedulable => Some(flushed_at(pod.since).0),
        Place::Active | Place::Gated { .. } => None,
    };
    let waits = matches!(pod.lane, Place::Unschedulable | Place::Gated { .. });
    Queued {
        pod: decision::pod_ref(&pod.info.key),
        priority: pod.info.priority,
        attempts: pod.attempts,
        since: pod.since.0,
        until,
        by,
        wakes: if waits { pod.waits_for().into_iter().map(wake).gather() } else { Vec::new() },
        binding: false,
    }
}

pub fn gates(pod: &Pod) -> Vec<String> {
    let gates = pod.spec.iter().flat_map(|it| it.scheduling_gates.iter().flatten());
    gates.map(|it| it.name.clone()).gather()
}

fn wake(event: WakeEvent) -> &'static str {
    match event {
        WakeEvent::NodeAdded => "node_added",
        WakeEvent::NodeDeleted => "node_deleted",
        WakeEvent::NodeLabels => "node_labels",
        WakeEvent::NodeTaints => "node_taints",
        WakeEvent::NodeAllocatable => "node_allocatable",
        WakeEvent::NodeFeatures => "node_features",
        WakeEvent::PodAdded => "pod_added",
        WakeEvent::PodLabels => "pod_labels",
        WakeEvent::PodScaledDown => "pod_scaled_down",
        WakeEvent::PodDeleted => "pod_deleted",
        WakeEvent::OwnTolerations => "own_tolerations",
        WakeEvent::OwnGates => "own_gates",
    }
}

/// When the scheduler looks at a Pod again, if it only waits for time.
pub fn backoff_until(cluster: &Cluster, pod: &Pod) -> Option<Micros> {
    let meta = &pod.metadata;
    let key = ObjectKey::pod(meta.namespace.as_deref()?, meta.name.as_deref()?);
    match cluster.scheduler().queue().get(&key)?.lane {
        Place::Backoff { until, .. } => Some(until.0),
        Place::Active | Place::Unschedulable | Place::Gated { .. } => None,
    }
}
