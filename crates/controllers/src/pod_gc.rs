//! Removes Pods that belong to nothing any more.
//!
//! Follows kubernetes v1.36 pkg/controller/podgc/gc_controller.go: gcTerminating, gcOrphaned,
//! gcUnscheduledTerminating. DIFFERENCE: no limit of terminated Pods (12,500 there).

use std::sync::Arc;
use std::time::Duration;

use api::{Because, Kind, Object, ObjectKey, Pod};
use apiserver::DeleteOptions;
use sim::{SimTime, VecMap};

use crate::plan::{Note, Reconciled, Request, View};
use crate::{pods, taints};

/// A node that is missing may only be late: it is looked for again after this.
const QUARANTINE: Duration = Duration::from_secs(40);
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Nodes that Pods name and that do not exist, with the time when that was first seen.
pub(crate) type MissingNodes = VecMap<String, SimTime>;

pub(crate) fn collect(view: &View<'_>, now: SimTime) -> Reconciled {
    let mut plan = Reconciled::default();
    let old = &view.memory.missing_nodes;
    let mut missing = MissingNodes::new();
    for name in view.index.nodes_in_use() {
        match view.get(&ObjectKey::node(name)).and_then(Object::as_node) {
            Some(node) if out_of_service(node) => {
                for pod in view.index.on_node(name).filter_map(|it| view.get(it)?.as_pod()) {
                    if pod.metadata.deletion_timestamp.is_some() {
                        remove(pod, false, now, &mut plan);
                    }
                }
            }
            Some(_) => {}
            None => match old.get(name) {
                Some(since) if QUARANTINE <= now - *since => {
                    for pod in view.index.on_node(name).filter_map(|it| view.get(it)?.as_pod()) {
                        remove(pod, true, now, &mut plan);
                    }
                }
                since => {
                    missing.insert(name.to_owned(), since.copied().unwrap_or(now));
                }
            },
        }
    }
    if missing != *old {
        plan.notes.push(Note::MissingNodes(missing));
    }
    for pod in view.store.list(Kind::Pod).filter_map(|it| it.object.as_pod()) {
        if pod.metadata.deletion_timestamp.is_some() && pods::node_name(pod).is_empty() {
            remove(pod, false, now, &mut plan);
        }
    }
    plan
}

fn out_of_service(node: &api::Node) -> bool {
    let conditions = node.status.as_ref().and_then(|it| it.conditions.as_ref()).into_iter().flatten();
    let is_ready = conditions.into_iter().any(|it| it.type_ == "Ready" && it.status == "True");
    !is_ready && taints::of(node).iter().any(|it| it.key == OUT_OF_SERVICE)
}

fn remove(pod: &Arc<Pod>, node_gone: bool, now: SimTime, plan: &mut Reconciled) {
    let key = Object::from(pod.clone()).key();
    if !pods::is_terminal(pod) {
        let mut pod = pod.clone();
        let fresh = Arc::make_mut(&mut pod);
        let generation = fresh.metadata.generation;
        let status = fresh.status.get_or_insert_default();
        status.phase = Some("Failed".to_owned());
        status.observed_generation = generation;
        if node_gone {
            let (reason, message) = ("DeletionByPodGC", "PodGC: node no longer exists");
            pods::set_condition(fresh, "DisruptionTarget", reason, message, now);
        }
        plan.push(Request::UpdateStatus(pod.into()), Because::PodGarbage);
    }
    let at_once = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    plan.push(Request::Delete(key, at_once), Because::PodGarbage);
}
