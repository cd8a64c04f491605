//! Nodes as cards.

use std::collections::BTreeMap;

use api::{Node, Quantity, quantity};
use cluster::Cluster;
use sim::Gather as _;

use super::decision::bytes;
use crate::frame::{Amount, Gate, ImageCard, LabelChip, NodeCard, NodeState, TaintChip};

const IMAGES_SHOWN: usize = 40;

/// What the Pods of a node ask for and use.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    pub cpu_milli: i64,
    pub memory: i64,
    pub used_cpu_milli: i64,
    pub used_memory: i64,
    pub pods: i64,
}

pub fn card(node: &Node, cluster: &Cluster, load: Load, pods: Vec<String>, gate: Option<Gate>) -> NodeCard {
    let name = node.metadata.name.clone().unwrap_or_default();
    let spec = node.spec.clone().unwrap_or_default();
    let status = node.status.as_ref();
    let conditions = status.and_then(|it| it.conditions.as_deref()).unwrap_or_default();
    let state = match conditions.iter().find(|it| it.type_ == "Ready").map(|it| it.status.as_str()) {
        Some("True") => NodeState::Ready,
        Some("False") => NodeState::NotReady,
        _ => NodeState::Unknown,
    };
    let pressures = conditions
        .iter()
        .filter(|it| it.type_ != "Ready" && it.status == "True")
        .map(|it| it.type_.clone())
        .gather();
    let addresses = status.and_then(|it| it.addresses.as_deref()).unwrap_or_default();
    let labels = node.metadata.labels.clone().unwrap_or_default();
    NodeCard {
        state,
        cordoned: spec.unschedulable.unwrap_or(false),
        roles: roles(&labels),
        version: status
            .and_then(|it| it.node_info.as_ref())
            .map(|it| it.kubelet_version.clone())
            .unwrap_or_default(),
        address: addresses
            .iter()
            .find(|it| it.type_ == "InternalIP")
            .map(|it| it.address.clone())
            .unwrap_or_default(),
        amounts: amounts(status.and_then(|it| it.allocatable.as_ref()), load),
        labels: labels
            .into_iter()
            .map(|(key, value)| {
                let well_known = key.contains("kubernetes.io/");
                LabelChip { key, value, well_known }
            })
            .gather(),
        taints: spec
            .taints
            .unwrap_or_default()
            .into_iter()
            .map(|it| TaintChip { key: it.key, value: it.value.unwrap_or_default(), effect: it.effect })
            .gather(),
        pressures,
        images: cluster
            .runtime()
            .list_images(&name)
            .into_iter()
            .take(IMAGES_SHOWN)
            .map(|it| ImageCard {
                name: it.name.trim_start_matches("docker.io/library/").to_owned(),
                bytes: it.size_bytes,
            })
            .gather(),
        gate,
        pods,
        name,
    }
}

/// As `kubectl get nodes` prints ROLES.
fn roles(labels: &BTreeMap<String, String>) -> String {
    let roles: Vec<&str> = labels
        .keys()
        .filter_map(|it| it.strip_prefix("node-role.kubernetes.io/"))
        .filter(|it| !it.is_empty())
        .gather();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

fn amounts(allocatable: Option<&BTreeMap<String, Quantity>>, load: Load) -> Vec<Amount> {
    let of = |resource: &str| allocatable.and_then(|it| it.get(resource)).map(quantity::of);
    let cpu = of("cpu").map_or(0, api::quantity::Amount::milli_value);
    let memory = of("memory").map_or(0, api::quantity::Amount::value);
    let pods = of("pods").map_or(0, api::quantity::Amount::value);
    vec![
        Amount {
            resource: "cpu".to_owned(),
            allocatable: cpu,
            requested: load.cpu_milli,
            used: load.used_cpu_milli,
            text: format!("{} / {}", decimal(load.cpu_milli, 1_000), decimal(cpu, 1_000)),
        },
        Amount {
            resource: "memory".to_owned(),
            allocatable: memory.saturating_mul(1_000),
            requested: load.memory.saturating_mul(1_000),
            used: load.used_memory.saturating_mul(1_000),
            text: format!("{} / {}", bytes(load.memory), bytes(memory)),
        },
        Amount {
            resource: "pods".to_owned(),
            allocatable: pods * 1_000,
            requested: load.pods * 1_000,
            used: load.pods * 1_000,
            text: format!("{} / {pods}", load.pods),
        },
    ]
}

/// `2.5`, `4`
fn decimal(amount: i64, unit: i64) -> String {
    let text = format!("{}.{:02}", amount / unit, amount % unit * 100 / unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
