//! What holds when all faults are mended and everything has had time to react.

use std::sync::Arc;

use api::k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time};
use api::{Deployment, EndpointSlice, Kind, Object, Pod, ReplicaSet};
use apiserver::ApiServer;
use runtime::ContainerState;
use scheduler::{Outcome, Resources};
use sim::{Gather as _, VecSet};

use super::{Found, state};
use crate::Cluster;

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    let api = cluster.api();
    check_leftovers(cluster, found);
    check_nodes(cluster, found);
    for pod in api.pods() {
        check_pod(cluster, pod, found);
    }
    for stored in api.store().list(Kind::ReplicaSet) {
        if let Object::ReplicaSet(it) = &stored.object {
            check_replica_set(api, it, found);
        }
    }
    for stored in api.store().list(Kind::Deployment) {
        if let Object::Deployment(it) = &stored.object {
            check_deployment(api, it, found);
        }
    }
    for stored in api.store().list(Kind::EndpointSlice) {
        if let Object::EndpointSlice(it) = &stored.object {
            check_endpoints(api, it, found);
        }
    }
    check_scheduler(cluster, found);
}

/// Nothing is stuck half deleted, and nothing outlives its owner.
fn check_leftovers(cluster: &Cluster, found: &mut Found) {
    let store = cluster.api().store();
    let kinds = || Kind::ALL.iter().filter(|it| **it != Kind::Event);
    let uids: VecSet<&str> =
        kinds().flat_map(|it| store.list(*it)).filter_map(|it| it.object.metadata().uid.as_deref()).fill();
    for object in kinds().flat_map(|it| store.list(*it)).map(|it| &it.object) {
        let goes =
            |it: &Time| !(preempted_for_ever(cluster, object) && cluster.now() <= api::time::sim_time(it));
        if object.metadata().deletion_timestamp.as_ref().is_some_and(goes) {
            found.broken(object.key(), "what is deleted goes", "");
        }
        let owners = object.metadata().owner_references.as_deref().unwrap_or_default();
        if !owners.is_empty() && owners.iter().all(|it| !uids.contains(it.uid.as_str())) {
            found.broken(object.key(), "what a dead owner leaves is collected", &owners[0].name);
        }
    }
}

/// A Pod that made way for one with anti-affinity or spread constraints, which still waits for this node. What has no such
/// terms of its own is not kept from there by a Pod that is only nominated, so what takes the victim's place may be the
/// next victim, without end.
// Follows kubernetes v1.36 plugins/interpodaffinity and plugins/podtopologyspread: PreFilter, and
// RunPreFilterExtensionAddPod, which passes over what PreFilter skipped.
fn preempted_for_ever(cluster: &Cluster, object: &Object) -> bool {
    let Object::Pod(victim) = object else { return false };
    state::has_condition(victim, "DisruptionTarget")
        && cluster.api().pods().any(|it| {
            let waits = it.status.as_ref().and_then(|it| it.nominated_node_name.as_deref());
            let apart = it.spec.as_ref().is_some_and(|it| {
                it.topology_spread_constraints.is_some()
                    || it.affinity.as_ref().is_some_and(|it| it.pod_anti_affinity.is_some())
            });
            waits.is_some() && waits == state::node(victim) && apart
        })
}

fn check_nodes(cluster: &Cluster, found: &mut Found) {
    for node in cluster.api().nodes() {
        let name = node.metadata.name.as_deref().unwrap_or("");
        let conditions = node.status.as_ref().and_then(|it| it.conditions.as_deref()).unwrap_or_default();
        if !conditions.iter().any(|it| it.type_ == "Ready" && it.status == "True") {
            found.broken(name, "a mended node is ready", "");
        }
        if let Some(it) = api::taints::of(node).iter().find(|it| {
            matches!(it.key.as_str(), "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable")
        }) {
            found.broken(name, "a ready node loses its taints", &it.key);
        }
    }
    let bound = |uid: &str, node: &str| {
        cluster.api().pods().any(|it| kubelet::pod::uid_on_node(it) == uid && state::node(it) == Some(node))
    };
    for machine in cluster.kubelets.keys() {
        if cluster.api().node(machine).is_none() {
            found.broken(machine, "a kubelet that was started has its Node", "");
        }
        for (status, config) in cluster.runtime().sandboxes_on(machine) {
            if !bound(&status.pod_uid, machine) {
                let name = format_args!("{}/{} on {machine}", config.namespace, config.pod_name);
                found.broken(name, "a machine has only sandboxes of its Pods", "");
            }
        }
        for worker in cluster.kubelet(machine).into_iter().flat_map(kubelet::Kubelet::workers) {
            if !bound(&worker.uid, machine) {
                found.broken(state::name(&worker.pod), "a kubelet forgets Pods that are gone", "");
            }
        }
    }
}

fn check_pod(cluster: &Cluster, pod: &Arc<Pod>, found: &mut Found) {
    let Some(node) = state::node(pod) else {
        let ours = pod
            .spec
            .as_ref()
            .and_then(|it| it.scheduler_name.as_deref())
            .is_none_or(|it| it == "default-scheduler");
        if ours
            && state::phase(pod) == "Pending"
            && cluster.scheduler().what_if(pod).outcome == Outcome::Scheduled
        {
            found.broken(state::name(pod), "a Pod that fits is placed", "");
        }
        return;
    };
    let Some(kubelet) = cluster.kubelet(node) else {
        found.broken(state::name(pod), "a Pod of no node is collected", node);
        return;
    };
    let Some(worker) = kubelet.worker(kubelet::pod::uid_on_node(pod)) else {
        if !state::is_terminal(pod) {
            found.broken(state::name(pod), "a kubelet knows its Pods", "");
        }
        return;
    };
    let of_file = kubelet::pod::is_static(&worker.pod);
    if worker.pod.metadata.generation != pod.metadata.generation && !of_file {
        found.broken(state::name(pod), "a kubelet has the newest Pod", "");
    }
    check_truth(cluster, pod, node, found);
}

/// What the status says runs, does run; what it says is ready, its probes say too.
fn check_truth(cluster: &Cluster, pod: &Pod, node: &str, found: &mut Found) {
    let uid = kubelet::pod::uid_on_node(pod);
    let runtime = cluster.runtime();
    let sandboxes = || runtime.sandboxes_on(node).filter(|(status, _)| status.pod_uid == uid);
    let running: VecSet<&str> = sandboxes()
        .flat_map(|(status, _)| runtime.containers_in(status.id))
        .filter(|it| matches!(it.status.state, ContainerState::Running { .. }))
        .map(|it| it.status.name.as_str())
        .fill();
    if state::is_terminal(pod) {
        if let Some(it) = running.first() {
            found.broken(state::name(pod), "nothing runs in a Pod that has ended", it);
        }
        return;
    }
    let status = pod.status.as_ref();
    let host_network = pod.spec.as_ref().and_then(|it| it.host_network).unwrap_or(false);
    let ip = status.and_then(|it| it.pod_ip.as_deref());
    if let (false, Some(ip), Some((sandbox, _))) = (host_network, ip, sandboxes().find(|(it, _)| it.ready))
        && sandbox.ip != ip
    {
        found.broken(
            state::name(pod),
            "a Pod has the address of its sandbox",
            format_args!("{ip}, not {}", sandbox.ip),
        );
    }
    let worker = cluster.kubelet(node).and_then(|it| it.worker(uid));
    for it in state::statuses(pod) {
        let says = it.state.as_ref().is_some_and(|it| it.running.is_some());
        if says && !running.contains(it.name.as_str()) {
            found.broken(state::name(pod), "a status tells what runs", &it.name);
        }
        let fails = worker.is_some_and(|worker| {
            worker.probes.iter().any(|probe| {
                probe.container == it.name
                    && !probe.stopped
                    && probe.kind == kubelet::probes::ProbeKind::Readiness
                    && probe.verdict != Some(kubelet::probes::Verdict::Success)
            })
        });
        if it.ready && fails {
            found.broken(state::name(pod), "ready as the probes say", &it.name);
        }
    }
}

fn is_of(metadata: &ObjectMeta, owner: &ObjectMeta) -> bool {
    metadata
        .owner_references
        .iter()
        .flatten()
        .any(|it| it.controller == Some(true) && Some(it.uid.as_str()) == owner.uid.as_deref())
}

fn check_replica_set(api: &ApiServer, set: &ReplicaSet, found: &mut Found) {
    let pods: Vec<&Arc<Pod>> = api
        .pods()
        .filter(|it| {
            is_of(&it.metadata, &set.metadata)
                && !state::is_terminal(it)
                && it.metadata.deletion_timestamp.is_none()
        })
        .gather();
    let name = || Object::from(set.clone()).key();
    let wanted = set.spec.as_ref().and_then(|it| it.replicas).unwrap_or(1);
    let count = pods.len() as i32;
    // What the API server refuses to create is told of, and tried for ever.
    let conditions = set.status.iter().flat_map(|it| it.conditions.iter().flatten());
    let refused = conditions.into_iter().any(|it| it.type_ == "ReplicaFailure");
    if count != wanted && !refused {
        found.broken(name(), "a ReplicaSet has its replicas", format_args!("{count} of {wanted}"));
    }
    let Some(status) = set.status.as_ref() else { return };
    let ready = pods.iter().filter(|it| state::has_condition(it, "Ready")).count() as i32;
    let told = (status.replicas, status.ready_replicas.unwrap_or(0));
    check_told(name, told, (count, ready), status.observed_generation == set.metadata.generation, found);
}

/// What a workload's status tells of its Pods, all and ready ones, against what there is.
fn check_told(
    name: impl Fn() -> api::ObjectKey,
    told: (i32, i32),
    there: (i32, i32),
    spec_seen: bool,
    found: &mut Found,
) {
    if told != there {
        let seen = format_args!("says {} and {} ready, has {} and {}", told.0, told.1, there.0, there.1);
        found.broken(name(), "a status counts the Pods", seen);
    }
    if !spec_seen {
        found.broken(name(), "a controller has seen the newest spec", "");
    }
}

fn check_deployment(api: &ApiServer, deployment: &Deployment, found: &mut Found) {
    let name = || Object::from(deployment.clone()).key();
    let sets = api.store().list(Kind::ReplicaSet).filter_map(|it| {
        let Object::ReplicaSet(set) = &it.object else { return None };
        is_of(&set.metadata, &deployment.metadata).then_some(set)
    });
    let sets: Vec<_> = sets.filter_map(|it| it.status.as_ref()).gather();
    let replicas: i32 = sets.iter().map(|it| it.replicas).sum();
    let ready: i32 = sets.iter().filter_map(|it| it.ready_replicas).sum();
    let status = deployment.status.clone().unwrap_or_default();
    let told = (status.replicas.unwrap_or(0), status.ready_replicas.unwrap_or(0));
    let spec_seen = status.observed_generation == deployment.metadata.generation;
    check_told(name, told, (replicas, ready), spec_seen, found);
}

/// A slice has exactly the addresses of the Pods that its Service selects, ready as they are.
fn check_endpoints(api: &ApiServer, slice: &EndpointSlice, found: &mut Found) {
    let namespace = slice.metadata.namespace.as_deref().unwrap_or("");
    let name = || Object::from(slice.clone()).key();
    for endpoint in slice.endpoints.iter().flatten() {
        let Some(target) = endpoint.target_ref.as_ref() else { continue };
        let pod = api.pod(namespace, target.name.as_deref().unwrap_or(""));
        let Some(pod) = pod.filter(|it| it.metadata.uid == target.uid) else {
            found.broken(name(), "an endpoint is a Pod", target.name.as_deref().unwrap_or(""));
            continue;
        };
        let says = endpoint.conditions.as_ref().and_then(|it| it.ready).unwrap_or(false);
        let is = state::has_condition(pod, "Ready") && pod.metadata.deletion_timestamp.is_none();
        if says != is {
            found.broken(name(), "endpoints are ready as their Pods", state::name(pod));
        }
        let ip = pod.status.as_ref().and_then(|it| it.pod_ip.as_deref());
        if endpoint.addresses.first().map(String::as_str) != ip {
            found.broken(name(), "an endpoint has the address of its Pod", state::name(pod));
        }
    }
    let service =
        slice.metadata.labels.iter().flatten().find(|it| it.0 == "kubernetes.io/service-name").map(|it| it.1);
    let service = service.and_then(|it| api.get(&api::ObjectKey::new(Kind::Service, namespace, it)));
    let Some(Object::Service(service)) = service else { return };
    let selector = service.spec.as_ref().and_then(|it| it.selector.clone());
    let Some(selector) = selector.filter(|it| !it.is_empty()) else { return };
    let selector = LabelSelector { match_labels: Some(selector), ..LabelSelector::default() };
    let empty = std::collections::BTreeMap::new();
    for pod in api.pods().filter(|it| it.metadata.namespace.as_deref() == Some(namespace)) {
        let labels = pod.metadata.labels.as_ref().unwrap_or(&empty);
        let selected =
            selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
        let listed = slice
            .endpoints
            .iter()
            .flatten()
            .any(|it| it.target_ref.as_ref().is_some_and(|it| it.uid == pod.metadata.uid));
        if selected && state::has_condition(pod, "Ready") && !listed {
            found.broken(name(), "every ready Pod of a Service is an endpoint", state::name(pod));
        }
    }
}

/// The scheduler's own picture is the store's.
fn check_scheduler(cluster: &Cluster, found: &mut Found) {
    let snapshot = cluster.scheduler().snapshot();
    for info in snapshot.nodes() {
        let here: VecSet<&str> = cluster
            .api()
            .pods()
            .filter(|it| state::node(it) == Some(&*info.name) && !state::is_terminal(it))
            .filter_map(|it| it.metadata.uid.as_deref())
            .fill();
        let cached: VecSet<&str> = info.pods.iter().filter_map(|it| it.pod.metadata.uid.as_deref()).fill();
        if here != cached {
            let seen = format_args!("{} cached, {} there", cached.len(), here.len());
            found.broken(&info.name, "the scheduler knows what is on a node", seen);
        }
        match cluster.api().node(&info.name) {
            None => found.broken(&info.name, "the scheduler forgets nodes that are gone", ""),
            Some(node) => {
                let has = Resources::of_list(node.status.as_ref().and_then(|it| it.allocatable.as_ref()));
                if has.milli_cpu != info.allocatable.milli_cpu || has.memory != info.allocatable.memory {
                    found.broken(&info.name, "the scheduler knows what a node has", "");
                }
            }
        }
    }
    if snapshot.nodes().len() < cluster.api().nodes().count() {
        found.broken("scheduler", "the scheduler knows every node", "");
    }
}
