//! May this Pod run here? The node has the last word, whoever bound it.
//!
//! Follows kubernetes v1.36 pkg/kubelet/lifecycle/predicate.go: Admit; pkg/scheduler: AdmissionCheck.

use api::k8s_openapi::api::core::v1::Node;
use api::{Pod, quantity, selector};
use sim::Gather as _;

use crate::pod;
use crate::resources::request_amounts;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub reason: String,
    pub message: String,
}

fn predicate(name: &str, why: &str) -> Refusal {
    Refusal { reason: name.to_owned(), message: format!("Predicate {name} failed: {why}") }
}

fn out_of(resource: &str, requested: i64, used: i64, capacity: i64) -> Refusal {
    Refusal {
        reason: format!("OutOf{resource}"),
        message: format!(
            "Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: {capacity}"
        ),
    }
}

/// The first reason against it, in upstream's order. `others` are the Pods that are active on the node.
pub fn refusal(pod: &Pod, node: &Node, others: &[&Pod]) -> Option<Refusal> {
    too_large(pod, node, others).or_else(|| wrong_node(pod, node)).or_else(|| port_taken(pod, others))
}

/// Does the node hold it beside the others?
pub fn too_large(pod: &Pod, node: &Node, others: &[&Pod]) -> Option<Refusal> {
    let allocatable = node.status.as_ref()?.allocatable.as_ref()?;
    let capacity = |name: &str| quantity::of_option(allocatable.get(name));
    let count = others.len() as i64;
    if capacity("pods").value() < count + 1 {
        return Some(out_of("pods", 1, count, capacity("pods").value()));
    }
    for (name, amount) in request_amounts(pod) {
        if amount.is_zero() {
            continue;
        }
        let number = |it: quantity::Amount| if name == "cpu" { it.milli_value() } else { it.value() };
        let used: i64 = others
            .iter()
            .map(|it| number(request_amounts(it).get(&name).copied().unwrap_or_default()))
            .fold(0, i64::saturating_add);
        let (requested, room) = (number(amount), number(capacity(&name)));
        // Extended resources that the node does not know are none of its business.
        if (allocatable.contains_key(&name) || !name.contains('/')) && room.saturating_sub(used) < requested {
            return Some(out_of(&name, requested, used, room));
        }
    }
    None
}

fn wrong_node(pod: &Pod, node: &Node) -> Option<Refusal> {
    let spec = pod::spec(pod);
    let chosen =
        spec.node_selector.as_ref().is_none_or(|it| selector::is_subset(it, node.metadata.labels.as_ref()));
    let affinity = spec.affinity.as_ref().and_then(|it| it.node_affinity.as_ref());
    let required = affinity.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
    if !chosen || !required.is_none_or(|it| selector::node_selector_matches(it, node)) {
        return Some(predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector"));
    }
    None
}

type HostPort = (i32, String, String);

fn host_ports(pod: &Pod) -> impl Iterator<Item = HostPort> {
    let sidecars = pod::init_containers(pod).iter().filter(|it| pod::is_sidecar(it));
    let ports = pod::app_containers(pod).iter().chain(sidecars).flat_map(|it| it.ports.iter().flatten());
    ports.filter_map(|it| {
        let port = it.host_port.filter(|it| *it != 0)?;
        let protocol = it.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        let ip = it.host_ip.clone().filter(|it| !it.is_empty()).unwrap_or_else(|| "0.0.0.0".to_owned());
        Some((port, protocol, ip))
    })
}

fn port_taken(pod: &Pod, others: &[&Pod]) -> Option<Refusal> {
    let clash = |a: &HostPort, b: &HostPort| {
        a.0 == b.0 && a.1 == b.1 && (a.2 == b.2 || a.2 == "0.0.0.0" || b.2 == "0.0.0.0")
    };
    let taken: Vec<HostPort> = others.iter().flat_map(|it| host_ports(it)).gather();
    if host_ports(pod).any(|port| taken.iter().any(|it| clash(&port, it))) {
        return Some(predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports"));
    }
    None
}
