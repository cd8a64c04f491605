//! A few Pod fields need a feature that the node's kubelet declares.
//!
//! Follows kubernetes v1.36 plugins/nodedeclaredfeatures and component-helpers/nodedeclaredfeatures.

use crate::decision::Rejection;
use crate::framework::{Change, Cycle, NodeView, Plugin, PreFilter, WakeEvent};
use crate::pod_info::PodInfo;

#[derive(Debug)]
pub struct NodeDeclaredFeatures;

/// The features that a Pod needs of its node.
pub fn required_features(pod: &PodInfo) -> Vec<&'static str> {
    let Some(spec) = &pod.pod.spec else { return Vec::new() };
    let mut required = Vec::new();
    let mut containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let rules = |it: &api::k8s_openapi::api::core::v1::Container| {
        it.restart_policy_rules.iter().flatten().any(|it| it.action == "RestartAllContainers")
    };
    if containers.any(rules) {
        required.push("RestartAllContainersOnContainerExits");
    }
    if spec.host_network == Some(true) && spec.host_users == Some(false) {
        required.push("UserNamespacesHostNetworkSupport");
    }
    required
}

impl Plugin for NodeDeclaredFeatures {
    fn name(&self) -> &'static str {
        "NodeDeclaredFeatures"
    }

    fn pre_filter(&self, cycle: &mut Cycle<'_>) -> PreFilter {
        cycle.features = required_features(cycle.pod);
        if cycle.features.is_empty() { PreFilter::Skip } else { PreFilter::Run }
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        if cycle.features.iter().all(|it| node.info.declares(it)) {
            return Ok(());
        }
        Err(Rejection::unresolvable(self.name(), "node(s) didn't match Pod's required features"))
    }

    fn wake_events(&self) -> &'static [WakeEvent] {
        &[WakeEvent::NodeAdded, WakeEvent::NodeFeatures]
    }

    fn may_help(&self, waiting: &PodInfo, change: Change<'_>) -> bool {
        match change {
            Change::NodeAdded(node) | Change::NodeUpdated { new: node, .. } => {
                required_features(waiting).iter().all(|it| node.declares(it))
            }
            _ => false,
        }
    }
}
