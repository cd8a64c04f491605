//! A host port is given out once a node.
//!
//! Follows kubernetes v1.36 plugins/nodeports.

use crate::decision::Rejection;
use crate::framework::{Change, Cycle, NodeView, Plugin, PreFilter, WakeEvent};
use crate::pod_info::PodInfo;

#[derive(Debug)]
pub struct NodePorts;

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn pre_filter(&self, cycle: &mut Cycle<'_>) -> PreFilter {
        if cycle.pod.host_ports.is_empty() { PreFilter::Skip } else { PreFilter::Run }
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        let taken = |wanted| node.info.used_ports.iter().any(|it| it.conflicts(wanted));
        if cycle.pod.host_ports.iter().any(taken) {
            let reason = "node(s) didn't have free ports for the requested pod ports";
            return Err(Rejection::unschedulable(self.name(), reason));
        }
        Ok(())
    }

    fn wake_events(&self) -> &'static [WakeEvent] {
        &[WakeEvent::NodeAdded, WakeEvent::PodDeleted]
    }

    fn may_help(&self, waiting: &PodInfo, change: Change<'_>) -> bool {
        match change {
            Change::NodeAdded(_) => true,
            Change::PodDeleted(pod) => {
                waiting.host_ports.iter().any(|port| pod.host_ports.iter().any(|it| it.conflicts(port)))
            }
            _ => false,
        }
    }
}
