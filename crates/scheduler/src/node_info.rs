//! A node and the Pods on it, summed up.
//!
//! Follows kubernetes v1.36 pkg/scheduler/framework/types.go: NodeInfo.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use api::codec::same;
use api::k8s_openapi::api::core::v1::Taint;
use api::{Node, taints};
use sim::Gather as _;

use crate::pod_info::{HostPort, PodInfo};
use crate::resources::Resources;
use crate::selector::{Labels, labels_of};

/// Changed through `add_pod` and `remove_pod` only, so that the sums always fit the Pods.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    pub name: Arc<str>,
    pub node: Arc<Node>,
    pub unschedulable: bool,
    pub has_taints: bool,
    pub allocatable: Resources,
    pub requested: Resources,
    /// cpu and memory with defaults for containers that request none.
    pub non_zero_requested: (i64, i64),
    pub pods: Vec<Arc<PodInfo>>,
    /// A set: two Pods with one host port cannot be on a node.
    pub used_ports: Vec<HostPort>,
    /// Normalised names, sorted.
    pub images: Arc<[Arc<str>]>,
}

impl PartialEq for NodeInfo {
    /// All the rest is computed from these.
    fn eq(&self, other: &NodeInfo) -> bool {
        (Arc::ptr_eq(&self.node, &other.node) || same(&*self.node, &*other.node)) && self.pods == other.pods
    }
}

impl Eq for NodeInfo {}

impl Hash for NodeInfo {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.node.metadata.resource_version.hash(state);
        self.requested.hash(state);
        self.pods.hash(state);
    }
}

impl NodeInfo {
    pub fn new(node: Arc<Node>) -> NodeInfo {
        let mut info = NodeInfo {
            name: node.metadata.name.as_deref().unwrap_or("").into(),
            node: node.clone(),
            unschedulable: false,
            has_taints: false,
            allocatable: Resources::default(),
            requested: Resources::default(),
            non_zero_requested: (0, 0),
            pods: Vec::new(),
            used_ports: Vec::new(),
            images: Arc::default(),
        };
        info.set_node(node);
        info
    }

    pub fn set_node(&mut self, node: Arc<Node>) {
        let spec = node.spec.as_ref();
        self.unschedulable = spec.and_then(|it| it.unschedulable).unwrap_or(false);
        self.has_taints = spec.and_then(|it| it.taints.as_ref()).is_some_and(|it| !it.is_empty());
        let status = node.status.as_ref();
        self.allocatable = Resources::of_list(status.and_then(|it| it.allocatable.as_ref()));
        let images = status.and_then(|it| it.images.as_deref()).unwrap_or_default();
        let mut names: Vec<Arc<str>> =
            images.iter().flat_map(|it| it.names.iter().flatten()).map(|it| it.as_str().into()).gather();
        names.sort();
        names.dedup();
        self.images = names.into();
        self.node = node;
    }

    pub fn labels(&self) -> &Labels {
        labels_of(self.node.metadata.labels.as_ref())
    }

    pub fn taints(&self) -> &[Taint] {
        taints::of(&self.node)
    }

    pub fn declares(&self, feature: &str) -> bool {
        let declared = self.node.status.as_ref().and_then(|it| it.declared_features.as_deref());
        declared.unwrap_or_default().iter().any(|it| it == feature)
    }

    pub fn has_image(&self, name: &str) -> bool {
        self.images.binary_search_by(|it| (**it).cmp(name)).is_ok()
    }

    pub fn add_pod(&mut self, pod: Arc<PodInfo>) {
        self.count(&pod, 1);
        for port in &pod.host_ports {
            if !self.used_ports.contains(port) {
                self.used_ports.push(port.clone());
            }
        }
        self.pods.push(pod);
    }

    /// Answers with what was counted for the Pod.
    pub fn remove_pod(&mut self, pod: &PodInfo) -> Option<Arc<PodInfo>> {
        let at = self.pods.iter().position(|it| it.key == pod.key)?;
        let removed = self.pods.swap_remove(at);
        self.count(&removed, -1);
        self.used_ports.retain(|it| !removed.host_ports.contains(it));
        Some(removed)
    }

    fn count(&mut self, pod: &PodInfo, sign: i64) {
        self.requested.add(&pod.requests.placed, sign);
        self.non_zero_requested.0 += sign * pod.requests.placed_non_zero.0;
        self.non_zero_requested.1 += sign * pod.requests.placed_non_zero.1;
    }
}
