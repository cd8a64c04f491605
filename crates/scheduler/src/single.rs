//! One plugin alone, as its own tables of tests see it.

use std::sync::Arc;

use sim::Gather as _;

use crate::decision::Rejection;
use crate::framework::{Change, Cycle, NodeView, PROFILE, Plugin, PreFilter, PreScore};
use crate::pod_info::PodInfo;
use crate::snapshot::Snapshot;

fn plugin(name: &str) -> &'static dyn Plugin {
    *PROFILE.iter().find(|it| it.name() == name).expect("a plugin of the profile")
}

/// What a filter says about each node.
pub type Verdicts = Vec<(Arc<str>, Result<(), Rejection>)>;

/// What its PreFilter says, and its filter about each node.
pub fn filter(name: &str, snapshot: &Snapshot, pod: &PodInfo) -> (PreFilter, Verdicts) {
    let (plugin, mut cycle) = (plugin(name), Cycle::new(snapshot, pod));
    let answer = plugin.pre_filter(&mut cycle);
    let check = |(index, info): (usize, &Arc<crate::NodeInfo>)| {
        (info.name.clone(), plugin.filter(&cycle, NodeView { index, info, overlay: None }))
    };
    let verdicts = snapshot.nodes().iter().enumerate().map(check).gather();
    (answer, verdicts)
}

/// Normalised scores of these nodes; `None` where its PreScore skips.
pub fn score(name: &str, snapshot: &Snapshot, pod: &PodInfo, nodes: &[&str]) -> Option<Vec<(Arc<str>, i64)>> {
    let (plugin, mut cycle) = (plugin(name), Cycle::new(snapshot, pod));
    let mut feasible: Vec<usize> = nodes.iter().filter_map(|it| snapshot.node_index(it)).gather();
    feasible.sort_unstable();
    if plugin.pre_score(&mut cycle, &feasible) == PreScore::Skip {
        return None;
    }
    let mut scores = plugin.score(&cycle, &feasible);
    plugin.normalize(&cycle, &feasible, &mut scores);
    Some(feasible.iter().map(|it| snapshot.nodes()[*it].name.clone()).zip(scores).gather())
}

/// Whether a Pod that it turned down is worth another look after this.
pub fn may_help(name: &str, waiting: &PodInfo, change: Change<'_>) -> bool {
    plugin(name).may_help(waiting, change)
}
