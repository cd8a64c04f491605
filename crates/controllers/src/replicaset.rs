//! Keeps as many Pods of a template as asked for.
//!
//! Follows kubernetes v1.36 pkg/controller/replicaset/replica_set.go: syncReplicaSet, manageReplicas,
//! getPodsRankedByRelatedPodsOnSameNode, and pkg/controller/controller_utils.go: ActivePodsWithRanks.
//! DIFFERENCE: no expectations, because the indexes already hold what this controller wrote a moment ago.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use api::codec::same;
use api::k8s_openapi::api::apps::v1::{ReplicaSetCondition, ReplicaSetStatus};
use api::selector::{is_subset, label_selector_matches};
use api::{Because, Kind, Object, ObjectKey, ObjectMeta, OwnerReference, Pod, ReplicaSet};
use apiserver::{Change, DeleteOptions, WatchEvent};
use sim::{Gather as _, SimTime, Sort as _, VecMap};

use crate::plan::{Reconciled, Request, Tell, View};
use crate::{Controller, Wakes, ownership, pods};

/// Creations or deletions in one look at a ReplicaSet.
const BURST_REPLICAS: usize = 500;

pub(crate) fn wakes(view: &View<'_>, event: &WatchEvent, wake: &mut Wakes) {
    match &event.object {
        Object::ReplicaSet(_) => wake.now(Controller::ReplicaSet, event.key.clone()),
        Object::Pod(pod) => wake_for_pod(view, event, pod, wake),
        _ => {}
    }
}

fn wake_for_pod(view: &View<'_>, event: &WatchEvent, pod: &Pod, wake: &mut Wakes) {
    let owner = ownership::resolve_controller(view, &pod.metadata, Kind::ReplicaSet);
    let before = event.before.as_ref().map(Object::metadata);
    let former = before.and_then(|it| ownership::resolve_controller(view, it, Kind::ReplicaSet));
    if let Some(former) = former.filter(|it| Some(it) != owner.as_ref()) {
        wake.now(Controller::ReplicaSet, former);
    }
    if let Some(key) = owner {
        if let Some(Object::ReplicaSet(set)) = view.get(&key) {
            let min_ready = min_ready(set);
            let was_ready =
                event.before.as_ref().and_then(Object::as_pod).is_some_and(|it| pods::is_ready(it));
            if !min_ready.is_zero() && !was_ready && pods::is_ready(pod) {
                wake.after(Controller::ReplicaSet, key.clone(), min_ready + Duration::from_secs(1));
            }
        }
        wake.now(Controller::ReplicaSet, key);
        return;
    }
    // An orphan may be adopted: when it is new, or its labels or its owner have changed.
    let changed = before.is_none_or(|it| {
        it.labels != pod.metadata.labels || !same(&it.owner_references, &pod.metadata.owner_references)
    });
    if ownership::controller_of(&pod.metadata).is_none() && changed && event.change != Change::Deleted {
        for stored in view.store.list_in(Kind::ReplicaSet, &event.key.namespace) {
            if let Object::ReplicaSet(set) = &stored.object
                && selects(set, &pod.metadata)
            {
                wake.now(Controller::ReplicaSet, stored.object.key());
            }
        }
    }
}

fn selects(set: &ReplicaSet, meta: &ObjectMeta) -> bool {
    set.spec.as_ref().is_some_and(|it| label_selector_matches(Some(&it.selector), meta.labels.as_ref()))
}

fn min_ready(set: &ReplicaSet) -> Duration {
    let seconds = set.spec.as_ref().and_then(|it| it.min_ready_seconds).unwrap_or(0);
    Duration::from_secs(seconds.max(0) as u64)
}

pub(crate) fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|it| it.replicas).unwrap_or(1)
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey, now: SimTime) -> Reconciled {
    let mut plan = Reconciled::default();
    let Some(Object::ReplicaSet(set)) = view.get(key) else { return plan };
    let uid = set.metadata.uid.as_deref().unwrap_or("");
    let owned = view.index.dependents(uid).filter(|it| it.kind == Kind::Pod);
    let candidates = owned.chain(view.index.orphans(&key.namespace, Kind::Pod));
    let mut active: Vec<Arc<Pod>> = Vec::new();
    let mut terminating = 0;
    for pod in candidates.filter_map(|it| view.get(it)?.as_pod()) {
        let mine = ownership::is_controlled_by(&pod.metadata, uid);
        if pod.metadata.deletion_timestamp.is_some() && !pods::is_terminal(pod) {
            terminating += i32::from(mine && selects(set, &pod.metadata));
        } else if pods::is_active(pod) && claim(set, pod, mine, &mut plan) {
            active.push(pod.clone());
        }
    }
    if set.metadata.deletion_timestamp.is_none() {
        manage(view, set, &mut active, now, &mut plan);
    }
    report(set, &active, terminating, now, &mut plan);
    plan
}

/// Whether the Pod counts; adopts a matching orphan and lets go of a Pod that no longer matches.
fn claim(set: &ReplicaSet, pod: &Arc<Pod>, mine: bool, plan: &mut Reconciled) -> bool {
    let matches = selects(set, &pod.metadata);
    let set_goes = set.metadata.deletion_timestamp.is_some();
    let mut pod = pod.clone();
    match (mine, matches) {
        (true, true) => true,
        (true, false) if !set_goes => {
            let owners = Arc::make_mut(&mut pod).metadata.owner_references.get_or_insert_default();
            owners.retain(|it| Some(&it.uid) != set.metadata.uid.as_ref());
            plan.push(Request::Update(pod.into()), Because::Housekeeping);
            false
        }
        (false, true) if !set_goes && ownership::controller_of(&pod.metadata).is_none() => {
            let owners = Arc::make_mut(&mut pod).metadata.owner_references.get_or_insert_default();
            owners.push(ownership::controller_reference(Kind::ReplicaSet, &set.metadata));
            plan.push(Request::Update(pod.into()), Because::Housekeeping);
            true
        }
        _ => false,
    }
}

fn manage(
    view: &View<'_>,
    set: &Arc<ReplicaSet>,
    active: &mut [Arc<Pod>],
    now: SimTime,
    plan: &mut Reconciled,
) {
    let (found, target) = (active.len(), wanted(set).max(0) as usize);
    let because = Because::Replicas { wanted: target as i32, found: found as i32 };
    let regarding = ownership::reference(Kind::ReplicaSet, &set.metadata);
    if found < target {
        let missing = (target - found).min(BURST_REPLICAS);
        let pod = new_pod(set);
        for number in 0..missing {
            let tell = Tell {
                named: true,
                failed: Some(("FailedCreate", "Error creating: ".to_owned())),
                ..Tell::normal(regarding.clone(), "SuccessfulCreate", "Created pod: ".to_owned())
            };
            plan.push_and_tell(Request::Create(pod.clone()), because.clone(), tell);
            // Batches of 1, 2, 4, …: a Pod that cannot be created is not tried five hundred times.
            let write = plan.writes.last_mut().expect("just pushed");
            write.batch = (number + 1).ilog2();
        }
    } else if target < found {
        let surplus = (found - target).min(BURST_REPLICAS);
        if surplus < found {
            rank_for_deletion(view, set, active, now);
        }
        for pod in &active[..surplus] {
            let name = pod.metadata.name.as_deref().unwrap_or("");
            let key = ObjectKey::pod(&set_namespace(set), name);
            let tell = Tell {
                failed: Some(("FailedDelete", "Error deleting: ".to_owned())),
                ..Tell::normal(regarding.clone(), "SuccessfulDelete", format!("Deleted pod: {name}"))
            };
            plan.push_and_tell(Request::Delete(key, DeleteOptions::default()), because.clone(), tell);
        }
    }
}

fn set_namespace(set: &ReplicaSet) -> String {
    set.metadata.namespace.clone().unwrap_or_default()
}

/// Follows controller_utils.go: GetPodFromTemplate.
fn new_pod(set: &ReplicaSet) -> Object {
    let template = set.spec.as_ref().and_then(|it| it.template.clone()).unwrap_or_default();
    let of_template = template.metadata.unwrap_or_default();
    let name = set.metadata.name.as_deref().unwrap_or("");
    let owner: OwnerReference = ownership::controller_reference(Kind::ReplicaSet, &set.metadata);
    let metadata = ObjectMeta {
        namespace: set.metadata.namespace.clone(),
        generate_name: Some(format!("{name}-")),
        labels: of_template.labels,
        annotations: of_template.annotations,
        finalizers: of_template.finalizers,
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    Pod { metadata, spec: template.spec, status: None }.into()
}

/// Puts first what is to go first.
fn rank_for_deletion(view: &View<'_>, set: &ReplicaSet, active: &mut [Arc<Pod>], now: SimTime) {
    let mut on_node: VecMap<String, usize> = VecMap::new();
    for pod in related_pods(view, set).filter(|it| pods::is_active(it)) {
        *on_node.entry(pods::node_name(pod).to_owned()).or_default() += 1;
    }
    active.put_in_order_by(|a, b| {
        let crowd = |pod: &Pod| on_node.get(pods::node_name(pod)).copied().unwrap_or(0);
        deletion_order((a, crowd(a)), (b, crowd(b)), now)
    });
}

/// The active Pods of all ReplicaSets that the same Deployment owns.
fn related_pods<'a>(view: &'a View<'_>, set: &'a ReplicaSet) -> impl Iterator<Item = &'a Arc<Pod>> {
    let own = set.metadata.uid.clone().unwrap_or_default();
    let owner = ownership::controller_of(&set.metadata).map(|it| it.uid.clone());
    let siblings = owner.into_iter().flat_map(|uid| {
        view.index
            .dependents(&uid)
            .filter(|it| it.kind == Kind::ReplicaSet)
            .filter_map(|it| view.get(it).map(|it| it.uid().to_owned()))
            .gather()
    });
    let mut sets: Vec<String> = siblings.gather();
    if sets.is_empty() {
        sets.push(own);
    }
    sets.into_iter()
        .flat_map(|uid| view.index.dependents(&uid).gather())
        .filter_map(|it| view.get(it)?.as_pod())
}

/// Follows ActivePodsWithRanks.Less: unassigned before assigned, Pending before Running, not ready before ready, low
/// deletion cost first, crowded nodes first, then (by powers of two of their age) the younger, more restarts first.
fn deletion_order(
    (a, crowd_a): (&Arc<Pod>, usize),
    (b, crowd_b): (&Arc<Pod>, usize),
    now: SimTime,
) -> Ordering {
    let assigned = |pod: &Pod| !pods::node_name(pod).is_empty();
    let phase = |pod: &Pod| match pods::phase(pod) {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    assigned(a)
        .cmp(&assigned(b))
        .then_with(|| phase(a).cmp(&phase(b)))
        .then_with(|| pods::is_ready(a).cmp(&pods::is_ready(b)))
        .then_with(|| deletion_cost(a).cmp(&deletion_cost(b)))
        .then_with(|| crowd_b.cmp(&crowd_a))
        .then_with(|| match (pods::ready_since(a), pods::ready_since(b)) {
            (Some(ready_a), Some(ready_b)) if ready_a != ready_b => by_age(a, ready_a, b, ready_b, now),
            _ => Ordering::Equal,
        })
        .then_with(|| restarts(b).cmp(&restarts(a)))
        .then_with(|| match (pods::created(a), pods::created(b)) {
            (created_a, created_b) if created_a != created_b => by_age(a, created_a, b, created_b, now),
            _ => Ordering::Equal,
        })
}

/// Ages in the same power of two count as equal and the uid decides, so that it is not always the youngest that goes.
fn by_age(a: &Pod, since_a: SimTime, b: &Pod, since_b: SimTime, now: SimTime) -> Ordering {
    let rank = |since: SimTime| now.since(since).as_nanos().checked_ilog2();
    rank(since_a).cmp(&rank(since_b)).then_with(|| a.metadata.uid.cmp(&b.metadata.uid))
}

fn deletion_cost(pod: &Pod) -> i32 {
    let text =
        pod.metadata.annotations.as_ref().and_then(|it| it.get("controller.kubernetes.io/pod-deletion-cost"));
    text.and_then(|it| it.parse().ok()).unwrap_or(0)
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|it| it.container_statuses.as_ref());
    statuses.into_iter().flatten().map(|it| it.restart_count).max().unwrap_or(0)
}

fn report(set: &Arc<ReplicaSet>, active: &[Arc<Pod>], terminating: i32, now: SimTime, plan: &mut Reconciled) {
    let min_ready = min_ready(set);
    let template_labels =
        set.spec.as_ref().and_then(|it| it.template.as_ref()?.metadata.as_ref()?.labels.as_ref());
    let carries = |pod: &Pod| template_labels.is_none_or(|it| is_subset(it, pod.metadata.labels.as_ref()));
    let count = |test: &dyn Fn(&Pod) -> bool| active.iter().filter(|it| test(it)).count() as i32;
    let ready = count(&|it| pods::is_ready(it));
    let available = count(&|it| pods::available_at(it, min_ready).is_some_and(|at| at <= now));
    let old = set.status.clone().unwrap_or_default();
    let some = |number: i32| (number != 0).then_some(number);
    let status = ReplicaSetStatus {
        replicas: active.len() as i32,
        fully_labeled_replicas: some(count(&carries)),
        ready_replicas: some(ready),
        available_replicas: some(available),
        terminating_replicas: Some(terminating),
        observed_generation: set.metadata.generation,
        conditions: without_failure(old.conditions.as_deref()),
    };
    if ready != available {
        let next =
            active.iter().filter_map(|it| pods::available_at(it, min_ready)).filter(|at| now < *at).min();
        plan.again_in(next.map_or(min_ready, |at| at - now));
    }
    // A creation of this very plan may fail and show up as a condition, so the status goes along with it.
    let creates = plan.writes.iter().any(|it| matches!(it.request, Request::Create(_)));
    if !set.status.as_ref().is_some_and(|it| same(it, &status)) || creates {
        let mut set = (**set).clone();
        set.status = Some(status);
        plan.push(Request::UpdateStatus(set.into()), Because::Housekeeping);
    }
}

fn without_failure(conditions: Option<&[ReplicaSetCondition]>) -> Option<Vec<ReplicaSetCondition>> {
    let kept: Vec<_> =
        conditions.unwrap_or_default().iter().filter(|it| it.type_ != "ReplicaFailure").cloned().gather();
    (!kept.is_empty()).then_some(kept)
}

/// The condition that tells why Pods are missing.
pub(crate) fn note_failure(set: &mut ReplicaSet, message: &str, now: SimTime) {
    let conditions = set.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.push(ReplicaSetCondition {
        type_: "ReplicaFailure".to_owned(),
        status: "True".to_owned(),
        reason: Some("FailedCreate".to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(api::time::time(now)),
    });
}
