//! A Pod that names its node fits no other.
//!
//! Follows kubernetes v1.36 plugins/nodename.

use crate::decision::Rejection;
use crate::framework::{Cycle, NodeView, Plugin};
use crate::pod_info::PodInfo;

#[derive(Debug)]
pub struct NodeName;

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        let wanted = cycle.pod.node_name();
        if wanted.is_empty() || *wanted == *node.info.name {
            return Ok(());
        }
        Err(Rejection::unresolvable(self.name(), "node(s) didn't match the requested node name"))
    }

    fn admits_everywhere(&self, pod: &PodInfo) -> bool {
        pod.node_name().is_empty()
    }
}
