//! A cordoned node takes only Pods that tolerate that.
//!
//! Follows kubernetes v1.36 plugins/nodeunschedulable.

use api::k8s_openapi::api::core::v1::Taint;

use crate::decision::Rejection;
use crate::framework::{Cycle, NodeView, Plugin};
use crate::plugins::taint_toleration::tolerates;

#[derive(Debug)]
pub struct NodeUnschedulable;

const TAINT: &str = "node.kubernetes.io/unschedulable";

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        if !node.info.unschedulable {
            return Ok(());
        }
        let taint = Taint { key: TAINT.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() };
        if cycle.pod.tolerations().iter().any(|it| tolerates(it, &taint)) {
            return Ok(());
        }
        Err(Rejection::unresolvable(self.name(), "node(s) were unschedulable"))
    }
}
