//! Prefers nodes that have the Pod's images already.
//!
//! Follows kubernetes v1.36 plugins/imagelocality.

use sim::Gather as _;

use crate::framework::{Cycle, MAX_NODE_SCORE, Plugin};

#[derive(Debug)]
pub struct ImageLocality;

const MIB: i64 = 1024 * 1024;
const SUM_MIN: i64 = 23 * MIB;
const CONTAINER_MAX: i64 = 1000 * MIB;

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        "ImageLocality"
    }

    fn has_filter(&self) -> bool {
        false
    }

    fn weight(&self) -> i64 {
        1
    }

    fn score(&self, cycle: &Cycle<'_>, feasible: &[usize]) -> Vec<i64> {
        let nodes = cycle.snapshot.nodes();
        // An image counts by the share of the nodes that have it, so that not all Pods gather where the image is.
        let known: Vec<(&str, i64)> = cycle
            .pod
            .images
            .iter()
            .filter_map(|name| {
                let state = cycle.snapshot.image(name)?;
                let spread = f64::from(state.nodes) / nodes.len() as f64;
                Some((&**name, (state.size as f64 * spread) as i64))
            })
            .gather();
        if known.is_empty() {
            return vec![0; feasible.len()];
        }
        let highest = CONTAINER_MAX * cycle.pod.container_count;
        let score = |at: &usize| {
            let present = known.iter().filter(|it| nodes[*at].has_image(it.0));
            let sum: i64 = present.map(|it| it.1).sum();
            MAX_NODE_SCORE * (sum.min(highest).max(SUM_MIN) - SUM_MIN) / (highest - SUM_MIN)
        };
        feasible.iter().map(score).gather()
    }
}
