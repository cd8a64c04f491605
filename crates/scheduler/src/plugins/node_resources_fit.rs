//! What the Pod requests must be free on the node; nodes with more left score higher (LeastAllocated).
//!
//! Follows kubernetes v1.36 plugins/noderesources/fit.go and least_allocated.go.

use sim::Gather as _;

use crate::decision::{Code, Reasons, Rejection, Shortage};
use crate::framework::{Change, Cycle, MAX_NODE_SCORE, NodeView, Plugin, PreFilter, WakeEvent};
use crate::node_info::NodeInfo;
use crate::pod_info::PodInfo;
use crate::resources::Resources;

#[derive(Debug)]
pub struct NodeResourcesFit;

const NAME: &str = "NodeResourcesFit";

/// What is missing on a node for a Pod that requests this; a resource that the whole node is too small for comes
/// with `true`.
fn shortages(request: &Resources, node: &NodeInfo) -> Vec<(Shortage, bool)> {
    let mut missing = Vec::new();
    let mut check = |resource: &str, requested: i64, used: i64, capacity: i64| {
        if 0 < requested && capacity - used < requested {
            let shortage = Shortage { resource: resource.into(), requested, used, capacity };
            missing.push((shortage, resource != "pods" && capacity < requested));
        }
    };
    let (has, taken) = (&node.allocatable, &node.requested);
    check("pods", 1, node.pods.len() as i64, has.pods);
    check("cpu", request.milli_cpu, taken.milli_cpu, has.milli_cpu);
    check("memory", request.memory, taken.memory, has.memory);
    check("ephemeral-storage", request.ephemeral_storage, taken.ephemeral_storage, has.ephemeral_storage);
    for (name, amount) in &request.scalar {
        check(name, *amount, taken.scalar(name), has.scalar(name));
    }
    missing
}

/// Whether there is more than before of anything that is asked for. Places for Pods are always asked for.
fn any_more(request: &Resources, before: &Resources, after: &Resources) -> bool {
    before.pods < after.pods
        || (0 < request.milli_cpu && before.milli_cpu < after.milli_cpu)
        || (0 < request.memory && before.memory < after.memory)
        || (0 < request.ephemeral_storage && before.ephemeral_storage < after.ephemeral_storage)
        || request.scalar.iter().any(|it| 0 < it.1 && before.scalar(&it.0) < after.scalar(&it.0))
}

/// Whether an empty node of this size would do.
fn fits_empty(request: &Resources, node: &NodeInfo) -> bool {
    let has = &node.allocatable;
    0 < has.pods
        && request.milli_cpu <= has.milli_cpu
        && request.memory <= has.memory
        && request.ephemeral_storage <= has.ephemeral_storage
        && request.scalar.iter().all(|(name, amount)| *amount <= has.scalar(name))
}

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn pre_filter(&self, _cycle: &mut Cycle<'_>) -> PreFilter {
        PreFilter::Run
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        let missing = shortages(&cycle.pod.requests.incoming, node.info);
        if missing.is_empty() {
            return Ok(());
        }
        let code = if missing.iter().any(|it| it.1) {
            Code::UnschedulableAndUnresolvable
        } else {
            Code::Unschedulable
        };
        let reasons = Reasons::Short(missing.into_iter().map(|it| it.0).gather());
        Err(Rejection { plugin: NAME, code, reasons })
    }

    fn weight(&self) -> i64 {
        1
    }

    fn score(&self, cycle: &Cycle<'_>, feasible: &[usize]) -> Vec<i64> {
        let (cpu, memory) = cycle.pod.requests.least_allocated;
        let nodes = cycle.snapshot.nodes();
        let score = |at: &usize| {
            let node = &nodes[*at];
            let both = [
                least_allocated(node.non_zero_requested.0 + cpu, node.allocatable.milli_cpu),
                least_allocated(node.non_zero_requested.1 + memory, node.allocatable.memory),
            ];
            let sum: i64 = both.iter().flatten().sum();
            sum.checked_div(both.iter().flatten().count() as i64).unwrap_or(0)
        };
        feasible.iter().map(score).gather()
    }

    fn wake_events(&self) -> &'static [WakeEvent] {
        &[WakeEvent::NodeAdded, WakeEvent::NodeAllocatable, WakeEvent::PodDeleted, WakeEvent::PodScaledDown]
    }

    fn may_help(&self, waiting: &PodInfo, change: Change<'_>) -> bool {
        let request = &waiting.requests.incoming;
        match change {
            Change::NodeAdded(node) => fits_empty(request, node),
            Change::NodeUpdated { old, new } => {
                fits_empty(request, new) && any_more(request, &old.allocatable, &new.allocatable)
            }
            Change::PodDeleted(_) => true,
            Change::PodUpdated { old, new } => any_more(request, &new.requests.placed, &old.requests.placed),
            Change::OwnUpdate { old, new } => {
                any_more(&old.requests.placed, &new.requests.placed, &old.requests.placed)
            }
            _ => false,
        }
    }
}

/// The free share in percent; a node without the resource does not count.
fn least_allocated(requested: i64, capacity: i64) -> Option<i64> {
    if capacity == 0 {
        return None;
    }
    Some(if capacity < requested { 0 } else { (capacity - requested) * MAX_NODE_SCORE / capacity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_share() {
        assert_eq!(least_allocated(1000, 4000), Some(75));
        assert_eq!(least_allocated(5000, 4000), Some(0));
        assert_eq!(least_allocated(0, 0), None);
    }
}
