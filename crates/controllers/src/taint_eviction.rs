//! Deletes Pods that do not tolerate a NoExecute taint of their node, at once or after their `tolerationSeconds`.
//!
//! Follows kubernetes v1.36 pkg/controller/tainteviction/taint_eviction.go: handleNodeUpdate, handlePodUpdate,
//! processPodOnNode, addConditionAndDeletePod.

use std::sync::Arc;
use std::time::Duration;

use api::codec::all_same;
use api::k8s_openapi::api::core::v1::{ObjectReference, Taint, Toleration};
use api::taints::tolerates;
use api::{Because, Kind, Node, Object, ObjectKey, Pod};
use apiserver::{Change, DeleteOptions, WatchEvent};
use sim::{Gather as _, SimTime};

use crate::plan::{Note, Reconciled, Request, Tell, View};
use crate::{Controller, Wakes, pods, taints};

/// A Pod that will be deleted unless its node recovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Scheduled {
    pub(crate) due: SimTime,
}

/// Keys are Nodes whose taints and Pods whose place or tolerations have changed.
pub(crate) fn wakes(view: &View<'_>, event: &WatchEvent, wake: &mut Wakes) {
    match &event.object {
        Object::Node(node) => {
            let before = event.before.as_ref().and_then(Object::as_node);
            let same = before.is_some_and(|it| no_execute(it).eq(no_execute(node)));
            if event.change != Change::Deleted && !same {
                wake.now(Controller::TaintEviction, event.key.clone());
            }
        }
        Object::Pod(pod) => {
            if event.change == Change::Deleted {
                if view.memory.evictions.contains_key(&event.key) {
                    wake.now(Controller::TaintEviction, event.key.clone());
                }
                return;
            }
            let before = event.before.as_ref().and_then(Object::as_pod);
            let same = before.is_some_and(|it| {
                pods::node_name(it) == pods::node_name(pod)
                    && all_same(taints::tolerations(it), taints::tolerations(pod))
            });
            let node = view.get(&ObjectKey::node(pods::node_name(pod))).and_then(Object::as_node);
            if !same && node.is_some_and(|it| no_execute(it).next().is_some()) {
                wake.now(Controller::TaintEviction, event.key.clone());
            }
        }
        _ => {}
    }
}

fn no_execute(node: &Node) -> impl Iterator<Item = &Taint> {
    taints::of(node).iter().filter(|it| it.effect == taints::NO_EXECUTE)
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey, now: SimTime) -> Reconciled {
    let mut plan = Reconciled::default();
    match view.get(key) {
        Some(Object::Node(node)) => {
            for pod in view.index.on_node(&key.name).filter_map(|it| view.get(it)?.as_pod()) {
                judge(view, pod, node, now, &mut plan);
            }
        }
        Some(Object::Pod(pod)) => {
            let node = view.get(&ObjectKey::node(pods::node_name(pod))).and_then(Object::as_node);
            if let Some(node) = node
                && no_execute(node).next().is_some()
            {
                judge(view, pod, node, now, &mut plan);
            }
        }
        // Deleted while it waited for its eviction.
        _ => cancel(view, key, &mut plan),
    }
    plan
}

fn judge(view: &View<'_>, pod: &Arc<Pod>, node: &Node, now: SimTime, plan: &mut Reconciled) {
    let key = Object::from(pod.clone()).key();
    let taints: Vec<&Taint> = no_execute(node).gather();
    let scheduled = view.memory.evictions.get(&key).copied();
    if taints.is_empty() {
        cancel(view, &key, plan);
        return;
    }
    let bears = |taint: &&Taint| taints::tolerations(pod).iter().find(|it| tolerates(it, taint));
    let used: Vec<&Toleration> = taints.iter().filter_map(bears).gather();
    if used.len() < taints.len() {
        let taint = taints.iter().find(|it| bears(it).is_none()).expect("one is not borne");
        cancel(view, &key, plan);
        evict(pod, &key, taint, now, plan);
        return;
    }
    let Some(seconds) = used.iter().filter_map(|it| it.toleration_seconds).min() else {
        cancel(view, &key, plan);
        return;
    };
    let wait = Duration::from_secs(seconds.max(0) as u64);
    let due = scheduled.map_or(now + wait, |it| it.due);
    if due <= now {
        let shortest = used.iter().position(|it| it.toleration_seconds == Some(seconds)).unwrap_or(0);
        evict(pod, &key, taints[shortest], now, plan);
    } else {
        if scheduled.is_none() {
            plan.notes.push(Note::Evict(key.clone(), Some(Scheduled { due })));
        }
        plan.later.push((key, due - now));
    }
}

/// The Event comes first, then the condition, then the deletion.
fn evict(pod: &Arc<Pod>, key: &ObjectKey, taint: &Taint, now: SimTime, plan: &mut Reconciled) {
    plan.notes.push(Note::Evict(key.clone(), None));
    plan.tell(Tell::normal(
        reference(key),
        REASON,
        format!("Marking for deletion Pod {}/{}", key.namespace, key.name),
    ));
    let because = Because::TaintEviction { taint: format!("{}:{}", taint.key, taint.effect).into() };
    let mut pod = pod.clone();
    pods::set_condition(Arc::make_mut(&mut pod), "DisruptionTarget", TAINT_MANAGER.0, TAINT_MANAGER.1, now);
    plan.push(Request::UpdateStatus(pod.into()), because.clone());
    plan.push(Request::Delete(key.clone(), DeleteOptions::default()), because);
}

const REASON: &str = "TaintManagerEviction";
/// Reason and message of the DisruptionTarget condition.
const TAINT_MANAGER: (&str, &str) =
    ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint");

fn cancel(view: &View<'_>, key: &ObjectKey, plan: &mut Reconciled) {
    if view.memory.evictions.contains_key(key) {
        plan.notes.push(Note::Evict(key.clone(), None));
        let message = format!("Cancelling deletion of Pod {}/{}", key.namespace, key.name);
        plan.tell(Tell::normal(reference(key), REASON, message));
    }
}

/// This controller names a Pod without its uid.
fn reference(key: &ObjectKey) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some(Kind::Pod.name().to_owned()),
        namespace: Some(key.namespace.to_string()),
        name: Some(key.name.to_string()),
        ..ObjectReference::default()
    }
}
