//! Cluster IPs and node ports of Services.
//!
//! Follows kubernetes v1.36 pkg/registry/core/service: the ranges are 10.96.0.0/12 and 30000–32767.

use std::sync::Arc;

use api::{Kind, Object, Service};
use sim::{Gather as _, Rng};

use crate::store::Store;

pub const NODE_PORT_MIN: i32 = 30_000;
pub const NODE_PORT_MAX: i32 = 32_767;
/// How often a random choice is tried before the range counts as full.
const TRIES_MAX: u32 = 10_000;

fn services(store: &Store) -> impl Iterator<Item = &Service> {
    store.list(Kind::Service).filter_map(|it| match &it.object {
        Object::Service(it) => Some(&**it),
        _ => None,
    })
}

pub(crate) fn ip_is_taken(store: &Store, ip: &str) -> bool {
    services(store).any(|it| it.spec.as_ref().and_then(|it| it.cluster_ip.as_deref()) == Some(ip))
}

pub(crate) fn port_is_taken(store: &Store, port: i32) -> bool {
    services(store).any(|it| {
        let spec = it.spec.as_ref();
        spec.is_some_and(|it| {
            it.health_check_node_port == Some(port)
                || it.ports.iter().flatten().any(|it| it.node_port == Some(port))
        })
    })
}

/// Fills in what the Service asks for and does not name.
pub(crate) fn service(object: &mut Object, store: &Store, rng: &mut Rng) {
    let Object::Service(service) = object else { return };
    let Some(spec) = &mut Arc::make_mut(service).spec else { return };
    let type_ = spec.type_.as_deref().unwrap_or("ClusterIP").to_owned();
    if type_ == "ExternalName" {
        return;
    }
    if spec.cluster_ip.as_deref().is_none_or(str::is_empty) {
        let free = (0..TRIES_MAX).map(|_| {
            let host = 256 + rng.below((1 << 20) - 512);
            format!("10.{}.{}.{}", 96 + (host >> 16), host >> 8 & 255, host & 255)
        });
        spec.cluster_ip = free.into_iter().find(|it| !ip_is_taken(store, it));
    }
    if spec.cluster_ips.as_ref().is_none_or(Vec::is_empty) {
        spec.cluster_ips = spec.cluster_ip.clone().map(|it| vec![it]);
    }
    spec.ip_families.get_or_insert_with(|| vec!["IPv4".to_owned()]);
    spec.ip_family_policy.get_or_insert_with(|| "SingleStack".to_owned());
    let wants_ports = type_ == "NodePort"
        || (type_ == "LoadBalancer" && spec.allocate_load_balancer_node_ports != Some(false));
    if !wants_ports {
        return;
    }
    let mut taken: Vec<i32> = spec.ports.iter().flatten().filter_map(|it| it.node_port).gather();
    let mut free = |taken: &mut Vec<i32>| {
        let range = (NODE_PORT_MAX - NODE_PORT_MIN + 1) as u64;
        let mut ports = (0..TRIES_MAX).map(|_| NODE_PORT_MIN + rng.below(range) as i32);
        let port = ports.find(|it| !taken.contains(it) && !port_is_taken(store, *it));
        taken.extend(port);
        port
    };
    for port in spec.ports.iter_mut().flatten() {
        if port.node_port.unwrap_or(0) == 0 {
            port.node_port = free(&mut taken);
        }
    }
    let local = spec.external_traffic_policy.as_deref() == Some("Local");
    if type_ == "LoadBalancer" && local && spec.health_check_node_port.unwrap_or(0) == 0 {
        spec.health_check_node_port = free(&mut taken);
    }
}
