//! The control plane: messages under way, Pods that wait for a node.

use std::collections::VecDeque;
use std::sync::Arc;

use api::{ObjectKey, Pod};
use cluster::Cluster;
use sim::{Gather as _, Sort as _};

use super::{decision, queue};
use crate::frame::{Hop, ObjectRef, Pending, Plane};

/// Messages that a frame carries at the most.
const HOPS_SHOWN: usize = 40;
const PENDING_SHOWN: usize = 50;
/// A message stays in the frame for this long after its arrival, so that slow eyes see its end.
const LINGER: u64 = 250_000;

pub fn plane(cluster: &Cluster, hops: &VecDeque<Hop>) -> Plane {
    let now = cluster.now().0;
    let under_way = |it: &&Hop| it.started <= now && now <= it.ends + LINGER;
    let mut shown: Vec<Hop> =
        hops.iter().rev().take(HOPS_SHOWN * 8).filter(under_way).take(HOPS_SHOWN).cloned().gather();
    shown.reverse();
    let last_request = shown.iter().rev().find(|it| it.to == crate::frame::Station::ApiServer);
    Plane {
        revision: cluster.api().store().revision(),
        last_request: last_request.map(|it| format!("{} {}", it.verb, it.subject.kind.to_ascii_lowercase())),
        hops: shown,
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
    found.put_in_order_by_key(|it| it.0);
    found.into_iter().map(|it| it.1).gather()
}

fn waits(pod: &Pod) -> bool {
    let placed = pod.spec.as_ref().and_then(|it| it.node_name.as_deref()).is_some_and(|it| !it.is_empty());
    !placed && pod.metadata.deletion_timestamp.is_none()
}

fn pending_pod(cluster: &Cluster, pod: &Pod) -> Option<Pending> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    let name = pod.metadata.name.as_deref().unwrap_or("");
    let gates = queue::gates(pod);
    let base = Pending {
        pod: ObjectRef::pod(namespace, name),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        since: pod.metadata.creation_timestamp.as_ref().map_or(0, |it| api::time::sim_time(it).0),
        gates,
        nominated: pod
            .status
            .as_ref()
            .and_then(|it| it.nominated_node_name.clone())
            .filter(|it| !it.is_empty()),
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
    let message = attempt.decision.message.clone();
    let decision::Parts { head, clauses, tail, tail_clauses } = decision::clauses(&attempt.decision);
    Some(Pending { message, head, clauses, tail, tail_clauses, ..base })
}
