//! Services.
//!
//! Follows kubernetes v1.36 pkg/apis/core/validation: validateService, and the allocators' complaints.

use std::net::{IpAddr, Ipv4Addr};

use api::k8s_openapi::api::core::v1::ServiceSpec;
use api::{Kind, Service, syntax};
use sim::VecSet;

use super::container::{port_number, port_or_name};
use super::{meta, text};
use crate::allocate::{self, NODE_PORT_MAX, NODE_PORT_MIN};
use crate::field::{Errors, Raw};
use crate::store::Store;

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

pub(super) fn service(service: &Service, old: Option<&Service>, store: &Store, errors: &mut Errors) {
    meta::metadata(&service.metadata, Kind::Service, errors);
    let Some(spec) = &service.spec else { return };
    let type_ = text(spec.type_.as_ref());
    let headless = text(spec.cluster_ip.as_ref()) == "None";
    let ports = spec.ports.as_deref().unwrap_or_default();
    if ports.is_empty() && !headless && type_ != "ExternalName" {
        errors.required("spec.ports", "");
    }
    match type_ {
        "LoadBalancer" | "NodePort" if headless => {
            let why = format!("may not be set to 'None' for {type_} services");
            errors.invalid("spec.clusterIPs[0]", "None", &why);
        }
        "ExternalName" => {
            let name = text(spec.external_name.as_ref());
            let name = name.strip_suffix('.').unwrap_or(name);
            if name.is_empty() {
                errors.required("spec.externalName", "");
            } else {
                errors.invalid_all("spec.externalName", name, syntax::dns1123_subdomain(name));
            }
        }
        _ => {}
    }
    self::ports(spec, errors);
    if let Some(labels) = &spec.selector {
        meta::labels(labels, "spec.selector", errors);
    }
    errors.one_of("spec.sessionAffinity", spec.session_affinity.as_deref(), &["ClientIP", "None"]);
    let before = errors.0.len();
    for (index, ip) in spec.cluster_ips.iter().flatten().enumerate() {
        if ip != "None" && !ip.is_empty() && ip.parse::<IpAddr>().is_err() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            errors.invalid(format!("spec.clusterIPs[{index}]"), ip, why);
        }
    }
    errors.one_of("spec.type", Some(type_), TYPES);
    if type_ == "ClusterIP" {
        for (index, port) in ports.iter().enumerate() {
            if port.node_port.unwrap_or(0) != 0 {
                let why = "may not be used when `type` is 'ClusterIP'";
                errors.forbidden(format!("spec.ports[{index}].nodePort"), why);
            }
        }
    }
    traffic(spec, type_, errors);
    if let Some(old) = old.and_then(|it| it.spec.as_ref()) {
        kept_address(spec, old, errors);
    } else if errors.0.len() == before {
        allocation(spec, store, errors);
    }
}

fn ports(spec: &ServiceSpec, errors: &mut Errors) {
    let ports = spec.ports.as_deref().unwrap_or_default();
    let mut names = VecSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        let name = text(port.name.as_ref());
        if name.is_empty() {
            if 1 < ports.len() {
                errors.required(format!("{path}.name"), "");
            }
        } else {
            errors.invalid_all(&format!("{path}.name"), name, syntax::dns1123_label(name));
            if !names.insert(name) {
                errors.duplicate(format!("{path}.name"), name);
            }
        }
        port_number(port.port, &format!("{path}.port"), errors);
        errors.one_of(format!("{path}.protocol"), port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
        if let Some(target) = &port.target_port {
            port_or_name(target, &format!("{path}.targetPort"), errors);
        }
    }
}

fn traffic(spec: &ServiceSpec, type_: &str, errors: &mut Errors) {
    let external_ips = spec.external_ips.as_ref().is_some_and(|it| !it.is_empty());
    let external = matches!(type_, "NodePort" | "LoadBalancer") || (type_ == "ClusterIP" && external_ips);
    if let Some(policy) = spec.external_traffic_policy.as_deref() {
        if external {
            errors.one_of("spec.externalTrafficPolicy", Some(policy), &["Cluster", "Local"]);
        } else {
            let why = "may only be set for externally-accessible services";
            errors.invalid("spec.externalTrafficPolicy", policy, why);
        }
    }
    errors.one_of(
        "spec.internalTrafficPolicy",
        spec.internal_traffic_policy.as_deref(),
        &["Cluster", "Local"],
    );
    if spec.allocate_load_balancer_node_ports.is_some() && type_ != "LoadBalancer" {
        let why = "may only be used when `type` is 'LoadBalancer'";
        errors.forbidden("spec.allocateLoadBalancerNodePorts", why);
    }
}

fn kept_address(spec: &ServiceSpec, old: &ServiceSpec, errors: &mut Errors) {
    let (new, before) = (text(spec.cluster_ip.as_ref()), text(old.cluster_ip.as_ref()));
    let external = |it: &ServiceSpec| text(it.type_.as_ref()) == "ExternalName";
    if !external(spec) && !external(old) && !before.is_empty() && new != before {
        let value = Raw(api::codec::to_text(&spec.cluster_ips));
        errors.invalid("spec.clusterIPs[0]", &value, "may not change once set");
    }
}

/// What the allocators of the real server refuse.
fn allocation(spec: &ServiceSpec, store: &Store, errors: &mut Errors) {
    if !errors.0.is_empty() {
        return;
    }
    let ip = text(spec.cluster_ip.as_ref());
    if let Ok(address) = ip.parse::<Ipv4Addr>() {
        let value = Raw(format!("[\"{ip}\"]"));
        let [a, b, ..] = address.octets();
        if a != 10 || !(96..112).contains(&b) {
            let why =
                format!("failed to allocate IP {ip}: the provided network does not match the current range");
            errors.invalid("spec.clusterIPs", &value, &why);
        } else if allocate::ip_is_taken(store, ip) {
            let why = format!("failed to allocate IP {ip}: provided IP is already allocated");
            errors.invalid("spec.clusterIPs", &value, &why);
        }
    }
    for (index, port) in spec.ports.iter().flatten().enumerate() {
        let Some(port) = port.node_port.filter(|it| *it != 0) else { continue };
        let path = format!("spec.ports[{index}].nodePort");
        if !(NODE_PORT_MIN..=NODE_PORT_MAX).contains(&port) {
            let why = format!(
                "provided port is not in the valid range. The range of valid ports is {NODE_PORT_MIN}-{NODE_PORT_MAX}"
            );
            errors.invalid(path, &port, &why);
        } else if allocate::port_is_taken(store, port) {
            errors.invalid(path, &port, "provided port is already allocated");
        }
    }
}
