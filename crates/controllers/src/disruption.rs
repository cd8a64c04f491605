//! Counts how many Pods of a disruption budget may go now.
//!
//! Follows kubernetes v1.36 pkg/controller/disruption/disruption.go: trySync, getExpectedPodCount, countHealthyPods,
//! buildDisruptedPodMap, updatePdbStatus.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::codec::same;
use api::k8s_openapi::api::policy::v1::PodDisruptionBudgetStatus;
use api::k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use api::selector::label_selector_matches;
use api::{Because, IntOrString, Kind, Object, ObjectKey, Pod, PodDisruptionBudget, Time};
use apiserver::{Change, WatchEvent};
use sim::{Gather as _, SimTime, VecMap};

use crate::plan::{Reconciled, Request, Tell, View};
use crate::{Controller, Wakes, ownership, pods};

/// A Pod that was evicted and is still there after this counts again.
const DELETION_TIMEOUT: Duration = Duration::from_mins(2);

pub(crate) fn wakes(view: &View<'_>, event: &WatchEvent, wake: &mut Wakes) {
    match &event.object {
        Object::PodDisruptionBudget(_) if event.change != Change::Deleted => {
            wake.now(Controller::Disruption, event.key.clone());
        }
        Object::Pod(pod) => {
            let before = event.before.as_ref().and_then(Object::as_pod);
            let same = before.is_some_and(|it| {
                it.metadata.labels == pod.metadata.labels
                    && it.metadata.deletion_timestamp == pod.metadata.deletion_timestamp
                    && pods::is_ready(it) == pods::is_ready(pod)
            });
            if same && event.change == Change::Modified {
                return;
            }
            for (key, _) in budgets_of(view, pod) {
                wake.now(Controller::Disruption, key);
            }
        }
        // What is expected depends on the size of the owner.
        Object::ReplicaSet(set) if event.change == Change::Modified => {
            let uid = set.metadata.uid.as_deref().unwrap_or("");
            let first = view.index.dependents(uid).find_map(|it| view.get(it)?.as_pod());
            for (key, _) in first.into_iter().flat_map(|it| budgets_of(view, it)) {
                wake.now(Controller::Disruption, key);
            }
        }
        _ => {}
    }
}

fn budgets_of<'a>(
    view: &'a View<'_>,
    pod: &'a Pod,
) -> impl Iterator<Item = (ObjectKey, &'a Arc<PodDisruptionBudget>)> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    view.store.list_in(Kind::PodDisruptionBudget, namespace).filter_map(|it| match &it.object {
        Object::PodDisruptionBudget(budget) if selects(budget, pod) => Some((it.object.key(), budget)),
        _ => None,
    })
}

fn selects(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|it| it.selector.as_ref());
    label_selector_matches(selector, pod.metadata.labels.as_ref())
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey, now: SimTime) -> Reconciled {
    let mut plan = Reconciled::default();
    let Some(Object::PodDisruptionBudget(budget)) = view.get(key) else { return plan };
    let pods: Vec<&Arc<Pod>> = view
        .store
        .list_in(Kind::Pod, &key.namespace)
        .filter_map(|it| it.object.as_pod())
        .filter(|it| selects(budget, it))
        .gather();
    if pods.is_empty() {
        let regarding = ownership::reference(Kind::PodDisruptionBudget, &budget.metadata);
        plan.tell(Tell::normal(regarding, "NoPods", "No matching pods found".to_owned()));
    }
    let (expected, desired) = expectations(view, budget, &pods);
    let disrupted = still_disrupted(budget, &pods, now, &mut plan);
    let is_healthy = |pod: &Pod| {
        let name = pod.metadata.name.as_deref().unwrap_or("");
        pod.metadata.deletion_timestamp.is_none() && !disrupted.contains_key(name) && pods::is_ready(pod)
    };
    let healthy = pods.iter().filter(|it| is_healthy(it)).count() as i32;
    let allowed = if 0 < expected { (healthy - desired).max(0) } else { 0 };
    let old = budget.status.clone().unwrap_or_default();
    let status = PodDisruptionBudgetStatus {
        observed_generation: budget.metadata.generation,
        disruptions_allowed: Some(allowed),
        current_healthy: Some(healthy),
        desired_healthy: Some(desired),
        expected_pods: Some(expected),
        conditions: Some(conditions(&old, allowed, budget.metadata.generation, now)),
        disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
    };
    if !same(&status, &old) {
        let mut budget = (**budget).clone();
        budget.status = Some(status);
        plan.push(Request::UpdateStatus(budget.into()), Because::Housekeeping);
    }
    plan
}

/// How many Pods there should be, and how many of them must be healthy.
fn expectations(view: &View<'_>, budget: &PodDisruptionBudget, pods: &[&Arc<Pod>]) -> (i32, i32) {
    let spec = budget.spec.as_ref();
    let (least, most) =
        (spec.and_then(|it| it.min_available.as_ref()), spec.and_then(|it| it.max_unavailable.as_ref()));
    match (most, least) {
        (Some(most), _) => {
            let expected = owners_scale(view, pods);
            (expected, (expected - scaled_up(most, expected)).max(0))
        }
        (None, Some(IntOrString::Int(least))) => (pods.len() as i32, *least),
        (None, Some(least)) => {
            let expected = owners_scale(view, pods);
            (expected, scaled_up(least, expected))
        }
        (None, None) => (0, 0),
    }
}

fn scaled_up(value: &IntOrString, total: i32) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            (percent * i64::from(total) + 99).div_euclid(100) as i32
        }
    }
}

/// The sizes that the Pods' owners ask for, each owner once; a ReplicaSet speaks for its Deployment.
fn owners_scale(view: &View<'_>, pods: &[&Arc<Pod>]) -> i32 {
    let mut scales: VecMap<String, i32> = VecMap::new();
    for pod in pods {
        let Some(set) = ownership::resolve_controller(view, &pod.metadata, Kind::ReplicaSet) else {
            continue;
        };
        let Some(Object::ReplicaSet(set)) = view.get(&set) else { continue };
        let deployment = ownership::resolve_controller(view, &set.metadata, Kind::Deployment);
        let (uid, scale) = match deployment.as_ref().and_then(|it| view.get(it)) {
            Some(Object::Deployment(it)) => {
                (it.metadata.uid.clone(), it.spec.as_ref().and_then(|it| it.replicas).unwrap_or(1))
            }
            _ => (set.metadata.uid.clone(), crate::replicaset::wanted(set)),
        };
        scales.insert(uid.unwrap_or_default(), scale);
    }
    scales.values().sum()
}

/// Pods whose eviction was granted and that are not marked for deletion yet.
fn still_disrupted(
    budget: &PodDisruptionBudget,
    pods: &[&Arc<Pod>],
    now: SimTime,
    plan: &mut Reconciled,
) -> BTreeMap<String, Time> {
    let granted = budget.status.as_ref().and_then(|it| it.disrupted_pods.as_ref());
    let mut left = BTreeMap::new();
    for (name, time) in granted.into_iter().flatten() {
        let waits = pods
            .iter()
            .any(|it| it.metadata.name.as_ref() == Some(name) && it.metadata.deletion_timestamp.is_none());
        let end = api::time::sim_time(time) + DELETION_TIMEOUT;
        if waits && now <= end {
            plan.again_in(end - now);
            left.insert(name.clone(), time.clone());
        }
    }
    left
}

fn conditions(
    old: &PodDisruptionBudgetStatus,
    allowed: i32,
    generation: Option<i64>,
    now: SimTime,
) -> Vec<Condition> {
    let (status, reason) =
        if 0 < allowed { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let known = old.conditions.iter().flatten().find(|it| it.type_ == "DisruptionAllowed");
    let since = known.filter(|it| it.status == status).map(|it| it.last_transition_time.clone());
    vec![Condition {
        type_: "DisruptionAllowed".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: String::new(),
        observed_generation: generation,
        last_transition_time: since.unwrap_or_else(|| api::time::time(now)),
    }]
}
