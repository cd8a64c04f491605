//! Taints keep Pods away unless they tolerate them.
//!
//! Follows kubernetes v1.36 plugins/tainttoleration.

use api::k8s_openapi::api::core::v1::Toleration;
use api::taints::tolerates;
use sim::Gather as _;

use crate::decision::Rejection;
use crate::framework::{Change, Cycle, NodeView, Plugin, WakeEvent, normalize_by_highest};
use crate::node_info::NodeInfo;
use crate::pod_info::PodInfo;

#[derive(Debug)]
pub struct TaintToleration;

/// Whether a taint that forbids scheduling stands against the Pod.
pub fn untolerated(node: &NodeInfo, tolerations: &[Toleration]) -> bool {
    node.has_taints
        && node
            .taints()
            .iter()
            .filter(|it| matches!(it.effect.as_str(), "NoSchedule" | "NoExecute"))
            .any(|taint| !tolerations.iter().any(|it| tolerates(it, taint)))
}

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        if untolerated(node.info, cycle.pod.tolerations()) {
            return Err(Rejection::unresolvable(self.name(), "node(s) had untolerated taint(s)"));
        }
        Ok(())
    }

    fn weight(&self) -> i64 {
        3
    }

    fn score(&self, cycle: &Cycle<'_>, feasible: &[usize]) -> Vec<i64> {
        let concerned =
            |it: &&Toleration| matches!(it.effect.as_deref(), None | Some("" | "PreferNoSchedule"));
        let tolerations: Vec<&Toleration> = cycle.pod.tolerations().iter().filter(concerned).gather();
        let count = |node: &NodeInfo| {
            let soft = node.taints().iter().filter(|it| it.effect == "PreferNoSchedule");
            soft.filter(|taint| !tolerations.iter().any(|it| tolerates(it, taint))).count() as i64
        };
        let nodes = cycle.snapshot.nodes();
        feasible.iter().map(|it| if nodes[*it].has_taints { count(&nodes[*it]) } else { 0 }).gather()
    }

    fn normalize(&self, _cycle: &Cycle<'_>, _feasible: &[usize], scores: &mut [i64]) {
        normalize_by_highest(scores, true);
    }

    fn wake_events(&self) -> &'static [WakeEvent] {
        &[WakeEvent::NodeAdded, WakeEvent::NodeTaints, WakeEvent::OwnTolerations]
    }

    fn may_help(&self, waiting: &PodInfo, change: Change<'_>) -> bool {
        let stands = |node: &NodeInfo| untolerated(node, waiting.tolerations());
        match change {
            Change::NodeAdded(node) => !stands(node),
            Change::NodeUpdated { old, new } => stands(old) && !stands(new),
            Change::OwnUpdate { old, new } => old.tolerations().len() != new.tolerations().len(),
            _ => false,
        }
    }
}
