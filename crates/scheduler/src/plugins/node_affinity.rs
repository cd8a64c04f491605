//! nodeSelector and node affinity.
//!
//! Follows kubernetes v1.36 plugins/nodeaffinity.

use sim::Gather as _;

use crate::decision::Rejection;
use crate::framework::{
    Change, Cycle, NodeView, Plugin, PreFilter, PreScore, WakeEvent, normalize_by_highest,
};
use crate::node_info::NodeInfo;
use crate::pod_info::PodInfo;

#[derive(Debug)]
pub struct NodeAffinity;

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn pre_filter(&self, cycle: &mut Cycle<'_>) -> PreFilter {
        if cycle.pod.node_affinity.is_trivial() {
            return PreFilter::Skip;
        }
        match &cycle.pod.named_nodes {
            Some(names) if names.is_empty() => PreFilter::Reject("pod affinity terms conflict".into()),
            Some(names) => PreFilter::Only(names.clone()),
            None => PreFilter::Run,
        }
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        if cycle.pod.node_affinity.matches(&node.info.name, node.info.labels()) {
            return Ok(());
        }
        Err(Rejection::unresolvable(self.name(), "node(s) didn't match Pod's node affinity/selector"))
    }

    fn weight(&self) -> i64 {
        2
    }

    fn pre_score(&self, cycle: &mut Cycle<'_>, _feasible: &[usize]) -> PreScore {
        if cycle.pod.preferred_nodes.is_none() { PreScore::Skip } else { PreScore::Run }
    }

    fn score(&self, cycle: &Cycle<'_>, feasible: &[usize]) -> Vec<i64> {
        let terms = cycle.pod.preferred_nodes.as_deref().unwrap_or_default();
        let nodes = cycle.snapshot.nodes();
        let score = |at: &usize| {
            let node = &nodes[*at];
            terms.iter().map(|it| it.score(&node.name, node.labels())).sum()
        };
        feasible.iter().map(score).gather()
    }

    fn normalize(&self, _cycle: &Cycle<'_>, _feasible: &[usize], scores: &mut [i64]) {
        normalize_by_highest(scores, false);
    }

    fn wake_events(&self) -> &'static [WakeEvent] {
        &[WakeEvent::NodeAdded, WakeEvent::NodeLabels]
    }

    fn may_help(&self, waiting: &PodInfo, change: Change<'_>) -> bool {
        let matches = |node: &NodeInfo| waiting.node_affinity.matches(&node.name, node.labels());
        match change {
            Change::NodeAdded(node) => matches(node),
            Change::NodeUpdated { old, new } => !matches(old) && matches(new),
            _ => false,
        }
    }
}
