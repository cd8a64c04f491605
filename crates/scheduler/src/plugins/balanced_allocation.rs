//! Prefers nodes where the Pod evens out the use of cpu and memory.
//!
//! Follows kubernetes v1.36 plugins/noderesources/balanced_allocation.go.

use sim::Gather as _;

use crate::framework::{Cycle, MAX_NODE_SCORE, Plugin, PreScore};

#[derive(Debug)]
pub struct BalancedAllocation;

impl Plugin for BalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn has_filter(&self) -> bool {
        false
    }

    fn weight(&self) -> i64 {
        1
    }

    fn pre_score(&self, cycle: &mut Cycle<'_>, _feasible: &[usize]) -> PreScore {
        let requests = &cycle.pod.requests.placed;
        if requests.milli_cpu == 0 && requests.memory == 0 { PreScore::Skip } else { PreScore::Run }
    }

    fn score(&self, cycle: &Cycle<'_>, feasible: &[usize]) -> Vec<i64> {
        let requests = &cycle.pod.requests.placed;
        let nodes = cycle.snapshot.nodes();
        let score = |at: &usize| {
            let (has, taken) = (&nodes[*at].allocatable, &nodes[*at].requested);
            let without = balance([(taken.milli_cpu, has.milli_cpu), (taken.memory, has.memory)]);
            let cpu = taken.milli_cpu + requests.milli_cpu;
            let with = balance([(cpu, has.milli_cpu), (taken.memory + requests.memory, has.memory)]);
            MAX_NODE_SCORE / 2 + (MAX_NODE_SCORE / 2 + with - without) / 2
        };
        feasible.iter().map(score).gather()
    }
}

/// 100 where both resources are used alike. A node that lacks one of them is in balance.
fn balance(both: [(i64, i64); 2]) -> i64 {
    let share = |(used, capacity): (i64, i64)| (used as f64 / capacity as f64).min(1.0);
    let apart =
        if both.iter().any(|it| it.1 == 0) { 0.0 } else { ((share(both[0]) - share(both[1])) / 2.0).abs() };
    ((1.0 - apart) * MAX_NODE_SCORE as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_use_is_best() {
        assert_eq!(balance([(1, 2), (2, 4)]), 100);
        assert_eq!(balance([(2, 2), (0, 4)]), 50);
        assert_eq!(balance([(2, 2), (0, 0)]), 100);
    }
}
