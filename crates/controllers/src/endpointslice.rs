//! Which Pods answer for a Service.
//!
//! Follows kubernetes v1.36 staging endpointslice/reconciler.go: reconcileByAddressType, reconcileByPortMapping, and
//! utils.go: podToEndpoint, getEndpointPorts.
//! DIFFERENCE: no topology hints, IPv4 only; slices are filled in the order of the Pods' names.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::codec::{all_same, same};
use api::k8s_openapi::api::core::v1::{ObjectReference, ServiceSpec};
use api::k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort};
use api::selector::is_subset;
use api::{Because, EndpointSlice, IntOrString, Kind, Object, ObjectKey, ObjectMeta, Pod, Service, Time};
use apiserver::{Change, DeleteOptions, WatchEvent};
use sim::{Gather as _, SimTime, Sort as _, VecMap};

use crate::plan::{Reconciled, Request, View};
use crate::{Controller, Wakes, ownership, pods};

const ENDPOINTS_PER_SLICE_MAX: usize = 100;
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const HEADLESS: &str = "service.kubernetes.io/headless";
const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";

pub(crate) fn wakes(view: &View<'_>, event: &WatchEvent, wake: &mut Wakes) {
    match &event.object {
        Object::Service(_) => wake.now(Controller::EndpointSlice, event.key.clone()),
        Object::Pod(pod) => {
            let before = event.before.as_ref().and_then(Object::as_pod);
            if event.change == Change::Modified && before.is_some_and(|it| same_endpoint(it, pod)) {
                return;
            }
            for stored in view.store.list_in(Kind::Service, &event.key.namespace) {
                let Object::Service(service) = &stored.object else { continue };
                if selects(service, pod) || before.is_some_and(|it| selects(service, it)) {
                    wake.now(Controller::EndpointSlice, stored.object.key());
                }
            }
        }
        // Somebody else has touched a slice.
        Object::EndpointSlice(slice) if event.cause.by != Controller::EndpointSlice.actor() => {
            let labels = slice.metadata.labels.as_ref();
            if let Some(service) = labels.and_then(|it| it.get(SERVICE_NAME)) {
                let key = ObjectKey::new(Kind::Service, &event.key.namespace, service);
                wake.now(Controller::EndpointSlice, key);
            }
        }
        _ => {}
    }
}

/// Nothing has changed that a slice shows.
fn same_endpoint(a: &Pod, b: &Pod) -> bool {
    let addresses = |pod: &Pod| pod.status.as_ref().and_then(|it| it.pod_ip.clone());
    a.metadata.labels == b.metadata.labels
        && a.metadata.deletion_timestamp.is_some() == b.metadata.deletion_timestamp.is_some()
        && pods::is_ready(a) == pods::is_ready(b)
        && pods::is_terminal(a) == pods::is_terminal(b)
        && pods::node_name(a) == pods::node_name(b)
        && addresses(a) == addresses(b)
}

fn selector(service: &Service) -> Option<&BTreeMap<String, String>> {
    service.spec.as_ref()?.selector.as_ref().filter(|it| !it.is_empty())
}

fn selects(service: &Service, pod: &Pod) -> bool {
    selector(service).is_some_and(|it| is_subset(it, pod.metadata.labels.as_ref()))
}

/// The slices that one set of ports calls for.
struct Desired {
    ports: Vec<EndpointPort>,
    endpoints: Vec<Endpoint>,
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey, now: SimTime) -> Reconciled {
    let mut plan = Reconciled::default();
    let Some(Object::Service(service)) = view.get(key) else { return plan };
    let Some(selector) = selector(service) else { return plan };
    let spec = service.spec.as_ref().expect("a Service with a selector has a spec");
    if service.metadata.deletion_timestamp.is_some() || spec.type_.as_deref() == Some("ExternalName") {
        return plan;
    }
    let uid = service.metadata.uid.as_deref().unwrap_or("");
    let mut existing: Vec<&Arc<EndpointSlice>> = view
        .index
        .dependents(uid)
        .filter_map(|it| match view.get(it) {
            Some(Object::EndpointSlice(slice)) => Some(slice),
            _ => None,
        })
        .gather();
    let mut writer = Writer { service, labels: slice_labels(service), now, plan: &mut plan };
    let mut fresh: Vec<(Vec<EndpointPort>, Vec<Endpoint>)> = Vec::new();
    let (all, complete) = desired(view, key, service, spec, selector);
    writer.plan.incomplete = !complete;
    for Desired { ports, mut endpoints } in all {
        let (same, others): (Vec<_>, Vec<_>) =
            existing.into_iter().partition(|it| all_same(it.ports.as_deref().unwrap_or_default(), &ports));
        existing = others;
        existing.extend(writer.fill(&same, &mut endpoints));
        while !endpoints.is_empty() {
            let rest = endpoints.split_off(endpoints.len().min(ENDPOINTS_PER_SLICE_MAX));
            fresh.push((ports.clone(), std::mem::replace(&mut endpoints, rest)));
        }
    }
    // What is left over of the old slices is reused for new ones before it is deleted.
    let kept =
        view.index.dependents(uid).filter(|it| it.kind == Kind::EndpointSlice).count() - existing.len();
    if kept == 0 && fresh.is_empty() {
        fresh.push((Vec::new(), Vec::new()));
    }
    let mut leftover = existing.into_iter();
    for (ports, endpoints) in fresh {
        writer.write(leftover.next().cloned(), ports, endpoints);
    }
    for slice in leftover {
        plan.push(
            Request::Delete(Object::from(slice.clone()).key(), DeleteOptions::default()),
            Because::Endpoints,
        );
    }
    plan
}

/// What the slices shall say, and whether every Pod's node is known: a Pod of a node that is not there is left out for now.
fn desired(
    view: &View<'_>,
    key: &ObjectKey,
    service: &Service,
    spec: &ServiceSpec,
    selector: &BTreeMap<String, String>,
) -> (Vec<Desired>, bool) {
    let mut all: Vec<Desired> = Vec::new();
    let mut complete = true;
    for pod in view.index.labelled(&key.namespace, selector).filter_map(|it| view.get(it)?.as_pod()) {
        if pods::is_terminal(pod) {
            continue;
        }
        let Some(address) = pod.status.as_ref().and_then(|it| it.pod_ip.clone()).filter(|it| !it.is_empty())
        else {
            continue;
        };
        let Some(endpoint) = endpoint(view, service, spec, pod, address) else {
            complete = false;
            continue;
        };
        let ports = ports(spec, pod);
        match all.iter_mut().find(|it| same(&it.ports, &ports)) {
            Some(known) => known.endpoints.push(endpoint),
            None => all.push(Desired { ports, endpoints: vec![endpoint] }),
        }
    }
    (all, complete)
}

fn endpoint(
    view: &View<'_>,
    service: &Service,
    spec: &ServiceSpec,
    pod: &Pod,
    address: String,
) -> Option<Endpoint> {
    let publish = spec.publish_not_ready_addresses == Some(true);
    let node = view.get(&ObjectKey::node(pods::node_name(pod)));
    if node.is_none() && !publish {
        return None;
    }
    let zone = node.and_then(|it| it.metadata().labels.as_ref()?.get("topology.kubernetes.io/zone").cloned());
    let serving = pods::is_ready(pod);
    let terminating = pod.metadata.deletion_timestamp.is_some();
    let pod_spec = pod.spec.as_ref()?;
    let of_service = pod_spec.subdomain.is_some() && pod_spec.subdomain == service.metadata.name;
    Some(Endpoint {
        addresses: vec![address],
        conditions: Some(EndpointConditions {
            ready: Some(publish || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        hostname: pod_spec.hostname.clone().filter(|_| of_service),
        node_name: pod_spec.node_name.clone(),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: pod.metadata.namespace.clone(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        zone,
        ..Endpoint::default()
    })
}

/// A named target port is looked up in each Pod; a Pod without it offers the Service's other ports only.
fn ports(spec: &ServiceSpec, pod: &Pod) -> Vec<EndpointPort> {
    let offered = |protocol: &str, name: &str| {
        let containers = pod.spec.as_ref().map(|it| &it.containers).into_iter().flatten();
        containers
            .flat_map(|it| it.ports.iter().flatten())
            .find(|it| {
                it.name.as_deref() == Some(name) && it.protocol.as_deref().unwrap_or("TCP") == protocol
            })
            .map(|it| it.container_port)
    };
    let resolve = |protocol: &str, port: i32, target: Option<&IntOrString>| match target {
        None | Some(IntOrString::Int(0)) => Some(port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => offered(protocol, name),
    };
    spec.ports
        .iter()
        .flatten()
        .filter_map(|it| {
            let protocol = it.protocol.as_deref().unwrap_or("TCP");
            Some(EndpointPort {
                name: Some(it.name.clone().unwrap_or_default()),
                port: Some(resolve(protocol, it.port, it.target_port.as_ref())?),
                protocol: Some(protocol.to_owned()),
                app_protocol: it.app_protocol.clone(),
            })
        })
        .gather()
}

fn slice_labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    let headless = service.spec.as_ref().is_some_and(|it| it.cluster_ip.as_deref() == Some("None"));
    if headless {
        labels.insert(HEADLESS.to_owned(), String::new());
    } else {
        labels.remove(HEADLESS);
    }
    labels.insert(SERVICE_NAME.to_owned(), service.metadata.name.clone().unwrap_or_default());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    labels
}

struct Writer<'a> {
    service: &'a Arc<Service>,
    labels: BTreeMap<String, String>,
    now: SimTime,
    plan: &'a mut Reconciled,
}

impl Writer<'_> {
    /// Updates the slices of one set of ports from `wanted` and takes out of it what found a place; answers with
    /// the slices that hold nothing any more.
    fn fill<'s>(
        &mut self,
        slices: &[&'s Arc<EndpointSlice>],
        wanted: &mut Vec<Endpoint>,
    ) -> Vec<&'s Arc<EndpointSlice>> {
        let mut kept: Vec<(&'s Arc<EndpointSlice>, Vec<Endpoint>)> = Vec::new();
        let mut empty = Vec::new();
        let mut by_uid: VecMap<String, Option<Endpoint>> =
            wanted.drain(..).map(|it| (uid(&it).unwrap_or("").to_owned(), Some(it))).fill();
        for slice in slices {
            let of_slice = slice.endpoints.iter().flatten();
            let endpoints: Vec<Endpoint> =
                of_slice.filter_map(|it| by_uid.get_mut(uid(it).unwrap_or(""))?.take()).gather();
            if endpoints.is_empty() { empty.push(*slice) } else { kept.push((slice, endpoints)) }
        }
        wanted.extend(by_uid.into_values().flatten());
        let name = |it: &Endpoint| it.target_ref.as_ref().and_then(|it| it.name.clone());
        wanted.put_in_order_by_key(name);
        for (_, endpoints) in &mut kept {
            let room = ENDPOINTS_PER_SLICE_MAX.saturating_sub(endpoints.len()).min(wanted.len());
            endpoints.extend(wanted.drain(..room));
        }
        for (slice, endpoints) in kept {
            let unchanged = slice.endpoints.as_ref().is_some_and(|it| same(it, &endpoints))
                && slice.metadata.labels.as_ref() == Some(&self.labels);
            if !unchanged {
                self.write(Some(slice.clone()), slice.ports.clone().unwrap_or_default(), endpoints);
            }
        }
        empty
    }

    fn write(&mut self, old: Option<Arc<EndpointSlice>>, ports: Vec<EndpointPort>, endpoints: Vec<Endpoint>) {
        let update = old.is_some();
        let mut slice = old.map_or_else(|| self.new_slice(), |it| (*it).clone());
        let endpoints = (!endpoints.is_empty()).then_some(endpoints);
        let ports = (!ports.is_empty()).then_some(ports);
        if update
            && same(&slice.endpoints, &endpoints)
            && same(&slice.ports, &ports)
            && slice.metadata.labels.as_ref() == Some(&self.labels)
        {
            return;
        }
        slice.metadata.labels = Some(self.labels.clone());
        if endpoints.is_some() {
            let Time(time) = api::time::time(self.now);
            let annotations = slice.metadata.annotations.get_or_insert_default();
            annotations.insert(TRIGGER_TIME.to_owned(), time.to_string());
        }
        (slice.endpoints, slice.ports) = (endpoints, ports);
        let request = if update { Request::Update(slice.into()) } else { Request::Create(slice.into()) };
        self.plan.push(request, Because::Endpoints);
    }

    fn new_slice(&self) -> EndpointSlice {
        let meta = &self.service.metadata;
        EndpointSlice {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}-", meta.name.as_deref().unwrap_or(""))),
                namespace: meta.namespace.clone(),
                owner_references: Some(vec![ownership::controller_reference(Kind::Service, meta)]),
                ..ObjectMeta::default()
            },
            address_type: "IPv4".to_owned(),
            ..EndpointSlice::default()
        }
    }
}

fn uid(endpoint: &Endpoint) -> Option<&str> {
    endpoint.target_ref.as_ref()?.uid.as_deref()
}
