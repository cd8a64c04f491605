//! Services, workloads and events as cards.

use std::sync::Arc;

use api::k8s_openapi::api::core::v1::ServicePort;
use api::{Deployment, EndpointSlice, Event, Kind, Object, ReplicaSet, Service, time};
use apiserver::{ApiServer, Stored};
use sim::{Gather as _, Sort as _, VecMap};

use crate::frame::{
    Endpoint, EventCard, Micros, Narration, ObjectRef, PodCard, ReplicaCard, ServiceCard, Tone, WorkloadCard,
};

/// Events that a frame carries at the most, the newest.
pub const EVENTS_SHOWN: usize = 500;

pub fn services(api: &ApiServer, pods: &[Arc<PodCard>]) -> Vec<Arc<ServiceCard>> {
    let stored = api.store().list(Kind::Service);
    let services =
        stored.filter_map(|it| if let Object::Service(service) = &it.object { Some(service) } else { None });
    // The cluster's own Service has no Pods to show.
    let shown = services.filter(|it| it.spec.as_ref().and_then(|it| it.selector.as_ref()).is_some());
    shown.map(|it| Arc::new(service(it, api, pods))).gather()
}

fn service(service: &Service, api: &ApiServer, pods: &[Arc<PodCard>]) -> ServiceCard {
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    let name = service.metadata.name.clone().unwrap_or_default();
    let spec = service.spec.clone().unwrap_or_default();
    let slices = api.store().list_in(Kind::EndpointSlice, &namespace).filter_map(|it| {
        let Object::EndpointSlice(slice) = &it.object else { return None };
        let owner = slice.metadata.labels.as_ref()?.get("kubernetes.io/service-name")?;
        (*owner == name).then_some(slice)
    });
    let endpoints = slices.flat_map(|it| endpoints(it, pods)).gather();
    let ports: Vec<String> = spec.ports.iter().flatten().map(port).gather();
    let selector: Vec<String> =
        spec.selector.iter().flatten().map(|(key, value)| format!("{key}={value}")).gather();
    ServiceCard {
        kind: spec.type_.unwrap_or_else(|| "ClusterIP".to_owned()),
        cluster_ip: spec.cluster_ip.unwrap_or_default(),
        ports: ports.join(","),
        selector: selector.join(","),
        endpoints,
        namespace,
        name,
    }
}

fn port(it: &ServicePort) -> String {
    let protocol = it.protocol.as_deref().unwrap_or("TCP");
    match it.node_port {
        Some(node_port) => format!("{}:{node_port}/{protocol}", it.port),
        None => format!("{}/{protocol}", it.port),
    }
}

fn endpoints(slice: &EndpointSlice, pods: &[Arc<PodCard>]) -> Vec<Endpoint> {
    let ready_or = |it: Option<bool>, otherwise: bool| it.unwrap_or(otherwise);
    let of = |it: &api::k8s_openapi::api::discovery::v1::Endpoint| {
        let target = it.target_ref.clone().unwrap_or_default();
        let conditions = it.conditions.clone().unwrap_or_default();
        let ready = ready_or(conditions.ready, true);
        let terminating = ready_or(conditions.terminating, false);
        let uid = target.uid.unwrap_or_default();
        let why_not = || {
            if terminating {
                return Narration::EndpointTerminating;
            }
            let card = pods.iter().find(|it| it.uid == uid);
            match card.and_then(|it| it.containers.iter().find(|it| !it.ready)) {
                Some(it) => Narration::EndpointNotReady { container: it.name.clone() },
                None => Narration::EndpointNoAddress,
            }
        };
        Endpoint {
            pod: ObjectRef::pod(
                target.namespace.as_deref().unwrap_or(""),
                target.name.as_deref().unwrap_or(""),
            ),
            address: it.addresses.first().cloned().unwrap_or_default(),
            ready,
            terminating,
            why_not: (!ready).then(|| why_not().into()),
            uid,
        }
    };
    slice.endpoints.iter().flatten().map(of).gather()
}

/// Deployments with their ReplicaSets, and ReplicaSets of nobody.
pub fn workloads(api: &ApiServer, pods: &[Arc<PodCard>]) -> Vec<Arc<WorkloadCard>> {
    let mut by_owner: VecMap<String, Vec<Arc<ReplicaSet>>> = VecMap::new();
    for stored in api.store().list(Kind::ReplicaSet) {
        if let Object::ReplicaSet(it) = &stored.object {
            let owner = it.metadata.owner_references.iter().flatten().find(|it| it.controller == Some(true));
            by_owner.entry(owner.map(|it| it.uid.clone()).unwrap_or_default()).or_default().push(it.clone());
        }
    }
    let mut cards = Vec::new();
    for stored in api.store().list(Kind::Deployment) {
        if let Object::Deployment(it) = &stored.object {
            let sets = it.metadata.uid.as_ref().and_then(|uid| by_owner.remove(uid)).unwrap_or_default();
            cards.push(Arc::new(deployment(it, &sets, pods)));
        }
    }
    for set in by_owner.remove("").unwrap_or_default() {
        cards.push(Arc::new(replica_set(&set, pods)));
    }
    cards
}

fn deployment(it: &Deployment, sets: &[Arc<ReplicaSet>], pods: &[Arc<PodCard>]) -> WorkloadCard {
    let wanted = it.spec.as_ref().and_then(|it| it.replicas).unwrap_or(1);
    let status = it.status.clone().unwrap_or_default();
    let (ready, updated) = (status.ready_replicas.unwrap_or(0), status.updated_replicas.unwrap_or(0));
    let mut replicas: Vec<ReplicaCard> = sets.iter().map(|it| replica_card(it, pods)).gather();
    replicas.put_in_order_by_key(|it| std::cmp::Reverse(it.revision));
    WorkloadCard {
        kind: "Deployment".to_owned(),
        namespace: it.metadata.namespace.clone().unwrap_or_default(),
        name: it.metadata.name.clone().unwrap_or_default(),
        wanted,
        ready,
        updated,
        tone: if ready == wanted && updated == wanted { Tone::Ok } else { Tone::Busy },
        replicas,
    }
}

fn replica_set(it: &ReplicaSet, pods: &[Arc<PodCard>]) -> WorkloadCard {
    let card = replica_card(it, pods);
    WorkloadCard {
        kind: "ReplicaSet".to_owned(),
        namespace: it.metadata.namespace.clone().unwrap_or_default(),
        name: card.name.clone(),
        wanted: card.wanted,
        ready: card.ready,
        updated: card.wanted,
        tone: if card.ready == card.wanted { Tone::Ok } else { Tone::Busy },
        replicas: vec![card],
    }
}

fn replica_card(it: &ReplicaSet, pods: &[Arc<PodCard>]) -> ReplicaCard {
    let spec = it.spec.as_ref();
    let name = it.metadata.name.clone().unwrap_or_default();
    let namespace = it.metadata.namespace.as_deref().unwrap_or("");
    let containers = spec
        .and_then(|it| it.template.as_ref()?.spec.as_ref())
        .map(|it| it.containers.as_slice())
        .unwrap_or_default();
    let images: Vec<&str> = containers.iter().filter_map(|it| it.image.as_deref()).gather();
    let annotations = it.metadata.annotations.as_ref();
    let mine = |pod: &&Arc<PodCard>| {
        pod.namespace == namespace
            && pod.owner.as_ref().is_some_and(|it| it.kind == "ReplicaSet" && it.name == name)
    };
    ReplicaCard {
        kind: "ReplicaSet".to_owned(),
        revision: annotations
            .and_then(|it| it.get("deployment.kubernetes.io/revision"))
            .and_then(|it| it.parse().ok())
            .unwrap_or(0),
        wanted: spec.and_then(|it| it.replicas).unwrap_or(1),
        ready: it.status.as_ref().and_then(|it| it.ready_replicas).unwrap_or(0),
        image: images.join(","),
        pods: pods.iter().filter(mine).map(|it| it.uid.clone()).gather(),
        name,
    }
}

/// Newest last.
pub fn events(api: &ApiServer) -> Vec<EventCard> {
    let mut found: Vec<(&Stored, &Arc<Event>)> = api
        .store()
        .list(Kind::Event)
        .filter_map(|it| if let Object::Event(event) = &it.object { Some((it, event)) } else { None })
        .gather();
    let skipped = found.len().saturating_sub(EVENTS_SHOWN);
    if 0 < skipped {
        found.select_nth_unstable_by_key(skipped, |(stored, _)| stored.revision);
    }
    found[skipped..].put_in_order_by_key(|(stored, _)| stored.revision);
    found[skipped..].iter().map(|(stored, event)| event_card(stored, event)).gather()
}

fn event_card(stored: &Stored, it: &Event) -> EventCard {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let micro: Option<Micros> = it.event_time.as_ref().map(|it| time::sim_time(&api::Time(it.0)).0);
    let at = |field: &Option<api::Time>| field.as_ref().map(|it| time::sim_time(it).0);
    let about = &it.involved_object;
    let first = at(&it.first_timestamp).or(micro).unwrap_or(0);
    let series = it.series.as_ref();
    let last =
        series.and_then(|it| it.last_observed_time.as_ref()).map(|it| time::sim_time(&api::Time(it.0)).0);
    EventCard {
        id: stored.revision,
        first,
        last: last.or_else(|| at(&it.last_timestamp)).or(micro).unwrap_or(first),
        warning: it.type_.as_deref() == Some("Warning"),
        reason: text(&it.reason),
        object: ObjectRef::new(&text(&about.kind), &text(&about.namespace), &text(&about.name)),
        field: text(&about.field_path),
        message: text(&it.message),
        source: it
            .source
            .as_ref()
            .and_then(|it| it.component.clone())
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| text(&it.reporting_component)),
        count: it.count.or_else(|| series.and_then(|it| it.count)).unwrap_or(1).max(1) as u32,
    }
}
