//! What kube-proxy and CoreDNS do together: Services and their endpoints become routes and names of the network.

use api::{EndpointSlice, Kind, Object, Service};
use apiserver::ApiServer;
use runtime::{ServiceEntry, ServicePort};
use sim::{Gather as _, VecMap};

/// The whole table, from what the store holds now.
pub fn service_table(api: &ApiServer) -> Vec<ServiceEntry> {
    let mut slices: VecMap<(String, String), Vec<&EndpointSlice>> = VecMap::new();
    for stored in api.store().list(Kind::EndpointSlice) {
        if let Object::EndpointSlice(slice) = &stored.object {
            let labels = slice.metadata.labels.as_ref();
            if let Some(service) = labels.and_then(|it| it.get("kubernetes.io/service-name")) {
                slices
                    .entry((stored.object.namespace().to_owned(), service.clone()))
                    .or_default()
                    .push(slice);
            }
        }
    }
    let services = api.store().list(Kind::Service);
    services
        .filter_map(|it| {
            if let Object::Service(service) = &it.object { Some((&it.object, service)) } else { None }
        })
        .map(|(object, service)| {
            let key = (object.namespace().to_owned(), object.name().to_owned());
            entry(key.0.clone(), key.1.clone(), service, slices.get(&key).map_or(&[], Vec::as_slice))
        })
        .gather()
}

fn entry(namespace: String, name: String, service: &Service, slices: &[&EndpointSlice]) -> ServiceEntry {
    let spec = service.spec.as_ref();
    let ports = spec.and_then(|it| it.ports.as_deref()).unwrap_or_default();
    let ports = ports
        .iter()
        .map(|port| ServicePort {
            name: port.name.clone().unwrap_or_default(),
            port: port.port as u16,
            node_port: port.node_port.unwrap_or(0) as u16,
            endpoints: endpoints(slices, port.name.as_deref().unwrap_or("")),
        })
        .gather();
    let cluster_ip = spec.and_then(|it| it.cluster_ip.clone()).filter(|it| it != "None").unwrap_or_default();
    let external_name = spec.and_then(|it| it.external_name.clone()).unwrap_or_default();
    let addresses = if cluster_ip.is_empty() { addresses(slices) } else { Vec::new() };
    ServiceEntry { namespace, name, cluster_ip, external_name, ports, addresses }
}

/// What the name of a headless Service stands for: its ready endpoints.
fn addresses(slices: &[&EndpointSlice]) -> Vec<(String, String)> {
    let endpoints = slices.iter().flat_map(|it| it.endpoints.iter().flatten());
    let ready = endpoints.filter(|it| it.conditions.as_ref().and_then(|it| it.ready).unwrap_or(true));
    ready
        .flat_map(|it| it.addresses.iter().map(|ip| (it.hostname.clone().unwrap_or_default(), ip.clone())))
        .gather()
}

/// Ready endpoints; when there are none, those that still serve while they terminate.
///
/// Follows kubernetes v1.36 pkg/proxy/topology.go: CategorizeEndpoints.
fn endpoints(slices: &[&EndpointSlice], port_name: &str) -> Vec<(String, u16)> {
    let collect = |wanted: fn(bool, bool) -> bool| -> Vec<(String, u16)> {
        let mut found = Vec::new();
        for slice in slices {
            let ports = slice.ports.iter().flatten();
            let port =
                ports.filter(|it| it.name.as_deref().unwrap_or("") == port_name).find_map(|it| it.port);
            let Some(port) = port else { continue };
            for endpoint in slice.endpoints.iter().flatten() {
                let conditions = endpoint.conditions.as_ref();
                let ready = conditions.and_then(|it| it.ready).unwrap_or(true);
                let serving = conditions.and_then(|it| it.serving).unwrap_or(ready);
                if wanted(ready, serving) {
                    found.extend(endpoint.addresses.iter().map(|it| (it.clone(), port as u16)));
                }
            }
        }
        found
    };
    let ready = collect(|ready, _| ready);
    if ready.is_empty() { collect(|_, serving| serving) } else { ready }
}
