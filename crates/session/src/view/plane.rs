//! The control plane: messages under way, the scheduler's lanes, Pods that wait for a node.

use std::collections::VecDeque;
use std::sync::Arc;

use api::{ObjectKey, Pod};
use cluster::Cluster;
use scheduler::{Lane as Place, QueuedPod};

use super::decision;
use crate::frame::{Hop, Lane, Micros, ObjectRef, Pending, Plane, Scheduler};

/// Messages that a frame carries at the most.
const HOPS_SHOWN: usize = 40;
const LANE_SHOWN: usize = 8;
const PENDING_SHOWN: usize = 50;
/// A message stays in the frame for this long after its arrival, so that slow eyes see its end.
const LINGER: u64 = 250_000;

pub fn plane(cluster: &Cluster, hops: &VecDeque<Hop>) -> Plane {
    let now = cluster.now().0;
    let under_way = |it: &&Hop| it.started <= now && now <= it.ends + LINGER;
    let mut shown: Vec<Hop> =
        hops.iter().rev().take(HOPS_SHOWN * 8).filter(under_way).take(HOPS_SHOWN).cloned().collect();
    shown.reverse();
    let last_request = shown.iter().rev().find(|it| it.to == crate::frame::Station::ApiServer);
    Plane {
        revision: cluster.api().store().revision(),
        last_request: last_request.map(|it| format!("{} {}", it.verb, it.subject.kind.to_lowercase())),
        hops: shown,
    }
}

pub fn scheduler(cluster: &Cluster) -> Scheduler {
    let queue = cluster.scheduler().queue();
    let mut lanes = Scheduler::default();
    let mut add = |lane: fn(&mut Scheduler) -> &mut Lane, pod: &QueuedPod, next: Option<Micros>| {
        let lane = lane(&mut lanes);
        lane.count += 1;
        if lane.pods.len() < LANE_SHOWN {
            lane.pods.push(decision::pod_ref(&pod.info.key));
        }
        lane.next = [lane.next, next].into_iter().flatten().min();
    };
    for pod in queue.active() {
        add(|it| &mut it.active, pod, None);
    }
    for pod in queue.pods() {
        match &pod.lane {
            Place::Active => {}
            Place::Backoff { until, .. } => add(|it| &mut it.backoff, pod, Some(until.0)),
            Place::Unschedulable => add(|it| &mut it.unschedulable, pod, None),
            Place::Gated { .. } => add(|it| &mut it.gated, pod, None),
        }
    }
    // A Pod that is decided and not yet bound is the scheduler's work still.
    for key in cluster.scheduler().assumed().keys() {
        lanes.active.count += 1;
        if lanes.active.pods.len() < LANE_SHOWN {
            lanes.active.pods.push(decision::pod_ref(key));
        }
    }
    lanes.placing = cluster.scheduler().placing().map(decision::pod_ref);
    lanes
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

/// Pods without a node for which the scheduler has an answer, those that wait longest first.
pub fn pending(cluster: &Cluster) -> Vec<Arc<Pending>> {
    let mut found: Vec<(u64, Arc<Pending>)> = Vec::new();
    for pod in cluster.api().pods().filter(|it| waits(it)).take(PENDING_SHOWN) {
        if let Some(pending) = pending_pod(cluster, pod) {
            found.push((pending.since, Arc::new(pending)));
        }
    }
    found.sort_by_key(|it| it.0);
    found.into_iter().map(|it| it.1).collect()
}

fn waits(pod: &Pod) -> bool {
    let placed = pod.spec.as_ref().and_then(|it| it.node_name.as_deref()).is_some_and(|it| !it.is_empty());
    !placed && pod.metadata.deletion_timestamp.is_none()
}

fn pending_pod(cluster: &Cluster, pod: &Pod) -> Option<Pending> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    let name = pod.metadata.name.as_deref().unwrap_or("");
    let gates: Vec<String> = pod
        .spec
        .iter()
        .flat_map(|it| it.scheduling_gates.iter().flatten())
        .map(|it| it.name.clone())
        .collect();
    let base = Pending {
        pod: ObjectRef::pod(namespace, name),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        since: pod.metadata.creation_timestamp.as_ref().map_or(0, |it| api::time::sim_time(it).0),
        gates,
        ..Pending::default()
    };
    let attempt = cluster
        .scheduler()
        .last_attempt(&ObjectKey::pod(namespace, name))
        .filter(|it| it.decision.chosen.is_none());
    let Some(attempt) = attempt else {
        // The condition tells of an attempt that is no longer kept.
        let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_deref()).unwrap_or_default();
        let said = conditions.iter().find(|it| it.type_ == "PodScheduled").and_then(|it| it.message.clone());
        return (said.is_some() || !base.gates.is_empty()).then(|| {
            let message = said.unwrap_or_default();
            Pending { head: message.clone(), message, ..base }
        });
    };
    let (head, clauses, tail) = decision::clauses(&attempt.decision);
    let remedies = decision::remedies(&attempt.decision, cluster.api());
    Some(Pending { message: attempt.decision.message.clone(), head, clauses, tail, remedies, ..base })
}
