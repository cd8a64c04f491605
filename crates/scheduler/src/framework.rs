//! The extension points and the default profile.

use std::sync::Arc;

use crate::decision::Rejection;
use crate::node_info::NodeInfo;
use crate::plugins::{
    balanced_allocation::BalancedAllocation, image_locality::ImageLocality, inter_pod_affinity,
    inter_pod_affinity::InterPodAffinity, node_affinity::NodeAffinity,
    node_declared_features::NodeDeclaredFeatures, node_name::NodeName, node_ports::NodePorts,
    node_resources_fit::NodeResourcesFit, node_unschedulable::NodeUnschedulable, pod_topology_spread,
    pod_topology_spread::PodTopologySpread, taint_toleration::TaintToleration, volumes,
};
use crate::pod_info::PodInfo;
use crate::snapshot::Snapshot;

pub const MAX_NODE_SCORE: i64 = 100;

/// What a PreFilter plugin answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreFilter {
    /// The plugin has no PreFilter: its filter is always run.
    None,
    Run,
    /// Nothing to check for this Pod: its filter is not run.
    Skip,
    /// Only these nodes come into question.
    Only(Vec<Arc<str>>),
    /// No node will do.
    Reject(Arc<str>),
}

/// What a PreScore plugin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreScore {
    Run,
    Skip,
}

/// What the plugins keep between the extension points of one attempt.
#[derive(Debug)]
pub struct Cycle<'a> {
    pub snapshot: &'a Snapshot,
    pub pod: &'a PodInfo,
    pub features: Vec<&'static str>,
    pub spread: pod_topology_spread::Hard,
    pub spread_score: pod_topology_spread::Soft,
    pub affinity: inter_pod_affinity::State,
    pub affinity_score: inter_pod_affinity::ScoreState,
    /// Places in `PROFILE` whose filters run.
    pub filters: Vec<usize>,
}

impl<'a> Cycle<'a> {
    pub fn new(snapshot: &'a Snapshot, pod: &'a PodInfo) -> Cycle<'a> {
        Cycle {
            snapshot,
            pod,
            features: Vec::new(),
            spread: pod_topology_spread::Hard::default(),
            spread_score: pod_topology_spread::Soft::default(),
            affinity: inter_pod_affinity::State::default(),
            affinity_score: inter_pod_affinity::ScoreState::default(),
            filters: Vec::new(),
        }
    }
}

/// What differs on one node while Pods are added to it or taken from it in thought.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    pub spread: Vec<i64>,
    pub affinity: inter_pod_affinity::Delta,
}

/// A node that is being checked. With an overlay `info` is a copy with other Pods.
#[derive(Debug, Clone, Copy)]
pub struct NodeView<'a> {
    pub index: usize,
    pub info: &'a NodeInfo,
    pub overlay: Option<&'a Overlay>,
}

/// Something that happened in the cluster and may let a waiting Pod find its place.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    NodeAdded(&'a NodeInfo),
    NodeUpdated {
        old: &'a NodeInfo,
        new: &'a NodeInfo,
    },
    NodeDeleted(&'a NodeInfo),
    /// A Pod on a node.
    PodAdded(&'a PodInfo),
    PodUpdated {
        old: &'a PodInfo,
        new: &'a PodInfo,
    },
    PodDeleted(&'a PodInfo),
    /// The waiting Pod itself.
    OwnUpdate {
        old: &'a PodInfo,
        new: &'a PodInfo,
    },
}

/// The kinds of event that a plugin waits for after it has turned a Pod down: what the page tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WakeEvent {
    NodeAdded,
    NodeDeleted,
    NodeLabels,
    NodeTaints,
    NodeAllocatable,
    NodeFeatures,
    PodAdded,
    PodLabels,
    PodScaledDown,
    PodDeleted,
    OwnTolerations,
    OwnGates,
}

/// A rule of the scheduler. Plugins are unit structs in one table; an extension point that one lacks does nothing.
pub trait Plugin: Sync {
    fn name(&self) -> &'static str;

    fn pre_filter(&self, _cycle: &mut Cycle<'_>) -> PreFilter {
        PreFilter::None
    }

    fn has_filter(&self) -> bool {
        true
    }

    fn filter(&self, _cycle: &Cycle<'_>, _node: NodeView<'_>) -> Result<(), Rejection> {
        Ok(())
    }

    /// Whether the filter lets this Pod onto every node, so that asking it can be spared. Not told to anybody, unlike
    /// `PreFilter::Skip`: the real one is asked.
    fn admits_everywhere(&self, _pod: &PodInfo) -> bool {
        false
    }

    /// A Pod comes onto the node (`sign` 1) or leaves it (-1) in thought.
    fn update(&self, _cycle: &Cycle<'_>, _overlay: &mut Overlay, _node: usize, _pod: &PodInfo, _sign: i64) {}

    /// 0: the plugin does not score.
    fn weight(&self) -> i64 {
        0
    }

    /// `feasible` are places of nodes in the snapshot.
    fn pre_score(&self, _cycle: &mut Cycle<'_>, _feasible: &[usize]) -> PreScore {
        PreScore::Run
    }

    /// One score for each feasible node.
    fn score(&self, _cycle: &Cycle<'_>, feasible: &[usize]) -> Vec<i64> {
        vec![0; feasible.len()]
    }

    /// To 0…100.
    fn normalize(&self, _cycle: &Cycle<'_>, _feasible: &[usize], _scores: &mut [i64]) {}

    /// After which events a Pod that this plugin turned down is looked at again…
    fn wake_events(&self) -> &'static [WakeEvent] {
        &[]
    }

    /// …and whether this one may help it.
    fn may_help(&self, _waiting: &PodInfo, _change: Change<'_>) -> bool {
        false
    }
}

// Follows kubernetes v1.36 pkg/scheduler/apis/config/v1/default_plugins.go: order and weights.
/// Filters first, in the order in which they run; the last two only score.
pub static PROFILE: [&dyn Plugin; 16] = [
    &NodeUnschedulable,
    &NodeName,
    &TaintToleration,
    &NodeAffinity,
    &NodePorts,
    &NodeResourcesFit,
    &volumes::VolumeRestrictions,
    &volumes::NodeVolumeLimits,
    &volumes::VolumeBinding,
    &volumes::VolumeZone,
    &PodTopologySpread,
    &InterPodAffinity,
    &volumes::DynamicResources,
    &NodeDeclaredFeatures,
    &BalancedAllocation,
    &ImageLocality,
];

// Follows kubernetes v1.36 plugins/helper/normalize_score.go: DefaultNormalizeScore.
pub fn normalize_by_highest(scores: &mut [i64], reverse: bool) {
    let highest = scores.iter().copied().max().unwrap_or(0).max(0);
    for score in scores {
        let share = (MAX_NODE_SCORE * *score).checked_div(highest).unwrap_or(0);
        *score = if reverse { MAX_NODE_SCORE - share } else { share };
    }
}
