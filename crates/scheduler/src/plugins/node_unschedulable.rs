//! A cordoned node takes only Pods that tolerate that.
//!
//! Follows kubernetes v1.36 plugins/nodeunschedulable.

use api::k8s_openapi::api::core::v1::Taint;
use api::taints::tolerates;

use crate::decision::Rejection;
use crate::framework::{Change, Cycle, NodeView, Plugin, WakeEvent};
use crate::pod_info::PodInfo;

#[derive(Debug)]
pub struct NodeUnschedulable;

/// The taint that a cordoned node counts as having.
fn cordon() -> Taint {
    let (key, effect) = ("node.kubernetes.io/unschedulable", "NoSchedule");
    Taint { key: key.to_owned(), effect: effect.to_owned(), ..Taint::default() }
}

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        if !node.info.unschedulable {
            return Ok(());
        }
        if cycle.pod.tolerations().iter().any(|it| tolerates(it, &cordon())) {
            return Ok(());
        }
        Err(Rejection::unresolvable(self.name(), "node(s) were unschedulable"))
    }

    fn wake_events(&self) -> &'static [WakeEvent] {
        &[WakeEvent::NodeAdded, WakeEvent::NodeTaints, WakeEvent::OwnTolerations]
    }

    fn may_help(&self, _waiting: &PodInfo, change: Change<'_>) -> bool {
        match change {
            Change::NodeAdded(node) => !node.unschedulable,
            Change::NodeUpdated { old, new } => old.unschedulable && !new.unschedulable,
            Change::OwnUpdate { new, .. } => new.tolerations().iter().any(|it| tolerates(it, &cordon())),
            _ => false,
        }
    }
}
